//! Zones, local times, months and weekly hours.

use crate::service::weekdays;
use domain::calendar::{self, Edge, Month};
use domain::policy::{Holiday, Hours};
use domain::span::{Span, second};
use jiff::Timestamp;
use jiff::civil::{Time, date, time};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn zones_are_iana_names_of_the_bundled_database() {
    assert!(calendar::zone("America/New_York").is_ok());
    let error = calendar::zone("America/New_Yrok").unwrap_err();
    assert!(error.to_string().contains("America/New_Yrok"));
    let version = calendar::tzdb_version();
    assert!(version.len() == 5 && version.starts_with("20"), "{version}");
}

#[test]
fn a_skipped_local_time_moves_to_the_first_that_exists() {
    let zone = calendar::zone("America/New_York").unwrap();
    let change = at("2026-03-08T07:00:00Z");
    for minute in [0, 1, 30, 59] {
        for edge in [Edge::Start, Edge::End] {
            let found = calendar::local(date(2026, 3, 8), time(2, minute, 0, 0), &zone, edge);
            assert_eq!(found, change);
        }
    }
}

#[test]
fn of_a_local_time_that_happens_twice_a_start_is_the_first_and_an_end_the_second() {
    let zone = calendar::zone("America/New_York").unwrap();
    let local = |edge| calendar::local(date(2026, 11, 1), time(1, 30, 0, 0), &zone, edge);
    assert_eq!(local(Edge::Start), at("2026-11-01T05:30:00Z"));
    assert_eq!(local(Edge::End), at("2026-11-01T06:30:00Z"));
}

#[test]
fn a_date_that_a_zone_skipped_begins_where_the_next_does() {
    let zone = calendar::zone("Pacific/Apia").unwrap();
    assert_eq!(
        calendar::midnight(date(2011, 12, 30), &zone),
        calendar::midnight(date(2011, 12, 31), &zone)
    );
    let month = Month::new(2011, 12).unwrap().span(&zone);
    assert_eq!(calendar::days(month, &zone).len(), 30);
    assert_eq!(calendar::midnights(&zone, month).len(), 30);
}

#[test]
fn months_have_the_hours_of_their_zone() {
    let zone = calendar::zone("America/New_York").unwrap();
    let hours = |text: &str| text.parse::<Month>().unwrap().span(&zone).seconds() / 3600;
    assert_eq!(hours("2026-03"), 743);
    assert_eq!(hours("2026-11"), 721);
    assert_eq!(hours("2026-10"), 744);
    assert_eq!(hours("2028-02"), 29 * 24);
}

#[test]
fn months_are_read_as_they_are_printed_and_nothing_else_is() {
    let month: Month = "2026-12".parse().unwrap();
    assert_eq!(month.to_string(), "2026-12");
    assert_eq!(month.next().to_string(), "2027-01");
    assert_eq!(month.next().prev(), month);
    for text in [
        "2026-13",
        "2026-00",
        "2026-1",
        "26-10",
        "2026-10-01",
        "2026/10",
        "",
        "+026-10",
    ] {
        assert!(text.parse::<Month>().is_err(), "{text}");
    }
    let zone = calendar::zone("America/New_York").unwrap();
    assert_eq!(
        Month::of(at("2026-11-01T03:59:59Z"), &zone).to_string(),
        "2026-10"
    );
    assert_eq!(
        Month::of(at("2026-11-01T04:00:00Z"), &zone).to_string(),
        "2026-11"
    );
}

#[test]
fn weekly_hours_close_on_the_next_day_where_they_must() {
    let hours = |day, open, close, zone| {
        Hours::on(
            weekdays([day]),
            time(open, 0, 0, 0),
            time(close, 0, 0, 0),
            zone,
        )
    };
    let zone = "America/New_York";
    let mut both = hours(5, 22, 4, zone);
    both.weekly.extend(hours(0, 7, 19, zone).weekly);
    // Saturday the last of October into the night that has an hour twice, then Monday.
    let over = Span::new(at("2026-10-31T04:00:00Z"), at("2026-11-04T05:00:00Z"));
    let open = calendar::open(&both, over).unwrap();
    let spans: Vec<_> = open.iter().collect();
    let expect = |from: &str, to: &str| (second(at(from)), second(at(to)));
    assert_eq!(
        spans,
        vec![
            expect("2026-11-01T02:00:00Z", "2026-11-01T09:00:00Z"),
            expect("2026-11-02T12:00:00Z", "2026-11-03T00:00:00Z"),
        ]
    );
    // Looked at from the middle, what opened before is still open.
    let late = Span::new(at("2026-11-01T05:00:00Z"), at("2026-11-01T06:00:00Z"));
    assert_eq!(calendar::open(&both, late).unwrap().seconds(), 3600);
    let nowhere = hours(0, 7, 19, "Nowhere");
    assert!(calendar::open(&nowhere, over).is_err());
}

fn between(from: &str, to: &str) -> Span {
    Span::new(at(from), at(to))
}

/// The open time within `over` for hours of one weekday.
fn open_on(zone: &str, weekday: i8, open: Time, close: Time, over: Span) -> Vec<String> {
    spans(&Hours::on(weekdays([weekday]), open, close, zone), over)
}

fn spans(hours: &Hours, over: Span) -> Vec<String> {
    let open = calendar::open(hours, over).unwrap();
    let instant = |s| Timestamp::from_second(s).unwrap();
    open.iter()
        .map(|(from, to)| format!("{} to {}", instant(from), instant(to)))
        .collect()
}

