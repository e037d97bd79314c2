//! Notices: which message an address gets next. Pure; it reads the record and changes nothing.
//!
//! A notice is not a queued message. The record keeps, for each address, what happened that
//! concerns it and how certainly it knows of that ([`crate::record::notices`]). [`next`] compares
//! the two and composes the one message that is true now. The content is stored with its first
//! attempt, so replay never recomputes it. The rules are the table in
//! `docs/decisions/0012-notices-by-reconciliation.md`.

mod compose;
mod maintenance;
mod pending;
mod posts;
mod recovery;
mod reports;
mod staff;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use self::compose::{Content, Look};
pub use self::pending::pending;
pub use self::reports::{contact, owing};
use crate::catalogue::Affects;
use crate::id::{OutageId, Source, SystemId};
use crate::notice::{Address, Kind, Notice};
use crate::record::notices::OutageEntry;
use crate::record::{Outage, Record};
use crate::schedule::SOON_MS;

/// The next step for one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this message now.
    Send(Box<Notice>),
    /// Nothing before then, unless something happens.
    Wait(Timestamp),
    /// Nothing until something happens.
    Idle,
}

/// The next message to an address at `at`. `doubted` are the probes with a bad run that is not
/// confirmed ([`crate::watch::Watch::doubted`]).
///
/// One attempt at a time is under way to an address. Order: overruns, downtime, mails to staff, what
/// people wrote, maintenance, recoveries, reports.
pub fn next(record: &Record, doubted: &BTreeSet<Source>, address: &Address, at: Timestamp) -> Next {
    let Some(channel) = record.notices.channel(address) else {
        return Next::Idle;
    };
    if !record.monitoring.is_watching() || record.notices.is_attempting(address) {
        return Next::Idle;
    }
    let look = Look {
        record,
        doubted,
        address,
        channel,
    };
    let mut waits = Vec::new();
    let content = look
        .downtime(at, &mut waits)
        .or_else(|| look.alert())
        .or_else(|| look.post())
        .or_else(|| look.maintenance(at))
        .or_else(|| look.recovery())
        .or_else(|| look.report(at));
    let wait = waits.into_iter().min();
    match (content, channel.not_before) {
        (Some(_), Some(until)) if at < until => Next::Wait(until),
        (Some(content), _) => Next::Send(Box::new(look.addressed(content))),
        (None, Some(until)) if at < until => wait.map_or(Next::Idle, |w| Next::Wait(w.max(until))),
        (None, _) => wait.map_or(Next::Idle, Next::Wait),
    }
}

/// The messages to subscribers that may leave now, and where to look on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribersDue {
    pub notices: Vec<Notice>,
    /// The last subscriber that was looked at; `None` if no more follow.
    pub looked_until: Option<Address>,
    /// The next instant at which one of those that were looked at may get a message that may not leave now.
    pub wake: Option<Timestamp>,
}

/// Looks at subscribers in their order, from the one after `after`, until `room` messages are due. There may be thousands
/// of subscribers: the caller goes on from there, and is not held up by those who come first.
pub fn due_to_subscribers(
    record: &Record,
    doubted: &BTreeSet<Source>,
    at: Timestamp,
    after: Option<&Address>,
    room: usize,
) -> SubscribersDue {
    let mut due = SubscribersDue {
        notices: Vec::new(),
        looked_until: None,
        wake: None,
    };
    let mut wakes = Vec::new();
    for address in record.notices.active_subscribers(after) {
        match next(record, doubted, &address, at) {
            Next::Send(notice) => due.notices.push(*notice),
            Next::Wait(until) => wakes.push(until),
            Next::Idle => {}
        }
        if due.notices.len() >= room {
            due.looked_until = Some(address);
            break;
        }
    }
    due.wake = wakes.into_iter().min();
    due
}

/// Every message that may leave at `at` to other addresses than those of subscribers.
pub fn due_to_others(
    record: &Record,
    doubted: &BTreeSet<Source>,
    at: Timestamp,
) -> (Vec<Notice>, Option<Timestamp>) {
    due_to_some(record, doubted, at, |_| true, usize::MAX)
}

