//! What the page of promises needed a test for: starts that are refused, a hangup, a ledger that
//! somebody changed, samples that are gone, the keys that other programs read.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::answers::get;
use crate::command_line::{Running, append, configure, ends, err, out, rehearsed};
use crate::played::{play, play_into};

/// What a service that ought not to start says.
fn refused(folder: &Path, code: i32) -> String {
    let run = ends(folder, &["run", "--config", "nines.toml"], code);
    assert_eq!(out(&run), "");
    err(&run).to_owned()
}

/// Waits until the service's log says so.
#[track_caller]
fn says(folder: &Path, word: &str) {
    let began = Instant::now();
    loop {
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        if log.contains(word) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{word}: {log}");
    }
}

#[test]
fn a_service_does_not_start_on_a_mistake_nor_on_a_changed_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let portal = folder.join("systems/portal.toml");
    let good = std::fs::read_to_string(&portal).unwrap();
    append(&portal, "intervall = 5\n");
    let why = refused(folder, 2);
    assert!(why.contains("unknown key `intervall`"), "{why}");
    assert!(!folder.join("data").exists());
    std::fs::write(&portal, good).unwrap();
    drop(Running::start(folder));
    let verify = ["verify", "--config", "nines.toml"];
    assert!(out(&ends(folder, &verify, 0)).contains("nothing was changed or removed"));

    let ledger = rusqlite::Connection::open(folder.join("data/ledger.sqlite")).unwrap();
    let guards = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_master WHERE type = 'trigger'";
    let guards: String = ledger.query_row(guards, [], |row| row.get(0)).unwrap();
    ledger.execute_batch(&guards).unwrap();
    let change = "UPDATE events SET by = 'somebody' WHERE seq = 2";
    assert_eq!(ledger.execute(change, []).unwrap(), 1);
    drop(ledger);
    let found = ends(folder, &verify, 1);
    assert!(out(&found).contains("event 2 "), "{}", out(&found));
    assert!(out(&found).contains("NOT CLEAN"), "{}", out(&found));
    let why = refused(folder, 3);
    assert!(why.contains("event 2 "), "{why}");
}

#[test]
fn a_hangup_takes_over_what_is_right_and_refuses_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let running = Running::start(folder);
    let hang_up = || {
        let line = format!("kill -HUP {}", running.id());
        let sent = Command::new("sh").args(["-c", &line]).status().unwrap();
        assert!(sent.success());
    };
    let successful = |flag: u8| {
        let line = format!("\nnines_config_last_reload_successful {flag}\n");
        let (_, page) = get(folder, "/metrics");
        assert!(page.contains(&line), "{page}");
    };
    let portal = folder.join("systems/portal.toml");
    let good = std::fs::read_to_string(&portal).unwrap();
    append(&portal, "intervall = 5\n");
    hang_up();
    says(folder, "the configuration was NOT taken over");
    says(folder, "unknown key `intervall`");
    successful(0);
    // The one before stays in force, and goes on.
    assert_eq!(get(folder, "/probe?target=portal/port").0, 200);
    std::fs::write(&portal, good.replace("\"port\"", "\"door\"")).unwrap();
    hang_up();
    let began = Instant::now();
    while get(folder, "/probe?target=portal/door").0 != 200 {
        assert!(began.elapsed() < Duration::from_secs(60));
    }
    successful(1);
    assert_eq!(get(folder, "/probe?target=portal/port").0, 404);
}

#[test]
fn the_private_listener_says_that_it_is_well_and_ready() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let _running = Running::start(folder);
    assert_eq!(get(folder, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(folder, "/readyz"), (200, "ready\n".to_owned()));
    // What is for people at the machine is not served there.
    for path in ["/", "/status", "/act", "/reload"] {
        assert_eq!(get(folder, path).0, 404, "{path}");
    }
}

#[test]
fn without_its_samples_a_ledger_gives_the_same_reports() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("plain-outage", out);
    let samples = out.join("samples");
    let files: Vec<_> = std::fs::read_dir(&samples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!files.is_empty());
    let same = |how: &str| {
        ends(out, &["verify", "--replay", "--data", "."], 0);
        for format in ["json", "html", "md", "csv"] {
            let line = ["report", "2026-10", "--data", ".", "--format", format];
            let written = std::fs::read(out.join(format!("reports/operations-2026-10.{format}")));
            assert!(
                ends(out, &line, 0).stdout == written.unwrap(),
                "{format} {how}"
            );
        }
    };
    for file in &files {
        let whole = std::fs::read(file).unwrap();
        std::fs::write(file, &whole[..whole.len() / 3]).unwrap();
    }
    same("cut off");
    for file in &files {
        std::fs::write(file, "not a database").unwrap();
    }
    same("overwritten");
    std::fs::remove_dir_all(&samples).unwrap();
    same("gone");
}

#[test]
fn every_line_of_a_rehearsal_has_the_promised_keys() {
    let played = play("plain-outage");
    for (file, keys) in [
        ("timeline.jsonl", "seq at recorded kind subject by data"),
        (
            "notices.jsonl",
            "notice kind systems incident window recipient decided delivered attempts message_id result",
        ),
    ] {
        let lines = played.lines(file);
        assert!(!lines.is_empty());
        for line in lines {
            let has: BTreeSet<&str> = line.as_object().unwrap().keys().map(|k| &**k).collect();
            for key in keys.split(' ') {
                assert!(has.contains(key), "{key} in {file}: {line}");
            }
        }
    }
}

#[test]
fn what_is_no_terminal_gets_no_colour() {
    let folder = rehearsed();
    let folder = folder.path();
    configure(folder);
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    for (line, code) in [
        (&["check", "--config", "nines.toml"][..], 2),
        (&["status", "--data", "data"], 1),
        (&["incident", "list", "--data", "data"], 0),
    ] {
        let run = ends(folder, line, code);
        let said = [out(&run), err(&run)].concat();
        assert!(!said.is_empty() && !said.contains('\u{1b}'), "{said:?}");
    }
}
