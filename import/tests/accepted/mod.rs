//! Checks that Nines accepts what an import wrote.

use std::time::Duration;

use import::{Imported, System};

/// Every written probe is one that Nines takes.
pub fn check(imported: &Imported) {
    for system in &imported.systems {
        let mistakes = mistakes(system);
        assert!(mistakes.is_empty(), "{}: {mistakes:?}", system.text);
    }
}

/// Prepares the written probe as a configuration does, with every variable of the environment set.
pub fn mistakes(system: &System) -> Vec<(String, String)> {
    probes::install_crypto();
    let environment = values::Environment {
        variable: &|_| Some("a secret".to_owned()),
        file: &|_| Err("there are no files here".to_owned()),
        proxy_from_environment: false,
        commands: &[],
        reach: &values::reach::BUILT_IN,
    };
    let file: toml::Table = system.text.parse().unwrap();
    let written = file["probe"][0].as_table().unwrap();
    assert_eq!(*written, system.probe, "the text holds what was imported");
    let mut keys = written.clone();
    let kind = keys.remove("kind").unwrap();
    // The configuration itself reads heartbeats.
    if kind.as_str() == Some("heartbeat") {
        return Vec::new();
    }
    for common in [
        "name",
        "interval",
        "timeout",
        "failures",
        "recoveries",
        "retry_interval",
    ] {
        keys.remove(common);
    }
    let prepared = probes::prepare(
        kind.as_str().unwrap(),
        &keys.to_string(),
        Duration::from_secs(10),
        environment,
    );
    prepared.err().unwrap_or_default()
}
