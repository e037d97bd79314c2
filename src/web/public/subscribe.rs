//! The pages of subscriptions. Nothing changes by GET, since programs that check mails open their links. Every answer to
//! a request is the same for every address: the request is only noted, and handled later.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use people::Subscriber;
use serde::Serialize;
use tower_http::csrf::CsrfLayer;
use url::form_urlencoded;
use values::Format as _;

use super::Public;
use super::answer::html;
use super::model::{Model, SystemView};
use super::site::Site;
use crate::clock;
use crate::subscriptions::Error;
use crate::web::client::Peer;

/// The longest mail address (RFC 5321 §4.5.3.1.3).
const LONGEST_ADDRESS: usize = 254;

/// The routes. `/subscribe` itself is a page like the others; only its form is here.
pub(super) fn routes() -> Router<Arc<Public>> {
    Router::new()
        .route("/subscribe", post(ask).get(super::page))
        .route("/subscribe/{secret}", get(confirm_page).post(confirm))
        .route("/subscription/{secret}", get(manage_page).post(change))
        // Another site's page must not act for a reader. Mail programs send neither header that it checks.
        .layer(CsrfLayer::new())
}

/// The title of the form.
pub(super) const TITLE: &str = "Subscribe by mail";

type Shared = State<Arc<Public>>;

/// A system on a form.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Choice {
    id: String,
    name: String,
    chosen: bool,
}

/// The form of a new subscription.
#[derive(Debug, Serialize)]
pub(super) struct Form {
    address: String,
    error: Option<&'static str>,
    systems: Vec<Choice>,
}

impl Form {
    /// The form as it is shown first: all systems are chosen.
    pub(super) fn of(model: &Model) -> Self {
        Self {
            address: String::new(),
            error: None,
            systems: choices(model.systems(), |_| true),
        }
    }
}

fn choices<'a>(
    systems: impl Iterator<Item = &'a SystemView>,
    is_chosen: impl Fn(&str) -> bool,
) -> Vec<Choice> {
    let choice = |system: &SystemView| Choice {
        id: system.id.clone(),
        name: system.name.clone(),
        chosen: is_chosen(&system.id),
    };
    systems.map(choice).collect()
}

/// The fields of a form: `address`, `system` any number of times, and which button was pressed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fields {
    address: String,
    systems: BTreeSet<String>,
    /// The button, or the body of RFC 8058.
    unsubscribes: bool,
}

impl Fields {
    /// Systems that are not public are left out: their ids are not known here.
    fn of(body: &[u8], site: &Site) -> Self {
        let public: BTreeSet<&str> = site.systems().map(|system| system.id.as_str()).collect();
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "address" => value.trim().clone_into(&mut fields.address),
                "system" if public.contains(&*value) => {
                    fields.systems.insert(value.into_owned());
                }
                "unsubscribe" => fields.unsubscribes = true,
                "List-Unsubscribe" => fields.unsubscribes |= value == "One-Click",
                _ => {}
            }
        }
        fields
    }

    fn error(&self) -> Option<&'static str> {
        let has_host = self.address.rsplit_once('@');
        let has_host = has_host.is_some_and(|(_, host)| host.contains('.'));
        let is_address = values::Address::parse(&self.address).is_ok();
        match () {
            () if self.address.is_empty() => Some("Write your mail address."),
            () if !is_address || !has_host || self.address.len() > LONGEST_ADDRESS => {
                Some("This is not a mail address. Write it as in name@example.org.")
            }
            () if self.systems.is_empty() => Some("Choose at least one system."),
            () => None,
        }
    }
}

/// Notes a request.
async fn ask(
    State(state): Shared,
    Extension(Peer(peer)): Extension<Peer>,
    body: Bytes,
) -> Response<Body> {
    let site = state.site.load_full();
    let Some(site) = site.filter(|site| site.mails()) else {
        return super::not_found().await.into_response();
    };
    if !state.peers.admits(peer, clock::elapsed()) {
        return too_many(StatusCode::TOO_MANY_REQUESTS);
    }
    let fields = Fields::of(&body, &site);
    if let Some(error) = fields.error() {
        let form = Form {
            address: fields.address,
            error: Some(error),
            systems: choices(site.systems(), |id| fields.systems.contains(id)),
        };
        return page(
            &site,
            StatusCode::UNPROCESSABLE_ENTITY,
            "subscribe.html.j2",
            "Subscribe",
            form,
        )
        .await;
    }
    if !state.admits_subscriber(peer) {
        return too_many(StatusCode::TOO_MANY_REQUESTS);
    }
    if !state.subscriptions.ask(fields.address, fields.systems) {
        return too_many(StatusCode::SERVICE_UNAVAILABLE);
    }
    told(&site, StatusCode::OK, &ASKED).await
}

/// A page with a few sentences.
#[derive(Serialize)]
struct Told {
    title: &'static str,
    text: &'static str,
}

const ASKED: Told = Told {
    title: "Look into your mailbox",
    text: "If this address has not had such a mail from us within a day, one is on its way to it. Open the link in it to \
           confirm. It is valid for 48 hours.",
};
const NO_LINK: Told = Told {
    title: "This link does not work",
    text: "It is too old, was used already, or is not complete. You can subscribe again.",
};
const ENDED: Told = Told {
    title: "You are not subscribed",
    text: "You get no more of these mails, and your address is deleted.",
};
const UNAVAILABLE: Told = Told {
    title: "This does not work just now",
    text: "The file of subscriptions cannot be used. Nothing was changed. Try again in ten minutes.",
};

