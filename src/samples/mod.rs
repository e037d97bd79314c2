//! The samples: one DuckDB file per month under `samples/`, written by one thread in batches within
//! a second. They are evidence and latency figures; outages, incidents and reports do not depend on
//! them. This module stores and reads; it decides nothing. Only it uses duckdb. [`Instance`] owns
//! every connection of the process: a file opened twice in one process loses acknowledged rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::sample::Sample;
use duckdb::{AccessMode, Connection};
use jiff::Timestamp;

mod archive;
mod daily;
mod file;
mod long_work;
mod month;
mod opening;
mod read;
pub mod rollup;
pub mod sql;
mod steps;
mod writer;

#[cfg(test)]
mod tests;

pub use archive::Archiver;
pub use daily::Daily;
pub use opening::{Check, PREFLIGHT, SetAside, preflight, set_aside_in};
pub use writer::{Full, Stats, Writer};

use long_work::LongWork;
use month::{Month, Months};
use writer::{Queue, Shared};

/// The folder of the files in a data directory.
pub const FOLDER: &str = "samples";

/// The maximum number of samples that wait for the writer. Ten thousand probes every 30 s fill it
/// in 98 s.
pub const QUEUE: usize = 32_768;

/// The maximum number of samples in one transaction of the service.
pub const BATCH: usize = 1_000;

/// How long a batch waits for more samples. Wait and commit together stay well within a second.
const LINGER: Duration = Duration::from_millis(500);

/// The usual pause before the writer reopens a file after an error.
const RETRY: Duration = Duration::from_secs(1);

/// DuckDB's memory limit for the running file, and for each older file while it is read.
const MEMORY: &str = "48MB";

/// The errors of the samples.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This process has already opened these samples.
    #[error("{0} is open in this process already")]
    Open(PathBuf),
    /// Written by a later version of Nines.
    #[error(
        "{path} has format {found}, this Nines knows {known}: it needs the version that wrote it, or a later one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The format of this program.
        known: u32,
    },
    /// Rows that Nines did not write.
    #[error("samples that cannot be read: {0}")]
    Unreadable(String),
    /// The writer cannot write now. It goes on trying.
    #[error("samples are not being written: {0}")]
    Failing(String),
    /// The writer ended with samples that it could not write.
    #[error("{0} samples could not be written")]
    Lost(u64),
    /// DuckDB refused.
    #[error("samples: {0}")]
    DuckDb(duckdb::Error),
    /// The operating system refused.
    #[error("samples: {0}")]
    Io(std::io::Error),
}

// These messages include their cause. The cause is therefore not a source: a printed chain would
// repeat it.
impl From<duckdb::Error> for Error {
    fn from(error: duckdb::Error) -> Self {
        Error::DuckDb(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Io(error)
    }
}

/// The options of an instance.
#[derive(Clone, Debug)]
pub struct Options {
    /// How a file is checked before it is opened.
    pub check: Check,
    /// A monotonic clock to measure commits, and to notice that none ends. `None` measures nothing.
    pub elapsed: Option<fn() -> Duration>,
    /// The maximum number of samples that wait for the writer.
    pub queue: usize,
    /// The maximum number of samples in one transaction.
    pub batch: usize,
    /// The pause before the writer reopens a file after an error.
    pub retry: Duration,
    /// Opens the samples even if their disk fails: the writer goes on trying. The outages are not in them, and the
    /// monitoring must go on.
    pub open_despite_disk_errors: bool,
}

impl Options {
    /// The monotonic clock; zero without one.
    fn now(&self) -> Duration {
        self.elapsed.map_or(Duration::ZERO, |elapsed| elapsed())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            check: Check::Here,
            elapsed: None,
            queue: QUEUE,
            batch: BATCH,
            retry: RETRY,
            open_despite_disk_errors: false,
        }
    }
}

/// The samples of a data directory: the writer and every reader. One per data directory and process.
pub struct Instance {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    _claim: Claim,
}

impl Instance {
    /// Opens the samples of a data directory with the usual [`Options`], and starts the writer.
    pub fn open(data: &Path, now: Timestamp) -> Result<Instance, Error> {
        Self::open_with(data, now, Options::default())
    }

