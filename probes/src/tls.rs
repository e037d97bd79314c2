//! TLS for every probe that uses it: the trusted authorities, the handshake, and the presented chain,
//! which is recorded even if it is refused. A refused certificate must never be accepted. A session is
//! never resumed, since a resumed handshake presents no chain.

mod chain;
mod errors;
mod identity;
mod verifier;
mod version;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use domain::sample::Reason;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::dial::Host;
use crate::fault::Fault;
use crate::files::{Changing, Current};
use crate::trace::{Phase, Trace};
pub(crate) use errors::later as later_failure;
use identity::Identity;
pub(crate) use identity::files as identity_files;
use verifier::{PRESENTED, Presented, Recorder};
pub(crate) use version::{TlsVersion, Versions};

/// Probes that are prepared within this time share a client configuration: loading thousands of probes
/// reads the authorities once, and a reload reads them again.
const SHARED_FOR: Duration = Duration::from_secs(10);

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 4 << 20;

/// Makes aws-lc-rs the process's default provider of cryptography. Later calls do nothing.
pub fn install_crypto() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have installed the same provider first.
        drop(aws_lc_rs::default_provider().install_default());
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

/// The protocols that a client offers (ALPN), the best one first. Empty offers none: a server that only
/// speaks others may refuse the handshake.
pub(crate) type Protocols = &'static [&'static [u8]];

/// The TLS client of a probe.
#[derive(Clone)]
pub(crate) struct Client {
    connectors: Current<Connectors>,
    protocols: Protocols,
    versions: Versions,
    /// True if it presents no client certificate.
    anonymous: bool,
}

struct Connectors {
    anonymous: TlsConnector,
    /// With the client certificate; `None` if there is none.
    identified: Option<TlsConnector>,
}

/// The files of a client, which are read again when they change, and its versions of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// Certificate authorities (PEM) beside those of the machine.
    pub(crate) ca_file: Option<PathBuf>,
    /// The client certificate with its intermediates, and its key (PEM).
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) versions: Versions,
}

/// A `TlsConnector` has no `Debug`.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// # Errors
    ///
    /// A file cannot be read or used; or this machine trusts no authority.
    pub(crate) fn new(paths: &Paths, protocols: Protocols) -> Result<Self, String> {
        struct Shared {
            paths: Paths,
            files: Vec<(PathBuf, Vec<u8>)>,
            protocols: Protocols,
            made_at: Instant,
            client: Client,
        }
        static SHARED: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

        let read = |path: &Path| {
            let content = values::file::read(path, LARGEST_FILE);
            let content = content.map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            Ok::<_, String>((path.to_owned(), content))
        };
        let identity = paths.identity.iter().flat_map(|(chain, key)| [chain, key]);
        let files = paths.ca_file.iter().chain(identity);
        let files: Vec<_> = files.map(|path| read(path)).collect::<Result<_, _>>()?;
        // A thread that panicked here left whole entries behind.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|s| s.made_at.elapsed() < SHARED_FOR);
        let found = shared
            .iter()
            .find(|s| s.paths == *paths && s.files == files && s.protocols == protocols);
        if let Some(found) = found {
            return Ok(found.client.clone());
        }
        let connectors = match files.as_slice() {
            [] => Current::fixed(connectors(None, None, paths.versions)?),
            files => {
                let (has_ca, versions) = (paths.ca_file.is_some(), paths.versions);
                Current::of_files(files.to_vec(), move |contents| {
                    let (ca, identity) = contents.split_at(usize::from(has_ca));
                    let ca = ca.first().map(Vec::as_slice);
                    connectors(ca, identity.split_first(), versions)
                })?
            }
        };
        let client = Client {
            connectors,
            protocols,
            versions: paths.versions,
            anonymous: false,
        };
        shared.push(Shared {
            paths: paths.clone(),
            files,
            protocols,
            made_at: Instant::now(),
            client: client.clone(),
        });
        Ok(client)
    }

    /// The same client with other protocols.
    pub(crate) fn offering(&self, protocols: Protocols) -> Self {
        Client {
            protocols,
            ..self.clone()
        }
    }

    /// The same client without a client certificate.
    pub(crate) fn anonymous(&self) -> Self {
        Client {
            anonymous: true,
            ..self.clone()
        }
    }

    pub(crate) fn files(&self) -> Option<Arc<dyn Changing>> {
        self.connectors.files()
    }

    /// Does the handshake and records the presented chain in the trace.
    pub(crate) async fn handshake(
        &self,
        name: ServerName<'static>,
        tcp: TcpStream,
        trace: &mut Trace<'_>,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        trace.enter(Phase::Tls);
        // The client's last message and the request after it are small segments in a row, which Nagle's
        // algorithm would hold back. Fails only if the peer has already reset the connection.
        tcp.set_nodelay(true)
            .map_err(|error| errors::handshake(&error, &Presented::default(), self.versions))?;
        self.handshake_over(name, tcp, trace).await
    }

    /// Does the handshake over a stream that need not be a socket.
    pub(crate) async fn handshake_over<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: ServerName<'static>,
        stream: S,
        trace: &mut Trace<'_>,
    ) -> Result<TlsStream<S>, Fault> {
        let protocols = self.protocols.iter().map(|name| name.to_vec()).collect();
        let connectors = self.connectors.get();
        let connector = match &connectors.identified {
            Some(identified) if !self.anonymous => identified,
            _ => &connectors.anonymous,
        };
        let connect = connector.with_alpn(protocols).connect(name, stream);
        let record = Presented {
            chain: trace.is_read().then(Vec::new),
            ..Presented::default()
        };
        let mut connect = pin!(PRESENTED.scope(RefCell::new(record), connect));
        let result = connect.as_mut().await;
        let presented = connect.take_value().map(RefCell::into_inner);
        let presented = presented.unwrap_or_default();
        for line in presented.chain.iter().flatten() {
            trace.note(|| line.clone());
        }
        trace.saw(presented.certificate);
        trace.client_certificate_asked |= presented.client_certificate == Some(false);
        trace.refusal_may_follow |= presented.client_certificate.is_some();
        let stream = result.map_err(|error| match &presented.refused {
            Some(why) => Fault::new(Reason::Certificate, why.as_str()),
            None => errors::handshake(&error, &presented, self.versions),
        })?;
        trace.note(|| in_words(&stream));
        Ok(stream)
    }
}

