//! Signing in and out, and the check of roles before every page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use people::{Account, Error, Refused, Role};
use serde::Deserialize;
use serde_json::json;

use super::super::allowance::Allowance;
use super::super::client::Peer;
use super::{Console, Shared, blocking};
use crate::clock;

/// The name makes browsers refuse the cookie over plain HTTP, for other paths and from other hosts.
const COOKIE: &str = "__Host-nines";

/// The page on which a person sets up a second factor.
const SECOND_FACTOR: &str = "/console/account/second-factor";
/// The addresses that an account without a required second factor reaches.
const WITHOUT_FACTOR: [&str; 2] = [SECOND_FACTOR, "/console/sign-out"];

/// The person of a request.
#[derive(Clone)]
pub struct SignedIn {
    pub account: Account,
    /// The secret of the session.
    session: String,
}

/// The value of a cookie.
pub(super) fn cookie_of(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then(|| value.to_owned())
    })
}

/// Lets a request pass whose person has the role.
pub async fn only(
    State((console, role)): State<(Arc<Console>, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(session) = cookie_of(request.headers(), COOKIE) else {
        return Redirect::to("/console/sign-in").into_response();
    };
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let secret = session.clone();
    let found = match blocking(move || people.session(&secret, now)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return unavailable(&console, &error),
        Err(response) => return response,
    };
    let Some(found) = found else {
        return Redirect::to("/console/sign-in").into_response();
    };
    let account = found.account;
    if console.lacks_second_factor(&account) && !WITHOUT_FACTOR.contains(&request.uri().path()) {
        return Redirect::to(SECOND_FACTOR).into_response();
    }
    if account.role < role {
        let text = format!(
            "This page needs the role {role}. Your role is {}. An administrator can change it.",
            account.role
        );
        return console.message(&account, StatusCode::FORBIDDEN, "Not allowed", &text);
    }
    request
        .extensions_mut()
        .insert(SignedIn { account, session });
    next.run(request).await
}

pub(super) fn unavailable(console: &Arc<Console>, error: &Error) -> Response {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "people.sqlite cannot be used");
    let text = "The accounts cannot be read. The log of the service says why.";
    sign_in_form(console, StatusCode::SERVICE_UNAVAILABLE, Some(text), "")
}

pub async fn sign_in_page(State(console): Shared) -> Response {
    sign_in_form(&console, StatusCode::OK, None, "")
}

/// The page on which people sign in, with the reason why they are not.
pub(super) fn sign_in_form(
    console: &Console,
    status: StatusCode,
    error: Option<&str>,
    login: &str,
) -> Response {
    let provider = console.openid.offer();
    let page = json!({ "error": error, "login": login, "provider": provider });
    console.open_page(status, "sign_in.html", page)
}

#[derive(Deserialize)]
pub struct SignIn {
    login: String,
    password: String,
    #[serde(default)]
    code: String,
}

/// Attempts to sign in that an address may make at once.
const BURST: f64 = 30.0;
/// Attempts a second that it may make in the long run.
const PER_SECOND: f64 = 0.1;

/// The attempts to sign in that each address may make, with whatever login.
pub struct SignIns(Allowance);

/// The sentence for an address that makes more.
pub(super) const TOO_MANY: &str = "Too many attempts from your address. Wait a minute.";

impl SignIns {
    /// True if the address may try to sign in now.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        let admits = self.0.admits(address, clock::elapsed());
        if !admits {
            tracing::warn!(%address, "too many attempts to sign in to the console");
        }
        admits
    }
}

impl Default for SignIns {
    fn default() -> Self {
        Self(Allowance::new(BURST, PER_SECOND))
    }
}

pub async fn sign_in(
    State(console): Shared,
    Extension(Peer(address)): Extension<Peer>,
    Form(form): Form<SignIn>,
) -> Response {
    if !console.sign_ins.admits(address) {
        let (status, login) = (StatusCode::TOO_MANY_REQUESTS, &form.login);
        return sign_in_form(&console, status, Some(TOO_MANY), login);
    }
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let login = form.login.clone();
    let attempt = move || {
        let code = Some(form.code.as_str()).filter(|code| !code.is_empty());
        people.sign_in(form.login.trim(), &form.password, code, now)
    };
    let done = match blocking(attempt).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => return unavailable(&console, &error),
        Err(response) => return response,
    };
    let error = match done {
        Ok(signed_in) => {
            tracing::info!(login, "signed in to the console");
            return with_session(signed_in.session.reveal());
        }
        Err(Refused::Wrong) => "The login, the password or the code is wrong.",
        Err(Refused::NeedsCode) => "Type the password again, with the code of your second factor.",
        Err(Refused::Waits) => "Too many wrong attempts. Wait a quarter of an hour.",
    };
    tracing::warn!(login, %address, "a sign-in to the console was refused");
    sign_in_form(&console, StatusCode::UNAUTHORIZED, Some(error), &login)
}

/// Goes to the console with the cookie of a session.
pub(super) fn with_session(secret: &str) -> Response {
    let cookie = format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax");
    let mut response = Redirect::to("/console").into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

pub async fn sign_out(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    let people = Arc::clone(&console.people);
    if let Err(response) = blocking(move || people.end_session(&who.session)).await {
        return response;
    }
    let gone = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    let mut response = Redirect::to("/console/sign-in").into_response();
    if let Ok(cookie) = HeaderValue::from_str(&gone) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

pub async fn invitation_page(State(console): Shared, Path(secret): Path<String>) -> Response {
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    match blocking(move || people.invitation(&secret, now)).await {
        Ok(Ok(Some(found))) => console.open_page(
            StatusCode::OK,
            "invitation.html",
            json!({ "role": found.role.word(), "login": found.login, "is_chosen": found.login.is_some() }),
        ),
        Ok(Ok(None)) => console.open_page(
            StatusCode::NOT_FOUND,
            "invitation.html",
            json!({ "gone": true }),
        ),
        Ok(Err(error)) => unavailable(&console, &error),
        Err(response) => response,
    }
}

#[derive(Deserialize)]
pub struct Accept {
    #[serde(default)]
    login: String,
    name: String,
    password: String,
}

pub async fn accept(
    State(console): Shared,
    Path(secret): Path<String>,
    Form(form): Form<Accept>,
) -> Response {
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let (login, name) = (form.login.clone(), form.name.clone());
    let made = move || {
        let account = people.accept(&secret, form.login.trim(), &form.name, &form.password, now)?;
        people.sign_in(&account.login, &form.password, None, now)
    };
    match blocking(made).await {
        Ok(Ok(Ok(signed_in))) => with_session(signed_in.session.reveal()),
        Ok(Ok(Err(_))) => Redirect::to("/console/sign-in").into_response(),
        Ok(Err(Error::Refused(error))) => console.open_page(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invitation.html",
            json!({ "error": error, "login": login, "name": name }),
        ),
        Ok(Err(error)) => unavailable(&console, &error),
        Err(response) => response,
    }
}
