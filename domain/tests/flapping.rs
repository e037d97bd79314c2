//! Systems that fail again and again: told once, held until they have been up for long enough, one
//! incident.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod common;

use common::{House, catalogue, probe, rule, system};
use domain::act::{Act, Which};
use domain::catalogue::{Affects, Catalogue, Customer, Flapping, System};
use domain::decide::Input;
use domain::event::{Delivery, Fact};
use domain::id::{IncidentId, OutageId, SystemId};
use domain::incident::Review;
use domain::notice::{Affected, Kind, Notice};
use domain::policy::Policy;
use domain::record::Standing;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

/// Unstable from the third outage in an hour on, until it has been up for five minutes.
fn flappy(id: &str) -> System {
    let flapping = Flapping {
        limit: 3,
        hold_s: 300,
    };
    System {
        flapping,
        ..system(id)
    }
}

fn house() -> House {
    House::new(ORIGIN, vec![flappy("a")])
}

/// Up but for outages of 90 s that begin at these offsets, until `until_s`; all mail is delivered.
fn outages(house: &mut House, starts: &[i64], until_s: i64) {
    let down = |t: i64| starts.iter().any(|from| (*from..*from + 90).contains(&t));
    play(house, until_s, |t| if down(t) { 'D' } else { 'U' });
}

/// A sample every 30 s from now to `until_s`, each followed by the mail that is due.
fn play(house: &mut House, until_s: i64, letter: impl Fn(i64) -> char) {
    let now_s = house.now.duration_since(house.origin).as_secs();
    let mut t = (now_s + 29).div_euclid(30) * 30;
    while t <= until_s {
        house.tick(t);
        if letter(t) != '.' {
            house.sample("a/p", t, letter(t));
        }
        house.deliver(Delivery::Accepted);
        t += 30;
    }
}

/// What happened to systems and customers, without deliveries.
fn outline(house: &House) -> String {
    let told = |line: &&str| !line.contains("attempt ") && !line.contains("Accepted");
    let lines: Vec<String> = house
        .outline()
        .lines()
        .filter(told)
        .map(str::to_owned)
        .collect();
    lines.join("\n") + "\n"
}

/// When each notice of a kind was decided, and how many outages it speaks of as of an unstable
/// system.
fn told(house: &House, kind: Kind) -> Vec<(i64, usize)> {
    notices(house, kind)
        .into_iter()
        .map(|(at, notice)| {
            let said = notice.affected.iter().find_map(|a| a.unstable.as_ref());
            (at, said.map_or(0, |u| u.outages.len()))
        })
        .collect()
}

fn notices(house: &House, kind: Kind) -> Vec<(i64, Notice)> {
    let decided = |at: jiff::Timestamp| at.duration_since(house.origin).as_secs();
    house
        .record
        .notices
        .values()
        .filter(|o| o.notice.kind == kind)
        .map(|o| (decided(o.decided_at), o.notice.clone()))
        .collect()
}

fn a() -> SystemId {
    "a".into()
}

fn is_unstable(house: &House) -> bool {
    house.record.episode(&a()).is_some()
}

