//! The runs of each probe, and the changes that no event records yet. Volatile: rebuilt at the
//! start from the last samples. If a commit fails, changes wait here with their true times.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Catalogue;
use crate::detection::{Change, Runs, Settings};
use crate::due::next_due;
use crate::event::{GapCause, Silence, is_set_back};
use crate::id::{ProbeId, Source, SystemId};
use crate::input::Input;
use crate::record::{ProbeRecord, Record, is_open};
use crate::sample::{Outcome, Sample};
use crate::schedule::Pace;
use crate::span::Span;

/// The maximum number of changes that wait while the ledger cannot be written. Beyond it, blips,
/// doubts and repeated bad samples are dropped, since a probe can make any number of them.
const WAITING: usize = 50_000;

/// A change of one probe that no event records yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The time of its decision.
    pub at: Timestamp,
    pub source: Source,
    pub change: Change,
}

/// The runs of every configured probe, and their transitions that no event records yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    sources: BTreeMap<Source, Runs>,
    waiting: Vec<Transition>,
    /// The systems of the changes that wait: the record may be behind about these.
    unsettled: BTreeSet<SystemId>,
    /// Probes with an unconfirmed run towards down, as of the record. Waiting changes are not
    /// included.
    doubted: BTreeSet<Source>,
    /// True if a change was dropped: `doubted` must be computed again.
    dropped: bool,
    /// The start of the monitoring; `None` before the start and after the stop. It stays `None` in
    /// a command that acts on the ledger of a stopped service.
    alive: Option<Timestamp>,
    /// The last sample that was read back: the service was running then.
    read_until: Option<Timestamp>,
    /// The end of the service's previous run, as of its last start.
    died_at: Option<Timestamp>,
    /// The latest known reading of the clock in the previous run, as of the start.
    shown: Option<Timestamp>,
    /// The last monitoring gap. It dates samples that began before its end.
    absent: Option<(Span, GapCause)>,
    /// No probe is overdue before this; `None` if no probe can become overdue. Computed again only
    /// once it has passed, so that a sample needs no search.
    overdue_from: Option<Timestamp>,
    /// The record's next due instant, and the position in the ledger for which it was computed.
    due: (u64, Option<Timestamp>),
    /// The catalogue that the runs match.
    catalogue: Option<Arc<Catalogue>>,
}

impl Watch {
    /// The state of the record, with `recent` samples (in order of time) read back. Samples that
    /// the record includes only restore runs. Later ones also give changes.
    pub fn rebuild(record: &Record, recent: &[Sample]) -> Self {
        let mut watch = Self::default();
        watch.settle(record);
        watch.read_until = recent.iter().map(|s| s.at).max();
        // The end of each probe's samples that the record includes; `None` once a later sample was
        // read.
        let mut known: BTreeMap<&Source, Option<Timestamp>> = BTreeMap::new();
        let mut late = Vec::new();
        let watched_until = record.monitoring.watched_until();
        for sample in recent {
            // A probe that was removed and added again started without runs.
            let Some(stored) = record.probes.get(&sample.source.probe) else {
                continue;
            };
            let life = stored.life.last();
            if life.is_none_or(|(born_at, _)| sample.at < *born_at) {
                continue;
            }
            // The clock was set back over this instant, so the order of its samples is not known.
            if record.monitoring.passes_twice(sample.at) {
                continue;
            }
            let until = known
                .entry(&sample.source)
                .or_insert_with(|| record.taken_in_until(&sample.source.probe));
            if until.is_some_and(|until| sample.at <= until) {
                if let Some(runs) = watch.sources.get_mut(&sample.source) {
                    runs.read_back(sample, stored.silent.iter().map(|s| s.0));
                }
                continue;
            }
            if until.take().is_some() {
                // The next sample may have come in time to continue the run.
                let until = watched_until.min(Some(sample.at));
                late.extend(watch.overlooked(&sample.source, until));
            }
            late.extend(watch.unrecorded(sample));
        }
        let all: Vec<Source> = watch.sources.keys().cloned().collect();
        for source in all.iter().filter(|s| known.get(s) != Some(&None)) {
            late.extend(watch.overlooked(source, watched_until));
        }
        // A stable sort keeps the order within one instant.
        late.sort_by_key(|transition| transition.at);
        for transition in late {
            watch.wait(transition.at, transition.source, transition.change);
        }
        watch.overdue_from = watch.sources.values().filter_map(Runs::overdue_at).min();
        watch
    }

