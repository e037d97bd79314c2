//! What people record of an earlier time: it counts from then only where a second person says so,
//! and both times stay readable.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod common;

use common::{House, catalogue, system, told};
use domain::act::{Act, Which};
use domain::calendar::Month;
use domain::catalogue::{Customer, Single};
use domain::report;
use domain::span::Span;
use expect_test::expect;
use jiff::Timestamp;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn taken(house: &House, at_s: Option<i64>, approved_by: Option<&str>) -> Act {
    Act::Acknowledge {
        incident: Which::System("a".into()),
        counts_from: at_s.map(|s| house.second(s)),
        approved_by: approved_by.map(str::to_owned),
    }
}

fn by_telephone(at: Timestamp, approved_by: Option<&str>) -> Act {
    Act::Told {
        window: "move".into(),
        customer: "lab".into(),
        how: "by telephone".into(),
        counts_from: Some(at),
        approved_by: approved_by.map(str::to_owned),
    }
}

/// Down from 30, confirmed and opened at 90.
fn down() -> House {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDDDD")]);
    house
}

fn october(house: &House) -> report::Report {
    let month: Month = "2026-10".parse().unwrap();
    report::monthly(&house.record, "ops", month, "head").unwrap()
}

#[test]
fn an_incident_that_was_taken_on_earlier_than_recorded_needs_a_second_person_and_shows_both_times()
{
    let mut house = down();
    let alone = taken(&house, Some(120), None);
    expect!["it counts from now, 2026-10-01T00:06:40Z: an earlier time needs a second person who approves it"]
        .assert_eq(&house.refused(400, "kim", alone));
    let same = taken(&house, Some(120), Some("Kim"));
    expect!["a second person must approve; `Kim` is not one beside `kim`"]
        .assert_eq(&house.refused(400, "kim", same));
    let act = taken(&house, Some(120), Some("lee"));
    house.acts(400, "kim", act);

    let report = october(&house);
    let incident = &report.incidents[0];
    assert_eq!(incident.acknowledged.unwrap().at(), house.second(120));
    assert_eq!(
        incident.acknowledged_recorded.unwrap().at(),
        house.second(400)
    );
    assert_eq!(incident.acknowledged_approved_by.as_deref(), Some("lee"));
    // From the first bad sample at 30.
    assert_eq!(report.outages[0].acknowledge_s, Some(90));
    let mut steps = incident.timeline.iter().map(|s| s.what.as_str());
    let step = steps.find(|s| s.starts_with("Acknowledged"));
    expect!["Acknowledged by kim (recorded 2026-10-01 00:06:40 UTC, approved by lee)"]
        .assert_eq(step.unwrap());
}

#[test]
fn an_acknowledgement_is_corrected_only_to_an_earlier_time_and_never_to_before_the_incident() {
    let mut house = down();
    let now = taken(&house, None, None);
    house.acts(400, "kim", now.clone());
    expect!["I-1 was acknowledged by kim at 2026-10-01T00:06:40Z"]
        .assert_eq(&house.refused(410, "kim", now));
    let later = taken(&house, Some(405), Some("lee"));
    expect!["I-1 was acknowledged by kim at 2026-10-01T00:06:40Z"]
        .assert_eq(&house.refused(410, "kim", later));
    let before = taken(&house, Some(60), Some("lee"));
    expect!["I-1 was opened at 2026-10-01T00:01:30.001Z: nobody can have taken it on before"]
        .assert_eq(&house.refused(410, "kim", before));
    let ahead = taken(&house, Some(500), Some("lee"));
    expect!["2026-10-01T00:08:20Z is in the future (it is 2026-10-01T00:06:50Z)"]
        .assert_eq(&house.refused(410, "kim", ahead));
    let needless = taken(&house, None, Some("lee"));
    expect!["what counts from now needs no second person: give the earlier time, too"]
        .assert_eq(&house.refused(410, "kim", needless));
    let earlier = taken(&house, Some(150), Some("lee"));
    house.acts(410, "ann", earlier);
    let incident = house.record.incidents.values().next().unwrap();
    let taken = incident.acknowledged.as_ref().unwrap();
    assert_eq!(
        (taken.at, taken.by.as_str()),
        (house.second(150), "ann"),
        "{}",
        house.story()
    );
}

