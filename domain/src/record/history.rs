//! The history of a system for the accounting, and the agreement in force at a given time.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{ProbeRecord, Record};
use crate::accounting::{BlipHistory, History, OutageHistory, ProbeHistory};
use crate::calendar::{self, UnknownZone};
use crate::catalogue::{Catalogue, Kind, System};
use crate::id::{CustomerId, IncidentId, SystemId};
use crate::months::{Months, Zones};
use crate::policy::{Hours, Policy, Target};
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
        let terms = self.terms_of(system);
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

    /// The configured terms of a system's windows in order of time. The first terms hold from the
    /// beginning of time, the last of a removed system for ever.
    fn terms_of(&self, system: &SystemId) -> Vec<Terms<'_>> {
        let mut all: Vec<Terms<'_>> = Vec::new();
        for (at, _, catalogue) in &self.catalogues {
            let Some(configured) = catalogue.system(system.as_str()) else {
                continue;
            };
            let policy = configured.policy.as_ref();
            let policy = policy.and_then(|id| catalogue.policy(id.as_str()));
            let hours = policy.and_then(|p| p.planned_hours.as_ref());
            let grace_s = configured.grace_s();
            let same = |t: &Terms<'_>| t.hours == hours && t.grace_s == grace_s;
            if !all.last().is_some_and(same) {
                let from = if all.is_empty() { Timestamp::MIN } else { *at };
                all.push(Terms {
                    from,
                    hours,
                    grace_s,
                });
            }
        }
        all
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
            let customers: Vec<CustomerId> = self.customers_of_window(entry);
            found.extend(
                windows::one_off(entry, &customers, terms.grace_s, terms.hours)
                    .filter(|o| o.span.from < over.to && over.from < o.span.to),
            );
        }
        found
    }

    /// The customers who must be told about a one-off window: those of its systems at the deadline
    /// for notices. Later changes do not count, since they would reclassify time that has passed.
    pub(crate) fn customers_of_window(&self, entry: &windows::OneOffHistory) -> Vec<CustomerId> {
        let Some((made_at, window)) = entry.versions.get(entry.in_time()) else {
            return Vec::new();
        };
        let catalogue = self.in_force_at(windows::notice_deadline(window).max(*made_at));
        catalogue
            .customers
            .iter()
            .filter(|c| c.systems.iter().any(|s| window.systems.contains(s)))
            .map(|c| c.id.clone())
            .collect()
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
        let committee = configured.and_then(|s| self.zones_of(s.committee.as_str()).ok()?);
        committee.or_else(|| Some(Zones::new(self.zone_of(system)?)))
    }

    /// The zones in which a committee's months are kept; `None` if there was never such a
    /// committee.
    ///
    /// # Errors
    /// A configuration names a zone that does not exist.
    pub fn zones_of(&self, committee: &str) -> Result<Option<Zones>, UnknownZone> {
        let mut zones: Option<Zones> = None;
        for (at, _, catalogue) in &self.catalogues {
            let Some(known) = catalogue.committee(committee) else {
                continue;
            };
            let zone = calendar::zone(&known.zone)?;
            match &mut zones {
                Some(zones) => zones.change(*at, zone),
                None => zones = Some(Zones::new(zone)),
            }
        }
        Ok(zones)
    }

    /// The agreement for a system's month: the configuration in force at the month's first instant
    /// `from`, or the first after it that has the system. Changes within a month take effect with
    /// the next (SPEC 6).
    pub fn accounted_by(&self, system: &SystemId, from: Timestamp) -> Option<Agreement<'_>> {
        let at_first = self.catalogues.iter().rposition(|(at, _, _)| *at <= from);
        self.catalogues
            .iter()
            .skip(at_first.unwrap_or(0))
            .find_map(|(_, _, catalogue)| {
                let configured = catalogue.system(system.as_str())?;
                Some(Agreement::of(catalogue, configured))
            })
    }

    /// The policy for the month of `months` that contains `at`. Live decisions use it so that they
    /// agree with the month's report.
    pub fn policy_of_month(
        &self,
        system: &SystemId,
        at: Timestamp,
        months: &dyn Months,
    ) -> Option<&Policy> {
        let from = months.around(at).from;
        self.accounted_by(system, from)?.policy
    }

    /// The policy of a system in the current configuration, for future windows. For the past use
    /// [`Record::policy_of_month`].
    pub fn policy_of(&self, system: &SystemId) -> Option<&Policy> {
        let policy = self.catalogue.system(system.as_str())?.policy.as_ref()?;
        self.catalogue.policy(policy.as_str())
    }

    /// The configuration in force at `at`. Before the first configuration, the first.
    pub fn in_force_at(&self, at: Timestamp) -> &Catalogue {
        self.catalogues
            .iter()
            .rev()
            .find(|(from, _, _)| *from <= at)
            .or_else(|| self.catalogues.first())
            .map_or(&self.catalogue, |(_, _, c)| c)
    }
}

/// The policy and target of a system in one configuration.
#[derive(Clone, Copy, Debug)]
pub struct Agreement<'a> {
    pub system: &'a System,
    pub policy: Option<&'a Policy>,
    /// The system's target, or its policy's. A partner's system has none.
    pub target: Option<Target>,
}

impl<'a> Agreement<'a> {
    pub(crate) fn of(catalogue: &'a Catalogue, system: &'a System) -> Self {
        let policy = system.policy.as_ref();
        let policy = policy.and_then(|p| catalogue.policy(p.as_str()));
        let target = match system.kind {
            Kind::Provided => system.target.or_else(|| policy.and_then(|p| p.target)),
            Kind::Partner => None,
        };
        Self {
            system,
            policy,
            target,
        }
    }
}

/// The terms of a system's windows in one configuration.
struct Terms<'a> {
    /// The start of these terms.
    from: Timestamp,
    /// The hours in which the policy allows planned work.
    hours: Option<&'a Hours>,
    /// The `start_grace` of a window that names none, in seconds.
    grace_s: i64,
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
