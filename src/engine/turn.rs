//! One turn of the engine: an input comes in, `decide` gives events, the ledger commits them, and
//! only then the record applies them. Synchronous, without a clock or a runtime: the service and the
//! simulation drive the same turns. The only caller of `decide`.
//!
//! It must never show an event that is not on the disk.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use domain::act::Refusal;
use domain::decide::decide;
use domain::event::{Event, Fact};
use domain::id::{NoticeId, ProbeId, Source};
use domain::input::Input;
use domain::record::Record;
use domain::sample::Sample;
use domain::schedule::Pace;
use domain::watch::{Watch, next_wake};
use jiff::{SignedDuration, Timestamp};

use crate::ledger::{self, Head, Ledger};

/// After a failed commit, samples wait this long before the disk is tried again.
const RETRY_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Inputs kept while the disk fails. The courier stops when attempts cannot be committed, so this
/// holds the ends of its open attempts and the monitoring gaps of one night.
const KEPT: usize = 1024;

/// Makes events durable.
pub trait Journal {
    /// Writes events and rendered messages in one transaction. They are on the disk when it returns.
    ///
    /// # Errors
    /// Nothing was written.
    fn append(
        &mut self,
        recorded: Timestamp,
        events: &[Event],
        messages: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, ledger::Error>;
}

impl Journal for Ledger {
    fn append(
        &mut self,
        recorded: Timestamp,
        events: &[Event],
        messages: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, ledger::Error> {
        Ledger::append(self, recorded, events, messages)
    }
}

/// Why an input had no effect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Samples, monitoring gaps and ends of attempts are kept and tried again.
    #[error("the ledger cannot be written")]
    Store(#[from] ledger::Error),
}

/// Committed events with their sequence numbers, in order.
pub type Events = Vec<(u64, Event)>;

/// The result of a turn. Everything in it is on the disk.
#[derive(Debug)]
#[must_use]
pub struct Turned {
    /// Events that fell due before the input. Also set if the input itself failed.
    pub due: Events,
    /// Events of the input. After a failed commit a later turn repeats the input with its time; an
    /// act must be repeated by its person.
    pub result: Result<Events, Error>,
}

impl Turned {
    pub fn changed(&self) -> bool {
        !self.due.is_empty() || self.result.as_ref().is_ok_and(|own| !own.is_empty())
    }

    /// All events, in order.
    pub fn events(&self) -> impl Iterator<Item = &(u64, Event)> {
        self.due.iter().chain(self.result.iter().flatten())
    }
}

/// The engine's state and its journal.
pub struct Turn<J = Ledger> {
    journal: J,
    record: Record,
    watch: Watch,
    alive: bool,
    /// Inputs that could not be committed, oldest first, with their times.
    uncommitted: VecDeque<(Timestamp, Input)>,
    /// When the last commit failed, until one succeeds.
    failed_at: Option<Timestamp>,
    /// The time that the clock showed last. An input may be older, because it waited in the queue.
    clock_shows: Timestamp,
}

impl<J: Journal> Turn<J> {
    /// `record` is the fold of the journal's events.
    pub fn new(journal: J, record: Record, recent: &[Sample]) -> Self {
        let watch = Watch::rebuild(&record, recent);
        Self {
            journal,
            record,
            watch,
            alive: false,
            uncommitted: VecDeque::new(),
            failed_at: None,
            clock_shows: Timestamp::MIN,
        }
    }

    pub fn record(&self) -> &Record {
        &self.record
    }

    pub fn journal(&self) -> &J {
        &self.journal
    }

    pub fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }

    /// The probes with a bad run that is not confirmed.
    pub fn doubted(&self) -> &BTreeSet<Source> {
        self.watch.doubted()
    }

    /// How soon the probe must run again.
    pub fn pace(&self, probe: &ProbeId) -> Pace {
        self.watch.pace(&self.record.catalogue.source(probe))
    }

    /// True while an input is not on the disk yet.
    pub fn behind(&self) -> bool {
        self.failed_at.is_some()
    }

    /// Sets the time that events are recorded at, if it is later than that of their input.
    pub fn set_clock(&mut self, shows: Timestamp) {
        self.clock_shows = shows;
    }

