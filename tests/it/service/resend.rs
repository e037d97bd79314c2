//! A person sends a rejected notice again: by the command line, by the API and in the console.

use std::path::Path;

use demo::smtp_server::{Answer, Moment, Rule, SmtpServer, Tls};
use domain::event::Fact;
use people::Role;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::api::api;
use super::console::{person, post, send, token};
use crate::support::program::{Running, append, configure, ends, err, facts, out, run, until};

/// A service whose relay rejects the mailbox of the only customer once, in a declared outage.
struct Site {
    folder: tempfile::TempDir,
    mail: SmtpServer,
    _running: Running,
    _runtime: Runtime,
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        configure(folder.path());
        let runtime = Runtime::new().unwrap();
        let listen = SmtpServer::listen("127.0.0.1:0".parse().unwrap(), Tls::None);
        let mail = runtime.block_on(listen).unwrap();
        mail.script(vec![Rule {
            moment: Moment::Rcpt,
            recipient: None,
            answer: Answer::Say("550 5.1.1 no such mailbox".to_owned()),
            times: Some(1),
        }]);
        let relay = mail.address();
        append(
            &folder.path().join("nines.toml"),
            &format!(
                "\n[mail]\nfrom = \"status@example.org\"\nrelays = [\"smtp://{relay}\"]\n\
                 ehlo_name = \"monitor.example.org\"\n\n[[customer]]\nid = \"clinic\"\nname = \"Clinic\"\n\
                 zone = \"UTC\"\ncontacts = [\"it@clinic.example\"]\nsystems = [\"portal\"]\n"
            ),
        );
        let running = Running::start(folder.path());
        let site = Self {
            folder,
            mail,
            _running: running,
            _runtime: runtime,
        };
        // An outage begins at the earliest in the second after the system was configured.
        until("the outage is not declared", || {
            let from = (nines::clock::now() - jiff::SignedDuration::from_secs(1)).to_string();
            let evidence = ["--from", &from, "--evidence", "many calls"];
            let declare = ["incident", "declare", "portal", "--config", "nines.toml"];
            let ended = run(site.path(), &[&declare[..], &evidence].concat());
            ended.status.success().then_some(())
        });
        until("the notice is not rejected", || {
            (site.first()["result"] == "rejected").then_some(())
        });
        site
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    #[track_caller]
    fn ends(&self, line: &[&str], code: i32) -> String {
        let line = [line, &["--config", "nines.toml"]].concat();
        let ended = ends(self.path(), &line, code);
        format!("{}{}", out(&ended), err(&ended))
    }

    fn notices(&self) -> Vec<Value> {
        let line = ["notice", "list", "--json", "--config", "nines.toml"];
        let listed = run(self.path(), &line);
        serde_json::from_slice(&listed.stdout).unwrap_or_default()
    }

    fn first(&self) -> Value {
        self.notices().into_iter().next().unwrap_or_default()
    }

    fn mails(&self) -> Vec<String> {
        let all = self.mail.received().into_iter();
        all.map(|mail| String::from_utf8_lossy(&mail.bytes).into_owned())
            .collect()
    }

    fn sent_again(&self) -> usize {
        let all = facts(self.path()).into_iter();
        all.filter(|fact| matches!(fact, Fact::NoticeOwedAgain { .. }))
            .count()
    }
}

const RESEND: [&str; 5] = ["notice", "resend", "N-1", "--reason", "the mailbox is back"];

