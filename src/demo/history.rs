//! Last month, played on a virtual clock by the same engine, beside the live part: so that a whole
//! month's report can be read at once. It is `nines simulate` in a process of its own, which costs
//! the live part no time and ends with the demo.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use domain::calendar::Month;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::settings;
use super::voice::{Speaker, Voice, count};
use crate::clock;

/// The committee whose report is shown.
pub const COMMITTEE: &str = "operations";

/// The month being played, until dropped.
pub struct History {
    report: PathBuf,
    playing: JoinHandle<Result<(), String>>,
}

/// What `nines simulate --json` says, as far as it is told here.
#[derive(Debug, Deserialize)]
struct Summary {
    samples: u64,
    outages: usize,
    notices: usize,
    refused: Vec<String>,
}

impl History {
    /// Writes the scenario of `month` and starts to play it with `program`; says so when the month
    /// is over.
    ///
    /// # Errors
    /// Its files could not be written.
    pub fn start(
        program: &Path,
        folder: &Path,
        month: Month,
        zone: &TimeZone,
        voice: Arc<Voice>,
    ) -> Result<Self, settings::Error> {
        let scenario = settings::write_history(folder, month, zone)?;
        let out = folder.join("history");
        let report = out.join(format!("reports/{COMMITTEE}-{month}.html"));
        let mut command = Command::new(program);
        command
            .args(["simulate", "--json", "--out"])
            .args([&out, &scenario])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let (written, name) = (report.clone(), month.first().strftime("%B %Y").to_string());
        let playing = tokio::spawn(async move {
            let began = clock::elapsed();
            let summary = play(command)
                .await
                .map_err(|why| format!("{name}: {why}"))?;
            if !written.is_file() {
                return Err(format!("{} was not written", written.display()));
            }
            let took_s = clock::elapsed().saturating_sub(began).as_secs().max(1);
            let text = format!(
                "{name} has been played on a virtual clock in {took_s} s: {} samples, {}, {}. \
                 Its report is there to read.",
                grouped(summary.samples),
                count(summary.outages, "outage"),
                count(summary.notices, "notice"),
            );
            voice.say(Speaker::Demo, &text);
            Ok(())
        });
        Ok(Self { report, playing })
    }

    /// The report that will be there.
    pub fn report(&self) -> &Path {
        &self.report
    }

    /// Whether the month is not over yet.
    pub fn is_playing(&self) -> bool {
        !self.playing.is_finished()
    }

    /// Waits until the month is over.
    ///
    /// # Errors
    /// What went wrong.
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

/// The summary, or what was said on standard error; an act that was refused is a mistake of ours.
async fn play(mut command: Command) -> Result<Summary, String> {
    let output = command.output().await.map_err(|error| error.to_string())?;
    match serde_json::from_slice::<Summary>(&output.stdout) {
        Ok(summary) if output.status.success() => Ok(summary),
        Ok(summary) => Err(summary.refused.join("; ")),
        // It did not come so far; standard error says why.
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
