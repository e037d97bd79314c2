//! The monthly report over drawn histories: the monitor's absences, customers told, and unplanned
//! downtime inside windows.

use std::fmt::Write as _;

use crate::service::{Service, at, catalogue, rule, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Customer, Rule, Single, System};
use domain::event::{Delivery, GapCause};
use domain::input::Input;
use domain::policy::{Hours, Policy};
use domain::report::{Report, monthly};
use domain::span::Span;
use expect_test::{Expect, expect};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn watched() -> Service {
    Service::new(ORIGIN, vec![system("a")])
}

fn month(service: &Service, month: &str) -> Report {
    monthly(&service.record, "ops", month.parse().unwrap(), "00").unwrap()
}

/// The monitor's absences, one a line: from, to, seconds and why.
fn absences(report: &Report) -> String {
    let mut text = String::new();
    for a in &report.monitor.absences {
        let to = a.to.map_or("?".to_owned(), |to| to.at().to_string());
        let s = a.length_s.map_or("?".to_owned(), |s| s.to_string());
        writeln!(text, "{} {to} {s} s {:?}: {}", a.from.at(), a.cause, a.why).unwrap();
    }
    text
}

#[track_caller]
fn away(service: &Service, expected: Expect) {
    expected.assert_eq(&absences(&month(service, "2026-10")));
}

#[test]
fn a_monitor_that_ran_all_along_was_never_away() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUU")]);
    away(&service, expect![[""]]);
}

