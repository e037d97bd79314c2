//! What falls due although nothing comes in: midnights, starts of windows, notices that waited
//! long enough for others, unstable systems that have been up for long enough. Read from the record; nothing is remembered by a timer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Draft, flapping};
use crate::calendar;
use crate::catalogue::{Affects, Single};
use crate::event::Fact;
use crate::id::{Source, SystemId, WindowId};
use crate::record::{Held, Record};
use crate::span::Span;
use crate::windows::{Earned, Occurrence};

/// How far ahead is looked. A midnight always falls within it, and the search begins anew there.
const HORIZON: SignedDuration = SignedDuration::from_hours(26);

/// The next instant at which something falls due, after the last event; `None` where nothing
/// does (the service does not watch). Depends on the record and on the probes with a bad run that
/// nothing has confirmed ([`crate::watch::Watch::doubted`]): the same until one of them changes.
pub fn next_due(record: &Record, doubted: &BTreeSet<Source>) -> Option<Timestamp> {
    if !record.watching {
        return None;
    }
    let ahead = ahead(record)?;
    let midnight = midnights(record, ahead).into_iter().min();
    let start = told_windows(record).values().map(|o| o.span.from).min();
    // What still goes on ends by the present clock, not by the latest time that was ever shown.
    let now = record.as_of.unwrap_or(ahead.from);
    let unwatched = record
        .held
        .values()
        .filter(|held| held.span.to > now && !held.systems.iter().any(watched(record)))
        .map(|held| held.span.to)
        .min();
    // What became long enough by a fact that came late is due with that fact.
    let settled = flapping::settling(record, doubted)
        .map(|(_, due)| due.max(now))
        .min();
    [midnight, start, unwatched, settled]
        .into_iter()
        .flatten()
        .min()
}

/// Whether a system has a probe that can say that it is up.
fn watched(record: &Record) -> impl Fn(&SystemId) -> bool + '_ {
    |system| {
        let configured = record.catalogue.system(system.as_str());
        configured.is_some_and(|s| s.probes.iter().any(|p| p.affects == Affects::Availability))
    }
}

fn ahead(record: &Record) -> Option<Span> {
    let from = record.decided_until?;
    Some(Span::new(from, from.checked_add(HORIZON).ok()?))
}

/// Midnights after the last event, in the zones of the service and those that its committees have
/// or had when the month began.
fn midnights(record: &Record, ahead: Span) -> Vec<Timestamp> {
    let catalogue = &record.catalogue;
    let mut zones: Vec<&str> = vec![&catalogue.zone];
    // A month is kept to its end in the zone in which it began.
    let month = SignedDuration::from_hours(32 * 24);
    let began_at = ahead.from.checked_sub(month).unwrap_or(Timestamp::MIN);
    for (at, _, catalogue) in record.catalogues.iter().rev() {
        zones.extend(catalogue.committees.iter().map(|c| c.zone.as_str()));
        if *at <= began_at {
            break;
        }
    }
    zones.sort_unstable();
    zones.dedup();
    zones
        .into_iter()
        .filter_map(|name| calendar::zone(name).ok())
        .flat_map(|zone| calendar::midnights(&zone, ahead))
        .filter(|at| *at > ahead.from)
        .collect()
}

/// Windows that customers are told of and that are to start, by the present clock: one that did, or
/// is over, does not start again when the clock is set back.
fn told_windows(record: &Record) -> BTreeMap<WindowId, Occurrence> {
    let ahead = record.as_of.and_then(|now| {
        let to = now.checked_add(HORIZON).ok()?;
        Some(Span::new(now, to))
    });
    let Some(ahead) = ahead else {
        return BTreeMap::new();
    };
    let mut found = windows_over(record, ahead);
    found.retain(|id, o| {
        // One that began and then was given a later start has begun all the same.
        let begun = record.held.contains_key(id) || record.completed.contains(id);
        o.span.from > ahead.from && o.span.from < ahead.to && !begun
    });
    found
}

