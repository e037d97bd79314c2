//! Says that the service works: to systemd, which restarts one that stands still, and to a service elsewhere, which alarms when
//! it hears nothing. Both fall silent by themselves: a part that stands still cannot report itself.
//!
//! A restart heals no full disk and no dead relay, so these stop the outbound heartbeat and not the watchdog.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use domain::record::Standing;
use jiff::{SignedDuration, Timestamp};
use sd_notify::NotifyState;
use secrecy::ExposeSecret as _;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock;
use crate::config::{Loaded, OutboundHeartbeat};
use crate::engine::EngineHandle;
use crate::engine::counters::{Beat, Pulse};
use crate::notices;
use crate::samples::Writer;

/// A part that has not gone on for this long stands still. Each goes on every second.
const STILL: Duration = Duration::from_secs(30);

/// Notices are not sent if one waits for this long and none was accepted meanwhile.
const UNSENT: Duration = Duration::from_secs(15 * 60);

/// Probes are not run if none ended within this many of the shortest time between two starts, with the timeout.
const ROUNDS: u32 = 3;

/// Tells systemd and the external alarm service that Nines works.
pub(super) struct Alive {
    engine: Arc<EngineHandle>,
    samples: Writer,
    told: ArcSwapOption<Told>,
}

/// Whom to tell, and what of the configuration decides it.
struct Told {
    heartbeat: Option<OutboundHeartbeat>,
    /// The longest time without a sample; `None` without probes.
    sampled_within: Option<Duration>,
}

impl Alive {
    pub(super) fn new(engine: Arc<EngineHandle>, samples: Writer) -> Self {
        Self {
            engine,
            samples,
            told: ArcSwapOption::empty(),
        }
    }

    /// Uses this configuration from now on.
    pub(super) fn configure(&self, loaded: &Loaded) {
        let rounds = loaded.probes.iter().map(|setup| {
            let interval = Duration::from_millis(u64::try_from(setup.interval_ms).unwrap_or(0));
            interval + setup.probe.timeout()
        });
        self.told.store(Some(Arc::new(Told {
            heartbeat: loaded.outbound_heartbeat.clone(),
            sampled_within: rounds.min().map(|round| STILL + round * ROUNDS),
        })));
    }

    /// Tells systemd every half of its period, unless a part stands still.
    pub(super) async fn feed_watchdog(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let Some(period) = sd_notify::watchdog_enabled() else {
            return stop.await;
        };
        let mut ticks = ticks(period / 2);
        let began = clock::elapsed();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            let pulse = &self.engine.shared().counters.pulse;
            match stands_still(pulse, began, clock::elapsed()) {
                None => tell_systemd(&[NotifyState::Watchdog]),
                Some(part) => tracing::error!(
                    part,
                    "it stands still: systemd is not told that the service works"
                ),
            }
        }
    }

    /// Requests the URL of the configuration for as long as the service works.
    pub(super) async fn beat_outbound(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let began = clock::elapsed();
        let mut next = began;
        let mut ticks = ticks(Duration::from_secs(1));
        // One line in the log for each change, not for each beat.
        let mut failing: Option<String> = None;
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            let Some(told) = self.told.load_full() else {
                continue;
            };
            let Some(heartbeat) = told.heartbeat.as_ref().filter(|_| next <= clock::elapsed())
            else {
                continue;
            };
            next = clock::elapsed() + heartbeat.every;
            let result = match self.fails(&told, began) {
                Some(why) => Err(format!("not sent: {why}")),
                None => {
                    let url = heartbeat.url.expose_secret();
                    tokio::select! {
                        () = &mut stop => return,
                        result = notices::get(url, heartbeat.allow_private) => result,
                    }
                }
            };
            match (&result, &failing) {
                (Ok(()), _) => {
                    let counters = &self.engine.shared().counters;
                    counters
                        .told_outside_us
                        .store(clock::now().as_microsecond(), Relaxed);
                    if failing.take().is_some() {
                        tracing::info!("the outbound heartbeat is answered again");
                    }
                }
                (Err(why), Some(known)) if why == known => {}
                (Err(why), _) => {
                    tracing::error!(why, "the outbound heartbeat failed");
                    failing = Some(why.clone());
                }
            }
        }
    }

    /// What keeps the service from its work now.
    fn fails(&self, told: &Told, began: Duration) -> Option<String> {
        let snapshot = self.engine.snapshot();
        let pulse = &self.engine.shared().counters.pulse;
        let up = clock::elapsed();
        let since = |beat: Duration| up.saturating_sub(beat.max(began));
        if let Some(part) = stands_still(pulse, began, up) {
            return Some(format!("{part} stands still"));
        }
        let unsampled = told
            .sampled_within
            .filter(|within| since(pulse.sample.last()) > *within);
        if unsampled.is_some() {
            return Some("no probe has run".to_owned());
        }
        if snapshot.behind {
            return Some("the ledger cannot be written".to_owned());
        }
        if let Some(why) = self.samples.stats().failing {
            return Some(format!("samples cannot be stored: {why}"));
        }
        let unsent = snapshot.record.notices.unsent();
        let waiting = unsent.filter(|(_, o)| !matches!(o.standing, Standing::Sent(_)));
        let oldest = waiting.map(|(_, outgoing)| outgoing.decided_at).min();
        let is_unsent = is_unsent(
            oldest,
            self.engine.clock().now(),
            since(pulse.accepted.last()),
        );
        is_unsent.then(|| "no notice could be sent for 15 min".to_owned())
    }
}

