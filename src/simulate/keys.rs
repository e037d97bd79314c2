//! The keys of an `[[act]]` table: which keys an act has is declared by the act itself ([`domain::act::Act`],
//! [`ServiceAction`]), and the form of a key here, since a key has one form in all acts.

use std::collections::BTreeSet;

use domain::act::Act;
use domain::incident::Phase;
use domain::policy::{Flag, Request};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use toml::Spanned;
use values::suggest::list;
use values::{FilePath, Id, Length, Line, Parsed, Percent, Seconds, Text};

use super::act::{NOT_PHI, ServiceAction, Written, is_of_service};
use super::formats::{Day, IncidentNumber, Instant, MonthText, NoticeNumber, OutageNumber};

/// An act as written. Its schema has a branch for each act.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct ActTable(pub Spanned<Written>);

/// The form of each key.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Forms {
    at: Parsed<Instant>,
    by: Parsed<Line>,
    #[schemars(rename = "do")]
    act: Parsed<Line>,
    incident: Parsed<IncidentNumber>,
    outage: Parsed<OutageNumber>,
    notice: Parsed<NoticeNumber>,
    system: Parsed<Id>,
    systems: Vec<Parsed<Id>>,
    customer: Parsed<Id>,
    committee: Parsed<Id>,
    id: Parsed<Id>,
    window: Parsed<Line>,
    month: Parsed<MonthText>,
    counts_from: Parsed<Instant>,
    from: Parsed<Instant>,
    to: Parsed<Instant>,
    start: Parsed<Instant>,
    end: Parsed<Instant>,
    max_downtime: Parsed<Seconds>,
    min_notice: Parsed<Seconds>,
    start_grace: Parsed<Seconds>,
    announce: Vec<Parsed<Seconds>>,
    down_for: Parsed<Length>,
    approved_by: Parsed<Line>,
    title: Parsed<Line>,
    summary: Parsed<Text>,
    root_cause: Parsed<Text>,
    #[schemars(with = "String", extend("enum" = ["unknown", "suspected", "confirmed"]))]
    certainty: String,
    resolution: Parsed<Text>,
    text: Parsed<Text>,
    public: bool,
    #[schemars(with = "String", extend("enum" = Phase::ALL.map(Phase::word)))]
    phase: String,
    measures: Vec<MeasureForms>,
    measure: Parsed<Text>,
    note: Parsed<Text>,
    without: Parsed<Text>,
    evidence: Parsed<Text>,
    reason: Parsed<Text>,
    not_phi: Parsed<Text>,
    impact: Parsed<Text>,
    #[schemars(rename = "override")]
    over: Parsed<Text>,
    how: Parsed<Text>,
    whom: Parsed<Line>,
    estimate: Parsed<Instant>,
    share: Parsed<Percent>,
    customers: Vec<Parsed<Id>>,
    flags: Vec<FlagForm>,
    prevents_access: bool,
    #[schemars(with = "String", extend("enum" = ["critical", "minor"]))]
    component: String,
    severity: Parsed<Line>,
    into: Parsed<IncidentNumber>,
    #[schemars(with = "String", extend("enum" = Request::ALL.map(Request::word)))]
    request: String,
    reporter: Parsed<Line>,
    received: Parsed<Instant>,
    phone: bool,
    confirmed_by: Parsed<Line>,
    as_of: u64,
    kill: bool,
    config: Parsed<FilePath>,
    policy: Parsed<Id>,
    file: Parsed<FilePath>,
}

/// A flag of an incident.
struct FlagForm;

impl JsonSchema for FlagForm {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Flag".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Flag::ALL.map(Flag::word) })
    }
}

/// A preventive measure.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct MeasureForms {
    text: Parsed<Text>,
    owner: Parsed<Line>,
    due: Parsed<Day>,
}

/// The keys that every act has and needs.
const COMMON: [&str; 3] = ["at", "by", "do"];

impl JsonSchema for ActTable {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Act".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms = Value::from(Forms::json_schema(generator));
        let forms = &forms["properties"];
        let mut branches = branches_of::<Act>(forms);
        branches.extend(branches_of::<ServiceAction>(forms));
        let names = branches
            .iter()
            .map(|branch| &branch["properties"]["do"]["const"]);
        let names: Vec<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
        let is = format!(
            "an act in quotes: {}",
            list(names.iter().map(String::as_str), "or")
        );
        for branch in &mut branches {
            branch["properties"]["do"]["x-is"] = is.as_str().into();
        }
        json_schema!({
            "type": "object", "oneOf": branches, "x-tag": { "key": "do", "what": "an act" },
        })
    }
}

/// A schema for each act of `A`. Serde names the acts and their keys when it refuses one that does not exist.
fn branches_of<A: DeserializeOwned>(forms: &Value) -> Vec<Value> {
    let acts = expected(&refusal::<A>(json!({ "do": "?" })));
    acts.iter().map(|act| branch::<A>(act, forms)).collect()
}

