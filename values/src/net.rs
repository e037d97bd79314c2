//! Formats of addresses: of mail, hosts, listeners and relays.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use domain::mailbox::Mailbox;
use url::{Position, Url};

use crate::Format;
use crate::suggest::shorten;
use crate::url::redact;

/// A mail address without a name.
pub struct Address;

impl Format for Address {
    type Value = String;
    const IS: &'static str = "a mail address in quotes, as \"desk@example.org\"";
    const EXAMPLE: &'static str = "desk@example.org";

    fn parse(text: &str) -> Result<String, String> {
        let said = shorten(text);
        if is_address(text) {
            Ok(text.to_owned())
        } else if text.ends_with('>') && text.contains('<') {
            Err(format!(
                "`{said}` must be the address alone, without a name"
            ))
        } else {
            Err(format!("`{said}` is not a mail address"))
        }
    }
}

/// The common form of an address: an unquoted local part of ASCII, and a host name.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(allowed);
    local.len() <= 64 && local.split('.').all(is_atom) && is_host_name(domain)
}

/// True for labels of letters, digits and hyphens (underscores occur in private networks).
pub fn is_host_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// True for a host name that other machines can use: with a dot, without an underscore, and neither an
/// address nor a name of the machine itself.
pub fn is_qualified_name(text: &str) -> bool {
    let is_local = text.starts_with("localhost.") || text.ends_with(".localdomain");
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_address = last.bytes().all(|b| b.is_ascii_digit());
    is_host_name(text) && text.contains('.') && !text.contains('_') && !is_local && !is_address
}

/// The name of this machine in EHLO: a qualified name.
pub struct EhloName;

impl Format for EhloName {
    type Value = String;
    const IS: &'static str = "a qualified host name in quotes, as \"monitor.example.org\"";
    const EXAMPLE: &'static str = "monitor.example.org";

    fn parse(text: &str) -> Result<String, String> {
        if is_qualified_name(text) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "`{}` is not a qualified host name: write one as \"monitor.example.org\", or remove the key \
             to use the name or the address of this machine",
            shorten(text)
        ))
    }
}

/// A sender: an address, or `Name <address>`.
pub struct Sender;

impl Format for Sender {
    type Value = Mailbox;
    const IS: &'static str = "a sender in quotes, as \"Example Status <status@example.org>\"";
    const EXAMPLE: &'static str = "Example Status <status@example.org>";

    fn parse(text: &str) -> Result<Mailbox, String> {
        let said = shorten(text);
        let mailbox = Mailbox::from(text);
        let is_open = text.contains('<') && !text.ends_with('>');
        let name = mailbox.name.as_deref().unwrap_or_default();
        let is_long = name.chars().any(char::is_control) || name.len() > 200;
        if !is_address(&mailbox.address) || is_long || is_open {
            return Err(format!(
                "`{said}` is not a sender: write \"Example Status <status@example.org>\""
            ));
        }
        let special = if text.starts_with('"') {
            "\"\\"
        } else {
            "\"\\()[]:;@,."
        };
        if name.contains(|c| special.contains(c)) {
            return Err(format!(
                "put the name in `{said}` in quotes of its own: write \
                 '\"Example Inc.\" <status@example.org>'"
            ));
        }
        Ok(mailbox)
    }
}

/// An IP address.
pub struct IpAddress;

impl Format for IpAddress {
    type Value = IpAddr;
    const IS: &'static str = "an IP address in quotes, as \"192.0.2.10\"";
    const EXAMPLE: &'static str = "192.0.2.10";

    fn parse(text: &str) -> Result<IpAddr, String> {
        text.parse().map_err(|_| {
            let said = shorten(text);
            let hint = "write it alone, without a port or brackets";
            format!("`{said}` is not an IP address: {hint}")
        })
    }
}

/// The addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// The number of leading bits that its addresses share.
    bits: u32,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address, self.bits) == Some(self.address)
    }

    /// The number of leading bits that its addresses share.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// True if it holds all addresses of a family.
    pub fn is_everything(&self) -> bool {
        self.bits == 0
    }
}

