//! Characters that no font has: each becomes U+FFFD, which the built-in fonts have, so that a report with
//! a rare character is printed all the same and the reader sees that something is missing.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Fonts;

/// Replaces the characters of every text in `data`; `missing` gets them.
pub(crate) fn replace_missing(data: &mut Value, fonts: &Fonts, missing: &mut BTreeSet<char>) {
    match data {
        Value::String(text) => {
            if !text.is_ascii() {
                *text = with_replacements(text, fonts, missing);
            }
        }
        Value::Array(items) => {
            for item in items {
                replace_missing(item, fonts, missing);
            }
        }
        Value::Object(keys) => {
            for value in keys.values_mut() {
                replace_missing(value, fonts, missing);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(crate) fn with_replacements(text: &str, fonts: &Fonts, missing: &mut BTreeSet<char>) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii() || invisible(c) || fonts.has(c) {
                return c;
            }
            missing.insert(c);
            char::REPLACEMENT_CHARACTER
        })
        .collect()
}

/// Characters that need no glyph: joiners, soft hyphen, variation selectors.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}')
}
