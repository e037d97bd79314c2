//! The steps of a simulation, in order of time. A step carries all that it needs: handling one costs
//! the logarithm of how many wait.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use domain::catalogue::{Active, Heartbeat};
use domain::id::{NoticeId, ProbeId, Source};
use domain::sample::Sample;
use jiff::Timestamp;

use super::faults::Effects;
use super::scenario::Answer;
use super::world::Draws;
use crate::engine::schedule::{After, Schedule};

/// One step. Of steps at the same instant, ends come before beginnings: in the order written here.
pub(super) enum Step {
    /// The service starts again. The value is its last sign of life.
    Return(Option<Timestamp>),
    Delivered(NoticeId, u32, Box<Answer>),
    Answered(Box<ProbeTask>, Box<Sample>),
    /// A person's act, by its index in the scenario.
    Act(usize),
    Ask(Box<ProbeTask>),
    /// A feed calls, unless a fault silences it.
    Beat(Box<Feed>),
    /// The day before a midnight is rolled up.
    RollUp,
    End,
}

/// An active probe and its schedule.
pub(super) struct ProbeTask {
    pub active: Active,
    pub source: Source,
    pub effects: Effects,
    pub draws: Draws,
    pub schedule: Schedule,
    pub after: After,
}

/// A feed that calls as a heartbeat.
pub(super) struct Feed {
    pub source: Source,
    pub heartbeat: Heartbeat,
    pub effects: Effects,
}

/// A step that waits.
pub(super) struct Entry {
    at: Timestamp,
    /// Counts up: steps of one kind at one instant keep the order in which they were entered.
    key: u64,
    step: Step,
}

/// All steps that wait.
#[derive(Default)]
pub(super) struct Steps {
    heap: BinaryHeap<Entry>,
    entered: u64,
}

impl Steps {
    pub(super) fn enter(&mut self, at: Timestamp, step: Step) {
        let key = self.entered;
        self.entered += 1;
        self.heap.push(Entry { at, key, step });
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Timestamp, Step)> {
        self.heap.pop().map(|entry| (entry.at, entry.step))
    }

    /// The service has ended: only the acts of people and the end of the scenario remain.
    pub(super) fn end_service(&mut self) {
        let remains = |entry: &Entry| matches!(entry.step, Step::Act(_) | Step::End);
        self.heap.retain(remains);
    }

    /// When the last message under way is delivered.
    pub(super) fn last_delivery(&self) -> Option<Timestamp> {
        let all = self.heap.iter();
        let deliveries = all.filter(|entry| matches!(entry.step, Step::Delivered(..)));
        deliveries.map(|entry| entry.at).max()
    }

    /// Ends every feed.
    pub(super) fn end_feeds(&mut self) {
        self.heap
            .retain(|entry| !matches!(entry.step, Step::Beat(_)));
    }

    /// Takes the step of every probe out.
    pub(super) fn take_probes(&mut self) -> BTreeMap<ProbeId, Entry> {
        let mut probes = BTreeMap::new();
        for mut entry in std::mem::take(&mut self.heap) {
            match entry.task().map(|task| task.source.probe.clone()) {
                Some(id) => {
                    probes.insert(id, entry);
                }
                None => self.heap.push(entry),
            }
        }
        probes
    }

    /// Puts a step back in its place.
    pub(super) fn put_back(&mut self, entry: Entry) {
        self.heap.push(entry);
    }
}

impl Entry {
    pub(super) fn task(&mut self) -> Option<&mut ProbeTask> {
        match &mut self.step {
            Step::Ask(task) | Step::Answered(task, _) => Some(task),
            _ => None,
        }
    }

    /// True if the probe has started and has not answered.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.step, Step::Answered(..))
    }

    fn order(&self) -> (Timestamp, u8, u64) {
        let rank = match self.step {
            Step::Return(_) => 0,
            Step::Delivered(..) => 1,
            Step::Answered(..) => 2,
            Step::Act(_) => 3,
            Step::Ask(_) => 4,
            Step::Beat(_) => 5,
            Step::RollUp => 6,
            Step::End => 7,
        };
        (self.at, rank, self.key)
    }
}

/// The heap gives its greatest entry first, so the earliest is the greatest.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.order().cmp(&self.order())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Entry {}
