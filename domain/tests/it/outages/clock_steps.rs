//! The wall clock is set, while the service runs or between two runs: time that occurs twice is
//! unknown, detection continues at once, and each notice is sent once and in time.

use crate::service::{STEP_S, Service, catalogue, rule, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Rule, Single};
use domain::event::{Delivery, Fact};
use domain::notice::Kind;
use domain::notices;
use domain::sample::Sample;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T10:00:00Z";
const HOUR_S: i64 = 3_600;

fn watched() -> Service {
    Service::new(ORIGIN, vec![system("a")])
}

/// The story, and the seconds up to an offset.
fn told(service: &Service, until_s: i64) -> String {
    format!(
        "{}{}\n",
        service.timeline(),
        service.figures("a", 0, until_s)
    )
}

fn ups(count: i64) -> String {
    "U".repeat(usize::try_from(count).unwrap())
}

/// Work on `a`, told at once, between two offsets.
fn schedule(service: &Service, id: &str, from_s: i64, to_s: i64) -> Act {
    Act::ScheduleMaintenance(Single {
        id: id.into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(from_s),
        end: service.second(to_s),
        max_downtime_s: None,
        min_notice_s: Some(0),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    })
}

/// The seconds of one class in `figures`.
fn seconds(figures: &str, class: &str) -> i64 {
    let mut words = figures.split(' ').skip_while(|word| *word != class);
    words.nth(1).unwrap().parse().unwrap()
}

fn kinds(service: &Service) -> Vec<Kind> {
    service.due.iter().map(|due| due.notice.kind).collect()
}

/// ```text
/// clock   0 30 60 90 120   150 -> -3450   -3440 ...
///         U U  D  D  D                     D D U U U
/// told               *
/// ```
#[test]
fn a_customer_told_before_the_clock_was_set_back_was_told_in_time() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.set_clock(150, 150 - HOUR_S);
    service.draw(160 - HOUR_S, &[("a/p", "DDUUU")]);
    service.deliver_due(Delivery::Accepted);
    let october = "2026-10".parse().unwrap();
    let report = domain::report::monthly(&service.record, "ops", october, "00").unwrap();
    let outage = &report.outages[0];
    // The outage now begins when the clock was set: its earlier part lies in an hour to come.
    assert_eq!(outage.detect_s, Some(0));
    assert_eq!(
        (outage.tell_first_s, outage.tell_last_s),
        (Some(0), Some(0))
    );
}

/// ```text
/// clock   0 30 60 90 120 150 180 210   240 -> 150
/// a       U D  D  D   U   U   U   U
/// b       U D  D  D   D   D   D   D
/// told                             *
/// ```
#[test]
fn an_outage_that_is_over_keeps_the_time_of_a_notice_that_it_shares() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDDUUUU"), ("b/p", "UDDDDDDD")]);
    service.deliver_due(Delivery::Accepted);
    let tell_s = |service: &Service| {
        let october = "2026-10".parse().unwrap();
        let report = domain::report::monthly(&service.record, "ops", october, "00").unwrap();
        let lines = report.outages.iter();
        lines.map(|line| line.tell_first_s).collect::<Vec<_>>()
    };
    let before = tell_s(&service);
    service.set_clock(240, 150);
    assert_eq!(
        (before, tell_s(&service)),
        (vec![Some(180); 2], vec![Some(180), Some(120)])
    );
}

