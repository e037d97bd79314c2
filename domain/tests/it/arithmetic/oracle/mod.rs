//! Sections 5 and 6 once more, second by second and without any cleverness. It shares types with
//! the code, and nothing else: no sets of spans, no calendar.

mod planned;

use domain::accounting::{Figures, History, OutageHistory, Verdict};
use domain::catalogue::Affects;
use domain::policy::{Hours, LocalTime, Policy, Target};
use domain::span::{Span, Spans};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use planned::{ByWindows, by_windows};

/// The input of the oracle.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub history: &'a History,
    pub period: Span,
    pub zone: &'a TimeZone,
    pub policy: Option<&'a Policy>,
    pub target: Option<Target>,
    pub as_of: Timestamp,
    /// The seconds that are looked at: everything that matters lies within.
    pub domain: (i64, i64),
}

/// Planned, excluded, unplanned, unknown; the windows; the first unplanned second; ignored, and
/// whether it is the one that counts of those that overlap.
type OfOutage = (u64, [i64; 4], Vec<String>, Option<i64>, [bool; 2]);

/// The compared figures, as numbers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Answer {
    pub agreed_up_degraded: [i64; 3],
    pub planned_excluded_unplanned_unknown: [i64; 4],
    pub unknown_as_down_s: i64,
    /// Parts of the unplanned time: without a sample, and only degraded.
    pub unseen_and_degraded: [i64; 2],
    pub contract: Option<(i64, i64)>,
    pub experienced: Option<(i64, i64)>,
    pub coverage: Option<(i64, i64)>,
    pub best: Option<(i64, i64)>,
    pub worst: Option<(i64, i64)>,
    pub verdict: String,
    pub budget_and_left: Option<(i64, i64)>,
    pub within_measurement_error: bool,
    pub running: bool,
    pub blips: (i64, i64),
    pub outages: i64,
    pub mtrs_s: Option<i64>,
    pub mtbf_s: Option<i64>,
    pub longest_s: Option<i64>,
    pub by_outage: Vec<OfOutage>,
    /// Downtime, planned and overrun.
    pub by_window: Vec<(String, [i64; 3])>,
}

fn floor(at: Timestamp) -> i64 {
    at.as_nanosecond().div_euclid(1_000_000_000) as i64
}

fn word(verdict: Verdict, on_measured_time: bool) -> String {
    let suffix = if on_measured_time {
        " on measured time"
    } else {
        ""
    };
    format!("{}{suffix}", verdict.word())
}

impl Answer {
    /// The code's own figures in the oracle's form.
    pub fn of(figures: &Figures) -> Self {
        let pair = |r: Option<domain::accounting::Ratio>| r.map(|r| (r.num, r.den));
        Self {
            agreed_up_degraded: [figures.agreed_s, figures.up_s, figures.degraded_s],
            planned_excluded_unplanned_unknown: [
                figures.planned_s,
                figures.excluded_s,
                figures.unplanned_s,
                figures.unknown_s,
            ],
            unknown_as_down_s: figures.unknown_as_down_s,
            unseen_and_degraded: [figures.unplanned_unseen_s, figures.unplanned_degraded_s],
            contract: pair(figures.contract_availability),
            experienced: pair(figures.experienced_availability),
            coverage: pair(figures.coverage),
            best: pair(figures.availability_at_best),
            worst: pair(figures.availability_at_worst),
            verdict: word(figures.verdict, figures.on_measured_time),
            budget_and_left: figures.budget_s.zip(figures.budget_left_s),
            within_measurement_error: figures.within_measurement_error,
            running: figures.running,
            blips: (figures.blips, figures.blip_s),
            outages: figures.outages,
            mtrs_s: figures.mtrs_s,
            mtbf_s: figures.mtbf_s,
            longest_s: figures.longest_s,
            by_outage: figures
                .by_outage
                .iter()
                .map(|o| {
                    let seconds = [o.planned_s, o.excluded_s, o.unplanned_s, o.unknown_s];
                    let windows = o.windows.iter().map(ToString::to_string).collect();
                    let first = o.first_unplanned_at.map(floor);
                    (o.id.0, seconds, windows, first, [o.ignored, o.counted])
                })
                .collect(),
            by_window: figures
                .by_window
                .iter()
                .map(|w| {
                    let seconds = [&w.downtime, &w.planned, &w.overrun].map(Spans::seconds);
                    (w.id.to_string(), seconds)
                })
                .collect(),
        }
    }
}

