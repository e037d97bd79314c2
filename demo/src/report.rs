//! The reports of the demo, made by `nines report`: written in every format, and read for figures.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use crate::program::Program;

/// The committee whose report is shown.
pub const COMMITTEE: &str = "operations";

const FORMATS: [&str; 5] = ["html", "pdf", "md", "csv", "json"];

/// A calendar month, printed as `2026-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    /// Its first day.
    pub first: Date,
}

impl Month {
    /// The month of an instant in a zone.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let first = at.to_zoned(zone.clone()).date().first_of_month();
        Self { first }
    }

    pub fn previous(self) -> Self {
        let first = self.first.saturating_sub(1.month());
        Self { first }
    }

    /// As `October 2026`.
    pub fn name(self) -> String {
        self.first.strftime("%B %Y").to_string()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first.strftime("%Y-%m"))
    }
}

/// The path of a month's report in HTML, below `folder`.
pub fn path(folder: &Path, month: Month) -> PathBuf {
    folder.join(format!("reports/{COMMITTEE}-{month}.html"))
}

/// The figures that the demo shows.
#[derive(Debug, Deserialize)]
pub struct Report {
    pub systems: Vec<Line>,
}

/// The figures of one system.
#[derive(Debug, Deserialize)]
pub struct Line {
    pub system: String,
    pub name: String,
    pub kind: String,
    pub contract_availability: Option<String>,
    pub target: Option<String>,
    pub unplanned_s: i64,
    pub planned_s: i64,
    pub degraded_s: i64,
}

/// Writes the report of a month in every format.
///
/// # Errors
/// The command failed, or a file could not be written or read.
pub async fn write(program: &Program, folder: &Path, month: Month) -> Result<Report, String> {
    let html = path(folder, month);
    let reports = html.parent().unwrap_or(folder);
    std::fs::create_dir_all(reports).map_err(|error| error.to_string())?;
    for format in FORMATS {
        let (month, out) = (month.to_string(), html.with_extension(format));
        let out = out.to_string_lossy();
        let words = ["report", &month, "--format", format, "--out", &out];
        program.run(&words).await?;
    }
    let json = std::fs::read(html.with_extension("json")).map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

impl Report {
    /// Checks the figures against the script: the portal's downtime is unplanned, the interface's
    /// planned, and the FHIR server was only degraded.
    ///
    /// # Errors
    /// The figures that differ.
    pub fn is_as_played(&self) -> Result<(), String> {
        let holds = |system: &str, holds: fn(&Line) -> bool| {
            self.systems.iter().any(|l| l.system == system && holds(l))
        };
        let portal = holds("portal", |l| l.unplanned_s > 0 && l.planned_s == 0);
        let interface = holds("results-interface", |l| {
            l.planned_s > 0 && l.unplanned_s == 0
        });
        let fhir = holds("fhir", |l| {
            l.degraded_s > 0 && l.unplanned_s + l.planned_s == 0
        });
        if portal && interface && fhir {
            Ok(())
        } else {
            Err(format!("it has other figures: {:?}", self.systems))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn december_comes_before_january() {
        let january = Month {
            first: jiff::civil::date(2026, 1, 1),
        };
        assert_eq!(january.to_string(), "2026-01");
        assert_eq!(january.previous().to_string(), "2025-12");
        assert_eq!(january.previous().name(), "December 2025");
    }
}
