//! The page at `/metrics`, written from a [`View`] and nothing else: what is no longer configured
//! is not in the view, and so vanishes. No global registry, no state, and never a customer's
//! name, an address, a URL or an error's text as a label.
//!
//! `probe_*` are the names that dashboards for blackbox_exporter know; all else is `nines_*`.
//! Every name here is drawn or watched by something in `grafana/` (held by `tests/tidy`).

pub mod gather;
pub mod view;

use domain::notice::Kind;
use domain::sample::Outcome;
use jiff::Timestamp;
use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

pub use view::View;
use view::{Ended, Month, Probe, State, System};

use crate::engine::counters::Distribution;

/// The `Content-Type` of the page; Prometheus 3 refuses a scrape without one.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page for `view`, followed by the process's own figures (processor time, memory, open
/// files), which are read from the system at this moment.
pub fn page(view: &View) -> String {
    let mut text = encode(view);
    text.push_str(&write(&process()));
    text
}

/// What one probe that was asked for its own sake says, by the names of `/metrics`.
pub fn asked(probe: Probe) -> String {
    let view = View {
        probes: vec![probe],
        ..View::default()
    };
    let mut page = Page::default();
    latest_samples(&mut page, &view);
    write(&page.families)
}

#[cfg(target_os = "linux")]
fn process() -> Vec<MetricFamily> {
    use prometheus::core::Collector;
    prometheus::process_collector::ProcessCollector::for_self().collect()
}

/// The library reads these figures from `/proc` only.
#[cfg(not(target_os = "linux"))]
fn process() -> Vec<MetricFamily> {
    Vec::new()
}

/// The page for `view`: the same view gives the same text.
pub fn encode(view: &View) -> String {
    let mut page = Page::default();
    service(&mut page, view);
    latest_samples(&mut page, view);
    probe_counters(&mut page, view);
    systems(&mut page, view);
    months(&mut page, view);
    people(&mut page, view);
    stores(&mut page, view);
    write(&page.families)
}

fn service(page: &mut Page, view: &View) {
    let build = [("version", &*view.version), ("tzdb", &*view.tzdb)];
    page.gauge(
        "nines_build_info",
        "Which program and time zone database run; the value is always 1.",
        [(build.to_vec(), 1.0)],
    );
    page.gauge(
        "nines_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was loaded.",
        moment(view.configuration.loaded_at),
    );
    page.gauge(
        "nines_config_last_reload_successful",
        "Whether the last reload was accepted; 0 while an older configuration is kept.",
        [(vec![], flag(!view.configuration.last_reload_failed))],
    );
    page.counter(
        "nines_clock_steps_total",
        "How often the wall clock was set while the service ran.",
        [(vec![], view.clock.steps as f64)],
    );
    page.counter(
        "nines_stalls_total",
        "How often the service got no time for seconds, or the machine slept: unknown time.",
        [(vec![], view.clock.stalls as f64)],
    );
    page.gauge(
        "nines_engine_last_turn_timestamp_seconds",
        "When the engine last took a turn or looked around, as it does each second.",
        moment(view.turned_at),
    );
    page.histogram(
        "nines_schedule_lag_seconds",
        "How much later than their slots probes were started.",
        &view.schedule_lag,
    );
}

