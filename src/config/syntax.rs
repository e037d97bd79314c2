//! Explains TOML syntax errors: what the writer most likely meant, and how to write it.

use toml::de::Error;
use values::Place;

/// The first syntax error of a text, if it has one.
pub(super) fn explain(text: &str, errors: &[Error]) -> Option<(Place, String)> {
    let start = |error: &&Error| error.span().map_or(0, |at| at.start);
    let error = errors.iter().min_by_key(start)?;
    let at = error.span().unwrap_or(0..0);
    let rest = text.get(at.start..).unwrap_or_default();
    let message = error
        .message()
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(", ");
    let said = message
        .strip_suffix(", expected nothing")
        .unwrap_or(&message);
    let message = match said {
        _ if rest.starts_with(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}']) => {
            "use straight quotes, as \"this\", not typographic ones".to_owned()
        }
        "duplicate key" => {
            let key = text.get(at.clone()).unwrap_or_default();
            format!("`{key}` is already in this table")
        }
        _ if has_colon_for_equals(text, at.start) => {
            "write `=` between a key and its value, not `:`".to_owned()
        }
        said if is_range_of_date(said) => {
            // The text may be a secret without quotes, so the message does not repeat it.
            let (_, range) = said.split_once("expected ").unwrap_or_default();
            format!("there is no such date or time: use a {range}")
        }
        said if said.contains("must be quoted") => {
            let value = rest.lines().next().unwrap_or_default().trim();
            let is_missing = value.is_empty() || value.starts_with('#');
            let why = [
                "put text in quotes, as \"this\"",
                "there is no value after `=`",
            ];
            why[usize::from(is_missing)].to_owned()
        }
        said if is_bare_word(said) => format!("put text in quotes, as \"this\" ({said})"),
        said if said.starts_with("invalid basic string, expected `\"`") => {
            "this text lacks its closing quote".to_owned()
        }
        said => format!("this is not valid TOML: {said}"),
    };
    Some((at, message))
}

fn is_range_of_date(said: &str) -> bool {
    let date = said.starts_with("invalid date") || said.starts_with("invalid time");
    date && said.contains("expected ") && said.contains("between")
}

/// The library reads a bare word in place of a value as a malformed number, date, `true` or `false`.
fn is_bare_word(said: &str) -> bool {
    let kinds = [
        "integer", "float", "boolean", "date", "time", "mantissa", "number",
    ];
    said.starts_with("invalid") && kinds.iter().any(|kind| said.contains(kind))
}

/// True if the line of the error has a key, then a colon.
fn has_colon_for_equals(text: &str, at: usize) -> bool {
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '\t');
    line.split_once(':')
        .is_some_and(|(key, _)| !key.trim().is_empty() && key.chars().all(is_key))
}
