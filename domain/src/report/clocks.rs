//! The clocks and escalations of a period: what was promised, and whether it was kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Error;
use super::model::Moment;
use super::scope::Scope;
use crate::clocks::{Outcome, Run, State};
use crate::incident::Incident;
use crate::policy::Clock;
use crate::span::Spans;

/// A run of a clock. The update clock has one for each period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockLine {
    pub incident: String,
    pub systems: Vec<String>,
    pub policy: String,
    pub clock: Clock,
    pub severity: String,
    pub started: Moment,
    /// `None` while it is paused.
    pub due: Option<Moment>,
    /// When 80 % of its time were used up.
    pub warned: Option<Moment>,
    pub answered: Option<Moment>,
    /// When the answer was recorded, if it counts from an earlier time, which the second person approved.
    pub recorded: Option<Moment>,
    pub approved_by: Option<String>,
    /// When its result was decided.
    pub ended: Option<Moment>,
    pub paused_s: i64,
    pub result: &'static str,
    /// The pauses within the clock's own time.
    #[serde(skip)]
    pub paused: Spans,
}

/// How often clocks of a severity were kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockCount {
    pub policy: String,
    pub clock: Clock,
    pub severity: String,
    pub met: u64,
    pub missed: u64,
    pub not_needed: u64,
    pub merged: u64,
    pub running: u64,
}

/// A level of escalation that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelLine {
    pub incident: String,
    pub level: u8,
    pub severity: String,
    pub at: Moment,
    pub state: &'static str,
    pub contacts: Vec<String>,
}

/// The clocks that ended in the period or were running at its end, by incident, clock and start.
pub(super) fn lines(scope: &Scope<'_>) -> Result<Vec<ClockLine>, Error> {
    let mut lines = Vec::new();
    for incident in rated(scope) {
        let runs = runs(scope, incident)?;
        let of_period = runs.iter().filter(|run| is_of_period(scope, run));
        lines.extend(of_period.map(|run| line(scope, incident, run)));
    }
    Ok(lines)
}

/// All clocks of an incident.
pub(super) fn of_incident(scope: &Scope<'_>, incident: &Incident) -> Result<Vec<ClockLine>, Error> {
    let runs = runs(scope, incident)?;
    Ok(runs.iter().map(|run| line(scope, incident, run)).collect())
}

/// The levels that were decided in the period, by incident and time.
pub(super) fn levels(scope: &Scope<'_>) -> Vec<LevelLine> {
    let of = |incident: &Incident| {
        let levels = incident.handling.levels.clone().into_iter();
        let id = incident.id.to_string();
        let within = levels.filter(|level| scope.period.contains(level.at));
        within.map(move |level| LevelLine {
            incident: id.clone(),
            level: level.level,
            severity: level.severity,
            at: Moment::of(level.at, &scope.zone),
            state: match level.state {
                State::Notified => "notified",
                State::ByPerson => "by_person",
                State::PassedOn => "passed_on",
                State::Skipped => "skipped",
                State::Pending => "pending",
            },
            contacts: level.contacts,
        })
    };
    rated(scope).flat_map(of).collect()
}

/// The counts of some clocks by policy, clock and severity.
pub(super) fn counts(scope: &Scope<'_>, lines: &[ClockLine]) -> Vec<ClockCount> {
    let mut counts: BTreeMap<(String, Clock, usize), ClockCount> = BTreeMap::new();
    for line in lines {
        let mut all = rated(scope);
        let Some(incident) = all.find(|i| i.id.to_string() == line.incident) else {
            continue;
        };
        let policy = line.policy.clone();
        let commitments = scope.record.commitments_of(incident);
        let rank = commitments.and_then(|c| c.rank(&line.severity));
        let key = (policy.clone(), line.clock, rank.unwrap_or(usize::MAX));
        let count = counts.entry(key).or_insert_with(|| ClockCount {
            policy,
            clock: line.clock,
            severity: line.severity.clone(),
            met: 0,
            missed: 0,
            not_needed: 0,
            merged: 0,
            running: 0,
        });
        match line.result {
            "met" => count.met += 1,
            "missed" => count.missed += 1,
            "not_needed" => count.not_needed += 1,
            "merged" => count.merged += 1,
            _ => count.running += 1,
        }
    }
    counts.into_values().collect()
}

/// The incidents with a severity that concern the committee.
fn rated<'a>(scope: &'a Scope<'_>) -> impl Iterator<Item = &'a Incident> {
    let all = scope.record.incidents.all();
    all.filter(|i| !i.handling.ratings.is_empty() && scope.concerns(i))
}

/// The runs as of the report, or as of the end of its period for one that ended then.
fn runs(scope: &Scope<'_>, incident: &Incident) -> Result<Vec<Run>, Error> {
    Ok(scope.record.clock_runs(incident, scope.as_of)?)
}

fn policy_of(incident: &Incident) -> String {
    let policy = incident.handling.policy.as_ref();
    policy.map(ToString::to_string).unwrap_or_default()
}

fn is_of_period(scope: &Scope<'_>, run: &Run) -> bool {
    match run.ended {
        Some(ended) => scope.period.contains(ended) || is_open_at_end(scope, run, ended),
        None => run.started < scope.period.to,
    }
}

/// True for a run that began in or before the period and ended after it.
fn is_open_at_end(scope: &Scope<'_>, run: &Run, ended: Timestamp) -> bool {
    run.started < scope.period.to && ended >= scope.period.to
}

fn line(scope: &Scope<'_>, incident: &Incident, run: &Run) -> ClockLine {
    let moment = |at: Timestamp| Moment::of(at, &scope.zone);
    // A result after the period belongs to the next report.
    let until = |at: &Timestamp| *at < scope.period.to;
    let is_open = run.ended.is_some_and(|ended| !until(&ended));
    let result = if is_open {
        Outcome::Running
    } else {
        run.result
    };
    let answered = run.answered.filter(until);
    let earlier = answered.and_then(|answered| {
        let mut responses = incident.handling.responses.iter();
        responses.find(|r| {
            run.clock == Clock::Response
                && r.approved_by.is_some()
                && r.at.as_second() == answered.as_second()
        })
    });
    ClockLine {
        incident: incident.id.to_string(),
        systems: scope.ours(&incident.systems),
        policy: policy_of(incident),
        clock: run.clock,
        severity: run.severity.clone(),
        started: moment(run.started),
        due: run.due.map(moment),
        warned: run.warned.filter(until).map(moment),
        answered: answered.map(moment),
        recorded: earlier.map(|r| moment(r.recorded_at)),
        approved_by: earlier.and_then(|r| r.approved_by.clone()),
        ended: run.ended.filter(until).map(moment),
        paused_s: run.paused.seconds(),
        paused: run.paused.clone(),
        result: match result {
            Outcome::Running => "running",
            Outcome::Met => "met",
            Outcome::Missed => "missed",
            Outcome::NotNeeded => "not_needed",
            Outcome::Merged => "merged",
        },
    }
}
