//! An agreement: the choices of the arithmetic that it makes. (Clocks, severities and escalation
//! will join it here.)

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};

use crate::id::PolicyId;

/// The choices of a policy for the accounting of a period. A report prints every choice.
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
}

/// An availability target, exact: 99.9 % is 999 000 parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub ppm: u32,
}

/// Hours of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    pub weekly: Vec<DayHours>,
    /// Days, in the zone of the opening, on which no hours begin.
    pub holidays: Vec<Holiday>,
}

/// A day without hours. Rules (a weekday of a month, the federal holidays) will be further variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holiday {
    Date(Date),
}

/// `[open, close)` from one weekday on. A close at `00:00` is the end of that day. Any other close
/// that is not after the opening is on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayHours {
    #[serde(with = "crate::weekday")]
    pub weekday: Weekday,
    pub open: LocalTime,
    pub close: LocalTime,
}

/// A time of day in a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTime {
    pub time: Time,
    /// An IANA name.
    pub zone: String,
}

impl Hours {
    /// The same hours on each of these weekdays, in one zone and without holidays.
    pub fn on(
        weekdays: impl IntoIterator<Item = Weekday>,
        open: Time,
        close: Time,
        zone: &str,
    ) -> Self {
        let edge = |time| LocalTime {
            time,
            zone: zone.to_owned(),
        };
        let day = |weekday| DayHours {
            weekday,
            open: edge(open),
            close: edge(close),
        };
        Self {
            weekly: weekdays.into_iter().map(day).collect(),
            holidays: Vec::new(),
        }
    }

    pub fn is_holiday(&self, day: Date) -> bool {
        self.holidays.contains(&Holiday::Date(day))
    }

    /// The zone of all edges; `None` if they have several zones, or there are no hours.
    pub fn zone(&self) -> Option<&str> {
        let edges = || self.weekly.iter().flat_map(|day| [&day.open, &day.close]);
        let zone = edges().next()?.zone.as_str();
        edges().all(|edge| edge.zone == zone).then_some(zone)
    }

    /// True if they include every hour.
    pub fn is_always(&self) -> bool {
        let midnight = |edge: &LocalTime| edge.time == Time::midnight();
        let whole = self.weekly.iter();
        let whole = whole.filter(|d| midnight(&d.open) && midnight(&d.close));
        let days: BTreeSet<i8> = whole.map(|d| d.weekday.to_monday_zero_offset()).collect();
        days.len() == 7 && self.holidays.is_empty() && self.zone().is_some()
    }
}
