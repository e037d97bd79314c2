//! Four outages within an hour, 180, 180, 180 and 120 seconds as the probe sees them: it starts
//! 11.918 s after every full minute. The third makes the portal unstable, the fourth comes while
//! it is held, and 15 minutes after the last good sample's run began it is over.

use nines::engine::status::Status;
use nines::ledger::{self, Ledger};
use serde_json::{Value, json};

use crate::support::rehearsal::{
    IT, OFFICE, holds, list, outages, play, play_into, second, system, text, told,
};

#[test]
fn a_portal_that_fails_again_and_again_is_told_once_and_held() {
    let played = play("flapping");
    let notices = played.lines("notices.jsonl");
    let decided: Vec<(&str, &str, &str)> = told(&notices, &["downtime", "uptime"])
        .iter()
        .map(|n| (n.0, n.1, &n.2[11..]))
        .collect();
    let both = |kind, at| [(kind, IT, at), (kind, OFFICE, at)];
    let expected = [
        both("downtime", "13:00:21"),
        both("uptime", "13:04:11"),
        both("downtime", "13:20:21"),
        both("uptime", "13:24:11"),
        both("downtime", "13:40:21"),
        // Up since 13:52:11.
        both("uptime", "14:07:11"),
    ];
    assert_eq!(decided, expected.concat());
    assert!(notices.iter().all(|n| n["result"] == "sent"));

    let kinds = ["flapping", "flapping-ended"];
    let facts = played.events(&kinds);
    let facts: Vec<(&str, &str)> = facts
        .iter()
        .map(|e| (text(&e["kind"]), &second(&e["at"])[11..]))
        .collect();
    let expected = [
        ("flapping", "13:40:21"),
        ("flapping", "13:50:21"),
        ("flapping-ended", "14:07:11"),
    ];
    assert_eq!(facts, expected);
}

#[test]
fn status_says_since_when_it_is_unstable_and_when_customers_hear_that_it_is_up() {
    let folder = tempfile::tempdir().unwrap();
    play_into("flapping", folder.path());
    let ledger = Ledger::open_read_only(folder.path()).unwrap();
    // The sequence number and time of each event, to ask for the status at a time.
    let mut seqs = Vec::new();
    ledger
        .replay(None, &mut |stored| seqs.push((stored.seq, stored.event.at)))
        .unwrap();
    let shown_at = |time: &str| -> Value {
        let until = format!("2026-10-06T{time}Z").parse().unwrap();
        let upto = seqs
            .iter()
            .rev()
            .find(|(_, at)| *at < until)
            .map(|(seq, _)| *seq);
        let record = ledger::replay_record(&ledger, upto).unwrap();
        let status = Status::of(&record, &ledger.head(), until, false, |_| None);
        let portal = status.systems.into_iter().find(|s| s.system == "portal");
        serde_json::to_value(portal.unwrap().unstable).unwrap()
    };
    assert_eq!(shown_at("13:40:00"), Value::Null);
    let down = shown_at("13:41:00");
    assert_eq!(second(&down["since"]), "2026-10-06T13:00:11");
    assert_eq!(
        (&down["outages"], &down["hold_s"]),
        (&json!(3), &json!(900))
    );
    assert_eq!(
        (&down["up_since"], &down["settles"]),
        (&Value::Null, &Value::Null)
    );
    let held = shown_at("14:00:00");
    assert_eq!(
        (&held["outages"], &held["incident"]),
        (&json!(4), &down["incident"])
    );
    assert_eq!(second(&held["up_since"]), "2026-10-06T13:52:11");
    assert_eq!(second(&held["settles"]), "2026-10-06T14:07:11");
    assert_eq!(shown_at("14:08:00"), Value::Null);
}

#[test]
fn what_is_written_says_how_often_and_how_long_in_all() {
    let played = play("flapping");
    let subjects: Vec<String> = played
        .messages()
        .iter()
        .filter(|message| message.contains(IT))
        .filter_map(|message| {
            let line = message.lines().find(|l| l.starts_with("Subject: "))?;
            Some(line["Subject: ".len()..].to_owned())
        })
        .collect();
    let count = |subject: &str| subjects.iter().filter(|s| *s == subject).count();
    // St. Elsewhere reads Chicago's time.
    let unstable = "UNSTABLE: Clinical Portal (3 outages since 08:00 CDT)";
    let over = "RESTORED: Clinical Portal (down 11 min in 4 outages)";
    assert_eq!((count(unstable), count(over)), (1, 1), "{subjects:#?}");
    assert_eq!(subjects.len(), 6, "{subjects:#?}");
}

#[test]
fn the_report_has_one_incident_with_all_its_outages_and_counts_their_sum() {
    let played = play("flapping");
    let report = played.report("2026-10");
    holds(
        system(&report, "portal"),
        &[
            ("unplanned_s", json!(3 * 180 + 120)),
            ("outages", json!(4)),
            ("longest_s", json!(180)),
        ],
    );
    assert_eq!(outages(&report).len(), 4);
    let incidents = list(&report["incidents"]);
    let [one, two] = incidents else {
        panic!("two incidents: {incidents:#?}");
    };
    let all: Vec<&str> = outages_of(&report);
    assert_eq!(one["outages"], json!(all));
    assert_eq!(one["unstable"], true);
    assert_eq!(second(&one["resolved"]), "2026-10-06T10:07:11");
    // The texts of the second incident stay with it.
    assert_eq!(two["merged_into"], one["incident"]);
    assert_eq!(two["summary"], "The session store was restarted.");
    assert_eq!(two["missing"], json!([]));
    for outage in list(&report["outages"]) {
        assert_eq!(outage["incident"], one["incident"]);
    }
}

fn outages_of(report: &serde_json::Value) -> Vec<&str> {
    let all = list(&report["outages"]);
    all.iter().map(|o| text(&o["outage"])).collect()
}
