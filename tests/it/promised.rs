//! What the page of promises needed a test for: starts that are refused, a hangup, a ledger that
//! somebody changed, samples that are gone, the keys that other programs read, good news and bad.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::answers::get;
use crate::command_line::{Running, append, configure, ends, err, out, rehearsed, run, words};
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
    let plain = |said: &str| assert!(!said.is_empty() && !said.contains('\u{1b}'), "{said:?}");
    for (line, code) in [
        (&["check", "--config", "nines.toml"][..], 2),
        (&["status", "--data", "data"], 1),
        (&["incident", "list", "--data", "data"], 0),
    ] {
        let run = ends(folder, line, code);
        plain(&[out(&run), err(&run)].concat());
    }
    configure(folder);
    drop(Running::start(folder));
    plain(&std::fs::read_to_string(folder.join("log")).unwrap());
}

#[test]
fn a_second_service_on_the_same_stores_does_not_start_and_names_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let running = Running::start(folder);
    // On an address of its own: only the stores are the same.
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let address = config.split("private = \"").nth(1).unwrap();
    let address = address.split('"').next().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = config.replace(address, &free.local_addr().unwrap().to_string());
    drop(free);
    std::fs::write(folder.join("second.toml"), other).unwrap();
    let mut second = words(folder, &["run", "--config", "second.toml"]);
    let mut second = second.stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while second.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(20) {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    // One that goes on has started.
    let _ = second.kill();
    let ended = second.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{}", err(&ended));
    let holder = format!("is held by process {}", running.id());
    assert!(err(&ended).contains(&holder), "{}", err(&ended));
    // The first goes on, on its own.
    assert_eq!(get(folder, "/readyz").0, 200);
    let ledger = rusqlite::Connection::open(folder.join("data/ledger.sqlite")).unwrap();
    let count = "SELECT count(*) FROM events WHERE kind = 'started'";
    let started: i64 = ledger.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(started, 1);
}

/// Waits until the status of the service, as JSON, shows that of this system.
#[track_caller]
fn shows(folder: &Path, system: &str, state: &str) {
    let began = Instant::now();
    loop {
        let status = run(folder, &["status", "--config", "nines.toml", "--json"]);
        let said: Value = serde_json::from_slice(&status.stdout).unwrap();
        let mut systems = said["systems"].as_array().unwrap().iter();
        if systems.any(|s| s["system"] == system && s["state"] == state) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{said}");
    }
}

#[test]
fn good_news_leaves_with_0_and_bad_news_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let system = folder.join("systems/portal.toml");
    let often = std::fs::read_to_string(&system).unwrap();
    let often = often.replace("30s", "1s") + "failures = 1\n";
    std::fs::write(&system, &often).unwrap();
    let _running = Running::start(folder);
    let leaves = |line: &[&str], code| {
        ends(folder, &[line, &["--config", "nines.toml"]].concat(), code);
    };
    shows(folder, "portal", "up");
    leaves(&["status"], 0);
    leaves(&["probe", "portal"], 0);
    // Nothing listens on the first port.
    let port = often.split("port     = ").nth(1).unwrap();
    let port = port.lines().next().unwrap();
    let gone = often.replace(port, "1");
    std::fs::write(folder.join("systems/gone.toml"), gone).unwrap();
    leaves(&["reload"], 0);
    shows(folder, "gone", "down");
    leaves(&["status"], 1);
    leaves(&["probe", "gone"], 1);
    // A rehearsal of which nothing was refused, and one with an act that was.
    let quiet = "config = \"nines.toml\"\nstart = \"2026-10-01T00:00:00Z\"\nend = \"2026-10-01T02:00:00Z\"\n";
    let act = "[[act]]\nat = \"2026-10-01T01:00:00Z\"\nby = \"kim\"\ndo = \"acknowledge\"\nsystem = \"portal\"\n";
    for (name, scenario, code) in [("quiet", quiet, 0), ("act", &[quiet, act].concat(), 1)] {
        let file = format!("{name}.toml");
        std::fs::write(folder.join(&file), scenario).unwrap();
        ends(folder, &["simulate", &file, "--out", name], code);
    }
}

