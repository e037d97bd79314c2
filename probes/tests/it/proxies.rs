//! Requests through a proxy: absolute targets for http://, a tunnel for https://, and whose fault a failure is.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::{Outcome, Reason};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::authority::Authority;
use crate::servers::{
    Spec, answer, ask, check, check_down, check_up, head, say, says, serve, spec,
};

/// A proxy that answers CONNECT with `reply` and then leads to `target`. It tells the heads that it reads.
async fn proxy(target: SocketAddr, reply: &'static str) -> (SocketAddr, mpsc::Receiver<String>) {
    let (tell, told) = mpsc::channel(64);
    let at = serve("127.0.0.1:0", move |mut stream| {
        let tell = tell.clone();
        async move {
            let asked = head(&mut stream).await;
            let is_connect = asked.starts_with("CONNECT ");
            tell.send(asked).await.unwrap();
            if is_connect {
                say(&mut stream, format!("HTTP/1.1 {reply}\r\nVia: x\r\n\r\n")).await;
                let mut target = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut target).await;
            } else {
                say(&mut stream, answer(200, "by the proxy")).await;
            }
        }
    })
    .await;
    (at, told)
}

fn through(spec: Spec, proxy: SocketAddr) -> Spec {
    spec.with("proxy", format!("http://{proxy}"))
}

