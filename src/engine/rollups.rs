//! Rolls up the latencies of each local day while the service runs: some minutes after its midnight,
//! and at the start the days that an earlier life left. The file is on the disk before its event.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::latency::{LocalDay, StoredRollup};
use tokio::time::sleep;

use super::handle::EngineHandle;
use crate::samples::{Daily, Error, rollup};

/// How often days without a roll-up are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Counts the samples of a day and writes its file.
///
/// # Errors
/// The samples cannot be read, or the file cannot be written.
pub fn store(daily: &Daily, data: &Path, day: LocalDay) -> Result<StoredRollup, Error> {
    rollup::write(data, &daily.count(day)?)
}

/// Rolls days up until `stop`, one at a time.
pub async fn run(
    engine: Arc<EngineHandle>,
    daily: Daily,
    data: PathBuf,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    loop {
        let pause = match next(&engine, &daily, &data).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => LOOK_AGAIN,
            Err(why) => {
                tracing::error!(why, "the latencies of a day are not rolled up; tried again");
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

/// Rolls up the earliest day that waits. Returns false if none does.
async fn next(engine: &EngineHandle, daily: &Daily, data: &Path) -> Result<bool, String> {
    let now = engine.clock().now();
    let days = engine.snapshot().record.days_to_roll_up(now);
    let Some(day) = days.into_iter().next() else {
        return Ok(false);
    };
    let (daily, data) = (daily.clone(), data.to_owned());
    let work = tokio::task::spawn_blocking(move || store(&daily, &data, day));
    let stored = match work.await {
        Ok(stored) => stored.map_err(|error| error.to_string())?,
        Err(_) => return Err("the count broke off; the log says why".to_owned()),
    };
    let written = engine.roll_up(stored).await;
    written.map_err(|error| error.to_string())?;
    Ok(true)
}
