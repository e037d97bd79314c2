//! When a length of business time is used up. Each expected instant is derived in a comment.

use super::{at, coast_to_coast, eastern_day};
use domain::business_time::{after, is_open, opening, seconds};
use domain::policy::{Hours, LocalTime};
use jiff::civil::{Weekday, time};

const HOUR: i64 = 3_600;

/// The end of the hours after `from`, in the notation of RFC 3339.
#[track_caller]
fn used_up(hours: &Hours, from: &str, length_s: i64) -> String {
    after(hours, at(from), length_s)
        .unwrap()
        .unwrap()
        .to_string()
}

#[test]
fn a_minute_before_thanksgiving_leaves_the_rest_of_the_hour_for_the_monday_after() {
    // 2026-11-25 is the Wednesday before Thanksgiving (Thursdays in November: 5, 12, 19, 26).
    // 16:59 PST to the close at 17:00 PST: 1 min. Thursday and Friday are holidays, then a weekend.
    // Monday the 30th opens at 08:00 EST; 59 min later it is 08:59 EST = 13:59 UTC.
    let due = used_up(&coast_to_coast(), "2026-11-25T16:59:00-08:00", HOUR);
    assert_eq!(due, at("2026-11-30T08:59:00-05:00").to_string());
}

#[test]
fn a_federal_holiday_on_a_saturday_closes_the_friday_before() {
    // 2026-07-04 is a Saturday, observed on Friday the 3rd.
    // Thursday 18:30 to 19:00: 30 min. Friday is closed. Monday 07:00 to 07:30: 30 min.
    let due = used_up(&eastern_day(), "2026-07-02T18:30:00-04:00", HOUR);
    assert_eq!(due, at("2026-07-06T07:30:00-04:00").to_string());
    // A policy that keeps the date works on the Friday: 16:30 to 17:00 PDT, then 08:00 to 08:30 EDT.
    let due = used_up(&coast_to_coast(), "2026-07-02T16:30:00-07:00", HOUR);
    assert_eq!(due, at("2026-07-03T08:30:00-04:00").to_string());
}

#[test]
fn new_years_day_on_a_saturday_closes_the_last_friday_of_the_year_before() {
    // 2028-01-01 is a Saturday, observed on Friday 2027-12-31. Thursday 18:00 to 19:00: 1 h.
    // Friday is closed. Monday 2028-01-03 07:00 to 08:00: 1 h.
    let due = used_up(&eastern_day(), "2027-12-30T18:00:00-05:00", 2 * HOUR);
    assert_eq!(due, at("2028-01-03T08:00:00-05:00").to_string());
    let due = used_up(&coast_to_coast(), "2027-12-30T16:00:00-08:00", 2 * HOUR);
    assert_eq!(due, at("2028-01-03T09:00:00-05:00").to_string());
}

#[test]
fn christmas_that_is_not_observed_costs_a_saturday_nothing() {
    // 2027-12-24, Christmas Eve, is a Friday; the 25th is a Saturday and is not observed.
    // Thursday the 23rd 16:59 to 17:00 PST: 1 min. Monday the 27th 08:00 to 08:59 EST: 59 min.
    let due = used_up(&coast_to_coast(), "2027-12-23T16:59:00-08:00", HOUR);
    assert_eq!(due, at("2027-12-27T08:59:00-05:00").to_string());
}

#[test]
fn time_outside_hours_counts_from_the_next_opening() {
    let hours = eastern_day();
    // Saturday 2026-10-03: Monday the 5th opens at 07:00 EDT.
    let monday = at("2026-10-05T07:00:00-04:00");
    let saturday = at("2026-10-03T12:00:00-04:00");
    assert_eq!(opening(&hours, saturday).unwrap(), Some(monday));
    assert_eq!(
        used_up(&hours, "2026-10-03T12:00:00-04:00", HOUR),
        at("2026-10-05T08:00:00-04:00").to_string()
    );
    // The instant of the close is outside, the second before it is not.
    assert!(!is_open(&hours, at("2026-10-02T19:00:00-04:00")).unwrap());
    assert!(is_open(&hours, at("2026-10-02T18:59:59.9-04:00")).unwrap());
    assert!(is_open(&hours, monday).unwrap());
    assert!(!is_open(&hours, at("2026-10-05T06:59:59-04:00")).unwrap());
    assert_eq!(
        used_up(&hours, "2026-10-02T19:00:00-04:00", 1),
        at("2026-10-05T07:00:01-04:00").to_string()
    );
}

#[test]
fn time_is_used_up_at_the_close_and_not_at_the_next_opening() {
    let due = used_up(&eastern_day(), "2026-10-02T18:00:00-04:00", HOUR);
    assert_eq!(due, at("2026-10-02T19:00:00-04:00").to_string());
}

