//! Secrets in URLs: which values of a query are secrets, and which come from the environment.

use std::ops::Range;

use ::url::{Host, Url};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::suggest::shorten;
use crate::text::variable;
use crate::written::Place;

/// A header or a query parameter carries a secret if its name contains one of these.
const SECRET: &str = "authorization cookie api-key api_key apikey token secret password credential";

/// A query parameter carries a secret if one of the words of its name is one of these.
const WORDS: &str = "auth jwt key pass passwd pwd session sig signature";

/// True if a header of that name carries a secret.
pub fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    SECRET.split(' ').any(|part| lower.contains(part))
}

/// True if a query parameter of that name carries a secret. Signs and capitals separate words.
fn is_secret_parameter(name: &str) -> bool {
    let mut words = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && !before.is_uppercase() {
            words.push(' ');
        }
        words.push(if c.is_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            ' '
        });
        before = c;
    }
    let is_word = |word: &str| WORDS.split(' ').any(|known| known == word);
    is_secret(name) || words.split(' ').any(is_word)
}

/// All but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One parameter of a query.
pub struct Parameter {
    /// Decoded.
    pub name: String,
    /// The place of its value in the text, in bytes.
    pub value: Range<usize>,
}

/// The query parameters that have a value. The text need not begin as a URL does.
fn parameters(text: &str) -> impl Iterator<Item = Parameter> + '_ {
    let mut from = text.find('?').map_or(text.len(), |mark| mark + 1);
    text[from..].split('&').filter_map(move |pair| {
        let start = from;
        from += pair.len() + 1;
        let (name, value) = pair.split_once('=')?;
        let at = start + name.len() + 1;
        let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
        (!value.is_empty()).then_some(Parameter {
            name,
            value: at..at + value.len(),
        })
    })
}

/// The query parameters that hold a secret itself, not the name of a variable.
pub fn secrets(text: &str) -> impl Iterator<Item = Parameter> + '_ {
    parameters(text).filter(|parameter| {
        is_secret_parameter(&parameter.name) && variable(&text[parameter.value.clone()]).is_none()
    })
}

/// The text with each `${NAME}` that is a whole query value replaced by the value that `fill`
/// gives for it, percent-encoded.
pub fn fill(text: &str, mut fill: impl FnMut(&str) -> String) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut done = 0;
    for Parameter { value, .. } in parameters(text) {
        let Some(name) = variable(&text[value.clone()]) else {
            continue;
        };
        filled.push_str(&text[done..value.start]);
        filled.extend(utf8_percent_encode(&fill(name), RESERVED));
        done = value.end;
    }
    filled.push_str(&text[done..]);
    filled
}

/// True if nobody on the way can read or change a request to it: it uses HTTPS, or leads to this machine.
pub fn is_protected(url: &Url) -> bool {
    let is_local = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && is_local
}

/// True if the text is a URL that names a user.
pub fn has_user(text: &str) -> bool {
    text.split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .is_some_and(|authority| authority.contains('@'))
}

/// The text for a message, without the part before an `@`, which may hold a password, and without a
/// query that holds a secret.
pub fn redact(text: &str) -> String {
    if let Some(query) = text.find('?').filter(|_| secrets(text).next().is_some()) {
        return format!("{}?…", redact(&text[..query]));
    }
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{}", shorten(rest)),
        None => shorten(text),
    }
}

/// The place in the file of a part of a text at `at`. Text with escapes has another length in the
/// file: then the place of the whole text.
pub fn part(text: &str, at: &Place, part: &Place) -> Place {
    if at.len() == text.len() + 2 {
        at.start + 1 + part.start..at.start + 1 + part.end
    } else {
        at.clone()
    }
}
