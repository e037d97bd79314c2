//! The document of the API, and the acts of the wire beside those of the domain.

use std::collections::BTreeSet;

use domain::act::Act;
use expect_test::expect_file;
use serde_json::{Value, json};

use super::{openapi, wire};

#[test]
fn the_document_in_the_docs_is_the_one_that_is_served() {
    let document = openapi::document().to_pretty_json().unwrap() + "\n";
    expect_file!["../../../docs/openapi.json"].assert_eq(&document);
}

/// The words of `do` that a type knows, from its own error message.
fn words<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!({ "do": "?" })).err();
    let error = error.unwrap().to_string();
    let known = error.split("expected one of ").nth(1).unwrap();
    let known = known.split(" at line").next().unwrap();
    known
        .split(", ")
        .map(|w| w.trim_matches('`').to_owned())
        .collect()
}

#[test]
fn every_act_of_the_domain_is_an_act_of_the_api() {
    assert!(words::<Act>().len() > 20);
    assert_eq!(words::<wire::Act>(), words::<Act>());
}

/// An example of a value, from its schema.
fn example(schema: &Value) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap().to_owned(),
        Value::String(kind) => kind.clone(),
        other => panic!("{other} in {schema}"),
    };
    match (kind.as_str(), schema["format"].as_str()) {
        ("string", Some("date-time")) => json!("2026-11-30T03:11:00Z"),
        ("string", Some("date")) => json!("2026-11-30"),
        ("string", _) => json!("x"),
        ("integer", _) => json!(7),
        ("boolean", _) => json!(true),
        ("array", _) if schema["items"]["$ref"].is_string() => json!([]),
        ("array", _) => json!([example(&schema["items"])]),
        other => panic!("{other:?} in {schema}"),
    }
}

/// Values that the domain reads more strictly than as a text.
fn stricter(key: &str) -> Option<Value> {
    Some(match key {
        "certainty" => json!("suspected"),
        "phase" => json!("identified"),
        "request" => json!("problem"),
        "component" => json!("minor"),
        "flags" => json!(["security"]),
        "month" => json!("2026-10"),
        "outage" => json!("O-1"),
        "notice" => json!("N-1"),
        "incident" | "into" => json!("I-1"),
        _ => return None,
    })
}

#[test]
fn each_act_of_the_document_is_read_by_the_domain_with_all_its_keys_and_with_the_required_ones() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let acts = &document["components"]["schemas"]["Act"]["oneOf"];
    let acts = acts.as_array().unwrap();
    assert_eq!(acts.len(), words::<Act>().len());
    for schema in acts {
        let required = schema["required"].as_array().unwrap();
        let is_required = |key: &str| required.iter().any(|r| r == key);
        let keys = schema["properties"].as_object().unwrap();
        let values = keys.iter().filter(|(key, _)| *key != "import");
        let values = values.map(|(key, schema)| {
            let value = stricter(key).unwrap_or_else(|| example(schema));
            (key.clone(), value)
        });
        let all: serde_json::Map<String, Value> = values.collect();
        let mut least = all.clone();
        least.retain(|key, _| is_required(key));
        for written in [all, least.clone()] {
            let written = Value::Object(written);
            let read: wire::Act = serde_json::from_value(written.clone())
                .unwrap_or_else(|error| panic!("{written}: {error}"));
            let passed_on = serde_json::to_value(&read).unwrap();
            let act: Act = serde_json::from_value(passed_on)
                .unwrap_or_else(|error| panic!("{written}: {error}"));
            // The domain means the same: nothing was lost on the way.
            let back = serde_json::to_value(&act).unwrap();
            for (key, value) in written.as_object().unwrap() {
                assert_eq!(&back[key], value, "{key} of {written}");
            }
        }
        for key in least.keys() {
            let mut without = least.clone();
            without.remove(key);
            let without = Value::Object(without);
            let read = serde_json::from_value::<wire::Act>(without.clone());
            assert!(read.is_err(), "{key} is required: {without}");
        }
    }
}

#[test]
fn an_act_that_the_command_line_writes_is_an_act_of_the_api() {
    let act: Act = serde_json::from_value(json!({
        "do": "schedule_maintenance", "id": "disk", "systems": ["portal"], "title": "Disk",
        "start": "2026-12-06T21:00:00Z", "end": "2026-12-06T22:00:00Z",
    }))
    .unwrap();
    let written = serde_json::to_value(&act).unwrap();
    let read: wire::Act = serde_json::from_value(written.clone()).unwrap();
    let back: Act = serde_json::from_value(serde_json::to_value(&read).unwrap()).unwrap();
    assert_eq!(back, act);
}
