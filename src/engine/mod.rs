//! The engine alone changes the ledger and the state. Inputs enter through the [`handle`], each
//! takes a [`turn`], readers read the [`snapshot`], and the [`runner`] starts the probes.

pub mod archives;
pub mod counters;
pub mod follow_up;
pub mod handle;
pub mod rehearsal;
pub mod rollups;
pub mod runner;
pub mod schedule;
mod self_check;
pub mod snapshot;
pub mod status;
pub mod thread;
pub mod turn;

pub use handle::{EngineHandle, Error, Receipt};

use domain::input::Input;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::{self, Ledger};
use crate::samples::Instance;
use turn::Turn;

/// Opens the engine on its two stores: the state from the ledger, the probes' runs of equal samples
/// from the last samples before `now`. If the samples cannot be read, only these runs are lost.
///
/// # Errors
/// The ledger cannot be read, or its chain does not hold.
pub fn open(ledger: Ledger, samples: &Instance, now: Timestamp) -> Result<Turn, ledger::Error> {
    let record = ledger::replay_record(&ledger, None)?;
    let recent = match samples.last_at(now) {
        Ok(None) => Vec::new(),
        Ok(Some(last)) => {
            let since = last
                .checked_sub(longest_run(&record))
                .unwrap_or(Timestamp::MIN);
            samples.recent(since).unwrap_or_else(|error| unread(&error))
        }
        Err(error) => unread(&error),
    };
    Ok(Turn::new(ledger, record, &recent))
}

/// Opens the engine for a command that writes while the service is stopped. If the service ended
/// without a stop event, this records that first: a later event must not turn the time without
/// monitoring into monitored time.
///
/// # Errors
/// A store cannot be read, the chain does not hold, or the ledger cannot be written.
pub fn open_unwatched(
    ledger: Ledger,
    samples: &Instance,
    now: Timestamp,
) -> Result<Turn, turn::Error> {
    let alive_until = alive_until(&ledger, samples)?;
    let mut turn = open(ledger, samples, now)?;
    if turn.record().monitoring.is_watching() {
        turn.step(now, Input::Crashed { alive_until }, None)
            .result?;
    }
    Ok(turn)
}

/// When the service that wrote these stores was last alive: its last mark or its last sample. Later
/// than now if the clock was set back since.
///
/// # Errors
/// The ledger cannot be read. Samples that cannot be read do not count.
pub fn alive_until(
    ledger: &Ledger,
    samples: &Instance,
) -> Result<Option<Timestamp>, ledger::Error> {
    let last = samples.last_at(Timestamp::MAX);
    Ok(last.unwrap_or_else(|e| unread(&e)).max(ledger.marked()?))
}

fn unread<T: Default>(error: &crate::samples::Error) -> T {
    let error = error as &dyn std::error::Error;
    tracing::error!(
        error,
        "the last samples cannot be read; pending runs start again"
    );
    T::default()
}

/// How far back a pending run can reach: its samples are at most two and a half intervals apart.
fn longest_run(record: &domain::record::Record) -> SignedDuration {
    let probes = record
        .catalogue
        .systems
        .iter()
        .flat_map(|system| &system.probes);
    let longest_ms = probes.map(|probe| {
        let samples = i64::from(probe.failures().max(probe.recoveries())).saturating_add(1);
        probe.coverage_ms().saturating_mul(samples)
    });
    SignedDuration::from_millis(longest_ms.max().unwrap_or(0))
}

#[cfg(test)]
pub(crate) mod tests;