#[test]
fn a_command_sends_it_again_and_the_mail_arrives_once() {
    let site = Site::start();
    assert!(site.mails().is_empty());
    let tried = site.ends(&[&RESEND[..], &["--dry-run"]].concat(), 0);
    assert!(tried.contains("it@clinic.example"), "{tried}");
    assert!(tried.contains("DOWN"), "{tried}");
    assert_eq!(site.sent_again(), 0);
    let said = site.ends(&RESEND, 0);
    assert!(said.contains("sends again what"), "{said}");
    let mail = until("no mail came", || site.mails().pop());
    assert!(mail.contains("Subject: DOWN"), "{mail}");
    until("the second notice is not sent", || {
        let second = site.notices().into_iter().nth(1)?;
        (second["result"] == "sent" && second["kind"] == "downtime").then_some(())
    });
    assert_eq!(site.first()["result"], "rejected");
    assert!(site.first()["sent_again"].is_string());
    // The relay accepted it, so it is told no more.
    let refused = site.ends(&RESEND, 1);
    assert!(
        refused.contains("nothing that N-1 told is left to send"),
        "{refused}"
    );
    let other = ["notice", "resend", "N-2", "--reason", "again"];
    assert!(site.ends(&other, 1).contains("N-2 is sent, not rejected"));
    assert_eq!(site.mails().len(), 1);
    // The status no longer lists it.
    let status = site.ends(&["status", "--json"], 1);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["outbox"]["undelivered"], json!([]), "{status}");
}

#[test]
fn the_api_sends_it_again_for_an_operator() {
    let site = Site::start();
    let act = |reason: &str| {
        let act = json!({ "do": "resend_notice", "notice": "N-1", "reason": reason });
        Some(json!({ "act": act }))
    };
    let [viewer, operator] = [Role::Viewer, Role::Operator].map(|role| token(site.path(), role));
    let ask = |token: &str, reason: &str| api(site.path(), token, "/api/v1/acts", act(reason));
    assert_eq!(ask(&viewer, "it works").0, 403);
    let (status, problem) = ask(&operator, "");
    assert_eq!(status, 409, "{problem}");
    let (status, receipt) = ask(&operator, "it works");
    assert_eq!(status, 200, "{receipt}");
    assert_eq!(receipt["events"][0]["kind"], "notice-owed-again");
    until("no mail came", || site.mails().pop());
    let (_, notice) = api(site.path(), &operator, "/api/v1/notices/N-1", None);
    assert_eq!(
        (&notice["state"], notice["sent_again"].is_string()),
        (&json!("rejected"), true)
    );
}

#[test]
fn the_page_of_the_notice_previews_the_recipient_and_sends_it_again() {
    let site = Site::start();
    let folder = site.path();
    let [viewer, operator] = [Role::Viewer, Role::Operator].map(|role| person(folder, role));
    let page = |session: &str| {
        send(
            folder,
            "GET",
            "/console/notices/N-1",
            &[session.to_owned()],
            "",
        )
        .body
    };
    assert!(!page(&viewer).contains("resend_notice"));
    assert!(!page(&viewer).contains("it@clinic.example"));
    for (session, seen) in [(&viewer, false), (&operator, true)] {
        let text = page(session);
        assert!(text.contains(">rejected</td>"), "{text}");
        assert_eq!(text.contains("Text, as it was sent"), seen, "{text}");
        assert_eq!(text.contains("550 5.1.1 no such mailbox"), seen, "{text}");
    }
    assert!(
        page(&operator).contains("resend_notice"),
        "{}",
        page(&operator)
    );
    let form = [
        ("do", "resend_notice"),
        ("notice", "N-1"),
        ("reason", "the mailbox is back"),
        ("back", "/console/notices/N-1"),
    ];
    let preview = post(folder, "/console/acts", &operator, &form);
    assert_eq!(preview.status, 200, "{}", preview.body);
    assert!(
        preview
            .body
            .contains("downtime to Clinic &lt;it@clinic.example&gt;"),
        "{}",
        preview.body
    );
    assert_eq!(site.sent_again(), 0);
    let confirmed = [&form[..], &[("confirmed", "yes")]].concat();
    assert_eq!(
        post(folder, "/console/acts", &operator, &confirmed).status,
        200
    );
    until("no mail came", || site.mails().pop());
    let after = page(&operator);
    assert!(
        after.contains("Sent again") && !after.contains("resend_notice"),
        "{after}"
    );
}
