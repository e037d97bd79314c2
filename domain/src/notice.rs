//! The message to one address. Its content is fixed when its first attempt is committed, so that
//! sending it again sends the same bytes.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Month;
use crate::handling::ClockRun;
use crate::id::{
    CommitteeId, CustomerId, IncidentId, NoticeId, OutageId, SubscriberId, SystemId, WindowId,
};
use crate::incident::Phase;
pub use crate::mailbox::Address;
use crate::sample::Reason;
use crate::span::Span;
use crate::windows::Occurrence;

/// The kinds of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Downtime,
    Uptime,
    MaintenanceScheduled,
    MaintenanceChanged,
    MaintenanceCancelled,
    MaintenanceReminder,
    MaintenanceStarted,
    MaintenanceCompleted,
    MaintenanceOverrun,
    ReportDraft,
    Report,
    Update,
    Correction,
    Escalation,
    ClockDue,
    ClockMissed,
    ToldFailed,
    ProblemReported,
    ProblemReceipt,
}

impl Kind {
    pub const ALL: [Kind; 19] = [
        Kind::Downtime,
        Kind::Uptime,
        Kind::MaintenanceScheduled,
        Kind::MaintenanceChanged,
        Kind::MaintenanceCancelled,
        Kind::MaintenanceReminder,
        Kind::MaintenanceStarted,
        Kind::MaintenanceCompleted,
        Kind::MaintenanceOverrun,
        Kind::ReportDraft,
        Kind::Report,
        Kind::Update,
        Kind::Correction,
        Kind::Escalation,
        Kind::ClockDue,
        Kind::ClockMissed,
        Kind::ToldFailed,
        Kind::ProblemReported,
        Kind::ProblemReceipt,
    ];

    /// The stored name, which is also the folder of its templates.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Downtime => "downtime",
            Kind::Uptime => "uptime",
            Kind::MaintenanceScheduled => "maintenance-scheduled",
            Kind::MaintenanceChanged => "maintenance-changed",
            Kind::MaintenanceCancelled => "maintenance-cancelled",
            Kind::MaintenanceReminder => "maintenance-reminder",
            Kind::MaintenanceStarted => "maintenance-started",
            Kind::MaintenanceCompleted => "maintenance-completed",
            Kind::MaintenanceOverrun => "maintenance-overrun",
            Kind::ReportDraft => "report-draft",
            Kind::Report => "report",
            Kind::Update => "update",
            Kind::Correction => "correction",
            Kind::Escalation => "escalation",
            Kind::ClockDue => "clock-due",
            Kind::ClockMissed => "clock-missed",
            Kind::ToldFailed => "told-failed",
            Kind::ProblemReported => "problem-reported",
            Kind::ProblemReceipt => "problem-receipt",
        }
    }

    /// True for mails to contacts about an incident.
    pub fn is_alert(self) -> bool {
        matches!(
            self,
            Kind::Escalation
                | Kind::ClockDue
                | Kind::ClockMissed
                | Kind::ToldFailed
                | Kind::ProblemReported
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// On whose behalf an address receives a message. A person whom the configuration does not name is a role with a
/// number, never with the person's data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Customer(CustomerId),
    /// A member of staff.
    Contact(String),
    /// A member of a committee.
    Committee(CommitteeId),
    /// A person who reported a problem, by the number in `people.sqlite`.
    Reporter(i64),
    /// A person who subscribed on the public page.
    Subscriber(SubscriberId),
}

/// One address with the roles it had when the message was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    pub address: Address,
    pub who: BTreeSet<Role>,
    /// The name that the message addresses.
    pub name: String,
    /// The zone (IANA) in which the message prints times.
    pub zone: String,
}

impl Recipient {
    /// The customers among its roles.
    pub fn customers(&self) -> impl Iterator<Item = &CustomerId> {
        self.who.iter().filter_map(|role| match role {
            Role::Customer(id) => Some(id),
            Role::Contact(_) | Role::Committee(_) | Role::Reporter(_) | Role::Subscriber(_) => None,
        })
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// The part of a message about one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affected {
    pub system: SystemId,
    /// The name that customers know.
    pub name: String,
    pub outage: Option<OutageId>,
    /// Overlapping outages that are one downtime with it: people declared one, probes saw another.
    pub joined: Vec<OutageId>,
    /// Set where a person declared the outage: how much of the downtime rests on that.
    pub declared: Option<Declared>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Seconds of downtime; unknown time does not count.
    pub down_s: Option<i64>,
    /// The span in which the outage ended, if no sample saw the end.
    pub unobserved: Option<Span>,
    pub reason: Option<Reason>,
    /// The system is available but degraded.
    pub impaired: bool,
    /// `downtime_advice` of the system.
    pub advice: Option<String>,
    /// Set where the system is flapping: the message stands for several outages.
    pub flapping: Option<Flapping>,
    /// Set where the downtime began as planned maintenance and lasted longer than agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overran: Option<Overran>,
}

/// The planned and the unplanned part of one downtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overran {
    /// The start of the downtime.
    pub began: Timestamp,
    /// The first second that counts as an outage.
    pub unplanned_from: Timestamp,
    /// Seconds of downtime that count as planned maintenance.
    pub planned_s: i64,
}

/// How much of a downtime rests on a person's declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Declared {
    Wholly,
    Partly,
}

/// The part of a message about a flapping system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flapping {
    /// In order of their start.
    pub outages: Vec<OutageId>,
    /// The start of the first of them.
    pub since: Timestamp,
    /// Seconds without a failure until the recovery is announced.
    pub hold_s: i64,
}

