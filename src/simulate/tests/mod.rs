//! Rehearsals of days and months, small enough to read and check by hand.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::*;

mod example;
mod webhooks;

const SERVICE: &str = r#"
[service]
name = "Example HIE"
zone = "America/New_York"

[listen]
private = "127.0.0.1:8081"

[mail]
from   = "Example HIE Status <status@example.org>"
relays = ["smtp://127.0.0.1:2525"]

[[committee]]
id      = "operations"
name    = "Operating Committee"
zone    = "America/New_York"
members = ["chair@example.org"]

[[customer]]
id       = "st-elsewhere"
name     = "St. Elsewhere Hospital"
zone     = "America/Chicago"
contacts = ["it@st-elsewhere.example"]
systems  = ["portal"]
"#;

const PORTAL: &str = r#"
name      = "Clinical Portal"
committee = "operations"
target    = "99.9%"

[[probe]]
name     = "login-page"
kind     = "http"
url      = "http://127.0.0.1:9/login"
interval = "30s"
"#;

struct Rehearsal {
    _folder: TempDir,
    out: PathBuf,
    summary: Summary,
}

impl Rehearsal {
    fn lines(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.out.join(file)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// `kind` and time of day in New York (or what the event says of it) of the chosen kinds.
    fn timeline(&self, kinds: &[&str]) -> Vec<Value> {
        let of = |line: &Value| kinds.contains(&line["kind"].as_str().unwrap());
        self.lines("timeline.jsonl")
            .into_iter()
            .filter(of)
            .collect()
    }

    fn report(&self, month: &str) -> Value {
        let path = self.out.join(format!("reports/operations-{month}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }
}

fn write(folder: &Path, service: &str, systems: &[(&str, &str)], scenario: &str) -> PathBuf {
    for name in ["systems", "policies"] {
        std::fs::create_dir_all(folder.join("config").join(name)).unwrap();
    }
    std::fs::write(folder.join("config/nines.toml"), service).unwrap();
    for (id, text) in systems {
        std::fs::write(folder.join(format!("config/systems/{id}.toml")), text).unwrap();
    }
    let path = folder.join("scenario.toml");
    std::fs::write(&path, scenario).unwrap();
    path
}

fn rehearse_with(systems: &[(&str, &str)], scenario: &str) -> Rehearsal {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), SERVICE, systems, scenario);
    let out = folder.path().join("out");
    let summary = run(&path, &out, &mut |_, _| {}).unwrap_or_else(|error| panic!("{error:?}"));
    Rehearsal {
        _folder: folder,
        out,
        summary,
    }
}

fn rehearse(scenario: &str) -> Rehearsal {
    rehearse_with(&[("portal", PORTAL)], scenario)
}

/// A scenario over `[from, to)` of October 2026, in New York.
fn over(from: &str, to: &str, rest: &str) -> String {
    format!(
        "config = \"config/nines.toml\"\nstart = \"2026-10-{from}-04:00\"\nend = \"2026-10-{to}-04:00\"\nseed = 7\n{rest}"
    )
}

fn fault(from: &str, to: &str, outcome: &str) -> String {
    format!(
        "[[fault]]\nsystem = \"portal\"\nfrom = \"2026-10-{from}-04:00\"\nto = \"2026-10-{to}-04:00\"\noutcome = \"{outcome}\"\n"
    )
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["kind"].as_str().unwrap()).collect()
}

fn seconds_between(from: &Value, to: &Value) -> i64 {
    let t = |v: &Value| v.as_str().unwrap().parse::<Timestamp>().unwrap();
    t(to).duration_since(t(from)).as_secs()
}

const OUTAGE: [&str; 6] = [
    "outage-opened",
    "outage-closed",
    "incident-opened",
    "incident-resolved",
    "delivery-attempted",
    "delivery-ended",
];

#[test]
fn an_outage_is_found_told_and_reported() {
    let played = rehearse(&over(
        "07T00:00:00",
        "08T00:00:00",
        &fault("07T02:14:10", "07T02:51:40", "down"),
    ));
    let events = played.timeline(&OUTAGE);
    assert_eq!(
        kinds(&events),
        [
            "outage-opened",
            "incident-opened",
            "delivery-attempted",
            "delivery-ended",
            "outage-closed",
            "incident-resolved",
            "delivery-attempted",
            "delivery-ended",
        ]
    );
    // Three bad samples, five seconds apart.
    let opened = &events[0];
    assert_eq!(seconds_between(&opened["data"]["start"], &opened["at"]), 10);
    let notices = played.lines("notices.jsonl");
    let told: Vec<_> = notices
        .iter()
        .map(|n| (n["kind"].as_str().unwrap(), n["result"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("downtime", "sent"), ("uptime", "sent")]);
    let mails = std::fs::read_dir(played.out.join("notices"))
        .unwrap()
        .count();
    assert_eq!(mails, 2);
    let outage = &played.report("2026-10")["outages"][0];
    let length = seconds_between(&outage["start"], &outage["end"]);
    assert!(
        (37 * 60 + 30 - 30..=37 * 60 + 30 + 30).contains(&length),
        "{length}"
    );
    assert_eq!(played.summary.outages, 1);
    assert!(played.summary.refused.is_empty());
}

#[test]
fn what_people_do_while_a_killed_service_is_away_makes_nothing_of_it_seen() {
    let killed = r#"
[[act]]
at = "2026-10-07T06:00:00-04:00"
by = "ops"
do = "restart"
down_for = "20h"
kill = true
"#;
    let review = r#"
[[act]]
at = "2026-10-07T20:00:00-04:00"
by = "on-call"
do = "review"
system = "portal"
summary = "The portal was down."
"#;
    let outage = fault("07T02:14:10", "07T02:51:40", "down");
    let rest = outage + killed + review;
    let told = rehearse(&over("07T00:00:00", "08T00:00:00", &rest));
    assert!(told.summary.refused.is_empty());
    let events = told.timeline(&["started", "crashed", "incident-reviewed", "stopped"]);
    assert_eq!(kinds(&events), ["started", "crashed", "incident-reviewed"]);
    // The scenario ends before the service is back: nobody has watched since the kill at 06:00,
    // and the report reaches to the review at 20:00.
    let report = told.report("2026-10");
    let seconds = |key: &str| report["systems"][0][key].as_i64().unwrap();
    assert_eq!(seconds("agreed_s"), 20 * 3_600);
    let watched_s = seconds("up_s") + seconds("unplanned_s");
    assert!((21_480..=21_600).contains(&watched_s), "{watched_s}");
    assert_eq!(seconds("unknown_s"), 20 * 3_600 - watched_s);
}

#[test]
fn people_act_on_what_the_system_has() {
    let acts = r#"
[[act]]
at = "2026-10-07T02:20:00-04:00"
by = "on-call"
do = "acknowledge"
system = "portal"

[[act]]
at = "2026-10-07T10:00:00-04:00"
by = "on-call"
do = "review"
system = "portal"
summary = "The portal was down."
root_cause = "A full disk."
resolution = "Space was made."
measures = [{ text = "Watch the disk.", owner = "platform", due = "2026-11-30" }]

[[act]]
at = "2026-10-07T11:00:00-04:00"
by = "chair"
do = "close"
system = "portal"

[[act]]
at = "2026-10-07T12:00:00-04:00"
by = "chair"
do = "reclassify"
system = "portal"
reason = "nothing was planned"
"#;
    let rest = fault("07T02:14:10", "07T02:51:40", "down") + acts;
    let played = rehearse(&over("07T00:00:00", "08T00:00:00", &rest));
    let done = [
        "incident-acknowledged",
        "incident-reviewed",
        "incident-closed",
    ];
    let events = played.timeline(&done);
    assert_eq!(kinds(&events), done);
    assert_eq!(events[0]["at"], "2026-10-07T06:20:00Z");
    assert_eq!(events[0]["by"], "on-call");
    let incident = &played.report("2026-10")["incidents"][0];
    assert_eq!(incident["root_cause"], "A full disk.");
    // Nothing was planned, so there is nothing to take back.
    let refused: Vec<_> = played
        .summary
        .refused
        .iter()
        .map(|r| r.by.as_str())
        .collect();
    assert_eq!(refused, ["chair"]);
}

#[test]
fn an_act_that_is_refused_is_told_and_the_rest_goes_on() {
    let act = r#"
[[act]]
at = "2026-10-07T02:20:00-04:00"
by = "on-call"
do = "acknowledge"
system = "portal"
"#;
    let played = rehearse(&over("07T00:00:00", "07T06:00:00", act));
    let refused = &played.summary.refused;
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].by.as_str(), refused[0].line), ("on-call", 6));
    assert_eq!(played.timeline(&["stopped"]).len(), 1);
}

