//! The life of a report: its draft, its reminders, who owes texts, who may approve.

use domain::act::{Act, Selector};
use domain::catalogue::{Catalogue, Contact, DayTime};
use domain::event::{Delivery, Fact};
use domain::id::NoticeId;
use domain::input::{FiledReport, Input};
use domain::notice::{Kind, Notice};
use domain::report::{Status, figures, monthly};
use jiff::civil::time;

use crate::service::{Service, at, catalogue, system};

const ORIGIN: &str = "2026-10-30T00:00:00Z";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// One system; drafts on the 1st at 08:00, meetings on the 10th at 14:00.
fn configured(change: impl FnOnce(&mut Catalogue)) -> Service {
    let mut catalogue = catalogue(vec![system("a")]);
    let committee = &mut catalogue.committees[0];
    committee.members = vec!["chair@ops.example".into(), "lee@ops.example".into()];
    let day = |day, hour| {
        Some(DayTime {
            day,
            time: time(hour, 0, 0, 0),
        })
    };
    committee.reporting.draft = day(1, 8);
    committee.reporting.meeting = day(10, 14);
    let contact = |id: &str| Contact {
        id: id.into(),
        email: Some(format!("{id}@staff.example")),
        phone: None,
        webhook: None,
    };
    catalogue.contacts = vec![contact("desk"), contact("kim"), contact("owner")];
    catalogue.operators = vec!["desk".into()];
    change(&mut catalogue);
    Service::with(ORIGIN, catalogue)
}

/// An outage of 40 s on 30 October, which kim acknowledges.
fn with_an_outage(change: impl FnOnce(&mut Catalogue)) -> Service {
    let mut service = configured(change);
    service.draw(0, &[("a/p", "UUDDDDUUUU")]);
    service
}

fn acknowledge(service: &mut Service, offset_s: i64, by: &str) {
    let act = Act::Acknowledge {
        incident: Selector::System("a".into()),
        counts_from: None,
        approved_by: None,
    };
    service.act_at(offset_s, by, act);
}

fn review(service: &mut Service, offset_s: i64, by: &str) {
    let text = |text: &str| Some(text.to_owned());
    let act = Act::Review {
        incident: Selector::System("a".into()),
        summary: text("It was down."),
        root_cause: text("A full disk."),
        certainty: None,
        resolution: text("Space was made."),
        measures: vec![domain::incident::Measure {
            text: "Watch the disk.".into(),
            owner: "platform".into(),
            due: "2026-12-31".parse().unwrap(),
        }],
    };
    service.act_at(offset_s, by, act);
}

fn approve(reason: Option<&str>) -> Act {
    Act::ApproveReport {
        committee: "ops".into(),
        month: "2026-10".parse().unwrap(),
        as_of: None,
        figures: None,
        reason: reason.map(str::to_owned),
    }
}

fn revise(reason: &str) -> Act {
    Act::ReviseReport {
        committee: "ops".into(),
        month: "2026-10".parse().unwrap(),
        as_of: None,
        figures: None,
        reason: reason.to_owned(),
    }
}

/// The files of a revision are on the disk.
fn filed(revision: u32) -> Input {
    Input::FileReport(Box::new(FiledReport {
        committee: "ops".into(),
        month: "2026-10".parse().unwrap(),
        revision,
        files: Vec::new(),
        renderer: "test".into(),
        headline: "A met its target.".into(),
        happened: Vec::new(),
    }))
}

/// Announcements of drafts: the time, true for a reminder, and the contacts.
fn announced(service: &Service) -> Vec<(String, bool, String)> {
    let all = service.events.iter();
    all.filter_map(|(_, event)| match &event.fact {
        Fact::ReportDrafted { contacts, .. } => {
            Some((event.at.to_string(), false, contacts.join(" ")))
        }
        Fact::ReportReminded { contacts, .. } => {
            Some((event.at.to_string(), true, contacts.join(" ")))
        }
        _ => None,
    })
    .collect()
}

