//! The figures of section 6, counted from the classes.

use jiff::Timestamp;

use crate::catalogue::Target;
use crate::id::{OutageId, WindowId};
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, instant, second};

use super::classes::{Classes, Whole};
use super::ground::{agreed, extent};
use super::ratio::verdict;
use super::stretches::{Stretch, stretches};
use super::{History, Ratio, Readings, Verdict, account_by};

/// Everything that a report says of one system and one period, in whole seconds and exact ratios.
/// `None` is where there is nothing to divide by, or nothing was promised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The period, in service hours, in the system's life, as far as is known.
    pub agreed_s: i64,
    /// A conclusive sample vouches for it.
    pub up_s: i64,
    /// The part of `up_s` that was slow or impaired.
    pub degraded_s: i64,
    /// Downtime that a window excuses.
    pub planned_s: i64,
    /// Downtime that a person or the policy excludes.
    pub excluded_s: i64,
    /// All other downtime.
    pub unplanned_s: i64,
    /// Nothing vouches for it.
    pub unknown_s: i64,
    /// Time that nothing vouches for and that the policy counts as down: part of the excluded and
    /// the unplanned.
    pub unknown_as_down_s: i64,
    /// The part of `unplanned_s` that nothing vouches for.
    pub unplanned_unseen_s: i64,
    /// The part of `unplanned_s` that was degraded and no worse, where the policy counts that as
    /// down.
    pub unplanned_degraded_s: i64,
    /// What the contract counts.
    pub contract_availability: Option<Ratio>,
    /// What customers lived through.
    pub experienced_availability: Option<Ratio>,
    /// How much of the agreed time was watched.
    pub coverage: Option<Ratio>,
    /// What was promised.
    pub target: Option<Target>,
    /// Whether it was kept.
    pub verdict: Verdict,
    /// Whether the verdict rests on the measured time, the unknown time being able to turn it.
    pub on_measured_time: bool,
    /// Whether the outages' edges are known less exactly than what is left of the budget.
    pub within_measurement_error: bool,
    /// With all unknown time up, also where the policy counts it as down.
    pub availability_at_best: Option<Ratio>,
    /// With all unknown time down.
    pub availability_at_worst: Option<Ratio>,
    /// The unplanned seconds that the target allows, floored; of a running period that of its
    /// whole agreed time.
    pub budget_s: Option<i64>,
    /// What of it is left, floored; negative when overspent.
    pub budget_left_s: Option<i64>,
    /// Bad runs, never confirmed, that began in the period.
    pub blips: i64,
    /// Their seconds, which count as up.
    pub blip_s: i64,
    /// Outages whose first unplanned agreed second lies in the period; those that overlap are one.
    pub outages: i64,
    /// Mean time to restore service, floored, of the outages that ended in the period.
    pub mtrs_s: Option<i64>,
    /// Mean time between failures, floored.
    pub mtbf_s: Option<i64>,
    /// The most unplanned seconds that one outage has in the period.
    pub longest_s: Option<i64>,
    /// Whether the period was not over at `as_of`.
    pub running: bool,
    /// Outages that overlap or touch, as one: those that touch the period, in order of time.
    pub stretches: Vec<Stretch>,
    /// Each outage that touches the period, in the history's order.
    pub by_outage: Vec<OutageFigures>,
    /// Each window that touches the period, or whose overrun does, in the history's order.
    pub by_window: Vec<WindowFigures>,
    /// What all of it was counted from.
    pub classes: Classes,
}

/// What one outage has in the period. Seconds that two outages share are in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageFigures {
    /// Its id.
    pub id: OutageId,
    /// Excused by windows.
    pub planned_s: i64,
    /// Excluded.
    pub excluded_s: i64,
    /// Held against the operator.
    pub unplanned_s: i64,
    /// Not seen by anybody. With the three above, all of its agreed seconds.
    pub unknown_s: i64,
    /// The windows that excuse some of it.
    pub windows: Vec<WindowId>,
    /// Its first unplanned agreed second, in whichever month.
    pub first_unplanned_at: Option<Timestamp>,
    /// Whether the period counts it: of several that overlap, the one that holds the first
    /// unplanned second of all.
    pub counted: bool,
    /// Whether the policy ignores it for its shortness.
    pub ignored: bool,
}

/// What one window has in the period. Seconds that two windows share are in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowFigures {
    /// Its id.
    pub id: WindowId,
    /// Agreed downtime while it was held.
    pub downtime_s: i64,
    /// Planned downtime that it excuses.
    pub planned_s: i64,
    /// Unplanned downtime of runs that it had excused last: beyond its allowance, or its end.
    pub overrun_s: i64,
}

/// The figures of one system for one period, from what is known at `as_of`.
///
/// Of a period that still runs at `as_of`, time after it is not counted, except in the budget.
/// `months` are those that a policy's allowance is counted in.
pub fn account(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    target: Option<Target>,
    as_of: Timestamp,
) -> Figures {
    account_by(
        &Readings::SPEC,
        history,
        period,
        months,
        policy,
        target,
        as_of,
    )
}

