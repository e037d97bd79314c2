//! Section 9: a person sends a rejected notice again, for example after the customer corrected the mailbox.
use domain::act::{Act, Selector};
use domain::catalogue::{Catalogue, Contact, Single};
use domain::event::{Delivery, Fact};
use domain::id::NoticeId;
use domain::notice::Kind;
use domain::record::Standing;

use crate::service::{Service, catalogue, send_due, system};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn resend(notice: NoticeId) -> Act {
    let reason = "the clinic has its mailbox back".to_owned();
    Act::ResendNotice { notice, reason }
}

/// `a` is down since 30; at 90 the relay rejects its `downtime` for good.
fn rejected() -> (Service, NoticeId) {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let sent = service.deliver_due(Delivery::Rejected);
    assert_eq!(sent.len(), 1);
    (service, sent[0])
}

/// Rejects everything that may leave now, and returns the first of it.
fn reject(service: &mut Service) -> NoticeId {
    service.deliver_due(Delivery::Rejected)[0]
}

#[test]
fn the_downtime_of_an_outage_that_goes_on_is_sent_once_more() {
    let (mut service, first) = rejected();
    service.draw(120, &[("a/p", "DDDDDDDDDDDD")]);
    assert!(
        service.is_quiet(),
        "a rejected notice is not sent again by itself"
    );
    service.act_at(475, "ann", resend(first));
    let last = service.events.last().unwrap();
    assert!(matches!(&last.1.fact, Fact::NoticeOwedAgain { notice, .. } if *notice == first));
    assert_eq!(last.1.by.person, "ann");
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    assert!(matches!(
        service.message(first).standing,
        Standing::Rejected(_)
    ));
    service.draw(480, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..480"]);
    assert!(service.is_quiet());
}

#[test]
fn an_outage_that_is_over_is_not_sent_as_if_it_went_on() {
    let (mut service, first) = rejected();
    service.draw(120, &[("a/p", "UUU")]);
    assert!(service.is_quiet(), "the address never heard of it");
    service.act_at(500, "ann", resend(first));
    assert!(service.only_due().includes_downtime);
    assert_eq!(send_due(&mut service), ["uptime: a 30..120"]);
    assert!(service.is_quiet());
}

#[test]
fn a_recovery_that_was_rejected_is_sent_alone_if_the_downtime_was_delivered() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UU")]);
    let up = reject(&mut service);
    service.act_at(500, "ann", resend(up));
    assert!(!service.only_due().includes_downtime);
    assert_eq!(send_due(&mut service), ["uptime: a 30..120"]);
}

#[test]
fn a_notice_that_is_rejected_once_more_can_be_sent_a_third_time_by_its_new_number() {
    let (mut service, first) = rejected();
    service.act_at(500, "ann", resend(first));
    let second = reject(&mut service);
    assert_ne!(first, second);
    let why = service.refusal(600, "ann", resend(first));
    assert!(why.contains("a later notice tells it"), "{why}");
    service.act_at(700, "ann", resend(second));
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
}

#[test]
fn an_earlier_outage_of_a_system_that_is_down_again_is_told_with_its_recovery() {
    let (mut service, first) = rejected();
    service.draw(120, &[("a/p", "UUUDDD")]);
    assert_eq!(send_due(&mut service), ["downtime: a 210.."]);
    service.act_at(275, "ann", resend(first));
    assert!(service.due().is_empty(), "no notice says that it is up");
    service.draw(300, &[("a/p", "UU")]);
    let both = ["uptime: a 30..120, a 210..300"];
    assert_eq!(send_due(&mut service), both);
    assert!(service.is_quiet());
}

#[test]
fn a_notice_is_refused_that_was_delivered_waits_or_does_not_exist() {
    let mut service = Service::new(ORIGIN, vec![system("a"), system("b")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let sent = service.deliver_due(Delivery::Accepted)[0];
    service.draw(120, &[("b/p", "UDDD")]);
    let waits = service.begin_attempt(&service.only_due());
    service.end_attempt(waits, Delivery::Deferred);
    let why = |service: &mut Service, id| service.refusal(300, "ann", resend(id));
    let ending = "not rejected: only a rejected notice is sent again";
    assert_eq!(why(&mut service, sent), format!("N-1 is sent, {ending}"));
    assert_eq!(why(&mut service, waits), format!("N-2 is queued, {ending}"));
    assert_eq!(
        why(&mut service, NoticeId(9)),
        "no notice N-9 is known; the list of notices has their ids"
    );
}

#[test]
fn a_reason_is_required() {
    let (mut service, first) = rejected();
    let act = Act::ResendNotice {
        notice: first,
        reason: " ".into(),
    };
    assert_eq!(service.refusal(300, "ann", act), "the reason is missing");
}

#[test]
fn a_recipient_that_is_no_longer_configured_is_sent_nothing() {
    let (mut service, first) = rejected();
    let mut without = catalogue(vec![system("a"), system("b")]);
    without.customers[0].contacts = vec!["new@clinic.example".into()];
    service.configure(service.second(200), without);
    let why = service.refusal(300, "ann", resend(first));
    assert_eq!(
        why,
        "the configuration no longer has a recipient of N-1 with the address it@clinic.example"
    );
}

#[test]
fn a_notice_that_may_have_arrived_is_not_sent_again() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    let down = service.begin_attempt(&service.only_due());
    service.end_attempt(down, Delivery::Ambiguous);
    service.tick(200);
    let again = service.begin_attempt(&service.only_due());
    assert_eq!(again, down);
    service.end_attempt(again, Delivery::Rejected);
    let why = service.refusal(300, "ann", resend(down));
    assert!(why.contains("or it may have arrived"), "{why}");
}

#[test]
fn an_update_is_sent_again_with_its_words_and_not_once_the_alarm_was_withdrawn() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    let incident = || Selector::System("a".into());
    let update = Act::Update {
        incident: incident(),
        text: "We replace the disk.".into(),
        public: true,
        phase: None,
        estimate: None,
    };
    service.act_at(100, "ann", update);
    let refused = reject(&mut service);
    service.act_at(200, "ann", resend(refused));
    assert_eq!(service.only_due().kind, Kind::Update);
    let refused = reject(&mut service);
    let reason = "Our own firewall.".into();
    let incident = incident();
    service.act_at(300, "ann", Act::Correct { incident, reason });
    service.deliver_due(Delivery::Accepted);
    let why = service.refusal(400, "ann", resend(refused));
    assert!(why.contains("its time has passed"), "{why}");
}

