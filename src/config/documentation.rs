//! The tables of keys in `docs/configuration.md`, derived from the schemas.

use std::fmt::Write as _;

use expect_test::expect_file;
use serde_json::Value;

use super::schema::{SchemaKind, marked};
use super::types::is;
use super::validate::texts;

/// The tables are generated from this line on.
const MARK: &str =
    "<!-- From here on generated: UPDATE_EXPECT=1 cargo test -p nines config::documentation -->\n";

#[test]
fn the_documentation_lists_every_key_with_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let file = std::fs::read_to_string(path).unwrap_or_default();
    let (by_hand, _) = file.split_once(MARK).unwrap_or((&file, ""));
    let mut text = format!("{by_hand}{MARK}");
    for (name, kind) in [
        ("`nines.toml`", SchemaKind::Service),
        ("`systems/*.toml`", SchemaKind::System),
        ("`policies/*.toml`", SchemaKind::Policy),
    ] {
        let _ = writeln!(text, "\n## Keys of {name}");
        section(&mut text, None, marked(kind));
    }
    expect_file![path].assert_eq(&text);
}

/// The keys of one table, then the tables within it.
fn section(text: &mut String, title: Option<&str>, schema: &Value) {
    if let Some(title) = title {
        let _ = writeln!(text, "\n### {title}");
    }
    if let Some(description) = schema["description"].as_str() {
        let _ = writeln!(text, "\n{}", one_line(description));
    }
    let properties = || schema["properties"].as_object().into_iter().flatten();
    let _ = writeln!(
        text,
        "\n| key | value | default | meaning |\n| --- | --- | --- | --- |"
    );
    for (key, value) in properties() {
        let description = one_line(value["description"].as_str().unwrap_or_default());
        let (meaning, default) = match description.split_once(" Default: ") {
            Some((meaning, default)) => (meaning, default.trim_end_matches('.')),
            None if texts(&schema["required"]).any(|required| required == key) => {
                (description.as_str(), "required")
            }
            None => (description.as_str(), "none"),
        };
        let range = match (value["minimum"].as_i64(), value["maximum"].as_i64()) {
            (Some(least), Some(most)) => format!(" from {least} to {most}"),
            _ => String::new(),
        };
        let value = is(value);
        let _ = writeln!(text, "| `{key}` | {value}{range} | {default} | {meaning} |");
    }
    let within = title.unwrap_or_default();
    let within = within.replacen("An entry", "an entry", 1);
    for (key, value) in properties() {
        let entry = || format!("An entry of `{key}`, within {within}");
        let (header, inner) = match value["type"].as_str() {
            Some("array") if title.is_none() => (format!("`[[{key}]]`"), &value["items"]),
            Some("array") => (entry(), &value["items"]),
            _ if title.is_none() => (format!("`[{key}]`"), value),
            _ if value["additionalProperties"]["properties"].is_object() => {
                (entry(), &value["additionalProperties"])
            }
            _ => (format!("`{key}`, within {within}"), value),
        };
        for table in [inner].into_iter().chain(branches(inner)) {
            let kind = table["properties"]["kind"]["const"].as_str();
            let header = match kind {
                Some(kind) => format!("{header} of kind `{kind}`"),
                None => header.clone(),
            };
            if table["properties"].is_object() {
                section(text, Some(&header), table);
            }
        }
    }
}

fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    let all = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    all.into_iter().flatten()
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
