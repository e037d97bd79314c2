//! The events: one row per fact in `ledger.sqlite`, each chained to the row before it. It stores
//! and reads; it decides nothing, and it never changes or removes a row. Only this module uses
//! rusqlite. `docs/decisions/0003-stored-events.md` describes the format.

use std::path::{Path, PathBuf};

use domain::event::Event;
use domain::id::NoticeId;
use domain::record::Record;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::digest::hex;

mod codec;
mod line;
mod log_check;
mod row;
mod schema;
mod verify;

#[cfg(test)]
mod tests;

pub use line::Line;
pub use row::Wanted;
pub use verify::{Fault, Verification, verify};

/// The file of the ledger in a data directory.
pub const FILE: &str = "ledger.sqlite";

/// SQLite's log of a ledger. Its newest events are here until they are moved into the ledger.
pub fn log_path(data: &Path) -> PathBuf {
    data.join(format!("{FILE}-wal"))
}

/// The errors of the ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no ledger.
    #[error("there is no ledger at {0}")]
    Absent(PathBuf),
    /// The last events are in SQLite's log. Reading it needs write access to the folder.
    #[error(
        "the last events of {path} are still in {log}, and reading them takes writing beside them: \
         copy the whole data directory to where you may write, and read the copy"
    )]
    LogUnreadable {
        /// The file.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// A process was killed during a transaction. Rolling it back needs write access.
    #[error(
        "{path} was left in the middle of a write, and taking that back by {journal} means writing: \
         copy the whole data directory to where you may write, and read the copy"
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// SQLite's journal of the transaction.
        journal: PathBuf,
    },
    /// SQLite would take the damaged log for a shorter one.
    #[error(
        "{log} is damaged from byte {at} on, and committed events follow, which reading it would lose: restore a backup, \
         or cut the log there (`truncate -s {at} {log}`) to go on with the events before it"
    )]
    LogDamaged {
        /// The log.
        log: PathBuf,
        /// The first byte that is not as it was written.
        at: usize,
    },
    /// A file of another program.
    #[error("{0} is not a ledger of Nines")]
    Foreign(PathBuf),
    /// Written by a later version of Nines.
    #[error(
        "{path} has schema {found}, this Nines knows {known}: it needs the version that wrote it, or a later one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The latest schema that this program knows.
        known: i64,
    },
    /// A row of an unknown kind, of a newer version, or of a shape that does not fit.
    #[error("event {seq} (kind `{kind}`, v {v}) cannot be read by this Nines: {why}")]
    Unreadable {
        /// The row.
        seq: u64,
        /// Its kind as stored.
        kind: String,
        /// Its version as stored.
        v: i64,
        why: String,
    },
    /// The chain is broken.
    #[error("the ledger is not as it was written: {0}")]
    Broken(Fault),
    /// The last row on disk is not the last one that this process wrote.
    #[error(
        "another writer was at the ledger: it ends with event {found}, not with event {expected}"
    )]
    HeadMoved {
        /// The head in memory.
        expected: u64,
        /// The last row on disk.
        found: u64,
    },
    /// The notice already has another message.
    #[error("notice {0} has a stored message already, and it is another one")]
    MessageDiffers(NoticeId),
    /// An event cannot be encoded.
    #[error("cannot store an event: {0}")]
    Unstorable(String),
    /// SQLite refused.
    #[error("ledger.sqlite: {0}")]
    Sqlite(rusqlite::Error),
    /// The operating system refused.
    #[error("ledger.sqlite: {0}")]
    Io(std::io::Error),
}

// These messages include their cause. The cause is therefore not a source: a printed chain would
// repeat it.
impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::Broken(fault)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Error::Sqlite(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Io(error)
    }
}

/// A position in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The sequence number of the last event; 0 before the first.
    pub seq: u64,
    /// Its hash in lower-case hexadecimal; 64 zeros before the first event.
    pub hash: String,
}

impl Default for Head {
    /// The position before the first event.
    fn default() -> Self {
        Head {
            seq: 0,
            hash: hex(&row::GENESIS),
        }
    }
}

