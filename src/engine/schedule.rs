//! When a probe's task starts next: the one answer that the service and a rehearsal share.

use domain::id::ProbeId;
use domain::schedule::Grid;
use jiff::Timestamp;

/// How often a probe is asked, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    slots: Grid,
    retry_ms: i64,
    /// Where a retry without a run before it starts: spread as the slots are, so that a start of
    /// the service in a bad minute does not ask all that is in doubt at one instant.
    retries: Grid,
}

/// What the next start comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing: the first turn from here on.
    Instant(Timestamp),
    /// A run.
    Run {
        /// When it started.
        started: Timestamp,
        /// When it was done.
        ended: Timestamp,
    },
}

impl Schedule {
    /// That of `probe`, asked every `interval_ms` milliseconds, and every `retry_ms` while a run
    /// is pending.
    pub fn of(probe: &ProbeId, interval_ms: i64, retry_ms: i64) -> Self {
        let slots = Grid::of(probe, interval_ms);
        Self {
            slots,
            retry_ms,
            retries: Grid::of(probe, retry_ms.clamp(1, slots.interval_ms())),
        }
    }

    /// The slots of its interval.
    pub fn slots(&self) -> Grid {
        self.slots
    }

    /// When it starts after that. A run that is pending does not wait for a slot, whatever lies
    /// between: a start of the service, a stall, another configuration.
    pub fn next(&self, after: After, retrying: bool) -> Timestamp {
        match after {
            After::Instant(at) if retrying => {
                self.slots.at_or_after(at).min(self.retries.at_or_after(at))
            }
            After::Instant(at) => self.slots.at_or_after(at),
            After::Run { started, ended } => {
                self.slots.next(started, ended, retrying, self.retry_ms)
            }
        }
    }

    /// How many slots went by if a start that was due at `due` cannot be made before `now`: none
    /// unless a whole interval has passed. The task then begins anew, after the instant `now`.
    pub fn slipped(&self, due: Timestamp, now: Timestamp) -> Option<u64> {
        self.slots.realigned(due, now).map(|next| next.missed)
    }
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use jiff::SignedDuration;

    use super::*;

    fn schedule() -> Schedule {
        Schedule::of(&ProbeId::from("portal/login-page"), 600_000, 10_000)
    }

    fn t() -> Timestamp {
        "2026-10-07T10:04:05Z".parse().unwrap()
    }

    #[test]
    fn what_is_pending_waits_for_no_slot() {
        let slot = schedule().next(After::Instant(t()), false);
        assert_eq!(slot, schedule().slots().at_or_after(t()));
        let retry = schedule().next(After::Instant(t()), true);
        assert!(retry >= t() && retry < slot);
        assert!(retry.duration_since(t()) < SignedDuration::from_secs(10));
        // Nor longer than for a slot, should that be sooner.
        let just_before = slot - SignedDuration::from_nanos(1);
        let uneven = Schedule::of(&ProbeId::from("portal/login-page"), 600_000, 9_001);
        assert!(uneven.next(After::Instant(slot), true) <= slot);
        assert_eq!(uneven.next(After::Instant(just_before), true), slot);
    }

    #[test]
    fn what_is_pending_everywhere_is_not_asked_everywhere_at_once() {
        let tenth = |n: i32| {
            let id = ProbeId::from(format!("system-{n}/http"));
            let next = Schedule::of(&id, 600_000, 10_000).next(After::Instant(t()), true);
            next.duration_since(t()).as_secs()
        };
        let tenths: std::collections::BTreeSet<i64> = (0..100).map(tenth).collect();
        assert_eq!(tenths, (0..10).collect());
    }

    #[test]
    fn a_start_is_given_up_after_an_interval() {
        let slot = schedule().slots().at_or_after(t());
        let later = |s| slot + SignedDuration::from_secs(s);
        assert_eq!(schedule().slipped(slot, later(599)), None);
        assert_eq!(schedule().slipped(slot, later(1_300)), Some(3));
    }
}
