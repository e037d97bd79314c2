//! Acts that wait for a second person, for the console and the API. One account proposes, another approves: the ledger
//! then has one event with both. A token stands for the account that made it, so nobody approves the own proposal with a
//! program. `docs/decisions/0021-a-second-person-is-an-account.md` says why.

use std::sync::Arc;

use domain::act::Act;
use domain::actor::{Actor, How};
use people::{Account, Error, People, Proposal, ProposalId, Role};

use super::Console;
use crate::web::state::{ActRequest, Receipt, Reply};

/// Stands for the second person while a proposal is tried.
pub const NOBODY_YET: &str = "a second person";

/// The person who proposes or decides.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name that the ledger gives the actor.
    pub name: String,
    /// The login of the account.
    pub account: String,
    pub role: Role,
}

impl Person {
    pub fn of(account: &Account) -> Self {
        Self {
            name: account.login.clone(),
            account: account.login.clone(),
            role: account.role,
        }
    }

    /// The name of a second person. That of a program names the account behind it.
    fn as_second(&self) -> String {
        match self.name == self.account {
            true => self.name.clone(),
            false => format!("{} of {}", self.name, self.account),
        }
    }

    fn is_behind(&self, proposal: &Proposal) -> bool {
        self.account.eq_ignore_ascii_case(&proposal.account)
    }

    /// Another account with the role of an approver.
    fn may_approve(&self, proposal: &Proposal) -> bool {
        self.role >= Role::Approver && !self.is_behind(proposal)
    }

    fn may_withdraw(&self, proposal: &Proposal) -> bool {
        self.role >= Role::Approver || self.is_behind(proposal)
    }
}

/// Why a proposal is not made, shown or decided.
#[derive(Debug)]
pub enum Refused {
    /// It was approved or withdrawn, or is too old.
    Gone,
    NotAllowed(String),
    Conflict(String),
    /// The act was not recorded, or nobody knows.
    Failed(String),
    /// The file of proposals cannot be used.
    Unreadable,
}

/// A proposal, as one person sees it.
pub struct Waiting {
    pub proposal: Proposal,
    /// The events that an approval would record, or the reason why the act is refused by now.
    pub tried: Result<Receipt, String>,
    pub may_approve: bool,
    pub may_withdraw: bool,
}

/// The proposals that wait, the oldest first.
pub async fn waiting(console: &Arc<Console>, person: &Person) -> Result<Vec<Waiting>, Refused> {
    let now = console.app.now();
    let all = asked(console, move |people| people.proposals(now)).await?;
    let mut waiting = Vec::new();
    for proposal in all {
        let tried = match carried_out(console, &proposal, NOBODY_YET, true).await {
            Reply::Done(receipt) => Ok(receipt),
            Reply::Refused(why) | Reply::Failed(why) => Err(why),
        };
        waiting.push(Waiting {
            may_approve: person.may_approve(&proposal) && tried.is_ok(),
            may_withdraw: person.may_withdraw(&proposal),
            proposal,
            tried,
        });
    }
    Ok(waiting)
}

/// Keeps an act, which was tried before, for a second person.
pub async fn propose(
    console: &Arc<Console>,
    person: &Person,
    act: &Act,
    not_phi: Option<String>,
) -> Result<ProposalId, Refused> {
    let act = serde_json::to_string(act).map_err(|error| {
        tracing::error!(%error, "an act cannot be written as JSON");
        Refused::Unreadable
    })?;
    let (person, now) = (person.clone(), console.app.now());
    asked(console, move |people| {
        let by = (person.name.as_str(), person.account.as_str());
        people.propose(&act, by, not_phi.as_deref(), now)
    })
    .await
}

/// Approves a proposal: records its act, once, and removes the proposal, even if the client leaves before the answer.
pub async fn approve(
    console: &Arc<Console>,
    person: &Person,
    id: ProposalId,
) -> Result<Receipt, Refused> {
    let (console, person) = (Arc::clone(console), person.clone());
    let approved = tokio::spawn(async move { approve_now(&console, &person, id).await });
    approved.await.unwrap_or_else(|_| {
        let why = "The approval stopped. The ledger says if it was recorded.";
        Err(Refused::Failed(why.to_owned()))
    })
}

