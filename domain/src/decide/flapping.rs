//! Systems that fail again and again: when one becomes unstable, which outages and incidents are
//! then one, and when it has been up for long enough.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Draft;
use crate::accounting;
use crate::catalogue::{Affects, Flapping};
use crate::event::{Cause, Fact};
use crate::id::{IncidentId, NoticeId, OutageId, ProbeId, SystemId};
use crate::notice::{Affected, Unstable};
use crate::record::{Outage, Record};
use crate::span::{Span, Spans, second};

/// How long back outages count.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Whether an availability probe of the system is among the doubted ones.
pub(super) fn pending(record: &Record, doubted: &BTreeSet<ProbeId>, system: &SystemId) -> bool {
    doubted
        .iter()
        .filter(|probe| probe.system() == system.as_str())
        .any(|probe| {
            let configured = record.catalogue.probe(probe);
            configured.is_some_and(|p| p.affects == Affects::Availability)
        })
}

/// The unstable systems that are up without doubt, and when each will have been for long enough.
pub(super) fn settling<'a>(
    record: &'a Record,
    doubted: &'a BTreeSet<ProbeId>,
) -> impl Iterator<Item = (&'a SystemId, Timestamp)> {
    record
        .unstable
        .iter()
        .filter(|system| !pending(record, doubted, system))
        .filter_map(|system| {
            let hold = SignedDuration::from_secs(terms(record, system)?.hold_s);
            let since = record.steady_since(system)?;
            Some((system, since.checked_add(hold).ok()?))
        })
}

/// Outages whose end is told by one notice.
pub(super) struct Recovery {
    /// Those of whose end nobody was told yet, in their order.
    pub(super) over: Vec<OutageId>,
    /// All that the notice speaks of.
    all: BTreeSet<OutageId>,
    /// Whether these are outages of a system that was unstable.
    unstable: bool,
    /// The notices that told of them.
    told: BTreeSet<NoticeId>,
}

impl Recovery {
    fn goes_with(&self, other: &Recovery) -> bool {
        !self.all.is_disjoint(&other.all) || !self.told.is_disjoint(&other.told)
    }

    /// Both, `earlier` first.
    fn before(self, earlier: Recovery) -> Recovery {
        let mut both = earlier;
        both.over.extend(self.over);
        both.all.extend(self.all);
        both.unstable |= self.unstable;
        both.told.extend(self.told);
        both
    }
}

fn terms(record: &Record, system: &SystemId) -> Option<Flapping> {
    Some(record.catalogue.system(system.as_str())?.flapping)
}

