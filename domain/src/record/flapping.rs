//! The fold of what concerns systems that fail again and again: which outages and incidents are
//! one, who has been told, and since when such a system has been up. Never decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Outage, Record};
use crate::catalogue::Affects;
use crate::id::{CustomerId, IncidentId, NoticeId, OutageId, SystemId};
use crate::notice::{Affected, Notice};

/// A time in which a system failed again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Its incident.
    pub incident: IncidentId,
    /// The outages of the hour in which it became unstable.
    pub counted: Vec<OutageId>,
    /// Those that came after.
    pub more: Vec<OutageId>,
    /// The notices that said so.
    pub told: Vec<NoticeId>,
}

impl Episode {
    /// All of its outages.
    pub fn outages(&self) -> impl Iterator<Item = OutageId> {
        self.counted.iter().chain(&self.more).copied()
    }
}

impl Outage {
    /// Since when it counts for customers, by its own limit where it grew out of a window; `None`
    /// while a window excuses it.
    pub fn counts_from(&self) -> Option<Timestamp> {
        match &self.overrun {
            Some((from, _)) if self.reclassified.is_none() => Some(*from),
            _ if self.planned && self.overrun.is_none() && self.reclassified.is_none() => None,
            _ => Some(self.start),
        }
    }

    /// The same by the present clock: as long ago as that is, though the clock was set since.
    pub(crate) fn counts_since(&self) -> Option<Timestamp> {
        self.counts_from().map(|from| moved(from, self.moved))
    }

    /// Its start by the present clock.
    pub(crate) fn began_at(&self) -> Timestamp {
        moved(self.start, self.moved)
    }

    /// Its end by the present clock.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        self.end.map(|end| moved(end, self.moved))
    }
}

/// A clock that was set forward makes what is over older, as it does all else; only one that was set
/// back, by more than it was set forward before, moves it.
fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by.min(SignedDuration::ZERO))
        .unwrap_or(at)
}

impl Record {
    /// The present episode of a system that is unstable.
    pub fn episode(&self, system: &SystemId) -> Option<&Episode> {
        let known = self.systems.get(system)?;
        known
            .episode
            .as_ref()
            .filter(|_| self.unstable.contains(system))
    }

    /// Since when an unstable system has been up without a break: no outage, nothing unknown, no
    /// bad run, not even one that nothing confirmed. `None` while it is not, or is not unstable.
    pub fn steady_since(&self, system: &SystemId) -> Option<Timestamp> {
        self.episode(system)?;
        let configured = self.catalogue.system(system.as_str())?;
        let known = self.systems.get(system)?;
        let mut breaks: Vec<Option<Timestamp>> = known
            .outages
            .iter()
            .filter_map(|o| self.outages.get(o))
            .map(|o| o.ended_at())
            .collect();
        let faults = known.faults.iter();
        breaks.extend(faults.map(|f| Some(moved(f.span.to, f.moved))));
        for probe in &configured.probes {
            if probe.affects == Affects::Availability {
                let seen = self.probes.get(&probe.id)?;
                breaks.extend(seen.down.last().map(|d| d.1));
                breaks.extend(seen.silent.last().map(|s| s.1));
                breaks.extend(seen.blip_until.map(Some));
            }
        }
        // A break that has not ended leaves nothing to count from.
        breaks
            .into_iter()
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max()
    }

    pub(super) fn flapping(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        id: IncidentId,
        outages: &[OutageId],
    ) {
        let merged: BTreeSet<IncidentId> = outages
            .iter()
            .filter_map(|o| self.outages.get(o)?.incident)
            .filter(|i| *i != id)
            .collect();
        let of = |o: &OutageId| self.outages.get(o).is_some_and(|o| o.system == *system);
        let moved: BTreeSet<OutageId> = merged
            .iter()
            .filter_map(|i| self.incidents.get(i))
            .flat_map(|i| i.outages.iter().filter(|o| of(o)))
            .chain(outages)
            .copied()
            .collect();
        for outage in &moved {
            self.with_outage(*outage, |o| o.incident = Some(id));
        }
        for other in merged {
            self.merge(at, other, id);
        }
        let start = |o: &OutageId| self.outages.get(o).map(|o| (o.start, o.id));
        if let Some(known) = self.incidents.get(&id) {
            let mut incident = known.as_ref().clone();
            incident.outages.extend(moved);
            incident.outages.sort_by_key(start);
            incident.outages.dedup();
            if !incident.systems.contains(system) {
                incident.systems.push(system.clone());
            }
            incident.resolved_at = None;
            incident
                .flapping
                .push((at, system.clone(), outages.to_vec()));
            self.incidents.insert(id, Arc::new(incident));
            self.unresolved.insert(id);
        }
        if self.unstable.contains(system) {
            self.one_more(system, outages);
        } else {
            self.became_unstable(system, id, outages);
        }
    }

