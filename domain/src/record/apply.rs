//! The fold: one event at a time. Never decides, never fails: a ledger that was verified applies,
//! and an event that speaks of something unknown changes nothing.

use std::sync::Arc;

use jiff::Timestamp;

use super::spans::{close, is_open};
use super::{Imported, Life, Record};
use crate::catalogue::Catalogue;
use crate::event::{self, Event, Fact, GapCause, Silence};
use crate::id::{SystemId, WindowId};
use crate::latency::{LocalDay, StoredRollup};
use crate::span::Span;
use crate::windows::RuleVersion;

impl Record {
    /// Takes in one event: `seq` is its number in the ledger.
    pub fn apply(&mut self, seq: u64, event: &Event) {
        let at = event.at;
        self.seq = seq;
        self.as_of = self.as_of.max(Some(at));
        self.decided_until = self.decided_until.max(Some(at));
        if only_by_watching(&event.fact) {
            self.monitoring.watched(at);
        }
        match &event.fact {
            Fact::LedgerCreated { identity, tzdb } => {
                self.identity.clone_from(identity);
                self.tzdb.clone_from(tzdb);
            }
            Fact::Configured { catalogue } => {
                self.configured(at, &event.by.person, catalogue);
                self.notices_configured(at);
            }
            Fact::Started { alive_until } => {
                self.monitoring.started(at, *alive_until);
                self.probes
                    .all_silent(alive_until.unwrap_or(at), Silence::Stopped);
                self.drop_late_reminders(at);
            }
            Fact::Stopped => self.ended(at, Life::Stopped),
            Fact::Crashed { alive_until } => self.ended(*alive_until, Life::Crashed),
            Fact::MonitoringGap { span, cause } => self.absent(at, *span, *cause),
            // It shows that the service watched, as all its events do.
            Fact::DayClosed => {
                self.drop_late_drafts(at);
                self.drop_late_reminders(at);
                self.forget_what_subscribers_knew(at);
            }
            Fact::DeskImported {
                policy,
                file,
                sha256,
                answer_within_s,
                days,
            } => {
                let import = Imported {
                    seq,
                    at,
                    by: event.by.person.clone(),
                    file: file.clone(),
                    sha256: sha256.clone(),
                    answer_within_s: *answer_within_s,
                };
                self.desks.add(policy, import, days);
            }
            // Samples are evidence: no figure depends on them.
            Fact::SamplesArchived { .. } | Fact::SamplesDeleted { .. } => {}
            Fact::LatenciesRolledUp {
                date,
                zone,
                span,
                file,
                sha256,
                probes,
                samples,
            } => self.rollups.add(StoredRollup {
                day: LocalDay {
                    date: *date,
                    zone: zone.clone(),
                    span: *span,
                },
                file: file.clone(),
                sha256: sha256.clone(),
                probes: *probes,
                samples: *samples,
            }),
            Fact::ReportDrafted { .. }
            | Fact::ReportReminded { .. }
            | Fact::ReportApproved { .. }
            | Fact::ReportFiled { .. } => self.report_fact(event),
            Fact::ProbeSilent { .. }
            | Fact::ProbeFirstResult { .. }
            | Fact::ProbeDown { .. }
            | Fact::ProbeUp { .. }
            | Fact::ProbeDegraded { .. }
            | Fact::ProbeCleared { .. }
            | Fact::Blip { .. } => {
                self.probes.apply(&event.fact);
                if let Fact::ProbeDown { source, .. } = &event.fact {
                    self.began_earlier(&source.probe);
                }
            }
            Fact::OutageOpened { .. }
            | Fact::OutageClosed { .. }
            | Fact::OutageDeclared { .. }
            | Fact::DeclarationChanged { .. }
            | Fact::MonitorFault { .. }
            | Fact::DowntimeExcluded { .. }
            | Fact::OutageReclassified { .. }
            | Fact::Overrun { .. } => {
                self.outage_fact(event);
                if let Fact::OutageClosed { outage, .. } | Fact::DeclarationChanged { outage, .. } =
                    &event.fact
                {
                    self.notices.outage_over(*outage);
                    self.drop_pointless_alerts(at);
                }
            }
            Fact::WindowScheduled { .. }
            | Fact::WindowChanged { .. }
            | Fact::WindowCancelled { .. }
            | Fact::CustomerNotified { .. }
            | Fact::MaintenanceReminded { .. }
            | Fact::MaintenanceStarted { .. }
            | Fact::MaintenanceCompleted { .. } => self.window_fact(event),
            Fact::Flapping {
                system,
                incident,
                outages,
            } => self.flapping(at, system, *incident, outages),
            Fact::FlappingEnded { system, incident } => self.settled(at, system, *incident),
            Fact::IncidentOpened { .. }
            | Fact::IncidentAcknowledged { .. }
            | Fact::IncidentReviewed { .. }
            | Fact::IncidentUpdated { .. }
            | Fact::IncidentWithdrawn { .. }
            | Fact::MeasureDone { .. }
            | Fact::IncidentResolved { .. }
            | Fact::IncidentClosed { .. } => {
                self.incident_fact(event);
                self.drop_written_drafts(at);
                self.drop_pointless_alerts(at);
            }
            Fact::UpdateDelivered { .. }
            | Fact::IncidentRated { .. }
            | Fact::OutageJoined { .. }
            | Fact::ProblemReported { .. }
            | Fact::IncidentResponded { .. }
            | Fact::IncidentAssessed { .. }
            | Fact::WorkaroundFound { .. }
            | Fact::TextConfirmed { .. }
            | Fact::IncidentPaused { .. }
            | Fact::IncidentResumed { .. }
            | Fact::IncidentEscalated { .. }
            | Fact::DisasterDeclared { .. }
            | Fact::IncidentMerged { .. }
            | Fact::LevelReached { .. }
            | Fact::ClockWarned { .. }
            | Fact::ClockMet { .. }
            | Fact::ClockMissed { .. } => {
                self.handling_fact(event);
                self.staff_fact(event);
            }
            Fact::NoticeUndelivered { .. } => self.staff_fact(event),
            Fact::SubscriptionChanged {
                subscriber,
                systems,
                cause,
            } => self.subscription_fact(at, *subscriber, systems, *cause),
            Fact::DeliveryAttempted { .. } | Fact::DeliveryEnded { .. } => {
                self.delivery_fact(at, &event.fact);
            }
            Fact::NoticeOwedAgain { notice, .. } => {
                self.owe_again(at, *notice);
            }
        }
        self.hide_security(at, &event.fact);
        self.note(seq, event);
    }

