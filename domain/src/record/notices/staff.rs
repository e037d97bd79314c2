//! The fold of mails to staff: escalations, clocks that are due or missed, customers who were not told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Known, NotSent, Notices};
use crate::catalogue::{Catalogue, Contact, Customer};
use crate::clocks::{Outcome, Run, State as LevelState};
use crate::event::{Event, Fact};
use crate::handling::ClockRun;
use crate::id::{CustomerId, IncidentId, OutageId, SystemId};
use crate::notice::{About, Address, Kind, Notice};
use crate::record::{Record, numbered};

/// A mail to staff that an address is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffEntry {
    pub kind: Kind,
    pub owed_at: Timestamp,
    /// The contacts that have the address.
    pub contacts: BTreeSet<String>,
    pub matter: StaffMatter,
    pub incident: Option<IncidentId>,
    pub systems: Vec<SystemId>,
    pub known: Known,
    /// Set when it is dropped.
    pub not_sent: Option<NotSent>,
}

/// The fact that a mail to staff tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaffMatter {
    Level {
        level: u8,
        severity: String,
        /// All contacts of the level.
        contacts: Vec<String>,
        /// No contact of the level below was notified in time.
        is_passed_on: bool,
    },
    Clock(ClockRun),
    NotTold {
        customer: CustomerId,
        outages: Vec<OutageId>,
        /// Since when the customer's notice is owed.
        since: Timestamp,
        /// The last answer to it.
        reply: Option<String>,
    },
    /// A problem was reported by the public form.
    Reported {
        issue: String,
        text: String,
        received: Timestamp,
    },
}

impl StaffEntry {
    fn drop_because(&mut self, why: NotSent) {
        if self.known.is_owed() {
            self.known = self.known.dropped();
            self.not_sent = Some(why);
        }
    }
}

impl Record {
    /// The contacts that mails about these systems go to: the owners, else the operators.
    pub(crate) fn staff_of(&self, systems: &[SystemId]) -> Vec<String> {
        let catalogue = &self.catalogue;
        let configured = systems.iter().filter_map(|s| catalogue.system(s.as_str()));
        let owners: BTreeSet<String> = configured.filter_map(|s| s.owner.clone()).collect();
        match owners.is_empty() {
            true => catalogue.operators.clone(),
            false => owners.into_iter().collect(),
        }
    }

