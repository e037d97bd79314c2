//! Holds a file's tree against its JSON Schema and notes each key that is unknown or missing and
//! each value of a wrong type or format: serde would stop at the first. A wrong or missing value is
//! replaced by one that stands in for it, so that the rest of the file can be checked.

use std::borrow::Cow;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use values::suggest::{list, nearest, shorten};
use values::{Place, STAND_IN, Source, parser};

use super::kinds;
use super::types::{fits, found, is, is_type, named};

/// Validates a whole file.
pub(super) fn validate(source: &mut Source<'_>, tree: &mut DeTable<'_>, schema: &Value) {
    let mut validator = Validator {
        source,
        root: schema,
    };
    validator.table(tree, &(0..0), FILE, schema);
}

/// The name of the top-level table in messages. Others are called `[service]`, `[[probe]]`, or by
/// their key within another table.
const FILE: &str = "this file";

struct Validator<'a, 's> {
    source: &'a mut Source<'s>,
    root: &'a Value,
}

impl Validator<'_, '_> {
    fn table(&mut self, table: &mut DeTable<'_>, at: &Place, owner: &str, schema: &Value) {
        let chosen = schema["oneOf"]
            .as_array()
            .map(|branches| kinds::choose(self.source, table, schema, branches));
        let schema = chosen.as_ref().unwrap_or(schema);
        let owner = schema["x-owner"].as_str().unwrap_or(owner);
        let Some(known) = schema["properties"].as_object() else {
            // The writer chooses the keys.
            let each = &schema["additionalProperties"];
            for (key, value) in table.iter_mut().filter(|_| each.is_object()) {
                self.value(value, key.get_ref(), owner, each);
            }
            return;
        };
        if schema["additionalProperties"] == false {
            self.unknown_keys(table, owner, schema, known);
        }
        for key in texts(&schema["required"]) {
            if !table.contains_key(key) {
                let what = &known[key];
                let is_list_of_tables = what["items"]["type"] == "object";
                let message = match owner {
                    FILE if is_list_of_tables => format!("{FILE} lacks `[[{key}]]`"),
                    FILE if what["type"] == "object" => format!("{FILE} lacks `[{key}]`"),
                    _ => format!("{owner} lacks `{key}`, {}", is(what)),
                };
                self.source.wrong(at, message);
                let key = Spanned::new(STAND_IN, Cow::Owned(key.to_owned()));
                table.insert(key, stand_in(what));
            }
        }
        for (key, value) in table.iter_mut() {
            if let Some(schema) = known.get(key.get_ref().as_ref()) {
                self.value(value, key.get_ref(), owner, schema);
            }
        }
    }

    /// Notes every unknown key. A misspelt key is renamed if the right one is absent.
    ///
    /// With the mark `x-owner`, keys of other kinds of table are no help.
    fn unknown_keys(
        &mut self,
        table: &mut DeTable<'_>,
        owner: &str,
        schema: &Value,
        known: &Map<String, Value>,
    ) {
        let is_unknown = |key: &&Spanned<Cow<'_, str>>| !known.contains_key(key.get_ref().as_ref());
        let unknown: Vec<_> = table.keys().filter(is_unknown).cloned().collect();
        for key in unknown {
            let (name, at) = (key.get_ref().as_ref(), key.span());
            let said = shorten(name);
            let Some(value) = table.remove(name) else {
                continue;
            };
            if texts(&schema["x-later"]).any(|later| later == name) {
                let message = format!("`{said}` is not supported yet: remove it");
                self.source.wrong(&at, message);
                continue;
            }
            let keys = || known.keys().map(String::as_str);
            // A required key that is absent is the likeliest meaning.
            let absent = texts(&schema["required"]).chain(keys());
            let near = nearest(name, absent.filter(|key| !table.contains_key(*key)));
            let message = if let Some(near) = near {
                table.insert(Spanned::new(at.clone(), Cow::Owned(near.to_owned())), value);
                format!("unknown key `{said}`, did you mean `{near}`?")
            } else if let Some(near) = nearest(name, keys()) {
                if joins(table, near, value) {
                    format!("unknown key `{said}`, did you mean `{near}`?")
                } else {
                    format!("unknown key `{said}`, and `{near}` is already given")
                }
            } else if schema["x-owner"].is_string() {
                format!(
                    "unknown key `{said}`: {owner} knows {}",
                    list(keys(), "and")
                )
            } else if let Some(kind) = schema["x-others"][name].as_str() {
                let own = schema["properties"]["kind"]["const"].as_str();
                let own = own.unwrap_or_default();
                format!("`{said}` belongs to `{kind}` probes, and this one is `{own}`")
            } else if let Some(home) = self.home(name).filter(|_| owner != FILE) {
                format!("`{said}` belongs {home}, not to {owner}")
            } else {
                format!(
                    "unknown key `{said}`: {owner} knows {}",
                    list(keys(), "and")
                )
            };
            self.source.wrong(&at, message);
        }
    }

