//! The conditions of a good answer. A detail line must never quote a body, only the condition.

use std::collections::BTreeMap;

use domain::sample::Reason;
use hyper::header::HeaderName;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use values::{Format as _, Length, OneOrMany, Parsed, Scalar, Source, Text, Written};

use crate::fault::Fault;
use crate::kinds::http::exchange::Answer;
use crate::kinds::http::formats::{JsonPointer, Pattern, Status, header_name};
use crate::kinds::http::{decode, json};

/// The conditions of a good answer. All that are given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The allowed statuses. Default: 200 to 299.
    status: Option<OneOrMany<Written<Status>>>,
    /// Text that the body must contain.
    body_contains: Option<Parsed<Text>>,
    /// Text that the body must not contain.
    body_lacks: Option<Parsed<Text>>,
    /// A regular expression that the body must match.
    body_matches: Option<Parsed<Pattern>>,
    /// JSON pointers into the body, and the value that each must have.
    #[serde(default)]
    json: BTreeMap<String, Written<Scalar>>,
    /// JSON pointers to values that must exist.
    #[schemars(length(min = 1))]
    json_present: Option<Vec<Parsed<JsonPointer>>>,
    /// Headers of the answer, and the text that each must contain.
    #[serde(default)]
    headers: BTreeMap<String, Parsed<Text>>,
    /// A slower answer is degraded.
    pub(crate) degraded_after: Option<Parsed<Length>>,
    /// Operators are warned of a certificate that ends within this many days. Default: 14.
    #[schemars(range(min = 1, max = 3650))]
    pub(crate) certificate_days: Option<Written<u32>>,
}

/// The conditions, checked.
#[derive(Debug)]
pub(crate) struct Ready {
    status: Vec<u16>,
    contains: Option<String>,
    lacks: Option<String>,
    matches: Option<Regex>,
    /// Pointers, and the text or the JSON that each must lead to. `None`: anything.
    json: Vec<(String, Option<String>)>,
    headers: Vec<(HeaderName, String)>,
}

impl Expect {
    /// `is_head`: the request's method is HEAD.
    pub(crate) fn prepare(self, is_head: bool, source: &mut Source<'_>) -> Ready {
        if is_head {
            self.refuse_body(source);
        }
        let status: Vec<_> = self
            .status
            .into_iter()
            .flat_map(|status| status.0)
            .collect();
        let status: Vec<_> = status.into_iter().map(|s| (s.value.0, s.at)).collect();
        source.no_repeats(&status);
        let mut json = Vec::new();
        for (pointer, wanted) in self.json {
            if let Err(why) = JsonPointer::parse(&pointer) {
                source.wrong(&wanted.at, why);
            }
            if wanted.value.0.is_null() {
                source.wrong(&wanted.at, "JSON has no such number");
            }
            let text = self::wanted(&wanted, source);
            json.push((pointer, Some(text)));
        }
        let present = self.json_present.into_iter().flatten();
        json.extend(present.map(|pointer| (pointer.value, None)));
        let headers = self
            .headers
            .into_iter()
            .filter_map(|(name, text)| Some((header_name(&name, &text.at, source)?, text.value)));
        Ready {
            headers: headers.collect(),
            status: status.into_iter().map(|(status, _)| status).collect(),
            contains: self.body_contains.map(|text| text.value),
            lacks: self.body_lacks.map(|text| text.value),
            matches: self.body_matches.map(|pattern| pattern.value),
            json,
        }
    }

    fn refuse_body(&self, source: &mut Source<'_>) {
        let texts = [&self.body_contains, &self.body_lacks];
        let mut places: Vec<_> = texts.into_iter().flatten().map(|text| &text.at).collect();
        places.extend(self.body_matches.as_ref().map(|pattern| &pattern.at));
        places.extend(self.json.values().map(|wanted| &wanted.at));
        places.extend(
            self.json_present
                .iter()
                .flatten()
                .map(|pointer| &pointer.at),
        );
        for at in places {
            source.wrong(at, "the answer to a HEAD request has no body");
        }
    }
}

impl Ready {
    /// Empty allows 200 to 299.
    pub(crate) fn statuses(&self) -> &[u16] {
        &self.status
    }

    pub(crate) fn reads_body(&self) -> bool {
        self.contains.is_some()
            || self.lacks.is_some()
            || self.matches.is_some()
            || !self.json.is_empty()
    }

    pub(crate) fn check(&self, answer: &Answer) -> Result<(), Fault> {
        self.check_status(answer.status)?;
        self.check_headers(answer)?;
        if self.reads_body() {
            let plain = decode::plain(&answer.headers, &answer.body)?;
            let text = decode::text(&answer.headers, &plain)?;
            self.check_text(&text)?;
            self.check_json(&text)?;
        }
        Ok(())
    }

    fn check_status(&self, status: u16) -> Result<(), Fault> {
        let good = match self.status.as_slice() {
            [] => (200..300).contains(&status),
            allowed => allowed.contains(&status),
        };
        if good {
            return Ok(());
        }
        let expected = match self.status.as_slice() {
            [] => "200 to 299".to_string(),
            allowed => allowed
                .iter()
                .map(u16::to_string)
                .collect::<Vec<_>>()
                .join(" or "),
        };
        let detail = format!("status {status}, expected {expected}");
        Err(Fault::new(Reason::Status, detail))
    }

    fn check_headers(&self, answer: &Answer) -> Result<(), Fault> {
        for (name, text) in &self.headers {
            let mut values = answer.headers.get_all(name).iter().peekable();
            if values.peek().is_none() {
                return Err(body(format!("the header `{name}` is missing")));
            }
            if !values.any(|v| String::from_utf8_lossy(v.as_bytes()).contains(text)) {
                return Err(body(format!("the header `{name}` lacks `{text}`")));
            }
        }
        Ok(())
    }

    fn check_text(&self, text: &str) -> Result<(), Fault> {
        if let Some(wanted) = &self.contains
            && !text.contains(wanted.as_str())
        {
            return Err(body(format!("the body lacks `{wanted}`")));
        }
        if let Some(forbidden) = &self.lacks
            && text.contains(forbidden.as_str())
        {
            return Err(body(format!("the body has `{forbidden}`")));
        }
        if let Some(pattern) = &self.matches
            && !pattern.is_match(text)
        {
            return Err(body(format!("the body does not match `{pattern}`")));
        }
        Ok(())
    }

    fn check_json(&self, text: &str) -> Result<(), Fault> {
        if self.json.is_empty() {
            return Ok(());
        }
        let Some(document) = json::parse(text) else {
            return Err(body("the body is not JSON"));
        };
        for (pointer, wanted) in &self.json {
            let Some(found) = json::find(document, pointer) else {
                return Err(body(format!("the body has no `{pointer}`")));
            };
            if let Some(wanted) = wanted
                && !json::equals(found, wanted)
            {
                return Err(body(format!("`{pointer}` in the body is not `{wanted}`")));
            }
        }
        Ok(())
    }
}

/// The text or the JSON that a value must have. A fraction is taken as the file writes it, since a float
/// keeps 17 digits only.
fn wanted(scalar: &Written<Scalar>, source: &Source<'_>) -> String {
    match &scalar.value.0 {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let file = source.text.as_deref().unwrap_or_default();
            let written = file.get(scalar.at.clone()).unwrap_or_default();
            let written = written.replace('_', "");
            let written = written.trim_start_matches('+');
            match json::parse(written) {
                Some(_) => written.to_owned(),
                None => number.to_string(),
            }
        }
        other => other.to_string(),
    }
}

fn body(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::Body, detail)
}
