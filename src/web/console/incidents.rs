//! Incidents: the list, and one incident with its timeline, clocks, texts and the forms of everything that a person does
//! about it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use domain::id::IncidentId;
use domain::incident::{Incident, Update};
use domain::record::Record;
use domain::report::words;
use people::{ReporterId, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::SignedIn;
use super::audit::{Event, events};
use super::notices::{Line, outgoing};
use super::overview::{incident_line, name_of};
use super::when::{Times, When};
use super::{Console, Shared, blocking};
use crate::ledger::Wanted;

/// The newest incidents of the list.
const SHOWN: usize = 200;
/// The events of an incident's timeline.
const EVENTS: usize = 500;

#[derive(Deserialize)]
pub struct Filter {
    /// Lists closed ones too.
    #[serde(default)]
    all: bool,
}

pub async fn list(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Query(filter): Query<Filter>,
) -> Response {
    let snapshot = console.app.snapshot();
    let (record, times) = (&snapshot.record, console.times());
    let wanted = |i: &&Incident| filter.all || (i.closed.is_none() && i.merged.is_none());
    let incidents: Vec<_> = record
        .incidents
        .all()
        .rev()
        .filter(wanted)
        .take(SHOWN)
        .map(|i| incident_line(i, record, &times))
        .collect();
    let customers: Vec<_> = record
        .catalogue
        .customers
        .iter()
        .map(|c| (c.id.to_string(), c.name.clone()))
        .collect();
    let systems = systems(record);
    console.page(
        &who.account,
        "incidents.html",
        json!({ "incidents": incidents, "all": filter.all, "customers": customers, "systems": systems }),
    )
}

/// The ids and names of all systems.
pub fn systems(record: &Record) -> Vec<(String, String)> {
    let systems = record.catalogue.systems.iter();
    systems
        .map(|s| (s.id.to_string(), s.name.clone()))
        .collect()
}

#[derive(Serialize)]
struct Page {
    line: super::overview::IncidentLine,
    policy: Option<String>,
    is_security: bool,
    is_paused: bool,
    has_workaround: bool,
    resolved: Option<When>,
    closed: Option<When>,
    merged_into: Option<String>,
    severities: Vec<String>,
    outages: Vec<Outage>,
    clocks: Vec<Clock>,
    levels: Vec<Level>,
    reports: Vec<Report>,
    updates: Vec<Words>,
    summary: Option<String>,
    root_cause: Option<String>,
    resolution: Option<String>,
    measures: Vec<Measure>,
    notices: Vec<Line>,
    timeline: Vec<Event>,
    others: Vec<String>,
}

#[derive(Serialize)]
struct Outage {
    id: String,
    system: String,
    start: When,
    end: Option<When>,
    length: Option<String>,
    is_declared: bool,
}

#[derive(Serialize)]
struct Clock {
    name: String,
    severity: String,
    due: Option<When>,
    result: String,
    answered: Option<When>,
}

#[derive(Serialize)]
struct Level {
    level: u8,
    state: &'static str,
    at: When,
    contacts: String,
}

#[derive(Serialize)]
struct Words {
    at: When,
    by: String,
    text: String,
    is_public: bool,
    delivered: Option<When>,
}

/// The report of a problem.
#[derive(Serialize)]
struct Report {
    by: String,
    about: String,
    text: String,
    received: When,
    /// How to reach the reporter of a report by the public form, for those who may see it.
    contact: Option<Contact>,
}

#[derive(Serialize)]
struct Contact {
    name: String,
    organisation: String,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Serialize)]
struct Measure {
    number: usize,
    text: String,
    owner: String,
    due: String,
    is_done: bool,
}

