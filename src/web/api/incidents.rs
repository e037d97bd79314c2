//! Incidents with everything that people and the service did about them.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue};
use axum::{Extension, Json};
use domain::clocks::{Outcome, Run};
use domain::id::IncidentId;
use domain::incident::{Cause, Incident, Update};
use domain::record::Record;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::list::part_of;
use super::problem::{Answer, Failed};
use super::{Shared, events, notices, version, wire};
use crate::ledger::Wanted;

/// The incidents that a request wants.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only incidents that are neither closed nor merged.
    #[serde(default)]
    open: bool,
    /// Only incidents of this system.
    #[serde(default)]
    system: Option<String>,
    /// The `next` of the part before.
    #[serde(default)]
    cursor: Option<String>,
    /// The most items of the answer, 100 by default.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// List incidents, the newest first
#[utoipa::path(
    get,
    path = "/api/v1/incidents",
    params(Filter),
    responses((status = 200, body = wire::Page<wire::IncidentLine>))
)]
pub async fn list(
    State(console): Shared,
    Query(filter): Query<Filter>,
) -> Answer<Json<wire::Page<wire::IncidentLine>>> {
    let record = &console.app.snapshot().record;
    let is_wanted = |i: &&Incident| {
        let is_open = i.closed.is_none() && i.merged.is_none();
        let system = filter.system.as_deref();
        (is_open || !filter.open)
            && system.is_none_or(|system| i.systems.iter().any(|s| s.as_str() == system))
    };
    let incidents = record.incidents.all().rev().filter(is_wanted);
    let part = wire::Part {
        cursor: filter.cursor.clone(),
        limit: filter.limit,
    };
    let found = part_of(incidents.collect(), |i: &&Incident| i.id.to_string(), &part)?;
    let items = found.items.into_iter().map(|i| line(i, record)).collect();
    Ok(Json(wire::Page {
        items,
        next: found.next,
    }))
}

fn found<'a>(record: &'a Record, id: &str) -> Answer<&'a Incident> {
    let known = id.parse::<IncidentId>().ok();
    let known = known.and_then(|id| record.incidents.get(id));
    known.ok_or_else(|| Failed::not_found(format!("there is no incident {id}")))
}

/// Read an incident
///
/// `ETag` is its version, for `If-Match` of an act.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}",
    params(("id" = String, Path, example = "I-1")),
    responses((status = 200, body = wire::Incident, headers(("ETag" = String))))
)]
pub async fn incident(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<([(HeaderName, HeaderValue); 1], Json<wire::Incident>)> {
    // The version is read first: an event in between makes it older than the answer, never newer.
    let id = found(&console.app.snapshot().record, &id)?.id;
    let subjects = version::of_incident(&console.app.snapshot().record, id);
    let version = version::current(&console, subjects).await?;
    let snapshot = console.app.snapshot();
    let record = &snapshot.record;
    let incident = found(record, &id.to_string())?;
    let messages = record.notices.messages();
    let own = messages.filter(|(_, sent)| sent.notice.incident == Some(incident.id));
    let notices = own.map(|(id, sent)| notices::shown(id, sent, &caller));
    let shown = wire::Incident {
        notices: notices.collect(),
        ..made(incident, record, version)
    };
    Ok((version::tag(version), Json(shown)))
}

/// List the events of an incident and of its outages, the newest first
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}/events",
    params(("id" = String, Path, example = "I-1"), wire::Part),
    responses((status = 200, body = wire::Page<wire::Event>))
)]
pub async fn timeline(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(part): Query<wire::Part>,
) -> Answer<Json<wire::Page<wire::Event>>> {
    let record = &console.app.snapshot().record;
    let incident = found(record, &id)?;
    let wanted = Wanted {
        before: events::sequence(part.cursor.as_deref())?,
        subjects: version::of_incident(record, incident.id),
        ..Wanted::default()
    };
    let limit = events::limit(part.limit)?;
    Ok(Json(events::page(&console, &caller, wanted, limit).await?))
}

/// The ids of systems with their names.
pub fn named<'a>(
    record: &Record,
    systems: impl IntoIterator<Item = &'a domain::id::SystemId>,
) -> Vec<wire::Named> {
    let systems = systems.into_iter();
    systems.map(|id| name_of(record, id.as_str())).collect()
}

