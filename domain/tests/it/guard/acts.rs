//! No text with protected health information enters the ledger.

use domain::act::{Act, Refusal, Selector};
use domain::actor::Actor;
use domain::event::Fact;
use domain::guard::Kind;
use domain::id::IncidentId;
use domain::incident::Review;
use domain::input::Input;
use expect_test::{Expect, expect};
use jiff::civil::date;

use crate::service::{Service, review, system};

fn down() -> Service {
    let mut service = Service::new("2026-10-01T00:00:00Z", vec![system("a")]);
    service.draw(0, &[("a/p", "UDDD")]);
    service
}

fn incident() -> Selector<IncidentId> {
    Selector::Id(IncidentId(1))
}

fn update(text: &str) -> Act {
    Act::Update {
        incident: incident(),
        text: text.to_owned(),
        public: true,
        phase: None,
        estimate: None,
    }
}

/// An act with a reason why its texts are no protected health information.
fn confirmed(service: &mut Service, act: Act, reason: &str) -> Result<(), Refusal> {
    let at = service.second(100);
    let input = Input::Act {
        by: Actor::cli("kim"),
        act,
        not_phi: Some(reason.to_owned()),
    };
    service.try_input(at, input)
}

fn refused(service: &mut Service, act: Act, reason: Option<&str>, expected: Expect) {
    let at = service.second(100);
    let before = service.record.seq;
    let refusal = match reason {
        Some(reason) => confirmed(service, act, reason),
        None => service.act(at, "kim", act),
    };
    expected.assert_eq(&refusal.unwrap_err().to_string());
    assert_eq!(service.record.seq, before);
}

#[test]
fn a_text_with_a_number_of_a_patient_is_refused_and_the_number_is_not_repeated() {
    let mut service = down();
    let act = update("Fails for Maria Jones, MRN 1234567.");
    refused(
        &mut service,
        act,
        None,
        expect![[
            r#"the text holds what looks like a medical record number: `MRN *******`; remove it, or, if it is something else, repeat the command with --not-phi "REASON", which is recorded"#
        ]],
    );
    let act = review(
        incident(),
        Review {
            summary: Some("The portal was down.".to_owned()),
            root_cause: Some("The record of 123-45-6789 was too long.".to_owned()),
            ..Review::default()
        },
    );
    refused(
        &mut service,
        act,
        None,
        expect![[
            r#"the root cause holds what looks like a social security number: `***-**-****`; remove it, or, if it is something else, repeat the command with --not-phi "REASON", which is recorded"#
        ]],
    );
}

#[test]
fn a_reason_confirms_that_it_is_something_else_and_is_recorded() {
    let mut service = down();
    let text = "Fails for the test person, DOB 1900-01-01.";
    let done = confirmed(&mut service, update(text), "the vendor's test data");
    assert_eq!(done, Ok(()));
    let facts: Vec<&Fact> = service
        .events
        .iter()
        .rev()
        .take(2)
        .map(|(_, e)| &e.fact)
        .collect();
    let expected = Fact::TextConfirmed {
        about: "I-1".to_owned(),
        found: vec![Kind::DateOfBirth],
        reason: "the vendor's test data".to_owned(),
    };
    assert!(facts.contains(&&expected), "{facts:?}");
    let handling = &service
        .record
        .incidents
        .get(IncidentId(1))
        .unwrap()
        .handling;
    assert_eq!(
        handling.confirmed_texts[0].said.text,
        "the vendor's test data"
    );
    assert_eq!(handling.confirmed_texts[0].said.by, "kim");
}

#[test]
fn a_reason_that_is_not_needed_or_repeats_the_number_is_refused() {
    let mut service = down();
    refused(
        &mut service,
        update("It is down."),
        Some("test data"),
        expect![
            "no text looks like protected health information: repeat the command without --not-phi"
        ],
    );
    refused(
        &mut service,
        update("MRN 1234567"),
        Some("MRN 1234567 is of a test"),
        expect![
            "the reason why it is no protected health information holds what looks like a medical record number itself: `MRN *******`; write it without"
        ],
    );
    refused(
        &mut service,
        update("MRN 1234567"),
        Some(" "),
        expect!["the reason why it is no protected health information is missing"],
    );
}