/// The parts that go on every second.
fn parts(pulse: &Pulse) -> [(&'static str, &Beat); 3] {
    [
        ("the scheduler of the probes", &pulse.scheduler),
        ("the engine", &pulse.engine),
        ("the courier", &pulse.courier),
    ]
}

/// The part that has not gone on for too long. `began` is when it was first looked at.
fn stands_still(pulse: &Pulse, began: Duration, up: Duration) -> Option<&'static str> {
    let mut parts = parts(pulse).into_iter();
    let still = parts.find(|(_, beat)| up.saturating_sub(beat.last().max(began)) > STILL);
    still.map(|(part, _)| part)
}

/// True if a notice has waited for too long and none was accepted for as long.
fn is_unsent(oldest: Option<Timestamp>, now: Timestamp, unaccepted: Duration) -> bool {
    let unsent = SignedDuration::try_from(UNSENT).unwrap_or(SignedDuration::MAX);
    oldest.is_some_and(|at| now.duration_since(at) > unsent) && unaccepted > UNSENT
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Without systemd this does nothing.
pub(super) fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "systemd cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: u64 = 60;

    #[test]
    fn each_part_that_stands_still_is_named_after_thirty_seconds() {
        for still in ["the scheduler of the probes", "the engine", "the courier"] {
            let pulse = Pulse::default();
            let began = clock::elapsed();
            for (part, beat) in parts(&pulse) {
                if part != still {
                    beat.beat();
                }
            }
            // Seen from the beginning each has its time, and seen as one that has long run only the others went on.
            assert_eq!(stands_still(&pulse, began, began + STILL), None);
            let later = began + Duration::from_secs(1);
            assert_eq!(stands_still(&pulse, Duration::ZERO, later), Some(still));
        }
    }

    #[test]
    fn sending_has_stopped_if_a_notice_waits_and_none_was_accepted() {
        let now: Timestamp = "2026-10-01T12:00:00Z".parse().unwrap();
        let old = Some(now - SignedDuration::from_mins(16));
        let young = Some(now - SignedDuration::from_mins(14));
        for (oldest, unaccepted, stopped) in [
            (old, Duration::from_secs(16 * MIN), true),
            (old, Duration::from_secs(14 * MIN), false),
            (young, Duration::from_secs(16 * MIN), false),
            (None, Duration::from_secs(16 * MIN), false),
        ] {
            assert_eq!(
                is_unsent(oldest, now, unaccepted),
                stopped,
                "{oldest:?} {unaccepted:?}"
            );
        }
    }
}
