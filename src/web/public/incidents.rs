//! Incidents as everyone may see them: public systems, texts that people posted for customers, and nothing else.
//! Incidents that concern security are left out whole.

use domain::clocks::Outcome;
use domain::id::SystemId;
use domain::incident::{Cause, Incident, Phase};
use domain::policy::Clock;
use domain::record::Record;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::model::Shown;
use super::words::{When, length, list};

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct IncidentView {
    /// `I-12`
    pub id: String,
    /// `Outage of Clinical Portal`
    pub title: String,
    /// `down` or `degraded`.
    pub kind: &'static str,
    /// investigating, identified, monitoring or resolved.
    pub phase: &'static str,
    pub systems: Vec<Named>,
    pub started: When,
    pub resolved: Option<When>,
    /// From start to end, or until now.
    pub lasted: String,
    /// Each with its time, the latest first.
    pub updates: Vec<UpdateView>,
    /// When the next update is promised.
    pub next_update: Option<When>,
    /// Withdrawn as a false alarm.
    pub withdrawn: bool,
    #[serde(skip)]
    pub started_at: Timestamp,
    #[serde(skip)]
    pub resolved_at: Option<Timestamp>,
    #[serde(skip)]
    pub changed_at: Timestamp,
}

/// A system that a page names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct UpdateView {
    pub phase: &'static str,
    pub text: String,
    pub at: When,
    pub estimate: Option<When>,
    #[serde(skip)]
    pub posted_at: Timestamp,
}

/// The incident as everyone may see it; `None` if nobody outside may.
pub(super) fn view(
    record: &Record,
    shown: &Shown<'_>,
    incident: &Incident,
    at: Timestamp,
) -> Option<IncidentView> {
    if incident.handling.is_security() || incident.merged.is_some() {
        return None;
    }
    let concerned = incident.systems.iter().filter(|system| shown.has(system));
    let concerned: Vec<&SystemId> = concerned.collect();
    // A customer's report becomes public by the first words that a person posts about it.
    let is_private =
        incident.cause == Cause::Reported && !incident.updates.iter().any(|u| u.public);
    if concerned.is_empty() || is_private {
        return None;
    }
    let names: Vec<&str> = concerned.iter().map(|system| shown.name(system)).collect();
    let zone = &shown.zone;
    let started_at = started_at(record, shown, incident);
    let resolved_at = incident.resolved_at;
    let mut updates = vec![opening(incident, &names, started_at, zone)];
    for update in incident.updates.iter().filter(|update| update.public) {
        updates.push(UpdateView {
            phase: update.phase.unwrap_or(Phase::Investigating).word(),
            text: update.text.clone(),
            at: When::of(update.at, zone),
            estimate: update.estimate.map(|at| When::of(at, zone)),
            posted_at: update.at,
        });
    }
    if let Some(withdrawn) = &incident.withdrawn {
        updates.push(UpdateView {
            phase: Phase::Resolved.word(),
            text: format!("This was a false alarm: {}", withdrawn.reason),
            at: When::of(withdrawn.at, zone),
            estimate: None,
            posted_at: withdrawn.at,
        });
    }
    if let Some(resolved_at) = resolved_at {
        let verb = if names.len() == 1 { "is" } else { "are" };
        updates.push(UpdateView {
            phase: Phase::Resolved.word(),
            text: format!("{} {verb} available again.", list(&names)),
            at: When::of(resolved_at, zone),
            estimate: None,
            posted_at: resolved_at,
        });
    }
    updates.sort_by_key(|update| update.posted_at);
    let changed_at = updates.last().map_or(started_at, |update| update.posted_at);
    updates.reverse();
    let phase = match resolved_at {
        Some(_) => Phase::Resolved,
        None => incident.phase().unwrap_or(Phase::Investigating),
    };
    let until = resolved_at.unwrap_or(at);
    Some(IncidentView {
        id: incident.id.to_string(),
        title: format!("{} {}", subject(incident.cause), list(&names)),
        kind: if incident.cause == Cause::Degraded {
            "degraded"
        } else {
            "down"
        },
        phase: phase.word(),
        systems: concerned.iter().map(|system| shown.named(system)).collect(),
        started: When::of(started_at, zone),
        resolved: resolved_at.map(|at| When::of(at, zone)),
        lasted: length(until.duration_since(started_at).as_secs()),
        updates,
        next_update: next_update(incident).map(|at| When::of(at, zone)),
        withdrawn: incident.withdrawn.is_some(),
        started_at,
        resolved_at,
        changed_at,
    })
}

fn subject(cause: Cause) -> &'static str {
    match cause {
        Cause::Outage | Cause::Declared => "Outage of",
        Cause::Overrun => "Maintenance overrun of",
        Cause::Degraded => "Impairment of",
        Cause::Reported => "Problem with",
    }
}

/// The start of its first outage of a public system.
fn started_at(record: &Record, shown: &Shown<'_>, incident: &Incident) -> Timestamp {
    let outages = incident
        .outages
        .iter()
        .filter_map(|id| record.outages.get(id));
    let starts = outages.filter(|outage| shown.has(&outage.system));
    let starts = starts.map(|outage| outage.overrun.as_ref().map_or(outage.start, |(at, _)| *at));
    starts
        .min()
        .map_or(incident.opened_at, |start| start.min(incident.opened_at))
}

fn opening(
    incident: &Incident,
    names: &[&str],
    started_at: Timestamp,
    zone: &TimeZone,
) -> UpdateView {
    let (names, verb) = (list(names), if names.len() == 1 { "is" } else { "are" });
    let at = When::of(started_at, zone);
    let since = &at.clock;
    let text = match incident.cause {
        Cause::Outage | Cause::Declared => format!("{names} {verb} not available since {since}."),
        Cause::Overrun => format!(
            "Planned maintenance takes longer than announced: {names} {verb} not available."
        ),
        Cause::Degraded => format!("{names} {verb} slow or impaired since {since}."),
        Cause::Reported => format!("A problem with {names} was reported."),
    };
    UpdateView {
        phase: Phase::Investigating.word(),
        text,
        at,
        estimate: None,
        posted_at: started_at,
    }
}

fn next_update(incident: &Incident) -> Option<Timestamp> {
    let runs = incident.handling.clocks.runs.iter();
    let running = runs.filter(|run| run.clock == Clock::Update && run.result == Outcome::Running);
    running.filter_map(|run| run.due).min()
}
