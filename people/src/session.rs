//! Sessions of people who signed in. A session ends after 12 hours without a request, after a week in any case, and with
//! every change of the account's password, role or second factor.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, params};

use crate::account::{COLUMNS, account};
use crate::secret::{Secret, digest};
use crate::{Account, AccountId, Error, People, seconds};

const IDLE: SignedDuration = SignedDuration::from_hours(12);
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A session's last request is written down once in that time, so that reading pages writes little.
const NOTED_EVERY_S: i64 = 60;

/// A person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub account: Account,
}

impl People {
    /// The session of a cookie. `None` if it ended.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn session(&self, secret: &str, at: Timestamp) -> Result<Option<Session>, Error> {
        let connection = self.connection();
        let (now, digest) = (seconds(at), digest(secret));
        let after = |length: SignedDuration| now.saturating_sub(length.as_secs());
        let query = format!(
            "SELECT {COLUMNS}, seen FROM account JOIN session ON session.account = account.id
             WHERE session.digest = ?1 AND seen > ?2 AND session.created > ?3 AND disabled IS NULL"
        );
        let mut statement = connection.prepare_cached(&query)?;
        let values = params![digest, after(IDLE), after(LONGEST)];
        let found = statement.query_row(values, |row| Ok((account(row)?, row.get::<_, i64>(9)?)));
        let Some((account, seen)) = found.optional()? else {
            return Ok(None);
        };
        if now - seen >= NOTED_EVERY_S {
            connection.execute(
                "UPDATE session SET seen = ?2 WHERE digest = ?1",
                params![digest, now],
            )?;
        }
        Ok(Some(Session { account }))
    }

    /// Signs out.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn end_session(&self, secret: &str) -> Result<(), Error> {
        let connection = self.connection();
        connection.execute("DELETE FROM session WHERE digest = ?1", [digest(secret)])?;
        Ok(())
    }

    pub(crate) fn begin_session(&self, id: AccountId, at: Timestamp) -> Result<Secret, Error> {
        let secret = Secret::random()?;
        let connection = self.connection();
        let oldest = seconds(at).saturating_sub(LONGEST.as_secs());
        connection.execute("DELETE FROM session WHERE created < ?1", [oldest])?;
        connection.execute(
            "INSERT INTO session (digest, account, created, seen) VALUES (?1, ?2, ?3, ?3)",
            params![digest(secret.reveal()), id.0, seconds(at)],
        )?;
        Ok(secret)
    }
}
