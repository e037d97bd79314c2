//! Outages that overlap or touch count as one (`docs/accounting.md`): in the number of outages, in the
//! longest, and in the mean times.

use jiff::Timestamp;

use crate::id::OutageId;
use crate::span::{Span, instant, second};

use super::History;
use super::classes::Analysis;
use super::observed::{Group, extent};

/// Downtime without a gap: one outage, or several that overlap or touch, with the downtime around
/// them that no outage records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedOutage {
    pub from: Timestamp,
    /// The second after its last; `None` if it is not over.
    pub to: Option<Timestamp>,
    /// Its outages in order of their ids; never empty.
    pub outages: Vec<OutageId>,
    /// The outage under which it is counted: the one that holds its first unplanned second.
    pub representative: OutageId,
    /// Its first unplanned agreed second, in whichever month.
    pub first_unplanned_at: Option<Timestamp>,
    /// Its unplanned seconds in the period.
    pub unplanned_s: i64,
    /// Its unplanned seconds in all months.
    pub total_unplanned_s: i64,
    /// True if its first unplanned second lies in the period.
    pub counted: bool,
    /// True if it has unplanned seconds and ended in the period.
    pub restored: bool,
}

/// The merged outages that touch the period, in order of time.
pub(super) fn merged(history: &History, period: Span, analysis: &Analysis) -> Vec<MergedOutage> {
    let (from, to) = (second(period.from), second(period.to));
    analysis
        .groups
        .iter()
        .filter(|group| group.from < to && from <= group.to)
        .filter_map(|group| merge(history, (from, to), analysis, group))
        .collect()
}

/// `None` for downtime that no outage records.
fn merge(
    history: &History,
    (from, to): (i64, i64),
    analysis: &Analysis,
    group: &Group,
) -> Option<MergedOutage> {
    let unplanned = analysis.classes.unplanned.clip(group.from, group.to);
    let first = unplanned.start();
    let mut outages: Vec<_> = group.outages.iter().map(|i| &history.outages[*i]).collect();
    outages.sort_unstable_by_key(|o| (o.start, o.id));
    let holds_first = outages.iter().find(|o| {
        let (from, to) = extent(o, analysis.until);
        first.is_some_and(|first| from <= first && first < to)
    });
    let representative = holds_first.or(outages.first())?.id;
    let mut outages: Vec<OutageId> = outages.iter().map(|o| o.id).collect();
    outages.sort_unstable();
    outages.dedup();
    Some(MergedOutage {
        from: instant(group.from),
        to: (!group.open).then(|| instant(group.to)),
        outages,
        representative,
        first_unplanned_at: first.map(instant),
        unplanned_s: unplanned.seconds_in(from, to),
        total_unplanned_s: unplanned.seconds(),
        counted: first.is_some_and(|first| from <= first && first < to),
        restored: first.is_some() && !group.open && from <= group.to && group.to < to,
    })
}
