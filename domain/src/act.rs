//! What people do. A refused act is a `Refusal` with its reason, and changes nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::Single;
use crate::id::{CustomerId, IncidentId, OutageId, SystemId, WindowId};
use crate::incident::Review;

/// Which incident an act means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// By its id.
    Incident(IncidentId),
    /// The open incident of a system, else its last.
    System(SystemId),
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Act {
    /// Takes an incident on.
    Acknowledge {
        /// Which.
        incident: Which,
        /// From when on it counts, where that is earlier than now.
        #[serde(default)]
        counts_from: Option<Timestamp>,
        /// The second person, whom an earlier time needs.
        #[serde(default)]
        approved_by: Option<String>,
    },
    /// Writes what it was.
    Review {
        /// Which.
        incident: Which,
        /// The texts.
        review: Review,
    },
    /// Records that a preventive measure was carried out.
    MeasureDone {
        /// Of which.
        incident: Which,
        /// The measure: its number among those of the incident, from 1, or its text.
        measure: String,
        /// What was done.
        #[serde(default)]
        note: Option<String>,
    },
    /// Closes it.
    Close {
        /// Which.
        incident: Which,
        /// Why texts are missing, where they are.
        without: Option<String>,
    },
    /// Declares an outage that the probes did not see.
    DeclareOutage {
        /// Of which system.
        system: SystemId,
        /// From when.
        from: Timestamp,
        /// To when, if it is over.
        to: Option<Timestamp>,
        /// What it rests on.
        evidence: String,
    },
    /// Gives a declared outage its end, or another one.
    ChangeDeclaration {
        /// Which.
        outage: OutageId,
        /// The end.
        to: Timestamp,
        /// Why.
        reason: String,
        /// The second person, whom shortening needs.
        approved_by: Option<String>,
    },
    /// Declares that the monitor was wrong.
    MonitorFault {
        /// Of which system.
        system: SystemId,
        /// From when.
        from: Timestamp,
        /// To when.
        to: Timestamp,
        /// What it rests on.
        evidence: String,
        /// The second person.
        approved_by: String,
    },
    /// Excludes downtime from the contract's figure.
    Exclude {
        /// Of which outage.
        outage: OutageId,
        /// From when.
        from: Timestamp,
        /// To when.
        to: Timestamp,
        /// Why.
        reason: String,
        /// What it rests on.
        evidence: String,
        /// The second person.
        approved_by: Option<String>,
    },
    /// Takes planned time back.
    Reclassify {
        /// Of which outage.
        outage: OutageId,
        /// Why.
        reason: String,
    },
    /// Schedules a single window.
    ScheduleMaintenance {
        /// What.
        window: Single,
    },
    /// Gives a single window another end (later, or earlier: ended early) or allowance.
    ExtendMaintenance {
        /// Which.
        window: WindowId,
        /// The end.
        end: Timestamp,
        /// The allowance, if that changes too, in seconds.
        max_downtime_s: Option<i64>,
        /// Why.
        reason: Option<String>,
    },
    /// Cancels one that has not begun.
    CancelMaintenance {
        /// Which.
        window: WindowId,
        /// Why.
        reason: Option<String>,
    },
    /// Records that a customer was told of a single window.
    Told {
        /// Of which.
        window: WindowId,
        /// Whom.
        customer: CustomerId,
        /// How.
        how: String,
        /// When, where that is earlier than now.
        #[serde(default)]
        counts_from: Option<Timestamp>,
        /// The second person, whom an earlier time needs.
        #[serde(default)]
        approved_by: Option<String>,
    },
}

/// Why an act was not done, in words for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);
