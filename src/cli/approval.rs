//! `nines report approve` and `nines report revise`: an act on the draft that the person read.

use std::path::PathBuf;

use domain::act::Act;
use domain::calendar::Month;
use domain::id::CommitteeId;

use super::acts::Options;
use super::args::{Approve, Common, Revise};
use super::client::Client;
use super::{End, Failure, reply, report};
use crate::files;
use crate::reports::filing::FOLDER;

/// Approves the report of a month.
pub fn approve(common: &Common, wanted: Approve) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let committee = report::committee(&client, wanted.committee.as_deref())?;
    let as_of = draft(&client, &committee, wanted.month, wanted.as_of)?;
    let act = Act::ApproveReport {
        committee,
        month: wanted.month,
        as_of: Some(as_of),
        figures: None,
        reason: wanted.reason,
    };
    let options = Options {
        not_phi: wanted.not_phi,
        ..Options::default()
    };
    reply::carry_out(common, &client, act, options)
}

/// Approves a revision of a report.
pub fn revise(common: &Common, wanted: Revise) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let committee = report::committee(&client, wanted.committee.as_deref())?;
    let as_of = draft(&client, &committee, wanted.month, wanted.as_of)?;
    let act = Act::ReviseReport {
        committee,
        month: wanted.month,
        as_of: Some(as_of),
        figures: None,
        reason: wanted.reason,
    };
    let options = Options {
        not_phi: wanted.not_phi,
        ..Options::default()
    };
    reply::carry_out(common, &client, act, options)
}

/// The draft that is approved: the one that is named, else the last one that was printed.
fn draft(
    client: &Client,
    committee: &CommitteeId,
    month: Month,
    named: Option<u64>,
) -> Result<u64, Failure> {
    let printed = || {
        let text = std::fs::read_to_string(path(client, committee, month)).ok()?;
        text.trim().parse().ok()
    };
    if client.is_remote() {
        let missing = || {
            let why = "name the draft that you read with --as-of: its number is `as_of` in the answer of \
                       /api/v1/reports, and on the page of the report";
            Failure::Usage(why.to_owned())
        };
        return named.ok_or_else(missing);
    }
    named.or_else(printed).ok_or_else(|| {
        Failure::Usage(format!(
            "no draft of {month} was printed here: read it first with `nines report {month} --committee {committee}`, or name the ledger number that it prints with --as-of"
        ))
    })
}

/// Remembers which draft was printed last. It only makes `approve` shorter to type, so a data
/// directory that cannot be written is no error.
pub(super) fn printed(client: &Client, committee: &CommitteeId, month: Month, seq: u64) {
    let path = path(client, committee, month);
    if let Some(folder) = path.parent()
        && files::make_private_dir(folder).is_ok()
    {
        let _ = files::replace_private(&path, format!("{seq}\n").as_bytes());
    }
}

fn path(client: &Client, committee: &CommitteeId, month: Month) -> PathBuf {
    let folder = client.data.join(FOLDER).join("printed");
    folder.join(format!("{committee}-{month}"))
}
