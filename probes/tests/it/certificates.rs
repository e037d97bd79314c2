//! TLS servers with good and bad certificates, made for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use domain::sample::Reason;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Credentials, day, ending_in, params, refuse_http2};
use crate::servers::{answer, ask, check_down, check_up, head, say, serve, spec, write};

#[tokio::test]
async fn a_good_certificate_is_up_and_its_end_is_kept() {
    let authority = Authority::new();
    let mut params = params();
    params.not_after = date_time_ymd(2049, 5, 6);
    let finding = authority.finding(authority.issue(&params)).await;
    check_up(&finding);
    let ends_at: Timestamp = "2049-05-06T00:00:00Z".parse().unwrap();
    assert_eq!(finding.certificate_ends_at, Some(ends_at));
    assert!(finding.phases.tls_us.is_some());
}

#[tokio::test]
async fn http2_is_used_if_both_sides_support_it() {
    let authority = Authority::new();
    let at = authority
        .serve_after(Duration::ZERO, &["h2", "http/1.1"], authority.good())
        .await;
    let mut spec = authority.spec(at);
    spec.set("headers.X-Key", "k");
    spec.set(
        "expect.body_matches",
        format!(
            r#"^HTTP/2.0 https://localhost:{}/\?token=secret .*"x-key": "k""#,
            at.port()
        ),
    );
    let finding = ask(spec).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some() && finding.phases.transfer_us.is_some());
}

/// HTTP/2 could keep one connection for both runs.
#[tokio::test]
async fn each_run_over_http2_makes_a_connection_of_its_own() {
    let authority = Authority::new();
    let at = authority
        .serve_after(Duration::ZERO, &["h2"], authority.good())
        .await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    let before = serve("127.0.0.1:0", move |mut outer| {
        counted.fetch_add(1, Relaxed);
        async move {
            let mut inner = TcpStream::connect(at).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        }
    })
    .await;
    let mut spec = authority.spec(before);
    spec.set("expect.body_contains", "HTTP/2.0");
    let probe = spec.probe();
    check_up(&probe.run().await);
    check_up(&probe.run().await);
    assert_eq!(accepted.load(Relaxed), 2);
}

#[tokio::test]
async fn http11_is_spoken_if_the_server_or_the_configuration_asks_for_it() {
    let authority = Authority::new();
    for whole_connection in [false, true] {
        let acceptor = authority.good().acceptor(&["h2", "http/1.1"]);
        let at = serve("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    refuse_http2(stream, whole_connection).await;
                } else {
                    head(&mut stream).await;
                    say(&mut stream, answer(200, "hello")).await;
                    let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
                }
            }
        })
        .await;
        let finding = ask(authority.spec(at).with("expect.body_contains", "hello")).await;
        check_up(&finding);
    }
    let both = authority
        .serve_after(Duration::ZERO, &["h2", "http/1.1"], authority.good())
        .await;
    let spec = authority.spec(both).with("http", "1.1");
    check_up(&ask(spec.with("expect.body_matches", "^hello$")).await);
    let only = authority
        .serve_after(Duration::ZERO, &["h2"], authority.good())
        .await;
    let finding = ask(authority.spec(only).with("http", "1.1")).await;
    assert_eq!(finding.reason, Some(Reason::Tls), "{finding:?}");
}

#[tokio::test]
async fn http2_has_the_same_limits() {
    let authority = Authority::new();
    let at = authority
        .serve_after(Duration::ZERO, &["h2"], authority.good())
        .await;
    let mut spec = authority.spec(at);
    spec.set("url", format!("https://localhost:{}/endless", at.port()));
    check_up(&ask(spec.clone()).await);
    spec.set("expect.body_contains", "never");
    check_down(
        &ask(spec.clone()).await,
        Reason::Protocol,
        "longer than 4 MiB",
    );
    spec.clear("expect");
    for (path, words) in [
        ("990/20", None),
        ("1001/20", Some("more than 1000 headers")),
        ("70/1000", Some("longer than 64 KiB")),
        ("9000/20", Some("more than 1000 headers")),
    ] {
        let url = format!("https://localhost:{}/headers/{path}", at.port());
        let finding = ask(spec.clone().with("url", url)).await;
        match words {
            Some(words) => check_down(&finding, Reason::Protocol, words),
            None => check_up(&finding),
        }
    }
    spec.set("url", format!("https://localhost:{}/never", at.port()));
    spec.timeout = Duration::from_millis(600);
    let finding = ask(spec).await;
    check_down(&finding, Reason::Timeout, "waiting for the first byte");
}

