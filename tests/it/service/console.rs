//! The console and its API over the private listener of a running service: who may see and do what.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use domain::event::Fact;
use nines::clock;
use nines::web::console;
use people::{People, Role};
use serde_json::json;

use super::api::api;
use crate::support::program::{Running, append, configure, facts, log, rehearsed};

const PASSWORD: &str = "quartz lantern meadow fifty";

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// The body of a page, which may be a file.
fn send_bytes(folder: &Path, path: &str, cookie: &str) -> Vec<u8> {
    let answer = answered(folder, "GET", path, &[cookie.to_owned()], "");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    answer[end.unwrap() + 4..].to_vec()
}

/// Sends one request with these header lines.
pub(super) fn send(
    folder: &Path,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> Answer {
    let answer = String::from_utf8(answered(folder, method, path, headers, body)).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

fn answered(folder: &Path, method: &str, path: &str, headers: &[String], body: &str) -> Vec<u8> {
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let at = config.split("private = \"").nth(1).unwrap();
    let at = at.split('"').next().unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String {
        let bytes = text.bytes().map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        });
        bytes.collect()
    };
    let pairs = fields
        .iter()
        .map(|(n, v)| format!("{}={}", escaped(n), escaped(v)));
    pairs.collect::<Vec<_>>().join("&")
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

pub(super) fn post(folder: &Path, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let headers = [
        FORM.to_owned(),
        cookie.to_owned(),
        "Sec-Fetch-Site: same-origin".to_owned(),
    ];
    send(folder, "POST", path, &headers, &form(fields))
}

/// The header line with the cookie that an answer sets.
pub(super) fn cookie(answer: &Answer) -> String {
    let line = answer
        .head
        .lines()
        .find(|l| l.to_lowercase().starts_with("set-cookie:"));
    let value = line.unwrap().split_once(':').unwrap().1.trim();
    for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(value.contains(part), "{value}");
    }
    format!("Cookie: {}", value.split(';').next().unwrap())
}

/// Makes an account by an invitation, and signs in.
pub(super) fn person(folder: &Path, role: Role) -> String {
    let people = People::open(&folder.join("data/people.sqlite")).unwrap();
    let secret = people
        .invite(role, Some(role.word()), "test", clock::now())
        .unwrap();
    let path = format!("/console/invitation/{}", secret.reveal());
    let made = post(
        folder,
        &path,
        "X-None: 0",
        &[("name", "A Person"), ("password", PASSWORD)],
    );
    assert_eq!(made.status, 303, "{}", made.body);
    cookie(&made)
}

pub(super) fn token(folder: &Path, role: Role) -> String {
    format!("Authorization: Bearer {}", secret(folder, role))
}

/// The secret of a new token.
pub(super) fn secret(folder: &Path, role: Role) -> String {
    let people = People::open(&folder.join("data/people.sqlite")).unwrap();
    let now = clock::now();
    let later = now + jiff::SignedDuration::from_hours(1);
    let secret = people
        .create_token("deploy", role, later, "test", now)
        .unwrap();
    secret.reveal().to_owned()
}

pub(super) fn running() -> (tempfile::TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    append(
        &folder.path().join("nines.toml"),
        "\n[mail]\nfrom = \"status@example.org\"\nrelays = [\"smtp://127.0.0.1:1\"]\n\n[[customer]]\nid = \"clinic\"\n\
         name = \"The <Clinic>\"\nzone = \"UTC\"\ncontacts = [\"it@clinic.example\"]\nsystems = [\"portal\"]\n",
    );
    let running = Running::start(folder.path());
    (folder, running)
}

#[test]
fn the_first_administrator_comes_by_the_address_that_the_log_prints() {
    let (folder, _running) = running();
    let folder = folder.path();
    let printed = log(folder);
    let path = printed.split("/console/invitation/").nth(1).unwrap();
    let path = format!(
        "/console/invitation/{}",
        path.split_whitespace().next().unwrap()
    );
    let fields = [
        ("login", "ann"),
        ("name", "Ann"),
        ("password", "ann ann ann ann"),
    ];
    let weak = post(folder, &path, "X-None: 0", &fields);
    assert_eq!(weak.status, 422);
    assert!(weak.body.contains("easy to guess"), "{}", weak.body);
    let fields = [("login", "ann"), ("name", "Ann"), ("password", PASSWORD)];
    let made = post(folder, &path, "X-None: 0", &fields);
    let session = cookie(&made);
    let page = send(
        folder,
        "GET",
        "/console",
        std::slice::from_ref(&session),
        "",
    );
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Ann"), "{}", page.body);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    assert_eq!(
        post(folder, &path, "X-None: 0", &fields).status,
        422,
        "it works once"
    );
    // Signing out ends the session, also for a copy of the cookie.
    assert_eq!(post(folder, "/console/sign-out", &session, &[]).status, 303);
    assert_eq!(send(folder, "GET", "/console", &[session], "").status, 303);
    let wrong = post(
        folder,
        "/console/sign-in",
        "X-None: 0",
        &[("login", "ann"), ("password", "x")],
    );
    assert_eq!(wrong.status, 401);
    let right = [("login", "ann"), ("password", PASSWORD)];
    cookie(&post(folder, "/console/sign-in", "X-None: 0", &right));
}

