//! Every outage that touches the month: its seconds in it, and how fast it was seen, told, taken
//! on and mended.

use jiff::Timestamp;

use super::model::{Declaration, ExclusionLine, Moment, OutageLine, Overrun};
use super::scope::{Scope, touches};
use super::systems::{Account, Accounts};
use super::{maintenance, told, unplanned};
use crate::accounting::OutageFigures;
use crate::incident::Incident;
use crate::record::Outage;
use crate::span::second;

/// The outages that touch the month, in order of their start.
pub(super) fn touching<'a>(scope: &'a Scope<'a>) -> impl Iterator<Item = &'a Outage> {
    let mut all: Vec<&Outage> = scope
        .record
        .outages
        .values()
        .map(|o| &**o)
        .filter(|o| scope.systems.contains_key(&o.system))
        .filter(|o| touches(o.start, o.end, scope.period) && o.start <= scope.as_of)
        .collect();
    all.sort_by_key(|o| (o.start, o.id));
    all.into_iter()
}

/// One line for each.
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
    let incident = outage
        .incident
        .and_then(|id| scope.record.incidents.get(&id));
    let first = figures.first_unplanned_at;
    let fast = Milestones::of(scope, outage, incident.map(|i| &**i), first);
    OutageLine {
        outage: outage.id.to_string(),
        system: outage.system.to_string(),
        name: scope.name(&outage.system),
        start: moment(outage.start),
        end: outage.end.map(moment),
        end_observed: outage.end.is_some() && outage.unobserved.is_none(),
        ended_between: outage
            .unobserved
            .filter(|_| !outage.is_unwatched())
            .map(|s| (moment(s.from), moment(s.to))),
        detected: moment(outage.detected_at),
        declared: outage.declared.is_some(),
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
        counted_from: first.map(moment),
        detect_s: fast.detect_s,
        tell_first_s: fast.tell_first_s,
        tell_last_s: fast.tell_last_s,
        acknowledge_s: fast.acknowledge_s,
        restore_s: fast.restore_s,
        overrun: outage.overrun.as_ref().map(|(from, window)| Overrun {
            from: moment(*from),
            window: window.to_string(),
        }),
        exclusions: outage
            .exclusions
            .iter()
            .map(|e| ExclusionLine {
                from: moment(e.span.from),
                to: moment(e.span.to),
                reason: e.reason.clone(),
                evidence: e.evidence.clone(),
                by: e.by.clone(),
                approved_by: e.approved_by.clone(),
            })
            .collect(),
        reclassified: outage.reclassified.clone(),
        why_unplanned: unplanned::of_outage(scope, account, outage, |w| maintenance::why(scope, w)),
    }
}

/// Whole seconds from the first unplanned one; `None` where it was not recorded or not reached.
#[derive(Default)]
struct Milestones {
    detect_s: Option<i64>,
    tell_first_s: Option<i64>,
    tell_last_s: Option<i64>,
    acknowledge_s: Option<i64>,
    restore_s: Option<i64>,
}

impl Milestones {
    fn of(
        scope: &Scope<'_>,
        outage: &Outage,
        incident: Option<&Incident>,
        first: Option<Timestamp>,
    ) -> Self {
        let Some(first) = first else {
            // Nothing of it is unplanned: nobody owed anybody anything.
            return Self::default();
        };
        let since = |at: Timestamp| (second(at) - second(first)).max(0);
        // An overrun is detected when it is decided, which is when its incident opens; the
        // outage itself may have been confirmed long before, within its window.
        // An overrun is detected when it is decided; what was unplanned before, when it is confirmed.
        let overran = outage.overrun.as_ref().filter(|(from, _)| *from <= first);
        let detected = overran.and(outage.overran_at).unwrap_or(outage.detected_at);
        let told = first_told(scope, outage);
        Self {
            detect_s: Some(since(detected)),
            tell_first_s: told.iter().min().copied().map(since),
            tell_last_s: told.iter().max().copied().map(since),
            acknowledge_s: incident
                .and_then(|i| i.acknowledged.as_ref())
                .map(|(at, _)| since(*at)),
            // Of what nobody watches any more nobody knows when it was restored.
            restore_s: outage.end.filter(|_| !outage.is_unwatched()).map(since),
        }
    }
}

/// When each customer that was told of the outage was first told.
fn first_told(scope: &Scope<'_>, outage: &Outage) -> Vec<Timestamp> {
    let mut first = std::collections::BTreeMap::new();
    for (_, outgoing) in told::telling(scope, outage) {
        if let Some(at) = told::sent(outgoing) {
            first
                .entry(&outgoing.notice.customer)
                .and_modify(|known: &mut Timestamp| *known = at.min(*known))
                .or_insert(at);
        }
    }
    first.into_values().collect()
}
