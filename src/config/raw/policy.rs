//! `policies/*.toml`: the choices that an agreement makes in the arithmetic.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::values::{ClockTime, Length, Line, Percent, Weekday, Zone};
use crate::config::words::{As, Must, Written};

/// An agreement. The file's name is its id.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["hours", "holidays", "severity", "escalation", "disaster_recovery", "clock", "warning"]))]
pub(in crate::config) struct PolicyFile {
    /// What people call it.
    pub name: Must<As<Line>>,
    /// The target of its systems that name none.
    pub target: Option<Written<As<Percent>>>,
    /// "down" counts time that nothing vouches for as downtime. Default: "unknown".
    pub unknown: Option<Written<Unknown>>,
    /// "down" counts degraded time as downtime. Default: "up".
    pub degraded: Option<Written<Degraded>>,
    /// Outages shorter than this are excluded.
    pub ignore_outages_shorter_than: Option<Written<As<Length>>>,
    /// The share of the time that must be known for a verdict on measured time. Default: 99%.
    pub min_coverage: Option<Written<As<Percent>>>,
    /// How much planned downtime a system may have in a month.
    pub monthly_allowance: Option<Written<As<Length>>>,
    /// The hours that are agreed time. All, unless given.
    pub service_hours: Option<Written<Hours>>,
    /// The hours in which planned work may earn. All, unless given.
    pub planned_hours: Option<Written<Hours>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Unknown {
    Unknown,
    Down,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Degraded {
    Up,
    Down,
}

/// Hours of the week.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["holidays"]))]
pub(in crate::config) struct Hours {
    /// The weekdays they open on.
    #[schemars(length(min = 1))]
    pub days: Must<Vec<Written<As<Weekday>>>>,
    /// The local time they open at.
    pub open: Must<As<ClockTime>>,
    /// The local time they close at; at or before the opening it is the next day's.
    pub close: Must<As<ClockTime>>,
    /// The zone of both.
    pub zone: Must<As<Zone>>,
}
