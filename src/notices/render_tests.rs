//! The texts of notices and their messages: snapshots of each kind, repeatable bytes, and texts of
//! people that contain markup or line ends.

use domain::actor::Actor;
use domain::event::{Delivery, Event, Fact};
use domain::id::{CustomerId, IncidentId, NoticeId, OutageId, SystemId, WindowId};
use domain::notice::{
    Address, Affected, Declared, Flapping, Kind, Notice, Overran, Recipient, Role, Window,
};
use domain::record::Record;
use domain::sample::Reason;
use domain::span::Span;
use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders};

use super::{Due, Rendered, Renderer, Sender};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const FROM: &str = "Example HIE Status <status@example.org>";

pub(super) fn portal() -> Affected {
    Affected {
        system: SystemId::from("portal"),
        name: "Clinical Portal".to_owned(),
        outage: Some(OutageId(12)),
        joined: Vec::new(),
        declared: None,
        from: Some(at("2026-10-07T02:14:10-04:00")),
        to: None,
        down_s: None,
        unobserved: None,
        reason: Some(Reason::Refused),
        impaired: false,
        advice: Some("Use the read-only copy at the nursing stations. For medication lists call the pharmacy.".to_owned()),
        flapping: None,
        overran: None,
    }
}

fn results() -> Affected {
    Affected {
        system: SystemId::from("results"),
        name: "Results Interface".to_owned(),
        outage: Some(OutageId(14)),
        from: Some(at("2026-10-07T02:14:40-04:00")),
        reason: Some(Reason::Timeout),
        advice: None,
        ..portal()
    }
}

fn mended(of: Affected) -> Affected {
    Affected {
        to: Some(at("2026-10-07T02:51:40-04:00")),
        down_s: Some(2_250),
        ..of
    }
}

pub(super) fn notice(kind: Kind, affected: Vec<Affected>) -> Notice {
    Notice {
        kind,
        recipient: to("it@st-elsewhere.example"),
        affected,
        window: None,
        incident: Some(IncidentId(13)),
        references: Vec::new(),
        includes_downtime: false,
        report: None,
        words: Vec::new(),
        alert: None,
    }
}

pub(super) fn to(address: &str) -> Recipient {
    Recipient {
        address: Address::Mail(address.to_owned()),
        who: [Role::Customer(CustomerId::from("st-elsewhere"))].into(),
        name: "St. Elsewhere Hospital".to_owned(),
        zone: "America/New_York".to_owned(),
    }
}

pub(super) fn update(kind: Kind, affected: Vec<Affected>) -> Notice {
    Notice {
        window: Some(Window {
            id: WindowId::from("portal/weekly-application-update@2026-10-07"),
            title: "Weekly application update".to_owned(),
            impact: Some("You are signed out once. Unsaved notes are lost.".to_owned()),
            span: Span::new(
                at("2026-10-07T21:00:00-07:00"),
                at("2026-10-07T22:00:00-07:00"),
            ),
            max_downtime_s: Some(300),
            previous_span: None,
            monthly_allowance_s: None,
        }),
        recipient: Recipient {
            zone: "America/Los_Angeles".to_owned(),
            ..to("it@st-elsewhere.example")
        },
        incident: None,
        ..notice(kind, affected)
    }
}

pub(super) const CONTACT: &str = "Service Desk, +1 716 555 0100";
const MESSAGE_ID: &str = "<4be1c0ffee@example.org>";

/// When every message in these tests is dated.
fn dated() -> Timestamp {
    at("2026-10-07T02:14:20-04:00")
}

pub(super) fn message(notice: &Notice) -> Rendered {
    let renderer = Renderer::new(None).unwrap();
    renderer.message(notice, &sender(FROM), dated()).unwrap()
}

pub(super) fn sender(mail_from: &str) -> Sender {
    Sender {
        service: "Example HIE".to_owned(),
        contact: CONTACT.to_owned(),
        mail_from: mail_from.into(),
        message_id: MESSAGE_ID.to_owned(),
        references: Vec::new(),
    }
}

