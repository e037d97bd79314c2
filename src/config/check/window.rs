//! Recurring maintenance windows.

use domain::catalogue::{Days, End, Rule};
use jiff::civil::Weekday;

use super::{date, no_repeats, seconds, spoken};
use crate::config::mistakes::Page;
use crate::config::near::shown;
use crate::config::raw::system::Maintenance;
use crate::config::values::{Weekday as WeekdayWord, is_id, weekday};
use crate::config::words::{At, OneOrMany, TextOrNumber, Word, Written};

/// The longest window in seconds, as of the single ones that people schedule.
const LONGEST_S: i64 = 31 * 86_400;

/// A rule, with the place of its id.
pub(super) fn rule(page: &mut Page<'_>, written: &Written<Maintenance>) -> Option<(Rule, At)> {
    let (raw, at) = (&written.value, &written.at);
    let title = page.read(raw.title.get());
    let given = page.read(raw.id.as_ref());
    let id_at = raw
        .id
        .as_ref()
        .map(|id| &id.at)
        .or(raw.title.get().map(|title| &title.at));
    let id = match (&raw.id, &title) {
        (Some(_), _) => given,
        (None, Some(title)) => {
            let slug = slug(title);
            if slug.is_none()
                && !page.spoilt(at, "id")
                && let Some(id_at) = id_at
            {
                page.wrong(
                    id_at,
                    "no id can be made from this title: give the window an `id`",
                );
            }
            slug
        }
        (None, None) => None,
    };
    let impact = page.read(raw.impact.as_ref());
    let days = days(page, written);
    let start = page.read(raw.start.get());
    let end = end(page, written);
    let zone = page.read(raw.zone.get());
    let max_downtime_s = seconds(page, raw.max_downtime.as_ref(), 0);
    if let (Some(max), Some(End::After(length)), Some(max_at)) = (
        max_downtime_s,
        end,
        raw.max_downtime.as_ref().map(|max| &max.at),
    ) && max > length
    {
        let length = spoken(std::time::Duration::from_secs(length.unsigned_abs()));
        page.wrong(
            max_at,
            format!("this is longer than the window itself, {length}"),
        );
    }
    let agreed = raw.agreed.as_ref().and_then(|day| date(page, day));
    let min_notice_s = seconds(page, raw.min_notice.as_ref(), 0);
    let start_grace_s = seconds(page, raw.start_grace.as_ref(), 0);
    let rule = Rule {
        id: id?,
        title: title?,
        impact,
        days: days?,
        start: start?,
        end: end?,
        zone: zone?,
        max_downtime_s,
        min_notice_s,
        start_grace_s,
        agreed,
        tell: raw.tell.as_ref().is_some_and(|tell| tell.value),
    };
    Some((rule, id_at.cloned().unwrap_or_else(|| at.clone())))
}

/// An id from a title: its letters and digits in small, a hyphen for all else.
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

fn end(page: &mut Page<'_>, written: &Written<Maintenance>) -> Option<End> {
    let (raw, at) = (&written.value, &written.at);
    match (&raw.length, &raw.end) {
        (Some(length), end) => {
            if let Some(end) = end {
                page.wrong(&end.at, "a window has a `length` or an `end`, not both");
            }
            let length_s = seconds(page, Some(length), 1)?;
            if length_s > LONGEST_S {
                page.wrong(&length.at, "this is longer than any work is, 31d");
            }
            Some(End::After(length_s))
        }
        (None, Some(end)) => page.read(Some(end)).map(End::Local),
        (None, None) => {
            if !page.spoilt(at, "length") && !page.spoilt(at, "end") {
                page.wrong(
                    at,
                    "`[[maintenance]]` lacks `length`, as \"1h\", or `end`, as \"22:00\"",
                );
            }
            None
        }
    }
}

