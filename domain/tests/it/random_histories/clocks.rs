//! What holds of the clocks of any history: each result is decided once, and the ledger says what the facts say.

use std::collections::BTreeMap;

use domain::act::{Act, Selector};
use domain::clocks::{Outcome, State};
use domain::event::{Fact, GapCause};
use domain::handling::{ClockRun, Form, Verdict};
use domain::id::IncidentId;
use domain::policy::{
    Clock, Commitment, Commitments, Condition, DisasterRecovery, Flag, Level, Measure, Period,
    Policy, Request, Severity, State as Extent, Until, Workaround,
};
use jiff::Timestamp;

use crate::service::{Service, policy};

/// A policy whose clocks are as short as the histories.
pub fn gold() -> Policy {
    let within = |within_s| {
        Some(Commitment {
            within_s,
            measure: Measure::Elapsed,
            during: Period::Always,
            estimate: false,
        })
    };
    let down = Condition {
        state: Some(Extent::Down),
        share_at_least_ppm: Some(500_000),
        ..Condition::default()
    };
    let degraded = Condition {
        state: Some(Extent::Degraded),
        ..Condition::default()
    };
    let level = |level, after_s, unless| Level {
        level,
        severities: Vec::new(),
        during: Period::Always,
        after_s,
        measure: Measure::Elapsed,
        unless,
        contacts: vec!["desk".into()],
        cumulative: false,
    };
    Policy {
        commitments: Commitments {
            severities: vec![
                Severity {
                    id: "high".into(),
                    when: vec![down],
                    respond: within(60),
                    update: within(90),
                    resolve: within(200),
                    workaround: Some(Workaround::LowersTo("low".into())),
                    ..Severity::default()
                },
                Severity {
                    id: "medium".into(),
                    when: vec![degraded],
                    respond: within(120),
                    ..Severity::default()
                },
                Severity {
                    id: "low".into(),
                    respond: within(300),
                    update: within(200),
                    ..Severity::default()
                },
            ],
            escalation: vec![
                level(1, Some(0), None),
                level(2, Some(45), Some(Until::Responded)),
                level(3, Some(150), Some(Until::Resolved)),
            ],
            disaster_recovery: Some(DisasterRecovery {
                within_s: 240,
                measure: Measure::Elapsed,
            }),
            ..Commitments::default()
        },
        ..policy("gold", None)
    }
}

/// A person's work on an incident.
pub fn work(
    which: u8,
    spread_s: i64,
    incident: Selector<IncidentId>,
    earlier: Option<Timestamp>,
) -> Act {
    let reason = "it must be".to_owned();
    match which {
        17 => Act::Respond {
            incident,
            whom: "the clinic".into(),
            how: "by telephone".into(),
            estimate: None,
            counts_from: earlier,
            approved_by: earlier.map(|_| "lee".to_owned()),
        },
        18 => Act::Impact {
            incident,
            share_ppm: Some(u32::try_from(spread_s).unwrap_or(0) * 2_500),
            customers: None,
            flags: (spread_s % 3 == 0).then(|| [Flag::Security].into()),
            prevents_access: None,
            component: None,
        },
        19 => Act::Severity {
            incident,
            severity: ["high", "medium", "low"][usize::try_from(spread_s % 3).unwrap_or(0)].into(),
            reason,
        },
        20 => Act::Workaround {
            incident,
            text: "by fax".into(),
        },
        21 => Act::Pause { incident, reason },
        22 => Act::Resume { incident },
        23 => Act::Escalate { incident, reason },
        24 => Act::DeclareDisaster { incident, reason },
        25 => Act::Resolve {
            incident,
            text: None,
        },
        26 => Act::Merge {
            incident: Selector::System("b".into()),
            into: Selector::System("a".into()),
            reason,
        },
        28 => Act::ReportProblem {
            customer: None,
            systems: Vec::new(),
            request: Request::Problem,
            text: "nothing opens".into(),
            reporter: String::new(),
            received: earlier,
            phone: false,
            form: Some(Form {
                reporter: spread_s,
                issue: "Sign-in".into(),
                policy: (spread_s % 2 == 0).then(|| "gold".into()),
            }),
        },
        _ => Act::ReportProblem {
            customer: Some("clinic".into()),
            systems: (spread_s % 2 == 0)
                .then(|| "a".into())
                .into_iter()
                .collect(),
            request: Request::Problem,
            text: "nothing works".into(),
            reporter: "Ray".into(),
            received: earlier,
            phone: false,
            form: None,
        },
    }
}

