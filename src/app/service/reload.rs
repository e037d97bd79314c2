//! The running service: waits for its end, and reloads its configuration meanwhile.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::actor::Actor;

use super::alive::Alive;
use super::load::{Prepared, Reader, relays};
use super::{Error, Slips, Start, chain, describe, log_warnings, public_systems};
use crate::clock;
use crate::config::{Fingerprint, Loaded, Log};
use crate::engine::archives::Kept;
use crate::engine::runner::Runner;
use crate::engine::status::removed_while_down;
use crate::engine::{EngineHandle, thread};
use crate::notices::{self, Courier};
use crate::reports::Filer;
use crate::subscriptions::Subscriptions;
use crate::web::{self, ReloadError, Reloaded};

/// How often probes that panicked are restarted.
pub(super) const RESTART_PROBES_EVERY: Duration = Duration::from_secs(30);

/// The running service.
pub(super) struct Service {
    pub(super) start: Start,
    pub(super) reader: Reader,
    pub(super) engine: Arc<EngineHandle>,
    pub(super) runner: Runner,
    pub(super) courier: Arc<Courier>,
    pub(super) filer: Arc<Filer>,
    pub(super) state: Arc<web::AppState>,
    pub(super) public: Arc<web::public::Public>,
    pub(super) proxies: Arc<web::TrustedProxies>,
    pub(super) console: Arc<web::console::Console>,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) kept: Arc<Kept>,
    pub(super) alive: Arc<Alive>,
    pub(super) fixed: FixedSettings,
    /// Of the configuration in force.
    pub(super) fingerprint: Fingerprint,
    /// Of the configuration in force; they are in the log.
    pub(super) slips: Slips,
}

/// The settings that a reload cannot change.
pub(super) struct FixedSettings {
    private: SocketAddr,
    public: Option<SocketAddr>,
    log: Log,
    data: PathBuf,
    /// True if the command line names the data directory.
    data_named: bool,
    socket_group: Option<String>,
}

impl FixedSettings {
    pub(super) fn from(start: &Start, loaded: &Loaded) -> Self {
        Self {
            private: loaded.listen.private,
            public: loaded.listen.public,
            log: loaded.log,
            data: loaded.data.clone(),
            data_named: start.data.is_some(),
            socket_group: loaded.socket_group.clone(),
        }
    }

    /// One sentence for each changed key that needs a restart.
    pub(super) fn waits(&self, loaded: &Loaded) -> Vec<String> {
        let mut waits = Vec::new();
        if loaded.listen.private != self.private {
            waits.push(format!(
                "`private` of [listen] needs a restart: until then the service listens on {}, not on {}",
                self.private, loaded.listen.private
            ));
        }
        if loaded.listen.public != self.public {
            let now = match self.public {
                Some(public) => format!("the service listens on {public}"),
                None => "no public listener is open".to_owned(),
            };
            waits.push(format!(
                "`public` of [listen] needs a restart: until then {now}"
            ));
        }
        if loaded.log != self.log {
            waits.push("`[log]` needs a restart: until then the log stays as it is".to_owned());
        }
        if loaded.data != self.data && !self.data_named {
            waits.push(format!(
                "`data` of [service] needs a restart: the stores are in {} until then, where commands \
                 find the service with --data",
                self.data.display()
            ));
        }
        if loaded.socket_group != self.socket_group {
            waits.push(
                "`socket_group` of [service] needs a restart: until then the same users as \
                 before may use the socket"
                    .to_owned(),
            );
        }
        waits
    }
}

/// A reload that is reading its files, and the requests that wait for it. A signal waits for no answer.
pub(super) struct PendingReload {
    prepared: Pin<Box<dyn Future<Output = Result<Prepared, Error>> + Send>>,
    answers: Vec<web::Reload>,
}

