//! The acts of the work on an incident: respond, assess, rate, work around, pause, escalate, merge, report, resolve.

use jiff::Timestamp;

use super::incidents::unmerged;
use super::{earlier_time, given, known, maybe, named, refuse, shown};
use crate::act::{Refusal, Selector};
use crate::actor::Actor;
use crate::decide::outages::are_up;
use crate::event::Fact;
use crate::handling::{Form, Impact, Problem};
use crate::id::{CustomerId, IncidentId};
use crate::incident::Incident;
use crate::policy::Commitments;
use crate::record::Record;
use crate::span::second;
use crate::suggest::unknown;

type Which = Selector<IncidentId>;

/// The selected incident, unless it is closed.
fn open(record: &Record, which: &Which) -> Result<Incident, Refusal> {
    let incident = unmerged(record, which)?;
    match &incident.closed {
        Some((at, _)) => refuse(format!(
            "{} was closed at {}",
            incident.id,
            shown(record, *at)
        )),
        None => Ok(incident),
    }
}

/// The selected incident, unless it is resolved.
fn unresolved(record: &Record, which: &Which) -> Result<Incident, Refusal> {
    let incident = open(record, which)?;
    match incident.resolved_at {
        Some(at) => refuse(format!(
            "{} was resolved at {}",
            incident.id,
            shown(record, at)
        )),
        None => Ok(incident),
    }
}

/// The commitments that hold for an incident.
fn promised<'a>(record: &'a Record, incident: &Incident) -> Result<&'a Commitments, Refusal> {
    record.commitments_of(incident).ok_or_else(|| {
        Refusal(format!(
            "no policy promises anything for {}: its system has no policy with severities, or is a partner's",
            incident.id
        ))
    })
}

/// A recorded answer: the person who was answered, how, and from when it counts.
pub(super) struct Answer<'a> {
    pub whom: &'a str,
    pub how: &'a str,
    pub estimate: Option<Timestamp>,
    pub counts_from: Option<Timestamp>,
    pub approved_by: Option<&'a str>,
}

pub(super) fn respond(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    which: &Which,
    answer: &Answer<'_>,
) -> Result<Fact, Refusal> {
    let incident = open(record, which)?;
    named(answer.whom, "the name of the person who was answered")?;
    named(answer.how, "how they were answered")?;
    ahead(record, at, answer.estimate)?;
    let counts_from = earlier_time(record, at, by, answer.counts_from, answer.approved_by)?;
    let start = record.clocks_start(&incident);
    if counts_from.is_some_and(|from| second(from) < second(start)) {
        return refuse(format!(
            "{} began at {}: it cannot have been answered before that",
            incident.id,
            shown(record, start)
        ));
    }
    Ok(Fact::IncidentResponded {
        incident: incident.id,
        to: answer.whom.trim().to_owned(),
        how: answer.how.trim().to_owned(),
        estimate: answer.estimate,
        counts_from,
        approved_by: answer.approved_by.map(str::to_owned),
    })
}

/// The update with the time at which the problem is expected to be solved.
pub(super) fn estimated(
    record: &Record,
    at: Timestamp,
    mut fact: Fact,
    until: Option<Timestamp>,
) -> Result<Fact, Refusal> {
    ahead(record, at, until)?;
    if let Fact::IncidentUpdated { estimate, .. } = &mut fact {
        *estimate = until;
    }
    Ok(fact)
}

fn ahead(record: &Record, at: Timestamp, estimate: Option<Timestamp>) -> Result<(), Refusal> {
    match estimate {
        Some(estimate) if estimate <= at => refuse(format!(
            "the estimate {} is not in the future (it is {})",
            shown(record, estimate),
            shown(record, at)
        )),
        _ => Ok(()),
    }
}

