//! From what the engine shows to what the page says.
// A test may panic: that is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::Ordering::Relaxed;

use domain::catalogue::{Affects, Catalogue, Committee, Customer, Days, End, Rule, Target};
use domain::event::{Event, Fact, SERVICE, Silence};
use domain::id::{IncidentId, OutageId, ProbeId};
use domain::notice::{Kind as NoticeKind, Notice};
use domain::record::State;
use domain::sample::Reason;

use super::*;
use crate::engine::snapshot::Snapshot;
use crate::ledger::Head;

mod month;

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
        zone: zone.clone(),
        vantage: "here".into(),
        committees: vec![Committee {
            id: "operations".into(),
            name: "Operations".into(),
            zone: zone.clone(),
            members: vec![],
        }],
        customers: vec![Customer {
            id: "lakeside".into(),
            name: "Lakeside".into(),
            zone: zone.clone(),
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
            probes: vec![domain::catalogue::Probe {
                id: login(),
                kind: "http".into(),
                interval_ms: 30_000,
                retry_interval_ms: 5_000,
                timeout_ms: 10_000,
                failures: 3,
                recoveries: 2,
                affects: Affects::Availability,
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
                probe: login(),
                from: at(midnight),
            },
        ),
    ];
    facts.extend(then.iter().cloned());
    let mut record = Record::default();
    for (seq, (when, fact)) in (1..).zip(facts) {
        let by = SERVICE.to_owned();
        let at = at(when);
        record.apply(seq, &Event { at, by, fact });
    }
    record
}

fn down(from: &str) -> Fact {
    Fact::ProbeDown {
        probe: login(),
        from: at(from),
        reason: Some(Reason::Refused),
        detail: None,
        samples: vec![],
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
    });
    let turned = &shared.counters.turned_us;
    turned.store(at(now).as_microsecond(), Relaxed);
    shared
}

fn picture(record: Record, now: &str) -> View {
    Camera::new("0.1.0").take(
        &shared(record, now),
        &Stats::default(),
        Configuration::default(),
    )
}

#[test]
fn a_day_of_a_month_is_accounted_up_to_the_engines_last_turn() {
    let began = "2026-10-01T10:00:00Z";
    let confirmed = "2026-10-01T10:00:10Z";
    let view = picture(
        record(&[(confirmed, down(began)), (confirmed, opened(began))]),
        "2026-10-01T10:05:00Z",
    );
    let portal = &view.systems[0];
    assert_eq!(portal.state, State::Down);
    assert_eq!(portal.outage_since, Some(at(began)));
    let month = portal.month.as_ref().unwrap();
    assert_eq!(month.up_s, 6 * 3_600);
    assert_eq!((month.unplanned_s, month.unknown_s), (300, 0));
    // A thousandth of October's 31 days in New York, floored.
    assert_eq!(month.budget_s, Some(2_678));
    assert_eq!(month.budget_left_s, Some(2_378));
    let share = month.contract_availability.unwrap();
    assert!((share - 21_600.0 / 21_900.0).abs() < 1e-12, "{share}");
}

#[test]
fn a_silent_probe_makes_its_system_unknown_and_is_not_shown_as_a_success() {
    let silent = Fact::ProbeSilent {
        probe: login(),
        from: at("2026-10-01T05:00:00Z"),
        cause: Silence::Missing,
    };
    let view = picture(
        record(&[("2026-10-01T05:01:15Z", silent)]),
        "2026-10-01T06:00:00Z",
    );
    assert_eq!(view.systems[0].state, State::Unknown);
    assert_eq!(view.systems[0].month.as_ref().unwrap().unknown_s, 3_600);
    assert!(!super::super::encode(&view).contains("\nprobe_success{"));
}

#[test]
fn a_system_is_unstable_from_the_word_of_it_until_it_has_settled() {
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
        seen.push(picture(record(&facts), "2026-10-01T10:05:00Z").systems[0].is_unstable);
    }
    assert_eq!(seen, [true, false]);
    assert!(!picture(record(&facts[..3]), confirmed).systems[0].is_unstable);
}