    /// The changes that follow from the samples that the record includes, and that the record
    /// lacks.
    fn overlooked(&mut self, source: &Source, until: Option<Timestamp>) -> Vec<Transition> {
        let Some(runs) = self.sources.get_mut(source) else {
            return Vec::new();
        };
        let at = runs.last_at().unwrap_or(Timestamp::UNIX_EPOCH);
        let changes = runs.catch_up(until);
        if runs.pending() {
            self.doubted.insert(source.clone());
        }
        transitions(at, source, changes).collect()
    }

    /// The changes that follow from a sample that the record does not include, and from a missing
    /// sample before it.
    fn unrecorded(&mut self, sample: &Sample) -> Vec<Transition> {
        let Some(runs) = self.sources.get_mut(&sample.source) else {
            return Vec::new();
        };
        // The service decides at the end of a run.
        let took = SignedDuration::from_micros(i64::try_from(sample.took_us).unwrap_or(0));
        let ended_at = sample.at.checked_add(took).unwrap_or(sample.at);
        let mut late = Vec::new();
        if let Some(overdue) = runs.overdue_at().filter(|overdue| *overdue <= ended_at) {
            late.extend(transitions(overdue, &sample.source, runs.miss()));
        }
        let mut changes = runs.see(sample);
        changes.extend(bad_again(runs, sample, &changes));
        late.extend(transitions(ended_at, &sample.source, changes));
        late
    }

    /// Takes in an input. Call this before [`crate::decide::decide`].
    pub fn observe(&mut self, record: &Record, at: Timestamp, input: &Input) {
        match input {
            Input::Start { alive_until } => {
                let known = self.died(record, at, *alive_until);
                self.shown = record.shown_until(at, known);
                if self.shown.is_some_and(|shown| at < shown) {
                    self.begin_anew(at);
                    self.set_back(at);
                }
                self.alive = Some(at);
                self.listen_from(at);
            }
            Input::Crashed { alive_until } if record.monitoring.is_watching() => {
                let known = self.died(record, at, *alive_until);
                self.shown = record.shown_until(at, known);
            }
            Input::MonitoringGap { span, cause } => {
                // A monitoring gap takes effect when it begins: no probe becomes overdue within it.
                let from = span.from.min(at);
                self.pass_alive(record, from);
                self.silence(from, from, Silence::MonitoringGap);
                if is_set_back(at, *span, *cause) {
                    self.set_back(at);
                }
                self.absent = Some((*span, *cause));
                if self.alive.is_some() {
                    self.listen_from(at);
                }
            }
            _ => {}
        }
        self.pass_alive(record, at);
        match input {
            Input::Sampled(sample) => self.sampled(record, at, sample),
            Input::Stop => {
                self.silence(at, at, Silence::Stopped);
                self.sources.values_mut().for_each(Runs::listen_no_more);
                self.alive = None;
            }
            Input::Start { .. }
            | Input::Crashed { .. }
            | Input::MonitoringGap { .. }
            | Input::CreateLedger { .. }
            | Input::Configure { .. }
            | Input::Tick
            | Input::Act { .. }
            | Input::FileReport(_)
            | Input::RollUp(_)
            | Input::ArchiveSamples(_)
            | Input::DeleteSamples(_)
            | Input::Subscription { .. }
            | Input::Attempt { .. }
            | Input::Delivered { .. } => {}
        }
    }

