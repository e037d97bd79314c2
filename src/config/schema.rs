//! The JSON Schemas of the files, derived from their tables: for editors, for validation, and for
//! `docs/configuration.md`.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::policy::PolicyFile;
use super::service::ServiceFile;
use super::system::SystemFile;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaKind {
    /// `nines.toml`.
    Service,
    /// `systems/*.toml`.
    System,
    /// `policies/*.toml`.
    Policy,
}

/// The JSON Schema of a kind of file, for editors.
pub fn schema(kind: SchemaKind) -> Value {
    let mut schema = marked(kind).clone();
    strip_marks(&mut schema);
    schema
}

/// The schema with the keys that validation reads (`x-is`, `x-later`, `x-parser`, …). Everything is
/// inline: it has no references.
pub(super) fn marked(kind: SchemaKind) -> &'static Value {
    // Made once: a configuration may have a thousand files.
    static SERVICE: LazyLock<Value> = LazyLock::new(|| schema_of::<ServiceFile>("nines.toml"));
    static SYSTEM: LazyLock<Value> = LazyLock::new(|| schema_of::<SystemFile>("A system of Nines"));
    static POLICY: LazyLock<Value> = LazyLock::new(|| schema_of::<PolicyFile>("A policy of Nines"));
    match kind {
        SchemaKind::Service => &SERVICE,
        SchemaKind::System => &SYSTEM,
        SchemaKind::Policy => &POLICY,
    }
}

/// The schema of a table with the keys that validation reads.
pub fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(without_null));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.into()
}

/// TOML has no null: an optional key is left out.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else {
        return;
    };
    branches.retain(|branch| branch["type"] != "null");
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

fn strip_marks(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.retain(|key, _| !key.starts_with("x-"));
            object.values_mut().for_each(strip_marks);
        }
        Value::Array(list) => list.iter_mut().for_each(strip_marks),
        _ => {}
    }
}
