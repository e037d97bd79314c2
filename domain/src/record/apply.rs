//! The fold: one event at a time. Never decides, never fails: a ledger that was verified applies,
//! and an event that speaks of something unknown changes nothing.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Life, ProbeRecord, Record, is_open};
use crate::catalogue::Catalogue;
use crate::event::{self, Event, Fact, GapCause, Silence};
use crate::id::{ProbeId, SystemId, WindowId};
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
                self.all_silent(alive_until.unwrap_or(at), Silence::Stopped);
            }
            Fact::Stopped => self.ended(at, Life::Stopped),
            Fact::Crashed { alive_until } => self.ended(*alive_until, Life::Crashed),
            Fact::MonitoringGap { span, cause } => self.absent(at, *span, *cause),
            // It shows that the service watched, as all its events do.
            Fact::DayClosed => {}
            Fact::ProbeSilent { .. }
            | Fact::ProbeFirstResult { .. }
            | Fact::ProbeDown { .. }
            | Fact::ProbeUp { .. }
            | Fact::ProbeDegraded { .. }
            | Fact::ProbeCleared { .. }
            | Fact::Blip { .. } => self.probe_fact(&event.fact),
            Fact::OutageOpened { .. }
            | Fact::OutageClosed { .. }
            | Fact::OutageDeclared { .. }
            | Fact::DeclarationChanged { .. }
            | Fact::MonitorFault { .. }
            | Fact::DowntimeExcluded { .. }
            | Fact::OutageReclassified { .. }
            | Fact::Overrun { .. } => self.outage_fact(event),
            Fact::WindowScheduled { .. }
            | Fact::WindowChanged { .. }
            | Fact::WindowCancelled { .. }
            | Fact::CustomerNotified { .. }
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
            | Fact::MeasureDone { .. }
            | Fact::IncidentResolved { .. }
            | Fact::IncidentClosed { .. } => self.incident_fact(event),
            Fact::DeliveryAttempted { .. } | Fact::DeliveryEnded { .. } => {
                self.delivery_fact(at, &event.fact);
            }
        }
    }

    /// A life of the service is over.
    fn ended(&mut self, at: Timestamp, how: Life) {
        self.monitoring.ended(at, how);
        self.all_silent(at, Silence::Stopped);
    }

    fn absent(&mut self, at: Timestamp, span: Span, cause: GapCause) {
        self.monitoring.gap(at, span, cause);
        if event::is_set_back(at, span, cause) {
            self.rewind(at, span);
            self.all_silent(at, Silence::MonitoringGap);
        } else {
            if cause == GapCause::ClockStepped {
                self.monitoring.show_from(span.from, at);
                self.step(span.to.duration_since(span.from));
            }
            self.all_silent(span.from, Silence::MonitoringGap);
        }
    }

    fn configured(&mut self, at: Timestamp, by: &str, catalogue: &Catalogue) {
        let new = Arc::new(catalogue.clone());
        self.catalogues.push((at, by.to_owned(), Arc::clone(&new)));
        let old = std::mem::replace(&mut self.catalogue, new);
        let bereft = self.bereft(&old, catalogue);
        for system in &old.systems {
            if catalogue.system(system.id.as_str()).is_none() {
                self.end_system(at, &system.id);
            }
            for probe in &system.probes {
                if catalogue.probe(&probe.id).is_none() {
                    self.end_probe(at, &probe.id);
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
                let record = Arc::make_mut(self.probes.entry(probe.id.clone()).or_default());
                if !is_open(&record.life) {
                    record.life.push((at, None));
                    record.silent.push((at, None, Silence::New));
                }
                if record.affects.last().map(|a| a.1) != Some(probe.affects) {
                    record.affects.push((at, probe.affects));
                }
            }
        }
        self.succeed(at, &bereft);
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

    fn end_probe(&mut self, at: Timestamp, id: &ProbeId) {
        if let Some(record) = self.probes.get_mut(id) {
            let record = Arc::make_mut(record);
            close(&mut record.life, at);
            close(&mut record.down, at);
            close(&mut record.degraded, at);
            unsilence(record, at);
        }
    }

    /// A start, a stop and an absence silence every probe that speaks; said once, not once per
    /// probe. Where a probe had stopped to speak before, its own event says so and comes first.
    ///
    /// A configuration that was changed while the service did not run is recorded before its
    /// start: a probe that left then was watched no longer than the others.
    fn all_silent(&mut self, from: Timestamp, cause: Silence) {
        let ids: Vec<ProbeId> = self.probes.keys().cloned().collect();
        for id in ids {
            let Some(record) = self.probes.get_mut(&id) else {
                continue;
            };
            let Some((born_at, died_at)) = record.life.last().copied() else {
                continue;
            };
            let from = from.max(born_at);
            if died_at.is_none_or(|died_at| from < died_at) {
                let record = Arc::make_mut(record);
                silence(record, from, cause);
                if let Some(died_at) = died_at {
                    unsilence(record, died_at);
                }
            }
        }
    }

    fn probe_fact(&mut self, fact: &Fact) {
        match fact {
            Fact::ProbeSilent {
                source,
                from,
                cause,
            } => {
                self.with_probe(&source.probe, |r| silence(r, *from, *cause));
            }
            Fact::ProbeFirstResult { source, from } => {
                self.with_probe(&source.probe, |r| unsilence(r, *from))
            }
            Fact::ProbeDown {
                source,
                from,
                reason,
                detail,
                ..
            } => {
                self.with_probe(&source.probe, |r| {
                    r.reason = *reason;
                    r.detail.clone_from(detail);
                    open(&mut r.down, *from);
                });
                self.began_earlier(&source.probe);
            }
            Fact::ProbeUp {
                source,
                to,
                unobserved,
                ..
            } => self.with_probe(&source.probe, |r| {
                r.unobserved = *unobserved;
                close(&mut r.down, *to);
            }),
            Fact::ProbeDegraded { source, from, .. } => {
                self.with_probe(&source.probe, |r| open(&mut r.degraded, *from));
            }
            Fact::ProbeCleared { source, to } => {
                self.with_probe(&source.probe, |r| close(&mut r.degraded, *to));
            }
            Fact::Blip {
                source,
                span,
                samples,
            } => {
                self.with_probe(&source.probe, |r| {
                    r.blips.push((*span, *samples));
                    r.blip_until = r.blip_until.max(Some(span.to));
                });
            }
            _ => {}
        }
    }

    fn with_probe(&mut self, id: &ProbeId, change: impl FnOnce(&mut ProbeRecord)) {
        if let Some(record) = self.probes.get_mut(id) {
            let record = Arc::make_mut(record);
            change(record);
        }
    }
}

/// Whether only a service that watches writes such an event: people act on a stopped one, too.
fn only_by_watching(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Started { .. }
            | Fact::Stopped
            | Fact::MonitoringGap { .. }
            | Fact::DayClosed
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

pub(super) fn open(spans: &mut Vec<(Timestamp, Option<Timestamp>)>, from: Timestamp) {
    if !is_open(spans) {
        // After a clock was set back a span may begin before the end of the one before: it says
        // all that the other said from there on.
        if let Some((start, Some(end))) = spans.last_mut() {
            *start = (*start).min(from);
            *end = (*end).min(from);
        }
        spans.push((from, None));
    }
}

pub(super) fn close(spans: &mut [(Timestamp, Option<Timestamp>)], to: Timestamp) {
    if let Some((from, end @ None)) = spans.last_mut() {
        *end = Some(to.max(*from));
    }
}

/// Cuts all spans at `at`. Open spans stay open.
pub(super) fn cut(spans: &mut [(Timestamp, Option<Timestamp>)], at: Timestamp) {
    for (from, to) in spans {
        *from = (*from).min(at);
        *to = to.map(|to| to.min(at));
    }
}

/// Silent since `from`. Where that reaches back into what was heard (the clock was set back, or
/// the service lived less long than its last events), the spans stay disjoint and in order.
fn silence(record: &mut ProbeRecord, mut from: Timestamp, mut cause: Silence) {
    while let Some((start, end, why)) = record.silent.last().copied() {
        if end.is_some_and(|end| end <= from) {
            break;
        }
        if end.is_none() && start <= from {
            return;
        }
        record.silent.pop();
        if start <= from {
            (from, cause) = (start, why);
        }
    }
    record.silent.push((from, None, cause));
}

fn unsilence(record: &mut ProbeRecord, to: Timestamp) {
    if let Some((from, end @ None, _)) = record.silent.last_mut() {
        *end = Some(to.max(*from));
    }
}
