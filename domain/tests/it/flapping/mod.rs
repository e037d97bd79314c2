//! Systems that fail again and again: told once, held until they have been up for long enough, one
//! incident.
mod clock;
mod joined;

use crate::service::{Service, catalogue, rule, system};
use domain::catalogue::{Catalogue, Customer, Flapping, System};
use domain::event::{Delivery, Fact};
use domain::id::SystemId;
use domain::input::Input;
use domain::notice::{Affected, Kind, Notice, Role};
use domain::record::{Outgoing, Standing};
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

fn watched() -> Service {
    Service::new(ORIGIN, vec![flappy("a")])
}

/// Up but for outages of 90 s that begin at these offsets, until `until_s`; all mail is delivered.
fn outages(service: &mut Service, starts: &[i64], until_s: i64) {
    let down = |t: i64| starts.iter().any(|from| (*from..*from + 90).contains(&t));
    play(service, until_s, |t| if down(t) { 'D' } else { 'U' });
}

/// A sample every 30 s from now to `until_s`, each followed by the mail that is due.
fn play(service: &mut Service, until_s: i64, letter: impl Fn(i64) -> char) {
    let now_s = service.now.duration_since(service.origin).as_secs();
    let mut t = (now_s + 29).div_euclid(30) * 30;
    while t <= until_s {
        service.tick(t);
        if letter(t) != '.' {
            service.sample("a/p", t, letter(t));
        }
        service.deliver_due(Delivery::Accepted);
        t += 30;
    }
}

/// What happened to systems and customers, without deliveries.
fn outline(service: &Service) -> String {
    let told = |line: &&str| !line.contains("attempt ") && !line.contains("Accepted");
    let lines: Vec<String> = service
        .timeline_without_probes()
        .lines()
        .filter(told)
        .map(str::to_owned)
        .collect();
    lines.join("\n") + "\n"
}

/// When each notice of a kind was decided, and how many outages it speaks of as of an unstable
/// system.
fn told(service: &Service, kind: Kind) -> Vec<(i64, usize)> {
    notices(service, kind)
        .into_iter()
        .map(|(at, notice)| {
            let said = notice.affected.iter().find_map(|a| a.flapping.as_ref());
            (at, said.map_or(0, |u| u.outages.len()))
        })
        .collect()
}

fn notices(service: &Service, kind: Kind) -> Vec<(i64, Notice)> {
    let decided = |at: jiff::Timestamp| at.duration_since(service.origin).as_secs();
    service
        .due
        .iter()
        .filter(|o| o.notice.kind == kind)
        .map(|o| (decided(o.at), o.notice.clone()))
        .collect()
}

fn a() -> SystemId {
    "a".into()
}

fn is_unstable(service: &Service) -> bool {
    service.record.episode(&a()).is_some()
}

