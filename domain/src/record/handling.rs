//! The fold of the operator's work on incidents: severity, impact, answers, pauses, escalation and the results of
//! clocks.

use jiff::Timestamp;

use super::Record;
use crate::clocks::State;
use crate::event::{Event, Fact};
use crate::handling::{
    DecidedLevel, Handling, Pause, Rating, Recovery, Response, Said, TextConfirmed, Verdict,
};
use crate::id::{IncidentId, OutageId, SystemId};

impl Record {
    pub(super) fn handling_fact(&mut self, event: &Event) {
        let at = event.at;
        let said = |text: &str| Said {
            at,
            by: event.by.person.clone(),
            text: text.to_owned(),
        };
        match &event.fact {
            Fact::OutageJoined {
                incident,
                system,
                outage,
            } => self.joined(at, *incident, system, *outage),
            Fact::IncidentMerged {
                incident,
                into,
                reason,
            } => {
                self.take_over(at, *incident, *into);
                self.handle(*incident, |h| h.merged_because = Some(said(reason)));
                self.refresh_clocks(*into);
            }
            Fact::UpdateDelivered { incident, number } => {
                self.incidents.update_delivered(*incident, *number);
                let place = usize::try_from(*number).unwrap_or(0).saturating_sub(1);
                self.incidents.change(*incident, |i| {
                    if let Some(update) = i.updates.get_mut(place) {
                        update.delivered_at = Some(at);
                    }
                });
                self.refresh_clocks(*incident);
            }
            Fact::IncidentRated {
                incident,
                policy,
                severity,
                reason,
            } => self.handle(*incident, |h| {
                h.policy.get_or_insert_with(|| policy.clone());
                h.ratings.push(Rating {
                    at,
                    by: event.by.person.clone(),
                    severity: severity.clone(),
                    reason: reason.clone(),
                });
            }),
            Fact::ProblemReported { incident, problem } => {
                self.handle(*incident, |h| h.problems.push(problem.clone()));
                self.owe_receipt(at, *incident, problem);
            }
            Fact::IncidentResponded {
                incident,
                to,
                how,
                estimate,
                counts_from,
                approved_by,
            } => self.handle(*incident, |h| {
                h.responses.push(Response {
                    at: counts_from.unwrap_or(at),
                    recorded_at: at,
                    by: event.by.person.clone(),
                    to: to.clone(),
                    how: how.clone(),
                    estimate: *estimate,
                    approved_by: approved_by.clone(),
                });
            }),
            Fact::IncidentAssessed { incident, impact } => {
                self.handle(*incident, |h| h.assess(impact));
            }
            Fact::WorkaroundFound { incident, text } => {
                self.handle(*incident, |h| h.workaround = Some(said(text)));
            }
            Fact::TextConfirmed {
                about,
                found,
                reason,
            } => {
                if let Ok(incident) = about.parse() {
                    let text = TextConfirmed {
                        said: said(reason),
                        found: found.clone(),
                    };
                    self.handle(incident, |h| h.confirmed_texts.push(text));
                }
            }
            Fact::IncidentPaused { incident, reason } => self.handle(*incident, |h| {
                h.pauses.push(Pause {
                    why: said(reason),
                    until: None,
                });
            }),
            Fact::IncidentResumed { incident } => self.handle(*incident, |h| {
                if let Some(pause) = h.pauses.last_mut() {
                    pause.until = pause.until.or(Some(at));
                }
            }),
            Fact::IncidentEscalated { incident, reason } => {
                self.handle(*incident, |h| h.escalated.push(said(reason)));
            }
            Fact::DisasterDeclared { incident, reason } => {
                self.handle(*incident, |h| h.disaster = Some(said(reason)));
            }
            Fact::LevelReached {
                incident,
                level,
                severity,
                state,
                contacts,
            } => {
                let is_mailed = !self.catalogue.mail_from.address.is_empty();
                self.handle(*incident, |h| {
                    h.levels.push(DecidedLevel {
                        at,
                        level: *level,
                        severity: severity.clone(),
                        state: *state,
                        contacts: contacts.clone(),
                        told_at: None,
                        is_mailed,
                    })
                });
            }
            Fact::ClockWarned { incident, run } => self.handle(*incident, |h| {
                h.decided.insert((run.clock, run.number, Verdict::Warned));
            }),
            Fact::ClockMet { incident, run, .. } => self.handle(*incident, |h| {
                h.decided.insert((run.clock, run.number, Verdict::Met));
            }),
            Fact::ClockMissed { incident, run } => self.handle(*incident, |h| {
                h.decided.insert((run.clock, run.number, Verdict::Missed));
                h.missed_until = h.missed_until.max(run.due);
            }),
            _ => {}
        }
    }

    /// Changes the handling of an incident, and computes its clocks again.
    fn handle(&mut self, id: IncidentId, change: impl FnOnce(&mut Handling)) {
        self.incidents.change(id, |i| change(&mut i.handling));
        self.refresh_clocks(id);
    }

    /// A relay accepted the mail to a contact of a level. Once the next level was notified in its place, that stays.
    pub(super) fn level_told(&mut self, at: Timestamp, id: IncidentId, number: u8) {
        self.handle(id, |handling| {
            let mut later = handling.levels.iter_mut().rev();
            let is_it = |l: &&mut DecidedLevel| l.level == number || l.state == State::PassedOn;
            if let Some(level) = later.find(is_it).filter(|l| l.level == number) {
                level.told_at.get_or_insert(at);
            }
        });
    }

    fn joined(&mut self, at: Timestamp, id: IncidentId, system: &SystemId, outage: OutageId) {
        self.outages.change(outage, |o| o.incident = Some(id));
        self.incidents.change(id, |i| {
            i.outages.push(outage);
            if !i.systems.contains(system) {
                i.systems.push(system.clone());
            }
        });
        self.reopened(at, id);
    }

    /// An incident that was resolved has another failure.
    pub(super) fn reopened(&mut self, at: Timestamp, id: IncidentId) {
        self.incidents.change(id, |i| {
            i.resolved_at = None;
            if let Some(recovery) = i.handling.recoveries.last_mut() {
                // The clock may have been set back meanwhile.
                recovery.at = recovery.at.min(at);
                recovery.reopened_at = recovery.reopened_at.or(Some(at));
            }
        });
        self.refresh_clocks(id);
    }

    /// The incident is resolved. Its systems were up since the end of its last outage, or of a degradation after it,
    /// but a clock that was missed meanwhile stays missed.
    pub(super) fn resolved(&mut self, at: Timestamp, id: IncidentId) {
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        let outages = incident.outages.iter().filter_map(|o| self.outages.get(o));
        let outages = outages.filter_map(|outage| outage.end);
        let degraded = incident
            .systems
            .iter()
            .filter_map(|s| self.degraded_until(s));
        let degraded = degraded.filter(|until| *until > incident.opened_at);
        let recovered = outages.chain(degraded).max().unwrap_or(at);
        let recovered = recovered.max(incident.opened_at).min(at);
        let recovered = if incident.waits_for_person() {
            at
        } else {
            recovered
        };
        let missed_until = incident.handling.missed_until;
        self.incidents.change(id, |i| {
            i.resolved_at = Some(at);
            i.handling.recoveries.push(Recovery {
                at: Some(recovered).max(missed_until).unwrap_or(recovered),
                known_at: at,
                reopened_at: None,
            });
        });
    }

    /// The end of the system's last degradation.
    fn degraded_until(&self, system: &SystemId) -> Option<Timestamp> {
        let probes = self.probes.of_system(system);
        probes.filter_map(|p| p.degraded.last()?.1).max()
    }
}
