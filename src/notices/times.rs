//! Instants and lengths in words: each instant in the customer's zone with its abbreviation, and in
//! UTC. The zone tables are built into the program, so that a notice is the same on every machine.
//! This file reads no clock.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use serde::Serialize;

/// An instant in the forms that templates print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// `Wed 7 Oct 2026, 02:14:10 EDT (06:14:10 UTC)`. Both dates appear if they differ. If the zone
    /// is UTC, the time appears once.
    pub full: String,
    /// `02:14 EDT`: for subjects.
    pub time: String,
    /// `Wed 7 Oct, 02:14 EDT`: for subjects about another day.
    pub day_time: String,
    /// `full` on two lines, broken before UTC: for narrow columns.
    pub lines: String,
    /// Its parts in the customer's zone and in UTC, for templates in other languages.
    pub local: Parts,
    pub utc: Parts,
}

/// An instant without words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parts {
    pub year: i16,
    /// From 1.
    pub month: i8,
    pub day: i8,
    /// 1 is Monday.
    pub weekday: i8,
    /// `02:14:10`.
    pub clock: String,
    /// `EDT`.
    pub zone: String,
}

impl Parts {
    fn of(at: &Zoned) -> Self {
        Self {
            year: at.year(),
            month: at.month(),
            day: at.day(),
            weekday: at.weekday().to_monday_one_offset(),
            clock: at.strftime("%H:%M:%S").to_string(),
            zone: abbreviation(at),
        }
    }
}

/// A zone in which a customer reads times.
pub struct Clockface {
    zone: TimeZone,
}

impl Clockface {
    /// The zone `name` (IANA) of `zones`. An unknown name gives UTC: a notice in UTC is better than
    /// a lost notice.
    pub fn new(zones: &TimeZoneDatabase, name: &str) -> Self {
        let zone = zones.get(name).unwrap_or(TimeZone::UTC);
        Self { zone }
    }

    /// `at` in this zone.
    pub fn read(&self, at: Timestamp) -> Moment {
        let local = at.to_zoned(self.zone.clone());
        let utc = at.to_zoned(TimeZone::UTC);
        let zone = abbreviation(&local);
        let here = format!("{}, {} {zone}", date(&local), local.strftime("%H:%M:%S"));
        let there = if local.date() != utc.date() {
            format!("({}, {} UTC)", date(&utc), utc.strftime("%H:%M:%S"))
        } else if zone != "UTC" {
            format!("({} UTC)", utc.strftime("%H:%M:%S"))
        } else {
            String::new()
        };
        Moment {
            full: format!("{here} {there}").trim_end().to_owned(),
            lines: format!("{here}\n{there}").trim_end().to_owned(),
            time: format!("{} {zone}", local.strftime("%H:%M")),
            day_time: format!(
                "{}, {} {zone}",
                local.strftime("%a %-d %b"),
                local.strftime("%H:%M")
            ),
            local: Parts::of(&local),
            utc: Parts::of(&utc),
        }
    }
}

fn date(at: &Zoned) -> String {
    at.strftime("%a %-d %b %Y").to_string()
}

/// The zone's abbreviation at that instant; `UTC-03` if the tables have only digits (`-03`).
fn abbreviation(at: &Zoned) -> String {
    let name = at.strftime("%Z").to_string();
    if name.starts_with(['+', '-']) {
        format!("UTC{name}")
    } else {
        name
    }
}

/// The exact length of a number of seconds: `37 min 30 s`, `1 h 5 min`, `2 d 3 h 4 s`, `0 s`.
pub fn length(seconds: i64) -> String {
    parts(seconds).join(" ")
}

/// A length for a subject: the two largest units, without seconds from one minute on.
pub fn brief(seconds: i64) -> String {
    let shown = match seconds {
        ..60 => seconds,
        60..86_400 => seconds - seconds % 60,
        _ => seconds - seconds % 3_600,
    };
    length(shown)
}

fn parts(seconds: i64) -> Vec<String> {
    let seconds = seconds.max(0);
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let said: Vec<String> = units
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    if said.is_empty() {
        return vec!["0 s".to_owned()];
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(zone: &str, at: &str) -> String {
        Clockface::new(&TimeZoneDatabase::bundled(), zone)
            .read(at.parse().unwrap())
            .full
    }

    #[test]
    fn an_instant_is_said_in_the_customers_zone_and_in_utc() {
        assert_eq!(
            full("America/New_York", "2026-10-07T02:14:10-04:00"),
            "Wed 7 Oct 2026, 02:14:10 EDT (06:14:10 UTC)"
        );
        assert_eq!(
            full("America/Los_Angeles", "2026-10-07T21:00:00-07:00"),
            "Wed 7 Oct 2026, 21:00:00 PDT (Thu 8 Oct 2026, 04:00:00 UTC)"
        );
        assert_eq!(
            full("UTC", "2026-10-07T06:14:10Z"),
            "Wed 7 Oct 2026, 06:14:10 UTC"
        );
        assert_eq!(
            full("No/Such", "2026-10-07T06:14:10Z"),
            "Wed 7 Oct 2026, 06:14:10 UTC"
        );
        assert_eq!(
            full("America/Sao_Paulo", "2026-10-07T06:14:10Z"),
            "Wed 7 Oct 2026, 03:14:10 UTC-03 (06:14:10 UTC)"
        );
    }

    #[test]
    fn the_hour_that_happens_twice_is_told_apart() {
        assert_eq!(
            full("America/New_York", "2026-11-01T05:30:00Z"),
            "Sun 1 Nov 2026, 01:30:00 EDT (05:30:00 UTC)"
        );
        assert_eq!(
            full("America/New_York", "2026-11-01T06:30:00Z"),
            "Sun 1 Nov 2026, 01:30:00 EST (06:30:00 UTC)"
        );
    }

    #[test]
    fn lengths_are_exact_in_bodies_and_brief_in_subjects() {
        for (seconds, exact, short) in [
            (0, "0 s", "0 s"),
            (45, "45 s", "45 s"),
            (2_250, "37 min 30 s", "37 min"),
            (3_900, "1 h 5 min", "1 h 5 min"),
            (3_601, "1 h 1 s", "1 h"),
            (183_604, "2 d 3 h 4 s", "2 d 3 h"),
        ] {
            assert_eq!(length(seconds), exact);
            assert_eq!(brief(seconds), short);
        }
    }
}
