//! The addresses that no webhook may reach. A name is checked after it is resolved, and the connection goes to the
//! checked address, so that a name whose address changes gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Services that hand out a machine's credentials.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Why a webhook must not connect to `ip`; `None` if it may. With `allow_private` it may connect to private addresses
/// and to this machine.
pub(super) fn forbidden(ip: IpAddr, allow_private: bool) -> Option<&'static str> {
    let ip = embedded(ip);
    if METADATA.contains(&ip) {
        return Some("a metadata service");
    }
    let (never, private) = match ip {
        IpAddr::V4(ip) => (never_v4(ip), private_v4(ip)),
        IpAddr::V6(ip) => (never_v6(ip), private_v6(ip)),
    };
    never.or(private.filter(|_| !allow_private))
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

    fn said(ip: &str) -> (Option<&'static str>, Option<&'static str>) {
        let ip = ip.parse().unwrap();
        (forbidden(ip, false), forbidden(ip, true))
    }

    #[test]
    fn public_addresses_are_allowed() {
        for ip in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert_eq!(said(ip), (None, None), "{ip}");
        }
    }

    #[test]
    fn private_addresses_need_a_permission() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.1.1",
            "192.0.2.1",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "2001:db8::1",
            "4000::1",
        ] {
            let (without, with) = said(ip);
            assert!(without.is_some() && with.is_none(), "{ip}");
        }
    }

    #[test]
    fn metadata_multicast_and_unspecified_addresses_are_never_allowed() {
        for ip in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "169.254.170.2",
            "100.100.100.200",
            "fd00:ec2::254",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "ff02::1",
            "2001::1",
        ] {
            let (without, with) = said(ip);
            assert!(without.is_some() && with.is_some(), "{ip}");
        }
    }
}