/// A window from 600 to 900 that customers must be told of a minute before, scheduled at 10 and
/// moved to 660 at 300; `clinic` was told of all of it.
fn moved() -> House {
    let mut all = catalogue(vec![system("a")]);
    all.customers.push(Customer {
        id: "lab".into(),
        name: "Lab".into(),
        zone: "UTC".into(),
        contacts: vec!["one@lab.example".into()],
        systems: vec!["a".into()],
    });
    let mut house = House::with(ORIGIN, all);
    let window = Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: house.second(600),
        end: house.second(900),
        max_downtime_s: None,
        min_notice_s: Some(60),
        start_grace_s: None,
        override_reason: None,
    };
    house.draw(0, &[("a/p", "U")]);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    house.acts(20, "kim", told("move", "clinic"));
    let longer = Act::ExtendMaintenance {
        window: "move".into(),
        end: house.second(1_200),
        max_downtime_s: None,
        reason: None,
    };
    house.acts(300, "kim", longer);
    house.acts(310, "kim", told("move", "clinic"));
    house
}

fn planned(house: &House) -> String {
    let over = Span::new(house.second(0), house.second(1_500));
    let found = house.record.windows_of(&"a".into(), over);
    let parts: Vec<_> = found[0].earning.iter().map(|part| part.span).collect();
    format!("{:?}, {parts:?}", found[0].why)
}

#[test]
fn who_was_told_earlier_than_recorded_was_told_of_what_stood_then() {
    let told_at = |at_s: i64| {
        let mut house = moved();
        let alone = by_telephone(house.second(at_s), None);
        house.refused(700, "kim", alone);
        let act = by_telephone(house.second(at_s), Some("lee"));
        house.acts(700, "kim", act);
        planned(&house)
    };
    // Of the window as it was first.
    expect!["Told(2026-10-01T00:05:10Z), [Span { from: 2026-10-01T00:10:00Z, to: 2026-10-01T00:15:00Z }]"].assert_eq(&told_at(200));
    // Of the longer one.
    expect!["Told(2026-10-01T00:06:40Z), [Span { from: 2026-10-01T00:10:00Z, to: 2026-10-01T00:15:00Z }, Span { from: 2026-10-01T00:15:00Z, to: 2026-10-01T00:20:00Z }]"].assert_eq(&told_at(400));
    // In time for neither.
    expect![[r#"NotTold([CustomerId("lab")]), []"#]].assert_eq(&told_at(550));
}

#[test]
fn nobody_was_told_of_a_window_before_it_was_scheduled() {
    let mut house = moved();
    let act = by_telephone(house.second(5), Some("lee"));
    expect!["window move was scheduled at 2026-10-01T00:00:10Z: of what stands here nobody can have been told before"].assert_eq(&house.refused(700, "kim", act));
}

#[test]
fn the_report_names_who_told_whom_when_and_how() {
    let mut house = moved();
    let act = by_telephone(house.second(400), Some("lee"));
    house.acts(700, "kim", act);
    house.draw(720, &[("a/p", "UUU")]);
    let report = october(&house);
    let lines: Vec<String> = report.maintenance[0]
        .told_by_people
        .iter()
        .map(|t| {
            format!(
                "{} at {} ({:?}) by {}, {}, {:?}",
                t.name,
                t.at.at(),
                t.recorded.map(|m| m.at()),
                t.by,
                t.how,
                t.approved_by
            )
        })
        .collect();
    expect![[r#"
        Clinic at 2026-10-01T00:00:20Z (None) by kim, by telephone, None
        Clinic at 2026-10-01T00:05:10Z (None) by kim, by telephone, None
        Lab at 2026-10-01T00:06:40Z (Some(2026-10-01T00:11:40Z)) by kim, by telephone, Some("lee")"#]].assert_eq(&lines.join("\n"));
}
