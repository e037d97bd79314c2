//! People who reported a problem on the public page: their contact data. The ledger has the number alone.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::{Error, People, empty_log, erased, seconds};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReporterId(pub i64);

/// How to reach a person who reported a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reporter {
    pub name: String,
    pub organisation: String,
    pub email: Option<String>,
    pub phone: Option<String>,
}

impl People {
    /// # Errors
    /// The file cannot be written.
    pub fn add_reporter(&self, reporter: &Reporter, at: Timestamp) -> Result<ReporterId, Error> {
        let connection = self.connection();
        connection.execute(
            "INSERT INTO reporter (name, organisation, email, phone, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                reporter.name,
                reporter.organisation,
                reporter.email,
                reporter.phone,
                seconds(at)
            ],
        )?;
        Ok(ReporterId(connection.last_insert_rowid()))
    }

    /// How many reports since an instant name a mail address.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn reports_naming(&self, email: &str, since: Timestamp) -> Result<u32, Error> {
        let connection = self.connection();
        let counted = connection.query_row(
            "SELECT count(*) FROM reporter WHERE email = ?1 COLLATE NOCASE AND created >= ?2",
            params![email, seconds(since)],
            |row| row.get(0),
        );
        Ok(counted?)
    }

    /// Erases everyone of whom the ledger has no report: a kill came before it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_reporters(&self, known: &BTreeSet<ReporterId>) -> Result<(), Error> {
        let mut connection = self.connection();
        let change = connection.transaction()?;
        let all: Vec<i64> = {
            let mut statement = change.prepare("SELECT id FROM reporter")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        let mut deleted = 0;
        for id in all
            .into_iter()
            .filter(|id| !known.contains(&ReporterId(*id)))
        {
            deleted += change.execute("DELETE FROM reporter WHERE id = ?1", [id])?;
        }
        change.commit()?;
        erased(&connection, deleted)
    }

    /// `None` if the person was erased.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn reporter(&self, id: ReporterId) -> Result<Option<Reporter>, Error> {
        let connection = self.connection();
        let found = connection.query_row(
            "SELECT name, organisation, email, phone FROM reporter WHERE id = ?1",
            [id.0],
            |row| {
                Ok(Reporter {
                    name: row.get(0)?,
                    organisation: row.get(1)?,
                    email: row.get(2)?,
                    phone: row.get(3)?,
                })
            },
        );
        Ok(found.optional()?)
    }

    /// Erases a person's contact data. The report itself stays in the ledger.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn erase_reporter(&self, id: ReporterId) -> Result<(), Error> {
        let connection = self.connection();
        connection.execute("DELETE FROM reporter WHERE id = ?1", [id.0])?;
        empty_log(&connection)
    }
}
