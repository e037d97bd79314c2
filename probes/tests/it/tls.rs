//! TLS servers that present good and bad certificates, answer, or do not. `certificates.rs` holds the
//! finer points of a chain, which all kinds share.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use rcgen::{CertificateParams, date_time_ymd};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::authority::{Authority, Credentials, day, ending_in, params};
use crate::servers::{Spec, ask, check_down, check_up, for_ever, head, serve};
use crate::servers::{pause, say};

/// Serves each connection with `script` after the handshake.
async fn serve_tls<F, Fut>(credentials: Credentials, protocols: &[&str], script: F) -> SocketAddr
where
    F: Fn(TlsStream<TcpStream>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let acceptor = credentials.acceptor(protocols);
    serve("127.0.0.1:0", move |stream| {
        let (acceptor, script) = (acceptor.clone(), script.clone());
        async move {
            stream.set_nodelay(true).unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                script(stream).await;
            }
        }
    })
    .await
}

/// A probe of `localhost` that trusts this authority.
fn spec(authority: &Authority, at: SocketAddr) -> Spec {
    Spec::of("tls")
        .with("host", "localhost")
        .with("port", i64::from(at.port()))
        .with("ca_file", authority.file())
}

async fn finding(authority: &Authority, params: &CertificateParams) -> probes::Finding {
    let at = serve_tls(authority.issue(params), &[], for_ever).await;
    ask(spec(authority, at)).await
}

#[tokio::test]
async fn a_good_certificate_is_up_and_its_end_is_kept() {
    let authority = Authority::new();
    let mut params = params();
    params.not_after = date_time_ymd(2049, 5, 6);
    let finding = finding(&authority, &params).await;
    check_up(&finding);
    let ends_at = "2049-05-06T00:00:00Z".parse().unwrap();
    assert_eq!(finding.certificate_ends_at, Some(ends_at));
    let phases = finding.phases;
    assert!(phases.resolve_us.is_some() && phases.connect_us.is_some() && phases.tls_us.is_some());
    assert_eq!(phases.processing_us.or(phases.transfer_us), None);
}

#[tokio::test]
async fn a_bad_certificate_says_why() {
    let authority = Authority::new();
    let mut later = params();
    let (y, m, d) = day(3);
    later.not_before = date_time_ymd(y, m, d);
    let other = CertificateParams::new(["other.example".to_owned()]).unwrap();
    for (params, words) in [
        (ending_in(-3, params()), "expired 3 days ago"),
        (later, "not valid until "),
        (other, "is for other.example, not localhost"),
    ] {
        let finding = finding(&authority, &params).await;
        check_down(&finding, Reason::Certificate, words);
        assert!(finding.certificate_ends_at.is_some());
    }
    let stranger = Authority::named("Stranger");
    let at = serve_tls(stranger.good(), &[], for_ever).await;
    let words = "issued by Stranger, not trusted here";
    check_down(&ask(spec(&authority, at)).await, Reason::Certificate, words);
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning_and_no_impairment() {
    let authority = Authority::new();
    let credentials = authority.issue(&ending_in(6, params()));
    let at = serve_tls(credentials, &[], for_ever).await;
    for (days, soon) in [(5, false), (7, true)] {
        let finding = ask(spec(&authority, at).with("certificate_days", days)).await;
        check_up(&finding);
        assert_eq!(finding.certificate_ends_soon, soon, "{days}");
    }
}

#[tokio::test]
async fn the_server_name_is_sent_and_checked() {
    let authority = Authority::new();
    let params = CertificateParams::new(["ldap.example.org".to_owned()]).unwrap();
    let at = serve_tls(authority.issue(&params), &[], |mut stream| async move {
        let name = stream.get_ref().1.server_name().map(str::to_owned);
        say(&mut stream, format!("hello {}", name.unwrap_or_default())).await;
        for_ever(stream).await;
    })
    .await;
    let spec = spec(&authority, at).with("expect", "hello ldap.example.org");
    check_up(&ask(spec.clone().with("server_name", "LDAP.example.org")).await);
    let words = "is for ldap.example.org, not www.example.org";
    let finding = ask(spec.with("server_name", "www.example.org")).await;
    check_down(&finding, Reason::Certificate, words);
}

#[tokio::test]
async fn a_server_of_any_protocol_accepts_the_handshake() {
    let authority = Authority::new();
    let at = serve_tls(authority.good(), &["dicom"], for_ever).await;
    check_up(&ask(spec(&authority, at)).await);
}

#[tokio::test]
async fn the_probe_ends_the_connection_in_order() {
    let authority = Authority::new();
    let (report, reported) = std::sync::mpsc::channel();
    let at = serve_tls(authority.good(), &[], move |mut stream| {
        let report = report.clone();
        async move {
            let end = tokio::io::AsyncReadExt::read(&mut stream, &mut [0]).await;
            report.send(end.map_err(|error| error.to_string())).unwrap();
        }
    })
    .await;
    check_up(&ask(spec(&authority, at)).await);
    let end = tokio::task::spawn_blocking(move || reported.recv());
    assert_eq!(end.await.unwrap().unwrap(), Ok(0));
}

#[tokio::test]
async fn the_expected_text_is_found_in_a_greeting_and_in_an_answer() {
    let authority = Authority::new();
    let at = serve_tls(authority.good(), &[], |mut stream| async move {
        say(&mut stream, "* OK imap re").await;
        pause(Duration::from_millis(50)).await;
        say(&mut stream, "ady\r\n").await;
        let asked = head(&mut stream).await;
        say(&mut stream, format!("{}: fine", asked.trim())).await;
        for_ever(stream).await;
    })
    .await;
    let spec = spec(&authority, at);
    let finding = ask(spec.clone().with("expect", "imap ready")).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some());
    assert!(finding.phases.transfer_us.is_some_and(|us| us >= 25_000));
    let asking = spec
        .with("send", "NOOP\r\n\r\n")
        .with("expect", "NOOP: fine");
    check_up(&ask(asking).await);
}

