//! Maintenance windows: when a rule occurs, and how much of an occurrence has been earned.
//!
//! An occurrence is a pure function of rule and zone, never a stored timer.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalogue::{Rule, Single};
use crate::id::{CustomerId, SystemId, WindowId};
use crate::span::Span;

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
