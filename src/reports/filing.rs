//! The files of an approved report: made from the ledger up to the approval, and written once.
//!
//! The order of effects is: the approval is an event; the files are rendered as of that event and
//! synced; an event with their SHA-256 follows; that event owes the mails. A kill between two steps
//! leaves an approval without files, which the next start finishes.

use std::path::{Path, PathBuf};

use domain::act::Act;
use domain::calendar::Month;
use domain::id::CommitteeId;
use domain::input::FiledReport;
use domain::notice::ReportFile;
use domain::record::{Record, Revision};
use domain::report::{self, Report, figures};

use super::{Format, Rendered, render};
use crate::config::Look;
use crate::digest::sha256;
use crate::files;
use crate::ledger::{self, Head, Ledger};
use crate::samples::rollup;

/// The folder of the files, below the data directory.
pub const FOLDER: &str = "reports";

/// Why the files of a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the ledger cannot be read")]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Report(#[from] report::Error),
    #[error(transparent)]
    Rendering(#[from] super::Error),
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// `operations-2026-10-final.html`, `operations-2026-10-revision-1.html`.
pub fn file_name(committee: &str, month: Month, revision: u32, format: Format) -> String {
    let edition = match revision {
        0 => "final".to_owned(),
        n => format!("revision-{n}"),
    };
    format!("{committee}-{month}-{edition}.{}", format.extension())
}

/// The report as of an event, with the state then. A final revision says what it changed.
///
/// # Errors
/// The ledger cannot be read, or there is no such report.
pub fn as_of(
    ledger: &Ledger,
    committee: &str,
    month: Month,
    upto: Option<u64>,
) -> Result<(Report, Record, Head), Error> {
    let (record, head) = ledger::replay_head(ledger, upto, &mut |_| {})?;
    let mut made = report::monthly(&record, committee, month, &head.hash)?;
    complete(ledger, &record, &mut made, month)?;
    Ok((made, record, head))
}

/// Fills the latencies of a report from the roll-ups in a data directory.
pub fn read_latencies(data: &Path, made: &mut Report) {
    report::read_latencies(made, &mut |file, sha256| rollup::read(data, file, sha256));
}

/// Fills the latencies, and adds to a final revision what it changed since the approved report before it.
///
/// # Errors
/// The ledger cannot be read.
pub fn complete(
    ledger: &Ledger,
    record: &Record,
    made: &mut Report,
    month: Month,
) -> Result<(), Error> {
    read_latencies(ledger.data(), made);
    let committee = CommitteeId::from(made.committee.as_str());
    let known = record.reports.get(&committee, month);
    let revisions = known.map_or(&[][..], |known| known.revisions.as_slice());
    if made.status == report::Status::Final
        && let [.., before, _] = revisions
    {
        let (record, head) = ledger::replay_head(ledger, Some(before.seq), &mut |_| {})?;
        let before = report::monthly(&record, &made.committee, month, &head.hash)?;
        report::compare(made, &before);
    }
    Ok(())
}

/// Renders and writes the files of an approved report. Files of an earlier attempt that was killed
/// are replaced: no event and no mail names them.
///
/// # Errors
/// The ledger cannot be read, or a file cannot be made or written.
pub fn write(
    ledger: &Ledger,
    data: &Path,
    look: &Look,
    committee: &CommitteeId,
    month: Month,
    revision: &Revision,
) -> Result<FiledReport, Error> {
    let (report, ..) = as_of(ledger, committee.as_str(), month, Some(revision.seq))?;
    // A wrong template or font of the operator does not hold a report back.
    let shipped = Look {
        paper: look.paper,
        ..Look::default()
    };
    let (look, rendered) = match all_formats(&report, look) {
        Err(error) if *look != shipped => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                error,
                "a report's own template or font failed; the shipped ones are used"
            );
            (&shipped, all_formats(&report, &shipped)?)
        }
        rendered => (look, rendered?),
    };
    let folder = data.join(FOLDER);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    files::make_private_dir(&folder).map_err(failed(&folder))?;
    let mut written = Vec::new();
    for (format, bytes) in rendered {
        let name = file_name(committee.as_str(), month, revision.revision, format);
        let path = folder.join(&name);
        files::replace(&path, &bytes).map_err(failed(&path))?;
        written.push(ReportFile {
            name,
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: sha256(&bytes),
        });
    }
    Ok(FiledReport {
        committee: committee.clone(),
        month,
        revision: revision.revision,
        files: written,
        renderer: renderer(look)?,
        headline: report.headline,
        happened: report.happened,
    })
}

fn all_formats(report: &Report, look: &Look) -> Result<Vec<(Format, Vec<u8>)>, super::Error> {
    let mut all = Vec::new();
    for format in Format::ALL {
        let Rendered { bytes, warnings } = render(report, format, look)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        all.push((format, bytes));
    }
    Ok(all)
}

/// The program, the templates, the fonts and the paper that make reports: with the same, the same
/// ledger gives the same bytes.
///
/// # Errors
/// A template or font cannot be read.
pub fn renderer(look: &Look) -> Result<String, super::Error> {
    let sources = super::sources(look)?;
    let hash = sha256(sources.join("\0").as_bytes());
    Ok(format!(
        "nines {}, templates {}",
        env!("CARGO_PKG_VERSION"),
        &hash[..12]
    ))
}

/// Adds the digest of the figures that the approver read to an approval that names its draft.
///
/// # Errors
/// The ledger cannot be read, or there is no such report.
pub fn with_figures(ledger: &Ledger, act: Act) -> Result<Act, Error> {
    let digest = |committee: &CommitteeId, month: Month, seq: u64| -> Result<String, Error> {
        let (report, ..) = as_of(ledger, committee.as_str(), month, Some(seq))?;
        Ok(figures::digest(&report))
    };
    let mut act = act;
    match &mut act {
        Act::ApproveReport {
            committee,
            month,
            as_of: Some(seq),
            figures,
            ..
        }
        | Act::ReviseReport {
            committee,
            month,
            as_of: Some(seq),
            figures,
            ..
        } if figures.is_none() => *figures = Some(digest(committee, *month, *seq)?),
        _ => {}
    }
    Ok(act)
}

/// True for an act after which files are written.
pub fn is_approval(act: &Act) -> bool {
    matches!(act, Act::ApproveReport { .. } | Act::ReviseReport { .. })
}