#[test]
fn a_text_about_a_patient_is_refused_unless_a_reason_confirms_that_it_is_something_else() {
    let update = |minute: u32, rest: &str| {
        format!(
            "[[act]]\nat = \"2026-10-07T02:{minute}:00-04:00\"\nby = \"on-call\"\ndo = \"update\"\nsystem = \"portal\"\n{rest}\n"
        )
    };
    let rest = [
        fault("07T02:14:10", "07T02:51:40", "down"),
        update(20, "text = \"It fails for MRN 1234567\""),
        update(
            30,
            "text = \"It fails for MRN 1234567\"\nnot_phi = \"The vendor's test record\"",
        ),
    ];
    let played = rehearse(&over("07T00:00:00", "08T00:00:00", &rest.concat()));
    let refused = &played.summary.refused;
    assert_eq!(refused.len(), 1);
    assert!(
        refused[0].reason.contains("`MRN *******`"),
        "{}",
        refused[0].reason
    );
    assert_eq!(played.timeline(&["incident-updated"]).len(), 1);
    let confirmed = played.timeline(&["text-confirmed"]);
    assert_eq!(confirmed.len(), 1);
    assert_eq!(confirmed[0]["subject"], "I-1");
    assert_eq!(confirmed[0]["by"], "on-call");
    assert_eq!(confirmed[0]["data"]["reason"], "The vendor's test record");
    let report = played.report("2026-10");
    let steps = report["incidents"][0]["timeline"].as_array().unwrap();
    let step = |step: &Value| {
        step["what"]
            .as_str()
            .unwrap()
            .contains("confirmed by on-call")
    };
    assert!(steps.iter().any(step), "{steps:?}");
}

