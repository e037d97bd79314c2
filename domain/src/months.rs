//! The months in which figures are counted. If a committee's zone changes, a month begins where the
//! one before it ended and keeps the zone that is in force at its first instant. So no second
//! belongs to two months or to none, and no later change moves the end of a past month.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::{Month, midnight};
use crate::span::{Span, instant, second};

/// A sequence of months without a gap.
pub trait Months {
    /// The month that contains `at`.
    fn around(&self, at: Timestamp) -> Span;
}

/// The months of one zone that never changes.
impl Months for TimeZone {
    fn around(&self, at: Timestamp) -> Span {
        Month::of(at, self).span(self)
    }
}

/// The zones in which months are kept, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zones {
    /// Holds from the beginning of time.
    first: TimeZone,
    /// The later zones, each with the time at which it came into force; in order.
    later: Vec<(Timestamp, TimeZone)>,
}

impl Zones {
    pub fn new(first: TimeZone) -> Self {
        Self {
            first,
            later: Vec::new(),
        }
    }

    /// Sets the zone from `at` on. If the clock was set back, `at` may be earlier than the last
    /// change and replaces it.
    pub fn change(&mut self, at: Timestamp, zone: TimeZone) {
        self.later.retain(|(from, _)| *from < at);
        if *self.in_force_at(at) != zone {
            self.later.push((at, zone));
        }
    }

    pub fn in_force_at(&self, at: Timestamp) -> &TimeZone {
        let mut changes = self.later.iter().rev();
        let last = changes.find(|(from, _)| *from <= at);
        last.map_or(&self.first, |(_, zone)| zone)
    }

    /// The span of a month, and its zone.
    pub fn month(&self, month: Month) -> (Span, &TimeZone) {
        let (Some((first_at, _)), Some((last_at, last))) = (self.later.first(), self.later.last())
        else {
            return (month.span(&self.first), &self.first);
        };
        // The month of the first change may begin with it.
        let mut this = Month::of(*first_at, &self.first).prev();
        if month <= this {
            return (month.span(&self.first), &self.first);
        }
        let mut from = midnight(this.first(), &self.first);
        while this < month {
            if *last_at <= from {
                // After the last change.
                return (month.span(last), last);
            }
            from = midnight(this.next().first(), self.in_force_at(from));
            this = this.next();
        }
        let zone = self.in_force_at(from);
        (Span::new(from, midnight(month.next().first(), zone)), zone)
    }
}

impl Months for Zones {
    fn around(&self, at: Timestamp) -> Span {
        let near = Month::of(at, self.in_force_at(at));
        let months = [near.prev(), near, near.next()];
        let mut spans = months.iter().map(|month| self.month(*month).0);
        spans
            .find(|span| span.contains(at))
            .unwrap_or_else(|| self.month(near).0)
    }
}

/// The months that `over` touches, in whole seconds and in order.
pub(crate) fn over(over: (i64, i64), months: &dyn Months) -> Vec<(i64, i64)> {
    let mut all = Vec::new();
    let mut at = instant(over.0);
    while all.len() < 120_000 {
        let span = months.around(at);
        if span.is_empty() || second(span.from) >= over.1 {
            break;
        }
        all.push((second(span.from), second(span.to)));
        if span.to <= at {
            break;
        }
        at = span.to;
    }
    all
}
