//! What commands answer: one document where JSON is asked for, what waits for a restart, what added
//! work earns, where a rehearsal names what is not there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::command_line::{Running, append, configure, ends, err, out, rehearsed};

#[track_caller]
fn json(folder: &Path, line: &[&str], code: i32) -> Value {
    let run = ends(folder, &[line, &["--json"]].concat(), code);
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn wrong_words_and_a_written_file_are_one_document_too() {
    let folder = rehearsed();
    let folder = folder.path();
    let said = json(folder, &["incident", "acknowledge", "I-1"], 2);
    let why = said["error"].as_str().unwrap();
    assert!(
        why.starts_with("unrecognized subcommand 'acknowledge'"),
        "{why}"
    );
    assert!(!why.contains("Usage"), "{why}");
    let said = json(folder, &["report", "October"], 2);
    assert!(said["error"].as_str().unwrap().contains("October"));
    // Nobody asked for JSON there, and help is no mistake.
    assert_eq!(out(&ends(folder, &["nonsense"], 2)), "");
    assert!(out(&ends(folder, &["status", "--help", "--json"], 0)).contains("Usage"));
    let report = [
        "report",
        "2026-10",
        "--data",
        "data",
        "--out",
        "october.json",
    ];
    let said = json(folder, &report, 0);
    let written = std::fs::read(folder.join("october.json")).unwrap();
    assert_eq!(said["written"], "october.json");
    assert_eq!(said["bytes"], written.len());
    assert_eq!(said["month"], "2026-10");
    let report: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(said["committee"], report["committee"]);
}

#[test]
fn a_text_may_begin_with_a_hyphen() {
    let folder = rehearsed();
    let folder = folder.path();
    let review = [
        "incident", "review", "portal", "--data", "data", "--by", "kim",
    ];
    ends(
        folder,
        &[&review[..], &["--summary", "- restarted"]].concat(),
        0,
    );
    let shown = json(folder, &["incident", "show", "portal", "--data", "data"], 0);
    assert!(shown.to_string().contains("\"- restarted\""), "{shown}");
    let swallowed = ends(folder, &[&review[..], &["--summary", "--json"]].concat(), 2);
    assert!(
        err(&swallowed).contains("reads like an option"),
        "{}",
        err(&swallowed)
    );
}

#[test]
fn a_reload_says_each_time_what_waits_for_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let file = folder.join("nines.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let _running = Running::start(folder);
    let port = before.split("127.0.0.1:").nth(1).unwrap();
    let port = port.split('"').next().unwrap();
    let other = before.replace(port, "1");
    std::fs::write(&file, other).unwrap();
    let reload = ["reload", "--config", "nines.toml"];
    let expected = format!(
        "`private` of [listen] needs a restart: 127.0.0.1:{port} is listened on until then, not 127.0.0.1:1"
    );
    // The second time it waits no less.
    for _ in 0..2 {
        let run = ends(folder, &reload, 0);
        assert_eq!(
            (out(&run), err(&run)),
            ("done\n", &*format!("nines: {expected}\n"))
        );
    }
    let said = json(folder, &reload, 0);
    assert_eq!(said["left"][0], expected);
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains(&expected), "{log}");
    std::fs::write(&file, before).unwrap();
    let run = ends(folder, &reload, 0);
    assert_eq!((out(&run), err(&run)), ("done\n", ""));
}

#[test]
fn what_is_scheduled_or_added_too_late_is_said_to_earn_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let customer = "\n[mail]\nfrom = \"status@example.org\"\nrelays = [\"smtp://127.0.0.1:1\"]\n\
        [[customer]]\nid = \"clinic\"\nname = \"Clinic\"\nzone = \"UTC\"\n\
        contacts = [\"it@clinic.example\"]\nsystems = [\"portal\"]\n";
    append(&folder.join("nines.toml"), customer);
    drop(Running::start(folder));
    let now: Timestamp = jiff::Timestamp::now();
    let after = |hours: i64| (now + SignedDuration::from_hours(hours)).to_string();
    let schedule_in = |hours: i64, id: &str, notice: &str| -> Value {
        let (start, end) = (after(hours), after(hours + 2));
        let line = [
            "maintenance",
            "schedule",
            id,
            "--system",
            "portal",
            "--title",
            "- Move",
            "--start",
            &start,
            "--end",
            &end,
            "--max-downtime",
            "5m",
            "--min-notice",
            notice,
            "--by",
            "kim",
            "--config",
            "nines.toml",
        ];
        json(folder, &line, 0)
    };
    let schedule = |id: &str, notice: &str| schedule_in(24, id, notice);
    let in_time = schedule("in-time", "1h");
    assert_eq!(in_time["events"][0]["kind"], "window-scheduled");
    let left = in_time["left"][0].as_str().unwrap();
    assert!(
        left.starts_with("planned once every customer has been told"),
        "{left}"
    );
    assert!(left.contains("not yet: clinic"), "{left}");
    let late = schedule("late", "7d");
    let left = late["left"][0].as_str().unwrap();
    assert!(
        left.starts_with("too late to be planned: customers had to be told by"),
        "{left}"
    );
    let longer = after(28);
    let line = [
        "maintenance",
        "extend",
        "late",
        "--end",
        &longer,
        "--by",
        "kim",
        "--config",
        "nines.toml",
    ];
    let run = ends(folder, &line, 0);
    assert!(
        out(&run).contains("\ntoo late to be planned: customers had"),
        "{}",
        out(&run)
    );
    // The list says the same, also of what is far ahead.
    schedule_in(60 * 24, "far", "7d");
    let list = json(
        folder,
        &["maintenance", "list", "--config", "nines.toml"],
        0,
    );
    let said = |n: usize| (list[n]["window"].clone(), list[n]["why"].to_string());
    assert_eq!(list.as_array().unwrap().len(), 3, "{list}");
    let (late, in_time, far) = (said(1), said(0), said(2));
    assert_eq!((&late.0, &far.0), (&"late".into(), &"far".into()));
    assert!(in_time.1.contains("not yet: to be told by"), "{list}");
    assert!(late.1.contains("NO: not told in time: clinic"), "{list}");
    assert!(far.1.contains("not yet: to be told by"), "{list}");
    assert_eq!(list[2]["untold"][0], "clinic");
}

