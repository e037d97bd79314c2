//! One step of a journey: its keys, and the request that it makes of the values captured so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::sample::Reason;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use url::{Url, form_urlencoded};
use values::suggest::shorten;
use values::url as secret_url;
use values::{Line, Parsed, Place, Source, Written};

use super::super::degraded_after;
use super::super::http::exchange::Want;
use super::super::http::expect::{self, Expect};
use super::super::http::formats::{self, header_name};
use super::super::http::hop::{self, Hop};
use super::super::http::request::{self, Request, header_value};
use super::capture::{self, Capture};
use super::template::{self, Address, StepText, StepUrl, Template, is_name};
use crate::fault::Fault;

/// As many as browsers follow without a doubt.
const REDIRECTS: u8 = 10;

/// One request of a journey.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// A short name, for people.
    name: Parsed<Line>,
    /// The address, http:// or https://. "{next}" is an address that an earlier step captured, also a relative one.
    url: Parsed<StepUrl>,
    /// Default: POST with `form` or `body`, else GET.
    method: Option<Parsed<formats::Method>>,
    /// Request headers.
    #[serde(default)]
    headers: BTreeMap<String, Parsed<StepText>>,
    /// The fields of a form, sent as a browser sends them.
    #[serde(default)]
    form: BTreeMap<String, Parsed<StepText>>,
    /// The request's body, in place of `form`.
    body: Option<Parsed<StepText>>,
    /// How many redirects to follow. A status of `expect` is never followed. Default: 10.
    #[schemars(range(min = 0, max = 20))]
    redirects: Option<u8>,
    /// Conditions of a good answer. Default: any status from 200 to 299.
    #[serde(default)]
    expect: Expect,
    /// Values to take from the answer, by the name that later steps write as {name}.
    #[serde(default)]
    capture: BTreeMap<String, Written<capture::Keys>>,
}

/// The names that a step may use.
pub(super) struct Known {
    names: BTreeSet<String>,
    /// The names of secrets in files, which no step may capture.
    secrets: BTreeSet<String>,
}

impl Known {
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a String>) -> Self {
        let secrets: BTreeSet<String> = secrets.cloned().collect();
        Self {
            names: secrets.clone(),
            secrets,
        }
    }

    fn check(&self, template: &Template, at: &Place, source: &mut Source<'_>) {
        for name in template.names().filter(|name| !self.names.contains(*name)) {
            let why = template::unknown(name, self.names.iter().map(String::as_str));
            source.wrong_once(at, why);
        }
    }
}

/// A step that is ready to run.
#[derive(Debug)]
pub(super) struct Step {
    /// `step 2 "sign in"`, for details and transcripts.
    pub(super) label: String,
    pub(super) want: Want,
    pub(super) redirects: u8,
    pub(super) expect: expect::Ready,
    pub(super) captures: Vec<(String, Capture)>,
    pub(super) degraded_after: Option<Duration>,
    address: Target,
    method: Method,
    headers: Vec<(HeaderName, Template)>,
    /// `None` without a form.
    form: Option<Vec<(String, Template)>>,
    body: Template,
}

#[derive(Debug)]
enum Target {
    Captured(String),
    Written(Template),
}

impl Keys {
    /// The place for mistakes of the whole step.
    pub(super) fn at(&self) -> &Place {
        &self.url.at
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(&self.url.value, Address::Written(url) if url.starts_with("https://"))
    }

    pub(super) fn certificate_days(&self) -> Option<u32> {
        self.expect.certificate_days.as_ref().map(|days| days.value)
    }

    /// The host, unless it is captured.
    pub(super) fn host(&self) -> Option<String> {
        match &self.url.value {
            Address::Written(text) => {
                let url = Url::parse(&template::sample(text)).ok()?;
                Some(hop::name(&url).to_owned())
            }
            Address::Captured(_) => None,
        }
    }

    pub(super) fn url_at(&self) -> &Place {
        &self.url.at
    }