#[test]
fn mail_that_is_refused_for_a_while_arrives_later_with_the_same_id() {
    let mail = r#"
[[mail]]
from = "2026-10-07T02:00:00-04:00"
to = "2026-10-07T05:00:00-04:00"
answer = "451"
"#;
    let rest = fault("07T02:14:10", "07T06:00:00", "down") + mail;
    let played = rehearse(&over("07T00:00:00", "08T00:00:00", &rest));
    let notices = played.lines("notices.jsonl");
    let downtime = notices.iter().find(|n| n["kind"] == "downtime").unwrap();
    assert_eq!(downtime["result"], "sent");
    assert!(downtime["attempts"].as_u64().unwrap() > 3);
    let delivered: Timestamp = downtime["delivered"].as_str().unwrap().parse().unwrap();
    assert!(delivered >= "2026-10-07T09:00:00Z".parse().unwrap());
    let attempts = played.timeline(&["delivery-attempted"]);
    let ids: std::collections::BTreeSet<_> = attempts
        .iter()
        .filter(|a| a["subject"] == downtime["notice"])
        .map(|a| a["data"]["message_id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1);
}

#[test]
fn a_time_without_samples_is_unknown_and_not_down() {
    let played = rehearse(&over(
        "07T00:00:00",
        "08T00:00:00",
        &fault("07T02:00:00", "07T03:00:00", "no_samples"),
    ));
    assert_eq!(played.summary.outages, 0);
    let system = &played.report("2026-10")["systems"][0];
    let unknown = system["unknown_s"].as_i64().unwrap();
    // From two and a half intervals after the last sample to the first new one; and the first
    // seconds of the service's life, before its first sample.
    assert!((3600 - 75..=3600 + 60).contains(&unknown), "{unknown}");
    assert_eq!(system["unplanned_s"], 0);
}

#[test]
fn a_restart_inside_an_outage_leaves_one_outage_and_one_pair_of_notices() {
    let restart = |extra: &str| {
        let act = format!(
            "[[act]]\nat = \"2026-10-07T02:30:00-04:00\"\nby = \"ops\"\ndo = \"restart\"\ndown_for = \"3m\"\n{extra}"
        );
        let rest = fault("07T02:14:10", "07T02:51:40", "down") + &act;
        rehearse(&over("07T00:00:00", "08T00:00:00", &rest))
    };
    for extra in ["", "kill = true\n"] {
        let played = restart(extra);
        assert_eq!(played.summary.outages, 1);
        assert_eq!(played.summary.notices, 2);
        let unknown = played.report("2026-10")["systems"][0]["unknown_s"]
            .as_i64()
            .unwrap();
        assert!((150..=260).contains(&unknown), "{unknown}");
        let stops = played.timeline(&["stopped"]).len();
        assert_eq!(stops, if extra.is_empty() { 2 } else { 1 });
    }
}

fn declared(at: &str, from: &str, to: &str) -> String {
    format!(
        "[[act]]\nat = \"2026-10-07T{at}-04:00\"\nby = \"ops\"\ndo = \"declare_outage\"\nsystem = \"portal\"\n\
         from = \"2026-10-07T{from}-04:00\"\n{to}evidence = \"customers call\"\n"
    )
}

#[test]
fn the_declaration_that_is_open_is_the_one_that_is_changed() {
    let ends = "[[act]]\nat = \"2026-10-07T12:00:00-04:00\"\nby = \"ops\"\ndo = \"change_declaration\"\n\
                system = \"portal\"\nto = \"2026-10-07T11:00:00-04:00\"\nreason = \"it was over then\"\n";
    let rest = declared("08:30:00", "08:00:00", "")
        + &declared(
            "09:30:00",
            "05:00:00",
            "to = \"2026-10-07T05:10:00-04:00\"\n",
        )
        + ends;
    let played = rehearse(&over("07T00:00:00", "08T00:00:00", &rest));
    assert_eq!(played.summary.refused, []);
    let outages = played.report("2026-10")["outages"].clone();
    let lengths: Vec<i64> = outages
        .as_array()
        .unwrap()
        .iter()
        .map(|o| seconds_between(&o["start"], &o["end"]))
        .collect();
    assert_eq!(lengths, [600, 3 * 3_600]);
}

#[test]
fn a_declaration_needs_no_second_person_and_takes_none() {
    let text = declared("08:30:00", "08:00:00", "approved_by = \"ann\"\n");
    let folder = tempfile::tempdir().unwrap();
    let scenario = over("07T00:00:00", "08T00:00:00", &text);
    let path = write(folder.path(), SERVICE, &[("portal", PORTAL)], &scenario);
    let error = run(&path, &folder.path().join("out"), &mut |_, _| {}).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("unknown key `approved_by`: `declare_outage` knows `at`"),
        "{told}"
    );
}

/// The portal asked every ten minutes, and every ten seconds while a bad run is pending; the first
/// slot after two in the morning, from which on it is down for half an hour.
fn seldom() -> (String, Timestamp) {
    let text = PORTAL.replace(
        "interval = \"30s\"",
        "interval = \"10m\"\nretry_interval = \"10s\"",
    );
    let grid = domain::schedule::Grid::of(&"portal/login-page".into(), 600_000);
    (
        text,
        grid.at_or_after("2026-10-07T02:00:00-04:00".parse().unwrap()),
    )
}

fn outage_from(start: Timestamp, act: &str) -> String {
    let seconds = jiff::SignedDuration::from_secs;
    let (until, then) = (start + seconds(1_800), start + seconds(7));
    let rest = format!(
        "[[fault]]\nsystem = \"portal\"\nfrom = \"{start}\"\nto = \"{until}\"\noutcome = \"down\"\n\
         [[act]]\nat = \"{then}\"\nby = \"ops\"\n{act}"
    );
    over("07T00:00:00", "08T00:00:00", &rest)
}

/// The one outage: seconds from its start to its confirmation.
fn confirmed_after(played: &Rehearsal, start: Timestamp) -> i64 {
    let opened = played.timeline(&["outage-opened"]);
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0]["data"]["start"], start.to_string());
    seconds_between(&opened[0]["data"]["start"], &opened[0]["at"])
}

