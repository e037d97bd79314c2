//! Customers who are owed the notice of an outage that goes on, and since when. The oldest comes first, so that
//! the next deadline is found without a search.

use imbl::{OrdMap, OrdSet};
use jiff::{SignedDuration, Timestamp};

use super::{Known, Notices, OutageEntry};
use crate::id::{CustomerId, OutageId};

/// The customers who are still owed the notice of an outage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Untold {
    since: OrdMap<(OutageId, CustomerId), Timestamp>,
    oldest: OrdSet<(Timestamp, OutageId, CustomerId)>,
    /// Staff was told of these.
    reported: OrdSet<(OutageId, CustomerId)>,
}

impl Untold {
    /// The customers with the time since when they are owed the notice, the oldest first. Staff was not told of these.
    pub fn oldest(&self) -> impl Iterator<Item = (Timestamp, OutageId, &CustomerId)> {
        let all = self.oldest.iter();
        all.map(|(since, outage, customer)| (*since, *outage, customer))
    }

    fn insert(&mut self, since: Timestamp, outage: OutageId, customer: &CustomerId) {
        let key = (outage, customer.clone());
        if !self.since.contains_key(&key) && !self.reported.contains(&key) {
            self.since.insert(key, since);
            self.oldest.insert((since, outage, customer.clone()));
        }
    }

    fn remove(&mut self, outage: OutageId, customer: &CustomerId) {
        if let Some(since) = self.since.remove(&(outage, customer.clone())) {
            self.oldest.remove(&(since, outage, customer.clone()));
        }
    }

    /// Staff is told once of each customer and outage.
    pub(super) fn set_reported(&mut self, outage: OutageId, customer: &CustomerId) {
        self.remove(outage, customer);
        self.reported.insert((outage, customer.clone()));
    }

    /// Customers whom staff was told of, and the outages that they were not told of then.
    pub fn reported(&self) -> impl Iterator<Item = (OutageId, &CustomerId)> {
        let all = self.reported.iter();
        all.map(|(outage, customer)| (*outage, customer))
    }

    /// The clock was set back by `back` to `at`.
    pub(super) fn rewind(&mut self, at: Timestamp, back: SignedDuration) {
        let all = std::mem::take(&mut self.oldest);
        self.since = OrdMap::new();
        for (since, outage, customer) in all {
            let earlier = since.checked_sub(back).unwrap_or(at).min(since);
            self.insert(earlier, outage, &customer);
        }
    }
}

impl Notices {
    /// True if the customer is owed the notice of an outage and no address of it can know of it.
    pub(crate) fn is_untold(&self, outage: OutageId, customer: &CustomerId) -> bool {
        let entries = self.of_outage(outage).map(|(_, entry)| entry);
        let mut own = entries.filter(|e| e.customers.contains(customer));
        let mut untold = false;
        let knows = own.any(|entry| {
            untold |= matches!(entry.began, Known::No | Known::Refused(_));
            entry.began.is_possible()
        });
        untold && !knows
    }

    /// The customers of an entry that was just opened are untold.
    pub(super) fn await_notice(&mut self, outage: OutageId, entry: &OutageEntry) {
        for customer in &entry.customers {
            self.untold.insert(entry.owed_at, outage, customer);
        }
    }

    /// An address knows of an outage: its customers are told.
    pub(super) fn told(&mut self, outage: OutageId, entry: &OutageEntry) {
        for customer in &entry.customers {
            self.untold.remove(outage, customer);
        }
    }

    /// An outage is over.
    pub(in crate::record) fn outage_over(&mut self, outage: OutageId) {
        let none = CustomerId::from("");
        let all = self.untold.since.range((outage, none)..);
        let own = all.take_while(|((of, _), _)| *of == outage);
        let own: Vec<CustomerId> = own.map(|((_, customer), _)| customer.clone()).collect();
        for customer in own {
            self.untold.remove(outage, &customer);
        }
        let reported = self.untold.reported.range((outage, CustomerId::from(""))..);
        let own = reported.take_while(|(of, _)| *of == outage);
        let own: Vec<CustomerId> = own.map(|(_, customer)| customer.clone()).collect();
        for customer in own {
            self.untold.reported.remove(&(outage, customer));
        }
    }
}
