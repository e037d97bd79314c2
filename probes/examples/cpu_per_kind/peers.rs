//! Peers that answer each probe as the first answer of its kind in `probes/tests/corpora/` does.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::Failure;

/// The certificate of the authority, in the folder of the peers.
pub const CA_FILE: &str = "ca.pem";

/// Stands where the peer awaits the next request before it goes on.
const AWAIT: &str = "{await}";

/// Stands for the key of an upgrade to WebSocket.
const ACCEPT: &str = "{accept}";

/// The kind, the least length of a request, and the answer.
const ANSWERS: &[(&str, usize, &[u8])] = &[
    ("http", 1, include_bytes!("../../tests/corpora/http/plain")),
    (
        "journey",
        1,
        include_bytes!("../../tests/corpora/journey/form"),
    ),
    ("tcp", 1, b""),
    (
        "mllp",
        1,
        include_bytes!("../../tests/corpora/mllp/accepted"),
    ),
    (
        "dicom",
        1,
        include_bytes!("../../tests/corpora/dicom/one-unit"),
    ),
    // These servers speak first.
    (
        "smtp",
        0,
        include_bytes!("../../tests/corpora/smtp/postfix"),
    ),
    (
        "ssh",
        0,
        include_bytes!("../../tests/corpora/ssh/key-exchange"),
    ),
    (
        "fhir",
        1,
        include_bytes!("../../tests/corpora/fhir/statement"),
    ),
    (
        "postgres",
        1,
        include_bytes!("../../tests/corpora/postgres/one-row"),
    ),
    // The preface of HTTP/2 comes before the request.
    (
        "grpc",
        150,
        include_bytes!("../../tests/corpora/grpc/serving"),
    ),
    (
        "mqtt",
        1,
        include_bytes!("../../tests/corpora/mqtt/accepted"),
    ),
    ("ldap", 1, include_bytes!("../../tests/corpora/ldap/root")),
    (
        "websocket",
        1,
        include_bytes!("../../tests/corpora/websocket/text"),
    ),
];

/// Prints the name and the address of each peer, then an empty line. Ends when the standard input does.
pub async fn serve(folder: &Path) -> Result<(), Failure> {
    for (name, least, answer) in ANSWERS {
        println!("{name} {}", over_tcp(None, *least, answer).await?);
    }
    let acceptor = authority(folder)?;
    let plain = include_bytes!("../../tests/corpora/http/plain");
    for (name, answer) in [("tls", &b""[..]), ("https", plain)] {
        println!(
            "{name} {}",
            over_tcp(Some(acceptor.clone()), 1, answer).await?
        );
    }
    let dns = |request: &[u8], answer: &mut [u8]| answer[..2].copy_from_slice(&request[..2]);
    let ntp = |request: &[u8], answer: &mut [u8]| answer[24..32].copy_from_slice(&request[40..48]);
    println!(
        "dns {}",
        over_udp(include_bytes!("../../tests/corpora/dns/address"), dns).await?
    );
    println!(
        "ntp {}",
        over_udp(include_bytes!("../../tests/corpora/ntp/answer"), ntp).await?
    );
    println!();
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await??;
    Ok(())
}

/// A chain of two certificates below the authority of `CA_FILE`.
#[expect(
    clippy::disallowed_methods,
    reason = "half a file would fail this one measurement and nothing else"
)]
fn authority(folder: &Path) -> Result<TlsAcceptor, Failure> {
    let issuing = |name: &str| {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let common_name = rcgen::DnType::CommonName;
        params.distinguished_name.push(common_name, name);
        Ok::<_, rcgen::Error>(params)
    };
    let root = CertifiedIssuer::self_signed(issuing("Root")?, KeyPair::generate()?)?;
    std::fs::write(folder.join(CA_FILE), root.pem())?;
    let middle = CertifiedIssuer::signed_by(issuing("Middle")?, KeyPair::generate()?, &root)?;
    let key = KeyPair::generate()?;
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = CertificateParams::new(names)?.signed_by(&key, &middle)?;
    let chain = vec![server.der().clone(), middle.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn over_tcp(
    acceptor: Option<TlsAcceptor>,
    least: usize,
    answer: &'static [u8],
) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A probe may close the connection at any time.
                let _ = stream.set_nodelay(true);
                let _ = match acceptor {
                    None => talk(stream, least, answer).await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => talk(stream, least, answer).await,
                        Err(error) => Err(error),
                    },
                };
            });
        }
    });
    Ok(at)
}

async fn talk<S>(mut stream: S, least: usize, answer: &[u8]) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut asked = Vec::with_capacity(4096);
    while asked.len() < least {
        if stream.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    let asked = String::from_utf8_lossy(&asked);
    let mut answer = answer.to_vec();
    if asked.contains(" /next") {
        // The page that a journey goes on to.
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    }
    if let Some(at) = find(&answer, ACCEPT) {
        let key = asked.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("sec-websocket-key")
                .then_some(value)
        });
        let key = derive_accept_key(key.unwrap_or_default().as_bytes());
        answer.splice(at..at + ACCEPT.len(), key.into_bytes());
    }
    let mut rest = &answer[..];
    while let Some(at) = find(rest, AWAIT) {
        stream.write_all(&rest[..at]).await?;
        stream.flush().await?;
        if stream.read(&mut [0; 4096]).await? == 0 {
            return Ok(());
        }
        rest = &rest[at + AWAIT.len()..];
    }
    stream.write_all(rest).await?;
    stream.shutdown().await?;
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

fn find(bytes: &[u8], wanted: &str) -> Option<usize> {
    let wanted = wanted.as_bytes();
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

async fn over_udp(answer: &[u8], fit: fn(&[u8], &mut [u8])) -> Result<SocketAddr, Failure> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let at = socket.local_addr()?;
    let mut answer = answer.to_vec();
    tokio::spawn(async move {
        let mut request = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            fit(&request[..length], &mut answer);
            let _ = socket.send_to(&answer, from).await;
        }
    });
    Ok(at)
}
