//! Acts as a program writes them. The keys are those of scenarios; `Act::domain` reads the values. A test compares the
//! words with those of the domain, so that no act is missing here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The request for an act.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActRequest {
    pub act: Act,
    /// Record nothing and send nothing; answer with what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Accept a window that does not count as planned.
    #[serde(default)]
    pub anyway: bool,
    /// Why a text that looks like protected health information is something else.
    #[serde(default)]
    pub not_phi: Option<String>,
}

/// A measure against a repetition.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    pub text: String,
    pub owner: String,
    /// The last day for it.
    #[schema(format = Date)]
    pub due: String,
}

/// An act. An `incident` is an id (`I-12`) or a system: its open incident, else its last; an `outage` likewise.
/// What needs a second person is proposed in the console, where another account approves it: no act of the API names one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Acknowledge an incident.
    Acknowledge {
        #[serde(alias = "system")]
        incident: String,
        counts_from: Option<Timestamp>,
        #[schema(ignore)]
        approved_by: Option<String>,
    },
    /// Write an incident's texts. What is left out stays as it is.
    Review {
        #[serde(alias = "system")]
        incident: String,
        summary: Option<String>,
        root_cause: Option<String>,
        /// `unknown`, `suspected` or `confirmed`.
        certainty: Option<String>,
        resolution: Option<String>,
        #[serde(default)]
        measures: Vec<Measure>,
    },
    /// Post words about an incident. Customers of its systems are notified unless `public` is false.
    Update {
        #[serde(alias = "system")]
        incident: String,
        text: String,
        #[serde(default = "yes")]
        public: bool,
        /// `investigating`, `identified`, `monitoring` or `resolved`.
        phase: Option<String>,
        /// When the problem is expected to be solved.
        estimate: Option<Timestamp>,
    },
    /// Record a call or a visit in which a person answered the reporter or a customer.
    Respond {
        #[serde(alias = "system")]
        incident: String,
        whom: String,
        how: String,
        estimate: Option<Timestamp>,
        counts_from: Option<Timestamp>,
        #[schema(ignore)]
        approved_by: Option<String>,
    },
    /// Record how far a failure reaches. What is left out stays as it is.
    Impact {
        #[serde(alias = "system")]
        incident: String,
        /// The share of users affected, in parts per million.
        #[serde(alias = "share")]
        share_ppm: Option<u32>,
        customers: Option<BTreeSet<String>>,
        /// `security`, `revenue`, `regulatory`.
        flags: Option<BTreeSet<String>>,
        prevents_access: Option<bool>,
        /// `critical` or `minor`.
        component: Option<String>,
    },
    /// Choose a severity. The rules of the policy no longer change it.
    Severity {
        #[serde(alias = "system")]
        incident: String,
        severity: String,
        reason: String,
    },
    /// Record that users can work in another way.
    Workaround {
        #[serde(alias = "system")]
        incident: String,
        text: String,
    },
    /// Stop the clocks of an incident.
    Pause {
        #[serde(alias = "system")]
        incident: String,
        reason: String,
    },
    /// Let the clocks of an incident run again.
    Resume {
        #[serde(alias = "system")]
        incident: String,
    },
    /// Escalate to the next level at once.
    Escalate {
        #[serde(alias = "system")]
        incident: String,
        reason: String,
    },
    /// Start the clock of disaster recovery.
    DeclareDisaster {
        #[serde(alias = "system")]
        incident: String,
        reason: String,
    },
    /// Merge an incident into an earlier one.
    Merge {
        #[serde(alias = "system")]
        incident: String,
        into: String,
        reason: String,
    },
    /// Record a customer's report. It belongs to an unresolved incident of its systems, or opens one.
    ReportProblem {
        customer: String,
        #[serde(default)]
        systems: Vec<String>,
        /// `general`, `task`, `change`, `access`, `problem` or `breach`.
        request: String,
        text: String,
        /// The person who reported it.
        reporter: String,
        /// When it was received; without it, now.
        received: Option<Timestamp>,
        /// It came by telephone.
        #[serde(default)]
        phone: bool,
        /// Only the public form itself has one.
        #[schema(ignore)]
        form: Option<()>,
    },
    /// Resolve a report without an outage, or an incident with a workaround.
    Resolve {
        #[serde(alias = "system")]
        incident: String,
        text: Option<String>,
    },
    /// Withdraw a false alarm: every recipient of a notice about it gets a correction.
    Correct {
        #[serde(alias = "system")]
        incident: String,
        reason: String,
    },
    /// Record that a preventive measure was carried out.
    MeasureDone {
        #[serde(alias = "system")]
        incident: String,
        /// The measure's number within its incident, from 1, or its text.
        measure: String,
        note: Option<String>,
    },
    /// Close an incident.
    Close {
        #[serde(alias = "system")]
        incident: String,
        /// The reason why texts, or the confirmation of a reporter, are missing.
        without: Option<String>,
        /// The reporter who confirmed that a report is settled, and how.
        confirmed_by: Option<String>,
    },
    /// Declare an outage that the probes did not see. Without `to` it is still going on.
    DeclareOutage {
        system: String,
        from: Timestamp,
        to: Option<Timestamp>,
        evidence: String,
    },
    /// End a declared outage, or move its end. An earlier end needs a second person.
    ChangeDeclaration {
        #[serde(alias = "system")]
        outage: String,
        to: Timestamp,
        reason: String,
        #[schema(ignore)]
        approved_by: Option<String>,
    },
    /// Declare a span unknown because the monitor was wrong.
    MonitorFault {
        system: String,
        from: Timestamp,
        to: Timestamp,
        evidence: String,
        #[schema(ignore)]
        #[serde(default)]
        approved_by: String,
    },
    /// Exclude a part of an outage from the contract's figure.
    Exclude {
        #[serde(alias = "system")]
        outage: String,
        from: Timestamp,
        to: Timestamp,
        reason: String,
        evidence: String,
        #[schema(ignore)]
        approved_by: Option<String>,
    },
    /// Count an outage's planned time as unplanned.
    Reclassify {
        #[serde(alias = "system")]
        outage: String,
        reason: String,
    },
    /// Schedule a one-off maintenance window.
    ScheduleMaintenance {
        /// Unique among all windows.
        id: String,
        systems: Vec<String>,
        title: String,
        /// The effect that customers will notice.
        impact: Option<String>,
        start: Timestamp,
        end: Timestamp,
        /// The allowed downtime in seconds; without it, the whole window.
        #[serde(alias = "max_downtime")]
        max_downtime_s: Option<i64>,
        /// How long before the start customers must be notified, in seconds.
        #[serde(alias = "min_notice")]
        min_notice_s: Option<i64>,
        /// How early a bad run may begin and still belong to the window, in seconds.
        #[serde(alias = "start_grace")]
        start_grace_s: Option<i64>,
        /// The reason for scheduling outside the hours that the policy allows.
        #[serde(alias = "override")]
        override_reason: Option<String>,
        /// How long before its start customers are reminded, in seconds, the longest first.
        #[serde(alias = "announce", default)]
        announce_s: Vec<i64>,
    },
    /// Change a window's end (an end in the past ends it now) and its allowance.
    ExtendMaintenance {
        #[serde(alias = "id")]
        window: String,
        end: Timestamp,
        #[serde(alias = "max_downtime")]
        max_downtime_s: Option<i64>,
        reason: Option<String>,
    },
    /// Cancel a window.
    CancelMaintenance {
        #[serde(alias = "id")]
        window: String,
        reason: String,
    },
    /// Approve the report of a month.
    ApproveReport {
        committee: String,
        month: String,
        /// The `as_of` of the draft that the approver read; without it, the present figures.
        as_of: Option<u64>,
        /// The service adds it.
        #[schema(ignore)]
        figures: Option<String>,
        /// Why texts are missing.
        reason: Option<String>,
    },
    /// Approve a revision of a report that was approved before.
    ReviseReport {
        committee: String,
        month: String,
        as_of: Option<u64>,
        /// The service adds it.
        #[schema(ignore)]
        figures: Option<String>,
        reason: String,
    },
    /// Record that a person notified a customer of a window.
    Told {
        window: String,
        customer: String,
        how: String,
        counts_from: Option<Timestamp>,
        #[schema(ignore)]
        approved_by: Option<String>,
    },
    /// Send a rejected notice again: the facts that it told are owed to its address once more.
    ResendNotice {
        /// The rejected notice, such as `N-14`.
        notice: String,
        reason: String,
    },
    /// Import the counted calls of a service desk. `nines desk import` counts them.
    ImportDesk {
        policy: Option<String>,
        /// The name of the file.
        file: String,
        import: Option<Import>,
    },
}

/// The counted calls of a file.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Of the file's bytes, in hexadecimal.
    pub sha256: String,
    pub answer_within_s: i64,
    /// The days with a call, in order.
    #[schema(value_type = Vec<Object>)]
    pub days: Vec<Value>,
}

fn yes() -> bool {
    true
}
