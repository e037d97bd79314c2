//! Servers that speak PostgreSQL's protocol well, partly or not at all. `tests/peers/probe_postgres.py` asks a real one.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::servers::{Spec, ask, check_down, check_up, for_ever, pause, say, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("postgres")
        .with("host", at.ip().to_string())
        .with("port", i64::from(at.port()))
        .with("database", "results")
        .with("user", "nines")
        .with("password", "${DATABASE_PASSWORD}")
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&u32::try_from(content.len() + 4).unwrap().to_be_bytes());
    message.extend_from_slice(content);
    message
}

/// An error with this code. Its text holds a secret.
fn error(code: &str) -> Vec<u8> {
    message(
        b'E',
        format!("SERROR\0VERROR\0C{code}\0Msecret row\0\0").as_bytes(),
    )
}

const READY: &[u8] = b"Z\0\0\0\x05I";

/// One column with this text.
fn row(text: &str) -> Vec<u8> {
    let mut content = vec![0, 1];
    content.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
    content.extend_from_slice(text.as_bytes());
    message(b'D', &content)
}

fn described() -> Vec<u8> {
    let mut content = b"\0\x01x\0".to_vec();
    content.extend_from_slice(&[0; 18]);
    message(b'T', &content)
}

/// Reads the first message, which has no kind.
async fn startup<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let length = stream.read_u32().await.ok()? as usize;
    let mut content = vec![0; length - 4];
    stream.read_exact(&mut content).await.ok()?;
    Some(String::from_utf8_lossy(&content).into_owned())
}

/// Reads a message.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(u8, String)> {
    let kind = stream.read_u8().await.ok()?;
    Some((kind, startup(stream).await?))
}

/// Signs in, answers the query with `answer`, and waits for the end.
async fn session<S: AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: &mut S, answer: &[u8]) {
    answered(stream, answer).await;
    while read(stream).await.is_some_and(|(kind, _)| kind != b'X') {}
}

async fn answered<S: AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: &mut S, answer: &[u8]) {
    let Some(parameters) = startup(stream).await else {
        return;
    };
    assert!(parameters.contains("user\0nines\0") && parameters.contains("database\0results\0"));
    // A password in plain text is asked for.
    say(stream, message(b'R', &[0, 0, 0, 3])).await;
    assert_eq!(read(stream).await.unwrap(), (b'p', "secret\0".to_owned()));
    say(stream, [message(b'R', &[0; 4]), READY.to_vec()].concat()).await;
    let (_, limits) = read(stream).await.unwrap();
    assert!(
        limits.starts_with("BEGIN READ ONLY; SET LOCAL statement_timeout = "),
        "{limits}"
    );
    let done = |tag: &str| message(b'C', format!("{tag}\0").as_bytes());
    say(
        stream,
        [done("BEGIN"), done("SET"), READY.to_vec()].concat(),
    )
    .await;
    if read(stream).await.is_some() {
        say(stream, answer).await;
    }
}

async fn server(answer: Vec<u8>) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| {
        let answer = answer.clone();
        async move { session(&mut stream, &answer).await }
    })
    .await
}

fn rows(texts: &[&str]) -> Vec<u8> {
    let rows: Vec<u8> = texts.iter().flat_map(|text| row(text)).collect();
    [
        described(),
        rows,
        message(b'C', b"SELECT 1\0"),
        READY.to_vec(),
    ]
    .concat()
}

#[tokio::test]
async fn a_server_that_answers_the_query_is_up() {
    let at = server(rows(&["t", "u"])).await;
    let finding = ask(spec(at)).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some() && finding.phases.transfer_us.is_some());
    check_up(&ask(spec(at).with("expect", "t")).await);
    let finding = ask(spec(at).with("expect", "f")).await;
    check_down(
        &finding,
        Reason::Body,
        "the first column of the first row is not `f`",
    );
    let at = server(rows(&[])).await;
    check_up(&ask(spec(at)).await);
    check_down(
        &ask(spec(at).with("expect", "t")).await,
        Reason::Body,
        "is not `t`",
    );
    let many = vec!["x"; 1_001];
    let at = server(rows(&many)).await;
    check_down(&ask(spec(at)).await, Reason::Body, "more than 1000 rows");
}

