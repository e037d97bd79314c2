//! The public listener: feeds call it as a heartbeat. Whoever asks for anything else gets the same answer as for a
//! wrong token.

mod beats;
mod peers;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::map_response;
use axum::response::IntoResponse;
use axum::routing::any;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use self::peers::{Peers, Place};
use super::server::{self, Limits};
use crate::clock;
use crate::engine::EngineHandle;

pub use self::beats::Beats;

const LIMITS: Limits = Limits {
    connections: 1_024,
    keep_alive: true,
    // Also the longest pause between two requests of a connection.
    head: Duration::from_secs(10),
    taking: Duration::from_secs(20),
    grace: Duration::from_secs(5),
};

/// The state of the public listener.
pub struct Public {
    engine: Arc<EngineHandle>,
    beats: Beats,
    peers: Arc<Peers>,
}

impl Public {
    pub fn new(engine: Arc<EngineHandle>) -> Self {
        Self {
            engine,
            beats: Beats::default(),
            peers: Arc::default(),
        }
    }

    /// The tokens that feeds may call with.
    pub fn beats(&self) -> &Beats {
        &self.beats
    }
}

/// Serves the public listener until `stop`.
pub async fn serve(listener: TcpListener, state: Arc<Public>, stop: impl Future<Output = ()>) {
    let peers = Arc::clone(&state.peers);
    let router = TowerToHyperService::new(router(state));
    let accept = || async {
        let (stream, address) = listener.accept().await?;
        let peer = address.ip().to_canonical();
        // One address does not take every connection.
        Ok(Peers::place(&peers, peer).map(|place| PeerStream {
            stream,
            peer,
            _place: place,
        }))
    };
    let service = |stream: &PeerStream| PeerService {
        router: router.clone(),
        peer: Peer(stream.peer),
    };
    server::serve_within(LIMITS, accept, service, stop).await;
}

fn router(state: Arc<Public>) -> Router {
    Router::new()
        .route("/heartbeat/{token}", any(beat))
        .fallback(not_found)
        .layer(map_response(with_security_headers))
        .with_state(state)
}

/// A call of a feed. A body is not read.
async fn beat(
    method: Method,
    State(state): State<Arc<Public>>,
    Extension(Peer(peer)): Extension<Peer>,
    Path(token): Path<String>,
) -> impl IntoResponse {
    if !state.peers.admits(peer, clock::elapsed()) {
        let retry = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return (StatusCode::TOO_MANY_REQUESTS, retry, "too many requests\n").into_response();
    }
    let calls = method == Method::GET || method == Method::POST;
    match calls && state.beats.take(&state.engine, &token).await {
        true => (StatusCode::OK, "ok\n").into_response(),
        false => not_found().await.into_response(),
    }
}

async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, "not found\n")
}

/// Headers of every answer: nothing is embedded, guessed, stored or sent on.
async fn with_security_headers(mut response: Response<Body>) -> Response<Body> {
    const HEADERS: [(HeaderName, HeaderValue); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// The address of a client.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

/// The routes, with the client's address in every request.
struct PeerService {
    router: TowerToHyperService<Router>,
    peer: Peer,
}

impl Service<Request<Incoming>> for PeerService {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}

/// A connection and its place among those of its address.
struct PeerStream {
    stream: TcpStream,
    peer: IpAddr,
    _place: Place,
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