#[test]
fn a_rehearsal_that_names_what_is_not_there_is_shown_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let scenario = "config = \"nines.toml\"\nstart = \"2026-10-01T00:00:00Z\"\nend = \"2026-10-02T00:00:00Z\"\n\
        [[fault]]\nsystem = \"protal\"\nfrom = \"2026-10-01T02:00:00Z\"\nto = \"2026-10-01T03:00:00Z\"\n\
        outcome = \"down\"\n";
    std::fs::write(folder.join("month.toml"), scenario).unwrap();
    let line = ["simulate", "month.toml", "--out", "out"];
    let run = ends(folder, &line, 2);
    let said = err(&run);
    for part in [
        "error: there is no system `protal`, did you mean `portal`?",
        "month.toml:5:10",
        "^^^^^^^^",
        "1 mistake in 1 file",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let mistake = &json(folder, &line, 2)["mistakes"][0];
    assert_eq!(mistake["file"], "month.toml");
    assert_eq!(
        (&mistake["line"], &mistake["column"]),
        (&5.into(), &10.into())
    );
    std::fs::write(
        folder.join("month.toml"),
        scenario.replace("[[fault]]", "[[falt]]"),
    )
    .unwrap();
    let run = ends(folder, &line, 2);
    assert!(err(&run).contains("month.toml:4:"), "{}", err(&run));
    assert!(!folder.join("out/ledger.sqlite").exists());
}

/// The status and the body that the private listener answers.
pub fn get(folder: &Path, path: &str) -> (u16, String) {
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let at = config.split("private = \"").nth(1).unwrap();
    let mut stream = TcpStream::connect(at.split('"').next().unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[test]
fn a_configured_target_is_asked_at_once_for_whoever_wants_to_know() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    let port = portal.split("port     = ").nth(1).unwrap();
    let port = port.lines().next().unwrap();
    let gone = portal.replace(&format!("port     = {port}"), "port     = 1");
    std::fs::write(folder.join("systems/gone.toml"), gone).unwrap();
    let _running = Running::start(folder);
    let (status, page) = get(folder, "/probe?target=portal/port");
    assert_eq!(status, 200, "{page}");
    let up = "probe_success{system=\"portal\",probe=\"port\",kind=\"tcp\",vantage=";
    let success = |page: &str| -> String {
        let mut lines = page.lines();
        lines
            .find(|l| l.starts_with("probe_success"))
            .unwrap()
            .to_owned()
    };
    assert!(success(&page).starts_with(up), "{page}");
    assert!(success(&page).ends_with("} 1"), "{page}");
    assert!(page.contains("\nprobe_duration_seconds{"), "{page}");
    assert!(!page.contains("gone") && !page.contains("nines_"), "{page}");
    let (status, page) = get(folder, "/probe?target=gone/port");
    assert_eq!(status, 200, "{page}");
    assert!(success(&page).ends_with("} 0"), "{page}");
    for (path, wanted) in [
        ("/probe", 400),
        ("/probe?target=portal", 404),
        ("/probe?target=http://127.0.0.1/", 404),
    ] {
        assert_eq!(get(folder, path).0, wanted, "{path}");
    }
    // What was taken out is asked no more.
    let gone = folder.join("systems/gone.toml");
    let again = std::fs::read_to_string(&gone).unwrap();
    std::fs::remove_file(&gone).unwrap();
    ends(folder, &["reload", "--config", "nines.toml"], 0);
    assert_eq!(get(folder, "/probe?target=gone/port").0, 404);
    // And what is put in is asked.
    std::fs::write(&gone, again).unwrap();
    ends(folder, &["reload", "--config", "nines.toml"], 0);
    let (status, page) = get(folder, "/probe?target=gone/port");
    assert_eq!(status, 200, "{page}");
    assert!(success(&page).ends_with("} 0"), "{page}");
}
