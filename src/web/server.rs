//! The accept loop. Unlike axum's it limits connections, header fields, and the time that a client takes
//! to send a head or to read an answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};

/// Header fields of a request.
const FIELDS: usize = 64;
/// The pause after the system refused a connection, for example without file descriptors.
const REST: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub connections: usize,
    /// True if a connection may carry one request after another.
    pub keep_alive: bool,
    /// The time for a request's head to arrive.
    pub head: Duration,
    /// The time for a client to read an answer, from the first write that has to wait.
    pub taking: Duration,
    /// The time for requests under way when the service stops.
    pub grace: Duration,
}

/// The limits of listeners for staff.
const LIMITS: Limits = Limits {
    connections: 256,
    // A client that sends many requests and reads nothing blocks one answer only.
    keep_alive: false,
    head: Duration::from_secs(10),
    taking: Duration::from_secs(20),
    grace: Duration::from_secs(5),
};

/// Serves `router` on the connections that `accept` gives, until `stop`. When it returns, no
/// connection is left.
pub(super) async fn serve<S, F>(
    accept: impl Fn() -> F,
    router: Router,
    stop: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<Option<S>>>,
{
    let service = |_: &S| TowerToHyperService::new(router.clone());
    serve_within(LIMITS, accept, service, stop).await;
}

/// The same within `limits`, with a service for each connection.
pub(super) async fn serve_within<S, F, V>(
    limits: Limits,
    accept: impl Fn() -> F,
    service: impl Fn(&S) -> V,
    stop: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<Option<S>>>,
    V: Service<Request<Incoming>, Response = Response<Body>> + Send + 'static,
    V::Future: Send,
    V::Error: std::error::Error + Send + Sync,
{
    let room = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let next = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&room).acquire_owned().await.ok();
            (permit, accept().await)
        };
        // If all connections are used, this waits for a free one or for the stop.
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        while connections.try_join_next().is_some() {}
        let stream = match accepted {
            Ok(Some(stream)) => stream,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(REST).await;
                continue;
            }
        };
        let mut builder = http1::Builder::new();
        builder
            .keep_alive(limits.keep_alive)
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_headers(FIELDS);
        let service = service(&stream);
        let stream = WriteTimeout::new(stream, limits.taking);
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            // A client may close its connection at any time.
            let _ = connection.await;
            drop(permit);
        });
    }
    // Requests that are not finished by then are aborted.
    let _ = timeout(limits.grace, graceful.shutdown()).await;
    connections.shutdown().await;
}

/// A connection that fails if its client reads an answer too slowly. Otherwise a client that never reads
/// would keep its connection for ever.
struct WriteTimeout<S> {
    stream: S,
    taking: Duration,
    /// Runs from the first write that has to wait.
    ends: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    fn new(stream: S, taking: Duration) -> Self {
        Self {
            stream,
            taking,
            ends: None,
        }
    }

    /// `done`, or an error when the client's time is over.
    fn judge<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            return done;
        }
        let taking = self.taking;
        let ends = self.ends.get_or_insert_with(|| Box::pin(sleep(taking)));
        ready!(ends.as_mut().poll(cx));
        let why = "the client does not read its answer";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP stream's flush is always done, and says nothing about a write that waits.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, done)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::sync::{Mutex, mpsc, oneshot};
    use tokio::task::JoinHandle;

    use super::*;

    /// Far longer than what is tested takes, on any machine.
    const LONG: Duration = Duration::from_secs(60);

    struct Service {
        clients: mpsc::Sender<DuplexStream>,
        stop: oneshot::Sender<()>,
        served: JoinHandle<()>,
    }

    /// A listener with room for three, whose page is larger than a client's buffer.
    fn service(taking: Duration) -> Service {
        let limits = Limits {
            connections: 3,
            keep_alive: false,
            head: LONG,
            taking,
            grace: Duration::from_millis(50),
        };
        let (clients, waiting) = mpsc::channel(8);
        let waiting = Arc::new(Mutex::new(waiting));
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let accept = || async { Ok(waiting.lock().await.recv().await) };
            let router = Router::new()
                .route("/page", get(|| async { "x".repeat(4096) }))
                .route("/healthz", get(|| async { "ok" }));
            // A test that has ended stops it as well.
            let stopped = async { drop(stopped.await) };
            let service = |_: &DuplexStream| TowerToHyperService::new(router.clone());
            serve_within(limits, accept, service, stopped).await;
        });
        Service {
            clients,
            stop,
            served,
        }
    }

    async fn client(service: &Service, page: &str) -> DuplexStream {
        let (mut ours, theirs) = duplex(1024);
        // As many as fit, at once.
        let request = format!("GET {page} HTTP/1.1\r\nHost: x\r\n\r\n").repeat(20);
        ours.write_all(request.as_bytes()).await.unwrap();
        service.clients.send(theirs).await.unwrap();
        ours
    }

    #[tokio::test]
    async fn clients_that_do_not_read_make_room() {
        let service = service(Duration::from_millis(20));
        let mut silent = Vec::new();
        for _ in 0..3 {
            silent.push(client(&service, "/page").await);
        }
        let mut asks = client(&service, "/healthz").await;
        let mut answer = [0; 15];
        let answered = timeout(LONG, asks.read_exact(&mut answer)).await;
        answered.expect("there is room again").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        // To read is to be no longer silent: the others may still be given all of it.
        let mut whole = 0;
        for mut one in silent {
            let mut kept = Vec::new();
            one.read_to_end(&mut kept).await.unwrap();
            whole += usize::from(kept.len() >= 4096);
        }
        assert!(whole < 3, "to one at least the rest was never written");
    }

    #[tokio::test]
    async fn a_client_that_asks_many_times_at_once_is_answered_once() {
        let service = service(LONG);
        let mut asks = client(&service, "/healthz").await;
        let mut answers = String::new();
        let read = timeout(LONG, asks.read_to_string(&mut answers)).await;
        read.expect("the connection ends").unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1, "{answers}");
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_is_served() {
        let service = service(LONG);
        let mut asks = client(&service, "/page").await;
        let mut answer = Vec::new();
        while answer.len() < 4096 {
            let mut piece = [0; 100];
            let read = asks.read(&mut piece).await.unwrap();
            assert_ne!(read, 0, "cut off after {} bytes", answer.len());
            answer.extend_from_slice(&piece[..read]);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_stop_ends_a_house_full_of_clients_that_do_not_read() {
        let service = service(LONG);
        let mut silent = Vec::new();
        for _ in 0..5 {
            silent.push(client(&service, "/page").await);
        }
        // Three have got in once each has been sent something.
        for one in &mut silent[..3] {
            one.read_exact(&mut [0; 1]).await.unwrap();
        }
        service.stop.send(()).unwrap();
        let ended = timeout(LONG, service.served).await;
        ended.expect("it ends by itself").unwrap();
    }
}