#[test]
fn a_system_is_in_maintenance_while_its_window_excuses() {
    for (now, held) in [
        ("2026-10-08T00:59:59Z", false),
        ("2026-10-08T01:00:00Z", true),
        ("2026-10-08T01:59:59Z", true),
        ("2026-10-08T02:00:00Z", false),
    ] {
        assert_eq!(
            picture(record(&[]), now).systems[0].in_maintenance,
            held,
            "{now}"
        );
    }
}

#[test]
fn a_window_that_does_not_excuse_what_goes_on_silences_no_alarm() {
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
        let shown = picture(record(&facts), now);
        assert_eq!(shown.systems[0].in_maintenance, held, "{facts:?}");
    }
}

#[test]
fn a_window_that_earns_nothing_silences_no_alarm() {
    // Its rule is not a week old.
    let mut unearned = catalogue();
    unearned.systems[0].windows[0].agreed = None;
    let now = "2026-10-08T01:10:00Z";
    assert!(!picture(record_of(unearned, &[]), now).systems[0].in_maintenance);
    assert!(picture(record(&[]), now).systems[0].in_maintenance);
}

#[test]
fn the_outbox_shows_how_many_wait_and_since_when() {
    let queued = |key: &str| Fact::NoticeQueued {
        notice: Notice {
            kind: NoticeKind::Downtime,
            key: key.into(),
            customer: "lakeside".into(),
            customer_name: "Lakeside".into(),
            zone: "America/New_York".into(),
            recipient: "office@lakeside.example".into(),
            affected: vec![],
            work: None,
            incident: None,
            thread: None,
            after: vec![],
            folded: false,
        },
    };
    let folded = Fact::NoticeFolded {
        notice: domain::id::NoticeId(1),
        into: None,
    };
    let view = picture(
        record(&[
            ("2026-10-01T05:00:00Z", queued("a")),
            ("2026-10-01T06:00:00Z", queued("b")),
            ("2026-10-01T07:00:00Z", queued("c")),
            ("2026-10-01T08:00:00Z", folded),
        ]),
        "2026-10-01T09:00:00Z",
    );
    assert_eq!(view.outbox.depth, 2);
    assert_eq!(view.outbox.oldest_at, Some(at("2026-10-01T06:00:00Z")));
    assert_eq!(view.notices[&(NoticeKind::Downtime, Ended::Folded)], 1);
    let page = super::super::encode(&view);
    assert!(!page.contains("lakeside"), "a customer is named: {page}");
}

#[test]
fn what_is_costly_is_kept_until_something_happens_or_half_a_minute_has_passed() {
    let camera = Camera::new("0.1.0");
    let stats = Stats::default();
    let up_s = |record: &Record, now: &str| {
        let view = camera.take(
            &shared(record.clone(), now),
            &stats,
            Configuration::default(),
        );
        view.systems[0].month.as_ref().unwrap().up_s
    };
    let first = record(&[]);
    assert_eq!(up_s(&first, "2026-10-01T05:00:00Z"), 3_600);
    assert_eq!(up_s(&first, "2026-10-01T05:00:29Z"), 3_600);
    assert_eq!(up_s(&first, "2026-10-01T05:00:30Z"), 3_630);
    let later = record(&[("2026-10-01T05:00:31Z", Fact::DayClosed)]);
    assert_eq!(up_s(&later, "2026-10-01T05:00:32Z"), 3_632);
}

#[test]
fn a_reload_that_was_refused_shows() {
    let shared = shared(record(&[]), "2026-10-01T05:00:00Z");
    let refused = Configuration {
        last_reload_failed: true,
        ..Configuration::default()
    };
    let view = Camera::new("0.1.0").take(&shared, &Stats::default(), refused);
    let page = super::super::encode(&view);
    assert!(page.contains("\nnines_config_last_reload_successful 0\n"));
}
