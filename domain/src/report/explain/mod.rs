//! From a figure of a report back to its formula, its numbers and the facts behind them.
//!
//! [`table`] declares every figure once. The command line, the JSON and the HTML all print what this
//! module builds. Nothing here computes a figure: its value is the one that the report prints, and
//! anyone can compute it again from the formula and the numbers.

mod clocks;
mod desk;
mod evidence;
mod latencies;
mod numbers;
mod said;
pub mod table;

use std::sync::{Arc, OnceLock};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::model::{Moment, Report};
use super::scope::Scope;
use super::systems::Accounts;
use super::trend::MonthFigures;
use super::{figures, words};
pub use evidence::{
    ActLine, Agreement, EdgeLine, Evidence, GapLine, OutageEvidence, SampleLine, ToldLine,
    WindowEvidence,
};
pub(super) use latencies::latencies;
pub use said::{Paragraph, Said};
pub use table::{Figure, Unit};

/// A number of a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    Whole(i64),
    /// Another figure of the same entry. It has an explanation of its own.
    Figure(i64),
    Instant(Moment),
    Wholes(Vec<i64>),
    /// A list that several explanations share.
    Shared(Arc<[i64]>),
    Instants(Vec<Moment>),
    Spans(Vec<(Moment, Moment)>),
    /// Things that a formula counts, by id or name.
    Names(Vec<String>),
    /// Not recorded, so the figure has no value.
    Missing,
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Number::Whole(n) | Number::Figure(n) => serializer.serialize_i64(*n),
            Number::Instant(at) => at.serialize(serializer),
            Number::Wholes(all) => all.serialize(serializer),
            Number::Shared(all) => serializer.collect_seq(all.iter()),
            Number::Instants(all) => all.serialize(serializer),
            Number::Spans(all) => all.serialize(serializer),
            Number::Names(all) => all.serialize(serializer),
            Number::Missing => serializer.serialize_none(),
        }
    }
}

/// The explanation of one figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The entry in the report: `systems.portal`.
    pub subject: usize,
    /// The path in the JSON, with ids in place of list positions:
    /// `systems.portal.contract_availability`.
    pub key: String,
    pub figure: Figure,
    /// As the report prints it.
    pub value: Option<String>,
    /// In the order of the formula, each once.
    pub numbers: Vec<(String, Number)>,
}

impl Explanation {
    /// The last part of the key: `contract_availability`.
    pub fn short(&self, subject: &Subject) -> String {
        let rest = self.key.strip_prefix(&subject.key).unwrap_or(&self.key);
        rest.trim_start_matches('.').to_owned()
    }

    /// True if the formula has a number of that class: `planned` or `planned_s`, of a day or a month too.
    pub fn counts(&self, class: &str) -> bool {
        let prefix = format!("{class}_");
        let named = |name: &str| name == class || name.starts_with(&prefix);
        self.numbers.iter().any(|(name, _)| {
            named(name) || name.split_once('_').is_some_and(|(_, rest)| named(rest))
        })
    }

    /// The formula with its numbers in place of their names; `None` if a name stands for a list.
    pub fn filled(&self) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.figure.formula;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            text.push_str(before);
            match self.numbers.iter().find(|(name, _)| name == word) {
                Some((_, Number::Whole(n) | Number::Figure(n))) => text.push_str(&n.to_string()),
                Some(_) => return None,
                None => text.push_str(word),
            }
            rest = after;
        }
        text.push_str(rest);
        (!self.numbers.is_empty()).then_some(text)
    }

    /// The value as people read it.
    pub fn said(&self) -> String {
        match (&self.value, self.figure.unit) {
            (None, _) => format!("no value: {}", self.figure.none),
            (Some(value), Unit::Percent) => format!("{value}\u{a0}%"),
            (Some(value), Unit::Seconds) => {
                value.parse().map_or_else(|_| value.clone(), words::length)
            }
            (Some(value), Unit::Microseconds) => {
                value.parse().map_or_else(|_| value.clone(), words::latency)
            }
            (Some(value), Unit::Number) => value.clone(),
        }
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &self.key)?;
        map.serialize_entry("name", self.figure.name)?;
        map.serialize_entry("unit", self.figure.unit.word())?;
        let whole = self.value.as_ref().and_then(|v| v.parse::<i64>().ok());
        match (self.figure.unit, whole) {
            (Unit::Seconds | Unit::Number | Unit::Microseconds, Some(n)) => {
                map.serialize_entry("value", &n)?
            }
            _ => map.serialize_entry("value", &self.value)?,
        }
        if self.value.is_none() {
            map.serialize_entry("why_none", self.figure.none)?;
        }
        map.serialize_entry("formula", self.figure.formula)?;
        map.serialize_entry("numbers", &Named(&self.numbers))?;
        map.end()
    }
}

