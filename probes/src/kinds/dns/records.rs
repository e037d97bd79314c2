//! The records of DNS as a configuration writes them. Names are compared without regard to case.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_resolver::proto::rr::{self, Name, RData};
use schemars::JsonSchema;
use serde::Deserialize;
use values::Format;
use values::suggest::shorten;

use crate::dial::Host;

/// The name that a probe resolves, with or without a dot at its end.
pub(super) struct Asked;

impl Format for Asked {
    type Value = Host;
    const IS: &'static str = "a name in quotes, as \"portal.example.org\"";
    const EXAMPLE: &'static str = "portal.example.org";

    fn parse(text: &str) -> Result<Host, String> {
        Host::parse(text.strip_suffix('.').unwrap_or(text))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(super) enum RecordType {
    #[default]
    A,
    Aaaa,
    Cname,
    Mx,
    Ns,
    Ptr,
    Srv,
    Txt,
}

impl RecordType {
    pub(super) fn word(self) -> &'static str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Cname => "CNAME",
            RecordType::Mx => "MX",
            RecordType::Ns => "NS",
            RecordType::Ptr => "PTR",
            RecordType::Srv => "SRV",
            RecordType::Txt => "TXT",
        }
    }

    /// The type in a query.
    pub(super) fn code(self) -> rr::RecordType {
        match self {
            RecordType::A => rr::RecordType::A,
            RecordType::Aaaa => rr::RecordType::AAAA,
            RecordType::Cname => rr::RecordType::CNAME,
            RecordType::Mx => rr::RecordType::MX,
            RecordType::Ns => rr::RecordType::NS,
            RecordType::Ptr => rr::RecordType::PTR,
            RecordType::Srv => rr::RecordType::SRV,
            RecordType::Txt => rr::RecordType::TXT,
        }
    }

    /// The text of an expected record, in the form of [`text`].
    ///
    /// # Errors
    ///
    /// How to write a record of this type.
    pub(super) fn parse(self, text: &str) -> Result<String, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let parsed = match (self, words.as_slice()) {
            (RecordType::A, [word]) => word.parse::<Ipv4Addr>().ok().map(|ip| ip.to_string()),
            (RecordType::Aaaa, [word]) => word.parse::<Ipv6Addr>().ok().map(|ip| ip.to_string()),
            (RecordType::Cname | RecordType::Ns | RecordType::Ptr, [word]) => plain(word),
            (RecordType::Mx, [numbers @ .., name]) if numbers.len() == 1 => numbered(numbers, name),
            (RecordType::Srv, [numbers @ .., name]) if numbers.len() == 3 => {
                numbered(numbers, name)
            }
            (RecordType::Txt, _) => Some(text.to_owned()),
            _ => None,
        };
        parsed.ok_or_else(|| {
            let (said, word) = (shorten(text), self.word());
            let example = match self {
                RecordType::A => "192.0.2.10",
                RecordType::Aaaa => "2001:db8::10",
                RecordType::Mx => "10 mail.example.org",
                RecordType::Srv => "0 100 389 ldap.example.org",
                _ => "portal.example.org",
            };
            format!("`{said}` is not a record of type {word}: write it as \"{example}\"")
        })
    }
}

/// Numbers and a name, as those of an MX record.
fn numbered(numbers: &[&str], name: &str) -> Option<String> {
    let mut text = String::new();
    for number in numbers {
        text.push_str(&number.parse::<u16>().ok()?.to_string());
        text.push(' ');
    }
    // A lone dot says that there is no such service (RFC 2782, RFC 7505).
    let name = if name == "." {
        name.to_owned()
    } else {
        plain(name)?
    };
    Some(text + &name)
}

/// A name in lower case without a dot at its end.
fn plain(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    values::is_host_name(name).then(|| name.to_ascii_lowercase())
}

/// A name of an answer in lower case without a dot at its end.
pub(super) fn shown(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(plain) => plain.to_owned(),
    }
}

/// The name in a query.
///
/// # Errors
///
/// The name does not suit the type of the records.
pub(super) fn name(host: &Host, record: RecordType) -> Result<Name, String> {
    let mut name = match host {
        Host::Name(name) => Name::from_ascii(name).map_err(|why| why.to_string())?,
        Host::Address(ip) if record == RecordType::Ptr => Name::from(IpAddr::clone(ip)),
        Host::Address(_) => {
            return Err("an address only has PTR records: add `record = \"PTR\"`".to_owned());
        }
    };
    name.set_fqdn(true);
    Ok(name)
}

/// The text of a record, as a configuration writes it. `None` for another type.
pub(super) fn text(data: &RData, record: RecordType) -> Option<String> {
    Some(match (record, data) {
        (RecordType::A, RData::A(ip)) => ip.0.to_string(),
        (RecordType::Aaaa, RData::AAAA(ip)) => ip.0.to_string(),
        (RecordType::Cname, RData::CNAME(name)) => shown(&name.0),
        (RecordType::Ns, RData::NS(name)) => shown(&name.0),
        (RecordType::Ptr, RData::PTR(name)) => shown(&name.0),
        (RecordType::Mx, RData::MX(mx)) => format!("{} {}", mx.preference, shown(&mx.exchange)),
        (RecordType::Srv, RData::SRV(srv)) => format!(
            "{} {} {} {}",
            srv.priority,
            srv.weight,
            srv.port,
            shown(&srv.target)
        ),
        // Long texts are sent in parts of 255 bytes.
        (RecordType::Txt, RData::TXT(txt)) => {
            String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_written_in_one_way() {
        for (record, text, same) in [
            (RecordType::A, "192.0.2.10", "192.0.2.10"),
            (RecordType::Aaaa, "2001:DB8:0::10", "2001:db8::10"),
            (
                RecordType::Cname,
                "Portal.Example.org.",
                "portal.example.org",
            ),
            (
                RecordType::Mx,
                "010 Mail.example.org",
                "10 mail.example.org",
            ),
            (RecordType::Mx, "0 .", "0 ."),
            (
                RecordType::Srv,
                "0 100 389 ldap.example.org.",
                "0 100 389 ldap.example.org",
            ),
            (RecordType::Txt, "v=spf1 -ALL", "v=spf1 -ALL"),
        ] {
            assert_eq!(record.parse(text).as_deref(), Ok(same));
        }
        for (record, text) in [
            (RecordType::A, "2001:db8::10"),
            (RecordType::A, "portal.example.org"),
            (RecordType::Aaaa, "192.0.2.10"),
            (RecordType::Ns, "a b"),
            (RecordType::Mx, "mail.example.org"),
            (RecordType::Mx, "65536 mail.example.org"),
            (RecordType::Srv, "10 mail.example.org"),
        ] {
            assert!(record.parse(text).is_err(), "{text}");
        }
    }
}
