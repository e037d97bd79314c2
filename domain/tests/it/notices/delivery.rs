//! Who is told what, and when: gathering, folding, refusals, and what happens to mail that fails.
use std::collections::BTreeSet;

use crate::service::{Service, catalogue, probe, rule, system};
use domain::catalogue::{Affects, Customer, Rule, System};
use domain::event::{Delivery, Fact};
use domain::id::NoticeId;
use domain::notice::Kind;
use domain::outbox;
use domain::record::Standing;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn customer(id: &str, systems: &[&str]) -> Customer {
    Customer {
        id: id.into(),
        name: id.to_uppercase(),
        zone: "UTC".into(),
        contacts: vec![format!("it@{id}.example")],
        systems: systems.iter().map(|s| (*s).into()).collect(),
    }
}

fn with_customers(systems: Vec<System>, customers: Vec<Customer>) -> Service {
    let mut all = catalogue(systems);
    all.customers = customers;
    all.customers.sort_by(|a, b| a.id.cmp(&b.id));
    Service::with(ORIGIN, all)
}

/// When each notice of a kind was decided, in seconds, and how many systems it names.
fn told(service: &Service, kind: Kind) -> Vec<(i64, String, usize)> {
    service
        .record
        .notices
        .values()
        .filter(|o| o.notice.kind == kind)
        .map(|o| {
            let at = o.decided_at.duration_since(service.origin).as_secs();
            let customer = o.notice.customer.to_string();
            (at, customer, o.notice.affected.len())
        })
        .collect()
}

fn only(service: &Service, kind: Kind) -> NoticeId {
    let of =
        |(_, o): &(&NoticeId, &std::sync::Arc<domain::record::Outgoing>)| o.notice.kind == kind;
    let found: Vec<_> = service.record.notices.iter().filter(of).collect();
    assert_eq!(found.len(), 1, "one {kind}");
    *found[0].0
}

#[test]
fn a_lone_system_is_told_at_once() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    assert_eq!(told(&service, Kind::Downtime), [(90, "clinic".into(), 1)]);
}

#[test]
fn a_notice_waits_for_another_system_of_the_same_customer_and_names_both() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUDD"), ("a/p", "UDDD")]);
    assert!(service.record.notices.is_empty());
    service.sample("b/p", 95, 'D');
    assert_eq!(told(&service, Kind::Downtime), [(95, "clinic".into(), 2)]);
}

#[test]
fn a_notice_leaves_as_soon_as_the_other_run_turns_out_to_be_nothing() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    assert!(service.record.notices.is_empty(), "the other is doubtful");
    service.sample("b/p", 95, 'U');
    assert_eq!(told(&service, Kind::Downtime), [(95, "clinic".into(), 1)]);
}

#[test]
fn a_notice_waits_at_most_as_long_as_gather_says_from_the_first_confirmation() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    service.tick(119);
    assert!(service.record.notices.is_empty());
    service.tick(300);
    assert_eq!(told(&service, Kind::Downtime), [(120, "clinic".into(), 1)]);
}

#[test]
fn a_second_confirmation_does_not_make_the_first_wait_longer() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b"), system("c")]);
    let rows = [("b/p", "UUUD"), ("c/p", "UUDD"), ("a/p", "UDDD")];
    service.draw(0, &rows);
    // `a` was confirmed at 90, `c` is at 100, and `b` stays doubtful.
    service.sample("c/p", 100, 'D');
    assert!(service.record.notices.is_empty());
    service.tick(300);
    assert_eq!(told(&service, Kind::Downtime), [(120, "clinic".into(), 2)]);
}

#[test]
fn only_the_customer_who_has_both_systems_waits() {
    let mut service = with_customers(
        vec![system("a"), system("b")],
        vec![customer("both", &["a", "b"]), customer("one", &["a"])],
    );
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    assert_eq!(told(&service, Kind::Downtime), [(90, "one".into(), 1)]);
    service.tick(300);
    assert_eq!(
        told(&service, Kind::Downtime),
        [(90, "one".into(), 1), (120, "both".into(), 1)]
    );
}

