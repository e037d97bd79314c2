//! The facts of an incident for its clocks, and the clocks that follow from them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Record;
use crate::calendar::UnknownZone;
use crate::catalogue::{Catalogue, Customer, Probe};
use crate::clocks::{self, Event, Reached, Run};
use crate::handling::{Clocks, Component, DecidedLevel};
use crate::id::{CustomerId, IncidentId, SystemId};
use crate::incident::{Cause, Incident};
use crate::policy::{Commitments, Facts, Flag, State as Condition};

/// How long the mail about a level of escalation may take before the next level is notified.
const UNDELIVERED: SignedDuration = SignedDuration::from_mins(5);

/// When the next level is notified because no contact of this one was. `None` if one was in time.
pub(super) fn passes_on_at(level: &DecidedLevel) -> Option<Timestamp> {
    let at = level.at.saturating_add(UNDELIVERED).ok()?;
    let is_told = level.told_at.is_some_and(|told_at| told_at <= at);
    (level.is_mailed && level.state.is_notified() && !is_told).then_some(at)
}

impl Record {
    /// The commitments of an incident: those of the policy that was in force when it was opened. `None` if nothing
    /// rates it.
    pub fn commitments_of(&self, incident: &Incident) -> Option<&Commitments> {
        let policy = incident.handling.policy.as_ref()?;
        let catalogue = self.configurations.in_force_at(incident.opened_at)?;
        Some(&catalogue.policy(policy.as_str())?.commitments)
    }

    /// The facts that decide the severity. An incident keeps its worst state. The affected customers are those that a
    /// person named, else all customers of its systems.
    pub fn severity_facts(&self, incident: &Incident) -> Facts {
        let handling = &incident.handling;
        let impact = &handling.impact;
        let state = match incident.cause {
            _ if !incident.outages.is_empty() => Some(Condition::Down),
            Cause::Degraded => Some(Condition::Degraded),
            _ => None,
        };
        let customers = match (&impact.customers, handling.problems.first()) {
            (Some(customers), _) => customers.len(),
            (None, Some(_)) if state.is_none() => 1,
            (None, _) => self.customers_hit(incident),
        };
        let mut flags = impact.flags.clone().unwrap_or_default();
        if handling.is_security() {
            flags.insert(Flag::Security);
        }
        Facts {
            state,
            customers: u32::try_from(customers).unwrap_or(u32::MAX),
            share_ppm: impact.share_ppm.unwrap_or(1_000_000),
            is_partner: false,
            is_minor_component: impact.component == Some(Component::Minor),
            has_workaround: handling.workaround.is_some(),
            prevents_access: impact.prevents_access.unwrap_or(false),
            request: handling.request(),
            flags,
        }
    }

    fn customers_hit(&self, incident: &Incident) -> usize {
        let systems = incident.systems.iter();
        let named: BTreeMap<_, _> = systems
            .map(|s| (s, self.named_by_probes(incident, s)))
            .collect();
        let is_hit = |customer: &Customer, system: &SystemId| {
            let named = named.get(system);
            named.is_some_and(|n| n.as_ref().is_none_or(|n| n.contains(&customer.id)))
        };
        let all = self.catalogue.customers.iter();
        all.filter(|c| c.systems.iter().any(|s| is_hit(c, s)))
            .count()
    }

    /// The customers that the failed probes of a system name. `None` for all: a probe that failed names none, or a
    /// person reported the failure.
    fn named_by_probes(
        &self,
        incident: &Incident,
        system: &SystemId,
    ) -> Option<BTreeSet<&CustomerId>> {
        let outages = incident.outages.iter().filter_map(|o| self.outages.get(o));
        let own = outages.filter(|o| o.system == *system);
        let from = own.map(|o| o.start).min().unwrap_or(incident.opened_at);
        let until = incident.resolved_at.unwrap_or(Timestamp::MAX);
        let is_within = |(start, end): &(Timestamp, Option<Timestamp>)| {
            *start < until && end.is_none_or(|end| from < end)
        };
        let probes = &self.catalogue.system(system.as_str())?.probes;
        let failed = probes.iter().filter(|probe| {
            let known = self.probes.get(&probe.id);
            known.is_some_and(|p| p.down.iter().chain(&p.degraded).any(is_within))
        });
        let mut named = BTreeSet::new();
        for probe in failed {
            if probe.customers.is_empty() {
                return None;
            }
            named.extend(&probe.customers);
        }
        (!named.is_empty()).then_some(named)
    }

    /// When the clocks of an incident start: at the earlier of its confirmation, of an overrun its first unplanned
    /// second, and the receipt of the first report.
    pub fn clocks_start(&self, incident: &Incident) -> Timestamp {
        let outages = incident.outages.iter().filter_map(|o| self.outages.get(o));
        let overrun = outages
            .filter_map(|o| o.overrun.as_ref().map(|(from, _)| *from))
            .min();
        let overrun = overrun.filter(|_| incident.cause == Cause::Overrun);
        let problems = incident.handling.problems.iter();
        let reported = problems.map(|problem| problem.received).min();
        let confirmed = overrun.unwrap_or(incident.opened_at);
        reported.map_or(confirmed, |reported| reported.min(confirmed))
    }

