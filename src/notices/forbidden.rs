//! The addresses that no webhook may reach. A name is checked after it is resolved, and the connection goes to the
//! checked address, so that a name whose address changes gains nothing.

use std::net::IpAddr;

use values::reach::{never, private};

/// Why a webhook must not connect to `ip`; `None` if it may. With `allow_private` it may connect to private addresses
/// and to this machine.
pub(super) fn forbidden(ip: IpAddr, allow_private: bool) -> Option<&'static str> {
    never(ip).or(private(ip).filter(|_| !allow_private))
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
