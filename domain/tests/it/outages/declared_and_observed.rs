//! Declared and observed downtime of one system at the same time: one downtime for customers, with one
//! pair of notices.

use crate::random_histories::notices::every_address_knows_the_truth;
use crate::service::{Service, active, catalogue, line_of, rule, send_due, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Customer, Flapping, System};
use domain::event::Delivery;
use domain::id::OutageId;
use domain::notice::Declared;
use domain::report::monthly;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn declare(service: &mut Service, at_s: i64, from_s: i64, to_s: Option<i64>) -> OutageId {
    let act = Act::DeclareOutage {
        system: "a".into(),
        from: service.second(from_s),
        to: to_s.map(|to_s| service.second(to_s)),
        evidence: "three clinics called".into(),
    };
    service.act_at(at_s, "kim", act);
    let mut latest = service.record.outages.all().rev();
    latest.find(|o| o.declared.is_some()).unwrap().id
}

fn ends(service: &mut Service, at_s: i64, outage: OutageId, to_s: i64) {
    let act = Act::ChangeDeclaration {
        outage: Selector::Id(outage),
        to: service.second(to_s),
        reason: "they say so".into(),
        approved_by: Some("lee".into()),
    };
    service.act_at(at_s, "kim", act);
}

/// Every notice so far, in order.
fn told(service: &Service) -> Vec<String> {
    let all = service.due.iter();
    let mut all: Vec<String> = all.map(|due| line_of(service, &due.notice)).collect();
    all.dedup();
    all
}

/// All mail goes: what each address heard last is so.
fn nothing_contradicts(service: &mut Service) {
    service.deliver_due(Delivery::Accepted);
    every_address_knows_the_truth(service);
    assert!(service.is_quiet(), "{}", service.timeline_without_probes());
}

/// At 70: an outage that is declared from 30 on, and whose notice was sent.
fn declared() -> (Service, OutageId) {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUU")]);
    let declared = declare(&mut service, 70, 30, None);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    (service, declared)
}

#[test]
fn declared_then_seen_and_the_declaration_lasts_longer() {
    let (mut service, declared) = declared();
    service.draw(90, &[("a/p", "DDDDUUU")]);
    assert_eq!(send_due(&mut service), [""; 0]);
    ends(&mut service, 300, declared, 290);
    assert_eq!(send_due(&mut service), ["uptime: a 30..290"]);
    nothing_contradicts(&mut service);
}

#[test]
fn declared_then_seen_and_the_probes_see_it_longer() {
    let (mut service, declared) = declared();
    service.draw(90, &[("a/p", "DDDD")]);
    ends(&mut service, 185, declared, 150);
    service.draw(210, &[("a/p", "DD")]);
    assert_eq!(send_due(&mut service), [""; 0]);
    service.draw(270, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..270"]);
    nothing_contradicts(&mut service);
}

#[test]
fn seen_then_declared_to_have_begun_earlier() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 90.."]);
    let declared = declare(&mut service, 170, 40, None);
    assert_eq!(send_due(&mut service), [""; 0]);
    service.draw(180, &[("a/p", "UUU")]);
    assert_eq!(send_due(&mut service), [""; 0]);
    ends(&mut service, 300, declared, 280);
    assert_eq!(send_due(&mut service), ["uptime: a 40..280"]);
    let up = service.due.last().unwrap();
    let said = &up.notice.affected[0];
    assert_eq!(said.declared, Some(Declared::Partly));
    assert_eq!(said.down_s, Some(240));
    // It answers the incident that the first notice named, in its thread.
    let (first, down) = service.record.notices.messages().next().unwrap();
    assert_eq!(up.notice.incident, down.notice.incident);
    assert!(up.notice.references.contains(&first));
    nothing_contradicts(&mut service);
}

#[test]
fn seen_then_declared_as_over_already() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 90.."]);
    declare(&mut service, 170, 40, Some(100));
    assert_eq!(send_due(&mut service), [""; 0]);
    service.draw(180, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 40..180"]);
    nothing_contradicts(&mut service);
}

#[test]
fn declared_as_over_and_then_confirmed_by_the_probes() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUDD")]);
    declare(&mut service, 130, 40, Some(100));
    assert_eq!(send_due(&mut service), [""; 0]);
    service.draw(150, &[("a/p", "D")]);
    // Down since the earlier of the two; one system, said once.
    assert_eq!(send_due(&mut service), ["downtime: a 40.."]);
    service.draw(180, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 40..180"]);
    nothing_contradicts(&mut service);
}

