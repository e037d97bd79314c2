//! What people do: checked here, refused with a reason, or recorded.

use jiff::Timestamp;

use super::Draft;
use crate::act::{Act, Refusal, Which};
use crate::event::{Cause, Fact};
use crate::id::{OutageId, SystemId};
use crate::incident::{Incident, Review};
use crate::record::{Exclusion, Outage};
use crate::span::{Span, second as second_of};
use crate::text;
use crate::windows::Word;

pub(super) fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// A text that a person must give; it may have line breaks.
pub(super) fn given(text: &str, what: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return refuse(format!("{what} is missing"));
    }
    text::prose(text, what)
}

/// A name, or whatever else stands on one line, that a person must give.
pub(super) fn named(text: &str, what: &str) -> Result<(), Refusal> {
    given(text, what)?;
    text::line(text, what)
}

/// A text that a person may give.
pub(super) fn maybe(text: Option<&str>, what: &str) -> Result<(), Refusal> {
    text.map_or(Ok(()), |text| text::prose(text, what))
}

/// Another person than the one who acts.
fn second(by: &str, other: &str) -> Result<(), Refusal> {
    text::line(other, "the name of the second person")?;
    let why = match (text::person(by), text::person(other)) {
        (Some(one), Some(two)) if one != two => return Ok(()),
        (None, Some(_)) => {
            format!("a second person must approve, beside one with a name: `{by}` has no letter")
        }
        (_, None) if !other.trim().is_empty() => {
            format!("a second person must approve; `{other}` is not a name: it has no letter")
        }
        _ => format!("a second person must approve; `{other}` is not one beside `{by}`"),
    };
    refuse(why)
}

/// The earlier time from which an act counts, if it is one: that takes a second person. Without
/// it, an act counts from when it is recorded (SPEC section 6).
pub(super) fn earlier_time(
    at: Timestamp,
    by: &str,
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
            second(by, other)?;
            Ok(Some(from))
        }
        _ if approved_by.is_some() => {
            refuse("what counts from now needs no second person: give the earlier time, too")
        }
        _ => Ok(None),
    }
}

