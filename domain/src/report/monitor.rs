//! What the monitor did not see, and why: its own month, told as openly as that of the systems.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::{AbsenceLine, FaultLine, LifeLine, Moment, Monitor, UnknownSpan};
use super::scope::{Scope, touches};
use super::systems::{Account, Accounts};
use crate::event::Silence;
use crate::id::{ProbeId, SystemId};
use crate::record::Life;
use crate::span::{Span, instant, second};

/// The spans of agreed time that nothing vouches for, in order of their start. Systems that have
/// the same span for the same causes share a line: the monitor's absence is said once.
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

/// Every cause that holds somewhere in the span, each once.
fn why(scope: &Scope<'_>, account: &Account<'_>, span: Span) -> String {
    let mut causes: Vec<&str> = Vec::new();
    let mut add = |cause: &'static str| {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    };
    let faults = scope.record.systems.get(account.id).map(|s| &s.faults);
    if faults.is_some_and(|f| f.iter().any(|f| f.span.meets(&span))) {
        add("a fault of the monitor, declared by a person");
    }
    let first = ProbeId::of(account.id, "");
    let ours = scope.record.probes.range(first.clone()..);
    for (_, record) in ours.take_while(|(id, _)| id.as_str().starts_with(first.as_str())) {
        for (from, to, cause) in &record.silent {
            if touches(*from, *to, span) {
                add(match cause {
                    Silence::New => "a probe had not answered yet",
                    Silence::Stopped => "the monitor was not running",
                    Silence::Missing => "no result arrived in time",
                    Silence::Inconclusive => "results were inconclusive",
                    Silence::Absent => {
                        "the monitor was absent: stalled, suspended, or its clock stepped"
                    }
                });
            }
        }
    }
    if causes.is_empty() {
        "nothing vouches for it".to_owned()
    } else {
        causes.join("; ")
    }
}

/// Faults of the monitor that touch the month.
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

/// Its absences, starts and stops in the month.
pub(super) fn own(scope: &Scope<'_>) -> Monitor {
    let moment = |at: Timestamp| Moment::of(at, &scope.zone);
    let absences = scope.record.absences.iter();
    let lives = scope.record.lives.iter();
    Monitor {
        absences: absences
            .filter(|(span, _)| touches(span.from, Some(span.to), scope.period))
            .map(|(span, cause)| AbsenceLine {
                from: moment(span.from),
                to: moment(span.to),
                length_s: second(span.to) - second(span.from),
                cause: *cause,
            })
            .collect(),
        lives: lives
            .filter(|(at, _)| scope.period.contains(*at))
            .map(|(at, life)| LifeLine {
                at: moment(*at),
                what: match life {
                    Life::Started(_) => "started",
                    Life::Stopped => "stopped",
                },
                alive_until: match life {
                    Life::Started(until) => until.map(moment),
                    Life::Stopped => None,
                },
            })
            .collect(),
    }
}
