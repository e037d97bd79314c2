//! Queries of minutes beside the writer, which the writer or the stop of the service breaks off.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use duckdb::{Connection, InterruptHandle};

use super::{Error, lock};

/// How often a query is broken off until it ends. An interrupt that comes before the query has no effect.
const AGAIN: Duration = Duration::from_millis(10);

/// One piece of work at a time.
#[derive(Default)]
pub(super) struct LongWork {
    /// Held while the work is under way.
    busy: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The service stops: no work begins or goes on.
    stopped: bool,
    query: Option<Arc<InterruptHandle>>,
}

impl LongWork {
    /// Waits until no other work is under way, and begins.
    pub fn begin(&self) -> MutexGuard<'_, ()> {
        lock(&self.busy)
    }

    /// Queries of this connection can be broken off from now on.
    ///
    /// # Errors
    /// The service stops.
    pub fn watch(&self, connection: &Connection) -> Result<(), Error> {
        let mut state = lock(&self.state);
        if state.stopped {
            return Err(Error::Failing("the service stops".into()));
        }
        state.query = Some(connection.interrupt_handle());
        Ok(())
    }

    /// Breaks off the work under way, if there is any, and waits for its end. None begins until the guard is dropped.
    pub fn break_off(&self) -> MutexGuard<'_, ()> {
        loop {
            match self.busy.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    self.interrupt();
                    std::thread::sleep(AGAIN);
                }
            }
        }
    }

    /// Breaks off the work under way, and refuses more. Call it again until the work has ended.
    pub fn stop(&self) {
        lock(&self.state).stopped = true;
        self.interrupt();
    }

    fn interrupt(&self) {
        if let Some(query) = &lock(&self.state).query {
            query.interrupt();
        }
    }
}
