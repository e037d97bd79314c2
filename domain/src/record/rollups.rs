//! The daily roll-ups of latencies: which days have one, and which days wait for one.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::{SignedDuration, Timestamp};

use super::Record;
use crate::calendar::{self, Month};
use crate::latency::{LocalDay, StoredRollup};
use crate::span::Span;

/// A day is rolled up this long after its end: its last probes may still run, and their samples wait
/// for the store.
const SETTLED: SignedDuration = SignedDuration::from_mins(5);

/// Days that ended longer ago are not rolled up any more. Samples are kept thirteen months.
const LOOKBACK: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The roll-ups by day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollups {
    all: OrdMap<Span, Arc<StoredRollup>>,
}

impl Rollups {
    /// The roll-up of exactly this day.
    pub fn get(&self, day: Span) -> Option<&StoredRollup> {
        self.all.get(&day).map(|stored| &**stored)
    }

    /// In order of their days.
    pub fn all(&self) -> impl Iterator<Item = &StoredRollup> {
        self.all.values().map(|stored| &**stored)
    }

    pub fn add(&mut self, stored: StoredRollup) {
        self.all.insert(stored.day.span, Arc::new(stored));
    }

    /// The clock was set back to `at`: days that it showed as over come again.
    pub(super) fn rewind(&mut self, at: Timestamp) {
        let kept = self.all.iter().filter(|(day, _)| day.to <= at);
        self.all = kept
            .map(|(day, stored)| (*day, Arc::clone(stored)))
            .collect();
    }
}

impl Record {
    /// The days that are over at `now` and have no roll-up, in order: those of the months of every
    /// committee, since the first configuration.
    pub fn days_to_roll_up(&self, now: Timestamp) -> Vec<LocalDay> {
        let Some((began, _, _)) = self.configurations.all().first() else {
            return Vec::new();
        };
        let oldest = now.checked_sub(LOOKBACK).unwrap_or(Timestamp::MIN);
        let from = oldest.max(*began);
        let mut days = BTreeMap::new();
        for committee in &self.catalogue.committees {
            let zones = self.configurations.zones_of(committee.id.as_str());
            let Ok(Some(zones)) = zones else { continue };
            let first = Month::of(from, zones.in_force_at(from)).prev();
            let months = std::iter::successors(Some(first), |month| Some(month.next()));
            for month in months {
                let (span, zone) = zones.month(month);
                if span.from >= now {
                    break;
                }
                let name = zone.iana_name().unwrap_or("UTC");
                let local = calendar::days(span, zone).into_iter();
                // If a zone changed, the first day of a month is a part of a day.
                let local = local.map(|(date, day)| {
                    (
                        date,
                        Span::new(day.from.max(span.from), day.to.min(span.to)),
                    )
                });
                let is_owed = |day: &Span| {
                    let settled = day.to.checked_add(SETTLED).is_ok_and(|at| at <= now);
                    settled && day.to > from && self.rollups.get(*day).is_none()
                };
                for (date, span) in local.filter(|(_, day)| is_owed(day)) {
                    let zone = name.to_owned();
                    days.entry(span).or_insert(LocalDay { date, zone, span });
                }
            }
        }
        days.into_values().collect()
    }

    /// When a day that ends at `midnight` is rolled up.
    pub fn rolls_up_at(&self, midnight: Timestamp) -> Timestamp {
        midnight.checked_add(SETTLED).unwrap_or(midnight)
    }
}
