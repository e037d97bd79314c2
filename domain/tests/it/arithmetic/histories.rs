//! Random histories of up to four hours around an edge that matters (a month's end, a clock
//! change), on a coarse grid with a little jitter so that edges coincide often.

use crate::service::weekdays;
use domain::accounting::{BlipHistory, Figures, History, OutageHistory, ProbeHistory, account};
use domain::calendar;
use domain::catalogue::Affects;
use domain::id::{IncidentId, OutageId, PolicyId, SystemId, WindowId};
use domain::policy::{Commitments, Holiday, Hours, Policy, Target};
use domain::span::Span;
use domain::windows::{Earned, EarnedPart, Occurrence};
use jiff::civil::{date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

use super::oracle::Question;

mod months;

pub use months::month;

/// Everything that one computation needs.
#[derive(Clone, Debug)]
pub struct Case {
    pub zone: &'static str,
    pub history: History,
    pub period: Span,
    pub policy: Option<Policy>,
    pub target: Option<Target>,
    pub as_of: Timestamp,
    pub domain: (i64, i64),
}

impl Case {
    pub fn tz(&self) -> TimeZone {
        calendar::zone(self.zone).unwrap()
    }

    pub fn figures(&self) -> Figures {
        self.figures_of(&self.history, self.period)
    }

    pub fn figures_of(&self, history: &History, period: Span) -> Figures {
        account(
            history,
            period,
            &self.tz(),
            self.policy.as_ref(),
            self.target,
            self.as_of,
        )
    }

    pub fn question<'a>(&'a self, zone: &'a TimeZone) -> Question<'a> {
        Question {
            history: &self.history,
            period: self.period,
            zone,
            policy: self.policy.as_ref(),
            target: self.target,
            as_of: self.as_of,
            domain: self.domain,
        }
    }
}

/// How many cases: 2,000, or what `NINES_CASES` says.
pub fn cases() -> u32 {
    let asked = std::env::var("NINES_CASES").ok();
    asked.map_or(2_000, |n| n.parse().expect("NINES_CASES is a number"))
}

/// Tests `cases` random values. A failure prints the seed and the smallest case found. `NINES_SEED`
/// replaces the fixed seed; `NINES_NO_SHRINK` prints the first failing case instead of the smallest.
pub fn judge<S: Strategy>(
    cases: u32,
    shrink: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> TestCaseResult,
) -> Result<(), String> {
    let seed = std::env::var("NINES_SEED").ok();
    let seed = seed.map_or(20_261_001, |n| n.parse().expect("NINES_SEED is a number"));
    let quick = std::env::var_os("NINES_NO_SHRINK").is_some();
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: if quick { 0 } else { shrink },
        ..Config::default()
    };
    let run = TestRunner::new(config).run(strategy, test);
    run.map_err(|e| format!("NINES_SEED={seed} NINES_CASES={cases}: {e}"))
}

/// As `judge`, for a test.
pub fn always<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    if let Err(message) = judge(cases, 4_000, strategy, test) {
        panic!("{message}");
    }
}

const HOUR_MS: i64 = 3_600_000;

/// An offset from the start of the domain, in milliseconds.
fn offset() -> impl Strategy<Value = i64> {
    let jitter = select(vec![
        0, 0, 0, 0, 1_000, -1_000, 10_000, -10_000, 29_000, 400, 999,
    ]);
    (1_i64..48, jitter).prop_map(|(slot, jitter)| slot * 300_000 + jitter)
}

/// A start and an end.
fn span() -> impl Strategy<Value = (i64, i64)> {
    let length = select(vec![
        0, 1_000, 10_000, 30_000, 60_000, 299_000, 300_000, 300_000, 310_000, 600_000, 900_000,
        2_400_000, 3_600_000, 7_000_000,
    ]);
    (offset(), length).prop_map(|(from, length)| (from, from + length))
}

type OpenList = Vec<(i64, Option<i64>)>;

/// In order and disjoint; the last may be open.
fn open_list(most: usize) -> impl Strategy<Value = OpenList> {
    (
        prop::collection::vec(span(), 0..=most),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(mut spans, open)| {
            spans.sort_unstable();
            let mut list: OpenList = Vec::new();
            for (from, to) in spans {
                if list
                    .last()
                    .is_none_or(|last| last.1.unwrap_or(i64::MAX) < from)
                    && from < to
                {
                    list.push((from, Some(to)));
                }
            }
            if let Some(last) = list.last_mut().filter(|_| open) {
                last.1 = None;
            }
            list
        })
}

