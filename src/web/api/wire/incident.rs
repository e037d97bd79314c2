//! Incidents.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Named, Notice};

/// An incident in a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct IncidentLine {
    pub id: String,
    pub systems: Vec<Named>,
    /// `outage`, `overrun`, `declared`, `degraded` or `reported`.
    pub cause: String,
    pub severity: Option<String>,
    pub opened: Timestamp,
    pub acknowledged: Option<Acknowledged>,
    pub resolved: Option<Timestamp>,
    pub closed: Option<Timestamp>,
    /// The incident that has its outages since they were merged.
    pub merged_into: Option<String>,
    /// The texts that a report still needs.
    pub missing: Vec<String>,
    /// The clock that runs out next.
    pub next_clock: Option<Clock>,
}

/// An incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Incident {
    /// The number of the last event about it, and the value of `ETag`.
    pub version: u64,
    pub id: String,
    pub systems: Vec<Named>,
    /// `outage`, `overrun`, `declared`, `degraded` or `reported`.
    pub cause: String,
    pub severity: Option<String>,
    pub opened: Timestamp,
    pub acknowledged: Option<Acknowledged>,
    pub resolved: Option<Timestamp>,
    pub closed: Option<Timestamp>,
    /// The incident that has its outages since they were merged.
    pub merged_into: Option<String>,
    /// The texts that a report still needs.
    pub missing: Vec<String>,
    pub policy: Option<String>,
    /// The state that customers were last told.
    pub phase: Option<String>,
    /// True if it concerns security or privacy. Such an incident is never public.
    pub is_security: bool,
    pub is_paused: bool,
    pub workaround: Option<String>,
    pub outages: Vec<Outage>,
    pub clocks: Vec<Clock>,
    pub levels: Vec<Level>,
    /// The oldest first.
    pub updates: Vec<Update>,
    pub review: Review,
    pub measures: Vec<MeasureLine>,
    pub notices: Vec<Notice>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// From when it counts.
    pub at: Timestamp,
    pub by: String,
    pub recorded: Timestamp,
    /// The second person, if it counts from earlier than it was recorded.
    pub approved_by: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Outage {
    pub id: String,
    pub system: Named,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
}

/// A run of a clock.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Clock {
    pub clock: String,
    pub severity: String,
    pub started: Timestamp,
    /// Null while it is paused.
    pub due: Option<Timestamp>,
    /// When 80 % of its time was used up.
    pub warned: Option<Timestamp>,
    pub answered: Option<Timestamp>,
    /// `running`, `met`, `missed`, `not-needed` or `merged`.
    pub result: String,
}

/// A level of escalation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Level {
    pub level: u8,
    pub state: String,
    pub at: Timestamp,
    pub contacts: Vec<String>,
}

/// Words that a person posted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Update {
    pub at: Timestamp,
    pub by: String,
    pub text: String,
    /// True if customers are notified of it.
    pub public: bool,
    pub phase: Option<String>,
    /// When the problem is expected to be solved.
    pub estimate: Option<Timestamp>,
    /// When every recipient had it.
    pub delivered: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Review {
    pub summary: Option<String>,
    pub root_cause: Option<String>,
    /// `unknown`, `suspected` or `confirmed`.
    pub certainty: Option<String>,
    pub resolution: Option<String>,
}

/// A preventive measure.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MeasureLine {
    /// Counted from 1 within the incident.
    pub number: usize,
    pub text: String,
    pub owner: String,
    #[schema(value_type = String, format = Date)]
    pub due: Date,
    pub done: Option<Timestamp>,
}