#[tokio::test]
async fn a_redirect_may_lead_from_plain_to_secure() {
    let authority = Authority::new();
    let secure = authority
        .serve_after(Duration::ZERO, &["h2"], authority.good())
        .await;
    let at = crate::servers::says(format!(
        "HTTP/1.1 301 X\r\nLocation: https://localhost:{}/\r\n\r\n",
        secure.port()
    ))
    .await;
    let mut spec = spec(format!("http://{at}/"));
    spec.set("ca_file", authority.file());
    spec.set("redirects", 1);
    let finding = ask(spec).await;
    check_up(&finding);
    assert!(finding.phases.tls_us.is_some() && finding.phases.resolve_us.is_some());
    assert!(finding.certificate_ends_at.is_some());
}

#[tokio::test]
async fn a_redirect_is_checked_by_the_certificate_of_its_target() {
    let authority = Authority::new();
    let params = CertificateParams::new(["other.example".to_owned()]).unwrap();
    let secure = authority
        .serve_after(Duration::ZERO, &[], authority.issue(&params))
        .await;
    let at = crate::servers::says(format!(
        "HTTP/1.1 302 X\r\nLocation: https://localhost:{}/\r\n\r\n",
        secure.port()
    ))
    .await;
    let mut spec = spec(format!("http://{at}/"));
    spec.set("ca_file", authority.file());
    spec.set("redirects", 1);
    let finding = ask(spec).await;
    check_down(&finding, Reason::Certificate, "not localhost");
}

