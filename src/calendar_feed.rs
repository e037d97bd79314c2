//! Maintenance windows as an iCalendar object (RFC 5545), for calendars and, later, public pages.
//!
//! The object follows from the ledger alone: the same ledger gives the same bytes. It holds only what customers are told.
//! Each occurrence of a recurring window is an event of its own, because no recurrence rule says what Nines does at a
//! clock change.

use chrono::{DateTime, Utc};
use domain::catalogue::Catalogue;
use domain::id::{SystemId, WindowId};
use domain::record::Record;
use domain::report::words;
use domain::span::Span;
use domain::windows::{Occurrence, OneOffHistory};
use icalendar::{Calendar, Component, Event, EventLike, EventStatus, Property};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// How far ahead windows are listed, in months.
const AHEAD_MONTHS: i32 = 13;

/// How long one-off windows stay after their end, so that a calendar that asks rarely learns of a cancellation.
const BEHIND: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The most events of one object. Later ones are left out.
const MOST: usize = 20_000;

/// The purpose of an object (RFC 5546, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// All windows, cancelled ones with that status.
    Publish,
    /// Only cancelled windows: whoever imports it removes them.
    Cancel,
}

/// One window as a calendar shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    id: WindowId,
    title: String,
    impact: Option<String>,
    systems: Vec<SystemId>,
    span: Span,
    max_downtime_s: Option<i64>,
    /// How often the window was changed; a cancellation is a change.
    changes: usize,
    /// When it was recorded, and when it was last changed.
    created_at: Timestamp,
    changed_at: Timestamp,
    cancelled: bool,
}

/// The windows of a system, or of all systems, as an iCalendar object.
pub fn calendar(record: &Record, system: Option<&SystemId>, method: Method) -> String {
    let mut entries = entries(record, method);
    entries.retain(|entry| {
        let mut systems = entry.systems.iter();
        systems.any(|own| system.is_none_or(|wanted| wanted == own))
    });
    written(record, entries, method)
}

fn entries(record: &Record, method: Method) -> Vec<Entry> {
    let as_of = record.as_of.unwrap_or(Timestamp::UNIX_EPOCH);
    let mut entries = one_off(record, as_of);
    if method == Method::Publish {
        entries.extend(recurring(record, as_of));
    } else {
        entries.retain(|entry| entry.cancelled);
    }
    entries
}

fn written(record: &Record, mut entries: Vec<Entry>, method: Method) -> String {
    let as_of = record.as_of.unwrap_or(Timestamp::UNIX_EPOCH);
    entries.sort_by(|a, b| (a.span, &a.id).cmp(&(b.span, &b.id)));
    entries.truncate(MOST);

    let word = match method {
        Method::Publish => "PUBLISH",
        Method::Cancel => "CANCEL",
    };
    let mut calendar = Calendar::empty();
    for (key, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//Nines//Maintenance windows//EN"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", word),
    ] {
        calendar.append_property(Property::new(key, value));
    }
    let name = format!("{}: maintenance", record.catalogue.service);
    calendar.append_property(Property::new("X-WR-CALNAME", text(&name)));
    for entry in &entries {
        calendar.push(event(record, entry, as_of));
    }
    calendar.to_string()
}

/// The windows of public systems. Other systems of a window are not named.
pub fn public(record: &Record, systems: &[SystemId]) -> String {
    let mut entries = entries(record, Method::Publish);
    for entry in &mut entries {
        entry.systems.retain(|own| systems.contains(own));
    }
    entries.retain(|entry| !entry.systems.is_empty());
    written(record, entries, Method::Publish)
}

/// One-off windows that are ahead, go on, or ended lately. Only windows of configured systems.
fn one_off(record: &Record, as_of: Timestamp) -> Vec<Entry> {
    let since = as_of.checked_sub(BEHIND).unwrap_or(Timestamp::MIN);
    let all = record.maintenance.all_one_off();
    let entries = all.filter_map(|(id, history)| entry_of(&record.catalogue, id, history));
    entries.filter(|entry| since < entry.span.to).collect()
}