    /// The facts of an incident for its clocks, in order of time. `None` if nothing rates it.
    pub fn clock_facts(&self, incident: &Incident) -> Option<clocks::Incident> {
        let handling = &incident.handling;
        let (first, later) = handling.ratings.split_first()?;
        let mut events: Vec<(Timestamp, Event)> = Vec::new();
        let acknowledged = incident.acknowledged.as_ref();
        events.extend(acknowledged.map(|a| (a.at, Event::Acknowledged)));
        events.extend(handling.responses.iter().map(|response| {
            let with_estimate = response.estimate.is_some();
            (response.at, Event::Responded { with_estimate })
        }));
        for update in &incident.updates {
            if let Some(at) = update.delivered_at {
                let with_estimate = update.estimate.is_some();
                events.push((at, Event::Responded { with_estimate }));
                events.push((at, Event::Updated));
            }
        }
        let workaround = handling.workaround.as_ref();
        events.extend(workaround.map(|said| (said.at, Event::Workaround)));
        events.extend(
            later
                .iter()
                .map(|r| (r.at, Event::Severity(r.severity.clone()))),
        );
        for pause in &handling.pauses {
            events.push((pause.why.at, Event::Paused));
            events.extend(pause.until.map(|until| (until, Event::Resumed)));
        }
        events.extend(
            handling
                .escalated
                .iter()
                .map(|said| (said.at, Event::Escalated)),
        );
        events.extend(handling.levels.iter().filter_map(|level| {
            let at = passes_on_at(level)?;
            Some((at, Event::Undelivered { level: level.level }))
        }));
        for recovery in &handling.recoveries {
            events.push((recovery.at, Event::Recovered));
            events.push((recovery.at, Event::Resolved));
            events.extend(recovery.reopened_at.map(|at| (at, Event::Reopened)));
        }
        events.extend(incident.merged.iter().map(|(at, _)| (*at, Event::Merged)));
        // Facts of one instant stay in the order above.
        events.sort_by_key(|(at, _)| *at);
        Some(clocks::Incident {
            started: self.clocks_start(incident),
            severity: first.severity.clone(),
            request: handling.request(),
            events,
        })
    }

    /// The runs of an incident's clocks as of `at`, in order of clock and start, that of disaster recovery last.
    /// Empty if nothing rates it.
    ///
    /// # Errors
    /// The business hours name a zone that does not exist.
    pub fn clock_runs(&self, incident: &Incident, at: Timestamp) -> Result<Vec<Run>, UnknownZone> {
        let rated = self
            .commitments_of(incident)
            .zip(self.clock_facts(incident));
        let Some((commitments, facts)) = rated else {
            return Ok(Vec::new());
        };
        let mut runs = clocks::history(commitments, &facts, at)?;
        let handling = &incident.handling;
        if let Some(declared) = &handling.disaster {
            let severity = handling.severity().unwrap_or_default();
            let restored = handling.recoveries.iter().map(|r| r.at);
            let restored = restored.filter(|restored| *restored >= declared.at).min();
            runs.extend(clocks::disaster(
                commitments,
                severity,
                declared.at,
                restored,
                at,
            )?);
        }
        Ok(runs)
    }

    fn clock_levels(
        &self,
        incident: &Incident,
        at: Timestamp,
    ) -> Result<Vec<Reached>, UnknownZone> {
        let rated = self
            .commitments_of(incident)
            .zip(self.clock_facts(incident));
        rated.map_or(Ok(Vec::new()), |(commitments, facts)| {
            clocks::escalation(commitments, &facts, at)
        })
    }

    /// The clocks and levels of an incident as of `at`.
    ///
    /// # Errors
    /// The business hours name a zone that does not exist.
    pub fn clocks(&self, incident: &Incident, at: Timestamp) -> Result<Clocks, UnknownZone> {
        let runs = self.clock_runs(incident, at)?;
        let levels = self.clock_levels(incident, at)?;
        Ok(Clocks {
            runs,
            levels,
            next: None,
        })
    }

    /// How long after a clock's due instant a recovery may still be confirmed that came before it: by the slowest
    /// probe of the systems. Zero once the incident is resolved or merged, and where only a person can resolve it.
    pub(crate) fn confirmation(&self, incident: &Incident) -> SignedDuration {
        let is_over = incident.resolved_at.is_some() || incident.merged.is_some();
        if is_over || incident.waits_for_person() {
            return SignedDuration::ZERO;
        }
        let known = self.configurations.in_force_at(incident.opened_at);
        let slowest = |catalogue: &Catalogue, system: &SystemId| {
            let probes = catalogue.system(system.as_str())?.probes.iter();
            probes.map(Probe::longest_confirmation_ms).max()
        };
        let waits = incident.systems.iter();
        let longest = known.and_then(|c| waits.filter_map(|s| slowest(c, s)).max());
        SignedDuration::from_millis(longest.unwrap_or(0))
    }

    /// Computes the clocks of an incident again after an event that concerns them.
    pub(super) fn refresh_clocks(&mut self, id: IncidentId) {
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        if incident.handling.ratings.is_empty() {
            return;
        }
        let at = self.as_of.unwrap_or(incident.opened_at);
        // The zones of a stored configuration were checked when it was read.
        let mut clocks = self.clocks(incident, at).unwrap_or_default();
        clocks.next = self.next_decision(incident, &clocks, at);
        self.incidents.change(id, |i| i.handling.clocks = clocks);
    }
}
