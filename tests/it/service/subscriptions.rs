//! Subscriptions by mail on the public pages of the running program.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use demo::smtp_server::{Answer, Moment, Received, Rule, SmtpServer, Tls};
use domain::event::{Fact, SubscriptionCause};

use crate::support::program::{
    Running, append, change, ends, every_second, facts, log, out, run, shows, until,
};

/// The mails of a service, and where it listens.
struct World {
    folder: tempfile::TempDir,
    public: String,
    mails: SmtpServer,
    /// The portal answers while this is open.
    portal: Option<TcpListener>,
    portal_at: std::net::SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    /// A service with the public system `portal`, the private one `payroll`, a mail server, and no customer.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        every_second(folder.path());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listen = SmtpServer::listen("127.0.0.1:0".parse().unwrap(), Tls::None);
        let mails = runtime.block_on(listen).unwrap();
        let portal = TcpListener::bind("127.0.0.1:0").unwrap();
        let portal_at = portal.local_addr().unwrap();
        let file = folder.path().join("nines.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        let public = TcpListener::bind("127.0.0.1:0").unwrap();
        let public = public.local_addr().unwrap().to_string();
        let listen = format!("[listen]\npublic = \"{public}\"");
        std::fs::write(&file, config.replace("[listen]", &listen)).unwrap();
        let relay = mails.address();
        append(
            &file,
            &format!(
                "\n[public]\nsystems = [\"portal\"]\n\n[mail]\nfrom = \"Status <status@example.org>\"\n\
                 relays = [\"smtp://{relay}\"]\nehlo_name = \"monitor.example.org\"\n"
            ),
        );
        let system = folder.path().join("systems/portal.toml");
        let text = std::fs::read_to_string(&system).unwrap();
        let hidden = text.replace("\"Portal\"", "\"Hidden Payroll\"");
        std::fs::write(folder.path().join("systems/payroll.toml"), hidden).unwrap();
        let port = text.lines().find(|line| line.starts_with("port"));
        change(
            folder.path(),
            port.unwrap(),
            &format!("port = {}", portal_at.port()),
        );
        Self {
            folder,
            public,
            mails,
            portal: Some(portal),
            portal_at,
            _runtime: runtime,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn start(&self) -> Running {
        let running = Running::start(self.path());
        until("no page", || {
            let (head, _) = self.ask("GET", "/subscribe", "", "");
            head.starts_with("HTTP/1.1 200").then_some(())
        });
        shows(self.path(), "portal", "up");
        running
    }

    /// Head and body of an answer.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
        let Ok(mut stream) = TcpStream::connect(&self.public) else {
            return Default::default();
        };
        let length = body.len();
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}{headers}Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn post(&self, path: &str, body: &str) -> (String, String) {
        self.ask("POST", path, "", body)
    }

    fn mail(&self, number: usize) -> Mail {
        let all = || self.mails.received();
        let mail = until("no mail", || all().get(number).cloned());
        Mail::of(&mail)
    }

    fn subscribe(&self, address: &str) -> String {
        let before = self.mails.received().len();
        let (head, _) = self.post("/subscribe", &format!("address={address}&system=portal"));
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let mail = self.mail(before);
        let (head, _) = self.post(&mail.link("/subscribe/"), "");
        assert!(head.starts_with("HTTP/1.1 303"), "{head}");
        let manage = head
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        manage.unwrap().trim_end_matches("?confirmed").to_owned()
    }

    fn subscriptions(&self) -> Vec<(Vec<String>, SubscriptionCause)> {
        let all = facts(self.path()).into_iter();
        let own = all.filter_map(|fact| match fact {
            Fact::SubscriptionChanged { systems, cause, .. } => {
                Some((systems.iter().map(ToString::to_string).collect(), cause))
            }
            _ => None,
        });
        own.collect()
    }
}

struct Mail {
    to: Vec<String>,
    text: String,
}

impl Mail {
    /// The text without soft line breaks (RFC 2045 §6.7).
    fn of(received: &Received) -> Self {
        let text = String::from_utf8(received.bytes.clone()).unwrap();
        Self {
            to: received.to.clone(),
            text: text.replace("=\r\n", "").replace("=3D", "="),
        }
    }

