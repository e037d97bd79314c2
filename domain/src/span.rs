//! Half-open spans of time `[from, to)`, as instants and as sets of whole seconds.
//!
//! The accounting uses [`Spans`]. Instants are floored to seconds first, so that equal sets have
//! one form. Each operation is one walk over two sorted lists.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `[from, to)` in exact instants; empty if `from >= to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    pub fn is_empty(&self) -> bool {
        self.from >= self.to
    }

    /// True if the two share an instant.
    pub fn meets(&self, other: &Span) -> bool {
        !self.is_empty() && !other.is_empty() && self.from < other.to && other.from < self.to
    }

    /// The number of whole seconds, with both ends floored.
    pub fn seconds(&self) -> i64 {
        (second(self.to) - second(self.from)).max(0)
    }
}

/// The Unix second that contains `at`. Floors before 1970 too.
pub fn second(at: Timestamp) -> i64 {
    at.as_second() - i64::from(at.subsec_nanosecond() < 0)
}

/// The first instant of a Unix second, clamped to the range of a timestamp.
pub fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}

/// A set of whole seconds of Unix time, as sorted spans `[from, to)` that neither overlap nor
/// touch. Equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(i64, i64)>);

impl FromIterator<(i64, i64)> for Spans {
    /// The union of spans in any order. A span with `from >= to` is empty.
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(from, to)| from < to).collect();
        pairs.sort_unstable();
        let mut united: Vec<(i64, i64)> = Vec::with_capacity(pairs.len());
        for (from, to) in pairs {
            match united.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => united.push((from, to)),
            }
        }
        Self(united)
    }
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        spans
            .into_iter()
            .map(|s| (second(s.from), second(s.to)))
            .collect()
    }
}

impl Spans {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn one(from: i64, to: i64) -> Self {
        [(from, to)].into_iter().collect()
    }

    /// A list whose last end may be open: an open end is `until`.
    pub fn of_open(list: &[(Timestamp, Option<Timestamp>)], until: i64) -> Self {
        list.iter()
            .map(|(from, to)| (second(*from), to.map_or(until, second)))
            .collect()
    }

    /// The number of seconds.
    pub fn seconds(&self) -> i64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn start(&self) -> Option<i64> {
        self.0.first().map(|(from, _)| *from)
    }

    /// The second after the last.
    pub fn end(&self) -> Option<i64> {
        self.0.last().map(|(_, to)| *to)
    }

    /// In order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, i64)> + ExactSizeIterator + '_ {
        self.0.iter().copied()
    }

    pub fn contains(&self, second: i64) -> bool {
        self.around(second).is_some()
    }

    /// The span that contains the second.
    pub fn around(&self, second: i64) -> Option<(i64, i64)> {
        let after = self.0.partition_point(|(from, _)| *from <= second);
        let span = *self.0.get(after.checked_sub(1)?)?;
        (second < span.1).then_some(span)
    }

    pub fn union(&self, other: &Spans) -> Spans {
        if other.is_empty() {
            return self.clone();
        }
        self.iter().chain(other.iter()).collect()
    }

    pub fn intersection(&self, other: &Spans) -> Spans {
        let (mut a, mut b) = (0, 0);
        let mut both = Vec::new();
        while let (Some(x), Some(y)) = (self.0.get(a), other.0.get(b)) {
            let (from, to) = (x.0.max(y.0), x.1.min(y.1));
            if from < to {
                both.push((from, to));
            }
            if x.1 <= y.1 {
                a += 1;
            } else {
                b += 1;
            }
        }
        Spans(both)
    }

    pub fn difference(&self, other: &Spans) -> Spans {
        let mut rest = Vec::new();
        let mut b = 0;
        for (mut from, to) in self.iter() {
            while other.0.get(b).is_some_and(|y| y.1 <= from) {
                b += 1;
            }
            let mut at = b;
            while let Some(y) = other.0.get(at).filter(|y| y.0 < to) {
                if from < y.0 {
                    rest.push((from, y.0));
                }
                from = from.max(y.1);
                at += 1;
            }
            if from < to {
                rest.push((from, to));
            }
        }
        Spans(rest)
    }

    pub fn clip(&self, from: i64, to: i64) -> Spans {
        let start = self.0.partition_point(|(_, end)| *end <= from);
        Spans(
            self.0[start..]
                .iter()
                .take_while(|span| span.0 < to)
                .map(|span| (span.0.max(from), span.1.min(to)))
                .filter(|span| span.0 < span.1)
                .collect(),
        )
    }

    /// The number of seconds within `[from, to)`.
    pub fn seconds_in(&self, from: i64, to: i64) -> i64 {
        self.clip(from, to).seconds()
    }

    /// The first `n` seconds in order of time, or all if there are fewer.
    pub fn first(&self, n: i64) -> Spans {
        let mut left = n;
        let mut first = Vec::new();
        for (from, to) in self.iter() {
            if left <= 0 {
                break;
            }
            let take = left.min(to - from);
            first.push((from, from + take));
            left -= take;
        }
        Spans(first)
    }

    /// True if `other` contains every second.
    pub fn within(&self, other: &Spans) -> bool {
        self.difference(other).is_empty()
    }
}

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (from, to)) in self.iter().enumerate() {
            write!(f, "{}[{from}, {to})", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(i64, i64)]) -> Spans {
        pairs.iter().copied().collect()
    }

    #[test]
    fn spans_in_any_order_are_united_and_touching_ones_joined() {
        let spans = set(&[(10, 12), (1, 3), (3, 5), (2, 4), (7, 7), (9, 8)]);
        assert_eq!(spans, set(&[(1, 5), (10, 12)]));
        assert_eq!(spans.seconds(), 6);
        assert_eq!(spans.to_string(), "[1, 5) [10, 12)");
    }

    #[test]
    fn the_three_operations_agree_with_their_names() {
        let a = set(&[(0, 10), (20, 30)]);
        let b = set(&[(5, 22), (25, 26), (40, 41)]);
        assert_eq!(a.union(&b), set(&[(0, 30), (40, 41)]));
        assert_eq!(a.intersection(&b), set(&[(5, 10), (20, 22), (25, 26)]));
        assert_eq!(a.difference(&b), set(&[(0, 5), (22, 25), (26, 30)]));
        assert_eq!(b.difference(&a), set(&[(10, 20), (40, 41)]));
        assert!(a.intersection(&b).within(&a) && !b.within(&a));
    }

    #[test]
    fn a_span_holds_its_start_and_not_its_end() {
        let a = set(&[(0, 10), (20, 30)]);
        assert!(a.contains(0) && a.contains(9) && !a.contains(10) && !a.contains(-1));
        assert_eq!(a.around(29), Some((20, 30)));
        assert_eq!(a.around(30), None);
        assert_eq!(a.clip(5, 25), set(&[(5, 10), (20, 25)]));
        assert_eq!(a.clip(10, 20), Spans::new());
        assert_eq!(a.first(12), set(&[(0, 10), (20, 22)]));
        assert_eq!(a.first(0), Spans::new());
        assert_eq!(a.first(-3), Spans::new());
    }

    #[test]
    fn instants_are_floored_on_both_sides_of_1970() {
        assert_eq!(second(Timestamp::from_millisecond(1_999).unwrap()), 1);
        assert_eq!(second(Timestamp::from_millisecond(-1).unwrap()), -1);
        assert_eq!(second(Timestamp::from_millisecond(-1_000).unwrap()), -1);
        assert_eq!(instant(i64::MAX), Timestamp::MAX);
    }
}
