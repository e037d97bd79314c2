//! What an `http` probe asks, with its secrets, and what it expects.

use std::time::Duration;

use base64::Engine;
use secrecy::ExposeSecret;

use super::probe::slow;
use super::{Around, ca_file, from_environment, no_repeats, secret, secret_file};
use crate::config::hide::part;
use crate::config::mistakes::Page;
use crate::config::near::shown;
use crate::config::raw::probe::{Basic, Expect as RawExpect, Http};
use crate::config::values::{Given, url};
use crate::config::words::{At, Scalar, Written};

/// The place of a key by its dotted name.
pub(super) fn place(raw: &Http, key: &str) -> Option<At> {
    let expect = raw.expect.as_ref();
    let within = expect.map(|expect| &expect.value);
    match key {
        "url" => raw.url.get().map(|url| url.at.clone()),
        "method" => raw.method.as_ref().map(|method| method.at.clone()),
        "headers" => raw.headers.as_ref().map(|headers| headers.at.clone()),
        "ca_file" => raw.ca_file.as_ref().map(|file| file.at.clone()),
        "expect" => expect.map(|expect| expect.at.clone()),
        "expect.status" => within?.status.as_ref().map(|status| status.at.clone()),
        "expect.body_matches" => within?
            .body_matches
            .as_ref()
            .map(|matches| matches.at.clone()),
        "expect.json" => within?.json.as_ref().map(|json| json.at.clone()),
        "expect.headers" => within?.headers.as_ref().map(|headers| headers.at.clone()),
        "expect.degraded_after" => within?
            .degraded_after
            .as_ref()
            .map(|after| after.at.clone()),
        "expect.certificate_days" => within?
            .certificate_days
            .as_ref()
            .map(|days| days.at.clone()),
        _ => None,
    }
}

/// The spec, if all of it could be read.
pub(super) fn http(
    page: &mut Page<'_>,
    raw: &Http,
    at: &At,
    timeout: Option<Duration>,
    around: &Around<'_>,
) -> Option<probes::http::Spec> {
    let url = url(page, raw, around);
    let method = page.read(raw.method.as_ref());
    let mut headers = headers(page, raw, around);
    headers.extend(authorization(page, raw, at, around));
    let body = page.read(raw.body.as_ref());
    let ca = ca_file(page, raw.ca_file.as_ref());
    let redirects = raw
        .redirects
        .as_ref()
        .map_or(0, |redirects| redirects.value);
    // A redirect may lead to where there is a certificate.
    let plain = redirects == 0 && url.as_deref().is_some_and(|url| url.starts_with("http://"));
    if let (true, Some(_), Some(ca_file)) = (plain, &ca, &raw.ca_file) {
        page.wrong(&ca_file.at, "an http:// address presents no certificate");
    }
    let expect = match &raw.expect {
        None => probes::http::Expect::default(),
        Some(expect) => {
            let bodiless = method.as_deref() == Some("HEAD");
            self::expect(page, &expect.value, timeout, plain, bodiless)
        }
    };
    Some(probes::http::Spec {
        url: url?,
        method,
        headers,
        body,
        timeout: timeout?,
        redirects,
        ca_file: ca,
        expect,
    })
}

/// The URL with its secrets, if all of it could be read.
fn url(page: &mut Page<'_>, raw: &Http, around: &Around<'_>) -> Option<String> {
    let at = &raw.url.get()?.at;
    let url = page.read(raw.url.get())?;
    for secret in url::secrets(&url) {
        let why = format!(
            "`{0}` is a secret, which does not stand in this file: name the environment variable \
             that holds the whole value, as \"{0}=${{PORTAL_TOKEN}}\"",
            shown(&secret.name)
        );
        page.wrong(&part(&url, at, &secret.value), why);
    }
    url::filled(&url, |name| {
        from_environment(page, at, name, around.variable)
    })
}

/// The request headers that could be read.
fn headers(page: &mut Page<'_>, raw: &Http, around: &Around<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, written) in raw.headers.iter().flat_map(|headers| &headers.value) {
        let given = page.read(Some(written));
        if !is_header(page, name, &written.at) {
            continue;
        }
        match given {
            Some(Given::Here(_)) if url::is_secret(name) => {
                let why = "a secret does not stand in this file: name the environment variable \
                           that holds the whole value, as \"${PORTAL_TOKEN}\"";
                page.wrong(&written.at, why);
            }
            Some(Given::Here(text)) => headers.push((name.clone(), text)),
            Some(Given::Variable(variable)) => {
                let value = from_environment(page, &written.at, &variable, around.variable);
                headers.extend(value.map(|value| (name.clone(), value)));
            }
            None => {}
        }
    }
    headers
}

fn is_header(page: &mut Page<'_>, name: &str, at: &At) -> bool {
    let fine = hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok();
    if !fine {
        page.wrong(
            at,
            format!("`{}` cannot be the name of a header", shown(name)),
        );
    }
    fine
}

