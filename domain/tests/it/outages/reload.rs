//! A configuration that changes during an outage is no evidence that a system is up.

use crate::service::{Service, catalogue, line_of, probe, rule, send_due, system};
use domain::catalogue::{Affects, Catalogue, Flapping, Probe, System};
use domain::event::Delivery;
use domain::id::SystemId;
use domain::record::State;
use expect_test::{Expect, expect};

const ORIGIN: &str = "2026-10-01T10:00:00Z";

fn a_with(probes: &[&str]) -> System {
    let mut a = system("a");
    a.probes = probes.iter().map(|name| probe("a", name)).collect();
    a
}

fn degrading(name: &str) -> Probe {
    let mut probe = probe("a", name);
    probe.affects = Affects::Degradation;
    probe
}

/// Down since 30, confirmed at 90, and everybody was told.
fn down(probes: &[&str], rows: &[(&str, &str)]) -> Service {
    let mut service = Service::new(ORIGIN, vec![a_with(probes), system("b")]);
    service.draw(0, rows);
    service.deliver_due(Delivery::Accepted);
    service
}

fn reload(service: &mut Service, offset_s: i64, a: Option<System>) {
    let systems = a.into_iter().chain([system("b")]).collect();
    service.configure(service.second(offset_s), catalogue(systems));
}

fn is(service: &Service, after: u64, to_s: i64, wanted: Expect) {
    let number = |line: &&str| {
        let seq = line.split('#').nth(1)?.split(' ').next()?;
        seq.parse::<u64>().ok()
    };
    let story = service.timeline_without_probes();
    let lines = story
        .lines()
        .skip_while(|l| number(l).is_none_or(|seq| seq <= after));
    let story: String = lines.map(|line| format!("{line}\n")).collect();
    let figures = service.figures("a", 0, to_s);
    wanted.assert_eq(&format!("{story}{figures}\n"));
}

fn state(service: &Service) -> State {
    service.record.state(&SystemId::from("a"))
}