#[test]
fn every_address_asks_for_its_role() {
    let (folder, _running) = running();
    let folder = folder.path();
    let sessions: Vec<(Role, String)> = Role::ALL.map(|role| (role, person(folder, role))).into();
    for (path, needed) in console::routes() {
        let path = path
            .replace("{secret}", "guess")
            .replace("incidents/{id}", "incidents/I-1")
            .replace("systems/{id}", "systems/portal")
            .replace("proposals/{id}", "proposals/1")
            .replace("notices/{id}", "notices/N-1")
            .replace("{committee}/{month}", "operations/2026-10")
            .replace("{probe}", "port")
            .replace("{name}", "operations-2026-10-final.pdf");
        let open = send(folder, "GET", &path, &[], "").status;
        match needed {
            None => assert!([200, 404].contains(&open), "{path}: {open}"),
            Some(_) => assert_eq!(open, 303, "{path} without an account"),
        }
        if path == "/console/events" {
            // A stream has no end.
            continue;
        }
        for (role, session) in &sessions {
            let status = send(folder, "GET", &path, std::slice::from_ref(session), "").status;
            match needed.is_none_or(|needed| *role >= needed) {
                true => assert!(
                    [200, 404, 405].contains(&status),
                    "{path} as {role}: {status}"
                ),
                false => assert_eq!(status, 403, "{path} as {role}"),
            }
        }
    }
}

#[test]
fn an_operator_previews_and_records_and_a_viewer_does_neither() {
    let (folder, _running) = running();
    let folder = folder.path();
    let operator = person(folder, Role::Operator);
    let declare = [
        ("do", "declare_outage"),
        ("system", "portal"),
        ("from:time", "2026-11-01T10:00"),
        ("evidence", "<script>alert(1)</script> & calls"),
    ];
    // The day may lie before the ledger's begin: then the refusal says so, and nothing is recorded.
    let act =
        |session: &str, fields: &[(&str, &str)]| post(folder, "/console/acts", session, fields);
    let refused = act(&operator, &declare);
    assert!([200, 409].contains(&refused.status), "{}", refused.body);
    assert!(!refused.body.contains("<script>"), "{}", refused.body);
    let report = [
        ("do", "report_problem"),
        ("customer", "clinic"),
        ("request", "problem"),
        ("reporter", "Lee"),
        ("text", "<b>Results</b> do not load"),
        ("systems:list", "portal"),
        ("back", "/console/incidents"),
    ];
    let before = facts(folder).len();
    let preview = act(&operator, &report);
    assert_eq!(preview.status, 200, "{}", preview.body);
    assert!(
        preview.body.contains("Nothing is recorded yet"),
        "{}",
        preview.body
    );
    assert_eq!(facts(folder).len(), before);
    let viewer = person(folder, Role::Viewer);
    assert_eq!(act(&viewer, &report).status, 403);
    let confirmed = [&report[..], &[("confirmed", "yes")]].concat();
    let done = act(&operator, &confirmed);
    assert!(done.body.contains("Recorded"), "{}", done.body);
    let page = send(
        folder,
        "GET",
        "/console/incidents/I-1",
        std::slice::from_ref(&operator),
        "",
    );
    assert!(page.body.contains("&lt;b&gt;Results"), "{}", page.body);
    assert!(!page.body.contains("<b>Results"), "{}", page.body);
    assert!(
        page.body.contains("operator"),
        "the ledger names the login: {}",
        page.body
    );
    // A page of another site cannot act with the person's cookie.
    let headers = [
        FORM.to_owned(),
        operator,
        "Sec-Fetch-Site: cross-site".to_owned(),
        "Origin: https://evil.example".to_owned(),
    ];
    let before = facts(folder).len();
    let forged = send(folder, "POST", "/console/acts", &headers, &form(&confirmed));
    assert_eq!(forged.status, 403);
    assert_eq!(facts(folder).len(), before);
}

