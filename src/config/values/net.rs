//! Addresses: of mail, of targets, of listeners and relays.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::url::{filled, secrets};
use crate::config::near::shown;
use crate::config::words::Word;

/// A mail address.
pub(in crate::config) struct Email;

impl Word for Email {
    type Value = String;
    const IS: &'static str = "a mail address in quotes, as \"desk@example.org\"";

    fn read(text: &str) -> Result<String, String> {
        if text.ends_with('>') && text.contains('<') {
            return Err(format!(
                "`{}` holds more than the address itself",
                shown(text)
            ));
        }
        if is_email(text) {
            return Ok(text.to_owned());
        }
        Err(format!("`{}` is not a mail address", shown(text)))
    }
}

/// The common form of an address: an unquoted local part of ASCII and a host name.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    !local.is_empty()
        && local.len() <= 64
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(letter))
        && is_name(domain)
}

/// A host name: labels of letters, digits and hyphens (underscores occur in private networks).
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A sender: an address, or `Name <address>`.
pub(in crate::config) struct Sender;

impl Word for Sender {
    type Value = String;
    const IS: &'static str = "a sender in quotes, as \"Example Status <status@example.org>\"";

    fn read(text: &str) -> Result<String, String> {
        let wrong = || {
            format!(
                "`{}` is not a sender: write \"Example Status <status@example.org>\"",
                shown(text)
            )
        };
        let Some((name, address)) = text.split_once('<') else {
            return if is_email(text) {
                Ok(text.to_owned())
            } else {
                Err(wrong())
            };
        };
        let address = address.strip_suffix('>').ok_or_else(wrong)?;
        let name = name.trim();
        if !is_email(address) || name.chars().any(char::is_control) || name.len() > 200 {
            return Err(wrong());
        }
        let quoted = name.len() >= 2 && name.starts_with('"') && name.ends_with('"');
        let inner = if quoted {
            &name[1..name.len() - 1]
        } else {
            name
        };
        let special = if quoted { "\"\\" } else { "\"\\()[]:;@,." };
        if inner.chars().any(|c| special.contains(c)) {
            return Err(format!(
                "the name in `{}` must stand in quotes of its own: write \
                 '\"Example Inc.\" <status@example.org>'",
                shown(text)
            ));
        }
        Ok(text.to_owned())
    }
}

/// An address to listen on.
pub(in crate::config) struct Socket;

impl Word for Socket {
    type Value = SocketAddr;
    const IS: &'static str = "an address with its port in quotes, as \"127.0.0.1:8080\"";

    fn read(text: &str) -> Result<SocketAddr, String> {
        text.parse().map_err(|_| {
            let port = text
                .rsplit(':')
                .next()
                .filter(|port| port.parse::<u16>().is_ok());
            let hint = match (text.split(':').next(), port) {
                (Some("localhost"), Some(port)) => format!("write \"127.0.0.1:{port}\""),
                (Some("" | "*"), Some(port)) => {
                    format!("write \"0.0.0.0:{port}\" for every address of this machine")
                }
                _ => "write an IP address and a port, as \"127.0.0.1:8080\"".to_owned(),
            };
            format!("`{}` is not an address to listen on: {hint}", shown(text))
        })
    }
}

/// A host: a name or an address, IPv6 without brackets.
pub(in crate::config) struct Host;

impl Word for Host {
    type Value = String;
    const IS: &'static str = "a host in quotes, as \"interface.example.org\"";

    fn read(text: &str) -> Result<String, String> {
        if text.parse::<IpAddr>().is_ok() || is_name(text) {
            return Ok(text.to_owned());
        }
        if text.contains("://") {
            return Err(format!("`{}` is a URL: write the host alone", hidden(text)));
        }
        if text.starts_with('[') {
            return Err(format!(
                "`{}`: an IPv6 address stands without brackets",
                shown(text)
            ));
        }
        if let Some((host, port)) = text.rsplit_once(':')
            && port.parse::<u16>().is_ok()
            && is_name(host)
        {
            return Err(format!(
                "`{}`: the port has a key of its own, `port`",
                shown(text)
            ));
        }
        Err(format!(
            "`{}` is not a host name or an IP address",
            shown(text)
        ))
    }
}

/// The text for a message, without what stands before an `@`, which may be a password, and without
/// a query that holds a secret.
fn hidden(text: &str) -> String {
    let query = text.find('?').filter(|_| secrets(text).next().is_some());
    if let Some(query) = query {
        return format!("{}?…", hidden(&text[..query]));
    }
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{}", shown(rest)),
        None => shown(text),
    }
}

/// Why a user in a URL is refused; it must never be shown.
const USER_IN_URL: &str = "a user or password does not stand in a URL";

/// What a probe asks. A whole value of its query may be a variable, `${NAME}`, still to be filled in.
pub(in crate::config) struct HttpUrl;

impl Word for HttpUrl {
    type Value = String;
    const IS: &'static str = "a URL in quotes, as \"https://portal.example.org/login\"";
    const PATTERN: Option<&'static str> = Some(r"^https?://[^@/?#\s]+([/?][^#\s]*)?$");