#[derive(Clone, Debug)]
struct RawOutage {
    span: (i64, i64),
    open: bool,
    declared: bool,
    reclassified: bool,
    seen: bool,
    /// The flapping incident.
    flapping: Option<u64>,
}

fn outage() -> impl Strategy<Value = RawOutage> {
    let flag = |p| prop::bool::weighted(p);
    let flags = (flag(0.05), flag(0.15), flag(0.1), flag(0.9));
    let flapping = prop::option::weighted(0.5, 1_u64..=2);
    (span(), flags, flapping).prop_map(|(span, (open, declared, reclassified, seen), flapping)| {
        RawOutage {
            span,
            open,
            declared,
            reclassified,
            seen,
            flapping,
        }
    })
}

#[derive(Clone, Debug)]
pub struct RawWindow {
    span: (i64, i64),
    max_downtime_s: Option<i64>,
    grace_s: i64,
    made: Option<i64>,
    /// A hole, or a second part that was made at another time.
    split: Option<((i64, i64), Option<i64>)>,
}

/// How odd the windows may be.
#[derive(Clone, Copy, PartialEq)]
pub enum Windows {
    /// Everything: late, split, each with its own grace.
    Any,
    /// Made in advance, of one piece, with one grace for all.
    Plain,
    /// Everything, without limits.
    Unlimited,
}

fn window(kind: Windows) -> impl Strategy<Value = RawWindow> {
    let limit = if kind == Windows::Unlimited {
        select(vec![None])
    } else {
        select(vec![
            None,
            None,
            Some(0),
            Some(1),
            Some(5),
            Some(300),
            Some(300),
            Some(1800),
        ])
    };
    let odd = if kind == Windows::Plain { 0.0 } else { 0.25 };
    let length = select(vec![
        60_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
    ]);
    let grace = select(if kind == Windows::Plain {
        vec![10]
    } else {
        vec![0, 9, 10, 30]
    });
    let made = (prop::bool::weighted(odd), offset()).prop_map(|(odd, at)| odd.then_some(at));
    let split = (
        prop::bool::weighted(odd),
        span(),
        prop::option::of(offset()),
    );
    let split = split.prop_map(|(odd, span, made)| odd.then_some((span, made)));
    (offset(), length, limit, grace, made, split).prop_map(
        |(from, length, max_downtime_s, grace_s, made, split)| RawWindow {
            span: (from, from + length),
            max_downtime_s,
            grace_s,
            made,
            split,
        },
    )
}

fn hours() -> impl Strategy<Value = Hours> {
    let times = select(vec![
        (time(6, 0, 0, 0), time(19, 0, 0, 0)),
        (time(22, 30, 0, 0), time(0, 0, 0, 0)),
        (time(0, 0, 0, 0), time(6, 0, 0, 0)),
        (time(23, 0, 0, 0), time(4, 0, 0, 0)),
        (time(0, 0, 0, 0), time(0, 0, 0, 0)),
    ]);
    let closes = select(vec![
        "America/New_York",
        "America/New_York",
        "America/Los_Angeles",
    ]);
    let days = prop::collection::vec(0_i8..7, 1..7);
    let holiday = (1_i8..=31).prop_map(|day| date(2026, 10, day));
    let holidays = prop::option::weighted(0.3, holiday);
    (times, closes, days, holidays).prop_map(|((open, close), zone, days, holidays)| {
        let mut hours = Hours::on(weekdays(days), open, close, "America/New_York");
        for day in &mut hours.weekly {
            day.close.zone = zone.into();
        }
        hours.holidays = holidays.into_iter().map(Holiday::Date).collect();
        hours
    })
}

