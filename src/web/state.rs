//! The state that the listeners share: the engine's handle, its snapshots, and requested reloads.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::act::Act;
use domain::actor::Actor;
use domain::event::Event;
use domain::id::{ProbeId, SystemId};
use domain::notice::Notice;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, mpsc, oneshot};

use super::api::wire;
use super::probe_now::{NotRun, Targets};
use super::tls::ListenerTls;
use crate::config::{Look, ProbeSetup};
use crate::engine::follow_up;
use crate::engine::rehearsal::{Rehearsal, Unable, rehearse};
use crate::engine::snapshot::Snapshot;
use crate::engine::status::{RefusedReload, Status};
use crate::engine::{self, EngineHandle};
use crate::ledger;
use crate::metrics::{Configuration, Detail, Exporter};
use crate::reports::{Filer, filing};
use crate::samples::{Archiver, Writer};

/// How long the engine may be silent while the service is ready.
const ENGINE_SILENT_MAX: SignedDuration = SignedDuration::from_secs(15);

/// The request for an act.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActRequest {
    pub by: String,
    pub act: Act,
    /// Record nothing and send nothing; answer with what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Accept a window that does not count as planned.
    #[serde(default)]
    pub anyway: bool,
    /// Why a text that looks like protected health information is something else.
    #[serde(default)]
    pub not_phi: Option<String>,
}

/// An event as JSON. Other programs rely on its keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub seq: u64,
    pub at: Timestamp,
    pub kind: String,
    pub subject: String,
    pub by: String,
    pub data: serde_json::Value,
}

impl Row {
    /// # Errors
    /// The event cannot be written as JSON.
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

    /// The event again; `None` if this program cannot read it.
    pub fn event(&self) -> Option<Event> {
        let fact = match &self.data {
            Value::Null => json!({ "kind": self.kind }),
            data => json!({ "kind": self.kind, "data": data }),
        };
        Some(Event {
            at: self.at,
            by: Actor::cli(&self.by),
            fact: serde_json::from_value(fact).ok()?,
        })
    }
}

/// The events that an act recorded. They are on the disk.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Receipt {
    pub events: Vec<Row>,
    /// The changes of a reload, as in "1 system changed".
    #[serde(default)]
    pub changes: Option<String>,
    /// The steps that are left for a person.
    #[serde(default)]
    pub left: Vec<String>,
    /// The notices of a dry run.
    #[serde(default)]
    pub notices: Vec<Notice>,
    /// The mails of a dry run on another machine, which rendered them.
    #[serde(skip)]
    pub mails: Vec<wire::Mail>,
    /// The service's zone, in which people read times.
    #[serde(default)]
    pub zone: String,
    /// The operator's name, which mails print.
    #[serde(default)]
    pub service: String,
    /// Whom readers of mails can ask.
    #[serde(default)]
    pub contact: String,
}

impl Receipt {
    /// The answer to an act: its events, or those of its dry run, and what follows from it.
    ///
    /// # Errors
    /// An event cannot be written as JSON.
    pub fn of(
        asked: &ActRequest,
        now: Timestamp,
        rehearsal: Rehearsal,
        recorded: &[(u64, Event)],
    ) -> Result<Self, ledger::Error> {
        let events = match asked.dry_run {
            true => &rehearsal.events,
            false => recorded,
        };
        let rows: Result<_, _> = events
            .iter()
            .map(|(seq, event)| Row::of(*seq, event))
            .collect();
        let (record, notices) = (&rehearsal.record, &rehearsal.notices);
        Ok(Self {
            events: rows?,
            changes: None,
            mails: Vec::new(),
            left: follow_up::sentences(
                record,
                now,
                &asked.act,
                events,
                notices,
                rehearsal.subscribers,
            ),
            zone: record.catalogue.zone.clone(),
            service: record.catalogue.service.clone(),
            contact: crate::notices::contact(&record.catalogue),
            notices: match asked.dry_run {
                true => rehearsal.notices,
                false => Vec::new(),
            },
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Done(Receipt),
    Refused(String),
    /// The request could not be tried.
    Failed(String),
}

/// The answer to a request for a copy of the running month's samples.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyReply {
    /// Its path. The reader removes it.
    Done(PathBuf),
    Failed(String),
}

/// Why a configuration was not reloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadError {
    /// The configuration has mistakes.
    Wrong(String),
    /// The configuration could not be read or put in force.
    Failed(String),
}

/// The result of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// As in "1 system changed".
    pub changes: String,
    /// The steps that are left for a person.
    pub left: Vec<String>,
}

/// Receives the result of a reload, or the reason why it failed.
pub type Reload = oneshot::Sender<Result<Reloaded, ReloadError>>;

/// The state that the listeners share.
pub struct AppState {
    engine: Arc<EngineHandle>,
    samples: Writer,
    archiver: Archiver,
    /// Held while samples are copied.
    copying: AsyncMutex<()>,
    exporter: Exporter,
    loaded_us: AtomicI64,
    /// Set from the first refused reload until one succeeds.
    refused_reload: Mutex<Option<RefusedReload>>,
    ask_reload: mpsc::Sender<Reload>,
    reloads: AsyncMutex<mpsc::Receiver<Reload>>,
    targets: Targets,
    filer: Arc<Filer>,
    public_tls: Arc<ListenerTls>,
    private_tls: Arc<ListenerTls>,
    /// Held while an act is carried out.
    acting: Arc<AsyncMutex<()>>,
}

