//! The input of a decision: a sample, passing time, an act, the result of a delivery.

use jiff::Timestamp;

use crate::act::Act;
use crate::actor::Actor;
use crate::calendar::Month;
use crate::catalogue::Catalogue;
use crate::event::{Delivery, GapCause, SubscriptionCause};
use crate::id::{CommitteeId, NoticeId, SubscriberId, SystemId};
use crate::latency::StoredRollup;
use crate::notice::{Notice, ReportFile};
use crate::sample::{ArchivedMonth, Sample};
use crate::span::Span;

/// One input of [`crate::decide::decide`].
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Begin a new ledger.
    CreateLedger {
        /// The ledger's identity, from which message ids are made.
        identity: String,
        /// The version of the time zone database.
        tzdb: String,
    },
    /// A checked configuration comes into force.
    Configure {
        by: Actor,
        /// The whole configuration.
        catalogue: Box<Catalogue>,
    },
    /// The service starts to watch.
    Start {
        /// The last instant at which an earlier run is known to have been alive.
        alive_until: Option<Timestamp>,
    },
    /// The service stops in order.
    Stop,
    /// A command is about to write into the ledger of a service that was killed. No event follows
    /// if the service was stopped in order.
    Crashed {
        /// The last instant at which the service is known to have been alive.
        alive_until: Option<Timestamp>,
    },
    /// The service ran but could not watch.
    MonitoringGap { span: Span, cause: GapCause },
    /// A probe ran.
    Sampled(Sample),
    /// Time has passed: everything due up to now is decided, each at its own due time.
    Tick,
    /// A person acts.
    Act {
        by: Actor,
        act: Act,
        /// Why a text that looks like protected health information is something else.
        not_phi: Option<String>,
    },
    /// The files of an approved report are on the disk.
    FileReport(Box<FiledReport>),
    /// The roll-up of a day is on the disk.
    RollUp(Box<StoredRollup>),
    /// The archive of a month's samples is on the disk.
    ArchiveSamples(ArchivedMonth),
    /// The archive of a month is older than samples are kept: it is deleted next.
    DeleteSamples(Month),
    /// A person subscribed on the public page, chose other systems, or ended the subscription.
    Subscription {
        subscriber: SubscriberId,
        /// None ends it.
        systems: Vec<SystemId>,
        cause: SubscriptionCause,
    },
    /// The courier is about to connect.
    Attempt {
        /// The message that [`crate::notices::next`] named.
        notice: Box<Notice>,
        message_id: String,
        /// SHA-256 of the rendered message, in hexadecimal.
        sha256: String,
    },
    /// An attempt of the courier ended.
    Delivered {
        notice: NoticeId,
        attempt: u32,
        result: Delivery,
        /// The relay's reply, one line.
        reply: String,
        /// True if no relay could be reached, or none accepted mail at all.
        unreached: bool,
        /// The pause that the receiver asked for, in seconds.
        retry_after_s: Option<i64>,
    },
}

/// The files of an approved report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledReport {
    pub committee: CommitteeId,
    pub month: Month,
    pub revision: u32,
    pub files: Vec<ReportFile>,
    /// The program and the templates that made them.
    pub renderer: String,
    /// The sentences of the first page.
    pub headline: String,
    pub happened: Vec<String>,
}
