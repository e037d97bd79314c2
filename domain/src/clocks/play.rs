//! Plays the events of an incident for one clock.

use jiff::Timestamp;

use super::goal::{Time, due};
use super::{Event, Incident, Outcome, Run};
use crate::calendar::UnknownZone;
use crate::deadlines;
use crate::policy::{Clock, Commitment, Commitments, Workaround};
use crate::span::{Spans, instant, second};

/// The runs of a clock as of `until`, in order.
pub(super) fn play(
    commitments: &Commitments,
    incident: &Incident,
    clock: Clock,
    until: Timestamp,
) -> Result<Vec<Run>, UnknownZone> {
    let start = floor(incident.started);
    let mut player = Player {
        commitments,
        incident,
        clock,
        start,
        severity: incident.severity.clone(),
        last_answer: None,
        pauses: Spans::new(),
        paused_since: None,
        current: None,
        runs: Vec::new(),
        is_over: false,
    };
    if start > floor(until) {
        return Ok(Vec::new());
    }
    player.begin(start, start)?;
    for (at, event) in &incident.events {
        let at = floor(*at).max(start);
        if at > floor(until) {
            break;
        }
        player.pass(at)?;
        player.handle(at, event)?;
    }
    player.pass(floor(until))?;
    let warns = player.warning()?;
    if let Some(current) = &mut player.current
        && current.run.warned.is_none()
    {
        current.run.warns = warns.map(|warns| warns.max(current.not_before));
    }
    player.decide(Outcome::Running, floor(until), None)?;
    Ok(player.runs)
}

fn floor(at: Timestamp) -> Timestamp {
    instant(second(at))
}

/// A run that is not decided.
struct Current<'a> {
    run: Run,
    /// Lengths from instants on. The first to be used up is due.
    goals: Vec<(Time<'a>, Timestamp, i64)>,
    /// The measure of the goal that is due, else of the last one.
    time: Time<'a>,
    /// A due instant that a change of the severity would date back is the change itself.
    not_before: Timestamp,
}

struct Player<'a> {
    commitments: &'a Commitments,
    incident: &'a Incident,
    clock: Clock,
    start: Timestamp,
    severity: String,
    /// Of the update clock, the last delivered update.
    last_answer: Option<Timestamp>,
    pauses: Spans,
    paused_since: Option<Timestamp>,
    current: Option<Current<'a>>,
    runs: Vec<Run>,
    /// True after the recovery or the merge: no run begins.
    is_over: bool,
}

impl<'a> Player<'a> {
    /// The commitment in force. It depends on the part of the week in which the incident began.
    fn commitment(&self) -> Result<Option<Commitment>, UnknownZone> {
        let promised =
            self.commitments
                .commitment(&self.severity, self.incident.request, self.clock);
        let Some(promised) = promised.copied() else {
            return Ok(None);
        };
        let hours = self.commitments.business_hours.as_ref();
        let holds = deadlines::is_within(hours, promised.during, self.start)?;
        Ok(Some(promised).filter(|_| holds))
    }

