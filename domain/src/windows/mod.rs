//! Maintenance windows: when they occur, and which parts of an occurrence are earned.
//!
//! An occurrence is computed from the rule and the zone; it is never stored. A part that was not
//! agreed, or not announced in time, makes no downtime planned. [`crate::accounting`] decides which
//! downtime is planned.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::calendar;
use crate::catalogue::{Rule, Single};
use crate::id::{CustomerId, SystemId, WindowId};
use crate::policy::Hours;
use crate::span::{Span, Spans, instant, second};

mod one_off;
mod recurring;

pub use one_off::{notice_deadline, one_off};
pub use recurring::{occurrences, recurring};

/// How long a recurring window without an `agreed` date must be in the ledger before an occurrence,
/// in seconds, if it names no `min_notice`: seven days.
pub const DEFAULT_MIN_NOTICE_S: i64 = 7 * 86_400;

/// One version of a recurring window of one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    pub rule: Rule,
    /// The time of the `configured` event that brought it.
    pub entered_at: Timestamp,
    /// The time of the `configured` event that replaced or removed it.
    pub left_at: Option<Timestamp>,
}

/// A person's record that a customer was told about a one-off window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerTold {
    pub customer: CustomerId,
    pub at: Timestamp,
    /// Later than `at` only if a second person approved the earlier time.
    pub recorded_at: Timestamp,
    pub by: String,
    pub how: String,
    pub approved_by: Option<String>,
}

/// A one-off window with everything that people did about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOffHistory {
    /// The window as scheduled and each change, with the time of its record; never empty.
    pub versions: Vec<(Timestamp, Single)>,
    pub cancelled_at: Option<Timestamp>,
    /// For each version (by index), when each customer was first told about it, by a delivered
    /// notice or by a person.
    pub told: BTreeMap<(usize, CustomerId), Timestamp>,
    /// The records of persons, in order.
    pub told_by_people: Vec<CustomerTold>,
}

/// The reason why an occurrence is earned or not. The report prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earned {
    /// Agreed on that date.
    Agreed(jiff::civil::Date),
    /// In the ledger long enough, since then.
    Known(Timestamp),
    /// Every customer was told in time, the last one then.
    Told(Timestamp),
    /// These customers were not told in time.
    NotTold(Vec<CustomerId>),
    /// The rule was configured too late for this occurrence.
    TooLate,
    /// Outside the hours that the policy allows for planned work.
    OutsideHours,
    Cancelled,
}

/// A part of an occurrence that is earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarnedPart {
    pub span: Span,
    /// When this part was made. Downtime that began before is not planned by it.
    pub made_at: Timestamp,
}

/// One window of one system, as it was or will be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub id: WindowId,
    pub title: String,
    /// The effects of the work on customers.
    pub impact: Option<String>,
    pub systems: Vec<SystemId>,
    /// As held.
    pub span: Span,
    /// Disjoint and in order; empty if nothing is earned.
    pub earned_parts: Vec<EarnedPart>,
    pub why: Earned,
    /// The downtime that it makes planned, in seconds; `None` is all.
    pub max_downtime_s: Option<i64>,
    /// How many seconds before the window downtime may begin.
    pub start_grace_s: i64,
    /// True if customers are notified of its start and end.
    pub tell: bool,
    /// How long before its start customers are reminded, in seconds, the longest first.
    pub announce_s: Vec<i64>,
    pub recurring: bool,
}

/// The earned parts of a window.
///
/// * `announced`: the seconds that were agreed or announced in time, and held.
/// * `versions`: (made at, allowance, seconds), oldest first; the last is the one that was held.
/// * `limit`: the allowance that holds.
///
/// A second was made with the oldest version from which on every version has it. Where `limit` is
/// more than an older version allowed, no part is older than the version that raised it.
fn earned_parts(
    announced: &Spans,
    versions: &[(Timestamp, Option<i64>, Spans)],
    limit: Option<i64>,
) -> Vec<EarnedPart> {
    let raises = |older: Option<i64>| older.is_some_and(|o| limit.is_none_or(|l| l > o));
    let first = versions
        .iter()
        .rposition(|(_, allowed, _)| raises(*allowed))
        .map_or(0, |older| (older + 1).min(versions.len() - 1));
    let mut left = announced.clone();
    let mut parts = Vec::new();
    for i in (first..versions.len()).rev() {
        left = left.intersection(&versions[i].2);
        let here = if i == first {
            left.clone()
        } else {
            left.difference(&versions[i - 1].2)
        };
        parts.extend(here.iter().map(|(from, to)| EarnedPart {
            span: Span::new(instant(from), instant(to)),
            made_at: versions[i].0,
        }));
    }
    parts.sort_by_key(|part| part.span);
    parts
}

/// Cuts the parts to the hours in which the policy allows planned work. Hours in an unknown zone
/// allow nothing, so that a mistake makes no downtime planned.
fn cut_to_hours(parts: &mut Vec<EarnedPart>, hours: Option<&Hours>) {
    let (Some(hours), Some(first), Some(last)) = (hours, parts.first(), parts.last()) else {
        return;
    };
    let open = calendar::open(hours, Span::new(first.span.from, last.span.to)).unwrap_or_default();
    let cut = parts.iter().flat_map(|part| {
        let open = open.clip(second(part.span.from), second(part.span.to));
        let spans: Vec<_> = open.iter().collect();
        spans.into_iter().map(|(from, to)| EarnedPart {
            span: Span::new(instant(from), instant(to)),
            made_at: part.made_at,
        })
    });
    *parts = cut.collect();
}

/// The smaller allowance; `None` is no limit.
fn smaller(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (limit, None) | (None, limit) => limit,
    }
}
