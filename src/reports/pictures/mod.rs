//! The pictures of a report as SVG, the same in PDF and HTML: the month by day and hour, thirteen months
//! against the target, how long each outage took to be detected, told and mended, and latencies by day.
//!
//! Rust computes the places, a template draws them (`report_templates/pictures/`). No picture needs colour,
//! and each has a text that says the same.

mod days;
mod latency;
mod scale;
mod times;
mod trend;

pub use latency::Axis as LatencyAxis;

use domain::report::Report;
use domain::text;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::{Error, template};
use crate::config::Templates;

/// A picture with all that a page needs to place it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Picture {
    /// Its file name: `days-1.svg`.
    pub name: String,
    /// What it shows: `days`, `trend`, `times` or `latency`.
    pub kind: &'static str,
    pub title: String,
    /// The same in words, for those who cannot see it.
    pub alt: String,
    #[serde(skip)]
    pub svg: String,
}

/// A drawing before it is a picture: its words, and what its template needs.
struct Drawing<T> {
    title: String,
    alt: String,
    places: T,
}

/// A kind of picture: its name and its built-in template.
struct Kind {
    name: &'static str,
    file: &'static str,
    built_in: &'static str,
}

macro_rules! kind {
    ($name:literal) => {
        Kind {
            name: $name,
            file: concat!("pictures/", $name, ".svg.j2"),
            built_in: include_str!(concat!(
                "../../../report_templates/pictures/",
                $name,
                ".svg.j2"
            )),
        }
    };
}

const KINDS: [Kind; 4] = [
    kind!("days"),
    kind!("trend"),
    kind!("times"),
    kind!("latency"),
];

/// The text of every template in force.
pub(super) fn sources(templates: Option<&Templates>) -> Result<Vec<String>, Error> {
    let sources = KINDS
        .iter()
        .map(|kind| template::source(kind.file, kind.built_in, templates));
    sources.collect()
}

/// Where a picture is shown decides its letters.
#[derive(Clone, Copy)]
pub(super) enum Letters {
    /// Those of the page around it.
    Page,
    /// The first of the fonts that a PDF has.
    Embedded,
}

/// Every picture of the report, in the order of the pages.
pub(super) fn all(
    report: &Report,
    letters: Letters,
    templates: Option<&Templates>,
) -> Result<Vec<Picture>, Error> {
    let mut all = Vec::new();
    let mut add = |pictures: Vec<Picture>| all.extend(pictures);
    let [days, trend, times, latency] = &KINDS;
    add(drawn(days, days::of(report), letters, templates)?);
    add(drawn(trend, trend::of(report), letters, templates)?);
    add(drawn(times, times::of(report), letters, templates)?);
    add(drawn(latency, latency::of(report), letters, templates)?);
    Ok(all)
}

fn drawn<T: Serialize>(
    kind: &Kind,
    drawings: Vec<Drawing<T>>,
    letters: Letters,
    templates: Option<&Templates>,
) -> Result<Vec<Picture>, Error> {
    let source = template::source(kind.file, kind.built_in, templates)?;
    let wrong = |error: minijinja::Error| Error::Template {
        name: kind.file,
        cause: format!("{error:#}"),
    };
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_formatter(template::visible);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    env.set_syntax(syntax.map_err(wrong)?);
    let template = env
        .template_from_named_str(kind.file, &source)
        .map_err(wrong)?;
    let family = match letters {
        Letters::Page => "inherit",
        Letters::Embedded => "Libertinus Serif",
    };
    let mut pictures = Vec::new();
    for (n, mut drawing) in drawings.into_iter().enumerate() {
        drawing.title = text::visible(&drawing.title);
        drawing.alt = text::visible(&drawing.alt);
        let id = format!("{}-{}", kind.name, n + 1);
        let svg = template
            .render(minijinja::context! {
                id => &id, title => &drawing.title, alt => &drawing.alt, family => family,
                p => Value::from(Serde(&drawing.places)),
            })
            .map_err(wrong)?;
        pictures.push(Picture {
            name: format!("{id}.svg"),
            kind: kind.name,
            title: drawing.title,
            alt: drawing.alt,
            svg,
        });
    }
    Ok(pictures)
}
