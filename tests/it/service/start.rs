//! A service starts on a good configuration and an intact ledger that no other process holds, and on nothing else.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::support::program::{
    Running, append, configure, ends, err, every_second, get, goes_on, json, log, out, until,
    within_a_minute, words,
};

/// Runs a service that must not start. The result is its standard error.
fn refused(folder: &Path, code: i32) -> String {
    let run = ends(folder, &["run", "--config", "nines.toml"], code);
    assert_eq!(out(&run), "");
    err(&run).to_owned()
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
    within_a_minute(|| second.try_wait().unwrap());
    // A service that still runs did start.
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

#[test]
fn a_likely_slip_is_a_warning_of_check_and_of_the_log_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    std::fs::write(folder.join("systems/portal.toml.bak"), "x").unwrap();
    let check = ends(folder, &["check", "--config", "nines.toml"], 0);
    let warnings = [
        "Nines does not read `portal.toml.bak`",
        "no customer is notified when it is down",
    ];
    for warning in warnings {
        assert_eq!(err(&check).matches(warning).count(), 1, "{}", err(&check));
    }
    assert!(
        err(&check).contains("2 warnings in 2 files"),
        "{}",
        err(&check)
    );
    assert!(out(&check).contains("no mistakes"), "{}", out(&check));
    let check = json(folder, &["check", "--config", "nines.toml"], 0);
    assert_eq!(check["warnings"].as_array().unwrap().len(), 2, "{check}");
    assert_eq!(check["warnings"][1]["line"], 2, "{check}");
    let _running = Running::start(folder);
    let log = log(folder);
    for warning in warnings {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(warning)).collect();
        assert!(
            matches!(lines[..], [line] if line.contains(" WARN ")),
            "{log}"
        );
    }
}

/// Lists the files and folders below a folder that its group or other users may read.
fn open_to_others(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let at = std::fs::symlink_metadata(&path).unwrap();
        let mode = at.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            found.push(format!("{} {mode:o}", path.display()));
        }
        if at.is_dir() {
            open_to_others(&path, found);
        }
    }
}

#[test]
fn what_the_service_and_its_commands_create_is_for_the_own_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let _running = Running::start(folder);
    goes_on(folder);
    let query = "SELECT strftime(max(started_at), '%Y-%m') AS month FROM samples";
    let query = ["sql", query, "--config", "nines.toml"];
    let month = || {
        let answer = json(folder, &query, 0);
        answer["rows"][0]["month"].as_str().map(str::to_owned)
    };
    let month = until("no sample is stored", month);
    ends(folder, &["report", &month, "--config", "nines.toml"], 0);
    ends(folder, &["backup", "copy", "--config", "nines.toml"], 0);
    ends(folder, &["restore", "copy", "--data", "again"], 0);
    let mut found = Vec::new();
    for part in ["data", "copy", "again"] {
        open_to_others(&folder.join(part), &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}
