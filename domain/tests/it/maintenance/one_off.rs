//! One-off windows are scheduled, extended, ended early and cancelled, or refused with a reason.

use crate::service::{Service, catalogue, system, weekdays};
use domain::act::{Act, Selector};
use domain::catalogue::Single;
use domain::event::Delivery;
use domain::policy::{Hours, Policy};
use domain::record::WindowStatus;
use domain::span::Span;
use expect_test::expect;
use jiff::Timestamp;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn watched() -> Service {
    Service::new(ORIGIN, vec![system("a"), system("b")])
}

fn single(service: &Service, from_s: i64, to_s: i64) -> Single {
    Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move to new hardware".into(),
        impact: None,
        start: service.second(from_s),
        end: service.second(to_s),
        max_downtime_s: Some(60),
        min_notice_s: None,
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    }
}

/// The one window as it was scheduled last.
fn last_version(service: &Service) -> &Single {
    let (_, entry) = service.record.maintenance.all_one_off().next().unwrap();
    &entry.versions.last().unwrap().1
}

#[test]
fn the_title_of_a_window_is_one_line() {
    let mut service = watched();
    let titled = Single {
        title: "Move\nBcc: all".into(),
        ..single(&service, 600, 900)
    };
    let act = Act::ScheduleMaintenance(titled);
    expect!["the window's title holds the control character U+000A"]
        .assert_eq(&service.refusal(50, "kim", act));
}

#[test]
fn a_window_is_at_most_31_days_long() {
    const DAY: i64 = 86_400;
    let mut service = watched();
    let far = Single {
        end: "9026-10-01T00:10:00Z".parse().unwrap(),
        ..single(&service, 600, 900)
    };
    let act = Act::ScheduleMaintenance(far);
    expect!["a window from 2026-10-01 00:10:00 UTC to 9026-10-01 00:10:00 UTC is too long: at most 31 days are allowed"].assert_eq(&service.refusal(10, "kim", act));
    let window = single(&service, 600, 600 + 31 * DAY);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    let longer = Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(601 + 31 * DAY),
        max_downtime_s: None,
        reason: None,
    };
    expect!["a window from 2026-10-01 00:10:00 UTC to 2026-11-01 00:10:01 UTC is too long: at most 31 days are allowed"].assert_eq(&service.refusal(20, "kim", longer));
}

#[test]
fn an_allowance_is_not_longer_than_its_window() {
    let mut service = watched();
    let longer = Single {
        max_downtime_s: Some(301),
        ..single(&service, 600, 900)
    };
    let act = Act::ScheduleMaintenance(longer);
    expect!["an allowance of 5 min 01 s is longer than the window itself, 5 min"]
        .assert_eq(&service.refusal(10, "kim", act));
    let whole = Single {
        max_downtime_s: Some(300),
        ..single(&service, 600, 900)
    };
    service.act_at(10, "kim", Act::ScheduleMaintenance(whole));
    let extend = |service: &Service, end_s: i64, max_downtime_s| Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(end_s),
        max_downtime_s,
        reason: None,
    };
    let act = extend(&service, 1_200, Some(601));
    expect!["an allowance of 10 min 01 s is longer than the window itself, 10 min"]
        .assert_eq(&service.refusal(20, "kim", act));
    let act = extend(&service, 1_200, Some(i64::MAX));
    assert!(service.refusal(20, "kim", act).contains("ten years"));
    let act = extend(&service, 1_200, Some(600));
    service.act_at(20, "kim", act);
    // Ended early it keeps what it was allowed.
    let act = extend(&service, 660, None);
    service.act_at(650, "kim", act);
    assert_eq!(last_version(&service).max_downtime_s, Some(600));
}

