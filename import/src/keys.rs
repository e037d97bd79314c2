//! The keys of a probe while its definition is read.

use toml::{Table, Value};

/// The keys of a probe, and the expectations that an `http` probe keeps in a table of their own.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) own: Table,
    pub(crate) expect: Table,
}

impl Keys {
    pub(crate) fn of(kind: &str) -> Self {
        let mut keys = Self::default();
        keys.set("kind", kind);
        keys
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.own.insert(key.to_owned(), value.into());
    }

    /// Sets an expectation. False if there is another one already: a probe has one of each key.
    pub(crate) fn expect(&mut self, key: &str, value: impl Into<Value>) -> bool {
        if self.expect.contains_key(key) {
            return false;
        }
        self.expect.insert(key.to_owned(), value.into());
        true
    }

    /// Expects a value of JSON by its pointer. False if the pointer is compared already.
    pub(crate) fn expect_json(&mut self, pointer: String, wanted: impl Into<Value>) -> bool {
        let empty = Value::Table(Table::new());
        let table = self.expect.entry("json").or_insert(empty);
        match table.as_table_mut() {
            Some(table) if !table.contains_key(&pointer) => {
                table.insert(pointer, wanted.into());
                true
            }
            _ => false,
        }
    }

    /// The table of the probe.
    pub(crate) fn finish(mut self) -> Table {
        if !self.expect.is_empty() {
            self.set("expect", self.expect.clone());
        }
        self.own
    }
}

/// `.data[0].id` as `/data/0/id` (RFC 6901). `None` for wildcards and functions.
pub(crate) fn pointer(path: &str) -> Option<String> {
    let mut pointer = String::new();
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let part = part.strip_suffix(']').unwrap_or(part);
        let is_plain = |c: char| !"]*()\"'`$?@<>=!&|+^%{}:, ".contains(c);
        if part.is_empty() || !part.chars().all(is_plain) {
            return None;
        }
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    (!pointer.is_empty()).then_some(pointer)
}

/// The value of JSON that a text stands for: true, false, a whole number, else the text.
pub(crate) fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::from(true),
        "false" => Value::from(false),
        text => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Value::from(number),
            _ => Value::from(text),
        },
    }
}

/// The text as a regular expression that matches it alone.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$#&-~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
