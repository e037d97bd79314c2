//! Answers that come whole and are judged by what they say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use domain::sample::{Outcome, Reason};
use probes::http::{Expect, Spec};
use probes::{Probe, SpecError};
use tokio::sync::mpsc;

use crate::servers::{
    answer, ask, check, check_down, check_up, head, pause, say, says, serve, spec,
};

async fn asked(body: &str, expect: Expect) -> probes::Finding {
    let at = says(answer(200, body)).await;
    let mut spec = spec(format!("http://{at}/"));
    spec.expect = expect;
    ask(spec).await
}

fn json(pointer: &str, wanted: Option<&str>) -> Expect {
    Expect {
        json: vec![(pointer.into(), wanted.map(Into::into))],
        ..Expect::default()
    }
}

#[tokio::test]
async fn a_good_answer_is_up_with_its_status_and_phases() {
    let at = says(answer(200, "hello")).await;
    let finding = ask(spec(format!("http://{at}/"))).await;
    check_up(&finding);
    assert_eq!(finding.status, Some(200));
    assert_eq!(finding.certificate_ends_at, None);
    let p = finding.phases;
    assert!(p.connect_us.is_some() && p.processing_us.is_some() && p.transfer_us.is_some());
    assert_eq!((p.resolve_us, p.tls_us), (None, None));
}

#[tokio::test]
async fn a_name_is_resolved_and_that_is_timed() {
    let at = says(answer(200, "")).await;
    let finding = ask(spec(format!("http://localhost:{}/", at.port()))).await;
    check_up(&finding);
    assert!(finding.phases.resolve_us.is_some());
}

#[tokio::test]
async fn an_ipv6_address_is_asked_in_brackets() {
    let at = serve("[::1]:0", |mut stream| async move {
        let asked = head(&mut stream).await;
        let port = stream.local_addr().unwrap().port();
        let good = asked.contains(&format!("host: [::1]:{port}\r\n"));
        say(&mut stream, answer(if good { 200 } else { 400 }, "")).await;
    })
    .await;
    check_up(&ask(spec(format!("http://[::1]:{}/", at.port()))).await);
}

#[tokio::test]
async fn the_request_says_who_asks_and_closes_after_one_answer() {
    let (tell, mut told) = mpsc::channel(1);
    let at = serve("127.0.0.1:0", move |mut stream| {
        let tell = tell.clone();
        async move {
            let asked = head(&mut stream).await;
            say(&mut stream, answer(200, "")).await;
            tell.send(asked).await.unwrap();
        }
    })
    .await;
    let mut spec = spec(format!("http://{at}/a%20b?q=1#part"));
    spec.headers = vec![("X-Key".into(), "k".into())];
    check_up(&ask(spec).await);
    let asked = told.recv().await.unwrap();
    assert!(asked.starts_with("GET /a%20b?q=1 HTTP/1.1\r\n"), "{asked}");
    for line in [
        format!("host: {at}"),
        "user-agent: nines/1 (availability monitor)".into(),
        "accept-encoding: identity".into(),
        "connection: close".into(),
        "x-key: k".into(),
    ] {
        assert!(
            asked.contains(&format!("\r\n{line}\r\n")),
            "{line}: {asked}"
        );
    }
}

#[tokio::test]
async fn each_run_makes_a_connection_of_its_own() {
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    // It would go on with whoever asks again.
    let at = serve("127.0.0.1:0", move |mut stream| {
        counted.fetch_add(1, Relaxed);
        async move {
            while !head(&mut stream).await.is_empty() {
                say(&mut stream, answer(200, "")).await;
            }
        }
    })
    .await;
    let probe = Probe::new(probes::Spec::Http(spec(format!("http://{at}/")))).unwrap();
    check_up(&probe.run().await);
    check_up(&probe.run().await);
    assert_eq!(accepted.load(Relaxed), 2);
}

