//! The form on the public pages by which everyone can report a problem, in the running program.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use demo::smtp_server::{SmtpServer, Tls};
use domain::event::Fact;
use domain::notice::Kind;
use people::{People, ReporterId, Role};
use tokio::runtime::Runtime;

use super::console::person;
use crate::support::program::{Running, append, configure, ends, facts, out, until};

/// A policy with one clock and one level, and no list of issues.
const POLICY: &str = "
name       = \"Support\"
min_notice = \"0s\"
issue_types = [\"Sign-in\", \"Error <message>\"]

[[severity]]
id      = \"request\"
respond = { within = \"2h\" }

[[escalation]]
level      = 1
severities = [\"request\"]
after      = \"0s\"
contacts   = [\"desk\"]
";

struct Site {
    folder: tempfile::TempDir,
    address: String,
    mail: SmtpServer,
    _running: Running,
    _runtime: Runtime,
}

fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    configure(path);
    let runtime = Runtime::new().unwrap();
    let listen = SmtpServer::listen("127.0.0.1:0".parse().unwrap(), Tls::None);
    let mail = runtime.block_on(listen).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let file = path.join("nines.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let config = config
        .replace("[listen]", &format!("[listen]\npublic = \"{address}\""))
        .replace(
            "zone = \"UTC\"\n",
            "zone = \"UTC\"\npolicies = \"policies\"\noperators = [\"lead\"]\n",
        );
    std::fs::write(&file, config).unwrap();
    append(
        &file,
        &format!(
            "\n[mail]\nfrom = \"status@example.org\"\nrelays = [\"smtp://{}\"]\nehlo_name = \"monitor.example.org\"\n\
             [[contact]]\nid = \"desk\"\nemail = \"desk@example.org\"\n[[contact]]\nid = \"lead\"\nemail = \"lead@example.org\"\n\
             [public]\nsystems = [\"portal\"]\nproblem_reports = {{ policy = \"support\" }}\n",
            mail.address()
        ),
    );
    std::fs::create_dir_all(path.join("policies")).unwrap();
    std::fs::write(path.join("policies/support.toml"), POLICY).unwrap();
    let running = Running::start(path);
    until("there is no form", || {
        send(
            &address,
            "GET /problem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .0
        .contains(" 200 OK")
        .then_some(())
    });
    Site {
        folder,
        address,
        mail,
        _running: running,
        _runtime: runtime,
    }
}

/// Head and body of the answer to one request.
fn send(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    // The service may answer, and close, before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Site {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A form that was open for more than three seconds.
    fn token(&self) -> String {
        let asked = "GET /problem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let (_, page) = send(&self.address, asked);
        let token = page.split("name=\"token\" value=\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap().to_owned();
        let opened = Instant::now();
        until("the form is not old enough", || {
            (opened.elapsed() > Duration::from_millis(3_200)).then_some(())
        });
        token
    }

    fn post(&self, fields: &[(&str, &str)]) -> (String, String) {
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let head = "POST /problem HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded";
        send(
            &self.address,
            &format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        )
    }

    fn reports(&self) -> Vec<domain::handling::Problem> {
        let all = facts(self.path()).into_iter();
        all.filter_map(|fact| match fact {
            Fact::ProblemReported { problem, .. } => Some(problem),
            _ => None,
        })
        .collect()
    }

    /// The mails to an address, as text.
    fn mails(&self, to: &str) -> Vec<String> {
        let all = self
            .mail
            .received()
            .into_iter()
            .filter(|mail| mail.to == [to]);
        all.map(|mail| String::from_utf8(mail.bytes).unwrap())
            .collect()
    }
}

fn filled<'a>(token: &'a str, description: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", "Ann Lee"),
        ("organisation", "Riverside Clinic"),
        ("email", "ann.lee@clinic.example"),
        ("phone", "+1 716 555 0100"),
        ("issue", "Error <message>"),
        ("description", description),
        ("website", ""),
        ("token", token),
    ]
}

#[test]
fn a_report_opens_an_incident_with_its_clock_and_everyone_is_mailed() {
    let site = site();
    let token = site.token();
    let text = "The <b>results</b> do not open.\r\nCall 716-555-0199.";
    let (head, page) = site.post(&filled(&token, text));
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head} {page}");
    assert!(page.contains("<h1>We have your report I-1</h1>"), "{page}");
    // A second click records nothing more.
    assert!(
        site.post(&filled(&token, text))
            .1
            .contains("report I-1</h1>")
    );
    let reports = site.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(
        reports[0].text,
        "The <b>results</b> do not open.\nCall [moved to contact]."
    );
    assert_eq!(reports[0].form.as_ref().unwrap().issue, "Error <message>");
    let shown = ends(
        site.path(),
        &["incident", "show", "I-1", "--config", "nines.toml"],
        0,
    );
    assert!(
        out(&shown).contains("response clock: due"),
        "{}",
        out(&shown)
    );

    let receipt = until("no receipt came", || {
        site.mails("ann.lee@clinic.example").pop()
    });
    assert!(
        receipt.contains("Subject: RECEIVED: your report I-1\r\n"),
        "{receipt}"
    );
    assert!(
        receipt.contains("To: ann.lee@clinic.example\r\n"),
        "{receipt}"
    );
    assert!(
        !receipt.contains("results"),
        "a receipt repeats no text: {receipt}"
    );
    let escalation = until("no escalation came", || {
        site.mails("desk@example.org").pop()
    });
    assert!(
        escalation.contains("Subject: ESCALATION, level 1: a report (I-1"),
        "{escalation}"
    );
    let told = until("the operators were not told", || {
        site.mails("lead@example.org").pop()
    });
    assert!(told.contains("do not open."), "{told}");

    // What staff writes goes to the reporter as well.
    let line = [
        "incident",
        "update",
        "I-1",
        "--text",
        "We look at it.",
        "--config",
        "nines.toml",
    ];
    ends(site.path(), &line, 0);
    let update = until("no update came", || {
        let mails = site.mails("ann.lee@clinic.example");
        mails.into_iter().find(|mail| mail.contains("UPDATE"))
    });
    assert!(update.contains("We look at it."), "{update}");
    assert!(update.contains("In-Reply-To: "), "{update}");

    // The ledger and its messages have no word about the person.
    let people = People::open(&site.path().join("data/people.sqlite")).unwrap();
    let person = people.reporter(ReporterId(1)).unwrap().unwrap();
    assert_eq!(
        person.phone.as_deref(),
        Some("+1 716 555 0100, 716-555-0199")
    );
    let ledger = ["ledger.sqlite", "ledger.sqlite-wal"].map(|name| {
        let bytes = std::fs::read(site.path().join("data").join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    for word in ["Ann Lee", "ann.lee", "Riverside", "555 0100", "555-0199"] {
        assert!(!ledger.iter().any(|text| text.contains(word)), "{word}");
    }
}

#[test]
fn a_report_with_health_information_is_refused_and_kept_for_editing() {
    let site = site();
    let token = site.token();
    let text = "The results of MRN 00482913 do not open.";
    let (head, page) = site.post(&filled(&token, text));
    assert!(head.starts_with("HTTP/1.1 422"), "{head}");
    for part in [
        "it seems to hold protected health information",
        "This looks like a medical record number: “MRN ********”",
        &format!("{text}</textarea>"),
        "value=\"Ann Lee\"",
        "<option selected>Error &lt;message&gt;</option>",
        "aria-describedby=\"description-hint description-error\" aria-invalid=\"true\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (_, page) = site.post(&filled(&token, "The results of one patient do not open."));
    assert!(page.contains("We have your report I-1"), "{page}");
    assert_eq!(site.reports().len(), 1);
    let stored = format!("{:?}", facts(site.path()));
    assert!(!stored.contains("00482913"), "{stored}");
}

#[test]
fn wrong_fields_are_named_and_nothing_of_them_is_obeyed() {
    let site = site();
    let token = site.token();
    let hostile = "\"><script>alert(1)</script>";
    let breaks = "x\r\nBcc: all@example.org";
    let (head, page) = site.post(&[
        ("name", breaks),
        ("organisation", ""),
        ("email", "ann@clinic.example\r\nBcc: all@example.org"),
        ("phone", hostile),
        ("issue", "another"),
        ("description", " \r\n"),
        ("token", &token),
    ]);
    assert!(head.starts_with("HTTP/1.1 422"), "{head}");
    assert!(
        !head.contains("Bcc") && !page.contains("<script"),
        "{head} {page}"
    );
    for error in [
        "<a href=\"#name\">Name</a>: Write your name on one line, without control characters.",
        "<a href=\"#organisation\">Organisation</a>: Enter your organisation.",
        "<a href=\"#email\">Email</a>: Enter a mail address such as name@example.org.",
        "<a href=\"#phone\">Phone</a>: Enter a telephone number such as",
        "<a href=\"#issue\">Issue type</a>: Choose a type of issue.",
        "<a href=\"#description\">Description</a>: Describe your issue.",
    ] {
        assert!(page.contains(error), "{error}: {page}");
    }
    // A name may look like markup: it is a text everywhere.
    let mut fields = filled(&token, hostile);
    fields[0].1 = hostile;
    fields[6].1 = "filled in by a program";
    let (_, page) = site.post(&fields);
    assert!(
        page.contains("A field that must stay empty was filled in"),
        "{page}"
    );
    assert!(!page.contains("<script"), "{page}");
    fields[6].1 = "";
    assert!(site.post(&fields).1.contains("We have your report I-1"));
    let mail = until("no mail came", || site.mails("lead@example.org").pop());
    let html = mail.split("Content-Type: text/html").nth(1).unwrap();
    assert!(!html.contains("<script"), "{html}");
}

#[test]
fn forms_that_no_browser_sends_are_refused() {
    let site = site();
    let head = |extra: &str| {
        format!("POST /problem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n\r\n")
    };
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let (answer, _) = send(
        &site.address,
        &head("Content-Type: application/json\r\nContent-Length: 2")
            .replace("\r\n\r\n", "\r\n\r\n{}"),
    );
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
    let (answer, said) = send(
        &site.address,
        &(head(&format!("{form}Content-Length: 9000000")) + &"x".repeat(200_000)),
    );
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer} {said}");
    let (answer, page) = send(&site.address, &head(&format!("{form}Content-Length: 0")));
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(page.contains("Describe your issue."), "{page}");
    let (answer, _) = send(
        &site.address,
        "PUT /problem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert_eq!(site.reports().len(), 0);
}

#[test]
fn an_address_that_sends_without_end_is_stopped() {
    let site = site();
    let token = site.token();
    let fields = filled(&token, "It is slow.");
    let mut answers = std::collections::BTreeMap::new();
    for _ in 0..10_000 {
        let (head, _) = site.post(&fields);
        let status = head.split(' ').nth(1).unwrap_or("none").to_owned();
        *answers.entry(status).or_insert(0) += 1;
    }
    assert_eq!(site.reports().len(), 1, "{answers:?}");
    assert!(answers["429"] > 9_000, "{answers:?}");
    let receipts = facts(site.path()).into_iter().filter(|fact| {
        matches!(fact, Fact::DeliveryAttempted { message: Some(message), .. } if message.kind == Kind::ProblemReceipt)
    });
    assert!(receipts.count() <= 1);
}

#[test]
fn an_erased_reporter_is_gone_from_everything_that_the_program_shows() {
    let site = site();
    let folder = site.path();
    let token = site.token();
    let (_, page) = site.post(&filled(&token, "The results do not open."));
    assert!(page.contains("report I-1</h1>"), "{page}");
    until("no receipt came", || {
        site.mails("ann.lee@clinic.example").pop()
    });
    let operator = person(folder, Role::Operator);
    let program = super::console::token(folder, Role::Operator);
    let shown = || {
        let console = |path: &str| {
            super::console::send(folder, "GET", path, std::slice::from_ref(&operator), "").body
        };
        let api = |path: &str| super::api::api(folder, &program, path, None).1.to_string();
        let command = |line: &[&str]| {
            let line = [line, &["--config", "nines.toml"]].concat();
            let ended = crate::support::program::run(folder, &line);
            format!("{}{}", out(&ended), crate::support::program::err(&ended))
        };
        let file = |name: &str| {
            let bytes = std::fs::read(folder.join("data").join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        vec![
            (
                "the console",
                console("/console/incidents/I-1")
                    + &console("/console/notices")
                    + &console("/console/ledger"),
            ),
            (
                "the API",
                api("/api/v1/incidents/I-1") + &api("/api/v1/notices") + &api("/api/v1/events"),
            ),
            (
                "show",
                command(&["incident", "show", "I-1"])
                    + &command(&["incident", "show", "I-1", "--json"]),
            ),
            (
                "events",
                command(&["events"]) + &command(&["events", "--json"]),
            ),
            (
                "notices",
                command(&["notice", "list", "--json"]) + &command(&["status"]),
            ),
            (
                "people.sqlite",
                file("people.sqlite") + &file("people.sqlite-wal"),
            ),
            (
                "ledger.sqlite",
                file("ledger.sqlite") + &file("ledger.sqlite-wal"),
            ),
        ]
    };
    let words = ["Ann Lee", "Riverside", "ann.lee@", "555 0100"];
    let holders = |word: &str| -> Vec<&str> {
        let all = shown().into_iter();
        all.filter(|(_, text)| text.contains(word))
            .map(|(name, _)| name)
            .collect()
    };
    for word in words {
        assert_eq!(
            holders(word),
            ["the console", "show", "people.sqlite"],
            "{word}, before"
        );
    }
    let line = [
        "incident",
        "erase-reporter",
        "I-1",
        "--config",
        "nines.toml",
    ];
    assert_eq!(out(&ends(folder, &line, 0)), "erased: reporter 1\n");
    for word in words {
        assert_eq!(holders(word), Vec::<&str>::new(), "{word}, after");
    }
    // The report itself stays, and the chain is whole.
    let (_, show) = shown().remove(2);
    assert!(
        show.contains("reporter 1: erased") && show.contains("do not open"),
        "{show}"
    );
    ends(folder, &["verify", "--config", "nines.toml"], 0);
    // An update reaches nobody any more, and says so.
    let update = [
        "incident",
        "update",
        "I-1",
        "--text",
        "It works.",
        "--config",
        "nines.toml",
    ];
    ends(folder, &update, 0);
    until("the update is not rejected", || {
        let line = ["notice", "list", "--json", "--config", "nines.toml"];
        let all = out(&crate::support::program::run(folder, &line)).to_owned();
        let all: Vec<serde_json::Value> = serde_json::from_str(&all).unwrap_or_default();
        all.iter()
            .any(|n| n["kind"] == "update" && n["result"] == "rejected")
            .then_some(())
    });
    assert_eq!(site.mails("ann.lee@clinic.example").len(), 1);
}
