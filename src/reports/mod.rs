//! A month's report in each format: HTML, PDF, Markdown, CSV, JSON.
//!
//! All are made from one model, `domain::report::Report`; this module computes no figure. The same
//! model gives the same bytes: neither the program's version nor the present time enters.

mod csv;
pub mod customer;
mod explanation;
mod filer;
pub mod filing;
mod page;
mod pdf;
mod pictures;
mod template;
#[cfg(test)]
mod tests;
pub mod verify;

use std::path::PathBuf;

use domain::report::Report;

pub use filer::Filer;
use page::Page;
pub use pictures::LatencyAxis;

use crate::config::Look;

/// A format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    /// One self-contained file, to read and to print
    Html,
    /// Pages for a committee, tagged for screen readers
    Pdf,
    /// Markdown with tables, for wikis and tickets
    #[value(name = "md", alias = "markdown")]
    Markdown,
    /// Comma-separated values, for spreadsheets and scripts
    Csv,
    /// The report's stable keys, for other programs
    Json,
}

impl Format {
    pub const ALL: [Format; 5] = [
        Format::Html,
        Format::Pdf,
        Format::Markdown,
        Format::Csv,
        Format::Json,
    ];

    /// The extension of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Pdf => "pdf",
            Format::Markdown => "md",
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    /// True if the operator's templates can replace the built-in one.
    pub fn has_template(self) -> bool {
        matches!(self, Format::Html | Format::Pdf | Format::Markdown)
    }
}

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the report template {path}")]
    Unreadable {
        path: PathBuf,
        source: crate::files::ReadError,
    },
    #[error("the report template {name} failed: {cause}")]
    Template {
        name: &'static str,
        /// The template engine's words, with line and cause.
        cause: String,
    },
    #[error("the time zone database has no zone `{0}`")]
    Zone(String),
    #[error("the report template {0}")]
    Typeset(#[from] typeset::Error),
    #[error("cannot use the fonts in {folder}: {cause}")]
    Fonts { folder: PathBuf, cause: String },
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
}

/// A rendered report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub bytes: Vec<u8>,
    /// What is not as the reader would expect, a sentence each.
    pub warnings: Vec<String>,
}

/// The text of everything but the report that decides its bytes: templates, fonts, paper.
fn sources(look: &Look) -> Result<Vec<String>, Error> {
    let templates = look.templates.as_ref();
    let mut all = Vec::new();
    for page in page::ALL {
        all.push(page::source(page, templates)?);
    }
    all.extend(pictures::sources(templates)?);
    all.extend(pdf::sources(look)?);
    Ok(all)
}

/// Renders `report` as `format`. Templates of `look` replace the built-in ones of the same name:
/// `monthly.html.j2`, `monthly.typ` and `monthly.md.j2`.
///
/// CSV has sections one below the other, each with a header row: `report`, `system`, `month`, `day`,
/// `outage`, `incident`, `maintenance`, `told`, `told_of_window`, `refused`, `absence`, `unknown`,
/// `latency`, `latency_day`, `measure`, and `change` in a revision. The first column names the section, so that a script can filter on it.
///
/// A PDF takes a processor for a second; do not call this on an asynchronous thread.
///
/// # Errors
/// A template or font cannot be read or is wrong, or the zone is unknown.
pub fn render(report: &Report, format: Format, look: &Look) -> Result<Rendered, Error> {
    let templates = look.templates.as_ref();
    let bytes = match format {
        Format::Html => page::render(report, Page::Html, templates)?,
        Format::Pdf => return pdf::render(report, look),
        Format::Markdown => page::render(report, Page::Markdown, templates)?,
        Format::Csv => csv::render(report),
        Format::Json => {
            let mut bytes = serde_json::to_vec_pretty(report)?;
            bytes.push(b'\n');
            bytes
        }
    };
    Ok(Rendered {
        bytes,
        warnings: Vec::new(),
    })
}
