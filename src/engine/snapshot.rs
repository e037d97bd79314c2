//! What pages, status and metrics read without asking the engine: the present state as of a
//! moment, and for each probe its latest sample with counters. Written by the engine and the
//! runner, read by anybody; reading never waits for either.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use arc_swap::{ArcSwap, ArcSwapOption};
use domain::id::ProbeId;
use domain::record::Record;
use domain::sample::{Outcome, Sample};
use jiff::Timestamp;
use tokio::sync::watch;

use super::counters::AtomicDistribution;
use crate::ledger::Head;

/// The present state as of a moment. Everything in it is on the disk.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What the ledger says.
    pub record: Record,
    /// Where the ledger stands.
    pub head: Head,
    /// When this was taken.
    pub at: Timestamp,
    /// Whether something has happened that could not be written yet.
    pub behind: bool,
}

/// Where it all stands.
#[derive(Debug)]
pub struct SharedState {
    snapshot: ArcSwap<Snapshot>,
    probes: ArcSwap<BTreeMap<ProbeId, Arc<ProbeState>>>,
    /// How the engine itself does.
    pub counters: Counters,
}

impl SharedState {
    /// A state that shows `snapshot` and has an entry for each of its configured probes.
    pub fn new(snapshot: Snapshot) -> Self {
        let shared = Self {
            probes: ArcSwap::default(),
            snapshot: ArcSwap::from_pointee(snapshot.clone()),
            counters: Counters::default(),
        };
        shared.publish(snapshot);
        shared
    }

    /// The latest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The states of the configured probes.
    pub fn probes(&self) -> Arc<BTreeMap<ProbeId, Arc<ProbeState>>> {
        self.probes.load_full()
    }

    /// The state of a probe, if it is configured.
    pub fn probe(&self, probe: &ProbeId) -> Option<Arc<ProbeState>> {
        self.probes.load().get(probe).cloned()
    }

    /// Shows another snapshot. Only the engine does.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        let before = self.snapshot.load();
        let first = self.probes.load().is_empty();
        if first || !Arc::ptr_eq(&before.record.catalogue, &snapshot.record.catalogue) {
            self.fit_probes(&snapshot.record);
        }
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Probes that stay keep their counters; removed ones vanish, also from the metrics.
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

/// One probe: its latest sample, and counts since the service started.
#[derive(Debug)]
pub struct ProbeState {
    latest: ArcSwapOption<Sample>,
    outcomes: [AtomicU64; 4],
    missed: AtomicU64,
    late_us_sum: AtomicU64,
    late_us_max: AtomicU64,
    retrying: watch::Sender<bool>,
}

/// What a probe has counted since the service started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples that said `up`.
    pub up: u64,
    /// Samples that said `degraded`.
    pub degraded: u64,
    /// Samples that said `down`.
    pub down: u64,
    /// Samples that said nothing.
    pub inconclusive: u64,
    /// Slots in which the probe did not start.
    pub missed: u64,
    /// How late all starts were together, in microseconds.
    pub late_us_sum: u64,
    /// How late the latest start ever was, in microseconds.
    pub late_us_max: u64,
}

impl Counts {
    /// All samples.
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
            retrying: watch::Sender::new(false),
        }
    }
}

impl ProbeState {
    /// The latest sample, if there was one since the service started.
    pub fn latest(&self) -> Option<Arc<Sample>> {
        self.latest.load_full()
    }

    /// What has been counted.
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

    /// Whether the probe is asked at its retry interval, and every change of that.
    pub fn retrying(&self) -> watch::Receiver<bool> {
        self.retrying.subscribe()
    }

    /// Takes in a sample.
    pub(super) fn sampled(&self, sample: Sample) {
        self.outcomes[index(sample.outcome)].fetch_add(1, Relaxed);
        self.late_us_sum.fetch_add(sample.late_us, Relaxed);
        self.late_us_max.fetch_max(sample.late_us, Relaxed);
        self.latest.store(Some(Arc::new(sample)));
    }

    /// Counts slots without a start.
    pub(super) fn missed(&self, slots: u64) {
        self.missed.fetch_add(slots, Relaxed);
    }

    /// Tells the runner how the probe is asked from now on.
    pub(super) fn set_retrying(&self, retrying: bool) {
        self.retrying
            .send_if_modified(|now| std::mem::replace(now, retrying) != retrying);
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

/// How the engine itself does, since the service started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events written.
    pub events: AtomicU64,
    /// Transactions written.
    pub commits: AtomicU64,
    /// Transactions that failed.
    pub commit_failures: AtomicU64,
    /// How long turns with a transaction took.
    pub commits_took: AtomicDistribution,
    /// How late probes started.
    pub late: AtomicDistribution,
    /// Samples taken in.
    pub samples: AtomicU64,
    /// Samples that found no room on their way to the store.
    pub samples_refused: AtomicU64,
    /// Stalls and suspends.
    pub stalls: AtomicU64,
    /// Steps of the wall clock.
    pub clock_steps: AtomicU64,
    /// The last mark, in Unix microseconds; 0 before the first.
    pub marked_us: AtomicI64,
    /// The engine's last turn or look around, in Unix microseconds.
    pub turned_us: AtomicI64,
}

impl Counters {
    /// Counts a turn that wrote, or failed to.
    pub(super) fn committed(&self, events: u64, took_us: u64, failed: bool) {
        if failed {
            self.commit_failures.fetch_add(1, Relaxed);
        }
        if events > 0 {
            self.events.fetch_add(events, Relaxed);
            self.commits.fetch_add(1, Relaxed);
            self.commits_took.observe(took_us);
        }
    }
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use domain::sample::Phases;

    use super::*;

    fn sample(outcome: Outcome, late_us: u64) -> Sample {
        Sample {
            probe: ProbeId::from("portal/login"),
            at: Timestamp::from_second(1_790_000_000).unwrap(),
            late_us,
            outcome,
            reason: None,
            detail: None,
            took_us: 10,
            phases: Phases::default(),
            status: None,
            certificate_ends_at: None,
        }
    }

    #[test]
    fn a_probe_state_counts_what_it_sees_and_keeps_the_latest() {
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
    fn the_runner_hears_only_changes() {
        let state = ProbeState::default();
        let mut retrying = state.retrying();
        state.set_retrying(false);
        assert!(!retrying.has_changed().unwrap());
        state.set_retrying(true);
        assert!(retrying.has_changed().unwrap());
        assert!(*retrying.borrow_and_update());
    }
}
