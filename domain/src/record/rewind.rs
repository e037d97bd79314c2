//! Applies a step of the wall clock backwards. Time that occurs twice is unknown, and the record
//! continues from the instant to which the clock was set.
//!
//! Events keep their recorded times. Only state is moved, and only where it lies after that
//! instant.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Record;
use super::spans::cut;
use crate::incident::Incident;
use crate::span::Span;

impl Record {
    /// The clock was set back from the end of `back` to `at`. The time that it had shown since `at`
    /// occurs again.
    pub(super) fn rewind(&mut self, at: Timestamp, back: Span) {
        self.monitoring.rewind(at, back);
        self.as_of = Some(at);
        self.probes.rewind(at);
        let systems: Vec<_> = self.systems.keys().cloned().collect();
        for id in systems {
            let Some(system) = self.systems.get_mut(&id).map(Arc::make_mut) else {
                continue;
            };
            cut(&mut system.life, at);
            for rule in &mut system.rules {
                rule.entered_at = rule.entered_at.min(at);
                rule.left_at = rule.left_at.map(|left_at| left_at.min(at));
            }
        }
        self.rewind_outages(at);
        let back = back.to.duration_since(at);
        self.step(-back);
        self.notices.rewind(at, back);
    }

    /// The clock was set forward or back by `by`. Past outages and faults stay as long ago as
    /// before.
    pub(super) fn step(&mut self, by: SignedDuration) {
        let all = self.outages.values();
        let over: Vec<_> = all.filter(|o| o.end.is_some()).map(|o| o.id).collect();
        for id in over {
            self.with_outage(id, |outage| outage.moved = outage.moved.saturating_add(by));
        }
        let faulty = self.systems.iter().filter(|(_, s)| !s.faults.is_empty());
        let faulty: Vec<_> = faulty.map(|(id, _)| id.clone()).collect();
        for id in faulty {
            if let Some(system) = self.systems.get_mut(&id).map(Arc::make_mut) {
                for fault in &mut system.faults {
                    fault.moved = fault.moved.saturating_add(by);
                }
            }
        }
    }

    /// Open outages and incidents began no later than now.
    fn rewind_outages(&mut self, at: Timestamp) {
        let owed = self.notices.open_outages();
        let all = self.outages.values();
        let open: Vec<_> = all.filter(|o| o.end.is_none()).map(|o| o.id).collect();
        for id in &open {
            self.with_outage(*id, |outage| {
                outage.start = outage.start.min(at);
                if let Some((from, _)) = &mut outage.overrun {
                    *from = (*from).min(at);
                }
            });
        }
        let all = owed.iter().filter_map(|o| self.outages.get(o));
        let unwatched: Vec<_> = all.filter(|o| o.is_unwatched()).map(|o| o.id).collect();
        for id in unwatched {
            // The next samples decide whether it is over.
            self.with_outage(id, |outage| {
                outage.start = outage.start.min(at);
                outage.end = outage.end.map(|end| end.min(at));
                outage.unobserved = outage.end.map(|end| Span::new(end, end));
            });
        }
        for id in open.into_iter().chain(owed) {
            self.with_outage(id, |outage| outage.detected_at = outage.detected_at.min(at));
        }
        let unresolved: Vec<_> = self.incidents.unresolved().map(|i| i.id).collect();
        for id in unresolved {
            self.incidents.change(id, |incident: &mut Incident| {
                incident.opened_at = incident.opened_at.min(at);
                if let Some(acknowledged) = &mut incident.acknowledged {
                    acknowledged.at = acknowledged.at.min(at);
                }
            });
        }
    }
}
