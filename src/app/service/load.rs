//! Reads a configuration and everything that it needs before it is put in force: secrets,
//! certificates, templates.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Error;
use crate::config::{self, Loaded, Relay};
use crate::notices::Renderer;

/// How long a reload waits for the files of its configuration: a disk that has gone away may never
/// answer. Shorter than whoever asked for it waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration with all that is made of it before it is put in force.
pub(super) struct Prepared {
    pub(super) loaded: Loaded,
    pub(super) renderer: Arc<Renderer>,
}

pub(super) type Prepare = dyn Fn(&Path) -> Result<Prepared, Error> + Send + Sync;

/// How a configuration is read.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) prepare: Arc<Prepare>,
    /// How long a reload waits for it.
    pub(super) patience: Duration,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            prepare: Arc::new(prepare),
            patience: PATIENCE,
        }
    }
}

impl Reader {
    /// Reads on a thread of its own, which nothing waits for once it is too late: not the
    /// service, and not the end of the process.
    pub(super) async fn read(
        &self,
        file: &Path,
        patience: Option<Duration>,
    ) -> Result<Prepared, Error> {
        let (tell, told) = oneshot::channel();
        let (prepare, file) = (Arc::clone(&self.prepare), file.to_owned());
        let name = "nines-config".to_owned();
        // Nobody may be left to hear it.
        let work = move || drop(tell.send(prepare(&file)));
        std::thread::Builder::new().name(name).spawn(work)?;
        let told = match patience {
            Some(patience) => tokio::time::timeout(patience, told)
                .await
                .map_err(|_| Error::Slow(patience))?,
            None => told.await,
        };
        // A thread that tells nothing has panicked.
        told.map_err(|_| Error::Broken)?
    }
}

/// Reads all files: of the configuration, of its secrets, certificates and templates.
pub(super) fn prepare(file: &Path) -> Result<Prepared, Error> {
    let loaded = config::load(file).map_err(Error::Config)?;
    let renderer = Arc::new(Renderer::new(loaded.templates.as_deref())?);
    Ok(Prepared { loaded, renderer })
}

pub(super) fn relays(loaded: &Loaded) -> Vec<Relay> {
    let mail = loaded.mail.as_ref();
    mail.map(|mail| mail.relays.clone()).unwrap_or_default()
}
