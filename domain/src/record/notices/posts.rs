//! The fold of what people write about incidents: which address is owed an update or a correction.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::fold::Audience;
use super::{FIRST_SUBSCRIBER, Known, Notices};
use crate::handling::Problem;
use crate::id::{CustomerId, IncidentId};
use crate::incident::Incident;
use crate::notice::{Address, Kind, Notice};
use crate::record::Record;

/// Words about an incident that an address is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostEntry {
    /// `update` or `correction`.
    pub kind: Kind,
    /// The number of the update within its incident, from 1; 0 is the correction.
    pub number: u32,
    /// The ledger sequence of the fact that opened the entry.
    pub cause: u64,
    /// When the words were posted.
    pub owed_at: Timestamp,
    /// The customers that have the address.
    pub customers: BTreeSet<CustomerId>,
    pub known: Known,
}

impl Record {
    /// Every address of the customers of an incident's systems is owed its newest update.
    pub(in crate::record) fn owe_update(&mut self, at: Timestamp, id: IncidentId) {
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        let number = u32::try_from(incident.updates.len()).unwrap_or(u32::MAX);
        let audience = self.audience_of(incident);
        let systems = incident.systems.clone();
        if !self.is_security(id) {
            for (address, _) in self.subscribers_of(&systems) {
                self.owe_post(at, id, (Kind::Update, number), &address, BTreeSet::new());
            }
        }
        for (address, (customers, _)) in audience {
            self.owe_post(at, id, (Kind::Update, number), &address, customers);
        }
    }

    /// The addresses that updates of an incident go to: those of its systems' customers; of a report without a system,
    /// those of its customer; and the people who reported it by the public form.
    pub(super) fn audience_of(&self, incident: &Incident) -> Audience {
        let mut audience = self.audience(&incident.systems);
        for problem in &incident.handling.problems {
            if let Some(customer) = problem
                .customer
                .as_ref()
                .filter(|_| incident.systems.is_empty())
            {
                audience.extend(self.addresses_of(customer));
            }
            audience.extend(
                self.address_of_reporter(problem)
                    .map(|a| (a, Default::default())),
            );
        }
        audience
    }

    /// Where mails to the person go who reported a problem by the public form. A service that sends no mail owes none.
    fn address_of_reporter(&self, problem: &Problem) -> Option<Address> {
        let form = problem.form.as_ref()?;
        let sends_mail = !self.catalogue.mail_from.address.is_empty();
        sends_mail.then_some(Address::Reporter(form.reporter))
    }

    /// A person who reported a problem by the public form is owed its number.
    pub(in crate::record) fn owe_receipt(
        &mut self,
        at: Timestamp,
        id: IncidentId,
        problem: &Problem,
    ) {
        if let Some(address) = self.address_of_reporter(problem) {
            self.owe_post(at, id, (Kind::ProblemReceipt, 0), &address, BTreeSet::new());
        }
    }

    /// Updates that every recipient has, but for those that were refused for good or removed, and that no fact says so
    /// of yet. One recipient at least must have it. Without recipients it is delivered when it is recorded.
    pub(crate) fn delivered_updates(&self) -> Vec<(IncidentId, u32)> {
        let is_delivered = |id: IncidentId, number: u32| {
            let entries = || {
                let of = self.notices.posts_of(id);
                of.filter(|e| e.kind == Kind::Update && e.number == number)
            };
            let is_final = |e: &PostEntry| {
                matches!(e.known, Known::Yes(_) | Known::Refused(_) | Known::Dropped)
            };
            let has = |e: &PostEntry| matches!(e.known, Known::Yes(_));
            entries().all(is_final) && (entries().any(has) || entries().next().is_none())
        };
        let undelivered = self.incidents.undelivered();
        undelivered
            .filter(|(id, number)| is_delivered(*id, *number))
            .collect()
    }

    /// Every address that may know of an outage of the incident, or of words about it, is owed its
    /// correction. Updates that it did not get are withdrawn with the alarm.
    pub(in crate::record) fn owe_correction(&mut self, at: Timestamp, id: IncidentId) {
        let Some(outages) = self.incidents.get(id).map(|i| i.outages.clone()) else {
            return;
        };
        let entries = outages.iter();
        let entries = entries.flat_map(|o| self.notices.everyone_of_outage(*o));
        let notified = entries.filter(|(_, e)| e.began.is_possible() || e.ended.is_possible());
        let mut notified: Vec<(Address, BTreeSet<CustomerId>)> = notified
            .map(|(address, e)| (address.clone(), e.customers.clone()))
            .collect();
        let posts = self.notices.posts.iter().filter(|((of, _), _)| *of == id);
        for ((_, address), entries) in posts {
            let got = entries.iter().find(|e| e.known.is_possible());
            notified.extend(got.map(|e| (address.clone(), e.customers.clone())));
        }
        for address in self.notices.owed_posts(id) {
            if !self.notices.is_attempting(&address) {
                self.notices.with_posts(id, &address, |entries| {
                    let unsent = entries.iter_mut().filter(|e| e.kind == Kind::Update);
                    unsent.for_each(|e| e.known = e.known.dropped());
                });
                self.drop_pointless(&address, at);
            }
        }
        for (address, customers) in notified {
            self.owe_one_correction(at, id, &address, customers);
        }
    }

