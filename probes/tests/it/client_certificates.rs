//! Client certificates: presented to the configured host alone, and read again when they change.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::sample::Reason;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Credentials};
use crate::files::later;
use crate::servers::{Spec, answer, ask, check_down, check_up, head, say, serve, write};

/// A server that requires a client certificate of `trusted` and then says `text`.
async fn requiring(
    authority: &Authority,
    trusted: &Authority,
    version: &'static SupportedProtocolVersion,
    text: String,
) -> SocketAddr {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.issuer.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
    let Credentials { chain, key } = authority.good();
    let config = ServerConfig::builder_with_protocol_versions(&[version])
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve("127.0.0.1:0", move |stream| {
        let (acceptor, text) = (acceptor.clone(), text.clone());
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                head(&mut stream).await;
                say(&mut stream, text).await;
            }
        }
    })
    .await
}

fn with_client(spec: Spec, (certificate, key): &(String, String)) -> Spec {
    spec.with("client_certificate_file", certificate.as_str())
        .with("client_key_file", key.as_str())
}

#[tokio::test]
async fn a_client_certificate_is_presented_to_a_server_that_wants_one() {
    let (authority, stranger) = (Authority::new(), Authority::named("Stranger"));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let at = requiring(&authority, &authority, version, answer(200, "ready")).await;
        let tls = Spec::of("tls")
            .with("host", "localhost")
            .with("port", i64::from(at.port()))
            .with("ca_file", authority.file())
            .with("send", "hello\r\n\r\n")
            .with("expect", "ready");
        for spec in [authority.spec(at), tls] {
            let known = with_client(spec.clone(), &authority.client("known"));
            check_up(&ask(known).await);
            let unknown = with_client(spec, &stranger.client("unknown"));
            let words = "the server wants a client certificate that it trusts (alert `";
            check_down(&ask(unknown).await, Reason::Tls, words);
        }
    }
}

/// In TLS 1.3 the client's handshake is over before the server has seen the certificate.
#[tokio::test]
async fn a_refusal_after_the_handshake_is_read_without_a_request() {
    let (authority, stranger) = (Authority::new(), Authority::named("Stranger"));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let at = requiring(&authority, &authority, version, String::new()).await;
        for (kind, switch) in [("tls", None), ("mllp", Some("tls"))] {
            let mut spec = Spec::of(kind)
                .with("host", "localhost")
                .with("port", i64::from(at.port()))
                .with("ca_file", authority.file());
            if let Some(switch) = switch {
                spec.set(switch, true);
            }
            check_up(&ask(with_client(spec.clone(), &authority.client("known"))).await);
            let words = "the server wants a client certificate";
            check_down(&ask(spec.clone()).await, Reason::Tls, words);
            let words = "the server wants a client certificate that it trusts (alert `";
            let unknown = with_client(spec, &stranger.client("unknown"));
            check_down(&ask(unknown).await, Reason::Tls, words);
        }
    }
}

#[tokio::test]
async fn a_client_certificate_is_not_presented_to_another_host() {
    let authority = Authority::new();
    let version = &rustls::version::TLS13;
    let other = requiring(&authority, &authority, version, answer(200, "")).await;
    for (host, good) in [("127.0.0.1", false), ("localhost", true)] {
        let to = format!(
            "HTTP/1.1 302 X\r\nLocation: https://{host}:{}/\r\n\r\n",
            other.port()
        );
        let at = requiring(&authority, &authority, version, to).await;
        let spec = with_client(authority.spec(at), &authority.client("known"));
        let finding = ask(spec.with("redirects", 1)).await;
        if good {
            check_up(&finding);
        } else {
            check_down(
                &finding,
                Reason::Tls,
                "the server wants a client certificate",
            );
        }
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_renewed_is_used_by_the_next_probe() {
    let (authority, stranger) = (Authority::new(), Authority::named("Stranger"));
    let version = &rustls::version::TLS13;
    let at = requiring(&authority, &authority, version, answer(200, "")).await;
    let (certificate, key) = stranger.client("client");
    let spec = with_client(authority.spec(at), &(certificate.clone(), key.clone()));
    let probe = spec.probe();
    check_down(&probe.run().await, Reason::Tls, "that it trusts");
    // A certificate without its key is not used: the key follows.
    let (new_certificate, new_key) = authority.client("client");
    write(
        certificate,
        &std::fs::read_to_string(new_certificate).unwrap(),
    );
    check_down(&later(&probe).await, Reason::Tls, "that it trusts");
    write(key, &std::fs::read_to_string(new_key).unwrap());
    check_up(&later(&probe).await);
}

#[test]
fn a_client_certificate_needs_its_key() {
    let authority = Authority::new();
    let (certificate, key) = authority.client("one");
    let (_, other_key) = authority.client("two");
    let spec = || crate::servers::spec("https://a.example/");
    let plain = crate::servers::spec("http://a.example/");
    let both = (certificate.clone(), key.clone());
    for (spec, words) in [
        (
            spec().with("client_certificate_file", certificate.as_str()),
            "this needs `client_key_file`",
        ),
        (
            spec().with("client_key_file", key.as_str()),
            "this needs `client_certificate_file`",
        ),
        (
            with_client(spec(), &(certificate.clone(), other_key)),
            "is not that of the client certificate",
        ),
        (
            with_client(spec(), &(certificate.clone(), certificate)),
            "no private key in PEM form",
        ),
        (
            with_client(spec(), &(key.clone(), key)),
            "no certificate in PEM form",
        ),
        (
            with_client(spec(), &("/nonexistent".into(), "/nonexistent".into())),
            "cannot be read",
        ),
        (with_client(plain, &both), "has no TLS"),
    ] {
        let mistakes = spec.prepare().unwrap_err();
        let said = mistakes.iter().any(|(_, why)| why.contains(words));
        assert!(said, "{words}: {mistakes:?}");
    }
}