pub(super) fn said(notice: &Notice) -> String {
    let said = Renderer::new(None)
        .unwrap()
        .say(notice, "Example HIE", CONTACT)
        .unwrap();
    for line in said.text.lines() {
        assert!(
            line.chars().count() <= super::text::WIDTH + 4,
            "too wide: {line}"
        );
    }
    format!("Subject: {}\n\n{}", said.subject, said.text)
}

fn reported(of: Affected, declared: Declared) -> Affected {
    Affected {
        declared: Some(declared),
        reason: (declared == Declared::Partly).then_some(Reason::Refused),
        joined: match declared {
            Declared::Wholly => Vec::new(),
            Declared::Partly => vec![OutageId(16)],
        },
        ..of
    }
}

#[test]
fn downtime_that_people_reported() {
    let system = reported(portal(), Declared::Wholly);
    let notice = notice(Kind::Downtime, vec![system]);
    insta::assert_snapshot!(format!("{}\n{}", said(&notice), html(&notice)));
}

#[test]
fn uptime_of_what_people_reported_and_probes_saw() {
    let system = reported(mended(portal()), Declared::Partly);
    let notice = notice(Kind::Uptime, vec![system]);
    insta::assert_snapshot!(format!("{}\n{}", said(&notice), html(&notice)));
}

#[test]
fn downtime_of_one_that_people_reported_and_one_that_probes_saw() {
    let system = reported(portal(), Declared::Wholly);
    let both = vec![system, results()];
    insta::assert_snapshot!(said(&notice(Kind::Downtime, both)));
}

pub(super) fn quiet(of: Affected) -> Affected {
    Affected {
        outage: None,
        from: None,
        reason: None,
        ..of
    }
}

#[test]
fn downtime() {
    insta::assert_snapshot!(said(&notice(Kind::Downtime, vec![portal()])));
}

#[test]
fn downtime_of_several() {
    insta::assert_snapshot!(said(&notice(Kind::Downtime, vec![portal(), results()])));
}

/// A window that earned nothing excuses nothing: the customer is told what was planned, and that
/// it is an outage.
#[test]
fn downtime_within_work_that_excuses_nothing() {
    let system = Affected {
        from: Some(at("2026-10-07T21:02:10-07:00")),
        ..portal()
    };
    let notice = update(Kind::Downtime, vec![system]);
    insta::assert_snapshot!(format!("{}\n{}", said(&notice), html(&notice)));
}

#[test]
fn uptime() {
    insta::assert_snapshot!(said(&notice(Kind::Uptime, vec![mended(portal())])));
}

/// The portal an hour before, while no mail left.
fn before(of: &Affected) -> Affected {
    Affected {
        outage: Some(OutageId(8)),
        from: Some(at("2026-10-07T01:10:00-04:00")),
        to: Some(at("2026-10-07T01:20:30-04:00")),
        down_s: Some(630),
        ..of.clone()
    }
}

#[test]
fn down_again_after_an_outage_that_could_not_be_told() {
    let both = vec![before(&portal()), portal(), mended(results())];
    let notice = notice(Kind::Downtime, both);
    insta::assert_snapshot!(format!("{}\n{}", said(&notice), html(&notice)));
}

#[test]
fn up_again_after_outages_that_could_not_be_told() {
    insta::assert_snapshot!(said(&Notice {
        includes_downtime: true,
        ..notice(Kind::Uptime, vec![before(&portal()), mended(portal())])
    }));
}

#[test]
fn uptime_impaired_its_end_not_observed() {
    let mut system = mended(portal());
    system.impaired = true;
    system.to = Some(at("2026-10-07T02:40:00-04:00"));
    system.unobserved = Some(Span::new(
        at("2026-10-07T02:40:00-04:00"),
        at("2026-10-07T03:10:00-04:00"),
    ));
    system.down_s = Some(1_490);
    insta::assert_snapshot!(said(&notice(Kind::Uptime, vec![system])));
}