#[test]
fn a_doubtful_second_probe_of_a_system_that_is_down_already_holds_nothing_up() {
    let mut b = system("b");
    b.probes.push(probe("b", "q"));
    let mut service = Service::new(ORIGIN, vec![system("a"), b]);
    let rows = [
        ("b/p", "UDDDDDDD"),
        ("b/q", "UUUUUUUD"),
        ("a/p", "UUUUUDDD"),
    ];
    service.draw(0, &rows);
    let expected = [(90, "clinic".into(), 1), (210, "clinic".into(), 1)];
    assert_eq!(told(&service, Kind::Downtime), expected);
}

/// Forty systems of two customers with three addresses, and their probes.
fn forty() -> (Service, Vec<String>) {
    let systems: Vec<_> = (0..40).map(|n| system(&format!("s{n:02}"))).collect();
    let ids: Vec<_> = systems.iter().map(|s| s.id.as_str().to_owned()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut second = customer("second", &ids);
    second.contacts.push("night@second.example".into());
    let probes = ids.iter().map(|id| format!("{id}/p")).collect();
    let service = with_customers(systems, vec![customer("first", &ids), second]);
    (service, probes)
}

fn draw_all(service: &mut Service, probes: &[String], from_s: i64, row: &str) {
    for (step, letter) in row.chars().enumerate() {
        for probe in probes {
            service.sample(probe, from_s + i64::try_from(step).unwrap() * 30, letter);
        }
    }
}

#[test]
fn forty_systems_failing_together_are_one_notice_for_each_recipient() {
    let (mut service, probes) = forty();
    draw_all(&mut service, &probes, 0, "UDDDD");
    let down = told(&service, Kind::Downtime);
    assert_eq!(down.len(), 3);
    assert!(
        down.iter()
            .all(|(at, _, systems)| (*at, *systems) == (90, 40))
    );
    service.deliver_due(Delivery::Accepted);
    draw_all(&mut service, &probes, 150, "UU");
    let up = told(&service, Kind::Uptime);
    assert_eq!(up.len(), 120, "each recovered system is told");
    let keys: BTreeSet<_> = service
        .record
        .notices
        .values()
        .map(|o| o.notice.key.clone())
        .collect();
    assert_eq!(keys.len(), 123);
}

#[test]
fn forty_systems_that_were_down_while_no_mail_left_are_one_message_that_says_all() {
    let (mut service, probes) = forty();
    draw_all(&mut service, &probes, 0, "UDDDD");
    service.deliver_due(Delivery::Deferred);
    draw_all(&mut service, &probes, 150, "UU");
    service.tick(300);
    let due = outbox::due(&service.record, service.now);
    assert_eq!(due.len(), 3, "one for each recipient");
    for id in due {
        let notice = &service.record.notices[&id].notice;
        assert_eq!((notice.kind, notice.affected.len()), (Kind::Uptime, 40));
        assert!(notice.folded);
    }
    service.deliver_due(Delivery::Accepted);
    assert!(service.record.unsent.is_empty());
}

#[test]
fn a_recovery_of_one_of_two_does_not_fold_the_notice_of_both() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDDUU"), ("b/p", "UDDDDD")]);
    let down = only(&service, Kind::Downtime);
    assert!(matches!(
        service.record.notices[&down].standing,
        Standing::Due(_)
    ));
    // Up follows down: nothing of a's recovery leaves before.
    assert_eq!(outbox::due(&service.record, service.now), [down]);
    service.deliver_due(Delivery::Accepted);
    let up = only(&service, Kind::Uptime);
    assert!(!service.record.notices[&up].notice.folded);
    assert_eq!(outbox::due(&service.record, service.now), [up]);
    service.draw(180, &[("a/p", "UU"), ("b/p", "UU")]);
    assert_eq!(told(&service, Kind::Uptime).len(), 2);
}

