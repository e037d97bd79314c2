//! The fold of a configuration that changes in the midst of an outage: it is no evidence that
//! anything is up. Never decides.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Outage, Record};
use crate::catalogue::{Affects, Catalogue, Probe, System};
use crate::id::SystemId;

impl Record {
    /// The systems that stay and lose a probe that takes them down now: it is taken away, or no
    /// longer affects availability. Asked while the record is still as of `old`.
    pub(super) fn lost_failing_probe(&self, old: &Catalogue, new: &Catalogue) -> Vec<SystemId> {
        let takes_down = |probe: &&Probe| {
            let known = self.probes.get(&probe.id);
            known.is_some_and(|known| known.takes_down_since().is_some())
        };
        let stays = |probe: &Probe| {
            let probe = new.probe(&probe.id);
            probe.is_some_and(|p| p.affects == Affects::Availability)
        };
        old.systems
            .iter()
            .filter(|system| new.system(system.id.as_str()).is_some())
            .filter(|system| system.probes.iter().filter(takes_down).any(|p| !stays(p)))
            .map(|system| system.id.clone())
            .collect()
    }

    /// A removed probe was failing: marks the system's other probes that have no coverage as down
    /// until their own samples confirm recovery, as after a monitoring gap.
    pub(super) fn carry_down_over(&mut self, at: Timestamp, lost_failing_probe: &[SystemId]) {
        let catalogue = Arc::clone(&self.catalogue);
        for system in lost_failing_probe {
            let configured = catalogue.system(system.as_str());
            for probe in configured.into_iter().flat_map(System::deciding) {
                self.probes.down_unseen(at, &probe.id);
            }
        }
    }

    /// A system that loses its last availability probe is no longer flapping: no sample can show that
    /// it recovered.
    pub(super) fn forget_unwatched(&mut self, old: &Catalogue, new: &Catalogue) {
        for system in self.unstable.clone() {
            if old.is_watched(&system) && !new.is_watched(&system) {
                self.unstable.remove(&system);
            }
        }
    }

    /// True if the end of an outage means that its system is up: it was seen or declared, and the
    /// system is configured ever since.
    pub(crate) fn ended_up(&self, outage: &Outage) -> bool {
        let born_at = self.born_at(&outage.system);
        !outage.is_unwatched() && born_at.is_some_and(|born_at| Some(born_at) <= outage.end)
    }

    /// True if every availability probe of the system, and at least one, has answered since an
    /// outage that is over. Asked as of `at`: at a start, decisions that an earlier run of the
    /// service left open are made as of then.
    pub(crate) fn heard_up(&self, outage: &Outage, at: Timestamp) -> bool {
        let system = &outage.system;
        let born_at = self.born_at(system);
        born_at.is_some_and(|born_at| born_at <= at)
            && outage.end.is_some_and(|end| end <= at)
            && self.catalogue.is_watched(system)
            && !self.is_unknown(system)
    }

    /// When a system was configured the last time.
    fn born_at(&self, system: &SystemId) -> Option<Timestamp> {
        Some(self.systems.get(system)?.life.last()?.0)
    }
}

impl Outage {
    /// True if it ended because a configuration removed the probe that had found it. It is then
    /// unknown when, or if, the system became available again.
    pub fn is_unwatched(&self) -> bool {
        self.unobserved.is_some_and(|span| span.is_empty())
    }
}
