//! Reports by the public form: the receipt and the updates that the person gets, and the mail to staff.
use crate::service::{Service, catalogue, policy, system};
use domain::act::{Act, Selector};
use domain::catalogue::{Catalogue, Contact};
use domain::event::{Delivery, Fact};
use domain::handling::Form;
use domain::mailbox::Address;
use domain::notice::{Kind, Role};
use domain::policy::{Commitment, Commitments, Measure, Period, Request, Severity};
use domain::record::notices::Known;

const ORIGIN: &str = "2026-10-01T00:00:00Z";

/// One system without a policy, and a policy that reports by the form fall under.
fn staffed() -> Catalogue {
    let mut all = catalogue(vec![system("a")]);
    all.contacts = vec![Contact {
        id: "desk".into(),
        email: Some("desk@example.org".into()),
        phone: None,
        webhook: None,
    }];
    all.operators = vec!["desk".into()];
    all.policies.push(domain::policy::Policy {
        commitments: Commitments {
            severities: vec![Severity {
                id: "request".into(),
                respond: Some(Commitment {
                    within_s: 3_600,
                    measure: Measure::Elapsed,
                    during: Period::Always,
                    estimate: false,
                }),
                ..Severity::default()
            }],
            ..Commitments::default()
        },
        ..policy("support", None)
    });
    all
}

fn report(reporter: i64) -> Act {
    Act::ReportProblem {
        customer: None,
        systems: Vec::new(),
        request: Request::Problem,
        text: "The results do not open.".into(),
        reporter: String::new(),
        received: None,
        phone: false,
        form: Some(Form {
            reporter,
            issue: "Sign-in".into(),
            policy: Some("support".into()),
        }),
    }
}

fn update(text: &str) -> Act {
    Act::Update {
        incident: Selector::from("I-1"),
        text: text.into(),
        public: true,
        phase: None,
        estimate: None,
    }
}

/// Sends what is due with this result, and returns each kind with its address.
fn deliver(service: &mut Service, result: Delivery) -> Vec<(Kind, String)> {
    let due = service.due();
    let sent = due.iter();
    let sent = sent.map(|n| (n.kind, n.recipient.address.to_string()));
    let sent = sent.collect();
    for notice in due {
        let id = service.begin_attempt(&notice);
        service.end_attempt(id, result);
    }
    sent
}

#[test]
fn a_report_runs_the_clocks_of_its_policy_and_mails_the_person_and_staff() {
    let mut service = Service::with(ORIGIN, staffed());
    service.act_at(60, "public form", report(7));
    let incident = service.record.incidents.all().next().unwrap();
    assert_eq!(incident.handling.severity(), Some("request"));
    assert_eq!(incident.handling.clocks.runs.len(), 1);
    assert_eq!(
        incident.handling.clocks.runs[0].due,
        Some(service.second(3_660))
    );
    let receipt = service
        .due()
        .into_iter()
        .find(|n| n.kind == Kind::ProblemReceipt);
    let receipt = receipt.unwrap();
    assert_eq!(receipt.recipient.address, Address::Reporter(7));
    assert_eq!(receipt.recipient.who, [Role::Reporter(7)].into());
    assert_eq!(receipt.words.len(), 1);
    assert_eq!(
        receipt.words[0].text, "Sign-in",
        "none of the person's words"
    );
    assert_eq!(
        deliver(&mut service, Delivery::Accepted),
        [
            (Kind::ProblemReported, "desk@example.org".to_owned()),
            (Kind::ProblemReceipt, "reporter 7".to_owned()),
        ]
    );
    assert_eq!(deliver(&mut service, Delivery::Accepted), []);
}

