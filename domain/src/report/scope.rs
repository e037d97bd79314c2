//! The scope of a report: the month in its zone, its systems, and the configuration that holds for
//! each.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Error;
use crate::calendar::{self, Month};
use crate::catalogue::{Catalogue, Committee, System};
use crate::handling::Problem;
use crate::id::{CustomerId, PolicyId, SystemId};
use crate::incident::Incident;
use crate::months::Zones;
use crate::policy::{Policy, Target};
use crate::record::{Agreement, Record};
use crate::span::Span;

/// A configuration and the span in which it was in force.
#[derive(Clone, Copy)]
pub(super) struct InForce<'a> {
    /// `to` is `None` if no other configuration followed.
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub by: &'a str,
    pub catalogue: &'a Catalogue,
}

impl InForce<'_> {
    pub fn touches(&self, span: Span) -> bool {
        self.from < span.to && self.to.is_none_or(|to| to > span.from && to > self.from)
    }
}

pub(super) struct Overseen<'a> {
    /// The latest name.
    pub name: &'a str,
    /// As configured at the month's first instant, or first after that.
    pub system: &'a System,
    /// The policy of that configuration.
    pub policy: Option<&'a Policy>,
    /// A partner's system has no target.
    pub target: Option<Target>,
    /// When it was added, if after the month's first instant.
    pub added: Option<Timestamp>,
    /// When it was removed, if in the month.
    pub removed: Option<Timestamp>,
}

/// The time that a report covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Only a month's report can be approved.
    Month(Month),
    /// Whole local days from the first up to and not including the second.
    Days(Date, Date),
}

impl Period {
    /// `month` or `period`, as sentences name it.
    pub fn word(self) -> &'static str {
        match self {
            Period::Month(_) => "month",
            Period::Days(..) => "period",
        }
    }

    /// `October 2026`, or the first and the last day.
    pub(super) fn name(self) -> String {
        match self {
            Period::Month(month) => month.first().strftime("%B %Y").to_string(),
            Period::Days(from, to) => {
                let last = to.yesterday().unwrap_or(to);
                let day = |date: Date| date.strftime("%-d %B %Y").to_string();
                match from == last {
                    true => day(from),
                    false => format!("{} to {}", day(from), day(last)),
                }
            }
        }
    }

    /// Its seconds and its zone in the sequence of the committee's months, and the month whose
    /// agreements count: that of its first instant.
    fn place(self, zones: &Zones) -> (Span, TimeZone, Month) {
        match self {
            Period::Month(month) => {
                let (span, zone) = zones.month(month);
                (span, zone.clone(), month)
            }
            Period::Days(from, to) => {
                let month = Month::new(from.year(), from.month());
                let month = month.unwrap_or_else(|| Month::of(Timestamp::MIN, &TimeZone::UTC));
                let zone = zones.month(month).1.clone();
                let midnight = |date: Date| calendar::midnight(date, &zone);
                (Span::new(midnight(from), midnight(to)), zone, month)
            }
        }
    }
}

/// `2026-10`, or `2026-10-01/2026-10-15`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Month(month) => month.fmt(f),
            Period::Days(from, to) => write!(f, "{from}/{to}"),
        }
    }
}

pub(super) struct Scope<'a> {
    pub record: &'a Record,
    pub committee: &'a Committee,
    pub service: &'a str,
    /// The zone in force at the month's first instant.
    pub zone: TimeZone,
    /// The zones in which this and other months are kept.
    pub zones: Zones,
    pub covers: Period,
    /// The month or the days in the sequence of the committee's months.
    pub period: Span,
    /// The first instant of the month whose agreements count.
    pub agreed_at: Timestamp,
    /// The time of the ledger's last event.
    pub as_of: Timestamp,
    /// The configurations that were in force in the month, in order.
    pub configured: Vec<InForce<'a>>,
    /// The systems that the committee oversaw in the month.
    pub systems: BTreeMap<&'a SystemId, Overseen<'a>>,
}

impl<'a> Scope<'a> {
    pub fn of(record: &'a Record, committee: &str, covers: Period) -> Result<Self, Error> {
        let all = in_force(record);
        let as_of = record.as_of.ok_or(Error::NothingRecorded)?;
        let (committee, zones) = place(record, &all, committee, covers)?;
        let (period, zone, month) = covers.place(&zones);
        if period.is_empty() {
            return Err(Error::NoDay);
        }
        if as_of < period.from {
            return Err(Error::NotBegun {
                month: covers.to_string(),
            });
        }
        let configured: Vec<InForce<'a>> = all.into_iter().filter(|c| c.touches(period)).collect();
        let last = configured.last().ok_or(Error::BeforeTheLedger {
            month: covers.to_string(),
        })?;
        let service = last.catalogue.service.as_str();
        let agreed_at = zones.month(month).0.from;
        let systems = overseen(record, &configured, committee, period, agreed_at);
        Ok(Self {
            record,
            committee,
            service,
            zone,
            zones,
            covers,
            period,
            agreed_at,
            as_of,
            configured,
            systems,
        })
    }

    /// True if the committee oversees any of these systems.
    pub fn any(&self, systems: &[SystemId]) -> bool {
        systems.iter().any(|s| self.systems.contains_key(s))
    }

