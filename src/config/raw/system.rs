//! `systems/*.toml`: a system, its probes and its recurring windows.

use schemars::JsonSchema;
use serde::Deserialize;

use super::probe::AnyProbe;
use crate::config::values::{ClockTime, Id, Length, Line, Percent, Prose, Zone};
use crate::config::words::{As, Day, Must, OneOrMany, TextOrNumber, Written};

/// A system: what a customer knows by name and can lose. The file's name is its id.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["depends_on", "group_within", "quorum", "public", "vantages"]))]
pub(in crate::config) struct SystemFile {
    /// What customers call it.
    pub name: Must<As<Line>>,
    /// The committee that oversees it.
    pub committee: Must<As<Id>>,
    /// Its agreement: the name of a file among the policies.
    pub policy: Option<Written<As<Id>>>,
    /// The share of the agreed time that it must be available; else the policy's.
    pub target: Option<Written<As<Percent>>>,
    /// "partner" for one that is watched and shown, but held against nobody.
    pub kind: Option<Written<Kind>>,
    /// What customers should do while it is down.
    pub downtime_advice: Option<Written<As<Prose>>>,
    /// The outages in an hour from which on customers are told that it is unstable, instead of each
    /// outage and each recovery: at least 2, or 0 for never. Default: 3.
    #[schemars(range(min = 0, max = 100))]
    pub flap_limit: Option<Written<u32>>,
    /// How long it must then have been up until they are told that it is. Default: 15m.
    pub flap_hold: Option<Written<As<Length>>>,
    /// The ways of testing it.
    #[schemars(length(min = 1))]
    pub probe: Must<Vec<Written<AnyProbe>>>,
    /// Recurring maintenance.
    pub maintenance: Option<Written<Vec<Written<Maintenance>>>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Kind {
    Provided,
    Partner,
}

/// A recurring maintenance window.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["announce", "systems"]))]
pub(in crate::config) struct Maintenance {
    /// Its id within the system; made from the title unless given.
    pub id: Option<Written<As<Id>>>,
    /// What the work is.
    pub title: Must<As<Line>>,
    /// What customers will notice.
    pub impact: Option<Written<As<Prose>>>,
    /// Weekdays ("sun"), or one such as "first sunday" or "last friday", or days of the month.
    pub days: Option<Written<OneOrMany<TextOrNumber>>>,
    /// Dates, in place of days.
    #[schemars(length(min = 1))]
    pub dates: Option<Written<Vec<Written<Day>>>>,
    /// The local time it starts at.
    pub start: Must<As<ClockTime>>,
    /// How much time it takes.
    pub length: Option<Written<As<Length>>>,
    /// The local time it ends at, in place of a length.
    pub end: Option<Written<As<ClockTime>>>,
    /// The zone of its local times.
    pub zone: Must<As<Zone>>,
    /// The downtime that it allows; all of it unless given.
    pub max_downtime: Option<Written<As<Length>>>,
    /// How long ahead it must be known.
    pub min_notice: Option<Written<As<Length>>>,
    /// How early its downtime may begin.
    pub start_grace: Option<Written<As<Length>>>,
    /// The date of the agreement on it.
    pub agreed: Option<Written<Day>>,
    /// Whether customers are told of its start and end. Default: false.
    pub tell: Option<Written<bool>>,
}
