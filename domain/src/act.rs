//! Acts: what people do. One type for the command line, the local socket and scenarios.
//!
//! The keys are those of scenarios (`docs/rehearsals.md`). `domain::decide` records an act or refuses it.

mod second_person;
mod texts;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Month;
use crate::catalogue::Single;
use crate::desk::Import;
use crate::handling::{Component, Form};
use crate::id::{
    self, CommitteeId, CustomerId, IncidentId, NoticeId, OutageId, PolicyId, SystemId, WindowId,
};
use crate::incident::{Certainty, Measure, Phase};
use crate::policy::{Flag, Request};

/// An incident or an outage, by its own id or by its system.
///
/// Written as one text: `I-12`, `O-12` or the system's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "String",
    into = "String",
    bound(serialize = "Id: Clone + fmt::Display", deserialize = "Id: FromStr")
)]
pub enum Selector<Id> {
    Id(Id),
    /// The open incident or outage of a system, else its last.
    System(SystemId),
}

impl<Id: FromStr> From<&str> for Selector<Id> {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(id) => Selector::Id(id),
            Err(_) => Selector::System(SystemId::from(text)),
        }
    }
}

impl<Id: FromStr> From<String> for Selector<Id> {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl<Id: fmt::Display> From<Selector<Id>> for String {
    fn from(selector: Selector<Id>) -> Self {
        match selector {
            Selector::Id(id) => id.to_string(),
            Selector::System(system) => system.to_string(),
        }
    }
}

/// An act. `counts_from` and `approved_by` belong together where both are present: an act counts
/// from when it is recorded, and an earlier time needs a second person (`docs/accounting.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    Acknowledge {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        counts_from: Option<Timestamp>,
        approved_by: Option<String>,
    },
    /// Writes an incident's texts. `None` or an empty list leaves a text unchanged.
    Review {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        summary: Option<String>,
        root_cause: Option<String>,
        certainty: Option<Certainty>,
        resolution: Option<String>,
        #[serde(default)]
        measures: Vec<Measure>,
    },
    /// Posts words about an incident. Customers of its systems are told unless `public` is false.
    Update {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        text: String,
        #[serde(default = "yes")]
        public: bool,
        phase: Option<Phase>,
        /// When the problem is expected to be solved.
        estimate: Option<Timestamp>,
    },
    /// Records a call or a visit in which a person answered the reporter or a customer.
    Respond {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        whom: String,
        how: String,
        estimate: Option<Timestamp>,
        counts_from: Option<Timestamp>,
        approved_by: Option<String>,
    },
    /// Records how far a failure reaches. What is left out stays as it is.
    Impact {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        /// The share of users affected, in parts per million.
        #[serde(alias = "share")]
        share_ppm: Option<u32>,
        customers: Option<BTreeSet<CustomerId>>,
        flags: Option<BTreeSet<Flag>>,
        prevents_access: Option<bool>,
        component: Option<Component>,
    },
    /// Chooses a severity. The rules of the policy no longer change it.
    Severity {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        severity: String,
        reason: String,
    },
    /// Records that users can work in another way until the problem is corrected.
    Workaround {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        text: String,
    },
    /// Stops the clocks of an incident.
    Pause {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        reason: String,
    },
    /// Lets the clocks of an incident run again.
    Resume {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
    },
    /// Escalates to the next level at once.
    Escalate {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        reason: String,
    },
    /// Starts the clock of disaster recovery.
    DeclareDisaster {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        reason: String,
    },
    /// Merges an incident into an earlier one.
    Merge {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        into: Selector<IncidentId>,
        reason: String,
    },
    /// Records a customer's report, or one by the public form. It belongs to an unresolved incident of its systems, or
    /// opens one.
    ReportProblem {
        /// None for a report by the public form.
        customer: Option<CustomerId>,
        #[serde(default)]
        systems: Vec<SystemId>,
        request: Request,
        text: String,
        /// The person who reported it; left out of a report by the public form.
        #[serde(default)]
        reporter: String,
        /// When it was received; without it, now.
        received: Option<Timestamp>,
        /// It came by telephone.
        #[serde(default)]
        phone: bool,
        form: Option<Form>,
    },
    /// Resolves a report without an outage, or an incident with a workaround.
    Resolve {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        text: Option<String>,
    },
    /// Withdraws a false alarm: every recipient of a notice about it gets a correction. It changes no class.
    Correct {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        reason: String,
    },
    /// Records that a preventive measure was carried out.
    MeasureDone {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        /// The measure's number within its incident, from 1, or its text.
        measure: String,
        note: Option<String>,
    },
    Close {
        #[serde(alias = "system")]
        incident: Selector<IncidentId>,
        /// The reason why texts, or the confirmation of a reporter, are missing.
        without: Option<String>,
        /// The reporter who confirmed that a report is settled, and how.
        confirmed_by: Option<String>,
    },
    /// Declares an outage that the probes did not see. Without `to` it is still going on.
    DeclareOutage {
        system: SystemId,
        from: Timestamp,
        to: Option<Timestamp>,
        evidence: String,
    },
    /// Ends a declared outage, or moves its end. An earlier end needs a second person.
    ChangeDeclaration {
        /// A system selects its open declared outage, else its last declared outage.
        #[serde(alias = "system")]
        outage: Selector<OutageId>,
        to: Timestamp,
        reason: String,
        approved_by: Option<String>,
    },
    /// Declares a span unknown because the monitor was wrong.
    MonitorFault {
        system: SystemId,
        from: Timestamp,
        to: Timestamp,
        evidence: String,
        /// Required; empty while a proposal waits for the second person.
        #[serde(default)]
        approved_by: String,
    },
    /// Excludes a part of an outage from the contract's figure.
    Exclude {
        /// A system selects its last outage that overlaps the span.
        #[serde(alias = "system")]
        outage: Selector<OutageId>,
        from: Timestamp,
        to: Timestamp,
        reason: String,
        evidence: String,
        approved_by: Option<String>,
    },
    /// Counts an outage's planned time as unplanned.
    Reclassify {
        #[serde(alias = "system")]
        outage: Selector<OutageId>,
        reason: String,
    },
    ScheduleMaintenance(Single),
    /// Changes a window's end (an end in the past ends it now) and its allowance.
    ExtendMaintenance {
        #[serde(alias = "id")]
        window: WindowId,
        end: Timestamp,
        #[serde(alias = "max_downtime")]
        max_downtime_s: Option<i64>,
        reason: Option<String>,
    },
    CancelMaintenance {
        #[serde(alias = "id")]
        window: WindowId,
        reason: String,
    },
    /// Approves the report of a month.
    ApproveReport {
        committee: CommitteeId,
        month: Month,
        /// The sequence of the draft that the approver read; without it, the present figures.
        as_of: Option<u64>,
        /// The digest of that draft's figures, which the program adds.
        figures: Option<String>,
        /// Why texts are missing.
        reason: Option<String>,
    },
    /// Approves a revision of a report that was approved before.
    ReviseReport {
        committee: CommitteeId,
        month: Month,
        as_of: Option<u64>,
        figures: Option<String>,
        reason: String,
    },
    /// Records that a person notified a customer of a window.
    Told {
        window: WindowId,
        customer: CustomerId,
        how: String,
        counts_from: Option<Timestamp>,
        approved_by: Option<String>,
    },
    /// Sends a rejected notice again: the facts that it told are owed to its address once more.
    ResendNotice {
        #[serde(with = "id::written")]
        notice: NoticeId,
        reason: String,
    },
    /// Imports a file of a service desk's calls.
    ImportDesk {
        /// The policy with the objective; without it, the only one that has one.
        policy: Option<PolicyId>,
        /// The file, in a scenario relative to it. The ledger has its name only.
        file: String,
        /// The counted calls, which the program adds.
        import: Option<Import>,
    },
}

fn yes() -> bool {
    true
}

/// The reason why an act was refused, for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);