/// Whole seconds of `num / 1 000 000`, floored.
fn millionths(num: i128) -> i64 {
    let floored = num.div_euclid(1_000_000);
    i64::try_from(floored).unwrap_or(if floored < 0 { i64::MIN } else { i64::MAX })
}

/// Counts the classes of a period.
pub(super) fn count(
    readings: &Readings,
    history: &History,
    period: Span,
    policy: Option<&Policy>,
    target: Option<Target>,
    as_of: Timestamp,
    whole: &Whole,
) -> Figures {
    let classes = whole.classes.of_period(period);
    let (blips, blip_s) = blips(history, &classes);
    let stretches = stretches(history, period, whole);
    let of_unplanned = |part: &Spans| part.intersection(&classes.unplanned).seconds();
    let mut figures = Figures {
        agreed_s: classes.agreed.seconds(),
        up_s: classes.up.seconds(),
        degraded_s: classes.degraded.seconds(),
        planned_s: classes.planned.seconds(),
        excluded_s: classes.excluded.seconds(),
        unplanned_s: classes.unplanned.seconds(),
        unknown_s: classes.unknown.seconds(),
        unknown_as_down_s: classes.unknown_as_down.seconds(),
        target,
        blips,
        blip_s,
        running: as_of < period.to,
        unplanned_unseen_s: of_unplanned(&classes.unknown_as_down),
        unplanned_degraded_s: of_unplanned(&whole.ground.degraded_as_down),
        by_outage: by_outage(history, period, whole, &classes, &stretches),
        stretches,
        by_window: by_window(history, period, whole, &classes),
        classes,
        ..Figures::default()
    };
    let measured_s = (readings.measured)(
        figures.agreed_s,
        figures.planned_s,
        figures.excluded_s,
        figures.unknown_s,
    );
    judge(&mut figures, measured_s, policy);
    spend(&mut figures, measured_s, history, period, policy, whole);
    count_outages(&mut figures);
    figures
}

/// The availabilities, their bounds and the verdict.
fn judge(figures: &mut Figures, measured_s: i64, policy: Option<&Policy>) {
    let Figures {
        agreed_s,
        unplanned_s,
        unknown_s,
        ..
    } = *figures;
    let seen_s = agreed_s - unknown_s;
    let down_s = figures.planned_s + figures.excluded_s + unplanned_s;
    let watched_s = seen_s - figures.unknown_as_down_s;
    let all_s = measured_s + unknown_s;
    let min_coverage = policy.map_or(DEFAULT_MIN_COVERAGE_PPM, |p| p.min_coverage_ppm);
    figures.contract_availability = Ratio::of(measured_s - unplanned_s, measured_s);
    figures.experienced_availability = Ratio::of(seen_s - down_s, seen_s);
    figures.coverage = Ratio::of(watched_s, agreed_s);
    figures.availability_at_best =
        Ratio::of(all_s - (unplanned_s - figures.unplanned_unseen_s), all_s);
    figures.availability_at_worst = Ratio::of(measured_s - unplanned_s, all_s);
    // What the policy counts as down is not open: it is down for the verdict, too.
    let best = Ratio::of(all_s - unplanned_s, all_s);
    (figures.verdict, figures.on_measured_time) = verdict(
        figures.target,
        best,
        figures.availability_at_worst,
        figures.contract_availability,
        figures.coverage.is_some_and(|c| c.at_least(min_coverage)),
    );
}

/// The error budget, what is left of it, and whether the outages' edges could turn that.
fn spend(
    figures: &mut Figures,
    measured_s: i64,
    history: &History,
    period: Span,
    policy: Option<&Policy>,
    whole: &Whole,
) {
    let Some(Target { ppm }) = figures.target else {
        return;
    };
    let promised_s = if figures.running {
        let edges = (second(period.from), second(period.to));
        let whole_s = agreed(history, policy, edges).seconds();
        whole_s - figures.planned_s - figures.excluded_s - figures.unknown_s
    } else {
        measured_s
    };
    let budget = (1_000_000 - i128::from(ppm)) * i128::from(promised_s);
    let left = budget - 1_000_000 * i128::from(figures.unplanned_s);
    let edges_s = edges_s(history, period, &figures.classes.unplanned, whole.until);
    figures.budget_s = Some(millionths(budget));
    figures.budget_left_s = Some(millionths(left));
    figures.within_measurement_error = i128::from(edges_s) * 1_000_000 > left.abs();
}

/// The coverage that a verdict on measured time needs where no policy says: 99 %.
const DEFAULT_MIN_COVERAGE_PPM: u32 = 990_000;

