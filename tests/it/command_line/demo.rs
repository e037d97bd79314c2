//! `nines demo` is for people: it prints no JSON and ends when its reader has gone.

use std::process::Stdio;

use serde_json::Value;

use crate::support::program::{ends, within_a_minute, words};

#[test]
fn the_demo_is_for_people_and_ends_with_its_last_reader() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refused = ends(folder, &["demo", "--json"], 2);
    let told: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(told["error"].as_str().unwrap().contains("no JSON"));
    let mut demo = words(folder, &["demo", "--dir", "demo"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(demo.stdout.take());
    let ended = within_a_minute(|| demo.try_wait().unwrap());
    let _ = demo.kill();
    assert!(ended.is_some(), "the demo goes on");
    let log = std::fs::read_to_string(folder.join("demo/nines.log")).unwrap();
    assert!(log.contains("stopped"), "in order: {log}");
}