/// While it is held, no other act is carried out.
pub type Alone = OwnedMutexGuard<()>;

impl AppState {
    /// The listeners' state in front of `engine`; the configuration was loaded at `loaded_at`.
    pub fn new(
        engine: Arc<EngineHandle>,
        (samples, archiver): (Writer, Archiver),
        loaded_at: Timestamp,
        filer: Arc<Filer>,
    ) -> Self {
        let (ask_reload, reloads) = mpsc::channel(4);
        Self {
            engine,
            samples,
            archiver,
            copying: AsyncMutex::default(),
            exporter: Exporter::new(env!("CARGO_PKG_VERSION")),
            loaded_us: AtomicI64::new(loaded_at.as_microsecond()),
            refused_reload: Mutex::new(None),
            ask_reload,
            reloads: AsyncMutex::new(reloads),
            targets: Targets::default(),
            filer,
            public_tls: Arc::new(ListenerTls::new("public")),
            private_tls: Arc::new(ListenerTls::new("private")),
            acting: Arc::default(),
        }
    }

    /// The certificate of the public listener.
    pub fn public_tls(&self) -> &Arc<ListenerTls> {
        &self.public_tls
    }

    /// The certificate of the private listener.
    pub fn private_tls(&self) -> &Arc<ListenerTls> {
        &self.private_tls
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

    /// Runs a configured probe now and tells what happened, for people.
    pub(super) async fn probe_transcript(&self, id: &ProbeId) -> Result<(bool, String), NotRun> {
        self.targets.transcript(id, self.now()).await
    }

    /// Waits for the next requested reload. Only the service itself calls this.
    pub async fn next_reload(&self) -> Option<Reload> {
        self.reloads.lock().await.recv().await
    }

    /// Records a reload, and why it was refused.
    pub fn reloaded(&self, refused: Option<String>, at: Timestamp) {
        if refused.is_none() {
            self.loaded_us.store(at.as_microsecond(), Relaxed);
        }
        let mut known = self.refused_reload();
        let since = known.as_ref().map_or(at, |known| known.since);
        *known = refused.map(|why| RefusedReload { since, why });
    }

    fn refused_reload(&self) -> MutexGuard<'_, Option<RefusedReload>> {
        let known = self.refused_reload.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the service to reload its configuration.
    pub(super) async fn reload(&self) -> Reply {
        let (answer, answered) = oneshot::channel();
        if self.ask_reload.send(answer).await.is_err() {
            return Reply::Failed("the service is stopping".to_owned());
        }
        match answered.await {
            Ok(Ok(Reloaded { changes, left })) => Reply::Done(Receipt {
                changes: Some(changes),
                left,
                ..Receipt::default()
            }),
            Ok(Err(ReloadError::Wrong(why))) => Reply::Refused(why),
            Ok(Err(ReloadError::Failed(why))) => Reply::Failed(why),
            Err(_) => Reply::Failed("the service is stopping".to_owned()),
        }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.engine.snapshot()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Waits until no other act is being carried out. What is read then holds when the act is recorded; only the service
    /// itself may record something meanwhile.
    pub(super) async fn alone(&self) -> Alone {
        Arc::clone(&self.acting).lock_owned().await
    }

    /// The operator's templates, fonts and paper.
    pub(super) fn look(&self) -> Arc<Look> {
        self.filer.look()
    }

    /// Carries out an act, or tries it.
    pub(super) async fn act(&self, by: Actor, asked: ActRequest) -> Reply {
        let alone = self.alone().await;
        self.act_within(alone, by, asked).await
    }

    /// The same, by a caller who waited for the others.
    pub(super) async fn act_within(&self, alone: Alone, by: Actor, mut asked: ActRequest) -> Reply {
        if filing::is_approval(&asked.act) {
            asked.act = match self.filer.with_figures(asked.act).await {
                Ok(act) => act,
                Err(why) => return Reply::Refused(why),
            };
        }
        let now = self.engine.clock().now();
        // It looks at each subscriber.
        let (snapshot, actor, trial) = (self.engine.snapshot(), by.clone(), asked.clone());
        let tried = tokio::task::spawn_blocking(move || {
            let (record, not_phi) = (&snapshot.record, trial.not_phi.as_deref());
            rehearse(record, now, &actor, &trial.act, trial.anyway, not_phi)
        });
        let Ok(tried) = tried.await else {
            return Reply::Failed("the trial broke off; the log says why".to_owned());
        };
        let tried = match tried {
            Err(Unable::Objection(refusal)) => return Reply::Refused(refusal.to_string()),
            Err(Unable::Refused(refusal)) if asked.dry_run => {
                return Reply::Refused(refusal.to_string());
            }
            other => other.ok(),
        };
        let mut recorded = match asked.dry_run {
            true => Vec::new(),
            false => match self
                .engine
                .act(by, asked.act.clone(), asked.not_phi.clone())
                .await
            {
                Ok(receipt) => receipt.events,
                Err(engine::Error::Refused(refusal)) => return Reply::Refused(refusal.to_string()),
                Err(error) => return Reply::Failed(error.to_string()),
            },
        };
        drop(alone);
        let mut unfiled = None;
        if filing::is_approval(&asked.act) && !asked.dry_run {
            match self.file_reports().await {
                Ok(events) => recorded.extend(events),
                Err(why) => {
                    unfiled = Some(format!(
                        "approved, but its files are not written yet and no mail leaves: {why}; the service tries again each minute"
                    ));
                }
            }
        }
        // The engine may know more than the snapshot did.
        let rehearsal = tried.unwrap_or_else(|| Rehearsal {
            events: Vec::new(),
            record: self.engine.snapshot().record.clone(),
            notices: Vec::new(),
            subscribers: 0,
        });
        match Receipt::of(&asked, now, rehearsal, &recorded) {
            Ok(mut receipt) => {
                receipt.left.extend(unfiled);
                Reply::Done(receipt)
            }
            Err(error) => Reply::Failed(error.to_string()),
        }
    }

    /// Copies the committed samples of the running month, one copy at a time. Without a caller who waits for it, the copy is
    /// removed.
    pub async fn copy_samples(self: &Arc<Self>) -> CopyReply {
        let state = Arc::clone(self);
        let (answer, asked) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let _alone = state.copying.lock().await;
            if answer.is_closed() {
                return;
            }
            let archiver = state.archiver.clone();
            let reply = match tokio::task::spawn_blocking(move || archiver.copy_running()).await {
                Ok(Ok(path)) => CopyReply::Done(path),
                Ok(Err(error)) => CopyReply::Failed(error.to_string()),
                Err(_) => CopyReply::Failed("the copy broke off; the log says why".to_owned()),
            };
            if let Err(CopyReply::Done(path)) = answer.send(reply) {
                let _ = std::fs::remove_file(path);
            }
        });
        let broke_off = |_| CopyReply::Failed("the copy broke off; the log says why".to_owned());
        asked.await.unwrap_or_else(broke_off)
    }

