//! Who must have been told of a single window is settled when the time to tell is over: what is
//! configured or changed later decides nothing anew about seconds that have passed.
use crate::service::{Service, catalogue, key, system, told};
use domain::act::Act;
use domain::catalogue::{Catalogue, Customer, Single};
use domain::event::{Delivery, Fact};
use domain::notice::Kind;
use domain::windows::Earned;
use proptest::prelude::*;

const ORIGIN: &str = "2026-10-01T00:00:00Z";
const ALL: [&str; 3] = ["clinic", "lab", "new"];

/// One system; these are its customers.
fn configuration(customers: &[&str]) -> Catalogue {
    let mut all = catalogue(vec![system("a")]);
    let one = all.customers.remove(0);
    all.customers = customers
        .iter()
        .map(|id| Customer {
            id: (*id).into(),
            contacts: vec![format!("it@{id}.example")],
            ..one.clone()
        })
        .collect();
    all
}

/// From 300 to 600, to be told by then or by that much earlier.
fn window(service: &Service, min_notice_s: i64) -> Single {
    Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: service.second(300),
        end: service.second(600),
        max_downtime_s: None,
        min_notice_s: Some(min_notice_s),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    }
}

fn extend(service: &Service, end_s: i64, max_downtime_s: Option<i64>) -> Act {
    Act::ExtendMaintenance {
        window: "move".into(),
        end: service.second(end_s),
        max_downtime_s,
        reason: None,
    }
}

/// Everything due is delivered to those customers, and kept from the others.
fn deliver_to(service: &mut Service, customers: &[&str]) {
    for notice in service.due() {
        let customer = notice.recipient.customers().next().cloned().unwrap();
        let result = if customers.contains(&customer.as_str()) {
            Delivery::Accepted
        } else {
            Delivery::Deferred
        };
        let id = service.begin_attempt(&notice);
        service.end_attempt(id, result);
    }
}

/// A window that is scheduled at 10, with that `min_notice_s`.
fn scheduled(customers: &[&str], min_notice_s: i64) -> Service {
    let mut service = Service::with(ORIGIN, configuration(customers));
    let window = window(&service, min_notice_s);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    service
}

/// The same, and those of `reached` are notified at 20.
fn announced(customers: &[&str], reached: &[&str], min_notice_s: i64) -> Service {
    let mut service = scheduled(customers, min_notice_s);
    service.tick(20);
    deliver_to(&mut service, reached);
    service
}

/// Scheduled at 10 and told to some at 20; down from 330, up from 420 on.
fn worked(customers: &[&str], reached: &[&str]) -> Service {
    let mut service = announced(customers, reached, 0);
    service.draw(30, &[("a/p", "UUUUUUUUUUDDDUUU")]);
    service
}

fn why(service: &Service) -> Earned {
    let over = domain::span::Span::new(service.second(0), service.second(900));
    let found = service.record.windows_of(&"a".into(), over);
    found.first().unwrap().why.clone()
}

fn not_told(customers: &[&str]) -> Earned {
    Earned::NotTold(customers.iter().map(|c| (*c).into()).collect())
}

#[test]
fn who_leaves_after_the_work_was_to_be_told_of_it_all_the_same() {
    let mut service = worked(&["clinic", "lab"], &["clinic"]);
    let before = service.figures("a", 0, 480);
    assert!(
        before.contains("planned 0 excluded 0 unplanned 90"),
        "{before}"
    );
    service.configure(service.second(490), configuration(&["clinic"]));
    let extend = extend(&service, 700, None);
    service.act_at(500, "kim", extend);
    assert_eq!(service.figures("a", 0, 480), before);
    assert_eq!(why(&service), not_told(&["lab"]));
    assert!(
        service
            .record
            .window_status(&"move".into(), service.now)
            .is_some()
    );
}

#[test]
fn who_comes_after_the_work_had_not_to_be_told_of_it() {
    let mut service = worked(&["clinic", "lab"], &["clinic", "lab"]);
    let before = service.figures("a", 0, 480);
    assert!(
        before.contains("planned 90 excluded 0 unplanned 0"),
        "{before}"
    );
    service.configure(service.second(490), configuration(&ALL));
    let extend = extend(&service, 700, None);
    service.act_at(500, "kim", extend);
    assert_eq!(service.figures("a", 0, 480), before);
    service.draw(510, &[("a/p", "UUU")]);
    let of = |e: &Fact| matches!(e, Fact::Overrun { .. } | Fact::IncidentOpened { .. });
    assert!(!service.events.iter().any(|(_, e)| of(&e.fact)));
}

