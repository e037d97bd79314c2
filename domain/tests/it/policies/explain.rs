//! A policy in plain sentences.

use super::eastern_day;
use crate::service::policy;
use domain::explain;
use domain::policy::{
    Commitment, Commitments, Condition, Desk, DeskHours, DisasterRecovery, Feed, Flag, Level,
    Measure, Period, Policy, Request, RequestRule, Severity, State, Until, Workaround,
};
use expect_test::expect;

fn text(policy: &Policy) -> String {
    let mut text = String::new();
    for section in explain::policy(policy) {
        text.push_str(&format!("{}\n", section.title));
        for sentence in &section.sentences {
            text.push_str(&format!("  {sentence}\n"));
        }
    }
    text.replace('\u{a0}', " ")
}

#[test]
fn a_policy_without_commitments_promises_nothing() {
    expect![[r#"
        Availability
          There is no target for systems without a target of their own.
          All hours are agreed time.
          Unknown time is neither up nor down.
          Degraded time counts as up.
          Outages of any length count.
          Measured time decides if coverage is at least 99.0 %.
        Business hours
          The policy names no business hours.
        Severities
          The policy has no severities, and so no clocks.
        Escalation
          Not promised.
        Disaster recovery
          Not promised.
    "#]]
    .assert_eq(&text(&policy("plain", None)));
}

#[test]
fn every_commitment_is_a_sentence() {
    let within = |within_s, measure, during, estimate| {
        Some(Commitment {
            within_s,
            measure,
            during,
            estimate,
        })
    };
    let first = Condition {
        state: Some(State::Down),
        customers_at_least: Some(2),
        partner: Some(false),
        ..Condition::default()
    };
    let second = Condition {
        share_above_ppm: Some(50_000),
        minor_component: Some(false),
        workaround: Some(false),
        ..Condition::default()
    };
    let third = Condition {
        share_at_least_ppm: Some(1_000_000),
        prevents_access: Some(true),
        flag: Some(Flag::Security),
        requests: vec![Request::Problem, Request::Breach],
        ..Condition::default()
    };
    let commitments = Commitments {
        business_hours: Some(eastern_day()),
        severities: vec![
            Severity {
                id: "1".to_owned(),
                name: Some("System down".to_owned()),
                when: vec![first, second, third],
                respond: within(3_600, Measure::Business, Period::AfterHours, false),
                update: within(3_600, Measure::Elapsed, Period::Always, false),
                resolve: within(28_800, Measure::Elapsed, Period::Always, false),
                workaround: Some(Workaround::LowersTo("2".to_owned())),
            },
            Severity {
                id: "2".to_owned(),
                workaround: Some(Workaround::Resolves),
                ..Severity::default()
            },
        ],
        requests: vec![RequestRule {
            types: vec![Request::Task, Request::Change],
            respond: within(28_800, Measure::Elapsed, Period::Always, true),
            update: None,
            resolve: None,
        }],
        escalation: vec![
            Level {
                level: 1,
                severities: vec!["1".to_owned()],
                during: Period::AfterHours,
                after_s: Some(0),
                measure: Measure::Elapsed,
                unless: None,
                contacts: vec!["on-call".to_owned()],
                cumulative: false,
            },
            Level {
                level: 2,
                severities: Vec::new(),
                during: Period::Always,
                after_s: Some(3_600),
                measure: Measure::Business,
                unless: Some(Until::Resolved),
                contacts: vec!["level-2".to_owned()],
                cumulative: true,
            },
            Level {
                level: 3,
                severities: vec!["1".to_owned()],
                during: Period::Always,
                after_s: None,
                measure: Measure::Elapsed,
                unless: Some(Until::Responded),
                contacts: vec!["director".to_owned()],
                cumulative: false,
            },
        ],
        disaster_recovery: Some(DisasterRecovery {
            within_s: 172_800,
            measure: Measure::Elapsed,
        }),
        desk: Some(Desk {
            answer_within_s: 120,
            share_ppm: 850_000,
            hours: DeskHours::Business,
        }),
        issue_types: vec!["Password".to_owned(), "Portal".to_owned()],
        feeds: vec![Feed {
            name: "batch".to_owned(),
            stale_after_s: 93_600,
        }],
    };
    let policy = Policy {
        commitments,
        min_notice_s: Some(0),
        ..policy("full", None)
    };
    expect![[r#"
        Availability
          There is no target for systems without a target of their own.
          All hours are agreed time.
          Unknown time is neither up nor down.
          Degraded time counts as up.
          Outages of any length count.
          Measured time decides if coverage is at least 99.0 %.
          One-off maintenance counts as planned only if customers are notified before its start.
        Business hours
          Mon–Fri 07:00–19:00 (America/New_York), not on federal holidays of the United States (observed days).
        Severity 1 (System down)
          It is picked if the system is down, 2 or more customers are affected and the system is not a partner’s; or if more than 5.0 % of users are affected, the component is critical and there is no workaround; or if all users are affected, access is prevented, the report is of the type problem or breach and it has the flag security.
          Response: within 1 h of business time, if the incident begins after hours; otherwise not promised.
          Update: every 1 h of elapsed time until the incident is resolved.
          Resolution: within 8 h of elapsed time.
          A workaround lowers it to severity 2.
        Severity 2
          It takes every incident that no severity above takes.
          Response: not promised.
          Update: not promised.
          Resolution: not promised.
          A workaround answers the resolution clock.
        Requests
          Reports of the type task and change have clocks of their own, in place of those of their severity.
          Response: within 8 h of elapsed time, with an estimate of the time of resolution.
          Update: not promised.
          Resolution: not promised.
        Escalation
          Severity 1, level 1: on-call, at once, for incidents that begin after hours.
          Severity 1, level 2: on-call and level-2, after 1 h of business time unless the incident is resolved.
          Severity 1, level 3: director, only when a person escalates.
          Severity 2, level 2: level-2, after 1 h of business time unless the incident is resolved.
        Disaster recovery
          Service is restored within 48 h of elapsed time after a person declared a disaster.
        Service desk
          85.0 % of the calls that come in business hours are answered within 2 min. An abandoned call is not answered.
        Problem reports
          The report form offers these types of issue: Password and Portal.
        Feeds
          A batch feed is stale after 26 h without data.
    "#]]
    .assert_eq(&text(&policy));
}
