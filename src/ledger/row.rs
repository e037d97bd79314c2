//! One row of the ledger: its columns, the hash that chains it to the row before, and the walk over
//! all rows. The hash covers the stored bytes, so it is checked before decoding.

use domain::actor::{Actor, How};
use domain::event::Event;
use jiff::Timestamp;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::{Error, Fault, Stored, codec};
use crate::digest::hex;

/// A link of the chain.
pub(super) type Hash = [u8; 32];

/// The hash before the first event.
pub(super) const GENESIS: Hash = [0; 32];

/// The position before the first event.
pub(super) const START: (i64, Hash) = (0, GENESIS);

/// Writes a row; the columns in the order in which they are hashed, then the hash.
pub(super) const INSERT: &str = "INSERT INTO events (seq, at, recorded, kind, v, subject, by, how, data, hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// The columns of an event, as stored.
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) at: String,
    pub(super) recorded: String,
    pub(super) kind: String,
    pub(super) v: i64,
    pub(super) subject: String,
    pub(super) by: String,
    pub(super) how: String,
    pub(super) data: String,
}

impl Row {
    pub(super) fn of(seq: u64, recorded: Timestamp, event: &Event) -> Result<Row, Error> {
        let (kind, data) = codec::encode(&event.fact)?;
        Ok(Row {
            seq: integer(seq)?,
            at: instant(event.at),
            recorded: instant(recorded),
            v: codec::latest(&kind),
            kind,
            subject: event.fact.subject(),
            by: event.by.person.clone(),
            how: event.by.how.word().to_owned(),
            data,
        })
    }

    /// SHA-256 over the previous hash and each column in order: its length in bytes (eight bytes,
    /// big-endian), then its bytes. Numbers are decimal digits.
    pub(super) fn hash_after(&self, before: &Hash) -> Hash {
        let (seq, v) = (self.seq.to_string(), self.v.to_string());
        let columns = [
            &seq,
            &self.at,
            &self.recorded,
            &self.kind,
            &v,
            &self.subject,
            &self.by,
            &self.how,
            &self.data,
        ];
        let mut digest = Sha256::new();
        digest.update(before);
        for column in columns {
            digest.update((column.len() as u64).to_be_bytes());
            digest.update(column.as_bytes());
        }
        digest.finalize().into()
    }

    fn unreadable(&self, why: impl Into<String>) -> Error {
        Error::Unreadable {
            seq: self.seq.unsigned_abs(),
            kind: self.kind.clone(),
            v: self.v,
            why: why.into(),
        }
    }
}

/// A row with a correct hash.
pub(super) struct Walked {
    pub(super) row: Row,
    pub(super) hash: Hash,
}

impl Walked {
    pub(super) fn stored(&self) -> Result<Stored, Error> {
        let row = &self.row;
        let parse = |text: &str, what: &str| {
            text.parse::<Timestamp>()
                .map_err(|error| row.unreadable(format!("its {what}: {error}")))
        };
        let fact = codec::decode(&row.kind, row.v, &row.data).map_err(|why| row.unreadable(why))?;
        let how = How::ALL.into_iter().find(|how| how.word() == row.how);
        let how = how.ok_or_else(|| row.unreadable(format!("`{}` is no interface", row.how)))?;
        Ok(Stored {
            seq: row.seq.unsigned_abs(),
            recorded: parse(&row.recorded, "time of record")?,
            event: Event {
                at: parse(&row.at, "time")?,
                by: Actor {
                    person: row.by.clone(),
                    how,
                },
                fact,
            },
            hash: hex(&self.hash),
        })
    }
}

/// The events that a page shows. Each part narrows them.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Events with a lower sequence.
    pub before: Option<u64>,
    /// Events with a higher sequence.
    pub after: Option<u64>,
    /// The oldest first. Otherwise the newest.
    pub oldest_first: bool,
    /// Events about one of these, the one that opened it included; empty for all.
    pub subjects: Vec<String>,
    pub kind: Option<String>,
    pub by: Option<String>,
}

