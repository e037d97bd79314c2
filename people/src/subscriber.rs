//! People who asked for notices on the public page. An address becomes a subscriber when a link that was mailed to it is
//! followed (double opt-in), and the answer to a request never tells whether an address is known.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};
use sha2::Sha256;

use crate::secret::{Secret, digest};
use crate::{Error, People, erased, instant, seconds};

/// How long a confirmation is valid. Requests that nobody confirmed are deleted then.
const VALID: SignedDuration = SignedDuration::from_hours(48);
/// An address gets one confirmation in that time.
const ONE_EACH: SignedDuration = SignedDuration::from_hours(24);
/// Requests that are not confirmed, and subscribers: more are not taken.
pub const MOST_SUBSCRIBERS: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(pub i64);

/// A confirmed subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    pub id: SubscriberId,
    pub address: String,
    /// Ids of systems.
    pub systems: BTreeSet<String>,
    pub confirmed_at: Timestamp,
}

/// What a request leads to. The page says the same in all cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// Mail this secret to the address.
    Confirm(Secret),
    /// The address got a confirmation within the last 24 hours.
    Waits,
    /// There are too many subscribers, or too many requests that are not confirmed.
    Full,
}

impl People {
    /// Notes a request for notices about `systems`. A confirmed subscriber changes its choice the same way.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn request_subscription(
        &self,
        address: &str,
        systems: &BTreeSet<String>,
        at: Timestamp,
    ) -> Result<Requested, Error> {
        let secret = Secret::random()?;
        let now = seconds(at);
        let mut connection = self.connection();
        let deleted = delete_unconfirmed(&connection, now)?;
        erased(&connection, deleted)?;
        let change = connection.transaction()?;
        let last: Option<i64> = change
            .query_row(
                "SELECT requested FROM subscriber WHERE address = ?1",
                [address],
                |row| row.get(0),
            )
            .optional()?;
        if last.is_some_and(|last| now < last.saturating_add(ONE_EACH.as_secs())) {
            change.commit()?;
            return Ok(Requested::Waits);
        }
        let (confirmed, unconfirmed): (i64, i64) = change.query_row(
            "SELECT count(confirmed), count(*) - count(confirmed) FROM subscriber",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        // A subscriber who chooses again needs no new row.
        if last.is_none() && confirmed.max(unconfirmed) >= MOST_SUBSCRIBERS {
            change.commit()?;
            return Ok(Requested::Full);
        }
        change.execute(
            "INSERT INTO subscriber (address, systems, requested, pending, confirm) VALUES (?1, '', ?2, ?3, ?4)
             ON CONFLICT (address) DO UPDATE SET requested = ?2, pending = ?3, confirm = ?4",
            params![address, now, joined(systems), digest(secret.reveal())],
        )?;
        change.commit()?;
        Ok(Requested::Confirm(secret))
    }

    /// Forgets a request whose mail could not be delivered, so that the address can be tried again. A confirmed
    /// subscriber stays.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget_request(&self, secret: &Secret) -> Result<(), Error> {
        let connection = self.connection();
        let confirm = digest(secret.reveal());
        let deleted = connection.execute(
            "DELETE FROM subscriber WHERE confirm = ?1 AND confirmed IS NULL",
            params![confirm],
        )?;
        connection.execute(
            "UPDATE subscriber SET confirm = NULL, pending = NULL WHERE confirm = ?1",
            params![confirm],
        )?;
        erased(&connection, deleted)
    }

    /// Deletes requests that were not confirmed in time.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn delete_unconfirmed(&self, at: Timestamp) -> Result<(), Error> {
        let connection = self.connection();
        let deleted = delete_unconfirmed(&connection, seconds(at))?;
        erased(&connection, deleted)
    }

    /// The number of addresses that asked for a subscription and did not confirm it yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn unconfirmed_subscriptions(&self) -> Result<u64, Error> {
        let connection = self.connection();
        let count: i64 = connection.query_row(
            "SELECT count(*) FROM subscriber WHERE confirmed IS NULL",
            [],
            |row| row.get(0),
        )?;
        Ok(count.unsigned_abs())
    }

    /// Confirms a request by the secret of its mail. `None` if it is unknown or older than 48 hours.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn confirm_subscription(
        &self,
        secret: &str,
        at: Timestamp,
    ) -> Result<Option<Subscriber>, Error> {
        let now = seconds(at);
        let oldest = now.saturating_sub(VALID.as_secs());
        let connection = self.connection();
        let found = connection.query_row(
            "UPDATE subscriber SET systems = pending, pending = NULL, confirm = NULL, confirmed = coalesce(confirmed, ?2)
             WHERE confirm = ?1 AND requested >= ?3 RETURNING id, address, systems, confirmed",
            params![digest(secret), now, oldest],
            subscriber,
        );
        Ok(found.optional()?)
    }

    /// All confirmed subscribers, by id.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn subscribers(&self) -> Result<Vec<Subscriber>, Error> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT id, address, systems, confirmed FROM subscriber WHERE confirmed IS NOT NULL ORDER BY id",
        )?;
        let rows = statement.query_map([], subscriber)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A confirmed subscriber. `None` if the subscription has ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, Error> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT id, address, systems, confirmed FROM subscriber WHERE id = ?1 AND confirmed IS NOT NULL",
        )?;
        Ok(statement.query_row([id.0], subscriber).optional()?)
    }

    /// The secret of the links in a subscriber's mails: the same each time, so that an old mail still unsubscribes.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn manage_secret(&self, id: SubscriberId) -> Result<String, Error> {
        let code = mac(&self.key()?, id).finalize().into_bytes();
        let code: String = code
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(format!("{}-{code}", id.0))
    }

    /// The subscriber of a link. `None` if the link is wrong or the subscription has ended.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn managed(&self, secret: &str) -> Result<Option<Subscriber>, Error> {
        match self.subscriber_of_link(secret)? {
            Some(id) => self.subscriber(id),
            None => Ok(None),
        }
    }

    /// The subscriber for whom a link was made, whose subscription may have ended. `None` if the link is wrong.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn subscriber_of_link(&self, secret: &str) -> Result<Option<SubscriberId>, Error> {
        let Some((id, _)) = secret.split_once('-') else {
            return Ok(None);
        };
        let Ok(id) = id.parse().map(SubscriberId) else {
            return Ok(None);
        };
        let right = self.manage_secret(id)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(
            right.as_bytes(),
            secret.as_bytes(),
        )) {
            return Ok(None);
        }
        Ok(Some(id))
    }

    /// Chooses other systems. With none the subscription ends.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn choose_systems(
        &self,
        id: SubscriberId,
        systems: &BTreeSet<String>,
    ) -> Result<(), Error> {
        if systems.is_empty() {
            return self.unsubscribe(id);
        }
        self.connection().execute(
            "UPDATE subscriber SET systems = ?2 WHERE id = ?1 AND confirmed IS NOT NULL",
            params![id.0, joined(systems)],
        )?;
        Ok(())
    }

    /// Ends a subscription and erases its address.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn unsubscribe(&self, id: SubscriberId) -> Result<(), Error> {
        let connection = self.connection();
        connection.execute("DELETE FROM subscriber WHERE id = ?1", [id.0])?;
        erased(&connection, 1)
    }

    /// The key of the links, made at the first use.
    fn key(&self) -> Result<Vec<u8>, Error> {
        let connection = self.connection();
        let known = connection.query_row("SELECT bytes FROM key", [], |row| row.get(0));
        if let Some(known) = known.optional()? {
            return Ok(known);
        }
        let mut fresh = vec![0; 32];
        getrandom::fill(&mut fresh).map_err(|_| Error::Random)?;
        connection.execute(
            "INSERT OR IGNORE INTO key (one, bytes) VALUES (1, ?1)",
            [fresh],
        )?;
        Ok(connection.query_row("SELECT bytes FROM key", [], |row| row.get(0))?)
    }
}

/// Returns how many were deleted.
fn delete_unconfirmed(connection: &rusqlite::Connection, now: i64) -> Result<usize, Error> {
    let oldest = now.saturating_sub(VALID.as_secs());
    Ok(connection.execute(
        "DELETE FROM subscriber WHERE confirmed IS NULL AND requested < ?1",
        [oldest],
    )?)
}

fn subscriber(row: &Row<'_>) -> rusqlite::Result<Subscriber> {
    let systems: String = row.get(2)?;
    Ok(Subscriber {
        id: SubscriberId(row.get(0)?),
        address: row.get(1)?,
        systems: systems.split_whitespace().map(str::to_owned).collect(),
        confirmed_at: instant(row.get(3)?),
    })
}

/// Ids of systems have no spaces.
fn joined(systems: &BTreeSet<String>) -> String {
    systems
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

fn mac(key: &[u8], id: SubscriberId) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    let mut mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(&id.0.to_be_bytes());
    mac
}