/// The outages of the period, how long they took to restore and how far they lay apart.
fn count_outages(figures: &mut Figures) {
    let all = || figures.stretches.iter();
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    figures.outages = number(all().filter(|s| s.counted).count());
    let restored = || all().filter(|s| s.restored);
    let restored_s: i64 = restored().map(|s| s.whole_s).sum();
    let longest_s = all().map(|s| s.unplanned_s).max();
    figures.mtrs_s = restored_s.checked_div(number(restored().count()));
    figures.longest_s = longest_s.filter(|s| *s > 0);
    figures.mtbf_s = figures.up_s.checked_div(figures.outages);
}

/// How exactly the edges of the period's observed outages are known, together.
fn edges_s(history: &History, period: Span, unplanned: &Spans, until: i64) -> i64 {
    history
        .outages
        .iter()
        .filter(|o| !o.declared)
        .filter(|o| {
            let (from, to) = extent(o, until);
            unplanned.seconds_in(from, to) > 0
        })
        .map(|o| {
            let inside = |at: &Timestamp| period.contains(*at);
            let edges = [Some(o.start), o.end].into_iter().flatten();
            let edges = edges.filter(inside).map(|_| o.edge_s);
            edges.sum::<i64>()
        })
        .sum()
}

fn blips(history: &History, classes: &Classes) -> (i64, i64) {
    let began = history
        .blips
        .iter()
        .filter(|blip| classes.agreed.contains(second(blip.span.from)));
    let seconds: Spans = history.blips.iter().map(|blip| blip.span).collect();
    let count = i64::try_from(began.count()).unwrap_or(i64::MAX);
    (count, seconds.intersection(&classes.up).seconds())
}

fn by_outage(
    history: &History,
    period: Span,
    whole: &Whole,
    classes: &Classes,
    stretches: &[Stretch],
) -> Vec<OutageFigures> {
    let until = whole.until;
    let (start, end) = (second(period.from), second(period.to));
    let ignored = |index: usize| {
        let mut groups = whole.ignored.iter().map(|g| &whole.groups[*g]);
        groups.any(|group| group.outages.contains(&index))
    };
    let bears = |id: OutageId| stretches.iter().any(|s| s.counted && s.bearer == id);
    let touching = history.outages.iter().enumerate().filter(|(_, o)| {
        let (from, to) = extent(o, until);
        from < end && from <= until && (to > start || from >= start)
    });
    touching
        .map(|(index, outage)| {
            let (from, to) = extent(outage, until);
            let planned = whole.classes.planned.clip(from, to);
            let excusing = whole.excuses.by_window.iter().zip(&history.windows);
            OutageFigures {
                id: outage.id,
                planned_s: classes.planned.seconds_in(from, to),
                excluded_s: classes.excluded.seconds_in(from, to),
                unplanned_s: classes.unplanned.seconds_in(from, to),
                unknown_s: classes.unknown.seconds_in(from, to),
                windows: excusing
                    .filter(|(seconds, _)| !seconds.intersection(&planned).is_empty())
                    .map(|(_, window)| window.id.clone())
                    .collect(),
                first_unplanned_at: whole.classes.unplanned.clip(from, to).start().map(instant),
                counted: bears(outage.id),
                ignored: ignored(index),
            }
        })
        .collect()
}

/// For each window (by index), the seconds of overrun that are its own.
fn overruns(history: &History, whole: &Whole, classes: &Classes) -> Vec<i64> {
    let mut overruns = vec![0; history.windows.len()];
    let taken_back: Spans = history
        .outages
        .iter()
        .filter(|o| o.reclassified)
        .map(|o| extent(o, whole.until))
        .collect();
    let unplanned = classes
        .unplanned
        .difference(&whole.ground.declared)
        .difference(&taken_back);
    for (i, run) in whole.runs.iter().enumerate() {
        let mut changes = whole.excuses.changes(i, &run.seconds);
        changes.push(run.end);
        for edges in changes.windows(2) {
            let piece = run
                .seconds
                .intersection(&unplanned)
                .clip(edges[0], edges[1]);
            let last = piece.start().and_then(|at| {
                let excuses = &whole.excuses;
                excuses.last_before(&history.windows, i, &run.seconds, at)
            });
            if let Some(window) = last {
                overruns[window] += piece.seconds();
            }
        }
    }
    overruns
}

fn by_window(
    history: &History,
    period: Span,
    whole: &Whole,
    classes: &Classes,
) -> Vec<WindowFigures> {
    let overruns = overruns(history, whole, classes);
    let down = whole.ground.down().intersection(&classes.agreed);
    history
        .windows
        .iter()
        .zip(&whole.excuses.by_window)
        .zip(overruns)
        .map(|((window, excused), overrun_s)| {
            let figures = WindowFigures {
                id: window.id.clone(),
                downtime_s: down.seconds_in(second(window.span.from), second(window.span.to)),
                planned_s: excused.intersection(&classes.planned).seconds(),
                overrun_s,
            };
            (window, figures)
        })
        .filter(|(window, figures)| window.span.meets(&period) || figures.overrun_s > 0)
        .map(|(_, figures)| figures)
        .collect()
}
