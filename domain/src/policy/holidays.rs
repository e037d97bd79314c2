//! Holidays: the federal holidays of the United States, the same day every year, and single dates.
//!
//! 5 U.S.C. 6103: a federal holiday on a Saturday is observed on the Friday before, one on a Sunday on the Monday
//! after (Executive Order 11582). The observed day takes the place of the date.

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// A rule for days without hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holiday {
    Date(Date),
    /// The federal holidays of the United States, each on its observed day.
    UsFederal,
    Yearly(Yearly),
}

/// A day that comes every year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yearly {
    /// As in "Day after Thanksgiving Day".
    pub name: String,
    pub day: YearDay,
    /// Days after `day`; "day before" is −1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shift_d: i8,
    /// True if a weekend moves it to Friday or Monday.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observed: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference.
fn is_zero(days: &i8) -> bool {
    *days == 0
}

/// A day of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YearDay {
    Fixed {
        month: i8,
        day: i8,
    },
    NthWeekday {
        /// 1 to 5, or -1 for the last.
        nth: i8,
        #[serde(with = "crate::weekday")]
        weekday: Weekday,
        month: i8,
    },
}

impl YearDay {
    /// Its date; `None` in a year without such a day.
    pub fn in_year(self, year: i16) -> Option<Date> {
        match self {
            Self::Fixed { month, day } => Date::new(year, month, day).ok(),
            Self::NthWeekday {
                nth,
                weekday,
                month,
            } => {
                let first = Date::new(year, month, 1).ok()?;
                first.nth_weekday_of_month(nth, weekday).ok()
            }
        }
    }
}

/// A day on which no hours begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayOff {
    /// The day itself.
    pub on: Date,
    pub name: String,
    /// The date of the holiday; another one than `on` if it is observed on another day.
    pub date: Date,
}

/// The day on which a holiday of that date is observed.
pub fn observed(date: Date) -> Date {
    match date.weekday() {
        Weekday::Saturday => shift(date, -1),
        Weekday::Sunday => shift(date, 1),
        _ => date,
    }
}

/// The date so many days later, within the calendar.
fn shift(date: Date, days: i8) -> Date {
    date.saturating_add(jiff::Span::new().days(days))
}

impl Holiday {
    /// The days off whose date lies in that year. Their observed days may lie in the year before or after.
    pub fn in_year(&self, year: i16) -> Vec<DayOff> {
        match self {
            Self::Date(date) if date.year() == year => vec![DayOff {
                on: *date,
                name: date.to_string(),
                date: *date,
            }],
            Self::Date(_) => Vec::new(),
            Self::UsFederal => US_FEDERAL
                .iter()
                .filter(|(_, _, since)| *since <= year)
                .filter_map(|(name, day, _)| Some(day_off(name, day.in_year(year)?, true)))
                .collect(),
            Self::Yearly(yearly) => {
                let date = yearly.day.in_year(year);
                let date = date.map(|date| shift(date, yearly.shift_d));
                date.map(|date| day_off(&yearly.name, date, yearly.observed))
                    .into_iter()
                    .collect()
            }
        }
    }
}

fn day_off(name: &str, date: Date, is_observed: bool) -> DayOff {
    DayOff {
        on: if is_observed { observed(date) } else { date },
        name: name.to_owned(),
        date,
    }
}

const fn fixed(month: i8, day: i8) -> YearDay {
    YearDay::Fixed { month, day }
}

const fn nth(nth: i8, weekday: Weekday, month: i8) -> YearDay {
    YearDay::NthWeekday {
        nth,
        weekday,
        month,
    }
}

/// The eleven holidays of 5 U.S.C. 6103(a), each with its first year under the present rule.
const US_FEDERAL: [(&str, YearDay, i16); 11] = [
    ("New Year\u{2019}s Day", fixed(1, 1), 1971),
    (
        "Birthday of Martin Luther King, Jr.",
        nth(3, Weekday::Monday, 1),
        1986,
    ),
    (
        "Washington\u{2019}s Birthday",
        nth(3, Weekday::Monday, 2),
        1971,
    ),
    ("Memorial Day", nth(-1, Weekday::Monday, 5), 1971),
    ("Juneteenth National Independence Day", fixed(6, 19), 2021),
    ("Independence Day", fixed(7, 4), 1971),
    ("Labor Day", nth(1, Weekday::Monday, 9), 1971),
    ("Columbus Day", nth(2, Weekday::Monday, 10), 1971),
    ("Veterans Day", fixed(11, 11), 1978),
    ("Thanksgiving Day", nth(4, Weekday::Thursday, 11), 1971),
    ("Christmas Day", fixed(12, 25), 1971),
];

/// Days of the year that a configuration may name, in lower case, with the name that people read.
pub const NAMED: [(&str, &str, YearDay); 17] = [
    ("new year's day", "New Year\u{2019}s Day", fixed(1, 1)),
    (
        "martin luther king day",
        "Birthday of Martin Luther King, Jr.",
        nth(3, Weekday::Monday, 1),
    ),
    (
        "washington's birthday",
        "Washington\u{2019}s Birthday",
        nth(3, Weekday::Monday, 2),
    ),
    (
        "presidents' day",
        "Presidents\u{2019} Day",
        nth(3, Weekday::Monday, 2),
    ),
    ("memorial day", "Memorial Day", nth(-1, Weekday::Monday, 5)),
    ("juneteenth", "Juneteenth", fixed(6, 19)),
    ("independence day", "Independence Day", fixed(7, 4)),
    ("labor day", "Labor Day", nth(1, Weekday::Monday, 9)),
    ("columbus day", "Columbus Day", nth(2, Weekday::Monday, 10)),
    ("veterans day", "Veterans Day", fixed(11, 11)),
    (
        "thanksgiving",
        "Thanksgiving Day",
        nth(4, Weekday::Thursday, 11),
    ),
    (
        "thanksgiving day",
        "Thanksgiving Day",
        nth(4, Weekday::Thursday, 11),
    ),
    ("christmas eve", "Christmas Eve", fixed(12, 24)),
    ("christmas", "Christmas Day", fixed(12, 25)),
    ("christmas day", "Christmas Day", fixed(12, 25)),
    ("new year's eve", "New Year\u{2019}s Eve", fixed(12, 31)),
    ("boxing day", "Boxing Day", fixed(12, 26)),
];
