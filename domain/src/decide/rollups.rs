//! Decides about daily roll-ups that were stored.

use crate::act::Refusal;
use crate::event::Fact;
use crate::latency::StoredRollup;
use crate::record::Record;

/// The fact that the roll-up of a day is on the disk.
pub(super) fn stored(record: &Record, stored: &StoredRollup) -> Result<Fact, Refusal> {
    let day = &stored.day;
    if !record.monitoring.is_watching() {
        return Err(Refusal("only a running service rolls days up".to_owned()));
    }
    if record.rollups.get(day.span).is_some() {
        let why = format!("{} in {} is rolled up already", day.date, day.zone);
        return Err(Refusal(why));
    }
    Ok(Fact::LatenciesRolledUp {
        date: day.date,
        zone: day.zone.clone(),
        span: day.span,
        file: stored.file.clone(),
        sha256: stored.sha256.clone(),
        probes: stored.probes,
        samples: stored.samples,
    })
}
