//! Incidents: texts, timeline, customers told, missing texts and open preventive measures.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::model::{IncidentLine, MeasureLine, MeasureState, Moment, OpenMeasure, Step};
use super::scope::Scope;
use super::{Error, clocks, notified, words};
use crate::id::{OutageId, SystemId};
use crate::incident::{Certainty, Incident, Measure};
use crate::record::Outage;

/// Incidents that were opened in the month or belong to one of `outages`.
pub(super) fn lines(
    scope: &Scope<'_>,
    outages: &BTreeSet<OutageId>,
) -> Result<Vec<IncidentLine>, Error> {
    of_month(scope, outages).map(|i| line(scope, i)).collect()
}

/// Incidents that were opened in the month or belong to one of `outages`.
pub(super) fn of_month<'a>(
    scope: &'a Scope<'a>,
    outages: &'a BTreeSet<OutageId>,
) -> impl Iterator<Item = &'a Incident> {
    let all = scope.record.incidents.all();
    all.filter(|i| scope.concerns(i)).filter(|i| {
        scope.period.contains(i.opened_at) || i.outages.iter().any(|o| outages.contains(o))
    })
}

/// Measures of incidents of this and earlier months that are not done.
pub(super) fn open_measures(scope: &Scope<'_>) -> Vec<OpenMeasure> {
    let mut open: Vec<OpenMeasure> = scope
        .record
        .incidents
        .all()
        .filter(|i| scope.any(&i.systems) && i.opened_at < scope.period.to)
        .flat_map(|i| {
            let open = |m: &&Measure| !i.done.contains_key(&m.text);
            i.review.measures.iter().filter(open).map(|m| OpenMeasure {
                incident: i.id.to_string(),
                opened: Moment::of(i.opened_at, &scope.zone),
                systems: scope.ours(&i.systems),
                text: m.text.clone(),
                owner: m.owner.clone(),
                due: m.due,
                state: state(scope, m),
            })
        })
        .collect();
    // The sort is stable: measures with the same date stay in the order of their incidents.
    open.sort_by_key(|m| m.due);
    open
}

fn measure(scope: &Scope<'_>, incident: &Incident, measure: &Measure) -> MeasureLine {
    let done = incident.done.get(&measure.text);
    MeasureLine {
        text: measure.text.clone(),
        owner: measure.owner.clone(),
        due: measure.due,
        state: match done {
            Some(_) => MeasureState::Done,
            None => state(scope, measure),
        },
        done: done.map(|d| Moment::of(d.at, &scope.zone)),
        done_by: done.map(|d| d.by.clone()),
        note: done.and_then(|d| d.note.clone()),
    }
}

fn state(scope: &Scope<'_>, measure: &Measure) -> MeasureState {
    let today = scope.as_of.to_zoned(scope.zone.clone()).date();
    if measure.due < today {
        MeasureState::Overdue
    } else {
        MeasureState::Open
    }
}

fn line(scope: &Scope<'_>, incident: &Incident) -> Result<IncidentLine, Error> {
    let moment = |at: Timestamp| Moment::of(at, &scope.zone);
    let review = &incident.review;
    let ours: Vec<&Outage> = ours(scope, incident);
    let (told, words, _) = notified::of(scope, incident, &ours);
    let taken = incident.acknowledged.as_ref();
    Ok(IncidentLine {
        incident: incident.id.to_string(),
        severity: incident.handling.severity().map(str::to_owned),
        systems: scope.ours(&incident.systems),
        outages: ours.iter().map(|o| o.id.to_string()).collect(),
        cause: incident.cause,
        opened: moment(incident.opened_at),
        acknowledged: taken.map(|a| moment(a.at)),
        acknowledged_by: taken.map(|a| a.by.clone()),
        acknowledged_recorded: taken
            .filter(|a| a.at < a.recorded_at)
            .map(|a| moment(a.recorded_at)),
        acknowledged_approved_by: taken.and_then(|a| a.approved_by.clone()),
        unstable: !incident.flapping.is_empty(),
        merged_into: incident.merged.map(|(_, into)| into.to_string()),
        resolved: incident.resolved_at.map(moment),
        closed: incident.closed.as_ref().map(|(at, _)| moment(*at)),
        closed_by: incident.closed.as_ref().map(|(_, by)| by.clone()),
        closed_without: incident.closed_without.clone(),
        summary: review.summary.clone(),
        root_cause: review.root_cause.clone(),
        root_cause_certainty: review
            .root_cause
            .as_ref()
            .map(|_| review.certainty.unwrap_or(Certainty::Confirmed)),
        resolution: review.resolution.clone(),
        measures: review
            .measures
            .iter()
            .map(|m| measure(scope, incident, m))
            .collect(),
        clocks: clocks::of_incident(scope, incident)?,
        missing: incident.missing(),
        timeline: timeline(scope, incident, &ours, &words, told.len()),
        told,
    })
}

/// The outages of an incident that the committee sees.
pub(super) fn ours<'a>(scope: &Scope<'a>, incident: &Incident) -> Vec<&'a Outage> {
    incident
        .outages
        .iter()
        .filter_map(|id| scope.record.outages.get(id))
        .map(|o| &**o)
        .filter(|o| scope.systems.contains_key(&o.system))
        .collect()
}

