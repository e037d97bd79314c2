//! Checks approved reports: the stored files, and the figures computed again.

use std::path::Path;

use domain::calendar::Month;
use domain::record::Revision;
use domain::report::{Missing, Report};
use serde_json::Value;

use super::filing::{self, FOLDER, renderer};
use super::{Format, render};
use crate::config::Look;
use crate::digest::sha256;
use crate::files;
use crate::ledger::Ledger;
use crate::samples::rollup;

/// The largest file of a report that is read.
const LARGEST: u64 = 1 << 30;

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Contradictions: a file was changed or lost, or a figure differs.
    pub faults: Vec<String>,
    /// Remarks that are no fault.
    pub notes: Vec<String>,
}

/// Checks one filed revision. The figures are computed from the ledger up to its approval.
///
/// # Errors
/// The ledger or a template cannot be read.
pub fn revision(
    ledger: &Ledger,
    data: &Path,
    look: &Look,
    committee: &str,
    month: Month,
    revision: &Revision,
) -> Result<Checked, filing::Error> {
    let mut checked = Checked::default();
    let Some(filed) = &revision.filed else {
        checked
            .notes
            .push("its files are not written yet".to_owned());
        return Ok(checked);
    };
    let (report, ..) = filing::as_of(ledger, committee, month, Some(revision.seq))?;
    let lost = lost_rollups(&report);
    // Without its roll-ups a report cannot be made again byte by byte.
    let same_renderer = renderer(look)? == filed.renderer;
    if !same_renderer {
        checked.notes.push(format!(
            "the files were made by {}: their bytes are not compared with new ones",
            filed.renderer
        ));
    }
    for file in &filed.files {
        let path = data.join(FOLDER).join(&file.name);
        let stored = match files::read(&path, LARGEST) {
            Ok(stored) => stored,
            Err(error) => {
                checked.faults.push(format!("{}: {error}", path.display()));
                continue;
            }
        };
        if sha256(&stored) != file.sha256 {
            checked.faults.push(format!(
                "{}: it is not the file whose SHA-256 the ledger holds",
                path.display()
            ));
        }
        let ending = |f: &Format| file.name.ends_with(&format!(".{}", f.extension()));
        let Some(format) = Format::ALL.into_iter().find(ending) else {
            continue;
        };
        let again = render(&report, format, look)?.bytes;
        if format == Format::Json {
            let (old, new) = (parsed(&stored), parsed(&again));
            differences("", &old, &new, &mut |key, old, new| {
                if !lost.is_empty() && key.starts_with("latencies.") {
                    return;
                }
                let name = &file.name;
                let fault = format!("{name}: `{key}` is {old}, and the ledger gives {new}");
                checked.faults.push(fault);
            });
        } else if same_renderer
            && lost.is_empty()
            && again != stored
            && sha256(&stored) == file.sha256
        {
            let fault = format!("{}: the same renderer gives other bytes now", file.name);
            checked.faults.push(fault);
        }
    }
    checked.faults.extend(lost);
    Ok(checked)
}

/// The roll-ups that the ledger names and that are not on the disk as they were.
fn lost_rollups(report: &Report) -> Vec<String> {
    let days = report.latencies.rollups.iter();
    let lost = days.filter(|day| day.missing == Some(Missing::FileLost));
    lost.map(|day| {
        let file = day.file.as_deref().unwrap_or_default();
        format!(
            "{}/{file}: it is lost, or not the file whose SHA-256 the ledger holds; the latencies of {} are not compared",
            rollup::FOLDER, day.date
        )
    })
    .collect()
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_default()
}

/// Names every key with another value. A newer program may know more keys than the stored file.
fn differences(path: &str, old: &Value, new: &Value, found: &mut dyn FnMut(&str, &Value, &Value)) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                differences(
                    &below(key),
                    value,
                    new.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&below(&at.to_string()), old, new, found);
            }
        }
        _ if old == new => {}
        _ => found(path, old, new),
    }
}
