//! Business time over random hours, instants and lengths.

use super::{coast_to_coast, eastern_day};
use domain::business_time::{after, seconds, use_up};
use domain::policy::{Holiday, Hours, LocalTime};
use domain::span::{instant, second};
use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::prelude::*;

const ZONES: [&str; 5] = [
    "America/New_York",
    "America/Los_Angeles",
    "Europe/London",
    "Australia/Lord_Howe",
    "UTC",
];

/// From 2026-01-01 to 2029-12-31.
fn instants() -> impl Strategy<Value = Timestamp> {
    (1_767_225_600_i64..1_893_456_000).prop_map(instant)
}

fn edges() -> impl Strategy<Value = LocalTime> {
    (0..24 * 60_i16, 0..ZONES.len()).prop_map(|(minute, zone)| LocalTime {
        time: Time::midnight().saturating_add(jiff::Span::new().minutes(i64::from(minute))),
        zone: ZONES[zone].to_owned(),
    })
}

fn hours() -> impl Strategy<Value = Hours> {
    let dates = vec((0..48_i16, 1..28_i8), 0..8);
    let drawn = (vec(0..7_i8, 1..6), edges(), edges(), dates, any::<bool>()).prop_map(
        |(days, open, close, dates, federal)| {
            let days = days
                .into_iter()
                .map(|d| Weekday::from_monday_zero_offset(d).unwrap());
            let mut hours = Hours::between(days, &open, &close);
            let date = |(month, day): (i16, i8)| {
                let month_of_year = i8::try_from(month % 12).unwrap() + 1;
                Holiday::Date(Date::constant(2026 + month / 12, month_of_year, day))
            };
            hours.holidays = dates.into_iter().map(date).collect();
            hours.holidays.extend(federal.then_some(Holiday::UsFederal));
            hours
        },
    );
    prop_oneof![
        1 => Just(eastern_day()),
        1 => Just(coast_to_coast()),
        4 => drawn,
    ]
}

/// True if the hours are open, by the local times around `at` alone.
fn oracle(hours: &Hours, at: Timestamp) -> bool {
    let zone = |name: &str| TimeZone::get(name).unwrap();
    hours.weekly.iter().any(|entry| {
        let (opens, closes) = (zone(&entry.open.zone), zone(&entry.close.zone));
        let today = opens.to_datetime(at).date();
        let days = [-2, -1, 0, 1].map(|d| today.saturating_add(jiff::Span::new().days(d)));
        days.into_iter().any(|day| {
            let start = domain::calendar::local(
                day,
                entry.open.time,
                &opens,
                domain::calendar::Edge::Start,
            );
            let end_on = |day| {
                domain::calendar::local(day, entry.close.time, &closes, domain::calendar::Edge::End)
            };
            let same_zone = entry.open.zone == entry.close.zone;
            let end = if entry.close.time == Time::midnight() {
                domain::calendar::midnight(day.tomorrow().unwrap(), &closes)
            } else if same_zone && entry.close.time > entry.open.time
                || !same_zone && end_on(day) > start
            {
                end_on(day)
            } else {
                end_on(day.tomorrow().unwrap())
            };
            day.weekday() == entry.weekday && !hours.is_holiday(day) && start <= at && at < end
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn business_time_is_additive_and_monotone(hours in hours(), mut at in [instants(), instants(), instants()]) {
        at.sort();
        let [a, b, c] = at;
        let time = |from, to| seconds(&hours, from, to).unwrap();
        prop_assert_eq!(time(a, b) + time(b, c), time(a, c));
        prop_assert!((0..=second(b) - second(a)).contains(&time(a, b)));
        prop_assert_eq!(time(c, a), 0);
    }

    #[test]
    fn the_end_of_a_length_is_the_earliest_instant_at_which_it_is_used_up(
        hours in hours(), at in instants(), length_s in 0..400_000_i64,
    ) {
        let Some(due) = after(&hours, at, length_s).unwrap() else {
            // Opening and closing at one instant of different zones, or holidays only, leave no time.
            prop_assert!(length_s > 0);
            return Ok(());
        };
        prop_assert_eq!(seconds(&hours, at, due).unwrap(), length_s);
        if length_s > 0 {
            let before = instant(second(due) - 1);
            prop_assert_eq!(seconds(&hours, at, before).unwrap(), length_s - 1);
        } else {
            prop_assert_eq!(due, at);
        }
    }

    #[test]
    fn lengths_add_up_and_a_later_start_is_never_due_earlier(
        hours in hours(), at in instants(), wait_s in 0..300_000_i64,
        first_s in 0..200_000_i64, second_s in 1..200_000_i64,
    ) {
        let end = |from, length| after(&hours, from, length).unwrap();
        if let Some(middle) = end(at, first_s) {
            prop_assert_eq!(end(middle, second_s), end(at, first_s + second_s));
        }
        let later = instant(second(at) + wait_s);
        if let (Some(early), Some(late)) = (end(at, second_s), end(later, second_s)) {
            prop_assert!(early <= late);
        }
    }

    #[test]
    fn the_parts_are_in_order_and_add_up(hours in hours(), at in instants(), length_s in 1..900_000_i64) {
        let Some(parts) = use_up(&hours, at, length_s).unwrap() else { return Ok(()) };
        let mut left = length_s;
        let mut until = at;
        for (n, part) in parts.iter().enumerate() {
            prop_assert!(part.span.from >= until && part.span.seconds() > 0);
            prop_assert!(n == 0 || part.span.from > until, "two parts touch");
            left -= part.span.seconds();
            prop_assert_eq!(part.left_s, left);
            until = part.span.to;
        }
        prop_assert_eq!(left, 0);
    }

    #[test]
    fn a_day_of_minutes_agrees_with_the_local_times(hours in hours(), at in instants()) {
        let start = second(at) / 60 * 60;
        for minute in (0..24 * 60).step_by(7) {
            let from = start + minute * 60;
            let counted = seconds(&hours, instant(from), instant(from + 1)).unwrap() == 1;
            prop_assert_eq!(counted, oracle(&hours, instant(from)), "{}", instant(from));
        }
    }
}
