//! Mail that does not go while systems fail again and again: the next notice that leaves says
//! everything that no earlier one could.
use crate::service::{Service, catalogue, line_of, send_due, system};
use domain::act::Act;
use domain::catalogue::{Flapping, Single, System};
use domain::event::Delivery;
use domain::id::NoticeId;
use domain::input::Input;
use domain::notices;
use domain::record::Standing;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

#[test]
fn an_outage_that_nobody_was_told_of_is_said_by_the_notice_of_the_next() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDUU")]);
    service.draw(180, &[("a/p", "UDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30..120, a 210.."]);
    service.draw(300, &[("a/p", "UU")]);
    // The first has been said; only the second is answered.
    assert_eq!(send_due(&mut service), ["uptime: a 210..300"]);
    assert!(service.is_quiet());
}

#[test]
fn three_outages_that_nobody_was_told_of_are_one_message_when_it_is_over() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDUU")]);
    service.deliver_due(Delivery::Deferred);
    service.draw(180, &[("a/p", "DDDUU")]);
    service.deliver_due(Delivery::Deferred);
    service.draw(330, &[("a/p", "DDDUU")]);
    service.tick(4_000);
    assert!(service.only_due().includes_downtime);
    assert_eq!(
        send_due(&mut service),
        ["uptime: a 30..120, a 180..270, a 330..420"]
    );
    assert!(service.is_quiet());
}

#[test]
fn recoveries_that_one_lost_message_told_stay_apart_in_the_next() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDUU")]);
    service.deliver_due(Delivery::Deferred);
    service.draw(180, &[("a/p", "DDDUU")]);
    service.tick(1_000);
    assert_eq!(service.deliver_due(Delivery::Ambiguous).len(), 1);
    service.draw(1_020, &[("a/p", "DDDUU")]);
    service.tick(2_000);
    assert!(service.only_due().includes_downtime);
    assert_eq!(
        send_due(&mut service),
        ["uptime: a 30..120, a 180..270, a 1020..1110"]
    );
    assert!(service.is_quiet());
}

#[test]
fn a_lost_recovery_does_not_make_the_address_forget_a_lost_downtime() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Ambiguous);
    service.draw(120, &[("a/p", "UUUU")]);
    assert!(!service.only_due().includes_downtime);
    service.deliver_due(Delivery::Ambiguous);
    service.draw(240, &[("a/p", "DDDUU")]);
    service.tick(1_000);
    // The address may have read that `a` is down: "was down, is up again" would be news of another.
    assert!(!service.only_due().includes_downtime);
    assert_eq!(send_due(&mut service), ["uptime: a 30..120, a 240..330"]);
    assert!(service.is_quiet());
}

#[test]
fn a_recovery_that_was_not_sent_is_said_by_the_next_downtime() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    service.draw(120, &[("a/p", "UUDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30..120, a 180.."]);
}

#[test]
fn of_two_that_recovered_unsaid_one_fails_again_and_nothing_stale_is_said() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDDUU"), ("b/p", "UDDDUU")]);
    service.draw(180, &[("a/p", "DDD"), ("b/p", "UUU")]);
    // `a` is down and was before; `b` was and is not.
    assert_eq!(
        send_due(&mut service),
        ["downtime: a 30..120, a 180..", "uptime: b 30..120"]
    );
    service.draw(270, &[("a/p", "UU"), ("b/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 180..270"]);
}

#[test]
fn a_recovery_does_not_leave_once_it_is_known_to_be_down_again() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    service.draw(120, &[("a/p", "UU"), ("b/p", "UU")]);
    let up = service.only_due();
    service.draw(180, &[("b/p", "UUD"), ("a/p", "DDD")]);
    // The next downtime waits for b, as it must; nothing says meanwhile that a is up.
    assert_eq!(send_due(&mut service), [""; 0]);
    let late = Input::Attempt {
        notice: Box::new(up),
        message_id: String::new(),
        sha256: String::new(),
    };
    assert!(
        service.try_input(service.now, late).is_err(),
        "nor a courier that asked before"
    );
    service.sample("b/p", 245, 'U');
    assert_eq!(send_due(&mut service), ["downtime: a 30..120, a 180.."]);
    assert!(service.is_quiet());
}