/// One event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its sequence number; the first is 1.
    pub seq: u64,
    /// When it was written.
    pub recorded: Timestamp,
    pub event: Event,
    /// SHA-256 over the previous hash and this row, in lower-case hexadecimal.
    pub hash: String,
}

/// An open ledger. Only the holder of `data/lock` writes; any number may read. When the writer is
/// dropped, the one file has everything.
pub struct Ledger {
    data: PathBuf,
    connection: Connection,
    writes: bool,
    seq: u64,
    hash: row::Hash,
}

impl Ledger {
    /// Opens the ledger of a data directory to read and write. Creates it if needed. The caller
    /// holds the directory's lock.
    pub fn open(data: &Path) -> Result<Ledger, Error> {
        crate::files::make_private_dir(data)?;
        let path = data.join(FILE);
        // The ledger contains customers' addresses. SQLite gives its journal the same mode.
        crate::files::make_private_file(&path)?;
        let connection = schema::open(&path)?;
        crate::files::sync_dir(data)?;
        Self::with(data, connection, true)
    }

    /// Opens it to read, also beside a running service. Never creates it.
    pub fn open_read_only(data: &Path) -> Result<Ledger, Error> {
        Self::with(data, schema::open_read_only(&data.join(FILE))?, false)
    }

    fn with(data: &Path, connection: Connection, writes: bool) -> Result<Ledger, Error> {
        let (seq, hash) = last(&connection)?;
        Ok(Ledger {
            data: data.to_owned(),
            connection,
            writes,
            seq,
            hash,
        })
    }

    /// Writes a copy of the whole ledger, as it is at one moment, to a new file. The service may run.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn copy_to(&self, file: &Path) -> Result<(), Error> {
        let name = file.to_string_lossy();
        self.connection.execute("VACUUM INTO ?", [name])?;
        Ok(())
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// True before the first event.
    pub fn is_new(&self) -> bool {
        self.seq == 0
    }

