//! The acts on outages: declare one, exclude or reclassify downtime, record a fault of the monitor.

use jiff::Timestamp;

use super::{given, known, refuse, second_person, shown, shown_span, unknown_selector};
use crate::accounting;
use crate::act::{Refusal, Selector};
use crate::actor::Actor;
use crate::event::Fact;
use crate::id::{OutageId, SystemId};
use crate::record::{Exclusion, Outage, Record};
use crate::span::{Span, second};

pub(super) fn monitor_fault(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    system: &SystemId,
    span: Span,
    evidence: &str,
    approved_by: &str,
) -> Result<Fact, Refusal> {
    known(record, system)?;
    given(evidence, "the evidence")?;
    second_person(by, approved_by)?;
    let span = past(record, span, at)?;
    in_its_life(record, system, span.from)?;
    Ok(Fact::MonitorFault {
        system: system.clone(),
        span,
        evidence: evidence.to_owned(),
        approved_by: approved_by.to_owned(),
    })
}

pub(super) fn exclude(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    outage: &Selector<OutageId>,
    exclusion: Exclusion,
) -> Result<Fact, Refusal> {
    let Exclusion {
        span,
        reason,
        evidence,
        approved_by,
        ..
    } = exclusion;
    given(&reason, "the reason")?;
    given(&evidence, "the evidence")?;
    if let Some(other) = &approved_by {
        second_person(by, other)?;
    }
    let span = past(record, span, at)?;
    let of = selected(record, outage, |o| {
        o.start < span.to && o.end.is_none_or(|end| span.from < end)
    })?;
    let outage = of.id;
    // Compare whole seconds, as outages are accounted for and printed.
    let after = |end| second(span.to) > second(end);
    if second(span.from) < second(of.start) || of.end.is_some_and(after) {
        return refuse(format!(
            "{} does not lie inside outage {outage}, {}",
            shown_span(record, span),
            edges(record, &of)
        ));
    }
    Ok(Fact::DowntimeExcluded {
        outage,
        span,
        reason,
        evidence,
        approved_by,
    })
}

pub(super) fn reclassify(
    record: &Record,
    at: Timestamp,
    outage: &Selector<OutageId>,
    reason: &str,
) -> Result<Fact, Refusal> {
    given(reason, "the reason")?;
    let of = selected(record, outage, |o| o.end.is_none())
        .or_else(|_| selected(record, outage, |_| true))?;
    let outage = of.id;
    if of.reclassified.is_some() {
        return refuse(format!("outage {outage} is reclassified already"));
    }
    if of.declared.is_some() {
        return refuse(format!(
            "outage {outage} was declared: all of it is unplanned already"
        ));
    }
    if !has_planned_time(record, at, &of) {
        return refuse(format!(
            "outage {outage} has no planned time: all of it is unplanned already"
        ));
    }
    let reason = reason.to_owned();
    Ok(Fact::OutageReclassified { outage, reason })
}

/// True if any second of the outage is planned, or would be if it continued.
fn has_planned_time(record: &Record, at: Timestamp, outage: &Outage) -> bool {
    let system = &outage.system;
    let Some(months) = record.months_of(system) else {
        return false;
    };
    let policy = record
        .configurations
        .policy_of_month(system, outage.start, &months);
    let period = Span::new(outage.start, outage.end.unwrap_or(at));
    let mut history = record.history(system, period);
    // Other declarations about the same seconds do not matter here.
    history.faults.clear();
    history.outages.retain(|o| !o.declared);
    let figures = accounting::account(&history, period, &months, policy, None, at);
    let mut outages = figures.by_outage.iter();
    let excused = || accounting::planned_until(&history, outage.id, &months, policy);
    outages.any(|o| o.id == outage.id && o.planned_s > 0)
        || excused().is_some_and(|excused| excused.from < excused.until)
}

/// Checks that `from` is not before the system was first configured.
fn in_its_life(record: &Record, system: &SystemId, from: Timestamp) -> Result<(), Refusal> {
    let life = record.systems.get(system).map(|s| &s.life);
    match life.and_then(|life| life.first()) {
        Some((born_at, _)) if second(from) < second(*born_at) => refuse(format!(
            "{} is before `{system}` was configured: the earliest start is {}",
            shown(record, from),
            shown(record, *born_at)
        )),
        _ => Ok(()),
    }
}

