//! The engine's thread takes inputs from its queue, gives each its turn, marks the ledger, and
//! publishes snapshots. It owns the only writer of the ledger. It publishes nothing per sample.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use domain::event::{Delivery, Event, Fact, GapCause};
use domain::id::ProbeId;
use domain::input::Input;
use domain::sample::Sample;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};

use super::handle::{EngineHandle, Error, Message, QUEUE, Receipt, Request, Wakes};
use super::snapshot::{SharedState, Snapshot};
use super::turn::{self, Turn, Turned};
use crate::clock::{Clock, Gap};
use crate::ledger::{self, Ledger};
use crate::samples::Writer;

/// Inputs of one batch. Between two batches the engine checks its clocks.
const BATCH: usize = 1_024;
/// After a batch with samples the engine sleeps this long, unless a request comes, so that samples are handled together.
/// Timestamps do not change.
const GATHER: Duration = Duration::from_millis(10);
/// The engine checks its clocks at least this often.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Snapshots for which no request waits are published at most this often.
const PUBLISH_EVERY: SignedDuration = SignedDuration::from_millis(250);
/// How often the ledger notes that the service is alive.
const MARK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The running engine. It ends after [`EngineHandle::stop`], or when the handle is dropped.
pub struct Running {
    ended: oneshot::Receiver<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    /// Waits until the engine has ended. An end before a stop is a failure.
    pub async fn ended(&mut self) {
        // A panic drops the sender, which also means that the engine has ended.
        let _ = (&mut self.ended).await;
    }

    /// Waits until the ledger is closed.
    ///
    /// # Errors
    /// The engine panicked.
    pub fn join(self) -> std::thread::Result<()> {
        self.thread.join()
    }
}

/// Starts the engine on its own thread. `data` is the directory of the ledger that `turn` writes.
/// Samples also go to `samples`.
///
/// # Errors
/// The ledger cannot be opened a second time to read, or the system refuses a thread.
pub fn start(
    turn: Turn,
    data: &Path,
    clock: Clock,
    samples: Option<Writer>,
) -> Result<(Arc<EngineHandle>, Running), ledger::Error> {
    let messages = Ledger::open_read_only(data)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let (inputs, waiting) = mpsc::channel(QUEUE);
    let outbox = Arc::new(Notify::new());
    let engine = Engine::new(turn, waiting, clock.clone(), Arc::clone(&outbox));
    let shared = Arc::clone(&engine.shared);
    let requests = Arc::clone(&engine.requests);
    let (tell, ended) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("nines-engine".to_owned())
        .spawn(move || {
            runtime.block_on(engine.run());
            // The receiver may be gone.
            let _ = tell.send(());
        })?;
    let wakes = Wakes { requests, outbox };
    let handle = EngineHandle::new(inputs, shared, clock, samples, messages, wakes);
    Ok((Arc::new(handle), Running { ended, thread }))
}

fn snapshot(turn: &Turn, at: Timestamp) -> Snapshot {
    Snapshot {
        record: turn.record().clone(),
        head: turn.journal().head(),
        at,
        behind: turn.behind(),
        doubted: turn.doubted().clone(),
    }
}

struct Engine {
    turn: Turn,
    waiting: mpsc::Receiver<Message>,
    /// Woken by each request.
    requests: Arc<Notify>,
    shared: Arc<SharedState>,
    clock: Clock,
    outbox: Arc<Notify>,
    published_at: Timestamp,
    /// Something has changed since the last snapshot.
    stale: bool,
    /// The outbox has changed: publish at once, then wake the courier.
    outbox_changed: bool,
    /// Up to when the inputs are handled.
    handled_until: Timestamp,
    marked_at: Option<Timestamp>,
    /// Started and not stopped.
    alive: bool,
}

