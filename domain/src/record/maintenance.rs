//! Applies the events of maintenance windows: changes, customers told, windows held now.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Held, Record};
use crate::event::{Event, Fact};
use crate::id::{CustomerId, WindowId};
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
            }
            Fact::WindowChanged { window, .. } => {
                if let Some(entry) = self.one_off_windows.get_mut(&window.id) {
                    Arc::make_mut(entry).versions.push((at, window.clone()));
                }
                if let Some(held) = self.held.get_mut(&window.id) {
                    held.span.to = window.end;
                }
            }
            Fact::WindowCancelled { window, .. } => {
                if let Some(entry) = self.one_off_windows.get_mut(window) {
                    Arc::make_mut(entry).cancelled_at = Some(at);
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
            }
            Fact::MaintenanceCompleted { window } => {
                self.held.remove(window);
                self.completed.insert(window.clone());
            }
            _ => {}
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
