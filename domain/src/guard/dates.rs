//! Dates in many forms, and dates of birth.

use super::cues::{self, Cue};
use super::numbers::value_before;
use super::tokens::{Form, Tokens};
use super::{Finding, Kind};

/// A date at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The token after it.
    pub end: usize,
    pub year: Option<u32>,
    /// The number of its tokens that are not signs. One for `20261007`.
    pub parts: usize,
}

/// A year before this one is of a birth rather than of an incident: no incident that Nines records is that old.
const OLD: u32 = 2024;
/// Tokens between a cue and an old date at most.
const WIDE: usize = 9;

pub(super) fn find(tokens: &Tokens) -> Vec<Finding> {
    let mut found = Vec::new();
    for start in 0..tokens.len() {
        let Some(cue) = cues::at(tokens, start).filter(|cue| cue.kind == Kind::DateOfBirth) else {
            continue;
        };
        for (at, date) in [after(tokens, &cue), before(tokens, &cue)]
            .into_iter()
            .flatten()
        {
            found.push(Finding {
                kind: Kind::DateOfBirth,
                span: tokens.span(at..date.end),
                cue: Some(tokens.span(cue.tokens.clone())),
            });
        }
    }
    found
}

fn after(tokens: &Tokens, cue: &Cue) -> Option<(usize, Found)> {
    let first = cue.tokens.end;
    let near = cues::gap(tokens, cue).value;
    // The words between may be part of the date, such as `March`.
    let direct = (first..=near).find_map(|value| Some((value, at(tokens, value)?)));
    let counts = |date: &Found| date.year.is_none() && tokens.word(date.end) == Some("of");
    direct.filter(|(_, date)| !counts(date)).or_else(|| {
        for value in first..first + WIDE {
            let token = tokens.get(value)?;
            if value > first && (token.breaks || is_end(tokens, value)) {
                return None;
            }
            let has_full_year = |date: &Found| {
                let ends = [value, date.end - 1];
                ends.iter()
                    .any(|at| tokens.number(*at).is_some_and(|digits| digits.len() == 4))
            };
            let date = at(tokens, value)
                .filter(has_full_year)
                .filter(|date| date.parts > 1 && date.year.is_some_and(|year| year < OLD));
            if let Some(date) = date {
                return Some((value, date));
            }
        }
        None
    })
}

/// `3/14/1962 (DOB)`, `3/14/1962 DOB`, `3/14/1962 is her date of birth`.
fn before(tokens: &Tokens, cue: &Cue) -> Option<(usize, Found)> {
    let start = cue.tokens.start;
    let comma = start
        .checked_sub(1)
        .filter(|at| matches!(tokens.sign(*at), Some(',' | '-')));
    let end = value_before(tokens, cue).or(comma).unwrap_or(start);
    let mut starts = end.saturating_sub(7)..end;
    starts.find_map(|value| {
        let date = at(tokens, value)?;
        (date.end == end && date.year.is_some()).then_some((value, date))
    })
}

fn is_end(tokens: &Tokens, at: usize) -> bool {
    let ends = matches!(tokens.sign(at), Some('.' | '!' | '?' | ';'));
    ends && tokens.get(at + 1).is_none_or(|next| next.spaced)
}

/// The date that begins at `at`, in one of these forms, `/` also being `-` or `.`:
/// `3/14/1962`, `3/14/62`, `1962/3/14`, `3/14`, `3/1962`, `19620314`, `03141962`, `March 14, 1962`, `14 March 1962`,
/// `14th of March 1962`, `14-Mar-62`, `March 14`, `March 1962`.
pub(super) fn at(tokens: &Tokens, at: usize) -> Option<Found> {
    let starts_inside = at > 0
        && tokens.close(at).is_some()
        && tokens.get(at - 1).is_some_and(|t| t.form == Form::Number);
    if starts_inside {
        return None;
    }
    let found = match tokens.word(at) {
        Some(word) => {
            month(word)?;
            month_first(tokens, at)
        }
        None => {
            let first = tokens.number(at)?;
            compact(first, at)
                .or_else(|| day_first(tokens, at))
                .or_else(|| numeric(tokens, at))
        }
    }?;
    // A part of a longer number is no date. The `T` of an instant begins a word.
    let goes_on = tokens
        .close(found.end)
        .is_some_and(|t| t.form == Form::Number)
        || (matches!(tokens.close_sign(found.end), Some('-' | '/' | '.' | ':'))
            && tokens
                .close(found.end + 1)
                .is_some_and(|t| t.form == Form::Number));
    (!goes_on).then_some(found)
}

