//! `nines proposal`: the acts that wait for a second person, on a service that `--server` names. On the machine of the
//! service there are no accounts: there `--approved-by` names the second person.

use domain::act::Act;
use domain::text::visible_line;
use serde_json::json;

use super::acts::Options;
use super::args::{Common, Proposal};
use super::client::Client;
use super::layout::{self, Listing, Times};
use super::output::{self, print};
use super::remote::Remote;
use super::{End, Failure, reply};

pub fn run(common: &Common, wanted: Proposal) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let remote = remote(&client)?;
    match wanted {
        Proposal::List => list(common, remote),
        Proposal::Approve { id } => reply::print_reply(common, remote.approve(id)?),
        Proposal::Withdraw { id } => match remote.withdraw(id)? {
            Some(why) => reply::refused(common, &why),
            None if common.json => output::answer(&json!({ "withdrawn": id })),
            None => {
                print(&format!("proposal {id} is withdrawn\n"))?;
                Ok(End::Done)
            }
        },
    }
}

/// Proposes an act to a second person.
pub(super) fn propose(
    common: &Common,
    client: &Client,
    act: &Act,
    options: &Options,
) -> Result<End, Failure> {
    match remote(client)?.propose(act, options.not_phi.as_deref())? {
        Err(why) => reply::refused(common, &why),
        Ok(id) if common.json => output::answer(&json!({ "proposal": id })),
        Ok(id) => {
            print(&format!(
                "proposal {id} waits for a second person: `nines proposal approve {id}`, or the page Proposals\n"
            ))?;
            Ok(End::Done)
        }
    }
}

fn remote(client: &Client) -> Result<&Remote, Failure> {
    client.remote().ok_or_else(|| {
        let why = "proposals need accounts: name the service with --server and a token, use the console, or name the \
                   second person with --approved-by";
        Failure::Usage(why.to_owned())
    })
}

fn list(common: &Common, remote: &Remote) -> Result<End, Failure> {
    let waiting = remote.proposals()?;
    if common.json {
        return output::answer(&waiting);
    }
    let times = Times::new(remote.status()?.zone());
    let mut list = Listing::new();
    for proposal in &waiting {
        let mut lines = vec![format!("{} by {}", proposal.id, visible_line(&proposal.by))];
        lines.push(format!("proposed {}", times.at(proposal.at)));
        lines.extend(
            proposal
                .events
                .iter()
                .map(|event| visible_line(&event.text)),
        );
        if let Some(why) = &proposal.refused {
            lines.push(format!(
                "it can no longer be recorded: {}",
                visible_line(why)
            ));
        }
        list.entry(lines);
    }
    print(&list.render(layout::width()))?;
    Ok(End::Done)
}
