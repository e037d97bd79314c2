//! An agreement: the choices of the arithmetic that it makes. (Clocks, severities and escalation
//! will join it here.)

use std::collections::BTreeSet;

use jiff::civil::{Time, Weekday};
use serde::{Deserialize, Serialize};

use crate::catalogue::Target;
use crate::id::PolicyId;

/// How a period is accounted, as the policy chooses; a report prints every choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The name of its file.
    pub id: PolicyId,
    /// What people call it.
    pub name: String,
    /// The target of its systems that name none.
    pub target: Option<Target>,
    /// Unknown time counts as down.
    pub unknown_is_down: bool,
    /// Degraded time counts as down.
    pub degraded_is_down: bool,
    /// Outages shorter than this many seconds are excluded.
    pub ignore_shorter_s: i64,
    /// The coverage under which a figure on measured time is not determinable, in parts per million.
    pub min_coverage_ppm: u32,
    /// The planned seconds it allows a system in a month.
    pub monthly_allowance_s: Option<i64>,
    /// The hours that are agreed time; `None` is all.
    pub service_hours: Option<Hours>,
    /// The hours in which planned work may earn; `None` is all.
    pub planned_hours: Option<Hours>,
}

/// Weekly hours in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The zone (IANA).
    pub zone: String,
    /// The hours of the week.
    pub weekly: Vec<DayHours>,
}

impl Hours {
    /// Whether no hour lies outside them.
    pub fn is_always(&self) -> bool {
        let whole = self
            .weekly
            .iter()
            .filter(|d| d.open == Time::midnight() && d.close == Time::midnight());
        whole.map(|d| d.weekday % 7).collect::<BTreeSet<_>>().len() == 7
    }
}

/// `[open, close)` on one weekday; `close` at or before `open` runs into the next day, and `00:00` is
/// the end of this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayHours {
    /// Monday is 0, Sunday is 6.
    pub weekday: u8,
    /// Local opening.
    pub open: Time,
    /// Local closing.
    pub close: Time,
}

impl DayHours {
    /// The weekday. Offsets beyond 6 wrap around.
    pub fn day(&self) -> Weekday {
        const WEEK: [Weekday; 7] = [
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
            Weekday::Saturday,
            Weekday::Sunday,
        ];
        WEEK[usize::from(self.weekday % 7)]
    }
}
