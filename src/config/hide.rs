//! Finds what may be a secret in a file, by the names of keys and the form of values, so that no
//! message and no line that is shown ever holds one. It errs on the side of hiding.

use toml::de::{DeTable, DeValue};

use super::mistakes::Page;
use super::near::nearest;
use super::values::url;
use super::words::At;

/// Parts of keys whose values are kept out of sight.
const TELLTALE: [&str; 10] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api-key",
    "api_key",
    "apikey",
    "credential",
];

/// Whole words that a key may be a slip of.
const WORDS: [&str; 4] = ["password", "secret", "token", "authorization"];

/// Hides the secrets of a tree.
pub(super) fn in_tree(page: &mut Page<'_>, table: &DeTable<'_>) {
    for (key, value) in table.iter() {
        if is_telltale(key.get_ref()) {
            whole(page, value.get_ref(), &value.span());
        } else {
            in_value(page, value.get_ref(), &value.span());
        }
    }
}

fn is_telltale(key: &str) -> bool {
    let lower = key.to_lowercase();
    !lower.ends_with("file")
        && (TELLTALE.iter().any(|part| lower.contains(part)) || nearest(&lower, WORDS).is_some())
}

fn in_value(page: &mut Page<'_>, value: &DeValue<'_>, at: &At) {
    match value {
        DeValue::Table(table) => in_tree(page, table),
        DeValue::Array(list) => {
            for item in list.iter() {
                in_value(page, item.get_ref(), &item.span());
            }
        }
        DeValue::String(text) if has_user(text) => page.hide(at),
        DeValue::String(text) => {
            for secret in url::secrets(text) {
                page.hide(&part(text, at, &secret.value));
            }
        }
        _ => {}
    }
}

/// Where a part of a text stands in the file. A text with escapes is not written there as it
/// reads: then where all of it stands.
pub(super) fn part(text: &str, at: &At, part: &At) -> At {
    if at.len() == text.len() + 2 {
        at.start + 1 + part.start..at.start + 1 + part.end
    } else {
        at.clone()
    }
}

/// Hides a value unless it only names a variable. A table's own span may be its header alone.
fn whole(page: &mut Page<'_>, value: &DeValue<'_>, at: &At) {
    match value {
        DeValue::Table(table) => {
            for (_, value) in table.iter() {
                whole(page, value.get_ref(), &value.span());
            }
        }
        DeValue::Array(list) => {
            for item in list.iter() {
                whole(page, item.get_ref(), &item.span());
            }
        }
        DeValue::String(text) if text.starts_with("${") && text.ends_with('}') => {}
        _ => page.hide(at),
    }
}

/// Whether a URL names a user.
fn has_user(text: &str) -> bool {
    text.split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .is_some_and(|authority| authority.contains('@'))
}

/// Hides the secrets of a text that is no TOML: of each line that has a telltale word, all that
/// follows the first sign of a value; of each line with a user in a URL, all.
pub(super) fn in_lines(page: &mut Page<'_>, text: &str) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let lower = line.to_lowercase();
        let slip = line
            .split(|c: char| !c.is_alphanumeric())
            .any(|w| nearest(w, WORDS).is_some());
        let url = has_user(line) || line.contains('@') && line.contains("://");
        if url || url::secrets(line.trim_end()).next().is_some() {
            page.hide(&(start..end));
        } else if slip || TELLTALE.iter().any(|part| lower.contains(part)) {
            let from = line.find(['=', '"', '\'', ':']).unwrap_or(0);
            page.hide(&(start + from..end));
        }
        start = end;
    }
}