impl Draft<'_> {
    pub(super) fn act(&mut self, at: Timestamp, by: &str, act: &Act) -> Result<(), Refusal> {
        named(by, "the name of the person who acts")?;
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
            Act::Review { incident, review } => self.review(at, by, incident, review),
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
            } => self.change_declaration(at, by, *outage, *to, reason, approved_by.as_deref()),
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
                    by: by.to_owned(),
                    approved_by: approved_by.clone(),
                };
                self.exclude(at, *outage, exclusion)
            }
            Act::Reclassify { outage, reason } => self.reclassify(at, by, *outage, reason),
            Act::ScheduleMaintenance { window } => self.schedule(at, by, window),
            Act::ExtendMaintenance {
                window,
                end,
                max_downtime_s,
                reason,
            } => self.extend(at, by, window, *end, *max_downtime_s, reason.as_deref()),
            Act::CancelMaintenance { window, reason } => {
                self.cancel(at, by, window, reason.as_deref())
            }
            Act::Told {
                window,
                customer,
                how,
                counts_from,
                approved_by,
            } => {
                let word = Word {
                    customer: customer.clone(),
                    at: counts_from.unwrap_or(at),
                    recorded_at: at,
                    by: by.to_owned(),
                    how: how.clone(),
                    approved_by: approved_by.clone(),
                };
                self.told(window, word)
            }
        }
    }

    fn monitor_fault(
        &mut self,
        at: Timestamp,
        by: &str,
        system: &SystemId,
        span: Span,
        evidence: &str,
        approved_by: &str,
    ) -> Result<(), Refusal> {
        self.known(system)?;
        given(evidence, "the evidence")?;
        second(by, approved_by)?;
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
        outage: OutageId,
        exclusion: Exclusion,
    ) -> Result<(), Refusal> {
        let Exclusion {
            span,
            reason,
            evidence,
            by,
            approved_by,
        } = exclusion;
        given(&reason, "the reason")?;
        given(&evidence, "the evidence")?;
        if let Some(other) = &approved_by {
            second(&by, other)?;
        }
        let span = past(span, at)?;
        let of = self.outage(outage)?;
        if span.from < of.start || of.end.is_some_and(|end| span.to > end) {
            return refuse(format!("{span} does not lie inside outage {outage}"));
        }
        let fact = Fact::Excluded {
            outage,
            span,
            reason,
            evidence,
            approved_by,
        };
        self.emit_by(at, &by, fact);
        Ok(())
    }

    fn reclassify(
        &mut self,
        at: Timestamp,
        by: &str,
        outage: OutageId,
        reason: &str,
    ) -> Result<(), Refusal> {
        given(reason, "the reason")?;
        let of = self.outage(outage)?;
        if of.reclassified.is_some() {
            return refuse(format!("outage {outage} is reclassified already"));
        }
        let reason = reason.to_owned();
        self.emit_by(at, by, Fact::Reclassified { outage, reason });
        // Unplanned after all: its texts are owed.
        self.incident_for(at, &of.system, outage, Cause::Outage);
        Ok(())
    }

    pub(super) fn known(&self, system: &SystemId) -> Result<(), Refusal> {
        match self.record().catalogue.system(system.as_str()) {
            Some(_) => Ok(()),
            None => refuse(format!("there is no system `{system}`")),
        }
    }

    /// Nobody had agreed to anything about a system before it was configured.
    fn in_its_life(&self, system: &SystemId, from: Timestamp) -> Result<(), Refusal> {
        let life = self.record().systems.get(system).map(|s| &s.life);
        match life.and_then(|life| life.first()) {
            Some((born_at, _)) if from < *born_at => refuse(format!(
                "{from} is before `{system}` was configured: the earliest start is {born_at}"
            )),
            _ => Ok(()),
        }
    }

    fn outage(&self, id: OutageId) -> Result<Outage, Refusal> {
        match self.record().outages.get(&id) {
            Some(outage) => Ok(outage.as_ref().clone()),
            None => refuse(format!("there is no outage {id}")),
        }
    }

    fn incident(&self, which: &Which) -> Result<Incident, Refusal> {
        let found = match which {
            Which::Incident(id) => self.record().incidents.get(id),
            Which::System(system) => self.record().incident_of(system),
        };
        match (found, which) {
            (Some(incident), _) => Ok(incident.as_ref().clone()),
            (None, Which::Incident(id)) => refuse(format!("there is no incident {id}")),
            (None, Which::System(system)) => refuse(format!("`{system}` has had no incident")),
        }
    }

    /// One that has not become part of another.
    fn unmerged(&self, which: &Which) -> Result<Incident, Refusal> {
        let incident = self.incident(which)?;
        match incident.merged {
            Some((_, into)) => refuse(format!(
                "{} was merged into {into}: name that one",
                incident.id
            )),
            None => Ok(incident),
        }
    }

    fn acknowledge(
        &mut self,
        at: Timestamp,
        by: &str,
        which: &Which,
        earlier: Option<Timestamp>,
        approved_by: Option<&str>,
    ) -> Result<(), Refusal> {
        let incident = self.unmerged(which)?;
        let counts_from = earlier_time(at, by, earlier, approved_by)?;
        if let Some((closed_at, _)) = &incident.closed
            && counts_from.is_none_or(|from| *closed_at < from)
        {
            return refuse(format!("{} is closed already", incident.id));
        }
        if let Some(known) = &incident.acknowledged
            && counts_from.is_none_or(|from| known.at <= from)
        {
            return refuse(format!(
                "{} was acknowledged by {} at {}",
                incident.id, known.by, known.at
            ));
        }
        if counts_from.is_some_and(|from| second_of(from) < second_of(incident.opened_at)) {
            return refuse(format!(
                "{} was opened at {}: nobody can have taken it on before",
                incident.id, incident.opened_at
            ));
        }
        // People write whole seconds.
        let counts_from = counts_from.map(|from| from.max(incident.opened_at));
        let fact = Fact::IncidentAcknowledged {
            incident: incident.id,
            counts_from,
            approved_by: approved_by.map(str::to_owned),
        };
        self.emit_by(at, by, fact);
        Ok(())
    }

    fn measure_done(
        &mut self,
        at: Timestamp,
        by: &str,
        which: &Which,
        measure: &str,
        note: Option<&str>,
    ) -> Result<(), Refusal> {
        let incident = self.incident(which)?;
        maybe(note, "the note")?;
        let all = &incident.review.measures;
        let numbered = measure.trim().parse::<usize>().ok();
        let found = numbered
            .and_then(|n| all.get(n.checked_sub(1)?))
            .or_else(|| all.iter().find(|m| m.text == measure));
        let Some(found) = found else {
            return refuse(match all.len() {
                0 => format!("{} has no preventive measure", incident.id),
                n => format!(
                    "{} has no preventive measure `{measure}`: give its number, 1 to {n}, or its whole text",
                    incident.id
                ),
            });
        };
        if let Some(done) = incident.done.get(&found.text) {
            return refuse(format!(
                "it was done already, says {} at {}",
                done.by, done.at
            ));
        }
        let fact = Fact::MeasureDone {
            incident: incident.id,
            measure: found.text.clone(),
            note: note.map(str::to_owned),
        };
        self.emit_by(at, by, fact);
        Ok(())
    }

    fn review(
        &mut self,
        at: Timestamp,
        by: &str,
        which: &Which,
        review: &Review,
    ) -> Result<(), Refusal> {
        let incident = self.incident(which)?;
        if *review == Review::default() {
            return refuse("a review needs at least one text");
        }
        for (text, what) in [
            (&review.summary, "the summary"),
            (&review.root_cause, "the root cause"),
            (&review.resolution, "the resolution"),
        ] {
            if let Some(text) = text {
                given(text, what)?;
            }
        }
        for measure in &review.measures {
            given(&measure.text, "the text of a preventive measure")?;
            named(&measure.owner, "the owner of a preventive measure")?;
        }
        let fact = Fact::IncidentReviewed {
            incident: incident.id,
            review: review.clone(),
        };
        self.emit_by(at, by, fact);
        Ok(())
    }

    fn close(
        &mut self,
        at: Timestamp,
        by: &str,
        which: &Which,
        without: Option<&str>,
    ) -> Result<(), Refusal> {
        let incident = self.unmerged(which)?;
        if incident.closed.is_some() {
            return refuse(format!("{} is closed already", incident.id));
        }
        if incident.resolved_at.is_none() {
            return refuse(format!(
                "{} is not resolved yet: a system of it is not up",
                incident.id
            ));
        }
        maybe(without, "the reason")?;
        let missing = incident.missing();
        if !missing.is_empty() && without.is_none_or(|why| why.trim().is_empty()) {
            return refuse(format!(
                "{} lacks {}; write them, or give the reason why not",
                incident.id,
                missing.join(", ")
            ));
        }
        let fact = Fact::IncidentClosed {
            incident: incident.id,
            without: without.map(str::to_owned),
        };
        self.emit_by(at, by, fact);
        Ok(())
    }

    fn declare(
        &mut self,
        at: Timestamp,
        by: &str,
        system: &SystemId,
        from: Timestamp,
        to: Option<Timestamp>,
        evidence: &str,
    ) -> Result<(), Refusal> {
        self.known(system)?;
        given(evidence, "the evidence")?;
        past(Span::new(from, to.unwrap_or(at)), at)?;
        self.in_its_life(system, from)?;
        let fact = Fact::OutageDeclared {
            system: system.clone(),
            from,
            to,
            evidence: evidence.to_owned(),
        };
        let outage = OutageId(self.emit_by(at, by, fact));
        self.incident_for(at, system, outage, Cause::Declared);
        Ok(())
    }

    fn change_declaration(
        &mut self,
        at: Timestamp,
        by: &str,
        id: OutageId,
        to: Timestamp,
        reason: &str,
        approved_by: Option<&str>,
    ) -> Result<(), Refusal> {
        let outage = self.outage(id)?;
        given(reason, "the reason")?;
        if outage.declared.is_none() {
            return refuse(format!(
                "outage {id} was observed, not declared; its edges are its samples"
            ));
        }
        past(Span::new(outage.start, to), at)?;
        if outage.end == Some(to) {
            return refuse(format!("outage {id} ends at {to} already"));
        }
        // An open declaration that gets its end is completed, not shortened.
        if outage.end.is_some_and(|end| to < end) || approved_by.is_some() {
            second(by, approved_by.unwrap_or_default())?;
        }
        let fact = Fact::DeclarationChanged {
            outage: id,
            to,
            reason: reason.to_owned(),
            approved_by: approved_by.map(str::to_owned),
        };
        self.emit_by(at, by, fact);
        self.tell_recovery(at, &outage.system);
        Ok(())
    }
}

/// A span that is not empty and does not reach into the future.
fn past(span: Span, at: Timestamp) -> Result<Span, Refusal> {
    if span.is_empty() {
        return refuse(format!("{span} is empty: the end must be after the start"));
    }
    if span.to > at {
        return refuse(format!("{span} reaches into the future (it is {at})"));
    }
    Ok(span)
}
