//! The clocks of an incident that goes on: deliveries that fail, and facts that people record late. The system is down
//! since second 30, which is confirmed at second 90, so its clocks are due at second 690.

use crate::service::{Service, catalogue, policy, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Catalogue, Contact, Customer};
use domain::clocks::{Outcome, Run, State};
use domain::event::{Delivery, Fact};
use domain::id::NoticeId;
use domain::incident::Incident;
use domain::policy::{
    Clock, Commitment, Commitments, Level, Measure, Period, Policy, Severity, Until,
};

const ORIGIN: &str = "2026-10-01T00:00:00Z";

/// A response and an update every 10 min. Level 2 after 10 min, level 3 after 30 min, unless acknowledged.
fn agreement() -> Policy {
    let within = Some(Commitment {
        within_s: 600,
        measure: Measure::Elapsed,
        during: Period::Always,
        estimate: false,
    });
    let level = |level, after_s, unless| Level {
        level,
        severities: Vec::new(),
        during: Period::Always,
        after_s: Some(after_s),
        measure: Measure::Elapsed,
        unless,
        contacts: vec![format!("contact-{level}")],
        cumulative: false,
    };
    let unless = Some(Until::Acknowledged);
    Policy {
        commitments: Commitments {
            severities: vec![Severity {
                id: "down".to_owned(),
                respond: within,
                update: within,
                ..Severity::default()
            }],
            escalation: vec![
                level(1, 0, None),
                level(2, 600, unless),
                level(3, 1_800, unless),
            ],
            ..Commitments::default()
        },
        ..policy("agreement", None)
    }
}

fn customer(id: &str) -> Customer {
    Customer {
        id: id.into(),
        name: id.to_uppercase(),
        zone: "UTC".into(),
        phone: None,
        webhook: None,
        contacts: vec![format!("it@{id}.example")],
        systems: vec!["a".into()],
    }
}

/// Two customers have the system.
fn configuration() -> Catalogue {
    let mut a = system("a");
    a.policy = Some("agreement".into());
    Catalogue {
        customers: vec![customer("clinic"), customer("lab")],
        policies: vec![agreement()],
        contacts: (1..=3).map(contact).collect(),
        ..catalogue(vec![a])
    }
}

fn contact(level: u8) -> Contact {
    Contact {
        id: format!("contact-{level}"),
        email: Some(format!("contact-{level}@example.org")),
        phone: None,
        webhook: None,
    }
}

fn down() -> Service {
    let mut service = Service::with(ORIGIN, configuration());
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(Delivery::Accepted);
    service
}

/// Posts an update at second 200, and begins its delivery to the clinic and the lab.
fn under_way(service: &mut Service) -> [NoticeId; 2] {
    let update = Act::Update {
        incident: Selector::System("a".into()),
        text: "We replace the disk.".into(),
        public: true,
        phase: None,
        estimate: None,
    };
    service.act_at(200, "ann", update);
    let due = service.due();
    let [clinic, lab] = due.as_slice() else {
        panic!("{due:#?}")
    };
    [service.begin_attempt(clinic), service.begin_attempt(lab)]
}

/// The delivery ends at that second.
fn ends(service: &mut Service, offset_s: i64, notice: NoticeId, result: Delivery) {
    service.tick(offset_s);
    service.end_attempt(notice, result);
}

fn incident(service: &Service) -> &Incident {
    service.record.incidents.all().next().unwrap()
}

/// The first run of a clock: its result, and the second of its answer.
fn first(service: &Service, clock: Clock) -> (Outcome, Option<i64>) {
    let runs = service.record.clock_runs(incident(service), service.now);
    let runs = runs.unwrap();
    let run: &Run = runs.iter().find(|run| run.clock == clock).unwrap();
    let offset = |at: jiff::Timestamp| at.duration_since(service.origin).as_secs();
    (run.result, run.answered.map(offset))
}

fn both(service: &Service) -> [(Outcome, Option<i64>); 2] {
    [Clock::Response, Clock::Update].map(|clock| first(service, clock))
}

#[test]
fn an_update_counts_when_the_last_of_its_recipients_has_it() {
    let mut service = down();
    let [clinic, lab] = under_way(&mut service);
    ends(&mut service, 210, clinic, Delivery::Accepted);
    assert_eq!(both(&service), [(Outcome::Running, None); 2]);
    ends(&mut service, 400, lab, Delivery::Accepted);
    assert_eq!(both(&service), [(Outcome::Met, Some(400)); 2]);
}

#[test]
fn a_last_recipient_whose_server_rejects_it_is_not_waited_for() {
    let mut service = down();
    let [clinic, lab] = under_way(&mut service);
    ends(&mut service, 210, clinic, Delivery::Accepted);
    ends(&mut service, 400, lab, Delivery::Rejected);
    assert_eq!(both(&service), [(Outcome::Met, Some(400)); 2]);
    // Nor if the rejection came first.
    let mut service = down();
    let [clinic, lab] = under_way(&mut service);
    ends(&mut service, 210, lab, Delivery::Rejected);
    assert_eq!(both(&service), [(Outcome::Running, None); 2]);
    ends(&mut service, 400, clinic, Delivery::Accepted);
    assert_eq!(both(&service), [(Outcome::Met, Some(400)); 2]);
}

#[test]
fn a_rejection_after_the_due_instant_does_not_make_the_update_timely() {
    let mut service = down();
    let [clinic, lab] = under_way(&mut service);
    ends(&mut service, 210, clinic, Delivery::Accepted);
    ends(&mut service, 900, lab, Delivery::Rejected);
    assert_eq!(
        first(&service, Clock::Response),
        (Outcome::Missed, Some(900))
    );
}