#[test]
fn uptime_that_stands_for_both() {
    let both = vec![mended(portal()), mended(results())];
    insta::assert_snapshot!(said(&Notice {
        includes_downtime: true,
        ..notice(Kind::Uptime, both)
    }));
    let one = Notice {
        includes_downtime: true,
        ..notice(Kind::Uptime, vec![mended(portal())])
    };
    assert!(said(&one).starts_with(
        "Subject: WAS DOWN, NOW RESTORED: Clinical Portal (down 37 min, from 02:14 EDT)\n"
    ));
}

fn unstable(of: Affected) -> Affected {
    Affected {
        flapping: Some(Flapping {
            outages: vec![OutageId(3), OutageId(7), OutageId(12)],
            since: at("2026-10-07T01:30:10-04:00"),
            hold_s: 900,
        }),
        ..of
    }
}

#[test]
fn downtime_of_an_unstable_system() {
    insta::assert_snapshot!(said(&notice(Kind::Downtime, vec![unstable(portal())])));
}

#[test]
fn downtime_of_an_unstable_system_that_is_up_at_the_moment() {
    let system = unstable(Affected {
        to: Some(at("2026-10-07T02:15:40-04:00")),
        ..portal()
    });
    insta::assert_snapshot!(said(&notice(Kind::Downtime, vec![system])));
}

#[test]
fn downtime_of_an_unstable_system_and_another() {
    let both = vec![unstable(portal()), results()];
    insta::assert_snapshot!(said(&notice(Kind::Downtime, both)));
}

#[test]
fn uptime_of_a_system_that_was_unstable() {
    let system = unstable(Affected {
        from: Some(at("2026-10-07T01:30:10-04:00")),
        down_s: Some(760),
        ..mended(portal())
    });
    insta::assert_snapshot!(said(&notice(Kind::Uptime, vec![system])));
}

#[test]
fn maintenance_scheduled() {
    let affected = vec![quiet(portal()), quiet(results())];
    insta::assert_snapshot!(said(&update(Kind::MaintenanceScheduled, affected)));
}

#[test]
fn maintenance_changed() {
    let mut notice = update(Kind::MaintenanceChanged, vec![quiet(portal())]);
    let from = at("2026-10-06T20:00:00-07:00");
    let before = Span::new(from, at("2026-10-06T21:00:00-07:00"));
    notice.window.as_mut().unwrap().previous_span = Some(before);
    insta::assert_snapshot!(said(&notice));
}

#[test]
fn maintenance_cancelled() {
    let affected = vec![quiet(portal()), quiet(results())];
    insta::assert_snapshot!(said(&update(Kind::MaintenanceCancelled, affected)));
}

#[test]
fn maintenance_started() {
    insta::assert_snapshot!(said(&update(
        Kind::MaintenanceStarted,
        vec![quiet(portal())]
    )));
}

#[test]
fn maintenance_completed() {
    let system = Affected {
        down_s: Some(240),
        impaired: true,
        ..quiet(portal())
    };
    insta::assert_snapshot!(said(&update(Kind::MaintenanceCompleted, vec![system])));
}

#[test]
fn maintenance_overrun() {
    let system = Affected {
        from: Some(at("2026-10-07T21:10:00-07:00")),
        ..portal()
    };
    let system = overran(system);
    insta::assert_snapshot!(said(&update(Kind::MaintenanceOverrun, vec![system])));
}

/// A downtime of which five minutes were planned.
fn overran(of: Affected) -> Affected {
    let unplanned_from = of.from.unwrap();
    let began = unplanned_from - jiff::SignedDuration::from_mins(5);
    Affected {
        overran: Some(Overran {
            began,
            unplanned_from,
            planned_s: 300,
        }),
        ..of
    }
}

