//! Random months: facts on every day of a month and over both its edges, with windows that recur
//! by the wall clock across the days on which it changes. Days and hours are drawn from few, so
//! that what happens meets what was announced.

use std::ops::Range;

use jiff::civil::{Date, date};
use proptest::collection::vec;

use super::*;

/// Zones with a month of theirs: clocks that change by an hour and by half of one, at two and at
/// midnight; a February of a leap year; a year's end.
const MONTHS: [(&str, i16, i8); 13] = [
    ("America/New_York", 2026, 3),
    ("America/New_York", 2026, 11),
    ("America/New_York", 2028, 2),
    ("Europe/London", 2026, 3),
    ("Europe/London", 2026, 10),
    ("Australia/Lord_Howe", 2026, 4),
    ("Australia/Lord_Howe", 2026, 10),
    ("America/Havana", 2026, 3),
    ("America/Havana", 2026, 11),
    ("Africa/Cairo", 2026, 4),
    ("Pacific/Auckland", 2028, 2),
    ("Asia/Kolkata", 2026, 10),
    ("UTC", 2026, 12),
];

const DAY_MS: i64 = 24 * HOUR_MS;
/// So many days before the month are looked at,
const BEFORE: i8 = 2;
/// and so many in all: at least two after it.
const DAYS: i64 = 35;

/// An offset from the start of what is looked at, in milliseconds.
fn moment() -> impl Strategy<Value = i64> {
    let day = prop_oneof![3 => 0..DAYS, 1 => select(vec![1, 2, 3, 29, 30, 31, 32, 33])];
    let hour = select(vec![0_i64, 1, 2, 3, 13, 21, 21, 22, 22, 23]);
    let jitter = select(vec![
        0, 0, 0, 0, 1_000, -1_000, 10_000, -10_000, 29_000, 400,
    ]);
    (day, hour, 1_i64..12, jitter).prop_map(|(day, hour, slot, jitter)| {
        day * DAY_MS + hour * HOUR_MS + slot * 300_000 + jitter
    })
}

/// A start and an end: some seconds, an hour, three days.
fn while_() -> impl Strategy<Value = (i64, i64)> {
    let length = select(vec![
        1_000,
        30_000,
        299_000,
        300_000,
        310_000,
        600_000,
        2_400_000,
        3_600_000,
        3_600_000,
        7_000_000,
        30_000_000,
        90_000_000,
        260_000_000,
    ]);
    (moment(), length).prop_map(|(from, length)| (from, from + length))
}

fn whiles(count: Range<usize>) -> impl Strategy<Value = Vec<(i64, i64)>> {
    vec(while_(), count)
}

/// In order and disjoint; the last may be open.
fn list(count: Range<usize>) -> impl Strategy<Value = OpenList> {
    (whiles(count), prop::bool::weighted(0.05)).prop_map(|(mut spans, open)| {
        spans.sort_unstable();
        let mut list: OpenList = Vec::new();
        let mut free_from = 0;
        for (from, to) in spans {
            if from > free_from {
                list.push((from, Some(to)));
                free_from = to;
            }
        }
        if let Some(last) = list.last_mut().filter(|_| open) {
            last.1 = None;
        }
        list
    })
}

fn month_probe() -> impl Strategy<Value = RawProbe> {
    let from = prop::option::weighted(0.1, moment());
    let lists = (list(0..5), list(0..5), list(0..5));
    (prop::bool::weighted(0.3), from, lists).prop_map(
        |(degradation, from, (down, degraded, silent))| RawProbe {
            degradation,
            from,
            down,
            degraded,
            silent,
        },
    )
}

/// An outage at a moment of the month, or so long after the start of one of its windows.
#[derive(Clone, Debug)]
struct Failing {
    outage: RawOutage,
    meets: Option<(usize, i64)>,
}

impl Failing {
    fn among(mut self, windows: &[RawWindow]) -> RawOutage {
        if let Some((n, after)) = self.meets.filter(|_| !windows.is_empty()) {
            let start = windows[n % windows.len()].span.0 + after;
            let (from, to) = self.outage.span;
            self.outage.span = (start, start + to - from);
        }
        self.outage
    }
}

fn month_outage() -> impl Strategy<Value = Failing> {
    let after = select(vec![
        -400_000, -10_000, -9_000, 0, 0, 0, 0, 0, 1_000, 60_000, 60_000,
    ]);
    let meets = prop::option::weighted(0.7, (0_usize..1_000, after));
    let open = prop::bool::weighted(0.3);
    (outage(), while_(), open, meets).prop_map(|(outage, span, open, meets)| Failing {
        outage: RawOutage {
            span,
            open: outage.open && open,
            ..outage
        },
        meets,
    })
}

/// A window at a moment of the month, as odd as those of a few hours.
fn single() -> impl Strategy<Value = RawWindow> {
    (window(Windows::Any), moment()).prop_map(|(window, at)| moved(&window, at))
}

