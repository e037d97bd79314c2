//! The types of values: whether one fits a schema, and what each is called in a message.

use serde_json::Value;
use toml::de::DeValue;

use super::near::{list, shown};
use super::walk::texts;

/// A key, or an entry of a list (`key[]`), as the subject of a message.
pub(super) fn named(key: &str) -> String {
    match key.strip_suffix("[]") {
        Some(list) => format!("an entry of `{list}`"),
        None => format!("`{}`", shown(key)),
    }
}

/// What a value is, with an example.
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

/// Whether a value has the type, whatever its content.
pub(super) fn fits(value: &DeValue<'_>, schema: &Value) -> bool {
    if let Some(branches) = schema["anyOf"].as_array() {
        return branches.iter().any(|branch| fits(value, branch));
    }
    let date = schema["format"] == "date";
    match value {
        DeValue::String(_) => schema["type"] == "string" && !date,
        DeValue::Integer(_) => schema["type"] == "integer",
        DeValue::Float(_) => schema["type"] == "number",
        DeValue::Boolean(_) => schema["type"] == "boolean",
        DeValue::Datetime(when) => {
            date && when.date.is_some() && when.time.is_none() && when.offset.is_none()
        }
        DeValue::Array(_) => schema["type"] == "array",
        DeValue::Table(_) => schema["type"] == "object",
    }
}

/// Whether a schema allows a type by its JSON name.
pub(super) fn fits_type(name: &str, schema: &Value) -> bool {
    schema["type"] == name
        || schema["anyOf"]
            .as_array()
            .is_some_and(|all| all.iter().any(|s| s["type"] == name))
}

/// What a value is.
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
