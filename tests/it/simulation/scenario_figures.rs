//! The figures of scenarios, as `expected.toml` beside each scenario derives them by hand from the words of its policy.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::figures::{
    CLOCK, DESK, Expected, INCIDENT, KINDS, LEVEL, NOTICE, SYSTEM, check, differences, rows,
};
use crate::support::rehearsal::{list, play, scenarios, text};

/// The number in `I-12`.
fn number(incident: &Value) -> u32 {
    text(incident).strip_prefix("I-").unwrap().parse().unwrap()
}

fn instant(value: &Value) -> Timestamp {
    text(value).parse().unwrap()
}

#[test]
fn expected_rows_have_the_keys_of_their_list_and_its_order() {
    let mut read = 0;
    for entry in std::fs::read_dir(scenarios()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("expected.toml").exists() {
            continue;
        }
        read += 1;
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = Expected::of(&name);
        let known = |rows: &[Value], keys: &[&str]| {
            for row in rows {
                let unknown = row.as_object().unwrap().keys();
                let mut unknown = unknown.filter(|key| !keys.contains(&key.as_str()));
                assert_eq!(unknown.next(), None, "{name}: {row}");
            }
        };
        for month in expected.month.values() {
            known(&month.system, SYSTEM);
            known(&month.incident, INCIDENT);
            known(&month.clock, CLOCK);
            known(&month.level, LEVEL);
            known(&month.desk, DESK);
            assert!(
                month
                    .system
                    .is_sorted_by_key(|row| row["system"].to_string())
            );
            assert!(
                month
                    .incident
                    .is_sorted_by_key(|row| number(&row["incident"]))
            );
            let clocks = ["response", "update", "resolution", "disaster_recovery"];
            let order = |row: &Value| {
                let clock = clocks.iter().position(|clock| row["clock"] == *clock);
                (
                    number(&row["incident"]),
                    clock.unwrap(),
                    instant(&row["started"]),
                )
            };
            assert!(month.clock.is_sorted_by_key(order), "{name}: clocks");
            let results = ["running", "met", "missed", "not_needed", "merged"];
            assert!(
                month
                    .clock
                    .iter()
                    .all(|row| results.contains(&text(&row["result"])))
            );
            let order = |row: &Value| (number(&row["incident"]), instant(&row["at"]));
            assert!(month.level.is_sorted_by_key(order), "{name}: levels");
            assert!(
                month
                    .level
                    .iter()
                    .all(|row| !list(&row["contacts"]).is_empty())
            );
        }
        known(&expected.notice, NOTICE);
        let order = |row: &Value| {
            (
                instant(&row["at"]),
                row["kind"].to_string(),
                row["to"].to_string(),
            )
        };
        assert!(expected.notice.is_sorted_by_key(order), "{name}: notices");
        assert!(
            expected
                .notice
                .iter()
                .all(|row| KINDS.contains(&text(&row["kind"])))
        );
    }
    assert!(read > 0);
}

#[test]
fn a_difference_shows_both_rows() {
    let row = |due: &str| json!({ "incident": "I-1", "level": 2, "at": due, "state": "notified" });
    let zone = TimeZone::get("America/New_York").unwrap();
    let must = rows(LEVEL, &[row("2026-07-03T11:00:19-04:00")], &zone);
    let is = rows(LEVEL, &[row("2026-07-03T15:00:20.9Z")], &zone);
    let shown = differences("2026-07: escalations", &must, &is).concat();
    assert_eq!(
        shown,
        "2026-07: escalations\n\
        \x20 derived  incident I-1  level 2  severity -  at 2026-07-03 11:00:19-04:00  state notified  contacts -\n\
        \x20 program  incident I-1  level 2  severity -  at 2026-07-03 11:00:20-04:00  state notified  contacts -\n"
    );
    let same = rows(LEVEL, &[row("2026-07-03T15:00:19.9Z")], &zone);
    assert_eq!(
        differences("escalations", &must, &same),
        Vec::<String>::new()
    );
}

#[test]
fn a_plain_outage() {
    check("plain-outage");
}

#[test]
fn a_month_under_the_policy_of_healthelink() {
    check("healthelink");
}

#[test]
fn a_month_under_the_agreement_of_emr_link() {
    check("emr-link");
}

#[test]
fn a_month_under_the_policy_of_rx_health() {
    check("rx-health");
}

#[test]
fn a_month_in_which_everything_disagrees() {
    check("quarrel");
}

#[test]
fn a_month_of_feeds_under_the_policy_of_healthix() {
    check("healthix");
}

#[test]
fn a_report_with_an_identifier_of_a_patient_is_refused_and_stored_nowhere() {
    let played = play("healthix");
    let [refused] = &played.summary.refused[..] else {
        panic!("{:?}", played.summary.refused)
    };
    assert!(
        refused.reason.contains("medical record number"),
        "{}",
        refused.reason
    );
    assert!(!refused.reason.contains("00482913"), "{}", refused.reason);
    let timeline = String::from_utf8_lossy(played.file("timeline.jsonl"));
    assert!(timeline.contains("Our ticket is 4471"));
    assert!(!timeline.contains("00482913"));
}
