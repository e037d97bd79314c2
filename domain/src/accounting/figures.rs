//! The figures of a report, counted from the classes (`docs/accounting.md`).

use jiff::Timestamp;

use crate::id::{OutageId, WindowId};
use crate::months::Months;
use crate::policy::{Policy, Target};
use crate::span::{Span, Spans, instant, second};

use super::classes::{Analysis, Classes, analyse};
use super::merged::{MergedOutage, merged};
use super::observed::{agreed, extent};
use super::overrun::overruns;
use super::ratio::verdict;
use super::{History, Ratio, Verdict};

/// The figures of one system and one period, in whole seconds and exact ratios. A figure is `None`
/// if there is nothing to divide by, or no target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Service hours within the period while the system was configured, up to `as_of`.
    pub agreed_s: i64,
    pub up_s: i64,
    /// The part of `up_s` that was slow or impaired.
    pub degraded_s: i64,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    pub unknown_s: i64,
    /// Time without a sample that the policy counts as down: part of the excluded and unplanned.
    pub unknown_as_down_s: i64,
    /// The part of `unplanned_s` without a sample.
    pub unplanned_unseen_s: i64,
    /// The part of `unplanned_s` that was only degraded, where the policy counts that as down.
    pub unplanned_degraded_s: i64,
    /// (agreed − planned − excluded − unknown − unplanned) / (agreed − planned − excluded − unknown).
    pub contract_availability: Option<Ratio>,
    /// Up time / (agreed − unknown): planned and excluded downtime counts as down.
    pub experienced_availability: Option<Ratio>,
    /// The part of the agreed time that samples cover.
    pub coverage: Option<Ratio>,
    pub target: Option<Target>,
    pub verdict: Verdict,
    /// True if the verdict rests on the measured time because unknown time could change it.
    pub on_measured_time: bool,
    /// True if the starts and ends of outages are known less exactly than the remaining budget.
    pub within_measurement_error: bool,
    /// With all unknown time up, also where the policy counts it as down.
    pub availability_at_best: Option<Ratio>,
    /// With all unknown time down.
    pub availability_at_worst: Option<Ratio>,
    /// The unplanned seconds that the target allows, rounded down. For a running period, those of
    /// its whole agreed time.
    pub budget_s: Option<i64>,
    /// The remaining budget, rounded down; negative if overspent.
    pub budget_left_s: Option<i64>,
    /// The number of blips that began in the period.
    pub blips: i64,
    /// Their seconds, which count as up.
    pub blip_s: i64,
    /// Merged outages whose first unplanned agreed second lies in the period.
    pub outages: i64,
    /// Mean time to restore service, rounded down, of the outages that ended in the period.
    pub mtrs_s: Option<i64>,
    /// Mean time between failures, rounded down.
    pub mtbf_s: Option<i64>,
    /// The most unplanned seconds that one merged outage has in the period.
    pub longest_s: Option<i64>,
    /// True if the period was not over at `as_of`.
    pub running: bool,
    /// The agreed time of the whole period; of a running one, more than `agreed_s`.
    pub period_agreed_s: i64,
    /// The seconds of `unplanned_degraded_s`.
    pub unplanned_degraded: Spans,
    /// The blips that began in the agreed time of the period, from first bad to first good sample.
    pub blip_spans: Vec<Span>,
    /// The seconds of `blip_s`.
    pub blip_up: Spans,
    /// Merged outages that touch the period, in order of time.
    pub merged: Vec<MergedOutage>,
    /// Outages that touch the period, in the history's order.
    pub by_outage: Vec<OutageFigures>,
    /// Windows that touch the period, or whose overrun does, in the history's order.
    pub by_window: Vec<WindowFigures>,
    /// The classes from which all of this was counted.
    pub classes: Classes,
}

/// The seconds of one outage in the period. Two outages may share seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageFigures {
    pub id: OutageId,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    /// With the three above, all of its agreed seconds.
    pub unknown_s: i64,
    /// The windows that make some of it planned.
    pub windows: Vec<WindowId>,
    /// Its first unplanned agreed second, in whichever month.
    pub first_unplanned_at: Option<Timestamp>,
    /// True if the period counts it; of merged outages, only their representative.
    pub counted: bool,
    /// True if the policy ignores it because it was short.
    pub ignored: bool,
}

