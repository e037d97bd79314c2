//! Metrics of each configured probe: its latest sample and its counters.

use std::sync::Arc;

use domain::catalogue::{Catalogue, Probe};
use domain::sample::{Outcome, Sample};

use super::page::{Label, Page, seconds, signed_seconds};
use super::{Detail, Source};

/// The latest sample of `probe` alone, as `/probe` answers it.
pub fn probe_page(catalogue: &Catalogue, probe: &Probe, sample: Sample) -> String {
    let mut page = Page::default();
    let labels = labels(probe, catalogue.vantage.as_str());
    let samples = [(labels, Arc::new(sample))];
    latest(&mut page, &samples);
    http_phases(&mut page, &samples);
    page.render()
}

pub fn add(page: &mut Page, source: &Source) {
    let catalogue = &source.record.catalogue;
    let states = source.shared.probes();
    let probes: Vec<_> = source
        .systems()
        .flat_map(|system| &system.probes)
        .filter_map(|probe| Some((probe, states.get(&probe.id)?)))
        .map(|(probe, state)| (probe, labels(probe, catalogue.vantage.as_str()), state))
        .collect();
    let is_current = |probe: &Probe| {
        let known = source.record.probes.get(&probe.id);
        known.is_some_and(|known| !known.is_silent())
    };
    // An old beat must not look like a success: the silence after it is a failure.
    let stale = |probe: &Probe| {
        let known = source.record.probes.get(&probe.id);
        probe.active().is_none()
            && known.is_some_and(|known| known.down.last().is_some_and(|(_, to)| to.is_none()))
    };
    let current: Vec<_> = probes
        .iter()
        .filter(|(probe, ..)| is_current(probe))
        .filter_map(|(probe, labels, state)| {
            let latest = state.latest()?;
            let sample = match stale(probe) {
                true => Arc::new(Sample {
                    outcome: Outcome::Down,
                    ..Sample::clone(&latest)
                }),
                false => latest,
            };
            Some((*labels, sample))
        })
        .collect();
    latest(page, &current);
    if source.detail == Detail::All {
        http_phases(page, &current);
    }
    let is_said = |count: u64| count > 0 || source.detail == Detail::All;
    page.gauge(
        "nines_probe_last_sample_timestamp_seconds",
        "Start of the latest sample, also if it is too old to show the current state.",
        |series| {
            for (_, labels, state) in &probes {
                series.add(labels, state.latest().map(|sample| sample.at));
            }
        },
    );
    page.counter(
        "nines_probe_samples_total",
        "Samples by outcome.",
        |series| {
            for (_, labels, state) in &probes {
                let counts = state.counts();
                for (outcome, count) in [
                    (Outcome::Up, counts.up),
                    (Outcome::Degraded, counts.degraded),
                    (Outcome::Down, counts.down),
                    (Outcome::Inconclusive, counts.inconclusive),
                ] {
                    // A rate needs the 0 before the first sample that failed.
                    if matches!(outcome, Outcome::Up | Outcome::Down) || is_said(count) {
                        series.add(&with(labels, ("outcome", outcome.word())), count);
                    }
                }
            }
        },
    );
    page.counter(
        "nines_probe_blips_total",
        "Bad runs that were too short to be an outage, over the whole ledger.",
        |series| {
            for (probe, labels, _) in &probes {
                let known = source.record.probes.get(&probe.id);
                let count = known.map_or(0, |known| known.blips.len() as u64);
                series.add(labels, is_said(count).then_some(count));
            }
        },
    );
    page.counter(
        "nines_probe_missed_slots_total",
        "Scheduled runs that did not start: the previous run was still under way, or the service was stalled.",
        |series| {
            for (_, labels, state) in &probes {
                let count = state.counts().missed;
                series.add(labels, is_said(count).then_some(count));
            }
        },
    );
}

/// The metrics that dashboards for blackbox_exporter know. `samples` are current: an old success must
/// not look like a success.
fn latest(page: &mut Page, samples: &[(Labels, Arc<Sample>)]) {
    page.gauge(
        "probe_success",
        "1 if the latest sample is up or degraded, 0 if it is down. Absent without a current sample.",
        |series| {
            for (labels, sample) in samples {
                let success = match sample.outcome {
                    Outcome::Up | Outcome::Degraded => Some(true),
                    Outcome::Down => Some(false),
                    Outcome::Inconclusive => None,
                };
                series.add(labels, success);
            }
        },
    );
    page.gauge(
        "probe_duration_seconds",
        "Duration of the latest probe.",
        |series| {
            for (labels, sample) in samples {
                // A beat takes no time.
                if !labels.contains(&("kind", "heartbeat")) {
                    series.add(labels, seconds(sample.took_us));
                }
            }
        },
    );
    page.gauge(
        "probe_http_status_code",
        "HTTP status code of the latest probe.",
        |series| {
            for (labels, sample) in samples {
                series.add(labels, sample.status.map(f64::from));
            }
        },
    );
    page.gauge(
        "probe_ssl_earliest_cert_expiry",
        "Time when the first certificate on the verified path expires.",
        |series| {
            for (labels, sample) in samples {
                series.add(labels, sample.certificate_ends_at);
            }
        },
    );
    page.gauge(
        "nines_probe_certificate_expiring",
        "1 if probe_ssl_earliest_cert_expiry is within the probe's certificate_days, else 0.",
        |series| {
            for (labels, sample) in samples {
                let seen = sample.certificate_ends_at;
                series.add(labels, seen.map(|_| sample.certificate_ends_soon));
            }
        },
    );
    page.gauge(
        "nines_probe_clock_offset_seconds",
        "The clock of a time server minus this machine's, at the latest probe.",
        |series| {
            for (labels, sample) in samples {
                series.add(labels, sample.clock_offset_us.map(signed_seconds));
            }
        },
    );
}

fn http_phases(page: &mut Page, samples: &[(Labels, Arc<Sample>)]) {
    page.gauge(
        "probe_http_duration_seconds",
        "Duration of the latest HTTP probe by phase, summed over all redirects.",
        |series| {
            for (labels, sample) in samples {
                let kind = labels.iter().find(|(name, _)| *name == "kind");
                if !matches!(kind, Some((_, "http" | "journey" | "fhir"))) {
                    continue;
                }
                let phases = &sample.phases;
                for (phase, took_us) in [
                    ("resolve", phases.resolve_us),
                    ("connect", phases.connect_us),
                    ("tls", phases.tls_us),
                    ("processing", phases.processing_us),
                    ("transfer", phases.transfer_us),
                ] {
                    series.add(&with(labels, ("phase", phase)), took_us.map(seconds));
                }
            }
        },
    );
}

type Labels<'a> = [Label<'a>; 4];

fn labels<'a>(probe: &'a Probe, vantage: &'a str) -> Labels<'a> {
    [
        ("system", probe.id.system()),
        ("probe", probe.id.name()),
        ("kind", probe.kind()),
        ("vantage", vantage),
    ]
}

fn with<'a>(labels: &Labels<'a>, one: Label<'a>) -> Vec<Label<'a>> {
    [&labels[..], &[one]].concat()
}
