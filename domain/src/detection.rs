//! From samples to confirmed states of one probe: runs, confirmation, back-dating, blips, and the
//! time that no sample covers. The rules are in `docs/concepts.md`.
//!
//! A probe has two independent confirmations: towards *down* (a `down` sample is bad, a `degraded`
//! one is good) and towards *degraded* (both are bad).

use jiff::{SignedDuration, Timestamp};

use crate::catalogue::{Heartbeat, Method, Probe};
use crate::event::Silence;
use crate::heartbeat;
use crate::sample::{Outcome, Reason, Sample, Seen};
use crate::schedule::Pace;
use crate::span::Span;

/// The settings of a probe that detection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The number of bad samples in a row that confirm.
    pub failures: u32,
    /// The number of good samples in a row that clear.
    pub recoveries: u32,
    /// The longest time that a sample covers.
    pub coverage: SignedDuration,
    /// The longest run of the probe. A sample is missing only after this time.
    pub timeout: SignedDuration,
    /// The silence of a heartbeat is an outage; a missing sample of another probe is unknown time.
    pub heartbeat: Option<Heartbeat>,
}

impl From<&Probe> for Settings {
    fn from(probe: &Probe) -> Self {
        Self {
            failures: probe.failures(),
            recoveries: probe.recoveries(),
            coverage: SignedDuration::from_millis(probe.coverage_ms()),
            timeout: SignedDuration::from_millis(probe.longest_delay_ms()),
            heartbeat: match &probe.method {
                Method::Heartbeat(heartbeat) => Some(heartbeat.clone()),
                Method::Active(_) => None,
            },
        }
    }
}

/// A change of a probe's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Confirmed down.
    Down {
        /// The first bad sample of the run.
        from: Timestamp,
        /// The reason of the sample that confirmed.
        reason: Option<Reason>,
        /// Its detail.
        detail: Option<String>,
        /// The samples that confirmed.
        samples: Vec<Seen>,
        /// The last good sample before them.
        before: Option<Seen>,
    },
    /// Confirmed up.
    Up {
        /// The first good sample of the run, or the end of the last bad sample's coverage if that
        /// is earlier.
        to: Timestamp,
        /// The span without coverage in which the downtime ended.
        unobserved: Option<Span>,
        /// The samples that cleared.
        samples: Vec<Seen>,
        /// The last bad sample before them.
        before: Option<Seen>,
    },
    /// Confirmed degraded (or down, which is worse).
    Degraded {
        /// The first bad sample of the run.
        from: Timestamp,
        /// The reason of the sample that confirmed.
        reason: Option<Reason>,
        /// Its detail.
        detail: Option<String>,
        /// The samples that confirmed.
        samples: Vec<Seen>,
    },
    /// Confirmed neither down nor degraded.
    Cleared {
        /// The first good sample of the run, or the end of the last bad sample's coverage if that
        /// is earlier.
        to: Timestamp,
    },
    /// An unconfirmed run towards down begins. It is not an event: it ends as [`Change::Down`] or
    /// [`Change::Blip`]. Until then notices wait and outages stay open.
    Doubted,
    /// Bad again while confirmed down. It is not an event, but it can show that downtime lasts
    /// beyond a window.
    Bad {
        /// The start of the sample.
        at: Timestamp,
    },
    /// Slow again while confirmed degraded. It is not an event, but it can show that a degradation
    /// lasts beyond a window.
    Slow,
    /// A bad run that was never confirmed.
    Blip {
        /// From its first bad sample to its end.
        span: Span,
        /// The number of bad samples.
        samples: u32,
    },
    /// No sample covers the time from here on.
    Silent {
        /// The end of the last coverage.
        from: Timestamp,
        cause: Silence,
    },
    /// A conclusive sample covers the time again.
    FirstResult {
        /// The start of the sample.
        from: Timestamp,
    },
}

impl Change {
    /// True if a bad sample made or confirmed it.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(
            self,
            Self::Down { .. } | Self::Degraded { .. } | Self::Bad { .. } | Self::Slow
        )
    }
}

/// Consecutive samples that are all bad or all good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Run {
    bad: bool,
    /// The first samples of the run, as many as a confirmation needs.
    seen: Vec<Seen>,
    /// The number of all samples.
    count: u32,
    /// The last sample.
    last: Option<Seen>,
}

