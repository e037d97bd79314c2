//! The one thread that writes samples, and the bounded queue to it. Offering never waits: a full
//! queue refuses and counts. A batch that fails is kept until it is known to have landed, or until
//! the instance is closed.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use domain::sample::Sample;
use jiff::Timestamp;

use super::file::File;
use super::month::Month;
use super::opening::{self, SetAside};
use super::{Error, LINGER, Options, Running, lock};

/// The queue is full: the sample was dropped, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many samples wait to be written: one was dropped")]
pub struct Full;

/// How the writing goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Samples committed since the start.
    pub written: u64,
    /// Samples refused by a full queue.
    pub dropped: u64,
    /// Samples given up when the instance was closed while it could not write.
    pub lost: u64,
    /// Samples that wait, those of the batch under way among them.
    pub waiting: u64,
    /// How long the last commit took, in microseconds, where commits are timed.
    pub last_commit_us: Option<u64>,
    /// The start of the newest sample in the last commit.
    pub committed_to: Option<Timestamp>,
    /// Why the last attempt to write failed; `None` while all is well.
    pub failing: Option<String>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Sample>,
    /// Samples ever taken in, and how many of them are on the disk.
    pub(super) accepted: u64,
    pub(super) committed: u64,
    /// Somebody waits until this many are.
    wanted: u64,
    pub(super) stop: bool,
    pub(super) stats: Stats,
}

pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) queue: Mutex<Queue>,
    /// Something to do for the writer.
    pub(super) wake: Condvar,
    /// The writer has committed, or failed.
    pub(super) settled: Condvar,
    pub(super) running: Mutex<Running>,
    pub(super) aside: Mutex<Vec<SetAside>>,
    pub(super) options: Options,
    #[cfg(test)]
    pub(super) sabotage: Mutex<VecDeque<Sabotage>>,
}

/// What a test makes of the next attempt to write.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(super) enum Sabotage {
    /// It fails and nothing lands.
    Before,
    /// It lands, and fails all the same.
    After,
}

/// The way in for samples.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Hands over a sample; it is on the disk within a second. Never waits.
    pub fn offer(&self, sample: Sample) -> Result<(), Full> {
        let mut queue = lock(&self.shared.queue);
        // Those of the batch under way count as well: they are still in memory.
        let waiting = queue.accepted - queue.committed;
        if queue.stop || waiting >= self.shared.options.queue as u64 {
            queue.stats.dropped += 1;
            return Err(Full);
        }
        queue.waiting.push_back(sample);
        queue.accepted += 1;
        let size = queue.waiting.len();
        drop(queue);
        // In between, the writer's own patience ends its wait.
        if size == 1 || size == self.shared.options.batch {
            self.shared.wake.notify_all();
        }
        Ok(())
    }

    /// Waits until every sample offered before is on the disk. An error says that the writer
    /// cannot write just now; it goes on trying.
    pub fn flush(&self) -> Result<(), Error> {
        self.commit(|accepted| accepted)
    }

    /// Waits until there is room for half a queue. An error is that of [`Writer::flush`].
    pub fn make_room(&self) -> Result<(), Error> {
        let half = self.shared.options.queue as u64 / 2;
        self.commit(|accepted| accepted.saturating_sub(half))
    }

    /// Waits until as many samples are on the disk as `goal` makes of all that were accepted.
    fn commit(&self, goal: impl FnOnce(u64) -> u64) -> Result<(), Error> {
        let mut queue = lock(&self.shared.queue);
        let goal = goal(queue.accepted);
        queue.wanted = queue.wanted.max(goal);
        queue.stats.failing = None;
        self.shared.wake.notify_all();
        while queue.committed < goal {
            if let Some(why) = &queue.stats.failing {
                return Err(Error::Failing(why.clone()));
            }
            if queue.stats.lost > 0 {
                return Err(Error::Lost(queue.stats.lost));
            }
            queue = self
                .shared
                .settled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// How the writing goes.
    pub fn stats(&self) -> Stats {
        let queue = lock(&self.shared.queue);
        Stats {
            written: queue.committed,
            waiting: queue.accepted - queue.committed - queue.stats.lost,
            ..queue.stats.clone()
        }
    }
}

/// The thread: takes batches until told to stop and nothing is left.
pub(super) fn run(shared: &Shared, file: File, month: Month) {
    let mut store = Store {
        shared,
        month,
        file: Some(file),
    };
    while let Some(batch) = take(shared) {
        let mut rest = batch.as_slice();
        while !rest.is_empty() {
            let end = store.fitting(rest);
            let (part, later) = rest.split_at(end);
            if !store.commit(part) {
                give_up(shared);
                return;
            }
            rest = later;
        }
    }
    lock(&shared.running).reader = None;
    if let Some(Err(error)) = store.file.take().map(File::close) {
        // Everything is in the file's log: the next opening takes it in.
        lock(&shared.queue).stats.failing = Some(error.to_string());
    }
}

/// Waits for samples, and a little longer for more of them. `None` ends the thread.
fn take(shared: &Shared) -> Option<Vec<Sample>> {
    let queue = lock(&shared.queue);
    let queue = shared
        .wake
        .wait_while(queue, |queue| queue.waiting.is_empty() && !queue.stop)
        .unwrap_or_else(PoisonError::into_inner);
    let (mut queue, _) = shared
        .wake
        .wait_timeout_while(queue, LINGER, |queue| {
            queue.waiting.len() < shared.options.batch
                && !queue.stop
                && queue.wanted <= queue.committed
        })
        .unwrap_or_else(PoisonError::into_inner);
    let size = queue.waiting.len().min(shared.options.batch);
    (size > 0).then(|| queue.waiting.drain(..size).collect())
}

fn give_up(shared: &Shared) {
    lock(&shared.running).reader = None;
    let mut queue = lock(&shared.queue);
    queue.stats.lost = queue.accepted - queue.committed;
    shared.settled.notify_all();
}

struct Store<'a> {
    shared: &'a Shared,
    month: Month,
    /// `None` while it could not be opened anew.
    file: Option<File>,
}

