//! Deadlines with the steps of their calculation, and the plan of an escalation.

use super::{at, coast_to_coast, eastern_day};
use domain::calendar;
use domain::deadlines::{self, Deadline};
use domain::policy::{Clock, Commitment, Commitments, Level, Measure, Period, Severity, Until};
use expect_test::{Expect, expect};

const HOUR: i64 = 3_600;

fn within(within_s: i64, measure: Measure, during: Period) -> Option<Commitment> {
    Some(Commitment {
        within_s,
        measure,
        during,
        estimate: false,
    })
}

fn severity(id: &str) -> Severity {
    Severity {
        id: id.to_owned(),
        ..Severity::default()
    }
}

/// EMR-Link: severities 1 and 2 within 1 h of business time, severity 3 within 24 elapsed hours.
fn three_severities() -> Commitments {
    let business = |id| Severity {
        respond: within(HOUR, Measure::Business, Period::Always),
        ..severity(id)
    };
    Commitments {
        business_hours: Some(coast_to_coast()),
        severities: vec![
            business("1"),
            business("2"),
            Severity {
                respond: within(24 * HOUR, Measure::Elapsed, Period::Always),
                ..severity("3")
            },
        ],
        ..Commitments::default()
    }
}

/// HEALTHeLINK: a critical call after hours is answered within an hour.
fn after_hours() -> Commitments {
    let level = |level, during, after_s, unless| Level {
        level,
        severities: vec!["critical".to_owned()],
        during,
        after_s: Some(after_s),
        measure: Measure::Elapsed,
        unless,
        contacts: vec![format!("level-{level}")],
        cumulative: false,
    };
    Commitments {
        business_hours: Some(eastern_day()),
        severities: vec![
            Severity {
                respond: within(HOUR, Measure::Elapsed, Period::AfterHours),
                ..severity("critical")
            },
            severity("low"),
        ],
        escalation: vec![
            level(1, Period::AfterHours, 0, None),
            level(2, Period::Always, HOUR, Some(Until::Resolved)),
        ],
        ..Commitments::default()
    }
}

fn shown(deadline: &Deadline, commitments: &Commitments) -> String {
    let zone = calendar::zone("America/New_York").unwrap();
    let hours = commitments.business_hours.as_ref();
    let due = deadline
        .due
        .map_or("none".to_owned(), |due| due.to_string());
    let mut text = format!(
        "{} from {} due {due}\n",
        deadline.clock.word(),
        deadline.started
    );
    for step in &deadline.steps {
        text.push_str(&format!(
            "  {}\n",
            step.text(hours, &zone).replace('\u{a0}', " ")
        ));
    }
    text
}

#[track_caller]
fn of(commitments: &Commitments, severity: &str, from: &str, expected: &Expect) {
    let all = deadlines::of_incident(commitments, severity, None, at(from)).unwrap();
    let text: String = all
        .iter()
        .map(|deadline| shown(deadline, commitments))
        .collect();
    expected.assert_eq(&text);
}

