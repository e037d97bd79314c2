//! Mail that does not go while systems fail again and again: the next notice that leaves says
//! everything that no earlier one could.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod common;

use common::{House, leaves, says, system};
use domain::act::Act;
use domain::catalogue::{Flapping, Single, System};
use domain::decide::Input;
use domain::event::Delivery;
use domain::notice::Kind;
use domain::outbox;
use domain::record::Standing;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

#[test]
fn an_outage_that_nobody_was_told_of_is_said_by_the_notice_of_the_next() {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDDUU")]);
    house.draw(180, &[("a/p", "UDDD")]);
    assert_eq!(leaves(&mut house), ["downtime: a 30..120, a 210.."]);
    house.draw(300, &[("a/p", "UU")]);
    // The first has been said; only the second is answered.
    assert_eq!(leaves(&mut house), ["uptime: a 210..300"]);
    assert!(house.record.unsent.is_empty());
}

#[test]
fn three_outages_that_nobody_was_told_of_are_one_message_when_it_is_over() {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDDUU")]);
    house.deliver(Delivery::Deferred);
    house.draw(180, &[("a/p", "DDDUU")]);
    house.deliver(Delivery::Deferred);
    house.draw(330, &[("a/p", "DDDUU")]);
    house.tick(4_000);
    let due = outbox::due(&house.record, house.now);
    assert!(house.record.notices[&due[0]].notice.folded);
    assert_eq!(
        leaves(&mut house),
        ["uptime: a 30..120, a 180..270, a 330..420"]
    );
    assert!(house.record.unsent.is_empty());
}

#[test]
fn a_recovery_that_was_not_sent_is_said_by_the_next_downtime() {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDD")]);
    assert_eq!(leaves(&mut house), ["downtime: a 30.."]);
    house.draw(120, &[("a/p", "UUDDD")]);
    assert_eq!(leaves(&mut house), ["downtime: a 30..120, a 180.."]);
}

#[test]
fn of_two_that_recovered_unsaid_one_fails_again_and_nothing_stale_is_said() {
    let mut house = House::new(ORIGIN, vec![system("a"), system("b")]);
    house.draw(0, &[("a/p", "UDDDUU"), ("b/p", "UDDDUU")]);
    house.draw(180, &[("a/p", "DDD"), ("b/p", "UUU")]);
    // One notice: a is down, has been before, and b was and is not.
    assert_eq!(
        leaves(&mut house),
        ["downtime: a 30..120, a 180.., b 30..120"]
    );
    house.draw(270, &[("a/p", "UU"), ("b/p", "UU")]);
    assert_eq!(leaves(&mut house), ["uptime: a 180..270"]);
}

#[test]
fn a_recovery_does_not_leave_once_it_is_known_to_be_down_again() {
    let mut house = House::new(ORIGIN, vec![system("a"), system("b")]);
    house.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    assert_eq!(leaves(&mut house), ["downtime: a 30.."]);
    house.draw(120, &[("a/p", "UU"), ("b/p", "UU")]);
    let up = outbox::due(&house.record, house.now)[0];
    house.draw(180, &[("b/p", "UUD"), ("a/p", "DDD")]);
    // The next downtime waits for b, as it must; nothing says meanwhile that a is up.
    assert_eq!(leaves(&mut house), [""; 0]);
    assert_eq!(outbox::next_due(&house.record), None);
    let sha256 = String::new();
    let late = Input::Attempt { notice: up, sha256 };
    assert!(
        house.attempt(house.now, late).is_err(),
        "nor a courier that asked before"
    );
    house.sample("b/p", 245, 'U');
    assert_eq!(leaves(&mut house), ["downtime: a 30..120, a 180.."]);
    assert!(house.record.unsent.is_empty());
}

