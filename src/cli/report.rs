//! `nines report`: makes a monthly report from the ledger alone. Nothing is stored or sent.

use std::path::PathBuf;

use anyhow::Context as _;
use domain::report;
use serde_json::json;

use super::args::{self, Common};
use super::client::Client;
use super::output::{self, print_error};
use super::{End, Failure};
use crate::config;
use crate::reports::{self, Format};

/// The format to print: that of `--format`, or JSON with `--json`.
fn format(common: &Common, format: Option<Format>) -> Result<Format, Failure> {
    match (common.json, format) {
        (true, None | Some(Format::Json)) => Ok(Format::Json),
        (true, Some(_)) => Err(Failure::Usage(
            "--json and --format ask for two formats: leave one of them out".to_owned(),
        )),
        (false, format) => Ok(format.unwrap_or(Format::Html)),
    }
}

/// The operator's own templates. Without a readable configuration the built-in templates are used, and
/// a message says so.
fn templates(common: &Common) -> Option<PathBuf> {
    let place = config::locate(&common.config);
    let missing = match (&place.templates, place.trouble) {
        (Some(folder), _) if folder.is_dir() => return place.templates,
        (Some(folder), _) => format!("there is no folder {}", folder.display()),
        (None, Some(trouble)) => trouble,
        (None, None) => return None,
    };
    print_error(format!(
        "nines: {missing}; the report is made with the built-in templates"
    ));
    None
}

/// Makes a report, and prints it or writes it to a file.
pub fn run(common: &Common, wanted: &args::Report) -> Result<End, Failure> {
    let format = format(common, wanted.format)?;
    let (record, head) = Client::new(common)?.record(wanted.seq)?;
    if let Some(seq) = wanted.seq.filter(|seq| *seq != head.seq) {
        return Err(Failure::Unknown(format!(
            "there is no event {seq}: the ledger ends with event {}",
            head.seq
        )));
    }
    let committees = &record.catalogue.committees;
    let committee = match (&wanted.committee, committees.as_slice()) {
        (Some(id), _) => id.clone(),
        (None, [only]) => only.id.to_string(),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|c| c.id.as_str()).collect();
            return Err(Failure::Usage(format!(
                "there are several committees; name one with --committee: {}",
                names.join(", ")
            )));
        }
    };
    let made =
        report::monthly(&record, &committee, wanted.month, &head.hash).map_err(
            |error| match error {
                report::Error::Zone(_) => Failure::Could(error.into()),
                nothing => Failure::Unknown(nothing.to_string()),
            },
        )?;
    let templates = if format.has_template() {
        templates(common)
    } else {
        None
    };
    let bytes = reports::render(&made, format, templates.as_deref())?;
    match &wanted.out {
        Some(file) => {
            crate::files::replace(file, &bytes)
                .with_context(|| format!("{} cannot be written", file.display()))?;
            print_error(file.display());
            if common.json {
                output::json(&json!({
                    "written": file, "bytes": bytes.len(), "committee": committee,
                    "month": wanted.month.to_string(),
                }))?;
            }
        }
        None => output::bytes(&bytes)?,
    }
    Ok(End::Done)
}