impl Engine {
    fn new(
        turn: Turn,
        waiting: mpsc::Receiver<Message>,
        clock: Clock,
        outbox: Arc<Notify>,
    ) -> Self {
        let now = clock.now();
        Self {
            shared: Arc::new(SharedState::new(snapshot(&turn, now))),
            turn,
            waiting,
            requests: Arc::default(),
            clock,
            outbox,
            published_at: now,
            stale: false,
            outbox_changed: false,
            handled_until: now,
            marked_at: None,
            alive: false,
        }
    }

    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let took = tokio::time::timeout(self.wait(), self.waiting.recv_many(&mut batch, BATCH));
            if took.await == Ok(0) {
                break;
            }
            let full = batch.len() == BATCH;
            let sampled = batch.iter().any(|m| matches!(m, Message::Sample(..)));
            self.check_clocks(&mut batch);
            let mut deliveries = Vec::new();
            for message in batch.drain(..) {
                match message {
                    Message::Request(request) if request.is_delivery() => deliveries.push(*request),
                    Message::Request(request) => {
                        self.delivered(&mut deliveries);
                        if self.requested(*request) {
                            return;
                        }
                    }
                    Message::Sample(sample, came_at) => self.sampled(came_at, sample),
                }
            }
            self.delivered(&mut deliveries);
            self.after_batch();
            if sampled && !full {
                let _ = tokio::time::timeout(GATHER, self.requests.notified()).await;
            }
        }
    }

    /// How long to wait for inputs before something falls due.
    fn wait(&mut self) -> Duration {
        let now = self.clock.now();
        let publish = self.stale.then(|| later(self.published_at, PUBLISH_EVERY));
        let due = [self.turn.next_wake(), publish].into_iter().flatten().min();
        due.map_or(CHECK_EVERY, |due| {
            let wait = due.duration_since(now).max(SignedDuration::ZERO);
            Duration::try_from(wait).map_or(CHECK_EVERY, |wait| wait.min(CHECK_EVERY))
        })
    }

    /// Handles stalls and clock steps: after the samples that began before them, and before all
    /// other inputs.
    fn check_clocks(&mut self, batch: &mut Vec<Message>) {
        let monitoring_gaps = self.clock.monitoring_gaps();
        if monitoring_gaps.is_empty() || !self.alive {
            return;
        }
        for Gap { span, cause } in monitoring_gaps {
            let before = batch.extract_if(
                ..,
                |message| matches!(message, Message::Sample(sample, _) if sample.at < span.from),
            );
            for message in before.collect::<Vec<_>>() {
                if let Message::Sample(sample, came_at) = message {
                    self.sampled(came_at, sample);
                }
            }
            if self.turn.has_seen() {
                // The engine learned of these samples now, and not when the gap began: its events get this time.
                let _ = self.step(self.handled_until, Input::Tick, None);
            }
            // The clock may show an earlier time now.
            let now = self.clock.now();
            self.handled_until = now;
            let counter = match cause {
                GapCause::Stalled => &self.shared.counters.stalls,
                GapCause::ClockStepped => &self.shared.counters.clock_steps,
            };
            counter.fetch_add(1, Relaxed);
            // The next turns repeat a failed commit.
            let _ = self.step(now, Input::MonitoringGap { span, cause }, None);
            self.tell_probe_tasks();
        }
    }

    /// The time of an input that came at `came_at`: while the engine is behind, no probe is silent whose sample waits in
    /// the queue. Time does not go back, unless the clock was set back. Also the elapsed time.
    fn begin(&mut self, came_at: Timestamp) -> (Timestamp, Duration) {
        let now = self.clock.read();
        self.handled_until = came_at.max(self.handled_until).min(now.wall);
        self.turn.set_clock(now.wall);
        (self.handled_until, now.up)
    }

    fn sampled(&mut self, came_at: Timestamp, sample: Sample) {
        // A run of a probe that a reload removed may end after the reload.
        let Some(state) = self.shared.probe(&sample.source.probe) else {
            return;
        };
        self.shared.counters.samples.fetch_add(1, Relaxed);
        self.shared.counters.late.observe(sample.late_us);
        state.sampled(sample.clone());
        let probe = sample.source.probe.clone();
        let (at, began) = self.begin(came_at);
        let turned = self.turn.see(at, sample);
        self.note(began, std::slice::from_ref(&turned));
        if let Err(Error::Refused(refusal)) = answer(turned) {
            tracing::error!(%refusal, %probe, "a sample was refused");
        }
        state.set_pace(self.turn.pace(&probe));
    }

    /// The attempts of a batch and their ends are one commit: a thousand customers may be told at once.
    fn delivered(&mut self, requests: &mut Vec<Request>) {
        let Some(last) = requests.last() else {
            return;
        };
        let (at, began) = self.begin(last.came_at);
        let (replies, inputs): (Vec<_>, Vec<_>) = requests
            .drain(..)
            .map(|request| (request.reply, (request.input, request.bytes)))
            .unzip();
        let turned = self.turn.deliver(at, inputs);
        self.note(began, &turned);
        if self.stale {
            self.publish(self.clock.now());
        }
        for (reply, turned) in replies.into_iter().zip(turned) {
            // The courier may have stopped. The events are written all the same.
            let _ = reply.send(answer(turned));
        }
    }

    /// Gives a request its turn. Returns true after a stop.
    fn requested(&mut self, request: Request) -> bool {
        let Request {
            came_at,
            input,
            bytes,
            reply,
        } = request;
        // Drop the act if the caller has disconnected.
        if matches!(input, Input::Act { .. }) && reply.is_closed() {
            return false;
        }
        let stop = matches!(input, Input::Stop);
        let start = matches!(input, Input::Start { .. });
        let reconfigured = start || matches!(input, Input::Configure { .. });
        let answer = self.step(came_at, input, bytes.as_deref());
        self.alive = (self.alive && !stop) || (start && answer.is_ok());
        if stop {
            self.mark(self.clock.now());
        }
        if self.stale {
            self.publish(self.clock.now());
        }
        if reconfigured {
            self.tell_probe_tasks();
        }
        // The caller may have disconnected. The events are written all the same.
        let _ = reply.send(answer);
        stop
    }

    fn step(
        &mut self,
        came_at: Timestamp,
        input: Input,
        bytes: Option<&[u8]>,
    ) -> Result<Receipt, Error> {
        let (at, began) = self.begin(came_at);
        let turned = self.turn.step(at, input, bytes);
        self.note(began, std::slice::from_ref(&turned));
        answer(turned)
    }

    /// Counts and logs what a commit wrote that began then.
    fn note(&mut self, began: Duration, turned: &[Turned]) {
        let mut count = 0;
        for (seq, event) in turned.iter().flat_map(Turned::events) {
            count += 1;
            log(*seq, event);
        }
        self.outbox_changed |= count > 0 && self.turn.record().notices.is_active();
        let mut failures = turned.iter().filter_map(|turned| match &turned.result {
            Err(turn::Error::Store(error)) => Some(error),
            _ => None,
        });
        let failure = failures.next_back();
        if count > 0 || failure.is_some() {
            let took = self.clock.read().up.saturating_sub(began).as_micros();
            let took_us = u64::try_from(took).unwrap_or(u64::MAX);
            let counters = &self.shared.counters;
            counters.committed(count, took_us, failure.is_some());
            self.stale = true;
        }
        if let Some(error) = failure {
            let error = error as &dyn std::error::Error;
            tracing::error!(
                error,
                "the ledger cannot be written; no notices are sent until it can"
            );
        }
    }

    /// Handles instants that have fallen due, writes the mark, and publishes a snapshot.
    fn after_batch(&mut self) {
        let now = self.clock.now();
        let counters = &self.shared.counters;
        counters.turned_us.store(now.as_microsecond(), Relaxed);
        counters.pulse.engine.beat();
        let until = if self.waiting.is_empty() {
            now
        } else {
            self.handled_until
        };
        let due = self.turn.next_wake().is_some_and(|due| due <= until);
        if due || self.turn.has_seen() {
            // A failure is already logged, and the next turn tries again.
            let _ = self.step(until, Input::Tick, None);
        }
        let unmarked = self
            .marked_at
            .is_none_or(|at| now.duration_since(at).abs() >= MARK_EVERY);
        if self.alive && unmarked && !self.turn.behind() {
            self.mark(now);
        }
        // A bad run that begins or ends decides whether a notice waits for other systems.
        let doubted_changed = self.turn.record().notices.is_active()
            && *self.turn.doubted() != self.shared.snapshot().doubted;
        self.outbox_changed |= doubted_changed;
        // That the ledger can be written again is news without an event.
        let recovered = self.shared.snapshot().behind != self.turn.behind();
        self.stale |= doubted_changed || recovered;
        let rested = now.duration_since(self.published_at).abs() >= PUBLISH_EVERY;
        if self.stale && (rested || self.outbox_changed) {
            self.publish(now);
        }
    }

    fn mark(&mut self, now: Timestamp) {
        // A failed mark is repeated after a minute, like any other.
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

    fn publish(&mut self, now: Timestamp) {
        self.shared.publish(snapshot(&self.turn, now));
        self.published_at = now;
        self.stale = false;
        // Wake the courier only now: it reads the snapshot.
        if std::mem::take(&mut self.outbox_changed) {
            self.outbox.notify_one();
        }
    }

    /// Tells every probe's task how soon its probe must run again.
    fn tell_probe_tasks(&self) {
        for (probe, state) in self.shared.probes().iter() {
            let probe: &ProbeId = probe;
            state.set_pace(self.turn.pace(probe));
        }
    }
}

