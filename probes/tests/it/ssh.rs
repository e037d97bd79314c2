//! Servers of SSH that identify themselves, refuse, or send something else.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::servers::{Spec, ask, check_down, check_up, for_ever, say, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("ssh")
        .with("host", "localhost")
        .with("resolve", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

/// A packet with this message, and a rest of its payload.
fn packet(message: u8) -> Vec<u8> {
    let mut packet = vec![0, 0, 0, 28, 6, message];
    packet.extend([0; 26]);
    packet
}

/// A server that says `greeting`, waits for the client's identification, then sends `answer` and keeps what it gets.
async fn server(greeting: &'static str, answer: Vec<u8>) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| {
        let answer = answer.clone();
        async move {
            say(&mut stream, greeting).await;
            let mut client = [0; 15];
            if stream.read_exact(&mut client).await.is_err() {
                return;
            }
            assert_eq!(&client, b"SSH-2.0-Nines\r\n");
            say(&mut stream, &answer).await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            // Its length, its padding, SSH_MSG_DISCONNECT.
            assert!(rest.is_empty() || rest[5] == 1, "{rest:?}");
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_begins_the_key_exchange_is_up() {
    let at = server("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", packet(20)).await;
    let finding = ask(spec(at).with("software", "OpenSSH")).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some());
    let (_, notes) = spec(at).probe().run_with_notes().await;
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told[1..],
        [
            "the server is OpenSSH_9.2p1",
            "the server began the key exchange"
        ]
    );
    // Lines may come before the identification.
    let at = server("Welcome\nto all\nSSH-1.99-x\n", packet(20)).await;
    check_up(&ask(spec(at)).await);
    check_down(
        &ask(spec(at).with("software", "OpenSSH")).await,
        Reason::Body,
        "the software x lacks `OpenSSH`",
    );
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let at = server("SSH-2.0-x\r\n", packet(1)).await;
    check_down(
        &ask(spec(at)).await,
        Reason::Status,
        "disconnected before the key exchange",
    );
    let at = server("SSH-2.0-x\r\n", packet(2)).await;
    check_down(
        &ask(spec(at)).await,
        Reason::Protocol,
        "the server sent message 2, expected 20",
    );
    let at = server("SSH-1.5-old\r\n", Vec::new()).await;
    check_down(&ask(spec(at)).await, Reason::Protocol, "speaks SSH 1.5");
}

#[tokio::test]
async fn something_else_than_ssh_is_a_broken_protocol() {
    for (said, answer, detail) in [
        ("", Vec::new(), "closed before an answer"),
        ("SSH-2.0-x", Vec::new(), "the answer broke off"),
        ("SSH-nothing\r\n", Vec::new(), "the answer is not SSH"),
        (
            "SSH-2.0-x\r\n",
            vec![0, 0, 0, 28, 6],
            "the answer broke off",
        ),
        (
            "SSH-2.0-x\r\n",
            b"HTTP/1.1 400".to_vec(),
            "no packet of SSH",
        ),
        ("SSH-2.0-x\r\n", vec![0, 0, 0, 3, 9, 20], "no packet of SSH"),
    ] {
        let at = serve("127.0.0.1:0", move |mut stream: TcpStream| {
            let answer = answer.clone();
            async move {
                say(&mut stream, said).await;
                if said.ends_with('\n') {
                    let _ = stream.read_exact(&mut [0; 15]).await;
                    say(&mut stream, &answer).await;
                }
                let _ = stream.shutdown().await;
                // A close with unread bytes would be a reset.
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await;
        check_down(&ask(spec(at)).await, Reason::Protocol, detail);
    }
    let endless = serve("127.0.0.1:0", |mut stream: TcpStream| async move {
        while stream.write_all(b"and so on\r\n").await.is_ok() {}
    })
    .await;
    check_down(
        &ask(spec(endless)).await,
        Reason::Protocol,
        "the answer is not SSH",
    );
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let at = serve("127.0.0.1:0", for_ever).await;
    let mut spec = spec(at);
    spec.timeout = Duration::from_millis(300);
    check_down(
        &ask(spec).await,
        Reason::Timeout,
        "waiting for the first byte",
    );
}
