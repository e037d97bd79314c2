//! The keys of an endpoint, and the preparation that the kinds with one have in common.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use values::{FilePath, IpAddress, Length, Parsed, Source, Written};

use super::Endpoint;
use crate::dial::{self, Host};
use crate::files::Changing;
use crate::kinds::degraded_after;
use crate::tls::{self, TlsVersion};
use crate::{Probe, Protocol};

/// The keys that most kinds with one server share. A kind adds its `port`, and its `tls` if TLS is not all it speaks.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ServerKeys {
    /// A name or an address.
    pub(crate) host: Parsed<Host>,
    /// The address to connect to. Default: the addresses of the host.
    pub(crate) resolve: Option<Parsed<IpAddress>>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it tries them in turn until
    /// one accepts the connection.
    pub(crate) all_addresses: Option<Written<bool>>,
    /// The name that the certificate must have; it is also sent (SNI). Default: the host.
    pub(crate) server_name: Option<Parsed<Host>>,
    /// Certificate authorities (PEM) beside those of the machine.
    pub(crate) ca_file: Option<Parsed<FilePath>>,
    /// The client certificate (PEM), for a server that wants one. Its intermediates follow it.
    pub(crate) client_certificate_file: Option<Parsed<FilePath>>,
    /// The key of the client certificate (PEM, without a password).
    pub(crate) client_key_file: Option<Parsed<FilePath>>,
    /// The oldest version of TLS that is accepted: "1.2" or "1.3". Default: "1.2".
    pub(crate) min_tls_version: Option<Parsed<TlsVersion>>,
    /// Operators are warned of a certificate that ends within this many days. Default: 14.
    #[schemars(range(min = 1, max = 3650))]
    pub(crate) certificate_days: Option<u32>,
    /// A slower run is degraded.
    pub(crate) degraded_after: Option<Parsed<Length>>,
}

/// The way to a server, which differs between the kinds.
pub(crate) struct Way {
    pub(crate) port: u16,
    /// True if the connection uses TLS, from its start or later.
    pub(crate) tls: bool,
    /// The key that asks for TLS, for mistakes.
    pub(crate) switch: &'static str,
    /// The protocols that TLS offers (ALPN).
    pub(crate) protocols: tls::Protocols,
}

impl Way {
    /// With TLS if the key `tls` is true.
    pub(crate) fn new(port: u16, tls: bool) -> Self {
        Self {
            port,
            tls,
            switch: "tls = true",
            protocols: &[],
        }
    }
}

/// The settings of a probe beside its protocol.
pub(crate) struct Settings {
    timeout: Duration,
    degraded_after: Option<Duration>,
    certificate_days: Option<u32>,
    all_addresses: bool,
    files: Option<Arc<dyn Changing>>,
}

impl ServerKeys {
    /// The host alone.
    pub(crate) fn of(host: Parsed<Host>) -> Self {
        Self {
            host,
            resolve: None,
            all_addresses: None,
            server_name: None,
            ca_file: None,
            client_certificate_file: None,
            client_key_file: None,
            min_tls_version: None,
            certificate_days: None,
            degraded_after: None,
        }
    }

    /// The endpoint, and all that does not depend on the protocol. `None` if a mistake leaves nothing to connect to.
    pub(crate) fn prepare(
        &self,
        way: &Way,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<(Endpoint, Settings)> {
        let degraded_after = degraded_after(self.degraded_after.as_ref(), timeout, source);
        let endpoint = Endpoint::new(self, way, source)?;
        let settings = Settings {
            timeout: timeout.value,
            degraded_after,
            certificate_days: self.certificate_days,
            all_addresses: dial::asks_each(self.all_addresses.as_ref(), &endpoint.host, source),
            files: endpoint.files(),
        };
        Some((endpoint, settings))
    }
}

impl Settings {
    /// The probe. `files` are those that the protocol uses beside the endpoint's.
    pub(crate) fn probe(self, target: impl Protocol, files: Option<Arc<dyn Changing>>) -> Probe {
        Probe {
            degraded_after: self.degraded_after,
            ..Probe::new(target, self.timeout)
                .warning_within(self.certificate_days)
                .with_files([self.files, files])
                .asking_each_address(self.all_addresses)
        }
    }
}
