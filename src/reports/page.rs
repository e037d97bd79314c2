//! HTML and Markdown from templates. People's texts never become markup, a table border, a link or a
//! script.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use domain::report::{Report, words};
use domain::text::visible;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, escape_formatter};

use super::pictures::{self, Letters};
use super::{Error, explanation, template};
use crate::config::Templates;

/// A format that is made from a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Html,
    Markdown,
}

impl Page {
    fn template(self) -> &'static str {
        match self {
            Page::Html => "monthly.html.j2",
            Page::Markdown => "monthly.md.j2",
        }
    }

    fn built_in(self) -> &'static str {
        match self {
            Page::Html => include_str!("../../report_templates/monthly.html.j2"),
            Page::Markdown => include_str!("../../report_templates/monthly.md.j2"),
        }
    }
}

/// The limit of template instructions. A thousand systems need about twenty million.
const FUEL: u64 = 400_000_000;

pub(super) fn render(
    report: &Report,
    page: Page,
    templates: Option<&Templates>,
) -> Result<Vec<u8>, Error> {
    let name = page.template();
    let source = source(page, templates)?;
    let zone = TimeZone::get(&report.zone).map_err(|_| Error::Zone(report.zone.clone()))?;
    let wrong = |error: minijinja::Error| Error::Template {
        name,
        cause: format!("{error:#}"),
    };
    let mut environment = environment(page, &zone).map_err(wrong)?;
    explain(&mut environment, report, &zone);
    let pictures = match page {
        Page::Html => pictures::all(report, Letters::Page, templates)?,
        Page::Markdown => Vec::new(),
    };
    let pictures: Vec<Value> = pictures
        .iter()
        .map(|p| minijinja::context! { kind => p.kind, title => &p.title, svg => &p.svg })
        .collect();
    let text = environment
        .template_from_named_str(name, &source)
        .and_then(|t| {
            t.render(minijinja::context! {
                r => Value::from(Serde(report)), pictures => pictures,
            })
        })
        .map_err(wrong)?;
    Ok(text.into_bytes())
}

/// Two functions for figures: `linked(key)` returns the key and notes it, `explained()` returns the
/// explanations of the noted figures. So a page explains what it shows, and no more.
fn explain(env: &mut Environment<'_>, report: &Report, zone: &TimeZone) {
    let noted = Arc::new(Mutex::new(BTreeSet::new()));
    let note = Arc::clone(&noted);
    env.add_function("linked", move |key: String| {
        let mut noted = note.lock().unwrap_or_else(PoisonError::into_inner);
        noted.insert(key.clone());
        key
    });
    let (explained, zone) = (Arc::clone(report.explained()), zone.clone());
    env.add_function("explained", move || {
        let noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = explanation::entries(&explained, &noted, &zone);
        Value::from(Serde(&entries))
    });
}

/// Every page made from a template.
pub(super) const ALL: [Page; 2] = [Page::Html, Page::Markdown];

/// The text of the template in force.
pub(super) fn source(page: Page, templates: Option<&Templates>) -> Result<String, Error> {
    template::source(page.template(), page.built_in(), templates)
}

pub(super) fn environment<'a>(
    page: Page,
    zone: &TimeZone,
) -> Result<Environment<'a>, minijinja::Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    match page {
        Page::Html => {
            env.set_auto_escape_callback(|_| AutoEscape::Html);
            env.set_formatter(template::visible);
        }
        Page::Markdown => {
            env.set_auto_escape_callback(|_| AutoEscape::None);
            env.set_formatter(|out, state, value| match template::text_of(value) {
                Some(text) => out.write_str(&markdown(text)).map_err(Into::into),
                None => escape_formatter(out, state, value),
            });
        }
    }
    filters(&mut env, zone);
    Ok(env)
}

/// The filters of templates; `monthly.html.j2` lists them.
fn filters(env: &mut Environment<'_>, zone: &TimeZone) {
    let here = zone.clone();
    env.add_filter(
        "instant",
        move |value: Value, none: Option<String>| match moment(&value)? {
            Some(at) => Ok(words::instant(at, &here)),
            None => otherwise(none),
        },
    );
    let here = zone.clone();
    env.add_filter(
        "clock",
        move |value: Value, none: Option<String>| match moment(&value)? {
            Some(at) => Ok(format!(
                "{}\u{a0}{}",
                at.to_zoned(here.clone()).strftime("%H:%M:%S"),
                words::abbreviation(at, &here)
            )),
            None => otherwise(none),
        },
    );
    let here = zone.clone();
    env.add_filter("date", move |value: Value| match moment(&value)? {
        Some(at) => Ok(at.to_zoned(here.clone()).strftime("%a %-d %b").to_string()),
        None => otherwise(None),
    });
    let here = zone.clone();
    env.add_filter("isodate", move |value: Value| match moment(&value)? {
        Some(at) => Ok(at.to_zoned(here.clone()).date().to_string()),
        None => otherwise(None),
    });
    let here = zone.clone();
    env.add_filter("parts", move |value: Value| match moment(&value)? {
        Some(at) => Ok(parts(at, &here)),
        None => Ok(Value::from(())),
    });
    env.add_filter("lasting", lasting);
    env.add_filter("latency", latency);
    env.add_filter(
        "percent",
        |value: Value, none: Option<String>| match value.as_str() {
            Some(text) => Ok(format!("{text}\u{a0}%")),
            None => otherwise(none),
        },
    );
}

