//! What people do on the command line with a ledger whose service is stopped: here that of a rehearsal.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::played::{play_into, system};

fn nines(data: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nines"))
        .args(words)
        .arg("--data")
        .arg(data)
        .current_dir(data)
        .output()
        .unwrap()
}

fn status(run: &Output) -> Option<i32> {
    eprintln!("{}", String::from_utf8_lossy(&run.stderr));
    run.status.code()
}

#[test]
fn a_rehearsals_ledger_verifies_and_gives_its_reports_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let summary = play_into("plain-outage", out);
    assert_eq!(status(&nines(out, &["verify", "--replay"])), Some(0));
    for format in ["json", "html", "md", "csv"] {
        let run = nines(out, &["report", "2026-10", "--format", format]);
        assert_eq!(status(&run), Some(0));
        let written = out.join(format!("reports/operations-2026-10.{format}"));
        assert!(
            run.stdout == std::fs::read(written).unwrap(),
            "{format} differs"
        );
    }
    // Reading changed nothing.
    let run = nines(out, &["report", "2026-10", "--format", "json"]);
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["ledger"]["head"], summary.head.hash);
}

#[test]
fn people_act_on_a_stopped_ledger_and_one_person_is_not_two() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let summary = play_into("plain-outage", out);
    let report = || -> Value {
        let run = nines(out, &["report", "2026-10", "--format", "json"]);
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let words = [
        "incident",
        "review",
        "portal",
        "--summary",
        "The disk of the portal was full.",
        "--by",
        "ann",
    ];
    assert_eq!(status(&nines(out, &words)), Some(0));
    let reviewed = report();
    let incident = &reviewed["incidents"][0];
    assert_eq!(incident["summary"], "The disk of the portal was full.");
    // What was left out stays as it was.
    assert_eq!(incident["root_cause"], "A full disk.");
    assert_eq!(reviewed["ledger"]["seq"], summary.head.seq + 1);
    // A span of the portal shall be unknown, from 02:20 to 02:30 of its outage.
    let fault = |second: &str| {
        let words = [
            "incident",
            "fault",
            "portal",
            "--from",
            "2026-10-07T02:20:00-04:00",
            "--to",
            "2026-10-07T02:30:00-04:00",
            "--evidence",
            "the probe's password had expired",
            "--approved-by",
            second,
            "--by",
            "ann",
        ];
        nines(out, &words)
    };
    assert_eq!(status(&fault("ann")), Some(1));
    assert_eq!(report(), reviewed);
    assert_eq!(status(&fault("bob")), Some(0));
    let corrected = report();
    let portal = system(&corrected, "portal");
    assert_eq!(portal["unknown_s"], 11 + 600);
    assert_eq!(portal["unplanned_s"], 2_280 - 600);
    assert_eq!(status(&nines(out, &["verify", "--replay"])), Some(0));
}

#[test]
fn an_exclusion_that_one_person_asks_for_says_that_it_has_no_effect_yet() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let summary = play_into("plain-outage", out);
    let report = || -> Value {
        let run = nines(out, &["report", "2026-10", "--format", "json"]);
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let outage = report()["outages"][0]["outage"].clone();
    let exclude = |more: &[&str]| {
        let words = [
            "incident",
            "exclude",
            outage.as_str().unwrap(),
            "--from",
            "2026-10-07T02:20:00-04:00",
            "--to",
            "2026-10-07T02:30:00-04:00",
            "--reason",
            "the customer's own line",
            "--evidence",
            "ticket 17",
            "--by",
            "ann",
        ];
        let run = nines(out, &[&words[..], more].concat());
        assert_eq!(status(&run), Some(0));
        String::from_utf8(run.stdout).unwrap()
    };
    let said = exclude(&[]);
    assert!(said.contains("without effect"), "{said}");
    assert_eq!(system(&report(), "portal")["excluded_s"], 0);
    let said = exclude(&["--approved-by", "bob"]);
    assert!(!said.contains("without effect"), "{said}");
    let approved = report();
    assert_eq!(system(&approved, "portal")["excluded_s"], 600);
    // The same span, asked for twice and approved once, is one line.
    let lines = approved["outages"][0]["exclusions"].as_array().unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["approved_by"], "bob");
    assert_eq!(approved["ledger"]["seq"], summary.head.seq + 2);
}

#[test]
fn an_earlier_report_can_be_computed_again_when_the_ledger_has_gone_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let summary = play_into("plain-outage", out);
    let seq = summary.head.seq.to_string();
    let done = ["incident", "done", "portal", "1", "--note", "ticket 12"];
    assert_eq!(status(&nines(out, &done)), Some(0));
    for format in ["json", "html", "md", "csv"] {
        let words = ["report", "2026-10", "--format", format];
        let now = nines(out, &words);
        let then = nines(out, &[&words[..], &["--seq", &seq]].concat());
        assert_eq!((status(&now), status(&then)), (Some(0), Some(0)));
        let written = out.join(format!("reports/operations-2026-10.{format}"));
        assert!(
            then.stdout == std::fs::read(written).unwrap(),
            "{format} differs"
        );
        assert!(
            now.stdout != then.stdout,
            "{format} does not tell them apart"
        );
    }
    let beyond = nines(out, &["report", "2026-10", "--seq", "1000000"]);
    assert_eq!(status(&beyond), Some(1));
    let why = String::from_utf8_lossy(&beyond.stderr);
    let end = summary.head.seq + 1;
    assert!(
        why.contains(&format!("the ledger ends with event {end}")),
        "{why}"
    );
}

#[test]
fn an_earlier_time_takes_a_second_person_and_shows_both_times() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("plain-outage", out);
    let ack = [
        "incident",
        "ack",
        "portal",
        "--at",
        "2026-10-07T02:18:00-04:00",
        "--by",
        "ann",
    ];
    // The words alone are not enough: they ask for the second person.
    assert_eq!(status(&nines(out, &ack)), Some(2));
    let alone = nines(out, &[&ack[..], &["--approved-by", "Ann"]].concat());
    assert_eq!(status(&alone), Some(1));
    let both = nines(out, &[&ack[..], &["--approved-by", "bob"]].concat());
    assert_eq!(status(&both), Some(0));
    let shown = nines(out, &["incident", "show", "portal"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("acknowledged: 2026-10-07 06:18:00Z by ann (recorded "),
        "{shown}"
    );
    assert!(shown.contains("approved by bob)"), "{shown}");
    let run = nines(out, &["report", "2026-10", "--format", "json"]);
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let incident = &report["incidents"][0];
    assert_eq!(incident["acknowledged"], "2026-10-07T02:18:00-04:00");
    assert_eq!(incident["acknowledged_approved_by"], "bob");
}
