//! Outages that overlap or touch, which are one wherever outages are counted (SPEC section 6): in
//! how many there were, in the longest, in how long they took to restore.

use jiff::Timestamp;

use crate::id::OutageId;
use crate::span::{Span, instant, second};

use super::History;
use super::classes::Whole;
use super::ground::{Group, extent};

/// A stretch of downtime without a second between: one outage, or several that overlap or touch,
/// with the downtime around them that no outage records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first second.
    pub from: Timestamp,
    /// The second after its last; `None` where it is not over.
    pub to: Option<Timestamp>,
    /// Its outages, in order of their ids; never empty.
    pub outages: Vec<OutageId>,
    /// The one that stands for it: that which holds its first unplanned second.
    pub bearer: OutageId,
    /// Its first unplanned agreed second, in whichever month.
    pub first_unplanned_at: Option<Timestamp>,
    /// Its unplanned seconds in the period.
    pub unplanned_s: i64,
    /// All of its unplanned seconds.
    pub whole_s: i64,
    /// Whether the period counts it: its first unplanned second lies in it.
    pub counted: bool,
    /// Whether it has unplanned seconds and ended in the period.
    pub restored: bool,
}

/// Every stretch that touches the period, in order of time.
pub(super) fn stretches(history: &History, period: Span, whole: &Whole) -> Vec<Stretch> {
    let edges = (second(period.from), second(period.to));
    whole
        .groups
        .iter()
        .filter(|group| group.from < edges.1 && edges.0 <= group.to)
        .filter_map(|group| stretch(history, edges, whole, group))
        .collect()
}

fn stretch(
    history: &History,
    (from, to): (i64, i64),
    whole: &Whole,
    group: &Group,
) -> Option<Stretch> {
    let own = whole.classes.unplanned.clip(group.from, group.to);
    let first = own.start();
    let bearer = bearer(group, history, whole, first)?;
    let mut outages: Vec<OutageId> = group
        .outages
        .iter()
        .map(|index| history.outages[*index].id)
        .collect();
    outages.sort_unstable();
    outages.dedup();
    Some(Stretch {
        from: instant(group.from),
        to: (!group.open).then(|| instant(group.to)),
        outages,
        bearer,
        first_unplanned_at: first.map(instant),
        unplanned_s: own.seconds_in(from, to),
        whole_s: own.seconds(),
        counted: first.is_some_and(|first| from <= first && first < to),
        restored: first.is_some() && !group.open && from <= group.to && group.to < to,
    })
}

/// The outage that holds the first unplanned second; the first of them, where only a run does, or
/// nothing is unplanned.
fn bearer(group: &Group, history: &History, whole: &Whole, first: Option<i64>) -> Option<OutageId> {
    let holds = |index: &&usize| {
        let (from, to) = extent(&history.outages[**index], whole.until);
        first.is_some_and(|first| from <= first && first < to)
    };
    // Whatever the order in which they are listed.
    let order = |index: &&usize| {
        let outage = &history.outages[**index];
        (outage.start, outage.id)
    };
    let bearer = group.outages.iter().filter(holds).min_by_key(order);
    let bearer = bearer.or(group.outages.iter().min_by_key(order));
    bearer.map(|index| history.outages[*index].id)
}