#[test]
fn every_stop_crash_stall_and_step_of_the_clock_is_an_absence_in_order_of_time() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UU")]);
    service.stop(60);
    service.start(120);
    service.draw(120, &[("a/p", "UU")]);
    service.crash(170, 600);
    service.draw(600, &[("a/p", "UU")]);
    service.absent(640, 700);
    let span = Span::new(service.second(710), service.second(4_310));
    let cause = GapCause::ClockStepped;
    service.input(span.to, Input::MonitoringGap { span, cause });
    away(
        &service,
        expect![[r#"
            2026-10-01T00:01:00Z 2026-10-01T00:02:00Z 60 s Stopped: the service was stopped
            2026-10-01T00:02:50Z 2026-10-01T00:10:00Z 430 s Died: the service was killed, crashed or lost power; counted from its last sign of life
            2026-10-01T00:10:40Z 2026-10-01T00:11:40Z 60 s Stalled: the machine was suspended, or the service got no processor time
            2026-10-01T00:11:50Z 2026-10-01T01:11:50Z 3600 s ClockStepped: the machine’s clock was changed
        "#]],
    );
}

#[test]
fn a_monitor_that_was_stopped_is_away_until_it_is_back() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UU")]);
    service.stop(60);
    // Somebody looks at it later, and it still does not run.
    service.configure(service.second(3_600), catalogue(vec![system("a")]));
    away(
        &service,
        expect![[r#"
            2026-10-01T00:01:00Z ? ? s Stopped: the service was stopped
        "#]],
    );
    service.start(7_200);
    away(
        &service,
        expect![[r#"
            2026-10-01T00:01:00Z 2026-10-01T02:00:00Z 7140 s Stopped: the service was stopped
        "#]],
    );
}

#[test]
fn a_restart_within_a_second_is_an_absence_all_the_same() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UU")]);
    service.stop(60);
    service.start(60);
    service.draw(60, &[("a/p", "UU")]);
    away(
        &service,
        expect![[r#"
            2026-10-01T00:01:00Z 2026-10-01T00:01:00Z 0 s Stopped: the service was stopped
        "#]],
    );
}

#[test]
fn an_absence_over_midnight_of_the_first_is_in_both_months() {
    let mut service = Service::new("2026-10-31T23:59:00Z", vec![system("a")]);
    service.draw(0, &[("a/p", "U")]);
    service.stop(30);
    service.start(120);
    service.draw(120, &[("a/p", "U")]);
    let line = expect![[r#"
        2026-10-31T23:59:30Z 2026-11-01T00:01:00Z 90 s Stopped: the service was stopped
    "#]];
    line.assert_eq(&absences(&month(&service, "2026-10")));
    line.assert_eq(&absences(&month(&service, "2026-11")));
}

#[test]
fn a_service_that_was_configured_and_never_started_is_away_from_then_on() {
    let mut service = Service {
        record: domain::record::Record::default(),
        watch: domain::watch::Watch::default(),
        events: Vec::new(),
        due: Vec::new(),
        origin: at(ORIGIN),
        now: at(ORIGIN),
        disk_full: false,
        forgotten: std::collections::BTreeMap::default(),
        samples: Vec::new(),
    };
    service.configure(service.origin, catalogue(vec![system("a")]));
    service.configure(
        service.second(60),
        catalogue(vec![system("a"), system("b")]),
    );
    away(
        &service,
        expect![[r#"
        2026-10-01T00:00:00Z ? ? s NotStarted: the service was configured and had not been started yet
    "#]],
    );
    service.input(service.second(600), Input::Start { alive_until: None });
    away(
        &service,
        expect![[r#"
        2026-10-01T00:00:00Z 2026-10-01T00:10:00Z 600 s NotStarted: the service was configured and had not been started yet
    "#]],
    );
}

/// Each window with downtime, and each outage: what they say of why it is planned or not.
fn why(service: &Service) -> String {
    let report = month(service, "2026-10");
    let mut text = String::new();
    for w in report.maintenance.iter().filter(|w| w.downtime_s > 0) {
        let figures = (w.downtime_s, w.planned_s);
        writeln!(text, "{} {figures:?}: {}", w.window, w.why).unwrap();
    }
    for o in &report.outages {
        let figures = (o.planned_s, o.unplanned_s);
        writeln!(text, "{} {figures:?}", o.outage).unwrap();
        for why in &o.why_unplanned {
            writeln!(text, "  {why}").unwrap();
        }
    }
    text.replace('\u{a0}', " ")
}

fn windowed(rules: Vec<Rule>) -> Service {
    let windows = rules;
    Service::new(
        ORIGIN,
        vec![System {
            windows,
            ..system("a")
        }],
    )
}

/// The window of these tests begins five minutes after midnight.
fn drawn(rules: Vec<Rule>, samples: &str) -> Service {
    let mut service = windowed(rules);
    service.draw(0, &[("a/p", samples)]);
    service
}

#[test]
fn downtime_that_a_window_excuses_whole_needs_no_word() {
    let rules = vec![rule("work", "00:05:00", 600, Some(300))];
    expect![[r#"
        a/work@2026-10-01 (180, 180): agreed on 2024-03-01
        O-1 (180, 0)
    "#]]
    .assert_eq(&why(&drawn(rules, "UUUUUUUUUUUDDDDDDUUUU")));
}

#[test]
fn an_allowance_that_was_used_up_says_when_and_how_much_is_beyond_it() {
    let rules = vec![rule("work", "00:05:00", 600, Some(100))];
    expect![[r#"
        a/work@2026-10-01 (180, 100): agreed on 2024-03-01; the 1 min 40 s that the window allows were used up at 2026-10-01 00:07:10 UTC: a further 1 min 20 s are unplanned
        O-1 (100, 80)
          Work work of 2026-10-01: the 1 min 40 s that the window allows were used up at 2026-10-01 00:07:10 UTC: a further 1 min 20 s are unplanned
    "#]].assert_eq(&why(&drawn(rules, "UUUUUUUUUUUDDDDDDUUUU")));
}

#[test]
fn downtime_that_outlasts_its_window_says_by_how_much() {
    let rules = vec![rule("work", "00:05:00", 120, None)];
    expect![[r#"
        a/work@2026-10-01 (90, 90): agreed on 2024-03-01; O-1 continued for 1 min 30 s after the end of the window: unplanned from 2026-10-01 00:07:00 UTC
        O-1 (90, 90)
          Work work of 2026-10-01: it continued for 1 min 30 s after the end of the window: unplanned from 2026-10-01 00:07:00 UTC
    "#]].assert_eq(&why(&drawn(rules, "UUUUUUUUUUUDDDDDDUUUU")));
}

#[test]
fn a_window_that_was_entered_already_down_says_how_long_before() {
    let rules = vec![rule("work", "00:05:00", 600, None)];
    expect![[r#"
        a/work@2026-10-01 (210, 0): agreed on 2024-03-01; O-1 began 2 min 30 s before the window, longer than its grace period of 30 s: unplanned to the end
        O-1 (0, 360)
          Work work of 2026-10-01: it began 2 min 30 s before the window, longer than its grace period of 30 s: unplanned to the end
    "#]].assert_eq(&why(&drawn(rules, "UUUUUDDDDDDDDDDDDUUUU")));
}

#[test]
fn downtime_that_began_within_the_grace_is_unplanned_until_the_window_only() {
    let mut rule = rule("work", "00:05:00", 600, None);
    rule.start_grace_s = Some(60);
    expect![[r#"
        a/work@2026-10-01 (120, 120): agreed on 2024-03-01; O-1 began 30 s before the window, within its grace period of 1 min: unplanned until the window began
        O-1 (120, 30)
          Work work of 2026-10-01: it began 30 s before the window, within its grace period of 1 min: unplanned until the window began
    "#]].assert_eq(&why(&drawn(vec![rule], "UUUUUUUUUDDDDDUUUU")));
}

#[test]
fn a_window_that_nobody_agreed_to_says_so_in_both_places() {
    let mut rule = rule("work", "00:05:00", 600, None);
    rule.agreed = None;
    expect![[r#"
        a/work@2026-10-01 (150, 0): neither agreed nor configured in time for this date
        O-1 (0, 150)
          Work work of 2026-10-01: nothing in it is planned: neither agreed nor configured in time for this date
    "#]].assert_eq(&why(&drawn(vec![rule], "UUUUUUUUUUUDDDDDUUUU")));
}

/// A system under a policy with these choices; the window is the one of the other tests.
fn under(change: impl FnOnce(&mut Policy), samples: &str) -> Service {
    let mut policy = crate::service::policy("p", None);
    change(&mut policy);
    let mut all = catalogue(vec![System {
        policy: Some("p".into()),
        windows: vec![rule("work", "00:05:00", 600, None)],
        ..system("a")
    }]);
    all.policies = vec![policy];
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", samples)]);
    service
}

fn hours(from: &str, to: &str) -> Hours {
    Hours::on(
        [jiff::civil::Weekday::Thursday],
        from.parse().unwrap(),
        to.parse().unwrap(),
        "UTC",
    )
}

#[test]
fn the_part_of_a_window_outside_the_allowed_hours_excuses_nothing_and_says_so() {
    // Down from 330 to 510; the hours that are allowed end at 420.
    let cut = |p: &mut Policy| p.planned_hours = Some(hours("00:00", "00:07"));
    expect![[r#"
        a/work@2026-10-01 (180, 90): agreed on 2024-03-01, but only from 2026-10-01 00:05:00 UTC to 2026-10-01 00:07:00 UTC; the rest was not announced in time or is outside the allowed hours; 1 min 30 s of O-1 fell into a part of the window that does not count as planned
        O-1 (90, 90)
          Work work of 2026-10-01: 1 min 30 s of it fell into a part of the window that does not count as planned (not announced in time, or outside the allowed hours)
    "#]].assert_eq(&why(&under(cut, "UUUUUUUUUUUDDDDDDUUUU")));
}

#[test]
fn a_window_wholly_outside_the_allowed_hours_says_so() {
    let cut = |p: &mut Policy| p.planned_hours = Some(hours("02:00", "03:00"));
    expect![[r#"
        a/work@2026-10-01 (180, 0): outside the hours that the agreement allows for maintenance
        O-1 (0, 180)
          Work work of 2026-10-01: nothing in it is planned: outside the hours that the agreement allows for maintenance
    "#]].assert_eq(&why(&under(cut, "UUUUUUUUUUUDDDDDDUUUU")));
}

#[test]
fn work_outside_the_allowed_hours_prints_the_reason_why_it_was_scheduled_there() {
    let cut = |p: &mut Policy| p.planned_hours = Some(hours("02:00", "03:00"));
    let mut service = under(cut, "U");
    let window = Single {
        override_reason: Some("the crane is late".into()),
        ..single(&service, "move", 200, 300)
    };
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    service.deliver_due(Delivery::Accepted);
    service.draw(30, &[("a/p", "UUUUUUDDDUUU")]);
    expect![[r#"
        move (90, 0): outside the hours that the agreement allows for maintenance; scheduled outside the allowed hours by override: the crane is late
        O-1 (0, 90)
          Move (move): nothing in it is planned: outside the hours that the agreement allows for maintenance; scheduled outside the allowed hours by override: the crane is late
    "#]].assert_eq(&why(&service));
}

#[test]
fn downtime_that_began_in_the_part_outside_the_hours_is_unplanned_to_its_end() {
    let cut = |p: &mut Policy| p.planned_hours = Some(hours("00:07", "01:00"));
    expect![[r#"
        a/work@2026-10-01 (180, 0): agreed on 2024-03-01, but only from 2026-10-01 00:07:00 UTC to 2026-10-01 00:15:00 UTC; the rest was not announced in time or is outside the allowed hours; O-1 began in a part of the window that does not count as planned: unplanned to the end
        O-1 (0, 180)
          Work work of 2026-10-01: it began in a part of the window that does not count as planned: unplanned to the end (not announced in time, or outside the allowed hours)
    "#]].assert_eq(&why(&under(cut, "UUUUUUUUUUUDDDDDDUUUU")));
}

#[test]
fn the_month_s_allowance_says_when_it_was_used_up() {
    let cap = |p: &mut Policy| p.monthly_allowance_s = Some(60);
    expect![[r#"
        a/work@2026-10-01 (180, 60): agreed on 2024-03-01; the 1 min that the agreement allows per month were used up at 2026-10-01 00:06:30 UTC: a further 2 min are unplanned
        O-1 (60, 120)
          Work work of 2026-10-01: the 1 min that the agreement allows per month were used up at 2026-10-01 00:06:30 UTC: a further 2 min are unplanned
    "#]].assert_eq(&why(&under(cap, "UUUUUUUUUUUDDDDDDUUUU")));
}

fn single(service: &Service, id: &str, from_s: i64, to_s: i64) -> Single {
    Single {
        id: id.into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(from_s),
        end: service.second(to_s),
        max_downtime_s: None,
        min_notice_s: None,
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    }
}

#[test]
fn a_window_made_after_the_downtime_began_says_so() {
    let mut service = windowed(Vec::new());
    service.draw(0, &[("a/p", "UUUDDD")]);
    let window = Single {
        title: "Late work".into(),
        start_grace_s: Some(600),
        ..single(&service, "late", 200, 600)
    };
    service.act_at(180, "kim", Act::ScheduleMaintenance(window));
    service.act_at(185, "kim", crate::service::told("late", "clinic"));
    service.draw(210, &[("a/p", "DDDUUU")]);
    expect![[r#"
        late (100, 0): announced in time, the last customer at 2026-10-01 00:03:05 UTC; O-1 had begun before the window was created or widened, so it is unplanned
        O-1 (0, 210)
          Late work (late): it had begun before the window was created or widened, so it is unplanned
    "#]].assert_eq(&why(&service));
}

#[test]
fn planned_time_that_a_person_took_back_says_so() {
    let mut service = drawn(
        vec![rule("work", "00:05:00", 600, None)],
        "UUUUUUUUUUUDDDDDDUUUUUUUUUUUUU",
    );
    let outage = service.record.outages.all().next().unwrap().id;
    let reason = "it was not the work".to_owned();
    service.act_at(
        920,
        "ann",
        Act::Reclassify {
            outage: Selector::Id(outage),
            reason,
        },
    );
    expect![[r#"
        a/work@2026-10-01 (180, 0): agreed on 2024-03-01; a person reclassified 3 min of O-1 as unplanned
        O-1 (0, 180)
          Work work of 2026-10-01: a person reclassified 3 min of it as unplanned
    "#]].assert_eq(&why(&service));
}

#[test]
fn a_single_window_names_the_customers_who_were_not_told_in_time() {
    let mut service = windowed(Vec::new());
    service.draw(0, &[("a/p", "U")]);
    let window = single(&service, "move", 300, 600);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    service.draw(30, &[("a/p", "UUUUUUUUUUDDDDUUU")]);
    expect![[r#"
        move (120, 0): not announced in time to Clinic
        O-1 (0, 120)
          Move (move): nothing in it is planned: not announced in time to Clinic
    "#]]
    .assert_eq(&why(&service));
}

#[test]
fn a_declared_outage_in_a_window_is_unplanned_because_it_was_declared() {
    let mut service = drawn(
        vec![rule("work", "00:05:00", 600, None)],
        "UUUUUUUUUUUUUUUUUUUUUUUUUUUU",
    );
    let act = Act::DeclareOutage {
        system: "a".into(),
        from: service.second(330),
        to: Some(service.second(400)),
        evidence: "calls".into(),
    };
    service.act_at(840, "ann", act);
    expect![[r#"
        a/work@2026-10-01 (70, 0): agreed on 2024-03-01; a person declared O-1; a declared outage is always unplanned
        O-1 (0, 70)
          Work work of 2026-10-01: a person declared it; a declared outage is always unplanned
    "#]].assert_eq(&why(&service));
}

/// The customers told about an incident, and its timeline.
fn told(service: &Service) -> String {
    let report = month(service, "2026-10");
    let incident = &report.incidents[0];
    let mut text = String::new();
    for t in &incident.told {
        let after = if t.only_afterwards {
            ", only afterwards"
        } else {
            ""
        };
        writeln!(
            text,
            "{}: {:?}{after} {:?}",
            t.customer, t.result, t.contacts
        )
        .unwrap();
    }
    for step in &incident.timeline {
        writeln!(text, "{} {}", &step.at.at().to_string()[14..19], step.what).unwrap();
    }
    text
}

/// Customers with these many contacts each, and an outage confirmed at 90 s.
fn customers(contacts: &[usize]) -> Service {
    let mut all = catalogue(vec![system("a")]);
    all.customers = contacts
        .iter()
        .enumerate()
        .map(|(i, n)| Customer {
            id: format!("c{i}").into(),
            name: format!("Clinic {i}"),
            zone: "UTC".into(),
            phone: None,
            webhook: None,
            contacts: (0..*n).map(|c| format!("{c}@c{i}.example")).collect(),
            systems: vec!["a".into()],
        })
        .collect();
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", "UDDD")]);
    service
}

#[test]
fn everybody_told_in_one_second_is_named_in_one_line() {
    let mut service = customers(&[1, 2, 1]);
    service.deliver_due(Delivery::Accepted);
    expect![[r#"
        c0: Sent {"sent": 1}
        c1: Sent {"sent": 2}
        c2: Sent {"sent": 1}
        00:30 A unavailable (refused): first bad sample
        01:30 Outage O-1 confirmed
        01:30 Incident I-1 opened
        01:30 Customers notified: Clinic 0, Clinic 1 and Clinic 2 (3 of 3)
    "#]]
    .assert_eq(&told(&service));
}

#[test]
fn of_many_customers_told_in_one_second_the_line_says_how_many() {
    let mut service = customers(&[1; 9]);
    service.deliver_due(Delivery::Accepted);
    let lines = told(&service);
    let line = lines.lines().find(|l| l.contains("Customers notified"));
    let must = "01:30 Customers notified: Clinic 0, Clinic 1, Clinic 2 and 6 others (9 of 9)";
    assert_eq!(line, Some(must));
}

#[test]
fn sent_queued_refused_and_perhaps_delivered_are_told_apart_contact_by_contact() {
    let mut service = customers(&[1, 2, 1, 2]);
    let due = service.due();
    assert_eq!(due.len(), 6);
    for (notice, result) in due.iter().zip([
        Some(Delivery::Accepted),
        Some(Delivery::Rejected),
        Some(Delivery::Accepted),
        Some(Delivery::Rejected),
        Some(Delivery::Rejected),
        None,
    ]) {
        if let Some(result) = result {
            let id = service.begin_attempt(notice);
            service.end_attempt(id, result);
        }
    }
    expect![[r#"
        c0: Sent {"sent": 1}
        c1: Rejected {"rejected": 2}
        c2: Sent {"sent": 1}
        c3: Queued {"queued": 1, "rejected": 1}
        00:30 A unavailable (refused): first bad sample
        01:30 Outage O-1 confirmed
        01:30 Incident I-1 opened
        01:30 Customers notified: Clinic 0 and Clinic 2 (2 of 4)
        01:30 Rejected by the relay or webhook, not notified: Clinic 1
    "#]]
    .assert_eq(&told(&service));
}

#[test]
fn a_connection_lost_twice_is_perhaps_told_and_no_more() {
    let mut service = customers(&[1]);
    service.deliver_due(Delivery::Ambiguous);
    for s in 0..200 {
        service.tick(120 + 60 * s);
        service.deliver_due(Delivery::Ambiguous);
    }
    expect![[r#"
        c0: Ambiguous {"ambiguous": 1}
        00:30 A unavailable (refused): first bad sample
        01:30 Outage O-1 confirmed
        01:30 Incident I-1 opened
        03:00 Unconfirmed, connection lost before an answer: Clinic 0
    "#]]
    .assert_eq(&told(&service));
}

#[test]
fn a_customer_reached_when_it_was_over_was_told_only_afterwards() {
    let mut service = customers(&[1, 1]);
    let due = service.due();
    for (notice, result) in due.iter().zip([Delivery::Accepted, Delivery::Deferred]) {
        let id = service.begin_attempt(notice);
        service.end_attempt(id, result);
    }
    service.draw(120, &[("a/p", "DUUU")]);
    // What waits is not told yet, though the first of its notices was folded.
    let waiting = told(&service);
    assert!(
        waiting.starts_with("c0: Sent {\"sent\": 1}\nc1: Queued {\"queued\": 1}\n"),
        "{waiting}"
    );
    service.deliver_due(Delivery::Accepted);
    expect![[r#"
        c0: Sent {"sent": 1}
        c1: Sent, only afterwards {"sent": 1}
        00:30 A unavailable (refused): first bad sample
        01:30 Outage O-1 confirmed
        01:30 Incident I-1 opened
        01:30 Customers notified: Clinic 0 (1 of 2)
        02:30 A available again
        03:00 Resolved: every affected system is up
        03:30 Customers notified only after recovery: Clinic 1 (2 of 2)
    "#]]
    .assert_eq(&told(&service));
}

#[test]
fn a_customer_whose_only_message_was_refused_in_the_end_was_not_told() {
    let mut service = customers(&[1]);
    service.deliver_due(Delivery::Deferred);
    service.draw(120, &[("a/p", "DUUU")]);
    service.deliver_due(Delivery::Rejected);
    expect![[r#"
        c0: Rejected {"rejected": 1}
        00:30 A unavailable (refused): first bad sample
        01:30 Outage O-1 confirmed
        01:30 Incident I-1 opened
        02:30 A available again
        03:00 Resolved: every affected system is up
        03:30 Rejected by the relay or webhook, not notified: Clinic 0
    "#]]
    .assert_eq(&told(&service));
}

#[test]
fn who_hears_of_an_outage_once_more_was_told_the_first_time() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    // Its recovery cannot be sent before the next outage, whose notice says it.
    service.draw(120, &[("a/p", "UUDDD")]);
    service.deliver_due(Delivery::Accepted);
    let report = month(&service, "2026-10");
    let told = &report.incidents[0].told[0];
    assert_eq!(told.first, told.last);
    assert_eq!(told.last.unwrap().at(), service.second(90));
}
