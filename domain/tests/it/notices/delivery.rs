//! Who is told what, and when: gathering, folding, refusals, and what happens to mail that fails.
use std::collections::BTreeSet;

use crate::service::{Service, catalogue, probe, rule, system};
use domain::catalogue::{Affects, Customer, Rule, System};
use domain::event::{Delivery, Fact};
use domain::id::NoticeId;
use domain::notice::{Kind, Notice};
use domain::record::Standing;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn customer(id: &str, systems: &[&str]) -> Customer {
    Customer {
        id: id.into(),
        name: id.to_uppercase(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
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

/// When each notice of a kind was due, in seconds, and how many systems it names.
fn told(service: &Service, kind: Kind) -> Vec<(i64, String, usize)> {
    let of_kind = service.due.iter().filter(|due| due.notice.kind == kind);
    of_kind
        .map(|due| {
            let at = due.at.duration_since(service.origin).as_secs();
            let customer = due.notice.recipient.customers().next().unwrap().to_string();
            (at, customer, due.notice.affected.len())
        })
        .collect()
}

/// The one message that is due, of that kind.
fn only(service: &Service, kind: Kind) -> Notice {
    let due = service.due();
    assert_eq!(
        due.len(),
        1,
        "one {kind}: {}",
        service.timeline_without_probes()
    );
    assert_eq!(due[0].kind, kind);
    due[0].clone()
}

/// At 90: a system that is down from 30 on, and whose notice is under way.
fn attempting() -> (Service, NoticeId) {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let down = service.begin_attempt(&only(&service, Kind::Downtime));
    (service, down)
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
    assert!(service.due.is_empty());
    service.sample("b/p", 95, 'D');
    assert_eq!(told(&service, Kind::Downtime), [(95, "clinic".into(), 2)]);
}

#[test]
fn a_notice_leaves_as_soon_as_the_other_run_turns_out_to_be_nothing() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    assert!(service.due.is_empty(), "the other is doubtful");
    service.sample("b/p", 95, 'U');
    assert_eq!(told(&service, Kind::Downtime), [(95, "clinic".into(), 1)]);
}

#[test]
fn a_notice_waits_at_most_as_long_as_gather_says_from_the_first_confirmation() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    service.tick(119);
    assert!(service.due.is_empty());
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
    assert!(service.due.is_empty());
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
    service.draw(0, &[("b/p", "UDDD"), ("b/q", "UUUU"), ("a/p", "UUUU")]);
    service.deliver_due(Delivery::Accepted);
    let rest = rows.map(|(probe, row)| (probe, &row[4..]));
    service.draw(120, &rest);
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
    let sent = service.deliver_due(Delivery::Accepted);
    let up = sent.iter().map(|id| &service.message(*id).notice);
    let up = up.filter(|n| n.kind == Kind::Uptime);
    let systems: usize = up.map(|n| n.affected.len()).sum();
    assert_eq!(systems, 120, "each recipient is told of each system");
}

#[test]
fn forty_systems_that_were_down_while_no_mail_left_are_one_message_that_says_all() {
    let (mut service, probes) = forty();
    draw_all(&mut service, &probes, 0, "UDDDD");
    service.deliver_due(Delivery::Deferred);
    draw_all(&mut service, &probes, 150, "UU");
    service.tick(300);
    let due = service.due();
    assert_eq!(due.len(), 3, "one for each recipient");
    for notice in due {
        assert_eq!((notice.kind, notice.affected.len()), (Kind::Uptime, 40));
        assert!(notice.includes_downtime);
    }
    service.deliver_due(Delivery::Accepted);
    assert!(service.is_quiet());
}

#[test]
fn a_recovery_of_one_of_two_follows_the_notice_of_both() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UDDD")]);
    let down = service.begin_attempt(&only(&service, Kind::Downtime));
    service.draw(120, &[("a/p", "UU"), ("b/p", "DD")]);
    // Up follows down: a's recovery does not leave before.
    assert!(service.due().is_empty());
    service.end_attempt(down, Delivery::Accepted);
    let up = only(&service, Kind::Uptime);
    assert!(!up.includes_downtime);
    service.deliver_due(Delivery::Accepted);
    service.draw(180, &[("a/p", "UU"), ("b/p", "UU")]);
    service.deliver_due(Delivery::Accepted);
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
        90    due downtime/O-1+O-2/it@clinic.example
        150   #16 O-1 ends 120
        150   #17 IncidentResolved I-1
        150   due downtime/O-2/it@clinic.example
        210   #20 O-2 ends 180
        210   #21 IncidentResolved I-2
        210   due uptime/O-1+O-2/it@clinic.example (both)
    "#]]
    .assert_eq(&service.timeline_without_probes());
    let notice = only(&service, Kind::Uptime);
    assert!(notice.includes_downtime && notice.affected.len() == 2);
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
        90    due downtime/O-1/it@clinic.example
        90    #9 attempt 1 of N-1
        90    #10 N-1 Accepted
        150   #13 O-1 ends 120
        150   #14 IncidentResolved I-1
        150   due uptime/O-1/it@clinic.example
        240   #17 outage O-2 of a from 180
        240   #18 incident I-2 (Outage)
        240   due downtime/O-1+O-2/it@clinic.example
        240   #19 attempt 1 of N-2
        240   #20 N-2 Accepted
        300   #23 O-2 ends 270
        300   #24 IncidentResolved I-2
        300   due uptime/O-2/it@clinic.example
        330   #25 attempt 1 of N-3
        330   #26 N-3 Accepted
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn an_attempt_that_is_under_way_is_never_folded_but_what_it_defers_is() {
    let (mut service, down) = attempting();
    service.draw(120, &[("a/p", "UUU")]);
    assert!(matches!(
        service.message(down).standing,
        Standing::Attempting(_)
    ));
    assert!(service.due().is_empty(), "up follows down");
    service.end_attempt(down, Delivery::Deferred);
    service.tick(240);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    due downtime/O-1/it@clinic.example
        90    #9 attempt 1 of N-1
        150   #12 O-1 ends 120
        150   #13 IncidentResolved I-1
        180   #14 N-1 Deferred
        210   due uptime/O-1/it@clinic.example (both)
    "#]]
    .assert_eq(&service.timeline_without_probes());
    assert_eq!(service.deliver_due(Delivery::Accepted).len(), 1);
    assert_eq!(
        service.message(down).standing,
        Standing::Superseded(Some(NoticeId(2)))
    );
}

#[test]
fn a_notice_that_was_lost_on_its_way_may_have_arrived_so_the_recovery_does_not_deny_it() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let [down] = service.deliver_due(Delivery::Ambiguous)[..] else {
        panic!("one message");
    };
    service.draw(120, &[("a/p", "UU")]);
    let up = only(&service, Kind::Uptime);
    assert!(!up.includes_downtime);
    service.begin_attempt(&up);
    let lost = &service.message(down).standing;
    assert!(matches!(lost, Standing::Ambiguous(_)));
}

