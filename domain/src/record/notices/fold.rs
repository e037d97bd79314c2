//! The fold of facts that someone is to be told of: who is owed what, from when on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Channel, Known, NotSent, Notices, OutageEntry, WindowEntry};
use crate::catalogue::Customer;
use crate::id::{CustomerId, OutageId, SystemId, WindowId};
use crate::notice::{Address, Kind, Window};
use crate::record::{Outage, Record};
use crate::span::Span;
use crate::windows::Occurrence;

/// The customers that have one address, and the systems in question that they have.
pub(super) type Audience = BTreeMap<Address, (BTreeSet<CustomerId>, Vec<SystemId>)>;

/// True if a later announcement about a window makes an undelivered earlier one unnecessary.
pub(crate) fn replaces(later: Kind, earlier: Kind) -> bool {
    use Kind::{MaintenanceChanged, MaintenanceReminder, MaintenanceScheduled, MaintenanceStarted};
    let announced = matches!(
        earlier,
        MaintenanceScheduled | MaintenanceChanged | MaintenanceReminder
    );
    match later {
        Kind::MaintenanceScheduled | Kind::MaintenanceReminder => earlier == later,
        Kind::MaintenanceStarted => announced || earlier == later,
        Kind::MaintenanceCancelled => announced,
        Kind::MaintenanceChanged | Kind::MaintenanceCompleted => {
            announced || earlier == MaintenanceStarted
        }
        Kind::Downtime
        | Kind::Uptime
        | Kind::MaintenanceOverrun
        | Kind::ReportDraft
        | Kind::Report
        | Kind::Update
        | Kind::Correction
        | Kind::Escalation
        | Kind::ClockDue
        | Kind::ClockMissed
        | Kind::ToldFailed
        | Kind::ProblemReported
        | Kind::ProblemReceipt => false,
    }
}

impl Record {
    /// Every address of the system's customers is owed messages about an outage.
    pub(in crate::record) fn owe_outage(&mut self, at: Timestamp, id: OutageId) {
        let Some(system) = self.outages.get(&id).map(|o| o.system.clone()) else {
            return;
        };
        let systems = [system];
        for (address, (customers, _)) in self.audience(&systems) {
            self.owe_outage_to(at, id, address, customers);
        }
        if !self.is_hidden(id) {
            for (address, _) in self.subscribers_of(&systems) {
                self.owe_outage_to(at, id, address, BTreeSet::new());
            }
        }
    }

    /// One address is owed messages about an outage, on behalf of these customers. A subscriber has none.
    pub(in crate::record) fn owe_outage_to(
        &mut self,
        at: Timestamp,
        id: OutageId,
        address: Address,
        customers: BTreeSet<CustomerId>,
    ) {
        let known = self.notices.outage_entry(id, &address);
        if let Some(known) = known.filter(|e| e.began != Known::Dropped) {
            // A subscriber who left and came back is owed the recovery again.
            if known.ended == Known::Dropped {
                self.notices
                    .with_outage(id, &address, |e| e.ended = Known::No);
                return;
            }
            if !customers.is_subset(&known.customers) {
                let joined = OutageEntry {
                    owed_at: at,
                    customers: customers.clone(),
                    ..OutageEntry::clone(known)
                };
                self.notices.await_notice(id, &joined);
                self.notices
                    .with_outage(id, &address, |e| e.customers.extend(customers));
            }
            return;
        }
        let entry = OutageEntry {
            cause: self.seq,
            owed_at: at,
            customers,
            began: Known::No,
            ended: Known::No,
            told_by: None,
        };
        self.notices.await_notice(id, &entry);
        self.notices
            .outages
            .insert((id, address.clone()), Arc::new(entry));
        self.notices.with_outage(id, &address, |_| ());
    }

    /// Every address of the window's customers, and every subscriber of its systems, is owed an announcement.
    pub(in crate::record) fn owe_window(
        &mut self,
        at: Timestamp,
        kind: Kind,
        occurrence: &Occurrence,
        before: Option<Span>,
    ) {
        self.owe_window_to_customers(at, kind, occurrence, before);
        for (address, systems) in self.subscribers_of(&occurrence.systems) {
            let readers = Audience::from([(address, (BTreeSet::new(), systems))]);
            self.owe_window_to(at, kind, occurrence, before, readers);
        }
    }

    fn owe_window_to_customers(
        &mut self,
        at: Timestamp,
        kind: Kind,
        occurrence: &Occurrence,
        before: Option<Span>,
    ) {
        let readers = self.audience(&occurrence.systems);
        self.owe_window_to(at, kind, occurrence, before, readers);
    }

