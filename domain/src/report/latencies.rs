//! Latency percentiles by day and probe, from the daily roll-ups alone.
//!
//! The ledger says which days have a roll-up ([`lines`]); the counts themselves are in files, which
//! the caller reads ([`read`]). The SHA-256 in the ledger makes the same ledger give the same
//! figures. A percentile is never averaged: that of a month comes from the counts of its days.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::civil::Date;
use serde::Serialize;

use super::model::Report;
use super::scope::Scope;
use crate::calendar;
use crate::id::ProbeId;
use crate::latency::{Counted, Histogram, Rollup};
use crate::span::Span;

/// The latencies of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latencies {
    /// Each local day that has begun, with its roll-up.
    pub rollups: Vec<RollupLine>,
    /// The days without latencies, in order.
    pub unavailable: Vec<Unavailable>,
    /// Each probe that runs, in order of its system.
    pub probes: Vec<ProbeLatencies>,
    /// The counts of each probe by day, which the explanations print.
    #[serde(skip)]
    pub(super) counted: BTreeMap<String, Vec<(Date, Counted)>>,
}

/// The roll-up of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollupLine {
    pub date: Date,
    /// The file below `rollups/` in the data directory, and its SHA-256.
    pub file: Option<String>,
    pub sha256: Option<String>,
    /// Why the day has no latencies.
    pub missing: Option<Missing>,
}

/// Neighbouring days without latencies for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unavailable {
    pub first: Date,
    pub last: Date,
    pub missing: Missing,
}

/// Why there are no latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The day was not over at the ledger's last event, or not for long enough.
    NotRolledUpYet,
    /// The day is over, and the ledger has no roll-up of it.
    NoRollup,
    /// The file is lost, or it is not the one whose SHA-256 the ledger has.
    FileLost,
    /// No sample of the probe says anything about its target.
    NoSample,
    /// Every sample was down.
    NoAnswer,
}

/// One probe. Durations are upper bounds of buckets, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeLatencies {
    pub probe: String,
    pub system: String,
    /// The system's name.
    pub name: String,
    /// Samples that are up, degraded or down.
    pub conclusive: u64,
    /// Samples that are up or degraded: the percentiles are theirs.
    pub answered: u64,
    pub p50_us: Option<u64>,
    pub p95_us: Option<u64>,
    pub p99_us: Option<u64>,
    pub missing: Option<Missing>,
    /// The days that have a roll-up.
    pub days: Vec<DayLatencies>,
}

/// One probe on one local day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayLatencies {
    pub date: Date,
    pub conclusive: u64,
    pub answered: u64,
    pub p50_us: Option<u64>,
    pub p95_us: Option<u64>,
    pub p99_us: Option<u64>,
    pub missing: Option<Missing>,
}

/// The days with their roll-ups, and the probes without figures.
pub(super) fn lines(scope: &Scope<'_>) -> Latencies {
    let seen = scope.seen();
    let days = calendar::days(scope.period, &scope.zone).into_iter();
    let rollups = days
        .filter(|(_, day)| day.from < seen.to)
        .map(|(date, day)| {
            let day = Span::new(day.from.max(scope.period.from), day.to.min(scope.period.to));
            let stored = scope.record.rollups.get(day);
            let is_new = scope.record.rolls_up_at(day.to) > scope.as_of;
            RollupLine {
                date,
                file: stored.map(|stored| stored.file.clone()),
                sha256: stored.map(|stored| stored.sha256.clone()),
                missing: match (stored, is_new) {
                    (Some(_), _) => None,
                    (None, true) => Some(Missing::NotRolledUpYet),
                    (None, false) => Some(Missing::NoRollup),
                },
            }
        });
    let probes = scope.systems.iter().flat_map(|(id, overseen)| {
        let configured = scope.configured.iter();
        let systems = configured.filter_map(|c| c.catalogue.system(id.as_str()));
        let probes = systems.flat_map(|system| &system.probes);
        let mut ids: Vec<&ProbeId> = Vec::new();
        for probe in probes.filter(|probe| probe.active().is_some()) {
            if !ids.contains(&&probe.id) {
                ids.push(&probe.id);
            }
        }
        let line = move |probe: &ProbeId| ProbeLatencies {
            probe: probe.to_string(),
            system: id.to_string(),
            name: overseen.name.to_owned(),
            conclusive: 0,
            answered: 0,
            p50_us: None,
            p95_us: None,
            p99_us: None,
            missing: Some(Missing::NoRollup),
            days: Vec::new(),
        };
        ids.into_iter().map(line)
    });
    let rollups: Vec<RollupLine> = rollups.collect();
    Latencies {
        unavailable: unavailable(&rollups),
        rollups,
        probes: probes.collect(),
        counted: BTreeMap::new(),
    }
}

fn unavailable(rollups: &[RollupLine]) -> Vec<Unavailable> {
    let mut found: Vec<Unavailable> = Vec::new();
    for line in rollups {
        let Some(missing) = line.missing else {
            continue;
        };
        match found.last_mut() {
            Some(last)
                if last.missing == missing && last.last.tomorrow().ok() == Some(line.date) =>
            {
                last.last = line.date;
            }
            _ => found.push(Unavailable {
                first: line.date,
                last: line.date,
                missing,
            }),
        }
    }
    found
}

/// Fills the latencies of a report. `open` returns the roll-up in a file with a SHA-256; `None` if
/// the file is lost or was changed.
pub fn read(report: &mut Report, open: &mut dyn FnMut(&str, &str) -> Option<Rollup>) {
    report.explained = OnceLock::new();
    let Latencies {
        rollups,
        unavailable: without,
        probes,
        counted,
    } = &mut report.latencies;
    counted.clear();
    for line in rollups.iter_mut() {
        let (Some(file), Some(sha256)) = (&line.file, &line.sha256) else {
            continue;
        };
        let Some(mut rollup) = open(file, sha256) else {
            line.missing = Some(Missing::FileLost);
            continue;
        };
        for probe in &*probes {
            let of_day = rollup.take(&ProbeId::from(probe.probe.as_str()));
            let days = counted.entry(probe.probe.clone()).or_default();
            days.push((line.date, of_day.unwrap_or_default()));
        }
    }
    *without = unavailable(rollups);
    let why_no_day = rollups.iter().find_map(|line| line.missing);
    for probe in probes {
        let days = counted.get(&probe.probe).map_or(&[][..], Vec::as_slice);
        let mut all = Counted::default();
        for (date, of_day) in days {
            all.merge(of_day);
            let [p50_us, p95_us, p99_us] = percentiles(&of_day.answered);
            probe.days.push(DayLatencies {
                date: *date,
                conclusive: of_day.conclusive,
                answered: of_day.answered.count(),
                p50_us,
                p95_us,
                p99_us,
                missing: missing(of_day),
            });
        }
        [probe.p50_us, probe.p95_us, probe.p99_us] = percentiles(&all.answered);
        probe.conclusive = all.conclusive;
        probe.answered = all.answered.count();
        probe.missing = missing(&all);
        if days.is_empty() {
            probe.missing = Some(why_no_day.unwrap_or(Missing::NoRollup));
        }
    }
}

fn percentiles(answered: &Histogram) -> [Option<u64>; 3] {
    [50, 95, 99].map(|percent| answered.percentile_us(percent))
}

fn missing(counted: &Counted) -> Option<Missing> {
    match (counted.conclusive, counted.answered.count()) {
        (0, _) => Some(Missing::NoSample),
        (_, 0) => Some(Missing::NoAnswer),
        _ => None,
    }
}
