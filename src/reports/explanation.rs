//! The explanations of a report for the HTML: those of the figures that the page prints.

use domain::report::Report;
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

/// The entries that the page links to.
pub(super) fn entries(report: &Report, zone: &TimeZone) -> Vec<Entry> {
    let explained = &report.explained;
    let said = Said { zone: zone.clone() };
    let mut entries: Vec<Entry> = explained
        .subjects
        .iter()
        .map(|subject| entry(explained, subject, &said))
        .collect();
    for figure in explained.figures.iter().filter(|f| is_printed(f)) {
        let subject = explained.subject(figure);
        if let Some(entry) = entries.get_mut(figure.subject) {
            entry.figures.push(row(figure, subject, &said));
        }
    }
    entries.retain(|entry| !entry.figures.is_empty());
    entries
}

/// False for figures that no link leads to: quiet days, the parts of a day, and months before the ledger.
fn is_printed(figure: &Explanation) -> bool {
    let is_day = figure.key.contains(".days.");
    let is_plain = ["length_s", "agreed_s", "up_s"].contains(&figure.figure.key);
    let is_zero = figure.value.as_deref() == Some("0");
    let is_month = figure.key.starts_with("trend.") && figure.key.contains(".months.");
    match (is_day, is_month) {
        (true, _) => !is_plain && !is_zero && !figure.key.contains(".parts."),
        (_, true) => figure.value.is_some(),
        _ => true,
    }
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
