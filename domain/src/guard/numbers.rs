//! Numbers that name a person.

use std::ops::Range;

use super::cues::{self, Cue, Needs};
use super::dates;
use super::tokens::{Form, Token, Tokens};
use super::{Finding, Kind};

pub(super) fn find(tokens: &Tokens) -> Vec<Finding> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if let Some(value) = social_security(tokens, at) {
            found.push(finding(tokens, Kind::SocialSecurityNumber, value, None));
        }
        let Some(cue) = cues::at(tokens, at) else {
            continue;
        };
        if cue.kind != Kind::DateOfBirth {
            after(tokens, &cue, &mut found);
            before(tokens, &cue, &mut found);
        }
    }
    found
}

fn finding(tokens: &Tokens, kind: Kind, value: Range<usize>, cue: Option<&Cue>) -> Finding {
    Finding {
        kind,
        span: tokens.span(value),
        cue: cue.map(|cue| tokens.span(cue.tokens.clone())),
    }
}

/// The value after a cue, and those that follow it in a list.
fn after(tokens: &Tokens, cue: &Cue, found: &mut Vec<Finding>) {
    let gap = cues::gap(tokens, cue);
    let has_noun = cue.noun || gap.noun;
    let least = match cue.needs {
        Needs::Patient if !(has_noun && (gap.patient || says_patient(tokens, cue))) => return,
        Needs::Noun if !has_noun => return,
        Needs::NounOrDirect if !has_noun && gap.words => return,
        Needs::NounOrDirect if !has_noun => 5,
        _ if gap.words || cue.plural => 5,
        _ => 4,
    };
    let is_last_four =
        cue.kind == Kind::SocialSecurityNumber && (gap.last || says_last(tokens, cue));
    let value = match cue.kind {
        Kind::SocialSecurityNumber => {
            nine_digits(tokens, gap.value).or_else(|| last_four(tokens, gap.value, is_last_four))
        }
        _ => identifier(tokens, gap.value, least, cue.plural),
    };
    let Some(value) = value else { return };
    let mut next = value.end;
    found.push(finding(tokens, cue.kind, value, Some(cue)));
    // "1234567, 1234568 and 1234569".
    while let Some(at) = after_comma(tokens, next) {
        let value = match cue.kind {
            Kind::SocialSecurityNumber => nine_digits(tokens, at),
            _ => identifier(tokens, at, 5, true),
        };
        let Some(value) = value else { return };
        next = value.end;
        found.push(finding(tokens, cue.kind, value, Some(cue)));
    }
}

/// The token after a comma or an `and`.
fn after_comma(tokens: &Tokens, at: usize) -> Option<usize> {
    let is_comma = |at: usize| matches!(tokens.sign(at), Some(',' | '&' | '/' | ';' | '+'));
    let is_word = |at: usize| matches!(tokens.word(at), Some("and" | "or" | "into" | "to"));
    match (is_comma(at), is_word(at), is_word(at + 1)) {
        (true, _, true) => Some(at + 2),
        (true, ..) | (_, true, _) => Some(at + 1),
        _ => None,
    }
}

/// The value before a cue: `1234567 (MRN)` or `1234567 is her MRN`.
fn before(tokens: &Tokens, cue: &Cue, found: &mut Vec<Finding>) {
    let is_strong = cue.noun || matches!(cue.needs, Needs::Value);
    let Some(end) = value_before(tokens, cue).filter(|_| is_strong) else {
        return;
    };
    // A value has at most nine tokens, as `12-34-56` has five.
    for start in end.saturating_sub(9)..end {
        let value = match cue.kind {
            Kind::SocialSecurityNumber => nine_digits(tokens, start),
            _ => identifier(tokens, start, 5, false),
        };
        if let Some(value) = value.filter(|value| value.end == end) {
            found.push(finding(tokens, cue.kind, value, Some(cue)));
            return;
        }
    }
}