/// The button that confirms. The secret is not looked up before it is pressed.
async fn confirm_page(
    State(state): Shared,
    Extension(Peer(peer)): Extension<Peer>,
) -> Response<Body> {
    let site = match admitted(&state, peer) {
        Ok(site) => site,
        Err(response) => return *response,
    };
    page(
        &site,
        StatusCode::OK,
        "confirm.html.j2",
        "Confirm your subscription",
        (),
    )
    .await
}

async fn confirm(
    State(state): Shared,
    Extension(Peer(peer)): Extension<Peer>,
    Path(secret): Path<String>,
) -> Response<Body> {
    let site = match admitted(&state, peer) {
        Ok(site) => site,
        Err(response) => return *response,
    };
    match state.subscriptions.confirm(secret).await {
        Ok(Some((_, link))) => {
            Redirect::to(&format!("/subscription/{link}?confirmed")).into_response()
        }
        Ok(None) => told(&site, StatusCode::NOT_FOUND, &NO_LINK).await,
        Err(error) => failed(&site, &error).await,
    }
}

/// The systems of a subscriber.
#[derive(Serialize)]
struct Managed {
    address: String,
    systems: Vec<Choice>,
    /// What was just done.
    done: Option<&'static str>,
}

async fn manage_page(
    State(state): Shared,
    Extension(Peer(peer)): Extension<Peer>,
    Path(secret): Path<String>,
    uri: axum::http::Uri,
) -> Response<Body> {
    let site = match admitted(&state, peer) {
        Ok(site) => site,
        Err(response) => return *response,
    };
    let done = match uri.query() {
        Some("confirmed") => Some("You are subscribed."),
        Some("changed") => Some("Your choice is saved."),
        _ => None,
    };
    match state.subscriptions.of_link(secret).await {
        Ok(Some(subscriber)) => managed(&site, &subscriber, done).await,
        Ok(None) => told(&site, StatusCode::NOT_FOUND, &ENDED).await,
        Err(error) => failed(&site, &error).await,
    }
}

async fn managed(
    site: &Site,
    subscriber: &Subscriber,
    done: Option<&'static str>,
) -> Response<Body> {
    let view = Managed {
        address: subscriber.address.clone(),
        systems: choices(site.systems(), |id| subscriber.systems.contains(id)),
        done,
    };
    page(
        site,
        StatusCode::OK,
        "subscription.html.j2",
        "Your subscription",
        view,
    )
    .await
}

/// The choice of systems, or the end of the subscription: by the button, by RFC 8058, or because no system is chosen.
async fn change(
    State(state): Shared,
    Extension(Peer(peer)): Extension<Peer>,
    Path(secret): Path<String>,
    body: Bytes,
) -> Response<Body> {
    let site = match admitted(&state, peer) {
        Ok(site) => site,
        Err(response) => return *response,
    };
    let fields = Fields::of(&body, &site);
    let systems = match fields.unsubscribes {
        true => BTreeSet::new(),
        false => fields.systems,
    };
    let ends = systems.is_empty();
    match state.subscriptions.choose(secret.clone(), systems).await {
        Ok(Some(true)) if !ends => {
            Redirect::to(&format!("/subscription/{secret}?changed")).into_response()
        }
        // A mail program may repeat its request.
        Ok(Some(_)) => told(&site, StatusCode::OK, &ENDED).await,
        Ok(None) => told(&site, StatusCode::NOT_FOUND, &NO_LINK).await,
        Err(error) => failed(&site, &error).await,
    }
}

/// The site, if the client may make a request.
fn admitted(state: &Public, peer: std::net::IpAddr) -> Result<Arc<Site>, Box<Response<Body>>> {
    let Some(site) = state.site.load_full() else {
        return Err(Box::new(
            (StatusCode::NOT_FOUND, "not found\n").into_response(),
        ));
    };
    match state.peers.admits(peer, clock::elapsed()) {
        true => Ok(site),
        false => Err(Box::new(too_many(StatusCode::TOO_MANY_REQUESTS))),
    }
}

/// It is not rendered: thousands of requests may get it.
fn too_many(status: StatusCode) -> Response<Body> {
    let retry = [(header::RETRY_AFTER, HeaderValue::from_static("600"))];
    let text = "Too many people are subscribing just now. Try again in ten minutes.\n";
    (status, retry, text).into_response()
}

async fn failed(site: &Site, error: &Error) -> Response<Body> {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a subscription cannot be changed"
    );
    told(site, StatusCode::SERVICE_UNAVAILABLE, &UNAVAILABLE).await
}

async fn told(site: &Site, status: StatusCode, told: &Told) -> Response<Body> {
    page(site, status, "told.html.j2", told.title, told).await
}

async fn page(
    site: &Site,
    status: StatusCode,
    template: &'static str,
    title: &str,
    view: impl Serialize,
) -> Response<Body> {
    match site.frame.form(template, "", title.to_owned(), view).await {
        Ok(text) => html(status, text),
        Err(error) => {
            tracing::error!(%error, template, "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