#[test]
fn an_update_reaches_the_person_after_the_receipt_and_answers_the_clock() {
    let mut service = Service::with(ORIGIN, staffed());
    service.act_at(60, "public form", report(7));
    service.act_at(120, "kim", update("We look at it."));
    // The receipt is lost, and is sent once more before anything else.
    assert_eq!(
        deliver(&mut service, Delivery::Ambiguous)[1],
        (Kind::ProblemReceipt, "reporter 7".to_owned())
    );
    service.tick(300);
    let again = service
        .due()
        .into_iter()
        .find(|n| n.kind == Kind::ProblemReceipt);
    assert!(again.is_some());
    deliver(&mut service, Delivery::Accepted);
    service.tick(301);
    assert_eq!(
        deliver(&mut service, Delivery::Accepted),
        [(Kind::Update, "reporter 7".to_owned())]
    );
    let incident = service.record.incidents.all().next().unwrap();
    assert_eq!(
        incident.handling.clocks.runs[0].answered,
        Some(service.second(301))
    );
}

#[test]
fn a_reload_and_a_withdrawal_lose_no_receipt() {
    let mut service = Service::with(ORIGIN, staffed());
    service.act_at(60, "public form", report(7));
    service.act_at(70, "kim", update("We look at it."));
    let mut other = staffed();
    other.systems[0].name = "Another name".into();
    service.configure(service.second(80), other);
    let correct = Act::Correct {
        incident: Selector::from("I-1"),
        reason: "It was a test.".into(),
    };
    service.act_at(90, "kim", correct);
    let posts = service.record.notices.post_entries();
    let own: Vec<_> = posts
        .map(|(_, to, e)| (e.kind, to.to_string(), e.known))
        .collect();
    let to = "reporter 7".to_owned();
    assert_eq!(
        own,
        [
            (Kind::ProblemReceipt, to.clone(), Known::No),
            (Kind::Update, to, Known::Dropped),
        ]
    );
    assert_eq!(
        deliver(&mut service, Delivery::Accepted)[1].0,
        Kind::ProblemReceipt
    );
}

#[test]
fn two_reports_are_two_incidents_whose_updates_go_to_both_people_once_they_are_merged() {
    let mut service = Service::with(ORIGIN, staffed());
    service.act_at(60, "public form", report(7));
    service.act_at(90, "public form", report(8));
    deliver(&mut service, Delivery::Accepted);
    deliver(&mut service, Delivery::Accepted);
    let merge = Act::Merge {
        incident: Selector::from("I-2"),
        into: Selector::from("I-1"),
        reason: "the same".into(),
    };
    service.act_at(120, "kim", merge);
    service.act_at(130, "kim", update("It works again."));
    assert_eq!(
        deliver(&mut service, Delivery::Accepted),
        [
            (Kind::Update, "reporter 7".to_owned()),
            (Kind::Update, "reporter 8".to_owned()),
        ]
    );
}

#[test]
fn a_report_by_the_form_that_contradicts_itself_is_refused() {
    let mut service = Service::with(ORIGIN, staffed());
    type Change = dyn Fn(&mut Option<domain::id::CustomerId>, &mut String, &mut Option<Form>);
    let changed = |change: &Change| {
        let mut act = report(7);
        if let Act::ReportProblem {
            customer,
            reporter,
            form,
            ..
        } = &mut act
        {
            change(customer, reporter, form);
        }
        act
    };
    for (act, why) in [
        (
            changed(&|customer, _, _| *customer = Some("clinic".into())),
            "a report by the public form names no customer: leave the customer out",
        ),
        (
            changed(&|_, reporter, _| "Ann Lee".clone_into(reporter)),
            "a report by the public form names its reporter by number: leave the name out",
        ),
        (
            changed(&|_, _, form| *form = None),
            "a customer is missing: name the customer who reports it",
        ),
        (
            changed(&|_, _, form| {
                if let Some(form) = form {
                    form.policy = Some("suport".into());
                }
            }),
            "there is no policy `suport`, did you mean `support`?",
        ),
    ] {
        assert_eq!(service.refusal(60, "public form", act), why);
    }
    let mut facts = service.events.iter().map(|(_, event)| &event.fact);
    assert!(!facts.any(|fact| matches!(fact, Fact::ProblemReported { .. })));
}
