//! Acts and their refusals: declarations, monitor faults, exclusions, reclassification, incidents.

use crate::service::{Service, at, rule, system};
use domain::act::{Act, Selector};
use domain::event::Delivery;
use domain::id::{IncidentId, OutageId};
use domain::incident::{Certainty, Measure, Review};
use domain::record::State;
use expect_test::expect;
use jiff::SignedDuration;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn watched() -> Service {
    Service::new(ORIGIN, vec![system("a"), system("b")])
}

fn both(row: &str) -> [(&str, &str); 2] {
    [("a/p", row), ("b/p", row)]
}

fn declare(service: &Service, from_s: i64, to_s: Option<i64>) -> Act {
    Act::DeclareOutage {
        system: "a".into(),
        from: service.second(from_s),
        to: to_s.map(|to_s| service.second(to_s)),
        evidence: "three clinics called".into(),
    }
}

fn change(service: &Service, outage: u64, to_s: i64, approved_by: Option<&str>) -> Act {
    Act::ChangeDeclaration {
        outage: Selector::Id(OutageId(outage)),
        to: service.second(to_s),
        reason: "the logs say so".into(),
        approved_by: approved_by.map(str::to_owned),
    }
}

fn fault(service: &Service, from_s: i64, to_s: i64, approved_by: &str) -> Act {
    Act::MonitorFault {
        system: "a".into(),
        from: service.second(from_s),
        to: service.second(to_s),
        evidence: "the probe's password had expired".into(),
        approved_by: approved_by.into(),
    }
}

fn exclude(service: &Service, outage: u64, from_s: i64, to_s: i64, by: Option<&str>) -> Act {
    Act::Exclude {
        outage: Selector::Id(OutageId(outage)),
        from: service.second(from_s),
        to: service.second(to_s),
        reason: "the clinic's own line".into(),
        evidence: "their ticket".into(),
        approved_by: by.map(str::to_owned),
    }
}

fn which(system: &str) -> Selector<IncidentId> {
    Selector::System(system.into())
}

#[test]
fn nobody_acts_without_a_name() {
    let mut service = watched();
    let act = declare(&service, 0, Some(10));
    expect!["the name of the person who acts is missing"]
        .assert_eq(&service.refusal(20, "  ", act));
}