#[test]
fn each_edge_of_the_hours_is_in_its_own_zone_also_when_the_clocks_change() {
    let (eight, five) = (time(8, 0, 0, 0), time(17, 0, 0, 0));
    let mut hours = Hours::on(weekdays([4, 5, 6, 0]), eight, five, "America/New_York");
    for day in &mut hours.weekly {
        day.close.zone = "America/Los_Angeles".into();
    }
    // The clocks go back on Sunday, 1 November 2026, at 02:00 in each zone.
    let over = between("2026-10-30T00:00:00Z", "2026-11-03T12:00:00Z");
    assert_eq!(
        spans(&hours, over),
        [
            "2026-10-30T12:00:00Z to 2026-10-31T00:00:00Z",
            "2026-10-31T12:00:00Z to 2026-11-01T00:00:00Z",
            "2026-11-01T13:00:00Z to 2026-11-02T01:00:00Z",
            "2026-11-02T13:00:00Z to 2026-11-03T01:00:00Z",
        ]
    );
    // They go forward on Sunday, 14 March 2027.
    let over = between("2027-03-13T06:00:00Z", "2027-03-15T12:00:00Z");
    assert_eq!(
        spans(&hours, over),
        [
            "2027-03-13T13:00:00Z to 2027-03-14T01:00:00Z",
            "2027-03-14T12:00:00Z to 2027-03-15T00:00:00Z",
        ]
    );
}

#[test]
fn hours_of_two_zones_close_on_the_day_on_which_the_closing_time_first_follows() {
    let hours = |open: &str, from, close: &str, to| {
        let mut hours = Hours::on(weekdays([2]), from, to, open);
        hours.weekly[0].close.zone = close.into();
        hours
    };
    let over = between("2026-11-03T00:00:00Z", "2026-11-07T00:00:00Z");
    let (ten, eleven) = (time(22, 0, 0, 0), time(23, 0, 0, 0));
    // 23:00 Eastern is 20:00 Pacific: too early for the same day.
    let west_to_east = hours("America/Los_Angeles", ten, "America/New_York", eleven);
    assert_eq!(
        spans(&west_to_east, over),
        ["2026-11-05T06:00:00Z to 2026-11-06T04:00:00Z"]
    );
    // 22:00 Pacific is after 23:00 Eastern.
    let east_to_west = hours("America/New_York", eleven, "America/Los_Angeles", ten);
    assert_eq!(
        spans(&east_to_west, over),
        ["2026-11-05T04:00:00Z to 2026-11-05T06:00:00Z"]
    );
}

#[test]
fn no_hours_begin_on_a_holiday() {
    let night = |holiday| {
        let mut hours = Hours::on(weekdays(3..6), time(22, 0, 0, 0), time(4, 0, 0, 0), "UTC");
        hours.holidays = vec![Holiday::Date(holiday)];
        hours
    };
    let over = between("2026-12-24T00:00:00Z", "2026-12-27T00:00:00Z");
    assert_eq!(
        spans(&night(date(2026, 12, 25)), over),
        [
            "2026-12-24T22:00:00Z to 2026-12-25T04:00:00Z",
            "2026-12-26T22:00:00Z to 2026-12-27T00:00:00Z",
        ]
    );
    let always = |holidays| Hours {
        holidays,
        ..Hours::on(weekdays(0..7), Time::midnight(), Time::midnight(), "UTC")
    };
    assert!(always(vec![]).is_always());
    assert!(!always(vec![Holiday::Date(date(2026, 12, 25))]).is_always());
}

#[test]
fn a_day_whose_hours_end_at_midnight_ends_there_also_where_midnight_happens_twice() {
    // In Havana the clock goes back from 01:00 to 00:00 on Sunday, 1 November 2026 at 05:00 UTC: both
    // hours from midnight on are Sunday's.
    let over = between("2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
    let havana = |weekday, open, close| open_on("America/Havana", weekday, open, close, over);
    let midnight = Time::midnight();
    let (six, evening) = (time(6, 0, 0, 0), time(22, 30, 0, 0));
    let (saturday, sunday) = (5, 6);
    assert_eq!(
        havana(saturday, evening, midnight),
        ["2026-11-01T02:30:00Z to 2026-11-01T04:00:00Z"]
    );
    assert_eq!(
        havana(sunday, midnight, midnight),
        ["2026-11-01T04:00:00Z to 2026-11-02T05:00:00Z"]
    );
    assert_eq!(
        havana(sunday, midnight, six),
        ["2026-11-01T04:00:00Z to 2026-11-01T11:00:00Z"]
    );
    // A closing time after midnight that occurs twice is the second one, as for a window.
    assert_eq!(
        havana(saturday, evening, time(0, 30, 0, 0)),
        ["2026-11-01T02:30:00Z to 2026-11-01T05:30:00Z"]
    );
}

#[test]
fn where_the_hour_before_midnight_happens_twice_both_are_the_old_day_s() {
    // In São Paulo the clock went back from 00:00 to 23:00 on 18 February 2018 at 02:00 UTC.
    let over = between("2018-02-17T12:00:00Z", "2018-02-18T12:00:00Z");
    let (evening, midnight) = (time(22, 30, 0, 0), Time::midnight());
    assert_eq!(
        open_on("America/Sao_Paulo", 5, evening, midnight, over),
        ["2018-02-18T00:30:00Z to 2018-02-18T03:00:00Z"]
    );
}