#[tokio::test]
async fn an_expired_certificate_says_since_when() {
    let authority = Authority::new();
    let params = ending_in(-3, params());
    let finding = authority.finding(authority.issue(&params)).await;
    let day = finding.certificate_ends_at.unwrap();
    let words = format!("expired 3 days ago ({})", &day.to_string()[..10]);
    check_down(&finding, Reason::Certificate, &words);
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_says_when() {
    let authority = Authority::new();
    let mut params = params();
    let (y, m, d) = day(3);
    params.not_before = date_time_ymd(y, m, d);
    let finding = authority.finding(authority.issue(&params)).await;
    check_down(&finding, Reason::Certificate, "not valid until ");
}

#[tokio::test]
async fn a_self_signed_certificate_is_named_as_such() {
    let authority = Authority::new();
    let own = |is_ca: IsCa, ends: i64| {
        let key = KeyPair::generate().unwrap();
        let mut params = ending_in(ends, params());
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap();
        Credentials {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    };
    let finding = authority.finding(own(IsCa::NoCa, 9)).await;
    check_down(&finding, Reason::Certificate, "self-signed");
    assert!(finding.certificate_ends_at.is_some());
    let finding = authority.finding(own(IsCa::NoCa, -2)).await;
    check_down(&finding, Reason::Certificate, "expired 2 days ago");
    // As `openssl req -x509` makes them: an authority's, too.
    let authority_s = || IsCa::Ca(BasicConstraints::Unconstrained);
    let finding = authority.finding(own(authority_s(), 9)).await;
    check_down(&finding, Reason::Certificate, "self-signed");
    let finding = authority.finding(own(authority_s(), -2)).await;
    check_down(&finding, Reason::Certificate, "expired 2 days ago");
}

#[tokio::test]
async fn a_certificate_of_an_authority_used_by_a_server_is_named_as_such() {
    let authority = Authority::new();
    let mut params = ending_in(9, params());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let finding = authority.finding(authority.issue(&params)).await;
    let wanted = "an authority's own, not a server's";
    check_down(&finding, Reason::Certificate, wanted);
}

#[tokio::test]
async fn a_self_signed_certificate_that_the_operator_names_is_trusted_while_it_lasts() {
    for (ends, name, good) in [
        (9, "localhost", true),
        (-2, "localhost", false),
        (9, "other.example", false),
    ] {
        let authority = Authority::new();
        let key = KeyPair::generate().unwrap();
        let mut params = ending_in(ends, CertificateParams::new([name.to_string()]).unwrap());
        // As `openssl req -x509` makes them: marked as an authority.
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        write(authority.file(), &certificate.pem());
        let finding = authority
            .finding(Credentials {
                chain: vec![certificate.der().clone()],
                key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            })
            .await;
        if good {
            check_up(&finding);
        } else {
            assert_eq!(finding.reason, Some(Reason::Certificate), "{finding:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_names_both() {
    let authority = Authority::new();
    let names = ["other.example", "third.example", "fourth.example"].map(String::from);
    let params = CertificateParams::new(names).unwrap();
    let finding = authority.finding(authority.issue(&params)).await;
    let words = "is for other.example, third.example and 1 more, not localhost";
    check_down(&finding, Reason::Certificate, words);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_names_it() {
    let (known, stranger) = (Authority::new(), Authority::named("Stranger"));
    let finding = known.finding(stranger.good()).await;
    let words = "issued by Stranger, not trusted here";
    check_down(&finding, Reason::Certificate, words);
    // An authority that changed its key, or an impostor with its name.
    let finding = known.finding(Authority::new().good()).await;
    let words = "not signed with the key of Test Authority that is trusted here";
    check_down(&finding, Reason::Certificate, words);
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning_and_no_impairment() {
    let authority = Authority::new();
    let params = ending_in(6, params());
    let at = authority
        .serve_after(Duration::ZERO, &[], authority.issue(&params))
        .await;
    let spec = authority.spec(at);
    for (days, soon) in [(Some(5), false), (Some(7), true), (None, true)] {
        let mut spec = spec.clone();
        if let Some(days) = days {
            spec.set("expect.certificate_days", days);
        }
        let finding = ask(spec).await;
        check_up(&finding);
        assert_eq!(finding.certificate_ends_soon, soon, "{days:?}");
    }
}

/// An authority below `above`, whose certificate has these last days, and its credentials.
fn below(
    above: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    ends: i64,
) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = ending_in(ends, CertificateParams::new([]).unwrap());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), above).unwrap()
}

/// A good certificate of `issuer`, presented before the certificates of `more`.
fn presented(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    more: &[&CertifiedIssuer<'static, KeyPair>],
) -> Credentials {
    let key = KeyPair::generate().unwrap();
    let certificate = params().signed_by(&key, issuer).unwrap();
    let mut chain = vec![certificate.der().clone()];
    chain.extend(more.iter().map(|more| more.der().clone()));
    Credentials {
        chain,
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

/// Servers keep needless certificates for clients that trust other authorities.
#[tokio::test]
async fn the_earliest_end_of_the_verified_path_counts() {
    let authority = Authority::new();
    let middle = below(&authority.issuer, "Middle", 40);
    let needless = below(&authority.issuer, "Needless", -30);
    let credentials = presented(&middle, &[&middle, &needless]);
    let finding = authority.finding(credentials).await;
    check_up(&finding);
    let (y, m, d) = day(40);
    let ends_at: Timestamp = format!("{y}-{m:02}-{d:02}T00:00:00Z").parse().unwrap();
    assert_eq!(finding.certificate_ends_at, Some(ends_at));
    assert!(!finding.certificate_ends_soon);
}

#[tokio::test]
async fn a_needless_certificate_is_not_blamed_for_a_refusal() {
    let authority = Authority::new();
    let middle = below(&authority.issuer, "Middle", -3);
    let needless = below(&authority.issuer, "Needless", -9);
    let finding = authority
        .finding(presented(&middle, &[&needless, &middle]))
        .await;
    let words = "an intermediate certificate expired 3 days ago";
    check_down(&finding, Reason::Certificate, words);
    let stranger = Authority::named("Stranger");
    let finding = authority
        .finding(presented(&stranger.issuer, &[&needless]))
        .await;
    let words = "issued by Stranger, not trusted here";
    check_down(&finding, Reason::Certificate, words);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_tls_failure() {
    let authority = Authority::new();
    // It answers any bytes, as plain servers do after enough of them.
    let blunt = serve("127.0.0.1:0", |mut stream| async move {
        say(&mut stream, answer(400, "secret")).await;
        crate::servers::for_ever(stream).await;
    })
    .await;
    let closing = serve("127.0.0.1:0", |stream| async move {
        let _ = stream.readable().await;
        drop(stream);
    })
    .await;
    check_down(
        &ask(authority.spec(blunt)).await,
        Reason::Tls,
        "does not speak TLS",
    );
    let finding = ask(authority.spec(closing)).await;
    check_down(&finding, Reason::Tls, "in the TLS handshake");
}

#[tokio::test]
async fn a_server_that_wants_a_clients_certificate_is_a_tls_failure() {
    let authority = Authority::new();
    let Credentials { chain, key } = authority.good();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let at = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let _ = acceptor.accept(stream).await;
        }
    })
    .await;
    let finding = ask(authority.spec(at)).await;
    check_down(
        &finding,
        Reason::Tls,
        "the server wants a client certificate",
    );
}

#[tokio::test]
async fn a_server_that_ends_tls_without_an_alert_may_end_an_open_ended_body() {
    let authority = Authority::new();
    for (text, good) in [
        ("HTTP/1.1 200 OK\r\n\r\nhello", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false),
    ] {
        let acceptor = authority.good().acceptor(&[]);
        let at = serve("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                head(&mut stream).await;
                say(&mut stream, text).await;
            }
        })
        .await;
        let mut spec = authority.spec(at);
        spec.set("expect.body_contains", "hello");
        let finding = ask(spec).await;
        if good {
            check_up(&finding);
        } else {
            check_down(&finding, Reason::Protocol, "broke off after 5 bytes");
        }
    }
}
