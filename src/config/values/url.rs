//! The query of a URL: which of its values are secrets, and which come from the environment.

use std::ops::Range;

use super::text::variable;

/// Parts of the names of headers and of a query's parameters that carry a secret.
const SECRET: [&str; 9] = [
    "authorization",
    "cookie",
    "api-key",
    "api_key",
    "apikey",
    "token",
    "secret",
    "password",
    "credential",
];

/// Whole words in the names of parameters that carry one.
const WORDS: [&str; 9] = [
    "auth",
    "jwt",
    "key",
    "pass",
    "passwd",
    "pwd",
    "session",
    "sig",
    "signature",
];

/// Whether a header of that name carries a secret.
pub(in crate::config) fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    SECRET.iter().any(|part| lower.contains(part))
}

/// Whether a parameter of that name does. Its words are told apart by signs and by capitals.
fn is_secret_parameter(name: &str) -> bool {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in name.chars() {
        let begins = letter.is_uppercase() && !before.is_uppercase();
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    is_secret(name) || words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// One parameter of a query.
pub(in crate::config) struct Parameter {
    /// Its name, decoded.
    pub name: String,
    /// Where its value stands in the text, in bytes.
    pub value: Range<usize>,
}

/// The parameters of the query of a text that may be a URL or the beginning of one forgotten, those
/// without a value left out.
fn parameters(text: &str) -> impl Iterator<Item = Parameter> + '_ {
    let mut from = text.find('?').map_or(text.len(), |mark| mark + 1);
    text[from..].split('&').filter_map(move |pair| {
        let start = from;
        from += pair.len() + 1;
        let (name, value) = pair.split_once('=')?;
        let at = start + name.len() + 1;
        let name = decoded(name);
        (!value.is_empty()).then_some(Parameter {
            name,
            value: at..at + value.len(),
        })
    })
}

/// The parameters that carry a secret which stands there itself, not by the name of a variable.
pub(in crate::config) fn secrets(text: &str) -> impl Iterator<Item = Parameter> + '_ {
    parameters(text).filter(|parameter| {
        is_secret_parameter(&parameter.name) && variable(&text[parameter.value.clone()]).is_none()
    })
}

/// The text with every variable that is a whole value replaced by what it is `filled` with,
/// percent-encoded; nothing if one could not be filled. All are tried.
pub(in crate::config) fn filled(
    text: &str,
    mut fill: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let mut whole = Some(String::with_capacity(text.len()));
    let mut done = 0;
    for Parameter { value, .. } in parameters(text) {
        let Some(name) = variable(&text[value.clone()]) else {
            continue;
        };
        let given = fill(name);
        if let (Some(whole), Some(given)) = (&mut whole, &given) {
            whole.push_str(&text[done..value.start]);
            encode(given, whole);
        }
        whole = whole.filter(|_| given.is_some());
        done = value.end;
    }
    whole.map(|whole| whole + &text[done..])
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// A name with its percent-encoding undone.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let coded = bytes.get(index + 1..index + 3).filter(|_| *byte == b'%');
        let code = coded
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        out.push(code.unwrap_or(*byte));
        index += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
