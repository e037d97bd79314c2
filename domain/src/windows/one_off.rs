//! One-off windows: people schedule, change and cancel them, and customers must be told in time.

use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Single;
use crate::id::CustomerId;
use crate::policy::Hours;
use crate::span::{Span, Spans};

use super::{Earned, Occurrence, OneOffHistory, cut_to_hours, earned_parts, smaller};

/// A one-off window as held and with its earned parts; `None` if it has no length.
///
/// `customers` are those of its systems at the deadline for notices. A part is earned if every
/// customer was told in time about some version that has it, and it was held. `probe_interval_s` is
/// the `start_grace` of a window that names none.
pub fn one_off(
    entry: &OneOffHistory,
    customers: &[CustomerId],
    probe_interval_s: i64,
    planned_hours: Option<&Hours>,
) -> Option<Occurrence> {
    let (_, last) = entry.versions.last()?;
    let mut held = Span::new(last.start, last.end);
    let cancelled = entry.cancelled_at.is_some_and(|at| at <= held.from);
    if let Some(at) = entry.cancelled_at.filter(|_| !cancelled) {
        held.to = held.to.min(at);
    }
    if held.is_empty() {
        return None;
    }
    let announcement = announced(entry, customers);
    // A lowered allowance stays low: raising it again is too late to be announced.
    let since = entry.versions[entry.in_time()..].iter();
    let mut limit = since.fold(None, |least, (_, v)| smaller(least, v.max_downtime_s));
    let mut parts = Vec::new();
    let mut why = match announcement {
        _ if cancelled => Earned::Cancelled,
        Err(missing) => Earned::NotTold(missing),
        Ok((versions, told_at)) => {
            let mut seconds: Spans = [held].into_iter().collect();
            for version in &versions {
                let (_, told) = &entry.versions[*version];
                limit = smaller(limit, told.max_downtime_s);
                seconds = seconds.intersection(&of(told));
            }
            let made: Vec<_> = entry
                .versions
                .iter()
                .map(|(at, version)| (*at, version.max_downtime_s, of(version)))
                .collect();
            parts = earned_parts(&seconds, &made, limit);
            if parts.is_empty() {
                // The window was moved away from the announced time.
                let current = entry.versions.len() - 1;
                let late = customers.iter().zip(&versions);
                let late = late.filter(|(_, version)| **version != current);
                Earned::NotTold(late.map(|(customer, _)| customer.clone()).collect())
            } else {
                Earned::Told(told_at)
            }
        }
    };
    let earned = !parts.is_empty();
    cut_to_hours(&mut parts, planned_hours);
    if earned && parts.is_empty() {
        why = Earned::OutsideHours;
    }
    Some(Occurrence {
        id: last.id.clone(),
        title: last.title.clone(),
        impact: last.impact.clone(),
        systems: last.systems.clone(),
        span: held,
        earned_parts: parts,
        why,
        max_downtime_s: limit,
        start_grace_s: last.start_grace_s.unwrap_or(probe_interval_s),
        tell: true,
        announce_s: last.announce_s.clone(),
        recurring: false,
    })
}

fn of(version: &Single) -> Spans {
    [Span::new(version.start, version.end)]
        .into_iter()
        .collect()
}

impl OneOffHistory {
    /// The last version that was made early enough to be announced in time; if there is none, the
    /// first. Later versions can only shorten what is earned.
    pub fn in_time(&self) -> usize {
        let could = |(made_at, version): &(Timestamp, Single)| *made_at <= notice_deadline(version);
        self.versions.iter().rposition(could).unwrap_or(0)
    }
}

/// The last instant at which a customer can be told about a version in time.
pub fn notice_deadline(version: &Single) -> Timestamp {
    let notice_s = version.min_notice_s.unwrap_or(0).max(0);
    version
        .start
        .checked_sub(SignedDuration::from_secs(notice_s))
        .unwrap_or(Timestamp::MIN)
}

/// For each customer the last version that it was told about in time, and when the last customer was
/// told. An error lists the customers who were told about none in time. A window without customers
/// counts as announced when it is recorded.
fn announced(
    entry: &OneOffHistory,
    customers: &[CustomerId],
) -> Result<(Vec<usize>, Timestamp), Vec<CustomerId>> {
    let in_time = |told: &dyn Fn(usize) -> Option<Timestamp>| {
        (0..entry.versions.len()).rev().find_map(|version| {
            told(version)
                .filter(|at| *at <= notice_deadline(&entry.versions[version].1))
                .map(|at| (version, at))
        })
    };
    if customers.is_empty() {
        let (version, at) = in_time(&|v| Some(entry.versions[v].0)).ok_or_else(Vec::new)?;
        return Ok((vec![version], at));
    }
    let mut versions = Vec::new();
    let mut missing = Vec::new();
    let mut last_at = Timestamp::MIN;
    for customer in customers {
        match in_time(&|v| entry.told.get(&(v, customer.clone())).copied()) {
            Some((version, at)) => {
                versions.push(version);
                last_at = last_at.max(at);
            }
            None => missing.push(customer.clone()),
        }
    }
    if missing.is_empty() {
        Ok((versions, last_at))
    } else {
        Err(missing)
    }
}
