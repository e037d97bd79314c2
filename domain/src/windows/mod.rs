//! Maintenance windows: when a rule occurs, and how much of an occurrence has been earned.
//!
//! An occurrence is a pure function of rule and zone, never a stored timer. Planned time is
//! earned: what nobody agreed to or was told of in time is listed, and excuses nothing. Whether a
//! particular downtime is excused is decided in [`crate::accounting`], not here.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::calendar;
use crate::catalogue::{Rule, Single};
use crate::id::{CustomerId, SystemId, WindowId};
use crate::policy::Hours;
use crate::span::{Span, Spans, instant, second};

mod rules;
mod singles;

pub use rules::{occurrences, recurring};
pub use singles::{deadline, single};

/// How long before its start a recurring rule without an `agreed` date must have stood in the
/// ledger, in seconds, unless it says otherwise: seven days.
pub const DEFAULT_MIN_NOTICE_S: i64 = 7 * 86_400;

/// One version of a recurring rule of one system, and the time in which it was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleEntry {
    /// The rule.
    pub rule: Rule,
    /// The `configured` event that brought it.
    pub entered_at: Timestamp,
    /// The `configured` event that replaced or removed it.
    pub left_at: Option<Timestamp>,
}

/// What a person recorded of having told a customer of a single window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Whom.
    pub customer: CustomerId,
    /// When the customer was told.
    pub at: Timestamp,
    /// When it was recorded: later than `at` only where a second person vouched for that.
    pub recorded_at: Timestamp,
    /// Who told it.
    pub by: String,
    /// How.
    pub how: String,
    /// The second person.
    pub approved_by: Option<String>,
}

/// A single window with everything that people did about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleEntry {
    /// What was scheduled, and every change, each with when it was recorded; never empty.
    pub versions: Vec<(Timestamp, Single)>,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// For each version (by index), when each customer was first told of it: the delivery of a
    /// notice, or a person's record.
    pub told: BTreeMap<(usize, CustomerId), Timestamp>,
    /// The records of the persons among these, in their order.
    pub words: Vec<Word>,
}

/// Why an occurrence earns, or does not. Printed in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earned {
    /// By an agreement of that date.
    Agreed(jiff::civil::Date),
    /// By having been in the ledger long enough, since then.
    Known(Timestamp),
    /// Every customer was told in time; the last one then.
    Told(Timestamp),
    /// Customers who were not told in time.
    NotTold(Vec<CustomerId>),
    /// The rule came too late for this occurrence.
    TooLate,
    /// Outside the hours that the policy allows for planned work.
    OutsideHours,
    /// It was cancelled.
    Cancelled,
}

/// A part of an occurrence that earns, and since when it stood so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earning {
    /// Which part.
    pub span: Span,
    /// When this part was made: it excuses no run that began before.
    pub made_at: Timestamp,
}

/// One window of one system, as it was (or will be) held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Its id.
    pub id: WindowId,
    /// What the work is.
    pub title: String,
    /// What customers notice.
    pub impact: Option<String>,
    /// The systems concerned.
    pub systems: Vec<SystemId>,
    /// As held.
    pub span: Span,
    /// The parts that earn, disjoint and in order; empty where nothing does.
    pub earning: Vec<Earning>,
    /// Why.
    pub why: Earned,
    /// The downtime it excuses, in seconds; `None` is all.
    pub max_downtime_s: Option<i64>,
    /// How early a run may begin, in seconds.
    pub start_grace_s: i64,
    /// Whether customers are told of its start and end.
    pub tell: bool,
    /// Whether it recurs by a rule.
    pub recurring: bool,
}

/// The parts of a window that earn, each with when it was made.
///
/// `announced` are the seconds that were agreed or told in time and also held; `versions` are
/// (made at, allowance, seconds), oldest first, the last being the one that was held; `limit` is
/// the allowance that holds. A second was made with the oldest version from which on every
/// version had it. Where `limit` is more than an older version allowed, the window was widened by
/// the version that raised it, and none of it is older than that.
fn earning(
    announced: &Spans,
    versions: &[(Timestamp, Option<i64>, Spans)],
    limit: Option<i64>,
) -> Vec<Earning> {
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
        parts.extend(here.iter().map(|(from, to)| Earning {
            span: Span::new(instant(from), instant(to)),
            made_at: versions[i].0,
        }));
    }
    parts.sort_by_key(|part| part.span);
    parts
}

/// Cuts to the hours in which the policy allows planned work. Hours in a zone that does not exist
/// allow nothing: a mistake excuses no downtime.
fn within_hours(earning: &mut Vec<Earning>, hours: Option<&Hours>) {
    let (Some(hours), Some(first), Some(last)) = (hours, earning.first(), earning.last()) else {
        return;
    };
    let open = calendar::open(hours, Span::new(first.span.from, last.span.to)).unwrap_or_default();
    *earning = earning
        .iter()
        .flat_map(|part| {
            let cut = open.clip(second(part.span.from), second(part.span.to));
            cut.iter()
                .map(|(from, to)| Earning {
                    span: Span::new(instant(from), instant(to)),
                    made_at: part.made_at,
                })
                .collect::<Vec<_>>()
        })
        .collect();
}

/// The smaller allowance; `None` is no limit.
fn tighter(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (limit, None) | (None, limit) => limit,
    }
}
