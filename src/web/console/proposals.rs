//! The page of acts that wait for a second person.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::act::Act;
use people::{Account, ProposalId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::SignedIn;
use super::act_form::sentences;
use super::second_person::{self, Person, Refused};
use super::when::When;
use super::{Console, Shared};

#[derive(Serialize)]
struct Line {
    id: i64,
    by: String,
    at: When,
    /// The sentences that would be recorded; empty if the act is refused by now.
    recorded: Vec<String>,
    refused: Option<String>,
    may_approve: bool,
    may_withdraw: bool,
}

pub async fn list(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    let person = Person::of(&who.account);
    let waiting = match second_person::waiting(&console, &person).await {
        Ok(waiting) => waiting,
        Err(refused) => return answer(&console, &who.account, refused),
    };
    let times = console.times();
    let lines: Vec<Line> = waiting
        .into_iter()
        .map(|waiting| Line {
            id: waiting.proposal.id.0,
            at: times.at(waiting.proposal.created_at),
            may_approve: waiting.may_approve,
            may_withdraw: waiting.may_withdraw,
            by: waiting.proposal.by,
            recorded: match &waiting.tried {
                Ok(receipt) => sentences(&console, receipt),
                Err(_) => Vec::new(),
            },
            refused: waiting.tried.err(),
        })
        .collect();
    console.page(&who.account, "proposals.html", json!({ "waiting": lines }))
}

/// Keeps an act, which was tried before, for a second person.
pub async fn propose(
    console: &Arc<Console>,
    account: &Account,
    act: &Act,
    not_phi: Option<String>,
) -> Response {
    match second_person::propose(console, &Person::of(account), act, not_phi).await {
        Ok(_) => Redirect::to("/console/proposals").into_response(),
        Err(refused) => answer(console, account, refused),
    }
}

#[derive(Deserialize)]
pub struct Decision {
    decision: Decided,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decided {
    Approve,
    Withdraw,
}

pub async fn decide(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<i64>,
    Form(form): Form<Decision>,
) -> Response {
    let (account, id) = (&who.account, ProposalId(id));
    let person = Person::of(account);
    let done = match form.decision {
        Decided::Withdraw => second_person::withdraw(&console, &person, id)
            .await
            .map(|()| Redirect::to("/console/proposals").into_response()),
        Decided::Approve => second_person::approve(&console, &person, id)
            .await
            .map(|receipt| {
                let recorded = sentences(&console, &receipt);
                console.page(
                    account,
                    "done.html",
                    json!({ "recorded": recorded, "left": receipt.left, "back": "/console/proposals" }),
                )
            }),
    };
    done.unwrap_or_else(|refused| answer(&console, account, refused))
}

fn answer(console: &Arc<Console>, account: &Account, refused: Refused) -> Response {
    let (status, title, text) = match refused {
        Refused::Gone => (
            StatusCode::NOT_FOUND,
            "Not found",
            "This proposal was approved or withdrawn, or is older than seven days.".to_owned(),
        ),
        Refused::NotAllowed(why) => (StatusCode::FORBIDDEN, "Not allowed", why),
        Refused::Conflict(why) => (StatusCode::CONFLICT, "Refused", why),
        Refused::Failed(why) => (StatusCode::SERVICE_UNAVAILABLE, "Not recorded", why),
        Refused::Unreadable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Not readable",
            "The proposals cannot be read. The log of the service says why.".to_owned(),
        ),
    };
    console.message(account, status, title, &text)
}
