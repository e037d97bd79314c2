//! How long a probe's target took to answer: counts per step of 1 %, and percentiles read from
//! them. Integers only, so that the same rows give the same figures in any order.

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

    /// The shortest duration that at least `per_mille` of a thousand do not exceed (nearest rank),
    /// in microseconds; `None` where nothing was measured. 500 is the median, 1000 the longest.
    pub fn percentile_us(&self, per_mille: u32) -> Option<u64> {
        let all = self.count();
        let rank = (u128::from(all) * u128::from(per_mille.min(1000))).div_ceil(1000);
        let mut passed: u128 = 0;
        self.counts
            .iter()
            .find(|(_, count)| {
                passed += u128::from(**count);
                passed >= rank.max(1)
            })
            .map(|(code, _)| decode(*code))
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::encode;
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentile_us(500), None);
        for us in [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] {
            latency.add(encode(us), 1);
        }
        assert_eq!(latency.count(), 10);
        let of = |per_mille| latency.percentile_us(per_mille);
        assert_eq!(of(0), Some(10));
        assert_eq!(of(500), Some(50));
        assert_eq!(of(501), Some(60));
        assert_eq!(of(900), Some(90));
        assert_eq!(of(990), Some(100));
        assert_eq!(of(1000), Some(100));
        latency.add(encode(10), 990);
        assert_eq!(latency.percentile_us(990), Some(10));
        assert_eq!(latency.buckets().next(), Some((10, 991)));
    }
}
