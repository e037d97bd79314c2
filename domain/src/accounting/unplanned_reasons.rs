//! Why downtime inside or beside a window is unplanned, for people to read. This file decides
//! nothing: it names the rule of [`super::planned`] or [`super::classes`] that decided.

use jiff::Timestamp;

use crate::id::WindowId;
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, instant, second};
use crate::windows::{EarnedPart, Occurrence};

use super::History;
use super::classes::{Analysis, analyse};
use super::observed::{Run, reclassified};

/// Unplanned downtime inside or beside a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnplannedTime {
    pub window: WindowId,
    /// Its first second within the period.
    pub from: Timestamp,
    /// Its seconds; one reason may cover several spans.
    pub seconds: Spans,
    pub reason: UnplannedReason,
}

/// The rule of section 5 by which downtime is unplanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnplannedReason {
    /// No part of the window is earned; its [`crate::windows::Earned`] says why.
    NotEarned,
    /// This part of the window is not earned: it was not announced in time, or lies outside the
    /// hours that the policy allows.
    PartNotEarned,
    /// The window, or this part of it, was made after the downtime began.
    MadeLater,
    /// The downtime began this many seconds before the window, which is more than its grace.
    BeganBefore(i64),
    /// The downtime began in a part of the window that is not earned.
    BeganUnearned,
    /// The downtime began within the grace before the window: it is unplanned until the window.
    Early,
    /// The window's allowance was used up.
    UsedUp,
    /// The downtime lasted beyond the window's end.
    Outlasted,
    /// The policy's monthly allowance was used up.
    MonthUsedUp,
    /// A declared outage is unplanned.
    Declared,
    /// A person reclassified the outage.
    Reclassified,
}

/// The reasons for all unplanned downtime within `period` that a window could have made planned. In
/// order of the first second, then of the window's id. Arguments as for [`super::account`].
pub fn unplanned_reasons(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    as_of: Timestamp,
) -> Vec<UnplannedTime> {
    let analysis = analyse(history, period, months, policy, as_of);
    let mut reasons = Reasons {
        history,
        unplanned: analysis.classes.within(period).unplanned,
        reclassified: reclassified(history, analysis.until),
        analysis: &analysis,
        found: Vec::new(),
    };
    for window in 0..history.windows.len() {
        reasons.inside(window);
    }
    for run in 0..analysis.runs.len() {
        reasons.beside(run);
    }
    let mut all = reasons.found;
    all.sort_by(|a, b| (a.from, &a.window, a.reason).cmp(&(b.from, &b.window, b.reason)));
    all
}

struct Reasons<'a> {
    history: &'a History,
    analysis: &'a Analysis,
    /// Unplanned seconds within the period.
    unplanned: Spans,
    reclassified: Spans,
    found: Vec<UnplannedTime>,
}

impl Reasons<'_> {
    fn add(&mut self, window: usize, seconds: Spans, reason: UnplannedReason) {
        if let Some(from) = seconds.start() {
            self.found.push(UnplannedTime {
                window: self.history.windows[window].id.clone(),
                from: instant(from),
                seconds,
                reason,
            });
        }
    }

    /// Unplanned downtime inside a window. The first reason that is added for a second holds.
    fn inside(&mut self, window: usize) {
        let Analysis {
            observed,
            by_windows,
            runs,
            ..
        } = self.analysis;
        let occurrence = &self.history.windows[window];
        let (from, to) = (second(occurrence.span.from), second(occurrence.span.to));
        let down = observed.down();
        let mut left = self.unplanned.clip(from, to).intersection(&down);
        let mut take = |this: &mut Self, seconds: &Spans, reason| {
            let taken = left.intersection(seconds);
            left = left.difference(&taken);
            this.add(window, taken, reason);
        };
        let earned: Spans = occurrence
            .earned_parts
            .iter()
            .map(|part| part.span)
            .collect();
        if earned.is_empty() {
            take(self, &Spans::one(from, to), UnplannedReason::NotEarned);
            return;
        }
        take(self, &observed.declared, UnplannedReason::Declared);
        let reclassified = self.reclassified.clone();
        take(self, &reclassified, UnplannedReason::Reclassified);
        let unearned = Spans::one(from, to).difference(&earned);
        let planned = &by_windows.by_window[window];
        let used_up = occurrence
            .max_downtime_s
            .is_some_and(|s| planned.seconds() >= s);
        for (i, run) in runs.iter().enumerate() {
            if run.end <= from || run.start >= to {
                continue;
            }
            let seconds = &run.seconds;
            take(
                self,
                &seconds.intersection(planned),
                UnplannedReason::MonthUsedUp,
            );
            if !by_windows.eligible[i].iter().any(|(w, _)| *w == window) {
                take(self, seconds, not_eligible(occurrence, run));
                continue;
            }
            let made = seconds.intersection(&made_before(occurrence, run.start));
            if used_up {
                take(self, &made, UnplannedReason::UsedUp);
            }
            // An earned part after an unearned one is lost with it.
            take(
                self,
                &seconds.intersection(&unearned).union(&made),
                UnplannedReason::PartNotEarned,
            );
            take(self, seconds, UnplannedReason::MadeLater);
        }
    }

    /// Unplanned downtime of a run before and after the windows that it is eligible for.
    fn beside(&mut self, index: usize) {
        let windows = &self.history.windows;
        let run = &self.analysis.runs[index];
        let seconds = run
            .seconds
            .intersection(&self.unplanned)
            .difference(&self.analysis.observed.declared)
            .difference(&self.reclassified);
        let eligible = &self.analysis.by_windows.eligible[index];
        if let Some((window, first)) = eligible.iter().min_by_key(|(_, first)| *first) {
            // Downtime in an unearned part inside the window has its own reason.
            let first = second(windows[*window].span.from).min(*first);
            let early = seconds.clip(run.start, first);
            self.add(*window, early, UnplannedReason::Early);
        }
        let end = |window: usize| second(windows[window].span.to);
        let last = eligible.iter().map(|(window, _)| *window);
        if let Some(window) = last.max_by_key(|w| end(*w)) {
            let after = seconds.clip(end(window), run.end);
            self.add(window, after, UnplannedReason::Outlasted);
        }
    }
}

/// The parts of a window that were announced before a run that starts at `start`.
fn made_before(window: &Occurrence, start: i64) -> Spans {
    let parts = window.earned_parts.iter();
    parts
        .filter(|part| second(part.made_at) <= start)
        .map(|part| part.span)
        .collect()
}

/// Why a run is not eligible for a window that it meets.
fn not_eligible(window: &Occurrence, run: &Run) -> UnplannedReason {
    let early_s = second(window.span.from) - run.start;
    let began_in = |part: &EarnedPart| part.span.contains(instant(run.start));
    if made_before(window, run.start).is_empty() {
        UnplannedReason::MadeLater
    } else if early_s > 0 {
        UnplannedReason::BeganBefore(early_s)
    } else if window.earned_parts.iter().any(began_in) {
        UnplannedReason::MadeLater
    } else {
        UnplannedReason::BeganUnearned
    }
}
