//! Composes recovery notices: which outages that are over one message covers, and their rows.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::compose::{Content, Look};
use crate::accounting::{self, OutageFigures};
use crate::id::{NoticeId, OutageId, SystemId};
use crate::notice::{Affected, Kind};
use crate::record::notices::{Known, OutageEntry};
use crate::record::{Outage, Record};
use crate::span::{Span, Spans, second};

/// Outages whose end one row of a message tells.
struct Recovery {
    /// Those that are owed, in their order.
    over: Vec<OutageId>,
    /// All that the row covers.
    all: BTreeSet<OutageId>,
    /// The system was flapping in them.
    flapping: bool,
    /// The messages that reported them while they went on.
    told: BTreeSet<NoticeId>,
}

impl Recovery {
    fn goes_with(&self, other: &Recovery) -> bool {
        !self.all.is_disjoint(&other.all) || !self.told.is_disjoint(&other.told)
    }

    /// Both, `earlier` first.
    fn after(self, earlier: Recovery) -> Recovery {
        let mut both = earlier;
        both.over.extend(self.over);
        both.all.extend(self.all);
        both.flapping |= self.flapping;
        both.told.extend(self.told);
        both
    }
}

impl Look<'_> {
    /// An `uptime` about every system that is up and whose recovery the address is owed: first
    /// the systems that it may know to be down, then those of which it knows nothing.
    pub fn recovery(&self) -> Option<Content> {
        let mut known = Vec::new();
        let mut unknown = Vec::new();
        for (system, entries) in self.open_entries() {
            let over = self.over(system, &entries);
            if over.is_empty() || self.may_be_down(system) {
                continue;
            }
            let rows = self.rows(system, &over);
            let heard = rows
                .iter()
                .flat_map(Affected::outages)
                .any(|o| self.may_know_of(o));
            let to = if heard { &mut known } else { &mut unknown };
            to.extend(rows);
        }
        let includes_downtime = known.is_empty();
        let rows = if includes_downtime { unknown } else { known };
        let content = Content {
            kind: Kind::Uptime,
            affected: Vec::new(),
            window: None,
            incident: None,
            includes_downtime,
            report: None,
            words: Vec::new(),
            alert: None,
        }
        .with(rows);
        // As the notice of the downtime named it.
        let first = content.affected.iter().flat_map(Affected::outages).min()?;
        let incident = self.record.outages.get(&first).and_then(|o| o.incident);
        Some(Content {
            incident,
            ..content
        })
    }

    /// True if the address may have read that the outage goes on and not that it is over. A lost
    /// `uptime` that says both is sent once more as it was.
    fn may_know_of(&self, outage: OutageId) -> bool {
        let entry = self.record.notices.outage_entry(outage, self.address);
        let entry = entry.filter(|e| e.ended.is_owed() && e.began.is_possible());
        entry.and_then(|e| self.told_down_by(e)).is_some()
    }

    /// The message that reported an outage while it went on. An `uptime` that says both does not count:
    /// the outages of its rows were over. One that is forgotten did not say both: it went to a subscriber
    /// who was owed nothing for a while, and is owed the recovery since its system is public again.
    fn told_down_by(&self, entry: &OutageEntry) -> Option<NoticeId> {
        let id = entry.began.notice()?;
        let message = self.record.notices.message(id);
        message
            .is_none_or(|m| m.notice.kind != Kind::Uptime)
            .then_some(id)
    }

    /// The recoveries of a system that is down again, if the address was not told of them.
    pub fn earlier(&self, system: &SystemId) -> Vec<Affected> {
        let all = self.open_entries();
        let Some(entries) = all.get(system) else {
            return Vec::new();
        };
        let flapping = self.record.episode(system);
        let mut over = self.over(system, entries);
        over.retain(|o| !flapping.is_some_and(|e| e.outages().any(|other| other == *o)));
        // If no sample saw the end of an outage, it may be one with the outage that goes on.
        over.retain(|o| {
            self.record
                .outages
                .get(o)
                .is_some_and(|o| !o.is_unwatched())
        });
        self.rows(system, &over)
    }

    /// The outages that are over and owed, in their order; none while it is unknown of one of them
    /// whether the system was up after it.
    fn over(&self, system: &SystemId, entries: &[(&Outage, &OutageEntry)]) -> Vec<OutageId> {
        let over = || entries.iter().filter(|(o, _)| o.end.is_some());
        if !over().all(|(o, _)| self.was_up_after(o)) {
            return Vec::new();
        }
        let mut all: Vec<OutageId> = over().map(|(o, _)| o.id).collect();
        if !all.is_empty() {
            let first = all.iter().filter_map(|o| self.record.outages.get(o));
            let since = first.map(|o| o.start).min().unwrap_or(Timestamp::MAX);
            all.extend(self.refused(system, since));
            all.sort_unstable();
            // A row says that the system is up after each of its outages.
            let rows = self.recoveries(system, &all);
            let outages = rows.iter().flat_map(|row| &row.all);
            let mut outages = outages.filter_map(|o| self.record.outages.get(o));
            if !outages.all(|o| o.end.is_none() || self.was_up_after(o)) {
                return Vec::new();
            }
        }
        all
    }

    /// True if the system is known to have been up after an outage that is over.
    pub fn was_up_after(&self, outage: &Outage) -> bool {
        let at = self.record.as_of.unwrap_or(Timestamp::MIN);
        self.record.ended_up(outage) || self.record.heard_up(outage, at)
    }

    /// Outages that ended after `since` and of which the relay refused to tell the address. A
    /// recovery that is owed for another outage since then includes them.
    fn refused(&self, system: &SystemId, since: Timestamp) -> impl Iterator<Item = OutageId> {
        let known = self.record.systems.get(system).into_iter();
        let outages = known.flat_map(|s| s.outages.iter().copied());
        outages.filter(move |id| {
            let end = self.record.outages.get(id).and_then(|o| o.end);
            let over = end.is_some_and(|end| since <= end);
            let entry = self.record.notices.outage_entry(*id, self.address);
            let refused =
                |e: &OutageEntry| matches!(e.began, Known::Refused(_)) && e.ended == Known::No;
            over && entry.is_some_and(|e| refused(e))
        })
    }

    /// True while no notice may say that the system is up.
    pub fn may_be_down(&self, system: &SystemId) -> bool {
        self.record.has_open_outage(system)
            || self.is_pending(system)
            || self.record.unstable.contains(system)
    }

    fn rows(&self, system: &SystemId, over: &[OutageId]) -> Vec<Affected> {
        let recoveries = self.recoveries(system, over);
        let rows = recoveries.iter().filter_map(|r| self.recovered(r));
        rows.map(|row| self.until_heard(row)).collect()
    }

    /// The end of an outage whose probe was taken away is observed when the system is heard again.
    fn until_heard(&self, mut row: Affected) -> Affected {
        if let Some(span) = row.unobserved.filter(Span::is_empty) {
            let probes = self.record.probes_of(&row.system);
            let heard = probes.filter_map(|p| p.silent.last()?.1).max();
            let to = heard.map_or(span.from, |heard| heard.max(span.from));
            row.unobserved = Some(Span::new(span.from, to));
        }
        row
    }

    /// The recoveries that one row each tells: outages of one flapping, outages that are one
    /// downtime or were told by one message, an outage without an observed end and the next one.
    fn recoveries(&self, system: &SystemId, over: &[OutageId]) -> Vec<Recovery> {
        let record = self.record;
        let known = record.systems.get(system);
        let episode = known.and_then(|s| s.episode.as_ref());
        let mut recoveries: Vec<Recovery> = Vec::new();
        for &outage in over {
            let entry = record.notices.outage_entry(outage, self.address);
            let mut one = Recovery {
                over: vec![outage],
                all: record.same_downtime(outage, self.address),
                flapping: false,
                told: entry
                    .and_then(|e| self.told_down_by(e))
                    .into_iter()
                    .collect(),
            };
            one.all.extend(found_down_again(record, outage, over));
            if let Some(episode) = episode.filter(|e| e.outages().any(|o| o == outage)) {
                let outages = episode.outages();
                one.all
                    .extend(outages.flat_map(|o| record.same_downtime(o, self.address)));
                one.flapping = true;
            }
            let (same, other): (Vec<_>, Vec<_>) =
                recoveries.into_iter().partition(|r| r.goes_with(&one));
            recoveries = other;
            recoveries.push(same.into_iter().rfold(one, Recovery::after));
        }
        recoveries.sort_by_key(|r| r.flapping);
        recoveries
    }

    /// One row about the end of outages: from the first to the last, with their downtime and not
    /// the time between them.
    fn recovered(&self, recovery: &Recovery) -> Option<Affected> {
        let record = self.record;
        let id = *recovery.over.last()?;
        let outage = record.outages.get(&id)?;
        let system = &outage.system;
        if recovery.all.len() == 1 {
            let mut affected = self.affected(id)?;
            affected.from = Some(outage.start);
            // Downtime for customers does not depend on what was agreed.
            let span = Span::new(outage.start, outage.end?);
            let own = self.own_figures(outage, span);
            affected.down_s = own
                .as_ref()
                .map(|f| f.planned_s + f.excluded_s + f.unplanned_s);
            if let (Some(overran), Some(own)) = (&mut affected.overran, own) {
                overran.planned_s = own.planned_s + own.excluded_s;
            }
            return Some(self.until_up(affected));
        }
        let episode = record.systems.get(system)?.episode.as_ref();
        let episode = episode.filter(|_| recovery.flapping);
        let episode: Vec<OutageId> = episode.iter().flat_map(|e| e.outages()).collect();
        // An end that was not observed may seem earlier than one that was told before.
        let ended = |o: &OutageId| {
            let outage = record.outages.get(o)?;
            let entry = record.notices.outage_entry(*o, self.address);
            let untold = entry.is_none_or(|e| e.ended.is_owed());
            Some((untold, outage.ended_at()?, outage.id))
        };
        let all = &recovery.all;
        let (_, _, last) = all.iter().filter_map(ended).max()?;
        // A person may have moved the end of a declared outage beyond that of a later one.
        let outages = all.iter().filter_map(|o| record.outages.get(o));
        let latest = outages.max_by_key(|o| (o.ended_at(), o.id == last))?;
        let said = self.affected(last)?;
        let joined = all.iter().filter(|o| **o != last && !episode.contains(o));
        Some(self.until_up(Affected {
            joined: joined.copied().collect(),
            declared: self.declared(all),
            from: first_start(record, all.iter().copied()),
            to: latest.ended_at(),
            unobserved: latest.unobserved,
            down_s: self.down_s(system, all),
            reason: said.reason.or_else(|| self.seen_in(all)),
            flapping: self.unstable(system, episode),
            overran: None,
            ..said
        }))
    }

    /// If planned work kept the system down after the outage, the row ends with the work.
    fn until_up(&self, said: Affected) -> Affected {
        let record = self.record;
        let (Some(from), Some(mut to)) = (said.from, said.to) else {
            return said;
        };
        let known = record.systems.get(&said.system).into_iter();
        let outages = known.flat_map(|s| &s.outages);
        let mut planned: Vec<&Outage> = outages
            .filter_map(|o| record.outages.get(o))
            .map(|o| &**o)
            .filter(|o| o.counts_from().is_none())
            .collect();
        planned.sort_by_key(|o| (o.began_at(), o.id));
        let mut unobserved = said.unobserved;
        let ended_s = second(to);
        for work in planned {
            let end = work.ended_at().filter(|end| *end > to);
            if let Some(end) = end.filter(|_| work.began_at() <= to) {
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
            overran: None,
            ..said
        }
    }

    /// The downtime of one outage by class.
    fn own_figures(&self, outage: &Outage, period: Span) -> Option<OutageFigures> {
        let zone = self.record.months_of(&outage.system)?;
        let history = self.record.history(&outage.system, period);
        let as_of = self.record.as_of?;
        let figures = accounting::account(&history, period, &zone, None, None, as_of);
        figures.by_outage.into_iter().find(|o| o.id == outage.id)
    }

    /// The downtime in any of these outages, in seconds.
    fn down_s(&self, system: &SystemId, outages: &BTreeSet<OutageId>) -> Option<i64> {
        let spans: Option<Vec<Span>> = outages
            .iter()
            .filter_map(|o| self.record.outages.get(o))
            .map(|o| Some(Span::new(o.start, o.end?)))
            .collect();
        let spans = spans?;
        let from = spans.iter().map(|s| s.from).min()?;
        let to = spans.iter().map(|s| s.to).max()?;
        self.down_within(system, Span::new(from, to), &spans.into_iter().collect())
    }

    /// The seconds of `within` that are downtime of any class.
    fn down_within(&self, system: &SystemId, period: Span, within: &Spans) -> Option<i64> {
        let zone = self.record.zone_of(system)?;
        let history = self.record.history(system, period);
        let as_of = self.record.as_of?;
        let classes = accounting::classify(&history, period, &zone, None, as_of);
        let down = classes.planned.union(&classes.excluded);
        let down = down.union(&classes.unplanned);
        Some(down.intersection(within).seconds())
    }
}

/// The next outage in which a system was seen down after an outage without an observed end: bad on
/// both sides of the gap, it came back once.
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
