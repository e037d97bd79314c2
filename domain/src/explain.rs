//! A policy in plain sentences.

mod steps;

use crate::policy::{
    Clock, Commitment, Commitments, Condition, Desk, DeskHours, Level, Measure, Period, Policy,
    Request, Severity, Target, Until, Workaround,
};
use crate::report::{choices, weekly, words};

/// Sentences about one part of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub sentences: Vec<String>,
}

/// Every part of a policy. A commitment that it lacks is "not promised".
pub fn policy(policy: &Policy) -> Vec<Section> {
    let commitments = &policy.commitments;
    let mut sections = vec![
        section("Availability", availability(policy)),
        section("Business hours", business_hours(commitments)),
    ];
    let severities = &commitments.severities;
    for (rank, severity) in severities.iter().enumerate() {
        sections.push(section(
            &format!("Severity {}", called(severity)),
            sentences(severity, rank + 1 == severities.len()),
        ));
    }
    if severities.is_empty() {
        let none = "The policy has no severities, and so no clocks.".to_owned();
        sections.push(section("Severities", vec![none]));
    }
    if !commitments.requests.is_empty() {
        sections.push(section("Requests", requests(commitments)));
    }
    sections.push(section("Escalation", escalation(commitments)));
    sections.push(section("Disaster recovery", vec![disaster(commitments)]));
    if let Some(desk) = commitments.desk {
        sections.push(section("Service desk", vec![service_desk(desk)]));
    }
    if !commitments.issue_types.is_empty() {
        let types = words::list(&commitments.issue_types);
        let offered = format!("The report form offers these types of issue: {types}.");
        sections.push(section("Problem reports", vec![offered]));
    }
    if !commitments.feeds.is_empty() {
        let feeds = commitments.feeds.iter().map(|feed| {
            let silence = words::length(feed.stale_after_s);
            format!(
                "A {} feed is stale after {silence} without data.",
                feed.name
            )
        });
        sections.push(section("Feeds", feeds.collect()));
    }
    sections
}

fn service_desk(desk: Desk) -> String {
    let hours = match desk.hours {
        DeskHours::Business => " in business hours",
        DeskHours::Always => "",
    };
    format!(
        "{} % of the calls that come{hours} are answered within {}. An abandoned call is not answered.",
        words::target(desk.target()),
        words::length(desk.answer_within_s)
    )
}

fn section(title: &str, sentences: Vec<String>) -> Section {
    Section {
        title: title.to_owned(),
        sentences,
    }
}

fn availability(policy: &Policy) -> Vec<String> {
    let target = match policy.target {
        Some(target) => format!(
            "The target is {} % for systems without a target of their own.",
            words::target(target)
        ),
        None => "There is no target for systems without a target of their own.".to_owned(),
    };
    let mut sentences = vec![target];
    sentences.extend(choices(policy));
    sentences
}

fn business_hours(commitments: &Commitments) -> Vec<String> {
    vec![match &commitments.business_hours {
        Some(hours) => format!("{}.", weekly(hours)),
        None => "The policy names no business hours.".to_owned(),
    }]
}

fn called(severity: &Severity) -> String {
    match &severity.name {
        Some(name) => format!("{} ({name})", severity.id),
        None => severity.id.clone(),
    }
}

fn sentences(severity: &Severity, is_last: bool) -> Vec<String> {
    let mut all = Vec::new();
    match severity.when.as_slice() {
        [] if is_last => {
            all.push("It takes every incident that no severity above takes.".to_owned())
        }
        [] => all.push("It takes every incident.".to_owned()),
        conditions => {
            let any: Vec<String> = conditions.iter().map(condition).collect();
            all.push(format!("It is picked if {}.", any.join("; or if ")));
        }
    }
    all.extend(Clock::ALL.map(|clock| promise(clock, severity.commitment(clock))));
    all.extend(severity.workaround.as_ref().map(|effect| match effect {
        Workaround::LowersTo(lower) => format!("A workaround lowers it to severity {lower}."),
        Workaround::Resolves => "A workaround answers the resolution clock.".to_owned(),
    }));
    all
}

fn promise(clock: Clock, commitment: Option<&Commitment>) -> String {
    let name = words::sentence(clock.word());
    let Some(commitment) = commitment else {
        return format!("{name}: not promised.");
    };
    let length = length(commitment.within_s, commitment.measure);
    let mut text = match clock {
        Clock::Update => format!("{name}: every {length} until the incident is resolved"),
        Clock::Response | Clock::Resolution | Clock::DisasterRecovery => {
            format!("{name}: within {length}")
        }
    };
    if commitment.estimate {
        text.push_str(", with an estimate of the time of resolution");
    }
    match commitment.during {
        Period::Always => text.push('.'),
        period => text.push_str(&format!(
            ", if the incident begins {}; otherwise not promised.",
            period.text()
        )),
    }
    text
}

