//! The running service: waits for its end, and reloads its configuration meanwhile.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::actor::Actor;

use super::load::{Prepared, Reader, relays};
use super::{Error, Start, describe};
use crate::clock;
use crate::config::Loaded;
use crate::engine::runner::Runner;
use crate::engine::status::removed_while_down;
use crate::engine::{EngineHandle, thread};
use crate::notices::{self, Courier};
use crate::web::{self, NotTaken};

/// How often probes that panicked are restarted.
pub(super) const MEND_EVERY: Duration = Duration::from_secs(30);

/// What is kept to take another configuration over.
pub(super) struct Service {
    pub(super) start: Start,
    pub(super) reader: Reader,
    pub(super) engine: Arc<EngineHandle>,
    pub(super) runner: Runner,
    pub(super) courier: Arc<Courier>,
    pub(super) state: Arc<web::AppState>,
    pub(super) held: Held,
}

/// What a service keeps until its end, whatever a configuration says meanwhile.
pub(super) struct Held {
    private: SocketAddr,
    data: PathBuf,
    /// Whether the data directory was named on the command line, so that no file says where it is.
    data_named: bool,
}

impl Held {
    pub(super) fn from(start: &Start, loaded: &Loaded) -> Self {
        Self {
            private: loaded.listen.private,
            data: loaded.data.clone(),
            data_named: start.data.is_some(),
        }
    }

    /// The keys of a configuration that take effect with the next start, a sentence each.
    pub(super) fn waits(&self, loaded: &Loaded) -> Vec<String> {
        let mut waits = Vec::new();
        if loaded.listen.private != self.private {
            waits.push(format!(
                "`private` of [listen] needs a restart: {} is listened on until then, not {}",
                self.private, loaded.listen.private
            ));
        }
        if loaded.data != self.data && !self.data_named {
            waits.push(format!(
                "`data` of [service] needs a restart: the stores are in {} until then, where commands \
                 find the service with --data",
                self.data.display()
            ));
        }
        waits
    }
}

/// A configuration being read for a reload, and who waits for what becomes of it: nobody where a
/// signal asked.
pub(super) struct Reading {
    prepared: Pin<Box<dyn Future<Output = Result<Prepared, Error>> + Send>>,
    answers: Vec<web::Reload>,
}

/// What becomes of a reading; for ever nothing where there is none.
pub(super) async fn read(reading: &mut Option<Reading>) -> Result<Prepared, Error> {
    match reading {
        Some(reading) => reading.prepared.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Tells those who wait behind a reading that has come to nothing. To read for them as well would
/// take longer than they wait.
pub(super) fn behind(waiting: impl Iterator<Item = web::Reload>, error: &Error) {
    for answer in waiting {
        let why = format!(
            "an earlier reload was still reading, and nothing was read for this one: {error}"
        );
        drop(answer.send(Err(NotTaken::Failed(why))));
    }
}

impl Service {
    /// Waits for the end, and reloads and mends meanwhile. Whether the engine broke.
    pub(super) async fn supervise(
        &mut self,
        stop: impl Future<Output = ()>,
        running: &mut thread::Running,
    ) -> bool {
        tokio::pin!(stop);
        let mut hangups = hangups();
        let mut mend = tokio::time::interval(MEND_EVERY);
        // One at a time. Who asks meanwhile may have changed a file since, and comes after it: all
        // of them together.
        let mut reading: Option<Reading> = None;
        // At most as many as the socket has connections.
        let mut waiting: Vec<web::Reload> = Vec::new();
        loop {
            let free = reading.is_none();
            tokio::select! {
                () = &mut stop => return false,
                () = running.ended() => return true,
                prepared = read(&mut reading) => {
                    let answers = reading.take().map(|reading| reading.answers);
                    if let Err(error @ Error::Slow(_)) = &prepared {
                        behind(waiting.drain(..), error);
                    }
                    self.reloaded(prepared, answers.unwrap_or_default()).await;
                    if !waiting.is_empty() {
                        reading = Some(self.reading(std::mem::take(&mut waiting)));
                    }
                }
                Some(()) = hangups.recv(), if free => reading = Some(self.reading(Vec::new())),
                Some(answer) = self.state.reload_asked() => match free {
                    true => reading = Some(self.reading(vec![answer])),
                    false => waiting.push(answer),
                },
                _ = mend.tick() => {
                    let restarted = self.runner.restart_panicked();
                    if restarted > 0 {
                        tracing::error!(restarted, "probes panicked and were restarted");
                    }
                }
            }
        }
    }

    pub(super) fn reading(&self, answers: Vec<web::Reload>) -> Reading {
        let (reader, config) = (self.reader.clone(), self.start.config.clone());
        let patience = Some(reader.patience);
        Reading {
            prepared: Box::pin(async move { reader.read(&config, patience).await }),
            answers,
        }
    }

    /// Takes over what was read, if it can be, and tells who asked.
    pub(super) async fn reloaded(
        &mut self,
        prepared: Result<Prepared, Error>,
        answers: Vec<web::Reload>,
    ) {
        let result = match prepared {
            Ok(prepared) => self.take_over(prepared).await,
            Err(error) => Err(error),
        };
        self.state.reloaded(result.is_ok(), clock::now());
        let result = result.map_err(|error| not_taken(&error));
        match &result {
            _ if !answers.is_empty() => {}
            Ok(_) => tracing::info!("the configuration was reloaded"),
            Err(NotTaken::Wrong(why) | NotTaken::Failed(why)) => tracing::error!(
                "the configuration was NOT reloaded, the old one stays in force: {why}"
            ),
        }
        for answer in answers {
            // Whoever asked may have gone.
            drop(answer.send(result.clone()));
        }
    }

    /// All of the new configuration, or nothing of it; and what is left for a person to do.
    pub(super) async fn take_over(&mut self, prepared: Prepared) -> Result<Vec<String>, Error> {
        let Prepared { loaded, renderer } = prepared;
        let mut left = removed_while_down(&self.engine.snapshot().record, &loaded.catalogue);
        left.extend(self.held.waits(&loaded));
        self.engine
            .configure(Actor::cli(&self.start.by), loaded.catalogue.clone())
            .await?;
        let relays = relays(&loaded);
        self.state.offer(&loaded.probes);
        self.runner.replace(loaded.probes);
        self.courier.replace(relays, renderer);
        for left in &left {
            tracing::warn!("{left}");
        }
        Ok(left)
    }
}

/// Why a configuration was not taken over: for what stands in its files, or for something else.
pub(super) fn not_taken(error: &Error) -> NotTaken {
    let why = describe(error);
    match error {
        Error::Templates(notices::Error::Read { .. }) => NotTaken::Failed(why),
        Error::Config(_) | Error::Templates(_) => NotTaken::Wrong(why),
        _ => NotTaken::Failed(why),
    }
}

/// SIGHUP, as a channel; where there is no such signal, one that stays silent.
pub(super) fn hangups() -> tokio::sync::mpsc::Receiver<()> {
    let (tell, hangups) = tokio::sync::mpsc::channel(1);
    #[cfg(unix)]
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(mut signal) => {
            tokio::spawn(async move {
                while signal.recv().await.is_some() && tell.send(()).await.is_ok() {}
            });
        }
        Err(error) => tracing::warn!(%error, "SIGHUP cannot be heard; use `nines reload`"),
    }
    hangups
}
