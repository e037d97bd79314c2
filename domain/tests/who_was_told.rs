//! Who must have been told of a single window is settled when the time to tell is over: what is
//! configured or changed later decides nothing anew about seconds that have passed.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod common;

use common::{House, catalogue, system, told};
use domain::act::Act;
use domain::catalogue::{Catalogue, Customer, Single};
use domain::event::{Delivery, Fact};
use domain::notice::Kind;
use domain::outbox;
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
fn window(house: &House, min_notice_s: i64) -> Single {
    Single {
        id: "move".into(),
        systems: vec!["a".into()],
        title: "Move".into(),
        impact: None,
        start: house.second(300),
        end: house.second(600),
        max_downtime_s: None,
        min_notice_s: Some(min_notice_s),
        start_grace_s: None,
        override_reason: None,
    }
}

fn extend(house: &House, end_s: i64, max_downtime_s: Option<i64>) -> Act {
    Act::ExtendMaintenance {
        window: "move".into(),
        end: house.second(end_s),
        max_downtime_s,
        reason: None,
    }
}

/// Everything due is delivered to those customers, and kept from the others.
fn deliver_to(house: &mut House, customers: &[&str]) {
    for id in outbox::due(&house.record, house.now) {
        let customer = house.record.notices[&id].notice.customer.clone();
        let result = if customers.contains(&customer.as_str()) {
            Delivery::Accepted
        } else {
            Delivery::Deferred
        };
        house.begin(id);
        house.end(id, result);
    }
}

/// Scheduled at 10 and told to some at 20; down from 330, up from 420 on.
fn worked(customers: &[&str], reached: &[&str]) -> House {
    let mut house = House::with(ORIGIN, configuration(customers));
    let window = window(&house, 0);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    house.tick(20);
    deliver_to(&mut house, reached);
    house.draw(30, &[("a/p", "UUUUUUUUUUDDDUUU")]);
    house
}

fn why(house: &House) -> Earned {
    let over = domain::span::Span::new(house.second(0), house.second(900));
    let found = house.record.windows_of(&"a".into(), over);
    found.first().unwrap().why.clone()
}

fn not_told(customers: &[&str]) -> Earned {
    Earned::NotTold(customers.iter().map(|c| (*c).into()).collect())
}

#[test]
fn who_leaves_after_the_work_was_to_be_told_of_it_all_the_same() {
    let mut house = worked(&["clinic", "lab"], &["clinic"]);
    let before = house.figures("a", 0, 480);
    assert!(
        before.contains("planned 0 excluded 0 unplanned 90"),
        "{before}"
    );
    house.configure(house.second(490), configuration(&["clinic"]));
    let extend = extend(&house, 700, None);
    house.acts(500, "kim", extend);
    assert_eq!(house.figures("a", 0, 480), before);
    assert_eq!(why(&house), not_told(&["lab"]));
    assert!(house.record.outlook(&"move".into(), house.now).is_some());
}

#[test]
fn who_comes_after_the_work_had_not_to_be_told_of_it() {
    let mut house = worked(&["clinic", "lab"], &["clinic", "lab"]);
    let before = house.figures("a", 0, 480);
    assert!(
        before.contains("planned 90 excluded 0 unplanned 0"),
        "{before}"
    );
    house.configure(house.second(490), configuration(&ALL));
    let extend = extend(&house, 700, None);
    house.acts(500, "kim", extend);
    assert_eq!(house.figures("a", 0, 480), before);
    house.draw(510, &[("a/p", "UUU")]);
    let of = |e: &Fact| matches!(e, Fact::Overrun { .. } | Fact::IncidentOpened { .. });
    assert!(!house.events.iter().any(|(_, e)| of(&e.fact)));
}

