//! Which seconds were up, down, degraded or unknown, before windows and exclusions.
//!
//! The first row that holds for a second decides:
//!
//! | the second | state |
//! | --- | --- |
//! | is in a declared outage | down |
//! | is in a monitor fault | unknown |
//! | has an availability probe that is confirmed down and has a sample | down |
//! | has an availability probe without a sample, or no such probe | unknown |
//! | has a probe that is degraded, or a failing probe that only affects degradation | degraded |
//! | any other | up |

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::calendar;
use crate::catalogue::Affects;
use crate::id::IncidentId;
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, instant, second};

use super::{History, OutageHistory, ProbeHistory};

/// The state of every second within `lookback`.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// `[from, to)` in whole seconds: the period and everything that reaches into it.
    pub(super) lookback: (i64, i64),
    /// Service hours while the system was configured.
    pub(super) agreed: Spans,
    /// Down by probes.
    pub(super) probes_down: Spans,
    /// Down by declaration.
    pub(super) declared: Spans,
    pub(super) unknown: Spans,
    /// Seconds without a sample, including those that another probe or a declaration makes down.
    pub(super) uncovered: Spans,
    /// Degraded, and neither down nor unknown.
    pub(super) degraded: Spans,
    /// The part of `probes_down` that was only degraded, where the policy counts that as down.
    pub(super) degraded_as_down: Spans,
}

/// Downtime that probes saw, without a gap: outages that overlap or touch, with the downtime around
/// them that no outage records (degraded time that counts as down).
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) start: i64,
    /// The second after its last, at most the end of `lookback`.
    pub(super) end: i64,
    /// Its downtime. Unknown seconds inside it do not split the run.
    pub(super) seconds: Spans,
}

/// Outages, declared ones too, and runs that overlap or touch.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) from: i64,
    /// The second after its last.
    pub(super) to: i64,
    /// True if it is not over.
    pub(super) open: bool,
    /// Its outages, as indices into the history.
    pub(super) outages: Vec<usize>,
}

/// The seconds of an outage. An open one ends at `until`.
pub(super) fn extent(outage: &OutageHistory, until: i64) -> (i64, i64) {
    let to = outage.end.map_or(until, second).min(until);
    (second(outage.start), to)
}

/// The seconds of all reclassified outages.
pub(super) fn reclassified(history: &History, until: i64) -> Spans {
    let outages = history.outages.iter().filter(|o| o.reclassified);
    outages.map(|o| extent(o, until)).collect()
}

/// The spans of flapping incidents, each from its first outage to its last.
fn flapping(history: &History, until: i64) -> Vec<(i64, i64)> {
    let mut spans: BTreeMap<IncidentId, (i64, i64)> = BTreeMap::new();
    for outage in &history.outages {
        let Some(incident) = outage.flapping else {
            continue;
        };
        let (from, to) = extent(outage, until);
        let known = spans.entry(incident).or_insert((from, to));
        *known = (known.0.min(from), known.1.max(to));
    }
    spans.into_values().collect()
}

/// A number for each group. Groups whose outages share a flapping incident have the same number.
pub(super) fn incident_numbers(history: &History, groups: &[Group]) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..groups.len()).collect();
    let mut first: BTreeMap<IncidentId, usize> = BTreeMap::new();
    for (i, group) in groups.iter().enumerate() {
        let incidents = group.outages.iter();
        for incident in incidents.filter_map(|o| history.outages[*o].flapping) {
            let (old, new) = (numbers[i], numbers[*first.entry(incident).or_insert(i)]);
            for number in numbers.iter_mut().filter(|n| **n == old) {
                *number = new;
            }
        }
    }
    numbers
}

fn affects_availability(probe: &ProbeHistory) -> bool {
    probe.affects == Affects::Availability
}

fn degraded_is_down(policy: Option<&Policy>) -> bool {
    policy.is_some_and(|p| p.degraded_is_down)
}