    /// Opens the samples of a data directory, and starts the writer. `now` chooses the month.
    pub fn open_with(data: &Path, now: Timestamp, options: Options) -> Result<Instance, Error> {
        let folder = data.join(FOLDER);
        crate::files::make_private_dir(&folder)?;
        let folder = folder.canonicalize()?;
        let claim = Claim::of(folder.clone())?;
        archive::clean(&folder)?;
        let month = Months::of(&folder)?.running(now);
        let mut aside = Vec::new();
        let opened = opening::open(&month.file(&folder), &options.check, now, &mut aside);
        let opened = opened.and_then(|file| {
            crate::files::sync_dir(&folder)?;
            Ok((file.reader()?, file))
        });
        let mut queue = Queue::default();
        let (reader, file) = match opened {
            Ok((reader, file)) => (Some(reader), Some(file)),
            Err(error) if options.open_despite_disk_errors && opening::is_of_disk(&error) => {
                tracing::error!(%error, "the samples cannot be opened; monitoring goes on without them until they can");
                queue.stats.failing = Some(error.to_string());
                (None, None)
            }
            Err(error) => return Err(error),
        };
        let shared = Arc::new(Shared {
            folder,
            queue: Mutex::new(queue),
            wake: std::sync::Condvar::new(),
            settled: std::sync::Condvar::new(),
            running: Mutex::new(Running {
                month,
                reader,
                damaged: BTreeMap::new(),
            }),
            archiving: LongWork::default(),
            copying: LongWork::default(),
            aside: Mutex::new(aside),
            options,
            #[cfg(test)]
            sabotage: Mutex::default(),
        });
        let thread = std::thread::Builder::new().name("samples".into()).spawn({
            let shared = Arc::clone(&shared);
            move || writer::run(&shared, file, month)
        })?;
        Ok(Instance {
            shared,
            thread: Some(thread),
            _claim: claim,
        })
    }

    /// The handle that takes samples. Cloning is cheap.
    pub fn writer(&self) -> Writer {
        Writer::new(Arc::clone(&self.shared))
    }

    /// The handle that counts the samples of past days.
    pub fn daily(&self) -> Daily {
        Daily::new(Arc::clone(&self.shared))
    }

    /// The handle that archives finished months.
    pub fn archiver(&self) -> Archiver {
        Archiver::new(Arc::clone(&self.shared))
    }

    /// The committed samples of the last two files that started at or after `since`, in order of
    /// start and probe.
    pub fn recent(&self, since: Timestamp) -> Result<Vec<Sample>, Error> {
        let mut samples = Vec::new();
        self.each_of_the_last_two(&mut |connection| {
            samples.extend(read::recent(connection, since)?);
            Ok(())
        })?;
        samples.sort_by(|a, b| (a.at, &a.source).cmp(&(b.at, &b.source)));
        Ok(samples)
    }

    /// The latest start of a committed sample in the last two files, among the batches that end by
    /// `by`. After the clock was set back there may be later ones.
    pub fn last_at(&self, by: Timestamp) -> Result<Option<Timestamp>, Error> {
        let mut last = None;
        self.each_of_the_last_two(&mut |connection| {
            last = last.max(read::last_at(connection, by)?);
            Ok(())
        })?;
        Ok(last)
    }

    /// The number of committed samples in all files.
    pub fn count(&self) -> Result<u64, Error> {
        let mut count = 0;
        self.shared.each(|_, _| true, &mut |connection| {
            count += read::count(connection)?;
            Ok(())
        })?;
        Ok(count)
    }

    /// Damaged files that this instance found, with their new paths.
    pub fn set_aside(&self) -> Vec<SetAside> {
        lock(&self.shared.aside).clone()
    }

    /// Writes the waiting samples, ends the writer and closes every connection.
    pub fn close(mut self) -> Result<(), Error> {
        self.end();
        match lock(&self.shared.queue).stats.lost {
            0 => Ok(()),
            lost => Err(Error::Lost(lost)),
        }
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        lock(&self.shared.queue).stop = true;
        self.shared.wake.notify_all();
        // If the writer panicked, DuckDB rolls back its transaction. No acknowledged sample is
        // lost.
        if thread.join().is_err() {
            let mut queue = lock(&self.shared.queue);
            queue.stats.lost += queue.accepted - queue.committed;
        }
        lock(&self.shared.running).reader = None;
    }

