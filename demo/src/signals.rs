//! The signals that end the demo.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Completes with SIGINT (Ctrl-C), SIGTERM, or SIGHUP (the terminal was closed). Under `nohup`,
/// which ignores SIGHUP, the demo outlives its terminal.
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Asked first: the handler that is installed below replaces the inherited setting.
    let ignored = ignores_hangups();
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv(), if !ignored => {}
        }
    })
}

/// True if this process was started to ignore SIGHUP: the lowest bit of `SigIgn` (proc(5)).
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let last = ignored.and_then(|mask| mask.trim_end().chars().next_back());
    last.and_then(|digit| digit.to_digit(16))
        .is_some_and(|digit| digit & 1 == 1)
}
