//! The way to a host, if it is not that of its name: a fixed address, another name in its certificate, or a
//! proxy. The first two must never apply to another host, which a redirect may lead to.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;

use values::Source;

use crate::dial::{self, Host};
use crate::kinds::http::Http;
use crate::kinds::http::hop::Hop;
use crate::kinds::http::proxy::Proxies;
use crate::tls;

#[derive(Debug)]
pub(super) struct Route {
    /// The configured host.
    pub(super) host: String,
    pub(super) address: Option<IpAddr>,
    pub(super) server_name: Option<ServerName<'static>>,
    pub(super) proxies: Proxies,
}

impl Route {
    /// `hop` with the keys `resolve` and `server_name`.
    pub(super) fn apply(http: &Http, hop: Hop, source: &mut Source<'_>) -> Hop {
        let address = match dial::fixed(&hop.host, http.resolve.as_ref(), source) {
            Host::Address(address) => Some(address),
            Host::Name(_) => None,
        };
        let server_name = http.server_name.as_ref().and_then(|named| {
            let name = tls::server_name(&named.value);
            name.map_err(|why| source.wrong(&named.at, why)).ok()
        });
        let proxies = Proxies::new(http, source);
        if proxies.of(hop.url()).is_some() {
            refuse_beside_proxy(http, &hop, source);
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
fn refuse_beside_proxy(http: &Http, hop: &Hop, source: &mut Source<'_>) {
    let otherwise = "or write `proxy = \"direct\"`";
    if let Some(resolve) = &http.resolve {
        let why = format!("the proxy resolves the host: remove this, {otherwise}");
        source.wrong(&resolve.at, why);
    }
    let own = http
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("host"));
    if let Some((_, written)) = own.filter(|_| hop.secure.is_none()) {
        let why = format!(
            "a proxy replaces `Host` of an http:// request by the URL's host: remove it, {otherwise}"
        );
        source.wrong(&written.at, why);
    }
}
