//! Decides about the severity of incidents, their clocks and their escalation. When clocks are due is computed by
//! `crate::clocks`.

use jiff::{SignedDuration, Timestamp};

use super::Draft;
use crate::actor::Actor;
use crate::catalogue::{Kind, System};
use crate::event::Fact;
use crate::id::{IncidentId, OutageId, PolicyId, ProbeId, SystemId};
use crate::incident::{Cause, Incident};
use crate::policy::{Commitments, State as Condition};
use crate::record::{ProbeRecord, Record};
use crate::span::Span;

impl Draft<'_> {
    /// Gives an incident the severity that the rules of its policy say now. The choice of a person stays.
    pub(super) fn rate(&mut self, at: Timestamp, id: IncidentId) {
        let record = self.record();
        let Some(incident) = record.incidents.get(id) else {
            return;
        };
        let handling = &incident.handling;
        let Some((policy, commitments)) = policy_of(record, incident) else {
            return;
        };
        let facts = record.severity_facts(incident);
        let rated = commitments.severity_of(&facts);
        let changed = rated.filter(|s| handling.severity() != Some(s.id.as_str()));
        let Some(severity) = changed.filter(|_| !handling.is_rated_by_person()) else {
            return;
        };
        let fact = Fact::IncidentRated {
            incident: id,
            policy: policy.clone(),
            severity: severity.id.clone(),
            reason: None,
        };
        self.emit(at, fact);
    }

    /// The incident that took another one over has the higher of both severities.
    pub(super) fn rate_merged(
        &mut self,
        at: Timestamp,
        by: &Actor,
        other: IncidentId,
        into: IncidentId,
    ) {
        self.rate(at, into);
        let record = self.record();
        let both = record.incidents.get(other).zip(record.incidents.get(into));
        let Some((other, into)) = both else {
            return;
        };
        let Some((policy, rules)) = policy_of(record, into) else {
            return;
        };
        let rank = |incident: &Incident| rules.rank(incident.handling.severity()?);
        let severity = match (rank(other), rank(into)) {
            (Some(higher), Some(lower)) if higher < lower => other.handling.severity(),
            _ => None,
        };
        let Some(severity) = severity.map(str::to_owned) else {
            return;
        };
        let fact = Fact::IncidentRated {
            incident: into.id,
            policy: policy.clone(),
            severity,
            reason: Some(format!("{} had this severity", other.id)),
        };
        self.emit_by(at, by, fact);
    }

    /// Adds an outage to the unresolved incident that it belongs to. `false` if no incident is unresolved for it.
    pub(super) fn join(&mut self, at: Timestamp, system: &SystemId, outage: OutageId) -> bool {
        let Some(incident) = joinable(self.record(), system, outage) else {
            return false;
        };
        let fact = Fact::OutageJoined {
            incident,
            system: system.clone(),
            outage,
        };
        self.emit(at, fact);
        self.rate(at, incident);
        true
    }

    /// Opens an incident for a degradation that a bad sample of `probe` has just confirmed, or shows to last.
    pub(super) fn degraded(&mut self, at: Timestamp, probe: &ProbeId) {
        let record = self.record();
        let system = &SystemId::from(probe.system());
        let seen = record.probes.get(probe);
        if !seen.is_some_and(ProbeRecord::is_degraded) || !record.lacks_incident(at, system) {
            return;
        }
        let incident = record.incidents.next_id();
        let fact = Fact::IncidentOpened {
            incident,
            systems: vec![system.clone()],
            outages: Vec::new(),
            cause: Cause::Degraded,
        };
        self.emit(at, fact);
        self.rate(at, incident);
    }

    /// Decides everything about clocks that is due by `at`.
    pub(super) fn clocks_due(&mut self, at: Timestamp) {
        loop {
            let mut due = self.record().incidents.clocks_due();
            let next = due.next().filter(|(next, _)| *next <= at);
            let Some((_, incident)) = next else {
                return;
            };
            drop(due);
            let facts = self.record().clock_decisions(incident, at);
            if facts.is_empty() {
                return;
            }
            for fact in facts {
                self.emit(at, fact);
            }
        }
    }

    /// Updates that reached the last of their recipients.
    pub(super) fn updates_delivered(&mut self, at: Timestamp) {
        for (incident, number) in self.record().delivered_updates() {
            self.emit(at, Fact::UpdateDelivered { incident, number });
        }
    }
}

