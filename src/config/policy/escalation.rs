//! `[[escalation]]`: the contacts that are notified of an incident, level by level.

use std::collections::BTreeMap;

use domain::policy::{Level, Measure};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Id, Parsed, Seconds, Source, Written};

use super::severity::BusinessHours;
use super::words::{ClockWord, DuringWord, UntilWord};
use crate::config::fields::{Names, reference};

/// A level of escalation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelTable {
    /// Its number. A level may be written several times, for other severities.
    #[schemars(range(min = 1, max = 99))]
    level: Written<u8>,
    /// The severities that it holds for. Default: all.
    #[schemars(length(min = 1))]
    severities: Option<Vec<Parsed<Id>>>,
    /// The incidents that it holds for, by when they begin. Default: "always".
    during: Option<Written<DuringWord>>,
    /// The time from the start of the incident. Default: only when a person escalates.
    after: Option<Parsed<Seconds>>,
    /// The time that `after` counts: all, or only business hours. Default: "elapsed".
    clock: Option<Written<ClockWord>>,
    /// The level is skipped once the incident is acknowledged, responded to or resolved. Default: it is not skipped.
    unless: Option<UntilWord>,
    /// The contacts that are notified.
    #[schemars(length(min = 1))]
    contacts: Vec<Parsed<Id>>,
    /// True if the contacts of the lower levels are notified again. Default: false.
    #[serde(default)]
    cumulative: bool,
}

pub(super) fn levels(
    source: &mut Source<'_>,
    tables: Vec<LevelTable>,
    severities: &Names,
    contacts: &Names,
    hours: BusinessHours,
) -> Vec<Level> {
    let mut levels = Vec::new();
    for table in tables {
        let mut named = Vec::new();
        for id in table.severities.into_iter().flatten() {
            reference(source, &id, "severity", severities);
            named.push((id.value, id.at));
        }
        source.no_repeats(&named);
        let mut notified = Vec::new();
        for id in table.contacts {
            reference(source, &id, "contact", contacts);
            notified.push((id.value, id.at));
        }
        source.no_repeats(&notified);
        let ids = |list: Vec<(String, _)>| list.into_iter().map(|(id, _)| id).collect();
        let level = Level {
            level: table.level.value,
            severities: ids(named),
            during: hours.period(source, table.during.as_ref()),
            after_s: table.after.as_ref().map(|after| after.value),
            measure: hours.measure(source, table.clock.as_ref()),
            unless: table.unless.map(Into::into),
            contacts: ids(notified),
            cumulative: table.cumulative,
        };
        levels.push((level, table.level, table.after));
    }
    if severities.is_complete {
        for id in &severities.ids {
            in_order(source, &levels, id);
        }
    }
    levels.into_iter().map(|(level, ..)| level).collect()
}

/// A level, and the places of its number and its delay.
type Placed = (Level, Written<u8>, Option<Parsed<Seconds>>);

/// Notes a level that a severity has twice, and one that is due before a lower one.
fn in_order(source: &mut Source<'_>, levels: &[Placed], severity: &str) {
    let mut known: BTreeMap<u8, (Option<i64>, Measure)> = BTreeMap::new();
    let mut of_severity: Vec<_> = levels.iter().filter(|(l, ..)| l.is_for(severity)).collect();
    of_severity.sort_by_key(|(level, ..)| level.level);
    for (level, number, after) in of_severity {
        if number.is_stand_in() || after.as_ref().is_some_and(Parsed::is_stand_in) {
            continue;
        }
        let due = (level.after_s, level.measure);
        if known.insert(level.level, due).is_some() {
            let why = format!("severity `{severity}` already has a level {}", level.level);
            source.wrong_once(&number.at, why);
        }
        let lower = known.range(..level.level).next_back();
        if let (Some((before, (before_s, measure))), Some(after)) = (lower, after)
            && *measure == due.1
            && before_s.is_some_and(|before_s| before_s > after.value)
        {
            let why = format!("for severity `{severity}` this is before level {before}");
            source.wrong_once(&after.at, why);
        }
    }
}
