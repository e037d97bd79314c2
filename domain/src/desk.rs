//! The calls of a service desk, counted by day, and the objective of its policy.
//!
//! A file of calls is counted when it is imported. Only the counts enter the ledger, nothing about a caller.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::calendar::{self, UnknownZone};
use crate::catalogue::Catalogue;
use crate::id::PolicyId;
use crate::policy::{Desk, DeskHours, Hours, Policy};
use crate::span::{Span, instant, second};
use crate::suggest::unknown;

/// One incoming call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub at: Timestamp,
    /// The seconds until a person answered. `None` if the caller hung up before.
    pub answered_after_s: Option<u32>,
}

/// Numbers of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub calls: u32,
    /// Answered calls, in time or later.
    pub answered: u32,
    /// Calls that were answered within the policy's time.
    pub within: u32,
    pub abandoned: u32,
}

impl Counts {
    fn add(&mut self, call: &Call, within_s: i64) {
        self.calls += 1;
        match call.answered_after_s {
            None => self.abandoned += 1,
            Some(after_s) => {
                self.answered += 1;
                self.within += u32::from(i64::from(after_s) <= within_s);
            }
        }
    }

    fn adds_up(&self) -> bool {
        let sum = self.answered.checked_add(self.abandoned);
        sum == Some(self.calls) && self.within <= self.answered
    }
}

/// The calls of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// In the zone of the desk's hours.
    pub date: Date,
    /// The calls in the hours of the objective.
    pub in_hours: Counts,
    pub out_of_hours: Counts,
}

/// A counted file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Of the file's bytes, in hexadecimal.
    pub sha256: String,
    /// The time within which the counted calls were answered.
    pub answer_within_s: i64,
    /// The days with a call, in order.
    pub days: Vec<Day>,
}

/// The policy whose desk a person means: the one that is named, else the only one with a desk.
///
/// # Errors
/// There is no such policy, it has no desk, or several have one.
pub fn policy<'a>(
    catalogue: &'a Catalogue,
    named: Option<&PolicyId>,
) -> Result<(&'a Policy, Desk), String> {
    let with_desk = |policy: &'a Policy| Some((policy, policy.commitments.desk?));
    let known: Vec<_> = catalogue.policies.iter().filter_map(with_desk).collect();
    let Some(id) = named else {
        return match known.as_slice() {
            [only] => Ok(*only),
            [] => {
                Err("no policy has an objective of a service desk: add `[desk]` to one".to_owned())
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|(p, _)| p.id.as_str()).collect();
                Err(format!(
                    "several policies have an objective of a service desk: name one with --policy: {}",
                    ids.join(", ")
                ))
            }
        };
    };
    let ids = catalogue.policies.iter().map(|policy| policy.id.as_str());
    let policy = catalogue.policy(id.as_str());
    let policy = policy.ok_or_else(|| unknown("policy", id.as_str(), ids))?;
    with_desk(policy).ok_or_else(|| {
        format!("the policy `{id}` has no objective of a service desk: add `[desk]` to it")
    })
}

/// The zone of a desk's days: that of its hours' openings, else the service's.
///
/// # Errors
/// The zone does not exist.
pub fn zone(catalogue: &Catalogue, policy: &Policy) -> Result<TimeZone, UnknownZone> {
    let hours = policy.commitments.business_hours.as_ref();
    let opening = hours.and_then(|hours| hours.weekly.first());
    calendar::zone(opening.map_or(catalogue.zone.as_str(), |day| day.open.zone.as_str()))
}

/// The hours in which calls count; `None` is all.
pub fn hours(policy: &Policy) -> Option<&Hours> {
    let desk = policy.commitments.desk?;
    let hours = policy.commitments.business_hours.as_ref();
    hours.filter(|_| desk.hours == DeskHours::Business)
}

/// Counts calls by day.
///
/// # Errors
/// The hours name a zone that does not exist.
pub fn count(
    calls: &[Call],
    desk: Desk,
    hours: Option<&Hours>,
    zone: &TimeZone,
) -> Result<Vec<Day>, UnknownZone> {
    let seconds = || calls.iter().map(|call| second(call.at));
    let (Some(first), Some(last)) = (seconds().min(), seconds().max()) else {
        return Ok(Vec::new());
    };
    let over = Span::new(instant(first), instant(last + 1));
    let open = hours.map(|hours| calendar::open(hours, over)).transpose()?;
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for call in calls {
        let date = calendar::date(call.at, zone);
        let day = days.entry(date).or_insert_with(|| Day {
            date,
            in_hours: Counts::default(),
            out_of_hours: Counts::default(),
        });
        let is_open = open
            .as_ref()
            .is_none_or(|open| open.contains(second(call.at)));
        let counts = if is_open {
            &mut day.in_hours
        } else {
            &mut day.out_of_hours
        };
        counts.add(call, desk.answer_within_s);
    }
    Ok(days.into_values().collect())
}

/// Checks that counts can be of calls: the parts add up, and each day stands once and in order.
///
/// # Errors
/// They cannot, which a program wrote wrongly.
pub fn check(days: &[Day]) -> Result<(), String> {
    let adds_up = |day: &Day| {
        let counts = [day.in_hours, day.out_of_hours];
        counts.iter().all(Counts::adds_up) && counts.iter().any(|counts| counts.calls > 0)
    };
    let in_order = days.windows(2).all(|pair| pair[0].date < pair[1].date);
    match in_order && days.iter().all(adds_up) {
        true => Ok(()),
        false => {
            Err("the counts of the calls contradict each other: import the file again".to_owned())
        }
    }
}
