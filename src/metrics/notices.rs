//! Metrics of incidents and notices.

use std::collections::BTreeMap;

use domain::event::Cause;
use domain::notice::Kind;
use domain::record::{Record, Standing};

use super::page::Page;

pub fn add_pending(page: &mut Page, record: &Record) {
    let pending = || record.notices.unsent().map(|(_, outgoing)| outgoing);
    page.value(
        "nines_outbox_notices",
        "Notices that are neither delivered nor given up.",
        pending().count() as u64,
    );
    page.value(
        "nines_outbox_oldest_notice_timestamp_seconds",
        "Time when the oldest pending notice was decided. Absent without a pending notice.",
        pending().map(|notice| notice.decided_at).min(),
    );
}

/// Totals over the whole ledger.
pub fn add_totals(page: &mut Page, record: &Record) {
    page.gauge(
        "nines_incidents_open",
        "Unresolved incidents by cause.",
        |series| {
            let unresolved = |cause| {
                let incidents = record.incidents.values();
                incidents
                    .filter(|i| i.resolved_at.is_none() && i.closed.is_none() && i.merged.is_none())
                    .filter(|i| i.cause == cause)
                    .count() as u64
            };
            series.add(&[("cause", "outage")], unresolved(Cause::Outage));
            series.add(&[("cause", "overrun")], unresolved(Cause::Overrun));
            series.add(&[("cause", "declared")], unresolved(Cause::Declared));
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
