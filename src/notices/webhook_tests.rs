//! Webhooks against a receiver on loopback: the signature, the meaning of answers, and the addresses that are refused.

use std::sync::{Arc, Mutex};

use domain::event::Delivery;
use domain::notice::{Address, Kind, Notice};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::SecretString;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::delivery::Ended;
use super::render_tests::{notice, portal, sender};
use super::webhook::{meaning, post};
use super::{Due, Rendered, Renderer};
use crate::config::Webhook;
use crate::digest::hex;

const SECRET: &str = "a secret of the test";

const ID: &str = "<0123@example.org>";

fn now() -> Timestamp {
    "2026-10-07T02:14:20Z".parse().unwrap()
}

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Seen {
    head: String,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Answers each request with the same bytes, then closes.
struct Receiver {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (known, answer) = (Arc::clone(&seen), answer.into());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if let Some(request) = read(&mut stream).await {
                    known.lock().unwrap().push(request);
                }
                // The client may close before all of a long answer has left.
                let _ = stream.write_all(&answer).await;
            }
        });
        Self { port, seen }
    }

    fn webhook(&self) -> Webhook {
        Webhook {
            url: format!("http://127.0.0.1:{}/hook", self.port),
            secret: SecretString::from(SECRET),
            secret_file: "does-not-exist".into(),
            allow_private: true,
        }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            let mut seen = Seen {
                head,
                body: bytes[end + 4..].to_vec(),
            };
            let length: usize = seen.header("content-length")?.parse().ok()?;
            if seen.body.len() >= length {
                seen.body.truncate(length);
                return Some(seen);
            }
        }
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..read]);
    }
}

