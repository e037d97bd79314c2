//! What an operator can ask about mail before the first outage: whether the relays take it, and who gets it.

use std::path::Path;

use demo::smtp_server::{Answer, Moment, Rule, SmtpServer, Tls};
use serde_json::{Value, json as value};

use crate::support::openid::{CLIENT, Provider, SECRET};
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

/// A server that counts the connections and the bytes that it gets, and closes each connection.
struct Counting {
    address: std::net::SocketAddr,
    seen: std::sync::Arc<std::sync::Mutex<(usize, usize)>>,
}

impl Counting {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = std::sync::Arc::<std::sync::Mutex<(usize, usize)>>::default();
        let counted = std::sync::Arc::clone(&seen);
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut part = [0; 4096];
                let bytes = std::io::Read::read(&mut stream, &mut part).unwrap_or(0);
                let mut seen = counted.lock().unwrap();
                *seen = (seen.0 + 1, seen.1 + bytes);
            }
        });
        Self { address, seen }
    }

    fn seen(&self) -> (usize, usize) {
        *self.seen.lock().unwrap()
    }
}

#[test]
fn webhooks_are_connected_to_and_nothing_is_posted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_relay(folder, 1);
    let server = Counting::start();
    std::fs::write(folder.join("key"), "a secret of the webhook\n").unwrap();
    let webhook = |scheme: &str, more: &str| {
        format!(
            "[[customer]]\nid = \"{scheme}{}\"\nname = \"W\"\nzone = \"UTC\"\nsystems = [\"portal\"]\n\
             webhook = {{ url = \"{scheme}://{}/{scheme}{}\", secret_file = \"key\"{more} }}\n",
            more.len(),
            server.address,
            more.len()
        )
    };
    let private = ", allow_private = true";
    let all = webhook("http", private) + &webhook("https", private) + &webhook("https", "");
    append(&folder.join("nines.toml"), &all);
    let tried = json(folder, &CHECK, 1);
    let answers = tried["webhooks"].as_array().unwrap();
    let of = |path: &str| -> &Value {
        let mut all = answers.iter();
        all.find(|one| one["webhook"].as_str().unwrap().ends_with(path))
            .unwrap()
    };
    let plain = of("/http22");
    assert_eq!(plain["ok"], true, "{tried}");
    let said = plain["answer"].as_str().unwrap();
    assert!(
        said.ends_with("answers, no TLS; nothing was posted"),
        "{said}"
    );
    // It ends the connection in the handshake.
    assert_eq!(of("/https22")["ok"], false, "{tried}");
    // Its address is forbidden, so it is not connected to.
    let refused = of("/https0");
    assert_eq!(refused["ok"], false, "{tried}");
    assert!(
        refused["answer"]
            .as_str()
            .unwrap()
            .contains("allow_private"),
        "{tried}"
    );
    let (connections, bytes) = server.seen();
    assert_eq!(connections, 2);
    // The first message of the handshake, and no request.
    assert!(bytes > 0, "{bytes}");
    let text = err(&crate::support::program::run(folder, &CHECK)).to_owned();
    assert!(!text.contains("a secret"), "{text}");
}

#[test]
fn the_provider_must_name_the_issuer_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let provider = Provider::start();
    std::fs::write(folder.join("secret"), SECRET).unwrap();
    let console = format!(
        "\n[console]\nurl = \"https://console.example.org\"\n[console.openid]\nissuer = \"{}\"\n\
         client_id = \"{CLIENT}\"\nclient_secret_file = \"secret\"\nroles = {{ ops = \"operator\" }}\n",
        provider.issuer()
    );
    append(&folder.join("nines.toml"), &console);
    let tried = json(folder, &CHECK, 0);
    assert_eq!(tried["provider"]["provider"], provider.issuer(), "{tried}");
    let said = tried["provider"]["answer"].as_str().unwrap();
    assert!(
        said.contains("names this issuer") && said.ends_with("keys: 1"),
        "{said}"
    );
    provider.says().document = value!({ "issuer": "https://login.example.org" });
    let tried = json(folder, &CHECK, 1);
    let said = tried["provider"]["answer"].as_str().unwrap();
    assert!(said.contains("login.example.org"), "{said}");
    let text = ends(folder, &CHECK, 1);
    assert!(out(&text).contains("FAILS: "), "{}", out(&text));
    assert!(!out(&text).contains(SECRET) && !err(&text).contains(SECRET));
    assert_eq!(provider.says().asked.get("/token"), None, "nobody signs in");
}
