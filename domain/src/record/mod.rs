//! The present state: a fold of the ledger's events and nothing else. `apply` never decides.

mod apply;
mod clock_decisions;
mod clocks;
mod configurations;
mod desks;
mod flapping;
mod handling;
mod history;
mod incidents;
mod maintenance;
mod monitoring;
pub mod notices;
mod outages;
mod probes;
mod reload;
mod reports;
mod rewind;
mod rollups;
mod spans;
mod subscribers;
mod trail;
mod window_status;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use serde::Serialize;

use crate::calendar;
use crate::catalogue::{Affects, Catalogue};
use crate::id::{IncidentId, OutageId, ProbeId, SystemId, WindowId};
use crate::sample::Reason;
use crate::span::Span;
use crate::windows::RuleVersion;

pub use self::notices::{Notices, Outgoing, Standing};
pub(crate) use clock_decisions::numbered;
pub use configurations::{Agreement, Configurations};
pub use desks::{DeskRecord, Desks, Imported};
pub use flapping::Episode;
pub use incidents::Incidents;
pub use maintenance::{Held, Maintenance};
pub use monitoring::{Life, Monitoring};
pub use outages::Outages;
pub use probes::{ProbeRecord, Probes};
pub use reports::{Filed, ReportRecord, Reports, Revision};
pub use rollups::Rollups;
pub(crate) use spans::is_open;
pub use subscribers::Subscribers;
pub use trail::{Edge, Edges, Trail};
pub use window_status::WindowStatus;

/// Everything that the events say. Cloning is cheap: histories are shared until they change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The sequence number of the last event; the first is 1.
    pub seq: u64,
    /// The instant up to which the ledger speaks: the latest `at` of any event since the clock was
    /// last set back.
    pub as_of: Option<Timestamp>,
    /// Up to where everything that falls due has been decided: the latest `at` of any event. What
    /// fell due before the clock was set back does not do so again.
    pub decided_until: Option<Timestamp>,
    /// When the service monitored, and which times its clock showed.
    pub monitoring: Monitoring,
    /// The ledger's identity.
    pub identity: String,
    /// The version of the time zone database.
    pub tzdb: String,
    /// The configuration in force.
    pub catalogue: Arc<Catalogue>,
    /// Every configuration, and since when it was in force.
    pub configurations: Configurations,
    /// Every system that ever was, also those no longer configured.
    pub systems: OrdMap<SystemId, Arc<SystemRecord>>,
    /// Every probe that ever was.
    pub probes: Probes,
    /// Every outage.
    pub outages: Outages,
    /// Every incident.
    pub incidents: Incidents,
    /// The knowledge of each address, the notices that it is owed, and every message to it.
    pub notices: Notices,
    /// Systems that fail again and again.
    pub unstable: OrdSet<SystemId>,
    /// One-off windows, and the windows of any kind that have begun.
    pub maintenance: Maintenance,
    /// The drafts, approvals and files of reports.
    pub reports: Reports,
    /// The calls of service desks.
    pub desks: Desks,
    /// The people who subscribed on the public page.
    pub subscribers: Subscribers,
    /// The daily roll-ups of latencies.
    pub rollups: Rollups,
    /// The evidence that explanations name.
    pub trail: Trail,
}

/// One system through time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemRecord {
    /// The spans in which it was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    /// Its recurring rules and their versions.
    pub rules: Vec<RuleVersion>,
    /// Its outages.
    pub outages: Vec<OutageId>,
    /// The one that is open, observed by probes.
    pub open: Option<OutageId>,
    /// Those that people declared: few, where all outages of years are thousands.
    pub declared: Vec<OutageId>,
    /// Faults of the monitor.
    pub faults: Vec<Fault>,
    /// The last time in which it failed again and again: it does so now if it is among
    /// [`Record::unstable`].
    pub episode: Option<Episode>,
}

/// A fault of the monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From when to when.
    pub span: Span,
    /// The evidence.
    pub evidence: String,
    /// The person who recorded it, and the one who approved.
    pub by: (String, String),
    /// By how much the clock was set since then.
    pub moved: SignedDuration,
}

/// One outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Its id.
    pub id: OutageId,
    /// The system.
    pub system: SystemId,
    /// The first bad sample of any probe in it: earlier than when it was opened, if a slower
    /// probe's run turned out to have begun before.
    pub start: Timestamp,
    /// The first good sample after it.
    pub end: Option<Timestamp>,
    /// The span in which it ended, where nobody watched; empty where a configuration took away what
    /// had found it ([`Outage::is_unwatched`]).
    pub unobserved: Option<Span>,
    /// When it was confirmed, or recorded.
    pub detected_at: Timestamp,
    /// When its end was confirmed.
    pub closed_at: Option<Timestamp>,
    /// The evidence of a declared outage, and the person who declared it.
    pub declared: Option<(String, String)>,
    /// The reason that the confirming probe gave.
    pub reason: Option<Reason>,
    /// Its detail.
    pub detail: Option<String>,
    /// True if it was planned when it was confirmed.
    pub planned: bool,
    /// The first second that is not planned, and the window before it.
    pub overrun: Option<(Timestamp, WindowId)>,
    /// When that was decided.
    pub overran_at: Option<Timestamp>,
    /// Why a person took its planned time back.
    pub reclassified: Option<String>,
    /// Exclusions.
    pub exclusions: Vec<Exclusion>,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// How exactly its edges are known, in seconds: the longest interval of its probes.
    pub edge_s: i64,
    /// By how much the clock was set since it was over.
    pub moved: SignedDuration,
}

