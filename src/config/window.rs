//! `[[maintenance]]`: a recurring maintenance window.

use domain::catalogue::{Days, End, LAST_DAY, LONGEST_ANNOUNCE_S, Rule};
use jiff::civil::Weekday;
use schemars::JsonSchema;
use serde::Deserialize;
use values::suggest::shorten;
use values::{
    ClockTime, Date, Format, Id, Line, OneOrMany, Parsed, Place, Prose, Seconds, Source, Written,
    Zone, is_id, weekday,
};

use super::fields::at_least;

/// The longest window in seconds, recurring or one-off.
const LONGEST_S: i64 = 31 * 86_400;

/// A recurring maintenance window.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["systems"]))]
pub(super) struct Maintenance {
    /// An id, unique within the system. Default: made from the title.
    id: Option<Parsed<Id>>,
    /// The work that is done.
    title: Parsed<Line>,
    /// The effect that customers will notice.
    impact: Option<Parsed<Prose>>,
    /// Weekdays ("sun"), or one such as "first sunday" or "last friday", or days of the month, as 15 or "last day".
    days: Option<OneOrMany<Parsed<Day>>>,
    /// Dates, in place of days.
    #[schemars(length(min = 1))]
    dates: Option<Vec<Parsed<Date>>>,
    /// The local time at which it starts.
    start: Parsed<ClockTime>,
    /// Its length, at most 31d.
    length: Option<Parsed<Seconds>>,
    /// The local time at which it ends, in place of a length; on the next day if not after `start`.
    end: Option<Parsed<ClockTime>>,
    /// The zone of its local times.
    zone: Parsed<Zone>,
    /// The downtime that counts as planned. Default: its whole length.
    max_downtime: Option<Parsed<Seconds>>,
    /// How long before its start it must be configured, if it has no `agreed` date. Default: 7d.
    min_notice: Option<Parsed<Seconds>>,
    /// How early its downtime may begin. Default: the shortest interval of the availability probes.
    start_grace: Option<Parsed<Seconds>>,
    /// The date on which it was agreed.
    agreed: Option<Parsed<Date>>,
    /// How long before its start customers are reminded, as ["7d", "24h", "1h"], each at most 90d. They are then also notified of its start and end.
    #[schemars(length(min = 1))]
    announce: Option<Vec<Parsed<Seconds>>>,
    /// True if customers are notified of its start and end. Default: false.
    #[serde(default)]
    tell: bool,
}

/// One entry of `days`.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Day {
    Weekday(Weekday),
    Nth(i8, Weekday),
    /// 1 to 31, or [`LAST_DAY`].
    OfMonth(i8),
}

const ORDINALS: [(&str, i8); 6] = [
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fourth", 4),
    ("fifth", 5),
    ("last", -1),
];

impl Format for Day {
    type Value = Self;
    const IS: &'static str =
        "a weekday, as \"sun\", or \"first sunday\", or a day of the month, as 15 or \"last day\"";
    const EXAMPLE: &'static str = "sun";
    const ALSO_NUMBER: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse::<i64>() {
            let day = i8::try_from(number)
                .ok()
                .filter(|day| (1..=31).contains(day));
            let day = day.map(Self::OfMonth);
            return day.ok_or_else(|| "a day of the month goes from 1 to 31".to_owned());
        }
        if text == "last day" {
            return Ok(Self::OfMonth(LAST_DAY));
        }
        let Some((ordinal, day)) = text.split_once(' ') else {
            return values::Weekday::parse(text).map(Self::Weekday);
        };
        let nth = ORDINALS.iter().find(|(word, _)| *word == ordinal);
        match (nth, weekday(day)) {
            (Some((_, nth)), Some(day)) => Ok(Self::Nth(*nth, day)),
            _ => Err(format!(
                "`{}` is not such a day: write \"first sunday\" (first to fifth, or last), or \"last day\"",
                shorten(text)
            )),
        }
    }
}

/// The window, and the place of its id.
pub(super) fn window(source: &mut Source<'_>, written: Written<Maintenance>) -> (Rule, Place) {
    let Written { value: table, at } = written;
    let id_at = table
        .id
        .as_ref()
        .map_or(&table.title.at, |id| &id.at)
        .clone();
    let id = match table.id {
        Some(id) => id.value,
        None => slug(&table.title.value).unwrap_or_else(|| {
            let why = "no id can be made from this title: give the window an `id`";
            source.wrong(&id_at, why);
            String::new()
        }),
    };
    let end = end(source, table.length, table.end, &at);
    let max_downtime_s = table.max_downtime.as_ref().map(|max| max.value);
    if let (Some(max), End::After(length_s)) = (&table.max_downtime, end)
        && max.value > length_s
    {
        source.wrong(&max.at, "this is longer than the window itself");
    }
    let rule = Rule {
        id,
        title: table.title.value,
        impact: table.impact.map(|impact| impact.value),
        days: days(source, table.days, table.dates, &at),
        start: table.start.value,
        end,
        zone: table.zone.value,
        max_downtime_s,
        min_notice_s: table.min_notice.map(|notice| notice.value),
        start_grace_s: table.start_grace.map(|grace| grace.value),
        agreed: table.agreed.map(|agreed| agreed.value),
        tell: table.tell,
        announce_s: announce(source, table.announce.unwrap_or_default()),
    };
    (rule, id_at)
}

