//! The result of one run of a probe: its outcome, its reason, and the duration of each phase.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Month;
use crate::id::Source;

/// The outcome of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Answered as expected.
    Up,
    /// Answered, but too slowly.
    Degraded,
    /// Did not answer as expected.
    Down,
    /// No statement about the target: the monitor itself failed.
    Inconclusive,
}

/// The reason why a sample is not `up`. A closed set; its words appear in reports, notices and
/// metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The name did not resolve.
    Dns,
    /// The connection was refused, or reset while connecting.
    Refused,
    /// No route to the address.
    Unreachable,
    /// No answer within the probe's timeout.
    Timeout,
    /// The TLS handshake failed, but not because of the certificate.
    Tls,
    /// The certificate is expired, not yet valid, of another name, or of an unknown issuer.
    Certificate,
    /// Not the expected status.
    Status,
    /// The body or a header lacks an expected text or has a forbidden one.
    Body,
    /// The peer broke the protocol: a malformed, truncated or oversized answer.
    Protocol,
    /// Too many redirects, or a redirect without a usable target.
    Redirect,
    /// Slower than `degraded_after`.
    Slow,
    /// No heartbeat has arrived for too long.
    Stale,
    /// The monitor's own fault: stalled, suspended, or out of a resource.
    Monitor,
}

impl Reason {
    /// All reasons, for closed lists elsewhere (a metric's label values, a column's dictionary).
    pub const ALL: [Reason; 13] = [
        Reason::Dns,
        Reason::Refused,
        Reason::Unreachable,
        Reason::Timeout,
        Reason::Tls,
        Reason::Certificate,
        Reason::Status,
        Reason::Body,
        Reason::Protocol,
        Reason::Redirect,
        Reason::Slow,
        Reason::Stale,
        Reason::Monitor,
    ];

    /// The word used in stores, metrics and reports.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Dns => "dns",
            Reason::Refused => "refused",
            Reason::Unreachable => "unreachable",
            Reason::Timeout => "timeout",
            Reason::Tls => "tls",
            Reason::Certificate => "certificate",
            Reason::Status => "status",
            Reason::Body => "body",
            Reason::Protocol => "protocol",
            Reason::Redirect => "redirect",
            Reason::Slow => "slow",
            Reason::Stale => "stale",
            Reason::Monitor => "monitor",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Outcome {
    /// The word used in stores, metrics and reports.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Up => "up",
            Outcome::Degraded => "degraded",
            Outcome::Down => "down",
            Outcome::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The duration of each phase in microseconds. `None` if the phase did not happen (no TLS on plain
/// TCP) or was not reached. The phases add up to the whole run. With redirects, each is the sum
/// over the hops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Name to addresses.
    pub resolve_us: Option<u64>,
    /// TCP handshake.
    pub connect_us: Option<u64>,
    /// TLS handshake.
    pub tls_us: Option<u64>,
    /// Request written until the first byte of the answer.
    pub processing_us: Option<u64>,
    /// First byte until the last.
    pub transfer_us: Option<u64>,
}

/// The result of one run of a probe, dated at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub source: Source,
    /// The start of the run (wall clock).
    pub at: Timestamp,
    /// The delay of the start after its slot, in microseconds.
    pub late_us: u64,
    pub outcome: Outcome,
    /// Set unless the outcome is `up`.
    pub reason: Option<Reason>,
    /// One line, at most 200 characters, never a response body.
    pub detail: Option<String>,
    /// From start to verdict, in microseconds.
    pub took_us: u64,
    /// The parts of `took_us`.
    pub phases: Phases,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// The earliest end of validity on the verified path of the target's certificate.
    pub certificate_ends_at: Option<Timestamp>,
    /// True if it ends within the probe's `certificate_days`: a warning for operators, never impairment.
    pub certificate_ends_soon: bool,
    /// The clock of a time server minus this machine's, in microseconds. Not stored.
    pub clock_offset_us: Option<i64>,
}

/// The part of a sample that an event stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The start of the run.
    pub at: Timestamp,
    pub outcome: Outcome,
    pub reason: Option<Reason>,
}

/// A month of samples in one file that never changes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedMonth {
    /// In UTC.
    pub month: Month,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The number of its samples.
    pub samples: u64,
}
