//! Wednesdays from 22:00 to 23:00 in New York, ten minutes of downtime excused, and one single window.
//! The probe starts 11.918 s after every full minute: what fails at 22:10:00 is down from 22:10:11.

use serde_json::json;

use crate::support::rehearsal::{
    IT, OFFICE, holds, list, outages, play, second, system, text, told,
};

fn wednesday(day: &str) -> String {
    format!("portal/weekly-application-update@2026-10-{day}")
}

#[test]
fn each_window_excuses_what_it_earned_and_not_a_second_more() {
    let played = play("windows");
    let report = played.report("2026-10");
    assert_eq!(
        outages(&report),
        [
            // Kept.
            (
                "portal",
                "2026-10-07T22:10:11-04:00",
                "2026-10-07T22:15:11-04:00",
                300,
                0
            ),
            // Exceeded: ten minutes of twenty.
            (
                "portal",
                "2026-10-14T22:10:11-04:00",
                "2026-10-14T22:30:11-04:00",
                600,
                600
            ),
            // Begun 48 s early, within the grace of one interval: 49 s until 03:00:00, floored.
            (
                "portal",
                "2026-10-17T02:59:11-04:00",
                "2026-10-17T03:05:11-04:00",
                311,
                49
            ),
            // Overrun: planned from 22:55:11 to 23:00:00.
            (
                "portal",
                "2026-10-21T22:55:11-04:00",
                "2026-10-21T23:20:11-04:00",
                289,
                1_211
            ),
            // Entered already down, ten minutes before: unplanned to its end.
            (
                "portal",
                "2026-10-28T21:50:11-04:00",
                "2026-10-28T22:20:11-04:00",
                0,
                1_800
            ),
        ]
    );
    // 0.1 % of 2,678,400 - 1,500 - 11 s is 2,676.889 s; 1 - 3660/2676889 = 0.99863…
    holds(
        system(&report, "portal"),
        &[
            ("agreed_s", json!(2_678_400)),
            ("planned_s", json!(300 + 600 + 311 + 289)),
            ("unplanned_s", json!(600 + 49 + 1_211 + 1_800)),
            ("unknown_s", json!(11)),
            ("contract_availability", json!("99.863")),
            ("experienced_availability", json!("99.807")),
            ("verdict", json!("missed")),
            ("budget_s", json!(2_676)),
            ("outages", json!(4)),
            ("mtrs_s", json!(3_660 / 4)),
            ("longest_s", json!(1_800)),
        ],
    );
    let touched: Vec<_> = list(&report["maintenance"])
        .iter()
        .filter(|held| held["downtime_s"] != 0)
        .map(|held| {
            let seconds = |key: &str| held[key].as_i64().unwrap();
            let figures = (seconds("planned_s"), seconds("overrun_s"));
            (
                text(&held["window"]).to_owned(),
                figures,
                held["earned"] == true,
            )
        })
        .collect();
    assert_eq!(
        touched,
        [
            (wednesday("07"), (300, 0), true),
            (wednesday("14"), (600, 600), true),
            ("disks".to_owned(), (311, 0), true),
            (wednesday("21"), (289, 1_211), true),
            (wednesday("28"), (0, 0), true),
        ]
    );
}

#[test]
fn overruns_are_dated_to_the_limit_and_told_as_overruns() {
    let played = play("windows");
    let overruns = played.events(&["overrun"]);
    let dated: Vec<_> = overruns
        .iter()
        .map(|event| (second(&event["at"]), second(&event["data"]["from"])))
        .collect();
    // Decided by the first bad sample at or after the limit. 22:20:11.918 EDT is such a one.
    assert_eq!(
        dated,
        [
            ("2026-10-15T02:20:11", "2026-10-15T02:20:11"),
            ("2026-10-22T03:00:11", "2026-10-22T03:00:00"),
        ]
    );
    assert_eq!(overruns[0]["data"]["window"], wednesday("14"));
    let notices = played.lines("notices.jsonl");
    let kinds = ["downtime", "maintenance-overrun", "uptime"];
    let pairs = told(&notices, &kinds);
    let decided: Vec<_> = pairs
        .iter()
        .filter(|told| told.1 == OFFICE)
        .map(|told| (told.0, told.2))
        .collect();
    assert_eq!(
        decided,
        [
            // Nothing on the 7th: a window that is kept sends neither downtime nor uptime.
            ("maintenance-overrun", "2026-10-15T02:20:11"),
            ("uptime", "2026-10-15T02:31:11"),
            // Confirmed while its second was still unplanned.
            ("downtime", "2026-10-17T06:59:21"),
            ("uptime", "2026-10-17T07:06:11"),
            ("maintenance-overrun", "2026-10-22T03:00:11"),
            ("uptime", "2026-10-22T03:21:11"),
            ("downtime", "2026-10-29T01:50:21"),
            ("uptime", "2026-10-29T02:21:11"),
        ]
    );
    let same = |told: &&(&str, &str, &str, Option<&str>, u64, &str)| told.1 == IT;
    assert_eq!(pairs.iter().filter(same).count(), decided.len());
    assert!(pairs.iter().all(|told| told.5 == "sent" && told.4 == 1));
}

#[test]
fn a_kept_window_opens_no_incident_and_an_overrun_does() {
    let played = play("windows");
    let opened = played.events(&["incident-opened"]);
    let causes: Vec<_> = opened
        .iter()
        .map(|event| (second(&event["at"]), text(&event["data"]["cause"])))
        .collect();
    assert_eq!(
        causes,
        [
            ("2026-10-15T02:20:11", "overrun"),
            ("2026-10-17T06:59:21", "outage"),
            ("2026-10-22T03:00:11", "overrun"),
            ("2026-10-29T01:50:21", "outage"),
        ]
    );
}

#[test]
fn a_single_window_is_announced_begun_and_completed() {
    let played = play("windows");
    let notices = played.lines("notices.jsonl");
    let kinds = [
        "maintenance-scheduled",
        "maintenance-started",
        "maintenance-completed",
    ];
    let seen: Vec<_> = told(&notices, &kinds)
        .iter()
        .map(|told| (told.0, told.1, told.2, told.5))
        .collect();
    let mut must = Vec::new();
    // Completed with the first sample at or after the end that finds it up.
    for (kind, at) in kinds.iter().zip([
        "2026-10-10T13:00:00",
        "2026-10-17T07:00:00",
        "2026-10-17T08:00:11",
    ]) {
        must.push((*kind, IT, at, "sent"));
        must.push((*kind, OFFICE, at, "sent"));
    }
    assert_eq!(seen, must);
}
