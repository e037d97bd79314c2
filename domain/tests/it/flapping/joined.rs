//! What counts, and what becomes of its incidents: outages that people declare among them, incidents
//! that people wrote in or closed, systems that stay impaired.

use domain::act::{Act, Selector};
use domain::catalogue::{Affects, System};
use domain::event::{Delivery, Fact};
use domain::id::{IncidentId, OutageId};
use domain::incident::Review;
use domain::notice::Kind;
use domain::policy::Policy;

use super::{ORIGIN, Service, a, flappy, is_unstable, notices, outages, play, told, watched};
use crate::service::{acknowledge, catalogue, policy, probe, rule};

#[test]
fn a_declared_outage_counts_but_one_recorded_afterwards_makes_nothing_unstable() {
    let declare = |service: &mut Service, from_s: i64, to_s: Option<i64>, at_s: i64| {
        let act = Act::DeclareOutage {
            system: a(),
            from: service.second(from_s),
            to: to_s.map(|s| service.second(s)),
            evidence: "calls".into(),
        };
        service.act_at(at_s, "ann", act);
    };
    let mut service = watched();
    outages(&mut service, &[30, 330], 480);
    declare(&mut service, 500, Some(560), 600);
    assert!(!is_unstable(&service), "it was over when it was recorded");
    outages(&mut service, &[630], 690);
    assert!(is_unstable(&service));
    assert_eq!(service.record.episode(&a()).unwrap().counted.len(), 4);
    // One that goes on is told at once, and may cross the limit.
    let mut service = Service::new(ORIGIN, vec![flappy("a")]);
    outages(&mut service, &[30, 330], 600);
    declare(&mut service, 540, None, 610);
    assert!(is_unstable(&service));
    assert_eq!(told(&service, Kind::Downtime).last(), Some(&(610, 3)));
}

#[test]
fn what_overlaps_is_one_outage() {
    let mut service = watched();
    let act = Act::DeclareOutage {
        system: a(),
        from: service.second(20),
        to: Some(service.second(120)),
        evidence: "calls".into(),
    };
    outages(&mut service, &[30], 180);
    service.act_at(200, "ann", act);
    outages(&mut service, &[330], 480);
    assert!(!is_unstable(&service));
    assert!(!service.timeline_without_probes().contains("flaps"));
}

#[test]
fn nothing_that_a_person_wrote_is_lost_when_incidents_become_one() {
    let mut service = watched();
    outages(&mut service, &[30, 330], 480);
    let [first, second] = *service
        .record
        .incidents
        .all()
        .map(|i| i.id)
        .collect::<Vec<_>>()
    else {
        panic!("two incidents");
    };
    let review = |incident, text: &str| {
        let review = Review {
            summary: Some(text.into()),
            ..Review::default()
        };
        crate::service::review(Selector::Id(incident), review)
    };
    service.act_at(490, "ann", review(first, "one"));
    service.act_at(491, "ann", review(second, "two"));
    let incident = Selector::Id(second);
    service.act_at(492, "bob", acknowledge(incident));
    outages(&mut service, &[630], 720);
    let (one, two) = (
        service.record.incidents.get(first).unwrap(),
        service.record.incidents.get(second).unwrap(),
    );
    assert_eq!(one.outages.len(), 3);
    assert_eq!(one.acknowledged.as_ref().unwrap().by, "bob");
    assert_eq!(two.merged, Some((service.second(690) + ms(), first)));
    assert_eq!(one.review.summary.as_deref(), Some("one"));
    assert_eq!(two.review.summary.as_deref(), Some("two"));
    assert!(two.missing().is_empty());
    assert_eq!(service.record.incidents.of_system(&a()).unwrap().id, first);
    let close = Act::Close {
        incident: Selector::Id(second),
        without: Some("no".into()),
        confirmed_by: None,
    };
    let expected = format!("{second} was merged into {first}: name that one");
    assert_eq!(service.refusal(721, "ann", close), expected);
}

/// Samples are decided a millisecond after their start.
fn ms() -> jiff::SignedDuration {
    jiff::SignedDuration::from_millis(1)
}

#[test]
fn an_incident_that_a_person_closed_is_left_and_its_outage_joins_the_next() {
    let mut service = watched();
    outages(&mut service, &[30], 180);
    let first = service.record.incidents.all().next().unwrap().id;
    let close = Act::Close {
        incident: Selector::Id(first),
        without: Some("known".into()),
        confirmed_by: None,
    };
    service.act_at(190, "ann", close);
    outages(&mut service, &[330, 630], 720);
    let episode = service.record.episode(&a()).unwrap();
    assert_ne!(episode.incident, first);
    assert_eq!(
        service
            .record
            .incidents
            .get(episode.incident)
            .unwrap()
            .outages
            .len(),
        3
    );
    let closed = service.record.incidents.get(first).unwrap();
    assert!(closed.closed.is_some() && closed.merged.is_some());
}

