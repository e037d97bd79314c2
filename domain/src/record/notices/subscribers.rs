//! The fold of notices for subscribers: their messages are kept apart, nothing is owed about a system
//! that they did not choose, and nothing about an incident that concerns security.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{FIRST_SUBSCRIBER, Known, NotSent, Notices, OutageEntry, Outgoing, WindowEntry};
use crate::id::{IncidentId, NoticeId, OutageId, SystemId, WindowId};
use crate::notice::Address;
use crate::record::Record;

/// How long what subscribers know is remembered after its end.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Record {
    /// False for a subscriber that did not choose the system.
    pub(super) fn is_reader(&self, address: &Address, system: &SystemId) -> bool {
        let subscriber = address.subscriber();
        subscriber.is_none_or(|id| self.subscribers.has(id, system))
    }

    /// False for a subscriber if the incident concerns security, or none of the systems that it chose.
    pub(super) fn is_reader_of_incident(&self, address: &Address, id: IncidentId) -> bool {
        let Some(incident) = self
            .incidents
            .get(id)
            .filter(|_| address.subscriber().is_some())
        else {
            return true;
        };
        let mut systems = incident.systems.iter();
        !incident.handling.is_security() && systems.any(|s| self.is_reader(address, s))
    }

    /// A subscriber is owed nothing more about systems that it did not choose, or that are not configured.
    pub(in crate::record) fn drop_unsubscribed(&mut self, address: &Address, at: Timestamp) {
        let Some(channel) = self.notices.channels.get(address).cloned() else {
            return;
        };
        let catalogue = Arc::clone(&self.catalogue);
        let configured = |system: &SystemId| catalogue.system(system.as_str()).is_some();
        let wants = |record: &Record, system: &SystemId| {
            configured(system) && record.is_reader(address, system)
        };
        for id in &channel.outages {
            let system = self.outages.get(id).map(|o| &o.system);
            if !system.is_some_and(|s| wants(self, s)) {
                self.notices.with_outage(*id, address, |entry| {
                    entry.began = entry.began.dropped();
                    entry.ended = entry.ended.dropped();
                });
            }
        }
        for window in &channel.windows {
            let entries = self.notices.window(window, address).iter();
            let left: Vec<u64> = entries
                .filter(|e| !e.systems.iter().any(|s| wants(self, s)))
                .map(|e| e.cause)
                .collect();
            self.notices.with_window(window, address, |entries| {
                for entry in entries.iter_mut().filter(|e| left.contains(&e.cause)) {
                    entry.drop_because(NotSent::RecipientRemoved);
                }
            });
        }
        for id in &channel.posts {
            if !self.is_reader_of_incident(address, *id) {
                self.notices.with_posts(*id, address, |entries| {
                    entries.iter_mut().for_each(|e| e.known = e.known.dropped());
                });
            }
        }
        self.drop_pointless(address, at);
    }

    /// Subscribers are not sent what they were not sent yet about an incident.
    pub(in crate::record) fn withdraw_from_subscribers(&mut self, id: IncidentId, at: Timestamp) {
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        let outages = incident.outages.clone();
        for address in self.notices.active_subscribers(None).collect::<Vec<_>>() {
            let Some(channel) = self.notices.channels.get(&address).cloned() else {
                continue;
            };
            for outage in channel.outages.iter().filter(|o| outages.contains(o)) {
                self.notices.with_outage(*outage, &address, |entry| {
                    if entry.began == Known::No {
                        entry.began = Known::Dropped;
                    }
                });
            }
            if channel.posts.contains(&id) {
                self.notices.with_posts(id, &address, |entries| {
                    entries.iter_mut().for_each(|e| e.known = e.known.dropped());
                });
            }
            self.drop_pointless(&address, at);
        }
    }
}

impl Record {
    /// What subscribers knew of an outage, an incident or a window is forgotten a week after its end. Until then a
    /// correction reaches them.
    pub(in crate::record) fn forget_what_subscribers_knew(&mut self, at: Timestamp) {
        let Ok(before) = at.checked_sub(REMEMBERED) else {
            return;
        };
        let notices = &mut self.notices;
        let over = self.outages.all();
        for outage in over.filter(|o| o.end.is_some_and(|end| end < before)) {
            let own = notices.outages.range((outage.id, FIRST_SUBSCRIBER)..);
            let own = own.take_while(|((id, _), _)| *id == outage.id);
            let known = own.filter(|(_, entry)| !entry.is_open());
            for key in known.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                notices.outages.remove(&key);
            }
        }
        let over = self.incidents.all();
        for incident in over.filter(|i| i.resolved_at.is_some_and(|end| end < before)) {
            let own = notices.posts.range((incident.id, FIRST_SUBSCRIBER)..);
            let own = own.take_while(|((id, _), _)| *id == incident.id);
            let known = own.filter(|(_, entries)| !entries.iter().any(|e| e.known.is_owed()));
            for key in known.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                notices.posts.remove(&key);
            }
        }
        let is_past = |entries: &[WindowEntry]| {
            let mut entries = entries.iter();
            entries.all(|e| e.window.span.to < before && !e.known.is_owed())
        };
        let windows = notices.windows.iter();
        let own = windows.filter(|((_, address), _)| address.subscriber().is_some());
        let past = own.filter(|(_, entries)| is_past(entries));
        for key in past.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            notices.windows.remove(&key);
        }
    }
}

impl Notices {
    /// Adds a message, whose first attempt begins.
    pub(super) fn add(&mut self, id: NoticeId, outgoing: Outgoing) {
        let address = outgoing.notice.recipient.address.clone();
        let is_subscriber = address.subscriber().is_some();
        let messages = match is_subscriber {
            true => &mut self.to_subscribers,
            false => &mut self.messages,
        };
        messages.insert(id, Arc::new(outgoing));
        self.last = self.last.max(id.0);
        self.with_channel(&address, |channel| {
            channel.current = Some(id);
            channel.messages += 1;
            if is_subscriber {
                channel.to_subscriber.push(id);
            }
        });
    }

    /// The messages to subscribers that are known still: something is open for their subscriber.
    pub fn to_subscribers(&self) -> impl Iterator<Item = (NoticeId, &Arc<Outgoing>)> {
        self.to_subscribers.iter().map(|(id, o)| (*id, o))
    }

    /// Subscribers to whom something may still be sent, in order: those after `after`.
    pub fn active_subscribers(&self, after: Option<&Address>) -> impl Iterator<Item = Address> {
        let from = after.cloned().unwrap_or(FIRST_SUBSCRIBER);
        let rest = self.active.range(from.clone()..);
        let is_new = move |address: &&Address| after.is_none() || **address != from;
        rest.filter(is_new).cloned()
    }

    /// The entries of all addresses about an outage.
    pub fn everyone_of_outage(
        &self,
        id: OutageId,
    ) -> impl Iterator<Item = (&Address, &OutageEntry)> {
        let from = (id, Address::Mail(String::new()));
        let all = self.outages.range(from..);
        let own = all.take_while(move |((outage, _), _)| *outage == id);
        own.map(|((_, address), entry)| (address, &**entry))
    }

    /// The entries of all addresses about a window.
    pub(super) fn everyone_of_window(
        &self,
        id: &WindowId,
    ) -> impl Iterator<Item = (&Address, &[WindowEntry])> {
        let from = (id.clone(), Address::Mail(String::new()));
        let all = self.windows.range(from..);
        let own = all.take_while(move |((window, _), _)| window == id);
        own.map(|((_, address), entries)| (address, entries.as_slice()))
    }
}
