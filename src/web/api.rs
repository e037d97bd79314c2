//! `/api/v1` on the private listener, for programs with a token. An act is the same JSON that a scenario and the local
//! socket take. Errors are problem details (RFC 9457).

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use domain::act::Act;
use domain::actor::{Actor, How};
use people::{Role, Token};
use serde::Deserialize;
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;

use super::console::{Console, act_role, second_person_is_an_account};
use super::state::{ActRequest, Reply, Row};
use crate::ledger::{Ledger, Wanted};

/// The largest request body in bytes.
const BODY: usize = 256 * 1024;
/// The most events of one answer.
const EVENTS: usize = 1_000;

type Shared = State<Arc<Console>>;

pub fn router(console: Arc<Console>) -> Router {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/events", get(events))
        .route("/api/v1/acts", post(act))
        .route("/api/v1/reload", post(reload))
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&console), known))
        .with_state(console)
}

/// Lets a request pass that has a valid token.
async fn known(State(console): Shared, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(secret) = given.map(str::to_owned) else {
        return unauthorized("send a token, as `Authorization: Bearer nines_…`");
    };
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let found = tokio::task::spawn_blocking(move || people.token(&secret, now)).await;
    match found {
        Ok(Ok(Some(token))) => {
            request.extensions_mut().insert(token);
            next.run(request).await
        }
        Ok(Ok(None)) => unauthorized("this token is unknown, revoked or expired"),
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "people.sqlite cannot be used");
            problem(StatusCode::SERVICE_UNAVAILABLE, "the tokens cannot be read")
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the log says why"),
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}

fn unauthorized(detail: &str) -> Response {
    let mut response = problem(StatusCode::UNAUTHORIZED, detail);
    let scheme = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    response
}

fn forbidden(token: &Token, needed: Role) -> Response {
    let detail = format!(
        "this needs the role {needed}; the token has the role {}",
        token.role
    );
    problem(StatusCode::FORBIDDEN, &detail)
}

async fn status(State(console): Shared, Extension(token): Extension<Token>) -> Response {
    let mut status = console.app.status();
    if token.role < Role::Operator {
        for undelivered in &mut status.outbox.undelivered {
            undelivered.recipient.clear();
            undelivered.reply = None;
        }
    }
    Json(status).into_response()
}

/// The query of `/api/v1/events`.
#[derive(Deserialize)]
struct Filter {
    subject: Option<String>,
    kind: Option<String>,
    by: Option<String>,
    /// The `next` of the page before.
    before: Option<u64>,
}

async fn events(
    State(console): Shared,
    Extension(token): Extension<Token>,
    Query(filter): Query<Filter>,
) -> Response {
    let wanted = Wanted {
        before: filter.before,
        subjects: filter.subject.into_iter().collect(),
        kind: filter.kind,
        by: filter.by,
    };
    let data = console.data.clone();
    let reading = move || {
        let ledger = Ledger::open_read_only(&data)?;
        let found = ledger.recent(&wanted, EVENTS)?;
        let rows = found
            .iter()
            .map(|stored| Row::of(stored.seq, &stored.event));
        rows.collect::<Result<Vec<Row>, _>>()
    };
    let mut rows = match tokio::task::spawn_blocking(reading).await {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the ledger cannot be read");
            return problem(StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read");
        }
        Err(_) => return problem(StatusCode::INTERNAL_SERVER_ERROR, "the log says why"),
    };
    if token.role < Role::Operator {
        // The content of events has addresses.
        rows.iter_mut().for_each(|row| row.data = json!(null));
    }
    let next = rows
        .last()
        .filter(|_| rows.len() == EVENTS)
        .map(|row| row.seq);
    Json(json!({ "events": rows, "next": next })).into_response()
}

/// The body of `/api/v1/acts`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    act: Act,
    /// Record nothing and send nothing; answer with what would happen.
    #[serde(default)]
    dry_run: bool,
    /// Accept a window that does not count as planned.
    #[serde(default)]
    anyway: bool,
    /// Why a text that looks like protected health information is none.
    #[serde(default)]
    not_phi: Option<String>,
}

async fn act(
    State(console): Shared,
    Extension(token): Extension<Token>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Response {
    let asked = match asked {
        Ok(Json(asked)) => asked,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    if let Err(why) = second_person_is_an_account(&asked.act, false) {
        return problem(StatusCode::CONFLICT, why);
    }
    let needed = act_role(&asked.act);
    if token.role < needed {
        return forbidden(&token, needed);
    }
    let person = format!("token {}", token.name);
    let by = Actor {
        person: person.clone(),
        how: How::Api,
    };
    let request = ActRequest {
        by: person,
        act: asked.act,
        dry_run: asked.dry_run,
        anyway: asked.anyway,
        not_phi: asked.not_phi,
    };
    answer(console.app.act(by, request).await)
}

async fn reload(State(console): Shared, Extension(token): Extension<Token>) -> Response {
    if token.role < Role::Admin {
        return forbidden(&token, Role::Admin);
    }
    answer(console.app.reload().await)
}

fn answer(reply: Reply) -> Response {
    match reply {
        Reply::Done(receipt) => Json(receipt).into_response(),
        Reply::Refused(why) => problem(StatusCode::CONFLICT, &why),
        Reply::Failed(why) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}
