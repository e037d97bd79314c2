//! One hop of a run: the address and the rendered request. It must never show a query, which may hold a
//! secret.

use std::fmt;
use std::sync::Arc;

use domain::sample::Reason;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Uri};
use rustls::pki_types::ServerName;
use url::{Position, Url};

use crate::dial::Host;
use crate::fault::Fault;
use crate::files::Changing;
use crate::kinds::http::cookies::Jar;
use crate::kinds::http::proxy::Proxy;
use crate::kinds::http::request::Request;
use crate::kinds::http::route::Route;
use crate::tls;
use crate::trace::{Phase, Trace};

/// The shortest value of a cookie that may be a session.
const SHORTEST_SESSION: usize = 8;

/// Holds secrets: `Debug` shows the address alone.
pub(crate) struct Hop {
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// The request target and headers of HTTP/1.1.
    pub(crate) plain: Rendered,
    /// `None` for `http://`.
    pub(crate) secure: Option<Secure>,
    request: Request,
    url: Url,
    route: Option<Arc<Route>>,
    pub(crate) proxy: Option<Arc<Proxy>>,
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hop").field(&self.shown()).finish()
    }
}

/// A request target and headers, in the form of one version of HTTP.
pub(crate) struct Rendered {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

/// The parts that only `https://` needs.
pub(crate) struct Secure {
    /// The name that the certificate must have.
    pub(crate) name: ServerName<'static>,
    /// The request target and headers of HTTP/2.
    pub(crate) http2: Rendered,
}

impl Hop {
    /// Renders the request for this URL.
    ///
    /// # Errors
    ///
    /// The mistake in the URL, without the URL itself.
    pub(crate) fn new(mut url: Url, request: Request) -> Result<Self, String> {
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(format!("`{other}` is neither http nor https")),
        };
        url.set_fragment(None);
        let unfit = |_| "cannot be asked for over HTTP".to_string();
        let authority = match &request.host {
            Some(host) => host.to_str().map_err(unfit_host)?.to_string(),
            None => authority(&url),
        };
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let plain = Rendered {
            uri: path.parse().map_err(unfit)?,
            headers: plain_headers(&authority, &request)?,
        };
        let host = host(&url)?;
        let secure = if secure {
            Some(Secure {
                name: tls::server_name(&host)?,
                http2: Rendered {
                    uri: format!("https://{authority}{path}")
                        .parse()
                        .map_err(unfit)?,
                    headers: request.headers.clone(),
                },
            })
        } else {
            None
        };
        Ok(Hop {
            host,
            port: url.port_or_known_default().ok_or("has no port")?,
            plain,
            secure,
            request,
            url,
            route: None,
            proxy: None,
        })
    }

    /// The same hop, reached as `route` says if it leads to its host.
    pub(crate) fn on(mut self, route: Option<Arc<Route>>) -> Self {
        if let Some(route) = route.as_deref().filter(|route| route.host == self.name()) {
            if let Some(address) = route.address {
                self.host = Host::Address(address);
            }
            if let (Some(secure), Some(name)) = (&mut self.secure, &route.server_name) {
                secure.name = name.clone();
            }
        }
        self.proxy = route
            .as_ref()
            .and_then(|route| route.proxies.of(&self.url))
            .cloned();
        if self.proxy.is_some() && self.secure.is_none() {
            let path = &self.url[Position::BeforePath..Position::AfterQuery];
            // The path was already part of a target.
            if let Ok(uri) = Proxy::target(&self.url, path).parse() {
                self.plain.uri = uri;
            }
        }
        self.route = route;
        self
    }

    /// True unless a redirect led to another host.
    pub(crate) fn is_configured_host(&self) -> bool {
        let route = self.route.as_deref();
        route.is_some_and(|route| route.host == self.name())
    }

