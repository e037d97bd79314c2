//! One message to one recipient about a system or a window: what is said is fixed when it is
//! decided, so that rendering it later, or again, says the same.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{CustomerId, IncidentId, NoticeId, OutageId, SystemId, WindowId};
use crate::mailbox::Mailbox;
use crate::sample::Reason;
use crate::span::Span;

/// The kinds of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A system went down.
    Downtime,
    /// A system is up again.
    Uptime,
    /// A window has been scheduled.
    MaintenanceScheduled,
    /// A window is no longer as it was announced.
    MaintenanceChanged,
    /// A window that was announced will not be held.
    MaintenanceCancelled,
    /// A window began.
    MaintenanceStarted,
    /// A window is over and the systems are up.
    MaintenanceCompleted,
    /// A window took longer than agreed.
    MaintenanceOverrun,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Downtime,
        Kind::Uptime,
        Kind::MaintenanceScheduled,
        Kind::MaintenanceChanged,
        Kind::MaintenanceCancelled,
        Kind::MaintenanceStarted,
        Kind::MaintenanceCompleted,
        Kind::MaintenanceOverrun,
    ];

    /// The word of SPEC section 9, also the folder of its templates.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Downtime => "downtime",
            Kind::Uptime => "uptime",
            Kind::MaintenanceScheduled => "maintenance-scheduled",
            Kind::MaintenanceChanged => "maintenance-changed",
            Kind::MaintenanceCancelled => "maintenance-cancelled",
            Kind::MaintenanceStarted => "maintenance-started",
            Kind::MaintenanceCompleted => "maintenance-completed",
            Kind::MaintenanceOverrun => "maintenance-overrun",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What a notice says of one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affected {
    /// Which.
    pub system: SystemId,
    /// What customers call it.
    pub name: String,
    /// The outage, where there is one.
    pub outage: Option<OutageId>,
    /// Other outages that are one downtime with it: what people declared and what probes saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<OutageId>,
    /// Where people declared it and probes did not see it, whose word the times are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// Since when it is (was) unavailable.
    pub from: Option<Timestamp>,
    /// Until when it was unavailable.
    pub to: Option<Timestamp>,
    /// The seconds it was unavailable, unknown time left out.
    pub down_s: Option<i64>,
    /// The span in which it ended, where nobody watched.
    pub unobserved: Option<Span>,
    /// What the probe saw.
    pub reason: Option<Reason>,
    /// Whether it is available but impaired.
    pub impaired: bool,
    /// What to do meanwhile.
    pub advice: Option<String>,
    /// It fails again and again: the notice stands for several outages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unstable: Option<Unstable>,
}

/// How much of what a notice says of a downtime is a person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Declared {
    /// All of it.
    Wholly,
    /// Probes saw a part of it.
    Partly,
}

/// What a notice says of a system that fails again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unstable {
    /// Its outages, in order of their start.
    pub outages: Vec<OutageId>,
    /// The start of the first of them.
    pub since: Timestamp,
    /// How long it must be up until customers are told that it is, in seconds.
    pub hold_s: i64,
}

impl Affected {
    /// Every outage that it speaks of: its own first.
    pub fn outages(&self) -> impl Iterator<Item = OutageId> {
        let others = self.unstable.iter().flat_map(|u| &u.outages);
        let others = self.joined.iter().chain(others);
        let others = others.filter(|o| Some(**o) != self.outage);
        self.outage.iter().chain(others).copied()
    }

    /// Whether it speaks of that outage as one that is over.
    pub fn says_over(&self, outage: OutageId) -> bool {
        if self.outage == Some(outage) || self.joined.contains(&outage) {
            return self.to.is_some();
        }
        self.outages().any(|said| said == outage)
    }
}

/// What a notice says of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Which.
    pub window: WindowId,
    /// What the work is.
    pub title: String,
    /// What customers will notice.
    pub impact: Option<String>,
    /// From when to when.
    pub span: Span,
    /// The downtime it allows, in seconds.
    pub max_downtime_s: Option<i64>,
    /// From when to when it was announced before, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
    /// The planned downtime that the agreement allows in a month, in seconds, where this is what
    /// an overrun exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month_allowance_s: Option<i64>,
}

/// One message to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// Kind, subject, recipient and ordinal: unique in the ledger.
    pub key: String,
    /// The customer.
    pub customer: CustomerId,
    /// The customer's name.
    pub customer_name: String,
    /// The customer's zone (IANA), in which times are printed.
    pub zone: String,
    /// The mail address.
    pub recipient: String,
    /// The systems, in order of their ids; several outages of one in order of theirs, the earlier
    /// ones being those that no earlier notice could say.
    pub affected: Vec<Affected>,
    /// The window, where there is one.
    pub work: Option<Work>,
    /// The incident, where there is one.
    pub incident: Option<IncidentId>,
    /// The first notice of the same matter to the same recipient, whose thread it joins.
    pub thread: Option<NoticeId>,
    /// Notices that must have ended (sent, rejected, folded) before this one leaves.
    pub after: Vec<NoticeId>,
    /// Whether the `downtime` it answers was never delivered: it then says both.
    pub folded: bool,
}

impl Notice {
    /// The systems, each once, in order of their ids.
    pub fn systems(&self) -> impl Iterator<Item = &SystemId> {
        let again = |n: usize| n > 0 && self.affected[n - 1].system == self.affected[n].system;
        let all = self.affected.iter().enumerate();
        all.filter(move |(n, _)| !again(*n)).map(|(_, a)| &a.system)
    }

    /// What it is about, as keys of its threads: outages and windows.
    pub fn subjects(&self) -> Vec<String> {
        let outages = self
            .affected
            .iter()
            .flat_map(Affected::outages)
            .map(|o| o.to_string());
        outages
            .chain(self.work.iter().map(|w| w.window.to_string()))
            .collect()
    }
}

/// The `Message-ID` of a notice: the same for every attempt, in this ledger and no other.
/// `identity` is the ledger's own.
pub fn message_id(identity: &str, notice: NoticeId, mail_from: &Mailbox) -> String {
    format!("<{notice}.{identity}@{}>", mail_from.domain())
}
