//! The one file that reads clocks. Wall time dates events. The time since boot, which includes
//! suspends, measures durations and shows when either clock cannot be trusted.
//!
//! It detects time that was not monitored: a stall or a suspend (no reading for five seconds), and
//! a wall clock that was set. It never decides the consequences.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use domain::event::GapCause;
use domain::span::Span;
use jiff::{SignedDuration, Timestamp};

/// A longer pause between two readings means that the process stalled or the machine was suspended.
const STALL_AFTER: Duration = Duration::from_secs(5);
/// The wall clock was set if it differs from the elapsed time by more than this.
const STEP_OVER: SignedDuration = SignedDuration::from_millis(500);
/// The interval of the readings.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The maximum number of gaps that wait for the engine. Further ones are merged into the last.
const KEPT: usize = 64;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Wall clock, in whole microseconds.
    pub wall: Timestamp,
    /// Since boot, including suspends if the system counts them.
    pub up: Duration,
}

/// A span in which the service ran but could not monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// By the wall clock.
    pub span: Span,
    pub cause: GapCause,
}

/// Compares readings. It reads no clock itself.
#[derive(Debug)]
struct Lookout {
    last: Reading,
    /// The offset to which a test has set the wall clock.
    #[cfg(test)]
    set_by: SignedDuration,
    stalled_until: Option<Duration>,
    pending: VecDeque<Gap>,
}

impl Lookout {
    fn new(first: Reading) -> Self {
        Self {
            last: first,
            #[cfg(test)]
            set_by: SignedDuration::ZERO,
            stalled_until: None,
            pending: VecDeque::new(),
        }
    }

    fn look_now(&mut self) {
        self.look(self.read());
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self)] // A test's clocks are its own.
    fn read(&self) -> Reading {
        read()
    }

    #[cfg(test)]
    fn read(&self) -> Reading {
        let Reading { wall, up } = read();
        let wall = wall.checked_add(self.set_by).unwrap_or(wall);
        Reading { wall, up }
    }

    /// Compares a reading with the last one and notes gaps.
    fn look(&mut self, now: Reading) {
        let went_by = now.up.saturating_sub(self.last.up);
        let signed = SignedDuration::try_from(went_by).unwrap_or(SignedDuration::MAX);
        let expected = self.last.wall.checked_add(signed).unwrap_or(Timestamp::MAX);
        if went_by > STALL_AFTER {
            self.note(Span::new(self.last.wall, expected), GapCause::Stalled);
            self.stalled_until = Some(now.up);
        }
        // A stepped leap second counts as a step of one second.
        if now.wall.duration_since(expected).abs() > STEP_OVER {
            let span = Span::new(now.wall.min(expected), now.wall.max(expected));
            self.note(span, GapCause::ClockStepped);
        }
        self.last = now;
    }

    fn note(&mut self, span: Span, cause: GapCause) {
        let full = self.pending.len() >= KEPT;
        match self.pending.back_mut().filter(|_| full) {
            Some(last) => {
                last.span = Span::new(last.span.from.min(span.from), last.span.to.max(span.to));
            }
            None => self.pending.push_back(Gap { span, cause }),
        }
    }
}

/// The clocks. Clones share one state.
#[derive(Clone, Debug)]
pub struct Clock {
    lookout: Arc<Mutex<Lookout>>,
}

