//! When a probe starts: on a fixed grid whose phase is a stable hash of its id. So a thousand
//! probes do not start at once, and a restart keeps each probe's slots. Only one run at a time: an
//! overrun skips slots and counts them.
//!
//! The engine and the simulation share this arithmetic.

use jiff::{SignedDuration, Timestamp};

use crate::id::ProbeId;

/// FNV-1a, 64 bits, finished with the 64-bit mix of MurmurHash3. FNV alone leaves ids that differ
/// in their last letter close together.
fn stable_hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// How soon a probe must run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// No sample covers this moment: the probe runs within [`SOON_MS`], so that a long interval loses no day to a
    /// restart.
    #[default]
    Soon,
    /// A run is not confirmed: the probe runs at its retry interval.
    Retry,
    /// The probe runs at its slots.
    Slots,
}

/// The longest that a probe without a covering sample waits, in milliseconds.
pub const SOON_MS: i64 = 60_000;

/// The slots of one probe: the instants of Unix time that are `phase_ms` modulo `interval_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    interval_ms: i64,
    phase_ms: i64,
}

/// A start that is moved to a later slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    pub at: Timestamp,
    /// The number of slots without a start.
    pub missed: u64,
}

impl Grid {
    /// The grid of `probe`; `interval_ms` is at least one.
    pub fn of(probe: &ProbeId, interval_ms: i64) -> Self {
        let interval_ms = interval_ms.max(1);
        let phase = stable_hash(probe.as_str()) % interval_ms.unsigned_abs();
        Self {
            interval_ms,
            phase_ms: i64::try_from(phase).unwrap_or(0),
        }
    }

    pub fn interval_ms(&self) -> i64 {
        self.interval_ms
    }

    /// The first slot at or after `at`.
    pub fn at_or_after(&self, at: Timestamp) -> Timestamp {
        let ns_per_ms = 1_000_000;
        let interval = i128::from(self.interval_ms) * ns_per_ms;
        let phase = i128::from(self.phase_ms) * ns_per_ms;
        let since_slot = (at.as_nanosecond() - phase).rem_euclid(interval);
        let wait = if since_slot == 0 {
            0
        } else {
            interval - since_slot
        };
        // Beyond the range of a timestamp there is no slot.
        Timestamp::from_nanosecond(at.as_nanosecond() + wait).unwrap_or(Timestamp::MAX)
    }

    /// The first slot later than `at`.
    pub fn after(&self, at: Timestamp) -> Timestamp {
        self.at_or_after(plus(at, SignedDuration::from_nanos(1)))
    }

    /// The number of slots in `(after, before)`, without the ends.
    pub fn between(&self, after: Timestamp, before: Timestamp) -> u64 {
        let first = self.after(after);
        if first >= before {
            return 0;
        }
        let interval = i128::from(self.interval_ms) * 1_000_000;
        let last = before.as_nanosecond() - 1 - first.as_nanosecond();
        u64::try_from(last / interval + 1).unwrap_or(u64::MAX)
    }

    /// The next start of a probe that started at `started` and ended at `ended`.
    ///
    /// While it is `retrying`, starts are `retry_ms` apart, at most one interval, or at once if the
    /// run took longer. The grid does not apply meanwhile. Otherwise the probe starts at the grid's
    /// next slot.
    pub fn next(
        &self,
        started: Timestamp,
        ended: Timestamp,
        retrying: bool,
        retry_ms: i64,
    ) -> Timestamp {
        if retrying {
            let pause = SignedDuration::from_millis(retry_ms.clamp(1, self.interval_ms));
            plus(started, pause).max(ended)
        } else if ended > started {
            self.at_or_after(ended)
        } else {
            self.after(started)
        }
    }

    /// A start that was due at `slot` and is handled at `now` happens late. If a whole interval has
    /// passed (a stall, a suspend), the probe waits for its next slot, so that not all probes start
    /// at once.
    pub fn realigned(&self, slot: Timestamp, now: Timestamp) -> Option<Next> {
        let late = now.duration_since(slot);
        if late < SignedDuration::from_millis(self.interval_ms) {
            return None;
        }
        let at = self.at_or_after(now);
        let skipped = self.between(slot, at).saturating_add(1);
        Some(Next {
            at,
            missed: skipped,
        })
    }
}