#[test]
fn a_request_with_two_lengths_is_refused() {
    let (folder, _running) = running();
    let folder = folder.path();
    for lengths in [
        "Content-Length: 5\r\nContent-Length: 50",
        "Content-Length: -1",
        "Transfer-Encoding: chunked, identity",
    ] {
        let lengths = format!("X-None: 0\r\n{lengths}");
        let answer = send(
            folder,
            "POST",
            "/console/sign-in",
            std::slice::from_ref(&lengths),
            "",
        );
        assert_eq!(answer.status, 400, "{lengths}");
    }
}

#[test]
fn what_excuses_downtime_needs_an_approver() {
    let (folder, _running) = running();
    let folder = folder.path();
    let fields = [
        ("do", "reclassify"),
        ("outage", "O-1"),
        ("reason", "not agreed"),
    ];
    let operator = person(folder, Role::Operator);
    assert_eq!(
        post(folder, "/console/acts", &operator, &fields).status,
        403
    );
    let approver = person(folder, Role::Approver);
    let refused = post(folder, "/console/acts", &approver, &fields);
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("there is no outage"),
        "{}",
        refused.body
    );
}

/// The draft that a report's page names.
fn draft_of(page: &str) -> &str {
    let field = page.split(r#"name="as_of:number" value=""#).nth(1);
    field.unwrap().split('"').next().unwrap()
}

#[test]
fn a_report_is_approved_in_the_console_as_it_was_read() {
    let folder = rehearsed();
    let folder = folder.path();
    configure(folder);
    let _running = Running::start(folder);
    let approver = person(folder, Role::Approver);
    let path = "/console/reports/operations/2026-10";
    let page = || send(folder, "GET", path, std::slice::from_ref(&approver), "");
    let read = page();
    assert_eq!(read.status, 200, "{}", read.body);
    let fields = [
        ("do", "approve_report"),
        ("committee", "operations"),
        ("month", "2026-10"),
        ("as_of:number", draft_of(&read.body)),
        ("back", path),
    ];
    let act = |fields: &[(&str, &str)]| post(folder, "/console/acts", &approver, fields);
    let preview = act(&fields);
    assert_eq!(preview.status, 200, "{}", preview.body);
    let done = act(&[&fields[..], &[("confirmed", "yes")]].concat());
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(
        done.body.contains("approved the report of 2026-10"),
        "{}",
        done.body
    );
    let approved = page();
    let name = "operations-2026-10-final.pdf";
    assert!(approved.body.contains(name), "{}", approved.body);
    // The file that the committee got, byte by byte.
    let file = send_bytes(folder, &format!("{path}/files/{name}"), &approver);
    assert!(file == std::fs::read(folder.join("data/reports").join(name)).unwrap());
    let other = format!("{path}/files/nines.toml");
    assert_eq!(send(folder, "GET", &other, &[approver], "").status, 404);
}

#[test]
fn what_one_account_proposes_another_account_approves() {
    let folder = rehearsed();
    let folder = folder.path();
    configure(folder);
    let _running = Running::start(folder);
    let [operator, approver] = [Role::Operator, Role::Approver].map(|role| person(folder, role));
    let exclude = [
        ("do", "exclude"),
        ("outage", "portal"),
        ("from", "2026-10-07T02:20:00-04:00"),
        ("to", "2026-10-07T02:30:00-04:00"),
        ("reason", "their own line"),
        ("evidence", "ticket 17"),
        ("propose", "yes"),
    ];
    let act =
        |session: &str, fields: &[(&str, &str)]| post(folder, "/console/acts", session, fields);
    // A name that one person types is no second person.
    let typed = act(
        &approver,
        &[&exclude[..6], &[("approved_by", "bob")]].concat(),
    );
    assert_eq!(typed.status, 409);
    assert!(
        typed.body.contains("an account of their own"),
        "{}",
        typed.body
    );
    let preview = act(&operator, &exclude);
    assert!(preview.body.contains("Propose it"), "{}", preview.body);
    let excluded = || -> Vec<Option<String>> {
        let facts = facts(folder).into_iter();
        let approvers = facts.filter_map(|fact| match fact {
            Fact::DowntimeExcluded { approved_by, .. } => Some(approved_by),
            _ => None,
        });
        approvers.collect()
    };
    let confirmed = [&exclude[..], &[("confirmed", "yes")]].concat();
    for proposer in [&operator, &approver] {
        assert_eq!(act(proposer, &confirmed).status, 303);
    }
    assert_eq!(excluded(), [], "a proposal is no fact");
    let list = send(
        folder,
        "GET",
        "/console/proposals",
        std::slice::from_ref(&approver),
        "",
    );
    assert!(list.body.contains("their own line"), "{}", list.body);
    let decide = |session: &str, number: u32, decision: &str| {
        let path = format!("/console/proposals/{number}");
        post(folder, &path, session, &[("decision", decision)])
    };
    assert_eq!(decide(&operator, 1, "approve").status, 403, "the proposer");
    assert_eq!(decide(&approver, 2, "approve").status, 403, "the proposer");
    assert_eq!(decide(&operator, 2, "withdraw").status, 403, "another's");
    assert_eq!(excluded(), []);
    // Pressed twice at once, it is recorded once.
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let presses = [(); 2].map(|()| scope.spawn(|| decide(&approver, 1, "approve").status));
        presses.map(|press| press.join().unwrap()).into()
    });
    assert!(
        answers.contains(&200) && answers.contains(&404),
        "{answers:?}"
    );
    assert_eq!(excluded(), [Some("approver".to_owned())]);
    assert_eq!(decide(&approver, 2, "withdraw").status, 303);
    assert_eq!(decide(&approver, 2, "approve").status, 404);
    let token = token(folder, Role::Approver);
    let act = json!({ "act": {
        "do": "acknowledge", "incident": "portal", "counts_from": "2026-10-07T06:18:00Z", "approved_by": "bob",
    } });
    let (status, problem) = api(folder, &token, "/api/v1/acts", Some(act));
    assert_eq!(status, 409, "{problem}");
}