fn entry_of(catalogue: &Catalogue, id: &WindowId, history: &OneOffHistory) -> Option<Entry> {
    let (created_at, _) = history.versions.first()?;
    let (changed_at, window) = history.versions.last()?;
    let systems = window.systems.iter();
    let systems = systems.filter(|s| catalogue.system(s.as_str()).is_some());
    let cancelled_at = history.cancelled_at;
    Some(Entry {
        id: id.clone(),
        title: window.title.clone(),
        impact: window.impact.clone(),
        systems: systems.cloned().collect(),
        span: Span::new(window.start, window.end),
        max_downtime_s: window.max_downtime_s,
        changes: history.versions.len() - 1 + usize::from(cancelled_at.is_some()),
        created_at: *created_at,
        changed_at: cancelled_at.unwrap_or(*changed_at),
        cancelled: cancelled_at.is_some(),
    })
}

/// The occurrences of recurring windows that go on or are ahead.
fn recurring(record: &Record, as_of: Timestamp) -> Vec<Entry> {
    let until = as_of.to_zoned(TimeZone::UTC);
    let until = until.checked_add(AHEAD_MONTHS.months());
    let until = until.map_or(Timestamp::MAX, |until| until.timestamp());
    let mut all = Vec::new();
    for system in &record.catalogue.systems {
        let windows = record.windows_of(&system.id, Span::new(as_of, until));
        let again = windows.into_iter().filter(|window| window.recurring);
        all.extend(again.filter_map(|window| occurrence(record, &system.id, window)));
    }
    all
}

fn occurrence(record: &Record, system: &SystemId, window: Occurrence) -> Option<Entry> {
    // An id is `system/rule@date`.
    let (rule, _) = window.id.as_str().rsplit_once('@')?;
    let rule = rule.strip_prefix(system.as_str())?.strip_prefix('/')?;
    let versions = record.systems.get(system)?.rules.iter();
    let versions: Vec<Timestamp> = versions
        .filter(|version| version.rule.id == rule)
        .map(|version| version.entered_at)
        .collect();
    Some(Entry {
        changes: versions.len().saturating_sub(1),
        created_at: *versions.iter().min()?,
        changed_at: *versions.iter().max()?,
        id: window.id,
        title: window.title,
        impact: window.impact,
        systems: window.systems,
        span: window.span,
        max_downtime_s: window.max_downtime_s,
        cancelled: false,
    })
}

fn event(record: &Record, entry: &Entry, as_of: Timestamp) -> Event {
    let names: Vec<&str> = entry
        .systems
        .iter()
        .map(|id| {
            let system = record.catalogue.system(id.as_str());
            system.map_or(id.as_str(), |system| system.name.as_str())
        })
        .collect();
    let names = names.join(", ");
    let mut said = vec![format!("Systems: {names}")];
    said.extend(entry.impact.clone());
    if let Some(allowed) = entry.max_downtime_s {
        said.push(format!("Allowed downtime: {}", words::length(allowed)));
    }
    let (status, mark) = match entry.cancelled {
        true => (EventStatus::Cancelled, "Cancelled: "),
        false => (EventStatus::Confirmed, ""),
    };
    let summary = format!("{mark}{} ({names})", entry.title);
    let mut event = Event::new();
    // The identity of the ledger makes the id unique among operators.
    event
        .uid(&text(&format!("{}@{}.nines", entry.id, record.identity)))
        .timestamp(instant(as_of))
        .starts(instant(entry.span.from))
        .ends(instant(entry.span.to))
        .created(instant(entry.created_at))
        .last_modified(instant(entry.changed_at))
        .sequence(u32::try_from(entry.changes).unwrap_or(u32::MAX))
        .status(status)
        .summary(&text(&summary).replace('\n', " "))
        .description(&text(&said.join("\n")));
    // A window occupies no one's time.
    event.add_property("TRANSP", "TRANSPARENT");
    event.add_property("CATEGORIES", "MAINTENANCE");
    event.done()
}

/// A text without the control characters that RFC 5545 forbids.
fn text(raw: &str) -> String {
    let lines = raw.replace("\r\n", "\n").replace('\r', "\n");
    let clean = |c: char| match c {
        '\n' => '\n',
        c if c.is_control() => ' ',
        c => c,
    };
    lines.trim_end().chars().map(clean).collect()
}

/// An instant to the second, as iCalendar has it.
fn instant(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(at.as_second(), 0).unwrap_or_default()
}

#[cfg(test)]
mod tests;
