//! What is shown of a running month is what its report would say at that moment.

use domain::catalogue::{Kind, System};
use domain::policy::Policy;
use domain::report::{Report, SystemLine, monthly};

use super::*;

/// The engine's last turn, and the ledger's last word.
const NOW: &str = "2026-10-12T06:00:00Z";

fn agreement(id: &str) -> Policy {
    Policy {
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

/// What the month began with: a system of the operator's and two of partners, one of them with a
/// target of its own, the other with its policy's.
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

/// A system more.
fn second() -> Catalogue {
    let mut c = first();
    c.systems.insert(1, system("fax", Kind::Provided));
    c
}

/// Everything that can be made easier is, in the middle of the month.
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

/// Events of every system: an outage with an excluded part, impaired for an hour, downtime in the
/// weekly window, half an hour that nobody watched.
fn month() -> Record {
    let mut facts = vec![("2026-10-05T00:00:00Z", configured(second()))];
    let ids = ["emr", "fax", "labs", "portal"];
    for (n, id) in (0..).zip(ids) {
        let (system, probe) = (SystemId::from(id), ProbeId::of(&id.into(), "main"));
        let heard = |from| Fact::ProbeFirstResult {
            probe: probe.clone(),
            from: at(from),
        };
        let (first, second) = (OutageId(2 * n + 1), OutageId(2 * n + 2));
        let outage = |planned, from: &str, outage, to: &str| {
            [
                Fact::ProbeDown {
                    probe: probe.clone(),
                    from: at(from),
                    reason: Some(Reason::Refused),
                    detail: None,
                    samples: vec![],
                },
                Fact::OutageOpened {
                    outage,
                    system: system.clone(),
                    start: at(from),
                    planned,
                },
                Fact::ProbeUp {
                    probe: probe.clone(),
                    to: at(to),
                    unobserved: None,
                    samples: vec![],
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
            probe: probe.clone(),
            from: at("2026-10-07T10:00:00Z"),
            reason: Some(Reason::Slow),
            detail: None,
            samples: vec![],
        });
        then.push(Fact::ProbeCleared {
            probe: probe.clone(),
            to: at("2026-10-07T11:00:00Z"),
        });
        then.push(Fact::ProbeSilent {
            probe: probe.clone(),
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

/// A share and the percentage that was cut from it are the same.
fn agree(share: Option<f64>, percent: Option<&String>, what: &str) {
    let percent = percent.map(|p| p.parse::<f64>().unwrap());
    match (share, percent) {
        (None, None) => {}
        (Some(share), Some(percent)) => {
            let cut = share * 100.0 - percent;
            assert!((-1e-9..0.001).contains(&cut), "{what}: {share}, {percent}");
        }
        both => panic!("{what}: {both:?}"),
    }
}

fn compare(shown: &Month, line: &SystemLine) {
    let id = &line.system;
    assert_eq!(
        [
            shown.up_s,
            shown.degraded_s,
            shown.planned_s,
            shown.excluded_s,
            shown.unplanned_s,
            shown.unknown_s,
        ],
        [
            line.up_s,
            line.degraded_s,
            line.planned_s,
            line.excluded_s,
            line.unplanned_s,
            line.unknown_s,
        ],
        "{id}"
    );
    let contract = line.contract_availability.as_ref();
    agree(shown.contract_availability, contract, id);
    let experienced = line.experienced_availability.as_ref();
    agree(shown.experienced_availability, experienced, id);
    agree(shown.coverage, line.coverage.as_ref(), id);
    agree(shown.target, line.target_exact.as_ref(), id);
    let budget = (shown.budget_s, shown.budget_left_s);
    assert_eq!(budget, (line.budget_s, line.budget_left_s), "{id}");
}

fn line<'a>(report: &'a Report, id: &str) -> &'a SystemLine {
    report.systems.iter().find(|s| s.system == id).unwrap()
}

#[test]
fn a_running_month_is_what_its_report_says_at_that_moment() {
    let record = month();
    let report = monthly(&record, "operations", "2026-10".parse().unwrap(), "00").unwrap();
    let view = picture(record, NOW);
    assert_eq!(view.systems.len(), 4);
    for shown in &view.systems {
        compare(shown.month.as_ref().unwrap(), line(&report, &shown.id));
    }
    // What the comparison rests on: everything that it is about is there.
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
