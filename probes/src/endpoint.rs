//! The server that a probe talks to over one connection: its address, and TLS if it speaks that. Every kind that is
//! neither `http` nor `dns` connects here.

mod prepare;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use values::Source;

use crate::dial::{self, Host};
use crate::fault::Fault;
use crate::files::Changing;
use crate::tls::{self, Client, Paths, TlsVersion, identity_files, server_name};
use crate::trace::{Phase, Trace};
pub(crate) use prepare::{ServerKeys, Way};
pub(crate) use transfer::{broken, closed, receive, send};

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// The host as configured, for people and for locks.
    pub(crate) name: String,
    tls: Option<Tls>,
}

#[derive(Debug)]
struct Tls {
    name: ServerName<'static>,
    client: Client,
}

/// A connection, with TLS or without.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

pub(crate) type Stream = Box<dyn Connection>;

impl Endpoint {
    /// `None` if a mistake leaves nothing to connect to.
    fn new(keys: &ServerKeys, way: &Way, source: &mut Source<'_>) -> Option<Self> {
        let name = match &keys.host.value {
            Host::Name(name) => name.to_string(),
            Host::Address(address) => address.to_string(),
        };
        let tls = if way.tls {
            Some(Tls::new(keys, way.protocols, source)?)
        } else {
            keys.refuse_tls(way.switch, source);
            None
        };
        let resolve = keys.resolve.as_ref();
        Some(Self {
            host: dial::fixed(&keys.host.value, &keys.host.at, resolve, source),
            port: way.port,
            name,
            tls,
        })
    }

    pub(crate) fn first_phase(&self) -> Phase {
        self.host.first_phase()
    }

    pub(crate) fn resolves(&self) -> Option<Arc<str>> {
        self.host.name()
    }

    /// The host as URLs write it: an address of IPv6 in brackets.
    pub(crate) fn url_host(&self) -> String {
        match self.name.contains(':') {
            true => format!("[{}]", self.name),
            false => self.name.clone(),
        }
    }

    pub(crate) fn files(&self) -> Option<Arc<dyn Changing>> {
        self.tls.as_ref()?.client.files()
    }

    /// Connects, and does the TLS handshake if the endpoint uses TLS.
    pub(crate) async fn connect(
        &self,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<Stream, Fault> {
        let tcp = self.dial(deadline, trace).await?;
        self.secure(tcp, trace).await
    }

    /// Connects without TLS.
    pub(crate) async fn dial(
        &self,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<TcpStream, Fault> {
        let tcp = dial::dial(&self.host, self.port, deadline, trace).await?;
        // Requests here are small. Fails only if the peer has already reset the connection.
        tcp.set_nodelay(true)
            .map_err(|_| Fault::protocol("the connection was reset before an answer"))?;
        Ok(tcp)
    }

    /// Does the TLS handshake if the endpoint uses TLS.
    pub(crate) async fn secure(
        &self,
        tcp: TcpStream,
        trace: &mut Trace<'_>,
    ) -> Result<Stream, Fault> {
        match &self.tls {
            None => Ok(Box::new(tcp)),
            Some(tls) => {
                let secured = tls.client.handshake(tls.name.clone(), tcp, trace).await?;
                Ok(Box::new(secured))
            }
        }
    }
}

impl Tls {
    fn new(keys: &ServerKeys, protocols: tls::Protocols, source: &mut Source<'_>) -> Option<Self> {
        let named = keys.server_name.as_ref().unwrap_or(&keys.host);
        let name = server_name(&named.value);
        let name = name.map_err(|why| source.wrong(&named.at, why)).ok();
        let ca_file = keys.ca_file.as_ref();
        let certificate = keys.client_certificate_file.as_ref();
        let paths = Paths {
            ca_file: ca_file.and_then(|file| source.certificates(file)),
            identity: identity_files(certificate, keys.client_key_file.as_ref(), source),
            versions: TlsVersion::of(keys.min_tls_version.as_ref()),
        };
        let at = ca_file.map_or(&keys.host.at, |file| &file.at);
        let client = Client::new(&paths, protocols);
        let client = client.map_err(|why| source.wrong_once(at, why)).ok();
        Some(Self {
            name: name?,
            client: client?,
        })
    }
}

impl ServerKeys {
    fn refuse_tls(&self, switch: &str, source: &mut Source<'_>) {
        let places = [
            self.server_name.as_ref().map(|name| &name.at),
            self.ca_file.as_ref().map(|file| &file.at),
            self.client_certificate_file.as_ref().map(|file| &file.at),
            self.client_key_file.as_ref().map(|file| &file.at),
            self.min_tls_version.as_ref().map(|version| &version.at),
        ];
        for at in places.into_iter().flatten() {
            source.wrong(at, format!("this has no effect without `{switch}`"));
        }
    }
}

/// The longest wait for the peer's end of a connection.
const PARTING: Duration = Duration::from_millis(500);

/// Ends a connection in order, once the verdict stands: a listener that serves one client is then free for the next.
pub(crate) async fn part(stream: &mut Stream, deadline: Instant, trace: &mut Trace<'_>) {
    trace.decided();
    let ended = async {
        stream.shutdown().await?;
        tls::read_rest(stream).await
    };
    // The verdict does not depend on it.
    let _ = timeout_at(parting(deadline), ended).await;
}

/// When to give up on an orderly end.
pub(crate) fn parting(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + PARTING.min(deadline.saturating_duration_since(now) / 2)
}
