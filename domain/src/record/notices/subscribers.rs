//! The fold of notices for subscribers: their messages are kept apart, nothing is owed about a system
//! that they did not choose, and nothing about an incident that concerns security.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::{SignedDuration, Timestamp};

use super::{
    FIRST_SUBSCRIBER, Known, NotSent, Notices, OutageEntry, Outgoing, PostEntry, WindowEntry,
};
use crate::id::{IncidentId, NoticeId, OutageId, SystemId, WindowId};
use crate::notice::Address;
use crate::record::Record;

/// The matters of which a subscriber has an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SubscribersKnow {
    pub outages: OrdSet<OutageId>,
    pub incidents: OrdSet<IncidentId>,
    pub windows: OrdSet<WindowId>,
}

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
    /// correction reaches them. It looks only at what a subscriber has an entry of, however long the history is.
    pub(in crate::record) fn forget_what_subscribers_knew(&mut self, at: Timestamp) {
        let Ok(before) = at.checked_sub(REMEMBERED) else {
            return;
        };
        let notices = &mut self.notices;
        let SubscribersKnow {
            outages,
            incidents,
            windows,
        } = notices.subscribers_know.clone();
        let is_past = |end: Option<Timestamp>| end.is_some_and(|end| end < before);
        for id in outages {
            if is_past(self.outages.get(&id).and_then(|o| o.end)) {
                let entries = &mut notices.outages;
                if forget(entries, id, |entry| !entry.is_open()) {
                    notices.subscribers_know.outages.remove(&id);
                }
            }
        }
        for id in incidents {
            if is_past(self.incidents.get(id).and_then(|i| i.resolved_at)) {
                let is_told =
                    |entries: &Arc<Vec<PostEntry>>| !entries.iter().any(|e| e.known.is_owed());
                if forget(&mut notices.posts, id, is_told) {
                    notices.subscribers_know.incidents.remove(&id);
                }
            }
        }
        for id in windows {
            let is_past = |entries: &Arc<Vec<WindowEntry>>| {
                let mut entries = entries.iter();
                entries.all(|e| e.window.span.to < before && !e.known.is_owed())
            };
            if forget(&mut notices.windows, id.clone(), is_past) {
                notices.subscribers_know.windows.remove(&id);
            }
        }
    }
}

/// Forgets what subscribers know of one matter, where it may be forgotten. True if nothing is left.
fn forget<Id: Clone + Ord, Entry: Clone>(
    entries: &mut OrdMap<(Id, Address), Entry>,
    id: Id,
    may_be: impl Fn(&Entry) -> bool,
) -> bool {
    let own = entries.range((id.clone(), FIRST_SUBSCRIBER)..);
    let own = own.take_while(|((of, _), _)| *of == id);
    let (past, kept): (Vec<_>, Vec<_>) = own.partition(|(_, entry)| may_be(entry));
    let nothing_left = kept.is_empty();
    let past: Vec<(Id, Address)> = past.into_iter().map(|(key, _)| key.clone()).collect();
    for key in past {
        entries.remove(&key);
    }
    nothing_left
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
