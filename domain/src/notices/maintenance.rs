//! Composes announcements of maintenance windows.

use jiff::Timestamp;

use super::compose::{Content, Look};
use crate::id::{SystemId, WindowId};
use crate::notice::{Affected, Kind};
use crate::record::notices::{WindowEntry, replaces};

impl Look<'_> {
    /// The first announcement that may be sent.
    pub fn maintenance(&self, at: Timestamp) -> Option<Content> {
        let windows = self.channel.windows.iter();
        let mut ready = windows.filter_map(|window| self.announcement(window, at));
        ready.next()
    }

    /// The oldest owed announcement of a window that no later one replaces. No reminder leaves once the window
    /// has begun.
    fn announcement(&self, window: &WindowId, at: Timestamp) -> Option<Content> {
        let entries = self.record.notices.window(window, self.address);
        let late =
            |e: &WindowEntry| e.kind == Kind::MaintenanceReminder && e.window.span.from <= at;
        let owed = || entries.iter().filter(|e| e.known.is_owed() && !late(e));
        let replaced = |e: &WindowEntry| {
            owed().any(|later| later.cause > e.cause && replaces(later.kind, e.kind))
        };
        let entry = owed().find(|e| !replaced(e))?;
        let completed = entry.kind == Kind::MaintenanceCompleted;
        if completed && entry.systems.iter().any(|s| self.may_still_be_down(s)) {
            return None;
        }
        let mut work = entry.window.clone();
        let mut kind = entry.kind;
        if kind == Kind::MaintenanceChanged {
            let last = entries.iter().rfind(|e| e.known.is_possible());
            if last.is_none() && !self.told_by_a_person(window) {
                kind = Kind::MaintenanceScheduled;
                work.previous_span = None;
            } else {
                let before = last.map(|e| e.window.span).or(work.previous_span);
                work.previous_span = before.filter(|span| *span != work.span);
            }
        }
        Some(Content {
            kind,
            affected: entry.systems.iter().map(|s| self.named_system(s)).collect(),
            window: Some(work),
            incident: None,
            includes_downtime: false,
            report: None,
            words: Vec::new(),
            alert: None,
        })
    }

    /// A person recorded that a customer with this address knows of the window.
    fn told_by_a_person(&self, window: &WindowId) -> bool {
        let entries = self.record.notices.window(window, self.address);
        self.record.person_told(window, entries)
    }

    /// True while `maintenance-completed` may not say that the system is available. An address that
    /// may know of an outage gets the recovery first.
    fn may_still_be_down(&self, system: &SystemId) -> bool {
        let entries = self.open_entries();
        let mut over = entries.get(system).into_iter().flatten();
        self.may_be_down(system)
            || over.any(|(outage, entry)| outage.end.is_some() && entry.began.is_possible())
    }

    /// A row that only names a system.
    pub(super) fn named_system(&self, id: &SystemId) -> Affected {
        let system = self.record.catalogue.system(id.as_str());
        Affected {
            system: id.clone(),
            name: system.map_or_else(|| id.to_string(), |s| s.name.clone()),
            outage: None,
            joined: Vec::new(),
            declared: None,
            from: None,
            to: None,
            down_s: None,
            unobserved: None,
            reason: None,
            impaired: self.record.is_degraded(id),
            advice: None,
            flapping: None,
            overran: None,
        }
    }
}