/// Waits for the pending reload's files; for ever if there is no pending reload.
pub(super) async fn read(reading: &mut Option<PendingReload>) -> Result<Prepared, Error> {
    match reading {
        Some(reading) => reading.prepared.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Fails the requests that wait for a reload whose files could not be read in time. Another attempt would
/// take longer than they wait.
pub(super) fn fail_waiting(waiting: impl Iterator<Item = web::Reload>, error: &Error) {
    for answer in waiting {
        let why = format!("an earlier reload was still reading its files: {error}");
        drop(answer.send(Err(ReloadError::Failed(why))));
    }
}

impl Service {
    /// Reloads and restarts probes until `stop` completes. Returns true if the engine ended first.
    pub(super) async fn supervise(
        &mut self,
        stop: impl Future<Output = ()>,
        running: &mut thread::Running,
    ) -> bool {
        tokio::pin!(stop);
        let mut hangups = hangups();
        let mut restart_probes = tokio::time::interval(RESTART_PROBES_EVERY);
        // One reload at a time. Requests during a reload may follow a later change, so they share the
        // next one.
        let mut reading: Option<PendingReload> = None;
        // The socket's connections limit their number.
        let mut waiting: Vec<web::Reload> = Vec::new();
        loop {
            let free = reading.is_none();
            tokio::select! {
                () = &mut stop => return false,
                () = running.ended() => return true,
                prepared = read(&mut reading) => {
                    let answers = reading.take().map(|reading| reading.answers);
                    if let Err(error @ Error::Slow(_)) = &prepared {
                        fail_waiting(waiting.drain(..), error);
                    }
                    self.reloaded(prepared, answers.unwrap_or_default()).await;
                    if !waiting.is_empty() {
                        reading = Some(self.reading(std::mem::take(&mut waiting)));
                    }
                }
                Some(()) = hangups.recv(), if free => reading = Some(self.reading(Vec::new())),
                Some(answer) = self.state.next_reload() => match free {
                    true => reading = Some(self.reading(vec![answer])),
                    false => waiting.push(answer),
                },
                _ = restart_probes.tick() => {
                    let restarted = self.runner.restart_panicked();
                    if restarted > 0 {
                        tracing::error!(restarted, "probes panicked and were restarted");
                    }
                }
            }
        }
    }

    pub(super) fn reading(&self, answers: Vec<web::Reload>) -> PendingReload {
        let (reader, config) = (self.reader.clone(), self.start.config.clone());
        let timeout = Some(reader.timeout);
        PendingReload {
            prepared: Box::pin(async move { reader.read(&config, timeout).await }),
            answers,
        }
    }

    /// Puts a configuration in force and answers the requests.
    pub(super) async fn reloaded(
        &mut self,
        prepared: Result<Prepared, Error>,
        answers: Vec<web::Reload>,
    ) {
        let result = match prepared {
            Ok(prepared) => self.apply(prepared).await,
            Err(error) => Err(error),
        };
        // The log and the status have one line. The answer to `nines reload` names every mistake.
        match &result {
            Ok(reloaded) => {
                self.state.reloaded(None, clock::now());
                tracing::info!("configuration reloaded: {}", reloaded.changes);
            }
            Err(error) => {
                let why = summary(error);
                tracing::error!(
                    "the configuration was NOT reloaded, the old one stays in force: {why}"
                );
                self.state.reloaded(Some(why), clock::now());
            }
        }
        let result = result.map_err(|error| not_taken(&error));
        for answer in answers {
            // The caller may have disconnected.
            drop(answer.send(result.clone()));
        }
    }

    /// Puts the new configuration in force, whole or not at all.
    pub(super) async fn apply(&mut self, prepared: Prepared) -> Result<Reloaded, Error> {
        let Prepared {
            loaded,
            renderer,
            templates,
        } = prepared;
        let slips = Slips::of(&loaded);
        let mut left = removed_while_down(&self.engine.snapshot().record, &loaded.catalogue);
        left.extend(self.fixed.waits(&loaded));
        self.engine
            .configure(Actor::cli(&self.start.by), loaded.catalogue.clone())
            .await?;
        let relays = relays(&loaded);
        self.state.offer(&loaded.probes);
        self.alive.configure(&loaded);
        self.public.beats().replace(&loaded.heartbeats);
        let (systems, url) = public_systems(loaded.public.as_ref());
        self.public.show(loaded.public, templates);
        self.proxies.replace(loaded.listen.trusted_proxies);
        self.console.configure(loaded.console);
        let (public, private) = (self.state.public_tls(), self.state.private_tls());
        public.replace(loaded.listen.public_tls);
        private.replace(loaded.listen.private_tls);
        self.subscriptions.show(systems, url);
        self.runner.check_itself(loaded.self_check);
        self.runner.replace(loaded.probes);
        self.filer.replace(loaded.look);
        self.kept.replace(loaded.samples.keep_months);
        renderer.attach_from(self.filer.folder());
        self.courier.replace(relays, loaded.webhooks, renderer);
        for left in &left {
            tracing::warn!("{left}");
        }
        log_warnings(&slips, &self.slips);
        self.slips = slips;
        let changes = self.fingerprint.changes(&loaded.fingerprint);
        self.fingerprint = loaded.fingerprint;
        Ok(Reloaded { changes, left })
    }
}

/// Why a reload failed, in one line.
fn summary(error: &Error) -> String {
    match error {
        Error::Config(mistakes) => {
            format!("{}; `nines check` shows every mistake", mistakes.summary())
        }
        error => chain(error).replace('\n', " "),
    }
}

/// Distinguishes mistakes in the configuration from other failures.
pub(super) fn not_taken(error: &Error) -> ReloadError {
    let why = describe(error);
    match error {
        Error::Templates(notices::Error::Read { .. }) => ReloadError::Failed(why),
        Error::Config(_) | Error::Templates(_) => ReloadError::Wrong(why),
        _ => ReloadError::Failed(why),
    }
}

/// A channel that receives SIGHUP.
pub(super) fn hangups() -> tokio::sync::mpsc::Receiver<()> {
    let (tell, hangups) = tokio::sync::mpsc::channel(1);
    #[cfg(unix)]
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(mut signal) => {
            tokio::spawn(async move {
                while signal.recv().await.is_some() && tell.send(()).await.is_ok() {}
            });
        }
        Err(error) => tracing::warn!(%error, "SIGHUP cannot be received; use `nines reload`"),
    }
    hangups
}
