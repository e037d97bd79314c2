//! The service as a process, watching: what does not stop it, what it says while it cannot write,
//! until when it had watched when it was killed, and what it never tells.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::event::Fact;
use jiff::Timestamp;
use nines::ledger::Ledger;

use crate::answers::get;
use crate::command_line::{Running, append, configure, ends};

/// Waits until that gives something; what is missing is said after a minute.
#[track_caller]
fn until<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        // What is waited for needs the processor, too.
        std::thread::sleep(Duration::from_millis(20)); // scripted delay
    }
}

/// A configuration whose portal is asked every second.
fn every_second(folder: &Path) {
    configure(folder);
    change(folder, "interval = \"30s\"", "interval = \"1s\"");
}

fn change(folder: &Path, this: &str, that: &str) {
    let portal = folder.join("systems/portal.toml");
    let was = std::fs::read_to_string(&portal).unwrap();
    assert!(was.contains(this), "{was}");
    std::fs::write(&portal, was.replace(this, that)).unwrap();
}

/// When the portal was asked last, in seconds since 1970, as far as `/metrics` says.
fn asked_at(folder: &Path) -> Option<f64> {
    let (_, page) = get(folder, "/metrics");
    let series = "nines_probe_last_sample_timestamp_seconds{system=\"portal\",probe=\"port\"";
    let line = page.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Waits for two more samples of the portal: one may have been under way.
#[track_caller]
fn goes_on(folder: &Path) {
    for _ in 0..2 {
        let before = asked_at(folder);
        until("no sample", || (asked_at(folder) > before).then_some(()));
    }
}

fn facts(folder: &Path) -> Vec<Fact> {
    let ledger = Ledger::open_read_only(&folder.join("data")).unwrap();
    let mut facts = Vec::new();
    ledger
        .replay(None, &mut |stored| facts.push(stored.event.fact))
        .unwrap();
    facts
}

#[test]
fn a_reload_that_is_refused_stops_no_probe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let _running = Running::start(folder);
    goes_on(folder);
    // Another name beside the mistake: nothing of a bad configuration is taken over.
    change(folder, "\"port\"", "\"door\"");
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    ends(folder, &["reload", "--config", "nines.toml"], 2);
    goes_on(folder);
    assert_eq!(get(folder, "/probe?target=portal/door").0, 404);
}

#[test]
fn probing_goes_on_within_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    // All day, every day: whenever this test runs, it runs within.
    append(
        &folder.join("systems/portal.toml"),
        "\n[[maintenance]]\ntitle = \"Work\"\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \
         \"sat\", \"sun\"]\nstart = \"00:00\"\nlength = \"24h\"\nzone = \"UTC\"\n\
         agreed = 2024-03-01\ntell = true\n",
    );
    let _running = Running::start(folder);
    until("no window", || {
        let started = |fact: &Fact| matches!(fact, Fact::MaintenanceStarted { .. });
        facts(folder).iter().any(started).then_some(())
    });
    goes_on(folder);
}

#[test]
fn a_start_after_a_kill_takes_nothing_for_watched_that_nobody_watched() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let first = Running::start(folder);
    goes_on(folder);
    let asked = asked_at(folder).unwrap();
    drop(first);
    let killed = Timestamp::now();
    let _second = Running::start(folder);
    let seen = facts(folder).into_iter().rev().find_map(|fact| match fact {
        Fact::Started { alive_until } => Some(alive_until),
        _ => None,
    });
    let alive_until = seen.flatten().unwrap();
    assert!(alive_until < killed, "{alive_until}, killed {killed}");
    // A sample is on the disk a second after it was taken, or a mark says so; a slow disk takes longer.
    let seconds = alive_until.as_millisecond() as f64 / 1e3;
    assert!(asked - seconds < 5.0, "{alive_until}, asked at {asked}");
}

#[test]
fn who_cannot_write_its_ledger_is_not_ready_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let _running = Running::start(folder);
    goes_on(folder);
    let ledger = rusqlite::Connection::open(folder.join("data/ledger.sqlite")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Something has to be written: the portal is the service's own port, and that of nobody now.
    change(
        folder,
        "kind     = \"tcp\"",
        "kind     = \"tcp\"\nfailures = 1",
    );
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    let port = portal.split("port     = ").nth(1).unwrap();
    let port = format!("port     = {}", port.lines().next().unwrap());
    change(folder, &port, "port     = 1");
    ends(folder, &["reload", "--config", "nines.toml"], 3);
    let why = "the ledger cannot be written\n".to_owned();
    until("ready", || {
        (get(folder, "/readyz") == (503, why.clone())).then_some(())
    });
    assert_eq!(get(folder, "/healthz").0, 200);
    drop(ledger);
    until("not ready", || {
        (get(folder, "/readyz").0 == 200).then_some(())
    });
}

/// Whether a file below that folder, or one that lies there, has the word in it.
fn found(place: &Path, word: &str) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    // What goes away meanwhile is not there.
    let entries = std::fs::read_dir(place).into_iter().flatten();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(found(&path, word));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes())
        {
            all.push(path);
        }
    }
    all
}

#[test]
fn no_secret_reaches_the_log_or_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let secrets = ["hunter2-of-the-relay", "hunter3-of-the-probe"];
    for (file, secret) in ["relay", "systems/probe"].into_iter().zip(secrets) {
        std::fs::write(folder.join(file), secret).unwrap();
    }
    append(
        &folder.join("nines.toml"),
        "\n[mail]\nfrom = \"Status <status@example.org>\"\nrelays = [{ url = \
         \"smtp+starttls://127.0.0.1:1\", user = \"me\", password_file = \"relay\" }]\n\
         [[customer]]\nid = \"clinic\"\nname = \"Clinic\"\nzone = \"UTC\"\n\
         contacts = [\"it@clinic.example\"]\nsystems = [\"portal\"]\n",
    );
    append(
        &folder.join("systems/portal.toml"),
        "\n[[probe]]\nname = \"page\"\nkind = \"http\"\nurl = \"http://127.0.0.1:1/\"\n\
         interval = \"1s\"\nfailures = 1\nbearer_token_file = \"probe\"\n",
    );
    let _running = Running::start_with(folder, "NINES_LOG", "trace");
    until("no attempt", || {
        let ended = |fact: &Fact| matches!(fact, Fact::DeliveryEnded { .. });
        facts(folder).iter().any(ended).then_some(())
    });
    until("no word of it in the log", || {
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        log.contains("delivery-ended").then_some(())
    });
    for (file, secret) in ["relay", "systems/probe"].into_iter().zip(secrets) {
        assert_eq!(found(folder, secret), [folder.join(file)]);
    }
}
