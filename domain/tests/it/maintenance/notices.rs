//! Windows that customers are told of: started and completed as it happens, scheduled ones that
//! are earned by being delivered in time, changed ones.
use crate::service::{Service, catalogue, probe, rule, system};
use domain::act::Act;
use domain::catalogue::{Customer, Rule, Single, System};
use domain::event::Delivery;
use domain::record::Standing;
use domain::record::notices::Known;
use expect_test::{Expect, expect};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

/// From five minutes after midnight, for five minutes; customers are told.
fn told_rule() -> Rule {
    Rule {
        tell: true,
        ..rule("work", "00:05:00", 300, Some(120))
    }
}

fn with(rules: Vec<Rule>) -> System {
    System {
        windows: rules,
        ..system("a")
    }
}

fn check(samples: &str, expected: Expect) {
    // A rule beside it that tells nobody sends nothing.
    let quiet = rule("quiet", "00:01:00", 60, None);
    let mut service = Service::new(ORIGIN, vec![with(vec![quiet, told_rule()])]);
    service.draw(0, &[("a/p", samples)]);
    expected.assert_eq(&service.timeline_without_probes());
}

#[test]
fn work_is_told_when_it_starts_and_when_the_system_is_seen_up_after_its_end() {
    check(
        "UUUUUUUUUUUUUUUUUUUUUUUU",
        expect![[r#"
            300   #5 MaintenanceStarted a/work@2026-10-01
            300   due maintenance-started/a/work@2026-10-01/it@clinic.example
            600   #6 MaintenanceCompleted a/work@2026-10-01
            600   due maintenance-completed/a/work@2026-10-01/it@clinic.example
        "#]],
    );
}

#[test]
fn completion_waits_until_the_system_is_confirmed_up_after_the_end() {
    // Down over the end (600): first good sample at 660, confirmed at 690.
    check(
        "UUUUUUUUUUUUUUUUUUUDDDUUUU",
        expect![[r#"
            300   #5 MaintenanceStarted a/work@2026-10-01
            300   due maintenance-started/a/work@2026-10-01/it@clinic.example
            630   #8 outage O-1 of a from 570 planned
            630   #9 O-1 overruns a/work@2026-10-01 from 600
            630   #10 incident I-1 (Overrun)
            630   due maintenance-overrun/O-1/it@clinic.example
            690   #13 O-1 ends 660
            690   #14 IncidentResolved I-1
            690   #15 MaintenanceCompleted a/work@2026-10-01
            690   due maintenance-completed/a/work@2026-10-01/it@clinic.example
        "#]],
    );
}

#[test]
fn completion_waits_for_a_bad_run_that_is_not_confirmed() {
    check(
        "UUUUUUUUUUUUUUUUUUUUDUUUU",
        expect![[r#"
            300   #5 MaintenanceStarted a/work@2026-10-01
            300   due maintenance-started/a/work@2026-10-01/it@clinic.example
            660   #7 MaintenanceCompleted a/work@2026-10-01
            660   due maintenance-completed/a/work@2026-10-01/it@clinic.example
        "#]],
    );
}

#[test]
fn completion_waits_while_nothing_vouches() {
    check(
        "UUUUUUUUUUUUUUUUUUU??.??UUU",
        expect![[r#"
            300   #5 MaintenanceStarted a/work@2026-10-01
            300   due maintenance-started/a/work@2026-10-01/it@clinic.example
            750   #8 MaintenanceCompleted a/work@2026-10-01
            750   due maintenance-completed/a/work@2026-10-01/it@clinic.example
        "#]],
    );
}

#[test]
fn completion_waits_for_every_system_of_the_window() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    let window = Single {
        systems: vec!["a".into(), "b".into()],
        max_downtime_s: Some(60),
        ..single(&service, 60, 120)
    };
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    service.draw(30, &[("a/p", "UUUUUUU"), ("b/p", "UUDDDUUU")]);
    expect![[r#"
        10    #4 WindowScheduled move
        10    due maintenance-scheduled/move/it@clinic.example
        60    #7 MaintenanceStarted move
        60    due maintenance-started/move/it@clinic.example
        150   #10 outage O-1 of b from 90
        150   #11 incident I-1 (Outage)
        150   due downtime/O-1/it@clinic.example
        210   #14 O-1 ends 180
        210   #15 IncidentResolved I-1
        210   #16 MaintenanceCompleted move
        210   due maintenance-completed/move/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

fn single(service: &Service, from_s: i64, to_s: i64) -> Single {
    Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(from_s),
        end: service.second(to_s),
        max_downtime_s: Some(120),
        min_notice_s: Some(60),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    }
}

/// Two customers; a single window from 300 to 600, an hour's notice being sixty seconds here.
fn scheduled() -> Service {
    let mut all = catalogue(vec![system("a")]);
    all.customers.push(Customer {
        id: "lab".into(),
        name: "Lab".into(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
        contacts: vec!["one@lab.example".into(), "two@lab.example".into()],
        systems: vec!["a".into()],
    });
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", "U")]);
    let window = single(&service, 300, 600);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    service
}

/// Delivers to those recipients, at an offset, and refuses the others for now.
fn deliver_to(service: &mut Service, at_s: i64, recipients: &[&str]) {
    service.tick(at_s);
    for notice in service.due() {
        let recipient = notice.recipient.address.to_string();
        let wanted = recipients.contains(&recipient.as_str());
        let id = service.begin_attempt(&notice);
        service.end_attempt(
            id,
            if wanted {
                Delivery::Accepted
            } else {
                Delivery::Deferred
            },
        );
    }
}

/// What the window earned, and what became of an outage from 330 to 450.
fn outcome(mut service: Service) -> String {
    let from_s = service.now.duration_since(service.origin).as_secs() / 30 * 30 + 30;
    let up = |to_s: i64| "U".repeat(usize::try_from((to_s - from_s) / 30).unwrap());
    let row = format!("{}DDDDUUUUUUU", up(330));
    service.draw(from_s, &[("a/p", &row)]);
    let over = domain::span::Span::new(service.second(0), service.second(900));
    let found = service.record.windows_of(&"a".into(), over);
    let why = found.first().map(|w| format!("{:?}", w.why));
    let told: Vec<_> = service
        .due
        .iter()
        .filter(|o| o.notice.affected.iter().any(|a| a.outage.is_some()))
        .map(|o| (o.notice.kind.word(), o.notice.window.is_some()))
        .collect();
    format!("{why:?}\n{told:?}\n{}\n", service.figures("a", 0, 600))
}

#[test]
fn a_single_window_delivered_to_one_contact_of_every_customer_in_time_is_earned() {
    let mut service = scheduled();
    deliver_to(&mut service, 100, &["it@clinic.example", "two@lab.example"]);
    expect![[r#"
        Some("Told(2026-10-01T00:01:40Z)")
        []
        up 435 degraded 0 planned 120 excluded 0 unplanned 0 unknown 45
    "#]]
    .assert_eq(&outcome(service));
}

#[test]
fn one_customer_who_was_not_reached_leaves_it_unearned_and_the_downtime_names_the_work() {
    let mut service = scheduled();
    deliver_to(&mut service, 100, &["it@clinic.example"]);
    expect![[r#"
        Some("NotTold([CustomerId(\"lab\")])")
        [("downtime", true), ("downtime", true), ("downtime", true)]
        up 435 degraded 0 planned 0 excluded 0 unplanned 120 unknown 45
    "#]]
    .assert_eq(&outcome(service));
}

#[test]
fn delivered_too_late_is_not_delivered() {
    let mut service = scheduled();
    deliver_to(&mut service, 100, &["it@clinic.example"]);
    deliver_to(&mut service, 241, &["one@lab.example"]);
    expect![[r#"
        Some("NotTold([CustomerId(\"lab\")])")
        [("downtime", true), ("downtime", true), ("downtime", true)]
        up 285 degraded 0 planned 0 excluded 0 unplanned 120 unknown 195
    "#]]
    .assert_eq(&outcome(service));
}

#[test]
fn a_person_who_told_the_last_customer_in_time_earns_it() {
    let mut service = scheduled();
    deliver_to(&mut service, 100, &["it@clinic.example"]);
    let told = crate::service::told("move", "lab");
    service.act_at(240, "kim", told);
    expect![[r#"
        Some("Told(2026-10-01T00:04:00Z)")
        []
        up 285 degraded 0 planned 120 excluded 0 unplanned 0 unknown 195
    "#]]
    .assert_eq(&outcome(service));
}

#[test]
fn what_a_person_records_after_the_notice_was_due_earns_nothing() {
    let mut service = scheduled();
    deliver_to(&mut service, 100, &["it@clinic.example"]);
    let told = crate::service::told("move", "lab");
    service.act_at(241, "kim", told);
    expect![[r#"
        Some("NotTold([CustomerId(\"lab\")])")
        [("downtime", true), ("downtime", true), ("downtime", true)]
        up 285 degraded 0 planned 0 excluded 0 unplanned 120 unknown 195
    "#]]
    .assert_eq(&outcome(service));
}

/// A window that was told to everybody and extended from 600 to 900 at an offset.
fn extended(at_s: i64, tell_again: bool) -> Service {
    let mut service = scheduled();
    deliver_to(&mut service, 20, &["it@clinic.example", "one@lab.example"]);
    service.draw(30, &[("a/p", "UU")]);
    let extend = Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(900),
        max_downtime_s: Some(600),
        reason: None,
    };
    service.act_at(at_s, "kim", extend);
    if tell_again {
        for customer in ["clinic", "lab"] {
            let told = crate::service::told("move", customer);
            service.act_at(at_s + 5, "kim", told);
        }
    }
    service
}

#[test]
fn an_extension_that_was_told_in_time_excuses_what_it_says() {
    let mut service = extended(100, true);
    service.draw(120, &[("a/p", "UUUUUUUUUUUUUUUDDDDDUUUU")]);
    expect![[r#"
        10    #5 WindowScheduled move
        10    due maintenance-scheduled/move/it@clinic.example
        10    due maintenance-scheduled/move/one@lab.example
        10    due maintenance-scheduled/move/two@lab.example
        20    #6 attempt 1 of N-1
        20    #7 N-1 Accepted
        20    #8 attempt 1 of N-2
        20    #9 N-2 Accepted
        20    #10 attempt 1 of N-3
        20    #11 N-3 Deferred
        100   #12 WindowChanged move
        100   due maintenance-changed/move/it@clinic.example
        100   due maintenance-changed/move/one@lab.example
        105   #13 CustomerNotified move
        105   #14 CustomerNotified move
        105   due maintenance-changed/move/two@lab.example
        300   #15 MaintenanceStarted move
        300   due maintenance-started/move/it@clinic.example
        300   due maintenance-started/move/one@lab.example
        300   due maintenance-started/move/two@lab.example
        630   #18 outage O-1 of a from 570 planned
        750   #21 O-1 ends 720

        up 630 degraded 0 planned 150 excluded 0 unplanned 0 unknown 0
    "#]]
    .assert_eq(&format!(
        "{}\n{}\n",
        service.timeline_without_probes(),
        service.figures("a", 0, 780)
    ));
}

#[test]
fn an_extension_that_came_too_late_excuses_only_what_was_announced_before() {
    // The same downtime, from 570: thirty seconds of the announced window.
    let mut service = extended(100, false);
    service.draw(120, &[("a/p", "UUUUUUUUUUUUUUUDDDDDUUUU")]);
    expect![[r#"
        10    #5 WindowScheduled move
        10    due maintenance-scheduled/move/it@clinic.example
        10    due maintenance-scheduled/move/one@lab.example
        10    due maintenance-scheduled/move/two@lab.example
        20    #6 attempt 1 of N-1
        20    #7 N-1 Accepted
        20    #8 attempt 1 of N-2
        20    #9 N-2 Accepted
        20    #10 attempt 1 of N-3
        20    #11 N-3 Deferred
        100   #12 WindowChanged move
        100   due maintenance-changed/move/it@clinic.example
        100   due maintenance-changed/move/one@lab.example
        300   #13 MaintenanceStarted move
        300   due maintenance-started/move/it@clinic.example
        300   due maintenance-started/move/one@lab.example
        300   due maintenance-started/move/two@lab.example
        630   #16 outage O-1 of a from 570 planned
        630   #17 O-1 overruns move from 600
        630   #18 incident I-1 (Overrun)
        630   due maintenance-overrun/O-1/it@clinic.example
        630   due maintenance-overrun/O-1/one@lab.example
        630   due maintenance-overrun/O-1/two@lab.example
        750   #21 O-1 ends 720
        750   #22 IncidentResolved I-1
        750   due maintenance-started/move/it@clinic.example
        750   due maintenance-started/move/one@lab.example
        750   due maintenance-started/move/two@lab.example

        up 630 degraded 0 planned 30 excluded 0 unplanned 120 unknown 0
    "#]]
    .assert_eq(&format!(
        "{}\n{}\n",
        service.timeline_without_probes(),
        service.figures("a", 0, 780)
    ));
}

#[test]
fn work_that_ends_early_is_completed_early() {
    let mut service = scheduled();
    deliver_to(&mut service, 20, &["it@clinic.example", "one@lab.example"]);
    service.draw(30, &[("a/p", "UUUUUUUUUUUU")]);
    let early = Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(380),
        max_downtime_s: None,
        reason: Some("quicker than thought".into()),
    };
    service.act_at(380, "kim", early);
    service.draw(390, &[("a/p", "UUDDDUUU")]);
    expect![[r#"
        10    #5 WindowScheduled move
        10    due maintenance-scheduled/move/it@clinic.example
        10    due maintenance-scheduled/move/one@lab.example
        10    due maintenance-scheduled/move/two@lab.example
        20    #6 attempt 1 of N-1
        20    #7 N-1 Accepted
        20    #8 attempt 1 of N-2
        20    #9 N-2 Accepted
        20    #10 attempt 1 of N-3
        20    #11 N-3 Deferred
        300   #12 MaintenanceStarted move
        300   due maintenance-started/move/it@clinic.example
        300   due maintenance-started/move/one@lab.example
        300   due maintenance-started/move/two@lab.example
        380   #13 WindowChanged move
        390   #14 MaintenanceCompleted move
        390   due maintenance-completed/move/it@clinic.example
        390   due maintenance-completed/move/one@lab.example
        390   due maintenance-completed/move/two@lab.example
        510   #17 outage O-1 of a from 450
        510   #18 incident I-1 (Outage)
        510   due downtime/O-1/it@clinic.example
        510   due downtime/O-1/one@lab.example
        510   due downtime/O-1/two@lab.example
        570   #21 O-1 ends 540
        570   #22 IncidentResolved I-1
        570   due maintenance-completed/move/it@clinic.example
        570   due maintenance-completed/move/one@lab.example
        570   due maintenance-completed/move/two@lab.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_window_scheduled_while_down_excuses_none_of_it() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let window = Single {
        min_notice_s: None,
        ..single(&service, 95, 600)
    };
    service.act_at(95, "kim", Act::ScheduleMaintenance(window));
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "DDUU")]);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    due downtime/O-1/it@clinic.example
        95    #9 WindowScheduled move
        95    #10 MaintenanceStarted move
        95    #11 attempt 1 of N-1
        95    #12 N-1 Accepted
        95    due maintenance-started/move/it@clinic.example
        95    #13 attempt 1 of N-2
        95    #14 N-2 Accepted
        210   #17 O-1 ends 180
        210   #18 IncidentResolved I-1
        210   due uptime/O-1/it@clinic.example
        up 60 degraded 0 planned 0 excluded 0 unplanned 150 unknown 0
    "#]]
    .assert_eq(&service.timeline_and_figures("a", 210));
}

#[test]
fn a_rule_moved_to_later_while_its_window_is_held_starts_once() {
    let mut service = Service::new(ORIGIN, vec![with(vec![told_rule()])]);
    service.draw(0, &[("a/p", "UUUUUUUUUUU")]);
    let later = Rule {
        start: "00:08:00".parse().unwrap(),
        ..told_rule()
    };
    service.configure(service.second(320), catalogue(vec![with(vec![later])]));
    service.draw(330, &[("a/p", "UUUUUUUUUUUUUUUUUUU")]);
    expect![[r#"
        300   #5 MaintenanceStarted a/work@2026-10-01
        300   due maintenance-started/a/work@2026-10-01/it@clinic.example
        320   #6 configured
        780   #7 MaintenanceCompleted a/work@2026-10-01
        780   due maintenance-completed/a/work@2026-10-01/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_rule_made_longer_while_its_window_is_held_is_completed_later() {
    let mut service = Service::new(ORIGIN, vec![with(vec![told_rule()])]);
    service.draw(0, &[("a/p", "UUUUUUUUUUU")]);
    let longer = Rule {
        end: domain::catalogue::End::After(420),
        ..told_rule()
    };
    service.configure(service.second(320), catalogue(vec![with(vec![longer])]));
    service.draw(330, &[("a/p", "UUUUUUUUUUUUUUUUUUU")]);
    expect![[r#"
        300   #5 MaintenanceStarted a/work@2026-10-01
        300   due maintenance-started/a/work@2026-10-01/it@clinic.example
        320   #6 configured
        720   #7 MaintenanceCompleted a/work@2026-10-01
        720   due maintenance-completed/a/work@2026-10-01/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_rule_that_comes_while_its_window_would_run_is_told_then() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUUUUUUUUUU")]);
    service.configure(
        service.second(350),
        catalogue(vec![with(vec![told_rule()])]),
    );
    service.draw(360, &[("a/p", "UUUUUUUUUU")]);
    expect![[r#"
        350   #5 configured
        350   #6 MaintenanceStarted a/work@2026-10-01
        350   due maintenance-started/a/work@2026-10-01/it@clinic.example
        600   #7 MaintenanceCompleted a/work@2026-10-01
        600   due maintenance-completed/a/work@2026-10-01/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_window_whose_rule_is_taken_away_ends_there() {
    let both = |rules| vec![with(rules), system("b")];
    let mut service = Service::new(ORIGIN, both(vec![told_rule()]));
    service.draw(0, &[("a/p", "UUUUUUUUUUU"), ("b/p", "UUUUUUUUUUU")]);
    service.configure(service.second(320), catalogue(vec![system("b")]));
    service.tick(3600);
    assert!(service.record.maintenance.all_held().next().is_none());
    expect![[r#"
        300   #6 MaintenanceStarted a/work@2026-10-01
        300   due maintenance-started/a/work@2026-10-01/it@clinic.example
        320   #7 configured
        320   #8 MaintenanceCompleted a/work@2026-10-01
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_degraded_probe_does_not_hold_the_completion_up() {
    let mut a = with(vec![told_rule()]);
    a.probes.push(probe("a", "q"));
    let mut service = Service::new(ORIGIN, vec![a]);
    let up = "UUUUUUUUUUUUUUUUUUUUUUUU";
    let slow = "SSSSSSSSSSSSSSSSSSSSSSSS";
    service.draw(0, &[("a/p", up), ("a/q", slow)]);
    assert!(service.record.maintenance.all_held().next().is_none());
    let last = service.due.iter().next_back().unwrap();
    assert!(last.notice.affected[0].impaired);
}

/// The maintenance notices to an address: kind, and what became of them.
fn work_told(service: &Service, recipient: &str) -> Vec<(&'static str, &'static str)> {
    let notices = service.record.notices.window_entries();
    notices
        .filter(|(address, _)| address.to_string() == recipient)
        .map(|(_, entry)| {
            let known = match entry.known {
                Known::No => "owed",
                Known::Yes(_) => "sent",
                Known::Dropped => "dropped",
                other => panic!("{other:?}"),
            };
            (entry.kind.word(), known)
        })
        .collect()
}

#[test]
fn an_extension_that_is_delivered_in_time_earns_what_it_says() {
    let mut service = extended(100, false);
    deliver_to(&mut service, 110, &["it@clinic.example", "one@lab.example"]);
    service.draw(120, &[("a/p", "UUUUUUUUUUUUUUUDDDDDUUUU")]);
    assert_eq!(
        work_told(&service, "it@clinic.example")[..2],
        [
            ("maintenance-scheduled", "sent"),
            ("maintenance-changed", "sent")
        ]
    );
    let changed = service
        .due
        .iter()
        .find(|o| o.notice.kind == domain::notice::Kind::MaintenanceChanged);
    let work = changed.unwrap().notice.window.clone().unwrap();
    let before = work.previous_span.unwrap();
    assert_eq!(
        (before.from, before.to),
        (service.second(300), service.second(600))
    );
    assert_eq!(
        (work.span.from, work.span.to),
        (service.second(300), service.second(900))
    );
    expect!["up 630 degraded 0 planned 150 excluded 0 unplanned 0 unknown 0"]
        .assert_eq(&service.figures("a", 0, 780).to_string());
}

#[test]
fn work_that_is_off_is_told_to_those_who_heard_of_it() {
    let mut service = scheduled();
    deliver_to(&mut service, 20, &["it@clinic.example"]);
    let told = crate::service::told("move", "lab");
    service.act_at(30, "kim", told);
    let cancel = Act::CancelMaintenance {
        window: "move".into(),
        reason: "The part is late.".into(),
    };
    service.act_at(40, "kim", cancel);
    assert_eq!(
        work_told(&service, "it@clinic.example"),
        [
            ("maintenance-scheduled", "sent"),
            ("maintenance-cancelled", "owed")
        ]
    );
    // Told by telephone, so told by mail that it is off; what would have announced it is not sent.
    service.tick(4_000);
    service.deliver_due(Delivery::Accepted);
    assert_eq!(
        work_told(&service, "one@lab.example"),
        [
            ("maintenance-scheduled", "dropped"),
            ("maintenance-cancelled", "sent")
        ]
    );
}

#[test]
fn work_that_is_off_before_anybody_heard_of_it_is_told_to_nobody() {
    let mut service = scheduled();
    deliver_to(&mut service, 20, &["it@clinic.example"]);
    let cancel = Act::CancelMaintenance {
        window: "move".into(),
        reason: "The part is late.".into(),
    };
    service.act_at(40, "kim", cancel);
    assert_eq!(
        work_told(&service, "one@lab.example"),
        [
            ("maintenance-scheduled", "dropped"),
            ("maintenance-cancelled", "dropped")
        ]
    );
}

#[test]
fn what_is_on_its_way_about_work_arrives_before_what_follows_it() {
    let mut service = Service::new(ORIGIN, vec![with(vec![told_rule()])]);
    service.draw(0, &[("a/p", "UUUUUUUUUUU")]);
    let started = service.begin_attempt(&service.only_due());
    service.draw(330, &[("a/p", "UUUUUUUUUUU")]);
    assert_eq!(
        work_told(&service, "it@clinic.example"),
        [
            ("maintenance-started", "owed"),
            ("maintenance-completed", "owed")
        ]
    );
    assert!(service.due().is_empty());
    // It comes back: it is too late to say that it has started.
    service.end_attempt(started, Delivery::Deferred);
    service.tick(700);
    service.deliver_due(Delivery::Accepted);
    assert_eq!(
        work_told(&service, "it@clinic.example"),
        [
            ("maintenance-started", "dropped"),
            ("maintenance-completed", "sent")
        ]
    );
}

#[test]
fn what_comes_back_about_work_is_said_by_nothing_but_its_own_end_to_the_same_address() {
    // Another window begins and ends meanwhile, and is told to both.
    let other = Rule {
        tell: true,
        ..rule("other", "00:05:30", 60, Some(30))
    };
    let mut all = catalogue(vec![with(vec![told_rule(), other])]);
    all.customers[0]
        .contacts
        .insert(0, "desk@clinic.example".into());
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", "UUUUUUUUUUU")]);
    let started = service.due();
    let [desk, it] = &started[..] else {
        panic!("one notice of the start to each");
    };
    let desk = service.begin_attempt(desk);
    let it = service.begin_attempt(it);
    service.draw(330, &[("a/p", "UUUU")]);
    service.end_attempt(desk, Delivery::Deferred);
    assert_eq!(
        service.message(desk).standing.word(),
        "queued",
        "it goes on"
    );
    service.draw(450, &[("a/p", "UUUUUUU")]);
    service.end_attempt(it, Delivery::Deferred);
    service.tick(700);
    service.deliver_due(Delivery::Accepted);
    for notice in [desk, it] {
        let standing = &service.message(notice).standing;
        assert!(
            matches!(standing, Standing::Superseded(_)),
            "{notice} is too late"
        );
    }
    for address in ["desk@clinic.example", "it@clinic.example"] {
        let about = work_told(&service, address);
        let completed = ("maintenance-completed", "sent");
        assert_eq!(about.iter().filter(|told| **told == completed).count(), 2);
        assert_eq!(about.iter().filter(|told| told.1 == "owed").count(), 0);
    }
}

#[test]
fn an_overrun_says_whether_the_window_or_the_month_allowed_no_more() {
    let allowed = |month_s: Option<i64>, of_window_s: Option<i64>| {
        let mut a = with(vec![Rule {
            tell: false,
            ..rule("work", "00:05:00", 600, of_window_s)
        }]);
        a.policy = Some("p".into());
        let mut all = catalogue(vec![a]);
        all.policies = vec![crate::service::policy("p", month_s)];
        let mut service = Service::with(ORIGIN, all);
        service.draw(0, &[("a/p", "UUUUUUUUUUUDDDDDDDDDDD")]);
        let notices = service.due.iter();
        let mut overruns =
            notices.filter(|o| o.notice.kind == domain::notice::Kind::MaintenanceOverrun);
        let work = overruns.next().unwrap().notice.window.clone().unwrap();
        work.monthly_allowance_s
    };
    assert_eq!(allowed(Some(120), None), Some(120));
    assert_eq!(allowed(Some(120), Some(200)), Some(120));
    assert_eq!(allowed(Some(200), Some(120)), None);
    assert_eq!(allowed(None, Some(120)), None);
}

#[test]
fn an_overrun_names_the_allowance_of_its_month_though_another_is_agreed_since() {
    let agreed = |month_s| {
        let mut a = with(vec![Rule {
            tell: false,
            ..rule("work", "00:05:00", 600, None)
        }]);
        a.policy = Some("p".into());
        let mut all = catalogue(vec![a]);
        all.policies = vec![crate::service::policy("p", Some(month_s))];
        all
    };
    let mut service = Service::with(ORIGIN, agreed(120));
    service.draw(0, &[("a/p", "UUU")]);
    // It takes effect with the next month.
    service.configure(service.second(80), agreed(60));
    service.draw(90, &[("a/p", "UUUUUUUUDDDDDDDDDDD")]);
    let overran: Vec<Option<i64>> = service
        .due
        .iter()
        .filter(|o| o.notice.kind == domain::notice::Kind::MaintenanceOverrun)
        .map(|o| o.notice.window.as_ref().unwrap().monthly_allowance_s)
        .collect();
    assert_eq!(overran, [Some(120)]);
    let outage = service.record.outages.all().next().unwrap();
    let from = outage.overrun.as_ref().unwrap().0;
    assert_eq!(from, service.second(330 + 120));
}

/// Who joins while work goes on reads why it is down, and so what is over when it is completed.
#[test]
fn a_customer_who_joins_while_work_goes_on_is_told_that_it_has_started() {
    let mut service = Service::new(ORIGIN, vec![with(vec![told_rule()]), system("b")]);
    service.draw(0, &[("a/p", "UUUUUUUUUUUU"), ("b/p", "UUUUUUUUUUUU")]);
    service.deliver_due(Delivery::Accepted);
    let mut joined = (*service.record.catalogue).clone();
    for (id, systems) in [("later", vec!["a".into()]), ("other", vec!["b".into()])] {
        joined.customers.push(Customer {
            id: id.into(),
            contacts: vec![format!("it@{id}.example")],
            systems,
            ..joined.customers[0].clone()
        });
    }
    service.configure(service.second(370), joined.clone());
    // Once, however often the configuration is read.
    joined.service = "Another name".into();
    service.configure(service.second(380), joined);
    service.deliver_due(Delivery::Accepted);
    service.draw(390, &[("a/p", "UUUUUUUUUU"), ("b/p", "UUUUUUUUUU")]);
    expect![[r#"
        300   #6 MaintenanceStarted a/work@2026-10-01
        300   due maintenance-started/a/work@2026-10-01/it@clinic.example
        330   #7 attempt 1 of N-1
        330   #8 N-1 Accepted
        370   #9 configured
        370   due maintenance-started/a/work@2026-10-01/it@later.example
        380   #10 configured
        380   #11 attempt 1 of N-2
        380   #12 N-2 Accepted
        600   #13 MaintenanceCompleted a/work@2026-10-01
        600   due maintenance-completed/a/work@2026-10-01/it@clinic.example
        600   due maintenance-completed/a/work@2026-10-01/it@later.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}
