//! Acts on the command line while the service is stopped, on the ledger of a rehearsal.

use std::path::Path;
use std::process::{Command, Output};

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::rehearsal::{holds, list, play_into, system};

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

/// The JSON answer to an act of kim.
#[track_caller]
fn asked(data: &Path, words: &[&str]) -> Value {
    let run = nines(data, &[words, &["--by", "kim", "--json"]].concat());
    assert_eq!(status(&run), Some(0), "{words:?}");
    serde_json::from_slice(&run.stdout).unwrap()
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
    // Omitted texts do not change.
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
        shown.contains("acknowledged 2026-10-07 02:18:00 EDT by ann (recorded "),
        "{shown}"
    );
    assert!(shown.contains("approved by bob)"), "{shown}");
    let run = nines(out, &["report", "2026-10", "--format", "json"]);
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let incident = &report["incidents"][0];
    assert_eq!(incident["acknowledged"], "2026-10-07T02:18:00-04:00");
    assert_eq!(incident["acknowledged_approved_by"], "bob");
}

#[test]
fn a_window_is_scheduled_extended_told_and_cancelled_with_every_word_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("plain-outage", out);
    let now = nines::clock::now();
    let after = |hours: i64| (now + SignedDuration::from_hours(hours)).to_string();
    let (start, end, later) = (after(48), after(50), after(51));
    let words = [
        "maintenance",
        "schedule",
        "disks",
        "--system",
        "portal",
        "--system",
        "results",
        "--title",
        "New disks",
        "--impact",
        "Nobody can sign in",
        "--start",
        &start,
        "--end",
        &end,
        "--max-downtime",
        "10m",
        "--min-notice",
        "24h",
        "--start-grace",
        "90s",
    ];
    let scheduled = asked(out, &words)["events"][0].clone();
    holds(
        &scheduled,
        &[("kind", "window-scheduled".into()), ("by", "kim".into())],
    );
    let window = json!({
        "id": "disks", "systems": ["portal", "results"], "title": "New disks",
        "impact": "Nobody can sign in", "start": start, "end": end, "max_downtime_s": 600,
        "min_notice_s": 86_400, "start_grace_s": 90,
        "override_reason": null,
    });
    assert_eq!(scheduled["data"]["window"], window);
    let words = [
        "maintenance",
        "extend",
        "disks",
        "--end",
        &later,
        "--max-downtime",
        "15m",
        "--reason",
        "Two disks",
    ];
    let extended = asked(out, &words)["events"][0].clone();
    assert_eq!(extended["kind"], "window-changed");
    assert_eq!(extended["data"]["reason"], "Two disks");
    holds(
        &extended["data"]["window"],
        &[
            ("end", later.clone().into()),
            ("max_downtime_s", 900.into()),
        ],
    );
    let listed = || asked(out, &["maintenance", "list"]);
    let of_disks = |listed: &Value| {
        list(listed)
            .iter()
            .find(|w| w["window"] == "disks")
            .cloned()
    };
    holds(
        &of_disks(&listed()).unwrap(),
        &[
            ("end", later.into()),
            ("max_downtime_s", 900.into()),
            ("untold", json!(["lakeside", "st-elsewhere"])),
            ("earned", false.into()),
        ],
    );
    let told = ["maintenance", "told", "disks"];
    let by_phone = asked(out, &[&told[..], &["lakeside", "--how", "phone"]].concat());
    let word = &by_phone["events"][0]["data"];
    holds(
        word,
        &[("customer", "lakeside".into()), ("how", "phone".into())],
    );
    // Somebody had told them before it was written down; that takes a second person.
    let at = extended["at"].as_str().unwrap();
    let earlier = [&told[..], &["st-elsewhere", "--how", "fax", "--at", at]].concat();
    assert_eq!(status(&nines(out, &earlier)), Some(2));
    let earlier = asked(out, &[&earlier[..], &["--approved-by", "sam"]].concat());
    holds(
        &earlier["events"][0]["data"],
        &[("counts_from", at.into()), ("approved_by", "sam".into())],
    );
    holds(
        &of_disks(&listed()).unwrap(),
        &[("untold", json!([])), ("earned", true.into())],
    );
    let words = ["maintenance", "cancel", "disks", "--reason", "No disks"];
    let cancelled = asked(out, &words)["events"][0].clone();
    assert_eq!(cancelled["kind"], "window-cancelled");
    assert_eq!(cancelled["data"]["reason"], "No disks");
    holds(
        &of_disks(&listed()).unwrap(),
        &[("earned", false.into()), ("why", "cancelled".into())],
    );
}

