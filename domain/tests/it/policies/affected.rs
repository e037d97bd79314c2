//! The number of affected customers, when probes name the customers whom their failure affects.

use crate::service::{Service, catalogue, policy, probe, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Catalogue, Customer, Probe};
use domain::policy::{Commitments, Condition, Policy, Severity};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn severity(id: &str, customers_at_least: Option<u32>) -> Severity {
    let condition = customers_at_least.map(|n| Condition {
        customers_at_least: Some(n),
        ..Condition::default()
    });
    Severity {
        id: id.to_owned(),
        when: condition.into_iter().collect(),
        ..Severity::default()
    }
}

/// Four customers: everyone, several or one may be affected.
fn agreement() -> Policy {
    Policy {
        commitments: Commitments {
            severities: vec![
                severity("everyone", Some(4)),
                severity("several", Some(2)),
                severity("one", None),
            ],
            ..Commitments::default()
        },
        ..policy("agreement", None)
    }
}

fn customer(id: &str) -> Customer {
    Customer {
        id: id.into(),
        name: id.to_uppercase(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
        contacts: vec![format!("it@{id}.example")],
        systems: vec!["a".into()],
    }
}

fn link(name: &str, customers: &[&str]) -> Probe {
    Probe {
        customers: customers.iter().map(|id| (*id).into()).collect(),
        ..probe("a", name)
    }
}

/// A probe for the link of the clinic, one for that of the clinic and the lab, and one for what all share.
fn configuration() -> Catalogue {
    let mut a = system("a");
    a.policy = Some("agreement".into());
    a.probes = vec![
        link("clinic", &["clinic"]),
        link("lab", &["clinic", "lab"]),
        link("shared", &[]),
    ];
    Catalogue {
        customers: ["clinic", "lab", "ward", "xray"].map(customer).into(),
        policies: vec![agreement()],
        ..catalogue(vec![a])
    }
}

#[track_caller]
fn rated(rows: &[(&str, &str)], expected: &[&str]) {
    let mut service = Service::with(ORIGIN, configuration());
    service.draw(0, rows);
    assert_eq!(severities(&service), expected);
}

/// The severities of the first incident, in order.
fn severities(service: &Service) -> Vec<&str> {
    let incident = service.record.incidents.get(domain::id::IncidentId(1));
    let ratings = incident.unwrap().handling.ratings.iter();
    ratings.map(|rating| rating.severity.as_str()).collect()
}

#[test]
fn a_probe_that_names_its_customers_affects_no_others() {
    rated(
        &[
            ("a/clinic", "UDDDD"),
            ("a/lab", "UUUUU"),
            ("a/shared", "UUUUU"),
        ],
        &["one"],
    );
    rated(
        &[
            ("a/clinic", "UUUUU"),
            ("a/lab", "UDDDD"),
            ("a/shared", "UUUUU"),
        ],
        &["several"],
    );
}

#[test]
fn a_probe_that_names_none_affects_all_customers_of_its_system() {
    rated(
        &[
            ("a/clinic", "UUUUU"),
            ("a/lab", "UUUUU"),
            ("a/shared", "UDDDD"),
        ],
        &["everyone"],
    );
}

#[test]
fn another_probe_that_fails_later_adds_its_customers() {
    rated(
        &[
            ("a/clinic", "UDDDDDDDD"),
            ("a/lab", "UUUUDDDDD"),
            ("a/shared", "UUUUUUUUU"),
        ],
        &["one", "several"],
    );
    rated(
        &[
            ("a/clinic", "UDDDDDDDD"),
            ("a/lab", "UUUUUUUUU"),
            ("a/shared", "UUUUDDDDD"),
        ],
        &["one", "everyone"],
    );
}

#[test]
fn one_that_recovers_while_another_is_down_was_affected_all_the_same() {
    rated(
        &[
            ("a/clinic", "UDDDDDDDDD"),
            ("a/lab", "UDDDUUUUUU"),
            ("a/shared", "UUUUUUUUUU"),
        ],
        &["one", "several"],
    );
}

#[test]
fn a_person_knows_better_than_the_probes() {
    let mut service = Service::with(ORIGIN, configuration());
    service.draw(
        0,
        &[
            ("a/clinic", "UDDDD"),
            ("a/lab", "UUUUU"),
            ("a/shared", "UUUUU"),
        ],
    );
    let said = Act::Impact {
        incident: Selector::System("a".into()),
        share_ppm: None,
        customers: Some(["lab".into(), "xray".into()].into()),
        flags: None,
        prevents_access: None,
        component: None,
    };
    service.act_at(200, "ann", said);
    assert_eq!(severities(&service), ["one", "several"]);
}
