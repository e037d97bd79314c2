//! Latencies of a day as counts: a histogram with fixed buckets for each probe. All arithmetic is in
//! integers, so the same samples give the same counts and percentiles on every machine.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ProbeId, Source};
use crate::span::Span;

/// The bucket of a latency, named by its upper bound: the microseconds rounded up to two significant
/// digits. `239_500` is in the bucket `240_000`. A bucket is at most 10 % wide.
pub fn bucket(us: u64) -> u64 {
    let digits = us.checked_ilog10().unwrap_or_default();
    let mut step = 10_u64.pow(digits.saturating_sub(1));
    // Rounded up, 99.5 has three digits.
    if us.div_ceil(step) > 99 {
        step = step.saturating_mul(10);
    }
    us.div_ceil(step).saturating_mul(step)
}

/// How many latencies each bucket has: pairs of upper bound and count, in order. Empty buckets are left
/// out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>")]
pub struct Histogram(Vec<(u64, u64)>);

impl From<Vec<(u64, u64)>> for Histogram {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        let mut histogram = Self(Vec::with_capacity(pairs.len()));
        for (us, count) in pairs {
            histogram.add(us, count);
        }
        histogram
    }
}

impl Histogram {
    /// Counts a latency `count` times.
    pub fn add(&mut self, us: u64, count: u64) {
        if count == 0 {
            return;
        }
        let bound = bucket(us);
        // Stored ones come in order.
        if self.0.last().is_none_or(|(last, _)| *last < bound) {
            self.0.push((bound, count));
            return;
        }
        match self.0.binary_search_by_key(&bound, |(known, _)| *known) {
            Ok(place) => self.0[place].1 = self.0[place].1.saturating_add(count),
            Err(place) => self.0.insert(place, (bound, count)),
        }
    }

    pub fn merge(&mut self, other: &Histogram) {
        // Both are in order, and most days of a probe have the same buckets.
        let mut place = 0;
        for &(us, count) in &other.0 {
            let later = self.0[place..].iter();
            place += later.take_while(|(known, _)| *known < us).count();
            match self.0.get_mut(place) {
                Some((known, sum)) if *known == us => *sum = sum.saturating_add(count),
                _ => self.0.insert(place, (us, count)),
            }
        }
    }

    /// The buckets in order: upper bound in microseconds, and count.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// The number of latencies.
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The upper bound of the bucket that holds the percentile, by nearest rank: the first bucket up to
    /// which at least `percent` % of all latencies are counted. `None` without latencies.
    pub fn percentile_us(&self, percent: u64) -> Option<u64> {
        let rank = (u128::from(self.count()) * u128::from(percent)).div_ceil(100);
        let mut counted = 0_u128;
        self.buckets().find_map(|(us, count)| {
            counted += u128::from(count);
            (counted >= rank.max(1)).then_some(us)
        })
    }
}

/// One probe on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Samples that say something about the target: up, degraded or down.
    pub conclusive: u64,
    /// The latencies of those that are up or degraded. The time of a failure is a time limit or the
    /// moment of a refusal, and no answer.
    pub answered: Histogram,
}

impl Counted {
    pub fn merge(&mut self, other: &Counted) {
        self.conclusive = self.conclusive.saturating_add(other.conclusive);
        self.answered.merge(&other.answered);
    }
}

/// A local day of a committee.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalDay {
    pub date: Date,
    /// Its zone (IANA).
    pub zone: String,
    pub span: Span,
}

/// The counts of every probe on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollup {
    pub day: LocalDay,
    pub probes: BTreeMap<Source, Counted>,
}

impl Rollup {
    /// Takes out the counts of one probe over all its vantages; `None` without a sample.
    pub fn take(&mut self, probe: &ProbeId) -> Option<Counted> {
        let first = Source::new(probe.clone(), "");
        let from = self.probes.range_mut(first..);
        let mut vantages = from.take_while(|(source, _)| source.probe == *probe);
        let mut sum = vantages
            .next()
            .map(|(_, counted)| std::mem::take(counted))?;
        for (_, counted) in vantages {
            sum.merge(&std::mem::take(counted));
        }
        Some(sum)
    }
}

/// A roll-up that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRollup {
    pub day: LocalDay,
    /// The name of its file.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The probes that have a conclusive sample.
    pub probes: u64,
    /// Their conclusive samples.
    pub samples: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(all: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for us in all {
            histogram.add(*us, 1);
        }
        histogram
    }

    #[test]
    fn a_bucket_is_the_latency_rounded_up_to_two_significant_digits() {
        for (us, upper) in [
            (0, 0),
            (1, 1),
            (99, 99),
            (100, 100),
            (101, 110),
            (239_500, 240_000),
            (240_000, 240_000),
            (240_001, 250_000),
            (990_000, 990_000),
            (990_001, 1_000_000),
        ] {
            assert_eq!(bucket(us), upper, "{us}");
        }
    }

    #[test]
    fn a_percentile_is_the_bucket_of_the_nearest_rank() {
        let all = of(&(1..=200).map(|n| n * 1_000).collect::<Vec<_>>());
        assert_eq!(all.percentile_us(50), Some(100_000));
        assert_eq!(all.percentile_us(95), Some(190_000));
        assert_eq!(all.percentile_us(99), Some(200_000));
        assert_eq!(of(&[7]).percentile_us(50), Some(7));
        assert_eq!(of(&[]).percentile_us(50), None);
    }

    proptest! {
        #[test]
        fn no_latency_is_above_its_bucket_or_a_tenth_below(us in 0..1_u64 << 40) {
            let upper = bucket(us);
            prop_assert!(us <= upper && upper * 10 <= us * 11 + 9, "{us} is in {upper}");
            prop_assert_eq!(bucket(upper), upper);
        }

        /// The oracle sorts the latencies and takes the one of the nearest rank.
        #[test]
        fn a_percentile_is_that_of_the_sorted_latencies(
            mut all in prop::collection::vec(0..10_000_000_u64, 1..300), percent in 1..100_u64,
        ) {
            let found = of(&all).percentile_us(percent);
            all.sort_unstable();
            let rank = (all.len() * usize::try_from(percent).unwrap()).div_ceil(100);
            prop_assert_eq!(found, Some(bucket(all[rank - 1])));
        }

        #[test]
        fn merged_histograms_count_as_one(
            a in prop::collection::vec(0..10_000_000_u64, 0..50), b in prop::collection::vec(0..10_000_000_u64, 0..50),
        ) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}
