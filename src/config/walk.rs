//! Walks a file's tree along its schema and notes every key that is unknown, missing or of the
//! wrong type: serde would stop at the first. What is wrong is mended or taken out of the tree,
//! so that the rest can be read and each mistake is told once. It knows no rule of the service.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::kinds;
use super::mistakes::Page;
use super::near::{list, nearest, shown};
use super::types::{fits, fits_type, found, is, named};
use super::words::At;

/// Walks a whole file. The values at the places that are `broken` are none, which was told.
pub(super) fn walk(
    page: &mut Page<'_>,
    tree: &mut Spanned<DeTable<'_>>,
    broken: BTreeSet<usize>,
    schema: &Value,
) {
    let mut walk = Walk {
        page,
        broken,
        root: schema,
    };
    walk.table(tree.get_mut(), &(0..0), &Place::Root, schema);
}

/// Which table is meant, in words.
enum Place {
    Root,
    /// `[service]`.
    Headed(String),
    /// `[[probe]]`.
    Listed(String),
    /// `expect`, within another.
    Inner(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => f.write_str("this file"),
            Self::Headed(key) => write!(f, "`[{key}]`"),
            Self::Listed(key) => write!(f, "`[[{key}]]`"),
            Self::Inner(key) => write!(f, "`{key}`"),
        }
    }
}

struct Walk<'a, 'p> {
    page: &'a mut Page<'p>,
    broken: BTreeSet<usize>,
    root: &'a Value,
}

impl Walk<'_, '_> {
    fn table(&mut self, table: &mut DeTable<'_>, at: &At, place: &Place, schema: &Value) {
        let chosen = schema["oneOf"]
            .as_array()
            .map(|branches| kinds::choose(self.page, table, branches));
        let schema = chosen.as_ref().unwrap_or(schema);
        let Some(known) = schema["properties"].as_object() else {
            // A map: the writer chooses the keys.
            let each = &schema["additionalProperties"];
            if each.is_object() {
                self.values(table, at, place, |_| Some(each));
            }
            return;
        };
        if schema["additionalProperties"] == false {
            self.unknown_keys(table, place, schema, known);
        } else {
            for key in keys_of(table)
                .iter()
                .filter(|key| !known.contains_key(*key))
            {
                table.remove(key.as_str());
            }
        }
        for key in texts(&schema["required"]) {
            if !table.contains_key(key) {
                let what = &known[key];
                let listed = what["type"] == "array" && what["items"]["type"] == "object";
                let message = match place {
                    Place::Root if listed => format!("this file lacks `[[{key}]]`"),
                    Place::Root if what["type"] == "object" => {
                        format!("this file lacks `[{key}]`")
                    }
                    _ => format!("{place} lacks `{key}`, {}", is(what)),
                };
                self.page.wrong(at, message);
            }
        }
        self.values(table, at, place, |key| known.get(key));
    }

