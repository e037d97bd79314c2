//! Directories that accept, refuse, or send something else.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::authority::Authority;
use crate::servers::{Spec, ask, check_down, check_up, for_ever, say, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("ldap")
        .with("host", "localhost")
        .with("resolve", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

/// A message with a result.
fn result(id: u8, operation: u8, code: u8) -> Vec<u8> {
    vec![0x30, 12, 2, 1, id, operation, 7, 10, 1, code, 4, 0, 4, 0]
}

fn root() -> Vec<u8> {
    let entry = b"\x30\x30\x02\x01\x02\x64\x2b\x04\x00\x30\x27\x30\x25\x04\x0enamingContexts\x31\x13\x04\x11dc=example,dc=org";
    [&entry[..], &result(2, 0x65, 0)].concat()
}

/// A directory that sends the next of `answers` after each request.
async fn directory(answers: Vec<Vec<u8>>) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| {
        let answers = answers.clone();
        async move {
            for answer in answers {
                let mut length = [0; 2];
                if stream.read_exact(&mut length).await.is_err() {
                    return;
                }
                assert_eq!(length[0], 0x30);
                let mut request = vec![0; usize::from(length[1])];
                stream.read_exact(&mut request).await.unwrap();
                say(&mut stream, &answer).await;
            }
            let _ = stream.shutdown().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            assert!(
                rest.is_empty() || rest == [0x30, 5, 2, 1, 3, 0x42, 0],
                "{rest:?}"
            );
        }
    })
    .await
}

#[tokio::test]
async fn a_directory_that_shows_its_root_entry_is_up() {
    let good = || directory(vec![result(1, 0x61, 0), root()]);
    let finding = ask(spec(good().await).with("base", "DC=example, DC=org")).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some());
    let signed = spec(good().await)
        .with("user", "cn=nines,dc=example,dc=org")
        .with("password", "${DIRECTORY_PASSWORD}");
    let (finding, notes) = signed.probe().run_with_notes().await;
    check_up(&finding);
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told[1..],
        [
            "binds as cn=nines,dc=example,dc=org",
            "reads the root entry",
            "the root entry has 1 naming contexts"
        ]
    );
    check_down(
        &ask(spec(good().await).with("base", "dc=other")).await,
        Reason::Body,
        "no naming context `dc=other`",
    );
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (answers, detail) in [
        (
            vec![result(1, 0x61, 49)],
            "the user or the password is wrong",
        ),
        (
            vec![result(1, 0x61, 8)],
            "the server wants TLS or a stronger",
        ),
        (
            vec![result(1, 0x61, 77)],
            "the bind was refused: result code 77",
        ),
        (vec![result(0, 0x78, 52)], "the server disconnects"),
        (
            vec![result(1, 0x61, 0), result(2, 0x65, 50)],
            "the root entry was refused: insufficient rights",
        ),
    ] {
        let at = directory(answers).await;
        check_down(&ask(spec(at)).await, Reason::Status, detail);
    }
    let at = directory(vec![result(1, 0x61, 0), result(2, 0x65, 0)]).await;
    check_down(&ask(spec(at)).await, Reason::Body, "shows no root entry");
}

#[tokio::test]
async fn something_else_than_ldap_is_a_broken_protocol() {
    for (answers, detail) in [
        (
            vec![b"HTTP/1.1 400 X\r\n\r\n".to_vec()],
            "the answer is not LDAP",
        ),
        (vec![vec![0x30, 12, 2, 1]], "the answer broke off"),
        (vec![Vec::new()], "closed before an answer"),
        (vec![vec![0x30, 0x84, 0x7f, 0, 0, 0]], "too long"),
        (vec![result(9, 0x61, 0)], "answered another request"),
    ] {
        let at = directory(answers).await;
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
async fn an_endless_answer_is_cut() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        let _ = stream.read(&mut [0; 64]).await;
        say(&mut stream, result(1, 0x61, 0)).await;
        // A reference to another server, which the probe skips.
        while stream
            .write_all(b"\x30\x09\x02\x01\x02\x73\x04\x04\x02aa")
            .await
            .is_ok()
        {}
    })
    .await;
    check_down(
        &ask(spec(at)).await,
        Reason::Protocol,
        "longer than 256 KiB",
    );
}

#[tokio::test]
async fn a_directory_that_speaks_tls_is_checked_by_its_certificate() {
    let authority = Authority::new();
    let acceptor = authority.good().acceptor(&[]);
    let at = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let _ = stream.read_exact(&mut [0; 14]).await;
            say(&mut stream, result(1, 0x61, 0)).await;
            let _ = stream.read_exact(&mut [0; 55]).await;
            say(&mut stream, root()).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
    let spec = spec(at).with("tls", true);
    let finding = ask(spec.clone().with("ca_file", authority.file())).await;
    check_up(&finding);
    assert!(finding.certificate_ends_at.is_some());
    check_down(&ask(spec).await, Reason::Certificate, "not trusted here");
}

#[test]
fn a_user_and_a_password_need_each_other() {
    let at = "127.0.0.1:389".parse().unwrap();
    for (key, value, why) in [
        ("password", "${X}", "a password needs a `user`"),
        ("user", "cn=x", "a user needs a password"),
    ] {
        let wrong = spec(at).with(key, value).prepare().unwrap_err();
        assert!(wrong[0].1.contains(why), "{wrong:?}");
    }
}
