//! The start times of one probe. The service and the simulation share them.

use domain::id::ProbeId;
use domain::schedule::{Grid, Pace, SOON_MS};
use jiff::Timestamp;

/// The configured start times of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    slots: Grid,
    retry_ms: i64,
    /// The start of a retry that follows no run. Spread as the slots are, so that a service that
    /// starts during a wide outage does not run all pending probes at one instant.
    retries: Grid,
    /// The first start of a probe that no sample covers.
    soon: Grid,
}

/// The next start comes after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Instant(Timestamp),
    Run {
        started: Timestamp,
        ended: Timestamp,
    },
}

impl Schedule {
    /// `retry_ms` replaces `interval_ms` while a run is pending.
    pub fn of(probe: &ProbeId, interval_ms: i64, retry_ms: i64) -> Self {
        let slots = Grid::of(probe, interval_ms);
        let at_most = |ms: i64| Grid::of(probe, ms.clamp(1, slots.interval_ms()));
        Self {
            slots,
            retry_ms,
            retries: at_most(retry_ms),
            soon: at_most(SOON_MS),
        }
    }

    pub fn slots(&self) -> Grid {
        self.slots
    }

    /// The next start. Neither a pending run nor a probe that no sample covers waits for a slot, even after a start
    /// of the service, a stall or a reload.
    pub fn next(&self, after: After, pace: Pace) -> Timestamp {
        let retrying = pace == Pace::Retry;
        let next = |grid: &Grid| match after {
            After::Instant(at) => grid.at_or_after(at),
            After::Run { started, ended } => grid.next(started, ended, retrying, self.retry_ms),
        };
        let slot = next(&self.slots);
        match (pace, after) {
            (Pace::Retry, After::Instant(_)) => slot.min(next(&self.retries)),
            (Pace::Soon, _) => slot.min(next(&self.soon)),
            (Pace::Retry, After::Run { .. }) | (Pace::Slots, _) => slot,
        }
    }

    /// The number of missed slots if a start that was due at `due` was not possible before `now`.
    /// `None` unless a whole interval has passed. The task then waits for the first slot after `now`.
    pub fn slipped(&self, due: Timestamp, now: Timestamp) -> Option<u64> {
        self.slots.realigned(due, now).map(|next| next.missed)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn schedule() -> Schedule {
        Schedule::of(&ProbeId::from("portal/login-page"), 600_000, 10_000)
    }

    fn t() -> Timestamp {
        "2026-10-07T10:04:05Z".parse().unwrap()
    }

    #[test]
    fn a_pending_run_does_not_wait_for_a_slot() {
        let slot = schedule().next(After::Instant(t()), Pace::Slots);
        assert_eq!(slot, schedule().slots().at_or_after(t()));
        let retry = schedule().next(After::Instant(t()), Pace::Retry);
        assert!(retry >= t() && retry < slot);
        assert!(retry.duration_since(t()) < SignedDuration::from_secs(10));
        // A slot that is sooner than the retry is taken.
        let just_before = slot - SignedDuration::from_nanos(1);
        let uneven = Schedule::of(&ProbeId::from("portal/login-page"), 600_000, 9_001);
        assert!(uneven.next(After::Instant(slot), Pace::Retry) <= slot);
        assert_eq!(uneven.next(After::Instant(just_before), Pace::Retry), slot);
    }

    #[test]
    fn pending_runs_of_many_probes_do_not_start_at_once() {
        let tenth = |n: i32| {
            let id = ProbeId::from(format!("system-{n}/http"));
            let next = Schedule::of(&id, 600_000, 10_000).next(After::Instant(t()), Pace::Retry);
            next.duration_since(t()).as_secs()
        };
        let tenths: std::collections::BTreeSet<i64> = (0..100).map(tenth).collect();
        assert_eq!(tenths, (0..10).collect());
    }

    #[test]
    fn a_probe_that_no_sample_covers_runs_within_a_minute_spread_over_it_and_then_at_its_slots() {
        let day_ms = 86_400_000;
        let minute = SignedDuration::from_secs(60);
        let mut tenths = std::collections::BTreeSet::new();
        for n in 0..100 {
            let id = ProbeId::from(format!("system-{n}/http"));
            let schedule = Schedule::of(&id, day_ms, 5_000);
            let first = schedule.next(After::Instant(t()), Pace::Soon);
            let wait = first.duration_since(t());
            assert!(wait >= SignedDuration::ZERO && wait < minute);
            tenths.insert(wait.as_secs() / 6);
            // Without a conclusive result the next minute brings another run.
            let ended = first + SignedDuration::from_secs(2);
            let run = After::Run {
                started: first,
                ended,
            };
            assert_eq!(schedule.next(run, Pace::Soon), first + minute);
            let slot = schedule.slots().at_or_after(ended);
            assert_eq!(schedule.next(run, Pace::Slots), slot);
        }
        assert_eq!(tenths, (0..10).collect());
        // A short interval has its slots soon enough.
        let quick = Schedule::of(&ProbeId::from("portal/login-page"), 30_000, 5_000);
        let slot = quick.slots().at_or_after(t());
        assert_eq!(quick.next(After::Instant(t()), Pace::Soon), slot);
    }

    #[test]
    fn a_start_is_missed_after_an_interval() {
        let slot = schedule().slots().at_or_after(t());
        let later = |s| slot + SignedDuration::from_secs(s);
        assert_eq!(schedule().slipped(slot, later(599)), None);
        assert_eq!(schedule().slipped(slot, later(1_300)), Some(3));
    }
}
