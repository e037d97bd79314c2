//! Writes the files of approved reports while the service runs: after an approval, at the start, and
//! again after a failure.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::act::Act;
use domain::event::Event;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::filing;
use crate::config::Look;
use crate::engine::EngineHandle;
use crate::ledger::Ledger;

/// How often reports without files are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The service's writer of report files.
pub struct Filer {
    engine: Arc<EngineHandle>,
    data: PathBuf,
    look: ArcSwap<Look>,
    /// One report at a time: two writers would write the same files.
    turn: Mutex<()>,
}

impl Filer {
    pub fn new(engine: Arc<EngineHandle>, data: PathBuf, look: Look) -> Self {
        Self {
            engine,
            data,
            look: ArcSwap::from_pointee(look),
            turn: Mutex::new(()),
        }
    }

    /// Replaces the operator's templates, fonts and paper.
    pub fn replace(&self, look: Look) {
        self.look.store(Arc::new(look));
    }

    /// The operator's templates, fonts and paper.
    pub fn look(&self) -> Arc<Look> {
        self.look.load_full()
    }

    /// The folder of the files.
    pub fn folder(&self) -> PathBuf {
        self.data.join(filing::FOLDER)
    }

    /// Adds the digest of the figures that the approver read to an approval that names its draft.
    ///
    /// # Errors
    /// There is no such report, or the ledger cannot be read.
    pub async fn with_figures(&self, act: Act) -> Result<Act, String> {
        let data = self.data.clone();
        let work = tokio::task::spawn_blocking(move || {
            filing::with_figures(&Ledger::open_read_only(&data)?, act)
        });
        match work.await {
            Ok(done) => done.map_err(|error| chain(&error)),
            Err(_) => Err("the figures could not be read; the log says why".to_owned()),
        }
    }

    /// Writes the files of every approved report that has none, and records them.
    ///
    /// # Errors
    /// The reason why a report has no files yet. It is tried again.
    pub async fn file_all(&self) -> Result<Vec<(u64, Event)>, String> {
        let _turn = self.turn.lock().await;
        let mut events = Vec::new();
        for (committee, month, revision) in self.engine.snapshot().record.reports.unfiled() {
            let (data, look) = (self.data.clone(), self.look.load_full());
            let work = tokio::task::spawn_blocking(move || {
                let ledger = Ledger::open_read_only(&data)?;
                filing::write(&ledger, &data, &look, &committee, month, &revision)
            });
            let filed = match work.await {
                Ok(Ok(filed)) => filed,
                Ok(Err(error)) => return Err(chain(&error)),
                Err(_) => return Err("the rendering broke off; the log says why".to_owned()),
            };
            match self.engine.file_report(filed).await {
                Ok(receipt) => events.extend(receipt.events),
                Err(error) => return Err(chain(&error)),
            }
        }
        Ok(events)
    }

    /// Writes what an earlier life or a failure left, until `stop`.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            if let Err(why) = self.file_all().await {
                tracing::error!(why, "an approved report has no files yet; tried again");
            }
            tokio::select! {
                () = &mut stop => return,
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
