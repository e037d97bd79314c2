//! One month's file: its tables, and writing its rows. Append-only, no keys, no indexes. Each batch
//! is one transaction that also writes the batch's number. After an error that number shows if the
//! batch was committed. The format: `docs/decisions/0008-stored-samples.md`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::id::Source;
use domain::sample::{Outcome, Phases, Reason, Sample};
use duckdb::arrow::array::{
    ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt8Array, UInt16Array,
    UInt32Array,
};
use duckdb::arrow::error::ArrowError;
use duckdb::types::{TimeUnit, Value};
use duckdb::{AccessMode, Config, Connection, params};
use jiff::Timestamp;

use super::archive::quoted;
use super::steps::{STEPS, encode};
use super::{Error, MEMORY, read};

/// The format that this program writes. Each file stores its format.
const FORMAT: u32 = 1;

/// The number of probes (with their certificates) whose numbers are cached. A probe that is not
/// cached gets a second number, which is harmless.
const REMEMBERED: usize = 100_000;

/// `slot` plus `late` is the exact start. Values that rarely change for a probe are in `sources`.
/// Phases and `took` are codes of `steps`.
const TABLES: &str = "
CREATE TABLE format (version UINTEGER NOT NULL);
CREATE TABLE steps (code USMALLINT NOT NULL, us UBIGINT NOT NULL);
CREATE TABLE sources (id UINTEGER NOT NULL, probe VARCHAR NOT NULL, vantage VARCHAR NOT NULL,
  certificate_ends_at TIMESTAMP);
CREATE TABLE verdicts (id UTINYINT NOT NULL, outcome VARCHAR NOT NULL, reason VARCHAR);
CREATE TABLE batches (n UBIGINT NOT NULL, rows UINTEGER NOT NULL, newest TIMESTAMP NOT NULL);
CREATE TABLE compact (
  source UINTEGER NOT NULL,
  slot TIMESTAMP NOT NULL,
  late UINTEGER NOT NULL,
  verdict UTINYINT NOT NULL,
  took USMALLINT NOT NULL,
  resolve USMALLINT,
  connect USMALLINT,
  tls USMALLINT,
  processing USMALLINT,
  transfer USMALLINT,
  status USMALLINT,
  detail VARCHAR
);
CREATE VIEW samples AS
SELECT s.probe, s.vantage, c.slot + to_microseconds(c.late) AS started_at, c.late::BIGINT AS late_us,
  v.outcome, v.reason, c.detail, took.us AS took_us, resolve.us AS resolve_us,
  connect.us AS connect_us, tls.us AS tls_us, processing.us AS processing_us,
  transfer.us AS transfer_us, c.status, s.certificate_ends_at
FROM compact c
JOIN sources s ON s.id = c.source
JOIN verdicts v ON v.id = c.verdict
JOIN steps took ON took.code = c.took
LEFT JOIN steps resolve ON resolve.code = c.resolve
LEFT JOIN steps connect ON connect.code = c.connect
LEFT JOIN steps tls ON tls.code = c.tls
LEFT JOIN steps processing ON processing.code = c.processing
LEFT JOIN steps transfer ON transfer.code = c.transfer;
";

/// Connects to a file, and creates it unless `mode` forbids that. The connection cannot install or
/// load extensions, reach files of other folders, or change these settings.
pub(super) fn connect(path: &Path, mode: AccessMode) -> Result<Connection, duckdb::Error> {
    let config = Config::default()
        .access_mode(mode)?
        .max_memory(MEMORY)?
        .threads(1)?
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?;
    let connection = Connection::open_with_flags(path, config)?;
    connection.execute_batch(&format!(
        "SET allowed_directories = [{}]; SET enable_external_access = false; \
         SET lock_configuration = true",
        quoted(path.parent().unwrap_or(path))
    ))?;
    Ok(connection)
}

/// The format of a samples file; `None` for an empty file. Another file is an error.
pub(super) fn format(connection: &Connection) -> Result<Option<u32>, duckdb::Error> {
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM duckdb_tables() WHERE NOT internal",
        [],
        |row| row.get(0),
    )?;
    if tables == 0 {
        return Ok(None);
    }
    connection
        .query_row("SELECT version FROM format", [], |row| row.get(0))
        .map(Some)
}