impl Affected {
    /// Every outage that this part covers, its own first.
    pub fn outages(&self) -> impl Iterator<Item = OutageId> {
        let others = self.flapping.iter().flat_map(|f| &f.outages);
        let others = self.joined.iter().chain(others);
        let others = others.filter(|o| Some(**o) != self.outage);
        self.outage.iter().chain(others).copied()
    }

    /// True if this part says that the outage is over.
    pub fn says_over(&self, outage: OutageId) -> bool {
        if self.outage == Some(outage) || self.joined.contains(&outage) {
            return self.to.is_some();
        }
        self.outages().any(|said| said == outage)
    }
}

/// The part of a message about a maintenance window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub id: WindowId,
    pub title: String,
    pub impact: Option<String>,
    pub span: Span,
    /// Allowed downtime in seconds; `None` is the whole window.
    pub max_downtime_s: Option<i64>,
    /// The span of the earlier announcement, if it differs.
    pub previous_span: Option<Span>,
    /// The policy's monthly allowance in seconds, if an overrun exceeded that.
    pub monthly_allowance_s: Option<i64>,
}

impl Window {
    /// True if both announce the same time and the same allowed downtime.
    pub fn announces_same(&self, other: &Window) -> bool {
        self.span == other.span && self.max_downtime_s == other.max_downtime_s
    }

    /// The window as it is (or will be) held.
    pub fn of(occurrence: &Occurrence) -> Self {
        Self {
            id: occurrence.id.clone(),
            title: occurrence.title.clone(),
            impact: occurrence.impact.clone(),
            span: occurrence.span,
            max_downtime_s: occurrence.max_downtime_s,
            previous_span: None,
            monthly_allowance_s: None,
        }
    }
}

/// One message to one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    pub kind: Kind,
    pub recipient: Recipient,
    /// In order of systems and outages. A `downtime` also lists earlier outages of its systems
    /// whose end the recipient does not know.
    pub affected: Vec<Affected>,
    pub window: Option<Window>,
    pub incident: Option<IncidentId>,
    /// Earlier messages to this address about the same outages or the same window.
    pub references: Vec<NoticeId>,
    /// An `uptime` whose recipient does not know of the downtime: the message says both.
    pub includes_downtime: bool,
    /// The report that a `report-draft` or a `report` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// The texts of people in an `update` or a `correction`, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Words>,
    /// The fact that a mail to staff tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
}

/// The part of a mail to staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// The ledger sequence of the fact.
    pub cause: u64,
    /// When it happened.
    pub at: Timestamp,
    /// When the incident was opened.
    pub opened: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
    pub about: About,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum About {
    /// A level of escalation was reached.
    Level {
        level: u8,
        severity: String,
        /// All contacts of the level.
        contacts: Vec<Named>,
        /// No contact of the level below was notified in time.
        #[serde(default, skip_serializing_if = "is_false")]
        is_passed_on: bool,
    },
    /// A clock is nearly used up, or was missed.
    Clock(ClockRun),
    /// The notice of an outage did not reach a customer.
    NotTold {
        customer: CustomerId,
        name: String,
        /// Its mail addresses.
        addresses: Vec<String>,
        phone: Option<String>,
        /// Since when the notice is owed.
        since: Timestamp,
        /// The last answer to it.
        reply: Option<String>,
    },
    /// A person reported a problem by the public form.
    Reported {
        /// The type of issue that the person chose.
        issue: String,
        /// The person's words.
        text: String,
        received: Timestamp,
    },
}

/// A contact with its telephone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    pub name: String,
    pub phone: Option<String>,
}

/// Words that a person wrote about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The number of the update within its incident, from 1; 0 is the correction.
    pub number: u32,
    /// When they were posted.
    pub at: Timestamp,
    pub text: String,
    pub phase: Option<Phase>,
}

/// The part of a message about a month's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub committee: CommitteeId,
    pub committee_name: String,
    pub month: Month,
    /// 0 for the first approved report; revisions count from 1.
    pub revision: u32,
    /// Earlier revisions that were never delivered to the address.
    pub replaces: Vec<u32>,
    /// When the committee meets, in a `report-draft`.
    pub meeting: Option<Timestamp>,
    /// Texts that the recipient owes, in a `report-draft`.
    pub missing: Vec<MissingTexts>,
    /// The approver of a `report`, and the reason that was given.
    pub approved_by: Option<String>,
    pub reason: Option<String>,
    /// The sentences of the first page.
    pub headline: Option<String>,
    pub happened: Vec<String>,
    /// The file to attach.
    pub file: Option<ReportFile>,
}

/// One file of an approved report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// Its name below `reports/` in the data directory.
    pub name: String,
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// The missing texts of one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingTexts {
    pub incident: IncidentId,
    pub opened: Timestamp,
    /// The names of its systems.
    pub systems: Vec<String>,
    pub texts: Vec<String>,
}

impl Notice {
    /// The systems, each once, in order of their ids.
    pub fn systems(&self) -> impl Iterator<Item = &SystemId> {
        let again = |n: usize| n > 0 && self.affected[n - 1].system == self.affected[n].system;
        let all = self.affected.iter().enumerate();
        all.filter(move |(n, _)| !again(*n)).map(|(_, a)| &a.system)
    }

    /// Every outage that the message covers.
    pub fn outages(&self) -> impl Iterator<Item = OutageId> {
        self.affected.iter().flat_map(Affected::outages)
    }

    /// True if the message says that the outage is over.
    pub fn says_over(&self, outage: OutageId) -> bool {
        self.affected.iter().any(|a| a.says_over(outage))
    }
}
