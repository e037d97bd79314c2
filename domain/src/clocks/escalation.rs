//! The levels of escalation that an incident has reached, skipped, or still has before it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Event, Incident};
use crate::calendar::UnknownZone;
use crate::deadlines;
use crate::policy::{Clock, Commitments, Level, Until};
use crate::span::{instant, second};

/// A level of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    pub level: u8,
    pub severity: String,
    /// The instant of the level. `None`: only when a person escalates.
    pub due: Option<Timestamp>,
    pub contacts: Vec<String>,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its contacts are notified at its instant.
    Notified,
    /// A person escalated before the level was due.
    ByPerson,
    /// No mail to the level below arrived within five minutes.
    PassedOn,
    /// The milestone of its `unless` came first, or at its instant.
    Skipped,
    Pending,
}

impl State {
    /// True if the contacts of the level are notified.
    pub fn is_notified(self) -> bool {
        matches!(self, State::Notified | State::ByPerson | State::PassedOn)
    }

    pub fn word(self) -> &'static str {
        match self {
            State::Notified => "notified",
            State::ByPerson => "by-person",
            State::PassedOn => "passed-on",
            State::Skipped => "skipped",
            State::Pending => "pending",
        }
    }
}

/// The levels as of `at`, in the order in which they were decided. Delays count from the start, and from each change
/// of the severity. A level that was notified is not notified again.
///
/// # Errors
/// The business hours name a zone that does not exist.
pub fn escalation(
    commitments: &Commitments,
    incident: &Incident,
    at: Timestamp,
) -> Result<Vec<Reached>, UnknownZone> {
    let start = instant(second(incident.started));
    let until = instant(second(at));
    let mut ladder = Ladder {
        commitments,
        start,
        base: start,
        severity: &incident.severity,
        highest: 0,
        decided: 0,
        milestones: Vec::new(),
        levels: Vec::new(),
    };
    for (at, event) in &incident.events {
        let at = instant(second(*at)).max(start);
        if at > until {
            break;
        }
        match event {
            Event::Merged => {
                ladder.pass(at, true)?;
                return Ok(ladder.levels);
            }
            Event::Severity(severity) => {
                ladder.pass(at, true)?;
                ladder.severity = severity;
                (ladder.base, ladder.decided) = (at, ladder.highest);
            }
            Event::Escalated => {
                ladder.pass(at, true)?;
                ladder.escalate(at);
            }
            Event::Undelivered { level } => {
                ladder.pass(at, true)?;
                ladder.pass_on(at, *level)?;
            }
            Event::Acknowledged => ladder.milestone(Until::Acknowledged, at)?,
            Event::Responded { with_estimate } => {
                if *with_estimate || !ladder.needs_estimate(incident) {
                    ladder.milestone(Until::Responded, at)?;
                }
            }
            Event::Resolved => ladder.milestone(Until::Resolved, at)?,
            Event::Updated
            | Event::Workaround
            | Event::Paused
            | Event::Resumed
            | Event::Recovered => {}
            // The milestones of the earlier failure do not answer for the later one.
            Event::Reopened => {
                ladder.pass(at, true)?;
                ladder.milestones.clear();
                (ladder.base, ladder.decided) = (at, ladder.highest);
            }
        }
    }
    ladder.pass(until, true)?;
    ladder.pending()
}

struct Ladder<'a> {
    commitments: &'a Commitments,
    start: Timestamp,
    /// The start, or the last change of the severity.
    base: Timestamp,
    severity: &'a str,
    /// The highest level whose contacts were notified.
    highest: u8,
    /// The highest level that was notified or skipped since `base`.
    decided: u8,
    milestones: Vec<Until>,
    levels: Vec<Reached>,
}

impl<'a> Ladder<'a> {
    /// The levels that are not decided, with their instants, the lowest first.
    fn open(&self) -> Result<Vec<(&'a Level, Option<Timestamp>)>, UnknownZone> {
        let hours = self.commitments.business_hours.as_ref();
        let mut open = Vec::new();
        for level in self.commitments.levels(self.severity) {
            if level.level <= self.decided
                || !deadlines::is_within(hours, level.during, self.start)?
            {
                continue;
            }
            let due = match level.after_s {
                Some(after_s) => deadlines::due(hours, level.measure, self.base, after_s)?.1,
                None => None,
            };
            open.push((level, due));
        }
        Ok(open)
    }

    /// Decides the levels that are due before the second `at`, or also at it.
    fn pass(&mut self, at: Timestamp, is_inclusive: bool) -> Result<(), UnknownZone> {
        for (level, due) in self.open()? {
            let Some(due) = due else { continue };
            if due > at || due == at && !is_inclusive {
                break;
            }
            self.decided = level.level;
            let until = level.unless.unwrap_or(Until::Resolved);
            let is_skipped = self.has(until) || self.has(Until::Resolved);
            let state = match is_skipped {
                true => State::Skipped,
                false => State::Notified,
            };
            self.push(level, Some(due), state);
        }
        Ok(())
    }

    /// True if the committed response must estimate when the problem is solved.
    fn needs_estimate(&self, incident: &Incident) -> bool {
        let promised =
            self.commitments
                .commitment(self.severity, incident.request, Clock::Response);
        promised.is_some_and(|promised| promised.estimate)
    }

    /// True if the milestone, or a later one that includes it, was reached.
    fn has(&self, until: Until) -> bool {
        self.milestones.iter().any(|reached| *reached >= until)
    }

    fn milestone(&mut self, milestone: Until, at: Timestamp) -> Result<(), UnknownZone> {
        // A milestone at the instant of a level comes first.
        self.pass(at, false)?;
        self.milestones.push(milestone);
        Ok(())
    }

    fn escalate(&mut self, at: Timestamp) {
        let mut levels = self.commitments.levels(self.severity).into_iter();
        if let Some(level) = levels.find(|level| level.level > self.highest) {
            self.decided = self.decided.max(level.level);
            self.push(level, Some(at), State::ByPerson);
        }
    }

    /// No contact of `level` was notified in time: the next one is, unless a person has shown to know already.
    fn pass_on(&mut self, at: Timestamp, level: u8) -> Result<(), UnknownZone> {
        if level != self.highest || !self.milestones.is_empty() {
            return Ok(());
        }
        if let Some((next, _)) = self.open()?.first().copied() {
            self.decided = next.level;
            self.push(next, Some(at), State::PassedOn);
        }
        Ok(())
    }

    fn push(&mut self, level: &Level, due: Option<Timestamp>, state: State) {
        if state.is_notified() {
            self.highest = self.highest.max(level.level);
        }
        let contacts = self.commitments.contacts(self.severity, level);
        self.levels.push(Reached {
            level: level.level,
            severity: self.severity.to_owned(),
            due,
            contacts: contacts.into_iter().map(str::to_owned).collect(),
            state,
        });
    }

    fn pending(mut self) -> Result<Vec<Reached>, UnknownZone> {
        for (level, due) in self.open()? {
            self.push(level, due, State::Pending);
        }
        Ok(self.levels)
    }
}