#[test]
fn a_restart_in_a_pending_run_does_not_put_its_retry_off_to_the_next_slot() {
    let (text, start) = seldom();
    for kill in ["", "kill = true\n"] {
        let act = format!("do = \"restart\"\ndown_for = \"2s\"\n{kill}");
        let played = rehearse_with(&[("portal", &text)], &outage_from(start, &act));
        // Two more bad samples, ten seconds apart, the first within ten seconds of the start at 9.
        let seconds = confirmed_after(&played, start);
        assert!((19..=30).contains(&seconds), "{seconds}");
    }
}

#[test]
fn a_reload_that_changes_the_interval_goes_on_with_a_pending_retry() {
    let (text, start) = seldom();
    let folder = tempfile::tempdir().unwrap();
    let faster = text.replace("10m", "5m");
    let act = "do = \"reload\"\nconfig = \"next/config/nines.toml\"\n";
    let path = write(
        folder.path(),
        SERVICE,
        &[("portal", &text)],
        &outage_from(start, act),
    );
    write(
        &folder.path().join("next"),
        SERVICE,
        &[("portal", &faster)],
        "",
    );
    let out = folder.path().join("out");
    let summary = run(&path, &out, &mut |_, _| {}).unwrap();
    let played = Rehearsal {
        _folder: folder,
        out,
        summary,
    };
    assert_eq!(played.timeline(&["configured"]).len(), 2);
    assert_eq!(confirmed_after(&played, start), 20);
}

