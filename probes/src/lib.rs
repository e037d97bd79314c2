//! Asks the network, one file per protocol. Knows no system, outage or store.
//!
//! A [`Spec`] is what was configured; [`Probe::new`] does once what need not be done per run;
//! [`Probe::run`] asks once, under one timeout, and always answers with a [`Finding`].

pub mod http;
pub mod tcp;

mod dial;
mod fault;
mod tls;
mod trace;
mod words;

use std::time::Duration;

use domain::sample::{Outcome, Phases, Reason};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

pub use fault::DETAIL_LIMIT;
use fault::{Fault, one_line};
pub use tls::install_crypto;
use trace::{FirstByte, Trace};
use words::span;

/// A run this much over its timeout was held up by its own process (stopped, suspended, starved):
/// what it saw says nothing about the target.
pub const STALL: Duration = Duration::from_secs(2);

/// What to ask, checked as far as it can be without asking.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made once per probe and configuration, never kept"
)]
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
    /// From start to verdict, in whole microseconds.
    pub took: Duration,
    /// The parts of it, which add up to `took` exactly.
    pub phases: Phases,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The earliest end of a certificate in the chain that was presented.
    pub certificate_ends_at: Option<Timestamp>,
}

/// A [`Spec`] that cannot be run, and which of its keys is why. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {message}")]
pub struct SpecError {
    /// The key as a configuration writes it, dotted: `url`, `expect.body_matches`.
    pub key: &'static str,
    /// What is wrong with it, in words for its writer.
    pub message: String,
}

impl SpecError {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        SpecError {
            key,
            message: message.into(),
        }
    }
}

/// A probe ready to be run any number of times, also at once. Share it in an `Arc`. Its `Debug`
/// shows no header, body or query.
#[derive(Debug)]
pub struct Probe {
    kind: Kind,
    timeout: Duration,
    degraded_after: Option<Duration>,
    certificate_days: Option<u32>,
}

#[derive(Debug)]
enum Kind {
    Http(Box<http::Ready>),
    Tcp(tcp::Ready),
}

impl Probe {
    /// Checks the spec and does what need not be done per run: reads the files it names (so it may
    /// block for a moment), compiles expressions, renders requests.
    ///
    /// # Errors
    ///
    /// The first key that cannot be run with.
    pub fn new(spec: Spec) -> Result<Probe, SpecError> {
        let (kind, timeout, degraded_after, certificate_days) = match &spec {
            Spec::Http(s) => (
                Kind::Http(Box::new(http::Ready::new(s)?)),
                s.timeout,
                s.expect.degraded_after,
                s.expect.certificate_days,
            ),
            Spec::Tcp(s) => (
                Kind::Tcp(tcp::Ready::new(s)?),
                s.timeout,
                s.degraded_after,
                None,
            ),
        };
        if timeout.is_zero() {
            return Err(SpecError::new("timeout", "must be longer than nothing"));
        }
        if degraded_after.is_some_and(|limit| limit >= timeout) {
            let key = match kind {
                Kind::Http(_) => "expect.degraded_after",
                Kind::Tcp(_) => "degraded_after",
            };
            let message = format!("never comes: the timeout is {}", span(timeout));
            return Err(SpecError::new(key, message));
        }
        Ok(Probe {
            kind,
            timeout,
            degraded_after,
            certificate_days,
        })
    }

    /// Asks once. Ends at the latest with the timeout (plus what the process itself was held up)
    /// and always with a finding. Needs a tokio runtime with input, output and time.
    pub async fn run(&self) -> Finding {
        let start = Instant::now();
        let first_byte = FirstByte::new(start);
        let first_phase = match &self.kind {
            Kind::Http(ready) => ready.first_phase(),
            Kind::Tcp(ready) => ready.first_phase(),
        };
        let mut trace = Trace::begin(&first_byte, first_phase);
        let deadline = start + self.timeout;
        let asked = timeout(self.timeout, async {
            match &self.kind {
                Kind::Http(ready) => ready.ask(deadline, &mut trace).await,
                Kind::Tcp(ready) => ready.ask(deadline, &mut trace).await,
            }
        })
        .await;
        self.conclude(asked.ok(), trace)
    }

    /// From what was seen to what it says. `None` is a run that its timeout cut off.
    fn conclude(&self, asked: Option<Result<(), Fault>>, mut trace: Trace<'_>) -> Finding {
        let stuck_in = trace.phase();
        let starved = trace.waits_for_a_thread();
        let (took, phases) = trace.end();
        let verdict = match asked {
            _ if took > self.timeout + STALL => Some(Fault::monitor(format!(
                "this process was held up: {} for a run of at most {}",
                span(took),
                span(self.timeout)
            ))),
            None if starved => Some(Fault::monitor("no thread was free to resolve the name")),
            None => Some(Fault::new(
                Reason::Timeout,
                format!(
                    "no answer within {}, stopped while {}",
                    span(self.timeout),
                    stuck_in.while_doing()
                ),
            )),
            Some(Err(fault)) => Some(fault),
            Some(Ok(())) => self.impaired(took, &trace),
        };
        let outcome = match verdict.as_ref().map(|f| f.reason) {
            None => Outcome::Up,
            Some(Reason::Monitor) => Outcome::Inconclusive,
            Some(Reason::Slow | Reason::Expiring) => Outcome::Degraded,
            Some(_) => Outcome::Down,
        };
        Finding {
            outcome,
            reason: verdict.as_ref().map(|f| f.reason),
            detail: verdict.map(|f| one_line(&f.detail)),
            took,
            phases,
            status: trace.status,
            certificate_ends_at: trace.certificate.map(|c| c.ends_at),
        }
    }

    /// What is wrong with a good answer. Slowness goes first, since customers feel it already.
    fn impaired(&self, took: Duration, trace: &Trace<'_>) -> Option<Fault> {
        if let Some(limit) = self.degraded_after
            && took > limit
        {
            let detail = format!("took {}, more than {}", span(took), span(limit));
            return Some(Fault::new(Reason::Slow, detail));
        }
        if let (Some(days), Some(certificate)) = (self.certificate_days, trace.certificate) {
            let left_s = certificate.ends_at.as_second() - certificate.judged_at.as_second();
            if left_s < i64::from(days) * 86_400 {
                let detail = format!(
                    "the certificate ends in {} ({})",
                    words::count(left_s),
                    words::date(certificate.ends_at)
                );
                return Some(Fault::new(Reason::Expiring, detail));
            }
        }
        None
    }
}
