//! Section 9: mails to staff. A customer who was not told for ten minutes, levels of escalation, clocks.
use crate::service::{Service, acknowledge, catalogue, policy, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Catalogue, Contact};
use domain::event::{Delivery, Fact};
use domain::notice::{About, Kind, Notice};
use domain::policy::{Commitment, Commitments, Level, Measure, Period, Severity};
use domain::record::notices::{Known, NotSent};
use expect_test::{Expect, expect};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn contact(id: &str) -> Contact {
    Contact {
        id: id.into(),
        email: Some(format!("{id}@example.org")),
        phone: None,
        webhook: None,
    }
}

/// Two systems, of which `a` has an owner, and an operator.
fn staffed() -> Catalogue {
    let mut a = system("a");
    a.owner = Some("owner".into());
    let mut all = catalogue(vec![a, system("b")]);
    all.contacts = ["desk", "lead", "owner"].map(contact).into();
    all.operators = vec!["desk".into()];
    all.customers[0].phone = Some("555 0100".into());
    all
}

/// The mails to staff so far, without those to customers.
fn alerts(service: &Service) -> Vec<&Notice> {
    let all = service.messages().into_iter().map(|o| &o.notice);
    all.filter(|n| n.kind.is_alert()).collect()
}

/// What became of each mail to staff that was owed.
fn entries(service: &Service) -> Vec<(Kind, String, Known, Option<NotSent>)> {
    let all = service.record.notices.alerts();
    all.map(|(_, to, e)| (e.kind, to.to_string(), e.known, e.not_sent))
        .collect()
}

/// Sends what is due: refuses the mail to the customer, accepts that to staff.
fn deliver(service: &mut Service, to_customer: Delivery) {
    for notice in service.due() {
        let id = service.begin_attempt(&notice);
        let is_ours = notice
            .recipient
            .address
            .to_string()
            .ends_with("example.org");
        let result = if is_ours {
            Delivery::Accepted
        } else {
            to_customer
        };
        service.end_attempt(id, result);
    }
}

/// A system that goes down at 30 and is known to be down at 90, in minutes of which mail to its customer fails.
fn untold(which: &str, result: Delivery) -> Service {
    let mut service = Service::with(ORIGIN, staffed());
    let probe = format!("{which}/p");
    service.draw(0, &[(&probe, "UDDD")]);
    deliver(&mut service, result);
    service
}

fn down(which: &str) -> String {
    format!("{which}/p")
}

#[test]
fn the_owner_is_told_of_a_customer_who_was_not_reached_for_ten_minutes() {
    let mut service = untold("a", Delivery::Deferred);
    service.draw(120, &[(&down("a"), &"D".repeat(18))]);
    deliver(&mut service, Delivery::Deferred);
    assert_eq!(
        alerts(&service).len(),
        0,
        "it is 660 and the notice is owed since 90"
    );
    service.tick(691);
    deliver(&mut service, Delivery::Deferred);
    let alert = alerts(&service)[0].clone();
    assert_eq!(alert.kind, Kind::ToldFailed);
    assert_eq!(alert.recipient.address.to_string(), "owner@example.org");
    let About::NotTold {
        customer,
        phone,
        since,
        reply,
        addresses,
        ..
    } = alert.alert.unwrap().about
    else {
        panic!("a customer was not told");
    };
    assert_eq!(customer.as_str(), "clinic");
    assert_eq!(phone.as_deref(), Some("555 0100"));
    assert_eq!(since.as_second(), service.second(90).as_second());
    assert_eq!(reply.as_deref(), Some("as drawn"));
    assert_eq!(addresses, ["it@clinic.example"]);
    // Once, though it stays undelivered, and though the service starts again.
    service.stop(2_000);
    service.start(2_010);
    service.tick(4_000);
    deliver(&mut service, Delivery::Deferred);
    assert_eq!(alerts(&service).len(), 1);
}

#[test]
fn a_rejected_notice_is_undelivered_too_and_the_operators_are_told_where_there_is_no_owner() {
    let mut service = untold("b", Delivery::Rejected);
    service.tick(691);
    deliver(&mut service, Delivery::Rejected);
    let told: Vec<_> = entries(&service);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].0, told[0].1.as_str()),
        (Kind::ToldFailed, "desk@example.org")
    );
}