    /// Ends the previous run of the service. Its last known instant comes from `given` or from the
    /// samples, and is returned.
    fn died(
        &mut self,
        record: &Record,
        at: Timestamp,
        given: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let known = given.max(self.read_until.filter(|_| record.monitoring.is_watching()));
        let until = record.monitoring.alive_until(at, known);
        self.died_at = Some(until);
        if record.monitoring.is_watching() {
            self.pass(record, until);
            // Samples that were read back may be later than an instant at which a probe became
            // overdue.
            self.waiting.sort_by_key(|transition| transition.at);
        }
        self.silence(until, until, Silence::Stopped);
        known
    }

    fn sampled(&mut self, record: &Record, at: Timestamp, sample: &Sample) {
        let dated = match self.dated(at, sample) {
            Some(start) if start == sample.at => Cow::Borrowed(sample),
            Some(start) => Cow::Owned(Sample {
                at: start,
                ..sample.clone()
            }),
            None => return,
        };
        let sample = dated.as_ref();
        let behind = self.unsettled.contains(sample.source.probe.system());
        let Some(runs) = self.sources.get_mut(&sample.source) else {
            return;
        };
        let mut changes = runs.see(sample);
        if let Some(change) = bad_again(runs, sample, &changes)
            && (behind || may_outlast(record, at, &sample.source.probe))
        {
            changes.push(change);
        }
        // After a sample the probe can become overdue again.
        let overdue = runs.overdue_at();
        self.overdue_from = self.overdue_from.into_iter().chain(overdue).min();
        for change in changes {
            self.wait(at, sample.source.clone(), change);
        }
    }

    /// The start of a sample that arrives at `at`, by the present clock, which may have been set
    /// during the run. `None` if the sample began during a stall and does not count.
    fn dated(&self, at: Timestamp, sample: &Sample) -> Option<Timestamp> {
        let start = sample.at.min(at);
        match self.absent {
            Some((span, GapCause::Stalled)) if span.contains(start) => None,
            Some((span, GapCause::ClockStepped)) if start < span.to && span.to <= at => {
                Some(span.to)
            }
            _ => Some(start),
        }
    }

    fn set_back(&mut self, at: Timestamp) {
        self.sources.values_mut().for_each(|runs| runs.set_back(at));
        self.alive = self.alive.map(|alive| alive.min(at));
        self.overdue_from = self.sources.values().filter_map(Runs::overdue_at).min();
    }

    fn begin_anew(&mut self, at: Timestamp) {
        let mut changes = Vec::new();
        for (source, runs) in &mut self.sources {
            changes.extend(runs.begin_anew(at).map(|change| (source.clone(), change)));
        }
        for (source, change) in changes {
            self.wait(at, source, change);
        }
    }

    fn pass_alive(&mut self, record: &Record, at: Timestamp) {
        if self.alive.is_some() {
            self.pass(record, at);
        }
    }

    /// Makes probes whose next sample is overdue at `at` silent from the end of their coverage: their runs end.
    /// Confirms the silence of heartbeats, again and again while it lasts.
    fn pass(&mut self, record: &Record, at: Timestamp) {
        if self.overdue_from.is_none_or(|from| at < from) {
            return;
        }
        let all = self.sources.iter();
        let overdue = all.filter_map(|(source, runs)| Some((runs.overdue_at()?, source.clone())));
        let (mut due, later): (BTreeSet<_>, BTreeSet<_>) =
            overdue.partition(|(from, _)| *from <= at);
        let mut next = later.first().map(|(from, _)| *from);
        while let Some((overdue, source)) = due.pop_first() {
            let Some(runs) = self.sources.get_mut(&source) else {
                continue;
            };
            let mut changes = runs.miss();
            let again = runs.overdue_at();
            if is_stale_still(runs, &changes)
                && (self.unsettled.contains(source.probe.system())
                    || may_outlast(record, overdue, &source.probe))
            {
                changes.extend(runs.last_at().map(|at| Change::Bad { at }));
            }
            // A probe that became overdue before the start is noticed at the start.
            let noticed_at = self.alive.map_or(overdue, |alive| alive.max(overdue));
            for change in changes {
                self.wait(noticed_at, source.clone(), change);
            }
            match again {
                Some(again) if again <= at => {
                    due.insert((again, source));
                }
                again => next = next.into_iter().chain(again).min(),
            }
        }
        self.overdue_from = next;
    }

