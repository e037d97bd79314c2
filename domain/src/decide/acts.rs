//! What people do: checked here, refused with a reason, or recorded.

use jiff::Timestamp;

use super::Draft;
use crate::act::{Act, Refusal, Which};
use crate::calendar;
use crate::catalogue::Single;
use crate::event::{Cause, Fact};
use crate::id::{CustomerId, OutageId, SystemId, WindowId};
use crate::incident::{Incident, Review};
use crate::notice::Kind;
use crate::record::Outage;
use crate::span::{Span, Spans};
use crate::windows::SingleEntry;

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// A text that a person must give.
fn given(text: &str, what: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        refuse(format!("{what} is missing"))
    } else {
        Ok(())
    }
}

/// Another person than the one who acts.
fn second(by: &str, other: &str) -> Result<(), Refusal> {
    if other.trim().is_empty() || other.trim().eq_ignore_ascii_case(by.trim()) {
        return refuse(format!(
            "a second person must approve; `{other}` is not one beside `{by}`"
        ));
    }
    Ok(())
}

impl Draft<'_> {
    pub(super) fn act(&mut self, at: Timestamp, by: &str, act: &Act) -> Result<(), Refusal> {
        given(by, "the name of the person who acts")?;
        match act {
            Act::Acknowledge { incident } => self.acknowledge(at, by, incident),
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
            Act::MonitorFault { .. } | Act::Exclude { .. } | Act::Reclassify { .. } => {
                self.judge(at, by, act)
            }
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
            } => self.told(at, by, window, customer, how),
        }
    }

    /// What people judge of observed time: the monitor was wrong, it was nobody's fault, it was
    /// not excused after all.
    fn judge(&mut self, at: Timestamp, by: &str, act: &Act) -> Result<(), Refusal> {
        match act {
            Act::MonitorFault {
                system,
                from,
                to,
                evidence,
                approved_by,
            } => {
                self.known(system)?;
                given(evidence, "the evidence")?;
                second(by, approved_by)?;
                let span = past(Span::new(*from, *to), at)?;
                let fact = Fact::MonitorFault {
                    system: system.clone(),
                    span,
                    evidence: evidence.clone(),
                    approved_by: approved_by.clone(),
                };
                self.emit_by(at, by, fact);
                Ok(())
            }
            Act::Exclude {
                outage,
                from,
                to,
                reason,
                evidence,
                approved_by,
            } => {
                given(reason, "the reason")?;
                given(evidence, "the evidence")?;
                if let Some(other) = approved_by {
                    second(by, other)?;
                }
                let span = past(Span::new(*from, *to), at)?;
                let of = self.outage(*outage)?;
                if span.from < of.start || of.end.is_some_and(|end| span.to > end) {
                    return refuse(format!("{span} does not lie inside outage {outage}"));
                }
                let fact = Fact::Excluded {
                    outage: *outage,
                    span,
                    reason: reason.clone(),
                    evidence: evidence.clone(),
                    approved_by: approved_by.clone(),
                };
                self.emit_by(at, by, fact);
                Ok(())
            }
            Act::Reclassify { outage, reason } => self.reclassify(at, by, *outage, reason),
            _ => refuse("this act judges nothing"),
        }
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
        self.emit_by(
            at,
            by,
            Fact::Reclassified {
                outage,
                reason: reason.to_owned(),
            },
        );
        // Unplanned after all: its texts are owed.
        if of.incident.is_none() {
            self.open_incident(at, &of.system, outage, Cause::Outage);
        }
        Ok(())
    }

    fn cancel(
        &mut self,
        at: Timestamp,
        by: &str,
        window: &WindowId,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let entry = self.single(window)?;
        let last = last_version(&entry);
        if last.start <= at {
            return refuse(format!(
                "window {window} began at {}; give it an earlier end instead",
                last.start
            ));
        }
        let fact = Fact::WindowCancelled {
            window: window.clone(),
            reason: reason.map(str::to_owned),
        };
        self.emit_by(at, by, fact);
        // Whoever has not heard of it yet need not hear of it any more.
        for notice in self.unsent_of(window, Kind::MaintenanceScheduled) {
            self.emit(at, Fact::NoticeFolded { notice, into: None });
        }
        Ok(())
    }

    fn told(
        &mut self,
        at: Timestamp,
        by: &str,
        window: &WindowId,
        customer: &CustomerId,
        how: &str,
    ) -> Result<(), Refusal> {
        given(how, "how the customer was told")?;
        let entry = self.single(window)?;
        let catalogue = &self.record().catalogue;
        let Some(known) = catalogue.customer(customer.as_str()) else {
            return refuse(format!("there is no customer `{customer}`"));
        };
        let systems = &last_version(&entry).systems;
        if !known.systems.iter().any(|s| systems.contains(s)) {
            return refuse(format!(
                "customer `{customer}` has none of the systems of {window}"
            ));
        }
        let fact = Fact::Told {
            window: window.clone(),
            customer: customer.clone(),
            how: how.to_owned(),
        };
        self.emit_by(at, by, fact);
        Ok(())
    }

    fn known(&self, system: &SystemId) -> Result<(), Refusal> {
        match self.record().catalogue.system(system.as_str()) {
            Some(_) => Ok(()),
            None => refuse(format!("there is no system `{system}`")),
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

    fn single(&self, id: &WindowId) -> Result<SingleEntry, Refusal> {
        match self.record().singles.get(id) {
            Some(entry) if entry.cancelled_at.is_some() => {
                refuse(format!("window {id} is cancelled"))
            }
            Some(entry) => Ok(entry.as_ref().clone()),
            None => refuse(format!(
                "there is no single window `{id}` (a recurring one is changed in the configuration)"
            )),
        }
    }

    fn acknowledge(&mut self, at: Timestamp, by: &str, which: &Which) -> Result<(), Refusal> {
        let incident = self.incident(which)?;
        if incident.closed.is_some() {
            return refuse(format!("{} is closed already", incident.id));
        }
        if let Some((when, who)) = &incident.acknowledged {
            return refuse(format!(
                "{} was acknowledged by {who} at {when}",
                incident.id
            ));
        }
        self.emit_by(
            at,
            by,
            Fact::IncidentAcknowledged {
                incident: incident.id,
            },
        );
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
            given(&measure.owner, "the owner of a preventive measure")?;
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
        let incident = self.incident(which)?;
        if incident.closed.is_some() {
            return refuse(format!("{} is closed already", incident.id));
        }
        if incident.resolved_at.is_none() {
            return refuse(format!(
                "{} is not resolved yet: a system of it is not up",
                incident.id
            ));
        }
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
        let fact = Fact::OutageDeclared {
            system: system.clone(),
            from,
            to,
            evidence: evidence.to_owned(),
        };
        let outage = OutageId(self.emit_by(at, by, fact));
        self.open_incident(at, system, outage, Cause::Declared);
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

    fn schedule(&mut self, at: Timestamp, by: &str, window: &Single) -> Result<(), Refusal> {
        if self.record().singles.contains_key(&window.id) {
            return refuse(format!("there is a window `{}` already", window.id));
        }
        given(window.id.as_str(), "the window's id")?;
        if window.id.as_str().contains(['/', '@']) {
            return refuse(format!(
                "`{}`: `/` and `@` are kept for recurring windows",
                window.id
            ));
        }
        given(&window.title, "the window's title")?;
        if window.systems.is_empty() {
            return refuse("a window needs at least one system");
        }
        for (n, system) in window.systems.iter().enumerate() {
            self.known(system)?;
            if window.systems[..n].contains(system) {
                return refuse(format!("`{system}` is named twice"));
            }
        }
        if window.start >= window.end {
            return refuse(format!(
                "the window ends at {}, before it starts",
                window.end
            ));
        }
        if window.end <= at {
            return refuse(format!(
                "the window ended at {}: work is announced before it is done",
                window.end
            ));
        }
        for seconds in [
            window.max_downtime_s,
            window.min_notice_s,
            window.start_grace_s,
        ] {
            if seconds.is_some_and(|s| s < 0) {
                return refuse("a length of time cannot be negative");
            }
        }
        self.within_planned_hours(window)?;
        self.emit_by(
            at,
            by,
            Fact::WindowScheduled {
                window: window.clone(),
            },
        );
        let occurrence = self.occurrence(&window.id);
        if let Some(occurrence) = occurrence {
            self.tell_window(at, Kind::MaintenanceScheduled, &occurrence);
            if occurrence.span.contains(at) {
                self.start_window(at, &occurrence);
            }
        }
        Ok(())
    }

    /// Outside the hours that a policy allows for planned work, scheduling needs a reason (and
    /// earns nothing all the same).
    fn within_planned_hours(&self, window: &Single) -> Result<(), Refusal> {
        let reason = window.override_reason.as_deref().unwrap_or_default();
        if !reason.trim().is_empty() {
            return Ok(());
        }
        let span = Span::new(window.start, window.end);
        for system in &window.systems {
            let policy = self.record().policy_of(system);
            let Some(hours) = policy.and_then(|p| p.planned_hours.as_ref()) else {
                continue;
            };
            // Hours in a zone that does not exist allow nothing, as in the accounting.
            let open = calendar::open(hours, span).unwrap_or_default();
            let wanted: Spans = [span].into_iter().collect();
            if !wanted.within(&open) {
                return refuse(format!(
                    "{span} lies outside the hours that the policy of `{system}` allows for planned work; override it with a reason if it must be"
                ));
            }
        }
        Ok(())
    }

    fn occurrence(&self, id: &WindowId) -> Option<crate::windows::Occurrence> {
        let record = self.record();
        let (_, window) = record.singles.get(id)?.versions.last()?;
        let span = Span::new(window.start, window.end);
        let system = window.systems.first()?;
        record
            .windows_of(system, span)
            .into_iter()
            .find(|o| o.id == *id)
    }

    fn extend(
        &mut self,
        at: Timestamp,
        by: &str,
        id: &WindowId,
        end: Timestamp,
        max_downtime_s: Option<i64>,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let entry = self.single(id)?;
        let last = last_version(&entry);
        if last.end <= at {
            return refuse(format!("window {id} ended at {}", last.end));
        }
        if end <= last.start {
            return refuse(format!(
                "window {id} starts at {}: cancel it instead",
                last.start
            ));
        }
        if max_downtime_s.is_some_and(|s| s < 0) {
            return refuse("a length of time cannot be negative");
        }
        // Ended early means ended now: what has been held cannot be taken back.
        let end = if end < at { at } else { end };
        let mut window = Single {
            end,
            max_downtime_s: max_downtime_s.or(last.max_downtime_s),
            ..last.clone()
        };
        if window == *last {
            return refuse(format!("window {id} ends at {end} already"));
        }
        if end > last.end && self.within_planned_hours(&window).is_err() {
            // The reason of the extension is the reason of the override, too.
            window.override_reason = reason.map(str::to_owned);
            self.within_planned_hours(&window)?;
        }
        let fact = Fact::WindowChanged {
            window,
            reason: reason.map(str::to_owned),
        };
        self.emit_by(at, by, fact);
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

/// What was scheduled last.
fn last_version(entry: &SingleEntry) -> &Single {
    // A single window enters the record with its first version and never loses one.
    let (_, window) = entry
        .versions
        .last()
        .unwrap_or_else(|| unreachable!("a window without a version"));
    window
}