    fn each_of_the_last_two(
        &self,
        f: &mut dyn FnMut(&Connection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let months = Months::of(&self.shared.folder)?.all();
        let before = |running: Month| months.range(..running).next_back().copied();
        self.shared.each(
            |month, running| month == running || Some(month) == before(running),
            f,
        )
    }
}

impl Shared {
    /// Passes a connection to each chosen month's file to `f`, in order, one at a time. Files of
    /// other months are opened only here. The running file is not reopened meanwhile.
    fn each(
        &self,
        chosen: impl Fn(Month, Month) -> bool,
        f: &mut dyn FnMut(&Connection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut running = lock(&self.running);
        let months = Months::of(&self.folder)?;
        for month in months.all() {
            if !chosen(month, running.month) {
                continue;
            }
            if months.archives.contains(&month) {
                if let Some(connection) = self.archived(month, &mut running.damaged)? {
                    f(&connection)?;
                }
            } else if month == running.month {
                let reader = running.reader.as_ref();
                f(reader.ok_or_else(|| Error::Failing("the file is being opened anew".into()))?)?;
            } else if let Some(connection) = self.other(month, &mut running.damaged)? {
                f(&connection)?;
            }
        }
        Ok(())
    }

    /// Opens another month's file to read; `None` if it is damaged or empty. A damaged file is
    /// recorded once and not renamed, since it is no longer written to.
    fn other(
        &self,
        month: Month,
        damaged: &mut BTreeMap<Month, bool>,
    ) -> Result<Option<Connection>, Error> {
        let path = month.file(&self.folder);
        let found = match damaged.get(&month) {
            Some(true) => return Ok(None),
            Some(false) => Ok(()),
            None => self.options.check.look(&path),
        };
        let opened = found.map(|()| {
            file::connect(&path, AccessMode::ReadOnly)
                .and_then(|connection| Ok((file::format(&connection)?, connection)))
                .map_err(Error::from)
        });
        let opened = self.unless_damaged(month, path.clone(), damaged, opened)?;
        let Some((Some(format), connection)) = opened else {
            return Ok(None);
        };
        file::known(format, &path)?;
        Ok(Some(connection))
    }

    /// Opens another month's archive to read; `None` if it is damaged.
    fn archived(
        &self,
        month: Month,
        damaged: &mut BTreeMap<Month, bool>,
    ) -> Result<Option<Connection>, Error> {
        if damaged.get(&month) == Some(&true) {
            return Ok(None);
        }
        let path = month.archive(&self.folder);
        let opened = archive::open(&path);
        self.unless_damaged(month, path, damaged, Ok(opened))
    }

    /// The opened file; `None` if it is damaged, which is recorded once.
    fn unless_damaged<T>(
        &self,
        month: Month,
        path: PathBuf,
        damaged: &mut BTreeMap<Month, bool>,
        opened: Result<Result<T, Error>, String>,
    ) -> Result<Option<T>, Error> {
        let why = match opened {
            Ok(Ok(opened)) => {
                damaged.insert(month, false);
                return Ok(Some(opened));
            }
            Ok(Err(error)) if opening::is_damage(&error) => error.to_string(),
            Ok(Err(error)) => return Err(error),
            Err(why) => why,
        };
        damaged.insert(month, true);
        lock(&self.aside).push(SetAside { path, why });
        Ok(None)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}

/// The running file as readers see it.
struct Running {
    month: Month,
    /// `None` while the file is reopened.
    reader: Option<Connection>,
    /// The checked files of other months; true if damaged.
    damaged: BTreeMap<Month, bool>,
}

/// The folders that this process has opened. DuckDB's own lock is per process: it would let one
/// process open a file twice and lose acknowledged rows.
static CLAIMED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

struct Claim(PathBuf);

impl Claim {
    fn of(folder: PathBuf) -> Result<Claim, Error> {
        if lock(&CLAIMED).insert(folder.clone()) {
            Ok(Claim(folder))
        } else {
            Err(Error::Open(folder))
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&CLAIMED).remove(&self.0);
    }
}

/// Takes a lock. Each change of its value is one statement, so a poisoned lock still guards a valid
/// value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