/// An address without the bits after the first ones. `None` if it has fewer bits.
fn masked(address: IpAddr, bits: u32) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let rest = 32_u32.checked_sub(bits)?;
            let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
            Some(Ipv4Addr::from_bits(v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let rest = 128_u32.checked_sub(bits)?;
            let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
            Some(Ipv6Addr::from_bits(v6.to_bits() & mask).into())
        }
    }
}

/// A network, or one address.
pub struct IpNetwork;

impl Format for IpNetwork {
    type Value = Network;
    const IS: &'static str = "an IP address or a network in quotes, as \"10.0.0.0/8\"";
    const EXAMPLE: &'static str = "10.0.0.0/8";

    fn parse(text: &str) -> Result<Network, String> {
        let said = shorten(text);
        let wrong = || {
            format!(
                "`{said}` is not an IP address or a network: write one as \"192.0.2.10\" or \"10.0.0.0/8\""
            )
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
            None => all,
        };
        match masked(address, bits) {
            None => Err(format!("`{said}`: an address has {all} bits")),
            Some(first) if first != address => Err(format!(
                "`{said}` is an address within a network: write \"{first}/{bits}\""
            )),
            Some(address) => Ok(Network { address, bits }),
        }
    }
}

/// An address to listen on.
pub struct ListenAddress;

impl Format for ListenAddress {
    type Value = SocketAddr;
    const IS: &'static str = "an address with its port in quotes, as \"127.0.0.1:8080\"";
    const EXAMPLE: &'static str = "127.0.0.1:8080";

    fn parse(text: &str) -> Result<SocketAddr, String> {
        text.parse().map_err(|_| {
            let hint = match text.rsplit_once(':') {
                Some(("localhost", port)) if port.parse::<u16>().is_ok() => {
                    format!("write \"127.0.0.1:{port}\"")
                }
                Some(("" | "*", port)) if port.parse::<u16>().is_ok() => {
                    format!("write \"0.0.0.0:{port}\" for every address of this machine")
                }
                _ => "write an IP address and a port, as \"127.0.0.1:8080\"".to_owned(),
            };
            format!("`{}` is not an address to listen on: {hint}", shorten(text))
        })
    }
}

/// A host: a name or an address, IPv6 without brackets. A dot at the end of a name keeps the resolver from
/// trying other domains.
pub struct Host;

impl Format for Host {
    type Value = String;
    const IS: &'static str = "a host in quotes, as \"interface.example.org\"";
    const EXAMPLE: &'static str = "interface.example.org";

    fn parse(text: &str) -> Result<String, String> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if text.parse::<IpAddr>().is_ok() || is_host_name(name) {
            return Ok(text.to_owned());
        }
        if text.trim().is_empty() {
            return Err("this host name is empty".to_owned());
        }
        let said = redact(text);
        if text.contains("://") {
            return Err(format!("`{said}` is a URL: write the host alone"));
        }
        if text.starts_with('[') {
            return Err(format!("`{said}`: write an IPv6 address without brackets"));
        }
        let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        if port.is_some_and(|port| port.is_ok()) {
            return Err(format!("`{said}`: write the port in its own key, `port`"));
        }
        Err(format!("`{said}` is not a host name or an IP address"))
    }
}

/// How a connection to a relay is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Not secured.
    Smtp,
    /// By STARTTLS, which must succeed.
    StartTls,
    /// By TLS from the first byte.
    Smtps,
}

/// The URL of a mail relay: how the connection is secured, the host (IPv6 without brackets), the port.
pub struct RelayUrl;

impl Format for RelayUrl {
    type Value = (Scheme, String, u16);
    const IS: &'static str = "a relay's address in quotes, as \"smtps://mail.example.org\"";
    const EXAMPLE: &'static str = "smtps://mail.example.org";
    const PATTERN: Option<&'static str> = Some(r"^(smtp|smtp\+starttls|smtps)://[^@/\s]+/?$");

