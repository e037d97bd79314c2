//! Every clock change from 2020 to 2040 in six zones: windows that lie across it, begin or end in
//! it, have the edges that a search through the minutes of the local clock finds.

use domain::calendar;
use domain::catalogue::{Days, End, Rule};
use domain::id::SystemId;
use domain::span::{Span, instant};
use domain::windows::occurrences;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

const ZONES: [&str; 6] = [
    "America/New_York",
    "America/Los_Angeles",
    "Europe/London",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
];

const HOUR: i64 = 3600;

/// How far the local clock is from UTC.
fn offset_s(zone: &TimeZone, t: i64) -> i64 {
    i64::from(zone.to_offset(instant(t)).seconds())
}

/// The first second of each new offset, found by halving the days on which it differs.
fn changes(zone: &TimeZone) -> Vec<i64> {
    let from = "2020-01-01T00:00:00Z"
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_second();
    let to = "2041-01-01T00:00:00Z"
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_second();
    let mut all = Vec::new();
    let mut day = from;
    while day < to {
        let (mut before, mut after) = (day, day + 24 * HOUR);
        if offset_s(zone, before) != offset_s(zone, after) {
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if offset_s(zone, middle) == offset_s(zone, before) {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            all.push(after);
        }
        day += 24 * HOUR;
    }
    all
}

/// The local clock at every minute around a change.
struct Clock {
    minutes: Vec<(i64, DateTime)>,
}

impl Clock {
    fn around(zone: &TimeZone, change: i64) -> Self {
        let minutes = (-40 * 60..40 * 60).map(|m| {
            let t = change + m * 60;
            (t, zone.to_datetime(instant(t)))
        });
        Self {
            minutes: minutes.collect(),
        }
    }

    /// The first or the last minute at which the clock shows it; else the first later one.
    fn find(&self, civil: DateTime, last: bool) -> i64 {
        let mut shows = self.minutes.iter().filter(|(_, c)| *c == civil);
        let found = if last {
            shows.next_back()
        } else {
            shows.next()
        };
        // Skipped: the clock jumps from before it to after it.
        let jump = || {
            let pairs = self.minutes.windows(2);
            let mut jumps = pairs.filter(|p| p[0].1 < civil && civil < p[1].1);
            jumps.next().map(|p| &p[1])
        };
        found.or_else(jump).unwrap().0
    }
}

fn rule(zone: &str, start: DateTime, end: End) -> Rule {
    Rule {
        id: "work".into(),
        title: "Work".into(),
        impact: None,
        days: Days::Dates(vec![start.date()]),
        start: start.time(),
        end,
        zone: zone.into(),
        max_downtime_s: None,
        min_notice_s: None,
        start_grace_s: None,
        agreed: None,
        tell: false,
        announce_s: Vec::new(),
    }
}

/// The local end that a time of day means after a start: the same day, or the next.
fn ends(start: DateTime, time: Time) -> DateTime {
    let date = if time > start.time() {
        start.date()
    } else {
        start.date().tomorrow().unwrap()
    };
    DateTime::from_parts(date, time)
}

/// Compares every window around one change, and says how many there were.
fn compare(name: &str, zone: &TimeZone, change: i64) -> usize {
    let clock = Clock::around(zone, change);
    let system = SystemId::from("portal");
    let over = Span::new(instant(change - 30 * HOUR), instant(change + 30 * HOUR));
    // The change as the clock read just before it, to the minute, and what lies around it.
    let seen = zone
        .to_datetime(instant(change - 60))
        .checked_add(1.minute())
        .unwrap();
    let around = |minutes: i64| {
        seen.checked_add(SignedDuration::from_mins(minutes))
            .unwrap()
    };
    let mut compared = 0;
    for start in (-150..=150).step_by(15).map(around) {
        let from = clock.find(start, false);
        let elapsed = [10 * 60, HOUR, 3 * HOUR, 26 * HOUR].map(|s| (End::After(s), from + s));
        let local = (-100..=160).step_by(20).map(around).map(|end| {
            let to = clock.find(ends(start, end.time()), true);
            (End::Local(end.time()), to)
        });
        for (end, to) in elapsed.into_iter().chain(local) {
            let found = occurrences(&rule(name, start, end), &system, over);
            let spans: Vec<Span> = found.iter().map(|(_, span)| *span).collect();
            let expected: Vec<Span> = [Span::new(instant(from), instant(to))]
                .into_iter()
                .filter(|s| s.meets(&over))
                .collect();
            assert_eq!(spans, expected, "{name}: from {start}, {end:?}");
            let id = format!("portal/work@{}", start.date());
            assert!(found.iter().all(|(window, _)| window.as_str() == id));
            compared += 1;
        }
    }
    compared
}

#[test]
fn every_window_around_every_clock_change_has_the_edges_of_the_local_clock() {
    for name in ZONES {
        let zone = calendar::zone(name).unwrap();
        let changes = changes(&zone);
        // Cairo had none from 2016 to 2022; all others have two a year.
        assert!(changes.len() >= 36, "{name}: {}", changes.len());
        let compared: usize = changes
            .iter()
            .map(|change| compare(name, &zone, *change))
            .sum();
        assert!(compared >= 36 * 300, "{name}: {compared}");
    }
}

#[test]
fn every_local_day_and_month_ends_where_the_next_begins() {
    for name in ZONES {
        let zone = calendar::zone(name).unwrap();
        let mut month = calendar::Month::new(2020, 1).unwrap();
        while month.year() < 2041 {
            let span = month.span(&zone);
            assert_eq!(span.to, month.next().span(&zone).from);
            let days = calendar::days(span, &zone);
            assert_eq!(
                days.len(),
                usize::try_from(month.first().days_in_month()).unwrap()
            );
            assert!(days.windows(2).all(|pair| pair[0].1.to == pair[1].1.from));
            assert_eq!(
                (days[0].1.from, days[days.len() - 1].1.to),
                (span.from, span.to)
            );
            let midnights = calendar::midnights(&zone, span);
            let starts: Vec<_> = days.iter().map(|(_, day)| day.from).collect();
            assert_eq!(midnights, starts);
            // The first instant of a date is the first at which the local clock shows it.
            for (date, day) in &days {
                assert_eq!(zone.to_datetime(day.from).date(), *date);
                let before = instant(day.from.as_second() - 1);
                assert!(zone.to_datetime(before).date() < *date);
            }
            month = month.next();
        }
    }
}