#[test]
fn an_update_that_every_recipients_server_rejects_answers_nothing() {
    let mut service = down();
    let [clinic, lab] = under_way(&mut service);
    ends(&mut service, 210, clinic, Delivery::Rejected);
    ends(&mut service, 220, lab, Delivery::Rejected);
    service.tick(900);
    assert_eq!(both(&service), [(Outcome::Missed, None); 2]);
}

#[test]
fn a_recipient_that_is_removed_is_not_waited_for() {
    let mut service = down();
    let [clinic, lab] = under_way(&mut service);
    ends(&mut service, 210, clinic, Delivery::Accepted);
    ends(&mut service, 220, lab, Delivery::Deferred);
    let mut smaller = configuration();
    smaller.customers.truncate(1);
    service.configure(service.second(300), smaller);
    assert_eq!(both(&service), [(Outcome::Met, Some(300)); 2]);
}

#[test]
fn an_acknowledgement_that_is_typed_later_skips_no_level_that_was_notified() {
    let mut service = down();
    let typed = |counts_from, approved_by: Option<&str>| Act::Acknowledge {
        incident: Selector::System("a".into()),
        counts_from: Some(counts_from),
        approved_by: approved_by.map(str::to_owned),
    };
    let earlier = service.second(200);
    service.tick(690);
    service.deliver_due(Delivery::Accepted);
    let why = service.refusal(1_500, "ann", typed(earlier, None));
    assert!(why.contains("approved"), "{why}");
    service.act_at(1_500, "ann", typed(earlier, Some("bob")));
    service.tick(2_000);
    assert_eq!(
        levels(&service),
        [
            (1, 90, State::Notified),
            (2, 690, State::Notified),
            (3, 1_890, State::Skipped),
        ]
    );
    let acknowledged = incident(&service).acknowledged.as_ref().unwrap();
    assert_eq!(acknowledged.at, service.second(200));
    assert_eq!(acknowledged.recorded_at, service.second(1_500));
}

/// The levels with the seconds at which they were decided.
fn levels(service: &Service) -> Vec<(u8, i64, State)> {
    let events = service.events.iter();
    let levels = events.filter_map(|(_, event)| match &event.fact {
        Fact::LevelReached { level, state, .. } => {
            let offset = event.at.duration_since(service.origin).as_secs();
            Some((*level, offset, *state))
        }
        _ => None,
    });
    levels.collect()
}

/// The system is down, and each mail to staff has that result.
fn down_while_staff_gets(result: Delivery) -> Service {
    let mut service = Service::with(ORIGIN, configuration());
    service.draw(0, &[("a/p", "UDDD")]);
    service.deliver_due(result);
    service
}

#[test]
fn a_level_whose_mails_do_not_arrive_goes_on_after_five_minutes() {
    let mut service = down_while_staff_gets(Delivery::Deferred);
    service.tick(389);
    assert_eq!(levels(&service), [(1, 90, State::Notified)]);
    service.tick(3_600);
    assert_eq!(
        levels(&service),
        [
            (1, 90, State::Notified),
            (2, 390, State::PassedOn),
            (3, 690, State::PassedOn),
        ]
    );
}

#[test]
fn a_level_whose_mail_arrives_within_five_minutes_has_its_full_time() {
    for (offset, second_level) in [
        (390, (2, 690, State::Notified)),
        (391, (2, 390, State::PassedOn)),
    ] {
        let mut service = down_while_staff_gets(Delivery::Deferred);
        service.tick(offset);
        service.deliver_due(Delivery::Accepted);
        service.tick(689);
        assert_eq!(
            levels(&service).get(1).copied(),
            (offset == 391).then_some(second_level)
        );
        service.tick(690);
        assert_eq!(levels(&service)[1], second_level);
    }
}

#[test]
fn a_call_that_is_typed_later_counts_from_its_time_with_a_second_person() {
    let mut service = down();
    let typed = |counts_from, approved_by: Option<&str>| Act::Respond {
        incident: Selector::System("a".into()),
        whom: "The clinic's desk".into(),
        how: "By telephone".into(),
        estimate: None,
        counts_from,
        approved_by: approved_by.map(str::to_owned),
    };
    // As recorded: too late.
    service.act_at(1_500, "ann", typed(None, None));
    assert_eq!(
        first(&service, Clock::Response),
        (Outcome::Missed, Some(1_500))
    );
    let earlier = Some(service.second(300));
    let why = service.refusal(1_600, "ann", typed(earlier, None));
    assert!(why.contains("approved"), "{why}");
    service.act_at(1_600, "ann", typed(earlier, Some("bob")));
    assert_eq!(first(&service, Clock::Response), (Outcome::Met, Some(300)));
    // A call is no update.
    assert_eq!(first(&service, Clock::Update), (Outcome::Missed, None));
}

/// The sentences of the first page after the outage and its maintenance.
fn kept(service: &Service) -> Vec<String> {
    let month = "2026-10".parse().unwrap();
    let report = domain::report::monthly(&service.record, "ops", month, "head").unwrap();
    report.happened[2..].to_vec()
}

#[test]
fn the_first_page_says_how_many_clocks_were_missed_once_one_fell_due() {
    let mut service = down();
    assert_eq!(kept(&service), [""; 0]);
    let [clinic, lab] = under_way(&mut service);
    ends(&mut service, 210, clinic, Delivery::Accepted);
    ends(&mut service, 400, lab, Delivery::Accepted);
    let both_met = "Both service level clocks that fell due were met.";
    assert_eq!(kept(&service), [both_met]);
    // The next update is due at second 1000, and no recovery before that can be confirmed later.
    service.tick(1_500);
    let one_missed = "Of three service level clocks that fell due, one was missed.";
    assert_eq!(kept(&service), [one_missed]);
}