#[test]
fn uptime_after_an_overrun_has_the_times_and_the_parts_of_the_overrun() {
    let mut system = overran(mended(portal()));
    system.from = system.overran.as_ref().map(|o| o.began);
    let mail = said(&notice(Kind::Uptime, vec![system]));
    let overrun = said(&update(Kind::MaintenanceOverrun, vec![overran(portal())]));
    for at in ["06:09:10 UTC", "06:14:10 UTC", "5 min"] {
        assert!(
            mail.contains(at) && overrun.contains(at),
            "{at}: {mail}{overrun}"
        );
    }
    insta::assert_snapshot!(mail);
}

#[test]
fn every_mail_names_whom_to_ask() {
    let renderer = Renderer::new(None).unwrap();
    for notice in super::sample::every() {
        let kind = notice.kind;
        let said = renderer.say(&notice, "Example HIE", CONTACT).unwrap();
        for part in [&said.text, &said.html] {
            assert!(
                part.contains("Service Desk, +1 716 555 0100"),
                "{kind}: {part}"
            );
        }
    }
}

#[test]
fn the_test_mail_says_that_nothing_is_affected() {
    let renderer = Renderer::new(None).unwrap();
    let mail = renderer.test_message(&sender(FROM), "me@example.org", dated());
    let bytes = mail.unwrap().bytes;
    let message = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(
        message.subject(),
        Some("TEST: notice from the monitoring of Example HIE")
    );
    insta::assert_snapshot!(message.body_text(0).unwrap().replace("\r\n", "\n"));
}

#[test]
fn maintenance_overrun_of_a_months_allowance() {
    let mut notice = update(Kind::MaintenanceOverrun, vec![portal()]);
    let work = notice.window.as_mut().unwrap();
    (work.max_downtime_s, work.monthly_allowance_s) = (None, Some(600));
    insta::assert_snapshot!(said(&notice));
}

pub(super) fn html(notice: &Notice) -> String {
    Renderer::new(None)
        .unwrap()
        .say(notice, "Example HIE", CONTACT)
        .unwrap()
        .html
}

#[test]
fn the_html_of_a_downtime_notice() {
    insta::assert_snapshot!(html(&notice(Kind::Downtime, vec![portal()])));
}

#[test]
fn the_html_of_an_uptime_notice() {
    insta::assert_snapshot!(html(&notice(Kind::Uptime, vec![mended(portal())])));
}

#[test]
fn the_html_of_an_overrun_of_several() {
    insta::assert_snapshot!(html(&update(
        Kind::MaintenanceOverrun,
        vec![portal(), results()]
    )));
}

#[test]
fn every_html_part_fetches_nothing_and_says_its_status_in_words() {
    let renderer = Renderer::new(None).unwrap();
    for notice in super::sample::every() {
        let said = renderer.say(&notice, "Example", CONTACT).unwrap();
        for forbidden in [
            "src=",
            "href=",
            "url(",
            "<script",
            "<img",
            "<link",
            "<style",
            "background",
        ] {
            assert!(
                !said.html.contains(forbidden),
                "{}: {forbidden}",
                notice.kind
            );
        }
        let word = match notice.kind {
            Kind::Downtime if notice.affected.iter().all(|a| a.flapping.is_some()) => "UNSTABLE",
            Kind::Downtime => "DOWN",
            Kind::Uptime => "RESTORED",
            Kind::MaintenanceScheduled => "PLANNED",
            Kind::MaintenanceChanged => "CHANGED",
            Kind::MaintenanceCancelled => "CANCELLED",
            Kind::MaintenanceReminder => "REMINDER",
            Kind::MaintenanceStarted => "STARTED",
            Kind::MaintenanceCompleted => "COMPLETED",
            Kind::MaintenanceOverrun => "OVERRUN",
            Kind::Update => "UPDATE",
            Kind::Correction => "CORRECTION",
            Kind::Escalation => "ESCALATION",
            Kind::ClockDue => "CLOCK DUE",
            Kind::ClockMissed => "CLOCK MISSED",
            Kind::ToldFailed => "NOT TOLD",
            Kind::ProblemReported => "PROBLEM REPORTED",
            Kind::ProblemReceipt => "RECEIVED",
            Kind::ReportDraft => "DRAFT",
            Kind::Report if notice.report.as_ref().is_some_and(|r| r.revision > 0) => "REVISION",
            Kind::Report => "REPORT",
        };
        assert!(
            said.html.contains(word) && said.subject.contains(word),
            "{}",
            notice.kind
        );
    }
}