/// The same to the addresses that are `wanted`, and at most `room`: it composes no other message. The second value is when
/// another one of them may leave.
pub fn due_to_some(
    record: &Record,
    doubted: &BTreeSet<Source>,
    at: Timestamp,
    wanted: impl Fn(&Address) -> bool,
    room: usize,
) -> (Vec<Notice>, Option<Timestamp>) {
    let mut due = Vec::new();
    let mut wakes = Vec::new();
    let others = record.notices.active();
    let others = others.take_while(|address| address.subscriber().is_none());
    for address in others.filter(|address| wanted(address)) {
        if due.len() >= room {
            break;
        }
        match next(record, doubted, address, at) {
            Next::Send(notice) => due.push(*notice),
            Next::Wait(until) => wakes.push(until),
            Next::Idle => {}
        }
    }
    (due, wakes.into_iter().min())
}

/// Every message that may leave at `at`, in order of addresses.
pub fn due(record: &Record, doubted: &BTreeSet<Source>, at: Timestamp) -> Vec<Notice> {
    let active = record.notices.active();
    let due = active.filter_map(|address| match next(record, doubted, address, at) {
        Next::Send(notice) => Some(*notice),
        Next::Wait(_) | Next::Idle => None,
    });
    due.collect()
}

/// The next instant after `at` at which a message may leave that may not leave at `at`, if nothing
/// else happens.
pub fn next_wake(record: &Record, doubted: &BTreeSet<Source>, at: Timestamp) -> Option<Timestamp> {
    let active = record.notices.active();
    let wakes = active.filter_map(|address| match next(record, doubted, address, at) {
        Next::Wait(until) => Some(until),
        Next::Send(_) | Next::Idle => None,
    });
    wakes.min()
}