/// An id from a title: letters and digits in lower case, hyphens for all else.
fn slug(title: &str) -> Option<String> {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(64);
    let slug = slug.trim_end_matches('-').to_owned();
    is_id(&slug).then_some(slug)
}

/// The end. After a mistake it is a value that passes all other checks.
fn end(
    source: &mut Source<'_>,
    length: Option<Parsed<Seconds>>,
    end: Option<Parsed<ClockTime>>,
    at: &Place,
) -> End {
    if let (Some(_), Some(end)) = (&length, &end) {
        source.wrong(&end.at, "use either `length` or `end`");
    }
    let length_s = at_least(source, length.as_ref(), 1);
    match (length, end) {
        (Some(length), _) if length.is_stand_in() => End::After(i64::MAX),
        (Some(length), _) => {
            if length.value > LONGEST_S {
                source.wrong(&length.at, "a window is at most 31d long");
            }
            End::After(length_s.unwrap_or(i64::MAX))
        }
        (None, Some(end)) => End::Local(end.value),
        (None, None) => {
            let why = "`[[maintenance]]` lacks `length`, as \"1h\", or `end`, as \"22:00\"";
            source.wrong(at, why);
            End::After(i64::MAX)
        }
    }
}

/// How long before the start reminders are due, the longest first.
fn announce(source: &mut Source<'_>, written: Vec<Parsed<Seconds>>) -> Vec<i64> {
    for before in &written {
        at_least(source, Some(before), 1);
        if !before.is_stand_in() && before.value > LONGEST_ANNOUNCE_S {
            source.wrong(
                &before.at,
                "a reminder is sent at most 90d before the start",
            );
        }
    }
    let written: Vec<_> = written.into_iter().map(|s| (s.value, s.at)).collect();
    source.no_repeats(&written);
    let mut announce_s: Vec<i64> = written.into_iter().map(|(s, _)| s).collect();
    announce_s.sort_unstable_by(|a, b| b.cmp(a));
    announce_s
}

fn days(
    source: &mut Source<'_>,
    days: Option<OneOrMany<Parsed<Day>>>,
    dates: Option<Vec<Parsed<Date>>>,
    at: &Place,
) -> Days {
    if let (Some(_), Some([first, ..])) = (&days, dates.as_deref()) {
        source.wrong(&first.at, "use either `days` or `dates`");
    }
    if let Some(OneOrMany(days)) = days {
        return kind_of_days(source, days);
    }
    let Some(dates) = dates else {
        let why = "`[[maintenance]]` lacks `days`, as [\"sun\", \"wed\"] or \"first sunday\"";
        source.wrong(at, why);
        return Days::Dates(Vec::new());
    };
    let mut dates: Vec<_> = dates
        .into_iter()
        .map(|date| (date.value, date.at))
        .collect();
    source.no_repeats(&dates);
    dates.sort_by_key(|(date, _)| *date);
    Days::Dates(dates.into_iter().map(|(date, _)| date).collect())
}

fn kind_of_days(source: &mut Source<'_>, entries: Vec<Parsed<Day>>) -> Days {
    let entries: Vec<_> = entries.into_iter().map(|day| (day.value, day.at)).collect();
    source.no_repeats(&entries);
    if let [(Day::Nth(nth, weekday), _)] = *entries {
        return Days::NthWeekday { nth, weekday };
    }
    let (mut weekdays, mut of_month) = (Vec::new(), Vec::new());
    for (entry, at) in &entries {
        match entry {
            Day::Weekday(day) => weekdays.push(*day),
            Day::OfMonth(day) => of_month.push((*day, at)),
            Day::Nth(..) => {
                let why =
                    "such a day must be alone: write another `[[maintenance]]` for the others";
                source.wrong(at, why);
                return Days::Weekdays(weekdays);
            }
        }
    }
    // Stand-ins are weekdays, and must not disagree with days of the month.
    let is_written = entries.iter().all(|(_, at)| *at != values::STAND_IN);
    if let (true, false, Some((_, at))) = (is_written, weekdays.is_empty(), of_month.first()) {
        source.wrong(at, "use either weekdays or days of the month");
    }
    if of_month.is_empty() {
        weekdays.sort_by_key(|day| day.to_monday_zero_offset());
        return Days::Weekdays(weekdays);
    }
    of_month.sort_by_key(|(day, _)| *day);
    Days::DaysOfMonth(of_month.into_iter().map(|(day, _)| day).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_from_a_title() {
        assert_eq!(
            slug("Weekly application update").as_deref(),
            Some("weekly-application-update")
        );
        assert_eq!(slug("  Été: (2) ").as_deref(), Some("t-2"));
        assert_eq!(slug("更新"), None);
    }
}