/// `at` plus `by`, clamped to the range of a timestamp.
fn plus(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn grid(interval_ms: i64) -> Grid {
        Grid::of(&ProbeId::from("portal/login-page"), interval_ms)
    }

    #[test]
    fn the_phase_of_a_probe_never_changes() {
        // Stored history uses this grid: a different hash would move every probe after an upgrade.
        assert_eq!(
            grid(30_000),
            Grid {
                interval_ms: 30_000,
                phase_ms: 11_918
            }
        );
    }

    #[test]
    fn a_thousand_probes_are_spread_over_the_interval() {
        let mut tenths = [0_u32; 10];
        for n in 0..1_000 {
            let id = ProbeId::from(format!("system-{n}/http"));
            let phase = Grid::of(&id, 30_000).phase_ms;
            tenths[usize::try_from(phase / 3_000).unwrap()] += 1;
        }
        // An even spread gives 100 each. These ids are fixed, so the test is stable.
        assert!(tenths.iter().all(|n| (65..=135).contains(n)), "{tenths:?}");
    }

    #[test]
    fn a_quick_probe_starts_at_every_slot() {
        let grid = grid(30_000);
        let slot = grid.at_or_after(t(1_800_000_000_000));
        let next = grid.next(
            slot,
            plus(slot, SignedDuration::from_millis(40)),
            false,
            5_000,
        );
        assert_eq!(next, plus(slot, SignedDuration::from_secs(30)));
    }

    #[test]
    fn a_probe_that_takes_no_time_at_all_does_not_start_twice_in_its_slot() {
        let grid = grid(30_000);
        let slot = grid.at_or_after(t(1_800_000_000_000));
        assert_eq!(grid.next(slot, slot, false, 5_000), grid.after(slot));
    }

    #[test]
    fn an_overrun_skips_and_counts_slots() {
        let grid = grid(10_000);
        let slot = grid.at_or_after(t(1_800_000_000_000));
        let ended = plus(slot, SignedDuration::from_secs(25));
        assert_eq!(
            grid.next(slot, ended, false, 5_000),
            plus(slot, SignedDuration::from_secs(30))
        );
        assert_eq!(grid.between(slot, ended), 2);
    }

    #[test]
    fn a_retry_starts_a_retry_interval_after_the_bad_start() {
        let grid = grid(30_000);
        let slot = grid.at_or_after(t(1_800_000_000_000));
        let quick = plus(slot, SignedDuration::from_millis(3));
        assert_eq!(
            grid.next(slot, quick, true, 5_000),
            plus(slot, SignedDuration::from_secs(5))
        );
        let slow = plus(slot, SignedDuration::from_secs(10));
        assert_eq!(grid.next(slot, slow, true, 5_000), slow);
    }

    #[test]
    fn retries_rest_the_grid_and_the_grid_goes_on_afterwards() {
        let grid = grid(30_000);
        let slot = grid.at_or_after(t(1_800_000_000_000));
        let s = |n| plus(slot, SignedDuration::from_secs(n));
        // After a retry at 28 s comes one at 33 s, not the slot at 30 s.
        assert_eq!(grid.next(s(28), s(28), true, 5_000), s(33));
        // When the run is decided, the next slot follows.
        assert_eq!(grid.next(s(33), s(33), false, 5_000), s(60));
    }

    #[test]
    fn a_retry_is_never_slower_than_the_interval() {
        let grid = grid(2_000);
        let slot = grid.at_or_after(t(1_800_000_000_000));
        assert_eq!(
            grid.next(slot, slot, true, 5_000),
            plus(slot, SignedDuration::from_secs(2))
        );
    }

    #[test]
    fn after_a_stall_a_probe_waits_for_its_slot_and_counts_what_it_missed() {
        let grid = grid(30_000);
        let slot = grid.at_or_after(t(1_800_000_000_000));
        let s = |n| plus(slot, SignedDuration::from_secs(n));
        assert_eq!(grid.realigned(slot, s(29)), None);
        assert_eq!(
            grid.realigned(slot, s(30)),
            Some(Next {
                at: s(30),
                missed: 1
            })
        );
        assert_eq!(
            grid.realigned(slot, s(185)),
            Some(Next {
                at: s(210),
                missed: 7
            })
        );
    }

    proptest! {
        #[test]
        fn slots_are_one_interval_apart(ms in -4_000_000_000_000_i64..4_000_000_000_000, interval in 1_i64..100_000_000) {
            let grid = Grid::of(&ProbeId::from("a/b"), interval);
            let slot = grid.at_or_after(t(ms));
            prop_assert!(slot >= t(ms));
            prop_assert!(slot.duration_since(t(ms)) < SignedDuration::from_millis(interval));
            prop_assert_eq!(grid.at_or_after(slot), slot);
            prop_assert_eq!(grid.after(slot).duration_since(slot), SignedDuration::from_millis(interval));
        }

        #[test]
        fn counting_slots_agrees_with_walking_them(from in 0_i64..1_000_000, len in 0_i64..100_000, interval in 50_i64..5_000) {
            let grid = Grid::of(&ProbeId::from("a/b"), interval);
            let (from, to) = (t(from), t(from + len));
            let mut walked = 0;
            let mut slot = grid.after(from);
            while slot < to {
                walked += 1;
                slot = grid.after(slot);
            }
            prop_assert_eq!(grid.between(from, to), walked);
        }

        #[test]
        fn one_run_at_a_time_whatever_it_takes(
            took in prop::collection::vec((0_i64..120_000, any::<bool>()), 1..60),
            interval in 100_i64..60_000,
            retry in 1_i64..60_000,
        ) {
            let grid = Grid::of(&ProbeId::from("a/b"), interval);
            let mut started = grid.at_or_after(t(1_800_000_000_000));
            for (took_ms, retrying) in took {
                let ended = plus(started, SignedDuration::from_millis(took_ms));
                let next = grid.next(started, ended, retrying, retry);
                prop_assert!(next >= ended && next > started);
                // No start comes later than a retry's pause or the first free slot.
                prop_assert!(next <= plus(ended, SignedDuration::from_millis(interval)));
                if !retrying {
                    prop_assert_eq!(grid.at_or_after(next), next);
                }
                started = next;
            }
        }
    }
}
