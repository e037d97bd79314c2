//! What was down, up and unknown, before anybody excuses anything; and which run each second of
//! downtime belongs to.
//!
//! In order: a declared outage is down; a fault of the monitor is unknown; a probe that is
//! confirmed down and not silent is down; a silent probe, or none at all, is unknown; the rest is
//! up, degraded where a probe says so.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::calendar;
use crate::catalogue::Affects;
use crate::id::IncidentId;
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans, instant, second};

use super::{History, OutageHistory, ProbeHistory, Readings};

/// The classes of a system's time before section 5, within `hull`.
#[derive(Clone, Debug, Default)]
pub(super) struct Ground {
    /// `[from, to)`, in whole seconds: the period and everything that reaches into it.
    pub(super) hull: (i64, i64),
    /// Service hours within the system's life.
    pub(super) agreed: Spans,
    /// Down by what probes saw.
    pub(super) observed: Spans,
    /// Down by what a person declared.
    pub(super) declared: Spans,
    /// Nothing vouches for it.
    pub(super) unknown: Spans,
    /// The same, also where it is down by another probe or a declaration.
    pub(super) unvouched: Spans,
    /// The part of the rest that was slow or impaired.
    pub(super) degraded: Spans,
    /// The part of what is down that was degraded and no worse: the policy counts it as down.
    pub(super) degraded_as_down: Spans,
}

/// One run of observed downtime: outages, and downtime that no outage records, with no second
/// between them that is neither.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Where it began.
    pub(super) start: i64,
    /// Where it ended, or the end of what is known.
    pub(super) end: i64,
    /// Its downtime; what is unknown within it does not split it.
    pub(super) seconds: Spans,
}

/// Outages (declared ones too) and runs with no second between them, as one.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Its first second.
    pub(super) from: i64,
    /// The second after its last.
    pub(super) to: i64,
    /// Whether it is not over.
    pub(super) open: bool,
    /// Its outages, as indices into the history.
    pub(super) outages: Vec<usize>,
}

/// The seconds of an outage; one that has not ended ends at `until`.
pub(super) fn extent(outage: &OutageHistory, until: i64) -> (i64, i64) {
    let to = outage.end.map_or(until, second).min(until);
    (second(outage.start), to)
}

