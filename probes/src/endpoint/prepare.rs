//! The keys of an endpoint, and the preparation that the kinds with one have in common.

use std::sync::Arc;
use std::time::Duration;

use values::{FilePath, IpAddress, Length, Parsed, Source, Written};

use super::Endpoint;
use crate::dial::{self, Host};
use crate::files::Changing;
use crate::kinds::degraded_after;
use crate::tls::{self, TlsVersion};
use crate::{Probe, Protocol};

/// The keys of an endpoint, as a kind writes them.
pub(crate) struct Keys<'a> {
    pub(crate) host: &'a Parsed<Host>,
    pub(crate) resolve: Option<&'a Parsed<IpAddress>>,
    pub(crate) all_addresses: Option<&'a Written<bool>>,
    pub(crate) port: u16,
    /// True if the connection uses TLS, from its start or later.
    pub(crate) tls: bool,
    /// The key that asks for TLS, for mistakes.
    pub(crate) switch: &'static str,
    /// The protocols that TLS offers (ALPN).
    pub(crate) protocols: tls::Protocols,
    pub(crate) server_name: Option<&'a Parsed<Host>>,
    pub(crate) ca_file: Option<&'a Parsed<FilePath>>,
    pub(crate) client_certificate_file: Option<&'a Parsed<FilePath>>,
    pub(crate) client_key_file: Option<&'a Parsed<FilePath>>,
    pub(crate) min_tls_version: Option<&'a Parsed<TlsVersion>>,
    pub(crate) certificate_days: Option<u32>,
    pub(crate) degraded_after: Option<&'a Parsed<Length>>,
}

/// The settings of a probe beside its protocol.
pub(crate) struct Settings {
    timeout: Duration,
    degraded_after: Option<Duration>,
    certificate_days: Option<u32>,
    all_addresses: bool,
    files: Option<Arc<dyn Changing>>,
}

impl<'a> Keys<'a> {
    /// The keys of a kind that has no TLS.
    pub(crate) fn plain(
        host: &'a Parsed<Host>,
        resolve: Option<&'a Parsed<IpAddress>>,
        port: u16,
    ) -> Self {
        Self {
            host,
            resolve,
            all_addresses: None,
            port,
            tls: false,
            switch: "",
            protocols: &[],
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
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<(Endpoint, Settings)> {
        let degraded_after = degraded_after(self.degraded_after, timeout, source);
        let endpoint = Endpoint::new(self, source)?;
        let settings = Settings {
            timeout: timeout.value,
            degraded_after,
            certificate_days: self.certificate_days,
            all_addresses: dial::asks_each(self.all_addresses, &endpoint.host, source),
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
