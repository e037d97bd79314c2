//! Finds the text of a report's template: the operator's own, or the built-in one. Prints values into markup.

use domain::text;
use minijinja::value::ValueKind;
use minijinja::{Output, State, Value, escape_formatter};

use super::Error;
use crate::config::{Found, Templates};

/// The largest template in bytes, as for notices.
const LARGEST: u64 = 256 * 1024;

/// The text of the template `name` among `templates`, or `built_in` if there is no such file.
pub(super) fn source(
    name: &str,
    built_in: &str,
    templates: Option<&Templates>,
) -> Result<String, Error> {
    let found = match templates {
        Some(templates) => templates.read(name, LARGEST),
        None => Ok(None),
    };
    match found {
        Ok(None) => Ok(built_in.to_owned()),
        Ok(Some(Found { path, bytes })) => {
            String::from_utf8(bytes).map_err(|_| Error::Unreadable {
                path,
                source: std::io::Error::other("it is not UTF-8").into(),
            })
        }
        Err((path, source)) => Err(Error::Unreadable { path, source }),
    }
}

/// The text of a value, unless the template declared it safe.
pub(super) fn text_of(value: &Value) -> Option<&str> {
    if value.is_safe() || value.kind() != ValueKind::String {
        return None;
    }
    value.as_str()
}

/// Prints a value into HTML or SVG: escaped, and with a visible sign for each character that a reader or
/// a parser would obey.
pub(super) fn visible(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match text_of(value) {
        Some(written) => escape_formatter(out, state, &Value::from(text::visible(written))),
        None => escape_formatter(out, state, value),
    }
}