fn compact(digits: &str, at: usize) -> Option<Found> {
    if digits.len() != 8 {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u32>().ok();
    let year_first = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let year_last = (part(4, 8)?, part(0, 2)?, part(2, 4)?);
    let is_date =
        |(year, month, day): &(u32, u32, u32)| is_year(*year) && is_month(*month) && is_day(*day);
    let (year, ..) = [year_first, year_last].into_iter().find(is_date)?;
    Some(Found {
        end: at + 1,
        year: Some(year),
        parts: 1,
    })
}

/// Numbers with a stroke, hyphen or dot between, or with blanks as in `03 14 1962`.
fn numeric(tokens: &Tokens, at: usize) -> Option<Found> {
    let stroke = |at: usize| {
        tokens
            .close_sign(at)
            .filter(|c| matches!(c, '/' | '-' | '.'))
    };
    let number = |at: usize| {
        Some((
            tokens.number(at)?.len(),
            tokens.number(at)?.parse::<u32>().ok()?,
        ))
    };
    let close = |at: usize| tokens.close(at).and_then(|_| number(at));
    let (first_length, first) = number(at)?;
    let Some(sign) = stroke(at + 1) else {
        let ((_, second), (length, year)) = (number(at + 1)?, number(at + 2)?);
        let is_date =
            length == 4 && first_length <= 2 && is_year(year) && is_month_and_day(first, second);
        return is_date.then_some(Found {
            end: at + 3,
            year: Some(year),
            parts: 3,
        });
    };
    let (second_length, second) = close(at + 2)?;
    let third = stroke(at + 3)
        .filter(|c| *c == sign)
        .and_then(|_| close(at + 4));
    match third {
        Some((length, third)) => {
            let year = match (first_length, length) {
                (4, 1 | 2) if is_year(first) && is_month_and_day(second, third) => first,
                (1 | 2, 4) if is_year(third) && is_month_and_day(first, second) => third,
                (1 | 2, 2) if is_month_and_day(first, second) => of_two_digits(third),
                _ => return None,
            };
            Some(Found {
                end: at + 5,
                year: Some(year),
                parts: 3,
            })
        }
        None if second_length == 4 && is_year(second) && is_month(first) => Some(Found {
            end: at + 3,
            year: Some(second),
            parts: 2,
        }),
        None if sign == '/'
            && first_length <= 2
            && second_length <= 2
            && is_month_and_day(first, second) =>
        {
            Some(Found {
                end: at + 3,
                year: None,
                parts: 2,
            })
        }
        None => None,
    }
}

/// Two digits of a year: after this one, they are of the century before.
fn of_two_digits(year: u32) -> u32 {
    match year {
        0..=29 => 2000 + year,
        _ => 1900 + year,
    }
}

/// `March 14, 1962`, `March 14`, `March 1962`.
fn month_first(tokens: &Tokens, at: usize) -> Option<Found> {
    let next = skip(tokens, at + 1, &['.', '-', '/', ',']);
    let number = tokens.number(next)?;
    let day = number.parse::<u32>().ok()?;
    if number.len() == 4 {
        return is_year(day).then_some(Found {
            end: next + 1,
            year: Some(day),
            parts: 2,
        });
    }
    if !is_day(day) {
        return None;
    }
    Some(with_year(tokens, ordinal(tokens, next + 1)))
}

/// `14 March 1962`, `14th of March, 1962`, `14-Mar-62`.
fn day_first(tokens: &Tokens, at: usize) -> Option<Found> {
    let day = tokens
        .number(at)?
        .parse::<u32>()
        .ok()
        .filter(|day| is_day(*day))?;
    let mut next = skip(tokens, ordinal(tokens, at + 1), &['-', '.', '/']);
    if tokens.word(next) == Some("of") {
        next += 1;
    }
    month(tokens.word(next)?)?;
    let found = with_year(tokens, next + 1);
    (day > 0).then_some(found)
}

/// The date that ends before `next`, with the year that may follow.
fn with_year(tokens: &Tokens, next: usize) -> Found {
    let year_at = skip(tokens, next, &[',', '-', '.', '/', '\'']);
    let written = tokens
        .number(year_at)
        .and_then(|digits| Some((digits.len(), digits.parse::<u32>().ok()?)));
    match written {
        Some((4, year)) if is_year(year) => Found {
            end: year_at + 1,
            year: Some(year),
            parts: 3,
        },
        Some((2, year)) if year_at > next => Found {
            end: year_at + 1,
            year: Some(of_two_digits(year)),
            parts: 3,
        },
        _ => Found {
            end: next,
            year: None,
            parts: 2,
        },
    }
}

fn skip(tokens: &Tokens, at: usize, signs: &[char]) -> usize {
    match tokens
        .close_sign(at)
        .is_some_and(|sign| signs.contains(&sign))
    {
        true => at + 1,
        false => at,
    }
}

fn ordinal(tokens: &Tokens, at: usize) -> usize {
    let is_ordinal =
        matches!(tokens.word(at), Some("st" | "nd" | "rd" | "th")) && tokens.close(at).is_some();
    if is_ordinal { at + 1 } else { at }
}

fn is_year(year: u32) -> bool {
    (1880..2100).contains(&year)
}

fn is_month(month: u32) -> bool {
    (1..=12).contains(&month)
}

fn is_day(day: u32) -> bool {
    (1..=31).contains(&day)
}

/// In either order: both are written.
fn is_month_and_day(one: u32, other: u32) -> bool {
    (is_month(one) && is_day(other)) || (is_day(one) && is_month(other))
}

/// The number of a month by its name or its first letters.
fn month(word: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
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
    let found = NAMES.iter().position(|name| {
        *name == word
            || (word.len() == 3 && name.starts_with(word))
            || (word == "sept" && *name == "september")
    })?;
    u32::try_from(found + 1).ok()
}
