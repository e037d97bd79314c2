//! The state that pages, status and metrics read without waiting for the engine: a snapshot of the
//! record, and for each probe its latest sample and counters. The engine and the runner write it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::{ArcSwap, ArcSwapOption};
use domain::id::{ProbeId, Source};
use domain::record::Record;
use domain::sample::{Outcome, Sample};
use domain::schedule::Pace;
use jiff::Timestamp;
use tokio::sync::watch;

use super::counters::Counters;
use crate::ledger::Head;

/// The state at one moment. Everything in it is on the disk.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub record: Record,
    pub head: Head,
    pub at: Timestamp,
    /// True while an input that changed something is not written yet.
    pub behind: bool,
    /// The probes with a bad run that is not confirmed.
    pub doubted: BTreeSet<Source>,
}

/// A check of the monitor itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Network,
    Resolver,
}

impl Check {
    pub const ALL: [Check; 2] = [Check::Network, Check::Resolver];

    /// The word used in status and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Check::Network => "network",
            Check::Resolver => "resolver",
        }
    }
}

/// The last result of a check of the monitor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckState {
    /// Since when it answers, or fails.
    pub since: Timestamp,
    /// Why it fails.
    pub failure: Option<String>,
}

/// Everything that readers see of the engine.
#[derive(Debug)]
pub struct SharedState {
    snapshot: ArcSwap<Snapshot>,
    self_checks: [ArcSwapOption<CheckState>; 2],
    probes: ArcSwap<BTreeMap<ProbeId, Arc<ProbeState>>>,
    pub counters: Counters,
}

impl SharedState {
    /// Has an entry for each configured probe of `snapshot`.
    pub fn new(snapshot: Snapshot) -> Self {
        let shared = Self {
            probes: ArcSwap::default(),
            self_checks: Default::default(),
            snapshot: ArcSwap::from_pointee(snapshot.clone()),
            counters: Counters::default(),
        };
        shared.publish(snapshot);
        shared
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub fn probes(&self) -> Arc<BTreeMap<ProbeId, Arc<ProbeState>>> {
        self.probes.load_full()
    }

    /// The last result of a check of the monitor itself; `None` before the first.
    pub fn self_check(&self, check: Check) -> &ArcSwapOption<CheckState> {
        let [network, resolver] = &self.self_checks;
        match check {
            Check::Network => network,
            Check::Resolver => resolver,
        }
    }

    /// The state of a configured probe.
    pub fn probe(&self, probe: &ProbeId) -> Option<Arc<ProbeState>> {
        self.probes.load().get(probe).cloned()
    }

    /// Replaces the snapshot. Only the engine calls this.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        let before = self.snapshot.load();
        let first = self.probes.load().is_empty();
        if first || !Arc::ptr_eq(&before.record.catalogue, &snapshot.record.catalogue) {
            self.fit_probes(&snapshot.record);
        }
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Probes that stay configured keep their counters. Removed probes disappear, also from the metrics.
    fn fit_probes(&self, record: &Record) {
        let before = self.probes.load();
        let probes = record
            .catalogue
            .systems
            .iter()
            .flat_map(|system| &system.probes);
        let states = probes
            .map(|probe| {
                let kept = before.get(&probe.id).cloned();
                (probe.id.clone(), kept.unwrap_or_default())
            })
            .collect();
        self.probes.store(Arc::new(states));
    }
}

/// One probe: its latest sample, and its counters since the service started.
#[derive(Debug)]
pub struct ProbeState {
    latest: ArcSwapOption<Sample>,
    outcomes: [AtomicU64; 4],
    missed: AtomicU64,
    late_us_sum: AtomicU64,
    late_us_max: AtomicU64,
    pace: watch::Sender<Pace>,
}

/// The counters of a probe since the service started: samples by outcome, and lateness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub up: u64,
    pub degraded: u64,
    pub down: u64,
    pub inconclusive: u64,
    /// Slots in which the probe did not start.
    pub missed: u64,
    pub late_us_sum: u64,
    pub late_us_max: u64,
}