#[test]
fn a_lost_recovery_that_says_both_is_sent_once_more_as_it_was() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDUU")]);
    let [both] = service.deliver_due(Delivery::Ambiguous)[..] else {
        panic!("one notice")
    };
    assert!(service.message(both).notice.includes_downtime);
    service.tick(230);
    assert_eq!(service.deliver_due(Delivery::Accepted), [both]);
    assert!(service.is_quiet());
}

#[test]
fn an_address_that_is_refused_for_good_is_told_neither_down_nor_up() {
    let mut service = with_customers(
        vec![system("a")],
        vec![customer("good", &["a"]), customer("gone", &["a"])],
    );
    service.draw(0, &[("a/p", "UDDD")]);
    for notice in service.due() {
        let gone = notice.recipient.address.to_string() == "it@gone.example";
        let id = service.begin_attempt(&notice);
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
    let (mut service, down) = attempting();
    service.draw(120, &[("a/p", "UUU")]);
    service.end_attempt(down, Delivery::Rejected);
    assert!(service.due().is_empty());
    assert!(service.is_quiet());
}

#[test]
fn what_was_lost_twice_stays_ambiguous_and_is_answered_all_the_same() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let [down] = service.deliver_due(Delivery::Ambiguous)[..] else {
        panic!("one message");
    };
    assert!(service.due().is_empty(), "not at once");
    service.tick(151);
    assert_eq!(service.deliver_due(Delivery::Ambiguous), [down]);
    assert!(matches!(
        service.message(down).standing,
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
    let mut pauses = Vec::new();
    let mut tries = 0;
    let mut down = service.deliver_due(Delivery::Deferred)[0];
    while let Standing::Due(at) = service.message(down).standing {
        pauses.push(at.duration_since(service.now).as_secs());
        service.input(at, domain::input::Input::Tick);
        down = service.deliver_due(Delivery::Deferred)[0];
        assert_eq!(down, NoticeId(1));
        tries += 1;
        assert!(tries < 200, "it is never given up");
    }
    assert_eq!(pauses[..8], [30, 60, 120, 300, 600, 900, 1800, 1800]);
    let Standing::Rejected(at) = service.message(down).standing else {
        panic!("{:?}", service.message(down).standing);
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
        100   #13 IncidentResolved I-1
        100   due uptime/O-1/it@clinic.example (both)
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
        60    due maintenance-started/a/work@2026-10-01/it@clinic.example
        120   #6 MaintenanceCompleted a/work@2026-10-01
        120   due maintenance-completed/a/work@2026-10-01/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
    only(&service, Kind::MaintenanceCompleted);
}

#[test]
fn up_again_but_impaired_says_so_and_the_incident_waits() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDSSSS")]);
    let up = only(&service, Kind::Uptime);
    assert!(up.affected[0].impaired);
    assert_eq!(service.record.incidents.unresolved().count(), 1);
    service.draw(240, &[("a/p", "UU")]);
    assert!(service.record.incidents.unresolved().next().is_none());
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
        90    due downtime/O-1/it@clinic.example
        180   #14 O-1 ends 150
        180   due uptime/O-1/it@clinic.example (both)
        210   #17 IncidentResolved I-1
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
    assert!(service.record.notices.is_active());
    let mut without = catalogue(both());
    without.customers.clear();
    service.configure(service.second(100), without);
    service.tick(600);
    assert!(service.due.is_empty() && service.is_quiet());
    // One who loses every contact is the same.
    let mut mute = catalogue(both());
    mute.customers[0].contacts.clear();
    service.configure(service.second(700), mute);
    service.draw(720, &[("a/p", "DDDD"), ("b/p", "UUUU")]);
    service.tick(1000);
    assert!(service.due.is_empty());
}

#[test]
fn a_customer_who_was_told_and_leaves_hears_that_it_is_up_and_nothing_else() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    let mut without = catalogue(vec![system("a")]);
    without.customers.clear();
    service.configure(service.second(100), without);
    service.draw(120, &[("a/p", "UU")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(180, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    due downtime/O-1/it@clinic.example
        90    #9 attempt 1 of N-1
        90    #10 N-1 Accepted
        100   #11 configured
        150   #14 O-1 ends 120
        150   #15 IncidentResolved I-1
        150   due uptime/O-1/it@clinic.example
        150   #16 attempt 1 of N-2
        150   #17 N-2 Accepted
        270   #20 outage O-2 of a from 210
        270   #21 incident I-2 (Outage)
    "#]]
    .assert_eq(&service.timeline_without_probes());
    let up = &service.message(NoticeId(2)).notice;
    assert_eq!(up.recipient.name, "Clinic");
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
        90    due downtime/O-1/it@clinic.example
        90    #10 attempt 1 of N-1
        90    #11 N-1 Accepted
        100   #12 configured
        100   #13 O-1 ends 100 (between 100 and 100)
        100   #14 IncidentResolved I-1
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
        90    due downtime/O-1/it@clinic.example
        100   #10 configured
        100   #11 O-1 ends 100 (between 100 and 100)
        100   #12 IncidentResolved I-1
        100   due uptime/O-1/it@clinic.example (both)
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
        90    due downtime/O-1/it@clinic.example
        210   #10 a/p cleared from 180
        210   #11 a/p up from 180
        265   #12 a/q silent from 255 (Missing)
        265   #13 a/q blip 180..255 of 1
        265   #14 O-1 ends 180
        265   #15 IncidentResolved I-1
        270   due uptime/O-1/it@clinic.example (both)
    "#]]
    .assert_eq(&service.timeline());
}

/// Whether the only recovery says that what it answers never arrived, where the first attempt at
/// that was under way as the recovery was decided and ended so.
fn says_both(result: Delivery) -> bool {
    let (mut service, down) = attempting();
    service.draw(120, &[("a/p", "UUU")]);
    service.end_attempt(down, result);
    service.tick(4_000);
    only(&service, Kind::Uptime).includes_downtime
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
        let (mut service, down) = attempting();
        service.draw(120, &[("a/p", "UUDDD")]);
        service.end_attempt(down, first);
        service.tick(300);
        let later = service.begin_attempt(&only(&service, Kind::Downtime));
        service.draw(330, &[("a/p", "UUU")]);
        service.end_attempt(later, Delivery::Deferred);
        service.tick(8_000);
        let said = only(&service, Kind::Uptime);
        assert_eq!(
            said.includes_downtime,
            both,
            "{}",
            service.timeline_without_probes()
        );
    }
}

#[test]
fn nor_does_an_earlier_recovery_that_arrived_meanwhile_stand_for_it() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UU")]);
    let first = service.begin_attempt(&only(&service, Kind::Uptime));
    service.draw(180, &[("a/p", "UDDD")]);
    service.draw(300, &[("a/p", "UU")]);
    service.end_attempt(first, Delivery::Accepted);
    assert!(only(&service, Kind::Uptime).includes_downtime);
}
