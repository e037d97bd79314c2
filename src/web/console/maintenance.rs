//! Maintenance windows: what is coming, who was notified, and the forms to schedule, extend, cancel and tell.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use domain::record::Record;
use domain::report::words;
use domain::span::Span;
use domain::windows::{Earned, Occurrence};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::Shared;
use super::access::SignedIn;
use super::incidents::systems;
use super::overview::name_of;
use super::when::{Times, When};

/// How far ahead recurring windows are listed.
const AHEAD: SignedDuration = SignedDuration::from_hours(31 * 24);

#[derive(Serialize)]
struct Window {
    id: String,
    title: String,
    systems: String,
    start: When,
    end: When,
    allows: String,
    counts: bool,
    why: String,
    is_recurring: bool,
    /// Customers who are not notified yet, and until when that helps.
    missing: Vec<(String, String)>,
    tell_by: Option<When>,
}

pub async fn page(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    let snapshot = console.app.snapshot();
    let (record, times) = (&snapshot.record, console.times());
    let windows: Vec<Window> = coming(record, times.now())
        .iter()
        .map(|window| shown(window, record, &times))
        .collect();
    let systems = systems(record);
    let zone = record.catalogue.zone.clone();
    console.page(
        &who.account,
        "maintenance.html",
        json!({ "windows": windows, "systems": systems, "zone": zone }),
    )
}

/// Open and coming windows: recurring ones within a month, one-off ones however far ahead.
pub fn coming(record: &Record, now: Timestamp) -> Vec<Occurrence> {
    let month = Span::new(now, now.saturating_add(AHEAD).unwrap_or(now));
    let recurring = record.catalogue.systems.iter();
    let recurring = recurring.flat_map(|s| record.windows_of(&s.id, month));
    let single = record.maintenance.all_one_off().filter_map(|(id, single)| {
        let (_, window) = single.versions.last().filter(|(_, w)| now < w.end)?;
        let span = Span::new(now.max(window.start), window.end);
        let mut systems = window.systems.iter();
        systems.find_map(|s| record.windows_of(s, span).into_iter().find(|w| w.id == *id))
    });
    let mut windows: Vec<Occurrence> = recurring.chain(single).collect();
    windows.sort_by(|a, b| (a.span, &a.id).cmp(&(b.span, &b.id)));
    windows.dedup_by(|a, b| a.id == b.id);
    windows
}

fn shown(window: &Occurrence, record: &Record, times: &Times) -> Window {
    let names = window.systems.iter().map(|s| name_of(record, s.as_str()));
    let status = record.window_status(&window.id, times.now());
    let open = status.filter(|status| !status.late);
    let missing = open.as_ref().map(|status| {
        let missing = status.not_yet_told.iter();
        let name = |id: &str| {
            let customer = record.catalogue.customer(id);
            customer.map_or_else(|| id.to_owned(), |c| c.name.clone())
        };
        missing
            .map(|id| (id.to_string(), name(id.as_str())))
            .collect()
    });
    Window {
        id: window.id.to_string(),
        title: window.title.clone(),
        systems: names.collect::<Vec<_>>().join(", "),
        start: times.at(window.span.from),
        end: times.at(window.span.to),
        allows: window
            .max_downtime_s
            .map_or_else(|| "all of it".to_owned(), words::length),
        counts: !window.earned_parts.is_empty(),
        why: why(&window.why, |at| times.at(at).text),
        is_recurring: window.recurring,
        missing: missing.unwrap_or_default(),
        tell_by: open.map(|status| times.at(status.tell_by)),
    }
}

/// Why a window counts as planned, or not. `time` writes an instant.
pub fn why(earned: &Earned, time: impl Fn(Timestamp) -> String) -> String {
    match earned {
        Earned::Agreed(date) => format!("agreed {date}"),
        Earned::Known(at) => format!("known since {}", time(*at)),
        Earned::Told(at) => format!("all customers notified by {}", time(*at)),
        Earned::NotTold(_) => "not every customer is notified".to_owned(),
        Earned::TooLate => "configured too late for this occurrence".to_owned(),
        Earned::OutsideHours => "outside the hours that the policy allows".to_owned(),
        Earned::Cancelled => "cancelled".to_owned(),
    }
}
