//! The fold of the mails about reports: who is owed a draft or a report, and who knows of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Known, Notices};
use crate::calendar::Month;
use crate::catalogue::{Catalogue, Committee};
use crate::id::{CommitteeId, IncidentId};
use crate::notice::{Address, Kind, Notice};
use crate::record::Record;

/// A report: the committee and the month.
pub type ReportKey = (CommitteeId, Month);

/// A mail about a report that an address is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportEntry {
    /// `report-draft` or `report`.
    pub kind: Kind,
    /// The ledger sequence of the fact that opened the entry.
    pub cause: u64,
    pub owed_at: Timestamp,
    /// The contacts with this address who owe texts; empty for a `report`.
    pub contacts: BTreeSet<String>,
    /// The revision of a `report`.
    pub revision: u32,
    pub known: Known,
}

impl Record {
    /// The contacts are owed the draft of a report.
    pub(in crate::record) fn owe_draft(
        &mut self,
        at: Timestamp,
        committee: &CommitteeId,
        month: Month,
        contacts: &[String],
    ) {
        let catalogue = Arc::clone(&self.catalogue);
        let mut owed: std::collections::BTreeMap<Address, BTreeSet<String>> = Default::default();
        for id in contacts {
            let contact = catalogue.contacts.iter().find(|c| c.id == *id);
            if let Some(email) = contact.and_then(|c| c.email.clone()) {
                let address = Address::Mail(email);
                owed.entry(address).or_default().insert(id.clone());
            }
        }
        for (address, contacts) in owed {
            let entry = ReportEntry {
                kind: Kind::ReportDraft,
                cause: self.seq,
                owed_at: at,
                contacts,
                revision: 0,
                known: Known::No,
            };
            self.owe_mail((committee.clone(), month), &address, entry);
        }
    }

    /// Every member of the committee is owed the report.
    pub(in crate::record) fn owe_report(
        &mut self,
        at: Timestamp,
        committee: &CommitteeId,
        month: Month,
        revision: u32,
    ) {
        let catalogue = Arc::clone(&self.catalogue);
        let Some(configured) = catalogue.committee(committee.as_str()) else {
            return;
        };
        // A service that sends no mail owes none.
        if catalogue.mail_from.address.is_empty() {
            return;
        }
        for member in &configured.members {
            let address = Address::Mail(member.clone());
            let entry = ReportEntry {
                kind: Kind::Report,
                cause: self.seq,
                owed_at: at,
                contacts: BTreeSet::new(),
                revision,
                known: Known::No,
            };
            self.owe_mail((committee.clone(), month), &address, entry);
        }
    }

    fn owe_mail(&mut self, key: ReportKey, address: &Address, entry: ReportEntry) {
        self.notices.with_report(&key, address, |entries| {
            // A reminder takes the place of an earlier one that was not delivered.
            let earlier = entries.iter_mut();
            for before in earlier.filter(|e| e.kind == Kind::ReportDraft && entry.kind == e.kind) {
                before.known = before.known.dropped();
            }
            entries.push(entry);
        });
    }

    /// An approval of the report withdraws the drafts that contacts are still owed.
    pub(in crate::record) fn drop_drafts(
        &mut self,
        committee: &CommitteeId,
        month: Month,
        at: Timestamp,
    ) {
        let key = (committee.clone(), month);
        self.drop_mails(&key, at, |_, entry| entry.kind == Kind::ReportDraft);
    }

    /// A meeting that has begun needs no reminder.
    pub(in crate::record) fn drop_late_drafts(&mut self, at: Timestamp) {
        for key in self.notices.owed_reports() {
            let report = self.reports.get(&key.0, key.1);
            let late = report.is_some_and(|r| r.meeting_at.is_some_and(|meeting| meeting <= at));
            if late {
                self.drop_mails(&key, at, |_, entry| entry.kind == Kind::ReportDraft);
            }
        }
    }

    /// Drops draft mails that were not delivered and whose texts are all written now. The address
    /// still owes the texts of other incidents.
    pub(in crate::record) fn drop_written_drafts(&mut self, at: Timestamp) {
        let is_written = |id: IncidentId| {
            let incident = self.incidents.get(id);
            incident.is_none_or(|i| i.closed_without.is_some() || i.missing().is_empty())
        };
        let unsent = self.notices.unsent().map(|(_, outgoing)| &outgoing.notice);
        let drafts = unsent.filter(|notice| notice.kind == Kind::ReportDraft);
        let written = drafts.filter(|notice| {
            let mut missing = notice.report.iter().flat_map(|r| &r.missing);
            missing.all(|said| is_written(said.incident))
        });
        let written: Vec<Address> = written.map(|n| n.recipient.address.clone()).collect();
        for address in written {
            if !self.notices.is_attempting(&address) {
                self.notices.supersede(&address, at, None);
            }
        }
    }

