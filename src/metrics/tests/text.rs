//! The text of the page.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;

use super::*;

const NOW: &str = "2026-10-01T10:05:00Z";

/// A service with an open outage, whose probe has just succeeded once.
fn busy() -> (SharedState, Stats, Configuration) {
    let (began, confirmed) = ("2026-10-01T10:00:00Z", "2026-10-01T10:00:10Z");
    let incident = Fact::IncidentOpened {
        incident: IncidentId(1),
        systems: vec![portal()],
        outages: vec![OutageId(1)],
        cause: Cause::Outage,
    };
    let facts = [down(began), opened(began), incident].map(|fact| (confirmed, fact));
    let shared = shared(record(&facts), NOW);
    let probe = shared.probe(&login()).unwrap();
    probe.sampled(sample(Outcome::Up));
    probe.missed(3);
    let heartbeat = at("2026-10-01T10:04:30Z").as_microsecond();
    shared.counters.marked_us.store(heartbeat, Relaxed);
    let stats = Stats {
        written: 10,
        committed_to: Some(at("2026-10-01T10:00:00.25Z")),
        ..Stats::default()
    };
    let configuration = Configuration {
        loaded_at: Some(at("2026-10-01T04:00:00Z")),
        last_reload_failed: false,
    };
    (shared, stats, configuration)
}

#[test]
fn the_page_reads_like_this() {
    let (shared, stats, configuration) = busy();
    let page = Exporter::new("0.1.0").service(&shared, &stats, configuration, Detail::All);
    let tzdb = domain::calendar::tzdb_version();
    insta::assert_snapshot!(page.replace(tzdb, "TZDB"));
}

/// The answer of `/probe` after a sample with this outcome.
fn probed(outcome: Outcome) -> String {
    let catalogue = catalogue();
    probe_page(&catalogue, &catalogue.systems[0].probes[0], sample(outcome))
}

const LOGIN: &str = r#"{system="portal",probe="login",kind="http",vantage="here""#;

#[test]
fn a_degraded_target_is_a_success_and_an_inconclusive_sample_is_left_out() {
    for (outcome, expected) in [
        (Outcome::Up, Some(1.0)),
        (Outcome::Degraded, Some(1.0)),
        (Outcome::Down, Some(0.0)),
        (Outcome::Inconclusive, None),
    ] {
        let series = format!("probe_success{LOGIN}}}");
        assert_eq!(value(&probed(outcome), &series), expected, "{outcome}");
    }
}

#[test]
fn the_usual_page_leaves_out_phases_and_counters_that_are_still_0() {
    let (shared, stats, configuration) = busy();
    let exporter = Exporter::new("0.1.0");
    let series = |detail| -> BTreeSet<String> {
        let page = exporter.service(&shared, &stats, configuration, detail);
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    let (usual, all) = (series(Detail::Standard), series(Detail::All));
    assert!(usual.is_subset(&all));
    let names = all.difference(&usual).map(|line| {
        let name = line.split('{').next().unwrap();
        (name, line.contains("phase=") || line.ends_with(" 0"))
    });
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        BTreeSet::from([
            ("nines_probe_blips_total", true),
            ("nines_probe_samples_total", true),
            ("probe_http_duration_seconds", true),
        ])
    );
    // This probe missed slots, and a rate of its failures needs their 0.
    let has = |series: &str| usual.iter().any(|line| line.starts_with(series));
    assert!(has(&format!("nines_probe_missed_slots_total{LOGIN}}} 3")));
    assert!(has(&format!(
        "nines_probe_samples_total{LOGIN},outcome=\"down\"}} 0"
    )));
}

#[test]
fn a_phase_that_did_not_happen_is_left_out_and_the_rest_add_up() {
    let page = probed(Outcome::Up);
    let phase = |name: &str| {
        let series = format!(r#"probe_http_duration_seconds{LOGIN},phase="{name}"}}"#);
        value(&page, &series)
    };
    assert_eq!(phase("tls"), None);
    let phases = ["resolve", "connect", "processing", "transfer"];
    let sum: f64 = phases.into_iter().filter_map(phase).sum();
    let whole = value(&page, &format!("probe_duration_seconds{LOGIN}}}")).unwrap();
    assert!((sum - whole).abs() < 1e-9, "{sum} is not {whole}");
}

#[test]
fn one_state_of_a_system_is_set() {
    let page = page(record(&[]), NOW);
    let set = ["up", "degraded", "down", "unknown"].map(|state| is_state(&page, state));
    assert_eq!(set, [true, false, false, false]);
}

#[test]
fn every_kind_and_result_of_notice_starts_at_zero() {
    let page = page(record(&[]), NOW);
    for kind in NoticeKind::ALL {
        for result in ["sent", "rejected", "ambiguous", "superseded"] {
            let series = format!(r#"nines_notices_total{{kind="{kind}",result="{result}"}}"#);
            assert_eq!(value(&page, &series), Some(0.0), "{series}");
        }
    }
}

#[test]
fn without_pending_notices_there_is_no_oldest() {
    let page = page(record(&[]), NOW);
    assert_eq!(value(&page, "nines_outbox_notices"), Some(0.0));
    assert!(!page.contains("nines_outbox_oldest_notice_timestamp_seconds"));
}

#[test]
fn a_duration_counts_in_its_bucket_and_all_above() {
    let shared = shared(record(&[]), NOW);
    for late_us in [1_000, 1_001, 7_000_000] {
        shared.counters.late.observe(late_us);
    }
    let page = page_of(&shared);
    let bucket = |le: &str| {
        let series = format!(r#"nines_schedule_lag_seconds_bucket{{le="{le}"}}"#);
        value(&page, &series)
    };
    assert_eq!(bucket("0.001"), Some(1.0));
    assert_eq!(bucket("0.0025"), Some(2.0));
    assert_eq!(bucket("5"), Some(2.0));
    assert_eq!(bucket("+Inf"), Some(3.0));
    let sum = value(&page, "nines_schedule_lag_seconds_sum");
    assert_eq!(sum, Some(7.002_001));
}

#[test]
fn a_label_is_escaped() {
    let mut page = super::page::Page::default();
    page.gauge("a", "b", |series| {
        series.add(&[("system", "a\"b\\c\nd")], true)
    });
    assert!(page.render().contains(r#"system="a\"b\\c\nd""#));
}

#[test]
fn the_page_ends_with_the_figures_of_the_process() {
    let (shared, stats, configuration) = busy();
    let page = Exporter::new("0.1.0").page(&shared, &stats, configuration, Detail::All);
    if cfg!(target_os = "linux") {
        assert!(page.contains("\nprocess_resident_memory_bytes "), "{page}");
    }
    assert!(page.ends_with('\n'));
}

/// Runs promtool if `make check` names it.
#[test]
fn promtool_has_no_complaint() {
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
    let (shared, stats, configuration) = busy();
    let page = Exporter::new("0.1.0").page(&shared, &stats, configuration, Detail::All);
    stdin.write_all(page.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