    /// All that is left of `other` is what people wrote there, and when it was opened and taken on.
    fn merge(&mut self, at: Timestamp, other: IncidentId, into: IncidentId) {
        let Some(known) = self.incidents.get(&other).cloned() else {
            return;
        };
        let moved = |o: &OutageId| {
            self.outages
                .get(o)
                .is_some_and(|o| o.incident == Some(into))
        };
        if !known.outages.iter().all(moved) {
            return;
        }
        self.with_incident(other, |i| i.merged = Some((at, into)));
        self.unresolved.remove(&other);
        // Whoever took on a part of it has taken it on.
        self.with_incident(into, |i| {
            let both = [i.acknowledged.take(), known.acknowledged.clone()];
            i.acknowledged = both.into_iter().flatten().min_by_key(|a| a.at);
        });
    }

    fn became_unstable(&mut self, system: &SystemId, id: IncidentId, outages: &[OutageId]) {
        // Who knows that it is down does not know that it is unstable.
        let goes_on = |o: &&OutageId| self.outages.get(*o).is_some_and(|o| o.end.is_none());
        let newest = outages.iter().filter(goes_on).max().copied();
        let catalogue = Arc::clone(&self.catalogue);
        let customers = catalogue.customers_of(system);
        for customer in customers.filter(|c| !c.contacts.is_empty()) {
            let owed = |o: &OutageId| self.untold.contains(&(customer.id.clone(), *o));
            if let Some(newest) = newest.filter(|_| !outages.iter().any(owed)) {
                self.untold.insert((customer.id.clone(), newest));
            }
        }
        // Who is owed a word of several of them is owed one.
        let mut owed: BTreeSet<CustomerId> = BTreeSet::new();
        for outage in outages.iter().rev() {
            let of: Vec<CustomerId> = self
                .untold
                .iter()
                .filter(|(_, o)| o == outage)
                .map(|(customer, _)| customer.clone())
                .collect();
            for customer in of {
                if !owed.insert(customer.clone()) {
                    self.untold.remove(&(customer, *outage));
                }
            }
        }
        let record = Arc::make_mut(self.systems.entry(system.clone()).or_default());
        record.episode = Some(Episode {
            incident: id,
            counted: outages.to_vec(),
            more: Vec::new(),
            told: Vec::new(),
        });
        self.unstable.insert(system.clone());
    }

    /// Who was told that the system is unstable was told of this one.
    fn one_more(&mut self, system: &SystemId, outages: &[OutageId]) {
        let Some(record) = self.systems.get_mut(system) else {
            return;
        };
        let Some(episode) = &mut Arc::make_mut(record).episode else {
            return;
        };
        episode.more.extend(outages);
        let told = episode.told.clone();
        for outage in outages {
            self.with_outage(*outage, |o| add(&mut o.told, &told));
        }
    }

    pub(super) fn settled(&mut self, at: Timestamp, system: &SystemId, incident: IncidentId) {
        self.unstable.remove(system);
        self.with_incident(incident, |i| i.settled.push((at, system.clone())));
    }

    /// Whether the customer knows, or will be told, that the system is unstable.
    pub(super) fn knows_unstable(&self, system: &SystemId, customer: &CustomerId) -> bool {
        self.episode(system).is_some_and(|episode| {
            let told = |n: &NoticeId| {
                let told = self.notices.get(n);
                told.is_some_and(|o| o.notice.customer == *customer)
            };
            episode.told.iter().any(told)
                || episode
                    .outages()
                    .any(|o| self.untold.contains(&(customer.clone(), o)))
        })
    }

    /// A notice that a system is unstable tells of all its outages since.
    pub(super) fn told_unstable(&mut self, id: NoticeId, notice: &Notice) {
        let unstable = |a: &&Affected| a.unstable.is_some();
        for affected in notice.affected.iter().filter(unstable) {
            if !self.unstable.contains(&affected.system) {
                continue;
            }
            let Some(record) = self.systems.get_mut(&affected.system) else {
                continue;
            };
            let Some(episode) = &mut Arc::make_mut(record).episode else {
                continue;
            };
            episode.told.push(id);
            for outage in episode.more.clone() {
                self.with_outage(outage, |o| add(&mut o.told, &[id]));
            }
        }
    }
}

fn add(told: &mut Vec<NoticeId>, more: &[NoticeId]) {
    let new: Vec<NoticeId> = more.iter().filter(|n| !told.contains(n)).copied().collect();
    told.extend(new);
}
