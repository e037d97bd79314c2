//! Heartbeats over the public listener: a feed calls the running program, and its silence is an outage.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use crate::support::program::{Running, append, configure, ends, get, json, out, shows, until};

const TOKEN: &str = "a-token-of-a-feed-0123456789";

const FEED: &str = r#"
name      = "Laboratory Feed"
committee = "operations"

[[probe]]
name       = "live"
kind       = "heartbeat"
period     = "PERIOD"
grace      = "1s"
token_file = "token"
"#;

/// A service with a feed, and the address of its public listener.
fn fed(folder: &Path, period: &str) -> String {
    configure(folder);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let public = free.local_addr().unwrap().to_string();
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let config = config.replace("[listen]", &format!("[listen]\npublic = \"{public}\""));
    std::fs::write(folder.join("nines.toml"), config).unwrap();
    let feed = FEED.replace("PERIOD", period);
    std::fs::write(folder.join("systems/feed.toml"), feed).unwrap();
    std::fs::write(folder.join("systems/token"), format!("{TOKEN}\n")).unwrap();
    public
}

/// Sends requests on one connection, and returns all that comes back.
fn talk(public: &str, requests: &str) -> String {
    let mut stream = TcpStream::connect(public).unwrap();
    stream.write_all(requests.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    answers
}

fn request(method: &str, path: &str, connection: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The status and the rest of the answer, without its date.
fn answer(public: &str, method: &str, path: &str) -> (u16, String) {
    let answer = talk(public, &request(method, path, "close"));
    let lines: Vec<&str> = answer.lines().filter(|l| !l.starts_with("date:")).collect();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, lines[1..].join("\n"))
}

#[test]
fn a_feed_that_calls_is_up_and_its_silence_is_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let public = fed(folder, "10s");
    let _running = Running::start(folder);
    shows(folder, "feed", "unknown");
    let path = format!("/heartbeat/{TOKEN}");
    assert_eq!(answer(&public, "POST", &path).0, 200);
    shows(folder, "feed", "up");
    let probe = ends(folder, &["probe", "feed", "--config", "nines.toml"], 0);
    let said = out(&probe);
    assert!(
        said.starts_with("feed/live: up\n  the last beat came at "),
        "{said}"
    );
    assert!(said.contains("\n  the next is due by "), "{said}");
    let metrics = get(folder, "/metrics").1;
    let labels = "{system=\"feed\",probe=\"live\",kind=\"heartbeat\",vantage=\"local\"}";
    assert!(
        metrics.contains(&format!("\nprobe_success{labels} 1\n")),
        "{metrics}"
    );
    assert!(!metrics.contains(&format!("\nprobe_duration_seconds{labels}")));
    // Nothing calls for longer than the period and the grace.
    shows(folder, "feed", "down");
    until("its metric shows no failure", || {
        let failed = format!("\nprobe_success{labels} 0\n");
        get(folder, "/metrics").1.contains(&failed).then_some(())
    });
    let status = json(folder, &["status", "--config", "nines.toml"], 1);
    let feed = status["systems"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["system"] == "feed");
    assert_eq!(feed.unwrap()["probes"][0]["reason"], "stale");
    assert_eq!(answer(&public, "GET", &path).0, 200);
    shows(folder, "feed", "up");
    let events = ends(folder, &["events", "--config", "nines.toml"], 0);
    let events = out(&events);
    assert!(
        events.contains("(nothing arrived: the last beat came at "),
        "{events}"
    );
    for file in ["log", "data/ledger.sqlite", "data/ledger.sqlite-wal"] {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(TOKEN), "{file}");
    }
}

#[test]
fn the_public_listener_tells_a_stranger_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let public = fed(folder, "1h");
    let _running = Running::start(folder);
    let nothing = answer(&public, "GET", "/");
    assert_eq!(nothing.0, 404);
    assert!(
        nothing
            .1
            .contains("content-security-policy: default-src 'none'"),
        "{nothing:?}"
    );
    assert!(
        nothing.1.contains("x-content-type-options: nosniff"),
        "{nothing:?}"
    );
    let shorter = format!("/heartbeat/{}", &TOKEN[1..]);
    let right = format!("/heartbeat/{TOKEN}");
    for (method, path) in [
        ("GET", "/metrics"),
        ("GET", "/status"),
        ("POST", "/act"),
        ("GET", "/heartbeat/"),
        ("GET", shorter.as_str()),
        ("POST", shorter.as_str()),
        ("PUT", right.as_str()),
        ("DELETE", right.as_str()),
    ] {
        assert_eq!(answer(&public, method, path), nothing, "{method} {path}");
    }
    shows(folder, "feed", "unknown");
    // One connection carries one request after another.
    let twice = request("POST", &right, "keep-alive") + &request("POST", &right, "close");
    let answers = talk(&public, &twice);
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    // A client that asks without end waits.
    let many = request("POST", "/heartbeat/x", "keep-alive").repeat(80);
    let answers = talk(&public, &(many + &request("POST", "/heartbeat/x", "close")));
    assert!(
        answers.contains("HTTP/1.1 429 Too Many Requests"),
        "{answers}"
    );
}

#[test]
fn a_reload_changes_the_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let public = fed(folder, "1h");
    let _running = Running::start(folder);
    std::fs::write(folder.join("systems/token"), "another-token-0123456789\n").unwrap();
    ends(folder, &["reload", "--config", "nines.toml"], 0);
    let path = format!("/heartbeat/{TOKEN}");
    assert_eq!(answer(&public, "POST", &path).0, 404);
    let path = "/heartbeat/another-token-0123456789";
    assert_eq!(answer(&public, "POST", path).0, 200);
    // The second heartbeat has the token of the first.
    append(
        &folder.join("systems/feed.toml"),
        &FEED
            .replace("\"live\"", "\"copy\"")
            .split_once("\n\n")
            .unwrap()
            .1
            .replace("PERIOD", "1h"),
    );
    let refused = ends(folder, &["check", "--config", "nines.toml"], 2);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned() + out(&refused);
    assert!(why.contains("has the same token"), "{why}");
}