/// A client that trusts this machine's authorities and those of `ca_file` (PEM), and presents no certificate, for
/// connections that are not probes.
///
/// # Errors
///
/// The file cannot be used, or this machine trusts no authority.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let read = |path: &Path| {
        let content = values::file::read(path, LARGEST_FILE);
        content.map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let more = ca_file.map(read).transpose()?;
    let (roots, _) = trusted(more.as_deref())?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The name that the certificate of `host` must have.
///
/// # Errors
///
/// No certificate can have it.
pub(crate) fn server_name(host: &Host) -> Result<ServerName<'static>, String> {
    match host {
        Host::Address(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Name(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            ServerName::try_from(name.to_owned())
                .map_err(|_| format!("no certificate can be for the host name {name}"))
        }
    }
}

/// Trusts the system's authorities and the certificates in `more` (PEM). `identity` is the client certificate
/// and its key.
fn connectors(
    more: Option<&[u8]>,
    identity: Option<(&Vec<u8>, &[Vec<u8>])>,
    versions: Versions,
) -> Result<Connectors, String> {
    let (roots, pinned) = trusted(more)?;
    let provider = provider();
    let recorder = Recorder::new(roots, pinned, &provider).map_err(|e| e.to_string())?;
    let recorder = Arc::new(recorder);
    let identity = identity
        .map(|(chain, key)| identity::certified(chain, key.first().map_or(&[], Vec::as_slice)))
        .transpose()?;
    Ok(Connectors {
        anonymous: connector(&recorder, None, versions)?,
        identified: identity
            .map(|identity| connector(&recorder, Some(Arc::new(identity)), versions))
            .transpose()?,
    })
}

/// This machine's authorities with those in `more` (PEM), and the latter alone.
fn trusted(more: Option<&[u8]>) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut pinned = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(more.unwrap_or_default()) {
        let certificate = certificate.map_err(|e| format!("this file is not PEM: {e}"))?;
        roots
            .add(certificate.clone())
            .map_err(|e| format!("this file holds an unreadable certificate: {e}"))?;
        pinned.push(certificate.into_owned());
    }
    if more.is_some() && pinned.is_empty() {
        return Err("this file holds no certificate in PEM form".into());
    }
    if roots.is_empty() {
        return Err(
            "this machine trusts no certificate authority: install its `ca-certificates`, \
             or name a `ca_file`"
                .into(),
        );
    }
    Ok((roots, pinned))
}

/// The longest wait for a server's last word on a client certificate.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Ends a connection on which nothing is to be read any more. In TLS 1.3 a server refuses a client certificate, or the
/// lack of one, after the client's handshake is over: if it asked for one, its answer to the end is awaited.
pub(crate) async fn end<S>(
    stream: &mut S,
    deadline: Instant,
    trace: &mut Trace<'_>,
) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Servers log an error for a connection that ends without a close alert. The verdict does not depend on it.
    let _ = stream.shutdown().await;
    if !trace.refusal_may_follow {
        return Ok(());
    }
    let patience = (Instant::now() + LAST_WORD).min(deadline);
    match timeout_at(patience, read_rest(stream)).await {
        // A server that closes, or says nothing, has not refused.
        Ok(Err(error)) => later_failure(&error).map_or(Ok(()), Err),
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

/// The most bytes that are read while a connection ends. A peer that sends more does not end it.
const REST: usize = 64 * 1024;

/// Discards what the peer sends until it ends the connection.
pub(crate) async fn read_rest<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut rest = [0; 1024];
    let mut read = 0;
    while read <= REST {
        match stream.read(&mut rest).await? {
            0 => break,
            length => read += length,
        }
    }
    Ok(())
}

/// `TLS 1.3 with TLS13_AES_256_GCM_SHA384`.
fn in_words<S>(stream: &TlsStream<S>) -> String {
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    match connection.negotiated_cipher_suite() {
        Some(suite) => format!("{version} with {:?}", suite.suite()),
        None => version.to_owned(),
    }
}

fn connector(
    recorder: &Arc<Recorder>,
    identity: Option<Arc<CertifiedKey>>,
    versions: Versions,
) -> Result<TlsConnector, String> {
    let verifier = Arc::<Recorder>::clone(recorder);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions.offered())
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(Identity(identity)));
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}