#[test]
fn the_third_outage_in_an_hour_is_told_once_as_unstable_and_held_until_it_has_been_up() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630, 930], 1500);
    expect![[r#"
        90    #7 outage of a from 30
        90    #8 incident (Outage)
        90    #9 tell downtime/O-7/it@clinic.example/1
        150   #14 O-7 ends 120
        150   #15 tell uptime/O-7/it@clinic.example/1
        150   #16 IncidentResolved I-8
        390   #21 outage of a from 330
        390   #22 incident (Outage)
        390   #23 tell downtime/O-21/it@clinic.example/1
        450   #28 O-21 ends 420
        450   #29 tell uptime/O-21/it@clinic.example/1
        450   #30 IncidentResolved I-22
        690   #35 outage of a from 630
        690   #36 a flaps: O-7 O-21 O-35 of I-8
        690   #37 tell downtime/O-35/it@clinic.example/1
        750   #42 O-35 ends 720
        990   #45 outage of a from 930
        990   #46 a flaps: O-45 of I-8
        1050  #49 O-45 ends 1020
        1320  #50 a settled, I-8
        1320  #51 tell uptime/O-45/it@clinic.example/1
        1320  #52 IncidentResolved I-8
    "#]]
    .assert_eq(&outline(&house));
    assert_eq!(told(&house, Kind::Downtime), [(90, 0), (390, 0), (690, 3)]);
    assert_eq!(told(&house, Kind::Uptime), [(150, 0), (450, 0), (1320, 4)]);
    // From the first to the last, with the downtime of all.
    let (_, notice) = notices(&house, Kind::Uptime).pop().unwrap();
    let said = &notice.affected[0];
    assert_eq!(said.from, Some(house.second(30)));
    assert_eq!(said.to, Some(house.second(1020)));
    assert_eq!(said.down_s, Some(4 * 90));
    assert_eq!(notice.thread, notices_of_first(&house), "one thread");
}

fn notices_of_first(house: &House) -> Option<domain::id::NoticeId> {
    house.record.notices.keys().next().copied()
}

#[test]
fn an_outage_that_began_a_whole_hour_before_does_not_count() {
    let mut short = house();
    outages(&mut short, &[30, 1830, 3600], 3900);
    assert!(is_unstable(&short), "59 min 30 s");
    let mut whole = house();
    outages(&mut whole, &[30, 1830, 3630], 3900);
    assert!(!is_unstable(&whole));
    // The hour goes with the newest.
    outages(&mut whole, &[4200], 4500);
    assert!(is_unstable(&whole));
    let counted = &whole.record.episode(&a()).unwrap().counted;
    assert_eq!(counted.len(), 3);
}

#[test]
fn zero_is_never() {
    let mut never = flappy("a");
    never.flapping.limit = 0;
    let mut house = House::new(ORIGIN, vec![never]);
    outages(&mut house, &[30, 330, 630, 930], 1500);
    assert_eq!(told(&house, Kind::Uptime).len(), 4);
    assert!(!house.outline().contains("flaps"));
}

#[test]
fn what_a_window_excuses_does_not_count_and_is_not_joined_but_breaks_the_hold() {
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:05:00", 300, None)];
    let mut house = House::new(ORIGIN, vec![system]);
    outages(&mut house, &[30, 330, 630, 930], 960);
    assert!(!is_unstable(&house), "two and one excused");
    outages(&mut house, &[930], 1000);
    assert!(is_unstable(&house));
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:15:00", 300, None)];
    let mut house = House::new(ORIGIN, vec![system]);
    outages(&mut house, &[30, 330, 630, 960], 1320);
    assert!(
        is_unstable(&house),
        "720 + 300, but an excused one from 960 to 1050"
    );
    assert_eq!(house.record.episode(&a()).unwrap().more, []);
    play(&mut house, 1380, |_| 'U');
    assert_eq!(told(&house, Kind::Uptime).last(), Some(&(1350, 3)));
}

#[test]
fn an_overrun_while_unstable_joins_and_says_nothing_of_its_own() {
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:15:00", 300, Some(60))];
    let mut house = House::new(ORIGIN, vec![system]);
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    play(&mut house, 1500, |t| {
        if down(t) || (960..1140).contains(&t) {
            'D'
        } else {
            'U'
        }
    });
    assert_eq!(told(&house, Kind::MaintenanceOverrun), []);
    assert_eq!(told(&house, Kind::Downtime).len(), 3);
    // From the end of the overrun on.
    assert_eq!(told(&house, Kind::Uptime).last(), Some(&(1440, 4)));
    let (_, notice) = notices(&house, Kind::Uptime).pop().unwrap();
    assert_eq!(notice.affected[0].down_s, Some(3 * 90 + 180));
}

#[test]
fn an_overrun_that_crosses_the_limit_is_told_as_unstable() {
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:10:00", 300, Some(60))];
    let mut house = House::new(ORIGIN, vec![system]);
    let down = |t: i64| [30, 330].iter().any(|f| (*f..f + 90).contains(&t));
    play(&mut house, 900, |t| {
        if down(t) || (630..750).contains(&t) {
            'D'
        } else {
            'U'
        }
    });
    assert_eq!(told(&house, Kind::MaintenanceOverrun), []);
    let (at, notice) = notices(&house, Kind::Downtime).pop().unwrap();
    assert_eq!(at, 690);
    let said = notice.affected[0].unstable.clone().unwrap();
    assert_eq!((said.outages.len(), said.since), (3, house.second(30)));
}

#[test]
fn an_outage_during_the_hold_begins_it_anew() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630, 960], 1320);
    assert!(
        is_unstable(&house),
        "1020 passed, but down from 960 to 1050"
    );
    outages(&mut house, &[], 1380);
    assert_eq!(told(&house, Kind::Uptime).last(), Some(&(1350, 4)));
}

