//! People who subscribed on the public page: they are told of public systems, and count for nothing that was agreed.

use crate::service::{Service, catalogue, line_of, rule, system};
use domain::act::{Act, Selector};
use domain::catalogue::Single;
use domain::event::{Delivery, Fact, SubscriptionCause};
use domain::id::{Source, SubscriberId};
use domain::input::Input;
use domain::notice::{Address, Notice, Role};
use domain::notices::due_to_subscribers;
use domain::policy::Flag;
use domain::sample::{Outcome, Phases, Sample};
use jiff::Timestamp;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

/// The subscriber chooses these systems at that second.
fn choose(service: &mut Service, at_s: i64, id: u64, systems: &[&str]) {
    let at = service.second(at_s);
    let input = Input::Subscription {
        subscriber: SubscriberId(id),
        systems: systems.iter().map(|s| (*s).into()).collect(),
        cause: SubscriptionCause::Chosen,
    };
    service.input(at, input);
}

/// A service without customers and with a subscriber of `a`.
fn subscribed() -> Service {
    let mut all = catalogue(vec![system("a"), system("b")]);
    all.customers.clear();
    all.zone = "America/New_York".into();
    let mut service = Service::with(ORIGIN, all);
    choose(&mut service, 1, 1, &["a"]);
    service
}

/// Everything that leaves now, by what it says and whom it goes to.
fn sent(service: &mut Service) -> Vec<String> {
    let mut sent = Vec::new();
    loop {
        let due = service.due();
        if due.is_empty() {
            return sent;
        }
        for notice in due {
            sent.push(line(service, &notice));
            let id = service.begin_attempt(&notice);
            service.end_attempt(id, Delivery::Accepted);
        }
    }
}

fn line(service: &Service, notice: &Notice) -> String {
    format!(
        "{} to {}",
        line_of(service, notice),
        notice.recipient.address
    )
}

fn events(service: &Service, subscriber: u64) -> Vec<&Fact> {
    let all = service.events.iter().map(|(_, event)| &event.fact);
    let own = |fact: &&Fact| matches!(fact, Fact::SubscriptionChanged { subscriber: id, .. } if id.0 == subscriber);
    all.filter(own).collect()
}

#[test]
fn a_subscriber_is_told_that_a_system_is_down_and_up_again() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD"), ("b/p", "UDDD")]);
    let due = service.only_due();
    assert_eq!(due.recipient.address, Address::Subscriber(SubscriberId(1)));
    assert_eq!(
        due.recipient.who,
        [Role::Subscriber(SubscriberId(1))].into()
    );
    assert_eq!(due.recipient.zone, "America/New_York");
    assert_eq!(sent(&mut service), ["downtime: a 60.. to subscriber S-1"]);
    service.draw(150, &[("a/p", "UU"), ("b/p", "DD")]);
    assert_eq!(sent(&mut service), ["uptime: a 60..150 to subscriber S-1"]);
    // Nothing is kept of it in memory.
    assert_eq!(service.record.notices.to_subscribers().count(), 0);
    assert_eq!(service.messages().len(), 0);
}

#[test]
fn what_a_subscriber_knew_is_forgotten_after_a_week() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    sent(&mut service);
    service.draw(150, &[("a/p", "UU")]);
    sent(&mut service);
    let outage = service.record.outages.all().next().unwrap().id;
    let known = |s: &Service| s.record.notices.everyone_of_outage(outage).count();
    service.tick(6 * 86_400);
    assert_eq!(known(&service), 1);
    service.tick(9 * 86_400);
    assert_eq!(known(&service), 0);
}

#[test]
fn who_subscribes_during_an_outage_is_told_since_when_it_lasts() {
    let mut service = subscribed();
    service.draw(30, &[("b/p", "UDDD")]);
    assert_eq!(sent(&mut service), [""; 0]);
    choose(&mut service, 130, 1, &["a", "b"]);
    assert_eq!(sent(&mut service), ["downtime: b 60.. to subscriber S-1"]);
    service.draw(150, &[("b/p", "UU")]);
    assert_eq!(sent(&mut service), ["uptime: b 60..150 to subscriber S-1"]);
}

#[test]
fn who_unsubscribes_during_an_outage_hears_no_more_of_it() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    sent(&mut service);
    choose(&mut service, 200, 1, &[]);
    service.draw(210, &[("a/p", "UU")]);
    assert_eq!(sent(&mut service), [""; 0]);
    assert!(service.is_quiet());
    assert_eq!(service.record.notices.active_subscribers(None).count(), 0);
}

#[test]
fn who_leaves_while_a_mail_is_under_way_hears_no_more_of_it() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    let id = service.begin_attempt(&service.only_due());
    choose(&mut service, 200, 1, &[]);
    service.end_attempt(id, Delivery::Accepted);
    service.draw(210, &[("a/p", "UU")]);
    assert_eq!(sent(&mut service), [""; 0]);
    assert_eq!(service.record.notices.active_subscribers(None).count(), 0);
}

