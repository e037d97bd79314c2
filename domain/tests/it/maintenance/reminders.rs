//! Section 5, `announce`: customers are reminded of a window at each of these lengths before its start.
use crate::service::{Service, catalogue, rule, system};
use domain::act::Act;
use domain::catalogue::{Catalogue, Customer, Rule, Single};
use domain::event::Delivery;
use domain::notice::Kind;
use domain::record::notices::{Known, NotSent};
use expect_test::{Expect, expect};

/// A Thursday.
const ORIGIN: &str = "2026-10-01T00:00:00Z";

/// On Thursdays from five minutes after midnight, for five minutes.
fn announced(announce_s: &[i64]) -> Rule {
    Rule {
        announce_s: announce_s.to_vec(),
        ..rule("work", "00:05:00", 300, Some(120))
    }
}

fn with(rule: Rule) -> Catalogue {
    let mut a = system("a");
    a.windows = vec![rule];
    catalogue(vec![a])
}

fn single(service: &Service, from_s: i64, to_s: i64, announce_s: &[i64]) -> Act {
    Act::ScheduleMaintenance(Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(from_s),
        end: service.second(to_s),
        max_downtime_s: None,
        min_notice_s: None,
        start_grace_s: None,
        override_reason: None,
        announce_s: announce_s.to_vec(),
    })
}

/// Delivers what is due at each of these seconds.
fn deliver_at(service: &mut Service, seconds: &[i64]) {
    for at_s in seconds {
        service.tick(*at_s);
        service.deliver_due(Delivery::Accepted);
    }
}

fn check(service: &Service, expected: Expect) {
    expected.assert_eq(&service.timeline_without_probes());
}

/// What became of each reminder to the first customer, in order.
fn reminders(service: &Service) -> Vec<(Known, Option<NotSent>)> {
    let entries = service.record.notices.window_entries();
    let own = entries.filter(|(_, e)| e.kind == Kind::MaintenanceReminder);
    own.map(|(_, e)| (e.known, e.not_sent)).collect()
}