#[test]
fn a_bad_run_at_the_end_of_the_hold_is_waited_for() {
    let blip = |t: i64| (1000..1030).contains(&t);
    let first = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    let mut house = house();
    // Bad at 1020, the very end of the hold: what falls due goes before what is seen.
    play(&mut house, 1080, |t| {
        if first(t) || blip(t) { 'D' } else { 'U' }
    });
    assert_eq!(told(&house, Kind::Uptime).last(), Some(&(1020, 3)));
    let mut house = House::new(ORIGIN, vec![flappy("a")]);
    // Bad at 990 and good at 1020: nothing, but a break.
    let blip = |t: i64| (980..1010).contains(&t);
    play(&mut house, 1260, |t| {
        if first(t) || blip(t) { 'D' } else { 'U' }
    });
    assert!(is_unstable(&house));
    play(&mut house, 1350, |_| 'U');
    assert_eq!(told(&house, Kind::Uptime).last(), Some(&(1320, 3)));
    // Bad from 990 on, and confirmed after the end: one more outage.
    let mut house = House::new(ORIGIN, vec![flappy("a")]);
    play(&mut house, 1080, |t| {
        if first(t) || t >= 990 { 'D' } else { 'U' }
    });
    assert_eq!(house.record.episode(&a()).unwrap().more.len(), 1);
}

#[test]
fn time_that_nobody_watched_is_not_up() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630], 780);
    // Up again from 720 on; silent from 855 on, heard again at 990.
    play(&mut house, 1260, |t| {
        if (790..980).contains(&t) { '.' } else { 'U' }
    });
    assert!(is_unstable(&house), "up since 990");
    play(&mut house, 1320, |_| 'U');
    assert_eq!(told(&house, Kind::Uptime).last(), Some(&(1290, 3)));
}

#[test]
fn a_restart_during_the_hold_begins_it_anew_and_forgets_nothing() {
    for crash in [false, true] {
        let mut house = house();
        outages(&mut house, &[30, 330, 630], 870);
        if crash {
            house.crash(871, 900);
        } else {
            house.stop(871);
            house.start(900);
        }
        play(&mut house, 1170, |_| 'U');
        assert!(is_unstable(&house), "up since 900");
        play(&mut house, 1230, |_| 'U');
        let last = told(&house, Kind::Uptime).pop().unwrap();
        assert_eq!(last, (1200, 3), "crash {crash}");
    }
}

#[test]
fn a_hold_that_ended_before_a_long_sleep_is_dated_to_its_end() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630], 990);
    house.put(house.second(1030), Input::Tick);
    assert_eq!(told(&house, Kind::Uptime).last(), Some(&(1020, 3)));
}

#[test]
fn of_two_systems_of_a_customer_only_the_unstable_one_is_held() {
    let mut house = House::new(ORIGIN, vec![flappy("a"), flappy("b")]);
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    for t in (0..=1080).step_by(30) {
        house.sample("a/p", t, if down(t) { 'D' } else { 'U' });
        house.sample("b/p", t, if (630..720).contains(&t) { 'D' } else { 'U' });
        house.deliver(Delivery::Accepted);
    }
    let (_, both) = notices(&house, Kind::Downtime).pop().unwrap();
    let unstable: Vec<bool> = both.affected.iter().map(|a| a.unstable.is_some()).collect();
    assert_eq!(unstable, [true, false]);
    assert_eq!(
        told(&house, Kind::Uptime).split_off(2),
        [(750, 0), (1020, 3)]
    );
}

