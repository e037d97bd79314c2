//! Every configuration with the time from which it was in force, and what was agreed at a time.

use std::sync::Arc;

use jiff::Timestamp;

use crate::calendar::{self, UnknownZone};
use crate::catalogue::{Catalogue, Kind, System};
use crate::id::{CustomerId, SystemId};
use crate::months::{Months, Zones};
use crate::policy::{Hours, Policy, Target};
use crate::windows;

/// Every configuration, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configurations {
    /// When each came into force, and by whom.
    all: Vec<(Timestamp, String, Arc<Catalogue>)>,
}

impl Configurations {
    /// Every configuration, with when it came into force and by whom.
    pub fn all(&self) -> &[(Timestamp, String, Arc<Catalogue>)] {
        &self.all
    }

    /// A configuration comes into force. It is later than all others.
    pub fn enter(&mut self, at: Timestamp, by: String, catalogue: Arc<Catalogue>) {
        self.all.push((at, by, catalogue));
    }

    /// The configuration in force at `at`; before the first configuration, the first. `None` if there is
    /// none.
    pub fn in_force_at(&self, at: Timestamp) -> Option<&Catalogue> {
        let mut last_first = self.all.iter().rev();
        let found = last_first.find(|(from, _, _)| *from <= at);
        let (_, _, catalogue) = found.or_else(|| self.all.first())?;
        Some(catalogue)
    }

    /// The configured terms of a system's windows in order of time. The first terms hold from the
    /// beginning of time, the last of a removed system for ever.
    pub(super) fn terms_of(&self, system: &SystemId) -> Vec<Terms<'_>> {
        let mut all: Vec<Terms<'_>> = Vec::new();
        for (at, _, catalogue) in &self.all {
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

    /// The customers who must be told about a one-off window: those of its systems at the deadline
    /// for notices. Later changes do not count, since they would reclassify time that has passed.
    pub fn customers_of_window(&self, entry: &windows::OneOffHistory) -> Vec<CustomerId> {
        let Some((made_at, window)) = entry.versions.get(entry.in_time()) else {
            return Vec::new();
        };
        let deadline = windows::notice_deadline(window).max(*made_at);
        let Some(catalogue) = self.in_force_at(deadline) else {
            return Vec::new();
        };
        catalogue
            .customers
            .iter()
            .filter(|c| c.systems.iter().any(|s| window.systems.contains(s)))
            .map(|c| c.id.clone())
            .collect()
    }

    /// The zones in which a committee's months are kept; `None` if there was never such a
    /// committee.
    ///
    /// # Errors
    /// A configuration names a zone that does not exist.
    pub fn zones_of(&self, committee: &str) -> Result<Option<Zones>, UnknownZone> {
        let mut zones: Option<Zones> = None;
        for (at, _, catalogue) in &self.all {
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
    /// the next.
    pub fn accounted_by(&self, system: &SystemId, from: Timestamp) -> Option<Agreement<'_>> {
        let (_, _, catalogue) = self.all.get(self.accounted_at(system, from)?)?;
        let configured = catalogue.system(system.as_str())?;
        Some(Agreement::of(catalogue, configured))
    }

    /// The place of that configuration among all.
    pub fn accounted_at(&self, system: &SystemId, from: Timestamp) -> Option<usize> {
        let at_first = self.all.iter().rposition(|(at, _, _)| *at <= from);
        let has = |(_, _, catalogue): &(Timestamp, String, Arc<Catalogue>)| {
            catalogue.system(system.as_str()).is_some()
        };
        let first = at_first.unwrap_or(0);
        let found = self.all.iter().skip(first).position(has)?;
        Some(first + found)
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
pub(super) struct Terms<'a> {
    /// The start of these terms.
    pub(super) from: Timestamp,
    /// The hours in which the policy allows planned work.
    pub(super) hours: Option<&'a Hours>,
    /// The `start_grace` of a window that names none, in seconds.
    pub(super) grace_s: i64,
}
