//! Secrets of other monitors. None is written: each becomes the name of an environment variable.

use toml::{Table, Value};
use url::{Url, form_urlencoded};

/// The name of a header or a parameter that usually holds a secret contains one of these.
const PARTS: &[&str] = &[
    "authorization",
    "cookie",
    "token",
    "key",
    "secret",
    "passw",
    "credential",
];

/// A parameter of a query also holds a secret if one of the words of its name is one of these.
const WORDS: &[&str] = &["auth", "jwt", "pass", "pwd", "session", "sig", "signature"];

/// The remark on a text that was left out because it may hold a secret.
pub(crate) const BY_HAND: &str =
    "not carried over: it may hold a secret; write it by hand, docs/configuration.md";

/// True if a header of this name usually holds a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part))
}

/// True if a text that is sent may hold a secret, as a form with a password.
pub(crate) fn may_hold_one(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let parts = PARTS.iter().filter(|part| **part != "key");
    parts
        .chain(&["api_key", "apikey"])
        .any(|part| text.contains(part))
        || words(&text).any(|word| WORDS.contains(&word))
}

fn is_secret_parameter(name: &str) -> bool {
    is_secret(name) || words(&name.to_ascii_lowercase()).any(|word| WORDS.contains(&word))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
}

/// The name of an environment variable for a secret of a system.
pub(crate) fn variable(system: &str, what: &str) -> String {
    let mut name = String::new();
    for c in format!("{system}_{what}").chars() {
        match c.is_ascii_alphanumeric() {
            true => name.push(c.to_ascii_uppercase()),
            false if name.ends_with('_') || name.is_empty() => {}
            false => name.push('_'),
        }
    }
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

/// The reference to a variable, as a configuration writes it.
pub(crate) fn reference(variable: &str) -> Value {
    Value::from(format!("${{{variable}}}"))
}

/// A user and the variable of its password.
pub(crate) fn basic(user: &str, variable: &str) -> Table {
    let mut basic = Table::new();
    basic.insert("user".to_owned(), user.into());
    basic.insert("password".to_owned(), reference(variable));
    basic
}

/// A header's value as Nines writes it, and the variable to set if the value is or names a secret.
pub(crate) fn header(system: &str, name: &str, value: &str) -> (Value, Option<String>) {
    if is_secret(name) || value.contains('$') {
        let variable = variable(system, name);
        return (reference(&variable), Some(variable));
    }
    (value.into(), None)
}

/// A URL without the secrets that it held.
pub(crate) struct Address {
    pub(crate) url: String,
    /// The user of the URL, with the variable of its password.
    pub(crate) basic: Option<Table>,
    /// The variables to set, each with the name of what it holds.
    pub(crate) variables: Vec<(String, String)>,
}

/// Takes the user and the secrets of the query out of a URL. The fragment is dropped: it is never sent.
pub(crate) fn address(system: &str, url: &str) -> Result<Address, String> {
    let mut url = Url::parse(url).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
        return Err(format!(
            "`{}` is not the scheme of a web page",
            url.scheme()
        ));
    }
    url.set_fragment(None);
    let mut variables = Vec::new();
    let mut user = None;
    if !url.username().is_empty() || url.password().is_some() {
        let variable = variable(system, "PASSWORD");
        user = Some(basic(url.username(), &variable));
        variables.push(("the password of the URL".to_owned(), variable));
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        cleared.map_err(|()| "its user cannot be taken out".to_owned())?;
    }
    let query = url.query().map(str::to_owned);
    url.set_query(None);
    let mut text = url.to_string();
    for (index, pair) in query.iter().flat_map(|query| query.split('&')).enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        let parsed = form_urlencoded::parse(pair.as_bytes()).next();
        let secret = parsed.filter(|(name, value)| !value.is_empty() && is_secret_parameter(name));
        match (secret, pair.split_once('=')) {
            (Some((name, _)), Some((written, _))) => {
                let variable = variable(system, &name);
                text.push_str(&format!("{written}=${{{variable}}}"));
                variables.push((format!("the parameter `{name}` of the URL"), variable));
            }
            _ => text.push_str(pair),
        }
    }
    Ok(Address {
        url: text,
        basic: user,
        variables,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_loses_its_secrets_and_nothing_else() {
        let clean = address(
            "Portal",
            "https://me:never@portal.example.org/a?page=1&api_key=never&empty=&sig=never#top",
        )
        .unwrap();
        assert_eq!(
            clean.url,
            "https://portal.example.org/a?page=1&api_key=${PORTAL_API_KEY}&empty=&sig=${PORTAL_SIG}"
        );
        assert_eq!(
            clean.basic.unwrap().to_string().replace('\n', ";"),
            "password = \"${PORTAL_PASSWORD}\";user = \"me\";"
        );
        assert_eq!(clean.variables.len(), 3);
        let plain = address("Portal", "http://portal.example.org").unwrap();
        assert_eq!(plain.url, "http://portal.example.org/");
        assert!(address("Portal", "ftp://portal.example.org").is_err());
    }

    #[test]
    fn a_sent_text_that_may_hold_a_secret_is_told() {
        for text in ["{\"passwd\":\"x\"}", "auth x", "grant=1&client_secret=x"] {
            assert!(may_hold_one(text), "{text}");
        }
        for text in ["{\"query\":\"{ status }\"}", "PING", "monkey"] {
            assert!(!may_hold_one(text), "{text}");
        }
    }
}
