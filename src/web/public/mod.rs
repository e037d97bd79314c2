//! The public listener: the pages that customers open, and the calls of feeds. Without `[public]` pages, whoever asks
//! for anything else than a right token gets the same answer.

mod answer;
mod api;
mod archive;
mod beats;
mod days;
mod incidents;
mod model;
mod months;
mod pages;
mod peers;
mod problem;
mod refresh;
mod render;
mod response;
mod sample;
mod site;
mod subscribe;
mod windows;
mod words;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use people::People;
use tokio::sync::Semaphore;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use self::archive::Archive;
use self::peers::Peers;
use self::problem::Problems;
use self::refresh::Settings;
use self::site::{GONE, Site};
use super::allowance::Allowance;
use super::client::Peer;
use super::listener::Listener;
use super::live::Live;
use super::server::Limits;
use crate::clock;
use crate::config::PublicPages;
use crate::engine::EngineHandle;
use crate::subscriptions::Subscriptions;

pub use self::archive::run as archive;
pub use self::beats::Beats;
pub use self::refresh::run as refresh;
pub use self::render::Templates;

const LIMITS: Limits = Limits {
    connections: 1_024,
    keep_alive: true,
    // Also the longest pause between two requests of a connection.
    head: Duration::from_secs(10),
    idle: Duration::from_secs(60),
    taking: Duration::from_secs(20),
    grace: Duration::from_secs(5),
};

/// The largest body of a request in bytes.
const BODY: usize = 64 * 1024;
/// The time to read a request's body and to compute its answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Open pages that are told of changes. Others load themselves again each minute.
const STREAMS: usize = 512;

/// Requests for subscriptions of one address at once, and a second in the long run: a clinic behind one address has
/// several people.
const SUBSCRIBING: (f64, f64) = (10.0, 1.0 / 60.0);
/// The same of all addresses together. Each request may send a mail to someone who did not ask for it.
const ALL_SUBSCRIBING: (f64, f64) = (200.0, 1.0 / 5.0);

/// The state of the public listener.
pub struct Public {
    engine: Arc<EngineHandle>,
    beats: Beats,
    peers: Arc<Peers>,
    /// `None` without `[public]` pages, and until the first are made.
    site: ArcSwapOption<Site>,
    settings: Settings,
    live: Live,
    problems: Problems,
    subscriptions: Arc<Subscriptions>,
    /// Requests for subscriptions, of each address and of all.
    subscribing: Allowance,
    all_subscribing: Allowance,
    archive: ArcSwap<Archive>,
    /// Counts the archives, so that pages are made again.
    archived: AtomicU64,
    /// Held while a page is rendered.
    making: Arc<Semaphore>,
}

impl Public {
    /// `address` is in the links of pages that name no `url`.
    pub fn new(
        engine: Arc<EngineHandle>,
        people: Arc<People>,
        address: String,
        subscriptions: Arc<Subscriptions>,
    ) -> Self {
        Self {
            archive: ArcSwap::default(),
            archived: AtomicU64::new(0),
            making: Arc::new(Semaphore::new(1)),
            problems: Problems::new(Arc::clone(&engine), people),
            engine,
            beats: Beats::default(),
            peers: Arc::default(),
            site: ArcSwapOption::empty(),
            settings: Settings::new(address),
            live: Live::new(STREAMS),
            subscriptions,
            subscribing: Allowance::new(SUBSCRIBING.0, SUBSCRIBING.1),
            all_subscribing: Allowance::new(ALL_SUBSCRIBING.0, ALL_SUBSCRIBING.1),
        }
    }

    /// True if this client may ask for a subscription now. It is counted.
    fn admits_subscriber(&self, peer: IpAddr) -> bool {
        let (now, all) = (clock::elapsed(), Ipv4Addr::UNSPECIFIED.into());
        self.subscribing.admits(peer, now) && self.all_subscribing.admits(all, now)
    }

    /// The tokens that feeds may call with.
    pub fn beats(&self) -> &Beats {
        &self.beats
    }

    /// Shows these pages from now on, rendered with these templates.
    pub fn show(&self, pages: Option<PublicPages>, templates: Arc<Templates>) {
        self.settings.replace(pages, templates);
    }
}

/// Serves the public listener until `stop`.
pub async fn serve(listener: Listener, state: Arc<Public>, stop: impl Future<Output = ()>) {
    let (peers, proxies) = (Arc::clone(&state.peers), Arc::clone(&listener.proxies));
    // One address does not take every connection. Behind a proxy are many clients.
    let place = |peer| match proxies.trusts(peer) {
        true => Some(None),
        false => Peers::place(&peers, peer).map(Some),
    };
    listener.serve(LIMITS, router(state), place, stop).await;
}

fn router(state: Arc<Public>) -> Router {
    Router::new()
        .route("/heartbeat/{token}", any(beat))
        .route("/events", get(events))
        .route(problem::PATH, get(problem::form).post(problem::submit))
        .merge(subscribe::routes())
        .fallback(page)
        .layer(RequestBodyLimitLayer::new(BODY))
        // Also for a body that comes slowly. The stream of events is no body of a request.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER,
        ))
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

/// A page, as it is since the last change.
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
    let (path, status) = match site.has(path) {
        true => (path, StatusCode::OK),
        false => (GONE, StatusCode::NOT_FOUND),
    };
    match site.answer(path, &state.making).await {
        Some(answer) => answer.respond(status, &headers),
        None => {
            let sentence = "this page cannot be made at the moment\n";
            (StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response()
        }
    }
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
