//! The way to a host, if it is not that of its name: a fixed address, another name in its certificate, or a
//! proxy. The first two must never apply to another host, which a redirect may lead to.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;

use values::{IpAddress, Parsed, Place, Source, Written};

use crate::dial::{self, Host};
use crate::kinds::http::hop::Hop;
use crate::kinds::http::proxy::{Proxies, ProxyUrl};
use crate::kinds::http::request::Basic;
use crate::tls;

#[derive(Debug)]
pub(crate) struct Route {
    /// The configured host.
    pub(crate) host: String,
    pub(crate) address: Option<IpAddr>,
    pub(crate) server_name: Option<ServerName<'static>>,
    pub(crate) proxies: Proxies,
}

/// The keys of a probe that say how to reach its host.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    /// The place of the URL.
    pub(crate) at: &'a Place,
    pub(crate) server_name: Option<&'a Parsed<Host>>,
    pub(crate) resolve: Option<&'a Parsed<IpAddress>>,
    pub(crate) proxy: Option<&'a Parsed<ProxyUrl>>,
    pub(crate) proxy_basic: Option<&'a Written<Basic>>,
    /// The place of a configured header `Host`.
    pub(crate) own_host: Option<&'a Place>,
}

impl Route {
    /// `hop` with the keys `resolve` and `server_name`.
    pub(crate) fn apply(keys: &Keys<'_>, hop: Hop, source: &mut Source<'_>) -> Hop {
        let address = match dial::fixed(&hop.host, keys.at, keys.resolve, source) {
            Host::Address(address) => Some(address),
            Host::Name(_) => None,
        };
        let server_name = keys.server_name.and_then(|named| {
            let name = tls::server_name(&named.value);
            name.map_err(|why| source.wrong(&named.at, why)).ok()
        });
        let proxies = Proxies::new(keys, source);
        if proxies.of(hop.url()).is_some() {
            refuse_beside_proxy(keys, &hop, source);
        }
        let route = Route {
            host: hop.name().to_owned(),
            address,
            server_name,
            proxies,
        };
        hop.on(Some(Arc::new(route)))
    }
}

/// A proxy resolves the name, and sends on the URL's host in `Host`.
fn refuse_beside_proxy(keys: &Keys<'_>, hop: &Hop, source: &mut Source<'_>) {
    let otherwise = "or write `proxy = \"direct\"`";
    if let Some(resolve) = keys.resolve {
        let why = format!("the proxy resolves the host: remove this, {otherwise}");
        source.wrong(&resolve.at, why);
    }
    if let Some(at) = keys.own_host.filter(|_| hop.secure.is_none()) {
        let why = format!(
            "a proxy replaces `Host` of an http:// request by the URL's host: remove it, {otherwise}"
        );
        source.wrong(at, why);
    }
}