#[test]
fn a_probe_is_run_once_alone_or_with_those_of_its_system() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let port = target.local_addr().unwrap().port();
    let probe = |name: &str| {
        format!(
            "[[probe]]\nname = \"{name}\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\ninterval = \"30s\"\n"
        )
    };
    let system = format!(
        "name = \"Portal\"\ncommittee = \"operations\"\n{}{}",
        probe("port"),
        probe("door")
    );
    std::fs::write(folder.join("systems/portal.toml"), system).unwrap();
    // Whom the kernel has let in since the last look.
    let accepted = || {
        let mut found = 0;
        loop {
            match target.accept() {
                Ok(_) => found += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return found,
                Err(error) => panic!("{error}"),
            }
        }
    };
    for (asked, probes) in [
        ("portal/port", &["portal/port"][..]),
        ("portal", &["portal/door", "portal/port"]),
    ] {
        let line = ["probe", asked, "--config", "nines.toml"];
        let said = ends(folder, &line, 0);
        assert_eq!(accepted(), probes.len(), "{asked}");
        let lines: Vec<&str> = out(&said).lines().collect();
        assert_eq!(lines.len(), 2 * probes.len(), "{lines:?}");
        for (probe, lines) in probes.iter().zip(lines.chunks(2)) {
            assert_eq!(lines[0], format!("{probe}: up"));
            let phases = lines[1].strip_prefix("  took ").unwrap();
            let (took, connect) = phases.split_once(" ms, connect ").unwrap();
            let ms = |text: &str| text.parse::<f64>().unwrap();
            assert!(0.0 < ms(connect) && ms(connect) <= ms(took), "{phases}");
        }
        let json = ends(folder, &[&line[..], &["--json"]].concat(), 0);
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        let ids = json.as_array().unwrap().iter().map(|found| &found["probe"]);
        assert!(ids.eq(probes), "{json}");
        assert_eq!(accepted(), probes.len(), "{asked}");
    }
}

#[test]
fn a_preview_is_made_with_the_operators_own_templates_and_steers_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let config = folder.join("nines.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[listen]", "templates = \"own\"\n\n[listen]");
    std::fs::write(&config, text).unwrap();
    let own = folder.join("own/notices/downtime");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("subject.txt.j2"), "Fault: {{ names }}").unwrap();
    let hand = "It is \u{1b}[2Kwell, \u{9b}2J\u{202e}or not.";
    std::fs::write(own.join("body.txt.j2"), hand).unwrap();
    let preview = ["notice", "preview", "downtime", "--config", "nines.toml"];
    let preview = |more: &[&str]| ends(folder, &[&preview[..], more].concat(), 0);
    let steers = |said: &str| said.contains(['\u{1b}', '\u{9b}', '\u{202e}']);
    let words = preview(&[]);
    let said = out(&words);
    assert!(
        said.starts_with("Subject: Fault: Portal\n\nIt is "),
        "{said:?}"
    );
    assert!(said.contains("well, ") && !steers(said), "{said:?}");
    let json = preview(&["--json"]);
    assert!(!steers(out(&json)), "{:?}", out(&json));
    let read: Value = serde_json::from_slice(&json.stdout).unwrap();
    // What no mail may hold is taken out by its maker; the rest is as it was written.
    let text = "It is [2Kwell, 2J\u{202e}or not.";
    assert_eq!(read["text"].as_str().unwrap().trim_end(), text);
    // The file beside it is the shipped one.
    let html = preview(&["--html"]);
    let said = out(&html);
    assert!(
        said.to_lowercase().starts_with("<!doctype html>"),
        "{said:?}"
    );
    assert!(said.contains("Portal"), "{said}");
}