    fn read(text: &str) -> Result<String, String> {
        let wrong = |why: &str| format!("`{}` is not such a URL: {why}", hidden(text));
        // Whatever is filled in is percent-encoded: it makes no URL of what is none.
        let asked = filled(text, |_| Some("x".to_owned())).unwrap_or_default();
        if asked.contains("${") {
            return Err(
                "an environment variable stands for a whole value of the query, as \
                        \"https://portal.example.org/?token=${PORTAL_TOKEN}\""
                    .to_owned(),
            );
        }
        if text.contains('#') {
            return Err(wrong("what follows `#` is never sent"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("it starts with http:// or https://"));
        };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        if host.contains('@') {
            return Err(format!("{USER_IN_URL}: use `basic` or `bearer_token_file`"));
        }
        if !matches!(scheme, "http" | "https") {
            return Err(wrong("it starts with http:// or https://"));
        }
        if !text.is_ascii() {
            return Err(wrong(
                "it has only ASCII; write the rest percent-encoded or as xn--",
            ));
        }
        if host.is_empty() || host.starts_with(':') {
            return Err(wrong("it has no host"));
        }
        let uri: hyper::Uri = asked
            .parse()
            .map_err(|_| wrong("it has a character or a port that no URL has"))?;
        let named = uri.host().unwrap_or_default();
        let bare = named.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_err() && !is_name(named) {
            return Err(wrong("it has no host"));
        }
        let after = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'));
        if after.is_some_and(|(_, port)| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err(wrong("its port is a number from 1 to 65535"));
        }
        Ok(text.to_owned())
    }
}

/// A request's method.
pub(in crate::config) struct Method;

impl Word for Method {
    type Value = String;
    const IS: &'static str = "a method in quotes, as \"GET\"";
    const PATTERN: Option<&'static str> = Some("^[A-Z]{1,20}$");

    fn read(text: &str) -> Result<String, String> {
        if matches!(text, "CONNECT" | "TRACE") {
            return Err(format!("`{text}` is not for probing"));
        }
        if !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_uppercase()) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "`{}` is not a method: write \"GET\", \"HEAD\" or \"POST\"",
            shown(text)
        ))
    }
}

/// A mail relay.
pub(in crate::config) struct RelayUrl;

impl Word for RelayUrl {
    type Value = (crate::config::Scheme, String, u16);
    const IS: &'static str = "a relay's address in quotes, as \"smtps://mail.example.org\"";
    const PATTERN: Option<&'static str> = Some(r"^(smtp|smtp\+starttls|smtps)://[^@/\s]+/?$");

    fn read(text: &str) -> Result<Self::Value, String> {
        use crate::config::Scheme;
        let wrong = |why: &str| format!("`{}` is not a relay: {why}", hidden(text));
        const SCHEMES: &str = "it starts with smtp://, smtp+starttls:// or smtps://";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(SCHEMES))?;
        if rest.contains('@') {
            return Err(format!("{USER_IN_URL}: use `user` and `password_file`"));
        }
        let (scheme, usual) = match scheme {
            "smtp" => (Scheme::Smtp, 25),
            "smtp+starttls" => (Scheme::StartTls, 587),
            "smtps" => (Scheme::Smtps, 465),
            _ => return Err(wrong(SCHEMES)),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
            let (host, port) = rest
                .split_once(']')
                .ok_or_else(|| wrong("a bracket is open"))?;
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(wrong("brackets hold an IPv6 address"));
            }
            (host, port)
        } else {
            let end = rest.find(':').unwrap_or(rest.len());
            let (host, port) = rest.split_at(end);
            if !is_name(host) {
                return Err(wrong("after :// stand a host and a port, and nothing else"));
            }
            (host, port)
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => usual,
            None => return Err(wrong("after the host stands a port, and nothing else")),
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return Err(wrong("its port is a number from 1 to 65535")),
            },
        };
        Ok((scheme, host.to_owned(), port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Scheme;

    #[test]
    fn relays_have_a_scheme_a_host_and_a_port() {
        let read = RelayUrl::read;
        assert_eq!(
            read("smtp://127.0.0.1:2525"),
            Ok((Scheme::Smtp, "127.0.0.1".into(), 2525))
        );
        assert_eq!(
            read("smtps://mail.example.org"),
            Ok((Scheme::Smtps, "mail.example.org".into(), 465))
        );
        assert_eq!(
            read("smtp+starttls://[::1]"),
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
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("smtp://me:hunter2@mail").is_err_and(|why| !why.contains("hunter2")));
    }

    #[test]
    fn urls_hold_no_password() {
        assert!(HttpUrl::read("https://portal.example.org/login?a=b").is_ok());
        assert!(HttpUrl::read("http://[::1]:8080/").is_ok());
        assert!(HttpUrl::read("https://x.org/a@b").is_ok());
        for text in [
            "",
            "x",
            "ftp://x",
            "https://",
            "https:///x",
            "https://x:0/",
            "https://x:/",
            "https://x:99999",
            "https://a b/",
            "https://é.org/",
            "https://x/#top",
        ] {
            assert!(HttpUrl::read(text).is_err(), "{text}");
        }
        for text in [
            "https://me:hunter2@x.org/",
            "htp://me:hunter2@x.org/",
            "me:hunter2@x.org",
        ] {
            assert!(
                HttpUrl::read(text).is_err_and(|why| !why.contains("hunter2")),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_are_plain() {
        assert!(Email::read("it@st-elsewhere.example").is_ok());
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
            assert!(Email::read(text).is_err(), "{text}");
        }
        assert!(Sender::read("Example HIE Status <status@example.org>").is_ok());
        assert!(Sender::read("\"Example, Inc.\" <status@example.org>").is_ok());
        assert!(Sender::read("Example, Inc. <status@example.org>").is_err());
        assert!(Sender::read("X\r\nBcc: y <status@example.org>").is_err());
    }

    #[test]
    fn listeners_are_addresses() {
        assert!(Socket::read("[::1]:8080").is_ok());
        assert!(Socket::read("localhost:8080").is_err_and(|why| why.contains("127.0.0.1:8080")));
        assert!(Socket::read(":8080").is_err_and(|why| why.contains("0.0.0.0:8080")));
        assert!(Host::read("interface.example.org:2575").is_err_and(|why| why.contains("`port`")));
        assert!(Host::read("::1").is_ok());
    }
}
