//! Metric families in Prometheus's text format, in the order in which they are added.

use domain::accounting::Ratio;
use jiff::Timestamp;
use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::engine::counters::Distribution;

pub type Label<'a> = (&'a str, &'a str);

/// A number that a metric can show. Instants become Unix seconds.
pub trait Value {
    /// `None` leaves the series out.
    fn number(self) -> Option<f64>;
}

impl Value for f64 {
    fn number(self) -> Option<f64> {
        Some(self)
    }
}

impl Value for u64 {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
}

impl Value for i64 {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
}

impl Value for bool {
    fn number(self) -> Option<f64> {
        Some(f64::from(u8::from(self)))
    }
}

impl Value for Timestamp {
    fn number(self) -> Option<f64> {
        Some(self.as_microsecond() as f64 / 1e6)
    }
}

/// Good enough for a graph; reports compare the exact ratio.
impl Value for Ratio {
    fn number(self) -> Option<f64> {
        Some(self.num as f64 / self.den as f64)
    }
}

impl<V: Value> Value for Option<V> {
    fn number(self) -> Option<f64> {
        self.and_then(V::number)
    }
}

/// Microseconds as seconds.
pub fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

/// Microseconds before or after, as seconds.
pub fn signed_seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

/// The series of one family.
pub struct Series {
    kind: MetricType,
    metrics: Vec<Metric>,
}

impl Series {
    pub fn add(&mut self, labels: &[Label], value: impl Value) {
        let Some(value) = value.number() else {
            return;
        };
        let mut metric = Metric::from_label(labels.iter().map(pair).collect());
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.metrics.push(metric);
    }
}

fn pair((name, value): &Label) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name((*name).to_owned());
    pair.set_value((*value).to_owned());
    pair
}

#[derive(Default)]
pub struct Page {
    families: Vec<MetricFamily>,
}

impl Page {
    pub fn gauge(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Series)) {
        self.family(MetricType::GAUGE, name, help, add);
    }

    pub fn counter(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Series)) {
        self.family(MetricType::COUNTER, name, help, add);
    }

    /// A gauge without labels.
    pub fn value(&mut self, name: &str, help: &str, value: impl Value) {
        self.gauge(name, help, |series| series.add(&[], value));
    }

    /// A counter without labels.
    pub fn total(&mut self, name: &str, help: &str, count: u64) {
        self.counter(name, help, |series| series.add(&[], count));
    }

    pub fn histogram(&mut self, name: &str, help: &str, distribution: &Distribution) {
        let buckets = distribution.cumulative().map(|(bound_us, below)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(seconds(bound_us));
            bucket.set_cumulative_count(below);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(distribution.count());
        histogram.set_sample_sum(seconds(distribution.sum_us()));
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        self.family(MetricType::HISTOGRAM, name, help, |series| {
            series.metrics.push(metric);
        });
    }

    fn family(&mut self, kind: MetricType, name: &str, help: &str, add: impl FnOnce(&mut Series)) {
        let metrics = Vec::new();
        let mut series = Series { kind, metrics };
        add(&mut series);
        // The text format cannot express a family without a series.
        if series.metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(series.metrics);
        self.families.push(family);
    }

    pub fn render(self) -> String {
        render(&self.families)
    }
}

/// Processor time, memory and open files of this process, read from `/proc`.
#[cfg(target_os = "linux")]
pub fn process() -> String {
    use prometheus::core::Collector;
    render(&prometheus::process_collector::ProcessCollector::for_self().collect())
}

#[cfg(not(target_os = "linux"))]
pub fn process() -> String {
    String::new()
}

#[expect(
    clippy::expect_used,
    reason = "the encoder rejects only families without a name or a series"
)]
fn render(families: &[MetricFamily]) -> String {
    TextEncoder::new()
        .encode_to_string(families)
        .expect("every family has a name and a series")
}
