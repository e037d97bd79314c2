//! A system that is removed while it is down: its time ends there, and its recovery is unknown.

use crate::service::{Service, catalogue, system};
use domain::catalogue::System;
use domain::event::Delivery;
use domain::notice::Kind;
use domain::report::{OutageLine, Report, monthly};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

/// Two systems; `a` is down and told of when somebody takes it out at 150 s.
fn taken_out() -> Service {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    service.tick(130);
    service.deliver_due(Delivery::Accepted);
    let rest: Vec<System> = vec![system("b")];
    service.configure(service.second(150), catalogue(rest));
    service.draw(180, &[("b/p", "UUUU")]);
    service
}

fn report(service: &Service) -> Report {
    monthly(&service.record, "ops", "2026-10".parse().unwrap(), "00").unwrap()
}

fn line(report: &Report) -> &OutageLine {
    let [line] = &report.outages[..] else {
        panic!("one outage: {:#?}", report.outages);
    };
    line
}

#[test]
fn its_outage_ends_with_its_time_and_nobody_is_told_that_it_is_up() {
    let service = taken_out();
    let outage = service.record.outages.all().next().unwrap();
    assert_eq!(outage.end, Some(service.second(150)));
    let (_, entry) = service.record.notices.of_outage(outage.id).next().unwrap();
    assert!(entry.began.is_possible() && !entry.ended.is_possible());
    let uptimes = service
        .due
        .iter()
        .filter(|due| due.notice.kind == Kind::Uptime);
    assert_eq!(uptimes.count(), 0);
    assert!(service.record.incidents.unresolved().next().is_none());
}

#[test]
fn the_report_counts_it_to_there_and_says_that_nobody_saw_it_come_back() {
    let service = taken_out();
    let report = report(&service);
    let line = line(&report);
    assert_eq!(line.unplanned_s, 120);
    let end = line.end.as_ref().map(|at| at.at());
    assert_eq!(end, Some(service.second(150)));
    assert!(!line.end_observed && line.ended_between.is_none());
    assert_eq!(line.restore_s, None);
    let steps: Vec<&str> = report.incidents[0]
        .timeline
        .iter()
        .map(|step| &*step.what)
        .collect();
    let [.., gone, over] = steps[..] else {
        panic!("{steps:#?}");
    };
    assert_eq!(
        gone,
        "A: the failing check was removed; recovery time unknown"
    );
    assert_eq!(over, "Resolved: no system that is still monitored is down");
}

#[test]
fn one_that_came_back_before_it_was_taken_out_was_seen_to() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDDUU"), ("b/p", "UUUUUU")]);
    service.configure(service.second(170), catalogue(vec![system("b")]));
    service.draw(180, &[("b/p", "UUUU")]);
    let report = report(&service);
    let line = line(&report);
    assert!(line.end_observed);
    assert_eq!(line.restore_s, Some(90));
}
