//! Months of samples and the names of their files. Months are UTC: the store knows no zone.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Error;

/// A month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month that holds an instant.
    pub(super) fn of(at: Timestamp) -> Self {
        let date = at.to_zoned(TimeZone::UTC).date();
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The month after it.
    pub(super) fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year.saturating_add(1),
                month: 1,
            }
        } else {
            Self {
                year: self.year,
                month: self.month + 1,
            }
        }
    }

    /// Its file.
    pub(super) fn file(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self}.duckdb"))
    }

    /// Its archive, which replaces the file after the month.
    pub(super) fn archive(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self}.parquet"))
    }

    /// The first instant after the month.
    pub(super) fn end(self) -> Timestamp {
        let next = self.next();
        let first = jiff::civil::Date::new(next.year, next.month, 1).ok();
        let midnight = first.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }

    /// The month as the ledger names it.
    pub(super) fn named(self) -> Result<domain::calendar::Month, Error> {
        let named = domain::calendar::Month::new(self.year, self.month);
        named.ok_or_else(|| Error::Unreadable(format!("the month {self}")))
    }

    pub(super) fn parse(name: &str, extension: &str) -> Option<Self> {
        let stem = name.strip_suffix(extension)?;
        let (year, month) = stem.split_once('-')?;
        let parsed = Self {
            year: year.parse().ok()?,
            month: month.parse().ok()?,
        };
        // Other spellings are not files of Nines: `2026-1`, `+2026-01`, `2026-13`.
        (parsed.to_string() == stem && (1..=12).contains(&parsed.month)).then_some(parsed)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The months of a folder, each once.
#[derive(Debug, Default)]
pub(super) struct Months {
    /// The months with a DuckDB file.
    pub(super) files: BTreeSet<Month>,
    /// The months with an archive. It wins over a DuckDB file of the same month, which is left from a
    /// roll-over that was cut off.
    pub(super) archives: BTreeSet<Month>,
}

impl Months {
    pub(super) fn of(folder: &Path) -> std::io::Result<Months> {
        let mut months = Months::default();
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            months.files.extend(Month::parse(name, ".duckdb"));
            months.archives.extend(Month::parse(name, ".parquet"));
        }
        Ok(months)
    }

    /// Every month, in order.
    pub(super) fn all(&self) -> BTreeSet<Month> {
        &self.files | &self.archives
    }

    /// The month whose file is written now. A file of the next month stays in use until an earlier
    /// sample comes: a sample just after midnight made it. A file further ahead comes from a wrong clock and is not used. An archive is never added to: the month after it takes the samples.
    pub(super) fn running(&self, now: Timestamp) -> Month {
        let current = Month::of(now);
        match self.files.contains(&current.next()) {
            true => self.not_archived(current.next()),
            false => self.not_archived(current),
        }
    }

    /// The month, or the first after it that has no archive.
    pub(super) fn not_archived(&self, mut month: Month) -> Month {
        while self.archives.contains(&month) {
            month = month.next();
        }
        month
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        Month::parse(text, "").unwrap()
    }

    #[test]
    fn months_are_utc_and_half_open() {
        let of = |text: &str| Month::of(text.parse().unwrap()).to_string();
        assert_eq!(of("2026-10-31T23:59:59.999999999Z"), "2026-10");
        assert_eq!(of("2026-11-01T00:00:00Z"), "2026-11");
        assert_eq!(of("2026-10-31T20:00:00-04:00"), "2026-11");
        assert_eq!(month("2026-12").next(), month("2027-01"));
        assert_eq!(month("2026-12").end().to_string(), "2027-01-01T00:00:00Z");
    }

    #[test]
    fn only_files_named_as_months_are_months() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "2026-11.duckdb",
            "2026-02.duckdb",
            "2026-01.parquet",
            "2026-01.parquet.tmp",
            "2026-11.duckdb.wal",
            "2026-11.duckdb.damaged-20261101T000000Z",
            "2026-1.duckdb",
            "2026-13.duckdb",
            "notes.txt",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let months = Months::of(dir.path()).unwrap();
        let all = [month("2026-01"), month("2026-02"), month("2026-11")];
        assert_eq!(months.all(), BTreeSet::from(all));
        assert_eq!(months.archives, BTreeSet::from([month("2026-01")]));
    }

    #[test]
    fn the_running_month_is_now_or_the_file_just_after_it_and_never_an_archive() {
        let running = |files: &[&str], archives: &[&str]| {
            let set = |names: &[&str]| names.iter().map(|name| month(name)).collect();
            let months = Months {
                files: set(files),
                archives: set(archives),
            };
            let now = "2026-11-30T23:59:59Z".parse().unwrap();
            months.running(now).to_string()
        };
        assert_eq!(running(&[], &[]), "2026-11");
        assert_eq!(running(&["2026-10"], &[]), "2026-11");
        assert_eq!(running(&["2026-11", "2026-12"], &[]), "2026-12");
        assert_eq!(running(&["2099-01"], &[]), "2026-11");
        // The clock was set back, or a backup was restored.
        assert_eq!(running(&[], &["2026-11"]), "2026-12");
        assert_eq!(running(&["2026-12"], &["2026-11", "2026-12"]), "2027-01");
    }
}
