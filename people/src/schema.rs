//! The tables of `people.sqlite`. Schemas have a number (`user_version`); a released schema never changes, a new one is
//! added to the list.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::Error;

/// "PPLE", in SQLite's field for the application that owns the file.
const APPLICATION: i64 = 0x5050_4c45;

const STEPS: &[&str] = &[
    "
CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  login TEXT NOT NULL UNIQUE COLLATE NOCASE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  password TEXT,
  totp TEXT,
  totp_step INTEGER NOT NULL DEFAULT 0,
  issuer TEXT,
  subject TEXT,
  created INTEGER NOT NULL,
  disabled INTEGER,
  failures INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  UNIQUE (issuer, subject)
) STRICT;
CREATE TABLE invitation (
  digest BLOB PRIMARY KEY,
  role TEXT NOT NULL,
  login TEXT,
  invited_by TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE TABLE session (
  digest BLOB PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created INTEGER NOT NULL,
  seen INTEGER NOT NULL
) STRICT;
CREATE TABLE token (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  used INTEGER
) STRICT;
CREATE TABLE subscriber (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  address TEXT NOT NULL UNIQUE COLLATE NOCASE,
  systems TEXT NOT NULL,
  requested INTEGER NOT NULL,
  pending TEXT,
  confirm BLOB UNIQUE,
  confirmed INTEGER
) STRICT;
CREATE TABLE reporter (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  organisation TEXT NOT NULL,
  email TEXT,
  phone TEXT,
  created INTEGER NOT NULL
) STRICT;
CREATE TABLE key (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  bytes BLOB NOT NULL
) STRICT;
CREATE TABLE proposal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  act TEXT NOT NULL,
  by TEXT NOT NULL,
  not_phi TEXT,
  created INTEGER NOT NULL
) STRICT;
",
    "
CREATE TABLE request (
  token INTEGER NOT NULL,
  key TEXT NOT NULL,
  digest BLOB NOT NULL,
  began INTEGER NOT NULL,
  status INTEGER,
  kind TEXT,
  tag TEXT,
  body BLOB,
  PRIMARY KEY (token, key)
) STRICT;
CREATE INDEX request_began ON request (began);
",
    "
ALTER TABLE proposal ADD COLUMN account TEXT NOT NULL DEFAULT '';
UPDATE proposal SET account = by;
",
];

/// The number of the newest schema.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    create_for_owner(path);
    let mut connection = Connection::open(path)?;
    let application: i64 = read(&connection, "application_id")?;
    let version: i64 = read(&connection, "user_version")?;
    let is_new = application == 0 && version == 0 && is_empty(&connection)?;
    if application != APPLICATION && !is_new {
        return Err(Error::Foreign(path.display().to_string()));
    }
    if version > VERSION {
        return Err(Error::Newer(version));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A person who is erased leaves no copy in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let change = connection.transaction()?;
    let done = usize::try_from(version).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "application_id", APPLICATION)?;
    change.pragma_update(None, "user_version", VERSION)?;
    change.commit()?;
    Ok(connection)
}

pub(crate) fn open_read_only(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let application: i64 = read(&connection, "application_id")?;
    let version: i64 = read(&connection, "user_version")?;
    match (application, version) {
        (APPLICATION, VERSION) => Ok(connection),
        (APPLICATION, version) if version > VERSION => Err(Error::Newer(version)),
        // The next start of the service brings an older file up to date.
        (APPLICATION, version) => Err(Error::Older(version)),
        _ => Err(Error::Foreign(path.display().to_string())),
    }
}

/// SQLite gives its files the mode of the first one. If this fails, opening says why.
fn create_for_owner(path: &Path) {
    let created = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path);
    if let Ok(file) = created {
        let _ = file.set_permissions(Permissions::from_mode(0o600));
    }
}

fn read(connection: &Connection, pragma: &str) -> Result<i64, Error> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}

fn is_empty(connection: &Connection) -> Result<bool, Error> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}