#[test]
fn an_outage_is_declared_ended_and_its_incident_closed_without_its_texts() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("plain-outage", out);
    let report = || asked(out, &["report", "2026-10"]);
    // The receipt's event of a kind.
    let subject = |receipt: &Value, kind: &str| -> String {
        let event = list(&receipt["events"]).iter().find(|e| e["kind"] == kind);
        event.unwrap()["subject"].as_str().unwrap().to_owned()
    };
    let declare = |system: &str, more: &[&str]| {
        let words = ["incident", "declare", system, "--evidence", "Ticket 4411"];
        asked(out, &[&words[..], more].concat())
    };
    let span = |from: &str, to: &str| {
        let at = |time: &str| format!("2026-10-20T{time}:00-04:00");
        [("start", at(from).into()), ("end", at(to).into())]
    };
    let of = |id: &Value| {
        let report = report();
        let mut outages = list(&report["outages"]).iter();
        outages.find(|o| o["outage"] == *id).unwrap().clone()
    };
    let (from, to) = ("2026-10-20T10:00:00-04:00", "2026-10-20T11:00:00-04:00");
    let receipt = declare("portal", &["--from", from, "--to", to]);
    holds(
        &receipt["events"][0]["data"],
        &[("evidence", "Ticket 4411".into())],
    );
    let outages = report()["outages"].clone();
    let mut declared = list(&outages).iter().filter(|o| o["declared"] == true);
    let declared = declared.next().unwrap();
    holds(declared, &span("10:00", "11:00"));
    assert_eq!(declared["unplanned_s"], 3_600);
    let close = ["incident", "close", "portal", "--without", "Nobody knows"];
    assert_eq!(status(&nines(out, &close[..3])), Some(1), "texts are owed");
    let closed = asked(out, &close);
    let incident = subject(&closed, "incident-closed");
    assert_eq!(declared["incident"], incident);
    let shown = report()["incidents"].clone();
    let mut shown = list(&shown).iter().filter(|i| i["incident"] == incident);
    let shown = shown.next().unwrap();
    assert_eq!(shown["closed_without"], "Nobody knows");
    // One that goes on, until it is given its end; an earlier one takes a second person.
    declare("results", &["--from", from]);
    let outages = report()["outages"].clone();
    let mut open = list(&outages).iter().filter(|o| o["system"] == "results");
    let open = open.next().unwrap();
    assert_eq!(open["end"], Value::Null);
    let id = open["outage"].as_str().unwrap();
    let end = |to: &str, more: &[&str]| {
        let to = format!("2026-10-20T{to}:00-04:00");
        let words = ["incident", "end", id, "--to", &to, "--reason", "The log"];
        nines(out, &[&words[..], &["--by", "kim"], more].concat())
    };
    assert_eq!(status(&end("10:30", &[])), Some(0));
    holds(&of(&open["outage"]), &span("10:00", "10:30"));
    assert_eq!(status(&end("10:20", &[])), Some(1));
    assert_eq!(status(&end("10:20", &["--approved-by", "sam"])), Some(0));
    holds(&of(&open["outage"]), &span("10:00", "10:20"));
    assert_eq!(status(&nines(out, &["verify", "--replay"])), Some(0));
}

#[test]
fn planned_time_is_taken_back_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("windows", out);
    let kept = || asked(out, &["report", "2026-10"])["outages"][0].clone();
    let before = kept();
    holds(
        &before,
        &[("planned_s", 300.into()), ("unplanned_s", 0.into())],
    );
    let outage = before["outage"].as_str().unwrap();
    let words = ["incident", "reclassify", outage, "--reason", "Other work"];
    let receipt = asked(out, &words);
    assert_eq!(receipt["events"][0]["kind"], "outage-reclassified");
    assert_eq!(receipt["events"][0]["data"]["reason"], "Other work");
    holds(
        &kept(),
        &[("planned_s", 0.into()), ("unplanned_s", 300.into())],
    );
}
