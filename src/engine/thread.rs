//! The engine's thread: takes what waits in its queue, gives each input its turn, marks that it is
//! alive, and shows what has changed. Owns the ledger's only writer.
//!
//! It does nothing per sample but the turn itself: everything shown is swapped in whole.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use domain::decide::Input;
use domain::event::{Event, Fact, GapCause};
use domain::id::ProbeId;
use domain::sample::Sample;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};

use super::handle::{Asked, EngineHandle, Error, Message, QUEUE, Receipt};
use super::snapshot::{SharedState, Snapshot};
use super::turn::{self, Turn};
use crate::clock::{Clock, Gap};
use crate::ledger::{self, Ledger};
use crate::samples::Writer;

/// Inputs taken at once; between two batches the engine looks at its clocks.
const BATCH: usize = 1_024;
/// So long after samples the engine takes nothing more: those that come meanwhile share one waking
/// of its thread. Nothing is dated by it, and people wait at most this long.
const GATHER: Duration = Duration::from_millis(10);
/// The engine looks around this often, whatever it waits for.
const LOOK: Duration = Duration::from_secs(1);
/// What nobody waits for is shown at most this often.
const SHOW_EVERY: SignedDuration = SignedDuration::from_millis(250);
/// How often the ledger notes that the service is alive.
const MARK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The running engine. Ends after [`EngineHandle::stop`], or when the handle is dropped.
pub struct Running {
    ended: oneshot::Receiver<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    /// Waits until the engine has ended. Before a stop that is a failure.
    pub async fn ended(&mut self) {
        // Dropped without a word (a panic) is an end as well.
        let _ = (&mut self.ended).await;
    }

    /// Waits until its ledger is closed.
    ///
    /// # Errors
    /// It ended by a panic.
    pub fn join(self) -> std::thread::Result<()> {
        self.thread.join()
    }
}

/// Starts the engine on a thread of its own. `data` is the data directory whose ledger `turn`
/// writes; samples also go to `samples`.
///
/// # Errors
/// The ledger cannot be opened a second time to read, or the system refuses a thread.
pub fn start(
    turn: Turn,
    data: &Path,
    clock: Clock,
    samples: Option<Writer>,
) -> Result<(Arc<EngineHandle>, Running), ledger::Error> {
    let letters = Ledger::open_read_only(data)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let (inputs, waiting) = mpsc::channel(QUEUE);
    let outbox = Arc::new(Notify::new());
    let now = clock.now();
    let shared = Arc::new(SharedState::new(shown(&turn, now)));
    let engine = Engine {
        turn,
        waiting,
        shared: Arc::clone(&shared),
        clock: clock.clone(),
        outbox: Arc::clone(&outbox),
        shown_at: now,
        stale: false,
        untold: false,
        marked_at: None,
        alive: false,
    };
    let (tell, ended) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("nines-engine".to_owned())
        .spawn(move || {
            runtime.block_on(engine.run());
            // Nobody may be left to hear it.
            let _ = tell.send(());
        })?;
    let handle = EngineHandle::new(inputs, shared, clock, samples, letters, outbox);
    Ok((Arc::new(handle), Running { ended, thread }))
}

fn shown(turn: &Turn, at: Timestamp) -> Snapshot {
    Snapshot {
        record: turn.record().clone(),
        head: turn.journal().head(),
        at,
        behind: turn.behind(),
    }
}

struct Engine {
    turn: Turn,
    waiting: mpsc::Receiver<Message>,
    shared: Arc<SharedState>,
    clock: Clock,
    outbox: Arc<Notify>,
    shown_at: Timestamp,
    /// Something has changed that is not shown yet.
    stale: bool,
    /// What has changed concerns the courier: it is shown at once, and then he is told.
    untold: bool,
    marked_at: Option<Timestamp>,
    /// Started and not stopped.
    alive: bool,
}