/// Windows that customers are told of and that touch `over`.
fn windows_over(record: &Record, over: Span) -> BTreeMap<WindowId, Occurrence> {
    // Singles concern any system and are told always; they are looked up by their own systems.
    let single = |window: &Single| window.start < over.to && over.from < window.end;
    let singles = record
        .one_off_windows
        .values()
        .filter_map(|entry| Some(&entry.versions.last()?.1))
        .filter(|window| single(window))
        .filter_map(|window| window.systems.first());
    let recurring = record
        .catalogue
        .systems
        .iter()
        .filter(|system| system.windows.iter().any(|rule| rule.tell))
        .map(|system| &system.id);
    let systems: BTreeSet<&SystemId> = singles.chain(recurring).collect();
    systems
        .into_iter()
        .flat_map(|system| record.windows_of(system, over))
        .filter(|o| o.tell && !o.span.is_empty() && o.why != Earned::Cancelled)
        .map(|o| (o.id.clone(), o))
        .collect()
}

impl Draft<'_> {
    /// Everything that falls due at exactly `at`.
    pub(super) fn fall_due(&mut self, at: Timestamp) {
        let Some(ahead) = ahead(self.record()) else {
            return;
        };
        let midnight = midnights(self.record(), ahead).contains(&at);
        let starting: Vec<Occurrence> = told_windows(self.record())
            .into_values()
            .filter(|o| o.span.from == at)
            .collect();
        if midnight {
            self.emit(at, Fact::DayClosed);
        }
        for occurrence in starting {
            self.start_window(at, &occurrence);
        }
        self.consequences(at);
        // No sample will ever say that these systems are well.
        let unwatched = |s: &SystemId| !watched(self.record())(s);
        let over: Vec<WindowId> = self
            .record()
            .held
            .iter()
            .filter(|(_, held)| held.span.to == at && held.systems.iter().all(unwatched))
            .map(|(id, _)| id.clone())
            .collect();
        for window in over {
            self.complete_window(at, window);
        }
    }

    /// Windows that began while nobody watched and are still held: said late, but once.
    pub(super) fn windows_running(&mut self, at: Timestamp) {
        let over = Span::new(
            at,
            at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at),
        );
        let running: Vec<Occurrence> = windows_over(self.record(), over)
            .into_values()
            .filter(|o| o.span.contains(at))
            .filter(|o| !self.record().held.contains_key(&o.id))
            .filter(|o| !self.record().completed.contains(&o.id))
            .collect();
        for occurrence in running {
            self.start_window(at, &occurrence);
        }
    }

    pub(super) fn start_window(&mut self, at: Timestamp, occurrence: &Occurrence) {
        if self.record().held.contains_key(&occurrence.id) {
            return;
        }
        self.emit(
            at,
            Fact::MaintenanceStarted {
                window: occurrence.id.clone(),
                systems: occurrence.systems.clone(),
                title: occurrence.title.clone(),
                span: occurrence.span,
            },
        );
    }

    /// A window is completed when it is over and every system of it is confirmed up by a sample
    /// at or after its end.
    pub(super) fn complete_windows(&mut self, at: Timestamp) {
        let done = |held: &Held| {
            held.span.to <= at
                && held
                    .systems
                    .iter()
                    .all(|s| self.well_since(s, held.span.to))
        };
        let over: Vec<WindowId> = self
            .record()
            .held
            .iter()
            .filter(|(_, held)| done(held))
            .map(|(id, _)| id.clone())
            .collect();
        for window in over {
            self.complete_window(at, window);
        }
    }

    fn complete_window(&mut self, at: Timestamp, window: WindowId) {
        if self.record().held.contains_key(&window) {
            self.emit(at, Fact::MaintenanceCompleted { window });
        }
    }

    fn well_since(&self, system: &SystemId, end: Timestamp) -> bool {
        let record = self.record();
        let Some(configured) = record.catalogue.system(system.as_str()) else {
            return true;
        };
        let closed = !record.has_open_outage(system);
        closed
            && configured
                .probes
                .iter()
                .filter(|p| p.affects == Affects::Availability)
                .all(|p| {
                    self.watch
                        .runs(&record.catalogue.source(&p.id))
                        .is_some_and(|r| r.well_since(end))
                })
    }
}
