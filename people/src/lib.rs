//! People: accounts with their passwords, sessions and API tokens, and those who subscribed to notices. All of it is in
//! `people.sqlite`, apart from the ledger, because an append-only chain cannot forget a person. This crate knows no
//! system, incident or page; it takes the time as an argument.

mod account;
mod invitation;
mod openid;
mod password;
mod proposal;
mod reporter;
mod request;
mod role;
mod schema;
mod secret;
mod session;
mod sign_in;
mod subscriber;
mod token;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::Connection;

pub use account::{Account, AccountId};
pub use invitation::Invitation;
pub use openid::{NotAdmitted, ProvenIdentity};
pub use password::Weak;
pub use proposal::{Proposal, ProposalId};
pub use reporter::{Reporter, ReporterId};
pub use request::{Earlier, KeptAnswer};
pub use role::Role;
pub use secret::Secret;
pub use session::Session;
pub use sign_in::{Refused, SecondFactor, SignedIn};
pub use subscriber::{MOST_SUBSCRIBERS, Requested, Subscriber, SubscriberId};
pub use token::{Token, TokenId};

/// Why people.sqlite did not answer, or refused a change.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("people.sqlite cannot be used")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0} is not the file of this program")]
    Foreign(String),
    #[error("people.sqlite has schema {0}; this program knows up to {known}", known = schema::VERSION)]
    Newer(i64),
    #[error("people.sqlite has schema {0}, which the next start of the service brings up to date")]
    Older(i64),
    #[error("the system has no random numbers")]
    Random,
    /// A rule forbids it. The sentence is for the person who asked.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    fn refused<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self::Refused(why.into()))
    }
}

/// The open file. Calls block for the time of a few disk writes, and sign-ins for that of a password hash.
pub struct People {
    connection: Mutex<Connection>,
}

impl People {
    /// Opens `people.sqlite`, and creates it for its owner alone if it is missing.
    ///
    /// # Errors
    /// The file cannot be used, belongs to another program, or was written by a later version.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let connection = schema::open(path)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Opens an existing `people.sqlite` to read it, beside the running service. `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be used, belongs to another program, or was written by a later version.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = schema::open_read_only(path)?;
        Ok(Some(Self {
            connection: Mutex::new(connection),
        }))
    }

    /// Writes a copy of the whole file, as it is at one moment, to a new file. The service may run.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn copy_to(&self, file: &Path) -> Result<(), Error> {
        let name = file.to_string_lossy();
        self.connection().execute("VACUUM INTO ?", [name])?;
        Ok(())
    }

    /// Each call is one transaction at most, so a panic leaves nothing half done.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves everything from the write-ahead log into the file and empties the log, which has the earlier content of pages:
/// who is erased must not stay in it. A reader that is busy for longer than five seconds leaves this to the next time.
fn empty_log(connection: &Connection) -> Result<(), Error> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Leaves no trace in the write-ahead log of so many rows that were deleted.
fn erased(connection: &Connection, rows: usize) -> Result<(), Error> {
    match rows {
        0 => Ok(()),
        _ => empty_log(connection),
    }
}

/// Instants are stored as seconds since 1970.
fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}

fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
