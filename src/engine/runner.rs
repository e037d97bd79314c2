//! Starts the probes: one task each, at the times of its [`Schedule`], one run at a time, and
//! never more at once than the process can hold. It decides nothing. Samples go to the engine.
//!
//! All probe tasks share one thread that does nothing else: pages, metrics and mail cannot delay a
//! time stamp, and no core wakes another to run a probe.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::id::{ProbeId, Source};
use domain::sample::{Outcome, Phases, Reason, Sample};
use domain::schedule::Pace;
use jiff::{SignedDuration, Timestamp};
use probes::self_check::Resolver;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::handle::EngineHandle;
use super::schedule::{After, Schedule};
use super::self_check::SelfCheck;
use super::snapshot::ProbeState;
use crate::clock::{Clock, Reading};
use crate::config::{self, ProbeSetup};

/// Probes that run at once, unless file descriptors are scarce. Ten thousand dead targets with a
/// timeout of 10 s and an interval of 30 s keep 3,334 busy.
const AT_ONCE: usize = 4_096;
/// File descriptors for the rest of the service: stores, listeners, mail.
const RESERVED_FILES: u64 = 256;
/// The runner ends a run that exceeds its timeout by this much. The probe ends itself before,
/// unless the monitor has a bug.
const GRACE: Duration = Duration::from_secs(5);

/// Runs every configured probe, on a thread that ends when this is dropped.
pub struct Runner {
    engine: Arc<EngineHandle>,
    permits: Arc<Semaphore>,
    tasks: Arc<Mutex<ProbeTasks>>,
    origin: Reading,
    self_check: Arc<SelfCheck>,
    thread: Handle,
    /// When dropped, it ends the thread.
    _open: oneshot::Sender<()>,
}

#[derive(Default)]
struct ProbeTasks {
    by_probe: BTreeMap<ProbeId, (Arc<ProbeTask>, AbortHandle)>,
    running: JoinSet<()>,
}

impl Runner {
    /// A runner without probes. Raises the limit on open files to the hard limit.
    ///
    /// # Errors
    /// The system refuses a thread or a poller.
    pub fn start(engine: Arc<EngineHandle>) -> std::io::Result<Self> {
        let permits = Arc::new(Semaphore::new(runs_at_once(raise_file_limit())));
        let origin = engine.clock().read();
        let (clock, shared) = (engine.clock().clone(), Arc::clone(engine.shared()));
        let beating = Arc::clone(&shared);
        let self_check = Arc::new(SelfCheck::new(clock, shared, Resolver::default()));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = runtime.handle().clone();
        let (open, closed) = oneshot::channel();
        let checking = Arc::clone(&self_check);
        // It ends with the runtime.
        drop(thread.spawn(async move { checking.keep_checking().await }));
        drop(thread.spawn(async move {
            loop {
                beating.counters.pulse.scheduler.beat();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }));
        std::thread::Builder::new()
            .name("nines-probes".to_owned())
            .spawn(move || {
                // The sender is only dropped.
                let _ = runtime.block_on(closed);
                // Do not wait for a name that is still being resolved.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            engine,
            permits,
            tasks: Arc::default(),
            origin,
            self_check,
            thread,
            _open: open,
        })
    }

    /// Checks the monitor itself in this way from now on.
    pub fn check_itself(&self, settings: config::SelfCheck) {
        self.self_check.configure(settings);
    }

    /// Runs these probes and no others. A probe that ran before keeps its schedule and its pending
    /// run. A changed setup applies from the next start.
    pub fn replace(&self, setups: Vec<ProbeSetup>) {
        let names = setups.iter().filter_map(|setup| setup.probe.resolves());
        self.self_check.set_names(names.collect());
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
                    tasks.spawn(id, probe, &self.thread);
                }
            }
        }
    }

    /// Restarts the tasks of probes that panicked, and returns their number. Call this regularly.
    pub fn restart_panicked(&self) -> usize {
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
            tasks.spawn(id, probe, &self.thread);
        }
        count
    }

    #[cfg(test)]
    pub(super) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    /// Ends every probe task at once. A run under way leaves no sample.
    pub async fn stop(&self) {
        let mut tasks = {
            let mut tasks = self.lock();
            tasks.by_probe.clear();
            std::mem::take(&mut tasks.running)
        };
        tasks.shutdown().await;
    }

    fn lock(&self) -> MutexGuard<'_, ProbeTasks> {
        // Each change of the tasks is one statement, so a poisoned lock still guards a valid value.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProbeTasks {
    fn spawn(&mut self, id: ProbeId, probe: Arc<ProbeTask>, thread: &Handle) {
        let task = self
            .running
            .spawn_on(Arc::clone(&probe).keep_running(), thread);
        self.by_probe.insert(id, (probe, task));
    }

    /// Logs the panics of tasks that have ended.
    fn reap(&mut self) {
        while let Some(done) = self.running.try_join_next() {
            if let Err(error) = done
                && error.is_panic()
            {
                tracing::error!(%error, "a probe panicked");
            }
        }
    }
}

