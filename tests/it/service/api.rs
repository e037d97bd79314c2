//! The API of a running service: who may read and do what, what every error looks like, and what becomes of two operators
//! who act at once.

use std::path::Path;

use nines::web::api;
use people::{People, Role};
use serde_json::{Value, json};

use super::console::{person, running, secret, send, token};
use crate::support::program::{err, facts, out, run, until, words};

pub(super) fn api(folder: &Path, token: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let headers = [
        token.to_owned(),
        "Content-Type: application/json".to_owned(),
    ];
    let answer = match body {
        Some(body) => send(folder, "POST", path, &headers, &body.to_string()),
        None => send(folder, "GET", path, &headers, ""),
    };
    let parsed = serde_json::from_str(&answer.body);
    (
        answer.status,
        parsed.unwrap_or_else(|_| panic!("{}", answer.body)),
    )
}

#[test]
fn a_token_acts_by_the_api_within_its_role() {
    let (folder, _running) = running();
    let folder = folder.path();
    let [viewer, operator] = [Role::Viewer, Role::Operator].map(|role| token(folder, role));
    for wrong in [
        "X-None: 0",
        "Authorization: Bearer nines_guess",
        "Authorization: Basic YTpi",
    ] {
        let (status, problem) = api(folder, wrong, "/api/v1/status", None);
        assert_eq!((status, &problem["status"]), (401, &json!(401)), "{wrong}");
    }
    let (status, body) = api(folder, &viewer, "/api/v1/status", None);
    assert_eq!(
        (status, &body["systems"][0]["system"]),
        (200, &json!("portal"))
    );
    let act = json!({ "act": {
        "do": "report_problem", "customer": "clinic", "request": "general", "reporter": "Lee", "text": "a question",
    } });
    let (status, problem) = api(folder, &viewer, "/api/v1/acts", Some(act.clone()));
    assert_eq!(status, 403, "{problem}");
    let mut tried = act.clone();
    tried["dry_run"] = json!(true);
    let before = facts(folder).len();
    assert_eq!(api(folder, &operator, "/api/v1/acts", Some(tried)).0, 200);
    assert_eq!(facts(folder).len(), before);
    let (status, receipt) = api(folder, &operator, "/api/v1/acts", Some(act));
    assert_eq!(
        (status, &receipt["events"][0]["by"]),
        (200, &json!("token deploy")),
        "{receipt}"
    );
    let unknown = json!({ "act": { "do": "dance" } });
    let (status, problem) = api(folder, &operator, "/api/v1/acts", Some(unknown));
    assert_eq!(status, 422, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("dance"),
        "{problem}"
    );
    let (status, listed) = api(
        folder,
        &operator,
        "/api/v1/events?kind=problem-reported",
        None,
    );
    assert_eq!(
        (status, listed["items"].as_array().unwrap().len()),
        (200, 1)
    );
    assert_eq!(listed["items"][0]["data"]["problem"]["text"], "a question");
    let (_, hidden) = api(
        folder,
        &viewer,
        "/api/v1/events?kind=problem-reported",
        None,
    );
    assert_eq!(hidden["items"][0]["data"], Value::Null);
    assert_eq!(
        api(folder, &operator, "/api/v1/reload", Some(json!({}))).0,
        403
    );
    until("the token is not shown as used", || {
        let people = People::open(&folder.join("data/people.sqlite")).unwrap();
        people
            .tokens()
            .unwrap()
            .iter()
            .all(|t| t.used_at.is_some())
            .then_some(())
    });
}

/// One request with a token and more header lines. An empty answer is null.
pub(super) fn asked(
    folder: &Path,
    token: &str,
    (method, path): (&str, &str),
    headers: &[&str],
    body: &str,
) -> (u16, String, Value) {
    let mut lines = vec![
        token.to_owned(),
        "Content-Type: application/json".to_owned(),
    ];
    lines.extend(headers.iter().map(|line| (*line).to_owned()));
    let answer = send(folder, method, path, &lines, body);
    let parsed = match answer.body.is_empty() {
        true => Value::Null,
        false => serde_json::from_str(&answer.body).unwrap_or_else(|_| json!(answer.body)),
    };
    (answer.status, answer.head, parsed)
}