    fn owe_window_to(
        &mut self,
        at: Timestamp,
        kind: Kind,
        occurrence: &Occurrence,
        before: Option<Span>,
        readers: Audience,
    ) {
        for (address, (customers, systems)) in readers {
            let mut work = Window::of(occurrence);
            work.previous_span = before.filter(|span| *span != occurrence.span);
            // An announcement says what is wanted, not what earlier announcements earned.
            let announces = matches!(
                kind,
                Kind::MaintenanceScheduled | Kind::MaintenanceChanged | Kind::MaintenanceReminder
            );
            if announces
                && let Some((_, window)) = self
                    .maintenance
                    .one_off(&occurrence.id)
                    .and_then(|e| e.versions.last())
            {
                work.max_downtime_s = window.max_downtime_s;
            }
            let entry = WindowEntry {
                kind,
                cause: self.seq,
                owed_at: at,
                customers,
                window: work,
                systems,
                known: Known::No,
                not_sent: None,
            };
            self.notices
                .with_window(&occurrence.id, &address, |entries| entries.push(entry));
        }
    }

    /// Addresses that know of the window are owed its cancellation; the others need no message.
    pub(in crate::record) fn owe_cancellation(&mut self, at: Timestamp, occurrence: &Occurrence) {
        let knowing: BTreeSet<Address> = self
            .notices
            .everyone_of_window(&occurrence.id)
            .map(|(address, _)| address.clone())
            .collect();
        self.owe_window(at, Kind::MaintenanceCancelled, occurrence, None);
        let subscribers = self.subscribers_of(&occurrence.systems).into_iter();
        let addresses: Vec<Address> = self
            .audience(&occurrence.systems)
            .into_keys()
            .chain(knowing)
            .chain(subscribers.map(|(address, _)| address))
            .collect();
        for address in addresses {
            self.drop_cancelled(&occurrence.id, &address);
            self.drop_pointless(&address, at);
        }
    }

    /// An address that was never notified of a cancelled window is owed no cancellation.
    pub(super) fn drop_cancelled(&mut self, window: &WindowId, address: &Address) {
        let entries = self.notices.window(window, address);
        let cancelled = entries.iter().any(|e| e.kind == Kind::MaintenanceCancelled);
        let heard = entries.iter().any(|e| e.known.is_possible());
        let under_way = self.notices.is_attempting(address)
            && self
                .notices
                .current(address)
                .is_some_and(|(_, o)| o.notice.window.as_ref().is_some_and(|w| w.id == *window));
        if !cancelled || heard || under_way || self.person_told(window, entries) {
            return;
        }
        self.notices.with_window(window, address, |entries| {
            for entry in entries.iter_mut().filter(|e| e.known == Known::No) {
                entry.drop_because(NotSent::WindowCancelled);
            }
        });
    }

    /// True if a person recorded having told one of the customers of these entries.
    pub(crate) fn person_told(&self, window: &WindowId, entries: &[WindowEntry]) -> bool {
        let Some(single) = self.maintenance.one_off(window) else {
            return false;
        };
        let mut told = single.told_by_people.iter();
        told.any(|word| entries.iter().any(|e| e.customers.contains(&word.customer)))
    }

    /// A new configuration: who left is owed nothing that it does not know of; who came is owed
    /// what goes on and what is announced.
    pub(in crate::record) fn notices_configured(&mut self, at: Timestamp) {
        self.drop_removed(at);
        let open = self.outages.all();
        let open = open.filter(|o| o.end.is_none() && o.counts_from().is_some());
        for outage in open.map(|o| o.id).collect::<Vec<_>>() {
            self.owe_outage(at, outage);
        }
        let systems: Vec<SystemId> = self.systems.keys().cloned().collect();
        for system in systems {
            self.share_knowledge(&system);
        }
        self.owe_moved_reminders(at);
        self.owe_windows_to_newcomers(at);
        self.drop_late_reminders(at);
        self.drop_removed_readers(at);
        self.drop_removed_staff(at);
    }