struct Named<'a>(&'a [(String, Number)]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, number)| (name, number)))
    }
}

/// An entry of the report, with the facts behind its figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `systems.portal`; empty for the report itself.
    pub key: String,
    /// The id that people type: `portal`, `O-1`.
    pub id: String,
    pub name: String,
    /// The outages, windows and acts behind its figures.
    pub outages: Vec<String>,
    pub windows: Vec<String>,
    /// Monitoring gaps, by their place in the report.
    pub gaps: Vec<usize>,
    /// By ledger sequence.
    pub acts: Vec<u64>,
    /// The system whose agreement counts.
    pub system: Option<String>,
}

/// The explanations of all figures of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    pub subjects: Vec<Subject>,
    /// In the order of the report.
    pub figures: Vec<Explanation>,
    pub evidence: Evidence,
}

impl Explained {
    /// The subject of a figure.
    pub fn subject(&self, of: &Explanation) -> &Subject {
        &self.subjects[of.subject]
    }

    /// The figures of one subject, in the order of the report.
    pub fn of<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Explanation> {
        let own = move |f: &&Explanation| std::ptr::eq(self.subject(f), subject);
        self.figures.iter().filter(own)
    }

    /// Begins a subject; the figures that follow belong to it.
    fn begin(&mut self, subject: Subject) {
        self.subjects.push(subject);
    }

    /// Adds the figures of a table that the entry has. `special` gives the numbers that are not
    /// figures of the entry.
    fn add<T: Serialize>(
        &mut self,
        key: &str,
        table: &[Figure],
        entry: &T,
        special: &dyn Fn(&str) -> Option<Number>,
    ) {
        let values = figures::leaves(entry);
        for figure in table {
            let Some((_, value)) = values.iter().find(|(path, _)| path == figure.key) else {
                continue;
            };
            let named = |name: &str| {
                special(name).or_else(|| {
                    let (_, value) = values.iter().find(|(path, _)| path == name)?;
                    Some(numbers::of_leaf(value.as_deref()))
                })
            };
            self.push(join(key, figure.key), *figure, value.clone(), &named);
        }
    }

    fn push(
        &mut self,
        key: String,
        figure: Figure,
        value: Option<String>,
        named: &dyn Fn(&str) -> Option<Number>,
    ) {
        let names = numbers::names(figure.formula);
        let number = |name: String| {
            let number = named(&name).unwrap_or(Number::Missing);
            (name, number)
        };
        self.figures.push(Explanation {
            subject: self.subjects.len().saturating_sub(1),
            key,
            figure,
            value,
            numbers: names.into_iter().map(number).collect(),
        });
    }
}

fn join(key: &str, last: &str) -> String {
    match (key, last) {
        ("", last) => last.to_owned(),
        (key, "") => key.to_owned(),
        (key, last) => format!("{key}.{last}"),
    }
}

/// Explains the figures that a comparison with an earlier report added.
pub(super) fn compared(report: &mut Report) {
    let mut all = std::mem::take(&mut report.explanations);
    numbers::revision(report, &mut all);
    report.explanations = all;
    report.explained = OnceLock::new();
}

/// Explains every figure of a report.
pub(super) fn of(
    scope: &Scope<'_>,
    accounts: &Accounts<'_>,
    months: &[Vec<MonthFigures>],
    report: &Report,
) -> Explained {
    let mut all = Explained::default();
    let acts = evidence::acts(scope, report);
    numbers::report(scope, report, &mut all);
    numbers::systems(scope, accounts, report, &acts, &mut all);
    numbers::trend(scope, months, report, &mut all);
    numbers::outages(scope, accounts, report, &acts, &mut all);
    numbers::incidents(scope, report, &mut all);
    clocks::of(scope, report, &mut all);
    desk::of(scope, report, &mut all);
    numbers::maintenance(scope, accounts, report, &acts, &mut all);
    numbers::notices(scope, report, &mut all);
    numbers::monitor(report, &mut all);
    all.evidence = evidence::of(scope, accounts, report, acts);
    all
}
