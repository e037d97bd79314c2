//! What the page at `/metrics` says of a given view.
// A test may panic: that is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use domain::sample::Phases;

use super::view::{Latest, OpenIncidents, Outbox, Samples, Taken};
use super::*;
use crate::engine::counters::AtomicDistribution;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn probe(name: &str, latest: Option<Latest>) -> Probe {
    Probe {
        system: "portal".into(),
        name: name.into(),
        kind: "http".into(),
        vantage: "here".into(),
        latest,
        taken: Taken {
            up: 7,
            degraded: 1,
            down: 2,
            inconclusive: 0,
        },
        missed_slots: 3,
    }
}

fn latest(outcome: Outcome) -> Latest {
    Latest {
        at: at("2026-10-07T06:14:10.25Z"),
        vouches: true,
        outcome,
        took_us: 41_500,
        phases: Phases {
            resolve_us: Some(500),
            connect_us: Some(1_000),
            tls_us: None,
            processing_us: Some(39_000),
            transfer_us: Some(1_000),
        },
        status: Some(200),
        certificate_ends_at: Some(at("2026-12-01T00:00:00Z")),
    }
}

fn full() -> View {
    View {
        version: "0.1.0".into(),
        tzdb: "2026a".into(),
        probes: vec![probe("login-page", Some(latest(Outcome::Up)))],
        systems: vec![System {
            id: "portal".into(),
            state: State::Degraded,
            outage_since: Some(at("2026-10-07T06:14:10Z")),
            is_unstable: true,
            in_maintenance: true,
            month: Some(Month {
                up_s: 500_000,
                degraded_s: 40,
                planned_s: 240,
                excluded_s: 0,
                unplanned_s: 2_250,
                unknown_s: 10,
                contract_availability: Some(0.9955),
                experienced_availability: Some(0.995),
                coverage: Some(1.0),
                target: Some(0.999),
                budget_s: Some(2_678),
                budget_left_s: Some(428),
            }),
        }],
        open_incidents: OpenIncidents {
            outage: 1,
            ..Default::default()
        },
        notices: [((Kind::Downtime, Ended::Sent), 2)].into(),
        outbox: Outbox {
            depth: 4,
            oldest_at: Some(at("2026-10-07T06:15:00Z")),
        },
        turned_at: Some(at("2026-10-07T06:16:00Z")),
        ledger: super::view::Ledger {
            seq: 12,
            as_of: Some(at("2026-10-07T06:15:00Z")),
            marked_at: Some(at("2026-10-07T06:15:30Z")),
            ..Default::default()
        },
        samples: Samples {
            written: 10,
            committed_to: Some(at("2026-10-07T06:14:11Z")),
            ..Default::default()
        },
        configuration: super::view::Configuration {
            loaded_at: Some(at("2026-10-01T00:00:00Z")),
            last_reload_failed: false,
        },
        ..Default::default()
    }
}

/// The value of the series written exactly so, if the page has it.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .map(|value| value.parse().unwrap())
}

const LOGIN: &str = r#"{system="portal",probe="login-page",kind="http",vantage="here""#;

#[test]
fn the_whole_page_reads_so() {
    insta::assert_snapshot!(encode(&full()));
}

#[test]
fn the_same_view_gives_the_same_bytes() {
    assert_eq!(encode(&full()), encode(&full()));
}

#[test]
fn a_degraded_target_still_answers_and_a_down_one_does_not() {
    for (outcome, expected) in [
        (Outcome::Up, Some(1.0)),
        (Outcome::Degraded, Some(1.0)),
        (Outcome::Down, Some(0.0)),
        (Outcome::Inconclusive, None),
    ] {
        let view = View {
            probes: vec![probe("login-page", Some(latest(outcome)))],
            ..View::default()
        };
        let series = format!("probe_success{LOGIN}}}");
        assert_eq!(value(&encode(&view), &series), expected, "{outcome}");
    }
}

