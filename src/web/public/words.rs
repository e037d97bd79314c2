//! Instants and lengths as the public pages print them: in the service's zone and in UTC.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

/// An instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct When {
    /// RFC 3339, for programs.
    pub iso: String,
    /// `7 Oct 2026, 02:14 EDT`
    pub local: String,
    /// `06:14 UTC`, with the date if it is another; empty if the zone is UTC.
    pub utc: String,
    /// `02:14`
    pub clock: String,
    /// `Wed 7 Oct 2026`
    pub date: String,
}

impl When {
    pub(super) fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let local = at.to_zoned(zone.clone());
        let utc = at.to_zoned(TimeZone::UTC);
        let name = abbreviation(&local);
        let there = match () {
            () if name == "UTC" => String::new(),
            () if local.date() == utc.date() => utc.strftime("%H:%M UTC").to_string(),
            () => utc.strftime("%-d %b, %H:%M UTC").to_string(),
        };
        Self {
            iso: format!("{at:.0}"),
            local: format!("{} {name}", local.strftime("%-d %b %Y, %H:%M")),
            utc: there,
            clock: local.strftime("%H:%M").to_string(),
            date: local.strftime("%a %-d %b %Y").to_string(),
        }
    }
}

/// From one instant to another, on one line if both are on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Range {
    /// `7 Oct 2026, 21:00 to 22:00 EDT`
    pub local: String,
    /// `01:00 to 02:00 UTC`, with the dates if they are others.
    pub utc: String,
}

impl Range {
    pub(super) fn of(from: Timestamp, to: Timestamp, zone: &TimeZone) -> Self {
        let (begins, ends) = (from.to_zoned(zone.clone()), to.to_zoned(zone.clone()));
        let name = abbreviation(&ends);
        let local = between(&begins, &ends, true, &name);
        let (utc_begins, utc_ends) = (from.to_zoned(TimeZone::UTC), to.to_zoned(TimeZone::UTC));
        let is_same_day = begins.date() == utc_begins.date() && ends.date() == utc_ends.date();
        let utc = match () {
            () if name == "UTC" => String::new(),
            () => between(&utc_begins, &utc_ends, !is_same_day, "UTC"),
        };
        Self { local, utc }
    }
}

fn between(from: &Zoned, to: &Zoned, dated: bool, zone: &str) -> String {
    let day = |at: &Zoned| match dated {
        true => format!("{}, ", at.strftime("%-d %b %Y")),
        false => String::new(),
    };
    let (own, other) = (abbreviation(from), abbreviation(to));
    // A clock change lies between them.
    let first_zone = if own == other {
        String::new()
    } else {
        format!(" {own}")
    };
    let last_day = if from.date() == to.date() {
        String::new()
    } else {
        day(to)
    };
    format!(
        "{}{}{first_zone} to {last_day}{} {zone}",
        day(from),
        from.strftime("%H:%M"),
        to.strftime("%H:%M")
    )
}

fn abbreviation(at: &Zoned) -> String {
    let zone = at.time_zone();
    let known = zone
        .to_offset_info(at.timestamp())
        .abbreviation()
        .to_owned();
    match known.starts_with(['+', '-']) {
        // Zones without letters, as Sao Paulo.
        true => format!("UTC{known}"),
        false => known,
    }
}

/// `2 h 5 min`, `3 d 4 h`, `40 s`. Cut to two parts.
pub(super) fn length(seconds: i64) -> String {
    let parts = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds.max(0);
    let mut text = Vec::new();
    for (unit, name) in parts {
        let count = left / unit;
        left %= unit;
        // Seconds say little beside minutes.
        if count > 0 && (name != "s" || text.is_empty()) {
            text.push(format!("{count} {name}"));
        }
        if text.len() == 2 {
            break;
        }
    }
    match text.is_empty() {
        true => "0 s".to_owned(),
        false => text.join(" "),
    }
}

/// `A`, `A and B`, `A, B and C`; of more than four `A, B, C and 3 more`.
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= 4 => format!("{} and {last}", first.join(", ")),
        [a, b, c, more @ ..] => format!("{a}, {b}, {c} and {} more", more.len()),
        [a, b] => format!("{a} and {b}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_parts_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (125, "2 min"),
            (3_660, "1 h 1 min"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn a_list_of_many_names_is_cut() {
        assert_eq!(list(&["A", "B", "C"]), "A, B and C");
        assert_eq!(list(&["A", "B", "C", "D", "E", "F"]), "A, B, C and 3 more");
    }

    #[test]
    fn a_range_on_one_day_names_it_once() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let range = |from: &str, to: &str| {
            let range = Range::of(from.parse().unwrap(), to.parse().unwrap(), &zone);
            format!("{} ({})", range.local, range.utc)
        };
        assert_eq!(
            range("2026-10-07T12:00:00Z", "2026-10-07T13:30:00Z"),
            "7 Oct 2026, 08:00 to 09:30 EDT (12:00 to 13:30 UTC)"
        );
        assert_eq!(
            range("2026-12-06T03:00:00Z", "2026-12-06T07:00:00Z"),
            "5 Dec 2026, 22:00 to 6 Dec 2026, 02:00 EST (6 Dec 2026, 03:00 to 07:00 UTC)"
        );
        assert_eq!(
            range("2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
            "1 Nov 2026, 01:30 EDT to 01:30 EST (05:30 to 06:30 UTC)"
        );
    }

    #[test]
    fn an_instant_has_two_zones() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let when = When::of("2026-10-07T02:14:10Z".parse().unwrap(), &zone);
        assert_eq!(when.local, "6 Oct 2026, 22:14 EDT");
        assert_eq!(when.utc, "7 Oct, 02:14 UTC");
        assert_eq!(when.iso, "2026-10-07T02:14:10Z");
    }
}