async fn approve_now(
    console: &Arc<Console>,
    person: &Person,
    id: ProposalId,
) -> Result<Receipt, Refused> {
    // Two people who approve at once: the act is recorded once.
    let _turn = console.approvals.lock().await;
    let now = console.app.now();
    let found = asked(console, move |people| {
        let Some(proposal) = people.proposal(id, now)? else {
            return Ok(None);
        };
        let may_act = may_still_act(people, &proposal, now)?;
        Ok(Some((proposal, may_act)))
    });
    let (proposal, may_act) = found.await?.ok_or(Refused::Gone)?;
    if person.is_behind(&proposal) {
        let why = "You proposed it: another person must approve it.";
        return Err(Refused::NotAllowed(why.to_owned()));
    }
    if !person.may_approve(&proposal) {
        return Err(Refused::NotAllowed(format!(
            "An approval needs the role {}. Your role is {}.",
            Role::Approver,
            person.role
        )));
    }
    if !may_act {
        let why = format!("{} may no longer act. Withdraw the proposal.", proposal.by);
        return Err(Refused::Conflict(why));
    }
    let receipt = match carried_out(console, &proposal, &person.as_second(), false).await {
        Reply::Done(receipt) => receipt,
        Reply::Refused(why) => {
            let why = format!("{why}. Nothing was recorded; the proposal waits on.");
            return Err(Refused::Conflict(why));
        }
        Reply::Failed(why) => {
            let why = format!("{why}. The ledger says if it was recorded.");
            return Err(Refused::Failed(why));
        }
    };
    asked(console, move |people| people.remove_proposal(id)).await?;
    Ok(receipt)
}

/// Withdraws a proposal: it is deleted.
pub async fn withdraw(
    console: &Arc<Console>,
    person: &Person,
    id: ProposalId,
) -> Result<(), Refused> {
    let _turn = console.approvals.lock().await;
    let now = console.app.now();
    let found = asked(console, move |people| people.proposal(id, now)).await?;
    let proposal = found.ok_or(Refused::Gone)?;
    if !person.may_withdraw(&proposal) {
        let why = format!("{} or an approver can withdraw it.", proposal.by);
        return Err(Refused::NotAllowed(why));
    }
    asked(console, move |people| people.remove_proposal(id)).await
}

/// True if the proposer may still act: the account is not disabled, the token not revoked, and the role suffices.
fn may_still_act(
    people: &People,
    proposal: &Proposal,
    now: jiff::Timestamp,
) -> Result<bool, Error> {
    let accounts = people.accounts()?;
    let mut enabled = accounts.iter().filter(|a| a.disabled_at.is_none());
    let account = enabled.find(|a| a.login.eq_ignore_ascii_case(&proposal.account));
    let Some(account) = account else {
        return Ok(false);
    };
    if proposal.by.eq_ignore_ascii_case(&proposal.account) {
        return Ok(account.role >= Role::Operator);
    }
    let tokens = people.tokens()?;
    let mut own = tokens.iter();
    Ok(own.any(|token| {
        format!("token {}", token.name) == proposal.by
            && token.created_by.eq_ignore_ascii_case(&proposal.account)
            && token.expires_at > now
            && token.role >= Role::Operator
    }))
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
    let how = match proposal.by.eq_ignore_ascii_case(&proposal.account) {
        true => How::Console,
        false => How::Api,
    };
    let person = proposal.by.clone();
    console.app.act(Actor { person, how }, asked).await
}

/// Asks the file of proposals.
async fn asked<T: Send + 'static>(
    console: &Arc<Console>,
    ask: impl FnOnce(&People) -> Result<T, Error> + Send + 'static,
) -> Result<T, Refused> {
    let people = Arc::clone(&console.people);
    match tokio::task::spawn_blocking(move || ask(&people)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Error::Refused(why))) => Err(Refused::Conflict(format!("{why}."))),
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "people.sqlite cannot be used");
            Err(Refused::Unreadable)
        }
        Err(_) => Err(Refused::Unreadable),
    }
}
