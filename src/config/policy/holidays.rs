//! `holidays`: days on which no hours begin.

use std::borrow::Cow;

use domain::policy::{Holiday, NAMED, YearDay, Yearly, observed};
use domain::report::words;
use jiff::civil;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use values::suggest::{nearest, shorten};
use values::{Date, Format, OneOrMany, Parsed, Source, weekday};

/// A day alone, or a table. The schema walk turns a day into a table.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct HolidayEntry(HolidayTable);

impl JsonSchema for HolidayEntry {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Holiday".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = Parsed::<Day>::json_schema(generator);
        let table = HolidayTable::json_schema(generator);
        json_schema!({
            "anyOf": [text, date(generator), table],
            "x-is": Day::IS,
            "x-text-as": "day",
        })
    }
}

/// A holiday that says whether it is observed on another day.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HolidayTable {
    /// The day.
    #[schemars(with = "DayOrDate")]
    day: Parsed<Day>,
    /// True if a Saturday is observed on Friday, and a Sunday on Monday. Default: as the hours say.
    observed: Option<bool>,
}

/// The schema of a day that may also be written as a date without quotes.
struct DayOrDate;

impl JsonSchema for DayOrDate {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "DayOrDate".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = Parsed::<Day>::json_schema(generator);
        json_schema!({ "anyOf": [date(generator), text], "x-is": Day::IS })
    }
}

fn date(generator: &mut SchemaGenerator) -> Schema {
    let mut date = Parsed::<Day>::json_schema(generator);
    date.insert("format".to_owned(), "date".into());
    date
}

/// A day that may be a holiday.
pub(super) struct Day;

/// The holiday without its choice of the observed day.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NamedDay {
    UsFederal,
    Date(civil::Date),
    Yearly {
        name: String,
        day: YearDay,
        shift_d: i8,
    },
}

