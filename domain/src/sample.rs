//! The result of one probe at one moment: what was seen, how long each phase took, and why.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::Source;

/// What one run of a probe says of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Answered as expected.
    Up,
    /// Answered, but slowly or with something impaired.
    Degraded,
    /// Did not answer as expected.
    Down,
    /// Says nothing about the target: the monitor itself could not ask.
    Inconclusive,
}

/// Why a sample is not `up`. A closed set; its words appear in reports, notices and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The name did not resolve.
    Dns,
    /// Nothing listens there: the connection was refused or reset while connecting.
    Refused,
    /// No route to the address.
    Unreachable,
    /// No answer within the probe's timeout.
    Timeout,
    /// The TLS handshake failed for another cause than the certificate.
    Tls,
    /// The certificate is expired, not yet valid, of another name, or of an unknown issuer.
    Certificate,
    /// Another status than expected.
    Status,
    /// The body or a header lacks what was expected, or has what was forbidden.
    Body,
    /// The peer broke the protocol: a malformed, truncated or oversized answer.
    Protocol,
    /// More redirects than allowed, or one that leads nowhere.
    Redirect,
    /// Slower than `degraded_after`.
    Slow,
    /// The certificate ends within the configured days.
    Expiring,
    /// Nothing has arrived for too long.
    Stale,
    /// The monitor's own fault: stalled, suspended, or out of a resource.
    Monitor,
}

impl Reason {
    /// All reasons, for closed lists elsewhere (a metric's label values, a column's dictionary).
    pub const ALL: [Reason; 14] = [
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
        Reason::Expiring,
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
            Reason::Expiring => "expiring",
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

/// How long each phase of a probe took, in microseconds; `None` where the phase did not happen
/// (no TLS on plain TCP) or was not reached. They add up to the whole. With redirects, each is
/// the sum over the hops.
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

/// One probe's result at one moment, dated at the start of the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub source: Source,
    /// When the probe started (wall clock, UTC).
    pub at: Timestamp,
    /// How much later than its slot it started, in microseconds.
    pub late_us: u64,
    /// What it says.
    pub outcome: Outcome,
    /// Why, unless `up`.
    pub reason: Option<Reason>,
    /// One line, at most 200 characters, never a response body.
    pub detail: Option<String>,
    /// From start to verdict, in microseconds.
    pub took_us: u64,
    /// The parts of `took_us`.
    pub phases: Phases,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The earliest end of a certificate in the chain that was presented.
    pub certificate_ends_at: Option<Timestamp>,
}

/// What an event keeps of a sample that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Start of the probe.
    pub at: Timestamp,
    /// What it said.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
}