/// A probe with its start times.
struct Setup {
    source: Source,
    probe: Arc<probes::Probe>,
    schedule: Schedule,
}

impl From<ProbeSetup> for Setup {
    fn from(setup: ProbeSetup) -> Self {
        Self {
            schedule: Schedule::of(&setup.id, setup.interval_ms, setup.retry_interval_ms),
            source: Source::new(setup.id, setup.vantage),
            probe: setup.probe,
        }
    }
}

/// The task of one probe.
struct ProbeTask {
    engine: Arc<EngineHandle>,
    clock: Clock,
    permits: Arc<Semaphore>,
    self_check: Arc<SelfCheck>,
    state: Arc<ProbeState>,
    setup: ArcSwap<Setup>,
    changed: Notify,
    /// The schedule counts from this reading with the monotonic clock, so it survives clock steps.
    origin: Reading,
}

impl ProbeTask {
    fn new(runner: &Runner, setup: ProbeSetup) -> Self {
        let engine = &runner.engine;
        Self {
            engine: Arc::clone(engine),
            clock: engine.clock().clone(),
            permits: Arc::clone(&runner.permits),
            self_check: Arc::clone(&runner.self_check),
            // A probe that the engine does not know yet has counters that are not shown.
            state: engine.shared().probe(&setup.id).unwrap_or_default(),
            setup: ArcSwap::from_pointee(setup.into()),
            changed: Notify::new(),
            origin: runner.origin,
        }
    }

    fn change(&self, setup: ProbeSetup) {
        self.setup.store(Arc::new(setup.into()));
        self.changed.notify_one();
    }

    /// The wall clock without the clock steps since the start. The schedule uses this time.
    fn steady(&self, up: Duration) -> Timestamp {
        let since = up.saturating_sub(self.origin.up);
        let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        self.origin
            .wall
            .checked_add(since)
            .unwrap_or(Timestamp::MAX)
    }

    /// Runs the probe at its times until aborted.
    async fn keep_running(self: Arc<Self>) {
        let mut pace = self.state.pace();
        let mut after = After::Instant(self.steady(self.clock.read().up));
        loop {
            let (setup, due) = self.wait(after, &mut pace).await;
            // Closed only when the runner is dropped.
            let Ok(permit) = self.permits.acquire().await else {
                return;
            };
            let reading = self.clock.read();
            // A timer may fire a little early. The start still belongs to its slot.
            let started = self.steady(reading.up).max(due);
            if let Some(missed) = setup.schedule.slipped(due, started) {
                self.state.missed(missed);
                after = After::Instant(started);
                continue;
            }
            let late = started.duration_since(due).max(SignedDuration::ZERO);
            let (sample, unresolved) = self.run(&setup, reading, late).await;
            drop(permit);
            let interval_ms = setup.schedule.slots().interval_ms();
            let judged = self
                .self_check
                .judge(sample, unresolved.as_deref(), interval_ms);
            let sample = judged.await;
            self.engine.shared().counters.pulse.sample.beat();
            let ended = self.steady(self.clock.read().up);
            let slots = setup.schedule.slots();
            self.state.missed(slots.between(started, ended));
            self.engine.sample(sample).await;
            after = After::Run { started, ended };
        }
    }