impl Look<'_> {
    /// An overrun, else the outages that go on and that the address does not know.
    fn downtime(&self, at: Timestamp, waits: &mut Vec<Timestamp>) -> Option<Content> {
        let mut overruns = Vec::new();
        let mut outages = Vec::new();
        for (system, entries) in self.open_entries() {
            if let Some(newest) = self.unannounced_flapping(system, &entries) {
                outages.push(newest);
            } else if self.record.episode(system).is_none() {
                for (outage, _) in entries.iter().filter(|(o, e)| is_news(o, e)) {
                    if outage.overrun.is_some() {
                        overruns.push(outage.id);
                    } else {
                        outages.push(outage.id);
                    }
                }
            }
        }
        for overrun in overruns {
            if let Some(until) = self.unheard_until(&[overrun]).filter(|until| at < *until) {
                waits.push(until);
            } else {
                return Some(self.down(Kind::MaintenanceOverrun, &[overrun]));
            }
        }
        if outages.is_empty() {
            return None;
        }
        let gathered = self.gathered_at(&outages).filter(|until| at < *until);
        let gathering = gathered.filter(|_| self.others_pending());
        let unheard = self.unheard_until(&outages).filter(|until| at < *until);
        if let Some(until) = gathering.max(unheard) {
            waits.push(until);
            return None;
        }
        Some(self.down(Kind::Downtime, &outages))
    }

    /// The open entries of configured systems, by system.
    fn open_entries(&self) -> BTreeMap<&SystemId, Vec<(&Outage, &OutageEntry)>> {
        let mut by_system: BTreeMap<&SystemId, Vec<(&Outage, &OutageEntry)>> = BTreeMap::new();
        for id in &self.channel.outages {
            let outage = self.record.outages.get(id);
            let entry = self.record.notices.outage_entry(*id, self.address);
            if let (Some(outage), Some(entry)) = (outage, entry)
                && self
                    .record
                    .catalogue
                    .system(outage.system.as_str())
                    .is_some()
            {
                by_system
                    .entry(&outage.system)
                    .or_default()
                    .push((outage, entry));
            }
        }
        by_system
    }

    /// The newest outage of a flapping system, if the address does not know of the flapping. A
    /// customer that left is not told of the next flapping for outages that an earlier one covered.
    fn unannounced_flapping(
        &self,
        system: &SystemId,
        entries: &[(&Outage, &OutageEntry)],
    ) -> Option<OutageId> {
        let episode = self.record.episode(system)?;
        let known = self.channel.flapping.get(system);
        let announced = known.filter(|(_, known)| !known.is_owed());
        let announced = announced.map(|(seq, _)| *seq);
        if announced == Some(episode.seq) {
            return None;
        }
        let own = entries.iter().filter(|(outage, entry)| {
            episode.outages().any(|o| o == outage.id)
                && announced.is_none_or(|seq| entry.cause > seq)
        });
        own.map(|(outage, _)| outage.id).max()
    }

    /// When a `downtime` about these outages stops waiting for other systems.
    fn gathered_at(&self, outages: &[OutageId]) -> Option<Timestamp> {
        let gather = SignedDuration::from_secs(self.record.catalogue.gather_s);
        let detected = outages
            .iter()
            .filter_map(|o| Some(self.record.outages.get(o)?.detected_at));
        detected.min()?.checked_add(gather).ok()
    }

    /// True if a system of the address's customers has a bad run pending and is not down yet.
    fn others_pending(&self) -> bool {
        let is_open = |system: &SystemId| {
            let known = self.record.systems.get(system);
            known.is_some_and(|s| s.open.is_some())
        };
        let is_doubted = |system: &SystemId| !is_open(system) && self.is_pending(system);
        if self.doubted.is_empty() {
            return false;
        }
        if let Some(id) = self.address.subscriber() {
            let mut own = self.record.subscribers.systems(id).into_iter().flatten();
            return own.any(is_doubted);
        }
        let mut own = self.customers().into_iter().flat_map(|c| &c.systems);
        own.any(is_doubted)
    }

    /// Until when it is unknown whether these systems are still down, because the service did not
    /// watch since they were seen down. By then their probes have answered, or should have.
    fn unheard_until(&self, outages: &[OutageId]) -> Option<Timestamp> {
        let resumed_at = self.record.monitoring.resumed_at()?;
        let outages = outages.iter().filter_map(|id| self.record.outages.get(id));
        outages
            .filter(|o| o.end.is_none() && o.declared.is_none() && o.detected_at <= resumed_at)
            .filter_map(|o| confirmed_by(self.record, &o.system, resumed_at))
            .max()
    }

    /// True if an availability probe of the system has a bad run pending.
    fn is_pending(&self, system: &SystemId) -> bool {
        self.record.has_pending_run(self.doubted, system)
    }
}

/// True if the outage goes on, counts, and the address is owed its beginning.
fn is_news(outage: &Outage, entry: &OutageEntry) -> bool {
    outage.end.is_none() && outage.counts_from().is_some() && entry.began.is_owed()
}

/// When it is known whether a system is still down that was down before the service watched again
/// at `resumed_at`: when a probe that saw it down has answered long enough to confirm a recovery,
/// or should have.
fn confirmed_by(record: &Record, system: &SystemId, resumed_at: Timestamp) -> Option<Timestamp> {
    let configured = record.catalogue.system(system.as_str())?;
    let deciding = configured.probes.iter();
    let deciding = deciding.filter(|p| p.affects == Affects::Availability);
    let known_by = deciding.filter_map(|probe| {
        let known = record.probes.get(&probe.id)?;
        known.down.last().filter(|(_, to)| to.is_none())?;
        let later = |at: Timestamp, ms| at.saturating_add(SignedDuration::from_millis(ms)).ok();
        let answers_ms = probe.interval_ms() + probe.longest_delay_ms();
        // The next beat of a batch may be a day away: customers do not wait for it.
        let answers_ms = match probe.active() {
            Some(_) => answers_ms,
            None => answers_ms.min(SOON_MS),
        };
        let latest = later(resumed_at, answers_ms)?;
        let heard_at = known.silent.last().and_then(|(_, heard_at, _)| *heard_at);
        later(heard_at.unwrap_or(latest).min(latest), probe.recovery_ms())
    });
    known_by.min()
}