/// The end of a value before a cue, over the words that may stand between.
pub(super) fn value_before(tokens: &Tokens, cue: &Cue) -> Option<usize> {
    let mut at = cue.tokens.start.checked_sub(1)?;
    if tokens.sign(at) == Some('(') {
        let closes = matches!(tokens.sign(cue.tokens.end), Some(')' | ',' | ':'))
            || cue.tokens.end >= tokens.len();
        return closes.then_some(at);
    }
    for _ in 0..5 {
        match tokens.word(at) {
            Some(
                "the" | "her" | "his" | "their" | "my" | "a" | "patient" | "member" | "caller"
                | "s" | "person",
            ) => {}
            Some("is" | "was" | "as" | "being" | "for") => return Some(at),
            Some(_) => return None,
            None if tokens.sign(at) == Some('\'') => {}
            None => return None,
        }
        at = at.checked_sub(1)?;
    }
    None
}

fn says_patient(tokens: &Tokens, cue: &Cue) -> bool {
    let before = (1..=3).filter_map(|back| cue.tokens.start.checked_sub(back));
    before
        .filter_map(|at| tokens.word(at))
        .any(|word| matches!(word, "patient" | "pt"))
}

fn says_last(tokens: &Tokens, cue: &Cue) -> bool {
    let before = (1..=5).filter_map(|back| cue.tokens.start.checked_sub(back));
    before
        .filter_map(|at| tokens.word(at))
        .any(|word| matches!(word, "last" | "ending"))
}

/// True for digits that may be the three parts of a social security number: the others are never assigned.
fn is_assigned(area: &str, group: &str, serial: &str) -> bool {
    !matches!(area, "000" | "666") && !area.starts_with('9') && group != "00" && serial != "0000"
}

/// `123-45-6789` on its own.
fn social_security(tokens: &Tokens, at: usize) -> Option<Range<usize>> {
    let hyphen = |at: usize| tokens.close_sign(at) == Some('-');
    let close_number = |at: usize| tokens.close(at).and_then(|_| tokens.number(at));
    let (area, group, serial) = (
        tokens.number(at)?,
        close_number(at + 2)?,
        close_number(at + 4)?,
    );
    let is_form =
        (area.len(), group.len(), serial.len()) == (3, 2, 4) && hyphen(at + 1) && hyphen(at + 3);
    let is_alone = is_alone(tokens, &(at..at + 5));
    (is_form && is_alone && is_assigned(area, group, serial)).then_some(at..at + 5)
}

/// True if a value is no part of a longer number or name.
fn is_alone(tokens: &Tokens, value: &Range<usize>) -> bool {
    let joins = |c: char| matches!(c, '-' | '_' | '/' | '.' | '+');
    let spaced = tokens.get(value.start).is_none_or(|token| token.spaced);
    let before = value.start.checked_sub(1).filter(|_| !spaced);
    let begins = match before.and_then(|before| tokens.get(before)) {
        Some(Token {
            form: Form::Sign(c),
            ..
        }) => !joins(*c),
        Some(_) => false,
        None => true,
    };
    let ends = match tokens.close(value.end) {
        Some(Token {
            form: Form::Sign(c),
            ..
        }) => {
            !joins(*c)
                || tokens
                    .close(value.end + 1)
                    .is_none_or(|next| next.form != Form::Number)
        }
        Some(_) => false,
        None => true,
    };
    begins && ends
}

/// Nine digits after a cue, grouped in any way, some of them perhaps masked.
fn nine_digits(tokens: &Tokens, start: usize) -> Option<Range<usize>> {
    let (mut digits, mut at) = (String::new(), start);
    for _ in 0..9 {
        let token = tokens.get(at)?;
        match &token.form {
            Form::Number => digits.push_str(&token.text),
            Form::Word if !digits.is_empty() || !token.text.chars().all(|c| c == 'x') => {
                return None;
            }
            Form::Word => digits.extend(token.text.chars().map(|_| 'x')),
            Form::Sign('*') => digits.push('x'),
            Form::Sign('-' | '.') if !digits.is_empty() => {}
            Form::Sign(_) => return None,
        }
        at += 1;
        if digits.len() >= 9 {
            break;
        }
    }
    let ends = tokens
        .close(at)
        .is_none_or(|next| matches!(next.form, Form::Sign(_)));
    (digits.len() == 9 && ends).then_some(start..at)
}