    fn parse(text: &str) -> Result<Self::Value, String> {
        let wrong = |why: &str| format!("`{}` is not a relay: {why}", redact(text));
        if text.contains('@') {
            return Err(
                "a user or password must not appear in a URL: use `user` and `password_file`"
                    .to_owned(),
            );
        }
        let url = Url::parse(text).ok();
        let (scheme, usual) = match url.as_ref().map(Url::scheme) {
            Some("smtp") => (Scheme::Smtp, 25),
            Some("smtp+starttls") => (Scheme::StartTls, 587),
            Some("smtps") => (Scheme::Smtps, 465),
            _ => {
                return Err(wrong(
                    "write smtp://, smtp+starttls:// or smtps://, and a host",
                ));
            }
        };
        let host = match url.as_ref().and_then(Url::host) {
            Some(url::Host::Domain(name)) if is_host_name(name) => name.to_owned(),
            Some(url::Host::Ipv6(ip)) => ip.to_string(),
            _ => return Err(wrong("write the name or address of a host")),
        };
        let port = url.as_ref().and_then(Url::port).unwrap_or(usual);
        let rest = url.as_ref().map_or("", |url| &url[Position::BeforePath..]);
        if port == 0 || !matches!(rest, "" | "/") {
            return Err(wrong("write only a port from 1 to 65535 after the host"));
        }
        Ok((scheme, host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let network = |text: &str| IpNetwork::parse(text).unwrap();
        let holds = |text: &str, address: &str| network(text).contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.1.2"));
        assert!(!holds("10.0.0.0/8", "11.0.0.0"));
        assert!(!holds("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(holds("192.0.2.10", "192.0.2.10"));
        assert!(!holds("192.0.2.10", "192.0.2.11"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("::1", "::1"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && network("0.0.0.0/0").is_everything());
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        for (wrong, why) in [
            ("10.1.2.3/8", "write \"10.0.0.0/8\""),
            ("10.0.0.0/33", "32 bits"),
            ("::/129", "128 bits"),
            ("10.0.0.0/", "is not an IP address or a network"),
            ("10.0.0.0/+8", "is not an IP address or a network"),
            ("proxy.example.org", "is not an IP address or a network"),
        ] {
            let error = IpNetwork::parse(wrong).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn relays_have_a_scheme_a_host_and_a_port() {
        let parse = RelayUrl::parse;
        assert_eq!(
            parse("smtp://127.0.0.1:2525"),
            Ok((Scheme::Smtp, "127.0.0.1".into(), 2525))
        );
        assert_eq!(
            parse("smtps://mail.example.org"),
            Ok((Scheme::Smtps, "mail.example.org".into(), 465))
        );
        assert_eq!(
            parse("smtp+starttls://[::1]"),
            Ok((Scheme::StartTls, "::1".into(), 587))
        );
        for text in [
            "mail",
            "http://mail",
            "smtp://",
            "smtp://a/b",
            "smtp://a:0",
            "smtp://[::1",
            "smtp://[::1]x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("smtp://me:hunter2@mail").is_err_and(|why| !why.contains("hunter2")));
    }

    #[test]
    fn a_mail_address_is_plain() {
        assert!(Address::parse("it@st-elsewhere.example").is_ok());
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b@c",
            "a@b\r\nBcc: c@d",
            "A <a@b>",
            "a..b@c",
            "é@b",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        assert!(Sender::parse("Example HIE Status <status@example.org>").is_ok());
        assert!(Sender::parse("\"Example, Inc.\" <status@example.org>").is_ok());
        assert!(Sender::parse("Example, Inc. <status@example.org>").is_err());
        assert!(Sender::parse("X\r\nBcc: y <status@example.org>").is_err());
    }

    #[test]
    fn listeners_are_addresses() {
        assert!(ListenAddress::parse("[::1]:8080").is_ok());
        assert!(
            ListenAddress::parse("localhost:8080").is_err_and(|why| why.contains("127.0.0.1:8080"))
        );
        assert!(ListenAddress::parse(":8080").is_err_and(|why| why.contains("0.0.0.0:8080")));
        assert!(Host::parse("interface.example.org:2575").is_err_and(|why| why.contains("`port`")));
        assert!(Host::parse("::1").is_ok());
        assert!(Host::parse("interface.example.org.").is_ok());
        assert!(Host::parse("interface.example.org..").is_err() && Host::parse(".").is_err());
    }
}
