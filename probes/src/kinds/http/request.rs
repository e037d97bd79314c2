//! A request without its target: method, headers, body, and what a redirect keeps of them. A configured
//! header must never reach another origin unless it is harmless.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::sample::Reason;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use values::suggest::shorten;
use values::{FilePath, Line, Parsed, Place, SecretName, Source, Written, secret_line, url};

use crate::fault::Fault;
use crate::files::Current;
use crate::kinds::http::Http;
use crate::kinds::http::formats::{HeaderText, HttpUrl, Value, header_name};
use crate::kinds::http::hop::Hop;

/// Without a version: a target's logs and filters see the same client after each release.
const USER_AGENT: HeaderValue = HeaderValue::from_static("nines/1 (availability monitor)");

/// Headers that belong to the connection and its framing.
const RESERVED: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers that may go to another origin.
const HARMLESS: [HeaderName; 4] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::USER_AGENT,
];

/// Holds secrets, so it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// All but `Host` and the headers of the connection.
    pub(crate) headers: HeaderMap,
    /// A configured `Host` that replaces the URL's.
    pub(crate) host: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

impl Request {
    /// The request, and the header in it that may change.
    pub(crate) fn new(http: &Http, source: &mut Source<'_>) -> (Self, Option<Authorization>) {
        let mut headers = HeaderMap::new();
        let mut host = None;
        let authorization = authorization(http, source);
        for (name, value) in request_headers(http, authorization.as_ref(), source) {
            if name == header::HOST {
                host = Some(value);
            } else {
                headers.append(name, value);
            }
        }
        let method = http.method.as_ref().map(|method| method.value.clone());
        let body = http.body.as_ref().map(|body| body.value.clone());
        let request = Request {
            host,
            ..Self::of(
                method.unwrap_or_default(),
                headers,
                body.unwrap_or_default(),
            )
        };
        (request, authorization)
    }

    /// A request with the headers that every request has.
    pub(crate) fn of(method: Method, mut headers: HeaderMap, body: String) -> Self {
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
        Self {
            method,
            headers,
            host: None,
            body: Bytes::from(body),
        }
    }

    /// The request for the next hop. The method changes as in browsers (RFC 9110 §15.4).
    pub(crate) fn redirected(&self, status: u16, same_origin: bool) -> Result<Request, Fault> {
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

/// The URL with the values that its query takes from the environment.
pub(crate) fn url(url: &Parsed<HttpUrl>, source: &mut Source<'_>) -> String {
    let Parsed { value, at } = url;
    for secret in url::secrets(value) {
        let name = shorten(&secret.name);
        let why = format!(
            "`{name}` is a secret, which must not be in this file: name the environment variable \
             that holds the whole value, as \"{name}=${{PORTAL_TOKEN}}\""
        );
        source.wrong(&url::part(value, at, &secret.value), why);
    }
    url::fill(value, |name| source.variable(name, at))
}

/// Why a probe may not set this header.
pub(crate) fn refused(written: &str, name: &HeaderName) -> Option<String> {
    if RESERVED.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection") {
        return Some(format!(
            "`{written}` is set by the connection itself: remove it"
        ));
    }
    (*name == header::PROXY_AUTHORIZATION)
        .then(|| "the target must not see this header: use `proxy_basic`".to_owned())
}

fn request_headers(
    http: &Http,
    authorization: Option<&Authorization>,
    source: &mut Source<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, written) in &http.headers {
        let Some(parsed) = header_name(name, &written.at, source) else {
            continue;
        };
        if let Some(why) = refused(name, &parsed) {
            source.wrong(&written.at, why);
            continue;
        }
        let text = header_text(name, written, source);
        if parsed == header::HOST && text.trim().is_empty() {
            let why = "this host name is empty: remove the header to send the host of the `url`";
            source.wrong(&written.at, why);
            continue;
        }
        match header_value(&parsed, &text) {
            Ok(value) => headers.push((parsed, value)),
            Err(why) => source.wrong_once(&written.at, why),
        }
    }
    if let Some(authorization) = authorization {
        match authorization.header(&authorization.secret) {
            Ok(value) => headers.push((header::AUTHORIZATION, value)),
            Err(why) => source.wrong_once(&authorization.at, why),
        }
    }
    headers
}

fn header_text(name: &str, written: &Parsed<HeaderText>, source: &mut Source<'_>) -> String {
    match &written.value {
        Value::Variable(variable) => source.variable(variable, &written.at),
        Value::Text(text) => {
            if url::is_secret(name) {
                let why = "a secret must not be in this file: name the environment variable \
                           that holds the whole value, as \"${PORTAL_TOKEN}\"";
                source.wrong(&written.at, why);
            }
            text.clone()
        }
    }
}

/// The error names the header, never its value.
pub(crate) fn header_value(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| format!("the value of `{name}` has a character that no header may have"))?;
    // Keeps the value out of `Debug` and out of HTTP/2's compression tables.
    value.set_sensitive(!HARMLESS.contains(name) && *name != header::HOST);
    Ok(value)
}

