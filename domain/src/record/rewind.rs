//! Applies a step of the wall clock backwards. Time that occurs twice is unknown, and the record
//! continues from the instant to which the clock was set.
//!
//! Events keep their recorded times. Only state is moved, and only where it lies after that
//! instant.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Record;
use super::spans::cut;
use crate::id::OutageId;
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
        self.outages.rewind(at, &self.notices.open_outages());
        self.incidents.rewind(at);
        let back = back.to.duration_since(at);
        self.step(-back);
        let going_on = self.outages.all().filter(|o| o.end.is_none());
        let going_on: Vec<OutageId> = going_on.map(|outage| outage.id).collect();
        self.notices.rewind(at, back, &going_on);
        let unresolved: Vec<_> = self.incidents.unresolved().map(|i| i.id).collect();
        for incident in unresolved {
            self.refresh_clocks(incident);
        }
        self.rollups.rewind(at);
    }

    /// The clock was set forward or back by `by`. Past outages and faults stay as long ago as
    /// before.
    pub(super) fn step(&mut self, by: SignedDuration) {
        self.outages.step(by);
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
}