#[test]
fn downtime_of_two_that_was_never_sent_is_folded_once_both_are_up() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDDUUUU"), ("b/p", "UDDDDDUU")]);
    expect![[r#"
        90    #8 outage O-1 of a from 30
        90    #9 incident I-1 (Outage)
        90    #12 outage O-2 of b from 30
        90    #13 incident I-2 (Outage)
        90    #14 tell downtime/O-1+O-2/it@clinic.example/1
        150   #17 O-1 ends 120
        150   #18 tell uptime/O-1/it@clinic.example/1
        150   #19 IncidentResolved I-1
        210   #22 O-2 ends 180
        210   #23 tell uptime/O-1+O-2/it@clinic.example/1 (folded)
        210   #24 N-1 folded into N-3
        210   #25 N-2 folded into N-3
        210   #26 IncidentResolved I-2
    "#]]
    .assert_eq(&service.timeline_without_probes());
    let [last] = outbox::due(&service.record, service.now)[..] else {
        panic!("one message says all of it");
    };
    let notice = &service.record.notices[&last].notice;
    assert!(notice.folded && notice.affected.len() == 2);
}

#[test]
fn an_uptime_that_was_not_sent_is_folded_into_the_next_downtime() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UUDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(270, &[("a/p", "UUU")]);
    service.deliver_due(Delivery::Accepted);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    #9 tell downtime/O-1/it@clinic.example/1
        90    #10 attempt 1 of N-1
        90    #11 N-1 Accepted
        150   #14 O-1 ends 120
        150   #15 tell uptime/O-1/it@clinic.example/1
        150   #16 IncidentResolved I-1
        240   #19 outage O-2 of a from 180
        240   #20 incident I-2 (Outage)
        240   #21 tell downtime/O-2/it@clinic.example/1
        240   #22 N-2 folded into N-3
        240   #23 attempt 1 of N-3
        240   #24 N-3 Accepted
        300   #27 O-2 ends 270
        300   #28 tell uptime/O-2/it@clinic.example/1
        300   #29 IncidentResolved I-2
        330   #30 attempt 1 of N-4
        330   #31 N-4 Accepted
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn an_attempt_that_is_under_way_is_never_folded_but_what_it_defers_is() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let down = only(&service, Kind::Downtime);
    service.begin_attempt(down);
    service.draw(120, &[("a/p", "UUU")]);
    assert!(matches!(
        service.record.notices[&down].standing,
        Standing::Attempting(_)
    ));
    assert!(
        outbox::due(&service.record, service.now).is_empty(),
        "up follows down"
    );
    service.end_attempt(down, Delivery::Deferred);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    #9 tell downtime/O-1/it@clinic.example/1
        90    #10 attempt 1 of N-1
        150   #13 O-1 ends 120
        150   #14 tell uptime/O-1/it@clinic.example/1
        150   #15 IncidentResolved I-1
        180   #16 N-1 Deferred
        180   #17 N-1 folded into N-2
    "#]]
    .assert_eq(&service.timeline_without_probes());
    assert_eq!(outbox::due(&service.record, service.now).len(), 1);
}

#[test]
fn a_notice_that_was_lost_on_its_way_may_have_arrived_so_the_recovery_does_not_deny_it() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Ambiguous);
    service.draw(120, &[("a/p", "UU")]);
    let up = only(&service, Kind::Uptime);
    assert!(!service.record.notices[&up].notice.folded);
    let down = only(&service, Kind::Downtime);
    assert_eq!(
        service.record.notices[&down].standing,
        Standing::Folded(Some(up))
    );
}

#[test]
fn an_address_that_is_refused_for_good_is_told_neither_down_nor_up() {
    let mut service = with_customers(
        vec![system("a")],
        vec![customer("good", &["a"]), customer("gone", &["a"])],
    );
    service.draw(0, &[("a/p", "UDDD")]);
    for id in outbox::due(&service.record, service.now) {
        let gone = service.record.notices[&id].notice.customer.as_str() == "gone";
        service.begin_attempt(id);
        service.end_attempt(
            id,
            if gone {
                Delivery::Rejected
            } else {
                Delivery::Accepted
            },
        );
    }
    service.draw(120, &[("a/p", "UUU")]);
    assert_eq!(told(&service, Kind::Uptime), [(150, "good".into(), 1)]);
}

#[test]
fn a_refusal_that_comes_after_the_recovery_takes_the_recovery_back() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let down = only(&service, Kind::Downtime);
    service.begin_attempt(down);
    service.draw(120, &[("a/p", "UUU")]);
    service.end_attempt(down, Delivery::Rejected);
    let up = only(&service, Kind::Uptime);
    assert_eq!(service.record.notices[&up].standing, Standing::Folded(None));
    assert!(service.record.unsent.is_empty());
}

