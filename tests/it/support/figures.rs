//! Reads `expected.toml` beside a scenario, and compares it with the reports and notices of the run: lists completely,
//! and to the second. Keys that an expected row lacks must be absent in the report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::rehearsal::{Played, play, scenarios, text};

/// The notices that an expected list has completely. Other tests compare the others.
pub const KINDS: [&str; 7] = [
    "update",
    "correction",
    "maintenance-reminder",
    "escalation",
    "clock-due",
    "clock-missed",
    "told-failed",
];

/// The keys of each list's rows. The first ones say which row it is.
pub const SYSTEM: &[&str] = &[
    "system",
    "planned_s",
    "unplanned_s",
    "excluded_s",
    "unknown_s",
    "outages",
];
pub const INCIDENT: &[&str] = &["incident", "systems", "severity", "opened", "resolved"];
pub const CLOCK: &[&str] = &[
    "incident", "clock", "started", "severity", "due", "warned", "answered", "ended", "paused_s",
    "result",
];
pub const LEVEL: &[&str] = &["incident", "level", "severity", "at", "state", "contacts"];
pub const DESK: &[&str] = &[
    "policy",
    "verdict",
    "share",
    "calls",
    "answered",
    "answered_within",
    "abandoned",
    "out_of_hours_calls",
    "days_without_calls",
];
pub const NOTICE: &[&str] = &["at", "kind", "to"];

/// The keys whose values are instants.
const INSTANTS: [&str; 8] = [
    "opened", "resolved", "started", "due", "warned", "answered", "ended", "at",
];

/// An `expected.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// By the month for the committee `operations`, else by the committee and the month, as "clinical 2026-07".
    pub month: BTreeMap<String, Month>,
    #[serde(default)]
    pub notice: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Month {
    #[serde(default)]
    pub system: Vec<Value>,
    #[serde(default)]
    pub incident: Vec<Value>,
    #[serde(default)]
    pub clock: Vec<Value>,
    #[serde(default)]
    pub level: Vec<Value>,
    #[serde(default)]
    pub desk: Vec<Value>,
}

impl Expected {
    pub fn of(name: &str) -> Self {
        let file = scenarios().join(name).join("expected.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }
}

/// Plays a scenario and compares everything that its `expected.toml` has.
pub fn check(name: &'static str) {
    let expected = Expected::of(name);
    let played = play(name);
    let mut found = Vec::new();
    let mut reports = BTreeSet::new();
    let mut zone = TimeZone::UTC;
    for (key, month) in &expected.month {
        let (committee, of) = key.split_once(' ').unwrap_or(("operations", key));
        let report = played.report_to(committee, of);
        zone = TimeZone::get(text(&report["zone"])).unwrap();
        reports.insert(format!("reports/{committee}-{of}.json"));
        for (what, keys, must, is) in [
            ("systems", SYSTEM, &month.system, &report["systems"]),
            ("incidents", INCIDENT, &month.incident, &report["incidents"]),
            ("clocks", CLOCK, &month.clock, &report["clocks"]),
            ("escalations", LEVEL, &month.level, &report["escalations"]),
            ("service desk", DESK, &month.desk, &report["desk"]),
        ] {
            let is = is.as_array().map_or(&[][..], Vec::as_slice);
            let (must, is) = (rows(keys, must, &zone), rows(keys, is, &zone));
            found.extend(differences(&format!("{key}: {what}"), &must, &is));
        }
    }
    let must = rows(NOTICE, &expected.notice, &zone);
    let is = notices(&played, &zone);
    found.extend(differences("notices", &must, &is));
    let written: BTreeSet<String> = played.reports("json").collect();
    assert_eq!(reports, written, "the months of expected.toml, the reports");
    assert!(found.is_empty(), "{name}:\n{}", found.concat());
}

/// The notices of [`KINDS`] in order of time, kind and recipient.
fn notices(played: &Played, zone: &TimeZone) -> Vec<Row> {
    let lines = played.lines("notices.jsonl");
    let lines = lines.iter().filter(|n| KINDS.contains(&text(&n["kind"])));
    let mut found: Vec<_> = lines
        .map(|n| {
            let at: Timestamp = text(&n["decided"]).parse().unwrap();
            let (kind, to) = (text(&n["kind"]), text(&n["recipient"]));
            (
                at.as_second(),
                json!({ "at": n["decided"], "kind": kind, "to": to }),
            )
        })
        .collect();
    found.sort_by_key(|(at, row)| (*at, row["kind"].to_string(), row["to"].to_string()));
    let found: Vec<Value> = found.into_iter().map(|(_, row)| row).collect();
    rows(NOTICE, &found, zone)
}

/// A row as people read it, and its first keys, which say which one it is.
pub type Row = (String, String);

pub fn rows(keys: &[&str], rows: &[Value], zone: &TimeZone) -> Vec<Row> {
    rows.iter()
        .map(|row| {
            let words = keys.iter().map(|key| word(key, &row[*key], zone));
            let words: Vec<String> = words.collect();
            (words[..2].join(" "), words.join("  "))
        })
        .collect()
}

/// A value as people read it: an instant in the zone, to the second.
fn word(key: &str, value: &Value, zone: &TimeZone) -> String {
    let value = match value {
        Value::Null => "-".to_owned(),
        Value::String(at) if INSTANTS.contains(&key) => {
            let at: Timestamp = at.parse().unwrap_or_else(|e| panic!("{key} {at}: {e}"));
            let at = Timestamp::from_second(at.as_second()).unwrap();
            let at: Zoned = at.to_zoned(zone.clone());
            at.strftime("%F %T%:z").to_string()
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("{key} {value}")
}

/// Every row that only one side has, with those of the other side that have the same first keys.
pub fn differences(what: &str, must: &[Row], is: &[Row]) -> Vec<String> {
    if must == is {
        return Vec::new();
    }
    let only = |side: &'static str, these: &[Row], those: &[Row]| {
        let mut rest = those.to_vec();
        let mut only = Vec::new();
        for (at, row) in these.iter().enumerate() {
            match rest.iter().position(|other| other == row) {
                Some(found) => drop(rest.remove(found)),
                None => only.push((row.0.clone(), at, side, row.1.clone())),
            }
        }
        only
    };
    let mut lines = only("derived", must, is);
    lines.extend(only("program", is, must));
    lines.sort_by(|a, b| (&a.0, a.2, a.1).cmp(&(&b.0, b.2, b.1)));
    if lines.is_empty() {
        lines.push((
            String::new(),
            0,
            "program",
            "the same rows in another order:".to_owned(),
        ));
        let order = is.iter().enumerate();
        lines.extend(order.map(|(at, row)| (String::new(), at, "program", row.1.clone())));
    }
    let lines = lines
        .iter()
        .map(|line| format!("  {}  {}\n", line.2, line.3));
    std::iter::once(format!("{what}\n")).chain(lines).collect()
}
