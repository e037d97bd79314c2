//! Asks the network, one file per kind of probe. Knows no system, outage or store.
//!
//! [`KINDS`] lists the kinds. [`Kind::prepare`] makes a [`Probe`] of a configuration table;
//! [`Probe::run`] asks once, under one timeout, and always returns a [`Finding`].

mod dial;
mod each;
mod endpoint;
mod exclusive;
mod fault;
mod files;
mod format;
mod kinds;
mod password;
mod secure;
pub mod self_check;
mod send_expect;
mod skipped;
mod tls;
mod trace;
mod transcript;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::sample::{Outcome, Phases, Reason};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

pub use dial::{Egress, Family};
pub use fault::DETAIL_LIMIT;
use fault::{Fault, one_line};
use files::Changing;
pub use format::certificate_end;
use format::duration;
pub use kinds::{KINDS, Kind, http, prepare};
pub use secure::secure;
pub use tls::{client_config, install_crypto};
pub use trace::Note;
use trace::{Certificate, FirstByte, Phase, Pinned, Trace};
pub use transcript::{phases_ms, transcript};
use values::Reach;

/// A run that exceeds its timeout by this much was delayed by its own process (stopped, suspended,
/// starved). Its result says nothing about the target.
pub const STALL: Duration = Duration::from_secs(2);

/// The result of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub outcome: Outcome,
    /// `None` if `up`.
    pub reason: Option<Reason>,
    /// One line, at most 200 characters, never a response body.
    pub detail: Option<String>,
    /// Whole microseconds.
    pub took: Duration,
    /// They add up to `took` exactly.
    pub phases: Phases,
    /// The name for which this machine's own resolver failed. The outcome is then `inconclusive`: the failure says
    /// nothing about the target unless the same resolver answers for another name.
    pub unresolved: Option<Arc<str>>,
    /// The HTTP status, if the target sent one.
    pub status: Option<u16>,
    /// The first expiry on the verified path of the target's certificate; of a refused one, its own.
    pub certificate_ends_at: Option<Timestamp>,
    /// True if it ends within `certificate_days`. It changes no outcome.
    pub certificate_ends_soon: bool,
    /// The clock of the target minus this machine's, in microseconds, if the probe compares them.
    pub clock_offset_us: Option<i64>,
}

/// Operators are warned of a certificate that ends within this many days, unless `certificate_days` is set.
const CERTIFICATE_DAYS: u32 = 14;

/// How a kind asks its target. Its `Debug` must show no header, body or query.
pub(crate) trait Protocol: Debug + Send + Sync + 'static {
    /// The phase in which a run begins.
    fn first_phase(&self) -> Phase;

    /// The name that it resolves by this machine's resolver.
    fn resolves(&self) -> Option<Arc<str>> {
        None
    }

    /// Asks once. The caller drops the future at `deadline`.
    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a>;
}

/// A run under way. A fault means that the target failed, or that the monitor could not ask.
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// A probe that can be run any number of times, also concurrently. Share it in an `Arc`.
#[derive(Debug)]
pub struct Probe {
    protocol: Box<dyn Protocol>,
    timeout: Duration,
    degraded_after: Option<Duration>,
    certificate_days: u32,
    /// True if one run asks each address of the name.
    all_addresses: bool,
    /// The addresses that it may reach.
    reach: Arc<Reach>,
    egress: Egress,
    /// Checked for changes before a run.
    files: Vec<Arc<dyn Changing>>,
}

impl Probe {
    pub(crate) fn new(protocol: impl Protocol, timeout: Duration) -> Self {
        Self {
            protocol: Box::new(protocol),
            timeout,
            degraded_after: None,
            certificate_days: CERTIFICATE_DAYS,
            all_addresses: false,
            reach: Arc::default(),
            egress: Egress::default(),
            files: Vec::new(),
        }
    }

    pub(crate) fn warning_within(mut self, certificate_days: Option<u32>) -> Self {
        self.certificate_days = certificate_days.unwrap_or(CERTIFICATE_DAYS);
        self
    }

    pub(crate) fn with_files(
        mut self,
        files: impl IntoIterator<Item = Option<Arc<dyn Changing>>>,
    ) -> Self {
        self.files = files.into_iter().flatten().collect();
        self
    }

    pub(crate) fn asking_each_address(mut self, all_addresses: bool) -> Self {
        self.all_addresses = all_addresses;
        self
    }

    pub(crate) fn reaching(mut self, reach: &Reach) -> Self {
        self.reach = Arc::new(reach.clone());
        self
    }