/// One flag per second of the domain.
type Flags = Vec<bool>;

struct Seconds<'a> {
    ask: Question<'a>,
    lo: i64,
    n: usize,
    /// Seconds from here on are not known yet.
    until: i64,
}

impl Seconds<'_> {
    fn flags(&self) -> Flags {
        vec![false; self.n]
    }

    /// Marks the seconds `[from, to)`.
    fn paint(&self, flags: &mut Flags, from: i64, to: i64) {
        for t in from.max(self.lo)..to.min(self.lo + self.n as i64) {
            flags[(t - self.lo) as usize] = true;
        }
    }

    fn open_list(&self, list: &[(Timestamp, Option<Timestamp>)]) -> Flags {
        let mut flags = self.flags();
        for (from, to) in list {
            self.paint(&mut flags, floor(*from), to.map_or(i64::MAX, floor));
        }
        flags
    }

    fn spans(&self, list: &[Span]) -> Flags {
        let mut flags = self.flags();
        for span in list {
            self.paint(&mut flags, floor(span.from), floor(span.to));
        }
        flags
    }

    fn extent(&self, outage: &OutageHistory) -> (i64, i64) {
        let to = outage.end.map_or(self.until, floor).min(self.until);
        (floor(outage.start), to)
    }

    /// True if the second lies in the hours, by the local clocks of both edges.
    fn in_hours(&self, hours: &Hours, t: i64) -> bool {
        let at = Timestamp::from_second(t).unwrap();
        let local = |edge: &LocalTime| {
            let zone = TimeZoneDatabase::bundled().get(&edge.zone).unwrap();
            zone.to_datetime(at)
        };
        hours.weekly.iter().any(|entry| {
            let (opening, closing) = (local(&entry.open), local(&entry.close));
            let today = opening.date();
            [today, today.yesterday().unwrap()].into_iter().any(|day| {
                let overnight = entry.close.time <= entry.open.time;
                let last = if overnight {
                    day.tomorrow().unwrap()
                } else {
                    day
                };
                entry.weekday == day.weekday()
                    && !hours.is_holiday(day)
                    && opening >= day.to_datetime(entry.open.time)
                    && closing < last.to_datetime(entry.close.time)
            })
        })
    }

    fn month(&self, t: i64) -> (i16, i8) {
        let date = self
            .ask
            .zone
            .to_datetime(Timestamp::from_second(t).unwrap());
        (date.year(), date.month())
    }
}

struct Ground {
    agreed: Flags,
    observed: Flags,
    declared: Flags,
    unknown: Flags,
    unvouched: Flags,
    degraded: Flags,
    /// Down by the policy alone: degraded, and no worse.
    impaired: Flags,
}

fn ground(s: &Seconds) -> Ground {
    let h = s.ask.history;
    let policy = s.ask.policy;
    let life = s.open_list(&h.life);
    let faults = s.spans(&h.faults);
    let known = (s.until - s.lo).clamp(0, s.n as i64) as usize;
    let saw = probed(s, known);
    let mut g = Ground {
        agreed: s.flags(),
        observed: s.flags(),
        declared: s.flags(),
        unknown: s.flags(),
        unvouched: s.flags(),
        degraded: s.flags(),
        impaired: s.flags(),
    };
    for outage in h.outages.iter().filter(|o| o.declared) {
        let (from, to) = s.extent(outage);
        s.paint(&mut g.declared, from, to);
    }
    let hours = policy.and_then(|p| p.service_hours.as_ref());
    let degraded_is_down = policy.is_some_and(|p| p.degraded_is_down);
    let mut open = true;
    for i in 0..known {
        let t = s.lo + i as i64;
        // Nothing opens or closes between two full minutes.
        if let Some(hours) = hours
            && (i == 0 || t % 60 == 0)
        {
            open = s.in_hours(hours, t);
        }
        g.agreed[i] = open && life[i];
        let mute = !saw.watched[i] || saw.silent[i];
        let down = saw.down[i] || (degraded_is_down && saw.slow[i] && !mute);
        g.observed[i] = down && !faults[i];
        g.impaired[i] = g.observed[i] && !saw.down[i] && !g.declared[i];
        let is_down = g.observed[i] || g.declared[i];
        g.unvouched[i] = faults[i] || mute;
        g.unknown[i] = !is_down && g.unvouched[i];
        g.degraded[i] = !is_down && !g.unknown[i] && saw.slow[i];
    }
    g
}