#[test]
fn the_message_is_read_back_by_another_program() {
    let renderer = Renderer::new(None).unwrap();
    let notice = notice(Kind::Downtime, vec![portal()]);
    let sender = Sender {
        references: ["<a@example.org>", "<b@example.org>"]
            .map(str::to_owned)
            .to_vec(),
        ..sender(FROM)
    };
    let rendered = renderer.message(&notice, &sender, dated()).unwrap();
    let message = MessageParser::default().parse(&rendered.bytes).unwrap();
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Example HIE Status"));
    assert_eq!(from.address(), Some("status@example.org"));
    assert_eq!(
        message.to().unwrap().first().unwrap().address(),
        Some("it@st-elsewhere.example")
    );
    assert_eq!(
        message.subject(),
        Some("DOWN: Clinical Portal (since 02:14 EDT)")
    );
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-10-07T06:14:20Z");
    assert_eq!(
        message.message_id(),
        Some(&MESSAGE_ID[1..MESSAGE_ID.len() - 1])
    );
    assert_eq!(rendered.message_id, MESSAGE_ID);
    assert_eq!(message.in_reply_to().as_text(), Some("b@example.org"));
    let references = message.references().as_text_list().unwrap();
    assert_eq!(references, ["a@example.org", "b@example.org"]);
    let head = head(&rendered.bytes);
    for line in [
        "Auto-Submitted: auto-generated\r\n",
        "X-Auto-Response-Suppress: All\r\n",
        "List-Id: <notices.example.org>\r\n",
        "MIME-Version: 1.0\r\n",
    ] {
        assert!(head.contains(line), "{line:?} in {head}");
    }
    assert!(!head.contains("List-Unsubscribe"));
    let said = renderer.say(&notice, "Example HIE", CONTACT).unwrap();
    assert_eq!(
        message.body_text(0).unwrap().replace("\r\n", "\n"),
        said.text
    );
    assert_eq!(
        message.body_html(0).unwrap().replace("\r\n", "\n"),
        said.html
    );
    assert_eq!(message.parts.len(), 3);
    for part in &message.parts[1..] {
        assert_eq!(part.content_transfer_encoding(), Some("quoted-printable"));
    }
}

fn head(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).unwrap();
    text.split_once("\r\n\r\n").unwrap().0.to_owned() + "\r\n"
}

#[test]
fn the_same_notice_is_the_same_bytes() {
    let one = message(&notice(Kind::Downtime, vec![portal(), results()]));
    let two = message(&notice(Kind::Downtime, vec![portal(), results()]));
    assert_eq!(one, two);
    let due = Due {
        notice: notice(Kind::Downtime, vec![portal()]),
        sender: sender(FROM),
        kept: None,
    };
    assert_eq!(Rendered::kept(&due, one.bytes.clone()), one);
    let other = message(&notice(Kind::Downtime, vec![portal()]));
    assert_ne!(one.sha256, other.sha256);
}

