//! The ledger as an audit trail: one sentence for each event, the newest first.

use std::path::Path;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::record::Record;
use people::Role;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::SignedIn;
use super::when::{Times, When};
use super::{Shared, blocking};
use crate::ledger::{Ledger, Stored, Wanted};
use crate::sentence::{sentence, sentence_without_address};

const SHOWN: usize = 200;

/// An event on a page.
#[derive(Serialize)]
pub struct Event {
    seq: u64,
    at: When,
    by: String,
    /// `cli`, `console`, `api`, `service`.
    how: &'static str,
    subject: String,
    text: String,
}

/// The newest events that `wanted` names, without addresses for viewers. Empty if the ledger cannot be read; the log says why.
pub fn events(
    data: &Path,
    record: &Record,
    wanted: &Wanted,
    limit: usize,
    (role, times): (Role, &Times),
) -> Vec<Event> {
    let found = Ledger::open_read_only(data).and_then(|ledger| ledger.recent(wanted, limit));
    let found = found.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the ledger cannot be read for a page");
        Vec::new()
    });
    found
        .iter()
        .map(|stored| event(stored, record, role, times))
        .collect()
}

fn event(stored: &Stored, record: &Record, role: Role, times: &Times) -> Event {
    Event {
        seq: stored.seq,
        at: times.at(stored.event.at),
        by: stored.event.by.person.clone(),
        how: stored.event.by.how.word(),
        subject: stored.event.fact.subject(),
        text: match role >= Role::Operator {
            true => sentence(&stored.event, record),
            false => sentence_without_address(&stored.event, record),
        },
    }
}

/// The fields of the filter, as the page sends them.
#[derive(Deserialize, Serialize, Default)]
pub struct Filter {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    by: String,
    before: Option<u64>,
}

pub async fn page(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Query(filter): Query<Filter>,
) -> Response {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let wanted = Wanted {
        before: filter.before,
        subjects: given(&filter.subject).into_iter().collect(),
        kind: given(&filter.kind),
        by: given(&filter.by),
        ..Wanted::default()
    };
    let (data, snapshot) = (console.data.clone(), console.app.snapshot());
    let times = console.times();
    let role = who.account.role;
    let reading = move || events(&data, &snapshot.record, &wanted, SHOWN, (role, &times));
    let events = match blocking(reading).await {
        Ok(events) => events,
        Err(response) => return response,
    };
    let next = events
        .last()
        .filter(|_| events.len() == SHOWN)
        .map(|e| e.seq);
    console.page(
        &who.account,
        "audit.html",
        json!({ "events": events, "filter": filter, "next": next }),
    )
}
