//! The `[[act]]` tables of a scenario: an [`Act`], or what a scenario does to the service itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::act::Act;
use serde::{Deserialize, Deserializer};
use toml::{Spanned, Value};
use values::Source;

use super::keys::selector_of;
use super::names::{NameKind, Named};
use super::scenario::Problem;

/// The key for the reason why a text is no protected health information.
pub(super) const NOT_PHI: &str = "not_phi";

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

/// Reads an act whose table has no mistake. Paths are relative to `folder`.
///
/// # Errors
/// Two keys contradict each other.
pub(super) fn read(written: &Spanned<Written>, folder: &Path) -> Result<Action, Problem> {
    let mut keys = toml::Table::new();
    for (key, value) in written.get_ref() {
        let value = value.get_ref().clone();
        if !matches!(key.as_str(), "at" | "by" | NOT_PHI) {
            keys.insert(key.clone(), stored(key, value));
        }
    }
    let name = keys.get("do").and_then(Value::as_str).unwrap_or_default();
    let is_service = is_of_service(name);
    let keys = Value::Table(keys);
    let action = match is_service {
        true => ServiceAction::deserialize(keys).map(Action::Service),
        false => Act::deserialize(keys).map(Action::Act),
    };
    let mut action = action.map_err(|error| (written.span(), error.message().to_owned()))?;
    match &mut action {
        Action::Service(ServiceAction::Reload { config }) => *config = folder.join(&config),
        Action::Act(Act::ImportDesk { file, .. }) => {
            *file = folder.join(&file).to_string_lossy().into_owned();
        }
        _ => {}
    }
    Ok(action)
}

/// True for what is done to the service itself.
pub(super) fn is_of_service(act: &str) -> bool {
    matches!(act, "reload" | "restart")
}

/// The reason why a text of the act is no protected health information.
pub(super) fn not_phi(written: &Written) -> Option<String> {
    let reason = written.get(NOT_PHI)?.get_ref().as_str()?;
    Some(reason.to_owned())
}

/// Checks that an act names its incident or outage in one of the two ways.
pub(super) fn check_selector(source: &mut Source<'_>, written: &Spanned<Written>) {
    let keys = written.get_ref();
    let name = keys.get("do").and_then(|name| name.get_ref().as_str());
    let Some((name, key)) = name.and_then(|name| Some((name, selector_of(name)?))) else {
        return;
    };
    let why = format!("`{name}` needs a `system` or an `{key}`, one of them");
    match (keys.get("system"), keys.get(key)) {
        (None, None) => source.wrong(&written.span(), why),
        (Some(_), Some(id)) => source.wrong(&id.span(), why),
        _ => {}
    }
}

/// A value as the act stores it: lengths in seconds, a share in parts per million.
fn stored(key: &str, value: Value) -> Value {
    if let Value::Array(all) = value {
        return Value::Array(all.into_iter().map(|one| stored(key, one)).collect());
    }
    let number = value.as_str().and_then(|text| match key {
        "max_downtime" | "min_notice" | "start_grace" | "announce" => {
            crate::config::seconds(text).ok()
        }
        "share" => crate::config::share(text).ok().map(i64::from),
        _ => None,
    });
    number.map_or(value, Value::Integer)
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
            "customer" | "customers" => NameKind::Customer,
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