#[test]
fn what_was_lost_twice_stays_ambiguous_and_is_answered_all_the_same() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let down = only(&service, Kind::Downtime);
    service.deliver_due(Delivery::Ambiguous);
    assert!(
        outbox::due(&service.record, service.now).is_empty(),
        "not at once"
    );
    service.tick(151);
    assert_eq!(service.deliver_due(Delivery::Ambiguous), [down]);
    assert!(matches!(
        service.record.notices[&down].standing,
        Standing::Ambiguous(_)
    ));
    let ids: BTreeSet<_> = service
        .events
        .iter()
        .filter_map(|(_, e)| match &e.fact {
            Fact::DeliveryAttempted { message_id, .. } => Some(message_id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 1, "both attempts carry one Message-ID");
    service.draw(180, &[("a/p", "UU")]);
    assert_eq!(told(&service, Kind::Uptime).len(), 1);
}

#[test]
fn temporary_refusals_pause_longer_and_longer_and_are_given_up_after_two_days() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let down = only(&service, Kind::Downtime);
    let mut pauses = Vec::new();
    let mut tries = 0;
    while let Standing::Due(at) = service.record.notices[&down].standing {
        pauses.push(at.duration_since(service.now).as_secs());
        service.input(at, domain::decide::Input::Tick);
        assert_eq!(service.deliver_due(Delivery::Deferred), [down]);
        tries += 1;
        assert!(tries < 200, "it is never given up");
    }
    assert_eq!(pauses[1..9], [30, 60, 120, 300, 600, 900, 1800, 1800]);
    let Standing::Rejected(at) = service.record.notices[&down].standing else {
        panic!("{:?}", service.record.notices[&down].standing);
    };
    let hours = at.duration_since(service.second(90)).as_hours();
    assert!((47..=48).contains(&hours), "given up after {hours} h");
}

