//! The status, and the systems.

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use domain::id::ProbeId;

use super::caller::Caller;
use super::list::part_of;
use super::problem::{Answer, Failed};
use super::{Shared, wire};
use crate::engine::status;
use crate::web::probe_now::NotRun;

/// Read what is wrong now
///
/// As `nines status --json`. Viewers see no address.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    responses((status = 200, body = status::Status))
)]
pub async fn now(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
) -> Json<status::Status> {
    let mut status = console.app.status();
    if !caller.sees_addresses() {
        for undelivered in &mut status.outbox.undelivered {
            undelivered.recipient.clear();
            undelivered.reply = None;
        }
    }
    Json(status)
}

/// List systems
#[utoipa::path(
    get,
    path = "/api/v1/systems",
    params(wire::Part),
    responses((status = 200, body = wire::Page<status::System>))
)]
pub async fn systems(
    State(console): Shared,
    Query(part): Query<wire::Part>,
) -> Answer<Json<wire::Page<status::System>>> {
    let systems = console.app.status().systems;
    Ok(Json(part_of(systems, |s| s.system.clone(), &part)?))
}

/// Read a system
#[utoipa::path(
    get,
    path = "/api/v1/systems/{id}",
    params(("id" = String, Path, description = "The name of its file", example = "portal")),
    responses((status = 200, body = status::System))
)]
pub async fn system(
    State(console): Shared,
    Path(id): Path<String>,
) -> Answer<Json<status::System>> {
    let systems = console.app.status().systems;
    let found = systems.into_iter().find(|s| s.system == id);
    let none = || Failed::not_found(format!("there is no system {id}"));
    found.map(Json).ok_or_else(none)
}

/// Run a probe now
///
/// The result is neither stored nor counted, and sends no notice. A heartbeat comes by itself and cannot be run.
#[utoipa::path(
    post,
    path = "/api/v1/systems/{id}/probes/{probe}/runs",
    params(
        ("id" = String, Path, description = "The name of its file", example = "portal"),
        ("probe" = String, Path, example = "login-page"),
    ),
    responses(
        (status = 200, body = wire::ProbeRun),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "Another request runs it"),
    )
)]
pub async fn run_probe(
    State(console): Shared,
    Path((id, probe)): Path<(String, String)>,
) -> Answer<Json<wire::ProbeRun>> {
    let probe = ProbeId::of(&id.as_str().into(), &probe);
    match console.app.probe_transcript(&probe).await {
        Ok((is_up, transcript)) => Ok(Json(wire::ProbeRun {
            probe: probe.to_string(),
            is_up,
            transcript,
        })),
        Err(NotRun::Unknown) => Err(Failed::not_found(format!(
            "there is no probe {probe} that Nines can run: a heartbeat comes by itself"
        ))),
        Err(NotRun::Busy) => Err(Failed::conflict(format!(
            "another request runs {probe}: try it again in a moment"
        ))),
    }
}
