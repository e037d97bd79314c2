//! `nines demo` is for people: it prints no JSON and ends when its reader has gone.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::program::{ends, words};

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
    let began = Instant::now();
    while demo.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(60) {
            demo.kill().unwrap();
            panic!("it goes on for nobody");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let log = std::fs::read_to_string(folder.join("demo/nines.log")).unwrap();
    assert!(log.contains("stopped"), "in order: {log}");
}