impl Clock {
    /// Reads the clocks once a second on a separate thread until the last clone is dropped.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn start() -> std::io::Result<Self> {
        let clock = Self {
            lookout: Arc::new(Mutex::new(Lookout::new(read()))),
        };
        let weak = Arc::downgrade(&clock.lookout);
        std::thread::Builder::new()
            .name("nines-clock".to_owned())
            .spawn(move || keep_looking(&weak))?;
        Ok(clock)
    }

    /// The wall clock, in whole microseconds.
    pub fn now(&self) -> Timestamp {
        self.read().wall
    }

    /// Both clocks at once.
    #[cfg(not(test))]
    #[allow(clippy::unused_self)] // A test's clocks are its own.
    pub fn read(&self) -> Reading {
        read()
    }

    /// Both clocks at once, the wall clock as the test has set it.
    #[cfg(test)]
    pub fn read(&self) -> Reading {
        self.lock().read()
    }

    /// Moves the wall clock of this clock alone.
    #[cfg(test)]
    pub fn set_by(&self, by: SignedDuration) {
        let mut lookout = self.lock();
        lookout.set_by = by;
        lookout.look_now();
    }

    /// The gaps since the last call, in order. It reads the clocks first, so that the result
    /// includes everything before the call.
    pub fn monitoring_gaps(&self) -> Vec<Gap> {
        let mut lookout = self.lock();
        lookout.look_now();
        lookout.pending.drain(..).collect()
    }

    /// True if the process has not stalled since `up` (of a [`Reading`]). A measurement across a
    /// stall says nothing about its target.
    pub fn ran_through_since(&self, up: Duration) -> bool {
        let mut lookout = self.lock();
        lookout.look_now();
        lookout.stalled_until.is_none_or(|until| until <= up)
    }

    fn lock(&self) -> MutexGuard<'_, Lookout> {
        // Each change is complete before anything can panic, so a poisoned lock still guards a
        // valid value.
        self.lookout.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_looking(weak: &Weak<Mutex<Lookout>>) {
    while let Some(lookout) = weak.upgrade() {
        lookout
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .look_now();
        drop(lookout);
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The wall clock in whole microseconds, the precision of the stores: a decision and its stored
/// event have the same instant.
#[allow(clippy::disallowed_methods)] // This file is the one place that may.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// The time since the machine started: for durations, never for dates of events.
pub fn elapsed() -> Duration {
    since_boot()
}

fn read() -> Reading {
    // Whole microseconds like the wall clock: stored spans are computed from both.
    let up = since_boot();
    let whole = u64::try_from(up.as_micros()).unwrap_or(u64::MAX);
    Reading {
        wall: now(),
        up: Duration::from_micros(whole),
    }
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // The kernel keeps both fields positive and within bounds.
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Other systems do not count suspends in this clock. A suspend then appears as a step of the wall
/// clock.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // This file is the one place that may.
fn since_boot() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wall_ms: i64, up_ms: u64) -> Reading {
        Reading {
            wall: Timestamp::from_millisecond(1_790_000_000_000 + wall_ms).unwrap(),
            up: Duration::from_millis(up_ms),
        }
    }

    fn seen(readings: &[Reading]) -> Vec<(i64, i64, GapCause)> {
        let mut lookout = Lookout::new(reading(0, 0));
        for now in readings {
            lookout.look(*now);
        }
        let origin = reading(0, 0).wall.as_millisecond();
        lookout
            .pending
            .iter()
            .map(|a| {
                let ms = |t: Timestamp| t.as_millisecond() - origin;
                (ms(a.span.from), ms(a.span.to), a.cause)
            })
            .collect()
    }

    #[test]
    fn a_steady_clock_hides_nothing() {
        assert_eq!(
            seen(&[
                reading(1_000, 1_000),
                reading(2_400, 2_000),
                reading(7_000, 7_000)
            ]),
            []
        );
    }

    #[test]
    fn a_stall_hides_the_time_from_the_last_look_to_this_one() {
        assert_eq!(
            seen(&[reading(1_000, 1_000), reading(181_000, 181_000)]),
            [(1_000, 181_000, GapCause::Stalled)]
        );
    }

    #[test]
    fn a_clock_set_forward_hides_what_it_jumped_over() {
        assert_eq!(
            seen(&[reading(1_000, 1_000), reading(3_602_000, 2_000)]),
            [(2_000, 3_602_000, GapCause::ClockStepped)]
        );
    }

    #[test]
    fn a_clock_set_back_hides_what_happens_twice() {
        assert_eq!(
            seen(&[reading(4_000, 4_000), reading(1_000, 5_000)]),
            [(1_000, 5_000, GapCause::ClockStepped)]
        );
    }

    #[test]
    fn a_step_of_a_second_is_seen_and_one_of_half_a_second_is_not() {
        assert_eq!(seen(&[reading(1_500, 1_000)]), []);
        assert_eq!(
            seen(&[reading(2_000, 1_000)]),
            [(1_000, 2_000, GapCause::ClockStepped)]
        );
    }

    #[test]
    fn a_suspend_with_a_wrong_clock_afterwards_is_both() {
        assert_eq!(
            seen(&[reading(90_000, 60_000)]),
            [
                (0, 60_000, GapCause::Stalled),
                (60_000, 90_000, GapCause::ClockStepped)
            ]
        );
    }

    #[test]
    fn more_absences_than_are_kept_lose_no_time() {
        let readings: Vec<_> = (1..=100)
            .map(|n| reading(n * 10_000, n.unsigned_abs() * 10_000))
            .collect();
        let seen = seen(&readings);
        assert_eq!(seen.len(), KEPT);
        assert_eq!(seen.last().unwrap().1, 1_000_000);
    }

    #[test]
    fn the_real_clocks_run() {
        let clock = Clock::start().unwrap();
        let first = clock.read();
        assert!(clock.ran_through_since(first.up));
        assert!(clock.read().up >= first.up);
        assert_eq!(clock.now().as_nanosecond() % 1_000, 0);
        assert_eq!(clock.monitoring_gaps(), []);
    }
}
