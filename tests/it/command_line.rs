//! The command line as its users meet it: what it prints where, with which exit status, and that
//! neither a slip in a file nor a reader who has gone keeps it from its work.

use std::fs::File;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::played::play_into;

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

const PORTAL: &str = r#"
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

    /// One that finds that in its environment.
    pub fn start_with(folder: &Path, variable: &str, value: &str) -> Self {
        let log = File::create(folder.join("log")).unwrap();
        let mut service = words(folder, &["run", "--config", "nines.toml"]);
        service.env(variable, value);
        let running = Self(service.stderr(log).stdout(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        while !out(&run(folder, &["status", "--config", "nines.toml"])).contains("is running") {
            let log = std::fs::read_to_string(folder.join("log")).unwrap();
            assert!(began.elapsed() < Duration::from_secs(60), "{log}");
        }
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

#[test]
fn a_slip_in_a_file_disables_no_command_and_the_service_judges_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let _running = Running::start(folder);
    let reload = ["reload", "--config", "nines.toml"];
    ends(folder, &reload, 0);
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    append(&folder.join("nines.toml"), "\n[lissten]\n");
    for line in [
        &["maintenance", "list"][..],
        &["notice", "list"],
        &["verify"],
        &["report", "--committee", "operations", &this_month()],
    ] {
        let found = ends(folder, &[line, &["--config", "nines.toml"]].concat(), 0);
        assert!(!err(&found).contains("mistake"), "{}", err(&found));
    }
    let refused = ends(folder, &reload, 2);
    for word in [
        "NOT taken over",
        "intervall",
        "lissten",
        "2 mistakes in 2 files\n",
    ] {
        assert!(err(&refused).contains(word), "{}", err(&refused));
    }
    let status = ends(
        folder,
        &["incident", "ack", "portal", "--config", "nines.toml"],
        1,
    );
    assert!(
        err(&status).contains("has had no incident"),
        "{}",
        err(&status)
    );
    // Not even TOML: the ledger lies at the default place.
    append(&folder.join("nines.toml"), "zone = \n");
    let lenient = ends(folder, &["verify", "--config", "nines.toml"], 0);
    assert!(
        err(&lenient).contains("this is not TOML"),
        "{}",
        err(&lenient)
    );
}

#[test]
fn a_reload_that_takes_out_a_system_that_is_down_says_who_is_left_to_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    // Nothing listens on the first port, and no mail leaves.
    let gone = folder.join("systems/gone.toml");
    let down = PORTAL.replace("PORT", "1").replace("30s", "1s") + "failures = 1\n";
    std::fs::write(&gone, down).unwrap();
    let with = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let customer = r#"
[mail]
from   = "status@example.org"
relays = ["smtp://127.0.0.1:1"]

[[customer]]
id       = "lakeside"
name     = "Lakeside"
zone     = "UTC"
contacts = ["office@lakeside.example"]
systems  = ["SYSTEM"]
"#;
    let serve = |system: &str| {
        let text = format!("{with}{}", customer.replace("SYSTEM", system));
        std::fs::write(folder.join("nines.toml"), text).unwrap();
    };
    serve("gone");
    let _running = Running::start(folder);
    let listed = ["notice", "list", "--config", "nines.toml"];
    let began = Instant::now();
    while !out(&run(folder, &listed)).contains("downtime") {
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        assert!(began.elapsed() < Duration::from_secs(60), "{log}");
    }
    std::fs::remove_file(&gone).unwrap();
    serve("portal");
    let reload = ends(folder, &["reload", "--config", "nines.toml"], 0);
    for word in [
        "gone was taken out of the configuration while it is down (O-",
        "write to lakeside yourself",
    ] {
        assert!(err(&reload).contains(word), "{}", err(&reload));
    }
    assert!(!err(&reload).contains("office@"), "{}", err(&reload));
    assert_eq!(out(&reload), "done\n");
    let again = ends(folder, &["reload", "--config", "nines.toml"], 0);
    assert_eq!(err(&again), "");
}

fn this_month() -> String {
    jiff::Timestamp::now().strftime("%Y-%m").to_string()
}

#[test]
fn a_report_goes_through_links_and_pipes_and_leaves_devices_alone() {
    let folder = rehearsed();
    let folder = folder.path();
    let report = ["report", "2026-10", "--data", "data", "--format", "csv"];
    let plain = ends(folder, &report, 0).stdout;
    std::os::unix::fs::symlink("real.csv", folder.join("link.csv")).unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.join("null")).unwrap();
    for name in ["link.csv", "null", "/dev/stdout"] {
        let run = ends(folder, &[&report[..], &["--out", name]].concat(), 0);
        assert_eq!(run.stdout.is_empty(), name != "/dev/stdout");
    }
    assert!(folder.join("link.csv").is_symlink() && folder.join("null").is_symlink());
    assert_eq!(std::fs::read(folder.join("real.csv")).unwrap(), plain);
    let null = std::fs::metadata("/dev/null").unwrap();
    assert!(null.file_type().is_char_device());
}

