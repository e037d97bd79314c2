//! The clock of disaster recovery: from the declaration of a disaster to the restored service.

use jiff::Timestamp;

use super::goal::{Time, due};
use super::{Outcome, Run};
use crate::calendar::UnknownZone;
use crate::policy::{Clock, Commitments};
use crate::span::{Spans, instant, second};

/// The run of the clock as of `at`. It has no warning before the declaration, and no pauses: a disaster is over when
/// the service is restored. `None` if the policy promises no recovery.
///
/// # Errors
/// The business hours name a zone that does not exist.
pub fn disaster(
    commitments: &Commitments,
    severity: &str,
    declared: Timestamp,
    restored: Option<Timestamp>,
    at: Timestamp,
) -> Result<Option<Run>, UnknownZone> {
    let Some(promised) = commitments.disaster_recovery.as_ref() else {
        return Ok(None);
    };
    let floor = |at| instant(second(at));
    let (declared, at) = (floor(declared), floor(at));
    let restored = restored.map(|restored| floor(restored).max(declared));
    let restored = restored.filter(|restored| *restored <= at);
    let time = Time {
        measure: promised.measure,
        hours: commitments.business_hours.as_ref(),
    };
    let after = |length_s| due(time, declared, length_s, &Spans::new(), None);
    let end = after(promised.within_s)?;
    let warning = after((promised.within_s * super::WARN_PERCENT + 99) / 100)?;
    let now = restored.unwrap_or(at);
    let result = match end {
        Some(end) if now > end => Outcome::Missed,
        _ if restored.is_some() => Outcome::Met,
        _ => Outcome::Running,
    };
    let is_warned = warning.is_some_and(|warning| warning <= now);
    Ok(Some(Run {
        clock: Clock::DisasterRecovery,
        severity: severity.to_owned(),
        started: time.start(declared)?,
        due: end,
        warned: warning.filter(|_| is_warned),
        warns: warning.filter(|_| !is_warned && result == Outcome::Running),
        answered: restored,
        ended: match result {
            Outcome::Missed => end,
            Outcome::Met => restored,
            _ => None,
        },
        paused: Spans::new(),
        result,
    }))
}
