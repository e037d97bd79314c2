//! The texts of mails to staff, and of reminders.

use domain::handling::ClockRun;
use domain::notice::{About, Affected, Alert, Kind, Named, Notice};
use domain::policy::Clock;

use super::render_tests::{at, notice, portal, quiet, said, update};

fn alert(kind: Kind, acknowledged_by: Option<&str>, about: About) -> Notice {
    let named = Affected {
        outage: None,
        from: None,
        to: None,
        reason: None,
        ..portal()
    };
    let mut mail = notice(kind, vec![named]);
    mail.recipient.name = "on-call".to_owned();
    mail.alert = Some(Alert {
        cause: 812,
        at: at("2026-10-07T03:02:20-04:00"),
        opened: Some(at("2026-10-07T02:14:20-04:00")),
        acknowledged_by: acknowledged_by.map(str::to_owned),
        about,
    });
    mail
}

fn clock(clock: Clock) -> About {
    About::Clock(ClockRun {
        clock,
        number: 1,
        severity: "critical".to_owned(),
        started: at("2026-10-07T02:14:20-04:00"),
        due: Some(at("2026-10-07T03:14:20-04:00")),
    })
}

#[test]
fn an_escalation_names_its_level_and_its_contacts() {
    let contacts = [("on-call", Some("+1 716 555 0101")), ("level-2", None)];
    let contacts = contacts.map(|(name, phone)| Named {
        name: name.to_owned(),
        phone: phone.map(str::to_owned),
    });
    let about = About::Level {
        level: 2,
        severity: "critical".to_owned(),
        contacts: contacts.into(),
        is_passed_on: true,
    };
    insta::assert_snapshot!(said(&alert(Kind::Escalation, None, about)));
}

#[test]
fn a_clock_that_is_due_says_what_meets_it() {
    let due = alert(Kind::ClockDue, Some("kim"), clock(Clock::Response));
    insta::assert_snapshot!(said(&due));
}

#[test]
fn a_clock_that_was_missed_says_when_it_was_due() {
    let missed = alert(Kind::ClockMissed, None, clock(Clock::Update));
    insta::assert_snapshot!(said(&missed));
}

#[test]
fn a_customer_who_was_not_told_has_a_telephone() {
    let about = About::NotTold {
        customer: "st-elsewhere".into(),
        name: "St. Elsewhere Hospital".to_owned(),
        addresses: vec!["it@st-elsewhere.example".to_owned()],
        phone: Some("+1 716 555 0102".to_owned()),
        since: at("2026-10-07T02:14:20-04:00"),
        reply: Some("127.0.0.1:2525: RCPT: 550 5.1.1 No such user".to_owned()),
    };
    insta::assert_snapshot!(said(&alert(Kind::ToldFailed, None, about)));
}

#[test]
fn a_report_by_the_public_form_has_the_reporters_words_and_no_address() {
    let about = About::Reported {
        issue: "Signing in".to_owned(),
        text: "The second step does not end.\nSince this morning.".to_owned(),
        received: at("2026-10-07T02:14:20-04:00"),
    };
    let mut mail = alert(Kind::ProblemReported, None, about);
    mail.affected.clear();
    insta::assert_snapshot!(said(&mail));
}

#[test]
fn maintenance_reminder() {
    insta::assert_snapshot!(said(&update(
        Kind::MaintenanceReminder,
        vec![quiet(portal())]
    )));
}
