//! The accept loop. Unlike axum's it limits connections, header fields, the streams of HTTP/2, and the time that a
//! client takes to send a head or to read an answer.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, interval, sleep, timeout};

use super::activity::{Activity, Counting};

/// Header fields of a request.
const FIELDS: usize = 64;
/// The bytes of a request's head.
const HEAD: usize = 64 * 1024;
/// The bytes of the fields of an HTTP/2 request.
const FIELD_LIST: u32 = 16 * 1024;
/// Requests at once on a connection of HTTP/2.
const STREAMS: u32 = 64;
/// Requests that an HTTP/2 client took back before they were looked at. Beyond it the connection ends: the client
/// floods (CVE-2023-44487).
const RESETS: usize = 20;
/// Requests of an HTTP/2 connection that broke the protocol. Beyond it the connection ends.
const ERRORS: usize = 128;
/// The bytes of an answer that wait in an HTTP/2 stream.
const SEND_BUFFER: usize = 64 * 1024;
/// The bytes of request bodies that a client may send ahead.
const WINDOW: u32 = 64 * 1024;
/// How often an HTTP/2 client is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(20);
/// The time for that sign.
const PONG: Duration = Duration::from_secs(10);
/// The pause after the system refused a connection, for example without file descriptors.
const REST: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub connections: usize,
    /// True if a connection of HTTP/1 may carry one request after another.
    pub keep_alive: bool,
    /// The time for a request's head to arrive. In HTTP/1 also the longest pause between two requests.
    pub head: Duration,
    /// The longest pause between two requests of an HTTP/2 connection.
    pub idle: Duration,
    /// The time for a client to read an answer, from the first write that has to wait.
    pub taking: Duration,
    /// The time for requests under way when the service stops.
    pub grace: Duration,
}

/// The limits of listeners for staff.
pub(super) const LIMITS: Limits = Limits {
    connections: 256,
    // A client that sends many requests and reads nothing blocks one answer only.
    keep_alive: false,
    head: Duration::from_secs(10),
    idle: Duration::from_secs(60),
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
    let open = |stream| {
        let service = TowerToHyperService::new(router.clone());
        std::future::ready(Some((stream, service)))
    };
    serve_within(LIMITS, accept, open, stop).await;
}

/// The same within `limits`. `open` makes each connection ready, for example by TLS, and gives it a service of its
/// own.
pub(super) async fn serve_within<A, F, O, S, V>(
    limits: Limits,
    accept: impl Fn() -> F,
    open: impl Fn(A) -> O,
    stop: impl Future<Output = ()>,
) where
    F: Future<Output = io::Result<Option<A>>>,
    O: Future<Output = Option<(S, V)>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    V: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Send + 'static,
    V::Future: Send + 'static,
{
    let room = Arc::new(Semaphore::new(limits.connections));
    let (tell_stop, stopped) = watch::channel(false);
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
        let accepted = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(REST).await;
                continue;
            }
        };
        let opened = open(accepted);
        let mut stopped = stopped.clone();
        connections.spawn(async move {
            let _permit = permit;
            let opened = tokio::select! {
                opened = timeout(limits.head, opened) => opened,
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            if let Ok(Some((stream, service))) = opened {
                carry(limits, stream, service, stopped).await;
            }
        });
    }
    // Requests that are not finished by then are aborted.
    let _ = tell_stop.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(limits.grace, all).await;
    connections.shutdown().await;
}

/// Answers the requests of a connection until it ends, its client is silent for too long, or the service stops.
async fn carry<S, V>(limits: Limits, stream: S, service: V, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    V: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Send + 'static,
    V::Future: Send + 'static,
{
    let activity = Arc::new(Activity::default());
    let service = Counting::new(service, Arc::clone(&activity));
    let stream = TokioIo::new(WriteTimeout::new(stream, limits.taking));
    let builder = builder(&limits);
    let mut connection = pin!(builder.serve_connection(stream, service));
    let silent = async {
        // An HTTP/2 client may send its preface and nothing more.
        sleep(limits.head).await;
        if activity.begun() == 0 {
            return;
        }
        let mut before = None;
        let mut looks = interval(limits.idle / 2);
        loop {
            looks.tick().await;
            let now = activity.at_rest();
            if now.is_some() && now == before {
                return;
            }
            before = now;
        }
    };
    tokio::select! {
        // A client may close its connection at any time.
        _ = connection.as_mut() => return,
        () = silent => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
    // An answer under way is finished, if its client reads it.
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.taking, connection).await;
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .keep_alive(limits.keep_alive)
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD)
        .max_headers(FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(FIELD_LIST)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG);
    builder
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
            idle: LONG,
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
            let open = |stream: DuplexStream| {
                let service = TowerToHyperService::new(router.clone());
                std::future::ready(Some((stream, service)))
            };
            serve_within(limits, accept, open, stopped).await;
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
