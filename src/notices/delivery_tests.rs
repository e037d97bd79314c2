//! The bytes on the wire, and the result of each end of a conversation, against a server with
//! scripted answers. Only the limit of the step that stalls is short, so that a slow machine does
//! not fail a test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::event::Delivery;
use domain::id::NoticeId;
use domain::notice::{Address, Kind, Notice};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::delivery::attempt;
use super::relay::Timeouts;
use super::render_tests::{self, message, notice, portal, sender};
use super::{Courier, Due, Ended, Outbox, Refused, Rendered, Renderer, Sender};
use crate::config::{Relay, Scheme};
use demo::smtp_server::{Answer, Moment, Rule, SmtpServer, Tls};

const FROM: &str = "Example HIE Status <status@example.org>";
const TO: &str = "it@st-elsewhere.example";
const SHORT: Duration = Duration::from_millis(150);

/// One attempt under the limits of RFC 5321, with its farewell.
async fn deliver(relays: &[Relay], from: &str, to: &str, bytes: &[u8]) -> Ended {
    let (ended, farewell) = attempt(relays, from, to, bytes, &Timeouts::default()).await;
    if let Some(farewell) = farewell {
        farewell.say().await;
    }
    ended
}

async fn sink(tls: Tls) -> SmtpServer {
    SmtpServer::listen("127.0.0.1:0".parse().unwrap(), tls)
        .await
        .unwrap()
}

fn relay(sink: &SmtpServer) -> Relay {
    Relay {
        scheme: Scheme::Smtp,
        host: "127.0.0.1".to_owned(),
        port: sink.address().port(),
        user: None,
        password: None,
        password_file: None,
        ca_file: None,
        ehlo_name: None,
    }
}

fn always(moment: Moment, answer: Answer) -> Vec<Rule> {
    vec![Rule {
        moment,
        recipient: None,
        answer,
        times: None,
    }]
}

fn say(text: &str) -> Answer {
    Answer::Say(text.to_owned())
}

fn bytes() -> Vec<u8> {
    message(&notice(Kind::Downtime, vec![portal()])).bytes
}

async fn try_at(sink: &SmtpServer, limits: &Timeouts) -> Ended {
    attempt(&[relay(sink)], FROM, TO, &bytes(), limits).await.0
}

