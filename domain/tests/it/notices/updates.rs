//! Section 9: updates while an outage goes on, and the correction of a false alarm.
use crate::service::{Service, catalogue, send_due, system};
use domain::act::{Act, Selector};
use domain::catalogue::Customer;
use domain::event::Delivery;
use domain::incident::Phase;
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn update(text: &str) -> Act {
    Act::Update {
        incident: Selector::System("a".into()),
        text: text.into(),
        public: true,
        phase: None,
        estimate: None,
    }
}

fn internal(text: &str) -> Act {
    Act::Update {
        incident: Selector::System("a".into()),
        text: text.into(),
        public: false,
        phase: None,
        estimate: None,
    }
}

fn correct(reason: &str) -> Act {
    Act::Correct {
        incident: Selector::System("a".into()),
        reason: reason.into(),
    }
}

/// `a` is down since second 30, and its customer knows.
fn down() -> Service {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    service
}

#[test]
fn an_update_reaches_the_customers_of_the_incidents_systems() {
    let mut service = down();
    service.act_at(100, "ann", update("We replace the disk."));
    let due = service.only_due();
    assert_eq!(
        due.references.len(),
        1,
        "it continues the downtime's thread"
    );
    assert_eq!(
        send_due(&mut service),
        [r#"update: a .. "We replace the disk.""#]
    );
    assert!(service.is_quiet());
}

#[test]
fn a_note_for_staff_reaches_no_customer() {
    let mut service = down();
    service.act_at(100, "ann", internal("The vendor was called."));
    assert!(service.is_quiet());
    assert_eq!(
        service.record.incidents.all().next().unwrap().updates.len(),
        1
    );
}

#[test]
fn an_update_waits_until_the_downtime_was_told() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    // The notice about `a` waits for the bad run of `b`.
    service.draw(0, &[("b/p", "UUUD"), ("a/p", "UDDD")]);
    service.act_at(92, "ann", update("We look at it."));
    assert!(service.due().is_empty());
    service.draw(120, &[("a/p", "D"), ("b/p", "U")]);
    assert_eq!(
        send_due(&mut service),
        ["downtime: a 30..", r#"update: a .. "We look at it.""#]
    );
}

#[test]
fn updates_that_could_not_leave_are_one_message_in_the_order_of_their_posting() {
    let mut service = down();
    service.act_at(100, "ann", update("First."));
    service.deliver_due(Delivery::Deferred);
    service.act_at(110, "kim", update("Second."));
    service.tick(1_000);
    assert_eq!(
        send_due(&mut service),
        [r#"update: a .. "First." "Second.""#]
    );
    assert!(service.is_quiet());
}

#[test]
fn an_update_that_was_lost_is_sent_once_more_as_it_was() {
    let mut service = down();
    service.act_at(100, "ann", update("First."));
    let lost = service.deliver_due(Delivery::Ambiguous);
    service.tick(1_000);
    assert_eq!(service.deliver_due(Delivery::Accepted), lost);
    assert!(service.is_quiet());
}

#[test]
fn what_was_written_before_the_recovery_leaves_before_it() {
    let mut service = down();
    service.act_at(100, "ann", update("We restart it."));
    service.deliver_due(Delivery::Deferred);
    service.draw(120, &[("a/p", "UU")]);
    service.tick(1_000);
    assert_eq!(
        send_due(&mut service),
        [r#"update: a .. "We restart it.""#, "uptime: a 30..120"]
    );
}

#[test]
fn a_correction_reaches_who_was_told_and_nobody_else() {
    let mut service = down();
    let mut catalogue = catalogue(vec![system("a"), system("b")]);
    let first = catalogue.customers[0].clone();
    service.draw(120, &[("a/p", "UU")]);
    send_due(&mut service);
    catalogue.customers.push(Customer {
        id: "new".into(),
        contacts: vec!["it@new.example".into()],
        ..first.clone()
    });
    service.configure(service.second(160), catalogue);
    service.act_at(200, "ann", correct("Our own firewall."));
    let due = service.only_due();
    assert_eq!(due.recipient.address.to_string(), first.contacts[0]);
    assert_eq!(
        send_due(&mut service),
        [r#"correction: a .. "Our own firewall.""#]
    );
    assert!(service.is_quiet());
}

#[test]
fn a_correction_withdraws_updates_that_nobody_got() {
    let mut service = down();
    service.act_at(100, "ann", update("We look at it."));
    service.deliver_due(Delivery::Deferred);
    service.act_at(110, "ann", correct("A wrong password in the probe."));
    service.tick(1_000);
    assert_eq!(
        send_due(&mut service),
        [r#"correction: a .. "A wrong password in the probe.""#]
    );
    assert!(service.is_quiet());
}

#[test]
fn a_customer_who_leaves_is_owed_no_update() {
    let mut service = down();
    service.act_at(100, "ann", update("We look at it."));
    service.deliver_due(Delivery::Deferred);
    let mut without = catalogue(vec![system("a"), system("b")]);
    without.customers.clear();
    service.configure(service.second(110), without);
    service.tick(1_000);
    assert!(service.due().is_empty());
}

#[test]
fn words_that_say_nothing_true_are_refused() {
    let mut service = down();
    let resolved = Act::Update {
        incident: Selector::System("a".into()),
        text: "All is well.".into(),
        public: true,
        phase: Some(Phase::Resolved),
        estimate: None,
    };
    expect!["I-1 is not resolved: a system of it is not up"]
        .assert_eq(&service.refusal(100, "ann", resolved));
    expect!["the text of the update is missing"].assert_eq(&service.refusal(
        100,
        "ann",
        update("  "),
    ));
    let hidden = Act::Update {
        incident: Selector::System("a".into()),
        text: "Found.".into(),
        public: false,
        phase: Some(Phase::Identified),
        estimate: None,
    };
    expect!["the state is what customers see: only a public update can change it"]
        .assert_eq(&service.refusal(100, "ann", hidden));
    service.act_at(110, "ann", correct("Our own firewall."));
    expect!["I-1 was withdrawn by ann at 2026-10-01 00:01:50 UTC"].assert_eq(&service.refusal(
        120,
        "kim",
        correct("Again."),
    ));
}

#[test]
fn a_false_alarm_that_arrives_after_its_withdrawal_is_corrected_too() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Deferred);
    service.act_at(100, "ann", correct("Our own firewall."));
    service.tick(1_000);
    assert_eq!(
        send_due(&mut service),
        [
            "downtime: a 30..",
            r#"correction: a .. "Our own firewall.""#
        ]
    );
    assert!(service.is_quiet());
}

#[test]
fn an_update_does_not_come_before_the_first_word_of_an_outage_that_is_over() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Deferred);
    service.act_at(100, "ann", update("We replace the disk."));
    service.draw(120, &[("a/p", "UU")]);
    service.tick(1_000);
    assert!(service.only_due().includes_downtime);
    assert_eq!(
        send_due(&mut service),
        [
            "uptime: a 30..120",
            r#"update: a .. "We replace the disk.""#
        ]
    );
}

#[test]
fn a_lost_update_is_repeated_alone_and_the_next_one_follows() {
    let mut service = down();
    service.act_at(100, "ann", update("First."));
    let lost = service.deliver_due(Delivery::Ambiguous);
    service.act_at(110, "ann", update("Second."));
    service.tick(1_000);
    let sent = service.deliver_due(Delivery::Accepted);
    assert_eq!((sent[0], sent.len()), (lost[0], 2));
    assert!(service.is_quiet());
}

#[test]
fn a_correction_names_the_system_also_to_a_customer_that_has_it_no_longer() {
    let mut service = down();
    let mut without = catalogue(vec![system("a"), system("b")]);
    without.customers[0].systems = ["b".into()].into();
    service.configure(service.second(110), without);
    service.act_at(200, "ann", correct("Our own firewall."));
    assert_eq!(
        send_due(&mut service),
        [r#"correction: a .. "Our own firewall.""#]
    );
}
