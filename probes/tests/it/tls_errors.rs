//! Failed handshakes in plain words. `tests/peers/probe_tls.py` shows them with a real server.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::sample::Reason;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Credentials};
use crate::servers::{Spec, answer, ask, check_down, check_up, head, say, serve};

/// Answers the first message with this alert.
async fn alerts(number: u8) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| async move {
        let _ = stream.readable().await;
        // An alert record of TLS 1.2: fatal, and its number.
        say(&mut stream, [21, 3, 3, 0, 2, 2, number]).await;
        crate::servers::for_ever(stream).await;
    })
    .await
}

#[tokio::test]
async fn an_alert_is_said_in_plain_words() {
    let authority = Authority::new();
    for (number, words) in [
        (
            40,
            "no cipher suite in common, or no curve (alert `handshake failure`)",
        ),
        (71, "no cipher suite in common"),
        (
            70,
            "no protocol version in common: the probe speaks TLS 1.2 and 1.3",
        ),
        (112, "the server does not know this name"),
        (120, "none of the offered protocols"),
        (116, "the server wants a client certificate"),
        (
            80,
            "the server ended the handshake with alert `internal error`",
        ),
        (200, "alert 200"),
    ] {
        let finding = ask(authority.spec(alerts(number).await)).await;
        check_down(&finding, Reason::Tls, words);
    }
}

/// A server that asks for a client certificate and requires it, in this version of TLS.
fn requiring(
    authority: &Authority,
    version: &'static rustls::SupportedProtocolVersion,
) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .unwrap();
    let Credentials { chain, key } = authority.good();
    ServerConfig::builder_with_protocol_versions(&[version])
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap()
}

#[tokio::test]
async fn a_server_that_requires_a_client_certificate_says_so_in_each_version() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let acceptor = TlsAcceptor::from(Arc::new(requiring(&authority, version)));
        let at = serve("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let _ = acceptor.accept(stream).await;
            }
        })
        .await;
        let tls = Spec::of("tls")
            .with("host", "localhost")
            .with("port", i64::from(at.port()))
            .with("ca_file", authority.file())
            .with("expect", "ready");
        for spec in [authority.spec(at), tls] {
            let words = "the server wants a client certificate";
            check_down(&ask(spec).await, Reason::Tls, words);
        }
    }
}

/// Some servers close the connection, or answer 403, without a word about the certificate.
#[tokio::test]
async fn a_refusal_after_a_request_for_a_client_certificate_names_it() {
    let authority = Authority::new();
    let hint = "; the server asked for a client certificate";
    for (status, reason, hinted) in [
        (None, Some(Reason::Protocol), true),
        (Some(403), Some(Reason::Status), true),
        (Some(500), Some(Reason::Status), false),
        (Some(200), None, false),
    ] {
        let mut roots = RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated();
        let Credentials { chain, key } = authority.good();
        let config = ServerConfig::builder()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let at = serve("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                head(&mut stream).await;
                if let Some(status) = status {
                    say(&mut stream, answer(status, "")).await;
                }
            }
        })
        .await;
        let finding = ask(authority.spec(at)).await;
        match reason {
            Some(reason) => check_down(&finding, reason, ""),
            None => check_up(&finding),
        }
        let said = finding.detail.unwrap_or_default();
        assert_eq!(said.ends_with(hint), hinted, "{said}");
    }
}

fn speaking(
    authority: &Authority,
    version: &'static rustls::SupportedProtocolVersion,
) -> ServerConfig {
    let Credentials { chain, key } = authority.good();
    ServerConfig::builder_with_protocol_versions(&[version])
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

#[tokio::test]
async fn a_server_below_the_oldest_accepted_version_is_down() {
    let authority = Authority::new();
    for (version, oldest, is_up) in [
        (&rustls::version::TLS12, "1.2", true),
        (&rustls::version::TLS13, "1.3", true),
        (&rustls::version::TLS12, "1.3", false),
    ] {
        let acceptor = TlsAcceptor::from(Arc::new(speaking(&authority, version)));
        let at = serve("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    head(&mut stream).await;
                    say(&mut stream, answer(200, "")).await;
                }
            }
        })
        .await;
        let port = i64::from(at.port());
        let host = |kind| {
            let spec = Spec::of(kind).with("host", "localhost").with("port", port);
            spec.with("ca_file", authority.file())
        };
        for spec in [
            authority.spec(at),
            host("tls"),
            host("mllp").with("tls", true),
        ] {
            let finding = ask(spec.with("min_tls_version", oldest)).await;
            if is_up {
                check_up(&finding);
            } else {
                let words = "no protocol version in common: the probe speaks TLS 1.3 alone";
                check_down(&finding, Reason::Tls, words);
            }
        }
    }
}

#[test]
fn older_versions_cannot_be_accepted_and_need_tls() {
    for (spec, words) in [
        (
            crate::servers::spec("https://a.example/").with("min_tls_version", "1.1"),
            "does not speak TLS 1.1",
        ),
        (
            crate::servers::spec("https://a.example/").with("min_tls_version", "2"),
            "is not a version of TLS",
        ),
        (
            crate::servers::spec("http://a.example/").with("min_tls_version", "1.3"),
            "has no TLS",
        ),
        (
            Spec::of("mllp")
                .with("host", "a.example")
                .with("port", 1)
                .with("min_tls_version", "1.3"),
            "no effect without `tls = true`",
        ),
    ] {
        let wrong = spec.prepare().unwrap_err();
        assert!(
            wrong.iter().any(|(_, why)| why.contains(words)),
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn the_transcript_lists_the_whole_chain_also_of_a_refused_one() {
    let (authority, stranger) = (Authority::new(), Authority::named("Stranger"));
    let acceptor = authority.good().acceptor(&[]);
    let at = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                head(&mut stream).await;
                say(&mut stream, answer(200, "")).await;
            }
        }
    })
    .await;
    for (trusted, is_up) in [(&authority, true), (&stranger, false)] {
        let spec = authority.spec(at).with("ca_file", trusted.file());
        let (finding, notes) = spec.probe().run_with_notes().await;
        assert_eq!(finding.reason.is_none(), is_up, "{finding:?}");
        let lines: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
        let first =
            "certificate 1 of 2: localhost and 2 more, issued by Test Authority, valid from ";
        let second = "certificate 2 of 2: Test Authority, issued by Test Authority, valid from ";
        assert!(
            lines.iter().any(|line| line.starts_with(first)),
            "{lines:?}"
        );
        assert!(
            lines.iter().any(|line| line.starts_with(second)),
            "{lines:?}"
        );
    }
}
