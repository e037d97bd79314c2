//! Section 9: signed webhooks. They follow the rules of mail, but each is a channel of its own.
use crate::service::{Service, catalogue, send_due, system};
use domain::act::Act;
use domain::catalogue::{Catalogue, Contact, Single};
use domain::event::Delivery;
use domain::input::Input;
use domain::notice::{Address, Kind, Notice};
use domain::record::Standing;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

const CLINIC: &str = "https://clinic.example/nines";

const PAGER: &str = "https://pager.example/nines";

/// One system `a`, whose customer has a webhook and no mail address.
fn hooked() -> Catalogue {
    let mut all = catalogue(vec![system("a")]);
    all.customers[0].contacts.clear();
    all.customers[0].webhook = Some(CLINIC.into());
    all
}

/// An operator with a mail address and a pager.
fn staffed(mut all: Catalogue) -> Catalogue {
    all.contacts = vec![Contact {
        id: "desk".into(),
        email: Some("desk@example.org".into()),
        phone: None,
        webhook: Some(PAGER.into()),
    }];
    all.operators = vec!["desk".into()];
    all
}

fn address(url: &str) -> Address {
    Address::Webhook(url.into())
}

/// The addresses of the notices to staff that are due.
fn alerted(due: &[Notice]) -> Vec<String> {
    let all = due.iter().filter(|n| n.kind == Kind::ToldFailed);
    all.map(|n| n.recipient.address.to_string()).collect()
}

/// `a` goes down at 30 and stays down until `to`: one sample each 30 s.
fn down_until(service: &mut Service, from: i64, to: i64) {
    let count = usize::try_from((to - from) / 30).unwrap_or(0);
    service.draw(from, &[("a/p", &"D".repeat(count))]);
}

#[test]
fn a_webhook_gets_the_downtime_and_the_recovery() {
    let mut service = Service::with(ORIGIN, hooked());
    service.draw(0, &[("a/p", "UDDD")]);
    let notice = service.only_due();
    assert_eq!(notice.recipient.address, address(CLINIC));
    assert_eq!(notice.recipient.name, "Clinic");
    assert_eq!(send_due(&mut service), ["downtime: a 30.."]);
    service.draw(120, &[("a/p", "UU")]);
    assert_eq!(send_due(&mut service), ["uptime: a 30..120"]);
    assert!(service.is_quiet());
}

#[test]
fn mail_and_webhook_of_a_customer_are_two_addresses() {
    let mut all = hooked();
    all.customers[0].contacts = vec!["it@clinic.example".into()];
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", "UDDD")]);
    let due = service.due();
    let to: Vec<String> = due
        .iter()
        .map(|n| n.recipient.address.to_string())
        .collect();
    assert_eq!(to, ["it@clinic.example", CLINIC]);
}

#[test]
fn a_request_that_may_have_arrived_is_repeated_under_its_id_for_two_days() {
    let mut service = Service::with(ORIGIN, hooked());
    service.draw(0, &[("a/p", "UDDD")]);
    let first = service.only_due();
    let id = service.begin_attempt(&first);
    service.end_attempt(id, Delivery::Ambiguous);
    let message_id = service.message(id).message_id.clone();
    let (mut attempts, mut seen) = (1, 120);
    while let Standing::Due(at) = service.message(id).standing {
        let due = at.duration_since(service.second(0)).as_secs();
        down_until(&mut service, seen, due);
        seen += (due - seen).max(0) / 30 * 30;
        // The pause began a fraction after a full second.
        service.tick(due + 1);
        assert_eq!(service.only_due(), first, "the same content");
        assert_eq!(service.begin_attempt(&first), id, "the same notice");
        assert_eq!(service.message(id).message_id, message_id);
        service.end_attempt(id, Delivery::Ambiguous);
        attempts += 1;
    }
    assert!(attempts > 90, "tried {attempts} times");
    let Standing::Ambiguous(at) = service.message(id).standing else {
        panic!("{:?}", service.message(id).standing);
    };
    let hours = at.duration_since(service.second(90)).as_hours();
    assert!((47..=48).contains(&hours), "gave up after {hours} h");
    // It may know of the downtime, so it is told of the recovery.
    service.draw(seen, &[("a/p", "UUU")]);
    assert_eq!(service.only_due().kind, Kind::Uptime);
}

