//! The public pages of the running program: what everyone may see, and nothing else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::support::program::{PORTAL, Running, append, configure, ends, until};

/// A service with a public system, a private one, and the address of its public listener.
fn public(folder: &Path) -> String {
    configure(folder);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    let file = folder.join("nines.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let config = config.replace("[listen]", &format!("[listen]\npublic = \"{address}\""));
    std::fs::write(&file, config).unwrap();
    append(
        &file,
        "\n[public]\nname = \"Test <status>\"\nsystems = [\"portal\"]\n",
    );
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    assert!(PORTAL.contains("\"Portal\""));
    let hidden = portal.replace("\"Portal\"", "\"Hidden Payroll\"");
    std::fs::write(folder.join("systems/payroll.toml"), hidden).unwrap();
    address
}

/// Head and body of an answer.
fn ask(address: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

fn page(address: &str, path: &str) -> String {
    let (head, body) = ask(address, path, "");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{path}: {head}");
    String::from_utf8(body).unwrap()
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines();
    let line = lines.find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("{name}: {head}"))
        .split_once(": ")
        .unwrap()
        .1
}

/// Every page that the first one leads to, and the answers for programs.
const PATHS: [&str; 12] = [
    "/",
    "/systems/portal",
    "/incidents/I-1",
    "/maintenance.ics",
    "/feed.atom",
    "/badge/portal.svg",
    "/api/v2/summary.json",
    "/api/v2/status.json",
    "/api/v2/components.json",
    "/api/v2/incidents.json",
    "/api/v2/incidents/unresolved.json",
    "/api/v2/scheduled-maintenances.json",
];

