//! Metrics of incidents and notices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

use domain::incident::Cause;
use domain::notice::{Address, Kind, Notice};
use domain::notices::due_to_others;
use domain::record::{Record, Standing};
use jiff::Timestamp;

use super::Source;
use super::page::Page;

pub fn add_pending(page: &mut Page, record: &Record, at: Timestamp) {
    let pending = pending(record, at);
    page.value(
        "nines_outbox_notices",
        "Notices that are neither delivered nor given up.",
        pending.len() as u64,
    );
    page.value(
        "nines_outbox_oldest_notice_timestamp_seconds",
        "Time when the oldest pending notice was decided. Absent without a pending notice.",
        pending.into_values().min(),
    );
}

/// The customers who have not been told of an outage that goes on, ten minutes after their notice was owed.
pub fn add_untold(page: &mut Page, record: &Record) {
    let untold: BTreeSet<_> = record
        .untold_customers()
        .map(|(_, customer)| customer)
        .collect();
    page.value(
        "nines_customers_not_told",
        "Customers who have not been told of an outage that goes on, ten minutes after their notice was due.",
        untold.len() as u64,
    );
}

/// Subscribers are counted and never named.
pub fn add_subscribers(page: &mut Page, source: &Source) {
    let unconfirmed = &source.shared.counters.unconfirmed_subscriptions;
    page.gauge(
        "nines_subscribers",
        "People who subscribed by mail on the public page, by state: confirmed, or pending until they confirm.",
        |series| {
            let confirmed = source.record.subscribers.count() as u64;
            series.add(&[("state", "confirmed")], confirmed);
            series.add(&[("state", "pending")], unconfirmed.load(Relaxed));
        },
    );
}

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

/// Totals over the whole ledger.
pub fn add_totals(page: &mut Page, record: &Record) {
    page.gauge(
        "nines_incidents_open",
        "Unresolved incidents by cause.",
        |series| {
            let unresolved = |cause| {
                let incidents = record.incidents.unresolved();
                incidents
                    .filter(|i| i.closed.is_none())
                    .filter(|i| i.cause == cause)
                    .count() as u64
            };
            series.add(&[("cause", "outage")], unresolved(Cause::Outage));
            series.add(&[("cause", "overrun")], unresolved(Cause::Overrun));
            series.add(&[("cause", "declared")], unresolved(Cause::Declared));
            series.add(&[("cause", "degraded")], unresolved(Cause::Degraded));
            series.add(&[("cause", "reported")], unresolved(Cause::Reported));
        },
    );
    let mut results: BTreeMap<(Kind, &str), u64> = BTreeMap::new();
    for kind in Kind::ALL {
        for result in ["sent", "rejected", "ambiguous", "superseded"] {
            results.insert((kind, result), 0);
        }
    }
    for (_, notice) in record.notices.messages() {
        let result = match notice.standing {
            Standing::Due(_) | Standing::Attempting(_) => continue,
            Standing::Sent(_) => "sent",
            Standing::Rejected(_) => "rejected",
            Standing::Ambiguous(_) => "ambiguous",
            Standing::Superseded(_) => "superseded",
        };
        *results.entry((notice.notice.kind, result)).or_default() += 1;
    }
    page.counter(
        "nines_notices_total",
        "Finished notices by kind and result.",
        |series| {
            for ((kind, result), count) in &results {
                series.add(&[("kind", kind.word()), ("result", result)], *count);
            }
        },
    );
}
