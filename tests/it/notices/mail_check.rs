//! What an operator can ask about mail before the first outage: whether the relays take it, and who gets it.

use std::path::Path;

use demo::smtp_server::{Answer, Moment, Rule, SmtpServer, Tls};

use crate::support::program::{Running, append, configure, ends, err, json, out, says};

const CHECK: [&str; 4] = ["check", "--connect", "--config", "nines.toml"];
const SEND: [&str; 5] = ["notice", "test", "me@example.org", "--config", "nines.toml"];

/// A configuration with one relay and one customer.
fn with_relay(folder: &Path, port: u16) {
    configure(folder);
    let mail = format!(
        "\n[mail]\nfrom = \"Status <status@example.org>\"\nrelays = [\"smtp://127.0.0.1:{port}\"]\n\
         ehlo_name = \"monitor.example.org\"\n\
         [[customer]]\nid = \"clinic\"\nname = \"Clinic\"\nzone = \"UTC\"\n\
         contacts = [\"it@clinic.example\", \"desk@clinic.example\"]\nsystems = [\"portal\"]\n"
    );
    append(&folder.join("nines.toml"), &mail);
}

#[test]
fn the_relays_are_tried_without_mail_and_with_a_test_mail() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listen = SmtpServer::listen("127.0.0.1:0".parse().unwrap(), Tls::None);
    let server = runtime.block_on(listen).unwrap();
    let port = server.address().port();
    with_relay(folder, port);

    let tried = ends(folder, &CHECK, 0);
    let answer = format!(
        "relay 127.0.0.1:{port}: demo answers EHLO monitor.example.org, no TLS, no login\n"
    );
    assert!(out(&tried).ends_with(&answer), "{}", out(&tried));
    assert!(server.received().is_empty());

    let sent = ends(folder, &SEND, 0);
    let answer = format!(
        "a relay accepted the test mail to me@example.org\n  127.0.0.1:{port}: 250 2.0.0 kept\n"
    );
    assert_eq!(out(&sent), answer);
    let mail = server.received().remove(0);
    assert_eq!(mail.to, ["me@example.org"]);
    let text = String::from_utf8(mail.bytes).unwrap();
    assert!(text.contains("Subject: TEST: notice from the monitoring of Test\r\n"));

    server.script(vec![Rule {
        moment: Moment::Rcpt,
        recipient: None,
        answer: Answer::Say("554 5.7.1 Relay access denied".to_owned()),
        times: None,
    }]);
    let refused = json(folder, &SEND, 1);
    assert_eq!(refused["accepted"], false);
    let reply = refused["reply"].as_str().unwrap();
    assert!(reply.contains("554 5.7.1 Relay access denied"), "{reply}");
    drop(server);
    let tried = json(folder, &CHECK, 1);
    assert_eq!(tried["relays"][0]["ok"], false, "{tried}");
}

#[test]
fn a_start_warns_if_no_relay_answers() {
    let folder = tempfile::tempdir().unwrap();
    with_relay(folder.path(), 1);
    let _running = Running::start(folder.path());
    says(folder.path(), "no mail relay answers");
}

#[test]
fn the_recipients_of_a_system_are_its_customers_and_their_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_relay(folder, 1);
    let ask = |system: &'static str| ["notice", "recipients", system, "--config", "nines.toml"];
    let listed = ends(folder, &ask("portal"), 0);
    for word in [
        "portal",
        "clinic",
        "it@clinic.example",
        "desk@clinic.example",
    ] {
        assert!(out(&listed).contains(word), "{}", out(&listed));
    }
    let listed = json(folder, &ask("portal"), 0);
    let contacts = &listed[0]["customers"][0]["contacts"];
    assert_eq!(
        *contacts,
        serde_json::json!(["it@clinic.example", "desk@clinic.example"])
    );
    let wrong = ends(folder, &ask("portl"), 2);
    let why = "there is no system `portl`, did you mean `portal`?";
    assert!(err(&wrong).contains(why), "{}", err(&wrong));
}
