//! The cookies of one run, as browsers keep them (RFC 6265): a server that sets one expects it back, in a redirect
//! and in the next step of a journey. A cookie must never go to a host that its server could not set it for.

use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderValue};
use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;
use values::suggest::shorten;

use crate::kinds::http::hop::name;

/// The most cookies that a run keeps.
const LIMIT: usize = 100;

/// Holds secrets, so it has no `Debug`.
#[derive(Default)]
pub(crate) struct Jar(Vec<Cookie>);

struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Only the host itself gets it, no name below.
    is_exact: bool,
    path: String,
    is_secure: bool,
    /// `None` lasts as long as the run.
    ends_at: Option<Instant>,
}

/// A cookie that an answer has set or deleted.
pub(crate) struct Change {
    name: String,
    /// A secret.
    pub(crate) value: String,
    is_gone: bool,
}

impl Change {
    /// Without its value.
    pub(crate) fn in_words(&self) -> String {
        let done = if self.is_gone { "deleted" } else { "set" };
        format!("cookie `{}` {done}", shorten(&self.name))
    }
}

impl Jar {
    /// Keeps the cookies that an answer from `url` sets.
    pub(crate) fn keep(&mut self, url: &Url, headers: &HeaderMap) -> Vec<Change> {
        let now = headers.get(header::DATE).and_then(date);
        let mut changes = Vec::new();
        for value in headers.get_all(header::SET_COOKIE) {
            let text = String::from_utf8_lossy(value.as_bytes());
            let Some((cookie, is_gone)) = parse(url, &text, now) else {
                continue;
            };
            let is_same = |old: &Cookie| {
                (&old.name, &old.domain, &old.path) == (&cookie.name, &cookie.domain, &cookie.path)
            };
            // A page without TLS cannot replace the cookie of one with TLS.
            if url.scheme() != "https" && self.0.iter().any(|old| old.is_secure && is_same(old)) {
                continue;
            }
            self.0.retain(|old| !is_same(old));
            changes.push(Change {
                name: cookie.name.clone(),
                value: cookie.value.clone(),
                is_gone,
            });
            if !is_gone && self.0.len() < LIMIT {
                self.0.push(cookie);
            }
        }
        changes
    }

    /// The header `Cookie` of a request to `url`. A kept cookie replaces a `configured` one of the same name.
    pub(crate) fn header(
        &self,
        url: &Url,
        configured: Option<&HeaderValue>,
    ) -> Option<HeaderValue> {
        let mut kept: Vec<_> = self.0.iter().filter(|cookie| cookie.is_for(url)).collect();
        if kept.is_empty() {
            return None;
        }
        kept.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let is_kept = |pair: &str| {
            let name = pair.split('=').next().unwrap_or_default().trim();
            kept.iter().any(|cookie| cookie.name == name)
        };
        let configured = configured.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let configured = configured.as_deref().unwrap_or_default();
        let mut pairs: Vec<String> = configured
            .split(';')
            .map(|pair| pair.trim().to_owned())
            .filter(|pair| !pair.is_empty() && !is_kept(pair))
            .collect();
        pairs.extend(
            kept.iter()
                .map(|cookie| format!("{}={}", cookie.name, cookie.value)),
        );
        let mut value = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Cookie {
    fn is_for(&self, url: &Url) -> bool {
        let host = name(url);
        let is_host = host == self.domain || !self.is_exact && is_below(host, &self.domain);
        let path = url.path();
        let rest = path.strip_prefix(self.path.as_str());
        let is_path = rest.is_some_and(|rest| {
            rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/')
        });
        let is_over = self.ends_at.is_some_and(|at| at <= Instant::now());
        is_host && is_path && !is_over && (!self.is_secure || url.scheme() == "https")
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    let label = host
        .strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix('.'));
    label.is_some_and(|label| !label.is_empty())
}

/// The cookie of a header `Set-Cookie`, and true if it is to be deleted. `None` if browsers ignore it.
fn parse(url: &Url, text: &str, now: Option<Timestamp>) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let host = self::name(url);
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        domain: host.to_owned(),
        is_exact: true,
        path: default_path(url.path()),
        is_secure: false,
        ends_at: None,
    };
    let (mut max_age, mut expires) = (None, None);
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                // Without a list of public suffixes, a name of one label counts as one.
                let is_wide = domain.contains('.') && is_below(host, &domain);
                if is_wide && matches!(url.host(), Some(url::Host::Domain(_))) {
                    (cookie.domain, cookie.is_exact) = (domain, false);
                } else if domain == host {
                    cookie.is_exact = !matches!(url.host(), Some(url::Host::Domain(_)));
                } else if !domain.is_empty() {
                    return None;
                }
            }
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.is_secure = true,
            "max-age" => max_age = value.parse::<i64>().ok(),
            "expires" => expires = parse_date(value),
            _ => {}
        }
    }
    if cookie.name.is_empty() || cookie.is_secure && url.scheme() != "https" {
        return None;
    }
    // A server without a clock means 1970.
    let now = now.unwrap_or(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24));
    let left_s = max_age.or(expires.map(|at| at.as_second() - now.as_second()));
    cookie.ends_at = left_s.and_then(|left_s| {
        let left = Duration::from_secs(u64::try_from(left_s).ok()?);
        Instant::now().checked_add(left)
    });
    Some((cookie, left_s.is_some_and(|left_s| left_s <= 0)))
}

/// The path up to its last slash (RFC 6265 §5.1.4).
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => path[..end].to_owned(),
    }
}

