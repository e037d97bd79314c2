//! The fold of what concerns outages: their edges, what people say of them, and who is owed a word
//! about them. Never decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Exclusion, Fault, Outage, Record, is_open};
use crate::catalogue::{Affects, System};
use crate::event::{Event, Fact};
use crate::id::{CustomerId, OutageId, ProbeId, SystemId};
use crate::span::Span;

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
                if to.is_none() {
                    self.owe_notice(system, *id);
                }
                self.began(system, outage);
                self.join(system);
            }
            Fact::DeclarationChanged { outage, to, .. } => {
                let was_open = self.outages.get(outage).is_some_and(|o| o.end.is_none());
                let system = self.with_outage(*outage, |o| {
                    o.end = Some(*to);
                    o.closed_at = Some(event.at);
                });
                if let Some(record) = system.as_ref().and_then(|s| self.systems.get_mut(s))
                    && was_open
                {
                    Arc::make_mut(record).unanswered.push(*outage);
                }
                if let Some(system) = system {
                    self.join(&system);
                }
            }
            Fact::Overrun {
                outage,
                from,
                window,
            } => {
                let system = self.with_outage(*outage, |o| {
                    o.overrun = Some((*from, window.clone()));
                    o.overran_at = Some(event.at);
                });
                if let Some(system) = system {
                    self.owe_notice(&system, *outage);
                }
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
        if !planned {
            self.owe_notice(system, id);
        }
        self.began(system, outage);
        let record = Arc::make_mut(self.systems.entry(system.clone()).or_default());
        record.open = Some(id);
        self.join(system);
    }

    fn closed(&mut self, id: OutageId, at: Timestamp, end: Timestamp, unobserved: Option<Span>) {
        let system = self.with_outage(id, |o| {
            o.end = Some(end);
            o.unobserved = unobserved;
            o.closed_at = Some(at);
        });
        if let Some(record) = system.and_then(|s| self.systems.get_mut(&s)) {
            let record = Arc::make_mut(record);
            record.open = None;
            record.unanswered.push(id);
        }
    }

    /// What people say of what was seen.
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
                self.with_outage(*outage, |o| {
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
                let system = self.with_outage(*outage, |o| o.reclassified = Some(reason.clone()));
                // It goes on, and nobody was told because it was excused.
                if let Some(system) = system.filter(|_| !told) {
                    self.owe_notice(&system, *outage);
                    self.join(&system);
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
        if let Some(outage) = open.and_then(|o| self.outages.get_mut(&o))
            && from < outage.start
        {
            Arc::make_mut(outage).start = from;
            self.join(&SystemId::from(probe.system()));
        }
    }

    /// Who is no longer a customer of a system is owed no word of it.
    pub(super) fn forget_owed(&mut self) {
        let catalogue = Arc::clone(&self.catalogue);
        let gone: Vec<(CustomerId, OutageId)> = self
            .untold
            .iter()
            .filter(|(customer, outage)| {
                let system = self.outages.get(outage).map(|o| &o.system);
                !catalogue
                    .customer(customer.as_str())
                    .filter(|c| !c.contacts.is_empty())
                    .is_some_and(|c| system.is_some_and(|s| c.systems.contains(s)))
            })
            .cloned()
            .collect();
        for owed in gone {
            self.untold.remove(&owed);
        }
        let systems: BTreeSet<SystemId> = self
            .untold
            .iter()
            .filter_map(|(_, outage)| Some(self.outages.get(outage)?.system.clone()))
            .collect();
        for system in systems {
            self.join(&system);
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
            told: Vec::new(),
            told_up: Vec::new(),
            edge_s: configured.map_or(0, System::interval_s),
            moved: SignedDuration::ZERO,
        }
    }

    fn began(&mut self, system: &SystemId, outage: Outage) {
        // Where nobody is left to be told of its end, an older one is forgotten.
        let known = self.systems.get(system).map(|s| s.unanswered.clone());
        let mut unanswered = known.unwrap_or_default();
        unanswered.retain(|o| self.is_answerable(*o));
        let record = Arc::make_mut(self.systems.entry(system.clone()).or_default());
        record.unanswered = unanswered;
        record.outages.push(outage.id);
        self.outages.insert(outage.id, Arc::new(outage));
    }

    /// Every customer of the system is owed a notice of the outage, unless it was told that the
    /// system is unstable, or down by another outage that goes with this one ([`Record::stretch`]).
    fn owe_notice(&mut self, system: &SystemId, outage: OutageId) {
        let catalogue = Arc::clone(&self.catalogue);
        for customer in catalogue
            .customers_of(system)
            .filter(|c| !c.contacts.is_empty())
        {
            if !self.knows_unstable(system, &customer.id) {
                self.untold.insert((customer.id.clone(), outage));
            }
        }
    }

    pub(super) fn with_outage(
        &mut self,
        id: OutageId,
        change: impl FnOnce(&mut Outage),
    ) -> Option<SystemId> {
        let outage = Arc::make_mut(self.outages.get_mut(&id)?);
        change(outage);
        Some(outage.system.clone())
    }
}