#[test]
fn the_third_outage_in_an_hour_is_told_once_as_unstable_and_held_until_it_has_been_up() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630, 930], 1500);
    expect![[r#"
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    due downtime/O-1/it@clinic.example
        150   #13 O-1 ends 120
        150   #14 IncidentResolved I-1
        150   due uptime/O-1/it@clinic.example
        390   #19 outage O-2 of a from 330
        390   #20 incident I-2 (Outage)
        390   due downtime/O-2/it@clinic.example
        450   #25 O-2 ends 420
        450   #26 IncidentResolved I-2
        450   due uptime/O-2/it@clinic.example
        690   #31 outage O-3 of a from 630
        690   #32 a flaps: O-1 O-2 O-3 of I-1
        690   due downtime/O-3/it@clinic.example
        750   #37 O-3 ends 720
        990   #40 outage O-4 of a from 930
        990   #41 a flaps: O-4 of I-1
        1050  #44 O-4 ends 1020
        1320  #45 a settled, I-1
        1320  #46 IncidentResolved I-1
        1320  due uptime/O-4/it@clinic.example
    "#]]
    .assert_eq(&outline(&service));
    assert_eq!(
        told(&service, Kind::Downtime),
        [(90, 0), (390, 0), (690, 3)]
    );
    assert_eq!(
        told(&service, Kind::Uptime),
        [(150, 0), (450, 0), (1320, 4)]
    );
    // From the first to the last, with the downtime of all.
    let (_, notice) = notices(&service, Kind::Uptime).pop().unwrap();
    let said = &notice.affected[0];
    assert_eq!(said.from, Some(service.second(30)));
    assert_eq!(said.to, Some(service.second(1020)));
    assert_eq!(said.down_s, Some(4 * 90));
    let first = service.record.notices.messages().next().unwrap().0;
    assert!(notice.references.contains(&first), "one thread");
}

#[test]
fn an_outage_that_began_a_whole_hour_before_does_not_count() {
    let mut short = watched();
    outages(&mut short, &[30, 1830, 3600], 3900);
    assert!(is_unstable(&short), "59 min 30 s");
    let mut whole = watched();
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
    let mut service = Service::new(ORIGIN, vec![never]);
    outages(&mut service, &[30, 330, 630, 930], 1500);
    assert_eq!(told(&service, Kind::Uptime).len(), 4);
    assert!(!service.timeline_without_probes().contains("flaps"));
}

#[test]
fn what_a_window_excuses_does_not_count_and_is_not_joined_but_breaks_the_hold() {
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:05:00", 300, None)];
    let mut service = Service::new(ORIGIN, vec![system]);
    outages(&mut service, &[30, 330, 630, 930], 960);
    assert!(!is_unstable(&service), "two and one excused");
    outages(&mut service, &[930], 1000);
    assert!(is_unstable(&service));
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:15:00", 300, None)];
    let mut service = Service::new(ORIGIN, vec![system]);
    outages(&mut service, &[30, 330, 630, 960], 1320);
    assert!(
        is_unstable(&service),
        "720 + 300, but an excused one from 960 to 1050"
    );
    assert_eq!(service.record.episode(&a()).unwrap().more, []);
    play(&mut service, 1380, |_| 'U');
    assert_eq!(told(&service, Kind::Uptime).last(), Some(&(1350, 3)));
}

#[test]
fn an_overrun_while_unstable_joins_and_says_nothing_of_its_own() {
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:15:00", 300, Some(60))];
    let mut service = Service::new(ORIGIN, vec![system]);
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    play(&mut service, 1500, |t| {
        if down(t) || (960..1140).contains(&t) {
            'D'
        } else {
            'U'
        }
    });
    assert_eq!(told(&service, Kind::MaintenanceOverrun), []);
    assert_eq!(told(&service, Kind::Downtime).len(), 3);
    // From the end of the overrun on.
    assert_eq!(told(&service, Kind::Uptime).last(), Some(&(1440, 4)));
    let (_, notice) = notices(&service, Kind::Uptime).pop().unwrap();
    assert_eq!(notice.affected[0].down_s, Some(3 * 90 + 180));
}

#[test]
fn an_overrun_that_crosses_the_limit_is_told_as_unstable() {
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:10:00", 300, Some(60))];
    let mut service = Service::new(ORIGIN, vec![system]);
    let down = |t: i64| [30, 330].iter().any(|f| (*f..f + 90).contains(&t));
    play(&mut service, 900, |t| {
        if down(t) || (630..750).contains(&t) {
            'D'
        } else {
            'U'
        }
    });
    assert_eq!(told(&service, Kind::MaintenanceOverrun), []);
    let (at, notice) = notices(&service, Kind::Downtime).pop().unwrap();
    assert_eq!(at, 690);
    let said = notice.affected[0].flapping.clone().unwrap();
    assert_eq!((said.outages.len(), said.since), (3, service.second(30)));
}

#[test]
fn an_outage_during_the_hold_begins_it_anew() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630, 960], 1320);
    assert!(
        is_unstable(&service),
        "1020 passed, but down from 960 to 1050"
    );
    outages(&mut service, &[], 1380);
    assert_eq!(told(&service, Kind::Uptime).last(), Some(&(1350, 4)));
}

