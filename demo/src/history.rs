//! Last month, simulated beside the live part with `nines simulate`, so that the report of a whole
//! month can be read at once.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::configuration;
use crate::console::{Console, Source, count};
use crate::program::Program;
use crate::report::{self, Month};

/// The simulation of a month, until dropped.
pub struct History {
    playing: JoinHandle<Result<(), String>>,
}

/// The keys of `nines simulate --json` that the demo prints.
#[derive(Debug, Deserialize)]
struct Summary {
    samples: u64,
    outages: usize,
    notices: usize,
    refused: Vec<String>,
}

impl History {
    /// Writes the scenario of `month`, starts its simulation, and prints a line when it is done.
    ///
    /// # Errors
    /// A file could not be written.
    pub fn start(
        program: &Program,
        folder: &Path,
        month: Month,
        zone: &TimeZone,
        console: &Arc<Console>,
    ) -> Result<Self, configuration::Error> {
        let scenario = configuration::write_history(folder, month.first, zone)?;
        let (out, console) = (folder.join("history"), Arc::clone(console));
        let mut command = program.command(&["simulate", "--json"]);
        command.arg("--out").args([&out, &scenario]);
        let playing = tokio::spawn(async move {
            // Tokio's monotonic clock: only a duration is measured.
            let began = Instant::now();
            let name = month.name();
            let summary = play(command)
                .await
                .map_err(|why| format!("{name}: {why}"))?;
            let report = report::path(&out, month);
            if !report.is_file() {
                return Err(format!("{} was not written", report.display()));
            }
            let took_s = began.elapsed().as_secs().max(1);
            let text = format!(
                "{name} has been simulated on a virtual clock in {took_s} s: {} samples, {}, {}. \
                 Its report is approved and mailed to the committee as PDF.",
                grouped(summary.samples),
                count(summary.outages, "outage"),
                count(summary.notices, "notice"),
            );
            console.say(Source::Demo, &text);
            Ok(())
        });
        Ok(Self { playing })
    }

    pub fn is_playing(&self) -> bool {
        !self.playing.is_finished()
    }

    /// Waits until the month is simulated.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn finish(&mut self) -> Result<(), String> {
        (&mut self.playing)
            .await
            .map_err(|error| error.to_string())?
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.playing.abort();
    }
}

/// Runs the simulation and reads its summary. A refused act is a mistake of the demo, so it is an
/// error.
async fn play(mut command: Command) -> Result<Summary, String> {
    let output = command.output().await.map_err(|error| error.to_string())?;
    match serde_json::from_slice::<Summary>(&output.stdout) {
        Ok(summary) if output.status.success() => Ok(summary),
        Ok(summary) => Err(summary.refused.join("; ")),
        Err(_) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// `172,800`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(172_800), "172,800");
    }
}