fn answer(turned: Turned) -> Result<Receipt, Error> {
    let result = turned.result.map(|events| Receipt { events });
    result.map_err(Error::from)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn log(seq: u64, event: &Event) {
    let subject = event.fact.subject();
    // An absent field is left out of the line.
    let subject = (!subject.is_empty()).then_some(tracing::field::display(subject));
    // An event that is stored has a stored form.
    let (kind, _) = ledger::form(&event.fact).unwrap_or_default();
    let (at, by) = (event.at, &event.by);
    match &event.fact {
        Fact::DeliveryEnded { result, .. } if *result != Delivery::Accepted => {
            tracing::warn!(seq, %at, %by, subject, ?result, "{kind}");
        }
        Fact::MonitoringGap { span, cause } => {
            tracing::warn!(seq, %at, %by, from = %span.from, to = %span.to, ?cause, "{kind}");
        }
        Fact::OutageOpened { .. }
        | Fact::OutageDeclared { .. }
        | Fact::Overrun { .. }
        | Fact::Flapping { .. }
        | Fact::Crashed { .. } => tracing::warn!(seq, %at, %by, subject, "{kind}"),
        _ => tracing::info!(seq, %at, %by, subject, "{kind}"),
    }
}

#[cfg(test)]
mod tests {
    use domain::actor::Actor;
    use domain::event::Fact;
    use domain::notices;
    use domain::sample::Outcome;

    use super::super::tests::fixtures;
    use super::*;

    #[tokio::test]
    async fn the_courier_is_woken_after_the_snapshot_shows_the_notice() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let turn = Turn::new(ledger, domain::record::Record::default(), &[]);
        let (engine, running) = start(turn, folder.path(), clock, None).unwrap();
        engine
            .configure(Actor::cli("test"), fixtures::catalogue())
            .await
            .unwrap();
        engine.start(None).await.unwrap();

        // Three bad samples right after a snapshot: the next snapshot would not be due yet.
        let now = engine.clock().now();
        for ms in 1..=3 {
            let at = now + SignedDuration::from_millis(ms);
            engine.sample(fixtures::sample(at, Outcome::Down)).await;
        }
        engine.outbox_changed().await;
        let seen = engine.snapshot();
        let due = notices::due(&seen.record, &seen.doubted, engine.clock().now());
        assert_eq!(due.len(), 1);

        engine.stop().await.unwrap();
        running.join().unwrap();
    }

    /// ```text
    /// second   0    1    31   61   91   600
    /// sample        U    U    U    U            they came in time
    /// engine   start                    now     and reads them all now
    /// ```
    #[test]
    fn a_probe_whose_sample_waits_in_the_queue_is_not_silent() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let turn = Turn::new(ledger, domain::record::Record::default(), &[]);
        let (inputs, waiting) = mpsc::channel(QUEUE);
        let mut engine = Engine::new(turn, waiting, clock.clone(), Arc::default());
        let began = clock.now();
        let by = Actor::cli("test");
        let catalogue = Box::new(fixtures::catalogue());
        let start = Input::Start { alive_until: None };
        for input in [Input::Configure { by, catalogue }, start] {
            engine.step(began, input, None).unwrap();
        }

        // The engine was held up. Nothing looks at the clock meanwhile, so that this is no monitoring gap.
        clock.set_by(SignedDuration::from_mins(10));
        for second in [1, 31, 61, 91] {
            let at = began + SignedDuration::from_secs(second);
            let sample = fixtures::sample(at, Outcome::Up);
            let came_at = at + SignedDuration::from_millis(5);
            inputs.try_send(Message::Sample(sample, came_at)).unwrap();
        }
        let silences = |engine: &Engine| {
            let probe = engine.turn.record().probes.get(&fixtures::portal());
            let silent = &probe.unwrap().silent;
            silent.iter().filter(|s| s.0 > began).count()
        };
        while let Ok(Message::Sample(sample, came_at)) = engine.waiting.try_recv() {
            engine.sampled(came_at, sample);
            if !engine.waiting.is_empty() {
                engine.after_batch();
                assert_eq!(silences(&engine), 0);
            }
        }
        // Nothing waits any more, and the last sample is long ago.
        engine.after_batch();
        assert_eq!(silences(&engine), 1);
    }

    #[tokio::test]
    async fn an_act_of_a_disconnected_caller_is_dropped_and_other_inputs_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let turn = Turn::new(ledger, domain::record::Record::default(), &[]);
        let (engine, running) = start(turn, folder.path(), clock, None).unwrap();
        engine
            .configure(Actor::cli("test"), fixtures::catalogue())
            .await
            .unwrap();
        engine.start(None).await.unwrap();
        let declare = |by: &str| Input::Act {
            by: Actor::cli(by),
            act: domain::act::Act::DeclareOutage {
                system: "portal".into(),
                from: engine.clock().now(),
                to: None,
                evidence: "customers call".to_owned(),
            },
            not_phi: None,
        };
        let (reply, receiver) = tokio::sync::oneshot::channel();
        drop(receiver);
        let (input, bytes) = (declare("kim"), None);
        let request = Request {
            came_at: engine.clock().now(),
            input,
            bytes,
            reply,
        };
        let sent = engine
            .inputs
            .send(Message::Request(Box::new(request)))
            .await;
        assert!(sent.is_ok());
        let Input::Act { by, act, not_phi } = declare("ann") else {
            unreachable!()
        };
        engine.act(by, act, not_phi).await.unwrap();
        let record = &engine.snapshot().record;
        let declared = record.outages.all().filter_map(|o| o.declared.as_ref());
        let by: Vec<&str> = declared.map(|(_, by)| by.as_str()).collect();
        assert_eq!(by, ["ann"]);

        // Other inputs take effect all the same: the end of an attempt, or a stop.
        let (reply, receiver) = tokio::sync::oneshot::channel();
        drop(receiver);
        let request = Request {
            came_at: engine.clock().now(),
            input: Input::Stop,
            bytes: None,
            reply,
        };
        let sent = engine
            .inputs
            .send(Message::Request(Box::new(request)))
            .await;
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