impl Draft<'_> {
    /// Gives an outage that counts its incident: that of its unstable system, or of the system that
    /// it makes unstable, or else its own.
    pub(super) fn incident_for(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        outage: OutageId,
        cause: Cause,
    ) {
        let record = self.record();
        let Some(known) = record.outages.get(&outage) else {
            return;
        };
        let own = known.incident;
        if let Some(episode) = record.episode(system) {
            if episode.outages().any(|o| o == outage) {
                return;
            }
            let since = first_start(record, episode.outages());
            // A person may declare one that was over before.
            if since.is_none_or(|since| since <= known.began_at()) {
                let incident = episode.incident;
                self.flaps(at, system, incident, vec![outage]);
                return;
            }
        }
        let outages = self.crossing(system, known);
        if outages.is_empty() {
            if own.is_none() {
                self.open_incident(at, system, outage, cause);
            }
            return;
        }
        // The earliest goes on, unless a person has closed it.
        let goes_on = outages
            .iter()
            .filter_map(|o| record.outages.get(o)?.incident)
            .filter(|i| record.incidents.get(i).is_some_and(|i| i.closed.is_none()))
            .min();
        let incident = goes_on.unwrap_or_else(|| self.open_incident(at, system, outage, cause));
        self.flaps(at, system, incident, outages);
    }

    fn flaps(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        incident: IncidentId,
        outages: Vec<OutageId>,
    ) {
        let system = system.clone();
        self.emit(
            at,
            Fact::Flapping {
                system,
                incident,
                outages,
            },
        );
    }

    /// The outages of the hour up to the start of `newest`, if they are too many. The hour is
    /// half-open, as every span: what began a whole hour before is outside. Outages that overlap
    /// or touch are counted as one. What a window excuses is nobody's outage, and one that a person
    /// recorded when it was over makes nothing unstable now.
    fn crossing(&self, system: &SystemId, newest: &Outage) -> Vec<OutageId> {
        let record = self.record();
        let limit = terms(record, system).map_or(0, |t| t.limit);
        let (Some(until), false) = (newest.counts_since(), limit == 0) else {
            return Vec::new();
        };
        if newest.end.is_some() {
            return Vec::new();
        }
        let after = until.checked_sub(HOUR).unwrap_or(Timestamp::MIN);
        let known = record.systems.get(system).map(|s| s.outages.as_slice());
        let mut counted: Vec<(Timestamp, &Outage)> = known
            .unwrap_or_default()
            .iter()
            .filter_map(|o| record.outages.get(o))
            .filter_map(|o| Some((o.counts_since()?, o.as_ref())))
            // One that began later and goes on overlaps the newest, and so is the same.
            .filter(|(from, o)| after < *from && (*from <= until || o.end.is_none()))
            .collect();
        counted.sort_by_key(|(from, o)| (*from, o.id));
        let spans: Spans = counted
            .iter()
            .map(|(from, o)| {
                let end = o.ended_at().map_or(i64::MAX, second);
                (second(*from), end.max(second(*from) + 1))
            })
            .collect();
        let count = u32::try_from(spans.iter().count()).unwrap_or(u32::MAX);
        if count < limit {
            return Vec::new();
        }
        counted.into_iter().map(|(_, o)| o.id).collect()
    }

    /// Unstable systems that have been up for as long as they must are stable again.
    pub(super) fn settle(&mut self, at: Timestamp) {
        if self.record().unstable.is_empty() || !self.alive {
            return;
        }
        let settled: Vec<(SystemId, IncidentId)> = settling(self.record(), &self.doubted)
            .filter(|(_, due)| *due <= at)
            .filter_map(|(s, _)| Some((s.clone(), self.record().episode(s)?.incident)))
            .collect();
        for (system, incident) in settled {
            let fact = Fact::FlappingEnded {
                system: system.clone(),
                incident,
            };
            self.emit(at, fact);
            self.tell_recovery(at, &system);
        }
    }

    /// What to say of an outage's system beside the outage itself, while it is unstable.
    pub(super) fn unstable(&self, outage: &Outage) -> Option<Unstable> {
        let episode = self.record().episode(&outage.system)?;
        let outages: Vec<OutageId> = episode.outages().collect();
        outages
            .contains(&outage.id)
            .then(|| self.said(&outage.system, outages))
            .flatten()
    }

    fn said(&self, system: &SystemId, mut outages: Vec<OutageId>) -> Option<Unstable> {
        let record = self.record();
        let start = |o: &OutageId| record.outages.get(o).and_then(|o| o.counts_since());
        outages.sort_by_key(|o| (start(o), *o));
        Some(Unstable {
            since: outages.iter().filter_map(start).min()?,
            hold_s: terms(record, system)?.hold_s,
            outages,
        })
    }

    /// The recoveries that are told by one notice each: the outages of a system that was unstable
    /// together, those that are one downtime or were told by one notice, one that nobody saw end and
    /// the next that was seen, any other alone.
    pub(super) fn recoveries(&self, system: &SystemId, unanswered: Vec<OutageId>) -> Vec<Recovery> {
        let record = self.record();
        let known = record.systems.get(system);
        let episode = known.and_then(|s| s.episode.as_ref());
        let mut recoveries: Vec<Recovery> = Vec::new();
        for &outage in &unanswered {
            let mut one = Recovery {
                over: vec![outage],
                all: record.stretch(outage),
                unstable: false,
                told: BTreeSet::new(),
            };
            one.all
                .extend(found_down_again(record, outage, &unanswered));
            one.told.extend(
                record
                    .outages
                    .get(&outage)
                    .into_iter()
                    .flat_map(|o| &o.told),
            );
            if let Some(episode) = episode.filter(|e| e.outages().any(|o| o == outage)) {
                // What people declared beside any of them is the same downtime.
                one.all
                    .extend(episode.outages().flat_map(|o| record.stretch(o)));
                one.unstable = true;
            }
            let (same, other): (Vec<_>, Vec<_>) =
                recoveries.into_iter().partition(|r| r.goes_with(&one));
            recoveries = other;
            recoveries.push(same.into_iter().rfold(one, Recovery::before));
        }
        recoveries.sort_by_key(|r| r.unstable);
        recoveries
    }

    /// What is said of the end of an outage; of several that are told together, of all of them: from
    /// the first to the last, with the downtime of all and not the time around them.
    pub(super) fn recovered(&self, recovery: &Recovery) -> Option<Affected> {
        let record = self.record();
        let id = *recovery.over.last()?;
        let outage = record.outages.get(&id)?;
        let system = &outage.system;
        let known = record.systems.get(system)?;
        if recovery.all.len() == 1 {
            let mut affected = self.affected(id)?;
            affected.from = Some(outage.start);
            // What customers went without does not depend on what was agreed.
            let figures = self.figures(outage, None);
            affected.down_s = figures.map(|f| f.planned_s + f.excluded_s + f.unplanned_s);
            return Some(self.until_up(affected));
        }
        let episode = known.episode.as_ref().filter(|_| recovery.unstable);
        let episode: Vec<OutageId> = episode.iter().flat_map(|e| e.outages()).collect();
        // An end that nobody observed may seem to be earlier than one that was told before.
        let ended = |o: &OutageId| {
            let outage = record.outages.get(o)?;
            Some((outage.told_up.is_empty(), outage.ended_at()?, outage.id))
        };
        let all = &recovery.all;
        let (_, to, last) = all.iter().filter_map(ended).max()?;
        let said = self.affected(last)?;
        let joined = all.iter().filter(|o| **o != last && !episode.contains(o));
        Some(self.until_up(Affected {
            joined: joined.copied().collect(),
            declared: self.declared(all),
            from: first_start(record, all.iter().copied()),
            to: Some(to),
            down_s: self.down_s(system, all),
            reason: said.reason.or_else(|| self.seen_in(all)),
            unstable: self.said(system, episode),
            ..said
        }))
    }

    /// What is said of an end after which work kept the system down: that it ended with the work. A
    /// window excuses that downtime, and nobody was told of it; but the system was not up.
    fn until_up(&self, said: Affected) -> Affected {
        let record = self.record();
        let (Some(from), Some(mut to)) = (said.from, said.to) else {
            return said;
        };
        let known = record.systems.get(&said.system).into_iter();
        let outages = known.flat_map(|s| &s.outages);
        let mut excused: Vec<&Outage> = outages
            .filter_map(|o| record.outages.get(o))
            .map(|o| &**o)
            .filter(|o| o.counts_from().is_none())
            .collect();
        excused.sort_by_key(|o| (o.began_at(), o.id));
        let mut unobserved = said.unobserved;
        let ended_s = second(to);
        for work in excused {
            if let Some(end) = work
                .ended_at()
                .filter(|end| work.began_at() <= to && *end > to)
            {
                (to, unobserved) = (end, work.unobserved);
            }
        }
        if second(to) == ended_s {
            return said;
        }
        let period = Span::new(from, to);
        Affected {
            to: Some(to),
            unobserved,
            down_s: self.down_within(&said.system, period, &[period].into_iter().collect()),
            ..said
        }
    }

    /// The downtime in any of these outages, in seconds.
    fn down_s(&self, system: &SystemId, outages: &BTreeSet<OutageId>) -> Option<i64> {
        let record = self.record();
        let spans: Option<Vec<Span>> = outages
            .iter()
            .filter_map(|o| record.outages.get(o))
            .map(|o| Some(Span::new(o.start, o.end?)))
            .collect();
        let spans = spans?;
        let from = spans.iter().map(|s| s.from).min()?;
        let to = spans.iter().map(|s| s.to).max()?;
        self.down_within(system, Span::new(from, to), &spans.into_iter().collect())
    }

    /// The seconds of `within` that are downtime of any class.
    fn down_within(&self, system: &SystemId, period: Span, within: &Spans) -> Option<i64> {
        let record = self.record();
        let zone = record.zone_of(system)?;
        let history = record.history(system, period);
        let classes = accounting::classify(&history, period, &zone, None, record.as_of?);
        let down = classes.planned.union(&classes.excluded);
        let down = down.union(&classes.unplanned);
        Some(down.intersection(within).seconds())
    }
}

/// The outage in which a system was seen to be down next, of which nobody saw that it was up again:
/// bad on both sides of what nobody watched, it came back once.
fn found_down_again(record: &Record, id: OutageId, among: &[OutageId]) -> Option<OutageId> {
    let unwatched = record.outages.get(&id).filter(|o| o.is_unwatched())?;
    let end = unwatched.ended_at()?;
    let others = among.iter().filter(|o| **o != id);
    let others = others.filter_map(|o| record.outages.get(o));
    let later = others.filter(|o| o.began_at() >= end);
    later.min_by_key(|o| (o.began_at(), o.id)).map(|o| o.id)
}

fn first_start(record: &Record, outages: impl Iterator<Item = OutageId>) -> Option<Timestamp> {
    outages
        .filter_map(|o| record.outages.get(&o))
        .map(|o| o.began_at())
        .min()
}
