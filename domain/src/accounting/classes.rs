//! The class of every second of the agreed time.
//!
//! Two choices of a policy change classes:
//!
//! | key | effect |
//! | --- | --- |
//! | `degraded = "down"` | degraded time is downtime, and windows may make it planned |
//! | `unknown = "down"` | unknown time is unplanned or excluded, never planned; coverage does not change |

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::calendar;
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, second};

use super::History;
use super::observed::{self, Group, Observed, Run};
use super::planned::{self, ByWindows};

/// Every second of the agreed time by its class: `up`, `planned`, `excluded`, `unplanned` and
/// `unknown` add up to `agreed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// Service hours within the period while the system was configured, up to `as_of`.
    pub agreed: Spans,
    pub up: Spans,
    /// The part of `up` that was slow or impaired.
    pub degraded: Spans,
    /// Downtime that windows make planned.
    pub planned: Spans,
    /// Downtime that a person or the policy excludes.
    pub excluded: Spans,
    /// All other downtime.
    pub unplanned: Spans,
    /// Time without a sample.
    pub unknown: Spans,
    /// The part of `unplanned` and `excluded` without a sample, where the policy counts unknown
    /// time as down.
    pub unknown_as_down: Spans,
}

impl Classes {
    /// The classes within a period.
    pub(super) fn within(&self, period: Span) -> Classes {
        let (from, to) = (second(period.from), second(period.to));
        let cut = |seconds: &Spans| seconds.clip(from, to);
        Classes {
            agreed: cut(&self.agreed),
            up: cut(&self.up),
            degraded: cut(&self.degraded),
            planned: cut(&self.planned),
            excluded: cut(&self.excluded),
            unplanned: cut(&self.unplanned),
            unknown: cut(&self.unknown),
            unknown_as_down: cut(&self.unknown_as_down),
        }
    }
}

/// The classes of the period and of everything that reaches into it, with the steps that led there.
pub(super) struct Analysis {
    pub(super) classes: Classes,
    pub(super) observed: Observed,
    /// The first second that is not known yet.
    pub(super) until: i64,
    pub(super) runs: Vec<Run>,
    pub(super) groups: Vec<Group>,
    /// Groups (by index) that the policy ignores because they were short.
    pub(super) ignored: Vec<usize>,
    pub(super) by_windows: ByWindows,
}

/// The groups (by index) that are shorter than the policy's `ignore_shorter_than`. The groups of one
/// flapping incident are tested by their sum, and none of them is ignored while one is open.
fn ignored(
    history: &History,
    groups: &[Group],
    down: &Spans,
    policy: Option<&Policy>,
) -> Vec<usize> {
    let shorter_s = policy.map_or(0, |p| p.ignore_shorter_s);
    if shorter_s <= 0 {
        return Vec::new();
    }
    let numbers = observed::incident_numbers(history, groups);
    let short = |i: &usize| {
        let related = || (0..groups.len()).filter(|j| numbers[*j] == numbers[*i]);
        let seconds = related().map(|j| (groups[j].from, groups[j].to));
        let seconds = seconds.collect::<Spans>().intersection(down);
        !related().any(|j| groups[j].open) && seconds.seconds() < shorter_s
    };
    (0..groups.len()).filter(short).collect()
}

pub(super) fn analyse(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    as_of: Timestamp,
) -> Analysis {
    let until = second(as_of);
    let lookback = observed::lookback(history, period, months, policy, until);
    let observed = observed::observe(history, policy, lookback, None);
    let runs = observed.runs(history);
    let by_windows = planned::by_windows(&runs, &history.windows);
    let planned = planned::counted(history, &observed, &by_windows, months, policy);
    let groups = observed.groups(history, &runs, until);
    let down = observed.down();
    let ignored = ignored(history, &groups, &down, policy);
    let agreed = observed.agreed.clone();
    let uncovered = observed.unknown.intersection(&agreed);
    let short = ignored.iter().map(|i| (groups[*i].from, groups[*i].to));
    let mut short = short.collect::<Spans>().intersection(&down);
    let mut unknown_as_down = Spans::new();
    if policy.is_some_and(|p| p.unknown_is_down) {
        unknown_as_down = uncovered.clone();
        // Unknown time that counts as down is never ignored as short.
        short = short.difference(&observed.uncovered);
    }
    let exclusions = history.exclusions.iter().copied().collect::<Spans>();
    let unplanned = down
        .intersection(&agreed)
        .difference(&planned)
        .union(&unknown_as_down);
    let excluded = unplanned.intersection(&exclusions.union(&short));
    let up = agreed.difference(&down).difference(&uncovered);
    let classes = Classes {
        degraded: observed.degraded.intersection(&up),
        up,
        planned,
        unplanned: unplanned.difference(&excluded),
        excluded,
        unknown: uncovered.difference(&unknown_as_down),
        unknown_as_down,
        agreed,
    };
    Analysis {
        classes,
        observed,
        until,
        runs,
        groups,
        ignored,
        by_windows,
    }
}

/// The class of every second of the agreed time within `period`, up to `as_of`. A policy's monthly
/// allowance is counted in `months`.
pub fn classify(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    as_of: Timestamp,
) -> Classes {
    analyse(history, period, months, policy, as_of)
        .classes
        .within(period)
}

/// One local day, in seconds by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySeconds {
    pub date: Date,
    /// The part of the day within the period.
    pub span: Span,
    pub agreed_s: i64,
    pub up_s: i64,
    /// The part of `up_s` that was slow or impaired.
    pub degraded_s: i64,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    pub unknown_s: i64,
}

/// Every local day of the period, for the day strip of a report.
pub fn day_strip(classes: &Classes, period: Span, zone: &TimeZone) -> Vec<DaySeconds> {
    calendar::days(period, zone)
        .into_iter()
        .map(|(date, day)| {
            let span = Span::new(day.from.max(period.from), day.to.min(period.to));
            let seconds = |class: &Spans| class.seconds_in(second(span.from), second(span.to));
            DaySeconds {
                date,
                span,
                agreed_s: seconds(&classes.agreed),
                up_s: seconds(&classes.up),
                degraded_s: seconds(&classes.degraded),
                planned_s: seconds(&classes.planned),
                excluded_s: seconds(&classes.excluded),
                unplanned_s: seconds(&classes.unplanned),
                unknown_s: seconds(&classes.unknown),
            }
        })
        .collect()
}
