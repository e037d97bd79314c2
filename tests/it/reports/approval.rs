//! `nines report approve`, `revise`, `list`, `show` and `verify` on a stopped service.

use std::path::Path;

use crate::support::program::{Running, configure, ends, err, json, out, rehearsed};

const DATA: &[&str] = &["--data", "data"];

fn line<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, DATA].concat()
}

#[test]
fn a_report_is_approved_as_it_was_read_and_can_be_checked_a_year_later() {
    let folder = rehearsed();
    let at = folder.path();
    let file = |name: &str| std::fs::read(at.join("data/reports").join(name)).unwrap();
    // Nobody has read a draft.
    let unread = ends(
        at,
        &line(&["report", "approve", "2026-10", "--by", "chair"]),
        2,
    );
    assert!(
        err(&unread).contains("nines report 2026-10"),
        "{}",
        err(&unread)
    );
    let draft = ends(at, &line(&["report", "2026-10", "--format", "md"]), 0);
    assert!(out(&draft).contains("**DRAFT**"));
    // The writer of the texts may not approve them.
    let own = ends(
        at,
        &line(&["report", "approve", "2026-10", "--by", "on-call"]),
        1,
    );
    assert!(err(&own).contains("wrote texts"), "{}", err(&own));
    let done = ends(
        at,
        &line(&["report", "approve", "2026-10", "--by", "chair"]),
        0,
    );
    assert!(
        out(&done).contains("chair approved the report of 2026-10 for operations"),
        "{}",
        out(&done)
    );
    assert!(
        out(&done).contains("files of the report of 2026-10 for operations are stored"),
        "{}",
        out(&done)
    );
    let sent = file("operations-2026-10-final.html");
    let shown = ends(at, &line(&["report", "show", "2026-10"]), 0);
    assert_eq!(shown.stdout, sent);
    let listed = json(at, &line(&["report", "list"]), 0);
    let revision = &listed[0]["revisions"][0];
    assert_eq!(
        (revision["revision"].as_u64(), revision["by"].as_str()),
        (Some(0), Some("chair"))
    );
    // The ledger gives the same bytes again.
    let seq = revision["seq"].to_string();
    let again = ends(at, &line(&["report", "2026-10", "--seq", &seq]), 0);
    assert_eq!(again.stdout, sent);
    ends(at, &line(&["report", "verify"]), 0);

    let exclude = [
        "incident",
        "exclude",
        "portal",
        "--from",
        "2026-10-07T02:20:00-04:00",
        "--to",
        "2026-10-07T02:30:00-04:00",
        "--reason",
        "their line",
        "--evidence",
        "ticket 7",
        "--approved-by",
        "lee",
        "--by",
        "kim",
    ];
    ends(at, &line(&exclude), 0);
    // The draft that was read has other figures.
    let revise = [
        "report",
        "revise",
        "2026-10",
        "--reason",
        "An exclusion.",
        "--by",
        "chair",
    ];
    let stale = ends(at, &line(&revise), 1);
    assert!(
        err(&stale).contains("figures have changed"),
        "{}",
        err(&stale)
    );
    ends(at, &line(&["report", "2026-10"]), 0);
    ends(at, &line(&revise), 0);
    let revised = String::from_utf8(file("operations-2026-10-revision-1.html")).unwrap();
    assert!(revised.contains("Changes of this revision") && revised.contains("An exclusion."));
    assert_eq!(file("operations-2026-10-final.html"), sent);
    ends(at, &line(&["report", "verify"]), 0);
    tampered(at);
}

#[test]
fn a_running_service_files_the_report_before_it_answers() {
    let folder = rehearsed();
    let at = folder.path();
    configure(at);
    let _running = Running::start(at);
    let line = |words: &[&'static str]| [words, &["--config", "nines.toml"]].concat();
    ends(at, &line(&["report", "2026-10"]), 0);
    let approve = ["report", "approve", "2026-10", "--by", "chair"];
    let done = ends(at, &line(&approve), 0);
    let text = out(&done);
    let order = ["chair approved the report", "are stored"].map(|kind| text.find(kind).unwrap());
    assert!(order[0] < order[1], "{text}");
    let again = ends(at, &line(&approve), 1);
    assert!(err(&again).contains("report revise"), "{}", err(&again));
    ends(at, &line(&["report", "verify"]), 0);
}

fn tampered(at: &Path) {
    let path = at.join("data/reports/operations-2026-10-final.json");
    let was = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, was.replace("\"outages\": 1,", "\"outages\": 0,")).unwrap();
    let found = json(at, &line(&["report", "verify", "2026-10"]), 1);
    let faults = found[0]["faults"].to_string();
    assert!(
        faults.contains("SHA-256") && faults.contains("systems.0.outages"),
        "{faults}"
    );
    assert_eq!(found[1]["faults"].as_array().unwrap().len(), 0);
    std::fs::write(&path, was).unwrap();
    // A roll-up of which one count is another.
    let path = at.join("data/rollups/2026-10-05-America-New_York.jsonl");
    let was = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        was.replacen("\"conclusive\":", "\"conclusive\":1", 1),
    )
    .unwrap();
    let found = json(at, &line(&["report", "verify", "2026-10"]), 1);
    for revision in found.as_array().unwrap() {
        let faults = revision["faults"].as_array().unwrap();
        assert_eq!(faults.len(), 1, "{faults:?}");
        let fault = faults[0].as_str().unwrap();
        assert!(fault.contains("rollups/2026-10-05") && fault.contains("SHA-256"));
    }
    std::fs::write(&path, was).unwrap();
    ends(at, &line(&["report", "verify"]), 0);
}