impl Store<'_> {
    /// How many samples from the front go to one file; turns to the next month's first where the
    /// first sample is of it. A late sample goes to the running file.
    fn fitting(&mut self, samples: &[Sample]) -> usize {
        let newer = |sample: &Sample| Month::of(sample.at) > self.month;
        match samples.iter().position(newer) {
            Some(0) => {
                self.turn(Month::of(samples[0].at));
                self.fitting(samples)
            }
            Some(end) => end,
            None => samples.len(),
        }
    }

    /// Leaves the running file; the next commit opens the one of `month`.
    fn turn(&mut self, month: Month) {
        let mut running = lock(&self.shared.running);
        running.reader = None;
        running.month = month;
        self.month = month;
        if let Some(Err(error)) = self.file.take().map(File::close) {
            // Its log keeps everything, and readers take the log in.
            lock(&self.shared.queue).stats.failing = Some(error.to_string());
        }
    }

    /// Writes one part, again and again until it is on the disk. `false`: told to stop
    /// meanwhile, and a last attempt failed too.
    fn commit(&mut self, part: &[Sample]) -> bool {
        // The number that the part has once it has landed, known from the first attempt on.
        let mut number = None;
        let mut last = false;
        loop {
            match self.attempt(part, &mut number) {
                Ok(took_us) => {
                    self.done(part, took_us);
                    return true;
                }
                Err(error) => {
                    // The instance may be invalid: nothing of it is used again.
                    lock(&self.shared.running).reader = None;
                    self.file = None;
                    if last {
                        return false;
                    }
                    last = !self.pause(&error);
                }
            }
        }
    }

    fn attempt(&mut self, part: &[Sample], number: &mut Option<u64>) -> Result<Option<u64>, Error> {
        if self.file.is_none() {
            self.reopen(part)?;
        }
        let Some(file) = &mut self.file else {
            return Err(Error::Failing("no file".into()));
        };
        let before = file.batch();
        if number.is_some_and(|number| before >= number) {
            return Ok(None);
        }
        // A file that took the place of a damaged one counts from its own beginning.
        *number = Some(before + 1);
        let elapsed = self.shared.options.elapsed;
        let start = elapsed.map(|elapsed| elapsed());
        #[cfg(test)]
        let sabotage = lock(&self.shared.sabotage).pop_front();
        #[cfg(test)]
        if let Some(Sabotage::Before) = sabotage {
            return Err(Error::Io(std::io::Error::other("sabotaged")));
        }
        file.write(part)?;
        #[cfg(test)]
        if let Some(Sabotage::After) = sabotage {
            return Err(Error::Io(std::io::Error::other("sabotaged")));
        }
        let took = elapsed.zip(start).map(|(elapsed, start)| elapsed() - start);
        Ok(took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)))
    }

    fn reopen(&mut self, part: &[Sample]) -> Result<(), Error> {
        // Readers of older files wait here, so that no file is open twice.
        let mut running = lock(&self.shared.running);
        let path = self.month.file(&self.shared.folder);
        let now = part
            .iter()
            .map(|sample| sample.at)
            .max()
            .unwrap_or_default();
        let mut aside = Vec::new();
        let opened = opening::open(&path, &self.shared.options.check, now, &mut aside);
        lock(&self.shared.aside).extend(aside);
        let file = opened?;
        crate::files::sync_dir(&self.shared.folder)?;
        running.reader = Some(file.reader()?);
        self.file = Some(file);
        Ok(())
    }

    fn done(&self, part: &[Sample], took_us: Option<u64>) {
        let mut queue = lock(&self.shared.queue);
        queue.committed += part.len() as u64;
        queue.stats.failing = None;
        queue.stats.last_commit_us = took_us.or(queue.stats.last_commit_us);
        queue.stats.committed_to = part.iter().map(|sample| sample.at).max();
        self.shared.settled.notify_all();
    }

    /// Tells that writing fails, and waits a little. `false`: told to stop, so there is time for one
    /// more attempt.
    fn pause(&self, error: &Error) -> bool {
        let mut queue = lock(&self.shared.queue);
        queue.stats.failing = Some(error.to_string());
        self.shared.settled.notify_all();
        let (queue, _) = self
            .shared
            .wake
            .wait_timeout_while(queue, self.shared.options.retry, |queue| !queue.stop)
            .unwrap_or_else(PoisonError::into_inner);
        !queue.stop
    }
}