/// The same window at another time, with all that was said of it.
fn moved(window: &RawWindow, at: i64) -> RawWindow {
    let by = at - window.span.0;
    let span = |s: (i64, i64)| (s.0 + by, s.1 + by);
    RawWindow {
        span: span(window.span),
        made: window.made.map(|at| at + by),
        split: window
            .split
            .map(|(s, made)| (span(s), made.map(|at| at + by))),
        ..window.clone()
    }
}

/// A window that recurs: its first day, every how many days, and at what time of the wall clock.
#[derive(Clone, Debug)]
struct Recurring {
    window: RawWindow,
    first: i64,
    every: usize,
    hour: i8,
    minute: i8,
}

fn recurring() -> impl Strategy<Value = Recurring> {
    let time = (
        select(vec![0_i8, 1, 1, 2, 21, 22]),
        select(vec![0_i8, 0, 30]),
    );
    (
        window(Windows::Any),
        0_i64..7,
        select(vec![1_usize, 2, 7, 7]),
        time,
    )
        .prop_map(|(window, first, every, (hour, minute))| Recurring {
            window,
            first,
            every,
            hour,
            minute,
        })
}

impl Recurring {
    /// Every occurrence, at its local time.
    fn held(&self, first_day: Date, lo: Timestamp, zone: &TimeZone) -> Vec<RawWindow> {
        (self.first..DAYS)
            .step_by(self.every)
            .map(|day| {
                let day = first_day + jiff::Span::new().days(day);
                let local = day.at(self.hour, self.minute, 0, 0);
                let start = local.to_zoned(zone.clone()).unwrap().timestamp();
                let at = start.duration_since(lo).as_millis();
                moved(&self.window, i64::try_from(at).unwrap())
            })
            .collect()
    }
}

/// As for a few hours, with a month's allowance.
fn month_policy() -> impl Strategy<Value = Policy> {
    let allowance = select(vec![None, Some(300), Some(3_600), Some(20_000)]);
    let shorter = select(vec![0, 60, 301, 3_000]);
    (policy(), allowance, shorter).prop_map(|(policy, monthly_allowance_s, ignore_shorter_s)| {
        Policy {
            monthly_allowance_s,
            ignore_shorter_s,
            ..policy
        }
    })
}

fn facts() -> impl Strategy<Value = (Raw, Vec<Failing>, Vec<Recurring>)> {
    let life = prop::option::weighted(0.15, (moment(), prop::option::of(moment())));
    (
        (vec(month_probe(), 1..3), vec(month_outage(), 4..14)),
        (vec(single(), 0..4), vec(recurring(), 1..5)),
        (whiles(0..3), whiles(0..4), whiles(0..4)),
        (life, prop::option::weighted(0.15, moment())),
    )
        .prop_map(
            |((probes, outages), (windows, rules), (faults, exclusions, blips), (life, as_of))| {
                let raw = Raw {
                    edge: ("", ""),
                    life: life.map(|(from, to)| (from, to.filter(|to| *to > from))),
                    probes,
                    outages: Vec::new(),
                    windows,
                    faults,
                    exclusions,
                    blips,
                    period: (0, 0, 0),
                    as_of,
                };
                (raw, outages, rules)
            },
        )
}

/// A month of one system with every kind of fact on any of its days.
pub fn month() -> impl Strategy<Value = Case> {
    let target = select(vec![None, Some(999_000), Some(990_000), Some(900_000)]);
    let policy = prop::option::weighted(0.85, month_policy());
    (facts(), select(MONTHS.to_vec()), policy, target).prop_map(
        |((mut raw, outages, rules), (name, year, month), mut policy, ppm)| {
            let zone = calendar::zone(name).unwrap();
            let first = date(year, month, 1);
            let midnight = |day: Date| day.to_zoned(zone.clone()).unwrap().timestamp();
            let next = first.last_of_month().tomorrow().unwrap();
            let period = Span::new(midnight(first), midnight(next));
            let first_day = first - jiff::Span::new().days(BEFORE);
            let lo = midnight(first_day);
            let hi = instant(lo, DAYS * DAY_MS);
            for rule in &rules {
                raw.windows.extend(rule.held(first_day, lo, &zone));
            }
            let failing = outages.into_iter();
            raw.outages = failing.map(|o| o.among(&raw.windows)).collect();
            if let Some(hours) = policy.as_mut().and_then(|p| p.service_hours.as_mut()) {
                for day in &mut hours.weekly {
                    day.open.zone = name.into();
                    day.close.zone = name.into();
                }
            }
            Case {
                zone: name,
                history: history(&raw, lo),
                period,
                policy,
                target: ppm.map(|ppm| Target { ppm }),
                as_of: raw.as_of.map_or(hi, |ms| instant(lo, ms)),
                domain: (lo.as_second(), hi.as_second()),
            }
        },
    )
}
