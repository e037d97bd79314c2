//! Plays a scenario: takes the next instant of a heap, gives the engine its turn, and looks what
//! follows. Probes keep the schedule of `engine::schedule`, notices are those of `domain::notices`,
//! as in the service; only prober, delivery and clock are others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;
use std::time::Duration;

use domain::actor::Actor;
use domain::catalogue::{Catalogue, Probe};
use domain::decide::Input;
use domain::id::{NoticeId, ProbeId, Source};
use domain::notices;
use domain::sample::Sample;
use jiff::{SignedDuration, Timestamp};

use super::act::{Deed, ServiceDeed};
use super::scenario::{Act, Answer, Scenario};
use super::{Error, Refused, world};
use crate::config::Loaded;
use crate::engine::schedule::{After, Schedule};
use crate::engine::turn::{self, Turn};
use crate::engine::{self, turn::Turned};
use crate::ledger::Ledger;
use crate::notices::{Due, Rendered, Renderer};
use crate::samples::Instance;

/// Messages on their way at once, as many as the courier has.
const CONNECTIONS: usize = 8;
/// What an orderly stop leaves to messages on their way, as the courier does.
const GRACE: SignedDuration = SignedDuration::from_secs(20);
/// How often the engine marks the ledger. Nobody reads a mark but the start after it, so a
/// rehearsal remembers them and writes the last: a month has 43,200 minutes.
const MARK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What happens at an instant. Of the things of one instant the earlier variant goes first: what
/// ends before what begins, so that nothing begins upon a state that is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Return,
    Delivered,
    Answered,
    Act,
    Ask,
    End,
}

/// An entry of the heap: when, of what rank, in which order it was entered, and its content's key.
type Entry = Reverse<(Timestamp, Rank, u64)>;

enum What {
    /// The service comes back; what is known of its life before.
    Return(Option<Timestamp>),
    /// An attempt to deliver has ended.
    Delivered(NoticeId, u32, Answer),
    /// A probe is done.
    Answered(Timestamp, Box<Sample>),
    /// Somebody does something.
    Act(usize),
    /// A probe starts.
    Ask(ProbeId),
    /// The scenario is over.
    End,
}

/// What is known when a scenario has been played.
pub(super) struct Played {
    /// Samples taken.
    pub samples: u64,
    /// Acts that the engine refused.
    pub refused: Vec<Refused>,
    /// The stores, still open.
    pub turn: Turn,
    pub instance: Instance,
}

