//! Daily roll-ups: which days wait for one, and what a report reads from them.

use std::collections::BTreeMap;

use domain::id::Source;
use domain::input::Input;
use domain::latency::{Counted, LocalDay, Rollup, StoredRollup};
use domain::report::explain::Number;
use domain::report::{Missing, Report, figures, monthly, read_latencies};
use domain::span::Span;

use crate::service::{Service, at, catalogue, system};

const ORIGIN: &str = "2026-10-01T00:00:00Z";
const DAY: i64 = 86_400;
const MINUTE: i64 = 60;

fn running() -> Service {
    Service::new(ORIGIN, vec![system("a")])
}

fn owed(service: &Service, now: &str) -> Vec<String> {
    let days = service.record.days_to_roll_up(at(now));
    days.iter().map(|day| day.date.to_string()).collect()
}

fn stored(day: LocalDay) -> StoredRollup {
    StoredRollup {
        file: format!("{}.jsonl", day.date),
        sha256: format!("sha of {}", day.date),
        day,
        probes: 1,
        samples: 100,
    }
}

/// Rolls up every day that waits, as the service does.
fn roll_up(service: &mut Service, offset_s: i64) {
    service.tick(offset_s);
    let now = service.second(offset_s);
    for day in service.record.days_to_roll_up(now) {
        service.input(now, Input::RollUp(Box::new(stored(day))));
    }
}

/// The roll-up of a day: latencies of probe `a/p` in milliseconds, and one failure.
fn counts(date: &str, answered_ms: &[u64]) -> Rollup {
    let mut counted = Counted {
        conclusive: answered_ms.len() as u64 + 1,
        ..Counted::default()
    };
    for ms in answered_ms {
        counted.answered.add(ms * 1_000, 1);
    }
    Rollup {
        day: LocalDay {
            date: date.parse().unwrap(),
            zone: "UTC".into(),
            span: Span::new(at(ORIGIN), at(ORIGIN)),
        },
        probes: BTreeMap::from([(Source::new("a/p", "main"), counted)]),
    }
}

fn october(service: &Service) -> Report {
    monthly(&service.record, "ops", "2026-10".parse().unwrap(), "head").unwrap()
}

/// The report with the roll-ups of two days: 1 to 100 ms, and five times 1 s.
fn read(service: &Service) -> Report {
    let mut report = october(service);
    read_latencies(&mut report, &mut |file, sha256| {
        let date = file.strip_suffix(".jsonl").unwrap();
        assert_eq!(sha256, format!("sha of {date}"));
        match date {
            "2026-10-01" => Some(counts(date, &(1..=100).collect::<Vec<_>>())),
            "2026-10-02" => Some(counts(date, &[1_000; 5])),
            _ => None,
        }
    });
    report
}

#[test]
fn a_day_is_owed_five_minutes_after_its_end_and_only_once() {
    let mut service = running();
    assert_eq!(owed(&service, "2026-10-02T00:04:59Z"), [""; 0]);
    assert_eq!(owed(&service, "2026-10-02T00:05:00Z"), ["2026-10-01"]);
    roll_up(&mut service, DAY + 5 * MINUTE);
    assert_eq!(owed(&service, "2026-10-02T23:00:00Z"), [""; 0]);
    let again = service.record.rollups.all().next().unwrap().clone();
    let refused = service.try_input(service.now, Input::RollUp(Box::new(again)));
    assert!(refused.unwrap_err().0.contains("already"));
}

#[test]
fn days_that_passed_while_the_service_was_stopped_are_owed_at_the_next_start() {
    let mut service = running();
    service.stop(DAY / 2);
    let days = ["2026-10-01", "2026-10-02", "2026-10-03"];
    assert_eq!(owed(&service, "2026-10-04T09:00:00Z"), days);
    let day = service.record.days_to_roll_up(at("2026-10-04T09:00:00Z"));
    let early = Input::RollUp(Box::new(stored(day[0].clone())));
    // The event would say that the service was alive.
    let refused = service.try_input(service.second(3 * DAY), early);
    assert!(refused.unwrap_err().0.contains("running"));
    service.start(3 * DAY + 9 * 3_600);
    roll_up(&mut service, 3 * DAY + 9 * 3_600);
    assert_eq!(owed(&service, "2026-10-04T09:00:00Z"), [""; 0]);
}

#[test]
fn days_older_than_four_hundred_are_left() {
    let service = running();
    let owed = owed(&service, "2028-01-01T09:00:00Z");
    assert_eq!(owed.len(), 400);
    assert_eq!(owed.last().unwrap(), "2027-12-31");
}

#[test]
fn each_zone_of_a_committee_has_its_own_days_and_a_shared_zone_one() {
    let mut catalogue = catalogue(vec![system("a")]);
    let mut east = catalogue.committees[0].clone();
    east.id = "east".into();
    let mut new_york = east.clone();
    new_york.id = "new-york".into();
    new_york.zone = "America/New_York".into();
    catalogue.committees.extend([east, new_york]);
    let service = Service::with("2026-10-31T12:00:00Z", catalogue);
    let days = service.record.days_to_roll_up(at("2026-11-02T05:05:00Z"));
    let said: Vec<(String, &str, i64)> = days
        .iter()
        .map(|day| (day.date.to_string(), &*day.zone, day.span.seconds() / 3_600))
        .collect();
    assert_eq!(
        said,
        [
            ("2026-10-31".to_owned(), "UTC", 24),
            ("2026-10-31".to_owned(), "America/New_York", 24),
            ("2026-11-01".to_owned(), "UTC", 24),
            // Clocks go back on that day.
            ("2026-11-01".to_owned(), "America/New_York", 25),
        ]
    );
}