/// The time by the server's own clock: a cookie is deleted by an expiry in its past.
fn date(value: &HeaderValue) -> Option<Timestamp> {
    parse_date(value.to_str().ok()?)
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`, also with hyphens. Servers get the weekday wrong, so it is left out.
fn parse_date(text: &str) -> Option<Timestamp> {
    let date = text.split_once(',').map_or(text, |(_, date)| date);
    let parsed = jiff::fmt::rfc2822::parse(date.trim().replace('-', " ").as_str());
    parsed.ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cookies that `to` gets after an answer from `from` set `cookies`.
    fn sent(from: &str, cookies: &[&str], to: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(
            "date",
            HeaderValue::from_static("Sun, 29 Nov 2026 17:00:00 GMT"),
        );
        for cookie in cookies {
            headers.append("set-cookie", HeaderValue::from_str(cookie).unwrap());
        }
        let mut jar = Jar::default();
        jar.keep(&from.parse().unwrap(), &headers);
        let value = jar.header(&to.parse().unwrap(), None);
        value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cookie_goes_back_to_its_host_and_path() {
        let from = "http://a.portal.example/app/login";
        for (cookie, to, wanted) in [
            (
                "s=1; HttpOnly; SameSite=Lax",
                "http://a.portal.example/app/home",
                "s=1",
            ),
            ("s=1", "http://a.portal.example./app", "s=1"),
            ("s=1", "http://a.portal.example:8080/app/", "s=1"),
            ("s=1", "http://a.portal.example/application", ""),
            ("s=1", "http://a.portal.example/", ""),
            ("s=1; Path=/", "http://a.portal.example/", "s=1"),
            ("s=1; path=/", "http://b.portal.example/", ""),
            ("s=1; path=/", "http://b.a.portal.example/", ""),
            (
                "s=1; path=/; domain=a.portal.example",
                "http://b.a.portal.example/",
                "s=1",
            ),
            (
                "s=1; path=/; Domain=.Portal.example",
                "http://b.portal.example/",
                "s=1",
            ),
            (
                "s=1; path=/; domain=portal.example",
                "http://xportal.example/",
                "",
            ),
            ("s=1; path=/; domain=example", "http://b.example/", ""),
            (
                "s=1; path=/; domain=other.example",
                "http://other.example/",
                "",
            ),
            ("s=1; path=/; secure", "https://a.portal.example/", ""),
            ("s=1=2; path=/", "https://a.portal.example/", "s=1=2"),
            ("=1; path=/", "http://a.portal.example/", ""),
            ("nothing", "http://a.portal.example/", ""),
        ] {
            assert_eq!(sent(from, &[cookie], to), wanted, "{cookie} {to}");
        }
        let secure = "https://a.portal.example/";
        assert_eq!(sent(secure, &["s=1; Secure"], secure), "s=1");
        assert_eq!(
            sent(secure, &["s=1; Secure"], "http://a.portal.example/"),
            ""
        );
        let address = "http://127.0.0.1/";
        assert_eq!(sent(address, &["s=1; domain=127.0.0.1"], address), "s=1");
        assert_eq!(sent(address, &["s=1; domain=0.0.1"], "http://1.0.0.1/"), "");
    }

    #[test]
    fn a_later_cookie_replaces_or_deletes_an_earlier_one() {
        let url = "http://portal.example/";
        for (second, wanted) in [
            ("s=2", "s=2"),
            ("s=2; path=/x", "s=1"),
            ("s=; Max-Age=0", ""),
            (
                "s=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "s=2",
            ),
            ("s=; Expires=Thu, 01-Jan-1970 00:00:01 GMT", ""),
            ("s=; expires=Fri, 27-Nov-26 12:00:00 GMT", ""),
            ("s=2; expires=Fri, 01 Jan 2100 12:00:00 GMT", "s=2"),
            ("s=2; expires=soon", "s=2"),
        ] {
            assert_eq!(sent(url, &["s=1", second], url), wanted, "{second}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cookie_ends_by_the_clock_of_its_server() {
        let url: Url = "http://portal.example/".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            "date",
            HeaderValue::from_static("Sun, 29 Nov 2020 17:00:00 GMT"),
        );
        for cookie in [
            "a=1; Max-Age=60",
            "b=1; Expires=Sun, 29 Nov 2020 17:02:00 GMT",
            "c=1",
        ] {
            headers.append("set-cookie", HeaderValue::from_static(cookie));
        }
        let mut jar = Jar::default();
        jar.keep(&url, &headers);
        for wanted in ["a=1; b=1; c=1", "b=1; c=1", "c=1"] {
            assert_eq!(jar.header(&url, None).unwrap(), wanted);
            tokio::time::advance(Duration::from_secs(60)).await;
        }
    }

    #[test]
    fn a_page_without_tls_does_not_replace_a_secure_cookie() {
        let mut jar = Jar::default();
        for (url, cookie) in [
            ("https://portal.example/", "s=1; Secure"),
            ("http://portal.example/", "s=2"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("set-cookie", HeaderValue::from_static(cookie));
            jar.keep(&url.parse().unwrap(), &headers);
        }
        let sent = jar.header(&"https://portal.example/".parse().unwrap(), None);
        assert_eq!(sent.unwrap(), "s=1");
    }

    #[test]
    fn configured_cookies_stay_unless_the_server_sets_them() {
        let url: Url = "http://portal.example/".parse().unwrap();
        let mut jar = Jar::default();
        let configured = HeaderValue::from_static("lang=en; s=0");
        assert_eq!(jar.header(&url, Some(&configured)), None);
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", HeaderValue::from_static("s=1"));
        jar.keep(&url, &headers);
        let value = jar.header(&url, Some(&configured)).unwrap();
        assert_eq!(value, "lang=en; s=1");
        assert!(value.is_sensitive());
    }
}
