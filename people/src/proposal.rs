//! Proposals: acts that wait for a second person. They are no facts yet, so they are here and not in the ledger. This crate
//! does not read what is proposed.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};

use crate::{Error, People, instant, seconds};

/// How long a proposal waits.
const VALID: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The most that wait at once.
const MOST: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalId(pub i64);

/// An act that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub id: ProposalId,
    /// The act, as the caller wrote it.
    pub act: String,
    /// The actor that proposed it, as the ledger will name it: the login of an account, or a token.
    pub by: String,
    /// The login of the account behind it.
    pub account: String,
    /// Why a text that looks like protected health information is something else.
    pub not_phi: Option<String>,
    pub created_at: Timestamp,
}

impl People {
    /// Keeps an act for a second person, for seven days.
    ///
    /// # Errors
    /// A hundred proposals wait already, or the file cannot be written.
    pub fn propose(
        &self,
        act: &str,
        (by, account): (&str, &str),
        not_phi: Option<&str>,
        at: Timestamp,
    ) -> Result<ProposalId, Error> {
        let connection = self.connection();
        delete_old(&connection, at)?;
        let waiting: i64 =
            connection.query_row("SELECT count(*) FROM proposal", [], |row| row.get(0))?;
        if waiting >= MOST {
            return Error::refused(format!(
                "{MOST} proposals wait for a second person; approve or withdraw some first"
            ));
        }
        connection.execute(
            "INSERT INTO proposal (act, by, not_phi, created, account) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![act, by, not_phi, seconds(at), account],
        )?;
        Ok(ProposalId(connection.last_insert_rowid()))
    }

    /// The proposals that wait, the oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn proposals(&self, at: Timestamp) -> Result<Vec<Proposal>, Error> {
        let connection = self.connection();
        delete_old(&connection, at)?;
        let mut statement = connection.prepare_cached(
            "SELECT id, act, by, not_phi, created, account FROM proposal ORDER BY id",
        )?;
        let rows = statement.query_map([], proposal)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// `None` if it was approved, withdrawn or is too old.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn proposal(&self, id: ProposalId, at: Timestamp) -> Result<Option<Proposal>, Error> {
        let connection = self.connection();
        delete_old(&connection, at)?;
        let found = connection.query_row(
            "SELECT id, act, by, not_phi, created, account FROM proposal WHERE id = ?1",
            [id.0],
            proposal,
        );
        Ok(found.optional()?)
    }

    /// Removes a proposal that was approved or withdrawn.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_proposal(&self, id: ProposalId) -> Result<(), Error> {
        self.connection()
            .execute("DELETE FROM proposal WHERE id = ?1", [id.0])?;
        Ok(())
    }
}

fn delete_old(connection: &rusqlite::Connection, at: Timestamp) -> Result<(), Error> {
    let oldest = seconds(at).saturating_sub(VALID.as_secs());
    connection.execute("DELETE FROM proposal WHERE created < ?1", [oldest])?;
    Ok(())
}

fn proposal(row: &Row<'_>) -> rusqlite::Result<Proposal> {
    Ok(Proposal {
        id: ProposalId(row.get(0)?),
        act: row.get(1)?,
        by: row.get(2)?,
        not_phi: row.get(3)?,
        created_at: instant(row.get(4)?),
        account: row.get(5)?,
    })
}
