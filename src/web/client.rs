//! The client of a request: its address and its scheme, as the connection has them or as a trusted proxy names them.

use std::net::{IpAddr, SocketAddr};

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, HeaderName};
use values::Network;

/// The addresses of a chain that are read. Longer chains are not trusted.
const CHAIN: usize = 32;
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The address of a request's client. Limits count by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The scheme by which the client sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// The proxies that may name the client of a request.
#[derive(Debug, Default)]
pub struct TrustedProxies(ArcSwap<Vec<Network>>);

impl TrustedProxies {
    /// Trusts these and no others.
    pub fn replace(&self, networks: Vec<Network>) {
        self.0.store(networks.into());
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0
            .load()
            .iter()
            .any(|network| network.contains(address))
    }

    /// The client of a request that came by a connection of `peer`.
    pub(super) fn client(
        &self,
        peer: IpAddr,
        scheme: Scheme,
        headers: &HeaderMap,
    ) -> (Peer, Scheme) {
        if !self.trusts(peer) {
            return (Peer(peer), scheme);
        }
        let address = self.forwarded_for(headers).unwrap_or(peer);
        (Peer(address), forwarded_proto(headers).unwrap_or(scheme))
    }

    /// The rightmost address that is no trusted proxy, or the leftmost if all of them are. Each proxy adds the address
    /// from which the request came at the right, so that no client can choose it. `None` if there is none, or text
    /// that is no address stands before it.
    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut lines = Vec::new();
        for value in headers.get_all(FORWARDED_FOR) {
            lines.push(value.to_str().ok()?);
        }
        let chain = lines.iter().flat_map(|line| line.split(','));
        let chain: Vec<&str> = chain.take(CHAIN + 1).collect();
        if chain.len() > CHAIN {
            return None;
        }
        let mut leftmost = None;
        for text in chain.iter().rev() {
            let address = address(text.trim())?;
            if !self.trusts(address) {
                return Some(address);
            }
            leftmost = Some(address);
        }
        leftmost
    }
}

/// An address, which some proxies write with the port of the client.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address: Result<IpAddr, _> = bare.unwrap_or(text).parse();
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    let address = address.or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

/// The scheme that the nearest proxy names.
fn forwarded_proto(headers: &HeaderMap) -> Option<Scheme> {
    let last = headers.get_all(FORWARDED_PROTO).iter().next_back()?;
    match last.to_str().ok()?.rsplit(',').next()?.trim() {
        "https" => Some(Scheme::Https),
        "http" => Some(Scheme::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use values::{Format as _, IpNetwork};

    use super::*;

    /// The client of a request from `peer` over plain HTTP, behind 10.0.0.0/8 and ::1.
    fn client(peer: &str, headers: &[(HeaderName, &str)]) -> (String, Scheme) {
        let proxies = TrustedProxies::default();
        let networks = ["10.0.0.0/8", "::1"].map(|text| IpNetwork::parse(text).unwrap());
        proxies.replace(networks.to_vec());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        let (Peer(address), scheme) = proxies.client(peer.parse().unwrap(), Scheme::Http, &map);
        (address.to_string(), scheme)
    }

    fn forwarded(peer: &str, chain: &[&str]) -> String {
        let headers: Vec<_> = chain.iter().map(|line| (FORWARDED_FOR, *line)).collect();
        client(peer, &headers).0
    }

    #[test]
    fn a_proxy_names_the_client_and_nobody_else_does() {
        assert_eq!(forwarded("10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(forwarded("::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(forwarded("203.0.113.5", &["192.0.2.7"]), "203.0.113.5");
        assert_eq!(forwarded("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_a_client_claims_stands_left_of_its_own_address() {
        let own = "198.51.100.9";
        assert_eq!(forwarded("10.0.0.1", &["192.0.2.7, 198.51.100.9"]), own);
        assert_eq!(forwarded("10.0.0.1", &["10.0.0.3, 198.51.100.9"]), own);
        assert_eq!(forwarded("10.0.0.1", &["<script>, 198.51.100.9"]), own);
        // Two lines are one list (RFC 9110 §5.3).
        assert_eq!(
            forwarded("10.0.0.1", &["192.0.2.7", "198.51.100.9, 10.0.0.2"]),
            own
        );
    }

    #[test]
    fn a_chain_of_proxies_leads_to_the_client() {
        assert_eq!(
            forwarded("10.0.0.1", &["192.0.2.7, ::1, 10.9.9.9"]),
            "192.0.2.7"
        );
        assert_eq!(
            forwarded("10.0.0.1", &["10.1.1.1, 10.2.2.2"]),
            "10.1.1.1",
            "a client within"
        );
    }

    #[test]
    fn a_malformed_chain_leaves_the_proxy_itself() {
        let long = vec!["192.0.2.7"; 33].join(",");
        for chain in [
            "",
            "unknown",
            "192.0.2.7,",
            "192.0.2.7, 10.0.0.300",
            "192.0.2.7 10.0.0.2",
            &long,
        ] {
            assert_eq!(forwarded("10.0.0.1", &[chain]), "10.0.0.1", "{chain}");
        }
    }

    #[test]
    fn ports_and_brackets_are_left_out() {
        for (text, address) in [
            ("192.0.2.7:4711", "192.0.2.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(forwarded("10.0.0.1", &[text]), address, "{text}");
        }
    }

    #[test]
    fn only_a_proxy_says_that_the_client_uses_https() {
        let proto = |peer, value| client(peer, &[(FORWARDED_PROTO, value)]).1;
        assert_eq!(proto("10.0.0.1", "https"), Scheme::Https);
        assert_eq!(proto("10.0.0.1", "https, http"), Scheme::Http);
        assert_eq!(proto("10.0.0.1", "wss"), Scheme::Http);
        assert_eq!(proto("203.0.113.5", "https"), Scheme::Http);
    }
}
