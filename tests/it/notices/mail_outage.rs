//! Three hours without a mail server, twice. A refused attempt is tried again after 30 s, 1, 2, 5, 10,
//! 15 and then every 30 minutes, so the seventh attempt comes 33.5 minutes after the first and the
//! eleventh 153.5 minutes after it.

use crate::support::rehearsal::{IT, OFFICE, list, play, text, told};

#[test]
fn nothing_stale_is_sent_when_mail_goes_again() {
    let played = play("mail-down");
    let notices = played.lines("notices.jsonl");
    let seen = told(&notices, &["downtime", "uptime"]);
    let (first, second): (Vec<_>, Vec<_>) =
        seen.into_iter().partition(|told| told.2 < "2026-10-20");
    let sent = |at| Some(at);
    assert_eq!(
        first,
        [
            // Over before it could leave: the uptime says both.
            ("downtime", IT, "2026-10-07T06:14:21", None, 7, "superseded"),
            (
                "downtime",
                OFFICE,
                "2026-10-07T06:14:21",
                None,
                7,
                "superseded"
            ),
            // Another system of this address goes down, which is more urgent.
            ("uptime", IT, "2026-10-07T06:53:11", None, 3, "superseded"),
            (
                "uptime",
                OFFICE,
                "2026-10-07T06:53:11",
                sent("2026-10-07T09:17:52"),
                5,
                "sent"
            ),
            // Still down when mail goes again: late, and true.
            (
                "downtime",
                IT,
                "2026-10-07T08:30:31",
                sent("2026-10-07T09:17:52"),
                2,
                "sent"
            ),
            (
                "uptime",
                IT,
                "2026-10-07T06:53:11",
                sent("2026-10-07T09:17:52"),
                1,
                "sent"
            ),
            (
                "uptime",
                IT,
                "2026-10-07T10:01:21",
                sent("2026-10-07T10:01:21"),
                1,
                "sent"
            ),
        ]
    );
    // There are two outages in the second night. The notice leaves while the portal is down, and
    // includes the first outage.
    let delivered: Vec<_> = second
        .iter()
        .filter(|told| told.5 == "sent")
        .map(|told| (told.0, told.1, told.2, told.3))
        .collect();
    let (down, up) = ("2026-10-21T07:30:21", "2026-10-21T09:01:11");
    let (down_sent, up_sent) = (sent("2026-10-21T08:13:52"), sent("2026-10-21T09:01:12"));
    assert_eq!(
        delivered,
        [
            ("downtime", IT, down, down_sent),
            ("downtime", OFFICE, down, down_sent),
            ("uptime", IT, up, up_sent),
            ("uptime", OFFICE, up, up_sent),
        ]
    );
    assert!(
        second
            .iter()
            .all(|told| told.5 == "sent" || (told.5 == "superseded" && told.3.is_none()))
    );
}

#[test]
fn the_uptime_says_what_the_superseded_downtime_was_to_say() {
    let played = play("mail-down");
    let notices = played.lines("notices.jsonl");
    let uptime = notices
        .iter()
        .find(|n| n["kind"] == "uptime" && n["recipient"] == OFFICE);
    let sequence: u64 = text(&uptime.unwrap()["notice"])[2..].parse().unwrap();
    let mail = played.file(&format!("notices/{sequence:06}-uptime.eml"));
    let mail = mail_parser::MessageParser::default().parse(mail).unwrap();
    let said = mail.body_text(0).unwrap();
    // From when to when, in the recipient's zone and in UTC.
    for word in ["02:14:11 EDT", "06:14:11 UTC", "02:52:11 EDT", "38 min"] {
        let plain = said.replace('\u{a0}', " ");
        assert!(plain.contains(word), "no {word} in {plain}");
    }
}

#[test]
fn an_outage_that_was_over_before_mail_went_is_said_with_the_next() {
    let played = play("mail-down");
    let notices = played.lines("notices.jsonl");
    let said = notices
        .iter()
        .find(|n| {
            let late = text(&n["decided"]).starts_with("2026-10-21T07:30");
            n["kind"] == "downtime" && n["recipient"] == OFFICE && late
        })
        .unwrap();
    let sequence: u64 = text(&said["notice"])[2..].parse().unwrap();
    let mail = played.file(&format!("notices/{sequence:06}-downtime.eml"));
    let mail = mail_parser::MessageParser::default().parse(mail).unwrap();
    let said = mail.body_text(0).unwrap().replace('\u{a0}', " ");
    let earlier = said.split_once("Earlier").unwrap().1;
    for word in ["down from", "01:10:11 EDT", "until", "01:20:11 EDT"] {
        assert!(earlier.contains(word), "no {word} in {said}");
    }
    let since = said.split_once("Down since").unwrap().1;
    assert!(
        since
            .trim_start()
            .starts_with("Wed 21 Oct 2026, 03:30:11 EDT"),
        "{said}"
    );
}

#[test]
fn the_report_counts_what_was_sent_and_what_was_superseded() {
    let played = play("mail-down");
    let report = played.report("2026-10");
    assert_eq!(report["notice_results"]["superseded"], 7);
    assert_eq!(report["notice_results"]["sent"], 8);
    let portal = crate::support::rehearsal::system(&report, "portal");
    // 38 min; 01:10:11 to 01:20:11; 03:30:11 to 05:00:11.
    assert_eq!(portal["unplanned_s"], 2_280 + 600 + 5_400);
    let results = crate::support::rehearsal::system(&report, "results");
    assert_eq!(results["unplanned_s"], 5_400);
    assert_eq!(list(&report["outages"]).len(), 4);
}