#[test]
fn a_reader_who_has_gone_is_no_failure_and_a_full_standard_error_no_panic() {
    let folder = rehearsed();
    let folder = folder.path();
    for line in [&["report", "2026-10"][..], &["notice", "list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = words(folder, &[line, &["--data", "data"]].concat());
        let run = command.stdout(writer).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", err(&run));
        assert!(!err(&run).contains("pipe"), "{}", err(&run));
    }
    for (line, code) in [
        (&["status", "--config", "nope"][..], 1),
        (&["status", "--config", "no/pe"], 2),
        (&["check", "--config", "nope"], 2),
        (&["report", "2026-10", "--data", "data", "--out", "x"], 0),
        (&["incident", "ack", "I-1", "--data", "data"], 1),
        (&["verify", "--data", "nowhere"], 3),
        (&["run", "--config", "nope"], 2),
    ] {
        let full = File::create("/dev/full").unwrap();
        let status = words(folder, line).stderr(full).output().unwrap().status;
        assert_eq!(status.code(), Some(code), "{line:?}");
    }
}

#[test]
fn the_exit_status_says_what_it_was() {
    let folder = rehearsed();
    let folder = folder.path();
    let ledger = |line: &[&str], code| ends(folder, &[line, &["--data", "data"]].concat(), code);
    // 1: the answer is bad news; what was named is not in the ledger, or an act is refused.
    ledger(&["status"], 1);
    ledger(&["incident", "show", "I-99"], 1);
    ledger(&["incident", "ack", "I-99"], 1);
    ledger(&["incident", "show", "nobody"], 1);
    ledger(&["incident", "reclassify", "O-99", "--reason", "x"], 1);
    ledger(&["maintenance", "cancel", "nothing"], 1);
    ledger(&["report", "2026-10", "--committee", "nobody"], 1);
    ledger(&["report", "2024-01"], 1);
    // 2: the words or the configuration are wrong.
    ledger(&["incident", "review", "portal", "--measure", "bad"], 2);
    ledger(&["incident", "ack", "portal", "--by", "a\nb"], 2);
    ledger(&["report", "2026-10", "--json", "--format", "csv"], 2);
    ledger(&["nonsense"], 2);
    // An instant without its offset is none.
    let declare = ["incident", "declare", "portal", "--evidence", "x", "--from"];
    ledger(&[&declare[..], &["2026-10-20T10:00:00"]].concat(), 2);
    ledger(&[&declare[..], &["2026-10-20T10:00:00-04:00"]].concat(), 0);
    ends(folder, &["status"], 2);
    ends(folder, &["check"], 2);
    // 3: it could not.
    for line in [
        &["incident", "show", "I-99"][..],
        &["incident", "ack", "I-99"],
        &["report", "2026-10", "--committee", "nobody"],
        &["verify"],
    ] {
        ends(folder, &[line, &["--data", "nowhere"]].concat(), 3);
    }
    ledger(&["reload"], 3);
    ledger(&["report", "2026-10", "--out", "nowhere/x"], 3);
}

#[test]
fn json_is_one_document_whatever_the_answer_is() {
    let folder = rehearsed();
    let folder = folder.path();
    configure(folder);
    let config = ["--config", "nines.toml", "--json"];
    let json = |line: &[&str], code| -> Value {
        let run = ends(folder, &[line, &config].concat(), code);
        serde_json::from_slice(&run.stdout).unwrap()
    };
    assert_eq!(json(&["check"], 0)["systems"], 1);
    // Nothing listens there.
    let probes = json(&["probe", "portal"], 1);
    assert_eq!(probes[0]["probe"], "portal/port");
    assert_eq!(probes[0]["reason"], "refused");
    assert!(json(&["probe", "nobody"], 2)["error"].is_string());
    assert!(json(&["incident", "ack", "I-99"], 1)["refused"].is_string());
    assert!(json(&["incident", "show", "I-99"], 1)["error"].is_string());
    assert!(json(&["reload"], 3)["error"].is_string());
    assert_eq!(json(&["report", "2026-10"], 0)["month"], "2026-10");
    assert_eq!(json(&["verify"], 0)["faults"], serde_json::json!([]));
    assert_eq!(json(&["status"], 1)["systems"][0]["system"], "portal");
    assert!(json(&["incident", "list"], 0)[0]["opened"].is_string());
    assert_eq!(json(&["notice", "list"], 0)[0]["kind"], "downtime");
    assert!(json(&["notice", "preview", "downtime"], 0)["subject"].is_string());
    for (kind, key) in [
        ("service", "listen"),
        ("system", "probe"),
        ("policy", "min_coverage"),
    ] {
        let schema = json(&["schema", kind], 0);
        let has = |key: &str| schema["properties"][key].is_object();
        assert!(has(key), "{schema}");
        // And is no other's.
        let all = ["listen", "probe", "min_coverage"];
        assert_eq!(
            all.into_iter().filter(|key| has(key)).count(),
            1,
            "{schema}"
        );
    }
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    let mistake = &json(&["check"], 2)["mistakes"][0];
    assert_eq!(mistake["file"], "./systems/portal.toml");
    assert_eq!(mistake["line"], 12);
    let run = ends(folder, &["check", "--config", "nines.toml"], 2);
    assert!(
        err(&run).ends_with("1 mistake in 1 file\n"),
        "{}",
        err(&run)
    );
}

#[test]
fn nothing_that_people_write_steers_a_terminal() {
    let folder = rehearsed();
    let folder = folder.path();
    let review = |summary: &str, code| {
        let line = [
            "incident",
            "review",
            "portal",
            "--data",
            "data",
            "--summary",
        ];
        ends(
            folder,
            &[&line[..], &[summary, "--by", "ann"]].concat(),
            code,
        )
    };
    let refused = review("\u{1b}[2Kall is well", 1);
    assert_eq!(
        err(&refused),
        "refused: the summary holds the control character U+001B\n"
    );
    review("A disk filled up.\n  root cause: none", 0);
    let shown = ends(folder, &["incident", "show", "portal", "--data", "data"], 0);
    assert!(
        out(&shown).contains("summary: A disk filled up.\n    | root cause: none\n"),
        "{}",
        out(&shown)
    );
    let unknown = ends(
        folder,
        &["incident", "show", "\u{1b}[2K", "--data", "data"],
        1,
    );
    assert!(!err(&unknown).contains('\u{1b}'), "{:?}", err(&unknown));
}

#[test]
fn a_cause_is_said_once() {
    let folder = rehearsed();
    let folder = folder.path();
    std::fs::remove_file(folder.join("data/lock")).unwrap_or_default();
    std::fs::create_dir(folder.join("data/lock")).unwrap();
    let act = ["incident", "ack", "portal", "--data", "data"];
    let run = ends(folder, &act, 3);
    assert_eq!(
        err(&run).matches("Is a directory").count(),
        1,
        "{}",
        err(&run)
    );
}

#[test]
fn a_report_made_with_the_built_in_templates_for_want_of_others_says_so() {
    let folder = rehearsed();
    let folder = folder.path();
    let report = [
        "report",
        "2026-10",
        "--data",
        "data",
        "--config",
        "nines.toml",
    ];
    let html = ends(folder, &report, 0);
    assert!(err(&html).contains("built-in templates"), "{}", err(&html));
    let json = ends(folder, &[&report[..], &["--json"]].concat(), 0);
    assert_eq!(err(&json), "");
    configure(folder);
    assert_eq!(err(&ends(folder, &report, 0)), "");
    let text = SERVICE.replace("[listen]", "templates = \"own\"\n\n[listen]");
    std::fs::write(folder.join("nines.toml"), text + "\n[lissten]\n").unwrap();
    let html = ends(folder, &report, 0);
    assert!(
        err(&html).contains("there is no folder ./own"),
        "{}",
        err(&html)
    );
    std::fs::create_dir(folder.join("own")).unwrap();
    std::fs::write(folder.join("own/monthly.html.j2"), "our own").unwrap();
    assert_eq!(out(&ends(folder, &report, 0)), "our own");
}

#[test]
fn the_demo_is_for_people_and_ends_with_its_last_reader() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refused = ends(folder, &["demo", "--json"], 2);
    let told: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(told["error"].as_str().unwrap().contains("no JSON"));
    let mut demo = words(folder, &["demo", "--dir", "demo"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(demo.stdout.take());
    let began = Instant::now();
    while demo.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(60) {
            demo.kill().unwrap();
            panic!("it goes on for nobody");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let log = std::fs::read_to_string(folder.join("demo/nines.log")).unwrap();
    assert!(log.contains("stopped"), "in order: {log}");
}
