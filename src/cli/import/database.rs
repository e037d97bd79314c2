//! Reads tables of a SQLite database of another monitor. It never writes to it, and never opens the ledger.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use import::Tables;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value};

/// The first bytes of every database of SQLite 3.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

/// The most rows of all tables.
const ROWS: usize = 100_000;
/// The most bytes of all texts.
const BYTES: usize = 64 << 20;

/// The rows of those tables that the database has.
pub fn read(file: &Path, tables: &[&str]) -> Result<Tables> {
    let connection = open(file)?;
    let mut limits = Limits {
        rows: ROWS,
        bytes: BYTES,
    };
    let mut found = Tables::new();
    for table in tables {
        let known = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?";
        if connection.query_row(known, [table], |row| row.get::<_, i64>(0))? == 0 {
            continue;
        }
        // The names are those of the import, never of the file.
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(values(row, &columns, &mut limits)?);
        }
        found.insert((*table).to_owned(), list);
    }
    Ok(found)
}

/// A file beside the database whose name ends in `-wal` has its last changes, which only a plain opening reads. Without
/// one the file is taken as it is, so that SQLite puts no file beside it.
fn open(file: &Path) -> Result<Connection> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let has_log = PathBuf::from(log)
        .metadata()
        .is_ok_and(|meta| meta.len() > 0);
    let path = std::path::absolute(file)?;
    let path = path.to_str().context("its path is not UTF-8")?;
    let escaped = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let uri = match has_log {
        true => format!("file:{escaped}?mode=ro"),
        false => format!("file:{escaped}?mode=ro&immutable=1"),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(uri, flags)?)
}

struct Limits {
    rows: usize,
    bytes: usize,
}

fn values(row: &Row<'_>, columns: &[String], limits: &mut Limits) -> Result<Map<String, Value>> {
    if limits.rows == 0 {
        bail!("more than {ROWS} rows");
    }
    limits.rows -= 1;
    let mut values = Map::new();
    for (index, column) in columns.iter().enumerate() {
        let value = match row.get_ref(index)? {
            ValueRef::Integer(number) => Value::from(number),
            ValueRef::Real(number) => Value::from(number),
            ValueRef::Text(bytes) => {
                let Some(left) = limits.bytes.checked_sub(bytes.len()) else {
                    bail!("more than {} MiB of text", BYTES >> 20);
                };
                limits.bytes = left;
                Value::from(String::from_utf8_lossy(bytes))
            }
            ValueRef::Null | ValueRef::Blob(_) => continue,
        };
        values.insert(column.clone(), value);
    }
    Ok(values)
}