#[test]
fn an_outage_that_ends_while_its_notice_still_waits_is_one_notice_that_says_both() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    service.sample("a/p", 95, 'U');
    service.sample("a/p", 100, 'U');
    expect![[r#"
        90    #8 outage O-1 of a from 30
        90    #9 incident I-1 (Outage)
        100   #12 O-1 ends 95
        100   #13 tell uptime/O-1/it@clinic.example/1 (folded)
        100   #14 IncidentResolved I-1
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn work_that_was_over_before_its_start_could_be_told_is_told_once() {
    let window = Rule {
        tell: true,
        ..rule("work", "00:01:00", 60, None)
    };
    let mut a = system("a");
    a.windows = vec![window];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UUUUUU")]);
    expect![[r#"
        60    #5 MaintenanceStarted a/work@2026-10-01
        60    #6 tell maintenance-started/a/work@2026-10-01/it@clinic.example/1
        120   #7 MaintenanceCompleted a/work@2026-10-01
        120   #8 tell maintenance-completed/a/work@2026-10-01/it@clinic.example/1
        120   #9 N-1 folded into N-2
    "#]]
    .assert_eq(&service.timeline_without_probes());
    assert_eq!(outbox::due(&service.record, service.now).len(), 1);
}

#[test]
fn up_again_but_impaired_says_so_and_the_incident_waits() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDSSSS")]);
    let up = only(&service, Kind::Uptime);
    assert!(service.record.notices[&up].notice.affected[0].impaired);
    assert_eq!(service.record.unresolved.len(), 1);
    service.draw(240, &[("a/p", "UU")]);
    assert!(service.record.unresolved.is_empty());
}

#[test]
fn a_probe_that_only_affects_degradation_makes_no_outage_and_ends_none() {
    let mut a = system("a");
    let mut soft = probe("a", "soft");
    soft.affects = Affects::Degradation;
    a.probes.push(soft);
    let mut service = Service::new(ORIGIN, vec![a]);
    // soft comes back last: the outage ends with p all the same.
    service.draw(0, &[("a/p", "UDDDDUUUU"), ("a/soft", "DDDDDDUUU")]);
    expect![[r#"
        90    #10 outage O-1 of a from 30
        90    #11 incident I-1 (Outage)
        90    #12 tell downtime/O-1/it@clinic.example/1
        180   #15 O-1 ends 150
        180   #16 tell uptime/O-1/it@clinic.example/1 (folded)
        180   #17 N-1 folded into N-2
        210   #20 IncidentResolved I-1
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_system_without_customers_has_its_incident_and_tells_nobody() {
    let mut service = with_customers(vec![system("a")], vec![]);
    service.draw(0, &[("a/p", "UDDDUU")]);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        150   #11 O-1 ends 120
        150   #12 IncidentResolved I-1
    "#]]
    .assert_eq(&service.timeline_without_probes());
    assert_eq!(service.record.state(&"a".into()), domain::record::State::Up);
}

#[test]
fn a_customer_who_leaves_while_a_notice_gathers_holds_nothing_up() {
    let both = || vec![system("a"), system("b")];
    let mut service = Service::new(ORIGIN, both());
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    assert_eq!(service.record.untold.len(), 1);
    let mut without = catalogue(both());
    without.customers.clear();
    service.configure(service.second(100), without);
    service.tick(600);
    assert!(service.record.untold.is_empty() && service.record.notices.is_empty());
    // One who loses every contact is the same.
    let mut mute = catalogue(both());
    mute.customers[0].contacts.clear();
    service.configure(service.second(700), mute);
    service.draw(720, &[("a/p", "DDDD"), ("b/p", "UUUU")]);
    service.tick(1000);
    assert!(service.record.notices.is_empty());
}

#[test]
fn a_customer_who_was_told_and_leaves_hears_that_it_is_up_and_nothing_else() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    let mut without = catalogue(vec![system("a")]);
    without.customers.clear();
    service.configure(service.second(100), without);
    service.draw(120, &[("a/p", "UUUDDD")]);
    service.deliver_due(Delivery::Accepted);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    #9 tell downtime/O-1/it@clinic.example/1
        90    #10 attempt 1 of N-1
        90    #11 N-1 Accepted
        100   #12 configured
        150   #15 O-1 ends 120
        150   #16 tell uptime/O-1/it@clinic.example/1
        150   #17 IncidentResolved I-1
        270   #20 outage O-2 of a from 210
        270   #21 incident I-2 (Outage)
        270   #22 attempt 1 of N-2
        270   #23 N-2 Accepted
    "#]]
    .assert_eq(&service.timeline_without_probes());
    let up = service.record.notices.values().next_back().unwrap();
    assert_eq!(up.notice.customer_name, "Clinic");
}

#[test]
fn a_system_that_is_taken_away_while_down_ends_its_outage_and_nobody_is_told_that_it_is_up() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UUUU"), ("b/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.configure(service.second(100), catalogue(vec![system("a")]));
    service.draw(120, &[("a/p", "UUU")]);
    expect![[r#"
        90    #8 outage O-1 of b from 30
        90    #9 incident I-1 (Outage)
        90    #10 tell downtime/O-1/it@clinic.example/1
        90    #11 attempt 1 of N-1
        90    #12 N-1 Accepted
        100   #13 configured
        100   #14 O-1 ends 100 (between 100 and 100)
        100   #15 IncidentResolved I-1
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_probe_that_is_taken_away_while_down_ends_the_outage_there() {
    let mut both = system("a");
    both.probes.push(probe("a", "q"));
    let mut service = Service::new(ORIGIN, vec![both]);
    service.draw(0, &[("a/p", "UUUU"), ("a/q", "UDDD")]);
    service.configure(service.second(100), catalogue(vec![system("a")]));
    service.draw(120, &[("a/p", "UUU")]);
    expect![[r#"
        90    #8 outage O-1 of a from 30
        90    #9 incident I-1 (Outage)
        90    #10 tell downtime/O-1/it@clinic.example/1
        100   #11 configured
        100   #12 O-1 ends 100 (between 100 and 100)
        100   #13 tell uptime/O-1/it@clinic.example/1 (folded)
        100   #14 N-1 folded into N-2
        100   #15 IncidentResolved I-1
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_probe_that_no_longer_takes_its_system_down_changes_no_older_second() {
    let with = |affects| {
        let mut both = system("a");
        let mut q = probe("a", "q");
        q.affects = affects;
        both.probes.push(q);
        both
    };
    let mut service = Service::new(ORIGIN, vec![with(Affects::Availability)]);
    service.draw(0, &[("a/p", "UUUUUU"), ("a/q", "UDDDUU")]);
    let before = service.figures("a", 0, 150);
    service.configure(
        service.second(160),
        catalogue(vec![with(Affects::Degradation)]),
    );
    service.draw(180, &[("a/p", "UUUU"), ("a/q", "DDDD")]);
    assert_eq!(service.figures("a", 0, 150), before);
    expect!["up 180 degraded 90 planned 0 excluded 0 unplanned 90 unknown 0"]
        .assert_eq(&service.figures("a", 0, 270));
}

#[test]
fn a_run_that_can_no_longer_go_on_holds_no_recovery_up() {
    let mut both = system("a");
    both.probes.push(probe("a", "q"));
    let mut service = Service::new(ORIGIN, vec![both]);
    // q's only bad sample is its last: its run is over two and a half intervals and a timeout later.
    service.draw(0, &[("a/q", "UUUUUUD"), ("a/p", "UDDDDDUUUUUU")]);
    expect![[r#"
        0     #4 a/q heard from 0
        0     #5 a/p heard from 0
        90    #6 a/p degraded from 30
        90    #7 a/p down from 30 on 3 samples
        90    #8 outage O-1 of a from 30
        90    #9 incident I-1 (Outage)
        90    #10 tell downtime/O-1/it@clinic.example/1
        210   #11 a/p cleared from 180
        210   #12 a/p up from 180
        265   #13 a/q silent from 255 (Missing)
        265   #14 a/q blip 180..255 of 1
        265   #15 O-1 ends 180
        265   #16 tell uptime/O-1/it@clinic.example/1 (folded)
        265   #17 N-1 folded into N-2
        265   #18 IncidentResolved I-1
    "#]]
    .assert_eq(&service.timeline());
}

/// Whether the only recovery says that what it answers never arrived, where the first attempt at
/// that was under way as the recovery was decided and ended so.
fn says_both(result: Delivery) -> bool {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let down = only(&service, Kind::Downtime);
    service.begin_attempt(down);
    service.draw(120, &[("a/p", "UUU")]);
    service.end_attempt(down, result);
    let up = only(&service, Kind::Uptime);
    service.tick(4_000);
    assert_eq!(outbox::due(&service.record, service.now), [up]);
    service.record.notices[&up].notice.folded
}

#[test]
fn a_recovery_says_what_became_of_the_notice_that_was_on_its_way_when_it_was_decided() {
    assert!(says_both(Delivery::Deferred));
    assert!(!says_both(Delivery::Accepted));
    assert!(!says_both(Delivery::Ambiguous), "it may have arrived");
}

#[test]
fn a_recovery_of_two_says_so_only_if_neither_was_heard_of() {
    for (first, both) in [(Delivery::Accepted, false), (Delivery::Deferred, true)] {
        let mut service = Service::new(ORIGIN, vec![system("a")]);
        service.draw(0, &[("a/p", "UDDD")]);
        let down = only(&service, Kind::Downtime);
        service.begin_attempt(down);
        service.draw(120, &[("a/p", "UUDDD")]);
        service.end_attempt(down, first);
        let later = outbox::due(&service.record, service.now);
        for id in &later {
            service.begin_attempt(*id);
        }
        service.draw(270, &[("a/p", "UUU")]);
        for id in &later {
            service.end_attempt(*id, Delivery::Deferred);
        }
        service.tick(8_000);
        let due = outbox::due(&service.record, service.now);
        let [up] = due[..] else {
            panic!("{}", service.timeline_without_probes());
        };
        let said = &service.record.notices[&up].notice;
        assert_eq!(said.folded, both, "{}", service.timeline_without_probes());
    }
}

#[test]
fn nor_does_an_earlier_recovery_that_arrived_meanwhile_stand_for_it() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UU")]);
    let first = only(&service, Kind::Uptime);
    service.begin_attempt(first);
    service.draw(180, &[("a/p", "UDDD")]);
    service.draw(300, &[("a/p", "UU")]);
    service.end_attempt(first, Delivery::Accepted);
    let [up] = outbox::due(&service.record, service.now)[..] else {
        panic!("{}", service.timeline_without_probes());
    };
    let said = &service.record.notices[&up].notice;
    assert_eq!((said.kind, said.folded), (Kind::Uptime, true));
}
