//! Decides what follows from an input: pure, in one place.

use jiff::Timestamp;

use crate::act::{Act, Refusal};
use crate::catalogue::Catalogue;
use crate::event::{Absence, Delivery, Event};
use crate::id::NoticeId;
use crate::record::Record;
use crate::sample::Sample;
use crate::span::Span;
use crate::watch::Watch;

/// What comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A new ledger begins.
    Found {
        /// Its identity, from which message ids are made.
        identity: String,
        /// The version of the time zone database.
        tzdb: String,
    },
    /// A checked configuration comes into force.
    Configure {
        /// By whom.
        by: String,
        /// All of it.
        catalogue: Box<Catalogue>,
    },
    /// The service starts to watch.
    Start {
        /// The last instant at which an earlier run is known to have been alive.
        alive_until: Option<Timestamp>,
    },
    /// The service stops in order.
    Stop,
    /// The service ran but could not watch.
    Absent {
        /// From when to when.
        span: Span,
        /// Why.
        cause: Absence,
    },
    /// A probe ran.
    Sampled(Sample),
    /// Time has passed: everything due up to now is decided, each at its own due time.
    Tick,
    /// A person does something.
    Act {
        /// Who.
        by: String,
        /// What.
        act: Act,
    },
    /// The courier is about to connect.
    Attempt {
        /// For which notice.
        notice: NoticeId,
        /// SHA-256 of the rendered message, in hexadecimal.
        sha256: String,
    },
    /// The courier is done.
    Delivered {
        /// With which notice.
        notice: NoticeId,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        result: Delivery,
        /// The relay's words, one line.
        reply: String,
    },
}

/// The events that follow from `input`, received at `at`; none where nothing follows.
///
/// `watch` has already observed the input ([`Watch::observe`]).
///
/// # Errors
/// An act that cannot be done is refused with the reason.
pub fn decide(
    _watch: &Watch,
    _record: &Record,
    _at: Timestamp,
    _input: &Input,
) -> Result<Vec<Event>, Refusal> {
    Ok(Vec::new())
}