    /// From `at` on the beats of every heartbeat are heard.
    fn listen_from(&mut self, at: Timestamp) {
        self.sources
            .values_mut()
            .for_each(|runs| runs.listen_from(at));
        self.overdue_from = self.sources.values().filter_map(Runs::overdue_at).min();
    }

    fn silence(&mut self, at: Timestamp, from: Timestamp, cause: Silence) {
        let mut changes = Vec::new();
        for (source, runs) in &mut self.sources {
            changes.extend(runs.silence(from, cause).map(|c| (source.clone(), c)));
        }
        for (source, change) in changes {
            self.wait(at, source, change);
        }
    }

    fn wait(&mut self, at: Timestamp, source: Source, change: Change) {
        let endless = matches!(
            change,
            Change::Blip { .. } | Change::Doubted | Change::Bad { .. } | Change::Slow
        );
        if self.waiting.len() < WAITING || !endless {
            let system = source.probe.system();
            if !self.unsettled.contains(system) {
                self.unsettled.insert(SystemId::from(system));
            }
            self.waiting.push(Transition { at, source, change });
        } else {
            self.dropped = true;
        }
    }

    /// The changes that no event records yet, in the order in which they were decided.
    pub fn waiting(&self) -> &[Transition] {
        &self.waiting
    }

    /// Forgets the changes that `record` now includes, and adopts its configuration. Call this
    /// after a commit was applied, and if there was nothing to commit.
    pub fn settle(&mut self, record: &Record) {
        let changed = !self.waiting.is_empty() || self.dropped;
        self.unsettled.clear();
        for transition in std::mem::take(&mut self.waiting) {
            self.doubt(&transition.source);
        }
        let same = |c: &Arc<Catalogue>| Arc::ptr_eq(c, &record.catalogue);
        if !self.catalogue.as_ref().is_some_and(same) {
            self.refit(record);
        }
        if std::mem::take(&mut self.dropped) {
            let all: Vec<Source> = self.sources.keys().cloned().collect();
            all.iter().for_each(|source| self.doubt(source));
        }
        if self.due.0 != record.seq || changed {
            self.due = (record.seq, next_due(record, &self.doubted));
        }
    }

    fn doubt(&mut self, source: &Source) {
        if self.sources.get(source).is_some_and(Runs::pending) {
            self.doubted.insert(source.clone());
        } else {
            self.doubted.remove(source);
        }
    }

    fn refit(&mut self, record: &Record) {
        // A heartbeat that is expected at new times is heard from now on.
        let now = self.alive.map(|alive| record.as_of.unwrap_or(alive));
        // The runs continue under a new name of the vantage.
        let kept = std::mem::take(&mut self.sources).into_iter();
        let mut kept: BTreeMap<ProbeId, Runs> = kept.map(|(s, runs)| (s.probe, runs)).collect();
        for probe in record.catalogue.systems.iter().flat_map(|s| &s.probes) {
            let settings = Settings::from(probe);
            let known = record.probes.get(&probe.id);
            let source = record.catalogue.source(&probe.id);
            // A probe that replaces a failing one counts as down before its own first sample.
            let succeeds = |runs: &Runs| !runs.is_down() && known.is_some_and(|p| is_open(&p.down));
            let kept = kept.remove(&probe.id).filter(|runs| !succeeds(runs));
            let runs = match kept {
                Some(mut runs) => {
                    if runs.reconfigure(settings)
                        && let Some(now) = now
                    {
                        runs.listen_from(now);
                    }
                    runs
                }
                None => {
                    self.doubted.remove(&source);
                    let mut runs = from_record(settings, &known.cloned().unwrap_or_default());
                    if let Some(now) = now {
                        runs.listen_from(now);
                    }
                    runs
                }
            };
            self.sources.insert(source, runs);
        }
        self.doubted
            .retain(|source| self.sources.contains_key(source));
        self.overdue_from = self.sources.values().filter_map(Runs::overdue_at).min();
        self.catalogue = Some(Arc::clone(&record.catalogue));
    }

