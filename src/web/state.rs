//! What the listeners share: the engine's handle, what is shown of it, and the reload that somebody
//! may ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

use domain::act::Act;
use domain::actor::Actor;
use domain::event::Event;
use domain::id::ProbeId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use super::probe_now::{NotRun, Targets};
use crate::config::ProbeSetup;
use crate::engine::status::Status;
use crate::engine::{self, EngineHandle};
use crate::ledger;
use crate::metrics::{Configuration, Exporter};
use crate::samples::Writer;

/// How long the engine may be silent before the service is not ready.
const SILENT: SignedDuration = SignedDuration::from_secs(15);

/// An act that somebody asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Who.
    pub by: String,
    /// What.
    pub act: Act,
}

/// One event, with the keys of SPEC's appendix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number in the ledger.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Who.
    pub by: String,
    /// The rest.
    pub data: serde_json::Value,
}

impl Row {
    /// An event as others may read it.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn of(seq: u64, event: &Event) -> Result<Self, ledger::Error> {
        let (kind, data) = ledger::form(&event.fact)?;
        Ok(Self {
            seq,
            at: event.at,
            kind,
            subject: event.fact.subject(),
            by: event.by.to_string(),
            data: serde_json::from_str(&data).unwrap_or_default(),
        })
    }
}

/// What came of an act: the events, on the disk.
#[derive(Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// In order.
    pub events: Vec<Row>,
    /// What is left for a person to do.
    #[serde(default)]
    pub left: Vec<String>,
}

/// What the socket answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done(Receipt),
    /// Cannot be done, and why.
    Refused(String),
    /// Could not be tried, and why.
    Failed(String),
}

/// Why a configuration was not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is wrong.
    Wrong(String),
    /// It may be right, but could not be read or put in force.
    Failed(String),
}

/// Answers what is left for a person to do, or why the configuration was not taken over.
pub type Reload = oneshot::Sender<Result<Vec<String>, NotTaken>>;

/// What the listeners share.
pub struct AppState {
    engine: Arc<EngineHandle>,
    samples: Writer,
    exporter: Exporter,
    loaded_us: AtomicI64,
    reload_failed: AtomicBool,
    ask_reload: mpsc::Sender<Reload>,
    reloads: AsyncMutex<mpsc::Receiver<Reload>>,
    targets: Targets,
}

impl AppState {
    /// The listeners' state in front of `engine`; the configuration was loaded at `loaded_at`.
    pub fn new(engine: Arc<EngineHandle>, samples: Writer, loaded_at: Timestamp) -> Self {
        let (ask_reload, reloads) = mpsc::channel(4);
        Self {
            engine,
            samples,
            exporter: Exporter::new(env!("CARGO_PKG_VERSION")),
            loaded_us: AtomicI64::new(loaded_at.as_microsecond()),
            reload_failed: AtomicBool::new(false),
            ask_reload,
            reloads: AsyncMutex::new(reloads),
            targets: Targets::default(),
        }
    }

    /// Allows `/probe` to run these probes and no others.
    pub fn offer(&self, setups: &[ProbeSetup]) {
        self.targets.replace(setups);
    }

    /// Runs a configured probe now and returns its metrics.
    pub(super) async fn run_probe(&self, id: &ProbeId) -> Result<String, NotRun> {
        let snapshot = self.engine.snapshot();
        let now = self.engine.clock().now();
        self.targets.run(id, &snapshot.record.catalogue, now).await
    }

    /// The next reload that somebody asks for; only the service itself listens.
    pub async fn reload_asked(&self) -> Option<Reload> {
        self.reloads.lock().await.recv().await
    }

    /// Notes how a reload went.
    pub fn reloaded(&self, taken: bool, at: Timestamp) {
        self.reload_failed.store(!taken, Relaxed);
        if taken {
            self.loaded_us.store(at.as_microsecond(), Relaxed);
        }
    }

