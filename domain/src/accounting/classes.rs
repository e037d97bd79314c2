//! The class of every second of the agreed time.
//!
//! Choices of a policy: with `degraded = "down"`, degraded time is downtime like any other, which
//! windows may excuse; with `unknown = "down"`, unknown time is unplanned at once (no window
//! excuses what nobody saw; an approved exclusion does), and coverage still shows it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::calendar;
use crate::months::{self, Months};
use crate::policy::Policy;
use crate::span::{Span, Spans, second};

use super::excuse::{Excuses, excuse};
use super::ground::{self, Ground, Group, Run};
use super::{History, Readings};

/// Every second of the agreed time by its class: `up`, `planned`, `excluded`, `unplanned` and
/// `unknown` add up to `agreed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// The period, in service hours, in the system's life, as far as is known.
    pub agreed: Spans,
    /// A conclusive sample vouches for it.
    pub up: Spans,
    /// The part of `up` that was slow or impaired.
    pub degraded: Spans,
    /// Downtime that section 5 excuses.
    pub planned: Spans,
    /// Downtime that a person or the policy excludes.
    pub excluded: Spans,
    /// All other downtime.
    pub unplanned: Spans,
    /// Nothing vouches for it.
    pub unknown: Spans,
    /// The part of `unplanned` and `excluded` that nothing vouches for, where the policy counts
    /// unknown time as down.
    pub unknown_as_down: Spans,
}

impl Classes {
    fn within(&self, mask: &Spans) -> Classes {
        Classes {
            agreed: self.agreed.intersection(mask),
            up: self.up.intersection(mask),
            degraded: self.degraded.intersection(mask),
            planned: self.planned.intersection(mask),
            excluded: self.excluded.intersection(mask),
            unplanned: self.unplanned.intersection(mask),
            unknown: self.unknown.intersection(mask),
            unknown_as_down: self.unknown_as_down.intersection(mask),
        }
    }

    /// What is known within the period, which is all of it once it has ended.
    pub(super) fn of_period(&self, period: Span) -> Classes {
        self.within(&[period].into_iter().collect())
    }
}

/// The classes of the period and of all that reaches into it, with what they rest on.
pub(super) struct Whole {
    pub(super) classes: Classes,
    pub(super) ground: Ground,
    /// The first second that is not known yet.
    pub(super) until: i64,
    pub(super) runs: Vec<Run>,
    pub(super) groups: Vec<Group>,
    /// Groups (by index) that the policy ignores for their shortness.
    pub(super) ignored: Vec<usize>,
    pub(super) excuses: Excuses,
}

/// What is planned: excused, not declared, not taken back, within the month's allowance.
pub(super) fn planned(
    readings: &Readings,
    history: &History,
    ground: &Ground,
    excuses: &Excuses,
    months: &dyn Months,
    policy: Option<&Policy>,
) -> Spans {
    let taken_back: Spans = history
        .outages
        .iter()
        .filter(|o| o.reclassified)
        .map(|o| ground::extent(o, ground.hull.1))
        .collect();
    let planned = excuses
        .all
        .intersection(&ground.agreed)
        .difference(&ground.declared)
        .difference(&taken_back);
    let Some(allowance_s) = policy.and_then(|p| p.monthly_allowance_s) else {
        return planned;
    };
    let mut capped = Vec::new();
    for (from, to) in months::over(ground.hull, months) {
        let month = planned.clip(from, to);
        capped.extend((readings.capped)(&month, allowance_s).iter());
    }
    capped.into_iter().collect()
}

/// The groups (by index) that the policy ignores for their shortness.
fn ignored(
    readings: &Readings,
    history: &History,
    groups: &[Group],
    down: &Spans,
    policy: Option<&Policy>,
) -> Vec<usize> {
    let shorter_s = policy.map_or(0, |p| p.ignore_shorter_s);
    if shorter_s <= 0 {
        return Vec::new();
    }
    let families = ground::families(history, groups);
    let span = |i: usize| (groups[i].from, groups[i].to);
    let short = |i: &usize| {
        let family = || (0..groups.len()).filter(|j| families[*j] == families[*i]);
        let alone: Spans = down.clip(span(*i).0, span(*i).1);
        let together = family().map(span).collect::<Spans>().intersection(down);
        let open = family().any(|j| groups[j].open);
        !open && (readings.tested)(&alone, &together) < shorter_s
    };
    (0..groups.len()).filter(short).collect()
}

