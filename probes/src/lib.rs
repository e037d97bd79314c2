//! Asks the network, one file per protocol. Knows no system, outage or store.
//!
//! A [`Spec`] is what was configured; [`Probe::new`] does once what need not be done per run;
//! [`Probe::run`] asks once, under one timeout, and always answers with a [`Finding`].

pub mod http;
pub mod tcp;

use std::time::Duration;

use domain::sample::{Outcome, Phases, Reason};
use jiff::Timestamp;

/// What to ask, checked as far as it can be without asking.
#[derive(Clone, Debug)]
pub enum Spec {
    /// HTTP/1.1 or 2.
    Http(http::Spec),
    /// A TCP connection.
    Tcp(tcp::Spec),
}

/// What one run found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it says of the target.
    pub outcome: Outcome,
    /// Why, unless `up`.
    pub reason: Option<Reason>,
    /// One line, at most 200 characters, never a response body.
    pub detail: Option<String>,
    /// From start to verdict.
    pub took: Duration,
    /// The parts of it.
    pub phases: Phases,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The earliest end of a certificate in the chain that was presented.
    pub certificate_ends_at: Option<Timestamp>,
}
