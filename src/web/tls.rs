//! TLS of a listener, with the certificate that its files hold now.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use values::Watched;
use values::watched::Check;

use crate::clock;
use crate::config::CertificateFiles;
use crate::engine::status::UnusableCertificate;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate of a listener; none if it speaks HTTP.
pub struct ListenerTls {
    /// `public` or `private`.
    listener: &'static str,
    current: ArcSwapOption<Watched<ServerConfig>>,
    failure: Mutex<Option<(Timestamp, String)>>,
}

impl ListenerTls {
    pub(super) fn new(listener: &'static str) -> Self {
        Self {
            listener,
            current: ArcSwapOption::empty(),
            failure: Mutex::default(),
        }
    }

    /// Takes these files from now on, for new connections.
    pub fn replace(&self, files: Option<CertificateFiles>) {
        let made = files.map(CertificateFiles::watched).transpose();
        match made {
            Ok(watched) => {
                self.current.store(watched.map(Arc::new));
                self.found(None);
            }
            Err(why) => self.found(Some(why)),
        }
    }

    /// The handshake of a connection. `None` if this listener speaks HTTP.
    pub(super) fn settings(&self) -> Option<Arc<ServerConfig>> {
        self.current.load().as_ref().map(|watched| watched.latest())
    }

    /// Looks at the files until `stop`.
    pub async fn watch(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = looks.tick() => {}
            }
            let Some(watched) = self.current.load_full() else {
                continue;
            };
            let looked = Arc::clone(&watched);
            // A disk that hangs blocks this task and no handshake.
            let check = tokio::select! {
                () = &mut stop => return,
                check = spawn_blocking(move || looked.check()) => check,
            };
            let is_current = |now: &Arc<Watched<_>>| Arc::ptr_eq(now, &watched);
            if !self.current.load().as_ref().is_some_and(is_current) {
                continue;
            }
            match check {
                Ok(Check::Changed) => {
                    tracing::info!(listener = self.listener, "a changed certificate is in use");
                    self.found(None);
                }
                Ok(Check::Failed(why)) => self.found(Some(why)),
                Ok(Check::Same) if !watched.fails() => self.found(None),
                Ok(Check::Same) | Err(_) => {}
            }
        }
    }

    fn found(&self, why: Option<String>) {
        if let Some(why) = &why {
            tracing::error!(
                listener = self.listener,
                "the certificate in the files cannot be used, the last good one stays in use: {why}"
            );
        }
        let mut known = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let since = known.as_ref().map_or_else(clock::now, |(since, _)| *since);
        *known = why.map(|why| (since, why));
    }

    pub(super) fn failure(&self) -> Option<UnusableCertificate> {
        let known = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, why) = known.clone()?;
        Some(UnusableCertificate {
            listener: self.listener.to_owned(),
            since,
            why,
        })
    }
}

/// # Errors
/// The client does not speak TLS, or shares no version or algorithm with us.
pub(super) async fn handshake(
    settings: Arc<ServerConfig>,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    TlsAcceptor::from(settings).accept(stream).await
}