pub(super) fn assess(record: &Record, which: &Which, impact: Impact) -> Result<Fact, Refusal> {
    let incident = open(record, which)?;
    if impact == Impact::default() {
        return refuse(
            "an impact needs one of share, customers, flags, prevents_access and component",
        );
    }
    if impact.share_ppm.is_some_and(|share| share > 1_000_000) {
        return refuse("a share of users is at most 100%");
    }
    for customer in impact.customers.iter().flatten() {
        let all = record.catalogue.customers.iter().map(|c| c.id.as_str());
        if record.catalogue.customer(customer.as_str()).is_none() {
            return refuse(unknown("customer", customer.as_str(), all));
        }
    }
    Ok(Fact::IncidentAssessed {
        incident: incident.id,
        impact,
    })
}

pub(super) fn severity(
    record: &Record,
    which: &Which,
    severity: &str,
    reason: &str,
) -> Result<Fact, Refusal> {
    let incident = open(record, which)?;
    let commitments = promised(record, &incident)?;
    given(reason, "the reason")?;
    let all = commitments.severities.iter().map(|s| s.id.as_str());
    if commitments.severity(severity).is_none() {
        return refuse(unknown("severity", severity, all));
    }
    if incident.handling.severity() == Some(severity) {
        return refuse(format!("{} has severity {severity} already", incident.id));
    }
    let Some(policy) = incident.handling.policy else {
        return refuse(format!("{} has no policy", incident.id));
    };
    Ok(Fact::IncidentRated {
        incident: incident.id,
        policy,
        severity: severity.to_owned(),
        reason: Some(reason.trim().to_owned()),
    })
}

pub(super) fn workaround(record: &Record, which: &Which, text: &str) -> Result<Fact, Refusal> {
    let incident = unresolved(record, which)?;
    given(text, "the workaround")?;
    if let Some(known) = &incident.handling.workaround {
        return refuse(format!(
            "{} has a workaround since {}; post an update about another one",
            incident.id,
            shown(record, known.at)
        ));
    }
    Ok(Fact::WorkaroundFound {
        incident: incident.id,
        text: text.trim().to_owned(),
    })
}

pub(super) fn pause(record: &Record, which: &Which, reason: &str) -> Result<Fact, Refusal> {
    let incident = unresolved(record, which)?;
    promised(record, &incident)?;
    given(reason, "the reason")?;
    if incident.handling.is_paused() {
        return refuse(format!("the clocks of {} are paused already", incident.id));
    }
    Ok(Fact::IncidentPaused {
        incident: incident.id,
        reason: reason.trim().to_owned(),
    })
}

pub(super) fn resume(record: &Record, which: &Which) -> Result<Fact, Refusal> {
    let incident = open(record, which)?;
    if !incident.handling.is_paused() {
        return refuse(format!("the clocks of {} are not paused", incident.id));
    }
    Ok(Fact::IncidentResumed {
        incident: incident.id,
    })
}

pub(super) fn escalate(record: &Record, which: &Which, reason: &str) -> Result<Fact, Refusal> {
    let incident = unresolved(record, which)?;
    let commitments = promised(record, &incident)?;
    given(reason, "the reason")?;
    let severity = incident.handling.severity().unwrap_or_default();
    let levels = incident.handling.clocks.levels.iter();
    let notified = levels.filter(|l| l.state.is_notified());
    let highest = notified.map(|l| l.level).max().unwrap_or(0);
    let mut above = commitments.levels(severity).into_iter();
    if !above.any(|level| level.level > highest) {
        return refuse(match highest {
            0 => format!("the policy has no level of escalation for severity {severity}"),
            n => format!("level {n} is the highest level for severity {severity}"),
        });
    }
    Ok(Fact::IncidentEscalated {
        incident: incident.id,
        reason: reason.trim().to_owned(),
    })
}

pub(super) fn disaster(record: &Record, which: &Which, reason: &str) -> Result<Fact, Refusal> {
    let incident = unresolved(record, which)?;
    let commitments = promised(record, &incident)?;
    given(reason, "the reason")?;
    if commitments.disaster_recovery.is_none() {
        return refuse("the policy promises no recovery from a disaster");
    }
    if let Some(known) = &incident.handling.disaster {
        return refuse(format!(
            "{} declared it at {}",
            known.by,
            shown(record, known.at)
        ));
    }
    Ok(Fact::DisasterDeclared {
        incident: incident.id,
        reason: reason.trim().to_owned(),
    })
}

