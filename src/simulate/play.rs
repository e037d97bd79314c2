//! Plays a scenario: takes the next step from a heap, gives the engine its turn, adds the steps that
//! follow. Schedules and notices are decided by the service's own code.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;
use std::time::Duration;

use domain::actor::Actor;
use domain::catalogue::{Active, Catalogue};
use domain::id::{NoticeId, ProbeId, Source};
use domain::input::Input;
use domain::notices;
use domain::sample::Sample;
use jiff::{SignedDuration, Timestamp};

use super::act::{Action, ServiceAction};
use super::scenario::{Act, Answer, Scenario};
use super::{Error, Refused, world};
use crate::config::Loaded;
use crate::engine::schedule::{After, Schedule};
use crate::engine::turn::{self, Turn};
use crate::engine::{self, turn::Turned};
use crate::ledger::Ledger;
use crate::notices::{Due, Rendered, Renderer};
use crate::samples::Instance;

/// Messages under way at once, as in the courier.
const CONNECTIONS: usize = 8;
/// How long an orderly stop waits for messages under way, as in the courier.
const GRACE: SignedDuration = SignedDuration::from_secs(20);
/// How often the service writes a mark. Only the next start reads a mark, so a simulation writes only
/// the last one: a month has 43,200 minutes.
const MARK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The order of steps at the same instant: ends come before beginnings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Return,
    Delivered,
    Answered,
    Act,
    Ask,
    End,
}

/// An entry of the heap: instant, rank, and the key of its step, which counts up.
type Entry = Reverse<(Timestamp, Rank, u64)>;

enum Step {
    /// The service starts again; its last sign of life before.
    Return(Option<Timestamp>),
    Delivered(NoticeId, u32, Answer),
    Answered(Timestamp, Box<Sample>),
    /// A person's act, by its index in the scenario.
    Act(usize),
    Ask(ProbeId),
    End,
}

/// The results of a played scenario.
pub(super) struct Played {
    pub samples: u64,
    /// Acts that the engine refused.
    pub refused: Vec<Refused>,
    /// The stores are still open.
    pub turn: Turn,
    pub instance: Instance,
}

/// Plays `scenario` into the stores of `data`. `reloads` has the configurations of its reloads by the
/// index of the act.
pub(super) fn play(
    scenario: &Scenario,
    first: Loaded,
    reloads: BTreeMap<usize, Loaded>,
    data: &Path,
    progress: &mut dyn FnMut(Timestamp),
) -> Result<Played, Error> {
    let ledger = Ledger::open(data)?;
    if !ledger.is_new() {
        return Err(Error::NotEmpty(data.to_owned()));
    }
    let instance = Instance::open(data, scenario.start)?;
    let mut simulation = Simulation {
        scenario,
        reloads,
        renderer: Renderer::new(first.templates.as_deref())?,
        data,
        turn: Some(Turn::new(ledger, domain::record::Record::default(), &[])),
        instance,
        now: scenario.start,
        heap: BinaryHeap::new(),
        contents: BTreeMap::new(),
        entered: 0,
        tasks: BTreeMap::new(),
        under_way: BTreeSet::new(),
        stopping: false,
        marked_at: scenario.start,
        last_sample: None,
        samples: 0,
        refused: Vec::new(),
        outbox: Outbox::default(),
    };
    let identity = format!("sim{}", scenario.seed);
    let tzdb = domain::calendar::tzdb_version().to_owned();
    simulation.step_or_fail(scenario.start, Input::CreateLedger { identity, tzdb })?;
    let catalogue = Box::new(first.catalogue);
    simulation.step_or_fail(
        scenario.start,
        Input::Configure {
            by: Actor::scenario("simulate"),
            catalogue,
        },
    )?;
    for (n, act) in scenario.acts.iter().enumerate() {
        simulation.enter(act.at, Rank::Act, Step::Act(n));
    }
    simulation.enter(scenario.end, Rank::End, Step::End);
    simulation.begin(scenario.start, None)?;
    simulation.run(progress)?;
    simulation.instance.writer().flush()?;
    let turn = simulation
        .turn
        .take()
        .ok_or(Error::Inside("the engine is missing"))?;
    Ok(Played {
        samples: simulation.samples,
        refused: simulation.refused,
        turn,
        instance: simulation.instance,
    })
}

