//! What makes an answer good. It must never say what a body holds, only what it was expected to.

use domain::sample::Reason;
use hyper::Method;
use hyper::header::HeaderName;
use regex::Regex;
use serde_json::Value;

use crate::SpecError;
use crate::fault::Fault;
use crate::http::Spec;
use crate::http::exchange::Answer;

/// A checked [`crate::http::Expect`].
#[derive(Debug)]
pub(super) struct Ready {
    status: Vec<u16>,
    contains: Option<String>,
    lacks: Option<String>,
    matches: Option<Regex>,
    json: Vec<(String, Option<String>)>,
    headers: Vec<(HeaderName, String)>,
}

impl Ready {
    pub(super) fn new(spec: &Spec) -> Result<Self, SpecError> {
        let expect = &spec.expect;
        if let Some(bad) = expect.status.iter().find(|s| !(100..=599).contains(*s)) {
            let message = format!("{bad} is no status");
            return Err(SpecError::new("expect.status", message));
        }
        let matches = match &expect.body_matches {
            Some(pattern) => Some(Regex::new(pattern).map_err(|e| {
                SpecError::new("expect.body_matches", format!("no regular expression: {e}"))
            })?),
            None => None,
        };
        for (pointer, _) in &expect.json {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                let message = format!("the pointer `{pointer}` must begin with `/` (RFC 6901)");
                return Err(SpecError::new("expect.json", message));
            }
        }
        let ready = Ready {
            status: expect.status.clone(),
            contains: expect.body_contains.clone(),
            lacks: expect.body_lacks.clone(),
            matches,
            json: expect.json.clone(),
            headers: expect
                .headers
                .iter()
                .map(|(name, text)| Ok((header_name(name)?, text.clone())))
                .collect::<Result<_, SpecError>>()?,
        };
        if ready.reads_body() && spec.method.as_deref() == Some(Method::HEAD.as_str()) {
            let message = "an answer to HEAD has no body to look into";
            return Err(SpecError::new("expect", message));
        }
        Ok(ready)
    }

    pub(super) fn reads_body(&self) -> bool {
        self.contains.is_some()
            || self.lacks.is_some()
            || self.matches.is_some()
            || !self.json.is_empty()
    }

    pub(super) fn judge(&self, answer: &Answer) -> Result<(), Fault> {
        self.judge_status(answer.status)?;
        self.judge_headers(answer)?;
        if self.reads_body() {
            self.judge_text(&String::from_utf8_lossy(&answer.body))?;
            self.judge_json(&answer.body)?;
        }
        Ok(())
    }

    fn judge_status(&self, status: u16) -> Result<(), Fault> {
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

    fn judge_headers(&self, answer: &Answer) -> Result<(), Fault> {
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

    fn judge_text(&self, text: &str) -> Result<(), Fault> {
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

    fn judge_json(&self, bytes: &[u8]) -> Result<(), Fault> {
        if self.json.is_empty() {
            return Ok(());
        }
        let Ok(document) = serde_json::from_slice::<Value>(bytes) else {
            return Err(body("the body is not JSON"));
        };
        for (pointer, wanted) in &self.json {
            let Some(found) = document.pointer(pointer) else {
                return Err(body(format!("the body has no `{pointer}`")));
            };
            if let Some(wanted) = wanted
                && !says(found, wanted)
            {
                return Err(body(format!("`{pointer}` in the body is not `{wanted}`")));
            }
        }
        Ok(())
    }
}

/// A string says its text; anything else what its JSON means, however it is spaced or, if it is
/// a number, written (1 is 1.0).
fn says(found: &Value, wanted: &str) -> bool {
    if let Value::String(text) = found {
        return text == wanted;
    }
    let Ok(wanted) = serde_json::from_str::<Value>(wanted) else {
        return false;
    };
    let same_number = found.is_number() && found.as_f64() == wanted.as_f64();
    same_number || *found == wanted
}

fn body(detail: impl Into<String>) -> Fault {
    Fault::new(Reason::Body, detail)
}

fn header_name(name: &str) -> Result<HeaderName, SpecError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        let message = format!("`{}` is not a header's name", name.escape_debug());
        SpecError::new("expect.headers", message)
    })
}
