//! Reads one month's file. Every connection comes from the instance; this file opens none.

use std::collections::BTreeMap;

use domain::id::Source;
use domain::latency::Counted;
use domain::sample::{Outcome, Phases, Reason, Sample};
use domain::span::Span;
use duckdb::{Connection, OptionalExt, params};
use jiff::Timestamp;

use super::Error;
use super::file::{Verdict, micros};
use super::steps::decode;

/// The verdict with these stored words.
pub(super) fn verdict_of(outcome: &str, reason: Option<&str>) -> Result<Verdict, Error> {
    const OUTCOMES: [Outcome; 4] = [
        Outcome::Up,
        Outcome::Degraded,
        Outcome::Down,
        Outcome::Inconclusive,
    ];
    let unknown = || Error::Unreadable(format!("a verdict of `{outcome}`, `{reason:?}`"));
    let outcome = OUTCOMES.into_iter().find(|known| known.word() == outcome);
    let known = |word: &str| Reason::ALL.into_iter().find(|known| known.word() == word);
    let reason = reason
        .map(|word| known(word).ok_or_else(unknown))
        .transpose()?;
    Ok((outcome.ok_or_else(unknown)?, reason))
}

/// The samples of a file that started at or after `since`, in order of rows.
pub(super) fn recent(connection: &Connection, since: Timestamp) -> Result<Vec<Sample>, Error> {
    let mut statement = connection.prepare(
        "SELECT s.probe, epoch_us(s.certificate_ends_at), v.outcome, v.reason, \
           epoch_us(c.slot) + c.late, c.late, c.took, c.resolve, c.connect, c.tls, c.processing, \
           c.transfer, c.status, c.detail, s.vantage \
         FROM compact c JOIN sources s ON s.id = c.source JOIN verdicts v ON v.id = c.verdict \
         WHERE c.slot >= ? AND epoch_us(c.slot) + c.late >= ?",
    )?;
    let mut rows = statement.query(params![
        micros(earliest_slot(since)),
        since.as_microsecond()
    ])?;
    let mut samples = Vec::new();
    while let Some(row) = rows.next()? {
        samples.push(sample(row)?);
    }
    Ok(samples)
}

/// The earliest slot of a sample that started at `at`: the lateness of a row has a maximum. With it
/// DuckDB skips older parts of a file.
fn earliest_slot(at: Timestamp) -> Timestamp {
    let us = at.as_microsecond() - i64::from(u32::MAX);
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::MIN)
}

fn sample(row: &duckdb::Row<'_>) -> Result<Sample, Error> {
    let ends_at: Option<i64> = row.get(1)?;
    let (outcome, reason): (String, Option<String>) = (row.get(2)?, row.get(3)?);
    let (outcome, reason) = verdict_of(&outcome, reason.as_deref())?;
    let late: u32 = row.get(5)?;
    let phase = |column: usize| -> Result<Option<u64>, duckdb::Error> {
        Ok(row.get::<_, Option<u16>>(column)?.map(decode))
    };
    Ok(Sample {
        source: Source::new(row.get::<_, String>(0)?, row.get::<_, String>(14)?),
        at: instant(row.get(4)?)?,
        late_us: u64::from(late),
        outcome,
        reason,
        detail: row.get(13)?,
        took_us: decode(row.get(6)?),
        phases: Phases {
            resolve_us: phase(7)?,
            connect_us: phase(8)?,
            tls_us: phase(9)?,
            processing_us: phase(10)?,
            transfer_us: phase(11)?,
        },
        status: row.get(12)?,
        certificate_ends_at: ends_at.map(instant).transpose()?,
        // Not stored: it follows from the end and the configuration.
        certificate_ends_soon: false,
        clock_offset_us: None,
    })
}

fn instant(us: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(us)
        .map_err(|error| Error::Unreadable(format!("an instant: {error}")))
}

/// The latest start in a file, among the batches that end by `by`.
pub(super) fn last_at(connection: &Connection, by: Timestamp) -> Result<Option<Timestamp>, Error> {
    let us: Option<i64> = connection
        .query_row(
            "SELECT max(epoch_us(newest)) FROM batches WHERE epoch_us(newest) <= ?",
            [by.as_microsecond()],
            |row| row.get(0),
        )
        .optional()?
        .flatten();
    us.map(instant).transpose()
}

/// Sources whose latencies one query counts: more would need more memory than a file has.
const SOURCES: u32 = 2_000;

/// Adds the conclusive samples of a file that started in `day` to `counted`.
pub(super) fn count_day(
    connection: &Connection,
    day: Span,
    counted: &mut BTreeMap<Source, Counted>,
) -> Result<(), Error> {
    let mut statement = connection.prepare("SELECT id, probe, vantage FROM sources")?;
    let rows = statement.query_map([], |row| {
        let source = Source::new(row.get::<_, String>(1)?, row.get::<_, String>(2)?);
        Ok((row.get::<_, u32>(0)?, source))
    })?;
    let sources: BTreeMap<u32, Source> = rows.collect::<Result<_, _>>()?;
    let Some((last, _)) = sources.last_key_value() else {
        return Ok(());
    };
    let mut statement = connection.prepare(
        "SELECT c.source, v.outcome, c.took, count(*) \
         FROM compact c JOIN verdicts v ON v.id = c.verdict \
         WHERE c.slot >= ? AND c.slot < ? AND epoch_us(c.slot) + c.late >= ? \
           AND epoch_us(c.slot) + c.late < ? AND c.source >= ? AND c.source < ? \
         GROUP BY c.source, v.outcome, c.took",
    )?;
    for first in (0..=*last).step_by(SOURCES as usize) {
        let mut rows = statement.query(params![
            micros(earliest_slot(day.from)),
            micros(day.to),
            day.from.as_microsecond(),
            day.to.as_microsecond(),
            first,
            first.saturating_add(SOURCES),
        ])?;
        while let Some(row) = rows.next()? {
            let (outcome, _) = verdict_of(&row.get::<_, String>(1)?, None)?;
            let Some(source) = sources.get(&row.get(0)?) else {
                continue;
            };
            let count: u64 = row.get(3)?;
            if outcome == Outcome::Inconclusive {
                continue;
            }
            let entry = counted.entry(source.clone()).or_default();
            entry.conclusive += count;
            if outcome != Outcome::Down {
                entry.answered.add(decode(row.get(2)?), count);
            }
        }
    }
    Ok(())
}

/// The number of samples in a file.
pub(super) fn count(connection: &Connection) -> Result<u64, Error> {
    Ok(connection.query_row("SELECT count(*) FROM compact", [], |row| row.get(0))?)
}