    /// The same probe, which connects so.
    pub fn leaving_by(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// The longest that a run may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The name that a run resolves by this machine's resolver, unless it was given an address or a server.
    pub fn resolves(&self) -> Option<Arc<str>> {
        self.protocol.resolves()
    }

    /// Asks once. Returns at the timeout at the latest, unless the process itself was delayed or the
    /// storage of its files is slow: that adds a second at most. Needs a tokio runtime with input, output and time.
    pub async fn run(&self) -> Finding {
        self.ask(false).await.0
    }

    /// Asks once, like [`Probe::run`], and also tells what happened, for people.
    pub async fn run_with_notes(&self) -> (Finding, Vec<Note>) {
        self.ask(true).await
    }

    async fn ask(&self, with_notes: bool) -> (Finding, Vec<Note>) {
        files::check(&self.files).await;
        let start = Instant::now();
        match self.protocol.resolves().filter(|_| self.all_addresses) {
            Some(name) => each::ask(self, &name, start, with_notes).await,
            None => self.ask_once(start, None, with_notes).await,
        }
    }

    /// Asks one address, if `pinned` names it, in place of those of its name.
    async fn ask_once(
        &self,
        start: Instant,
        pinned: Option<Pinned>,
        with_notes: bool,
    ) -> (Finding, Vec<Note>) {
        let first_byte = FirstByte::new(start);
        let mut trace = Trace::begin(&first_byte, self.protocol.first_phase());
        trace.pinned = pinned;
        trace.reach = Some(Arc::clone(&self.reach));
        trace.egress = self.egress;
        if with_notes {
            trace.keep_notes();
        }
        let deadline = start + self.timeout;
        let run = self.protocol.run(deadline, &mut trace);
        let result = timeout_at(deadline, run).await;
        let finding = self.conclude(result.ok(), &mut trace);
        (finding, trace.notes())
    }

    /// Judges a run. `None` is a run that the timeout ended.
    fn conclude(&self, result: Option<Result<(), Fault>>, trace: &mut Trace<'_>) -> Finding {
        let stuck_in = trace.phase();
        let starved = trace.waits_for_a_thread();
        let unresolved = trace.unresolved.take();
        let (took, phases) = trace.end();
        let fault = match result {
            _ if took > self.timeout + STALL => Some(Fault::monitor(format!(
                "this process was held up: {} for a run of at most {}",
                duration(took),
                duration(self.timeout)
            ))),
            None if starved => Some(Fault::monitor("no thread was free to resolve the name")),
            None if let Some(name) = &unresolved => {
                let words = format!("no answer within {}", duration(self.timeout));
                Some(dial::resolver_failed(name, &words))
            }
            None => Some(Fault::new(
                Reason::Timeout,
                format!(
                    "no answer within {}, stopped while {}",
                    duration(self.timeout),
                    stuck_in.while_doing()
                ),
            )),
            Some(Err(fault)) => Some(client_certificate_hint(fault, trace)),
            Some(Ok(())) => self.slow(took),
        };
        let reason = fault.as_ref().map(|f| f.reason);
        let is_degraded = fault.as_ref().is_some_and(|f| f.is_degraded);
        let unresolved = unresolved.filter(|_| reason == Some(Reason::Dns));
        let outcome = match reason {
            None => Outcome::Up,
            Some(Reason::Monitor) => Outcome::Inconclusive,
            Some(Reason::Dns) if unresolved.is_some() => Outcome::Inconclusive,
            Some(Reason::Slow) => Outcome::Degraded,
            Some(_) if is_degraded => Outcome::Degraded,
            Some(_) => Outcome::Down,
        };
        Finding {
            outcome,
            reason,
            unresolved,
            detail: fault.map(|f| detail(&f, trace)),
            took,
            phases,
            status: trace.status,
            certificate_ends_at: trace.certificate.map(|c| c.ends_at),
            certificate_ends_soon: trace.certificate.is_some_and(|c| self.warns_of(c)),
            clock_offset_us: trace.clock_offset_us,
        }
    }

    /// The fault of a good answer that took too long.
    fn slow(&self, took: Duration) -> Option<Fault> {
        let limit = self.degraded_after.filter(|limit| took > *limit)?;
        let detail = format!("took {}, more than {}", duration(took), duration(limit));
        Some(Fault::new(Reason::Slow, detail))
    }

    fn warns_of(&self, certificate: Certificate) -> bool {
        let left_s = certificate.ends_at.as_second() - certificate.checked_at.as_second();
        left_s < i64::from(self.certificate_days) * 86_400
    }
}

/// The detail of a fault, with the part of the run that it ended and without secrets.
fn detail(fault: &Fault, trace: &Trace<'_>) -> String {
    let text = trace.without_secrets(&fault.detail);
    match &trace.part {
        Some(part) => one_line(&format!("{part}: {text}")),
        None => one_line(&text),
    }
}

/// Adds to a refusal that the server asked for a client certificate, which may be its reason: many servers do
/// not say so.
fn client_certificate_hint(mut fault: Fault, trace: &Trace<'_>) -> Fault {
    let may_be = match fault.reason {
        Reason::Tls | Reason::Protocol => true,
        Reason::Status => matches!(trace.status, Some(400 | 401 | 403)),
        _ => false,
    };
    if may_be && trace.client_certificate_asked && !fault.detail.contains("client certificate") {
        fault
            .detail
            .push_str("; the server asked for a client certificate");
    }
    fault
}
