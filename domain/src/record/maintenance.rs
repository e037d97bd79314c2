//! Maintenance windows: the changes of one-off windows, the customers told, and the windows held now.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;

use super::Record;
use crate::catalogue::Single;
use crate::event::{Event, Fact};
use crate::id::{CustomerId, SystemId, WindowId};
use crate::notice::Kind;
use crate::span::Span;
use crate::windows::{CustomerTold, Occurrence, OneOffHistory};

/// The one-off windows, and the windows of any kind that have begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    one_off: OrdMap<WindowId, Arc<OneOffHistory>>,
    held: OrdMap<WindowId, Held>,
    /// Completed windows do not begin again, though the clock may be set back.
    completed: OrdSet<WindowId>,
    /// The last reminder of each window that has not begun.
    reminded: OrdMap<WindowId, Arc<Reminded>>,
}

/// The last reminder of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminded {
    /// How long before the start it was due, in seconds.
    pub before_s: i64,
    /// The window as the reminder says.
    pub window: Occurrence,
}

/// A window that began and is not completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub systems: Vec<SystemId>,
    pub title: String,
    /// The window's span at its start; the end moves with the window.
    pub span: Span,
}

impl Maintenance {
    /// A one-off window.
    pub fn one_off(&self, id: &WindowId) -> Option<&OneOffHistory> {
        self.one_off.get(id).map(|history| &**history)
    }

    /// All one-off windows, in order of their ids.
    pub fn all_one_off(&self) -> impl Iterator<Item = (&WindowId, &OneOffHistory)> {
        self.one_off.iter().map(|(id, history)| (id, &**history))
    }

    /// A window that began and is not completed.
    pub fn held(&self, id: &WindowId) -> Option<&Held> {
        self.held.get(id)
    }

    /// All windows that began and are not completed, in order of their ids.
    pub fn all_held(&self) -> impl Iterator<Item = (&WindowId, &Held)> {
        self.held.iter()
    }

    /// The last reminder of each window that has not begun, in order of their ids.
    pub fn all_reminded(&self) -> impl Iterator<Item = (&WindowId, &Reminded)> {
        self.reminded.iter().map(|(id, reminded)| (id, &**reminded))
    }

    /// True if customers were reminded of the window as it is planned now, so long before its start or later.
    pub fn is_reminded(&self, window: &Occurrence, before_s: i64) -> bool {
        let last = self.reminded.get(&window.id);
        last.is_some_and(|r| r.window.span.from == window.span.from && r.before_s <= before_s)
    }

    /// Notes the last reminder of a window; none for a window that is not planned any more.
    pub(super) fn set_reminded(&mut self, id: &WindowId, last: Option<Reminded>) {
        match last {
            Some(last) => self.reminded.insert(id.clone(), Arc::new(last)),
            None => self.reminded.remove(id),
        };
    }

    /// True if the window began, even if it is completed.
    pub fn has_begun(&self, id: &WindowId) -> bool {
        self.held.contains_key(id) || self.completed.contains(id)
    }

    /// Adds or replaces a one-off window. A history without a version is not added.
    pub fn insert(&mut self, history: OneOffHistory) {
        if let Some((_, window)) = history.versions.first() {
            self.one_off.insert(window.id.clone(), Arc::new(history));
        }
    }

    fn changed(&mut self, at: Timestamp, window: &Single) {
        if let Some(history) = self.one_off.get_mut(&window.id) {
            Arc::make_mut(history).versions.push((at, window.clone()));
        }
        self.move_end(&window.id, window.end);
    }

    /// The end of a window that is held moves.
    pub(super) fn move_end(&mut self, id: &WindowId, end: Timestamp) {
        if let Some(held) = self.held.get_mut(id) {
            held.span.to = end;
        }
    }

    fn cancelled(&mut self, at: Timestamp, id: &WindowId) {
        if let Some(history) = self.one_off.get_mut(id) {
            Arc::make_mut(history).cancelled_at = Some(at);
        }
    }