#[test]
fn who_comes_in_time_is_told_and_must_have_been() {
    for reached in [true, false] {
        let mut service = announced(&["clinic"], &["clinic"], 60);
        service.configure(service.second(100), configuration(&["clinic", "new"]));
        // Another reload tells nobody twice.
        service.configure(service.second(101), configuration(&["clinic", "new"]));
        let told: Vec<String> = service.due.iter().map(|o| key(&o.notice)).collect();
        assert_eq!(
            told,
            [
                "maintenance-scheduled/move/it@clinic.example",
                "maintenance-scheduled/move/it@new.example"
            ]
        );
        deliver_to(&mut service, if reached { &["new"] } else { &[] });
        service.tick(250);
        match why(&service) {
            Earned::Told(at) => assert_eq!((reached, at), (true, service.second(101))),
            why => assert_eq!((reached, why), (false, not_told(&["new"]))),
        }
    }
}

#[test]
fn who_comes_too_late_is_told_and_had_not_to_be() {
    let mut service = announced(&["clinic"], &["clinic"], 60);
    service.configure(service.second(241), configuration(&["clinic", "new"]));
    assert_eq!(service.due.len(), 2);
    assert_eq!(why(&service), Earned::Told(service.second(20)));
}

#[test]
fn who_leaves_in_time_need_not_be_told_and_who_left_late_can_be() {
    let mut service = announced(&["clinic", "lab"], &["clinic"], 60);
    service.configure(service.second(240), configuration(&["clinic"]));
    assert_eq!(why(&service), Earned::Told(service.second(20)));
    service.configure(service.second(241), configuration(&["clinic", "lab"]));
    assert_eq!(why(&service), Earned::Told(service.second(20)));
    assert_eq!(
        service.refusal(242, "kim", told("move", "nobody")),
        "there is no customer `nobody`"
    );

    let mut service = worked(&["clinic", "lab"], &["clinic"]);
    service.configure(service.second(490), configuration(&["clinic"]));
    let earlier = Act::Told {
        window: "move".into(),
        customer: "lab".into(),
        how: "by telephone".into(),
        counts_from: Some(service.second(200)),
        approved_by: Some("lee".into()),
    };
    service.act_at(495, "kim", earlier);
    assert_eq!(why(&service), Earned::Told(service.second(200)));
}

/// The addresses that each were told of the window, in order.
fn heard(service: &Service) -> Vec<String> {
    let notices = service.due.iter();
    let heard = notices.map(|o| {
        let to = &o.notice.recipient;
        let who: Vec<&str> = to.customers().map(|c| c.as_str()).collect();
        format!("{} {}", who.join("+"), to.address)
    });
    heard.collect()
}

#[test]
fn who_comes_hears_nothing_of_work_that_is_off_and_of_work_that_goes_on_that_it_has_started() {
    for off in [true, false] {
        let mut service = announced(&["clinic"], &["clinic"], 60);
        if off {
            let cancel = Act::CancelMaintenance {
                window: "move".into(),
                reason: "not needed".into(),
            };
            service.act_at(30, "kim", cancel);
        } else {
            service.tick(310);
        }
        let both = configuration(&["clinic", "new"]);
        service.configure(service.second(if off { 40 } else { 320 }), both);
        let notices = service.due.iter().map(|o| &o.notice);
        let new = notices.filter(|n| n.recipient.customers().any(|c| c.as_str() == "new"));
        let kinds: Vec<_> = new.map(|n| n.kind).collect();
        let wanted: &[Kind] = if off {
            &[]
        } else {
            &[Kind::MaintenanceStarted]
        };
        assert_eq!(kinds, wanted);
    }
}

#[test]
fn whom_a_person_has_told_gets_no_mail_of_it_after_a_reload() {
    let mut service = scheduled(&["clinic"], 60);
    // One that has no address when it comes, and is called.
    let mut both = configuration(&["clinic", "new"]);
    let address = std::mem::take(&mut both.customers[1].contacts);
    service.configure(service.second(20), both.clone());
    service.act_at(30, "kim", told("move", "new"));
    both.customers[1].contacts = address;
    service.configure(service.second(40), both);
    assert_eq!(heard(&service), ["clinic it@clinic.example"]);
}

#[test]
fn another_customer_at_the_same_address_is_told_for_itself() {
    let mut service = scheduled(&["clinic"], 60);
    let mut both = configuration(&["clinic", "new"]);
    service.configure(service.second(20), both.clone());
    let before = ["clinic it@clinic.example", "new it@new.example"];
    assert_eq!(heard(&service), before);
    // It moves to an address that another one has: one message tells both.
    let shared = both.customers[0].contacts.clone();
    both.customers[1].contacts.clone_from(&shared);
    service.configure(service.second(30), both);
    service.only_due();
    deliver_to(&mut service, &["clinic"]);
    service.tick(250);
    assert_eq!(why(&service), Earned::Told(service.second(30)));

    // The address was told before: it is told once more, for the other.
    let mut service = Service::with(ORIGIN, configuration(&["clinic"]));
    let window = self::window(&service, 60);
    service.act_at(10, "kim", Act::ScheduleMaintenance(window));
    deliver_to(&mut service, &["clinic"]);
    let mut both = configuration(&["clinic", "new"]);
    both.customers[1].contacts = shared;
    service.configure(service.second(20), both);
    assert_eq!(service.only_due().recipient.customers().count(), 2);
    deliver_to(&mut service, &["clinic"]);
    service.tick(250);
    assert_eq!(why(&service), Earned::Told(service.second(20)));
}

