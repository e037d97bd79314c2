//! The first page: what is wrong now, and whose clock runs out next.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use domain::clocks::Outcome;
use domain::incident::Incident;
use domain::record::Record;
use domain::text::visible_line;
use jiff::Timestamp;
use serde::Serialize;

use super::Shared;
use super::access::SignedIn;
use super::when::{Times, When};
use crate::engine::status;

#[derive(Serialize)]
struct Overview {
    systems: Vec<SystemLine>,
    incidents: Vec<IncidentLine>,
    maintenance: Vec<String>,
    undelivered: Vec<Undelivered>,
    waiting: usize,
    reports: Vec<Draft>,
    /// Why the service itself needs care.
    service: Vec<String>,
}

#[derive(Serialize)]
struct SystemLine {
    id: String,
    name: String,
    state: String,
    since: Option<When>,
    is_flapping: bool,
    /// The probes that are not up, with what they saw last.
    failing: Vec<String>,
}

/// An incident in a list.
#[derive(Serialize)]
pub struct IncidentLine {
    id: String,
    systems: String,
    severity: Option<String>,
    opened: When,
    acknowledged_by: Option<String>,
    is_resolved: bool,
    is_closed: bool,
    missing: Vec<&'static str>,
    next: Option<ClockLine>,
}

/// The clock that runs out next.
#[derive(Serialize)]
struct ClockLine {
    clock: String,
    due: When,
    is_urgent: bool,
}

#[derive(Serialize)]
struct Undelivered {
    notice: String,
    kind: String,
    to: String,
    at: When,
    reply: Option<String>,
}

#[derive(Serialize)]
struct Draft {
    committee: String,
    month: String,
    drafted: Option<When>,
}

/// How many incidents wait for a person: not acknowledged, or with a rejected notice of the last week.
pub fn alarms(record: &Record) -> usize {
    let incidents = record.incidents.unresolved();
    incidents.filter(|i| i.acknowledged.is_none()).count()
}

/// The running clock of an incident that is due first.
fn next_clock(incident: &Incident) -> Option<(&'static str, Timestamp, bool)> {
    let running = incident.handling.clocks.runs.iter();
    let running = running.filter(|run| run.result == Outcome::Running);
    let due = running.filter_map(|run| Some((run.clock.word(), run.due?, run.warned.is_some())));
    due.min_by_key(|(_, due, _)| *due)
}

pub fn incident_line(incident: &Incident, record: &Record, times: &Times) -> IncidentLine {
    let names = incident
        .systems
        .iter()
        .map(|id| name_of(record, id.as_str()));
    IncidentLine {
        id: incident.id.to_string(),
        systems: names.collect::<Vec<_>>().join(", "),
        severity: incident.handling.severity().map(str::to_owned),
        opened: times.at(incident.opened_at),
        acknowledged_by: incident.acknowledged.as_ref().map(|a| visible_line(&a.by)),
        is_resolved: incident.resolved_at.is_some(),
        is_closed: incident.closed.is_some() || incident.merged.is_some(),
        missing: incident.missing(),
        next: next_clock(incident).map(|(clock, due, is_warned)| ClockLine {
            clock: clock.replace('-', " "),
            due: times.at(due),
            is_urgent: is_warned || due <= times.now(),
        }),
    }
}

/// The name of a system, or its id if it is no longer configured.
pub fn name_of(record: &Record, id: &str) -> String {
    let system = record.catalogue.system(id);
    system.map_or_else(|| id.to_owned(), |s| s.name.clone())
}

pub async fn page(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    let snapshot = console.app.snapshot();
    let record = &snapshot.record;
    let times = console.times();
    let status = console.app.status();
    let mut incidents: Vec<&Incident> = record
        .incidents
        .all()
        .filter(|i| i.closed.is_none() && i.merged.is_none())
        .collect();
    // The clock that runs out next comes first, then the newest.
    incidents.sort_by_key(|i| {
        let due = next_clock(i).map(|(_, due, _)| due);
        let due = due.filter(|_| i.resolved_at.is_none());
        (due.unwrap_or(Timestamp::MAX), std::cmp::Reverse(i.id))
    });
    let mut systems: Vec<SystemLine> = status
        .systems
        .iter()
        .map(|system| system_line(system, &times))
        .collect();
    systems.sort_by_key(|s| match s.state.as_str() {
        "down" => 0,
        "degraded" => 1,
        "unknown" => 2,
        _ => 3,
    });
    let may_see = who.account.role >= people::Role::Operator;
    let page = Overview {
        systems,
        incidents: incidents
            .into_iter()
            .map(|i| incident_line(i, record, &times))
            .collect(),
        maintenance: status.maintenance.clone(),
        undelivered: status
            .outbox
            .undelivered
            .iter()
            .map(|u| Undelivered {
                notice: u.notice.clone(),
                kind: u.kind.clone(),
                to: match may_see {
                    true => format!("{} ({})", u.customer, u.recipient),
                    false => u.customer.clone(),
                },
                at: times.at(u.at),
                reply: u.reply.clone().filter(|_| may_see),
            })
            .collect(),
        waiting: status.outbox.depth,
        reports: drafts(record, &times),
        service: troubles(&status),
    };
    console.page(&who.account, "overview.html", page)
}

fn system_line(system: &status::System, times: &Times) -> SystemLine {
    let failing = system.probes.iter().filter(|p| p.state != "up");
    let failing = failing.map(|probe| {
        let why = [probe.reason.as_deref(), probe.detail.as_deref()];
        let why: Vec<&str> = why.into_iter().flatten().collect();
        match why.is_empty() {
            true => format!("{}: {}", probe.probe, probe.state),
            false => format!("{}: {}, {}", probe.probe, probe.state, why.join(", ")),
        }
    });
    SystemLine {
        id: system.system.clone(),
        name: system.name.clone(),
        state: system.state.clone(),
        since: times.maybe(system.since),
        is_flapping: system.unstable.is_some(),
        failing: failing.collect(),
    }
}

/// Reports that wait for an approval.
fn drafts(record: &Record, times: &Times) -> Vec<Draft> {
    let all = record.reports.all();
    let open = all.filter(|(_, _, known)| known.revisions.is_empty());
    open.map(|(committee, month, known)| Draft {
        committee: committee.to_string(),
        month: month.to_string(),
        drafted: times.maybe(known.drafted_at),
    })
    .collect()
}

fn troubles(status: &status::Status) -> Vec<String> {
    let mut troubles = Vec::new();
    if !status.watching {
        troubles.push("Nines is not monitoring.".to_owned());
    }
    if status.behind {
        troubles.push("The ledger cannot be written. No notice leaves until it can.".to_owned());
    }
    if let Some(refused) = &status.refused_reload {
        troubles.push(format!(
            "An older configuration is in force: {}",
            refused.why
        ));
    }
    for unusable in &status.unusable_certificates {
        troubles.push(format!(
            "The {} listener uses an older certificate than its files hold: {}",
            unusable.listener, unusable.why
        ));
    }
    for check in &status.self_checks {
        if let Some(why) = &check.failure {
            troubles.push(format!(
                "The check of the monitor's own {} fails: {why}",
                check.check
            ));
        }
    }
    troubles
}