    fn started(&mut self, id: &WindowId, held: Held) {
        self.reminded.remove(id);
        self.held.insert(id.clone(), held);
    }

    fn completed(&mut self, id: &WindowId) {
        self.held.remove(id);
        self.completed.insert(id.clone());
    }

    /// A customer counts as told about the version that was in force then.
    fn told_by_a_person(&mut self, id: &WindowId, told: CustomerTold) {
        let Some(history) = self.one_off.get_mut(id).map(Arc::make_mut) else {
            return;
        };
        let last = history.versions.len().saturating_sub(1);
        let version = if told.at < told.recorded_at {
            let mut versions = history.versions.iter();
            let stood = versions.rposition(|(made_at, _)| *made_at <= told.at);
            stood.unwrap_or_default()
        } else {
            last
        };
        let (customer, at) = (told.customer.clone(), told.at);
        history.told_by_people.push(told);
        self.told(id, version, &customer, at);
    }

    /// A customer was told about a version of a one-off window; the first time counts.
    pub(super) fn told(
        &mut self,
        id: &WindowId,
        version: usize,
        customer: &CustomerId,
        at: Timestamp,
    ) {
        if let Some(history) = self.one_off.get_mut(id) {
            let told = &mut Arc::make_mut(history).told;
            let first = told.entry((version, customer.clone())).or_insert(at);
            *first = (*first).min(at);
        }
    }
}

impl Record {
    pub(super) fn window_fact(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::WindowScheduled { window } => {
                self.maintenance.insert(OneOffHistory {
                    versions: vec![(at, window.clone())],
                    cancelled_at: None,
                    told: BTreeMap::new(),
                    told_by_people: Vec::new(),
                });
                if let Some(occurrence) = self.occurrence(&window.id) {
                    self.owe_window(at, Kind::MaintenanceScheduled, &occurrence, None);
                }
            }
            Fact::WindowChanged { window, .. } => {
                let before = self.occurrence(&window.id).map(|o| o.span);
                self.maintenance.changed(at, window);
                // The completion tells of work that ended early.
                if let Some(occurrence) = self.occurrence(&window.id).filter(|_| window.end > at) {
                    self.owe_window(at, Kind::MaintenanceChanged, &occurrence, before);
                }
            }
            Fact::WindowCancelled { window, .. } => {
                self.maintenance.cancelled(at, window);
                self.maintenance.set_reminded(window, None);
                if let Some(occurrence) = self.occurrence(window) {
                    self.owe_cancellation(at, &occurrence);
                }
            }
            Fact::CustomerNotified {
                window,
                customer,
                how,
                counts_from,
                approved_by,
            } => self.maintenance.told_by_a_person(
                window,
                CustomerTold {
                    customer: customer.clone(),
                    at: counts_from.unwrap_or(at),
                    recorded_at: at,
                    by: event.by.person.clone(),
                    how: how.clone(),
                    approved_by: approved_by.clone(),
                },
            ),
            Fact::MaintenanceReminded {
                window,
                systems,
                span,
                before_s,
                ..
            } => self.owe_reminder(at, window, systems, *span, *before_s),
            Fact::MaintenanceStarted {
                window,
                systems,
                title,
                span,
            } => {
                let held = Held {
                    systems: systems.clone(),
                    title: title.clone(),
                    span: *span,
                };
                self.maintenance.started(window, held);
                self.owe_held(at, Kind::MaintenanceStarted, window);
                self.drop_late_reminders(at);
            }
            Fact::MaintenanceCompleted { window } => {
                self.owe_held(at, Kind::MaintenanceCompleted, window);
                self.maintenance.completed(window);
            }
            _ => {}
        }
    }

    fn owe_held(&mut self, at: Timestamp, kind: Kind, window: &WindowId) {
        let Some(held) = self.maintenance.held(window) else {
            return;
        };
        let windows = held.systems.iter();
        let mut windows = windows.flat_map(|system| self.windows_of(system, held.span));
        if let Some(occurrence) = windows.find(|o| o.id == *window) {
            self.owe_window(at, kind, &occurrence, None);
        }
    }
}
