//! With `--json` every command prints one JSON document.

use serde_json::Value;

use crate::support::program::{append, configure, ends, err, json, out, rehearsed};

#[test]
fn json_is_one_document_whatever_the_answer_is() {
    let folder = rehearsed();
    let folder = folder.path();
    configure(folder);
    let config = ["--config", "nines.toml", "--json"];
    let json = |line: &[&str], code| -> Value {
        let run = ends(folder, &[line, &config].concat(), code);
        serde_json::from_slice(&run.stdout).unwrap()
    };
    assert_eq!(json(&["check"], 0)["systems"], 1);
    // Nothing listens there.
    let probes = json(&["probe", "portal"], 1);
    assert_eq!(probes[0]["probe"], "portal/port");
    assert_eq!(probes[0]["reason"], "refused");
    assert!(json(&["probe", "nobody"], 2)["error"].is_string());
    assert!(json(&["incident", "ack", "I-99"], 1)["refused"].is_string());
    assert!(json(&["incident", "show", "I-99"], 1)["error"].is_string());
    assert!(json(&["reload"], 3)["error"].is_string());
    assert_eq!(json(&["report", "2026-10"], 0)["month"], "2026-10");
    assert_eq!(json(&["verify"], 0)["faults"], serde_json::json!([]));
    assert_eq!(json(&["status"], 1)["systems"][0]["system"], "portal");
    assert!(json(&["incident", "list"], 0)[0]["opened"].is_string());
    assert_eq!(json(&["notice", "list"], 0)[0]["kind"], "downtime");
    assert!(json(&["notice", "preview", "downtime"], 0)["subject"].is_string());
    for (kind, key) in [
        ("service", "listen"),
        ("system", "probe"),
        ("policy", "min_coverage"),
    ] {
        let schema = json(&["schema", kind], 0);
        let has = |key: &str| schema["properties"][key].is_object();
        assert!(has(key), "{schema}");
        // And is no other's.
        let all = ["listen", "probe", "min_coverage"];
        assert_eq!(
            all.into_iter().filter(|key| has(key)).count(),
            1,
            "{schema}"
        );
    }
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    let mistake = &json(&["check"], 2)["mistakes"][0];
    assert_eq!(mistake["file"], "./systems/portal.toml");
    assert_eq!(mistake["line"], 12);
    let run = ends(folder, &["check", "--config", "nines.toml"], 2);
    assert!(
        err(&run).ends_with("1 mistake in 1 file\n"),
        "{}",
        err(&run)
    );
}

#[test]
fn wrong_words_and_a_written_file_are_one_document_too() {
    let folder = rehearsed();
    let folder = folder.path();
    let said = json(folder, &["incident", "acknowledge", "I-1"], 2);
    let why = said["error"].as_str().unwrap();
    assert!(
        why.starts_with("unrecognized subcommand 'acknowledge'"),
        "{why}"
    );
    assert!(!why.contains("Usage"), "{why}");
    let said = json(folder, &["report", "October"], 2);
    assert!(said["error"].as_str().unwrap().contains("October"));
    // Nobody asked for JSON there, and help is no mistake.
    assert_eq!(out(&ends(folder, &["nonsense"], 2)), "");
    assert!(out(&ends(folder, &["status", "--help", "--json"], 0)).contains("Usage"));
    let report = [
        "report",
        "2026-10",
        "--data",
        "data",
        "--out",
        "october.json",
    ];
    let said = json(folder, &report, 0);
    let written = std::fs::read(folder.join("october.json")).unwrap();
    assert_eq!(said["written"], "october.json");
    assert_eq!(said["bytes"], written.len());
    assert_eq!(said["month"], "2026-10");
    let report: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(said["committee"], report["committee"]);
}