/// The probes' states of each second.
struct Probed {
    /// One that affects availability is there.
    watched: Flags,
    /// One of those is silent.
    silent: Flags,
    /// One of those is down and not silent.
    down: Flags,
    /// One of any kind is degraded and not silent, or one that affects degradation is down.
    slow: Flags,
}

fn probed(s: &Seconds, known: usize) -> Probed {
    let mut all = Probed {
        watched: s.flags(),
        silent: s.flags(),
        down: s.flags(),
        slow: s.flags(),
    };
    for probe in &s.ask.history.probes {
        let lists = [&probe.life, &probe.silent, &probe.down, &probe.degraded];
        let lists = lists.map(|l| s.open_list(l));
        let [life, silent, down, degraded] = lists.each_ref().map(|l| &l[..known]);
        let availability = probe.affects == Affects::Availability;
        let (watched, mute) = (&mut all.watched[..known], &mut all.silent[..known]);
        let (failed, slow) = (&mut all.down[..known], &mut all.slow[..known]);
        for i in 0..known {
            let heard = life[i] & !silent[i];
            watched[i] |= availability & life[i];
            mute[i] |= availability & life[i] & silent[i];
            failed[i] |= availability & heard & down[i];
            slow[i] |= heard & (degraded[i] | (!availability & down[i]));
        }
    }
    all
}

type Runs = (Vec<Option<usize>>, Vec<(i64, i64)>, Vec<(i64, i64)>);

/// For every second of observed downtime the run it belongs to; each run's span; and the downtime
/// that no outage records.
fn runs(s: &Seconds, g: &Ground) -> Runs {
    let observed = s.ask.history.outages.iter().filter(|o| !o.declared);
    let spans = united(observed.map(|o| s.extent(o)).collect());
    let of = |t: i64| spans.iter().any(|(from, to)| *from <= t && t < *to);
    let mut loose: Vec<(i64, i64)> = Vec::new();
    for i in 0..s.n {
        let t = s.lo + i as i64;
        if g.observed[i] && !of(t) {
            match loose.last_mut() {
                Some(last) if last.1 == t => last.1 = t + 1,
                _ => loose.push((t, t + 1)),
            }
        }
    }
    let spans = united(spans.into_iter().chain(loose.clone()).collect());
    let run = (0..s.n).map(|i| {
        let t = s.lo + i as i64;
        let run = || spans.iter().position(|(from, to)| *from <= t && t < *to);
        g.observed[i].then(run).flatten()
    });
    (run.collect(), spans, loose)
}

/// Unites spans that overlap or touch, two at a time, until nothing changes.
fn united(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.retain(|(from, to)| from < to);
    loop {
        let pair = (0..spans.len())
            .flat_map(|a| (0..a).map(move |b| (a, b)))
            .find(|(a, b)| spans[*a].0 <= spans[*b].1 && spans[*b].0 <= spans[*a].1);
        let Some((a, b)) = pair else { return spans };
        spans[b] = (spans[a].0.min(spans[b].0), spans[a].1.max(spans[b].1));
        spans.remove(a);
    }
}

