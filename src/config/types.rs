//! The types of values: which fit a schema, and what messages call them.

use serde_json::Value;
use toml::de::DeValue;
use values::suggest::{list, shorten};

use super::validate::texts;

/// A key, or an entry of a list (`key[]`), as the subject of a message.
pub(super) fn named(key: &str) -> String {
    match key.strip_suffix("[]") {
        Some(list) => format!("an entry of `{list}`"),
        None => format!("`{}`", shorten(key)),
    }
}

/// The expected form of a value, with an example.
pub(super) fn is(schema: &Value) -> String {
    if let Some(is) = schema["x-is"].as_str() {
        return is.to_owned();
    }
    match schema["type"].as_str() {
        Some("boolean") => "true or false, without quotes".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("array") if schema["items"]["type"] == "object" => "a list of tables".to_owned(),
        Some("array") => format!("a list, each entry {}", is(&schema["items"])),
        Some("object") => "a table".to_owned(),
        _ if schema["enum"].is_array() => {
            format!("{} in quotes", list(texts(&schema["enum"]), "or"))
        }
        _ => "text in quotes".to_owned(),
    }
}

/// True if a value has the type of the schema, whatever its content.
pub(super) fn fits(value: &DeValue<'_>, schema: &Value) -> bool {
    let is_date = schema["format"] == "date";
    match value {
        DeValue::String(_) => is_type("string", schema) && !is_date,
        DeValue::Integer(_) => is_type("integer", schema),
        DeValue::Float(_) => is_type("number", schema),
        DeValue::Boolean(_) => is_type("boolean", schema),
        DeValue::Datetime(date) => is_date && date.date.is_some() && date.time.is_none(),
        DeValue::Array(_) => is_type("array", schema),
        DeValue::Table(_) => is_type("object", schema),
    }
}

/// True if a schema, or a branch of it, allows the type with that JSON name.
pub(super) fn is_type(name: &str, schema: &Value) -> bool {
    let mut branches = schema["anyOf"].as_array().into_iter().flatten();
    schema["type"] == name
        || texts(&schema["type"]).any(|one| one == name)
        || branches.any(|branch| is_type(name, branch))
}

/// The type of a value in words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(at) => match (at.date, at.time) {
            (Some(_), Some(_)) => "a date with a time",
            (Some(_), None) => "a date without quotes",
            _ => "a time without quotes",
        },
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