    /// The one table of this kind of file that has such a key.
    fn home(&self, name: &str) -> Option<String> {
        let tables = self.root["properties"].as_object()?;
        if tables.contains_key(name) {
            return Some("to the top of the file, before the first `[table]`".to_owned());
        }
        let has = |schema: &Value| !schema["properties"][name].is_null();
        let mut homes = tables.iter().filter_map(|(table, schema)| match schema {
            schema if has(schema) => Some(format!("to `[{table}]`")),
            schema if has(&schema["items"]) => Some(format!("to `[[{table}]]`")),
            _ => None,
        });
        homes.next().filter(|_| homes.next().is_none())
    }

    /// Validates a value. A wrong one is replaced.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, key: &str, owner: &str, schema: &Value) {
        if value.span() == STAND_IN {
            return;
        }
        if let Some(key) = schema["x-text-as"].as_str()
            && is_alone(value.get_ref(), schema)
        {
            let mut table = DeTable::new();
            let alone = std::mem::replace(value.get_mut(), DeValue::Boolean(false));
            let alone = Spanned::new(value.span(), alone);
            table.insert(
                Spanned::new(value.span(), Cow::Owned(key.to_owned())),
                alone,
            );
            *value.get_mut() = DeValue::Table(table);
        }
        if let Some(branches) = schema["anyOf"].as_array() {
            let fitting = branches.iter().find(|branch| fits(value.get_ref(), branch));
            match fitting {
                Some(branch) => self.value(value, key, owner, branch),
                None => self.wrong_type(value, key, schema),
            }
            if schema["x-one-or-many"] == true && !value.get_ref().is_array() {
                let mut many = DeArray::new();
                let one = std::mem::replace(value.get_mut(), DeValue::Boolean(false));
                many.push(Spanned::new(value.span(), one));
                *value.get_mut() = DeValue::Array(many);
            }
            return;
        }
        if !fits(value.get_ref(), schema) && !self.mend_brackets(value, key, schema) {
            return self.wrong_type(value, key, schema);
        }
        let at = value.span();
        match value.get_mut() {
            DeValue::Table(table) => {
                let owner = match owner {
                    FILE => format!("`[{key}]`"),
                    _ => format!("`{key}`"),
                };
                self.table(table, &at, &owner, schema);
            }
            DeValue::Array(array) if array.is_empty() && schema["minItems"].as_u64() > Some(0) => {
                self.replace(value, schema, format!("`{key}` is an empty list"));
            }
            DeValue::Array(array) => self.items(array, key, owner, &schema["items"]),
            DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::String(_) => {
                if let Err(message) = scalar(value.get_mut(), key, schema) {
                    self.replace(value, schema, message);
                }
            }
            _ => {}
        }
    }

    fn items(&mut self, array: &mut DeArray<'_>, key: &str, owner: &str, schema: &Value) {
        for item in array.iter_mut() {
            let at = item.span();
            match item.get_mut() {
                DeValue::Table(table) if is_type("object", schema) => {
                    let owner = match owner {
                        FILE => format!("`[[{key}]]`"),
                        _ => format!("`{key}`"),
                    };
                    let mut branches = schema["anyOf"].as_array().into_iter().flatten();
                    let branch = branches.find(|branch| is_type("object", branch));
                    self.table(table, &at, &owner, branch.unwrap_or(schema));
                }
                _ => self.value(item, &format!("{key}[]"), key, schema),
            }
        }
    }

    /// Notes `[x]` for `[[x]]` and the reverse, and reads it as it was meant.
    fn mend_brackets(
        &mut self,
        value: &mut Spanned<DeValue<'_>>,
        key: &str,
        schema: &Value,
    ) -> bool {
        let at = value.span();
        match value.get_mut() {
            DeValue::Table(table) if schema["items"]["type"] == "object" => {
                let table = std::mem::take(table);
                let why = format!("`{key}` is a list of tables: write `[[{key}]]`");
                self.source.wrong(&at, why);
                let mut list = DeArray::new();
                list.push(Spanned::new(at, DeValue::Table(table)));
                *value.get_mut() = DeValue::Array(list);
                true
            }
            DeValue::Array(array) if schema["type"] == "object" => {
                let [only] = &mut **array else { return false };
                let span = only.span();
                let DeValue::Table(table) = only.get_mut() else {
                    return false;
                };
                let table = std::mem::take(table);
                let why = format!("`{key}` is one table: write `[{key}]`");
                self.source.wrong(&span, why);
                *value = Spanned::new(span, DeValue::Table(table));
                true
            }
            _ => false,
        }
    }

    fn wrong_type(&mut self, value: &mut Spanned<DeValue<'_>>, key: &str, schema: &Value) {
        let found = found(value.get_ref());
        let message = format!("{} is {}, not {found}", named(key), is(schema));
        self.replace(value, schema, message);
    }

    fn replace(&mut self, value: &mut Spanned<DeValue<'_>>, schema: &Value, message: String) {
        self.source.wrong(&value.span(), message);
        *value = stand_in(schema);
    }
}