/// Downtime that a person wants out of the contract's figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Which part.
    pub span: Span,
    /// Why.
    pub reason: String,
    /// The evidence.
    pub evidence: String,
    /// The person who asked for it.
    pub by: String,
    /// The second person.
    pub approved_by: Option<String>,
}

impl Record {
    /// The service's zone, in which people read and write times; UTC before the first configuration.
    pub fn zone(&self) -> TimeZone {
        calendar::zone(&self.catalogue.zone).unwrap_or(TimeZone::UTC)
    }

    /// The sequence number that the next event will get.
    pub fn next_seq(&self) -> u64 {
        self.seq + 1
    }

    /// True if an availability probe of the system is confirmed down.
    pub fn is_down(&self, system: &SystemId) -> bool {
        self.catalogue.system(system.as_str()).is_some_and(|s| {
            s.probes
                .iter()
                .filter(|p| p.affects == Affects::Availability)
                .any(|p| self.probes.get(&p.id).is_some_and(|r| is_open(&r.down)))
        })
    }

    /// True if a probe of the system is confirmed degraded, or one that only affects degradation
    /// is down. (Says nothing of whether it is down.)
    pub fn is_degraded(&self, system: &SystemId) -> bool {
        self.catalogue.system(system.as_str()).is_some_and(|s| {
            s.probes
                .iter()
                .any(|p| self.probes.get(&p.id).is_some_and(|r| is_open(&r.degraded)))
        })
    }

    /// True if an availability probe of the system has no sample that covers the present.
    pub fn is_unknown(&self, system: &SystemId) -> bool {
        self.catalogue.system(system.as_str()).is_none_or(|s| {
            s.probes
                .iter()
                .filter(|p| p.affects == Affects::Availability)
                .any(|p| self.probes.get(&p.id).is_none_or(|r| r.is_silent()))
        })
    }

    /// The state of a system now, by `docs/concepts.md`.
    pub fn state(&self, system: &SystemId) -> State {
        let declared = self
            .open_outages(system)
            .any(|outage| outage.declared.is_some());
        let heard_down = self.catalogue.system(system.as_str()).is_some_and(|s| {
            s.probes
                .iter()
                .filter(|p| p.affects == Affects::Availability)
                .any(|p| {
                    self.probes
                        .get(&p.id)
                        .is_some_and(|r| is_open(&r.down) && !r.is_silent())
                })
        });
        if declared || heard_down {
            State::Down
        } else if self.is_unknown(system) {
            State::Unknown
        } else if self.is_degraded(system) {
            State::Degraded
        } else {
            State::Up
        }
    }

    /// True if the system has an outage that is planned so far: a bad sample may outlast that.
    pub fn is_excused(&self, system: &str) -> bool {
        let open = self.systems.get(system).and_then(|s| s.open);
        open.and_then(|o| self.outages.get(&o))
            .is_some_and(|o| o.planned && o.overrun.is_none() && o.reclassified.is_none())
    }

    /// True if an outage of the system goes on, observed or declared.
    pub fn has_open_outage(&self, system: &SystemId) -> bool {
        self.open_outages(system).next().is_some()
    }

    /// The outages of the system that go on, observed or declared.
    pub(crate) fn open_outages(&self, system: &SystemId) -> impl Iterator<Item = &Outage> {
        let known = self.systems.get(system).into_iter();
        let ids = known.flat_map(|s| s.open.iter().chain(&s.declared));
        let outages = ids.filter_map(|id| self.outages.get(id)).map(|o| &**o);
        outages.filter(|outage| outage.end.is_none())
    }

    /// Up to when the samples of a probe are in the record: what came later may not be. A
    /// configuration ends it too: what was seen under an older one was judged by that.
    pub(crate) fn taken_in_until(&self, probe: &ProbeId) -> Option<Timestamp> {
        let configured_at = self.configurations.all().last().map(|(at, _, _)| *at);
        let silent = self.probes.get(probe).and_then(|p| p.silent.last());
        let silent = silent.filter(|s| s.1.is_none()).map(|s| s.0);
        configured_at
            .max(self.monitoring.watched_until())
            .max(silent)
    }

    /// The last instant that the clock is known to have shown before a start at `at`: while an
    /// earlier run was alive, or when somebody wrote into the ledger.
    pub(crate) fn shown_until(&self, at: Timestamp, given: Option<Timestamp>) -> Option<Timestamp> {
        self.monitoring.known_until(at, given).max(self.as_of)
    }

    /// The same record while the service does not watch: nothing falls due.
    pub fn paused(&self) -> Self {
        let mut paused = self.clone();
        paused.monitoring.pause();
        paused
    }
}

/// The state of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Available.
    Up,
    /// Available, but slow or impaired.
    Degraded,
    /// Not available.
    Down,
    /// No sample covers it.
    Unknown,
}

impl State {
    /// The word used in metrics and pages.
    pub fn word(self) -> &'static str {
        match self {
            State::Up => "up",
            State::Degraded => "degraded",
            State::Down => "down",
            State::Unknown => "unknown",
        }
    }
}
