//! The fold of reminders of maintenance windows: who is owed one, and when it is too late for it.

use jiff::{SignedDuration, Timestamp};

use super::NotSent;
use crate::id::{SystemId, WindowId};
use crate::notice::{Address, Kind};
use crate::record::Record;
use crate::record::maintenance::Reminded;
use crate::span::Span;
use crate::windows::Occurrence;

/// A clock change or a new start time moves an occurrence by less than this.
const NEAR: SignedDuration = SignedDuration::from_hours(48);

impl Record {
    /// Every address of the window's customers is owed a reminder.
    pub(in crate::record) fn owe_reminder(
        &mut self,
        at: Timestamp,
        id: &WindowId,
        systems: &[SystemId],
        span: Span,
        before_s: i64,
    ) {
        let all = systems.iter().flat_map(|s| self.windows_of(s, span));
        let Some(window) = all.into_iter().find(|o| o.id == *id) else {
            return;
        };
        self.owe_window(at, Kind::MaintenanceReminder, &window, None);
        let last = Reminded { before_s, window };
        self.maintenance.set_reminded(id, Some(last));
    }

    /// A configuration may move or remove recurring windows of which customers were reminded. They are told
    /// the new time, or that the window is cancelled.
    pub(super) fn owe_moved_reminders(&mut self, at: Timestamp) {
        let known = self.maintenance.all_reminded().map(|(_, r)| r.clone());
        let ahead = |r: &Reminded| r.window.recurring && r.window.span.from > at;
        for known in known.filter(ahead).collect::<Vec<_>>() {
            let before = known.window;
            let now = self.planned_now(&before);
            let now = now.filter(|o| o.tell && o.span.from > at && !o.span.is_empty());
            let Some(now) = now else {
                self.owe_cancellation(at, &before);
                self.maintenance.set_reminded(&before.id, None);
                continue;
            };
            if now.span == before.span && now.max_downtime_s == before.max_downtime_s {
                continue;
            }
            self.owe_window(at, Kind::MaintenanceChanged, &now, Some(before.span));
            // That says what a reminder would say.
            let before_s = now.span.from.duration_since(at).as_secs();
            let last = Reminded {
                before_s,
                window: now,
            };
            self.maintenance.set_reminded(&before.id, Some(last));
        }
    }

    /// The window as the configuration in force plans it.
    fn planned_now(&self, before: &Occurrence) -> Option<Occurrence> {
        let from = before.span.from.checked_sub(NEAR).ok()?;
        let to = before.span.to.checked_add(NEAR).ok()?;
        let systems = before.systems.iter();
        let mut systems = systems.filter(|s| self.catalogue.system(s.as_str()).is_some());
        systems.find_map(|system| {
            let all = self.windows_of(system, Span::new(from, to));
            all.into_iter().find(|o| o.id == before.id)
        })
    }

    /// No reminder of a window leaves that has begun.
    pub(in crate::record) fn drop_late_reminders(&mut self, at: Timestamp) {
        for address in self.notices.active.clone() {
            self.drop_late_reminders_to(&address, at);
        }
        let past = |r: &Reminded| r.window.span.to <= at;
        let all = self.maintenance.all_reminded();
        let past: Vec<WindowId> = all
            .filter(|(_, r)| past(r))
            .map(|(id, _)| id.clone())
            .collect();
        for id in past {
            self.maintenance.set_reminded(&id, None);
        }
    }

    /// The same for one address. The end of an attempt that is under way tells if a reminder arrived.
    pub(super) fn drop_late_reminders_to(&mut self, address: &Address, at: Timestamp) {
        let Some(channel) = self.notices.channels.get(address).cloned() else {
            return;
        };
        if channel.windows.is_empty() || self.notices.is_attempting(address) {
            return;
        }
        let mut dropped = false;
        for id in &channel.windows {
            let begun = self.maintenance.has_begun(id);
            let entries = self.notices.window(id, address).iter();
            let mut late = entries.filter(|e| e.is_owed_reminder());
            if !late.any(|e| begun || e.window.span.from <= at) {
                continue;
            }
            self.notices.with_window(id, address, |entries| {
                let owed = entries.iter_mut().filter(|e| e.is_owed_reminder());
                for entry in owed.filter(|e| begun || e.window.span.from <= at) {
                    entry.drop_because(NotSent::WindowBegan);
                }
            });
            dropped = true;
        }
        if dropped {
            self.drop_pointless(address, at);
        }
    }
}
