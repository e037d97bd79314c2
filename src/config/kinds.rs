//! Chooses the schema that a table of several kinds is held against: `[[probe]]` by its `kind`, a scenario's `[[act]]`
//! by its `do`. A wrong kind is reported here; the table is then held against the likeliest kind, or against the common
//! keys.

use serde_json::{Map, Value, json};
use toml::de::DeTable;
use values::Source;
use values::suggest::{list, nearest, shorten};

use super::validate::texts;

/// The key that names the kind of a table.
pub(super) struct Tag<'a> {
    key: &'a str,
    /// The word for a kind, with its article.
    what: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads the mark `x-tag` of a schema with branches.
    fn of(schema: &'a Value) -> Self {
        let text = |part: &str| schema["x-tag"][part].as_str();
        Self {
            key: text("key").unwrap_or("kind"),
            what: text("what").unwrap_or("a kind of probe"),
        }
    }

    fn kind_of<'b>(&self, branch: &'b Value) -> Option<&'b str> {
        branch["properties"][self.key]["const"].as_str()
    }
}

/// The schema that the table is held against. `schema` has the `branches`.
pub(super) fn choose(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    schema: &Value,
    branches: &[Value],
) -> Value {
    let tag = Tag::of(schema);
    let kinds = || branches.iter().filter_map(|branch| tag.kind_of(branch));
    let of_kind = |kind: &str| {
        branches
            .iter()
            .find(|branch| tag.kind_of(branch) == Some(kind))
    };
    let is_unknown = |key: &str| branches.iter().all(|b| b["properties"][key].is_null());
    // The key may be misspelt.
    let misspelt = || {
        let mut keys = table.keys().map(|key| key.get_ref().as_ref());
        keys.find(|key| is_unknown(key) && nearest(key, [tag.key]).is_some())
    };
    let written = table
        .get(tag.key)
        .or_else(|| misspelt().and_then(|key| table.get(key)));
    let Some((written, text)) = written.and_then(|w| Some((w, w.get_ref().as_str()?))) else {
        return common(branches);
    };
    if let Some(branch) = of_kind(text) {
        return with_others(branch, branches, &tag);
    }
    let said = shorten(text);
    let known = list(kinds(), "and");
    let near = nearest(text, kinds());
    let what = tag.what;
    let message = match near {
        Some(near) => format!("`{said}` is not {what}, did you mean `{near}`?"),
        None => format!("`{said}` is not {what}: this version knows {known}"),
    };
    source.wrong(&written.span(), message);
    match near.and_then(of_kind) {
        Some(branch) => with_others(branch, branches, &tag),
        None => common(branches),
    }
}

/// The branch, with the keys that only other kinds have (`x-others`: key to kind).
fn with_others(branch: &Value, branches: &[Value], tag: &Tag<'_>) -> Value {
    let mut others = Map::new();
    for other in branches {
        for (key, _) in other["properties"].as_object().into_iter().flatten() {
            if branch["properties"][key].is_null() {
                // Of several kinds, the first one is the best known.
                others
                    .entry(key.clone())
                    .or_insert_with(|| tag.kind_of(other).into());
            }
        }
    }
    let mut whole = branch.clone();
    whole["x-others"] = Value::Object(others);
    whole
}

/// The keys that every kind has; other keys are left alone. A kind that stands alone (`x-alone`) shares none.
fn common(branches: &[Value]) -> Value {
    let together = branches.iter().filter(|b| b["x-alone"] != true);
    let branches: Vec<&Value> = together.collect();
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