/// The period and everything that reaches into it: whole outages, whole windows, and whole months
/// where the policy has a monthly allowance.
pub(super) fn lookback(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    until: i64,
) -> (i64, i64) {
    let seconds = |list: &[(Timestamp, Option<Timestamp>)]| -> Vec<(i64, i64)> {
        list.iter()
            .map(|(from, to)| (second(*from), to.map_or(until, second)))
            .collect()
    };
    let mut downtime: Vec<(i64, i64)> = history.outages.iter().map(|o| extent(o, until)).collect();
    downtime.extend(flapping(history, until));
    for probe in &history.probes {
        if affects_availability(probe) || degraded_is_down(policy) {
            downtime.extend(seconds(&probe.down));
        }
        if degraded_is_down(policy) {
            downtime.extend(seconds(&probe.degraded));
        }
    }
    let windows = history.windows.iter().map(|w| {
        let parts = w.earned_parts.iter().map(|part| part.span);
        let from = parts.clone().map(|s| s.from).fold(w.span.from, Ord::min);
        let to = parts.map(|s| s.to).fold(w.span.to, Ord::max);
        (second(from), second(to))
    });
    let before_period: Vec<(i64, i64)> = windows.chain(downtime.iter().copied()).collect();
    let monthly = policy.is_some_and(|p| p.monthly_allowance_s.is_some());
    let mut from = second(period.from).min(until);
    let mut to = second(period.to).min(until).max(from);
    loop {
        let before = (from, to);
        for (start, end) in &before_period {
            if *start < from && *end >= from {
                from = *start;
            }
        }
        for (start, end) in &downtime {
            if *start <= to && *end > to {
                to = (*end).min(until).max(to);
            }
        }
        if monthly {
            from = second(months.around(instant(from)).from).min(from);
        }
        if before == (from, to) {
            return before;
        }
    }
}

/// Service hours within `lookback` while the system was configured. An unknown zone leaves all hours
/// agreed, which is the stricter reading; `nines check` refuses such a zone.
pub(super) fn agreed(history: &History, policy: Option<&Policy>, (from, to): (i64, i64)) -> Spans {
    let life = Spans::of_open(&history.life, to).clip(from, to);
    match policy.and_then(|p| p.service_hours.as_ref()) {
        None => life,
        Some(hours) => calendar::open(hours, Span::new(instant(from), instant(to)))
            .map_or(life.clone(), |open| life.intersection(&open)),
    }
}

/// The observations of a system's probes, each list within the lookback.
#[derive(Default)]
struct Probes {
    /// Time with at least one availability probe.
    configured: Spans,
    silent: Spans,
    down: Spans,
    degraded: Spans,
}

impl Probes {
    fn of(history: &History, (from, to): (i64, i64)) -> Self {
        let list = |l: &[(Timestamp, Option<Timestamp>)]| Spans::of_open(l, to).clip(from, to);
        let mut all = Self::default();
        for probe in &history.probes {
            let life = list(&probe.life);
            let silent = list(&probe.silent).intersection(&life);
            let covered = life.difference(&silent);
            let down = list(&probe.down).intersection(&covered);
            all.degraded = all
                .degraded
                .union(&list(&probe.degraded).intersection(&covered));
            if affects_availability(probe) {
                all.configured = all.configured.union(&life);
                all.silent = all.silent.union(&silent);
                all.down = all.down.union(&down);
            } else {
                all.degraded = all.degraded.union(&down);
            }
        }
        all
    }
}