impl Run {
    /// The earliest start. It is not always that of the first sample: the clock may have been set
    /// back since.
    fn began_at(&self) -> Option<Timestamp> {
        self.seen.iter().map(|seen| seen.at).min()
    }
}

/// One of the two confirmations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Confirmation {
    confirmed: bool,
    run: Run,
    /// The last sample before the run, if no gap ended its coverage in between.
    before: Option<Seen>,
    /// True after a bad sample until it is confirmed or enough good samples follow.
    suspect: bool,
    /// The end of the last bad sample's coverage. `None` while a bad sample covers the time, and
    /// before the first.
    bad_until: Option<Timestamp>,
}

/// The effect of a sample on a confirmation.
enum Step {
    Nothing,
    Confirmed {
        samples: Vec<Seen>,
        before: Option<Seen>,
    },
    Cleared {
        to: Timestamp,
        unobserved: Option<Span>,
        samples: Vec<Seen>,
        before: Option<Seen>,
    },
    Blip {
        span: Span,
        samples: u32,
    },
}

impl Confirmation {
    fn see(&mut self, settings: &Settings, bad: bool, seen: &Seen) -> Step {
        let goes_on = self.run.count > 0 && self.run.bad == bad;
        let mut broken = Run::default();
        if !goes_on {
            broken = std::mem::take(&mut self.run);
            self.before = broken.last.clone();
            self.run.bad = bad;
        }
        let wanted = if bad {
            settings.failures
        } else {
            settings.recoveries
        };
        if self.run.count < wanted {
            self.run.seen.push(seen.clone());
        }
        self.run.count += 1;
        self.run.last = Some(seen.clone());
        if bad {
            self.bad_until = None;
            self.suspect |= !self.confirmed;
        } else if self.bad_until.is_none() {
            self.bad_until = Some(seen.at);
        }
        // The count may exceed `wanted`: a reload may have lowered the number.
        if self.run.count >= wanted && bad != self.confirmed {
            return self.turn(bad);
        }
        if !bad && self.run.count >= settings.recoveries {
            self.suspect = false;
        }
        match broken.began_at() {
            Some(from) if broken.bad && !self.confirmed => Step::Blip {
                span: Span::new(from.min(seen.at), seen.at),
                samples: broken.count,
            },
            _ => Step::Nothing,
        }
    }

    /// Changes the confirmed state. The run has become long enough.
    fn turn(&mut self, bad: bool) -> Step {
        self.confirmed = bad;
        self.suspect = false;
        let (samples, before) = (self.run.seen.clone(), self.before.clone());
        if bad {
            return Step::Confirmed { samples, before };
        }
        // The run has at least one sample.
        let first = self.run.began_at().unwrap_or(Timestamp::UNIX_EPOCH);
        match self.bad_until {
            Some(until) if until < first => Step::Cleared {
                to: until,
                unobserved: Some(Span::new(until, first)),
                samples,
                before,
            },
            _ => Step::Cleared {
                to: first,
                unobserved: None,
                samples,
                before,
            },
        }
    }

    /// Forgets the run: the next sample came too late to continue it. An unconfirmed bad run is a
    /// blip that ends with the coverage of its last sample.
    fn forget(&mut self, until: Timestamp) -> Option<Change> {
        let run = std::mem::take(&mut self.run);
        self.suspect = false;
        let from = run.began_at()?;
        (run.bad && !self.confirmed).then(|| Change::Blip {
            span: Span::new(from.min(until), until),
            samples: run.count,
        })
    }

    /// Ends the coverage at `from`. If no run was read back, the confirmed state counts as the last
    /// sample.
    fn silence(&mut self, from: Timestamp) {
        let bad = if self.run.count > 0 {
            self.run.bad
        } else {
            self.confirmed
        };
        if bad && self.bad_until.is_none() {
            self.bad_until = Some(from);
        }
    }

    /// After reading back: confirms or clears if the run is long enough.
    fn overlooked(&mut self, settings: &Settings) -> Step {
        let wanted = if self.run.bad {
            settings.failures
        } else {
            settings.recoveries
        };
        if self.run.bad != self.confirmed && self.run.count >= wanted {
            self.turn(self.run.bad)
        } else {
            Step::Nothing
        }
    }

    fn under_way(&self) -> bool {
        self.run.count > 0
    }

    fn pending(&self) -> bool {
        !self.confirmed && self.run.bad && self.run.count > 0
    }
}

