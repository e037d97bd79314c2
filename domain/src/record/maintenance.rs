//! Applies the events of maintenance windows: changes, customers told, windows held now.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Held, Record};
use crate::event::{Event, Fact};
use crate::id::{CustomerId, WindowId};
use crate::notice::Kind;
use crate::windows::{CustomerTold, OneOffHistory};

impl Record {
    pub(super) fn window_fact(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::WindowScheduled { window } => {
                let entry = OneOffHistory {
                    versions: vec![(at, window.clone())],
                    cancelled_at: None,
                    told: BTreeMap::new(),
                    told_by_people: Vec::new(),
                };
                self.one_off_windows
                    .insert(window.id.clone(), Arc::new(entry));
                if let Some(occurrence) = self.one_off(&window.id) {
                    self.owe_window(at, Kind::MaintenanceScheduled, &occurrence, None);
                }
            }
            Fact::WindowChanged { window, .. } => {
                let before = self.one_off(&window.id).map(|o| o.span);
                if let Some(entry) = self.one_off_windows.get_mut(&window.id) {
                    Arc::make_mut(entry).versions.push((at, window.clone()));
                }
                if let Some(held) = self.held.get_mut(&window.id) {
                    held.span.to = window.end;
                }
                // The completion tells of work that ended early.
                if let Some(occurrence) = self.one_off(&window.id).filter(|_| window.end > at) {
                    self.owe_window(at, Kind::MaintenanceChanged, &occurrence, before);
                }
            }
            Fact::WindowCancelled { window, .. } => {
                if let Some(entry) = self.one_off_windows.get_mut(window) {
                    Arc::make_mut(entry).cancelled_at = Some(at);
                }
                if let Some(occurrence) = self.one_off(window) {
                    self.owe_cancellation(at, &occurrence);
                }
            }
            Fact::CustomerNotified {
                window,
                customer,
                how,
                counts_from,
                approved_by,
            } => self.told_by_a_person(
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
            Fact::MaintenanceStarted {
                window,
                systems,
                title,
                span,
            } => {
                self.held.insert(
                    window.clone(),
                    Held {
                        systems: systems.clone(),
                        title: title.clone(),
                        span: *span,
                    },
                );
                self.owe_held(at, Kind::MaintenanceStarted, window);
            }
            Fact::MaintenanceCompleted { window } => {
                self.owe_held(at, Kind::MaintenanceCompleted, window);
                self.held.remove(window);
                self.completed.insert(window.clone());
            }
            _ => {}
        }
    }

    fn owe_held(&mut self, at: Timestamp, kind: Kind, window: &WindowId) {
        let Some(held) = self.held.get(window) else {
            return;
        };
        let windows = held.systems.iter();
        let mut windows = windows.flat_map(|system| self.windows_of(system, held.span));
        if let Some(occurrence) = windows.find(|o| o.id == *window) {
            self.owe_window(at, kind, &occurrence, None);
        }
    }

    /// A customer counts as told about the version that was in force then.
    fn told_by_a_person(&mut self, window: &WindowId, told: CustomerTold) {
        let Some(entry) = self.one_off_windows.get_mut(window).map(Arc::make_mut) else {
            return;
        };
        let last = entry.versions.len().saturating_sub(1);
        let version = if told.at < told.recorded_at {
            let stood = entry
                .versions
                .iter()
                .rposition(|(made, _)| *made <= told.at);
            stood.unwrap_or_default()
        } else {
            last
        };
        let (customer, at) = (told.customer.clone(), told.at);
        entry.told_by_people.push(told);
        self.told_of(window, version, &customer, at);
    }

    pub(super) fn told_of(
        &mut self,
        window: &WindowId,
        version: usize,
        customer: &CustomerId,
        at: Timestamp,
    ) {
        if let Some(entry) = self.one_off_windows.get_mut(window) {
            let told = &mut Arc::make_mut(entry).told;
            let first = told.entry((version, customer.clone())).or_insert(at);
            *first = (*first).min(at);
        }
    }
}
