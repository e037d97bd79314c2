//! Every key of every shipped file: misspelt, of the wrong type, left out.

use toml::de::{DeTable, DeValue};

use super::{Files, Reported};
use crate::config::schema::{SchemaKind, marked};
use serde_json::Value;

/// A key of a file, at any depth.
struct Key {
    name: String,
    /// The place of its name.
    at: std::ops::Range<usize>,
    /// The place of its value; of a headed table, nothing.
    value: Option<std::ops::Range<usize>>,
    /// True in an inline table.
    inline: bool,
    /// True if the writer chooses the key.
    free: bool,
    required: bool,
    /// The start of its table.
    table: usize,
}

fn kind_of(name: &str) -> SchemaKind {
    match name.split('/').next() {
        Some("systems") => SchemaKind::System,
        Some("policies") => SchemaKind::Policy,
        _ => SchemaKind::Service,
    }
}

/// All keys of a file.
fn keys(text: &str, kind: SchemaKind) -> Vec<Key> {
    let tree = DeTable::parse(text).unwrap();
    let mut all = Vec::new();
    collect(text, tree.get_ref(), 0, false, marked(kind), &mut all);
    all
}

fn collect(
    text: &str,
    table: &DeTable<'_>,
    start: usize,
    inline: bool,
    schema: &Value,
    all: &mut Vec<Key>,
) {
    let branches = schema["oneOf"].as_array();
    let kind = table.get("kind").and_then(|kind| kind.get_ref().as_str());
    let schema = branches
        .and_then(|all| {
            all.iter()
                .find(|b| b["properties"]["kind"]["const"].as_str() == kind)
        })
        .unwrap_or(schema);
    for (key, value) in table.iter() {
        let name = key.get_ref().to_string();
        let free = schema["properties"].is_null();
        let own = &schema["properties"][&name];
        let required = schema["required"]
            .as_array()
            .is_some_and(|all| all.iter().any(|r| *r == *name));
        // Headed by `[name]`, `[[name]]` or `[outer.name]`: the key is in brackets.
        let before = &text[..key.span().start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let headed = before[line_start..].starts_with('[') && !inline;
        all.push(Key {
            name,
            at: key.span(),
            value: (!headed).then(|| value.span()),
            inline,
            free,
            required,
            table: start,
        });
        match value.get_ref() {
            DeValue::Table(inner) => {
                let schema = match own.is_null() {
                    true => &schema["additionalProperties"],
                    false => table_of(own),
                };
                collect(text, inner, value.span().start, !headed, schema, all);
            }
            DeValue::Array(list) => {
                for item in list.iter() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        collect(text, inner, item.span().start, !headed, table_of(own), all);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The schema of the tables that a value is, or consists of.
fn table_of(schema: &Value) -> &Value {
    let branches = || schema["anyOf"].as_array().into_iter().flatten();
    if schema["properties"].is_object() || schema["oneOf"].is_array() {
        return schema;
    }
    if schema["items"].is_object() {
        return table_of(&schema["items"]);
    }
    let mut tables = branches().map(table_of);
    tables
        .find(|table| table["properties"].is_object())
        .unwrap_or(schema)
}

/// Keys of policies that other keys need, or that must not be left out for another reason that
/// `policies` tests.
const NEEDED: [&str; 11] = [
    "hours",
    "business",
    "severity",
    "severities",
    "when",
    "lowers_to",
    "state",
    "flag",
    "request",
    "prevents_access",
    "zone",
];

fn line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

fn with_piece(text: &str, at: &std::ops::Range<usize>, piece: &str) -> String {
    format!("{}{piece}{}", &text[..at.start], &text[at.end..])
}

/// Checks one change of every key of every file.
fn each(change: impl Fn(&str, &str, &Key) -> Option<(String, Option<(usize, String)>)>) -> usize {
    let shipped = Files::shipped();
    let mut checked = 0;
    for (name, text) in &shipped.0 {
        for key in keys(text, kind_of(name)) {
            let Some((changed, expected)) = change(name, text, &key) else {
                continue;
            };
            let reported = shipped.with(name, changed).reported();
            let place = format!(
                "{name}: `{}` of line {}",
                key.name,
                line(text, key.at.start)
            );
            match expected {
                None => assert_eq!(reported, Vec::<Reported>::new(), "{place}"),
                Some((line, part)) => {
                    let [(path, at, message)] = reported.as_slice() else {
                        panic!("{place} reported {reported:#?}")
                    };
                    assert_eq!((path, *at), (name, line), "{place}: {message}");
                    assert!(message.contains(&part), "{place}: {message} lacks {part}");
                }
            }
            checked += 1;
        }
    }
    checked
}

#[test]
fn the_shipped_files_are_good() {
    assert_eq!(Files::shipped().reported(), Vec::<Reported>::new());
}

#[test]
fn every_misspelt_key_is_reported_once_with_a_suggestion() {
    let checked = each(|_, text, key| {
        if key.free {
            return None;
        }
        let last = key.name.chars().last()?;
        let misspelt = format!("{}{last}", key.name);
        let expected = format!("unknown key `{misspelt}`, did you mean `{}`?", key.name);
        Some((
            with_piece(text, &key.at, &misspelt),
            Some((line(text, key.at.start), expected)),
        ))
    });
    assert!(checked > 100, "{checked}");
}

#[test]
fn every_key_with_its_first_letters_swapped_is_reported_once() {
    let checked = each(|_, text, key| {
        let letters: Vec<char> = key.name.chars().collect();
        if key.free || letters.len() < 3 || letters[0] == letters[1] {
            return None;
        }
        let mut swapped = letters;
        swapped.swap(0, 1);
        let misspelt: String = swapped.into_iter().collect();
        let expected = format!("unknown key `{misspelt}`, did you mean `{}`?", key.name);
        Some((
            with_piece(text, &key.at, &misspelt),
            Some((line(text, key.at.start), expected)),
        ))
    });
    assert!(checked > 100, "{checked}");
}

#[test]
fn every_value_of_the_wrong_type_is_reported_once() {
    let checked = each(|_, text, key| {
        // The wrong type is a list for a free text, else a fraction.
        let wrong = if key.free { "[]" } else { "3.5" };
        let expected = format!("`{}` is ", key.name);
        match &key.value {
            Some(value) => {
                let line = line(text, key.at.start);
                Some((with_piece(text, value, wrong), Some((line, expected))))
            }
            // Within the header of another table.
            None if key.name == "business" => None,
            None => {
                let changed = format!("{} = {wrong}\n{}", key.name, without(text, &key.name));
                Some((changed, Some((1, expected))))
            }
        }
    });
    assert!(checked > 100, "{checked}");
}

#[test]
fn every_required_key_left_out_is_reported_once() {
    let checked = each(|name, text, key| {
        if name.starts_with("policies") && NEEDED.contains(&key.name.as_str()) {
            return None;
        }
        let (changed, at) = match &key.value {
            Some(value) if key.inline => {
                let rest = text[value.end..].trim_start();
                let end = if rest.starts_with(',') {
                    text.len() - rest.len() + 1
                } else {
                    value.end
                };
                let before = if end == value.end {
                    text[..key.at.start].trim_end().trim_end_matches(',')
                } else {
                    &text[..key.at.start]
                };
                (format!("{before}{}", &text[end..]), line(text, key.table))
            }
            Some(value) => (
                with_piece(text, &(key.at.start..value.end), ""),
                line(text, key.table),
            ),
            None => (without(text, &key.name), 1),
        };
        // Two files name this contact, so each of them has a mistake without it.
        let is_on_call = text[..key.at.start].ends_with("\"on-call\"\n");
        if key.name == "contact" || (key.name == "email" && is_on_call) {
            return None;
        }
        // Reported by checks of meaning, because another key could stand in their place.
        let alternative = match key.name.as_str() {
            "days" => Some("lacks `days`"),
            "length" | "end" => Some("lacks `length`"),
            "email" => Some("lacks `email`"),
            "contacts" => Some("lacks `contacts`"),
            "mail" => Some("lacks `[mail]`"),
            _ => None,
        };
        let expected = match alternative {
            Some("lacks `[mail]`") => {
                let line = changed
                    .lines()
                    .position(|line| line == "[[customer]]")
                    .unwrap()
                    + 1;
                Some((line, "lacks `[mail]`".to_owned()))
            }
            Some(part) if !name.starts_with("policies") => Some((at, part.to_owned())),
            _ if key.required => Some((at, "lacks `".to_owned())),
            _ => None,
        };
        Some((changed, expected))
    });
    assert!(checked > 100, "{checked}");
}

/// The text without the tables headed by `name`, their lines left empty.
fn without(text: &str, name: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with('[') {
            let header = line.trim_matches(['[', ']']);
            inside = header.split('.').next() == Some(name);
        }
        if !inside {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}