/// The state of every second within `lookback`.
///
/// `assumed_down` (an index) names an outage without an end that is assumed to last. It is down until
/// the end wherever no probe is silent, unless some probe is down without an end already. Between
/// the failures of two probes in one outage the system may have been up.
pub(super) fn observe(
    history: &History,
    policy: Option<&Policy>,
    lookback: (i64, i64),
    assumed_down: Option<usize>,
) -> Observed {
    let (from, to) = lookback;
    let probes = Probes::of(history, lookback);
    let mut probes_down = probes.down;
    let open =
        |spans: &[(Timestamp, Option<Timestamp>)]| spans.last().is_some_and(|s| s.1.is_none());
    let lasts = |p: &ProbeHistory| affects_availability(p) && open(&p.down) && open(&p.life);
    let assumed = assumed_down.filter(|_| !history.probes.iter().any(lasts));
    if let Some(outage) = assumed.map(|i| &history.outages[i]) {
        let (start, end) = extent(outage, to);
        let seconds = Spans::one(start.max(from), end).difference(&probes.silent);
        probes_down = probes_down.union(&seconds);
    }
    let faults: Spans = history.faults.iter().copied().collect();
    let uncovered = Spans::one(from, to)
        .difference(&probes.configured)
        .union(&probes.silent);
    let mut degraded_as_down = Spans::new();
    if degraded_is_down(policy) {
        degraded_as_down = probes
            .degraded
            .difference(&uncovered)
            .difference(&probes_down);
        probes_down = probes_down.union(&degraded_as_down);
    }
    let probes_down = probes_down.difference(&faults);
    let outages = history.outages.iter().filter(|o| o.declared);
    let declared = outages.map(|o| extent(o, to)).collect::<Spans>();
    let declared = declared.clip(from, to);
    let down = probes_down.union(&declared);
    let uncovered = uncovered.union(&faults.clip(from, to));
    let unknown = uncovered.difference(&down);
    Observed {
        lookback,
        agreed: agreed(history, policy, lookback),
        degraded: probes.degraded.difference(&down).difference(&unknown),
        degraded_as_down: degraded_as_down.difference(&faults).difference(&declared),
        probes_down,
        declared,
        unknown,
        uncovered,
    }
}

impl Observed {
    /// All downtime.
    pub(super) fn down(&self) -> Spans {
        self.probes_down.union(&self.declared)
    }

    /// The runs in order of start.
    pub(super) fn runs(&self, history: &History) -> Vec<Run> {
        let (lo, hi) = self.lookback;
        let outages: Spans = history
            .outages
            .iter()
            .filter(|o| !o.declared)
            .map(|o| extent(o, hi))
            .filter(|(_, to)| *to > lo)
            .collect();
        outages
            .union(&self.probes_down)
            .iter()
            .filter(|(start, _)| *start < hi)
            .map(|(start, end)| Run {
                start,
                end,
                seconds: self.probes_down.clip(start, end),
            })
            .collect()
    }

    /// The groups within the lookback, in order of time.
    pub(super) fn groups(&self, history: &History, runs: &[Run], until: i64) -> Vec<Group> {
        let (lo, hi) = self.lookback;
        let outages = history.outages.iter().enumerate().map(|(i, o)| {
            let (from, to) = extent(o, hi);
            let open = o.end.is_none_or(|end| second(end) > until);
            (from, to, open, Some(i))
        });
        let endless = history.probes.iter().any(|probe| {
            let lists = [&probe.down, &probe.degraded];
            lists.iter().any(|l| l.iter().any(|d| d.1.is_none()))
        });
        let runs = runs
            .iter()
            .map(|r| (r.start, r.end, endless && r.end >= until, None));
        let mut items: Vec<_> = outages
            .chain(runs)
            .filter(|(from, to, _, _)| from < to && *to > lo && *from < hi)
            .collect();
        items.sort_unstable();
        let mut groups: Vec<Group> = Vec::new();
        for (from, to, open, outage) in items {
            match groups.last_mut() {
                Some(group) if from <= group.to => {
                    group.to = group.to.max(to);
                    group.open |= open;
                    group.outages.extend(outage);
                }
                _ => groups.push(Group {
                    from,
                    to,
                    open,
                    outages: outage.into_iter().collect(),
                }),
            }
        }
        groups
    }
}
