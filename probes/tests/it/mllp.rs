//! HL7 listeners that acknowledge a message well, late, for another message or not at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::sample::Reason;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::servers::{Spec, ask, check_down, check_up, for_ever, pause, say, serve, write};

const MESSAGE: &str = "MSH|^~\\&|NINES|A|LAB|B|{now}||NMQ^N01|{control_id}|T|2.5\nNST|N\n";

fn spec(at: SocketAddr) -> Spec {
    Spec::of("mllp")
        .with("host", at.ip().to_string())
        .with("port", i64::from(at.port()))
        .with("message", MESSAGE)
}

/// Reads a frame; returns the fields of its MSH.
async fn message<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<String> {
    let mut frame = Vec::new();
    while !frame.ends_with(b"\x1c\r") {
        frame.push(stream.read_u8().await.unwrap());
    }
    let text = String::from_utf8(frame).unwrap();
    let text = text.strip_prefix('\u{b}').unwrap();
    let (header, rest) = text.split_once('\r').unwrap();
    assert_eq!(rest, "NST|N\r\u{1c}\r");
    header.split('|').map(str::to_owned).collect()
}

fn acknowledgement(code: &str, id: &str) -> String {
    format!(
        "\u{b}MSH|^~\\&|LAB|B|NINES|A|20261130||ACK|9|T|2.5\rMSA|{code}|{id}|secret text\r\u{1c}\r"
    )
}

/// A listener that answers with what `reply` makes of the control ID.
async fn listener(reply: impl Fn(&str) -> String + Clone + Send + 'static) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| {
        let reply = reply.clone();
        async move {
            let header = message(&mut stream).await;
            say(&mut stream, reply(&header[9])).await;
        }
    })
    .await
}

#[tokio::test]
async fn an_acknowledgement_with_the_control_id_is_up() {
    for code in ["AA", "CA"] {
        let at = listener(move |id| acknowledgement(code, id)).await;
        let finding = ask(spec(at)).await;
        check_up(&finding);
        assert!(finding.phases.processing_us.is_some());
    }
    // Line ends around frames, and a frame without its last byte.
    let at = listener(|id| format!("\r\n{}", acknowledgement("AA", id).trim_end())).await;
    check_up(&ask(spec(at)).await);
}

#[tokio::test]
async fn a_refusal_is_named_by_its_code() {
    for code in ["AE", "AR", "CE", "CR"] {
        let at = listener(move |id| acknowledgement(code, id)).await;
        let detail = format!("acknowledged with {code}, expected AA or CA");
        check_down(&ask(spec(at)).await, Reason::Status, &detail);
        check_up(&ask(spec(at).with("accept", vec![code])).await);
    }
}

#[tokio::test]
async fn in_the_enhanced_mode_the_application_answers_after_the_commit() {
    let at = listener(|id| acknowledgement("CA", id) + &acknowledgement("AA", id)).await;
    check_up(&ask(spec(at).with("accept", vec!["AA"])).await);
    let at = listener(|id| acknowledgement("CA", id) + &acknowledgement("AE", id)).await;
    let finding = ask(spec(at).with("accept", vec!["AA"])).await;
    check_down(
        &finding,
        Reason::Status,
        "acknowledged with AE, expected AA",
    );
    // Nothing follows a commit that is a refusal.
    let at = listener(|id| acknowledgement("CR", id)).await;
    let finding = ask(spec(at).with("accept", vec!["AA"])).await;
    check_down(
        &finding,
        Reason::Status,
        "acknowledged with CR, expected AA",
    );
}

#[tokio::test]
async fn an_answer_that_acknowledges_nothing_is_a_broken_protocol() {
    let long = format!("\u{b}MSH|{}", "x".repeat(80 * 1024));
    for (answer, detail) in [
        (
            acknowledgement("AA", "N1"),
            "has another control ID: it is of another message",
        ),
        (acknowledgement("AA", ""), "has another control ID"),
        (acknowledgement("OK", "ID"), "no known code in MSA-1"),
        ("\u{b}MSH|^~\\&|LAB\r\u{1c}\r".to_owned(), "no segment MSA"),
        ("\u{b}hello\u{1c}\r".to_owned(), "does not begin with MSH"),
        (
            "HTTP/1.1 400 Bad Request\r\n".to_owned(),
            "start byte of MLLP",
        ),
        (
            "\u{b}MSH|^~\\&|LAB\rMSA|A".to_owned(),
            "the acknowledgement broke off",
        ),
        ("".to_owned(), "closed before an acknowledgement"),
        (long, "longer than 64 KiB"),
    ] {
        let at = listener(move |id| answer.replace("|ID|", &format!("|{id}|"))).await;
        check_down(&ask(spec(at)).await, Reason::Protocol, detail);
    }
}

