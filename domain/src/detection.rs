//! From samples to confirmed states of one probe: runs, confirmation, back-dating, blips, and the
//! time that nothing vouches for. SPEC section 4.
//!
//! A probe has two confirmations beside each other: towards *down* (a `down` sample is bad, a
//! `degraded` one is good) and towards *degraded* (both are bad). They share nothing but the
//! samples.

use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Probe;
use crate::event::Silence;
use crate::sample::{Outcome, Reason, Sample, Seen};
use crate::span::Span;

/// What detection must know of a probe, in the units it counts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bad samples in a row that confirm.
    pub failures: u32,
    /// Good samples in a row that clear.
    pub recoveries: u32,
    /// The longest time that a sample covers.
    pub vouch: SignedDuration,
    /// How late a sample may come: only after that is a missing sample really missing.
    pub timeout: SignedDuration,
}

impl From<&Probe> for Settings {
    fn from(probe: &Probe) -> Self {
        Self {
            failures: probe.failures(),
            recoveries: probe.recoveries(),
            vouch: SignedDuration::from_millis(probe.coverage_ms()),
            timeout: SignedDuration::from_millis(probe.longest_delay_ms()),
        }
    }
}

/// What changed for a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Confirmed down.
    Down {
        /// The first bad sample of the run.
        from: Timestamp,
        /// Why, by the sample that confirmed.
        reason: Option<Reason>,
        /// Its detail.
        detail: Option<String>,
        /// The samples it rests on.
        samples: Vec<Seen>,
    },
    /// Confirmed up.
    Up {
        /// The first good sample of the run, or where the last bad one stopped vouching.
        to: Timestamp,
        /// The span in which it ended, where nobody watched.
        unobserved: Option<Span>,
        /// The samples it rests on.
        samples: Vec<Seen>,
    },
    /// Confirmed degraded (or down, which is worse).
    Degraded {
        /// The first bad sample of the run.
        from: Timestamp,
        /// Why, by the sample that confirmed.
        reason: Option<Reason>,
        /// Its detail.
        detail: Option<String>,
        /// The samples it rests on.
        samples: Vec<Seen>,
    },
    /// Confirmed neither down nor degraded.
    Cleared {
        /// The first good sample of the run, or where the last bad one stopped vouching.
        to: Timestamp,
    },
    /// A run towards down begins that nothing has confirmed yet. No fact: it ends as [`Change::Down`]
    /// or [`Change::Blip`], and until then customers wait and outages stay open.
    Doubted,
    /// Bad again while confirmed down. No fact: it may be the one that outlasts a window.
    Bad {
        /// The start of the sample.
        at: Timestamp,
    },
    /// A bad run that was never confirmed.
    Blip {
        /// Its first bad sample to where it ended.
        span: Span,
        /// How many bad samples.
        samples: u32,
    },
    /// Nothing vouches any more.
    Silent {
        /// Since when.
        from: Timestamp,
        /// Why.
        cause: Silence,
    },
    /// A conclusive sample vouches again.
    FirstResult {
        /// Its start.
        from: Timestamp,
    },
}

/// Samples in a row that say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Run {
    bad: bool,
    /// The first samples of the run, as many as a confirmation rests on.
    seen: Vec<Seen>,
    /// How many in all.
    count: u32,
}

impl Run {
    /// Where it began. Not always its first sample: the clock may have been set back since.
    fn began_at(&self) -> Option<Timestamp> {
        self.seen.iter().map(|seen| seen.at).min()
    }
}

/// One of the two confirmations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Confirmation {
    confirmed: bool,
    run: Run,
    /// A bad sample came, and neither has it been confirmed nor have enough good ones followed.
    suspect: bool,
    /// Where the last bad sample stopped vouching; `None` while one vouches, or before any.
    bad_until: Option<Timestamp>,
}