pub fn policy() -> impl Strategy<Value = Policy> {
    (
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.2),
        select(vec![0, 0, 11, 60, 301, 1000]),
        select(vec![990_000, 0, 500_000, 1_000_000]),
        select(vec![None, None, Some(0), Some(7), Some(300), Some(1000)]),
        prop::option::weighted(0.3, hours()),
    )
        .prop_map(
            |(unknown, degraded, shorter, coverage, allowance, service)| Policy {
                min_notice_s: None,
                id: PolicyId::from("policy"),
                name: "Policy".into(),
                target: None,
                unknown_is_down: unknown,
                degraded_is_down: degraded,
                ignore_shorter_s: shorter,
                min_coverage_ppm: coverage,
                monthly_allowance_s: allowance,
                service_hours: service,
                planned_hours: None,
                commitments: Commitments::default(),
            },
        )
}

/// Zones with the instant in the middle of the domain: month ends and clock changes.
const EDGES: [(&str, &str); 7] = [
    ("America/New_York", "2026-11-01T04:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("Europe/London", "2026-03-31T23:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("UTC", "2026-10-15T12:00:00Z"),
    ("America/Havana", "2026-11-01T05:00:00Z"),
];

pub fn instant(lo: Timestamp, offset_ms: i64) -> Timestamp {
    lo.checked_add(SignedDuration::from_millis(offset_ms))
        .unwrap()
}

#[derive(Clone, Debug)]
struct Raw {
    edge: (&'static str, &'static str),
    life: Option<(i64, Option<i64>)>,
    probes: Vec<RawProbe>,
    outages: Vec<RawOutage>,
    windows: Vec<RawWindow>,
    faults: Vec<(i64, i64)>,
    exclusions: Vec<(i64, i64)>,
    blips: Vec<(i64, i64)>,
    period: (usize, i64, i64),
    as_of: Option<i64>,
}

#[derive(Clone, Debug)]
struct RawProbe {
    degradation: bool,
    from: Option<i64>,
    down: OpenList,
    degraded: OpenList,
    silent: OpenList,
}

fn probe() -> impl Strategy<Value = RawProbe> {
    let from = prop::option::weighted(0.2, offset());
    (
        prop::bool::weighted(0.3),
        from,
        open_list(2),
        open_list(2),
        open_list(2),
    )
        .prop_map(|(degradation, from, down, degraded, silent)| RawProbe {
            degradation,
            from,
            down,
            degraded,
            silent,
        })
}

fn spans(most: usize) -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec(span(), 0..=most)
}

fn raw(kind: Windows) -> impl Strategy<Value = Raw> {
    let facts = (
        prop::collection::vec(probe(), 0..=2),
        prop::collection::vec(outage(), 0..=4),
        prop::collection::vec(window(kind), 0..=4),
        spans(1),
        spans(2),
        spans(2),
    );
    let life = prop::option::weighted(0.15, (offset(), prop::option::of(offset())));
    let frame = (
        select(EDGES.to_vec()),
        life,
        (0_usize..5, offset(), offset()),
        prop::option::weighted(0.2, offset()),
    );
    (facts, frame).prop_map(
        |((probes, outages, windows, faults, exclusions, blips), (edge, life, period, as_of))| {
            Raw {
                edge,
                life: life.map(|(from, to)| (from, to.filter(|to| *to > from))),
                probes,
                outages,
                windows,
                faults,
                exclusions,
                blips,
                period,
                as_of,
            }
        },
    )
}

/// A history of one system with every kind of fact.
pub fn case(kind: Windows) -> impl Strategy<Value = Case> {
    let target = select(vec![
        None,
        Some(999_000),
        Some(900_000),
        Some(500_000),
        Some(1_000_000),
    ]);
    (raw(kind), prop::option::weighted(0.6, policy()), target).prop_map(|(raw, policy, ppm)| {
        let middle: Timestamp = raw.edge.1.parse().unwrap();
        let lo = instant(middle, -2 * HOUR_MS);
        let hi = instant(lo, 4 * HOUR_MS);
        let (which, a, b) = raw.period;
        let (a, b) = (instant(lo, a.min(b)), instant(lo, a.max(b)));
        let period = [
            Span::new(lo, middle),
            Span::new(middle, hi),
            Span::new(lo, hi),
            Span::new(a, b),
            Span::new(a, b),
        ][which];
        Case {
            zone: raw.edge.0,
            history: history(&raw, lo),
            period,
            policy,
            target: ppm.map(|ppm| Target { ppm }),
            as_of: raw.as_of.map_or(hi, |ms| instant(lo, ms)),
            domain: (lo.as_second(), hi.as_second()),
        }
    })
}

