//! The figures of the current month are those that its report would show.

use domain::catalogue::{Kind, System};
use domain::id::Source;
use domain::policy::{Commitments, Policy};
use domain::report::{Report, SystemLine, monthly};

use super::*;

/// Time of the engine's last turn and of the last event.
const NOW: &str = "2026-10-12T06:00:00Z";

fn agreement(id: &str) -> Policy {
    Policy {
        min_notice_s: None,
        id: id.into(),
        name: id.to_owned(),
        target: Some(Target { ppm: 999_000 }),
        unknown_is_down: false,
        degraded_is_down: true,
        ignore_shorter_s: 0,
        min_coverage_ppm: 990_000,
        monthly_allowance_s: Some(120),
        service_hours: None,
        planned_hours: None,
        commitments: Commitments::default(),
    }
}

fn system(id: &str, kind: Kind) -> System {
    let mut system = catalogue().systems.remove(0);
    system.id = id.into();
    system.kind = kind;
    system.target = None;
    system.policy = Some("strict".into());
    system.probes[0].id = ProbeId::of(&system.id, "main");
    system
}

/// The catalogue at the start of the month: one system of the operator and two of partners, one with
/// its own target, the other with its policy's.
fn first() -> Catalogue {
    let mut own = system("emr", Kind::Partner);
    own.target = Some(Target { ppm: 995_000 });
    own.policy = None;
    Catalogue {
        policies: vec![agreement("lenient"), agreement("strict")],
        systems: vec![
            own,
            system("labs", Kind::Partner),
            system("portal", Kind::Provided),
        ],
        ..catalogue()
    }
}

/// The catalogue with one more system.
fn second() -> Catalogue {
    let mut c = first();
    c.systems.insert(1, system("fax", Kind::Provided));
    c
}

/// In the middle of the month every policy and target becomes easier.
fn third() -> Catalogue {
    let mut c = second();
    c.policies[0].target = Some(Target { ppm: 900_000 });
    c.policies[0].degraded_is_down = false;
    c.policies[0].monthly_allowance_s = Some(7_200);
    for system in &mut c.systems {
        system.policy = Some("lenient".into());
        system.target = Some(Target { ppm: 950_000 });
    }
    c
}

fn configured(catalogue: Catalogue) -> Fact {
    let catalogue = Box::new(catalogue);
    Fact::Configured { catalogue }
}

/// Every system has an outage with an excluded part, an hour degraded, downtime in the weekly window,
/// and half an hour without samples.
fn month() -> Record {
    let mut facts = vec![("2026-10-05T00:00:00Z", configured(second()))];
    let ids = ["emr", "fax", "labs", "portal"];
    for (n, id) in (0..).zip(ids) {
        let (system, source) = (
            SystemId::from(id),
            Source::new(ProbeId::of(&id.into(), "main"), "here"),
        );
        let heard = |from| Fact::ProbeFirstResult {
            source: source.clone(),
            from: at(from),
        };
        let (first, second) = (OutageId(2 * n + 1), OutageId(2 * n + 2));
        let outage = |planned, from: &str, outage, to: &str| {
            [
                Fact::ProbeDown {
                    source: source.clone(),
                    from: at(from),
                    reason: Some(Reason::Refused),
                    detail: None,
                    samples: vec![],
                    before: None,
                },
                Fact::OutageOpened {
                    outage,
                    system: system.clone(),
                    start: at(from),
                    planned,
                },
                Fact::ProbeUp {
                    source: source.clone(),
                    to: at(to),
                    unobserved: None,
                    samples: vec![],
                    before: None,
                },
                Fact::OutageClosed {
                    outage,
                    end: at(to),
                    unobserved: None,
                },
            ]
        };
        let mut then = vec![heard("2026-10-01T04:00:00Z")];
        let (from, to) = ("2026-10-06T10:00:00Z", "2026-10-06T10:31:07Z");
        then.extend(outage(false, from, first, to));
        let (from, to) = ("2026-10-08T01:10:00Z", "2026-10-08T01:20:11Z");
        then.extend(outage(true, from, second, to));
        then.push(Fact::DowntimeExcluded {
            outage: first,
            span: Span::new(at("2026-10-06T10:05:00Z"), at("2026-10-06T10:14:59Z")),
            reason: "the customer's line".into(),
            evidence: "ticket 7".into(),
            approved_by: Some("chair".into()),
        });
        then.push(Fact::ProbeDegraded {
            source: source.clone(),
            from: at("2026-10-07T10:00:00Z"),
            reason: Some(Reason::Slow),
            detail: None,
            samples: vec![],
        });
        then.push(Fact::ProbeCleared {
            source: source.clone(),
            to: at("2026-10-07T11:00:00Z"),
        });
        then.push(Fact::ProbeSilent {
            source: source.clone(),
            from: at("2026-10-09T00:00:00Z"),
            cause: Silence::Missing,
        });
        facts.extend(then.into_iter().map(|fact| ("2026-10-09T00:30:00Z", fact)));
        facts.push(("2026-10-09T00:30:00Z", heard("2026-10-09T00:30:00Z")));
    }
    facts.push(("2026-10-10T00:00:00Z", configured(third())));
    facts.push((NOW, Fact::DayClosed));
    record_of(first(), &facts)
}

