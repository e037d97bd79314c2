//! The `[[act]]` tables of a scenario: an [`Act`], or what a scenario does to the service itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::act::Act;
use domain::id::{IncidentId, OutageId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use toml::{Spanned, Value};

use super::names::{NameKind, Named};
use super::scenario::Problem;

/// An act as written: `at`, `by`, `do` and the act's own keys.
pub(super) type Written = BTreeMap<String, Spanned<Value>>;

/// Something that a person does in a scenario.
#[derive(Clone, Debug)]
pub enum Action {
    Act(Act),
    Service(ServiceAction),
}

/// Something that a person does to the service itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServiceAction {
    /// Puts another configuration in force.
    Reload { config: PathBuf },
    /// Stops the service and starts it again.
    Restart {
        /// The time between stop and start.
        #[serde(default, deserialize_with = "length")]
        down_for: Duration,
        /// Stops without a `stopped` event, as a power cut does.
        #[serde(default)]
        kill: bool,
    },
}

fn length<'de, D: Deserializer<'de>>(written: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(written)?;
    crate::config::length(&text).map_err(serde::de::Error::custom)
}

/// Reads an act. Paths are relative to `folder`.
pub(super) fn read(
    written: Spanned<Written>,
    folder: &Path,
) -> Result<(Timestamp, String, Action), Problem> {
    let place = written.span();
    let mut keys = toml::Table::new();
    for (key, value) in written.into_inner() {
        let span = value.span();
        let value = checked(&key, value.into_inner()).map_err(|why| (span, why))?;
        keys.insert(key, value);
    }
    let wrong = |why| (place.clone(), why);
    let text = |key: &str, value: Option<Value>| match value {
        Some(Value::String(text)) => Ok(text),
        _ => Err(wrong(format!("an act needs the text `{key}`"))),
    };
    let at = instant(&text("at", keys.remove("at"))?).map_err(wrong)?;
    let by = text("by", keys.remove("by"))?;
    let name = text("do", keys.get("do").cloned())?;
    let keys = Value::Table(keys);
    let action = match name.as_str() {
        "reload" | "restart" => ServiceAction::deserialize(keys).map(Action::Service),
        _ => Act::deserialize(keys).map(Action::Act),
    };
    let mut action = action.map_err(|error| wrong(explained(&name, error.message())))?;
    if let Action::Service(ServiceAction::Reload { config }) = &mut action {
        *config = folder.join(&config);
    }
    Ok((at, by, action))
}

/// Checks a value whose key alone determines its form. A length becomes seconds.
fn checked(key: &str, value: Value) -> Result<Value, String> {
    let Some(text) = value.as_str() else {
        return Ok(value);
    };
    match key {
        "at" | "counts_from" | "from" | "to" | "start" | "end" => instant(text).map(|_| value),
        "max_downtime" | "min_notice" | "start_grace" => {
            crate::config::seconds(text).map(Value::Integer)
        }
        "incident" => text.parse::<IncidentId>().map(|_| value),
        "outage" => text.parse::<OutageId>().map(|_| value),
        _ => Ok(value),
    }
}

/// Turns an error of serde about the act `name` into a sentence for the author of a scenario.
fn explained(name: &str, message: &str) -> String {
    let (problem, known) = message.split_once(", expected ").unwrap_or((message, ""));
    let known = known.trim_start_matches("one of ");
    let key = problem.split('`').nth(1).unwrap_or_default();
    match problem.split_once(" `").map_or("", |(problem, _)| problem) {
        "unknown variant" => {
            format!("unknown act `{name}`; there are {known}, `reload`, `restart`")
        }
        "unknown field" => format!("`{name}` has no `{key}`; its keys are {known}"),
        "missing field" | "duplicate field" if matches!(key, "incident" | "outage") => {
            format!("`{name}` needs a `system` or an `{key}`, one of them")
        }
        "missing field" => format!("`{name}` needs `{key}`"),
        _ => format!("`{name}`: {message}"),
    }
}

/// The names that an act uses or makes, with their places in `text`.
pub(super) fn names(written: &Written, text: &str) -> Vec<Named> {
    let is_scheduled = written
        .get("do")
        .is_some_and(|act| act.get_ref().as_str() == Some("schedule_maintenance"));
    let mut names = Vec::new();
    for (key, value) in written {
        let kind = match key.as_str() {
            "system" | "systems" => NameKind::System,
            "customer" => NameKind::Customer,
            "committee" => NameKind::Committee,
            "id" | "window" if is_scheduled => NameKind::NewWindow,
            "id" | "window" => NameKind::Window,
            _ => continue,
        };
        let ids = match value.get_ref() {
            Value::Array(ids) => ids.as_slice(),
            id => std::slice::from_ref(id),
        };
        for id in ids.iter().filter_map(Value::as_str) {
            let span = value.span();
            // An array has one span: the first place of the id within it is the id's.
            let offset = text.get(span.clone()).and_then(|array| array.find(id));
            let at = offset.map_or(span.clone(), |offset| {
                // With its quotes.
                let start = span.start + offset;
                start.saturating_sub(1)..start + id.len() + 1
            });
            names.push(Named::at(kind, id, at));
        }
    }
    names
}

/// Reads an instant: RFC 3339 with its offset.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| {
        format!("`{text}` is not an instant with its offset, such as `2026-10-07T02:14:10-04:00`")
    };
    text.parse().map_err(wrong)
}
