//! Brokers that accept, refuse, or send something else.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::authority::Authority;
use crate::servers::{Spec, ask, check_down, check_up, for_ever, say, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("mqtt")
        .with("host", "localhost")
        .with("resolve", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

/// A broker that expects this CONNECT, sends `answer`, and then expects `end`.
async fn broker(connect: &'static [u8], answer: &'static [u8], end: &'static [u8]) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| async move {
        let mut got = vec![0; connect.len()];
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(got, connect);
        say(&mut stream, answer).await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert_eq!(rest, end);
    })
    .await
}

const PLAIN: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0";
const DISCONNECT: &[u8] = &[0xe0, 0];

#[tokio::test]
async fn a_broker_that_accepts_a_client_is_up() {
    let at = broker(PLAIN, &[0x20, 2, 0, 0], DISCONNECT).await;
    let (finding, notes) = spec(at).probe().run_with_notes().await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some());
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told[1..],
        ["asks to connect without a user", "the broker answered 0"]
    );
    let connect = b"\x10\x22\0\x04MQTT\x04\xc2\0\0\0\x05nines\0\x07monitor\0\x06secret";
    let at = broker(connect, &[0x20, 2, 1, 0], DISCONNECT).await;
    let spec = spec(at)
        .with("client_id", "nines")
        .with("user", "monitor")
        .with("password", "${MQTT_PASSWORD}");
    let (finding, notes) = spec.probe().run_with_notes().await;
    check_up(&finding);
    assert!(notes.iter().all(|note| !note.text.contains("secret")));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (code, detail) in [
        (1, "it does not speak MQTT 3.1.1"),
        (3, "it is not available"),
        (4, "the user or the password is wrong"),
        (5, "the client may not connect"),
        (77, "return code 77"),
    ] {
        let answer = Box::leak(Box::new([0x20, 2, 0, code]));
        let at = broker(PLAIN, answer, b"").await;
        check_down(&ask(spec(at)).await, Reason::Status, detail);
    }
}

#[tokio::test]
async fn something_else_than_mqtt_is_a_broken_protocol() {
    for (answer, detail) in [
        (&b""[..], "closed before an answer"),
        (&[0x20, 2][..], "the answer broke off"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "the answer is not MQTT",
        ),
        (&[0x20, 3, 0, 0, 0], "the answer is not MQTT"),
        (&[0x20, 2, 9, 0], "the answer is not MQTT"),
    ] {
        let at = broker(PLAIN, answer, b"").await;
        check_down(&ask(spec(at)).await, Reason::Protocol, detail);
    }
    let at = serve("127.0.0.1:0", for_ever).await;
    let mut silent = spec(at);
    silent.timeout = Duration::from_millis(300);
    check_down(
        &ask(silent).await,
        Reason::Timeout,
        "waiting for the first byte",
    );
}

#[tokio::test]
async fn a_broker_that_speaks_tls_is_checked_by_its_certificate() {
    let authority = Authority::new();
    let acceptor = authority.good().acceptor(&[]);
    let at = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let _ = stream.read_exact(&mut [0; 14]).await;
            say(&mut stream, [0x20, 2, 0, 0]).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
    let spec = spec(at).with("tls", true);
    let finding = ask(spec.clone().with("ca_file", authority.file())).await;
    check_up(&finding);
    assert!(finding.certificate_ends_at.is_some() && finding.phases.tls_us.is_some());
    check_down(&ask(spec).await, Reason::Certificate, "not trusted here");
}

#[test]
fn a_password_needs_a_user() {
    let at = "127.0.0.1:1883".parse().unwrap();
    let wrong = spec(at).with("password", "${X}").prepare().unwrap_err();
    assert!(
        wrong[0].1.contains("a password needs a `user`"),
        "{wrong:?}"
    );
}