#[test]
fn no_staff_is_told_of_a_notice_that_was_delivered_in_time_or_that_is_no_longer_owed() {
    let mut service = untold("a", Delivery::Deferred);
    service.tick(600);
    deliver(&mut service, Delivery::Accepted);
    service.tick(2_000);
    assert_eq!(entries(&service), []);

    // Over before the ten minutes.
    let mut service = untold("a", Delivery::Rejected);
    service.draw(120, &[(&down("a"), "UU")]);
    service.tick(2_000);
    assert_eq!(entries(&service), []);

    // Another contact of the customer was reached.
    let mut all = staffed();
    let second = "two@example.org".to_owned();
    all.customers[0].contacts.push(second);
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[(&down("a"), "UDDD")]);
    deliver(&mut service, Delivery::Rejected);
    service.tick(2_000);
    assert_eq!(entries(&service), []);
}

#[test]
fn a_mail_about_an_untold_customer_is_dropped_once_the_customer_is_told_or_the_outage_is_over() {
    let mut service = untold("a", Delivery::Deferred);
    service.tick(691);
    // The customer first: the owner's mail is pointless.
    let customer = service.due().into_iter().find(|n| n.kind == Kind::Downtime);
    let id = service.begin_attempt(&customer.unwrap());
    service.end_attempt(id, Delivery::Accepted);
    assert_eq!(
        entries(&service)[0].3,
        Some(NotSent::ToldSince),
        "{:?}",
        entries(&service)
    );
    assert!(service.is_quiet());

    let mut service = untold("a", Delivery::Rejected);
    service.tick(691);
    service.draw(720, &[(&down("a"), "UU")]);
    assert_eq!(entries(&service)[0].3, Some(NotSent::OutageOver));
    assert!(service.is_quiet());
}

#[test]
fn one_mail_names_every_system_of_which_the_customer_was_not_told() {
    let mut service = Service::with(ORIGIN, staffed());
    service.draw(0, &[(&down("a"), "UDDD"), (&down("b"), "UDDD")]);
    deliver(&mut service, Delivery::Rejected);
    service.tick(700);
    deliver(&mut service, Delivery::Rejected);
    let alerts = alerts(&service);
    assert_eq!(alerts.len(), 1);
    let systems: Vec<&str> = alerts[0].systems().map(|s| s.as_str()).collect();
    assert_eq!(systems, ["a", "b"]);
}

#[test]
fn after_a_start_the_service_tries_for_a_minute_before_it_tells_staff() {
    let mut service = untold("a", Delivery::Deferred);
    service.stop(120);
    service.start(2_000);
    service.draw(2_010, &[(&down("a"), "D")]);
    service.tick(2_050);
    assert_eq!(entries(&service), []);
    service.tick(2_060);
    assert_eq!(entries(&service).len(), 1);
}

#[test]
fn a_contact_whose_own_mail_failed_is_not_told_of_that() {
    let mut all = staffed();
    all.customers[0].contacts = vec!["owner@example.org".into()];
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[(&down("a"), "UDDD")]);
    let notice = service.only_due();
    let id = service.begin_attempt(&notice);
    service.end_attempt(id, Delivery::Rejected);
    service.tick(2_000);
    assert_eq!(entries(&service), []);
    let last = service.events.iter().rev();
    let contacts = last.clone().find_map(|(_, e)| match &e.fact {
        Fact::NoticeUndelivered { contacts, .. } => Some(contacts.clone()),
        _ => None,
    });
    assert_eq!(contacts, Some(vec![]));
}

/// Response within 10 min. Level 1 at once: desk. Level 2 after 10 min, unless resolved: lead.
fn rated() -> Catalogue {
    let level = |level: u8, after_s: i64, contact: &str| Level {
        level,
        severities: vec![],
        during: Period::Always,
        after_s: Some(after_s),
        measure: Measure::Elapsed,
        unless: (level > 1).then_some(domain::policy::Until::Resolved),
        contacts: vec![contact.into()],
        cumulative: false,
    };
    let respond = Commitment {
        within_s: 600,
        measure: Measure::Elapsed,
        during: Period::Always,
        estimate: false,
    };
    let mut agreement = policy("p", None);
    agreement.commitments = Commitments {
        severities: vec![Severity {
            id: "high".into(),
            name: None,
            when: vec![],
            respond: Some(respond),
            update: None,
            resolve: None,
            workaround: None,
        }],
        escalation: vec![level(1, 0, "desk"), level(2, 600, "lead")],
        ..Commitments::default()
    };
    let mut all = staffed();
    for system in &mut all.systems {
        system.policy = Some("p".into());
    }
    all.policies = vec![agreement];
    all
}

