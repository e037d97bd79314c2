//! Maintenance windows as everyone may see them: only their public systems are named.

use std::collections::BTreeMap;

use domain::id::SystemId;
use domain::record::Record;
use domain::span::Span;
use domain::windows::{Earned, Occurrence};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::incidents::Named;
use super::model::Shown;
use super::words::{Range, When, length};

/// How far ahead windows have a page, and how long afterwards.
const AHEAD: SignedDuration = SignedDuration::from_hours(60 * 24);
const BEHIND: SignedDuration = SignedDuration::from_hours(90 * 24);
/// One-off windows may be scheduled two years ahead.
const ONE_OFF_AHEAD: SignedDuration = SignedDuration::from_hours(732 * 24);
/// The most windows that have a page.
const MOST: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct WindowView {
    pub id: String,
    pub title: String,
    pub impact: Option<String>,
    pub systems: Vec<Named>,
    /// scheduled, in progress, completed or cancelled.
    pub state: &'static str,
    pub start: When,
    pub end: When,
    pub range: Range,
    pub length: String,
    /// The downtime to expect at most; `None` is the whole window.
    pub max_downtime: Option<String>,
    pub recurring: bool,
    #[serde(skip)]
    pub span: Span,
    #[serde(skip)]
    pub changed_at: Timestamp,
}

/// The windows of public systems, in order of their starts: those ahead, in progress and lately over.
pub(super) fn all(record: &Record, shown: &Shown<'_>, at: Timestamp) -> Vec<WindowView> {
    let from = at.checked_sub(BEHIND).unwrap_or(Timestamp::MIN);
    let soon = at.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
    let late = at.checked_add(ONE_OFF_AHEAD).unwrap_or(Timestamp::MAX);
    let mut found: BTreeMap<(Timestamp, String), WindowView> = BTreeMap::new();
    for system in shown.systems() {
        let mut windows = record.windows_of(system, Span::new(from, soon));
        let later = record.maintenance.all_one_off().any(|(_, history)| {
            let last = history.versions.last();
            last.is_some_and(|(_, window)| soon <= window.start && window.systems.contains(system))
        });
        if later {
            let far = record.windows_of(system, Span::new(soon, late));
            windows.extend(far.into_iter().filter(|window| !window.recurring));
        }
        for window in windows {
            if let Some(view) = view(record, shown, system, &window, at) {
                found
                    .entry((window.span.from, view.id.clone()))
                    .or_insert(view);
            }
        }
    }
    // Cancelled one-off windows are no occurrence any more.
    for (id, history) in record.maintenance.all_one_off() {
        let (Some(cancelled_at), Some((_, window))) =
            (history.cancelled_at, history.versions.last())
        else {
            continue;
        };
        let named: Vec<Named> = window
            .systems
            .iter()
            .filter(|s| shown.has(s))
            .map(|s| shown.named(s))
            .collect();
        if named.is_empty() || window.end < from {
            continue;
        }
        let span = Span::new(window.start, window.end);
        let view = WindowView {
            id: id.to_string(),
            title: window.title.clone(),
            impact: window.impact.clone(),
            systems: named,
            state: "cancelled",
            start: When::of(span.from, &shown.zone),
            end: When::of(span.to, &shown.zone),
            range: Range::of(span.from, span.to, &shown.zone),
            length: length(span.seconds()),
            max_downtime: window.max_downtime_s.map(length),
            recurring: false,
            span,
            changed_at: cancelled_at,
        };
        found.insert((span.from, view.id.clone()), view);
    }
    let mut all: Vec<WindowView> = found.into_values().collect();
    all.truncate(MOST);
    all
}

fn view(
    record: &Record,
    shown: &Shown<'_>,
    system: &SystemId,
    window: &Occurrence,
    at: Timestamp,
) -> Option<WindowView> {
    if window.why == Earned::Cancelled {
        return None;
    }
    let held = record.maintenance.held(&window.id).is_some();
    let state = match () {
        () if at < window.span.from => "scheduled",
        () if at < window.span.to || held => "in progress",
        () => "completed",
    };
    let systems = window.systems.iter().filter(|own| shown.has(own));
    let mut systems: Vec<Named> = systems.map(|own| shown.named(own)).collect();
    if systems.is_empty() {
        systems.push(shown.named(system));
    }
    let changed_at = record.maintenance.one_off(&window.id);
    let changed_at = changed_at
        .and_then(|history| history.versions.last())
        .map(|(at, _)| *at);
    Some(WindowView {
        id: window.id.to_string(),
        title: window.title.clone(),
        impact: window.impact.clone(),
        systems,
        state,
        start: When::of(window.span.from, &shown.zone),
        end: When::of(window.span.to, &shown.zone),
        range: Range::of(window.span.from, window.span.to, &shown.zone),
        length: length(window.span.seconds()),
        max_downtime: window.max_downtime_s.map(length),
        recurring: window.recurring,
        span: window.span,
        changed_at: changed_at.unwrap_or(window.span.from.min(at)),
    })
}