fn days(page: &mut Page<'_>, written: &Written<Maintenance>) -> Option<Days> {
    let (raw, at) = (&written.value, &written.at);
    if let (Some(_), Some(dates)) = (&raw.days, &raw.dates) {
        page.wrong(&dates.at, "a window has `days` or `dates`, not both");
    }
    if let Some(days) = &raw.days {
        return some_days(page, days);
    }
    if let Some(dates) = &raw.dates {
        let mut dates: Vec<_> = dates
            .value
            .iter()
            .filter_map(|written| Some((date(page, written)?, written.at.clone())))
            .collect();
        no_repeats(page, &dates);
        dates.sort_by_key(|(date, _)| *date);
        return Some(Days::Dates(
            dates.into_iter().map(|(date, _)| date).collect(),
        ));
    }
    if !page.spoilt(at, "days") && !page.spoilt(at, "dates") {
        let message = "`[[maintenance]]` lacks `days`, as [\"sun\", \"wed\"] or \"first sunday\"";
        page.wrong(at, message);
    }
    None
}

/// One entry of `days`.
enum Entry {
    Weekday(Weekday),
    Nth(i8, Weekday),
    OfMonth(i8),
}

fn some_days(page: &mut Page<'_>, written: &Written<OneOrMany<TextOrNumber>>) -> Option<Days> {
    let entries = written.each();
    let mut read = Vec::new();
    for entry in &entries {
        match day(&entry.value) {
            Ok(day) => read.push((day, entry.at.clone())),
            Err(why) => page.wrong(&entry.at, why),
        }
    }
    if read.len() < entries.len() || page.spoilt(&written.at, "") {
        return None;
    }
    if let [(Entry::Nth(nth, weekday), _)] = read.as_slice() {
        return Some(Days::Nth {
            nth: *nth,
            weekday: *weekday,
        });
    }
    let (mut weekdays, mut of_month) = (Vec::new(), Vec::new());
    for (entry, at) in read {
        match entry {
            Entry::Weekday(day) => weekdays.push((day, at)),
            Entry::OfMonth(day) => of_month.push((day, at)),
            Entry::Nth(..) => {
                let why = "such a day stands alone: write another `[[maintenance]]` for the others";
                page.wrong(&at, why);
                return None;
            }
        }
    }
    no_repeats(page, &weekdays);
    no_repeats(page, &of_month);
    if let (false, Some((_, at))) = (weekdays.is_empty(), of_month.first()) {
        page.wrong(at, "a window has weekdays or days of the month, not both");
        return None;
    }
    if of_month.is_empty() {
        weekdays.sort_by_key(|(day, _)| day.to_monday_zero_offset());
        return Some(Days::Weekdays(
            weekdays.into_iter().map(|(day, _)| day).collect(),
        ));
    }
    of_month.sort_by_key(|(day, _)| *day);
    Some(Days::DaysOfMonth(
        of_month.into_iter().map(|(day, _)| day).collect(),
    ))
}

const ORDINALS: [(&str, i8); 6] = [
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fourth", 4),
    ("fifth", 5),
    ("last", -1),
];

fn day(written: &TextOrNumber) -> Result<Entry, String> {
    match written {
        TextOrNumber::Number(number) => i8::try_from(*number)
            .ok()
            .filter(|day| (1..=31).contains(day))
            .map(Entry::OfMonth)
            .ok_or_else(|| "a day of the month goes from 1 to 31".to_owned()),
        TextOrNumber::Text(text) => {
            let Some((ordinal, day)) = text.split_once(' ') else {
                return WeekdayWord::read(text).map(Entry::Weekday);
            };
            let nth = ORDINALS
                .iter()
                .find(|(word, _)| *word == ordinal)
                .map(|(_, nth)| *nth);
            match (nth, weekday(day)) {
                (Some(nth), Some(day)) => Ok(Entry::Nth(nth, day)),
                _ => Err(format!(
                    "`{}` is not such a day: write \"first sunday\" (first to fifth, or last)",
                    shown(text)
                )),
            }
        }
    }
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