/// A window from 3,600 to 7,200 whose announcement the relay rejects.
fn announced() -> (Service, NoticeId) {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    let window = Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(3_600),
        end: service.second(7_200),
        max_downtime_s: None,
        min_notice_s: Some(1_800),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    };
    service.draw(0, &[("a/p", "UU")]);
    service.act_at(60, "kim", Act::ScheduleMaintenance(window));
    let id = reject(&mut service);
    (service, id)
}

#[test]
fn an_announcement_that_is_sent_again_in_time_earns_its_window() {
    let (mut service, refused) = announced();
    let told = |service: &Service| {
        let window = service.record.maintenance.one_off(&"move".into()).unwrap();
        window.told.len()
    };
    assert_eq!(told(&service), 0);
    service.act_at(600, "kim", resend(refused));
    assert_eq!(service.only_due().kind, Kind::MaintenanceScheduled);
    service.deliver_due(Delivery::Accepted);
    assert_eq!(told(&service), 1);
}

#[test]
fn an_announcement_is_not_sent_again_once_it_was_changed_cancelled_or_has_begun() {
    let cancel = || Act::CancelMaintenance {
        window: "move".into(),
        reason: "The part is late.".into(),
    };
    let extend = |service: &Service| Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(9_000),
        max_downtime_s: None,
        reason: None,
    };
    let (mut service, refused) = announced();
    service.act_at(600, "kim", cancel());
    let why = service.refusal(700, "kim", resend(refused));
    assert!(why.contains("its time has passed"), "cancelled: {why}");

    let (mut service, refused) = announced();
    let act = extend(&service);
    service.act_at(600, "kim", act);
    service.deliver_due(Delivery::Accepted);
    let why = service.refusal(700, "kim", resend(refused));
    assert!(why.contains("a later notice tells it"), "changed: {why}");

    let (mut service, refused) = announced();
    service.tick(3_700);
    let why = service.refusal(3_700, "kim", resend(refused));
    assert!(why.contains("its time has passed"), "begun: {why}");
}

/// An operator is told that a customer was not reached; the relay rejects that mail, too.
fn staffed() -> Catalogue {
    let mut all = catalogue(vec![system("a")]);
    all.contacts = vec![Contact {
        id: "desk".into(),
        email: Some("desk@example.org".into()),
        phone: None,
        webhook: None,
    }];
    all.operators = vec!["desk".into()];
    all
}

#[test]
fn a_mail_to_staff_is_sent_again_while_it_is_still_so() {
    let mut service = Service::with(ORIGIN, staffed());
    service.draw(0, &[("a/p", "UDDD")]);
    let down = reject(&mut service);
    service.tick(700);
    let alert = reject(&mut service);
    assert_eq!(service.message(alert).notice.kind, Kind::ToldFailed);
    service.act_at(800, "ann", resend(alert));
    assert_eq!(service.only_due().kind, Kind::ToldFailed);
    let alert = reject(&mut service);
    // The customer is told at last: nothing is left to say.
    service.act_at(900, "ann", resend(down));
    service.deliver_due(Delivery::Accepted);
    let why = service.refusal(1_000, "ann", resend(alert));
    assert!(why.contains("its time has passed"), "{why}");
}

#[test]
fn flapping_is_told_again_and_ends_with_one_recovery() {
    let mut flaps = system("a");
    flaps.flapping = domain::catalogue::Flapping {
        limit: 2,
        hold_s: 300,
    };
    let mut service = Service::new(ORIGIN, vec![flaps]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(120, &[("a/p", "UUDDD")]);
    service.draw(270, &[("a/p", "UU")]);
    let sent = service.deliver_due(Delivery::Rejected);
    let flapping = *sent.last().unwrap();
    let row = &service.message(flapping).notice.affected[0];
    assert!(row.flapping.is_some(), "{row:?}");
    service.act_at(400, "ann", resend(flapping));
    let again = service.only_due();
    assert!(again.affected[0].flapping.is_some());
    service.deliver_due(Delivery::Accepted);
    service.draw(420, &[("a/p", &"U".repeat(20))]);
    let sent = send_due(&mut service);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].starts_with("uptime"), "{sent:?}");
    assert!(service.is_quiet());
}