/// One letter per second: `-` not agreed, `u` up, `g` degraded, `p` planned, `x` excluded,
/// `d` unplanned, `?` unknown; and in capitals what is unknown but counts as down.
pub struct Ruling {
    pub lo: i64,
    pub letters: Vec<u8>,
    planned_by: Vec<Flags>,
    /// The window whose overrun each second would be; none of what a person said or took back.
    overrun_of: Vec<Option<usize>>,
    down: Flags,
    impaired: Flags,
    /// With whether each is still going on.
    groups: Vec<Group>,
    ignored: Vec<(i64, i64)>,
    until: i64,
}

/// The planned time: agreed, neither declared nor reclassified, within the monthly allowance.
fn planned(s: &Seconds, g: &Ground, by_window: &[Flags], taken_back: &Flags) -> Flags {
    let cap = s.ask.policy.and_then(|p| p.monthly_allowance_s);
    let mut planned = s.flags();
    let mut month = (0, 0);
    let mut spent = 0;
    for i in 0..s.n {
        // A month cannot begin between two full minutes.
        let t = s.lo + i as i64;
        if i == 0 || t % 60 == 0 {
            let now = s.month(t);
            if now != month {
                (month, spent) = (now, 0);
            }
        }
        // Only observed downtime is planned.
        let excused = g.agreed[i] && g.observed[i] && by_window.iter().any(|w| w[i]);
        let kept = excused && !g.declared[i] && !taken_back[i];
        if kept && cap.is_none_or(|cap| spent < cap) {
            spent += 1;
            planned[i] = true;
        }
    }
    planned
}

/// A group of outages and runs that overlap or touch, and whether it still goes on.
type Group = ((i64, i64), bool);

fn groups(s: &Seconds, spans: &[(i64, i64)], loose: &[(i64, i64)]) -> Vec<Group> {
    let h = s.ask.history;
    let recorded = h.outages.iter().map(|o| s.extent(o));
    let still = |l: &[(Timestamp, Option<Timestamp>)]| l.iter().any(|d| d.1.is_none());
    let mut probes = h.probes.iter();
    let endless = probes.any(|p| still(&p.down) || still(&p.degraded));
    united(recorded.chain(loose.iter().copied()).collect())
        .into_iter()
        .map(|(from, to)| {
            let within = |at: i64| from <= at && at < to;
            let open = h
                .outages
                .iter()
                .any(|o| within(floor(o.start)) && o.end.is_none_or(|end| floor(end) > s.until));
            let late = spans.iter().any(|run| within(run.0) && run.1 >= s.until);
            ((from, to), open || (endless && late))
        })
        .collect()
}

/// A group and all that share a flapping incident with it, or with one of those, and so on.
fn relatives(s: &Seconds, groups: &[Group], group: Group) -> Vec<Group> {
    let incidents = |((from, to), _): &Group| -> Vec<u64> {
        let mut within = Vec::new();
        for outage in &s.ask.history.outages {
            let (start, end) = s.extent(outage);
            if *from <= start && end <= *to && start < end {
                within.extend(outage.flapping.map(|i| i.0));
            }
        }
        within
    };
    let mut related = vec![group];
    loop {
        let known: Vec<u64> = related.iter().flat_map(incidents).collect();
        let next = groups.iter().find(|g| {
            !related.contains(g) && incidents(g).iter().any(|incident| known.contains(incident))
        });
        match next {
            Some(next) => related.push(*next),
            None => return related,
        }
    }
}

