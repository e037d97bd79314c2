//! Heartbeats, drawn: a feed calls Nines, and its silence beyond period and grace is an outage.
//!
//! Each letter is a minute: `b` a beat, `.` none. Ticks come at every letter.

use crate::service::{Service, probe, rule, system, weekdays};
use domain::catalogue::{Affects, Heartbeat, Method, Probe, Rule, System};
use domain::policy::Hours;
use expect_test::{Expect, expect};

/// A Thursday.
const ORIGIN: &str = "2026-10-01T00:00:00Z";
const MINUTE_S: i64 = 60;

/// A feed that calls every three minutes, with a grace of two.
fn feed(system: &str) -> Probe {
    beating(system, 180, 120, None)
}

pub fn beating(system: &str, period_s: i64, grace_s: i64, expected: Option<Hours>) -> Probe {
    Probe {
        method: Method::Heartbeat(Heartbeat {
            every_ms: period_s * 1000,
            grace_ms: grace_s * 1000,
            expected,
        }),
        ..probe(system, "feed")
    }
}

fn fed(feed: Probe) -> System {
    System {
        probes: vec![feed],
        ..system("a")
    }
}

fn beats(service: &mut Service, from_s: i64, row: &str) {
    for (n, letter) in row.chars().enumerate() {
        let at_s = from_s + i64::try_from(n).unwrap() * MINUTE_S;
        service.tick(at_s);
        if letter == 'b' {
            service.sample("a/feed", at_s, 'U');
        }
    }
}

fn story(service: &Service, until_s: i64) -> String {
    let figures = service.figures("a", 0, until_s);
    format!("{}{figures}\n", service.timeline())
}

fn check(row: &str, expected: Expect) {
    let mut service = Service::new(ORIGIN, vec![fed(feed("a"))]);
    beats(&mut service, 0, row);
    let until_s = i64::try_from(row.len()).unwrap() * MINUTE_S;
    expected.assert_eq(&story(&service, until_s));
}