#[test]
fn a_bad_run_at_the_end_of_the_hold_is_waited_for() {
    let blip = |t: i64| (1000..1030).contains(&t);
    let first = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    let mut service = watched();
    // Bad at 1020, the very end of the hold: what falls due goes before what is seen.
    play(&mut service, 1080, |t| {
        if first(t) || blip(t) { 'D' } else { 'U' }
    });
    assert_eq!(told(&service, Kind::Uptime).last(), Some(&(1020, 3)));
    let mut service = Service::new(ORIGIN, vec![flappy("a")]);
    // Bad at 990 and good at 1020: nothing, but a break.
    let blip = |t: i64| (980..1010).contains(&t);
    play(&mut service, 1260, |t| {
        if first(t) || blip(t) { 'D' } else { 'U' }
    });
    assert!(is_unstable(&service));
    play(&mut service, 1350, |_| 'U');
    assert_eq!(told(&service, Kind::Uptime).last(), Some(&(1320, 3)));
    // Bad from 990 on, and confirmed after the end: one more outage.
    let mut service = Service::new(ORIGIN, vec![flappy("a")]);
    play(&mut service, 1080, |t| {
        if first(t) || t >= 990 { 'D' } else { 'U' }
    });
    assert_eq!(service.record.episode(&a()).unwrap().more.len(), 1);
}

#[test]
fn time_that_nobody_watched_is_not_up() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630], 780);
    // Up again from 720 on; silent from 855 on, heard again at 990.
    play(&mut service, 1260, |t| {
        if (790..980).contains(&t) { '.' } else { 'U' }
    });
    assert!(is_unstable(&service), "up since 990");
    play(&mut service, 1320, |_| 'U');
    assert_eq!(told(&service, Kind::Uptime).last(), Some(&(1290, 3)));
}

#[test]
fn a_restart_during_the_hold_begins_it_anew_and_forgets_nothing() {
    for crash in [false, true] {
        let mut service = watched();
        outages(&mut service, &[30, 330, 630], 870);
        if crash {
            service.crash(871, 900);
        } else {
            service.stop(871);
            service.start(900);
        }
        play(&mut service, 1170, |_| 'U');
        assert!(is_unstable(&service), "up since 900");
        play(&mut service, 1230, |_| 'U');
        let last = told(&service, Kind::Uptime).pop().unwrap();
        assert_eq!(last, (1200, 3), "crash {crash}");
    }
}

#[test]
fn a_hold_that_ended_before_a_long_sleep_is_dated_to_its_end() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630], 990);
    service.input(service.second(1030), Input::Tick);
    let settled = service
        .events
        .iter()
        .rfind(|(_, e)| matches!(e.fact, Fact::FlappingEnded { .. }));
    assert_eq!(settled.unwrap().1.at, service.second(1020));
    assert_eq!(told(&service, Kind::Uptime).last(), Some(&(1030, 3)));
}

#[test]
fn of_two_systems_of_a_customer_only_the_unstable_one_is_held() {
    let mut service = Service::new(ORIGIN, vec![flappy("a"), flappy("b")]);
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    for t in (0..=1080).step_by(30) {
        service.sample("a/p", t, if down(t) { 'D' } else { 'U' });
        service.sample("b/p", t, if (630..720).contains(&t) { 'D' } else { 'U' });
        service.deliver_due(Delivery::Accepted);
    }
    let (_, both) = notices(&service, Kind::Downtime).pop().unwrap();
    let unstable: Vec<bool> = both.affected.iter().map(|a| a.flapping.is_some()).collect();
    assert_eq!(unstable, [true, false]);
    assert_eq!(
        told(&service, Kind::Uptime).split_off(2),
        [(750, 0), (1020, 3)]
    );
}

#[test]
fn a_system_that_is_removed_ends_its_incident_without_a_word() {
    let mut service = Service::new(ORIGIN, vec![flappy("a"), system("b")]);
    outages(&mut service, &[30, 330, 630], 780);
    service.configure(service.second(790), catalogue(vec![system("b")]));
    assert!(
        service.record.unstable.is_empty()
            && service.record.incidents.unresolved().next().is_none()
    );
    service.tick(4000);
    assert_eq!(told(&service, Kind::Uptime).len(), 2);
}

