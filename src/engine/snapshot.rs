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

use super::tally::Tally;
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
pub struct Board {
    snapshot: ArcSwap<Snapshot>,
    slots: ArcSwap<BTreeMap<ProbeId, Arc<Slot>>>,
    /// How the engine itself does.
    pub vitals: Vitals,
}

impl Board {
    /// A board that shows `snapshot` and has a slot for each of its configured probes.
    pub fn new(snapshot: Snapshot) -> Self {
        let board = Self {
            slots: ArcSwap::default(),
            snapshot: ArcSwap::from_pointee(snapshot.clone()),
            vitals: Vitals::default(),
        };
        board.publish(snapshot);
        board
    }

    /// The latest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The slots of the configured probes.
    pub fn slots(&self) -> Arc<BTreeMap<ProbeId, Arc<Slot>>> {
        self.slots.load_full()
    }

    /// The slot of a probe, if it is configured.
    pub fn slot(&self, probe: &ProbeId) -> Option<Arc<Slot>> {
        self.slots.load().get(probe).cloned()
    }

    /// Shows another snapshot. Only the engine does.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        let before = self.snapshot.load();
        let first = self.slots.load().is_empty();
        if first || !Arc::ptr_eq(&before.record.catalogue, &snapshot.record.catalogue) {
            self.fit_slots(&snapshot.record);
        }
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Probes that stay keep their counters; removed ones vanish, also from the metrics.
    fn fit_slots(&self, record: &Record) {
        let before = self.slots.load();
        let probes = record
            .catalogue
            .systems
            .iter()
            .flat_map(|system| &system.probes);
        let slots = probes
            .map(|probe| {
                let kept = before.get(&probe.id).cloned();
                (probe.id.clone(), kept.unwrap_or_default())
            })
            .collect();
        self.slots.store(Arc::new(slots));
    }
}

/// One probe: its latest sample, and counts since the service started.
#[derive(Debug)]
pub struct Slot {
    latest: ArcSwapOption<Sample>,
    outcomes: [AtomicU64; 4],
    missed: AtomicU64,
    late_us_sum: AtomicU64,
    late_us_max: AtomicU64,
    retrying: watch::Sender<bool>,
}

/// What a slot has counted since the service started.
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

impl Default for Slot {
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

impl Slot {
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
pub struct Vitals {
    /// Events written.
    pub events: AtomicU64,
    /// Transactions written.
    pub commits: AtomicU64,
    /// Transactions that failed.
    pub commit_failures: AtomicU64,
    /// How long turns with a transaction took.
    pub commits_took: Tally,
    /// How late probes started.
    pub late: Tally,
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

impl Vitals {
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
    fn a_slot_counts_what_it_sees_and_keeps_the_latest() {
        let slot = Slot::default();
        assert_eq!(slot.latest(), None);
        slot.sampled(sample(Outcome::Up, 5));
        slot.sampled(sample(Outcome::Down, 7));
        slot.missed(3);
        let counts = slot.counts();
        assert_eq!((counts.up, counts.down, counts.samples()), (1, 1, 2));
        assert_eq!(
            (counts.missed, counts.late_us_sum, counts.late_us_max),
            (3, 12, 7)
        );
        assert_eq!(slot.latest().unwrap().outcome, Outcome::Down);
    }

    #[test]
    fn the_runner_hears_only_changes() {
        let slot = Slot::default();
        let mut retrying = slot.retrying();
        slot.set_retrying(false);
        assert!(!retrying.has_changed().unwrap());
        slot.set_retrying(true);
        assert!(retrying.has_changed().unwrap());
        assert!(*retrying.borrow_and_update());
    }
}