/// What the latest sample of each probe says, for those whose latest still vouches.
fn latest_samples(page: &mut Page, view: &View) {
    let vouching = || {
        view.probes.iter().filter_map(|probe| {
            let latest = probe.latest.as_ref().filter(|latest| latest.vouches)?;
            Some((probe, latest))
        })
    };
    page.gauge(
        "probe_success",
        "Whether the target answered as expected, or at least answered: 1 also when degraded. \
         Absent while no conclusive sample vouches for it.",
        vouching().filter_map(|(probe, latest)| match latest.outcome {
            Outcome::Up | Outcome::Degraded => Some((labels(probe), 1.0)),
            Outcome::Down => Some((labels(probe), 0.0)),
            Outcome::Inconclusive => None,
        }),
    );
    page.gauge(
        "probe_duration_seconds",
        "How long the latest probe took, from its start to its verdict.",
        vouching().map(|(probe, latest)| (labels(probe), seconds(latest.took_us))),
    );
    page.gauge(
        "probe_http_duration_seconds",
        "How long each phase of the latest HTTP probe took, summed over redirects.",
        vouching()
            .filter(|(probe, _)| probe.kind == "http")
            .flat_map(|(probe, latest)| {
                let phases = &latest.phases;
                [
                    ("resolve", phases.resolve_us),
                    ("connect", phases.connect_us),
                    ("tls", phases.tls_us),
                    ("processing", phases.processing_us),
                    ("transfer", phases.transfer_us),
                ]
                .into_iter()
                .filter_map(|(phase, took_us)| {
                    let mut labels = labels(probe);
                    labels.push(("phase", phase));
                    Some((labels, seconds(took_us?)))
                })
            }),
    );
    page.gauge(
        "probe_http_status_code",
        "The HTTP status of the latest probe.",
        vouching().filter_map(|(probe, latest)| Some((labels(probe), f64::from(latest.status?)))),
    );
    page.gauge(
        "probe_ssl_earliest_cert_expiry",
        "When the first certificate of the presented chain ends, in seconds since 1970.",
        vouching()
            .filter_map(|(probe, latest)| Some((labels(probe), unix(latest.certificate_ends_at?)))),
    );
}

fn probe_counters(page: &mut Page, view: &View) {
    page.gauge(
        "nines_probe_last_sample_timestamp_seconds",
        "When the latest probe started, whether or not it still vouches.",
        view.probes
            .iter()
            .filter_map(|probe| Some((labels(probe), unix(probe.latest.as_ref()?.at)))),
    );
    page.counter(
        "nines_probe_samples_total",
        "Samples taken, by what they said.",
        view.probes.iter().flat_map(|probe| {
            [
                (Outcome::Up, probe.taken.up),
                (Outcome::Degraded, probe.taken.degraded),
                (Outcome::Down, probe.taken.down),
                (Outcome::Inconclusive, probe.taken.inconclusive),
            ]
            .map(|(outcome, count)| {
                let mut labels = labels(probe);
                labels.push(("outcome", outcome.word()));
                (labels, count as f64)
            })
        }),
    );
    page.counter(
        "nines_probe_missed_slots_total",
        "Slots that passed without a start: the run before was still under way, or the service could not watch.",
        view.probes
            .iter()
            .map(|probe| (labels(probe), probe.missed_slots as f64)),
    );
}

fn systems(page: &mut Page, view: &View) {
    page.gauge(
        "nines_system_state",
        "1 for the state that the system is in, as confirmed, and 0 for the others.",
        view.systems.iter().flat_map(|system| {
            [
                (State::Up, "up"),
                (State::Degraded, "degraded"),
                (State::Down, "down"),
                (State::Unknown, "unknown"),
            ]
            .map(|(state, word)| {
                let labels = vec![("system", &*system.id), ("state", word)];
                (labels, flag(system.state == state))
            })
        }),
    );
    page.gauge(
        "nines_system_flapping",
        "Whether the system fails again and again, so that customers are told that once and of no \
         single outage.",
        view.systems
            .iter()
            .map(|system| (of(system), flag(system.is_unstable))),
    );
    page.gauge(
        "nines_system_in_maintenance",
        "Whether a maintenance window is being held that excuses whatever downtime of the system \
         goes on.",
        view.systems
            .iter()
            .map(|system| (of(system), flag(system.in_maintenance))),
    );
    page.gauge(
        "nines_system_outage_start_timestamp_seconds",
        "When the open outage of the system began; absent while there is none.",
        view.systems
            .iter()
            .filter_map(|system| Some((of(system), unix(system.outage_since?)))),
    );
}

