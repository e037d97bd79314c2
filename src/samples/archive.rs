//! A finished month becomes one Parquet file, which any program can read. It is written beside the month's
//! DuckDB file, read back and compared, then renamed; only then the DuckDB file goes. A kill between two
//! steps leaves one of both complete: an archive wins, and a file `.tmp` is removed at the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::calendar;
use domain::sample::ArchivedMonth;
use duckdb::{AccessMode, Config, Connection, params};
use jiff::{SignedDuration, Timestamp};

use super::long_work::LongWork;
use super::month::{Month, Months};
use super::opening::{LOCKED_FOR, LOCKED_TIMES};
use super::steps::STEPS;
use super::writer::{Shared, Writer};
use super::{Error, file, lock};

/// A copy of the running month for another process ends so. The process removes it; each start removes
/// what is left for longer than `OLD`. The command may outlive the service that made its copy.
const COPY: &str = ".copy.parquet";
const OLD: Duration = Duration::from_secs(24 * 3_600);

/// The name of an unfinished archive ends so.
const UNFINISHED: &str = ".parquet.tmp";

/// A month is archived this long after its end: later samples of it are rare.
const SETTLED: SignedDuration = SignedDuration::from_hours(24);

/// DuckDB's memory limit while it sorts and compares a month. Beyond it DuckDB writes to a folder beside
/// the files.
const MEMORY: &str = "256MB";

/// The folder for what does not fit into memory.
const SPILL: &str = "spill";

/// The columns of an archive. `slot` plus `late_us` is the exact start.
pub(super) const COLUMNS: &str = "s.probe, s.vantage, c.slot, c.late AS late_us, v.outcome, v.reason, c.detail, \
  took.us AS took_us, resolve.us AS resolve_us, connect.us AS connect_us, tls.us AS tls_us, \
  processing.us AS processing_us, transfer.us AS transfer_us, c.status, s.certificate_ends_at";

/// The rows of a month's DuckDB file, whose tables are in the schema `month`.
pub(super) const ROWS: &str = "FROM month.compact c \
  JOIN month.sources s ON s.id = c.source \
  JOIN month.verdicts v ON v.id = c.verdict \
  JOIN month.steps took ON took.code = c.took \
  LEFT JOIN month.steps resolve ON resolve.code = c.resolve \
  LEFT JOIN month.steps connect ON connect.code = c.connect \
  LEFT JOIN month.steps tls ON tls.code = c.tls \
  LEFT JOIN month.steps processing ON processing.code = c.processing \
  LEFT JOIN month.steps transfer ON transfer.code = c.transfer";

/// The handle that archives months. Cloning is cheap. It must be gone before the instance is closed.
#[derive(Clone)]
pub struct Archiver {
    shared: Arc<Shared>,
}

impl Archiver {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Writes the archive of the earliest month that ended at least a day before `now`; `None` if no month did.
    /// [`Archiver::finish`] then removes its DuckDB file. This takes a processor for minutes if the month is
    /// large; do not call it on an asynchronous thread.
    ///
    /// # Errors
    /// The month cannot be read or the archive cannot be written. The DuckDB file is still there.
    pub fn write_next(&self, now: Timestamp) -> Result<Option<ArchivedMonth>, Error> {
        let folder = &self.shared.folder;
        let work = &self.shared.archiving;
        // From here on the writer does not turn back to the month.
        let _turn = work.begin();
        let (running, damaged) = {
            let running = lock(&self.shared.running);
            (running.month, running.damaged.clone())
        };
        let finished = |month: &Month| {
            *month < running && month.end() + SETTLED <= now && damaged.get(month) != Some(&true)
        };
        let Some(month) = Months::of(folder)?.files.into_iter().find(finished) else {
            return Ok(None);
        };
        let archive = month.archive(folder);
        let contents = match archive.exists() {
            // A roll-over was cut off after the comparison.
            true => Contents::of(&archive, work)?,
            false => {
                let unfinished = folder.join(format!("{month}{UNFINISHED}"));
                let contents = write(&month.file(folder), &unfinished, work)?;
                // Readers hold this lock: from here on they read the archive.
                let _running = lock(&self.shared.running);
                crate::files::rename(&unfinished, &archive)?;
                contents
            }
        };
        Ok(Some(ArchivedMonth {
            month: month.named()?,
            sha256: crate::files::digest(&archive)?.1,
            samples: contents.count,
        }))
    }

    /// Breaks off the writing of an archive, because the service stops. The next start begins it anew. Call it again
    /// until [`Archiver::write_next`] has returned.
    pub fn stop(&self) {
        self.shared.archiving.stop();
    }

