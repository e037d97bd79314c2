//! The one thread that writes samples, and its bounded queue. `offer` never waits: a full queue
//! refuses the sample and counts it. A failed batch is kept until it is committed or the instance
//! is closed.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use domain::sample::Sample;
use jiff::{SignedDuration, Timestamp};

use super::file::File;
use super::long_work::LongWork;
use super::month::{Month, Months};
use super::opening::{self, SetAside};
use super::{Error, LINGER, Options, Running, lock};

/// The queue is full: the sample was dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many samples wait to be written: one was dropped")]
pub struct Full;

/// The state of the writer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Samples committed since the start.
    pub written: u64,
    /// Samples refused by a full queue.
    pub dropped: u64,
    /// Samples lost because the instance was closed while it could not write.
    pub lost: u64,
    /// Waiting samples, including the batch under way.
    pub waiting: u64,
    /// The duration of the last commit in microseconds, if commits are measured.
    pub last_commit_us: Option<u64>,
    /// The start of the newest sample in the last commit.
    pub committed_to: Option<Timestamp>,
    /// The error of the last attempt to write, or that no attempt ends; `None` after a success.
    pub failing: Option<String>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Sample>,
    /// Samples ever accepted, and samples on the disk.
    pub(super) accepted: u64,
    pub(super) committed: u64,
    /// A caller waits until `committed` reaches this number.
    wanted: u64,
    /// The end of the last commit, or the first sample that waited after it, on the clock of [`Options::elapsed`].
    progressed: Duration,
    pub(super) stop: bool,
    pub(super) stats: Stats,
}

pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) queue: Mutex<Queue>,
    /// Wakes the writer.
    pub(super) wake: Condvar,
    /// Signals a commit or a failure of the writer.
    pub(super) settled: Condvar,
    pub(super) running: Mutex<Running>,
    /// The archiving of a month.
    pub(super) archiving: LongWork,
    /// The copy of the running month for another process. It has a reader of its own, so the file is not opened anew
    /// meanwhile.
    pub(super) copying: LongWork,
    pub(super) aside: Mutex<Vec<SetAside>>,
    pub(super) options: Options,
    #[cfg(test)]
    pub(super) sabotage: Mutex<VecDeque<Sabotage>>,
}

/// How a test makes the next attempt to write fail.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(super) enum Sabotage {
    /// It fails before the commit.
    Before,
    /// It fails after the commit.
    After,
}

impl Queue {
    fn waiting(&self) -> u64 {
        self.accepted - self.committed - self.stats.lost
    }

    /// True if samples wait and no commit has ended for [`STILL`]: a disk that does not answer reports no error.
    fn stands_still(&self, now: Duration) -> bool {
        self.waiting() > 0 && now.saturating_sub(self.progressed) > STILL
    }
}

/// The handle that takes samples.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Queues a sample, which is on the disk within a second. Never waits.
    pub fn offer(&self, sample: Sample) -> Result<(), Full> {
        let mut queue = lock(&self.shared.queue);
        // Samples of the batch under way count too: they are still in memory.
        let waiting = queue.accepted - queue.committed;
        if queue.stop || waiting >= self.shared.options.queue as u64 {
            queue.stats.dropped += 1;
            return Err(Full);
        }
        if waiting == 0 {
            queue.progressed = self.shared.options.now();
        }
        queue.waiting.push_back(sample);
        queue.accepted += 1;
        let size = queue.waiting.len();
        drop(queue);
        // Otherwise the writer's timeout ends its wait.
        if size == 1 || size == self.shared.options.batch {
            self.shared.wake.notify_all();
        }
        Ok(())
    }

    /// Waits until every sample offered before is on the disk. On an error the writer goes on
    /// trying.
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

    pub fn stats(&self) -> Stats {
        let queue = lock(&self.shared.queue);
        let mut stats = queue.stats.clone();
        stats.written = queue.committed;
        stats.waiting = queue.waiting();
        if stats.failing.is_none() && queue.stands_still(self.shared.options.now()) {
            stats.failing = Some(format!("no commit has ended for {} s", STILL.as_secs()));
        }
        stats
    }
}

/// The thread's loop: writes batches until it is told to stop and the queue is empty.
pub(super) fn run(shared: &Shared, file: Option<File>, month: Month) {
    let mut store = Store {
        shared,
        wanted: month,
        file,
    };
    while let Some(mut rest) = take(shared) {
        while let Some(first) = rest.first() {
            if !rest.iter().any(|sample| store.fits(sample)) {
                store.turn(Month::of(first.at));
            }
            // All of one file together: around a step of the clock the samples of both times alternate.
            let (part, later): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|sample| store.fits(sample));
            if !store.commit(&part) {
                give_up(shared);
                return;
            }
            rest = later;
        }
    }
    lock(&shared.running).reader = None;
    if let Some(Err(error)) = store.file.take().map(File::close) {
        // All rows are in the file's log. The next opening reads it.
        lock(&shared.queue).stats.failing = Some(error.to_string());
    }
}

