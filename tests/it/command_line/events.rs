//! `nines events`: the ledger in plain sentences.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::rehearsal::play_into;

fn events(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nines"));
    command
        .arg("events")
        .args(words)
        .arg("--data")
        .arg(data)
        .current_dir(data);
    command
}

fn printed(data: &Path, words: &[&str]) -> Vec<String> {
    let run = events(data, words).output().unwrap();
    assert!(run.status.success(), "{run:?}");
    let text = String::from_utf8(run.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_event_is_one_line_in_the_services_zone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let summary = play_into("plain-outage", out);
    let all = printed(out, &[]);
    assert_eq!(all.len() as u64, summary.head.seq);
    let has = |part: &str| assert!(all.iter().any(|l| l.contains(part)), "{part}: {all:#?}");
    has("portal is DOWN since 02:14:11");
    has("portal is UP since 02:52:11: outage O-");
    assert!(all[0].starts_with("2026-"), "{}", all[0]);
    assert_eq!(printed(out, &["--limit", "2"]), all[all.len() - 2..]);
    let down = all.iter().position(|l| l.contains("is DOWN")).unwrap();
    let since = printed(out, &["--since", "2026-10-07T02:14:10-04:00"]);
    assert!(since.len() < all.len() && since.contains(&all[down]));
}

#[test]
fn json_lines_are_those_of_the_timeline_with_the_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("plain-outage", out);
    let timeline = std::fs::read_to_string(out.join("timeline.jsonl")).unwrap();
    let printed = printed(out, &["--json"]);
    assert_eq!(timeline.lines().count(), printed.len());
    for (line, printed) in timeline.lines().zip(&printed) {
        let mut found: Value = serde_json::from_str(printed).unwrap();
        let text = found.as_object_mut().unwrap().remove("text").unwrap();
        assert!(text.as_str().unwrap().ends_with('.'), "{text}");
        assert_eq!(found, serde_json::from_str::<Value>(line).unwrap());
    }
}

#[test]
fn a_new_event_is_printed_as_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("plain-outage", out);
    let mut following = events(out, &["--follow", "--limit", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    // The last event that was there already: from here on only new ones follow.
    lines.next().unwrap().unwrap();
    let words = ["incident", "review", "portal", "--summary", "A full disk."];
    let act = Command::new(env!("CARGO_BIN_EXE_nines"))
        .args(words)
        .args(["--by", "ann", "--data"])
        .arg(out)
        .output()
        .unwrap();
    assert!(act.status.success(), "{act:?}");
    let line = lines.next().unwrap().unwrap();
    assert!(
        line.contains("ann wrote the summary of incident I-"),
        "{line}"
    );
    following.kill().unwrap();
    following.wait().unwrap();
}