/// Plays `scenario` with the configurations it names (`first`, and those of its reloads by act)
/// into the stores of `data`.
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
    let mut stage = Stage {
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
        lanes: BTreeMap::new(),
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
    stage.must(scenario.start, Input::CreateLedger { identity, tzdb })?;
    let catalogue = Box::new(first.catalogue);
    stage.must(
        scenario.start,
        Input::Configure {
            by: Actor::scenario("simulate"),
            catalogue,
        },
    )?;
    for (n, act) in scenario.acts.iter().enumerate() {
        stage.enter(act.at, Rank::Act, What::Act(n));
    }
    stage.enter(scenario.end, Rank::End, What::End);
    stage.begin(scenario.start, None)?;
    stage.run(progress)?;
    stage.instance.writer().flush()?;
    // Whatever ended it left the engine in its place.
    let turn = stage
        .turn
        .take()
        .ok_or(Error::Inside("the engine was left away"))?;
    Ok(Played {
        samples: stage.samples,
        refused: stage.refused,
        turn,
        instance: stage.instance,
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

struct Stage<'a> {
    scenario: &'a Scenario,
    reloads: BTreeMap<usize, Loaded>,
    renderer: Renderer,
    data: &'a Path,
    turn: Option<Turn>,
    instance: Instance,
    /// The instant of what happened last.
    now: Timestamp,
    heap: BinaryHeap<Entry>,
    contents: BTreeMap<u64, What>,
    entered: u64,
    lanes: BTreeMap<ProbeId, Lane>,
    under_way: BTreeSet<NoticeId>,
    stopping: bool,
    marked_at: Timestamp,
    last_sample: Option<Timestamp>,
    samples: u64,
    refused: Vec<Refused>,
    outbox: Outbox,
}

/// A probe's place, and which entry of the heap is its next: any other is of a life before.
struct Lane {
    probe: Probe,
    schedule: Schedule,
    after: After,
    entry: u64,
}

impl Stage<'_> {
    fn run(&mut self, progress: &mut dyn FnMut(Timestamp)) -> Result<(), Error> {
        let mut told = self.scenario.start;
        while let Some(Reverse((at, _, _))) = self.heap.peek() {
            let at = *at;
            // What falls due goes before what happens, as in the engine's own turns.
            if let Some(due) = self.due().filter(|due| *due <= at) {
                self.fall_due(due)?;
                continue;
            }
            if at.duration_since(told) >= SignedDuration::from_hours(6) {
                told = at;
                progress(at);
            }
            let Some(Reverse((_, _, key))) = self.heap.pop() else {
                break;
            };
            let Some(what) = self.contents.remove(&key) else {
                continue;
            };
            if self.happens(at, key, what)? {
                break;
            }
        }
        Ok(())
    }

    /// The next instant at which the engine or the outbox has something to do by itself.
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
        let post = self.outbox.next.filter(|_| free && record.watching);
        wake.into_iter().chain(post).min()
    }

    fn fall_due(&mut self, due: Timestamp) -> Result<(), Error> {
        let wake = self.turn.as_mut().and_then(Turn::next_wake);
        if wake.is_some_and(|wake| wake <= due) {
            return self.must(due, Input::Tick);
        }
        // A connection may have become free later than the notice fell due.
        self.send(due.max(self.now))
    }

    /// Lets something happen; whether it was the end.
    fn happens(&mut self, at: Timestamp, key: u64, what: What) -> Result<bool, Error> {
        self.now = at;
        match what {
            What::Return(alive_until) => self.begin(at, alive_until)?,
            What::Delivered(notice, attempt, answer) => {
                self.under_way.remove(&notice);
                self.must(
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
            What::Ask(probe) => self.ask(at, key, &probe),
            What::Answered(started, sample) => self.answered(at, key, started, *sample)?,
            What::Act(n) => self.act(at, n)?,
            What::End if self.turn.is_none() => {
                let ledger = Ledger::open(self.data)?;
                self.turn = Some(engine::open(ledger, &self.instance, at)?);
                return Ok(true);
            }
            What::End => {
                self.must(at, Input::Stop)?;
                self.mark(at)?;
                return Ok(true);
            }
        }
        if at.duration_since(self.marked_at) >= MARK_EVERY {
            self.marked_at = at;
        }
        Ok(false)
    }

    fn enter(&mut self, at: Timestamp, rank: Rank, what: What) -> u64 {
        let key = self.entered;
        self.entered += 1;
        self.contents.insert(key, what);
        self.heap.push(Reverse((at, rank, key)));
        key
    }

    // The service's life.

    fn begin(&mut self, at: Timestamp, alive_until: Option<Timestamp>) -> Result<(), Error> {
        if self.turn.is_none() {
            let ledger = Ledger::open(self.data)?;
            self.turn = Some(engine::open(ledger, &self.instance, at)?);
        }
        self.must(at, Input::Start { alive_until })?;
        self.lanes.clear();
        self.fit_lanes(at);
        self.marked_at = at;
        Ok(())
    }

    /// The service goes away and comes back; in order, it first waits for its mail.
    fn leave(
        &mut self,
        at: Timestamp,
        n: usize,
        down_for: Duration,
        kill: bool,
    ) -> Result<(), Error> {
        let alive_until = if kill {
            self.mark(self.marked_at)?;
            // As the service finds it: the last stored sample or the mark, whichever is later.
            self.last_sample.max(Some(self.marked_at))
        } else {
            if let Some(end) = self
                .last_delivery()
                .filter(|end| end.duration_since(at) <= GRACE)
            {
                self.stopping = true;
                self.enter(end, Rank::Act, What::Act(n));
                return Ok(());
            }
            self.must(at, Input::Stop)?;
            self.mark(at)?;
            Some(at)
        };
        self.stopping = false;
        self.turn = None;
        self.lanes.clear();
        self.under_way.clear();
        self.contents
            .retain(|_, what| matches!(what, What::Act(_) | What::End));
        self.instance.writer().flush()?;
        let down_for = SignedDuration::try_from(down_for).unwrap_or(SignedDuration::MAX);
        let back = at.checked_add(down_for).unwrap_or(self.scenario.end);
        self.enter(back, Rank::Return, What::Return(alive_until));
        Ok(())
    }

    fn last_delivery(&self) -> Option<Timestamp> {
        let ends = self.heap.iter().filter(|Reverse((_, _, key))| {
            matches!(self.contents.get(key), Some(What::Delivered(..)))
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

    /// A turn that only a broken store can refuse.
    fn must(&mut self, at: Timestamp, input: Input) -> Result<(), Error> {
        match self.step(at, input, None) {
            Some(turned) => turned.result.map(|_| ()).map_err(Error::from),
            None => Ok(()),
        }
    }

    // Probes.

    /// Gives every configured probe its lane; those that have one keep their place on it, and one
    /// that is being asked is asked to its end.
    fn fit_lanes(&mut self, at: Timestamp) {
        let Some(turn) = self.turn.as_ref() else {
            return;
        };
        let catalogue = std::sync::Arc::clone(&turn.record().catalogue);
        let mut before = std::mem::take(&mut self.lanes);
        for probe in probes_of(&catalogue) {
            let schedule = schedule(probe);
            let lane = match before.remove(&probe.id) {
                Some(lane) if lane.schedule == schedule || self.is_asked(&lane) => Lane {
                    probe: probe.clone(),
                    schedule,
                    ..lane
                },
                kept => {
                    let after = kept.map_or(After::Instant(at), |lane| lane.after);
                    self.lane(probe, after, at)
                }
            };
            self.lanes.insert(probe.id.clone(), lane);
        }
    }

    fn is_asked(&self, lane: &Lane) -> bool {
        matches!(self.contents.get(&lane.entry), Some(What::Answered(..)))
    }

    /// A lane that starts next after that, and not before `now`.
    fn lane(&mut self, probe: &Probe, mut after: After, now: Timestamp) -> Lane {
        let schedule = schedule(probe);
        let retrying = self
            .turn
            .as_ref()
            .is_some_and(|turn| turn.retrying(&probe.id));
        if schedule
            .slipped(schedule.next(after, retrying), now)
            .is_some()
        {
            after = After::Instant(now);
        }
        let next = schedule.next(after, retrying).max(now);
        let entry = self.enter(next, Rank::Ask, What::Ask(probe.id.clone()));
        Lane {
            probe: probe.clone(),
            schedule,
            after,
            entry,
        }
    }

    fn ask(&mut self, at: Timestamp, key: u64, id: &ProbeId) {
        let Some(lane) = self.lanes.get(id).filter(|lane| lane.entry == key) else {
            return;
        };
        let probe = lane.probe.clone();
        let Some(source) = self.turn.as_ref().map(|t| t.record().catalogue.source(id)) else {
            return;
        };
        let Some(sample) = world::ask(self.scenario, &probe, source, at) else {
            let later = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
            let lane = self.lane(&probe, After::Instant(later), later);
            self.lanes.insert(probe.id, lane);
            return;
        };
        let took = SignedDuration::from_micros(i64::try_from(sample.took_us).unwrap_or(0));
        let ended = at.checked_add(took).unwrap_or(at);
        let what = What::Answered(at, Box::new(sample));
        let entry = self.enter(ended, Rank::Answered, what);
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.entry = entry;
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
        if self.lanes.get(&id).is_none_or(|lane| lane.entry != key) {
            return Ok(());
        }
        self.samples += 1;
        self.last_sample = self.last_sample.max(Some(sample.at));
        let writer = self.instance.writer();
        if writer.offer(sample.clone()).is_err() {
            // The service would drop it; a rehearsal waits, so that it is the same every time.
            writer.flush()?;
            writer
                .offer(sample.clone())
                .map_err(|_| Error::Inside("the samples are stuck"))?;
        }
        self.must(at, Input::Sampled(sample))?;
        let Some(probe) = self.lanes.get(&id).map(|lane| lane.probe.clone()) else {
            return Ok(());
        };
        let lane = self.lane(&probe, After::Run { started, ended: at }, at);
        self.lanes.insert(id, lane);
        Ok(())
    }

    // Mail.

    /// Begins an attempt for the first notice that may leave.
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
        let answer = world::post(self.scenario, &address.to_string(), at);
        let took = SignedDuration::try_from(answer.took).unwrap_or(SignedDuration::ZERO);
        let ended = at.checked_add(took).unwrap_or(at);
        self.enter(
            ended,
            Rank::Delivered,
            What::Delivered(notice, attempt, answer),
        );
        Ok(())
    }

    // People.

    fn act(&mut self, at: Timestamp, n: usize) -> Result<(), Error> {
        let act = self.scenario.acts[n].clone();
        // The tool acts on a stopped ledger as well; only the service can be restarted or reloaded.
        let away = self.turn.is_none();
        if away && !matches!(act.deed, Deed::Act(_)) {
            self.refuse(at, &act, "the service is stopped".to_owned());
            return Ok(());
        }
        if away {
            let ledger = Ledger::open(self.data)?;
            self.turn = Some(engine::open_unwatched(ledger, &self.instance, at)?);
        }
        let done = self.does(at, n, act);
        if away {
            self.turn = None;
        }
        done
    }

    fn does(&mut self, at: Timestamp, n: usize, act: Act) -> Result<(), Error> {
        let Some(turn) = self.turn.as_ref() else {
            return Err(Error::Inside("the engine was left away"));
        };
        match &act.deed {
            Deed::Service(ServiceDeed::Restart { down_for, kill }) => {
                self.leave(at, n, *down_for, *kill)
            }
            Deed::Service(ServiceDeed::Reload { .. }) => {
                let Some(loaded) = self.reloads.get(&n) else {
                    return Err(Error::Inside("a reload was not read"));
                };
                if *turn.record().catalogue == loaded.catalogue {
                    return Ok(());
                }
                self.renderer = Renderer::new(loaded.templates.as_deref())?;
                let (by, catalogue) = (Actor::scenario(act.by), Box::new(loaded.catalogue.clone()));
                self.must(at, Input::Configure { by, catalogue })?;
                self.fit_lanes(at);
                Ok(())
            }
            Deed::Act(said) => {
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

fn probes_of(catalogue: &Catalogue) -> impl Iterator<Item = &Probe> {
    catalogue.systems.iter().flat_map(|system| &system.probes)
}

fn schedule(probe: &Probe) -> Schedule {
    Schedule::of(&probe.id, probe.interval_ms, probe.retry_interval_ms)
}
