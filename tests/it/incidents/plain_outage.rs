//! One outage in October: 02:14:10 to 02:51:40. The probe starts 11.918 s after every full minute,
//! so it sees the first failure at 02:14:11 and the first success at 02:52:11: 38 minutes.

use serde_json::{Value, json};

use crate::support::rehearsal::{IT, OFFICE, holds, outages, play, second, system, text, told};

#[test]
fn an_outage_is_seen_told_reviewed_and_reported_to_the_second() {
    let played = play("plain-outage");
    let report = played.report("2026-10");
    holds(
        &report,
        &[
            ("committee", json!("operations")),
            ("month", json!("2026-10")),
            ("from", json!("2026-10-01T00:00:00-04:00")),
            ("to", json!("2026-11-01T00:00:00-04:00")),
            ("zone", json!("America/New_York")),
            ("status", json!("draft")),
            ("notices", json!({ "downtime": 2, "uptime": 2 })),
        ],
    );
    // 744 h. Until 00:00:11 no sample has come. Budget: 0.1 % of 2,678,389 s, floored.
    // 1 - 2280/2678389 = 0.9991487…, at worst 1 - 2291/2678400 = 0.9991446…
    holds(
        system(&report, "portal"),
        &[
            ("agreed_s", json!(2_678_400)),
            ("up_s", json!(2_678_400 - 2_280 - 11)),
            ("degraded_s", json!(0)),
            ("planned_s", json!(0)),
            ("excluded_s", json!(0)),
            ("unplanned_s", json!(2_280)),
            ("unknown_s", json!(11)),
            ("contract_availability", json!("99.914")),
            ("experienced_availability", json!("99.914")),
            ("availability_at_best", json!("99.914")),
            ("availability_at_worst", json!("99.914")),
            ("coverage", json!("99.999")),
            ("verdict", json!("met")),
            ("budget_s", json!(2_678)),
            ("budget_left_s", json!(398)),
            ("outages", json!(1)),
            ("mtrs_s", json!(2_280)),
            ("mtbf_s", json!(2_676_109)),
            ("longest_s", json!(2_280)),
        ],
    );
    // Nothing befell the other system: no mean of nothing, and 100 % because no loss was measured.
    holds(
        system(&report, "results"),
        &[
            ("unknown_s", json!(21)),
            ("contract_availability", json!("100.000")),
            ("outages", json!(0)),
            ("mtrs_s", Value::Null),
            ("mtbf_s", Value::Null),
            ("longest_s", Value::Null),
        ],
    );
    assert_eq!(
        outages(&report),
        [(
            "portal",
            "2026-10-07T02:14:11-04:00",
            "2026-10-07T02:52:11-04:00",
            0,
            2_280
        )]
    );
    // The third bad sample: two retries, five seconds apart.
    let outage = &report["outages"][0];
    assert_eq!(outage["detected"], "2026-10-07T02:14:21-04:00");
    assert_eq!(outage["end_observed"], true);
    assert_eq!(outage["declared"], false);
    let incident = &report["incidents"][0];
    assert_eq!(incident["incident"], outage["incident"]);
    // Up again for two samples, a minute apart.
    holds(
        incident,
        &[
            ("opened", json!("2026-10-07T02:14:21-04:00")),
            ("acknowledged", json!("2026-10-07T02:20:00-04:00")),
            ("resolved", json!("2026-10-07T02:53:11-04:00")),
            ("closed", json!("2026-10-08T11:00:00-04:00")),
            ("root_cause", json!("A full disk.")),
            ("missing", json!([])),
            (
                "measures",
                json!([{
                    "text": "Watch the disk.", "owner": "platform", "due": "2026-11-30", "state": "open",
                    "done": null, "done_by": null, "note": null,
                }]),
            ),
        ],
    );
}

#[test]
fn two_customers_get_one_downtime_and_one_uptime_each() {
    let played = play("plain-outage");
    let notices = played.lines("notices.jsonl");
    let (down, up) = ("2026-10-07T06:14:21", "2026-10-07T06:53:11");
    let (down_sent, up_sent) = (Some("2026-10-07T06:14:22"), Some("2026-10-07T06:53:12"));
    assert_eq!(
        told(&notices, &["downtime", "uptime"]),
        [
            ("downtime", IT, down, down_sent, 1, "sent"),
            ("downtime", OFFICE, down, down_sent, 1, "sent"),
            ("uptime", IT, up, up_sent, 1, "sent"),
            ("uptime", OFFICE, up, up_sent, 1, "sent"),
        ]
    );
    assert_eq!(notices.len(), 4);
    // The events in order. Each is recorded before a notice about it is sent.
    let kinds = [
        "outage-opened",
        "incident-opened",
        "incident-acknowledged",
        "outage-closed",
        "incident-resolved",
        "incident-reviewed",
        "incident-closed",
        "stopped",
    ];
    let events = played.events(&kinds);
    let seen: Vec<_> = events.iter().map(|event| text(&event["kind"])).collect();
    assert_eq!(
        seen,
        [
            "outage-opened",
            "incident-opened",
            "incident-acknowledged",
            "outage-closed",
            "incident-resolved",
            "incident-reviewed",
            "incident-closed",
            "stopped",
        ]
    );
    assert_eq!(second(&events[0]["data"]["start"]), "2026-10-07T06:14:11");
    assert_eq!(second(&events[3]["data"]["end"]), "2026-10-07T06:52:11");
    assert_eq!(events[2]["by"], "on-call");
}