/// The figures of the running month; the words are those of SPEC section 6.
fn months(page: &mut Page, view: &View) {
    page.gauge(
        "nines_system_month_seconds",
        "Agreed seconds of the running month so far, by class; the classes add up.",
        accounted(view).flat_map(|(system, month)| {
            [
                ("up", month.up_s),
                ("planned", month.planned_s),
                ("excluded", month.excluded_s),
                ("unplanned", month.unplanned_s),
                ("unknown", month.unknown_s),
            ]
            .map(|(class, seconds)| {
                let labels = vec![("system", &*system.id), ("class", class)];
                (labels, seconds as f64)
            })
        }),
    );
    page.gauge(
        "nines_system_month_degraded_seconds",
        "The part of the running month's up seconds that was slow or impaired.",
        accounted(view).map(|(system, month)| (of(system), month.degraded_s as f64)),
    );
    page.gauge(
        "nines_system_contract_availability_ratio",
        "Contract availability of the running month so far, 0 to 1; reports are what counts.",
        figure(view, |month| month.contract_availability),
    );
    page.gauge(
        "nines_system_experienced_availability_ratio",
        "Availability of the running month so far as customers experienced it, 0 to 1.",
        figure(view, |month| month.experienced_availability),
    );
    page.gauge(
        "nines_system_coverage_ratio",
        "The part of the running month so far that samples vouch for, 0 to 1.",
        figure(view, |month| month.coverage),
    );
    page.gauge(
        "nines_system_target_ratio",
        "The availability target in force this month, 0 to 1; absent without one.",
        figure(view, |month| month.target),
    );
    page.gauge(
        "nines_system_error_budget_seconds",
        "Unplanned seconds that the target leaves in the running month.",
        figure(view, |month| month.budget_s.map(|seconds| seconds as f64)),
    );
    page.gauge(
        "nines_system_error_budget_remaining_seconds",
        "What is left of the error budget; negative once the target is missed.",
        figure(view, |month| {
            month.budget_left_s.map(|seconds| seconds as f64)
        }),
    );
}

fn people(page: &mut Page, view: &View) {
    page.gauge(
        "nines_incidents_open",
        "Incidents that are not resolved, by what opened them.",
        [
            ("outage", view.open_incidents.outage),
            ("overrun", view.open_incidents.overrun),
            ("declared", view.open_incidents.declared),
        ]
        .map(|(cause, open)| (vec![("cause", cause)], open as f64)),
    );
    page.counter(
        "nines_notices_total",
        "Notices in the ledger that came to an end, by kind and result.",
        Kind::ALL.into_iter().flat_map(|kind| {
            [
                (Ended::Sent, "sent"),
                (Ended::Rejected, "rejected"),
                (Ended::Ambiguous, "ambiguous"),
                (Ended::Folded, "folded"),
            ]
            .map(|(ended, word)| {
                let count = view.notices.get(&(kind, ended)).copied().unwrap_or(0);
                let labels = vec![("kind", kind.word()), ("result", word)];
                (labels, count as f64)
            })
        }),
    );
    page.gauge(
        "nines_outbox_notices",
        "Notices that were decided and have neither been delivered nor given up.",
        [(vec![], view.outbox.depth as f64)],
    );
    page.gauge(
        "nines_outbox_oldest_notice_timestamp_seconds",
        "When the oldest waiting notice was decided; absent while none waits.",
        moment(view.outbox.oldest_at),
    );
}

