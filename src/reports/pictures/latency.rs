//! Latency percentiles by day, a panel for each probe: a bar from p50 to p95, and a line on to p99.

use domain::report::{DayLatencies, Latencies, Missing, ProbeLatencies, Report, RollupLine, words};
use serde::Serialize;

use super::Drawing;
use super::days::lines_of;
use super::scale::{Scale, round};

/// With more probes than this there is no picture: the table has a row for each.
const PROBES: usize = 24;
/// Panels in one picture: as many as fit on a page.
const PANELS: usize = 12;
const WIDTH: f64 = 500.0;
const NAMES: f64 = 96.0;
/// Room for the names of the axis, beside the names of the systems.
const LEFT: f64 = 126.0;
/// Room above the first panel for the days of the month.
const TOP: f64 = 12.0;
const PANEL: f64 = 50.0;
const ABOVE: f64 = 4.0;
const DRAWN: f64 = 38.0;
/// More marks than this would print over each other.
const MARKS: usize = 5;

#[derive(Serialize)]
pub(super) struct Places {
    width: f64,
    height: f64,
    left: f64,
    names: f64,
    columns: Vec<Column>,
    panels: Vec<Panel>,
}

#[derive(Serialize)]
struct Column {
    x: f64,
    day: i8,
    sunday: bool,
}

#[derive(Serialize)]
struct Panel {
    /// The system's name, in as many lines as it needs, and the probe's.
    name: Vec<String>,
    probe: String,
    y: f64,
    top: f64,
    bottom: f64,
    /// The durations that a reader finds on the axis.
    axis: Vec<(f64, String)>,
    days: Vec<Bar>,
    /// The width of a bar.
    width: f64,
}