#[test]
fn a_system_that_is_removed_ends_its_incident_without_a_word() {
    let mut house = House::new(ORIGIN, vec![flappy("a"), system("b")]);
    outages(&mut house, &[30, 330, 630], 780);
    house.configure(house.second(790), catalogue(vec![system("b")]));
    assert!(house.record.unstable.is_empty() && house.record.unresolved.is_empty());
    house.tick(4000);
    assert_eq!(told(&house, Kind::Uptime).len(), 2);
}

fn with_customer(id: &str) -> Catalogue {
    let mut all = catalogue(vec![flappy("a")]);
    all.customers.push(Customer {
        id: id.into(),
        name: id.to_uppercase(),
        zone: "UTC".into(),
        contacts: vec![format!("it@{id}.example")],
        systems: vec![a()],
    });
    all
}

#[test]
fn a_customer_that_comes_meanwhile_hears_of_it_with_the_next_outage() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630], 780);
    house.configure(house.second(790), with_customer("lab"));
    outages(&mut house, &[810, 1050], 1500);
    let new = |kind| -> Vec<(i64, usize)> {
        let of = |n: &&(i64, Notice)| n.1.customer.as_str() == "lab";
        let said = |n: &Affected| n.unstable.as_ref().unwrap().outages.len();
        let all = notices(&house, kind);
        let found = all.iter().filter(of);
        found.map(|(at, n)| (*at, said(&n.affected[0]))).collect()
    };
    assert_eq!(new(Kind::Downtime), [(870, 4)]);
    assert_eq!(new(Kind::Uptime), [(1440, 5)]);
    // The other one heard before.
    assert_eq!(notices(&house, Kind::Downtime).len(), 4);
}

#[test]
fn what_could_not_be_delivered_until_it_is_over_is_said_once() {
    let mut house = house();
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    for t in (0..=1050).step_by(30) {
        house.tick(t);
        house.sample("a/p", t, if down(t) { 'D' } else { 'U' });
        house.deliver(Delivery::Deferred);
    }
    let waiting: Vec<_> = house.record.unsent.iter().collect();
    assert_eq!(waiting.len(), 1, "one message says all of it");
    let last = &house.record.notices[waiting[0]].notice;
    let said = last.affected[0].unstable.as_ref().unwrap();
    assert_eq!((last.kind, last.folded), (Kind::Uptime, true));
    assert_eq!(said.outages.len(), 3);
    let sent = house.record.notices.values();
    assert!(
        sent.filter(|o| matches!(o.standing, Standing::Sent(_)))
            .count()
            == 0
    );
}

#[test]
fn an_uptime_that_has_not_left_when_the_system_becomes_unstable_is_folded() {
    let mut house = house();
    outages(&mut house, &[30, 330], 420);
    // The second recovery is decided, but the relay is away.
    house.sample("a/p", 450, 'U');
    let id = house.record.notices.keys().next_back().unwrap();
    let id = *id;
    assert_eq!(house.record.notices[&id].notice.kind, Kind::Uptime);
    for t in [630, 660, 690] {
        house.sample("a/p", t, 'D');
    }
    assert!(matches!(
        house.record.notices[&id].standing,
        Standing::Folded(Some(_))
    ));
}

#[test]
fn a_declared_outage_counts_but_one_recorded_afterwards_makes_nothing_unstable() {
    let declare = |house: &mut House, from_s: i64, to_s: Option<i64>, at_s: i64| {
        let act = Act::DeclareOutage {
            system: a(),
            from: house.second(from_s),
            to: to_s.map(|s| house.second(s)),
            evidence: "calls".into(),
        };
        house.acts(at_s, "ann", act);
    };
    let mut house = house();
    outages(&mut house, &[30, 330], 480);
    declare(&mut house, 500, Some(560), 600);
    assert!(!is_unstable(&house), "it was over when it was recorded");
    outages(&mut house, &[630], 690);
    assert!(is_unstable(&house));
    assert_eq!(house.record.episode(&a()).unwrap().counted.len(), 4);
    // One that goes on is told at once, and may cross the limit.
    let mut house = House::new(ORIGIN, vec![flappy("a")]);
    outages(&mut house, &[30, 330], 600);
    declare(&mut house, 540, None, 610);
    assert!(is_unstable(&house));
    assert_eq!(told(&house, Kind::Downtime).last(), Some(&(610, 3)));
}

