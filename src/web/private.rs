//! The private listener: `/metrics` for Prometheus, `/healthz` for a process supervisor, `/readyz` for a
//! load balancer, `/probe` to run a configured probe now, as blackbox_exporter does, the console
//! and its API.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::id::{ProbeId, SystemId};
use flate2::Compression;
use tower_http::timeout::TimeoutLayer;

use super::api;
use super::compression::{gzip, takes_gzip};
use super::console::{self, Console};
use super::listener::Listener;
use super::probe_now::NotRun;
use super::server::LIMITS;
use super::state::AppState;
use crate::metrics;

const ANSWER: Duration = Duration::from_secs(20);
/// For people: a reload and the files of a report take longer.
const PEOPLE: Duration = Duration::from_secs(60);

/// Serves the private pages until `stop`.
pub async fn serve(
    listener: Listener,
    state: Arc<AppState>,
    console: Arc<Console>,
    stop: impl Future<Output = ()>,
) {
    let api = api::router(Arc::clone(&console), PEOPLE);
    // Also for a body that comes slowly.
    let people = console::router(Arc::clone(&console)).layer(TimeoutLayer::with_status_code(
        StatusCode::SERVICE_UNAVAILABLE,
        PEOPLE,
    ));
    let router = router(state).merge(api).merge(people);
    let publishing = tokio::spawn(console::publish(Arc::clone(&console)));
    let stop = async {
        stop.await;
        console.end_streams();
    };
    listener.serve(LIMITS, router, |_| Some(()), stop).await;
    publishing.abort();
}

fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route("/metrics", get(page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER,
        ))
        // A probe has its own timeout.
        .route("/probe", get(probe))
        .with_state(state)
}

/// The query of `/metrics`.
#[derive(serde::Deserialize)]
struct Chosen {
    /// Ids of systems with commas between them.
    systems: Option<String>,
    /// `all`, or `standard`.
    #[serde(default)]
    series: metrics::Detail,
}

async fn page(
    State(state): State<Arc<AppState>>,
    Query(chosen): Query<Chosen>,
    asked: HeaderMap,
) -> Response {
    let only: Option<BTreeSet<SystemId>> = chosen.systems.as_ref().map(|list| {
        let ids = list.split(',').map(str::trim);
        ids.filter(|id| !id.is_empty())
            .map(SystemId::from)
            .collect()
    });
    // The figures of many systems for a month would block the other requests.
    let made = tokio::task::spawn_blocking(move || {
        let text = match &only {
            Some(only) => state.metrics_of(only)?,
            None => state.metrics(chosen.series),
        };
        let zipped = takes_gzip(&asked).then(|| gzip(text.as_bytes(), Compression::fast()));
        Ok::<_, SystemId>((zipped.flatten(), text))
    });
    let kind = (header::CONTENT_TYPE, metrics::CONTENT_TYPE);
    let vary = (header::VARY, "accept-encoding");
    match made.await {
        Ok(Ok((Some(zipped), _))) => {
            let headers = [kind, vary, (header::CONTENT_ENCODING, "gzip")];
            (headers, zipped).into_response()
        }
        Ok(Ok((None, text))) => ([kind, vary], text).into_response(),
        Ok(Err(unknown)) => {
            let why = format!("no system `{unknown}` is configured\n");
            (StatusCode::NOT_FOUND, why).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The query of `/probe`.
#[derive(serde::Deserialize)]
struct Wanted {
    /// SYSTEM/PROBE.
    target: Option<String>,
}

async fn probe(
    State(state): State<Arc<AppState>>,
    Query(wanted): Query<Wanted>,
) -> impl IntoResponse {
    let Some(target) = wanted.target else {
        let why = "name the probe: /probe?target=SYSTEM/PROBE\n";
        return (StatusCode::BAD_REQUEST, why).into_response();
    };
    match state.run_probe(&ProbeId::from(target.as_str())).await {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(NotRun::Unknown) => {
            let why = "no such probe is configured: write SYSTEM/PROBE, as /metrics names them\n";
            (StatusCode::NOT_FOUND, why).into_response()
        }
        Err(NotRun::Busy) => {
            let why = "this probe is already running\n";
            (StatusCode::TOO_MANY_REQUESTS, why).into_response()
        }
    }
}

/// The process answers. Nothing else is checked: a restart does not help against a full disk.
async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    match state.unready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}