    /// A request to the host of this step, which tells the way to it. A mistake is noted in `source`.
    pub(super) fn sample(&self, source: &mut Source<'_>) -> Option<Hop> {
        let Address::Written(text) = &self.url.value else {
            source.wrong(&self.url.at, "the first step has no captured address");
            return None;
        };
        let request = Request::of(Method::GET, HeaderMap::new(), String::new());
        let url = Url::parse(&template::sample(text)).map_err(|error| error.to_string());
        url.and_then(|url| Hop::new(url, request))
            .map_err(|why| source.wrong(&self.url.at, format!("this URL {why}")))
            .ok()
    }

    /// `number` counts from 1. The step's captures are then known.
    pub(super) fn prepare(
        self,
        number: usize,
        known: &mut Known,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Step> {
        let label = format!("step {number} `{}`", shorten(&self.name.value));
        let address = self.address(known, source);
        let limit = degraded_after(self.expect.degraded_after.as_ref(), timeout, source);
        let method = self.method(source);
        let mut headers = Vec::new();
        for (name, text) in self.headers {
            let Some(parsed) = header_name(&name, &text.at, source) else {
                continue;
            };
            if let Some(why) = request::refused(&name, &parsed) {
                source.wrong(&text.at, why);
            } else if parsed == header::HOST {
                source.wrong(&text.at, "a step sends the host of its `url`: remove this");
            }
            headers.push((parsed, checked(&name, text, known, source)));
        }
        let form: Vec<_> = self
            .form
            .into_iter()
            .map(|(name, text)| {
                let text = checked(&name, text, known, source);
                (name, text)
            })
            .collect();
        let body = self.body.map(|text| body(text, known, source));
        let expect = self.expect.prepare(method == Method::HEAD, source);
        let mut captures = Vec::new();
        for (name, keys) in self.capture {
            if !is_name(&name) {
                source.wrong(&keys.at, template::NOT_A_NAME);
            } else if known.secrets.contains(&name) {
                source.wrong(
                    &keys.at,
                    format!("`{name}` is a file of `secret_files` already"),
                );
            }
            captures.extend(capture::prepare(name, keys, source));
        }
        let names = captures.iter().map(|(name, _)| name.clone());
        known.names.extend(names);
        let redirects = self.redirects.unwrap_or(REDIRECTS);
        let reads_body = captures.iter().any(|(_, capture)| capture.reads_body());
        Some(Step {
            label,
            want: Want {
                body: reads_body || expect.reads_body(),
                redirect: redirects > 0,
                statuses: expect.statuses().to_vec(),
            },
            redirects,
            expect,
            captures,
            degraded_after: limit,
            address: address?,
            method,
            headers,
            form: (!form.is_empty()).then_some(form),
            body: body.unwrap_or_default(),
        })
    }

    fn address(&self, known: &Known, source: &mut Source<'_>) -> Option<Target> {
        let Parsed { value, at } = &self.url;
        match value {
            Address::Captured(name) => {
                known.check(&template::of_url(&format!("{{{name}}}")), at, source);
                Some(Target::Captured(name.clone()))
            }
            Address::Written(text) => {
                self.sample(source)?;
                for secret in secret_url::secrets(text) {
                    if text
                        .get(secret.value.clone())
                        .is_some_and(|value| value.contains('{'))
                    {
                        continue;
                    }
                    let name = shorten(&secret.name);
                    let why = format!(
                        "`{name}` is a secret, which must not be in this file: write \
                         \"{name}=${{PORTAL_TOKEN}}\" for an environment variable"
                    );
                    source.wrong(&secret_url::part(text, at, &secret.value), why);
                }
                let filled = secret_url::fill(text, |name| source.variable(name, at));
                let template = template::of_url(&filled);
                known.check(&template, at, source);
                Some(Target::Written(template))
            }
        }
    }

    fn method(&self, source: &mut Source<'_>) -> Method {
        let has_body = !self.form.is_empty() || self.body.is_some();
        if let (false, Some(body)) = (self.form.is_empty(), &self.body) {
            source.wrong(&body.at, "a step sends either `form` or `body`");
        }
        let Some(method) = &self.method else {
            return if has_body { Method::POST } else { Method::GET };
        };
        if has_body && matches!(method.value, Method::GET | Method::HEAD) {
            source.wrong(
                &method.at,
                "a request with this method sends no form and no body",
            );
        }
        method.value.clone()
    }
}

/// The value of a header or of a form field. A secret must not be written out.
fn checked(name: &str, text: Parsed<StepText>, known: &Known, source: &mut Source<'_>) -> Template {
    let Parsed { mut value, at } = text;
    if secret_url::is_secret(name) && value.is_text() && !value.fill(&BTreeMap::new()).is_empty() {
        let why = "a secret must not be in this file: write \"${PORTAL_PASSWORD}\" for an environment \
                   variable, or \"{password}\" for a file of `secret_files`";
        source.wrong(&at, why);
    }
    known.check(&value, &at, source);
    value.fill_variables(&at, source);
    value
}

/// A body may be JSON, which has braces of its own.
fn body(text: Parsed<StepText>, known: &Known, source: &mut Source<'_>) -> Template {
    let Parsed { mut value, at } = text;
    if let Some(name) = value.names().find(|name| !known.names.contains(*name)) {
        let why = format!("no earlier step captures `{name}`: it is sent as it stands here");
        source.warn(&at, why);
    }
    value.keep_unknown(|name| known.names.contains(name));
    value.fill_variables(&at, source);
    value
}

impl Step {
    /// The secrets of the environment that it sends.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let headers = self.headers.iter().map(|(_, text)| text);
        let form = self.form.iter().flatten().map(|(_, text)| text);
        let all = headers.chain(form).chain([&self.body]);
        all.flat_map(Template::secrets)
    }