/// Opened at 90: the clock is due at 690, and warns at 570.
fn running() -> Service {
    let mut service = Service::with(ORIGIN, rated());
    service.draw(0, &[(&down("a"), "UDDD")]);
    service
}

fn check(service: &Service, expected: Expect) {
    let lines = entries(service).into_iter().map(|(kind, to, known, why)| {
        let why = why.map_or("", NotSent::reason);
        let known = match known {
            Known::Yes(_) => "sent",
            Known::Dropped => "not sent: ",
            _ => "owed",
        };
        format!("{kind} to {to} {known}{why}\n")
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn levels_and_clocks_are_mailed_to_their_contacts_when_they_are_reached() {
    let mut service = running();
    deliver(&mut service, Delivery::Accepted);
    service.tick(570);
    deliver(&mut service, Delivery::Accepted);
    service.tick(691);
    deliver(&mut service, Delivery::Accepted);
    // A miss is decided once a recovery before it would be known.
    service.draw(1_000, &[(&down("a"), "DDDDDD")]);
    deliver(&mut service, Delivery::Accepted);
    check(
        &service,
        expect![[r#"
            escalation to desk@example.org sent
            clock-due to owner@example.org sent
            escalation to lead@example.org sent
            clock-missed to owner@example.org sent
        "#]],
    );
    let clocks: Vec<&Notice> = alerts(&service);
    // The mail about the miss continues the thread of the warning.
    assert_eq!(clocks[3].references.len(), 1);
}

#[test]
fn an_escalation_that_did_not_leave_before_the_resolution_is_not_sent() {
    let mut service = running();
    for notice in service.due() {
        let id = service.begin_attempt(&notice);
        service.end_attempt(id, Delivery::Deferred);
    }
    service.draw(120, &[(&down("a"), "UU")]);
    check(
        &service,
        expect![[r#"
            escalation to desk@example.org not sent: the incident was resolved
        "#]],
    );
    let escalation = alerts(&service)[0].kind;
    assert_eq!(escalation, Kind::Escalation);
    service.tick(1_000);
    deliver(&mut service, Delivery::Accepted);
    assert!(service.is_quiet());
    let dropped = service.messages();
    let dropped = dropped.iter().find(|o| o.notice.kind == Kind::Escalation);
    let why = service.record.notices.not_sent(dropped.unwrap());
    assert_eq!(why, Some(NotSent::Resolved));
}

#[test]
fn a_warning_of_a_clock_that_was_answered_is_not_sent() {
    let mut service = running();
    deliver(&mut service, Delivery::Accepted);
    service.tick(570);
    let incident = Selector::System("a".into());
    let respond = Act::Respond {
        incident: incident.clone(),
        whom: "Clinic".into(),
        how: "by telephone".into(),
        estimate: None,
        counts_from: None,
        approved_by: None,
    };
    service.act_at(580, "kim", respond);
    check(
        &service,
        expect![[r#"
            escalation to desk@example.org sent
            clock-due to owner@example.org not sent: the clock was answered
        "#]],
    );
    // The acknowledgement changes nothing of that.
    service.act_at(590, "kim", acknowledge(incident));
    assert!(service.due().is_empty());
}

#[test]
fn a_contact_that_leaves_is_owed_no_mail() {
    let mut service = running();
    let mut fewer = rated();
    fewer.contacts.retain(|c| c.id != "desk");
    fewer.operators.clear();
    service.configure(service.second(100), fewer);
    check(
        &service,
        expect![[r#"
            escalation to desk@example.org not sent: the recipient is no longer concerned
        "#]],
    );
}

#[test]
fn a_mail_to_staff_that_was_lost_is_sent_once_more_as_it_was() {
    let mut service = running();
    let escalation = service.due().into_iter().find(|n| n.kind.is_alert());
    let id = service.begin_attempt(&escalation.unwrap());
    service.end_attempt(id, Delivery::Ambiguous);
    service.tick(300);
    let again = service.due().into_iter().find(|n| n.kind.is_alert());
    assert_eq!(service.begin_attempt(&again.unwrap()), id);
    service.end_attempt(id, Delivery::Accepted);
    assert_eq!(entries(&service)[0].2, Known::Yes(id));
}
