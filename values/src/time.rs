//! Formats of lengths of time, times of day, dates, weekdays and time zones.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::civil::{self, Time};
use jiff::tz::TimeZoneDatabase;

use crate::Format;
use crate::suggest::{nearest, shorten};

/// A length of time: `30s`, `5m`, `1h30m`, `7d`, `500ms`. A day is 24 hours.
pub struct Length;

/// Units from the largest, with their milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Ten years. A longer one is a slip.
const LONGEST_MS: u64 = 3_653 * 86_400_000;

impl Format for Length {
    type Value = Duration;
    const IS: &'static str = "a length of time in quotes, as \"30s\" or \"1h30m\"";
    const EXAMPLE: &'static str = "30s";
    // At least one unit, so each unit begins an alternative.
    const PATTERN: Option<&'static str> = Some(concat!(
        r"^(\d+d(\d+h)?(\d+m)?(\d+s)?(\d+ms)?|\d+h(\d+m)?(\d+s)?(\d+ms)?",
        r"|\d+m(\d+s)?(\d+ms)?|\d+s(\d+ms)?|\d+ms)$",
    ));

    fn parse(text: &str) -> Result<Duration, String> {
        let said = shorten(text);
        let wrong = || {
            format!(
                "`{said}` is not a length of time: write it as \"30s\", \"5m\", \"1h30m\" or \"7d\""
            )
        };
        if text.is_empty() {
            return Err(wrong());
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!(
                "`{said}` lacks its unit: write \"{said}s\" for seconds"
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
            // `units` is used up as it goes: each unit once, larger units first.
            let (_, ms) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let number: u64 = number.parse().map_err(|_| wrong())?;
            total = number
                .checked_mul(*ms)
                .and_then(|ms| total.checked_add(ms))
                .filter(|total| *total <= LONGEST_MS)
                .ok_or_else(|| format!("`{said}` is longer than ten years"))?;
            rest = tail;
        }
        Ok(Duration::from_millis(total))
    }
}