    /// Removes the DuckDB file of a month that has an archive.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn finish(&self, archived: &ArchivedMonth) -> Result<(), Error> {
        let folder = &self.shared.folder;
        let _running = lock(&self.shared.running);
        let months = Months::of(folder)?;
        let both = months.archives.intersection(&months.files);
        for month in both {
            if month.named()? == archived.month {
                remove(&month.file(folder))?;
            }
        }
        Ok(())
    }

    /// The earliest archive of a month that ended before `oldest`.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn too_old(&self, oldest: Timestamp) -> Result<Option<calendar::Month>, Error> {
        let months = Months::of(&self.shared.folder)?;
        let first = months.archives.first();
        first
            .filter(|month| month.end() <= oldest)
            .map(|month| month.named())
            .transpose()
    }

    /// Deletes the archive of a month.
    ///
    /// # Errors
    /// It cannot be deleted.
    pub fn delete(&self, month: calendar::Month) -> Result<(), Error> {
        let folder = &self.shared.folder;
        let mut running = lock(&self.shared.running);
        for found in Months::of(folder)?.archives {
            if found.named()? == month {
                std::fs::remove_file(found.archive(folder))?;
                running.damaged.remove(&found);
            }
        }
        Ok(crate::files::sync_dir(folder)?)
    }

    /// Writes the committed samples of the running month as Parquet beside the files, for another process.
    /// Returns the path; its reader removes it.
    ///
    /// # Errors
    /// The samples cannot be read now, or the copy cannot be written.
    pub fn copy_running(&self) -> Result<PathBuf, Error> {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        Writer::new(Arc::clone(&self.shared)).flush()?;
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let work = &self.shared.copying;
        let _turn = work.begin();
        let (month, reader) = self.reader()?;
        work.watch(&reader)?;
        let name = format!("{month}.{}-{number}{COPY}", std::process::id());
        let path = self.shared.folder.join(name);
        let rows = ROWS.replace("month.", "");
        let copied = reader.execute_batch(&copy(&format!("SELECT {COLUMNS} {rows}"), &path));
        if let Err(error) = copied {
            let _ = std::fs::remove_file(&path);
            return Err(error.into());
        }
        Ok(path)
    }

    /// A reader of the running month. While its file is opened anew, waits for some seconds.
    fn reader(&self) -> Result<(Month, Connection), Error> {
        for _ in 0..LOCKED_TIMES {
            let running = lock(&self.shared.running);
            if let Some(reader) = &running.reader {
                return Ok((running.month, reader.try_clone()?));
            }
            drop(running);
            std::thread::sleep(LOCKED_FOR);
        }
        Err(Error::Failing("the file is being opened anew".into()))
    }
}

/// The month of a copy that [`Archiver::copy_running`] made.
pub(super) fn month_of_copy(copy: &Path) -> Option<Month> {
    let name = copy.file_name()?.to_str()?.strip_suffix(COPY)?;
    Month::parse(name.split_once('.')?.0, "")
}

