//! Signing in with an identity that an OpenID Connect provider proved. The account is that of issuer and subject, which
//! a provider never gives to another person. It has no password here, and the provider decides its role.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::account::{LONGEST_LOGIN, LONGEST_NAME, check_login, is_login_letter};
use crate::{AccountId, Error, People, Role, SignedIn, seconds};

/// The longest subject in bytes (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// A person as the provider describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenIdentity {
    pub issuer: String,
    pub subject: String,
    /// The login that the person has there. The account gets it if no other account has it.
    pub login: String,
    pub name: String,
    /// The role that the person's groups give; `None` if they give none.
    pub role: Option<Role>,
}

/// Why a proven identity may not sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// None of the person's groups has a role. Sessions that the person had are over.
    NoRole,
    /// An administrator disabled the account.
    Disabled,
}

impl People {
    /// Signs in, and makes the account at the first time. Name and role follow the provider each time. A changed role
    /// ends the sessions that were granted for the old one.
    ///
    /// # Errors
    /// The file cannot be used, or the subject is malformed.
    pub fn sign_in_with_identity(
        &self,
        person: &ProvenIdentity,
        at: Timestamp,
    ) -> Result<Result<SignedIn, NotAdmitted>, Error> {
        if !(1..=LONGEST_SUBJECT).contains(&person.subject.len()) {
            return Error::refused("the provider's subject has 1 to 255 characters");
        }
        let admitted = self.admit(person, at)?;
        let account = match admitted {
            Ok(account) => account,
            Err(why) => return Ok(Err(why)),
        };
        let session = self.begin_session(account, at)?;
        Ok(Ok(SignedIn { account, session }))
    }

    /// Finds or makes the account, in one transaction.
    fn admit(
        &self,
        person: &ProvenIdentity,
        at: Timestamp,
    ) -> Result<Result<AccountId, NotAdmitted>, Error> {
        let mut connection = self.connection();
        let change = connection.transaction()?;
        let found = change.query_row(
            "SELECT id, role, disabled IS NOT NULL FROM account WHERE issuer = ?1 AND subject = ?2",
            params![person.issuer, person.subject],
            |row| {
                let id = AccountId(row.get(0)?);
                Ok((id, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
            },
        );
        let found = found.optional()?;
        let Some(role) = person.role else {
            if let Some((id, ..)) = found {
                change.execute("DELETE FROM session WHERE account = ?1", [id.0])?;
            }
            change.commit()?;
            return Ok(Err(NotAdmitted::NoRole));
        };
        let id = match found {
            Some((_, _, true)) => return Ok(Err(NotAdmitted::Disabled)),
            Some((id, before, false)) => {
                if before != role.word() {
                    change.execute("DELETE FROM session WHERE account = ?1", [id.0])?;
                }
                let login: String =
                    change.query_row("SELECT login FROM account WHERE id = ?1", [id.0], |row| {
                        row.get(0)
                    })?;
                change.execute(
                    "UPDATE account SET name = ?2, role = ?3 WHERE id = ?1",
                    params![id.0, name(&person.name, &login), role.word()],
                )?;
                id
            }
            None => {
                let login = free_login(&change, &person.login)?;
                change.execute(
                    "INSERT INTO account (login, name, role, issuer, subject, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        login,
                        name(&person.name, &login),
                        role.word(),
                        person.issuer,
                        person.subject,
                        seconds(at)
                    ],
                )?;
                AccountId(change.last_insert_rowid())
            }
        };
        change.commit()?;
        Ok(Ok(id))
    }
}

/// The wished login in the form of a login, with a number if another account has it, or an invitation reserves it.
fn free_login(change: &Transaction<'_>, wished: &str) -> Result<String, Error> {
    let letters = wished.trim().chars();
    let login: String = letters
        .map(|c| if is_login_letter(c) { c } else { '-' })
        .take(LONGEST_LOGIN - 8)
        .collect();
    let login = if login.is_empty() { "person" } else { &login };
    let mut number = 1_u32;
    loop {
        let tried = match number {
            1 => login.to_owned(),
            number => format!("{login}-{number}"),
        };
        check_login(&tried)?;
        let taken: i64 = change.query_row(
            "SELECT (SELECT count(*) FROM account WHERE login = ?1)
                  + (SELECT count(*) FROM invitation WHERE login = ?1 COLLATE NOCASE)",
            [&tried],
            |row| row.get(0),
        )?;
        if taken == 0 {
            return Ok(tried);
        }
        number += 1;
    }
}

/// The name on one line, or the login if there is none.
fn name(name: &str, login: &str) -> String {
    let letters = name.trim().chars().filter(|c| !c.is_control());
    let name: String = letters.take(LONGEST_NAME).collect();
    match name.is_empty() {
        true => login.to_owned(),
        false => name,
    }
}
