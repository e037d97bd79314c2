//! The proxies that environment variables name: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or
//! the same in lower case, which come first.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::files::Current;
use crate::kinds::http::hop::name;
use crate::kinds::http::proxy::{Proxies, Proxy, address};
use crate::kinds::http::request;

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The proxies, and a sentence for each variable that has an effect.
#[derive(Default)]
pub(super) struct Found {
    pub(super) proxies: Proxies,
    sentences: Vec<String>,
}

/// What `nines check` says about the variables: what they do if they are `honoured`, else that they do nothing.
/// No sentence holds a user or a password.
///
/// # Errors
///
/// A variable that is honoured has a mistake.
pub fn describe(variable: Variable<'_>, honoured: bool) -> Result<Vec<String>, String> {
    if honoured {
        let found = proxies(variable)?;
        return Ok(match found.sentences.as_slice() {
            [] => {
                vec!["`proxy_from_environment` has no effect: no variable names a proxy".to_owned()]
            }
            _ => found.sentences,
        });
    }
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let set = names.into_iter().filter_map(|name| get(variable, name));
    Ok(set
        .map(|(name, _)| {
            format!(
                "the environment variable {name} has no effect: `proxy_from_environment = true` in `[service]` \
                 makes `http` probes use it"
            )
        })
        .collect())
}

/// # Errors
///
/// A variable has a mistake.
pub(super) fn proxies(variable: Variable<'_>) -> Result<Found, String> {
    let mut found = Found::default();
    for (scheme, own) in [("http", "HTTP_PROXY"), ("https", "HTTPS_PROXY")] {
        let Some((name, text)) = get(variable, own).or_else(|| get(variable, "ALL_PROXY")) else {
            continue;
        };
        let proxy = proxy(&text)
            .map_err(|why| format!("the environment variable {name} is not a proxy: {why}"))?;
        found.sentences.push(format!(
            "`http` probes of {scheme}:// URLs use the proxy {proxy} of the environment variable {name}"
        ));
        let proxy = Some(Arc::new(proxy));
        match scheme {
            "http" => found.proxies.http = proxy,
            _ => found.proxies.https = proxy,
        }
    }
    if let Some((name, text)) = get(variable, "NO_PROXY").filter(|_| !found.sentences.is_empty()) {
        let entries = text.split([',', ' ']).filter(|entry| !entry.is_empty());
        found.proxies.except = entries.map(str::to_lowercase).collect();
        let entries = found.proxies.except.join(", ");
        let entries = values::suggest::shorten(&entries);
        found
            .sentences
            .push(format!("the environment variable {name} excepts {entries}"));
    }
    Ok(found)
}

/// The name as it is set, and its value.
fn get(variable: Variable<'_>, name: &str) -> Option<(String, String)> {
    [name.to_lowercase(), name.to_owned()]
        .into_iter()
        .find_map(|name| {
            let value = variable(&name).filter(|value| !value.trim().is_empty())?;
            Some((name, value.trim().to_owned()))
        })
}

/// Unlike a key of the configuration, a variable may hold a user and a password.
fn proxy(text: &str) -> Result<Proxy, &'static str> {
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Url::parse(&text).map_err(|_| "it is not a URL")?;
    let (host, port) = address(&url)?;
    let authorization = (!url.username().is_empty()).then(|| credentials(&url));
    Ok(Proxy {
        host,
        port,
        authorization: authorization.transpose()?.map(Current::fixed),
    })
}

fn credentials(url: &Url) -> Result<HeaderValue, &'static str> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = decoded(url.password().unwrap_or_default());
    request::basic(&decoded(url.username()), &password).map_err(|_| "its user or password is odd")
}

/// True if an entry of `NO_PROXY` excepts `url`: `*`, an address, a network, or a name and all below it, each
/// with or without a port.
pub(super) fn excepts(entry: &str, url: &Url) -> bool {
    let host = name(url).trim_start_matches('[').trim_end_matches(']');
    if entry == "*" {
        return true;
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        if let Some((network, bits)) = entry.split_once('/') {
            return is_within(ip, network, bits);
        }
        if entry.trim_start_matches('[').trim_end_matches(']').parse() == Ok(ip) {
            return true;
        }
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()),
        None => (entry, None),
    };
    if entry.contains(':') && (port.is_none() || port != url.port_or_known_default()) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let name = name
        .trim_start_matches('*')
        .trim_start_matches('.')
        .trim_end_matches('.');
    let below = host
        .strip_suffix(name)
        .is_some_and(|rest| rest.ends_with('.'));
    host == name || below && host.parse::<IpAddr>().is_err() && !name.is_empty()
}

