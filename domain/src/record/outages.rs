//! All outages, and the events that change them: their edges, and what people say of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::{SignedDuration, Timestamp};

use super::{Exclusion, Fault, Outage, Record, is_open};
use crate::catalogue::{Affects, System};
use crate::event::{Event, Fact};
use crate::id::{OutageId, ProbeId, SystemId};
use crate::span::Span;

/// All outages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outages {
    all: OrdMap<OutageId, Arc<Outage>>,
}

impl Outages {
    pub fn get(&self, id: &OutageId) -> Option<&Arc<Outage>> {
        self.all.get(id)
    }

    /// All outages, in order of their ids.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Outage> {
        self.all.values().map(|outage| &**outage)
    }

    /// The id of the next outage. Outages count from 1 and none is ever removed.
    pub(crate) fn next_id(&self) -> OutageId {
        OutageId(self.all.get_max().map_or(1, |(id, _)| id.0 + 1))
    }

    /// Adds or replaces an outage.
    pub fn insert(&mut self, outage: Outage) {
        self.all.insert(outage.id, Arc::new(outage));
    }

    /// Changes an outage, if there is one of that id, and returns its system.
    pub(super) fn change(
        &mut self,
        id: OutageId,
        change: impl FnOnce(&mut Outage),
    ) -> Option<SystemId> {
        let outage = Arc::make_mut(self.all.get_mut(&id)?);
        change(outage);
        Some(outage.system.clone())
    }

    /// The clock was set by `by`: past outages stay as long ago as before.
    pub(super) fn step(&mut self, by: SignedDuration) {
        self.change_all(
            |outage| outage.end.is_some(),
            |outage| outage.moved = outage.moved.saturating_add(by),
        );
    }

    /// The clock was set back to `at`: open outages began no later than now. So did the outages of
    /// `owed`, about which someone is still to be told.
    pub(super) fn rewind(&mut self, at: Timestamp, owed: &BTreeSet<OutageId>) {
        let goes_on = |outage: &Outage| outage.end.is_none();
        self.change_all(goes_on, |outage| {
            outage.start = outage.start.min(at);
            if let Some((from, _)) = &mut outage.overrun {
                *from = (*from).min(at);
            }
        });
        let unwatched = |outage: &Outage| owed.contains(&outage.id) && outage.is_unwatched();
        self.change_all(unwatched, |outage| {
            // The next samples decide whether it is over.
            outage.start = outage.start.min(at);
            outage.end = outage.end.map(|end| end.min(at));
            outage.unobserved = outage.end.map(|end| Span::new(end, end));
        });
        let known = |outage: &Outage| goes_on(outage) || owed.contains(&outage.id);
        self.change_all(known, |outage| {
            outage.detected_at = outage.detected_at.min(at);
        });
    }

    fn change_all(&mut self, which: impl Fn(&Outage) -> bool, change: impl Fn(&mut Outage)) {
        let ids: Vec<OutageId> = self.all().filter(|o| which(o)).map(|o| o.id).collect();
        for id in ids {
            self.change(id, &change);
        }
    }
}

impl Record {
    pub(super) fn outage_fact(&mut self, event: &Event) {
        match &event.fact {
            Fact::OutageOpened {
                outage,
                system,
                start,
                planned,
            } => self.opened(*outage, event.at, system, *start, *planned),
            Fact::OutageClosed {
                outage,
                end,
                unobserved,
            } => self.closed(*outage, event.at, *end, *unobserved),
            Fact::OutageDeclared {
                outage: id,
                system,
                from,
                to,
                evidence,
            } => {
                let outage = Outage {
                    end: *to,
                    closed_at: to.map(|_| event.at),
                    declared: Some((evidence.clone(), event.by.person.clone())),
                    // Its edges are a person's word, not samples of some interval.
                    edge_s: 0,
                    ..self.outage(*id, system, *from, event.at)
                };
                self.began(system, outage);
                if to.is_none() {
                    self.owe_outage(event.at, *id);
                }
                self.share_knowledge(system);
            }
            Fact::DeclarationChanged { outage, to, .. } => {
                let system = self.outages.change(*outage, |o| {
                    o.end = Some(*to);
                    o.closed_at = Some(event.at);
                });
                if let Some(system) = system {
                    self.share_knowledge(&system);
                }
            }
            Fact::Overrun {
                outage,
                from,
                window,
            } => {
                self.outages.change(*outage, |o| {
                    o.overrun = Some((*from, window.clone()));
                    o.overran_at = Some(event.at);
                });
                self.owe_outage(event.at, *outage);
            }
            _ => self.judged(event),
        }
    }

