//! The observations of one run so far, and the time of each phase. The trace lives outside the future
//! that the timeout cancels, so it survives a timeout. The phases always add up to the whole run.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, atomic::AtomicBool};
use std::time::Duration;

use domain::sample::Phases;
use jiff::Timestamp;
use tokio::time::Instant;
use url::form_urlencoded;
use values::Reach;

use crate::dial::Egress;
use crate::fault::one_line;
use crate::skipped::Skipped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Resolve,
    Connect,
    Tls,
    Processing,
    Transfer,
}

impl Phase {
    /// The end of "no answer within 5 s, stopped while …".
    pub(crate) fn while_doing(self) -> &'static str {
        match self {
            Phase::Resolve => "resolving the name",
            Phase::Connect => "connecting",
            Phase::Tls => "in the TLS handshake",
            Phase::Processing => "waiting for the first byte",
            Phase::Transfer => "receiving the answer",
        }
    }
}

/// The time of an answer's first byte. The stream writes it, the trace reads it. In microseconds since
/// the start of the run, plus one; zero means "not yet".
#[derive(Debug)]
pub(crate) struct FirstByte {
    start: Instant,
    seen: AtomicU64,
}

impl FirstByte {
    pub(crate) fn new(start: Instant) -> Self {
        FirstByte {
            start,
            seen: AtomicU64::new(0),
        }
    }

    /// Keeps the first time of this hop. Later calls read no clock.
    pub(crate) fn stamp(&self) {
        if self.seen.load(Ordering::Relaxed) == 0 {
            self.seen
                .store(micros(self.start.elapsed()) + 1, Ordering::Relaxed);
        }
    }

    fn at_us(&self) -> Option<u64> {
        self.seen.load(Ordering::Relaxed).checked_sub(1)
    }

    fn clear(&self) {
        self.seen.store(0, Ordering::Relaxed);
    }
}

/// The certificate of the target, accepted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The first expiry on the verified path. If the certificate was refused, its own.
    pub(crate) ends_at: Timestamp,
    /// The wall clock at the check.
    pub(crate) checked_at: Timestamp,
}

/// One address of a name, for a run that asks each of them on its own.
#[derive(Clone, Debug)]
pub(crate) struct Pinned {
    pub(crate) name: Arc<str>,
    pub(crate) address: IpAddr,
}

#[derive(Debug)]
pub(crate) struct Trace<'a> {
    start: Instant,
    phase: Phase,
    /// The start of the current phase, in microseconds since the start of the run.
    since_us: u64,
    spent_us: [Option<u64>; 5],
    /// Set if the verdict stood before the run ended.
    decided_us: Option<u64>,
    /// The stream of this run writes it.
    pub(crate) first_byte: &'a FirstByte,
    /// The resolver thread sets it when it starts. `None` before the run resolves a name.
    pub(crate) resolving: Option<Arc<AtomicBool>>,
    /// The name for which this machine's resolver has given no answer yet, or failed.
    pub(crate) unresolved: Option<Arc<str>>,
    /// The address to connect to in place of those of a name.
    pub(crate) pinned: Option<Pinned>,
    /// The addresses that this run may reach. `None`: all.
    pub(crate) reach: Option<Arc<Reach>>,
    /// How the run connects.
    pub(crate) egress: Egress,
    /// True once a redirect leads the run: the server chooses where to.
    pub(crate) redirected: bool,
    /// The status of the last answer.
    pub(crate) status: Option<u16>,
    /// The certificate that expires first among those of all hops.
    pub(crate) certificate: Option<Certificate>,
    /// The clock of the target minus this machine's, in microseconds.
    pub(crate) clock_offset_us: Option<i64>,
    /// True if a server asked for a client certificate and got none.
    pub(crate) client_certificate_asked: bool,
    /// True if a server asked for a client certificate: in TLS 1.3 it may refuse after the handshake.
    pub(crate) refusal_may_follow: bool,
    /// The part of the run under way, as "step 2 `sign in`". It begins the detail of a fault.
    pub(crate) part: Option<String>,
    /// `None` unless a person wants to read it.
    transcript: Option<Vec<Note>>,
    /// The datagrams that did not answer, for the transcript.
    pub(crate) skipped: Arc<Skipped>,
    /// Texts that neither a detail nor a note may show.
    secrets: Vec<String>,
}