/// The runs of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    settings: Settings,
    down: Confirmation,
    degraded: Confirmation,
    /// The last conclusive sample.
    last: Option<Timestamp>,
    /// The end of the coverage; `None` while a sample covers the time.
    silent: Option<Timestamp>,
    /// For reading back: the start of the record's present state, for down and for degraded.
    since: (Option<Timestamp>, Option<Timestamp>),
    /// Since when every beat of a heartbeat is heard. `None` while the service does not watch.
    listening: Option<Timestamp>,
    /// When the next beat of a heartbeat is due, and when its absence is decided.
    deadline: Option<Deadline>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deadline {
    due: Timestamp,
    decided: Timestamp,
}

impl Runs {
    /// A probe with the confirmed states of the record. `silent` is the end of its coverage.
    pub fn new(settings: Settings, down: bool, degraded: bool, silent: Option<Timestamp>) -> Self {
        // A confirmed bad state was covered until the silence began.
        let confirmation = |confirmed: bool| Confirmation {
            confirmed,
            bad_until: silent.filter(|_| confirmed),
            ..Confirmation::default()
        };
        Self {
            settings,
            down: confirmation(down),
            degraded: confirmation(degraded),
            last: None,
            silent,
            since: (None, None),
            listening: None,
            deadline: None,
        }
    }

    /// Sets the start of the record's present states: the last edge of a downtime and of a degraded
    /// time.
    pub fn known_since(mut self, down: Option<Timestamp>, degraded: Option<Timestamp>) -> Self {
        self.since = (down, degraded);
        self
    }

    /// Changes the settings and keeps the runs. True if a heartbeat is now expected at other times.
    pub fn reconfigure(&mut self, settings: Settings) -> bool {
        let is_other = self.settings.heartbeat != settings.heartbeat;
        self.settings = settings;
        self.set_deadline();
        is_other
    }

    /// From `at` on every beat is heard. Beats before it may have been lost, so silence is unknown until one further
    /// period has passed.
    pub fn listen_from(&mut self, at: Timestamp) {
        self.listening = Some(at);
        self.set_deadline();
    }

    /// Beats are no longer heard.
    pub fn listen_no_more(&mut self) {
        self.listening = None;
        self.set_deadline();
    }

