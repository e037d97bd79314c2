//! What the demo leaves behind: this month's report out of the ledger, and whether the ledger is
//! as it was written. It reads; the figures are those of the report itself.

use std::path::{Path, PathBuf};

use domain::calendar::Month;
use domain::report::{self, Report};

use super::history::COMMITTEE;
use crate::files;
use crate::ledger::{self, Ledger};
use crate::reports::{self, Format};

/// Why the report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// It says nothing to report.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// It could not be rendered.
    #[error(transparent)]
    Rendering(#[from] reports::Error),
    /// It could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Where the report of a month is written.
pub fn path(folder: &Path, month: Month) -> PathBuf {
    folder.join(format!("reports/{COMMITTEE}-{month}.html"))
}

/// Writes the report of `month` in every format, from the ledger of `data`.
///
/// # Errors
/// It could not be read, made or written.
pub fn report(folder: &Path, data: &Path, month: Month) -> Result<Report, Error> {
    let ledger = Ledger::open_read_only(data)?;
    let mut record = domain::record::Record::default();
    let mut head = String::new();
    // One walk for both: the service may be writing meanwhile.
    ledger.replay(None, &mut |stored| {
        record.apply(stored.seq, &stored.event);
        head = stored.hash;
    })?;
    let report = report::monthly(&record, COMMITTEE, month, &head)?;
    for format in Format::ALL {
        let path = path(folder, month).with_extension(format.extension());
        let bytes = reports::render(&report, format, None)?;
        let parent = path.parent().unwrap_or(folder);
        files::make_dir(parent)
            .and_then(|()| files::replace(&path, &bytes))
            .map_err(|source| Error::Write {
                path: path.clone(),
                source,
            })?;
    }
    Ok(report)
}

/// Whether the report says what the script did: the portal's downtime unplanned, the interface's
/// planned, the FHIR server's slowness neither.
pub fn is_as_played(report: &Report) -> bool {
    let of = |system: &str| {
        report
            .systems
            .iter()
            .find(|line| line.system.as_str() == system)
    };
    let portal = of("portal").is_some_and(|s| s.unplanned_s > 0 && s.planned_s == 0);
    let interface = of("results-interface").is_some_and(|s| s.planned_s > 0 && s.unplanned_s == 0);
    let fhir = of("fhir").is_some_and(|s| s.degraded_s > 0 && s.unplanned_s + s.planned_s == 0);
    portal && interface && fhir
}
