//! From samples to outages, drawn: each letter is a sample, thirty seconds apart.

use crate::service::{Service, active, probe, system};
use domain::catalogue::Affects;
use domain::event::Delivery;
use domain::sample::{Outcome, Reason};
use domain::schedule::Pace;
use expect_test::{Expect, expect};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn check(samples: &str, expected: Expect) {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", samples)]);
    expected.assert_eq(&service.timeline());
}

#[test]
fn an_outage_starts_at_the_first_bad_sample_and_ends_at_the_first_good_one() {
    check(
        "UUUDDDDUU",
        expect![[r#"
            0     #4 a/p heard from 0
            150   #5 a/p degraded from 90
            150   #6 a/p down from 90 on 3 samples
            150   #7 outage O-1 of a from 90
            150   #8 incident I-1 (Outage)
            150   due downtime/O-1/it@clinic.example
            240   #9 a/p cleared from 210
            240   #10 a/p up from 210
            240   #11 O-1 ends 210
            240   #12 IncidentResolved I-1
            240   due uptime/O-1/it@clinic.example (both)
        "#]],
    );
}

#[test]
fn a_bad_run_that_is_never_confirmed_is_a_blip() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUDDUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        120   #5 a/p blip 60..120 of 2
    "#]]
    .assert_eq(&service.timeline());
    let f = service.figures_of("a", 0, 150);
    assert_eq!((f.up_s, f.blips, f.blip_s), (150, 1, 60));
}

#[test]
fn it_is_over_at_the_first_of_as_many_good_samples_in_a_row_as_the_probe_asks_for() {
    let mut a = system("a");
    let limits = active(&mut a.probes[0]);
    (limits.failures, limits.recoveries) = (2, 3);
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UDDDUUDUUU")]);
    expect![[r#"
        60    #7 outage O-1 of a from 30
        60    #8 incident I-1 (Outage)
        60    due downtime/O-1/it@clinic.example
        270   #11 O-1 ends 210
        270   #12 IncidentResolved I-1
        270   due uptime/O-1/it@clinic.example (both)
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn the_confirming_event_lists_the_samples_it_rests_on() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUDDDD")]);
    let refused = |at_s| (at_s, Outcome::Down, Some(Reason::Refused));
    assert_eq!(service.confirming_samples(), [[90, 120, 150].map(refused)]);
}

#[test]
fn after_a_first_bad_sample_a_probe_is_retried_until_it_is_confirmed_down_or_up() {
    for (samples, retried) in [
        ("UU", false),
        ("UD", true),
        ("UDU", true),
        ("UDUU", false),
        ("UDUD", true),
        ("UDDD", false),
        ("UDDDU", false),
        ("US", true),
        ("USUU", false),
    ] {
        let mut service = Service::new(ORIGIN, vec![system("a")]);
        service.draw(0, &[("a/p", samples)]);
        assert_eq!(
            service
                .watch
                .pace(&service.record.catalogue.source(&"a/p".into()))
                == Pace::Retry,
            retried,
            "{samples}"
        );
    }
}

/// `a` with a second probe `q`, drawn; its state and its seconds.
fn worst(q: Affects, p_row: &str, q_row: &str) -> String {
    let mut both = system("a");
    both.probes.push(probe("a", "q"));
    both.probes[1].affects = q;
    let mut service = Service::new(ORIGIN, vec![both]);
    service.draw(0, &[("a/p", p_row), ("a/q", q_row)]);
    let state = service.record.state(&"a".into());
    format!("{state:?}: {}", service.figures("a", 0, 180))
}

#[test]
fn of_down_unknown_degraded_and_up_the_worst_probe_decides() {
    let of = Affects::Availability;
    expect!["Unknown: up 75 degraded 45 planned 0 excluded 0 unplanned 0 unknown 105"]
        .assert_eq(&worst(of, "U......", "USSSSSS"));
    expect!["Down: up 30 degraded 0 planned 0 excluded 0 unplanned 150 unknown 0"]
        .assert_eq(&worst(of, "U......", "UDDDDDD"));
    expect!["Degraded: up 180 degraded 150 planned 0 excluded 0 unplanned 0 unknown 0"]
        .assert_eq(&worst(of, "UUUUUUU", "USSSSSS"));
    let of = Affects::Degradation;
    expect!["Degraded: up 180 degraded 150 planned 0 excluded 0 unplanned 0 unknown 0"]
        .assert_eq(&worst(of, "UUUUUUU", "UDDDDDD"));
    expect!["Unknown: up 75 degraded 45 planned 0 excluded 0 unplanned 0 unknown 105"]
        .assert_eq(&worst(of, "U......", "UDDDDDD"));
}

#[test]
fn down_degraded_down_is_two_blips_of_downtime_and_one_degradation() {
    check(
        "UUDSDUU",
        expect![[r#"
            0     #4 a/p heard from 0
            90    #5 a/p blip 60..90 of 1
            120   #6 a/p degraded from 60
            150   #7 a/p blip 120..150 of 1
            180   #8 a/p cleared from 150
        "#]],
    );
}

#[test]
fn a_single_good_sample_ends_no_outage() {
    check(
        "UDDDUDDUU",
        expect![[r#"
            0     #4 a/p heard from 0
            90    #5 a/p degraded from 30
            90    #6 a/p down from 30 on 3 samples
            90    #7 outage O-1 of a from 30
            90    #8 incident I-1 (Outage)
            90    due downtime/O-1/it@clinic.example
            240   #9 a/p cleared from 210
            240   #10 a/p up from 210
            240   #11 O-1 ends 210
            240   #12 IncidentResolved I-1
            240   due uptime/O-1/it@clinic.example (both)
        "#]],
    );
}

#[test]
fn a_degraded_sample_is_good_for_the_way_up_and_bad_for_the_way_down() {
    check(
        "UDDDSSUU",
        expect![[r#"
            0     #4 a/p heard from 0
            90    #5 a/p degraded from 30
            90    #6 a/p down from 30 on 3 samples
            90    #7 outage O-1 of a from 30
            90    #8 incident I-1 (Outage)
            90    due downtime/O-1/it@clinic.example
            150   #9 a/p up from 120
            150   #10 O-1 ends 120
            150   due uptime/O-1/it@clinic.example (both)
            210   #11 a/p cleared from 180
            210   #12 IncidentResolved I-1
        "#]],
    );
}

#[test]
fn a_lone_missed_slot_is_not_unknown() {
    check(
        "UU.UU",
        expect![[r#"
            0     #4 a/p heard from 0
        "#]],
    );
}

#[test]
fn silence_beyond_two_and_a_half_intervals_is_unknown_from_there_on() {
    check(
        "UU....UU",
        expect![[r#"
            0     #4 a/p heard from 0
            115   #5 a/p silent from 105 (Missing)
            180   #6 a/p heard from 180
        "#]],
    );
}

#[test]
fn an_inconclusive_sample_ends_what_the_one_before_it_vouches_for() {
    check(
        "UU?UU",
        expect![[r#"
            0     #4 a/p heard from 0
            60    #5 a/p silent from 60 (Inconclusive)
            90    #6 a/p heard from 90
        "#]],
    );
}

#[test]
fn inconclusive_samples_neither_confirm_nor_clear() {
    check(
        "UDD?DUU",
        expect![[r#"
            0     #4 a/p heard from 0
            90    #5 a/p silent from 90 (Inconclusive)
            120   #6 a/p heard from 120
            120   #7 a/p degraded from 30
            120   #8 a/p down from 30 on 3 samples
            120   #9 outage O-1 of a from 30
            120   #10 incident I-1 (Outage)
            120   due downtime/O-1/it@clinic.example
            180   #11 a/p cleared from 150
            180   #12 a/p up from 150
            180   #13 O-1 ends 150
            180   #14 IncidentResolved I-1
            180   due uptime/O-1/it@clinic.example (both)
        "#]],
    );
}

#[test]
fn bad_on_both_sides_of_a_gap_is_one_outage() {
    check(
        "UDDD.....DDUU",
        expect![[r#"
            0     #4 a/p heard from 0
            90    #5 a/p degraded from 30
            90    #6 a/p down from 30 on 3 samples
            90    #7 outage O-1 of a from 30
            90    #8 incident I-1 (Outage)
            90    due downtime/O-1/it@clinic.example
            175   #9 a/p silent from 165 (Missing)
            270   #10 a/p heard from 270
            360   #11 a/p cleared from 330
            360   #12 a/p up from 330
            360   #13 O-1 ends 330
            360   #14 IncidentResolved I-1
            360   due uptime/O-1/it@clinic.example (both)
        "#]],
    );
}

#[test]
fn an_outage_that_ends_in_a_gap_ends_where_the_last_bad_sample_stops_vouching() {
    check(
        "UDDD.....UUU",
        expect![[r#"
            0     #4 a/p heard from 0
            90    #5 a/p degraded from 30
            90    #6 a/p down from 30 on 3 samples
            90    #7 outage O-1 of a from 30
            90    #8 incident I-1 (Outage)
            90    due downtime/O-1/it@clinic.example
            175   #9 a/p silent from 165 (Missing)
            270   #10 a/p heard from 270
            300   #11 a/p cleared from 165
            300   #12 a/p up from 165 (between 165 and 270)
            300   #13 O-1 ends 165 (between 165 and 270)
            300   #14 IncidentResolved I-1
            300   due uptime/O-1/it@clinic.example (both)
        "#]],
    );
}

#[test]
fn a_run_starts_anew_after_a_long_gap() {
    check(
        "UDD.....DUU",
        expect![[r#"
            0     #4 a/p heard from 0
            145   #5 a/p silent from 135 (Missing)
            145   #6 a/p blip 30..135 of 2
            240   #7 a/p heard from 240
            270   #8 a/p blip 240..270 of 1
        "#]],
    );
}

#[test]
fn a_second_probe_keeps_an_outage_open_until_neither_is_down_nor_pending() {
    let mut both = system("a");
    both.probes.push(probe("a", "q"));
    let mut service = Service::new(ORIGIN, vec![both]);
    service.draw(0, &[("a/p", "UDDDDUUUUUUU"), ("a/q", "UUUUDDDDUUUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        0     #5 a/q heard from 0
        90    #6 a/p degraded from 30
        90    #7 a/p down from 30 on 3 samples
        90    #8 outage O-1 of a from 30
        90    #9 incident I-1 (Outage)
        90    due downtime/O-1/it@clinic.example
        180   #10 a/p cleared from 150
        180   #11 a/p up from 150
        180   #12 a/q degraded from 120
        180   #13 a/q down from 120 on 3 samples
        270   #14 a/q cleared from 240
        270   #15 a/q up from 240
        270   #16 O-1 ends 240
        270   #17 IncidentResolved I-1
        270   due uptime/O-1/it@clinic.example (both)
    "#]]
    .assert_eq(&service.timeline());
}

#[test]
fn a_notice_that_was_never_sent_is_folded_into_the_recovery() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Deferred);
    service.draw(120, &[("a/p", "UUU")]);
    service.deliver_due(Delivery::Accepted);
    expect![[r#"
        0     #4 a/p heard from 0
        90    #5 a/p degraded from 30
        90    #6 a/p down from 30 on 3 samples
        90    #7 outage O-1 of a from 30
        90    #8 incident I-1 (Outage)
        90    due downtime/O-1/it@clinic.example
        90    #9 attempt 1 of N-1
        90    #10 N-1 Deferred
        150   #11 a/p cleared from 120
        150   #12 a/p up from 120
        150   #13 O-1 ends 120
        150   #14 IncidentResolved I-1
        150   due uptime/O-1/it@clinic.example (both)
        180   #15 attempt 1 of N-2
        180   #16 N-2 Accepted
    "#]]
    .assert_eq(&service.timeline());
}

#[test]
fn what_a_full_disk_could_not_take_is_recorded_later_with_its_true_times() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UU")]);
    service.disk_full = true;
    service.draw(60, &[("a/p", "DDDDUU")]);
    assert!(service.due.is_empty());
    service.disk_full = false;
    service.draw(240, &[("a/p", "UU")]);
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
        240   due uptime/O-1/it@clinic.example (both)
    "#]]
    .assert_eq(&service.timeline());
}

/// Both probes of `a` fail; one is silent for a while and is the last to be heard good.
fn one_silent(silent_row: &str, seen_row: &str) -> Service {
    let mut a = system("a");
    a.probes = vec![probe("a", "l"), probe("a", "m")];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/l", silent_row), ("a/m", seen_row)]);
    service
}

/// How its only outage ended, and what its recovery said of that, in seconds.
fn ended(service: &Service) -> String {
    let outage = service.record.outages.all().next().unwrap();
    let up = &service.due.last().unwrap().notice;
    let said = &up.affected[0];
    assert_eq!((said.to, said.unobserved), (outage.end, outage.unobserved));
    let s = |at: jiff::Timestamp| at.duration_since(service.origin).as_secs();
    let between = outage.unobserved.map(|span| (s(span.from), s(span.to)));
    format!("{:?} {between:?}", outage.end.map(s))
}

#[test]
fn an_outage_is_over_where_the_last_of_its_probes_may_have_been_good_first() {
    // Down by `a/l` at 90 s, which says no more until 600 s; `a/m` is good from 270 s.
    let silent = "UDDD................UUU";
    let service = one_silent(silent, "UDDDDDDDDUUUUUUUUUUUUUU");
    assert_eq!(ended(&service), "Some(270) Some((270, 600))");
    // The silent probe's last bad sample covers a longer time than the other's.
    let service = one_silent(silent, "UDDDUUUUUUUUUUUUUUUUUUU");
    assert_eq!(ended(&service), "Some(165) Some((165, 600))");
    // It was heard good before the other one was.
    let service = one_silent("UDDD....UUUUUUUU", "UDDDDDDDDDDUUUUU");
    assert_eq!(ended(&service), "Some(330) None");
}
