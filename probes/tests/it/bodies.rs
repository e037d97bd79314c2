//! Complete answers, checked against their conditions; and mistakes in a spec.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use domain::sample::{Outcome, Reason};
use tokio::sync::mpsc;

use crate::servers::{
    Spec, answer, ask, check, check_down, check_up, head, pause, say, says, serve, spec,
};

/// Asks a server that answers with `body`. `expect` gives keys and values of the table `expect`.
async fn ask_expecting(body: &str, expect: &[(&str, &str)]) -> probes::Finding {
    let at = says(answer(200, body)).await;
    let mut spec = spec(format!("http://{at}/"));
    for (key, value) in expect {
        spec.set(&format!("expect.{key}"), *value);
    }
    ask(spec).await
}

async fn ask_for_json(body: &str, pointer: &str, wanted: Option<&str>) -> probes::Finding {
    let at = says(answer(200, body)).await;
    let spec = spec(format!("http://{at}/"));
    ask(match wanted {
        Some(wanted) => spec.with(&format!("expect.json.{pointer}"), wanted),
        None => spec.with("expect.json_present", vec![pointer]),
    })
    .await
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
async fn resolving_a_name_is_timed() {
    let at = says(answer(200, "")).await;
    let finding = ask(spec(format!("http://localhost:{}/", at.port()))).await;
    check_up(&finding);
    assert!(finding.phases.resolve_us.is_some());
}

#[tokio::test]
async fn an_ipv6_address_is_sent_in_brackets() {
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
async fn the_request_names_nines_and_closes_after_one_answer() {
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
    let mut spec = spec(format!("http://{at}/a%20b?q=1"));
    spec.set("headers.X-Key", "k");
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
    // The server would keep the connection open.
    let at = serve("127.0.0.1:0", move |mut stream| {
        counted.fetch_add(1, Relaxed);
        async move {
            while !head(&mut stream).await.is_empty() {
                say(&mut stream, answer(200, "")).await;
            }
        }
    })
    .await;
    let probe = spec(format!("http://{at}/")).probe();
    check_up(&probe.run().await);
    check_up(&probe.run().await);
    assert_eq!(accepted.load(Relaxed), 2);
}

#[tokio::test]
async fn another_status_than_expected_is_down() {
    let at = says(answer(503, "secret")).await;
    let url = format!("http://{at}/?token=${{TOKEN}}");
    let finding = ask(spec(url.clone())).await;
    check_down(&finding, Reason::Status, "status 503, expected 200 to 299");
    assert_eq!(finding.status, Some(503));
    let mut wanted = spec(url);
    wanted.set("expect.status", vec![200, 503]);
    check_up(&ask(wanted.clone()).await);
    wanted.set("expect.status", vec![200, 204]);
    let finding = ask(wanted).await;
    check_down(&finding, Reason::Status, "expected 200 or 204");
}

#[tokio::test]
async fn the_body_is_checked_by_text_and_pattern() {
    let page = "<h1>Sign in</h1> secret 42";
    let good = [
        ("body_contains", "Sign in"),
        ("body_lacks", "Error"),
        ("body_matches", r"\b\d+$"),
    ];
    check_up(&ask_expecting(page, &good).await);
    for (bad, words) in [
        (("body_contains", "Log in"), "lacks `Log in`"),
        (("body_lacks", "Sign"), "has `Sign`"),
        (("body_matches", "^x"), "does not match `^x`"),
    ] {
        check_down(&ask_expecting(page, &[bad]).await, Reason::Body, words);
    }
}

#[tokio::test]
async fn json_is_checked_by_pointer() {
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
        check_up(&ask_for_json(page, pointer, wanted).await);
    }
    let missing = ask_for_json(page, "/list/1", None).await;
    check_down(&missing, Reason::Body, "has no `/list/1`");
    let other = ask_for_json(page, "/status", Some("retired")).await;
    check_down(
        &other,
        Reason::Body,
        "`/status` in the body is not `retired`",
    );
    assert!(!other.detail.unwrap().contains("active"));
    let none = ask_for_json("<html>", "/status", None).await;
    check_down(&none, Reason::Body, "not JSON");
}

#[tokio::test]
async fn numbers_in_json_compare_exactly() {
    let page = r#"{"schema":9007199254740992,"rate":0.30000000000000000001,"huge":1e400}"#;
    let at = says(answer(200, page)).await;
    let wanting = |pointer: &str, wanted: toml::Value| {
        ask(spec(format!("http://{at}/")).with(&format!("expect.json./{pointer}"), wanted))
    };
    check_up(&wanting("schema", 9_007_199_254_740_992_i64.into()).await);
    let finding = wanting("schema", 9_007_199_254_740_993_i64.into()).await;
    check_down(&finding, Reason::Body, "is not `9007199254740993`");
    check_down(
        &wanting("rate", 0.3.into()).await,
        Reason::Body,
        "is not `0.3`",
    );
    check_up(&wanting("rate", "0.30000000000000000001".into()).await);
    check_up(&wanting("huge", "1e400".into()).await);
}

#[tokio::test]
async fn a_fraction_is_taken_as_the_file_writes_it() {
    let at = says(answer(200, r#"{"rate":1234.56789012345678901}"#)).await;
    let environment = values::Environment {
        variable: &|_| None,
        file: &|_| Err("there are no files here".to_owned()),
        proxy_from_environment: false,
        commands: &[],
        reach: &values::reach::BUILT_IN,
    };
    for (written, is_good) in [
        ("1_234.567_890_123_456_789_01", true),
        ("+1234.567890123456789010", true),
        ("1234.5678901234568", false),
    ] {
        let keys = format!("url = \"http://{at}/\"\nexpect.json = {{ \"/rate\" = {written} }}");
        let probe = probes::prepare("http", &keys, crate::servers::PATIENCE, environment).unwrap();
        let finding = probe.run().await;
        assert_eq!(
            finding.outcome == Outcome::Up,
            is_good,
            "{written}: {finding:?}"
        );
    }
}

#[test]
fn a_name_may_end_with_a_dot() {
    let name = "portal.example.org.";
    let kinds = [
        spec(format!("https://{name}/")),
        Spec::of("tcp").with("host", name).with("port", 80),
        Spec::of("tls").with("host", name).with("port", 443),
        Spec::of("dns").with("host", name).with("server", name),
    ];
    for spec in kinds {
        assert!(spec.prepare().is_ok(), "{:?}", spec.prepare());
    }
    let twice = spec(format!("https://{name}./"));
    check_one_mistake(&twice, "\"https://portal.example.org../\"", "no host");
}

#[tokio::test]
async fn headers_are_checked_by_a_part_of_their_text() {
    let at = says("HTTP/1.1 200 OK\r\nVia: a\r\nVia: proxy-2\r\nContent-Length: 0\r\n\r\n").await;
    let wanting = |name: &str, text: &str| {
        ask(spec(format!("http://{at}/")).with(&format!("expect.headers.{name}"), text))
    };
    check_up(&wanting("via", "proxy").await);
    check_up(&wanting("VIA", "-").await);
    check_down(&wanting("via", "b").await, Reason::Body, "`via` lacks `b`");
    check_down(
        &wanting("x-up", "-").await,
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
        spec.set("method", method);
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
        spec.set("expect.body_matches", "^abc$");
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
    spec.set("method", "POST");
    spec.set("body", "ping");
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
    spec.set("expect.degraded_after", "50ms");
    let finding = ask(spec.clone()).await;
    check(&finding, Outcome::Degraded, Reason::Slow, "more than 50 ms");
    spec.set("expect.status", vec![500]);
    check_down(&ask(spec).await, Reason::Status, "status 200, expected 500");
}

/// Each mistake of a spec: the part of the file it concerns, and what is wrong.
fn mistakes(spec: &Spec) -> Vec<(String, String)> {
    let mistakes = spec.prepare().unwrap_err();
    for (_, why) in &mistakes {
        assert!(!why.contains("hunter2"), "a secret is shown: {why}");
    }
    mistakes
}

/// A spec with one key set to a wrong value has one mistake, in that value.
#[track_caller]
fn check_mistake(key: &str, value: impl Into<toml::Value>, why: &str) {
    let value = value.into();
    let spec = spec("https://portal.example.org/").with(key, value.clone());
    check_one_mistake(&spec, &value.to_string(), why);
}

#[track_caller]
fn check_one_mistake(spec: &Spec, at: &str, why: &str) {
    let mistakes = mistakes(spec);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert_eq!(mistakes[0].0, at, "{mistakes:?}");
    assert!(mistakes[0].1.contains(why), "{mistakes:?} lacks {why}");
}

#[test]
fn a_wrong_value_is_reported_with_its_place() {
    check_mistake(
        "url",
        "portal.example/?token=hunter2",
        "start with http:// or https://",
    );
    check_mistake("url", "http://u:hunter2@portal.example", "use `basic`");
    check_mistake(
        "url",
        "ftp://portal.example",
        "start with http:// or https://",
    );
    check_mistake("url", "https://under score.example", "a character");
    check_mistake("method", "CONNECT", "not for probing");
    check_mistake("method", "get", "is not a method");
    check_mistake("headers.X", "hunter2\n", "one line");
    check_mistake("headers.Connection", "x", "set by the connection itself");
    check_mistake("headers.\u{e9}", "x", "cannot be the name of a header");
    check_mistake("expect.body_matches", "(", "not a regular expression");
    check_mistake("expect.json.a", "x", "not a JSON pointer");
    check_mistake("expect.json./a", f64::NAN, "JSON has no such number");
    check_mistake("expect.degraded_after", "20s", "the timeout is 20s");
    check_mistake("ca_file", "/nonexistent", "cannot be read");
    check_mistake("bearer_token_file", "/nonexistent", "cannot be read");
    check_mistake("http", "2", "write \"1.1\"");
    check_mistake("proxy", "proxy.example:3128", "only a proxy at an http://");
    check_mistake(
        "proxy",
        "https://proxy.example",
        "only a proxy at an http://",
    );
    check_mistake(
        "proxy",
        "http://u:hunter2@proxy.example",
        "use `proxy_basic`",
    );
    check_mistake("proxy", "http://proxy.example/x", "only a host and a port");
    check_mistake("headers.Proxy-Authorization", "${X}", "use `proxy_basic`");
}

#[test]
fn keys_that_contradict_each_other_are_reported_at_one_of_them() {
    let plain = || spec("http://portal.example.org/");
    let days = plain().with("expect.certificate_days", 9);
    check_one_mistake(&days, "9", "has no TLS");
    let head = plain()
        .with("method", "HEAD")
        .with("expect.body_lacks", "x");
    check_one_mistake(&head, "\"x\"", "has no body");
    let proxied = plain().with("proxy", "http://proxy.example");
    let fixed = proxied.clone().with("resolve", "192.0.2.1");
    check_one_mistake(&fixed, "\"192.0.2.1\"", "the proxy resolves the host");
    let host = proxied.with("headers.Host", "x");
    check_one_mistake(&host, "\"x\"", "a proxy replaces `Host`");
    let twice = plain().with("expect.status", vec![200, 200]);
    check_one_mistake(&twice, "200", "already in the list");
}

#[test]
fn nothing_secret_is_printed_by_debug() {
    let probe = spec("http://portal.example/?token=${TOKEN}")
        .with("headers.Authorization", "${TOKEN}")
        .with("method", "POST")
        .with("body", "password=secret")
        .probe();
    let shown = format!("{probe:?}");
    assert!(
        shown.contains("portal.example") && !shown.contains("secret"),
        "{shown}"
    );
}
