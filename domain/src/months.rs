//! The months that figures are counted in. A committee's zone may change: then a month begins where
//! the one before it ended, and is kept to its end in the zone that was in force at its first
//! instant, so that no second belongs to no month, or to two, and no later change moves an edge that
//! has passed.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::{Month, midnight};
use crate::span::{Span, instant, second};

/// Months that follow one another without a gap.
pub trait Months {
    /// The month that holds `at`, from its first instant to the next month's.
    fn around(&self, at: Timestamp) -> Span;
}

/// Those of one zone that never changes.
impl Months for TimeZone {
    fn around(&self, at: Timestamp) -> Span {
        Month::of(at, self).span(self)
    }
}

/// The zones that months were kept in, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zones {
    /// The first, from the beginning of time.
    first: TimeZone,
    /// The later ones, each with when it came into force; in order.
    later: Vec<(Timestamp, TimeZone)>,
}

impl Zones {
    /// `first` from the beginning of time.
    pub fn new(first: TimeZone) -> Self {
        Self {
            first,
            later: Vec::new(),
        }
    }

    /// From `at` on it is `zone`. An `at` that is not later than the last (the clock was set back)
    /// takes the place of what came after it.
    pub fn change(&mut self, at: Timestamp, zone: TimeZone) {
        self.later.retain(|(from, _)| *from < at);
        if *self.in_force_at(at) != zone {
            self.later.push((at, zone));
        }
    }

    /// The zone in force at `at`.
    pub fn in_force_at(&self, at: Timestamp) -> &TimeZone {
        let mut changes = self.later.iter().rev();
        let last = changes.find(|(from, _)| *from <= at);
        last.map_or(&self.first, |(_, zone)| zone)
    }

    /// The span of a month, and the zone that it is kept in.
    pub fn month(&self, month: Month) -> (Span, &TimeZone) {
        let (Some((first_at, _)), Some((last_at, last))) = (self.later.first(), self.later.last())
        else {
            return (month.span(&self.first), &self.first);
        };
        // The one that the first change lies in may begin with it.
        let mut this = Month::of(*first_at, &self.first).prev();
        if month <= this {
            return (month.span(&self.first), &self.first);
        }
        let mut from = midnight(this.first(), &self.first);
        while this < month {
            if *last_at <= from {
                // From here on nothing changes.
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

/// The months that `over` touches, as whole seconds, in order.
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
