//! Causes that repeat: the same root cause, or the same failure of a system, more than once in thirteen months
//! and again in the report's month.

use std::collections::BTreeMap;

use super::model::{Repeat, RepeatKind};
use super::scope::{Scope, touches};
use super::trend::MONTHS;
use crate::calendar::Month;
use crate::id::SystemId;
use crate::sample::Reason;
use crate::span::Span;

/// Root causes in order of their words, then failures in order of the systems.
pub(super) fn lines(scope: &Scope<'_>, month: Month) -> Vec<Repeat> {
    let first = (1..MONTHS).fold(month, |month, _| month.prev());
    let months = Span::new(scope.zones.month(first).0.from, scope.seen().to);
    let mut repeats = root_causes(scope, months);
    repeats.extend(failures(scope, months));
    repeats
}

/// A repeated cause while it is collected.
#[derive(Default)]
struct Found {
    words: String,
    systems: Vec<String>,
    ids: Vec<String>,
    this_month: bool,
}

impl Found {
    fn line(self, kind: RepeatKind) -> Option<Repeat> {
        (self.ids.len() > 1 && self.this_month).then_some(Repeat {
            kind,
            cause: self.words,
            systems: self.systems,
            ids: self.ids,
        })
    }
}

/// Texts count as the same if they differ only in capitals, spaces and a final full stop.
fn root_causes(scope: &Scope<'_>, months: Span) -> Vec<Repeat> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for incident in scope.record.incidents.all() {
        let told = incident.merged.is_none() && scope.any(&incident.systems);
        let Some(cause) = incident.review.root_cause.as_ref().filter(|_| told) else {
            continue;
        };
        if !months.contains(incident.opened_at) {
            continue;
        }
        let words: Vec<&str> = cause.split_whitespace().collect();
        let key = words.join(" ").trim_end_matches('.').to_lowercase();
        let entry = found.entry(key).or_default();
        entry.words.clone_from(cause);
        for system in &incident.systems {
            let name = scope.name(system);
            if scope.systems.contains_key(system) && !entry.systems.contains(&name) {
                entry.systems.push(name);
            }
        }
        entry.ids.push(incident.id.to_string());
        entry.this_month |= scope.period.contains(incident.opened_at);
    }
    let lines = found.into_values();
    lines
        .filter_map(|found| found.line(RepeatKind::RootCause))
        .collect()
}

fn failures(scope: &Scope<'_>, months: Span) -> Vec<Repeat> {
    let mut found: BTreeMap<(&SystemId, Reason), Found> = BTreeMap::new();
    for outage in scope.record.outages.all() {
        let Some(reason) = outage.reason else {
            continue;
        };
        if !scope.systems.contains_key(&outage.system) || !months.contains(outage.start) {
            continue;
        }
        let entry = found.entry((&outage.system, reason)).or_default();
        reason.word().clone_into(&mut entry.words);
        entry.systems = vec![scope.name(&outage.system)];
        entry.ids.push(outage.id.to_string());
        entry.this_month |= touches(outage.start, outage.end, scope.period);
    }
    let lines = found.into_values();
    lines
        .filter_map(|found| found.line(RepeatKind::Failure))
        .collect()
}
