//! Time within business hours: how much of it lies between two instants, and when a length of it is used up.
//!
//! Instants are floored to whole seconds.

use jiff::{SignedDuration, Timestamp};

use crate::calendar::{self, UnknownZone};
use crate::policy::Hours;
use crate::span::{Span, instant, second};

/// How far one look ahead goes.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 60);

/// Hours that stay closed for so long never open again.
const CLOSED_FOR_GOOD_S: i64 = 3 * 366 * 86_400;

/// A part of the business time that a length uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub span: Span,
    /// Seconds that are left after it.
    pub left_s: i64,
}

/// True if the hours are open at that second.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn is_open(hours: &Hours, at: Timestamp) -> Result<bool, UnknownZone> {
    Ok(seconds(hours, at, instant(second(at) + 1))? > 0)
}

/// The seconds of business time in `[from, to)`; 0 if `to` comes first.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn seconds(hours: &Hours, from: Timestamp, to: Timestamp) -> Result<i64, UnknownZone> {
    let span = Span::new(instant(second(from)), instant(second(to)));
    Ok(calendar::open(hours, span)?.seconds())
}

/// The first open second from `at` on; `None` if the hours never open again.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn opening(hours: &Hours, at: Timestamp) -> Result<Option<Timestamp>, UnknownZone> {
    let parts = use_up(hours, at, 1)?;
    Ok(parts.and_then(|parts| Some(parts.first()?.span.from)))
}

/// The earliest instant at which `length_s` seconds of business time after `at` are used up. It may be the instant
/// of a closing. `None` if the hours never open for so long.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn after(
    hours: &Hours,
    at: Timestamp,
    length_s: i64,
) -> Result<Option<Timestamp>, UnknownZone> {
    let parts = use_up(hours, at, length_s)?;
    let start = instant(second(at));
    Ok(parts.map(|parts| parts.last().map_or(start, |part| part.span.to)))
}

/// The spans of business time that `length_s` seconds after `at` consist of, in order. `None` if the hours never
/// open for so long.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn use_up(
    hours: &Hours,
    at: Timestamp,
    length_s: i64,
) -> Result<Option<Vec<Part>>, UnknownZone> {
    let mut parts: Vec<Part> = Vec::new();
    let mut from = instant(second(at));
    let mut last_open = second(from);
    let mut left_s = length_s;
    while left_s > 0 {
        let to = from.checked_add(LOOK_AHEAD).unwrap_or(Timestamp::MAX);
        for (open, close) in calendar::open(hours, Span::new(from, to))?.iter() {
            let end = close.min(open + left_s);
            left_s -= end - open;
            last_open = end;
            let span = Span::new(instant(open), instant(end));
            match parts.last_mut() {
                // One look ahead ended while the hours were open.
                Some(part) if part.span.to == span.from => {
                    *part = Part {
                        span: Span::new(part.span.from, span.to),
                        left_s,
                    }
                }
                _ => parts.push(Part { span, left_s }),
            }
            if left_s == 0 {
                break;
            }
        }
        if left_s > 0 && (second(to) - last_open > CLOSED_FOR_GOOD_S || to == Timestamp::MAX) {
            return Ok(None);
        }
        from = to;
    }
    Ok(Some(parts))
}
