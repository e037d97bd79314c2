//! The two clocks of the demo: wall time for what it prints, monotonic time for how long things take.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The present instant by the wall clock.
#[allow(
    clippy::disallowed_methods,
    reason = "the demo's own clock; it shares none with Nines"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The time since this function was first called.
pub fn elapsed() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}
