//! All incidents, and the events that change them.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;

use super::Record;
use crate::event::{Event, Fact};
use crate::handling::Handling;
use crate::id::{IncidentId, OutageId, SystemId};
use crate::incident::{Acknowledged, Cause, Done, Incident, Review, Update, Withdrawn};

/// All incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incidents {
    all: OrdMap<IncidentId, Arc<Incident>>,
    /// The incidents that are not resolved, without those that were merged into another.
    unresolved: OrdSet<IncidentId>,
    /// When the next decision about the clocks of an incident is due.
    clocks: OrdSet<(Timestamp, IncidentId)>,
    /// Updates that not every recipient has, by their numbers within their incidents.
    undelivered: OrdSet<(IncidentId, u32)>,
}

impl Incidents {
    pub fn get(&self, id: IncidentId) -> Option<&Incident> {
        self.all.get(&id).map(|incident| &**incident)
    }

    /// All incidents, in order of their ids.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.all.values().map(|incident| &**incident)
    }

    /// The incidents that are not resolved, without those that were merged into another.
    pub fn unresolved(&self) -> impl Iterator<Item = &Incident> {
        self.unresolved.iter().filter_map(|id| self.get(*id))
    }

    /// The incidents of whose clocks something is to be decided, the earliest first.
    pub(crate) fn clocks_due(&self) -> impl Iterator<Item = (Timestamp, IncidentId)> {
        self.clocks.iter().copied()
    }

    pub(super) fn undelivered(&self) -> impl Iterator<Item = (IncidentId, u32)> {
        self.undelivered.iter().copied()
    }

    pub(super) fn update_delivered(&mut self, id: IncidentId, number: u32) {
        self.undelivered.remove(&(id, number));
    }

    /// The open incident of a system, else its last.
    pub fn of_system(&self, system: &SystemId) -> Option<&Incident> {
        let of = || {
            let all = self.all().rev();
            all.filter(|i| i.systems.contains(system) && i.merged.is_none())
        };
        of().find(|i| i.closed.is_none() && i.resolved_at.is_none())
            .or_else(|| of().next())
    }

    /// The id of the next incident. Incidents count from 1 and none is ever removed.
    pub(crate) fn next_id(&self) -> IncidentId {
        IncidentId(self.all.get_max().map_or(1, |(id, _)| id.0 + 1))
    }

    /// Adds or replaces an incident.
    pub fn insert(&mut self, incident: Incident) {
        if incident.resolved_at.is_none() && incident.merged.is_none() {
            self.unresolved.insert(incident.id);
        } else {
            self.unresolved.remove(&incident.id);
        }
        let before = self.get(incident.id);
        let before = before.and_then(|known| known.handling.clocks.next);
        let next = incident.handling.clocks.next;
        if let Some(before) = before {
            self.clocks.remove(&(before, incident.id));
        }
        self.clocks.extend(next.map(|next| (next, incident.id)));
        self.all.insert(incident.id, Arc::new(incident));
    }

    /// The clock was set back to `at`: unresolved incidents were opened no later than now.
    pub(super) fn rewind(&mut self, at: Timestamp) {
        for id in self.unresolved.clone() {
            self.change(id, |incident| {
                incident.opened_at = incident.opened_at.min(at);
                if let Some(acknowledged) = &mut incident.acknowledged {
                    acknowledged.at = acknowledged.at.min(at);
                }
                for update in &mut incident.updates {
                    update.delivered_at = update.delivered_at.map(|then| then.min(at));
                }
                incident.handling.rewind(at);
            });
        }
    }

    /// Changes an incident, if there is one of that id.
    pub(super) fn change(&mut self, id: IncidentId, change: impl FnOnce(&mut Incident)) {
        if let Some(mut incident) = self.get(id).cloned() {
            change(&mut incident);
            self.insert(incident);
        }
    }
}

impl Record {
    pub(super) fn incident_fact(&mut self, event: &Event) {
        self.incident_changed(event);
        let touched = match &event.fact {
            Fact::IncidentAcknowledged { incident, .. }
            | Fact::IncidentResolved { incident, .. } => incident,
            _ => return,
        };
        self.refresh_clocks(*touched);
    }

