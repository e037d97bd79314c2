//! Outages of one system that are one downtime to its customers: what people declared and what
//! probes saw overlap. Who was told of one of them was told of all. Never decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Outage, Record, Standing};
use crate::id::{CustomerId, NoticeId, OutageId, SystemId};

impl Outage {
    /// Whether it overlaps or touches another of its system. Two that probes saw follow one another:
    /// only a declaration overlaps.
    fn meets(&self, other: &Outage) -> bool {
        let begins_by = |from: Timestamp, end: Option<Timestamp>| end.is_none_or(|end| from <= end);
        (self.declared.is_some() || other.declared.is_some())
            && begins_by(self.began_at(), other.ended_at())
            && begins_by(other.began_at(), self.ended_at())
    }
}

impl Record {
    /// The outages of a system that are one downtime together with this one, which is among them, in
    /// order of their ids. What a window excuses is nobody's downtime, and what customers were told
    /// to be over is not told of again.
    pub fn stretch(&self, id: OutageId) -> BTreeSet<OutageId> {
        let mut stretch = BTreeSet::from([id]);
        let Some(first) = self.outages.get(&id).filter(|o| o.counts_from().is_some()) else {
            return stretch;
        };
        let Some(known) = self.systems.get(&first.system) else {
            return stretch;
        };
        let untold = |o: &Outage| o.told_up.is_empty() || known.unanswered.contains(&o.id);
        let all = known.outages.iter().filter_map(|o| self.outages.get(o));
        let mut others: Vec<&Outage> = all
            .map(|o| &**o)
            .filter(|o| o.id != id && o.counts_from().is_some() && untold(o))
            .collect();
        if first.declared.is_none() && others.iter().all(|o| o.declared.is_none()) {
            return stretch;
        }
        let mut reached: Vec<&Outage> = vec![first];
        while let Some(outage) = reached.pop() {
            let (meet, apart) = others.into_iter().partition(|o| outage.meets(o));
            others = apart;
            let meet: Vec<&Outage> = meet;
            stretch.extend(meet.iter().map(|o| o.id));
            reached.extend(meet);
        }
        stretch
    }

    /// Whether a contact of a customer was told, or will be, that the system is down by this outage.
    pub fn knows(&self, outage: OutageId, customer: &CustomerId, recipient: &str) -> bool {
        let told = self.outages.get(&outage).map(|o| o.told.as_slice());
        told.unwrap_or_default().iter().any(|id| {
            let known = self.notices.get(id);
            known.is_some_and(|o| {
                o.notice.customer == *customer
                    && o.notice.recipient == recipient
                    && !matches!(o.standing, Standing::Rejected(_) | Standing::Folded(_))
            })
        })
    }

    /// Whether any notice that a system is down by one of these outages has arrived there, or may have,
    /// and none that it is up again.
    pub(crate) fn may_have_heard(
        &self,
        mut outages: impl Iterator<Item = OutageId>,
        recipient: &str,
    ) -> bool {
        let arrived = |id: &NoticeId| {
            let known = self.notices.get(id);
            known.is_some_and(|o| {
                let sent = matches!(o.standing, Standing::Sent(_) | Standing::Ambiguous(_));
                o.notice.recipient == recipient && (sent || o.lost > 0)
            })
        };
        outages.any(|outage| {
            let known = self.outages.get(&outage);
            known.is_some_and(|o| o.told.iter().any(arrived) && !o.told_up.iter().any(arrived))
        })
    }

    /// Who knows already that the system is down, and has not been told that it is up, is owed no
    /// word of another outage that is part of the same downtime; its end is told of all of it. That
    /// work takes longer than agreed is news all the same, and so is that the system is unstable.
    pub(super) fn join(&mut self, system: &SystemId) {
        let owed: BTreeSet<OutageId> = self
            .untold
            .iter()
            .map(|(_, outage)| *outage)
            .filter(|outage| {
                let known = self.outages.get(outage);
                known.is_some_and(|o| o.system == *system && o.overrun.is_none())
            })
            .collect();
        for outage in owed {
            let counted = self.episode(system);
            if counted.is_some_and(|e| e.outages().any(|o| o == outage)) {
                continue;
            }
            let others = self.stretch(outage);
            let others = others.iter().filter(|o| **o != outage);
            let told: BTreeSet<NoticeId> = others
                .filter_map(|o| self.outages.get(o))
                .flat_map(|o| o.told.iter().copied())
                .collect();
            if told.is_empty() {
                continue;
            }
            self.with_outage(outage, |o| {
                let new = told.into_iter().filter(|n| !o.told.contains(n));
                let new: Vec<NoticeId> = new.collect();
                o.told.extend(new);
            });
            self.forget_informed(outage);
        }
    }

    /// A customer whose every contact knows of the outage is not owed a word of it.
    fn forget_informed(&mut self, outage: OutageId) {
        let catalogue = Arc::clone(&self.catalogue);
        for customer in &catalogue.customers {
            let knows = |recipient: &String| self.knows(outage, &customer.id, recipient);
            if customer.contacts.iter().all(knows) {
                self.untold.remove(&(customer.id.clone(), outage));
            }
        }
    }
}
