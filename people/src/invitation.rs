//! Invitations: how an account comes into being. The first administrator's is printed once by the service, so no page
//! ever lets a stranger set it up.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, params};

use crate::account::{LONGEST_NAME, check_login};
use crate::secret::{Secret, digest};
use crate::{Account, AccountId, Error, People, Role, password, seconds};

/// How long an invitation can be accepted.
const VALID: SignedDuration = SignedDuration::from_hours(48);

/// An invitation that can be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub role: Role,
    /// The login that the administrator chose; `None` if the person chooses it.
    pub login: Option<String>,
}

impl People {
    /// The secret for the first administrator, if no administrator can sign in. It replaces an earlier one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn first_administrator(&self, at: Timestamp) -> Result<Option<Secret>, Error> {
        let admins: i64 = self.connection().query_row(
            "SELECT count(*) FROM account WHERE role = 'admin' AND disabled IS NULL",
            [],
            |row| row.get(0),
        )?;
        if admins > 0 {
            return Ok(None);
        }
        self.connection()
            .execute("DELETE FROM invitation WHERE invited_by = ''", [])?;
        self.invite(Role::Admin, None, "", at).map(Some)
    }

    /// An invitation by an administrator, valid for 48 hours.
    ///
    /// # Errors
    /// The login is taken or has another form.
    pub fn invite(
        &self,
        role: Role,
        login: Option<&str>,
        by: &str,
        at: Timestamp,
    ) -> Result<Secret, Error> {
        if let Some(login) = login {
            check_login(login)?;
            self.login_is_free(login)?;
        }
        let secret = Secret::random()?;
        let expires = at.saturating_add(VALID).unwrap_or(at);
        let connection = self.connection();
        connection.execute("DELETE FROM invitation WHERE expires < ?1", [seconds(at)])?;
        connection.execute(
            "INSERT INTO invitation (digest, role, login, invited_by, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![digest(secret.reveal()), role.word(), login, by, seconds(expires)],
        )?;
        Ok(secret)
    }

    /// The invitation of a secret, for the page on which it is accepted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn invitation(&self, secret: &str, at: Timestamp) -> Result<Option<Invitation>, Error> {
        let found = self.connection().query_row(
            "SELECT role, login FROM invitation WHERE digest = ?1 AND expires >= ?2",
            params![digest(secret), seconds(at)],
            |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
        );
        let found = found.optional()?;
        Ok(found.and_then(|(role, login)| {
            Some(Invitation {
                role: Role::named(&role)?,
                login,
            })
        }))
    }

    /// Makes the account of an invitation, which is used up by it.
    ///
    /// # Errors
    /// The invitation is used up or too old, the login is taken, or the password is weak.
    pub fn accept(
        &self,
        secret: &str,
        login: &str,
        name: &str,
        password: &str,
        at: Timestamp,
    ) -> Result<Account, Error> {
        let Some(invitation) = self.invitation(secret, at)? else {
            return Error::refused(
                "this invitation was used, or is older than 48 hours; ask for another",
            );
        };
        let login = invitation.login.as_deref().unwrap_or(login);
        check_login(login)?;
        self.login_is_free(login)?;
        let name = name.trim();
        if name.is_empty()
            || name.chars().count() > LONGEST_NAME
            || name.chars().any(char::is_control)
        {
            return Error::refused("the name has 1 to 200 characters on one line");
        }
        password::check(password, &[login, name]).map_err(|weak| Error::Refused(weak.0))?;
        let hash = password::hash(password)?;
        let id = {
            let mut connection = self.connection();
            let change = connection.transaction()?;
            // Two people with the same link: one account.
            if change.execute("DELETE FROM invitation WHERE digest = ?1", [digest(secret)])? == 0 {
                return Error::refused("this invitation was used; ask for another");
            }
            change.execute(
                "INSERT INTO account (login, name, role, password, created) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![login, name, invitation.role.word(), hash, seconds(at)],
            )?;
            let id = AccountId(change.last_insert_rowid());
            change.commit()?;
            id
        };
        self.account(id)?
            .map_or_else(|| Error::refused("the account is gone"), Ok)
    }

    fn login_is_free(&self, login: &str) -> Result<(), Error> {
        let taken: i64 = self.connection().query_row(
            "SELECT count(*) FROM account WHERE login = ?1",
            [login],
            |row| row.get(0),
        )?;
        if taken > 0 {
            return Error::refused(format!("the login {login} is taken"));
        }
        Ok(())
    }
}