#[test]
fn a_subject_outside_ascii_is_encoded() {
    let name = "Öffentliches Portal für die Ärzte und Ärztinnen der Universitätsklinik 東京大学 医学部附属病院";
    let system = Affected {
        name: name.to_owned(),
        ..portal()
    };
    let mut notice = notice(Kind::Downtime, vec![system]);
    notice.recipient.name = "Klinikum Süd".to_owned();
    let letter = message(&notice);
    assert!(letter.bytes.is_ascii());
    let message = MessageParser::default().parse(&letter.bytes).unwrap();
    assert_eq!(
        message.subject(),
        Some(format!("DOWN: {name} (since 02:14 EDT)").as_str())
    );
    assert!(message.body_text(0).unwrap().contains("Klinikum Süd"));
    assert!(
        head(&letter.bytes)
            .split("\r\n")
            .all(|line| line.len() <= 78)
    );
}

#[test]
fn a_name_cannot_become_a_header() {
    for end in ["\r\n", "\n", "\r", "\u{85}", "\u{2028}", "\u{b}", "\0"] {
        let system = Affected {
            name: format!("Portal{end}Bcc: all@example.org{end}{end}body"),
            ..portal()
        };
        let mut notice = notice(Kind::Downtime, vec![system]);
        notice.recipient.name = format!("X{end}Y");
        let letter = message(&notice);
        let message = MessageParser::default().parse(&letter.bytes).unwrap();
        assert!(message.bcc().is_none());
        assert!(message.subject().unwrap().starts_with("DOWN: Portal"));
        assert_eq!(message.parts.len(), 3);
    }
}

/// A reload may change the domain of `mail.from`: the first message went out under the old one.
#[test]
fn an_uptime_names_the_message_id_that_its_downtime_went_out_under() {
    let mut record = Record::default();
    let first = Fact::DeliveryAttempted {
        notice: NoticeId(1),
        attempt: 1,
        message: Some(Box::new(notice(Kind::Downtime, vec![portal()]))),
        message_id: "<first@example.org>".to_owned(),
        sha256: "00".to_owned(),
    };
    let accepted = Fact::DeliveryEnded {
        notice: NoticeId(1),
        attempt: 1,
        result: Delivery::Accepted,
        reply: "250 2.0.0 taken".to_owned(),
        unreached: false,
        retry_after_s: None,
    };
    for (seq, fact) in [(1, first), (2, accepted)] {
        let by = Actor::service();
        let at = dated();
        record.apply(seq, &Event { at, by, fact });
    }
    let mut catalogue = (*record.catalogue).clone();
    catalogue.mail_from = "Status <status@example.net>".into();
    record.catalogue = catalogue.into();
    let mut second = notice(Kind::Uptime, vec![mended(portal())]);
    second.references = vec![NoticeId(1)];
    let sender = Sender::of(&record, &second);
    assert_eq!(sender.references, ["<first@example.org>"]);
    let new = &sender.message_id;
    assert!(
        new.ends_with("@example.net>")
            && *new != Sender::of(&Record::default(), &second).message_id
    );
}

#[test]
fn an_address_with_a_control_character_is_refused() {
    let renderer = Renderer::new(None).unwrap();
    let try_to = |recipient: &str, from: &str| {
        let mut notice = notice(Kind::Downtime, vec![portal()]);
        notice.recipient = to(recipient);
        renderer.message(&notice, &sender(from), dated())
    };
    assert!(try_to("it@st-elsewhere.example", FROM).is_ok());
    for bad in [
        "it@st-elsewhere.example\r\nBcc: all@example.org",
        "\"a\r\nBcc: x@y.example\"@st-elsewhere.example",
        "it\0@st-elsewhere.example",
        "it\u{85}@st-elsewhere.example",
        "it@st-elsewhere.example\u{7f}",
        "not an address",
        "",
    ] {
        assert!(try_to(bad, FROM).is_err(), "{bad:?}");
    }
    assert!(
        try_to(
            "it@st-elsewhere.example",
            "A\nBcc: x@y.example <status@example.org>"
        )
        .is_err()
    );
    assert!(try_to("it@st-elsewhere.example", "no sender").is_err());
}

