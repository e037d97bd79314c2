//! New York, November 2026: 721 hours, and half past one twice on the first. The portal's probe
//! starts 11.918 s, the results interface's 21.386 s after every full minute.

use serde_json::json;

use crate::support::rehearsal::{IT, OFFICE, holds, list, outages, play, system, told};

#[test]
fn november_has_721_hours_and_an_hour_that_comes_twice_lasts_an_hour() {
    let report = play("clock-change").report("2026-11");
    assert_eq!(report["from"], "2026-11-01T00:00:00-04:00");
    assert_eq!(report["to"], "2026-12-01T00:00:00-05:00");
    assert_eq!(
        outages(&report),
        [
            (
                "portal",
                "2026-11-01T01:30:11-04:00",
                "2026-11-01T01:30:11-05:00",
                0,
                3_600
            ),
            (
                "results",
                "2026-11-01T01:00:21-05:00",
                "2026-11-01T01:20:21-05:00",
                1_200,
                0
            ),
            (
                "portal",
                "2026-11-04T22:10:11-05:00",
                "2026-11-04T22:15:11-05:00",
                300,
                0
            ),
        ]
    );
    // 1 - 3600/(2595600 - 300 - 11) = 0.998612…; 1 - 3900/(2595600 - 11) = 0.998497…
    holds(
        system(&report, "portal"),
        &[
            ("agreed_s", json!(721 * 3_600)),
            ("planned_s", json!(300)),
            ("unplanned_s", json!(3_600)),
            ("unknown_s", json!(11)),
            ("contract_availability", json!("99.861")),
            ("experienced_availability", json!("99.849")),
            ("verdict", json!("missed")),
            ("budget_s", json!(2_595)),
            ("mtrs_s", json!(3_600)),
        ],
    );
    holds(
        system(&report, "results"),
        &[
            ("agreed_s", json!(721 * 3_600)),
            ("planned_s", json!(1_200)),
            ("unplanned_s", json!(0)),
            ("unknown_s", json!(21)),
            ("contract_availability", json!("100.000")),
            ("verdict", json!("met")),
            ("outages", json!(0)),
        ],
    );
}

#[test]
fn a_windows_start_is_the_first_of_two_and_its_local_end_the_second() {
    let report = play("clock-change").report("2026-11");
    let held = |window: &str| {
        let mut all = list(&report["maintenance"]).iter();
        all.find(|held| held["window"] == window).unwrap()
    };
    // Ninety minutes of half an hour on the wall.
    holds(
        held("results/sunday-index@2026-11-01"),
        &[
            ("start", json!("2026-11-01T01:00:00-04:00")),
            ("end", json!("2026-11-01T01:30:00-05:00")),
            ("earned", json!(true)),
            ("downtime_s", json!(1_200)),
            ("planned_s", json!(1_200)),
            ("overrun_s", json!(0)),
        ],
    );
    holds(
        held("results/sunday-index@2026-11-08"),
        &[
            ("start", json!("2026-11-08T01:00:00-05:00")),
            ("end", json!("2026-11-08T01:30:00-05:00")),
        ],
    );
    holds(
        held("portal/weekly-application-update@2026-11-04"),
        &[
            ("start", json!("2026-11-04T22:00:00-05:00")),
            ("end", json!("2026-11-04T23:00:00-05:00")),
            ("planned_s", json!(300)),
        ],
    );
}

#[test]
fn only_the_unplanned_hour_is_told_and_up_follows_down_across_the_change() {
    let played = play("clock-change");
    let notices = played.lines("notices.jsonl");
    let seen: Vec<_> = told(&notices, &["downtime", "uptime"])
        .iter()
        .map(|told| (told.0, told.1, told.2))
        .collect();
    assert_eq!(
        seen,
        [
            ("downtime", IT, "2026-11-01T05:30:21"),
            ("downtime", OFFICE, "2026-11-01T05:30:21"),
            ("uptime", IT, "2026-11-01T06:31:11"),
            ("uptime", OFFICE, "2026-11-01T06:31:11"),
        ]
    );
    assert_eq!(notices.len(), 4);
}