impl Engine {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let took = tokio::time::timeout(self.rest(), self.waiting.recv_many(&mut batch, BATCH));
            if took.await == Ok(0) {
                break;
            }
            let full = batch.len() == BATCH;
            let sampled = batch.iter().any(|m| matches!(m, Message::Sample(_)));
            self.look_at_clocks(&mut batch);
            for message in batch.drain(..) {
                if self.take(message) {
                    return;
                }
            }
            self.tend();
            if sampled && !full {
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    /// How long to wait for inputs before there is something else to do.
    fn rest(&mut self) -> Duration {
        let now = self.clock.now();
        let show = self.stale.then(|| later(self.shown_at, SHOW_EVERY));
        let due = [self.turn.next_wake(), show].into_iter().flatten().min();
        due.map_or(LOOK, |due| {
            let wait = due.duration_since(now).max(SignedDuration::ZERO);
            Duration::try_from(wait).map_or(LOOK, |wait| wait.min(LOOK))
        })
    }

    /// What hid time goes before everything that came after it, and after the samples that had
    /// begun before it.
    fn look_at_clocks(&mut self, batch: &mut Vec<Message>) {
        let monitoring_gaps = self.clock.monitoring_gaps();
        if monitoring_gaps.is_empty() || !self.alive {
            return;
        }
        for Gap { span, cause } in monitoring_gaps {
            let before = batch.extract_if(
                ..,
                |message| matches!(message, Message::Sample(sample) if sample.at < span.from),
            );
            for message in before.collect::<Vec<_>>() {
                self.take(message);
            }
            let counter = match cause {
                GapCause::Stalled => &self.shared.counters.stalls,
                GapCause::ClockStepped => &self.shared.counters.clock_steps,
            };
            counter.fetch_add(1, Relaxed);
            tracing::warn!(from = %span.from, to = %span.to, ?cause, "time that nobody watched");
            // A failed commit is tried again by the turns that follow.
            let _ = self.step(Input::MonitoringGap { span, cause }, &[]);
            self.tell_probe_tasks();
        }
    }

    /// Gives a message its turn; whether it was the last.
    fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Sample(sample) => {
                self.sampled(sample);
                false
            }
            Message::Asked(asked) => self.asked(*asked),
        }
    }

    fn sampled(&mut self, sample: Sample) {
        // A probe that a reload has removed may still have been running.
        let Some(state) = self.shared.probe(&sample.probe) else {
            return;
        };
        self.shared.counters.samples.fetch_add(1, Relaxed);
        self.shared.counters.late.observe(sample.late_us);
        state.sampled(sample.clone());
        let probe = sample.probe.clone();
        if let Err(Error::Refused(refusal)) = self.step(Input::Sampled(sample), &[]) {
            tracing::error!(%refusal, %probe, "a sample was refused");
        }
        state.set_retrying(self.turn.retrying(&probe));
    }

    fn asked(&mut self, asked: Asked) -> bool {
        let Asked {
            input,
            letters,
            reply,
        } = asked;
        // What nobody waits for any more he was told might not come about: it does not.
        if matches!(input, Input::Act { .. }) && reply.is_closed() {
            return false;
        }
        let stop = matches!(input, Input::Stop);
        let start = matches!(input, Input::Start { .. });
        let refit = start || matches!(input, Input::Configure { .. });
        let answer = self.step(input, &letters);
        self.alive = (self.alive && !stop) || (start && answer.is_ok());
        if stop {
            self.mark(self.clock.now());
        }
        if self.stale {
            self.show(self.clock.now());
        }
        if refit {
            self.tell_probe_tasks();
        }
        // Whoever asked may have gone; what was done is done.
        let _ = reply.send(answer);
        stop
    }

    fn step(
        &mut self,
        input: Input,
        letters: &[(domain::id::NoticeId, Vec<u8>)],
    ) -> Result<Receipt, Error> {
        let before = self.clock.read();
        let turned = self.turn.step(before.wall, input, letters);
        let mut count = 0;
        for (seq, event) in turned.events() {
            count += 1;
            log(*seq, event);
            self.untold |= concerns_outbox(&event.fact);
        }
        let failed = matches!(turned.result, Err(turn::Error::Store(_)));
        if count > 0 || failed {
            let took = self.clock.read().up.saturating_sub(before.up).as_micros();
            let took_us = u64::try_from(took).unwrap_or(u64::MAX);
            self.shared.counters.committed(count, took_us, failed);
            self.stale = true;
        }
        if let Err(turn::Error::Store(error)) = &turned.result {
            let error = error as &dyn std::error::Error;
            tracing::error!(
                error,
                "the ledger cannot be written; nobody is told anything meanwhile"
            );
        }
        turned
            .result
            .map(|events| Receipt { events })
            .map_err(Error::from)
    }

    /// What is done between two batches: what has fallen due, the mark, the snapshot.
    fn tend(&mut self) {
        let now = self.clock.now();
        self.shared
            .counters
            .turned_us
            .store(now.as_microsecond(), Relaxed);
        if self.turn.next_wake().is_some_and(|due| due <= now) {
            // A failure has been logged, and is tried again.
            let _ = self.step(Input::Tick, &[]);
        }
        let unmarked = self
            .marked_at
            .is_none_or(|at| now.duration_since(at).abs() >= MARK_EVERY);
        if self.alive && unmarked && !self.turn.behind() {
            self.mark(now);
        }
        let rested = now.duration_since(self.shown_at).abs() >= SHOW_EVERY;
        if self.stale && (rested || self.untold) {
            self.show(now);
        }
    }

    fn mark(&mut self, now: Timestamp) {
        // A failed mark is tried again in a minute, like any other.
        self.marked_at = Some(now);
        match self.turn.journal_mut().mark(now) {
            Ok(()) => self
                .shared
                .counters
                .marked_us
                .store(now.as_microsecond(), Relaxed),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the ledger's mark cannot be written");
            }
        }
    }

    fn show(&mut self, now: Timestamp) {
        self.shared.publish(shown(&self.turn, now));
        self.shown_at = now;
        self.stale = false;
        // Told before, he would look at what was shown before, and go to sleep over it.
        if std::mem::take(&mut self.untold) {
            self.outbox.notify_one();
        }
    }

    /// Tells every probe's task how it is asked from now on.
    fn tell_probe_tasks(&self) {
        for (probe, state) in self.shared.probes().iter() {
            let probe: &ProbeId = probe;
            state.set_retrying(self.turn.retrying(probe));
        }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn concerns_outbox(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::NoticeQueued { .. }
            | Fact::NoticeFolded { .. }
            | Fact::DeliveryAttempted { .. }
            | Fact::DeliveryEnded { .. }
            | Fact::Configured { .. }
            | Fact::Started { .. }
    )
}