#[test]
fn a_window_years_ahead_is_a_slip_in_the_year() {
    const DAY: i64 = 86_400;
    let mut service = watched();
    let window = single(&service, 732 * DAY + 11, 732 * DAY + 611);
    let act = Act::ScheduleMaintenance(window);
    expect!["the window starts at 2028-10-02 00:00:11 UTC, more than two years (732 days) from now: is the year right?"]
        .assert_eq(&service.refusal(10, "kim", act));
    let window = single(&service, 732 * DAY + 10, 732 * DAY + 610);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
}

#[test]
fn no_length_of_a_window_is_longer_than_ten_years() {
    let mut service = watched();
    let right = single(&service, 600, 900);
    let mut refused = |window| service.refusal(10, "kim", Act::ScheduleMaintenance(window));
    let why = "a length of time is ten years at most";
    for seconds in [3_653 * 86_400 + 1, i64::MAX] {
        let given = Some(seconds);
        let notice = Single {
            min_notice_s: given,
            ..right.clone()
        };
        assert_eq!(refused(notice), why);
        let grace = Single {
            start_grace_s: given,
            ..right.clone()
        };
        assert_eq!(refused(grace), why);
        let allowance = Single {
            max_downtime_s: given,
            ..right.clone()
        };
        assert_eq!(refused(allowance), why);
    }
}

#[test]
fn the_outermost_numbers_and_instants_are_refused_or_counted_and_break_nothing() {
    const NUMBERS: [Option<i64>; 5] = [None, Some(i64::MIN), Some(0), Some(60), Some(i64::MAX)];
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDDUU"), ("b/p", "UUUUUU")]);
    let outage = service.record.outages.all().next().unwrap().id;
    let near = [
        Timestamp::MIN,
        service.second(40),
        service.second(600),
        Timestamp::MAX,
    ];
    let (mut at_s, mut done) = (200, 0);
    let held = (service.second(40), service.second(600));
    for from in near {
        for to in near {
            let spans = [
                Act::DeclareOutage {
                    system: "b".into(),
                    from,
                    to: Some(to),
                    evidence: "calls".into(),
                },
                Act::MonitorFault {
                    system: "b".into(),
                    from,
                    to,
                    evidence: "a password".into(),
                    approved_by: "lee".into(),
                },
                Act::Exclude {
                    outage: Selector::Id(outage),
                    from,
                    to,
                    reason: "a line".into(),
                    evidence: "a ticket".into(),
                    approved_by: None,
                },
            ];
            let lengths = NUMBERS
                .iter()
                .flat_map(|first| NUMBERS.iter().map(move |other| (first, other)));
            let windows = lengths.flat_map(|(first, other)| {
                let [first_word, other_word] =
                    [first, other].map(|n| n.map_or("none".to_owned(), |n| n.to_string()));
                let id: &str = &format!("w{at_s}-{first_word}-{other_word}");
                // A window may not start in the past, where an outage may be.
                let start = if (from, to) == held {
                    service.second(at_s)
                } else {
                    from
                };
                let window = Single {
                    id: id.into(),
                    start,
                    end: to,
                    max_downtime_s: *first,
                    min_notice_s: *other,
                    start_grace_s: *other,
                    ..single(&service, 600, 900)
                };
                let longer = Act::ExtendMaintenance {
                    window: id.into(),
                    end: to,
                    max_downtime_s: *other,
                    reason: None,
                };
                [Act::ScheduleMaintenance(window), longer]
            });
            let acts: Vec<Act> = spans.into_iter().chain(windows).collect();
            for act in acts {
                let at = service.second(at_s);
                let result = service.act(at, "kim", act.clone());
                assert!(result.is_err() || (from, to) == held, "{act:?}");
                done += usize::from(result.is_ok());
            }
            at_s += 1;
        }
    }
    // Nine windows of lengths that can be, one of them with more allowance after.
    assert_eq!(done, 10);
    service.draw(240, &[("a/p", "DDDDUUUUUUUUUUUU")]);
    expect!["up 435 degraded 0 planned 0 excluded 0 unplanned 210 unknown 15"]
        .assert_eq(&service.figures("a", 0, 660));
}

