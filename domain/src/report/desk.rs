//! The service desks of the agreements: how many calls were answered in time.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::Error;
use super::model::Moment;
use super::scope::Scope;
use super::words;
use crate::accounting::Ratio;
use crate::calendar;
use crate::desk::{self, Counts, Day};
use crate::id::PolicyId;
use crate::policy::{Desk, Policy};
use crate::record::DeskRecord;
use crate::span::instant;

/// The desk of one agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeskLine {
    pub policy: String,
    pub policy_name: String,
    pub verdict: DeskVerdict,
    /// The share of the calls in hours that were answered within the time, as a percentage.
    pub share: Option<String>,
    pub target: String,
    pub answer_within_s: i64,
    /// The hours in which calls count, in words; `None` is all.
    pub hours: Option<String>,
    /// Calls in hours. The next three are parts of them.
    pub calls: u64,
    pub answered: u64,
    pub answered_within: u64,
    pub abandoned: u64,
    /// They do not count.
    pub out_of_hours_calls: u64,
    /// Days with hours on which no call came, in the time that imported files cover.
    pub days_without_calls: Vec<Date>,
    pub days: Vec<DeskDay>,
    /// The files that the days come from.
    pub files: Vec<DeskFile>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeskVerdict {
    Met,
    Missed,
    /// No call came in hours, so there is nothing to judge.
    NoCalls,
}

/// The calls of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeskDay {
    pub date: Date,
    pub calls: u64,
    pub answered: u64,
    pub answered_within: u64,
    pub abandoned: u64,
    pub out_of_hours_calls: u64,
}

/// An imported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeskFile {
    pub file: String,
    pub sha256: String,
    /// The ledger event of the import.
    pub event: String,
    pub imported: Moment,
    pub by: String,
}

pub(super) fn lines(scope: &Scope<'_>) -> Result<Vec<DeskLine>, Error> {
    let policies = scope
        .systems
        .values()
        .filter_map(|overseen| overseen.policy);
    let with_desk = |policy: &'_ Policy| policy.commitments.desk;
    let by_id: BTreeMap<&PolicyId, &Policy> = policies.map(|policy| (&policy.id, policy)).collect();
    let mut lines = Vec::new();
    for policy in by_id.values() {
        if let Some(objective) = with_desk(policy) {
            lines.push(line(scope, policy, objective)?);
        }
    }
    Ok(lines)
}

fn line(scope: &Scope<'_>, policy: &Policy, objective: Desk) -> Result<DeskLine, Error> {
    let period = scope.period;
    let first = calendar::date(period.from, &scope.zone);
    let last = calendar::date(instant(crate::span::second(period.to) - 1), &scope.zone);
    let none = DeskRecord::default();
    let record = scope.record.desks.get(&policy.id).unwrap_or(&none);
    let known: Vec<&(usize, Day)> = record
        .days
        .range(first..=last)
        .map(|(_, day)| day)
        .collect();
    let days: Vec<DeskDay> = known.iter().map(|(_, day)| of_day(day)).collect();
    let sum = |count: fn(&DeskDay) -> u64| days.iter().map(count).sum::<u64>();
    let (calls, within) = (sum(|day| day.calls), sum(|day| day.answered_within));
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let share = Ratio::of(whole(within), whole(calls));
    let mut places: Vec<usize> = known.iter().map(|(place, _)| *place).collect();
    places.sort_unstable();
    places.dedup();
    let files = places.iter().filter_map(|place| record.imports.get(*place));
    Ok(DeskLine {
        policy: policy.id.to_string(),
        policy_name: policy.name.clone(),
        verdict: match share {
            None => DeskVerdict::NoCalls,
            Some(share) if share.at_least(objective.share_ppm) => DeskVerdict::Met,
            Some(_) => DeskVerdict::Missed,
        },
        share: share.map(|share| share.percent_truncated(3)),
        target: words::target_truncated(objective.target()),
        answer_within_s: objective.answer_within_s,
        hours: desk::hours(policy).map(super::weekly),
        calls,
        answered: sum(|day| day.answered),
        answered_within: within,
        abandoned: sum(|day| day.abandoned),
        out_of_hours_calls: sum(|day| day.out_of_hours_calls),
        days_without_calls: quiet(scope, policy, (first, last), record)?,
        days,
        files: files
            .map(|import| DeskFile {
                file: import.file.clone(),
                sha256: import.sha256.clone(),
                event: import.seq.to_string(),
                imported: Moment::of(import.at, &scope.zone),
                by: import.by.clone(),
            })
            .collect(),
    })
}

fn of_day(day: &Day) -> DeskDay {
    let Counts {
        calls,
        answered,
        within,
        abandoned,
    } = day.in_hours;
    DeskDay {
        date: day.date,
        calls: calls.into(),
        answered: answered.into(),
        answered_within: within.into(),
        abandoned: abandoned.into(),
        out_of_hours_calls: day.out_of_hours.calls.into(),
    }
}

/// The days whose hours are over and on which no call came in hours. None if no file has a day of the period.
fn quiet(
    scope: &Scope<'_>,
    policy: &Policy,
    (first, last): (Date, Date),
    record: &DeskRecord,
) -> Result<Vec<Date>, Error> {
    let Some(hours) = desk::hours(policy) else {
        return Ok(Vec::new());
    };
    if record.days.range(first..=last).next().is_none() {
        return Ok(Vec::new());
    }
    let called = |date: &Date| {
        record
            .days
            .get(date)
            .is_some_and(|(_, day)| day.in_hours.calls > 0)
    };
    let openings = calendar::openings(hours, first, last)?.into_iter();
    let over = openings.filter(|(_, span)| span.to <= scope.as_of);
    Ok(over
        .map(|(date, _)| date)
        .filter(|date| !called(date))
        .collect())
}
