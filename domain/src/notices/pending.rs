//! Notices that are neither delivered nor given up, and since when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::due_to_others;
use crate::notice::{Address, Kind, Notice};
use crate::record::Record;

/// The addresses with a pending notice and when it was decided. A notice that was never attempted counts,
/// too: a broken template stops a notice before its first attempt.
pub fn pending(record: &Record, at: Timestamp) -> BTreeMap<Address, Timestamp> {
    let attempted = record.notices.unsent().map(|(_, outgoing)| {
        let address = outgoing.notice.recipient.address.clone();
        (address, outgoing.decided_at)
    });
    let mut pending: BTreeMap<_, _> = attempted.collect();
    for notice in due_to_others(record, &BTreeSet::new(), at).0 {
        let address = notice.recipient.address.clone();
        let owed_at = owed_at(record, &notice).unwrap_or(at);
        pending.entry(address).or_insert(owed_at);
    }
    pending
}

/// When the fact happened for which the notice is owed.
fn owed_at(record: &Record, notice: &Notice) -> Option<Timestamp> {
    let address = &notice.recipient.address;
    if let Some(report) = &notice.report {
        let entries = record.notices.report_entries();
        let own = entries.filter(|((committee, month), owed, entry)| {
            *committee == report.committee
                && *month == report.month
                && *owed == address
                && entry.kind == notice.kind
                && entry.known.is_owed()
        });
        return own.map(|(_, _, entry)| entry.owed_at).min();
    }
    if let Some(alert) = &notice.alert {
        return Some(alert.at);
    }
    if !notice.words.is_empty() {
        return notice.words.iter().map(|words| words.at).min();
    }
    match (&notice.kind, &notice.window) {
        (Kind::Uptime, _) => notice.affected.iter().filter_map(|a| a.to).max(),
        (Kind::Downtime | Kind::MaintenanceOverrun, _) | (_, None) => {
            let entries = notice.outages();
            entries
                .filter_map(|outage| record.notices.outage_entry(outage, address))
                .filter(|entry| entry.began.is_owed())
                .map(|entry| entry.owed_at)
                .min()
        }
        (_, Some(work)) => {
            let entries = record.notices.window_entries();
            entries
                .filter(|(owed, entry)| *owed == address && entry.window.id == work.id)
                .filter(|(_, entry)| entry.known.is_owed())
                .map(|(_, entry)| entry.owed_at)
                .min()
        }
    }
}