/// An instant without words, for templates in other languages.
fn parts(at: Timestamp, zone: &TimeZone) -> Value {
    let local = at.to_zoned(zone.clone());
    minijinja::context! {
        year => local.year(), month => local.month(), day => local.day(),
        weekday => local.weekday().to_monday_one_offset(),
        clock => local.strftime("%H:%M:%S").to_string(), zone => words::abbreviation(at, zone),
    }
}

fn wrong(what: impl Into<std::borrow::Cow<'static, str>>) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, what)
}

fn otherwise(none: Option<String>) -> Result<String, minijinja::Error> {
    Ok(none.unwrap_or_else(|| "\u{2013}".to_owned()))
}

fn moment(value: &Value) -> Result<Option<Timestamp>, minijinja::Error> {
    if value.is_none() {
        return Ok(None);
    }
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| wrong(format!("`{value}` is not an instant")))
}

fn lasting(value: Value, none: Option<String>) -> Result<String, minijinja::Error> {
    if value.is_none() {
        return otherwise(none);
    }
    match i64::try_from(value.clone()) {
        Ok(s) => Ok(words::length(s)),
        Err(_) => Err(wrong(format!("`{value}` is not a number of seconds"))),
    }
}

fn latency(value: Value, none: Option<String>) -> Result<String, minijinja::Error> {
    if value.is_none() {
        return otherwise(none);
    }
    match u64::try_from(value.clone()) {
        Ok(us) => Ok(words::latency(us)),
        Err(_) => Err(wrong(format!("`{value}` is not a number of microseconds"))),
    }
}

/// Markdown that renders as `text` on one line: no markup, table border, HTML or link.
fn markdown(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() + 8);
    for (i, word) in text.split_whitespace_keeping_nbsp().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        escape_word(word, i == 0, &mut out);
    }
    out
}

trait Words {
    fn split_whitespace_keeping_nbsp(&self) -> impl Iterator<Item = &str>;
}

impl Words for str {
    /// Keeps no-break spaces: they are between a number and its unit.
    fn split_whitespace_keeping_nbsp(&self) -> impl Iterator<Item = &str> {
        self.split(|c: char| c.is_whitespace() && c != '\u{a0}')
            .filter(|word| !word.is_empty())
    }
}

fn escape_word(word: &str, first: bool, out: &mut String) {
    let digits = word.chars().take_while(char::is_ascii_digit).count();
    let lower = word.to_ascii_lowercase();
    for (at, c) in word.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // At the start of a line these begin a list, a rule or a heading's underline.
            '-' | '+' | '=' if first && at == 0 => {
                out.push('\\');
                out.push(c);
            }
            '.' | ')' if first && digits > 0 && at == digits && word.len() == digits + 1 => {
                out.push('\\');
                out.push(c);
            }
            // A bare address would become a link, so its colon, dot or @ becomes an entity.
            ':' if lower[at..].starts_with("://") => entity(c, out),
            '.' if lower[..at].ends_with("www") => entity(c, out),
            '@' => entity(c, out),
            c => out.push(c),
        }
    }
}

fn entity(c: char, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "&#{};", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_s_text_stays_text_in_markdown() {
        let cases = [
            (
                "plain words, 99.912 % at 02:14",
                "plain words, 99.912 % at 02:14",
            ),
            ("a | b\nc", "a \\| b c"),
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
            ("# heading", "\\# heading"),
            ("- item", "\\- item"),
            ("1. item", "1\\. item"),
            (
                "`code` *bold* _it_ ~~no~~",
                "\\`code\\` \\*bold\\* \\_it\\_ \\~\\~no\\~\\~",
            ),
            ("see http://evil.example", "see http&#58;//evil.example"),
            (
                "www.evil.example a@b.example",
                "www&#46;evil.example a&#64;b.example",
            ),
            ("a \\| b", "a \\\\\\| b"),
            ("&lt;", "&amp;lt;"),
        ];
        for (text, wanted) in cases {
            assert_eq!(markdown(text), wanted, "of {text:?}");
        }
    }

    #[test]
    fn characters_that_reorder_or_control_are_shown_not_obeyed() {
        assert_eq!(
            visible("a\u{202e}b\u{0}c\u{1b}[31m"),
            "a\u{fffd}b\u{fffd}c\u{fffd}[31m"
        );
        assert_eq!(visible("two\nlines"), "two\nlines");
    }
}
