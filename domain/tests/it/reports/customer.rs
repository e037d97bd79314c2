//! The report of one customer: which of its systems' outages concern it, and how it was notified.

use crate::service::{Service, catalogue, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Catalogue, Customer};
use domain::event::Delivery;
use domain::report::{CustomerReport, Period, of_customer};
use expect_test::expect;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

fn october(service: &Service, customer: &str) -> CustomerReport {
    let month = Period::Month("2026-10".parse().unwrap());
    of_customer(&service.record, customer, None, month, "00").unwrap()
}

fn lab() -> Customer {
    Customer {
        id: "lab".into(),
        name: "Lab".into(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
        contacts: vec!["it@lab.example".into()],
        systems: vec!["a".into()],
    }
}

fn with_lab() -> Catalogue {
    let mut all = catalogue(vec![system("a")]);
    all.customers.push(lab());
    all
}

/// Each outage with how the customer was notified.
fn notified(service: &Service, customer: &str) -> String {
    let report = october(service, customer);
    let since = |at: domain::report::Moment| at.at().as_second() - service.origin.as_second();
    let mut text = String::new();
    for s in &report.systems {
        let (from, to) = (s.since.map(since), s.until.map(since));
        text.push_str(&format!("{} since {from:?} until {to:?}\n", s.system));
    }
    for o in &report.outages {
        let told = o.told.map(since);
        let yours = if o.yours { "yours" } else { "not yours" };
        text.push_str(&format!(
            "{} {yours}: {} told at {told:?}, {} s unplanned, {} s excluded\n",
            o.outage,
            o.notice.word(),
            o.unplanned_s,
            o.excluded_s
        ));
    }
    text
}

#[test]
fn a_rejected_notice_is_said_although_the_downtime_was_excluded() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Rejected);
    service.draw(120, &[("a/p", "UUUU")]);
    let exclude = Act::Exclude {
        outage: Selector::Id(service.record.outages.all().next().unwrap().id),
        from: service.second(30),
        to: service.second(120),
        reason: "force majeure".into(),
        evidence: "call 17".into(),
        approved_by: Some("ann".into()),
    };
    service.act_at(400, "kim", exclude);
    expect![[r#"
        a since None until None
        O-1 yours: rejected told at None, 0 s unplanned, 90 s excluded
    "#]]
    .assert_eq(&notified(&service, "clinic"));
}

#[test]
fn outages_of_the_time_when_a_customer_did_not_have_the_system_say_so() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    service.draw(0, &[("a/p", "UDDDUUU")]);
    service.configure(service.second(300), with_lab());
    service.draw(330, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service.draw(450, &[("a/p", "UUU")]);
    service.configure(service.second(600), catalogue(vec![system("a")]));
    service.draw(630, &[("a/p", "UDDDUUU")]);
    expect![[r#"
        a since Some(300) until Some(600)
        O-1 not yours: not_told told at None, 90 s unplanned, 0 s excluded
        O-2 yours: sent told at Some(420), 90 s unplanned, 0 s excluded
        O-3 not yours: not_told told at None, 90 s unplanned, 0 s excluded
    "#]]
    .assert_eq(&notified(&service, "lab"));
    expect![[r#"
        a since None until None
        O-1 yours: sent told at Some(420), 90 s unplanned, 0 s excluded
        O-2 yours: sent told at Some(420), 90 s unplanned, 0 s excluded
        O-3 yours: queued told at None, 90 s unplanned, 0 s excluded
    "#]]
    .assert_eq(&notified(&service, "clinic"));
}
