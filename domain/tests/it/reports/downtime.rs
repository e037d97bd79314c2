//! Downtime in the monthly report: merged outages count once, the first page names every system with
//! downtime and its cause, and no figure is more exact than what is known.

use std::fmt::Write as _;

use crate::service::{Service, at, catalogue, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Customer, Days, Rule};
use domain::event::{Delivery, Fact};
use domain::policy::{Policy, Target};
use domain::report::{OutageLine, Report, SystemLine, Verdict, monthly};
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn watched() -> Service {
    Service::new(ORIGIN, vec![system("a")])
}

fn month(service: &Service, month: &str) -> Report {
    monthly(&service.record, "ops", month.parse().unwrap(), "00").unwrap()
}

fn october(service: &Service) -> Report {
    month(service, "2026-10")
}

/// The first page's words, with plain spaces.
fn page(report: &Report) -> String {
    let text = format!("{}\n{}\n", report.headline, report.happened.join("\n"));
    text.replace('\u{a0}', " ")
}

fn declared(service: &Service, from_s: i64, to_s: i64) -> Act {
    Act::DeclareOutage {
        system: "a".into(),
        from: service.second(from_s),
        to: Some(service.second(to_s)),
        evidence: "call 17".into(),
    }
}

/// Everything that a report counts of a system and its outages, one a line.
fn counts(service: &Service, report: &Report) -> String {
    let mut text = String::new();
    for s in &report.systems {
        writeln!(
            text,
            "{}: {} outages, {} s unplanned, longest {:?}, mtrs {:?}, mtbf {:?}",
            s.system, s.outages, s.unplanned_s, s.longest_s, s.mtrs_s, s.mtbf_s
        )
        .unwrap();
    }
    let since = |at: jiff::Timestamp| at.as_second() - service.origin.as_second();
    for o in &report.outages {
        let merged = o.merged.as_ref().map_or("alone".to_owned(), |s| {
            let to = s.to.map(|to| since(to.at()));
            let from = since(s.from.at());
            format!(
                "{} s of {} as {} in {from}..{to:?}",
                s.unplanned_s,
                s.outages.join("+"),
                s.counted_as
            )
        });
        writeln!(
            text,
            "{}{}: {} s, {merged}; detected {:?}, told {:?}..{:?} {:?} of {:?}, taken on {:?}, restored {:?}",
            o.outage,
            if o.counted { " counted" } else { "" },
            o.unplanned_s,
            o.detect_s,
            o.tell_first_s,
            o.tell_last_s,
            o.customers_told,
            o.customers,
            o.acknowledge_s,
            o.restore_s
        )
        .unwrap();
    }
    text
}

