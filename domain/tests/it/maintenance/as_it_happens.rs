//! Maintenance as it happens, drawn: thirty seconds a letter, windows in seconds after midnight.
//! Each ends with the seconds that a report counts, so that what people are told and what the
//! contract's figure says cannot drift apart.

use crate::random_histories::clocks::gold;
use crate::service::{Service, active, catalogue, probe, rule, system, weekdays};
use domain::catalogue::{Affects, Rule, System};
use domain::event::Fact;
use domain::policy::{Hours, Policy};
use domain::report;
use expect_test::{Expect, expect};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn with(rules: Vec<Rule>) -> System {
    System {
        windows: rules,
        ..system("a")
    }
}

/// Draws samples from midnight on and compares the outline and the figures up to the last one.
fn check(rules: Vec<Rule>, samples: &str, expected: Expect) -> Service {
    let mut service = Service::new(ORIGIN, vec![with(rules)]);
    service.draw(0, &[("a/p", samples)]);
    compare(&service, samples, expected);
    service
}

fn compare(service: &Service, samples: &str, expected: Expect) {
    let end_s = i64::try_from(samples.len()).unwrap() * crate::service::STEP_S;
    let figures = service.figures("a", 0, end_s - crate::service::STEP_S);
    expected.assert_eq(&format!("{}{figures}\n", service.timeline_without_probes()));
}

/// From five minutes after midnight, for that many seconds.
fn from_five(length_s: i64, max_downtime_s: Option<i64>) -> Rule {
    rule("work", "00:05:00", length_s, max_downtime_s)
}

#[test]
fn a_window_that_is_kept_tells_nobody_of_downtime() {
    check(
        vec![from_five(600, Some(300))],
        "UUUUUUUUUUUDDDDDDUUUUUUUUUUUUUUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            540   #10 O-1 ends 510
            up 780 degraded 0 planned 180 excluded 0 unplanned 0 unknown 0
        "#]],
    );
}

#[test]
fn an_overrun_is_decided_by_the_first_bad_sample_at_or_after_the_limit_and_dated_to_it() {
    // Down from 330; 100 seconds allowed: the limit is 430, the next bad sample 450.
    check(
        vec![from_five(600, Some(100))],
        "UUUUUUUUUUUDDDDDDDUUUUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            450   #8 O-1 overruns a/work@2026-10-01 from 430
            450   #9 incident I-1 (Overrun)
            450   due maintenance-overrun/O-1/it@clinic.example
            570   #12 O-1 ends 540
            570   #13 IncidentResolved I-1
            570   due uptime/O-1/it@clinic.example (both)
            up 480 degraded 0 planned 100 excluded 0 unplanned 110 unknown 0
        "#]],
    );
}

#[test]
fn a_bad_sample_at_the_very_limit_decides_the_overrun() {
    // Down from 330; 120 seconds allowed: the limit is 450, and there is a sample at 450.
    check(
        vec![from_five(600, Some(120))],
        "UUUUUUUUUUUDDDDDDDUUUUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            450   #8 O-1 overruns a/work@2026-10-01 from 450
            450   #9 incident I-1 (Overrun)
            450   due maintenance-overrun/O-1/it@clinic.example
            570   #12 O-1 ends 540
            570   #13 IncidentResolved I-1
            570   due uptime/O-1/it@clinic.example (both)
            up 480 degraded 0 planned 120 excluded 0 unplanned 90 unknown 0
        "#]],
    );
}

#[test]
fn a_limit_between_the_last_bad_sample_and_the_first_good_one_is_no_overrun_but_owes_texts() {
    // Down from 330 to 510, the last bad sample at 480; 160 seconds allowed: the limit is 490.
    check(
        vec![from_five(600, Some(160))],
        "UUUUUUUUUUUDDDDDDUUUUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            540   #10 O-1 ends 510
            540   #11 incident I-1 (Overrun)
            540   #12 IncidentResolved I-1
            up 480 degraded 0 planned 160 excluded 0 unplanned 20 unknown 0
        "#]],
    );
}