/// True if a value stands for a table with one key: text, or a date where one may be written.
fn is_alone(value: &DeValue<'_>, schema: &Value) -> bool {
    let mut branches = schema["anyOf"].as_array().into_iter().flatten();
    match value {
        DeValue::String(_) => true,
        DeValue::Datetime(_) => branches.any(|branch| fits(value, branch)),
        _ => false,
    }
}

/// Validates text, a date or a number. A value in a text format is turned into text.
///
/// # Errors
///
/// The message for the writer of the file.
fn scalar(value: &mut DeValue<'_>, key: &str, schema: &Value) -> Result<(), String> {
    if let Some(parse) = schema["x-parser"].as_str().and_then(parser) {
        let text = match &*value {
            DeValue::Integer(number) => number.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        parse(&text)?;
        *value = DeValue::String(Cow::Owned(text));
        return Ok(());
    }
    match value {
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            in_range(number, key, schema)
        }
        DeValue::String(text) if schema["enum"].is_array() => {
            let allowed = || texts(&schema["enum"]);
            if allowed().any(|word| word == text) {
                return Ok(());
            }
            let said = shorten(text);
            Err(match nearest(text, allowed()) {
                Some(near) => format!("`{key}` cannot be `{said}`, did you mean `{near}`?"),
                None => format!(
                    "`{key}` cannot be `{said}`: it is {}",
                    list(allowed(), "or")
                ),
            })
        }
        _ => Ok(()),
    }
}

fn in_range(number: Option<i64>, key: &str, schema: &Value) -> Result<(), String> {
    let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
    let is_inside = number.is_some_and(|number| {
        least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
    });
    if is_inside {
        return Ok(());
    }
    Err(match (least, most) {
        (Some(least), Some(most)) => format!("{} goes from {least} to {most}", named(key)),
        (Some(least), None) => format!("{} is at least {least}", named(key)),
        _ => format!("{} is too large", named(key)),
    })
}

/// Adds the tables of a misspelt `[[name]]` to the list they were meant for, if that is one.
fn joins<'t>(table: &mut DeTable<'t>, near: &str, value: Spanned<DeValue<'t>>) -> bool {
    let list = table.get_mut(near).map(Spanned::get_mut);
    let (Some(DeValue::Array(list)), DeValue::Array(more)) = (list, value.into_inner()) else {
        return false;
    };
    let is_tables = more.iter().all(|item| item.get_ref().is_table());
    if is_tables {
        more.into_iter().for_each(|item| list.push(item));
        // The order of severities counts.
        list.sort_by_key(|item| item.span().start);
    }
    is_tables
}

/// A value that fits the schema, in place of one with a mistake.
fn stand_in(schema: &Value) -> Spanned<DeValue<'static>> {
    let branches = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    // The last branch of "one or many" is the list, that of a relay is the table.
    if let Some(branch) = branches.and_then(|branches| branches.last()) {
        return stand_in(branch);
    }
    let text = |value: &Value| Cow::Owned(value.as_str().unwrap_or("text").to_owned());
    let value = match schema["type"].as_str() {
        Some("object") => {
            let required = texts(&schema["required"]).map(|key| {
                let value = stand_in(&schema["properties"][key]);
                (Spanned::new(STAND_IN, Cow::Owned(key.to_owned())), value)
            });
            DeValue::Table(required.collect())
        }
        Some("array") => {
            let least = usize::from(schema["minItems"].as_u64() > Some(0));
            DeValue::Array(std::iter::repeat_n(stand_in(&schema["items"]), least).collect())
        }
        Some("integer") => DeValue::Integer(Default::default()),
        Some("number") => DeValue::Float(Default::default()),
        Some("boolean") => DeValue::Boolean(false),
        _ if schema["enum"].is_array() => DeValue::String(text(&schema["enum"][0])),
        _ if schema["const"].is_string() => DeValue::String(text(&schema["const"])),
        _ => DeValue::String(text(&schema["examples"][0])),
    };
    Spanned::new(STAND_IN, value)
}

/// The texts of a JSON list.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
