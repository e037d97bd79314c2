//! A relay that does each thing wrong at each step. The table of `docs/mail-relays.md` says how each attempt ends.
//!
//! Waits of minutes pass on a virtual clock, where the conversation has no socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use demo::smtp_server::{Answer, Moment, Rule, SmtpServer, Tls};
use domain::event::Delivery;
use lettre::transport::smtp::extension::ClientId;
use secrecy::SecretString;

use super::delivery::result;
use super::delivery_tests::certificate;
use super::relay::{Timeouts, Transaction, transact};
use crate::config::{Relay, Scheme};

const FROM: &str = "status@example.org";
const TO: &str = "it@st-elsewhere.example";
const BYTES: &[u8] = b"Subject: down\r\n\r\nOne line.\r\nAnother line.\r\n";
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 25);

const ROWS: [(&str, Moment); 9] = [
    ("greeting", Moment::Greeting),
    ("EHLO", Moment::Ehlo),
    ("STARTTLS", Moment::StartTls),
    ("AUTH", Moment::Auth),
    ("MAIL", Moment::Mail),
    ("RCPT", Moment::Rcpt),
    ("DATA", Moment::Data),
    ("in the message", Moment::Body),
    ("after the final dot", Moment::Message),
];

fn columns() -> Vec<(&'static str, Answer)> {
    let say = |text: &str| Answer::Say(text.to_owned());
    vec![
        ("`450`", say("450 4.3.2 later")),
        ("`421`", say("421 4.3.2 closing")),
        ("`550 5.1.1`", say("550 5.1.1 no such user")),
        ("`554 5.7.1`", say("554 5.7.1 not you")),
        (
            "two lines of `451`",
            say("451-4.3.0 later\r\n451 4.3.0 much later"),
        ),
        ("no SMTP", say("\u{1}\u{2}SSH-2.0-x\u{7f}")),
        ("cuts off", Answer::Drop),
        ("silence", Answer::Stall),
        ("accepts, a byte a second", Answer::Drip),
        (
            "accepts after 11 min",
            Answer::Late(Duration::from_secs(660)),
        ),
    ]
}

fn relay(scheme: Scheme, port: u16) -> Relay {
    Relay {
        scheme,
        host: "127.0.0.1".to_owned(),
        port,
        user: (scheme == Scheme::Smtp).then(|| "nines".to_owned()),
        password: Some(SecretString::from("secret".to_owned())),
        password_file: None,
        ca_file: None,
        ehlo_name: None,
    }
}

fn rules(moment: Moment, answer: Answer) -> Vec<Rule> {
    vec![Rule {
        moment,
        recipient: None,
        answer,
        times: None,
    }]
}

/// One attempt without a socket, under the limits of RFC 5321. Returns how it ended, and how many messages were taken.
async fn attempt_in_memory(moment: Moment, answer: Answer) -> (Delivery, usize) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, ca_file) = certificate("127.0.0.1", &folder);
    let (relay, tls) = match moment {
        Moment::StartTls => {
            let mut relay = relay(Scheme::StartTls, PEER.port());
            relay.ca_file = Some(ca_file);
            (relay, Tls::Offered(acceptor))
        }
        _ => (relay(Scheme::Smtp, PEER.port()), Tls::None),
    };
    let server = tokio::spawn(SmtpServer::serve_one(theirs, tls, rules(moment, answer)));
    let limits = Timeouts::default();
    let transaction = Transaction {
        from: &FROM.parse().unwrap(),
        to: &TO.parse().unwrap(),
        bytes: BYTES,
    };
    let hello = ClientId::Domain("nines.example".to_owned());
    let begun = relay.begin(ours, PEER, &hello, &limits).await;
    let ended = match begun {
        Ok(mut connection) => transact(&mut connection, &transaction, &limits).await,
        Err(refusal) => Err(refusal),
    };
    let ended = ended.map_or_else(|refusal| result(&refusal), |_| Delivery::Accepted);
    (ended, server.await.unwrap().len())
}

/// A runtime whose clock jumps to the next deadline when nothing else is left to do.
fn on_a_virtual_clock<T>(doing: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(doing)
}

#[test]
fn each_fault_of_a_relay_ends_the_attempt_as_documented() {
    let columns = columns();
    let heads = columns.iter().map(|(head, _)| format!(" {head} |"));
    let mut table = format!(
        "| at |{}\n|{}\n",
        heads.collect::<String>(),
        " --- |".repeat(columns.len() + 1)
    );
    for (step, moment) in ROWS {
        table += &format!("| {step} |");
        for (head, answer) in &columns {
            let is_break = matches!(answer, Answer::Drop | Answer::Stall);
            let ended = match moment {
                // It does not speak before the final dot.
                Moment::Body if !is_break => None,
                _ => Some(on_a_virtual_clock(attempt_in_memory(
                    moment,
                    answer.clone(),
                ))),
            };
            let word = match ended {
                None => "".to_owned(),
                Some((ended, taken)) => {
                    let is_taken = ended == Delivery::Accepted;
                    assert_eq!(taken, usize::from(is_taken), "{step}, {head}: {ended:?}");
                    format!(" {ended:?}").to_lowercase()
                }
            };
            table += &format!("{word} |");
        }
        table += "\n";
    }
    let page = include_str!("../../docs/mail-relays.md");
    assert!(
        page.contains(&table),
        "docs/mail-relays.md lacks this table:\n{table}"
    );
}

#[test]
fn a_relay_that_answers_the_final_dot_after_its_limit_may_have_taken_the_message() {
    let late = Answer::Late(Duration::from_secs(14 * 60));
    let (ended, taken) = on_a_virtual_clock(attempt_in_memory(Moment::Message, late));
    assert_eq!((ended, taken), (Delivery::Ambiguous, 1));
}
