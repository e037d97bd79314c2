//! The monthly report, made from the ledger alone. Nothing of it is stored or sent.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::calendar::Month;
use domain::report;
use serde_json::json;

use super::args::Common;
use super::client::Client;
use super::output::{self, complain};
use super::{End, Failure};
use crate::config;
use crate::reports::{self, Format};

/// The format to print: that of `--format`, or JSON with `--json`.
pub(super) fn format(common: &Common, format: Option<Format>) -> Result<Format, Failure> {
    match (common.json, format) {
        (true, None | Some(Format::Json)) => Ok(Format::Json),
        (true, Some(_)) => Err(Failure::Usage(
            "--json and --format ask for two formats: leave one of them out".to_owned(),
        )),
        (false, format) => Ok(format.unwrap_or(Format::Html)),
    }
}

/// Templates of the operator's own. A report can be made from a data directory alone, but then it
/// is said that it is made with the built-in ones.
fn templates(common: &Common) -> Option<PathBuf> {
    let place = config::locate(&common.config);
    let missing = match (&place.templates, place.trouble) {
        (Some(folder), _) if folder.is_dir() => return place.templates,
        (Some(folder), _) => format!("there is no folder {}", folder.display()),
        (None, Some(trouble)) => trouble,
        (None, None) => return None,
    };
    complain(format!(
        "nines: {missing}; the report is made with the built-in templates"
    ));
    None
}

/// Which report is wanted.
pub(super) struct Of<'a> {
    /// Of which month.
    pub month: Month,
    /// Of which committee; there may be only one.
    pub committee: Option<&'a str>,
    /// As the ledger stood after that event.
    pub seq: Option<u64>,
}

/// Makes it, and writes it where it is wanted.
pub(super) fn run(
    common: &Common,
    of: &Of<'_>,
    format: Format,
    out: Option<&Path>,
) -> Result<End, Failure> {
    let (record, head) = Client::of(common)?.record(of.seq)?;
    if let Some(seq) = of.seq.filter(|seq| *seq != head.seq) {
        return Err(Failure::Unknown(format!(
            "there is no event {seq}: the ledger ends with event {}",
            head.seq
        )));
    }
    let committees = &record.catalogue.committees;
    let committee = match (of.committee, committees.as_slice()) {
        (Some(id), _) => id.to_owned(),
        (None, [only]) => only.id.to_string(),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|c| c.id.as_str()).collect();
            return Err(Failure::Usage(format!(
                "name one with --committee: {}",
                names.join(", ")
            )));
        }
    };
    let made =
        report::monthly(&record, &committee, of.month, &head.hash).map_err(
            |error| match error {
                report::Error::Zone(_) => Failure::Could(error.into()),
                nothing => Failure::Unknown(nothing.to_string()),
            },
        )?;
    let templates = match format {
        Format::Html | Format::Markdown => templates(common),
        Format::Csv | Format::Json => None,
    };
    let bytes = reports::render(&made, format, templates.as_deref())?;
    match out {
        Some(file) => {
            crate::files::replace(file, &bytes)
                .with_context(|| format!("{} cannot be written", file.display()))?;
            complain(file.display());
            if common.json {
                output::json(&json!({
                    "written": file, "bytes": bytes.len(), "committee": committee,
                    "month": of.month.to_string(),
                }))?;
            }
        }
        None => output::bytes(&bytes)?,
    }
    Ok(End::Done)
}