    /// A life of the service is over.
    fn ended(&mut self, at: Timestamp, how: Life) {
        self.monitoring.ended(at, how);
        self.probes.all_silent(at, Silence::Stopped);
    }

    fn absent(&mut self, at: Timestamp, span: Span, cause: GapCause) {
        self.monitoring.gap(at, span, cause);
        if event::is_set_back(at, span, cause) {
            self.rewind(at, span);
            self.probes.all_silent(at, Silence::MonitoringGap);
        } else {
            if cause == GapCause::ClockStepped {
                self.monitoring.show_from(span.from, at);
                self.step(span.to.duration_since(span.from));
            }
            self.probes.all_silent(span.from, Silence::MonitoringGap);
        }
    }

    fn configured(&mut self, at: Timestamp, by: &str, catalogue: &Catalogue) {
        let new = Arc::new(catalogue.clone());
        self.configurations
            .enter(at, by.to_owned(), Arc::clone(&new));
        let old = std::mem::replace(&mut self.catalogue, new);
        let lost_failing_probe = self.lost_failing_probe(&old, catalogue);
        for system in &old.systems {
            if catalogue.system(system.id.as_str()).is_none() {
                self.end_system(at, &system.id);
            }
            for probe in &system.probes {
                if catalogue.probe(&probe.id).is_none() {
                    self.probes.removed(at, &probe.id);
                }
            }
        }
        for system in &catalogue.systems {
            let record = Arc::make_mut(self.systems.entry(system.id.clone()).or_default());
            if !is_open(&record.life) {
                record.life.push((at, None));
            }
            for entry in record.rules.iter_mut().filter(|e| e.left_at.is_none()) {
                if !system.windows.contains(&entry.rule) {
                    entry.left_at = Some(at);
                }
            }
            for rule in &system.windows {
                if !record
                    .rules
                    .iter()
                    .any(|e| e.left_at.is_none() && e.rule == *rule)
                {
                    record.rules.push(RuleVersion {
                        rule: rule.clone(),
                        entered_at: at,
                        left_at: None,
                    });
                }
            }
            for probe in &system.probes {
                self.probes.configured(at, probe);
            }
        }
        self.carry_down_over(at, &lost_failing_probe);
        self.forget_unwatched(&old, catalogue);
        self.move_held();
    }

    /// A rule that changes while its window is held moves the end of that window.
    fn move_held(&mut self) {
        let moved: Vec<(WindowId, Timestamp)> = self
            .maintenance
            .all_held()
            .filter(|(id, _)| self.maintenance.one_off(id).is_none())
            .filter_map(|(id, held)| {
                let found = held
                    .systems
                    .iter()
                    .flat_map(|s| self.windows_of(s, held.span));
                let end = found.filter(|o| o.id == *id).map(|o| o.span.to).max()?;
                Some((id.clone(), end))
            })
            .collect();
        for (id, end) in moved {
            self.maintenance.move_end(&id, end);
        }
    }

    fn end_system(&mut self, at: Timestamp, id: &SystemId) {
        // Nobody will see it up for long enough.
        self.unstable.remove(id);
        if let Some(record) = self.systems.get_mut(id) {
            let record = Arc::make_mut(record);
            close(&mut record.life, at);
            for entry in record.rules.iter_mut().filter(|e| e.left_at.is_none()) {
                entry.left_at = Some(at);
            }
        }
    }
}

/// True if only a running service writes such an event: people may act while it is stopped.
fn only_by_watching(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Started { .. }
            | Fact::Stopped
            | Fact::MonitoringGap { .. }
            | Fact::DayClosed
            | Fact::LatenciesRolledUp { .. }
            | Fact::SamplesArchived { .. }
            | Fact::SamplesDeleted { .. }
            | Fact::ReportDrafted { .. }
            | Fact::ReportReminded { .. }
            | Fact::MaintenanceReminded { .. }
            | Fact::NoticeUndelivered { .. }
            | Fact::ProbeSilent { .. }
            | Fact::ProbeFirstResult { .. }
            | Fact::ProbeDown { .. }
            | Fact::ProbeUp { .. }
            | Fact::ProbeDegraded { .. }
            | Fact::ProbeCleared { .. }
            | Fact::Blip { .. }
            | Fact::DeliveryAttempted { .. }
            | Fact::DeliveryEnded { .. }
    )
}
