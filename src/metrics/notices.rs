//! Metrics of incidents and notices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

use domain::incident::Cause;
use domain::notice::Kind;
use domain::notices::pending;
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