    /// How soon the probe must run again.
    pub fn pace(&self, source: &Source) -> Pace {
        self.sources.get(source).map(Runs::pace).unwrap_or_default()
    }

    pub fn runs(&self, source: &Source) -> Option<&Runs> {
        self.sources.get(source)
    }

    /// The probes with an unconfirmed run towards down, without the changes that wait.
    pub fn doubted(&self) -> &BTreeSet<Source> {
        &self.doubted
    }

    /// True between the start and the stop of the service.
    pub fn is_alive(&self) -> bool {
        self.alive.is_some()
    }

    /// The end of the service's previous run, as of its last start.
    pub fn died_at(&self) -> Option<Timestamp> {
        self.died_at
    }

    /// The latest known reading of the clock in the previous run, as of the last start. It is later
    /// than that start if the clock was set back meanwhile.
    pub fn shown(&self) -> Option<Timestamp> {
        self.shown
    }

    /// True if something may be due by `at`. It needs no search if `record` was settled last.
    pub fn may_be_due(&self, record: &Record, at: Timestamp) -> bool {
        let (seq, due) = self.due;
        self.is_alive() && (seq != record.seq || due.is_some_and(|due| due <= at))
    }

    /// No probe is overdue before this; `None` if none will be.
    pub fn overdue_from(&self) -> Option<Timestamp> {
        self.overdue_from
    }
}

fn transitions(
    at: Timestamp,
    source: &Source,
    changes: Vec<Change>,
) -> impl Iterator<Item = Transition> {
    changes.into_iter().map(move |change| Transition {
        at,
        source: source.clone(),
        change,
    })
}

/// A sample that is no better than what is confirmed of its probe already.
fn bad_again(runs: &Runs, sample: &Sample, changes: &[Change]) -> Option<Change> {
    let confirmed = |c: &Change| matches!(c, Change::Down { .. } | Change::Degraded { .. });
    if runs.last_at() != Some(sample.at) || changes.iter().any(confirmed) {
        return None;
    }
    match sample.outcome {
        Outcome::Down if runs.is_down() => Some(Change::Bad { at: sample.at }),
        Outcome::Down | Outcome::Degraded if runs.is_degraded() => Some(Change::Slow),
        _ => None,
    }
}

/// True if a further bad sample of the probe may show that what was planned so far is so no longer.
fn may_outlast(record: &Record, at: Timestamp, probe: &ProbeId) -> bool {
    record.is_excused(probe.system()) || record.lacks_incident(at, &SystemId::from(probe.system()))
}

/// True for a heartbeat that was confirmed down before, and whose silence goes on.
fn is_stale_still(runs: &Runs, changes: &[Change]) -> bool {
    let confirmed = |change: &Change| matches!(change, Change::Down { .. });
    runs.is_heartbeat() && runs.is_down() && !changes.iter().any(confirmed)
}

fn from_record(settings: Settings, known: &ProbeRecord) -> Runs {
    let silent = known.silent.last().filter(|s| s.1.is_none()).map(|s| s.0);
    let edge = |spans: &[(Timestamp, Option<Timestamp>)]| spans.last().map(|s| s.1.unwrap_or(s.0));
    Runs::new(
        settings,
        is_open(&known.down),
        is_open(&known.degraded),
        silent,
    )
    .known_since(edge(&known.down), edge(&known.degraded))
}

/// The next instant at which something may be due without an input. The engine ticks then or later.
/// It is valid for the record that was settled last.
pub fn next_wake(watch: &Watch) -> Option<Timestamp> {
    let (_, due) = watch.due;
    watch.overdue_from().into_iter().chain(due).min()
}