    /// Waits until the next start is due. A new pace or a reload moves it.
    async fn wait(
        &self,
        after: After,
        pace: &mut watch::Receiver<Pace>,
    ) -> (Arc<Setup>, Timestamp) {
        loop {
            let setup = self.setup.load_full();
            let due = setup.schedule.next(after, *pace.borrow_and_update());
            let wait = due.duration_since(self.steady(self.clock.read().up));
            let Ok(wait) = Duration::try_from(wait) else {
                return (setup, due);
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => return (setup, due),
                // Never fails: the task holds the state, which holds the sender.
                _ = pace.changed() => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// The sample of one run, and the name for which this machine's resolver failed.
    async fn run(
        &self,
        setup: &Setup,
        started: Reading,
        late: SignedDuration,
    ) -> (Sample, Option<Arc<str>>) {
        let limit = setup.probe.timeout() + GRACE;
        let run = tokio::time::timeout(limit, setup.probe.run()).await;
        let took = self.clock.read().up.saturating_sub(started.up);
        let mut sample = Sample {
            source: setup.source.clone(),
            at: started.wall,
            late_us: u64::try_from(late.as_micros()).unwrap_or_default(),
            outcome: Outcome::Inconclusive,
            reason: Some(Reason::Monitor),
            detail: None,
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            phases: Phases::default(),
            status: None,
            certificate_ends_at: None,
            certificate_ends_soon: false,
            clock_offset_us: None,
        };
        let mut unresolved = None;
        match run {
            Ok(finding) if self.clock.ran_through_since(started.up) => {
                unresolved = finding.unresolved;
                sample.outcome = finding.outcome;
                sample.reason = finding.reason;
                sample.detail = finding.detail;
                sample.took_us = u64::try_from(finding.took.as_micros()).unwrap_or(u64::MAX);
                sample.phases = finding.phases;
                sample.status = finding.status;
                sample.certificate_ends_at = finding.certificate_ends_at;
                sample.certificate_ends_soon = finding.certificate_ends_soon;
                sample.clock_offset_us = finding.clock_offset_us;
            }
            Ok(_) => sample.detail = Some("the service got no time while the probe ran".to_owned()),
            Err(_) => sample.detail = Some("the probe did not end in its time".to_owned()),
        }
        (sample, unresolved)
    }
}

/// Probes that may run at once: each needs one file descriptor, and one more to resolve a name.
fn runs_at_once(files: Option<u64>) -> usize {
    let files = files.unwrap_or(1_024).saturating_sub(RESERVED_FILES) / 2;
    usize::try_from(files).unwrap_or(AT_ONCE).clamp(16, AT_ONCE)
}

/// Raises the soft limit on open files to the hard limit. Returns the new limit.
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
            tracing::warn!(%error, "cannot raise the limit on open files");
            limit.current.or(Some(u64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::schedule::Grid;

    use super::super::tests::fixtures;
    use super::*;

    #[test]
    fn each_probe_has_the_slots_of_its_own_id() {
        let second = Duration::from_secs(1);
        let probe = fixtures::probe("tcp", "host = \"127.0.0.1\"\nport = 1", second);
        let slots = ["portal/login", "portal/search"].map(|id| {
            let setup = Setup::from(ProbeSetup {
                id: ProbeId::from(id),
                vantage: "here".into(),
                probe: Arc::clone(&probe),
                interval_ms: 30_000,
                retry_interval_ms: 5_000,
            });
            assert_eq!(
                setup.schedule.slots(),
                Grid::of(&setup.source.probe, 30_000)
            );
            setup.schedule.slots()
        });
        assert_ne!(slots[0], slots[1]);
    }
}