/// How a confirmation went on with a sample.
enum Step {
    Nothing,
    Confirmed(Vec<Seen>),
    Cleared {
        to: Timestamp,
        unobserved: Option<Span>,
        samples: Vec<Seen>,
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
        if bad {
            self.bad_until = None;
            self.suspect |= !self.confirmed;
        } else if self.bad_until.is_none() {
            self.bad_until = Some(seen.at);
        }
        // Not only at the very sample: a configuration may have asked for fewer meanwhile.
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

    /// The run has just become long enough to change the confirmed state.
    fn turn(&mut self, bad: bool) -> Step {
        self.confirmed = bad;
        self.suspect = false;
        let samples = self.run.seen.clone();
        if bad {
            return Step::Confirmed(samples);
        }
        // The run is not empty: it has just been counted.
        let first = self.run.began_at().unwrap_or(Timestamp::UNIX_EPOCH);
        match self.bad_until {
            Some(until) if until < first => Step::Cleared {
                to: until,
                unobserved: Some(Span::new(until, first)),
                samples,
            },
            _ => Step::Cleared {
                to: first,
                unobserved: None,
                samples,
            },
        }
    }

    /// The run is forgotten, since too much time lies between it and the next sample. A bad run
    /// that was never confirmed is a blip that ends where its last sample stopped vouching.
    fn forget(&mut self, until: Timestamp) -> Option<Change> {
        let run = std::mem::take(&mut self.run);
        self.suspect = false;
        let from = run.began_at()?;
        (run.bad && !self.confirmed).then(|| Change::Blip {
            span: Span::new(from.min(until), until),
            samples: run.count,
        })
    }

    /// Nothing vouches from here on. Without a run (it was not read back) what was confirmed
    /// counts as what was seen last.
    fn hush(&mut self, from: Timestamp) {
        let bad = if self.run.count > 0 {
            self.run.bad
        } else {
            self.confirmed
        };
        if bad && self.bad_until.is_none() {
            self.bad_until = Some(from);
        }
    }

    /// After reading back: the turn that the run is long enough for.
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
    /// Since when nothing vouches; `None` while something does.
    silent: Option<Timestamp>,
    /// For reading back: since when the record has the present state, down and degraded.
    since: (Option<Timestamp>, Option<Timestamp>),
}

impl Runs {
    /// A probe as the record has it: confirmed states, and since when it is silent.
    pub fn new(settings: Settings, down: bool, degraded: bool, silent: Option<Timestamp>) -> Self {
        // What was confirmed bad before the silence vouched until it began.
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
        }
    }

    /// Since when the record has these states: the last edge of a downtime, and of a degraded time.
    pub fn known_since(mut self, down: Option<Timestamp>, degraded: Option<Timestamp>) -> Self {
        self.since = (down, degraded);
        self
    }

