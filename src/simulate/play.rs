//! Plays a scenario: takes the next step from a heap, gives the engine its turn, adds the steps that
//! follow. Schedules and notices are decided by the service's own code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use domain::actor::Actor;
use domain::catalogue::{Active, Catalogue, Heartbeat, Method};
use domain::event::Fact;
use domain::id::{NoticeId, ProbeId, Source};
use domain::input::Input;
use domain::notices;
use domain::sample::Sample;
use jiff::{SignedDuration, Timestamp};

use super::act::{Action, ServiceAction};
use super::faults::Faults;
use super::scenario::{Act, Scenario};
use super::steps::{Feed, ProbeTask, Step, Steps};
use super::world::Draws;
use super::{Error, Refused, feeds, world};
use crate::config::{Loaded, Look, Templates};
use crate::desk;
use crate::engine::rollups;
use crate::engine::schedule::{After, Schedule};
use crate::engine::turn::{self, Turn};
use crate::engine::{self, turn::Turned};
use crate::ledger::Ledger;
use crate::notices::{Due, Rendered, Renderer};
use crate::reports::filing;
use crate::samples::{Instance, Options};

/// Messages under way at once, as in the courier.
const CONNECTIONS: usize = 8;
/// How long an orderly stop waits for messages under way, as in the courier.
const GRACE: SignedDuration = SignedDuration::from_secs(20);
/// Samples in one transaction. The service commits each second; a simulation may wait for more, which
/// costs a third less of the processor.
const BATCH: usize = 8_192;
/// How often the service writes a mark. Only the next start reads a mark, so a simulation writes only
/// the last one: a month has 43,200 minutes.
const MARK_EVERY: SignedDuration = SignedDuration::from_mins(1);

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
    let options = Options {
        batch: BATCH,
        ..Options::default()
    };
    let instance = Instance::open_with(data, scenario.start, options)?;
    let mut simulation = Simulation {
        scenario,
        reloads,
        renderer: renderer(first.look.templates.as_ref(), data)?,
        look: first.look.clone(),
        data,
        turn: Some(Turn::new(ledger, domain::record::Record::default(), &[])),
        instance,
        now: scenario.start,
        faults: Faults::of(&scenario.faults),
        steps: Steps::default(),
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
        simulation.steps.enter(act.at, Step::Act(n));
    }
    simulation.steps.enter(scenario.end, Step::End);
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
    look: Look,
    data: &'a Path,
    turn: Option<Turn>,
    instance: Instance,
    /// The instant of the last step.
    now: Timestamp,
    faults: Faults<'a>,
    steps: Steps,
    under_way: BTreeSet<NoticeId>,
    stopping: bool,
    marked_at: Timestamp,
    last_sample: Option<Timestamp>,
    samples: u64,
    refused: Vec<Refused>,
    outbox: Outbox,
}

