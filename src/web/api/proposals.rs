//! Acts that wait for a second person. A token stands for the account that made it: another account, or a token of
//! another account, approves (`docs/decisions/0021-a-second-person-is-an-account.md`).

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use people::ProposalId;

use super::acts::{domain, receipt_of, recorded};
use super::caller::Caller;
use super::list::part_of;
use super::problem::{Answer, Failed};
use super::{Shared, once, wire};
use crate::web::console::second_person::{self, NOBODY_YET, Person, Refused};
use crate::web::console::{Console, second_person_is_an_account};
use crate::web::state::{ActRequest, Reply};

impl Caller {
    /// The account behind the token.
    fn person(&self) -> Person {
        Person {
            name: self.name.clone(),
            account: self.made_by.clone(),
            role: self.role,
        }
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Gone => Failed::not_found(
                "this proposal was approved or withdrawn, or is older than seven days",
            ),
            Refused::NotAllowed(why) => Failed::new(StatusCode::FORBIDDEN, why),
            Refused::Conflict(why) => Failed::conflict(why),
            Refused::Failed(why) => Failed::unavailable(why),
            Refused::Unreadable => {
                Failed::unavailable("the proposals cannot be read; the log says why")
            }
        }
    }
}

/// List the acts that wait for a second person, the oldest first
#[utoipa::path(
    get,
    path = "/api/v1/proposals",
    params(wire::Part),
    responses((status = 200, body = wire::Page<wire::Proposal>))
)]
pub async fn list(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Query(part): Query<wire::Part>,
) -> Answer<Json<wire::Page<wire::Proposal>>> {
    let waiting = second_person::waiting(&console, &caller.person()).await?;
    let shown = waiting.into_iter().map(|waiting| wire::Proposal {
        id: waiting.proposal.id.0,
        by: waiting.proposal.by,
        account: waiting.proposal.account,
        at: waiting.proposal.created_at,
        may_approve: waiting.may_approve,
        may_withdraw: waiting.may_withdraw,
        events: match &waiting.tried {
            Ok(receipt) => recorded(&console, &receipt.events, &caller),
            Err(_) => Vec::new(),
        },
        refused: waiting.tried.err(),
    });
    let key = |proposal: &wire::Proposal| proposal.id.to_string();
    Ok(Json(part_of(shown.collect(), key, &part)?))
}

/// Propose an act to a second person
///
/// It is tried, and waits for seven days. For exclusions, faults of the monitor and earlier times.
#[utoipa::path(
    post,
    path = "/api/v1/proposals",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters, kept for 24 hours")),
    request_body = wire::ProposalRequest,
    responses(
        (status = 201, body = wire::Proposed),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "The act is refused, needs no second person, or the key was used"),
    )
)]
pub async fn propose(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(body): Json<wire::ProposalRequest>,
) -> Answer<Response> {
    is_of_an_account(&console, &caller).await?;
    let act = domain(&body.act)?;
    second_person_is_an_account(&act, true).map_err(Failed::conflict)?;
    let key = once::key(&headers)?;
    let tried = ActRequest {
        by: caller.name.clone(),
        act: act.clone().approved_by(NOBODY_YET),
        dry_run: true,
        anyway: true,
        not_phi: body.not_phi.clone(),
    };
    let (for_work, by, not_phi) = (Arc::clone(&console), caller.clone(), body.not_phi.clone());
    let work = async move {
        match for_work.app.act(by.actor(), tried).await {
            Reply::Done(_) => {}
            Reply::Refused(why) => return Err(Failed::conflict(why)),
            Reply::Failed(why) => return Err(Failed::unavailable(why)),
        }
        let id = second_person::propose(&for_work, &by.person(), &act, not_phi).await?;
        let made = Json(wire::Proposed { id: id.0 });
        Ok((StatusCode::CREATED, made).into_response())
    };
    once::answered(&console, &caller, key, ("proposals", &body), work).await
}

/// Approve a proposal of another account
///
/// Its act is recorded once, with both names.
#[utoipa::path(
    post,
    path = "/api/v1/proposals/{id}/approval",
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = wire::Receipt, description = "The events are on the disk"),
        (status = 409, body = wire::Problem, content_type = "application/problem+json", description = "The act is refused by now"),
    )
)]
pub async fn approve(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Answer<Json<wire::Receipt>> {
    is_of_an_account(&console, &caller).await?;
    let receipt = second_person::approve(&console, &caller.person(), ProposalId(id)).await?;
    Ok(Json(receipt_of(&console, receipt).await?))
}

/// Withdraw a proposal
///
/// The proposer or an approver may. Nothing was recorded, and nothing is.
#[utoipa::path(
    delete,
    path = "/api/v1/proposals/{id}",
    params(("id" = i64, Path)),
    responses((status = 204, description = "It is withdrawn"))
)]
pub async fn withdraw(
    State(console): Shared,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    second_person::withdraw(&console, &caller.person(), ProposalId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a token that another token made: no person stands behind it.
async fn is_of_an_account(console: &Arc<Console>, caller: &Caller) -> Answer<()> {
    let people = Arc::clone(&console.people);
    let accounts = super::blocking(move || people.accounts()).await?;
    let accounts = accounts.map_err(|_| Failed::from(Refused::Unreadable))?;
    let mut own = accounts.iter();
    let stands = own.any(|account| {
        account.login.eq_ignore_ascii_case(&caller.made_by) && account.disabled_at.is_none()
    });
    match stands {
        true => Ok(()),
        false => Err(Failed::conflict(format!(
            "an account must stand behind a proposal and its approval, and {} made this token: let an account make it on the page People",
            caller.made_by
        ))),
    }
}