impl Record {
    /// True if the system is degraded, a severity of its policy names that, and no incident covers it yet. Within a
    /// maintenance window it needs none.
    pub(crate) fn lacks_incident(&self, at: Timestamp, system: &SystemId) -> bool {
        if !self.is_degraded(system) || self.has_open_outage(system) {
            return false;
        }
        let configured = self.catalogue.system(system.as_str());
        let rules = configured.and_then(|s| commitments_of(self, s));
        let mut unresolved = self.incidents.unresolved();
        let next = SignedDuration::from_nanos(1);
        let now = Span::new(at, at.checked_add(next).unwrap_or(at));
        rules.is_some_and(|(_, rules)| names_degradation(rules))
            && !unresolved.any(|incident| incident.systems.contains(system))
            && self.windows_of(system, now).is_empty()
    }
}

fn commitments_of<'a>(
    record: &'a Record,
    system: &'a System,
) -> Option<(&'a PolicyId, &'a Commitments)> {
    let policy = system
        .policy
        .as_ref()
        .filter(|_| system.kind == Kind::Provided)?;
    with_severities(record, policy)
}

fn with_severities<'a>(
    record: &'a Record,
    policy: &PolicyId,
) -> Option<(&'a PolicyId, &'a Commitments)> {
    let policy = record.catalogue.policy(policy.as_str())?;
    let rules = &policy.commitments;
    Some((&policy.id, rules)).filter(|(_, rules)| !rules.severities.is_empty())
}

/// The policy of an incident with its commitments: that of its first system; of a report without a system, that of the
/// form or of the first system of its customer. A partner's incident has none.
fn policy_of<'a>(
    record: &'a Record,
    incident: &'a Incident,
) -> Option<(&'a PolicyId, &'a Commitments)> {
    if let Some(policy) = &incident.handling.policy {
        return Some((policy, record.commitments_of(incident)?));
    }
    let problem = incident.handling.problems.first();
    let form = problem.and_then(|problem| problem.form.as_ref());
    if let Some(form) = form.filter(|_| incident.systems.is_empty()) {
        return with_severities(record, form.policy.as_ref()?);
    }
    let customer = || {
        let customer = record
            .catalogue
            .customer(problem?.customer.as_ref()?.as_str())?;
        customer.systems.first()
    };
    let first = incident.systems.first().or_else(customer)?;
    commitments_of(record, record.catalogue.system(first.as_str())?)
}

fn names_degradation(rules: &Commitments) -> bool {
    let conditions = rules.severities.iter().flat_map(|severity| &severity.when);
    conditions
        .into_iter()
        .any(|c| c.state == Some(Condition::Degraded))
}

/// The unresolved incident that an outage is part of: of the same policy, and either the system was degraded or
/// reported already, or a system that it depends on, or that depends on it, went down within `group_within`.
fn joinable(record: &Record, system: &SystemId, outage: OutageId) -> Option<IncidentId> {
    let configured = record.catalogue.system(system.as_str())?;
    let own = commitments_of(record, configured).map(|(policy, _)| policy);
    let detected_at = record.outages.get(&outage)?.detected_at;
    let is_part = |incident: &&Incident| {
        let is_known = incident.systems.contains(system)
            && matches!(incident.cause, Cause::Degraded | Cause::Reported);
        let handling = &incident.handling;
        let same_policy = handling.policy.as_ref() == own;
        same_policy && (is_known || is_dependent(record, configured, incident, detected_at))
    };
    record
        .incidents
        .unresolved()
        .find(is_part)
        .map(|incident| incident.id)
}

/// True if an outage of the incident began to be known near `at`, of a system that this one depends on or the reverse.
fn is_dependent(record: &Record, system: &System, incident: &Incident, at: Timestamp) -> bool {
    let outages = incident
        .outages
        .iter()
        .filter_map(|id| record.outages.get(id));
    outages
        .filter(|o| o.end.is_none() && o.system != system.id)
        .any(|outage| {
            let Some(other) = record.catalogue.system(outage.system.as_str()) else {
                return false;
            };
            let within = match () {
                () if system.depends_on.contains(&other.id) => system.group_within_s,
                () if other.depends_on.contains(&system.id) => other.group_within_s,
                () => return false,
            };
            let apart = at.duration_since(outage.detected_at).abs();
            other.kind == system.kind && apart.as_secs() <= within
        })
}
