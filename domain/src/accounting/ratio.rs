//! Exact ratios, how they are printed, and what a target makes of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::Target;

/// `num / den`, exact; `den` is positive and `num` between 0 and `den` for every availability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    /// What is counted, in seconds.
    pub num: i64,
    /// Out of how many seconds.
    pub den: i64,
}

impl Ratio {
    /// `num / den`, or nothing where there is nothing to divide by.
    pub fn of(num: i64, den: i64) -> Option<Self> {
        (den > 0).then_some(Self { num, den })
    }

    /// As a percentage, cut after `decimals` digits (at most 9) and never rounded up, without the
    /// sign: `99.999`, and `100.000` only where nothing is missing.
    pub fn percent_truncated(&self, decimals: u32) -> String {
        let decimals = decimals.min(9);
        let scale = 10_i128.pow(decimals);
        let cut = (i128::from(self.num) * 100 * scale).div_euclid(i128::from(self.den.max(1)));
        if decimals == 0 {
            return cut.to_string();
        }
        let width = decimals as usize;
        format!("{}.{:0width$}", cut / scale, cut % scale)
    }

    /// Whether it is at least that many parts per million, compared exactly.
    pub fn at_least(&self, ppm: u32) -> bool {
        i128::from(self.num) * 1_000_000 >= i128::from(ppm) * i128::from(self.den)
    }
}

/// What a period's figures say of its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// At least the target.
    Met,
    /// Below it.
    Missed,
    /// Too much is unknown to say.
    NotDeterminable,
    /// Nothing was promised.
    #[default]
    NoTarget,
}

impl Verdict {
    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::NotDeterminable => "not_determinable",
            Verdict::NoTarget => "no_target",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The verdict, and whether it rests on the measured time alone.
///
/// The target is missed if it is missed with all unknown time up, and met if it is met with all
/// of it down; otherwise the measured figure decides if enough was measured.
pub(super) fn verdict(
    target: Option<Target>,
    best: Option<Ratio>,
    worst: Option<Ratio>,
    measured: Option<Ratio>,
    enough: bool,
) -> (Verdict, bool) {
    let Some(Target { ppm }) = target else {
        return (Verdict::NoTarget, false);
    };
    match (best, worst, measured) {
        (Some(best), _, _) if !best.at_least(ppm) => (Verdict::Missed, false),
        (_, Some(worst), _) if worst.at_least(ppm) => (Verdict::Met, false),
        (_, _, Some(measured)) if enough && measured.at_least(ppm) => (Verdict::Met, true),
        (_, _, Some(_)) if enough => (Verdict::Missed, true),
        _ => (Verdict::NotDeterminable, false),
    }
}

#[cfg(test)]
mod tests {
    // A test may fail by panicking.
    #![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

    use super::*;

    #[test]
    fn percentages_are_cut_and_never_rounded_up() {
        let percent = |num, den| Ratio::of(num, den).unwrap().percent_truncated(3);
        assert_eq!(percent(999_996, 1_000_000), "99.999");
        assert_eq!(percent(2_678_399, 2_678_400), "99.999");
        assert_eq!(percent(2_678_400, 2_678_400), "100.000");
        assert_eq!(percent(2, 3), "66.666");
        assert_eq!(percent(0, 5), "0.000");
        assert_eq!(percent(1, 1_000_000), "0.000");
        assert_eq!(Ratio::of(1, 3).unwrap().percent_truncated(0), "33");
        assert_eq!(Ratio::of(1, 0), None);
    }

    #[test]
    fn a_target_is_compared_exactly() {
        // 99.9 % of a day of 86,400 seconds leaves 86.4 of them.
        let with = |down: i64| Ratio::of(86_400 - down, 86_400).unwrap();
        assert!(with(86).at_least(999_000) && !with(87).at_least(999_000));
        assert!(Ratio::of(999, 1000).unwrap().at_least(999_000));
        assert!(Ratio::of(i64::MAX, i64::MAX).unwrap().at_least(1_000_000));
    }
}
