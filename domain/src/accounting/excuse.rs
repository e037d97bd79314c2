//! Section 5: which downtime an earned window excuses.
//!
//! Windows are taken in order of their start. A run is eligible for a window if it began inside
//! it; or at most `start_grace` before it; or before it, if every second of its downtime until
//! the window was excused by others. Each window excuses the first `max_downtime` seconds of its
//! eligible downtime, whether or not another excuses them too, and together they excuse the
//! union.
//!
//! How the sentences are read where they leave a choice:
//! * "Inside" means inside the part that earns: what was not announced in time, or lies outside
//!   the policy's hours, excuses nothing, so a run that began there began outside. Parts that
//!   touch are one stretch; stretches of one window share its allowance.
//! * A run that a window takes in by its `start_grace` is unplanned *only* until that window
//!   starts: from there on it counts as planned until the next window, too. (Otherwise adding an
//!   earned window could lower the contract's figure.)
//! * Unknown seconds inside a run are not downtime: they use no allowance and break no chain.
//! * Declared outages and `reclassify` are looked at afterwards: they take planned time away and
//!   free no window's allowance for other downtime. The monthly allowance comes last: it caps what
//!   is planned after all, and decides nothing about who is eligible.

use jiff::Timestamp;

use crate::id::{OutageId, WindowId};
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, instant, second};
use crate::windows::Occurrence;

use super::ground::{self, Run};
use super::{History, Readings, classes};

/// What the windows excuse, before declarations, the monthly allowance and `reclassify`.
#[derive(Clone, Debug, Default)]
pub(super) struct Excuses {
    /// For each window (by index), the seconds it excuses.
    pub(super) by_window: Vec<Spans>,
    /// For each run (by index), the windows it is eligible for, each with the first second of
    /// the run that could be excused; in order of the windows' starts.
    pub(super) eligible: Vec<Vec<(usize, i64)>>,
    /// What any of them excuses.
    pub(super) all: Spans,
}

/// A stretch of a window that earns: parts that touch, each with when it was made.
struct Stretch {
    window: usize,
    from: i64,
    to: i64,
    parts: Vec<(i64, i64, i64)>,
}

fn stretches(windows: &[Occurrence]) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for (window, occurrence) in windows.iter().enumerate() {
        let first = all.len();
        for part in &occurrence.earning {
            let (from, to) = (second(part.span.from), second(part.span.to));
            if from >= to {
                continue;
            }
            let part = (from, to, second(part.made_at));
            match all[first..].last_mut() {
                Some(last) if last.to == from => {
                    last.to = to;
                    last.parts.push(part);
                }
                _ => all.push(Stretch {
                    window,
                    from,
                    to,
                    parts: vec![part],
                }),
            }
        }
    }
    all.sort_by_key(|s| (s.from, s.window));
    all
}

/// Applies section 5 to the runs, which are in order of start.
pub(super) fn excuse(readings: &Readings, runs: &[Run], windows: &[Occurrence]) -> Excuses {
    let mut excuses = Excuses {
        by_window: vec![Spans::new(); windows.len()],
        eligible: vec![Vec::new(); runs.len()],
        all: Spans::new(),
    };
    // From where on each run counts as planned: its own start inside a window, then the start of
    // each window that took it in by its grace.
    let mut taken_in: Vec<Vec<i64>> = vec![Vec::new(); runs.len()];
    let mut left: Vec<i64> = windows
        .iter()
        .map(|w| w.max_downtime_s.unwrap_or(i64::MAX))
        .collect();
    for stretch in stretches(windows) {
        let edges = (stretch.from, stretch.to);
        let mut eligible = Spans::new();
        for (i, run) in runs.iter().enumerate() {
            if run.end <= stretch.from || run.start >= stretch.to {
                continue;
            }
            let grace_s = windows[stretch.window].start_grace_s;
            let early_s = stretch.from - run.start;
            let excusable: Spans = stretch
                .parts
                .iter()
                .filter(|(_, _, made_at)| *made_at <= run.start)
                .map(|(from, to, _)| (*from, *to))
                .collect();
            let entered = if (readings.began_inside)(run.start, edges) {
                excusable.contains(run.start).then_some(run.start)
            } else if early_s > 0 && (readings.early_enough)(early_s, grace_s) {
                excusable.start()
            } else {
                None
            };
            let chained = || {
                let earlier = taken_in[i].iter().filter(|at| **at < stretch.from);
                earlier.max().is_some_and(|since| {
                    let until_here = run.seconds.clip(*since, stretch.from);
                    until_here.within(&excuses.all)
                })
            };
            if entered.is_none() && !(run.start < stretch.from && chained()) {
                continue;
            }
            taken_in[i].extend(entered);
            let seconds = run.seconds.intersection(&excusable);
            if let Some(first) = excusable.start() {
                excuses.eligible[i].push((stretch.window, first.max(run.start)));
            }
            eligible = eligible.union(&seconds);
        }
        let excused = (readings.allowed)(&eligible, left[stretch.window]);
        left[stretch.window] -= excused.seconds();
        let of_window = &mut excuses.by_window[stretch.window];
        *of_window = of_window.union(&excused);
        excuses.all = (readings.united)(&excuses.all, &excused);
    }
    excuses
}