impl Simulation<'_> {
    fn run(&mut self, progress: &mut dyn FnMut(Timestamp)) -> Result<(), Error> {
        let mut told = self.scenario.start;
        while let Some(at) = self.steps.next_at() {
            // As in the engine's own turns, due instants come before the next step.
            if let Some(due) = self.due().filter(|due| *due <= at) {
                self.do_due(due)?;
                continue;
            }
            if at.duration_since(told) >= SignedDuration::from_hours(6) {
                told = at;
                progress(at);
            }
            let Some((at, step)) = self.steps.pop() else {
                break;
            };
            if self.handle(at, step)? {
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
            // A notice of what fell due cannot leave before it.
            self.now = self.now.max(due);
            return self.step_or_fail(due, Input::Tick);
        }
        // A connection may have become free after the notice became due.
        self.send(due.max(self.now))
    }

    /// Handles a step. Returns true at the end of the scenario.
    fn handle(&mut self, at: Timestamp, step: Step) -> Result<bool, Error> {
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
                        retry_after_s: None,
                    },
                )?;
            }
            Step::Ask(task) => self.ask(at, task),
            Step::Beat(feed) => self.beat(at, feed)?,
            Step::RollUp => self.roll_up(at, at)?,
            Step::Answered(task, sample) => self.answered(at, task, *sample)?,
            Step::Act(n) => self.act(at, n)?,
            Step::End if self.turn.is_none() => {
                let ledger = Ledger::open(self.data)?;
                self.turn = Some(engine::open(ledger, &self.instance, at)?);
                return Ok(true);
            }
            Step::End => {
                // No sample comes later, so a day that ends now need not wait.
                let settled = self.turn.as_ref().map(|turn| turn.record().rolls_up_at(at));
                self.roll_up(at, settled.unwrap_or(at))?;
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

    // Starts and stops of the service.

    fn begin(&mut self, at: Timestamp, alive_until: Option<Timestamp>) -> Result<(), Error> {
        if self.turn.is_none() {
            let ledger = Ledger::open(self.data)?;
            self.turn = Some(engine::open(ledger, &self.instance, at)?);
        }
        self.step_or_fail(at, Input::Start { alive_until })?;
        self.file_reports(at)?;
        self.roll_up(at, at)?;
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
                .steps
                .last_delivery()
                .filter(|end| end.duration_since(at) <= GRACE)
            {
                self.stopping = true;
                self.steps.enter(end, Step::Act(n));
                return Ok(());
            }
            self.step_or_fail(at, Input::Stop)?;
            self.mark(at)?;
            Some(at)
        };
        self.stopping = false;
        self.turn = None;
        self.under_way.clear();
        self.steps.end_service();
        self.instance.writer().flush()?;
        let down_for = SignedDuration::try_from(down_for).unwrap_or(SignedDuration::MAX);
        let back = at.checked_add(down_for).unwrap_or(self.scenario.end);
        self.steps.enter(back, Step::Return(alive_until));
        Ok(())
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
        let turn = self.turn.as_mut()?;
        let turned = turn.step(at, input, bytes);
        for (_, event) in turned.events() {
            if event.fact == Fact::DayClosed {
                let due = turn.record().rolls_up_at(event.at);
                self.steps.enter(due.max(at), Step::RollUp);
            }
        }
        Some(turned)
    }

    /// A turn that only a failing store can refuse.
    fn step_or_fail(&mut self, at: Timestamp, input: Input) -> Result<(), Error> {
        match self.step(at, input, None) {
            Some(turned) => turned.result.map(|_| ()).map_err(Error::from),
            None => Ok(()),
        }
    }

    // Roll-ups.

    /// Rolls up every day that is settled at `settled`, as the service does at its start and after each
    /// midnight.
    fn roll_up(&mut self, at: Timestamp, settled: Timestamp) -> Result<(), Error> {
        let Some(turn) = self.turn.as_ref() else {
            return Ok(());
        };
        for day in turn.record().days_to_roll_up(settled) {
            let stored = rollups::store(&self.instance.daily(), self.data, day)?;
            self.step_or_fail(at, Input::RollUp(Box::new(stored)))?;
        }
        Ok(())
    }

    // Probes.

    /// Schedules every active probe. A probe that has a schedule keeps its place, and a running
    /// probe finishes first.
    fn schedule_probes(&mut self, at: Timestamp) {
        let Some(turn) = self.turn.as_ref() else {
            return;
        };
        let catalogue = std::sync::Arc::clone(&turn.record().catalogue);
        let mut before = self.steps.take_probes();
        for (id, active) in active_probes(&catalogue) {
            let mut task = ProbeTask {
                active: active.clone(),
                source: catalogue.source(id),
                effects: self.faults.on(id),
                draws: Draws::of(self.scenario.seed, id),
                schedule: Schedule::of(id, active.interval_ms, active.retry_interval_ms),
                after: After::Instant(at),
            };
            if let Some(mut entry) = before.remove(id) {
                let is_running = entry.is_running();
                if let Some(known) = entry.task() {
                    task.after = known.after;
                    if known.schedule == task.schedule || is_running {
                        *known = task;
                        self.steps.put_back(entry);
                        continue;
                    }
                }
            }
            let after = task.after;
            self.schedule(Box::new(task), after, at);
        }
        self.steps.end_feeds();
        for (id, heartbeat) in heartbeats(&catalogue) {
            let feed = Feed {
                source: catalogue.source(id),
                heartbeat: heartbeat.clone(),
                effects: self.faults.on(id),
            };
            if let Some(first) = feeds::next_beat(id, heartbeat, at) {
                self.steps.enter(first, Step::Beat(Box::new(feed)));
            }
        }
    }

    fn beat(&mut self, at: Timestamp, feed: Box<Feed>) -> Result<(), Error> {
        if let Some(sample) = feeds::beat(&feed.source, feed.effects.at(at), at) {
            self.took(&sample)?;
            self.step_or_fail(at, Input::Sampled(sample))?;
        }
        let later = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
        if let Some(next) = feeds::next_beat(&feed.source.probe, &feed.heartbeat, later) {
            self.steps.enter(next, Step::Beat(feed));
        }
        Ok(())
    }

    /// Schedules the next run of a probe after `after`, and not before `now`.
    fn schedule(&mut self, mut task: Box<ProbeTask>, after: After, now: Timestamp) {
        let turn = self.turn.as_ref();
        let pace = turn.map(|turn| turn.pace(&task.source.probe));
        let pace = pace.unwrap_or_default();
        task.after = after;
        let mut next = task.schedule.next(after, pace);
        if task.schedule.slipped(next, now).is_some() {
            task.after = After::Instant(now);
            next = task.schedule.next(task.after, pace);
        }
        self.steps.enter(next.max(now), Step::Ask(task));
    }

    fn ask(&mut self, at: Timestamp, task: Box<ProbeTask>) {
        let effect = task.effects.at(at);
        let sample = world::sample(task.draws, &task.active, &task.source, effect, at);
        let Some(sample) = sample else {
            let later = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
            self.schedule(task, After::Instant(later), later);
            return;
        };
        let took = SignedDuration::from_micros(i64::try_from(sample.took_us).unwrap_or(0));
        let ended = at.checked_add(took).unwrap_or(at);
        let step = Step::Answered(task, Box::new(sample));
        self.steps.enter(ended, step);
    }

    fn answered(
        &mut self,
        at: Timestamp,
        task: Box<ProbeTask>,
        sample: Sample,
    ) -> Result<(), Error> {
        let started = sample.at;
        self.took(&sample)?;
        self.step_or_fail(at, Input::Sampled(sample))?;
        self.schedule(task, After::Run { started, ended: at }, at);
        Ok(())
    }

    /// Stores a sample.
    fn took(&mut self, sample: &Sample) -> Result<(), Error> {
        self.samples += 1;
        self.last_sample = self.last_sample.max(Some(sample.at));
        let writer = self.instance.writer();
        if writer.offer(sample.clone()).is_err() {
            // The service would drop the sample. A simulation waits, so that every run is the same.
            writer.make_room()?;
            writer
                .offer(sample.clone())
                .map_err(|_| Error::Inside("the samples cannot be written"))?;
        }
        Ok(())
    }

    // Mail.

    /// Begins an attempt for the first notice that is due.
    fn send(&mut self, at: Timestamp) -> Result<(), Error> {
        let Some(turn) = self.turn.as_ref() else {
            return Ok(());
        };
        // After the attempt the outbox must be read again.
        self.outbox = Outbox::default();
        let (record, journal) = (turn.record(), turn.journal());
        let due = notices::due(record, turn.doubted(), at).into_iter().next();
        let Some(due) = due.map(|notice| Due::of(record, notice)) else {
            return Ok(());
        };
        let kept = match due.kept {
            Some(id) => journal.message(id)?,
            None => None,
        };
        let message = match kept {
            Some(bytes) => Rendered::kept(&due, bytes),
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
        let answer = world::answer(self.scenario, &address, at);
        let took = SignedDuration::try_from(answer.took).unwrap_or(SignedDuration::ZERO);
        let ended = at.checked_add(took).unwrap_or(at);
        let step = Step::Delivered(notice, attempt, Box::new(answer));
        self.steps.enter(ended, step);
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
                self.renderer = renderer(loaded.look.templates.as_ref(), self.data)?;
                self.look.clone_from(&loaded.look);
                let (by, catalogue) = (Actor::scenario(act.by), Box::new(loaded.catalogue.clone()));
                self.step_or_fail(at, Input::Configure { by, catalogue })?;
                self.schedule_probes(at);
                Ok(())
            }
            Action::Act(said) => {
                let by = Actor::scenario(&act.by);
                let approves = filing::is_approval(said);
                let said = match self.turn.as_ref() {
                    Some(turn) => filing::with_figures(turn.journal(), said.clone())?,
                    None => said.clone(),
                };
                let catalogue = self.turn.as_ref().map(|turn| &*turn.record().catalogue);
                let said = match catalogue.map(|catalogue| desk::with_calls(catalogue, &said)) {
                    Some(Ok(counted)) => counted,
                    Some(Err(error)) => {
                        self.refuse(at, &act, error.to_string());
                        return Ok(());
                    }
                    None => said,
                };
                let input = Input::Act {
                    by,
                    act: said,
                    not_phi: act.not_phi.clone(),
                };
                let turned = self.step(at, input, None);
                match turned.map(|turned| turned.result) {
                    Some(Ok(_)) if approves => self.file_reports(at),
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

    /// Writes the files of approved reports, as the service does after an approval.
    fn file_reports(&mut self, at: Timestamp) -> Result<(), Error> {
        let Some(turn) = self.turn.as_ref() else {
            return Ok(());
        };
        let mut filed = Vec::new();
        for (committee, month, revision) in turn.record().reports.unfiled() {
            let journal = turn.journal();
            filed.push(filing::write(
                journal, self.data, &self.look, &committee, month, &revision,
            )?);
        }
        for report in filed {
            self.step_or_fail(at, Input::FileReport(Box::new(report)))?;
        }
        Ok(())
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

/// The templates of notices, with the reports of the run to attach.
fn renderer(templates: Option<&Templates>, data: &Path) -> Result<Renderer, Error> {
    let renderer = Renderer::new(templates)?;
    renderer.attach_from(data.join(filing::FOLDER));
    Ok(renderer)
}

fn active_probes(catalogue: &Catalogue) -> impl Iterator<Item = (&ProbeId, &Active)> {
    let probes = catalogue.systems.iter().flat_map(|system| &system.probes);
    probes.filter_map(|probe| Some((&probe.id, probe.active()?)))
}

fn heartbeats(catalogue: &Catalogue) -> impl Iterator<Item = (&ProbeId, &Heartbeat)> {
    let probes = catalogue.systems.iter().flat_map(|system| &system.probes);
    probes.filter_map(|probe| match &probe.method {
        Method::Heartbeat(heartbeat) => Some((&probe.id, heartbeat)),
        Method::Active(_) => None,
    })
}