#[test]
fn the_next_outage_of_the_hour_goes_on_with_the_same_incident() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630, 1200], 1700);
    let incidents: Vec<IncidentId> = service
        .record
        .outages
        .all()
        .filter_map(|o| o.incident)
        .collect();
    assert_eq!(incidents.len(), 4);
    assert!(incidents.iter().all(|i| *i == incidents[0]));
    assert_eq!(
        told(&service, Kind::Downtime).split_off(2),
        [(690, 3), (1260, 4)]
    );
    assert_eq!(
        told(&service, Kind::Uptime).split_off(2),
        [(1020, 3), (1590, 4)]
    );
}

#[test]
fn an_incident_of_an_unstable_system_waits_until_it_is_no_longer_impaired() {
    let mut system = flappy("a");
    let mut slow = probe("a", "slow");
    slow.affects = Affects::Degradation;
    system.probes.push(slow);
    let mut service = Service::new(ORIGIN, vec![system]);
    let down = |t: i64| [30, 330, 630].iter().any(|f| (*f..f + 90).contains(&t));
    for t in (0..=1080).step_by(30) {
        service.sample("a/p", t, if down(t) { 'D' } else { 'U' });
        service.sample("a/slow", t, if t > 700 { 'D' } else { 'U' });
        service.deliver_due(Delivery::Accepted);
    }
    let (at, notice) = notices(&service, Kind::Uptime).pop().unwrap();
    assert_eq!((at, notice.affected[0].impaired), (1020, true));
    assert_eq!(service.record.incidents.unresolved().count(), 1);
}

#[test]
fn a_policy_that_ignores_short_outages_tests_the_sum_of_them() {
    let mut all = catalogue(vec![System {
        policy: Some("p".into()),
        ..flappy("a")
    }]);
    all.policies.push(Policy {
        ignore_shorter_s: 200,
        ..policy("p", None)
    });
    let mut service = Service::with(ORIGIN, all);
    outages(&mut service, &[30, 330], 600);
    let ignored = "up 420 degraded 0 planned 0 excluded 180 unplanned 0 unknown 0";
    assert_eq!(service.figures("a", 0, 600), ignored);
    outages(&mut service, &[630], 900);
    let counted = "up 630 degraded 0 planned 0 excluded 0 unplanned 270 unknown 0";
    assert_eq!(service.figures("a", 0, 900), counted);
    // Each month tests them whole.
    let first = "up 210 degraded 0 planned 0 excluded 0 unplanned 90 unknown 0";
    assert_eq!(service.figures("a", 0, 300), first);
}

#[test]
fn every_fact_of_it_is_folded_as_it_was_decided() {
    let mut service = watched();
    outages(&mut service, &[30, 330, 630, 930], 1500);
    let mut record = domain::record::Record::default();
    for (seq, event) in &service.events {
        record.apply(*seq, event);
    }
    assert_eq!(record, service.record);
    let flapped: Vec<Vec<OutageId>> = service
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
    let mut service = watched();
    outages(&mut service, &[30], 300);
    service.sample("a/p", 330, 'D');
    let declare = |service: &Service, from_s: i64, to_s: Option<i64>| Act::DeclareOutage {
        system: a(),
        from: service.second(from_s),
        to: to_s.map(|s| service.second(s)),
        evidence: "calls".into(),
    };
    // It waits to be told, since more may be down; then a third is found that was over.
    let on = declare(&service, 335, None);
    service.act_at(340, "kim", on);
    let over = declare(&service, 200, Some(250));
    service.act_at(341, "kim", over);
    service.sample("a/p", 345, 'D');
    service.sample("a/p", 350, 'D');
    assert!(is_unstable(&service));
    let (_, last) = notices(&service, Kind::Downtime).pop().unwrap();
    assert_eq!(last.affected.len(), 1, "{}", crate::service::key(&last));
    assert_eq!(told(&service, Kind::Downtime).last(), Some(&(350, 4)));
}

#[test]
fn what_a_person_declared_beside_any_outage_of_an_unstable_system_is_said_with_it() {
    let mut system = flappy("a");
    system.windows = vec![rule("w", "00:05:00", 300, None)];
    let mut service = Service::new(ORIGIN, vec![system]);
    // The first lies in the window: nobody hears of its end. It is taken back, and counts.
    outages(&mut service, &[330], 440);
    let (outage, reason) = (service.record.outages.all().next().unwrap().id, "no".into());
    service.act_at(
        441,
        "kim",
        Act::Reclassify {
            outage: Selector::Id(outage),
            reason,
        },
    );
    outages(&mut service, &[630, 930], 1100);
    assert!(is_unstable(&service));
    let declare = Act::DeclareOutage {
        system: a(),
        from: service.second(200),
        to: Some(service.second(350)),
        evidence: "calls".into(),
    };
    service.act_at(1101, "kim", declare);
    let declared = service.record.outages.all().next_back().unwrap().id;
    play(&mut service, 1500, |_| 'U');
    let (_, uptime) = notices(&service, Kind::Uptime).pop().unwrap();
    let [said] = &uptime.affected[..] else {
        panic!("{uptime:#?}");
    };
    assert_eq!(said.flapping.as_ref().unwrap().outages.len(), 3);
    assert_eq!(said.joined, [declared]);
    assert_eq!(said.from, Some(service.second(200)));
}
