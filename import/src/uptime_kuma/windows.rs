//! Maintenance: what repeats by weekday or day of the month becomes a recurring window of each system that it is for.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Definitions;
use super::record::Record;
use crate::length::spelt;
use crate::output::{Imported, id, one_line};

/// As Uptime Kuma and cron count them.
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The windows by the numbers of their monitors.
pub(super) fn read(all: &Definitions<'_>, imported: &mut Imported) -> BTreeMap<i64, Vec<Table>> {
    let mut windows: BTreeMap<i64, Vec<Table>> = BTreeMap::new();
    for row in all.rows("maintenance") {
        let Some(number) = row.whole("id") else {
            continue;
        };
        let title = row
            .text("title")
            .unwrap_or_else(|| format!("maintenance {number}"));
        let place = format!("maintenance {number} \"{title}\"");
        let window = match window(row, &title, number, all) {
            Ok(window) => window,
            Err(why) => {
                imported.leave(None, place, format!("not carried over: {why}"));
                continue;
            }
        };
        if row.text("description").is_some() {
            let why = "not carried over: write it as `impact` for customers";
            imported.leave(None, format!("{place}.description"), why);
        }
        if row.text("end_date").is_some() {
            let why = "it ends on a day there: remove the window on that day";
            imported.leave(None, format!("{place}.end_date"), why);
        }
        for link in all.rows("monitor_maintenance") {
            if link.whole("maintenance_id") == Some(number)
                && let Some(monitor) = link.whole("monitor_id")
            {
                windows.entry(monitor).or_default().push(window.clone());
            }
        }
    }
    windows
}

fn window(
    row: Record<'_>,
    title: &str,
    number: i64,
    all: &Definitions<'_>,
) -> Result<Table, String> {
    if row.value("active").is_some() && !row.is_set("active") {
        return Err("it is not active".to_owned());
    }
    let strategy = row.text("strategy").unwrap_or_default();
    let times = match strategy.as_str() {
        "single" => return Err("schedule it by `nines maintenance schedule`".to_owned()),
        "manual" => return Err("it has no times".to_owned()),
        "recurring-weekday" => Times {
            days: weekdays(&row.list("weekdays"))?,
            ..clock(row)?
        },
        "recurring-day-of-month" => Times {
            days: days_of_month(&row.list("days_of_month"))?,
            ..clock(row)?
        },
        "recurring-interval" if row.whole("interval_day") == Some(1) => clock(row)?,
        "cron" => cron(
            &row.text("cron").unwrap_or_default(),
            row.whole("duration").unwrap_or(0),
        )?,
        _ => return Err("Nines repeats by weekdays or days of the month".to_owned()),
    };
    let mut window = Table::new();
    let mut set = |key: &str, value: Value| {
        window.insert(key.to_owned(), value);
    };
    set("title", one_line(title).into());
    set("id", format!("{}-{number}", id(title)).into());
    set("days", Value::Array(times.days));
    set("start", times.start.into());
    set("length", times.length.into());
    set("zone", zone(row, all)?.into());
    Ok(window)
}

struct Times {
    days: Vec<Value>,
    start: String,
    length: String,
}

/// The times of every day. An end before the start is on the next day.
fn clock(row: Record<'_>) -> Result<Times, String> {
    let minutes = |key: &str| -> Option<u64> {
        let text = row.text(key)?;
        let mut parts = text.split(':').map(|part| part.parse::<u64>().ok());
        match (parts.next()??, parts.next()??) {
            (hour @ 0..24, minute @ 0..60) => Some(hour * 60 + minute),
            _ => None,
        }
    };
    let (Some(start), Some(end)) = (minutes("start_time"), minutes("end_time")) else {
        return Err("it has no times of day".to_owned());
    };
    if start == end {
        return Err("its end is its start".to_owned());
    }
    Ok(times(every_day(), start, (end + 1440 - start) % 1440))
}

fn times(days: Vec<Value>, start: u64, length: u64) -> Times {
    Times {
        days,
        start: format!("{:02}:{:02}", start / 60, start % 60),
        length: spelt(length * 60_000),
    }
}

fn every_day() -> Vec<Value> {
    WEEKDAYS.iter().map(|day| Value::from(*day)).collect()
}

fn weekdays(numbers: &[String]) -> Result<Vec<Value>, String> {
    let day = |number: &String| -> Option<Value> {
        let index = number.parse::<usize>().ok()?;
        WEEKDAYS
            .get(index % 7)
            .filter(|_| index <= 7)
            .map(|day| Value::from(*day))
    };
    let days: Option<Vec<Value>> = numbers.iter().map(day).collect();
    days.filter(|days| !days.is_empty())
        .ok_or_else(|| "its weekdays are not numbers from 0 to 6".to_owned())
}

fn days_of_month(numbers: &[String]) -> Result<Vec<Value>, String> {
    let day = |number: &String| -> Option<Value> {
        if number == "lastDay1" {
            return Some("last day".into());
        }
        let day = number.parse::<i64>().ok()?;
        (1..=31).contains(&day).then_some(Value::from(day))
    };
    let days: Option<Vec<Value>> = numbers.iter().map(day).collect();
    days.filter(|days| !days.is_empty())
        .ok_or_else(|| "Nines counts days of the month from 1, or names the last one".to_owned())
}

/// A cron expression of one time of day, with weekdays or days of the month as numbers.
fn cron(text: &str, duration_s: i64) -> Result<Times, String> {
    let unfit = || format!("`{text}` is not one time on weekdays or on days of the month");
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, "*", weekday] = fields[..] else {
        return Err(unfit());
    };
    let within = |text: &str, limit: u64| text.parse::<u64>().ok().filter(|n| *n < limit);
    let (Some(minute), Some(hour)) = (within(minute, 60), within(hour, 24)) else {
        return Err(unfit());
    };
    let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let days = match (day, weekday) {
        ("*", "*") => every_day(),
        ("*", weekday) => weekdays(&list(weekday)).map_err(|_| unfit())?,
        (day, "*") => days_of_month(&list(day)).map_err(|_| unfit())?,
        _ => return Err(unfit()),
    };
    let length = u64::try_from(duration_s / 60).ok().filter(|n| *n > 0);
    let length = length.ok_or_else(|| "it has no length".to_owned())?;
    Ok(times(days, hour * 60 + minute, length))
}

/// The zone of the window, or that of the server if the window follows it.
fn zone(row: Record<'_>, all: &Definitions<'_>) -> Result<String, String> {
    match row.text("timezone").as_deref() {
        // Releases before this column counted in UTC.
        None => Ok("UTC".to_owned()),
        Some("SAME_AS_SERVER") => {
            let mut settings = all.rows("setting");
            let found = settings.find(|s| s.text("key").as_deref() == Some("serverTimezone"));
            let written = found.and_then(|setting| setting.text("value"));
            // The value is JSON.
            let zone = written.map(|text| text.trim_matches('"').to_owned());
            zone.filter(|zone| !zone.is_empty())
                .ok_or_else(|| "its zone is the server's, which the file does not name".to_owned())
        }
        Some(zone) => Ok(zone.to_owned()),
    }
}