/// A line of a transcript: an event of a run, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Since the start of the run.
    pub at: Duration,
    /// One line, without secrets.
    pub text: String,
}

/// The most lines of a transcript.
const NOTES_LIMIT: usize = 500;

/// A shorter secret cannot be told from other text.
const SHORTEST_SECRET: usize = 3;

impl<'a> Trace<'a> {
    /// The run starts when `first_byte` was made.
    pub(crate) fn begin(first_byte: &'a FirstByte, phase: Phase) -> Self {
        Trace {
            start: first_byte.start,
            phase,
            since_us: 0,
            spent_us: [None; 5],
            decided_us: None,
            first_byte,
            resolving: None,
            unresolved: None,
            pinned: None,
            reach: None,
            egress: Egress::default(),
            redirected: false,
            status: None,
            certificate: None,
            clock_offset_us: None,
            client_certificate_asked: false,
            refusal_may_follow: false,
            part: None,
            transcript: None,
            skipped: Arc::default(),
            secrets: Vec::new(),
        }
    }

    /// Keeps notes from now on.
    pub(crate) fn keep_notes(&mut self) {
        self.transcript = Some(Vec::new());
    }

    /// True if somebody reads the transcript.
    pub(crate) fn is_read(&self) -> bool {
        self.transcript.is_some()
    }

    /// Adds a line to the transcript. It is not made unless somebody reads it.
    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        let is_read = |notes: &Vec<Note>| notes.len() < NOTES_LIMIT;
        if !self.transcript.as_ref().is_some_and(is_read) {
            return;
        }
        let at = self.start.elapsed();
        let text = one_line(&self.without_secrets(&text()));
        if let Some(notes) = &mut self.transcript {
            notes.push(Note { at, text });
        }
    }

    /// Ends the transcript.
    pub(crate) fn notes(&mut self) -> Vec<Note> {
        if let Some(skipped) = self.skipped.in_words() {
            self.note(|| skipped);
        }
        self.transcript.take().unwrap_or_default()
    }

    /// Keeps a text out of details and notes, also in the form that URLs have.
    pub(crate) fn hide(&mut self, secret: &str) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for text in [secret.to_owned(), encoded.replace('+', "%20"), encoded] {
            if text.len() >= SHORTEST_SECRET && !self.secrets.contains(&text) {
                self.secrets.push(text);
            }
        }
        // A secret may contain another one.
        self.secrets
            .sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text with `***` for each secret.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        text
    }

    /// Ends the current phase now and begins `next`. Does nothing if `next` is the current phase.
    pub(crate) fn enter(&mut self, next: Phase) {
        if next != self.phase {
            let now_us = self.elapsed_us();
            self.turn(next, now_us);
        }
    }

    /// Ends the phase `Processing` at the first byte, if there is one.
    pub(crate) fn answered(&mut self) {
        if let (Phase::Processing, Some(at_us)) = (self.phase, self.first_byte.at_us()) {
            self.turn(Phase::Transfer, at_us);
        }
    }

    /// Ends this hop of a redirect. The next hop has its own first byte.
    pub(crate) fn leave_hop(&mut self) {
        self.answered();
        self.first_byte.clear();
    }

    /// Keeps the certificate that expires first.
    pub(crate) fn saw(&mut self, certificate: Option<Certificate>) {
        if let Some(new) = certificate
            && self.certificate.is_none_or(|old| new.ends_at < old.ends_at)
        {
            self.certificate = Some(new);
        }
    }

    /// The current phase.
    pub(crate) fn phase(&mut self) -> Phase {
        self.answered();
        self.phase
    }

    /// True if the run resolves a name and no thread was free to start.
    pub(crate) fn waits_for_a_thread(&self) -> bool {
        self.phase == Phase::Resolve
            && self
                .resolving
                .as_ref()
                .is_some_and(|begun| !begun.load(Ordering::Relaxed))
    }

    /// Ends the run. Returns its duration and the phases, which add up to it exactly.
    pub(crate) fn end(&mut self) -> (Duration, Phases) {
        self.end_at(self.decided_us.unwrap_or_else(|| self.elapsed_us()))
    }

    /// The verdict stands: the time from now on, as for an orderly end of the connection, does not count.
    pub(crate) fn decided(&mut self) {
        let now_us = self.elapsed_us();
        self.decided_us.get_or_insert(now_us);
    }

    fn end_at(&mut self, end_us: u64) -> (Duration, Phases) {
        self.answered();
        self.turn(self.phase, end_us);
        let [resolve_us, connect_us, tls_us, processing_us, transfer_us] = self.spent_us;
        let phases = Phases {
            resolve_us,
            connect_us,
            tls_us,
            processing_us,
            transfer_us,
        };
        (Duration::from_micros(self.since_us), phases)
    }

    fn turn(&mut self, next: Phase, now_us: u64) {
        let spent = &mut self.spent_us[self.phase as usize];
        *spent = Some(spent.unwrap_or(0) + now_us.saturating_sub(self.since_us));
        self.since_us = now_us.max(self.since_us);
        self.phase = next;
    }

    fn elapsed_us(&self) -> u64 {
        micros(self.start.elapsed())
    }
}

