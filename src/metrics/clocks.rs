//! Metrics of the clocks and the escalation of incidents.

use std::collections::BTreeMap;

use domain::clocks::{Outcome, Run, State};
use domain::handling::Verdict;
use domain::incident::Incident;
use domain::policy::Clock;
use domain::record::Record;

use super::page::Page;

const CLOCKS: [Clock; 4] = [
    Clock::Response,
    Clock::Update,
    Clock::Resolution,
    Clock::DisasterRecovery,
];

/// The severity of incidents that no policy rates.
const NONE: &str = "none";

/// The clocks that run now.
pub fn add_running(page: &mut Page, record: &Record) {
    let running: Vec<(&Incident, &Run)> = record
        .incidents
        .unresolved()
        .flat_map(|incident| {
            let runs = incident.handling.clocks.runs.iter();
            let running = runs.filter(|run| run.result == Outcome::Running);
            running.map(move |run| (incident, run))
        })
        .collect();
    page.gauge(
        "nines_clock_due_timestamp_seconds",
        "When a running clock of an incident is due. Absent while it is paused.",
        |series| {
            for (incident, run) in &running {
                let id = incident.id.to_string();
                let labels = [
                    ("incident", id.as_str()),
                    ("clock", run.clock.word()),
                    ("severity", run.severity.as_str()),
                ];
                series.add(&labels, run.due);
            }
        },
    );
    page.gauge(
        "nines_clock_warning",
        "1 once 80 % of a running clock's time are used up.",
        |series| {
            for (incident, run) in &running {
                let id = incident.id.to_string();
                let labels = [
                    ("incident", id.as_str()),
                    ("clock", run.clock.word()),
                    ("severity", run.severity.as_str()),
                ];
                series.add(&labels, run.warned.is_some());
            }
        },
    );
}

/// Incidents that are not resolved, by severity; 0 for each severity that a policy names.
pub fn add_open(page: &mut Page, record: &Record) {
    let policies = record.catalogue.policies.iter();
    let named = policies.flat_map(|policy| &policy.commitments.severities);
    let named = named.map(|severity| severity.id.as_str()).chain([NONE]);
    let mut open: BTreeMap<&str, u64> = named.map(|severity| (severity, 0)).collect();
    let unresolved = record.incidents.unresolved();
    for incident in unresolved.filter(|i| i.closed.is_none()) {
        let severity = incident.handling.severity().unwrap_or(NONE);
        *open.entry(severity).or_default() += 1;
    }
    page.gauge(
        "nines_incidents_open_by_severity",
        "Unresolved incidents by severity; `none` if no policy rates them.",
        |series| {
            for (severity, count) in &open {
                series.add(&[("severity", severity)], *count);
            }
        },
    );
}

/// Totals over the whole ledger.
pub fn add_totals(page: &mut Page, record: &Record) {
    let mut clocks: BTreeMap<(String, &str, &str), u64> = BTreeMap::new();
    let mut levels: BTreeMap<(String, u8), u64> = BTreeMap::new();
    for policy in &record.catalogue.policies {
        let promises = &policy.commitments;
        let is_promised = !promises.severities.is_empty();
        for clock in CLOCKS.into_iter().filter(|_| is_promised) {
            for result in ["met", "missed"] {
                clocks.insert((policy.id.to_string(), clock.word(), result), 0);
            }
        }
        for level in &promises.escalation {
            levels.insert((policy.id.to_string(), level.level), 0);
        }
    }
    for incident in record.incidents.all() {
        let handling = &incident.handling;
        let Some(policy) = handling.policy.as_ref().map(ToString::to_string) else {
            continue;
        };
        for (clock, _, verdict) in &handling.decided {
            let result = match verdict {
                Verdict::Met => "met",
                Verdict::Missed => "missed",
                Verdict::Warned => continue,
            };
            *clocks
                .entry((policy.clone(), clock.word(), result))
                .or_default() += 1;
        }
        let notified = handling.levels.iter().filter(|l| l.state != State::Skipped);
        for level in notified {
            *levels.entry((policy.clone(), level.level)).or_default() += 1;
        }
    }
    page.counter(
        "nines_clocks_total",
        "Clocks of incidents that were met or missed, by policy.",
        |series| {
            for ((policy, clock, result), count) in &clocks {
                let labels = [
                    ("policy", policy.as_str()),
                    ("clock", *clock),
                    ("result", *result),
                ];
                series.add(&labels, *count);
            }
        },
    );
    page.counter(
        "nines_escalations_total",
        "Levels of escalation whose contacts were to be notified, by policy.",
        |series| {
            for ((policy, level), count) in &levels {
                let level = level.to_string();
                let labels = [("policy", policy.as_str()), ("level", level.as_str())];
                series.add(&labels, *count);
            }
        },
    );
}
