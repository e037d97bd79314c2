//! The record of a failure for people. An outage, an overrun or a declaration opens it. A person
//! acknowledges it, writes its texts and closes it. It is resolved when its systems are up.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::handling::Handling;
use crate::id::{IncidentId, OutageId, SystemId};

/// The cause for which an incident was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A confirmed unplanned outage.
    Outage,
    /// A maintenance window that took longer than agreed.
    Overrun,
    /// A person's declaration.
    Declared,
    /// A confirmed degradation that a severity of the policy names.
    Degraded,
    /// A customer's report.
    Reported,
}

/// The certainty of the root cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The cause is not known yet.
    Unknown,
    /// The cause is likely.
    Suspected,
    /// The cause is proved.
    #[default]
    Confirmed,
}

impl Certainty {
    pub fn word(self) -> &'static str {
        match self {
            Certainty::Unknown => "unknown",
            Certainty::Suspected => "suspected",
            Certainty::Confirmed => "confirmed",
        }
    }
}

/// A measure against a repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The task.
    pub text: String,
    /// The person who carries it out.
    pub owner: String,
    /// The last day for it.
    pub due: Date,
}

/// The texts that people write. `None` or an empty list leaves a text unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The events in two sentences.
    pub summary: Option<String>,
    pub root_cause: Option<String>,
    pub certainty: Option<Certainty>,
    /// The action that ended it.
    pub resolution: Option<String>,
    /// The measures. No measure is ever removed. A measure with the same text replaces the owner
    /// and date; any other is added.
    pub measures: Vec<Measure>,
}

/// The state of an incident as customers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The cause is looked for.
    Investigating,
    /// The cause is known.
    Identified,
    /// A correction is in place and is being watched.
    Monitoring,
    /// It is over.
    Resolved,
}

impl Phase {
    pub const ALL: [Phase; 4] = [
        Phase::Investigating,
        Phase::Identified,
        Phase::Monitoring,
        Phase::Resolved,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Phase::Investigating => "investigating",
            Phase::Identified => "identified",
            Phase::Monitoring => "monitoring",
            Phase::Resolved => "resolved",
        }
    }
}

/// The words that a person wrote about an incident while it went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub at: Timestamp,
    pub by: String,
    pub text: String,
    /// Customers are told; otherwise only the operator's staff reads it.
    pub public: bool,
    pub phase: Option<Phase>,
    /// When the problem is expected to be solved.
    pub estimate: Option<Timestamp>,
    /// When every recipient had it.
    pub delivered_at: Option<Timestamp>,
}

/// The withdrawal of a false alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    pub at: Timestamp,
    pub by: String,
    /// The reason that the `correction` prints.
    pub reason: String,
}

/// An acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The time from which it counts.
    pub at: Timestamp,
    /// The person who acknowledged.
    pub by: String,
    /// The time at which it was recorded. Later than `at` only if a second person approved that.
    pub recorded_at: Timestamp,
    /// The second person.
    pub approved_by: Option<String>,
}

/// The completion of a preventive measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The time at which it was recorded.
    pub at: Timestamp,
    /// The person who recorded it.
    pub by: String,
    /// A note about the completion.
    pub note: Option<String>,
}

/// An incident of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// The systems concerned.
    pub systems: Vec<SystemId>,
    /// Its outages.
    pub outages: Vec<OutageId>,
    /// Why it was opened.
    pub cause: Cause,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Its acknowledgement.
    pub acknowledged: Option<Acknowledged>,
    /// The time at which its systems were up.
    pub resolved_at: Option<Timestamp>,
    /// The time at which it was closed, and the person.
    pub closed: Option<(Timestamp, String)>,
    /// The reason why texts are missing.
    pub closed_without: Option<String>,
    /// The texts.
    pub review: Review,
    /// The preventive measures that were carried out, by their texts.
    pub done: BTreeMap<String, Done>,
    /// The times and authors of its reviews, in order.
    pub reviewed: Vec<(Timestamp, String)>,
    /// The words that people posted, in order.
    pub updates: Vec<Update>,
    /// Its withdrawal as a false alarm. The outage stays as it is.
    pub withdrawn: Option<Withdrawn>,
    /// The time of its merge, and the incident that has its outages since then. The texts that
    /// people wrote stay here.
    pub merged: Option<(Timestamp, IncidentId)>,
    /// The times at which a system was found to be flapping, with its outages.
    pub flapping: Vec<(Timestamp, SystemId, Vec<OutageId>)>,
    /// The times at which a flapping system had been up for long enough.
    pub settled: Vec<(Timestamp, SystemId)>,
    /// Its severity, clocks and escalation, and the work of people on it.
    pub handling: Handling,
}

impl Incident {
    /// The state that customers were last told.
    pub fn phase(&self) -> Option<Phase> {
        let told = self.updates.iter().rev().filter(|u| u.public);
        told.filter_map(|u| u.phase).next()
    }

    /// True if a person resolves it, not its systems: a report without an outage, or after a workaround.
    pub fn waits_for_person(&self) -> bool {
        let is_report = self.outages.is_empty() && self.cause == Cause::Reported;
        is_report || self.handling.workaround.is_some()
    }

    /// The texts that a report needs and that are not written yet. A merged incident needs none.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.merged.is_some() {
            return missing;
        }
        if self.review.summary.is_none() {
            missing.push("summary");
        }
        if self.review.root_cause.is_none() {
            missing.push("root cause");
        }
        if self.review.resolution.is_none() {
            missing.push("resolution");
        }
        if self.review.measures.is_empty() {
            missing.push("preventive measures");
        }
        missing
    }
}
