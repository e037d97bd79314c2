//! From the state of the engine to the page.

use domain::actor::Actor;
use domain::catalogue::{Affects, Catalogue, Committee, Customer, Days, End, Rule};
use domain::event::{Event, Fact, Silence};
use domain::id::{IncidentId, NoticeId, OutageId, ProbeId, Source, SystemId};
use domain::incident::Cause;
use domain::notice::{Address, Kind as NoticeKind, Notice, Recipient, Role};
use domain::policy::Target;
use domain::sample::{Outcome, Phases, Reason, Sample};
use domain::span::Span;

use super::*;
use crate::engine::snapshot::Snapshot;
use crate::ledger::Head;

mod dashboard;
mod month;
mod text;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn portal() -> SystemId {
    SystemId::from("portal")
}

fn login() -> ProbeId {
    ProbeId::from("portal/login")
}

/// One system with one probe and a weekly window of five minutes, New York.
fn catalogue() -> Catalogue {
    let zone = "America/New_York".to_owned();
    Catalogue {
        service: "Example HIE".into(),
        contact: None,
        zone: zone.clone(),
        vantage: "here".into(),
        committees: vec![Committee {
            id: "operations".into(),
            name: "Operations".into(),
            zone: zone.clone(),
            members: vec![],
            reporting: domain::catalogue::Reporting::default(),
        }],
        customers: vec![Customer {
            id: "lakeside".into(),
            name: "Lakeside".into(),
            zone: zone.clone(),
            phone: None,
            webhook: None,
            contacts: vec!["office@lakeside.example".into()],
            systems: vec![portal()],
        }],
        systems: vec![domain::catalogue::System {
            id: portal(),
            name: "Portal".into(),
            kind: domain::catalogue::Kind::Provided,
            committee: "operations".into(),
            policy: None,
            target: Some(Target { ppm: 999_000 }),
            downtime_advice: None,
            flapping: domain::catalogue::Flapping::USUAL,
            owner: None,
            depends_on: Vec::new(),
            group_within_s: domain::catalogue::GROUP_WITHIN_S,
            probes: vec![domain::catalogue::Probe {
                customers: std::collections::BTreeSet::new(),
                id: login(),
                affects: Affects::Availability,
                method: domain::catalogue::Method::Active(domain::catalogue::Active {
                    kind: "http".into(),
                    interval_ms: 30_000,
                    retry_interval_ms: 5_000,
                    timeout_ms: 10_000,
                    failures: 3,
                    recoveries: 2,
                }),
            }],
            windows: vec![Rule {
                id: "update".into(),
                title: "Update".into(),
                impact: None,
                days: Days::Weekdays(vec![jiff::civil::Weekday::Wednesday]),
                start: jiff::civil::time(21, 0, 0, 0),
                end: End::After(3_600),
                zone,
                max_downtime_s: None,
                min_notice_s: None,
                start_grace_s: None,
                agreed: Some(jiff::civil::date(2024, 3, 1)),
                tell: false,
                announce_s: Vec::new(),
            }],
        }],
        ..Catalogue::default()
    }
}

/// A ledger from the first of October that the portal has been up in, and whatever follows.
fn record(then: &[(&str, Fact)]) -> Record {
    record_of(catalogue(), then)
}

fn record_of(catalogue: Catalogue, then: &[(&str, Fact)]) -> Record {
    let midnight = "2026-10-01T04:00:00Z";
    let mut facts = vec![
        (
            midnight,
            Fact::LedgerCreated {
                identity: "abc".into(),
                tzdb: "2026a".into(),
            },
        ),
        (
            midnight,
            Fact::Configured {
                catalogue: Box::new(catalogue),
            },
        ),
        (midnight, Fact::Started { alive_until: None }),
        (
            midnight,
            Fact::ProbeFirstResult {
                source: Source::new(login(), "here"),
                from: at(midnight),
            },
        ),
    ];
    facts.extend(then.iter().cloned());
    let mut record = Record::default();
    for (seq, (when, fact)) in (1..).zip(facts) {
        let by = Actor::service();
        let at = at(when);
        record.apply(seq, &Event { at, by, fact });
    }
    record
}

fn down(from: &str) -> Fact {
    Fact::ProbeDown {
        source: Source::new(login(), "here"),
        from: at(from),
        reason: Some(Reason::Refused),
        detail: None,
        samples: vec![],
        before: None,
    }
}

fn opened(start: &str) -> Fact {
    Fact::OutageOpened {
        outage: OutageId(1),
        system: portal(),
        start: at(start),
        planned: false,
    }
}