/// Waits for samples, then a little longer for more. `None` ends the thread.
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

/// The longest time of a commit that works, with much room.
const STILL: Duration = Duration::from_secs(30);

/// A sample that comes this long after its month ended still goes to the file of the running month.
const LATE: SignedDuration = SignedDuration::from_hours(24);

struct Store<'a> {
    shared: &'a Shared,
    /// The month of the samples. An archive is never added to: the file is that of the next month without one.
    wanted: Month,
    /// `None` if it could not be reopened yet.
    file: Option<File>,
}

impl Store<'_> {
    /// True if the sample goes to the running file: it is of its month, or late.
    fn fits(&self, sample: &Sample) -> bool {
        let month = Month::of(sample.at);
        let is_late = || {
            let later = sample.at.saturating_add(LATE).unwrap_or(Timestamp::MAX);
            month < self.wanted && Month::of(later) >= self.wanted
        };
        month == self.wanted || is_late()
    }

    /// Closes the running file. The next commit opens that of `wanted`: also of an earlier month, after the clock was set
    /// back.
    fn turn(&mut self, wanted: Month) {
        let _no_copy = self.shared.copying.break_off();
        // The month may be on its way into an archive.
        let _no_archive = self.shared.archiving.break_off();
        let mut running = lock(&self.shared.running);
        running.reader = None;
        running.month = wanted;
        self.wanted = wanted;
        if let Some(Err(error)) = self.file.take().map(File::close) {
            // Its log has all rows, and readers read the log.
            lock(&self.shared.queue).stats.failing = Some(error.to_string());
        }
    }

    /// Repeats the write of one part until it is on the disk. Returns false if it was told to stop
    /// and the last attempt failed too.
    fn commit(&mut self, part: &[Sample]) -> bool {
        // The part's batch number, known after the first attempt.
        let mut number = None;
        let mut last = false;
        loop {
            match self.attempt(part, &mut number) {
                Ok(took_us) => {
                    self.done(part, took_us);
                    return true;
                }
                Err(error) => {
                    // The DuckDB instance may be invalid, so it is not used again.
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
        // A file that replaces a damaged one has its own batch numbers.
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
        // Readers of older files hold this lock too, so that no file is opened twice.
        let _no_copy = self.shared.copying.break_off();
        let mut running = lock(&self.shared.running);
        let month = Months::of(&self.shared.folder)?.not_archived(self.wanted);
        running.month = month;
        let path = month.file(&self.shared.folder);
        let now = part
            .iter()
            .map(|sample| sample.at)
            .max()
            .unwrap_or_default();
        let mut aside = Vec::new();
        let opened = opening::open(&path, &self.shared.options.check, now, &mut aside);
        for aside in &aside {
            let (file, why) = (aside.path.display(), &aside.why);
            tracing::error!(%file, why, "a damaged samples file was renamed to this name and a new one was created");
        }
        lock(&self.shared.aside).extend(aside);
        let file = opened?;
        crate::files::sync_dir(&self.shared.folder)?;
        running.reader = Some(file.reader()?);
        // A file that was found damaged while another month ran is a new one now.
        running.damaged.remove(&month);
        self.file = Some(file);
        Ok(())
    }

    fn done(&self, part: &[Sample], took_us: Option<u64>) {
        let mut queue = lock(&self.shared.queue);
        queue.committed += part.len() as u64;
        queue.progressed = self.shared.options.now();
        queue.stats.failing = None;
        queue.stats.last_commit_us = took_us.or(queue.stats.last_commit_us);
        queue.stats.committed_to = part.iter().map(|sample| sample.at).max();
        self.shared.settled.notify_all();
    }

    /// Records the error and pauses. Returns false if told to stop; then there is one last attempt.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_stands_still_if_samples_wait_and_no_commit_ends_for_thirty_seconds() {
        let seconds = Duration::from_secs;
        let mut queue = Queue {
            accepted: 5,
            committed: 3,
            progressed: seconds(100),
            ..Queue::default()
        };
        assert!(!queue.stands_still(seconds(130)));
        assert!(queue.stands_still(seconds(131)));
        queue.committed = 5;
        assert!(!queue.stands_still(seconds(1000)), "nothing waits");
    }
}