/// The events that `wanted` names, in its order.
pub(super) fn recent(
    connection: &Connection,
    wanted: &Wanted,
    limit: usize,
) -> Result<Vec<Stored>, Error> {
    let subjects = serde_json::to_string(&wanted.subjects).unwrap_or_default();
    // The event that opens an incident or an outage is about its systems, and has the new id in its content.
    let query = "SELECT seq, at, recorded, kind, v, subject, by, how, data, hash FROM events \
         WHERE seq < ?1 AND seq > ?6 AND (?2 = '[]' OR subject IN (SELECT value FROM json_each(?2)) \
         OR kind = 'incident-opened' AND 'I-' || (data ->> 'incident') IN (SELECT value FROM json_each(?2)) \
         OR kind IN ('outage-opened', 'outage-declared') \
         AND 'O-' || (data ->> 'outage') IN (SELECT value FROM json_each(?2))) \
         AND (?3 IS NULL OR kind = ?3) AND (?4 IS NULL OR by = ?4)";
    let order = match wanted.oldest_first {
        true => "ASC",
        false => "DESC",
    };
    let query = format!("{query} ORDER BY seq {order} LIMIT ?5");
    let mut statement = connection.prepare_cached(&query)?;
    let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let before = bound(wanted.before.unwrap_or(u64::MAX));
    let after = bound(wanted.after.unwrap_or(0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let wanted = (before, subjects, &wanted.kind, &wanted.by, limit, after);
    let mut rows = statement.query(wanted)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let hash = row.get::<_, Hash>(9)?;
        let row = read(row)?;
        found.push(Walked { row, hash }.stored()?);
    }
    Ok(found)
}

/// Walks the rows after `after` in order, up to and including `upto`. Stops at the first row with a
/// wrong number or hash.
pub(super) fn walk(
    connection: &Connection,
    after: (i64, Hash),
    upto: i64,
    f: &mut dyn FnMut(Walked) -> Result<(), Error>,
) -> Result<(), Error> {
    survey(connection, after, upto, &mut |found| match found {
        Ok(walked) => f(walked),
        Err(fault) => Err(fault.into()),
    })
}

/// Like [`walk`], but continues after a fault. After a changed row, the next hash may follow from
/// the stored hash or from the computed one, depending on which was changed. The first row after a
/// gap is accepted as it is.
pub(super) fn survey(
    connection: &Connection,
    (after, hash): (i64, Hash),
    upto: i64,
    f: &mut dyn FnMut(Result<Walked, Fault>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, at, recorded, kind, v, subject, by, how, data, hash FROM events \
         WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
    )?;
    // A walk from the start includes rows with a number below 1, which are a fault.
    let lowest = if after == 0 { i64::MIN } else { after };
    let mut rows = statement.query([lowest, upto])?;
    let mut expected = after + 1;
    // The possible hashes of the row before; empty if unknown.
    let mut before = vec![hash];
    while let Some(found) = rows.next()? {
        let seq: i64 = found.get(0)?;
        if seq != expected {
            f(Err(Fault::Missing {
                seq: expected.unsigned_abs(),
                found: seq,
            }))?;
            // A row inserted before the first leaves no gap.
            if seq < expected {
                continue;
            }
            before.clear();
        }
        expected = seq + 1;
        let (row, hash) = (readable(read(found))?, readable(found.get::<_, Hash>(9))?);
        let should: Vec<Hash> = match &row {
            Some(row) => before.iter().map(|before| row.hash_after(before)).collect(),
            None => Vec::new(),
        };
        match (row, hash) {
            (Some(row), Some(hash)) if before.is_empty() || should.contains(&hash) => {
                before = vec![hash];
                f(Ok(Walked { row, hash }))?;
            }
            (_, hash) => {
                let known = hash.into_iter().chain(should);
                before = known.take(CANDIDATES).collect();
                f(Err(Fault::Changed {
                    seq: seq.unsigned_abs(),
                }))?;
            }
        }
    }
    Ok(())
}

/// The maximum number of possible hashes of the row before.
const CANDIDATES: usize = 8;

fn read(found: &rusqlite::Row<'_>) -> Result<Row, rusqlite::Error> {
    Ok(Row {
        seq: found.get(0)?,
        at: found.get(1)?,
        recorded: found.get(2)?,
        kind: found.get(3)?,
        v: found.get(4)?,
        subject: found.get(5)?,
        by: found.get(6)?,
        how: found.get(7)?,
        data: found.get(8)?,
    })
}

/// `None` for bytes that are not text and for a hash of another length: only a change can have made
/// them.
fn readable<T>(read: Result<T, rusqlite::Error>) -> Result<Option<T>, rusqlite::Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..),
        ) => Ok(None),
        Err(other) => Err(other),
    }
}

/// An instant as stored in a column: UTC with nine decimals, so that text sorts like time and no
/// instant is rounded.
pub(super) fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A number as SQLite stores it.
pub(super) fn integer(number: u64) -> Result<i64, Error> {
    i64::try_from(number)
        .map_err(|_| Error::Unstorable(format!("{number} is beyond what a row can hold")))
}

/// Parses the result of [`hex`].
pub(super) fn unhex(text: &str) -> Option<Hash> {
    let mut hash = GENESIS;
    for (n, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    (text.len() == 2 * hash.len()).then_some(hash)
}
