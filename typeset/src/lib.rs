//! Typesets a document as PDF with Typst: a template, data and pictures in, bytes out.
//!
//! The template sees the data as values (`json("data.json")`) and the pictures as files. It reaches no other
//! file, no network and no clock, so that the same input gives the same bytes everywhere, and text that a
//! person wrote is a string of the data and never markup.

mod compact;
mod fonts;
mod glyphs;
#[cfg(test)]
mod tests;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};
use typst::World as _;
use typst::diag::{SourceDiagnostic, Warned};
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

pub use fonts::{Fonts, NotAFont};
use world::World;

/// What is to be typeset.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    /// The Typst source. An error names it by `name`.
    pub template: &'a str,
    pub name: &'a str,
    /// What the template reads with `json("data.json")`. Two keys are set here: `standard`, the standard
    /// that the file conforms to, and `missing`, the characters that no font has (`U+6F22`).
    pub data: Map<String, Value>,
    /// SVG pictures by file name; the template places them with `image(name, alt: ...)`.
    pub pictures: BTreeMap<String, String>,
    /// The document's date: its metadata and the template's `datetime.today()`, in UTC.
    pub date: Timestamp,
    /// What identifies the document among others; part of the file as a hash.
    pub identity: &'a str,
}

/// A typeset document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdf {
    pub bytes: Vec<u8>,
    pub standard: Standard,
    pub pages: usize,
    /// The characters that no font has. Each is printed as a replacement character.
    pub missing: BTreeSet<char>,
}

/// The standard that a file conforms to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// ISO 14289-1, accessible to screen readers.
    Ua1,
    /// Tagged, but Typst could not vouch for all that PDF/UA-1 asks.
    Tagged,
}

impl Standard {
    /// The standard's name, as the data's key `standard` has it.
    pub fn name(self) -> &'static str {
        match self {
            Standard::Ua1 => "PDF/UA-1",
            Standard::Tagged => "PDF 1.7, tagged",
        }
    }

    fn demanded(self) -> PdfStandard {
        match self {
            Standard::Ua1 => PdfStandard::Ua_1,
            Standard::Tagged => PdfStandard::V_1_7,
        }
    }
}

/// Why a document could not be typeset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The template's mistakes: its name, the line and column of each, and Typst's words.
    #[error("{}", .0.join("; "))]
    Template(Vec<String>),
    #[error("{0} is not a file name that a template can use")]
    Name(String),
}

/// Typesets `document` as PDF/UA-1, or as tagged PDF 1.7 if Typst refuses to call it PDF/UA-1.
///
/// It uses a processor for as long as it takes (about a second): not for an asynchronous thread.
///
/// # Errors
/// The template is wrong.
pub fn pdf(document: &Document<'_>, fonts: &Fonts) -> Result<Pdf, Error> {
    let pdf = conforming(document, fonts, Standard::Ua1)
        .or_else(|_| conforming(document, fonts, Standard::Tagged));
    // The compiler remembers each result for the next compilation, and would never forget one.
    typst::comemo::evict(0);
    pdf
}

fn conforming(document: &Document<'_>, fonts: &Fonts, standard: Standard) -> Result<Pdf, Error> {
    let mut missing = BTreeSet::new();
    let pictures: BTreeMap<&str, String> = document
        .pictures
        .iter()
        .map(|(name, svg)| {
            (
                name.as_str(),
                glyphs::with_replacements(svg, fonts, &mut missing),
            )
        })
        .collect();
    let mut data = Value::Object(document.data.clone());
    glyphs::replace_missing(&mut data, fonts, &mut missing);
    let points = missing.iter().map(|c| format!("U+{:04X}", u32::from(*c)));
    data["standard"] = standard.name().into();
    data["missing"] = points.collect();
    let world = World::new(document, &data, pictures, fonts)?;
    let mistakes = |found: &[SourceDiagnostic]| {
        Error::Template(found.iter().map(|d| mistake(document, &world, d)).collect())
    };
    let Warned { output, .. } = typst::compile::<PagedDocument>(&world);
    let pages = output.map_err(|found| mistakes(&found))?;
    let date = document.date.to_zoned(jiff::tz::TimeZone::UTC);
    let options = PdfOptions {
        ident: Smart::Custom(document.identity.to_owned()),
        // A program's version would change the bytes.
        creator: Smart::Custom(Some("Nines".to_owned())),
        timestamp: instant(&date).map(typst_pdf::Timestamp::new_utc),
        standards: PdfStandards::new(&[standard.demanded()])
            .map_err(|e| Error::Template(vec![e.message().to_string()]))?,
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&pages, &options).map_err(|found| mistakes(&found))?;
    let bytes = compact::packed(&bytes).unwrap_or(bytes);
    Ok(Pdf {
        bytes,
        standard,
        pages: pages.pages().len(),
        missing,
    })
}

/// `monthly.typ, line 12, column 5: unknown variable: systms (did you mean ...)`.
fn mistake(document: &Document<'_>, world: &World<'_>, found: &SourceDiagnostic) -> String {
    let place = typst::WorldExt::range(world, found.span)
        .and_then(|range| {
            let source = world.source(world.main()).ok()?;
            let (line, column) = source.lines().byte_to_line_column(range.start)?;
            Some(format!(", line {}, column {}", line + 1, column + 1))
        })
        .unwrap_or_default();
    let hints: String = found.hints.iter().map(|h| format!(" ({})", h.v)).collect();
    format!("{}{place}: {}{hints}", document.name, found.message)
}

fn instant(at: &jiff::Zoned) -> Option<Datetime> {
    let part = |n: i8| u8::try_from(n).ok();
    Datetime::from_ymd_hms(
        at.year().into(),
        part(at.month())?,
        part(at.day())?,
        part(at.hour())?,
        part(at.minute())?,
        part(at.second())?,
    )
}
