//! The notices of a month by kind and by result, and those that were rejected.

use std::collections::BTreeMap;

use super::model::{Moment, Refused};
use super::notified::standing;
use super::scope::Scope;
use crate::id::NoticeId;
use crate::record::{Outgoing, Standing};

/// Notices decided in the month about the committee's systems.
#[derive(Default)]
pub(super) struct Notices {
    pub kinds: BTreeMap<String, Vec<String>>,
    pub results: BTreeMap<String, Vec<String>>,
    /// Rejected or given up, in order of their ids.
    pub refused: Vec<Refused>,
}

impl Notices {
    pub fn of(scope: &Scope<'_>) -> Self {
        let mut all = Self::default();
        for (id, outgoing) in scope.record.notices.messages() {
            let mut affected = outgoing.notice.affected.iter();
            let about_ours = affected.any(|a| scope.systems.contains_key(&a.system));
            if !about_ours || !scope.period.contains(outgoing.decided_at) {
                continue;
            }
            let kind = outgoing.notice.kind.to_string();
            all.kinds.entry(kind).or_default().push(id.to_string());
            let result = standing(outgoing).word().to_owned();
            all.results.entry(result).or_default().push(id.to_string());
            all.refused.extend(refused(scope, id, outgoing));
        }
        all
    }
}

/// The number of notices in each list.
pub(super) fn counted(lists: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, u64> {
    let lists = lists.iter();
    lists
        .map(|(key, ids)| (key.clone(), ids.len() as u64))
        .collect()
}

fn refused(scope: &Scope<'_>, id: NoticeId, outgoing: &Outgoing) -> Option<Refused> {
    let Standing::Rejected(at) = outgoing.standing else {
        return None;
    };
    let notice = &outgoing.notice;
    let ours = notice.affected.iter();
    let ours = ours.filter(|a| scope.systems.contains_key(&a.system));
    let outages = ours.flat_map(|a| a.outages()).map(|o| o.to_string());
    let window = notice.window.iter().map(|w| w.id.to_string());
    let customers: Vec<String> = notice
        .recipient
        .customers()
        .map(ToString::to_string)
        .collect();
    Some(Refused {
        notice: id.to_string(),
        kind: notice.kind.to_string(),
        about: outages.chain(window).collect(),
        customer: customers.join(", "),
        name: notice.recipient.name.clone(),
        at: Moment::of(at, &scope.zone),
        result: standing(outgoing),
    })
}
