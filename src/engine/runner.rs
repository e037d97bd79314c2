//! Starts the probes: one task each, at the times of its [`Schedule`], one run at a time, and
//! never more at once than the process can hold. It decides nothing; samples go
//! through the engine handle.
//!
//! All probe tasks share one thread of their own: nothing else that the service does (pages, metrics,
//! mail) can come between a probe and its stamps, and no core wakes another to run a probe.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::id::ProbeId;
use domain::sample::{Outcome, Phases, Reason, Sample};
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::handle::EngineHandle;
use super::schedule::{After, Schedule};
use super::snapshot::ProbeState;
use crate::clock::{Clock, Reading};

/// Probes that run at once, unless files are scarce. At 10 s of timeout each, ten thousand dead
/// targets at 30 s keep 3,334 of them busy.
const AT_ONCE: usize = 4_096;
/// Files that the rest of the service needs: stores, listeners, mail.
const RESERVED_FILES: u64 = 256;
/// A run may take this much longer than its timeout before it is cut off: the probe ends itself,
/// so what is still running then is a fault of ours.
const GRACE: Duration = Duration::from_secs(5);

/// One probe, ready to be asked.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its id.
    pub id: ProbeId,
    /// What asks.
    pub probe: Arc<probes::Probe>,
    /// Milliseconds between starts.
    pub interval_ms: i64,
    /// Milliseconds between starts while a bad run is pending.
    pub retry_ms: i64,
    /// How long a run may take.
    pub timeout: Duration,
}

/// Keeps every configured probe running, on a thread that ends with it.
pub struct Runner {
    engine: Arc<EngineHandle>,
    permits: Arc<Semaphore>,
    tasks: Arc<Mutex<ProbeTasks>>,
    origin: Reading,
    place: Handle,
    /// Dropped, it ends the thread.
    _open: oneshot::Sender<()>,
}

#[derive(Default)]
struct ProbeTasks {
    by_probe: BTreeMap<ProbeId, (Arc<ProbeTask>, AbortHandle)>,
    running: JoinSet<()>,
}

impl Runner {
    /// A runner without probes. Raises the limit on open files as far as it may.
    ///
    /// # Errors
    /// The system refuses a thread or what it needs to wait for sockets.
    pub fn start(engine: Arc<EngineHandle>) -> std::io::Result<Self> {
        let permits = Arc::new(Semaphore::new(room(raise_file_limit())));
        let origin = engine.clock().read();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let place = runtime.handle().clone();
        let (open, closed) = oneshot::channel();
        std::thread::Builder::new()
            .name("nines-probes".to_owned())
            .spawn(move || {
                // It says nothing; it only goes.
                let _ = runtime.block_on(closed);
                // A name that is still being resolved is waited for by nobody.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            engine,
            permits,
            tasks: Arc::default(),
            origin,
            place,
            _open: open,
        })
    }

    /// From now on these probes run, and no others. One that ran before keeps its place and its
    /// pending run; a changed one is asked the new way from its next start.
    pub fn replace(&self, setups: Vec<Setup>) {
        let mut tasks = self.lock();
        tasks.reap();
        let wanted: BTreeMap<_, _> = setups.into_iter().map(|s| (s.id.clone(), s)).collect();
        tasks.by_probe.retain(|id, (_, task)| {
            let keep = wanted.contains_key(id);
            if !keep {
                task.abort();
            }
            keep
        });
        for (id, setup) in wanted {
            match tasks.by_probe.get(&id) {
                Some((kept, task)) if !task.is_finished() => kept.change(setup),
                _ => {
                    let probe = Arc::new(ProbeTask::new(self, setup));
                    let task = tasks
                        .running
                        .spawn_on(Arc::clone(&probe).keep(), &self.place);
                    tasks.by_probe.insert(id, (probe, task));
                }
            }
        }
    }

    /// Starts probe tasks anew that have broken off (a probe panicked); how many. To be called now and
    /// then.
    pub fn mend(&self) -> usize {
        let mut tasks = self.lock();
        tasks.reap();
        let broken: Vec<_> = tasks
            .by_probe
            .iter()
            .filter(|(_, (_, task))| task.is_finished())
            .map(|(id, (probe, _))| (id.clone(), Arc::clone(probe)))
            .collect();
        let count = broken.len();
        for (id, probe) in broken {
            let task = tasks
                .running
                .spawn_on(Arc::clone(&probe).keep(), &self.place);
            tasks.by_probe.insert(id, (probe, task));
        }
        count
    }

    /// How many may be asked at once.
    #[cfg(test)]
    pub(super) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    /// Ends every probe task at once; a run under way leaves no sample.
    pub async fn stop(&self) {
        let mut tasks = {
            let mut tasks = self.lock();
            tasks.by_probe.clear();
            std::mem::take(&mut tasks.running)
        };
        tasks.shutdown().await;
    }

    fn lock(&self) -> MutexGuard<'_, ProbeTasks> {
        // Each change of the tasks is one statement, so a poisoned lock is still right.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProbeTasks {
    fn reap(&mut self) {
        while let Some(done) = self.running.try_join_next() {
            if let Err(error) = done
                && error.is_panic()
            {
                tracing::error!(%error, "a probe broke off");
            }
        }
    }
}

/// One probe's place: where it stands on the grid, and how it is asked now.
struct ProbeTask {
    engine: Arc<EngineHandle>,
    clock: Clock,
    permits: Arc<Semaphore>,
    state: Arc<ProbeState>,
    setup: ArcSwap<Setup>,
    changed: Notify,
    /// The grid lies on the wall clock of this moment, and time since is counted without it.
    origin: Reading,
}