    /// Has the configuration taken over anew.
    pub(super) async fn reload(&self) -> Reply {
        let (answer, answered) = oneshot::channel();
        if self.ask_reload.send(answer).await.is_err() {
            return Reply::Failed("the service is stopping".to_owned());
        }
        match answered.await {
            Ok(Ok(left)) => Reply::Done(Receipt {
                events: Vec::new(),
                left,
            }),
            Ok(Err(NotTaken::Wrong(why))) => Reply::Refused(why),
            Ok(Err(NotTaken::Failed(why))) => Reply::Failed(why),
            Err(_) => Reply::Failed("the service is stopping".to_owned()),
        }
    }

    /// Does what a person asks for.
    pub(super) async fn act(&self, asked: Asked) -> Reply {
        match self.engine.act(Actor::cli(asked.by), asked.act).await {
            Ok(receipt) => {
                let rows: Result<_, _> = receipt
                    .events
                    .iter()
                    .map(|(seq, event)| Row::of(*seq, event))
                    .collect();
                match rows {
                    Ok(events) => Reply::Done(Receipt {
                        events,
                        left: Vec::new(),
                    }),
                    Err(error) => Reply::Failed(error.to_string()),
                }
            }
            Err(engine::Error::Refused(refusal)) => Reply::Refused(refusal.to_string()),
            Err(error) => Reply::Failed(error.to_string()),
        }
    }

    /// What is wrong now.
    pub(super) fn status(&self) -> Status {
        let snapshot = self.engine.snapshot();
        let shared = self.engine.shared();
        let now = self.engine.clock().now();
        Status::of(
            &snapshot.record,
            &snapshot.head,
            now,
            snapshot.behind,
            |probe| shared.probe(probe)?.latest(),
        )
    }

    /// The page at `/metrics`.
    pub(super) fn metrics(&self) -> String {
        let configuration = Configuration {
            loaded_at: Timestamp::from_microsecond(self.loaded_us.load(Relaxed)).ok(),
            last_reload_failed: self.reload_failed.load(Relaxed),
        };
        let shared = self.engine.shared();
        self.exporter
            .page(shared, &self.samples.stats(), configuration)
    }

    /// Why the service does not do its work, if it does not.
    pub(super) fn unready(&self) -> Option<String> {
        let snapshot = self.engine.snapshot();
        let turned_us = self.engine.shared().counters.turned_us.load(Relaxed);
        amiss(
            snapshot.behind,
            snapshot.record.watching,
            Timestamp::from_microsecond(turned_us).unwrap_or(Timestamp::UNIX_EPOCH),
            self.engine.clock().now(),
            self.samples.stats().failing,
        )
    }
}

/// The gravest of what keeps a service from its work: its ledger, its start, its engine (which
/// turned last at `turned_at`), its samples.
fn amiss(
    behind: bool,
    watching: bool,
    turned_at: Timestamp,
    now: Timestamp,
    failing: Option<String>,
) -> Option<String> {
    if behind {
        return Some("the ledger cannot be written".to_owned());
    }
    if !watching {
        return Some("not watching".to_owned());
    }
    if now.duration_since(turned_at) > SILENT {
        return Some(format!("the engine has been silent since {turned_at}"));
    }
    failing.map(|why| format!("samples cannot be stored: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_what_is_amiss() {
        let turned_at = Timestamp::UNIX_EPOCH;
        let after = |seconds| turned_at + SignedDuration::from_secs(seconds);
        let full = || Some("disk full".to_owned());
        assert_eq!(amiss(false, true, turned_at, after(15), None), None);
        for (behind, watching, seconds, failing, why) in [
            (true, false, 16, full(), "the ledger cannot be written"),
            (false, false, 16, full(), "not watching"),
            (
                false,
                true,
                16,
                full(),
                "the engine has been silent since 1970-01-01T00:00:00Z",
            ),
            (
                false,
                true,
                15,
                full(),
                "samples cannot be stored: disk full",
            ),
        ] {
            let said = amiss(behind, watching, turned_at, after(seconds), failing);
            assert_eq!(said.as_deref(), Some(why));
        }
    }
}