#[test]
fn what_overlaps_is_one_outage() {
    let mut house = house();
    let act = Act::DeclareOutage {
        system: a(),
        from: house.second(20),
        to: Some(house.second(120)),
        evidence: "calls".into(),
    };
    outages(&mut house, &[30], 180);
    house.acts(200, "ann", act);
    outages(&mut house, &[330], 480);
    assert!(!is_unstable(&house));
    assert!(!house.outline().contains("flaps"));
}

#[test]
fn nothing_that_a_person_wrote_is_lost_when_incidents_become_one() {
    let mut house = house();
    outages(&mut house, &[30, 330], 480);
    let [first, second] = *house.record.incidents.keys().copied().collect::<Vec<_>>() else {
        panic!("two incidents");
    };
    let review = |incident, text: &str| Act::Review {
        incident: Which::Incident(incident),
        review: Review {
            summary: Some(text.into()),
            ..Review::default()
        },
    };
    house.acts(490, "ann", review(first, "one"));
    house.acts(491, "ann", review(second, "two"));
    let incident = Which::Incident(second);
    house.acts(492, "bob", Act::Acknowledge { incident });
    outages(&mut house, &[630], 720);
    let (one, two) = (
        &house.record.incidents[&first],
        &house.record.incidents[&second],
    );
    assert_eq!(one.outages.len(), 3);
    assert_eq!(one.acknowledged.as_ref().unwrap().1, "bob");
    assert_eq!(two.merged, Some((house.second(690) + ms(), first)));
    assert_eq!(one.review.summary.as_deref(), Some("one"));
    assert_eq!(two.review.summary.as_deref(), Some("two"));
    assert!(two.missing().is_empty());
    assert_eq!(house.record.incident_of(&a()).unwrap().id, first);
    let close = Act::Close {
        incident: Which::Incident(second),
        without: Some("no".into()),
    };
    let expected = format!("{second} was merged into {first}: name that one");
    assert_eq!(house.refused(721, "ann", close), expected);
}

/// Samples are decided a millisecond after their start.
fn ms() -> jiff::SignedDuration {
    jiff::SignedDuration::from_millis(1)
}

#[test]
fn an_incident_that_a_person_closed_is_left_and_its_outage_joins_the_next() {
    let mut house = house();
    outages(&mut house, &[30], 180);
    let first = *house.record.incidents.keys().next().unwrap();
    let close = Act::Close {
        incident: Which::Incident(first),
        without: Some("known".into()),
    };
    house.acts(190, "ann", close);
    outages(&mut house, &[330, 630], 720);
    let episode = house.record.episode(&a()).unwrap();
    assert_ne!(episode.incident, first);
    assert_eq!(house.record.incidents[&episode.incident].outages.len(), 3);
    let closed = &house.record.incidents[&first];
    assert!(closed.closed.is_some() && closed.merged.is_some());
}

#[test]
fn the_next_outage_of_the_hour_goes_on_with_the_same_incident() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630, 1200], 1700);
    let incidents: Vec<IncidentId> = house
        .record
        .outages
        .values()
        .filter_map(|o| o.incident)
        .collect();
    assert_eq!(incidents.len(), 4);
    assert!(incidents.iter().all(|i| *i == incidents[0]));
    assert_eq!(
        told(&house, Kind::Downtime).split_off(2),
        [(690, 3), (1260, 4)]
    );
    assert_eq!(
        told(&house, Kind::Uptime).split_off(2),
        [(1020, 3), (1590, 4)]
    );
}

#[test]
fn an_incident_of_an_unstable_system_waits_until_it_is_no_longer_impaired() {
    let mut system = flappy("a");
    let mut slow = probe("a", "slow");
    slow.affects = Affects::Degradation;
    system.probes.push(slow);
    let mut house = House::new(ORIGIN, vec![system]);
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    for t in (0..=1080).step_by(30) {
        house.sample("a/p", t, if down(t) { 'D' } else { 'U' });
        house.sample("a/slow", t, if t > 700 { 'D' } else { 'U' });
        house.deliver(Delivery::Accepted);
    }
    let (at, notice) = notices(&house, Kind::Uptime).pop().unwrap();
    assert_eq!((at, notice.affected[0].impaired), (1020, true));
    assert_eq!(house.record.unresolved.len(), 1);
}