#[test]
fn a_declared_outage_is_told_at_once_and_its_end_too() {
    let mut service = watched();
    service.draw(0, &both("UUU"));
    let act = declare(&service, 30, None);
    service.act_at(70, "kim", act);
    assert_eq!(service.record.state(&"a".into()), State::Down);
    service.deliver_due(Delivery::Accepted);
    service.draw(90, &both("UU"));
    let act = change(&service, 1, 100, None);
    service.act_at(130, "kim", act);
    service.draw(150, &both("UU"));
    expect![[r#"
        70    #6 OutageDeclared a
        70    #7 incident I-1 (Declared)
        70    due downtime/O-1/it@clinic.example
        70    #8 attempt 1 of N-1
        70    #9 N-1 Accepted
        130   #10 DeclarationChanged O-1
        130   #11 IncidentResolved I-1
        130   due uptime/O-1/it@clinic.example
        up 110 degraded 0 planned 0 excluded 0 unplanned 70 unknown 0
    "#]]
    .assert_eq(&service.timeline_and_figures("a", 180));
    assert_eq!(service.record.state(&"a".into()), State::Up);
}

#[test]
fn a_declared_outage_that_is_over_opens_an_incident_and_tells_nobody() {
    let mut service = watched();
    service.draw(0, &both("UUU"));
    let act = declare(&service, 10, Some(40));
    service.act_at(70, "kim", act);
    expect![[r#"
        70    #6 OutageDeclared a
        70    #7 incident I-1 (Declared)
        70    #8 IncidentResolved I-1
        up 30 degraded 0 planned 0 excluded 0 unplanned 30 unknown 0
    "#]]
    .assert_eq(&service.timeline_and_figures("a", 60));
}

#[test]
fn a_declaration_is_refused_without_evidence_in_the_future_or_of_an_unknown_system() {
    let mut service = watched();
    service.draw(0, &both("UU"));
    let mut act = declare(&service, 10, Some(20));
    if let Act::DeclareOutage { evidence, .. } = &mut act {
        *evidence = " ".into();
    }
    expect!["the evidence is missing"].assert_eq(&service.refusal(40, "kim", act));
    let act = declare(&service, 10, Some(90));
    expect!["2026-10-01 00:00:10 UTC to 2026-10-01 00:01:30 UTC reaches into the future (it is 2026-10-01 00:00:40 UTC)"].assert_eq(&service.refusal(40, "kim", act));
    let act = declare(&service, 50, None);
    expect!["2026-10-01 00:00:50 UTC is in the future (it is 2026-10-01 00:00:40 UTC): it begins now at the latest"].assert_eq(&service.refusal(40, "kim", act));
    let act = declare(&service, 50, Some(60));
    expect!["2026-10-01 00:00:50 UTC is in the future (it is 2026-10-01 00:00:40 UTC): it begins now at the latest"].assert_eq(&service.refusal(40, "kim", act));
    let act = declare(&service, 50, Some(45));
    expect![
        "2026-10-01 00:00:50 UTC to 2026-10-01 00:00:45 UTC is empty: the end must be after the start"
    ]
    .assert_eq(&service.refusal(40, "kim", act));
    let act = declare(&service, 20, Some(20));
    expect![
        "2026-10-01 00:00:20 UTC to 2026-10-01 00:00:20 UTC is empty: the end must be after the start"
    ]
    .assert_eq(&service.refusal(40, "kim", act));
    let mut act = declare(&service, 10, None);
    if let Act::DeclareOutage { system, .. } = &mut act {
        *system = "c".into();
    }
    expect!["there is no system `c`"].assert_eq(&service.refusal(40, "kim", act));
}

#[test]
fn nothing_is_declared_of_the_time_before_a_system_was_configured() {
    let mut service = watched();
    service.draw(0, &both("UU"));
    let mut act = declare(&service, 10, Some(20));
    if let Act::DeclareOutage { from, .. } = &mut act {
        *from = "0026-10-01T00:00:10Z".parse().unwrap();
    }
    expect!["0026-10-01 00:00:10 UTC is before `a` was configured: the earliest start is 2026-10-01 00:00:00 UTC"].assert_eq(&service.refusal(40, "kim", act));
    let act = declare(&service, -1, None);
    expect!["2026-09-30 23:59:59 UTC is before `a` was configured: the earliest start is 2026-10-01 00:00:00 UTC"].assert_eq(&service.refusal(40, "kim", act));
    let act = fault(&service, -1, 20, "lee");
    expect!["2026-09-30 23:59:59 UTC is before `a` was configured: the earliest start is 2026-10-01 00:00:00 UTC"].assert_eq(&service.refusal(40, "kim", act));
    let act = declare(&service, 0, Some(20));
    service.act_at(40, "kim", act);
    let act = change(&service, 1, 90, None);
    expect!["2026-10-01 00:00:00 UTC to 2026-10-01 00:01:30 UTC reaches into the future (it is 2026-10-01 00:00:50 UTC)"].assert_eq(&service.refusal(50, "kim", act));
}

#[test]
fn the_edges_of_a_declared_outage_are_no_samples() {
    let mut service = watched();
    service.draw(0, &both("UDDDUUUUU"));
    let act = declare(&service, 200, Some(210));
    service.act_at(260, "kim", act);
    let edges: Vec<i64> = service.record.outages.all().map(|o| o.edge_s).collect();
    // One for each system that the probes saw, and the declared one.
    assert_eq!(edges, [30, 30, 0]);
}

#[test]
fn a_name_is_one_line_and_no_text_holds_what_a_terminal_obeys() {
    let mut service = watched();
    service.draw(0, &both("UU"));
    let act = declare(&service, 10, Some(20));
    expect!["the name of the person who acts holds the control character U+000A"]
        .assert_eq(&service.refusal(40, "kim\nlee", act));
    let act = fault(&service, 10, 20, "lee\u{1b}[2K");
    expect!["the name of the second person holds the control character U+001B"]
        .assert_eq(&service.refusal(40, "kim", act));
    let mut act = declare(&service, 10, Some(20));
    if let Act::DeclareOutage { evidence, .. } = &mut act {
        *evidence = "two\nlines\r".into();
    }
    expect!["the evidence holds the control character U+000D"].assert_eq(&service.refusal(
        40,
        "kim",
        act.clone(),
    ));
    if let Act::DeclareOutage { evidence, .. } = &mut act {
        *evidence = "two\nlines".into();
    }
    service.act_at(40, "kim", act);
}

#[test]
fn a_declaration_is_made_longer_by_one_person_and_shorter_only_by_two() {
    let mut service = watched();
    service.draw(0, &both("UUUU"));
    let act = declare(&service, 10, Some(40));
    service.act_at(95, "kim", act);
    let act = change(&service, 1, 60, None);
    service.act_at(96, "kim", act);
    let act = change(&service, 1, 60, None);
    expect!["outage O-1 ends at 2026-10-01 00:01:00 UTC already"]
        .assert_eq(&service.refusal(97, "kim", act));
    let act = change(&service, 1, 30, None);
    expect!["a second person must approve: name someone other than `kim` with --approved-by"]
        .assert_eq(&service.refusal(98, "kim", act));
    let act = change(&service, 1, 30, Some("KIM "));
    expect!["a second person must approve: name someone other than `kim` with --approved-by"]
        .assert_eq(&service.refusal(99, "kim", act));
    let act = change(&service, 1, 30, Some("lee"));
    service.act_at(100, "kim", act);
    assert_eq!(
        service.record.outages.get(&OutageId(1)).unwrap().end,
        Some(service.second(30))
    );
    let act = change(&service, 1, 5, Some("lee"));
    expect![
        "2026-10-01 00:00:10 UTC to 2026-10-01 00:00:05 UTC is empty: the end must be after the start"
    ]
    .assert_eq(&service.refusal(101, "kim", act));
    let act = change(&service, 99, 30, Some("lee"));
    expect!["there is no outage O-99"].assert_eq(&service.refusal(102, "kim", act));
}

#[test]
fn an_observed_outage_is_no_declaration() {
    let mut service = watched();
    service.draw(0, &both("UDDDUU"));
    let act = change(&service, 1, 100, Some("lee"));
    expect!["outage O-1 was observed, not declared: its start and end come from the probes and cannot be changed"]
        .assert_eq(&service.refusal(200, "kim", act));
}

#[test]
fn up_again_is_told_when_the_last_outage_of_the_system_is_over() {
    let mut service = watched();
    service.draw(0, &both("UUU"));
    let act = declare(&service, 30, None);
    service.act_at(70, "kim", act);
    service.deliver_due(Delivery::Accepted);
    // The probes see it too, later, and recover first.
    service.draw(90, &[("a/p", "DDDD"), ("b/p", "UUUU")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(210, &both("UUU"));
    let act = change(&service, 1, 290, None);
    service.act_at(300, "kim", act);
    expect![[r#"
        70    #6 OutageDeclared a
        70    #7 incident I-1 (Declared)
        70    due downtime/O-1/it@clinic.example
        70    #8 attempt 1 of N-1
        70    #9 N-1 Accepted
        150   #12 outage O-2 of a from 90
        150   #13 incident I-2 (Outage)
        240   #16 O-2 ends 210
        300   #17 DeclarationChanged O-1
        300   #18 IncidentResolved I-1
        300   #19 IncidentResolved I-2
        300   due uptime/O-1/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_declared_end_waits_for_a_probe_in_doubt() {
    let mut service = watched();
    service.draw(0, &both("UUU"));
    let act = declare(&service, 30, None);
    service.act_at(70, "kim", act);
    service.deliver_due(Delivery::Accepted);
    service.draw(90, &[("a/p", "D"), ("b/p", "U")]);
    let act = change(&service, 1, 95, None);
    service.act_at(100, "kim", act);
    service.draw(120, &both("UUU"));
    expect![[r#"
        70    #6 OutageDeclared a
        70    #7 incident I-1 (Declared)
        70    due downtime/O-1/it@clinic.example
        70    #8 attempt 1 of N-1
        70    #9 N-1 Accepted
        100   #10 DeclarationChanged O-1
        100   #11 IncidentResolved I-1
        120   due uptime/O-1/it@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
}

#[test]
fn a_fault_of_the_monitor_makes_its_span_unknown_but_never_a_declaration() {
    let mut service = watched();
    service.draw(0, &both("UDDDDDUU"));
    let before = service.figures("a", 0, 210);
    let act = fault(&service, 60, 120, "lee");
    service.act_at(230, "kim", act);
    let act = declare(&service, 100, Some(110));
    service.act_at(231, "kim", act);
    expect![[r#"
        up 60 degraded 0 planned 0 excluded 0 unplanned 150 unknown 0
        up 60 degraded 0 planned 0 excluded 0 unplanned 100 unknown 50
    "#]]
    .assert_eq(&format!("{before}\n{}\n", service.figures("a", 0, 210)));
}

#[test]
fn a_fault_of_the_monitor_needs_another_person_evidence_and_a_past_span() {
    let mut service = watched();
    let act = fault(&service, 10, 20, "kim");
    expect!["a second person must approve: name someone other than `Kim` with --approved-by"]
        .assert_eq(&service.refusal(50, "Kim", act));
    let act = fault(&service, 10, 20, "");
    expect!["a second person must approve: name someone other than `kim` with --approved-by"]
        .assert_eq(&service.refusal(50, "kim", act));
    let mut act = fault(&service, 10, 20, "lee");
    if let Act::MonitorFault { evidence, .. } = &mut act {
        *evidence = " ".into();
    }
    expect!["the evidence is missing"].assert_eq(&service.refusal(50, "kim", act));
    let act = fault(&service, 10, 90, "lee");
    expect!["2026-10-01 00:00:10 UTC to 2026-10-01 00:01:30 UTC reaches into the future (it is 2026-10-01 00:00:50 UTC)"].assert_eq(&service.refusal(50, "kim", act));
    let act = fault(&service, 60, 90, "lee");
    expect!["2026-10-01 00:01:00 UTC is in the future (it is 2026-10-01 00:00:50 UTC): it begins now at the latest"].assert_eq(&service.refusal(50, "kim", act));
    let act = fault(&service, 20, 10, "lee");
    expect![
        "2026-10-01 00:00:20 UTC to 2026-10-01 00:00:10 UTC is empty: the end must be after the start"
    ]
    .assert_eq(&service.refusal(50, "kim", act));
}

#[test]
fn a_declaration_may_begin_now() {
    let mut service = watched();
    service.draw(0, &both("UUUU"));
    let act = declare(&service, 40, None);
    service.act_at(40, "kim", act);
    service.draw(50, &both("UU"));
    let act = change(&service, 1, 60, None);
    service.act_at(70, "kim", act);
    service.draw(80, &both("UU"));
    expect![[r#"
        40    #6 OutageDeclared a
        40    #7 incident I-1 (Declared)
        40    due downtime/O-1/it@clinic.example
        70    #8 DeclarationChanged O-1
        70    #9 IncidentResolved I-1
        70    due uptime/O-1/it@clinic.example (both)
        up 80 degraded 0 planned 0 excluded 0 unplanned 20 unknown 0
    "#]]
    .assert_eq(&service.timeline_and_figures("a", 100));
}

#[test]
fn another_way_to_write_a_name_is_no_second_person() {
    let mut service = watched();
    service.draw(0, &both("UUU"));
    let mut refused = |by: &str, other: &str| {
        let act = fault(&service, 10, 20, other);
        service.refusal(50, by, act)
    };
    expect!["a second person must approve: name someone other than `root` with --approved-by"]
        .assert_eq(&refused("root", "root."));
    let unseen = refused("root", " Root\u{200b}");
    assert!(
        unseen.contains("name someone other than `root`"),
        "{unseen}"
    );
    let wide = refused("root", "\u{ff52}\u{ff4f}\u{ff4f}\u{ff54}");
    assert!(wide.contains("name someone other than `root`"), "{wide}");
    expect!["a second person must approve; `-` is not a name: it has no letter"]
        .assert_eq(&refused("root", "-"));
    expect!["a second person must approve, beside one with a name: `-` has no letter"]
        .assert_eq(&refused("-", "root"));
    let act = fault(&service, 10, 20, "\u{5c71}\u{7530}");
    service.act_at(50, "root", act);
}

#[test]
fn an_exclusion_counts_once_a_second_person_approved_it() {
    let mut service = watched();
    service.draw(0, &both("UDDDDDUU"));
    let act = exclude(&service, 1, 60, 120, None);
    service.act_at(230, "kim", act);
    let asked = service.figures("a", 0, 210);
    let act = exclude(&service, 1, 60, 120, Some("lee"));
    service.act_at(240, "kim", act);
    expect![[r#"
        up 60 degraded 0 planned 0 excluded 0 unplanned 150 unknown 0
        up 60 degraded 0 planned 0 excluded 60 unplanned 90 unknown 0
    "#]]
    .assert_eq(&format!("{asked}\n{}\n", service.figures("a", 0, 210)));
}

#[test]
fn an_exclusion_lies_inside_one_outage() {
    let mut service = watched();
    service.draw(0, &both("UDDDDDUU"));
    let act = exclude(&service, 1, 20, 120, Some("lee"));
    expect!["2026-10-01 00:00:20 UTC to 2026-10-01 00:02:00 UTC does not lie inside outage O-1, which lasted from 2026-10-01 00:00:30 UTC to 2026-10-01 00:03:00 UTC"]
        .assert_eq(&service.refusal(230, "kim", act));
    let act = exclude(&service, 1, 60, 200, Some("lee"));
    expect!["2026-10-01 00:01:00 UTC to 2026-10-01 00:03:20 UTC does not lie inside outage O-1, which lasted from 2026-10-01 00:00:30 UTC to 2026-10-01 00:03:00 UTC"]
        .assert_eq(&service.refusal(230, "kim", act));
    let act = exclude(&service, 1, 60, 120, Some("kim"));
    expect!["a second person must approve: name someone other than `kim` with --approved-by"]
        .assert_eq(&service.refusal(230, "kim", act));
    let act = exclude(&service, 99, 60, 120, Some("lee"));
    expect!["there is no outage O-99"].assert_eq(&service.refusal(230, "kim", act));
    let mut without = |blank: fn(&mut Act)| {
        let mut act = exclude(&service, 1, 60, 120, Some("lee"));
        blank(&mut act);
        service.refusal(230, "kim", act)
    };
    let no_reason = without(|act| {
        if let Act::Exclude { reason, .. } = act {
            *reason = " ".into();
        }
    });
    expect!["the reason is missing"].assert_eq(&no_reason);
    let no_evidence = without(|act| {
        if let Act::Exclude { evidence, .. } = act {
            *evidence = String::new();
        }
    });
    expect!["the evidence is missing"].assert_eq(&no_evidence);
}

/// Probes start somewhere within a second; what is printed, and counted, is whole seconds.
#[test]
fn an_outage_is_excluded_whole_by_the_edges_that_are_printed() {
    let origin = "2026-10-01T00:00:00.184Z";
    let mut service = Service::new(origin, vec![system("a"), system("b")]);
    let whole = |at_s: i64| at("2026-10-01T00:00:00Z") + SignedDuration::from_secs(at_s);
    let exclude = |from_s, to_s| Act::Exclude {
        outage: Selector::Id(OutageId(1)),
        from: whole(from_s),
        to: whole(to_s),
        reason: "the clinic's own line".into(),
        evidence: "their ticket".into(),
        approved_by: Some("lee".into()),
    };
    service.draw(0, &both("UDDD"));
    expect!["2026-10-01 00:00:29 UTC to 2026-10-01 00:01:00 UTC does not lie inside outage O-1, which began at 2026-10-01 00:00:30 UTC and has not ended"]
        .assert_eq(&service.refusal(110, "kim", exclude(29, 60)));
    service.draw(120, &both("DDUU"));
    expect!["2026-10-01 00:00:30 UTC to 2026-10-01 00:03:01 UTC does not lie inside outage O-1, which lasted from 2026-10-01 00:00:30 UTC to 2026-10-01 00:03:00 UTC"]
        .assert_eq(&service.refusal(230, "kim", exclude(30, 181)));
    service.act_at(231, "kim", exclude(30, 180));
    expect!["up 60 degraded 0 planned 0 excluded 150 unplanned 0 unknown 0"]
        .assert_eq(&service.figures("a", 0, 210));
    // The second in which a system was configured is one of its life.
    let fault = Act::MonitorFault {
        system: "a".into(),
        from: whole(0),
        to: whole(10),
        evidence: "an expired password".into(),
        approved_by: "lee".into(),
    };
    service.act_at(232, "kim", fault);
    let declared = Act::DeclareOutage {
        system: "b".into(),
        from: whole(0),
        to: Some(whole(10)),
        evidence: "calls".into(),
    };
    service.act_at(233, "kim", declared);
}

#[test]
fn only_planned_time_is_taken_back() {
    let mut a = system("a");
    a.windows = vec![rule("work", "00:10:00", 300, Some(60))];
    let mut service = Service::new(ORIGIN, vec![a, system("b")]);
    service.draw(0, &both("UDDDUU"));
    let take_back = |outage| Act::Reclassify {
        outage: Selector::Id(OutageId(outage)),
        reason: "not the announced work".into(),
    };
    expect!["outage O-1 has no planned time: all of it is unplanned already"]
        .assert_eq(&service.refusal(180, "kim", take_back(1)));
    let act = declare(&service, 150, None);
    service.act_at(190, "kim", act);
    expect!["outage O-3 was declared: all of it is unplanned already"].assert_eq(&service.refusal(
        191,
        "kim",
        take_back(3),
    ));
}

#[test]
fn planned_time_is_taken_back_while_it_goes_on_and_after() {
    for overrun in [false, true] {
        let mut a = system("a");
        a.windows = vec![rule("work", "00:01:00", 600, Some(90))];
        let mut service = Service::new(ORIGIN, vec![a]);
        let row = if overrun { "UUUDDDDDD" } else { "UUUDDD" };
        service.draw(0, &[("a/p", row)]);
        let outage = service.record.outages.all().next().unwrap().id;
        let reason = "not the announced work".to_owned();
        service.act_at(
            280,
            "kim",
            Act::Reclassify {
                outage: Selector::Id(outage),
                reason,
            },
        );
        assert!(
            service
                .figures("a", 0, 240)
                .contains("planned 0 excluded 0")
        );
    }
}

#[test]
fn what_else_is_said_of_planned_time_keeps_nobody_from_taking_it_back() {
    for by_declaration in [true, false] {
        let mut a = system("a");
        a.windows = vec![rule("work", "00:01:00", 600, None)];
        let mut service = Service::new(ORIGIN, vec![a]);
        service.draw(0, &[("a/p", "UUUDDDUUU")]);
        let outage = service.record.outages.all().next().unwrap().id;
        let said = if by_declaration {
            declare(&service, 80, Some(190))
        } else {
            fault(&service, 80, 190, "lee")
        };
        service.act_at(290, "kim", said);
        assert!(
            service
                .figures("a", 0, 240)
                .contains("planned 0 excluded 0")
        );
        let reason = "not the announced work".to_owned();
        service.act_at(
            300,
            "kim",
            Act::Reclassify {
                outage: Selector::Id(outage),
                reason,
            },
        );
    }
}

/// Acts compare whole seconds, since a report prints whole seconds.
#[test]
fn a_declared_end_is_not_changed_to_the_end_that_is_printed() {
    let origin = "2026-10-01T00:00:00.184Z";
    let mut service = Service::new(origin, vec![system("a"), system("b")]);
    let act = declare(&service, 30, Some(60));
    service.act_at(100, "kim", act);
    let outage = service.record.outages.all().next().unwrap().id.0;
    let mut again = change(&service, outage, 60, Some("lee"));
    if let Act::ChangeDeclaration { to, .. } = &mut again {
        *to = at("2026-10-01T00:01:00Z");
    }
    assert_eq!(
        service.refusal(110, "kim", again),
        format!("outage O-{outage} ends at 2026-10-01 00:01:00 UTC already")
    );
}

#[test]
fn taking_planned_time_back_opens_an_incident_and_tells_those_who_were_not_told() {
    let mut a = system("a");
    a.windows = vec![rule("work", "00:00:30", 900, None)];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UUDDDD")]);
    assert!(service.due.is_empty());
    let act = Act::Reclassify {
        outage: Selector::Id(OutageId(1)),
        reason: "not the announced work".into(),
    };
    service.act_at(160, "kim", act.clone());
    expect!["outage O-1 is reclassified already"].assert_eq(&service.refusal(161, "kim", act));
    service.draw(180, &[("a/p", "DUUU")]);
    expect![[r#"
        120   #7 outage O-1 of a from 60 planned
        160   #8 OutageReclassified O-1
        160   #9 incident I-1 (Outage)
        160   due downtime/O-1/it@clinic.example
        240   #12 O-1 ends 210
        240   #13 IncidentResolved I-1
        240   due uptime/O-1/it@clinic.example (both)
        up 120 degraded 0 planned 0 excluded 0 unplanned 150 unknown 0
    "#]]
    .assert_eq(&service.timeline_and_figures("a", 270));
}

fn rest_of_the_review() -> Review {
    Review {
        certainty: Some(Certainty::Confirmed),
        resolution: Some("Space was made.".into()),
        measures: vec![Measure {
            text: "Rotate logs".into(),
            owner: "platform".into(),
            due: "2026-11-30".parse().unwrap(),
        }],
        ..Review::default()
    }
}

#[test]
fn an_incident_is_acknowledged_reviewed_and_closed_in_words() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UUUU")]);
    let acknowledge = crate::service::acknowledge(which("a"));
    service.act_at(100, "kim", acknowledge.clone());
    expect!["I-1 was acknowledged by kim at 2026-10-01 00:01:40 UTC"].assert_eq(&service.refusal(
        101,
        "lee",
        acknowledge,
    ));
    let close = |without: Option<&str>| Act::Close {
        incident: which("a"),
        without: without.map(str::to_owned),
        confirmed_by: None,
    };
    expect!["I-1 is not resolved yet: a system of it is not up"].assert_eq(&service.refusal(
        102,
        "kim",
        close(Some("in a hurry")),
    ));
    service.draw(120, &both("UUU"));
    expect!["I-1 lacks summary, root cause, resolution, preventive measures: write them with `nines incident review I-1`, or give the reason why not with --without"].assert_eq(&service.refusal(200, "kim", close(None)));
    let review = |review| crate::service::review(which("a"), review);
    expect!["a review needs at least one text"].assert_eq(&service.refusal(
        201,
        "kim",
        review(Review::default()),
    ));
    let blank = Review {
        root_cause: Some(" ".into()),
        ..Review::default()
    };
    expect!["the root cause is missing"].assert_eq(&service.refusal(202, "kim", review(blank)));
    let first = Review {
        summary: Some("A disk filled up.".into()),
        root_cause: Some("Logs were not rotated.".into()),
        certainty: Some(Certainty::Suspected),
        ..Review::default()
    };
    service.act_at(203, "kim", review(first));
    expect!["I-1 lacks resolution, preventive measures: write them with `nines incident review I-1`, or give the reason why not with --without"]
        .assert_eq(&service.refusal(204, "kim", close(Some(" "))));
    service.act_at(205, "lee", review(rest_of_the_review()));
    service.act_at(206, "ann", close(None));
    expect!["I-1 is closed already"].assert_eq(&service.refusal(207, "kim", close(None)));
    let acknowledge = crate::service::acknowledge(which("a"));
    expect!["I-1 is closed already"].assert_eq(&service.refusal(208, "kim", acknowledge));
    let incident = service.record.incidents.get(IncidentId(1)).unwrap();
    assert!(incident.missing().is_empty());
    assert_eq!(
        incident.review.summary.as_deref(),
        Some("A disk filled up.")
    );
    assert_eq!(incident.review.certainty, Some(Certainty::Confirmed));
    let entry = |at_s, by: &str| (service.second(at_s), by.to_owned());
    assert_eq!(incident.reviewed, [entry(203, "kim"), entry(205, "lee")]);
    assert_eq!(incident.closed, Some(entry(206, "ann")));
}

#[test]
fn an_incident_that_lacks_texts_is_closed_with_a_reason() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDDUU"), ("b/p", "UUUUUU")]);
    let act = Act::Close {
        incident: which("a"),
        without: Some("a test of the monitor".into()),
        confirmed_by: None,
    };
    service.act_at(200, "kim", act);
    let incident = service.record.incidents.all().next().unwrap();
    assert_eq!(
        incident.closed_without.as_deref(),
        Some("a test of the monitor")
    );
}

#[test]
fn an_unknown_incident_is_refused() {
    let mut service = watched();
    let act = crate::service::acknowledge(Selector::Id(IncidentId(1)));
    expect!["there is no incident I-1"].assert_eq(&service.refusal(10, "kim", act));
    let act = crate::service::acknowledge(which("a"));
    expect!["`a` has had no incident"].assert_eq(&service.refusal(10, "kim", act));
}
