//! `nines events`: the ledger in plain sentences. It only reads, also beside a running service.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;
use domain::record::Record;
use jiff::Timestamp;

use super::args::{self, Common};
use super::client::Client;
use super::output;
use super::{End, Failure};
use crate::ledger::{self, Head, Line, Stored};
use crate::sentence::sentence;

/// How often `--follow` looks for new events.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same on another machine.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Prints the events that are there, and with `--follow` each new one until the reader is gone.
pub fn run(common: &Common, wanted: &args::Events) -> Result<End, Failure> {
    let client = &Client::new(common)?;
    let as_json = common.json;
    let mut reader = Reader {
        record: Record::default(),
        head: Head::default(),
        as_json,
    };
    let since = match &wanted.since {
        Some(written) => {
            let zone = client.zone()?;
            let since = written.instant(&zone);
            Some(since.map_err(|error| Failure::Usage(error.to_string()))?)
        }
        None => None,
    };
    let mut lines = VecDeque::new();
    reader.read(client, &mut |at, line| {
        if since.is_some_and(|since| at < since) {
            return;
        }
        lines.push_back(line);
        if wanted.limit.is_some_and(|limit| lines.len() > limit) {
            lines.pop_front();
        }
    })?;
    let mut is_read = print(lines, as_json)?;
    while wanted.follow && is_read {
        std::thread::sleep(match client.is_remote() {
            true => ASK_EVERY,
            false => LOOK_EVERY,
        });
        let mut lines = VecDeque::new();
        reader.read(client, &mut |_, line| lines.push_back(line))?;
        is_read = lines.is_empty() || print(lines, as_json)?;
    }
    Ok(End::Done)
}

/// Returns false if the reader of standard output is gone.
fn print(lines: VecDeque<String>, as_json: bool) -> Result<bool> {
    let lines: String = lines.into_iter().collect();
    output::print_if_read(&lines, as_json)
}

/// The state and the position up to which the ledger was read.
struct Reader {
    record: Record,
    head: Head,
    as_json: bool,
}

impl Reader {
    /// Passes the lines of all new events to `f`. The ledger is closed between calls, so that a service
    /// that stops can checkpoint its log into one file.
    fn read(&mut self, client: &Client, f: &mut dyn FnMut(Timestamp, String)) -> Result<()> {
        let after = self.head.clone();
        let mut written = Ok(());
        client.replay_after(&after, &mut |stored| {
            self.record.apply(stored.seq, &stored.event);
            match self.line(&stored) {
                Ok(line) => f(stored.event.at, line),
                Err(error) => written = Err(error),
            }
            self.head = Head {
                seq: stored.seq,
                hash: stored.hash,
            };
        })?;
        Ok(written?)
    }

    fn line(&self, stored: &Stored) -> Result<String, ledger::Error> {
        let text = sentence(&stored.event, &self.record);
        if self.as_json {
            let mut line = Line::of(stored)?;
            line.text = Some(text);
            let json = serde_json::to_string(&line)
                .map_err(|error| ledger::Error::Unstorable(error.to_string()))?;
            return Ok(json + "\n");
        }
        let at = stored.event.at.to_zoned(self.record.zone());
        Ok(format!("{}  {text}\n", at.strftime("%Y-%m-%d %H:%M:%S %Z")))
    }
}