fn log(seq: u64, event: &Event) {
    let subject = event.fact.subject();
    // An event that is stored has a stored form.
    let (kind, _) = ledger::form(&event.fact).unwrap_or_default();
    tracing::info!(seq, at = %event.at, by = %event.by, %subject, "{kind}");
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use domain::outbox;
    use domain::sample::Outcome;

    use super::super::tests::fixtures;
    use super::*;

    #[tokio::test]
    async fn the_courier_is_told_of_a_notice_when_he_can_see_it() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let turn = Turn::new(ledger, domain::record::Record::default(), &[]);
        let (engine, running) = start(turn, folder.path(), clock, None).unwrap();
        engine
            .configure("test", fixtures::catalogue())
            .await
            .unwrap();
        engine.start(None).await.unwrap();
        engine.outbox_changed().await;

        // Three bad samples right after the last showing: the next would not be due yet.
        let now = engine.clock().now();
        for ms in 1..=3 {
            let at = now + SignedDuration::from_millis(ms);
            engine.sample(fixtures::sample(at, Outcome::Down)).await;
        }
        engine.outbox_changed().await;
        let seen = engine.snapshot();
        assert_eq!(outbox::due(&seen.record, Timestamp::MAX).len(), 1);

        engine.stop().await.unwrap();
        running.join().unwrap();
    }

    #[tokio::test]
    async fn an_act_whose_asker_has_gone_is_not_done_and_all_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let turn = Turn::new(ledger, domain::record::Record::default(), &[]);
        let (engine, running) = start(turn, folder.path(), clock, None).unwrap();
        engine
            .configure("test", fixtures::catalogue())
            .await
            .unwrap();
        engine.start(None).await.unwrap();
        let declare = |by: &str| Input::Act {
            by: by.to_owned(),
            act: domain::act::Act::DeclareOutage {
                system: "portal".into(),
                from: engine.clock().now(),
                to: None,
                evidence: "customers call".to_owned(),
            },
        };
        let (reply, nobody) = tokio::sync::oneshot::channel();
        drop(nobody);
        let (input, letters) = (declare("kim"), Vec::new());
        let asked = Asked {
            input,
            letters,
            reply,
        };
        let sent = engine.inputs.send(Message::Asked(Box::new(asked))).await;
        assert!(sent.is_ok());
        let Input::Act { by, act } = declare("ann") else {
            unreachable!()
        };
        engine.act(&by, act).await.unwrap();
        let record = &engine.snapshot().record;
        let declared = record.outages.values().filter_map(|o| o.declared.as_ref());
        let by: Vec<&str> = declared.map(|(_, by)| by.as_str()).collect();
        assert_eq!(by, ["ann"]);

        // What is no act is done all the same: the courier that ended an attempt, or a stop.
        let (reply, nobody) = tokio::sync::oneshot::channel();
        drop(nobody);
        let asked = Asked {
            input: Input::Stop,
            letters: Vec::new(),
            reply,
        };
        let sent = engine.inputs.send(Message::Asked(Box::new(asked))).await;
        assert!(sent.is_ok());
        running.join().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let mut stopped = 0;
        let mut look = |stored: crate::ledger::Stored| {
            stopped += usize::from(matches!(stored.event.fact, Fact::Stopped));
        };
        ledger.replay(None, &mut look).unwrap();
        assert_eq!(stopped, 1);
    }
}
