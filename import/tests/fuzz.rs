//! Changed files of other monitors: no import may panic, and no written key may be without effect. A changed name of a
//! host may be one that Nines refuses. `NINES_FUZZ_SECONDS` and
//! `NINES_FUZZ_SEED` work as for the probes.
#![allow(clippy::unwrap_used)] // A failed test may stop at once.

#[expect(dead_code, reason = "changed files may have mistakes")]
mod accepted;
#[path = "../../probes/tests/it/fuzz/mutations.rs"]
mod mutations;
#[path = "../../probes/tests/it/fuzz/run.rs"]
mod run;

use std::collections::BTreeSet;

use import::{Imported, blackbox, gatus, uptime_kuma_backup};
use run::fuzz;

const GATUS: &str = include_str!("gatus.yaml");
const MODULES: &str = include_str!("blackbox.yml");
const TARGETS: &str = include_str!("prometheus.yml");
const BACKUP: &str = include_str!("uptime_kuma.json");

fn check<E>(name: &str, file: &str, read: impl Fn(&str) -> Result<Imported, E>) {
    // Most systems are the same each time.
    let mut seen = BTreeSet::new();
    fuzz(name, &[file.as_bytes().to_vec()], |bytes| {
        let Ok(imported) = read(&String::from_utf8_lossy(&bytes)) else {
            return;
        };
        for system in imported.systems {
            if seen.insert(system.probe.to_string()) {
                for (at, why) in accepted::mistakes(&system) {
                    assert!(!why.contains("no effect"), "{at}: {why}");
                }
            }
        }
    });
}

#[test]
fn endpoints_of_gatus() {
    check("gatus", GATUS, |text| gatus(text, "operations"));
}

#[test]
fn modules_of_blackbox_exporter() {
    check("modules", MODULES, |text| {
        blackbox(text, TARGETS, "operations")
    });
}

#[test]
fn targets_of_prometheus() {
    check("targets", TARGETS, |text| {
        blackbox(MODULES, text, "operations")
    });
}

#[test]
fn a_backup_of_uptime_kuma() {
    check("backup", BACKUP, |text| {
        uptime_kuma_backup(text, "operations")
    });
}