impl ProbeTask {
    fn new(runner: &Runner, setup: Setup) -> Self {
        let engine = &runner.engine;
        Self {
            engine: Arc::clone(engine),
            clock: engine.clock().clone(),
            permits: Arc::clone(&runner.permits),
            // A probe that the engine does not know (yet) counts for nobody.
            state: engine.shared().probe(&setup.id).unwrap_or_default(),
            setup: ArcSwap::from_pointee(setup),
            changed: Notify::new(),
            origin: runner.origin,
        }
    }

    fn change(&self, setup: Setup) {
        self.setup.store(Arc::new(setup));
        self.changed.notify_one();
    }

    /// The wall clock as it would be had nobody set it since the start: what the grid lies on.
    fn steady(&self, up: Duration) -> Timestamp {
        let since = up.saturating_sub(self.origin.up);
        let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        self.origin
            .wall
            .checked_add(since)
            .unwrap_or(Timestamp::MAX)
    }

    /// Runs the probe at its times until aborted.
    async fn keep(self: Arc<Self>) {
        let mut retrying = self.state.retrying();
        let mut after = After::Instant(self.steady(self.clock.read().up));
        loop {
            let (setup, due) = self.wait(after, &mut retrying).await;
            // Closed only with the runner itself.
            let Ok(permit) = self.permits.acquire().await else {
                return;
            };
            let reading = self.clock.read();
            // A timer may be early by less than it can tell; the slot is then taken all the same.
            let started = self.steady(reading.up).max(due);
            if let Some(missed) = schedule(&setup).slipped(due, started) {
                self.state.missed(missed);
                after = After::Instant(started);
                continue;
            }
            let late = started.duration_since(due).max(SignedDuration::ZERO);
            let sample = self.ask(&setup, reading, late).await;
            drop(permit);
            let ended = self.steady(self.clock.read().up);
            self.state
                .missed(schedule(&setup).slots().between(started, ended));
            self.engine.sample(sample).await;
            after = After::Run { started, ended };
        }
    }

    /// Waits until the next start is due. Meanwhile the engine may ask for a retry, or a reload
    /// change the grid: both move that start.
    async fn wait(
        &self,
        after: After,
        retrying: &mut watch::Receiver<bool>,
    ) -> (Arc<Setup>, Timestamp) {
        loop {
            let setup = self.setup.load_full();
            let due = schedule(&setup).next(after, *retrying.borrow_and_update());
            let wait = due.duration_since(self.steady(self.clock.read().up));
            let Ok(wait) = Duration::try_from(wait) else {
                return (setup, due);
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => return (setup, due),
                // The task holds the state, and with it the sender: this never fails.
                _ = retrying.changed() => {}
                () = self.changed.notified() => {}
            }
        }
    }

    async fn ask(&self, setup: &Setup, started: Reading, late: SignedDuration) -> Sample {
        let run = tokio::time::timeout(setup.timeout + GRACE, setup.probe.run()).await;
        let took = self.clock.read().up.saturating_sub(started.up);
        let mut sample = Sample {
            probe: setup.id.clone(),
            at: started.wall,
            late_us: u64::try_from(late.as_micros()).unwrap_or_default(),
            outcome: Outcome::Inconclusive,
            reason: Some(Reason::Monitor),
            detail: None,
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            phases: Phases::default(),
            status: None,
            certificate_ends_at: None,
        };
        match run {
            Ok(finding) if self.clock.ran_through_since(started.up) => {
                sample.outcome = finding.outcome;
                sample.reason = finding.reason;
                sample.detail = finding.detail;
                sample.took_us = u64::try_from(finding.took.as_micros()).unwrap_or(u64::MAX);
                sample.phases = finding.phases;
                sample.status = finding.status;
                sample.certificate_ends_at = finding.certificate_ends_at;
            }
            Ok(_) => sample.detail = Some("the service got no time while the probe ran".to_owned()),
            Err(_) => sample.detail = Some("the probe did not end in its time".to_owned()),
        }
        sample
    }
}

fn schedule(setup: &Setup) -> Schedule {
    Schedule::of(&setup.id, setup.interval_ms, setup.retry_ms)
}

/// How many probes may run at once with so many files: each needs one, and one more to resolve.
fn room(files: Option<u64>) -> usize {
    let files = files.unwrap_or(1_024).saturating_sub(RESERVED_FILES) / 2;
    usize::try_from(files).unwrap_or(AT_ONCE).clamp(16, AT_ONCE)
}

/// Raises the soft limit on open files to the hard one; what it is then, `None` for no limit.
fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.or(Some(u64::MAX)),
        Err(error) => {
            tracing::warn!(%error, "the limit on open files stays as it is");
            limit.current.or(Some(u64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used)]

    use domain::schedule::Grid;

    use super::super::tests::fixtures;
    use super::*;

    #[test]
    fn each_probe_has_the_slots_of_its_own_id() {
        let second = Duration::from_secs(1);
        let probe = fixtures::probe("tcp", "host = \"127.0.0.1\"\nport = 1", second);
        let slots = ["portal/login", "portal/search"].map(|id| {
            let setup = Setup {
                id: ProbeId::from(id),
                probe: Arc::clone(&probe),
                interval_ms: 30_000,
                retry_ms: 5_000,
                timeout: second,
            };
            let slots = schedule(&setup).slots();
            assert_eq!(slots, Grid::of(&setup.id, 30_000));
            slots
        });
        assert_ne!(slots[0], slots[1]);
    }
}