/// Facts about the work on incidents: their numbers and times depend on deliveries.
pub fn is_work(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::UpdateDelivered { .. }
            | Fact::IncidentRated { .. }
            | Fact::OutageJoined { .. }
            | Fact::ProblemReported { .. }
            | Fact::IncidentResponded { .. }
            | Fact::IncidentAssessed { .. }
            | Fact::WorkaroundFound { .. }
            | Fact::TextConfirmed { .. }
            | Fact::IncidentPaused { .. }
            | Fact::IncidentResumed { .. }
            | Fact::IncidentEscalated { .. }
            | Fact::DisasterDeclared { .. }
            | Fact::IncidentMerged { .. }
            | Fact::LevelReached { .. }
            | Fact::ClockWarned { .. }
            | Fact::ClockMet { .. }
            | Fact::ClockMissed { .. }
    )
}

/// A miss is decided after its due instant, a warning no later than it could be known, and each of them once.
pub fn each_result_is_decided_once(service: &Service) {
    let mut decided: BTreeMap<(IncidentId, Clock, u32, Verdict), u32> = BTreeMap::new();
    let mut count = |incident: IncidentId, run: &ClockRun, verdict| {
        *decided
            .entry((incident, run.clock, run.number, verdict))
            .or_default() += 1;
    };
    for (seq, event) in &service.events {
        match &event.fact {
            Fact::ClockWarned { incident, run } => count(*incident, run, Verdict::Warned),
            Fact::ClockMet {
                incident,
                run,
                answered,
            } => {
                assert!(
                    run.due.is_none_or(|due| *answered <= due),
                    "#{seq} {run:?} answered {answered}"
                );
                count(*incident, run, Verdict::Met);
            }
            Fact::ClockMissed { incident, run } => {
                assert!(run.due.unwrap() < event.at, "#{seq} {} {run:?}", event.at);
                count(*incident, run, Verdict::Missed);
            }
            _ => {}
        }
    }
    for (what, times) in decided {
        assert_eq!(times, 1, "{what:?}");
    }
}

/// Every result of the facts is in the ledger, and no other, unless a person gave an earlier time. A clock that was
/// set moves instants, so such histories are left out.
pub fn the_ledger_says_what_the_facts_say(service: &Service) {
    let is_set = |fact: &Fact| {
        matches!(
            fact,
            Fact::MonitoringGap {
                cause: GapCause::ClockStepped,
                ..
            }
        )
    };
    if service.events.iter().any(|(_, event)| is_set(&event.fact)) {
        return;
    }
    let record = &service.record;
    for incident in record.incidents.all() {
        let handling = &incident.handling;
        let runs = record.clock_runs(incident, record.as_of.unwrap()).unwrap();
        let mut numbers: BTreeMap<Clock, u32> = BTreeMap::new();
        let earlier = handling.responses.iter().any(|r| r.approved_by.is_some());
        let moved = earlier || !handling.problems.is_empty();
        for run in &runs {
            let number = numbers.entry(run.clock).or_default();
            *number += 1;
            let has = |verdict| handling.decided.contains(&(run.clock, *number, verdict));
            match run.result {
                Outcome::Met => assert!(has(Verdict::Met), "{} {run:?}", incident.id),
                Outcome::NotNeeded | Outcome::Merged if !moved => {
                    assert!(
                        !has(Verdict::Missed) && !has(Verdict::Met),
                        "{} {run:?}",
                        incident.id
                    );
                }
                Outcome::Missed if incident.resolved_at.is_some() => {
                    assert!(has(Verdict::Missed), "{} {run:?}", incident.id);
                }
                _ => {}
            }
        }
        let levels = handling
            .clocks
            .levels
            .iter()
            .filter(|l| l.state != State::Pending);
        assert_eq!(levels.count(), handling.levels.len(), "{}", incident.id);
    }
}
