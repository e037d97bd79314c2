//! A token by client credentials (RFC 6749 §4.4). It must never be shown or kept.

use std::path::PathBuf;
use std::sync::Arc;

use domain::sample::Reason;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderValue};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Url, form_urlencoded};
use values::{FilePath, Line, Parsed, SecretName, Source, Written, secret_line};

use super::super::http::formats::HttpUrl;
use super::super::http::hop::Hop;
use super::super::http::request::{self, Request};
use super::super::http::route::Route;
use super::statement::read;
use crate::fault::Fault;
use crate::files::{Changing, Current};
use crate::trace::Phase;

/// Where to fetch a token, and by which client.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// The token endpoint, http:// or https://.
    url: Parsed<HttpUrl>,
    /// The id of the client.
    client: Parsed<Line>,
    /// The secret of the client, from the environment.
    password: Option<Parsed<SecretName>>,
    /// The secret of the client, from a file.
    password_file: Option<Parsed<FilePath>>,
    /// The scopes to ask for, separated by spaces.
    scope: Option<Parsed<Line>>,
}

impl Keys {
    pub(super) fn is_secure(&self) -> bool {
        self.url.value.starts_with("https://")
    }
}

pub(super) struct Token {
    url: Url,
    client: String,
    secret: Current<SecretString>,
    scope: Option<String>,
    phase: Phase,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    pub(super) fn new(keys: Written<Keys>, source: &mut Source<'_>) -> Option<Self> {
        let Written { value: keys, at } = keys;
        if keys.url.value.contains('?') {
            source.wrong(&keys.url.at, "a token endpoint here has no query");
        }
        let secret = source.password(keys.password.as_ref(), keys.password_file.as_ref());
        if secret.is_none() {
            let why = "`token` lacks `password_file`, or `password` as \"${NAME}\"";
            source.wrong(&at, why);
        }
        let secret = match &keys.password_file {
            None => Current::fixed(secret?),
            Some(file) => {
                let path = source.resolve(file);
                let content = (source.environment.file)(&path).ok()?;
                follow(path, content).ok()?
            }
        };
        let url = Url::parse(&keys.url.value);
        let url = url.map_err(|error| source.wrong(&keys.url.at, format!("this URL {error}")));
        let mut token = Self {
            url: url.ok()?,
            client: keys.client.value,
            secret,
            scope: keys.scope.map(|scope| scope.value),
            phase: Phase::Connect,
        };
        let hop = token.hop(None);
        let hop = hop.map_err(|fault| source.wrong(&keys.url.at, fault.detail));
        token.phase = hop.ok()?.first_phase();
        Some(token)
    }

    pub(super) fn files(&self) -> Option<Arc<dyn Changing>> {
        self.secret.files()
    }

    pub(super) fn first_phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn hop(&self, route: Option<Arc<Route>>) -> Result<Hop, Fault> {
        let unfit = |why: String| Fault::protocol(format!("the token endpoint {why}"));
        // RFC 6749 §2.3.1: both are encoded before they are joined.
        let encoded =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let secret = self.secret.get();
        let basic = request::basic(&encoded(&self.client), &encoded(secret.expose_secret()));
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, basic.map_err(unfit)?);
        let accept = HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, accept);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.scope {
            body.append_pair("scope", scope);
        }
        let request = Request::of(Method::POST, headers, body.finish());
        Ok(Hop::new(self.url.clone(), request)
            .map_err(unfit)?
            .on(route))
    }
}

fn follow(path: PathBuf, content: Vec<u8>) -> Result<Current<SecretString>, String> {
    Current::of_files(vec![(path, content)], |contents| {
        secret_line(contents.first().map_or(&[][..], Vec::as_slice))
    })
}

#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    token_type: Option<String>,
}

/// The token of an answer (RFC 6749 §5.1).
pub(super) fn granted(text: &str) -> Result<String, Fault> {
    let granted: Granted = read(text, "token")?;
    let is_bearer = granted
        .token_type
        .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    let wrong = |why: &str| Fault::new(Reason::Body, why);
    if !is_bearer {
        return Err(wrong("the answer is not a token of the type Bearer"));
    }
    let token = granted.access_token.filter(|token| !token.is_empty());
    token.ok_or_else(|| wrong("the answer has no `access_token`"))
}