/// The class of every second of the domain.
pub fn ruling(ask: Question) -> Ruling {
    let s = Seconds {
        ask,
        lo: ask.domain.0,
        n: (ask.domain.1 - ask.domain.0) as usize,
        until: floor(ask.as_of),
    };
    let g = ground(&s);
    let (run, spans, loose) = runs(&s, &g);
    let ByWindows {
        by_window,
        overrun_of,
    } = by_windows(&s, &run, &spans);
    let mut taken_back = s.flags();
    for outage in ask.history.outages.iter().filter(|o| o.reclassified) {
        let (from, to) = s.extent(outage);
        s.paint(&mut taken_back, from, to);
    }
    let planned = planned(&s, &g, &by_window, &taken_back);
    let down: Flags = (0..s.n).map(|i| g.observed[i] || g.declared[i]).collect();
    let exclusions = s.spans(&ask.history.exclusions);
    let groups = groups(&s, &spans, &loose);
    let threshold = ask.policy.map_or(0, |p| p.ignore_shorter_s);
    let mut ignored = Vec::new();
    let mut short = s.flags();
    for group in &groups {
        let mut related = s.flags();
        let mut open = false;
        for ((from, to), goes_on) in relatives(&s, &groups, *group) {
            s.paint(&mut related, from, to);
            open |= goes_on;
        }
        let seconds = (0..s.n).filter(|i| related[*i] && down[*i]).count();
        if !open && (seconds as i64) < threshold {
            ignored.push(group.0);
            s.paint(&mut short, group.0.0, group.0.1);
        }
    }
    let strict = ask.policy.is_some_and(|p| p.unknown_is_down);
    let letter = |i: usize| match () {
        () if !g.agreed[i] => b'-',
        () if down[i] && planned[i] => b'p',
        () if down[i] && exclusions[i] => b'x',
        () if down[i] && short[i] && !(strict && g.unvouched[i]) => b'x',
        () if down[i] => b'd',
        () if g.unknown[i] && strict && exclusions[i] => b'X',
        () if g.unknown[i] && strict => b'D',
        () if g.unknown[i] => b'?',
        () if g.degraded[i] => b'g',
        () => b'u',
    };
    let observed = |i: usize| g.observed[i] && !g.declared[i] && !taken_back[i];
    let overrun_of = overrun_of.into_iter().enumerate();
    Ruling {
        lo: s.lo,
        letters: (0..s.n).map(letter).collect(),
        planned_by: by_window,
        overrun_of: overrun_of.map(|(i, w)| w.filter(|_| observed(i))).collect(),
        down,
        impaired: g.impaired,
        groups,
        ignored,
        until: s.until,
    }
}

/// Which letters are meant, by their number.
pub fn wanted(letters: &[u8]) -> [bool; 256] {
    let mut wanted = [false; 256];
    for letter in letters {
        wanted[usize::from(*letter)] = true;
    }
    wanted
}

impl Ruling {
    /// How many seconds of `[from, to)` bear one of the letters.
    fn count(&self, letters: &[u8], from: i64, to: i64) -> i64 {
        let (a, b) = self.within(from, to);
        let wanted = wanted(letters);
        let bear = |l: &&u8| wanted[usize::from(**l)];
        self.letters[a..b].iter().filter(bear).count() as i64
    }

    fn impaired_unplanned(&self, from: i64, to: i64) -> i64 {
        let (a, b) = self.within(from, to);
        let counts = |i: &usize| self.letters[*i] == b'd' && self.impaired[*i];
        (a..b).filter(counts).count() as i64
    }

    fn within(&self, from: i64, to: i64) -> (usize, usize) {
        let n = self.letters.len() as i64;
        let at = |t: i64| (t - self.lo).clamp(0, n) as usize;
        (at(from), at(to).max(at(from)))
    }

    fn first(&self, letters: &[u8], from: i64, to: i64) -> Option<i64> {
        let (a, b) = self.within(from, to);
        let found = self.letters[a..b]
            .iter()
            .position(|l| letters.contains(l))?;
        Some(self.lo + (a + found) as i64)
    }
}