    fn subject(&self) -> &str {
        let mut lines = self.text.lines();
        lines
            .find_map(|line| line.strip_prefix("Subject: "))
            .unwrap()
    }

    /// The path of the first link that begins so.
    fn link(&self, path: &str) -> String {
        let from = self
            .text
            .find(path)
            .unwrap_or_else(|| panic!("{}", self.text));
        let rest = &self.text[from..];
        let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == '>');
        rest[..end.unwrap()].to_owned()
    }
}

fn header<'a>(mail: &'a Mail, name: &str) -> &'a str {
    let mut lines = mail.text.lines();
    let found = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
    found.unwrap_or_else(|| panic!("{name}: {}", mail.text))
}

#[test]
fn who_confirms_gets_mails_until_one_click_unsubscribes() {
    let mut world = World::new();
    let running = world.start();
    let (head, body) = world.post(
        "/subscribe",
        "address=ann%40clinic.example&system=portal&system=payroll",
    );
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.contains("Look into your mailbox"), "{body}");

    let asked = world.mail(0);
    assert_eq!(asked.to, ["ann@clinic.example"]);
    assert_eq!(asked.subject(), "Confirm your subscription to Test");
    assert!(!asked.text.contains("Payroll"));
    let link = asked.link("/subscribe/");
    // A program that checks mails opens the link: nothing is confirmed by that.
    let (head, body) = world.ask("GET", &link, "", "");
    assert!(head.starts_with("HTTP/1.1 200") && body.contains("<button>Confirm</button>"));
    assert!(head.contains("referrer-policy: no-referrer") && head.contains("no-store"));
    assert_eq!(world.subscriptions(), []);

    let (head, _) = world.post(&link, "");
    assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    assert_eq!(
        world.subscriptions(),
        [(vec!["portal".to_owned()], SubscriptionCause::Confirmed)]
    );
    let (head, _) = world.post(&link, "");
    assert!(head.starts_with("HTTP/1.1 404"), "it works once: {head}");

    world.portal = None;
    let down = world.mail(1);
    assert_eq!(down.to, ["ann@clinic.example"]);
    assert!(down.subject().starts_with("DOWN: Portal"), "{}", down.text);
    assert_eq!(header(&down, "To"), "ann@clinic.example");
    assert_eq!(
        header(&down, "List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
    let manage = down.link("/subscription/");
    let url = format!("<http://{}{manage}>", world.public);
    assert_eq!(header(&down, "List-Unsubscribe"), url);

    // The same for the page: a GET changes nothing.
    let (_, body) = world.ask("GET", &manage, "", "");
    assert!(body.contains("ann@clinic.example") && body.contains("name=\"unsubscribe\""));
    let (head, _) = world.post(&manage, "List-Unsubscribe=One-Click");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (head, _) = world.post(&manage, "List-Unsubscribe=One-Click");
    assert!(
        head.starts_with("HTTP/1.1 200"),
        "a mail program may repeat it: {head}"
    );
    let ended = (vec![], SubscriptionCause::Unsubscribed);
    assert_eq!(world.subscriptions().last(), Some(&ended));

    world.portal = Some(TcpListener::bind(world.portal_at).unwrap());
    shows(world.path(), "portal", "up");
    let resolved = |fact: &Fact| matches!(fact, Fact::IncidentResolved { .. });
    until("the incident is open", || {
        facts(world.path()).iter().any(resolved).then_some(())
    });
    assert_eq!(world.mails.received().len(), 2);

    // The ledger and the log do not know the address, and the file has forgotten it.
    drop(running);
    for file in [
        "data/ledger.sqlite",
        "data/ledger.sqlite-wal",
        "log",
        "data/people.sqlite",
    ] {
        let bytes = std::fs::read(world.path().join(file)).unwrap_or_default();
        let is_there = bytes
            .windows(11)
            .any(|w| w.eq_ignore_ascii_case(b"clinic.exam"));
        assert!(!is_there, "{file} has the address");
    }
    let events = ends(world.path(), &["events", "--config", "nines.toml"], 0);
    assert!(
        out(&events).contains("Subscriber S-1 gets mails about portal"),
        "{}",
        out(&events)
    );
}

#[test]
fn a_rejected_address_and_a_private_system_end_subscriptions() {
    let mut world = World::new();
    let running = world.start();
    let ann = world.subscribe("ann%40clinic.example");
    let bob = world.subscribe("bob%40clinic.example");
    world.mails.script(vec![Rule {
        moment: Moment::Rcpt,
        recipient: Some("ann@clinic.example".to_owned()),
        answer: Answer::Say("550 5.1.1 <ann@clinic.example>: no such mailbox".to_owned()),
        times: None,
    }]);
    world.portal = None;
    let down = world.mail(2);
    assert_eq!(down.to, ["bob@clinic.example"]);
    let rejected = (vec![], SubscriptionCause::Rejected);
    until("no end", || {
        world.subscriptions().contains(&rejected).then_some(())
    });
    until("no line", || {
        log(world.path())
            .contains("the subscription ends")
            .then_some(())
    });
    let (head, body) = world.ask("GET", &ann, "", "");
    assert!(
        head.starts_with("HTTP/1.1 404") || body.contains("Your subscription"),
        "{head}"
    );

    let file = world.path().join("nines.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("[\"portal\"]", "[\"payroll\"]")).unwrap();
    ends(world.path(), &["reload", "--config", "nines.toml"], 0);
    let private = (vec![], SubscriptionCause::Private);
    until("no end", || {
        world.subscriptions().contains(&private).then_some(())
    });
    until("the row stays", || {
        let (head, _) = world.ask("GET", &bob, "", "");
        head.starts_with("HTTP/1.1 404").then_some(())
    });
    drop(running);
    let verified = run(
        world.path(),
        &["verify", "--replay", "--config", "nines.toml"],
    );
    assert!(verified.status.success(), "{}", out(&verified));
}

#[test]
fn hostile_requests_are_refused_or_cost_little() {
    let world = World::new();
    let _running = world.start();
    let refused = [
        "",
        "address=&system=portal",
        "address=ann&system=portal",
        "address=ann%40clinic&system=portal",
        "address=ann%40clinic.example%0D%0ABcc%3A+all%40clinic.example&system=portal",
        "address=ann%40clinic.example%2Cbob%40clinic.example&system=portal",
        "address=%3Cscript%3E%40clinic.example&system=portal",
        "address=ann%40clinic.example",
        "address=ann%40clinic.example&system=payroll",
        "address=ann%40clinic.example&system=..%2F..%2Fetc",
    ];
    for body in refused {
        let (head, page) = world.post("/subscribe", body);
        assert!(head.starts_with("HTTP/1.1 422"), "{body}: {head}");
        assert!(
            page.contains("role=\"alert\"") && !page.contains("<script>%"),
            "{body}"
        );
        assert!(
            !page.contains("<script>@") && !page.contains("Payroll"),
            "{page}"
        );
    }
    let (head, _) = world.post("/subscribe", &"x".repeat(70_000));
    assert!(head.starts_with("HTTP/1.1 413"), "{head}");
    // A page of another site cannot make its readers subscribe.
    let form = "address=ann%40clinic.example&system=portal";
    let other = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    let (head, _) = world.ask("POST", "/subscribe", other, form);
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");

    for wrong in [
        "/subscribe/x",
        "/subscription/1-00",
        "/subscription/9-x%0D%0A",
    ] {
        let (head, _) = world.post(wrong, "List-Unsubscribe=One-Click");
        assert!(head.starts_with("HTTP/1.1 404"), "{wrong}: {head}");
    }
    // Ten thousand requests from one address: ten mails at most, and an answer to each.
    let mut answers = std::collections::BTreeMap::<String, u32>::new();
    let mut stream = TcpStream::connect(&world.public).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    for n in 0..10_000 {
        let body = format!("address=n{n}%40clinic.example&system=portal");
        let length = body.len();
        // In one piece, so that no segment waits for an acknowledgement.
        let request = format!(
            "POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        *answers.entry(status(&mut stream)).or_default() += 1;
    }
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert!(answers["200"] <= 13, "{answers:?}");
    let mails = || world.mails.received().len();
    until("no mail", || (mails() >= 10).then_some(()));
    assert!(mails() <= 13, "{}", mails());
    assert_eq!(world.subscriptions(), []);
}

/// Reads one answer; returns its status.
fn status(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
    let head = String::from_utf8(read).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    head.split(' ').nth(1).unwrap().to_owned()
}