/// A later format is an error.
pub(super) fn known(format: u32, path: &Path) -> Result<(), Error> {
    if format == FORMAT {
        return Ok(());
    }
    Err(Error::Newer {
        path: path.to_path_buf(),
        found: format,
        known: FORMAT,
    })
}

/// The outcome of a run with its reason.
pub(super) type Verdict = (Outcome, Option<Reason>);

/// The file to which samples are written.
pub(super) struct File {
    connection: Connection,
    sources: HashMap<(Source, Option<i64>), u32>,
    next_source: u32,
    /// In order of their numbers. `None` is a verdict of a later version.
    verdicts: Vec<Option<Verdict>>,
    /// The number of the last committed batch.
    batch: u64,
}

impl File {
    /// Opens a month's file to write, and creates it if needed.
    pub(super) fn open(path: &Path) -> Result<File, Error> {
        let connection = connect(path, AccessMode::ReadWrite)?;
        match format(&connection)? {
            Some(format) => known(format, path)?,
            None => prepare(&connection)?,
        }
        let mut file = File {
            sources: HashMap::new(),
            next_source: 0,
            verdicts: verdicts(&connection)?,
            batch: connection.query_row("SELECT coalesce(max(n), 0) FROM batches", [], |row| {
                row.get(0)
            })?,
            connection,
        };
        file.remember()?;
        Ok(file)
    }

    /// Another connection to the same DuckDB instance, for reading.
    pub(super) fn reader(&self) -> Result<Connection, Error> {
        Ok(self.connection.try_clone()?)
    }

    /// The number of the last committed batch.
    pub(super) fn batch(&self) -> u64 {
        self.batch
    }

    /// Writes a batch as one transaction. After an error the file must be reopened.
    pub(super) fn write(&mut self, batch: &[Sample]) -> Result<(), Error> {
        let Some(newest) = batch.iter().map(|sample| sample.at).max() else {
            return Ok(());
        };
        self.connection.execute_batch("BEGIN TRANSACTION")?;
        let mut sources = Vec::with_capacity(batch.len());
        let mut verdicts = Vec::with_capacity(batch.len());
        let mut new = Vec::new();
        for sample in batch {
            sources.push(self.source(sample, &mut new));
            verdicts.push(self.verdict(sample)?);
        }
        self.write_sources(&new)?;
        let mut appender = self.connection.appender("compact")?;
        let rows = columns(batch, sources, verdicts)
            .map_err(|error| Error::Unreadable(error.to_string()))?;
        appender.append_record_batch(rows)?;
        // Dropping the appender would ignore errors.
        appender.flush()?;
        drop(appender);
        let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        self.connection
            .prepare_cached("INSERT INTO batches VALUES (?, ?, ?)")?
            .execute(params![self.batch + 1, count, micros(newest)])?;
        self.connection.execute_batch("COMMIT")?;
        self.batch += 1;
        Ok(())
    }

    /// Moves everything from the log into the file, then closes it.
    pub(super) fn close(self) -> Result<(), Error> {
        self.connection.close().map_err(|(_, error)| error.into())
    }

    fn remember(&mut self) -> Result<(), Error> {
        let mut statement = self.connection.prepare(
            "SELECT id, probe, vantage, epoch_us(certificate_ends_at) FROM sources \
             ORDER BY id DESC LIMIT ?",
        )?;
        let limit = i64::try_from(REMEMBERED).unwrap_or(i64::MAX);
        let mut rows = statement.query([limit])?;
        while let Some(row) = rows.next()? {
            let id: u32 = row.get(0)?;
            let source = Source::new(row.get::<_, String>(1)?, row.get::<_, String>(2)?);
            self.next_source = self.next_source.max(id + 1);
            self.sources.insert((source, row.get(3)?), id);
        }
        Ok(())
    }

    /// The number of a probe with its certificate. A new one gets a number, and is added to `new`.
    fn source<'a>(&mut self, sample: &'a Sample, new: &mut Vec<(u32, &'a Sample)>) -> u32 {
        let ends_at = sample.certificate_ends_at.map(Timestamp::as_microsecond);
        let key = (sample.source.clone(), ends_at);
        if let Some(id) = self.sources.get(&key) {
            return *id;
        }
        if self.sources.len() >= REMEMBERED {
            self.sources.clear();
        }
        let id = self.next_source;
        self.next_source += 1;
        self.sources.insert(key, id);
        new.push((id, sample));
        id
    }

