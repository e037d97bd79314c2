//! PDF from the template `monthly.typ`, which gets the report's keys as data.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use domain::report::{Report, words};
use domain::text::visible;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use typeset::{Document, Fonts};

use super::pictures::{self, Letters};
use super::{Error, Rendered, template};
use crate::config::{Look, Paper};
use crate::digest::sha256;
use crate::files;

const NAME: &str = "monthly.typ";
const BUILT_IN: &str = include_str!("../../report_templates/monthly.typ");

/// The largest font file in bytes; those of Chinese, Japanese and Korean have about twenty million.
const LARGEST_FONT: u64 = 64 * 1024 * 1024;

/// An instant as templates print it.
#[derive(Serialize)]
struct Words {
    instant: String,
    clock: String,
    date: String,
    isodate: String,
    /// For templates in other languages; 1 is Monday.
    month: i8,
    day: i8,
    weekday: i8,
}

/// A font file that the operator added.
#[derive(Serialize)]
struct FontFile {
    file: String,
    sha256: String,
}

pub(super) fn render(report: &Report, look: &Look) -> Result<Rendered, Error> {
    let source = template::source(NAME, BUILT_IN, look.templates.as_ref())?;
    let zone = TimeZone::get(&report.zone).map_err(|_| Error::Zone(report.zone.clone()))?;
    let (added, files) = match &look.fonts {
        Some(folder) => {
            let (fonts, files) = added(folder)?;
            (Some(fonts), files)
        }
        None => (None, Vec::new()),
    };
    let mut keys = serde_json::to_value(report)?;
    let mut instants = BTreeMap::new();
    prepare(&mut keys, &zone, &mut instants);
    let paper = match look.paper {
        Paper::A4 => "a4",
        Paper::Letter => "us-letter",
    };
    // Typst and screen readers know the language, not its region.
    let language = look
        .language
        .as_deref()
        .and_then(|tag| tag.split('-').next());
    let language = language.unwrap_or("en");
    let pictures = pictures::all(report, Letters::Embedded, look.templates.as_ref())?;
    let data = Map::from_iter([
        ("pictures".to_owned(), serde_json::to_value(&pictures)?),
        ("report".to_owned(), keys),
        ("instants".to_owned(), serde_json::to_value(instants)?),
        ("paper".to_owned(), paper.into()),
        ("language".to_owned(), language.into()),
        ("fonts".to_owned(), serde_json::to_value(files)?),
    ]);
    let identity = format!(
        "{} {} revision {}",
        report.committee, report.month, report.revision
    );
    let document = Document {
        template: &source,
        name: NAME,
        data,
        pictures: pictures.into_iter().map(|p| (p.name, p.svg)).collect(),
        date: report.as_of.at(),
        identity: &identity,
    };
    let pdf = typeset::pdf(&document, added.as_ref().unwrap_or_else(|| built_in()))?;
    Ok(Rendered {
        bytes: pdf.bytes,
        warnings: warnings(&pdf.missing),
    })
}

/// The text of the template, the digest of each added font and the paper.
pub(super) fn sources(look: &Look) -> Result<Vec<String>, Error> {
    let mut all = vec![
        template::source(NAME, BUILT_IN, look.templates.as_ref())?,
        format!("{:?}", look.paper),
        look.language.clone().unwrap_or_default(),
    ];
    if let Some(folder) = &look.fonts {
        let (_, files) = added(folder)?;
        all.extend(files.into_iter().map(|font| font.sha256));
    }
    Ok(all)
}

fn warnings(missing: &BTreeSet<char>) -> Vec<String> {
    if missing.is_empty() {
        return Vec::new();
    }
    let each: Vec<String> = missing
        .iter()
        .map(|c| format!("{c} (U+{:04X})", u32::from(*c)))
        .collect();
    vec![format!(
        "no font has {}: the PDF prints a replacement; add a font with `fonts` in `[service]`",
        each.join(", ")
    )]
}

/// The fonts that every Nines has.
fn built_in() -> &'static Fonts {
    static FONTS: OnceLock<Fonts> = OnceLock::new();
    FONTS.get_or_init(Fonts::built_in)
}

/// The built-in fonts with those of `folder`, in order of their names.
fn added(folder: &Path) -> Result<(Fonts, Vec<FontFile>), Error> {
    let wrong = |cause: String| Error::Fonts {
        folder: folder.to_owned(),
        cause,
    };
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect()
        })
        .map_err(|error| wrong(error.to_string()))?;
    names.retain(|name| {
        let extension = Path::new(name).extension().and_then(|e| e.to_str());
        matches!(extension, Some("ttf" | "otf" | "ttc" | "otc"))
    });
    names.sort();
    let mut contents = Vec::new();
    let mut files = Vec::new();
    for name in names {
        let content = files::read(&folder.join(&name), LARGEST_FONT)
            .map_err(|error| wrong(format!("{name}: {error}")))?;
        files.push(FontFile {
            file: name.clone(),
            sha256: sha256(&content),
        });
        contents.push((name, content));
    }
    let fonts = Fonts::new(contents).map_err(|error| wrong(error.to_string()))?;
    Ok((fonts, files))
}

/// Makes every text safe to print, and collects every instant in words. A text that only looks like an
/// instant is collected too, and nobody asks for it.
fn prepare(value: &mut Value, zone: &TimeZone, instants: &mut BTreeMap<String, Words>) {
    match value {
        Value::String(text) => {
            if let Ok(at) = text.parse::<Timestamp>() {
                let local = at.to_zoned(zone.clone());
                instants.entry(text.clone()).or_insert_with(|| Words {
                    instant: words::instant(at, zone),
                    clock: format!(
                        "{}\u{a0}{}",
                        local.strftime("%H:%M:%S"),
                        words::abbreviation(at, zone)
                    ),
                    date: local.strftime("%a %-d %b").to_string(),
                    isodate: local.date().to_string(),
                    month: local.month(),
                    day: local.day(),
                    weekday: local.weekday().to_monday_one_offset(),
                });
            } else if text.chars().any(domain::text::is_obeyed) {
                *text = visible(text);
            }
        }
        Value::Array(items) => {
            for item in items {
                prepare(item, zone, instants);
            }
        }
        Value::Object(keys) => {
            for value in keys.values_mut() {
                prepare(value, zone, instants);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