#[test]
fn a_required_second_factor_is_set_up_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    append(
        &folder.join("nines.toml"),
        "\n[console]\nrequire_second_factor = true\n",
    );
    let _running = Running::start(folder);
    let admin = person(folder, Role::Admin);
    let get = |path: &str, session: &str| send(folder, "GET", path, &[session.to_owned()], "");
    let setting_up = "location: /console/account/second-factor";
    for (path, role) in console::routes() {
        let is_open = role.is_none() || path.contains("second-factor");
        if is_open || path.contains('{') {
            continue;
        }
        let answer = get(path, &admin);
        let is_sent = answer.status == 303 && answer.head.contains(setting_up);
        // Signing out has no page, and is allowed.
        let is_left = path == "/console/sign-out" && answer.status == 405;
        assert!(is_sent || is_left, "{path}: {}", answer.head);
    }
    let act = post(
        folder,
        "/console/acts",
        &admin,
        &[("do", "resume"), ("incident", "I-1")],
    );
    assert!(
        act.status == 303 && act.head.contains(setting_up),
        "{}",
        act.head
    );

    let page = get("/console/account/second-factor", &admin).body;
    assert!(page.contains("with a second factor only"), "{page}");
    let text = page.split("name=\"secret\" value=\"").nth(1).unwrap();
    let text = text.split('"').next().unwrap().to_owned();
    let code = |later_s: u64| {
        let secret = totp_rs::Secret::Encoded(text.clone()).to_bytes().unwrap();
        let totp = totp_rs::TOTP::new_unchecked(totp_rs::Algorithm::SHA1, 6, 1, 30, secret);
        let now = u64::try_from(clock::now().as_second()).unwrap();
        totp.generate(now + later_s)
    };
    let fields = |code: String| [("secret", text.clone()), ("code", code)];
    let confirm = |code: String| {
        let fields = fields(code);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        post(folder, "/console/account/second-factor", &admin, &fields)
    };
    assert_eq!(confirm("000000".to_owned()).status, 200, "a wrong code");
    assert_eq!(confirm(code(0)).status, 303);
    let sign_in = |code: &str| {
        let fields = [("login", "admin"), ("password", PASSWORD), ("code", code)];
        post(folder, "/console/sign-in", "X-None: 0", &fields)
    };
    assert_eq!(sign_in("").status, 401);
    // A code works once: the next half minute has another.
    let session = cookie(&sign_in(&code(30)));
    assert_eq!(get("/console", &session).status, 200);
    assert_eq!(get("/console/people", &session).status, 200);
}
