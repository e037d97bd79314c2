//! What is to be decided about the clocks and the levels of an incident, and when the next decision is due.

use jiff::{SignedDuration, Timestamp};

use super::Record;
use super::clocks::passes_on_at;
use crate::clocks::{Outcome, Run, State};
use crate::event::Fact;
use crate::handling::{ClockRun, Clocks, Handling, Verdict};
use crate::id::IncidentId;
use crate::incident::Incident;

/// A clock is missed once its due second has passed.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl Record {
    /// What is to be decided about an incident's clocks and levels as of `at`.
    pub(crate) fn clock_decisions(&self, id: IncidentId, at: Timestamp) -> Vec<Fact> {
        let known = self.incidents.get(id);
        known.map_or_else(Vec::new, |incident| self.decisions(incident, at))
    }

    fn decisions(&self, incident: &Incident, at: Timestamp) -> Vec<Fact> {
        let Ok(clocks) = self.clocks(incident, at) else {
            return Vec::new();
        };
        let id = incident.id;
        let handling = &incident.handling;
        let wait = self.confirmation(incident);
        let mut facts = Vec::new();
        for (number, run) in numbered(&clocks.runs) {
            let is_open = |verdict| !handling.decided.contains(&(run.clock, number, verdict));
            let named = named(number, run);
            if run.warned.is_some() && is_open(Verdict::Warned) {
                facts.push(Fact::ClockWarned {
                    incident: id,
                    run: named.clone(),
                });
            }
            match (run.result, run.answered) {
                (Outcome::Met, Some(answered)) if is_open(Verdict::Met) => {
                    facts.push(Fact::ClockMet {
                        incident: id,
                        run: named,
                        answered,
                    });
                }
                (Outcome::Missed, _)
                    if is_open(Verdict::Missed)
                        && run.due.is_some_and(|due| missed_at(due, wait) <= at) =>
                {
                    facts.push(Fact::ClockMissed {
                        incident: id,
                        run: named,
                    });
                }
                _ => {}
            }
        }
        let open = clocks.levels.iter().skip(handling.levels.len());
        for level in open.take_while(|level| level.state != State::Pending) {
            facts.push(Fact::LevelReached {
                incident: id,
                level: level.level,
                severity: level.severity.clone(),
                state: level.state,
                contacts: level.contacts.clone(),
            });
        }
        facts
    }

    /// The earliest instant at which something is to be decided. Each candidate is tried: an instant at which nothing
    /// is decided would be due for ever.
    pub(super) fn next_decision(
        &self,
        incident: &Incident,
        clocks: &Clocks,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let wait = self.confirmation(incident);
        let handling = &incident.handling;
        let of_runs = numbered(&clocks.runs);
        let of_runs = of_runs.flat_map(|(n, run)| due_of_run(handling, n, run, wait));
        let of_levels = clocks.levels.iter().skip(handling.levels.len());
        let passed_on = handling.levels.last().and_then(passes_on_at);
        let of_levels = of_levels.filter_map(|l| l.due).chain(passed_on);
        let mut all: Vec<Timestamp> = of_runs.chain(of_levels).collect();
        all.sort_unstable();
        all.dedup();
        let mut all = all.into_iter();
        all.find(|at| !self.decisions(incident, now.max(*at)).is_empty())
    }
}

/// The runs with their numbers within their clocks, from 1.
pub(crate) fn numbered(runs: &[Run]) -> impl Iterator<Item = (u32, &Run)> {
    let mut before = None;
    let mut number = 0;
    runs.iter().map(move |run| {
        number = if before == Some(run.clock) {
            number + 1
        } else {
            1
        };
        before = Some(run.clock);
        (number, run)
    })
}

/// The instants at which results of a run may be to be decided.
fn due_of_run(handling: &Handling, number: u32, run: &Run, wait: SignedDuration) -> Vec<Timestamp> {
    let is_open = |verdict| !handling.decided.contains(&(run.clock, number, verdict));
    let warning = run
        .warned
        .or(run.warns)
        .filter(|_| is_open(Verdict::Warned));
    let result = match run.result {
        Outcome::Met => run.answered.filter(|_| is_open(Verdict::Met)),
        Outcome::Missed | Outcome::Running => {
            let due = run.due.filter(|_| is_open(Verdict::Missed));
            due.map(|due| missed_at(due, wait))
        }
        Outcome::NotNeeded | Outcome::Merged => None,
    };
    warning.into_iter().chain(result).collect()
}

/// When a miss is decided.
fn missed_at(due: Timestamp, wait: SignedDuration) -> Timestamp {
    due.saturating_add(SECOND + wait).unwrap_or(due)
}

fn named(number: u32, run: &Run) -> ClockRun {
    ClockRun {
        clock: run.clock,
        number,
        severity: run.severity.clone(),
        started: run.started,
        due: run.due,
    }
}