#[test]
fn an_allowance_that_is_used_up_before_the_outage_is_confirmed_is_told_as_an_overrun() {
    check(
        vec![from_five(600, Some(10))],
        "UUUUUUUUUUUDDDDDUUUUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            390   #8 O-1 overruns a/work@2026-10-01 from 340
            390   #9 incident I-1 (Overrun)
            390   due maintenance-overrun/O-1/it@clinic.example
            510   #12 O-1 ends 480
            510   #13 IncidentResolved I-1
            510   due uptime/O-1/it@clinic.example (both)
            up 480 degraded 0 planned 10 excluded 0 unplanned 140 unknown 0
        "#]],
    );
}

#[test]
fn a_second_outage_in_a_window_whose_allowance_is_spent_overruns_from_its_start() {
    check(
        vec![from_five(900, Some(120))],
        "UUUUUUUUUUDDDDUUUUUUDDDDUUUU",
        expect![[r#"
            360   #7 outage O-1 of a from 300 planned
            450   #10 O-1 ends 420
            660   #13 outage O-2 of a from 600 planned
            660   #14 O-2 overruns a/work@2026-10-01 from 600
            660   #15 incident I-1 (Overrun)
            660   due maintenance-overrun/O-2/it@clinic.example
            750   #18 O-2 ends 720
            750   #19 IncidentResolved I-1
            750   due uptime/O-2/it@clinic.example (both)
            up 570 degraded 0 planned 120 excluded 0 unplanned 120 unknown 0
        "#]],
    );
}

#[test]
fn what_lasts_beyond_the_end_of_the_window_is_an_overrun() {
    // The window ends at 600, at a sample.
    check(
        vec![from_five(300, None)],
        "UUUUUUUUUUUDDDDDDDDDDDDUUUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            600   #8 O-1 overruns a/work@2026-10-01 from 600
            600   #9 incident I-1 (Overrun)
            600   due maintenance-overrun/O-1/it@clinic.example
            720   #12 O-1 ends 690
            720   #13 IncidentResolved I-1
            720   due uptime/O-1/it@clinic.example (both)
            up 450 degraded 0 planned 270 excluded 0 unplanned 90 unknown 0
        "#]],
    );
}

#[test]
fn a_service_stopped_ten_seconds_before_its_window_is_owed_but_not_told() {
    let window = rule("work", "00:05:10", 600, Some(300));
    check(
        vec![window],
        "UUUUUUUUUUDDDDDUUUUUUU",
        expect![[r#"
            360   #7 outage O-1 of a from 300 planned
            360   #8 incident I-1 (Outage)
            480   #11 O-1 ends 450
            480   #12 IncidentResolved I-1
            up 480 degraded 0 planned 140 excluded 0 unplanned 10 unknown 0
        "#]],
    );
}

#[test]
fn a_service_stopped_just_before_its_window_is_told_once_it_overruns() {
    let window = rule("work", "00:05:10", 600, Some(100));
    check(
        vec![window],
        "UUUUUUUUUUDDDDDDDUUUUUU",
        expect![[r#"
            360   #7 outage O-1 of a from 300 planned
            360   #8 incident I-1 (Outage)
            420   #9 O-1 overruns a/work@2026-10-01 from 410
            420   due maintenance-overrun/O-1/it@clinic.example
            540   #12 O-1 ends 510
            540   #13 IncidentResolved I-1
            540   due uptime/O-1/it@clinic.example (both)
            up 450 degraded 0 planned 100 excluded 0 unplanned 110 unknown 0
        "#]],
    );
}

#[test]
fn confirmed_before_its_window_an_early_start_is_told_at_once() {
    let window = Rule {
        start_grace_s: Some(120),
        ..rule("work", "00:07:00", 600, Some(300))
    };
    check(
        vec![window],
        "UUUUUUUUUUDDDDDDDUUUUUUU",
        expect![[r#"
            360   #7 outage O-1 of a from 300
            360   #8 incident I-1 (Outage)
            360   due downtime/O-1/it@clinic.example
            540   #11 O-1 ends 510
            540   #12 IncidentResolved I-1
            540   due uptime/O-1/it@clinic.example (both)
            up 480 degraded 0 planned 90 excluded 0 unplanned 120 unknown 0
        "#]],
    );
}

#[test]
fn a_window_entered_already_down_is_an_outage_to_its_end() {
    let window = rule("work", "00:07:00", 600, None);
    check(
        vec![window],
        "UUUUUUUUUUDDDDDDDDUUUU",
        expect![[r#"
            360   #7 outage O-1 of a from 300
            360   #8 incident I-1 (Outage)
            360   due downtime/O-1/it@clinic.example
            570   #11 O-1 ends 540
            570   #12 IncidentResolved I-1
            570   due uptime/O-1/it@clinic.example (both)
            up 390 degraded 0 planned 0 excluded 0 unplanned 240 unknown 0
        "#]],
    );
}

#[test]
fn an_unearned_window_is_an_ordinary_outage_whose_downtime_names_the_work() {
    let window = Rule {
        agreed: None,
        ..from_five(600, None)
    };
    let service = check(
        vec![window],
        "UUUUUUUUUUUDDDDUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330
            390   #8 incident I-1 (Outage)
            390   due downtime/O-1/it@clinic.example
            480   #11 O-1 ends 450
            480   #12 IncidentResolved I-1
            480   due uptime/O-1/it@clinic.example (both)
            up 390 degraded 0 planned 0 excluded 0 unplanned 120 unknown 0
        "#]],
    );
    let told: Vec<_> = service
        .due
        .iter()
        .map(|o| {
            let work = o.notice.window.as_ref();
            (o.notice.kind.word(), work.map(|w| w.title.as_str()))
        })
        .collect();
    assert_eq!(told, [("downtime", Some("Work work")), ("uptime", None)]);
}

#[test]
fn overlapping_windows_each_excuse_their_own_seconds_and_planned_time_is_the_union() {
    // One of five minutes' allowance from 300 to 900, one of thirty from 600 to 3000; down from
    // before the first (beyond its grace) to after the second.
    let rules = || {
        vec![
            rule("short", "00:05:00", 600, Some(300)),
            rule("long", "00:10:00", 2400, Some(1800)),
        ]
    };
    let down = "D".repeat(104);
    check(
        rules(),
        &format!("UUUUUUU{down}UUU"),
        expect![[r#"
            270   #7 outage O-1 of a from 210
            270   #8 incident I-1 (Outage)
            270   due downtime/O-1/it@clinic.example
            870   #9 NoticeUndelivered clinic
            3360  #12 O-1 ends 3330
            3360  #13 IncidentResolved I-1
            3360  due uptime/O-1/it@clinic.example (both)
            up 270 degraded 0 planned 0 excluded 0 unplanned 3120 unknown 0
        "#]],
    );
    // Begun inside the first: five minutes by it, then thirty by the second where they are left.
    let down = "D".repeat(100);
    check(
        rules(),
        &format!("UUUUUUUUUUU{down}UUU"),
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            2400  #8 O-1 overruns a/long@2026-10-01 from 2400
            2400  #9 incident I-1 (Overrun)
            2400  due maintenance-overrun/O-1/it@clinic.example
            3000  #10 NoticeUndelivered clinic
            3360  #13 O-1 ends 3330
            3360  #14 IncidentResolved I-1
            3360  due uptime/O-1/it@clinic.example (both)
            up 390 degraded 0 planned 2070 excluded 0 unplanned 930 unknown 0
        "#]],
    );
}

#[test]
fn up_again_after_an_overrun_is_told_to_everyone_who_was_told() {
    let mut service = Service::new(ORIGIN, vec![with(vec![from_five(600, Some(100))])]);
    service.draw(0, &[("a/p", "UUUUUUUUUUDDDDDD")]);
    service.deliver_due(domain::event::Delivery::Accepted);
    service.draw(480, &[("a/p", "UUU")]);
    service.deliver_due(domain::event::Delivery::Accepted);
    compare(
        &service,
        "................UUU",
        expect![[r#"
            360   #7 outage O-1 of a from 300 planned
            420   #8 O-1 overruns a/work@2026-10-01 from 400
            420   #9 incident I-1 (Overrun)
            420   due maintenance-overrun/O-1/it@clinic.example
            450   #10 attempt 1 of N-1
            450   #11 N-1 Accepted
            510   #14 O-1 ends 480
            510   #15 IncidentResolved I-1
            510   due uptime/O-1/it@clinic.example
            540   #16 attempt 1 of N-2
            540   #17 N-2 Accepted
            up 360 degraded 0 planned 100 excluded 0 unplanned 80 unknown 0
        "#]],
    );
    let last = service.due.iter().next_back().unwrap();
    assert_eq!(
        last.notice.affected[0].down_s,
        Some(180),
        "from its start, not the overrun's"
    );
    assert!(!last.notice.references.is_empty());
}

#[test]
fn a_slower_probe_whose_run_began_before_the_window_takes_the_excuse_back() {
    // q needs eight bad samples: its run began at 240, more than the grace before the window.
    let mut both = with(vec![from_five(900, None)]);
    let mut slow = crate::service::probe("a", "q");
    active(&mut slow).failures = 8;
    both.probes.push(slow);
    let mut service = Service::new(ORIGIN, vec![both]);
    let p = "UUUUUUUUUUUDDDDDDDUUUU";
    let q = "UUUUUUUUDDDDDDDDDDUUUU";
    service.draw(0, &[("a/p", p), ("a/q", q)]);
    compare(
        &service,
        p,
        expect![[r#"
            390   #8 outage O-1 of a from 330 planned
            450   #11 O-1 overruns a/work@2026-10-01 from 240
            450   #12 incident I-1 (Overrun)
            450   due maintenance-overrun/O-1/it@clinic.example
            570   #17 O-1 ends 540
            570   #18 IncidentResolved I-1
            570   due uptime/O-1/it@clinic.example (both)
            up 330 degraded 0 planned 0 excluded 0 unplanned 300 unknown 0
        "#]],
    );
}

#[test]
fn a_pause_between_two_probes_of_one_outage_uses_no_allowance() {
    // p is down from 330 to 450; q's run begins at 480, just before p is confirmed up: one outage,
    // and the thirty seconds between are up. The limit of 200 seconds is at 560.
    let mut both = with(vec![from_five(900, Some(200))]);
    both.probes.push(crate::service::probe("a", "q"));
    let mut service = Service::new(ORIGIN, vec![both]);
    let p = "UUUUUUUUUUUDDDDUUUUUUUUUUUUU";
    let q = "UUUUUUUUUUUUUUUUDDDDDDDUUUUU";
    service.draw(0, &[("a/q", q), ("a/p", p)]);
    compare(
        &service,
        p,
        expect![[r#"
            390   #8 outage O-1 of a from 330 planned
            570   #13 O-1 overruns a/work@2026-10-01 from 560
            570   #14 incident I-1 (Overrun)
            570   due maintenance-overrun/O-1/it@clinic.example
            720   #17 O-1 ends 690
            720   #18 IncidentResolved I-1
            720   due uptime/O-1/it@clinic.example (both)
            up 480 degraded 0 planned 200 excluded 0 unplanned 130 unknown 0
        "#]],
    );
}

#[test]
fn a_blip_of_another_probe_at_the_limit_decides_no_overrun() {
    let mut both = with(vec![from_five(900, Some(150))]);
    both.probes.push(crate::service::probe("a", "q"));
    let mut service = Service::new(ORIGIN, vec![both]);
    // The limit is 480, where p has its first good sample and q its only bad one.
    let p = "UUUUUUUUUUUDDDDDUUUUUUU";
    let q = "UUUUUUUUUUUUUUUUDUUUUUU";
    service.draw(0, &[("a/p", p), ("a/q", q)]);
    compare(
        &service,
        p,
        expect![[r#"
            390   #8 outage O-1 of a from 330 planned
            510   #12 O-1 ends 480
            up 510 degraded 0 planned 150 excluded 0 unplanned 0 unknown 0
        "#]],
    );
}

#[test]
fn downtime_that_nobody_saw_uses_no_allowance() {
    // Silent from 465 to 540 within the outage: the limit of 200 seconds moves by as much.
    check(
        vec![from_five(900, Some(200))],
        "UUUUUUUUUUUDDD....DDDDDUUUU",
        expect![[r#"
            390   #7 outage O-1 of a from 330 planned
            630   #10 O-1 overruns a/work@2026-10-01 from 605
            630   #11 incident I-1 (Overrun)
            630   due maintenance-overrun/O-1/it@clinic.example
            720   #14 O-1 ends 690
            720   #15 IncidentResolved I-1
            720   due uptime/O-1/it@clinic.example (both)
            up 420 degraded 0 planned 200 excluded 0 unplanned 85 unknown 75
        "#]],
    );
}

#[test]
fn a_later_policy_changes_no_older_window() {
    let policy = |from: &str, to: &str| Policy {
        planned_hours: Some(Hours::on(
            weekdays(0..7),
            from.parse().unwrap(),
            to.parse().unwrap(),
            "UTC",
        )),
        ..crate::service::policy("p", None)
    };
    let configured = |policy: Policy, systems: Vec<System>| {
        let mut all = crate::service::catalogue(systems);
        all.policies = vec![policy];
        all
    };
    let mut a = with(vec![from_five(600, None)]);
    a.policy = Some("p".into());
    let at_night = configured(policy("00:00:00", "05:00:00"), vec![a.clone()]);
    let mut service = Service::with(ORIGIN, at_night);
    service.draw(0, &[("a/p", "UUUUUUUUUUUDDDDUUU")]);
    let before = service.figures("a", 0, 500);
    expect!["up 380 degraded 0 planned 120 excluded 0 unplanned 0 unknown 0"].assert_eq(&before);
    // Slower probes would give a longer grace, other hours none at all.
    active(&mut a.probes[0]).interval_ms = 300_000;
    let by_day = configured(policy("10:00:00", "11:00:00"), vec![a]);
    service.configure(service.second(2_000), by_day);
    assert_eq!(service.figures("a", 0, 500), before);
    // Nor does taking the system away.
    let gone = configured(policy("10:00:00", "11:00:00"), vec![]);
    service.configure(service.second(3_000), gone);
    assert_eq!(service.figures("a", 0, 500), before);
}

#[test]
fn an_allowance_changed_within_a_month_decides_from_the_next_on() {
    let configured = |allowance_s: Option<i64>| {
        let mut a = with(vec![from_five(600, None)]);
        a.policy = Some("p".into());
        let mut all = crate::service::catalogue(vec![a]);
        all.policies = vec![crate::service::policy("p", allowance_s)];
        all
    };
    // A Thursday three weeks from the next month's first; 210 seconds of work in its window.
    let drawn = "UUUUUUUUUUUDDDDDDDUUU";
    let overruns = |service: &Service| {
        let facts = service.events.iter().map(|(_, event)| &event.fact);
        let from = |fact: &Fact| match fact {
            Fact::Overrun { from, .. } => Some(from.duration_since(service.origin).as_secs()),
            _ => None,
        };
        facts.filter_map(from).collect::<Vec<i64>>()
    };
    let mut service = Service::with("2026-10-15T00:00:00Z", configured(Some(600)));
    service.configure(service.second(60), configured(Some(60)));
    service.draw(90, &[("a/p", &drawn[3..])]);
    assert!(overruns(&service).is_empty());
    assert_eq!(planned_in_report(&service, "2026-10"), 210);

    // A less strict policy waits for the next month, too.
    service.configure(service.second(1_000), configured(None));
    let week_s = 7 * 86_400;
    service.draw(3 * week_s, &[("a/p", drawn)]);
    assert!(overruns(&service).is_empty());
    service.configure(service.second(3 * week_s + 1_000), configured(Some(60)));
    service.draw(4 * week_s, &[("a/p", drawn)]);
    assert!(overruns(&service).is_empty());
    assert_eq!(planned_in_report(&service, "2026-11"), 420);

    // December's is November's last.
    service.draw(7 * week_s, &[("a/p", drawn)]);
    assert_eq!(overruns(&service), [7 * week_s + 390]);
    assert_eq!(planned_in_report(&service, "2026-12"), 60);
}

/// The planned seconds of system `a` in the committee's report.
fn planned_in_report(service: &Service, month: &str) -> i64 {
    let month = month.parse().unwrap();
    let made = report::monthly(&service.record, "ops", month, "head").unwrap();
    made.systems[0].planned_s
}

/// A minute apart, and five: down 174 seconds before the window, seen by the first.
#[test]
fn without_a_start_grace_the_quickest_probe_says_how_early_is_too_early() {
    let outcome = |early_s: i64, intervals_s: &[i64]| {
        let mut a = with(vec![from_five(600, None)]);
        let probes = intervals_s.iter().zip(["p", "q"]);
        a.probes = probes
            .map(|(interval_s, name)| {
                let mut probe = crate::service::probe("a", name);
                let schedule = active(&mut probe);
                (schedule.interval_ms, schedule.retry_interval_ms) = (interval_s * 1000, 10_000);
                probe
            })
            .collect();
        let mut service = Service::new(ORIGIN, vec![a]);
        for offset_s in (0..600).step_by(10) {
            let letter = if (300 - early_s..420).contains(&offset_s) {
                'D'
            } else {
                'U'
            };
            service.sample("a/p", offset_s, letter);
            if offset_s % 300 == 0 && intervals_s.len() > 1 {
                service.sample("a/q", offset_s, 'U');
            }
        }
        let end = service.figures("a", 300, 420);
        (
            service.record.outages.all().count(),
            end.contains(" planned 120"),
        )
    };
    assert_eq!(outcome(170, &[60, 300]), (1, false));
    assert_eq!(outcome(60, &[60, 300]), (1, true));
    assert_eq!(outcome(70, &[60, 300]), (1, false));
    assert_eq!(outcome(170, &[180]), (1, true));
}

#[test]
fn a_downtime_that_waits_into_a_window_names_no_work_that_excuses_it_nor_that_of_another_system() {
    // Both stop 15 s before the window of one of them; the second is still in doubt when it begins.
    let told = |window: Rule, other: Vec<Rule>, letter: char| {
        let b = System {
            windows: other,
            ..system("b")
        };
        let mut service = Service::new(ORIGIN, vec![with(vec![window]), b]);
        service.draw(0, &[("a/p", "UUUUUUUUUU"), ("b/p", "UUUUUUUUUU")]);
        for (at, probe) in [
            (285, "a/p"),
            (286, "b/p"),
            (290, "a/p"),
            (291, "b/p"),
            (295, "a/p"),
        ] {
            service.sample(probe, at, 'D');
        }
        assert!(service.due.is_empty());
        service.sample("b/p", 305, letter);
        service.sample("b/p", 310, letter);
        let notice = &service.due.first().unwrap().notice;
        let work = notice.window.as_ref().map(|w| w.id.to_string());
        (notice.affected.len(), work)
    };
    let unearned = |id: &str| Rule {
        agreed: None,
        ..rule(id, "00:05:00", 600, None)
    };
    let work = Some("a/work@2026-10-01".to_owned());
    assert_eq!(told(unearned("work"), vec![], 'U'), (1, work));
    assert_eq!(told(from_five(600, None), vec![], 'U'), (1, None));
    assert_eq!(told(unearned("work"), vec![], 'D'), (2, None));
    let other = vec![unearned("work")];
    assert_eq!(told(unearned("work"), other, 'D'), (2, None));
}

/// A system whose policy names degradations, with that window and with a second probe that only degrades it.
fn check_degradation(a: &str, samples: &str, expected: Expect) {
    let mut system = with(vec![from_five(600, None)]);
    let mut second = probe("a", "q");
    second.affects = Affects::Degradation;
    system.probes.push(second);
    system.policy = Some("gold".into());
    let mut catalogue = catalogue(vec![system]);
    catalogue.policies.push(gold());
    let mut service = Service::with(ORIGIN, catalogue);
    service.draw(0, &[("a/p", a), ("a/q", samples)]);
    let lines = service.timeline_without_probes();
    let lines = lines
        .lines()
        .filter(|line| line.contains("incident I-1") || line.contains("Resolved"));
    expected.assert_eq(&lines.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_degradation_that_outlasts_its_window_opens_an_incident_with_the_first_bad_sample_after_it() {
    // The window ends at 900.
    check_degradation(
        "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU",
        "UUUUUUUUUUUDDDDDDDDDDDDDDDDDDDDDUUU",
        expect![[r#"
            900   #8 incident I-1 (Degraded)
            990   #14 IncidentResolved I-1
        "#]],
    );
    check_degradation(
        "UUUUUUUUUUUSSSSSSSSSSSSSSSSSSSSSUUU",
        "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU",
        expect![[r#"
            900   #7 incident I-1 (Degraded)
            990   #12 IncidentResolved I-1
        "#]],
    );
}

#[test]
fn a_degradation_that_ends_with_its_window_opens_no_incident() {
    // The last bad sample is at 870.
    check_degradation(
        "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU",
        "UUUUUUUUUUUDDDDDDDDDDDDDDDDDDDUUUUU",
        expect![[r#""#]],
    );
}