/// Two systems go down together, and the notice of both is put off again and again; one comes back
/// and fails and comes back.
fn one_of_two_comes_back_twice(flapping: Flapping) -> Service {
    let b = System {
        flapping,
        ..system("b")
    };
    let mut service = Service::new(ORIGIN, vec![system("a"), b]);
    service.draw(0, &[("b/p", "UDDD"), ("a/p", "UDDD")]);
    for from_s in [120, 180, 240] {
        service.deliver_due(Delivery::Deferred);
        service.draw(from_s, &[("a/p", "DD"), ("b/p", "DD")]);
    }
    service.draw(300, &[("a/p", "DDDDDD"), ("b/p", "UUUDDD")]);
    service.deliver_due(Delivery::Deferred);
    service.draw(480, &[("a/p", "DDD"), ("b/p", "UUU")]);
    service
}

#[test]
fn a_second_recovery_does_not_overtake_the_notice_that_first_told_of_the_system() {
    let mut service = one_of_two_comes_back_twice(system("b").flapping);
    // The address waits for five minutes.
    assert_eq!(send_due(&mut service), [""; 0]);
    service.tick(800);
    assert_eq!(
        send_due(&mut service),
        ["downtime: a 30..", "uptime: b 30..300, b 390..480"]
    );
    assert!(service.is_quiet());
}

#[test]
fn nor_does_the_recovery_of_one_that_has_become_unstable_meanwhile() {
    let mut service = one_of_two_comes_back_twice(Flapping {
        limit: 2,
        hold_s: 60,
    });
    assert!(service.record.unstable.is_empty(), "settled");
    assert_eq!(send_due(&mut service), [""; 0]);
    service.tick(800);
    assert_eq!(
        send_due(&mut service),
        ["downtime: a 30..", "uptime: b 30..480"]
    );
    assert!(service.is_quiet());
}

#[test]
fn the_end_of_the_other_says_all_that_waited_for_the_same_notice() {
    let mut service = one_of_two_comes_back_twice(system("b").flapping);
    service.draw(570, &[("a/p", "UUU"), ("b/p", "UUU")]);
    service.tick(800);
    assert_eq!(
        send_due(&mut service),
        ["uptime: a 30..570, b 30..300, b 390..480"]
    );
    assert!(service.is_quiet());
}

#[test]
fn a_recovery_that_waits_leaves_when_what_came_after_it_is_over_unsaid() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    service.draw(120, &[("a/p", "UU"), ("b/p", "UU")]);
    service.draw(180, &[("b/p", "UUD"), ("a/p", "DDD")]);
    service.sample("a/p", 245, 'U');
    service.sample("a/p", 250, 'U');
    assert_eq!(send_due(&mut service), ["uptime: a 30..120, a 180..245"]);
    service.sample("b/p", 255, 'U');
    assert_eq!(send_due(&mut service), [""; 0]);
    assert!(service.is_quiet());
}

#[test]
fn a_recovery_on_its_way_arrives_before_the_next_downtime() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UU")]);
    let up = service.begin_attempt(&service.only_due());
    service.draw(180, &[("a/p", "DDD")]);
    assert!(
        service.due().is_empty(),
        "two messages under way at once may arrive in any order"
    );
    service.end_attempt(up, Delivery::Accepted);
    assert_eq!(send_due(&mut service), ["downtime: a 180.."]);
}

#[test]
fn a_recovery_that_comes_back_undelivered_is_not_sent_once_it_is_down_again() {
    for result in [Delivery::Deferred, Delivery::Ambiguous, Delivery::Rejected] {
        let mut service = Service::new(ORIGIN, vec![system("a")]);
        service.draw(0, &[("a/p", "UDDD")]);
        service.deliver_due(Delivery::Accepted);
        service.draw(120, &[("a/p", "UU")]);
        let up = service.begin_attempt(&service.only_due());
        service.draw(180, &[("a/p", "DDD")]);
        service.end_attempt(up, result);
        service.tick(301);
        let said = match result {
            Delivery::Rejected => "downtime: a 180..",
            _ => "downtime: a 30..120, a 180..",
        };
        assert_eq!(send_due(&mut service), [said]);
        let standing = &service.message(up).standing;
        match result {
            Delivery::Rejected => assert!(matches!(standing, Standing::Rejected(_))),
            Delivery::Ambiguous => assert!(matches!(standing, Standing::Ambiguous(_))),
            _ => assert_eq!(*standing, Standing::Superseded(Some(NoticeId(3)))),
        }
        service.tick(400);
        assert!(service.is_quiet());
    }
}