impl Excuses {
    /// The window that had excused a run last when `at` came: the one whose last excused second
    /// up to `at` is the latest; where none has excused any yet, the last that took it in. Of
    /// several, the one whose id comes last, so that their order does not matter.
    pub(super) fn last_before(
        &self,
        windows: &[Occurrence],
        run: usize,
        seconds: &Spans,
        at: i64,
    ) -> Option<usize> {
        let open = self.eligible[run].iter().filter(|(_, from)| *from <= at);
        let last = open.max_by_key(|(window, from)| {
            let excused = self.by_window[*window].intersection(seconds);
            let until = excused.clip(i64::MIN, at.saturating_add(1)).end();
            (until, *from, &windows[*window].id)
        });
        last.map(|(window, _)| *window)
    }
}

impl Excuses {
    /// Where [`Excuses::last_before`] may change its answer, in order: before the first of these
    /// it has none.
    pub(super) fn changes(&self, run: usize, seconds: &Spans) -> Vec<i64> {
        let mut all = Vec::new();
        for (window, first) in &self.eligible[run] {
            all.push(*first);
            let excused = self.by_window[*window].intersection(seconds);
            all.extend(excused.iter().flat_map(|(from, to)| [from, to]));
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// How far windows excuse an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excused {
    /// The first second that is excused, or would be if the window had any allowance left. Later
    /// than the outage's start where that lay within a window's `start_grace`.
    pub from: Timestamp,
    /// The first second from there on that no window excuses: an overrun is dated to it.
    pub until: Timestamp,
    /// The window that excused last.
    pub window: WindowId,
}

/// How far windows excuse an outage, one without an end being taken to last for ever; `None`
/// where no window takes it in, or a person took its planned time back.
///
/// The outage need not be confirmed: put it into the history as it would be. The windows must
/// reach as far into the future as matters.
pub fn excused_until(
    history: &History,
    outage: OutageId,
    months: &dyn Months,
    policy: Option<&Policy>,
) -> Option<Excused> {
    let index = history.outages.iter().position(|o| o.id == outage)?;
    let asked = &history.outages[index];
    if asked.declared || asked.reclassified {
        return None;
    }
    let start = second(asked.start);
    let horizon = history
        .windows
        .iter()
        .flat_map(|w| w.earning.iter().map(|part| second(part.span.to)))
        .chain(asked.end.map(second))
        .fold(start, Ord::max)
        .saturating_add(1);
    let ahead = Span::new(asked.start, instant(horizon));
    let hull = ground::hull(history, ahead, months, policy, horizon);
    let ground = ground::ground(&Readings::SPEC, history, policy, hull, Some(index));
    let runs = ground.runs(history);
    let excuses = excuse(&Readings::SPEC, &runs, &history.windows);
    let i = runs
        .iter()
        .position(|run| run.start <= start && start < run.end)?;
    let run = &runs[i];
    let from = excuses.eligible[i].iter().map(|(_, first)| *first).min()?;
    let from = from.max(start);
    let planned = classes::planned(&Readings::SPEC, history, &ground, &excuses, months, policy);
    // Outside service hours nothing is planned and nothing need be: what windows excuse holds.
    let idle = excuses.all.difference(&ground.agreed);
    // What a person declared is unplanned by itself and used nothing up: it is no limit of a window.
    let declared = excuses.all.intersection(&ground.declared);
    let excused = planned.union(&idle).union(&declared);
    let until = run
        .seconds
        .clip(from, horizon)
        .difference(&excused)
        .start()
        .unwrap_or(run.end);
    let window = excuses.last_before(&history.windows, i, &run.seconds, until)?;
    Some(Excused {
        from: instant(from),
        until: instant(until),
        window: history.windows[window].id.clone(),
    })
}