    /// Staff is owed a mail about some facts.
    pub(in crate::record) fn staff_fact(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::LevelReached {
                incident,
                level,
                severity,
                state,
                contacts,
            } if state.is_notified() => {
                let matter = StaffMatter::Level {
                    level: *level,
                    severity: severity.clone(),
                    contacts: contacts.clone(),
                    is_passed_on: *state == LevelState::PassedOn,
                };
                self.owe_about(at, Kind::Escalation, *incident, matter, contacts.clone());
            }
            Fact::ClockWarned { incident, run } => {
                self.owe_clock(at, Kind::ClockDue, *incident, run);
            }
            Fact::ClockMissed { incident, run } => {
                self.owe_clock(at, Kind::ClockMissed, *incident, run);
            }
            Fact::ProblemReported { incident, problem } => {
                if let Some(form) = &problem.form {
                    let matter = StaffMatter::Reported {
                        issue: form.issue.clone(),
                        text: problem.text.clone(),
                        received: problem.received,
                    };
                    let contacts = self.staff_of(&problem.systems);
                    self.owe_about(at, Kind::ProblemReported, *incident, matter, contacts);
                }
            }
            Fact::NoticeUndelivered {
                customer,
                outages,
                since,
                reply,
                contacts,
            } => {
                let known = outages.iter().filter_map(|o| self.outages.get(o));
                let incident = known.clone().find_map(|o| o.incident);
                let mut systems: Vec<SystemId> = known.map(|o| o.system.clone()).collect();
                systems.sort_unstable();
                systems.dedup();
                for outage in outages {
                    self.notices.untold.set_reported(*outage, customer);
                }
                let matter = StaffMatter::NotTold {
                    customer: customer.clone(),
                    outages: outages.clone(),
                    since: *since,
                    reply: reply.clone(),
                };
                self.owe_staff(at, Kind::ToldFailed, incident, systems, matter, contacts);
            }
            _ => {}
        }
        self.drop_pointless_alerts(at);
    }

    fn owe_clock(&mut self, at: Timestamp, kind: Kind, incident: IncidentId, run: &ClockRun) {
        let systems = self.incidents.get(incident).map(|i| i.systems.clone());
        let contacts = self.staff_of(&systems.unwrap_or_default());
        let matter = StaffMatter::Clock(run.clone());
        self.owe_about(at, kind, incident, matter, contacts);
    }

    fn owe_about(
        &mut self,
        at: Timestamp,
        kind: Kind,
        incident: IncidentId,
        matter: StaffMatter,
        contacts: Vec<String>,
    ) {
        let systems = self.incidents.get(incident).map(|i| i.systems.clone());
        let systems = systems.unwrap_or_default();
        self.owe_staff(at, kind, Some(incident), systems, matter, &contacts);
    }

    /// Each address of the contacts is owed a notice.
    fn owe_staff(
        &mut self,
        at: Timestamp,
        kind: Kind,
        incident: Option<IncidentId>,
        systems: Vec<SystemId>,
        matter: StaffMatter,
        contacts: &[String],
    ) {
        let catalogue = Arc::clone(&self.catalogue);
        let failed = match &matter {
            StaffMatter::NotTold { customer, .. } => catalogue.customer(customer.as_str()),
            _ => None,
        };
        let mut owed: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
        for id in contacts {
            let contact = catalogue.contacts.iter().find(|c| c.id == *id);
            for address in contact.iter().flat_map(|c| channels(&catalogue, c, failed)) {
                owed.entry(address).or_default().insert(id.clone());
            }
        }
        for (address, contacts) in owed {
            let entry = StaffEntry {
                kind,
                owed_at: at,
                contacts,
                matter: matter.clone(),
                incident,
                systems: systems.clone(),
                known: Known::No,
                not_sent: None,
            };
            let key = (self.seq, address.clone());
            self.notices.alerts.insert(key, Arc::new(entry));
            self.notices.with_alert(self.seq, &address, |_| ());
        }
    }

    /// Mails to staff that have become pointless are not sent. The end of an attempt that is under way tells if the
    /// mail arrived.
    pub(in crate::record) fn drop_pointless_alerts(&mut self, at: Timestamp) {
        let owed = self.notices.owed_alerts.iter();
        let pointless = owed.filter(|(_, address)| !self.notices.is_attempting(address));
        let pointless = pointless.filter_map(|(cause, address)| {
            let entry = self.notices.alert(*cause, address)?;
            Some((*cause, address.clone(), self.pointless(entry)?))
        });
        for (cause, address, why) in pointless.collect::<Vec<_>>() {
            self.notices
                .with_alert(cause, &address, |entry| entry.drop_because(why));
            self.drop_pointless(&address, at);
        }
    }

    /// Why a mail to staff need not be sent any more.
    pub(super) fn pointless(&self, entry: &StaffEntry) -> Option<NotSent> {
        let incident = entry.incident.and_then(|id| self.incidents.get(id));
        match &entry.matter {
            StaffMatter::Level { .. } => {
                let incident = incident?;
                if incident.merged.is_some() {
                    return Some(NotSent::Merged);
                }
                let over = incident.resolved_at.is_some() || incident.closed.is_some();
                over.then_some(NotSent::Resolved)
            }
            StaffMatter::Reported { .. } => {
                let incident = incident?;
                let over = incident.resolved_at.is_some() || incident.closed.is_some();
                over.then_some(NotSent::Resolved)
            }
            // A clock that was missed is news all the same.
            StaffMatter::Clock(_) if entry.kind == Kind::ClockMissed => None,
            StaffMatter::Clock(named) => {
                let runs = &incident?.handling.clocks.runs;
                match run_of(runs, named)?.result {
                    Outcome::Running => None,
                    Outcome::Met => Some(NotSent::Answered),
                    Outcome::Missed => Some(NotSent::Missed),
                    Outcome::NotNeeded => Some(NotSent::Resolved),
                    Outcome::Merged => Some(NotSent::Merged),
                }
            }
            StaffMatter::NotTold {
                customer, outages, ..
            } => {
                let mut known = outages.iter().filter_map(|o| self.outages.get(o));
                if known.all(|o| o.end.is_some()) {
                    return Some(NotSent::OutageOver);
                }
                let mut untold = outages.iter();
                let untold = untold.any(|o| self.notices.is_untold(*o, customer));
                (!untold).then_some(NotSent::ToldSince)
            }
        }
    }

    /// Contacts that the configuration no longer has are owed no mail.
    pub(super) fn drop_removed_staff(&mut self, at: Timestamp) {
        let catalogue = Arc::clone(&self.catalogue);
        let owed: Vec<(u64, Address)> = self.notices.owed_alerts.iter().cloned().collect();
        for (cause, address) in owed {
            let entry = self.notices.alert(cause, &address);
            let left = entry.is_some_and(|e| !is_colleague(&catalogue, e, &address));
            if left && !self.notices.is_attempting(&address) {
                self.notices.with_alert(cause, &address, |entry| {
                    entry.drop_because(NotSent::RecipientRemoved);
                });
                self.drop_pointless(&address, at);
            }
        }
    }

    /// The address knows what a mail to staff says.
    pub(super) fn learn_alert(&mut self, at: Timestamp, notice: &Notice, known: Known) {
        let Some(alert) = &notice.alert else {
            return;
        };
        let address = &notice.recipient.address;
        self.notices.with_alert(alert.cause, address, |entry| {
            if entry.known.is_owed() {
                entry.known = entry.known.after(known);
            }
        });
        let level = match (&alert.about, known) {
            (About::Level { level, .. }, Known::Yes(_)) => *level,
            _ => return,
        };
        if let Some(incident) = notice.incident {
            self.level_told(at, incident, level);
        }
    }
}

