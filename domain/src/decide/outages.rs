//! From confirmed states of probes to outages, overruns and incidents.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Draft;
use crate::accounting::{self, OutageHistory};
use crate::event::Fact;
use crate::id::{IncidentId, OutageId, ProbeId, SystemId, WindowId};
use crate::incident::{Cause, Incident};
use crate::record::{Outage, ProbeRecord, Record};
use crate::span::{Span, Spans, instant, second};

/// How an outage that is still going on stands to its system's windows.
enum PlannedPart {
    /// No second of it is planned.
    None,
    /// Its present second is planned, as all are since then.
    Now(Timestamp),
    /// It was planned until then, by that window last.
    Until(Timestamp, WindowId),
}

impl Draft<'_> {
    /// Brings the system's outage in line with its probes: opens it when one is confirmed down,
    /// closes it when none is down and none has a bad run pending.
    pub(super) fn system(&mut self, at: Timestamp, system: &SystemId) {
        let record = self.record();
        let open = record.systems.get(system).and_then(|s| s.open);
        let down = record.is_down(system);
        match open {
            None if down => self.open_outage(at, system),
            Some(outage) if !down && !self.pending(system) => {
                self.close_outage(at, outage, system);
            }
            // Another probe may affect more customers.
            Some(outage) if down => {
                let known = self.record().outages.get(&outage);
                if let Some(incident) = known.and_then(|o| o.incident) {
                    self.rate(at, incident);
                }
            }
            _ => {}
        }
    }

    /// True if an availability probe of the system has a run towards down that is not confirmed.
    pub(super) fn pending(&self, system: &SystemId) -> bool {
        self.record().has_pending_run(&self.doubted, system)
    }

    fn open_outage(&mut self, at: Timestamp, system: &SystemId) {
        let Some((start, last_bad)) = down_since(self.record(), &self.last_bad, system) else {
            return;
        };
        // A heartbeat's silence is decided after its grace. If the outage of another probe ended meanwhile, this one begins
        // where that one ended.
        let ended = last_end(self.record(), system).filter(|ended| *ended <= at);
        let start = ended.map_or(start, |ended| start.max(ended));
        let outage = self.record().outages.next_id();
        let part = planned_part(self.record(), system, start, last_bad, outage);
        let planned = !matches!(part, PlannedPart::None);
        self.emit(
            at,
            Fact::OutageOpened {
                outage,
                system: system.clone(),
                start,
                planned,
            },
        );
        match part {
            PlannedPart::None => self.incident_for(at, system, outage, Cause::Outage),
            PlannedPart::Until(from, window) => self.overrun(at, system, outage, from, window),
            // It began before its window and within the grace: those seconds are unplanned and
            // its texts are owed, but no notice is sent while it is planned.
            PlannedPart::Now(from) if second(start) < second(from) => {
                self.incident_for(at, system, outage, Cause::Outage);
            }
            PlannedPart::Now(_) => {}
        }
    }

    /// A bad sample of a probe that is confirmed down: an outage that was planned so far may
    /// have outlasted it.
    pub(super) fn outlasted(&mut self, at: Timestamp, probe: &ProbeId, bad_at: Timestamp) {
        let system = SystemId::from(probe.system());
        let record = self.record();
        let counts = record.is_excused(system.as_str())
            && (record.probes.get(probe)).is_some_and(|p| p.takes_down_since().is_some());
        let open = record.systems.get(&system).and_then(|s| s.open);
        let Some(outage) = open.and_then(|o| record.outages.get(&o)).filter(|_| counts) else {
            return;
        };
        let (id, start) = (outage.id, outage.start);
        // A sample that is read back after a crash is judged by what is known now, and so not
        // before it was known.
        let known_at = record.as_of.map(|as_of| as_of.min(self.now));
        let at = known_at.map_or(at, |known_at| at.max(known_at));
        match planned_part(self.record(), &system, start, bad_at, id) {
            PlannedPart::Now(_) => {}
            PlannedPart::Until(from, window) => self.overrun(at, &system, id, from, window),
            // A slower probe's run turned out to have begun before the window, by more than its
            // grace: nothing of it was planned.
            PlannedPart::None => {
                let over = Span::new(start, instant(second(bad_at).saturating_add(1)));
                if let Some(window) = record.windows_of(&system, over).pop() {
                    self.overrun(at, &system, id, start, window.id);
                }
            }
        }
    }

    fn overrun(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        outage: OutageId,
        from: Timestamp,
        window: WindowId,
    ) {
        self.emit(
            at,
            Fact::Overrun {
                outage,
                from,
                window,
            },
        );
        self.incident_for(at, system, outage, Cause::Overrun);
    }

    pub(super) fn open_incident(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        outage: OutageId,
        cause: Cause,
    ) -> IncidentId {
        let incident = self.record().incidents.next_id();
        self.emit(
            at,
            Fact::IncidentOpened {
                incident,
                systems: vec![system.clone()],
                outages: vec![outage],
                cause,
            },
        );
        self.rate(at, incident);
        incident
    }

    fn close_outage(&mut self, at: Timestamp, outage: OutageId, system: &SystemId) {
        let Some(start) = self.record().outages.get(&outage).map(|o| o.start) else {
            return;
        };
        let (end, unobserved) = up_since(self.record(), system, start);
        self.emit(
            at,
            Fact::OutageClosed {
                outage,
                end,
                unobserved,
            },
        );
        self.owe_texts(at, outage, system);
    }

    /// An outage that was planned when it began may have ended between its last bad sample and
    /// the limit's: no overrun was decided, but seconds that count have a report owe their texts.
    fn owe_texts(&mut self, at: Timestamp, id: OutageId, system: &SystemId) {
        let record = self.record();
        let Some(outage) = record.outages.get(&id) else {
            return;
        };
        let unplanned = || !own_unplanned(record, outage).unwrap_or_default().is_empty();
        if outage.incident.is_none() && unplanned() {
            self.incident_for(at, system, id, Cause::Overrun);
        }
    }

    /// Incidents whose systems are up, no longer degraded and not unstable are resolved. A delivery ends none: with a
    /// thousand open incidents, each of the thousand notices would look at all of them.
    pub(super) fn resolve_incidents(&mut self, at: Timestamp) {
        let new = &self.events[self.looked_at..];
        let may_end = new.iter().any(|event| !event.fact.is_delivery());
        self.looked_at = self.events.len();
        if !may_end {
            return;
        }
        let record = self.record();
        let unresolved = record.incidents.unresolved();
        let done = unresolved.filter(|i| is_over(record, i)).map(|i| i.id);
        let done: Vec<IncidentId> = done.collect();
        for incident in done {
            self.emit(
                at,
                Fact::IncidentResolved {
                    incident,
                    text: None,
                },
            );
        }
        self.looked_at = self.events.len();
    }
}