/// Removes what killed processes left in the folder: unfinished archives, copies that no query reads any more, and logs of
/// files that are archives now.
pub(super) fn clean(folder: &Path) -> Result<(), Error> {
    let months = Months::of(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let log_of = Month::parse(name, ".duckdb.wal");
        let is_orphan = |month| months.archives.contains(month) && !months.files.contains(month);
        let is_left = name.ends_with(UNFINISHED)
            || log_of.as_ref().is_some_and(is_orphan)
            || name.ends_with(COPY) && is_old(&entry);
        if is_left {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// True for a file that is older than any query.
fn is_old(entry: &std::fs::DirEntry) -> bool {
    let written = entry.metadata().and_then(|file| file.modified());
    let age = written.map(|at| at.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age > OLD)
}

fn remove(file: &Path) -> Result<(), Error> {
    let log = file::log_of(file);
    for path in [file, &log] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    crate::files::sync_dir(file.parent().unwrap_or(file))?;
    Ok(())
}

/// The statement that writes the rows of a query. Version 2 stores the slots of a probe as differences.
pub(super) fn copy(query: &str, to: &Path) -> String {
    format!(
        "COPY ({query}) TO {} (FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd)",
        quoted(to)
    )
}

/// A path as a string of SQL.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "''"))
}

/// A Parquet file as a table.
pub(super) fn parquet(path: &Path) -> String {
    format!("read_parquet({})", quoted(path))
}

/// A connection to no file that may use these paths, and later no others.
pub(super) fn outside(memory: &str, folder: &Path, paths: &[&Path]) -> Result<Connection, Error> {
    let config = Config::default()
        .access_mode(AccessMode::Automatic)?
        .max_memory(memory)?
        .threads(1)?
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    let paths: Vec<_> = paths.iter().map(|path| quoted(path)).collect();
    connection.execute_batch(&format!(
        "SET temp_directory = {}; SET allowed_paths = [{}]; SET enable_external_access = false; \
         SET lock_configuration = true",
        quoted(&folder.join(SPILL)),
        paths.join(", "),
    ))?;
    Ok(connection)
}

/// The numbers by which a written archive is compared with its source. The sum of the rows' hashes does not
/// depend on their order.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
    hashes: Option<String>,
}

impl Contents {
    fn of(archive: &Path, work: &LongWork) -> Result<Contents, Error> {
        let folder = archive.parent().unwrap_or(archive);
        let connection = outside(MEMORY, folder, &[archive])?;
        work.watch(&connection)?;
        Self::read(&connection, &format!("FROM {}", parquet(archive)))
    }

    fn read(connection: &Connection, rows: &str) -> Result<Contents, Error> {
        let query = format!(
            "SELECT count(*), min(epoch_us(slot)), max(epoch_us(slot)), sum(hash(probe, vantage, \
             epoch_us(slot), late_us, outcome, reason, detail, took_us, resolve_us, connect_us, tls_us, \
             processing_us, transfer_us, status, epoch_us(certificate_ends_at))::HUGEINT)::VARCHAR {rows}"
        );
        Ok(connection.query_row(&query, [], |row| {
            Ok(Contents {
                count: row.get(0)?,
                first: row.get(1)?,
                last: row.get(2)?,
                hashes: row.get(3)?,
            })
        })?)
    }
}

/// Writes a month's file as Parquet, reads it back and compares.
fn write(month: &Path, to: &Path, work: &LongWork) -> Result<Contents, Error> {
    let folder = month.parent().unwrap_or(month);
    let log = file::log_of(month);
    let connection = outside(MEMORY, folder, &[month, &log, to])?;
    work.watch(&connection)?;
    connection.execute_batch(&format!("ATTACH {} AS month (READ_ONLY)", quoted(month)))?;
    let rows = format!("SELECT {COLUMNS} {ROWS}");
    connection.execute_batch(&copy(&format!("{rows} ORDER BY c.source, c.slot"), to))?;
    std::fs::File::open(to)?.sync_all()?;
    let wanted = Contents::read(&connection, &format!("FROM ({rows})"))?;
    let stored: u64 =
        connection.query_row("SELECT count(*) FROM month.compact", [], |row| row.get(0))?;
    let found = Contents::of(to, work)?;
    if found != wanted || found.count != stored {
        return Err(Error::Unreadable(format!(
            "{} differs from {}, which holds {stored} samples",
            to.display(),
            month.display()
        )));
    }
    Ok(found)
}

/// Opens an archive with the tables of a month's file, for the same queries.
pub(super) fn open(archive: &Path) -> Result<Connection, Error> {
    let folder = archive.parent().unwrap_or(archive);
    let connection = outside(super::MEMORY, folder, &[archive])?;
    let rows = parquet(archive);
    connection.execute_batch(&format!(
        "CREATE TABLE steps (code USMALLINT NOT NULL, us UBIGINT NOT NULL); \
         CREATE TABLE sources AS SELECT (row_number() OVER () - 1)::UINTEGER AS id, * \
           FROM (SELECT DISTINCT probe, vantage, certificate_ends_at FROM {rows}); \
         CREATE TABLE verdicts AS SELECT (row_number() OVER () - 1)::UTINYINT AS id, * \
           FROM (SELECT DISTINCT outcome, reason FROM {rows}); \
         CREATE VIEW batches AS SELECT slot + to_microseconds(late_us) AS newest FROM {rows}; \
         CREATE VIEW compact AS SELECT s.id AS source, p.slot, p.late_us AS late, v.id AS verdict, \
             took.code AS took, resolve.code AS resolve, connect.code AS connect, tls.code AS tls, \
             processing.code AS processing, transfer.code AS transfer, p.status, p.detail \
           FROM {rows} p \
           JOIN sources s ON s.probe = p.probe AND s.vantage = p.vantage \
             AND s.certificate_ends_at IS NOT DISTINCT FROM p.certificate_ends_at \
           JOIN verdicts v ON v.outcome = p.outcome AND v.reason IS NOT DISTINCT FROM p.reason \
           JOIN steps took ON took.us = p.took_us \
           LEFT JOIN steps resolve ON resolve.us = p.resolve_us \
           LEFT JOIN steps connect ON connect.us = p.connect_us \
           LEFT JOIN steps tls ON tls.us = p.tls_us \
           LEFT JOIN steps processing ON processing.us = p.processing_us \
           LEFT JOIN steps transfer ON transfer.us = p.transfer_us"
    ))?;
    let mut appender = connection.appender("steps")?;
    for (code, us) in (0_u16..).zip(STEPS) {
        appender.append_row(params![code, us])?;
    }
    appender.flush()?;
    drop(appender);
    Ok(connection)
}