fn only_crlf(wire: &[u8]) {
    for (i, byte) in wire.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(wire.get(i + 1), Some(&b'\n'), "a bare CR at {i}"),
            b'\n' => assert_eq!(wire[i - 1], b'\r', "a bare LF at {i}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn nothing_an_operator_writes_ends_the_message_or_a_line_early() {
    let sink = sink(Tls::None).await;
    let advice = "one\n.\ntwo\r\n.\r\nthree\r.\rfour\u{2028}.\u{2028}.five\n..six\n\nMAIL FROM:<evil@example.org>\u{85}.\u{85}end.";
    let mut system = portal();
    system.advice = Some(advice.to_owned());
    let bytes = message(&notice(Kind::Downtime, vec![system])).bytes;
    let ended = deliver(&[relay(&sink)], FROM, TO, &bytes).await;
    assert_eq!(ended.result, Delivery::Accepted, "{}", ended.reply);

    let received = sink.received();
    assert_eq!(received.len(), 1);
    let message = &received[0];
    assert_eq!(
        (message.from.as_str(), message.to.as_slice()),
        ("status@example.org", &[TO.to_owned()][..])
    );
    assert_eq!(message.bytes, bytes, "the message arrived as it was kept");
    only_crlf(&message.wire);
    for line in message.wire.split(|b| *b == b'\n') {
        assert_ne!(line, b".\r", "a lone dot left unstuffed");
        assert!(line.len() <= 999);
    }
    let parsed = mail_parser::MessageParser::default()
        .parse(&message.bytes)
        .unwrap();
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    let hung = "Meanwhile     one\n                .\n                two\n                .\n                three\n                .\n                four\n                .\n                .five\n                ..six\n\n                MAIL FROM:<evil@example.org>\n                .\n                end.\n";
    assert!(text.contains(hung), "{text}");
}

#[tokio::test]
async fn dots_at_line_starts_are_stuffed_and_arrive_as_written() {
    let sink = sink(Tls::None).await;
    let bytes = b".first\r\n\r\n.\r\n..\r\n...three\r\nx.\r\n.\r\n";
    let ended = deliver(&[relay(&sink)], FROM, TO, bytes).await;
    assert_eq!(ended.result, Delivery::Accepted);
    let message = sink.received().remove(0);
    assert_eq!(
        message.wire,
        b"..first\r\n\r\n..\r\n...\r\n....three\r\nx.\r\n..\r\n"
    );
    assert_eq!(message.bytes, bytes);
}

#[tokio::test]
async fn bytes_with_other_line_ends_never_leave() {
    let sink = sink(Tls::None).await;
    for bad in [
        &b"a\n.\nMAIL FROM:<x@y.example>\n\r\n"[..],
        b"a\r.\r\r\n",
        b"no end",
    ] {
        let ended = deliver(&[relay(&sink)], FROM, TO, bad).await;
        assert_eq!(ended.result, Delivery::Rejected);
    }
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn every_refusal_ends_as_it_should() {
    use Delivery::{Accepted, Ambiguous, Deferred, Rejected};
    use Moment::{Data, Ehlo, Greeting, Mail, Message, Rcpt};
    let table = [
        (Greeting, "421 4.3.2 later", Deferred),
        (Greeting, "554 5.3.2 not you", Deferred),
        (Greeting, "no SMTP at all", Deferred),
        (Ehlo, "450 4.3.2 later", Deferred),
        (Ehlo, "550 5.7.1 not you", Deferred),
        (Mail, "451 4.3.0 later", Deferred),
        (Mail, "550 5.1.8 bad sender", Deferred),
        (Mail, "530 5.7.0 authenticate first", Deferred),
        (Mail, "354 out of step", Deferred),
        (Rcpt, "450 4.2.1 greylisted", Deferred),
        (Rcpt, "550 5.1.1 no such user", Rejected),
        (Rcpt, "504 5.5.2 need fully-qualified hostname", Deferred),
        (Rcpt, "554 5.7.1 Relay access denied", Deferred),
        (Data, "451 4.3.0 later", Deferred),
        (Data, "554 5.5.1 no", Deferred),
        (Data, "250 out of step", Deferred),
        (Message, "250 2.0.0 taken", Accepted),
        (Message, "451 4.3.0 later", Deferred),
        (Message, "421 4.3.2 closing", Deferred),
        (Message, "554 5.7.1 spam", Deferred),
        (Message, "354 out of step", Ambiguous),
        (Message, "gibberish", Ambiguous),
    ];
    for (moment, text, expected) in table {
        let sink = sink(Tls::None).await;
        sink.script(always(moment, say(text)));
        let ended = try_at(&sink, &Timeouts::default()).await;
        assert_eq!(ended.result, expected, "{moment:?} {text}: {}", ended.reply);
        if expected != Ambiguous && !text.contains(' ') {
            assert!(ended.reply.contains(text), "{}", ended.reply);
        }
        assert_eq!(sink.received().len(), usize::from(expected == Accepted));
    }
}

#[test]
fn a_relay_is_waited_for_as_long_as_rfc_5321_asks() {
    // Section 4.5.3.2, in minutes: the greeting 5, EHLO with it 5, MAIL 5, RCPT 5, DATA 2, the
    // message in blocks of 3 each, its final dot 10.
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let limits = Timeouts::default();
    assert!(limits.greeting >= minutes(5 + 5));
    assert!(limits.auth >= minutes(5));
    assert!(limits.mail >= minutes(5));
    assert!(limits.rcpt >= minutes(5));
    assert!(limits.data >= minutes(2));
    assert!(limits.message >= minutes(3 + 10));
}

#[tokio::test]
async fn every_loss_ends_as_it_should() {
    use Moment::{Auth, Data, Ehlo, Greeting, Mail, Message, Rcpt};
    for moment in [Greeting, Ehlo, Auth, Mail, Rcpt, Data, Message] {
        let expected = if moment == Message {
            Delivery::Ambiguous
        } else {
            Delivery::Deferred
        };
        for answer in [Answer::Drop, Answer::Stall] {
            let sink = sink(Tls::None).await;
            sink.script(always(moment, answer.clone()));
            let relay = Relay {
                user: Some("nines".to_owned()),
                password: Some(SecretString::from("secret".to_owned())),
                ..relay(&sink)
            };
            let mut limits = Timeouts {
                quit: SHORT,
                ..Timeouts::default()
            };
            if answer == Answer::Stall {
                match moment {
                    Greeting | Ehlo => limits.greeting = SHORT,
                    Auth => limits.auth = SHORT,
                    Mail => limits.mail = SHORT,
                    Rcpt => limits.rcpt = SHORT,
                    Data => limits.data = SHORT,
                    _ => limits.message = SHORT,
                }
            }
            // The limit of any other step is longer than this.
            let bytes = bytes();
            let attempt = attempt(std::slice::from_ref(&relay), FROM, TO, &bytes, &limits);
            let ended = tokio::time::timeout(Duration::from_secs(25), attempt).await;
            let (ended, _) = ended.unwrap_or_else(|_| panic!("{moment:?}: another step's limit"));
            let said = format!("{moment:?} {answer:?}: {}", ended.reply);
            assert_eq!(ended.result, expected, "{said}");
            let waited = ended.reply.contains("no answer within 0.15 s");
            assert_eq!(waited, answer == Answer::Stall, "{said}");
            assert_eq!(sink.received().len(), 0);
        }
    }
}

#[tokio::test]
async fn a_relay_that_does_no_business_is_told_from_one_that_puts_off_this_message() {
    use Moment::{Data, Ehlo, Greeting, Mail, Message, Rcpt};
    let table = [
        (Greeting, Answer::Drop, true),
        (Greeting, say("554 5.3.2 not you"), true),
        (Ehlo, say("450 4.3.2 later"), true),
        (Mail, Answer::Drop, true),
        (Mail, say("421 4.3.2 closing"), true),
        (Mail, say("451 4.3.0 later"), false),
        (Mail, say("553 5.7.1 sender not allowed"), true),
        (Rcpt, say("421 4.7.0 too many connections"), true),
        (
            Rcpt,
            say("530 5.7.0 Must issue a STARTTLS command first"),
            true,
        ),
        (Rcpt, say("554 5.7.1 Relay access denied"), false),
        (Rcpt, say("450 4.2.1 greylisted"), false),
        // A connection that breaks at RCPT may break because of the recipient.
        (Rcpt, Answer::Drop, false),
        (Data, say("451 4.3.0 later"), false),
        (Message, say("421 4.3.2 closing"), true),
        (Message, say("451 4.3.0 later"), false),
    ];
    for (moment, answer, unreached) in table {
        let sink = sink(Tls::None).await;
        sink.script(always(moment, answer.clone()));
        let ended = try_at(&sink, &Timeouts::default()).await;
        assert_eq!(ended.result, Delivery::Deferred, "{moment:?} {answer:?}");
        assert_eq!(ended.unreached, unreached, "{moment:?} {answer:?}");
    }
    // One relay that got as far as the message is enough.
    let (first, second) = (sink(Tls::None).await, sink(Tls::None).await);
    first.script(always(Moment::Greeting, Answer::Drop));
    second.script(always(Moment::Rcpt, say("450 4.2.1 greylisted")));
    let ended = deliver(&[relay(&first), relay(&second)], FROM, TO, &bytes()).await;
    assert_eq!(
        (ended.result, ended.unreached),
        (Delivery::Deferred, false),
        "{}",
        ended.reply
    );
}

#[tokio::test]
async fn a_relay_that_keeps_the_message_and_is_lost_is_ambiguous_and_no_other_is_asked() {
    let (first, second) = (sink(Tls::None).await, sink(Tls::None).await);
    first.script(always(Moment::Message, Answer::Lose));
    let ended = deliver(&[relay(&first), relay(&second)], FROM, TO, &bytes()).await;
    assert_eq!(ended.result, Delivery::Ambiguous, "{}", ended.reply);
    assert_eq!(first.received().len(), 1);
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn the_second_relay_takes_what_the_first_does_not() {
    for (moment, answer) in [
        (Moment::Greeting, Answer::Drop),
        (Moment::Greeting, say("554 not today")),
        (Moment::Mail, say("451 later")),
        (Moment::Rcpt, say("450 later")),
        (Moment::Rcpt, say("554 5.7.1 Relay access denied")),
        (Moment::Message, say("554 5.7.1 spam")),
        (Moment::Data, say("451 later")),
        (Moment::Message, say("451 later")),
    ] {
        let (first, second) = (sink(Tls::None).await, sink(Tls::None).await);
        let refused_us = matches!(&answer, Answer::Say(text) if text.starts_with('5'));
        first.script(always(moment, answer));
        let ended = deliver(&[relay(&first), relay(&second)], FROM, TO, &bytes()).await;
        assert_eq!(ended.result, Delivery::Accepted, "{}", ended.reply);
        assert_eq!(ended.refused_us, refused_us, "{}", ended.reply);
        assert!(ended.reply.starts_with(&format!(
            "127.0.0.1:{}: 250 2.0.0 kept; before: ",
            second.address().port()
        )));
        assert_eq!((first.received().len(), second.received().len()), (0, 1));
    }
    let (first, second) = (sink(Tls::None).await, sink(Tls::None).await);
    first.script(always(Moment::Rcpt, say("550 no such user")));
    let ended = deliver(&[relay(&first), relay(&second)], FROM, TO, &bytes()).await;
    assert_eq!(ended.result, Delivery::Rejected);
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn a_relay_that_is_not_there_defers() {
    let gone = {
        let sink = sink(Tls::None).await;
        relay(&sink)
    };
    let mut nowhere = gone.clone();
    nowhere.host = "name.invalid".to_owned();
    for relays in [vec![gone], vec![nowhere], vec![]] {
        let ended = deliver(&relays, FROM, TO, &bytes()).await;
        assert_eq!(ended.result, Delivery::Deferred, "{}", ended.reply);
        assert!(ended.unreached, "{}", ended.reply);
    }
}

#[tokio::test]
async fn addresses_that_are_none_reach_no_relay() {
    let sink = sink(Tls::None).await;
    let relays = [relay(&sink)];
    let injected = "it@st-elsewhere.example>\r\nRCPT TO:<evil@example.org";
    assert_eq!(
        deliver(&relays, FROM, injected, &bytes()).await.result,
        Delivery::Rejected
    );
    assert_eq!(
        deliver(&relays, "nobody", TO, &bytes()).await.result,
        Delivery::Deferred
    );
    assert_eq!(sink.connections(), 0);
}

/// A self-signed certificate for `name`: the server's part, and its file. As most tools do, it says that it is
/// an authority's.
pub(super) fn certificate(
    name: &str,
    folder: &tempfile::TempDir,
) -> (TlsAcceptor, std::path::PathBuf) {
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let mut asked = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    asked.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let cert = asked.self_signed(&signing_key).unwrap();
    let made = rcgen::CertifiedKey { cert, signing_key };
    let file = folder.path().join(format!("{name}.pem"));
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

fn secured(sink: &SmtpServer, scheme: Scheme, ca_file: Option<std::path::PathBuf>) -> Relay {
    Relay {
        scheme,
        user: Some("nines".to_owned()),
        password: Some(SecretString::from("s3cret!")),
        ca_file,
        ehlo_name: Some("monitor.example.org".to_owned()),
        ..relay(sink)
    }
}

#[tokio::test]
async fn tls_is_verified_and_the_password_goes_through_it() {
    let folder = tempfile::tempdir().unwrap();
    for scheme in [Scheme::StartTls, Scheme::Smtps] {
        let tls = |acceptor| match scheme {
            Scheme::Smtps => Tls::Always(acceptor),
            _ => Tls::Offered(acceptor),
        };
        let (acceptor, file) = certificate("127.0.0.1", &folder);
        let good = sink(tls(acceptor)).await;
        let ended = deliver(&[secured(&good, scheme, Some(file))], FROM, TO, &bytes()).await;
        assert_eq!(ended.result, Delivery::Accepted, "{}", ended.reply);
        let message = good.received().remove(0);
        assert!(message.encrypted);
        assert_eq!(message.client, "monitor.example.org");
        assert_eq!(
            message.account,
            Some(("nines".to_owned(), "s3cret!".to_owned()))
        );

        // The issuer is unknown, or the certificate has another name.
        let ended = deliver(&[secured(&good, scheme, None)], FROM, TO, &bytes()).await;
        assert_eq!(ended.result, Delivery::Deferred);
        let (acceptor, file) = certificate("mail.example.org", &folder);
        let wrong = sink(tls(acceptor)).await;
        let ended = deliver(&[secured(&wrong, scheme, Some(file))], FROM, TO, &bytes()).await;
        assert_eq!(ended.result, Delivery::Deferred, "{}", ended.reply);
        assert!(ended.reply.contains("certificate"), "{}", ended.reply);
        assert_eq!((good.received().len(), wrong.received().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_renewed_ca_file_applies_to_the_next_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, file) = certificate("127.0.0.1", &folder);
    let right = std::fs::read(&file).unwrap();
    let (_, other) = certificate("mail.example.org", &folder);
    std::fs::copy(&other, &file).unwrap();
    let sink = sink(Tls::Offered(acceptor)).await;
    let relays = [secured(&sink, Scheme::StartTls, Some(file.clone()))];
    let ended = deliver(&relays, FROM, TO, &bytes()).await;
    assert_eq!(ended.result, Delivery::Deferred);
    let said = "certificate self-signed (at connecting over TLS)";
    assert!(ended.reply.ends_with(said), "{}", ended.reply);
    std::fs::write(&file, right).unwrap();
    let ended = deliver(&relays, FROM, TO, &bytes()).await;
    assert_eq!(ended.result, Delivery::Accepted, "{}", ended.reply);
}

#[tokio::test]
async fn a_changed_password_file_applies_to_the_next_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let sink = sink(Tls::None).await;
    let relays = [Relay {
        password_file: Some(file.clone()),
        ..secured(&sink, Scheme::Smtp, None)
    }];
    // Without a readable file, the password that was read at the start is used.
    for (content, expected) in [
        (None, "s3cret!"),
        (Some("renewed\n"), "renewed"),
        (Some(""), "s3cret!"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        deliver(&relays, FROM, TO, &bytes()).await;
        let account = sink.received().pop().unwrap().account.unwrap();
        assert_eq!(account.1, expected, "{content:?}");
    }
}

#[tokio::test]
async fn ehlo_never_says_the_bare_name_of_the_machine() {
    let sink = sink(Tls::None).await;
    deliver(&[relay(&sink)], FROM, TO, &bytes()).await;
    let said = sink.received().remove(0).client;
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy();
    assert!(
        said == "[127.0.0.1]" || machine.contains('.') && said == machine,
        "{said}"
    );
}

#[tokio::test]
async fn a_relay_without_starttls_gets_neither_password_nor_message() {
    let sink = sink(Tls::None).await;
    let ended = deliver(
        &[secured(&sink, Scheme::StartTls, None)],
        FROM,
        TO,
        &bytes(),
    )
    .await;
    assert_eq!(ended.result, Delivery::Deferred);
    assert!(
        ended.reply.contains("does not offer STARTTLS"),
        "{}",
        ended.reply
    );
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn replies_smuggled_in_before_tls_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, file) = certificate("127.0.0.1", &folder);
    let sink = sink(Tls::Offered(acceptor)).await;
    let smuggled =
        "220 go\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 taken";
    sink.script(always(Moment::StartTls, say(smuggled)));
    let ended = deliver(
        &[secured(&sink, Scheme::StartTls, Some(file))],
        FROM,
        TO,
        &bytes(),
    )
    .await;
    assert_eq!(ended.result, Delivery::Deferred, "{}", ended.reply);
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_wrong_password_costs_no_notice() {
    let sink = sink(Tls::None).await;
    for text in ["535 5.7.8 wrong password", "454 4.7.0 later"] {
        sink.script(always(Moment::Auth, say(text)));
        let ended = deliver(&[secured(&sink, Scheme::Smtp, None)], FROM, TO, &bytes()).await;
        assert_eq!(ended.result, Delivery::Deferred, "{}", ended.reply);
        assert!(!ended.reply.contains("s3cret"), "{}", ended.reply);
    }
    sink.script(Vec::new());
    let ended = deliver(&[secured(&sink, Scheme::Smtp, None)], FROM, TO, &bytes()).await;
    assert_eq!(ended.result, Delivery::Accepted, "{}", ended.reply);
}

/// An outbox in memory: the engine's in small.
#[derive(Default)]
struct Memory {
    state: Mutex<State>,
    changed: Notify,
    progress: Notify,
}

#[derive(Default)]
struct State {
    due: BTreeMap<Address, Notice>,
    /// Listed as due although they are not.
    stale: Vec<Notice>,
    kept: BTreeMap<NoticeId, Rendered>,
    attempts: BTreeMap<Address, (NoticeId, u32)>,
    ended: Vec<(NoticeId, u32, Ended)>,
    refuse: bool,
    /// How many more kept messages cannot be read.
    unreadable: u32,
}

impl Memory {
    fn put(&self, notices: impl IntoIterator<Item = Notice>) {
        let notices = notices.into_iter();
        let notices = notices.map(|n| (n.recipient.address.clone(), n));
        self.state.lock().unwrap().due.extend(notices);
        self.changed.notify_one();
    }

    async fn until_ended(&self, count: usize) -> Vec<(NoticeId, u32, Ended)> {
        let enough = async {
            while self.state.lock().unwrap().ended.len() < count {
                self.progress.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), enough)
            .await
            .expect("attempts end");
        self.state.lock().unwrap().ended.clone()
    }
}

impl Outbox for Memory {
    fn due_to_subscribers(&self, _: usize) -> (Vec<Due>, Duration) {
        (Vec::new(), Duration::MAX)
    }

    async fn unknown_subscriber(&self, _: domain::id::SubscriberId) {}

    fn due(&self, carried: &dyn Fn(&Address) -> bool, room: usize) -> (Vec<Due>, Duration) {
        let state = self.state.lock().unwrap();
        let listed = state.stale.iter().chain(state.due.values());
        let listed = listed
            .filter(|notice| !carried(&notice.recipient.address))
            .take(room);
        let due = listed.map(|notice| {
            let address = &notice.recipient.address;
            Due {
                notice: notice.clone(),
                sender: Sender {
                    message_id: format!("<{address}>"),
                    ..sender(FROM)
                },
                kept: state.attempts.get(address).map(|(id, _)| *id),
            }
        });
        (due.collect(), Duration::MAX)
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn kept(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, Refused> {
        let mut state = self.state.lock().unwrap();
        if state.unreadable > 0 {
            state.unreadable -= 1;
            return Err(Refused("the ledger cannot be read".to_owned()));
        }
        Ok(state.kept.get(&notice).map(|kept| kept.bytes.clone()))
    }

    async fn attempt(
        &self,
        notice: &Notice,
        message: Rendered,
    ) -> Result<(NoticeId, u32), Refused> {
        let mut state = self.state.lock().unwrap();
        if state.refuse {
            return Err(Refused("the ledger is full".to_owned()));
        }
        let address = &notice.recipient.address;
        state
            .due
            .remove(address)
            .ok_or_else(|| Refused("not due".to_owned()))?;
        let next = NoticeId(state.attempts.len() as u64 + 1);
        let (id, number) = state.attempts.entry(address.clone()).or_insert((next, 0));
        *number += 1;
        let (id, number) = (*id, *number);
        let kept = state.kept.entry(id).or_insert_with(|| message.clone());
        assert_eq!(*kept, message, "rendered once");
        Ok((id, number))
    }

    async fn ended(&self, notice: NoticeId, attempt: u32, ended: Ended) {
        self.state
            .lock()
            .unwrap()
            .ended
            .push((notice, attempt, ended));
        self.progress.notify_one();
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }
}

fn to(recipient: &str) -> Notice {
    Notice {
        recipient: render_tests::to(recipient),
        ..notice(Kind::Downtime, vec![portal()])
    }
}

fn start(relays: Vec<Relay>, outbox: &Arc<Memory>) -> (tokio::task::JoinHandle<()>, Arc<Notify>) {
    let renderer = Arc::new(Renderer::new(None).unwrap());
    let courier = Arc::new(Courier::new(relays, renderer, Timeouts::default()));
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let run = courier.run(Arc::clone(outbox), async move { stopped.notified().await });
    (tokio::spawn(run), stop)
}

#[tokio::test]
async fn a_stalled_relay_for_one_recipient_blocks_no_other() {
    let sink = sink(Tls::None).await;
    sink.script(vec![Rule {
        moment: Moment::Rcpt,
        recipient: Some("r0@c.example".to_owned()),
        answer: Answer::Stall,
        times: None,
    }]);
    let outbox = Arc::new(Memory::default());
    let (run, _) = start(vec![relay(&sink)], &outbox);
    outbox.put((0..40).map(|n| to(&format!("r{n}@c.example"))));
    let ended = outbox.until_ended(39).await;
    let accepted =
        |(_, number, e): &(_, u32, Ended)| *number == 1 && e.result == Delivery::Accepted;
    assert!(ended.iter().all(accepted));
    let received = sink.received();
    assert_eq!(received.len(), 39);
    assert!(
        received.iter().all(|m| m.to.len() == 1),
        "one recipient each"
    );
    run.abort();
}

#[tokio::test]
async fn a_second_attempt_sends_the_same_bytes_under_the_same_message_id() {
    let sink = sink(Tls::None).await;
    sink.script(vec![Rule {
        moment: Moment::Message,
        recipient: None,
        answer: Answer::Lose,
        times: Some(1),
    }]);
    let outbox = Arc::new(Memory::default());
    let (run, stop) = start(vec![relay(&sink)], &outbox);
    outbox.put([to(TO)]);
    assert_eq!(outbox.until_ended(1).await[0].2.result, Delivery::Ambiguous);

    // Decided otherwise meanwhile: what was kept goes out all the same.
    let mut later = to(TO);
    later.affected[0].name = "Another Name".to_owned();
    outbox.put([later]);
    let ended = outbox.until_ended(2).await;
    assert_eq!((ended[1].1, ended[1].2.result), (2, Delivery::Accepted));
    let received = sink.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].bytes, received[1].bytes);
    stop.notify_one();
    run.await.unwrap();
}

#[tokio::test]
async fn a_kept_message_that_cannot_be_read_waits_and_is_not_written_anew() {
    let sink = sink(Tls::None).await;
    sink.script(vec![Rule {
        moment: Moment::Message,
        recipient: None,
        answer: Answer::Lose,
        times: Some(1),
    }]);
    let outbox = Arc::new(Memory::default());
    let (run, stop) = start(vec![relay(&sink)], &outbox);
    outbox.put([to(TO)]);
    outbox.until_ended(1).await;

    outbox.state.lock().unwrap().unreadable = 1;
    let mut later = to(TO);
    later.affected[0].name = "Another Name".to_owned();
    outbox.put([later]);
    let ended = outbox.until_ended(2).await;
    assert_eq!((ended[1].1, ended[1].2.result), (2, Delivery::Accepted));
    assert_eq!(outbox.state.lock().unwrap().unreadable, 0);
    let received = sink.received();
    assert_eq!(received[0].bytes, received[1].bytes);
    stop.notify_one();
    run.await.unwrap();
}

#[tokio::test]
async fn nothing_connects_before_the_attempt_is_recorded() {
    let sink = sink(Tls::None).await;
    let outbox = Arc::new(Memory::default());
    outbox.state.lock().unwrap().refuse = true;
    let (run, stop) = start(vec![relay(&sink)], &outbox);
    outbox.put([to(TO)]);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sink.connections(), 0);
    run.abort();
    stop.notify_one();

    outbox.state.lock().unwrap().refuse = false;
    let (run, stop) = start(vec![relay(&sink)], &outbox);
    assert_eq!(outbox.until_ended(1).await[0].2.result, Delivery::Accepted);
    stop.notify_one();
    run.await.unwrap();
}

#[tokio::test]
async fn notices_that_cannot_begin_hold_up_no_others() {
    let sink = sink(Tls::None).await;
    let outbox = Arc::new(Memory::default());
    // An outbox whose news is old: these twenty are listed as due, and are not.
    outbox
        .state
        .lock()
        .unwrap()
        .stale
        .extend((0..20).map(|n| to(&format!("old{n}@c.example"))));
    let (run, stop) = start(vec![relay(&sink)], &outbox);
    outbox.put([to(TO)]);
    assert_eq!(outbox.until_ended(1).await.len(), 1);
    stop.notify_one();
    run.await.unwrap();
}
