//! One turn of the engine: an input comes in, what follows is decided, committed, and only then
//! taken into the present state. Synchronous, without a clock or a runtime: the service and the
//! simulation drive the same turns. The only caller of `decide`.
//!
//! It must never let anybody see an event that is not on the disk.

use std::borrow::Cow;
use std::collections::VecDeque;

use domain::act::Refusal;
use domain::decide::{Input, decide};
use domain::event::Event;
use domain::id::{NoticeId, ProbeId};
use domain::record::Record;
use domain::sample::Sample;
use domain::watch::{Watch, next_wake};
use jiff::{SignedDuration, Timestamp};

use crate::ledger::{self, Head, Ledger};

/// After a failed commit, samples wait this long before they try the disk again.
const RETRY_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Inputs kept for a disk that refuses them. The courier stops when attempts cannot be committed,
/// so there are never more than its connections and the gaps of one night.
const OWED: usize = 1024;

/// Where events go to become durable.
pub trait Journal {
    /// Writes events and rendered messages in one transaction, on the disk when it returns.
    ///
    /// # Errors
    /// Nothing was written.
    fn append(
        &mut self,
        recorded: Timestamp,
        events: &[Event],
        letters: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, ledger::Error>;
}

impl Journal for Ledger {
    fn append(
        &mut self,
        recorded: Timestamp,
        events: &[Event],
        letters: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, ledger::Error> {
        Ledger::append(self, recorded, events, letters)
    }
}

/// Why an input had no effect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be made durable. What the monitor saw is kept and tried again.
    #[error("the ledger cannot be written")]
    Store(#[from] ledger::Error),
}

/// Committed events with their sequence numbers, in order.
pub type Events = Vec<(u64, Event)>;

/// What a turn did. Everything in it is on the disk.
#[derive(Debug)]
#[must_use]
pub struct Turned {
    /// What had fallen due before the input, also when the input itself failed.
    pub due: Events,
    /// What followed from the input.
    ///
    /// An act is refused with its reason. A failed commit changes nothing: an act is then to be
    /// tried again by its person, everything else is tried again by a later turn, with its time.
    pub result: Result<Events, Error>,
}

impl Turned {
    /// Whether anything is new.
    pub fn changed(&self) -> bool {
        !self.due.is_empty() || self.result.as_ref().is_ok_and(|own| !own.is_empty())
    }

    /// Everything that is new, in order.
    pub fn events(&self) -> impl Iterator<Item = &(u64, Event)> {
        self.due.iter().chain(self.result.iter().flatten())
    }
}

/// The engine's state and its way into the ledger.
pub struct Turn<J = Ledger> {
    journal: J,
    record: Record,
    watch: Watch,
    alive: bool,
    /// Inputs that happened but could not be committed, oldest first, with their times.
    owed: VecDeque<(Timestamp, Input)>,
    /// When the last commit failed, until one succeeds.
    failed_at: Option<Timestamp>,
}

impl<J: Journal> Turn<J> {
    /// A turn over a journal whose events fold into `record`.
    pub fn new(journal: J, record: Record, recent: &[Sample]) -> Self {
        let watch = Watch::rebuild(&record, recent);
        Self {
            journal,
            record,
            watch,
            alive: false,
            owed: VecDeque::new(),
            failed_at: None,
        }
    }

    /// The present state.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Where events go.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    /// Where events go.
    pub fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }

    /// Whether a probe has a run pending and is asked at its retry interval.
    pub fn retrying(&self, probe: &ProbeId) -> bool {
        self.watch.retrying(probe)
    }

    /// Whether something that happened is not on the disk yet.
    pub fn behind(&self) -> bool {
        self.failed_at.is_some()
    }

    /// The next instant at which something falls due although nothing comes in.
    pub fn next_wake(&mut self) -> Option<Timestamp> {
        if let Some(failed_at) = self.failed_at {
            return Some(failed_at.checked_add(RETRY_PAUSE).unwrap_or(failed_at));
        }
        if !self.alive {
            return None;
        }
        next_wake(&self.watch)
    }

    /// Takes in `input` at `now`, after everything that fell due before it.
    ///
    /// The service decides what is due only between its start and its stop: a command that acts
    /// on a stopped ledger does not make up a life for it.
    pub fn step(
        &mut self,
        now: Timestamp,
        input: Input,
        letters: &[(NoticeId, Vec<u8>)],
    ) -> Turned {
        let mut due = Events::new();
        // If the clock was set back since, the pause is over no later.
        self.failed_at = self.failed_at.map(|at| at.min(now));
        if self.waits(now, &input) {
            self.observe(now, &input);
            return Turned {
                due,
                result: Ok(Events::new()),
            };
        }
        let upto = match &input {
            // What fell due while nobody looked is decided knowing that nobody looked.
            Input::MonitoringGap { span, .. } => span.from.min(now),
            _ => now,
        };
        let result = self.catch_up(upto, now, &mut due);
        if matches!(input, Input::Tick) {
            return Turned {
                due,
                result: result.map(|()| Events::new()),
            };
        }
        self.observe(now, &input);
        let mut own = Events::new();
        let result = result.and_then(|()| self.conclude(now, now, &input, letters, &mut own));
        if matches!(result, Err(Error::Store(_))) {
            self.owe(now, input);
        } else if result.is_ok() {
            self.note(&input);
        }
        Turned {
            due,
            result: result.map(|()| own),
        }
    }