/// The `Authorization` header that `basic` or `bearer_token_file` asks for.
fn authorization(
    page: &mut Page<'_>,
    raw: &Http,
    at: &At,
    around: &Around<'_>,
) -> Option<(String, String)> {
    let bearer = secret_file(page, raw.bearer_token_file.as_ref());
    let basic = raw
        .basic
        .as_ref()
        .and_then(|basic| self::basic(page, basic, around));
    let header = raw
        .headers
        .iter()
        .flat_map(|headers| headers.value.keys())
        .any(|name| name.eq_ignore_ascii_case("authorization"));
    let ways = [header, raw.basic.is_some(), raw.bearer_token_file.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        let why = "a probe has one authorization: `basic`, `bearer_token_file` or a header";
        page.wrong(at, why);
    }
    let value = bearer
        .map(|token| format!("Bearer {}", token.expose_secret()))
        .or(basic)?;
    Some(("authorization".to_owned(), value))
}

fn basic(page: &mut Page<'_>, raw: &Written<Basic>, around: &Around<'_>) -> Option<String> {
    let user = page.read(raw.value.user.get());
    if let Some(user_at) = raw.value.user.get().map(|user| &user.at)
        && user.as_ref().is_some_and(|user| user.contains(':'))
    {
        page.wrong(user_at, "a user of basic authorization has no colon");
    }
    let from_env = secret(page, raw.value.password.as_ref(), around.variable);
    let from_file = secret_file(page, raw.value.password_file.as_ref());
    match (&raw.value.password, &raw.value.password_file) {
        (Some(_), Some(file)) => {
            page.wrong(
                &file.at,
                "there is a `password` or a `password_file`, not both",
            );
        }
        (None, None)
            if !page.spoilt(&raw.at, "password") && !page.spoilt(&raw.at, "password_file") =>
        {
            page.wrong(
                &raw.at,
                "`basic` lacks `password_file`, or `password` as \"${NAME}\"",
            );
        }
        _ => {}
    }
    let password = from_env.or(from_file)?;
    let pair = format!("{}:{}", user?, password.expose_secret());
    Some(format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    ))
}

fn expect(
    page: &mut Page<'_>,
    raw: &RawExpect,
    timeout: Option<Duration>,
    plain: bool,
    bodiless: bool,
) -> probes::http::Expect {
    let status: Vec<(u16, At)> = raw
        .status
        .iter()
        .flat_map(Written::each)
        .map(|status| (status.value.0, status.at))
        .collect();
    no_repeats(page, &status);
    if let (true, Some(days)) = (plain, &raw.certificate_days) {
        page.wrong(&days.at, "an http:// address presents no certificate");
    }
    if bodiless {
        let texts = [&raw.body_contains, &raw.body_lacks].map(|text| text.as_ref().map(|t| &t.at));
        let others = [
            raw.body_matches.as_ref().map(|pattern| &pattern.at),
            raw.json.as_ref().map(|json| &json.at),
            raw.json_present.as_ref().map(|json| &json.at),
        ];
        for at in texts.into_iter().chain(others).flatten() {
            page.wrong(at, "the answer to a HEAD request has no body");
        }
    }
    let mut headers = Vec::new();
    for (name, written) in raw.headers.iter().flat_map(|headers| &headers.value) {
        let text = page.read(Some(written));
        if is_header(page, name, &written.at) {
            headers.extend(text.map(|text| (name.clone(), text)));
        }
    }
    probes::http::Expect {
        status: status.into_iter().map(|(status, _)| status).collect(),
        body_contains: page.read(raw.body_contains.as_ref()),
        body_lacks: page.read(raw.body_lacks.as_ref()),
        body_matches: page.read(raw.body_matches.as_ref()),
        json: json(page, raw),
        headers,
        degraded_after: slow(page, raw.degraded_after.as_ref(), timeout),
        certificate_days: raw.certificate_days.as_ref().map(|days| days.value),
    }
}

/// The pointers, each with the value as JSON would write it (text without its quotes).
fn json(page: &mut Page<'_>, raw: &RawExpect) -> Vec<(String, Option<String>)> {
    let mut asked = Vec::new();
    for (pointer, written) in raw.json.iter().flat_map(|json| &json.value) {
        if is_pointer(page, pointer, &written.at) {
            let value = match &written.value {
                Scalar::Text(text) => text.clone(),
                Scalar::Number(number) => number.to_string(),
                Scalar::Fraction(number) => match serde_json::Number::from_f64(*number) {
                    Some(number) => number.to_string(),
                    None => {
                        page.wrong(&written.at, "JSON has no such number");
                        continue;
                    }
                },
                Scalar::Truth(truth) => truth.to_string(),
            };
            asked.push((pointer.clone(), Some(value)));
        }
    }
    for written in raw.json_present.iter().flat_map(|list| &list.value) {
        if let Some(pointer) = page.read(Some(written))
            && is_pointer(page, &pointer, &written.at)
        {
            asked.push((pointer, None));
        }
    }
    asked
}

/// Whether a text is a JSON pointer (RFC 6901).
fn is_pointer(page: &mut Page<'_>, text: &str, at: &At) -> bool {
    let escapes = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    let fine = (text.is_empty() || text.starts_with('/')) && escapes;
    if !fine {
        let said = shown(text);
        page.wrong(
            at,
            format!("`{said}` is not a JSON pointer: write it as \"/status\""),
        );
    }
    fine
}