/// A path with things that exist, where they do.
fn filled(path: &str) -> String {
    path.replace("incidents/{id}", "incidents/I-1")
        .replace("systems/{id}", "systems/portal")
        .replace("maintenance/{id}", "maintenance/disk")
        .replace("notices/{id}", "notices/N-1")
        .replace("accounts/{id}", "accounts/999")
        .replace("tokens/{id}", "tokens/999")
        .replace("proposals/{id}", "proposals/999")
        .replace("{probe}", "port")
        .replace("{committee}/{month}", "operations/2026-10")
        .replace("{name}", "x.pdf")
}

#[test]
fn every_request_asks_for_its_role_and_every_error_is_a_problem() {
    let (folder, _running) = running();
    let folder = folder.path();
    let tokens: Vec<(Role, String)> = Role::ALL.map(|role| (role, token(folder, role))).into();
    let mut count = 0;
    for (method, path, needed) in api::endpoints() {
        let path = filled(&path);
        let body = match method {
            "GET" => "",
            _ => "{}",
        };
        let (open, head, _) = asked(folder, "X-None: 0", (method, &path), &[], body);
        match needed {
            None => assert_eq!(open, 200, "{path}"),
            Some(_) => {
                assert_eq!(open, 401, "{method} {path} without a token");
                assert!(head.contains("www-authenticate: Bearer"), "{head}");
            }
        }
        for (role, token) in &tokens {
            let (status, head, answer) = asked(folder, token, (method, &path), &[], body);
            match needed.is_none_or(|needed| *role >= needed) {
                true => assert!(
                    ![401, 403].contains(&status) && status < 500,
                    "{method} {path} as {role}: {status}"
                ),
                false => assert_eq!(status, 403, "{method} {path} as {role}"),
            }
            if status >= 400 {
                assert!(
                    head.contains("content-type: application/problem+json"),
                    "{path}: {head}"
                );
                assert_eq!(answer["status"], status, "{answer}");
                assert!(
                    answer["detail"].as_str().is_some_and(|d| d.len() > 10),
                    "{answer}"
                );
            }
        }
        count += 1;
    }
    assert!(count > 20);
}