#[test]
fn of_work_that_comes_too_late_those_must_be_told_who_are_there_when_it_is_made() {
    let mut service = Service::with(ORIGIN, configuration(&["clinic"]));
    service.configure(service.second(100), configuration(&["clinic", "lab"]));
    let window = window(&service, 250);
    service.act_at(200, "kim", Act::ScheduleMaintenance(window));
    assert_eq!(why(&service), not_told(&["clinic", "lab"]));
}

#[test]
fn an_allowance_that_may_have_been_used_is_not_lowered() {
    let mut service = worked(&["clinic"], &["clinic"]);
    let lower = extend(&service, 700, Some(30));
    let why = service.refusal(500, "kim", lower);
    assert!(
        why.starts_with("window move began at 2026-10-01 00:05:00 UTC: an allowance that may have"),
        "{why}"
    );
}

#[test]
fn an_allowance_that_was_lowered_and_raised_again_too_late_stays_lowered() {
    let mut service = announced(&["clinic"], &["clinic"], 0);
    // Nobody is told of this in time.
    let lower = extend(&service, 600, Some(60));
    service.act_at(30, "kim", lower);
    service.draw(60, &[("a/p", "UUUUUUUUUDDDUUU")]);
    let before = service.figures("a", 0, 480);
    assert!(
        before.contains("planned 60 excluded 0 unplanned 30"),
        "{before}"
    );
    let raise = extend(&service, 600, Some(300));
    service.act_at(500, "kim", raise);
    assert_eq!(service.figures("a", 0, 480), before);
}

/// What may follow the work: a configuration with other customers, or the window changed.
#[derive(Clone, Debug)]
enum Later {
    Configure(Vec<&'static str>),
    Extend(i64, Option<i64>),
    Deliver(Vec<&'static str>),
    Samples(&'static str),
}

fn some() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(ALL.to_vec(), 0..=3)
}

fn later() -> impl Strategy<Value = Later> {
    let limit = prop::option::of(prop::sample::select(vec![0, 30, 60, 120, 250]));
    prop_oneof![
        2 => some().prop_map(Later::Configure),
        2 => (400i64..1200, limit).prop_map(|(end, limit)| Later::Extend(end, limit)),
        1 => some().prop_map(Later::Deliver),
        2 => prop::sample::select(vec!["DDD", "UUU"]).prop_map(Later::Samples),
    ]
}

fn take(service: &mut Service, offset_s: i64, step: &Later) {
    match step {
        Later::Configure(customers) => {
            service.configure(service.second(offset_s), configuration(customers));
        }
        Later::Extend(end_s, limit) => {
            let act = extend(service, *end_s, *limit);
            // Many are refused; which does not matter.
            let _ = service.act(service.second(offset_s), "kim", act);
        }
        Later::Deliver(customers) => {
            service.tick(offset_s);
            deliver_to(service, customers);
        }
        Later::Samples(row) => service.draw(offset_s, &[("a/p", row)]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300,
        failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// Before the work anything may happen; once it has begun, nothing decides anew about seconds
    /// that have passed.
    #[test]
    fn nothing_that_follows_decides_anew_about_seconds_that_have_passed(
        customers in some(),
        before in prop::collection::vec(later(), 0..4),
        after in prop::collection::vec(later(), 1..10),
    ) {
        let mut service = announced(&customers, &customers, 60);
        for (n, step) in before.iter().enumerate() {
            take(&mut service, 60 + 60 * i64::try_from(n).unwrap(), step);
        }
        service.draw(300, &[("a/p", "UDDDUU")]);
        for (n, step) in after.iter().enumerate() {
            let offset_s = 480 + 91 * i64::try_from(n).unwrap();
            service.tick(offset_s - 1);
            // Confirmed samples count from the first of them.
            let until_s = offset_s - 181;
            let until = service.figures("a", 0, until_s);
            take(&mut service, offset_s, step);
            prop_assert_eq!(service.figures("a", 0, until_s), until, "{:?} at {}", step, offset_s);
        }
    }
}

#[test]
fn an_allowance_that_changes_while_the_first_mail_is_under_way_is_announced_too() {
    let mut service = scheduled(&["clinic"], 60);
    let [first] = &service.due()[..] else {
        panic!("one announcement is due")
    };
    let id = service.begin_attempt(first);
    let less = extend(&service, 600, Some(200));
    service.act_at(25, "kim", less);
    service.end_attempt(id, Delivery::Accepted);
    let [next] = &service.due()[..] else {
        panic!("the change is due")
    };
    assert_eq!(next.kind, Kind::MaintenanceChanged);
    assert_eq!(next.window.as_ref().unwrap().max_downtime_s, Some(200));
}
