//! Months of samples and the names of their files. Months are UTC: the store knows no zone.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

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

    fn parse(name: &str) -> Option<Self> {
        let (year, month) = name.strip_suffix(".duckdb")?.split_once('-')?;
        let parsed = Self {
            year: year.parse().ok()?,
            month: month.parse().ok()?,
        };
        // Other spellings are not files of Nines: `2026-1`, `+2026-01`, `2026-13`.
        (format!("{parsed}.duckdb") == name && (1..=12).contains(&parsed.month)).then_some(parsed)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The months that have a file, in order.
pub(super) fn all(folder: &Path) -> std::io::Result<Vec<Month>> {
    let mut months = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        months.extend(name.to_str().and_then(Month::parse));
    }
    months.sort_unstable();
    Ok(months)
}

/// The month whose file is written now. A file of the next month stays in use: a sample just after
/// midnight made it, or the clock was set back a little. A file further ahead comes from a wrong
/// clock and is not used.
pub(super) fn running(now: Timestamp, there: &[Month]) -> Month {
    let current = Month::of(now);
    if there.contains(&current.next()) {
        current.next()
    } else {
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        Month::parse(&format!("{text}.duckdb")).unwrap()
    }

    #[test]
    fn months_are_utc_and_half_open() {
        let of = |text: &str| Month::of(text.parse().unwrap()).to_string();
        assert_eq!(of("2026-10-31T23:59:59.999999999Z"), "2026-10");
        assert_eq!(of("2026-11-01T00:00:00Z"), "2026-11");
        assert_eq!(of("2026-10-31T20:00:00-04:00"), "2026-11");
        assert_eq!(month("2026-12").next(), month("2027-01"));
    }

    #[test]
    fn only_files_named_as_months_are_months() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "2026-11.duckdb",
            "2026-02.duckdb",
            "2026-11.duckdb.wal",
            "2026-11.duckdb.damaged-20261101T000000Z",
            "2026-1.duckdb",
            "2026-13.duckdb",
            "notes.txt",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(
            all(dir.path()).unwrap(),
            [month("2026-02"), month("2026-11")]
        );
    }

    #[test]
    fn the_running_month_is_now_or_the_file_just_after_it() {
        let now = "2026-11-30T23:59:59Z".parse().unwrap();
        assert_eq!(running(now, &[]), month("2026-11"));
        assert_eq!(running(now, &[month("2026-10")]), month("2026-11"));
        assert_eq!(
            running(now, &[month("2026-11"), month("2026-12")]),
            month("2026-12")
        );
        assert_eq!(running(now, &[month("2099-01")]), month("2026-11"));
    }
}