fn branch<A: DeserializeOwned>(act: &str, forms: &Value) -> Value {
    let own = expected(&refusal::<A>(json!({ "do": act, "?": 0 })));
    let confirms = (!is_of_service(act)).then_some(NOT_PHI);
    let properties: Map<String, Value> = own
        .iter()
        .map(String::as_str)
        .filter(|key| !(*key == "id" && own.iter().any(|key| key == "window")))
        .chain(COMMON)
        .chain(confirms)
        // The stored names of keys have no form here.
        .filter_map(|key| Some((key.to_owned(), forms.get(key)?.clone())))
        .collect();
    let required = required::<A>(act, forms);
    let required: BTreeSet<&str> = required
        .iter()
        .map(String::as_str)
        // A system stands for its incident or outage.
        .filter(|key| !(is_selector(key) && properties.contains_key("system")))
        .chain(COMMON)
        .collect();
    let mut branch = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        "x-owner": format!("`{act}`"),
    });
    branch["properties"]["do"]["const"] = act.into();
    branch
}

/// True for a key for which `system` may stand.
fn is_selector(key: &str) -> bool {
    matches!(key, "incident" | "outage")
}

/// The key for which `system` may stand in an act.
pub(super) fn selector_of(act: &str) -> Option<&'static str> {
    let own = expected(&refusal::<Act>(json!({ "do": act, "?": 0 })));
    let mut selectors = ["incident", "outage"].into_iter();
    selectors.find(|key| own.iter().any(|own| own == key))
}

/// The keys without which there is no such act.
fn required<A: DeserializeOwned>(act: &str, forms: &Value) -> Vec<String> {
    let mut table = json!({ "do": act });
    let mut found = Vec::new();
    while let Some(key) = missing(&refusal::<A>(table.clone())) {
        table[&key] = example(&forms[&key]);
        found.push(key);
        // A form that serde does not take would ask for the same key again and again.
        if found.len() > 32 {
            break;
        }
    }
    found
}

fn missing(refusal: &str) -> Option<String> {
    let key = refusal.strip_prefix("missing field `")?;
    Some(key.split('`').next()?.to_owned())
}

/// A value of that form.
fn example(form: &Value) -> Value {
    match form["type"].as_str() {
        Some("array") => json!([example(&form["items"])]),
        Some("integer") => json!(1),
        Some("boolean") => json!(true),
        _ if form["enum"].is_array() => form["enum"][0].clone(),
        _ => form["examples"][0].clone(),
    }
}

/// Serde's words; empty if it takes the act.
fn refusal<A: DeserializeOwned>(act: Value) -> String {
    let taken = serde_json::from_value::<A>(act);
    taken.map_or_else(|error| error.to_string(), |_| String::new())
}

/// The words that serde expected: "unknown field `x`, expected one of `a`, `b`".
fn expected(refusal: &str) -> Vec<String> {
    let (_, words) = refusal.split_once(", expected ").unwrap_or_default();
    let quoted = words.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of an act, those that it needs in capitals.
    fn keys(act: &str) -> String {
        let schema = crate::config::schema_of::<ActTable>("An act");
        let branches = schema["oneOf"].as_array().unwrap().iter();
        let mut own = branches.filter(|b| b["properties"]["do"]["const"] == act);
        let branch = own.next().unwrap();
        let required = branch["required"].as_array().unwrap();
        let keys = branch["properties"].as_object().unwrap().keys();
        let keys = keys.map(|key| match required.contains(&json!(key)) {
            true => key.to_uppercase(),
            false => key.clone(),
        });
        keys.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_acts_themselves_say_which_keys_they_have_and_need() {
        assert_eq!(
            keys("acknowledge"),
            "approved_by AT BY counts_from DO incident not_phi system"
        );
        assert_eq!(keys("cancel_maintenance"), "AT BY DO not_phi REASON WINDOW");
        assert_eq!(
            keys("schedule_maintenance"),
            "announce AT BY DO END ID impact max_downtime min_notice not_phi override START start_grace SYSTEMS TITLE"
        );
        assert_eq!(keys("restart"), "AT BY DO down_for kill");
        assert_eq!(keys("reload"), "AT BY CONFIG DO");
    }

    #[test]
    fn every_key_of_every_act_has_a_form() {
        let schema = crate::config::schema_of::<ActTable>("An act");
        let branches = schema["oneOf"].as_array().unwrap();
        assert_eq!(branches.len(), 32);
        let stored = [
            "max_downtime_s",
            "min_notice_s",
            "start_grace_s",
            "share_ppm",
            "announce_s",
            "override_reason",
            "figures",
            "import",
            "form",
        ];
        for branch in branches {
            let act = branch["properties"]["do"]["const"].as_str().unwrap();
            let keys = [
                expected(&refusal::<Act>(json!({ "do": act, "?": 0 }))),
                expected(&refusal::<ServiceAction>(json!({ "do": act, "?": 0 }))),
            ];
            // The wrong one of the two names all its acts.
            let keys = keys
                .iter()
                .flatten()
                .filter(|key| schema_has(branches, key));
            for key in keys {
                let is_id = key == "id" && act != "schedule_maintenance";
                let is_known = branch["properties"].get(key).is_some();
                assert!(
                    is_known || is_id || stored.contains(&key.as_str()),
                    "{act} {key}"
                );
            }
        }
    }

    fn schema_has(branches: &[Value], key: &str) -> bool {
        branches
            .iter()
            .all(|branch| branch["properties"]["do"]["const"] != key)
    }
}
