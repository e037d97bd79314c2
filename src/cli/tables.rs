//! The tables of `nines sql` and `nines export` that come from the ledger. Their figures are those of the
//! monthly reports, so that sums over a month are the report's figures.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use domain::calendar::Month;
use domain::record::Record;
use domain::report::{self, Period, Report};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::samples::sql::Table;

/// Columns with their types, in DuckDB's words.
type Columns = &'static [(&'static str, &'static str)];

const INSTANT: &str = "TIMESTAMP";
const SECONDS: &str = "BIGINT";
const TEXT: &str = "VARCHAR";
const COUNT: &str = "BIGINT";
const FLAG: &str = "BOOLEAN";

/// A system of a committee in a month, in seconds by class.
const MONTHLY: Columns = &[
    ("committee", TEXT),
    ("month", TEXT),
    ("system", TEXT),
    ("policy", TEXT),
    ("agreed_s", SECONDS),
    ("up_s", SECONDS),
    ("degraded_s", SECONDS),
    ("planned_s", SECONDS),
    ("excluded_s", SECONDS),
    ("unplanned_s", SECONDS),
    ("unknown_s", SECONDS),
    ("contract_availability", TEXT),
    ("experienced_availability", TEXT),
    ("coverage", TEXT),
    ("target", TEXT),
    ("verdict", TEXT),
    ("outages", COUNT),
    ("mtrs_s", SECONDS),
    ("mtbf_s", SECONDS),
    ("longest_s", SECONDS),
];

/// A system of a committee on a local day.
const DAILY: Columns = &[
    ("committee", TEXT),
    ("month", TEXT),
    ("system", TEXT),
    ("date", "DATE"),
    ("length_s", SECONDS),
    ("agreed_s", SECONDS),
    ("up_s", SECONDS),
    ("degraded_s", SECONDS),
    ("planned_s", SECONDS),
    ("excluded_s", SECONDS),
    ("unplanned_s", SECONDS),
    ("unknown_s", SECONDS),
];

/// An outage with its seconds in a month: one that goes on at a month's end has a row in each.
const OUTAGES: Columns = &[
    ("committee", TEXT),
    ("month", TEXT),
    ("outage", TEXT),
    ("system", TEXT),
    ("start", INSTANT),
    ("end", INSTANT),
    ("end_observed", FLAG),
    ("detected", INSTANT),
    ("declared", FLAG),
    ("planned_s", SECONDS),
    ("excluded_s", SECONDS),
    ("unplanned_s", SECONDS),
    ("unknown_s", SECONDS),
    ("counted", FLAG),
    ("incident", TEXT),
    ("reason", TEXT),
    ("detail", TEXT),
    ("detect_s", SECONDS),
    ("acknowledge_s", SECONDS),
    ("restore_s", SECONDS),
];

const INCIDENTS: Columns = &[
    ("committee", TEXT),
    ("month", TEXT),
    ("incident", TEXT),
    ("severity", TEXT),
    ("systems", TEXT),
    ("cause", TEXT),
    ("opened", INSTANT),
    ("acknowledged", INSTANT),
    ("resolved", INSTANT),
    ("closed", INSTANT),
    ("summary", TEXT),
    ("root_cause", TEXT),
    ("resolution", TEXT),
];

const MAINTENANCE: Columns = &[
    ("committee", TEXT),
    ("month", TEXT),
    ("window", TEXT),
    ("title", TEXT),
    ("systems", TEXT),
    ("start", INSTANT),
    ("end", INSTANT),
    ("announced", TEXT),
    ("earned", FLAG),
    ("cancelled", FLAG),
    ("max_downtime_s", SECONDS),
    ("downtime_s", SECONDS),
    ("planned_s", SECONDS),
    ("overrun_s", SECONDS),
];

/// A notice that was attempted. No address is shown.
const NOTICES: Columns = &[
    ("notice", TEXT),
    ("kind", TEXT),
    ("recipient", TEXT),
    ("systems", TEXT),
    ("incident", TEXT),
    ("window", TEXT),
    ("decided", INSTANT),
    ("attempts", COUNT),
    ("result", TEXT),
    ("message_id", TEXT),
];

