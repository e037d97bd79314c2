//! The console: where operators work. Pages are rendered on the server from a snapshot of the record; every change is
//! an act that goes through the engine's handle, as those of the command line do. Pages work without
//! scripts; one script loads an open page again when the record has changed.

mod access;
mod accounts;
mod act_form;
mod audit;
mod incidents;
mod live;
mod maintenance;
mod notices;
mod openid;
mod overview;
mod pages;
mod proposals;
mod reports;
pub mod second_person;
mod systems;
mod when;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use people::{Account, People, Role};
use tokio::sync::Mutex;
use tower_http::csrf::CsrfLayer;
use tower_http::limit::RequestBodyLimitLayer;

pub use self::live::publish;
pub use access::SignIns;
pub use act_form::{role as act_role, second_person_is_an_account};
pub use maintenance::{coming, why};
pub use openid::{OpenIdSignIns, try_provider};

use super::live::Live;
use super::state::AppState;
use crate::config::{CALLBACK, ConsoleSetup};

/// The largest form in bytes: a review with all its texts.
const BODY: usize = 256 * 1024;

/// The parts that the pages need.
pub struct Console {
    pub app: Arc<AppState>,
    pub people: Arc<People>,
    /// The data directory, for the audit trail and the files of reports.
    pub data: PathBuf,
    /// The attempts to sign in that each address may make.
    pub sign_ins: SignIns,
    /// The provider at which people may sign in instead.
    pub openid: Arc<OpenIdSignIns>,
    /// Accounts with a password need a second factor.
    require_second_factor: AtomicBool,
    /// Approvals of proposals, one at a time.
    approvals: Mutex<()>,
    live: Live,
}

impl Console {
    pub fn new(app: Arc<AppState>, people: Arc<People>, data: PathBuf) -> Self {
        Self {
            app,
            people,
            data,
            sign_ins: SignIns::default(),
            openid: Arc::default(),
            require_second_factor: AtomicBool::default(),
            approvals: Mutex::default(),
            live: Live::new(live::STREAMS),
        }
    }

    /// Takes over the configuration in force.
    pub fn configure(&self, setup: ConsoleSetup) {
        let required = setup.require_second_factor;
        self.require_second_factor
            .store(required, Ordering::Relaxed);
        self.openid.replace(setup.openid);
    }

    /// True if the account must set up a second factor first. A provider demands its own.
    fn lacks_second_factor(&self, account: &Account) -> bool {
        let required = self.require_second_factor.load(Ordering::Relaxed);
        required && account.has_password && !account.has_second_factor
    }
}

type Shared = State<Arc<Console>>;

/// A page or a form, and the role that it needs.
struct Route {
    path: &'static str,
    /// `None`: no account is needed.
    role: Option<Role>,
    serve: fn() -> MethodRouter<Arc<Console>>,
}

const fn page(
    path: &'static str,
    role: Option<Role>,
    serve: fn() -> MethodRouter<Arc<Console>>,
) -> Route {
    Route { path, role, serve }
}

/// Every address of the console. The router and the check of roles are both made from it, so that no page lacks its
/// role. An act needs more: `act_form::role` says which.
const ROUTES: &[Route] = &[
    page("/console/style.css", None, || get(pages::style)),
    page("/console/live.js", None, || get(live::script)),
    page("/console/events", Some(Role::Viewer), || get(live::events)),
    page("/console/sign-in", None, || {
        get(access::sign_in_page).post(access::sign_in)
    }),
    page("/console/sign-in/openid", None, || get(openid::begin)),
    page(CALLBACK, None, || get(openid::finish)),
    page("/console/invitation/{secret}", None, || {
        get(access::invitation_page).post(access::accept)
    }),
    page("/console/sign-out", Some(Role::Viewer), || {
        post(access::sign_out)
    }),
    page("/console", Some(Role::Viewer), || get(overview::page)),
    page("/console/incidents", Some(Role::Viewer), || {
        get(incidents::list)
    }),
    page("/console/incidents/{id}", Some(Role::Viewer), || {
        get(incidents::page)
    }),
    page("/console/maintenance", Some(Role::Viewer), || {
        get(maintenance::page)
    }),
    page("/console/reports", Some(Role::Viewer), || {
        get(reports::list)
    }),
    page(
        "/console/reports/{committee}/{month}",
        Some(Role::Viewer),
        || get(reports::page),
    ),
    page(
        "/console/reports/{committee}/{month}/draft.html",
        Some(Role::Viewer),
        || get(reports::draft),
    ),
    page(
        "/console/reports/{committee}/{month}/files/{name}",
        Some(Role::Viewer),
        || get(reports::file),
    ),
    page("/console/notices", Some(Role::Viewer), || {
        get(notices::page)
    }),
    page("/console/notices/{id}", Some(Role::Viewer), || {
        get(notices::notice)
    }),
    page("/console/systems/{id}", Some(Role::Viewer), || {
        get(systems::page)
    }),
    page(
        "/console/systems/{id}/probes/{probe}",
        Some(Role::Operator),
        || post(systems::probe_now),
    ),
    page("/console/ledger", Some(Role::Viewer), || get(audit::page)),
    page("/console/acts", Some(Role::Operator), || {
        post(act_form::submit)
    }),
    page("/console/proposals", Some(Role::Viewer), || {
        get(proposals::list)
    }),
    page("/console/proposals/{id}", Some(Role::Operator), || {
        post(proposals::decide)
    }),
    page("/console/account", Some(Role::Viewer), || {
        get(accounts::account_page).post(accounts::change_password)
    }),
    page("/console/account/second-factor", Some(Role::Viewer), || {
        get(accounts::second_factor).post(accounts::confirm_second_factor)
    }),
    page("/console/people", Some(Role::Admin), || {
        get(accounts::page).post(accounts::change)
    }),
];

/// The addresses of the console with the role that each needs. `None`: no account.
pub fn routes() -> impl Iterator<Item = (&'static str, Option<Role>)> {
    ROUTES.iter().map(|route| (route.path, route.role))
}

/// The console's routes, with the check of roles and the headers of every page.
pub fn router(console: Arc<Console>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let role = route.role;
        let mut serve = (route.serve)();
        if let Some(role) = role {
            let check = middleware::from_fn_with_state((Arc::clone(&console), role), access::only);
            serve = serve.layer(check);
        }
        router = router.route(route.path, serve);
    }
    router
        .route("/", get(|| async { Redirect::to("/console") }))
        // Another site's page must not act in the name of a person who is signed in.
        .layer(CsrfLayer::new())
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(middleware::from_fn(headers))
        .with_state(console)
}

/// The headers of every page: nothing from another host, no frames, no copies in caches.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; \
                  frame-ancestors 'none'; base-uri 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Runs work that reads files off the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Response> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
