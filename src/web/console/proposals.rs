//! Acts that wait for a second person. One account proposes, another approves: the ledger then has one event with both.
//! `docs/decisions/0021-a-second-person-is-an-account.md` says why.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::act::Act;
use domain::actor::{Actor, How};
use people::{Account, Error, Proposal, ProposalId, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::SignedIn;
use super::act_form::sentences;
use super::when::When;
use super::{Console, Shared, blocking};
use crate::web::state::{ActRequest, Reply};

/// Stands for the second person while a proposal is tried.
pub const NOBODY_YET: &str = "a second person";

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
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let waiting = match blocking(move || people.proposals(now)).await {
        Ok(Ok(waiting)) => waiting,
        Ok(Err(error)) => return unavailable(&console, &who.account, &error),
        Err(response) => return response,
    };
    let times = console.times();
    let mut lines = Vec::new();
    for proposal in waiting {
        let (recorded, refused) = match tried(&console, &proposal).await {
            Ok(recorded) => (recorded, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        lines.push(Line {
            id: proposal.id.0,
            at: times.at(proposal.created_at),
            may_approve: may_approve(&who.account, &proposal) && refused.is_none(),
            may_withdraw: may_withdraw(&who.account, &proposal),
            by: proposal.by,
            recorded,
            refused,
        });
    }
    console.page(&who.account, "proposals.html", json!({ "waiting": lines }))
}

/// Another account with the role of an approver.
fn may_approve(account: &Account, proposal: &Proposal) -> bool {
    account.role >= Role::Approver && !is_own(account, proposal)
}

fn may_withdraw(account: &Account, proposal: &Proposal) -> bool {
    account.role >= Role::Approver || is_own(account, proposal)
}

fn is_own(account: &Account, proposal: &Proposal) -> bool {
    account.login.eq_ignore_ascii_case(&proposal.by)
}

/// Keeps an act, which was tried before, for a second person.
pub async fn propose(
    console: &Arc<Console>,
    account: &Account,
    act: &Act,
    not_phi: Option<String>,
) -> Response {
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let by = account.login.clone();
    let kept = match serde_json::to_string(act) {
        Ok(act) => blocking(move || people.propose(&act, &by, not_phi.as_deref(), now)).await,
        Err(error) => {
            tracing::error!(%error, "an act cannot be written as JSON");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    match kept {
        Ok(Ok(_)) => Redirect::to("/console/proposals").into_response(),
        Ok(Err(Error::Refused(why))) => {
            let text = format!("{why}.");
            console.message(account, StatusCode::CONFLICT, "Refused", &text)
        }
        Ok(Err(error)) => unavailable(console, account, &error),
        Err(response) => response,
    }
}

/// The sentences of what would be recorded, or why it would be refused.
async fn tried(console: &Console, proposal: &Proposal) -> Result<Vec<String>, String> {
    match carried_out(console, proposal, NOBODY_YET, true).await {
        Reply::Done(receipt) => Ok(sentences(console, &receipt)),
        Reply::Refused(why) | Reply::Failed(why) => Err(why),
    }
}

async fn carried_out(console: &Console, proposal: &Proposal, second: &str, dry_run: bool) -> Reply {
    let act: Act = match serde_json::from_str(&proposal.act) {
        Ok(act) => act,
        Err(error) => return Reply::Refused(format!("an older program wrote it: {error}")),
    };
    let asked = ActRequest {
        by: proposal.by.clone(),
        act: act.approved_by(second),
        dry_run,
        anyway: true,
        not_phi: proposal.not_phi.clone(),
    };
    let by = Actor {
        person: proposal.by.clone(),
        how: How::Console,
    };
    console.app.act(by, asked).await
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
    let account = &who.account;
    // Two people who approve at once: the act is recorded once.
    let _turn = console.approvals.lock().await;
    let (people, now) = (Arc::clone(&console.people), console.app.now());
    let found = blocking(move || {
        let found = people.proposal(ProposalId(id), now)?;
        let proposer = match &found {
            Some(proposal) => people
                .accounts()?
                .into_iter()
                .find(|account| is_own(account, proposal)),
            None => None,
        };
        Ok::<_, Error>((found, proposer))
    });
    let (proposal, proposer) = match found.await {
        Ok(Ok((Some(proposal), proposer))) => (proposal, proposer),
        Ok(Ok((None, _))) => {
            let text = "This proposal was approved or withdrawn, or is older than seven days.";
            return console.message(account, StatusCode::NOT_FOUND, "Not found", text);
        }
        Ok(Err(error)) => return unavailable(&console, account, &error),
        Err(response) => return response,
    };
    match form.decision {
        Decided::Withdraw if !may_withdraw(account, &proposal) => {
            let text = format!("{} or an approver can withdraw it.", proposal.by);
            console.message(account, StatusCode::FORBIDDEN, "Not allowed", &text)
        }
        Decided::Withdraw => match removed(&console, proposal.id).await {
            Ok(()) => Redirect::to("/console/proposals").into_response(),
            Err(response) => response,
        },
        Decided::Approve if !may_approve(account, &proposal) => {
            let text = match is_own(account, &proposal) {
                true => "You proposed it: another person must approve it.".to_owned(),
                false => format!(
                    "An approval needs the role {}. Your role is {}.",
                    Role::Approver,
                    account.role
                ),
            };
            console.message(account, StatusCode::FORBIDDEN, "Not allowed", &text)
        }
        Decided::Approve
            if proposer.is_none_or(|proposer| {
                proposer.disabled_at.is_some() || proposer.role < Role::Operator
            }) =>
        {
            let text = format!("{} may no longer act. Withdraw the proposal.", proposal.by);
            console.message(account, StatusCode::CONFLICT, "Refused", &text)
        }
        Decided::Approve => approve(&console, account, &proposal).await,
    }
}

async fn approve(console: &Arc<Console>, account: &Account, proposal: &Proposal) -> Response {
    let receipt = match carried_out(console, proposal, &account.login, false).await {
        Reply::Done(receipt) => receipt,
        Reply::Refused(why) => {
            let text = format!("{why}. Nothing was recorded; the proposal waits on.");
            return console.message(account, StatusCode::CONFLICT, "Refused", &text);
        }
        Reply::Failed(why) => {
            let text = format!("{why}. The ledger says if it was recorded.");
            return console.message(
                account,
                StatusCode::SERVICE_UNAVAILABLE,
                "Not recorded",
                &text,
            );
        }
    };
    if let Err(response) = removed(console, proposal.id).await {
        return response;
    }
    let recorded = sentences(console, &receipt);
    console.page(
        account,
        "done.html",
        json!({ "recorded": recorded, "left": receipt.left, "back": "/console/proposals" }),
    )
}

async fn removed(console: &Arc<Console>, id: ProposalId) -> Result<(), Response> {
    let people = Arc::clone(&console.people);
    let done = blocking(move || people.remove_proposal(id)).await?;
    done.map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "people.sqlite cannot be written");
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    })
}

fn unavailable(console: &Arc<Console>, account: &Account, error: &Error) -> Response {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "people.sqlite cannot be used");
    let text = "The proposals cannot be read. The log of the service says why.";
    console.message(
        account,
        StatusCode::SERVICE_UNAVAILABLE,
        "Not readable",
        text,
    )
}
