//! Values that a step takes from its answer. A detail or a transcript must never show one, unless its key says so.

use domain::sample::Reason;
use hyper::header::{self, HeaderName};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Line, Parsed, Place, Source, Written};

use super::super::http::exchange::Answer;
use super::super::http::formats::{JsonPointer, Pattern, header_name};
use super::super::http::{decode, json};
use super::form;
use crate::fault::Fault;

/// The longest captured value, in bytes.
const LONGEST: usize = 64 * 1024;

/// Where a value is taken from: exactly one of the first four keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// The name of a field of an HTML form: its value. Names of `meta` tags count, too.
    field: Option<Parsed<Line>>,
    /// A JSON pointer to a text, a number, true or false.
    json: Option<Parsed<JsonPointer>>,
    /// A regular expression: its first group, or the whole match if it has none.
    matches: Option<Parsed<Pattern>>,
    /// The name of a header of the answer.
    header: Option<Parsed<Line>>,
    /// True if `nines probe` may show the value.
    #[serde(default)]
    show: bool,
}

/// A capture, checked.
#[derive(Debug)]
pub(super) struct Capture {
    from: From,
    show: bool,
}

#[derive(Debug)]
enum From {
    Field(String),
    Json(String),
    Matches(Regex),
    Header(HeaderName),
}

impl Keys {
    pub(super) fn prepare(self, at: &Place, source: &mut Source<'_>) -> Option<Capture> {
        let header = self
            .header
            .and_then(|name| header_name(&name.value, &name.at, source));
        let from = [
            self.field.map(|name| From::Field(name.value)),
            self.json.map(|pointer| From::Json(pointer.value)),
            self.matches.map(|pattern| From::Matches(pattern.value)),
            header.map(From::Header),
        ];
        let mut from = from.into_iter().flatten();
        let (first, second) = (from.next(), from.next());
        if first.is_none() || second.is_some() {
            let why = "a value is captured by one of `field`, `json`, `matches` and `header`";
            source.wrong_once(at, why);
        }
        Some(Capture {
            from: first?,
            show: self.show,
        })
    }
}

/// Prepares the captures of a step.
pub(super) fn prepare(
    name: String,
    keys: Written<Keys>,
    source: &mut Source<'_>,
) -> Option<(String, Capture)> {
    let capture = keys.value.prepare(&keys.at, source)?;
    Some((name, capture))
}

impl Capture {
    /// The value in this answer.
    pub(super) fn take(&self, answer: &Answer) -> Result<String, Fault> {
        let value = match &self.from {
            From::Header(name) => {
                let value = answer.headers.get(name);
                let value =
                    value.ok_or_else(|| lacks(format!("the header `{name}` is missing")))?;
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }
            From::Field(name) => {
                let found = form::field(&text(answer)?, name);
                found.ok_or_else(|| lacks(format!("the page has no form field `{name}`")))?
            }
            From::Json(pointer) => scalar(&text(answer)?, pointer)?,
            From::Matches(pattern) => {
                let text = text(answer)?;
                let found = pattern.captures(&text);
                let found = found
                    .and_then(|groups| groups.get(usize::from(pattern.captures_len() > 1)))
                    .ok_or_else(|| lacks(format!("the body does not match `{pattern}`")))?;
                if is_html(answer) {
                    form::decoded(found.as_str())
                } else {
                    found.as_str().to_owned()
                }
            }
        };
        if value.len() > LONGEST {
            let limit = LONGEST / 1024;
            return Err(lacks(format!(
                "the captured value is longer than {limit} KiB"
            )));
        }
        Ok(value)
    }

    /// True if it reads the body.
    pub(super) fn reads_body(&self) -> bool {
        !matches!(self.from, From::Header(_))
    }

    pub(super) fn is_shown(&self) -> bool {
        self.show
    }

    pub(super) fn in_words(&self, name: &str, value: &str) -> String {
        let from = match &self.from {
            From::Field(field) => format!("the form field `{field}`"),
            From::Json(pointer) => format!("`{pointer}`"),
            From::Matches(_) => "the body".to_owned(),
            From::Header(header) => format!("the header `{header}`"),
        };
        let shown = match (self.show, value.chars().count()) {
            (true, _) => format!("`{value}`"),
            (false, 0) => "empty".to_owned(),
            (false, 1) => "1 character, not shown".to_owned(),
            (false, length) => format!("{length} characters, not shown"),
        };
        format!("captured `{name}` from {from}: {shown}")
    }
}

fn text(answer: &Answer) -> Result<String, Fault> {
    let plain = decode::plain(&answer.headers, &answer.body)?;
    Ok(decode::text(&answer.headers, &plain)?.into_owned())
}

fn scalar(text: &str, pointer: &str) -> Result<String, Fault> {
    let document = json::parse(text).ok_or_else(|| lacks("the body is not JSON"))?;
    let found = json::find(document, pointer);
    let found = found.ok_or_else(|| lacks(format!("the body has no `{pointer}`")))?;
    match found.get().as_bytes() {
        [b'"', ..] => json::string(found),
        [b'{' | b'[' | b'n', ..] => None,
        _ => Some(found.get().to_owned()),
    }
    .ok_or_else(|| {
        lacks(format!(
            "`{pointer}` in the body is neither text nor a number"
        ))
    })
}

fn is_html(answer: &Answer) -> bool {
    let kind = answer.headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| String::from_utf8_lossy(kind.as_bytes()).contains("html"))
}

fn lacks(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::Body, detail)
}
