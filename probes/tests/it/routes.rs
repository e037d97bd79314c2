//! A fixed address and another name in the certificate. Names below `.invalid` never resolve.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use rcgen::CertificateParams;

use crate::authority::Authority;
use crate::servers::{Spec, answer, ask, check_down, check_up, for_ever, head, say, says, serve};

/// Answers with the head of the request.
async fn echo() -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| async move {
        let head = head(&mut stream).await;
        say(&mut stream, answer(200, &head)).await;
    })
    .await
}

fn fixed(url: String) -> Spec {
    crate::servers::spec(url).with("resolve", "127.0.0.1")
}

#[tokio::test]
async fn a_fixed_address_is_connected_to_and_the_request_keeps_its_host() {
    let port = echo().await.port();
    let wanted = format!("host: portal.invalid:{port}\r\n");
    let spec = fixed(format!("http://portal.invalid:{port}/"));
    let finding = ask(spec.with("expect.body_contains", wanted)).await;
    check_up(&finding);
    assert_eq!(finding.phases.resolve_us, None);
    let tcp = Spec::of("tcp")
        .with("host", "engine.invalid")
        .with("port", i64::from(port));
    check_down(&ask(tcp.clone()).await, Reason::Dns, "engine.invalid");
    check_up(&ask(tcp.with("resolve", "127.0.0.1")).await);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_resolved_and_one_back_is_not() {
    let port = echo().await.port();
    let back = says(format!(
        "HTTP/1.1 302 X\r\nLocation: http://portal.invalid:{port}/back\r\n\r\n"
    ))
    .await
    .port();
    let other = says(format!(
        "HTTP/1.1 302 X\r\nLocation: http://localhost:{back}/\r\n\r\n"
    ))
    .await
    .port();
    let spec = fixed(format!("http://portal.invalid:{other}/"))
        .with("redirects", 2)
        .with("expect.body_contains", "GET /back");
    let finding = ask(spec).await;
    check_up(&finding);
    assert!(finding.phases.resolve_us.is_some(), "localhost");
    let unknown = says("HTTP/1.1 302 X\r\nLocation: http://other.invalid/\r\n\r\n").await;
    let spec = fixed(format!("http://portal.invalid:{}/", unknown.port())).with("redirects", 1);
    check_down(&ask(spec).await, Reason::Dns, "other.invalid");
}

#[tokio::test]
async fn the_name_in_the_certificate_may_differ_from_the_host() {
    let authority = Authority::new();
    let inside = CertificateParams::new(["inside.example".to_owned()]).unwrap();
    for protocols in [&["http/1.1"][..], &["h2"]] {
        let credentials = authority.issue(&inside);
        let at = authority
            .serve_after(Duration::ZERO, protocols, credentials)
            .await;
        let url = format!("https://portal.invalid:{}/", at.port());
        let spec = fixed(url).with("ca_file", authority.file());
        let words = "is for inside.example, not portal.invalid";
        check_down(&ask(spec.clone()).await, Reason::Certificate, words);
        let mut named = spec.clone().with("server_name", "inside.example");
        check_up(&ask(named.clone()).await);
        if protocols == ["h2"] {
            named.set("expect.body_contains", "https://portal.invalid");
            check_up(&ask(named).await);
        }
        let words = "is for inside.example, not outside.example";
        let named = spec.with("server_name", "outside.example");
        check_down(&ask(named).await, Reason::Certificate, words);
    }
    let at = authority
        .serve_after(Duration::ZERO, &[], authority.issue(&inside))
        .await;
    let tls = Spec::of("tls")
        .with("host", "inside.example")
        .with("resolve", "127.0.0.1")
        .with("port", i64::from(at.port()))
        .with("ca_file", authority.file());
    check_up(&ask(tls).await);
}

#[tokio::test]
async fn the_other_name_is_not_expected_of_another_host() {
    let authority = Authority::new();
    let good = authority
        .serve_after(Duration::ZERO, &[], authority.good())
        .await;
    let acceptor = authority
        .issue(&CertificateParams::new(["inside.example".to_owned()]).unwrap())
        .acceptor(&[]);
    let first = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            assert_eq!(stream.get_ref().1.server_name(), Some("inside.example"));
            head(&mut stream).await;
            let port = good.port();
            let to = format!("HTTP/1.1 302 X\r\nLocation: https://localhost:{port}/\r\n\r\n");
            say(&mut stream, to).await;
            for_ever(stream).await;
        }
    })
    .await;
    let spec = fixed(format!("https://portal.invalid:{}/", first.port()))
        .with("ca_file", authority.file())
        .with("server_name", "inside.example")
        .with("redirects", 1);
    check_up(&ask(spec).await);
}

#[test]
fn an_address_that_has_no_effect_is_a_mistake() {
    let http = |url: &str| crate::servers::spec(url);
    let tcp = Spec::of("tcp").with("host", "127.0.0.1").with("port", 80);
    for (spec, key, value, words) in [
        (tcp, "resolve", "127.0.0.2", "is an address already"),
        (
            http("https://[::1]/"),
            "resolve",
            "::1",
            "is an address already",
        ),
        (
            http("https://a.example/"),
            "resolve",
            "[::1]:443",
            "without a port or brackets",
        ),
        (
            http("http://a.example/"),
            "server_name",
            "b.example",
            "has no TLS",
        ),
    ] {
        let mistakes = spec.with(key, value).prepare().unwrap_err();
        let said = mistakes.iter().any(|(_, why)| why.contains(words));
        assert!(said, "{key} = {value}: {mistakes:?}");
    }
}
