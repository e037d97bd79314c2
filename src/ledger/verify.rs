//! Whether the ledger is as it was written: every row, every message, every guard. Reads only.
//! What a chain by itself cannot see (a cut tail, a whole rewrite) shows in the sequence and head
//! that every report prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::event::Fact;
use domain::id::NoticeId;
use sha2::{Digest, Sha256};

use super::{Error, Head, Stored, row, schema};

/// Something in the ledger that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Rows were removed, or given another number.
    #[error("{} missing: event {found} stands in {} place", absent(*.seq, *.found), if one(*.seq, *.found) { "its" } else { "their" })]
    Missing {
        /// The first number that is missing.
        seq: u64,
        /// The number found instead.
        found: i64,
    },
    /// A row, or the hash of the one before it, was changed, moved or forged.
    #[error("event {seq} was changed, moved or forged: its hash does not follow from it and event {}", seq.saturating_sub(1))]
    Changed {
        /// Which.
        seq: u64,
    },
    /// A row whose hash holds but whose content says nothing to this program.
    #[error("event {seq} cannot be read: {why}")]
    Unreadable {
        /// Which.
        seq: u64,
        /// Why.
        why: String,
    },
    /// A message that was attempted is not there.
    #[error("the message of notice {notice}, attempted in event {seq}, is missing")]
    MessageMissing {
        /// Of which notice.
        notice: NoticeId,
        /// The event that attempted it.
        seq: u64,
    },
    /// A message is not the one that was attempted.
    #[error("the message of notice {notice} is not the one that event {seq} attempted")]
    MessageChanged {
        /// Of which notice.
        notice: NoticeId,
        /// The event that attempted it.
        seq: u64,
    },
    /// A message that no event speaks of: the end of the ledger was cut off, or it was added.
    #[error("notice {notice} has a message, but no event attempted it")]
    MessageUnknown {
        /// Of which notice.
        notice: NoticeId,
    },
    /// A table or a guard against changes is not what this program makes.
    #[error("`{name}` of the ledger's schema was removed, added or changed")]
    Schema {
        /// Its name.
        name: String,
    },
    /// More rows do not hold than are named one by one.
    #[error(
        "{more} more events were removed, changed, moved or forged, or cannot be read, the last of them event {last}"
    )]
    More {
        /// How many.
        more: u64,
        /// The last.
        last: u64,
    },
    /// The file itself is damaged.
    #[error("the file is damaged: {0}")]
    Damaged(String),
}

fn one(seq: u64, found: i64) -> bool {
    i64::try_from(seq).is_ok_and(|seq| found <= seq.saturating_add(1))
}

fn absent(seq: u64, found: i64) -> String {
    if one(seq, found) {
        format!("event {seq} is")
    } else {
        format!("events {seq} to {} are", found.saturating_sub(1))
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The position of the last row up to which all hold.
    pub head: Head,
    /// How many messages are stored.
    pub messages: u64,
    /// What does not hold: every row (of very many the first, and how many more), every message.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// Whether everything is as it was written.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Verifies the ledger of a data directory, also beside a running service. `progress` hears of
/// each event and each message how many were looked at, and of how many.
///
/// # Errors
/// Only where there is no ledger to look at, or it cannot be read at all.
pub fn verify(data: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Verification, Error> {
    let connection = schema::open_read_only(&data.join(super::FILE))?;
    // One transaction: a service that writes meanwhile does not move what is looked at.
    connection.execute_batch("BEGIN")?;
    let mut verification = Verification {
        head: Head {
            seq: 0,
            hash: row::hex(&row::GENESIS),
        },
        messages: 0,
        faults: Vec::new(),
    };
    match look(&connection, &mut verification, progress) {
        Ok(()) => {}
        Err(Error::Broken(fault)) => verification.faults.push(fault),
        Err(Error::Sqlite(error)) if is_damage(&error) => {
            verification.faults.push(Fault::Damaged(error.to_string()))
        }
        Err(other) => return Err(other),
    }
    Ok(verification)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseCorrupt | NotADatabase)
    )
}

fn look(
    connection: &rusqlite::Connection,
    found: &mut Verification,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
    // Counting touches every page. Where one is damaged, the rows before it are verified all the
    // same, and nobody is told of how many.
    let of: i64 = connection
        .query_row(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM messages)",
            [],
            |row| row.get(0),
        )
        .unwrap_or(0);
    let mut done = 0;
    let mut step = || {
        done += 1;
        progress(done, of.unsigned_abs());
    };
    let mut attempted = BTreeMap::new();
    chain(connection, found, &mut attempted, &mut step)?;
    messages(connection, found, &attempted, &mut step)?;
    guards(connection, &mut found.faults)?;
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        found.faults.push(Fault::Damaged(said));
    }
    Ok(())
}