    fn owe_one_correction(
        &mut self,
        at: Timestamp,
        id: IncidentId,
        address: &Address,
        customers: BTreeSet<CustomerId>,
    ) {
        if !self.is_reader_of_incident(address, id) {
            return;
        }
        let posts = self.notices.posts(id, address);
        if !posts.iter().any(|e| e.kind == Kind::Correction) {
            self.owe_post(at, id, (Kind::Correction, 0), address, customers);
        }
    }

    /// An address that learns of a false alarm after its withdrawal is owed the correction, too. An outage
    /// that joined the incident since then is no part of the alarm.
    pub(super) fn correct_late_notice(&mut self, notice: &Notice, at: Timestamp) {
        let outages = notice.outages().filter_map(|o| self.outages.get(&o));
        let withdrawn = outages.filter_map(|outage| {
            let incident = self.incidents.get(outage.incident?)?;
            let withdrawn_at = incident.withdrawn.as_ref()?.at;
            (outage.detected_at <= withdrawn_at).then_some(incident.id)
        });
        let mut incidents: BTreeSet<IncidentId> = withdrawn.collect();
        if notice.kind == Kind::Update {
            let about = notice.incident.and_then(|id| self.incidents.get(id));
            incidents.extend(about.filter(|i| i.withdrawn.is_some()).map(|i| i.id));
        }
        for id in incidents {
            let customers = notice.recipient.customers().cloned().collect();
            self.owe_one_correction(at, id, &notice.recipient.address, customers);
        }
    }

    fn owe_post(
        &mut self,
        at: Timestamp,
        id: IncidentId,
        (kind, number): (Kind, u32),
        address: &Address,
        customers: BTreeSet<CustomerId>,
    ) {
        let entry = PostEntry {
            kind,
            number,
            cause: self.seq,
            owed_at: at,
            customers,
            known: Known::No,
        };
        self.notices
            .with_posts(id, address, |entries| entries.push(entry));
    }

    /// Addresses that no customer of the incident's systems has any more are owed no update.
    pub(super) fn drop_removed_posts(&mut self, address: &Address) {
        let Some(channel) = self.notices.channels.get(address).cloned() else {
            return;
        };
        for id in &channel.posts {
            let incident = self.incidents.get(*id);
            if incident.is_some_and(|i| self.audience_of(i).contains_key(address)) {
                continue;
            }
            self.notices.with_posts(*id, address, |entries| {
                let unsent = entries.iter_mut().filter(|e| e.kind == Kind::Update);
                unsent.for_each(|e| e.known = e.known.dropped());
            });
        }
    }

    /// The address knows the words of the message, as certainly as `known` says.
    pub(super) fn learn_post(&mut self, notice: &Notice, known: Known) {
        let Some(id) = notice.incident else {
            return;
        };
        let said = |e: &PostEntry| {
            e.kind == notice.kind && notice.words.iter().any(|words| words.number == e.number)
        };
        self.notices
            .with_posts(id, &notice.recipient.address, |entries| {
                for entry in entries.iter_mut().filter(|e| said(e) && e.known.is_owed()) {
                    entry.known = entry.known.after(known);
                }
            });
    }

    /// When the last of the words in a message was posted.
    pub(super) fn post_decided_at(&self, notice: &Notice) -> Option<Timestamp> {
        notice.words.iter().map(|words| words.at).max()
    }
}

impl Notices {
    /// The words about an incident that an address is owed or got, oldest first.
    pub fn posts(&self, id: IncidentId, address: &Address) -> &[PostEntry] {
        let found = self.posts.get(&(id, address.clone()));
        found.map_or(&[], |entries| entries.as_slice())
    }

    /// The entries of all addresses about words on an incident but those of subscribers.
    fn posts_of(&self, id: IncidentId) -> impl Iterator<Item = &PostEntry> {
        let from = (id, Address::Mail(String::new()));
        let own = self.posts.range(from..(id, FIRST_SUBSCRIBER));
        own.flat_map(|(_, entries)| entries.iter())
    }

    /// Every entry about words of people, with its incident and address; none of subscribers.
    pub fn post_entries(&self) -> impl Iterator<Item = (IncidentId, &Address, &PostEntry)> {
        let all = self.posts.iter();
        let all = all.filter(|((_, address), _)| address.subscriber().is_none());
        all.flat_map(|((id, address), entries)| entries.iter().map(move |e| (*id, address, e)))
    }

    /// The addresses that are owed words about an incident.
    fn owed_posts(&self, id: IncidentId) -> Vec<Address> {
        let owed = |a: &&Address| {
            let channel = self.channels.get(*a);
            channel.is_some_and(|c| c.posts.contains(&id))
        };
        self.active.iter().filter(owed).cloned().collect()
    }

    /// Changes the entries about an incident, and keeps the list of what is owed.
    pub(super) fn with_posts(
        &mut self,
        id: IncidentId,
        address: &Address,
        change: impl FnOnce(&mut Vec<PostEntry>),
    ) {
        let entries = Arc::make_mut(self.posts.entry((id, address.clone())).or_default());
        change(entries);
        let owed = entries.iter().any(|e| e.known.is_owed());
        if address.subscriber().is_some() {
            self.subscribers_know.incidents.insert(id);
        }
        self.with_channel(address, |channel| {
            if owed {
                channel.posts.insert(id);
            } else {
                channel.posts.remove(&id);
            }
        });
    }
}
