//! The log of a running service: one line a fact, of the right level, in the configured form.

use std::path::Path;

use serde_json::Value;

use crate::support::program::{Running, append, change, every_second, facts, log, says, shows};

/// Breaks the portal of a running service: nothing listens on the first port.
fn outage(folder: &Path, settings: &str, log_filter: &str) -> Running {
    every_second(folder);
    append(&folder.join("nines.toml"), settings);
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    let port = portal
        .lines()
        .find(|line| line.starts_with("port"))
        .unwrap();
    change(folder, port, "port = 1\nfailures = 1");
    let running = Running::start_with(folder, "NINES_LOG", log_filter);
    shows(folder, "portal", "down");
    says(folder, "outage-opened");
    running
}

#[test]
fn an_outage_is_a_warning_and_no_field_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let _running = outage(folder, "", "debug");
    let log = log(folder);
    let opened = log
        .lines()
        .find(|line| line.contains("outage-opened"))
        .unwrap();
    assert!(
        opened.contains(" WARN ") && opened.contains("subject=portal"),
        "{log}"
    );
    let started = log.lines().find(|line| line.contains(" started ")).unwrap();
    assert!(
        started.contains(" INFO ") && !started.contains("subject"),
        "{log}"
    );
    assert!(!log.contains("= ") && !log.contains("=\n"), "{log}");
    // Each event is one line.
    let lines = log.lines().filter(|line| line.contains(" seq=")).count();
    assert!(facts(folder).len() >= lines, "{log}");
}

#[test]
fn json_lines_have_the_fields_of_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = "\n[log]\nlevel = \"warn\"\nformat = \"json\"\n";
    let _running = outage(folder, settings, "debgu");
    let log = log(folder);
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |message: &str| {
        let found = lines.iter().find(|line| line["message"] == message);
        found.unwrap_or_else(|| panic!("{log}"))
    };
    let opened = of("outage-opened");
    assert_eq!(
        (&opened["level"], &opened["subject"]),
        (&"WARN".into(), &"portal".into())
    );
    // The level of the configuration counts, since the one of the environment is wrong.
    let wrong = "the environment variable NINES_LOG has no effect, and the level is warn: there is no \
                 level `debgu`, did you mean `debug`?";
    assert_eq!(of(wrong)["level"], "WARN");
    assert!(lines.iter().all(|line| line["level"] != "INFO"), "{log}");
    assert!(
        opened["seq"].is_u64() && opened["time"].is_string(),
        "{opened}"
    );
}
