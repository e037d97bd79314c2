//! A clock that is set while a system is unstable: an hour stays an hour, and a hold a hold.

use domain::act::{Act, Selector};
use domain::notice::Kind;

use super::{ORIGIN, Service, a, flappy, is_unstable, notices, outages, play, told, watched};

/// A second later the clock is set.
fn set(service: &mut Service, to_s: i64) {
    let now_s = service.now.duration_since(service.origin).as_secs();
    service.set_clock(now_s + 1, to_s);
}

/// From when to when, in seconds since the origin, the last notice of a kind says of a system.
fn said(service: &Service, kind: Kind) -> (i64, i64) {
    let (_, notice) = notices(service, kind).pop().unwrap();
    let affected = &notice.affected[0];
    let offset = |at: Option<jiff::Timestamp>| at.unwrap().duration_since(service.origin).as_secs();
    (offset(affected.from), offset(affected.to))
}

#[test]
fn a_clock_set_back_during_the_hold_begins_it_anew_and_puts_nothing_off_for_an_hour() {
    let mut service = watched();
    outages(&mut service, &[3_630, 3_930, 4_230], 4_440);
    assert!(is_unstable(&service));
    set(&mut service, 840);
    outages(&mut service, &[], 1_400);
    // Heard again at 840: up for five minutes at 1140.
    assert!(!is_unstable(&service));
    assert_eq!(
        told(&service, Kind::Uptime),
        [(3_750, 0), (4_050, 0), (1_140, 3)]
    );
    // What ended at 4320 ended 121 s before the clock was set.
    assert_eq!(said(&service, Kind::Uptime), (840 - 811, 840 - 121));
    play(&mut service, 6_000, |_| 'U');
    assert_eq!(told(&service, Kind::Uptime).len(), 3);
    assert_eq!(told(&service, Kind::Downtime).len(), 3);
}

#[test]
fn an_outage_after_the_clock_was_set_back_is_one_more_of_the_same_unstable_system() {
    let mut service = watched();
    outages(&mut service, &[3_630, 3_930, 4_230], 4_440);
    set(&mut service, 840);
    outages(&mut service, &[930], 1_500);
    assert_eq!(
        told(&service, Kind::Downtime),
        [(3_690, 0), (3_990, 0), (4_290, 3)]
    );
    // One incident goes on, with all four.
    let incidents = service.record.incidents.all();
    let alone: Vec<_> = incidents.filter(|i| i.merged.is_none()).collect();
    assert_eq!(alone.len(), 1);
    assert_eq!(alone[0].outages.len(), 4);
    // Up from 1020 on, and said so once, of a time that is over.
    assert_eq!(
        told(&service, Kind::Uptime),
        [(3_750, 0), (4_050, 0), (1_320, 4)]
    );
    assert_eq!(said(&service, Kind::Uptime), (840 - 811, 1_020));
}

#[test]
fn the_hour_that_counts_is_an_hour_however_the_clock_is_set() {
    // Two outages, and the clock set back by an hour between them and a third.
    let third = |after_s: i64| {
        let mut service = watched();
        outages(&mut service, &[4_000, 4_300], 4_470);
        set(&mut service, 870);
        outages(&mut service, &[870 + after_s], 870 + after_s + 120);
        is_unstable(&service)
    };
    assert!(third(60));
    // The first began 471 s before the step, the third 3060 s after it.
    assert!(third(3_060));
    assert!(!third(3_180));
    // A clock that was ahead for a minute makes nothing older.
    let mut service = watched();
    outages(&mut service, &[60, 360], 510);
    set(&mut service, 90_000);
    outages(&mut service, &[], 90_060);
    set(&mut service, 600);
    outages(&mut service, &[660], 780);
    assert!(is_unstable(&service));
}

#[test]
fn an_outage_that_ends_while_the_clock_jumps_ahead_is_the_last_that_is_told() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630], 690);
    set(&mut service, 1_320);
    outages(&mut service, &[], 2_000);
    assert_eq!(
        told(&service, Kind::Uptime),
        [(150, 0), (450, 0), (1_620, 3)]
    );
    // Seen down last at 690, and vouched for until the jump.
    assert_eq!(said(&service, Kind::Uptime), (30, 691));
    let third = service.record.outages.all().next_back().unwrap().id;
    let (_, last) = notices(&service, Kind::Uptime).pop().unwrap();
    assert_eq!(last.affected[0].outage, Some(third));
}

#[test]
fn a_system_that_only_people_watch_is_stable_again_after_as_long_as_it_must() {
    let mut system = flappy("a");
    system.probes.clear();
    let mut service = Service::new(ORIGIN, vec![system]);
    for from_s in [5_000, 5_200, 5_400] {
        let declare = |to| Act::DeclareOutage {
            system: a(),
            from: service.second(from_s),
            to,
            evidence: "calls".into(),
        };
        let declared = declare(None);
        service.act_at(from_s + 10, "kim", declared);
        let outage = service.record.outages.all().next_back().unwrap().id;
        let to = service.second(from_s + 60);
        let reason = "works again".into();
        let over = Act::ChangeDeclaration {
            outage: Selector::Id(outage),
            to,
            reason,
            approved_by: None,
        };
        service.act_at(from_s + 60, "kim", over);
    }
    assert!(is_unstable(&service));
    // It has been up for 41 s.
    service.set_clock(5_501, 1_000);
    service.tick(1_258);
    assert!(is_unstable(&service));
    service.tick(1_259);
    assert!(!is_unstable(&service));
}
