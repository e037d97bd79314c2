//! The public listener: the pages that customers open, and the calls of feeds. Without `[public]` pages, whoever asks
//! for anything else than a right token gets the same answer.

mod api;
mod beats;
mod days;
mod incidents;
mod live;
mod model;
mod peers;
mod refresh;
mod render;
mod site;
mod windows;
mod words;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use self::live::Live;
use self::peers::{Peers, Place};
use self::refresh::Settings;
use self::site::{Answer, GONE, Site};
use super::server::{self, Limits};
use crate::clock;
use crate::config::PublicPages;
use crate::engine::EngineHandle;

pub use self::beats::Beats;
pub use self::refresh::run as refresh;

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
    /// `None` without `[public]` pages, and until the first are made.
    site: ArcSwapOption<Site>,
    settings: Settings,
    live: Live,
}

impl Public {
    /// `address` is in the links of pages that name no `url`.
    pub fn new(engine: Arc<EngineHandle>, address: String) -> Self {
        Self {
            engine,
            beats: Beats::default(),
            peers: Arc::default(),
            site: ArcSwapOption::empty(),
            settings: Settings::new(address),
            live: Live::default(),
        }
    }

    /// The tokens that feeds may call with.
    pub fn beats(&self) -> &Beats {
        &self.beats
    }

    /// Shows these pages from now on.
    pub fn show(&self, pages: Option<PublicPages>) {
        self.settings.replace(pages);
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
        .route("/events", get(events))
        .fallback(page)
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

/// A stream of the versions of the pages, for open pages.
async fn events(State(state): State<Arc<Public>>) -> Response<Body> {
    match state.site.load_full() {
        Some(site) => state.live.stream(&site.version),
        None => not_found().await.into_response(),
    }
}

/// A page, as it was made last.
async fn page(
    State(state): State<Arc<Public>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let Some(site) = state.site.load_full() else {
        return not_found().await.into_response();
    };
    if method != Method::GET && method != Method::HEAD {
        let allowed = [(header::ALLOW, HeaderValue::from_static("GET, HEAD"))];
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            allowed,
            "method not allowed\n",
        )
            .into_response();
    }
    let path = uri.path().trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    match (site.get(path).filter(|_| path != GONE), site.get(GONE)) {
        (Some(answer), _) => answered(answer, StatusCode::OK, &headers),
        (None, Some(gone)) => answered(gone, StatusCode::NOT_FOUND, &headers),
        (None, None) => not_found().await.into_response(),
    }
}

/// The answer as the client can take it; 304 if it has it already.
fn answered(answer: &Answer, status: StatusCode, asked: &HeaderMap) -> Response<Body> {
    let text = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    let etag = HeaderValue::from_str(&answer.etag);
    headers.extend(etag.ok().map(|etag| (header::ETAG, etag)));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let cache = match answer.is_fixed {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(answer.content_type),
    );
    if answer.is_page {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(PAGE_POLICY),
        );
    } else {
        let all = HeaderValue::from_static("*");
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, all);
    }
    let known = text(header::IF_NONE_MATCH).unwrap_or_default();
    let known = known
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"));
    if status == StatusCode::OK
        && known
            .into_iter()
            .any(|tag| tag == answer.etag || tag == "*")
    {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    *response.status_mut() = status;
    let takes = text(header::ACCEPT_ENCODING).unwrap_or_default();
    let gzip = takes.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(&quality.trim());
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    });
    let bytes = match &answer.gzip {
        Some(zipped) if gzip => {
            let gzip = HeaderValue::from_static("gzip");
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, gzip);
            zipped.clone()
        }
        _ => answer.bytes.clone(),
    };
    *response.body_mut() = Body::from(bytes);
    response
}

/// Pages load their own style, script and pictures, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