fn micros(span: Duration) -> u64 {
    // More than half a million years does not fit.
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(p: Phases) -> u64 {
        [
            p.resolve_us,
            p.connect_us,
            p.tls_us,
            p.processing_us,
            p.transfer_us,
        ]
        .into_iter()
        .flatten()
        .sum()
    }

    fn first_byte_at(first_byte: &FirstByte, us: u64) {
        first_byte.seen.store(us + 1, Ordering::Relaxed);
    }

    #[test]
    fn every_moment_belongs_to_one_phase() {
        let first_byte = FirstByte::new(Instant::now());
        let mut trace = Trace::begin(&first_byte, Phase::Resolve);
        trace.turn(Phase::Connect, 10);
        trace.turn(Phase::Processing, 30);
        first_byte_at(&first_byte, 70);
        assert_eq!(trace.phase(), Phase::Transfer);
        let (took, phases) = trace.end_at(310);
        assert_eq!(took, Duration::from_micros(310));
        assert_eq!(phases.resolve_us, Some(10));
        assert_eq!(phases.connect_us, Some(20));
        assert_eq!(phases.tls_us, None);
        assert_eq!(phases.processing_us, Some(40));
        assert_eq!(phases.transfer_us, Some(240));
        assert_eq!(sum(phases), 310);
    }

    #[test]
    fn notes_are_kept_if_wanted_and_show_no_secret() {
        let first_byte = FirstByte::new(Instant::now());
        let mut trace = Trace::begin(&first_byte, Phase::Connect);
        trace.note(|| unreachable!("nobody reads it"));
        trace.keep_notes();
        for secret in ["hunter2", "hunter2 & more", "x"] {
            trace.hide(secret);
        }
        trace.note(|| "hunter2 & more, hunter2%20%26%20more, hunter2,\nx".to_owned());
        let notes = trace.notes();
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0].text, "***, ***, ***, x");
    }

    #[test]
    fn only_the_first_byte_of_a_hop_counts() {
        let first_byte = FirstByte::new(Instant::now());
        first_byte.stamp();
        let seen = first_byte.at_us();
        assert!(seen.is_some());
        first_byte_at(&first_byte, 7);
        first_byte.stamp();
        assert_eq!(first_byte.at_us(), Some(7));
    }

    #[test]
    fn the_phases_of_several_hops_are_summed() {
        let first_byte = FirstByte::new(Instant::now());
        let mut trace = Trace::begin(&first_byte, Phase::Connect);
        trace.turn(Phase::Processing, 5);
        first_byte_at(&first_byte, 12);
        trace.leave_hop();
        assert_eq!(trace.phase(), Phase::Transfer);
        trace.turn(Phase::Connect, 13);
        trace.turn(Phase::Processing, 18);
        // The second hop never answered.
        assert_eq!(trace.phase(), Phase::Processing);
        let (took, phases) = trace.end_at(25);
        assert_eq!(phases.connect_us, Some(10));
        assert_eq!(phases.processing_us, Some(14));
        assert_eq!(phases.transfer_us, Some(1));
        assert_eq!(u128::from(sum(phases)), took.as_micros());
    }
}
