//! From where, and by which version of IP, a probe connects.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fault::Fault;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }
}

/// How a probe reaches the addresses of its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// The version whose addresses are tried first. `None`: in the order of the resolver.
    pub prefer: Option<Family>,
    /// The address of this machine to connect from. `None`: the system chooses.
    pub source: Option<IpAddr>,
}

impl Egress {
    /// The addresses in the order in which they are tried, without those that the source address cannot reach.
    ///
    /// # Errors
    /// None is left.
    pub(super) fn order(self, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Fault> {
        addresses.retain(|address| self.check(address.ip()).is_ok());
        if addresses.is_empty() {
            let words = "no address of the name has the version of IP of `source_address`";
            return Err(Fault::monitor(words));
        }
        if let Some(family) = self.prefer {
            addresses.sort_by_key(|address| Family::of(address.ip()) != family);
        }
        Ok(addresses)
    }

    /// # Errors
    /// The source address has the other version of IP.
    pub(super) fn check(self, to: IpAddr) -> Result<(), Fault> {
        match self.source {
            Some(source) if Family::of(source) != Family::of(to) => Err(Fault::monitor(format!(
                "{to} cannot be reached from `source_address` {source}"
            ))),
            _ => Ok(()),
        }
    }

    /// The address to bind a socket to that connects to `to`.
    pub(crate) fn local(self, to: IpAddr) -> SocketAddr {
        let any = match to {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        SocketAddr::new(self.source.unwrap_or(any), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn preferred_addresses_come_first_and_keep_their_order() {
        let found = ["[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1"];
        let order = |prefer| {
            let egress = Egress {
                prefer,
                source: None,
            };
            egress.order(addresses(&found)).unwrap()
        };
        assert_eq!(order(None), addresses(&found));
        let four = ["127.0.0.1:1", "127.0.0.2:1", "[::1]:1", "[::2]:1"];
        assert_eq!(order(Some(Family::Ipv4)), addresses(&four));
        let six = ["[::1]:1", "[::2]:1", "127.0.0.1:1", "127.0.0.2:1"];
        assert_eq!(order(Some(Family::Ipv6)), addresses(&six));
    }

    #[test]
    fn addresses_of_the_other_version_are_left_out_for_a_source_address() {
        let egress = Egress {
            prefer: Some(Family::Ipv6),
            source: Some([127, 0, 0, 9].into()),
        };
        let found = addresses(&["[::1]:1", "127.0.0.1:1"]);
        assert_eq!(egress.order(found).unwrap(), addresses(&["127.0.0.1:1"]));
        assert!(egress.order(addresses(&["[::1]:1"])).is_err());
    }
}
