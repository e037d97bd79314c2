//! Signing in at an OpenID Connect provider: the authorization code flow with PKCE. A sign-in returns to the configured
//! address and then leads to the first page, whatever a request asks for.

mod attempts;
mod http;
mod provider;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use people::{Error, NotAdmitted, ProvenIdentity, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::attempts::{Attempt, Attempts};
pub use self::provider::try_out as try_provider;
use self::provider::{Failure, Provider, find};
use super::super::client::Peer;
use super::access::{self, cookie_of, with_session};
use super::{Console, Shared, blocking};
use crate::clock;
use crate::config::OpenId;

/// Binds a sign-in to the browser that began it.
const COOKIE: &str = "__Host-nines-openid";
/// The most of a provider's text that a page shows, in characters.
const LONGEST_QUOTE: usize = 200;

/// The provider at which people sign in, if there is one, and the sign-ins that were begun.
#[derive(Default)]
pub struct OpenIdSignIns {
    provider: ArcSwapOption<Provider>,
    attempts: Attempts,
}

impl OpenIdSignIns {
    /// Uses this provider from now on.
    pub fn replace(&self, setup: Option<OpenId>) {
        let provider = setup.map(|setup| Arc::new(Provider::new(setup)));
        self.provider.store(provider);
    }

    /// The provider as the sign-in page shows it.
    pub(super) fn offer(&self) -> Option<Offer> {
        self.provider.load().as_ref().map(|provider| Offer {
            name: provider.setup.name.clone(),
            is_failing: provider.is_failing(),
        })
    }
}

/// The provider on the sign-in page.
#[derive(Serialize)]
pub(super) struct Offer {
    pub(super) name: String,
    is_failing: bool,
}

/// Sends the person to the provider.
pub async fn begin(State(console): Shared, Extension(Peer(address)): Extension<Peer>) -> Response {
    let Some(provider) = console.openid.provider.load_full() else {
        return refuse(&console, StatusCode::NOT_FOUND, NONE);
    };
    let begun = match provider.begin().await {
        Ok(begun) => begun,
        Err(failure) => return failed(&console, &provider, failure),
    };
    // What follows takes one of few places.
    if !console.sign_ins.admits(address) {
        return refuse(&console, StatusCode::TOO_MANY_REQUESTS, access::TOO_MANY);
    }
    let attempt = Attempt {
        nonce: begun.nonce,
        verifier: begun.verifier,
        begun: clock::elapsed(),
    };
    let browser = console.openid.attempts.begin(&begun.state, attempt);
    with_cookie(
        Redirect::to(begun.url.as_str()).into_response(),
        &browser,
        600,
    )
}

const NONE: &str = "No OpenID Connect provider is configured. Sign in with a password.";

/// The provider's answer, in the address to which it sends the person back.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

/// Signs the person in whom the provider sends back.
pub async fn finish(
    State(console): Shared,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Response {
    let Some(provider) = console.openid.provider.load_full() else {
        return refuse(&console, StatusCode::NOT_FOUND, NONE);
    };
    let response = match answer {
        Ok(Query(answer)) => finished(&console, &provider, &headers, answer).await,
        Err(_) => refuse(
            &console,
            StatusCode::BAD_REQUEST,
            "The provider's answer cannot be read. Begin again.",
        ),
    };
    // The attempt is used up in any case.
    with_cookie(response, "", 0)
}

async fn finished(
    console: &Arc<Console>,
    provider: &Provider,
    headers: &HeaderMap,
    answer: Answer,
) -> Response {
    let browser = cookie_of(headers, COOKIE).unwrap_or_default();
    let attempts = &console.openid.attempts;
    // First of all: what a link from elsewhere says is never shown.
    let Some(attempt) = attempts.take(&answer.state, &browser, clock::elapsed()) else {
        let text = "This sign-in was used already, or this browser did not begin it within the last ten minutes. \
                    Begin again.";
        return refuse(console, StatusCode::BAD_REQUEST, text);
    };
    let claims = match claims(provider, answer, attempt).await {
        Ok(claims) => claims,
        Err(failure) => return failed(console, provider, failure),
    };
    let person = person(&provider.setup, &claims);
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let (login, subject) = (person.login.clone(), person.subject.clone());
    let done = match blocking(move || people.sign_in_with_identity(&person, now)).await {
        Ok(Ok(done)) => done,
        Ok(Err(Error::Refused(why))) => return failed(console, provider, Failure::Refused(why)),
        Ok(Err(error)) => return access::unavailable(console, &error),
        Err(response) => return response,
    };
    let error = match done {
        Ok(signed_in) => {
            tracing::info!(login, subject, "signed in to the console by OpenID Connect");
            return with_session(signed_in.session.reveal());
        }
        Err(NotAdmitted::NoRole) => format!(
            "{} knows you as {login}, and none of your groups there may use this console. Ask an administrator of \
             the console which group you need.",
            provider.setup.name
        ),
        Err(NotAdmitted::Disabled) => {
            "Your account is disabled. An administrator of the console can enable it.".to_owned()
        }
    };
    tracing::warn!(login, subject, "a sign-in by OpenID Connect was refused");
    refuse(console, StatusCode::FORBIDDEN, &error)
}

async fn claims(
    provider: &Provider,
    answer: Answer,
    attempt: Attempt,
) -> Result<Map<String, Value>, Failure> {
    provider.check_issuer(answer.iss.as_deref()).await?;
    if let Some(error) = answer.error {
        let description = answer.error_description.unwrap_or_default();
        let quoted = match description.is_empty() {
            true => error,
            false => format!("{error} ({description})"),
        };
        let quoted: String = quoted.chars().filter(|c| !c.is_control()).collect();
        let quoted: String = quoted.chars().take(LONGEST_QUOTE).collect();
        return Err(Failure::Refused(quoted));
    }
    let Some(code) = answer.code.filter(|code| !code.is_empty()) else {
        return Err(Failure::Refused("its answer has no code".to_owned()));
    };
    let Attempt {
        nonce, verifier, ..
    } = attempt;
    provider.claims(code, &nonce, verifier).await
}

/// The person of verified claims.
fn person(setup: &OpenId, claims: &Map<String, Value>) -> ProvenIdentity {
    let text = |name: &str| {
        let text = claims.get(name).and_then(Value::as_str);
        text.filter(|text| !text.trim().is_empty())
    };
    let login = text("preferred_username").or_else(|| text("email"));
    let login = login.or_else(|| text("name")).unwrap_or_default();
    ProvenIdentity {
        issuer: setup.issuer.clone(),
        subject: text("sub").unwrap_or_default().to_owned(),
        login: login.to_owned(),
        name: text("name").unwrap_or(login).to_owned(),
        role: role(setup, claims),
    }
}

/// The highest role that a group of the person gives. A claim is a list of groups, or one group.
fn role(setup: &OpenId, claims: &Map<String, Value>) -> Option<Role> {
    let groups = match find(claims, &setup.claim)? {
        Value::Array(groups) => groups.as_slice(),
        group => std::slice::from_ref(group),
    };
    let groups = groups.iter().filter_map(Value::as_str);
    groups
        .filter_map(|group| setup.roles.get(group).copied())
        .max()
}

fn failed(console: &Console, provider: &Provider, failure: Failure) -> Response {
    let name = &provider.setup.name;
    match failure {
        Failure::Unavailable => {
            let text = format!(
                "{name} cannot be reached, or does not answer as it should; the log of the service says why. Sign in \
                 with a password, or try again later."
            );
            refuse(console, StatusCode::SERVICE_UNAVAILABLE, &text)
        }
        Failure::Refused(why) => {
            tracing::warn!(
                issuer = provider.setup.issuer,
                why,
                "a provider's answer was refused"
            );
            let text = format!("{name} did not sign you in: {why}");
            refuse(console, StatusCode::FORBIDDEN, &text)
        }
    }
}

/// The sign-in page with the reason.
fn refuse(console: &Console, status: StatusCode, why: &str) -> Response {
    access::sign_in_form(console, status, Some(why), "")
}

fn with_cookie(mut response: Response, value: &str, seconds: u32) -> Response {
    let cookie =
        format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setup(claim: &str) -> OpenId {
        OpenId {
            issuer: "https://login.example.org".to_owned(),
            client_id: "nines".to_owned(),
            client_secret: "secret".into(),
            name: "Login".to_owned(),
            scopes: Vec::new(),
            claim: claim.to_owned(),
            roles: [("ops", Role::Operator), ("chiefs", Role::Approver)]
                .map(|(group, role)| (group.to_owned(), role))
                .into(),
            ca_file: None,
            redirect_url: String::new(),
        }
    }

    #[test]
    fn the_highest_role_of_the_groups_counts() {
        for (groups, expected) in [
            (json!(["ops", "chiefs", "staff"]), Some(Role::Approver)),
            (json!("ops"), Some(Role::Operator)),
            (json!(["staff", 7, null, ["chiefs"]]), None),
            (json!({ "ops": true }), None),
            (json!([]), None),
            (json!("OPS"), None),
        ] {
            let claims = json!({ "groups": groups });
            let found = role(&setup("groups"), claims.as_object().unwrap());
            assert_eq!(found, expected, "{claims}");
        }
        assert_eq!(role(&setup("groups"), &Map::new()), None);
    }

    #[test]
    fn a_claim_may_be_nested_or_have_dots_in_its_name() {
        let claims =
            json!({ "realm": { "roles": ["ops"] }, "https://hie.example/groups": ["chiefs"] });
        let claims = claims.as_object().unwrap();
        assert_eq!(role(&setup("realm.roles"), claims), Some(Role::Operator));
        let named = setup("https://hie.example/groups");
        assert_eq!(role(&named, claims), Some(Role::Approver));
        assert_eq!(role(&setup("realm.roles.x"), claims), None);
    }

    #[test]
    fn a_person_without_a_username_is_named_by_what_there_is() {
        let name = |claims: Value| {
            let person = person(&setup("groups"), claims.as_object().unwrap());
            (person.login, person.name)
        };
        let pair = |login: &str, name: &str| (login.to_owned(), name.to_owned());
        let full = json!({ "sub": "1", "preferred_username": "kim", "name": "Kim Lee", "email": "k@x.example" });
        assert_eq!(name(full), pair("kim", "Kim Lee"));
        assert_eq!(
            name(json!({ "sub": "1", "preferred_username": " ", "email": "k@x.example" })),
            pair("k@x.example", "k@x.example")
        );
        assert_eq!(name(json!({ "sub": "1" })), pair("", ""));
    }
}
