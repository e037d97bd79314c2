//! How long a probe's target took to answer: counts per step of 1 %. Integers only, so that the
//! same rows give the same figures in any order.

use std::collections::BTreeMap;

use super::steps::decode;

/// An exact histogram of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    counts: BTreeMap<u16, u64>,
}

impl Latency {
    /// Counts `count` more durations of one code.
    pub(super) fn add(&mut self, code: u16, count: u64) {
        *self.counts.entry(code).or_default() += count;
    }

    /// How many answers it rests on.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The steps and how many durations fell on each, from short to long, in microseconds.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts
            .iter()
            .map(|(code, count)| (decode(*code), *count))
    }
}