#[test]
fn who_comes_in_time_is_told_and_must_have_been() {
    for reached in [true, false] {
        let mut house = House::with(ORIGIN, configuration(&["clinic"]));
        let window = window(&house, 60);
        house.acts(10, "kim", Act::ScheduleMaintenance { window });
        house.tick(20);
        deliver_to(&mut house, &["clinic"]);
        house.configure(house.second(100), configuration(&["clinic", "new"]));
        // Another reload tells nobody twice.
        house.configure(house.second(101), configuration(&["clinic", "new"]));
        let told: Vec<String> = house
            .record
            .notices
            .values()
            .map(|o| o.notice.key.clone())
            .collect();
        assert_eq!(
            told,
            [
                "maintenance-scheduled/move/it@clinic.example/1",
                "maintenance-scheduled/move/it@new.example/1"
            ]
        );
        deliver_to(&mut house, if reached { &["new"] } else { &[] });
        house.tick(250);
        match why(&house) {
            Earned::Told(at) => assert_eq!((reached, at), (true, house.second(101))),
            why => assert_eq!((reached, why), (false, not_told(&["new"]))),
        }
    }
}

#[test]
fn who_comes_too_late_is_told_and_had_not_to_be() {
    let mut house = House::with(ORIGIN, configuration(&["clinic"]));
    let window = window(&house, 60);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    house.tick(20);
    deliver_to(&mut house, &["clinic"]);
    house.configure(house.second(241), configuration(&["clinic", "new"]));
    assert_eq!(house.record.notices.len(), 2);
    assert_eq!(why(&house), Earned::Told(house.second(20)));
}

#[test]
fn who_leaves_in_time_need_not_be_told_and_who_left_late_can_be() {
    let mut house = House::with(ORIGIN, configuration(&["clinic", "lab"]));
    let window = window(&house, 60);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    house.tick(20);
    deliver_to(&mut house, &["clinic"]);
    house.configure(house.second(240), configuration(&["clinic"]));
    assert_eq!(why(&house), Earned::Told(house.second(20)));
    house.configure(house.second(241), configuration(&["clinic", "lab"]));
    assert_eq!(why(&house), Earned::Told(house.second(20)));
    assert_eq!(
        house.refused(242, "kim", told("move", "nobody")),
        "there is no customer `nobody`"
    );

    let mut house = worked(&["clinic", "lab"], &["clinic"]);
    house.configure(house.second(490), configuration(&["clinic"]));
    let earlier = Act::Told {
        window: "move".into(),
        customer: "lab".into(),
        how: "by telephone".into(),
        counts_from: Some(house.second(200)),
        approved_by: Some("lee".into()),
    };
    house.acts(495, "kim", earlier);
    assert_eq!(why(&house), Earned::Told(house.second(200)));
}

/// The addresses that each were told of the window, in order.
fn heard(house: &House) -> Vec<String> {
    let notices = house.record.notices.values();
    let heard = notices.map(|o| format!("{} {}", o.notice.customer, o.notice.recipient));
    heard.collect()
}

