//! The present state: a fold of the ledger's events and nothing else. `apply` never decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalogue::Catalogue;
use crate::event::{Absence, Delivery, Silence};
use crate::id::{IncidentId, NoticeId, OutageId, ProbeId, SystemId, WindowId};
use crate::incident::Incident;
use crate::notice::Notice;
use crate::sample::Reason;
use crate::span::Span;
use crate::windows::{RuleEntry, SingleEntry};

/// Everything that the events say. Cloning is cheap: histories are shared until they change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The sequence number of the last event; the first is 1.
    pub seq: u64,
    /// The instant up to which the ledger speaks: the latest `at` of any event.
    pub as_of: Option<Timestamp>,
    /// The ledger's identity.
    pub identity: String,
    /// The version of the time zone database.
    pub tzdb: String,
    /// Whether the service watches (started and not stopped).
    pub watching: bool,
    /// The configuration in force.
    pub catalogue: Arc<Catalogue>,
    /// Every configuration, with when it came into force and by whom.
    pub catalogues: Vec<(Timestamp, String, Arc<Catalogue>)>,
    /// Every system that ever was, also those no longer configured.
    pub systems: BTreeMap<SystemId, Arc<SystemRecord>>,
    /// Every probe that ever was.
    pub probes: BTreeMap<ProbeId, Arc<ProbeRecord>>,
    /// Every outage.
    pub outages: BTreeMap<OutageId, Arc<Outage>>,
    /// Every incident.
    pub incidents: BTreeMap<IncidentId, Arc<Incident>>,
    /// Every notice.
    pub notices: BTreeMap<NoticeId, Arc<Outgoing>>,
    /// Notices not yet sent, rejected or folded.
    pub unsent: std::collections::BTreeSet<NoticeId>,
    /// Single windows.
    pub singles: BTreeMap<WindowId, Arc<SingleEntry>>,
    /// Windows that began and are not completed.
    pub held: BTreeMap<WindowId, Held>,
    /// The last instant up to which window starts were looked for.
    pub windows_seen_to: Option<Timestamp>,
    /// The monitor's own absences.
    pub absences: Arc<Vec<(Span, Absence)>>,
    /// Starts and orderly stops of the service, in order.
    pub lives: Arc<Vec<(Timestamp, Life)>>,
    /// The last midnight that was witnessed.
    pub witnessed_at: Option<Timestamp>,
}

/// A start or a stop of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Started; what came before is known to have been alive until then.
    Started(Option<Timestamp>),
    /// Stopped in order.
    Stopped,
}

/// One system through time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemRecord {
    /// The spans in which it was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    /// Its recurring rules and their versions.
    pub rules: Vec<RuleEntry>,
    /// Its outages.
    pub outages: Vec<OutageId>,
    /// The one that is open, observed by probes.
    pub open: Option<OutageId>,
    /// Faults of the monitor.
    pub faults: Vec<Fault>,
}

/// A fault of the monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From when to when.
    pub span: Span,
    /// What it rests on.
    pub evidence: String,
    /// Who recorded it, and who approved.
    pub by: (String, String),
}

/// One probe through time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeRecord {
    /// The spans in which it was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    /// Confirmed down.
    pub down: Vec<(Timestamp, Option<Timestamp>)>,
    /// Confirmed degraded or down.
    pub degraded: Vec<(Timestamp, Option<Timestamp>)>,
    /// Nothing vouches, and why.
    pub silent: Vec<(Timestamp, Option<Timestamp>, Silence)>,
    /// Bad runs that were never confirmed.
    pub blips: Vec<(Span, u32)>,
    /// Why it is (was last) down.
    pub reason: Option<Reason>,
    /// The detail of that.
    pub detail: Option<String>,
}

/// One outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Its id.
    pub id: OutageId,
    /// The system.
    pub system: SystemId,
    /// The first bad sample.
    pub start: Timestamp,
    /// The first good sample after it.
    pub end: Option<Timestamp>,
    /// The span in which it ended, where nobody watched.
    pub unobserved: Option<Span>,
    /// When it was confirmed, or recorded.
    pub detected_at: Timestamp,
    /// When its end was confirmed.
    pub closed_at: Option<Timestamp>,
    /// What it rests on, where a person declared it, and who.
    pub declared: Option<(String, String)>,
    /// The reason that the confirming probe gave.
    pub reason: Option<Reason>,
    /// Its detail.
    pub detail: Option<String>,
    /// Whether it was excused when it was confirmed.
    pub planned: bool,
    /// The first second that no window excused, and the window.
    pub overrun: Option<(Timestamp, WindowId)>,
    /// Why a person took its planned time back.
    pub reclassified: Option<String>,
    /// Exclusions.
    pub exclusions: Vec<Exclusion>,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// `downtime` and `maintenance-overrun` notices about it.
    pub told: Vec<NoticeId>,
    /// `uptime` notices about it.
    pub told_up: Vec<NoticeId>,
    /// Whether everyone concerned has had `downtime` or `maintenance-overrun` queued.
    pub announced: bool,
    /// How exactly its edges are known, in seconds: the longest interval of its probes.
    pub edge_s: i64,
}

/// Downtime that a person wants out of the contract's figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Which part.
    pub span: Span,
    /// Why.
    pub reason: String,
    /// What it rests on.
    pub evidence: String,
    /// Who asked.
    pub by: String,
    /// The second person.
    pub approved_by: Option<String>,
}

/// A window that began and is not completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The systems concerned.
    pub systems: Vec<SystemId>,
    /// What the work is.
    pub title: String,
    /// As it stood at its start.
    pub span: Span,
}

/// Where a notice stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Waits, for the first time or again, until then.
    Due(Timestamp),
    /// An attempt is under way since then.
    Attempting(Timestamp),
    /// The relay took it then.
    Sent(Timestamp),
    /// Refused for good, or given up.
    Rejected(Timestamp),
    /// Perhaps delivered twice over, perhaps never: tried twice, lost twice.
    Ambiguous(Timestamp),
    /// Said by another, or pointless.
    Folded(Option<NoticeId>),
}

/// A notice with its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What is said to whom.
    pub notice: Notice,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// How many attempts began.
    pub attempts: u32,
    /// How many of them were lost between the first byte and the reply.
    pub lost: u32,
    /// How the last attempt ended, and the relay's words.
    pub last: Option<(Delivery, String)>,
}

impl Record {
    /// Takes in one event. Never decides, never fails: a ledger that was verified applies.
    pub fn apply(&mut self, _seq: u64, _event: &crate::event::Event) {}
}
