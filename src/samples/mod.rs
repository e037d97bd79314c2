//! The samples: one DuckDB file per month under `samples/`, written by one thread in batches within
//! a second. Evidence and latency figures; no outage, incident or report rests on it. Stores and
//! answers; it decides nothing. Only this room names duckdb, and [`Instance`] owns every connection
//! of the process: a file opened twice in one process loses rows that were acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::sample::Sample;
use duckdb::{AccessMode, Connection};
use jiff::Timestamp;

mod file;
mod month;
mod opening;
mod read;
mod steps;
mod writer;

#[cfg(test)]
mod tests;

pub use opening::{Check, PREFLIGHT, SetAside, preflight};
pub use writer::{Full, Stats, Writer};

use month::Month;
use writer::{Queue, Shared};

/// Where the files of a data directory lie.
pub const FOLDER: &str = "samples";

/// How many samples may wait for the writer. Ten thousand probes every 30 s fill it in 98 s.
pub const QUEUE: usize = 32_768;

/// How many samples one transaction of the service holds at most.
pub const BATCH: usize = 1_000;

/// How long a batch waits for more samples: with the commit itself well within a second.
const LINGER: Duration = Duration::from_millis(500);

/// How long the writer usually waits before it opens a file anew that could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// What DuckDB may use in memory, for the file that is written and for each older one while it is
/// read.
const MEMORY: &str = "48MB";

/// Why the samples did not do what they were asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This process has these samples open already.
    #[error("{0} is open in this process already")]
    Open(PathBuf),
    /// Written by a later version of Nines.
    #[error(
        "{path} has format {found}, this Nines knows {known}: it needs the version that wrote it, or a later one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format known here.
        known: u32,
    },
    /// Rows that no Nines wrote.
    #[error("samples that cannot be read: {0}")]
    Unreadable(String),
    /// The writer could not write; it goes on trying.
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

// Their words end with those of their causes, which are therefore no sources of theirs: whoever
// prints a chain would say them twice.
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

/// How an instance is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who opens a file first.
    pub check: Check,
    /// A monotonic clock, to time commits with; without one they are not timed.
    pub elapsed: Option<fn() -> Duration>,
    /// How many samples may wait for the writer.
    pub queue: usize,
    /// How many samples one transaction holds at most.
    pub batch: usize,
    /// How long the writer waits before it opens a file anew that could not be written.
    pub retry: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            check: Check::Here,
            elapsed: None,
            queue: QUEUE,
            batch: BATCH,
            retry: RETRY,
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
        crate::files::make_dir(&folder)?;
        let folder = folder.canonicalize()?;
        let claim = Claim::of(folder.clone())?;
        let month = month::running(now, &month::all(&folder)?);
        let mut aside = Vec::new();
        let file = opening::open(&month.file(&folder), &options.check, now, &mut aside)?;
        crate::files::sync_dir(&folder)?;
        let shared = Arc::new(Shared {
            folder,
            queue: Mutex::new(Queue::default()),
            wake: std::sync::Condvar::new(),
            settled: std::sync::Condvar::new(),
            running: Mutex::new(Running {
                month,
                reader: Some(file.reader()?),
                damaged: BTreeMap::new(),
            }),
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

    /// The way in for samples; cheap to clone.
    pub fn writer(&self) -> Writer {
        Writer::new(Arc::clone(&self.shared))
    }

    /// The committed samples of the last two files that started at or after `since`, in order of
    /// their starts and then of their probes.
    pub fn recent(&self, since: Timestamp) -> Result<Vec<Sample>, Error> {
        let mut samples = Vec::new();
        self.each_of_the_last_two(&mut |connection| {
            samples.extend(read::recent(connection, since)?);
            Ok(())
        })?;
        samples.sort_by(|a, b| (a.at, &a.source).cmp(&(b.at, &b.source)));
        Ok(samples)
    }

    /// The latest start of a committed sample in the last two files, of the batches that go no
    /// further than `by`: where the clock was set back, later ones may be there.
    pub fn last_at(&self, by: Timestamp) -> Result<Option<Timestamp>, Error> {
        let mut last = None;
        self.each_of_the_last_two(&mut |connection| {
            last = last.max(read::last_at(connection, by)?);
            Ok(())
        })?;
        Ok(last)
    }

    /// How many samples are committed, in all files.
    pub fn count(&self) -> Result<u64, Error> {
        let mut count = 0;
        self.each(|_, _| true, &mut |connection| {
            count += read::count(connection)?;
            Ok(())
        })?;
        Ok(count)
    }

    /// Files that could not be opened since this instance was, and where they lie now.
    pub fn set_aside(&self) -> Vec<SetAside> {
        lock(&self.shared.aside).clone()
    }

    /// Writes what still waits, ends the writer and closes every connection.
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
        // A writer that panicked has written nothing it acknowledged halfway: DuckDB rolls back.
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
        let months = month::all(&self.shared.folder)?;
        let before = |running: Month| months.iter().rfind(|month| **month < running).copied();
        self.each(
            |month, running| month == running || Some(month) == before(running),
            f,
        )
    }

    /// Hands out a connection to each chosen month's file, in order. One at a time: the files of
    /// other months are open only here, and the running one is not reopened meanwhile.
    fn each(
        &self,
        chosen: impl Fn(Month, Month) -> bool,
        f: &mut dyn FnMut(&Connection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut running = lock(&self.shared.running);
        for month in month::all(&self.shared.folder)? {
            if !chosen(month, running.month) {
                continue;
            }
            if month == running.month {
                let reader = running.reader.as_ref();
                f(reader.ok_or_else(|| Error::Failing("the file is being opened anew".into()))?)?;
            } else if let Some(connection) = self.other(month, &mut running.damaged)? {
                f(&connection)?;
            }
        }
        Ok(())
    }

    /// Opens another month's file to read; `None` where it is damaged or empty. A damaged one is
    /// recorded once and left where it lies: nothing is written to it any more.
    fn other(
        &self,
        month: Month,
        damaged: &mut BTreeMap<Month, bool>,
    ) -> Result<Option<Connection>, Error> {
        let path = month.file(&self.shared.folder);
        let found = match damaged.get(&month) {
            Some(true) => return Ok(None),
            Some(false) => Ok(()),
            None => self.shared.options.check.look(&path),
        };
        let opened = found.map(|()| {
            file::connect(&path, AccessMode::ReadOnly)
                .and_then(|connection| Ok((file::format(&connection)?, connection)))
                .map_err(Error::from)
        });
        let why = match opened {
            Ok(Ok((format, connection))) => {
                damaged.insert(month, false);
                let Some(format) = format else {
                    return Ok(None);
                };
                file::known(format, &path)?;
                return Ok(Some(connection));
            }
            Ok(Err(error)) if opening::is_damage(&error) => error.to_string(),
            Ok(Err(error)) => return Err(error),
            Err(why) => why,
        };
        damaged.insert(month, true);
        lock(&self.shared.aside).push(SetAside { path, why });
        Ok(None)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}

/// The file that is written now, as readers see it.
struct Running {
    month: Month,
    /// `None` while it is closed and opened anew.
    reader: Option<Connection>,
    /// The files of other months that were looked at, and whether they are damaged.
    damaged: BTreeMap<Month, bool>,
}

/// The folders that this process has open. DuckDB's own lock is per process: it would let one
/// process open a file twice, and acknowledged rows would be lost.
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

/// Takes a lock. What it guards is whole between any two statements, so a thread that panicked
/// while holding it has left nothing halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
