//! The last days of a system, each with one class: the gravest of its seconds.

use domain::accounting::{self, DaySeconds, Figures};
use domain::calendar;
use domain::id::SystemId;
use domain::record::Record;
use domain::span::Span;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::words::{length, list};

/// The days of a system as the page draws them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Days {
    /// Drawn once, as [`super::model::SystemView::strip`]: the days of many systems are many values.
    #[serde(skip)]
    pub all: Vec<Day>,
    /// For readers of screens: how many days had downtime, and which.
    pub summary: String,
    /// Contract availability over these days, as `99.987%`; `None` without measured time.
    pub availability: Option<String>,
    /// The days with downtime, degradation or unobserved time, the latest first. Only the page of the system has them.
    #[serde(skip)]
    pub notable: Vec<Day>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Day {
    /// `7 Oct 2026`
    pub date: String,
    pub class: Class,
    /// `down 12 min, planned 1 h`
    pub text: String,
}

/// The classes that are told apart by shape as well as by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Class {
    /// Before the system was configured, or outside its service hours.
    None,
    Up,
    Unknown,
    Degraded,
    Planned,
    Down,
}

/// Unobserved time of less than this a day is left out: each restart of the monitor has some.
const UNKNOWN_SHOWN_S: i64 = 300;

pub(super) fn of(
    record: &Record,
    system: &SystemId,
    zone: &TimeZone,
    days: u32,
    at: Timestamp,
) -> Days {
    let today = calendar::midnight(at.to_zoned(zone.clone()).date(), zone);
    let back = SignedDuration::from_hours(24 * i64::from(days.saturating_sub(1)));
    // Noon of that day, so that a clock change in between moves no date.
    let first = today.checked_sub(back).unwrap_or(today) + SignedDuration::from_hours(12);
    let from = calendar::midnight(first.to_zoned(zone.clone()).date(), zone);
    let to = calendar::midnight(
        at.to_zoned(zone.clone())
            .date()
            .tomorrow()
            .unwrap_or(jiff::civil::Date::MAX),
        zone,
    );
    let period = Span::new(from, to);
    let figures = figures(record, system, period, at).unwrap_or_default();
    let all: Vec<Day> = accounting::day_strip(&figures.classes, period, zone)
        .iter()
        .map(day)
        .collect();
    let mut notable: Vec<Day> = all
        .iter()
        .filter(|day| day.class > Class::Up)
        .cloned()
        .collect();
    notable.reverse();
    Days {
        summary: summary(&all),
        availability: availability(&figures),
        all,
        notable,
    }
}

/// The figures of a system over a period, with the policy and target of its first day.
pub(super) fn figures(
    record: &Record,
    system: &SystemId,
    period: Span,
    at: Timestamp,
) -> Option<Figures> {
    let months = record.months_of(system)?;
    let agreed = record.configurations.accounted_by(system, period.from)?;
    let history = record.history(system, period);
    let (policy, target) = (agreed.policy, agreed.target);
    Some(accounting::account(
        &history, period, &months, policy, target, at,
    ))
}

pub(super) fn availability(figures: &Figures) -> Option<String> {
    let ratio = figures.contract_availability?;
    Some(format!("{}%", ratio.percent_truncated(3)))
}

fn day(day: &DaySeconds) -> Day {
    let down_s = day.unplanned_s + day.excluded_s;
    let class = match day {
        DaySeconds { agreed_s: 0, .. } => Class::None,
        _ if down_s > 0 => Class::Down,
        _ if day.planned_s > 0 => Class::Planned,
        _ if day.degraded_s > 0 => Class::Degraded,
        _ if day.unknown_s >= UNKNOWN_SHOWN_S => Class::Unknown,
        _ => Class::Up,
    };
    let parts = [
        ("down", down_s),
        ("planned downtime", day.planned_s),
        ("impaired", day.degraded_s),
        (
            "not observed",
            if day.unknown_s >= UNKNOWN_SHOWN_S {
                day.unknown_s
            } else {
                0
            },
        ),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, seconds)| *seconds > 0)
        .map(|(name, seconds)| format!("{name} {}", length(*seconds)))
        .collect();
    let text = match (class, parts.is_empty()) {
        (Class::None, _) => "no data".to_owned(),
        (_, true) => "no downtime".to_owned(),
        (_, false) => parts.join(", "),
    };
    Day {
        date: day.date.strftime("%-d %b %Y").to_string(),
        class,
        text,
    }
}

fn summary(days: &[Day]) -> String {
    let known = days.iter().filter(|day| day.class != Class::None).count();
    if known == 0 {
        return "No data yet.".to_owned();
    }
    let count = |class: Class| days.iter().filter(|day| day.class == class).count();
    let of = |n: usize, what: &str| match n {
        0 => None,
        1 => Some(format!("1 with {what}")),
        n => Some(format!("{n} with {what}")),
    };
    let parts: Vec<String> = [
        of(count(Class::Down), "unplanned downtime"),
        of(count(Class::Planned), "planned downtime"),
        of(count(Class::Degraded), "impairment"),
        of(count(Class::Unknown), "unobserved time"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let days = if known == 1 { "day" } else { "days" };
    match names.is_empty() {
        true => format!("{known} {days}: none with downtime."),
        false => format!("{known} {days}: {}.", list(&names)),
    }
}