/// The last four digits of a social security number, where the words say so.
fn last_four(tokens: &Tokens, at: usize, says_so: bool) -> Option<Range<usize>> {
    let four = tokens
        .number(at)
        .filter(|digits| says_so && digits.len() == 4)?;
    (!four.is_empty() && is_alone(tokens, &(at..at + 1))).then_some(at..at + 1)
}

/// Words after a number which say that it counts or measures something.
const COUNTED: &[&str] = &[
    "records",
    "messages",
    "patients",
    "rows",
    "times",
    "requests",
    "results",
    "entries",
    "users",
    "people",
    "members",
    "facilities",
    "clinics",
    "practices",
    "hospitals",
    "of",
    "ms",
    "s",
    "sec",
    "seconds",
    "min",
    "minutes",
    "h",
    "hours",
    "days",
    "gb",
    "mb",
    "kb",
    "k",
    "documents",
    "images",
    "alerts",
    "lookups",
    "duplicates",
    "calls",
    "accounts",
    "jobs",
    "errors",
    "accesses",
    "logins",
    "am",
    "pm",
    "percent",
];

/// What a plural with a number after it counts.
const DONE: &[&str] = &[
    "found", "repaired", "merged", "affected", "were", "are", "in", "had", "have",
];

/// Prefixes of tickets and error codes.
const TICKETS: &[&str] = &[
    "inc", "chg", "req", "prb", "cve", "rfc", "ora", "err", "http", "case", "ticket", "rel",
    "build", "port",
];

/// An identifier that begins at `start`: digits, perhaps with letters, hyphens and strokes, `least` digits or more.
fn identifier(tokens: &Tokens, start: usize, least: usize, plural: bool) -> Option<Range<usize>> {
    if dates::at(tokens, start).is_some_and(|date| date.parts > 1) {
        return None;
    }
    let (mut digits, mut letters, mut end) = (0, 0, start);
    while let Some(token) = tokens.get(end) {
        if end > start && token.spaced {
            break;
        }
        match &token.form {
            Form::Number => digits += token.text.len(),
            Form::Word if end == start && TICKETS.contains(&token.text.as_str()) => return None,
            Form::Word => letters += token.text.chars().count(),
            Form::Sign('-' | '/' | '_') if end > start && goes_on(tokens, end + 1) => {}
            Form::Sign('.' | ',' | ':')
                if end > start
                    && tokens
                        .close(end + 1)
                        .is_some_and(|t| t.form == Form::Number) =>
            {
                // A version, an address, a time, or a number with thousands.
                return None;
            }
            _ => break,
        }
        end += 1;
    }
    if letters == 0 && digits < 5 {
        (digits, end) = grouped(tokens, start, end, digits);
    }
    let counts = tokens
        .word(end)
        .is_some_and(|word| COUNTED.contains(&word) || (plural && DONE.contains(&word)))
        || tokens.sign(end) == Some('%');
    // `rejected` and the like hold more letters than digits.
    let is_word = letters > 4 && letters > digits;
    (digits >= least && !is_word && !counts).then_some(start..end)
}

fn goes_on(tokens: &Tokens, at: usize) -> bool {
    tokens
        .close(at)
        .is_some_and(|token| token.form != Form::Sign('-') && !matches!(token.form, Form::Sign(_)))
}

/// Joins groups of up to four digits that blanks separate: `12 34 56`.
fn grouped(tokens: &Tokens, start: usize, mut end: usize, mut digits: usize) -> (usize, usize) {
    let is_group = |at: usize| tokens.number(at).is_some_and(|group| group.len() <= 4);
    let alone = |at: usize| {
        tokens
            .close(at + 1)
            .is_none_or(|next| matches!(next.form, Form::Sign(c) if c != ':' && c != '/'))
    };
    if end != start + 1 || !is_group(start) {
        return (digits, end);
    }
    while end < start + 4
        && is_group(end)
        && alone(end)
        && tokens.get(end).is_some_and(|t| !t.breaks)
    {
        digits += tokens.number(end).map_or(0, str::len);
        end += 1;
    }
    (digits, end)
}
