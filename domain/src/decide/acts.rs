//! Decides acts: checks what a person asks for and records it, or refuses it with a reason.

use jiff::Timestamp;

use super::Draft;
use crate::accounting;
use crate::act::{Act, Refusal, Selector};
use crate::actor::Actor;
use crate::event::Fact;
use crate::id::{OutageId, SystemId};
use crate::incident::{Cause, Review};
use crate::record::{Exclusion, Outage};
use crate::span::{Span, instant, second};
use crate::text;

pub(super) fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// Checks a required text. It may have line breaks.
pub(super) fn given(text: &str, what: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return refuse(format!("{what} is missing"));
    }
    text::prose(text, what)
}

/// Checks a required text of one line, such as a name.
pub(super) fn named(text: &str, what: &str) -> Result<(), Refusal> {
    given(text, what)?;
    text::line(text, what)
}

/// Checks an optional text.
pub(super) fn maybe(text: Option<&str>, what: &str) -> Result<(), Refusal> {
    text.map_or(Ok(()), |text| text::prose(text, what))
}

/// Checks that the second person is another than the actor.
fn second_person(by: &Actor, other: &str) -> Result<(), Refusal> {
    text::line(other, "the name of the second person")?;
    let why = match (text::person(&by.person), text::person(other)) {
        (Some(one), Some(two)) if one != two => return Ok(()),
        (None, Some(_)) => {
            format!("a second person must approve, beside one with a name: `{by}` has no letter")
        }
        (_, None) if !other.trim().is_empty() => {
            format!("a second person must approve; `{other}` is not a name: it has no letter")
        }
        _ => format!("a second person must approve; name someone other than `{by}`"),
    };
    refuse(why)
}

/// Checks an effective time before the act: it needs a second person. Without it, an act counts from when
/// it is recorded (SPEC section 6).
pub(super) fn earlier_time(
    at: Timestamp,
    by: &Actor,
    earlier: Option<Timestamp>,
    approved_by: Option<&str>,
) -> Result<Option<Timestamp>, Refusal> {
    match earlier {
        Some(from) if from > at => refuse(format!("{from} is in the future (it is {at})")),
        Some(from) if from < at => {
            let Some(other) = approved_by else {
                return refuse(format!(
                    "it counts from now, {at}: an earlier time needs a second person who approves it"
                ));
            };
            second_person(by, other)?;
            Ok(Some(from))
        }
        _ if approved_by.is_some() => {
            refuse("what counts from now needs no second person: give the earlier time, too")
        }
        _ => Ok(None),
    }
}

