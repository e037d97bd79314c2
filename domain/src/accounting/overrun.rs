//! Until when an outage is planned, and which window an overrun belongs to.
//!
//! An overrun starts at the first second that no window makes planned: because the window's
//! allowance or the month's is used up, or because the window is over. It belongs to the window
//! that was the last to make this run planned.

use jiff::Timestamp;

use crate::id::{OutageId, WindowId};
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, instant, second};
use crate::windows::Occurrence;

use super::History;
use super::classes::{Analysis, Classes};
use super::observed::{self, Run, reclassified};
use super::planned::{self, ByWindows};

/// The planned start of an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedUntil {
    /// The first second that is planned, or would be if the window had any allowance left. Later
    /// than the outage's start if the outage began within a window's `start_grace`.
    pub from: Timestamp,
    /// The first second after `from` that is unplanned: the start of the overrun.
    pub until: Timestamp,
    /// The window that was the last to make it planned.
    pub window: WindowId,
}

/// Until when windows make an outage planned. An open outage is assumed to last for ever. `None` if
/// the outage is eligible for no window, or a person declared or reclassified it.
///
/// The outage need not be confirmed: the caller adds it to the history as it would be. The windows
/// must reach as far into the future as the caller wants to know.
pub fn planned_until(
    history: &History,
    outage: OutageId,
    months: &dyn Months,
    policy: Option<&Policy>,
) -> Option<PlannedUntil> {
    let index = history.outages.iter().position(|o| o.id == outage)?;
    let asked = &history.outages[index];
    if asked.declared || asked.reclassified {
        return None;
    }
    let start = second(asked.start);
    let horizon = history
        .windows
        .iter()
        .flat_map(|w| w.earned_parts.iter().map(|part| second(part.span.to)))
        .chain(asked.end.map(second))
        .fold(start, Ord::max)
        .saturating_add(1);
    let ahead = Span::new(asked.start, instant(horizon));
    let lookback = observed::lookback(history, ahead, months, policy, horizon);
    let observed = observed::observe(history, policy, lookback, Some(index));
    let runs = observed.runs(history);
    let by_windows = planned::by_windows(&runs, &history.windows);
    let i = runs
        .iter()
        .position(|run| run.start <= start && start < run.end)?;
    let run = &runs[i];
    let from = by_windows.eligible[i]
        .iter()
        .map(|(_, first)| *first)
        .min()?;
    let from = from.max(start);
    // Outside service hours nothing is planned, and nothing there is an overrun either. A declared
    // outage is unplanned by itself and uses no allowance: it is no overrun of a window.
    let outside = by_windows.all.difference(&observed.agreed);
    let declared = by_windows.all.intersection(&observed.declared);
    let planned = planned::counted(history, &observed, &by_windows, months, policy)
        .union(&outside)
        .union(&declared);
    let until = run
        .seconds
        .clip(from, horizon)
        .difference(&planned)
        .start()
        .unwrap_or(run.end);
    let window = by_windows.last_before(&history.windows, i, run, until)?;
    Some(PlannedUntil {
        from: instant(from),
        until: instant(until),
        window: history.windows[window].id.clone(),
    })
}

impl ByWindows {
    /// The window that an overrun of a run at `at` belongs to: the one whose last planned second up
    /// to `at` is the latest. If no window has made a second planned yet, the last that the run is
    /// eligible for. A tie goes to the greatest id, so that the order of windows does not matter.
    fn last_before(
        &self,
        windows: &[Occurrence],
        index: usize,
        run: &Run,
        at: i64,
    ) -> Option<usize> {
        let eligible = self.eligible[index].iter().filter(|(_, from)| *from <= at);
        let last = eligible.max_by_key(|(window, from)| {
            let planned = self.by_window[*window].intersection(&run.seconds);
            let until = planned.clip(i64::MIN, at.saturating_add(1)).end();
            (until, *from, &windows[*window].id)
        });
        last.map(|(window, _)| *window)
    }

    /// The seconds at which [`ByWindows::last_before`] may change its answer, in order. It has no
    /// answer before the first.
    fn changes(&self, index: usize, run: &Run) -> Vec<i64> {
        let mut all = Vec::new();
        for (window, first) in &self.eligible[index] {
            all.push(*first);
            let planned = self.by_window[*window].intersection(&run.seconds);
            all.extend(planned.iter().flat_map(|(from, to)| [from, to]));
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// For each window (by index), the seconds of its overruns within `classes`.
pub(super) fn overruns(history: &History, analysis: &Analysis, classes: &Classes) -> Vec<Spans> {
    let mut overruns = vec![Spans::new(); history.windows.len()];
    let unplanned = classes
        .unplanned
        .difference(&analysis.observed.declared)
        .difference(&reclassified(history, analysis.until));
    for (i, run) in analysis.runs.iter().enumerate() {
        let by_windows = &analysis.by_windows;
        let mut changes = by_windows.changes(i, run);
        changes.push(run.end);
        let unplanned = run.seconds.intersection(&unplanned);
        for edges in changes.windows(2) {
            let piece: Spans = unplanned.clip(edges[0], edges[1]);
            let window = piece
                .start()
                .and_then(|at| by_windows.last_before(&history.windows, i, run, at));
            if let Some(window) = window {
                overruns[window] = overruns[window].union(&piece);
            }
        }
    }
    overruns
}