#[test]
fn a_downtime_that_comes_back_after_the_next_one_is_part_of_it() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let first = service.begin_attempt(&service.only_due());
    service.draw(120, &[("a/p", "UU")]);
    service.draw(180, &[("a/p", "DDD")]);
    service.end_attempt(first, Delivery::Deferred);
    service.tick(271);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    due downtime/O-1/it@clinic.example
        90    #9 attempt 1 of N-1
        150   #12 O-1 ends 120
        150   #13 IncidentResolved I-1
        240   #16 outage O-2 of a from 180
        240   #17 incident I-2 (Outage)
        240   #18 N-1 Deferred
        270   due downtime/O-1+O-2/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
    assert_eq!(send_due(&mut service), ["downtime: a 30..120, a 180.."]);
    service.tick(10_000);
    assert!(service.due().is_empty());
}

#[test]
fn the_last_message_says_all_also_when_what_it_answers_was_under_way() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDUU")]);
    service.draw(180, &[("a/p", "DDD")]);
    let second = service.begin_attempt(&service.only_due());
    service.draw(270, &[("a/p", "UU")]);
    service.end_attempt(second, Delivery::Deferred);
    service.tick(360);
    assert_eq!(send_due(&mut service), ["uptime: a 30..120, a 180..270"]);
    assert!(service.is_quiet());
}

#[test]
fn somebody_who_was_refused_a_recovery_is_still_told_of_the_next_outage() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UU")]);
    service.deliver_due(Delivery::Rejected);
    service.draw(180, &[("a/p", "DDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 180.."]);
}

#[test]
fn a_recovery_that_a_refused_downtime_was_to_say_is_said_by_the_next_uptime() {
    for late in [false, true] {
        let mut service = Service::new(ORIGIN, vec![system("a")]);
        service.draw(0, &[("a/p", "UDDD")]);
        assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
        service.draw(120, &[("a/p", "UUDDD")]);
        let again = service.begin_attempt(&service.only_due());
        if !late {
            service.end_attempt(again, Delivery::Rejected);
        }
        service.draw(270, &[("a/p", "UUU")]);
        if late {
            service.end_attempt(again, Delivery::Rejected);
        }
        // The last that arrived says that it is down.
        assert_eq!(send_due(&mut service), ["uptime: a 30..120, a 180..270"]);
        assert!(service.is_quiet());
    }
}

