//! Signing in with a password and, where the account has one, a second factor (TOTP, RFC 6238).

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use totp_rs::{Algorithm, TOTP};

use crate::secret::Secret;
use crate::{AccountId, Error, People, password, seconds};

/// Wrong passwords or codes in a row before the account waits.
const FAILURES: i64 = 10;
/// How long it waits after the last one.
const WAIT_S: i64 = 15 * 60;
const STEP_S: u64 = 30;
/// The bytes of a second factor's secret: those of SHA-1 (RFC 4226, section 4).
const LENGTH: usize = 20;

/// A session that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub account: AccountId,
    /// For the cookie.
    pub session: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such account, a wrong password, a disabled account: the same answer for all.
    Wrong,
    /// The password is right. A code of the second factor is missing.
    NeedsCode,
    /// Too many wrong attempts: wait a quarter of an hour.
    Waits,
}

/// A second factor that is not in force until a code of it was seen.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    secret: Vec<u8>,
    /// In base 32, to type it by hand.
    pub text: String,
    /// `otpauth://…`, for a picture that a telephone reads.
    pub url: String,
}

impl SecondFactor {
    /// The factor again from its text, as a form sends it back. `None` if it is not one of ours.
    pub fn from_text(text: &str) -> Option<Self> {
        let secret = totp_rs::Secret::Encoded(text.to_owned()).to_bytes().ok()?;
        (secret.len() == LENGTH).then(|| Self {
            secret,
            text: text.to_owned(),
            url: String::new(),
        })
    }
}