#[test]
fn errors_of_the_protocol_are_problems_too() {
    let (folder, _running) = running();
    let folder = folder.path();
    let operator = token(folder, Role::Operator);
    let large = format!("{{\"act\": \"{}\"}}", "x".repeat(300_000));
    let text = "Content-Type: text/plain";
    for (method, path, kind, body, status, says) in [
        ("GET", "/api/v1/nothing", "", "", 404, "there is no GET"),
        ("GET", "/api", "", "", 404, "openapi.json"),
        ("DELETE", "/api/v1/acts", "", "", 405, "no method DELETE"),
        ("POST", "/api/v1/acts", "", large.as_str(), 413, "256 KiB"),
        ("POST", "/api/v1/acts", text, "{}", 415, "application/json"),
        ("POST", "/api/v1/acts", "", "{", 400, ""),
        ("POST", "/api/v1/acts", "", "{}", 422, "act"),
        ("GET", "/api/v1/events?limit=0", "", "", 400, "1 to 1000"),
        ("GET", "/api/v1/events?cursor=x", "", "", 400, "cursor"),
        ("GET", "/api/v1/events?colour=red", "", "", 400, "colour"),
        ("GET", "/api/v1/incidents/I-99", "", "", 404, "I-99"),
    ] {
        let kind = match kind {
            "" => "Content-Type: application/json",
            kind => kind,
        };
        let headers = [operator.clone(), kind.to_owned()];
        let answer = send(folder, method, path, &headers, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(
            answer.head.contains("application/problem+json"),
            "{}",
            answer.head
        );
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{path}: {detail}");
        if status == 405 {
            assert!(answer.head.contains("allow: POST"), "{}", answer.head);
        }
    }
}

fn report(text: &str) -> String {
    json!({ "act": {
        "do": "report_problem", "customer": "clinic", "systems": ["portal"], "request": "problem",
        "reporter": "Lee", "text": text,
    } })
    .to_string()
}

const ACTS: (&str, &str) = ("POST", "/api/v1/acts");

#[test]
fn the_same_key_and_body_records_once_and_gives_the_first_answer() {
    let (folder, service) = running();
    let folder = folder.path();
    let operator = token(folder, Role::Operator);
    let key = ["Idempotency-Key: one"];
    let (status, _, first) = asked(
        folder,
        &operator,
        ACTS,
        &key,
        &report("results do not load"),
    );
    assert_eq!(status, 200, "{first}");
    let before = facts(folder).len();
    // Also after a restart.
    drop(service);
    let _service = crate::support::program::Running::start(folder);
    let before = facts(folder).len().max(before);
    let (status, _, again) = asked(
        folder,
        &operator,
        ACTS,
        &key,
        &report("results do not load"),
    );
    assert_eq!((status, &again), (200, &first));
    assert_eq!(facts(folder).len(), before);
    let (status, _, other) = asked(folder, &operator, ACTS, &key, &report("another one"));
    assert_eq!(status, 422, "{other}");
    assert!(
        other["detail"]
            .as_str()
            .unwrap()
            .contains("another request"),
        "{other}"
    );
    // A refusal is an answer as well.
    let refused = json!({ "act": { "do": "acknowledge", "incident": "I-99" } }).to_string();
    for _ in 0..2 {
        let (status, _, answer) =
            asked(folder, &operator, ACTS, &["Idempotency-Key: two"], &refused);
        assert_eq!(status, 409, "{answer}");
        assert!(
            !answer["detail"].as_str().unwrap().contains("Idempotency"),
            "{answer}"
        );
    }
    // The secret of a token is not kept.
    let admin = token(folder, Role::Admin);
    let new = json!({ "name": "ci", "role": "viewer", "days": 1 }).to_string();
    let tokens = ("POST", "/api/v1/tokens");
    let (status, _, made) = asked(folder, &admin, tokens, &key, &new);
    assert_eq!(status, 201, "{made}");
    assert!(made["token"].as_str().unwrap().starts_with("nines_"));
    let (status, _, again) = asked(folder, &admin, tokens, &key, &new);
    assert_eq!(status, 409, "{again}");
    let (_, _, listed) = asked(folder, &admin, ("GET", "/api/v1/tokens"), &[], "");
    let named = listed["items"].as_array().unwrap().iter();
    assert_eq!(named.filter(|t| t["name"] == "ci").count(), 1, "{listed}");
    let _ = before;
}

fn etag(head: &str) -> String {
    let line = head.lines().find(|l| l.starts_with("etag: "));
    line.unwrap_or_else(|| panic!("{head}"))
        .replace("etag: ", "If-Match: ")
}

#[test]
fn two_operators_who_act_at_once_lose_nothing_and_both_see_it() {
    let (folder, _running) = running();
    let folder = folder.path();
    let operator = token(folder, Role::Operator);
    let (status, _, made) = asked(folder, &operator, ACTS, &[], &report("results do not load"));
    assert_eq!(status, 200, "{made}");
    let incident = ("GET", "/api/v1/incidents/I-1");
    let (_, head, read) = asked(folder, &operator, incident, &[], "");
    let seen = etag(&head);
    assert_eq!(seen, format!("If-Match: \"{}\"", read["version"]));
    let update = |who: usize| {
        let act = json!({ "do": "update", "incident": "I-1", "public": false, "text": format!("text of operator {who}") });
        json!({ "act": act }).to_string()
    };
    // Both read the same version and send at the same moment.
    let both = |headers: &[&str]| -> Vec<(u16, String, Value)> {
        std::thread::scope(|scope| {
            let sent = [1, 2].map(|who| {
                let (operator, update) = (&operator, &update);
                scope.spawn(move || asked(folder, operator, ACTS, headers, &update(who)))
            });
            sent.into_iter().map(|one| one.join().unwrap()).collect()
        })
    };
    let answers = both(&[&seen]);
    let mut statuses: Vec<u16> = answers.iter().map(|(status, ..)| *status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{answers:?}");
    let second = answers
        .iter()
        .position(|(status, ..)| *status == 412)
        .unwrap();
    let (_, _, conflict) = &answers[second];
    let change = &conflict["changes"][0];
    let first = format!("text of operator {}", 2 - second);
    assert_eq!(
        change["data"]["text"], first,
        "it sees the text of the other: {conflict}"
    );
    // With the present version it goes on.
    let now = format!("If-Match: \"{}\"", conflict["version"]);
    let (status, head, _) = asked(folder, &operator, ACTS, &[&now], &update(second + 1));
    assert_eq!(status, 200);
    let after = etag(&head);
    let (_, head, read) = asked(folder, &operator, incident, &[], "");
    assert_eq!(etag(&head), after, "an act answers with the new version");
    assert_eq!(read["updates"].as_array().unwrap().len(), 2, "{read}");
    // Without a version, both are recorded.
    let answers = both(&[]);
    assert!(
        answers.iter().all(|(status, ..)| *status == 200),
        "{answers:?}"
    );
    let (_, _, read) = asked(folder, &operator, incident, &[], "");
    assert_eq!(read["updates"].as_array().unwrap().len(), 4, "{read}");
    let (_, _, events) = asked(
        folder,
        &operator,
        ("GET", "/api/v1/incidents/I-1/events"),
        &[],
        "",
    );
    let kinds: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.last(), Some(&"incident-opened"), "{kinds:?}");
    for (header, status) in [
        ("If-Match: *", 200),
        ("If-Match: 17", 400),
        ("If-Match: \"x\"", 400),
    ] {
        let dry = json!({ "act": { "do": "acknowledge", "incident": "I-1" }, "dry_run": true })
            .to_string();
        assert_eq!(
            asked(folder, &operator, ACTS, &[header], &dry).0,
            status,
            "{header}"
        );
    }
}

#[test]
fn a_window_and_a_report_have_versions_as_well() {
    let (folder, _running) = running();
    let folder = folder.path();
    let operator = token(folder, Role::Operator);
    let schedule = json!({ "act": {
        "do": "schedule_maintenance", "id": "disk", "systems": ["portal"], "title": "Disk",
        "start": nines::clock::now() + jiff::SignedDuration::from_hours(100),
        "end": nines::clock::now() + jiff::SignedDuration::from_hours(101),
    }, "anyway": true })
    .to_string();
    let (status, _, made) = asked(folder, &operator, ACTS, &[], &schedule);
    assert_eq!(status, 200, "{made}");
    let (_, head, window) = asked(
        folder,
        &operator,
        ("GET", "/api/v1/maintenance/disk"),
        &[],
        "",
    );
    let seen = etag(&head);
    assert_eq!(window["not_notified"][0]["id"], "clinic", "{window}");
    let cancel =
        json!({ "act": { "do": "cancel_maintenance", "window": "disk", "reason": "not needed" } })
            .to_string();
    let old = "If-Match: \"1\"";
    let (status, _, conflict) = asked(folder, &operator, ACTS, &[old], &cancel);
    assert_eq!(
        (status, &conflict["changes"][0]["kind"]),
        (412, &json!("window-scheduled")),
        "{conflict}"
    );
    assert_eq!(asked(folder, &operator, ACTS, &[&seen], &cancel).0, 200);
    let month = nines::clock::now().to_string()[..7].to_owned();
    let path = format!("/api/v1/reports/operations/{month}");
    let (status, head, read) = asked(folder, &operator, ("GET", &path), &[], "");
    assert_eq!(
        (status, read["status"].as_str()),
        (200, Some("draft")),
        "{read}"
    );
    assert_eq!(etag(&head), format!("If-Match: \"{}\"", read["version"]));
    for format in ["html", "pdf", "md", "csv", "json"] {
        let path = format!("{path}/draft?format={format}");
        let headers = [operator.clone()];
        let mut request = nines_bytes(folder, &path, &headers);
        assert_eq!(request.0, 200, "{format}");
        assert!(request.1.split_off(0).len() > 200, "{format}");
    }
}

/// The status and the bytes of an answer that may be no text.
fn nines_bytes(folder: &Path, path: &str, headers: &[String]) -> (u16, Vec<u8>) {
    use std::io::{Read as _, Write as _};
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let at = config
        .split("private = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\n{lines}\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let status = String::from_utf8_lossy(&bytes[9..12]).parse().unwrap();
    (status, bytes)
}

#[test]
fn a_viewer_sees_no_address_of_a_customer_and_an_operator_does() {
    let (folder, _running) = running();
    let folder = folder.path();
    let [viewer, operator] = [Role::Viewer, Role::Operator].map(|role| token(folder, role));
    asked(folder, &operator, ACTS, &[], &report("results do not load"));
    let update =
        json!({ "act": { "do": "update", "incident": "I-1", "text": "We look for the cause." } });
    let (status, _, told) = asked(folder, &operator, ACTS, &[], &update.to_string());
    assert_eq!(status, 200, "{told}");
    until("no notice is attempted", || {
        let (_, _, notices) = asked(folder, &operator, ("GET", "/api/v1/notices"), &[], "");
        notices["items"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
            .then_some(())
    });
    let paths = api::endpoints()
        .filter(|(method, _, role)| *method == "GET" && *role == Some(Role::Viewer));
    let mut seen = String::new();
    for (method, path, _) in paths {
        let path = filled(&path);
        let hidden = send(folder, method, &path, std::slice::from_ref(&viewer), "");
        assert!(
            !hidden.body.contains("it@clinic"),
            "{path}: {}",
            hidden.body
        );
        seen += &send(folder, method, &path, std::slice::from_ref(&operator), "").body;
    }
    // The audit trail of the console has the same sentences.
    let session = person(folder, Role::Viewer);
    let page = send(folder, "GET", "/console/ledger", &[session], "").body;
    assert!(
        page.contains("N-1") && !page.contains("it@clinic"),
        "{page}"
    );
    assert!(
        seen.contains("it@clinic.example"),
        "the test looks in the right places"
    );
}

/// Runs a command against the service as from another machine: it knows neither configuration nor data.
pub(super) fn remotely(folder: &Path, token: &str, line: &[&str]) -> std::process::Output {
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let at = config
        .split("private = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let elsewhere = folder.join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("token"), format!("{token}\n")).unwrap();
    let server = format!("http://{at}");
    let options = ["--server", &server, "--token-file", "token"];
    run(&elsewhere, &[&options[..], line].concat())
}

#[test]
fn the_command_line_works_against_another_machine() {
    let (folder, _running) = running();
    let folder = folder.path();
    let [viewer, operator] = [Role::Viewer, Role::Operator].map(|role| secret(folder, role));
    let text = [
        "incident",
        "report-problem",
        "clinic",
        "--reporter",
        "Lee",
        "--text",
        "results do not load",
        "--type",
        "problem",
        "--system",
        "portal",
    ];
    let refused = remotely(folder, &viewer, &text);
    assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
    assert!(
        err(&refused).contains("needs the role operator"),
        "{}",
        err(&refused)
    );
    let done = remotely(folder, &operator, &text);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let here = |line: &[&str]| run(folder, &[&["--config", "nines.toml"], line].concat());
    let local = here(&["incident", "list", "--json"]);
    for (line, code) in [
        (&["incident", "list", "--json"][..], 0),
        (&["incident", "show", "I-1"], 0),
        (&["maintenance", "list"], 0),
        (&["notice", "list"], 0),
        (&["report", "list"], 0),
        (&["events", "--json"], 0),
    ] {
        let far = remotely(folder, &operator, line);
        assert_eq!(far.status.code(), Some(code), "{line:?}: {}", err(&far));
        let near = here(line);
        assert_eq!(
            out(&far),
            out(&near),
            "{line:?} says the same from another machine"
        );
    }
    assert!(out(&local).contains("I-1"));
    let status = remotely(folder, &viewer, &["status", "--json"]);
    let status: Value = serde_json::from_str(out(&status)).unwrap();
    assert_eq!(status["systems"][0]["system"], "portal");
    let dry = remotely(
        folder,
        &operator,
        &[
            "incident",
            "update",
            "I-1",
            "--text",
            "We look for the cause.",
            "--dry-run",
        ],
    );
    assert!(
        out(&dry).contains("--- Mail to The <Clinic> <it@clinic.example>"),
        "{}{}",
        out(&dry),
        err(&dry)
    );
    let near = here(&[
        "incident",
        "update",
        "I-1",
        "--text",
        "We look for the cause.",
        "--dry-run",
    ]);
    // The two were made at different seconds.
    let mails = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .skip_while(|line| !line.starts_with("--- Mail"));
        let undated = lines.filter(|line| !line.ends_with(" UTC"));
        undated.map(str::to_owned).collect()
    };
    assert_eq!(mails(out(&dry)), mails(out(&near)));
    let reload = remotely(folder, &operator, &["reload"]);
    assert_eq!(reload.status.code(), Some(3), "{}", err(&reload));
    for (line, code, says) in [
        (&["verify"][..], 2, "run it on its machine"),
        (&["report", "2026-10"], 2, "run it on its machine"),
        (
            &["--by", "kim", "incident", "ack", "I-1"],
            2,
            "token names the actor",
        ),
    ] {
        let wrong = remotely(folder, &operator, line);
        assert_eq!(wrong.status.code(), Some(code), "{}", err(&wrong));
        assert!(err(&wrong).contains(says), "{}", err(&wrong));
    }
    let wrong = remotely(folder, "nines_guess", &["status"]);
    assert_eq!(wrong.status.code(), Some(3));
    assert!(err(&wrong).contains("refused the token"), "{}", err(&wrong));
    let blind = remotely(folder, &viewer, &["incident", "list"]);
    assert_eq!(blind.status.code(), Some(3));
    assert!(
        err(&blind).contains("token is a viewer's"),
        "{}",
        err(&blind)
    );
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (server, code, says) in [
        (format!("http://{free}"), 3, "cannot be reached"),
        ("http://nines.example.org".to_owned(), 2, "unencrypted"),
    ] {
        let mut command = words(folder, &["--server", &server, "status"]);
        let wrong = command.env("NINES_TOKEN", &operator).output().unwrap();
        assert_eq!(wrong.status.code(), Some(code), "{}", err(&wrong));
        assert!(err(&wrong).contains(says), "{}", err(&wrong));
    }
}

/// A request of the documentation with the answer that it shows.
struct Example {
    request: String,
    headers: Vec<String>,
    body: String,
    status: u16,
    answered: Vec<String>,
    shown: Value,
}

/// The examples of a page of the documentation.
fn examples(page: &str) -> Vec<Example> {
    let blocks = page.split("```http\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let parsed = blocks.map(|block| {
        let (request, answer) = block.split_once("\nHTTP/1.1 ").unwrap();
        let parts = |text: &str| -> (Vec<String>, String) {
            let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
            (
                head.lines().map(str::to_owned).collect(),
                body.trim().to_owned(),
            )
        };
        let (mut head, body) = parts(request);
        let (mut answered, shown) = parts(answer);
        let status = answered.remove(0);
        Example {
            request: head.remove(0),
            headers: head,
            body,
            status: status[..3].parse().unwrap(),
            answered,
            shown: serde_json::from_str(&shown).unwrap_or(Value::Null),
        }
    });
    parsed.collect()
}

/// Checks that `answer` has everything that `shown` has.
fn contains(answer: &Value, shown: &Value, of: &str) {
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => {
            for (key, value) in shown {
                contains(
                    answer.get(key).unwrap_or(&Value::Null),
                    value,
                    &format!("{of}.{key}"),
                );
            }
        }
        (Value::Array(answer), Value::Array(shown)) => {
            for (place, value) in shown.iter().enumerate() {
                contains(
                    answer.get(place).unwrap_or(&Value::Null),
                    value,
                    &format!("{of}[{place}]"),
                );
            }
        }
        _ => assert_eq!(answer, shown, "{of}"),
    }
}

#[test]
fn the_examples_of_the_documentation_are_answered_as_it_says() {
    let (folder, _running) = running();
    let folder = folder.path();
    let operator = token(folder, Role::Operator);
    asked(folder, &operator, ACTS, &[], &report("results do not load"));
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
    let mut version = String::new();
    let all = examples(&page);
    assert!(all.len() >= 10);
    for example in all {
        let mut words = example.request.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let headers = example.headers.iter().map(|line| match line.as_str() {
            "Authorization: Bearer nines_…" => operator.clone(),
            "If-Match: \"…\"" => version.clone(),
            line => line.to_owned(),
        });
        let headers: Vec<String> = headers.collect();
        let answer = send(folder, method, path, &headers, &example.body);
        let of = &example.request;
        assert_eq!(
            answer.status, example.status,
            "{of} {}: {}",
            example.body, answer.body
        );
        for line in &example.answered {
            let (name, value) = line.split_once(": ").unwrap();
            let found = answer
                .head
                .lines()
                .find_map(|l| l.strip_prefix(&format!("{}: ", name.to_lowercase())));
            let found = found.unwrap_or_else(|| panic!("{of} has no {name}: {}", answer.head));
            match name {
                "ETag" => version = format!("If-Match: {found}"),
                _ => assert_eq!(found, value, "{of}"),
            }
        }
        if !example.shown.is_null() {
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            contains(&body, &example.shown, of);
        }
    }
}