pub async fn page(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Response {
    let snapshot = console.app.snapshot();
    let (record, times) = (&snapshot.record, console.times());
    let found = id.parse::<IncidentId>().ok();
    let Some(incident) = found.and_then(|id| record.incidents.get(id)) else {
        let text = format!("There is no incident {id}.");
        return console.message(&who.account, StatusCode::NOT_FOUND, "Not found", &text);
    };
    let outages = incident.outages.iter().map(ToString::to_string);
    let wanted = Wanted {
        subjects: outages.chain([incident.id.to_string()]).collect(),
        ..Wanted::default()
    };
    let role = who.account.role;
    let (data, all) = (console.data.clone(), snapshot.clone());
    let reading = {
        let times = times.clone();
        move || events(&data, &all.record, &wanted, EVENTS, (role, &times))
    };
    let timeline = match blocking(reading).await {
        Ok(timeline) => timeline,
        Err(response) => return response,
    };
    let messages = record.notices.messages();
    let own = messages.filter(|(_, sent)| sent.notice.incident == Some(incident.id));
    let notices = own.map(|(id, sent)| outgoing(id.to_string(), sent, role, &times));
    let reports = match reports(&console, incident, role, &times).await {
        Ok(reports) => reports,
        Err(response) => return response,
    };
    let page = Page {
        notices: notices.collect(),
        reports,
        timeline,
        ..made(incident, record, &times)
    };
    console.page(&who.account, "incident.html", page)
}

fn made(incident: &Incident, record: &Record, times: &Times) -> Page {
    let handling = &incident.handling;
    let commitments = record.commitments_of(incident);
    let others = record.incidents.unresolved();
    let others = others.filter(|other| other.id < incident.id);
    let review = &incident.review;
    Page {
        line: incident_line(incident, record, times),
        policy: handling.policy.as_ref().map(ToString::to_string),
        is_security: handling.is_security(),
        is_paused: handling.is_paused(),
        has_workaround: handling.workaround.is_some(),
        resolved: times.maybe(incident.resolved_at),
        closed: times.maybe(incident.closed.as_ref().map(|(at, _)| *at)),
        merged_into: incident.merged.map(|(_, into)| into.to_string()),
        severities: commitments.map_or_else(Vec::new, |c| {
            c.severities.iter().map(|s| s.id.clone()).collect()
        }),
        outages: outages(incident, record, times),
        clocks: clocks(incident, times),
        levels: handling
            .levels
            .iter()
            .map(|level| Level {
                level: level.level,
                state: level.state.word(),
                at: times.at(level.at),
                contacts: level.contacts.join(", "),
            })
            .collect(),
        reports: Vec::new(),
        updates: incident
            .updates
            .iter()
            .rev()
            .map(|u| words_of(u, times))
            .collect(),
        summary: review.summary.clone(),
        root_cause: review.root_cause.clone(),
        resolution: review.resolution.clone(),
        measures: measures(incident),
        notices: Vec::new(),
        timeline: Vec::new(),
        others: others.map(|other| other.id.to_string()).collect(),
    }
}

/// The reports of problems. Who may only read sees no address.
async fn reports(
    console: &Arc<Console>,
    incident: &Incident,
    role: Role,
    times: &Times,
) -> Result<Vec<Report>, Response> {
    let mut reports = Vec::new();
    for problem in &incident.handling.problems {
        let form = problem.form.as_ref().filter(|_| role >= Role::Operator);
        let contact = match form.map(|form| ReporterId(form.reporter)) {
            Some(id) => {
                let people = Arc::clone(&console.people);
                blocking(move || people.reporter(id)).await?
            }
            None => Ok(None),
        };
        let contact = contact.map_err(|error| {
            tracing::error!(%error, "the contact of a reporter cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })?;
        reports.push(Report {
            by: problem.by(),
            about: problem.about().to_owned(),
            text: problem.text.clone(),
            received: times.at(problem.received),
            contact: contact.map(|person| Contact {
                name: person.name,
                organisation: person.organisation,
                email: person.email,
                phone: person.phone,
            }),
        });
    }
    Ok(reports)
}

fn outages(incident: &Incident, record: &Record, times: &Times) -> Vec<Outage> {
    let known = incident
        .outages
        .iter()
        .filter_map(|id| record.outages.get(id));
    known
        .map(|outage| Outage {
            id: outage.id.to_string(),
            system: name_of(record, outage.system.as_str()),
            start: times.at(outage.start),
            end: times.maybe(outage.end),
            length: outage
                .end
                .map(|end| words::length(end.duration_since(outage.start).as_secs())),
            is_declared: outage.declared.is_some(),
        })
        .collect()
}

fn clocks(incident: &Incident, times: &Times) -> Vec<Clock> {
    let runs = incident.handling.clocks.runs.iter();
    runs.map(|run| Clock {
        name: run.clock.word().replace('-', " "),
        severity: run.severity.clone(),
        due: times.maybe(run.due),
        result: run.result.word().replace('-', " "),
        answered: times.maybe(run.answered),
    })
    .collect()
}

fn words_of(update: &Update, times: &Times) -> Words {
    Words {
        at: times.at(update.at),
        by: update.by.clone(),
        text: update.text.clone(),
        is_public: update.public,
        delivered: times.maybe(update.delivered_at),
    }
}

fn measures(incident: &Incident) -> Vec<Measure> {
    let measures = incident.review.measures.iter().enumerate();
    measures
        .map(|(place, measure)| Measure {
            number: place + 1,
            text: measure.text.clone(),
            owner: measure.owner.clone(),
            due: measure.due.to_string(),
            is_done: incident.done.contains_key(&measure.text),
        })
        .collect()
}
