//! Application entities that accept, reject, abort, or send something else. `tests/peers/probe_dicom.py` asks real ones.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::servers::{Spec, ask, check_down, check_up, for_ever, pause, say, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("dicom")
        .with("host", at.ip().to_string())
        .with("port", i64::from(at.port()))
        .with("called", "ARCHIVE")
}

/// Reads a unit; returns its kind and content.
async fn unit<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> Option<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await.ok()?;
    stream.read_u8().await.ok()?;
    let length = stream.read_u32().await.ok()?;
    let mut content = vec![0; length as usize];
    stream.read_exact(&mut content).await.ok()?;
    Some((kind, content))
}

fn written(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut unit = vec![kind, 0];
    unit.extend_from_slice(&u32::try_from(content.len()).unwrap().to_be_bytes());
    unit.extend_from_slice(content);
    unit
}

/// A-ASSOCIATE-AC with this result of the context.
fn accept(asked: &[u8], result: u8) -> Vec<u8> {
    let mut content = asked[..68].to_vec();
    content.extend_from_slice(&[0x21, 0, 0, 4, 1, 0, result, 0]);
    written(2, &content)
}

/// C-ECHO-RSP in parts of `part` bytes.
fn echo(status: u16, part: usize) -> Vec<u8> {
    let mut command = Vec::new();
    for (number, value) in [(0x0100_u16, 0x8030_u16), (0x0120, 1), (0x0900, status)] {
        command.extend_from_slice(&[0, 0]);
        command.extend_from_slice(&number.to_le_bytes());
        command.extend_from_slice(&2_u32.to_le_bytes());
        command.extend_from_slice(&value.to_le_bytes());
    }
    let parts: Vec<_> = command.chunks(part).collect();
    let mut units = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let mut value = (u32::try_from(part.len()).unwrap() + 2)
            .to_be_bytes()
            .to_vec();
        let is_last = index + 1 == parts.len();
        value.extend_from_slice(&[1, if is_last { 3 } else { 1 }]);
        value.extend_from_slice(part);
        units.extend(written(4, &value));
    }
    units
}

/// An entity that accepts and answers C-ECHO with `answer`. It checks the release.
async fn entity(answer: Vec<u8>) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| {
        let answer = answer.clone();
        async move {
            let (kind, asked) = unit(&mut stream).await.unwrap();
            assert_eq!(
                (kind, &asked[4..36]),
                (1, &b"ARCHIVE         NINES           "[..])
            );
            say(&mut stream, accept(&asked, 0)).await;
            assert_eq!(unit(&mut stream).await.unwrap().0, 4);
            say(&mut stream, answer).await;
            if let Some((kind, _)) = unit(&mut stream).await {
                assert_eq!(kind, 5);
                say(&mut stream, written(6, &[0; 4])).await;
            }
        }
    })
    .await
}

/// An entity that answers the association with these bytes.
async fn answering(answer: Vec<u8>) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| {
        let answer = answer.clone();
        async move {
            unit(&mut stream).await;
            say(&mut stream, answer).await;
        }
    })
    .await
}

#[tokio::test]
async fn an_entity_that_answers_is_up() {
    for part in [1, 7, 100] {
        let finding = ask(spec(entity(echo(0, part)).await)).await;
        check_up(&finding);
        assert!(finding.phases.processing_us.is_some());
    }
    let (_, notes) = spec(entity(echo(0, 9)).await)
        .probe()
        .run_with_notes()
        .await;
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told[1..],
        [
            "asks ARCHIVE for an association, as NINES",
            "association accepted",
            "C-ECHO answered: success",
            "association released",
        ]
    );
}

