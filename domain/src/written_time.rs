//! A time as a person writes it: a local time of the service's zone, or one with an offset.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::calendar::{self, Edge};
use crate::suggest::shorten;

/// A time that was read and whose zone is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenTime {
    Instant(Timestamp),
    /// A local time of the service's zone, perhaps with an abbreviation such as `EST`.
    Local(DateTime, Option<String>),
}

/// The reason why a text is no time, or no single one, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotATime(String);

impl FromStr for WrittenTime {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let text = text.trim();
        if let Ok(at) = text.parse() {
            return Ok(Self::Instant(at));
        }
        let (time, zone) = match text.rsplit_once(' ') {
            Some((time, zone)) if zone.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                (time.trim_end(), Some(zone.to_owned()))
            }
            _ => (text, None),
        };
        let read = [
            "%Y-%m-%d %H:%M",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%dT%H:%M:%S",
        ]
        .iter()
        .find_map(|format| DateTime::strptime(format, time).ok());
        let wrong = || {
            NotATime(format!(
                "`{}` is not a time: write it as \"2026-11-30 22:00\" in the service's time zone, or with \
                 an offset as 2026-11-30T22:00:00-05:00",
                shorten(text)
            ))
        };
        let local = read.ok_or_else(wrong)?;
        match zone.as_deref() {
            Some("UTC" | "Z" | "GMT") => {
                let at = Offset::UTC.to_timestamp(local).map_err(|_| wrong())?;
                Ok(Self::Instant(at))
            }
            _ => Ok(Self::Local(local, zone)),
        }
    }
}

impl WrittenTime {
    /// The instant, with local times read in `zone`.
    ///
    /// # Errors
    /// A clock change skips the local time, or it happens twice and no abbreviation tells which one is
    /// meant.
    pub fn instant(&self, zone: &TimeZone) -> Result<Timestamp, NotATime> {
        let (local, abbreviation) = match self {
            Self::Instant(at) => return Ok(*at),
            Self::Local(local, abbreviation) => (*local, abbreviation.as_deref()),
        };
        let name = zone.iana_name().unwrap_or("the service's time zone");
        let shown = local.strftime("%Y-%m-%d %H:%M");
        let offsets = match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![offset],
            AmbiguousOffset::Fold { before, after } => vec![before, after],
            AmbiguousOffset::Gap { .. } => {
                let next = calendar::local(local.date(), local.time(), zone, Edge::Start);
                return Err(NotATime(format!(
                    "{shown} does not exist in {name}: a clock change skips it; the first time after it \
                     is {}",
                    next.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z")
                )));
            }
        };
        let of = |offset: &Offset| offset.to_timestamp(local).ok();
        let all: Vec<Timestamp> = offsets.iter().filter_map(of).collect();
        let called = |at: &Timestamp| zone.to_offset_info(*at).abbreviation().to_owned();
        let fitting: Vec<Timestamp> = all
            .iter()
            .copied()
            .filter(|at| abbreviation.is_none_or(|wanted| called(at) == wanted))
            .collect();
        match (fitting.as_slice(), abbreviation) {
            ([one], _) => Ok(*one),
            ([first, second], _) => Err(NotATime(format!(
                "{shown} happens twice in {name}, because the clocks go back: write \"{shown} {}\" or \
                 \"{shown} {}\"",
                called(first),
                called(second)
            ))),
            (_, Some(wrong)) => Err(NotATime(format!(
                "`{}` is not what {name} observes at {shown}: write {} or leave it out",
                shorten(wrong),
                all.iter().map(called).collect::<Vec<_>>().join(" or ")
            ))),
            (_, None) => Err(NotATime(format!("{shown} is outside the calendar"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let zone = calendar::zone("America/New_York").unwrap();
        let written: WrittenTime = text.parse().map_err(|e: NotATime| e.to_string())?;
        let at = written.instant(&zone).map_err(|e| e.to_string())?;
        Ok(at.to_string())
    }

    #[test]
    fn a_time_is_local_or_has_its_offset_or_its_abbreviation() {
        for (text, at) in [
            ("2026-11-30 22:00", "2026-12-01T03:00:00Z"),
            ("2026-11-30T22:00:05", "2026-12-01T03:00:05Z"),
            ("2026-11-30 22:00 EST", "2026-12-01T03:00:00Z"),
            ("2026-11-30 22:00:00 UTC", "2026-11-30T22:00:00Z"),
            ("2026-11-30T22:00:00-08:00", "2026-12-01T06:00:00Z"),
            ("2026-11-30T22:00:00Z", "2026-11-30T22:00:00Z"),
            ("2026-11-01 01:30 EDT", "2026-11-01T05:30:00Z"),
            ("2026-11-01 01:30 EST", "2026-11-01T06:30:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(at), "{text}");
        }
    }

    #[test]
    fn a_local_time_that_is_skipped_or_happens_twice_is_refused_in_one_sentence() {
        assert_eq!(
            read("2026-03-08 02:30").unwrap_err(),
            "2026-03-08 02:30 does not exist in America/New_York: a clock change skips it; the first \
             time after it is 2026-03-08 03:00 EDT"
        );
        assert_eq!(
            read("2026-11-01 01:30").unwrap_err(),
            "2026-11-01 01:30 happens twice in America/New_York, because the clocks go back: write \
             \"2026-11-01 01:30 EDT\" or \"2026-11-01 01:30 EST\""
        );
        assert_eq!(
            read("2026-07-01 12:00 EST").unwrap_err(),
            "`EST` is not what America/New_York observes at 2026-07-01 12:00: write EDT or leave it out"
        );
    }

    #[test]
    fn a_text_that_is_no_time_gets_an_example() {
        for text in [
            "",
            "tomorrow",
            "22:00",
            "30.11.2026 22:00",
            "2026-02-30 10:00",
            "2026-11-30",
        ] {
            let why = read(text).unwrap_err();
            assert!(
                why.starts_with(&format!("`{text}` is not a time: write it as \"2026-")),
                "{why}"
            );
        }
    }
}