    fn time(&self, commitment: &Commitment) -> Time<'a> {
        Time {
            measure: commitment.measure,
            hours: self.commitments.business_hours.as_ref(),
        }
    }

    /// Starts a run whose length counts from `from`, at the instant `at`.
    fn begin(&mut self, from: Timestamp, at: Timestamp) -> Result<(), UnknownZone> {
        let commitment = self.commitment()?;
        let Some(commitment) = commitment.filter(|_| !self.is_over) else {
            return Ok(());
        };
        let time = self.time(&commitment);
        let run = Run {
            clock: self.clock,
            severity: self.severity.clone(),
            started: time.start(from)?,
            due: None,
            warned: None,
            warns: None,
            answered: None,
            ended: None,
            paused: Spans::new(),
            result: Outcome::Running,
        };
        self.current = Some(Current {
            run,
            goals: vec![(time, from, commitment.within_s)],
            time,
            not_before: at,
        });
        self.refresh()
    }

    /// Computes the due instant of the current run.
    fn refresh(&mut self) -> Result<(), UnknownZone> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let mut earliest: Option<Timestamp> = None;
        for (time, from, length_s) in &current.goals {
            let end = due(*time, *from, *length_s, &self.pauses, self.paused_since)?;
            if end.is_some_and(|end| earliest.is_none_or(|known| end < known)) {
                earliest = end;
                current.time = *time;
                // Business time may begin only after the elapsed time of another goal is used up.
                current.run.started = current.run.started.min(time.start(*from)?);
            }
        }
        current.run.due = earliest.map(|due| due.max(current.not_before));
        Ok(())
    }

    /// The instant at which the current run has used up 80 % of its time.
    fn warning(&self) -> Result<Option<Timestamp>, UnknownZone> {
        let Some(Current { run, time, .. }) = &self.current else {
            return Ok(None);
        };
        let Some(end) = run.due else {
            return Ok(None);
        };
        let whole_s = time.between(run.started, end, &self.pauses)?;
        let share_s = (whole_s * super::WARN_PERCENT + 99) / 100;
        due(*time, run.started, share_s, &self.pauses, self.paused_since)
    }

    /// Decides what happens before the second `at`, and warnings up to it.
    fn pass(&mut self, at: Timestamp) -> Result<(), UnknownZone> {
        while let Some(current) = &self.current {
            let end = current.run.due;
            let not_before = current.not_before;
            let is_missed = end.is_some_and(|end| end < at);
            if current.run.warned.is_none()
                && let Some(warning) = self.warning()?
                && let Some(current) = &mut self.current
            {
                let warning = warning.max(not_before);
                let is_due = warning <= at && end.is_some_and(|end| warning <= end);
                current.run.warned = Some(warning).filter(|_| is_due);
            }
            let Some(end) = end.filter(|_| is_missed) else {
                break;
            };
            self.decide(Outcome::Missed, end, None)?;
            if self.clock == Clock::Update {
                self.begin(end, end)?;
            }
        }
        Ok(())
    }

    fn decide(
        &mut self,
        result: Outcome,
        at: Timestamp,
        answered: Option<Timestamp>,
    ) -> Result<(), UnknownZone> {
        let Some(Current { mut run, time, .. }) = self.current.take() else {
            return Ok(());
        };
        let ended = run.due.map_or(at, |due| due.min(at));
        let mut pauses = self.pauses.clone();
        if let Some(since) = self.paused_since {
            pauses = pauses.union(&Spans::one(second(since), second(at)));
        }
        run.paused = time.own(&pauses.clip(second(run.started), second(ended)))?;
        run.result = result;
        run.answered = answered;
        run.ended = (result != Outcome::Running).then_some(ended);
        self.runs.push(run);
        Ok(())
    }

    fn handle(&mut self, at: Timestamp, event: &Event) -> Result<(), UnknownZone> {
        match event {
            Event::Responded { with_estimate } if self.clock == Clock::Response => {
                let needs_estimate = self.commitment()?.is_some_and(|c| c.estimate);
                if *with_estimate || !needs_estimate {
                    self.answer(at)?;
                }
            }
            Event::Updated if self.clock == Clock::Update => {
                let was_running = self.current.is_some();
                self.answer(at)?;
                self.last_answer = Some(at);
                if was_running {
                    self.begin(at, at)?;
                }
            }
            Event::Severity(severity) => self.change(at, severity)?,
            Event::Workaround => {
                let effect = self.commitments.severity(&self.severity);
                match effect.and_then(|severity| severity.workaround.clone()) {
                    Some(Workaround::LowersTo(lower)) => self.change(at, &lower)?,
                    Some(Workaround::Resolves) if self.clock == Clock::Resolution => {
                        self.answer(at)?;
                    }
                    _ => {}
                }
            }
            Event::Paused => {
                self.paused_since = self.paused_since.or(Some(at));
                self.refresh()?;
            }
            Event::Resumed => {
                if let Some(since) = self.paused_since.take() {
                    let pause = Spans::one(second(since), second(at));
                    self.pauses = self.pauses.union(&pause);
                }
                self.refresh()?;
            }
            Event::Recovered if self.clock != Clock::Resolution => self.end_unneeded(at)?,
            Event::Resolved => match self.clock {
                Clock::Resolution => {
                    self.answer(at)?;
                    self.is_over = true;
                }
                Clock::Response | Clock::Update | Clock::DisasterRecovery => {
                    self.end_unneeded(at)?;
                }
            },
            Event::Merged => {
                self.decide(Outcome::Merged, at, None)?;
                self.is_over = true;
            }
            Event::Reopened if self.is_over => {
                self.is_over = false;
                if !self.runs.iter().any(|run| self.is_final(run)) {
                    self.begin(at, at)?;
                }
            }
            Event::Reopened
            | Event::Responded { .. }
            | Event::Updated
            | Event::Recovered
            | Event::Acknowledged
            | Event::Escalated
            | Event::Undelivered { .. } => {}
        }
        Ok(())
    }

    /// A response or resolution that was met or missed is not due again after another failure.
    fn is_final(&self, run: &Run) -> bool {
        self.clock == Clock::Response && matches!(run.result, Outcome::Met | Outcome::Missed)
    }

    /// An answer: at the due instant it is still met. Later it is noted on the missed run.
    fn answer(&mut self, at: Timestamp) -> Result<(), UnknownZone> {
        if self.current.is_some() {
            return self.decide(Outcome::Met, at, Some(at));
        }
        let last = self.runs.last_mut();
        if let Some(run) = last.filter(|run| run.result == Outcome::Missed) {
            run.answered = run.answered.or(Some(at));
        }
        Ok(())
    }

    /// Recovery before the due instant leaves no need for words. At the due instant they were due.
    fn end_unneeded(&mut self, at: Timestamp) -> Result<(), UnknownZone> {
        let due = self.current.as_ref().and_then(|current| current.run.due);
        let result = match due {
            Some(due) if due <= at => Outcome::Missed,
            _ => Outcome::NotNeeded,
        };
        self.decide(result, at, None)?;
        self.is_over = true;
        Ok(())
    }

    /// From when the current run of the clock counts: the start, of an update clock also the last update and the
    /// end of the last period without one.
    fn base(&self) -> Timestamp {
        let missed = self
            .runs
            .last()
            .filter(|run| self.clock == Clock::Update && run.result == Outcome::Missed);
        let missed = missed.and_then(|run| run.due);
        self.last_answer.max(missed).unwrap_or(self.start)
    }

    /// Raised at c, a clock is due at the earlier of the old due instant and c plus the new length. Lowered, it
    /// counts the new length from its start, an update clock from the last update or period without one.
    fn change(&mut self, at: Timestamp, severity: &str) -> Result<(), UnknownZone> {
        let rank = |id: &str| self.commitments.rank(id);
        let is_raised = rank(severity) < rank(&self.severity);
        let had_commitment = self.commitment()?.is_some();
        severity.clone_into(&mut self.severity);
        let commitment = self.commitment()?;
        let Some(commitment) = commitment else {
            return self.decide(Outcome::NotNeeded, at, None);
        };
        let (time, base) = (self.time(&commitment), self.base());
        match &mut self.current {
            Some(current) => {
                current.run.severity = self.severity.clone();
                let goal = match is_raised {
                    true => (time, at, commitment.within_s),
                    false => (time, base, commitment.within_s),
                };
                if !is_raised {
                    current.goals.clear();
                    current.run.started = time.start(base)?;
                }
                current.goals.push(goal);
                current.time = time;
                current.not_before = at;
                self.refresh()
            }
            // A response that was met stays met; a clock that was not promised starts.
            None if !had_commitment => {
                let from = if is_raised { at } else { base };
                self.begin(from, at)
            }
            None => Ok(()),
        }
    }
}
