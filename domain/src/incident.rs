//! The human record of what went wrong: opened by an outage, an overrun or a declaration;
//! acknowledged, given its texts, resolved when its systems are up, closed by a person.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{IncidentId, OutageId, SystemId};

/// Why an incident was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A confirmed unplanned outage.
    Outage,
    /// A maintenance window that took longer than agreed.
    Overrun,
    /// A person's declaration.
    Declared,
}

/// How far the root cause is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// Nobody knows yet.
    Unknown,
    /// Likely.
    Suspected,
    /// Shown.
    #[default]
    Confirmed,
}

/// What shall keep it from happening again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What is done.
    pub text: String,
    /// By whom.
    pub owner: String,
    /// By when.
    pub due: Date,
}

/// The texts that a person owes. What is `None` or empty leaves what was written before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// What happened, in two sentences.
    pub summary: Option<String>,
    /// Why.
    pub root_cause: Option<String>,
    /// How far that is known.
    pub certainty: Option<Certainty>,
    /// What ended it.
    pub resolution: Option<String>,
    /// What shall keep it from happening again. None is ever dropped: one of the same text takes the
    /// place of the one before, with its owner and date; any other is added.
    pub measures: Vec<Measure>,
}

/// When and by whom an incident was taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// From when on it counts.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// When it was recorded: later than `at` only where a second person vouched for that.
    pub recorded_at: Timestamp,
    /// The second person.
    pub approved_by: Option<String>,
}

/// That a preventive measure was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// When it was recorded.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// What was done, where somebody wrote it.
    pub note: Option<String>,
}

/// An incident as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// The systems concerned.
    pub systems: Vec<SystemId>,
    /// The outages it ties together.
    pub outages: Vec<OutageId>,
    /// Why it was opened.
    pub cause: Cause,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When and by whom it was taken on.
    pub acknowledged: Option<Acknowledged>,
    /// When its systems were up.
    pub resolved_at: Option<Timestamp>,
    /// When and by whom it was closed.
    pub closed: Option<(Timestamp, String)>,
    /// Why texts are missing, where they are.
    pub closed_without: Option<String>,
    /// The texts.
    pub review: Review,
    /// The preventive measures that were carried out, by their texts.
    pub done: BTreeMap<String, Done>,
    /// When and by whom texts were written, in order.
    pub reviewed: Vec<(Timestamp, String)>,
    /// The incident that its outages belong to since then, where it was merged into another. What
    /// people wrote stays here.
    pub merged: Option<(Timestamp, IncidentId)>,
    /// When a system of it was found to fail again and again, and with which outages.
    pub flapping: Vec<(Timestamp, SystemId, Vec<OutageId>)>,
    /// When such a system had been up for long enough.
    pub settled: Vec<(Timestamp, SystemId)>,
}

impl Incident {
    /// Which of the texts that a report wants are not written yet. One that was merged owes none:
    /// the other does.
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