#[test]
fn no_time_is_used_up_at_once() {
    let from = "2026-10-03T12:00:00.7-04:00";
    assert_eq!(
        used_up(&eastern_day(), from, 0),
        at("2026-10-03T12:00:00-04:00").to_string()
    );
}

#[test]
fn a_clock_change_over_the_weekend_changes_no_working_day() {
    // Clocks go forward on Sunday 2026-03-08. Friday 18:00 to 19:00 EST: 1 h. Monday 07:00 to 08:00 EDT: 1 h.
    let due = used_up(&eastern_day(), "2026-03-06T18:00:00-05:00", 2 * HOUR);
    assert_eq!(due, at("2026-03-09T08:00:00-04:00").to_string());
    // Clocks go back on Sunday 2026-11-01. Friday 18:00 to 19:00 EDT, Monday 07:00 to 08:00 EST.
    let due = used_up(&eastern_day(), "2026-10-30T18:00:00-04:00", 2 * HOUR);
    assert_eq!(due, at("2026-11-02T08:00:00-05:00").to_string());
}

#[test]
fn open_hours_that_a_clock_change_cuts_or_doubles_count_what_passes() {
    let night = |zone| Hours::on([Weekday::Sunday], time(0, 0, 0, 0), time(4, 0, 0, 0), zone);
    let hours = night("America/New_York");
    let day = |from: &str, to: &str| seconds(&hours, at(from), at(to)).unwrap();
    // 00:00 to 04:00 local: 3 h where 02:00 is skipped, 5 h where 01:00 comes twice.
    assert_eq!(
        day("2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"),
        3 * HOUR
    );
    assert_eq!(
        day("2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        5 * HOUR
    );
    // 2 h after midnight on the day of the skipped hour it is 03:00 EDT.
    assert_eq!(
        used_up(&hours, "2026-03-08T00:00:00-05:00", 2 * HOUR),
        at("2026-03-08T03:00:00-04:00").to_string()
    );
    // 2 h after midnight on the day of the doubled hour it is 01:00 EST, the second one.
    assert_eq!(
        used_up(&hours, "2026-11-01T00:00:00-04:00", 2 * HOUR),
        at("2026-11-01T01:00:00-05:00").to_string()
    );
}

#[test]
fn each_edge_follows_the_clock_of_its_own_zone() {
    let edge = |hour, zone: &str| LocalTime {
        time: time(hour, 0, 0, 0),
        zone: zone.to_owned(),
    };
    let days = Weekday::Monday.cycle_forward().take(5);
    let hours = Hours::between(
        days,
        &edge(9, "Europe/London"),
        &edge(17, "America/New_York"),
    );
    let length = |date: &str| {
        let (from, to) = (format!("{date}T00:00:00Z"), format!("{date}T23:59:59Z"));
        seconds(&hours, at(&from), at(&to)).unwrap() / HOUR
    };
    // Thursday 2026-03-05: 09:00 GMT to 17:00 EST = 09:00 to 22:00 UTC.
    assert_eq!(length("2026-03-05"), 13);
    // Monday 2026-03-09, New York alone has changed: 09:00 GMT to 17:00 EDT = 09:00 to 21:00 UTC.
    assert_eq!(length("2026-03-09"), 12);
    // Monday 2026-03-30, both have: 09:00 BST to 17:00 EDT = 08:00 to 21:00 UTC.
    assert_eq!(length("2026-03-30"), 13);
}

#[test]
fn a_long_time_crosses_many_weeks() {
    // 2027 has 261 days from Monday to Friday and 12 federal days off among them: 249 working days of 12 h.
    let year = 249 * 12 * HOUR;
    let (from, to) = (
        at("2027-01-01T00:00:00-05:00"),
        at("2028-01-01T00:00:00-05:00"),
    );
    assert_eq!(seconds(&eastern_day(), from, to).unwrap(), year);
    // The last working day is Thursday the 30th of December.
    let due = used_up(&eastern_day(), "2027-01-01T00:00:00-05:00", year);
    assert_eq!(due, at("2027-12-30T19:00:00-05:00").to_string());
}

#[test]
fn hours_that_never_open_are_never_used_up() {
    let never = Hours {
        weekly: Vec::new(),
        holidays: Vec::new(),
    };
    let from = at("2026-10-05T12:00:00Z");
    assert_eq!(after(&never, from, 1).unwrap(), None);
    assert_eq!(opening(&never, from).unwrap(), None);
    assert_eq!(after(&never, from, 0).unwrap(), Some(from));
    let nowhere = Hours::on(
        [Weekday::Monday],
        time(1, 0, 0, 0),
        time(2, 0, 0, 0),
        "Nowhere",
    );
    assert!(after(&nowhere, from, 1).is_err());
}
