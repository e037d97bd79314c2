//! The instant at which a commitment falls due, with the steps of its calculation, and the plan of an escalation.

use jiff::{SignedDuration, Timestamp};

use crate::business_time;
use crate::calendar::UnknownZone;
use crate::policy::{
    Clock, Commitment, Commitments, Hours, Level, Measure, Period, Request, Until,
};
use crate::span::{Span, instant, second};

/// A clock of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub clock: Clock,
    pub severity: String,
    /// The instant at which the clock starts; of a clock in business time, the next opening if it is outside hours.
    pub started: Timestamp,
    /// `None`: not promised.
    pub due: Option<Timestamp>,
    pub steps: Vec<Step>,
}

/// A step of the calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The policy has no such commitment.
    NotPromised,
    /// The commitment holds only for incidents that begin in this part of the week.
    OnlyDuring(Period),
    /// The business hours never open for so long.
    NeverOpen,
    /// Outside business hours nothing counts.
    Closed(Span),
    /// This span counts, and so many seconds are left after it.
    Counted { span: Span, left_s: i64 },
}

/// The three clocks of an incident with that severity that starts at `at`, also those that are not promised.
///
/// # Errors
/// The business hours name a zone that does not exist.
pub fn of_incident(
    commitments: &Commitments,
    severity: &str,
    request: Option<Request>,
    at: Timestamp,
) -> Result<Vec<Deadline>, UnknownZone> {
    let hours = commitments.business_hours.as_ref();
    Clock::ALL
        .into_iter()
        .map(|clock| {
            let commitment = commitments.commitment(severity, request, clock);
            let (started, due, steps) = match commitment {
                None => (floor(at), None, vec![Step::NotPromised]),
                Some(commitment) => of_commitment(hours, commitment, at)?,
            };
            Ok(Deadline {
                clock,
                severity: severity.to_owned(),
                started,
                due,
                steps,
            })
        })
        .collect()
}

type Calculated = (Timestamp, Option<Timestamp>, Vec<Step>);

fn of_commitment(
    hours: Option<&Hours>,
    commitment: &Commitment,
    at: Timestamp,
) -> Result<Calculated, UnknownZone> {
    if !is_within(hours, commitment.during, at)? {
        return Ok((floor(at), None, vec![Step::OnlyDuring(commitment.during)]));
    }
    due(hours, commitment.measure, at, commitment.within_s)
}

/// The start and the end of a length of time, with the steps of the calculation. Without business hours, every hour
/// is one.
///
/// # Errors
/// The business hours name a zone that does not exist.
pub fn due(
    hours: Option<&Hours>,
    measure: Measure,
    at: Timestamp,
    length_s: i64,
) -> Result<Calculated, UnknownZone> {
    let start = floor(at);
    let (Measure::Business, Some(hours)) = (measure, hours) else {
        let span = Span::new(start, later(start, length_s));
        return Ok((
            start,
            Some(span.to),
            vec![Step::Counted { span, left_s: 0 }],
        ));
    };
    let Some(parts) = business_time::use_up(hours, start, length_s)? else {
        return Ok((start, None, vec![Step::NeverOpen]));
    };
    let mut steps = Vec::new();
    let mut until = start;
    for part in &parts {
        if until < part.span.from {
            steps.push(Step::Closed(Span::new(until, part.span.from)));
        }
        steps.push(Step::Counted {
            span: part.span,
            left_s: part.left_s,
        });
        until = part.span.to;
    }
    let started = parts.first().map_or(start, |part| part.span.from);
    Ok((started, Some(until), steps))
}

/// True if `at` lies in that part of the week. Without business hours, every hour is one.
///
/// # Errors
/// The business hours name a zone that does not exist.
pub fn is_within(
    hours: Option<&Hours>,
    period: Period,
    at: Timestamp,
) -> Result<bool, UnknownZone> {
    let is_open = hours.map_or(Ok(true), |hours| business_time::is_open(hours, at));
    Ok(match period {
        Period::Always => true,
        Period::Business => is_open?,
        Period::AfterHours => !is_open?,
    })
}

/// A level of escalation, and when it is notified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    pub level: u8,
    /// `None`: only when a person escalates.
    pub due: Option<Timestamp>,
    /// The level is skipped once this has happened.
    pub unless: Option<Until>,
    pub contacts: Vec<String>,
}

/// The levels that hold for an incident of that severity that starts at `at`, the lowest first.
///
/// # Errors
/// The business hours name a zone that does not exist.
pub fn escalation(
    commitments: &Commitments,
    severity: &str,
    at: Timestamp,
) -> Result<Vec<Escalation>, UnknownZone> {
    let hours = commitments.business_hours.as_ref();
    let mut plan = Vec::new();
    for level in commitments.levels(severity) {
        if !is_within(hours, level.during, at)? {
            continue;
        }
        plan.push(Escalation {
            level: level.level,
            due: level_due(hours, level, at)?,
            unless: level.unless,
            contacts: commitments
                .contacts(severity, level)
                .into_iter()
                .map(str::to_owned)
                .collect(),
        });
    }
    Ok(plan)
}

fn level_due(
    hours: Option<&Hours>,
    level: &Level,
    at: Timestamp,
) -> Result<Option<Timestamp>, UnknownZone> {
    let Some(after_s) = level.after_s else {
        return Ok(None);
    };
    Ok(due(hours, level.measure, at, after_s)?.1)
}

fn floor(at: Timestamp) -> Timestamp {
    instant(second(at))
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    let end = at.checked_add(SignedDuration::from_secs(seconds));
    end.unwrap_or(Timestamp::MAX)
}
