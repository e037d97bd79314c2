//! An agreement: the choices of the accounting, and the commitments of the operator.
//!
//! Everything here is stored with the configuration and knows no instant. `calendar` turns hours into spans,
//! `business_time` and `deadlines` compute with commitments.

mod commitment;
mod desk;
mod escalation;
mod facts;
mod holidays;
mod hours;
mod severity;

use serde::{Deserialize, Serialize};

use crate::id::PolicyId;

pub use commitment::{Clock, Commitment, DisasterRecovery, Feed, Measure, Period, RequestRule};
pub use desk::{Desk, DeskHours};
pub use escalation::{Level, Until};
pub use facts::{Facts, Flag, Request, State};
pub use holidays::{DayOff, Holiday, NAMED, YearDay, Yearly, observed};
pub use hours::{DayHours, Hours, LocalTime};
pub use severity::{Commitments, Condition, Severity, Workaround};

/// The choices of a policy for the accounting of a period, and its commitments. A report prints every choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The name of its file.
    pub id: PolicyId,
    /// The name for people.
    pub name: String,
    /// The target of its systems without a target of their own.
    pub target: Option<Target>,
    /// Unknown time counts as down.
    pub unknown_is_down: bool,
    /// Degraded time counts as down.
    pub degraded_is_down: bool,
    /// Outages shorter than this many seconds are excluded.
    pub ignore_shorter_s: i64,
    /// The coverage under which a figure on measured time is not determinable, in parts per million.
    pub min_coverage_ppm: u32,
    /// The planned seconds that it allows each system in a month.
    pub monthly_allowance_s: Option<i64>,
    /// How long before its start customers must be notified of a one-off window, at least, in seconds. Absent in
    /// configurations that were stored before the key existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_notice_s: Option<i64>,
    /// The hours that are agreed time; `None` is all.
    pub service_hours: Option<Hours>,
    /// The hours in which planned work may count as planned downtime; `None` is all.
    pub planned_hours: Option<Hours>,
    /// Severities, clocks and escalation. Absent in configurations that were stored before the keys existed.
    #[serde(default, skip_serializing_if = "Commitments::is_empty")]
    pub commitments: Commitments,
}

/// An availability target, exact: 99.9 % is 999 000 parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub ppm: u32,
}