/// True while one of the entry's contacts has the address.
pub(super) fn is_colleague(catalogue: &Catalogue, entry: &StaffEntry, address: &Address) -> bool {
    let mut own = catalogue.contacts.iter();
    own.any(|c| entry.contacts.contains(&c.id) && c.has(address))
}

/// The addresses of a contact that a notice goes to. That `failed` was not reached is told by
/// another channel than those of `failed`, if the contact has one. A service that sends no mail owes
/// none.
fn channels(catalogue: &Catalogue, contact: &Contact, failed: Option<&Customer>) -> Vec<Address> {
    let sends_mail = !catalogue.mail_from.address.is_empty();
    let all = contact.addresses();
    let all: Vec<Address> = all.filter(|a| sends_mail || !a.is_mail()).collect();
    let works = |a: &&Address| {
        let mut tried = failed.into_iter().flat_map(Customer::addresses);
        !tried.any(|other| other.shares_channel_with(a))
    };
    let working: Vec<Address> = all.iter().filter(works).cloned().collect();
    match working.is_empty() {
        true => all,
        false => working,
    }
}

/// The run of a clock that the ledger names, as it is now.
pub(crate) fn run_of<'a>(runs: &'a [Run], named: &ClockRun) -> Option<&'a Run> {
    let mut all = numbered(runs);
    let found = all.find(|(n, run)| run.clock == named.clock && *n == named.number);
    found.map(|(_, run)| run)
}

impl Notices {
    /// The mail to staff about the fact of that sequence that an address is owed or got.
    pub(crate) fn alert(&self, cause: u64, address: &Address) -> Option<&StaffEntry> {
        let found = self.alerts.get(&(cause, address.clone()));
        found.map(|entry| &**entry)
    }

    /// Every mail to staff, with the sequence of its fact and its address.
    pub fn alerts(&self) -> impl Iterator<Item = (u64, &Address, &StaffEntry)> {
        let all = self.alerts.iter();
        all.map(|((cause, address), entry)| (*cause, address, &**entry))
    }

    /// Changes an entry, and keeps the list of what is owed.
    pub(super) fn with_alert(
        &mut self,
        cause: u64,
        address: &Address,
        change: impl FnOnce(&mut StaffEntry),
    ) {
        let key = (cause, address.clone());
        let Some(entry) = self.alerts.get_mut(&key) else {
            return;
        };
        let entry = Arc::make_mut(entry);
        change(entry);
        let owed = entry.known.is_owed();
        if owed {
            self.owed_alerts.insert(key);
        } else {
            self.owed_alerts.remove(&key);
        }
        self.with_channel(address, |channel| {
            if owed {
                channel.alerts.insert(cause);
            } else {
                channel.alerts.remove(&cause);
            }
        });
    }
}