impl Counts {
    pub fn samples(&self) -> u64 {
        self.up + self.degraded + self.down + self.inconclusive
    }
}

impl Default for ProbeState {
    fn default() -> Self {
        Self {
            latest: ArcSwapOption::empty(),
            outcomes: Default::default(),
            missed: AtomicU64::new(0),
            late_us_sum: AtomicU64::new(0),
            late_us_max: AtomicU64::new(0),
            pace: watch::Sender::new(Pace::default()),
        }
    }
}

impl ProbeState {
    /// `None` before the first sample since the service started.
    pub fn latest(&self) -> Option<Arc<Sample>> {
        self.latest.load_full()
    }

    pub fn counts(&self) -> Counts {
        let outcome = |o| self.outcomes[index(o)].load(Relaxed);
        Counts {
            up: outcome(Outcome::Up),
            degraded: outcome(Outcome::Degraded),
            down: outcome(Outcome::Down),
            inconclusive: outcome(Outcome::Inconclusive),
            missed: self.missed.load(Relaxed),
            late_us_sum: self.late_us_sum.load(Relaxed),
            late_us_max: self.late_us_max.load(Relaxed),
        }
    }

    /// How soon the probe must run again. The receiver sees every change.
    pub fn pace(&self) -> watch::Receiver<Pace> {
        self.pace.subscribe()
    }

    pub(crate) fn sampled(&self, sample: Sample) {
        self.outcomes[index(sample.outcome)].fetch_add(1, Relaxed);
        self.late_us_sum.fetch_add(sample.late_us, Relaxed);
        self.late_us_max.fetch_max(sample.late_us, Relaxed);
        self.latest.store(Some(Arc::new(sample)));
    }

    pub(crate) fn missed(&self, slots: u64) {
        self.missed.fetch_add(slots, Relaxed);
    }

    /// Tells the runner how soon to start the probe again.
    pub(super) fn set_pace(&self, pace: Pace) {
        self.pace
            .send_if_modified(|now| std::mem::replace(now, pace) != pace);
    }
}

fn index(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Up => 0,
        Outcome::Degraded => 1,
        Outcome::Down => 2,
        Outcome::Inconclusive => 3,
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Source;
    use domain::sample::Phases;

    use super::*;

    fn sample(outcome: Outcome, late_us: u64) -> Sample {
        Sample {
            source: Source::new("portal/login", "here"),
            at: Timestamp::from_second(1_790_000_000).unwrap(),
            late_us,
            outcome,
            reason: None,
            detail: None,
            took_us: 10,
            phases: Phases::default(),
            status: None,
            certificate_ends_at: None,
            certificate_ends_soon: false,
            clock_offset_us: None,
        }
    }

    #[test]
    fn a_probe_state_counts_samples_and_keeps_the_latest() {
        let state = ProbeState::default();
        assert_eq!(state.latest(), None);
        state.sampled(sample(Outcome::Up, 5));
        state.sampled(sample(Outcome::Down, 7));
        state.missed(3);
        let counts = state.counts();
        assert_eq!((counts.up, counts.down, counts.samples()), (1, 1, 2));
        assert_eq!(
            (counts.missed, counts.late_us_sum, counts.late_us_max),
            (3, 12, 7)
        );
        assert_eq!(state.latest().unwrap().outcome, Outcome::Down);
    }

    #[test]
    fn the_runner_is_told_of_changes_only() {
        let state = ProbeState::default();
        let mut pace = state.pace();
        state.set_pace(Pace::Soon);
        assert!(!pace.has_changed().unwrap());
        state.set_pace(Pace::Retry);
        assert!(pace.has_changed().unwrap());
        assert_eq!(*pace.borrow_and_update(), Pace::Retry);
    }
}