    /// The next instant at which something falls due without an input.
    pub fn next_wake(&mut self) -> Option<Timestamp> {
        if let Some(failed_at) = self.failed_at {
            return Some(failed_at.checked_add(RETRY_PAUSE).unwrap_or(failed_at));
        }
        if !self.alive {
            return None;
        }
        next_wake(&self.watch)
    }

    /// Handles `input` at `now`, after everything that fell due before it.
    ///
    /// Instants fall due only between the start and the stop of the service. A command that acts on
    /// a stopped ledger decides nothing else.
    pub fn step(&mut self, now: Timestamp, input: Input, bytes: Option<&[u8]>) -> Turned {
        let mut due = Events::new();
        // If the clock was set back since, the pause must not become longer.
        self.failed_at = self.failed_at.map(|at| at.min(now));
        if self.waits(now, &input) {
            self.observe(now, &input);
            return Turned {
                due,
                result: Ok(Events::new()),
            };
        }
        let upto = match &input {
            // Instants within a monitoring gap are decided after it is known.
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
        let result = result.and_then(|()| self.conclude(now, now, &input, bytes, &mut own));
        if matches!(result, Err(Error::Store(_))) {
            self.keep(now, input);
        } else if result.is_ok() {
            self.note_life(&input);
        }
        Turned {
            due,
            result: result.map(|()| own),
        }
    }

    /// Sees a sample without a decision: the next step decides what follows from all samples that were seen, each at the
    /// time at which it was seen. Thousands of first results are then a few commits, and a probe that answered is not
    /// silent because another one's event is on its way to the disk.
    ///
    /// If an instant fell due by `now`, this is a whole step.
    pub fn see(&mut self, now: Timestamp, sample: Sample) -> Turned {
        let seen = self.watch.waiting().last();
        // Two samples of one probe at one instant would be taken for one.
        let twice = seen.is_some_and(|seen| seen.at == now && seen.source == sample.source);
        let input = Input::Sampled(sample);
        if twice || self.next_wake().is_some_and(|due| due <= now) {
            return self.step(now, input, None);
        }
        self.observe(now, &input);
        Turned {
            due: Events::new(),
            result: Ok(Events::new()),
        }
    }

    /// True if a step would decide what follows from samples that were seen.
    pub fn has_seen(&self) -> bool {
        !self.watch.waiting().is_empty() && !self.behind()
    }

    /// Handles attempts to deliver and their ends together: one commit, however many there are. Each has the result that it
    /// would have alone.
    pub fn deliver(
        &mut self,
        now: Timestamp,
        inputs: Vec<(Input, Option<Vec<u8>>)>,
    ) -> Vec<Turned> {
        let first = self.step(now, Input::Tick, None);
        let mut due = first.due;
        let mut turned = match first.result {
            Ok(_) if !self.behind() => self.deliver_at_once(now, &inputs),
            _ => None,
        }
        .unwrap_or_else(|| {
            let alone = inputs.into_iter();
            let alone = alone.map(|(input, bytes)| self.step(now, input, bytes.as_deref()));
            alone.collect()
        });
        if let Some(first) = turned.first_mut() {
            due.append(&mut first.due);
            first.due = due;
        }
        turned
    }

    /// `None` if the commit failed: nothing has changed.
    fn deliver_at_once(
        &mut self,
        now: Timestamp,
        inputs: &[(Input, Option<Vec<u8>>)],
    ) -> Option<Vec<Turned>> {
        let before = self.record.clone();
        let mut all = Vec::new();
        let mut messages = Vec::new();
        let mut turned = Vec::new();
        for (input, bytes) in inputs {
            let record = in_life(&self.record, self.alive, input);
            let decided = decide(&self.watch, &record, now, input).map_err(Error::from);
            let result = decided.map(|decided| {
                messages.extend(message_of(&decided, bytes.as_deref()));
                let first = self.record.next_seq();
                let numbered: Events = (first..).zip(decided).collect();
                for (seq, event) in &numbered {
                    self.record.apply(*seq, event);
                    all.push(event.clone());
                }
                numbered
            });
            let due = Events::new();
            turned.push(Turned { due, result });
        }
        if !all.is_empty() && self.append(now, &all, &messages).is_err() {
            self.record = before;
            return None;
        }
        self.watch.settle(&self.record);
        Some(turned)
    }

    /// Follows the start and the stop of the service.
    fn note_life(&mut self, input: &Input) {
        match input {
            Input::Start { .. } => self.alive = true,
            Input::Stop => self.alive = false,
            _ => {}
        }
    }

    /// True for a sample or a tick right after a failed commit.
    fn waits(&self, now: Timestamp, input: &Input) -> bool {
        let pausing = self
            .failed_at
            .is_some_and(|at| now.duration_since(at).abs() < RETRY_PAUSE);
        pausing && matches!(input, Input::Sampled(_) | Input::Tick)
    }

    fn observe(&mut self, at: Timestamp, input: &Input) {
        // A monitoring gap is observed when it begins: no probe becomes overdue within it.
        let at = match input {
            Input::MonitoringGap { span, .. } => span.from.min(at),
            _ => at,
        };
        let record = in_life(&self.record, self.alive, input);
        self.watch.observe(&record, at, input);
    }

    /// Commits kept inputs, then decides everything due up to `upto` and everything seen, each at its own time.
    fn catch_up(
        &mut self,
        upto: Timestamp,
        now: Timestamp,
        events: &mut Events,
    ) -> Result<(), Error> {
        while let Some((at, input)) = self.uncommitted.pop_front() {
            match self.conclude(at, now, &input, None, events) {
                Ok(()) => {}
                Err(Error::Refused(refusal)) => {
                    tracing::error!(%refusal, "an input from the time of the ledger failure is refused");
                }
                Err(error) => {
                    self.uncommitted.push_front((at, input));
                    return Err(error);
                }
            }
        }
        let due = self.alive && next_wake(&self.watch).is_some_and(|due| due <= upto);
        if due {
            self.observe(upto, &Input::Tick);
        }
        // With what the watch still holds: after a failed commit, and of samples that were only seen.
        // The end of a life that crashed is decided first, so that what was read back does not move it.
        let seen = self.alive && !self.watch.waiting().is_empty();
        if due || self.failed_at.is_some() || seen {
            self.conclude(upto, now, &Input::Tick, None, events)?;
        }
        self.failed_at = None;
        Ok(())
    }

    /// Decides, commits, and only then applies.
    fn conclude(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        input: &Input,
        bytes: Option<&[u8]>,
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
        let messages: Vec<(NoticeId, Vec<u8>)> = message_of(&decided, bytes).into_iter().collect();
        let head = match self.append(now, &decided, &messages) {
            Ok(head) => head,
            // The disk works and holds another message: nothing is behind, nothing is repeated.
            Err(error @ ledger::Error::MessageDiffers(_)) => {
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

    fn append(
        &mut self,
        now: Timestamp,
        events: &[Event],
        messages: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, ledger::Error> {
        let recorded = now.max(self.clock_shows);
        self.journal.append(recorded, events, messages)
    }

    /// Keeps an input that is stored nowhere else. The watch holds samples; people repeat acts.
    fn keep(&mut self, at: Timestamp, input: Input) {
        if !matches!(input, Input::MonitoringGap { .. } | Input::Delivered { .. }) {
            return;
        }
        if self.uncommitted.len() < KEPT {
            self.uncommitted.push_back((at, input));
        } else {
            tracing::error!(
                ?input,
                "the ledger has failed for too long; this input is lost"
            );
        }
    }
}

/// The record that decisions see. After a crash the record still says that the service monitors,
/// but nothing falls due until the next start. The start itself sees the record unchanged, to find
/// out when the monitoring ended.
fn in_life<'a>(record: &'a Record, alive: bool, input: &Input) -> Cow<'a, Record> {
    if alive
        || !record.monitoring.is_watching()
        || matches!(input, Input::Start { .. } | Input::Crashed { .. })
    {
        return Cow::Borrowed(record);
    }
    Cow::Owned(record.paused())
}

/// The message whose attempt begins, with its bytes.
fn message_of(decided: &[Event], bytes: Option<&[u8]>) -> Option<(NoticeId, Vec<u8>)> {
    let (notice, _) = decided.iter().find_map(|event| attempted(&event.fact))?;
    Some((notice, bytes?.to_vec()))
}

/// The message and the attempt that an event begins.
pub(super) fn attempted(fact: &Fact) -> Option<(NoticeId, u32)> {
    match fact {
        Fact::DeliveryAttempted {
            notice, attempt, ..
        } => Some((*notice, *attempt)),
        _ => None,
    }
}