/// The selected outage; for a system, its last outage that fits.
fn selected(
    record: &Record,
    selector: &Selector<OutageId>,
    fits: impl Fn(&Outage) -> bool,
) -> Result<Outage, Refusal> {
    let outages = &record.outages;
    let (found, why) = match selector {
        Selector::Id(id) => (
            outages.get(id).map(|o| &**o),
            format!("there is no outage {id}"),
        ),
        Selector::System(system) => {
            let mut last_first = outages.all().rev();
            let found = last_first.find(|o| o.system == *system && fits(o));
            let why = match outages.all().any(|o| o.system == *system) {
                true => format!("`{system}` has no such outage"),
                false => unknown_selector(record, "outage", "O-12", system),
            };
            (found, why)
        }
    };
    found.cloned().ok_or(Refusal(why))
}

pub(super) fn declare(
    record: &Record,
    at: Timestamp,
    system: &SystemId,
    from: Timestamp,
    to: Option<Timestamp>,
    evidence: &str,
) -> Result<Fact, Refusal> {
    known(record, system)?;
    given(evidence, "the evidence")?;
    match to {
        Some(to) => past(record, Span::new(from, to), at).map(drop)?,
        // An outage that continues may have begun this instant.
        None => begun(record, from, at)?,
    }
    in_its_life(record, system, from)?;
    let outage = record.outages.next_id();
    Ok(Fact::OutageDeclared {
        outage,
        system: system.clone(),
        from,
        to,
        evidence: evidence.to_owned(),
    })
}

pub(super) fn change_declaration(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    selector: &Selector<OutageId>,
    to: Timestamp,
    reason: &str,
    approved_by: Option<&str>,
) -> Result<Fact, Refusal> {
    let outage = selected(record, selector, |o| {
        o.declared.is_some() && o.end.is_none()
    })
    .or_else(|_| selected(record, selector, |o| o.declared.is_some()))?;
    let id = outage.id;
    given(reason, "the reason")?;
    if outage.declared.is_none() {
        return refuse(format!(
            "outage {id} was observed, not declared: its start and end come from the probes and cannot be changed"
        ));
    }
    past(record, Span::new(outage.start, to), at)?;
    if outage.end.is_some_and(|end| second(end) == second(to)) {
        return refuse(format!("outage {id} ends at {} already", shown(record, to)));
    }
    // An open declaration that gets its end is completed, not shortened.
    if outage.end.is_some_and(|end| to < end) || approved_by.is_some() {
        second_person(by, approved_by.unwrap_or_default())?;
    }
    Ok(Fact::DeclarationChanged {
        outage: id,
        to,
        reason: reason.to_owned(),
        approved_by: approved_by.map(str::to_owned),
    })
}

/// The start and end of an outage in whole seconds.
fn edges(record: &Record, outage: &Outage) -> String {
    let whole = |at| shown(record, at);
    let start = whole(outage.start);
    match outage.end.map(whole) {
        Some(end) => format!("which lasted from {start} to {end}"),
        None => format!("which began at {start} and has not ended"),
    }
}

/// Checks that a span is not empty and does not reach into the future.
fn past(record: &Record, span: Span, at: Timestamp) -> Result<Span, Refusal> {
    if span.is_empty() {
        return refuse(format!(
            "{} is empty: the end must be after the start",
            shown_span(record, span)
        ));
    }
    begun(record, span.from, at)?;
    if span.to > at {
        return refuse(format!(
            "{} reaches into the future (it is {})",
            shown_span(record, span),
            shown(record, at)
        ));
    }
    Ok(span)
}

/// Checks that `from` is not in the future.
fn begun(record: &Record, from: Timestamp, at: Timestamp) -> Result<(), Refusal> {
    if from <= at {
        return Ok(());
    }
    refuse(format!(
        "{} is in the future (it is {}): it begins now at the latest",
        shown(record, from),
        shown(record, at)
    ))
}