/// Two systems go down together, and the notice of both is put off again and again; one comes back
/// and fails and comes back.
fn one_of_two_comes_back_twice(flapping: Flapping) -> House {
    let b = System {
        flapping,
        ..system("b")
    };
    let mut house = House::new(ORIGIN, vec![system("a"), b]);
    house.draw(0, &[("b/p", "UDDD"), ("a/p", "UDDD")]);
    for from_s in [120, 180, 240] {
        house.deliver(Delivery::Deferred);
        house.draw(from_s, &[("a/p", "DD"), ("b/p", "DD")]);
    }
    house.draw(300, &[("a/p", "DDDDDD"), ("b/p", "UUUDDD")]);
    house.deliver(Delivery::Deferred);
    house.draw(480, &[("a/p", "DDD"), ("b/p", "UUU")]);
    house
}

#[test]
fn a_second_recovery_does_not_overtake_the_notice_that_first_told_of_the_system() {
    let mut house = one_of_two_comes_back_twice(system("b").flapping);
    // The first notice is put off for five minutes: of b nothing leaves before it.
    assert_eq!(leaves(&mut house), [""; 0]);
    house.tick(800);
    assert_eq!(leaves(&mut house), ["downtime: a 30.., b 30.."]);
    assert_eq!(leaves(&mut house), ["uptime: b 30..300, b 390..480"]);
    assert!(house.record.unsent.is_empty());
}

#[test]
fn nor_does_the_recovery_of_one_that_has_become_unstable_meanwhile() {
    let mut house = one_of_two_comes_back_twice(Flapping {
        limit: 2,
        hold_s: 60,
    });
    assert!(house.record.unstable.is_empty(), "settled");
    assert_eq!(leaves(&mut house), [""; 0]);
    house.tick(800);
    assert_eq!(leaves(&mut house), ["downtime: a 30.., b 30.."]);
    assert_eq!(leaves(&mut house), ["uptime: b 30..480"]);
    assert!(house.record.unsent.is_empty());
}

#[test]
fn the_end_of_the_other_says_all_that_waited_for_the_same_notice() {
    let mut house = one_of_two_comes_back_twice(system("b").flapping);
    house.draw(570, &[("a/p", "UUU"), ("b/p", "UUU")]);
    assert_eq!(
        leaves(&mut house),
        ["uptime: a 30..570, b 30..300, b 390..480"]
    );
    assert!(house.record.unsent.is_empty());
}

#[test]
fn a_recovery_that_waits_leaves_when_what_came_after_it_is_over_unsaid() {
    let mut house = House::new(ORIGIN, vec![system("a"), system("b")]);
    house.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    assert_eq!(leaves(&mut house), ["downtime: a 30.."]);
    house.draw(120, &[("a/p", "UU"), ("b/p", "UU")]);
    house.draw(180, &[("b/p", "UUD"), ("a/p", "DDD")]);
    house.sample("a/p", 245, 'U');
    house.sample("a/p", 250, 'U');
    assert_eq!(
        leaves(&mut house),
        ["uptime: a 30..120", "uptime: a 180..245"]
    );
    house.sample("b/p", 255, 'U');
    assert_eq!(leaves(&mut house), [""; 0]);
    assert!(house.record.unsent.is_empty());
}

#[test]
fn a_recovery_on_its_way_arrives_before_the_next_downtime() {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDD")]);
    house.deliver(Delivery::Accepted);
    house.draw(120, &[("a/p", "UU")]);
    let [up] = outbox::due(&house.record, house.now)[..] else {
        panic!("one uptime");
    };
    house.begin(up);
    house.draw(180, &[("a/p", "DDD")]);
    assert!(
        outbox::due(&house.record, house.now).is_empty(),
        "two messages under way at once may arrive in any order"
    );
    house.end(up, Delivery::Accepted);
    // Said twice rather than perhaps not at all.
    assert_eq!(leaves(&mut house), ["downtime: a 30..120, a 180.."]);
}

