//! Section 5 second by second: time runs forward, and each second looks back.

use super::{Flags, Seconds, floor};

/// One part of a window that earns, when it was made, and the touching parts around it.
struct Part {
    from: i64,
    to: i64,
    made_at: i64,
    joined: (i64, i64),
}

fn parts(window: &domain::windows::Occurrence) -> Vec<Part> {
    let plain: Vec<(i64, i64, i64)> = window
        .earned_parts
        .iter()
        .map(|p| (floor(p.span.from), floor(p.span.to), floor(p.made_at)))
        .filter(|p| p.0 < p.1)
        .collect();
    let around = |mut from: i64, mut to: i64| {
        while let Some(p) = plain.iter().find(|p| p.1 == from) {
            from = p.0;
        }
        while let Some(p) = plain.iter().find(|p| p.0 == to) {
            to = p.1;
        }
        (from, to)
    };
    plain
        .iter()
        .map(|p| Part {
            from: p.0,
            to: p.1,
            made_at: p.2,
            joined: around(p.0, p.1),
        })
        .collect()
}

/// Planned seconds: for each window its seconds; for each second the window that its run
/// would have overrun, if it is not planned.
pub(super) struct ByWindows {
    pub(super) by_window: Vec<Flags>,
    pub(super) overrun_of: Vec<Option<usize>>,
}

/// The state of one run and one window.
#[derive(Clone, Copy, Default)]
struct Pair {
    /// True if the run began before the current joined part and was planned until then.
    chained: bool,
    /// Where it last became eligible.
    taken_at: Option<i64>,
    /// The start of that joined part.
    joined: Option<i64>,
    /// The second after the last that was planned.
    planned_to: Option<i64>,
}

struct Judge<'a> {
    s: &'a Seconds<'a>,
    run: &'a [Option<usize>],
    spans: &'a [(i64, i64)],
    parts: Vec<Vec<Part>>,
    /// From where each run counts as planned: it began inside, or a window's grace took it in.
    entries: Vec<Vec<i64>>,
    /// For each run the last second of its downtime that nothing planned.
    gap: Vec<Option<i64>>,
    pairs: Vec<Vec<Pair>>,
    used: Vec<i64>,
    /// True if a part of any window contains the second.
    held: Flags,
    planned: ByWindows,
}

/// Which run each second of downtime belongs to, and each run's span, judged by section 5.
pub(super) fn by_windows(s: &Seconds, run: &[Option<usize>], spans: &[(i64, i64)]) -> ByWindows {
    let windows = &s.ask.history.windows;
    let mut judge = Judge {
        s,
        run,
        spans,
        parts: windows.iter().map(parts).collect(),
        entries: Vec::new(),
        gap: vec![None; spans.len()],
        pairs: vec![vec![Pair::default(); windows.len()]; spans.len()],
        used: vec![0; windows.len()],
        held: s.flags(),
        planned: ByWindows {
            by_window: windows.iter().map(|_| s.flags()).collect(),
            overrun_of: vec![None; s.n],
        },
    };
    for part in judge.parts.iter().flatten() {
        s.paint(&mut judge.held, part.from, part.to);
    }
    judge.entries = spans.iter().map(|span| judge.entries_of(*span)).collect();
    for i in 0..s.n {
        judge.second(i);
    }
    judge.planned
}

impl Judge<'_> {
    fn made(&self, w: usize, t: i64, start: i64) -> bool {
        let mut parts = self.parts[w].iter();
        parts.any(|p| p.from <= t && t < p.to && p.made_at <= start)
    }

    fn entries_of(&self, (start, end): (i64, i64)) -> Vec<i64> {
        let mut entries = Vec::new();
        for (w, window) in self.s.ask.history.windows.iter().enumerate() {
            if self.made(w, start, start) {
                entries.push(start);
            }
            for part in &self.parts[w] {
                let early = part.joined.0 - start;
                if early > 0 && early <= window.start_grace_s && end > part.joined.0 {
                    let same = self.parts[w].iter().filter(|p| p.joined == part.joined);
                    let known = same.filter(|p| p.made_at <= start);
                    entries.extend(known.map(|p| p.from).min());
                }
            }
        }
        entries
    }

    fn second(&mut self, i: usize) {
        if !self.held[i] && self.run[i].is_none() {
            return;
        }
        let windows = &self.s.ask.history.windows;
        let t = self.s.lo + i as i64;
        let mut any = false;
        let held = self.held[i];
        for w in (0..windows.len()).filter(|_| held) {
            any |= self.in_window(i, t, w);
        }
        let Some(r) = self.run[i] else { return };
        if !any {
            self.gap[r] = Some(t);
        }
        let pairs = &self.pairs[r];
        self.planned.overrun_of[i] = (0..windows.len())
            .filter(|w| pairs[*w].taken_at.is_some())
            .max_by_key(|w| (pairs[*w].planned_to, pairs[*w].taken_at, &windows[*w].id));
    }

    /// True if that window makes that second planned.
    fn in_window(&mut self, i: usize, t: i64, w: usize) -> bool {
        let window = &self.s.ask.history.windows[w];
        let Some(part) = self.parts[w].iter().find(|p| p.from <= t && t < p.to) else {
            return false;
        };
        let from = part.joined.0;
        if t == from {
            for r in 0..self.spans.len() {
                let since = self.entries[r].iter().filter(|e| **e < from).max();
                let gap = self.gap[r];
                self.pairs[r][w].chained =
                    since.is_some_and(|since| gap.is_none_or(|g| g < *since));
            }
        }
        let active = |span: &(i64, i64)| span.0 <= t && t < span.1;
        let Some(r) = self.spans.iter().position(active) else {
            return false;
        };
        let start = self.spans[r].0;
        let eligible = part.made_at <= start
            && if start >= from {
                self.made(w, start, start)
            } else {
                from - start <= window.start_grace_s || self.pairs[r][w].chained
            };
        let pair = &mut self.pairs[r][w];
        if eligible && pair.joined != Some(from) {
            (pair.taken_at, pair.joined) = (Some(t), Some(from));
        }
        let left = window.max_downtime_s.is_none_or(|max| self.used[w] < max);
        let planned = eligible && left && self.run[i].is_some();
        if planned {
            self.used[w] += 1;
            self.planned.by_window[w][i] = true;
            pair.planned_to = Some(t + 1);
        }
        planned
    }
}
