//! Uptime Kuma: each monitor becomes a system with one probe. Its definitions come from the tables of its database, or
//! from the JSON backup of its releases 1.x. Both have the same columns in other spellings.

mod monitor;
mod record;
mod request;
mod schedule;
mod services;
mod target;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::output::Imported;
use crate::yaml::Error;
use monitor::Monitor;
use record::Record;

/// The tables that the import reads, where a database has them.
pub const UPTIME_KUMA_TABLES: &[&str] = &[
    "monitor",
    "maintenance",
    "monitor_maintenance",
    "notification",
    "proxy",
    "setting",
    "status_page",
    "tag",
];

/// The rows of each table, with the values of their columns.
pub type Tables = BTreeMap<String, Vec<Map<String, Value>>>;

/// Turns the tables of a database of Uptime Kuma, 1.x or 2.x, into systems of this committee.
///
/// # Errors
///
/// There is no table of monitors.
pub fn uptime_kuma(tables: &Tables, committee: &str) -> Result<Imported, Error> {
    let Some(monitors) = tables.get("monitor") else {
        return Err(Error {
            line: None,
            why: "the table `monitor` is missing: this is no database of Uptime Kuma".to_owned(),
        });
    };
    let all = Definitions {
        monitors: monitors.iter().map(Record).collect(),
        tables,
    };
    let mut imported = Imported::default();
    let windows = windows::read(&all, &mut imported);
    for record in &all.monitors {
        Monitor::new(*record, &all, &imported).import(&windows, &mut imported, committee);
    }
    all.elsewhere(&mut imported);
    Ok(imported)
}

/// Turns a JSON backup of Uptime Kuma 1.x into systems of this committee.
///
/// # Errors
///
/// The text is not JSON, or has no list `monitorList`.
pub fn uptime_kuma_backup(text: &str, committee: &str) -> Result<Imported, Error> {
    let wrong = |line, why: &str| Error {
        line,
        why: why.to_owned(),
    };
    let root: Value = serde_json::from_str(text)
        .map_err(|error| wrong(Some(error.line()), "neither a SQLite database nor JSON"))?;
    let missing = "the key `monitorList` is missing: this is no backup of Uptime Kuma";
    if root.get("monitorList").is_none() {
        return Err(wrong(None, missing));
    }
    let mut tables = Tables::new();
    for (key, table) in [
        ("monitorList", "monitor"),
        ("notificationList", "notification"),
        ("proxyList", "proxy"),
    ] {
        let rows: Vec<&Value> = match root.get(key) {
            Some(Value::Array(rows)) => rows.iter().collect(),
            Some(Value::Object(rows)) => rows.values().collect(),
            _ => continue,
        };
        let rows = rows.into_iter().filter_map(Value::as_object).cloned();
        tables.insert(table.to_owned(), rows.collect());
    }
    tables.insert("tag".to_owned(), backup_tags(&tables));
    uptime_kuma(&tables, committee)
}

/// A backup repeats its tags at each monitor.
fn backup_tags(tables: &Tables) -> Vec<Map<String, Value>> {
    let mut names = BTreeSet::new();
    for monitor in tables.get("monitor").into_iter().flatten() {
        let tags = monitor.get("tags").and_then(Value::as_array);
        let found = tags.into_iter().flatten();
        names.extend(found.filter_map(|tag| tag.get("name")?.as_str()));
    }
    let row = |name: &str| Map::from_iter([("name".to_owned(), Value::from(name))]);
    names.into_iter().map(row).collect()
}

/// All that a database or a backup defines.
struct Definitions<'a> {
    monitors: Vec<Record<'a>>,
    tables: &'a Tables,
}

impl<'a> Definitions<'a> {
    fn rows(&self, table: &str) -> impl Iterator<Item = Record<'a>> + use<'a> {
        self.tables.get(table).into_iter().flatten().map(Record)
    }

    fn find(&self, table: &str, id: i64) -> Option<Record<'a>> {
        self.rows(table).find(|row| row.whole("id") == Some(id))
    }

    /// The groups around a monitor, the outermost last. A circle ends the walk.
    fn parents(&self, monitor: Record<'a>) -> Vec<Record<'a>> {
        let mut parents: Vec<Record<'a>> = Vec::new();
        let mut next = monitor.whole("parent");
        while let Some(id) = next {
            let known = parents.iter().any(|p| p.whole("id") == Some(id));
            let found = self.monitors.iter().find(|m| m.whole("id") == Some(id));
            let Some(parent) = found.filter(|_| !known) else {
                break;
            };
            parents.push(*parent);
            next = parent.whole("parent");
        }
        parents
    }

    /// Lists the definitions that have another place in Nines.
    fn elsewhere(&self, imported: &mut Imported) {
        for (table, name, why) in [
            (
                "notification",
                "name",
                "not carried over: write `[mail]` and the contacts of customers: docs/configuration.md",
            ),
            ("tag", "name", "not carried over: Nines has no tags"),
            (
                "status_page",
                "title",
                "not carried over: write `[public]`: docs/public-pages.md",
            ),
        ] {
            for row in self.rows(table) {
                let name = row.text(name).unwrap_or_default();
                imported.leave(None, format!("{} \"{name}\"", table.replace('_', " ")), why);
            }
        }
    }
}