#[test]
fn the_end_that_a_refused_downtime_was_to_say_is_not_forgotten_by_the_next_outage() {
    let flapping = Flapping {
        limit: 2,
        hold_s: 120,
    };
    let a = System {
        flapping,
        ..system("a")
    };
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    service.draw(120, &[("a/p", "UU")]);
    service.deliver_due(Delivery::Deferred);
    // That it is unstable would have said that the first is over.
    service.draw(180, &[("a/p", "DDD")]);
    service.deliver_due(Delivery::Rejected);
    service.draw(270, &[("a/p", "UU")]);
    let act = Act::DeclareOutage {
        system: "a".into(),
        from: service.second(280),
        to: Some(service.second(290)),
        evidence: "calls".into(),
    };
    service.act_at(310, "ann", act);
    service.draw(330, &[("a/p", "UUUU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..290"]);
}

/// Work on two systems from the first minute to the second, over while no mail goes.
fn worked_on(systems: Vec<System>) -> Service {
    let mut service = Service::new(ORIGIN, systems);
    let window = Single {
        id: "move".into(),
        systems: vec!["a".into(), "b".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(60),
        end: service.second(120),
        max_downtime_s: Some(30),
        min_notice_s: Some(40),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    };
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    service.draw(30, &[("a/p", "UUUUU"), ("b/p", "UUUUU")]);
    let waiting: Vec<String> = due(&service);
    assert_eq!(waiting, ["maintenance-completed: a .., b .."]);
    service
}

fn two() -> Vec<System> {
    vec![system("a"), system("b")]
}

/// What would leave now.
fn due(service: &Service) -> Vec<String> {
    let due = service.due();
    due.iter().map(|notice| line_of(service, notice)).collect()
}

/// Time passes until something may leave that may not leave now.
fn pass(service: &mut Service) {
    service.now = notices::next_wake(&service.record, service.watch.doubted(), service.now)
        .expect("something waits");
}

#[test]
fn that_work_is_completed_is_not_said_while_a_system_is_down_again() {
    let mut service = worked_on(two());
    service.draw(180, &[("a/p", "DDD"), ("b/p", "UUU")]);
    assert_eq!(send_due(&mut service), ["downtime: a 180.."]);
    assert!(due(&service).is_empty());
    service.draw(270, &[("a/p", "UU"), ("b/p", "UU")]);
    assert_eq!(
        send_due(&mut service),
        ["uptime: a 180..270", "maintenance-completed: a .., b .."]
    );
}

#[test]
fn that_work_is_completed_waits_while_a_bad_run_is_not_confirmed() {
    let mut service = worked_on(two());
    service.draw(180, &[("a/p", "D"), ("b/p", "U")]);
    assert!(due(&service).is_empty());
    service.draw(210, &[("a/p", "U"), ("b/p", "U")]);
    assert_eq!(
        send_due(&mut service),
        ["maintenance-completed: a .., b .."]
    );
}

#[test]
fn that_work_is_completed_waits_while_a_system_is_unstable() {
    let flapping = Flapping {
        limit: 2,
        hold_s: 120,
    };
    let a = System {
        flapping,
        ..system("a")
    };
    let mut service = worked_on(vec![a, system("b")]);
    service.draw(180, &[("a/p", "DDDUUDDDUU"), ("b/p", "UUUUUUUUUU")]);
    assert!(service.record.unstable.contains("a"));
    // Nobody is told that it is available again before it has been so for long enough.
    assert_eq!(send_due(&mut service), ["downtime: a 330..420"]);
    assert!(due(&service).is_empty());
    service.draw(480, &[("a/p", "UUU"), ("b/p", "UUU")]);
    assert_eq!(
        send_due(&mut service),
        ["uptime: a 180..420", "maintenance-completed: a .., b .."]
    );
}

#[test]
fn that_work_is_completed_is_said_also_where_the_downtime_after_it_was_not_heard_of() {
    let mut service = worked_on(two());
    service.draw(180, &[("a/p", "DDDUU"), ("b/p", "UUUUU")]);
    assert_eq!(
        send_due(&mut service),
        ["maintenance-completed: a .., b ..", "uptime: a 180..270"]
    );
}

#[test]
fn a_completion_on_its_way_comes_before_the_downtime_or_waits_when_it_comes_back() {
    for result in [Delivery::Accepted, Delivery::Deferred] {
        let mut service = worked_on(two());
        let completed = service.begin_attempt(&service.only_due());
        service.draw(180, &[("a/p", "DDD"), ("b/p", "UUU")]);
        assert!(due(&service).is_empty(), "it waits for what is on its way");
        service.end_attempt(completed, result);
        service.draw(270, &[("a/p", "DDDD"), ("b/p", "UUUU")]);
        if result == Delivery::Deferred {
            // What has not arrived stands in the way of nothing but itself.
            assert_eq!(service.message(completed).standing.word(), "queued");
        }
        assert_eq!(send_due(&mut service), ["downtime: a 180.."], "{result:?}");
        assert!(due(&service).is_empty());
    }
}

/// Two customers with a system each; a goes down while no mail goes, and its notice is tried until
/// it waits for half an hour.
fn away_for_long(reached: bool) -> Service {
    let mut both = catalogue(vec![system("a"), system("b")]);
    let mut second = both.customers[0].clone();
    both.customers[0].systems = vec!["a".into()];
    second.id = "second".into();
    second.contacts = vec!["it@second.example".into()];
    second.systems = vec!["b".into()];
    both.customers.push(second);
    let mut service = Service::with(ORIGIN, both);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    for n in 0..7 {
        if n > 0 {
            pass(&mut service);
        }
        if reached {
            service.deliver_due(Delivery::Deferred);
        } else {
            service.fail_to_connect();
        }
    }
    service
}

#[test]
fn a_notice_that_no_relay_could_be_reached_for_leaves_when_mail_goes_again() {
    let mut service = away_for_long(false);
    let now_s = service.now.duration_since(service.origin).as_secs();
    service.draw(now_s + 30, &[("b/p", "DDD"), ("a/p", "DDD")]);
    assert_eq!(
        send_due(&mut service),
        ["downtime: b 2130..", "downtime: a 30.."]
    );
    assert!(service.due().is_empty());
}

#[test]
fn a_notice_that_a_relay_deferred_waits_as_long_as_it_would() {
    let mut service = away_for_long(true);
    let now_s = service.now.duration_since(service.origin).as_secs();
    service.draw(now_s + 30, &[("b/p", "DDD"), ("a/p", "DDD")]);
    assert_eq!(send_due(&mut service), ["downtime: b 2130.."]);
    let before_s = service.now.duration_since(service.origin).as_secs();
    pass(&mut service);
    let after_s = service.now.duration_since(service.origin).as_secs();
    assert_eq!((before_s, after_s), (now_s + 90, now_s + 1_800));
}

#[test]
fn what_is_brought_forward_is_the_same_after_a_restart() {
    let mut service = away_for_long(false);
    let now_s = service.now.duration_since(service.origin).as_secs();
    service.draw(now_s + 30, &[("b/p", "DDD"), ("a/p", "DDD")]);
    let to_b = service
        .due()
        .into_iter()
        .find(|n| n.affected[0].system.as_str() == "b");
    let id = service.begin_attempt(&to_b.unwrap());
    service.end_attempt(id, Delivery::Accepted);
    service.crash(now_s + 95, now_s + 100);
    service.draw(now_s + 110, &[("b/p", "DD"), ("a/p", "DD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
}

#[test]
fn the_recovery_of_one_that_is_unstable_again_does_not_leave_beside_anothers() {
    let b = System {
        flapping: Flapping {
            limit: 2,
            hold_s: 60,
        },
        ..system("b")
    };
    let mut service = Service::new(ORIGIN, vec![system("a"), b, system("c")]);
    let up = |row| ("c/p", row);
    service.draw(0, &[("b/p", "UDDD"), ("a/p", "UDDD"), up("UUUU")]);
    for from_s in [120, 180, 240] {
        service.deliver_due(Delivery::Deferred);
        service.draw(from_s, &[("a/p", "DD"), ("b/p", "DD"), up("UU")]);
    }
    // It fails twice, and has settled before the notice that first told of it has left.
    service.draw(
        300,
        &[("a/p", "DDDDDDDDD"), ("b/p", "UUUDDDUUU"), up("UUUUUUUUU")],
    );
    // It fails again; its notice waits for c, and a comes back meanwhile.
    service.draw(570, &[up("UUD"), ("b/p", "DDD"), ("a/p", "DDU")]);
    service.sample("a/p", 635, 'U');
    service.tick(662);
    // As unstable, with all its outages; of a it is all over.
    assert_eq!(
        send_due(&mut service),
        ["downtime: b 570..", "uptime: a 30..630"]
    );
}

#[test]
fn the_recovery_of_one_system_does_not_say_that_another_is_up_which_is_down_again() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UDDD"), ("a/p", "UUUU")]);
    assert_eq!(send_due(&mut service), ["downtime: b 30.."]);
    service.draw(120, &[("b/p", "UU"), ("a/p", "UU")]);
    service.fail_to_connect();
    service.draw(180, &[("b/p", "DDD"), ("a/p", "DDD")]);
    service.fail_to_connect();
    service.draw(270, &[("b/p", "UUDDD"), ("a/p", "DDDDD")]);
    service.draw(420, &[("b/p", "DD"), ("a/p", "UU")]);
    service.tick(4_000);
    assert_eq!(
        send_due(&mut service),
        [
            "downtime: b 30..120, b 180..270, b 330..",
            "uptime: a 180..420"
        ]
    );
}

#[test]
fn a_recovery_that_a_downtime_says_is_not_said_again() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UDDD"), ("a/p", "UUUU")]);
    assert_eq!(send_due(&mut service), ["downtime: b 30.."]);
    service.draw(120, &[("b/p", "UU"), ("a/p", "UU")]);
    service.fail_to_connect();
    service.draw(180, &[("b/p", "DDD"), ("a/p", "DDD")]);
    let both = service.only_due();
    assert_eq!(
        line_of(&service, &both),
        "downtime: a 180.., b 30..120, b 180.."
    );
    let both = service.begin_attempt(&both);
    // While it is on its way a comes back and fails again; then b comes back, which says all of b.
    service.draw(270, &[("b/p", "DDDDD"), ("a/p", "UUDDD")]);
    service.draw(420, &[("b/p", "UUUU"), ("a/p", "DDUU")]);
    service.end_attempt(both, Delivery::Accepted);
    assert_eq!(
        send_due(&mut service),
        ["uptime: a 180..270, a 330..480, b 180..420"]
    );
    assert!(service.is_quiet());
}
