//! Formats of text. A format defines in one place its parser, its name in messages, and its JSON
//! Schema.

use std::any::type_name;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::written::{Place, STAND_IN};

/// A format of text in a configuration file.
pub trait Format: 'static {
    /// The parsed value.
    type Value;
    /// Its name with an example, as the end of "`interval` is …".
    const IS: &'static str;
    /// A text that can be parsed.
    const EXAMPLE: &'static str;
    /// A regular expression for editors.
    const PATTERN: Option<&'static str> = None;
    /// The `format` of JSON Schema. A `date` is written without quotes.
    const FORMAT: Option<&'static str> = None;
    /// True if a whole number is accepted, too. The schema walk turns it into text.
    const ALSO_NUMBER: bool = false;

    /// Parses the text.
    ///
    /// # Errors
    ///
    /// One sentence for the writer of the file. It must not repeat a secret.
    fn parse(text: &str) -> Result<Self::Value, String>;
}

/// Text in the format `F`, parsed, and its place.
pub struct Parsed<F: Format> {
    pub value: F::Value,
    pub at: Place,
}

impl<F: Format> Parsed<F> {
    /// True if this stands in for a value with a mistake, which is already reported.
    pub fn is_stand_in(&self) -> bool {
        self.at == STAND_IN
    }
}

/// Shows only the place: the value may be a secret.
impl<F: Format> fmt::Debug for Parsed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.at)
    }
}

impl<'de, F: Format> Deserialize<'de> for Parsed<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = toml::Spanned::<String>::deserialize(deserializer)?;
        let value = F::parse(text.get_ref()).map_err(D::Error::custom)?;
        Ok(Self {
            value,
            at: text.span(),
        })
    }
}

impl<F: Format> JsonSchema for Parsed<F> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        type_name::<F>().into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        register::<F>();
        let mut schema = json_schema!({
            "type": "string",
            "examples": [F::EXAMPLE],
            "x-is": F::IS,
            "x-parser": type_name::<F>(),
        });
        if F::ALSO_NUMBER {
            schema.insert("type".to_owned(), vec!["string", "integer"].into());
        }
        for (key, value) in [("pattern", F::PATTERN), ("format", F::FORMAT)] {
            if let Some(value) = value {
                schema.insert(key.to_owned(), value.into());
            }
        }
        schema
    }
}

type Check = fn(&str) -> Result<(), String>;

/// A JSON Schema cannot hold a function: it names the parser (`x-parser`), and this finds it.
static PARSERS: Mutex<BTreeMap<&str, Check>> = Mutex::new(BTreeMap::new());

fn register<F: Format>() {
    let mut parsers = PARSERS.lock().unwrap_or_else(PoisonError::into_inner);
    parsers.insert(type_name::<F>(), |text| F::parse(text).map(|_| ()));
}

/// The parser that a schema names. Its error says why a text cannot be parsed.
pub fn parser(name: &str) -> Option<Check> {
    let parsers = PARSERS.lock().unwrap_or_else(PoisonError::into_inner);
    parsers.get(name).copied()
}