/// When the next message may leave, until the record or a bad run changes.
#[derive(Default)]
struct Outbox {
    as_of: Option<(u64, BTreeSet<Source>)>,
    next: Option<Timestamp>,
}

impl Outbox {
    fn is_as_of(&self, seq: u64, doubted: &BTreeSet<Source>) -> bool {
        let known = self.as_of.as_ref();
        known.is_some_and(|(of, probes)| *of == seq && probes == doubted)
    }
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    reloads: BTreeMap<usize, Loaded>,
    renderer: Renderer,
    data: &'a Path,
    turn: Option<Turn>,
    instance: Instance,
    /// The instant of the last step.
    now: Timestamp,
    heap: BinaryHeap<Entry>,
    contents: BTreeMap<u64, Step>,
    entered: u64,
    tasks: BTreeMap<ProbeId, ProbeTask>,
    under_way: BTreeSet<NoticeId>,
    stopping: bool,
    marked_at: Timestamp,
    last_sample: Option<Timestamp>,
    samples: u64,
    refused: Vec<Refused>,
    outbox: Outbox,
}

/// An active probe's schedule, and the key of its next step. A step with another key is outdated.
struct ProbeTask {
    active: Active,
    schedule: Schedule,
    after: After,
    entry: u64,
}

impl Simulation<'_> {
    fn run(&mut self, progress: &mut dyn FnMut(Timestamp)) -> Result<(), Error> {
        let mut told = self.scenario.start;
        while let Some(Reverse((at, _, _))) = self.heap.peek() {
            let at = *at;
            // As in the engine's own turns, whatever is due comes before the next step.
            if let Some(due) = self.due().filter(|due| *due <= at) {
                self.do_due(due)?;
                continue;
            }
            if at.duration_since(told) >= SignedDuration::from_hours(6) {
                told = at;
                progress(at);
            }
            let Some(Reverse((_, _, key))) = self.heap.pop() else {
                break;
            };
            let Some(step) = self.contents.remove(&key) else {
                continue;
            };
            if self.handle(at, key, step)? {
                break;
            }
        }
        Ok(())
    }

    /// The next instant at which the engine or the outbox has something to do.
    fn due(&mut self) -> Option<Timestamp> {
        let free = self.under_way.len() < CONNECTIONS && !self.stopping;
        let turn = self.turn.as_mut()?;
        let wake = turn.next_wake();
        let record = turn.record();
        let doubted = turn.doubted();
        if !record.notices.is_active() {
            self.outbox = Outbox::default();
        } else if !self.outbox.is_as_of(record.seq, doubted) {
            let now = self.now;
            let due = !notices::due(record, doubted, now).is_empty();
            let next = notices::next_wake(record, doubted, now);
            self.outbox = Outbox {
                as_of: Some((record.seq, doubted.clone())),
                next: if due { Some(now) } else { next },
            };
        }
        let post = self
            .outbox
            .next
            .filter(|_| free && record.monitoring.is_watching());
        wake.into_iter().chain(post).min()
    }

    fn do_due(&mut self, due: Timestamp) -> Result<(), Error> {
        let wake = self.turn.as_mut().and_then(Turn::next_wake);
        if wake.is_some_and(|wake| wake <= due) {
            return self.step_or_fail(due, Input::Tick);
        }
        // A connection may have become free after the notice became due.
        self.send(due.max(self.now))
    }

    /// Handles a step. Returns true at the end of the scenario.
    fn handle(&mut self, at: Timestamp, key: u64, step: Step) -> Result<bool, Error> {
        self.now = at;
        match step {
            Step::Return(alive_until) => self.begin(at, alive_until)?,
            Step::Delivered(notice, attempt, answer) => {
                self.under_way.remove(&notice);
                self.step_or_fail(
                    at,
                    Input::Delivered {
                        notice,
                        attempt,
                        result: answer.result,
                        reply: answer.reply,
                        unreached: answer.unreached,
                    },
                )?;
            }
            Step::Ask(probe) => self.ask(at, key, &probe),
            Step::Answered(started, sample) => self.answered(at, key, started, *sample)?,
            Step::Act(n) => self.act(at, n)?,
            Step::End if self.turn.is_none() => {
                let ledger = Ledger::open(self.data)?;
                self.turn = Some(engine::open(ledger, &self.instance, at)?);
                return Ok(true);
            }
            Step::End => {
                self.step_or_fail(at, Input::Stop)?;
                self.mark(at)?;
                return Ok(true);
            }
        }
        if at.duration_since(self.marked_at) >= MARK_EVERY {
            self.marked_at = at;
        }
        Ok(false)
    }

    fn enter(&mut self, at: Timestamp, rank: Rank, step: Step) -> u64 {
        let key = self.entered;
        self.entered += 1;
        self.contents.insert(key, step);
        self.heap.push(Reverse((at, rank, key)));
        key
    }

    // The service's life.

    fn begin(&mut self, at: Timestamp, alive_until: Option<Timestamp>) -> Result<(), Error> {
        if self.turn.is_none() {
            let ledger = Ledger::open(self.data)?;
            self.turn = Some(engine::open(ledger, &self.instance, at)?);
        }
        self.step_or_fail(at, Input::Start { alive_until })?;
        self.tasks.clear();
        self.schedule_probes(at);
        self.marked_at = at;
        Ok(())
    }

    /// Stops the service and schedules its return. An orderly stop first waits for its mail.
    fn restart(
        &mut self,
        at: Timestamp,
        n: usize,
        down_for: Duration,
        kill: bool,
    ) -> Result<(), Error> {
        let alive_until = if kill {
            self.mark(self.marked_at)?;
            // The service finds the last stored sample or the mark, whichever is later.
            self.last_sample.max(Some(self.marked_at))
        } else {
            if let Some(end) = self
                .last_delivery()
                .filter(|end| end.duration_since(at) <= GRACE)
            {
                self.stopping = true;
                self.enter(end, Rank::Act, Step::Act(n));
                return Ok(());
            }
            self.step_or_fail(at, Input::Stop)?;
            self.mark(at)?;
            Some(at)
        };
        self.stopping = false;
        self.turn = None;
        self.tasks.clear();
        self.under_way.clear();
        self.contents
            .retain(|_, step| matches!(step, Step::Act(_) | Step::End));
        self.instance.writer().flush()?;
        let down_for = SignedDuration::try_from(down_for).unwrap_or(SignedDuration::MAX);
        let back = at.checked_add(down_for).unwrap_or(self.scenario.end);
        self.enter(back, Rank::Return, Step::Return(alive_until));
        Ok(())
    }

    fn last_delivery(&self) -> Option<Timestamp> {
        let ends = self.heap.iter().filter(|Reverse((_, _, key))| {
            matches!(self.contents.get(key), Some(Step::Delivered(..)))
        });
        ends.map(|Reverse((at, _, _))| *at).max()
    }

    fn mark(&mut self, at: Timestamp) -> Result<(), Error> {
        self.marked_at = at;
        if let Some(turn) = self.turn.as_mut() {
            turn.journal_mut().mark(at)?;
        }
        Ok(())
    }

    // The engine's turns.

    fn step(&mut self, at: Timestamp, input: Input, bytes: Option<&[u8]>) -> Option<Turned> {
        Some(self.turn.as_mut()?.step(at, input, bytes))
    }

    /// A turn that only a failing store can refuse.
    fn step_or_fail(&mut self, at: Timestamp, input: Input) -> Result<(), Error> {
        match self.step(at, input, None) {
            Some(turned) => turned.result.map(|_| ()).map_err(Error::from),
            None => Ok(()),
        }
    }

    // Probes.

    /// Schedules every active probe. A probe that has a schedule keeps its place, and a running
    /// probe finishes first.
    fn schedule_probes(&mut self, at: Timestamp) {
        let Some(turn) = self.turn.as_ref() else {
            return;
        };
        let catalogue = std::sync::Arc::clone(&turn.record().catalogue);
        let mut before = std::mem::take(&mut self.tasks);
        for (id, active) in active_probes(&catalogue) {
            let schedule = schedule(id, active);
            let task = match before.remove(id) {
                Some(task) if task.schedule == schedule || self.is_running(&task) => ProbeTask {
                    active: active.clone(),
                    schedule,
                    ..task
                },
                kept => {
                    let after = kept.map_or(After::Instant(at), |task| task.after);
                    self.task(id, active, after, at)
                }
            };
            self.tasks.insert(id.clone(), task);
        }
    }

    fn is_running(&self, task: &ProbeTask) -> bool {
        matches!(self.contents.get(&task.entry), Some(Step::Answered(..)))
    }

    /// Schedules the next run of a probe after `after`, and not before `now`.
    fn task(
        &mut self,
        id: &ProbeId,
        active: &Active,
        mut after: After,
        now: Timestamp,
    ) -> ProbeTask {
        let schedule = schedule(id, active);
        let retrying = self.turn.as_ref().is_some_and(|turn| turn.retrying(id));
        if schedule
            .slipped(schedule.next(after, retrying), now)
            .is_some()
        {
            after = After::Instant(now);
        }
        let next = schedule.next(after, retrying).max(now);
        let entry = self.enter(next, Rank::Ask, Step::Ask(id.clone()));
        ProbeTask {
            active: active.clone(),
            schedule,
            after,
            entry,
        }
    }

    fn ask(&mut self, at: Timestamp, key: u64, id: &ProbeId) {
        let Some(task) = self.tasks.get(id).filter(|task| task.entry == key) else {
            return;
        };
        let active = task.active.clone();
        let Some(source) = self.turn.as_ref().map(|t| t.record().catalogue.source(id)) else {
            return;
        };
        let Some(sample) = world::sample(self.scenario, &active, source, at) else {
            let later = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
            let task = self.task(id, &active, After::Instant(later), later);
            self.tasks.insert(id.clone(), task);
            return;
        };
        let took = SignedDuration::from_micros(i64::try_from(sample.took_us).unwrap_or(0));
        let ended = at.checked_add(took).unwrap_or(at);
        let step = Step::Answered(at, Box::new(sample));
        let entry = self.enter(ended, Rank::Answered, step);
        if let Some(task) = self.tasks.get_mut(id) {
            task.entry = entry;
        }
    }

    fn answered(
        &mut self,
        at: Timestamp,
        key: u64,
        started: Timestamp,
        sample: Sample,
    ) -> Result<(), Error> {
        let id = sample.source.probe.clone();
        if self.tasks.get(&id).is_none_or(|task| task.entry != key) {
            return Ok(());
        }
        self.samples += 1;
        self.last_sample = self.last_sample.max(Some(sample.at));
        let writer = self.instance.writer();
        if writer.offer(sample.clone()).is_err() {
            // The service would drop the sample. A simulation waits, so that every run is the same.
            writer.flush()?;
            writer
                .offer(sample.clone())
                .map_err(|_| Error::Inside("the samples cannot be written"))?;
        }
        self.step_or_fail(at, Input::Sampled(sample))?;
        let Some(active) = self.tasks.get(&id).map(|task| task.active.clone()) else {
            return Ok(());
        };
        let task = self.task(&id, &active, After::Run { started, ended: at }, at);
        self.tasks.insert(id, task);
        Ok(())
    }

    // Mail.

    /// Begins an attempt for the first notice that is due.
    fn send(&mut self, at: Timestamp) -> Result<(), Error> {
        let Some(turn) = self.turn.as_ref() else {
            return Ok(());
        };
        // Whatever follows, the next look is a new one.
        self.outbox = Outbox::default();
        let (record, journal) = (turn.record(), turn.journal());
        let due = notices::due(record, turn.doubted(), at).into_iter().next();
        let Some(due) = due.map(|notice| Due::of(record, notice)) else {
            return Ok(());
        };
        let kept = match due.kept {
            Some(id) => journal.letter(id)?,
            None => None,
        };
        let message = match kept {
            Some(bytes) => Rendered::kept(bytes),
            None => self.renderer.message(&due.notice, &due.sender, at)?,
        };
        let address = due.notice.recipient.address.clone();
        let input = Input::Attempt {
            notice: Box::new(due.notice),
            message_id: message.message_id,
            sha256: message.sha256,
        };
        let Some(turned) = self.step(at, input, Some(&message.bytes)) else {
            return Ok(());
        };
        turned.result?;
        let begun = self.turn.as_ref().and_then(|turn| {
            let (id, outgoing) = turn.record().notices.current(&address)?;
            Some((id, outgoing.attempts))
        });
        let Some((notice, attempt)) = begun else {
            return Err(Error::Inside("an attempt that began cannot be found"));
        };
        self.under_way.insert(notice);
        let answer = world::mail_answer(self.scenario, &address.to_string(), at);
        let took = SignedDuration::try_from(answer.took).unwrap_or(SignedDuration::ZERO);
        let ended = at.checked_add(took).unwrap_or(at);
        self.enter(
            ended,
            Rank::Delivered,
            Step::Delivered(notice, attempt, answer),
        );
        Ok(())
    }

    // People.

    fn act(&mut self, at: Timestamp, n: usize) -> Result<(), Error> {
        let act = self.scenario.acts[n].clone();
        // The command line also acts on a stopped ledger. Restart and reload need a running service.
        let away = self.turn.is_none();
        if away && !matches!(act.action, Action::Act(_)) {
            self.refuse(at, &act, "the service is stopped".to_owned());
            return Ok(());
        }
        if away {
            let ledger = Ledger::open(self.data)?;
            self.turn = Some(engine::open_unwatched(ledger, &self.instance, at)?);
        }
        let done = self.carry_out(at, n, act);
        if away {
            self.turn = None;
        }
        done
    }

    fn carry_out(&mut self, at: Timestamp, n: usize, act: Act) -> Result<(), Error> {
        let Some(turn) = self.turn.as_ref() else {
            return Err(Error::Inside("the engine is missing"));
        };
        match &act.action {
            Action::Service(ServiceAction::Restart { down_for, kill }) => {
                self.restart(at, n, *down_for, *kill)
            }
            Action::Service(ServiceAction::Reload { .. }) => {
                let Some(loaded) = self.reloads.get(&n) else {
                    return Err(Error::Inside("a reload was not read"));
                };
                if *turn.record().catalogue == loaded.catalogue {
                    return Ok(());
                }
                self.renderer = Renderer::new(loaded.templates.as_deref())?;
                let (by, catalogue) = (Actor::scenario(act.by), Box::new(loaded.catalogue.clone()));
                self.step_or_fail(at, Input::Configure { by, catalogue })?;
                self.schedule_probes(at);
                Ok(())
            }
            Action::Act(said) => {
                let (by, said) = (Actor::scenario(&act.by), said.clone());
                let turned = self.step(at, Input::Act { by, act: said }, None);
                match turned.map(|turned| turned.result) {
                    Some(Err(turn::Error::Refused(refusal))) => {
                        self.refuse(at, &act, refusal.to_string());
                        Ok(())
                    }
                    Some(Err(error)) => Err(error.into()),
                    Some(Ok(_)) | None => Ok(()),
                }
            }
        }
    }

    fn refuse(&mut self, at: Timestamp, act: &Act, reason: String) {
        self.refused.push(Refused {
            at,
            line: act.line,
            by: act.by.clone(),
            reason,
        });
    }
}

fn active_probes(catalogue: &Catalogue) -> impl Iterator<Item = (&ProbeId, &Active)> {
    let probes = catalogue.systems.iter().flat_map(|system| &system.probes);
    probes.filter_map(|probe| Some((&probe.id, probe.active()?)))
}

fn schedule(id: &ProbeId, active: &Active) -> Schedule {
    Schedule::of(id, active.interval_ms, active.retry_interval_ms)
}
