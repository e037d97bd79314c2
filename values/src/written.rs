//! Values other than text, and the place of a value in its file.

use std::borrow::Cow;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};

/// A place in a file, in bytes.
pub type Place = Range<usize>;

/// The place of a value that stands in for a wrong or missing one. It lets the rest of the file be
/// checked; mistakes at this place are dropped, since the value's own mistake is already reported.
pub const STAND_IN: Place = usize::MAX..usize::MAX;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Written<T> {
    pub value: T,
    pub at: Place,
}

impl<T> Written<T> {
    /// True if this stands in for a value with a mistake, which is already reported.
    pub fn is_stand_in(&self) -> bool {
        self.at == STAND_IN
    }
}

impl<T> Deref for Written<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            at: spanned.span(),
            value: spanned.into_inner(),
        })
    }
}

impl<T: JsonSchema> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A list that may be written as one value without brackets. Before it is deserialized, the schema
/// walk puts a single value into a list.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(transparent)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}_or_list", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = T::json_schema(generator);
        let mut branches = match one.get("anyOf").and_then(|any| any.as_array()) {
            Some(branches) => branches.clone(),
            None => vec![one.clone().into()],
        };
        let is = one.get("x-is").and_then(|is| is.as_str());
        let is = format!("{}, or a list of these", is.unwrap_or("a value"));
        branches
            .push(json_schema!({ "type": "array", "items": one.clone(), "minItems": 1 }).into());
        let mut schema = json_schema!({ "anyOf": branches, "x-is": is, "x-one-or-many": true });
        if let Some(key) = one.get("x-text-as") {
            schema.insert("x-text-as".to_owned(), key.clone());
        }
        schema
    }
}

/// Text, a number, `true` or `false`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(transparent)]
pub struct Scalar(pub serde_json::Value);

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string" }, { "type": "integer" }, { "type": "number" }, { "type": "boolean" },
            ],
            "x-is": "text, a number, true or false",
        })
    }
}
