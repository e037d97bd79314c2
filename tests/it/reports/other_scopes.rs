//! Reports of other periods than a month, and of one customer.

use serde_json::Value;

use crate::support::program::{ends, err, json, out};
use crate::support::rehearsal::{list, play_into, system};

fn played() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    play_into("hard-month", folder.path());
    folder
}

fn report(folder: &tempfile::TempDir, words: &[&str]) -> Value {
    let line = [&["report", "--data", "."], words].concat();
    json(folder.path(), &line, 0)
}

#[test]
fn two_halves_of_a_month_add_up_to_the_month() {
    let folder = played();
    let month = report(&folder, &["2026-10"]);
    let halves = [("2026-10-01", "2026-10-15"), ("2026-10-15", "2026-11-01")]
        .map(|(from, to)| report(&folder, &["--from", from, "--to", to]));
    for key in ["agreed_s", "up_s", "planned_s", "unplanned_s", "unknown_s"] {
        let of = |report: &Value| system(report, "portal")[key].as_i64().unwrap();
        assert_eq!(of(&halves[0]) + of(&halves[1]), of(&month), "{key}");
    }
    let first = &halves[0];
    assert_eq!(first["month"], "2026-10-01/2026-10-15");
    assert_eq!(first["month_name"], "1 October 2026 to 14 October 2026");
    assert_eq!(first["covers"], "period");
    assert_eq!(first["from"], "2026-10-01T00:00:00-04:00");
    assert_eq!(first["to"], "2026-10-15T00:00:00-04:00");
    assert_eq!(first["status"], "draft");
    // 14 days.
    assert_eq!(system(first, "portal")["agreed_s"], 14 * 86_400);
    assert_eq!(list(&first["trend"]).len(), 0);
}

#[test]
fn a_period_prints_its_edges_and_says_that_it_is_never_approved() {
    let folder = played();
    for format in ["html", "md", "pdf"] {
        let days = ["--from", "2026-10-01", "--to", "2026-10-15"];
        let line = [&["report", "--data", ".", "--format", format], &days[..]].concat();
        let made = ends(folder.path(), &line, 0);
        if format != "pdf" {
            let text = out(&made).replace('\u{a0}', " ");
            let edges =
                "From 2026-10-01 00:00:00 EDT up to, not including, 2026-10-15 00:00:00 EDT";
            assert!(text.contains(edges), "{format}");
            assert!(text.contains("Only the report of a month is ever approved"));
            for of_a_month in [
                "this month",
                "the month’s",
                "budget of the month",
                "running month",
            ] {
                assert!(!text.contains(of_a_month), "{format} has {of_a_month:?}");
            }
        }
    }
    for (days, wanted) in [
        (
            ["--from", "2026-10-15", "--to", "2026-10-15"],
            "before --to",
        ),
        (["--from", "2027-10-15", "--to", "2027-10-16"], ""),
    ] {
        let line = [&["report", "--data", "."], &days[..]].concat();
        let code = if wanted.is_empty() { 1 } else { 2 };
        let refused = ends(folder.path(), &line, code);
        assert!(err(&refused).contains(wanted), "{}", err(&refused));
    }
    ends(
        folder.path(),
        &["report", "--data", ".", "--from", "2026-10-01"],
        2,
    );
    ends(
        folder.path(),
        &[
            "report",
            "2026-10",
            "--data",
            ".",
            "--from",
            "2026-10-01",
            "--to",
            "2026-10-02",
        ],
        2,
    );
}

#[test]
fn a_customer_s_report_has_its_systems_and_nothing_about_others_or_of_staff() {
    let folder = played();
    // Names, ids and addresses of the other customers, texts of staff, and staff.
    let internal = [
        "Mercy",
        "mercy",
        "North County",
        "north-county",
        "St. Elsewhere",
        "st-elsewhere",
        "@",
        "certificate was replaced",
        "file name was corrected",
        "on-call",
        "r.meyer",
        "refused",
        "login-page",
        "Results interface",
        "results",
    ];
    for format in ["html", "md", "json"] {
        let line = [
            "report",
            "2026-10",
            "--data",
            ".",
            "--customer",
            "lakeside",
            "--format",
            format,
        ];
        let made = ends(folder.path(), &line, 0);
        let text = out(&made);
        // The style sheet's @media is no address.
        let text = text.replace("@media", "");
        for word in internal {
            assert!(!text.contains(word), "{format} has {word}: {text}");
        }
        assert!(text.contains("Lakeside Family Practice"), "{format}");
        assert!(text.contains("Clinical Portal"), "{format}");
    }
}

#[test]
fn a_customer_reads_the_figures_of_the_committee_in_its_own_zone() {
    let folder = played();
    let committee = report(&folder, &["2026-10"]);
    let own = report(&folder, &["2026-10", "--customer", "st-elsewhere"]);
    assert_eq!(own["zone"], "America/Chicago");
    assert_eq!(own["counted_in"], "America/New_York");
    assert_eq!(own["from"], "2026-09-30T23:00:00-05:00");
    let lines = list(&own["systems"]);
    assert_eq!(lines.len(), 2);
    for line in lines {
        let id = line["system"].as_str().unwrap();
        for (key, value) in line.as_object().unwrap() {
            assert_eq!(&system(&committee, id)[key], value, "{id} {key}");
        }
    }
    let told = list(&own["outages"]);
    assert!(told.iter().any(|o| o["told"].is_string()));
    let refused = ends(
        folder.path(),
        &[
            "report",
            "2026-10",
            "--data",
            ".",
            "--customer",
            "st-elsewere",
        ],
        1,
    );
    let text = err(&refused);
    assert!(text.contains("did you mean `st-elsewhere`?"), "{text}");
}

#[test]
fn a_customer_reads_why_a_notice_did_not_arrive_and_what_was_excluded() {
    let folder = played();
    let own = report(&folder, &["2026-10", "--customer", "mercy"]);
    let first = &list(&own["outages"])[0];
    assert!(first["told"].is_null());
    assert_eq!(first["notice"], "rejected");
    assert_eq!(first["yours"], true);
    for format in ["html", "md"] {
        let customer = ["--customer", "mercy", "--format", format];
        let line = [&["report", "2026-10", "--data", "."], &customer[..]].concat();
        let made = ends(folder.path(), &line, 0);
        let text = out(&made);
        for word in ["rejected by the mail server", "Excluded"] {
            assert!(text.contains(word), "{format} lacks {word}: {text}");
        }
    }
}
