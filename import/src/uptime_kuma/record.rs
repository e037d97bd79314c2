//! A row by the names of its columns. A backup spells them `retryInterval`, a database `retry_interval`. SQLite keeps
//! flags as numbers and lists as texts of JSON.

use serde_json::{Map, Value};

#[derive(Clone, Copy)]
pub(super) struct Record<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Record<'a> {
    /// A value that is there and not null.
    pub(super) fn value(self, key: &str) -> Option<&'a Value> {
        let found = self.0.iter().find(|(name, _)| is_same(name, key));
        found.map(|(_, value)| value).filter(|v| !v.is_null())
    }

    /// A text that is not blank, or a number as text.
    pub(super) fn text(self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn number(self, key: &str) -> Option<f64> {
        match self.value(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn whole(self, key: &str) -> Option<i64> {
        match self.value(key)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn is_set(self, key: &str) -> bool {
        match self.value(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => matches!(text.as_str(), "1" | "true"),
            _ => false,
        }
    }

    /// A list or a table, also one in a text of JSON. `None` if the text is not JSON.
    pub(super) fn json(self, key: &str) -> Option<Value> {
        match self.value(key)? {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        }
    }

    /// The number of entries of a list.
    pub(super) fn list_length(self, key: &str) -> usize {
        match self.json(key) {
            Some(Value::Array(list)) => list.len(),
            _ => 0,
        }
    }

    /// The texts of a list.
    pub(super) fn list(self, key: &str) -> Vec<String> {
        let Some(Value::Array(list)) = self.json(key) else {
            return Vec::new();
        };
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        list.into_iter().filter_map(text).collect()
    }
}

fn is_same(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(|c| *c != '_');
        letters.map(|c| c.to_ascii_lowercase()).collect()
    };
    letters(one) == letters(other)
}