/// The first bad sample of the earliest run that is confirmed down now, and the last that is
/// known of them: the one that confirmed, unless nothing says which that was.
fn down_since(
    record: &Record,
    last_bad: &BTreeMap<ProbeId, Timestamp>,
    system: &SystemId,
) -> Option<(Timestamp, Timestamp)> {
    let configured = record.catalogue.system(system.as_str())?;
    configured
        .probes
        .iter()
        .filter_map(|p| Some((&p.id, record.probes.get(&p.id)?.takes_down_since()?)))
        .map(|(id, from)| (from, last_bad.get(id).map_or(from, |at| from.max(*at))))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The end of the system's last observed outage.
fn last_end(record: &Record, system: &SystemId) -> Option<Timestamp> {
    let outages = record.systems.get(system)?.outages.iter().rev();
    let mut observed = outages
        .filter_map(|id| record.outages.get(id))
        .filter(|outage| outage.declared.is_none());
    observed.next()?.end
}

/// The part of a window in the second of `last_bad`, if an outage since `start` goes on.
fn planned_part(
    record: &Record,
    system: &SystemId,
    start: Timestamp,
    last_bad: Timestamp,
    id: OutageId,
) -> PlannedPart {
    // A window that begins in this very second matters too.
    let over = Span::new(start, instant(second(last_bad).saturating_add(1)));
    let mut history = record.history(system, over);
    if !history.outages.iter().any(|o| o.id == id) {
        history.outages.push(OutageHistory {
            id,
            start,
            end: None,
            declared: false,
            reclassified: false,
            edge_s: 0,
            flapping: None,
        });
    }
    let Some(zone) = record.months_of(system) else {
        return PlannedPart::None;
    };
    let policy = record
        .configurations
        .policy_of_month(system, last_bad, &zone);
    let Some(planned) = accounting::planned_until(&history, id, &zone, policy) else {
        return PlannedPart::None;
    };
    if last_bad >= planned.until {
        PlannedPart::Until(planned.until, planned.window)
    } else if second(last_bad) >= second(planned.from) {
        PlannedPart::Now(planned.from)
    } else {
        PlannedPart::None
    }
}

/// The unplanned seconds of an outage that is over, but for what a person declared, too: that owes
/// its texts by its own incident.
fn own_unplanned(record: &Record, outage: &Outage) -> Option<Spans> {
    let (system, end) = (&outage.system, outage.end?);
    let within = Span::new(outage.start, end);
    let months = record.months_of(system)?;
    let policy = record
        .configurations
        .policy_of_month(system, outage.start, &months);
    let history = record.history(system, within);
    let classes = accounting::classify(&history, within, &months, policy, record.as_of?);
    let declared = history.outages.iter().filter(|o| o.declared);
    let declared = declared.map(|o| Span::new(o.start, o.end.unwrap_or(end)));
    Some(classes.unplanned.difference(&declared.collect()))
}

/// The end of the system's last down span that belongs to an outage since `start`. If no probe
/// observed the end, also the span in which it lies; that span is empty if the probe was removed.
/// The system is down while any of its probes is, so the span reaches to the latest first good
/// sample of its probes. The end is not before `start`: a probe that began to decide during the
/// outage may have had its first good sample earlier.
fn up_since(record: &Record, system: &SystemId, start: Timestamp) -> (Timestamp, Option<Span>) {
    let last = |p: &ProbeRecord| {
        let until = p.took_down_until()?;
        let removed = p.life.iter().any(|life| life.1 == Some(until));
        let by_sample = p.down.last().is_some_and(|d| d.1 == Some(until));
        let unobserved = if removed || !by_sample {
            Some(Span::new(until, until))
        } else {
            // A probe that took the place of another may have been silent for longer.
            p.unobserved
                .map(|s| Span::new(s.from.max(until), s.to.max(until)))
        };
        Some((until, unobserved))
    };
    let probes = || record.probes.of_system(system);
    let ended = || probes().filter_map(last).filter(|(to, _)| *to >= start);
    let found_up = ended().filter_map(|(_, unobserved)| unobserved);
    let found_up = found_up.map(|span| span.to).max();
    let ended = ended().max_by_key(|(to, unobserved)| (*to, unobserved.map(|span| span.to)));
    let ended = ended.map(|(end, unobserved)| {
        let longer = found_up.filter(|found_up| *found_up > end);
        (end, longer.map(|to| Span::new(end, to)).or(unobserved))
    });
    // One that was down and silent when it began to decide was not seen down since.
    let unseen = || {
        let found_up = probes().filter_map(|p| p.unobserved).map(|span| span.to);
        let found_up = found_up.filter(|to| *to > start).max()?;
        Some((start, Some(Span::new(start, found_up))))
    };
    ended.or_else(unseen).unwrap_or((start, None))
}

/// True if its systems are up, unless a person resolves it.
fn is_over(record: &Record, incident: &Incident) -> bool {
    !incident.waits_for_person() && are_up(record, incident)
}

/// True if no system of the incident is down, degraded or unstable.
pub(in crate::decide) fn are_up(record: &Record, incident: &Incident) -> bool {
    let ended = |o: &OutageId| record.outages.get(o).is_none_or(|o| o.end.is_some());
    incident.outages.iter().all(ended)
        && incident
            .systems
            .iter()
            .all(|s| !record.has_open_outage(s) && !record.is_degraded(s))
        && !incident.systems.iter().any(|s| record.unstable.contains(s))
}
