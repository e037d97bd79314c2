//! Decides when customers are reminded of a maintenance window, when it starts and when it is completed.

use jiff::{SignedDuration, Timestamp};

use super::Draft;
use crate::due::{self, ReminderDue, windows_over};
use crate::event::Fact;
use crate::id::{SystemId, WindowId};
use crate::record::Held;
use crate::span::Span;
use crate::windows::Occurrence;

impl Draft<'_> {
    /// Starts the windows that began while the service did not watch and that go on.
    pub(super) fn windows_running(&mut self, at: Timestamp) {
        let over = Span::new(
            at,
            at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at),
        );
        let running: Vec<Occurrence> = windows_over(self.record(), over)
            .into_values()
            .filter(|o| o.span.contains(at))
            .filter(|o| !self.record().maintenance.has_begun(&o.id))
            .collect();
        for occurrence in running {
            self.start_window(at, &occurrence);
        }
    }

    pub(super) fn start_window(&mut self, at: Timestamp, occurrence: &Occurrence) {
        if self.record().maintenance.held(&occurrence.id).is_some() {
            return;
        }
        self.emit(
            at,
            Fact::MaintenanceStarted {
                window: occurrence.id.clone(),
                systems: occurrence.systems.clone(),
                title: occurrence.title.clone(),
                span: occurrence.span,
            },
        );
    }

    pub(super) fn remind(&mut self, at: Timestamp, due: ReminderDue) {
        let ReminderDue {
            window, before_s, ..
        } = due;
        self.emit(
            at,
            Fact::MaintenanceReminded {
                window: window.id,
                systems: window.systems,
                title: window.title,
                span: window.span,
                before_s,
            },
        );
    }

    /// Reminders that fell due while the service did not watch, or before their window was configured.
    pub(super) fn late_reminders(&mut self, at: Timestamp) {
        for due in due::late_reminders(self.record(), at) {
            self.remind(at, due);
        }
    }

    /// A window is completed when it is over and every system of it is confirmed up by a sample
    /// at or after its end.
    pub(super) fn complete_windows(&mut self, at: Timestamp) {
        let done = |held: &Held| {
            held.span.to <= at
                && held
                    .systems
                    .iter()
                    .all(|s| self.well_since(s, held.span.to))
        };
        let over: Vec<WindowId> = self
            .record()
            .maintenance
            .all_held()
            .filter(|(_, held)| done(held))
            .map(|(id, _)| id.clone())
            .collect();
        for window in over {
            self.complete_window(at, window);
        }
    }

    pub(super) fn complete_window(&mut self, at: Timestamp, window: WindowId) {
        if self.record().maintenance.held(&window).is_some() {
            self.emit(at, Fact::MaintenanceCompleted { window });
        }
    }

    fn well_since(&self, system: &SystemId, end: Timestamp) -> bool {
        let record = self.record();
        let Some(configured) = record.catalogue.system(system.as_str()) else {
            return true;
        };
        let closed = !record.has_open_outage(system);
        // A beat may be a day away: it need not come after the end where Nines itself asks the system.
        let is_asked = configured.deciding().any(|p| p.active().is_some());
        closed
            && configured.deciding().all(|p| {
                let runs = self.watch.runs(&record.catalogue.source(&p.id));
                runs.is_some_and(|r| {
                    r.well_since(end) || is_asked && r.is_heartbeat() && r.is_well()
                })
            })
    }
}