#[test]
fn a_system_goes_down_and_the_open_page_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let address = public(folder);
    let _running = Running::start(folder);
    let says = |path: &str, text: &str| {
        until(&format!("{path} does not say: {text}"), || {
            let (_, body) = ask(&address, path, "");
            String::from_utf8_lossy(&body).contains(text).then_some(())
        });
    };
    says("/", "<h1>Portal is available.</h1>");
    // An open page listens.
    let mut events = TcpStream::connect(&address).unwrap();
    events
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    write!(events, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut heard = String::new();
    let mut hear = |count: usize| {
        while heard.matches("event: version").count() < count {
            let mut piece = [0; 512];
            let read = events.read(&mut piece).unwrap();
            assert_ne!(read, 0, "{heard}");
            heard.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
    };
    hear(1);
    let run = |line: &[&str]| ends(folder, &[line, &["--config", "nines.toml"]].concat(), 0);
    let now = nines::clock::now().to_string();
    run(&[
        "incident",
        "declare",
        "portal",
        "--from",
        &now,
        "--evidence",
        "the evidence is internal",
    ]);
    says("/", "<h1>Portal is not available.</h1>");
    hear(2);
    let text = "We <script>alert(1)</script> restart it.";
    run(&[
        "incident",
        "update",
        "portal",
        "--text",
        text,
        "--state",
        "identified",
    ]);
    run(&[
        "incident",
        "update",
        "portal",
        "--text",
        "an inside matter",
        "--to",
        "staff",
    ]);
    says(
        "/",
        "We &lt;script&gt;alert(1)&lt;&#x2f;script&gt; restart it.",
    );
    for path in PATHS {
        let page = page(&address, path);
        for secret in [
            "Payroll",
            "payroll",
            "inside matter",
            "evidence is internal",
            "<script>alert",
        ] {
            assert!(!page.contains(secret), "{path} has {secret}");
        }
    }
    let summary: serde_json::Value =
        serde_json::from_str(&page(&address, "/api/v2/summary.json")).unwrap();
    assert_eq!(summary["status"]["indicator"], "critical");
    assert_eq!(summary["components"][0]["status"], "major_outage");
    assert_eq!(
        summary["incidents"][0]["incident_updates"][0]["status"],
        "identified"
    );
    // It turns out to concern security: nothing of it stays.
    run(&["incident", "impact", "portal", "--flag", "security"]);
    until("the incident is still shown", || {
        ask(&address, "/incidents/I-1", "")
            .0
            .starts_with("HTTP/1.1 404")
            .then_some(())
    });
    for path in [
        "/",
        "/systems/portal",
        "/feed.atom",
        "/api/v2/incidents.json",
    ] {
        assert!(!page(&address, path).contains("restart it"), "{path}");
    }
}

#[test]
fn a_customers_report_is_private_until_a_person_posts_words_about_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let address = public(folder);
    let customer = "\n[mail]\nfrom = \"status@example.org\"\nrelays = [\"smtp://127.0.0.1:9\"]\n\
        [[customer]]\nid = \"clinic\"\nname = \"Riverside Clinic\"\nzone = \"UTC\"\n\
        contacts = [\"it@clinic.example\"]\nsystems = [\"portal\"]\n";
    append(&folder.join("nines.toml"), customer);
    let portal = folder.join("systems/portal.toml");
    let partner = std::fs::read_to_string(&portal).unwrap();
    let partner = partner.replace("\"Portal\"", "\"Portal\"\nkind = \"partner\"");
    std::fs::write(&portal, partner.replace("target    = \"99.9%\"", "")).unwrap();
    let _running = Running::start(folder);
    let run = |line: &[&str]| ends(folder, &[line, &["--config", "nines.toml"]].concat(), 0);
    until("there is no page", || {
        ask(&address, "/", "").0.contains(" 200 OK").then_some(())
    });
    let report = [
        "clinic",
        "--type",
        "problem",
        "--system",
        "portal",
        "--reporter",
        "R. Alvarez",
    ];
    run(&[
        &["incident", "report-problem", "--text", "My screen is blank"],
        &report[..],
    ]
    .concat());
    // A window that is scheduled afterwards shows that the report has been looked at.
    let tomorrow = nines::clock::now() + jiff::SignedDuration::from_hours(26);
    let after = tomorrow + jiff::SignedDuration::from_hours(1);
    let (start, end) = (tomorrow.to_string(), after.to_string());
    run(&[
        "maintenance",
        "schedule",
        "disks",
        "--anyway",
        "--system",
        "portal",
        "--title",
        "New disks",
        "--start",
        &start,
        "--end",
        &end,
    ]);
    let shows = |text: &str| {
        until(&format!("the page does not say: {text}"), || {
            page(&address, "/").contains(text).then_some(())
        });
    };
    shows("New disks");
    let private = ["blank", "Alvarez", "Riverside", "Problem with"];
    for path in [
        "/",
        "/feed.atom",
        "/api/v2/incidents.json",
        "/systems/portal",
    ] {
        let page = page(&address, path);
        assert!(
            private.iter().all(|word| !page.contains(word)),
            "{path}: {page}"
        );
    }
    assert!(page(&address, "/").contains("Partner</span>"));
    assert!(page(&address, "/maintenance.ics").contains("SUMMARY:New disks"));
    run(&[
        "incident",
        "update",
        "I-1",
        "--text",
        "We look at the portal.",
    ]);
    shows("Problem with Portal");
    let first = page(&address, "/");
    assert!(first.contains("We look at the portal."));
    assert!(
        private[..3].iter().all(|word| !first.contains(word)),
        "{first}"
    );
}

#[test]
fn pages_are_small_known_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let address = public(folder);
    let _running = Running::start(folder);
    until("there is no page", || {
        ask(&address, "/", "").0.contains(" 200 OK").then_some(())
    });
    let (head, body) = ask(&address, "/", "");
    let policy = field(&head, "content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8(body.clone()).unwrap();
    assert!(text.contains("Test &lt;status&gt;"), "{text}");
    assert!(
        !text.contains(" style=\"") && !text.contains("<script>"),
        "{text}"
    );
    let (zipped, small) = ask(&address, "/", "Accept-Encoding: br, gzip;q=0.8\r\n");
    assert_eq!(field(&zipped, "content-encoding"), "gzip");
    assert!(
        small.len() < body.len() / 2,
        "{} of {}",
        small.len(),
        body.len()
    );
    let style = text.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
    let style = style.split('"').next().unwrap();
    let (head, _) = ask(&address, style, "");
    assert!(field(&head, "cache-control").contains("immutable"));
    let known = format!("If-None-Match: {}\r\n", field(&head, "etag"));
    let (again, nothing) = ask(&address, style, &known);
    assert!(again.starts_with("HTTP/1.1 304 Not Modified"), "{again}");
    assert!(nothing.is_empty());
    for path in [
        "/systems/payroll",
        "/badge/payroll.svg",
        "/incidents/I-9",
        "/gone",
        "/metrics",
        "/status",
    ] {
        let (head, _) = ask(&address, path, "");
        assert!(head.starts_with("HTTP/1.1 404 Not Found"), "{path}: {head}");
    }
}
