//! Text with `{name}` for a captured value and `${NAME}` for an environment variable.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use values::suggest::shorten;
use values::{Format, Place, Source, variable};

use super::super::http::formats::HttpUrl;

pub(super) const NOT_A_NAME: &str =
    "the name of a value has lower-case letters, digits and `_` only, and begins with a letter";

/// All but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text with places to be filled.
#[derive(Clone, Default)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone)]
enum Part {
    Text(String),
    /// The name of a captured value, or of a secret in a file.
    Name(String),
    /// The name of an environment variable, until it is filled in.
    Variable(String),
    Secret(SecretString),
}

/// Texts may hold a secret that its writer has not marked.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

/// True if `text` can be the name of a captured value.
pub(super) fn is_name(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    text.len() <= 64
        && text.bytes().all(is_word)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
}

impl Template {
    fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut plain = String::new();
        while let Some(open) = rest.find('{') {
            let is_variable = rest[..open].ends_with('$');
            let name = rest[open + 1..].split('}').next().unwrap_or_default();
            let end = open + 1 + name.len() + 1;
            let start = if is_variable { open - 1 } else { open };
            let whole = rest.get(start..end);
            let part = match whole {
                Some(whole) if is_variable => {
                    variable(whole).map(|name| Part::Variable(name.to_owned()))
                }
                Some(_) if is_name(name) => Some(Part::Name(name.to_owned())),
                _ => None,
            };
            match part {
                Some(part) => {
                    plain.push_str(&rest[..start]);
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(part);
                    rest = &rest[end..];
                }
                None => {
                    plain.push_str(&rest[..=open]);
                    rest = &rest[open + 1..];
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Self(parts)
    }

    /// The names that it uses.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// True if it is text alone.
    pub(super) fn is_text(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Takes the variables from the environment.
    pub(super) fn fill_variables(&mut self, at: &Place, source: &mut Source<'_>) {
        for part in &mut self.0 {
            if let Part::Variable(name) = part {
                *part = Part::Secret(source.variable(name, at).into());
            }
        }
    }

    /// Takes names that are not `known` as text.
    pub(super) fn keep_unknown(&mut self, known: impl Fn(&str) -> bool) {
        for part in &mut self.0 {
            if let Part::Name(name) = part
                && !known(name)
            {
                *part = Part::Text(format!("{{{name}}}"));
            }
        }
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret(secret) => Some(secret),
            _ => None,
        })
    }

    /// The text with every value in its place. A name without a value is empty: configurations have none.
    pub(super) fn fill(&self, values: &BTreeMap<String, String>) -> String {
        self.filled(values, |value, text| text.push_str(value))
    }

    /// Like [`Template::fill`], with values as the path or the query of a URL has them.
    pub(super) fn fill_url(&self, values: &BTreeMap<String, String>) -> String {
        self.filled(values, |value, text| {
            text.extend(utf8_percent_encode(value, RESERVED));
        })
    }

    fn filled(
        &self,
        values: &BTreeMap<String, String>,
        mut add: impl FnMut(&str, &mut String),
    ) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Name(name) => add(values.get(name).map_or("", String::as_str), &mut text),
                Part::Secret(secret) => add(secret.expose_secret(), &mut text),
                Part::Variable(_) => {}
            }
        }
        text
    }
}

/// The format of a text in a step.
pub(super) struct StepText;

impl Format for StepText {
    type Value = Template;
    const IS: &'static str = "text in quotes";
    const EXAMPLE: &'static str = "{token}";

    fn parse(text: &str) -> Result<Template, String> {
        let template = Template::parse(text);
        let has_broken = template.0.iter().any(|part| match part {
            Part::Text(text) => text.contains("${"),
            _ => false,
        });
        if has_broken {
            return Err("an environment variable is written as \"${PORTAL_PASSWORD}\"".to_owned());
        }
        Ok(template)
    }
}

/// The address of a step.
#[derive(Clone, Debug)]
pub(super) enum Address {
    /// The name of a captured address.
    Captured(String),
    /// As the file writes it. It has a literal host.
    Written(String),
}

/// The format of a step's address.
pub(super) struct StepUrl;

impl Format for StepUrl {
    type Value = Address;
    const IS: &'static str = "a URL in quotes, as \"https://portal.example.org/orders/{id}\", or a captured one, as \"{next}\"";
    const EXAMPLE: &'static str = "https://portal.example.org/login";
    const PATTERN: Option<&'static str> =
        Some(r"^(\{[a-z][a-z0-9_]*\}|https?://[^@/?#\s]+([/?][^#\s]*)?)$");

