//! The monitor's own absence is unknown to the second, never up and never down. The portal's probe
//! starts 11.918 s, the results interface's 21.386 s after every full minute.

use serde_json::json;

use crate::support::rehearsal::{
    IT, OFFICE, holds, list, outages, play, second, system, text, told,
};

/// From, to (New York) and length of every unknown span of a system.
fn unknown<'a>(report: &'a serde_json::Value, id: &str) -> Vec<(&'a str, &'a str, i64)> {
    list(&report["unknown"])
        .iter()
        .filter(|span| list(&span["systems"]).iter().any(|s| s == id))
        .map(|span| {
            let length = span["unknown_s"].as_i64().unwrap();
            (
                &text(&span["from"])[5..19],
                &text(&span["to"])[5..19],
                length,
            )
        })
        .collect()
}

#[test]
fn time_that_nobody_watched_is_unknown_to_the_second() {
    let report = play("absence").report("2026-10");
    assert_eq!(
        unknown(&report, "portal"),
        [
            ("10-01T00:00:00", "10-01T00:00:11", 11),
            // Killed at 12:00:00; the last that is known of its life is a sample of 11:59:21.
            ("10-10T11:59:21", "10-10T12:30:11", 1_850),
            ("10-12T12:00:00", "10-12T12:05:11", 311),
            // The sample of 07:59:11 covers two and a half minutes.
            ("10-14T08:01:41", "10-14T09:00:11", 3_510),
            ("10-20T05:20:00", "10-20T05:50:11", 1_811),
            ("10-22T05:20:00", "10-22T05:30:11", 611),
        ]
    );
    assert_eq!(
        unknown(&report, "results"),
        [
            ("10-01T00:00:00", "10-01T00:00:21", 21),
            ("10-10T11:59:21", "10-10T12:30:21", 1_860),
            ("10-12T12:00:00", "10-12T12:05:21", 321),
            ("10-20T05:20:00", "10-20T05:50:21", 1_821),
            ("10-22T05:20:00", "10-22T05:30:21", 621),
        ]
    );
    // Watched and up for the rest: 8,104 s of 2,678,400 are 0.302 %. 1 - 4178/2670296 = 0.99843…
    holds(
        system(&report, "portal"),
        &[
            ("agreed_s", json!(2_678_400)),
            ("unknown_s", json!(11 + 1_850 + 311 + 3_510 + 1_811 + 611)),
            ("unplanned_s", json!(1_189 + 1_189 + 1_800)),
            ("planned_s", json!(0)),
            ("coverage", json!("99.697")),
            ("contract_availability", json!("99.843")),
            ("experienced_availability", json!("99.843")),
            // 1 - 4178/2678400, and 1 - (4178 + 8104)/2678400.
            ("availability_at_best", json!("99.844")),
            ("availability_at_worst", json!("99.541")),
            ("verdict", json!("missed")),
        ],
    );
    holds(
        system(&report, "results"),
        &[
            ("unknown_s", json!(21 + 1_860 + 321 + 1_821 + 621)),
            ("unplanned_s", json!(0)),
            ("coverage", json!("99.826")),
            ("verdict", json!("met")),
        ],
    );
}

#[test]
fn an_outage_over_a_gap_is_one_and_one_that_ends_in_it_was_not_seen_to_end() {
    let played = play("absence");
    let report = played.report("2026-10");
    assert_eq!(
        outages(&report),
        [
            // Ends with the coverage of the last bad sample, which is the stop.
            (
                "portal",
                "2026-10-20T05:00:11-04:00",
                "2026-10-20T05:20:00-04:00",
                0,
                1_189
            ),
            // Down on both sides: until the stop, and from the first sample after it.
            (
                "portal",
                "2026-10-22T05:00:11-04:00",
                "2026-10-22T06:00:11-04:00",
                0,
                1_189 + 1_800
            ),
        ]
    );
    assert_eq!(report["outages"][0]["end_observed"], false);
    assert_eq!(report["outages"][1]["end_observed"], true);
    let closed = played.events(&["outage-closed"]);
    let between = &closed[0]["data"]["unobserved"];
    assert_eq!(second(&between["from"]), "2026-10-20T09:20:00");
    assert_eq!(second(&between["to"]), "2026-10-20T09:50:11");
    let notices = played.lines("notices.jsonl");
    let mut must = Vec::new();
    for (kind, decided) in [
        ("downtime", "2026-10-20T09:00:21"),
        ("uptime", "2026-10-20T09:51:11"),
        ("downtime", "2026-10-22T09:00:21"),
        ("uptime", "2026-10-22T10:01:11"),
    ] {
        must.extend([(kind, IT, decided), (kind, OFFICE, decided)]);
    }
    let seen: Vec<_> = told(&notices, &["downtime", "uptime"])
        .iter()
        .map(|told| (told.0, told.1, told.2))
        .collect();
    assert_eq!(seen, must);
    assert_eq!(notices.len(), 8);
}

#[test]
fn a_kill_leaves_no_word_and_an_orderly_stop_does() {
    let played = play("absence");
    let lives: Vec<_> = played
        .events(&["started", "stopped"])
        .iter()
        .map(|event| {
            (
                text(&event["kind"]).to_owned(),
                second(&event["at"]).to_owned(),
            )
        })
        .collect();
    let must = [
        ("started", "2026-10-01T04:00:00"),
        ("started", "2026-10-10T16:30:00"),
        ("stopped", "2026-10-12T16:00:00"),
        ("started", "2026-10-12T16:05:00"),
        ("stopped", "2026-10-20T09:20:00"),
        ("started", "2026-10-20T09:50:00"),
        ("stopped", "2026-10-22T09:20:00"),
        ("started", "2026-10-22T09:30:00"),
        ("stopped", "2026-11-01T04:00:00"),
    ];
    assert_eq!(
        lives,
        must.map(|(kind, at)| (kind.to_owned(), at.to_owned()))
    );
}
