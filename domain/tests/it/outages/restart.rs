//! The service stops or crashes and starts again: the time between is unknown, no outage is split or
//! lost, no notice is lost or repeated.

use crate::service::{Service, catalogue, key, rule, send_due, system};
use domain::act::Act;
use domain::catalogue::Rule;
use domain::event::{Delivery, Fact};
use domain::notice::Kind;
use domain::notices;
use domain::record::Standing;
use domain::sample::{Outcome, Reason};
use domain::watch::Watch;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn watched() -> Service {
    Service::new(ORIGIN, vec![system("a")])
}

/// At 90: the system is down from 30 on, and its customer was notified.
fn down() -> Service {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service
}

/// The story from some event on, and the seconds up to an offset.
fn since(service: &Service, seq: usize, until_s: i64) -> String {
    let story = service.timeline();
    let lines: Vec<&str> = story.lines().skip(seq).collect();
    format!(
        "{}\n{}\n",
        lines.join("\n"),
        service.figures("a", 0, until_s)
    )
}

#[test]
fn stopped_and_started_again_while_up_is_unknown_in_between() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUU")]);
    service.stop(80);
    service.start(200);
    service.draw(210, &[("a/p", "UUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        80    #5 stopped
        200   #6 started
        210   #7 a/p heard from 210
        up 140 degraded 0 planned 0 excluded 0 unplanned 0 unknown 130
    "#]]
    .assert_eq(&since(&service, 0, 270));
}

#[test]
fn a_crash_while_up_is_unknown_from_the_last_sign_of_life() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUU")]);
    service.crash(70, 200);
    service.draw(210, &[("a/p", "UUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        200   #5 started, alive until 70
        210   #6 a/p heard from 210
        up 130 degraded 0 planned 0 excluded 0 unplanned 0 unknown 140
    "#]]
    .assert_eq(&since(&service, 0, 270));
}

#[test]
fn a_crash_long_after_the_last_sample_is_unknown_from_where_that_stopped_vouching() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUU")]);
    // The mark says alive until 200, yet no sample came after 60.
    service.crash(200, 400);
    service.draw(420, &[("a/p", "UUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        145   #5 a/p silent from 135 (Missing)
        400   #6 started, alive until 200
        420   #7 a/p heard from 420
        up 195 degraded 0 planned 0 excluded 0 unplanned 0 unknown 285
    "#]]
    .assert_eq(&since(&service, 0, 480));
}

#[test]
fn up_after_a_crash_the_outage_ended_unobserved_even_if_the_samples_are_lost() {
    for samples_survive in [true, false] {
        let mut service = down();
        if samples_survive {
            service.crash(100, 400);
        } else {
            service.crash_with(100, 400, &[]);
        }
        service.draw(420, &[("a/p", "UUU")]);
        expect![[r#"
            90    #9 attempt 1 of N-1
            90    #10 N-1 Accepted
            400   #11 started, alive until 100
            420   #12 a/p heard from 420
            450   #13 a/p cleared from 100
            450   #14 a/p up from 100 (between 100 and 420)
            450   #15 O-1 ends 100 (between 100 and 420)
            450   #16 IncidentResolved I-1
            450   due uptime/O-1/it@clinic.example
            up 90 degraded 0 planned 0 excluded 0 unplanned 70 unknown 320
        "#]]
        .assert_eq(&since(&service, 6, 480));
    }
}

#[test]
fn back_to_a_system_that_is_still_down_it_is_one_outage_and_one_pair_of_notices() {
    let mut service = down();
    service.crash(100, 400);
    service.draw(420, &[("a/p", "DDDUU")]);
    expect![[r#"
        90    #9 attempt 1 of N-1
        90    #10 N-1 Accepted
        400   #11 started, alive until 100
        420   #12 a/p heard from 420
        540   #13 a/p cleared from 510
        540   #14 a/p up from 510
        540   #15 O-1 ends 510
        540   #16 IncidentResolved I-1
        540   due uptime/O-1/it@clinic.example
        up 60 degraded 0 planned 0 excluded 0 unplanned 160 unknown 320
    "#]]
    .assert_eq(&since(&service, 6, 540));
}

#[test]
fn a_good_sample_before_the_crash_ends_the_outage_there_if_it_is_up_afterwards() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDDU")]);
    service.crash(130, 400);
    service.draw(420, &[("a/p", "UUU")]);
    expect![[r#"
        400   #9 started, alive until 130
        420   #10 a/p heard from 420
        450   #11 a/p cleared from 120
        450   #12 a/p up from 120 (between 120 and 420)
        450   #13 O-1 ends 120 (between 120 and 420)
        450   #14 IncidentResolved I-1
        450   due uptime/O-1/it@clinic.example (both)
        up 100 degraded 0 planned 0 excluded 0 unplanned 90 unknown 290
    "#]]
    .assert_eq(&since(&service, 6, 480));
}

#[test]
fn a_run_goes_on_across_a_short_gap_and_its_earlier_samples_are_read_back() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDD")]);
    service.stop(95);
    service.start(110);
    service.draw(120, &[("a/p", "DUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        95    #5 stopped
        110   #6 started
        120   #7 a/p heard from 120
        120   #8 a/p degraded from 60
        120   #9 a/p down from 60 on 3 samples
        120   #10 outage O-1 of a from 60
        120   #11 incident I-1 (Outage)
        120   due downtime/O-1/it@clinic.example
        180   #12 a/p cleared from 150
        180   #13 a/p up from 150
        180   #14 O-1 ends 150
        180   #15 IncidentResolved I-1
        180   due uptime/O-1/it@clinic.example (both)
        up 90 degraded 0 planned 0 excluded 0 unplanned 65 unknown 25
    "#]]
    .assert_eq(&since(&service, 0, 180));
}

#[test]
fn a_run_goes_on_across_two_and_a_half_intervals_and_not_a_second_more() {
    let refused = |at_s| (at_s, Outcome::Down, Some(Reason::Refused));
    let after = |gap_s: i64| {
        let mut service = watched();
        service.draw(0, &[("a/p", "UUDD")]);
        service.stop(95);
        service.start(110);
        service.sample("a/p", 90 + gap_s, 'D');
        service
    };
    let service = after(75);
    // Samples that were read back are in the list.
    assert_eq!(service.confirming_samples(), [[60, 90, 165].map(refused)]);
    expect![[r#"
        165   #7 a/p heard from 165
        165   #8 a/p degraded from 60
        165   #9 a/p down from 60 on 3 samples
        165   #10 outage O-1 of a from 60
        165   #11 incident I-1 (Outage)
        165   due downtime/O-1/it@clinic.example
        up 60 degraded 0 planned 0 excluded 0 unplanned 35 unknown 70
    "#]]
    .assert_eq(&since(&service, 3, 165));
    let mut service = after(76);
    assert!(service.confirming_samples().is_empty());
    service.draw(196, &[("a/p", "UU")]);
    expect![[r#"
        166   #7 a/p blip 60..95 of 2
        166   #8 a/p heard from 166
        196   #9 a/p blip 166..196 of 1
        up 155 degraded 0 planned 0 excluded 0 unplanned 0 unknown 71
    "#]]
    .assert_eq(&since(&service, 3, 226));
}

#[test]
fn a_run_does_not_go_on_across_a_long_gap() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDD")]);
    service.stop(95);
    service.start(300);
    service.draw(330, &[("a/p", "DUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        95    #5 stopped
        300   #6 started
        300   #7 a/p blip 60..95 of 2
        330   #8 a/p heard from 330
        360   #9 a/p blip 330..360 of 1
        up 155 degraded 0 planned 0 excluded 0 unplanned 0 unknown 235
    "#]]
    .assert_eq(&since(&service, 0, 390));
}

/// Draws samples that reach the sample store while no event can be written.
fn unrecorded(service: &mut Service, from_s: i64, row: &str) {
    service.disk_full = true;
    service.draw(from_s, &[("a/p", row)]);
    service.disk_full = false;
}

#[test]
fn what_samples_confirmed_and_no_event_recorded_is_recorded_at_the_start_with_its_true_times() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UU")]);
    unrecorded(&mut service, 60, "DDD");
    service.crash(121, 200);
    service.draw(210, &[("a/p", "DDUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        120   #5 a/p degraded from 60
        120   #6 a/p down from 60 on 3 samples
        120   #7 outage O-1 of a from 60
        120   #8 incident I-1 (Outage)
        200   #9 started, alive until 121
        210   #10 a/p heard from 210
        225   due downtime/O-1/it@clinic.example
        300   #11 a/p cleared from 270
        300   #12 a/p up from 270
        300   #13 O-1 ends 270
        300   #14 IncidentResolved I-1
        300   due uptime/O-1/it@clinic.example (both)
        up 90 degraded 0 planned 0 excluded 0 unplanned 121 unknown 89
    "#]]
    .assert_eq(&since(&service, 0, 300));
}

#[test]
fn a_whole_outage_that_no_event_recorded_is_not_lost() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UU")]);
    unrecorded(&mut service, 60, "DDDDUUU");
    service.crash(241, 300);
    service.draw(300, &[("a/p", "UU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        120   #5 a/p degraded from 60
        120   #6 a/p down from 60 on 3 samples
        120   #7 outage O-1 of a from 60
        120   #8 incident I-1 (Outage)
        210   #9 a/p cleared from 180
        210   #10 a/p up from 180
        210   #11 O-1 ends 180
        210   #12 IncidentResolved I-1
        300   #13 started, alive until 241
        300   due uptime/O-1/it@clinic.example (both)
        300   #14 a/p heard from 300
        up 151 degraded 0 planned 0 excluded 0 unplanned 120 unknown 59
    "#]]
    .assert_eq(&since(&service, 0, 330));
}

#[test]
fn a_recovery_that_no_event_recorded_is_not_lost() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDD")]);
    unrecorded(&mut service, 120, "UU");
    service.crash(151, 300);
    service.draw(300, &[("a/p", "UU")]);
    expect![[r#"
        150   #9 a/p cleared from 120
        150   #10 a/p up from 120
        150   #11 O-1 ends 120
        150   #12 IncidentResolved I-1
        300   #13 started, alive until 151
        300   due uptime/O-1/it@clinic.example (both)
        300   #14 a/p heard from 300
        up 91 degraded 0 planned 0 excluded 0 unplanned 90 unknown 149
    "#]]
    .assert_eq(&since(&service, 6, 330));
}

#[test]
fn a_stall_while_up_is_unknown_to_one_interval() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUU")]);
    service.absent(70, 250);
    service.draw(255, &[("a/p", "UUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        250   #5 absent 70..250
        255   #6 a/p heard from 255
        up 130 degraded 0 planned 0 excluded 0 unplanned 0 unknown 185
    "#]]
    .assert_eq(&since(&service, 0, 315));
}

#[test]
fn a_stall_within_an_outage_does_not_split_it() {
    let mut service = down();
    service.absent(100, 280);
    service.draw(285, &[("a/p", "DDUUU")]);
    expect![[r#"
        90    #9 attempt 1 of N-1
        90    #10 N-1 Accepted
        280   #11 absent 100..280
        285   #12 a/p heard from 285
        375   #13 a/p cleared from 345
        375   #14 a/p up from 345
        375   #15 O-1 ends 345
        375   #16 IncidentResolved I-1
        375   due uptime/O-1/it@clinic.example
        up 90 degraded 0 planned 0 excluded 0 unplanned 130 unknown 185
    "#]]
    .assert_eq(&since(&service, 6, 405));
}

#[test]
fn a_short_stall_neither_confirms_nor_breaks_a_run() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDD")]);
    service.absent(95, 115);
    service.draw(120, &[("a/p", "DUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        115   #5 absent 95..115
        120   #6 a/p heard from 120
        120   #7 a/p degraded from 60
        120   #8 a/p down from 60 on 3 samples
        120   #9 outage O-1 of a from 60
        120   #10 incident I-1 (Outage)
        120   due downtime/O-1/it@clinic.example
        180   #11 a/p cleared from 150
        180   #12 a/p up from 150
        180   #13 O-1 ends 150
        180   #14 IncidentResolved I-1
        180   due uptime/O-1/it@clinic.example (both)
        up 90 degraded 0 planned 0 excluded 0 unplanned 65 unknown 25
    "#]]
    .assert_eq(&since(&service, 0, 180));
}

#[test]
fn an_attempt_under_way_at_a_crash_is_ambiguous_and_sent_once_more_with_the_same_id() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDD")]);
    let down = service.begin_attempt(&service.only_due());
    service.crash(95, 110);
    assert_eq!(service.message(down).lost, 1);
    // Another sender in the configuration makes no other message of it.
    let mut moved = catalogue(vec![system("a")]);
    moved.mail_from = "Test <status@elsewhere.example>".into();
    service.configure(service.second(115), moved);
    service.draw(120, &[("a/p", "DD")]);
    service.tick(180);
    assert_eq!(service.deliver_due(Delivery::Accepted), [down]);
    let ids: Vec<_> = service
        .events
        .iter()
        .filter_map(|(_, e)| match &e.fact {
            Fact::DeliveryAttempted { message_id, .. } => Some(message_id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    service.crash(185, 190);
    assert!(matches!(service.message(down).standing, Standing::Sent(_)));
}

#[test]
fn a_midnight_that_nobody_watched_is_not_witnessed() {
    let mut service = Service::new("2026-10-01T23:58:00Z", vec![system("a")]);
    service.draw(0, &[("a/p", "UUU")]);
    service.crash(70, 600);
    service.draw(600, &[("a/p", "UU")]);
    let witnessed = |(_, e): &&(u64, domain::event::Event)| e.fact == Fact::DayClosed;
    assert_eq!(service.events.iter().filter(witnessed).count(), 0);
    service.tick(2 * 86_400);
    assert_eq!(service.events.iter().filter(witnessed).count(), 1);
}

#[test]
fn what_people_do_while_the_service_is_dead_makes_up_no_life_for_it() {
    let mut service = Service::new("2026-10-01T23:58:00Z", vec![system("a")]);
    service.draw(0, &[("a/p", "UUU")]);
    // A command opens the ledger of a service that crashed at 70.
    service.watch = Watch::rebuild(&service.record, &service.samples);
    let declared = Act::DeclareOutage {
        system: "a".into(),
        from: service.second(20),
        to: Some(service.second(40)),
        evidence: "calls".into(),
    };
    service.act_at(500, "kim", declared);
    service.crash(70, 600);
    service.draw(600, &[("a/p", "UU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        500   #5 OutageDeclared a
        500   #6 incident I-1 (Declared)
        500   #7 IncidentResolved I-1
        600   #8 started, alive until 70
        600   #9 a/p heard from 600
        up 80 degraded 0 planned 0 excluded 0 unplanned 20 unknown 530
    "#]]
    .assert_eq(&since(&service, 0, 630));
}

#[test]
fn a_configuration_that_changed_while_the_service_was_dead_does_not_shorten_the_unknown_time() {
    let two = || {
        let mut a = system("a");
        a.probes.push(crate::service::probe("a", "q"));
        a
    };
    let mut service = Service::new(ORIGIN, vec![two()]);
    service.draw(0, &[("a/p", "UUU"), ("a/q", "UUU")]);
    // Dead from 70 on; the new configuration, without q and with r, comes before the start.
    service.watch = Watch::rebuild(&service.record, &service.samples);
    let mut a = system("a");
    a.probes.push(crate::service::probe("a", "r"));
    service.configure(service.second(300), catalogue(vec![a]));
    let alive_until = Some(service.second(70));
    service.input(
        service.second(300),
        domain::input::Input::Start { alive_until },
    );
    service.draw(300, &[("a/p", "UU"), ("a/r", "UU")]);
    expect!["up 100 degraded 0 planned 0 excluded 0 unplanned 0 unknown 230"]
        .assert_eq(&service.figures("a", 0, 330));
}

#[test]
fn a_window_that_runs_when_the_service_starts_is_told_once_and_then() {
    let window = Rule {
        tell: true,
        ..rule("work", "00:02:00", 300, None)
    };
    let mut a = system("a");
    a.windows = vec![window];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UU")]);
    service.stop(40);
    service.start(200);
    service.draw(210, &[("a/p", "UU")]);
    service.crash(250, 300);
    service.draw(300, &[("a/p", "UUUUUUU")]);
    expect![[r#"
        40    #5 stopped
        200   #6 started
        200   #7 MaintenanceStarted a/work@2026-10-01
        200   due maintenance-started/a/work@2026-10-01/it@clinic.example
        300   #9 started, alive until 250
        420   #11 MaintenanceCompleted a/work@2026-10-01
        420   due maintenance-completed/a/work@2026-10-01/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_notice_that_gathered_when_the_service_died_is_told_at_the_start() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    assert!(service.due.is_empty());
    service.crash(95, 400);
    expect![[r#"
        90    #8 outage O-1 of a from 30
        90    #9 incident I-1 (Outage)
        120   due downtime/O-1/it@clinic.example
        400   #10 started, alive until 95
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

/// The system is down and its notice is pending when monitoring stops for five minutes.
fn unsent_over(stalled: bool) -> Service {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    if stalled {
        service.draw(120, &[("b/p", "UU"), ("a/p", "DD")]);
        assert_eq!(service.deliver_due(Delivery::Deferred).len(), 1);
        service.absent(160, 400);
    } else {
        service.crash(95, 400);
    }
    assert!(!service.is_quiet());
    assert_eq!(send_due(&mut service), [""; 0]);
    service
}

#[test]
fn a_downtime_that_nobody_watched_any_more_leaves_once_it_is_seen_to_go_on() {
    for stalled in [false, true] {
        let mut service = unsent_over(stalled);
        // Its interval, its timeout, and the retry that could confirm that it is up.
        let latest = service.second(400 + 30 + 10 + 15);
        let wake = |s: &Service| notices::next_wake(&s.record, s.watch.doubted(), s.now);
        assert_eq!(wake(&service), Some(latest));
        service.sample("a/p", 410, 'D');
        assert_eq!(wake(&service), Some(service.second(425)));
        assert_eq!(send_due(&mut service), [""; 0]);
        service.sample("a/p", 425, 'D');
        assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    }
}

#[test]
fn a_downtime_that_nobody_watched_any_more_is_never_sent_once_it_is_up() {
    for stalled in [false, true] {
        let mut service = unsent_over(stalled);
        service.sample("a/p", 410, 'U');
        assert_eq!(send_due(&mut service), [""; 0]);
        service.sample("a/p", 415, 'U');
        let sent = service.deliver_due(Delivery::Accepted);
        let said: Vec<_> = sent
            .iter()
            .map(|id| service.message(*id).notice.clone())
            .collect();
        assert_eq!(said.len(), 1, "one notice says both");
        assert!(said[0].kind == Kind::Uptime && said[0].includes_downtime);
        assert_eq!(said[0].affected[0].from, Some(service.second(30)));
        assert!(service.is_quiet());
    }
}

#[test]
fn a_downtime_that_nobody_can_confirm_any_more_is_not_kept_for_longer_than_that_takes() {
    for stalled in [false, true] {
        let mut service = unsent_over(stalled);
        service.sample("a/p", 410, '?');
        service.sample("a/p", 440, '?');
        service.tick(454);
        assert_eq!(send_due(&mut service), [""; 0]);
        service.tick(455);
        assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    }
}

#[test]
fn what_people_declare_and_what_was_seen_since_leave_at_once() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUU"), ("a/p", "UUU")]);
    let declared = Act::DeclareOutage {
        system: "a".into(),
        from: service.second(80),
        to: None,
        evidence: "calls".into(),
    };
    service.act_at(90, "kim", declared);
    service.crash(95, 400);
    assert_eq!(send_due(&mut service), ["downtime: a 80.."]);
    service.draw(410, &[("b/p", "DDD")]);
    assert_eq!(send_due(&mut service), ["downtime: b 410.."]);
}

/// Somebody summarises the only incident.
fn review() -> Act {
    let review = domain::incident::Review {
        summary: Some("The disk was full.".into()),
        ..domain::incident::Review::default()
    };
    let incident = domain::act::Selector::Id(domain::id::IncidentId(1));
    crate::service::review(incident, review)
}

#[test]
fn what_people_do_while_a_killed_service_is_away_makes_nothing_of_it_seen() {
    let mut service = down();
    service.draw(120, &[("a/p", "UUU")]);
    service.deliver_due(Delivery::Accepted);
    service.record_death(200, 900);
    service.act_at(900, "bob", review());
    expect![[r#"
        900   #17 died, alive until 200
        900   #18 IncidentReviewed I-1
        up 110 degraded 0 planned 0 excluded 0 unplanned 90 unknown 700
    "#]]
    .assert_eq(&since(&service, 15, 900));
    assert!(!service.record.monitoring.is_watching());
}

#[test]
fn a_killed_service_ends_an_outage_no_more_than_it_goes_on_with_it() {
    let mut service = down();
    service.record_death(100, 86_400);
    service.act_at(86_400, "bob", review());
    let figures = service.figures("a", 0, 86_400);
    assert_eq!(
        figures,
        "up 30 degraded 0 planned 0 excluded 0 unplanned 70 unknown 86300"
    );
}

#[test]
fn found_dead_twice_is_dead_once() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUU")]);
    service.record_death(70, 200);
    let before = service.events.len();
    service.record_death(70, 300);
    assert_eq!(service.events.len(), before);
}

/// Every way to die in the first minutes of an outage: what follows is the same whether somebody
/// wrote into the ledger meanwhile or not.
#[test]
fn whether_anybody_wrote_while_the_service_was_dead_changes_no_figure_and_no_notice() {
    for samples in ["U", "UUD", "UUDD", "UUDDD", "UDDDUU", "UDUDDDUUUD"] {
        for (after, reach) in [("UUUU", 460), ("DDDDUU", 560), ("DUUU", 470)] {
            for past in [5, 25, 40, 200] {
                let length = i64::try_from(samples.len()).unwrap() * 30;
                let alive = length - 30 + past;
                let back = alive + 100;
                let live = |found: bool| {
                    let mut service = watched();
                    service.draw(0, &[("a/p", samples)]);
                    service.deliver_due(Delivery::Accepted);
                    if found {
                        service.record_death(alive, back - 50);
                    }
                    service.crash(alive, back);
                    service.draw(back + 20, &[("a/p", after)]);
                    let notices: Vec<String> =
                        service.due.iter().map(|due| key(&due.notice)).collect();
                    let outages: Vec<_> = service
                        .record
                        .outages
                        .all()
                        .map(|o| (o.start, o.end, o.unobserved))
                        .collect();
                    let figures = service.figures("a", 0, back + reach);
                    (figures, outages, notices.len())
                };
                assert_eq!(
                    live(true),
                    live(false),
                    "{samples} then {after}, {past} s on"
                );
            }
        }
    }
}

#[test]
fn what_was_cut_off_is_sent_once_more_however_long_nobody_was_there() {
    let mut service = down();
    service.draw(120, &[("a/p", "UU")]);
    let up = service.begin_attempt(&service.only_due());
    let back_s = 72 * 3600;
    service.crash(155, back_s);
    service.tick(back_s + 60);
    service.draw(back_s + 60, &[("a/p", "UUUU")]);
    assert_eq!(service.begin_attempt(&service.only_due()), up);
    let known = &service.message(up);
    assert_eq!((known.attempts, known.lost), (2, 1));
    // The second time it stays lost.
    service.crash(back_s + 155, back_s + 160);
    let standing = &service.message(up).standing;
    assert!(matches!(standing, Standing::Ambiguous(_)), "{standing:?}");
}

#[test]
fn an_attempt_that_nobody_heard_the_end_of_is_made_once_more_and_no_third_time() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDD")]);
    // Known for longer than any other message is tried.
    service.draw(120, &[("a/p", "DDDD")]);
    let down = service.begin_attempt(&service.only_due());
    service.end_attempt(down, Delivery::Ambiguous);
    assert!(matches!(service.message(down).standing, Standing::Due(_)));
    service.draw(240, &[("a/p", "DDDD")]);
    assert_eq!(service.deliver_due(Delivery::Ambiguous), [down]);
    let standing = &service.message(down).standing;
    assert!(matches!(standing, Standing::Ambiguous(_)), "{standing:?}");
    service.draw(360, &[("a/p", "DDDD")]);
    assert!(service.is_quiet());
}