#[test]
fn a_recovery_that_comes_back_undelivered_is_not_sent_once_it_is_down_again() {
    for result in [Delivery::Deferred, Delivery::Ambiguous, Delivery::Rejected] {
        let mut house = House::new(ORIGIN, vec![system("a")]);
        house.draw(0, &[("a/p", "UDDD")]);
        house.deliver(Delivery::Accepted);
        house.draw(120, &[("a/p", "UU")]);
        let up = outbox::due(&house.record, house.now)[0];
        house.begin(up);
        house.draw(180, &[("a/p", "DDD")]);
        house.end(up, result);
        assert_eq!(leaves(&mut house), ["downtime: a 30..120, a 180.."]);
        let down = *house.record.notices.keys().next_back().unwrap();
        let standing = &house.record.notices[&up].standing;
        match result {
            Delivery::Rejected => assert!(matches!(standing, Standing::Rejected(_))),
            _ => assert_eq!(*standing, Standing::Folded(Some(down))),
        }
        house.tick(400);
        assert!(house.record.unsent.is_empty());
    }
}

#[test]
fn a_downtime_that_comes_back_after_the_next_one_is_part_of_it() {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDD")]);
    let first = outbox::due(&house.record, house.now)[0];
    house.begin(first);
    house.draw(120, &[("a/p", "UU")]);
    house.draw(180, &[("a/p", "DDD")]);
    house.end(first, Delivery::Deferred);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    #9 tell downtime/O-1/it@clinic.example/1
        90    #10 attempt 1 of N-1
        150   #13 O-1 ends 120
        150   #14 tell uptime/O-1/it@clinic.example/1
        150   #15 IncidentResolved I-1
        240   #18 outage O-2 of a from 180
        240   #19 incident I-2 (Outage)
        240   #20 tell downtime/O-2/it@clinic.example/1
        240   #21 N-2 folded into N-3
        240   #22 N-1 Deferred
        240   #23 N-1 folded into N-3
    "#]]
    .assert_eq(&house.outline());
    assert_eq!(leaves(&mut house), ["downtime: a 30..120, a 180.."]);
    house.tick(10_000);
    assert!(outbox::due(&house.record, house.now).is_empty());
}

#[test]
fn the_last_message_says_all_also_when_what_it_answers_was_under_way() {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDDUU")]);
    house.draw(180, &[("a/p", "DDD")]);
    let [second] = outbox::due(&house.record, house.now)[..] else {
        panic!("one downtime");
    };
    house.begin(second);
    house.draw(270, &[("a/p", "UU")]);
    house.end(second, Delivery::Deferred);
    assert_eq!(leaves(&mut house), ["uptime: a 30..120, a 180..270"]);
    assert!(house.record.unsent.is_empty());
}

#[test]
fn somebody_who_was_refused_a_recovery_is_still_told_of_the_next_outage() {
    let mut house = House::new(ORIGIN, vec![system("a")]);
    house.draw(0, &[("a/p", "UDDD")]);
    house.deliver(Delivery::Accepted);
    house.draw(120, &[("a/p", "UU")]);
    house.deliver(Delivery::Rejected);
    house.draw(180, &[("a/p", "DDD")]);
    let kinds: Vec<Kind> = house
        .record
        .notices
        .values()
        .map(|o| o.notice.kind)
        .collect();
    assert_eq!(kinds, [Kind::Downtime, Kind::Uptime, Kind::Downtime]);
    assert_eq!(leaves(&mut house), ["downtime: a 180.."]);
}