/// The seconds of one window in the period. Two windows may share seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowFigures {
    pub id: WindowId,
    /// Agreed downtime during the window.
    pub downtime: Spans,
    /// Planned downtime that it gives.
    pub planned: Spans,
    /// Unplanned downtime beyond its allowance or its end ([`super::overrun`]).
    pub overrun: Spans,
}

/// The figures of one system for one period, from the facts known at `as_of`.
///
/// In a running period, time after `as_of` counts in the budget only. A policy's monthly allowance
/// is counted in `months`.
pub fn account(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    target: Option<Target>,
    as_of: Timestamp,
) -> Figures {
    let analysis = analyse(history, period, months, policy, as_of);
    let classes = analysis.classes.within(period);
    let (blip_spans, blip_up) = blips(history, &classes);
    let merged = merged(history, period, &analysis);
    let of_unplanned = |part: &Spans| part.intersection(&classes.unplanned);
    let unplanned_degraded = of_unplanned(&analysis.observed.degraded_as_down);
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
        blips: i64::try_from(blip_spans.len()).unwrap_or(i64::MAX),
        blip_s: blip_up.seconds(),
        blip_spans,
        blip_up,
        running: as_of < period.to,
        unplanned_unseen_s: of_unplanned(&classes.unknown_as_down).seconds(),
        unplanned_degraded_s: unplanned_degraded.seconds(),
        unplanned_degraded,
        period_agreed_s: classes.agreed.seconds(),
        by_outage: by_outage(history, period, &analysis, &classes, &merged),
        merged,
        by_window: by_window(history, period, &analysis, &classes),
        classes,
        ..Figures::default()
    };
    if figures.running {
        let whole = (second(period.from), second(period.to));
        figures.period_agreed_s = agreed(history, policy, whole).seconds();
    }
    figures.set_availability(policy);
    figures.set_budget(history, period, &analysis);
    figures.count_outages();
    figures
}

/// The coverage that a verdict needs if no policy says: 99 %.
const DEFAULT_MIN_COVERAGE_PPM: u32 = 990_000;

impl Figures {
    /// The time in which the system should have been up and its state is known.
    fn measured_s(&self) -> i64 {
        self.agreed_s - self.planned_s - self.excluded_s - self.unknown_s
    }

    /// The availabilities, their bounds and the verdict.
    fn set_availability(&mut self, policy: Option<&Policy>) {
        let measured_s = self.measured_s();
        let up_s = measured_s - self.unplanned_s;
        let known_s = self.agreed_s - self.unknown_s;
        let covered_s = known_s - self.unknown_as_down_s;
        let possible_s = measured_s + self.unknown_s;
        let min_coverage = policy.map_or(DEFAULT_MIN_COVERAGE_PPM, |p| p.min_coverage_ppm);
        self.contract_availability = Ratio::of(up_s, measured_s);
        self.experienced_availability = Ratio::of(up_s, known_s);
        self.coverage = Ratio::of(covered_s, self.agreed_s);
        let best_s = up_s + self.unknown_s + self.unplanned_unseen_s;
        self.availability_at_best = Ratio::of(best_s, possible_s);
        self.availability_at_worst = Ratio::of(up_s, possible_s);
        (self.verdict, self.on_measured_time) = verdict(
            self.target,
            // Unknown time that the policy counts as down is down for the verdict in any case.
            Ratio::of(up_s + self.unknown_s, possible_s),
            self.availability_at_worst,
            self.contract_availability,
            self.coverage.is_some_and(|c| c.at_least(min_coverage)),
        );
    }

    /// The error budget, the rest of it, and true if inexact starts and ends could change its sign.
    fn set_budget(&mut self, history: &History, period: Span, analysis: &Analysis) {
        let Some(Target { ppm }) = self.target else {
            return;
        };
        let promised_s = self.measured_s() + self.period_agreed_s - self.agreed_s;
        let budget = (1_000_000 - i128::from(ppm)) * i128::from(promised_s);
        let left = budget - 1_000_000 * i128::from(self.unplanned_s);
        let edges_s = edges_s(history, period, &self.classes.unplanned, analysis.until);
        self.budget_s = Some(whole_seconds(budget));
        self.budget_left_s = Some(whole_seconds(left));
        self.within_measurement_error = i128::from(edges_s) * 1_000_000 > left.abs();
    }

