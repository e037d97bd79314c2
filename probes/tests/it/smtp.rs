//! Mail servers that greet, refuse, offer STARTTLS or send something else.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::servers::{Spec, ask, check_down, check_up, for_ever, pause, say, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("smtp")
        .with("host", "localhost")
        .with("resolve", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

/// Reads a line; empty at the end of the connection.
async fn line<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

/// A server that says `greeting`, and to each command the next of `answers`.
async fn server(greeting: &'static str, answers: &'static [&'static str]) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| async move {
        say(&mut stream, greeting).await;
        for answer in answers {
            let command = line(&mut stream).await;
            assert!(["EHLO", "STAR", "QUIT", ""].contains(&command.get(..4).unwrap_or_default()));
            say(&mut stream, answer).await;
        }
    })
    .await
}

const EHLO: &str = "250-mail.example.org\r\n250-SIZE 1000\r\n250 8BITMIME\r\n";

#[tokio::test]
async fn a_server_that_greets_and_answers_ehlo_is_up() {
    let at = server("220 mail ready\r\n", &[EHLO, "221 bye\r\n"]).await;
    let finding = ask(spec(at).with("extensions", vec!["size", "8BITMIME"])).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some());
    let (_, notes) = spec(at).probe().run_with_notes().await;
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told[1..],
        ["greeting: 220", "EHLO [127.0.0.1]: 250", "QUIT: 221"]
    );
    // Some servers close at once.
    let at = server("220-mail\r\n220 ready\r\n", &[EHLO]).await;
    check_up(&ask(spec(at)).await);
    let finding = ask(spec(at).with("extensions", vec!["DSN"])).await;
    check_down(
        &finding,
        Reason::Body,
        "the answer to EHLO does not offer DSN",
    );
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let at = server("554 no service for you\r\n", &[]).await;
    check_down(
        &ask(spec(at)).await,
        Reason::Status,
        "greeting 554, expected 220",
    );
    let at = server("220 ready\r\n", &["502 what?\r\n"]).await;
    check_down(
        &ask(spec(at)).await,
        Reason::Status,
        "EHLO was answered with 502, expected 250",
    );
    let starttls = |at| spec(at).with("tls", "starttls");
    let at = server("220 ready\r\n", &[EHLO]).await;
    check_down(
        &ask(starttls(at)).await,
        Reason::Tls,
        "does not offer STARTTLS",
    );
    let offering = "250-mail\r\n250 STARTTLS\r\n";
    let at = Box::leak(Box::new([offering, "454 not now\r\n"]));
    let at = server("220 ready\r\n", at).await;
    check_down(
        &ask(starttls(at)).await,
        Reason::Status,
        "STARTTLS was answered with 454",
    );
    let at = Box::leak(Box::new([offering, "220 go\r\n250 injected\r\n"]));
    let at = server("220 ready\r\n", at).await;
    check_down(
        &ask(starttls(at)).await,
        Reason::Protocol,
        "more than its answer to STARTTLS",
    );
}

#[tokio::test]
async fn something_else_than_smtp_is_a_broken_protocol() {
    for (said, detail) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is not SMTP"),
        ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F", "the answer is not SMTP"),
        ("220-mail\r\n220", "the answer broke off"),
        ("", "closed before an answer"),
    ] {
        let at = server(said, &[]).await;
        check_down(&ask(spec(at)).await, Reason::Protocol, detail);
    }
    let endless = serve("127.0.0.1:0", |mut stream: TcpStream| async move {
        while stream.write_all(b"220-and so on\r\n").await.is_ok() {}
    })
    .await;
    check_down(
        &ask(spec(endless)).await,
        Reason::Protocol,
        "longer than 64 KiB",
    );
}

#[tokio::test]
async fn a_server_that_is_silent_or_slow_times_out() {
    let silent = serve("127.0.0.1:0", for_ever::<TcpStream>).await;
    let mut asked = spec(silent);
    asked.timeout = Duration::from_millis(300);
    check_down(
        &ask(asked).await,
        Reason::Timeout,
        "stopped while waiting for the first byte",
    );
    let slow = serve("127.0.0.1:0", |mut stream| async move {
        for byte in b"220 mail.example.org ready\r\n" {
            pause(Duration::from_millis(50)).await;
            say(&mut stream, [*byte]).await;
        }
    })
    .await;
    let mut asked = spec(slow);
    asked.timeout = Duration::from_millis(300);
    check_down(
        &ask(asked).await,
        Reason::Timeout,
        "stopped while receiving the answer",
    );
}

#[tokio::test]
async fn tls_begins_at_once_or_after_starttls() {
    let authority = Authority::new();
    for (tls, starts) in [("implicit", false), ("starttls", true)] {
        let acceptor = authority.good().acceptor(&[]);
        let at = serve("127.0.0.1:0", move |mut stream| {
            let acceptor = acceptor.clone();
            async move {
                if starts {
                    say(&mut stream, "220 ready\r\n").await;
                    line(&mut stream).await;
                    say(&mut stream, "250-mail\r\n250 STARTTLS\r\n").await;
                    assert_eq!(line(&mut stream).await, "STARTTLS");
                    say(&mut stream, "220 go\r\n").await;
                }
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                if !starts {
                    say(&mut stream, "220 ready\r\n").await;
                }
                line(&mut stream).await;
                say(&mut stream, EHLO).await;
                assert_eq!(line(&mut stream).await, "QUIT");
            }
        })
        .await;
        let spec = spec(at).with("tls", tls);
        let trusting = spec
            .clone()
            .with("ca_file", authority.file())
            .with("extensions", vec!["SIZE"]);
        let finding = ask(trusting).await;
        check_up(&finding);
        assert!(finding.certificate_ends_at.is_some() && finding.phases.tls_us.is_some());
        check_down(&ask(spec).await, Reason::Certificate, "not trusted here");
    }
}
