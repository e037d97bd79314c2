//! The addresses that Nines may connect to: ranges with a meaning of their own, and the ranges that an operator allows
//! or denies. An address is checked after its name is resolved, and the connection goes to the checked address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Network;

/// Services that hand out a machine's credentials.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// The addresses that probes may reach. Of an allowed and a denied range, the narrower one counts; a denied one of the
/// same size comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub allow: Vec<Network>,
    pub deny: Vec<Network>,
}

/// No range is allowed or denied.
pub static BUILT_IN: Reach = Reach {
    allow: Vec::new(),
    deny: Vec::new(),
};

/// Why a probe may not reach an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No probe has a service there.
    Never(&'static str),
    /// The operator denies it.
    Denied,
}

impl Reach {
    pub fn refuses(&self, ip: IpAddr) -> Option<Refusal> {
        let narrowest = |ranges: &[Network]| {
            let holding = ranges
                .iter()
                .filter(|range| range.contains(ip) || range.contains(embedded(ip)));
            holding.map(Network::bits).max()
        };
        match (narrowest(&self.allow), narrowest(&self.deny)) {
            (allowed, Some(denied)) if allowed.is_none_or(|bits| bits <= denied) => {
                Some(Refusal::Denied)
            }
            (Some(_), _) => None,
            (None, _) => never(ip).map(Refusal::Never),
        }
    }
}

impl Refusal {
    /// One line: why the address is refused, and the key that allows it.
    pub fn in_words(self, ip: IpAddr) -> String {
        let to_allow = format!("`allow_addresses = [\"{ip}\"]` in `[service]` allows it");
        format!("{ip} is {self}, which no probe may reach; {to_allow}")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Never(what) => what,
            Refusal::Denied => "in `deny_addresses`",
        })
    }
}

/// The meaning of an address that has no service of its own: metadata, unspecified, multicast, broadcast, reserved.
pub fn never(ip: IpAddr) -> Option<&'static str> {
    let ip = embedded(ip);
    if METADATA.contains(&ip) {
        return Some("a metadata service");
    }
    match ip {
        IpAddr::V4(ip) => never_v4(ip),
        IpAddr::V6(ip) => never_v6(ip),
    }
}

/// The meaning of an address that is not public: loopback, link-local, private, or without a host.
pub fn private(ip: IpAddr) -> Option<&'static str> {
    match embedded(ip) {
        IpAddr::V4(ip) => private_v4(ip),
        IpAddr::V6(ip) => private_v6(ip),
    }
}

/// The IPv4 address that an IPv6 address stands for: IPv4-mapped (RFC 4291), NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    let octets = v6.octets();
    let v4 = |at: usize| IpAddr::from([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => v4(12),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4(12),
        [0x2002, ..] => v4(2),
        _ => ip,
    }
}

fn never_v4(ip: Ipv4Addr) -> Option<&'static str> {
    match ip.octets() {
        [0, ..] => Some("an unspecified address"),
        [224..=239, ..] => Some("a multicast address"),
        [255, 255, 255, 255] => Some("the broadcast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn private_v4(ip: Ipv4Addr) -> Option<&'static str> {
    match ip.octets() {
        [127, ..] => Some("a loopback address"),
        [169, 254, ..] => Some("a link-local address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            Some("a private address")
        }
        // Protocol assignments, benchmarks and examples (RFC 6890).
        [192, 0, 0 | 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Some("an address of no public host")
        }
        _ => None,
    }
}

fn never_v6(ip: Ipv6Addr) -> Option<&'static str> {
    if ip.is_unspecified() {
        return Some("an unspecified address");
    }
    match ip.segments() {
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        // Teredo (RFC 4380) hides an IPv4 address.
        [0x2001, 0, ..] => Some("a tunnel's address"),
        _ => None,
    }
}

fn private_v6(ip: Ipv6Addr) -> Option<&'static str> {
    if ip.is_loopback() {
        return Some("a loopback address");
    }
    match ip.segments() {
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some("a private address"),
        [0x2001, 0xdb8, ..] => Some("an address of no public host"),
        // Only 2000::/3 is assigned to public hosts.
        [0x2000..=0x3fff, ..] => None,
        _ => Some("an address of no public host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format as _, IpNetwork};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn reach(allow: &[&str], deny: &[&str]) -> Reach {
        let ranges = |list: &[&str]| {
            list.iter()
                .map(|text| IpNetwork::parse(text).unwrap())
                .collect()
        };
        Reach {
            allow: ranges(allow),
            deny: ranges(deny),
        }
    }

    #[test]
    fn probes_reach_hosts_inside_and_outside_unless_told() {
        for open in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.1.1",
            "fe80::1",
            "fd12::1",
            "192.0.2.1",
            "203.0.113.7",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
        ] {
            assert_eq!(BUILT_IN.refuses(ip(open)), None, "{open}");
        }
    }

    #[test]
    fn addresses_without_a_service_are_refused_in_each_of_their_forms() {
        for refused in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "::ffff:0.0.0.0",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "240.0.0.1",
            "ff02::1",
            "2001::1",
        ] {
            assert!(BUILT_IN.refuses(ip(refused)).is_some(), "{refused}");
        }
    }

    #[test]
    fn the_narrower_range_counts() {
        let reach = reach(
            &["169.254.169.254", "10.9.1.0/24", "172.16.0.0/12"],
            &["10.9.0.0/16", "172.16.0.0/12", "fd00::/8"],
        );
        assert_eq!(reach.refuses(ip("169.254.169.254")), None);
        assert_eq!(reach.refuses(ip("::ffff:169.254.169.254")), None);
        assert!(reach.refuses(ip("169.254.170.2")).is_some());
        assert_eq!(reach.refuses(ip("10.9.2.1")), Some(Refusal::Denied));
        assert_eq!(
            reach.refuses(ip("64:ff9b::10.9.2.1")),
            Some(Refusal::Denied)
        );
        assert_eq!(reach.refuses(ip("10.9.1.1")), None);
        assert_eq!(reach.refuses(ip("172.16.0.1")), Some(Refusal::Denied));
        assert_eq!(reach.refuses(ip("fd12::1")), Some(Refusal::Denied));
        assert_eq!(reach.refuses(ip("192.0.2.1")), None);
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let refusal = BUILT_IN.refuses(ip("169.254.169.254")).unwrap();
        assert_eq!(
            refusal.in_words(ip("169.254.169.254")),
            "169.254.169.254 is a metadata service, which no probe may reach; \
             `allow_addresses = [\"169.254.169.254\"]` in `[service]` allows it"
        );
    }
}