/// A ratio on the page and the truncated percentage of the report are the same.
fn agree(ratio: Option<f64>, percent: Option<&String>, what: &str) {
    let percent = percent.map(|p| p.parse::<f64>().unwrap());
    match (ratio, percent) {
        (None, None) => {}
        (Some(ratio), Some(percent)) => {
            let cut = ratio * 100.0 - percent;
            assert!((-1e-9..0.001).contains(&cut), "{what}: {ratio}, {percent}");
        }
        both => panic!("{what}: {both:?}"),
    }
}

fn compare(page: &str, line: &SystemLine) {
    let id = &line.system;
    let metric = |name: &str| value(page, &format!("nines_system_{name}{{system=\"{id}\"}}"));
    for (class, seconds) in [
        ("up", line.up_s),
        ("planned", line.planned_s),
        ("excluded", line.excluded_s),
        ("unplanned", line.unplanned_s),
        ("unknown", line.unknown_s),
    ] {
        let series = format!("nines_system_month_seconds{{system=\"{id}\",class=\"{class}\"}}");
        assert_eq!(value(page, &series), Some(seconds as f64), "{series}");
    }
    assert_eq!(
        metric("month_degraded_seconds"),
        Some(line.degraded_s as f64),
        "{id}"
    );
    let contract = line.contract_availability.as_ref();
    agree(metric("contract_availability_ratio"), contract, id);
    let experienced = line.experienced_availability.as_ref();
    agree(metric("experienced_availability_ratio"), experienced, id);
    agree(metric("coverage_ratio"), line.coverage.as_ref(), id);
    agree(metric("target_ratio"), line.target_exact.as_ref(), id);
    let seconds = |s: Option<i64>| s.map(|s| s as f64);
    assert_eq!(
        metric("error_budget_seconds"),
        seconds(line.budget_s),
        "{id}"
    );
    let remaining = metric("error_budget_remaining_seconds");
    assert_eq!(remaining, seconds(line.budget_left_s), "{id}");
}

fn line<'a>(report: &'a Report, id: &str) -> &'a SystemLine {
    report.systems.iter().find(|s| s.system == id).unwrap()
}

#[test]
fn the_current_month_equals_its_report() {
    let record = month();
    let report = monthly(&record, "operations", "2026-10".parse().unwrap(), "00").unwrap();
    let page = page(record, NOW);
    for id in ["emr", "fax", "labs", "portal"] {
        compare(&page, line(&report, id));
    }
    // The month holds every class of time.
    let portal = line(&report, "portal");
    let (excluded, unknown) = (portal.excluded_s, portal.unknown_s);
    assert_eq!((portal.planned_s, excluded, unknown), (120, 599, 1_800));
    assert_eq!(portal.unplanned_s, 1_867 - 599 + 611 - 120 + 3_600);
    for (id, target) in [
        ("emr", None),
        ("fax", Some("99.9")),
        ("labs", None),
        ("portal", Some("99.9")),
    ] {
        assert_eq!(line(&report, id).target_exact.as_deref(), target, "{id}");
    }
}