#[test]
fn what_was_over_before_the_probes_saw_anything_is_not_part_of_it() {
    let (mut service, declared) = declared();
    ends(&mut service, 80, declared, 75);
    assert_eq!(send_due(&mut service), ["uptime: a 30..75"]);
    service.draw(90, &[("a/p", "DDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 90.."]);
    // And what customers were told to be over is not told of again.
    declare(&mut service, 160, 60, Some(100));
    service.draw(180, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 60..180"]);
    nothing_contradicts(&mut service);
}

#[test]
fn a_declaration_of_what_is_told_to_be_over_is_told_anew_while_it_lasts() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDUU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..120"]);
    let declared = declare(&mut service, 170, 100, None);
    assert_eq!(send_due(&mut service), ["downtime: a 100.."]);
    ends(&mut service, 200, declared, 190);
    assert_eq!(send_due(&mut service), ["uptime: a 100..190"]);
    nothing_contradicts(&mut service);
}

#[test]
fn two_declarations_and_what_the_probes_saw_between_them_are_one() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUDDD")]);
    let late = declare(&mut service, 155, 150, None);
    service.draw(180, &[("a/p", "UU")]);
    declare(&mut service, 220, 20, Some(95));
    ends(&mut service, 230, late, 225);
    assert_eq!(told(&service), ["downtime: a 90..", "uptime: a 20..225"]);
    let up = &service.due.last().unwrap().notice;
    assert_eq!(up.affected[0].outages().count(), 3);
    assert!(up.includes_downtime, "nothing had left");
    nothing_contradicts(&mut service);
}

#[test]
fn a_declaration_that_is_shortened_later_does_not_make_two_of_one() {
    let (mut service, declared) = declared();
    service.draw(90, &[("a/p", "DDD")]);
    ends(&mut service, 160, declared, 60);
    service.draw(180, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..180"]);
    // Up time between them is not counted.
    let up = service.messages().into_iter().next_back().unwrap();
    assert_eq!(up.notice.affected[0].down_s, Some(120));
    nothing_contradicts(&mut service);
}

#[test]
fn both_before_anybody_was_told_are_one_line_of_one_notice() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("b/p", "UUUUUD"), ("a/p", "UUUDDD")]);
    // The notice waits for b, which may be down too.
    declare(&mut service, 155, 40, None);
    assert_eq!(send_due(&mut service), [""; 0]);
    service.tick(190);
    assert_eq!(send_due(&mut service), ["downtime: a 40.."]);
    nothing_contradicts(&mut service);
}

#[test]
fn a_contact_who_was_refused_the_first_notice_gets_the_second() {
    let mut service = catalogue(vec![system("a")]);
    service.customers[0]
        .contacts
        .push("on-call@clinic.example".into());
    let mut service = Service::with(ORIGIN, service);
    service.draw(0, &[("a/p", "UUUDDD")]);
    let due = service.due();
    for (notice, result) in due.iter().zip([Delivery::Rejected, Delivery::Accepted]) {
        let id = service.begin_attempt(notice);
        service.end_attempt(id, result);
    }
    let declared = declare(&mut service, 170, 40, None);
    service.draw(180, &[("a/p", "UU")]);
    ends(&mut service, 250, declared, 240);
    expect![[r#"
        150   #7 outage O-1 of a from 90
        150   #8 incident I-1 (Outage)
        150   due downtime/O-1/it@clinic.example
        150   due downtime/O-1/on-call@clinic.example
        150   #9 attempt 1 of N-1
        150   #10 N-1 Rejected
        150   #11 attempt 1 of N-2
        150   #12 N-2 Accepted
        170   #13 OutageDeclared a
        170   #14 incident I-2 (Declared)
        170   due downtime/O-2/it@clinic.example
        210   #17 O-1 ends 180
        250   #18 DeclarationChanged O-2
        250   #19 IncidentResolved I-1
        250   #20 IncidentResolved I-2
        250   due uptime/O-2/it@clinic.example (both)
        250   due uptime/O-2/on-call@clinic.example
    "#]]
    .assert_eq(&service.timeline_without_probes());
    nothing_contradicts(&mut service);
}

#[test]
fn who_becomes_a_customer_meanwhile_is_told_since_when_it_is_down() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 90.."]);
    let mut more = catalogue(vec![system("a")]);
    more.customers.push(Customer {
        id: "lab".into(),
        name: "Lab".into(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
        contacts: vec!["one@lab.example".into()],
        systems: vec!["a".into()],
    });
    service.configure(service.second(160), more);
    let declared = declare(&mut service, 170, 100, None);
    let lab = service.only_due();
    assert_eq!(lab.recipient.address.to_string(), "one@lab.example");
    assert_eq!(send_due(&mut service), ["downtime: a 90.."]);
    service.draw(180, &[("a/p", "UU")]);
    ends(&mut service, 250, declared, 240);
    assert_eq!(send_due(&mut service), ["uptime: a 90..240"; 2]);
    nothing_contradicts(&mut service);
}

#[test]
fn what_never_left_is_said_once_when_both_are_over() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UUUDDD")]);
    service.fail_to_connect();
    let declared = declare(&mut service, 170, 100, None);
    service.draw(180, &[("a/p", "UU")]);
    // The probes have it up; it stays down by what people say, and so says what waits.
    ends(&mut service, 250, declared, 240);
    service.tick(4_000);
    assert_eq!(send_due(&mut service), ["uptime: a 90..240"]);
    nothing_contradicts(&mut service);
}

#[test]
fn a_notice_of_two_systems_is_not_over_while_one_is_declared_down() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UUUDDD"), ("b/p", "UUUDDD")]);
    service.tick(190);
    service.fail_to_connect();
    let declared = declare(&mut service, 195, 100, None);
    service.draw(210, &[("a/p", "UU"), ("b/p", "UU")]);
    // `b` is up again, `a` is not.
    service.tick(400);
    assert_eq!(
        send_due(&mut service),
        ["downtime: a 90..", "uptime: b 90..210"]
    );
    ends(&mut service, 450, declared, 440);
    assert_eq!(send_due(&mut service), ["uptime: a 90..440"]);
    nothing_contradicts(&mut service);
}

