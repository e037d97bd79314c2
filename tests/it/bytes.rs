//! Same scenario and seed, same bytes: on a machine in another zone, language, home and folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::played::{files, scenarios};

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