    /// After a start all probes are new: a statement for each would take longer than all of their samples.
    fn write_sources(&self, new: &[(u32, &Sample)]) -> Result<(), Error> {
        if new.is_empty() {
            return Ok(());
        }
        let mut appender = self.connection.appender("sources")?;
        for (id, sample) in new {
            appender.append_row(params![
                id,
                sample.source.probe.as_str(),
                sample.source.vantage.as_str(),
                sample.certificate_ends_at.map(micros)
            ])?;
        }
        Ok(appender.flush()?)
    }

    /// The number of an outcome with its reason. There are fewer than 256.
    fn verdict(&mut self, sample: &Sample) -> Result<u8, Error> {
        let verdict = (sample.outcome, sample.reason);
        let place = self
            .verdicts
            .iter()
            .position(|known| *known == Some(verdict));
        let id = u8::try_from(place.unwrap_or(self.verdicts.len()))
            .map_err(|_| Error::Unreadable("more verdicts than there are".into()))?;
        if place.is_none() {
            self.connection.execute(
                "INSERT INTO verdicts VALUES (?, ?, ?)",
                params![id, sample.outcome.word(), sample.reason.map(Reason::word)],
            )?;
            self.verdicts.push(Some(verdict));
        }
        Ok(id)
    }
}

fn prepare(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch("BEGIN TRANSACTION")?;
    connection.execute_batch(TABLES)?;
    let mut appender = connection.appender("steps")?;
    for (code, us) in (0_u16..).zip(STEPS) {
        appender.append_row(params![code, us])?;
    }
    appender.flush()?;
    drop(appender);
    connection.execute("INSERT INTO format VALUES (?)", [FORMAT])?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// The columns of `compact`, which the appender takes whole instead of row by row.
fn columns(
    batch: &[Sample],
    sources: Vec<u32>,
    verdicts: Vec<u8>,
) -> Result<RecordBatch, ArrowError> {
    let late = |sample: &Sample| u32::try_from(sample.late_us).unwrap_or(u32::MAX);
    // The slot makes the start exact, even if the lateness is clamped.
    let slot = |sample: &Sample| sample.at.as_microsecond() - i64::from(late(sample));
    let phase = |us: fn(&Phases) -> Option<u64>| -> ArrayRef {
        let codes = batch.iter().map(|sample| us(&sample.phases).map(encode));
        Arc::new(UInt16Array::from_iter(codes))
    };
    let all: [(&str, ArrayRef); 12] = [
        ("source", Arc::new(UInt32Array::from(sources))),
        (
            "slot",
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                batch.iter().map(slot),
            )),
        ),
        (
            "late",
            Arc::new(UInt32Array::from_iter_values(batch.iter().map(late))),
        ),
        ("verdict", Arc::new(UInt8Array::from(verdicts))),
        (
            "took",
            Arc::new(UInt16Array::from_iter_values(
                batch.iter().map(|sample| encode(sample.took_us)),
            )),
        ),
        ("resolve", phase(|phases| phases.resolve_us)),
        ("connect", phase(|phases| phases.connect_us)),
        ("tls", phase(|phases| phases.tls_us)),
        ("processing", phase(|phases| phases.processing_us)),
        ("transfer", phase(|phases| phases.transfer_us)),
        (
            "status",
            Arc::new(UInt16Array::from_iter(
                batch.iter().map(|sample| sample.status),
            )),
        ),
        (
            "detail",
            Arc::new(StringArray::from_iter(
                batch.iter().map(|sample| sample.detail.as_deref()),
            )),
        ),
    ];
    RecordBatch::try_from_iter(all)
}

/// An instant for DuckDB, truncated to whole microseconds.
pub(super) fn micros(at: Timestamp) -> Value {
    Value::Timestamp(TimeUnit::Microsecond, at.as_microsecond())
}

fn verdicts(connection: &Connection) -> Result<Vec<Option<Verdict>>, Error> {
    let mut statement = connection.prepare("SELECT outcome, reason FROM verdicts ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let words: Vec<(String, Option<String>)> = rows.collect::<Result<_, _>>()?;
    Ok(words
        .iter()
        .map(|(outcome, reason)| read::verdict_of(outcome, reason.as_deref()).ok())
        .collect())
}

/// DuckDB's log beside a file.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".wal");
    PathBuf::from(name)
}
