//! The facts pick the first severity whose conditions match.

use domain::policy::{
    Clock, Commitment, Commitments, Condition, Facts, Flag, Level, Measure, Period, Request,
    RequestRule, Severity, State, Until, Workaround,
};

fn severity(id: &str, when: Vec<Condition>) -> Severity {
    Severity {
        id: id.to_owned(),
        when,
        ..Severity::default()
    }
}

/// Rx.Health: 5 % of the users divide medium from low, and exactly 5 % is low.
fn by_share() -> Commitments {
    let high = Condition {
        state: Some(State::Down),
        share_at_least_ppm: Some(1_000_000),
        minor_component: Some(false),
        ..Condition::default()
    };
    let revenue = Condition {
        flag: Some(Flag::Revenue),
        ..Condition::default()
    };
    let medium = Condition {
        share_above_ppm: Some(50_000),
        minor_component: Some(false),
        workaround: Some(false),
        ..Condition::default()
    };
    Commitments {
        severities: vec![
            severity("high", vec![high, revenue]),
            severity("medium", vec![medium]),
            severity("low", Vec::new()),
        ],
        ..Commitments::default()
    }
}

#[track_caller]
fn picks(commitments: &Commitments, facts: &Facts, expected: &str) {
    let severity = commitments.severity_of(facts).unwrap();
    assert_eq!(severity.id, expected, "{facts:?}");
}

#[test]
fn the_share_of_users_divides_exactly() {
    let rules = by_share();
    let with = |share_ppm| Facts {
        share_ppm,
        ..Facts::of_outage(State::Down, 1)
    };
    picks(&rules, &with(1_000_000), "high");
    picks(&rules, &with(999_999), "medium");
    picks(&rules, &with(51_000), "medium");
    picks(&rules, &with(50_001), "medium");
    picks(&rules, &with(50_000), "low");
    picks(&rules, &with(40_000), "low");
}

#[test]
fn until_a_person_says_more_everyone_is_affected() {
    let rules = by_share();
    picks(&rules, &Facts::of_outage(State::Down, 2), "high");
    picks(&rules, &Facts::of_outage(State::Degraded, 2), "medium");
    let minor = Facts {
        is_minor_component: true,
        ..Facts::of_outage(State::Down, 2)
    };
    picks(&rules, &minor, "low");
    let bypassed = Facts {
        has_workaround: true,
        ..Facts::of_outage(State::Degraded, 2)
    };
    picks(&rules, &bypassed, "low");
}

#[test]
fn one_condition_of_several_is_enough_and_all_its_facts_must_hold() {
    let rules = by_share();
    let mut facts = Facts {
        share_ppm: 10_000,
        ..Facts::of_outage(State::Degraded, 1)
    };
    picks(&rules, &facts, "low");
    facts.flags.insert(Flag::Revenue);
    picks(&rules, &facts, "high");
    facts.flags = [Flag::Regulatory].into();
    picks(&rules, &facts, "low");
}

#[test]
fn customers_requests_partners_and_breaches_are_facts() {
    let condition = |set: fn(&mut Condition)| {
        let mut condition = Condition::default();
        set(&mut condition);
        vec![condition]
    };
    let rules = Commitments {
        severities: vec![
            severity("security", condition(|c| c.flag = Some(Flag::Security))),
            severity("partner", condition(|c| c.partner = Some(true))),
            severity("several", condition(|c| c.customers_at_least = Some(2))),
            severity("blocked", condition(|c| c.prevents_access = Some(true))),
            severity(
                "change",
                condition(|c| c.requests = vec![Request::Change, Request::Access]),
            ),
            severity("rest", Vec::new()),
        ],
        ..Commitments::default()
    };
    picks(&rules, &Facts::of_request(Request::Breach), "security");
    picks(&rules, &Facts::of_request(Request::Access), "change");
    picks(&rules, &Facts::of_request(Request::General), "rest");
    picks(&rules, &Facts::of_outage(State::Down, 2), "several");
    picks(&rules, &Facts::of_outage(State::Down, 1), "rest");
    let partner = Facts {
        is_partner: true,
        ..Facts::of_outage(State::Down, 9)
    };
    picks(&rules, &partner, "partner");
    let blocked = Facts {
        prevents_access: true,
        ..Facts::of_request(Request::Problem)
    };
    picks(&rules, &blocked, "blocked");
}

