//! The notice state: what each address knows, and what it is owed. The fold of the events about
//! deliveries; it never decides. [`crate::notices`] reads it and says which message comes next.

mod delivery;
mod dropped;
mod fold;
mod owed_again;
mod posts;
mod reminders;
mod reports;
mod staff;
mod subscribers;
mod untold;

pub use dropped::{Dropped, NotSent};
pub(crate) use fold::replaces;
pub use posts::PostEntry;
pub use reports::{ReportEntry, ReportKey};
pub(crate) use staff::run_of;
pub use staff::{StaffEntry, StaffMatter};
use subscribers::SubscribersKnow;
pub(crate) use untold::Untold;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;

use crate::event::Delivery;
use crate::id::{CustomerId, IncidentId, NoticeId, OutageId, SubscriberId, SystemId, WindowId};
use crate::notice::{Address, Kind, Notice, Window};

/// The knowledge of one address about one fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// No message about it was delivered.
    #[default]
    No,
    /// The connection was lost after the message's first byte; the message is sent once more.
    Lost(NoticeId),
    /// Lost twice: the address may know.
    Perhaps(NoticeId),
    /// The relay accepted the message. That is not the same as read.
    Yes(NoticeId),
    /// The relay refused the message for good, or 48 hours of attempts passed.
    Refused(NoticeId),
    /// Superseded: no message is needed any more.
    Dropped,
}

impl Known {
    /// True if the address knows, or may know.
    pub fn is_possible(self) -> bool {
        matches!(self, Known::Lost(_) | Known::Perhaps(_) | Known::Yes(_))
    }

    /// True while a message is still owed.
    pub fn is_owed(self) -> bool {
        matches!(self, Known::No | Known::Lost(_))
    }

    /// The message that the answer came from.
    pub fn notice(self) -> Option<NoticeId> {
        match self {
            Known::No | Known::Dropped => None,
            Known::Lost(id) | Known::Perhaps(id) | Known::Yes(id) | Known::Refused(id) => Some(id),
        }
    }
}

/// The notices that one address is owed about one unplanned outage: a `downtime` or `maintenance-overrun`
/// for its beginning, an `uptime` for its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageEntry {
    /// The ledger sequence of the fact that opened the entry.
    pub cause: u64,
    /// When the entry was opened.
    pub owed_at: Timestamp,
    /// The customers that have the address.
    pub customers: BTreeSet<CustomerId>,
    pub began: Known,
    pub ended: Known,
    /// The clock was set back to this after the address was told: it was told no later.
    pub told_by: Option<Timestamp>,
}

impl OutageEntry {
    /// True while a message about the outage may still be owed.
    pub fn is_open(&self) -> bool {
        self.ended.is_owed() && !matches!(self.began, Known::Refused(_) | Known::Dropped)
    }
}

/// One announcement about a maintenance window that an address is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowEntry {
    pub kind: Kind,
    /// The ledger sequence of the fact that opened the entry.
    pub cause: u64,
    pub owed_at: Timestamp,
    pub customers: BTreeSet<CustomerId>,
    /// The window as it stood then.
    pub window: Window,
    /// The window's systems that these customers have.
    pub systems: Vec<SystemId>,
    pub known: Known,
    /// Set when it is dropped.
    pub not_sent: Option<NotSent>,
}

impl WindowEntry {
    /// No message is needed any more, if one is still owed.
    fn drop_because(&mut self, why: NotSent) {
        if self.known.is_owed() {
            self.known = self.known.dropped();
            self.not_sent = Some(why);
        }
    }

    /// True for a reminder that is still owed.
    fn is_owed_reminder(&self) -> bool {
        self.kind == Kind::MaintenanceReminder && self.known.is_owed()
    }
}

/// The state of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Deferred or lost: the next attempt is due then.
    Due(Timestamp),
    /// An attempt began then and has not ended.
    Attempting(Timestamp),
    /// The relay accepted it.
    Sent(Timestamp),
    /// Refused for good, or given up after 48 hours.
    Rejected(Timestamp),
    /// Lost: it may have arrived.
    Ambiguous(Timestamp),
    /// Dropped before it was delivered; the message that replaced it, if there was one.
    Superseded(Option<NoticeId>),
}

impl Standing {
    /// True if no further attempt will be made.
    pub fn is_final(&self) -> bool {
        !matches!(self, Standing::Due(_) | Standing::Attempting(_))
    }

