//! The clocks of one incident: started, warned, answered or missed, paused, and computed again after a change of
//! the severity.
//!
//! `history` is a pure function of the facts up to an instant. A decided result never changes when later facts
//! arrive. Instants are whole seconds.

mod disaster;
mod escalation;
mod goal;
mod play;

use jiff::Timestamp;

use crate::calendar::UnknownZone;
use crate::policy::{Clock, Commitments, Request};
use crate::span::Spans;

pub use disaster::disaster;
pub use escalation::{Reached, State, escalation};

/// The share of its time after which a clock warns, in percent.
const WARN_PERCENT: i64 = 80;

/// The facts of an incident that its clocks depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The earlier of the confirmation and the receipt of the first report.
    pub started: Timestamp,
    /// The severity at the start.
    pub severity: String,
    pub request: Option<Request>,
    /// In order of time.
    pub events: Vec<(Timestamp, Event)>,
}

/// A fact that a clock depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A person's words reached the reporter or the affected customers, or a call is recorded.
    Responded {
        with_estimate: bool,
    },
    /// An update reached the last of its recipients.
    Updated,
    /// The severity changes.
    Severity(String),
    Workaround,
    Acknowledged,
    /// A person escalates to the next level.
    Escalated,
    /// No mail to a contact of the level arrived in time.
    Undelivered {
        level: u8,
    },
    Paused,
    Resumed,
    /// The systems are up again.
    Recovered,
    Resolved,
    /// Another failure joined the incident after its recovery.
    Reopened,
    /// Another incident takes this one over.
    Merged,
}

/// One run of a clock. The update clock has a run for each period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub clock: Clock,
    /// The last severity under which it ran.
    pub severity: String,
    pub started: Timestamp,
    /// `None` while it is paused.
    pub due: Option<Timestamp>,
    /// 80 % of its time were used up.
    pub warned: Option<Timestamp>,
    /// When 80 % of its time will be used up.
    pub warns: Option<Timestamp>,
    /// A missed clock may be answered later.
    pub answered: Option<Timestamp>,
    /// When the result was decided: the answer, the due instant of a miss, the recovery or the merge.
    pub ended: Option<Timestamp>,
    /// The clock's own time that pauses took out.
    pub paused: Spans,
    pub result: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Running,
    /// Answered at the due instant or before.
    Met,
    Missed,
    /// The systems recovered before it was due, or the severity has no such clock.
    NotNeeded,
    Merged,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Running => "running",
            Outcome::Met => "met",
            Outcome::Missed => "missed",
            Outcome::NotNeeded => "not-needed",
            Outcome::Merged => "merged",
        }
    }
}

/// The runs of all clocks as of `at`: the facts of that second are known. A clock is missed once its due second has
/// passed.
///
/// # Errors
/// The business hours name a zone that does not exist.
pub fn history(
    commitments: &Commitments,
    incident: &Incident,
    at: Timestamp,
) -> Result<Vec<Run>, UnknownZone> {
    let mut runs = Vec::new();
    for clock in Clock::ALL {
        runs.extend(play::play(commitments, incident, clock, at)?);
    }
    Ok(runs)
}
