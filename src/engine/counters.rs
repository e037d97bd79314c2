//! Counters of the engine and of each probe since the service started. Writers and readers never
//! wait for each other.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock;

/// Durations counted in fixed buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    counts: [u64; Distribution::BOUNDS_US.len()],
    beyond: u64,
    sum_us: u64,
}

impl Distribution {
    /// The upper bound of each bucket, in microseconds.
    pub const BOUNDS_US: [u64; 11] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        5_000_000,
    ];

    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.beyond
    }

    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// Each bucket's upper bound in microseconds, and the number of durations up to it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut below = 0;
        Self::BOUNDS_US
            .iter()
            .zip(&self.counts)
            .map(move |(bound, count)| {
                below += count;
                (*bound, below)
            })
    }
}

/// A [`Distribution`] that several threads add to.
#[derive(Debug, Default)]
pub struct AtomicDistribution {
    counts: [AtomicU64; Distribution::BOUNDS_US.len()],
    beyond: AtomicU64,
    sum_us: AtomicU64,
}

impl AtomicDistribution {
    /// Counts one duration, in microseconds.
    pub fn observe(&self, took_us: u64) {
        let bounds = Distribution::BOUNDS_US.iter();
        let bucket = bounds
            .zip(&self.counts)
            .find(|(bound, _)| took_us <= **bound);
        bucket
            .map_or(&self.beyond, |(_, count)| count)
            .fetch_add(1, Relaxed);
        self.sum_us.fetch_add(took_us, Relaxed);
    }

    pub fn read(&self) -> Distribution {
        Distribution {
            counts: std::array::from_fn(|bucket| self.counts[bucket].load(Relaxed)),
            beyond: self.beyond.load(Relaxed),
            sum_us: self.sum_us.load(Relaxed),
        }
    }
}

/// Counters of the engine since the service started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events written.
    pub events: AtomicU64,
    /// Transactions written.
    pub commits: AtomicU64,
    pub commit_failures: AtomicU64,
    /// Durations of the turns that wrote.
    pub commits_took: AtomicDistribution,
    /// Lateness of the probes' starts.
    pub late: AtomicDistribution,
    pub samples: AtomicU64,
    /// Samples that the full queue of the store refused.
    pub samples_refused: AtomicU64,
    /// Stalls and suspends of the process.
    pub stalls: AtomicU64,
    /// Attempts at which a relay refused Nines itself.
    pub relay_refusals: AtomicU64,
    /// Requests for subscriptions that are not confirmed, when people.sqlite was last read.
    pub unconfirmed_subscriptions: AtomicU64,
    /// Steps of the wall clock.
    pub clock_steps: AtomicU64,
    /// The last mark, in Unix microseconds; 0 before the first.
    pub marked_us: AtomicI64,
    /// The last turn of the engine, in Unix microseconds.
    pub turned_us: AtomicI64,
    /// The last outbound heartbeat that was answered, in Unix microseconds; 0 before the first.
    pub told_outside_us: AtomicI64,
    pub pulse: Pulse,
}

/// When each part of the service last went on, on the clock of [`crate::clock::elapsed`]. A part that stands still no longer
/// moves its own.
#[derive(Debug, Default)]
pub struct Pulse {
    /// The thread that starts the probes.
    pub scheduler: Beat,
    /// The engine's thread, which writes the ledger.
    pub engine: Beat,
    /// The task that sends notices.
    pub courier: Beat,
    /// A probe ended, whatever its outcome.
    pub sample: Beat,
    /// A relay or a webhook took a notice.
    pub accepted: Beat,
}

/// An instant that several threads may move on.
#[derive(Debug, Default)]
pub struct Beat(AtomicU64);

impl Beat {
    /// It goes on now.
    pub fn beat(&self) {
        let up = clock::elapsed().as_millis();
        self.0.store(u64::try_from(up).unwrap_or(u64::MAX), Relaxed);
    }

    /// The last beat; zero before the first.
    pub fn last(&self) -> Duration {
        Duration::from_millis(self.0.load(Relaxed))
    }
}

impl Counters {
    /// Counts a turn that wrote events or failed to write them.
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
