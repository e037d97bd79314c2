//! Decides about what is stored of samples: daily roll-ups, archived months, deleted months.

use crate::act::Refusal;
use crate::calendar::Month;
use crate::event::Fact;
use crate::latency::StoredRollup;
use crate::record::Record;
use crate::sample::ArchivedMonth;

/// The fact that the roll-up of a day is on the disk.
pub(super) fn stored(record: &Record, stored: &StoredRollup) -> Result<Fact, Refusal> {
    let day = &stored.day;
    by_running(record)?;
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

/// The fact that the archive of a month is on the disk. After a crash it may be recorded twice.
pub(super) fn archived(record: &Record, archived: &ArchivedMonth) -> Result<Fact, Refusal> {
    by_running(record)?;
    Ok(Fact::SamplesArchived {
        month: archived.month,
        sha256: archived.sha256.clone(),
        samples: archived.samples,
    })
}

/// The fact that the samples of a month are deleted. It is recorded before they are.
pub(super) fn deleted(record: &Record, month: Month) -> Result<Fact, Refusal> {
    by_running(record)?;
    Ok(Fact::SamplesDeleted { month })
}

fn by_running(record: &Record) -> Result<(), Refusal> {
    match record.monitoring.is_watching() {
        true => Ok(()),
        false => Err(Refusal("only a running service does this".to_owned())),
    }
}
