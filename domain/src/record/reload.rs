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
    pub(super) fn bereft(&self, old: &Catalogue, new: &Catalogue) -> Vec<SystemId> {
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

    /// Whatever of a bereft system nothing vouches for takes the place of what failed: it is down,
    /// unseen, until its own samples confirm that it is up, as after a gap of the monitor.
    pub(super) fn succeed(&mut self, at: Timestamp, bereft: &[SystemId]) {
        let catalogue = Arc::clone(&self.catalogue);
        for system in bereft {
            let configured = catalogue.system(system.as_str());
            for probe in configured.into_iter().flat_map(System::deciding) {
                self.probes.down_unseen(at, &probe.id);
            }
        }
    }

    /// Nobody will see a system up for long enough that loses the last probe that could tell.
    pub(super) fn forget_unwatched(&mut self, old: &Catalogue, new: &Catalogue) {
        for system in self.unstable.clone() {
            if old.is_watched(&system) && !new.is_watched(&system) {
                self.unstable.remove(&system);
            }
        }
    }

    /// Whether the end of an outage says that its system is up: it was seen or declared, and the
    /// system is configured ever since.
    pub(crate) fn ended_up(&self, outage: &Outage) -> bool {
        let born_at = self.born_at(&outage.system);
        !outage.is_unwatched() && born_at.is_some_and(|born_at| Some(born_at) <= outage.end)
    }

    /// Whether the system of an outage that is over was heard since: every availability probe, and
    /// there must be one. Asked as of `at`: at a start, what an earlier life of the service left
    /// undone is decided as of then.
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
    /// Whether it ended because a configuration took away what had found it, in that instant. When
    /// its system was available again is then not known, and perhaps it never was.
    pub fn is_unwatched(&self) -> bool {
        self.unobserved.is_some_and(|span| span.is_empty())
    }
}
