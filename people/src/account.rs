//! Accounts, and what an administrator does with them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::{Error, People, Role, instant, password, seconds};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// The name to sign in with. The ledger names the person by it.
    pub login: String,
    /// The person's name, as pages print it.
    pub name: String,
    pub role: Role,
    pub has_password: bool,
    pub has_second_factor: bool,
    /// True if the person signs in at an OpenID Connect provider, which decides the role.
    pub has_provider: bool,
    pub created_at: Timestamp,
    /// Since when the account may not sign in.
    pub disabled_at: Option<Timestamp>,
}

pub(crate) const COLUMNS: &str = "account.id, login, name, role, password IS NOT NULL, totp IS NOT NULL, account.created, disabled, issuer IS NOT NULL";

pub(crate) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(3)?;
    Ok(Account {
        id: AccountId(row.get(0)?),
        login: row.get(1)?,
        name: row.get(2)?,
        role: Role::named(&role).unwrap_or(Role::Viewer),
        has_password: row.get(4)?,
        has_second_factor: row.get(5)?,
        has_provider: row.get(8)?,
        created_at: instant(row.get(6)?),
        disabled_at: row.get::<_, Option<i64>>(7)?.map(instant),
    })
}

/// The longest login, in letters.
pub(crate) const LONGEST_LOGIN: usize = 64;
/// The longest name, in characters.
pub(crate) const LONGEST_NAME: usize = 200;

pub(crate) fn is_login_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-@".contains(c)
}

/// A login is part of the ledger, so it has the form of an id that people read.
pub(crate) fn check_login(login: &str) -> Result<(), Error> {
    if login.is_empty() || login.len() > LONGEST_LOGIN || !login.chars().all(is_login_letter) {
        return Error::refused(
            "a login has 1 to 64 letters, digits, dots, hyphens, underscores or @",
        );
    }
    Ok(())
}

impl People {
    /// All accounts, by login.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        let connection = self.connection();
        let query = format!("SELECT {COLUMNS} FROM account ORDER BY login");
        let mut statement = connection.prepare_cached(&query)?;
        let rows = statement.query_map([], account)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// # Errors
    /// The file cannot be read.
    pub fn account(&self, id: AccountId) -> Result<Option<Account>, Error> {
        let connection = self.connection();
        let query = format!("SELECT {COLUMNS} FROM account WHERE id = ?1");
        let found = connection.query_row(&query, [id.0], account).optional()?;
        Ok(found)
    }

    /// Gives an account another role. Its sessions end: they were granted for the old one.
    ///
    /// # Errors
    /// There is no such account, it is the last administrator's, or a provider decides its role.
    pub fn set_role(&self, id: AccountId, role: Role) -> Result<(), Error> {
        if self
            .account(id)?
            .is_some_and(|account| account.has_provider)
        {
            return Error::refused(
                "the provider decides this role at each sign-in; change the person's groups there, or disable the account",
            );
        }
        if role != Role::Admin {
            self.keeps_an_administrator(id)?;
        }
        self.change(
            id,
            "UPDATE account SET role = ?2 WHERE id = ?1",
            params![id.0, role.word()],
        )
    }

    /// Forbids an account to sign in. Its sessions end.
    ///
    /// # Errors
    /// There is no such account, or it is the last administrator's.
    pub fn disable(&self, id: AccountId, at: Timestamp) -> Result<(), Error> {
        self.keeps_an_administrator(id)?;
        self.change(
            id,
            "UPDATE account SET disabled = coalesce(disabled, ?2) WHERE id = ?1",
            params![id.0, seconds(at)],
        )
    }

    /// # Errors
    /// There is no such account.
    pub fn enable(&self, id: AccountId) -> Result<(), Error> {
        self.change(
            id,
            "UPDATE account SET disabled = NULL, failures = 0 WHERE id = ?1",
            params![id.0],
        )
    }

    /// Erases an account. The ledger keeps its login where the person acted.
    ///
    /// # Errors
    /// There is no such account, or it is the last administrator's.
    pub fn erase(&self, id: AccountId) -> Result<(), Error> {
        self.keeps_an_administrator(id)?;
        self.change(id, "DELETE FROM account WHERE id = ?1", params![id.0])
    }

    /// Sets a new password. All sessions of the account end.
    ///
    /// # Errors
    /// There is no such account, or the password is weak.
    pub fn set_password(&self, id: AccountId, password: &str) -> Result<(), Error> {
        let Some(account) = self.account(id)? else {
            return Error::refused("there is no such account");
        };
        password::check(password, &[&account.login, &account.name])
            .map_err(|weak| Error::Refused(weak.0))?;
        let hash = password::hash(password)?;
        self.change(
            id,
            "UPDATE account SET password = ?2, failures = 0 WHERE id = ?1",
            params![id.0, hash],
        )
    }

    /// A person's own change of the password. All sessions of the account end.
    ///
    /// # Errors
    /// The present password is wrong, or the new one is weak.
    pub fn change_password(
        &self,
        id: AccountId,
        old: &str,
        new: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let Some(account) = self.account(id)? else {
            return Error::refused("there is no such account");
        };
        if !self.has_password(&account.login, old, at)? {
            return Error::refused("the present password is wrong");
        }
        self.set_password(id, new)
    }

    /// Changes one account and ends its sessions, in one transaction.
    fn change(
        &self,
        id: AccountId,
        statement: &str,
        values: impl rusqlite::Params,
    ) -> Result<(), Error> {
        let mut connection = self.connection();
        let change = connection.transaction()?;
        if change.execute(statement, values)? == 0 {
            return Error::refused("there is no such account");
        }
        change.execute("DELETE FROM session WHERE account = ?1", [id.0])?;
        Ok(change.commit()?)
    }

    fn keeps_an_administrator(&self, without: AccountId) -> Result<(), Error> {
        let others: i64 = self.connection().query_row(
            "SELECT count(*) FROM account WHERE role = 'admin' AND disabled IS NULL AND id <> ?1",
            [without.0],
            |row| row.get(0),
        )?;
        let is_admin = self
            .account(without)?
            .is_some_and(|a| a.role == Role::Admin && a.disabled_at.is_none());
        if others == 0 && is_admin {
            return Error::refused(
                "this is the only administrator; make another account one first",
            );
        }
        Ok(())
    }
}