    /// What an input means for the engine itself.
    fn note(&mut self, input: &Input) {
        match input {
            Input::Start { .. } => self.alive = true,
            Input::Stop => self.alive = false,
            _ => {}
        }
    }

    /// Whether a sample or a tick leaves a disk alone that refused a moment ago.
    fn waits(&self, now: Timestamp, input: &Input) -> bool {
        let pausing = self
            .failed_at
            .is_some_and(|at| now.duration_since(at).abs() < RETRY_PAUSE);
        pausing && matches!(input, Input::Sampled(_) | Input::Tick)
    }

    fn observe(&mut self, at: Timestamp, input: &Input) {
        // What hides time is seen when it begins: a probe does not fall overdue inside it.
        let at = match input {
            Input::MonitoringGap { span, .. } => span.from.min(at),
            _ => at,
        };
        let record = in_life(&self.record, self.alive, input);
        self.watch.observe(&record, at, input);
    }

    /// Commits what is owed, then decides everything due up to `upto`, each at its own time.
    fn catch_up(
        &mut self,
        upto: Timestamp,
        now: Timestamp,
        events: &mut Events,
    ) -> Result<(), Error> {
        while let Some((at, input)) = self.owed.pop_front() {
            match self.conclude(at, now, &input, &[], events) {
                Ok(()) => {}
                Err(Error::Refused(refusal)) => {
                    tracing::error!(%refusal, "what happened while the ledger failed no longer fits");
                }
                Err(error) => {
                    self.owed.push_front((at, input));
                    return Err(error);
                }
            }
        }
        if self.failed_at.is_some() {
            // The transitions that the watch still holds.
            self.conclude(upto, now, &Input::Tick, &[], events)?;
            self.failed_at = None;
        }
        while let Some(due) = self.next_wake().filter(|due| *due <= upto) {
            self.observe(due, &Input::Tick);
            self.conclude(due, now, &Input::Tick, &[], events)?;
            if self.next_wake().is_some_and(|next| next <= due) {
                // It did not move on by itself; one tick at the end decides the rest of it.
                self.observe(upto, &Input::Tick);
                self.conclude(upto, now, &Input::Tick, &[], events)?;
                break;
            }
        }
        Ok(())
    }

    /// Decides, commits, and only then applies.
    fn conclude(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        input: &Input,
        letters: &[(NoticeId, Vec<u8>)],
        events: &mut Events,
    ) -> Result<(), Error> {
        let decided = decide(
            &self.watch,
            &in_life(&self.record, self.alive, input),
            at,
            input,
        )?;
        if decided.is_empty() {
            if !self.watch.waiting().is_empty() {
                self.watch.settle(&self.record);
            }
            return Ok(());
        }
        let head = match self.journal.append(now, &decided, letters) {
            Ok(head) => head,
            // The disk is fine, and what it holds stays: nothing is behind, nothing is tried again.
            Err(error @ ledger::Error::LetterDiffers(_)) => {
                return Err(Refusal(error.to_string()).into());
            }
            Err(error) => {
                self.failed_at = Some(now);
                return Err(error.into());
            }
        };
        let count = u64::try_from(decided.len()).unwrap_or(u64::MAX);
        let first = head.seq.saturating_sub(count).saturating_add(1);
        for (seq, event) in (first..).zip(decided) {
            self.record.apply(seq, &event);
            events.push((seq, event));
        }
        self.watch.settle(&self.record);
        Ok(())
    }

    /// Keeps what has happened and has no other memory: the watch holds samples, people ask again.
    fn owe(&mut self, at: Timestamp, input: Input) {
        let lasting = matches!(input, Input::MonitoringGap { .. } | Input::Delivered { .. });
        if !lasting {
            return;
        }
        if self.owed.len() < OWED {
            self.owed.push_back((at, input));
        } else {
            tracing::error!(?input, "the ledger has failed for too long; this is lost");
        }
    }
}

/// The record as decisions may take it. A life that ended without a word left it watching, but
/// until the next start nobody watches: no midnight is witnessed and nothing falls due meanwhile.
/// The start itself is told, since it has to find out until when that life reached.
fn in_life<'a>(record: &'a Record, alive: bool, input: &Input) -> Cow<'a, Record> {
    if alive || !record.watching || matches!(input, Input::Start { .. } | Input::Crashed { .. }) {
        return Cow::Borrowed(record);
    }
    let mut ended = record.clone();
    ended.watching = false;
    Cow::Owned(ended)
}