fn history(raw: &Raw, lo: Timestamp) -> History {
    let at = |ms: i64| instant(lo, ms);
    let span = |s: &(i64, i64)| Span::new(at(s.0), at(s.1));
    let list = |l: &OpenList| -> Vec<(Timestamp, Option<Timestamp>)> {
        l.iter().map(|(from, to)| (at(*from), to.map(at))).collect()
    };
    let always = vec![(lo, None)];
    let probe = |p: &RawProbe| ProbeHistory {
        affects: if p.degradation {
            Affects::Degradation
        } else {
            Affects::Availability
        },
        life: p.from.map_or(always.clone(), |from| vec![(at(from), None)]),
        down: list(&p.down),
        degraded: list(&p.degraded),
        silent: list(&p.silent),
    };
    let mut probes: Vec<ProbeHistory> = raw.probes.iter().map(probe).collect();
    // A probe for each outage that probes saw, so that they may overlap.
    for outage in raw.outages.iter().filter(|o| o.seen && !o.declared) {
        let end = (!outage.open).then(|| at(outage.span.1));
        probes.push(ProbeHistory {
            affects: Affects::Availability,
            life: always.clone(),
            down: vec![(at(outage.span.0), end)],
            degraded: Vec::new(),
            silent: Vec::new(),
        });
    }
    History {
        life: raw
            .life
            .map_or(always, |(from, to)| vec![(at(from), to.map(at))]),
        probes,
        outages: raw
            .outages
            .iter()
            .zip(1..)
            .map(|(o, id)| OutageHistory {
                id: OutageId(id),
                start: at(o.span.0),
                end: (!o.open).then(|| at(o.span.1)),
                declared: o.declared,
                reclassified: o.reclassified,
                edge_s: 30,
                flapping: o.flapping.map(IncidentId),
            })
            .collect(),
        faults: raw.faults.iter().map(span).collect(),
        exclusions: raw.exclusions.iter().map(span).collect(),
        windows: raw
            .windows
            .iter()
            .zip(1..)
            .map(|(w, n)| occurrence(w, n, lo))
            .collect(),
        blips: raw
            .blips
            .iter()
            .map(|s| BlipHistory {
                span: span(s),
                samples: 1,
            })
            .collect(),
    }
}

fn occurrence(raw: &RawWindow, number: u32, lo: Timestamp) -> Occurrence {
    let at = |ms: i64| instant(lo, ms);
    let made_at = raw.made.map_or(instant(lo, -100 * HOUR_MS), at);
    let part = |from: i64, to: i64, made_at| EarnedPart {
        span: Span::new(at(from), at(to)),
        made_at,
    };
    let (from, to) = raw.span;
    let earning = match &raw.split {
        None => vec![part(from, to, made_at)],
        Some(((a, b), made)) => {
            let (a, b) = ((*a).clamp(from, to), (*b).clamp(from, to));
            let second = match made {
                Some(at_ms) => part(a, to, at(*at_ms)),
                None => part(b, to, made_at),
            };
            vec![part(from, a, made_at), second]
        }
    };
    Occurrence {
        id: WindowId::from(format!("window-{number}")),
        title: "Work".into(),
        impact: None,
        systems: vec![SystemId::from("portal")],
        span: Span::new(at(from), at(to)),
        earned_parts: earning.into_iter().filter(|p| !p.span.is_empty()).collect(),
        why: Earned::Known(made_at),
        max_downtime_s: raw.max_downtime_s,
        start_grace_s: raw.grace_s,
        tell: false,
        announce_s: Vec::new(),
        recurring: true,
    }
}

/// One more window, for a case of that kind.
pub fn another_window(kind: Windows) -> impl Strategy<Value = RawWindow> {
    window(kind)
}

impl RawWindow {
    /// In a domain that starts at `lo`.
    pub fn at(&self, lo: Timestamp) -> Occurrence {
        occurrence(self, 99, lo)
    }
}

/// A start and an end within the domain, as offsets in milliseconds.
pub fn another_span() -> impl Strategy<Value = (i64, i64)> {
    span()
}