/// A length of time as a file writes it.
pub fn spell_length(length: Duration) -> String {
    let mut rest = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, ms) in UNITS {
        if rest >= ms {
            text.push_str(&format!("{}{unit}", rest / ms));
            rest %= ms;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// A length of time in whole seconds.
pub struct Seconds;

impl Format for Seconds {
    type Value = i64;
    const IS: &'static str = Length::IS;
    const EXAMPLE: &'static str = Length::EXAMPLE;
    const PATTERN: Option<&'static str> = Length::PATTERN;

    fn parse(text: &str) -> Result<i64, String> {
        let length = Length::parse(text)?;
        if length.subsec_millis() != 0 {
            return Err(format!("`{}` is not in whole seconds", shorten(text)));
        }
        Ok(length.as_secs().cast_signed())
    }
}

/// A time of day: `21:00` or `21:00:30`.
pub struct ClockTime;

impl Format for ClockTime {
    type Value = Time;
    const IS: &'static str = "a time of day in quotes, as \"21:00\"";
    const EXAMPLE: &'static str = "21:00";
    const PATTERN: Option<&'static str> = Some(r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$");

    fn parse(text: &str) -> Result<Time, String> {
        if text == "24:00" {
            return Err(
                "write `24:00` as \"00:00\"; as an end it is midnight of the next day".to_owned(),
            );
        }
        let fits = |(index, byte): (usize, u8)| match index % 3 {
            2 => byte == b':',
            _ => byte.is_ascii_digit(),
        };
        let shape = matches!(text.len(), 5 | 8) && text.bytes().enumerate().all(fits);
        // The library takes second 60 for a leap second.
        let time = text
            .parse()
            .ok()
            .filter(|_| shape && !text.ends_with(":60"));
        time.ok_or_else(|| {
            format!(
                "`{}` is not a time of day: write it as \"21:00\"",
                shorten(text)
            )
        })
    }
}

/// A date from 1970 to 2099, without quotes.
pub struct Date;

impl Format for Date {
    type Value = civil::Date;
    const IS: &'static str = "a date without quotes, as 2024-03-01";
    const EXAMPLE: &'static str = "2024-03-01";
    const FORMAT: Option<&'static str> = Some("date");

    fn parse(text: &str) -> Result<civil::Date, String> {
        let date: civil::Date = text
            .parse()
            .map_err(|_| format!("`{}` is not a date", shorten(text)))?;
        if !(1970..=2099).contains(&date.year()) {
            return Err("the year must be from 1970 to 2099".to_owned());
        }
        Ok(date)
    }
}

/// A weekday: `mon` to `sun`, or its full name.
pub struct Weekday;

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
pub fn weekday(text: &str) -> Option<civil::Weekday> {
    let mut days = DAYS.iter();
    days.find(|(short, long, _)| *short == text || *long == text)
        .map(|(.., day)| *day)
}

impl Format for Weekday {
    type Value = civil::Weekday;
    const IS: &'static str = "a weekday in quotes, as \"mon\"";
    const EXAMPLE: &'static str = "mon";
    const PATTERN: Option<&'static str> =
        Some("^(mon(day)?|tue(sday)?|wed(nesday)?|thu(rsday)?|fri(day)?|sat(urday)?|sun(day)?)$");

    fn parse(text: &str) -> Result<civil::Weekday, String> {
        weekday(text).ok_or_else(|| {
            let said = shorten(text);
            let names = DAYS.iter().flat_map(|(short, long, _)| [*short, *long]);
            match nearest(text, names) {
                Some(near) => format!("`{said}` is not a weekday, did you mean `{near}`?"),
                None => {
                    format!("`{said}` is not a weekday: write mon, tue, wed, thu, fri, sat or sun")
                }
            }
        })
    }
}

/// A time zone: an IANA name of the bundled database. Its value is the canonical spelling.
pub struct Zone;

/// Abbreviations that people write, what is wrong with each, and a place that keeps that time.
const ABBREVIATIONS: [(&str, &str, &str); 22] = {
    const STANDARD: &str = "never observes daylight time";
    const SUMMER: &str = "holds in summer only";
    const NOT_A_ZONE: &str = "is not the name of a zone";
    [
        ("EST", STANDARD, "America/New_York"),
        ("EDT", SUMMER, "America/New_York"),
        ("ET", NOT_A_ZONE, "America/New_York"),
        ("CST", STANDARD, "America/Chicago"),
        ("CDT", SUMMER, "America/Chicago"),
        ("CT", NOT_A_ZONE, "America/Chicago"),
        ("MST", STANDARD, "America/Denver"),
        ("MDT", SUMMER, "America/Denver"),
        ("MT", NOT_A_ZONE, "America/Denver"),
        ("PST", STANDARD, "America/Los_Angeles"),
        ("PDT", SUMMER, "America/Los_Angeles"),
        ("PT", NOT_A_ZONE, "America/Los_Angeles"),
        ("AKST", STANDARD, "America/Anchorage"),
        ("AKDT", SUMMER, "America/Anchorage"),
        ("HST", STANDARD, "Pacific/Honolulu"),
        ("AST", STANDARD, "America/Halifax"),
        ("BST", SUMMER, "Europe/London"),
        ("WET", STANDARD, "Europe/Lisbon"),
        ("CET", STANDARD, "Europe/Berlin"),
        ("CEST", SUMMER, "Europe/Berlin"),
        ("EET", STANDARD, "Europe/Athens"),
        ("IST", NOT_A_ZONE, "Asia/Kolkata"),
    ]
};

impl Format for Zone {
    type Value = String;
    const IS: &'static str = "a time zone in quotes, as \"America/New_York\"";
    const EXAMPLE: &'static str = "America/New_York";

    fn parse(text: &str) -> Result<String, String> {
        let said = shorten(text);
        let mut known = ABBREVIATIONS.iter();
        if let Some((_, why, place)) = known.find(|(short, ..)| short.eq_ignore_ascii_case(text)) {
            return Err(format!("`{said}` {why}: name a place, as `{place}`"));
        }
        let base = text.strip_prefix("UTC").or(text.strip_prefix("GMT"));
        if base.unwrap_or(text).starts_with(['+', '-']) {
            return Err(format!(
                "`{said}` is an offset, which never observes daylight time: name a place, as \
                 `America/New_York`"
            ));
        }
        // The database caches the zones that were asked for.
        static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
        let zone = BUNDLED.get(text).ok();
        if let Some(name) = zone.as_ref().and_then(|zone| zone.iana_name())
            && name != "Etc/Unknown"
        {
            return Ok(name.to_owned());
        }
        let names: Vec<String> = BUNDLED.available().map(|name| name.to_string()).collect();
        let written = text.replace(' ', "_");
        let near = nearest(&written, names.iter().map(String::as_str))
            .or_else(|| with_city(&written, &names));
        Err(match near {
            Some(near) => format!("unknown time zone `{said}`, did you mean `{near}`?"),
            None => {
                format!("unknown time zone `{said}`: write an IANA name, as `America/New_York`")
            }
        })
    }
}

/// The zone with the city that `text` names.
fn with_city<'a>(text: &str, names: &'a [String]) -> Option<&'a str> {
    let city = |name: &'a str| name.rsplit('/').next().unwrap_or(name);
    let wanted = text.rsplit('/').next()?;
    let mut names = names.iter().map(String::as_str);
    names.find(|name| city(name).eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_units() {
        let ms = |text: &str| Length::parse(text).map(|length| length.as_millis());
        assert_eq!(ms("30s"), Ok(30_000));
        assert_eq!(ms("1h30m"), Ok(5_400_000));
        assert_eq!(ms("7d"), Ok(604_800_000));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("1m1ms"), Ok(60_001));
        assert_eq!(ms("0s"), Ok(0));
    }

    #[test]
    fn a_text_that_is_not_a_length_is_refused() {
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
            assert!(Length::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_of_day_are_strict() {
        assert_eq!(ClockTime::parse("21:00"), Ok(Time::constant(21, 0, 0, 0)));
        assert_eq!(ClockTime::parse("00:00:01"), Ok(Time::constant(0, 0, 1, 0)));
        for text in [
            "",
            "9:00",
            "24:00",
            "23:60",
            "9pm",
            "21:00:60",
            "21:00:00:00",
            "21",
        ] {
            assert!(ClockTime::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_est_is_refused_with_its_place() {
        let why = Zone::parse("EST").err().unwrap_or_default();
        assert_eq!(
            why,
            "`EST` never observes daylight time: name a place, as `America/New_York`"
        );
        for (text, _, place) in ABBREVIATIONS {
            assert!(
                Zone::parse(text).is_err_and(|why| why.contains(place)),
                "{text}"
            );
            assert!(
                Zone::parse(place).is_ok_and(|name| name == place),
                "{place}"
            );
        }
        assert!(Zone::parse("-05:00").is_err());
        assert!(Zone::parse("UTC+5").is_err());
    }

    #[test]
    fn zones_are_known_or_guessed() {
        assert_eq!(
            Zone::parse("america/new_york"),
            Ok("America/New_York".to_owned())
        );
        assert_eq!(Zone::parse("UTC"), Ok("UTC".to_owned()));
        assert!(
            Zone::parse("America/NewYork").is_err_and(|why| why.contains("`America/New_York`"))
        );
        assert!(Zone::parse("New York").is_err_and(|why| why.contains("`America/New_York`")));
        assert!(Zone::parse("Etc/Unknown").is_err());
        assert!(Zone::parse("").is_err());
    }
}