#[test]
fn a_recovery_that_a_refused_downtime_was_to_say_is_said_by_the_next_uptime() {
    for late in [false, true] {
        let mut house = House::new(ORIGIN, vec![system("a")]);
        house.draw(0, &[("a/p", "UDDD")]);
        assert_eq!(leaves(&mut house), ["downtime: a 30.."]);
        house.draw(120, &[("a/p", "UUDDD")]);
        let again = outbox::due(&house.record, house.now)[0];
        house.begin(again);
        if !late {
            house.end(again, Delivery::Rejected);
        }
        house.draw(270, &[("a/p", "UUU")]);
        if late {
            house.end(again, Delivery::Rejected);
        }
        // The last that arrived says that it is down.
        assert_eq!(leaves(&mut house), ["uptime: a 30..120, a 180..270"]);
        assert!(house.record.unsent.is_empty());
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
    let mut house = House::new(ORIGIN, vec![a]);
    house.draw(0, &[("a/p", "UDDD")]);
    assert_eq!(leaves(&mut house), ["downtime: a 30.."]);
    house.draw(120, &[("a/p", "UU")]);
    house.deliver(Delivery::Deferred);
    // That it is unstable would have said that the first is over.
    house.draw(180, &[("a/p", "DDD")]);
    house.deliver(Delivery::Rejected);
    house.draw(270, &[("a/p", "UU")]);
    let act = Act::DeclareOutage {
        system: "a".into(),
        from: house.second(280),
        to: Some(house.second(290)),
        evidence: "calls".into(),
    };
    house.acts(310, "ann", act);
    house.draw(330, &[("a/p", "UUUU")]);
    assert_eq!(leaves(&mut house), ["uptime: a 30..290"]);
}

/// Work on two systems from the first minute to the second, over while no mail goes.
fn worked_on(systems: Vec<System>) -> House {
    let mut house = House::new(ORIGIN, systems);
    let window = Single {
        id: "move".into(),
        systems: vec!["a".into(), "b".into()],
        title: "Move".into(),
        impact: None,
        start: house.second(60),
        end: house.second(120),
        max_downtime_s: Some(30),
        min_notice_s: Some(40),
        start_grace_s: None,
        override_reason: None,
    };
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    house.draw(30, &[("a/p", "UUUUU"), ("b/p", "UUUUU")]);
    let waiting: Vec<String> = due(&house);
    assert_eq!(waiting, ["maintenance-completed: a .., b .."]);
    house
}

fn two() -> Vec<System> {
    vec![system("a"), system("b")]
}

/// What would leave now.
fn due(house: &House) -> Vec<String> {
    let due = outbox::due(&house.record, house.now);
    due.iter().map(|id| says(house, *id)).collect()
}

#[test]
fn that_work_is_completed_is_not_said_while_a_system_is_down_again() {
    let mut house = worked_on(two());
    house.draw(180, &[("a/p", "DDD"), ("b/p", "UUU")]);
    assert_eq!(leaves(&mut house), ["downtime: a 180.."]);
    assert!(due(&house).is_empty());
    house.draw(270, &[("a/p", "UU"), ("b/p", "UU")]);
    assert_eq!(
        leaves(&mut house),
        ["maintenance-completed: a .., b ..", "uptime: a 180..270"]
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
    let mut house = worked_on(vec![a, system("b")]);
    house.draw(180, &[("a/p", "DDDUUDDDUU"), ("b/p", "UUUUUUUUUU")]);
    assert!(house.record.unstable.contains("a"));
    // Nobody is told that it is available again before it has been so for long enough.
    assert_eq!(leaves(&mut house), ["downtime: a 330.."]);
    assert!(due(&house).is_empty());
    house.draw(480, &[("a/p", "UUU"), ("b/p", "UUU")]);
    assert_eq!(
        leaves(&mut house),
        ["maintenance-completed: a .., b ..", "uptime: a 180..420"]
    );
}

#[test]
fn that_work_is_completed_is_said_also_where_the_downtime_after_it_was_not_heard_of() {
    let mut house = worked_on(two());
    house.draw(180, &[("a/p", "DDDUU"), ("b/p", "UUUUU")]);
    assert_eq!(
        leaves(&mut house),
        ["maintenance-completed: a .., b ..", "uptime: a 180..270"]
    );
}

#[test]
fn a_completion_on_its_way_comes_before_the_downtime_or_waits_when_it_comes_back() {
    for result in [Delivery::Accepted, Delivery::Deferred] {
        let mut house = worked_on(two());
        let completed = outbox::due(&house.record, house.now)[0];
        house.begin(completed);
        house.draw(180, &[("a/p", "DDD"), ("b/p", "UUU")]);
        assert!(due(&house).is_empty(), "it waits for what is on its way");
        house.end(completed, result);
        house.draw(270, &[("a/p", "DDDD"), ("b/p", "UUUU")]);
        if result == Delivery::Deferred {
            // What has not arrived stands in the way of nothing but itself.
            assert_eq!(house.record.notices[&completed].standing.word(), "queued");
        }
        assert_eq!(leaves(&mut house), ["downtime: a 180.."], "{result:?}");
        assert!(due(&house).is_empty());
    }
}

/// Two customers' systems; a goes down while no mail goes, and its notice is tried until it waits for half
/// an hour.
fn away_for_long(reached: bool) -> House {
    let mut house = House::new(ORIGIN, vec![system("a"), system("b")]);
    house.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    for _ in 0..7 {
        let due = outbox::next_due(&house.record).unwrap();
        house.now = house.now.max(due);
        if reached {
            house.deliver(Delivery::Deferred);
        } else {
            house.mail_is_away();
        }
    }
    let next = outbox::next_due(&house.record).unwrap();
    assert_eq!(next.duration_since(house.now).as_secs(), 1800);
    house
}

#[test]
fn what_waits_because_no_relay_could_be_reached_leaves_when_mail_goes_again() {
    let mut house = away_for_long(false);
    let now_s = house.now.duration_since(house.origin).as_secs();
    house.draw(now_s + 30, &[("b/p", "DDD"), ("a/p", "DDD")]);
    assert_eq!(leaves(&mut house), ["downtime: b 2130.."]);
    assert_eq!(outbox::next_due(&house.record), Some(house.now));
    assert_eq!(leaves(&mut house), ["downtime: a 30.."]);
    assert!(house.record.unsent.is_empty());
}

#[test]
fn what_a_relay_put_off_itself_waits_as_long_as_it_would() {
    let mut house = away_for_long(true);
    let next = outbox::next_due(&house.record);
    let now_s = house.now.duration_since(house.origin).as_secs();
    house.draw(now_s + 30, &[("b/p", "DDD"), ("a/p", "DDD")]);
    assert_eq!(leaves(&mut house), ["downtime: b 2130.."]);
    assert_eq!(outbox::next_due(&house.record), next);
}

#[test]
fn a_recovery_follows_also_when_both_could_not_be_sent() {
    let mut house = away_for_long(false);
    let now_s = house.now.duration_since(house.origin).as_secs();
    let down = outbox::due(&house.record, jiff::Timestamp::MAX)[0];
    // On its way when the system is found up again (its end was not watched), and not taken.
    house.tick(now_s + 1_800);
    house.begin(down);
    house.draw(now_s + 1_830, &[("a/p", "UU"), ("b/p", "UU")]);
    house.ends(down, Delivery::Deferred, true);
    let up = outbox::due(&house.record, house.now);
    assert_eq!(says(&house, up[0]), "uptime: a 30..165");
    for _ in 0..3 {
        house.mail_is_away();
        house.now = outbox::next_due(&house.record).unwrap();
    }
    house.mail_is_away();
    // The next that goes takes it along.
    let now_s = house.now.duration_since(house.origin).as_secs();
    house.draw(now_s + 30, &[("b/p", "DDD"), ("a/p", "UUU")]);
    assert_eq!(due(&house), ["downtime: b 4200.."]);
    leaves(&mut house);
    assert_eq!(leaves(&mut house), ["uptime: a 30..165"]);
    assert!(house.record.unsent.is_empty());
}

#[test]
fn what_is_brought_forward_is_the_same_after_a_restart() {
    let mut house = away_for_long(false);
    let now_s = house.now.duration_since(house.origin).as_secs();
    house.draw(now_s + 30, &[("b/p", "DDD"), ("a/p", "DDD")]);
    leaves(&mut house);
    house.crash(now_s + 95, now_s + 100);
    house.draw(now_s + 110, &[("b/p", "DD"), ("a/p", "DD")]);
    assert_eq!(leaves(&mut house), ["downtime: a 30.."]);
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
    let mut house = House::new(ORIGIN, vec![system("a"), b, system("c")]);
    let up = |row| ("c/p", row);
    house.draw(0, &[("b/p", "UDDD"), ("a/p", "UDDD"), up("UUUU")]);
    for from_s in [120, 180, 240] {
        house.deliver(Delivery::Deferred);
        house.draw(from_s, &[("a/p", "DD"), ("b/p", "DD"), up("UU")]);
    }
    // It fails twice, and has settled before the notice that first told of it has left.
    house.draw(
        300,
        &[("a/p", "DDDDDDDDD"), ("b/p", "UUUDDDUUU"), up("UUUUUUUUU")],
    );
    let settled = house.record.notices.values().next_back().unwrap();
    assert_eq!(settled.notice.kind, Kind::Uptime);
    // It fails again; its notice waits for c, and a comes back meanwhile.
    house.draw(570, &[up("UUD"), ("b/p", "DDD"), ("a/p", "DDU")]);
    house.sample("a/p", 635, 'U');
    let both = *house.record.notices.keys().next_back().unwrap();
    assert_eq!(says(&house, both), "uptime: a 30..630, b 30..480");
    assert_eq!(leaves(&mut house), [""; 0]);
    house.tick(662);
    // As unstable, with all its outages.
    assert_eq!(leaves(&mut house), ["downtime: a 30..630, b 570.."]);
    let standing = &house.record.notices[&both].standing;
    assert!(matches!(standing, Standing::Folded(Some(_))));
}

#[test]
fn the_recovery_of_one_system_does_not_say_that_another_is_up_which_is_down_again() {
    let mut house = House::new(ORIGIN, vec![system("a"), system("b")]);
    house.draw(0, &[("b/p", "UDDD"), ("a/p", "UUUU")]);
    assert_eq!(leaves(&mut house), ["downtime: b 30.."]);
    house.draw(120, &[("b/p", "UU"), ("a/p", "UU")]);
    house.mail_is_away();
    house.draw(180, &[("b/p", "DDD"), ("a/p", "DDD")]);
    house.mail_is_away();
    house.draw(270, &[("b/p", "UUDDD"), ("a/p", "DDDDD")]);
    house.draw(420, &[("b/p", "DD"), ("a/p", "UU")]);
    house.tick(4_000);
    let first = house.deliver(Delivery::Accepted);
    let first: Vec<String> = first.iter().map(|id| says(&house, *id)).collect();
    assert_eq!(
        first,
        [
            "downtime: a 180.., b 30..120, b 180..",
            "downtime: b 180..270, b 330.."
        ]
    );
    assert_eq!(leaves(&mut house), ["uptime: a 180..420"]);
}

#[test]
fn a_recovery_that_one_uptime_says_already_is_not_said_by_that_of_another_system() {
    let mut house = House::new(ORIGIN, vec![system("a"), system("b")]);
    house.draw(0, &[("b/p", "UDDD"), ("a/p", "UUUU")]);
    assert_eq!(leaves(&mut house), ["downtime: b 30.."]);
    house.draw(120, &[("b/p", "UU"), ("a/p", "UU")]);
    house.mail_is_away();
    house.draw(180, &[("b/p", "DDD"), ("a/p", "DDD")]);
    let both = *house.record.notices.keys().next_back().unwrap();
    assert_eq!(says(&house, both), "downtime: a 180.., b 30..120, b 180..");
    house.begin(both);
    // While it is on its way a comes back and fails again; then b comes back, which says all of b.
    house.draw(270, &[("b/p", "DDDDD"), ("a/p", "UUDDD")]);
    house.draw(420, &[("b/p", "UUUU"), ("a/p", "DDUU")]);
    house.end(both, Delivery::Accepted);
    let last: Vec<String> = (0..3).flat_map(|_| leaves(&mut house)).collect();
    assert_eq!(
        last,
        [
            "uptime: b 30..120, b 180..420",
            "uptime: a 180..270, a 330..480"
        ]
    );
    assert!(house.record.unsent.is_empty());
}
