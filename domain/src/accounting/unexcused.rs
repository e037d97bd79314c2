//! Why downtime that met a window is not planned, or not all of it: the reasons of section 5, for
//! people to read. It decides nothing: it only names which rule of [`super::excuse`] and
//! [`super::classes`] had the last word.

use jiff::Timestamp;

use crate::id::WindowId;
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, instant, second};
use crate::windows::{Earning, Occurrence};

use super::classes::Whole;
use super::ground::{Run, extent};
use super::{History, Readings, classes};

/// Downtime that met a window, is unplanned all the same, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unexcused {
    /// The window.
    pub window: WindowId,
    /// The first second of it within the period; what has one reason may lie in several pieces.
    pub from: Timestamp,
    /// The unplanned seconds, as spans of whole seconds.
    pub seconds: Spans,
    /// The rule that had the last word.
    pub why: Unplanned,
}

/// Which rule of section 5 left downtime unplanned that met a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unplanned {
    /// The window earned nothing: why, says its own [`crate::windows::Earned`].
    NotEarned,
    /// This part of the window earned nothing: it was not announced in time, or lies outside the
    /// hours that the policy allows.
    PartNotEarned,
    /// The window, or this part of it, was made when the downtime had begun already.
    MadeLater,
    /// The downtime began so many seconds before the window, which is more than it bears with.
    BeganBefore(i64),
    /// The downtime began inside the window, in a part that earned nothing.
    BeganUnearned,
    /// The downtime began a little before the window, which takes it in from its own start only.
    Early,
    /// What the window allows was used up.
    UsedUp,
    /// It lasted beyond the window's end.
    Outlasted,
    /// What the policy allows in a month was used up.
    MonthUsedUp,
    /// A person declared it: that is unplanned at once.
    Declared,
    /// A person took its planned time back.
    TakenBack,
}

/// Every reason for which downtime within `period` that met a window is unplanned, in order of
/// its first second, then of the windows' ids. The arguments are those of [`super::account`].
pub fn unexcused(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    as_of: Timestamp,
) -> Vec<Unexcused> {
    let whole = classes::whole(&Readings::SPEC, history, period, months, policy, as_of);
    let reader = Reader {
        history,
        whole: &whole,
        unplanned: whole.classes.of_period(period).unplanned,
    };
    let mut found = Vec::new();
    for window in 0..history.windows.len() {
        reader.within(window, &mut found);
    }
    for run in 0..whole.runs.len() {
        reader.around(run, &mut found);
    }
    found.retain(|f: &Found| !f.seconds.is_empty());
    let mut all: Vec<Unexcused> = found
        .into_iter()
        .filter_map(|f| {
            Some(Unexcused {
                window: history.windows[f.window].id.clone(),
                from: instant(f.seconds.start()?),
                seconds: f.seconds,
                why: f.why,
            })
        })
        .collect();
    all.sort_by(|a, b| (a.from, &a.window, a.why).cmp(&(b.from, &b.window, b.why)));
    all
}

struct Found {
    window: usize,
    seconds: Spans,
    why: Unplanned,
}

struct Reader<'a> {
    history: &'a History,
    whole: &'a Whole,
    /// Within the period.
    unplanned: Spans,
}

impl Reader<'_> {
    /// Unplanned downtime inside a window, each second by the rule that was asked last.
    fn within(&self, window: usize, found: &mut Vec<Found>) {
        let occurrence = &self.history.windows[window];
        let (from, to) = (second(occurrence.span.from), second(occurrence.span.to));
        let down = self.whole.ground.down();
        let mut left = self.unplanned.clip(from, to).intersection(&down);
        let mut take = |seconds: &Spans, why| {
            let taken = left.intersection(seconds);
            left = left.difference(&taken);
            found.push(Found {
                window,
                seconds: taken,
                why,
            });
        };
        let earning: Spans = occurrence.earning.iter().map(|part| part.span).collect();
        if earning.is_empty() {
            take(&Spans::one(from, to), Unplanned::NotEarned);
            return;
        }
        take(&self.whole.ground.declared, Unplanned::Declared);
        take(&self.taken_back(), Unplanned::TakenBack);
        let unearned = Spans::one(from, to).difference(&earning);
        let excused = &self.whole.excuses.by_window[window];
        for (i, run) in self.whole.runs.iter().enumerate() {
            if run.end <= from || run.start >= to {
                continue;
            }
            take(&run.seconds.intersection(excused), Unplanned::MonthUsedUp);
            if !self.is_eligible(window, i) {
                take(&run.seconds, not_taken_in(occurrence, run));
                continue;
            }
            let made = run
                .seconds
                .intersection(&made_before(occurrence, run.start));
            if self.is_used_up(window) {
                take(&made, Unplanned::UsedUp);
            }
            // What earns again after a part that does not is lost with that part.
            take(
                &run.seconds.intersection(&unearned).union(&made),
                Unplanned::PartNotEarned,
            );
            take(&run.seconds, Unplanned::MadeLater);
        }
    }

    /// Unplanned downtime of a run outside the windows that took it in.
    fn around(&self, run: usize, found: &mut Vec<Found>) {
        let windows = &self.history.windows;
        let run_seconds = &self.whole.runs[run].seconds;
        let seconds = run_seconds
            .intersection(&self.unplanned)
            .difference(&self.whole.ground.declared)
            .difference(&self.taken_back());
        let eligible = &self.whole.excuses.eligible[run];
        let first = eligible.iter().min_by_key(|(_, first)| *first);
        if let Some((window, first)) = first {
            // Inside the window, the part that earns nothing is its reason.
            let first = second(windows[*window].span.from).min(*first);
            found.push(Found {
                window: *window,
                seconds: seconds.clip(self.whole.runs[run].start, first),
                why: Unplanned::Early,
            });
        }
        let after = |window: usize| second(windows[window].span.to);
        let last = eligible
            .iter()
            .map(|(window, _)| *window)
            .max_by_key(|w| after(*w));
        if let Some(window) = last {
            found.push(Found {
                window,
                seconds: seconds.clip(after(window), self.whole.runs[run].end),
                why: Unplanned::Outlasted,
            });
        }
    }

    fn is_eligible(&self, window: usize, run: usize) -> bool {
        let eligible = &self.whole.excuses.eligible[run];
        eligible.iter().any(|(w, _)| *w == window)
    }

    fn is_used_up(&self, window: usize) -> bool {
        let excused_s = self.whole.excuses.by_window[window].seconds();
        let allowed_s = self.history.windows[window].max_downtime_s;
        allowed_s.is_some_and(|s| excused_s >= s)
    }

    fn taken_back(&self) -> Spans {
        let outages = self.history.outages.iter().filter(|o| o.reclassified);
        outages.map(|o| extent(o, self.whole.until)).collect()
    }
}

/// The parts of a window that stood when a run began.
fn made_before(window: &Occurrence, start: i64) -> Spans {
    let made = window
        .earning
        .iter()
        .filter(|part| second(part.made_at) <= start);
    made.map(|part| part.span).collect()
}

/// Why a window did not take a run in.
fn not_taken_in(window: &Occurrence, run: &Run) -> Unplanned {
    let early_s = second(window.span.from) - run.start;
    let began_in = |part: &Earning| part.span.contains(instant(run.start));
    if made_before(window, run.start).is_empty() {
        Unplanned::MadeLater
    } else if early_s > 0 {
        Unplanned::BeganBefore(early_s)
    } else if window.earning.iter().any(began_in) {
        Unplanned::MadeLater
    } else {
        Unplanned::BeganUnearned
    }
}