    /// True if the committee oversees a system of the incident. A report without a system concerns the committee of
    /// its customer's first system; one by the public form, every committee of a system under its policy.
    pub fn concerns(&self, incident: &Incident) -> bool {
        let first = |customer: &CustomerId| {
            let at = self.record.configurations.in_force_at(incident.opened_at)?;
            at.customer(customer.as_str())?.systems.first().cloned()
        };
        let under = |policy: &PolicyId| {
            let at = self.record.configurations.in_force_at(incident.opened_at);
            let systems = at.into_iter().flat_map(|at| &at.systems);
            systems
                .filter(|system| system.policy.as_ref() == Some(policy))
                .any(|system| self.systems.contains_key(&system.id))
        };
        let is_ours = |problem: &Problem| match (&problem.form, &problem.customer) {
            (Some(form), _) => form.policy.as_ref().is_some_and(under),
            (None, Some(customer)) => first(customer).is_some_and(|s| self.any(&[s])),
            (None, None) => false,
        };
        self.any(&incident.systems)
            || incident.systems.is_empty() && incident.handling.problems.iter().any(is_ours)
    }

    /// The names of those of these systems that the committee oversees.
    pub fn ours(&self, systems: &[SystemId]) -> Vec<String> {
        systems
            .iter()
            .filter(|s| self.systems.contains_key(s))
            .map(SystemId::to_string)
            .collect()
    }

    pub fn name(&self, system: &SystemId) -> String {
        self.systems
            .get(system)
            .map_or_else(|| system.to_string(), |s| s.name.to_owned())
    }

    /// True if the month or the days were still running at the ledger's last event.
    pub fn so_far(&self) -> bool {
        self.as_of < self.period.to
    }

    /// The part of the month up to the ledger's last event.
    pub fn seen(&self) -> Span {
        Span::new(self.period.from, self.period.to.min(self.as_of))
    }
}

/// True if `[start, end)` and `span` share an instant. An open end is in the future.
pub(super) fn touches(start: Timestamp, end: Option<Timestamp>, span: Span) -> bool {
    start < span.to && end.is_none_or(|end| end > span.from && end > start)
}

/// Every configuration with the span in which it was in force.
pub(super) fn in_force(record: &Record) -> Vec<InForce<'_>> {
    let all = record.configurations.all();
    all.iter()
        .enumerate()
        .map(|(i, (from, by, catalogue))| InForce {
            from: *from,
            to: all.get(i + 1).map(|(next, _, _)| *next),
            by,
            catalogue,
        })
        .collect()
}

/// The committee as configured at the month's first instant, or first after that. A committee that
/// is configured only before or after the month is found too: an empty month is not an unknown
/// committee.
fn place<'a>(
    record: &Record,
    all: &[InForce<'a>],
    id: &str,
    covers: Period,
) -> Result<(&'a Committee, Zones), Error> {
    let unknown = || Error::UnknownCommittee {
        committee: id.to_owned(),
        known: known(all),
    };
    let zones = record.configurations.zones_of(id)?.ok_or_else(unknown)?;
    let from = covers.place(&zones).0.from;
    let mut found: Option<&'a Committee> = None;
    for entry in all {
        let known = entry.catalogue.committee(id);
        if found.is_none() || entry.from <= from {
            found = known.or(found);
        }
    }
    Ok((found.ok_or_else(unknown)?, zones))
}

fn known(all: &[InForce<'_>]) -> String {
    let ids: std::collections::BTreeSet<&str> = all
        .iter()
        .flat_map(|c| c.catalogue.committees.iter().map(|c| c.id.as_str()))
        .collect();
    ids.into_iter().collect::<Vec<_>>().join(", ")
}

fn overseen<'a>(
    record: &'a Record,
    configured: &[InForce<'a>],
    committee: &'a Committee,
    period: Span,
    agreed_at: Timestamp,
) -> BTreeMap<&'a SystemId, Overseen<'a>> {
    let mut systems: BTreeMap<&'a SystemId, Overseen<'a>> = BTreeMap::new();
    for entry in configured {
        for system in entry.catalogue.overseen_by(&committee.id) {
            if let Some(known) = systems.get_mut(&system.id) {
                known.name = &system.name;
                continue;
            }
            // Another committee may have overseen it at the first instant. The agreement and the
            // target are still those of that instant.
            let Agreement {
                system: first,
                policy,
                target,
            } = record
                .configurations
                .accounted_by(&system.id, agreed_at)
                .unwrap_or_else(|| Agreement::of(entry.catalogue, system));
            let (added, removed) = edges(record, &system.id, period);
            systems.insert(
                &system.id,
                Overseen {
                    name: &system.name,
                    system: first,
                    policy,
                    target,
                    added,
                    removed,
                },
            );
        }
    }
    systems
}

/// When the system was added and removed, if that lies inside the period.
fn edges(
    record: &Record,
    system: &SystemId,
    period: Span,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some(system) = record.systems.get(system) else {
        return (None, None);
    };
    let mut inside = system
        .life
        .iter()
        .filter(|(from, to)| touches(*from, *to, period));
    let first = inside.clone().next();
    let last = inside.next_back();
    (
        first
            .map(|(from, _)| *from)
            .filter(|from| *from > period.from),
        last.and_then(|(_, to)| *to).filter(|to| *to < period.to),
    )
}