    /// When the next beat of a heartbeat is due, while Nines hears beats.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.deadline.map(|deadline| deadline.due)
    }

    fn set_deadline(&mut self) {
        self.deadline = self.next_deadline();
    }

    fn next_deadline(&self) -> Option<Deadline> {
        let heartbeat = self.settings.heartbeat.as_ref()?;
        let listening = self.listening?;
        let is_stale = self.down.confirmed && self.silent.is_none() && self.down.run.bad;
        if let Some(last) = self.last.filter(|_| is_stale) {
            let again = heartbeat::confirmed_again_at(heartbeat, last.max(listening))?;
            return Some(Deadline {
                due: again,
                decided: again,
            });
        }
        let since = self.last.map_or(listening, |last| last.max(listening));
        Some(Deadline {
            due: heartbeat::due_at(heartbeat, since)?,
            decided: heartbeat::decided_at(heartbeat, since)?,
        })
    }

    /// A heartbeat had no beat in time. The feed is down from the due instant on.
    fn stale(&mut self, deadline: Deadline) -> Vec<Change> {
        let detail = match self.down.run.last.as_ref().filter(|_| !self.down.run.bad) {
            Some(beat) => format!("the last beat came at {:.0}", beat.at),
            None => "no beat has come".to_owned(),
        };
        let detail = format!("{detail}, the next was due at {:.0}", deadline.due);
        let seen = Seen {
            at: deadline.due,
            outcome: Outcome::Down,
            reason: Some(Reason::Stale),
        };
        self.take(&seen, Some(&detail))
    }

    /// Counts a sample and returns the changes, in order.
    pub fn see(&mut self, sample: &Sample) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.last.is_some_and(|last| sample.at < last) {
            // Runs of one probe do not overlap. A sample that started before the last one means a
            // small step of the wall clock, which is not an event. It is ignored.
            return changes;
        }
        if let Some(until) = self.covered_until()
            && sample.at > until
        {
            self.lapse(until, &mut changes);
        }
        if sample.outcome == Outcome::Inconclusive {
            self.go_silent(sample.at, Silence::Inconclusive, &mut changes);
            return changes;
        }
        let seen = Seen {
            at: sample.at,
            outcome: sample.outcome,
            reason: sample.reason,
        };
        changes.extend(self.take(&seen, sample.detail.as_ref()));
        changes
    }

    /// Counts a conclusive sample, or the confirmed silence of a heartbeat.
    fn take(&mut self, seen: &Seen, detail: Option<&String>) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.silent.take().is_some() {
            changes.push(Change::FirstResult { from: seen.at });
        }
        self.last = Some(seen.at);
        self.see_degraded(seen, detail, &mut changes);
        self.see_down(seen, detail, &mut changes);
        self.set_deadline();
        changes
    }

    fn see_down(&mut self, seen: &Seen, detail: Option<&String>, changes: &mut Vec<Change>) {
        let doubted = self.down.pending();
        let bad = seen.outcome == Outcome::Down;
        let step = self.down.see(&self.settings, bad, seen);
        changes.extend(down_change(step, detail.cloned()));
        if !doubted && self.down.pending() {
            changes.push(Change::Doubted);
        }
    }

    fn see_degraded(&mut self, seen: &Seen, detail: Option<&String>, changes: &mut Vec<Change>) {
        let bad = seen.outcome != Outcome::Up;
        let step = self.degraded.see(&self.settings, bad, seen);
        changes.extend(degraded_change(step, detail.cloned()));
    }

    /// Records that the next sample is missing. The coverage ended with the last sample's, and the
    /// runs end.
    ///
    /// The silence of a heartbeat is no missing sample: the feed is down.
    pub fn miss(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(deadline) = self.deadline {
            return self.stale(deadline);
        }
        if let Some(until) = self.covered_until() {
            self.lapse(until, &mut changes);
        }
        changes
    }

    fn lapse(&mut self, until: Timestamp, changes: &mut Vec<Change>) {
        self.go_silent(until, Silence::Missing, changes);
        let end = self.silent.unwrap_or(until);
        changes.extend(self.down.forget(end));
        self.degraded.forget(end);
    }

    /// Ends the coverage at `from`: the monitor stalled, stopped or failed. The runs continue if
    /// the next sample comes soon enough.
    pub fn silence(&mut self, from: Timestamp, cause: Silence) -> Option<Change> {
        let mut changes = Vec::new();
        self.go_silent(from, cause, &mut changes);
        changes.pop()
    }

    /// The wall clock was set back to `at`. Moves later instants to `at`, so that the runs continue
    /// in the present time.
    pub fn set_back(&mut self, at: Timestamp) {
        let earlier = |was: &mut Option<Timestamp>| *was = was.map(|was| was.min(at));
        earlier(&mut self.last);
        earlier(&mut self.silent);
        earlier(&mut self.down.bad_until);
        earlier(&mut self.degraded.bad_until);
        earlier(&mut self.listening);
        self.set_deadline();
    }

    /// Forgets the runs: the time since their samples is not known. Returns the blip of an
    /// unconfirmed bad run.
    pub fn begin_anew(&mut self, at: Timestamp) -> Option<Change> {
        self.degraded.forget(at);
        self.down.forget(at)
    }

    fn go_silent(&mut self, from: Timestamp, cause: Silence, changes: &mut Vec<Change>) {
        if self.silent.is_some() {
            return;
        }
        let (from, cause) = match self.covered_until() {
            Some(until) if until < from => (until, Silence::Missing),
            _ => (from, cause),
        };
        self.silent = Some(from);
        self.down.silence(from);
        self.degraded.silence(from);
        changes.push(Change::Silent { from, cause });
        self.set_deadline();
    }

    /// The end of the last sample's coverage, unless something ends it sooner. A beat covers the time until its
    /// successor's absence is decided.
    fn covered_until(&self) -> Option<Timestamp> {
        if self.settings.heartbeat.is_some() {
            return None;
        }
        self.last?.checked_add(self.settings.coverage).ok()
    }

    /// The instant from which a missing sample counts as missing: the end of the coverage plus the
    /// time that a run may still take. `None` if the probe is silent already and has no run.
    ///
    /// When the silence of a heartbeat is decided.
    pub fn overdue_at(&self) -> Option<Timestamp> {
        if self.settings.heartbeat.is_some() {
            return self.deadline.map(|deadline| deadline.decided);
        }
        if self.silent.is_some() && !self.down.under_way() && !self.degraded.under_way() {
            return None;
        }
        self.covered_until()?
            .checked_add(self.settings.timeout)
            .ok()
    }

    /// How soon the probe must run again.
    pub fn pace(&self) -> Pace {
        if self.down.suspect || self.degraded.suspect {
            Pace::Retry
        } else if self.silent.is_some() {
            Pace::Soon
        } else {
            Pace::Slots
        }
    }

    /// True during an unconfirmed run towards down.
    pub fn pending(&self) -> bool {
        self.down.pending()
    }

    /// True if the probe is not silent, not confirmed down, and its last samples are good, as many
    /// as clear. The last one must have started at or after `at`.
    pub fn well_since(&self, at: Timestamp) -> bool {
        self.silent.is_none()
            && !self.down.confirmed
            && !self.down.run.bad
            && self.down.run.count >= self.settings.recoveries
            && self.last.is_some_and(|last| last >= at)
    }

    /// True if a sample covers the present, and it is neither confirmed down nor in doubt.
    pub fn is_well(&self) -> bool {
        self.silent.is_none() && !self.down.confirmed && !self.down.run.bad
    }

    pub fn is_down(&self) -> bool {
        self.down.confirmed
    }

    pub fn is_degraded(&self) -> bool {
        self.degraded.confirmed
    }

    pub fn is_heartbeat(&self) -> bool {
        self.settings.heartbeat.is_some()
    }

    /// The start of the last conclusive sample.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.last
    }

    /// Reads back a sample that the record already includes: restores the runs and changes no
    /// confirmed state. `silences` are the starts of the silences in the record.
    pub fn read_back(
        &mut self,
        sample: &Sample,
        silences: impl DoubleEndedIterator<Item = Timestamp>,
    ) {
        let last = self.last;
        let between = |from: &Timestamp| last.is_some_and(|last| last < *from);
        if let Some(from) = silences
            .rev()
            .find(|from| *from <= sample.at)
            .filter(between)
        {
            self.down.silence(from);
            self.degraded.silence(from);
        }
        let (down, degraded) = (self.down.clone(), self.degraded.clone());
        let silent = self.silent.take();
        self.see(sample);
        (self.down.confirmed, self.degraded.confirmed) = (down.confirmed, degraded.confirmed);
        // A sample from before the present state does not count against it, even if the samples
        // that confirmed the state were lost.
        if self.since.0.is_some_and(|since| sample.at < since) {
            self.down = down;
        }
        if self.since.1.is_some_and(|since| sample.at < since) {
            self.degraded = degraded;
        }
        self.silent = silent;
    }

    /// After reading back: the changes that the last run confirms and the record lacks, because the
    /// service ended between storing the samples and recording the change. The record is complete
    /// up to `until`: a run that was overdue by then is over.
    pub fn catch_up(&mut self, until: Option<Timestamp>) -> Vec<Change> {
        let mut changes = Vec::new();
        let silent = self.silent;
        if self.overdue_at().is_some_and(|at| Some(at) <= until) {
            self.miss();
            self.silent = silent;
        }
        let degraded = self.degraded.overlooked(&self.settings);
        changes.extend(degraded_change(degraded, None));
        changes.extend(down_change(self.down.overlooked(&self.settings), None));
        if let Some(from) = self.silent {
            self.down.silence(from);
            self.degraded.silence(from);
        }
        changes
    }
}

/// The change that a step of the confirmation towards down makes. `detail` is that of its sample.
fn down_change(step: Step, detail: Option<String>) -> Option<Change> {
    Some(match step {
        Step::Nothing => return None,
        Step::Confirmed { samples, before } => Change::Down {
            from: samples.iter().map(|s| s.at).min()?,
            reason: samples.last().and_then(|s| s.reason),
            detail,
            samples,
            before,
        },
        Step::Cleared {
            to,
            unobserved,
            samples,
            before,
        } => Change::Up {
            to,
            unobserved,
            samples,
            before,
        },
        Step::Blip { span, samples } => Change::Blip { span, samples },
    })
}

fn degraded_change(step: Step, detail: Option<String>) -> Option<Change> {
    Some(match step {
        // An unconfirmed slow moment is not an event.
        Step::Nothing | Step::Blip { .. } => return None,
        Step::Confirmed { samples, .. } => Change::Degraded {
            from: samples.iter().map(|s| s.at).min()?,
            reason: samples.last().and_then(|s| s.reason),
            detail,
            samples,
        },
        Step::Cleared { to, .. } => Change::Cleared { to },
    })
}
