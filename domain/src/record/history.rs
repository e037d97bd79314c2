//! The history of a system for the accounting.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::configurations::Terms;
use super::{ProbeRecord, Record};
use crate::accounting::{BlipHistory, History, OutageHistory, ProbeHistory};
use crate::calendar;
use crate::id::{CustomerId, IncidentId, SystemId};
use crate::months::Zones;
use crate::policy::Policy;
use crate::span::Span;
use crate::windows;

impl Record {
    /// The facts from which the figures of `system` over `over` are computed: all outages, gaps and
    /// faults, and the windows that may matter for `over`.
    pub fn history(&self, system: &SystemId, over: Span) -> History {
        let Some(known) = self.systems.get(system) else {
            return History::default();
        };
        let outages: Vec<OutageHistory> = known
            .outages
            .iter()
            .filter_map(|id| self.outages.get(id))
            .map(|o| OutageHistory {
                id: o.id,
                start: o.start,
                end: o.end,
                declared: o.declared.is_some(),
                reclassified: o.reclassified.is_some(),
                edge_s: o.edge_s,
                flapping: o.incident.filter(|i| self.has_flapped(*i)),
            })
            .collect();
        let exclusions = known
            .outages
            .iter()
            .filter_map(|id| self.outages.get(id))
            .flat_map(|o| o.exclusions.iter())
            .filter(|e| e.approved_by.is_some())
            .map(|e| e.span)
            .collect();
        let over = widened(over, &outages);
        History {
            life: known.life.clone(),
            blips: self
                .probes_of(system)
                .flat_map(|p| p.blips.iter())
                .map(|(span, samples)| BlipHistory {
                    span: *span,
                    samples: *samples,
                })
                .collect(),
            probes: self.probes_of(system).flat_map(probe_history).collect(),
            outages,
            faults: known
                .faults
                .iter()
                .map(|f| f.span)
                .chain(self.monitoring.repeated().iter().copied())
                .collect(),
            exclusions,
            windows: self.windows_of(system, over),
        }
    }

    fn has_flapped(&self, incident: IncidentId) -> bool {
        let known = self.incidents.get(incident);
        known.is_some_and(|i| !i.flapping.is_empty())
    }

    /// All probes that the system ever had.
    pub(crate) fn probes_of(&self, system: &SystemId) -> impl Iterator<Item = &ProbeRecord> {
        self.probes.of_system(system)
    }

    /// The windows of a system that touch `over`, in order of start. Each is held to the
    /// configuration that was in force at its start.
    pub fn windows_of(&self, system: &SystemId, over: Span) -> Vec<windows::Occurrence> {
        let terms = self.configurations.terms_of(system);
        let ends = terms.iter().skip(1).map(|t| t.from);
        let mut found: Vec<windows::Occurrence> = terms
            .iter()
            .zip(ends.chain([Timestamp::MAX]))
            .flat_map(|(terms, until)| {
                let held = self.windows_under(system, over, terms);
                let from = terms.from;
                held.into_iter()
                    .filter(move |o| from <= o.span.from && o.span.from < until)
            })
            .collect();
        found.sort_by(|a, b| (a.span.from, &a.id).cmp(&(b.span.from, &b.id)));
        found
    }

    fn windows_under(
        &self,
        system: &SystemId,
        over: Span,
        terms: &Terms<'_>,
    ) -> Vec<windows::Occurrence> {
        let rules = self
            .systems
            .get(system)
            .map(|s| s.rules.as_slice())
            .unwrap_or_default();
        let mut found = windows::recurring(rules, system, terms.grace_s, terms.hours, over);
        for (_, entry) in self.maintenance.all_one_off() {
            let concerned = entry
                .versions
                .iter()
                .any(|(_, w)| w.systems.contains(system));
            // Most windows are long over.
            let near = entry
                .versions
                .last()
                .is_some_and(|(_, w)| w.start < over.to && over.from < w.end);
            if !(concerned && near) {
                continue;
            }
            let customers: Vec<CustomerId> = self.configurations.customers_of_window(entry);
            found.extend(
                windows::one_off(entry, &customers, terms.grace_s, terms.hours)
                    .filter(|o| o.span.from < over.to && over.from < o.span.to),
            );
        }
        found
    }

    /// The zone of the committee that oversees a system, in the current configuration.
    pub fn zone_of(&self, system: &SystemId) -> Option<TimeZone> {
        let committee = self.catalogue.system(system.as_str()).map(|s| &s.committee);
        let name = committee
            .and_then(|c| self.catalogue.committee(c.as_str()))
            .map_or(self.catalogue.zone.as_str(), |c| c.zone.as_str());
        calendar::zone(name).ok()
    }

    /// The months of the committee that oversees a system, in the current configuration.
    pub fn months_of(&self, system: &SystemId) -> Option<Zones> {
        let configured = self.catalogue.system(system.as_str());
        let committee =
            configured.and_then(|s| self.configurations.zones_of(s.committee.as_str()).ok()?);
        committee.or_else(|| Some(Zones::new(self.zone_of(system)?)))
    }

    /// The policy of a system in the current configuration, for future windows. For the past use
    /// [`Configurations::policy_of_month`](super::Configurations::policy_of_month).
    pub fn policy_of(&self, system: &SystemId) -> Option<&Policy> {
        let policy = self.catalogue.system(system.as_str())?.policy.as_ref()?;
        self.catalogue.policy(policy.as_str())
    }
}

/// A probe's states, once for each span in which its failures affected one thing, so that a change
/// of `affects` does not change older months.
fn probe_history(known: &ProbeRecord) -> impl Iterator<Item = ProbeHistory> {
    known.affecting().map(|(affects, from, to)| ProbeHistory {
        affects,
        life: known
            .life
            .iter()
            .map(|(born_at, died_at)| {
                let died_at =
                    died_at.map_or(to, |died_at| Some(to.map_or(died_at, |to| died_at.min(to))));
                ((*born_at).max(from), died_at)
            })
            .filter(|(born_at, died_at)| died_at.is_none_or(|died_at| *born_at < died_at))
            .collect(),
        down: known.down.clone(),
        degraded: known.degraded.clone(),
        silent: known.silent.iter().map(|s| (s.0, s.1)).collect(),
    })
}

/// `over`, extended by the outages that touch it, their flapping incidents, and earlier time that
/// may matter.
fn widened(over: Span, outages: &[OutageHistory]) -> Span {
    /// More than a month: a monthly allowance is shared by a month, and planned time may continue
    /// through windows of a week.
    const BEFORE: SignedDuration = SignedDuration::from_hours(40 * 24);
    let end = |o: &OutageHistory| o.end.unwrap_or(over.to);
    let touches = |o: &&OutageHistory| o.start < over.to && over.from <= end(o);
    let related: BTreeSet<IncidentId> = outages
        .iter()
        .filter(touches)
        .filter_map(|o| o.flapping)
        .collect();
    let mut wide = over;
    for outage in outages {
        if touches(&outage) || outage.flapping.is_some_and(|i| related.contains(&i)) {
            wide.from = wide.from.min(outage.start);
            wide.to = wide.to.max(end(outage));
        }
    }
    wide.from = wide.from.checked_sub(BEFORE).unwrap_or(Timestamp::MIN);
    wide
}
