//! `/api/v1` on the private listener, for programs with a token. An act is the same JSON that a scenario and the local
//! socket take. Errors are problem details (RFC 9457).

mod acts;
mod caller;
mod events;
mod incidents;
mod list;
mod mails;
mod maintenance;
mod notices;
mod once;
pub mod openapi;
mod people;
mod problem;
mod proposals;
mod reports;
mod status;
#[cfg(test)]
mod tests;
mod version;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use ::people::Role;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::routing::any;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use self::problem::{Answer, Failed};
use super::console::Console;

/// The largest request body in bytes.
const BODY: usize = 256 * 1024;

type Shared = State<Arc<Console>>;

/// A request that the API answers, and the role that it needs.
struct Endpoint {
    /// `None`: no token is needed.
    role: Option<Role>,
    /// The path, its description, and the code that serves it.
    route: fn() -> UtoipaMethodRouter<Arc<Console>>,
}

const fn endpoint(role: Role, route: fn() -> UtoipaMethodRouter<Arc<Console>>) -> Endpoint {
    let role = Some(role);
    Endpoint { role, route }
}

/// Every request of the API. The router, the check of roles and the document are made from it, so that no request lacks
/// its role. An act needs more: `console::act_role` says which.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        role: None,
        route: || routes!(openapi::served),
    },
    endpoint(Role::Viewer, || routes!(status::now)),
    endpoint(Role::Viewer, || routes!(status::systems)),
    endpoint(Role::Viewer, || routes!(status::system)),
    endpoint(Role::Viewer, || routes!(incidents::list)),
    endpoint(Role::Viewer, || routes!(incidents::incident)),
    endpoint(Role::Viewer, || routes!(incidents::timeline)),
    endpoint(Role::Viewer, || routes!(maintenance::list)),
    endpoint(Role::Viewer, || routes!(maintenance::window)),
    endpoint(Role::Viewer, || routes!(reports::list)),
    endpoint(Role::Viewer, || routes!(reports::report)),
    endpoint(Role::Viewer, || routes!(reports::draft)),
    endpoint(Role::Viewer, || routes!(reports::file)),
    endpoint(Role::Viewer, || routes!(notices::list)),
    endpoint(Role::Viewer, || routes!(notices::notice)),
    endpoint(Role::Operator, || routes!(notices::message)),
    endpoint(Role::Viewer, || routes!(events::list)),
    endpoint(Role::Operator, || routes!(acts::act)),
    endpoint(Role::Operator, || routes!(status::run_probe)),
    endpoint(Role::Viewer, || routes!(proposals::list)),
    endpoint(Role::Operator, || routes!(proposals::propose)),
    endpoint(Role::Approver, || routes!(proposals::approve)),
    endpoint(Role::Operator, || routes!(proposals::withdraw)),
    endpoint(Role::Admin, || routes!(acts::reload)),
    endpoint(Role::Admin, || routes!(people::accounts)),
    endpoint(Role::Admin, || routes!(people::change_account)),
    endpoint(Role::Admin, || routes!(people::invite)),
    endpoint(Role::Admin, || routes!(people::tokens)),
    endpoint(Role::Admin, || routes!(people::create_token)),
    endpoint(Role::Admin, || routes!(people::revoke_token)),
];

/// Every request with the role that it needs. `None`: no token.
pub fn endpoints() -> impl Iterator<Item = (&'static str, String, Option<Role>)> {
    ENDPOINTS.iter().flat_map(|endpoint| {
        let (_, paths, _) = (endpoint.route)();
        let (paths, role) = (paths.paths.into_iter(), endpoint.role);
        paths.flat_map(move |(path, item)| {
            let methods = openapi::operations(item);
            methods.map(move |(method, _)| (method, path.clone(), role))
        })
    })
}

/// The API's routes. Every error below `/api` is a problem, also if reading a body and computing its answer take longer
/// than `limit`.
pub fn router(console: Arc<Console>, limit: Duration) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        let (_, paths, mut serve) = (endpoint.route)();
        if let Some(role) = endpoint.role {
            let state = (Arc::clone(&console), role);
            serve = serve.route_layer(middleware::from_fn_with_state(state, caller::only));
        }
        for path in paths.paths.keys() {
            router = router.route(path, serve.clone());
        }
    }
    router
        .route("/api", any(unknown))
        .route("/api/", any(unknown))
        .route("/api/{*rest}", any(unknown))
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            limit,
        ))
        .layer(middleware::from_fn(problem::everywhere))
        .with_state(console)
}

async fn unknown(method: Method, request: Request) -> Failed {
    let path = request.uri().path();
    Failed::not_found(format!(
        "there is no {method} {path}: /api/v1/openapi.json lists what there is"
    ))
}

/// Runs work that reads files off the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failed::broke_off())
}
