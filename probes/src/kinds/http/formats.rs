//! The formats of text that only an `http` probe has.

use std::net::IpAddr;

use hyper::header::{HeaderName, HeaderValue};
use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use values::suggest::shorten;
use values::{Format, Place, Source, is_host_name, url, variable};

/// The URL of a probe. A whole value of its query may be `${NAME}`, which is still to be filled in.
pub(crate) struct HttpUrl;

impl Format for HttpUrl {
    type Value = String;
    const IS: &'static str = "a URL in quotes, as \"https://portal.example.org/login\"";
    const EXAMPLE: &'static str = "https://portal.example.org/login";
    const PATTERN: Option<&'static str> = Some(r"^https?://[^@/?#\s]+([/?][^#\s]*)?$");

    fn parse(text: &str) -> Result<String, String> {
        let wrong = |why: &str| format!("`{}` is not such a URL: {why}", url::redact(text));
        // The values are percent-encoded later, so any value leaves the URL as valid as this one.
        let filled = url::fill(text, |_| "x".to_owned());
        if filled.contains("${") {
            return Err(
                "an environment variable stands for a whole value of the query, as \
                 \"https://portal.example.org/?token=${PORTAL_TOKEN}\""
                    .to_owned(),
            );
        }
        if text.contains('#') {
            return Err(wrong("remove the part from `#` on, it is never sent"));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        if host.contains('@') {
            return Err(
                "a user or password must not appear in a URL: use `basic` or `bearer_token_file`"
                    .to_owned(),
            );
        }
        if !matches!(scheme, "http" | "https") {
            return Err(wrong("start with http:// or https://"));
        }
        if !text.is_ascii() {
            return Err(wrong(
                "use only ASCII; write the rest percent-encoded or as xn--",
            ));
        }
        if host.is_empty() || host.starts_with(':') {
            return Err(wrong("it has no host"));
        }
        let uri: hyper::Uri = filled
            .parse()
            .map_err(|_| wrong("it has a character or a port that no URL may have"))?;
        let named = uri.host().unwrap_or_default();
        let bare = named.trim_start_matches('[').trim_end_matches(']');
        let name = named.strip_suffix('.').unwrap_or(named);
        if bare.parse::<IpAddr>().is_err() && !is_host_name(name) {
            return Err(wrong("it has no host"));
        }
        let port = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'));
        if port.is_some_and(|(_, port)| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err(wrong("the port must be a number from 1 to 65535"));
        }
        Ok(text.to_owned())
    }
}

/// The method of a request.
pub(crate) struct Method;

impl Format for Method {
    type Value = hyper::Method;
    const IS: &'static str = "a method in quotes, as \"GET\"";
    const EXAMPLE: &'static str = "GET";
    const PATTERN: Option<&'static str> = Some("^[A-Z]{1,20}$");

    fn parse(text: &str) -> Result<hyper::Method, String> {
        if matches!(text, "CONNECT" | "TRACE") {
            return Err(format!("`{text}` is not for probing"));
        }
        let fits = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_uppercase());
        hyper::Method::from_bytes(text.as_bytes())
            .ok()
            .filter(|_| fits)
            .ok_or_else(|| {
                let said = shorten(text);
                format!("`{said}` is not a method: write \"GET\", \"HEAD\" or \"POST\"")
            })
    }
}

/// The version of HTTP to speak.
pub(crate) struct Version;

impl Format for Version {
    type Value = ();
    const IS: &'static str = "\"1.1\"";
    const EXAMPLE: &'static str = "1.1";
    const PATTERN: Option<&'static str> = Some(r"^1\.1$");

    fn parse(text: &str) -> Result<(), String> {
        if text == "1.1" {
            return Ok(());
        }
        Err(format!(
            "`{}` cannot be asked for: write \"1.1\", or remove the key for HTTP/2 where the server offers it",
            shorten(text)
        ))
    }
}

/// The value of a request header: text, or `${NAME}`.
pub(crate) struct HeaderText;

/// A value in the file, or the variable that holds it.
#[derive(Clone)]
pub(crate) enum Value {
    Text(String),
    Variable(String),
}

impl Format for HeaderText {
    type Value = Value;
    const IS: &'static str = "text in quotes";
    const EXAMPLE: &'static str = "${PORTAL_TOKEN}";

    fn parse(text: &str) -> Result<Value, String> {
        if let Some(name) = variable(text) {
            return Ok(Value::Variable(name.to_owned()));
        }
        if text.contains("${") {
            return Err("an environment variable stands for a whole value, as \"${TOKEN}\"".into());
        }
        HeaderValue::from_str(text)
            .map(|_| Value::Text(text.to_owned()))
            .map_err(|_| "a header's value is one line without control characters".to_owned())
    }
}

/// The name of a header.
pub(crate) fn header_name(name: &str, at: &Place, source: &mut Source<'_>) -> Option<HeaderName> {
    let parsed = HeaderName::from_bytes(name.as_bytes());
    parsed
        .map_err(|_| {
            let why = format!("`{}` cannot be the name of a header", shorten(name));
            source.wrong(at, why);
        })
        .ok()
}

/// A regular expression.
pub(crate) struct Pattern;

impl Format for Pattern {
    type Value = Regex;
    const IS: &'static str = "a regular expression in quotes";
    const EXAMPLE: &'static str = "ok";

    fn parse(text: &str) -> Result<Regex, String> {
        let compiled = RegexBuilder::new(text).size_limit(1 << 20).build();
        compiled.map_err(|error| {
            let told = error.to_string();
            let last = told.lines().last().unwrap_or_default().trim();
            let why = last.strip_prefix("error: ").unwrap_or(last);
            format!("this is not a regular expression: {}", shorten(why))
        })
    }
}

/// A JSON pointer (RFC 6901).
pub(crate) struct JsonPointer;

impl Format for JsonPointer {
    type Value = String;
    const IS: &'static str = "a JSON pointer in quotes, as \"/status\"";
    const EXAMPLE: &'static str = "/status";

    fn parse(text: &str) -> Result<String, String> {
        let escapes = text
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']));
        if (text.is_empty() || text.starts_with('/')) && escapes {
            return Ok(text.to_owned());
        }
        let said = shorten(text);
        Err(format!(
            "`{said}` is not a JSON pointer: write it as \"/status\""
        ))
    }
}

/// An HTTP status.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Status(pub u16);

impl JsonSchema for Status {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Status".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer", "minimum": 100, "maximum": 599,
            "x-is": "an HTTP status, as 200",
        })
    }
}
