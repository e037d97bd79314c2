//! TLS for the connections of Nines that are not probes, as those to a mail relay: the same trust, and the
//! same words for a refused certificate.

use std::path::{Path, PathBuf};

use domain::sample::Reason;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use crate::dial::Host;
use crate::tls::{Client, Paths, Versions, server_name};
use crate::trace::{FirstByte, Phase, Trace};

/// Does the TLS handshake of a client. Trusts the machine's authorities and the certificates in `ca_file`
/// (PEM), which is read for each connection. Has no time limit. The caller has turned off Nagle's algorithm.
///
/// # Errors
///
/// The reason, for an operator: the file, the certificate or the handshake.
pub async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    ca_file: Option<&Path>,
) -> Result<TlsStream<S>, String> {
    let host = match host.parse() {
        Ok(address) => Host::Address(address),
        Err(_) => Host::Name(host.into()),
    };
    let name = server_name(&host)?;
    let paths = Paths {
        ca_file: ca_file.map(PathBuf::from),
        identity: None,
        versions: Versions::default(),
    };
    // Reads files.
    let client = tokio::task::spawn_blocking(move || Client::new(&paths, &[]));
    let client = client.await.map_err(|error| error.to_string())??;
    let first_byte = FirstByte::new(Instant::now());
    let mut trace = Trace::begin(&first_byte, Phase::Tls);
    let done = client.handshake_over(name, stream, &mut trace).await;
    done.map_err(|fault| match fault.reason {
        Reason::Certificate => format!("certificate {}", fault.detail),
        _ => fault.detail,
    })
}
