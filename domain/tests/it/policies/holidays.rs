//! The days off of a year.

use super::{coast_to_coast, eastern_day};
use domain::policy::{Holiday, Hours, YearDay, Yearly, observed};
use jiff::civil::{Weekday, date};

/// The days off of a year: the day, and the date of the holiday if it is another one.
fn days_off(hours: &Hours, year: i16) -> Vec<String> {
    let days = hours.days_off(date(year, 1, 1), date(year, 12, 31));
    let line = |day: &domain::policy::DayOff| match day.on == day.date {
        true => format!("{} {}", day.on, day.name),
        false => format!("{} {} (for {})", day.on, day.name, day.date),
    };
    days.values().map(line).collect()
}

#[test]
fn federal_holidays_of_2027_include_the_observed_day_of_new_years_2028() {
    // 2027 begins on a Friday. Juneteenth and Christmas are Saturdays, Independence Day is a Sunday, and so is
    // 2028-01-02; 2028-01-01 is a Saturday.
    assert_eq!(
        days_off(&eastern_day(), 2027),
        [
            "2027-01-01 New Year\u{2019}s Day",
            "2027-01-18 Birthday of Martin Luther King, Jr.",
            "2027-02-15 Washington\u{2019}s Birthday",
            "2027-05-31 Memorial Day",
            "2027-06-18 Juneteenth National Independence Day (for 2027-06-19)",
            "2027-07-05 Independence Day (for 2027-07-04)",
            "2027-09-06 Labor Day",
            "2027-10-11 Columbus Day",
            "2027-11-11 Veterans Day",
            "2027-11-25 Thanksgiving Day",
            "2027-12-24 Christmas Day (for 2027-12-25)",
            "2027-12-31 New Year\u{2019}s Day (for 2028-01-01)",
        ]
    );
    // The observed day of 2028's first holiday is in 2027, so ten are left.
    assert_eq!(days_off(&eastern_day(), 2028).len(), 10);
}

#[test]
fn juneteenth_is_a_holiday_from_2021_on() {
    let has = |year| {
        let days = days_off(&eastern_day(), year);
        days.iter().any(|day| day.contains("Juneteenth"))
    };
    assert!(!has(2020) && has(2021) && has(2026));
    assert_eq!(Holiday::UsFederal.in_year(2020).len(), 10);
    assert_eq!(Holiday::UsFederal.in_year(2021).len(), 11);
    // 2021-06-19 was a Saturday.
    assert!(eastern_day().is_holiday(date(2021, 6, 18)));
    assert!(!eastern_day().is_holiday(date(2021, 6, 19)));
}

#[test]
fn named_days_stay_on_their_date_unless_they_are_observed() {
    assert_eq!(
        days_off(&coast_to_coast(), 2027),
        [
            "2027-01-01 New Year's Day",
            "2027-05-31 Memorial Day",
            "2027-07-04 Independence Day",
            "2027-09-06 Labor Day",
            "2027-11-25 Thanksgiving Day",
            "2027-11-26 Day after Thanksgiving Day",
            "2027-12-24 Christmas Eve",
            "2027-12-25 Christmas Day",
            "2027-12-31 New Year's Day (for 2028-01-01)",
        ]
    );
}

#[test]
fn the_day_after_a_day_may_be_in_the_next_month_or_year() {
    let hours = |day, shift_d| Hours {
        weekly: Vec::new(),
        holidays: vec![Holiday::Yearly(Yearly {
            name: "Day".to_owned(),
            day,
            shift_d,
            observed: false,
        })],
    };
    // The fourth Friday of November 2026 is the 27th: the day after Thanksgiving. In 2024 it was the 22nd, and
    // the day after Thanksgiving (the 28th) the 29th.
    let thursday = YearDay::NthWeekday {
        nth: 4,
        weekday: Weekday::Thursday,
        month: 11,
    };
    assert_eq!(days_off(&hours(thursday, 1), 2024), ["2024-11-29 Day"]);
    let eve = YearDay::Fixed { month: 12, day: 31 };
    assert_eq!(days_off(&hours(eve, 1), 2027), ["2027-01-01 Day"]);
    // A year without the day has no day off: 29 February, and a fifth Monday.
    let leap = YearDay::Fixed { month: 2, day: 29 };
    assert_eq!(days_off(&hours(leap, 0), 2027), Vec::<String>::new());
    assert_eq!(days_off(&hours(leap, 0), 2028), ["2028-02-29 Day"]);
    let fifth = YearDay::NthWeekday {
        nth: 5,
        weekday: Weekday::Monday,
        month: 2,
    };
    assert_eq!(days_off(&hours(fifth, 0), 2027), Vec::<String>::new());
}

#[test]
fn a_weekend_is_observed_on_its_nearest_working_day() {
    assert_eq!(observed(date(2026, 7, 4)), date(2026, 7, 3));
    assert_eq!(observed(date(2027, 7, 4)), date(2027, 7, 5));
    assert_eq!(observed(date(2028, 7, 4)), date(2028, 7, 4));
    assert_eq!(observed(date(2028, 1, 1)), date(2027, 12, 31));
}

#[test]
fn rules_are_stored_in_words() {
    let stored = serde_json::to_string(&coast_to_coast().holidays[..2]).unwrap();
    assert_eq!(
        stored,
        r#"[{"yearly":{"name":"New Year's Day","day":{"fixed":{"month":1,"day":1}},"observed":true}},{"yearly":{"name":"Memorial Day","day":{"nth_weekday":{"nth":-1,"weekday":"mon","month":5}}}}]"#
    );
    let read: Vec<Holiday> = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, coast_to_coast().holidays[..2]);
    let federal = serde_json::to_string(&Holiday::UsFederal).unwrap();
    assert_eq!(federal, r#""us_federal""#);
}
