//! JSON as it is written: a number keeps its digits, so that 9007199254740993 is not 9007199254740992.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A JSON text.
pub(crate) type Json = RawValue;

/// `None` if the text is not JSON.
pub(crate) fn parse(text: &str) -> Option<&Json> {
    serde_json::from_str(text).ok()
}

/// The value to which a JSON pointer leads (RFC 6901).
pub(crate) fn find<'a>(document: &'a Json, pointer: &str) -> Option<&'a Json> {
    let mut value = document;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        value = match value.get().as_bytes() {
            [b'{', ..] => members(value)?.remove(&token)?,
            [b'[', ..] => *items(value)?.get(index(&token)?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// An index has no sign and no leading zero.
fn index(token: &str) -> Option<usize> {
    let is_plain = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| is_plain)
}

/// The members of an object; of two with the same name, the last one.
fn members(value: &Json) -> Option<BTreeMap<String, &Json>> {
    serde_json::from_str(value.get()).ok()
}

fn items(value: &Json) -> Option<Vec<&Json>> {
    serde_json::from_str(value.get()).ok()
}

/// A string must equal `wanted`. Any other value must be equal as JSON; 1 equals 1.0.
pub(crate) fn equals(found: &Json, wanted: &str) -> bool {
    match string(found) {
        Some(text) => text == wanted,
        None => parse(wanted).is_some_and(|wanted| same(found, wanted)),
    }
}

/// The text of a JSON string.
pub(crate) fn string(value: &Json) -> Option<String> {
    let text = value.get();
    let is_string = text.starts_with('"');
    is_string.then(|| serde_json::from_str(text).ok()).flatten()
}

/// Goes no deeper than the wanted value.
fn same(found: &Json, wanted: &Json) -> bool {
    match (found.get().as_bytes(), wanted.get().as_bytes()) {
        ([b'{', ..], [b'{', ..]) => {
            let (Some(found), Some(wanted)) = (members(found), members(wanted)) else {
                return false;
            };
            found.len() == wanted.len()
                && wanted
                    .iter()
                    .all(|(name, wanted)| found.get(name).is_some_and(|found| same(found, wanted)))
        }
        ([b'[', ..], [b'[', ..]) => {
            let (Some(found), Some(wanted)) = (items(found), items(wanted)) else {
                return false;
            };
            found.len() == wanted.len()
                && found
                    .iter()
                    .zip(wanted)
                    .all(|(found, wanted)| same(found, wanted))
        }
        ([b'"', ..], [b'"', ..]) => string(found).is_some_and(|text| Some(text) == string(wanted)),
        ([b'-' | b'0'..=b'9', ..], [b'-' | b'0'..=b'9', ..]) => {
            Number::new(found.get()) == Number::new(wanted.get())
        }
        (found, wanted) => found == wanted,
    }
}

/// Digits without zeros at either end, and the power of ten of the last one. Equal numbers have one form.
#[derive(Debug, PartialEq, Eq)]
struct Number {
    is_negative: bool,
    digits: String,
    exponent: i128,
}

impl Number {
    /// The text is a JSON number.
    fn new(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{}{fraction}", whole.trim_start_matches('-'));
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Self {
                is_negative: false,
                digits: String::new(),
                exponent: 0,
            };
        }
        let beyond = if exponent.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        };
        let exponent = i128::from(exponent.parse().unwrap_or(beyond));
        let zeros = all.len() - all.trim_end_matches('0').len();
        Self {
            is_negative: text.starts_with('-'),
            digits: digits.to_owned(),
            exponent: exponent + zeros as i128 - fraction.len() as i128,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(found: &str, wanted: &str) -> bool {
        equals(parse(found).unwrap(), wanted)
    }

    #[test]
    fn numbers_compare_exactly() {
        for (one, other) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0.00"),
            ("0.1", "1E-1"),
            ("12.50", "1.25e+1"),
            ("9007199254740993", "9007199254740993"),
            ("1e400", "10e399"),
        ] {
            assert!(equal(one, other) && equal(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("9007199254740993", "9007199254740992"),
            ("1234567890123456789", "1234567890123456788"),
            ("0.1", "0.10000000000000000001"),
            ("1", "-1"),
            ("1e400", "1e401"),
            ("10", "1"),
            ("1", "true"),
            ("1", "one"),
        ] {
            assert!(!equal(one, other), "{one} {other}");
        }
    }

    #[test]
    fn nested_values_compare_by_content() {
        assert!(equal(
            r#"{"a": [1, {"b": "\u0041"}], "c": null}"#,
            r#"{"c":null,"a":[1.0,{"b":"A"}]}"#
        ));
        for other in [
            r#"{"a":[1]}"#,
            r#"{"a":[1,2],"b":1}"#,
            r#"{"a":[2,1]}"#,
            "[1,2]",
        ] {
            assert!(!equal(r#"{"a": [1, 2]}"#, other), "{other}");
        }
    }

    #[test]
    fn a_pointer_leads_to_the_value_as_written() {
        let document = parse(r#"{"a/b": {"~": [0, 1.50]}, "twice": 1, "twice": 2}"#).unwrap();
        let at = |pointer| find(document, pointer).map(Json::get);
        assert_eq!(at("/a~1b/~0/1"), Some("1.50"));
        assert_eq!(at("/twice"), Some("2"));
        assert_eq!(at("").map(str::len), Some(document.get().len()));
        for missing in [
            "/a~1b/~0/2",
            "/a~1b/~0/01",
            "/a~1b/~0/+1",
            "/a~1b/~0/-",
            "/twice/0",
            "/b",
        ] {
            assert_eq!(at(missing), None, "{missing}");
        }
        assert!(parse("{\"a\":1}\n{}").is_none());
    }
}
