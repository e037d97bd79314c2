//! Tokens for programs that use the API.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::secret::{Secret, digest};
use crate::{Error, People, Role, instant, seconds};

/// Tokens begin with this, so that people and scanners of secrets recognise them.
const PREFIX: &str = "nines_";
const USE_NOTED_EVERY_S: i64 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    /// What it is for. The ledger names the actor `token NAME`.
    pub name: String,
    pub role: Role,
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// To the minute.
    pub used_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, name, role, created_by, created, expires, used";

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let role: String = row.get(2)?;
    Ok(Token {
        id: TokenId(row.get(0)?),
        name: row.get(1)?,
        role: Role::named(&role).unwrap_or(Role::Viewer),
        created_by: row.get(3)?,
        created_at: instant(row.get(4)?),
        expires_at: instant(row.get(5)?),
        used_at: row.get::<_, Option<i64>>(6)?.map(instant),
    })
}

impl People {
    /// Makes a token. Its secret cannot be read again.
    ///
    /// # Errors
    /// The name is empty, or the token would be over already.
    pub fn create_token(
        &self,
        name: &str,
        role: Role,
        expires_at: Timestamp,
        by: &str,
        at: Timestamp,
    ) -> Result<Secret, Error> {
        let name = name.trim();
        if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
            return Error::refused("the name of a token has 1 to 64 characters on one line");
        }
        if expires_at <= at {
            return Error::refused("the token must expire in the future");
        }
        let secret = Secret::with_prefix(PREFIX)?;
        self.connection().execute(
            "INSERT INTO token (digest, name, role, created_by, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![digest(secret.reveal()), name, role.word(), by, seconds(at), seconds(expires_at)],
        )?;
        Ok(secret)
    }

    /// The token of a request. `None` if it is unknown, revoked or over.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn token(&self, secret: &str, at: Timestamp) -> Result<Option<Token>, Error> {
        let connection = self.connection();
        let query = format!("SELECT {COLUMNS} FROM token WHERE digest = ?1 AND expires > ?2");
        let mut statement = connection.prepare_cached(&query)?;
        let found = statement
            .query_row(params![digest(secret), seconds(at)], token)
            .optional()?;
        if let Some(found) = &found {
            connection.execute(
                "UPDATE token SET used = ?2 WHERE id = ?1 AND coalesce(used, 0) <= ?2 - ?3",
                params![found.id.0, seconds(at), USE_NOTED_EVERY_S],
            )?;
        }
        Ok(found)
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tokens(&self) -> Result<Vec<Token>, Error> {
        let connection = self.connection();
        let query = format!("SELECT {COLUMNS} FROM token ORDER BY id");
        let mut statement = connection.prepare_cached(&query)?;
        let rows = statement.query_map([], token)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// # Errors
    /// There is no such token.
    pub fn revoke(&self, id: TokenId) -> Result<(), Error> {
        let connection = self.connection();
        // A later token may get the same number.
        connection.execute("DELETE FROM request WHERE token = ?1", [id.0])?;
        let gone = connection.execute("DELETE FROM token WHERE id = ?1", [id.0])?;
        match gone {
            0 => Error::refused("there is no such token"),
            _ => Ok(()),
        }
    }
}