    /// People who left the committee or the staff are owed no mail any more.
    pub(in crate::record) fn drop_removed_readers(&mut self, at: Timestamp) {
        let catalogue = Arc::clone(&self.catalogue);
        for key in self.notices.owed_reports() {
            self.drop_mails(&key, at, |address, entry| {
                !reads_report(&catalogue, &key, address, entry)
            });
        }
    }

    fn drop_mails(
        &mut self,
        key: &ReportKey,
        at: Timestamp,
        needless: impl Fn(&Address, &ReportEntry) -> bool,
    ) {
        for address in self.notices.owed_report(key) {
            if self.notices.is_attempting(&address) {
                continue;
            }
            self.notices.with_report(key, &address, |entries| {
                let owed = entries.iter_mut().filter(|e| e.known.is_owed());
                for entry in owed.filter(|e| needless(&address, e)) {
                    entry.known = entry.known.dropped();
                }
            });
            self.drop_pointless(&address, at);
        }
    }

    /// The address knows what a mail about a report says. It replaces what was owed before it.
    pub(super) fn learn_report(&mut self, notice: &Notice, known: Known) {
        let Some(report) = &notice.report else {
            return;
        };
        let key = (report.committee.clone(), report.month);
        let address = &notice.recipient.address;
        self.notices.with_report(&key, address, |entries| {
            let is_it = |e: &ReportEntry| {
                e.kind == notice.kind && e.revision == report.revision && e.known.is_owed()
            };
            let Some(at) = entries.iter().rposition(is_it) else {
                return;
            };
            entries[at].known = entries[at].known.after(known);
            let earlier = entries[..at].iter_mut();
            for before in earlier.filter(|e| e.kind == notice.kind && e.known.is_owed()) {
                before.known = before.known.dropped();
            }
        });
    }

    /// When the entry was opened that a mail about a report answers.
    pub(super) fn report_decided_at(&self, notice: &Notice) -> Option<Timestamp> {
        let report = notice.report.as_ref()?;
        let key = (report.committee.clone(), report.month);
        let entries = self.notices.report(&key, &notice.recipient.address).iter();
        let owed = entries.filter(|e| e.kind == notice.kind && e.known.is_owed());
        owed.map(|e| e.owed_at).max()
    }
}

/// True while the address belongs to a member of the committee, or to a contact who owes texts.
pub(super) fn reads_report(
    catalogue: &Catalogue,
    key: &ReportKey,
    address: &Address,
    entry: &ReportEntry,
) -> bool {
    if entry.kind == Kind::Report {
        let committee = catalogue.committee(key.0.as_str());
        let member = |c: &Committee| match address {
            Address::Mail(mail) => c.members.contains(mail),
            Address::Webhook(_) | Address::Reporter(_) | Address::Subscriber(_) => false,
        };
        return committee.is_some_and(member);
    }
    let mut own = catalogue.contacts.iter();
    own.any(|c| entry.contacts.contains(&c.id) && c.has(address))
}

impl Known {
    /// Superseded; perhaps the address knows.
    pub(super) fn dropped(self) -> Known {
        match self {
            Known::No => Known::Dropped,
            Known::Lost(id) => Known::Perhaps(id),
            other => other,
        }
    }
}

impl Notices {
    /// The mails about a report that an address is owed or got, oldest first.
    pub(crate) fn report(&self, key: &ReportKey, address: &Address) -> &[ReportEntry] {
        let found = self.reports.get(&(key.clone(), address.clone()));
        found.map_or(&[], |entries| entries.as_slice())
    }

    /// Every entry about reports, with its report and address.
    pub fn report_entries(&self) -> impl Iterator<Item = (&ReportKey, &Address, &ReportEntry)> {
        let all = self.reports.iter();
        all.flat_map(|((key, address), entries)| entries.iter().map(move |e| (key, address, e)))
    }

    /// Reports of which an address is owed a mail.
    fn owed_reports(&self) -> BTreeSet<ReportKey> {
        let active = self.active.iter().filter_map(|a| self.channels.get(a));
        active.flat_map(|c| c.reports.iter().cloned()).collect()
    }

    /// The addresses that are owed a mail about a report.
    fn owed_report(&self, key: &ReportKey) -> Vec<Address> {
        let owed = |a: &&Address| {
            let channel = self.channels.get(*a);
            channel.is_some_and(|c| c.reports.contains(key))
        };
        self.active.iter().filter(owed).cloned().collect()
    }

    /// Changes the entries about a report, and keeps the list of what is owed.
    pub(super) fn with_report(
        &mut self,
        key: &ReportKey,
        address: &Address,
        change: impl FnOnce(&mut Vec<ReportEntry>),
    ) {
        let place = (key.clone(), address.clone());
        let entries = Arc::make_mut(self.reports.entry(place).or_default());
        change(entries);
        let owed = entries.iter().any(|e| e.known.is_owed());
        self.with_channel(address, |channel| {
            if owed {
                channel.reports.insert(key.clone());
            } else {
                channel.reports.remove(key);
            }
        });
    }
}