#[test]
fn a_day_that_comes_again_after_the_clock_was_set_back_is_owed_again() {
    let mut service = running();
    roll_up(&mut service, DAY + 5 * MINUTE);
    roll_up(&mut service, 2 * DAY + 5 * MINUTE);
    service.set_clock(2 * DAY + 6 * MINUTE, DAY + 3_600);
    assert!(service.record.rollups.all().count() == 1);
    assert_eq!(owed(&service, "2026-10-03T00:05:00Z"), ["2026-10-02"]);
}

#[test]
fn percentiles_are_those_of_the_answered_samples_and_of_a_month_those_of_all_its_days() {
    let mut service = running();
    roll_up(&mut service, DAY + 5 * MINUTE);
    roll_up(&mut service, 2 * DAY + 5 * MINUTE);
    let report = read(&service);
    let [probe] = &report.latencies.probes[..] else {
        panic!("{:?}", report.latencies.probes)
    };
    let days: Vec<_> = probe
        .days
        .iter()
        .map(|d| {
            (
                d.date.to_string(),
                d.conclusive,
                d.answered,
                d.p50_us,
                d.p95_us,
                d.p99_us,
            )
        })
        .collect();
    let ms = |ms: u64| Some(ms * 1_000);
    assert_eq!(
        days,
        [
            ("2026-10-01".to_owned(), 101, 100, ms(50), ms(95), ms(99)),
            (
                "2026-10-02".to_owned(),
                6,
                5,
                ms(1_000),
                ms(1_000),
                ms(1_000)
            ),
        ]
    );
    // 105 latencies: the 53rd, the 100th, the 104th.
    assert_eq!((probe.conclusive, probe.answered), (107, 105));
    assert_eq!(
        (probe.p50_us, probe.p95_us, probe.p99_us),
        (ms(53), ms(100), ms(1_000))
    );
}

#[test]
fn a_day_without_latencies_says_why() {
    let mut service = running();
    roll_up(&mut service, DAY + 5 * MINUTE);
    // Nobody rolls the second day up, and the third one's file is lost.
    let now = service.second(3 * DAY + 5 * MINUTE);
    service.tick(3 * DAY + 5 * MINUTE);
    let day = service.record.days_to_roll_up(now).pop().unwrap();
    service.input(now, Input::RollUp(Box::new(stored(day))));
    let report = read(&service);
    let why: Vec<_> = report.latencies.rollups.iter().map(|d| d.missing).collect();
    assert_eq!(
        why,
        [
            None,
            Some(Missing::NoRollup),
            Some(Missing::FileLost),
            Some(Missing::NotRolledUpYet)
        ]
    );
    let without = &report.latencies.unavailable;
    assert_eq!(without.len(), 3);
    assert_eq!(without[0].first, without[0].last);
    assert_eq!(report.latencies.probes[0].days.len(), 1);
    assert_eq!(october(&running()).latencies.probes[0].p50_us, None);
}

#[test]
fn a_probe_without_an_answer_says_so() {
    let mut service = running();
    roll_up(&mut service, DAY + 5 * MINUTE);
    let mut report = october(&service);
    read_latencies(&mut report, &mut |_, _| Some(counts("2026-10-01", &[])));
    let probe = &report.latencies.probes[0];
    assert_eq!(
        (probe.missing, probe.conclusive),
        (Some(Missing::NoAnswer), 1)
    );
    let mut report = october(&service);
    read_latencies(&mut report, &mut |_, _| {
        let mut rollup = counts("2026-10-01", &[]);
        rollup.probes.clear();
        Some(rollup)
    });
    assert_eq!(report.latencies.probes[0].missing, Some(Missing::NoSample));
}

#[test]
fn a_new_roll_up_changes_the_digest_that_an_approval_names() {
    let mut service = running();
    roll_up(&mut service, DAY + 5 * MINUTE);
    let before = figures::digest(&october(&service));
    assert_eq!(
        figures::digest(&read(&service)),
        before,
        "whoever read the files"
    );
    roll_up(&mut service, 2 * DAY + 5 * MINUTE);
    assert_ne!(figures::digest(&october(&service)), before);
}

#[test]
fn every_latency_has_an_explanation_with_its_buckets() {
    let mut service = running();
    roll_up(&mut service, DAY + 5 * MINUTE);
    roll_up(&mut service, 2 * DAY + 5 * MINUTE);
    let report = read(&service);
    let found = |key: &str| {
        let mut all = report.explained().figures.iter();
        all.find(|f| f.key == key)
            .unwrap_or_else(|| panic!("{key}"))
    };
    let p95 = found("latencies.probes.a/p.p95_us");
    assert_eq!(p95.said(), "100\u{a0}ms");
    let number = |name: &str| match p95.numbers.iter().find(|(known, _)| known == name) {
        Some((_, Number::Shared(all))) => all.to_vec(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(number("bucket_counts").iter().sum::<i64>(), 105);
    assert_eq!(number("bucket_bounds_us").last(), Some(&1_000_000));
    let day = found("latencies.probes.a/p.days.2026-10-02.answered");
    assert_eq!(day.value.as_deref(), Some("5"));
}