fn timeline(
    scope: &Scope<'_>,
    incident: &Incident,
    outages: &[&Outage],
    told: &[notified::Word],
    customers: usize,
) -> Vec<Step> {
    let mut steps: Vec<(Timestamp, String)> = Vec::new();
    for outage in outages {
        outage_steps(scope, outage, &mut steps);
    }
    steps.push((
        incident.opened_at,
        format!("Incident {} opened", incident.id),
    ));
    steps.extend(notified::steps(told, customers));
    if let Some(taken) = &incident.acknowledged {
        let recorded = match &taken.approved_by {
            Some(other) => format!(
                " (recorded {}, approved by {other})",
                words::instant(taken.recorded_at, &scope.zone)
            ),
            None => String::new(),
        };
        steps.push((taken.at, format!("Acknowledged by {}{recorded}", taken.by)));
    }
    for (at, by) in &incident.reviewed {
        steps.push((*at, format!("Review written by {by}")));
    }
    for update in incident.updates.iter().filter(|u| u.public) {
        let phase = update
            .phase
            .map_or(String::new(), |p| format!(" ({})", p.word()));
        steps.push((
            update.at,
            format!("Update by {}{phase}: {}", update.by, update.text),
        ));
    }
    for text in &incident.handling.confirmed_texts {
        let (kinds, said) = (text.kinds(), &text.said);
        let what = format!(
            "A text that looks like {kinds} confirmed by {} to be something else: {}",
            said.by, said.text
        );
        steps.push((said.at, what));
    }
    if let Some(withdrawn) = &incident.withdrawn {
        let what = format!(
            "Withdrawn as a false alarm by {}: {}",
            withdrawn.by, withdrawn.reason
        );
        steps.push((withdrawn.at, what));
    }
    for measure in &incident.review.measures {
        if let Some(done) = incident.done.get(&measure.text) {
            let what = format!("Measure done, reported by {}: {}", done.by, measure.text);
            steps.push((done.at, what));
        }
    }
    stability_steps(scope, incident, &mut steps);
    if let Some(at) = incident.resolved_at {
        let what = if outages.iter().any(|o| o.is_unwatched()) {
            "Resolved: no system that is still monitored is down"
        } else {
            "Resolved: every affected system is up"
        };
        steps.push((at, what.to_owned()));
    }
    if let Some((at, by)) = &incident.closed {
        steps.push((*at, format!("Closed by {by}")));
    }
    // The sort is stable: steps with the same time stay in the order above.
    steps.sort_by_key(|(at, _)| words::floor(*at));
    steps
        .into_iter()
        .map(|(at, what)| Step {
            at: Moment::of(at, &scope.zone),
            what,
        })
        .collect()
}

fn stability_steps(scope: &Scope<'_>, incident: &Incident, steps: &mut Vec<(Timestamp, String)>) {
    let ours = |system: &SystemId| scope.systems.contains_key(system);
    for (at, system, outages) in incident.flapping.iter().filter(|f| ours(&f.1)) {
        let ids: Vec<String> = outages.iter().map(ToString::to_string).collect();
        let (name, ids) = (scope.name(system), ids.join(", "));
        let what = if outages.len() > 1 {
            format!("{name} unstable: outages {ids} within an hour form one incident")
        } else {
            format!("{name} still unstable: outage {ids} joins the incident")
        };
        steps.push((*at, what));
    }
    for (at, system) in incident.settled.iter().filter(|s| ours(&s.1)) {
        let name = scope.name(system);
        steps.push((*at, format!("{name} up long enough: no longer unstable")));
    }
    if let Some((at, into)) = incident.merged {
        steps.push((at, format!("Merged into {into}")));
    }
}

fn outage_steps(scope: &Scope<'_>, outage: &Outage, steps: &mut Vec<(Timestamp, String)>) {
    let name = scope.name(&outage.system);
    match &outage.declared {
        Some((_, by)) => {
            steps.push((outage.start, format!("{name} unavailable, as declared")));
            steps.push((
                outage.detected_at,
                format!("Outage {} declared by {by}", outage.id),
            ));
        }
        None => {
            let reason = outage.reason.map_or(String::new(), |r| format!(" ({r})"));
            steps.push((
                outage.start,
                format!("{name} unavailable{reason}: first bad sample"),
            ));
            steps.push((
                outage.detected_at,
                format!("Outage {} confirmed", outage.id),
            ));
        }
    }
    if let Some((at, window)) = &outage.overrun {
        steps.push((
            *at,
            format!(
                "{} overran: unplanned from now on",
                words::window("The maintenance window", window)
            ),
        ));
    }
    match (outage.end, outage.unobserved) {
        (Some(end), _) if outage.is_unwatched() => steps.push((
            end,
            format!("{name}: the failing check was removed; recovery time unknown"),
        )),
        (Some(end), None) => steps.push((end, format!("{name} available again"))),
        (Some(_), Some(span)) => steps.push((
            span.to,
            format!(
                "{name} found available; it recovered unobserved after {}",
                words::instant(span.from, &scope.zone)
            ),
        )),
        (None, _) => {}
    }
}