#[test]
fn a_reload_brings_a_system_in_its_middle() {
    let folder = tempfile::tempdir().unwrap();
    let lab = PORTAL
        .replace("Clinical Portal", "Lab results")
        .replace("login-page", "page");
    let second = SERVICE.replace("[service]\n", "[service]\nsystems = \"more\"\n");
    let path = write(
        folder.path(),
        SERVICE,
        &[("portal", PORTAL)],
        &over(
            "07T00:00:00",
            "08T00:00:00",
            "[[act]]\nat = \"2026-10-07T12:00:00-04:00\"\nby = \"ops\"\ndo = \"reload\"\nconfig = \"config/second.toml\"\n",
        ),
    );
    std::fs::create_dir_all(folder.path().join("config/more")).unwrap();
    std::fs::write(folder.path().join("config/more/portal.toml"), PORTAL).unwrap();
    std::fs::write(folder.path().join("config/more/lab.toml"), lab).unwrap();
    std::fs::write(folder.path().join("config/second.toml"), second).unwrap();
    let out = folder.path().join("out");
    let summary = run(&path, &out, &mut |_, _| {}).unwrap_or_else(|error| panic!("{error:?}"));
    let played = Rehearsal {
        _folder: folder,
        out,
        summary,
    };
    let configured = played.timeline(&["configured"]);
    assert_eq!(configured.len(), 2);
    assert_eq!(configured[1]["by"], "ops");
    let report = played.report("2026-10");
    let agreed: Vec<_> = report["systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["agreed_s"].as_i64().unwrap())
        .collect();
    assert_eq!(agreed, [12 * 3600, 24 * 3600]);
}

#[test]
fn what_a_scenario_names_and_nobody_has_is_a_mistake_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let rest = fault("07T02:00:00", "07T03:00:00", "down").replace("portal", "protal")
        + r#"
[[fault]]
probe = "portal/login-pge"
from = "2026-10-07T04:00:00-04:00"
to = "2026-10-07T05:00:00-04:00"
outcome = "down"

[[act]]
at = "2026-10-07T06:00:00-04:00"
by = "on-call"
do = "schedule_maintenance"
id = "move"
systems = ["portal", "results"]
title = "Move"
start = "2026-10-07T08:00:00-04:00"
end = "2026-10-07T09:00:00-04:00"

[[act]]
at = "2026-10-07T06:10:00-04:00"
by = "on-call"
do = "told"
window = "moove"
customer = "saint-elsewhere"
how = "by phone"

[[mail]]
from = "2026-10-07T06:00:00-04:00"
to = "2026-10-07T07:00:00-04:00"
recipient = "it@st-elsewhere.exmple"
answer = "451"
"#;
    let scenario = over("07T00:00:00", "08T00:00:00", &rest);
    let path = write(folder.path(), SERVICE, &[("portal", PORTAL)], &scenario);
    let error = run(&path, &folder.path().join("out"), &mut |_, _| {}).unwrap_err();
    let Error::Mistakes(mistakes) = error else {
        panic!("{error}");
    };
    let said: Vec<&str> = mistakes.iter().map(|m| m.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "there is no system `protal`, did you mean `portal`?",
            "there is no probe `portal/login-pge`, did you mean `portal/login-page`?",
            "there is no system `results`",
            "there is no act that schedules a window `moove`, did you mean `move`?",
            "there is no customer `saint-elsewhere`, did you mean `st-elsewhere`?",
            "there is no configured mail address or webhook `it@st-elsewhere.exmple`, did you mean `it@st-elsewhere.example`?",
        ]
    );
    let lines: Vec<&str> = scenario.lines().collect();
    for mistake in mistakes.iter() {
        assert_eq!(mistake.path, path);
        let line: String = lines[mistake.line - 1]
            .chars()
            .skip(mistake.column - 1)
            .collect();
        let word = mistake.message.split('`').nth(1).unwrap();
        assert!(line.starts_with(&format!("\"{word}\"")), "{line}");
    }
}

