//! Checks that the ledger is unchanged: every row, every message, every trigger. It only reads. A
//! chain cannot show that its end was cut off or that all of it was rewritten. The sequence number
//! and head that every report prints show that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::event::Fact;
use domain::id::NoticeId;

use super::{Error, Head, Stored, row, schema};
use crate::digest::{hex, sha256};

/// A difference between the ledger and the state that Nines wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Rows were removed or renumbered.
    #[error("{} missing: event {found} is in {} place", absent(*.seq, *.found), if one(*.seq, *.found) { "its" } else { "their" })]
    Missing {
        /// The first missing number.
        seq: u64,
        /// The number found instead.
        found: i64,
    },
    /// A row, or the hash of the row before it, was changed, moved or forged.
    #[error("event {seq} was changed, moved or forged: its hash does not follow from it and event {}", seq.saturating_sub(1))]
    Changed {
        /// The row.
        seq: u64,
    },
    /// A row with a correct hash whose content this program cannot read.
    #[error("event {seq} cannot be read: {why}")]
    Unreadable {
        /// The row.
        seq: u64,
        why: String,
    },
    /// The message of an attempt is missing.
    #[error("the message of notice {notice}, attempted in event {seq}, is missing")]
    MessageMissing {
        /// The notice.
        notice: NoticeId,
        /// The event that attempted it.
        seq: u64,
    },
    /// A message differs from the one that was attempted.
    #[error("the message of notice {notice} is not the one that event {seq} attempted")]
    MessageChanged {
        /// The notice.
        notice: NoticeId,
        /// The event that attempted it.
        seq: u64,
    },
    /// A message without an event: the end of the ledger was cut off, or the message was added.
    #[error("notice {notice} has a message, but no event attempted it")]
    MessageUnknown {
        /// The notice.
        notice: NoticeId,
    },
    /// A table or trigger differs from the schema of this program.
    #[error("`{name}` of the ledger's schema was removed, added or changed")]
    Schema {
        /// Its name.
        name: String,
    },
    /// The faults of further rows, if there are too many to list.
    #[error(
        "{more} more events were removed, changed, moved or forged, or cannot be read, the last of them event {last}"
    )]
    More {
        /// Their number.
        more: u64,
        /// The last of them.
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

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The position of the last row before the first fault.
    pub head: Head,
    /// The number of stored messages.
    pub messages: u64,
    /// The faults of rows (at most `NAMED`, then a count) and of messages.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// True if there is no fault.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Verifies the ledger of a data directory, also beside a running service. After each event and
/// message, `progress` gets the number that was checked and the total.
///
/// # Errors
/// There is no ledger, or it cannot be read at all.
pub fn verify(data: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Verification, Error> {
    let connection = schema::open_read_only(&data.join(super::FILE))?;
    // One transaction, so that all reads see the same state while a service writes.
    connection.execute_batch("BEGIN")?;
    let mut verification = Verification {
        head: Head {
            seq: 0,
            hash: hex(&row::GENESIS),
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
    // Counting reads every page. If one is damaged, the rows before it are still verified, without
    // a total.
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

/// The attempted messages: for each notice, each hash and the event that attempted it.
type Attempted = BTreeMap<NoticeId, BTreeMap<String, u64>>;

/// The number of faulty rows that are listed.
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

/// Records the facts of a correct row.
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
    // After a faulty row the attempts are not known.
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
        let sha256 = sha256(message);
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