    fn drop_removed(&mut self, at: Timestamp) {
        for address in self.notices.active.clone() {
            let Some(channel) = self.notices.channels.get(&address).cloned() else {
                continue;
            };
            if address.subscriber().is_some() {
                self.drop_unsubscribed(&address, at);
                continue;
            }
            let has = |catalogue: &crate::catalogue::Catalogue, system: &SystemId| {
                catalogue.system(system.as_str()).is_some()
                    && catalogue.customers_of(system).any(|c| c.has(&address))
            };
            let catalogue = Arc::clone(&self.catalogue);
            for id in &channel.outages {
                let system = self.outages.get(id).map(|o| &o.system);
                if !system.is_some_and(|s| has(&catalogue, s)) {
                    self.notices.with_outage(*id, &address, |entry| {
                        if entry.began == Known::No {
                            entry.began = Known::Dropped;
                        }
                    });
                }
            }
            for window in &channel.windows {
                self.notices.with_window(window, &address, |entries| {
                    for entry in entries.iter_mut().filter(|e| e.known == Known::No) {
                        if !entry.systems.iter().any(|s| has(&catalogue, s)) {
                            entry.drop_because(NotSent::RecipientRemoved);
                        }
                    }
                });
            }
            self.drop_removed_posts(&address);
            self.drop_pointless(&address, at);
        }
    }

    /// Window ahead is announced to customers that come; of work that goes on they are told that it
    /// has started.
    fn owe_windows_to_newcomers(&mut self, at: Timestamp) {
        let ahead: Vec<(Kind, Occurrence)> = self
            .maintenance
            .all_one_off()
            .filter_map(|(id, entry)| {
                let (_, window) = entry.versions.last()?;
                // The clock may have been set back over a window that was held.
                let begun = self.maintenance.has_begun(id);
                let ahead = entry.cancelled_at.is_none() && window.start > at && !begun;
                let occurrence = self.occurrence(id).filter(|_| ahead)?;
                Some((Kind::MaintenanceScheduled, occurrence))
            })
            .collect();
        let running = self.maintenance.all_held().filter_map(|(window, held)| {
            let windows = held.systems.iter();
            let windows = windows.flat_map(|system| self.windows_of(system, held.span));
            let mut found = windows.filter(|o| o.id == *window && o.span.contains(at));
            Some((Kind::MaintenanceStarted, found.next()?))
        });
        // A recurring window has no other announcement than its reminders.
        let reminded = self.maintenance.all_reminded().filter_map(|(_, reminded)| {
            let window = &reminded.window;
            let ahead = window.recurring && window.span.from > at;
            ahead.then(|| (Kind::MaintenanceReminder, window.clone()))
        });
        let all: Vec<(Kind, Occurrence)> = running.chain(reminded).chain(ahead.clone()).collect();
        for (kind, occurrence) in all {
            self.owe_to_newcomers(at, kind, &occurrence);
        }
    }

    fn owe_to_newcomers(&mut self, at: Timestamp, kind: Kind, occurrence: &Occurrence) {
        let told = |customer: &CustomerId| {
            let single = self.maintenance.one_off(&occurrence.id);
            let by_a_person =
                single.is_some_and(|e| e.told.keys().any(|(_, other)| other == customer));
            let entries = self.notices.of_window(&occurrence.id);
            let has = |entries: &[WindowEntry]| {
                let mut entries = entries.iter();
                entries.any(|e| e.customers.contains(customer) && e.known != Known::Dropped)
            };
            (by_a_person && kind == Kind::MaintenanceScheduled)
                || entries.into_iter().any(|(_, entries)| has(entries))
        };
        let catalogue = Arc::clone(&self.catalogue);
        let customers = catalogue.customers.iter().filter(|c| !told(&c.id));
        let newcomers: BTreeSet<&CustomerId> = customers.map(|c| &c.id).collect();
        let before = self.notices.clone();
        self.owe_window_to_customers(at, kind, occurrence, None);
        // Only newcomers are told; an address that a newcomer shares is told for it.
        for (address, (customers, _)) in self.audience(&occurrence.systems) {
            if !customers.iter().any(|c| newcomers.contains(c)) {
                let entries = before.window(&occurrence.id, &address).to_vec();
                self.notices
                    .with_window(&occurrence.id, &address, |now| *now = entries);
            }
        }
    }

    /// The occurrence of a one-off window, as it stands now.
    pub(crate) fn occurrence(&self, id: &WindowId) -> Option<Occurrence> {
        let (_, window) = self.maintenance.one_off(id)?.versions.last()?;
        let span = Span::new(window.start, window.end);
        let system = window.systems.first()?;
        let found = self.windows_of(system, span);
        found.into_iter().find(|o| o.id == *id)
    }

    pub(super) fn audience(&self, systems: &[SystemId]) -> Audience {
        let mut audience = Audience::new();
        for customer in &self.catalogue.customers {
            let own = || systems.iter().filter(|s| customer.systems.contains(s));
            if own().next().is_none() {
                continue;
            }
            for address in customer.addresses() {
                let (customers, theirs) = audience.entry(address).or_default();
                customers.insert(customer.id.clone());
                let new: Vec<SystemId> = own().filter(|s| !theirs.contains(s)).cloned().collect();
                theirs.extend(new);
            }
        }
        audience
    }

