//! The name in EHLO. RFC 5321 §4.1.1.1 asks for a qualified name or an address literal. Strict relays refuse
//! the bare name of a machine.

use std::net::IpAddr;

use lettre::transport::smtp::extension::ClientId;
use values::is_qualified_name;

/// The configured name, else the machine's name if it is qualified, else the connection's own address.
pub(super) fn name(configured: Option<&str>, local: IpAddr) -> ClientId {
    let uname = rustix::system::uname();
    choose(configured, uname.nodename().to_str().ok(), local)
}

fn choose(configured: Option<&str>, machine: Option<&str>, local: IpAddr) -> ClientId {
    let machine = machine.filter(|name| is_qualified_name(name));
    match (configured.or(machine), local.to_canonical()) {
        (Some(name), _) => ClientId::Domain(name.to_owned()),
        (None, IpAddr::V4(ip)) => ClientId::Ipv4(ip),
        (None, IpAddr::V6(ip)) => ClientId::Ipv6(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ehlo_says_a_qualified_name_or_an_address_literal() {
        let v4 = "127.0.0.1";
        for (configured, machine, local, expected) in [
            (Some("mon.example.org"), Some("vm"), v4, "mon.example.org"),
            (None, Some("vm.example.org"), v4, "vm.example.org"),
            (None, Some("vm"), v4, "[127.0.0.1]"),
            (None, Some("vm."), v4, "[127.0.0.1]"),
            (None, Some("my_vm.example.org"), v4, "[127.0.0.1]"),
            (None, Some("localhost.localdomain"), v4, "[127.0.0.1]"),
            (None, Some("10.0.0.1"), v4, "[127.0.0.1]"),
            (None, Some("(none)"), v4, "[127.0.0.1]"),
            (None, None, "::1", "[IPv6:::1]"),
            (None, None, "::ffff:127.0.0.1", "[127.0.0.1]"),
        ] {
            let said = choose(configured, machine, local.parse().unwrap());
            assert_eq!(said.to_string(), expected, "{configured:?} {machine:?}");
        }
    }
}