#[test]
fn a_webhook_that_took_a_repeated_request_knows() {
    let mut service = Service::with(ORIGIN, hooked());
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Ambiguous);
    service.tick(121);
    assert_eq!(service.deliver_due(Delivery::Accepted).len(), 1);
    assert!(service.is_quiet());
}

#[test]
fn the_pause_is_at_least_as_long_as_the_receiver_asks() {
    for (asked, waits) in [(600, 600), (5, 30), (-5, 30), (86_400, 3_600)] {
        let mut service = Service::with(ORIGIN, hooked());
        service.draw(0, &[("a/p", "UDDD")]);
        let notice = service.only_due();
        let id = service.begin_attempt(&notice);
        service.input(
            service.now,
            Input::Delivered {
                notice: id,
                attempt: 1,
                result: Delivery::Deferred,
                reply: "429".into(),
                unreached: false,
                retry_after_s: Some(asked),
            },
        );
        down_until(&mut service, 120, 90 + waits);
        service.tick(90 + waits - 1);
        assert!(service.due().is_empty(), "asked for {asked} s");
        service.tick(91 + waits);
        assert_eq!(service.due().len(), 1, "asked for {asked} s");
    }
}

#[test]
fn a_delivery_to_a_webhook_does_not_wake_mail_that_no_relay_takes() {
    let mut all = hooked();
    all.customers[0].contacts = vec!["it@clinic.example".into()];
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", "UDDD")]);
    let due = service.due();
    let mail = service.begin_attempt(&due[0]);
    service.end_attempt_as(mail, Delivery::Deferred, true);
    let hook = service.begin_attempt(&due[1]);
    service.end_attempt(hook, Delivery::Accepted);
    assert!(service.due().is_empty());
}

#[test]
fn staff_is_told_of_failed_mail_by_webhook_and_of_a_failed_webhook_by_both() {
    let mut mailed = staffed(catalogue(vec![system("a")]));
    let mut service = Service::with(ORIGIN, mailed.clone());
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Rejected);
    service.tick(691);
    assert_eq!(alerted(&service.due()), [PAGER], "mail failed");

    // Without another channel, the failing one is tried.
    mailed.contacts[0].webhook = None;
    let mut service = Service::with(ORIGIN, mailed);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Rejected);
    service.tick(691);
    assert_eq!(alerted(&service.due()), ["desk@example.org"]);

    let mut service = Service::with(ORIGIN, staffed(hooked()));
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Rejected);
    service.tick(691);
    assert_eq!(alerted(&service.due()), ["desk@example.org", PAGER]);
}

#[test]
fn a_pager_is_told_by_a_service_that_sends_no_mail() {
    let mut all = staffed(hooked());
    all.mail_from = Default::default();
    let mut service = Service::with(ORIGIN, all);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Rejected);
    service.tick(691);
    assert_eq!(alerted(&service.due()), [PAGER]);
}

#[test]
fn a_window_is_earned_by_its_delivery_to_a_webhook() {
    for (result, expected) in [
        (Delivery::Accepted, "planned 90"),
        (Delivery::Ambiguous, "planned 0"),
        (Delivery::Rejected, "planned 0"),
    ] {
        let mut service = Service::with(ORIGIN, hooked());
        let window = Single {
            id: "move".into(),
            systems: vec!["a".into()],
            title: "Move".into(),
            impact: None,
            start: service.second(300),
            end: service.second(900),
            max_downtime_s: None,
            min_notice_s: None,
            start_grace_s: None,
            override_reason: None,
            announce_s: Vec::new(),
        };
        service.act_at(10, "kim", Act::ScheduleMaintenance(window));
        service.tick(20);
        assert_eq!(service.only_due().kind, Kind::MaintenanceScheduled);
        service.deliver_due(result);
        service.draw(30, &[("a/p", "UUUUUUUUUUDDDUUU")]);
        let figures = service.figures("a", 0, 480);
        assert!(figures.contains(expected), "{result:?}: {figures}");
    }
}
