//! A certificate authority for the tests of TLS, and a server that presents its certificates.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use probes::http;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::servers::{Spec, answer, ask, head, pause, say, serve, spec, write};

/// A certificate authority of one test, and the folder of its certificate.
pub struct Authority {
    pub issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// The chain that a server presents, and its key.
pub struct Credentials {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Credentials {
    /// The server's side of a handshake.
    pub fn acceptor(self, protocols: &[&str]) -> TlsAcceptor {
        let Credentials { chain, key } = self;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// For `localhost` and the loopback addresses.
pub fn params() -> CertificateParams {
    let names = ["localhost", "127.0.0.1", "::1"].map(String::from);
    CertificateParams::new(names).unwrap()
}

impl Authority {
    pub fn new() -> Self {
        Authority::named("Test Authority")
    }

    pub fn named(name: &str) -> Self {
        probes::install_crypto();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority { issuer, folder };
        write(authority.file(), &authority.issuer.pem());
        authority
    }

    /// The path of the authority's certificate.
    pub fn file(&self) -> String {
        let file = self.folder.path().join("ca.pem");
        file.to_str().unwrap().to_owned()
    }

    pub fn issue(&self, params: &CertificateParams) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Credentials {
            chain: vec![certificate.der().clone(), self.issuer.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }

    /// Writes a client certificate and its key; returns their paths.
    pub fn client(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| {
            let path = self.folder.path().join(format!("{name}.{end}"));
            path.to_str().unwrap().to_owned()
        };
        let (certificate_file, key_file) = (path("pem"), path("key"));
        write(&certificate_file, &certificate.pem());
        write(&key_file, &key.serialize_pem());
        (certificate_file, key_file)
    }

    pub fn good(&self) -> Credentials {
        self.issue(&params())
    }

    /// A probe of `localhost` that trusts this authority.
    pub fn spec(&self, at: SocketAddr) -> Spec {
        let mut spec = spec(format!("https://localhost:{}/?token=${{TOKEN}}", at.port()));
        spec.set("ca_file", self.file());
        spec
    }

    /// Answers 200 over TLS. The handshake starts after a pause.
    pub async fn serve_after(
        &self,
        late: Duration,
        protocols: &[&str],
        credentials: Credentials,
    ) -> SocketAddr {
        let acceptor = credentials.acceptor(protocols);
        serve("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                pause(late).await;
                // In most of these tests the probe closes the connection here.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    serve_http2(stream).await;
                } else {
                    head(&mut stream).await;
                    say(&mut stream, answer(200, "hello")).await;
                    let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
                }
            }
        })
        .await
    }

    pub async fn finding(&self, credentials: Credentials) -> probes::Finding {
        let at = self.serve_after(Duration::ZERO, &[], credentials).await;
        ask(self.spec(at)).await
    }
}

/// Refuses HTTP/2 for each request, with an error of the stream or of the connection.
pub async fn refuse_http2(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    whole_connection: bool,
) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((_, mut answer))) = connection.accept().await {
        if whole_connection {
            connection.abrupt_shutdown(h2::Reason::HTTP_1_1_REQUIRED);
        } else {
            answer.send_reset(h2::Reason::HTTP_1_1_REQUIRED);
        }
    }
}

/// Answers with the request in the body. `/never` gets no answer, `/endless` too long an answer.
async fn serve_http2(stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) {
    type Asked = hyper::Request<hyper::body::Incoming>;
    let service = hyper::service::service_fn(async |asked: Asked| {
        match asked.uri().path() {
            "/never" => std::future::pending().await,
            "/endless" => {
                let much = "x".repeat(2 * http::BODY_LIMIT);
                return Ok(hyper::Response::new(much));
            }
            path if path.starts_with("/headers/") => return Ok(headers(path)),
            _ => {}
        }
        let said = format!(
            "{:?} {} {:?}",
            asked.version(),
            asked.uri(),
            asked.headers()
        );
        Ok::<_, std::convert::Infallible>(hyper::Response::new(said))
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// `/headers/COUNT/LENGTH`: this many headers of this length.
fn headers(path: &str) -> hyper::Response<String> {
    let mut numbers = path.rsplit('/').map(|number| number.parse().unwrap());
    let (length, count): (usize, usize) = (numbers.next().unwrap(), numbers.next().unwrap());
    let mut response = hyper::Response::new(String::new());
    for _ in 0..count {
        let value = "y".repeat(length).parse().unwrap();
        response.headers_mut().append("x", value);
    }
    response
}

/// The midnight `days` days from today, for `date_time_ymd` of rcgen.
#[expect(
    clippy::disallowed_methods,
    reason = "certificates are checked by the wall clock"
)]
pub fn day(days: i64) -> (i32, u8, u8) {
    let at = Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let [month, day] = [date.month(), date.day()].map(|n| u8::try_from(n).unwrap());
    (i32::from(date.year()), month, day)
}

/// Valid from 2020 to the midnight of that day.
pub fn ending_in(days: i64, mut params: CertificateParams) -> CertificateParams {
    let (y, m, d) = day(days);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(y, m, d);
    params
}
