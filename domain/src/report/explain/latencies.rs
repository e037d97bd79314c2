//! The explanations of latencies: the buckets of the daily roll-ups, from which anyone can find the
//! percentile again.

use std::sync::Arc;

use super::{Explained, Number, Subject, table};
use crate::latency::Histogram;
use crate::report::model::Report;

/// Explains the latencies after the roll-ups were read.
pub(in crate::report) fn latencies(report: &Report, all: &mut Explained) {
    let counted = &report.latencies.counted;
    for line in &report.latencies.probes {
        let key = format!("latencies.probes.{}", line.probe);
        all.begin(Subject {
            key: key.clone(),
            id: line.probe.clone(),
            name: format!("{}: {}", line.name, line.probe),
            system: Some(line.system.clone()),
            ..Subject::default()
        });
        let days = counted.get(&line.probe).map_or(&[][..], Vec::as_slice);
        let mut sum = Histogram::default();
        for (_, of_day) in days {
            sum.merge(&of_day.answered);
        }
        let samples = days.iter().map(|(_, of_day)| number(of_day.conclusive));
        let buckets = Buckets::of(&sum, samples.collect());
        all.add(&key, table::LATENCY, line, &|name| buckets.number(name));
        for (entry, (date, of_day)) in line.days.iter().zip(days) {
            let buckets = Buckets::of(&of_day.answered, vec![number(of_day.conclusive)]);
            let key = format!("{key}.days.{date}");
            all.add(&key, table::LATENCY, entry, &|name| buckets.number(name));
        }
    }
}

/// The numbers of all figures of one entry: they share them.
struct Buckets {
    samples: Arc<[i64]>,
    bounds: Arc<[i64]>,
    counts: Arc<[i64]>,
}

impl Buckets {
    fn of(histogram: &Histogram, samples: Vec<i64>) -> Self {
        Self {
            samples: samples.into(),
            bounds: histogram.buckets().map(|(us, _)| number(us)).collect(),
            counts: histogram.buckets().map(|(_, n)| number(n)).collect(),
        }
    }

    fn number(&self, name: &str) -> Option<Number> {
        let list = match name {
            "rolled_up_samples" => &self.samples,
            "bucket_bounds_us" => &self.bounds,
            "bucket_counts" => &self.counts,
            _ => return None,
        };
        Some(Number::Shared(Arc::clone(list)))
    }
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