    /// The addresses of one customer.
    pub(super) fn addresses_of(&self, customer: &CustomerId) -> Audience {
        let known = self.catalogue.customer(customer.as_str());
        let addresses = known.into_iter().flat_map(Customer::addresses);
        let customers = BTreeSet::from([customer.clone()]);
        addresses
            .map(|address| (address, (customers.clone(), Vec::new())))
            .collect()
    }

    /// An address that knows of one outage knows of every other that is one downtime with it. An
    /// overrun is news all the same, and so is flapping.
    pub(in crate::record) fn share_knowledge(&mut self, system: &SystemId) {
        if !self.has_joint_downtime(system) {
            return;
        }
        for address in self.notices.active.clone() {
            self.share_knowledge_of(system, &address);
        }
    }

    /// True if two outages of the system are one downtime. There is nothing to share otherwise.
    pub(super) fn has_joint_downtime(&self, system: &SystemId) -> bool {
        let Some(known) = self.systems.get(system) else {
            return false;
        };
        let counted = |id: &OutageId| {
            let outage = self.outages.get(id);
            outage.filter(|o| o.counts_from().is_some())
        };
        let mut declared = known.declared.iter().filter_map(counted);
        declared.any(|o| {
            let mut all = known.outages.iter().filter_map(counted);
            all.any(|other| other.id != o.id && o.meets(other))
        })
    }

    /// The same for one address.
    pub(super) fn share_knowledge_of(&mut self, system: &SystemId, address: &Address) {
        let Some(channel) = self.notices.channels.get(address) else {
            return;
        };
        let open = channel.outages.iter().filter(|o| {
            let outage = self.outages.get(o);
            outage.is_some_and(|o| o.system == *system && o.overrun.is_none())
        });
        let open: Vec<OutageId> = open.copied().collect();
        for outage in open {
            let entry = self.notices.outage_entry(outage, address);
            let flapping = self.episode(system);
            if !entry.is_some_and(|e| e.began.is_owed())
                || flapping.is_some_and(|e| e.outages().any(|o| o == outage))
            {
                continue;
            }
            let others = self.same_downtime(outage, address);
            let others = others.iter().filter(|o| **o != outage);
            let entries = others.filter_map(|o| self.notices.outage_entry(*o, address));
            let known = entries.map(|e| e.began).find(|began| began.is_possible());
            if let Some(known) = known {
                self.notices
                    .with_outage(outage, address, |entry| entry.began = known);
            }
        }
    }

    /// An address that knows of the flapping knows of each of its outages.
    pub(in crate::record) fn share_flapping(&mut self, system: &SystemId, outages: &[OutageId]) {
        let Some(seq) = self.episode(system).map(|e| e.seq) else {
            return;
        };
        for outage in outages {
            let entries = self.notices.everyone_of_outage(*outage);
            let owed = entries.filter(|(_, entry)| entry.began == Known::No);
            let addresses: Vec<Address> = owed.map(|(address, _)| address.clone()).collect();
            for address in addresses {
                let channel = self.notices.channel(&address);
                let known = channel.and_then(|c| c.flapping.get(system)).copied();
                if let Some((_, known)) =
                    known.filter(|(of, known)| *of == seq && known.is_possible())
                {
                    self.notices
                        .with_outage(*outage, &address, |entry| entry.began = known);
                }
            }
        }
    }

    /// The outages of a system that are one downtime together with this one, which is among them,
    /// in order of their ids: people declared one, probes saw another. Planned downtime is not part
    /// of it, nor is an outage of whose end the address knows.
    pub fn same_downtime(&self, id: OutageId, address: &Address) -> BTreeSet<OutageId> {
        let mut together = BTreeSet::from([id]);
        let Some(first) = self.outages.get(&id).filter(|o| o.counts_from().is_some()) else {
            return together;
        };
        let known = self.systems.get(&first.system);
        let Some(known) = known.filter(|s| !s.declared.is_empty()) else {
            return together;
        };
        let untold = |o: &Outage| {
            let entry = self.notices.outage_entry(o.id, address);
            entry.is_none_or(|e| e.ended.is_owed())
        };
        let all = known.outages.iter().filter_map(|o| self.outages.get(o));
        let mut others: Vec<&Outage> = all
            .map(|o| &**o)
            .filter(|o| o.id != id && o.counts_from().is_some() && untold(o))
            .collect();
        if first.declared.is_none() && others.iter().all(|o| o.declared.is_none()) {
            return together;
        }
        let mut reached: Vec<&Outage> = vec![first];
        while let Some(outage) = reached.pop() {
            let (meet, apart): (Vec<&Outage>, Vec<&Outage>) =
                others.into_iter().partition(|o| outage.meets(o));
            others = apart;
            together.extend(meet.iter().map(|o| o.id));
            reached.extend(meet);
        }
        together
    }