#[test]
fn what_a_person_wrote_is_not_a_template_and_not_html() {
    let system = Affected {
        name: "Portal {{ service }} <b>".to_owned(),
        advice: Some("{% for x in y %}<script>alert(1)</script> & \"'\n{{ 7 * 7 }}".to_owned()),
        ..portal()
    };
    let notice = notice(Kind::Downtime, vec![system]);
    let said = Renderer::new(None)
        .unwrap()
        .say(&notice, "<Ex&mple>", CONTACT)
        .unwrap();
    assert!(said.subject.contains("Portal {{ service }} <b>"));
    assert!(said.text.contains("{{ 7 * 7 }}"));
    assert!(said.text.contains("<script>alert(1)</script>"));
    assert!(!said.html.contains("<script") && !said.html.contains("<b>"));
    assert!(said.html.contains("&lt;Ex&amp;mple&gt;") && said.html.contains("{{ 7 * 7 }}"));
}

#[test]
fn forty_systems_make_one_readable_subject() {
    let many: Vec<Affected> = (0..40)
        .map(|n| Affected {
            system: SystemId::from(format!("system-{n:02}").as_str()),
            name: format!("System {n}"),
            ..portal()
        })
        .collect();
    let said = said(&notice(Kind::Downtime, many));
    assert!(said.starts_with(
        "Subject: DOWN: System 0, System 1, System 2 and 37 more (since 02:14 EDT)\n"
    ));
    assert!(said.contains("\n40 systems are DOWN.\n") && said.contains("\nSystem 39\n"));
    let long = Affected {
        name: "x".repeat(2_000),
        ..portal()
    };
    message(&notice(Kind::Downtime, vec![long]));
}

#[test]
fn own_templates_take_the_place_of_the_shipped_ones_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let kind = folder.path().join("notices/downtime");
    std::fs::create_dir_all(&kind).unwrap();
    std::fs::write(kind.join("subject.txt.j2"), "Störung: {{ names }}\n").unwrap();
    let own = crate::config::Templates::new(folder.path(), None);
    let renderer = Renderer::new(Some(&own)).unwrap();
    let notice = notice(Kind::Downtime, vec![portal()]);
    let said = renderer.say(&notice, "Example", CONTACT).unwrap();
    assert_eq!(said.subject, "Störung: Clinical Portal");
    assert!(said.text.contains("Clinical Portal is DOWN."));

    for (wrong, why) in [
        ("{{ nmaes }}", "undefined"),
        ("{% if %}", "syntax"),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "fuel",
        ),
    ] {
        std::fs::write(kind.join("subject.txt.j2"), wrong).unwrap();
        let error = Renderer::new(Some(&own)).err().expect(why);
        assert_eq!(
            error.to_string(),
            "the template notices/downtime/subject.txt.j2 is wrong"
        );
    }
}

#[test]
fn a_preview_uses_the_names_of_the_catalogue() {
    let mut catalogue = domain::catalogue::Catalogue {
        service: "Example HIE".to_owned(),
        ..Default::default()
    };
    let renderer = Renderer::new(None).unwrap();
    let bare = renderer
        .preview(
            Kind::Downtime,
            false,
            &catalogue,
            at("2026-10-07T06:14:10Z"),
        )
        .unwrap();
    assert_eq!(bare.subject, "DOWN: A System (since 06:14 UTC)");
    catalogue.customers.push(domain::catalogue::Customer {
        id: CustomerId::from("c"),
        name: "Customer".to_owned(),
        zone: "America/Chicago".to_owned(),
        phone: None,
        webhook: None,
        contacts: vec!["it@c.example".to_owned()],
        systems: vec![SystemId::from("portal")],
    });
    let said = renderer
        .preview(Kind::Uptime, false, &catalogue, at("2026-10-07T06:14:10Z"))
        .unwrap();
    assert!(
        said.text.contains("01:14:10 CDT (06:14:10 UTC)"),
        "{}",
        said.text
    );
}