/// A user and a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basic {
    /// The user.
    user: Parsed<Line>,
    /// The password, from the environment.
    password: Option<Parsed<SecretName>>,
    /// The password, from a file.
    password_file: Option<Parsed<FilePath>>,
}

/// The header `Authorization`.
pub(crate) struct Authorization {
    /// The user of the scheme Basic; `None` is the scheme Bearer.
    user: Option<String>,
    secret: SecretString,
    /// `None` if the secret is not in a file.
    file: Option<PathBuf>,
    /// The key that asks for it.
    at: Place,
}

impl Authorization {
    fn header(&self, secret: &SecretString) -> Result<HeaderValue, String> {
        let secret = secret.expose_secret();
        match &self.user {
            None => header_value(&header::AUTHORIZATION, &format!("Bearer {secret}")),
            Some(user) => basic(user, secret),
        }
    }

    /// The header alone, made again when the file of the secret changes.
    fn current(self, source: &mut Source<'_>) -> Option<Current<HeaderValue>> {
        let at = self.at.clone();
        let made = match self.file.clone() {
            None => self.header(&self.secret).map(Current::fixed),
            Some(path) => (source.environment.file)(&path).and_then(|content| {
                Current::of_files(vec![(path, content)], move |contents| {
                    let content = contents.first().map(Vec::as_slice).unwrap_or_default();
                    let secret = secret_line(content).map_err(|why| format!("the file {why}"))?;
                    self.header(&secret)
                })
            }),
        };
        made.map_err(|why| source.wrong_once(&at, why)).ok()
    }

    /// `hop` with this header. If the secret is in a file, it is made again when the file changes. A mistake
    /// is noted in `source`.
    pub(crate) fn follow_file(self, hop: Hop, source: &mut Source<'_>) -> Option<Current<Hop>> {
        let Some(path) = self.file.clone() else {
            return Some(Current::fixed(hop));
        };
        let at = self.at.clone();
        let made = (source.environment.file)(&path).and_then(|content| {
            Current::of_files(vec![(path, content)], move |contents| {
                let content = contents.first().map(Vec::as_slice).unwrap_or_default();
                let secret = secret_line(content).map_err(|why| format!("the file {why}"))?;
                hop.authorized(self.header(&secret)?)
            })
        });
        made.map_err(|why| source.wrong_once(&at, why)).ok()
    }
}

/// The header that `basic` or `bearer_token_file` asks for.
fn authorization(http: &Http, source: &mut Source<'_>) -> Option<Authorization> {
    let basic = http.basic.as_ref().map(|basic| &basic.at);
    let bearer = http.bearer_token_file.as_ref().map(|file| &file.at);
    let own = http
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .map(|(_, value)| &value.at);
    let ways = [basic, bearer, own].into_iter().flatten();
    if ways.count() > 1 {
        let at = bearer.or(basic).unwrap_or(&http.url.at);
        let why = "a probe has one authorization: `basic`, `bearer_token_file` or a header";
        source.wrong(at, why);
    }
    let bearer = http
        .bearer_token_file
        .as_ref()
        .map(|file| bearer_authorization(file, source));
    let basic = http
        .basic
        .as_ref()
        .map(|basic| basic_authorization("basic", basic, source));
    bearer.or(basic)
}

/// The value of an `Authorization` header of the scheme Bearer, made again when the file changes.
pub(crate) fn bearer(
    file: &Parsed<FilePath>,
    source: &mut Source<'_>,
) -> Option<Current<HeaderValue>> {
    bearer_authorization(file, source).current(source)
}

fn bearer_authorization(file: &Parsed<FilePath>, source: &mut Source<'_>) -> Authorization {
    Authorization {
        user: None,
        secret: source.secret_file(file),
        file: Some(source.resolve(file)),
        at: file.at.clone(),
    }
}

/// The value of `Proxy-Authorization`.
pub(crate) fn proxy_authorization(
    basic: &Written<Basic>,
    source: &mut Source<'_>,
) -> Option<Current<HeaderValue>> {
    basic_authorization("proxy_basic", basic, source).current(source)
}

/// The value of an `Authorization` header of the scheme Basic.
pub(crate) fn basic(user: &str, password: &str) -> Result<HeaderValue, String> {
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    header_value(&header::AUTHORIZATION, &text)
}

fn basic_authorization(
    key: &str,
    basic: &Written<Basic>,
    source: &mut Source<'_>,
) -> Authorization {
    let Basic {
        user,
        password,
        password_file,
    } = &basic.value;
    if user.value.contains(':') {
        source.wrong(&user.at, "a user of basic authorization has no colon");
    }
    let secret = source.password(password.as_ref(), password_file.as_ref());
    if secret.is_none() {
        let why = format!("`{key}` lacks `password_file`, or `password` as \"${{NAME}}\"");
        source.wrong(&basic.at, why);
    }
    Authorization {
        user: Some(user.value.clone()),
        secret: secret.unwrap_or_default(),
        file: password_file.as_ref().map(|file| source.resolve(file)),
        at: basic.at.clone(),
    }
}