    /// Drops an undelivered message that nothing needs any more.
    pub(super) fn drop_pointless(&mut self, address: &Address, at: Timestamp) {
        let Some((_, outgoing)) = self.notices.current(address) else {
            return;
        };
        let outgoing = Arc::clone(outgoing);
        let notice = &outgoing.notice;
        let mut outages = notice.outages();
        let outage = outages.any(|o| {
            let entry = self.notices.outage_entry(o, address);
            entry.is_some_and(|e| e.is_open())
        });
        let mut windows = notice.window.iter();
        let window = windows.any(|w| {
            let mut entries = self.notices.window(&w.id, address).iter();
            entries.any(|e| e.known.is_owed())
        });
        let mut reports = notice.report.iter();
        let report = reports.any(|r| {
            let key = (r.committee.clone(), r.month);
            let mut entries = self.notices.report(&key, address).iter();
            entries.any(|e| e.kind == notice.kind && e.known.is_owed())
        });
        let post = notice.incident.is_some_and(|id| {
            let mut entries = self.notices.posts(id, address).iter();
            entries.any(|e| e.kind == notice.kind && e.known.is_owed())
        });
        let mut alerts = notice.alert.iter();
        let alert = alerts.any(|a| {
            let entry = self.notices.alert(a.cause, address);
            entry.is_some_and(|e| e.known.is_owed())
        });
        if !outage && !window && !report && !post && !alert && !self.notices.is_attempting(address)
        {
            self.notices.supersede(address, at, None);
        }
    }
}

impl Outage {
    /// True if it overlaps or touches another of its system. Two outages that probes saw follow
    /// one another: only a declaration overlaps.
    fn meets(&self, other: &Outage) -> bool {
        let begins_by = |from: Timestamp, end: Option<Timestamp>| end.is_none_or(|end| from <= end);
        (self.declared.is_some() || other.declared.is_some())
            && begins_by(self.began_at(), other.ended_at())
            && begins_by(other.began_at(), self.ended_at())
    }
}

impl Notices {
    /// Changes an entry, if there is one, and keeps the list of what is open.
    pub(super) fn with_outage(
        &mut self,
        id: OutageId,
        address: &Address,
        change: impl FnOnce(&mut OutageEntry),
    ) {
        let Some(entry) = self.outages.get_mut(&(id, address.clone())) else {
            return;
        };
        change(Arc::make_mut(entry));
        let entry = Arc::clone(entry);
        let open = entry.is_open();
        if entry.began.is_possible() {
            self.told(id, &entry);
        }
        if address.subscriber().is_some() {
            self.subscribers_know.outages.insert(id);
        }
        self.with_channel(address, |channel| {
            if open {
                channel.outages.insert(id);
            } else {
                channel.outages.remove(&id);
            }
        });
    }

    /// Changes the entries about a window, and keeps the list of what is owed.
    pub(super) fn with_window(
        &mut self,
        id: &WindowId,
        address: &Address,
        change: impl FnOnce(&mut Vec<WindowEntry>),
    ) {
        let key = (id.clone(), address.clone());
        let entries = Arc::make_mut(self.windows.entry(key.clone()).or_default());
        change(entries);
        let owed = entries.iter().any(|e| e.known.is_owed());
        if entries.is_empty() {
            self.windows.remove(&key);
        } else if address.subscriber().is_some() {
            self.subscribers_know.windows.insert(id.clone());
        }
        self.with_channel(address, |channel| {
            if owed {
                channel.windows.insert(id.clone());
            } else {
                channel.windows.remove(id);
            }
        });
    }

    pub(super) fn with_channel(&mut self, address: &Address, change: impl FnOnce(&mut Channel)) {
        let channel = Arc::make_mut(self.channels.entry(address.clone()).or_default());
        change(channel);
        if channel.unreached {
            self.unreached.insert(address.clone());
        } else {
            self.unreached.remove(address);
        }
        if channel.is_active() {
            self.active.insert(address.clone());
        } else {
            let settled = std::mem::take(&mut channel.to_subscriber);
            self.active.remove(address);
            for id in settled {
                self.to_subscribers.remove(&id);
            }
        }
    }
}