    fn incident_changed(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::IncidentOpened {
                incident,
                systems,
                outages,
                cause,
            } => self.incident_opened(*incident, at, systems, outages, *cause),
            Fact::IncidentAcknowledged {
                incident,
                counts_from,
                approved_by,
            } => self.incidents.change(*incident, |i| {
                let this = Acknowledged {
                    at: counts_from.unwrap_or(at),
                    by: event.by.person.clone(),
                    recorded_at: at,
                    approved_by: approved_by.clone(),
                };
                if i.acknowledged.as_ref().is_none_or(|a| this.at < a.at) {
                    i.acknowledged = Some(this);
                }
            }),
            Fact::MeasureDone {
                incident,
                measure,
                note,
            } => self.incidents.change(*incident, |i| {
                let done = Done {
                    at,
                    by: event.by.person.clone(),
                    note: note.clone(),
                };
                i.done.insert(measure.clone(), done);
            }),
            Fact::IncidentReviewed { incident, review } => self.incidents.change(*incident, |i| {
                // A measure that is named again is open again.
                for measure in &review.measures {
                    i.done.remove(&measure.text);
                }
                merge(&mut i.review, review);
                i.reviewed.push((at, event.by.person.clone()));
            }),
            Fact::IncidentUpdated {
                incident,
                text,
                public,
                phase,
                estimate,
            } => {
                self.incidents.change(*incident, |i| {
                    i.updates.push(Update {
                        at,
                        by: event.by.person.clone(),
                        text: text.clone(),
                        public: *public,
                        phase: *phase,
                        estimate: *estimate,
                        delivered_at: None,
                    });
                });
                if *public {
                    self.owe_update(at, *incident);
                }
                if let Some(known) = self.incidents.get(*incident)
                    && (*public || known.handling.is_security())
                {
                    let number = u32::try_from(known.updates.len()).unwrap_or(u32::MAX);
                    self.incidents.undelivered.insert((*incident, number));
                }
            }
            Fact::IncidentWithdrawn { incident, reason } => {
                self.incidents.change(*incident, |i| {
                    i.withdrawn = Some(Withdrawn {
                        at,
                        by: event.by.person.clone(),
                        reason: reason.clone(),
                    });
                });
                self.owe_correction(at, *incident);
            }
            Fact::IncidentResolved { incident, .. } => self.resolved(at, *incident),
            Fact::IncidentClosed {
                incident,
                missing_texts_reason,
                confirmed_by,
            } => self.incidents.change(*incident, |i| {
                i.closed = Some((at, event.by.person.clone()));
                i.closed_without.clone_from(missing_texts_reason);
                i.handling.confirmed_by.clone_from(confirmed_by);
            }),
            _ => {}
        }
    }

    fn incident_opened(
        &mut self,
        id: IncidentId,
        opened_at: Timestamp,
        systems: &[SystemId],
        outages: &[OutageId],
        cause: Cause,
    ) {
        for outage in outages {
            self.outages.change(*outage, |o| o.incident = Some(id));
        }
        let incident = Incident {
            id,
            systems: systems.to_vec(),
            outages: outages.to_vec(),
            cause,
            opened_at,
            acknowledged: None,
            done: BTreeMap::new(),
            resolved_at: None,
            closed: None,
            closed_without: None,
            review: Review::default(),
            reviewed: Vec::new(),
            updates: Vec::new(),
            withdrawn: None,
            merged: None,
            flapping: Vec::new(),
            settled: Vec::new(),
            handling: Handling::default(),
        };
        self.incidents.insert(incident);
    }
}

fn merge(review: &mut Review, new: &Review) {
    let Review {
        summary,
        root_cause,
        certainty,
        resolution,
        measures,
    } = new.clone();
    review.summary = summary.or(review.summary.take());
    review.root_cause = root_cause.or(review.root_cause.take());
    review.certainty = certainty.or(review.certainty.take());
    review.resolution = resolution.or(review.resolution.take());
    for measure in measures {
        match review.measures.iter_mut().find(|m| m.text == measure.text) {
            Some(before) => *before = measure,
            None => review.measures.push(measure),
        }
    }
}