#[test]
fn a_policy_that_ignores_short_outages_tests_the_sum_of_them() {
    let mut all = catalogue(vec![System {
        policy: Some("p".into()),
        ..flappy("a")
    }]);
    all.policies.push(Policy {
        id: "p".into(),
        name: "P".into(),
        target: None,
        unknown_is_down: false,
        degraded_is_down: false,
        ignore_shorter_s: 200,
        min_coverage_ppm: 990_000,
        monthly_allowance_s: None,
        service_hours: None,
        planned_hours: None,
    });
    let mut house = House::with(ORIGIN, all);
    outages(&mut house, &[30, 330], 600);
    let ignored = "up 420 degraded 0 planned 0 excluded 180 unplanned 0 unknown 0";
    assert_eq!(house.figures("a", 0, 600), ignored);
    outages(&mut house, &[630], 900);
    let counted = "up 630 degraded 0 planned 0 excluded 0 unplanned 270 unknown 0";
    assert_eq!(house.figures("a", 0, 900), counted);
    // Each month tests them whole.
    let first = "up 210 degraded 0 planned 0 excluded 0 unplanned 90 unknown 0";
    assert_eq!(house.figures("a", 0, 300), first);
}

#[test]
fn every_fact_of_it_is_folded_as_it_was_decided() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630, 930], 1500);
    let mut record = domain::record::Record::default();
    for (seq, event) in &house.events {
        record.apply(*seq, event);
    }
    assert_eq!(record, house.record);
    let flapped: Vec<Vec<OutageId>> = house
        .events
        .iter()
        .filter_map(|(_, e)| match &e.fact {
            Fact::Flapping { outages, .. } => Some(outages.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(flapped.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn what_a_person_declared_within_the_outage_that_crosses_the_limit_is_joined_and_said_once() {
    let mut house = house();
    outages(&mut house, &[30], 300);
    house.sample("a/p", 330, 'D');
    let declare = |house: &House, from_s: i64, to_s: Option<i64>| Act::DeclareOutage {
        system: a(),
        from: house.second(from_s),
        to: to_s.map(|s| house.second(s)),
        evidence: "calls".into(),
    };
    // It waits to be told, since more may be down; then a third is found that was over.
    let on = declare(&house, 335, None);
    house.acts(340, "kim", on);
    let over = declare(&house, 200, Some(250));
    house.acts(341, "kim", over);
    house.sample("a/p", 345, 'D');
    house.sample("a/p", 350, 'D');
    assert!(is_unstable(&house));
    let (_, last) = notices(&house, Kind::Downtime).pop().unwrap();
    assert_eq!(last.affected.len(), 1, "{}", last.key);
    assert_eq!(told(&house, Kind::Downtime).last(), Some(&(350, 4)));
}

/// A second later the clock is set.
fn set(house: &mut House, to_s: i64) {
    let now_s = house.now.duration_since(house.origin).as_secs();
    house.set_clock(now_s + 1, to_s);
}

/// From when to when, in seconds since the origin, the last notice of a kind says of a system.
fn said(house: &House, kind: Kind) -> (i64, i64) {
    let (_, notice) = notices(house, kind).pop().unwrap();
    let affected = &notice.affected[0];
    let offset = |at: Option<jiff::Timestamp>| at.unwrap().duration_since(house.origin).as_secs();
    (offset(affected.from), offset(affected.to))
}

#[test]
fn a_clock_set_back_during_the_hold_begins_it_anew_and_puts_nothing_off_for_an_hour() {
    let mut house = house();
    outages(&mut house, &[3_630, 3_930, 4_230], 4_440);
    assert!(is_unstable(&house));
    set(&mut house, 840);
    outages(&mut house, &[], 1_400);
    // Heard again at 840: up for five minutes at 1140.
    assert!(!is_unstable(&house));
    assert_eq!(
        told(&house, Kind::Uptime),
        [(3_750, 0), (4_050, 0), (1_140, 3)]
    );
    // What ended at 4320 ended 121 s before the clock was set.
    assert_eq!(said(&house, Kind::Uptime), (840 - 811, 840 - 121));
    play(&mut house, 6_000, |_| 'U');
    assert_eq!(told(&house, Kind::Uptime).len(), 3);
    assert_eq!(told(&house, Kind::Downtime).len(), 3);
}

#[test]
fn an_outage_after_the_clock_was_set_back_is_one_more_of_the_same_unstable_system() {
    let mut house = house();
    outages(&mut house, &[3_630, 3_930, 4_230], 4_440);
    set(&mut house, 840);
    outages(&mut house, &[930], 1_500);
    assert_eq!(
        told(&house, Kind::Downtime),
        [(3_690, 0), (3_990, 0), (4_290, 3)]
    );
    // One incident goes on, with all four.
    let incidents = house.record.incidents.values();
    let alone: Vec<_> = incidents.filter(|i| i.merged.is_none()).collect();
    assert_eq!(alone.len(), 1);
    assert_eq!(alone[0].outages.len(), 4);
    // Up from 1020 on, and said so once, of a time that is over.
    assert_eq!(
        told(&house, Kind::Uptime),
        [(3_750, 0), (4_050, 0), (1_320, 4)]
    );
    assert_eq!(said(&house, Kind::Uptime), (840 - 811, 1_020));
}

#[test]
fn the_hour_that_counts_is_an_hour_however_the_clock_is_set() {
    // Two outages, and the clock set back by an hour between them and a third.
    let third = |after_s: i64| {
        let mut house = house();
        outages(&mut house, &[4_000, 4_300], 4_470);
        set(&mut house, 870);
        outages(&mut house, &[870 + after_s], 870 + after_s + 120);
        is_unstable(&house)
    };
    assert!(third(60));
    // The first began 471 s before the step, the third 3060 s after it.
    assert!(third(3_060));
    assert!(!third(3_180));
    // A clock that was ahead for a minute makes nothing older.
    let mut house = house();
    outages(&mut house, &[60, 360], 510);
    set(&mut house, 90_000);
    outages(&mut house, &[], 90_060);
    set(&mut house, 600);
    outages(&mut house, &[660], 780);
    assert!(is_unstable(&house));
}

#[test]
fn an_outage_that_ends_while_the_clock_jumps_ahead_is_the_last_that_is_told() {
    let mut house = house();
    outages(&mut house, &[30, 330, 630], 690);
    set(&mut house, 1_320);
    outages(&mut house, &[], 2_000);
    assert_eq!(told(&house, Kind::Uptime), [(150, 0), (450, 0), (1_620, 3)]);
    // Seen down last at 690, and vouched for until the jump.
    assert_eq!(said(&house, Kind::Uptime), (30, 691));
    let third = house.record.outages.keys().next_back().unwrap();
    let (_, last) = notices(&house, Kind::Uptime).pop().unwrap();
    assert_eq!(last.affected[0].outage, Some(*third));
}

#[test]
fn a_system_that_only_people_watch_is_stable_again_after_as_long_as_it_must() {
    let mut system = flappy("a");
    system.probes.clear();
    let mut house = House::new(ORIGIN, vec![system]);
    for from_s in [5_000, 5_200, 5_400] {
        let declare = |to| Act::DeclareOutage {
            system: a(),
            from: house.second(from_s),
            to,
            evidence: "calls".into(),
        };
        let declared = declare(None);
        house.acts(from_s + 10, "kim", declared);
        let outage = *house.record.outages.keys().next_back().unwrap();
        let to = house.second(from_s + 60);
        let reason = "works again".into();
        let over = Act::ChangeDeclaration {
            outage,
            to,
            reason,
            approved_by: None,
        };
        house.acts(from_s + 60, "kim", over);
    }
    assert!(is_unstable(&house));
    // It has been up for 41 s.
    house.set_clock(5_501, 1_000);
    house.tick(1_258);
    assert!(is_unstable(&house));
    house.tick(1_259);
    assert!(!is_unstable(&house));
}