    /// Writes the files of approved reports. A caller who disconnects does not stop it.
    async fn file_reports(&self) -> Result<Vec<(u64, Event)>, String> {
        let filer = Arc::clone(&self.filer);
        let filed = tokio::spawn(async move { filer.file_all().await });
        filed
            .await
            .unwrap_or_else(|_| Err("it broke off; the log says why".to_owned()))
    }

    pub(super) fn status(&self) -> Status {
        let snapshot = self.engine.snapshot();
        let shared = self.engine.shared();
        let now = self.engine.clock().now();
        let latest = |probe: &ProbeId| shared.probe(probe)?.latest();
        let (record, head) = (&snapshot.record, &snapshot.head);
        let status =
            Status::of(record, head, now, snapshot.behind, latest).with_self_checks(shared);
        Status {
            refused_reload: self.refused_reload().clone(),
            unusable_certificates: [&self.public_tls, &self.private_tls]
                .into_iter()
                .filter_map(|tls| tls.failure())
                .collect(),
            ..status
        }
    }

    /// The page at `/metrics`.
    pub(super) fn metrics(&self, detail: Detail) -> String {
        let configuration = Configuration {
            loaded_at: Timestamp::from_microsecond(self.loaded_us.load(Relaxed)).ok(),
            last_reload_failed: self.refused_reload().is_some(),
        };
        let shared = self.engine.shared();
        self.exporter
            .page(shared, &self.samples.stats(), configuration, detail)
    }

    /// The part of the page at `/metrics` about these systems.
    ///
    /// # Errors
    /// The id of a system that is not configured.
    pub(super) fn metrics_of(&self, only: &BTreeSet<SystemId>) -> Result<String, SystemId> {
        self.exporter.page_of_systems(self.engine.shared(), only)
    }

    /// The reason why the service is not ready; `None` if it is.
    pub(super) fn unready(&self) -> Option<String> {
        let snapshot = self.engine.snapshot();
        let turned_us = self.engine.shared().counters.turned_us.load(Relaxed);
        not_ready_reason(
            snapshot.behind,
            snapshot.record.monitoring.is_watching(),
            Timestamp::from_microsecond(turned_us).unwrap_or(Timestamp::UNIX_EPOCH),
            self.engine.clock().now(),
            self.samples.stats().failing,
        )
    }
}

/// The gravest reason why the service is not ready. The engine's last turn was at `turned_at`.
fn not_ready_reason(
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
    if now.duration_since(turned_at) > ENGINE_SILENT_MAX {
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
        assert_eq!(
            not_ready_reason(false, true, turned_at, after(15), None),
            None
        );
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
            let said = not_ready_reason(behind, watching, turned_at, after(seconds), failing);
            assert_eq!(said.as_deref(), Some(why));
        }
    }
}
