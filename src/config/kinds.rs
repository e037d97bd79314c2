//! Chooses, among the kinds of a probe, the one whose keys a table is held against. A wrong kind
//! is told here, once; the keys are then held against the likeliest, or only the common ones.

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use super::mistakes::Page;
use super::near::{list, nearest, shown};
use super::walk::texts;

/// Kinds that belong to Nines and that this version does not know.
const LATER: [&str; 12] = [
    "journey",
    "tls",
    "dns",
    "icmp",
    "grpc",
    "mllp",
    "fhir",
    "dicom",
    "smtp",
    "postgres",
    "heartbeat",
    "command",
];

/// The schema that the table is held against.
pub(super) fn choose(page: &mut Page<'_>, table: &DeTable<'_>, branches: &[Value]) -> Value {
    let kinds: Vec<&str> = branches.iter().filter_map(kind_of).collect();
    let written = table.get("kind").or_else(|| {
        let slip = table.keys().map(|key| key.get_ref().as_ref()).find(|key| {
            let unknown = branches
                .iter()
                .all(|branch| branch["properties"][*key].is_null());
            unknown && nearest(key, ["kind"]).is_some()
        })?;
        table.get(slip)
    });
    let Some((text, at)) = written.and_then(|value| match value.get_ref() {
        DeValue::String(text) => Some((text.as_ref(), value.span())),
        _ => None,
    }) else {
        return guess(table, branches);
    };
    if let Some(branch) = branches.iter().find(|branch| kind_of(branch) == Some(text)) {
        return with_others(branch, branches);
    }
    let known = list(kinds.iter().copied(), "and");
    if LATER.contains(&text) {
        page.wrong(
            &at,
            format!("`{text}` probes are not supported yet: this version knows {known}"),
        );
        return common(branches);
    }
    let said = shown(text);
    match nearest(text, kinds) {
        Some(near) => {
            let message = format!("`{said}` is not a kind of probe, did you mean `{near}`?");
            page.wrong(&at, message);
            branches
                .iter()
                .find(|branch| kind_of(branch) == Some(near))
                .map_or_else(|| common(branches), |branch| with_others(branch, branches))
        }
        None => {
            let message = format!("`{said}` is not a kind of probe: this version knows {known}");
            page.wrong(&at, message);
            common(branches)
        }
    }
}

fn kind_of(branch: &Value) -> Option<&str> {
    branch["properties"]["kind"]["const"].as_str()
}

/// Without a kind: the branch that alone knows keys of the table, else what all have in common.
fn guess(table: &DeTable<'_>, branches: &[Value]) -> Value {
    let shared = common(branches);
    let own = |branch: &Value| {
        let keys = table.keys().map(|key| key.get_ref().as_ref());
        keys.filter(|key| {
            !branch["properties"][*key].is_null() && shared["properties"][*key].is_null()
        })
        .count()
    };
    match branches.iter().max_by_key(|branch| own(branch)) {
        Some(branch) if own(branch) > 0 => with_others(branch, branches),
        _ => shared,
    }
}

/// The branch, with the keys that only other kinds have (`x-others`: key to kind).
fn with_others(branch: &Value, branches: &[Value]) -> Value {
    let mut whole = branch.clone();
    let mut others = Map::new();
    for other in branches {
        for key in other["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
        {
            if branch["properties"][key].is_null()
                && let Some(kind) = kind_of(other)
            {
                others.insert(key.clone(), kind.into());
            }
        }
    }
    whole["x-others"] = Value::Object(others);
    whole
}

/// What every kind has; other keys are left alone.
fn common(branches: &[Value]) -> Value {
    let Some(first) = branches.first() else {
        return json!({});
    };
    let everywhere = |key: &str| branches.iter().all(|b| !b["properties"][key].is_null());
    let needed = |key: &str| {
        branches
            .iter()
            .all(|b| texts(&b["required"]).any(|r| r == key))
    };
    let properties: Map<String, Value> = first["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| everywhere(key))
        .map(|(key, schema)| (key.clone(), schema.clone()))
        .collect();
    let required: Vec<&str> = texts(&first["required"])
        .filter(|key| needed(key))
        .collect();
    json!({ "properties": properties, "required": required, "additionalProperties": true })
}
