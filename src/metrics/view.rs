//! What `/metrics` is made from: a picture of the service at one moment, filled by the engine's
//! snapshot. Plain data: it must never hold a handle, a lock or anything that a customer named.

use std::collections::BTreeMap;

use domain::notice::Kind;
use domain::sample::{Outcome, Phases};
use jiff::Timestamp;

pub use domain::record::State;

use crate::engine::counters::Distribution;

/// The service at one moment. Lists are in order of their ids; a system or probe that is no longer
/// configured is not in them, and so leaves the page with the next scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The version of the program.
    pub version: String,
    /// The version of the time zone database in use.
    pub tzdb: String,
    /// Every configured probe.
    pub probes: Vec<Probe>,
    /// Every configured system.
    pub systems: Vec<System>,
    /// Incidents not yet resolved.
    pub open_incidents: OpenIncidents,
    /// Notices in the ledger that have come to an end; those left out count as 0.
    pub notices: BTreeMap<(Kind, Ended), u64>,
    /// Notices that have not.
    pub outbox: Outbox,
    /// How much later than their slots probes started.
    pub schedule_lag: Distribution,
    /// When the engine last took a turn or looked around.
    pub turned_at: Option<Timestamp>,
    /// The store of facts.
    pub ledger: Ledger,
    /// The store of samples.
    pub samples: Samples,
    /// The machine's clock, since the process started.
    pub clock: Clock,
    /// The configuration in force.
    pub configuration: Configuration,
}

/// One probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The system's id.
    pub system: String,
    /// The probe's own name, without its system.
    pub name: String,
    /// `http`, `tcp`, …
    pub kind: String,
    /// The place it runs from.
    pub vantage: String,
    /// Its last sample, if it ever had one.
    pub latest: Option<Latest>,
    /// Samples taken since the process started.
    pub taken: Taken,
    /// Slots in which it was not started, because the run before was still under way.
    pub missed_slots: u64,
}

/// The last sample of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// When the probe started.
    pub at: Timestamp,
    /// Whether it still vouches for its target. One that does not is exported as a time and
    /// nothing else: an old success is not a success.
    pub vouches: bool,
    /// What it said.
    pub outcome: Outcome,
    /// From start to verdict, in microseconds.
    pub took_us: u64,
    /// The parts of that.
    pub phases: Phases,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The earliest end of a certificate in the chain.
    pub certificate_ends_at: Option<Timestamp>,
}

/// Samples by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Answered as expected.
    pub up: u64,
    /// Answered slowly or impaired.
    pub degraded: u64,
    /// Did not answer as expected.
    pub down: u64,
    /// Said nothing about the target.
    pub inconclusive: u64,
}

impl Taken {
    /// Counts one more.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Up => self.up += 1,
            Outcome::Degraded => self.degraded += 1,
            Outcome::Down => self.down += 1,
            Outcome::Inconclusive => self.inconclusive += 1,
        }
    }
}

/// One system.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Its id.
    pub id: String,
    /// What it is now.
    pub state: State,
    /// The start of its open outage.
    pub outage_since: Option<Timestamp>,
    /// Whether it fails again and again, so that customers hear of it as unstable and of no single
    /// outage.
    pub is_unstable: bool,
    /// Whether a maintenance window is being held that excuses whatever downtime of it goes on.
    pub in_maintenance: bool,
    /// The running month of its committee, if it has been accounted.
    pub month: Option<Month>,
}

/// The figures of SPEC section 6 from the first instant of the committee's month until now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Month {
    /// Available seconds, the degraded ones among them.
    pub up_s: i64,
    /// The part of `up_s` that was slow or impaired.
    pub degraded_s: i64,
    /// Excused downtime in seconds.
    pub planned_s: i64,
    /// Excluded downtime in seconds.
    pub excluded_s: i64,
    /// All other downtime in seconds.
    pub unplanned_s: i64,
    /// Seconds that nothing vouches for.
    pub unknown_s: i64,
    /// 0 to 1; `None` where there is nothing to divide by.
    pub contract_availability: Option<f64>,
    /// 0 to 1; `None` where there is nothing to divide by.
    pub experienced_availability: Option<f64>,
    /// 0 to 1; `None` where there is nothing to divide by.
    pub coverage: Option<f64>,
    /// 0 to 1; `None` where the system has no target.
    pub target: Option<f64>,
    /// The unplanned seconds that the target leaves this month.
    pub budget_s: Option<i64>,
    /// What is left of them; negative once the target is missed.
    pub budget_left_s: Option<i64>,
}

/// Incidents not yet resolved, by what opened them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenIncidents {
    /// By a confirmed outage.
    pub outage: u64,
    /// By a window that took longer than agreed.
    pub overrun: u64,
    /// By a person's declaration.
    pub declared: u64,
}

/// How a notice came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// The relay took it.
    Sent,
    /// Refused for good, or given up.
    Rejected,
    /// Perhaps delivered, perhaps not.
    Ambiguous,
    /// Said by another.
    Folded,
}

/// Notices that still wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// How many.
    pub depth: u64,
    /// When the oldest of them was decided.
    pub oldest_at: Option<Timestamp>,
}

/// The store of facts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// The sequence number of the last event.
    pub seq: u64,
    /// When it happened.
    pub as_of: Option<Timestamp>,
    /// When it last noted that the service is alive.
    pub marked_at: Option<Timestamp>,
    /// How long commits took.
    pub commits: Distribution,
    /// Commits that failed, since the process started.
    pub failures: u64,
}

/// The store of samples, since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Rows committed.
    pub written: u64,
    /// Rows given up because the writer could not keep up or the disk was full.
    pub dropped: u64,
    /// Rows that wait for the next batch.
    pub waiting: u64,
    /// The start of the newest row of the last batch that was committed.
    pub committed_to: Option<Timestamp>,
}

/// The machine's clock, since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// How often the wall clock was set.
    pub steps: u64,
    /// How often the process got no time for seconds, or the machine slept.
    pub stalls: u64,
}

/// The configuration in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// When it came into force.
    pub loaded_at: Option<Timestamp>,
    /// Whether the last reload was refused, so that an older one is still in force.
    pub last_reload_failed: bool,
}
