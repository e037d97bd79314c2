//! The example of `docs/rehearsals.md`: every act that there is, and what each leaves in the ledger.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;

/// The one block of TOML in `docs/rehearsals.md`.
fn documented() -> String {
    let text = include_str!("../../../docs/rehearsals.md");
    let (_, rest) = text.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// The example, where also what it only mentions is done: every key, and a reload that changes something.
fn whole_example(folder: &Path) -> PathBuf {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = format!("{}/config/nines.toml", house.display());
    let reloaded = write(folder, SERVICE, &[("portal", PORTAL)], "");
    let mut text = documented();
    let at = "counts_from = \"2026-10-06T12:00:00-04:00\"\napproved_by = \"shift-lead\"\n";
    for (from, to) in [
        (
            "window   = \"disks\"\n",
            format!("window = \"disks\"\n{at}"),
        ),
        (
            "title        = \"New disks\"\n",
            "title = \"New disks\"\nstart_grace = \"90s\"\noverride = \"Their only day\"\n"
                .to_owned(),
        ),
        (
            "do     = \"reload\"\nconfig = \"../config/nines.toml\"",
            "do = \"reload\"\nconfig = \"config/nines.toml\"".to_owned(),
        ),
        ("\"../config/nines.toml\"", format!("\"{config}\"")),
    ] {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, &to);
    }
    std::fs::write(&reloaded, text).unwrap();
    let calls =
        "time,seconds_to_answer,abandoned\n2026-10-06 08:00:00,12,no\n2026-10-06 08:05:00,,yes\n";
    std::fs::write(folder.join("calls.csv"), calls).unwrap();
    reloaded
}