    pub(super) fn has_captured_url(&self) -> bool {
        matches!(self.address, Target::Captured(_))
    }

    /// The address, with the captured values. A captured one may be relative to the page `last`.
    pub(super) fn url(
        &self,
        values: &BTreeMap<String, String>,
        last: Option<&Url>,
    ) -> Result<Url, Fault> {
        let parsed = match &self.address {
            Target::Written(template) => Url::parse(&template.fill_url(values)),
            Target::Captured(name) => {
                let text = values.get(name).map_or("", String::as_str);
                match last {
                    Some(last) => last.join(text),
                    None => Url::parse(text),
                }
            }
        };
        let mut url = parsed.map_err(|_| unfit("the captured value is no address"))?;
        // Never send a user of a captured address. Neither call fails if there is a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(url)
    }

    pub(super) fn request(
        &self,
        values: &BTreeMap<String, String>,
        last: Option<&Url>,
        url: &Url,
    ) -> Result<Request, Fault> {
        let mut headers = HeaderMap::new();
        for (name, text) in &self.headers {
            let value = header_value(name, &text.fill(values)).map_err(unfit)?;
            headers.append(name, value);
        }
        let mut body = self.body.fill(values);
        if let Some(form) = &self.form {
            let mut encoded = form_urlencoded::Serializer::new(String::new());
            for (name, text) in form {
                encoded.append_pair(name, &text.fill(values));
            }
            body = encoded.finish();
            headers
                .entry(header::CONTENT_TYPE)
                .or_insert(HeaderValue::from_static(
                    "application/x-www-form-urlencoded",
                ));
        }
        // Frameworks refuse a form over TLS that does not come from a page of theirs.
        if let Some(last) = last.filter(|last| last.origin() == url.origin())
            && let Ok(value) = HeaderValue::from_str(last.as_str())
        {
            headers.entry(header::REFERER).or_insert(value);
        }
        Ok(Request::of(self.method.clone(), headers, body))
    }

    /// The names of its form fields.
    pub(super) fn form_fields(&self) -> Option<String> {
        let form = self.form.as_ref()?;
        let names: Vec<_> = form.iter().map(|(name, _)| name.as_str()).collect();
        Some(names.join(", "))
    }
}

fn unfit(why: impl Into<String>) -> Fault {
    Fault::new(Reason::Body, why)
}