fn about_reports(service: &Service) -> Vec<Notice> {
    let mut due = service.due();
    due.retain(|notice| notice.report.is_some());
    due
}

#[test]
fn a_draft_and_its_reminders_fall_due_however_time_passes() {
    let expected = [
        ("2026-11-01T08:00:00Z", false, "kim"),
        ("2026-11-05T14:00:00Z", true, "kim"),
        ("2026-11-09T14:00:00Z", true, "kim"),
    ];
    for step in [HOUR, DAY, 15 * DAY] {
        let mut service = with_an_outage(|_| {});
        acknowledge(&mut service, 60 * 5, "Kim");
        for offset in 1..=15 * DAY / step {
            service.tick(offset * step);
        }
        let found = announced(&service);
        let found: Vec<_> = found
            .iter()
            .map(|(at, r, who)| (at.as_str(), *r, who.as_str()))
            .collect();
        assert_eq!(found, expected, "{step}");
    }
}

#[test]
fn texts_are_owed_by_the_owner_else_the_acknowledger_else_the_operators() {
    let owing = |change: fn(&mut Catalogue), acknowledged: bool| {
        let mut service = with_an_outage(change);
        if acknowledged {
            acknowledge(&mut service, 300, "kim");
        }
        service.tick(3 * DAY);
        announced(&service)[0].2.clone()
    };
    assert_eq!(
        owing(|c| c.systems[0].owner = Some("owner".into()), true),
        "owner"
    );
    assert_eq!(owing(|_| {}, true), "kim");
    assert_eq!(owing(|_| {}, false), "desk");
    // A person whom no mail reaches owes nothing.
    assert_eq!(owing(|c| c.contacts[1].email = None, true), "desk");
}

#[test]
fn a_draft_says_what_is_missing_when_it_leaves_and_none_leaves_for_nothing() {
    let mut service = with_an_outage(|_| {});
    acknowledge(&mut service, 300, "kim");
    service.tick(3 * DAY);
    let mut due = about_reports(&service);
    assert_eq!(due.len(), 1);
    let notice = due.remove(0);
    assert_eq!(notice.kind, Kind::ReportDraft);
    assert_eq!(notice.recipient.address.to_string(), "kim@staff.example");
    let report = notice.report.unwrap();
    assert_eq!(report.missing.len(), 1);
    let missing = ["summary", "root cause", "resolution", "preventive measures"];
    assert_eq!(report.missing[0].texts, missing);
    // Kim writes them before the mail could leave.
    review(&mut service, 3 * DAY + HOUR, "kim");
    assert_eq!(about_reports(&service), []);
    // The reminders find nobody to remind.
    service.tick(12 * DAY);
    assert_eq!(announced(&service)[1].2, "");
    assert_eq!(about_reports(&service), []);
}

#[test]
fn a_draft_whose_time_passed_while_the_service_was_stopped_comes_with_the_start() {
    let mut service = with_an_outage(|_| {});
    service.stop(DAY);
    service.start(4 * DAY);
    assert_eq!(
        announced(&service),
        [("2026-11-03T00:00:00Z".to_owned(), false, "desk".to_owned())]
    );
    // After the meeting there is nothing to prepare.
    let mut late = with_an_outage(|_| {});
    late.stop(DAY);
    late.start(20 * DAY);
    assert_eq!(announced(&late), []);
    // A month before the ledger has no report.
    let mut new = configured(|c| c.committees[0].reporting.draft = None);
    let mut later = (*new.record.catalogue).clone();
    later.committees[0].reporting.draft = Some(DayTime {
        day: 1,
        time: time(8, 0, 0, 0),
    });
    new.configure(at("2026-10-30T10:00:00Z"), later);
    assert_eq!(announced(&new), []);
}