#[test]
fn an_overrun_is_told_also_to_those_who_know_and_ends_with_the_declaration() {
    let mut a = system("a");
    a.windows = vec![rule("work", "00:01:30", 600, Some(60))];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UUUU")]);
    let declared = declare(&mut service, 110, 30, None);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    // The first minute of what is seen is the window's all the same.
    service.draw(120, &[("a/p", "DDDDD")]);
    assert_eq!(send_due(&mut service), ["maintenance-overrun: a 180.."]);
    service.draw(270, &[("a/p", "UU")]);
    ends(&mut service, 330, declared, 320);
    assert_eq!(send_due(&mut service), ["uptime: a 30..320"]);
    nothing_contradicts(&mut service);
}

#[test]
fn nor_is_the_declaration_told_to_those_who_know_of_the_overrun() {
    let mut a = system("a");
    a.windows = vec![rule("work", "00:01:30", 600, Some(60))];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UUUUDDDDD")]);
    assert_eq!(send_due(&mut service), ["maintenance-overrun: a 180.."]);
    let declared = declare(&mut service, 245, 200, None);
    assert_eq!(send_due(&mut service), [""; 0]);
    service.draw(270, &[("a/p", "UU")]);
    ends(&mut service, 330, declared, 320);
    assert_eq!(send_due(&mut service), ["uptime: a 120..320"]);
    nothing_contradicts(&mut service);
}

