//! What is asked, whatever the host: method, headers, body, and what of them survives a redirect.
//! It must never let a configured header reach another origin unless it is harmless.

use bytes::Bytes;
use domain::sample::Reason;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use crate::SpecError;
use crate::fault::Fault;
use crate::http::Spec;

/// Says who asks; without a version, so that no target's logs or filters see a new client with
/// each release.
const USER_AGENT: HeaderValue = HeaderValue::from_static("nines/1 (availability monitor)");

/// Headers that belong to the connection and its framing, not to a probe.
const RESERVED: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers that may go to another origin: they say nothing that is meant for one host.
const HARMLESS: [HeaderName; 4] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::USER_AGENT,
];

/// A request without its target. Holds secrets, so it cannot be printed.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// All but `Host` and what belongs to the connection.
    pub(super) headers: HeaderMap,
    /// A `Host` other than the URL's.
    pub(super) host: Option<HeaderValue>,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn new(spec: &Spec) -> Result<Self, SpecError> {
        let mut headers = HeaderMap::new();
        let mut host = None;
        for (name, value) in &spec.headers {
            let (name, value) = checked(name, value)?;
            if name == header::HOST {
                host = Some(value);
            } else {
                headers.append(name, value);
            }
        }
        let defaults = [
            (header::USER_AGENT, USER_AGENT),
            (header::ACCEPT, HeaderValue::from_static("*/*")),
            (
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            ),
        ];
        for (name, value) in defaults {
            headers.entry(name).or_insert(value);
        }
        Ok(Request {
            method: method(spec.method.as_deref().unwrap_or("GET"))?,
            headers,
            host,
            body: spec.body.clone().map(Bytes::from).unwrap_or_default(),
        })
    }

    /// What to ask of the next hop. Methods change as browsers change them (RFC 9110, 15.4).
    pub(super) fn redirected(&self, status: u16, same_origin: bool) -> Result<Request, Fault> {
        let mut next = self.clone();
        let rewritten = match StatusCode::from_u16(status) {
            Ok(StatusCode::SEE_OTHER) => self.method != Method::HEAD,
            Ok(StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) => self.method == Method::POST,
            _ => false,
        };
        if rewritten {
            next.method = Method::GET;
            next.body = Bytes::new();
            for name in [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
            ] {
                next.headers.remove(name);
            }
        }
        if !same_origin {
            if !next.body.is_empty() {
                let detail = "asks to send the request's body to another host";
                return Err(Fault::new(Reason::Redirect, detail));
            }
            next.host = None;
            next.headers = HARMLESS
                .iter()
                .filter_map(|name| Some((name.clone(), self.headers.get(name)?.clone())))
                .collect();
        }
        Ok(next)
    }
}

fn method(text: &str) -> Result<Method, SpecError> {
    let wrong = |message| SpecError::new("method", message);
    let method = Method::from_bytes(text.as_bytes())
        .map_err(|_| wrong("is not an HTTP method".to_string()))?;
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(wrong(format!("{method} is not for probing")));
    }
    if method.as_str() != method.as_str().to_uppercase() {
        return Err(wrong(format!(
            "write it as {}",
            method.as_str().to_uppercase()
        )));
    }
    Ok(method)
}

/// The message names the header, never its value.
fn checked(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), SpecError> {
    let wrong = |message: String| SpecError::new("headers", message);
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| wrong(format!("`{}` is not a header's name", name.escape_debug())))?;
    if RESERVED.contains(&parsed) || matches!(parsed.as_str(), "keep-alive" | "proxy-connection") {
        return Err(wrong(format!("`{name}` is set by the connection itself")));
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        wrong(format!(
            "the value of `{name}` has a character that no header may"
        ))
    })?;
    // Keeps it out of `Debug` and out of HTTP/2's compression tables.
    value.set_sensitive(!HARMLESS.contains(&parsed) && parsed != header::HOST);
    Ok((parsed, value))
}
