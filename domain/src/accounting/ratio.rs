//! Exact ratios, how they are printed, and the verdict on a target.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Target;

/// `num / den`, exact, both in seconds. `den` is positive; an availability has `0 <= num <= den`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    pub num: i64,
    pub den: i64,
}

impl Ratio {
    /// `None` if there is nothing to divide by.
    pub fn of(num: i64, den: i64) -> Option<Self> {
        (den > 0).then_some(Self { num, den })
    }

    /// The percentage without its sign, truncated after `decimals` digits (at most 9), never
    /// rounded up: `99.999`, and `100.000` only if nothing is missing.
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

    /// True if it is at least that many parts per million, compared exactly.
    pub fn at_least(&self, ppm: u32) -> bool {
        i128::from(self.num) * 1_000_000 >= i128::from(ppm) * i128::from(self.den)
    }
}

/// Did a period meet its target?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    Missed,
    /// Too much time is unknown.
    NotDeterminable,
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

/// The verdict, and true if it rests on the measured time because unknown time could change it.
///
/// | if | then |
/// | --- | --- |
/// | the target is missed with all unknown time up | missed |
/// | the target is met with all unknown time down | met |
/// | coverage is sufficient | the measured availability decides |
/// | else | not determinable |
pub(super) fn verdict(
    target: Option<Target>,
    best: Option<Ratio>,
    worst: Option<Ratio>,
    measured: Option<Ratio>,
    coverage_is_sufficient: bool,
) -> (Verdict, bool) {
    let Some(Target { ppm }) = target else {
        return (Verdict::NoTarget, false);
    };
    match (best, worst, measured) {
        (Some(best), _, _) if !best.at_least(ppm) => (Verdict::Missed, false),
        (_, Some(worst), _) if worst.at_least(ppm) => (Verdict::Met, false),
        (_, _, Some(measured)) if coverage_is_sufficient => match measured.at_least(ppm) {
            true => (Verdict::Met, true),
            false => (Verdict::Missed, true),
        },
        _ => (Verdict::NotDeterminable, false),
    }
}

#[cfg(test)]
mod tests {
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
