//! Section 8: texts of incidents are kept, and reviews can be amended.

use crate::service::{Service, system};
use domain::act::{Act, Selector};
use domain::calendar::Month;
use domain::incident::{Measure, Review};
use domain::report;
use expect_test::expect;

#[test]
fn a_preventive_measure_is_added_or_changed_and_never_dropped() {
    let mut service = Service::new("2026-10-01T00:00:00Z", vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let incident = service.record.incidents.all().next().unwrap().id;
    let disk = measure("Buy a disk", "platform", "2026-12-10");
    let logs = measure("Rotate logs", "platform", "2026-11-30");
    let moved = measure("Rotate logs", "security", "2026-12-24");
    for measures in [vec![logs], vec![disk.clone(), moved.clone()]] {
        let review = Review {
            measures,
            ..Review::default()
        };
        let incident = Selector::Id(incident);
        service.act_at(100, "kim", crate::service::review(incident, review));
    }
    let measures = &service
        .record
        .incidents
        .get(incident)
        .unwrap()
        .review
        .measures;
    assert_eq!(*measures, [moved, disk]);
}

/// Down, with an incident that has two measures.
fn promised() -> Service {
    let mut service = Service::new("2026-10-01T00:00:00Z", vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let review = Review {
        measures: vec![
            measure("Buy a disk", "platform", "2026-12-10"),
            measure("Rotate logs", "platform", "2026-11-30"),
        ],
        ..Review::default()
    };
    service.act_at(100, "kim", reviewed(review));
    service
}

fn measure(text: &str, owner: &str, due: &str) -> Measure {
    Measure {
        text: text.into(),
        owner: owner.into(),
        due: due.parse().unwrap(),
    }
}

fn reviewed(review: Review) -> Act {
    let incident = Selector::System("a".into());
    crate::service::review(incident, review)
}

fn done(measure: &str) -> Act {
    Act::MeasureDone {
        incident: Selector::System("a".into()),
        measure: measure.into(),
        note: Some("ticket 12".into()),
    }
}

fn october(service: &Service) -> report::Report {
    let month: Month = "2026-10".parse().unwrap();
    report::monthly(&service.record, "ops", month, "head").unwrap()
}

fn states(report: &report::Report) -> String {
    let of: Vec<String> = report.incidents[0]
        .measures
        .iter()
        .map(|m| {
            let by = m.done_by.as_deref().unwrap_or("nobody");
            format!("{} {:?} by {by}: {:?}", m.text, m.state, m.note)
        })
        .collect();
    let open: Vec<&str> = report.open_measures.iter().map(|m| &*m.text).collect();
    format!("{}\nopen: {open:?}\n", of.join("\n"))
}

#[test]
fn a_measure_that_is_done_leaves_the_open_ones_and_stays_with_its_incident() {
    let mut service = promised();
    service.act_at(200, "ann", done("2"));
    expect![[r#"
        Buy a disk Open by nobody: None
        Rotate logs Done by ann: Some("ticket 12")
        open: ["Buy a disk"]
    "#]]
    .assert_eq(&states(&october(&service)));
    expect!["it was done already: ann recorded that at 2026-10-01 00:03:20 UTC"]
        .assert_eq(&service.refusal(300, "kim", done("Rotate logs")));
    service.act_at(310, "kim", done("Buy a disk"));
    assert_eq!(october(&service).open_measures, []);
}

#[test]
fn a_measure_that_is_written_anew_is_open_again() {
    let mut service = promised();
    service.act_at(200, "ann", done("2"));
    let again = Review {
        measures: vec![measure("Rotate logs", "platform", "2027-01-31")],
        ..Review::default()
    };
    service.act_at(300, "kim", reviewed(again));
    expect![[r#"
        Buy a disk Open by nobody: None
        Rotate logs Open by nobody: None
        open: ["Buy a disk", "Rotate logs"]
    "#]]
    .assert_eq(&states(&october(&service)));
}

#[test]
fn a_measure_without_an_owner_or_a_text_is_refused() {
    let mut service = promised();
    let mut refusal = |text, owner| {
        let review = Review {
            measures: vec![measure(text, owner, "2026-12-10")],
            ..Review::default()
        };
        service.refusal(200, "kim", reviewed(review))
    };
    expect!["the owner of a preventive measure is missing"].assert_eq(&refusal("Buy a disk", " "));
    expect!["the text of a preventive measure is missing"].assert_eq(&refusal(" ", "platform"));
}

#[test]
fn a_measure_that_there_is_not_cannot_be_done() {
    let mut service = promised();
    for wrong in ["0", "3", "Rotate", ""] {
        let refusal = service.refusal(200, "kim", done(wrong));
        assert_eq!(
            refusal,
            format!(
                "I-1 has no preventive measure `{wrong}`: give its number, 1 to 2, or its whole text"
            )
        );
    }
}