#[test]
fn a_window_that_makes_no_sense_is_not_scheduled() {
    let mut service = watched();
    let right = single(&service, 600, 900);
    let cases = [
        Single {
            id: "a/b".into(),
            ..right.clone()
        },
        Single {
            id: " ".into(),
            ..right.clone()
        },
        Single {
            title: String::new(),
            ..right.clone()
        },
        Single {
            systems: vec![],
            ..right.clone()
        },
        Single {
            systems: vec!["a".into(), "c".into()],
            ..right.clone()
        },
        Single {
            systems: vec!["a".into(), "a".into()],
            ..right.clone()
        },
        Single {
            end: right.start,
            ..right.clone()
        },
        Single {
            start: service.second(-900),
            end: service.second(-600),
            ..right.clone()
        },
        Single {
            start: service.second(-61),
            ..right.clone()
        },
        Single {
            max_downtime_s: Some(-1),
            ..right.clone()
        },
    ];
    let mut why = String::new();
    for window in cases {
        why.push_str(&service.refusal(10, "kim", Act::ScheduleMaintenance(window)));
        why.push('\n');
    }
    expect![[r#"
        `a/b` cannot be the id of a window: use lower-case letters, digits and inner hyphens, at most 64, as in `database-move`
        ` ` cannot be the id of a window: use lower-case letters, digits and inner hyphens, at most 64, as in `database-move`
        the window's title is missing
        a window needs at least one system
        there is no system `c`
        `a` is named twice
        the window ends at 2026-10-01 00:10:00 UTC, before it starts
        the window ended at 2026-09-30 23:50:00 UTC, which is in the past: a window plans only what comes after it is scheduled. Schedule it from now on; record downtime that the probes did not see with `nines incident declare`, and customers whom you notified of a scheduled window with `nines maintenance told`
        the window starts at 2026-09-30 23:58:59 UTC, which is in the past: a window plans only what comes after it is scheduled. Schedule it from now on; record downtime that the probes did not see with `nines incident declare`, and customers whom you notified of a scheduled window with `nines maintenance told`
        a length of time cannot be negative
    "#]]
    .assert_eq(&why);
    service.act_at(20, "kim", Act::ScheduleMaintenance(right.clone()));
    let act = Act::ScheduleMaintenance(right);
    expect!["there is a window `move` already"].assert_eq(&service.refusal(30, "kim", act));
}

#[test]
fn a_window_outside_the_allowed_hours_needs_a_reason() {
    let mut all = catalogue(vec![system("a")]);
    let (open, close) = ("21:00:00".parse().unwrap(), "00:05:00".parse().unwrap());
    all.policies = vec![Policy {
        name: "Nights".into(),
        planned_hours: Some(Hours::on(weekdays(0..7), open, close, "UTC")),
        ..crate::service::policy("nights", None)
    }];
    all.systems[0].policy = Some("nights".into());
    let mut service = Service::with(ORIGIN, all);
    let window = single(&service, 200, 400);
    let act = Act::ScheduleMaintenance(window.clone());
    expect!["2026-10-01 00:03:20 UTC to 2026-10-01 00:06:40 UTC lies outside the hours that the policy of `a` allows for planned work: choose another time, or give the reason with --override (downtime outside them counts as unplanned)"].assert_eq(&service.refusal(10, "kim", act));
    let act = Act::ScheduleMaintenance(Single {
        end: service.second(300),
        ..window
    });
    service.act_at(20, "kim", act);
    let longer = |reason: Option<&str>| Act::ExtendMaintenance {
        window: "move".into(),
        end: house_end(),
        max_downtime_s: None,
        reason: reason.map(str::to_owned),
    };
    assert!(
        service
            .refusal(30, "kim", longer(None))
            .contains("--reason")
    );
    service.act_at(40, "kim", longer(Some("the crane is late")));
    let last = last_version(&service);
    assert_eq!(last.override_reason.as_deref(), Some("the crane is late"));
    let said = foreseen(&service, 40).unwrap();
    let outside = Span::new(service.second(300), service.second(360));
    assert_eq!(said.outside_hours, [outside]);
    assert_eq!(
        said.unearned,
        [Span::new(service.second(200), service.second(300))]
    );
}

#[test]
fn a_window_has_the_longest_notice_of_its_own_and_of_its_systems_policies() {
    for (policy_s, own_s, expected_s) in [
        (None, None, None),
        (None, Some(60), Some(60)),
        (Some(150), None, Some(150)),
        (Some(150), Some(60), Some(150)),
        (Some(150), Some(170), Some(170)),
    ] {
        let mut all = catalogue(vec![system("a"), system("b")]);
        all.policies = vec![Policy {
            min_notice_s: policy_s,
            ..crate::service::policy("notice", None)
        }];
        // The policy of one of the systems is enough.
        all.systems[1].policy = Some("notice".into());
        let mut service = Service::with(ORIGIN, all);
        let window = Single {
            systems: vec!["a".into(), "b".into()],
            min_notice_s: own_s,
            ..single(&service, 200, 400)
        };
        service.act_at(20, "kim", Act::ScheduleMaintenance(window));
        assert_eq!(last_version(&service).min_notice_s, expected_s);
        let extension = Act::ExtendMaintenance {
            window: "move".into(),
            end: service.second(500),
            max_downtime_s: None,
            reason: None,
        };
        service.act_at(30, "kim", extension);
        assert_eq!(last_version(&service).min_notice_s, expected_s);
    }
}

fn house_end() -> jiff::Timestamp {
    "2026-10-01T00:06:00Z".parse().unwrap()
}

#[test]
fn windows_are_extended_ended_early_and_cancelled_while_that_makes_sense() {
    let mut service = watched();
    let window = single(&service, 600, 900);
    let extend = |service: &Service, end_s: i64, max_downtime_s| Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(end_s),
        max_downtime_s,
        reason: None,
    };
    let cancel = Act::CancelMaintenance {
        window: "move".into(),
        reason: "The part is late.".into(),
    };
    let told = |customer: &str, how: &str| Act::Told {
        counts_from: None,
        approved_by: None,
        window: "move".into(),
        customer: customer.into(),
        how: how.into(),
    };
    let mut why = String::new();
    let mut refuse = |service: &mut Service, at_s: i64, act: Act| {
        why.push_str(&service.refusal(at_s, "kim", act));
        why.push('\n');
    };
    refuse(&mut service, 5, cancel.clone());
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    refuse(&mut service, 20, told("clinic", " "));
    refuse(&mut service, 20, told("nobody", "by phone"));
    let act = extend(&service, 900, None);
    refuse(&mut service, 20, act);
    let act = extend(&service, 500, None);
    refuse(&mut service, 20, act);
    let act = extend(&service, 950, Some(-5));
    refuse(&mut service, 20, act);
    let act = extend(&service, 1000, None);
    service.act_at(30, "kim", act);
    refuse(&mut service, 700, cancel.clone());
    // Ended early: what was held until now stays held.
    let act = extend(&service, 650, None);
    service.act_at(710, "kim", act);
    let act = extend(&service, 1200, None);
    refuse(&mut service, 720, act);
    expect![[r#"
        there is no one-off window `move`
        how the customer was told is missing
        there is no customer `nobody`
        window move ends at 2026-10-01 00:15:00 UTC already
        window move starts at 2026-10-01 00:10:00 UTC: cancel it with `nines maintenance cancel move`
        a length of time cannot be negative
        window move began at 2026-10-01 00:10:00 UTC: end it early with `nines maintenance extend move --end TIME`
        window move ended at 2026-10-01 00:11:50 UTC
    "#]]
    .assert_eq(&why);
    let last = last_version(&service);
    assert_eq!(last.end, service.second(710));
}

#[test]
fn a_cancelled_window_never_starts_and_names_no_downtime() {
    let mut service = watched();
    let window = single(&service, 120, 600);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    let cancel = Act::CancelMaintenance {
        window: "move".into(),
        reason: "no crane".into(),
    };
    service.act_at(20, "kim", cancel.clone());
    expect!["window move is cancelled"].assert_eq(&service.refusal(21, "kim", cancel));
    service.draw(30, &[("a/p", "UUUUDDDUU"), ("b/p", "UUUUUUUUU")]);
    expect![[r#"
        10    #4 WindowScheduled move
        10    due maintenance-scheduled/move/it@clinic.example
        20    #5 WindowCancelled move
        210   #10 outage O-1 of a from 150
        210   #11 incident I-1 (Outage)
        210   due downtime/O-1/it@clinic.example
        270   #14 O-1 ends 240
        270   #15 IncidentResolved I-1
        270   due uptime/O-1/it@clinic.example (both)
    "#]]
    .assert_eq(&service.timeline_without_probes());
    let down = service
        .due
        .iter()
        .find(|o| o.notice.kind.word() == "downtime");
    assert!(down.unwrap().notice.window.is_none());
}

/// The status of the window.
fn foreseen(service: &Service, at_s: i64) -> Option<WindowStatus> {
    service
        .record
        .window_status(&"move".into(), service.second(at_s))
}

#[test]
fn a_window_is_planned_once_told_and_what_is_added_too_late_is_not() {
    let mut service = watched();
    let window = Single {
        max_downtime_s: Some(60),
        min_notice_s: Some(3_600),
        ..single(&service, 7_200, 9_000)
    };
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    let span =
        |service: &Service, from_s, to_s| Span::new(service.second(from_s), service.second(to_s));
    let first = foreseen(&service, 10).unwrap();
    assert_eq!((first.tell_by, first.late), (service.second(3_600), false));
    assert_eq!(first.not_yet_told, ["clinic".into()]);
    assert_eq!(first.unearned, [span(&service, 7_200, 9_000)]);
    service.tick(20);
    service.deliver_due(Delivery::Accepted);
    let told = foreseen(&service, 30).unwrap();
    assert_eq!((told.not_yet_told.len(), told.unearned.len()), (0, 0));
    // Longer, while there is time: the customer is told of that, too.
    let extend = |service: &Service, end_s: i64, max_downtime_s| Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(end_s),
        max_downtime_s,
        reason: None,
    };
    let act = extend(&service, 10_800, None);
    service.act_at(100, "kim", act);
    let longer = foreseen(&service, 100).unwrap();
    assert_eq!(longer.not_yet_told, ["clinic".into()]);
    assert_eq!(longer.unearned, [span(&service, 9_000, 10_800)]);
    service.tick(110);
    service.deliver_due(Delivery::Accepted);
    assert_eq!(foreseen(&service, 120).unwrap().unearned, []);
    // Too late: the added time and the raised allowance earn nothing, told or not.
    let act = extend(&service, 14_400, Some(120));
    service.act_at(3_700, "kim", act);
    service.tick(3_710);
    service.deliver_due(Delivery::Accepted);
    let late = foreseen(&service, 3_720).unwrap();
    assert!(late.late);
    assert_eq!(late.unearned, [span(&service, 10_800, 14_400)]);
    assert_eq!(late.announced_s, Some(60));
    assert_eq!(foreseen(&service, 14_400), None);
}

#[test]
fn a_window_scheduled_too_late_says_so_until_it_is_cancelled() {
    let mut service = watched();
    let window = Single {
        min_notice_s: Some(3_600),
        ..single(&service, 600, 900)
    };
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    let late = foreseen(&service, 10).unwrap();
    assert!(late.late && late.announced_s.is_none());
    assert_eq!(
        late.unearned,
        [Span::new(service.second(600), service.second(900))]
    );
    let cancel = Act::CancelMaintenance {
        window: "move".into(),
        reason: "The part is late.".into(),
    };
    service.act_at(20, "kim", cancel);
    assert_eq!(foreseen(&service, 20), None);
}