#[test]
fn a_workaround_lowers_the_severity_that_says_so() {
    let down = Condition {
        state: Some(State::Down),
        ..Condition::default()
    };
    let rules = Commitments {
        severities: vec![
            severity("1", vec![down]),
            Severity {
                workaround: Some(Workaround::LowersTo("3".to_owned())),
                ..severity(
                    "2",
                    vec![Condition {
                        state: Some(State::Degraded),
                        ..Condition::default()
                    }],
                )
            },
            severity("3", Vec::new()),
        ],
        ..Commitments::default()
    };
    let bypassed = |state| Facts {
        has_workaround: true,
        ..Facts::of_outage(state, 1)
    };
    picks(&rules, &Facts::of_outage(State::Degraded, 1), "2");
    picks(&rules, &bypassed(State::Degraded), "3");
    picks(&rules, &bypassed(State::Down), "1");
    assert_eq!(
        (rules.rank("1"), rules.rank("3"), rules.rank("4")),
        (Some(0), Some(2), None)
    );
}

#[test]
fn a_policy_without_severities_picks_none() {
    let facts = Facts::of_outage(State::Down, 1);
    assert_eq!(Commitments::default().severity_of(&facts), None);
    assert!(Commitments::default().is_empty());
}

#[test]
fn the_clocks_of_a_request_take_the_place_of_those_of_the_severity() {
    let within = |hours: i64| {
        Some(Commitment {
            within_s: hours * 3_600,
            measure: Measure::Elapsed,
            during: Period::Always,
            estimate: false,
        })
    };
    let mut rules = by_share();
    rules.severities[2].respond = within(16);
    rules.severities[2].update = within(16);
    rules.requests = vec![RequestRule {
        types: vec![Request::Task, Request::Change],
        respond: within(8),
        update: None,
        resolve: None,
    }];
    let hours = |request, clock| {
        let promised = rules.commitment("low", request, clock);
        promised.map(|c| c.within_s / 3_600)
    };
    assert_eq!(hours(None, Clock::Response), Some(16));
    assert_eq!(hours(None, Clock::Update), Some(16));
    assert_eq!(hours(None, Clock::Resolution), None);
    assert_eq!(hours(Some(Request::Task), Clock::Response), Some(8));
    assert_eq!(hours(Some(Request::Task), Clock::Update), None);
    assert_eq!(hours(Some(Request::Problem), Clock::Response), Some(16));
    assert_eq!(rules.commitment("none", None, Clock::Response), None);
}

#[test]
fn commitments_are_stored_without_what_is_usual() {
    let mut rules = by_share();
    rules.severities.truncate(2);
    rules.severities[0].when.truncate(1);
    rules.severities[0].respond = Some(Commitment {
        within_s: 3_600,
        measure: Measure::Business,
        during: Period::AfterHours,
        estimate: true,
    });
    rules.severities[1].workaround = Some(Workaround::LowersTo("low".to_owned()));
    rules.escalation = vec![Level {
        level: 1,
        severities: vec!["high".to_owned()],
        during: Period::Always,
        after_s: Some(0),
        measure: Measure::Elapsed,
        unless: Some(Until::Responded),
        contacts: vec!["on-call".to_owned()],
        cumulative: false,
    }];
    let stored = serde_json::to_string(&rules).unwrap();
    assert_eq!(
        stored,
        r#"{"severities":[{"id":"high","when":[{"state":"down","share_at_least_ppm":1000000,"minor_component":false}],"respond":{"within_s":3600,"measure":"business","during":"after_hours","estimate":true}},{"id":"medium","when":[{"share_above_ppm":50000,"minor_component":false,"workaround":false}],"workaround":{"lowers_to":"low"}}],"escalation":[{"level":1,"severities":["high"],"during":"always","after_s":0,"measure":"elapsed","unless":"responded","contacts":["on-call"],"cumulative":false}]}"#
    );
    let read: Commitments = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, rules);
    // Configurations that were stored before have none of the keys.
    let none: Commitments = serde_json::from_str("{}").unwrap();
    assert!(none.is_empty());
}
