//! Monitoring gaps, monitor faults and absences of the monitor.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::{AbsenceLine, Away, FaultLine, Moment, Monitor, UnknownSpan};
use super::scope::{Scope, touches};
use super::systems::{Account, Accounts};
use crate::event::{GapCause, Silence};
use crate::id::SystemId;
use crate::record::{Life, Record};
use crate::span::{Span, instant, second};

/// The spans of agreed time without a sample, in order of start. Systems with the same span and
/// causes share a line.
pub(super) fn unknown(scope: &Scope<'_>, accounts: &Accounts<'_>) -> Vec<UnknownSpan> {
    let mut all: BTreeMap<(i64, i64, String), Vec<&SystemId>> = BTreeMap::new();
    for account in accounts.values() {
        let classes = &account.figures.classes;
        for (from, to) in classes.unknown.union(&classes.unknown_as_down).iter() {
            let why = why(scope, account, Span::new(instant(from), instant(to)));
            all.entry((from, to, why)).or_default().push(account.id);
        }
    }
    all.into_iter()
        .map(|((from, to, why), systems)| UnknownSpan {
            systems: systems.iter().map(ToString::to_string).collect(),
            names: systems.iter().map(|id| scope.name(id)).collect(),
            from: Moment::of(instant(from), &scope.zone),
            to: Moment::of(instant(to), &scope.zone),
            unknown_s: to - from,
            why,
        })
        .collect()
}

/// Every cause of a gap in the span, each once.
fn why(scope: &Scope<'_>, account: &Account<'_>, span: Span) -> String {
    let mut causes: Vec<&str> = Vec::new();
    let mut add = |cause: &'static str| {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    };
    let faults = scope.record.systems.get(account.id).map(|s| &s.faults);
    if faults.is_some_and(|f| f.iter().any(|f| f.span.meets(&span))) {
        add("a monitor fault declared by a person");
    }
    if scope
        .record
        .monitoring
        .repeated()
        .iter()
        .any(|s| s.meets(&span))
    {
        add("the clock was set back, so this time occurred twice");
    }
    for record in scope.record.probes.of_system(account.id) {
        for (from, to, cause) in &record.silent {
            if touches(*from, *to, span) {
                add(match cause {
                    Silence::New => "a probe had no result yet",
                    Silence::Stopped => "the monitor was not running",
                    Silence::Missing => "no result arrived in time",
                    Silence::Inconclusive => "results were inconclusive",
                    Silence::MonitoringGap => {
                        "the monitor was stalled or suspended, or its clock stepped"
                    }
                });
            }
        }
    }
    if causes.is_empty() {
        "no sample covers it".to_owned()
    } else {
        causes.join("; ")
    }
}

/// Monitor faults that touch the month.
pub(super) fn faults(scope: &Scope<'_>) -> Vec<FaultLine> {
    let systems = scope.systems.keys();
    systems
        .filter_map(|id| Some((id, scope.record.systems.get(*id)?)))
        .flat_map(|(id, system)| system.faults.iter().map(move |f| (id, f)))
        .filter(|(_, fault)| fault.span.meets(&scope.period))
        .map(|(id, fault)| FaultLine {
            system: id.to_string(),
            from: Moment::of(fault.span.from, &scope.zone),
            to: Moment::of(fault.span.to, &scope.zone),
            evidence: fault.evidence.clone(),
            by: fault.by.0.clone(),
            approved_by: fault.by.1.clone(),
        })
        .collect()
}

/// The absences of the monitor in the month, from the ledger alone: the time between two runs of
/// the service, and the time hidden by stalls, suspends and clock steps.
pub(super) fn own(scope: &Scope<'_>) -> Monitor {
    let seen = scope.seen();
    let mut all = between_lives(scope.record);
    all.extend(scope.record.monitoring.gaps().iter().map(|(span, cause)| {
        let cause = match cause {
            GapCause::Stalled => Away::Stalled,
            GapCause::ClockStepped => Away::ClockStepped,
        };
        (span.from, Some(span.to), cause)
    }));
    // A restart within one instant is an absence of length zero.
    all.retain(|(from, to, _)| *from < seen.to && to.is_none_or(|to| to > seen.from));
    all.sort_unstable();
    let line = |(from, to, cause): (Timestamp, Option<Timestamp>, Away)| AbsenceLine {
        from: Moment::of(from, &scope.zone),
        to: to.map(|to| Moment::of(to, &scope.zone)),
        length_s: to.map(|to| second(to) - second(from)),
        cause,
        why: in_words(cause),
    };
    Monitor {
        absences: all.into_iter().map(line).collect(),
    }
}

/// The spans in which the service did not run. An open one has no end.
fn between_lives(record: &Record) -> Vec<(Timestamp, Option<Timestamp>, Away)> {
    let mut spans = Vec::new();
    // A configured system should be monitored from then on.
    let founded_at = record.configurations.all().first().map(|(at, _, _)| *at);
    let mut before = founded_at.map(|at| (at, Away::NotStarted));
    for (at, life) in record.monitoring.lives() {
        match life {
            Life::Stopped => before = Some((*at, Away::Stopped)),
            Life::Crashed => before = Some((*at, Away::Died)),
            Life::Started(alive_until) => {
                // After a crash the ledger holds only the last instant at which the service is
                // known to have run.
                let gap = before.take();
                let (from, cause) = gap.unwrap_or((alive_until.unwrap_or(*at), Away::Died));
                if from < *at || cause != Away::NotStarted {
                    spans.push((from.min(*at), Some(*at), cause));
                }
            }
        }
    }
    spans.extend(before.map(|(from, cause)| (from, None, cause)));
    spans
}

fn in_words(cause: Away) -> &'static str {
    match cause {
        Away::NotStarted => "the service was configured and had not been started yet",
        Away::Stopped => "the service was stopped",
        Away::Died => {
            "the service was killed, crashed or lost power; counted from its last sign of life"
        }
        Away::Stalled => "the machine was suspended, or the service got no processor time",
        Away::ClockStepped => "the machine\u{2019}s clock was changed",
    }
}
