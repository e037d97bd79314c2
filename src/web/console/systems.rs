//! One system: its probes with their last samples.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::Shared;
use super::access::SignedIn;
use super::overview::incident_line;
use super::when::When;
use crate::web::probe_now::NotRun;

#[derive(Serialize)]
struct Page {
    id: String,
    name: String,
    state: String,
    since: Option<When>,
    committee: String,
    policy: Option<String>,
    customers: Vec<String>,
    depends_on: Vec<String>,
    probes: Vec<Probe>,
    incidents: Vec<super::overview::IncidentLine>,
}

#[derive(Serialize)]
struct Probe {
    name: String,
    state: String,
    at: Option<When>,
    outcome: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
    took: Option<String>,
    certificate: Option<When>,
    certificate_ends_soon: bool,
    /// Bad runs that were never confirmed.
    blips: u32,
}

/// The newest incidents of a system on its page.
const INCIDENTS: usize = 20;

pub async fn page(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Response {
    let snapshot = console.app.snapshot();
    let (record, times) = (&snapshot.record, console.times());
    let status = console.app.status();
    let shown = status.systems.into_iter().find(|s| s.system == id);
    let (Some(shown), Some(system)) = (shown, record.catalogue.system(&id)) else {
        let text = format!("There is no system {id}.");
        return console.message(&who.account, StatusCode::NOT_FOUND, "Not found", &text);
    };
    let customers = record.catalogue.customers.iter();
    let customers = customers.filter(|c| c.systems.contains(&system.id));
    let incidents = record.incidents.all().rev();
    let incidents = incidents.filter(|i| i.systems.contains(&system.id));
    let page = Page {
        name: shown.name,
        state: shown.state,
        since: times.maybe(shown.since),
        committee: system.committee.to_string(),
        policy: system.policy.as_ref().map(ToString::to_string),
        customers: customers.map(|c| c.name.clone()).collect(),
        depends_on: system.depends_on.iter().map(ToString::to_string).collect(),
        incidents: incidents
            .take(INCIDENTS)
            .map(|i| incident_line(i, record, &times))
            .collect(),
        probes: shown
            .probes
            .into_iter()
            .map(|probe| Probe {
                blips: blips(record, &id, &probe.probe),
                name: probe.probe,
                state: probe.state,
                at: times.maybe(probe.at),
                outcome: probe.outcome,
                reason: probe.reason,
                detail: probe.detail,
                took: probe
                    .took_us
                    .map(|us| format!("{}.{:03} ms", us / 1000, us % 1000)),
                certificate: times.maybe(probe.certificate_ends),
                certificate_ends_soon: probe.certificate_ends_soon,
            })
            .collect(),
        id,
    };
    console.page(&who.account, "system.html", page)
}

/// Runs a probe now. The result is neither stored nor counted.
pub async fn probe_now(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path((id, probe)): Path<(String, String)>,
) -> Response {
    let probe = domain::id::ProbeId::of(&id.as_str().into(), &probe);
    let transcript = match console.app.probe_transcript(&probe).await {
        Ok((_, transcript)) => transcript,
        Err(NotRun::Unknown) => {
            let text = format!(
                "There is no probe {probe} that Nines can run: a heartbeat comes by itself."
            );
            return console.message(&who.account, StatusCode::NOT_FOUND, "Not found", &text);
        }
        Err(NotRun::Busy) => {
            let text = format!("Somebody runs {probe} already. Try it again in a moment.");
            return console.message(&who.account, StatusCode::CONFLICT, "It runs", &text);
        }
    };
    console.page(
        &who.account,
        "probe.html",
        json!({ "id": id, "probe": probe, "transcript": transcript }),
    )
}

fn blips(record: &domain::record::Record, system: &str, probe: &str) -> u32 {
    let id = domain::id::ProbeId::of(&system.into(), probe);
    let known = record.probes.get(&id);
    let blips = known.map_or(0, |known| known.blips.len());
    u32::try_from(blips).unwrap_or(u32::MAX)
}
