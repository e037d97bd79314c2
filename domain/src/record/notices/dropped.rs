//! Notices that were owed and are not sent any more, each with the reason.

use jiff::Timestamp;

use super::{Known, Notices, Outgoing, Standing};
use crate::id::SystemId;
use crate::notice::{Address, Kind, Notice, Window};

/// Why a message that was owed is not sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// A reminder of a window that has begun.
    WindowBegan,
    WindowCancelled,
    /// A later message about the window, or one that was delivered late, says the same.
    Replaced,
    /// The address has no customer of the window's systems any more, or no contact of the staff.
    RecipientRemoved,
    /// An escalation or a clock of an incident that is resolved.
    Resolved,
    /// Another incident took the incident over.
    Merged,
    /// A clock that was answered.
    Answered,
    /// A warning of a clock that was missed.
    Missed,
    OutageOver,
    /// The customer was told at last.
    ToldSince,
}

impl NotSent {
    /// The reason, as part of a sentence.
    pub fn reason(self) -> &'static str {
        match self {
            NotSent::WindowBegan => "its window had begun",
            NotSent::WindowCancelled => "the window was cancelled",
            NotSent::Replaced => "another notice of the window says the same",
            NotSent::RecipientRemoved => "the recipient is no longer concerned",
            NotSent::Resolved => "the incident was resolved",
            NotSent::Merged => "another incident took the incident over",
            NotSent::Answered => "the clock was answered",
            NotSent::Missed => "the clock was missed",
            NotSent::OutageOver => "the outage was over",
            NotSent::ToldSince => "the customer was told",
        }
    }
}

/// A notice that was dropped before a message was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped<'a> {
    pub kind: Kind,
    pub address: &'a Address,
    pub systems: &'a [SystemId],
    pub owed_at: Timestamp,
    pub why: NotSent,
}

impl Notices {
    /// Why a message was dropped before it was delivered, if that is known.
    pub fn not_sent(&self, outgoing: &Outgoing) -> Option<NotSent> {
        let Standing::Superseded(_) = outgoing.standing else {
            return None;
        };
        let notice = &outgoing.notice;
        if let Some(alert) = &notice.alert {
            return self.alert(alert.cause, &notice.recipient.address)?.not_sent;
        }
        let window = notice.window.as_ref()?;
        let entries = self.window(&window.id, &notice.recipient.address).iter();
        let mut own = entries.filter(|e| e.kind == notice.kind && e.window.announces_same(window));
        own.find_map(|e| e.not_sent)
    }

    /// The notices that were dropped before a message was made, and whose reason is known.
    pub fn dropped(&self) -> impl Iterator<Item = Dropped<'_>> {
        let entries = self.window_entries();
        let entries = entries.filter(|(_, entry)| entry.known == Known::Dropped);
        let unmade = entries.filter(|(address, entry)| {
            let is_it = |n: &Notice| {
                let window = n.window.as_ref();
                let same = |w: &Window| entry.window.id == w.id && entry.window.announces_same(w);
                n.kind == entry.kind && n.recipient.address == **address && window.is_some_and(same)
            };
            !self.messages().any(|(_, outgoing)| is_it(&outgoing.notice))
        });
        let windows = unmade.filter_map(|(address, entry)| {
            Some(Dropped {
                kind: entry.kind,
                address,
                systems: &entry.systems,
                owed_at: entry.owed_at,
                why: entry.not_sent?,
            })
        });
        let alerts = self.alerts();
        let alerts = alerts.filter(|(_, _, entry)| entry.known == Known::Dropped);
        let alerts = alerts.filter(|(cause, address, _)| !self.has_message(*cause, address));
        windows.chain(alerts.filter_map(|(_, address, entry)| {
            Some(Dropped {
                kind: entry.kind,
                address,
                systems: &entry.systems,
                owed_at: entry.owed_at,
                why: entry.not_sent?,
            })
        }))
    }

    /// True if a mail to staff about the fact of that sequence was made for the address.
    pub fn has_message(&self, cause: u64, address: &Address) -> bool {
        let is_it = |n: &Notice| {
            let alert = n.alert.as_ref();
            alert.is_some_and(|a| a.cause == cause) && n.recipient.address == *address
        };
        self.messages().any(|(_, outgoing)| is_it(&outgoing.notice))
    }
}
