//! Accounts and tokens: what administrators manage, and what each person changes of the own account.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use people::{Account, AccountId, Error, People, Role, SecondFactor, TokenId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::SignedIn;
use super::when::{Times, When};
use super::{Console, Shared, blocking};

#[derive(Serialize)]
struct AccountLine {
    id: i64,
    login: String,
    name: String,
    role: &'static str,
    has_second_factor: bool,
    has_provider: bool,
    is_disabled: bool,
    created: When,
}

#[derive(Serialize)]
struct TokenLine {
    id: i64,
    name: String,
    role: &'static str,
    created_by: String,
    expires: When,
    used: Option<When>,
}

/// A secret that a page shows once.
#[derive(Serialize, Default)]
struct Shown {
    invitation: Option<String>,
    token: Option<String>,
    error: Option<String>,
}

pub async fn page(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    listed(&console, &who.account, Shown::default()).await
}

async fn listed(console: &Arc<Console>, account: &Account, shown: Shown) -> Response {
    let people = Arc::clone(&console.people);
    let read = blocking(move || Ok::<_, Error>((people.accounts()?, people.tokens()?))).await;
    let (accounts, tokens) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(response) => return response,
    };
    let times = console.times();
    let accounts: Vec<_> = accounts.iter().map(|a| account_line(a, &times)).collect();
    let tokens: Vec<_> = tokens
        .iter()
        .map(|token| TokenLine {
            id: token.id.0,
            name: token.name.clone(),
            role: token.role.word(),
            created_by: token.created_by.clone(),
            expires: times.at(token.expires_at),
            used: times.maybe(token.used_at),
        })
        .collect();
    let roles: Vec<_> = Role::ALL.into_iter().map(Role::word).collect();
    console.page(
        account,
        "people.html",
        json!({ "accounts": accounts, "tokens": tokens, "roles": roles, "shown": shown }),
    )
}

fn account_line(account: &Account, times: &Times) -> AccountLine {
    AccountLine {
        id: account.id.0,
        login: account.login.clone(),
        name: account.name.clone(),
        role: account.role.word(),
        has_second_factor: account.has_second_factor,
        has_provider: account.has_provider,
        is_disabled: account.disabled_at.is_some(),
        created: times.at(account.created_at),
    }
}

/// An administrator's change.
#[derive(Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    Invite {
        login: String,
        role: Role,
    },
    Role {
        id: String,
        role: Role,
    },
    Disable {
        id: String,
    },
    Enable {
        id: String,
    },
    RemoveSecondFactor {
        id: String,
    },
    CreateToken {
        name: String,
        role: Role,
        days: String,
    },
    Revoke {
        id: String,
    },
}

pub async fn change(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Form(change): Form<Change>,
) -> Response {
    let (people, now, by) = (
        Arc::clone(&console.people),
        console.app.now(),
        who.account.login.clone(),
    );
    match blocking(move || apply(&people, change, &by, now)).await {
        Ok(Ok(shown)) => listed(&console, &who.account, shown).await,
        Ok(Err(error)) => {
            let error = Some(error.to_string());
            let shown = Shown {
                error,
                ..Shown::default()
            };
            listed(&console, &who.account, shown).await
        }
        Err(response) => response,
    }
}

fn apply(people: &People, change: Change, by: &str, now: Timestamp) -> Result<Shown, Error> {
    let number = |id: &str| id.parse().unwrap_or(0);
    let account = |id: &str| AccountId(number(id));
    let mut shown = Shown::default();
    match change {
        Change::Invite { login, role } => {
            let login = Some(login.trim()).filter(|login| !login.is_empty());
            let secret = people.invite(role, login, by, now)?;
            shown.invitation = Some(format!("/console/invitation/{}", secret.reveal()));
        }
        Change::Role { id, role } => people.set_role(account(&id), role)?,
        Change::Disable { id } => people.disable(account(&id), now)?,
        Change::Enable { id } => people.enable(account(&id))?,
        Change::RemoveSecondFactor { id } => people.remove_second_factor(account(&id))?,
        Change::CreateToken { name, role, days } => {
            let days = days.trim().parse().unwrap_or(0).clamp(0, 3_660);
            let expires = now.saturating_add(SignedDuration::from_hours(24 * days));
            let secret = people.create_token(&name, role, expires.unwrap_or(now), by, now)?;
            shown.token = Some(secret.reveal().to_owned());
        }
        Change::Revoke { id } => people.revoke(TokenId(number(&id)))?,
    }
    Ok(shown)
}

pub async fn account_page(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    own_page(&console, &who.account, None)
}

/// The page of the own account, with the reason why it was not changed.
fn own_page(console: &Console, account: &Account, error: Option<&str>) -> Response {
    let page = json!({
        "error": error,
        "has_provider": account.has_provider,
        "provider": console.openid.offer().map(|provider| provider.name),
    });
    console.page(account, "account.html", page)
}

#[derive(Deserialize)]
pub struct NewPassword {
    old: String,
    new: String,
}

pub async fn change_password(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Form(form): Form<NewPassword>,
) -> Response {
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let account = who.account.clone();
    let changed = move || people.change_password(account.id, &form.old, &form.new, now);
    match blocking(changed).await {
        Ok(Ok(())) => Redirect::to("/console/sign-in").into_response(),
        Ok(Err(error)) => own_page(&console, &who.account, Some(&error.to_string())),
        Err(response) => response,
    }
}

/// A new second factor. It is in force once a code of it was typed.
pub async fn second_factor(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
) -> Response {
    let service = console.app.snapshot().record.catalogue.service.clone();
    match console
        .people
        .new_second_factor(&who.account.login, &service)
    {
        Ok(factor) => factor_page(&console, &who.account, &factor, None),
        Err(error) => own_page(&console, &who.account, Some(&error.to_string())),
    }
}

fn factor_page(
    console: &Console,
    account: &Account,
    factor: &SecondFactor,
    error: Option<&str>,
) -> Response {
    let page = json!({
        "text": factor.text,
        "url": factor.url,
        "error": error,
        "is_required": console.lacks_second_factor(account),
    });
    console.page(account, "second_factor.html", page)
}

#[derive(Deserialize)]
pub struct Code {
    secret: String,
    code: String,
}

pub async fn confirm_second_factor(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Form(form): Form<Code>,
) -> Response {
    let Some(factor) = SecondFactor::from_text(&form.secret) else {
        return Redirect::to("/console/account/second-factor").into_response();
    };
    let (people, now, id) = (
        Arc::clone(&console.people),
        console.app.now(),
        who.account.id,
    );
    let tried = factor.clone();
    let confirmed = move || people.confirm_second_factor(id, &tried, &form.code, now);
    match blocking(confirmed).await {
        Ok(Ok(())) => Redirect::to("/console/sign-in").into_response(),
        Ok(Err(error)) => factor_page(&console, &who.account, &factor, Some(&error.to_string())),
        Err(response) => response,
    }
}
