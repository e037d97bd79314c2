//! A month's report in the formats that leave the house: HTML, Markdown, CSV, JSON.
//!
//! All come from one model, `domain::report::Report`; nothing here computes a figure. The same
//! model gives the same bytes: no program version, no present instant, no random number enters.

mod csv;
mod page;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use domain::report::Report;

/// A format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    /// One file that stands alone: no script, nothing remote; good to read and to print.
    Html,
    /// Markdown with tables, for wikis and tickets.
    #[value(name = "md", alias = "markdown")]
    Markdown,
    /// For spreadsheets and scripts: see [`render`].
    Csv,
    /// The stable keys of SPEC's appendix.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] = [Format::Html, Format::Markdown, Format::Csv, Format::Json];

    /// The end of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Markdown => "md",
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }
}

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator's own template cannot be read.
    #[error("cannot read the report template {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: crate::files::ReadError,
    },
    /// A template is wrong: its own words say where.
    #[error("the report template {name} failed: {cause}")]
    Template {
        /// The file's name.
        name: &'static str,
        /// Name, line and cause, as the template engine says them.
        cause: String,
    },
    /// The model has a zone that the time zone database lacks.
    #[error("the time zone database has no zone `{0}`")]
    Zone(String),
    /// The model could not be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
}

/// Renders `report` as `format`. `templates` is a folder (`report_templates/`) whose
/// `monthly.html.j2` and `monthly.md.j2` replace the built-in ones where it has them.
///
/// CSV holds sections one below the other, each with its own header row: `report`, `system`,
/// `day`, `outage`, `incident`, `maintenance`, `told`, `told_of_window`, `refused`, `absence`,
/// `unknown`, `measure`. The first column of every row, the
/// header's too, names its section, so that a script filters on it and a person sees tables.
/// Quoting is that of RFC 4180; people's text cannot become a formula.
///
/// # Errors
/// A template that cannot be read or is wrong, an unknown zone.
pub fn render(report: &Report, format: Format, templates: Option<&Path>) -> Result<Vec<u8>, Error> {
    match format {
        Format::Html => page::render(report, page::Kind::Html, templates),
        Format::Markdown => page::render(report, page::Kind::Markdown, templates),
        Format::Csv => Ok(csv::render(report)),
        Format::Json => {
            let mut bytes = serde_json::to_vec_pretty(report)?;
            bytes.push(b'\n');
            Ok(bytes)
        }
    }
}