fn shared(record: Record, now: &str) -> SharedState {
    let shared = SharedState::new(Snapshot {
        head: Head {
            seq: record.seq,
            hash: "0".repeat(64),
        },
        record,
        at: at("2026-10-01T04:00:00Z"),
        behind: false,
        doubted: std::collections::BTreeSet::new(),
    });
    let turned = &shared.counters.turned_us;
    turned.store(at(now).as_microsecond(), Relaxed);
    shared
}

fn sample(outcome: Outcome) -> Sample {
    Sample {
        source: Source::new(login(), "here"),
        at: at("2026-10-01T10:00:00.25Z"),
        late_us: 0,
        outcome,
        reason: None,
        detail: None,
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
        certificate_ends_soon: false,
        clock_offset_us: Some(-1_500),
    }
}

fn page_of(shared: &SharedState) -> String {
    let exporter = Exporter::new("0.1.0");
    exporter.service(
        shared,
        &Stats::default(),
        Configuration::default(),
        Detail::All,
    )
}

fn page(record: Record, now: &str) -> String {
    page_of(&shared(record, now))
}

/// The value of a series, which is written as on the page.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .map(|value| value.parse().unwrap())
}

/// The value of a metric of the portal, whose only label is the system.
fn of_portal(page: &str, metric: &str) -> Option<f64> {
    value(page, &format!("{metric}{{system=\"portal\"}}"))
}

/// Seconds of the portal's month by class.
fn seconds(page: &str, class: &str) -> f64 {
    let series = format!("nines_system_month_seconds{{system=\"portal\",class=\"{class}\"}}");
    value(page, &series).unwrap()
}

fn is_state(page: &str, state: &str) -> bool {
    let series = format!("nines_system_state{{system=\"portal\",state=\"{state}\"}}");
    value(page, &series) == Some(1.0)
}

#[test]
fn the_month_is_accounted_up_to_the_engines_last_turn() {
    let began = "2026-10-01T10:00:00Z";
    let confirmed = "2026-10-01T10:00:10Z";
    let page = page(
        record(&[(confirmed, down(began)), (confirmed, opened(began))]),
        "2026-10-01T10:05:00Z",
    );
    assert!(is_state(&page, "down"));
    let start = "nines_system_outage_start_timestamp_seconds{system=\"portal\",outage=\"O-1\"}";
    let start = value(&page, start);
    assert_eq!(start, Some(at(began).as_second() as f64));
    assert_eq!(seconds(&page, "up"), 6.0 * 3_600.0);
    assert_eq!(
        (seconds(&page, "unplanned"), seconds(&page, "unknown")),
        (300.0, 0.0)
    );
    // A thousandth of October's 31 days in New York, floored.
    let budget = of_portal(&page, "nines_system_error_budget_seconds");
    assert_eq!(budget, Some(2_678.0));
    let remaining = of_portal(&page, "nines_system_error_budget_remaining_seconds");
    assert_eq!(remaining, Some(2_378.0));
    let ratio = of_portal(&page, "nines_system_contract_availability_ratio").unwrap();
    assert!((ratio - 21_600.0 / 21_900.0).abs() < 1e-12, "{ratio}");
}

#[test]
fn every_open_outage_has_its_start_observed_or_declared() {
    let declared = |outage, from: &str, to: Option<&str>| Fact::OutageDeclared {
        outage: OutageId(outage),
        system: portal(),
        from: at(from),
        to: to.map(at),
        evidence: "customers called".into(),
    };
    let (began, called) = ("2026-10-01T10:00:00Z", "2026-10-01T09:30:00Z");
    let confirmed = "2026-10-01T10:00:10Z";
    let page = page(
        record(&[
            (confirmed, down(began)),
            (confirmed, opened(began)),
            (confirmed, declared(2, called, None)),
            (confirmed, declared(3, called, Some("2026-10-01T09:40:00Z"))),
        ]),
        "2026-10-01T10:05:00Z",
    );
    let start = |outage: &str| {
        let labels = format!("{{system=\"portal\",outage=\"{outage}\"}}");
        let name = "nines_system_outage_start_timestamp_seconds";
        value(&page, &format!("{name}{labels}"))
    };
    let seconds = |text: &str| Some(at(text).as_second() as f64);
    assert_eq!(start("O-1"), seconds(began));
    assert_eq!(start("O-2"), seconds(called));
    assert_eq!(start("O-3"), None);
}

#[test]
fn unconfirmed_failures_are_counted_over_the_whole_ledger() {
    let blip = |from: &str, to: &str| Fact::Blip {
        source: Source::new(login(), "here"),
        span: Span::new(at(from), at(to)),
        bad_samples: 1,
    };
    let page = page(
        record(&[
            (
                "2026-10-01T10:00:05Z",
                blip("2026-10-01T10:00:00Z", "2026-10-01T10:00:05Z"),
            ),
            (
                "2026-10-01T10:00:15Z",
                blip("2026-10-01T10:00:10Z", "2026-10-01T10:00:15Z"),
            ),
        ]),
        "2026-10-01T10:05:00Z",
    );
    let mut lines = page.lines();
    let line = lines.find(|line| line.starts_with("nines_probe_blips_total{"));
    assert!(line.is_some_and(|line| line.ends_with(" 2")), "{line:?}");
}

