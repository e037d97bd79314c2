//! Every figure of a report can be followed back to its formula, its numbers and the facts behind
//! them. `tests/peers/explain.py` computes each figure again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::program::{ends, err, json, out};
use crate::support::rehearsal::{list, play_into, text};

/// The keys that name an entry of a list. An outage has a system and an incident too.
const IDS: [&str; 7] = [
    "outage", "window", "incident", "date", "month", "probe", "system",
];

fn is_number(key: &str, value: &Value) -> bool {
    let percentage =
        key.contains("availability") || ["coverage", "target", "target_exact"].contains(&key);
    value.is_number() || percentage
}

/// Every numeric key: its path, with ids in place of list positions, and its value.
fn numbers(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(all) => {
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            let name = |(place, item): (usize, &Value)| {
                let id = IDS.iter().find_map(|id| item.get(*id)?.as_str());
                let Some(id) = id else {
                    return place.to_string();
                };
                let times = seen.entry(id.to_owned()).or_default();
                *times += 1;
                match *times {
                    1 => id.to_owned(),
                    n => format!("{id}#{n}"),
                }
            };
            let names: Vec<String> = all.iter().enumerate().map(name).collect();
            names.into_iter().zip(all).collect()
        }
        _ => return,
    };
    for (key, item) in entries {
        if is_number(&key, item) {
            found.push((below(&key), item.clone()));
        } else {
            numbers(item, &below(&key), found);
        }
    }
}

fn explained(folder: &Path, report: &Value) -> BTreeMap<String, Value> {
    let seq = report["ledger"]["seq"].to_string();
    let line = [
        "explain",
        text(&report["month"]),
        "--committee",
        text(&report["committee"]),
        "--data",
        ".",
        "--seq",
        &seq,
    ];
    let answer = json(folder, &line, 0);
    let figures = list(&answer["figures"]).iter();
    figures
        .map(|f| (text(&f["key"]).to_owned(), f.clone()))
        .collect()
}

#[test]
fn every_numeric_key_of_a_report_has_an_explanation_with_its_value() {
    // A report with all kinds of entries, and one with an approval and a revision.
    for (scenario, reports) in [
        ("hard-month", &["operations-2026-10"][..]),
        (
            "approval",
            &["operations-2026-10-final", "operations-2026-10-revision-1"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        if scenario == "approval" {
            let scenario = crate::support::rehearsal::scenarios().join("approval/scenario.toml");
            nines::simulate::run(&scenario, folder, &mut |_, _| {}).unwrap();
        } else {
            play_into(scenario, folder);
        }
        for name in reports {
            let path = folder.join(format!("reports/{name}.json"));
            let report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let known = explained(folder, &report);
            let mut all = Vec::new();
            numbers(&report, "", &mut all);
            assert!(all.len() > 200, "{name} has {} figures", all.len());
            for (key, value) in all {
                let explanation = known.get(&key);
                let explanation = explanation.unwrap_or_else(|| panic!("{name}: {key}"));
                assert_eq!(explanation["value"], value, "{name}: {key}");
                let names = explanation["numbers"].as_object().unwrap();
                assert!(!names.is_empty(), "{name}: {key}");
                let missing = names.values().any(Value::is_null);
                assert!(!missing || value.is_null(), "{name}: {key} {names:?}");
            }
        }
    }
}

/// The text in one line, without the breaks of its layout.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_explanation_names_the_formula_the_samples_the_window_the_notices_and_the_acts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    play_into("hard-month", folder);
    let explain = |words: &[&str]| {
        let line = [&["explain", "2026-10", "--data", "."], words].concat();
        flat(out(&ends(folder, &line, 0)))
    };
    let availability = explain(&["portal", "contract_availability"]);
    for wanted in [
        "Clinical Portal, Contract availability: 99.786 %",
        "= percent(1 - 5711 / (2678400 - 1189 - 0 - 2137)) = 99.786",
        // The probe of the portal starts 11.918 s after every full minute.
        "last good sample 2026-10-06 02:13:11 EDT (up)",
        "first bad sample 2026-10-06 02:14:11 EDT (down, refused)",
        "last bad sample 2026-10-06 02:51:11 EDT (down, refused)",
        "first good sample 2026-10-06 02:52:11 EDT (up)",
        "by portal/login-page, confirmed by three samples",
        "customers had to be told by 2026-10-16 03:00:00 EDT",
        "Mercy Medical Group: 2026-10-16 20:00:00 EDT, too late, notice N-",
        "in force since 2026-10-01 00:00:00 EDT, by simulate (event 2)",
        "2026-10-06 02:20:00 EDT on-call (event 31): Acknowledged I-1",
    ] {
        assert!(availability.contains(wanted), "{wanted}: {availability}");
    }
    // The whole key, and a key without its unit, find the same.
    assert_eq!(
        explain(&["systems.portal.contract_availability"]),
        availability
    );
    assert_eq!(
        explain(&["portal", "unplanned"]),
        explain(&["portal", "unplanned_s"])
    );
}

#[test]
fn a_wrong_name_gets_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    play_into("plain-outage", folder);
    for (words, wanted) in [
        (
            ["portal", "contract_availibility"],
            "did you mean `contract_availability`?",
        ),
        (["portl", "unplanned_s"], "did you mean `portal`?"),
    ] {
        let line = [&["explain", "2026-10", "--data", "."], &words[..]].concat();
        let refused = ends(folder, &line, 1);
        assert!(err(&refused).contains(wanted), "{}", err(&refused));
    }
}

#[test]
fn an_approved_report_is_explained_as_it_was_approved() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scenario = crate::support::rehearsal::scenarios().join("approval/scenario.toml");
    nines::simulate::run(&scenario, folder, &mut |_, _| {}).unwrap();
    let line = ["--committee", "operations", "--data", "."];
    let asked = [&["explain", "2026-10"], &line[..]].concat();
    let now = json(folder, &asked, 0);
    assert_eq!(now["status"], "final");
    assert_eq!(now["revision"], 2);
    let path = folder.join("reports/operations-2026-10-revision-2.json");
    let sent: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(now["ledger"], sent["ledger"]);
}