impl People {
    /// Signs in. Ten wrong attempts in a row make the account wait for a quarter of an hour, also with the right
    /// password.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn sign_in(
        &self,
        login: &str,
        password: &str,
        code: Option<&str>,
        at: Timestamp,
    ) -> Result<Result<SignedIn, Refused>, Error> {
        let found = self.credentials(login)?;
        let hash = found.as_ref().and_then(|f| f.password.clone());
        let now = seconds(at);
        let waits = found
            .as_ref()
            .is_some_and(|f| f.failures >= FAILURES && now < f.failed.saturating_add(WAIT_S));
        // The same work in every case.
        let is_right = password::verify(password, hash.as_deref());
        let Some(found) = found else {
            return Ok(Err(Refused::Wrong));
        };
        if waits {
            return Ok(Err(Refused::Waits));
        }
        if !is_right || found.is_disabled {
            self.failed(found.id, now)?;
            return Ok(Err(Refused::Wrong));
        }
        if let Some(secret) = &found.totp {
            let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
                return Ok(Err(Refused::NeedsCode));
            };
            if !self.use_code(found.id, secret, code, at)? {
                self.failed(found.id, now)?;
                return Ok(Err(Refused::Wrong));
            }
        }
        self.connection().execute(
            "UPDATE account SET failures = 0 WHERE id = ?1",
            [found.id.0],
        )?;
        let session = self.begin_session(found.id, at)?;
        Ok(Ok(SignedIn {
            account: found.id,
            session,
        }))
    }

    /// True if it is the account's password. A wrong one counts as an attempt to sign in.
    pub(crate) fn has_password(
        &self,
        login: &str,
        password: &str,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let Some(found) = self.credentials(login)? else {
            return Ok(false);
        };
        let is_right = password::verify(password, found.password.as_deref());
        if !is_right {
            self.failed(found.id, seconds(at))?;
        }
        Ok(is_right)
    }

    /// A new second factor for the person to scan.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new_second_factor(&self, login: &str, issuer: &str) -> Result<SecondFactor, Error> {
        let mut secret = vec![0; LENGTH];
        getrandom::fill(&mut secret).map_err(|_| Error::Random)?;
        let text = totp_rs::Secret::Raw(secret.clone())
            .to_encoded()
            .to_string();
        let plain = |text: &str| text.replace([':', '%', '&', '?', '/', '#'], " ");
        let (issuer, login) = (plain(issuer), plain(login));
        let escaped = |text: &str| text.replace(' ', "%20");
        let url = format!(
            "otpauth://totp/{0}:{1}?secret={text}&issuer={0}",
            escaped(&issuer),
            escaped(&login)
        );
        Ok(SecondFactor { secret, text, url })
    }

    /// Puts a second factor in force once the person has typed a code of it. All sessions of the account end.
    ///
    /// # Errors
    /// The code is wrong, or the file cannot be written.
    pub fn confirm_second_factor(
        &self,
        id: AccountId,
        factor: &SecondFactor,
        code: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let text = hex(&factor.secret);
        if step_of(&factor.secret, code.trim(), at).is_none() {
            return Error::refused("this code is not the one that the second factor shows now");
        }
        let mut connection = self.connection();
        let change = connection.transaction()?;
        change.execute(
            "UPDATE account SET totp = ?2, totp_step = 0 WHERE id = ?1",
            params![id.0, text],
        )?;
        change.execute("DELETE FROM session WHERE account = ?1", [id.0])?;
        Ok(change.commit()?)
    }

    /// Removes the second factor of a person who lost it. All sessions of the account end.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_second_factor(&self, id: AccountId) -> Result<(), Error> {
        let mut connection = self.connection();
        let change = connection.transaction()?;
        change.execute("UPDATE account SET totp = NULL WHERE id = ?1", [id.0])?;
        change.execute("DELETE FROM session WHERE account = ?1", [id.0])?;
        Ok(change.commit()?)
    }

    fn credentials(&self, login: &str) -> Result<Option<Credentials>, Error> {
        let connection = self.connection();
        let found = connection.query_row(
            "SELECT id, password, totp, disabled IS NOT NULL, failures, failed FROM account WHERE login = ?1",
            [login],
            |row| {
                Ok(Credentials {
                    id: AccountId(row.get(0)?),
                    password: row.get(1)?,
                    totp: row.get(2)?,
                    is_disabled: row.get(3)?,
                    failures: row.get(4)?,
                    failed: row.get(5)?,
                })
            },
        );
        Ok(found.optional()?)
    }

    fn failed(&self, id: AccountId, now: i64) -> Result<(), Error> {
        self.connection().execute(
            "UPDATE account SET failures = CASE WHEN failures >= ?3 THEN 1 ELSE failures + 1 END, failed = ?2
             WHERE id = ?1",
            params![id.0, now, FAILURES],
        )?;
        Ok(())
    }

    /// True if the code is right and newer than the last one that was used: a code works once.
    fn use_code(
        &self,
        id: AccountId,
        secret: &str,
        code: &str,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let Some(step) = unhex(secret).and_then(|secret| step_of(&secret, code, at)) else {
            return Ok(false);
        };
        let changed = self.connection().execute(
            "UPDATE account SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2",
            params![id.0, step],
        )?;
        Ok(changed == 1)
    }
}

struct Credentials {
    id: AccountId,
    password: Option<String>,
    totp: Option<String>,
    is_disabled: bool,
    failures: i64,
    failed: i64,
}

/// The step of 30 seconds to which the code belongs: now, or one before or after for clocks that differ.
fn step_of(secret: &[u8], code: &str, at: Timestamp) -> Option<i64> {
    let totp = TOTP::new_unchecked(Algorithm::SHA1, 6, 1, STEP_S, secret.to_vec());
    let now = u64::try_from(at.as_second()).ok()? / STEP_S;
    let mut steps = now.saturating_sub(1)..=now.saturating_add(1);
    let found = steps.find(|step| {
        let right = totp.generate(step * STEP_S);
        bool::from(subtle::ConstantTimeEq::ct_eq(
            right.as_bytes(),
            code.as_bytes(),
        ))
    });
    found.and_then(|step| i64::try_from(step).ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(pair).collect()
}
