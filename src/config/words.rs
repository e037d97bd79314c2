//! The words that configuration is written in: values that remember where they stand in their
//! file, keys that must be there, text of a certain form. They parse, and know no rule.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, SeqAccess, Visitor, value};

/// Where something stands in its file, in bytes.
pub(super) type At = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Written<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub at: At,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        let at = spanned.span();
        Ok(Self {
            value: spanned.into_inner(),
            at,
        })
    }
}

impl<T: JsonSchema> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A key that must be there. It is empty only where the walk has already reported it, so that one
/// mistake in a table does not hide the others.
#[derive(Clone, Debug)]
pub(super) struct Must<T>(pub Option<Written<T>>);

impl<T> Must<T> {
    /// What was written, unless a mistake was already found here.
    pub fn get(&self) -> Option<&Written<T>> {
        self.0.as_ref()
    }
}

impl<T> Default for Must<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Must<T> {
    /// Reads as an `Option`, so that serde takes an absent key for `None`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Written<T>>::deserialize(deserializer).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for Must<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A form of text: what it is called in a message, and how it is read.
pub(super) trait Word {
    /// What it means.
    type Value;
    /// What it is, with an example, as the end of "`interval` is …".
    const IS: &'static str;
    /// A regular expression for editors.
    const PATTERN: Option<&'static str> = None;
    /// Whether the text must never be shown.
    const SECRET: bool = false;

    /// Reads it.
    ///
    /// # Errors
    ///
    /// One sentence for the writer of the file.
    fn read(text: &str) -> Result<Self::Value, String>;
}

/// Text in the form of `W`, as written.
pub(super) struct As<W>(pub String, PhantomData<W>);

impl<W> Clone for As<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<W: Word> fmt::Debug for As<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if W::SECRET {
            f.write_str("[hidden]")
        } else {
            fmt::Debug::fmt(&self.0, f)
        }
    }
}

impl<'de, W> Deserialize<'de> for As<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text, PhantomData))
    }
}

impl<W: Word> JsonSchema for As<W> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({ "type": "string", "x-is": W::IS });
        if let Some(pattern) = W::PATTERN {
            schema.insert("pattern".to_owned(), pattern.into());
        }
        schema
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub(super) enum OneOrMany<T> {
    /// Written without brackets.
    One(T),
    /// A list.
    Many(Vec<Written<T>>),
}

impl<T: Clone> Written<OneOrMany<T>> {
    /// The values, each where it stands.
    pub fn each(&self) -> Vec<Written<T>> {
        match &self.value {
            OneOrMany::One(value) => vec![Written {
                value: value.clone(),
                at: self.at.clone(),
            }],
            OneOrMany::Many(values) => values.clone(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let one: value::StrDeserializer<'_, E> = text.into_deserializer();
                T::deserialize(one).map(OneOrMany::One)
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
                let one: value::I64Deserializer<E> = number.into_deserializer();
                T::deserialize(one).map(OneOrMany::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(each) = list.next_element()? {
                    many.push(each);
                }
                Ok(OneOrMany::Many(many))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}_or_list", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = T::json_schema(generator);
        let mut branches = match one.get("anyOf").and_then(|any| any.as_array()) {
            Some(branches) => branches.clone(),
            None => vec![one.clone().into()],
        };
        let is = one
            .get("x-is")
            .and_then(|is| is.as_str())
            .unwrap_or("a value")
            .to_owned();
        branches.push(json_schema!({ "type": "array", "items": one, "minItems": 1 }).into());
        json_schema!({ "anyOf": branches, "x-is": format!("{is}, or a list of such") })
    }
}

/// Text or a whole number: a day of the week or of the month.
#[derive(Clone, Debug)]
pub(super) enum TextOrNumber {
    /// `"sun"`.
    Text(String),
    /// `15`.
    Number(i64),
}

impl<'de> Deserialize<'de> for TextOrNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Ok(Self::Text(text)),
            Scalar::Number(number) => Ok(Self::Number(number)),
            _ => Err(serde::de::Error::custom("expected text or a whole number")),
        }
    }
}

impl JsonSchema for TextOrNumber {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "integer" }],
            "x-is": "a weekday, as \"sun\", or \"first sunday\", or a day of the month, as 15",
        })
    }
}

/// Any single value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// `true` or `false`.
    Truth(bool),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar::Fraction(number))
            }
            fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Scalar, E> {
                Ok(Scalar::Truth(truth))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
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

/// A date as TOML writes it, without quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day(pub jiff::civil::Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = toml::value::Datetime::deserialize(deserializer)?;
        let date = written
            .date
            .ok_or_else(|| serde::de::Error::custom("expected a date"))?;
        let (Ok(year), Ok(month), Ok(day)) = (
            i16::try_from(date.year),
            i8::try_from(date.month),
            i8::try_from(date.day),
        ) else {
            return Err(serde::de::Error::custom("expected a date"));
        };
        jiff::civil::Date::new(year, month, day)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "format": "date",
            "x-is": "a date without quotes, as 2024-03-01",
        })
    }
}