fn stores(page: &mut Page, view: &View) {
    page.counter(
        "nines_ledger_events_total",
        "Events in the ledger: the sequence number of the last.",
        [(vec![], view.ledger.seq as f64)],
    );
    page.gauge(
        "nines_ledger_last_event_timestamp_seconds",
        "When the last event happened. The ledger is quiet while nothing does.",
        moment(view.ledger.as_of),
    );
    page.gauge(
        "nines_ledger_heartbeat_timestamp_seconds",
        "When the ledger last noted, as it does each minute, that the service is alive.",
        moment(view.ledger.marked_at),
    );
    page.histogram(
        "nines_ledger_commit_duration_seconds",
        "How long a commit to the ledger took until it was durable.",
        &view.ledger.commits,
    );
    page.counter(
        "nines_ledger_commit_failures_total",
        "Commits to the ledger that failed; nobody is told of anything meanwhile.",
        [(vec![], view.ledger.failures as f64)],
    );
    page.counter(
        "nines_samples_written_total",
        "Samples committed to the store.",
        [(vec![], view.samples.written as f64)],
    );
    page.counter(
        "nines_samples_dropped_total",
        "Samples that the store could not take: lost evidence, no lost outage.",
        [(vec![], view.samples.dropped as f64)],
    );
    page.gauge(
        "nines_samples_pending",
        "Samples that wait for the next batch.",
        [(vec![], view.samples.waiting as f64)],
    );
    page.gauge(
        "nines_samples_last_committed_timestamp_seconds",
        "The start of the newest sample of the last batch that was committed.",
        moment(view.samples.committed_to),
    );
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

fn labels(probe: &Probe) -> Labels<'_> {
    vec![
        ("system", &*probe.system),
        ("probe", &*probe.name),
        ("kind", &*probe.kind),
        ("vantage", &*probe.vantage),
    ]
}

fn of(system: &System) -> Labels<'_> {
    vec![("system", &*system.id)]
}

fn accounted(view: &View) -> impl Iterator<Item = (&System, &Month)> {
    view.systems
        .iter()
        .filter_map(|system| Some((system, system.month.as_ref()?)))
}

fn figure<'a>(
    view: &'a View,
    read: impl Fn(&Month) -> Option<f64> + 'a,
) -> impl Iterator<Item = (Labels<'a>, f64)> {
    accounted(view).filter_map(move |(system, month)| Some((of(system), read(month)?)))
}

fn moment(at: Option<Timestamp>) -> Option<(Labels<'static>, f64)> {
    Some((vec![], unix(at?)))
}

fn unix(at: Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

/// The families of a page, in the order in which they were added.
#[derive(Default)]
struct Page {
    families: Vec<MetricFamily>,
}

impl Page {
    fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) {
        let metrics = values.into_iter().map(|(labels, value)| {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            let mut metric = Metric::from_gauge(gauge);
            metric.set_label(pairs(labels));
            metric
        });
        self.family(MetricType::GAUGE, name, help, metrics.collect());
    }

    fn counter<'a>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) {
        let metrics = values.into_iter().map(|(labels, value)| {
            let mut counter = Counter::default();
            counter.set_value(value);
            let mut metric = Metric::from_label(pairs(labels));
            metric.set_counter(counter);
            metric
        });
        self.family(MetricType::COUNTER, name, help, metrics.collect());
    }

    fn histogram(&mut self, name: &str, help: &str, distribution: &Distribution) {
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
        self.family(MetricType::HISTOGRAM, name, help, vec![metric]);
    }

    /// A family without a series is left out: the text format has no way to write one.
    fn family(&mut self, kind: MetricType, name: &str, help: &str, metrics: Vec<Metric>) {
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.families.push(family);
    }
}

fn pairs(labels: Labels<'_>) -> Vec<LabelPair> {
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    labels.into_iter().map(pair).collect()
}

#[expect(clippy::expect_used, reason = "shown below to be unreachable")]
fn write(families: &[MetricFamily]) -> String {
    TextEncoder::new()
        .encode_to_string(families)
        // The encoder refuses a family without a name or without a series, and `Page::family`
        // makes neither; writing to a string cannot fail.
        .expect("every family has a name and a series")
}

#[cfg(test)]
mod dashboard_tests;
#[cfg(test)]
mod tests;
