//! Reads a file into its table. It notes every mistake of form, and stops at a syntax error.

use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::de::{DeTable, Deserializer};
use values::{Environment, Place, Source};

use super::redact;
use super::schema::{SchemaKind, marked};
use super::syntax::explain;
use super::validate::validate;
use crate::files::{self, ReadError};

/// The largest file that is read, in bytes.
pub(super) const LARGEST: u64 = 4 << 20;

/// The message for a file that does not exist.
const MISSING: &str = "there is no such file";

/// A file, and its table if the text is TOML.
pub(super) struct File<'a, T> {
    pub source: Source<'a>,
    /// A stand-in replaces a wrong or missing value. `None` means that there was another mistake.
    pub table: Option<T>,
}

/// Reads one file.
pub(super) fn read<'a, T: DeserializeOwned>(
    path: &Path,
    kind: SchemaKind,
    environment: Environment<'a>,
) -> File<'a, T> {
    let file = read_with(path, kind, environment, |_, _| ());
    File {
        source: file.source,
        table: file.table.map(|(table, ())| table),
    }
}

/// Reads one file, and takes something more from its tree.
pub(super) fn read_with<'a, T: DeserializeOwned, M>(
    path: &Path,
    kind: SchemaKind,
    environment: Environment<'a>,
    more: impl FnOnce(&mut Source<'a>, &DeTable<'_>) -> M,
) -> File<'a, (T, M)> {
    let mut source = source_of(path, environment);
    for (_, why) in &mut source.mistakes {
        if kind == SchemaKind::Service && why == MISSING {
            why.push_str(
                ": name yours with --config FILE; docs/first-day.md begins with a small one",
            );
        }
    }
    let table = table(&mut source, marked(kind), more);
    File { source, table }
}

/// Reads a file of a kind that is not part of the configuration, with the same diagnostics. `schema` is that of `T`
/// ([`super::schema_of`]). A stand-in replaces a wrong or missing value.
pub fn document<T: DeserializeOwned>(path: &Path, schema: &Value) -> (Source<'static>, Option<T>) {
    const NOTHING: Environment<'static> = Environment {
        variable: &|_| None,
        file: &|_| Err("it is not read here".to_owned()),
        proxy_from_environment: false,
        commands: &[],
        reach: &values::reach::BUILT_IN,
    };
    let mut source = source_of(path, NOTHING);
    let table = table(&mut source, schema, |_, _| ());
    (source, table.map(|(table, ())| table))
}

/// A file with its text, if it can be read.
fn source_of<'a>(path: &Path, environment: Environment<'a>) -> Source<'a> {
    let (text, unreadable) = match text_of(path) {
        Ok(text) => (Some(text), None),
        Err(Unreadable { text, at, why }) => (text, Some((at, why))),
    };
    let mut source = Source::new(path.to_owned(), text.map(Rc::from), environment);
    source.mistakes.extend(unreadable);
    source
}

/// The table of a text, and something more from its tree. `None` means that there was a mistake that no stand-in mends.
fn table<'a, T: DeserializeOwned, M>(
    source: &mut Source<'a>,
    schema: &Value,
    more: impl FnOnce(&mut Source<'a>, &DeTable<'_>) -> M,
) -> Option<(T, M)> {
    let text = source.text.clone().unwrap_or_default();
    let (mut tree, errors) = DeTable::parse_recoverable(&text);
    if source.mistakes.is_empty() {
        source.mistakes.extend(explain(&text, &errors));
    }
    if !source.mistakes.is_empty() {
        redact::lines(source, &text);
        return None;
    }
    redact::table(source, tree.get_ref(), false);
    validate(source, tree.get_mut(), schema);
    let more = more(source, tree.get_ref());
    let table = T::deserialize(Deserializer::from(tree))
        .map_err(|error| unexpected(source, &error))
        .ok();
    table.map(|table| (table, more))
}

/// Notes an error of deserialization. Validation finds all of them, unless it has a fault itself.
pub(super) fn unexpected(source: &mut Source<'_>, error: &toml::de::Error) {
    if source.mistakes.is_empty() {
        let at = error.span().unwrap_or(0..0);
        let message = error.message().replace('\n', ", ");
        source.wrong(&at, message);
    }
}

/// The reason why a file is not text, with the part of it that is.
pub(super) struct Unreadable {
    pub text: Option<String>,
    pub at: Place,
    pub why: String,
}

/// The text of a file, which is at most `LARGEST` bytes long and in UTF-8.
pub(super) fn text_of(path: &Path) -> Result<String, Unreadable> {
    let bytes = files::read(path, LARGEST).map_err(|error| Unreadable {
        text: None,
        at: 0..0,
        why: match error {
            ReadError::Other(what) => format!("this is {what}, not a file"),
            ReadError::Io(error) if error.kind() == ErrorKind::NotFound => MISSING.to_owned(),
            error => format!("this file cannot be read: {error}"),
        },
    })?;
    String::from_utf8(bytes).map_err(|error| {
        // The replacement changes nothing before the first wrong byte, so its place is valid.
        let good = error.utf8_error().valid_up_to();
        Unreadable {
            text: Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
            at: good..good + 1,
            why: "this is not UTF-8: save the file as UTF-8".to_owned(),
        }
    })
}
