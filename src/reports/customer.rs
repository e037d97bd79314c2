//! One customer's report, as HTML, Markdown or JSON, from templates with its own wording.

use domain::report::CustomerReport;
use jiff::tz::TimeZone;
use minijinja::Value;
use minijinja::value::Serde;

use super::page::{self, Page};
use super::{Error, Format, template};
use crate::config::Templates;

/// The formats of a customer's report.
pub const FORMATS: [Format; 3] = [Format::Html, Format::Markdown, Format::Json];

/// Renders a customer's report. Files of `templates` named `customer.html.j2` and
/// `customer.md.j2` replace the built-in ones.
///
/// # Errors
/// A template cannot be read or is wrong, or the zone is unknown.
///
pub fn render(
    report: &CustomerReport,
    format: Format,
    templates: Option<&Templates>,
) -> Result<Vec<u8>, Error> {
    let (page, name, built_in) = match format {
        Format::Html => (
            Page::Html,
            "customer.html.j2",
            include_str!("../../report_templates/customer.html.j2"),
        ),
        Format::Markdown => (
            Page::Markdown,
            "customer.md.j2",
            include_str!("../../report_templates/customer.md.j2"),
        ),
        Format::Json | Format::Csv | Format::Pdf => {
            let mut bytes = serde_json::to_vec_pretty(report)?;
            bytes.push(b'\n');
            return Ok(bytes);
        }
    };
    let source = template::source(name, built_in, templates)?;
    let zone = TimeZone::get(&report.zone).map_err(|_| Error::Zone(report.zone.clone()))?;
    let wrong = |error: minijinja::Error| Error::Template {
        name,
        cause: format!("{error:#}"),
    };
    let environment = page::environment(page, &zone).map_err(wrong)?;
    let text = environment
        .template_from_named_str(name, &source)
        .and_then(|t| t.render(minijinja::context! { r => Value::from(Serde(report)) }))
        .map_err(wrong)?;
    Ok(text.into_bytes())
}
