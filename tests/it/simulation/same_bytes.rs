//! Same scenario and seed, same bytes: on a machine in another zone, language, home and folder, and
//! on any other day.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::rehearsal::{files, play, scenarios};

/// The results of `plain-outage` when this test was written: the ledger's head, and the SHA-256 of
/// a file of each kind. To be written anew, and said in CHANGELOG.md, where a template, a format,
/// the stored form of an event, the scenario or the bundled time zone database is changed on
/// purpose (the ledger names the database, every report names the head); never because the day, the
/// place or the machine is another.
const PINNED: [(&str, &str); 8] = [
    (
        "head",
        "be845aa23ce40148b18a02cd299033c88a2c510d683e5048e5e41c5b049f6551",
    ),
    (
        "timeline.jsonl",
        "4cfc130bc2a43df52a5c6aab3cd8b5f02767012ba6d0d0dfae86593903fd9d04",
    ),
    (
        "notices.jsonl",
        "d5a114a02f7438dadecf2e382de78e57013c94219c280d72a0652807a3b25f78",
    ),
    (
        "reports/operations-2026-10.json",
        "a0ac40eec16bd56de8515fe9304726c09348e29e9010ae4925b507a848a8d762",
    ),
    (
        "reports/operations-2026-10.html",
        "7395188615fe381fe0fdc318d6d3f508ff23a4cc60f6d002d365038f07ab1ff7",
    ),
    (
        "reports/operations-2026-10.md",
        "3bb227f10f26752ae7e9f26401b098f3803a1465e5635d711fd6e2112b3f4c81",
    ),
    (
        "reports/operations-2026-10.csv",
        "fc847ab63bea16fa25d6a7c9a0f0104288df53314d8f943ca70cefa192a96f1c",
    ),
    (
        "notices/",
        "630ea1dd09f021b4bb78775ac92eff4eb15f6568893954c585788f104ad145e3",
    ),
];

/// Copies what a scenario reads, so that it lies in another folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Plays with the program itself; where the ledger stood, and the files.
fn rehearse(
    scenario: &Path,
    cwd: &Path,
    out: &str,
    home: &str,
    zone: &str,
    language: &str,
) -> (Value, BTreeMap<PathBuf, Vec<u8>>) {
    let run = Command::new(env!("CARGO_BIN_EXE_nines"))
        .args(["simulate", "--json", "--out", out])
        .arg(scenario)
        .current_dir(cwd)
        .env("TZ", zone)
        .env("LANG", language)
        .env("LC_ALL", language)
        .env("HOME", cwd.join(home))
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let said: Value = serde_json::from_slice(&run.stdout).unwrap();
    (said["head"].clone(), files(&cwd.join(out)))
}

/// Both runs of a scenario agree in everything.
fn agree(name: &str) {
    let here = tempfile::tempdir().unwrap();
    let there = tempfile::tempdir().unwrap();
    let elsewhere = there.path().join("a folder/of another name");
    copy(&scenarios(), &elsewhere);
    let scenario = scenarios().join(name).join("scenario.toml");
    let one = rehearse(&scenario, here.path(), "out", "one", "UTC", "C");
    let two = rehearse(
        &Path::new(name).join("scenario.toml"),
        &elsewhere,
        "some/where else",
        "two",
        "Pacific/Auckland",
        "tr_TR.UTF-8",
    );
    assert_eq!(one.0, two.0);
    assert_eq!(one.0.as_str().unwrap().len(), 64);
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one.1), names(&two.1));
    for (file, bytes) in &one.1 {
        assert!(two.1[file] == *bytes, "{} differs", file.display());
    }
    let ends = |suffix: &str| {
        let has = |file: &&PathBuf| file.to_string_lossy().ends_with(suffix);
        one.1.keys().filter(has).count()
    };
    assert!(ends(".eml") > 0 && ends(".html") > 0 && ends(".json") > 0);
}

#[test]
fn windows_of_every_kind_give_the_same_bytes_elsewhere() {
    agree("windows");
}

#[test]
fn a_monitor_that_was_away_gives_the_same_bytes_elsewhere() {
    agree("absence");
}

#[test]
fn a_scenario_gives_the_bytes_that_it_gave_on_another_day() {
    let played = play("plain-outage");
    let sum = |bytes: &[u8]| -> String {
        let digest = Sha256::digest(bytes);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let found = PINNED.map(|(name, _)| {
        let is = match name {
            "head" => played.summary.head.hash.clone(),
            // Every message, one after the other.
            "notices/" => sum(played.messages().concat().as_bytes()),
            file => sum(played.file(file)),
        };
        (name, is)
    });
    let pinned = PINNED.map(|(name, is)| (name, is.to_owned()));
    assert_eq!(found, pinned);
}
