//! Accounts, invitations and tokens, for administrators.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::SignedDuration;
use people::{AccountId, Error, People, Role, TokenId};

use super::caller::Caller;
use super::list::part_of;
use super::problem::{Answer, Failed};
use super::{Shared, blocking, once, wire};
use crate::web::console::Console;

/// Calls the accounts. A rule that forbids it becomes a conflict.
async fn asked<T: Send + 'static>(
    console: &Arc<Console>,
    ask: impl FnOnce(&People) -> Result<T, Error> + Send + 'static,
) -> Answer<T> {
    let people = Arc::clone(&console.people);
    match blocking(move || ask(&people)).await? {
        Ok(done) => Ok(done),
        Err(Error::Refused(why)) => Err(Failed::conflict(why)),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "people.sqlite cannot be used");
            Err(Failed::unavailable(
                "the accounts cannot be read; the log says why",
            ))
        }
    }
}

fn role(word: &str) -> Answer<Role> {
    let known = Role::ALL.map(Role::word).join(", ");
    Role::named(word)
        .ok_or_else(|| Failed::unprocessable(format!("`{word}` is no role: write one of {known}")))
}

/// List accounts
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    params(wire::Part),
    responses((status = 200, body = wire::Page<wire::Account>))
)]
pub async fn accounts(
    State(console): Shared,
    Query(part): Query<wire::Part>,
) -> Answer<Json<wire::Page<wire::Account>>> {
    let accounts = asked(&console, People::accounts).await?;
    let shown = accounts.into_iter().map(|account| wire::Account {
        id: account.id.0,
        login: account.login,
        name: account.name,
        role: account.role.word().to_owned(),
        has_second_factor: account.has_second_factor,
        is_disabled: account.disabled_at.is_some(),
        created: account.created_at,
    });
    let key = |account: &wire::Account| account.id.to_string();
    Ok(Json(part_of(shown.collect(), key, &part)?))
}

/// Change an account
///
/// Its sessions end.
#[utoipa::path(
    patch,
    path = "/api/v1/accounts/{id}",
    params(("id" = i64, Path)),
    request_body = wire::AccountChange,
    responses(
        (status = 204, description = "It is changed"),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "There is no such account, or a rule forbids it"),
    )
)]
pub async fn change_account(
    State(console): Shared,
    Path(id): Path<i64>,
    Json(change): Json<wire::AccountChange>,
) -> Answer<StatusCode> {
    let role = change.role.as_deref().map(role).transpose()?;
    let now = console.app.now();
    let id = AccountId(id);
    asked(&console, move |people| {
        if let Some(role) = role {
            people.set_role(id, role)?;
        }
        match change.disabled {
            Some(true) => people.disable(id, now)?,
            Some(false) => people.enable(id)?,
            None => {}
        }
        if change.remove_second_factor {
            people.remove_second_factor(id)?;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Invite a person
///
/// The path works once, within 48 hours.
#[utoipa::path(
    post,
    path = "/api/v1/invitations",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters, kept for 24 hours")),
    request_body = wire::InvitationRequest,
    responses(
        (status = 201, body = wire::Created),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "The login is taken, or the key was used"),
    )
)]
pub async fn invite(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(body): Json<wire::InvitationRequest>,
) -> Answer<Response> {
    let role = role(&body.role)?;
    let key = once::key(&headers)?;
    let (by, now) = (caller.name.clone(), console.app.now());
    let login = body.login.clone();
    let for_work = Arc::clone(&console);
    let work = async move {
        let login = login.as_deref().map(str::trim).map(str::to_owned);
        let inviting = move |people: &People| people.invite(role, login.as_deref(), &by, now);
        let secret = asked(&for_work, inviting).await?;
        let path = format!("/console/invitation/{}", secret.reveal());
        Ok(created(wire::Created { path }))
    };
    once::answered(&console, &caller, key, ("invitations", &body), work).await
}

/// An answer with a secret, which is shown once.
fn created(body: impl serde::Serialize) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.extensions_mut().insert(once::Secret);
    response
}

/// List tokens
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    params(wire::Part),
    responses((status = 200, body = wire::Page<wire::Token>))
)]
pub async fn tokens(
    State(console): Shared,
    Query(part): Query<wire::Part>,
) -> Answer<Json<wire::Page<wire::Token>>> {
    let tokens = asked(&console, People::tokens).await?;
    let shown = tokens.into_iter().map(|token| wire::Token {
        id: token.id.0,
        name: token.name,
        role: token.role.word().to_owned(),
        created_by: token.created_by,
        created: token.created_at,
        expires: token.expires_at,
        used: token.used_at,
    });
    let key = |token: &wire::Token| token.id.to_string();
    Ok(Json(part_of(shown.collect(), key, &part)?))
}

/// Make a token
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters, kept for 24 hours")),
    request_body = wire::TokenRequest,
    responses(
        (status = 201, body = wire::CreatedToken),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "A rule forbids it, or the key was used"),
    )
)]
pub async fn create_token(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(body): Json<wire::TokenRequest>,
) -> Answer<Response> {
    let role = role(&body.role)?;
    if !(1..=3_660).contains(&body.days) {
        return Err(Failed::unprocessable("days is from 1 to 3660"));
    }
    let key = once::key(&headers)?;
    let now = console.app.now();
    let expires = now.saturating_add(SignedDuration::from_hours(24 * i64::from(body.days)));
    let expires = expires.map_err(|_| Failed::unprocessable("days is from 1 to 3660"))?;
    let (by, name) = (caller.name.clone(), body.name.clone());
    let for_work = Arc::clone(&console);
    let work = async move {
        let making = move |people: &People| people.create_token(&name, role, expires, &by, now);
        let secret = asked(&for_work, making).await?;
        let token = secret.reveal().to_owned();
        Ok(created(wire::CreatedToken { token }))
    };
    once::answered(&console, &caller, key, ("tokens", &body), work).await
}

/// Revoke a token
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    params(("id" = i64, Path)),
    responses(
        (status = 204, description = "It is revoked"),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "There is no such token"),
    )
)]
pub async fn revoke_token(State(console): Shared, Path(id): Path<i64>) -> Answer<StatusCode> {
    asked(&console, move |people| people.revoke(TokenId(id))).await?;
    Ok(StatusCode::NO_CONTENT)
}