const ORDINALS: [(&str, i8); 6] = [
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fourth", 4),
    ("fifth", 5),
    ("last", -1),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Steps of "day after" in one name.
const MOST_STEPS: i8 = 7;

impl Format for Day {
    type Value = NamedDay;
    const IS: &'static str = "\"us-federal\", a date without quotes, or a day in quotes, as \"christmas eve\" or \"fourth \
                              thursday of november\"";
    const EXAMPLE: &'static str = "christmas eve";

    fn parse(text: &str) -> Result<NamedDay, String> {
        if text.as_bytes().get(4) == Some(&b'-') {
            return Date::parse(text).map(NamedDay::Date);
        }
        let lower = text.trim().to_lowercase().replace('\u{2019}', "'");
        if lower == "us-federal" {
            return Ok(NamedDay::UsFederal);
        }
        let (mut rest, mut shift_d) = (lower.as_str(), 0);
        loop {
            rest = match (
                rest.strip_prefix("day after "),
                rest.strip_prefix("day before "),
            ) {
                (Some(after), _) => {
                    shift_d += 1;
                    after
                }
                (_, Some(before)) => {
                    shift_d -= 1;
                    before
                }
                _ => break,
            };
            if !(-MOST_STEPS..=MOST_STEPS).contains(&shift_d) {
                return Err("a holiday is at most seven days away from its day".to_owned());
            }
        }
        let (name, day) = year_day(rest, text)?;
        let name = match shift_d {
            0 => name,
            1 => format!("Day after {name}"),
            -1 => format!("Day before {name}"),
            days if days > 0 => format!("{days} days after {name}"),
            days => format!("{} days before {name}", days.unsigned_abs()),
        };
        Ok(NamedDay::Yearly { name, day, shift_d })
    }
}

/// The name for people and the day of a holiday without "day after".
fn year_day(text: &str, written: &str) -> Result<(String, YearDay), String> {
    if let Some((_, name, day)) = NAMED.iter().find(|(known, ..)| *known == text) {
        return Ok(((*name).to_owned(), *day));
    }
    let said = shorten(written);
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_month = |word: &str| MONTHS.iter().position(|month| *month == word);
    let known_month = |word: &str| {
        let month = is_month(word).and_then(|index| i8::try_from(index + 1).ok());
        month.ok_or_else(|| match nearest(word, MONTHS) {
            Some(near) => format!("`{}` is not a month, did you mean `{near}`?", shorten(word)),
            None => format!("`{}` is not a month", shorten(word)),
        })
    };
    if let [ordinal, day, "of" | "in", month] = words[..] {
        let nth = ORDINALS.iter().find(|(word, _)| *word == ordinal);
        if let (Some((_, nth)), Some(weekday)) = (nth, weekday(day)) {
            let rule = YearDay::NthWeekday {
                nth: *nth,
                weekday,
                month: known_month(month)?,
            };
            let name = [ordinal, day, "of", month].map(|word| match word {
                "of" => word.to_owned(),
                word => words::sentence(word),
            });
            return Ok((name.join(" "), rule));
        }
    }
    let fixed = match words[..] {
        [day, month] if day.parse::<i8>().is_ok() => Some((day, month)),
        [month, day] if day.parse::<i8>().is_ok() => Some((day, month)),
        _ => None,
    };
    if let Some((day, month)) = fixed {
        let (month, name) = (known_month(month)?, words::sentence(month));
        // A leap year has every date that some year has.
        let date = day
            .parse()
            .ok()
            .and_then(|day| civil::Date::new(2028, month, day).ok());
        let date = date.ok_or_else(|| format!("{name} has no day {day}"))?;
        let rule = YearDay::Fixed {
            month,
            day: date.day(),
        };
        return Ok((format!("{} {name}", date.day()), rule));
    }
    let names = NAMED.iter().map(|(known, ..)| *known);
    Err(match nearest(text, names.chain(["us-federal"])) {
        Some(near) => format!("`{said}` is not a holiday, did you mean `{near}`?"),
        None => format!(
            "`{said}` is not a holiday: write \"us-federal\", a date, or a day as \"christmas eve\", \"day after \
             thanksgiving\", \"fourth thursday of november\" or \"25 december\""
        ),
    })
}

pub(super) fn holidays(
    source: &mut Source<'_>,
    written: Option<OneOrMany<HolidayEntry>>,
    usually_observed: bool,
) -> Vec<Holiday> {
    let entries = written
        .map(|OneOrMany(entries)| entries)
        .unwrap_or_default();
    let days: Vec<_> = entries
        .iter()
        .map(|HolidayEntry(entry)| (entry.day.value.clone(), entry.day.at.clone()))
        .collect();
    source.no_repeats(&days);
    let mut all = Vec::new();
    for HolidayEntry(entry) in entries {
        let is_observed = entry.observed.unwrap_or(usually_observed);
        all.push(match entry.day.value {
            NamedDay::UsFederal => {
                if entry.observed == Some(false) {
                    let why = "federal holidays are always observed: name the days in place of \"us-federal\"";
                    source.wrong(&entry.day.at, why);
                }
                Holiday::UsFederal
            }
            NamedDay::Date(date) if is_observed => Holiday::Date(observed(date)),
            NamedDay::Date(date) => Holiday::Date(date),
            NamedDay::Yearly { name, day, shift_d } => Holiday::Yearly(Yearly {
                name,
                day,
                shift_d,
                observed: is_observed,
            }),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        match Day::parse(text) {
            Ok(NamedDay::Yearly { name, .. }) => name,
            Ok(other) => format!("{other:?}"),
            Err(why) => format!("! {why}"),
        }
    }

    #[test]
    fn a_day_has_a_name_for_people() {
        for (text, expected) in [
            ("us-federal", "UsFederal"),
            ("2026-12-24", "Date(2026-12-24)"),
            ("Christmas Eve", "Christmas Eve"),
            ("New Year\u{2019}s Day", "New Year\u{2019}s Day"),
            ("day after thanksgiving", "Day after Thanksgiving Day"),
            ("day before christmas eve", "Day before Christmas Eve"),
            (
                "day after day after easter",
                "! `day after day after easter` is not a holiday: write \"us-federal\", a date, or a day as \"christmas eve\", \"day after thanksgiving\", \"fourth thursday of november\" or \"25 december\"",
            ),
            ("fourth thursday of november", "Fourth Thursday of November"),
            (
                "day after fourth thursday of november",
                "Day after Fourth Thursday of November",
            ),
            ("last mon in may", "Last Mon of May"),
            ("25 december", "25 December"),
            ("december 25", "25 December"),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
    }

    #[test]
    fn a_misspelt_day_gets_a_suggestion() {
        for (text, part) in [
            ("chrismas eve", "did you mean `christmas eve`?"),
            ("us-fedral", "did you mean `us-federal`?"),
            ("day after thanksgivin", "did you mean `thanksgiving`?"),
            ("fourth thursday of novembr", "did you mean `november`?"),
            ("31 novembr", "did you mean `november`?"),
            ("31 november", "November has no day 31"),
            ("2026-02-30", "is not a date"),
            ("sixth monday of may", "is not a holiday"),
            ("", "is not a holiday"),
        ] {
            let why = Day::parse(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
        let far = format!("{}christmas", "day after ".repeat(8));
        assert!(Day::parse(&far).unwrap_err().contains("seven days"));
    }
}