#[test]
fn a_minute_before_the_close_on_the_day_before_thanksgiving() {
    // 1 min on Wednesday, nothing on Thursday and Friday (holidays) and on the weekend, 59 min on Monday.
    of(
        &three_severities(),
        "1",
        "2026-11-25T16:59:00-08:00",
        &expect![[r#"
            response from 2026-11-26T00:59:00Z due 2026-11-30T13:59:00Z
              2026-11-25 19:59:00 EST to 2026-11-25 17:00:00 PST: 1 min, 59 min left
              2026-11-25 17:00:00 PST to 2026-11-30 08:00:00 EST: closed
              2026-11-30 08:00:00 EST to 2026-11-30 08:59:00 EST: 59 min, due
            update from 2026-11-26T00:59:00Z due none
              not promised
            resolution from 2026-11-26T00:59:00Z due none
              not promised
        "#]],
    );
}

#[test]
fn a_clock_in_business_time_starts_at_the_next_opening() {
    // Saturday 2026-10-03; Monday the 5th opens at 08:00 EDT = 12:00 UTC.
    let all = deadlines::of_incident(&three_severities(), "2", None, at("2026-10-03T15:00:00Z"));
    let response = &all.unwrap()[0];
    assert_eq!(response.started, at("2026-10-05T12:00:00Z"));
    assert_eq!(response.due, Some(at("2026-10-05T13:00:00Z")));
}

#[test]
fn an_elapsed_clock_runs_through_nights_and_clock_changes() {
    // 24 h over the night in which New York has 25: the local time of the due instant is an hour earlier.
    let from = at("2026-10-31T12:00:00-04:00");
    let all = deadlines::of_incident(&three_severities(), "3", None, from).unwrap();
    assert_eq!(all[0].due, Some(at("2026-11-01T11:00:00-05:00")));
    assert_eq!(all[0].started, from);
}

#[test]
fn a_commitment_for_the_night_is_not_promised_by_day() {
    let rules = after_hours();
    // Saturday noon is after hours: due an hour later.
    of(
        &rules,
        "critical",
        "2026-10-03T12:00:00-04:00",
        &expect![[r#"
            response from 2026-10-03T16:00:00Z due 2026-10-03T17:00:00Z
              2026-10-03 12:00:00 EDT to 2026-10-03 13:00:00 EDT: 1 h, due
            update from 2026-10-03T16:00:00Z due none
              not promised
            resolution from 2026-10-03T16:00:00Z due none
              not promised
        "#]],
    );
    // Monday noon is not.
    let by_day = deadlines::of_incident(&rules, "critical", None, at("2026-10-05T12:00:00-04:00"));
    let response = &by_day.unwrap()[0];
    assert_eq!((response.clock, response.due), (Clock::Response, None));
    assert!(shown(response, &rules).contains("only for incidents that begin after hours"));
    // The second of the close is after hours, and so is an observed holiday at noon (Friday 2026-07-03).
    let due = |from: &str| {
        let all = deadlines::of_incident(&rules, "critical", None, at(from)).unwrap();
        all[0].due
    };
    assert_eq!(
        due("2026-10-05T19:00:00-04:00"),
        Some(at("2026-10-05T20:00:00-04:00"))
    );
    assert_eq!(due("2026-10-05T18:59:59-04:00"), None);
    assert_eq!(
        due("2026-07-03T12:00:00-04:00"),
        Some(at("2026-07-03T13:00:00-04:00"))
    );
}

#[test]
fn levels_hold_in_their_part_of_the_week() {
    let rules = after_hours();
    let plan = |from: &str| {
        let plan = deadlines::escalation(&rules, "critical", at(from)).unwrap();
        let line = |e: &deadlines::Escalation| (e.level, e.due.map(|due| due.to_string()));
        plan.iter().map(line).collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        plan("2026-10-03T16:00:00Z"),
        [
            (1, some("2026-10-03T16:00:00Z")),
            (2, some("2026-10-03T17:00:00Z"))
        ]
    );
    assert_eq!(
        plan("2026-10-05T16:00:00Z"),
        [(2, some("2026-10-05T17:00:00Z"))]
    );
    let low = deadlines::escalation(&rules, "low", at("2026-10-03T16:00:00Z")).unwrap();
    assert!(low.is_empty());
}

#[test]
fn a_cumulative_level_adds_its_contacts_to_those_below() {
    let level = |level, severities: &[&str], cumulative| Level {
        level,
        severities: severities.iter().map(|&id| id.to_owned()).collect(),
        during: Period::Always,
        after_s: Some(i64::from(level) * HOUR),
        measure: Measure::Elapsed,
        unless: Some(Until::Responded),
        contacts: vec![format!("level-{level}"), "shared".to_owned()],
        cumulative,
    };
    let rules = Commitments {
        severities: vec![severity("high"), severity("low")],
        escalation: vec![
            level(3, &["high"], true),
            level(1, &[], true),
            level(2, &["high", "low"], true),
            level(4, &["high"], false),
        ],
        ..Commitments::default()
    };
    let contacts = |severity: &str| -> Vec<String> {
        let plan = deadlines::escalation(&rules, severity, at("2026-10-05T12:00:00Z")).unwrap();
        let line = |e: &deadlines::Escalation| format!("{}: {}", e.level, e.contacts.join(" "));
        plan.iter().map(line).collect()
    };
    assert_eq!(
        contacts("high"),
        [
            "1: level-1 shared",
            "2: level-1 shared level-2",
            "3: level-1 shared level-2 level-3",
            "4: level-4 shared"
        ]
    );
    assert_eq!(
        contacts("low"),
        ["1: level-1 shared", "2: level-1 shared level-2"]
    );
}

#[test]
fn a_level_without_a_delay_waits_for_a_person() {
    let mut rules = after_hours();
    rules.escalation[1].after_s = None;
    let plan = deadlines::escalation(&rules, "critical", at("2026-10-05T16:00:00Z")).unwrap();
    assert_eq!((plan[0].level, plan[0].due), (2, None));
}

#[test]
fn a_level_may_count_business_time() {
    let mut rules = after_hours();
    rules.escalation[1].measure = Measure::Business;
    // Friday 18:30: 30 min until 19:00, then Monday 07:30 EDT.
    let plan = deadlines::escalation(&rules, "critical", at("2026-10-02T18:30:00-04:00")).unwrap();
    assert_eq!(plan[0].due, Some(at("2026-10-05T07:30:00-04:00")));
}
