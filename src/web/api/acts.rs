//! Acts and reloads.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::act::Act;
use domain::record::Record;
use serde_json::Value;

use super::caller::Caller;
use super::problem::{Answer, Failed};
use super::version::{self, Accepted};
use super::{Shared, mails, once, wire};
use crate::sentence::sentence;
use crate::web::Row;
use crate::web::console::{Console, act_role, second_person_is_an_account};
use crate::web::state::{ActRequest, Receipt, Reply};

/// Carry out an act, or try it
///
/// Each act needs its own role: what excuses downtime or approves a report needs an approver, all others an operator.
/// With `If-Match`, it is carried out only if nothing has happened to its incident, window or report since. With
/// `Idempotency-Key`, the same request again gets the first answer and records nothing.
#[utoipa::path(
    post,
    path = "/api/v1/acts",
    params(
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the incident, window or report"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters, kept for 24 hours"),
    ),
    request_body = wire::ActRequest,
    responses(
        (status = 200, body = wire::Receipt, description = "The events are on the disk"),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "The act is refused, or a request with this key has no answer"),
        (status = 412, body = wire::Problem, content_type = "application/problem+json", description = "It has changed since"),
    )
)]
pub async fn act(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(body): Json<wire::ActRequest>,
) -> Answer<Response> {
    let act = domain(&body.act)?;
    second_person_is_an_account(&act, false).map_err(Failed::conflict)?;
    caller.needs(act_role(&act))?;
    let accepted = version::accepted(&headers)?;
    let request = ActRequest {
        by: caller.name.clone(),
        act,
        dry_run: body.dry_run,
        anyway: body.anyway,
        not_phi: body.not_phi.clone(),
    };
    let key = match body.dry_run {
        true => None,
        false => once::key(&headers)?,
    };
    let work = carry_out(Arc::clone(&console), caller.clone(), request, accepted);
    once::answered(&console, &caller, key, ("acts", &body), work).await
}

/// The act as the domain reads it.
pub(super) fn domain(act: &wire::Act) -> Answer<Act> {
    let written = serde_json::to_value(act).map_err(|_| Failed::broke_off())?;
    serde_json::from_value(written)
        .map_err(|error| Failed::unprocessable(format!("the act cannot be read: {error}")))
}

async fn carry_out(
    console: Arc<Console>,
    caller: Caller,
    request: ActRequest,
    accepted: Option<Accepted>,
) -> Answer<Response> {
    let subjects = version::subjects(&request.act, &console.app.snapshot().record);
    let dry_run = request.dry_run;
    // No other act comes between the check and the record.
    let alone = console.app.alone().await;
    if let Some(accepted) = accepted {
        version::check(&console, &caller, &accepted, &request.act).await?;
    }
    let reply = console.app.act_within(alone, caller.actor(), request).await;
    let receipt = answer(&console, reply).await?;
    Ok(match subjects.filter(|_| !dry_run) {
        Some(subjects) => {
            let now = version::current(&console, subjects).await?;
            (version::tag(now), Json(receipt)).into_response()
        }
        None => Json(receipt).into_response(),
    })
}

/// Read the configuration again
///
/// If it has mistakes, the old one stays in force.
#[utoipa::path(
    post,
    path = "/api/v1/reload",
    responses(
        (status = 200, body = wire::Receipt),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "The configuration has mistakes"),
    )
)]
pub async fn reload(State(console): Shared) -> Answer<Json<wire::Receipt>> {
    let reply = console.app.reload().await;
    Ok(Json(answer(&console, reply).await?))
}

async fn answer(console: &Arc<Console>, reply: Reply) -> Answer<wire::Receipt> {
    match reply {
        Reply::Done(receipt) => receipt_of(console, receipt).await,
        Reply::Refused(why) => Err(Failed::conflict(why)),
        Reply::Failed(why) => Err(Failed::unavailable(why)),
    }
}

/// The rows of events, for operators with their content.
pub(super) fn recorded(
    console: &Arc<Console>,
    rows: &[Row],
    caller: &Caller,
) -> Vec<wire::Recorded> {
    let record = &console.app.snapshot().record;
    let rows = rows.iter().map(|row| {
        let mut shown = shown(row, record);
        if !caller.sees_addresses() {
            shown.data = Value::Null;
        }
        shown
    });
    rows.collect()
}

fn shown(row: &Row, record: &Record) -> wire::Recorded {
    wire::Recorded {
        text: row
            .event()
            .map_or_else(String::new, |event| sentence(&event, record)),
        seq: row.seq,
        at: row.at,
        kind: row.kind.clone(),
        subject: row.subject.clone(),
        by: row.by.clone(),
        data: row.data.clone(),
    }
}

pub(super) async fn receipt_of(console: &Arc<Console>, receipt: Receipt) -> Answer<wire::Receipt> {
    let record = &console.app.snapshot().record;
    let events = receipt
        .events
        .iter()
        .map(|row| shown(row, record))
        .collect();
    let notices = match receipt.notices.is_empty() {
        true => Vec::new(),
        false => mails::rendered(console, receipt.notices).await?,
    };
    Ok(wire::Receipt {
        events,
        left: receipt.left,
        notices,
        changes: receipt.changes,
        zone: record.catalogue.zone.clone(),
    })
}