#[tokio::test]
async fn a_listener_that_is_silent_or_slow_times_out() {
    let silent = serve("127.0.0.1:0", for_ever).await;
    let mut slow = spec(silent);
    slow.timeout = Duration::from_millis(300);
    let waiting = "within 300 ms, stopped while waiting for the first byte";
    check_down(&ask(slow).await, Reason::Timeout, waiting);
    let dribble = serve("127.0.0.1:0", |mut stream| async move {
        let header = message(&mut stream).await;
        for byte in acknowledgement("AA", &header[9]).bytes() {
            pause(Duration::from_millis(50)).await;
            say(&mut stream, [byte]).await;
        }
    })
    .await;
    let mut slow = spec(dribble);
    slow.timeout = Duration::from_millis(300);
    check_down(
        &ask(slow).await,
        Reason::Timeout,
        "stopped while receiving the answer",
    );
}

#[tokio::test]
async fn two_runs_never_use_one_listener_at_once() {
    let inside = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&inside);
    let at = serve("127.0.0.1:0", move |mut stream| {
        let inside = Arc::clone(&counted);
        async move {
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
            let header = message(&mut stream).await;
            pause(Duration::from_millis(20)).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            say(&mut stream, acknowledgement("AA", &header[9])).await;
        }
    })
    .await;
    let (one, two) = (spec(at).probe(), spec(at).probe());
    let (one, two) = tokio::join!(one.run(), two.run());
    check_up(&one);
    check_up(&two);
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_a_message_a_probe_only_connects() {
    let at = serve("127.0.0.1:0", |mut stream: TcpStream| async move {
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "nothing is sent");
    })
    .await;
    let mut spec = spec(at);
    spec.clear("message");
    check_up(&ask(spec.clone()).await);
    check_up(&ask(spec.with("mode", "connect")).await);
}

#[tokio::test]
async fn a_listener_may_speak_tls_and_its_certificate_counts() {
    let authority = Authority::new();
    let acceptor = authority.good().acceptor(&[]);
    let at = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let header = message(&mut stream).await;
            say(&mut stream, acknowledgement("AA", &header[9])).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let spec = spec(at).with("tls", true);
    let finding = ask(spec.clone().with("ca_file", authority.file())).await;
    check_up(&finding);
    assert!(finding.certificate_ends_at.is_some());
    check_down(&ask(spec).await, Reason::Certificate, "not trusted here");
}

#[tokio::test]
async fn a_message_may_come_from_a_file_that_changes() {
    let at = listener(|id| acknowledgement(if id == "2" { "AA" } else { "AR" }, id)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message.hl7");
    write(&file, &MESSAGE.replace("{control_id}", "1"));
    let mut spec = spec(at).with("message_file", file.to_str().unwrap());
    spec.clear("message");
    let probe = spec.probe();
    check_down(&probe.run().await, Reason::Status, "acknowledged with AR");
    write(&file, &MESSAGE.replace("{control_id}", "2"));
    check_up(&crate::files::later(&probe).await);
    // A patient in a changed file is not sent: the last good message stays in use.
    write(&file, &format!("{MESSAGE}PID|1||4711\n"));
    check_up(&crate::files::later(&probe).await);
}

#[test]
fn mistakes_are_found_before_a_run() {
    let good = spec("127.0.0.1:2575".parse().unwrap());
    let patient = format!("{MESSAGE}PID|1||4711\n");
    let mut silent = good.clone();
    silent.clear("message");
    for (spec, why) in [
        (
            good.clone().with("message", patient.as_str()),
            "a segment PID: a probe sends no patient",
        ),
        (
            good.clone().with("message", "hello"),
            "an HL7 message begins with MSH",
        ),
        (
            good.clone().with("mode", "connect"),
            "no effect with `mode = \"connect\"`",
        ),
        (
            good.clone().with("server_name", "a.example.org"),
            "no effect without `tls = true`",
        ),
        (
            good.clone().with("message_file", "x"),
            "either `message` or `message_file`",
        ),
        (
            good.clone().with("accept", vec!["AA", "AA"]),
            "already in the list",
        ),
        (
            silent.clone().with("mode", "ack"),
            "needs `message` or `message_file`",
        ),
        (
            silent.with("accept", vec!["AA"]),
            "no effect without a message",
        ),
    ] {
        let mistakes = spec.prepare().unwrap_err();
        assert!(
            mistakes.iter().any(|(_, said)| said.contains(why)),
            "{why}: {mistakes:?}"
        );
    }
    assert!(
        good.with("message", patient)
            .with("agreed_test_patient", true)
            .prepare()
            .is_ok()
    );
}