impl Draft<'_> {
    pub(super) fn act(&mut self, at: Timestamp, by: &Actor, act: &Act) -> Result<(), Refusal> {
        named(&by.person, "the name of the person who acts")?;
        match act {
            Act::Acknowledge {
                incident,
                counts_from,
                approved_by,
            } => self.acknowledge(at, by, incident, *counts_from, approved_by.as_deref()),
            Act::MeasureDone {
                incident,
                measure,
                note,
            } => self.measure_done(at, by, incident, measure, note.as_deref()),
            Act::Review {
                incident,
                summary,
                root_cause,
                certainty,
                resolution,
                measures,
            } => {
                let review = Review {
                    summary: summary.clone(),
                    root_cause: root_cause.clone(),
                    certainty: *certainty,
                    resolution: resolution.clone(),
                    measures: measures.clone(),
                };
                self.review(at, by, incident, review)
            }
            Act::Close { incident, without } => self.close(at, by, incident, without.as_deref()),
            Act::DeclareOutage {
                system,
                from,
                to,
                evidence,
            } => self.declare(at, by, system, *from, *to, evidence),
            Act::ChangeDeclaration {
                outage,
                to,
                reason,
                approved_by,
            } => self.change_declaration(at, by, outage, *to, reason, approved_by.as_deref()),
            Act::MonitorFault {
                system,
                from,
                to,
                evidence,
                approved_by,
            } => {
                let span = Span::new(*from, *to);
                self.monitor_fault(at, by, system, span, evidence, approved_by)
            }
            Act::Exclude {
                outage,
                from,
                to,
                reason,
                evidence,
                approved_by,
            } => {
                let exclusion = Exclusion {
                    span: Span::new(*from, *to),
                    reason: reason.clone(),
                    evidence: evidence.clone(),
                    by: by.person.clone(),
                    approved_by: approved_by.clone(),
                };
                self.exclude(at, by, outage, exclusion)
            }
            Act::Reclassify { outage, reason } => self.reclassify(at, by, outage, reason),
            Act::ScheduleMaintenance { .. }
            | Act::ExtendMaintenance { .. }
            | Act::CancelMaintenance { .. }
            | Act::Told { .. } => self.work(at, by, act),
        }
    }

    fn monitor_fault(
        &mut self,
        at: Timestamp,
        by: &Actor,
        system: &SystemId,
        span: Span,
        evidence: &str,
        approved_by: &str,
    ) -> Result<(), Refusal> {
        self.known(system)?;
        given(evidence, "the evidence")?;
        second_person(by, approved_by)?;
        let span = past(span, at)?;
        self.in_its_life(system, span.from)?;
        let fact = Fact::MonitorFault {
            system: system.clone(),
            span,
            evidence: evidence.to_owned(),
            approved_by: approved_by.to_owned(),
        };
        self.emit_by(at, by, fact);
        Ok(())
    }

    fn exclude(
        &mut self,
        at: Timestamp,
        by: &Actor,
        outage: &Selector<OutageId>,
        exclusion: Exclusion,
    ) -> Result<(), Refusal> {
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
        let span = past(span, at)?;
        let of = self.outage(outage, |o| {
            o.start < span.to && o.end.is_none_or(|end| span.from < end)
        })?;
        let outage = of.id;
        // Compare whole seconds, as outages are accounted for and printed.
        let after = |end| second(span.to) > second(end);
        if second(span.from) < second(of.start) || of.end.is_some_and(after) {
            return refuse(format!(
                "{span} does not lie inside outage {outage}, {}",
                edges(&of)
            ));
        }
        let fact = Fact::DowntimeExcluded {
            outage,
            span,
            reason,
            evidence,
            approved_by,
        };
        self.emit_by(at, by, fact);
        Ok(())
    }

    fn reclassify(
        &mut self,
        at: Timestamp,
        by: &Actor,
        outage: &Selector<OutageId>,
        reason: &str,
    ) -> Result<(), Refusal> {
        given(reason, "the reason")?;
        let of = self
            .outage(outage, |o| o.end.is_none())
            .or_else(|_| self.outage(outage, |_| true))?;
        let outage = of.id;
        if of.reclassified.is_some() {
            return refuse(format!("outage {outage} is reclassified already"));
        }
        if of.declared.is_some() {
            return refuse(format!(
                "outage {outage} was declared: all of it is unplanned already"
            ));
        }
        if !self.has_planned_time(at, &of) {
            return refuse(format!(
                "outage {outage} has no planned time to take back: all of it is unplanned already"
            ));
        }
        let reason = reason.to_owned();
        self.emit_by(at, by, Fact::OutageReclassified { outage, reason });
        // The outage is unplanned now, so it needs an incident.
        self.incident_for(at, &of.system, outage, Cause::Outage);
        Ok(())
    }

    /// True if any second of the outage is planned, or would be if it continued.
    fn has_planned_time(&self, at: Timestamp, outage: &Outage) -> bool {
        let record = self.record();
        let system = &outage.system;
        let Some(months) = record.months_of(system) else {
            return false;
        };
        let policy = record.policy_of_month(system, outage.start, &months);
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

    pub(super) fn known(&self, system: &SystemId) -> Result<(), Refusal> {
        match self.record().catalogue.system(system.as_str()) {
            Some(_) => Ok(()),
            None => refuse(format!("there is no system `{system}`")),
        }
    }

    /// Checks that `from` is not before the system was first configured.
    fn in_its_life(&self, system: &SystemId, from: Timestamp) -> Result<(), Refusal> {
        let life = self.record().systems.get(system).map(|s| &s.life);
        match life.and_then(|life| life.first()) {
            Some((born_at, _)) if second(from) < second(*born_at) => refuse(format!(
                "{from} is before `{system}` was configured: the earliest start is {born_at}"
            )),
            _ => Ok(()),
        }
    }

    /// The selected outage; for a system, its last outage that fits.
    fn outage(
        &self,
        selector: &Selector<OutageId>,
        fits: impl Fn(&Outage) -> bool,
    ) -> Result<Outage, Refusal> {
        let outages = &self.record().outages;
        let (found, why) = match selector {
            Selector::Id(id) => (outages.get(id), format!("there is no outage {id}")),
            Selector::System(system) => {
                let mut last_first = outages.values().rev();
                let found = last_first.find(|o| o.system == *system && fits(o));
                (found, format!("`{system}` has no such outage"))
            }
        };
        found
            .map(|outage| outage.as_ref().clone())
            .ok_or(Refusal(why))
    }

    fn declare(
        &mut self,
        at: Timestamp,
        by: &Actor,
        system: &SystemId,
        from: Timestamp,
        to: Option<Timestamp>,
        evidence: &str,
    ) -> Result<(), Refusal> {
        self.known(system)?;
        given(evidence, "the evidence")?;
        match to {
            Some(to) => past(Span::new(from, to), at).map(drop)?,
            // An outage that continues may have begun this instant.
            None => begun(from, at)?,
        }
        self.in_its_life(system, from)?;
        let outage = self.record().next_outage();
        let fact = Fact::OutageDeclared {
            outage,
            system: system.clone(),
            from,
            to,
            evidence: evidence.to_owned(),
        };
        self.emit_by(at, by, fact);
        self.incident_for(at, system, outage, Cause::Declared);
        Ok(())
    }

    fn change_declaration(
        &mut self,
        at: Timestamp,
        by: &Actor,
        selector: &Selector<OutageId>,
        to: Timestamp,
        reason: &str,
        approved_by: Option<&str>,
    ) -> Result<(), Refusal> {
        let outage = self
            .outage(selector, |o| o.declared.is_some() && o.end.is_none())
            .or_else(|_| self.outage(selector, |o| o.declared.is_some()))?;
        let id = outage.id;
        given(reason, "the reason")?;
        if outage.declared.is_none() {
            return refuse(format!(
                "outage {id} was observed, not declared: its start and end come from the probes and cannot be changed"
            ));
        }
        past(Span::new(outage.start, to), at)?;
        if outage.end.is_some_and(|end| second(end) == second(to)) {
            return refuse(format!("outage {id} ends at {to} already"));
        }
        // An open declaration that gets its end is completed, not shortened.
        if outage.end.is_some_and(|end| to < end) || approved_by.is_some() {
            second_person(by, approved_by.unwrap_or_default())?;
        }
        let fact = Fact::DeclarationChanged {
            outage: id,
            to,
            reason: reason.to_owned(),
            approved_by: approved_by.map(str::to_owned),
        };
        self.emit_by(at, by, fact);
        Ok(())
    }
}

/// The start and end of an outage in whole seconds.
fn edges(outage: &Outage) -> String {
    let whole = |at| instant(second(at));
    let start = whole(outage.start);
    match outage.end.map(whole) {
        Some(end) => format!("which lasted from {start} to {end}"),
        None => format!("which began at {start} and has not ended"),
    }
}

/// Checks that a span is not empty and does not reach into the future.
fn past(span: Span, at: Timestamp) -> Result<Span, Refusal> {
    if span.is_empty() {
        return refuse(format!("{span} is empty: the end must be after the start"));
    }
    begun(span.from, at)?;
    if span.to > at {
        return refuse(format!("{span} reaches into the future (it is {at})"));
    }
    Ok(span)
}

/// Checks that `from` is not in the future.
fn begun(from: Timestamp, at: Timestamp) -> Result<(), Refusal> {
    if from <= at {
        return Ok(());
    }
    refuse(format!(
        "{from} is in the future (it is {at}): it begins now at the latest"
    ))
}
