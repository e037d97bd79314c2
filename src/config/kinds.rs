//! Chooses the kind of probe whose schema a `[[probe]]` table is held against. A wrong kind is
//! reported here; the table is then held against the likeliest kind, or against the common keys.

use serde_json::{Map, Value, json};
use toml::de::DeTable;
use values::Source;
use values::suggest::{list, nearest, shorten};

use super::validate::texts;

/// The schema that the table is held against.
pub(super) fn choose(source: &mut Source<'_>, table: &DeTable<'_>, branches: &[Value]) -> Value {
    let kinds = || branches.iter().filter_map(kind_of);
    let of_kind = |kind: &str| branches.iter().find(|branch| kind_of(branch) == Some(kind));
    let is_unknown = |key: &str| branches.iter().all(|b| b["properties"][key].is_null());
    // The key may be misspelt.
    let mut keys = table.keys().map(|key| key.get_ref().as_ref());
    let key =
        keys.find(|key| *key == "kind" || is_unknown(key) && nearest(key, ["kind"]).is_some());
    let written = key.and_then(|key| table.get(key));
    let Some((written, text)) = written.and_then(|w| Some((w, w.get_ref().as_str()?))) else {
        return common(branches);
    };
    if let Some(branch) = of_kind(text) {
        return with_others(branch, branches);
    }
    let said = shorten(text);
    let known = list(kinds(), "and");
    let near = nearest(text, kinds());
    let message = match near {
        Some(near) => format!("`{said}` is not a kind of probe, did you mean `{near}`?"),
        None => format!("`{said}` is not a kind of probe: this version knows {known}"),
    };
    source.wrong(&written.span(), message);
    match near.and_then(of_kind) {
        Some(branch) => with_others(branch, branches),
        None => common(branches),
    }
}

fn kind_of(branch: &Value) -> Option<&str> {
    branch["properties"]["kind"]["const"].as_str()
}

/// The branch, with the keys that only other kinds have (`x-others`: key to kind).
fn with_others(branch: &Value, branches: &[Value]) -> Value {
    let mut others = Map::new();
    for other in branches {
        for (key, _) in other["properties"].as_object().into_iter().flatten() {
            if branch["properties"][key].is_null() {
                others.insert(key.clone(), kind_of(other).into());
            }
        }
    }
    let mut whole = branch.clone();
    whole["x-others"] = Value::Object(others);
    whole
}

/// The keys that every kind has; other keys are left alone.
fn common(branches: &[Value]) -> Value {
    let Some(first) = branches.first() else {
        return json!({});
    };
    let is_everywhere = |key: &str| branches.iter().all(|b| !b["properties"][key].is_null());
    let properties = first["properties"].as_object().into_iter().flatten();
    let properties: Map<String, Value> = properties
        .filter(|(key, _)| is_everywhere(key))
        .map(|(key, schema)| (key.clone(), schema.clone()))
        .collect();
    let required: Vec<&str> = texts(&first["required"])
        .filter(|key| properties.contains_key(*key))
        .collect();
    json!({ "properties": properties, "required": required, "additionalProperties": true })
}
