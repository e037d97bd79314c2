//! The tables of `ledger.sqlite`, the triggers that keep them append-only, and how the file is
//! opened. Schemas have a number (`user_version`). A released schema never changes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{Error, Fault, log_check};

/// The schema that this program writes.
pub(super) const VERSION: i64 = 1;

/// "NINE", in SQLite's field for the application that owns the file.
const APPLICATION: i64 = 0x4e49_4e45;

/// How long a reader or writer waits for another's lock, in milliseconds.
const BUSY_MS: u32 = 5_000;

/// The chain finds a change afterwards. The triggers prevent accidental changes by hand-written
/// SQL. A replacing insert would bypass a trigger on deletes, so inserts have triggers of their
/// own.
pub(super) const TABLES: &str = "
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  recorded TEXT NOT NULL,
  kind TEXT NOT NULL,
  v INTEGER NOT NULL,
  subject TEXT NOT NULL,
  by TEXT NOT NULL,
  how TEXT NOT NULL,
  data TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE TABLE messages (
  notice INTEGER PRIMARY KEY,
  message BLOB NOT NULL
) STRICT;
CREATE TABLE mark (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  at TEXT NOT NULL
) STRICT;
CREATE TRIGGER events_follow_one_another BEFORE INSERT ON events
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events)
BEGIN SELECT raise(ABORT, 'events are numbered without gaps'); END;
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT raise(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_never_go BEFORE DELETE ON events
BEGIN SELECT raise(ABORT, 'events are never removed'); END;
CREATE TRIGGER messages_are_written_once BEFORE INSERT ON messages
WHEN EXISTS (SELECT 1 FROM messages WHERE notice = NEW.notice)
BEGIN SELECT raise(ABORT, 'a message is written once'); END;
CREATE TRIGGER messages_never_change BEFORE UPDATE ON messages
BEGIN SELECT raise(ABORT, 'messages are never changed'); END;
CREATE TRIGGER messages_never_go BEFORE DELETE ON messages
BEGIN SELECT raise(ABORT, 'messages are never removed'); END;
";

/// Opens to read and write. Creates the tables in an empty file.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    undamaged(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settle(&connection)?;
    // Checked before the first write: a file of another program must not change.
    if check(&connection, path)? {
        whole(&connection)?;
    } else {
        prepare(&mut connection)?;
    }
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::Sqlite(rusqlite::Error::InvalidParameterName(
            format!(
                "the file system of {} cannot keep a write-ahead log",
                path.display()
            ),
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

/// Refuses a ledger whose log lost what was committed.
fn undamaged(path: &Path) -> Result<(), Error> {
    let Some(log) = filled(path, "-wal") else {
        return Ok(());
    };
    match log_check::damage(&log) {
        Ok(Some(at)) => Err(Error::LogDamaged { log, at }),
        // SQLite says it better, and a reader without a right to the log has its own way.
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Opens to read. A missing or empty file is an error.
///
/// To read a write-ahead log, SQLite creates a file beside it. If it may not (a read-only copy), a
/// ledger without a log is opened as an immutable file. A ledger with a journal has half of a
/// transaction and cannot be read this way.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, Error> {
    if !path.is_file() {
        return Err(Error::Absent(path.to_path_buf()));
    }
    undamaged(path)?;
    let plainly = || open_to_read(path.as_os_str(), OpenFlags::empty(), path);
    match plainly() {
        Err(Error::Sqlite(error)) if may_not_write(&error) => {}
        other => return other,
    }
    if let Some(journal) = filled(path, "-journal") {
        take_back(path, journal)?;
        return plainly();
    }
    if let Some(log) = filled(path, "-wal") {
        return Err(Error::LogUnreadable {
            path: path.to_path_buf(),
            log,
        });
    }
    open_to_read(&unchanging(path), OpenFlags::SQLITE_OPEN_URI, path)
}

/// Lets SQLite roll back the transaction during which the process was killed. Any process with
/// write access may do this, with the same result. No acknowledged event is lost. SQLite does not
/// touch a transaction that is still under way.
fn take_back(path: &Path, journal: PathBuf) -> Result<(), Error> {
    let may_write = |path: &Path| {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
    };
    // Without write access to the folder, SQLite would change the file but could not remove the
    // journal.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if !may_write(path) || !may_write(folder.unwrap_or(Path::new("."))) {
        return Err(Error::CutOff {
            path: path.to_path_buf(),
            journal,
        });
    }
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settle(&connection)?;
    // The first read rolls back.
    pragma(&connection, "application_id").map_err(|error| foreign(error, path))?;
    Ok(())
}

/// The file with that ending beside the ledger, if it is not empty.
fn filled(path: &Path, ending: &str) -> Option<PathBuf> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    let beside = PathBuf::from(beside);
    std::fs::metadata(&beside)
        .is_ok_and(|file| file.len() > 0)
        .then_some(beside)
}

fn open_to_read(name: &OsStr, how: OpenFlags, path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(
        Path::new(name),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | how,
    )?;
    settle(&connection)?;
    if check(&connection, path)? {
        Ok(connection)
    } else {
        Err(Error::Absent(path.to_path_buf()))
    }
}

fn may_not_write(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(ReadOnly | CannotOpen))
}

/// The file's name as a URI with `immutable=1` (<https://sqlite.org/uri.html>).
fn unchanging(path: &Path) -> OsString {
    let mut uri = String::from("file:");
    if path.is_absolute() {
        // An empty host, so that the path's own slashes do not name a host.
        uri.push_str("//");
    }
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                uri.push(char::from(*byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}

/// Moves the content of the write-ahead log into the file and empties the log. Returns false if a
/// reader blocked it for too long.
pub(super) fn fold_log(connection: &Connection) -> Result<bool, Error> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

fn settle(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(std::time::Duration::from_millis(u64::from(BUSY_MS)))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Without this a replacing insert would remove a row without the trigger on deletes.
    connection.pragma_update(None, "recursive_triggers", true)?;
    Ok(())
}

/// True if the file is a ledger of this schema, false if it is empty. Anything else is an error.
fn check(connection: &Connection, path: &Path) -> Result<bool, Error> {
    let application: i64 =
        pragma(connection, "application_id").map_err(|error| foreign(error, path))?;
    let version: i64 = pragma(connection, "user_version")?;
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == 0 && version == 0 && objects == 0 {
        return Ok(false);
    }
    if application != APPLICATION {
        return Err(Error::Foreign(path.to_path_buf()));
    }
    if version > VERSION {
        return Err(Error::Newer {
            path: path.to_path_buf(),
            found: version,
            known: VERSION,
        });
    }
    // Schemas below the first released one do not exist.
    if version < VERSION {
        return Err(Error::Foreign(path.to_path_buf()));
    }
    Ok(true)
}

/// Checks the file for damage. The chain does not show that rows at the end are lost.
fn whole(connection: &Connection) -> Result<(), Error> {
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" {
        Ok(())
    } else {
        Err(Error::Broken(Fault::Damaged(said)))
    }
}

fn foreign(error: rusqlite::Error, path: &Path) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => Error::Foreign(path.to_path_buf()),
        _ => Error::Sqlite(error),
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Creates tables and sets both numbers in one transaction, so that a crash leaves an empty file or
/// a ledger.
fn prepare(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Name and SQL of every table and trigger of a schema, in order of names.
pub(super) fn objects(connection: &Connection) -> Result<Vec<(String, String)>, Error> {
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The [`objects`] of an unchanged ledger.
pub(super) fn expected() -> Result<Vec<(String, String)>, Error> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(TABLES)?;
    objects(&connection)
}
