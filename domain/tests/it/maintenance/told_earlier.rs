//! What people record of an earlier time: it counts from then only where a second person says so,
//! and both times stay readable.
use crate::service::{Service, catalogue, system, told};
use domain::act::{Act, Selector};
use domain::calendar::Month;
use domain::catalogue::{Customer, Single};
use domain::report;
use domain::span::Span;
use expect_test::expect;
use jiff::Timestamp;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn taken(service: &Service, at_s: Option<i64>, approved_by: Option<&str>) -> Act {
    Act::Acknowledge {
        incident: Selector::System("a".into()),
        counts_from: at_s.map(|s| service.second(s)),
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
fn down() -> Service {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDDD")]);
    service
}

fn october(service: &Service) -> report::Report {
    let month: Month = "2026-10".parse().unwrap();
    report::monthly(&service.record, "ops", month, "head").unwrap()
}

#[test]
fn an_incident_that_was_taken_on_earlier_than_recorded_needs_a_second_person_and_shows_both_times()
{
    let mut service = down();
    let alone = taken(&service, Some(120), None);
    expect!["it counts from now, 2026-10-01 00:06:40 UTC: an earlier time needs a second person, named with --approved-by"]
        .assert_eq(&service.refusal(400, "kim", alone));
    let same = taken(&service, Some(120), Some("Kim"));
    expect!["a second person must approve: name someone other than `kim` with --approved-by"]
        .assert_eq(&service.refusal(400, "kim", same));
    let act = taken(&service, Some(120), Some("lee"));
    service.act_at(400, "kim", act);

    let report = october(&service);
    let incident = &report.incidents[0];
    assert_eq!(incident.acknowledged.unwrap().at(), service.second(120));
    assert_eq!(
        incident.acknowledged_recorded.unwrap().at(),
        service.second(400)
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
    let mut service = down();
    let now = taken(&service, None, None);
    service.act_at(400, "kim", now.clone());
    expect!["I-1 was acknowledged by kim at 2026-10-01 00:06:40 UTC"]
        .assert_eq(&service.refusal(410, "kim", now));
    let later = taken(&service, Some(405), Some("lee"));
    expect!["I-1 was acknowledged by kim at 2026-10-01 00:06:40 UTC"]
        .assert_eq(&service.refusal(410, "kim", later));
    let before = taken(&service, Some(60), Some("lee"));
    expect![
        "I-1 was opened at 2026-10-01 00:01:30 UTC: it cannot have been acknowledged before that"
    ]
    .assert_eq(&service.refusal(410, "kim", before));
    let ahead = taken(&service, Some(500), Some("lee"));
    expect!["2026-10-01 00:08:20 UTC is in the future (it is 2026-10-01 00:06:50 UTC)"]
        .assert_eq(&service.refusal(410, "kim", ahead));
    let needless = taken(&service, None, Some("lee"));
    expect!["what counts from now needs no second person: give the earlier time, too"]
        .assert_eq(&service.refusal(410, "kim", needless));
    let earlier = taken(&service, Some(150), Some("lee"));
    service.act_at(410, "ann", earlier);
    let incident = service.record.incidents.all().next().unwrap();
    let taken = incident.acknowledged.as_ref().unwrap();
    assert_eq!(
        (taken.at, taken.by.as_str()),
        (service.second(150), "ann"),
        "{}",
        service.timeline()
    );
}

/// A window from 600 to 900 that customers must be told of a minute before, scheduled at 10 and
/// moved to 660 at 300; `clinic` was told of all of it.
fn moved() -> Service {
    let mut all = catalogue(vec![system("a")]);
    all.customers.push(Customer {
        id: "lab".into(),
        name: "Lab".into(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
        contacts: vec!["one@lab.example".into()],
        systems: vec!["a".into()],
    });
    let mut service = Service::with(ORIGIN, all);
    let window = Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(600),
        end: service.second(900),
        max_downtime_s: None,
        min_notice_s: Some(60),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    };
    service.draw(0, &[("a/p", "U")]);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    service.act_at(20, "kim", told("move", "clinic"));
    let longer = Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(1_200),
        max_downtime_s: None,
        reason: None,
    };
    service.act_at(300, "kim", longer);
    service.act_at(310, "kim", told("move", "clinic"));
    service
}

fn planned(service: &Service) -> String {
    let over = Span::new(service.second(0), service.second(1_500));
    let found = service.record.windows_of(&"a".into(), over);
    let parts: Vec<_> = found[0].earned_parts.iter().map(|part| part.span).collect();
    format!("{:?}, {parts:?}", found[0].why)
}

#[test]
fn who_was_told_earlier_than_recorded_was_told_of_what_stood_then() {
    let told_at = |at_s: i64| {
        let mut service = moved();
        let alone = by_telephone(service.second(at_s), None);
        service.refusal(700, "kim", alone);
        let act = by_telephone(service.second(at_s), Some("lee"));
        service.act_at(700, "kim", act);
        planned(&service)
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
    let mut service = moved();
    let act = by_telephone(service.second(5), Some("lee"));
    expect!["window move was scheduled at 2026-10-01 00:00:10 UTC: customers cannot have been notified of it before that"].assert_eq(&service.refusal(700, "kim", act));
}

#[test]
fn the_report_names_who_told_whom_when_and_how() {
    let mut service = moved();
    let act = by_telephone(service.second(400), Some("lee"));
    service.act_at(700, "kim", act);
    service.draw(720, &[("a/p", "UUU")]);
    let report = october(&service);
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