fn is_within(ip: IpAddr, network: &str, bits: &str) -> bool {
    let same = |one: u128, other: u128, width: u32, bits: u32| {
        bits <= width && (bits == 0 || (one ^ other) >> (width - bits) == 0)
    };
    match (ip, network.parse(), bits.parse()) {
        (IpAddr::V4(ip), Ok(IpAddr::V4(network)), Ok(bits)) => {
            same(u32::from(ip).into(), u32::from(network).into(), 32, bits)
        }
        (IpAddr::V6(ip), Ok(IpAddr::V6(network)), Ok(bits)) => {
            same(ip.into(), network.into(), 128, bits)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_environment<'a>(set: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        for (entry, url, wanted) in [
            ("*", "http://portal.example/", true),
            ("portal.example", "http://portal.example/", true),
            (".portal.example", "http://a.portal.example/", true),
            ("*.portal.example", "http://a.portal.example/", true),
            ("portal.example", "http://a.portal.example./", true),
            ("portal.example", "http://xportal.example/", false),
            ("portal.example:8080", "http://portal.example:8080/", true),
            ("portal.example:8080", "http://portal.example/", false),
            ("portal.example:443", "https://portal.example/", true),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("10.0.0.0/8", "http://portal.example/", false),
            ("0.0.0.0/0", "http://11.1.2.3/", true),
            ("127.0.0.1", "http://127.0.0.1:8080/", true),
            ("127.0.0.1:80", "http://127.0.0.1:8080/", false),
            ("0.0.1", "http://127.0.0.1/", false),
            ("::1", "http://[::1]:8080/", true),
            ("[::1]", "http://[::1]/", true),
            ("fd00::/8", "http://[fd12::1]/", true),
            (".", "http://portal.example/", false),
        ] {
            assert_eq!(
                excepts(entry, &url.parse().unwrap()),
                wanted,
                "{entry} {url}"
            );
        }
    }

    #[test]
    fn lower_case_comes_first_and_nothing_secret_is_said() {
        let set = [
            ("https_proxy", "http://nines:secret%21@proxy.example:3128"),
            ("HTTPS_PROXY", "http://other.example:1"),
            ("ALL_PROXY", "all.example:8080"),
            ("NO_PROXY", "localhost, .example.org"),
        ];
        let variable = in_environment(&set);
        let said = describe(&variable, true).unwrap();
        assert_eq!(
            said,
            [
                "`http` probes of http:// URLs use the proxy all.example:8080 of the environment variable ALL_PROXY",
                "`http` probes of https:// URLs use the proxy proxy.example:3128 of the environment variable https_proxy",
                "the environment variable NO_PROXY excepts localhost, .example.org",
            ]
        );
        let found = proxies(&variable).unwrap().proxies;
        let value = found.https.unwrap().authorization().unwrap();
        assert_eq!(value, "Basic bmluZXM6c2VjcmV0IQ==");
        let unused = describe(&variable, false).unwrap();
        assert!(
            unused[0].contains("https_proxy has no effect"),
            "{unused:?}"
        );
        assert_eq!(describe(&in_environment(&[]), false).unwrap(), [""; 0]);
        let none = describe(&in_environment(&[]), true).unwrap();
        assert!(none[0].contains("no variable names a proxy"), "{none:?}");
    }

    #[test]
    fn a_variable_with_a_mistake_is_named() {
        for (value, why) in [
            (
                "socks5://proxy.example:1080",
                "only a proxy at an http:// address",
            ),
            ("http://u:secret@proxy.example/x", "only a host and a port"),
            ("http://", "not a URL"),
        ] {
            let set = [("http_proxy", value)];
            let told = describe(&in_environment(&set), true).unwrap_err();
            assert!(
                told.contains("http_proxy is not a proxy") && told.contains(why),
                "{told}"
            );
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
