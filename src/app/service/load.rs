//! Reads a configuration and everything that it needs before it is put in force: secrets,
//! certificates, templates.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Error;
use crate::config::{self, Loaded, Relay};
use crate::notices::Renderer;
use crate::web::public::Templates;

/// How long a reload waits for the files: an unreachable disk may never answer. It is shorter than the
/// timeout of `nines reload`.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A configuration that is ready to be put in force.
pub(super) struct Prepared {
    pub(super) loaded: Loaded,
    pub(super) renderer: Arc<Renderer>,
    /// Of the public pages.
    pub(super) templates: Arc<Templates>,
}

pub(super) type Prepare = dyn Fn(&Path) -> Result<Prepared, Error> + Send + Sync;

/// How a configuration is read.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) prepare: Arc<Prepare>,
    pub(super) timeout: Duration,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            prepare: Arc::new(prepare),
            timeout: READ_TIMEOUT,
        }
    }
}

impl Reader {
    /// Reads on a separate thread. After the timeout nothing waits for this thread, not even the end of the
    /// process.
    pub(super) async fn read(
        &self,
        file: &Path,
        timeout: Option<Duration>,
    ) -> Result<Prepared, Error> {
        let (tell, told) = oneshot::channel();
        let (prepare, file) = (Arc::clone(&self.prepare), file.to_owned());
        let name = "nines-config".to_owned();
        // The receiver may have given up.
        let work = move || drop(tell.send(prepare(&file)));
        std::thread::Builder::new().name(name).spawn(work)?;
        let told = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, told)
                .await
                .map_err(|_| Error::Slow(timeout))?,
            None => told.await,
        };
        // A dropped sender means that the thread panicked.
        told.map_err(|_| Error::Broken)?
    }
}

/// Reads all files: the configuration, its secrets, certificates and templates.
pub(super) fn prepare(file: &Path) -> Result<Prepared, Error> {
    let loaded = config::load(file).map_err(Error::Config)?;
    let renderer = Arc::new(Renderer::new(loaded.look.templates.as_ref())?);
    let templates = Arc::new(Templates::new(loaded.look.templates.as_ref())?);
    Ok(Prepared {
        loaded,
        renderer,
        templates,
    })
}

pub(super) fn relays(loaded: &Loaded) -> Vec<Relay> {
    let mail = loaded.mail.as_ref();
    mail.map(|mail| mail.relays.clone()).unwrap_or_default()
}
