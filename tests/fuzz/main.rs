//! Changed files of configurations and scenarios: no mistake in them may cause a panic, and each says where it is.
//! `NINES_FUZZ_SECONDS` and `NINES_FUZZ_SEED` work as for the probes.
#![allow(clippy::unwrap_used)] // A failed test may stop at once.
#![allow(clippy::disallowed_methods)] // A crash while a test writes its input harms no user.

#[path = "../../probes/tests/it/fuzz/mutations.rs"]
mod mutations;
#[path = "../../probes/tests/it/fuzz/run.rs"]
mod run;

use std::path::{Path, PathBuf};

use nines::{config, simulate};
use run::fuzz;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder and below it that end so, in order.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A copy of a folder.
fn copied(from: &Path, to: &Path) {
    for path in files(from, "") {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(path, target).unwrap();
    }
}

/// Changes one kind of file of the example configuration and loads all of it.
fn configured(kind: &str, pattern: &str) {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("config");
    copied(&root().join("config"), &whole);
    let all = files(&whole, ".toml");
    let chosen: Vec<PathBuf> = all
        .into_iter()
        .filter(|path| path.to_string_lossy().contains(pattern))
        .collect();
    let corpus: Vec<Vec<u8>> = chosen.iter().map(|p| std::fs::read(p).unwrap()).collect();
    assert!(!corpus.is_empty());
    let place = &chosen[0];
    let first = corpus[0].clone();
    fuzz(kind, &corpus, |bytes| {
        std::fs::write(place, bytes).unwrap();
        if let Err(mistakes) = config::load(&whole.join("nines.toml")) {
            let said = mistakes.to_string();
            assert!(said.contains(".toml"), "no file is named: {said}");
        }
    });
    std::fs::write(place, first).unwrap();
    config::load(&whole.join("nines.toml")).unwrap();
}

#[test]
fn the_file_of_the_service() {
    configured("nines.toml", "config/nines.toml");
}

#[test]
fn files_of_systems() {
    configured("systems", "/systems/");
}

#[test]
fn files_of_policies() {
    configured("policies", "/policies/");
}

#[test]
fn files_of_scenarios() {
    let folder = tempfile::tempdir().unwrap();
    // A scenario names its configuration by a path from its own place.
    copied(
        &root().join("tests/scenarios/config"),
        &folder.path().join("config"),
    );
    let place = folder.path().join("plain/scenario.toml");
    std::fs::create_dir(place.parent().unwrap()).unwrap();
    let all = files(&root().join("tests/scenarios"), "scenario.toml");
    let corpus: Vec<Vec<u8>> = all.iter().map(|p| std::fs::read(p).unwrap()).collect();
    assert!(corpus.len() > 10);
    fuzz("scenarios", &corpus, |bytes| {
        std::fs::write(&place, bytes).unwrap();
        if let Err(mistakes) = simulate::Scenario::load(&place) {
            let said = mistakes.to_string();
            assert!(said.contains(".toml"), "no file is named: {said}");
        }
    });
}
