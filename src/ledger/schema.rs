//! The tables of `ledger.sqlite`, the guards that keep them append-only, and how the file is
//! opened. Schemas are numbered (`user_version`); a number's shape never changes once released.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{Error, Fault};

/// The schema that this program writes.
pub(super) const VERSION: i64 = 1;

/// "NINE", in SQLite's field for whose file it is.
const APPLICATION: i64 = 0x4e49_4e45;

/// How long a reader or writer waits for another's lock, in milliseconds.
const BUSY_MS: u32 = 5_000;

/// Guards beside the chain: the chain finds a change afterwards, these refuse it to whoever writes
/// SQL by hand and means well. A replacing insert would go past a guard on deletes, so inserts have
/// their own.
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

/// Opens to read and write; makes the tables in an empty file.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settle(&connection)?;
    // Before anything is written: a file of another program is left as it is.
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

/// Opens to read; refuses a file that is absent or empty.
///
/// SQLite reads a write-ahead log with the help of a file beside it, which it makes. Where it may
/// not (a copy under audit), a ledger without such a log is read as the file that never changes
/// which it then is. Not so one with a journal: half of a transaction is in that file.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, Error> {
    if !path.is_file() {
        return Err(Error::Absent(path.to_path_buf()));
    }
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

/// Has SQLite take back the transaction in whose middle the process was killed. That is done by
/// whoever comes first and may write, and is the same whoever does it; nothing that was ever
/// acknowledged goes. A transaction that is under way is somebody's, and SQLite leaves it alone.
fn take_back(path: &Path, journal: PathBuf) -> Result<(), Error> {
    let may_write = |path: &Path| {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
    };
    // Otherwise SQLite would change a file beside which it may not remove the journal.
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
    // The first look is what does it.
    pragma(&connection, "application_id").map_err(|error| foreign(error, path))?;
    Ok(())
}

/// The file of that ending beside the ledger, if something is in it.
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

/// A file's name with SQLite's word that nobody changes it (<https://sqlite.org/uri.html>).
fn unchanging(path: &Path) -> OsString {
    let mut uri = String::from("file:");
    if path.is_absolute() {
        // The empty name of a host, so that a path's own slashes name none.
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

/// Moves what the write-ahead log holds into the file and empties it; `false` where a reader was
/// in the way for too long.
pub(super) fn fold_log(connection: &Connection) -> Result<bool, Error> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

fn settle(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(std::time::Duration::from_millis(u64::from(BUSY_MS)))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Otherwise a replacing insert would remove a row without asking the guard on deletes.
    connection.pragma_update(None, "recursive_triggers", true)?;
    Ok(())
}

/// Whether the file holds a ledger of this schema; `false` for an empty one.
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

/// The chain does not show a row lost from the end, so damage to the file itself is looked for
/// before anything is built on it.
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

/// Makes tables and numbers in one transaction, so that a crash leaves an empty file or a ledger.
fn prepare(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// What is in a schema: name and SQL of every table and guard, in order of their names.
pub(super) fn objects(connection: &Connection) -> Result<Vec<(String, String)>, Error> {
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What there should be.
pub(super) fn expected() -> Result<Vec<(String, String)>, Error> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(TABLES)?;
    objects(&connection)
}