pub(super) fn whole(
    readings: &Readings,
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    as_of: Timestamp,
) -> Whole {
    let until = second(as_of);
    let hull = ground::hull(history, period, months, policy, until);
    let ground = ground::ground(readings, history, policy, hull, None);
    let runs = ground.runs(history);
    let excuses = excuse(readings, &runs, &history.windows);
    let planned = planned(readings, history, &ground, &excuses, months, policy);
    let groups = ground.groups(history, &runs, until);
    let down = ground.down();
    let ignored = ignored(readings, history, &groups, &down, policy);
    let agreed = ground.agreed.clone();
    let strict = policy.is_some_and(|p| p.unknown_is_down);
    let mut short: Spans = ignored
        .iter()
        .map(|i| (groups[*i].from, groups[*i].to))
        .collect();
    short = short.intersection(&down);
    if strict {
        // What counts as down although nobody saw it is not made light of by a short outage.
        short = short.difference(&ground.unvouched);
    }
    let excusable = history.exclusions.iter().copied().collect::<Spans>();
    let excusable = excusable.union(&short);
    let unvouched = ground.unknown.intersection(&agreed);
    let counted = if strict {
        unvouched.clone()
    } else {
        Spans::new()
    };
    let rest = down
        .intersection(&agreed)
        .difference(&planned)
        .union(&counted);
    let excluded = rest.intersection(&excusable);
    let up = agreed.difference(&down).difference(&unvouched);
    let classes = Classes {
        degraded: ground.degraded.intersection(&up),
        up,
        planned,
        unplanned: rest.difference(&excluded),
        excluded,
        unknown: unvouched.difference(&counted),
        unknown_as_down: counted,
        agreed,
    };
    Whole {
        classes,
        ground,
        until,
        runs,
        groups,
        ignored,
        excuses,
    }
}

/// The class of every second of the agreed time within `period`, up to `as_of`. `months` are those
/// that a policy's allowance is counted in.
pub fn classify(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    as_of: Timestamp,
) -> Classes {
    whole(&Readings::SPEC, history, period, months, policy, as_of)
        .classes
        .of_period(period)
}

/// One local day, in seconds by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySeconds {
    /// The local date.
    pub date: Date,
    /// The day, cut to the period.
    pub span: Span,
    /// Agreed.
    pub agreed_s: i64,
    /// Up.
    pub up_s: i64,
    /// The part of `up_s` that was slow or impaired.
    pub degraded_s: i64,
    /// Planned.
    pub planned_s: i64,
    /// Excluded.
    pub excluded_s: i64,
    /// Unplanned.
    pub unplanned_s: i64,
    /// Unknown.
    pub unknown_s: i64,
}

/// The strip of a report: every local day of the period.
pub fn day_strip(classes: &Classes, period: Span, zone: &TimeZone) -> Vec<DaySeconds> {
    calendar::days(period, zone)
        .into_iter()
        .map(|(date, day)| {
            let span = Span::new(day.from.max(period.from), day.to.min(period.to));
            let (from, to) = (second(span.from), second(span.to));
            DaySeconds {
                date,
                span,
                agreed_s: classes.agreed.seconds_in(from, to),
                up_s: classes.up.seconds_in(from, to),
                degraded_s: classes.degraded.seconds_in(from, to),
                planned_s: classes.planned.seconds_in(from, to),
                excluded_s: classes.excluded.seconds_in(from, to),
                unplanned_s: classes.unplanned.seconds_in(from, to),
                unknown_s: classes.unknown.seconds_in(from, to),
            }
        })
        .collect()
}
