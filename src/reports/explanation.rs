//! The explanations of a report for the HTML: those of the figures that the page prints.

use std::collections::BTreeSet;

use domain::report::explain::{Explained, Explanation, Number, Said, Subject};
use jiff::tz::TimeZone;
use serde::Serialize;

/// A list longer than this is cut: `nines explain` prints all of it.
const LONGEST: usize = 40;

/// An entry of the report with its figures.
#[derive(Serialize)]
pub(super) struct Entry {
    name: String,
    figures: Vec<Row>,
    facts: Vec<Facts>,
}

#[derive(Serialize)]
struct Row {
    key: String,
    short: String,
    name: &'static str,
    formula: &'static str,
    filled: Option<String>,
    /// The lists of the formula, and the numbers where it cannot be filled.
    numbers: Vec<String>,
    value: String,
}

#[derive(Serialize)]
struct Facts {
    heading: String,
    lines: Vec<String>,
}

/// The entries of the figures that the page links to, by their keys.
pub(super) fn entries(
    explained: &Explained,
    keys: &BTreeSet<String>,
    zone: &TimeZone,
) -> Vec<Entry> {
    let said = Said { zone: zone.clone() };
    let mut entries: Vec<Entry> = Vec::new();
    let mut last = None;
    for figure in explained.figures.iter().filter(|f| keys.contains(&f.key)) {
        let subject = explained.subject(figure);
        if last != Some(figure.subject) {
            entries.push(entry(explained, subject, &said));
            last = Some(figure.subject);
        }
        if let Some(entry) = entries.last_mut() {
            entry.figures.push(row(figure, subject, &said));
        }
    }
    entries
}

fn entry(explained: &Explained, subject: &Subject, said: &Said) -> Entry {
    let facts = said.facts(subject, &explained.evidence, None);
    let facts = facts
        .into_iter()
        .map(|(heading, lines)| Facts { heading, lines });
    Entry {
        name: subject.name.clone(),
        figures: Vec::new(),
        facts: facts.collect(),
    }
}

fn row(figure: &Explanation, subject: &Subject, said: &Said) -> Row {
    let filled = figure.filled();
    let mut numbers = Vec::new();
    for (name, number) in &figure.numbers {
        let is_filled = filled.is_some() && matches!(number, Number::Whole(_) | Number::Figure(_));
        if is_filled {
            continue;
        }
        if let Number::Shared(all) = number
            && all.len() > 1
        {
            let count = all.len();
            numbers.push(format!(
                "{name}: {count} numbers, which nines explain lists"
            ));
            continue;
        }
        let (first, rest) = said.number(name, number);
        numbers.push(first);
        let more = rest.len().saturating_sub(LONGEST);
        numbers.extend(rest.into_iter().take(LONGEST));
        if more > 0 {
            numbers.push(format!("and {more} more"));
        }
    }
    Row {
        key: figure.key.clone(),
        short: figure.short(subject),
        name: figure.figure.name,
        formula: figure.figure.formula,
        filled,
        numbers,
        value: figure.said(),
    }
}
