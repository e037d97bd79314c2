//! The figures of a report, key by key: what must not change between a draft and its approval, and
//! what a revision changed.

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::model::{FigureChange, Report};
use super::words;

/// The sections that hold figures.
const SECTIONS: [&str; 10] = [
    "systems",
    "outages",
    "clock_counts",
    "clocks",
    "escalations",
    "desk",
    "maintenance",
    "notices",
    "notice_results",
    "unknown",
];

/// Keys of texts inside these sections.
const TEXTS: [&str; 20] = [
    "name",
    "names",
    "kind",
    "policy",
    "detail",
    "reason",
    "title",
    "impact",
    "why",
    "why_unplanned",
    "declaration",
    "reclassified",
    "evidence",
    "by",
    "approved_by",
    "told_by_people",
    "systems",
    "contacts",
    "policy_name",
    "files",
];

/// Keys that name an entry of a list.
const IDS: [&str; 7] = [
    "system", "outage", "window", "incident", "date", "month", "probe",
];

/// A figure: its path in the report, such as `systems.portal.unplanned_s`, and its value.
type Figure = (String, Option<String>);

/// Every figure of a report, in the order of the model.
fn figures(report: &Report) -> Vec<Figure> {
    // Flattening never fails: each leaf is a text.
    let all = report.serialize(Flat).unwrap_or_default();
    let is_figure = |(path, _): &Figure| {
        let mut keys = path.split('.');
        let section = keys.next().is_some_and(|key| SECTIONS.contains(&key));
        section && !keys.any(|key| TEXTS.contains(&key))
    };
    all.into_iter().filter(is_figure).collect()
}

/// The leaves of one entry of a report: their paths below it, and their values.
pub(super) fn leaves<T: Serialize>(entry: &T) -> Vec<(String, Option<String>)> {
    // Flattening never fails: each leaf is a text.
    entry.serialize(Flat).unwrap_or_default()
}

/// A digest of all figures: two reports with the same figures have the same. (FNV-1a, 64 bits. It
/// finds a change; it does not protect from forgery.)
pub fn digest(report: &Report) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    // The roll-ups that the ledger has decide every latency.
    let rollups = report.latencies.rollups.iter();
    let rollups = rollups.map(|day| (format!("latencies.{}", day.date), day.sha256.clone()));
    let all = figures(report).into_iter();
    for (path, value) in all.chain(rollups.filter(|(_, sha256)| sha256.is_some())) {
        for byte in format!("{path}={value:?}\n").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// The figures that differ, in the order of the later report; figures that it lacks come last.
pub fn changes(before: &Report, after: &Report) -> Vec<FigureChange> {
    let (old, new) = (figures(before), figures(after));
    let names = |report: &Report| -> Vec<(String, String)> {
        let systems = report.systems.iter();
        systems
            .map(|s| (s.system.clone(), s.name.clone()))
            .collect()
    };
    let names = [names(after), names(before)].concat();
    let find = |all: &[Figure], key: &str| all.iter().find(|(k, _)| k == key).cloned();
    let change = |key: &str, from: Option<String>, to: Option<String>| FigureChange {
        what: label(key, &names),
        before: from.map(|value| said(key, &value)),
        after: to.map(|value| said(key, &value)),
        key: key.to_owned(),
    };
    let mut found = Vec::new();
    for (key, value) in &new {
        let known = find(&old, key);
        if known.as_ref().is_none_or(|(_, before)| before != value) {
            found.push(change(
                key,
                known.and_then(|(_, before)| before),
                value.clone(),
            ));
        }
    }
    for (key, value) in &old {
        if find(&new, key).is_none() {
            found.push(change(key, value.clone(), None));
        }
    }
    found
}

/// `Clinical Portal: unplanned` for `systems.portal.unplanned_s`.
fn label(key: &str, names: &[(String, String)]) -> String {
    let mut keys: Vec<&str> = key.split('.').collect();
    let last = keys.pop().unwrap_or_default();
    let last = match last.strip_suffix("_s").unwrap_or(last) {
        "mtrs" => "mean time to restore".to_owned(),
        "mtbf" => "mean time between failures".to_owned(),
        "blip" => "time of blips".to_owned(),
        last => last.replace('_', " "),
    };
    let known = |key: &&str| names.iter().find(|(id, _)| id == key);
    let place: Vec<String> = keys
        .iter()
        .skip(1)
        .map(|key| known(key).map_or_else(|| (*key).to_owned(), |(_, name)| name.clone()))
        .collect();
    match place.as_slice() {
        [] => format!("{}: {last}", keys.first().unwrap_or(&"")),
        place => format!("{}: {last}", place.join(", ")),
    }
}

/// The value as people read it.
fn said(key: &str, value: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    let seconds = last.strip_suffix("_s").and_then(|_| value.parse().ok());
    match seconds {
        Some(s) => words::length(s),
        None if last.contains("availability") || last == "coverage" || last == "target" => {
            format!("{value}\u{a0}%")
        }
        None if value == "true" => "yes".to_owned(),
        None if value == "false" => "no".to_owned(),
        None => value.replace('_', " "),
    }
}

/// Flattens a value into its leaves. Structures become paths; an entry of a list is named by its
/// first key if that is an id, else by its place.
#[derive(Clone, Copy)]
struct Flat;

/// Never made: every leaf can be written as text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Impossible(String);

impl ser::Error for Impossible {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Leaves = Vec<Figure>;

fn leaf(value: impl ToString) -> Result<Leaves, Impossible> {
    Ok(vec![(String::new(), Some(value.to_string()))])
}

fn below(key: &str, leaves: Leaves) -> impl Iterator<Item = Figure> {
    leaves.into_iter().map(move |(path, value)| {
        let path = if path.is_empty() {
            key.to_owned()
        } else {
            format!("{key}.{path}")
        };
        (path, value)
    })
}

macro_rules! leaves {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<Leaves, Impossible> {
            leaf(value)
        })*
    };
}