#[test]
fn a_silent_probe_makes_its_system_unknown_and_is_not_shown_as_a_success() {
    let silent = Fact::ProbeSilent {
        source: Source::new(login(), "here"),
        from: at("2026-10-01T05:00:00Z"),
        cause: Silence::Missing,
    };
    let shared = shared(
        record(&[("2026-10-01T05:01:15Z", silent)]),
        "2026-10-01T06:00:00Z",
    );
    shared.probe(&login()).unwrap().sampled(sample(Outcome::Up));
    let page = page_of(&shared);
    assert!(is_state(&page, "unknown"));
    assert_eq!(seconds(&page, "unknown"), 3_600.0);
    assert!(!page.contains("\nprobe_"), "{page}");
    assert!(page.contains("\nnines_probe_last_sample_timestamp_seconds{system=\"portal\""));
}

#[test]
fn a_system_is_flapping_until_it_has_settled() {
    let (began, confirmed) = ("2026-10-01T10:00:00Z", "2026-10-01T10:00:10Z");
    let incident = IncidentId(1);
    let cause = Cause::Outage;
    let (systems, outages) = (vec![portal()], vec![OutageId(1)]);
    let (more, system) = (outages.clone(), portal());
    let flapping = Fact::Flapping {
        system,
        incident,
        outages: more,
    };
    let system = portal();
    let mut facts = vec![
        (confirmed, down(began)),
        (confirmed, opened(began)),
        (
            confirmed,
            Fact::IncidentOpened {
                incident,
                systems,
                outages,
                cause,
            },
        ),
    ];
    let mut seen = Vec::new();
    for fact in [flapping, Fact::FlappingEnded { system, incident }] {
        facts.push((confirmed, fact));
        let page = page(record(&facts), "2026-10-01T10:05:00Z");
        seen.push(of_portal(&page, "nines_system_flapping"));
    }
    assert_eq!(seen, [Some(1.0), Some(0.0)]);
    let before = page(record(&facts[..3]), confirmed);
    assert_eq!(of_portal(&before, "nines_system_flapping"), Some(0.0));
}

fn in_maintenance(record: Record, now: &str) -> bool {
    of_portal(&page(record, now), "nines_system_in_maintenance") == Some(1.0)
}

#[test]
fn a_system_is_in_maintenance_while_its_window_lasts() {
    for (now, held) in [
        ("2026-10-08T00:59:59Z", false),
        ("2026-10-08T01:00:00Z", true),
        ("2026-10-08T01:59:59Z", true),
        ("2026-10-08T02:00:00Z", false),
    ] {
        assert_eq!(in_maintenance(record(&[]), now), held, "{now}");
    }
}

#[test]
fn unplanned_downtime_in_a_window_still_raises_the_alert() {
    let now = "2026-10-08T01:10:00Z";
    let opened = |start: &str, planned| {
        let (system, start) = (portal(), at(start));
        (
            now,
            Fact::OutageOpened {
                outage: OutageId(1),
                system,
                start,
                planned,
            },
        )
    };
    let overran = Fact::Overrun {
        outage: OutageId(1),
        from: at("2026-10-08T01:05:00Z"),
        window: "portal/update@2026-10-07".into(),
    };
    let declared = Fact::OutageDeclared {
        outage: OutageId(2),
        system: portal(),
        from: at("2026-10-08T01:02:00Z"),
        to: None,
        evidence: "a call".into(),
    };
    let reclassified = Fact::OutageReclassified {
        outage: OutageId(1),
        reason: "not the announced work".into(),
    };
    let excused = opened("2026-10-08T01:00:10Z", true);
    let early = opened("2026-10-08T00:50:00Z", false);
    for (facts, held) in [
        (vec![excused.clone()], true),
        (vec![early], false),
        (vec![excused.clone(), (now, overran)], false),
        (vec![excused.clone(), (now, reclassified)], false),
        (vec![excused, (now, declared)], false),
    ] {
        assert_eq!(in_maintenance(record(&facts), now), held, "{facts:?}");
    }
}

#[test]
fn a_window_that_was_agreed_too_late_still_raises_the_alert() {
    // Its rule is less than a week old.
    let mut unearned = catalogue();
    unearned.systems[0].windows[0].agreed = None;
    let now = "2026-10-08T01:10:00Z";
    assert!(!in_maintenance(record_of(unearned, &[]), now));
    assert!(in_maintenance(record(&[]), now));
}

