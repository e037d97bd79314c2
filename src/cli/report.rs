//! `nines report MONTH`: makes a monthly report from the ledger alone. Nothing is sent.

use anyhow::Context as _;
use domain::id::CommitteeId;
use domain::record::Record;
use domain::report::{self, Period};
use serde_json::json;

use super::approval;
use super::args::{self, Common};
use super::client::Client;
use super::output::{self, print_error};
use super::{End, Failure};
use crate::config::{self, Look};
use crate::reports::{self, Format, Rendered, filing};

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

/// How the operator wants reports to look. Without a readable configuration the built-in templates are
/// used, and a message says so.
pub(super) fn look(common: &Common) -> Look {
    let place = config::locate(&common.config);
    let missing = match (&place.look.templates, place.trouble) {
        (Some(templates), _) if templates.folder().is_dir() => return place.look,
        (Some(templates), _) => format!("there is no folder {}", templates.folder().display()),
        (None, Some(trouble)) => trouble,
        (None, None) => return place.look,
    };
    print_error(format!(
        "nines: {missing}; the report is made with the built-in templates"
    ));
    Look {
        templates: None,
        language: None,
        ..place.look
    }
}

/// The committee that is named, else the only one.
pub(super) fn committee(client: &Client, named: Option<&str>) -> Result<CommitteeId, Failure> {
    match named {
        Some(id) => Ok(CommitteeId::from(id)),
        None => committee_of(&client.record(None)?.0, None),
    }
}

/// The committee that is named, else the only one of the configuration in force.
pub(super) fn committee_of(record: &Record, named: Option<&str>) -> Result<CommitteeId, Failure> {
    match (named, record.catalogue.committees.as_slice()) {
        (Some(id), _) => Ok(CommitteeId::from(id)),
        (None, [only]) => Ok(only.id.clone()),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|c| c.id.as_str()).collect();
            Err(Failure::Usage(format!(
                "there are several committees; name one with --committee: {}",
                names.join(", ")
            )))
        }
    }
}

/// Makes a report, and prints it or writes it to a file.
pub fn run(common: &Common, wanted: &args::PrintReport) -> Result<End, Failure> {
    let format = format(common, wanted.format)?;
    let client = Client::new(common)?;
    let (record, head) = client.record(wanted.seq)?;
    if let Some(seq) = wanted.seq.filter(|seq| *seq != head.seq) {
        return Err(Failure::Unknown(format!(
            "there is no event {seq}: the ledger ends with event {}",
            head.seq
        )));
    }
    let covers = covers(wanted)?;
    if let Some(customer) = &wanted.customer {
        let named = wanted.committee.as_deref();
        let made = report::of_customer(&record, customer, named, covers, &head.hash);
        let made = made.map_err(failure)?;
        if !reports::customer::FORMATS.contains(&format) {
            return Err(Failure::Usage(
                "a customer's report is html, md or json".to_owned(),
            ));
        }
        let templates = match format.has_template() {
            true => look(common).templates,
            false => None,
        };
        let bytes = reports::customer::render(&made, format, templates.as_ref())?;
        return write(common, wanted, &bytes, (&made.committee, &made.month));
    }
    let committee = committee_of(&record, wanted.committee.as_deref())?;
    let made = report::over(&record, committee.as_str(), covers, &head.hash);
    let mut made = made.map_err(failure)?;
    let ledger = client.ledger()?;
    match covers {
        Period::Month(month) => {
            filing::complete(&ledger, &record, &mut made, month)?;
            if made.status != report::Status::Final {
                approval::printed(&client, &committee, month, head.seq);
            }
        }
        Period::Days(..) => filing::read_latencies(ledger.data(), &mut made),
    }
    let look = if format.has_template() {
        look(common)
    } else {
        Look::default()
    };
    let Rendered { bytes, warnings } = reports::render(&made, format, &look)?;
    for warning in warnings {
        print_error(format!("nines: {warning}"));
    }
    write(common, wanted, &bytes, (&made.committee, &made.month))
}

/// The month, or the days of `--from` and `--to`.
fn covers(wanted: &args::PrintReport) -> Result<Period, Failure> {
    match (wanted.month, wanted.from, wanted.to) {
        (_, Some(from), Some(to)) => Ok(Period::Days(from, to)),
        (Some(month), ..) => Ok(Period::Month(month)),
        _ => Err(Failure::Usage(
            "name a month, such as 2026-10, or --from and --to".to_owned(),
        )),
    }
}

fn failure(error: report::Error) -> Failure {
    match error {
        report::Error::Zone(_) => Failure::Could(error.into()),
        report::Error::NoDay | report::Error::SeveralCommittees { .. } => {
            Failure::Usage(error.to_string())
        }
        nothing => Failure::Unknown(nothing.to_string()),
    }
}

/// Prints the report or writes it to a file.
fn write(
    common: &Common,
    wanted: &args::PrintReport,
    bytes: &[u8],
    (committee, month): (&str, &str),
) -> Result<End, Failure> {
    match &wanted.out {
        Some(file) => {
            crate::files::replace(file, bytes)
                .with_context(|| format!("{} cannot be written", file.display()))?;
            print_error(file.display());
            if common.json {
                output::json(&json!({
                    "written": file, "bytes": bytes.len(), "committee": committee,
                    "month": month,
                }))?;
            }
        }
        None => output::bytes(bytes)?,
    }
    Ok(End::Done)
}