    fn opened(
        &mut self,
        id: OutageId,
        at: Timestamp,
        system: &SystemId,
        start: Timestamp,
        planned: bool,
    ) {
        let cause = self.catalogue.system(system.as_str()).and_then(|s| {
            s.probes
                .iter()
                .filter(|p| p.affects == Affects::Availability)
                .filter_map(|p| self.probes.get(&p.id))
                .find(|r| is_open(&r.down))
        });
        let outage = Outage {
            planned,
            reason: cause.and_then(|r| r.reason),
            detail: cause.and_then(|r| r.detail.clone()),
            ..self.outage(id, system, start, at)
        };
        self.began(system, outage);
        let record = Arc::make_mut(self.systems.entry(system.clone()).or_default());
        record.open = Some(id);
        if !planned {
            self.owe_outage(at, id);
        }
        self.share_knowledge(system);
    }

    fn closed(&mut self, id: OutageId, at: Timestamp, end: Timestamp, unobserved: Option<Span>) {
        let system = self.outages.change(id, |o| {
            o.end = Some(end);
            o.unobserved = unobserved;
            o.closed_at = Some(at);
        });
        if let Some(record) = system.and_then(|s| self.systems.get_mut(&s)) {
            let record = Arc::make_mut(record);
            record.open = None;
        }
    }

    /// Folds the facts that people record about observed outages.
    fn judged(&mut self, event: &Event) {
        match &event.fact {
            Fact::MonitorFault {
                system,
                span,
                evidence,
                approved_by,
            } => {
                let record = Arc::make_mut(self.systems.entry(system.clone()).or_default());
                record.faults.push(Fault {
                    span: *span,
                    evidence: evidence.clone(),
                    by: (event.by.person.clone(), approved_by.clone()),
                    moved: SignedDuration::ZERO,
                });
            }
            Fact::DowntimeExcluded {
                outage,
                span,
                reason,
                evidence,
                approved_by,
            } => {
                self.outages.change(*outage, |o| {
                    o.exclusions.push(Exclusion {
                        span: *span,
                        reason: reason.clone(),
                        evidence: evidence.clone(),
                        by: event.by.person.clone(),
                        approved_by: approved_by.clone(),
                    });
                });
            }
            Fact::OutageReclassified { outage, reason } => {
                let told = |o: &Outage| !o.planned || o.overrun.is_some() || o.end.is_some();
                let told = self.outages.get(outage).is_none_or(|o| told(o));
                let system = self
                    .outages
                    .change(*outage, |o| o.reclassified = Some(reason.clone()));
                // It goes on, and no notice was sent because it was planned.
                if let Some(system) = system.filter(|_| !told) {
                    self.owe_outage(event.at, *outage);
                    self.share_knowledge(&system);
                }
            }
            _ => {}
        }
    }

    /// A slower probe that joins an outage may have begun to fail before the one that opened it.
    pub(super) fn began_earlier(&mut self, probe: &ProbeId) {
        let Some(from) = self.probes.get(probe).and_then(|p| p.takes_down_since()) else {
            return;
        };
        let open = self.systems.get(probe.system()).and_then(|s| s.open);
        let open = open.filter(|o| self.outages.get(o).is_some_and(|o| from < o.start));
        if let Some(outage) = open {
            self.outages.change(outage, |o| o.start = from);
            self.share_knowledge(&SystemId::from(probe.system()));
        }
    }

    fn outage(&self, id: OutageId, system: &SystemId, start: Timestamp, at: Timestamp) -> Outage {
        let configured = self.catalogue.system(system.as_str());
        Outage {
            id,
            system: system.clone(),
            start,
            end: None,
            unobserved: None,
            detected_at: at,
            closed_at: None,
            declared: None,
            reason: None,
            detail: None,
            planned: false,
            overrun: None,
            overran_at: None,
            reclassified: None,
            exclusions: Vec::new(),
            incident: None,
            edge_s: configured.map_or(0, System::interval_s),
            moved: SignedDuration::ZERO,
        }
    }

    fn began(&mut self, system: &SystemId, outage: Outage) {
        let record = Arc::make_mut(self.systems.entry(system.clone()).or_default());
        record.outages.push(outage.id);
        if outage.declared.is_some() {
            record.declared.push(outage.id);
        }
        self.outages.insert(outage);
    }
}
