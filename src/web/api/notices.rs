//! Notices with their deliveries. Addresses and the relay's words are for operators.

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use domain::id::NoticeId;
use domain::record::{Outgoing, Standing};
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::list::part_of;
use super::problem::{Answer, Failed};
use super::{Shared, blocking, events, wire};
use crate::ledger::Ledger;

/// The notices that a request wants.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only notices in this state, such as `rejected`.
    #[serde(default)]
    state: Option<String>,
    /// Only notices of this incident, such as `I-12`.
    #[serde(default)]
    incident: Option<String>,
    /// The `next` of the part before.
    #[serde(default)]
    cursor: Option<String>,
    /// The most items of the answer, 100 by default.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// List notices, the newest first
#[utoipa::path(
    get,
    path = "/api/v1/notices",
    params(Filter),
    responses((status = 200, body = wire::Page<wire::Notice>))
)]
pub async fn list(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Query(filter): Query<Filter>,
) -> Answer<Json<wire::Page<wire::Notice>>> {
    let record = &console.app.snapshot().record;
    let is_wanted = |sent: &Outgoing| {
        let incident = sent.notice.incident.map(|id| id.to_string());
        let state = filter.state.as_deref();
        state.is_none_or(|state| sent.standing.word() == state)
            && (filter.incident.is_none() || filter.incident == incident)
    };
    let mut all: Vec<_> = record.notices.messages().collect();
    all.retain(|(_, sent)| is_wanted(sent));
    all.reverse();
    let part = wire::Part {
        cursor: filter.cursor.clone(),
        limit: filter.limit,
    };
    let found = part_of(all, |(id, _)| id.to_string(), &part)?;
    let items = found.items.into_iter();
    let items = items.map(|(id, sent)| shown(id, sent, &caller));
    Ok(Json(wire::Page {
        items: items.collect(),
        next: found.next,
    }))
}

/// Read a notice
///
/// `GET /api/v1/events?subject=N-1` lists its attempts.
#[utoipa::path(
    get,
    path = "/api/v1/notices/{id}",
    params(("id" = String, Path, example = "N-1")),
    responses((status = 200, body = wire::Notice))
)]
pub async fn notice(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<Json<wire::Notice>> {
    let record = &console.app.snapshot().record;
    let id = parsed(&id)?;
    let sent = record.notices.message(id);
    let sent = sent.ok_or_else(|| unknown(&id.to_string()))?;
    Ok(Json(shown(id, sent, &caller)))
}

/// Read the mail or the webhook's body of a notice, as it was sent
#[utoipa::path(
    get,
    path = "/api/v1/notices/{id}/message",
    params(("id" = String, Path, example = "N-1")),
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub async fn message(State(console): Shared, Path(id): Path<String>) -> Answer<impl IntoResponse> {
    let id = parsed(&id)?;
    let data = console.data.clone();
    let reading = move || Ledger::open_read_only(&data)?.message(id);
    let found = blocking(reading).await?;
    let found = found.map_err(|error| events::unreadable(&error))?;
    let bytes = found.ok_or_else(|| unknown(&id.to_string()))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text))
}

fn parsed(id: &str) -> Answer<NoticeId> {
    id.parse().map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Failed {
    Failed::not_found(format!(
        "there is no notice {id}, or it was never attempted"
    ))
}

/// A notice as the caller may see it.
pub fn shown(id: NoticeId, sent: &Outgoing, caller: &Caller) -> wire::Notice {
    let notice = &sent.notice;
    let since = match sent.standing {
        Standing::Due(at)
        | Standing::Attempting(at)
        | Standing::Sent(at)
        | Standing::Rejected(at)
        | Standing::Ambiguous(at) => at,
        Standing::Superseded(_) => sent.decided_at,
    };
    let sees = caller.sees_addresses();
    let report = notice.report.as_ref();
    wire::Notice {
        id: id.to_string(),
        kind: notice.kind.to_string(),
        recipient: notice.recipient.name.clone(),
        address: sees.then(|| notice.recipient.address.to_string()),
        customers: notice
            .recipient
            .customers()
            .map(ToString::to_string)
            .collect(),
        systems: notice.systems().map(ToString::to_string).collect(),
        incident: notice.incident.map(|incident| incident.to_string()),
        window: notice.window.as_ref().map(|window| window.id.to_string()),
        report: report.map(|report| format!("{} {}", report.committee, report.month)),
        state: sent.standing.word().to_owned(),
        decided: sent.decided_at,
        since,
        attempts: sent.attempts,
        sent_again: sent.sent_again_at,
        reply: sent
            .last
            .as_ref()
            .map(|(_, reply)| reply.clone())
            .filter(|_| sees),
        message_id: sent.message_id.clone(),
    }
}