    /// The number of outages, the longest, and the mean times.
    fn count_outages(&mut self) {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let restored = || self.merged.iter().filter(|m| m.restored);
        let restored_s: i64 = restored().map(|m| m.total_unplanned_s).sum();
        let longest_s = self.merged.iter().map(|m| m.unplanned_s).max();
        self.mtrs_s = restored_s.checked_div(number(restored().count()));
        self.longest_s = longest_s.filter(|s| *s > 0);
        self.outages = number(self.merged.iter().filter(|m| m.counted).count());
        self.mtbf_s = self.up_s.checked_div(self.outages);
    }
}

/// Millionths of a second as whole seconds, rounded down.
fn whole_seconds(millionths: i128) -> i64 {
    let floored = millionths.div_euclid(1_000_000);
    i64::try_from(floored).unwrap_or(if floored < 0 { i64::MIN } else { i64::MAX })
}

/// The precision of the starts and ends of the period's observed unplanned outages, added up.
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
            let edges = [Some(o.start), o.end].into_iter().flatten();
            let inside = edges.filter(|at| period.contains(*at));
            inside.map(|_| o.edge_s).sum::<i64>()
        })
        .sum()
}

/// The blips that began in the agreed time, and the seconds of all blips that were up.
fn blips(history: &History, classes: &Classes) -> (Vec<Span>, Spans) {
    let began = history
        .blips
        .iter()
        .filter(|blip| classes.agreed.contains(second(blip.span.from)));
    let seconds: Spans = history.blips.iter().map(|blip| blip.span).collect();
    let mut began: Vec<Span> = began.map(|blip| blip.span).collect();
    began.sort_unstable();
    (began, seconds.intersection(&classes.up))
}

fn by_outage(
    history: &History,
    period: Span,
    analysis: &Analysis,
    classes: &Classes,
    merged: &[MergedOutage],
) -> Vec<OutageFigures> {
    let until = analysis.until;
    let (start, end) = (second(period.from), second(period.to));
    let ignored = |index: usize| {
        let mut groups = analysis.ignored.iter().map(|g| &analysis.groups[*g]);
        groups.any(|group| group.outages.contains(&index))
    };
    let counted = |id| merged.iter().any(|m| m.counted && m.representative == id);
    let touching = history.outages.iter().enumerate().filter(|(_, o)| {
        let (from, to) = extent(o, until);
        from < end && from <= until && (to > start || from >= start)
    });
    touching
        .map(|(index, outage)| {
            let (from, to) = extent(outage, until);
            let planned = analysis.classes.planned.clip(from, to);
            let windows = analysis.by_windows.by_window.iter().zip(&history.windows);
            let unplanned = analysis.classes.unplanned.clip(from, to);
            OutageFigures {
                id: outage.id,
                planned_s: classes.planned.seconds_in(from, to),
                excluded_s: classes.excluded.seconds_in(from, to),
                unplanned_s: classes.unplanned.seconds_in(from, to),
                unknown_s: classes.unknown.seconds_in(from, to),
                windows: windows
                    .filter(|(seconds, _)| !seconds.intersection(&planned).is_empty())
                    .map(|(_, window)| window.id.clone())
                    .collect(),
                first_unplanned_at: unplanned.start().map(instant),
                counted: counted(outage.id),
                ignored: ignored(index),
            }
        })
        .collect()
}

fn by_window(
    history: &History,
    period: Span,
    analysis: &Analysis,
    classes: &Classes,
) -> Vec<WindowFigures> {
    let overruns = overruns(history, analysis, classes);
    let down = analysis.observed.down().intersection(&classes.agreed);
    let windows = history.windows.iter().zip(&analysis.by_windows.by_window);
    windows
        .zip(overruns)
        .filter(|((window, _), overrun)| window.span.meets(&period) || !overrun.is_empty())
        .map(|((window, planned), overrun)| WindowFigures {
            id: window.id.clone(),
            downtime: down.clip(second(window.span.from), second(window.span.to)),
            planned: planned.intersection(&classes.planned),
            overrun,
        })
        .collect()
}