    /// The position after the last event that this instance wrote, or found when it was opened.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: hex(&self.hash),
        }
    }

    /// Writes events and rendered messages in one transaction. When it returns, all are on the
    /// disk; after an error, none. Storing the same message again has no effect. Storing a
    /// different message for the same notice is an error.
    pub fn append(
        &mut self,
        recorded: Timestamp,
        events: &[Event],
        messages: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, Error> {
        if events.is_empty() && messages.is_empty() {
            return Ok(self.head());
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (found, on_disk) = last(&transaction)?;
        if found != self.seq || on_disk != self.hash {
            return Err(Error::HeadMoved {
                expected: self.seq,
                found,
            });
        }
        let (mut seq, mut hash) = (self.seq, self.hash);
        {
            let mut insert = transaction.prepare_cached(row::INSERT)?;
            for event in events {
                seq += 1;
                let row = row::Row::of(seq, recorded, event)?;
                hash = row.hash_after(&hash);
                insert.execute(params![
                    row.seq,
                    row.at,
                    row.recorded,
                    row.kind,
                    row.v,
                    row.subject,
                    row.by,
                    row.how,
                    row.data,
                    hash
                ])?;
            }
        }
        for (notice, message) in messages {
            match message_of(&transaction, *notice)? {
                Some(stored) if stored == *message => {}
                Some(_) => return Err(Error::MessageDiffers(*notice)),
                None => {
                    transaction
                        .prepare_cached("INSERT INTO messages (notice, message) VALUES (?1, ?2)")?
                        .execute(params![row::integer(notice.0)?, message])?;
                }
            }
        }
        transaction.commit()?;
        (self.seq, self.hash) = (seq, hash);
        Ok(self.head())
    }

    /// Passes the events to `f` in order, up to and including `upto`, or all. Checks each row's
    /// hash. The first row that is wrong, missing or unreadable is an error, and `f` never sees it.
    pub fn replay(&self, upto: Option<u64>, f: &mut dyn FnMut(Stored)) -> Result<(), Error> {
        let upto = row::integer(upto.unwrap_or(i64::MAX.unsigned_abs()))?;
        row::walk(&self.connection, row::START, upto, &mut |walked| {
            f(walked.stored()?);
            Ok(())
        })
    }

    /// Passes the events after `head`, an earlier position of this ledger, to `f` in order. Checks
    /// each row as [`Ledger::replay`] does.
    pub fn replay_after(&self, head: &Head, f: &mut dyn FnMut(Stored)) -> Result<(), Error> {
        let hash = row::unhex(&head.hash)
            .ok_or_else(|| Error::Unstorable(format!("`{}` is no hash", head.hash)))?;
        let after = (row::integer(head.seq)?, hash);
        row::walk(&self.connection, after, i64::MAX, &mut |walked| {
            f(walked.stored()?);
            Ok(())
        })
    }

    /// The first `limit` events that `wanted` names, in its order. Hashes are not checked: this is for pages, and reports
    /// and `nines verify` walk the whole chain.
    pub fn recent(&self, wanted: &Wanted, limit: usize) -> Result<Vec<Stored>, Error> {
        row::recent(&self.connection, wanted, limit)
    }

    /// Notes that the service was monitoring at `at`. One row, overwritten; not an event.
    pub fn mark(&mut self, at: Timestamp) -> Result<(), Error> {
        self.connection
            .prepare_cached(
                "INSERT INTO mark (one, at) VALUES (1, ?1) \
                 ON CONFLICT (one) DO UPDATE SET at = excluded.at",
            )?
            .execute(params![row::instant(at)])?;
        Ok(())
    }

    /// The last mark.
    pub fn marked(&self) -> Result<Option<Timestamp>, Error> {
        let text: Option<String> = self
            .connection
            .query_row("SELECT at FROM mark", [], |row| row.get(0))
            .optional()?;
        text.map(|text| {
            text.parse()
                .map_err(|_| Error::Broken(Fault::Damaged(format!("the mark reads `{text}`"))))
        })
        .transpose()
    }

    /// The message of a notice, as rendered for its first attempt.
    pub fn message(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, Error> {
        Ok(message_of(&self.connection, notice)?)
    }
}

impl Drop for Ledger {
    /// SQLite moves its log into the file only when the last connection closes, and not if that one
    /// only reads. Doing it here makes a copy of the one file a copy of the whole ledger.
    fn drop(&mut self) {
        if !self.writes {
            return;
        }
        match schema::fold_log(&self.connection) {
            Ok(true) => {}
            Ok(false) => tracing::warn!(
                "another process reads the ledger: part of the ledger stays in {FILE}-wal; keep both files"
            ),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the ledger's log cannot be moved into its file");
            }
        }
    }
}

/// The stored form of a fact: its kind, and its content as JSON (`null` where it has none).
pub fn form(fact: &domain::event::Fact) -> Result<(String, String), Error> {
    codec::encode(fact)
}

/// Folds the events up to and including `upto`, or all, into the state.
pub fn replay_record(ledger: &Ledger, upto: Option<u64>) -> Result<Record, Error> {
    replay_head(ledger, upto, &mut |_| {}).map(|(record, _)| record)
}

/// Like [`replay_record`], with the position after the last folded event. `progress` gets the
/// number of each event.
pub fn replay_head(
    ledger: &Ledger,
    upto: Option<u64>,
    progress: &mut dyn FnMut(u64),
) -> Result<(Record, Head), Error> {
    let mut record = Record::default();
    let mut head = Head::default();
    ledger.replay(upto, &mut |stored| {
        record.apply(stored.seq, &stored.event);
        progress(stored.seq);
        head = Head {
            seq: stored.seq,
            hash: stored.hash,
        };
    })?;
    Ok((record, head))
}

fn last(connection: &Connection) -> Result<(u64, row::Hash), Error> {
    let found: Option<(i64, row::Hash)> = connection
        .prepare_cached("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, hash) = found.unwrap_or((0, row::GENESIS));
    let seq = u64::try_from(seq)
        .map_err(|_| Fault::Damaged(format!("the last event has the number {seq}")))?;
    Ok((seq, hash))
}

fn message_of(
    connection: &Connection,
    notice: NoticeId,
) -> Result<Option<Vec<u8>>, rusqlite::Error> {
    // Every notice's id is a sequence number, so SQLite can store it.
    let Ok(id) = i64::try_from(notice.0) else {
        return Ok(None);
    };
    connection
        .prepare_cached("SELECT message FROM messages WHERE notice = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()
}