#[test]
fn pending_notices_are_counted_and_the_oldest_is_dated() {
    let attempted = |id: u64, to: &str| Fact::DeliveryAttempted {
        notice: NoticeId(id),
        attempt: 1,
        message: Some(Box::new(Notice {
            kind: NoticeKind::Downtime,
            recipient: Recipient {
                address: Address::Mail(format!("{to}@lakeside.example")),
                who: [Role::Customer("lakeside".into())].into(),
                name: "Lakeside".into(),
                zone: "America/New_York".into(),
            },
            affected: vec![],
            window: None,
            incident: None,
            references: vec![],
            includes_downtime: false,
            report: None,
            words: Vec::new(),
            alert: None,
        })),
        message_id: format!("<{id}@nines.example>"),
        sha256: "00".into(),
    };
    let page = page(
        record(&[
            ("2026-10-01T05:00:00Z", attempted(1, "office")),
            ("2026-10-01T06:00:00Z", attempted(2, "desk")),
            // Another message to the same address takes the place of the first.
            ("2026-10-01T07:00:00Z", attempted(3, "office")),
        ]),
        "2026-10-01T09:00:00Z",
    );
    assert_eq!(value(&page, "nines_outbox_notices"), Some(2.0));
    let oldest = value(&page, "nines_outbox_oldest_notice_timestamp_seconds");
    assert_eq!(oldest, Some(at("2026-10-01T06:00:00Z").as_second() as f64));
    let superseded = r#"nines_notices_total{kind="downtime",result="superseded"}"#;
    assert_eq!(value(&page, superseded), Some(1.0));
    assert!(
        !page.contains("lakeside"),
        "a label names a customer: {page}"
    );
}

#[test]
fn a_notice_that_was_never_attempted_is_pending() {
    let (began, confirmed) = ("2026-10-01T10:00:00Z", "2026-10-01T10:00:10Z");
    let page = page(
        record(&[(confirmed, down(began)), (confirmed, opened(began))]),
        "2026-10-01T10:05:00Z",
    );
    assert_eq!(value(&page, "nines_outbox_notices"), Some(1.0));
    let oldest = value(&page, "nines_outbox_oldest_notice_timestamp_seconds");
    assert_eq!(oldest, Some(at(confirmed).as_second() as f64));
}

#[test]
fn totals_are_computed_anew_after_an_event_or_thirty_seconds() {
    let exporter = Exporter::new("0.1.0");
    let up_s = |record: &Record, now: &str| {
        let shared = shared(record.clone(), now);
        let page = exporter.service(
            &shared,
            &Stats::default(),
            Configuration::default(),
            Detail::All,
        );
        seconds(&page, "up")
    };
    let first = record(&[]);
    assert_eq!(up_s(&first, "2026-10-01T05:00:00Z"), 3_600.0);
    assert_eq!(up_s(&first, "2026-10-01T05:00:29Z"), 3_600.0);
    assert_eq!(up_s(&first, "2026-10-01T05:00:30Z"), 3_630.0);
    let later = record(&[("2026-10-01T05:00:31Z", Fact::DayClosed)]);
    assert_eq!(up_s(&later, "2026-10-01T05:00:32Z"), 3_632.0);
}

#[test]
fn a_page_of_chosen_systems_has_their_series_and_no_others() {
    let shared = shared(record(&[]), "2026-10-01T05:00:00Z");
    let exporter = Exporter::new("0.1.0");
    let whole = page_of(&shared);
    let only = |id: &str| exporter.page_of_systems(&shared, &[SystemId::from(id)].into());
    let page = only("portal").unwrap();
    let series = |page: &str| -> Vec<String> {
        let lines = page
            .lines()
            .filter(|line| line.contains("system=\"portal\""));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(series(&page), series(&whole));
    let others = page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("\"portal\""));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(only("nothing"), Err(SystemId::from("nothing")));
    // No system at all.
    let none = exporter.page_of_systems(&shared, &BTreeSet::new()).unwrap();
    assert!(none.lines().all(|line| line.starts_with('#')), "{none}");
}

#[test]
fn a_failed_reload_shows() {
    let shared = shared(record(&[]), "2026-10-01T05:00:00Z");
    let failed = Configuration {
        last_reload_failed: true,
        ..Configuration::default()
    };
    let page = Exporter::new("0.1.0").service(&shared, &Stats::default(), failed, Detail::Standard);
    assert!(page.contains("\nnines_config_last_reload_successful 0\n"));
}

#[test]
fn a_removed_system_vanishes_with_its_probes() {
    let configured = Fact::Configured {
        catalogue: Box::new(Catalogue::default()),
    };
    let removed = record(&[("2026-10-01T05:00:00Z", configured)]);
    let page = page(removed, "2026-10-01T06:00:00Z");
    assert!(!page.contains("portal"), "{page}");
}