fn status(line: &str, headers: &str) -> String {
    format!("HTTP/1.1 {line}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
}

async fn send(webhook: &Webhook) -> Ended {
    probes::install_crypto();
    post(webhook, ID, b"{\"kind\":\"downtime\"}", now()).await
}

async fn answered(line: &str, headers: &str) -> Ended {
    let receiver = Receiver::answering(status(line, headers)).await;
    let ended = send(&receiver.webhook()).await;
    assert_eq!(receiver.seen().len(), 1, "{line}");
    ended
}

#[tokio::test]
async fn a_request_has_the_id_and_a_signature_over_time_and_body() {
    let receiver = Receiver::answering(status("204 No Content", "")).await;
    let ended = send(&receiver.webhook()).await;
    assert_eq!(ended.result, Delivery::Accepted, "{}", ended.reply);
    let seen = &receiver.seen()[0];
    assert!(
        seen.head.starts_with("POST /hook HTTP/1.1"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("nines-id"), Some(ID));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let time = seen.header("nines-timestamp").unwrap();
    assert_eq!(time, now().as_second().to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(&seen.body);
    let expected = hex(&mac.finalize().into_bytes());
    assert_eq!(seen.header("nines-signature"), Some(expected.as_str()));
}

#[tokio::test]
async fn the_secret_file_is_read_again_for_each_request() {
    let receiver = Receiver::answering(status("200 OK", "")).await;
    let folder = tempfile::tempdir().unwrap();
    let webhook = Webhook {
        secret_file: folder.path().join("secret"),
        ..receiver.webhook()
    };
    let mut signatures = Vec::new();
    for secret in ["first secret\n", "second secret\n", "second secret\n"] {
        crate::files::replace(&webhook.secret_file, secret.as_bytes()).unwrap();
        assert_eq!(send(&webhook).await.result, Delivery::Accepted);
        let seen = receiver.seen().pop().unwrap();
        signatures.push(seen.header("nines-signature").unwrap().to_owned());
    }
    assert_ne!(signatures[0], signatures[1]);
    assert_eq!(signatures[1], signatures[2]);
}

#[tokio::test]
async fn an_answer_says_if_the_notice_is_tried_again() {
    for (line, expected, alerts) in [
        ("202 Accepted", Delivery::Accepted, false),
        ("408 Request Timeout", Delivery::Deferred, false),
        ("425 Too Early", Delivery::Deferred, false),
        ("429 Too Many Requests", Delivery::Deferred, false),
        ("500 Internal Server Error", Delivery::Deferred, false),
        ("503 Service Unavailable", Delivery::Deferred, false),
        ("410 Gone", Delivery::Rejected, false),
        ("401 Unauthorized", Delivery::Deferred, true),
        ("404 Not Found", Delivery::Deferred, true),
    ] {
        let ended = answered(line, "").await;
        assert_eq!(
            (ended.result, ended.refused_us),
            (expected, alerts),
            "{line}"
        );
        assert_eq!(ended.reply, line);
        assert!(!ended.unreached, "another address may be reached");
    }
    assert_eq!(meaning(302), (Delivery::Deferred, true));
}

#[tokio::test]
async fn a_pause_that_the_receiver_asks_for_is_taken_from_its_answer() {
    let busy = "429 Too Many Requests";
    for (header, expected) in [
        ("retry-after: 120\r\n", Some(120)),
        ("retry-after: Wed, 07 Oct 2026 02:15:20 GMT\r\n", Some(60)),
        ("retry-after: Wed, 07 Oct 2026 02:13:20 GMT\r\n", None),
        ("retry-after: soon\r\n", None),
        ("", None),
    ] {
        assert_eq!(
            answered(busy, header).await.retry_after_s,
            expected,
            "{header}"
        );
    }
    let ended = answered("503 Service Unavailable", "retry-after: 5\r\n").await;
    assert_eq!(ended.retry_after_s, Some(5));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Receiver::answering(status("200 OK", "")).await;
    let location = format!("location: http://127.0.0.1:{}/\r\n", other.port);
    for line in [
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let ended = answered(line, &location).await;
        assert_eq!((ended.result, ended.refused_us), (Delivery::Deferred, true));
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_ambiguous_and_one_that_did_not_is_not() {
    let silent = Receiver::answering("").await;
    let ended = send(&silent.webhook()).await;
    assert_eq!(ended.result, Delivery::Ambiguous, "{}", ended.reply);
    assert_eq!(silent.seen().len(), 1);

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let webhook = Webhook {
        url: format!("http://127.0.0.1:{port}/"),
        ..silent.webhook()
    };
    let ended = send(&webhook).await;
    assert_eq!(ended.result, Delivery::Deferred);
    assert!(
        ended.reply.starts_with("no connection: "),
        "{}",
        ended.reply
    );
    assert!(!ended.reply.contains("http://"), "{}", ended.reply);
}

#[tokio::test]
async fn a_private_address_is_refused_after_the_name_is_resolved() {
    let receiver = Receiver::answering(status("200 OK", "")).await;
    for host in [
        "localhost",
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "0x7f.1",
        "2130706433",
    ] {
        let webhook = Webhook {
            url: format!("http://{host}:{}/hook", receiver.port),
            allow_private: false,
            ..receiver.webhook()
        };
        let ended = send(&webhook).await;
        assert_eq!(
            (ended.result, ended.refused_us),
            (Delivery::Deferred, true),
            "{host}"
        );
        assert!(
            ended.reply.contains("is a loopback address"),
            "{}",
            ended.reply
        );
    }
    for host in [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
    ] {
        let webhook = Webhook {
            url: format!("http://{host}/latest/meta-data"),
            ..receiver.webhook()
        };
        let ended = send(&webhook).await;
        assert!(
            ended.reply.contains("is a metadata service"),
            "{}",
            ended.reply
        );
    }
    assert!(receiver.seen().is_empty());
    let allowed = Webhook {
        url: format!("http://localhost:{}/hook", receiver.port),
        ..receiver.webhook()
    };
    assert_eq!(send(&allowed).await.result, Delivery::Accepted);
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let body = "x".repeat(4 << 20);
    let answer = format!(
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let receiver = Receiver::answering(answer).await;
    let ended = send(&receiver.webhook()).await;
    assert_eq!(ended.result, Delivery::Deferred);
    assert!(ended.reply.len() < 200, "{}", ended.reply.len());
}

fn to_webhook() -> Notice {
    let mut notice = notice(Kind::Downtime, vec![portal()]);
    notice.recipient.address = Address::Webhook("https://pager.example.org/".to_owned());
    notice
}

#[test]
fn a_body_has_the_facts_and_the_text() {
    let renderer = Renderer::new(None).unwrap();
    let sender = sender("Example HIE Status <status@example.org>");
    let rendered = renderer.message(&to_webhook(), &sender, now()).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&rendered.bytes).unwrap();
    insta::assert_json_snapshot!(body);
    let due = Due {
        notice: to_webhook(),
        sender,
        kept: None,
    };
    assert_eq!(Rendered::kept(&due, rendered.bytes.clone()), rendered);
}
