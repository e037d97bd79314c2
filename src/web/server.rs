//! The accept loop of our own: a limit on connections, on heads and on the time they take, which
//! a router's ready-made loop does not have.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections at once on one listener.
const CONNECTIONS: usize = 256;
/// How long a request's head may take to arrive; also how long a kept connection may stay idle.
const HEAD: Duration = Duration::from_secs(10);
/// Header fields of one request.
const FIELDS: usize = 64;
/// How long requests under way may take when the service stops.
const GRACE: Duration = Duration::from_secs(5);
/// How long to rest when the system refuses a connection (no file descriptors): never spin.
const REST: Duration = Duration::from_millis(100);

/// Serves `router` on the connections that `accept` gives, until `stop`.
pub(super) async fn serve<S, F>(
    accept: impl Fn() -> F,
    router: Router,
    stop: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<Option<S>>>,
{
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = accept() => match accepted {
                Ok(Some(stream)) => stream,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(REST).await;
                    continue;
                }
            },
        };
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_headers(FIELDS);
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that breaks off is its own affair.
            let _ = connection.await;
            drop(permit);
        });
    }
    // What is not over by then is cut off.
    let _ = timeout(GRACE, graceful.shutdown()).await;
}