#[test]
fn an_approval_needs_a_month_that_is_over_a_person_and_its_texts() {
    let mut service =
        with_an_outage(|c| c.committees[0].reporting.approvers = vec!["chair".into()]);
    let why =
        |service: &mut Service, day: i64, by: &str, act: Act| service.refusal(day * DAY, by, act);
    assert_eq!(
        why(&mut service, 1, "chair", approve(None)),
        "2026-10 is not over: approve its report afterwards"
    );
    assert_eq!(
        why(&mut service, 3, "lee", approve(Some("x"))),
        "`lee` may not approve reports of ops; its approvers are chair"
    );
    assert_eq!(
        why(&mut service, 3, "chair", approve(Some(" "))),
        "I-1 lacks summary, root cause, resolution, preventive measures; write them, or give the \
         reason why not: the report prints it"
    );
    assert!(why(&mut service, 3, "chair", revise("x")).contains("is not approved yet"));
    service.act_at(
        3 * DAY,
        "Chair",
        approve(Some("The vendor has not answered.")),
    );
    assert!(why(&mut service, 3, "chair", approve(None)).contains("nines report revise"));
    assert!(why(&mut service, 3, "chair", revise("x")).contains("not written yet"));
    let report = monthly(&service.record, "ops", "2026-10".parse().unwrap(), "00").unwrap();
    assert_eq!((report.status, report.revision), (Status::Final, 0));
    let approval = report.approval.unwrap();
    assert_eq!(approval.by, "Chair");
    assert_eq!(approval.reason.unwrap(), "The vendor has not answered.");
    // Any later event makes it the draft of a revision.
    service.input(service.second(3 * DAY), filed(0));
    let report = monthly(&service.record, "ops", "2026-10".parse().unwrap(), "00").unwrap();
    assert_eq!((report.status, report.revision), (Status::Draft, 1));
}

#[test]
fn the_writer_of_the_texts_approves_only_where_no_second_person_is_asked() {
    for second_person in [true, false] {
        let change = |c: &mut Catalogue| c.committees[0].reporting.second_person = second_person;
        let mut service = with_an_outage(change);
        review(&mut service, DAY, "Kim");
        let asked = service.act(service.second(3 * DAY), "kim.", approve(None));
        assert_eq!(asked.is_ok(), !second_person);
        if let Err(refusal) = asked {
            assert_eq!(
                refusal.0,
                "`kim.` wrote texts of 2026-10: another person must approve its report"
            );
            service.act_at(3 * DAY, "lee", approve(None));
        }
    }
}

#[test]
fn a_draft_whose_figures_changed_cannot_be_approved() {
    let mut service = with_an_outage(|_| {});
    service.tick(3 * DAY);
    let month = "2026-10".parse().unwrap();
    let seq = service.record.seq;
    let draft = monthly(&service.record, "ops", month, "00").unwrap();
    let seen = |figures: String| Act::ApproveReport {
        committee: "ops".into(),
        month,
        as_of: Some(seq),
        figures: Some(figures),
        reason: None,
    };
    let act = seen(figures::digest(&draft));
    // Texts are no figures.
    review(&mut service, 3 * DAY + 60, "kim");
    let outage = service.record.outages.all().next().unwrap();
    let (from, to) = (outage.start, outage.end.unwrap());
    let exclude = Act::Exclude {
        outage: Selector::System("a".into()),
        from,
        to,
        reason: "their line".into(),
        evidence: "ticket 7".into(),
        approved_by: Some("lee".into()),
    };
    service.act_at(3 * DAY + 120, "kim", exclude);
    let why = service.refusal(3 * DAY + 180, "lee", act);
    assert!(
        why.starts_with(&format!("figures have changed since event {seq}")),
        "{why}"
    );
    let now = monthly(&service.record, "ops", month, "00").unwrap();
    service.act_at(3 * DAY + 240, "lee", seen(figures::digest(&now)));
    // Only what differs is named, as people read it.
    let changes = figures::changes(&draft, &now);
    let said = |key: &str| {
        let found = changes.iter().find(|c| c.key == key).unwrap();
        (
            found.what.clone(),
            found.before.clone().unwrap(),
            found.after.clone().unwrap(),
        )
    };
    let whole = domain::report::words::length(to.duration_since(from).as_secs());
    let excluded = ("A: excluded".to_owned(), "0\u{a0}s".to_owned(), whole);
    assert_eq!(said("systems.a.excluded_s"), excluded);
    assert!(
        changes
            .iter()
            .all(|c| c.before != c.after && !c.key.contains("agreed_s"))
    );
}

