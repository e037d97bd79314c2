//! Merged outages (`docs/accounting.md`): how fast they were detected, told, acknowledged and restored.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::model::{MergedLine, Moment, Telling};
use super::scope::Scope;
use super::{incidents, notified};
use crate::accounting;
use crate::id::CustomerId;
use crate::incident::Incident;
use crate::record::Outage;
use crate::span::{Span, second};

fn outages<'a>(scope: &Scope<'a>, merged: &accounting::MergedOutage) -> Vec<&'a Outage> {
    let known = merged
        .outages
        .iter()
        .filter_map(|id| scope.record.outages.get(id));
    known.map(|o| &**o).collect()
}

fn incidents<'a>(scope: &Scope<'a>, outages: &[&Outage]) -> Vec<&'a Incident> {
    let ids: BTreeSet<_> = outages.iter().filter_map(|o| o.incident).collect();
    let known = ids.iter().filter_map(|id| scope.record.incidents.get(*id));
    known.collect()
}

/// The monitoring gap in which a merged outage ended. Its length is then a minimum.
pub(super) fn ended_between(scope: &Scope<'_>, merged: &accounting::MergedOutage) -> Option<Span> {
    let to = merged.to?;
    let last = |o: &&Outage| o.end.is_some_and(|end| second(end) == second(to));
    let mut ended = outages(scope, merged).into_iter().filter(last);
    ended.find_map(|o| o.unobserved)
}

/// The merged outage of an outage; `None` if the outage is all of it.
pub(super) fn line(
    scope: &Scope<'_>,
    merged: &accounting::MergedOutage,
    outage: &Outage,
) -> Option<MergedLine> {
    let moment = |at: Timestamp| Moment::of(at, &scope.zone);
    let (from, to) = (moment(merged.from), merged.to.map(moment));
    if (from, to) == (moment(outage.start), outage.end.map(moment)) && merged.outages.len() == 1 {
        return None;
    }
    Some(MergedLine {
        from,
        to,
        outages: merged.outages.iter().map(ToString::to_string).collect(),
        counted_as: merged.representative.to_string(),
        unplanned_s: merged.unplanned_s,
    })
}

/// Whole seconds from the first unplanned second; `None` if not recorded or not reached.
#[derive(Default)]
pub(super) struct Milestones {
    /// The instants from which the seconds are counted.
    pub reached: Reached,
    pub detect_s: Option<i64>,
    pub tell_first_s: Option<i64>,
    pub tell_last_s: Option<i64>,
    pub told_before: Option<Timestamp>,
    /// (told, all).
    pub customers: Option<(u64, u64)>,
    pub acknowledge_s: Option<i64>,
    pub restore_s: Option<i64>,
    pub restore_at_least: bool,
}

/// The instants of the milestones, each in whichever order.
#[derive(Default)]
pub(super) struct Reached {
    pub detected: Vec<Timestamp>,
    /// The first delivery to each customer.
    pub told: Vec<Timestamp>,
    pub acknowledged: Vec<Timestamp>,
    pub restored: Option<Timestamp>,
    /// The customers of the incidents and if they were told, by id.
    pub customers: Option<Vec<(String, bool)>>,
}

impl Milestones {
    pub fn of(scope: &Scope<'_>, merged: &accounting::MergedOutage) -> Self {
        let outages = outages(scope, merged);
        let incidents = incidents(scope, &outages);
        let Some(first) = merged.first_unplanned_at else {
            // Without unplanned time no notice was due.
            return Self::default();
        };
        let since = |at: Timestamp| (second(at) - second(first)).max(0);
        let between = ended_between(scope, merged);
        let unwatched = between.is_some_and(|span| span.is_empty());
        let acknowledged = incidents.iter().filter_map(|i| i.acknowledged.as_ref());
        let reached = Reached {
            detected: outages.iter().map(|o| detected(o, first)).collect(),
            told: first_told(scope, &outages),
            acknowledged: acknowledged.map(|a| a.at).collect(),
            // The restoration of a system that is no longer monitored is unknown.
            restored: merged.to.filter(|_| !unwatched),
            customers: (!incidents.is_empty()).then(|| customers(scope, &incidents)),
        };
        let told = &reached.told;
        let count = |all: &Vec<(String, bool)>| {
            let told = all.iter().filter(|(_, told)| *told).count();
            (told as u64, all.len() as u64)
        };
        Self {
            detect_s: reached.detected.iter().copied().map(since).min(),
            tell_first_s: told.iter().min().copied().map(since),
            tell_last_s: told.iter().max().copied().map(since),
            told_before: told
                .iter()
                .max()
                .copied()
                .filter(|at| second(*at) < second(first)),
            customers: reached.customers.as_ref().map(count),
            acknowledge_s: reached.acknowledged.iter().copied().map(since).min(),
            restore_s: reached.restored.map(since),
            restore_at_least: between.is_some() && !unwatched,
            reached,
        }
    }
}

/// When the unplanned part of an outage was detected: when its overrun was decided, or else when
/// the outage was confirmed.
fn detected(outage: &Outage, first: Timestamp) -> Timestamp {
    let overran = outage.overrun.as_ref().filter(|(from, _)| *from <= first);
    let decided = overran.and(outage.overran_at);
    decided.unwrap_or(outage.detected_at)
}

/// When each customer was first told about one of the outages.
fn first_told(scope: &Scope<'_>, outages: &[&Outage]) -> Vec<Timestamp> {
    let mut first: BTreeMap<&CustomerId, Timestamp> = BTreeMap::new();
    for told in outages.iter().flat_map(|o| notified::telling(scope, o)) {
        if let Some(at) = told.sent_at() {
            for customer in &told.entry.customers {
                first
                    .entry(customer)
                    .and_modify(|known| *known = at.min(*known))
                    .or_insert(at);
            }
        }
    }
    first.into_values().collect()
}

/// All customers of the incidents, and if they were told about one of them.
fn customers(scope: &Scope<'_>, of: &[&Incident]) -> Vec<(String, bool)> {
    let mut results: BTreeMap<String, Telling> = BTreeMap::new();
    for incident in of {
        let (all, ..) = notified::of(scope, incident, &incidents::ours(scope, incident));
        for one in all {
            let known = results.entry(one.customer).or_insert(one.result);
            *known = one.result.min(*known);
        }
    }
    let told = |(id, result): (String, Telling)| (id, result == Telling::Sent);
    results.into_iter().map(told).collect()
}
