//! The ledger's events, as an audit trail and for programs that follow it.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use domain::record::Record;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::problem::{Answer, Failed};
use super::{Shared, blocking, wire};
use crate::ledger::{self, Ledger, Stored, Wanted};
use crate::sentence::{sentence, sentence_without_address};
use crate::web::console::Console;

/// The most items of an answer.
pub const MOST: usize = 1_000;
const USUAL: usize = 100;

/// The number of items that a request wants.
pub fn limit(asked: Option<usize>) -> Answer<usize> {
    match asked {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(other) => Err(Failed::bad_request(format!(
            "limit is from 1 to {MOST}, not {other}"
        ))),
    }
}

/// The events that a request wants.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Events about it: `I-1`, `O-1`, a system, a window, `operations 2026-10`, `N-1`.
    #[serde(default)]
    subject: Option<String>,
    /// As in `incident-acknowledged`.
    #[serde(default)]
    kind: Option<String>,
    /// The person.
    #[serde(default)]
    by: Option<String>,
    /// Events with a higher number, the oldest first. Without it, the newest first.
    #[serde(default)]
    after: Option<u64>,
    /// The `next` of the part before.
    #[serde(default)]
    cursor: Option<String>,
    /// The most items of the answer, 100 by default.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// List events
///
/// Viewers see no content and no address.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    params(Filter),
    responses((status = 200, body = wire::Page<wire::Event>))
)]
pub async fn list(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Query(filter): Query<Filter>,
) -> Answer<Json<wire::Page<wire::Event>>> {
    let cursor = sequence(filter.cursor.as_deref())?;
    let limit = limit(filter.limit)?;
    if filter
        .after
        .is_some_and(|after| i64::try_from(after).is_err())
    {
        return Err(Failed::bad_request("after is the number of an event"));
    }
    let oldest_first = filter.after.is_some();
    let wanted = Wanted {
        before: cursor.filter(|_| !oldest_first),
        after: filter
            .after
            .map(|after| cursor.map_or(after, |cursor| cursor.max(after))),
        oldest_first,
        subjects: filter.subject.into_iter().collect(),
        kind: filter.kind,
        by: filter.by,
    };
    Ok(Json(page(&console, &caller, wanted, limit).await?))
}

/// The cursor of a list of events: the number of the last one.
pub fn sequence(cursor: Option<&str>) -> Answer<Option<u64>> {
    let unknown =
        |_| Failed::bad_request("cursor must be the `next` of the part before: a number of digits");
    cursor.map(str::parse).transpose().map_err(unknown)
}

/// A page of events, with what the caller may see of them.
pub async fn page(
    console: &Arc<Console>,
    caller: &Caller,
    wanted: Wanted,
    limit: usize,
) -> Answer<wire::Page<wire::Event>> {
    let found = read(console, wanted, limit).await?;
    let next = found.last().filter(|_| found.len() == limit);
    let next = next.map(|last| last.seq.to_string());
    let record = &console.app.snapshot().record;
    let items = found.iter().map(|stored| shown(stored, record, caller));
    let items: Result<_, ledger::Error> = items.collect();
    let items = items.map_err(|error| unreadable(&error))?;
    Ok(wire::Page { items, next })
}

/// Reads events from the ledger.
pub async fn read(console: &Arc<Console>, wanted: Wanted, limit: usize) -> Answer<Vec<Stored>> {
    let data = console.data.clone();
    let reading = move || Ledger::open_read_only(&data)?.recent(&wanted, limit);
    blocking(reading).await?.map_err(|error| unreadable(&error))
}

pub fn unreadable(error: &ledger::Error) -> Failed {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "the ledger cannot be read");
    Failed::unavailable("the ledger cannot be read; the log says why")
}

/// An event as the caller may see it.
pub fn shown(
    stored: &Stored,
    record: &Record,
    caller: &Caller,
) -> Result<wire::Event, ledger::Error> {
    let event = &stored.event;
    let (kind, data) = ledger::form(&event.fact)?;
    let (text, data) = match caller.sees_addresses() {
        true => (sentence(event, record), content(&data)),
        false => (
            sentence_without_address(event, record),
            serde_json::Value::Null,
        ),
    };
    Ok(wire::Event {
        seq: stored.seq,
        at: event.at,
        recorded: stored.recorded,
        kind,
        subject: event.fact.subject(),
        by: event.by.person.clone(),
        how: event.by.how.word().to_owned(),
        text,
        data,
        hash: stored.hash.clone(),
    })
}

/// The stored content. Events without content have none.
pub fn content(data: &str) -> serde_json::Value {
    serde_json::from_str(data).unwrap_or_default()
}