#[test]
fn that_a_system_has_become_unstable_is_told_also_to_those_who_know_that_it_is_down() {
    let flapping = Flapping {
        limit: 3,
        hold_s: 60,
    };
    let a = System {
        flapping,
        ..system("a")
    };
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UDDDUUU")]);
    send_due(&mut service);
    service.draw(3_300, &[("a/p", "DDDUUU")]);
    send_due(&mut service);
    service.draw(3_540, &[("a/p", "UUUUUDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 3690.."]);
    // The hour before the declared start has one outage more than that before what was seen.
    let declared = declare(&mut service, 3_770, 3_600, None);
    assert_eq!(send_due(&mut service), ["downtime: a 3600.."]);
    let unstable = service.messages().into_iter().next_back().unwrap();
    let said = unstable.notice.affected[0].flapping.as_ref().unwrap();
    assert_eq!(said.outages.len(), 4);
    service.draw(3_780, &[("a/p", "UUU")]);
    ends(&mut service, 3_850, declared, 3_845);
    service.draw(3_870, &[("a/p", "UUUU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..3845"]);
    nothing_contradicts(&mut service);
}

#[test]
fn a_notice_that_waited_says_down_while_what_people_declared_goes_on() {
    // The notice about `a` waits for `b`, whose run is pending. The probes of `a` see it up meanwhile,
    // and the declaration lasts.
    let mut slow = system("b");
    active(&mut slow.probes[0]).failures = 8;
    let mut all = catalogue(vec![system("a"), slow]);
    all.gather_s = 300;
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", "UDDD"), ("b/p", "UDDD")]);
    let declared = declare(&mut service, 95, 70, None);
    service.draw(120, &[("a/p", "UUUUUU"), ("b/p", "DDDDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30.., b 30.."]);
    ends(&mut service, 300, declared, 290);
    assert_eq!(send_due(&mut service), ["uptime: a 30..290"]);
    nothing_contradicts(&mut service);
}

/// Work from 90 s for ten minutes, of which `a` may be down for five; it is down from 120 s on.
fn at_work() -> Service {
    let mut a = system("a");
    a.windows = vec![rule("work", "00:01:30", 600, Some(300))];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UUUUDDDD")]);
    assert_eq!(send_due(&mut service), [""; 0]);
    service
}

/// The windows of each outage in the month's report.
fn why(service: &Service) -> Vec<Vec<String>> {
    let report = monthly(&service.record, "ops", "2026-10".parse().unwrap(), "00").unwrap();
    let plain = |text: &String| text.replace('\u{a0}', " ");
    let outages = report.outages.iter();
    let why = outages.map(|o| o.why_unplanned.iter().map(plain).collect());
    why.collect()
}

#[test]
fn what_is_declared_of_planned_downtime_is_no_overrun_of_what_the_window_allows() {
    let mut service = at_work();
    let declared = declare(&mut service, 235, 230, None);
    assert_eq!(send_due(&mut service), ["downtime: a 230.."]);
    service.draw(240, &[("a/p", "DDUU")]);
    assert_eq!(send_due(&mut service), [""; 0]);
    ends(&mut service, 340, declared, 335);
    assert_eq!(send_due(&mut service), ["uptime: a 230..335"]);
    assert_eq!(service.record.incidents.all().count(), 1);
    let planned = "up 235 degraded 0 planned 110 excluded 0 unplanned 105 unknown 0";
    service.draw(360, &[("a/p", "UUUU")]);
    assert_eq!(service.figures("a", 0, 450), planned);
    let said = |what: &str| {
        let window = "Work work of 2026-10-01";
        vec![format!(
            "{window}: a person declared {what}; a declared outage is always unplanned"
        )]
    };
    assert_eq!(why(&service), [said(&declared.to_string()), said("it")]);
    nothing_contradicts(&mut service);
}

#[test]
fn what_is_declared_of_planned_downtime_is_over_for_customers_when_the_work_leaves_it_up() {
    let mut service = at_work();
    let declared = declare(&mut service, 235, 230, None);
    assert_eq!(send_due(&mut service), ["downtime: a 230.."]);
    service.draw(240, &[("a/p", "D")]);
    ends(&mut service, 250, declared, 245);
    // The work goes on: nobody says that the system is up, and then not that it was.
    assert_eq!(send_due(&mut service), [""; 0]);
    service.draw(270, &[("a/p", "DUU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 230..300"]);
    let up = service.messages().into_iter().next_back().unwrap();
    assert_eq!(up.notice.affected[0].down_s, Some(70));
    service.draw(360, &[("a/p", "UUUU")]);
    let figures = "up 210 degraded 0 planned 165 excluded 0 unplanned 15 unknown 0";
    assert_eq!(service.figures("a", 0, 390), figures);
    nothing_contradicts(&mut service);
}

#[test]
fn nor_is_what_was_declared_as_over_within_it() {
    let mut service = at_work();
    declare(&mut service, 235, 150, Some(200));
    assert_eq!(send_due(&mut service), [""; 0]);
    service.draw(240, &[("a/p", "DDUU")]);
    assert_eq!(send_due(&mut service), [""; 0]);
    assert_eq!(service.record.incidents.all().count(), 1);
    nothing_contradicts(&mut service);
}

#[test]
fn nor_is_what_the_probes_confirm_of_it_later() {
    let mut a = system("a");
    a.windows = vec![rule("work", "00:01:30", 600, Some(300))];
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UUUUD")]);
    let declared = declare(&mut service, 130, 100, None);
    service.draw(150, &[("a/p", "DDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 100.."]);
    service.draw(270, &[("a/p", "UU")]);
    ends(&mut service, 320, declared, 310);
    assert_eq!(send_due(&mut service), ["uptime: a 100..310"]);
    assert_eq!(service.record.incidents.all().count(), 1);
    nothing_contradicts(&mut service);
}

#[test]
fn but_the_window_is_outlasted_by_what_it_no_longer_allows() {
    let mut service = at_work();
    let declared = declare(&mut service, 235, 150, Some(200));
    // 50 s of it are declared and use nothing up that another second could have had: the first
    // five minutes of what was seen are the window's.
    service.draw(240, &[("a/p", "DDDDDDD")]);
    assert_eq!(send_due(&mut service), ["maintenance-overrun: a 420.."]);
    assert_eq!(service.record.outages.get(&declared).unwrap().overrun, None);
    service.draw(450, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service).len(), 1);
    nothing_contradicts(&mut service);
}