    /// The word of `notices.jsonl`.
    pub fn word(&self) -> &'static str {
        match self {
            Standing::Due(_) | Standing::Attempting(_) => "queued",
            Standing::Sent(_) => "sent",
            Standing::Rejected(_) => "rejected",
            Standing::Ambiguous(_) => "ambiguous",
            Standing::Superseded(_) => "superseded",
        }
    }
}

/// A message with its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub notice: Notice,
    /// When the facts were known that the message tells of.
    pub decided_at: Timestamp,
    pub standing: Standing,
    /// How many attempts began.
    pub attempts: u32,
    /// The `Message-ID` of every attempt.
    pub message_id: String,
    /// How many attempts were lost between the first byte and the reply.
    pub lost: u32,
    /// The result of the last attempt, and the relay's reply.
    pub last: Option<(Delivery, String)>,
    /// When a person sent it again after it was rejected: another message tells its facts.
    pub sent_again_at: Option<Timestamp>,
}

/// One address: the message under way, its pauses, and what is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// The message that was attempted and is not final.
    pub(crate) current: Option<NoticeId>,
    /// No attempt before then.
    pub(crate) not_before: Option<Timestamp>,
    /// The first of the deferrals in a row.
    pub(crate) failing_since: Option<Timestamp>,
    /// Deferrals in a row.
    pub(crate) failures: usize,
    /// No relay could be reached at the last attempt.
    pub(crate) unreached: bool,
    /// Outages whose entry is open.
    pub(crate) outages: BTreeSet<OutageId>,
    /// Windows with an entry that is owed.
    pub(crate) windows: BTreeSet<WindowId>,
    /// Reports with an entry that is owed.
    pub(crate) reports: BTreeSet<ReportKey>,
    /// Incidents about which words of people are owed.
    pub(crate) posts: BTreeSet<IncidentId>,
    /// The facts of mails to staff that are owed, by their sequence.
    pub(crate) alerts: BTreeSet<u64>,
    /// Flapping that the address was notified of: the episode's sequence, and how certainly.
    pub(crate) flapping: BTreeMap<SystemId, (u64, Known)>,
    /// How many messages the address was sent, or was to be sent.
    pub(crate) messages: u64,
    /// The messages to a subscriber since the last time when nothing was open.
    to_subscriber: Vec<NoticeId>,
}

impl Channel {
    fn is_active(&self) -> bool {
        self.current.is_some()
            || !self.outages.is_empty()
            || !self.windows.is_empty()
            || !self.reports.is_empty()
            || !self.posts.is_empty()
            || !self.alerts.is_empty()
    }
}

/// All subscribers come from here on, after every other address.
const FIRST_SUBSCRIBER: Address = Address::Subscriber(SubscriberId(0));

/// The knowledge of all addresses, and the notices that they are owed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// The number of the last message.
    last: u64,
    messages: OrdMap<NoticeId, Arc<Outgoing>>,
    /// Messages to subscribers. They are forgotten when nothing is open any more: the ledger has them.
    to_subscribers: OrdMap<NoticeId, Arc<Outgoing>>,
    outages: OrdMap<(OutageId, Address), Arc<OutageEntry>>,
    windows: OrdMap<(WindowId, Address), Arc<Vec<WindowEntry>>>,
    reports: OrdMap<(ReportKey, Address), Arc<Vec<ReportEntry>>>,
    posts: OrdMap<(IncidentId, Address), Arc<Vec<PostEntry>>>,
    alerts: OrdMap<(u64, Address), Arc<StaffEntry>>,
    owed_alerts: OrdSet<(u64, Address)>,
    subscribers_know: SubscribersKnow,
    pub(crate) untold: Untold,
    channels: OrdMap<Address, Arc<Channel>>,
    /// Addresses to which something may still be sent.
    active: OrdSet<Address>,
    /// Addresses that no relay could be reached for.
    unreached: OrdSet<Address>,
}

impl Notices {
    /// Every message of which an attempt began, in order; none to subscribers.
    pub fn messages(&self) -> impl Iterator<Item = (NoticeId, &Arc<Outgoing>)> {
        self.messages.iter().map(|(id, o)| (*id, o))
    }