fn name_of(record: &Record, id: &str) -> wire::Named {
    let known = record.catalogue.system(id);
    wire::Named {
        id: id.to_owned(),
        // A system that is no longer configured has no other name.
        name: known.map_or_else(|| id.to_owned(), |system| system.name.clone()),
    }
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Outage => "outage",
        Cause::Overrun => "overrun",
        Cause::Declared => "declared",
        Cause::Degraded => "degraded",
        Cause::Reported => "reported",
    }
}

fn line(incident: &Incident, record: &Record) -> wire::IncidentLine {
    let running = incident.handling.clocks.runs.iter();
    let running = running.filter(|run| run.result == Outcome::Running && run.due.is_some());
    wire::IncidentLine {
        id: incident.id.to_string(),
        systems: named(record, &incident.systems),
        cause: cause(incident.cause).to_owned(),
        severity: incident.handling.severity().map(str::to_owned),
        opened: incident.opened_at,
        acknowledged: incident.acknowledged.as_ref().map(|a| wire::Acknowledged {
            at: a.at,
            by: a.by.clone(),
            recorded: a.recorded_at,
            approved_by: a.approved_by.clone(),
        }),
        resolved: incident.resolved_at,
        closed: incident.closed.as_ref().map(|(at, _)| *at),
        merged_into: incident.merged.map(|(_, into)| into.to_string()),
        missing: incident.missing().into_iter().map(str::to_owned).collect(),
        next_clock: running.min_by_key(|run| run.due).map(clock),
    }
}

fn clock(run: &Run) -> wire::Clock {
    wire::Clock {
        clock: run.clock.word().to_owned(),
        severity: run.severity.clone(),
        started: run.started,
        due: run.due,
        warned: run.warned,
        answered: run.answered,
        result: run.result.word().to_owned(),
    }
}

fn update(update: &Update) -> wire::Update {
    wire::Update {
        at: update.at,
        by: update.by.clone(),
        text: update.text.clone(),
        public: update.public,
        phase: update.phase.map(|phase| phase.word().to_owned()),
        estimate: update.estimate,
        delivered: update.delivered_at,
    }
}

fn made(incident: &Incident, record: &Record, version: u64) -> wire::Incident {
    let handling = &incident.handling;
    let line = line(incident, record);
    let review = &incident.review;
    let outages = incident.outages.iter();
    let outages = outages.filter_map(|id| record.outages.get(id));
    wire::Incident {
        version,
        id: line.id,
        systems: line.systems,
        cause: line.cause,
        severity: line.severity,
        opened: line.opened,
        acknowledged: line.acknowledged,
        resolved: line.resolved,
        closed: line.closed,
        merged_into: line.merged_into,
        missing: line.missing,
        policy: handling.policy.as_ref().map(ToString::to_string),
        phase: incident.phase().map(|phase| phase.word().to_owned()),
        is_security: handling.is_security(),
        is_paused: handling.is_paused(),
        workaround: handling.workaround.as_ref().map(|said| said.text.clone()),
        outages: outages
            .map(|outage| wire::Outage {
                id: outage.id.to_string(),
                system: name_of(record, outage.system.as_str()),
                start: outage.start,
                end: outage.end,
            })
            .collect(),
        clocks: handling.clocks.runs.iter().map(clock).collect(),
        levels: handling
            .levels
            .iter()
            .map(|level| wire::Level {
                level: level.level,
                state: level.state.word().to_owned(),
                at: level.at,
                contacts: level.contacts.clone(),
            })
            .collect(),
        updates: incident.updates.iter().map(update).collect(),
        review: wire::Review {
            summary: review.summary.clone(),
            root_cause: review.root_cause.clone(),
            certainty: review.certainty.map(|c| c.word().to_owned()),
            resolution: review.resolution.clone(),
        },
        measures: measures(incident),
        notices: Vec::new(),
    }
}

fn measures(incident: &Incident) -> Vec<wire::MeasureLine> {
    let measures = incident.review.measures.iter().enumerate();
    measures
        .map(|(place, measure)| wire::MeasureLine {
            number: place + 1,
            text: measure.text.clone(),
            owner: measure.owner.clone(),
            due: measure.due,
            done: incident.done.get(&measure.text).map(|done| done.at),
        })
        .collect()
}