#[tokio::test]
async fn an_answer_without_the_expected_text_is_not_shown() {
    let authority = Authority::new();
    let endless = serve_tls(authority.good(), &[], |mut stream| async move {
        say(&mut stream, "secret".repeat(20_000)).await;
        for_ever(stream).await;
    })
    .await;
    let ending = serve_tls(authority.good(), &[], |mut stream| async move {
        say(&mut stream, "secret").await;
    })
    .await;
    let waiting = serve_tls(authority.good(), &[], |mut stream| async move {
        say(&mut stream, "secret").await;
        for_ever(stream).await;
    })
    .await;
    for (at, words) in [
        (endless, "the first 64 KiB of the answer lack `ready`"),
        (ending, "the answer ended and lacks `ready`"),
        (waiting, "the answer lacks `ready`"),
    ] {
        let mut spec = spec(&authority, at).with("expect", "ready");
        spec.timeout = Duration::from_secs(2);
        check_down(&ask(spec).await, Reason::Body, words);
    }
}

#[tokio::test]
async fn a_server_without_an_answer_has_a_reason() {
    let authority = Authority::new();
    let plain = serve("127.0.0.1:0", |mut stream| async move {
        say(&mut stream, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        for_ever(stream).await;
    })
    .await;
    let closing = serve_tls(authority.good(), &[], async |stream| drop(stream)).await;
    let silent = serve_tls(authority.good(), &[], for_ever).await;
    let mute = serve("127.0.0.1:0", for_ever).await;
    let short = Duration::from_millis(400);
    for (at, reason, words) in [
        (plain, Reason::Tls, "the server does not speak TLS"),
        (closing, Reason::Protocol, "closed before an answer"),
        (silent, Reason::Timeout, "waiting for the first byte"),
        (mute, Reason::Timeout, "in the TLS handshake"),
    ] {
        let mut spec = spec(&authority, at).with("expect", "ready");
        if reason == Reason::Timeout {
            spec.timeout = short;
        }
        check_down(&ask(spec).await, reason, words);
    }
}

#[tokio::test]
async fn a_text_to_send_needs_an_expected_one() {
    let authority = Authority::new();
    let at = SocketAddr::from(([127, 0, 0, 1], 1));
    let spec = spec(&authority, at).with("send", "NOOP\r\n");
    let mistakes = spec.prepare().unwrap_err();
    assert!(mistakes[0].1.contains("without `expect`"), "{mistakes:?}");
}