#[test]
fn silence_is_down_from_the_due_beat_and_decided_after_the_grace() {
    check(
        "b..b......b.",
        expect![[r#"
        0     #4 a/feed heard from 0
        480   #5 a/feed degraded from 360
        480   #6 a/feed down from 360 on 1 samples
        480   #7 outage O-1 of a from 360
        480   #8 incident I-1 (Outage)
        480   due downtime/O-1/it@clinic.example
        600   #9 a/feed cleared from 600
        600   #10 a/feed up from 600
        600   #11 O-1 ends 600
        600   #12 IncidentResolved I-1
        600   due uptime/O-1/it@clinic.example (both)
        up 420 degraded 0 planned 0 excluded 0 unplanned 240 unknown 0
    "#]],
    );
}

#[test]
fn a_late_beat_within_the_grace_is_no_outage() {
    check(
        "b...b...b",
        expect![[r#"
        0     #4 a/feed heard from 0
        up 480 degraded 0 planned 0 excluded 0 unplanned 0 unknown 0
    "#]],
    );
}

#[test]
fn a_beat_as_the_grace_ends_is_too_late() {
    check(
        "b....b",
        expect![[r#"
        0     #4 a/feed heard from 0
        300   #5 a/feed degraded from 180
        300   #6 a/feed down from 180 on 1 samples
        300   #7 outage O-1 of a from 180
        300   #8 incident I-1 (Outage)
        300   due downtime/O-1/it@clinic.example
        300   #9 a/feed cleared from 300
        300   #10 a/feed up from 300
        300   #11 O-1 ends 300
        300   #12 IncidentResolved I-1
        300   due uptime/O-1/it@clinic.example (both)
        up 180 degraded 0 planned 0 excluded 0 unplanned 120 unknown 0
    "#]],
    );
}

#[test]
fn an_early_beat_and_a_second_one_begin_the_period_again() {
    check(
        "bb..bb...b",
        expect![[r#"
        0     #4 a/feed heard from 0
        up 540 degraded 0 planned 0 excluded 0 unplanned 0 unknown 0
    "#]],
    );
}

#[test]
fn a_feed_that_never_calls_is_unknown_for_one_period() {
    check(
        "........",
        expect![[r#"
        300   #4 a/feed heard from 180
        300   #5 a/feed degraded from 180
        300   #6 a/feed down from 180 on 1 samples
        300   #7 outage O-1 of a from 180
        300   #8 incident I-1 (Outage)
        300   due downtime/O-1/it@clinic.example
        up 0 degraded 0 planned 0 excluded 0 unplanned 240 unknown 180
    "#]],
    );
}

#[test]
fn while_nines_did_not_listen_silence_is_unknown_until_one_further_period_has_passed() {
    let mut service = Service::new(ORIGIN, vec![fed(feed("a"))]);
    beats(&mut service, 0, "b..b.");
    service.stop(290);
    service.start(600);
    beats(&mut service, 600, "......");
    expect![[r#"
        0     #4 a/feed heard from 0
        290   #5 stopped
        600   #6 started
        900   #7 a/feed heard from 780
        900   #8 a/feed degraded from 780
        900   #9 a/feed down from 780 on 1 samples
        900   #10 outage O-1 of a from 780
        900   #11 incident I-1 (Outage)
        900   due downtime/O-1/it@clinic.example
        up 290 degraded 0 planned 0 excluded 0 unplanned 120 unknown 490
    "#]]
    .assert_eq(&story(&service, 960));
}

#[test]
fn a_beat_after_the_start_is_coverage_again() {
    let mut service = Service::new(ORIGIN, vec![fed(feed("a"))]);
    beats(&mut service, 0, "b..b.");
    service.crash(290, 600);
    beats(&mut service, 600, "..b..b");
    expect![[r#"
        0     #4 a/feed heard from 0
        600   #5 started, alive until 290
        720   #6 a/feed heard from 720
        up 470 degraded 0 planned 0 excluded 0 unplanned 0 unknown 430
    "#]]
    .assert_eq(&story(&service, 960));
}

#[test]
fn an_outage_across_a_restart_is_one_outage() {
    let mut service = Service::new(ORIGIN, vec![fed(feed("a"))]);
    beats(&mut service, 0, "b........");
    service.stop(500);
    service.start(600);
    beats(&mut service, 600, ".......b.");
    expect![[r#"
        0     #4 a/feed heard from 0
        300   #5 a/feed degraded from 180
        300   #6 a/feed down from 180 on 1 samples
        300   #7 outage O-1 of a from 180
        300   #8 incident I-1 (Outage)
        300   due downtime/O-1/it@clinic.example
        500   #9 stopped
        600   #10 started
        900   #11 NoticeUndelivered clinic
        900   #12 a/feed heard from 780
        1020  #13 a/feed cleared from 1020
        1020  #14 a/feed up from 1020
        1020  #15 O-1 ends 1020
        1020  #16 IncidentResolved I-1
        1020  due uptime/O-1/it@clinic.example (both)
        up 240 degraded 0 planned 0 excluded 0 unplanned 560 unknown 280
    "#]]
    .assert_eq(&story(&service, 1140));
}

#[test]
fn time_in_which_the_monitor_stalled_is_unknown() {
    let mut service = Service::new(ORIGIN, vec![fed(feed("a"))]);
    beats(&mut service, 0, "b.");
    service.absent(100, 600);
    beats(&mut service, 600, "......");
    expect![[r#"
        0     #4 a/feed heard from 0
        600   #5 absent 100..600
        900   #6 a/feed heard from 780
        900   #7 a/feed degraded from 780
        900   #8 a/feed down from 780 on 1 samples
        900   #9 outage O-1 of a from 780
        900   #10 incident I-1 (Outage)
        900   due downtime/O-1/it@clinic.example
        up 100 degraded 0 planned 0 excluded 0 unplanned 120 unknown 680
    "#]]
    .assert_eq(&story(&service, 960));
}

/// A batch that comes once in the morning of each working day.
fn batch() -> System {
    let time = |text: &str| text.parse().unwrap();
    let hours = Hours::on(weekdays(0..5), time("06:00:00"), time("07:00:00"), "UTC");
    fed(beating("a", 86_400, 1_800, Some(hours)))
}

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

#[test]
fn a_batch_is_not_missed_on_a_weekend_but_on_monday() {
    let mut service = Service::new(ORIGIN, vec![batch()]);
    // Thursday and Friday at half past six, then Monday at noon.
    for at_s in [
        6 * HOUR_S + 1_800,
        DAY_S + 6 * HOUR_S + 1_800,
        4 * DAY_S + 12 * HOUR_S,
    ] {
        service.sample("a/feed", at_s, 'U');
    }
    service.tick(5 * DAY_S);
    expect![[r#"
        23400 #4 a/feed heard from 23400
        86400 #5 witnessed
        172800 #6 witnessed
        259200 #7 witnessed
        345600 #8 witnessed
        372600 #9 a/feed degraded from 370800
        372600 #10 a/feed down from 370800 on 1 samples
        372600 #11 outage O-1 of a from 370800
        372600 #12 incident I-1 (Outage)
        373200 #13 NoticeUndelivered clinic
        388800 #14 a/feed cleared from 388800
        388800 #15 a/feed up from 388800
        388800 #16 O-1 ends 388800
        388800 #17 IncidentResolved I-1
        388800 due uptime/O-1/it@clinic.example (both)
        432000 #18 witnessed
        up 390600 degraded 0 planned 0 excluded 0 unplanned 18000 unknown 23400
    "#]]
    .assert_eq(&story(&service, 5 * DAY_S));
}

#[test]
fn a_feed_that_falls_silent_before_a_weekend_is_down_until_it_calls() {
    let time = |text: &str| text.parse().unwrap();
    let hours = Hours::on(weekdays(0..5), time("08:00:00"), time("18:00:00"), "UTC");
    let mut service = Service::new(
        ORIGIN,
        vec![fed(beating("a", 2 * HOUR_S, 600, Some(hours)))],
    );
    // Every two hours on Thursday; on Friday until ten, and again from Monday at nine.
    for hour in [8, 10, 12, 14, 16, 18, 24 + 8, 24 + 10, 4 * 24 + 9] {
        service.sample("a/feed", hour * HOUR_S, 'U');
    }
    service.tick(5 * DAY_S);
    expect![[r#"
        28800 #4 a/feed heard from 28800
        86400 #5 witnessed
        130200 #6 a/feed degraded from 129600
        130200 #7 a/feed down from 129600 on 1 samples
        130200 #8 outage O-1 of a from 129600
        130200 #9 incident I-1 (Outage)
        130800 #10 NoticeUndelivered clinic
        172800 #11 witnessed
        259200 #12 witnessed
        345600 #13 witnessed
        378000 #14 a/feed cleared from 378000
        378000 #15 a/feed up from 378000
        378000 #16 O-1 ends 378000
        378000 #17 IncidentResolved I-1
        378000 due uptime/O-1/it@clinic.example (both)
        385800 #18 a/feed degraded from 385200
        385800 #19 a/feed down from 385200 on 1 samples
        385800 #20 outage O-2 of a from 385200
        385800 #21 incident I-2 (Outage)
        386400 #22 NoticeUndelivered clinic
        432000 #23 witnessed
        432000 due downtime/O-1+O-2/it@clinic.example
        up 108000 degraded 0 planned 0 excluded 0 unplanned 295200 unknown 28800
    "#]]
    .assert_eq(&story(&service, 5 * DAY_S));
}

#[test]
fn silence_in_a_window_overruns_within_a_minute() {
    let mut a = fed(feed("a"));
    a.windows = vec![Rule {
        tell: true,
        ..rule("w", "00:02:00", 1_200, Some(300))
    }];
    let mut service = Service::new(ORIGIN, vec![a]);
    beats(&mut service, 0, "b..............b....b..b..b");
    expect![[r#"
        0     #4 a/feed heard from 0
        120   #5 MaintenanceStarted a/w@2026-10-01
        120   due maintenance-started/a/w@2026-10-01/it@clinic.example
        300   #6 a/feed degraded from 180
        300   #7 a/feed down from 180 on 1 samples
        300   #8 outage O-1 of a from 180 planned
        480   #9 O-1 overruns a/w@2026-10-01 from 480
        480   #10 incident I-1 (Overrun)
        480   due maintenance-overrun/O-1/it@clinic.example
        900   #11 a/feed cleared from 900
        900   #12 a/feed up from 900
        900   #13 O-1 ends 900
        900   #14 IncidentResolved I-1
        900   due maintenance-started/a/w@2026-10-01/it@clinic.example
        1200  #15 a/feed degraded from 1080
        1200  #16 a/feed down from 1080 on 1 samples
        1200  #17 outage O-2 of a from 1080 planned
        1200  #18 O-2 overruns a/w@2026-10-01 from 1080
        1200  #19 incident I-2 (Overrun)
        1200  due maintenance-overrun/O-1+O-2/it@clinic.example
        1200  #20 a/feed cleared from 1200
        1200  #21 a/feed up from 1200
        1200  #22 O-2 ends 1200
        1200  #23 IncidentResolved I-2
        1200  due maintenance-started/a/w@2026-10-01/it@clinic.example
        1380  #24 MaintenanceCompleted a/w@2026-10-01
        1380  due maintenance-completed/a/w@2026-10-01/it@clinic.example
        up 720 degraded 0 planned 300 excluded 0 unplanned 540 unknown 0
    "#]]
    .assert_eq(&story(&service, 27 * MINUTE_S));
}

#[test]
fn a_window_of_a_system_that_is_probed_too_does_not_wait_for_a_beat() {
    let mut a = fed(beating("a", DAY_S, HOUR_S, None));
    a.probes.push(probe("a", "p"));
    a.windows = vec![Rule {
        tell: true,
        ..rule("w", "00:02:00", 120, None)
    }];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.sample("a/feed", 1, 'U');
    service.draw(2, &[("a/p", &"U".repeat(12))]);
    expect![[r#"
        1     #4 a/feed heard from 1
        2     #5 a/p heard from 2
        120   #6 MaintenanceStarted a/w@2026-10-01
        122   due maintenance-started/a/w@2026-10-01/it@clinic.example
        242   #7 MaintenanceCompleted a/w@2026-10-01
        242   due maintenance-completed/a/w@2026-10-01/it@clinic.example
        up 330 degraded 0 planned 0 excluded 0 unplanned 0 unknown 2
    "#]]
    .assert_eq(&story(&service, 360));
}

#[test]
fn silence_that_is_decided_after_another_outage_begins_where_that_one_ended() {
    // The beat is due at 187; that is decided at 207. The probe fails from 92 and is up from 197.
    let mut a = fed(beating("a", 180, 20, None));
    a.probes.push(probe("a", "p"));
    let mut service = Service::new(ORIGIN, vec![a]);
    service.sample("a/p", 2, 'U');
    service.sample("a/feed", 7, 'U');
    for (at_s, letter) in [
        (32, 'U'),
        (62, 'U'),
        (92, 'D'),
        (97, 'D'),
        (102, 'D'),
        (132, 'D'),
        (162, 'D'),
        (192, 'D'),
        (197, 'U'),
        (202, 'U'),
    ] {
        service.tick(at_s);
        service.sample("a/p", at_s, letter);
    }
    service.tick(300);
    expect![[r#"
        2     #4 a/p heard from 2
        7     #5 a/feed heard from 7
        102   #6 a/p degraded from 92
        102   #7 a/p down from 92 on 3 samples
        102   #8 outage O-1 of a from 92
        102   #9 incident I-1 (Outage)
        102   due downtime/O-1/it@clinic.example
        202   #10 a/p cleared from 197
        202   #11 a/p up from 197
        202   #12 O-1 ends 197
        202   #13 IncidentResolved I-1
        202   due uptime/O-1/it@clinic.example (both)
        207   #14 a/feed degraded from 187
        207   #15 a/feed down from 187 on 1 samples
        207   #16 outage O-2 of a from 197
        207   #17 incident I-2 (Outage)
        287   #18 a/p silent from 277 (Missing)
        300   due downtime/O-1+O-2/it@clinic.example
        up 85 degraded 0 planned 0 excluded 0 unplanned 208 unknown 7
    "#]]
    .assert_eq(&story(&service, 300));
}

#[test]
fn a_changed_period_is_counted_from_the_reload() {
    let mut service = Service::new(ORIGIN, vec![fed(beating("a", DAY_S, HOUR_S, None))]);
    service.sample("a/feed", 1, 'U');
    let changed = crate::service::catalogue(vec![fed(feed("a"))]);
    service.configure(service.second(HOUR_S), changed);
    service.tick(2 * HOUR_S);
    expect![[r#"
        1     #4 a/feed heard from 1
        3600  #5 configured
        3900  #6 a/feed degraded from 3780
        3900  #7 a/feed down from 3780 on 1 samples
        3900  #8 outage O-1 of a from 3780
        3900  #9 incident I-1 (Outage)
        4500  #10 NoticeUndelivered clinic
        7200  due downtime/O-1/it@clinic.example
        up 3779 degraded 0 planned 0 excluded 0 unplanned 3420 unknown 1
    "#]]
    .assert_eq(&story(&service, 2 * HOUR_S));
}

#[test]
fn a_feed_may_only_degrade_its_system() {
    let mut a = system("a");
    a.probes.push(Probe {
        affects: Affects::Degradation,
        ..feed("a")
    });
    let mut service = Service::new(ORIGIN, vec![a]);
    service.sample("a/feed", 1, 'U');
    service.draw(2, &[("a/p", &"U".repeat(12))]);
    let state = service.record.state(&"a".into());
    let figures = service.figures("a", 0, 360);
    expect!["Degraded up 330 degraded 151 planned 0 excluded 0 unplanned 0 unknown 2"]
        .assert_eq(&format!("{state:?} {figures}"));
}