#[tokio::test]
async fn another_status_than_expected_is_down() {
    let at = says(answer(503, "secret")).await;
    let url = format!("http://{at}/?token=secret");
    let finding = ask(spec(url.clone())).await;
    check_down(&finding, Reason::Status, "status 503, expected 200 to 299");
    assert_eq!(finding.status, Some(503));
    let mut wanted = spec(url);
    wanted.expect.status = vec![200, 503];
    check_up(&ask(wanted.clone()).await);
    wanted.expect.status = vec![200, 204];
    let finding = ask(wanted).await;
    check_down(&finding, Reason::Status, "expected 200 or 204");
}

#[tokio::test]
async fn the_body_is_judged_by_text_and_pattern() {
    let expect = |contains: Option<&str>, lacks: Option<&str>, matches: Option<&str>| Expect {
        body_contains: contains.map(Into::into),
        body_lacks: lacks.map(Into::into),
        body_matches: matches.map(Into::into),
        ..Expect::default()
    };
    let page = "<h1>Sign in</h1> secret 42";
    let good = expect(Some("Sign in"), Some("Error"), Some(r"\b\d+$"));
    check_up(&asked(page, good).await);
    for (bad, words) in [
        (expect(Some("Log in"), None, None), "lacks `Log in`"),
        (expect(None, Some("Sign"), None), "has `Sign`"),
        (expect(None, None, Some("^x")), "does not match `^x`"),
    ] {
        check_down(&asked(page, bad).await, Reason::Body, words);
    }
}

#[tokio::test]
async fn json_is_judged_by_pointer() {
    let page = r#"{"status":"active","n":1,"list":[{"a/b":null}],"o":{"k":[1, 2]}}"#;
    for (pointer, wanted) in [
        ("/status", Some("active")),
        ("/status", None),
        ("/n", Some("1")),
        ("/n", Some("1.0")),
        ("/list/0/a~1b", Some("null")),
        ("/o", Some(r#"{ "k": [1,2] }"#)),
        ("", None),
    ] {
        check_up(&asked(page, json(pointer, wanted)).await);
    }
    let missing = asked(page, json("/list/1", None)).await;
    check_down(&missing, Reason::Body, "has no `/list/1`");
    let other = asked(page, json("/status", Some("retired"))).await;
    check_down(
        &other,
        Reason::Body,
        "`/status` in the body is not `retired`",
    );
    assert!(!other.detail.unwrap().contains("active"));
    let none = asked("<html>", json("/status", None)).await;
    check_down(&none, Reason::Body, "not JSON");
}

#[tokio::test]
async fn headers_are_judged_by_a_part_of_their_text() {
    let at = says("HTTP/1.1 200 OK\r\nVia: a\r\nVia: proxy-2\r\nContent-Length: 0\r\n\r\n").await;
    let wanting = |name: &str, text: &str| {
        let mut spec = spec(format!("http://{at}/"));
        spec.expect.headers = vec![(name.into(), text.into())];
        ask(spec)
    };
    check_up(&wanting("via", "proxy").await);
    check_up(&wanting("VIA", "").await);
    check_down(&wanting("via", "b").await, Reason::Body, "`via` lacks `b`");
    check_down(
        &wanting("x-up", "").await,
        Reason::Body,
        "`x-up` is missing",
    );
}

#[tokio::test]
async fn an_answer_without_a_body_is_whole() {
    for (method, text) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        ),
    ] {
        let at = says(text).await;
        let mut spec = spec(format!("http://{at}/"));
        spec.method = Some(method.into());
        check_up(&ask(spec).await);
    }
}

#[tokio::test]
async fn a_body_may_be_chunked_or_end_with_the_connection() {
    for text in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nabc",
        "HTTP/1.0 200 OK\r\n\r\nabc",
    ] {
        let at = says(text).await;
        let mut spec = spec(format!("http://{at}/"));
        spec.expect.body_matches = Some("^abc$".into());
        check_up(&ask(spec).await);
    }
}

