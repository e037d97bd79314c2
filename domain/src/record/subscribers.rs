//! The people who subscribed on the public page, by their numbers: which systems each of them chose. Their addresses are
//! in `people.sqlite` and never here.

use std::collections::BTreeSet;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;

use super::Record;
use crate::event::{Fact, SubscriptionCause};
use crate::id::{IncidentId, OutageId, SubscriberId, SystemId};
use crate::notice::Address;

/// The subscribers and their systems.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribers {
    chosen: OrdMap<SubscriberId, OrdSet<SystemId>>,
    by_system: OrdSet<(SystemId, SubscriberId)>,
    ended: OrdSet<SubscriberId>,
    rejected: u64,
}

impl Subscribers {
    /// How many people are subscribed.
    pub fn count(&self) -> usize {
        self.chosen.len()
    }

    /// How many subscriptions ended because a mail server rejected the address for good.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// All subscribers with their systems, in order of their numbers.
    pub fn all(&self) -> impl Iterator<Item = (SubscriberId, &OrdSet<SystemId>)> {
        self.chosen.iter().map(|(id, systems)| (*id, systems))
    }

    /// The systems of a subscriber; `None` if the subscription ended or never was.
    pub fn systems(&self, id: SubscriberId) -> Option<&OrdSet<SystemId>> {
        self.chosen.get(&id)
    }

    /// True if the subscriber chose the system.
    pub fn has(&self, id: SubscriberId, system: &SystemId) -> bool {
        self.systems(id).is_some_and(|own| own.contains(system))
    }

    /// True if the subscription of this number ended.
    pub fn has_ended(&self, id: SubscriberId) -> bool {
        self.ended.contains(&id)
    }

    /// The subscribers of a system, in order of their numbers.
    pub fn of<'a>(&'a self, system: &'a SystemId) -> impl Iterator<Item = SubscriberId> + 'a {
        let all = self.by_system.range((system.clone(), SubscriberId(0))..);
        let own = all.take_while(move |(of, _)| of == system);
        own.map(|(_, id)| *id)
    }

    /// Sets the systems of a subscriber; none ends the subscription. Returns the systems that are new.
    fn set(&mut self, id: SubscriberId, systems: &[SystemId]) -> Vec<SystemId> {
        let now: OrdSet<SystemId> = systems.iter().cloned().collect();
        let before = self.chosen.get(&id).cloned().unwrap_or_default();
        for left in before.iter().filter(|system| !now.contains(*system)) {
            self.by_system.remove(&(left.clone(), id));
        }
        let new: Vec<SystemId> = now
            .iter()
            .filter(|s| !before.contains(*s))
            .cloned()
            .collect();
        self.by_system
            .extend(new.iter().map(|system| (system.clone(), id)));
        if now.is_empty() {
            self.chosen.remove(&id);
            self.ended.insert(id);
        } else {
            self.chosen.insert(id, now);
            self.ended.remove(&id);
        }
        new
    }
}

impl Record {
    /// A subscriber gets no more mail about systems that are not chosen any more, and the notice of outages that go on
    /// of those that are new.
    pub(super) fn subscription_fact(
        &mut self,
        at: Timestamp,
        id: SubscriberId,
        systems: &[SystemId],
        cause: SubscriptionCause,
    ) {
        self.subscribers.rejected += u64::from(cause == SubscriptionCause::Rejected);
        let new = self.subscribers.set(id, systems);
        let address = Address::Subscriber(id);
        self.drop_unsubscribed(&address, at);
        let open = |system: &SystemId| {
            let open = self.open_outages(system);
            let open = open.filter(|o| o.counts_from().is_some());
            open.map(|o| o.id).collect::<Vec<OutageId>>()
        };
        for outage in new.iter().flat_map(open).collect::<Vec<_>>() {
            if !self.is_hidden(outage) {
                self.owe_outage_to(at, outage, address.clone(), BTreeSet::new());
            }
        }
    }

    /// True if the outage belongs to an incident that concerns security: subscribers get no notice of it.
    pub(super) fn is_hidden(&self, outage: OutageId) -> bool {
        let incident = self.outages.get(&outage).and_then(|o| o.incident);
        incident.is_some_and(|id| self.is_security(id))
    }

    pub(super) fn is_security(&self, incident: IncidentId) -> bool {
        let known = self.incidents.get(incident);
        known.is_some_and(|i| i.handling.is_security())
    }

    /// An incident that turns out to concern security is hidden from subscribers: what they were not sent is dropped.
    pub(super) fn hide_security(&mut self, at: Timestamp, fact: &Fact) {
        let incident = match fact {
            Fact::IncidentAssessed { incident, .. }
            | Fact::OutageJoined { incident, .. }
            | Fact::ProblemReported { incident, .. }
            | Fact::Flapping { incident, .. }
            | Fact::IncidentMerged { into: incident, .. } => *incident,
            _ => return,
        };
        if self.is_security(incident) {
            self.withdraw_from_subscribers(incident, at);
        }
    }

    /// Subscribers of any of these systems, each with those of the systems that it chose.
    pub(super) fn subscribers_of(&self, systems: &[SystemId]) -> Vec<(Address, Vec<SystemId>)> {
        let ids: BTreeSet<SubscriberId> = systems
            .iter()
            .flat_map(|system| self.subscribers.of(system))
            .collect();
        let own = |id: SubscriberId| {
            let own = systems.iter().filter(|s| self.subscribers.has(id, s));
            own.cloned().collect()
        };
        let all = ids.into_iter();
        all.map(|id| (Address::Subscriber(id), own(id))).collect()
    }
}