#[tokio::test]
async fn rejections_are_told_apart() {
    for (rejection, detail) in [
        (
            [0, 1, 1, 7],
            "it does not know the called title ARCHIVE (for good)",
        ),
        (
            [0, 1, 1, 3],
            "it does not know the calling title NINES: register it there (for good)",
        ),
        ([0, 2, 3, 1], "it is congested (for now)"),
        (
            [0, 2, 3, 2],
            "it has as many associations as it allows (for now)",
        ),
        ([0, 1, 2, 2], "another version of the protocol"),
        ([0, 1, 1, 1], "it gives no reason"),
    ] {
        let at = answering(written(3, &rejection)).await;
        check_down(&ask(spec(at)).await, Reason::Status, detail);
    }
    let at = answering(accept(&[0; 68], 3)).await;
    let detail = "the entity does not offer verification: it does not know the service";
    check_down(&ask(spec(at)).await, Reason::Status, detail);
    let at = entity(echo(0x0211, 100)).await;
    let detail = "C-ECHO answered: the command is not known (status 0211H)";
    check_down(&ask(spec(at)).await, Reason::Status, detail);
}

#[tokio::test]
async fn an_answer_that_is_not_expected_is_a_broken_protocol() {
    let mut long = written(4, &[]);
    long[2] = 1;
    for (answer, detail) in [
        (
            written(7, &[0, 0, 2, 1]),
            "aborted the association: it found a mistake",
        ),
        (
            written(7, &[0, 0, 0, 0]),
            "the entity aborted the association",
        ),
        (
            written(5, &[0; 4]),
            "released the association before an answer",
        ),
        (
            echo(0, 100),
            "something else than an answer to the association",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
            "the answer is not DICOM",
        ),
        (b"SSH-2.0-x\r\n".to_vec(), "the answer is not DICOM"),
        (written(2, &[0; 9]), "malformed: it is too short"),
        (written(2, &[0; 80])[..40].to_vec(), "the answer broke off"),
        (long, "longer than 16 KiB"),
        (Vec::new(), "closed before an answer"),
    ] {
        let at = answering(answer).await;
        check_down(&ask(spec(at)).await, Reason::Protocol, detail);
    }
    let endless = [echo(0, 100); 1].concat();
    let unfinished = endless
        .iter()
        .map(|byte| if *byte == 3 { 1 } else { *byte });
    let unfinished: Vec<_> = unfinished.collect();
    let at = entity(unfinished.repeat(2_000)).await;
    check_down(
        &ask(spec(at)).await,
        Reason::Protocol,
        "the answer to C-ECHO is too long",
    );
}

#[tokio::test]
async fn an_entity_that_is_silent_or_slow_times_out() {
    let silent = serve("127.0.0.1:0", for_ever::<TcpStream>).await;
    let mut spec_ = spec(silent);
    spec_.timeout = Duration::from_millis(300);
    check_down(
        &ask(spec_).await,
        Reason::Timeout,
        "stopped while waiting for the first byte",
    );
    let slow = serve("127.0.0.1:0", |mut stream| async move {
        let (_, asked) = unit(&mut stream).await.unwrap();
        for byte in accept(&asked, 0) {
            pause(Duration::from_millis(50)).await;
            say(&mut stream, [byte]).await;
        }
    })
    .await;
    let mut spec_ = spec(slow);
    spec_.timeout = Duration::from_millis(300);
    check_down(
        &ask(spec_).await,
        Reason::Timeout,
        "stopped while receiving the answer",
    );
}

#[tokio::test]
async fn an_entity_may_speak_tls() {
    let authority = Authority::new();
    let acceptor = authority.good().acceptor(&[]);
    let at = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let (_, asked) = unit(&mut stream).await.unwrap();
            say(&mut stream, accept(&asked, 0)).await;
            unit(&mut stream).await;
            say(&mut stream, echo(0, 100)).await;
            unit(&mut stream).await;
        }
    })
    .await;
    let spec = spec(at).with("tls", true);
    check_up(&ask(spec.clone().with("ca_file", authority.file())).await);
    check_down(&ask(spec).await, Reason::Certificate, "not trusted here");
}
