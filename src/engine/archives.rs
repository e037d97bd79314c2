//! Archives finished months of samples and deletes the oldest archives, while the service runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use tokio::time::{sleep, timeout};

use super::handle::EngineHandle;
use crate::clock;
use crate::samples::{Archiver, Error};

/// How often the files are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);

/// One archive is deleted in so long: a wall clock that ran ahead would delete all at once.
const DELETE_AGAIN: Duration = Duration::from_secs(24 * 3_600);

/// How often a step is asked to break off.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// How many whole months of archives are kept. A reload changes it.
#[derive(Debug)]
pub struct Kept(AtomicU32);

impl Kept {
    pub fn new(months: u32) -> Self {
        Self(AtomicU32::new(months))
    }

    pub fn replace(&self, months: u32) {
        self.0.store(months, Relaxed);
    }

    /// The instant before which archives are deleted.
    fn oldest(&self, now: Timestamp) -> Timestamp {
        let months = Span::new().try_months(self.0.load(Relaxed));
        let zoned = now.to_zoned(TimeZone::UTC);
        let oldest = months.and_then(|months| zoned.checked_sub(months));
        oldest.map_or(Timestamp::MIN, |oldest| oldest.timestamp())
    }
}

/// Archives and deletes until `stop`, one month at a time.
pub async fn run(
    engine: Arc<EngineHandle>,
    archiver: Archiver,
    kept: Arc<Kept>,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    let mut deleted = None;
    loop {
        let step = next(&engine, &archiver, &kept, &mut deleted);
        tokio::pin!(step);
        let done = tokio::select! {
            biased;
            () = &mut stop => {
                // A month may take minutes, and probing has ended.
                while timeout(ASK_AGAIN, &mut step).await.is_err() {
                    archiver.stop();
                }
                return;
            }
            done = &mut step => done,
        };
        let pause = match done {
            Ok(true) => Duration::ZERO,
            Ok(false) => LOOK_AGAIN,
            Err(why) => {
                tracing::error!(
                    why,
                    "the samples of a month are not archived; tried again in an hour"
                );
                LOOK_AGAIN
            }
        };
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = sleep(pause) => {}
        }
    }
}

/// Archives the earliest finished month, else deletes the earliest archive that is too old, at most one a day. Returns
/// false if there is neither. A file goes only after its event. `deleted` is the time of the last deletion since the
/// machine started.
async fn next(
    engine: &EngineHandle,
    archiver: &Archiver,
    kept: &Kept,
    deleted: &mut Option<Duration>,
) -> Result<bool, String> {
    let now = engine.clock().now();
    let written = blocking(archiver, move |archiver| archiver.write_next(now)).await?;
    if let Some(archived) = written {
        let recorded = engine.archive_samples(archived.clone()).await;
        recorded.map_err(|error| error.to_string())?;
        blocking(archiver, move |archiver| archiver.finish(&archived)).await?;
        return Ok(true);
    }
    if deleted.is_some_and(|at| clock::elapsed().saturating_sub(at) < DELETE_AGAIN) {
        return Ok(false);
    }
    let oldest = kept.oldest(now);
    let Some(month) = blocking(archiver, move |archiver| archiver.too_old(oldest)).await? else {
        return Ok(false);
    };
    let recorded = engine.delete_samples(month).await;
    recorded.map_err(|error| error.to_string())?;
    blocking(archiver, move |archiver| archiver.delete(month)).await?;
    *deleted = Some(clock::elapsed());
    Ok(true)
}

async fn blocking<T: Send + 'static>(
    archiver: &Archiver,
    work: impl FnOnce(&Archiver) -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let archiver = archiver.clone();
    match tokio::task::spawn_blocking(move || work(&archiver)).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("the work broke off; the log says why".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_whole_months_are_kept() {
        let oldest = |now: &str| Kept::new(13).oldest(now.parse().unwrap()).to_string();
        assert_eq!(oldest("2026-12-01T00:00:00Z"), "2025-11-01T00:00:00Z");
        assert_eq!(oldest("2026-11-30T23:00:00Z"), "2025-10-30T23:00:00Z");
    }
}