#[tokio::test]
async fn an_error_is_told_by_its_code_and_not_by_its_text() {
    for (code, reason, words) in [
        (
            "25006",
            Reason::Status,
            "the query writes, which a probe may not (SQLSTATE 25006)",
        ),
        (
            "57014",
            Reason::Timeout,
            "the server stopped the query after the timeout",
        ),
        ("42P01", Reason::Status, "a table that does not exist"),
        (
            "XX000",
            Reason::Status,
            "the server reports an error (SQLSTATE XX000)",
        ),
    ] {
        let at = server([error(code), READY.to_vec()].concat()).await;
        check_down(&ask(spec(at)).await, reason, words);
    }
    for (code, words) in [
        ("28P01", "refuses this user, or its password or address"),
        ("3D000", "no such database"),
        ("53300", "no connection left"),
        ("57P03", "starting or stopping"),
    ] {
        let at = serve("127.0.0.1:0", move |mut stream| async move {
            startup(&mut stream).await;
            say(&mut stream, error(code)).await;
        });
        check_down(&ask(spec(at.await)).await, Reason::Status, words);
    }
}

/// The end of the connection and the answer arrive together.
#[tokio::test]
async fn a_server_that_answers_and_closes_is_up() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        answered(&mut stream, &rows(&["t"])).await;
    });
    let at = at.await;
    for _ in 0..20 {
        check_up(&ask(spec(at).with("expect", "t")).await);
    }
}

#[tokio::test]
async fn something_else_than_postgresql_is_a_broken_protocol() {
    for (said, detail) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), ""),
        (b"R\0\0\0".to_vec(), "the answer broke off"),
        (Vec::new(), "closed before an answer"),
    ] {
        let at = serve("127.0.0.1:0", move |mut stream| {
            let said = said.clone();
            async move {
                startup(&mut stream).await;
                say(&mut stream, said).await;
            }
        });
        check_down(&ask(spec(at.await)).await, Reason::Protocol, detail);
    }
    let at = server([described(), row(&"x".repeat(5 << 20))].concat()).await;
    check_down(&ask(spec(at)).await, Reason::Protocol, "longer than 4 MiB");
    let at = server(described()).await;
    let mut waiting = spec(at);
    waiting.timeout = Duration::from_millis(300);
    check_down(
        &ask(waiting).await,
        Reason::Timeout,
        "stopped while receiving the answer",
    );
}

#[tokio::test]
async fn a_server_that_is_silent_or_slow_times_out() {
    let mut silent = spec(serve("127.0.0.1:0", for_ever::<TcpStream>).await);
    silent.timeout = Duration::from_millis(300);
    check_down(
        &ask(silent).await,
        Reason::Timeout,
        "stopped while waiting for the first byte",
    );
    let slow = serve("127.0.0.1:0", |mut stream| async move {
        startup(&mut stream).await;
        for byte in message(b'R', &[0, 0, 0, 3]) {
            pause(Duration::from_millis(50)).await;
            say(&mut stream, [byte]).await;
        }
    });
    let mut slow = spec(slow.await);
    slow.timeout = Duration::from_millis(300);
    check_down(&ask(slow).await, Reason::Timeout, "no answer within 300 ms");
}

#[tokio::test]
async fn tls_is_asked_for_and_its_certificate_counts() {
    let authority = Authority::new();
    let acceptor = authority.good().acceptor(&["postgresql"]);
    let at = serve("127.0.0.1:0", move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut asked = [0; 8];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47]);
            say(&mut stream, "S").await;
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            session(&mut stream, &rows(&["1"])).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let spec_ = spec(at).with("tls", true);
    let finding = ask(spec_.clone().with("ca_file", authority.file())).await;
    check_up(&finding);
    assert!(finding.certificate_ends_at.is_some());
    check_down(&ask(spec_).await, Reason::Certificate, "not trusted here");
    let plain = serve("127.0.0.1:0", |mut stream: TcpStream| async move {
        stream.read_exact(&mut [0; 8]).await.unwrap();
        say(&mut stream, "N").await;
    })
    .await;
    let finding = ask(spec(plain).with("tls", true)).await;
    check_down(&finding, Reason::Tls, "the server does not offer TLS");
}

#[test]
fn mistakes_are_found_before_a_run() {
    let good = spec("127.0.0.1:5432".parse().unwrap());
    for query in ["SELECT 1; COMMIT; DROP TABLE results", ";", " "] {
        let mistakes = good.clone().with("query", query).prepare().unwrap_err();
        assert!(
            mistakes[0].1.contains("write one query, without `;`"),
            "{mistakes:?}"
        );
    }
    assert!(good.with("query", "SELECT 1;\n").prepare().is_ok());
}
