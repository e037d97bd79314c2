//! What customers are told of planned work: that it is planned, has changed or is off, that it has
//! started and that it is completed.

use jiff::Timestamp;

use super::Draft;
use super::tell::{Content, work};
use crate::catalogue::{Catalogue, Customer};
use crate::event::Fact;
use crate::id::{NoticeId, SystemId, WindowId};
use crate::notice::{Affected, Kind};
use crate::record::Standing;
use crate::span::Span;
use crate::windows::Occurrence;

/// What a notice about a window makes pointless of the same window, where it has not arrived.
const fn replaces(kind: Kind) -> &'static [Kind] {
    use Kind::{MaintenanceChanged, MaintenanceScheduled, MaintenanceStarted};
    match kind {
        Kind::MaintenanceStarted | Kind::MaintenanceCancelled => {
            &[MaintenanceScheduled, MaintenanceChanged]
        }
        Kind::MaintenanceChanged | Kind::MaintenanceCompleted => {
            &[MaintenanceScheduled, MaintenanceChanged, MaintenanceStarted]
        }
        _ => &[],
    }
}

impl Draft<'_> {
    /// Tells the customers of a window's systems of it.
    pub(super) fn tell_window(&mut self, at: Timestamp, kind: Kind, occurrence: &Occurrence) {
        self.announce(at, kind, occurrence, None);
    }

    /// Tells them that it is no longer as it was announced: `before`.
    pub(super) fn tell_changed(&mut self, at: Timestamp, occurrence: &Occurrence, before: Span) {
        self.announce(at, Kind::MaintenanceChanged, occurrence, Some(before));
    }

    fn announce(
        &mut self,
        at: Timestamp,
        kind: Kind,
        occurrence: &Occurrence,
        before: Option<Span>,
    ) {
        let catalogue = self.record().catalogue.clone();
        for customer in &catalogue.customers {
            self.announce_to_each(at, kind, occurrence, before, customer);
        }
    }

    /// Tells one customer of a window, if it has any of its systems.
    pub(super) fn announce_to_each(
        &mut self,
        at: Timestamp,
        kind: Kind,
        occurrence: &Occurrence,
        before: Option<Span>,
        customer: &Customer,
    ) {
        let affected = self.systems_of(&self.record().catalogue, customer, occurrence);
        if affected.is_empty() {
            return;
        }
        let mut said = work(occurrence);
        said.before = before.filter(|b| *b != occurrence.span);
        // What is announced is what is wanted, not what earlier announcements earned.
        if matches!(kind, Kind::MaintenanceScheduled | Kind::MaintenanceChanged)
            && let Some(entry) = self.record().one_off_windows.get(&occurrence.id)
            && let Some((_, window)) = entry.versions.last()
        {
            said.max_downtime_s = window.max_downtime_s;
        }
        let content = Content {
            kind,
            subject: occurrence.id.to_string(),
            affected,
            work: Some(said),
            incident: None,
        };
        for recipient in &customer.contacts {
            self.announce_to(at, customer, recipient, &content, &occurrence.id);
        }
    }

    /// Whether a customer was ever to be told of the window, at an address that it has now.
    pub(super) fn is_told_of(&self, window: &WindowId, customer: &Customer) -> bool {
        let record = self.record();
        let thread = |contact: &String| record.threads.get(&(window.to_string(), contact.clone()));
        let first = customer.contacts.iter().filter_map(thread).min();
        first.is_some_and(|first| {
            // Another customer may have the same address.
            record.notices.range(*first..).any(|(_, o)| {
                o.notice.customer == customer.id
                    && customer.contacts.contains(&o.notice.recipient)
                    && o.notice.work.as_ref().is_some_and(|w| w.window == *window)
            })
        })
    }

    fn announce_to(
        &mut self,
        at: Timestamp,
        customer: &Customer,
        recipient: &str,
        content: &Content,
        window: &WindowId,
    ) {
        // What nobody heard of in time is said by what comes after it, and what is on its way
        // arrives before it.
        let mut stale = self.unsent_about(window, recipient, replaces(content.kind));
        let under_way = self.under_way(&stale);
        stale.retain(|n| !under_way.contains(n));
        let off = content.kind == Kind::MaintenanceCancelled;
        // Whoever has not heard of it need not hear that it is off.
        let into = if off && !self.has_heard(window, customer, recipient) {
            None
        } else {
            Some(self.queue(at, customer, recipient, content, under_way, false))
        };
        for notice in stale {
            self.emit(at, Fact::NoticeFolded { notice, into });
        }
    }

    fn systems_of(
        &self,
        catalogue: &Catalogue,
        customer: &Customer,
        occurrence: &Occurrence,
    ) -> Vec<Affected> {
        let theirs = |s: &&SystemId| customer.systems.contains(s);
        let affected = |id: &SystemId| Affected {
            system: id.clone(),
            name: catalogue
                .system(id.as_str())
                .map_or_else(|| id.to_string(), |s| s.name.clone()),
            outage: None,
            joined: Vec::new(),
            declared: None,
            from: None,
            to: None,
            down_s: None,
            unobserved: None,
            reason: None,
            impaired: self.record().is_degraded(id),
            advice: None,
            unstable: None,
        };
        occurrence
            .systems
            .iter()
            .filter(theirs)
            .map(affected)
            .collect()
    }

    /// The notices of these kinds about a window to that address that have not arrived.
    fn unsent_about(&self, window: &WindowId, recipient: &str, kinds: &[Kind]) -> Vec<NoticeId> {
        let record = self.record();
        let about = |id: &&NoticeId| {
            record.notices.get(*id).is_some_and(|o| {
                kinds.contains(&o.notice.kind)
                    && o.notice.recipient == recipient
                    && o.notice.work.as_ref().is_some_and(|w| w.window == *window)
            })
        };
        record.unsent.iter().filter(about).copied().collect()
    }

    /// Whether that address may have been told of the window, or a person told its customer.
    fn has_heard(&self, window: &WindowId, customer: &Customer, recipient: &str) -> bool {
        let record = self.record();
        let entry = record.one_off_windows.get(window);
        let by_a_person = entry.is_some_and(|e| e.told.keys().any(|(_, c)| *c == customer.id));
        let thread = record
            .threads
            .get(&(window.to_string(), recipient.to_owned()));
        let Some(first) = thread.filter(|_| !by_a_person) else {
            return by_a_person;
        };
        record.notices.range(*first..).any(|(_, o)| {
            let arrived = matches!(
                o.standing,
                Standing::Sent(_) | Standing::Attempting(_) | Standing::Ambiguous(_)
            );
            (arrived || o.lost > 0)
                && o.notice.recipient == recipient
                && o.notice.work.as_ref().is_some_and(|w| w.window == *window)
        })
    }

    /// The notice that says instead what an undelivered one about a window was to say.
    pub(super) fn replaced_by(&self, id: NoticeId) -> Option<NoticeId> {
        let record = self.record();
        let this = &record.notices.get(&id)?.notice;
        let window = &this.work.as_ref()?.window;
        let mut later = record.notices.range(id..).filter(|(later, _)| **later > id);
        let says = |o: &crate::record::Outgoing| {
            replaces(o.notice.kind).contains(&this.kind)
                && o.notice.recipient == this.recipient
                && !matches!(o.standing, Standing::Rejected(_) | Standing::Folded(_))
                && o.notice.work.as_ref().is_some_and(|w| w.window == *window)
        };
        later.find(|(_, o)| says(o)).map(|(id, _)| *id)
    }
}
