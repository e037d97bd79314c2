//! The evidence behind the record, for explanations: which event set what, and the samples at the
//! edges of outages. No decision and no figure depends on it.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use jiff::Timestamp;

use super::Record;
use crate::event::{Event, Fact};
use crate::id::{OutageId, ProbeId, Source, SystemId};
use crate::sample::Seen;

/// The samples on both sides of the start or the end of an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The event that confirmed it.
    pub seq: u64,
    pub source: Source,
    /// The time from which it counts.
    pub at: Timestamp,
    /// The last sample of the other kind. `None` after a monitoring gap, and in events of older
    /// versions.
    pub before: Option<Seen>,
    /// The first sample of the run that confirmed it.
    pub first: Option<Seen>,
    /// The number of samples that confirmed it.
    pub samples: usize,
}

/// Both edges of an outage; `None` if no sample showed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    pub start: Option<Edge>,
    pub end: Option<Edge>,
}

/// The events that explanations name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The sequences of the configurations, in order.
    pub configured: Vector<u64>,
    /// The acts of people that can change a figure, in order.
    pub acts: Vector<(u64, Arc<Event>)>,
    edges: OrdMap<OutageId, Arc<Edges>>,
    /// The latest turn of each probe.
    down: OrdMap<ProbeId, Edge>,
    up: OrdMap<ProbeId, Edge>,
}

impl Trail {
    /// The samples at the edges of an outage.
    pub fn edges(&self, outage: OutageId) -> Option<&Edges> {
        self.edges.get(&outage).map(|edges| &**edges)
    }

    fn change(&mut self, outage: OutageId, change: impl FnOnce(&mut Edges)) {
        change(Arc::make_mut(self.edges.entry(outage).or_default()));
    }
}

/// The turn of a system's probe at `at`; else the earliest of its turns after that.
fn turn(of: &OrdMap<ProbeId, Edge>, system: &SystemId, at: Timestamp) -> Option<Edge> {
    let own = || {
        of.values()
            .filter(|e| e.source.probe.system() == system.as_str())
    };
    let exact = own().find(|edge| edge.at == at);
    let next = || {
        own()
            .filter(|edge| edge.at >= at)
            .min_by_key(|edge| edge.at)
    };
    exact.or_else(next).cloned()
}

impl Record {
    /// Notes what the event proves. The event is applied already.
    pub(super) fn note(&mut self, seq: u64, event: &Event) {
        let trail = &mut self.trail;
        match &event.fact {
            Fact::Configured { .. } => trail.configured.push_back(seq),
            Fact::ProbeDown {
                source,
                from: at,
                samples,
                before,
                ..
            } => {
                let edge = edge(seq, source, *at, samples, before);
                trail.down.insert(source.probe.clone(), edge.clone());
                // A slower probe moved the start of an open outage back.
                let system = self.systems.get(source.probe.system());
                if let Some(open) = system.and_then(|s| s.open)
                    && self.outages.get(&open).is_some_and(|o| o.start == *at)
                {
                    self.trail.change(open, |edges| edges.start = Some(edge));
                }
            }
            Fact::ProbeUp {
                source,
                to: at,
                samples,
                before,
                ..
            } => {
                let edge = edge(seq, source, *at, samples, before);
                trail.up.insert(source.probe.clone(), edge);
            }
            Fact::OutageOpened {
                outage,
                system,
                start,
                ..
            } => {
                let start = turn(&trail.down, system, *start);
                trail.change(*outage, |edges| edges.start = start);
            }
            Fact::OutageClosed { outage, end, .. } => {
                let Some(known) = self.outages.get(outage) else {
                    return;
                };
                let end = turn(&self.trail.up, &known.system, *end);
                self.trail.change(*outage, |edges| edges.end = end);
            }
            Fact::OutageDeclared { .. }
            | Fact::DeclarationChanged { .. }
            | Fact::MonitorFault { .. }
            | Fact::DowntimeExcluded { .. }
            | Fact::OutageReclassified { .. }
            | Fact::WindowScheduled { .. }
            | Fact::WindowChanged { .. }
            | Fact::WindowCancelled { .. }
            | Fact::CustomerNotified { .. }
            | Fact::IncidentAcknowledged { .. } => {
                trail.acts.push_back((seq, Arc::new(event.clone())));
            }
            _ => {}
        }
    }
}

fn edge(seq: u64, source: &Source, at: Timestamp, samples: &[Seen], before: &Option<Seen>) -> Edge {
    Edge {
        seq,
        source: source.clone(),
        at,
        before: before.clone(),
        first: samples.iter().min_by_key(|seen| seen.at).cloned(),
        samples: samples.len(),
    }
}