/// Every figure of section 6.
pub fn answer(ask: Question, r: &Ruling) -> Answer {
    let (from, to) = (floor(ask.period.from), floor(ask.period.to));
    let of = |letters: &[u8]| r.count(letters, from, to);
    let agreed = of(b"ugpxdXD?");
    let (up, degraded) = (of(b"ug"), of(b"g"));
    let (planned, excluded, unplanned, unknown) = (of(b"p"), of(b"xX"), of(b"dD"), of(b"?"));
    let as_down = of(b"XD");
    let ratio = |num: i64, den: i64| (den > 0).then_some((num, den));
    let measured = agreed - planned - excluded - unknown;
    let contract = ratio(measured - unplanned, measured);
    // At best, all of it was up: what the policy counts as down, too. The verdict is the policy's.
    let (all, unseen) = (measured + unknown, of(b"D"));
    let best = ratio(all - (unplanned - unseen), all);
    let best_by_policy = ratio(all - unplanned, all);
    let worst = ratio(measured - unplanned, measured + unknown);
    let coverage = ratio(agreed - unknown - as_down, agreed);
    let reaches = |r: Option<(i64, i64)>, ppm: u32| {
        r.map(|(n, d)| i128::from(n) * 1_000_000 >= i128::from(d) * i128::from(ppm))
    };
    let min_coverage = ask.policy.map_or(990_000, |p| p.min_coverage_ppm);
    let verdict = match ask.target {
        None => word(Verdict::NoTarget, false),
        Some(Target { ppm }) => match (
            reaches(best_by_policy, ppm),
            reaches(worst, ppm),
            reaches(contract, ppm),
        ) {
            (Some(false), _, _) => word(Verdict::Missed, false),
            (_, Some(true), _) => word(Verdict::Met, false),
            (_, _, Some(met)) if reaches(coverage, min_coverage) == Some(true) => {
                word(if met { Verdict::Met } else { Verdict::Missed }, true)
            }
            _ => word(Verdict::NotDeterminable, false),
        },
    };
    // In millionths of a second.
    let budget_and_left = ask.target.map(|Target { ppm }| {
        let promised = if r.until < to {
            whole_agreed(ask) - planned - excluded - unknown
        } else {
            measured
        };
        let budget = (1_000_000 - i64::from(ppm)) * promised;
        (budget, budget - 1_000_000 * unplanned)
    });
    let floored =
        |(budget, left): (i64, i64)| (budget.div_euclid(1_000_000), left.div_euclid(1_000_000));
    let mut answer = Answer {
        agreed_up_degraded: [agreed, up, degraded],
        planned_excluded_unplanned_unknown: [planned, excluded, unplanned, unknown],
        unknown_as_down_s: as_down,
        unseen_and_degraded: [unseen, r.impaired_unplanned(from, to)],
        contract,
        experienced: ratio(
            agreed - unknown - planned - excluded - unplanned,
            agreed - unknown,
        ),
        coverage,
        best,
        worst,
        verdict,
        budget_and_left: budget_and_left.map(floored),
        within_measurement_error: budget_and_left
            .is_some_and(|(_, left)| 1_000_000 * edges_s(ask, r) > left.abs()),
        running: ask.as_of < ask.period.to,
        ..Answer::default()
    };
    add_outages(ask, r, &mut answer);
    add_windows(ask, r, &mut answer);
    answer
}

/// The agreed seconds of the whole period, also those that are still to come.
fn whole_agreed(ask: Question) -> i64 {
    let (from, to) = (floor(ask.period.from), floor(ask.period.to));
    let s = Seconds {
        ask,
        lo: from,
        n: (to - from).max(0) as usize,
        until: to,
    };
    ground(&s).agreed.iter().filter(|agreed| **agreed).count() as i64
}

/// How exactly the edges are known that probes saw, of downtime that is held against anybody.
fn edges_s(ask: Question, r: &Ruling) -> i64 {
    let (from, to) = (floor(ask.period.from), floor(ask.period.to));
    let mut all = 0;
    for outage in ask.history.outages.iter().filter(|o| !o.declared) {
        let (start, end) = extent(r, outage);
        if r.count(b"dD", start.max(from), end.min(to)) > 0 {
            for edge in [Some(outage.start), outage.end].into_iter().flatten() {
                let inside = ask.period.from <= edge && edge < ask.period.to;
                all += if inside { outage.edge_s } else { 0 };
            }
        }
    }
    all
}

fn extent(r: &Ruling, outage: &OutageHistory) -> (i64, i64) {
    let end = outage.end.map_or(r.until, floor).min(r.until);
    (floor(outage.start), end)
}

