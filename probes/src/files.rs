//! Values that are made from files. A run first reads the files that have changed: a check is not part of
//! the run, and slow storage must not hold it up.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use values::Watched;
use values::watched::Check;

/// The shortest time between two checks of a file. `docs/operating.md` says it.
const CHECKED_EVERY: Duration = Duration::from_secs(2);

/// The longest that a run waits for a check.
const PATIENCE: Duration = Duration::from_secs(1);

/// A value that files may change.
pub(crate) enum Current<T> {
    Fixed(Arc<T>),
    Files(Arc<Files<T>>),
}

impl<T: Send + Sync + 'static> Current<T> {
    pub(crate) fn fixed(value: T) -> Self {
        Current::Fixed(Arc::new(value))
    }

    /// # Errors
    ///
    /// The error of `make`.
    pub(crate) fn of_files(
        files: Vec<(PathBuf, Vec<u8>)>,
        make: impl Fn(&[Vec<u8>]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        Ok(Current::Files(Arc::new(Files {
            watched: Watched::new(files, make)?,
            checked_at: Mutex::new(Instant::now()),
        })))
    }

    pub(crate) fn get(&self) -> Arc<T> {
        match self {
            Current::Fixed(value) => Arc::clone(value),
            Current::Files(files) => files.watched.latest(),
        }
    }

    /// Its files, for [`check`].
    pub(crate) fn files(&self) -> Option<Arc<dyn Changing>> {
        match self {
            Current::Fixed(_) => None,
            Current::Files(files) => Some(Arc::<Files<T>>::clone(files)),
        }
    }
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        match self {
            Current::Fixed(value) => Current::Fixed(Arc::clone(value)),
            Current::Files(files) => Current::Files(Arc::clone(files)),
        }
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

pub(crate) struct Files<T> {
    watched: Watched<T>,
    checked_at: Mutex<Instant>,
}

impl<T> fmt::Debug for Files<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Files").field(&self.watched.paths()).finish()
    }
}

/// Files that can be checked for changes.
pub(crate) trait Changing: fmt::Debug + Send + Sync {
    /// True at most once in `CHECKED_EVERY`.
    fn is_due(&self) -> bool;

    /// Blocks on the file system.
    fn check(&self);
}

impl<T: Send + Sync> Changing for Files<T> {
    fn is_due(&self) -> bool {
        let mut checked_at = self
            .checked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = checked_at.elapsed() >= CHECKED_EVERY;
        if due {
            *checked_at = Instant::now();
        }
        due
    }

    fn check(&self) {
        let files = self.watched.paths().iter().map(|path| path.display());
        let files = files.map(|path| path.to_string()).collect::<Vec<_>>();
        let files = files.join(", ");
        match self.watched.check() {
            Check::Same => {}
            Check::Changed => tracing::info!(file = files, "read a changed file again"),
            Check::Failed(error) => tracing::warn!(
                file = files,
                error,
                "cannot use a changed file; the last good content stays in use"
            ),
        }
    }
}

/// Reads the files that have changed. A check that takes too long goes on by itself.
pub(crate) async fn check(files: &[Arc<dyn Changing>]) {
    let due: Vec<_> = files
        .iter()
        .filter(|files| files.is_due())
        .cloned()
        .collect();
    if due.is_empty() {
        return;
    }
    let checks = tokio::task::spawn_blocking(move || due.iter().for_each(|files| files.check()));
    // Without a result the last good content stays in use.
    let _ = timeout(PATIENCE, checks).await;
}