/// The spans of flapping incidents, each from the first to the last of its outages: what is tested
/// by their sum is needed whole.
pub(super) fn flapping(history: &History, until: i64) -> Vec<(i64, i64)> {
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

/// For each group a number that it shares with those it belongs together with, by the flapping
/// incidents of their outages.
pub(super) fn families(history: &History, groups: &[Group]) -> Vec<usize> {
    let mut families: Vec<usize> = (0..groups.len()).collect();
    let mut first: BTreeMap<IncidentId, usize> = BTreeMap::new();
    for (i, group) in groups.iter().enumerate() {
        let incidents = group.outages.iter();
        for incident in incidents.filter_map(|o| history.outages[*o].flapping) {
            let (old, new) = (families[i], families[*first.entry(incident).or_insert(i)]);
            for family in families.iter_mut().filter(|f| **f == old) {
                *family = new;
            }
        }
    }
    families
}

fn is_availability(probe: &&ProbeHistory) -> bool {
    probe.affects == Affects::Availability
}

fn degraded_is_down(policy: Option<&Policy>) -> bool {
    policy.is_some_and(|p| p.degraded_is_down)
}

/// The period and all that reaches into it: an outage or a window that crosses an edge is needed
/// whole, and with a monthly allowance the whole month is.
pub(super) fn hull(
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    until: i64,
) -> (i64, i64) {
    let open = |list: &[(Timestamp, Option<Timestamp>)]| -> Vec<(i64, i64)> {
        list.iter()
            .map(|(from, to)| (second(*from), to.map_or(until, second)))
            .collect()
    };
    let mut downtime: Vec<(i64, i64)> = history.outages.iter().map(|o| extent(o, until)).collect();
    downtime.extend(flapping(history, until));
    for probe in &history.probes {
        if probe.affects == Affects::Availability {
            downtime.extend(open(&probe.down));
        }
        if degraded_is_down(policy) {
            downtime.extend(open(&probe.down));
            downtime.extend(open(&probe.degraded));
        }
    }
    let windows = history.windows.iter().map(|w| {
        let parts = w.earning.iter().map(|part| part.span);
        let from = parts.clone().map(|s| s.from).fold(w.span.from, Ord::min);
        let to = parts.map(|s| s.to).fold(w.span.to, Ord::max);
        (second(from), second(to))
    });
    let backwards: Vec<(i64, i64)> = windows.chain(downtime.iter().copied()).collect();
    let capped = policy.is_some_and(|p| p.monthly_allowance_s.is_some());
    let mut from = second(period.from).min(until);
    let mut to = second(period.to).min(until).max(from);
    loop {
        let before = (from, to);
        for (start, end) in &backwards {
            if *start < from && *end >= from {
                from = *start;
            }
        }
        for (start, end) in &downtime {
            if *start <= to && *end > to {
                to = (*end).min(until).max(to);
            }
        }
        if capped {
            from = second(months.around(instant(from)).from).min(from);
        }
        if before == (from, to) {
            return before;
        }
    }
}

/// Service hours within `hull` and the system's life. A zone that does not exist leaves all hours
/// agreed, which is the stricter reading; the configuration does not let one through.
pub(super) fn agreed(history: &History, policy: Option<&Policy>, hull: (i64, i64)) -> Spans {
    let life = Spans::of_open(&history.life, hull.1).clip(hull.0, hull.1);
    match policy.and_then(|p| p.service_hours.as_ref()) {
        None => life,
        Some(hours) => calendar::open(hours, Span::new(instant(hull.0), instant(hull.1)))
            .map_or(life.clone(), |open| life.intersection(&open)),
    }
}

/// Everything before section 5. `ongoing` (an index) names an outage that is taken to be down
/// until the end wherever nothing is silent, unless a probe of the history is so already: between
/// two probes of one outage the system may have been up.
pub(super) fn ground(
    readings: &Readings,
    history: &History,
    policy: Option<&Policy>,
    hull: (i64, i64),
    ongoing: Option<usize>,
) -> Ground {
    let (from, to) = hull;
    let all = Spans::one(from, to);
    let list = |l: &[(Timestamp, Option<Timestamp>)]| Spans::of_open(l, to).clip(from, to);
    let mut covered = Spans::new();
    let mut silent = Spans::new();
    let mut observed = Spans::new();
    let mut degraded = Spans::new();
    for probe in &history.probes {
        let alive = list(&probe.life);
        let mute = list(&probe.silent).intersection(&alive);
        let down = (readings.vouched)(&list(&probe.down).intersection(&alive), &mute);
        let impaired = list(&probe.degraded).intersection(&alive).difference(&mute);
        degraded = degraded.union(&impaired);
        if is_availability(&probe) {
            covered = covered.union(&alive);
            silent = silent.union(&mute);
            observed = observed.union(&down);
        } else {
            degraded = degraded.union(&down);
        }
    }
    let faults: Spans = history.faults.iter().copied().collect();
    let open =
        |spans: &[(Timestamp, Option<Timestamp>)]| spans.last().is_some_and(|s| s.1.is_none());
    let goes_on = |p: &ProbeHistory| is_availability(&p) && open(&p.down) && open(&p.life);
    let assumed = ongoing.filter(|_| !history.probes.iter().any(goes_on));
    if let Some(outage) = assumed.map(|i| &history.outages[i]) {
        let (start, end) = extent(outage, to);
        observed = observed.union(&Spans::one(start.max(from), end).difference(&silent));
    }
    let unvouched = silent.union(&all.difference(&covered));
    let mut degraded_as_down = Spans::new();
    if degraded_is_down(policy) {
        degraded_as_down = degraded.difference(&unvouched).difference(&observed);
        observed = observed.union(&degraded_as_down);
    }
    let observed = observed.difference(&faults);
    let declared = history
        .outages
        .iter()
        .filter(|o| o.declared)
        .map(|o| extent(o, to))
        .collect::<Spans>()
        .clip(from, to);
    let down = observed.union(&declared);
    let unvouched = unvouched.union(&faults.clip(from, to));
    let unknown = unvouched.difference(&down);
    let degraded = degraded.difference(&down).difference(&unknown);
    let degraded_as_down = degraded_as_down.difference(&faults).difference(&declared);
    Ground {
        hull,
        agreed: agreed(history, policy, hull),
        observed,
        declared,
        unknown,
        unvouched,
        degraded,
        degraded_as_down,
    }
}

impl Ground {
    /// All downtime.
    pub(super) fn down(&self) -> Spans {
        self.observed.union(&self.declared)
    }

    /// The runs of observed downtime, in order of start: the outages, and downtime that no outage
    /// records (degraded time that counts as down). What overlaps or touches is one run: an
    /// outage that begins in the midst of downtime is no new beginning.
    pub(super) fn runs(&self, history: &History) -> Vec<Run> {
        let (lo, hi) = self.hull;
        let recorded: Spans = history
            .outages
            .iter()
            .filter(|o| !o.declared)
            .map(|o| extent(o, hi))
            .filter(|(_, to)| *to > lo)
            .collect();
        let all = recorded.union(&self.observed);
        all.iter()
            .filter(|(start, _)| *start < hi)
            .map(|(start, end)| Run {
                start,
                end,
                seconds: self.observed.clip(start, end),
            })
            .collect()
    }

    /// What overlaps or touches, as one: every outage of the history within the hull, declared
    /// ones too, and the runs.
    pub(super) fn groups(&self, history: &History, runs: &[Run], until: i64) -> Vec<Group> {
        let (lo, hi) = self.hull;
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
