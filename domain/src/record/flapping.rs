//! The fold of what concerns systems that fail again and again: which outages and incidents are
//! one, who has been told, and since when such a system has been up. Never decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Outage, Record};
use crate::catalogue::{Affects, System};
use crate::id::{IncidentId, OutageId, ProbeId, Source, SystemId};

/// A time in which a system failed again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The ledger sequence of the fact that began it.
    pub seq: u64,
    /// When the system had been up for long enough.
    pub ended_at: Option<Timestamp>,
    /// Its incident.
    pub incident: IncidentId,
    /// The outages of the hour in which it became unstable.
    pub counted: Vec<OutageId>,
    /// Those that came after.
    pub more: Vec<OutageId>,
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

    /// When the flapping ended that an outage is part of.
    pub(crate) fn settled_at(&self, outage: &Outage) -> Option<Timestamp> {
        let episode = self.systems.get(&outage.system)?.episode.as_ref()?;
        let part = episode.outages().any(|o| o == outage.id);
        episode.ended_at.filter(|_| part)
    }

    /// True if an availability probe of the system is among `doubted`, the probes with a bad run that
    /// is not confirmed.
    pub(crate) fn has_pending_run(&self, doubted: &BTreeSet<Source>, system: &SystemId) -> bool {
        let configured = self.catalogue.system(system.as_str()).into_iter();
        let mut deciding = configured.flat_map(System::deciding);
        // Thousands may be doubted at once, and a system has few probes. A run may have begun under another vantage.
        let is_doubted = |probe: &ProbeId| {
            let from = doubted.range(Source::new(probe.clone(), "")..).next();
            from.is_some_and(|source| source.probe == *probe)
        };
        !doubted.is_empty() && deciding.any(|p| is_doubted(&p.id))
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
            .filter_map(|i| self.incidents.get(*i))
            .flat_map(|i| i.outages.iter().filter(|o| of(o)))
            .chain(outages)
            .copied()
            .collect();
        for outage in &moved {
            self.outages.change(*outage, |o| o.incident = Some(id));
        }
        for other in merged {
            self.merge(at, other, id);
        }
        let start = |o: &OutageId| self.outages.get(o).map(|o| (o.start, o.id));
        if let Some(mut incident) = self.incidents.get(id).cloned() {
            incident.outages.extend(moved);
            incident.outages.sort_by_key(start);
            incident.outages.dedup();
            if !incident.systems.contains(system) {
                incident.systems.push(system.clone());
            }
            incident
                .flapping
                .push((at, system.clone(), outages.to_vec()));
            self.incidents.insert(incident);
            self.reopened(at, id);
        }
        if self.unstable.contains(system) {
            self.one_more(system, outages);
        } else {
            self.became_unstable(at, system, id, outages);
        }
    }

    /// All that is left of `other` is what people wrote there, and when it was opened and taken on.
    fn merge(&mut self, at: Timestamp, other: IncidentId, into: IncidentId) {
        let Some(known) = self.incidents.get(other).cloned() else {
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
        self.incidents
            .change(other, |i| i.merged = Some((at, into)));
        self.refresh_clocks(other);
        // If a part of it is acknowledged, all of it is.
        self.incidents.change(into, |i| {
            let both = [i.acknowledged.take(), known.acknowledged.clone()];
            i.acknowledged = both.into_iter().flatten().min_by_key(|a| a.at);
        });
    }

    /// A person merges an incident into another one: its outages and systems go there.
    pub(super) fn take_over(&mut self, at: Timestamp, other: IncidentId, into: IncidentId) {
        let Some(known) = self.incidents.get(other).cloned() else {
            return;
        };
        for outage in &known.outages {
            self.outages.change(*outage, |o| o.incident = Some(into));
        }
        let start = |o: &OutageId| self.outages.get(o).map(|o| (o.start, o.id));
        if let Some(mut incident) = self.incidents.get(into).cloned() {
            incident.outages.extend(&known.outages);
            incident.outages.sort_by_key(start);
            let systems = known.systems.iter();
            let more = systems.filter(|s| !incident.systems.contains(s)).cloned();
            let more: Vec<SystemId> = more.collect();
            incident.systems.extend(more);
            let problems = known.handling.problems.clone();
            incident.handling.problems.extend(problems);
            self.incidents.insert(incident);
        }
        self.merge(at, other, into);
    }

    fn became_unstable(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        id: IncidentId,
        outages: &[OutageId],
    ) {
        // An address that has no entry of its newest outage is told of the flapping by that one.
        let goes_on = |o: &&OutageId| self.outages.get(o).is_some_and(|o| o.end.is_none());
        if let Some(newest) = outages.iter().filter(goes_on).max() {
            self.owe_outage(at, *newest);
        }
        let seq = self.seq;
        let record = Arc::make_mut(self.systems.entry(system.clone()).or_default());
        record.episode = Some(Episode {
            seq,
            ended_at: None,
            incident: id,
            counted: outages.to_vec(),
            more: Vec::new(),
        });
        self.unstable.insert(system.clone());
    }

    fn one_more(&mut self, system: &SystemId, outages: &[OutageId]) {
        let Some(record) = self.systems.get_mut(system) else {
            return;
        };
        if let Some(episode) = &mut Arc::make_mut(record).episode {
            episode.more.extend(outages);
        }
        self.share_flapping(system, outages);
    }

    pub(super) fn settled(&mut self, at: Timestamp, system: &SystemId, incident: IncidentId) {
        self.unstable.remove(system);
        if let Some(known) = self.systems.get_mut(system)
            && let Some(episode) = &mut Arc::make_mut(known).episode
        {
            episode.ended_at = Some(at);
        }
        self.incidents
            .change(incident, |i| i.settled.push((at, system.clone())));
    }
}
