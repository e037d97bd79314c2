//! Lengths of time, times of day, weekdays and zones.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::civil::{self, Time};
use jiff::tz::TimeZoneDatabase;

use crate::config::near::{nearest, shown};
use crate::config::words::Word;

/// A length of time: `30s`, `5m`, `1h30m`, `7d`, `500ms`. A day is 24 hours.
pub(in crate::config) struct Length;

/// Units from the largest, with their milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Ten years: whatever is longer is a slip.
const LONGEST_MS: u64 = 3_653 * 86_400_000;

impl Word for Length {
    type Value = Duration;
    const IS: &'static str = "a length of time in quotes, as \"30s\" or \"1h30m\"";
    // One of them at least, which is why each begins an alternative.
    const PATTERN: Option<&'static str> = Some(concat!(
        r"^(\d+d(\d+h)?(\d+m)?(\d+s)?(\d+ms)?|\d+h(\d+m)?(\d+s)?(\d+ms)?",
        r"|\d+m(\d+s)?(\d+ms)?|\d+s(\d+ms)?|\d+ms)$",
    ));

    fn read(text: &str) -> Result<Duration, String> {
        let wrong = || {
            format!(
                "`{}` is not a length of time: write it as \"30s\", \"5m\", \"1h30m\" or \"7d\"",
                shown(text)
            )
        };
        if text.is_empty() {
            return Err(wrong());
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!(
                "`{0}` lacks its unit: write \"{0}s\" for seconds",
                shown(text)
            ));
        }
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            // Each unit once, the larger first: `units` is used up as it goes.
            let (_, ms) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let number: u64 = number.parse().map_err(|_| wrong())?;
            total = number
                .checked_mul(*ms)
                .and_then(|ms| total.checked_add(ms))
                .filter(|total| *total <= LONGEST_MS)
                .ok_or_else(|| format!("`{}` is longer than ten years", shown(text)))?;
            rest = tail;
        }
        Ok(Duration::from_millis(total))
    }
}

/// A time of day: `21:00` or `21:00:30`.
pub(in crate::config) struct ClockTime;

impl Word for ClockTime {
    type Value = Time;
    const IS: &'static str = "a time of day in quotes, as \"21:00\"";
    const PATTERN: Option<&'static str> = Some(r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$");

    fn read(text: &str) -> Result<Time, String> {
        let wrong = || {
            format!(
                "`{}` is not a time of day: write it as \"21:00\"",
                shown(text)
            )
        };
        if text == "24:00" {
            return Err("`24:00` is written \"00:00\"; as an end it is the next day's".to_owned());
        }
        let mut parts = [0_i8; 3];
        let written: Vec<&str> = text.split(':').collect();
        if !(2..=3).contains(&written.len()) {
            return Err(wrong());
        }
        for (part, text) in parts.iter_mut().zip(written) {
            if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong());
            }
            *part = text.parse().map_err(|_| wrong())?;
        }
        let [hour, minute, second] = parts;
        Time::new(hour, minute, second, 0).map_err(|_| wrong())
    }
}

/// A weekday: `mon` … `sun`, or its full name.
pub(in crate::config) struct Weekday;

const DAYS: [(&str, &str, civil::Weekday); 7] = [
    ("mon", "monday", civil::Weekday::Monday),
    ("tue", "tuesday", civil::Weekday::Tuesday),
    ("wed", "wednesday", civil::Weekday::Wednesday),
    ("thu", "thursday", civil::Weekday::Thursday),
    ("fri", "friday", civil::Weekday::Friday),
    ("sat", "saturday", civil::Weekday::Saturday),
    ("sun", "sunday", civil::Weekday::Sunday),
];

/// The weekday of that name.
pub(in crate::config) fn weekday(text: &str) -> Option<civil::Weekday> {
    DAYS.iter()
        .find(|(short, long, _)| *short == text || *long == text)
        .map(|(.., day)| *day)
}

impl Word for Weekday {
    type Value = civil::Weekday;
    const IS: &'static str = "a weekday in quotes, as \"mon\"";
    const PATTERN: Option<&'static str> =
        Some("^(mon(day)?|tue(sday)?|wed(nesday)?|thu(rsday)?|fri(day)?|sat(urday)?|sun(day)?)$");

    fn read(text: &str) -> Result<civil::Weekday, String> {
        weekday(text).ok_or_else(|| {
            let names = DAYS.iter().flat_map(|(short, long, _)| [*short, *long]);
            match nearest(text, names) {
                Some(near) => {
                    format!("`{}` is not a weekday, did you mean `{near}`?", shown(text))
                }
                None => format!(
                    "`{}` is not a weekday: write mon, tue, wed, thu, fri, sat or sun",
                    shown(text)
                ),
            }
        })
    }
}

/// A time zone: an IANA name known to the bundled database. Its value is the canonical spelling.
pub(in crate::config) struct Zone;