    pub fn message(&self, id: NoticeId) -> Option<&Arc<Outgoing>> {
        let known = self.messages.get(&id);
        known.or_else(|| self.to_subscribers.get(&id))
    }

    /// The id of the next message.
    pub fn next_id(&self) -> NoticeId {
        NoticeId(self.last + 1)
    }

    /// Messages that are neither final nor superseded; none to subscribers.
    pub fn unsent(&self) -> impl Iterator<Item = (NoticeId, &Arc<Outgoing>)> {
        let all = self.active.range(..FIRST_SUBSCRIBER);
        all.filter_map(|address| self.current(address))
    }

    /// When the next attempt of an undelivered message is due.
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        let due = self.unsent().filter_map(|(_, o)| match o.standing {
            Standing::Due(at) => Some(at),
            _ => None,
        });
        due.min()
    }

    /// The message to this address that was attempted and is not final.
    pub fn current(&self, address: &Address) -> Option<(NoticeId, &Arc<Outgoing>)> {
        let current = self.channels.get(address)?.current?;
        Some((current, self.message(current)?))
    }

    /// The state of an address to which something was sent or may be sent.
    pub(crate) fn channel(&self, address: &Address) -> Option<&Channel> {
        self.channels.get(address).map(|channel| &**channel)
    }

    /// The addresses to which something may still be sent, in order.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Address> {
        self.active.iter()
    }

    /// True if the address itself keeps its message waiting: a relay or the receiver answered, or it is a webhook.
    pub fn is_put_off(&self, address: &Address) -> bool {
        let is_reached = !address.is_mail() || !self.unreached.contains(address);
        self.current(address).is_some() && is_reached
    }

    /// True while an attempt to the address is under way.
    pub(crate) fn is_attempting(&self, address: &Address) -> bool {
        let current = self.current(address);
        current.is_some_and(|(_, o)| matches!(o.standing, Standing::Attempting(_)))
    }

    /// How many messages to the address were attempted, the present one included.
    pub fn count_to(&self, address: &Address) -> u64 {
        self.channels
            .get(address)
            .map_or(0, |channel| channel.messages)
    }

    /// True if something may still be sent to anyone.
    pub fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// The entries of all addresses about an outage but those of subscribers.
    pub fn of_outage(&self, id: OutageId) -> impl Iterator<Item = (&Address, &OutageEntry)> {
        let from = (id, Address::Mail(String::new()));
        let own = self.outages.range(from..(id, FIRST_SUBSCRIBER));
        own.map(|((_, address), entry)| (address, &**entry))
    }

    /// The entries of all addresses about a window but those of subscribers.
    pub fn of_window(&self, id: &WindowId) -> impl Iterator<Item = (&Address, &[WindowEntry])> {
        let from = (id.clone(), Address::Mail(String::new()));
        let own = self.windows.range(from..(id.clone(), FIRST_SUBSCRIBER));
        own.map(|((_, address), entries)| (address, entries.as_slice()))
    }

    /// Every entry about windows, with its address; none of subscribers.
    pub fn window_entries(&self) -> impl Iterator<Item = (&Address, &WindowEntry)> {
        let all = self.windows.iter();
        let all = all.filter(|((_, address), _)| address.subscriber().is_none());
        all.flat_map(|((_, address), entries)| entries.iter().map(move |e| (address, e)))
    }

    /// Every entry about outages, with its outage and address; none of subscribers.
    pub fn outage_entries(&self) -> impl Iterator<Item = (OutageId, &Address, &OutageEntry)> {
        let all = self.outages.iter();
        let all = all.filter(|((_, address), _)| address.subscriber().is_none());
        all.map(|((outage, address), entry)| (*outage, address, &**entry))
    }

    /// The outages about which anyone may still be owed a message.
    pub fn open_outages(&self) -> BTreeSet<OutageId> {
        let active = self.active.iter().filter_map(|a| self.channels.get(a));
        active.flat_map(|c| c.outages.iter().copied()).collect()
    }

    pub fn outage_entry(&self, outage: OutageId, address: &Address) -> Option<&Arc<OutageEntry>> {
        self.outages.get(&(outage, address.clone()))
    }

    pub(crate) fn window(&self, window: &WindowId, address: &Address) -> &[WindowEntry] {
        let found = self.windows.get(&(window.clone(), address.clone()));
        found.map_or(&[], |entries| entries.as_slice())
    }
}