fn with_customer(id: &str) -> Catalogue {
    let mut all = catalogue(vec![flappy("a")]);
    all.customers.push(Customer {
        id: id.into(),
        name: id.to_uppercase(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
        contacts: vec![format!("it@{id}.example")],
        systems: vec![a()],
    });
    all
}

#[test]
fn a_customer_that_comes_meanwhile_hears_of_it_with_the_next_outage() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630], 780);
    service.configure(service.second(790), with_customer("lab"));
    outages(&mut service, &[810, 1050], 1500);
    let new = |kind| -> Vec<(i64, usize)> {
        let lab = |n: &Notice| n.recipient.customers().any(|c| c.as_str() == "lab");
        let of = |n: &&(i64, Notice)| lab(&n.1);
        let said = |n: &Affected| n.flapping.as_ref().unwrap().outages.len();
        let all = notices(&service, kind);
        let found = all.iter().filter(of);
        found.map(|(at, n)| (*at, said(&n.affected[0]))).collect()
    };
    assert_eq!(new(Kind::Downtime), [(870, 4)]);
    assert_eq!(new(Kind::Uptime), [(1440, 5)]);
    // The other one heard before.
    assert_eq!(notices(&service, Kind::Downtime).len(), 4);
}

#[test]
fn an_address_whose_customer_gets_another_id_hears_once_that_it_is_over() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630], 780);
    let mut renamed = catalogue(vec![flappy("a")]);
    renamed.customers[0].id = "clinic-of-the-lake".into();
    service.configure(service.second(790), renamed);
    // The address knows that the system is unstable.
    let before = notices(&service, Kind::Downtime).len();
    outages(&mut service, &[810], 1300);
    assert_eq!(notices(&service, Kind::Downtime).len(), before);
    let over: Vec<_> = notices(&service, Kind::Uptime)
        .into_iter()
        .filter(|(at, _)| *at > 790)
        .map(|(at, n)| (at, n.recipient.who, n.recipient.address.to_string()))
        .collect();
    let once = (
        1200,
        [Role::Customer("clinic-of-the-lake".into())].into(),
        "it@clinic.example".into(),
    );
    assert_eq!(over, [once]);
}

#[test]
fn what_could_not_be_delivered_until_it_is_over_is_said_once() {
    let mut service = watched();
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    for t in (0..=1050).step_by(30) {
        service.tick(t);
        service.sample("a/p", t, if down(t) { 'D' } else { 'U' });
        service.deliver_due(Delivery::Deferred);
    }
    service.tick(4_000);
    let last = service.only_due();
    let said = last.affected[0].flapping.as_ref().unwrap();
    assert_eq!((last.kind, last.includes_downtime), (Kind::Uptime, true));
    assert_eq!(said.outages.len(), 3);
    let sent = |o: &&Outgoing| matches!(o.standing, Standing::Sent(_));
    assert_eq!(service.messages().into_iter().filter(sent).count(), 0);
}

#[test]
fn an_uptime_that_has_not_left_when_the_system_becomes_unstable_is_folded() {
    let mut service = watched();
    outages(&mut service, &[30, 330], 420);
    // The second recovery is decided, but the relay is away.
    service.sample("a/p", 450, 'U');
    let id = service.deliver_due(Delivery::Deferred)[0];
    assert_eq!(service.message(id).notice.kind, Kind::Uptime);
    for t in [630, 660, 690] {
        service.sample("a/p", t, 'D');
    }
    service.deliver_due(Delivery::Accepted);
    assert!(matches!(
        service.message(id).standing,
        Standing::Superseded(Some(_))
    ));
}

#[test]
fn a_customer_that_left_before_the_newest_outage_is_not_told_of_the_flapping_again() {
    let mut service = watched();
    outages(&mut service, &[30, 300, 570], 630);
    let told = |service: &Service| {
        let downtimes = service.record.notices.messages().filter(|(_, o)| {
            o.notice.kind == Kind::Downtime && o.notice.affected[0].flapping.is_some()
        });
        downtimes.count()
    };
    assert_eq!(told(&service), 1);
    let mut without = catalogue(vec![flappy("a")]);
    without.customers.clear();
    // The system is removed and comes back without the customer: its next outage is flapping anew.
    service.configure(service.now, catalogue(vec![system("b")]));
    service.configure(service.now, without);
    outages(&mut service, &[840], 1000);
    let flapping = |(_, e): &&(u64, domain::event::Event)| matches!(e.fact, Fact::Flapping { .. });
    assert_eq!(service.events.iter().filter(flapping).count(), 2);
    assert_eq!(told(&service), 1);
}
