//! A month's report in each format: HTML, Markdown, CSV, JSON.
//!
//! All are made from one model, `domain::report::Report`; this module computes no figure. The same
//! model gives the same bytes: neither the program's version nor the present time enters.

mod csv;
mod filer;
pub mod filing;
mod page;
#[cfg(test)]
mod tests;
pub mod verify;

use std::path::{Path, PathBuf};

use domain::report::Report;

pub use filer::Filer;
use page::Page;

/// A format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    /// One self-contained file, to read and to print
    Html,
    /// Markdown with tables, for wikis and tickets
    #[value(name = "md", alias = "markdown")]
    Markdown,
    /// Comma-separated values, for spreadsheets and scripts
    Csv,
    /// The report's stable keys, for other programs
    Json,
}

impl Format {
    pub const ALL: [Format; 4] = [Format::Html, Format::Markdown, Format::Csv, Format::Json];

    /// The extension of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Markdown => "md",
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    /// True if the operator's templates can replace the built-in one.
    pub fn has_template(self) -> bool {
        matches!(self, Format::Html | Format::Markdown)
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
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
}

/// Renders `report` as `format`. `templates` is a folder (`report_templates/`) whose
/// `monthly.html.j2` and `monthly.md.j2` replace the built-in templates.
///
/// CSV has sections one below the other, each with a header row: `report`, `system`, `day`,
/// `outage`, `incident`, `maintenance`, `told`, `told_of_window`, `refused`, `absence`, `unknown`,
/// `measure`, and `change` in a revision. The first column names the section, so that a script can filter on it.
///
/// # Errors
/// A template cannot be read or is wrong, or the zone is unknown.
pub fn render(report: &Report, format: Format, templates: Option<&Path>) -> Result<Vec<u8>, Error> {
    match format {
        Format::Html => page::render(report, Page::Html, templates),
        Format::Markdown => page::render(report, Page::Markdown, templates),
        Format::Csv => Ok(csv::render(report)),
        Format::Json => {
            let mut bytes = serde_json::to_vec_pretty(report)?;
            bytes.push(b'\n');
            Ok(bytes)
        }
    }
}
