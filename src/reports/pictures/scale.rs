//! Axes: from a value to its place in a picture.

/// The unit of a picture is a point of print; two decimals are finer than any printer.
pub(super) fn round(place: f64) -> f64 {
    (place * 100.0).round() / 100.0
}

/// An axis from `start`, `length` long. Values beyond its ends are drawn at its ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    start: f64,
    length: f64,
}

impl Scale {
    /// Equal steps for equal differences. A negative `length` runs upwards.
    pub fn linear((low, high): (f64, f64), (start, length): (f64, f64)) -> Self {
        Self {
            low,
            high,
            start,
            length,
        }
    }

    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        round(self.start + self.length * share.clamp(0.0, 1.0))
    }
}

/// An axis of lengths of time on which each step is a multiple of the one before: seconds, minutes and
/// hours have room beside each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Durations(Scale);

impl Durations {
    /// From one second to `longest_s` at least.
    pub fn new(longest_s: i64, place: (f64, f64)) -> Self {
        let high = (longest_s.max(60) as f64).ln();
        Self(Scale::linear((0.0, high), place))
    }

    pub fn at(&self, seconds: i64) -> f64 {
        self.0.at((seconds.max(1) as f64).ln())
    }

    /// The lengths that a reader finds on the axis, up to its end.
    pub fn marks(&self) -> impl Iterator<Item = (f64, &'static str)> + '_ {
        const MARKS: [(i64, &str); 9] = [
            (1, "1 s"),
            (10, "10 s"),
            (60, "1 min"),
            (600, "10 min"),
            (3_600, "1 h"),
            (21_600, "6 h"),
            (86_400, "1 d"),
            (604_800, "7 d"),
            (2_678_400, "31 d"),
        ];
        let high = self.0.high + 1e-9;
        MARKS
            .into_iter()
            .filter(move |(s, _)| (*s as f64).ln() <= high)
            .map(|(s, name)| (self.at(s), name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_and_stay_inside() {
        let up = Scale::linear((99.0, 100.0), (50.0, -40.0));
        assert_eq!(
            [98.0, 99.0, 99.5, 100.0, 101.0].map(|v| up.at(v)),
            [50.0, 50.0, 30.0, 10.0, 10.0]
        );
    }

    #[test]
    fn an_axis_of_durations_ends_with_the_longest_and_names_what_lies_before() {
        let axis = Durations::new(3_600, (0.0, 100.0));
        assert_eq!(
            [0, 1, 60, 3_600].map(|s| axis.at(s)),
            [0.0, 0.0, 50.0, 100.0]
        );
        let names: Vec<&str> = axis.marks().map(|(_, name)| name).collect();
        assert_eq!(names, ["1 s", "10 s", "1 min", "10 min", "1 h"]);
    }
}
