//! Incidents as the ledger tells of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Record;
use crate::event::{Event, Fact};
use crate::id::{IncidentId, OutageId, SystemId};
use crate::incident::{Acknowledged, Cause, Done, Incident, Review};

impl Record {
    pub(super) fn incident_fact(&mut self, event: &Event) {
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
            } => self.with_incident(*incident, |i| {
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
            } => self.with_incident(*incident, |i| {
                let done = Done {
                    at,
                    by: event.by.person.clone(),
                    note: note.clone(),
                };
                i.done.insert(measure.clone(), done);
            }),
            Fact::IncidentReviewed { incident, review } => self.with_incident(*incident, |i| {
                // Who names a measure again has it open again.
                for measure in &review.measures {
                    i.done.remove(&measure.text);
                }
                merge(&mut i.review, review);
                i.reviewed.push((at, event.by.person.clone()));
            }),
            Fact::IncidentResolved { incident } => {
                self.with_incident(*incident, |i| i.resolved_at = Some(at));
                self.unresolved.remove(incident);
            }
            Fact::IncidentClosed { incident, without } => self.with_incident(*incident, |i| {
                i.closed = Some((at, event.by.person.clone()));
                i.closed_without.clone_from(without);
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
            self.with_outage(*outage, |o| o.incident = Some(id));
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
            merged: None,
            flapping: Vec::new(),
            settled: Vec::new(),
        };
        self.incidents.insert(id, Arc::new(incident));
        self.unresolved.insert(id);
    }

    pub(super) fn with_incident(&mut self, id: IncidentId, change: impl FnOnce(&mut Incident)) {
        if let Some(incident) = self.incidents.get_mut(&id) {
            change(Arc::make_mut(incident));
        }
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