    /// Other settings, the runs kept.
    pub fn reconfigure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Takes in a sample and says what changed, in order.
    pub fn see(&mut self, sample: &Sample) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.last.is_some_and(|last| sample.at < last) {
            // A sample that started before the last one can say nothing new: one probe runs at a
            // time, so the wall clock was set back by too little for an event of its own.
            return changes;
        }
        if let Some(until) = self.vouched_until()
            && sample.at > until
        {
            self.lapse(until, &mut changes);
        }
        if sample.outcome == Outcome::Inconclusive {
            self.go_silent(sample.at, Silence::Inconclusive, &mut changes);
            return changes;
        }
        if self.silent.take().is_some() {
            changes.push(Change::FirstResult { from: sample.at });
        }
        self.last = Some(sample.at);
        let seen = Seen {
            at: sample.at,
            outcome: sample.outcome,
            reason: sample.reason,
        };
        self.see_degraded(sample, &seen, &mut changes);
        self.see_down(sample, &seen, &mut changes);
        changes
    }

    fn see_down(&mut self, sample: &Sample, seen: &Seen, changes: &mut Vec<Change>) {
        let doubted = self.down.pending();
        let bad = sample.outcome == Outcome::Down;
        let step = self.down.see(&self.settings, bad, seen);
        changes.extend(down_change(step, sample.detail.clone()));
        if !doubted && self.down.pending() {
            changes.push(Change::Doubted);
        }
    }

    fn see_degraded(&mut self, sample: &Sample, seen: &Seen, changes: &mut Vec<Change>) {
        let bad = sample.outcome != Outcome::Up;
        let step = self.degraded.see(&self.settings, bad, seen);
        changes.extend(degraded_change(step, sample.detail.clone()));
    }

    /// The next sample has been missing for too long: nothing vouches from where the last one
    /// stopped, and no run can go on.
    pub fn miss(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(until) = self.vouched_until() {
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

    /// Nothing vouches from `from` on: the monitor was absent, stopped or could not say. Keeps
    /// the runs: they continue if the next sample comes soon enough.
    pub fn hush(&mut self, from: Timestamp, cause: Silence) -> Option<Change> {
        let mut changes = Vec::new();
        self.go_silent(from, cause, &mut changes);
        changes.pop()
    }

    /// The wall clock was set back to `at`: the last sample is not in the future, and the runs go on
    /// in the time that now holds.
    pub fn set_back(&mut self, at: Timestamp) {
        let earlier = |was: &mut Option<Timestamp>| *was = was.map(|was| was.min(at));
        earlier(&mut self.last);
        earlier(&mut self.silent);
        earlier(&mut self.down.bad_until);
        earlier(&mut self.degraded.bad_until);
    }

    /// Nobody knows how long ago the samples of the runs were: they begin anew. What they had not
    /// confirmed is said once.
    pub fn begin_anew(&mut self, at: Timestamp) -> Option<Change> {
        self.degraded.forget(at);
        self.down.forget(at)
    }

    fn go_silent(&mut self, from: Timestamp, cause: Silence, changes: &mut Vec<Change>) {
        if self.silent.is_some() {
            return;
        }
        let (from, cause) = match self.vouched_until() {
            Some(until) if until < from => (until, Silence::Missing),
            _ => (from, cause),
        };
        self.silent = Some(from);
        self.down.hush(from);
        self.degraded.hush(from);
        changes.push(Change::Silent { from, cause });
    }

    /// When the last sample stops vouching, if nothing else ends it sooner.
    fn vouched_until(&self) -> Option<Timestamp> {
        self.last?.checked_add(self.settings.vouch).ok()
    }

    /// When a missing sample is to be taken as missing: the end of vouching, and the time that a
    /// probe which started before it may still take. `None` where that changes nothing: silent
    /// already, and no run that could go on.
    pub fn overdue_at(&self) -> Option<Timestamp> {
        if self.silent.is_some() && !self.down.under_way() && !self.degraded.under_way() {
            return None;
        }
        self.vouched_until()?
            .checked_add(self.settings.timeout)
            .ok()
    }

    /// Whether the probe is to be asked at its retry interval.
    pub fn retrying(&self) -> bool {
        self.down.suspect || self.degraded.suspect
    }

    /// Whether a run towards down is under way that is not confirmed.
    pub fn pending(&self) -> bool {
        self.down.pending()
    }

    /// Whether it is heard, confirmed not down, without a pending run, by a sample at or after `at`
    /// that was good and as many good ones in a row as clear.
    pub fn well_since(&self, at: Timestamp) -> bool {
        self.silent.is_none()
            && !self.down.confirmed
            && !self.down.run.bad
            && self.down.run.count >= self.settings.recoveries
            && self.last.is_some_and(|last| last >= at)
    }

    /// Whether it is confirmed down.
    pub fn is_down(&self) -> bool {
        self.down.confirmed
    }

    /// The start of the last conclusive sample.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.last
    }

    /// Reads back a sample that the record has taken in already: runs only, no state is confirmed
    /// and nothing is said. `silences` are the starts of what the record knows as unvouched.
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
            self.down.hush(from);
            self.degraded.hush(from);
        }
        let (down, degraded) = (self.down.clone(), self.degraded.clone());
        let silent = self.silent.take();
        self.see(sample);
        (self.down.confirmed, self.degraded.confirmed) = (down.confirmed, degraded.confirmed);
        // A sample from before the present state says nothing against it, even if those that the
        // state rests on were lost.
        if self.since.0.is_some_and(|since| sample.at < since) {
            self.down = down;
        }
        if self.since.1.is_some_and(|since| sample.at < since) {
            self.degraded = degraded;
        }
        self.silent = silent;
    }

    /// After reading back: what the last run confirms that the record does not have (the service
    /// ended between storing the samples and recording what they confirm). A run that was overdue
    /// by `until`, up to which the record has everything, is over, and the record says so.
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
            self.down.hush(from);
            self.degraded.hush(from);
        }
        changes
    }
}

/// What a step of the confirmation towards down says; `detail` is that of the sample that made it.
fn down_change(step: Step, detail: Option<String>) -> Option<Change> {
    Some(match step {
        Step::Nothing => return None,
        Step::Confirmed(samples) => Change::Down {
            from: samples.iter().map(|s| s.at).min()?,
            reason: samples.last().and_then(|s| s.reason),
            detail,
            samples,
        },
        Step::Cleared {
            to,
            unobserved,
            samples,
        } => Change::Up {
            to,
            unobserved,
            samples,
        },
        Step::Blip { span, samples } => Change::Blip { span, samples },
    })
}

fn degraded_change(step: Step, detail: Option<String>) -> Option<Change> {
    Some(match step {
        // A slow moment that was never confirmed has no class of its own.
        Step::Nothing | Step::Blip { .. } => return None,
        Step::Confirmed(samples) => Change::Degraded {
            from: samples.iter().map(|s| s.at).min()?,
            reason: samples.last().and_then(|s| s.reason),
            detail,
            samples,
        },
        Step::Cleared { to, .. } => Change::Cleared { to },
    })
}