#[test]
fn a_failing_probe_that_is_renamed_goes_on_failing() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    reload(&mut service, 125, Some(a_with(&["new"])));
    assert_eq!(state(&service), State::Unknown);
    service.draw(150, &[("a/new", "DDDDUUU")]);
    is(
        &service,
        10,
        360,
        expect![[r#"
            125   #11 configured
            300   #16 O-1 ends 270
            300   #17 IncidentResolved I-1
            300   due uptime/O-1/it@clinic.example
            up 90 degraded 0 planned 0 excluded 0 unplanned 215 unknown 25
        "#]],
    );
}

#[test]
fn one_that_is_renamed_is_up_again_when_the_new_one_has_seen_that() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    reload(&mut service, 125, Some(a_with(&["new"])));
    service.draw(150, &[("a/new", "U")]);
    assert_eq!(state(&service), State::Down, "not confirmed up");
    service.draw(180, &[("a/new", "UU")]);
    is(
        &service,
        10,
        240,
        expect![[r#"
            125   #11 configured
            180   #14 O-1 ends 125 (between 125 and 150)
            180   #15 IncidentResolved I-1
            180   due uptime/O-1/it@clinic.example
            up 90 degraded 0 planned 0 excluded 0 unplanned 95 unknown 25
        "#]],
    );
}

#[test]
fn one_that_is_renamed_twice_before_it_was_heard_is_still_one_outage() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    reload(&mut service, 125, Some(a_with(&["new"])));
    reload(&mut service, 130, Some(a_with(&["newer"])));
    service.draw(150, &[("a/newer", "DDUU")]);
    is(
        &service,
        10,
        270,
        expect![[r#"
            125   #11 configured
            130   #12 configured
            240   #15 O-1 ends 210
            240   #16 IncidentResolved I-1
            240   due uptime/O-1/it@clinic.example
            up 60 degraded 0 planned 0 excluded 0 unplanned 155 unknown 25
        "#]],
    );
}

#[test]
fn one_that_no_longer_decides_is_followed_by_one_that_was_never_heard() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    let mut a = a_with(&["p", "q"]);
    a.probes[0] = degrading("p");
    reload(&mut service, 125, Some(a));
    service.draw(150, &[("a/p", "DDDD"), ("a/q", "DDUU")]);
    is(
        &service,
        10,
        270,
        expect![[r#"
            125   #11 configured
            240   #14 O-1 ends 210
            240   due uptime/O-1/it@clinic.example
            up 60 degraded 30 planned 0 excluded 0 unplanned 155 unknown 25
        "#]],
    );
}

#[test]
fn one_that_fell_silent_before_the_failing_one_was_taken_away_does_not_vouch() {
    let rows = [("a/p", "UDDDD"), ("a/q", "UU???")];
    let mut service = down(&["p", "q"], &rows);
    reload(&mut service, 125, Some(a_with(&["q"])));
    service.draw(150, &[("a/q", "?UU")]);
    is(
        &service,
        11,
        240,
        expect![[r#"
            120   #12 N-1 Accepted
            125   #13 configured
            210   #16 O-1 ends 125 (between 125 and 180)
            210   #17 IncidentResolved I-1
            210   due uptime/O-1/it@clinic.example
            up 60 degraded 0 planned 0 excluded 0 unplanned 95 unknown 55
        "#]],
    );
}

#[test]
fn one_that_is_heard_up_vouches_when_the_failing_one_is_taken_away() {
    let rows = [("a/p", "UDDDD"), ("a/q", "UUUUU")];
    let mut service = down(&["p", "q"], &rows);
    reload(&mut service, 125, Some(a_with(&["q"])));
    service.draw(150, &[("a/q", "UU")]);
    is(
        &service,
        11,
        210,
        expect![[r#"
            125   #12 configured
            125   #13 O-1 ends 125 (between 125 and 125)
            125   #14 IncidentResolved I-1
            125   due uptime/O-1/it@clinic.example
            up 85 degraded 0 planned 0 excluded 0 unplanned 95 unknown 0
        "#]],
    );
}

#[test]
fn without_a_probe_that_could_say_so_nobody_is_told_that_it_is_up() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    let mut a = a_with(&["p"]);
    a.probes[0] = degrading("p");
    reload(&mut service, 125, Some(a));
    service.draw(150, &[("a/p", "UUU")]);
    is(
        &service,
        10,
        240,
        expect![[r#"
            125   #11 configured
            125   #12 O-1 ends 125 (between 125 and 125)
            180   #15 IncidentResolved I-1
            up 30 degraded 0 planned 0 excluded 0 unplanned 95 unknown 85
        "#]],
    );
    // The recovery is notified as soon as it is known.
    reload(&mut service, 250, Some(a_with(&["other"])));
    service.draw(270, &[("a/other", "UU")]);
    is(
        &service,
        13,
        330,
        expect![[r#"
            180   #15 IncidentResolved I-1
            250   #16 configured
            270   due uptime/O-1/it@clinic.example
            up 60 degraded 0 planned 0 excluded 0 unplanned 95 unknown 145
        "#]],
    );
}

#[test]
fn one_that_begins_to_decide_while_it_is_down_may_have_been_up_before() {
    let mut a = a_with(&["p", "q"]);
    a.probes[0] = degrading("p");
    let mut service = Service::new(ORIGIN, vec![a, system("b")]);
    service.draw(0, &[("a/p", "UDDDU"), ("a/q", "UUUUU")]);
    // Its first good sample is not confirmed yet.
    reload(&mut service, 125, Some(a_with(&["p", "q"])));
    service.draw(150, &[("a/p", "UUU"), ("a/q", "UUU")]);
    is(
        &service,
        5,
        240,
        expect![[r#"
            125   #8 configured
            125   #9 outage O-1 of a from 125
            125   #10 incident I-1 (Outage)
            125   due downtime/O-1/it@clinic.example
            150   #13 O-1 ends 125
            150   #14 IncidentResolved I-1
            150   due uptime/O-1/it@clinic.example (both)
            up 210 degraded 90 planned 0 excluded 0 unplanned 0 unknown 0
        "#]],
    );
}

#[test]
fn a_clock_set_back_before_nobody_watched_leaves_nobody_with_a_downtime() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    let mut a = a_with(&["p"]);
    a.probes[0] = degrading("p");
    reload(&mut service, 300, Some(a));
    // An unobserved end at 300 would be in the future.
    service.set_clock(310, 200);
    service.draw(210, &[("a/p", "UU")]);
    assert!(send_due(&mut service).is_empty());
    reload(&mut service, 245, Some(a_with(&["p"])));
    service.draw(270, &[("a/p", "U")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..200"]);
}

#[test]
fn a_system_that_is_removed_is_not_up() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    reload(&mut service, 125, None);
    service.tick(4000);
    is(
        &service,
        10,
        240,
        expect![[r#"
            125   #11 configured
            125   #12 O-1 ends 125 (between 125 and 125)
            125   #13 IncidentResolved I-1
            up 30 degraded 0 planned 0 excluded 0 unplanned 95 unknown 0
        "#]],
    );
    let outage = service.record.outages.all().next().unwrap();
    assert!(outage.is_unwatched());
}

#[test]
fn a_system_that_is_removed_and_comes_back_is_up_when_it_was_heard() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    reload(&mut service, 125, None);
    reload(&mut service, 200, Some(a_with(&["p"])));
    service.tick(205);
    service.draw(210, &[("a/p", "UUU")]);
    is(
        &service,
        10,
        300,
        expect![[r#"
            125   #11 configured
            125   #12 O-1 ends 125 (between 125 and 125)
            125   #13 IncidentResolved I-1
            200   #14 configured
            210   due uptime/O-1/it@clinic.example
            up 90 degraded 0 planned 0 excluded 0 unplanned 95 unknown 10
        "#]],
    );
}

#[test]
fn a_recovery_that_was_held_is_not_told_by_the_configuration_that_brings_the_system_back() {
    let flappy = |mut a: System| {
        a.flapping = Flapping {
            limit: 2,
            hold_s: 900,
        };
        a
    };
    let mut service = Service::new(ORIGIN, vec![flappy(a_with(&["p"])), system("b")]);
    service.draw(0, &[("a/p", "UDDDUUDDDUU")]);
    service.deliver_due(Delivery::Accepted);
    assert!(!service.record.unstable.is_empty());
    reload(&mut service, 335, None);
    reload(&mut service, 400, Some(flappy(a_with(&["p"]))));
    service.tick(410);
    assert!(service.due().is_empty(), "no sample has come yet");
    service.draw(420, &[("a/p", "U")]);
    service.only_due();
}

#[test]
fn an_unstable_system_that_nobody_watches_any_more_does_not_become_stable() {
    let mut service = Service::new(ORIGIN, vec![a_with(&["p"]), system("b")]);
    let mut watched: Catalogue = (*service.record.catalogue).clone();
    watched.systems[0].flapping = Flapping {
        limit: 2,
        hold_s: 60,
    };
    service.configure(service.second(0), watched.clone());
    service.draw(0, &[("a/p", "UDDDUUDDD")]);
    service.deliver_due(Delivery::Accepted);
    watched.systems[0].probes[0].affects = Affects::Degradation;
    service.configure(service.second(250), watched);
    service.tick(1000);
    is(
        &service,
        19,
        1000,
        expect![[r#"
            250   #20 configured
            250   #21 O-2 ends 250 (between 250 and 250)
            up 90 degraded 0 planned 0 excluded 0 unplanned 160 unknown 750
        "#]],
    );
}

#[test]
fn what_a_window_excuses_is_still_one_outage_and_overruns_when_the_new_probe_says_so() {
    let mut a = a_with(&["p"]);
    a.windows = vec![rule("w", "10:00:00", 180, None)];
    let renamed = System {
        probes: vec![probe("a", "new")],
        ..a.clone()
    };
    let mut service = Service::new(ORIGIN, vec![a, system("b")]);
    service.draw(0, &[("a/p", "UDDDD")]);
    reload(&mut service, 125, Some(renamed));
    service.draw(150, &[("a/new", "DDDDUU")]);
    is(
        &service,
        2,
        330,
        expect![[r#"
            90    #7 outage O-1 of a from 30 planned
            125   #8 configured
            180   #10 O-1 overruns a/w@2026-10-01 from 180
            180   #11 incident I-1 (Overrun)
            180   due maintenance-overrun/O-1/it@clinic.example
            300   #15 O-1 ends 270
            300   #16 IncidentResolved I-1
            300   due uptime/O-1/it@clinic.example (both)
            up 60 degraded 0 planned 125 excluded 0 unplanned 90 unknown 25
        "#]],
    );
}

#[test]
fn a_probe_renamed_while_the_service_did_not_run_is_still_one_outage() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    service.stop(125);
    reload(&mut service, 300, Some(a_with(&["new"])));
    service.start(310);
    service.draw(330, &[("a/new", "DDUU")]);
    is(
        &service,
        10,
        450,
        expect![[r#"
            125   #11 stopped
            300   #12 configured
            310   #13 started
            420   #16 O-1 ends 390
            420   #17 IncidentResolved I-1
            420   due uptime/O-1/it@clinic.example
            up 60 degraded 0 planned 0 excluded 0 unplanned 155 unknown 205
        "#]],
    );
}

#[test]
fn one_taken_away_after_a_crash_is_told_when_another_was_heard() {
    let rows = [("a/p", "UDDDD"), ("a/q", "UUUUU")];
    let mut service = down(&["p", "q"], &rows);
    let systems = vec![a_with(&["q"]), system("b")];
    // The service starts with another configuration and has no samples yet.
    service.watch = domain::watch::Watch::rebuild(&service.record, &service.samples);
    service.configure(service.second(400), catalogue(systems));
    service.crash(125, 400);
    service.draw(420, &[("a/q", "UU")]);
    is(
        &service,
        11,
        480,
        expect![[r#"
            400   #12 configured
            400   #13 O-1 ends 400 (between 400 and 400)
            400   #14 IncidentResolved I-1
            400   due uptime/O-1/it@clinic.example
            400   #15 started, alive until 125
            up 60 degraded 0 planned 0 excluded 0 unplanned 95 unknown 295
        "#]],
    );
}

#[test]
fn a_restart_between_the_change_and_the_first_sample_changes_nothing() {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    reload(&mut service, 125, Some(a_with(&["new"])));
    service.crash(130, 140);
    service.draw(150, &[("a/new", "D")]);
    service.crash(155, 160);
    service.draw(180, &[("a/new", "DUU")]);
    is(
        &service,
        10,
        270,
        expect![[r#"
            125   #11 configured
            140   #12 started, alive until 130
            160   #14 started, alive until 155
            240   #17 O-1 ends 210
            240   #18 IncidentResolved I-1
            240   due uptime/O-1/it@clinic.example
            up 60 degraded 0 planned 0 excluded 0 unplanned 130 unknown 50
        "#]],
    );
}

#[test]
fn one_that_was_silent_when_it_began_to_decide_ended_unobserved() {
    let mut a = a_with(&["p", "q"]);
    a.probes[0] = degrading("p");
    let mut service = Service::new(ORIGIN, vec![a, system("b")]);
    service.draw(0, &[("a/p", "UDDD"), ("a/q", "UUUU")]);
    service.absent(95, 115);
    reload(&mut service, 116, Some(a_with(&["p", "q"])));
    service.draw(120, &[("a/p", "UUU"), ("a/q", "UUU")]);
    is(
        &service,
        6,
        210,
        expect![[r#"
            115   #8 absent 95..115
            116   #9 configured
            116   #10 outage O-1 of a from 116
            116   #11 incident I-1 (Outage)
            116   due downtime/O-1/it@clinic.example
            150   #16 O-1 ends 116 (between 116 and 120)
            150   #17 IncidentResolved I-1
            150   due uptime/O-1/it@clinic.example (both)
            up 155 degraded 65 planned 0 excluded 0 unplanned 0 unknown 25
        "#]],
    );
}

#[test]
fn the_recovery_of_another_system_says_nothing_of_one_that_nobody_watches() {
    // `a` came back, and that it did waits at the relay. Both fail: one notice says all of it, and
    // has not arrived either. Then what found `a` down is taken away, and `b` comes back.
    let mut service = Service::new(ORIGIN, vec![a_with(&["p"]), system("b")]);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UU"), ("b/p", "UU")]);
    service.deliver_due(Delivery::Deferred);
    service.draw(180, &[("a/p", "DDD"), ("b/p", "DDD")]);
    let mut bare = system("a");
    bare.probes.clear();
    reload(&mut service, 255, Some(bare));
    service.draw(270, &[("b/p", "UU")]);
    let last = &service.due.last().unwrap().notice;
    assert_eq!(line_of(&service, last), "uptime: b 180..270");
}

#[test]
fn completed_work_is_not_said_to_leave_a_system_available_that_nobody_watches() {
    // Down from before its window on, and told. Then what found it down is taken away: it may be down
    // still when the window ends.
    let window = |probes: &[&str]| {
        let told = domain::catalogue::Rule {
            tell: true,
            ..rule("work", "10:05:00", 120, None)
        };
        let mut a = a_with(probes);
        a.windows = vec![told];
        a
    };
    let mut service = Service::new(ORIGIN, vec![window(&["p"]), system("b")]);
    service.draw(0, &[("a/p", "UUUUUUDDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 180.."]);
    reload(&mut service, 295, Some(window(&[])));
    service.draw(300, &[("b/p", "UUUUUUU")]);
    // Its completion has been decided, and says instead of its start that it is over.
    assert_eq!(send_due(&mut service), [""; 0]);
    reload(&mut service, 605, Some(window(&["q"])));
    service.draw(630, &[("a/q", "UUU")]);
    assert_eq!(
        send_due(&mut service),
        ["uptime: a 180..295", "maintenance-completed: a .."]
    );
}

/// The first outage ended unobserved; the second was found then and ended at 690 s.
fn back_while_down(away: Option<System>, found: &str) -> Service {
    let mut service = down(&["p"], &[("a/p", "UDDDD")]);
    reload(&mut service, 125, away);
    service.draw(150, &[("b/p", "UUUUUUUUUUUUUU")]);
    reload(&mut service, 595, Some(a_with(&["p"])));
    service.draw(600, &[("a/p", "DDD")]);
    assert_eq!(send_due(&mut service), [found]);
    service.draw(690, &[("a/p", "UUU")]);
    service
}

#[test]
fn what_is_taken_out_and_put_back_while_it_is_down_is_up_again_once() {
    let mut degrades = a_with(&["p"]);
    degrades.probes[0] = degrading("p");
    for (away, found, down_s) in [
        (None, "downtime: a 600..", 95 + 90),
        (Some(degrades), "downtime: a 595..", 95 + 90),
    ] {
        let mut service = back_while_down(away, found);
        let due = service.only_due();
        assert_eq!(send_due(&mut service), ["uptime: a 30..690"]);
        let said = &due.affected[0];
        assert_eq!(said.unobserved, None, "it was seen to be up");
        assert_eq!(said.down_s, Some(down_s), "what was seen of it");
        assert_eq!(said.outages().count(), 2);
        assert!(service.record.notices.open_outages().is_empty());
    }
}
