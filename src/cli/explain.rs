//! `nines explain MONTH SUBJECT FIGURE`: from a figure of a report back to its formula, its numbers
//! and the facts behind them. It only reads the ledger.

use domain::report::explain::{Explained, Explanation, Said, Subject};
use domain::report::{Report, Status, words};
use domain::suggest;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::args::{self, Common};
use super::client::Client;
use super::layout::{self, wrap};
use super::output::{self, print};
use super::report::committee_of;
use super::{End, Failure};
use crate::reports::filing;

/// Explains one figure, or lists the figures that can be explained.
pub fn run(common: &Common, wanted: &args::Explain) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let report = report(&client, wanted)?;
    let explained = report.explained();
    let found = match &wanted.subject {
        None => Found::All,
        Some(subject) => find(explained, subject, wanted.figure.as_deref())?,
    };
    if common.json {
        return output::answer(&document(&report, &found));
    }
    let text = match found {
        Found::All => subjects(&report),
        Found::Subject(subject) => figures(&report, subject),
        Found::Figure(figure) => one(&report, figure)?,
    };
    print(&text)?;
    Ok(End::Done)
}

/// The report as approved, if it is; else the draft.
fn report(client: &Client, wanted: &args::Explain) -> Result<Report, Failure> {
    let (record, _) = client.record(wanted.seq)?;
    let committee = committee_of(&record, wanted.committee.as_deref())?;
    let known = record.reports.get(&committee, wanted.month);
    let approved = known.and_then(|known| known.revisions.last());
    let seq = wanted.seq.or(approved.map(|revision| revision.seq));
    let made = filing::as_of(&client.ledger()?, committee.as_str(), wanted.month, seq);
    match made {
        Ok((report, ..)) => Ok(report),
        Err(filing::Error::Report(nothing)) => Err(Failure::Unknown(nothing.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// The part of the explanations that the command line names.
enum Found<'a> {
    All,
    Subject(&'a Subject),
    Figure(&'a Explanation),
}

fn find<'a>(
    explained: &'a Explained,
    subject: &str,
    figure: Option<&str>,
) -> Result<Found<'a>, Failure> {
    if figure.is_none()
        && let Some(exact) = explained.figures.iter().find(|f| f.key == subject)
    {
        return Ok(Found::Figure(exact));
    }
    let named = |s: &&Subject| s.key == subject || s.id.eq_ignore_ascii_case(subject);
    let subjects: Vec<&Subject> = explained.subjects.iter().filter(named).collect();
    let [first, ..] = subjects.as_slice() else {
        let known = explained.subjects.iter().map(|s| s.id.as_str());
        let unknown = suggest::unknown("system, outage, window or incident", subject, known);
        return Err(Failure::Unknown(format!("{unknown} in this report")));
    };
    let Some(figure) = figure else {
        return Ok(Found::Subject(first));
    };
    let own = || {
        let own = subjects
            .iter()
            .flat_map(|s| explained.of(s).map(move |f| (*s, f)));
        own.map(|(s, f)| (f.short(s), f))
    };
    let seconds = format!("{figure}_s");
    let found = own().find(|(short, _)| *short == figure || *short == seconds);
    if let Some((_, found)) = found {
        return Ok(Found::Figure(found));
    }
    let shorts: Vec<String> = own().map(|(short, _)| short).collect();
    let known = shorts.iter().map(String::as_str);
    let unknown = suggest::unknown(&format!("figure of {subject}"), figure, known);
    Err(Failure::Unknown(format!(
        "{unknown}; leave the figure out to list all"
    )))
}

/// The report, the explanations that were asked for, and the facts that they name.
fn document(report: &Report, found: &Found<'_>) -> Value {
    let explained = report.explained();
    let is_wanted = |f: &&Explanation| match found {
        Found::All => true,
        Found::Subject(subject) => std::ptr::eq(explained.subject(f), *subject),
        Found::Figure(figure) => std::ptr::eq(*f, *figure),
    };
    let figures: Vec<&Explanation> = explained.figures.iter().filter(is_wanted).collect();
    let mut evidence = explained.evidence.clone();
    if let Some(first) = figures.first()
        && !matches!(found, Found::All)
    {
        let subject = explained.subject(first);
        evidence
            .outages
            .retain(|id, _| subject.outages.contains(id));
        evidence
            .windows
            .retain(|id, _| subject.windows.contains(id));
        let system = subject.system.as_ref();
        evidence.agreements.retain(|id, _| Some(id) == system);
        evidence
            .gaps
            .retain(|gap| subject.gaps.contains(&gap.place));
        evidence.acts.retain(|act| subject.acts.contains(&act.seq));
    }
    json!({
        "committee": report.committee, "month": report.month, "status": report.status,
        "revision": report.revision, "ledger": report.ledger, "as_of": report.as_of,
        "zone": report.zone, "figures": figures, "evidence": evidence,
    })
}

fn head(report: &Report) -> String {
    let status = match report.status {
        Status::Final if report.revision == 0 => "as approved".to_owned(),
        Status::Final => format!("as approved, revision {}", report.revision),
        Status::Draft => "draft".to_owned(),
    };
    format!(
        "{}, {}, {status}, ledger event {}",
        report.month_name, report.committee_name, report.ledger.seq
    )
}

fn subjects(report: &Report) -> String {
    let mut text = format!("{}\n\n", head(report));
    for subject in &report.explained().subjects {
        let count = report.explained().of(subject).count();
        if count > 0 {
            let figures = words::count(count, "figure", "figures");
            text.push_str(&format!("{}  {}: {figures}\n", subject.id, subject.name));
        }
    }
    text.push_str(&format!(
        "\nList the figures of one: nines explain {} SUBJECT\n",
        report.month
    ));
    text
}

fn figures(report: &Report, subject: &Subject) -> String {
    let mut text = format!("{}\n{}\n\n", subject.name, head(report));
    let all: Vec<&Explanation> = report.explained().of(subject).collect();
    let day = |f: &&&Explanation| !f.short(subject).starts_with("days.");
    let width = all.iter().filter(day).map(|f| f.short(subject).len()).max();
    let width = width.unwrap_or(0);
    for figure in all.iter().filter(day) {
        let value = layout::plain(&figure.said());
        text.push_str(&format!("{:width$}  {value}\n", figure.short(subject)));
    }
    let first = all.iter().find(|f| !day(f)).map(|f| f.short(subject));
    if let Some(first) = first {
        text.push_str(&format!("Each day has its own, such as {first}.\n"));
    }
    text.push_str(&format!(
        "\nExplain one: nines explain {} {} FIGURE\n",
        report.month, subject.id
    ));
    text
}

/// The text of one explanation.
fn one(report: &Report, figure: &Explanation) -> Result<String, Failure> {
    let said = Said {
        zone: TimeZone::get(&report.zone)?,
    };
    let width = layout::width();
    let mut text = String::new();
    let mut line = |margin: usize, words: &str| text.push_str(&wrap(words, margin, width));
    let explained = report.explained();
    let subject = explained.subject(figure);
    let name = format!("{}, {}", subject.name, figure.figure.name);
    line(0, &format!("{name}: {}", figure.said()));
    line(0, &head(report));
    line(0, "");
    line(0, "Formula");
    let short = figure.short(subject);
    line(2, &format!("{short} = {}", figure.figure.formula));
    if let Some(filled) = figure.filled() {
        let value = figure.value.as_deref().unwrap_or("no value");
        line(2, &format!("= {filled} = {value}"));
    }
    if figure.figure.formula.contains("percent(") {
        line(
            2,
            "percent(x) is 100 * x, truncated to three decimals, never rounded up",
        );
    }
    let mut paragraph = |heading: &str, lines: &[String]| {
        line(0, "");
        line(0, heading);
        for words in lines {
            line(2, words);
        }
    };
    let mut numbers = Vec::new();
    for (name, number) in &figure.numbers {
        let (first, rest) = said.number(name, number);
        numbers.push(first);
        numbers.extend(rest.into_iter().map(|item| format!("\u{a0}\u{a0}{item}")));
    }
    paragraph("Numbers", &numbers);
    for (heading, lines) in said.facts(subject, &explained.evidence, Some(figure)) {
        paragraph(&heading, &lines);
    }
    Ok(text)
}