#[test]
fn members_get_the_newest_revision_only_and_a_member_that_left_gets_none() {
    let mut service = with_an_outage(|_| {});
    review(&mut service, DAY, "kim");
    service.act_at(3 * DAY, "lee", approve(None));
    // No mail before the files are on the disk.
    assert_eq!(about_reports(&service), []);
    service.input(service.second(3 * DAY + 1), filed(0));
    let due = about_reports(&service);
    let to: Vec<String> = due
        .iter()
        .map(|n| n.recipient.address.to_string())
        .collect();
    assert_eq!(to, ["chair@ops.example", "lee@ops.example"]);
    assert!(due.iter().all(|n| n.kind == Kind::Report));
    // A second filing is refused: nothing that was sent changes.
    let again = service.try_input(service.second(3 * DAY + 2), filed(0));
    assert!(again.is_err());
    service.act_at(4 * DAY, "lee", revise("An exclusion was approved."));
    service.input(service.second(4 * DAY + 1), filed(1));
    let due = about_reports(&service);
    let report = due[0].report.clone().unwrap();
    assert_eq!((due.len(), report.revision), (2, 1));
    assert_eq!(report.replaces, [0]);
    let mut left = (*service.record.catalogue).clone();
    left.committees[0].members.remove(1);
    service.configure(service.second(5 * DAY), left);
    assert_eq!(about_reports(&service).len(), 1);
}

/// The one mail about a report that was attempted and is not final, if there is one.
fn unsent(service: &Service) -> Option<NoticeId> {
    let mut unsent = service.record.notices.unsent();
    let found = unsent.find(|(_, outgoing)| outgoing.notice.report.is_some());
    found.map(|(id, _)| id)
}

#[test]
fn a_deferred_draft_is_dropped_once_it_is_pointless() {
    type End = fn(&mut Service);
    let ends: [End; 3] = [
        // Its texts are written.
        |service| review(service, 3 * DAY + HOUR, "kim"),
        // The report is approved without them.
        |service| service.act_at(3 * DAY + HOUR, "lee", approve(Some("No answer."))),
        // The committee has met, and a day is over.
        |service| service.tick(13 * DAY),
    ];
    for (n, end) in ends.into_iter().enumerate() {
        let mut service = with_an_outage(|c| c.customers.clear());
        acknowledge(&mut service, 300, "kim");
        service.tick(3 * DAY);
        let draft = about_reports(&service).remove(0);
        let id = service.begin_attempt(&draft);
        service.end_attempt(id, Delivery::Deferred);
        assert_eq!(unsent(&service), Some(id));
        end(&mut service);
        assert_eq!(unsent(&service), None, "{n}");
        assert!(service.message(id).standing.is_final(), "{n}");
        assert!(service.is_quiet(), "{n}");
    }
}

#[test]
fn a_report_mail_that_a_crash_cut_off_is_sent_once_more_as_it_was() {
    let mut service = with_an_outage(|c| {
        c.customers.clear();
        c.committees[0].members.truncate(1);
    });
    review(&mut service, DAY, "kim");
    service.act_at(3 * DAY, "lee", approve(None));
    service.input(service.second(3 * DAY + 1), filed(0));
    let notice = about_reports(&service).remove(0);
    let first = service.begin_attempt(&notice);
    service.crash(3 * DAY + 2, 3 * DAY + 60);
    service.tick(3 * DAY + 200);
    assert_eq!(about_reports(&service), [notice]);
    assert_eq!(service.deliver_due(Delivery::Accepted), [first]);
    assert_eq!(service.message(first).attempts, 2);
    service.tick(20 * DAY);
    assert!(service.is_quiet());
}