#[test]
fn an_old_success_that_no_longer_vouches_is_not_shown_as_one() {
    let mut old = latest(Outcome::Up);
    old.vouches = false;
    let view = View {
        probes: vec![probe("login-page", Some(old))],
        ..View::default()
    };
    let page = encode(&view);
    assert!(!page.contains("\nprobe_"), "{page}");
    let series = format!("nines_probe_last_sample_timestamp_seconds{LOGIN}}}");
    assert_eq!(value(&page, &series), Some(1_791_353_650.25));
}

#[test]
fn a_system_that_was_removed_vanishes_with_its_probes() {
    let mut view = full();
    view.systems.clear();
    view.probes.clear();
    assert!(!encode(&view).contains("portal"));
}

#[test]
fn exactly_one_state_of_a_system_is_set() {
    let page = encode(&full());
    let set = ["up", "degraded", "down", "unknown"].map(|state| {
        let series = format!(r#"nines_system_state{{system="portal",state="{state}"}}"#);
        value(&page, &series).unwrap()
    });
    assert_eq!(set, [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_phase_that_did_not_happen_is_left_out_and_the_rest_add_up() {
    let page = encode(&full());
    let phase = |name: &str| {
        value(
            &page,
            &format!(r#"probe_http_duration_seconds{LOGIN},phase="{name}"}}"#),
        )
    };
    assert_eq!(phase("tls"), None);
    let sum: f64 = ["resolve", "connect", "processing", "transfer"]
        .into_iter()
        .filter_map(phase)
        .sum();
    let whole = value(&page, &format!("probe_duration_seconds{LOGIN}}}")).unwrap();
    assert!((sum - whole).abs() < 1e-9, "{sum} is not {whole}");
}

#[test]
fn every_kind_and_result_of_notice_starts_at_zero() {
    let page = encode(&View::default());
    for kind in Kind::ALL {
        for result in ["sent", "rejected", "ambiguous", "folded"] {
            let series = format!(r#"nines_notices_total{{kind="{kind}",result="{result}"}}"#);
            assert_eq!(value(&page, &series), Some(0.0), "{series}");
        }
    }
}

#[test]
fn an_empty_outbox_has_no_oldest_notice() {
    let page = encode(&View::default());
    assert_eq!(value(&page, "nines_outbox_notices"), Some(0.0));
    assert_eq!(value(&page, "nines_outbox_oldest_notice_timestamp_seconds"), None);
}

#[test]
fn a_duration_falls_into_its_bucket_and_all_above() {
    let histogram = AtomicDistribution::default();
    for took_us in [1_000, 1_001, 7_000_000] {
        histogram.observe(took_us);
    }
    let view = View {
        schedule_lag: histogram.read(),
        ..View::default()
    };
    let page = encode(&view);
    let bucket = |le: &str| {
        value(
            &page,
            &format!(r#"nines_schedule_lag_seconds_bucket{{le="{le}"}}"#),
        )
    };
    assert_eq!(bucket("0.001"), Some(1.0));
    assert_eq!(bucket("0.0025"), Some(2.0));
    assert_eq!(bucket("5"), Some(2.0));
    assert_eq!(bucket("+Inf"), Some(3.0));
    assert_eq!(
        value(&page, "nines_schedule_lag_seconds_sum"),
        Some(7.002_001)
    );
}

#[test]
fn a_label_is_escaped() {
    let mut view = full();
    view.systems[0].id = "a\"b\\c\nd".into();
    assert!(encode(&view).contains(r#"system="a\"b\\c\nd""#));
}

#[test]
fn the_process_adds_its_own_figures() {
    let page = page(&View::default());
    if cfg!(target_os = "linux") {
        assert!(page.contains("\nprocess_resident_memory_bytes "), "{page}");
    }
    assert!(page.ends_with('\n'));
}

/// Asks the real promtool where `make check` says that it must be there.
#[test]
fn promtool_finds_nothing_to_say() {
    let Some(promtool) = std::env::var_os("NINES_PROMTOOL") else {
        return;
    };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(page(&full()).as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
