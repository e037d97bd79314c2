//! The kind `tls`: the target completes a TLS handshake with a certificate that is trusted, valid and of
//! the right name. The probe can then send a text and wait for one.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{FilePath, IpAddress, Length, Parsed, Source, Text, Written};

use super::{Spec, degraded_after};
use crate::dial::{self, Host};
use crate::send_expect::SendExpect;
use crate::tls::{self, Client, Paths, TlsVersion, identity_files, server_name};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The keys of a `tls` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Tls {
    /// A name or an address.
    host: Parsed<Host>,
    /// The address to connect to. Default: the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it tries them in turn until
    /// one accepts the connection.
    all_addresses: Option<Written<bool>>,
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// The name that the certificate must have; it is also sent (SNI). Default: the host.
    server_name: Option<Parsed<Host>>,
    /// Certificate authorities (PEM) beside those of the machine.
    ca_file: Option<Parsed<FilePath>>,
    /// The client certificate (PEM), for a server that wants one. Its intermediates follow it.
    client_certificate_file: Option<Parsed<FilePath>>,
    /// The key of the client certificate (PEM, without a password).
    client_key_file: Option<Parsed<FilePath>>,
    /// The oldest version of TLS that is accepted: "1.2" or "1.3". Default: "1.2".
    min_tls_version: Option<Parsed<TlsVersion>>,
    /// Operators are warned of a certificate that ends within this many days. Default: 14.
    #[schemars(range(min = 1, max = 3650))]
    certificate_days: Option<u32>,
    /// Text to send after the handshake. Default: the probe only listens.
    send: Option<Parsed<Text>>,
    /// Text that the answer must contain. Default: nothing is read.
    expect: Option<Parsed<Text>>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Tls {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let limit = degraded_after(self.degraded_after.as_ref(), timeout, source);
        let conversation = SendExpect::new(self.send, self.expect, source);
        let named = self.server_name.as_ref().unwrap_or(&self.host);
        let name = server_name(&named.value);
        let name = name.map_err(|why| source.wrong(&named.at, why)).ok();
        let ca_file = self.ca_file.as_ref();
        let certificate = self.client_certificate_file.as_ref();
        let paths = Paths {
            ca_file: ca_file.and_then(|file| source.certificates(file)),
            identity: identity_files(certificate, self.client_key_file.as_ref(), source),
            versions: TlsVersion::of(self.min_tls_version.as_ref()),
        };
        // A server refuses a client that only offers other protocols, so this one offers none.
        let client = Client::new(&paths, &[]);
        let at = ca_file.map_or(&self.host.at, |file| &file.at);
        let client = client.map_err(|why| source.wrong_once(at, why)).ok();
        let client = client?;
        let files = client.files();
        let host = dial::fixed(
            &self.host.value,
            &self.host.at,
            self.resolve.as_ref(),
            source,
        );
        let all = dial::asks_each(self.all_addresses.as_ref(), &host, source);
        let target = Target {
            name: name?,
            client,
            host,
            port: self.port,
            conversation,
        };
        Some(Probe {
            degraded_after: limit,
            ..Probe::new(target, timeout.value)
                .warning_within(self.certificate_days)
                .with_files([files])
                .asking_each_address(all)
        })
    }
}

#[derive(Debug)]
struct Target {
    host: Host,
    port: u16,
    name: ServerName<'static>,
    client: Client,
    conversation: SendExpect,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.host.first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.host.name()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let tcp = dial::dial(&self.host, self.port, deadline, trace).await?;
            let name = self.name.clone();
            let mut stream = self.client.handshake(name, tcp, trace).await?;
            self.conversation.run(&mut stream, deadline, trace).await?;
            tls::end(&mut stream, deadline, trace).await
        })
    }
}