#[test]
fn customers_are_reminded_of_a_recurring_window_at_each_length_before_its_start() {
    let mut service = Service::with(ORIGIN, with(announced(&[240, 60])));
    deliver_at(&mut service, &[59, 60, 100, 240, 299, 300, 301]);
    check(
        &service,
        expect![[r#"
            60    #4 MaintenanceReminded a/work@2026-10-01
            60    due maintenance-reminder/a/work@2026-10-01/it@clinic.example
            60    #5 attempt 1 of N-1
            60    #6 N-1 Accepted
            240   #7 MaintenanceReminded a/work@2026-10-01
            240   #8 attempt 1 of N-2
            240   #9 N-2 Accepted
            300   #10 MaintenanceStarted a/work@2026-10-01
            300   due maintenance-started/a/work@2026-10-01/it@clinic.example
            300   #11 attempt 1 of N-3
            300   #12 N-3 Accepted
        "#]],
    );
    // The second continues the thread of the first.
    assert_eq!(service.messages()[1].notice.references.len(), 1);
}

#[test]
fn a_reminder_that_fell_due_before_the_start_of_the_service_is_sent_once_now() {
    // 7 d and 10 min before the window lie before the start of the service.
    let mut service = Service::with(ORIGIN, with(announced(&[604_800, 600, 60])));
    deliver_at(&mut service, &[5, 10]);
    service.stop(20);
    service.start(30);
    deliver_at(&mut service, &[40]);
    check(
        &service,
        expect![[r#"
            0     #4 MaintenanceReminded a/work@2026-10-01
            0     due maintenance-reminder/a/work@2026-10-01/it@clinic.example
            5     #5 attempt 1 of N-1
            5     #6 N-1 Accepted
            20    #7 stopped
            30    #8 started
        "#]],
    );
}

#[test]
fn a_reminder_that_fell_due_while_the_service_was_stopped_is_sent_once_at_its_start() {
    let mut service = Service::with(ORIGIN, with(announced(&[240, 120, 10])));
    service.stop(20);
    service.start(200);
    deliver_at(&mut service, &[200, 210]);
    service.crash(210, 220);
    deliver_at(&mut service, &[230]);
    check(
        &service,
        expect![[r#"
            20    #4 stopped
            200   #5 started
            200   #6 MaintenanceReminded a/work@2026-10-01
            200   due maintenance-reminder/a/work@2026-10-01/it@clinic.example
            200   #7 attempt 1 of N-1
            200   #8 N-1 Accepted
            220   #9 started, alive until 210
        "#]],
    );
}

#[test]
fn a_one_off_window_is_announced_when_it_is_scheduled_and_reminded_of_later() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    // Two of the three instants are over: the announcement is all that is due.
    let act = single(&service, 300, 600, &[3_600, 290, 60]);
    service.act_at(10, "kim", act);
    deliver_at(&mut service, &[10, 20]);
    service.stop(30);
    service.start(40);
    deliver_at(&mut service, &[50, 240, 250]);
    check(
        &service,
        expect![[r#"
            10    #4 WindowScheduled move
            10    due maintenance-scheduled/move/it@clinic.example
            10    #5 attempt 1 of N-1
            10    #6 N-1 Accepted
            30    #7 stopped
            40    #8 started
            240   #9 MaintenanceReminded move
            240   due maintenance-reminder/move/it@clinic.example
            240   #10 attempt 1 of N-2
            240   #11 N-2 Accepted
        "#]],
    );
}

#[test]
fn an_announcement_that_is_delivered_late_makes_the_reminder_needless() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    let act = single(&service, 300, 600, &[60]);
    service.act_at(10, "kim", act);
    service.deliver_due(Delivery::Deferred);
    deliver_at(&mut service, &[240, 300]);
    check(
        &service,
        expect![[r#"
            10    #4 WindowScheduled move
            10    due maintenance-scheduled/move/it@clinic.example
            10    #5 attempt 1 of N-1
            10    #6 N-1 Deferred
            240   #7 MaintenanceReminded move
            240   #8 attempt 2 of N-1
            240   #9 N-1 Accepted
            300   #10 MaintenanceStarted move
            300   due maintenance-started/move/it@clinic.example
            300   #11 attempt 1 of N-2
            300   #12 N-2 Accepted
        "#]],
    );
    assert_eq!(
        reminders(&service),
        [(Known::Dropped, Some(NotSent::Replaced))]
    );
}

#[test]
fn a_customer_whose_announcement_was_refused_is_told_in_time_by_the_reminder() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    let act = single(&service, 300, 600, &[60]);
    service.act_at(10, "kim", act);
    service.deliver_due(Delivery::Rejected);
    deliver_at(&mut service, &[240]);
    let over = domain::span::Span::new(service.second(0), service.second(900));
    let window = &service.record.windows_of(&"a".into(), over)[0];
    assert_eq!(
        window.why,
        domain::windows::Earned::Told(service.second(240))
    );
}

#[test]
fn a_reminder_of_a_window_that_has_begun_is_not_sent() {
    let mut service = Service::with(ORIGIN, with(announced(&[60])));
    service.tick(240);
    service.deliver_due(Delivery::Deferred);
    deliver_at(&mut service, &[310]);
    check(
        &service,
        expect![[r#"
            240   #4 MaintenanceReminded a/work@2026-10-01
            240   due maintenance-reminder/a/work@2026-10-01/it@clinic.example
            240   #5 attempt 1 of N-1
            240   #6 N-1 Deferred
            300   #7 MaintenanceStarted a/work@2026-10-01
            310   due maintenance-started/a/work@2026-10-01/it@clinic.example
            310   #8 attempt 1 of N-2
            310   #9 N-2 Accepted
        "#]],
    );
    assert_eq!(
        reminders(&service),
        [(Known::Dropped, Some(NotSent::WindowBegan))]
    );
    assert_eq!(service.messages()[0].standing.word(), "superseded");
}

#[test]
fn a_reminder_of_a_window_that_passed_while_the_service_was_stopped_is_not_sent() {
    let mut service = Service::with(ORIGIN, with(announced(&[60])));
    service.tick(240);
    service.stop(250);
    service.start(2_000);
    assert!(service.is_quiet());
    assert_eq!(
        reminders(&service),
        [(Known::Dropped, Some(NotSent::WindowBegan))]
    );
}

#[test]
fn a_lost_reminder_is_sent_once_more_as_it_was() {
    let mut service = Service::with(ORIGIN, with(announced(&[240])));
    service.tick(60);
    let lost = service.deliver_due(Delivery::Ambiguous);
    service.tick(130);
    assert_eq!(service.deliver_due(Delivery::Accepted), lost);
    assert!(service.is_quiet());
}

#[test]
fn two_undelivered_reminders_are_one_message() {
    let mut service = Service::with(ORIGIN, with(announced(&[240, 60])));
    service.tick(60);
    let first = service.deliver_due(Delivery::Deferred);
    service.tick(240);
    assert_eq!(service.deliver_due(Delivery::Accepted), first);
    assert!(service.is_quiet());
}

#[test]
fn no_reminder_is_sent_of_a_cancelled_window() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    let act = single(&service, 300, 600, &[60]);
    service.act_at(10, "kim", act);
    let cancel = |service: &mut Service, at_s| {
        let (window, reason) = ("move".into(), "no part".to_owned());
        service.act_at(at_s, "kim", Act::CancelMaintenance { window, reason });
    };
    cancel(&mut service, 20);
    service.tick(300);
    assert_eq!(reminders(&service), []);

    // Reminded of, but not delivered: only the cancellation leaves.
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    let act = single(&service, 300, 600, &[60]);
    service.act_at(10, "kim", act);
    service.deliver_due(Delivery::Accepted);
    service.tick(240);
    cancel(&mut service, 250);
    service.deliver_due(Delivery::Accepted);
    assert_eq!(service.messages().len(), 2);
    assert_eq!(
        service.messages()[1].notice.kind,
        Kind::MaintenanceCancelled
    );
    assert_eq!(
        reminders(&service),
        [(Known::Dropped, Some(NotSent::WindowCancelled))]
    );
}

#[test]
fn a_reminder_says_the_times_to_which_the_window_was_moved() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    let act = single(&service, 300, 600, &[60]);
    service.act_at(10, "kim", act);
    deliver_at(&mut service, &[10]);
    let extend = Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(900),
        max_downtime_s: None,
        reason: None,
    };
    service.act_at(20, "kim", extend);
    deliver_at(&mut service, &[20, 240]);
    let reminder = service.messages()[2].notice.clone();
    assert_eq!(reminder.kind, Kind::MaintenanceReminder);
    assert_eq!(reminder.window.unwrap().span.to, service.second(900));
}

#[test]
fn customers_who_were_reminded_are_told_of_a_new_time_and_of_a_removed_window() {
    let mut service = Service::with(ORIGIN, with(announced(&[240])));
    deliver_at(&mut service, &[60]);
    let mut moved = announced(&[240]);
    moved.start = "00:04:00".parse().unwrap();
    service.configure(service.second(70), with(moved));
    deliver_at(&mut service, &[70]);
    let changed = service.messages()[1].notice.clone();
    assert_eq!(changed.kind, Kind::MaintenanceChanged);
    let window = changed.window.unwrap();
    assert_eq!(window.span.from, service.second(240));
    assert_eq!(
        window.previous_span.map(|s| s.from),
        Some(service.second(300))
    );
    service.configure(service.second(80), catalogue(vec![system("a")]));
    deliver_at(&mut service, &[80]);
    assert_eq!(
        service.messages()[2].notice.kind,
        Kind::MaintenanceCancelled
    );
    service.tick(300);
    assert!(service.is_quiet());
}

#[test]
fn a_reminder_that_did_not_leave_is_dropped_when_the_window_is_removed() {
    let mut service = Service::with(ORIGIN, with(announced(&[240])));
    service.tick(60);
    service.configure(service.second(70), catalogue(vec![system("a")]));
    assert!(service.is_quiet());
    assert_eq!(
        reminders(&service),
        [(Known::Dropped, Some(NotSent::WindowCancelled))]
    );
}

#[test]
fn a_customer_who_comes_after_a_reminder_of_a_recurring_window_gets_it() {
    let mut service = Service::with(ORIGIN, with(announced(&[240])));
    deliver_at(&mut service, &[60]);
    let mut joined = (*service.record.catalogue).clone();
    joined.customers.push(Customer {
        id: "later".into(),
        contacts: vec!["it@later.example".into()],
        ..joined.customers[0].clone()
    });
    service.configure(service.second(70), joined);
    let reminder = service.only_due();
    assert_eq!(reminder.kind, Kind::MaintenanceReminder);
    assert_eq!(reminder.recipient.address.to_string(), "it@later.example");
}

#[test]
fn a_clock_that_is_set_back_reminds_no_customer_twice() {
    let mut service = Service::with(ORIGIN, with(announced(&[240])));
    deliver_at(&mut service, &[60]);
    service.set_clock(70, 30);
    deliver_at(&mut service, &[40, 60, 70, 100]);
    assert_eq!(service.messages().len(), 1);
}

#[test]
fn a_reminder_needs_a_length_between_a_second_and_ninety_days() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    for wrong in [0, -60, 90 * 86_400 + 1] {
        let act = single(&service, 300, 600, &[wrong]);
        let why = service.refusal(10, "kim", act);
        assert!(why.contains("at most 90 days"), "{why}");
    }
    let act = single(&service, 300, 600, &[60, 3_600, 60]);
    service.act_at(10, "kim", act);
    let window = service.record.maintenance.one_off(&"move".into()).unwrap();
    assert_eq!(window.versions[0].1.announce_s, [3_600, 60]);
}