/// Abbreviations that people write, and a place that keeps that time.
const PLACES: [(&str, &str); 22] = [
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("ET", "America/New_York"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("CT", "America/Chicago"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("MT", "America/Denver"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("PT", "America/Los_Angeles"),
    ("AKST", "America/Anchorage"),
    ("AKDT", "America/Anchorage"),
    ("HST", "Pacific/Honolulu"),
    ("AST", "America/Halifax"),
    ("BST", "Europe/London"),
    ("WET", "Europe/Lisbon"),
    ("CET", "Europe/Berlin"),
    ("CEST", "Europe/Berlin"),
    ("EET", "Europe/Athens"),
    ("IST", "Asia/Kolkata"),
];

impl Word for Zone {
    type Value = String;
    const IS: &'static str = "a time zone in quotes, as \"America/New_York\"";

    fn read(text: &str) -> Result<String, String> {
        if let Some((_, place)) = PLACES
            .iter()
            .find(|(short, _)| short.eq_ignore_ascii_case(text))
        {
            return Err(abbreviation(text, place));
        }
        let offset = text.starts_with(['+', '-'])
            || ["UTC", "GMT"].iter().any(|base| {
                text.strip_prefix(base)
                    .is_some_and(|rest| rest.starts_with(['+', '-']))
            });
        if offset {
            return Err(format!(
                "`{}` is an offset, which never observes daylight time: name a place, as \
                 `America/New_York`",
                shown(text)
            ));
        }
        // It caches the zones that were asked for, so it is made once.
        static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
        let database = &*BUNDLED;
        if let Ok(zone) = database.get(text)
            && let Some(name) = zone.iana_name().filter(|name| *name != "Etc/Unknown")
        {
            return Ok(name.to_owned());
        }
        let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
        let near = nearest(&text.replace(' ', "_"), names.iter().map(String::as_str))
            .or_else(|| by_city(text, &names));
        Err(match near {
            Some(near) => format!(
                "unknown time zone `{}`, did you mean `{near}`?",
                shown(text)
            ),
            None => format!(
                "unknown time zone `{}`: write an IANA name, as `America/New_York`",
                shown(text)
            ),
        })
    }
}

fn abbreviation(text: &str, place: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let why = match upper.as_str() {
        "EST" | "CST" | "MST" | "PST" | "AKST" | "HST" | "AST" | "WET" | "CET" | "EET" => {
            "never observes daylight time"
        }
        "EDT" | "CDT" | "MDT" | "PDT" | "AKDT" | "BST" | "CEST" => "holds in summer only",
        _ => "is not the name of a zone",
    };
    format!("`{}` {why}: name a place, as `{place}`", shown(text))
}

/// The zone whose city is `text`.
fn by_city<'a>(text: &str, names: &'a [String]) -> Option<&'a str> {
    let city = text.rsplit('/').next()?.replace(' ', "_");
    names.iter().map(String::as_str).find(|name| {
        name.rsplit('/')
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case(&city))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_units() {
        let ms = |text: &str| Length::read(text).map(|length| length.as_millis());
        assert_eq!(ms("30s"), Ok(30_000));
        assert_eq!(ms("1h30m"), Ok(5_400_000));
        assert_eq!(ms("7d"), Ok(604_800_000));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("1m1ms"), Ok(60_001));
        assert_eq!(ms("0s"), Ok(0));
    }

    #[test]
    fn lengths_that_are_none_are_refused() {
        for text in [
            "",
            "s",
            "30",
            "1.5h",
            "-1s",
            "30m1h",
            "1s1s",
            "1 h",
            "1w",
            "1é",
            "99999999999999999999s",
            "4000d",
        ] {
            assert!(Length::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_of_day_are_strict() {
        assert_eq!(ClockTime::read("21:00"), Ok(Time::constant(21, 0, 0, 0)));
        assert_eq!(ClockTime::read("00:00:01"), Ok(Time::constant(0, 0, 1, 0)));
        for text in ["", "9:00", "24:00", "23:60", "9pm", "21:00:00:00", "21"] {
            assert!(ClockTime::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_est_is_refused_with_its_place() {
        let why = Zone::read("EST").err().unwrap_or_default();
        assert_eq!(
            why,
            "`EST` never observes daylight time: name a place, as `America/New_York`"
        );
        for (text, place) in PLACES {
            assert!(
                Zone::read(text).is_err_and(|why| why.contains(place)),
                "{text}"
            );
            assert!(Zone::read(place).is_ok_and(|name| name == place), "{place}");
        }
        assert!(Zone::read("-05:00").is_err());
        assert!(Zone::read("UTC+5").is_err());
    }

    #[test]
    fn zones_are_known_or_guessed() {
        assert_eq!(
            Zone::read("america/new_york"),
            Ok("America/New_York".to_owned())
        );
        assert_eq!(Zone::read("UTC"), Ok("UTC".to_owned()));
        assert!(Zone::read("America/NewYork").is_err_and(|why| why.contains("`America/New_York`")));
        assert!(Zone::read("New York").is_err_and(|why| why.contains("`America/New_York`")));
        assert!(Zone::read("Etc/Unknown").is_err());
        assert!(Zone::read("").is_err());
    }
}
