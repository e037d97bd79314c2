//! The program as a child process: commands that end, and a service that is stopped with its test.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use domain::event::Fact;
use nines::clock;
use nines::ledger::Ledger;
use serde_json::Value;

use crate::support::rehearsal::play_into;

pub fn words(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nines"));
    command.args(words).current_dir(folder);
    command
}

pub fn run(folder: &Path, line: &[&str]) -> Output {
    words(folder, line).output().unwrap()
}

pub fn out(run: &Output) -> &str {
    str::from_utf8(&run.stdout).unwrap()
}

pub fn err(run: &Output) -> &str {
    str::from_utf8(&run.stderr).unwrap()
}

#[track_caller]
pub fn ends(folder: &Path, line: &[&str], code: i32) -> Output {
    let run = run(folder, line);
    assert_eq!(run.status.code(), Some(code), "{line:?}: {}", err(&run));
    run
}

#[track_caller]
pub fn json(folder: &Path, line: &[&str], code: i32) -> Value {
    let run = ends(folder, &[line, &["--json"]].concat(), code);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// A folder with a ledger in `data/`, beside which a configuration may be written.
pub fn rehearsed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    play_into("plain-outage", &folder.path().join("data"));
    folder
}

pub const SERVICE: &str = r#"
[service]
name = "Test"
zone = "UTC"

[listen]
private = "127.0.0.1:PORT"

[[committee]]
id      = "operations"
name    = "Operations"
zone    = "UTC"
members = ["chair@example.org"]
"#;

pub const PORTAL: &str = r#"
name      = "Portal"
committee = "operations"
target    = "99.9%"

[[probe]]
name     = "port"
kind     = "tcp"
host     = "127.0.0.1"
port     = PORT
interval = "30s"
"#;

/// Writes a configuration into a folder; the system that it watches is the service itself.
pub fn configure(folder: &Path) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    std::fs::create_dir_all(folder.join("systems")).unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text.replace("PORT", &port)).unwrap();
    };
    write("nines.toml", SERVICE);
    write("systems/portal.toml", PORTAL);
}

pub fn append(file: &Path, text: &str) {
    let was = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, was + text).unwrap();
}

/// A service, stopped when the test ends, however it ends.
pub struct Running(Child);

impl Running {
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, "NINES_LOG", "info")
    }

    /// Starts a service with a variable in its environment.
    pub fn start_with(folder: &Path, variable: &str, value: &str) -> Self {
        Self::start_in(folder, &[(variable, value)])
    }

    /// Starts a service with these variables in its environment.
    pub fn start_in(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let log = File::create(folder.join("log")).unwrap();
        let mut service = words(folder, &["run", "--config", "nines.toml"]);
        service.envs(variables.iter().copied());
        let running = Self(service.stderr(log).stdout(Stdio::null()).spawn().unwrap());
        let status = || run(folder, &["status", "--config", "nines.toml"]);
        let is_running = || out(&status()).contains("is running").then_some(());
        poll(is_running, || self::log(folder));
        running
    }
}

impl Running {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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

/// Asks until there is an answer or a minute has passed.
pub fn within_a_minute<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let began = clock::elapsed();
    while clock::elapsed() - began < Duration::from_secs(60) {
        if let Some(found) = ask() {
            return Some(found);
        }
        // The interval of polling, not a fixed delay: the service needs the processor meanwhile.
        std::thread::park_timeout(Duration::from_millis(20));
    }
    None
}

/// Asks until there is an answer. Fails with `problem` after a minute.
#[track_caller]
pub fn poll<T>(ask: impl FnMut() -> Option<T>, problem: impl Fn() -> String) -> T {
    within_a_minute(ask).unwrap_or_else(|| panic!("{}", problem()))
}

/// Asks until there is an answer. Fails with `problem` after a minute.
#[track_caller]
pub fn until<T>(problem: &str, ask: impl FnMut() -> Option<T>) -> T {
    poll(ask, || problem.to_owned())
}

pub fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

/// Waits until the service's log contains `word`.
#[track_caller]
pub fn says(folder: &Path, word: &str) {
    let found = || log(folder).contains(word).then_some(());
    poll(found, || format!("{word}: {}", log(folder)));
}

/// Waits until `nines status` shows that state of that system.
#[track_caller]
pub fn shows(folder: &Path, system: &str, state: &str) {
    let line = ["status", "--config", "nines.toml", "--json"];
    let status = || serde_json::from_slice::<Value>(&run(folder, &line).stdout).unwrap();
    let is_shown = |s: &Value| s["system"] == system && s["state"] == state;
    let shown = || {
        status()["systems"]
            .as_array()?
            .iter()
            .any(is_shown)
            .then_some(())
    };
    poll(shown, || status().to_string());
}

/// A configuration whose portal is asked every second.
pub fn every_second(folder: &Path) {
    configure(folder);
    change(folder, "interval = \"30s\"", "interval = \"1s\"");
}

pub fn change(folder: &Path, this: &str, that: &str) {
    let portal = folder.join("systems/portal.toml");
    let was = std::fs::read_to_string(&portal).unwrap();
    assert!(was.contains(this), "{was}");
    std::fs::write(&portal, was.replace(this, that)).unwrap();
}

/// When the portal was asked last, in seconds since 1970, as far as `/metrics` says.
pub fn asked_at(folder: &Path) -> Option<f64> {
    let (_, page) = get(folder, "/metrics");
    let series = "nines_probe_last_sample_timestamp_seconds{system=\"portal\",probe=\"port\"";
    let line = page.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Waits for two more samples of the portal: one may have been under way.
#[track_caller]
pub fn goes_on(folder: &Path) {
    for _ in 0..2 {
        let before = asked_at(folder);
        until("no sample", || (asked_at(folder) > before).then_some(()));
    }
}

pub fn facts(folder: &Path) -> Vec<Fact> {
    let ledger = Ledger::open_read_only(&folder.join("data")).unwrap();
    let mut facts = Vec::new();
    ledger
        .replay(None, &mut |stored| facts.push(stored.event.fact))
        .unwrap();
    facts
}