#[test]
fn who_comes_back_during_the_outage_is_told_of_its_end() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    sent(&mut service);
    choose(&mut service, 130, 1, &["b"]);
    choose(&mut service, 131, 1, &["a", "b"]);
    service.draw(150, &[("a/p", "UU")]);
    assert_eq!(sent(&mut service), ["uptime: a 60..150 to subscriber S-1"]);
}

#[test]
fn the_same_choice_again_is_no_event() {
    let mut service = subscribed();
    choose(&mut service, 2, 1, &["a"]);
    choose(&mut service, 3, 1, &["a", "no-such-system"]);
    assert_eq!(events(&service, 1).len(), 1);
    choose(&mut service, 4, 2, &[]);
    assert_eq!(events(&service, 2).len(), 0);
}

#[test]
fn a_rejected_address_ends_the_subscription_and_a_deferral_does_not() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    let id = service.begin_attempt(&service.only_due());
    service.end_attempt(id, Delivery::Deferred);
    assert!(
        service
            .record
            .subscribers
            .systems(SubscriberId(1))
            .is_some()
    );
    service.tick(200);
    let id = service.begin_attempt(&service.only_due());
    service.end_attempt(id, Delivery::Rejected);
    let ended = Fact::SubscriptionChanged {
        subscriber: SubscriberId(1),
        systems: vec![],
        cause: SubscriptionCause::Rejected,
    };
    assert_eq!(events(&service, 1).last(), Some(&&ended));
    assert!(service.record.subscribers.has_ended(SubscriberId(1)));
    assert_eq!(service.record.subscribers.rejected(), 1);
    service.draw(210, &[("a/p", "UU")]);
    assert_eq!(sent(&mut service), [""; 0]);
}

#[test]
fn a_removed_system_ends_what_its_subscribers_are_owed() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    let mut all = catalogue(vec![system("b")]);
    all.customers.clear();
    let at = service.second(200);
    service.configure(at, all);
    assert_eq!(sent(&mut service), [""; 0]);
}

#[test]
fn an_update_names_only_the_systems_that_the_subscriber_chose() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    choose(&mut service, 1, 1, &["a"]);
    let act = |text: &str| Act::Update {
        incident: Selector::System("a".into()),
        text: text.into(),
        public: true,
        phase: None,
        estimate: None,
    };
    service.draw(30, &[("a/p", "UDDD")]);
    sent(&mut service);
    service.act_at(200, "ann", act("We look at it."));
    let due = service.due();
    // The update counts as delivered when the customer has it: subscribers answer no clock.
    let id = service.begin_attempt(&due[0]);
    service.end_attempt(id, Delivery::Accepted);
    let delivered = |s: &Service| {
        let mut all = s.events.iter();
        all.any(|(_, e)| matches!(e.fact, Fact::UpdateDelivered { .. }))
    };
    assert!(delivered(&service));
    assert_eq!(
        sent(&mut service),
        [r#"update: a .. "We look at it." to subscriber S-1"#]
    );
}

#[test]
fn subscribers_hear_nothing_of_an_incident_that_concerns_security() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    service.act_at(
        130,
        "ann",
        Act::Impact {
            incident: Selector::System("a".into()),
            share_ppm: None,
            customers: None,
            flags: Some([Flag::Security].into()),
            prevents_access: None,
            component: None,
        },
    );
    assert_eq!(sent(&mut service), [""; 0]);
    service.draw(150, &[("a/p", "UU")]);
    assert_eq!(sent(&mut service), [""; 0]);
}

/// A window of `a` and `b` that must be announced two hours ahead.
fn window(start_s: i64, from: Timestamp) -> Single {
    let second = |s: i64| from + jiff::SignedDuration::from_secs(s);
    Single {
        id: "disks".into(),
        systems: vec!["a".into(), "b".into()],
        title: "Disks".into(),
        impact: None,
        start: second(start_s),
        end: second(start_s + 3_600),
        max_downtime_s: None,
        min_notice_s: Some(7_200),
        start_grace_s: None,
        override_reason: None,
        announce_s: vec![],
    }
}

#[test]
fn a_subscriber_does_not_earn_a_window_for_the_customers() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    choose(&mut service, 1, 1, &["a"]);
    let origin = service.origin;
    service.act_at(60, "ann", Act::ScheduleMaintenance(window(10_800, origin)));
    let due = service.due();
    let lines: Vec<String> = due.iter().map(|n| line(&service, n)).collect();
    assert_eq!(
        lines,
        [
            "maintenance-scheduled: a .., b .. to it@clinic.example",
            "maintenance-scheduled: a .. to subscriber S-1",
        ]
    );
    let untold = |s: &Service| {
        s.record
            .window_status(&"disks".into(), s.now)
            .unwrap()
            .not_yet_told
    };
    let id = service.begin_attempt(&due[1]);
    service.end_attempt(id, Delivery::Accepted);
    assert_eq!(untold(&service), ["clinic".into()]);
    let id = service.begin_attempt(&due[0]);
    service.end_attempt(id, Delivery::Accepted);
    assert_eq!(untold(&service), []);
}