#[test]
fn a_folder_with_a_ledger_is_left_alone() {
    let played = rehearse(&over("07T00:00:00", "07T01:00:00", ""));
    let scenario = played.out.parent().unwrap().join("scenario.toml");
    let error = run(&scenario, &played.out, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::NotEmpty(_)));
}

/// Every file of a rehearsal but the stores, whose files hold more than their rows.
fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for name in ["timeline.jsonl", "notices.jsonl"] {
        files.push((
            PathBuf::from(name),
            std::fs::read(folder.join(name)).unwrap(),
        ));
    }
    for part in ["notices", "reports"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            files.push((name, std::fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn the_same_scenario_gives_the_same_bytes_in_another_folder() {
    let mail = "[[mail]]\nfrom = \"2026-10-07T02:00:00-04:00\"\nto = \"2026-10-07T02:40:00-04:00\"\nanswer = \"timeout\"\n";
    let restart = "[[act]]\nat = \"2026-10-08T02:30:00-04:00\"\nby = \"ops\"\ndo = \"restart\"\ndown_for = \"3m\"\n";
    let rest = fault("07T02:14:10", "07T02:51:40", "down")
        + &fault("08T02:14:10", "08T02:51:40", "degraded")
        + mail
        + restart;
    let scenario = over("06T00:00:00", "09T00:00:00", &rest);
    let (one, two) = (rehearse(&scenario), rehearse(&scenario));
    assert_eq!(one.summary.head, two.summary.head);
    let (a, b) = (bytes(&one.out), bytes(&two.out));
    assert_eq!(a.len(), b.len());
    for ((name, left), (_, right)) in a.iter().zip(&b) {
        assert!(left == right, "{} differs", name.display());
    }
    let samples = |played: &Rehearsal| {
        let instance = samples::Instance::open(&played.out, Timestamp::UNIX_EPOCH).unwrap();
        instance.recent(Timestamp::MIN).unwrap()
    };
    assert_eq!(samples(&one), samples(&two));
}

#[test]
fn a_mail_server_that_answers_nobody_in_time_gets_its_mail_when_it_does() {
    let mail = "[[mail]]\nfrom = \"2026-10-07T02:10:00-04:00\"\nto = \"2026-10-07T02:20:00-04:00\"\nanswer = \"timeout\"\n";
    let rest = fault("07T02:14:10", "07T06:00:00", "down") + mail;
    let played = rehearse(&over("07T00:00:00", "08T00:00:00", &rest));
    let notices = played.lines("notices.jsonl");
    let downtime = notices.iter().find(|n| n["kind"] == "downtime").unwrap();
    assert_eq!(downtime["result"], "sent");
    assert!(downtime["attempts"].as_u64().unwrap() > 1, "{downtime}");
    let delivered: Timestamp = downtime["delivered"].as_str().unwrap().parse().unwrap();
    let over: Timestamp = "2026-10-07T06:20:00Z".parse().unwrap();
    assert!(delivered >= over, "{downtime}");
    // Each attempt before was waited for, half a minute long.
    let of = |e: &&Value| e["subject"] == downtime["notice"];
    let events = played.timeline(&["delivery-attempted", "delivery-ended"]);
    let [first, ended, ..] = events.iter().filter(of).collect::<Vec<_>>()[..] else {
        panic!("{events:?}");
    };
    assert_eq!(seconds_between(&first["at"], &ended["at"]), 30);
    assert_eq!(ended["data"]["result"], "deferred");
}
