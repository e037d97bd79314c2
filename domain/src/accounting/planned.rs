//! Which downtime maintenance windows make planned (`docs/accounting.md`).
//!
//! Windows are taken in order of their start. A run of downtime is eligible for a window if
//!
//! * it began inside the window,
//! * or at most `start_grace` before it,
//! * or earlier, and every second of its downtime until the window was planned by other windows.
//!
//! A window makes the first `max_downtime` seconds of its eligible downtime planned. Windows that
//! overlap each use their own allowance, and the planned time is the union.
//!
//! Choices where the specification leaves one (`docs/accounting.md` draws each):
//!
//! * Only the earned parts of a window count: those announced in time and inside the policy's hours.
//!   Parts that touch are one span; the spans of one window share its allowance.
//! * A run that enters a window by its `start_grace` counts as planned from the window's start on.
//! * Unknown seconds inside a run use no allowance and do not interrupt it.
//! * Declared outages and reclassified outages are unplanned. They leave the allowances as used.
//! * The monthly allowance comes last and does not change which run is eligible.

use crate::months::{self, Months};
use crate::policy::Policy;
use crate::span::{Spans, second};
use crate::windows::Occurrence;

use super::History;
use super::observed::{Observed, Run, reclassified};

/// The downtime that windows make planned, before declarations, reclassified outages and the
/// monthly allowance.
#[derive(Clone, Debug, Default)]
pub(super) struct ByWindows {
    /// For each window (by index), its planned seconds.
    pub(super) by_window: Vec<Spans>,
    /// For each run (by index), the windows that it is eligible for, each with the first second of
    /// the run that it may make planned; in order of the windows' starts.
    pub(super) eligible: Vec<Vec<(usize, i64)>>,
    /// The union of `by_window`.
    pub(super) all: Spans,
}

/// An earned span of a window, without a gap.
struct EarnedSpan {
    window: usize,
    from: i64,
    to: i64,
    /// Its parts `(from, to, made_at)`.
    parts: Vec<(i64, i64, i64)>,
}

impl EarnedSpan {
    /// The seconds that were announced before a run that starts at `start`.
    fn made_before(&self, start: i64) -> Spans {
        let made = self
            .parts
            .iter()
            .filter(|(_, _, made_at)| *made_at <= start);
        made.map(|(from, to, _)| (*from, *to)).collect()
    }

    /// The second from which a run that starts at `start` counts as planned, by itself.
    fn entry(&self, start: i64, usable: &Spans, grace_s: i64) -> Option<i64> {
        if start >= self.from {
            usable.contains(start).then_some(start)
        } else if self.from - start <= grace_s {
            usable.start()
        } else {
            None
        }
    }
}

/// The earned spans of all windows, in order of start.
fn earned_spans(windows: &[Occurrence]) -> Vec<EarnedSpan> {
    let mut all: Vec<EarnedSpan> = Vec::new();
    for (window, occurrence) in windows.iter().enumerate() {
        let first = all.len();
        for part in &occurrence.earned_parts {
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
                _ => all.push(EarnedSpan {
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

/// Applies the windows to the runs. Both are in order of start.
pub(super) fn by_windows(runs: &[Run], windows: &[Occurrence]) -> ByWindows {
    let mut planned = ByWindows {
        by_window: vec![Spans::new(); windows.len()],
        eligible: vec![Vec::new(); runs.len()],
        all: Spans::new(),
    };
    // For each run, the seconds from which a window made it count as planned.
    let mut entries: Vec<Vec<i64>> = vec![Vec::new(); runs.len()];
    let mut remaining_s: Vec<i64> = windows
        .iter()
        .map(|w| w.max_downtime_s.unwrap_or(i64::MAX))
        .collect();
    for span in earned_spans(windows) {
        let mut eligible = Spans::new();
        for (i, run) in runs.iter().enumerate() {
            if run.end <= span.from || run.start >= span.to {
                continue;
            }
            let usable = span.made_before(run.start);
            let grace_s = windows[span.window].start_grace_s;
            let entry = span.entry(run.start, &usable, grace_s);
            let planned_until_here = || {
                let earlier = entries[i].iter().filter(|at| **at < span.from).max();
                earlier.is_some_and(|at| run.seconds.clip(*at, span.from).within(&planned.all))
            };
            if entry.is_none() && !planned_until_here() {
                continue;
            }
            entries[i].extend(entry);
            if let Some(first) = usable.start() {
                planned.eligible[i].push((span.window, first.max(run.start)));
            }
            eligible = eligible.union(&run.seconds.intersection(&usable));
        }
        let seconds = eligible.first(remaining_s[span.window]);
        remaining_s[span.window] -= seconds.seconds();
        let of_window = &mut planned.by_window[span.window];
        *of_window = of_window.union(&seconds);
        planned.all = planned.all.union(&seconds);
    }
    planned
}

/// The planned seconds: those that windows give, in the agreed time, without declared and
/// reclassified outages, up to the month's allowance.
pub(super) fn counted(
    history: &History,
    observed: &Observed,
    by_windows: &ByWindows,
    months: &dyn Months,
    policy: Option<&Policy>,
) -> Spans {
    let planned = by_windows
        .all
        .intersection(&observed.agreed)
        .difference(&observed.declared)
        .difference(&reclassified(history, observed.lookback.1));
    let Some(allowance_s) = policy.and_then(|p| p.monthly_allowance_s) else {
        return planned;
    };
    months::over(observed.lookback, months)
        .into_iter()
        .flat_map(|(from, to)| {
            let month = planned.clip(from, to).first(allowance_s);
            month.iter().collect::<Vec<_>>()
        })
        .collect()
}