#[test]
fn who_comes_hears_nothing_of_work_that_is_off_and_of_work_that_goes_on_that_it_has_started() {
    for off in [true, false] {
        let mut house = House::with(ORIGIN, configuration(&["clinic"]));
        let window = window(&house, 60);
        house.acts(10, "kim", Act::ScheduleMaintenance { window });
        house.tick(20);
        deliver_to(&mut house, &["clinic"]);
        if off {
            let cancel = Act::CancelMaintenance {
                window: "move".into(),
                reason: Some("not needed".into()),
            };
            house.acts(30, "kim", cancel);
        } else {
            house.tick(310);
        }
        let both = configuration(&["clinic", "new"]);
        house.configure(house.second(if off { 40 } else { 320 }), both);
        let notices = house.record.notices.values().map(|o| &o.notice);
        let new = notices.filter(|n| n.customer.as_str() == "new");
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
    let mut house = House::with(ORIGIN, configuration(&["clinic"]));
    let window = window(&house, 60);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    // One that has no address when it comes, and is called.
    let mut both = configuration(&["clinic", "new"]);
    let address = std::mem::take(&mut both.customers[1].contacts);
    house.configure(house.second(20), both.clone());
    house.acts(30, "kim", told("move", "new"));
    both.customers[1].contacts = address;
    house.configure(house.second(40), both);
    assert_eq!(heard(&house), ["clinic it@clinic.example"]);
}

#[test]
fn another_customer_at_the_same_address_is_told_for_itself() {
    let mut house = House::with(ORIGIN, configuration(&["clinic"]));
    let window = window(&house, 60);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    let mut both = configuration(&["clinic", "new"]);
    house.configure(house.second(20), both.clone());
    let before = ["clinic it@clinic.example", "new it@new.example"];
    assert_eq!(heard(&house), before);
    // It moves to an address at which another one was told.
    let shared = both.customers[0].contacts.clone();
    both.customers[1].contacts.clone_from(&shared);
    house.configure(house.second(30), both);
    assert_eq!(heard(&house)[2..], ["new it@clinic.example"]);

    let mut house = House::with(ORIGIN, configuration(&["clinic"]));
    let window = self::window(&house, 60);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    let mut both = configuration(&["clinic", "new"]);
    both.customers[1].contacts = shared;
    house.configure(house.second(20), both);
    assert_eq!(heard(&house)[1..], ["new it@clinic.example"]);
}

#[test]
fn of_work_that_comes_too_late_those_must_be_told_who_are_there_when_it_is_made() {
    let mut house = House::with(ORIGIN, configuration(&["clinic"]));
    house.configure(house.second(100), configuration(&["clinic", "lab"]));
    let window = window(&house, 250);
    house.acts(200, "kim", Act::ScheduleMaintenance { window });
    assert_eq!(why(&house), not_told(&["clinic", "lab"]));
}

#[test]
fn an_allowance_that_may_have_been_used_is_not_lowered() {
    let mut house = worked(&["clinic"], &["clinic"]);
    let lower = extend(&house, 700, Some(30));
    let why = house.refused(500, "kim", lower);
    assert!(
        why.starts_with("window move began at 2026-10-01T00:05:00Z: an allowance that may have"),
        "{why}"
    );
}

#[test]
fn an_allowance_that_was_lowered_and_raised_again_too_late_stays_lowered() {
    let mut house = House::with(ORIGIN, configuration(&["clinic"]));
    let window = window(&house, 0);
    house.acts(10, "kim", Act::ScheduleMaintenance { window });
    house.tick(20);
    deliver_to(&mut house, &["clinic"]);
    // Nobody is told of this in time.
    let lower = extend(&house, 600, Some(60));
    house.acts(30, "kim", lower);
    house.draw(60, &[("a/p", "UUUUUUUUUDDDUUU")]);
    let before = house.figures("a", 0, 480);
    assert!(
        before.contains("planned 60 excluded 0 unplanned 30"),
        "{before}"
    );
    let raise = extend(&house, 600, Some(300));
    house.acts(500, "kim", raise);
    assert_eq!(house.figures("a", 0, 480), before);
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

fn take(house: &mut House, offset_s: i64, step: &Later) {
    match step {
        Later::Configure(customers) => {
            house.configure(house.second(offset_s), configuration(customers));
        }
        Later::Extend(end_s, limit) => {
            let act = extend(house, *end_s, *limit);
            // Many are refused; which does not matter.
            let _ = house.act(house.second(offset_s), "kim", act);
        }
        Later::Deliver(customers) => {
            house.tick(offset_s);
            deliver_to(house, customers);
        }
        Later::Samples(row) => house.draw(offset_s, &[("a/p", row)]),
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
        let mut house = House::with(ORIGIN, configuration(&customers));
        let window = window(&house, 60);
        house.acts(10, "kim", Act::ScheduleMaintenance { window });
        house.tick(20);
        deliver_to(&mut house, &customers);
        for (n, step) in before.iter().enumerate() {
            take(&mut house, 60 + 60 * i64::try_from(n).unwrap(), step);
        }
        house.draw(300, &[("a/p", "UDDDUU")]);
        for (n, step) in after.iter().enumerate() {
            let offset_s = 480 + 91 * i64::try_from(n).unwrap();
            house.tick(offset_s - 1);
            // Confirmed samples count from the first of them.
            let until_s = offset_s - 181;
            let until = house.figures("a", 0, until_s);
            take(&mut house, offset_s, step);
            prop_assert_eq!(house.figures("a", 0, until_s), until, "{:?} at {}", step, offset_s);
        }
    }
}