    /// The phase in which a run to this hop begins.
    pub(crate) fn first_phase(&self) -> Phase {
        match &self.proxy {
            Some(proxy) => proxy.first_phase(),
            None => self.host.first_phase(),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn route(&self) -> Option<Arc<Route>> {
        self.route.clone()
    }

    /// The file of the proxy's password.
    pub(crate) fn proxy_files(&self) -> Option<Arc<dyn Changing>> {
        self.route.as_ref()?.proxies.files()
    }

    /// The header for a proxy that reads the request. It may change with its file.
    pub(crate) fn proxy_authorization(&self) -> Option<HeaderValue> {
        let proxy = self.proxy.as_ref().filter(|_| self.secure.is_none());
        proxy?.authorization()
    }

    /// The host that the URL names.
    pub(crate) fn name(&self) -> &str {
        name(&self.url)
    }

    /// The same hop with another header `Authorization`.
    pub(crate) fn authorized(&self, value: HeaderValue) -> Result<Self, String> {
        let mut request = self.request.clone();
        request.headers.insert(header::AUTHORIZATION, value);
        Ok(Hop::new(self.url.clone(), request)?.on(self.route.clone()))
    }

    pub(crate) fn method(&self) -> &Method {
        &self.request.method
    }

    pub(crate) fn body(&self) -> bytes::Bytes {
        self.request.body.clone()
    }

    pub(crate) fn has_body(&self) -> bool {
        !self.request.body.is_empty()
    }

    /// The hop that a redirect with this status and `Location` asks for.
    pub(crate) fn follow(&self, status: u16, location: &[u8]) -> Result<Hop, Fault> {
        let wrong = |why: String| Fault::new(Reason::Redirect, why);
        let mut url = self
            .url
            .join(&String::from_utf8_lossy(location))
            .map_err(|e| wrong(format!("status {status} leads nowhere: {e}")))?;
        // Never send user information of a redirect. Neither call fails if there is a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let request = self.request.redirected(status, self.may_send_to(&url))?;
        let next = Hop::new(url, request)
            .map_err(|why| wrong(format!("status {status} leads astray: {why}")))?;
        Ok(next.on(self.route.clone()))
    }

    /// True if the configured headers and body may go to `url`: the same origin, or the same host with
    /// TLS added.
    fn may_send_to(&self, url: &Url) -> bool {
        let same_host = name(&self.url) == name(url);
        let upgraded = self.url.scheme() == "http"
            && url.scheme() == "https"
            && self.url.port().is_none()
            && url.port().is_none();
        let same_scheme = self.url.scheme() == url.scheme() && self.url.port() == url.port();
        same_host && (upgraded || same_scheme)
    }

    /// Keeps the cookies of the answer to this hop.
    pub(crate) fn keep_cookies(&self, jar: &mut Jar, headers: &HeaderMap, trace: &mut Trace<'_>) {
        for change in jar.keep(&self.url, headers) {
            // A session is long. A short value, as `true`, is part of other words.
            if change.value.len() >= SHORTEST_SESSION {
                trace.hide(&change.value);
            }
            trace.note(|| change.in_words());
        }
    }

    /// Sends the cookies that are for this hop.
    pub(crate) fn send_cookies(&mut self, jar: &Jar) {
        let configured = self.request.headers.get(header::COOKIE);
        if let Some(value) = jar.header(&self.url, configured) {
            if let Some(secure) = &mut self.secure {
                secure.http2.headers.insert(header::COOKIE, value.clone());
            }
            self.plain.headers.insert(header::COOKIE, value);
        }
    }

    pub(crate) fn equals(&self, other: &Hop) -> bool {
        self.url == other.url && self.request.method == other.request.method
    }

    pub(crate) fn shown(&self) -> String {
        shown(&self.url)
    }
}

/// The host of a URL without the dot at the end of its name.
pub(crate) fn name(url: &Url) -> &str {
    let name = url.host_str().unwrap_or_default();
    name.strip_suffix('.').unwrap_or(name)
}

/// Host and port, as servers expect them in `Host`: without the dot at the end of a name.
pub(crate) fn authority(url: &Url) -> String {
    let port = &url[Position::AfterHost..Position::AfterPort];
    format!("{}{port}", name(url))
}

/// Scheme, host and path: no user information, no query, no fragment.
pub(crate) fn shown(url: &Url) -> String {
    let path = &url[Position::BeforePath..Position::AfterPath];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    format!("{}://{host}{path}", url.scheme())
}

fn unfit_host<E>(_: E) -> String {
    "the header `Host` is not a host name".to_string()
}

fn plain_headers(authority: &str, request: &Request) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
    let host = HeaderValue::from_str(authority).map_err(unfit_host)?;
    headers.insert(header::HOST, host);
    for (name, value) in &request.headers {
        headers.append(name, value.clone());
    }
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(headers)
}

pub(crate) fn host(url: &Url) -> Result<Host, String> {
    match url.host() {
        Some(url::Host::Ipv4(four)) => Ok(Host::Address(four.into())),
        Some(url::Host::Ipv6(six)) => Ok(Host::Address(six.into())),
        Some(url::Host::Domain(name)) if name.len() <= 253 => Ok(Host::Name(Arc::from(name))),
        _ => Err("names no host".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderName;

    fn request(headers: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request {
            method: Method::GET,
            headers: HeaderMap::new(),
            host: None,
            body: bytes::Bytes::new(),
        };
        for (name, value) in headers {
            let name = HeaderName::from_static(name);
            request
                .headers
                .append(name, HeaderValue::from_static(value));
        }
        request
    }

    fn hop(url: &str) -> Hop {
        let headers = [
            ("authorization", "Bearer secret"),
            ("x-api-key", "secret"),
            ("accept-language", "en"),
        ];
        Hop::new(Url::parse(url).unwrap(), request(&headers)).unwrap()
    }

    fn sends_key(hop: &Hop) -> bool {
        hop.plain.headers.contains_key("x-api-key")
            || hop.plain.headers.contains_key("authorization")
    }

    #[test]
    fn credentials_stay_with_their_host() {
        let first = hop("http://portal.example/login?x=1");
        assert!(sends_key(&first));
        for same in [
            "/home",
            "?next",
            "https://portal.example/",
            "http://portal.example:80/",
        ] {
            assert!(
                sends_key(&first.follow(302, same.as_bytes()).unwrap()),
                "{same}"
            );
        }
        for other in [
            "http://other.example/",
            "//other.example/",
            "http://portal.example:8080/",
            "https://portal.example:8443/",
            "http://portal.example.evil.example/",
            "http://portal.example@other.example/",
        ] {
            let next = first.follow(302, other.as_bytes()).unwrap();
            assert!(!sends_key(&next), "{other}");
            assert_eq!(next.plain.headers["accept-language"], "en");
            // Nor do they come back with a redirect back.
            let back = next.follow(302, b"http://portal.example/").unwrap();
            assert!(!sends_key(&back), "{other}");
        }
        let secure = hop("https://portal.example/");
        assert!(!sends_key(
            &secure.follow(302, b"http://portal.example/").unwrap()
        ));
    }

    #[test]
    fn a_request_body_is_not_sent_to_another_host() {
        let mut request = request(&[]);
        request.method = Method::POST;
        request.body = "password=secret".into();
        let url = Url::parse("http://portal.example/").unwrap();
        let first = Hop::new(url, request).unwrap();
        assert!(first.follow(307, b"/again").unwrap().has_body());
        let fault = first.follow(307, b"http://other.example/").unwrap_err();
        assert_eq!(fault.reason, Reason::Redirect);
        let seen = first.follow(303, b"http://other.example/").unwrap();
        assert_eq!((seen.method(), seen.has_body()), (&Method::GET, false));
    }

    #[test]
    fn a_redirect_to_no_web_address_leads_astray() {
        for bad in [
            "ftp://portal.example/",
            "javascript:alert(1)",
            "http://",
            "http://[::",
        ] {
            let fault = hop("http://portal.example/").follow(302, bad.as_bytes());
            assert_eq!(fault.unwrap_err().reason, Reason::Redirect, "{bad}");
        }
    }

    #[test]
    fn what_is_shown_of_a_url_has_no_query_and_no_user() {
        let url = Url::parse("https://u:p@portal.example:8443/a/b?token=secret#x").unwrap();
        assert_eq!(shown(&url), "https://portal.example:8443/a/b");
    }

    #[test]
    fn a_host_of_its_own_is_named_in_both_versions_but_not_elsewhere() {
        let mut request = request(&[]);
        request.host = Some(HeaderValue::from_static("portal.example"));
        let url = Url::parse("https://127.0.0.1/a?b").unwrap();
        let hop = Hop::new(url, request).unwrap();
        assert_eq!(hop.plain.headers["host"], "portal.example");
        assert_eq!(hop.plain.uri, "/a?b");
        let secure = hop.secure.as_ref().unwrap();
        assert_eq!(secure.http2.uri, "https://portal.example/a?b");
        assert!(!secure.http2.headers.contains_key("host"));
        let same = hop.follow(302, b"/b").unwrap();
        assert_eq!(same.plain.headers["host"], "portal.example");
        let other = hop.follow(302, b"https://other.example/").unwrap();
        assert_eq!(other.plain.headers["host"], "other.example");
    }

    #[test]
    fn a_dot_at_the_end_of_a_name_is_for_the_resolver_alone() {
        let dotted = hop("https://portal.example.:8443/a");
        assert_eq!(dotted.host, Host::Name("portal.example.".into()));
        assert_eq!(dotted.plain.headers["host"], "portal.example:8443");
        let secure = dotted.secure.as_ref().unwrap();
        assert_eq!(secure.http2.uri, "https://portal.example:8443/a");
        assert_eq!(secure.name.to_str(), "portal.example");
        let next = dotted.follow(302, b"https://portal.example:8443/b");
        assert!(sends_key(&next.unwrap()));
    }

    #[test]
    fn the_request_names_the_host_as_the_url_does() {
        let six = hop("http://[::1]:8080/a?b=c");
        assert_eq!(six.plain.headers["host"], "[::1]:8080");
        assert_eq!(six.plain.uri, "/a?b=c");
        assert_eq!(six.host, Host::Address("::1".parse().unwrap()));
        let plain = hop("http://PORTAL.example:80");
        assert_eq!(plain.plain.headers["host"], "portal.example");
        assert_eq!((plain.plain.uri.path(), plain.port), ("/", 80));
    }
}