impl Serializer for Flat {
    type Ok = Leaves;
    type Error = Impossible;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Table;
    type SerializeStruct = Table;
    type SerializeStructVariant = Table;

    leaves! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_f32: f32, serialize_f64: f64, serialize_char: char,
        serialize_str: &str,
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Leaves, Impossible> {
        Ok(Vec::new())
    }

    fn serialize_none(self) -> Result<Leaves, Impossible> {
        Ok(vec![(String::new(), None)])
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Leaves, Impossible> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Leaves, Impossible> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Leaves, Impossible> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Leaves, Impossible> {
        leaf(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Leaves, Impossible> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Leaves, Impossible> {
        Ok(below(variant, value.serialize(self)?).collect())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Impossible> {
        Ok(List::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<List, Impossible> {
        Ok(List::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List, Impossible> {
        Ok(List::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<List, Impossible> {
        Ok(List::default())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Table, Impossible> {
        Ok(Table::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Table, Impossible> {
        Ok(Table::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Table, Impossible> {
        Ok(Table::default())
    }
}

#[derive(Default)]
struct List {
    count: usize,
    leaves: Leaves,
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Impossible> {
        let leaves = value.serialize(Flat)?;
        let id = leaves
            .first()
            .filter(|(path, _)| IDS.contains(&path.as_str()));
        let key = id.and_then(|(_, value)| value.clone());
        let key = key.unwrap_or_else(|| self.count.to_string());
        self.count += 1;
        self.leaves.extend(below(&key, leaves));
        Ok(())
    }
}

#[derive(Default)]
struct Table {
    key: String,
    leaves: Leaves,
}

impl Table {
    fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Impossible> {
        self.leaves.extend(below(key, value.serialize(Flat)?));
        Ok(())
    }
}

macro_rules! lists {
    ($($trait:ident :: $method:ident),* $(,)?) => {
        $(impl ser::$trait for List {
            type Ok = Leaves;
            type Error = Impossible;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Impossible> {
                self.push(value)
            }

            fn end(self) -> Result<Leaves, Impossible> {
                Ok(self.leaves)
            }
        })*
    };
}

lists! {
    SerializeSeq::serialize_element, SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field, SerializeTupleVariant::serialize_field,
}

macro_rules! tables {
    ($($trait:ident),* $(,)?) => {
        $(impl ser::$trait for Table {
            type Ok = Leaves;
            type Error = Impossible;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Impossible> {
                self.put(key, value)
            }

            fn end(self) -> Result<Leaves, Impossible> {
                Ok(self.leaves)
            }
        })*
    };
}

tables! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for Table {
    type Ok = Leaves;
    type Error = Impossible;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Impossible> {
        let leaves = key.serialize(Flat)?;
        self.key = leaves
            .into_iter()
            .find_map(|(_, key)| key)
            .unwrap_or_default();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Impossible> {
        let key = std::mem::take(&mut self.key);
        self.put(&key, value)
    }

    fn end(self) -> Result<Leaves, Impossible> {
        Ok(self.leaves)
    }
}