/// The messages that were attempted: by notice, the event and the hash, once for each hash.
type Attempted = BTreeMap<NoticeId, BTreeMap<String, u64>>;

/// So many rows that do not hold are named.
const NAMED: usize = 100;

fn chain(
    connection: &rusqlite::Connection,
    found: &mut Verification,
    attempted: &mut Attempted,
    step: &mut dyn FnMut(),
) -> Result<(), Error> {
    let (mut more, mut last) = (0, 0);
    row::survey(connection, row::START, i64::MAX, &mut |walked| {
        step();
        let fault = match walked.map(|walked| walked.stored()) {
            Ok(Ok(stored)) => {
                whole(found, attempted, stored);
                return Ok(());
            }
            Ok(Err(error)) => {
                let Error::Unreadable { seq, .. } = error else {
                    return Err(error);
                };
                let why = error.to_string();
                Fault::Unreadable { seq, why }
            }
            Err(fault) => fault,
        };
        if found.faults.len() < NAMED {
            found.faults.push(fault);
            return Ok(());
        }
        more += 1;
        if let Fault::Missing { seq, .. } | Fault::Changed { seq } | Fault::Unreadable { seq, .. } =
            fault
        {
            last = seq;
        }
        Ok(())
    })?;
    if more > 0 {
        found.faults.push(Fault::More { more, last });
    }
    Ok(())
}

/// Takes in an event that holds.
fn whole(found: &mut Verification, attempted: &mut Attempted, stored: Stored) {
    if let Fact::DeliveryAttempted { notice, sha256, .. } = &stored.event.fact {
        attempted
            .entry(*notice)
            .or_default()
            .entry(sha256.clone())
            .or_insert(stored.seq);
    }
    if found.faults.is_empty() {
        found.head = Head {
            seq: stored.seq,
            hash: stored.hash,
        };
    }
}

fn messages(
    connection: &rusqlite::Connection,
    found: &mut Verification,
    attempted: &Attempted,
    step: &mut dyn FnMut(),
) -> Result<(), Error> {
    // After a broken row nobody knows which attempts there were.
    let whole = found.is_clean();
    let mut seen = BTreeSet::new();
    let mut statement =
        connection.prepare("SELECT notice, message FROM messages ORDER BY notice")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.messages += 1;
        step();
        let id: i64 = row.get(0)?;
        let notice = NoticeId(id.unsigned_abs());
        seen.insert(notice);
        let message = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
        let sha256 = row::hex(&Sha256::digest(message));
        match attempted.get(&notice) {
            Some(hashes) => found.faults.extend(
                hashes
                    .iter()
                    .filter(|(hash, _)| **hash != sha256)
                    .map(|(_, seq)| Fault::MessageChanged { notice, seq: *seq }),
            ),
            None if whole => found.faults.push(Fault::MessageUnknown { notice }),
            None => {}
        }
    }
    for (notice, hashes) in attempted.iter().filter(|(id, _)| !seen.contains(id)) {
        found
            .faults
            .extend(hashes.values().map(|seq| Fault::MessageMissing {
                notice: *notice,
                seq: *seq,
            }));
    }
    Ok(())
}

fn guards(connection: &rusqlite::Connection, faults: &mut Vec<Fault>) -> Result<(), Error> {
    let there: BTreeSet<_> = schema::objects(connection)?.into_iter().collect();
    let expected: BTreeSet<_> = schema::expected()?.into_iter().collect();
    let names: BTreeSet<_> = there
        .symmetric_difference(&expected)
        .map(|(name, _)| name.clone())
        .collect();
    faults.extend(names.into_iter().map(|name| Fault::Schema { name }));
    Ok(())
}
