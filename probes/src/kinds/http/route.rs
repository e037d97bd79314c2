//! The way to the configured host, if it is not that of its name: a fixed address, or another name in
//! its certificate. It must never apply to another host, which a redirect may lead to.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;

use values::Source;

use crate::dial::{self, Host};
use crate::kinds::http::Http;
use crate::kinds::http::hop::Hop;
use crate::tls;

#[derive(Debug)]
pub(super) struct Route {
    /// The configured host.
    pub(super) host: String,
    pub(super) address: Option<IpAddr>,
    pub(super) server_name: Option<ServerName<'static>>,
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
        let route = Route {
            host: hop.name().to_owned(),
            address,
            server_name,
        };
        hop.on(Some(Arc::new(route)))
    }
}
