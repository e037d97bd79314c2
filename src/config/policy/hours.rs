//! Hours of the week as a policy writes them.

use std::borrow::Cow;

use domain::policy::{Hours, LocalTime};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use values::{ClockTime, OneOrMany, Parsed, Source, Weekday, Written, Zone};

use super::holidays::{HolidayEntry, holidays};

/// `[hours]`: hours that other keys refer to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursTable {
    /// The hours in which clocks in business time run.
    pub business: Written<WeeklyHours>,
}

/// Hours of the week.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-is" = "a table"))]
pub(in crate::config) struct WeeklyHours {
    /// The weekdays on which the hours begin.
    #[schemars(length(min = 1))]
    days: Vec<Parsed<Weekday>>,
    /// The local time at which the hours begin.
    open: Edge,
    /// The local time at which they end; on the next day if it is not after `open`.
    close: Edge,
    /// The time zone of the edges that name none.
    zone: Option<Parsed<Zone>>,
    /// Days on which no hours begin: "us-federal", a date, or a day such as "christmas eve", "day after thanksgiving" or
    /// "fourth thursday of november". Default: none.
    holidays: Option<OneOrMany<HolidayEntry>>,
    /// True if a holiday on a Saturday is observed on Friday, and one on a Sunday on Monday. "us-federal" always is.
    /// Default: false.
    #[serde(default)]
    observed: bool,
}

/// A local time alone, or a table. The schema walk turns a time into a table.
#[derive(Deserialize)]
#[serde(transparent)]
struct Edge(EdgeTable);

impl JsonSchema for Edge {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Edge".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = Parsed::<ClockTime>::json_schema(generator);
        let table = EdgeTable::json_schema(generator);
        json_schema!({
            "anyOf": [time, table],
            "x-is": "a time of day in quotes, as \"21:00\", or a table with `time` and `zone`",
            "x-text-as": "time",
        })
    }
}

/// A time of day in a zone of its own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EdgeTable {
    /// The local time.
    time: Parsed<ClockTime>,
    /// Its time zone. Default: the `zone` of the hours.
    zone: Option<Parsed<Zone>>,
}

pub(super) fn business(source: &mut Source<'_>, table: HoursTable) -> Hours {
    weekly(source, table.business)
}

/// The union of hours.
pub(super) fn union(source: &mut Source<'_>, tables: OneOrMany<Written<WeeklyHours>>) -> Hours {
    let OneOrMany(tables) = tables;
    let with_holidays = tables.iter().find(|table| table.holidays.is_some());
    if let Some(table) = with_holidays.filter(|_| tables.len() > 1) {
        let why = "hours of several tables cannot have `holidays`";
        source.wrong(&table.at, why);
    }
    let mut all = Hours {
        weekly: Vec::new(),
        holidays: Vec::new(),
    };
    for table in tables {
        let hours = weekly(source, table);
        all.weekly.extend(hours.weekly);
        all.holidays.extend(hours.holidays);
    }
    all
}

pub(in crate::config) fn weekly(source: &mut Source<'_>, written: Written<WeeklyHours>) -> Hours {
    let Written { value: hours, at } = written;
    let days = hours.days.into_iter().map(|day| (day.value, day.at));
    let days: Vec<_> = days.collect();
    source.no_repeats(&days);
    let mut days: Vec<_> = days.into_iter().map(|(day, _)| day).collect();
    days.sort_by_key(|day| day.to_monday_zero_offset());
    let own_zone = hours.zone.map(|zone| zone.value);
    let mut lacks_zone = false;
    let mut edge = |Edge(edge): Edge| {
        let is_written = !edge.time.is_stand_in();
        let zone = edge.zone.map(|zone| zone.value).or(own_zone.clone());
        lacks_zone |= zone.is_none() && is_written;
        LocalTime {
            time: edge.time.value,
            zone: zone.unwrap_or_else(|| "UTC".to_owned()),
        }
    };
    let (open, close) = (edge(hours.open), edge(hours.close));
    if lacks_zone {
        let why = "these hours lack `zone`, a time zone in quotes, as \"America/New_York\"";
        source.wrong(&at, why);
    }
    Hours {
        holidays: holidays(source, hours.holidays, hours.observed),
        ..Hours::between(days, &open, &close)
    }
}