#[test]
fn no_reason_lets_a_pasted_segment_or_resource_in() {
    let mut service = down();
    let segment = update("Rejected:\nPID|1||1234567^^^H^MR||Jones^Maria||19620314|F");
    refused(
        &mut service,
        segment,
        Some("test data"),
        expect![
            "the text holds an HL7 segment about a person: `PID|…`; remove it and describe the problem in words. No reason lifts this refusal"
        ],
    );
    let resource = update(r#"{"resourceType":"Patient","id":"x"}"#);
    refused(
        &mut service,
        resource,
        Some("test data"),
        expect![
            "the text holds a FHIR Patient resource: `Patient {…}`; remove it and describe the problem in words. No reason lifts this refusal"
        ],
    );
}

#[test]
fn every_text_of_every_act_is_checked() {
    // Each string of an act, but those that name configured or recorded things, is one of its texts.
    let named = [
        "do",
        "incident",
        "into",
        "outage",
        "system",
        "customer",
        "committee",
        "window",
        "notice",
        "severity",
        "measure",
        "figures",
        "policy",
        "import",
        "month",
        "from",
        "to",
        "start",
        "end",
        "estimate",
        "counts_from",
        "received",
        "request",
        "phase",
        "certainty",
        "component",
        "customers",
        "systems",
        "flags",
        "public",
        "phone",
        "prevents_access",
        "share_ppm",
        "as_of",
        "due",
        "max_downtime_s",
        "min_notice_s",
        "start_grace_s",
        "announce_s",
    ];
    for act in acts() {
        let value = serde_json::to_value(&act).unwrap();
        let mut strings = 0;
        for (key, value) in value.as_object().unwrap() {
            strings += match value {
                _ if named.contains(&key.as_str()) => 0,
                serde_json::Value::String(_) => 1,
                // A report by the public form has its type of issue.
                serde_json::Value::Null if key == "form" => 0,
                serde_json::Value::Object(_) if key == "form" => 1,
                // The texts and owners of measures.
                serde_json::Value::Array(all) => 2 * all.len(),
                other => panic!("{key}: {other}"),
            };
        }
        assert_eq!(act.texts().len(), strings, "{value}");
    }
}

/// An act of each kind, with every text.
fn acts() -> Vec<Act> {
    let json = serde_json::json!([
        { "do": "acknowledge", "incident": "I-1", "approved_by": "x" },
        { "do": "review", "incident": "I-1", "summary": "x", "root_cause": "x", "resolution": "x",
          "measures": [{ "text": "x", "owner": "x", "due": date(2026, 10, 1) }] },
        { "do": "update", "incident": "I-1", "text": "x" },
        { "do": "respond", "incident": "I-1", "whom": "x", "how": "x", "approved_by": "x" },
        { "do": "impact", "incident": "I-1" },
        { "do": "severity", "incident": "I-1", "severity": "high", "reason": "x" },
        { "do": "workaround", "incident": "I-1", "text": "x" },
        { "do": "pause", "incident": "I-1", "reason": "x" },
        { "do": "resume", "incident": "I-1" },
        { "do": "escalate", "incident": "I-1", "reason": "x" },
        { "do": "declare_disaster", "incident": "I-1", "reason": "x" },
        { "do": "merge", "incident": "I-1", "into": "I-2", "reason": "x" },
        { "do": "report_problem", "customer": "c", "request": "task", "text": "x", "reporter": "x" },
        { "do": "report_problem", "request": "problem", "text": "x", "reporter": "x",
          "form": { "reporter": 7, "issue": "x" } },
        { "do": "resolve", "incident": "I-1", "text": "x" },
        { "do": "correct", "incident": "I-1", "reason": "x" },
        { "do": "measure_done", "incident": "I-1", "measure": "1", "note": "x" },
        { "do": "close", "incident": "I-1", "without": "x", "confirmed_by": "x" },
        { "do": "declare_outage", "system": "a", "from": "2026-10-01T00:00:00Z", "evidence": "x" },
        { "do": "change_declaration", "outage": "O-1", "to": "2026-10-01T00:00:00Z", "reason": "x", "approved_by": "x" },
        { "do": "monitor_fault", "system": "a", "from": "2026-10-01T00:00:00Z", "to": "2026-10-01T00:00:00Z",
          "evidence": "x", "approved_by": "x" },
        { "do": "exclude", "outage": "O-1", "from": "2026-10-01T00:00:00Z", "to": "2026-10-01T00:00:00Z", "reason": "x",
          "evidence": "x", "approved_by": "x" },
        { "do": "reclassify", "outage": "O-1", "reason": "x" },
        { "do": "schedule_maintenance", "id": "x", "systems": ["a"], "title": "x", "impact": "x",
          "start": "2026-10-01T00:00:00Z", "end": "2026-10-01T00:00:00Z", "override": "x" },
        { "do": "extend_maintenance", "window": "w", "end": "2026-10-01T00:00:00Z", "reason": "x" },
        { "do": "cancel_maintenance", "window": "w", "reason": "x" },
        { "do": "resend_notice", "notice": "N-1", "reason": "x" },
        { "do": "approve_report", "committee": "c", "month": "2026-10", "reason": "x" },
        { "do": "revise_report", "committee": "c", "month": "2026-10", "reason": "x" },
        { "do": "told", "window": "w", "customer": "c", "how": "x", "approved_by": "x" },
        { "do": "import_desk", "policy": "p", "file": "x" },
    ]);
    serde_json::from_value(json).unwrap()
}