#[derive(Serialize)]
struct Bar {
    x: f64,
    /// The places of the percentiles; `None` if the day has no latencies.
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

/// None if no day of any probe has latencies.
pub(super) fn of(report: &Report) -> Vec<Drawing<Places>> {
    let Latencies {
        rollups, probes, ..
    } = &report.latencies;
    let drawn: Vec<&ProbeLatencies> = probes.iter().filter(|p| p.p50_us.is_some()).collect();
    if drawn.len() > PROBES {
        return Vec::new();
    }
    let mut drawn = drawn;
    drawn.sort_by(|a, b| (&a.name, &a.probe).cmp(&(&b.name, &b.probe)));
    let each = drawn.chunks(PANELS);
    each.map(|probes| drawing(rollups, probes)).collect()
}

fn drawing(days: &[RollupLine], probes: &[&ProbeLatencies]) -> Drawing<Places> {
    let step = (WIDTH - LEFT) / days.len().max(1) as f64;
    let x = |n: usize| round(LEFT + step * (n as f64 + 0.5));
    let column = |(n, day): (usize, &RollupLine)| Column {
        x: x(n),
        day: day.date.day(),
        sunday: day.date.weekday() == jiff::civil::Weekday::Sunday,
    };
    let panel = |(n, probe): (usize, &&ProbeLatencies)| {
        let y = TOP + PANEL * n as f64;
        let (top, bottom) = (y + ABOVE, y + ABOVE + DRAWN);
        let axis = Axis::of(probe);
        let scale = axis.scale(bottom);
        let bar = |(n, day): (usize, &RollupLine)| {
            let found = probe.days.iter().find(|d| d.date == day.date);
            let at = |us: Option<u64>| us.map(|us| scale.at(logarithm(us)));
            Bar {
                x: x(n),
                p50: at(found.and_then(|d| d.p50_us)),
                p95: at(found.and_then(|d| d.p95_us)),
                p99: at(found.and_then(|d| d.p99_us)),
            }
        };
        let short = probe.probe.strip_prefix(&format!("{}/", probe.system));
        let marks = axis.marks();
        Panel {
            name: lines_of(&probe.name),
            probe: cut(short.unwrap_or(&probe.probe)),
            y: round(y),
            top: round(top),
            bottom: round(bottom),
            axis: marks
                .into_iter()
                .map(|us| (scale.at(logarithm(us)), words::latency(us)))
                .collect(),
            days: days.iter().enumerate().map(bar).collect(),
            width: round((step * 0.5).min(9.0)),
        }
    };
    Drawing {
        title: "Latency by day".to_owned(),
        alt: alt(days, probes),
        places: Places {
            width: WIDTH,
            height: round(TOP + PANEL * probes.len() as f64),
            left: LEFT,
            names: NAMES,
            columns: days.iter().enumerate().map(column).collect(),
            panels: probes.iter().enumerate().map(panel).collect(),
        },
    }
}

fn cut(name: &str) -> String {
    const LETTERS: usize = 24;
    match name.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn logarithm(us: u64) -> f64 {
    (us.max(1) as f64).ln()
}

/// An axis of latencies: logarithmic, between two round durations.
#[derive(Debug, PartialEq, Eq)]
pub struct Axis {
    low_us: u64,
    high_us: u64,
}

impl Axis {
    fn of(probe: &ProbeLatencies) -> Self {
        let days = || probe.days.iter();
        let least = days().filter_map(|d| d.p50_us).min().unwrap_or(1);
        let most = days().filter_map(|d| d.p99_us).max().unwrap_or(1);
        Self::between(least, most)
    }

    /// The shortest one that has both, in microseconds.
    pub fn between(least: u64, most: u64) -> Self {
        let low_us = rounds().take_while(|us| *us <= least).last().unwrap_or(1);
        let high_us = rounds().find(|us| *us >= most && *us > low_us);
        Self {
            low_us,
            high_us: high_us.unwrap_or(most),
        }
    }

    fn scale(&self, bottom: f64) -> Scale {
        let ends = (logarithm(self.low_us), logarithm(self.high_us));
        Scale::linear(ends, (bottom, -DRAWN))
    }

    /// The place of a duration: 0 is the low end, 1 the high end.
    pub fn share(&self, us: u64) -> f64 {
        let (low, high) = (logarithm(self.low_us), logarithm(self.high_us));
        ((logarithm(us) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The round durations on it; if there are many, the powers of ten.
    pub fn marks(&self) -> Vec<u64> {
        let inside = |us: &u64| self.low_us <= *us && *us <= self.high_us;
        let all: Vec<u64> = rounds()
            .take_while(|us| *us <= self.high_us)
            .filter(inside)
            .collect();
        if all.len() <= MARKS {
            return all;
        }
        let is_power = |us: &&u64| us.to_string().trim_end_matches('0') == "1";
        all.iter().filter(is_power).copied().collect()
    }
}

/// 1, 2, 5, 10, 20, 50 … microseconds, up to twelve days.
fn rounds() -> impl Iterator<Item = u64> {
    (0..12).flat_map(|power| [1, 2, 5].map(|n| n * 10_u64.pow(power)))
}

fn alt(days: &[RollupLine], probes: &[&ProbeLatencies]) -> String {
    let all = |probe: &&ProbeLatencies| {
        let said = |us: Option<u64>| us.map_or("none".to_owned(), words::latency);
        let worst = probe.days.iter().max_by_key(|d| d.p95_us);
        let worst = worst.map_or(String::new(), |day: &DayLatencies| {
            let date = day.date.strftime("%-d %b");
            format!(
                "; the highest p95 of a day was {} on {date}",
                said(day.p95_us)
            )
        });
        format!(
            "{}, {}: p50 {}, p95 {}, p99 {}{worst}.",
            probe.name,
            probe.probe,
            said(probe.p50_us),
            said(probe.p95_us),
            said(probe.p99_us),
        )
    };
    let each: Vec<String> = probes.iter().map(all).collect();
    let lost = |line: &&RollupLine| line.missing.is_some_and(|m| m != Missing::NotRolledUpYet);
    let lost = words::count(days.iter().filter(lost).count(), "day has", "days have");
    format!(
        "Latency percentiles of each probe over the {} days. {} {}.",
        days.len(),
        each.join(" "),
        words::sentence(&format!("{lost} no roll-up")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(p50_us: u64, p99_us: u64) -> ProbeLatencies {
        ProbeLatencies {
            probe: "portal/login".to_owned(),
            system: "portal".to_owned(),
            name: "Portal".to_owned(),
            conclusive: 10,
            answered: 10,
            p50_us: Some(p50_us),
            p95_us: Some(p99_us),
            p99_us: Some(p99_us),
            missing: None,
            days: vec![DayLatencies {
                date: jiff::civil::date(2026, 10, 1),
                conclusive: 10,
                answered: 10,
                p50_us: Some(p50_us),
                p95_us: Some(p99_us),
                p99_us: Some(p99_us),
                missing: None,
            }],
        }
    }

    #[test]
    fn an_axis_lies_between_round_durations_and_has_few_marks() {
        let axis = Axis::of(&probe(41_000, 86_000));
        assert_eq!((axis.low_us, axis.high_us), (20_000, 100_000));
        assert_eq!(axis.marks(), [20_000, 50_000, 100_000]);
        let axis = Axis::of(&probe(210, 4_900_000));
        assert_eq!((axis.low_us, axis.high_us), (200, 5_000_000));
        assert_eq!(axis.marks(), [1_000, 10_000, 100_000, 1_000_000]);
        assert_ne!(
            Axis::of(&probe(1, 1)).low_us,
            Axis::of(&probe(1, 1)).high_us
        );
    }
}