pub(super) fn merge(
    record: &Record,
    which: &Which,
    into: &Which,
    reason: &str,
) -> Result<Fact, Refusal> {
    let (other, into) = (open(record, which)?, open(record, into)?);
    given(reason, "the reason")?;
    if other.id == into.id {
        return refuse(format!("{} cannot be merged into itself", other.id));
    }
    if record.clocks_start(&other) < record.clocks_start(&into) {
        return refuse(format!(
            "{} began before {}: the earlier incident goes on; merge {} into {}",
            other.id, into.id, into.id, other.id
        ));
    }
    if other.handling.policy != into.handling.policy {
        return refuse(format!(
            "{} and {} have different policies, so their clocks differ: they stay apart",
            other.id, into.id
        ));
    }
    Ok(Fact::IncidentMerged {
        incident: other.id,
        into: into.id,
        reason: reason.trim().to_owned(),
    })
}

pub(super) fn report_problem(
    record: &Record,
    at: Timestamp,
    problem: Problem,
) -> Result<Fact, Refusal> {
    given(&problem.text, "the text of the report")?;
    for system in &problem.systems {
        known(record, system)?;
    }
    match (&problem.form, &problem.customer) {
        (None, Some(customer)) => reported_by(record, customer, &problem)?,
        (None, None) => return refuse("a customer is missing: name the customer who reports it"),
        (Some(form), None) => reported_by_form(record, form, &problem)?,
        (Some(_), Some(_)) => {
            return refuse("a report by the public form names no customer: leave the customer out");
        }
    }
    if problem.received > at {
        return refuse(format!(
            "{} is in the future (it is {})",
            shown(record, problem.received),
            shown(record, at)
        ));
    }
    let mut all = record.incidents.unresolved();
    let is_about =
        |incident: &&Incident| problem.systems.iter().any(|s| incident.systems.contains(s));
    let incident = all.find(is_about).map(|incident| incident.id);
    Ok(Fact::ProblemReported {
        incident: incident.unwrap_or_else(|| record.incidents.next_id()),
        problem,
    })
}

fn reported_by(record: &Record, customer: &CustomerId, problem: &Problem) -> Result<(), Refusal> {
    let all = record.catalogue.customers.iter().map(|c| c.id.as_str());
    let Some(customer) = record.catalogue.customer(customer.as_str()) else {
        return refuse(unknown("customer", customer.as_str(), all));
    };
    named(&problem.reporter, "the name of the reporter")?;
    let other = problem.systems.iter();
    let mut other = other.filter(|system| !customer.systems.contains(system));
    other.next().map_or(Ok(()), |system| {
        refuse(format!("{} does not use {system}", customer.id))
    })
}

fn reported_by_form(record: &Record, form: &Form, problem: &Problem) -> Result<(), Refusal> {
    named(&form.issue, "the type of issue")?;
    if !problem.reporter.is_empty() {
        return refuse(
            "a report by the public form names its reporter by number: leave the name out",
        );
    }
    let all = record.catalogue.policies.iter().map(|p| p.id.as_str());
    match &form.policy {
        Some(policy) if record.catalogue.policy(policy.as_str()).is_none() => {
            refuse(unknown("policy", policy.as_str(), all))
        }
        _ => Ok(()),
    }
}

pub(super) fn resolve(record: &Record, which: &Which, text: Option<&str>) -> Result<Fact, Refusal> {
    let incident = unresolved(record, which)?;
    maybe(text, "the text")?;
    if !are_up(record, &incident) {
        return refuse(format!("a system of {} is not up", incident.id));
    }
    Ok(Fact::IncidentResolved {
        incident: incident.id,
        text: text.map(|text| text.trim().to_owned()),
    })
}