fn add_outages(ask: Question, r: &Ruling, answer: &mut Answer) {
    let (from, to) = (floor(ask.period.from), floor(ask.period.to));
    let h = ask.history;
    let (mut restored, mut seconds) = (0, 0);
    let mut counted = Vec::new();
    for ((start, end), open) in &r.groups {
        let mut within: Vec<&OutageHistory> = h.outages.iter().collect();
        within.retain(|o| {
            let (a, b) = extent(r, o);
            a < b && *start <= a && b <= *end
        });
        within.sort_by_key(|o| (o.start, o.id));
        let first = r.first(b"dD", *start, *end);
        let Some(first) = first.filter(|_| !within.is_empty()) else {
            continue;
        };
        if from <= first && first < to {
            let holds = |o: &&&OutageHistory| extent(r, o).0 <= first && first < extent(r, o).1;
            counted.push(within.iter().find(holds).unwrap_or(&within[0]).id);
        }
        if !open && from <= *end && *end < to {
            restored += 1;
            seconds += r.count(b"dD", *start, *end);
        }
        let share = r.count(b"dD", (*start).max(from), (*end).min(to));
        answer.longest_s = answer.longest_s.max((share > 0).then_some(share));
    }
    answer.outages = counted.len() as i64;
    answer.mtrs_s = (restored > 0).then(|| seconds / restored);
    answer.mtbf_s = (answer.outages > 0).then(|| answer.agreed_up_degraded[1] / answer.outages);
    for outage in &h.outages {
        let (start, end) = extent(r, outage);
        if start >= to || start > r.until || (end <= from && start < from) {
            continue;
        }
        let of = |letters: &[u8]| r.count(letters, start.max(from), end.min(to));
        let mut windows = Vec::new();
        for (w, window) in h.windows.iter().enumerate() {
            let (a, b) = r.within(start, end);
            if (a..b).any(|i| r.planned_by[w][i] && r.letters[i] == b'p') {
                windows.push(window.id.to_string());
            }
        }
        let ignored = start < end && r.ignored.iter().any(|(a, b)| *a <= start && end <= *b);
        answer.by_outage.push((
            outage.id.0,
            [of(b"p"), of(b"xX"), of(b"dD"), of(b"?")],
            windows,
            r.first(b"dD", start, end),
            [ignored, counted.contains(&outage.id)],
        ));
    }
}

fn add_windows(ask: Question, r: &Ruling, answer: &mut Answer) {
    let (from, to) = (floor(ask.period.from), floor(ask.period.to));
    let inside = |t: i64| from <= t && t < to && r.letters[(t - r.lo) as usize] != b'-';
    let all: Vec<usize> = (0..r.letters.len())
        .filter(|i| r.down[*i] && inside(r.lo + *i as i64))
        .collect();
    for (w, window) in ask.history.windows.iter().enumerate() {
        let (start, end) = (floor(window.span.from), floor(window.span.to));
        let (mut down, mut planned, mut overrun) = (0, 0, 0);
        for i in &all {
            let t = r.lo + *i as i64;
            down += i64::from(start <= t && t < end);
            planned += i64::from(r.letters[*i] == b'p' && r.planned_by[w][*i]);
            overrun += i64::from(r.letters[*i] == b'd' && r.overrun_of[*i] == Some(w));
        }
        let touches = !ask.period.is_empty()
            && window.span.from < ask.period.to
            && window.span.to > ask.period.from;
        if touches || overrun > 0 {
            let figures = [down, planned, overrun];
            answer.by_window.push((window.id.to_string(), figures));
        }
    }
    let (a, b) = r.within(from, to);
    let mut blip = vec![false; r.letters.len()];
    for span in ask.history.blips.iter().map(|b| b.span) {
        let (first, end) = r.within(floor(span.from), floor(span.to));
        blip[first..end].fill(true);
        answer.blips.0 += i64::from(inside(floor(span.from)));
    }
    let up = (a..b).filter(|i| blip[*i] && b"ug".contains(&r.letters[*i]));
    answer.blips.1 = up.count() as i64;
}
