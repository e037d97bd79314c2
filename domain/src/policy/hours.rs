//! Hours of the week, each edge in a zone of its own, and the days without hours.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};

use super::holidays::{DayOff, Holiday};

/// Hours of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    pub weekly: Vec<DayHours>,
    /// Days, in the zone of the opening, on which no hours begin.
    pub holidays: Vec<Holiday>,
}

/// `[open, close)` from one weekday on. A close at `00:00` is the end of that day. Any other close
/// that is not after the opening is on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayHours {
    #[serde(with = "crate::weekday")]
    pub weekday: Weekday,
    pub open: LocalTime,
    pub close: LocalTime,
}

/// A time of day in a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTime {
    pub time: Time,
    /// An IANA name.
    pub zone: String,
}

impl Hours {
    /// The same hours on each of these weekdays, in one zone and without holidays.
    pub fn on(
        weekdays: impl IntoIterator<Item = Weekday>,
        open: Time,
        close: Time,
        zone: &str,
    ) -> Self {
        let edge = |time| LocalTime {
            time,
            zone: zone.to_owned(),
        };
        Self::between(weekdays, &edge(open), &edge(close))
    }

    /// The same hours on each of these weekdays, without holidays.
    pub fn between(
        weekdays: impl IntoIterator<Item = Weekday>,
        open: &LocalTime,
        close: &LocalTime,
    ) -> Self {
        let day = |weekday| DayHours {
            weekday,
            open: open.clone(),
            close: close.clone(),
        };
        Self {
            weekly: weekdays.into_iter().map(day).collect(),
            holidays: Vec::new(),
        }
    }

    /// The days off from `first` to `last`, both included, with the name of each.
    pub fn days_off(&self, first: Date, last: Date) -> BTreeMap<Date, DayOff> {
        let mut days = BTreeMap::new();
        // A holiday of one year may be observed on a day of the year before or after.
        let years = first.year().saturating_sub(1)..=last.year().saturating_add(1);
        for holiday in &self.holidays {
            for day in years.clone().flat_map(|year| holiday.in_year(year)) {
                if (first..=last).contains(&day.on) {
                    days.entry(day.on).or_insert(day);
                }
            }
        }
        days
    }

    pub fn is_holiday(&self, day: Date) -> bool {
        self.days_off(day, day).contains_key(&day)
    }

    /// The zone of all edges; `None` if they have several zones, or there are no hours.
    pub fn zone(&self) -> Option<&str> {
        let edges = || self.weekly.iter().flat_map(|day| [&day.open, &day.close]);
        let zone = edges().next()?.zone.as_str();
        edges().all(|edge| edge.zone == zone).then_some(zone)
    }

    /// True if they include every hour.
    pub fn is_always(&self) -> bool {
        let midnight = |edge: &LocalTime| edge.time == Time::midnight();
        let whole = self.weekly.iter();
        let whole = whole.filter(|d| midnight(&d.open) && midnight(&d.close));
        let days: BTreeSet<i8> = whole.map(|d| d.weekday.to_monday_zero_offset()).collect();
        days.len() == 7 && self.holidays.is_empty() && self.zone().is_some()
    }
}