    fn parse(text: &str) -> Result<Address, String> {
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        if let Some(name) = inner.filter(|name| is_name(name)) {
            return Ok(Address::Captured(name.to_owned()));
        }
        let after = text.split_once("://").map_or(text, |(_, rest)| rest);
        let host = after.split(['/', '?']).next().unwrap_or_default();
        if host.contains(['{', '}']) {
            return Err(
                "the host of a URL is written out; only a whole URL may be captured, as \"{next}\""
                    .to_owned(),
            );
        }
        HttpUrl::parse(&sample(text))?;
        Ok(Address::Written(text.to_owned()))
    }
}

/// The address with an `x` for each name, which is as valid as with any other value.
pub(super) fn sample(text: &str) -> String {
    let mut template = Template::parse(text);
    for part in &mut template.0 {
        match part {
            Part::Name(_) => *part = Part::Text("x".to_owned()),
            Part::Variable(name) => *part = Part::Text(format!("${{{name}}}")),
            _ => {}
        }
    }
    template.fill(&BTreeMap::new())
}

/// The template of an address whose variables are filled in.
pub(super) fn of_url(text: &str) -> Template {
    Template::parse(text)
}

/// What to say of a name that no earlier step captures.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let said = shorten(name);
    match values::suggest::nearest(name, known) {
        Some(near) => format!("no earlier step captures `{said}`, did you mean `{near}`?"),
        None => format!(
            "no earlier step captures `{said}`: add `capture = {{ {said} = … }}` to one, or a file to `secret_files`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let values = [("token", "a b&c"), ("id", "7")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Template::parse(text).fill(&values.into())
    }

    #[test]
    fn names_are_filled_and_other_braces_stay() {
        for (text, wanted) in [
            ("{token}", "a b&c"),
            ("Bearer {token}!", "Bearer a b&c!"),
            ("{id}{id}", "77"),
            (r#"{"a": {"b": "{id}"}}"#, r#"{"a": {"b": "7"}}"#),
            ("{ id }", "{ id }"),
            ("{", "{"),
            ("}{", "}{"),
            ("{Id}", "{Id}"),
            ("{}", "{}"),
            ("", ""),
            ("ä{id}ö", "ä7ö"),
        ] {
            assert_eq!(filled(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_captured_value_cannot_leave_its_place_in_a_url() {
        let values = [("id".to_owned(), "../a?b=c&d#e".to_owned())].into();
        let url = Template::parse("https://portal.example.org/{id}/x?q={id}").fill_url(&values);
        assert_eq!(
            url,
            "https://portal.example.org/..%2Fa%3Fb%3Dc%26d%23e/x?q=..%2Fa%3Fb%3Dc%26d%23e"
        );
    }

    #[test]
    fn the_pattern_and_the_parser_of_an_address_agree() {
        let pattern = regex::Regex::new(StepUrl::PATTERN.unwrap()).unwrap();
        for good in [
            "{next}",
            "http://portal.example.org/",
            "https://portal.example.org:8443/a/{id}?b={token}&c=${SECRET}",
        ] {
            assert!(
                StepUrl::parse(good).is_ok() && pattern.is_match(good),
                "{good}"
            );
        }
        for bad in ["", "{Next}", "/login", "portal.example.org", "{next}/a"] {
            assert!(
                StepUrl::parse(bad).is_err() && !pattern.is_match(bad),
                "{bad}"
            );
        }
        for bad in ["https://{host}/", "https://portal.example.org:{port}/"] {
            assert!(StepUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_variable_is_taken_from_the_environment() {
        let environment = values::Environment {
            variable: &|name| (name == "PASSWORD").then(|| "hunter2".to_owned()),
            file: &|_| Err("there are no files here".to_owned()),
            proxy_from_environment: false,
            commands: &[],
            reach: &values::reach::BUILT_IN,
        };
        let mut source = Source::new("probe.toml".into(), None, environment);
        let mut template = StepText::parse("{\"p\": \"${PASSWORD}\"}").unwrap();
        template.fill_variables(&(0..1), &mut source);
        assert_eq!(template.fill(&BTreeMap::new()), "{\"p\": \"hunter2\"}");
        assert_eq!(template.secrets().count(), 1);
        assert!(!format!("{template:?}").contains("hunter2"));
        assert!(StepText::parse("${PASS WORD}").is_err());
    }
}
