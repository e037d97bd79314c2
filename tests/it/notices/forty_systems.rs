//! Forty systems fail together, probed every ten minutes within the twenty seconds from 120.366 s to
//! 139.498 s after every full ten minutes: first failures from 02:02:00 on, each for half an hour.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::rehearsal::{holds, list, play, second, text};

const RECIPIENTS: [&str; 2] = ["desk@network.example", "it@st-elsewhere.example"];

#[test]
fn each_customer_gets_one_downtime_that_lists_forty_and_is_told_of_forty_recoveries() {
    let played = play("forty-systems");
    let notices = played.lines("notices.jsonl");
    let of = |kind: &str, recipient: &str| -> Vec<_> {
        notices
            .iter()
            .filter(|n| n["kind"] == kind && n["recipient"] == recipient)
            .collect()
    };
    for recipient in RECIPIENTS {
        let down = of("downtime", recipient);
        assert_eq!(down.len(), 1);
        let listed: BTreeSet<_> = list(&down[0]["systems"]).iter().map(text).collect();
        assert_eq!(listed.len(), 40);
        // The last of them first fails at 02:02:19.498 and is confirmed ten seconds later.
        assert_eq!(second(&down[0]["decided"]), "2026-10-07T06:02:29");
        let up = of("uptime", recipient);
        // A message covers every system that is up by then and of which nothing was said yet.
        let told: Vec<_> = up
            .iter()
            .flat_map(|n| list(&n["systems"]).iter().map(text))
            .collect();
        assert_eq!(told.len(), 40, "each once");
        assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), listed);
        // Up for two samples, ten minutes apart; and never before its downtime.
        for notice in up {
            let decided = second(&notice["decided"]);
            assert!(("2026-10-07T06:42:00"..="2026-10-07T06:42:19").contains(&decided));
            assert!(text(&notice["delivered"]) > text(&down[0]["delivered"]));
        }
    }
    assert!(
        notices
            .iter()
            .all(|n| n["result"] == "sent" && n["attempts"] == 1)
    );
}

#[test]
fn each_of_forty_has_its_own_half_hour() {
    let played = play("forty-systems");
    let report = played.report("2026-10");
    let systems = list(&report["systems"]);
    assert_eq!(systems.len(), 40);
    for system in systems {
        holds(
            system,
            &[
                ("agreed_s", json!(2_678_400)),
                ("unplanned_s", json!(1_800)),
                ("planned_s", json!(0)),
                ("outages", json!(1)),
                ("verdict", json!("met")),
            ],
        );
        // Unknown until its first sample, within a minute of the start, and at no other time.
        let unknown = system["unknown_s"].as_i64().unwrap();
        assert!((0..=60).contains(&unknown), "{unknown}");
    }
    for outage in list(&report["outages"]) {
        let start = second(&outage["start"]);
        assert!(("2026-10-07T02:02:00"..="2026-10-07T02:02:19").contains(&start));
        assert_eq!(outage["unplanned_s"], 1_800);
    }
    assert_eq!(played.summary.outages, 40);
    assert_eq!(played.summary.incidents, 40);
}