    /// Walks the values of a table and takes out those that are wrong.
    fn values<'s>(
        &mut self,
        table: &mut DeTable<'_>,
        at: &At,
        place: &Place,
        schema_of: impl Fn(&str) -> Option<&'s Value>,
    ) {
        for key in keys_of(table) {
            let (Some(schema), Some(value)) = (schema_of(&key), table.get_mut(key.as_str())) else {
                continue;
            };
            let told = self.broken.contains(&value.span().start);
            if told || !self.value(value, &key, matches!(place, Place::Root), schema) {
                self.page.spoil(at, &key);
                table.remove(key.as_str());
            }
        }
    }

    /// Tells of every unknown key. One that is a slip of a key that is absent is renamed.
    fn unknown_keys(
        &mut self,
        table: &mut DeTable<'_>,
        place: &Place,
        schema: &Value,
        known: &Map<String, Value>,
    ) {
        let unknown: Vec<Spanned<Cow<'_, str>>> = table
            .keys()
            .filter(|key| !known.contains_key(key.get_ref().as_ref()))
            .cloned()
            .collect();
        for key in unknown {
            let name = key.get_ref().to_string();
            let at = key.span();
            if texts(&schema["x-later"]).any(|later| later == name) {
                let message =
                    format!("`{name}` is not supported yet: this version must do without");
                self.page.wrong(&at, message);
                table.remove(name.as_str());
                continue;
            }
            // A key that must be there and is not is the likeliest meaning.
            let required = texts(&schema["required"]).filter(|key| !table.contains_key(*key));
            let absent = known
                .keys()
                .map(String::as_str)
                .filter(|key| !table.contains_key(*key));
            let near = nearest(&name, required.chain(absent)).map(str::to_owned);
            let said = shown(&name);
            match near {
                Some(near) => {
                    let message = format!("unknown key `{said}`, did you mean `{near}`?");
                    self.page.wrong(&at, message);
                    if let Some(value) = table.remove(name.as_str()) {
                        table.insert(Spanned::new(at, Cow::Owned(near)), value);
                    }
                }
                None if self.joins(table, &name, known) => {
                    let near = nearest(&name, known.keys().map(String::as_str)).unwrap_or_default();
                    let message = format!("unknown key `{said}`, did you mean `{near}`?");
                    self.page.wrong(&at, message);
                }
                None => {
                    let message = self.stranger(&name, place, schema, known);
                    self.page.wrong(&at, message);
                    table.remove(name.as_str());
                }
            }
        }
    }

    /// Whether `[[name]]` was to be one more entry of a list that is there; if so, it becomes that.
    fn joins(&self, table: &mut DeTable<'_>, name: &str, known: &Map<String, Value>) -> bool {
        let Some(near) = nearest(name, known.keys().map(String::as_str)) else {
            return false;
        };
        if known[near]["items"]["type"] != "object" {
            return false;
        }
        let is_list = |key: &str| {
            table
                .get(key)
                .is_some_and(|value| value.get_ref().is_array())
        };
        if !is_list(name) || !is_list(near) {
            return false;
        }
        let Some(DeValue::Array(more)) = table.remove(name).map(Spanned::into_inner) else {
            return false;
        };
        if let Some(DeValue::Array(list)) = table.get_mut(near).map(Spanned::get_mut) {
            for item in more {
                list.push(item);
            }
        }
        true
    }

    /// What to say of a key that resembles none that is absent.
    fn stranger(
        &self,
        name: &str,
        place: &Place,
        schema: &Value,
        known: &Map<String, Value>,
    ) -> String {
        let said = shown(name);
        if let Some(near) = nearest(name, known.keys().map(String::as_str)) {
            return format!("unknown key `{said}`, and `{near}` is already given");
        }
        if let Some(home) = schema["x-others"][name].as_str() {
            let kind = schema["properties"]["kind"]["const"]
                .as_str()
                .unwrap_or_default();
            return format!("`{said}` belongs to `{home}` probes, and this one is `{kind}`");
        }
        if !matches!(place, Place::Root)
            && let Some(home) = self.home(name)
        {
            return format!("`{said}` belongs {home}, not to {place}");
        }
        let keys = list(known.keys().map(String::as_str), "and");
        format!("unknown key `{said}`: {place} knows {keys}")
    }

    /// The one table in this kind of file that has such a key.
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
        // A key of several tables tells nothing.
        homes.next().filter(|_| homes.next().is_none())
    }

    /// Walks a value; `false` if it cannot be read and must go.
    fn value(
        &mut self,
        value: &mut Spanned<DeValue<'_>>,
        key: &str,
        at_root: bool,
        schema: &Value,
    ) -> bool {
        let at = value.span();
        if let Some(branches) = schema["anyOf"].as_array() {
            let fit = branches.iter().find(|branch| fits(value.get_ref(), branch));
            return match fit {
                Some(branch) => self.value(value, key, at_root, branch),
                None => self.wrong_type(&at, key, schema, value.get_ref()),
            };
        }
        if !fits(value.get_ref(), schema) && !self.mend_brackets(value, key, schema) {
            return self.wrong_type(&at, key, schema, value.get_ref());
        }
        match value.get_mut() {
            DeValue::Table(table) => {
                let place = if at_root {
                    Place::Headed(key.to_owned())
                } else {
                    Place::Inner(key.to_owned())
                };
                self.table(table, &at, &place, schema);
                true
            }
            DeValue::Array(array) => self.array(array, &at, key, at_root, schema),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                self.in_range(&at, key, number, schema)
            }
            DeValue::String(text) => {
                let mut allowed = texts(&schema["enum"]).peekable();
                if allowed.peek().is_none() || texts(&schema["enum"]).any(|word| word == text) {
                    return true;
                }
                let message = match nearest(text, texts(&schema["enum"])) {
                    Some(near) => {
                        format!(
                            "`{key}` cannot be `{}`, did you mean `{near}`?",
                            shown(text)
                        )
                    }
                    None => format!(
                        "`{key}` cannot be `{}`: it is {}",
                        shown(text),
                        list(allowed, "or")
                    ),
                };
                self.page.wrong(&at, message);
                false
            }
            _ => true,
        }
    }

    fn array(
        &mut self,
        array: &mut DeArray<'_>,
        at: &At,
        key: &str,
        at_root: bool,
        schema: &Value,
    ) -> bool {
        if array.is_empty() && schema["minItems"].as_u64().is_some_and(|least| least > 0) {
            self.page.wrong(at, format!("`{key}` is an empty list"));
            return false;
        }
        let mut kept = DeArray::new();
        let mut whole = true;
        for mut item in std::mem::replace(array, DeArray::new()) {
            let fine = match item.get_mut() {
                DeValue::Table(_) if fits_type("object", &schema["items"]) => {
                    let span = item.span();
                    let place = if at_root {
                        Place::Listed(key.to_owned())
                    } else {
                        Place::Inner(key.to_owned())
                    };
                    // A branch of several is found by its type, as everywhere.
                    let branches = schema["items"]["anyOf"].as_array();
                    let branch = branches
                        .and_then(|all| all.iter().find(|branch| fits_type("object", branch)));
                    if let DeValue::Table(table) = item.get_mut() {
                        self.table(table, &span, &place, branch.unwrap_or(&schema["items"]));
                    }
                    true
                }
                _ => {
                    let entry = format!("{key}[]");
                    self.value(&mut item, &entry, false, &schema["items"])
                }
            };
            whole &= fine;
            if fine {
                kept.push(item);
            }
        }
        *array = kept;
        if !whole {
            self.page.spoil(at, "");
        }
        true
    }

    fn in_range(&mut self, at: &At, key: &str, number: Option<i64>, schema: &Value) -> bool {
        let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        let inside = number.is_some_and(|number| {
            least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
        });
        if inside {
            return true;
        }
        let message = match (least, most) {
            (Some(least), Some(most)) => format!("{} goes from {least} to {most}", named(key)),
            (Some(least), None) => format!("{} is at least {least}", named(key)),
            _ => format!("{} is too large", named(key)),
        };
        self.page.wrong(at, message);
        false
    }

    /// `[x]` for `[[x]]` and the other way round: told, and read as it was meant.
    fn mend_brackets(
        &mut self,
        value: &mut Spanned<DeValue<'_>>,
        key: &str,
        schema: &Value,
    ) -> bool {
        let at = value.span();
        let of_tables = schema["items"]["type"] == "object";
        match value.get_mut() {
            DeValue::Table(table) if schema["type"] == "array" && of_tables => {
                self.page.wrong(
                    &at,
                    format!("`{key}` is a list of tables: write `[[{key}]]`"),
                );
                let mut list = DeArray::new();
                list.push(Spanned::new(at, DeValue::Table(std::mem::take(table))));
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
                self.page
                    .wrong(&span, format!("`{key}` is one table: write `[{key}]`"));
                *value = Spanned::new(span, DeValue::Table(table));
                true
            }
            _ => false,
        }
    }

    fn wrong_type(&mut self, at: &At, key: &str, schema: &Value, value: &DeValue<'_>) -> bool {
        self.page.wrong(
            at,
            format!("{} is {}, not {}", named(key), is(schema), found(value)),
        );
        false
    }
}

fn keys_of(table: &DeTable<'_>) -> Vec<String> {
    table.keys().map(|key| key.get_ref().to_string()).collect()
}

/// The texts of a JSON list; none if it is no list.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
