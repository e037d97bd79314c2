//! Says that the service works: to systemd, which restarts one that stands still, and to a service elsewhere, which alarms when
//! it hears nothing. Both fall silent by themselves: a part that stands still cannot report itself.
//!
//! A restart heals no full disk and no dead relay, so these stop the outbound heartbeat and not the watchdog.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use domain::notice::Address;
use domain::notices::pending;
use domain::record::Record;
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

/// Notices are not sent if they wait for this long and none was accepted meanwhile.
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
        let told_us = &self.engine.shared().counters.told_outside_us;
        match loaded.outbound_heartbeat {
            None => told_us.store(0, Relaxed),
            // One that is never answered must raise the alert, too.
            Some(_) => {
                let now_us = clock::now().as_microsecond();
                let _ = told_us.compare_exchange(0, now_us, Relaxed, Relaxed);
            }
        }
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
        Work {
            pulse: &self.engine.shared().counters.pulse,
            record: &snapshot.record,
            behind: snapshot.behind,
            unstored: self.samples.stats().failing,
            sampled_within: told.sampled_within,
            began,
            up: clock::elapsed(),
            now: self.engine.clock().now(),
        }
        .fails()
    }
}

/// The state of the service's work at one instant.
struct Work<'a> {
    pulse: &'a Pulse,
    record: &'a Record,
    /// The ledger cannot be written.
    behind: bool,
    /// The reason why samples cannot be stored.
    unstored: Option<String>,
    sampled_within: Option<Duration>,
    /// When it was first looked at, and now; since the machine started.
    began: Duration,
    up: Duration,
    now: Timestamp,
}

impl Work<'_> {
    fn fails(&self) -> Option<String> {
        let since = |beat: &Beat| self.up.saturating_sub(beat.last().max(self.began));
        if let Some(part) = stands_still(self.pulse, self.began, self.up) {
            return Some(format!("{part} stands still"));
        }
        let is_late = |within: Duration| since(&self.pulse.sample) > within;
        if self.sampled_within.is_some_and(is_late) {
            return Some("no probe has run".to_owned());
        }
        if self.behind {
            return Some("the ledger cannot be written".to_owned());
        }
        if let Some(why) = &self.unstored {
            return Some(format!("samples cannot be stored: {why}"));
        }
        let notices = &self.record.notices;
        let is_put_off = |address: &Address| notices.is_put_off(address);
        let waiting = pending(self.record, self.now);
        let is_unsent =
            since(&self.pulse.accepted) > UNSENT && stuck(&waiting, self.now, is_put_off);
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

/// True if notices have waited for too long: those of two addresses, or one that its own address does not put off. One full
/// mailbox says nothing about the relays.
fn stuck(
    waiting: &BTreeMap<Address, Timestamp>,
    now: Timestamp,
    is_put_off: impl Fn(&Address) -> bool,
) -> bool {
    let unsent = SignedDuration::try_from(UNSENT).unwrap_or(SignedDuration::MAX);
    let is_old = |at: Timestamp| now.duration_since(at) > unsent;
    let old: Vec<&Address> = waiting
        .iter()
        .filter(|(_, at)| is_old(**at))
        .map(|(address, _)| address)
        .collect();
    old.len() > 1 || old.iter().any(|address| !is_put_off(address))
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
    fn one_full_mailbox_is_not_taken_for_relays_that_are_gone() {
        let now: Timestamp = "2026-10-01T12:00:00Z".parse().unwrap();
        let (old, young) = (
            now - SignedDuration::from_mins(16),
            now - SignedDuration::from_mins(14),
        );
        let stuck = |waiting: &[(&str, Timestamp)], put_off: &[&str]| {
            let waiting = waiting
                .iter()
                .map(|(a, at)| (Address::Mail((*a).to_owned()), *at));
            let put_off: Vec<Address> = put_off
                .iter()
                .map(|a| Address::Mail((*a).to_owned()))
                .collect();
            super::stuck(&waiting.collect(), now, |address| put_off.contains(address))
        };
        let (a, b) = ("it@a.example", "it@b.example");
        assert!(!stuck(&[], &[]));
        assert!(!stuck(&[(a, young), (b, young)], &[]));
        assert!(!stuck(&[(a, old), (b, young)], &[a]));
        assert!(stuck(&[(a, old)], &[]), "no relay, or no message");
        assert!(stuck(&[(a, old), (b, old)], &[a, b]));
    }

    #[test]
    fn each_part_of_the_work_that_stops_has_its_words() {
        let pulse = Pulse::default();
        for beat in [
            &pulse.scheduler,
            &pulse.engine,
            &pulse.courier,
            &pulse.sample,
        ] {
            beat.beat();
        }
        let record = Record::default();
        let up = clock::elapsed();
        let works = || Work {
            pulse: &pulse,
            record: &record,
            behind: false,
            unstored: None,
            sampled_within: Some(2 * STILL),
            began: Duration::ZERO,
            up,
            now: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(works().fails(), None);
        let later = up + STILL + Duration::from_secs(1);
        let silent = Work {
            up: later,
            ..works()
        }
        .fails();
        assert_eq!(silent.unwrap(), "the scheduler of the probes stands still");
        let behind = Work {
            behind: true,
            ..works()
        }
        .fails();
        assert_eq!(behind.unwrap(), "the ledger cannot be written");
        let unstored = Some("no space left".to_owned());
        let unstored = Work {
            unstored,
            ..works()
        }
        .fails();
        assert_eq!(unstored.unwrap(), "samples cannot be stored: no space left");
        // A beat of the sampling that is older than the others.
        let idle = Pulse::default();
        for beat in [&idle.scheduler, &idle.engine, &idle.courier] {
            beat.beat();
        }
        let unsampled = Work {
            pulse: &idle,
            sampled_within: Some(Duration::ZERO),
            up: clock::elapsed() + Duration::from_millis(5),
            ..works()
        };
        assert_eq!(unsampled.fails().unwrap(), "no probe has run");
    }
}
