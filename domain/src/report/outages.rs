//! The outages of the month: seconds by class, and how fast they were handled.

use jiff::Timestamp;

use super::merged::{self, Milestones};
use super::model::{Declaration, ExclusionLine, Moment, OutageLine, Overrun};
use super::scope::{Scope, touches};
use super::systems::{Account, Accounts};
use super::{maintenance, unplanned_reasons};
use crate::accounting::OutageFigures;
use crate::record::{Exclusion, Outage};
use crate::span::{Spans, instant, second};

/// Outages that touch the month, in order of start.
pub(super) fn touching<'a>(scope: &'a Scope<'a>) -> impl Iterator<Item = &'a Outage> {
    let mut all: Vec<&Outage> = scope
        .record
        .outages
        .all()
        .filter(|o| scope.systems.contains_key(&o.system))
        .filter(|o| touches(o.start, o.end, scope.period) && o.start <= scope.as_of)
        .collect();
    all.sort_by_key(|o| (o.start, o.id));
    all.into_iter()
}

pub(super) fn lines(scope: &Scope<'_>, accounts: &Accounts<'_>) -> Vec<OutageLine> {
    touching(scope)
        .filter_map(|o| {
            let account = accounts.get(&o.system)?;
            Some(line(scope, account, o, account.outage(o.id)?))
        })
        .collect()
}

fn line(
    scope: &Scope<'_>,
    account: &Account<'_>,
    outage: &Outage,
    figures: &OutageFigures,
) -> OutageLine {
    let moment = |at: Timestamp| Moment::of(at, &scope.zone);
    let merged = account.merged(outage.id);
    let fast = merged.map_or_else(Milestones::default, |s| Milestones::of(scope, s));
    let declared = outage.declared.is_some();
    OutageLine {
        outage: outage.id.to_string(),
        system: outage.system.to_string(),
        name: scope.name(&outage.system),
        start: moment(outage.start),
        end: outage.end.map(moment),
        end_observed: outage.end.is_some() && outage.unobserved.is_none() && !declared,
        ended_between: outage
            .unobserved
            .filter(|_| !outage.is_unwatched())
            .map(|s| (moment(s.from), moment(s.to))),
        detected: moment(outage.detected_at),
        declared,
        declaration: outage.declared.as_ref().map(|(evidence, by)| Declaration {
            by: by.clone(),
            evidence: evidence.clone(),
        }),
        planned_s: figures.planned_s,
        excluded_s: figures.excluded_s,
        unplanned_s: figures.unplanned_s,
        unknown_s: figures.unknown_s,
        counted: figures.counted,
        ignored: figures.ignored,
        incident: outage.incident.map(|i| i.to_string()),
        windows: account
            .windows
            .iter()
            .filter(|w| touches(outage.start, outage.end, w.span))
            .map(|w| w.id.to_string())
            .collect(),
        reason: outage.reason.map(|r| r.to_string()),
        detail: outage.detail.clone(),
        edge_s: outage.edge_s,
        merged: merged.and_then(|s| merged::line(scope, s, outage)),
        counted_from: merged.and_then(|s| s.first_unplanned_at).map(moment),
        detect_s: fast.detect_s,
        tell_first_s: fast.tell_first_s,
        tell_last_s: fast.tell_last_s,
        told_before: fast.told_before.map(moment),
        customers_told: fast.customers.map(|(told, _)| told),
        customers: fast.customers.map(|(_, all)| all),
        acknowledge_s: fast.acknowledge_s,
        restore_s: fast.restore_s,
        restore_at_least: fast.restore_at_least,
        overrun: outage.overrun.as_ref().map(|(from, window)| Overrun {
            from: moment(*from),
            window: window.to_string(),
        }),
        exclusions: exclusions(scope, outage),
        reclassified: outage.reclassified.clone(),
        why_unplanned: unplanned_reasons::of_outage(scope, account, outage, |w| {
            maintenance::why(scope, w)
        }),
    }
}

/// Exclusions in order of time, each second once. An approved exclusion has precedence over
/// proposed ones.
fn exclusions(scope: &Scope<'_>, outage: &Outage) -> Vec<ExclusionLine> {
    let moment = |at: i64| Moment::of(instant(at), &scope.zone);
    let (approved, asked): (Vec<&Exclusion>, Vec<&Exclusion>) = outage
        .exclusions
        .iter()
        .partition(|e| e.approved_by.is_some());
    let mut said = Spans::new();
    let mut lines = Vec::new();
    for exclusion in approved.into_iter().chain(asked) {
        let span = Spans::one(second(exclusion.span.from), second(exclusion.span.to));
        let rest = span.difference(&said);
        lines.extend(rest.iter().map(|(from, to)| ExclusionLine {
            from: moment(from),
            to: moment(to),
            reason: exclusion.reason.clone(),
            evidence: exclusion.evidence.clone(),
            by: exclusion.by.clone(),
            approved_by: exclusion.approved_by.clone(),
        }));
        said = said.union(&span);
    }
    lines.sort_by_key(|line| line.from);
    lines
}