#[tokio::test]
async fn a_request_body_is_sent_with_its_length() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        let asked = head(&mut stream).await;
        let mut sent = [0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut sent)
            .await
            .unwrap();
        let good = asked.starts_with("POST / ") && asked.contains("content-length: 4\r\n");
        let status = if good && &sent == b"ping" { 200 } else { 400 };
        say(&mut stream, answer(status, "")).await;
    })
    .await;
    let mut spec = spec(format!("http://{at}/"));
    spec.method = Some("POST".into());
    spec.body = Some("ping".into());
    check_up(&ask(spec).await);
}

#[tokio::test]
async fn a_good_answer_that_came_late_is_degraded() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        pause(std::time::Duration::from_millis(60)).await;
        say(&mut stream, answer(200, "")).await;
    })
    .await;
    let mut spec = spec(format!("http://{at}/"));
    spec.expect.degraded_after = Some(std::time::Duration::from_millis(50));
    let finding = ask(spec.clone()).await;
    check(&finding, Outcome::Degraded, Reason::Slow, "more than 50 ms");
    spec.expect.status = vec![500];
    check_down(&ask(spec).await, Reason::Status, "status 200, expected 500");
}

#[test]
fn a_spec_that_cannot_be_run_names_the_key_and_no_secret() {
    let wrong = |change: fn(&mut Spec)| {
        let mut spec = spec("http://portal.example/?token=secret");
        change(&mut spec);
        let SpecError { key, message } = Probe::new(probes::Spec::Http(spec)).unwrap_err();
        assert!(!message.contains("secret"), "{message}");
        key
    };
    assert_eq!(wrong(|s| s.url = "portal.example/secret".into()), "url");
    assert_eq!(
        wrong(|s| s.url = "http://u:secret@portal.example".into()),
        "url"
    );
    assert_eq!(wrong(|s| s.url = "ftp://portal.example".into()), "url");
    assert_eq!(
        wrong(|s| s.url = "https://under score.example".into()),
        "url"
    );
    assert_eq!(wrong(|s| s.method = Some("CONNECT".into())), "method");
    assert_eq!(wrong(|s| s.method = Some("get".into())), "method");
    assert_eq!(
        wrong(|s| s.headers = vec![("X".into(), "secret\n".into())]),
        "headers"
    );
    assert_eq!(
        wrong(|s| s.headers = vec![("Connection".into(), "x".into())]),
        "headers"
    );
    assert_eq!(
        wrong(|s| s.expect.body_matches = Some("(".into())),
        "expect.body_matches"
    );
    assert_eq!(
        wrong(|s| s.expect.json = vec![("a".into(), None)]),
        "expect.json"
    );
    assert_eq!(wrong(|s| s.expect.status = vec![42]), "expect.status");
    assert_eq!(
        wrong(|s| s.expect.certificate_days = Some(9)),
        "expect.certificate_days"
    );
    assert_eq!(
        wrong(|s| s.ca_file = Some("/nonexistent".into())),
        "ca_file"
    );
    assert_eq!(wrong(|s| s.timeout = std::time::Duration::ZERO), "timeout");
    assert_eq!(
        wrong(|s| s.expect.degraded_after = Some(s.timeout)),
        "expect.degraded_after"
    );
    assert_eq!(
        wrong(|s| {
            s.method = Some("HEAD".into());
            s.expect.body_lacks = Some("x".into());
        }),
        "expect"
    );
}

#[test]
fn nothing_secret_is_printed_by_debug() {
    let mut spec = spec("http://portal.example/?token=secret");
    spec.headers = vec![("Authorization".into(), "Bearer secret".into())];
    spec.body = Some("password=secret".into());
    let shown = format!("{spec:?}");
    assert!(
        shown.contains("portal.example") && !shown.contains("secret"),
        "{shown}"
    );
    let probe = format!("{:?}", Probe::new(probes::Spec::Http(spec)).unwrap());
    assert!(!probe.contains("secret"), "{probe}");
}