/// The tables of the months from `since` on.
///
/// # Errors
/// The ledger names a zone that the time zone database lacks.
pub fn of(record: &Record, since: Month) -> Result<Vec<Table>> {
    let mut all = [
        ("availability_monthly", MONTHLY),
        ("availability_daily", DAILY),
        ("outages", OUTAGES),
        ("incidents", INCIDENTS),
        ("maintenance", MAINTENANCE),
        ("notices", NOTICES),
    ]
    .map(|(name, columns)| Table {
        name,
        columns,
        rows: Vec::new(),
    });
    for (month, report) in reports(record, since)? {
        let [monthly, daily, outages, incidents, maintenance, _] = &mut all;
        let month = month.to_string();
        let of_report = [("committee", report.committee.as_str()), ("month", &month)];
        for system in &report.systems {
            add(monthly, &of_report, system)?;
            let of_system = [of_report[0], of_report[1], ("system", &system.system)];
            for day in &system.days {
                add(daily, &of_system, day)?;
            }
        }
        each(outages, &of_report, &report.outages)?;
        each(incidents, &of_report, &report.incidents)?;
        each(maintenance, &of_report, &report.maintenance)?;
    }
    let [.., notices] = &mut all;
    for (id, sent) in record.notices.messages() {
        let notice = &sent.notice;
        let systems: Vec<&str> = notice.systems().map(|system| system.as_str()).collect();
        let window = notice.window.as_ref().map(|window| window.id.to_string());
        let row = serde_json::json!({
            "notice": id.to_string(), "kind": notice.kind.to_string(),
            "recipient": notice.recipient.name, "systems": systems,
            "incident": notice.incident.map(|id| id.to_string()), "window": window,
            "decided": sent.decided_at, "attempts": sent.attempts,
            "result": sent.standing.word(), "message_id": sent.message_id,
        });
        add(notices, &[], &row)?;
    }
    Ok(all.into())
}

/// The report of every committee and month from `since` on.
fn reports(record: &Record, since: Month) -> Result<Vec<(Month, Report)>> {
    let Some(as_of) = record.as_of else {
        return Ok(Vec::new());
    };
    let mut reports = Vec::new();
    let known = record.configurations.all().iter();
    let committees: BTreeSet<_> = known
        .flat_map(|(_, _, catalogue)| catalogue.committees.iter().map(|c| c.id.clone()))
        .collect();
    for committee in committees {
        let mut month = since;
        loop {
            let covers = Period::Days(month.first(), month.next().first());
            match report::over(record, committee.as_str(), covers, "") {
                Ok(report) => reports.push((month, report)),
                Err(report::Error::Zone(zone)) => return Err(zone.into()),
                // The month lies before or after the committee's time.
                Err(_) => {}
            }
            month = month.next();
            if month.span(&record.zone()).from > as_of {
                break;
            }
        }
    }
    Ok(reports)
}

fn each<T: Serialize>(table: &mut Table, before: &[(&str, &str)], lines: &[T]) -> Result<()> {
    lines.iter().try_for_each(|line| add(table, before, line))
}

/// Adds a row: the values `before`, and those of `line` with the columns' names.
fn add(table: &mut Table, before: &[(&str, &str)], line: &impl Serialize) -> Result<()> {
    let line = serde_json::to_value(line)?;
    let cell = |(name, kind): &(&str, &str)| {
        let known = before.iter().find(|(key, _)| key == name);
        match (known, line.get(name)) {
            (Some((_, value)), _) => Ok(Some((*value).to_owned())),
            (None, Some(value)) => Ok(text(value, kind)),
            (None, None) => Err(anyhow!("`{}` has no column {name}", table.name)),
        }
    };
    let row = table.columns.iter().map(cell).collect::<Result<_>>()?;
    table.rows.push(row);
    Ok(())
}

/// A value as a text. Instants are in UTC: DuckDB's timestamps have no zone.
fn text(value: &Value, kind: &str) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(instant) if kind == INSTANT => {
            let at = instant.parse::<Timestamp>();
            let utc = |at: Timestamp| at.to_string().trim_end_matches('Z').replace('T', " ");
            Some(at.map_or_else(|_| instant.clone(), utc))
        }
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let words = values.iter().filter_map(Value::as_str);
            Some(words.collect::<Vec<_>>().join(" "))
        }
        other => Some(other.to_string()),
    }
}