#[tokio::test]
async fn a_plain_request_names_the_whole_url_to_the_proxy() {
    let (at, mut told) = proxy("127.0.0.1:1".parse().unwrap(), "").await;
    // Nines does not resolve the name.
    let spec = through(spec("http://portal.invalid.:8080/a?b=c"), at)
        .with("proxy_basic.user", "nines")
        .with("proxy_basic.password", "${PASSWORD}")
        .with("expect.body_contains", "by the proxy");
    let finding = ask(spec).await;
    check_up(&finding);
    assert_eq!(finding.phases.resolve_us, None);
    let asked = told.recv().await.unwrap();
    assert!(
        asked.starts_with("GET http://portal.invalid:8080/a?b=c HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("\r\nhost: portal.invalid:8080\r\n"),
        "{asked}"
    );
    let login = "\r\nproxy-authorization: Basic bmluZXM6c2VjcmV0\r\n";
    assert!(asked.contains(login), "{asked}");
}

#[tokio::test]
async fn a_secure_request_goes_through_a_tunnel() {
    let authority = Authority::new();
    for protocols in [&["h2"], &["http/1.1"]] {
        let target = authority
            .serve_after(Duration::ZERO, protocols, authority.good())
            .await;
        let (at, mut told) = proxy(target, "200 Connection established").await;
        let spec = through(authority.spec(target), at)
            .with("url", format!("https://localhost.:{}/", target.port()))
            .with("proxy_basic.user", "nines")
            .with("proxy_basic.password", "${PASSWORD}");
        let finding = ask(spec).await;
        check_up(&finding);
        assert!(finding.phases.resolve_us.is_none() && finding.phases.tls_us.is_some());
        let asked = told.recv().await.unwrap();
        let target = format!("localhost:{}", target.port());
        let first = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        assert!(asked.starts_with(&first), "{asked}");
        assert!(
            asked.contains("\r\nProxy-Authorization: Basic bmluZXM6c2VjcmV0\r\n"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_fails_or_refuses_says_nothing_about_the_target() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let nowhere = says("").await;
    for url in ["http://portal.invalid/", "https://portal.invalid/"] {
        let finding = ask(through(spec(url), closed)).await;
        let words = format!("the proxy {closed}: connection refused");
        check(&finding, Outcome::Inconclusive, Reason::Monitor, &words);
    }
    let named = spec("http://portal.invalid/").with("proxy", "http://proxy.invalid:3128");
    let finding = ask(named).await;
    check(
        &finding,
        Outcome::Inconclusive,
        Reason::Monitor,
        "the proxy proxy.invalid:3128: ",
    );
    for (reply, outcome, reason, words) in [
        (
            "407 Login",
            Outcome::Inconclusive,
            Reason::Monitor,
            "asks for a user and a password",
        ),
        (
            "403 No",
            Outcome::Inconclusive,
            Reason::Monitor,
            "refuses to connect (status 403)",
        ),
        (
            "secret",
            Outcome::Inconclusive,
            Reason::Monitor,
            "its answer is not HTTP",
        ),
        (
            "503 No",
            Outcome::Down,
            Reason::Unreachable,
            "cannot reach portal.invalid:443 (status 503)",
        ),
        (
            "504 Late",
            Outcome::Down,
            Reason::Timeout,
            "cannot reach portal.invalid:443 (status 504)",
        ),
    ] {
        let (at, _told) = proxy(nowhere, reply).await;
        let finding = ask(through(spec("https://portal.invalid/"), at)).await;
        check(&finding, outcome, reason, words);
    }
    for (reply, words) in [
        ("407 Login", "refuses the user or the password (status 407)"),
        ("401 No", "refuses the user or the password (status 401)"),
    ] {
        let (at, _told) = proxy(nowhere, reply).await;
        let spec = through(spec("https://portal.invalid/"), at)
            .with("proxy_basic.user", "nines")
            .with("proxy_basic.password", "${PASSWORD}");
        let finding = ask(spec).await;
        check(&finding, Outcome::Inconclusive, Reason::Monitor, words);
    }
    let at = says("HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n").await;
    let finding = ask(through(spec("http://portal.invalid/"), at)).await;
    check(
        &finding,
        Outcome::Inconclusive,
        Reason::Monitor,
        "asks for a user",
    );
    // Any other answer to a plain request may be the target's.
    let at = says(answer(502, "")).await;
    let finding = ask(through(spec("http://portal.invalid/"), at)).await;
    check_down(&finding, Reason::Status, "status 502");
}

#[tokio::test]
async fn a_silent_proxy_says_nothing_about_the_target() {
    // A listener whose queue is full lets further calls wait without an answer.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let silent = socket.listen(1).unwrap();
    let at = silent.local_addr().unwrap();
    let mut queue = Vec::new();
    for _ in 0..2 {
        queue.push(TcpStream::connect(at).await.unwrap());
    }
    let mut spec = through(spec("https://portal.invalid/"), at);
    spec.timeout = Duration::from_millis(300);
    let finding = ask(spec).await;
    check(
        &finding,
        Outcome::Inconclusive,
        Reason::Monitor,
        "no answer while connecting",
    );
}

/// Prepares a probe where every variable is a proxy.
fn in_environment(keys: &str, proxy: SocketAddr, honoured: bool) -> Result<probes::Probe, String> {
    let environment = values::Environment {
        variable: &|name| match name {
            "http_proxy" => Some(format!("http://nines:secret@{proxy}")),
            "no_proxy" => Some("127.0.0.0/8".to_owned()),
            _ => None,
        },
        file: &|_| Err("there are no files here".to_owned()),
        proxy_from_environment: honoured,
        commands: &[],
        reach: &values::reach::BUILT_IN,
    };
    let prepared = probes::prepare("http", keys, crate::servers::PATIENCE, environment);
    prepared.map_err(|mistakes| format!("{mistakes:?}"))
}

#[tokio::test]
async fn the_environment_is_honoured_only_where_the_service_says_so() {
    let (at, mut told) = proxy("127.0.0.1:1".parse().unwrap(), "").await;
    let keys = "url = \"http://localhost:1/\"";
    let probe = in_environment(keys, at, true).unwrap();
    check_up(&probe.run().await);
    let asked = told.recv().await.unwrap();
    assert!(asked.contains("Basic bmluZXM6c2VjcmV0"), "{asked}");
    let excepted = "url = \"http://127.0.0.1:1/\"";
    let direct = "url = \"http://localhost:1/\"\nproxy = \"direct\"";
    for (keys, honoured) in [(keys, false), (excepted, true), (direct, true)] {
        let finding = in_environment(keys, at, honoured).unwrap().run().await;
        check_down(&finding, Reason::Refused, "connection refused");
    }
    let resolved = "url = \"http://localhost:1/\"\nresolve = \"127.0.0.2\"";
    let told = in_environment(resolved, at, true).unwrap_err();
    assert!(told.contains("the proxy resolves the host"), "{told}");
    assert!(in_environment(resolved, at, false).is_ok());
}
