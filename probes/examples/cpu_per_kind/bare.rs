//! TLS as short as rustls and tokio allow: connect, agree, verify the certificate, and drop the connection. For HTTP, also
//! send a request and read to the end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Failure;

pub const HANDSHAKE: &str = "bare rustls handshake";
pub const HTTPS: &str = "bare https";

pub struct Bare {
    at: SocketAddr,
    name: ServerName<'static>,
    connector: TlsConnector,
    /// `None` drops the connection after the handshake.
    request: Option<&'static [u8]>,
}

impl Bare {
    /// Trusts the same authorities as the probes, and resumes no session either.
    pub fn new(
        at: SocketAddr,
        ca_file: &Path,
        request: Option<&'static [u8]>,
    ) -> Result<Self, Failure> {
        let config = probes::client_config(Some(ca_file))?;
        Ok(Self {
            at,
            name: ServerName::try_from("localhost")?,
            connector: TlsConnector::from(Arc::new(config)),
            request,
        })
    }

    pub async fn run(&self) -> Result<(), Failure> {
        let tcp = TcpStream::connect(self.at).await?;
        tcp.set_nodelay(true)?;
        let mut stream = self.connector.connect(self.name.clone(), tcp).await?;
        if let Some(request) = self.request {
            let mut answer = Vec::with_capacity(4096);
            stream.write_all(request).await?;
            stream.flush().await?;
            stream.read_to_end(&mut answer).await?;
            if !answer.starts_with(b"HTTP/1.1 200 ") {
                return Err("the answer is not that of the peer".into());
            }
        }
        Ok(())
    }
}