#[test]
fn an_outage_in_the_hour_that_happens_twice_is_told_at_once() {
    let mut service = watched();
    service.draw(0, &[("a/p", &ups(200))]);
    service.set_clock(6_000, 6_000 - HOUR_S);
    service.draw(2_410, &[("a/p", "UUDDDDUUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        2400  #5 absent 2400..6000
        2410  #6 a/p heard from 2410
        2530  #7 a/p degraded from 2470
        2530  #8 a/p down from 2470 on 3 samples
        2530  #9 outage O-1 of a from 2470
        2530  #10 incident I-1 (Outage)
        2530  due downtime/O-1/it@clinic.example
        2620  #11 a/p cleared from 2590
        2620  #12 a/p up from 2590
        2620  #13 O-1 ends 2590
        2620  #14 IncidentResolved I-1
        2620  due uptime/O-1/it@clinic.example (both)
        up 2400 degraded 0 planned 0 excluded 0 unplanned 0 unknown 250
    "#]]
    .assert_eq(&told(&service, 2_700));
}

#[test]
fn the_hour_that_happens_twice_is_unknown_and_the_time_after_it_is_not() {
    let mut service = watched();
    service.draw(0, &[("a/p", &ups(200))]);
    service.set_clock(6_000, 6_000 - HOUR_S);
    service.draw(2_410, &[("a/p", &ups(140))]);
    expect![[r#"
        0     #4 a/p heard from 0
        2400  #5 absent 2400..6000
        2410  #6 a/p heard from 2410
        up 2980 degraded 0 planned 0 excluded 0 unplanned 0 unknown 3600
    "#]]
    .assert_eq(&told(&service, 6_600));
}

#[test]
fn a_clock_set_back_in_an_outage_does_not_split_it() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDDDDDDDD")]);
    service.set_clock(295, 285);
    service.draw(290, &[("a/p", "DDDUUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        120   #5 a/p degraded from 60
        120   #6 a/p down from 60 on 3 samples
        120   #7 outage O-1 of a from 60
        120   #8 incident I-1 (Outage)
        120   due downtime/O-1/it@clinic.example
        285   #9 absent 285..295
        290   #10 a/p heard from 290
        410   #11 a/p cleared from 380
        410   #12 a/p up from 380
        410   #13 O-1 ends 380
        410   #14 IncidentResolved I-1
        410   due uptime/O-1/it@clinic.example (both)
        up 120 degraded 0 planned 0 excluded 0 unplanned 310 unknown 10
    "#]]
    .assert_eq(&told(&service, 480));
}

#[test]
fn an_outage_that_began_within_the_hour_that_happens_twice_ends_after_it_began() {
    let mut service = watched();
    service.draw(0, &[("a/p", &format!("{}DDDDD", ups(150)))]);
    service.set_clock(4_660, 4_660 - HOUR_S);
    service.draw(1_070, &[("a/p", "DDUUU")]);
    let outage = service.record.outages.all().next().unwrap();
    let (start, end) = (outage.start, outage.end.unwrap());
    assert!(start <= end && end <= service.now, "{start} {end}");
    assert!(outage.detected_at <= outage.closed_at.unwrap());
    expect![[r#"
        0     #4 a/p heard from 0
        4560  #5 a/p degraded from 4500
        4560  #6 a/p down from 4500 on 3 samples
        4560  #7 outage O-1 of a from 4500
        4560  #8 incident I-1 (Outage)
        4560  due downtime/O-1/it@clinic.example
        1060  #9 absent 1060..4660
        1070  #10 a/p heard from 1070
        1160  #11 a/p cleared from 1130
        1160  #12 a/p up from 1130
        1160  #13 O-1 ends 1130
        1160  #14 IncidentResolved I-1
        1160  due uptime/O-1/it@clinic.example (both)
        up 1060 degraded 0 planned 0 excluded 0 unplanned 0 unknown 130
    "#]]
    .assert_eq(&told(&service, 1_200));
}

#[test]
fn a_bad_run_goes_on_over_a_clock_that_is_set_back() {
    let mut service = watched();
    service.draw(0, &[("a/p", &format!("{}DD", ups(150)))]);
    service.set_clock(4_540, 4_540 - HOUR_S);
    service.draw(950, &[("a/p", "DDUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        940   #5 absent 940..4540
        950   #6 a/p heard from 950
        950   #7 a/p degraded from 950
        950   #8 a/p down from 950 on 3 samples
        950   #9 outage O-1 of a from 950
        950   #10 incident I-1 (Outage)
        950   due downtime/O-1/it@clinic.example
        1040  #11 a/p cleared from 1010
        1040  #12 a/p up from 1010
        1040  #13 O-1 ends 1010
        1040  #14 IncidentResolved I-1
        1040  due uptime/O-1/it@clinic.example (both)
        up 940 degraded 0 planned 0 excluded 0 unplanned 0 unknown 100
    "#]]
    .assert_eq(&told(&service, 1_100));
}

#[test]
fn a_blip_over_a_clock_that_is_set_back_ends_where_it_begins() {
    let mut service = watched();
    service.draw(0, &[("a/p", &format!("{}DD", ups(150)))]);
    service.set_clock(4_540, 4_540 - HOUR_S);
    service.draw(950, &[("a/p", "UUUU")]);
    let blips = &service.record.probes.get(&"a/p".into()).unwrap().blips;
    assert!(blips.iter().all(|(span, _)| span.from <= span.to));
    expect![[r#"
        0     #4 a/p heard from 0
        940   #5 absent 940..4540
        950   #6 a/p heard from 950
        950   #7 a/p blip 950..950 of 2
        up 940 degraded 0 planned 0 excluded 0 unplanned 0 unknown 100
    "#]]
    .assert_eq(&told(&service, 1_100));
}

#[test]
fn a_probe_that_was_asked_before_the_clock_was_set_back_answers_after_it() {
    let mut service = watched();
    service.draw(0, &[("a/p", &ups(150))]);
    // Asked at 4500 by the old clock, answered ten seconds later, an hour earlier.
    service.set_clock(4_505, 4_505 - HOUR_S);
    let mut slow: Sample = service.samples.last().unwrap().clone();
    slow.at = service.second(4_500);
    let answered = service.second(4_510 - HOUR_S);
    service.input(answered, domain::input::Input::Sampled(slow));
    service.draw(4_530 - HOUR_S, &[("a/p", "UDDDUU")]);
    expect![[r#"
        0     #4 a/p heard from 0
        905   #5 absent 905..4505
        910   #6 a/p heard from 910
        1020  #7 a/p degraded from 960
        1020  #8 a/p down from 960 on 3 samples
        1020  #9 outage O-1 of a from 960
        1020  #10 incident I-1 (Outage)
        1020  due downtime/O-1/it@clinic.example
        1080  #11 a/p cleared from 1050
        1080  #12 a/p up from 1050
        1080  #13 O-1 ends 1050
        1080  #14 IncidentResolved I-1
        1080  due uptime/O-1/it@clinic.example (both)
        up 905 degraded 0 planned 0 excluded 0 unplanned 0 unknown 175
    "#]]
    .assert_eq(&told(&service, 4_710 - HOUR_S));
}

#[test]
fn a_probe_that_falls_silent_after_the_step_is_seen_to() {
    let mut service = watched();
    service.draw(0, &[("a/p", &ups(150))]);
    service.set_clock(4_480, 4_480 - HOUR_S);
    service.draw(890, &[("a/p", "UU........")]);
    let silent = service
        .record
        .probes
        .get(&"a/p".into())
        .unwrap()
        .silent
        .last()
        .unwrap();
    assert_eq!(silent.0, service.second(890 + STEP_S + 75));
    assert!(service.record.is_unknown(&"a".into()));
}

#[test]
fn notices_that_are_due_do_not_wait_for_the_hour_to_pass_again() {
    let mut service = watched();
    service.draw(0, &[("a/p", &format!("{}DDDD", ups(150)))]);
    // One attempt was put off; its next is due half a minute later, whatever the clock says.
    service.deliver_due(Delivery::Deferred);
    let wake = |s: &Service| notices::next_wake(&s.record, s.watch.doubted(), s.now);
    let next = wake(&service).unwrap();
    assert!(next > service.now);
    let pause = next.duration_since(service.now);
    service.set_clock(4_591, 4_591 - HOUR_S);
    let next = wake(&service).unwrap();
    assert!(next.duration_since(service.now) <= pause);
    service.tick(4_591 - HOUR_S + 30);
    assert_eq!(service.deliver_due(Delivery::Accepted).len(), 1);
    service.draw(4_630 - HOUR_S, &[("a/p", "UUU")]);
    assert_eq!(service.deliver_due(Delivery::Accepted).len(), 1);
    assert_eq!(kinds(&service), [Kind::Downtime, Kind::Uptime]);
}

#[test]
fn a_downtime_that_waits_for_other_systems_waits_no_longer_than_it_may() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    let down = format!("{}DDD", ups(150));
    let doubtful = format!("{}UDD", ups(150));
    service.draw(0, &[("a/p", &down), ("b/p", &doubtful)]);
    assert_eq!(kinds(&service), []);
    service.set_clock(4_562, 4_562 - HOUR_S);
    service.tick(4_562 - HOUR_S + 31);
    assert_eq!(kinds(&service), [Kind::Downtime]);
}

fn windowed() -> Service {
    let mut a = system("a");
    a.windows = vec![Rule {
        tell: true,
        ..rule("weekly", "10:30:00", 1_200, Some(300))
    }];
    Service::with(ORIGIN, catalogue(vec![a]))
}

#[test]
fn a_window_that_happens_twice_is_told_once() {
    let mut service = windowed();
    service.draw(0, &[("a/p", &ups(80))]);
    service.set_clock(2_395, 1_195);
    service.draw(1_200, &[("a/p", &ups(30))]);
    // After a reload or a restart it still counts as notified.
    let mut other = (*service.record.catalogue).clone();
    other.service = "Renamed".into();
    service.configure(service.second(2_100), other);
    service.crash(2_100, 2_130);
    service.draw(2_150, &[("a/p", &ups(60))]);
    assert_eq!(
        kinds(&service),
        [Kind::MaintenanceStarted, Kind::MaintenanceCompleted]
    );
}

#[test]
fn a_clock_set_back_after_a_window_does_not_hold_it_again() {
    let mut service = windowed();
    service.draw(0, &[("a/p", &ups(105))]);
    // Into its midst, and then to before it.
    service.set_clock(3_145, 2_900);
    service.draw(2_905, &[("a/p", "U")]);
    service.crash(2_906, 2_910);
    service.set_clock(2_912, 1_345);
    service.draw(1_350, &[("a/p", &ups(20))]);
    let mut other = (*service.record.catalogue).clone();
    other.service = "Renamed".into();
    service.configure(service.second(1_945), other);
    service.crash(1_950, 2_130);
    service.draw(2_150, &[("a/p", &ups(60))]);
    assert_eq!(
        kinds(&service),
        [Kind::MaintenanceStarted, Kind::MaintenanceCompleted]
    );
    assert!(service.record.maintenance.all_held().next().is_none());
}

#[test]
fn a_window_that_nobody_sees_end_ends_by_the_present_clock() {
    let completed_at = |every_s: i64| {
        let mut service = windowed();
        // Down as the window ends, and so not completed when the clock is set back into it.
        let row = format!("{}{}", ups(98), "D".repeat(6));
        service.draw(0, &[("a/p", &row)]);
        service.set_clock(3_100, 2_000);
        let mut other = (*service.record.catalogue).clone();
        other.systems[0].probes.clear();
        service.configure(service.second(2_010), other);
        for tick_s in (2_010 + every_s..=4_010).step_by(usize::try_from(every_s).unwrap()) {
            service.tick(tick_s);
        }
        let completed = |fact: &Fact| matches!(fact, Fact::MaintenanceCompleted { .. });
        let found = service.events.iter().find(|(_, e)| completed(&e.fact));
        found.unwrap().1.at.duration_since(service.origin).as_secs()
    };
    assert_eq!(completed_at(2_000), 3_000);
    assert_eq!(completed_at(10), 3_000);
}

#[test]
fn a_month_s_end_that_happens_twice_is_witnessed_once_and_both_months_add_up() {
    let mut service = Service::new("2026-10-31T23:00:00Z", vec![system("a")]);
    service.draw(0, &[("a/p", &ups(130))]);
    service.set_clock(3_900, 3_300);
    service.draw(3_310, &[("a/p", &ups(60))]);
    let witnessed = service
        .events
        .iter()
        .filter(|(_, e)| e.fact == Fact::DayClosed);
    assert_eq!(witnessed.count(), 1);
    expect![[r#"
        up 3300 degraded 0 planned 0 excluded 0 unplanned 0 unknown 300
        up 1100 degraded 0 planned 0 excluded 0 unplanned 0 unknown 300
    "#]]
    .assert_eq(&format!(
        "{}\n{}\n",
        service.figures("a", 0, HOUR_S),
        service.figures("a", HOUR_S, 5_000)
    ));
}

#[test]
fn a_start_after_the_clock_was_set_back_knows_that_it_was() {
    for orderly in [true, false] {
        let mut service = watched();
        service.draw(0, &[("a/p", &ups(150))]);
        if orderly {
            service.stop(4_500);
            service.start(4_560 - HOUR_S);
        } else {
            service.crash(4_500, 4_560 - HOUR_S);
        }
        service.draw(970, &[("a/p", "UDDDDUUU")]);
        let figures = service.figures("a", 0, 1_180);
        assert_eq!(
            service.record.outages.all().count(),
            1,
            "told now, not in an hour"
        );
        assert_eq!(seconds(&figures, "unknown"), 1_180 - 960, "{figures}");
        assert!(!service.record.is_unknown(&"a".into()));
        service.draw(1_210, &[("a/p", &ups(120))]);
        let after = service.figures("a", 4_500, 4_800);
        assert_eq!(seconds(&after, "unknown"), 0, "{after}");
    }
}

#[test]
fn a_restart_within_the_hour_that_happens_twice_confirms_nothing_of_the_first_time() {
    let mut service = watched();
    let first = format!("{}DDUU{}", ups(36), ups(110));
    service.draw(0, &[("a/p", &first)]);
    service.set_clock(4_500, 4_500 - HOUR_S);
    // The two times interleave in the store: bad ones of the first between good ones of now.
    service.draw(905, &[("a/p", &ups(8))]);
    service.crash(1_140, 1_145);
    service.draw(1_150, &[("a/p", &ups(4))]);
    assert!(service.record.outages.all().next().is_none());
    assert_eq!(kinds(&service), []);
    assert!(!service.record.is_unknown(&"a".into()));
}

#[test]
fn what_an_earlier_life_showed_passes_twice_too() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUU")]);
    service.crash(100, 110);
    service.draw(120, &[("a/p", "UUUU")]);
    service.set_clock(215, 20);
    service.draw(25, &[("a/p", "DDD")]);
    service.stop(90);
    // Samples of the first run at these times do not contradict those of the third.
    service.start(70);
    service.draw(75, &[("a/p", "DDDDDDUU")]);
    let spans = service.record.monitoring.repeated().iter();
    let seconds: Vec<_> = spans.map(|s| (s.from, s.to)).collect();
    let s = |s| service.second(s);
    assert_eq!(seconds, [(s(20), s(100)), (s(110), s(215)), (s(70), s(90))]);
    assert_eq!(
        service.record.outages.all().count(),
        1,
        "{}",
        service.timeline()
    );
}

#[test]
fn people_who_act_in_the_hour_that_happens_twice_leave_an_order_that_adds_up() {
    let mut service = watched();
    service.draw(0, &[("a/p", &format!("{}DDDD", ups(150)))]);
    service.set_clock(4_591, 4_591 - HOUR_S);
    let incident = Selector::System("a".into());
    service.act_at(1_000, "kim", crate::service::acknowledge(incident));
    service.draw(1_010, &[("a/p", "DUUU")]);
    let incident = service.record.incidents.all().next().unwrap();
    let acknowledged = incident.acknowledged.as_ref().unwrap().at;
    let resolved = incident.resolved_at.unwrap();
    assert!(incident.opened_at <= acknowledged && acknowledged <= resolved);
}

#[test]
fn a_clock_that_was_wrong_for_a_minute_hides_no_more_than_that_minute() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUU")]);
    // A month ahead, seen and put right after a minute.
    let month_s = 30 * 86_400;
    service.set_clock(100, 100 + month_s);
    service.draw(105 + month_s, &[("a/p", "UU")]);
    service.set_clock(160 + month_s, 160);
    service.draw(165, &[("a/p", &ups(20))]);
    let figures = service.figures("a", 0, 765);
    assert_eq!(seconds(&figures, "unknown"), 65, "{figures}");
    assert!(service.record.outages.all().next().is_none());
}

/// The windows that began, and the seconds at which they were said to.
fn began(service: &Service) -> Vec<(String, i64)> {
    let begun = service.events.iter().filter_map(|(_, event)| {
        let Fact::MaintenanceStarted { window, .. } = &event.fact else {
            return None;
        };
        let at_s = event.at.duration_since(service.origin).as_secs();
        Some((window.to_string(), at_s))
    });
    begun.collect()
}

fn is_completed(service: &Service, window: &str) -> bool {
    let maintenance = &service.record.maintenance;
    maintenance.has_begun(&window.into()) && maintenance.held(&window.into()).is_none()
}

#[test]
fn work_that_is_scheduled_for_a_time_that_passes_twice_is_told_when_it_begins() {
    let mut service = watched();
    service.draw(0, &[("a/p", &ups(200))]);
    let first = schedule(&service, "first", 6_010, 6_100);
    service.act_at(6_000, "kim", first);
    service.draw(6_010, &[("a/p", &ups(10))]);
    service.set_clock(6_310, 6_310 - HOUR_S);
    let second = schedule(&service, "second", 3_000, 3_600);
    service.act_at(2_800, "kim", second);
    service.draw(2_810, &[("a/p", &ups(120))]);
    // Not the first once more, though the clock shows again what it was when it began.
    let wanted = [("first".to_owned(), 6_010), ("second".to_owned(), 3_000)];
    assert_eq!(began(&service), wanted);
    assert!(is_completed(&service, "first") && is_completed(&service, "second"));
}

#[test]
fn work_that_a_clock_far_ahead_ran_past_does_not_begin_once_more() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUU")]);
    let window = schedule(&service, "move", 600, 900);
    service.act_at(125, "kim", window);
    let month_s = 30 * 86_400;
    service.set_clock(130, 130 + month_s);
    service.draw(135 + month_s, &[("a/p", "UU")]);
    service.set_clock(190 + month_s, 190);
    service.draw(195, &[("a/p", &ups(40))]);
    assert_eq!(began(&service), [("move".to_owned(), 600)]);
}

#[test]
fn work_that_a_start_with_a_clock_far_ahead_skipped_is_told_at_its_time() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUU")]);
    let window = schedule(&service, "move", 600, 900);
    service.act_at(125, "kim", window);
    service.stop(130);
    let month_s = 30 * 86_400;
    service.start(140 + month_s);
    service.draw(145 + month_s, &[("a/p", "UU")]);
    service.set_clock(190 + month_s, 190);
    service.draw(195, &[("a/p", &ups(40))]);
    assert_eq!(began(&service), [("move".to_owned(), 600)]);
    assert!(is_completed(&service, "move"));
}

#[test]
fn forward_and_back_again_and_again_ends_where_it_should() {
    let mut service = watched();
    let mut now_s = 0;
    for n in 0..20 {
        service.draw(now_s, &[("a/p", "UDDDUU")]);
        now_s += 185;
        let to_s = if n % 2 == 0 { now_s - 150 } else { now_s + 90 };
        service.set_clock(now_s, to_s);
        now_s = to_s + 5;
    }
    service.draw(now_s, &[("a/p", "UUUU")]);
    assert!(service.record.systems["a"].open.is_none());
    assert_eq!(service.record.outages.all().count(), 20);
    assert_eq!(kinds(&service).len(), 40);
    for outage in service.record.outages.all() {
        assert!(outage.start <= outage.end.unwrap());
    }
    service.deliver_due(Delivery::Accepted);
    assert!(service.is_quiet());
}

#[test]
fn a_declared_outage_that_goes_on_can_be_ended_in_the_hour_that_happens_twice() {
    let mut service = watched();
    service.draw(0, &[("a/p", &ups(150))]);
    let declared = Act::DeclareOutage {
        system: "a".into(),
        from: service.second(4_300),
        to: None,
        evidence: "calls".into(),
    };
    service.act_at(4_500, "kim", declared);
    service.set_clock(4_560, 4_560 - HOUR_S);
    let outage = service.record.outages.all().next().unwrap().id;
    let over = Act::ChangeDeclaration {
        outage: Selector::Id(outage),
        to: service.second(1_100),
        reason: "works again".into(),
        approved_by: None,
    };
    service.act_at(1_110, "kim", over);
    let ended = service.record.outages.get(&outage).unwrap();
    assert_eq!(ended.start, service.second(4_560 - HOUR_S));
    assert_eq!(ended.end, Some(service.second(1_100)));
    assert_eq!(kinds(&service), [Kind::Downtime, Kind::Uptime]);
}

#[test]
fn an_overrun_that_goes_on_is_not_told_of_a_time_to_come() {
    let mut service = windowed();
    service.draw(0, &[("a/p", &format!("{}{}", ups(70), "D".repeat(14)))]);
    service.deliver_due(Delivery::Accepted);
    // Set to before the instant from which on it counts.
    service.set_clock(2_515, 2_200);
    let outage = service.record.outages.all().next().unwrap();
    let (from, _) = outage.overrun.as_ref().unwrap();
    assert_eq!(
        (outage.start, *from),
        (service.second(2_100), service.second(2_200))
    );
    service.draw(2_205, &[("a/p", "UUU")]);
    let last = &service.due.last().unwrap().notice;
    let over = &last.affected[0];
    assert_eq!(last.kind, Kind::Uptime, "{}", service.timeline());
    assert!(over.from.unwrap() < over.to.unwrap());
}

#[test]
fn nothing_was_heard_at_a_time_that_is_still_to_come() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUU")]);
    service.stop(140);
    service.start(60);
    // Time before 140 occurs twice; only the sample at 155 is read back.
    service.draw(65, &[("a/p", "UUUU")]);
    service.crash(160, 150);
    service.draw(155, &[("a/p", "UU")]);
    for (seq, event) in &service.events {
        if let Fact::ProbeFirstResult { from, .. } = &event.fact {
            assert!(*from <= event.at, "#{seq} of\n{}", service.timeline());
        }
    }
    let silent = &service.record.probes.get(&"a/p".into()).unwrap().silent;
    assert!(silent.iter().all(|s| s.1.is_some_and(|to| s.0 <= to)));
    assert!(silent.windows(2).all(|two| two[0].1 <= Some(two[1].0)));
}

#[test]
fn a_start_before_the_last_entry_of_the_ledger_knows_that_the_clock_was_set_back() {
    let with_b = || catalogue(vec![system("a"), system("b")]);
    for orderly in [true, false] {
        let mut service = Service::with(ORIGIN, with_b());
        service.draw(0, &[("a/p", "UUUU"), ("b/p", "UUUU")]);
        // The last that is written before the clock is set back is that b was taken out.
        if orderly {
            service.stop(100);
            service.configure(service.second(400), catalogue(vec![system("a")]));
            service.start(350);
        } else {
            service.configure(service.second(400), catalogue(vec![system("a")]));
            service.crash(110, 350);
        }
        service.configure(service.second(355), with_b());
        service.draw(360, &[("a/p", "UUU"), ("b/p", "UUU")]);
        let s = |s| service.second(s);
        let lived = [(s(0), Some(s(350))), (s(355), None)];
        assert_eq!(service.record.systems["b"].life, lived);
        assert_eq!(
            service.record.probes.get(&"b/p".into()).unwrap().life,
            lived
        );
        let story = service.timeline();
        assert!(story.contains(" absent 350..400"), "{story}");
        let silent = &service.record.probes.get(&"a/p".into()).unwrap().silent;
        assert!(silent.iter().all(|s| s.1.is_some_and(|to| s.0 <= to)));
    }
}