#[test]
fn outages_that_overlap_are_one_in_every_place_that_counts_them() {
    let mut service = watched();
    // Down from 60 to 180, seen at 120; declared later, from 30 to 100.
    service.draw(0, &[("a/p", "UUDDD")]);
    service.deliver_due(Delivery::Accepted);
    let incident = service.record.incidents.all().next().unwrap().id;
    service.act_at(
        130,
        "ann",
        crate::service::acknowledge(Selector::Id(incident)),
    );
    service.draw(150, &[("a/p", "DUUUUUUU")]);
    let act = declared(&service, 30, 100);
    service.act_at(400, "kim", act);
    let report = october(&service);
    expect![[r#"
        a: 1 outages, 150 s unplanned, longest Some(150), mtrs Some(150), mtbf Some(250)
        O-2 counted: 70 s, 150 s of O-1+O-2 as O-2 in 30..Some(180); detected Some(90), told Some(90)..Some(90) Some(1) of Some(1), taken on Some(100), restored Some(150)
        O-1: 120 s, 150 s of O-1+O-2 as O-2 in 30..Some(180); detected Some(90), told Some(90)..Some(90) Some(1) of Some(1), taken on Some(100), restored Some(150)
    "#]].assert_eq(&counts(&service, &report));
    expect![[r#"
        So far, as of 2026-10-01 00:06:40 UTC: no system has a target.
        A had the month’s only unplanned outage: it began on Thursday 1 October at 00:00 UTC and caused 2 min 30 s of unplanned downtime.
        No maintenance was held; every second of agreed time was observed.
    "#]].assert_eq(&page(&report));
}

#[test]
fn the_longest_is_that_of_the_joined_outages_and_the_page_names_that_one() {
    let mut service = watched();
    // One alone of 180 s; then two of 120 s each, that overlap and make 210 s.
    service.draw(0, &[("a/p", "UUDDDDDDUUUUUUUUUUUUUUUUUUUUDDDDUUUUUUUU")]);
    let act = declared(&service, 750, 870);
    service.act_at(1_300, "kim", act);
    let report = october(&service);
    expect![[r#"
        a: 2 outages, 390 s unplanned, longest Some(210), mtrs Some(195), mtbf Some(427)
        O-1 counted: 180 s, alone; detected Some(60), told None..None Some(0) of Some(1), taken on None, restored Some(180)
        O-3 counted: 120 s, 210 s of O-2+O-3 as O-3 in 750..Some(960); detected Some(150), told None..None Some(0) of Some(1), taken on None, restored Some(210)
        O-2: 120 s, 210 s of O-2+O-3 as O-3 in 750..Some(960); detected Some(150), told None..None Some(0) of Some(1), taken on None, restored Some(210)
    "#]].assert_eq(&counts(&service, &report));
    expect![[r#"
        So far, as of 2026-10-01 00:21:40 UTC: no system has a target.
        A had two unplanned outages with 6 min 30 s of downtime in total; the longest, of A, began on Thursday 1 October at 00:12 UTC and was unplanned for 3 min 30 s.
        No maintenance was held; 55 s of A were not observed.
    "#]].assert_eq(&page(&report));
}

#[test]
fn a_merged_outage_whose_last_part_is_open_is_not_restored() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDDDD")]);
    let act = declared(&service, 30, 90);
    service.act_at(170, "kim", act);
    let report = october(&service);
    assert_eq!(report.outages.len(), 2);
    for line in &report.outages {
        assert_eq!(line.restore_s, None, "{}", line.outage);
        assert_eq!(line.merged.as_ref().unwrap().to, None);
    }
    assert!(
        page(&report).contains("and has not ended yet."),
        "{}",
        page(&report)
    );
}

/// Systems `a` and `b`, both with a target.
fn promised(origin: &str) -> Service {
    let mut systems = vec![system("a"), system("b")];
    for system in &mut systems {
        system.target = Some(Target { ppm: 999_999 });
    }
    Service::new(origin, systems)
}

#[test]
fn every_system_that_an_older_outage_cost_something_is_named() {
    let mut service = promised("2026-10-31T23:50:00Z");
    let down = "UUUUUUUUUUDDDDDDDDDDDDDDDDDDDD";
    service.draw(
        0,
        &[
            ("a/p", &format!("{down}UUUU")),
            ("b/p", &format!("{down}DDUU")),
        ],
    );
    let report = month(&service, "2026-11");
    expect![[r#"
        So far, as of 2026-11-01 00:06:30 UTC: A (23.076 % against 99.9999 %) has exceeded the month’s budget of 2 s by 4 min 58 s; B (7.692 % against 99.9999 %) has exceeded the month’s budget of 2 s by 5 min 58 s.
        No unplanned outage began: an outage of A that began on Saturday 31 October at 23:55 UTC continued and was unplanned for 5 min; an outage of B that began on Saturday 31 October at 23:55 UTC continued and was unplanned for 6 min.
        No maintenance was held; every second of agreed time was observed.
    "#]].assert_eq(&page(&report));
    // Beside one that began: both, and together what the table has.
    service.draw(1_020, &[("a/p", "UUUUDDDDUUUU"), ("b/p", "UUUUUUUUUUUU")]);
    expect![[r#"
        So far, as of 2026-11-01 00:11:30 UTC: A (39.130 % against 99.9999 %) has exceeded the month’s budget of 2 s by 6 min 58 s; B (47.826 % against 99.9999 %) has exceeded the month’s budget of 2 s by 5 min 58 s.
        A had the only unplanned outage that began in the month: it began on Sunday 1 November at 00:09 UTC and caused 2 min of unplanned downtime; an outage of A that began on Saturday 31 October at 23:55 UTC continued and was unplanned for 5 min; an outage of B that began on Saturday 31 October at 23:55 UTC continued and was unplanned for 6 min.
        No maintenance was held; every second of agreed time was observed.
    "#]].assert_eq(&page(&month(&service, "2026-11")));
}

fn strict(change: impl FnOnce(&mut Policy)) -> Service {
    let mut policy = Policy {
        target: Some(Target { ppm: 999_000 }),
        ..crate::service::policy("p", None)
    };
    change(&mut policy);
    let mut one = system("a");
    one.policy = Some("p".into());
    let mut all = catalogue(vec![one]);
    all.policies = vec![policy];
    Service::with(ORIGIN, all)
}

fn of_bounds(s: &SystemLine) -> String {
    format!(
        "{} s unplanned ({} unseen, {} degraded), {} s unknown, {} s as down; {:?}, best {:?} worst {:?} coverage {:?} {:?}",
        s.unplanned_s,
        s.unplanned_unseen_s,
        s.unplanned_degraded_s,
        s.unknown_s,
        s.unknown_as_down_s,
        s.contract_availability.as_deref().unwrap(),
        s.availability_at_best.as_deref().unwrap(),
        s.availability_at_worst.as_deref().unwrap(),
        s.coverage.as_deref().unwrap(),
        s.verdict,
    )
}

#[test]
fn what_an_agreement_counts_as_down_is_taken_apart_on_the_first_page() {
    let mut service = strict(|p| (p.unknown_is_down, p.degraded_is_down) = (true, true));
    service.draw(0, &[("a/p", "UUDDDDUUUU..........UUUUSSSSSSUUUUUU")]);
    let report = october(&service);
    expect![[r#"555 s unplanned (255 unseen, 180 degraded), 0 s unknown, 255 s as down; "40.322", best "67.741" worst "40.322" coverage "72.580" Missed"#]].assert_eq(&of_bounds(&report.systems[0]));
    expect![[r#"
        So far, as of 2026-10-01 00:15:30 UTC: A (40.322 % against 99.9 %) is below its target, with 35 min 23 s of 44 min 38 s budget left.
        A had the month’s only unplanned outage: it began on Thursday 1 October at 00:01 UTC and caused 2 min of unplanned downtime; of the 9 min 15 s of unplanned downtime of A, 4 min 15 s were not observed and 3 min were only degraded, counted as down under its agreement.
        No maintenance was held; 4 min 15 s of A were not observed.
    "#]].assert_eq(&page(&report));
}

#[test]
fn unknown_time_that_counts_as_down_misses_a_target_though_the_best_would_meet_it() {
    let mut service = strict(|p| p.unknown_is_down = true);
    service.draw(0, &[("a/p", "UUUUUUUUUU..........UUUU")]);
    let report = october(&service);
    let line = &report.systems[0];
    assert_eq!(line.availability_at_best.as_deref(), Some("100.000"));
    assert_eq!(line.verdict, Verdict::Missed);
    expect![[r#"
        So far, as of 2026-10-01 00:10:00 UTC: A (57.500 % against 99.9 %) is below its target, with 40 min 23 s of 44 min 38 s budget left.
        There was no unplanned outage; of the 4 min 15 s of unplanned downtime of A, 4 min 15 s were not observed, counted as down under its agreement.
        No maintenance was held; 4 min 15 s of A were not observed.
    "#]].assert_eq(&page(&report));
}

#[test]
fn an_end_that_nobody_saw_makes_every_length_the_least_that_it_can_be() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDDDD")]);
    service.crash(170, 900);
    service.draw(900, &[("a/p", "UUUU")]);
    let report = october(&service);
    let line: &OutageLine = &report.outages[0];
    assert!(line.ended_between.is_some() && !line.end_observed);
    assert!(line.restore_at_least);
    let system = &report.systems[0];
    assert!(system.mtrs_at_least && system.longest_at_least);
    expect![[r#"
        So far, as of 2026-10-01 00:15:30 UTC: no system has a target.
        A had the month’s only unplanned outage: it began on Thursday 1 October at 00:01 UTC and caused at least 1 min 50 s of unplanned downtime.
        No maintenance was held; 12 min 10 s of A were not observed.
    "#]].assert_eq(&page(&report));
}

#[test]
fn an_end_that_was_seen_is_no_least() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDDDDUUUU")]);
    let report = october(&service);
    let (line, system) = (&report.outages[0], &report.systems[0]);
    assert!(line.end_observed && !line.restore_at_least);
    assert!(!system.mtrs_at_least && !system.longest_at_least);
}

#[test]
fn a_declared_end_is_a_person_s_word_and_not_observed() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUUUUUUUUUU")]);
    let act = declared(&service, 30, 100);
    service.act_at(400, "kim", act);
    let line = &october(&service).outages[0];
    assert!(line.declared && line.end.is_some() && !line.end_observed);
    assert_eq!(line.ended_between, None);
}

#[test]
fn each_excluded_second_has_one_line_that_says_what_counts() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUDDDDDDUUUU")]);
    let outage = service.record.outages.all().next().unwrap().id;
    let exclude = |from_s: i64, to_s: i64, approved_by: Option<&str>| Act::Exclude {
        outage: Selector::Id(outage),
        from: at(ORIGIN) + jiff::SignedDuration::from_secs(from_s),
        to: at(ORIGIN) + jiff::SignedDuration::from_secs(to_s),
        reason: "their line".into(),
        evidence: "ticket".into(),
        approved_by: approved_by.map(str::to_owned),
    };
    service.act_at(400, "kim", exclude(90, 150, None));
    service.act_at(410, "kim", exclude(100, 150, None));
    service.act_at(420, "kim", exclude(90, 120, Some("ann")));
    let report = october(&service);
    let line = &report.outages[0];
    let mut said: Vec<(i64, i64, Option<&str>)> = Vec::new();
    for e in &line.exclusions {
        let since = |m: domain::report::Moment| m.at().as_second() - service.origin.as_second();
        said.push((since(e.from), since(e.to), e.approved_by.as_deref()));
    }
    assert_eq!(said, [(90, 120, Some("ann")), (120, 150, None)]);
    assert_eq!((line.excluded_s, line.unplanned_s), (30, 150));
}

#[test]
fn a_refused_notice_is_told_with_its_outage_and_customer() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UUUU")]);
    service.deliver_due(Delivery::Rejected);
    let report = october(&service);
    let said: Vec<_> = report
        .refused
        .iter()
        .map(|n| (n.kind.as_str(), n.about.join(" "), n.name.as_str()))
        .collect();
    assert_eq!(said, [("uptime", "O-1".to_owned(), "Clinic")]);
}

#[test]
fn contacts_that_changed_are_listed_and_no_address_is() {
    let mut service = watched();
    service.draw(0, &[("a/p", "UUUU")]);
    let mut all = catalogue(vec![system("a")]);
    let customer: &mut Customer = &mut all.customers[0];
    customer.contacts = vec!["secret@clinic.example".into()];
    service.configure(service.second(300), all);
    let report = october(&service);
    let what = report.changes.last().unwrap().what.join("; ");
    assert_eq!(what, "Contacts of customer Clinic changed");
}

#[test]
fn customers_who_had_been_told_before_it_began_are_not_told_in_no_time() {
    let mut unstable = system("a");
    (unstable.flapping.limit, unstable.flapping.hold_s) = (3, 900);
    let mut service = Service::new(ORIGIN, vec![unstable]);
    let mut offset = 0;
    for _ in 0..5 {
        service.draw(offset, &[("a/p", "UUDDDUUU")]);
        service.deliver_due(Delivery::Accepted);
        offset += 240;
    }
    let report = october(&service);
    let last = report.outages.last().unwrap();
    let first = last.counted_from.unwrap();
    assert!(last.told_before.unwrap() < first, "{last:?}");
    assert!(report.outages[0].told_before.is_none());
}

/// At noon of 31 October the committee moves from New York to Los Angeles; the system is down at
/// work from five minutes before New York's midnight to a quarter of an hour after it.
#[test]
fn a_committee_that_moves_loses_no_hour_and_counts_none_twice() {
    let configured = |zone: &str| {
        let mut a = crate::service::system("a");
        a.policy = Some("ten".into());
        a.windows = vec![Rule {
            days: Days::Dates(vec!["2026-11-01".parse().unwrap()]),
            ..crate::service::rule("work", "03:30:00", 7_200, None)
        }];
        let mut all = crate::service::catalogue(vec![a]);
        all.policies = vec![crate::service::policy("ten", Some(600))];
        all.committees[0].zone = zone.into();
        all
    };
    let origin = "2026-10-31T15:00:00Z";
    let mut service = Service::with(origin, configured("America/New_York"));
    service.configure(service.second(3_600), configured("America/Los_Angeles"));
    // 03:50 in UTC.
    let from_s = 12 * 3_600 + 50 * 60;
    let row = format!("{}{}UUU", "U".repeat(10), "D".repeat(40));
    service.draw(from_s, &[("a/p", &row)]);
    service.tick(24 * 3_600);

    let (october, november) = (month(&service, "2026-10"), month(&service, "2026-11"));
    assert_eq!(october.to.at(), november.from.at());
    let told = |report: &Report| {
        let a = &report.systems[0];
        let days: i64 = a.days.iter().map(|d| d.agreed_s).sum();
        assert_eq!(days, a.agreed_s, "the days of the strip are the month");
        format!(
            "{} {} planned {} unplanned {}",
            report.from.at(),
            report.to.at(),
            a.planned_s,
            a.unplanned_s
        )
    };
    expect![[r#"
        2026-10-01T04:00:00Z 2026-11-01T04:00:00Z planned 300 unplanned 0
        2026-11-01T04:00:00Z 2026-12-01T08:00:00Z planned 600 unplanned 300
    "#]]
    .assert_eq(&format!("{}\n{}\n", told(&october), told(&november)));
    let agreed_s = october.systems[0].agreed_s + november.systems[0].agreed_s;
    let known = service.record.as_of.unwrap().duration_since(service.origin);
    assert_eq!(agreed_s, known.as_secs());
    // Live decisions use the same months.
    let overrun = service.events.iter().find_map(|(_, e)| match &e.fact {
        Fact::Overrun { from, .. } => Some(*from),
        _ => None,
    });
    assert_eq!(overrun, Some("2026-11-01T04:10:00Z".parse().unwrap()));
}

/// The committee sits in Los Angeles, the service and its customers in New York: its October ends
/// three hours after theirs, on the day on which clocks go back.
#[test]
fn an_outage_over_the_committee_s_midnight_is_divided_between_its_months_to_the_second() {
    let mut catalogue = catalogue(vec![system("a")]);
    let new_york = || "America/New_York".to_owned();
    catalogue.zone = new_york();
    catalogue.customers[0].zone = new_york();
    catalogue.committees[0].zone = "America/Los_Angeles".to_owned();
    // Down from 06:59:13, up from 07:02:13 on; midnight is at 07:00.
    let mut service = Service::with("2026-11-01T06:58:13Z", catalogue);
    service.draw(0, &[("a/p", "UUDDDDDDUU")]);
    let midnight = at("2026-11-01T07:00:00Z");
    let months = ["2026-10", "2026-11"].map(|name| month(&service, name));
    let edges = |r: &Report| (r.from.at(), r.to.at());
    assert_eq!(
        months.each_ref().map(edges),
        [
            (at("2026-10-01T07:00:00Z"), midnight),
            (midnight, at("2026-12-01T08:00:00Z")),
        ]
    );
    let figures = |r: &Report| {
        let s = &r.systems[0];
        (s.up_s, s.unplanned_s, s.unknown_s, s.agreed_s, s.outages)
    };
    let last_s = service.now.as_second() - midnight.as_second();
    assert_eq!(
        months.each_ref().map(figures),
        [(60, 47, 0, 107, 1), (last_s - 133, 133, 0, last_s, 0),]
    );
    for (report, part_s, counted) in [(&months[0], 47, true), (&months[1], 133, false)] {
        let [outage] = &report.outages[..] else {
            panic!("{:?}", report.outages);
        };
        let edges = (outage.start.at(), outage.end.unwrap().at());
        assert_eq!(edges, (service.second(60), service.second(240)));
        assert_eq!((outage.unplanned_s, outage.counted), (part_s, counted));
    }
}
