//! Maintenance windows that are open or to come.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue};
use domain::record::Record;
use domain::windows::Occurrence;
use jiff::Timestamp;

use super::incidents::named;
use super::list::part_of;
use super::problem::{Answer, Failed};
use super::{Shared, version, wire};
use crate::web::console::{coming, why};

/// List the windows that are open or to come: recurring ones of a month, one-off ones however far ahead
#[utoipa::path(
    get,
    path = "/api/v1/maintenance",
    params(wire::Part),
    responses((status = 200, body = wire::Page<wire::Window>))
)]
pub async fn list(
    State(console): Shared,
    Query(part): Query<wire::Part>,
) -> Answer<Json<wire::Page<wire::Window>>> {
    let (snapshot, now) = (console.app.snapshot(), console.app.now());
    let record = &snapshot.record;
    let windows = coming(record, now);
    let windows = windows.iter().map(|w| shown(w, record, now));
    Ok(Json(part_of(
        windows.collect(),
        |w: &wire::Window| w.id.clone(),
        &part,
    )?))
}

/// Read a window that is open or to come
///
/// `ETag` is its version, for `If-Match` of an act.
#[utoipa::path(
    get,
    path = "/api/v1/maintenance/{id}",
    params(("id" = String, Path, description = "The window's id, its `/` written as %2F", example = "disk")),
    responses((status = 200, body = wire::Window, headers(("ETag" = String))))
)]
pub async fn window(
    State(console): Shared,
    Path(id): Path<String>,
) -> Answer<([(HeaderName, HeaderValue); 1], Json<wire::Window>)> {
    let version = version::current(&console, vec![id.clone()]).await?;
    let (snapshot, now) = (console.app.snapshot(), console.app.now());
    let record = &snapshot.record;
    let windows = coming(record, now);
    let found = windows.iter().find(|w| w.id.as_str() == id);
    let found = found.ok_or_else(|| {
        Failed::not_found(format!(
            "there is no window {id} that is open or to come; `GET /api/v1/events?subject={id}` has older ones"
        ))
    })?;
    let shown = wire::Window {
        version: Some(version),
        ..shown(found, record, now)
    };
    Ok((version::tag(version), Json(shown)))
}

fn shown(window: &Occurrence, record: &Record, now: Timestamp) -> wire::Window {
    let status = record.window_status(&window.id, now);
    let open = status.filter(|status| !status.late);
    let missing = open.as_ref().map_or(&[][..], |status| &status.not_yet_told);
    let not_notified = missing.iter().map(|id| {
        let customer = record.catalogue.customer(id.as_str());
        wire::Named {
            id: id.to_string(),
            name: customer.map_or_else(|| id.to_string(), |c| c.name.clone()),
        }
    });
    wire::Window {
        id: window.id.to_string(),
        version: None,
        title: window.title.clone(),
        impact: window.impact.clone(),
        systems: named(record, &window.systems),
        start: window.span.from,
        end: window.span.to,
        max_downtime_s: window.max_downtime_s,
        recurring: window.recurring,
        counts: !window.earned_parts.is_empty(),
        why: why(&window.why, |at| at.to_string()),
        notify_by: open.as_ref().map(|status| status.tell_by),
        not_notified: not_notified.collect(),
    }
}