#[test]
fn the_example_of_the_documentation_has_every_act_and_none_of_them_is_refused() {
    let text = documented();
    let unknown = serde_json::from_value::<domain::act::Act>(json!({ "do": "?" }));
    let unknown = unknown.unwrap_err().to_string();
    // "unknown variant `?`, expected one of `acknowledge`, …".
    let acts: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
    assert_eq!(acts.len(), 30, "{unknown}");
    for act in acts.into_iter().chain(["reload", "restart"]) {
        assert!(text.contains(&format!("\"{act}\"")), "{act} is not told of");
    }
    let folder = tempfile::tempdir().unwrap();
    let scenario = whole_example(folder.path());
    let out = folder.path().join("out");
    let summary = run(&scenario, &out, &mut |_, _| {}).unwrap();
    assert_eq!(summary.refused, []);
    let played = Rehearsal {
        _folder: folder,
        out,
        summary,
    };
    let lead = json!("shift-lead");
    let span = |from: &str, to: &str| {
        let at = |time: &str| format!("2026-10-06T{time}Z");
        json!({ "from": at(from), "to": at(to) })
    };
    let window = |end: &str, max_downtime_s: u64| {
        json!({
            "id": "disks", "systems": ["portal"], "title": "New disks",
            "impact": "Nobody can sign in", "start": "2026-10-08T07:00:00Z", "end": end,
            "max_downtime_s": max_downtime_s, "min_notice_s": 86_400, "start_grace_s": 90,
            // Every hour is allowed, so there is nothing to override.
            "override_reason": null, "announce_s": [86_400, 3_600],
        })
    };
    let done = [
        (
            "incident-acknowledged",
            "on-call",
            json!({ "counts_from": "2026-10-06T06:20:00Z", "approved_by": lead }),
        ),
        (
            "problem-reported",
            "desk",
            json!({ "problem": { "customer": "st-elsewhere", "systems": ["portal"], "request": "problem",
                "text": "Nobody can sign in.", "reporter": "R. Alvarez",
                "received": "2026-10-06T06:20:00Z", "phone": true } }),
        ),
        (
            "incident-responded",
            "on-call",
            json!({ "to": "R. Alvarez", "how": "by telephone", "estimate": "2026-10-06T07:00:00Z" }),
        ),
        (
            "incident-assessed",
            "on-call",
            json!({ "impact": { "share_ppm": 600_000, "customers": ["st-elsewhere"], "flags": ["revenue"],
                "prevents_access": true, "component": "critical" } }),
        ),
        (
            "incident-paused",
            "on-call",
            json!({ "reason": "Their engineer must let us in" }),
        ),
        ("incident-resumed", "on-call", json!({})),
        (
            "incident-escalated",
            "on-call",
            json!({ "reason": "The disks need a second pair of eyes" }),
        ),
        (
            "disaster-declared",
            "on-call",
            json!({ "reason": "The array may be lost" }),
        ),
        (
            "workaround-found",
            "on-call",
            json!({ "text": "Read results in the archive." }),
        ),
        (
            "incident-updated",
            "on-call",
            json!({ "text": "A disk is full. We make space.", "public": true,
                "phase": "identified" }),
        ),
        (
            "window-scheduled",
            "ops",
            json!({ "window": window("2026-10-08T08:00:00Z", 600) }),
        ),
        (
            "customer-notified",
            "ops",
            json!({ "window": "disks", "customer": "st-elsewhere",
                "how": "By telephone, the head of their desk",
                "counts_from": "2026-10-06T16:00:00Z", "approved_by": lead }),
        ),
        (
            "window-changed",
            "ops",
            json!({ "window": window("2026-10-08T08:30:00Z", 900), "reason": "Two disks" }),
        ),
        (
            "incident-reviewed",
            "on-call",
            json!({ "review": {
                "summary": "The portal refused connections for 37 minutes.",
                "root_cause": "A full disk.", "certainty": "confirmed",
                "resolution": "Space was made.",
                "measures": [{ "text": "Watch the disk", "owner": "platform", "due": "2026-11-30" }],
            } }),
        ),
        (
            "measure-done",
            "platform",
            json!({ "measure": "Watch the disk", "note": "An alert at 80 %" }),
        ),
        (
            "incident-closed",
            "chair",
            json!({ "missing_texts_reason": null, "confirmed_by": "R. Alvarez, by telephone" }),
        ),
        (
            "outage-declared",
            "desk",
            json!({ "system": "results-interface", "from": "2026-10-07T14:00:00Z",
                "to": "2026-10-07T15:00:00Z", "evidence": "Tickets 4411 to 4419" }),
        ),
        (
            "notice-owed-again",
            "ops",
            json!({ "reason": "The hospital has its mailbox back" }),
        ),
        (
            "declaration-changed",
            "desk",
            json!({ "to": "2026-10-07T14:45:00Z", "reason": "The log of the gateway",
                "approved_by": lead }),
        ),
        (
            "incident-merged",
            "desk",
            json!({ "incident": 3, "into": 2, "reason": "The same failure" }),
        ),
        (
            "incident-withdrawn",
            "desk",
            json!({ "reason": "The tickets were about another system." }),
        ),
        (
            "monitor-fault",
            "ops",
            json!({ "system": "portal", "span": span("06:14:10", "06:16:00"),
                "evidence": "The probe's password had expired", "approved_by": lead }),
        ),
        (
            "downtime-excluded",
            "ops",
            json!({ "span": span("06:20:00", "06:30:00"), "reason": "The customer's own line",
                "evidence": "The carrier's ticket 7", "approved_by": lead }),
        ),
        (
            "window-cancelled",
            "ops",
            json!({ "reason": "The disks did not come" }),
        ),
        (
            "outage-reclassified",
            "chair",
            json!({ "reason": "Not the work that was agreed" }),
        ),
        (
            "desk-imported",
            "desk",
            json!({ "policy": "healthelink", "file": "calls.csv", "answer_within_s": 120,
                "days": [{ "date": "2026-10-06",
                    "in_hours": { "calls": 2, "answered": 1, "within": 1, "abandoned": 1 },
                    "out_of_hours": { "calls": 0, "answered": 0, "within": 0, "abandoned": 0 } }] }),
        ),
        ("configured", "ops", json!({})),
    ];
    let kinds_done: Vec<&str> = done.iter().map(|(kind, _, _)| *kind).collect();
    let mut events = played.timeline(&kinds_done);
    // The state at the start of the rehearsal.
    assert_eq!(events.remove(0)["kind"], "configured");
    // A second report opens the incident that is merged.
    assert_eq!(kinds(&events).len(), done.len() + 1, "{:?}", kinds(&events));
    for (kind, by, data) in &done {
        let event = events.iter().find(|e| e["kind"] == *kind);
        let event = event.unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!(event["by"], *by, "{kind}");
        for (key, value) in data.as_object().unwrap() {
            assert_eq!(event["data"][key], *value, "`{key}` of {kind}");
        }
    }
    let reports = played.timeline(&["report-approved", "report-filed"]);
    let order = ["report-approved", "report-filed"].repeat(2);
    assert_eq!(kinds(&reports), order);
    assert_eq!(reports[2]["data"]["revision"], 1);
    assert_eq!(reports[2]["data"]["reason"], "A late correction");
    assert_eq!(played.timeline(&["started"]).len(), 2);
    // Killed once, at the end stopped.
    assert_eq!(played.timeline(&["stopped"]).len(), 1);
    // And the report goes by it.
    let outage = &played.report("2026-10")["outages"][0];
    assert_eq!(outage["excluded_s"], 600);
    let fault_ends = json!("2026-10-06T02:16:00-04:00");
    assert_eq!(
        outage["unknown_s"],
        seconds_between(&outage["start"], &fault_ends)
    );
}
