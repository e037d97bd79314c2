//! Durations counted in fixed buckets: what happens too often to be listed one by one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.beyond
    }

    /// The sum of all of them, in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// Each bucket's upper bound in microseconds, and how many durations do not exceed it.
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

/// A [`Distribution`] in the making: many count, anybody reads, nobody waits.
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

    /// What has been counted so far.
    pub fn read(&self) -> Distribution {
        Distribution {
            counts: std::array::from_fn(|bucket| self.counts[bucket].load(Relaxed)),
            beyond: self.beyond.load(Relaxed),
            sum_us: self.sum_us.load(Relaxed),
        }
    }
}