fn length(seconds: i64, measure: Measure) -> String {
    let measure = match measure {
        Measure::Elapsed => "elapsed",
        Measure::Business => "business",
    };
    format!("{} of {measure} time", words::length(seconds))
}

/// A condition, as the end of "if …".
fn condition(condition: &Condition) -> String {
    let mut parts: Vec<String> = Vec::new();
    let share = |ppm: u32| format!("{} % of users", words::target(Target { ppm }));
    let mut say = |part: Option<String>| parts.extend(part);
    let either = |fact: Option<bool>, yes: &str, no: &str| {
        fact.map(|fact| if fact { yes } else { no }.to_owned())
    };
    say(condition
        .state
        .map(|state| format!("the system is {}", state.word())));
    say(condition.customers_at_least.map(|n| match n {
        1 => "a customer is affected".to_owned(),
        n => format!("{n} or more customers are affected"),
    }));
    say(condition
        .share_above_ppm
        .map(|ppm| format!("more than {} are affected", share(ppm))));
    say(condition.share_at_least_ppm.map(|ppm| match ppm {
        1_000_000 => "all users are affected".to_owned(),
        ppm => format!("at least {} are affected", share(ppm)),
    }));
    say(either(
        condition.partner,
        "the system is a partner\u{2019}s",
        "the system is not a partner\u{2019}s",
    ));
    say(either(
        condition.minor_component,
        "the component is not critical",
        "the component is critical",
    ));
    say(either(
        condition.workaround,
        "there is a workaround",
        "there is no workaround",
    ));
    say(either(
        condition.prevents_access,
        "access is prevented",
        "access is not prevented",
    ));
    say(Some(&condition.requests)
        .filter(|r| !r.is_empty())
        .map(|requests| {
            let words: Vec<&str> = requests.iter().map(|request| request.word()).collect();
            format!("the report is of the type {}", words.join(" or "))
        }));
    say(condition
        .flag
        .map(|flag| format!("it has the flag {}", flag.word())));
    words::list(&parts)
}

fn requests(commitments: &Commitments) -> Vec<String> {
    let mut all = Vec::new();
    for rule in &commitments.requests {
        let types: Vec<&str> = rule
            .types
            .iter()
            .map(|request: &Request| request.word())
            .collect();
        let types = words::list(&types);
        all.push(format!(
            "Reports of the type {types} have clocks of their own, in place of those of their severity."
        ));
        all.extend(Clock::ALL.map(|clock| promise(clock, rule.commitment(clock))));
    }
    all
}

fn escalation(commitments: &Commitments) -> Vec<String> {
    if commitments.escalation.is_empty() {
        return vec!["Not promised.".to_owned()];
    }
    let severities = commitments.severities.iter();
    severities
        .flat_map(|severity| {
            let levels = commitments.levels(&severity.id).into_iter();
            levels.map(|level| {
                let contacts = words::list(&commitments.contacts(&severity.id, level));
                format!(
                    "Severity {}, level {}: {contacts}, {}.",
                    severity.id,
                    level.level,
                    when(level)
                )
            })
        })
        .collect()
}

/// The moment of a level, as the end of "is notified …".
fn when(level: &Level) -> String {
    let mut text = match level.after_s {
        None => "only when a person escalates".to_owned(),
        Some(0) => "at once".to_owned(),
        Some(s) => format!("after {}", length(s, level.measure)),
    };
    // A person decides without it.
    let unless = level.unless.filter(|_| level.after_s.is_some());
    text.push_str(match unless {
        None => "",
        Some(Until::Acknowledged) => " unless the incident is acknowledged",
        Some(Until::Responded) => " unless a response was delivered",
        Some(Until::Resolved) => " unless the incident is resolved",
    });
    if level.during != Period::Always {
        text.push_str(&format!(
            ", for incidents that begin {}",
            level.during.text()
        ));
    }
    text
}

fn disaster(commitments: &Commitments) -> String {
    match commitments.disaster_recovery {
        None => "Not promised.".to_owned(),
        Some(recovery) => format!(
            "Service is restored within {} after a person declared a disaster.",
            length(recovery.within_s, recovery.measure)
        ),
    }
}
