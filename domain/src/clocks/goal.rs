//! A length of time from an instant on, with pauses taken out.

use jiff::Timestamp;

use crate::business_time;
use crate::calendar::{self, UnknownZone};
use crate::policy::{Hours, Measure};
use crate::span::{Span, Spans, instant, second};

/// The time that a clock counts.
#[derive(Clone, Copy)]
pub(super) struct Time<'a> {
    pub measure: Measure,
    pub hours: Option<&'a Hours>,
}

impl Time<'_> {
    fn hours(&self) -> Option<&Hours> {
        self.hours.filter(|_| self.measure == Measure::Business)
    }

    /// The instant at which a length from `from` on is used up; `None` if that never happens.
    fn after(&self, from: Timestamp, length_s: i64) -> Result<Option<Timestamp>, UnknownZone> {
        match self.hours() {
            Some(hours) => business_time::after(hours, from, length_s),
            None => Ok(Some(instant(second(from).saturating_add(length_s)))),
        }
    }

    /// The part of some spans that the clock counts.
    pub fn own(&self, spans: &Spans) -> Result<Spans, UnknownZone> {
        let (Some(hours), Some(from), Some(to)) = (self.hours(), spans.start(), spans.end()) else {
            return Ok(spans.clone());
        };
        let open = calendar::open(hours, Span::new(instant(from), instant(to)))?;
        Ok(open.intersection(spans))
    }

    /// The seconds of some spans that the clock counts.
    pub fn of(&self, spans: &Spans) -> Result<i64, UnknownZone> {
        Ok(self.own(spans)?.seconds())
    }

    /// The seconds between two instants that the clock counts, without pauses.
    pub fn between(
        &self,
        from: Timestamp,
        to: Timestamp,
        pauses: &Spans,
    ) -> Result<i64, UnknownZone> {
        let span = Spans::one(second(from), second(to));
        self.of(&span.difference(pauses))
    }

    /// The opening at which a clock starts that is asked for at `at`.
    pub fn start(&self, at: Timestamp) -> Result<Timestamp, UnknownZone> {
        let opening = match self.hours() {
            Some(hours) => business_time::opening(hours, at)?,
            None => None,
        };
        Ok(opening.unwrap_or(at))
    }
}

/// The instant at which a length from `from` on is used up, with pauses taken out. `None` if a pause without an end
/// comes first, or the business hours never open for so long.
pub(super) fn due(
    time: Time<'_>,
    from: Timestamp,
    length_s: i64,
    pauses: &Spans,
    paused_since: Option<Timestamp>,
) -> Result<Option<Timestamp>, UnknownZone> {
    let mut paused_s = 0;
    // Each round moves the end later, and it takes in one more pause at least.
    loop {
        let Some(end) = time.after(from, length_s + paused_s)? else {
            return Ok(None);
        };
        let within = time.of(&pauses.clip(second(from), second(end)))?;
        if within == paused_s {
            return Ok(Some(end).filter(|end| paused_since.is_none_or(|since| *end <= since)));
        }
        paused_s = within;
    }
}