#[test]
fn a_subscriber_hears_of_a_window_from_its_announcement_to_its_end() {
    let mut service = subscribed();
    let origin = service.origin;
    service.act_at(60, "ann", Act::ScheduleMaintenance(window(10_800, origin)));
    let mut said = sent(&mut service);
    choose(&mut service, 70, 2, &["a", "b"]);
    service.act_at(
        120,
        "ann",
        Act::CancelMaintenance {
            window: "disks".into(),
            reason: "not needed".into(),
        },
    );
    said.extend(sent(&mut service));
    // The other one came after the announcement and is told of nothing that is not held.
    assert_eq!(
        said,
        [
            "maintenance-scheduled: a .. to subscriber S-1",
            "maintenance-cancelled: a .. to subscriber S-1",
        ]
    );
}

#[test]
fn an_overrun_is_told_to_subscribers_and_planned_downtime_is_not() {
    let mut with = system("a");
    with.windows = vec![rule("work", "00:05:00", 600, Some(60))];
    let mut all = catalogue(vec![with]);
    all.customers.clear();
    let mut service = Service::with(ORIGIN, all);
    choose(&mut service, 1, 1, &["a"]);
    service.draw(300, &[("a/p", "UDD")]);
    assert_eq!(sent(&mut service), [""; 0]);
    service.draw(390, &[("a/p", "DDD")]);
    let said = sent(&mut service);
    assert_eq!(said, ["maintenance-overrun: a 390.. to subscriber S-1"]);
}

#[test]
fn a_lost_mail_to_a_subscriber_is_sent_once_more_after_a_crash() {
    let mut service = subscribed();
    service.draw(30, &[("a/p", "UDDD")]);
    let notice = service.only_due();
    service.begin_attempt(&notice);
    service.crash(150, 180);
    service.draw(180, &[("a/p", "DDD")]);
    assert_eq!(service.due(), [notice]);
}

#[test]
fn ten_thousand_subscribers_are_served_in_turn() {
    let mut service = subscribed();
    let origin = service.origin;
    let second = |s: i64| origin + jiff::SignedDuration::from_secs(s);
    for id in 2..=10_000 {
        let input = Input::Subscription {
            subscriber: SubscriberId(id),
            systems: vec!["a".into()],
            cause: SubscriptionCause::Confirmed,
        };
        service.turn(second(2), input).unwrap();
    }
    let sample = |service: &mut Service, at_s: i64, outcome: Outcome| {
        let sample = Sample {
            source: Source::new("a/p", "main"),
            at: second(at_s),
            late_us: 0,
            outcome,
            reason: None,
            detail: None,
            took_us: 1_000,
            phases: Phases::default(),
            status: None,
            certificate_ends_at: None,
            certificate_ends_soon: false,
            clock_offset_us: None,
        };
        service.turn(second(at_s), Input::Sampled(sample)).unwrap();
    };
    sample(&mut service, 30, Outcome::Up);
    for at_s in [60, 65, 70] {
        sample(&mut service, at_s, Outcome::Down);
    }
    let waiting = |service: &Service| service.record.notices.active_subscribers(None).count();
    assert_eq!(waiting(&service), 10_000);
    let mut after = None;
    let (mut looks, mut delivered) = (0, 0);
    loop {
        let doubted = service.watch.doubted();
        let due = due_to_subscribers(&service.record, doubted, service.now, after.as_ref(), 64);
        looks += 1;
        for notice in due.notices {
            let attempt = Input::Attempt {
                notice: Box::new(notice.clone()),
                message_id: format!("<{delivered}@example.org>"),
                sha256: "00".into(),
            };
            service.turn(second(70), attempt).unwrap();
            let address = &notice.recipient.address;
            let (notice, _) = service.record.notices.current(address).unwrap();
            let ended = Input::Delivered {
                notice,
                attempt: 1,
                result: Delivery::Accepted,
                reply: "250 ok".into(),
                unreached: false,
                retry_after_s: None,
            };
            service.turn(second(70), ended).unwrap();
            delivered += 1;
        }
        after = due.looked_until;
        if after.is_none() {
            break;
        }
    }
    // No subscriber was looked at twice.
    assert_eq!((delivered, looks), (10_000, 157));
    sample(&mut service, 100, Outcome::Up);
    sample(&mut service, 130, Outcome::Up);
    assert_eq!(waiting(&service), 10_000);
}
