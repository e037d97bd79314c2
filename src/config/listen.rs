//! `[listen]`: the addresses on which the service listens, and the proxies in front of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::Deserialize;
use values::{IpNetwork, ListenAddress, Network, Parsed, Source, Written};

use super::certificate::{self, CertificateFiles, CertificateTable};

/// The private listener unless the file says otherwise.
const PRIVATE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// The addresses on which the service listens.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenTable {
    /// The address of the public pages, which feeds call as a heartbeat. Default: none.
    public: Option<Parsed<ListenAddress>>,
    /// The address for staff and metrics. Default: 127.0.0.1:8081.
    private: Option<Parsed<ListenAddress>>,
    /// The certificate of the public listener, which then speaks HTTPS only. Default: it speaks HTTP.
    public_tls: Option<Written<CertificateTable>>,
    /// The certificate of the private listener, which then speaks HTTPS only. Default: it speaks HTTP.
    private_tls: Option<Written<CertificateTable>>,
    /// The addresses of proxies in front of both listeners. A request from one of them comes from the client that its
    /// `X-Forwarded-For` names, by the scheme in its `X-Forwarded-Proto`. Default: none.
    #[serde(default)]
    #[schemars(length(min = 1))]
    trusted_proxies: Vec<Parsed<IpNetwork>>,
}

impl ListenTable {
    /// True if it names the address of the public listener, or tries to.
    pub(super) fn is_public(&self) -> bool {
        self.public.is_some()
    }
}

/// The listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    pub public: Option<SocketAddr>,
    /// For staff and metrics.
    pub private: SocketAddr,
    /// `None` speaks HTTP.
    pub public_tls: Option<CertificateFiles>,
    pub private_tls: Option<CertificateFiles>,
    /// The proxies that may name the client of a request.
    pub trusted_proxies: Vec<Network>,
}

pub(super) fn listen(source: &mut Source<'_>, table: ListenTable) -> Listen {
    let public = table.public.as_ref().map(|public| public.value);
    let private = table
        .private
        .as_ref()
        .map_or(PRIVATE, |private| private.value);
    if let Some(written) = table.private.as_ref().or(table.public.as_ref())
        && public == Some(private)
        && private.port() != 0
    {
        source.wrong(
            &written.at,
            "the public and the private address are the same",
        );
    }
    if let Some(written) = &table.private
        && private.ip().is_unspecified()
    {
        let why = format!(
            "{} is every address of this machine, and the private pages and metrics ask for no password: \
             name one address, as \"127.0.0.1:{}\"",
            private.ip(),
            private.port()
        );
        source.warn(&written.at, why);
    }
    if let (None, Some(written)) = (public, &table.public_tls) {
        source.wrong(
            &written.at,
            "there is no public listener: write its address, as `public`",
        );
    }
    Listen {
        public,
        private,
        public_tls: certificate::read(source, table.public_tls),
        private_tls: certificate::read(source, table.private_tls),
        trusted_proxies: trusted_proxies(source, table.trusted_proxies),
    }
}

fn trusted_proxies(source: &mut Source<'_>, list: Vec<Parsed<IpNetwork>>) -> Vec<Network> {
    for written in list.iter().filter(|written| written.value.is_everything()) {
        source.wrong(
            &written.at,
            "this trusts every client to name its own address: name the addresses of the proxies",
        );
    }
    let list: Vec<_> = list.into_iter().map(|one| (one.value, one.at)).collect();
    source.no_repeats(&list);
    list.into_iter().map(|(network, _)| network).collect()
}
