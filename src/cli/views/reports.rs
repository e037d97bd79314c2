//! `nines report list`, `show` and `verify`: the approved reports and their files.

use anyhow::Context as _;
use domain::calendar::Month;
use domain::id::CommitteeId;
use domain::notice::Kind;
use domain::record::{Record, Revision};
use serde_json::{Value, json};

use super::notices::standing;
use crate::cli::args::{Common, ShowReport, VerifyReports};
use crate::cli::client::Client;
use crate::cli::layout::{self, Listing, Times};
use crate::cli::output::{self, print, print_error};
use crate::cli::{End, Failure, report};
use crate::reports::filing::FOLDER;
use crate::reports::verify;

/// Every approved revision, by committee and month.
fn revisions(record: &Record) -> impl Iterator<Item = (&CommitteeId, Month, &Revision)> {
    let all = record.reports.all();
    all.flat_map(|(committee, month, known)| {
        known.revisions.iter().map(move |r| (committee, month, r))
    })
}

/// The delivery of a revision to each member: the address, the state, the relay's last reply.
fn deliveries(
    record: &Record,
    committee: &CommitteeId,
    month: Month,
    revision: u32,
) -> Vec<(String, String, Option<String>)> {
    let times = Times::new(record.zone());
    let messages = record.notices.messages();
    let own = messages.filter(|(_, o)| {
        o.notice.kind == Kind::Report
            && o.notice.report.as_ref().is_some_and(|r| {
                r.committee == *committee && r.month == month && r.revision == revision
            })
    });
    own.map(|(_, o)| {
        let address = o.notice.recipient.address.to_string();
        let reply = o.last.as_ref().map(|(_, reply)| reply.clone());
        (address, standing(&o.standing, &times), reply)
    })
    .collect()
}

/// Lists drafts that were announced and reports that were approved.
pub fn list(common: &Common) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let (record, _) = client.record(None)?;
    if common.json {
        let all: Vec<Value> = record
            .reports
            .all()
            .map(|(committee, month, known)| {
                json!({
                    "committee": committee, "month": month, "drafted": known.drafted_at,
                    "meeting": known.meeting_at,
                    "revisions": known.revisions.iter().map(|r| json!({
                        "revision": r.revision, "seq": r.seq, "approved": r.approved_at,
                        "by": r.by, "as_of": r.as_of, "reason": r.reason,
                        "filed": r.filed.as_ref().map(|f| f.at),
                        "files": r.filed.as_ref().map(|f| &f.files),
                        "mails": deliveries(&record, committee, month, r.revision).into_iter()
                            .map(|(address, stands, reply)| json!({
                                "recipient": address, "stands": stands,
                                "reply": reply,
                            })).collect::<Vec<_>>(),
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        return output::answer(&all);
    }
    let times = Times::new(record.zone());
    let mut listing = Listing::new();
    for (committee, month, known) in record.reports.all() {
        if known.revisions.is_empty() {
            listing.entry(vec![
                format!("{month} {committee}, draft"),
                format!("announced {}; not approved", times.at(known.drafted_at)),
            ]);
        }
        for revision in &known.revisions {
            let number = edition(revision.revision);
            let approved = times.at(revision.approved_at);
            let mails = mails(&record, committee, month, revision);
            listing.entry(vec![
                format!("{month} {committee}, {number}"),
                format!("approved {approved} by {}; {mails}", revision.by),
            ]);
        }
    }
    print(&listing.render(layout::width()))?;
    Ok(End::Done)
}

fn edition(revision: u32) -> String {
    match revision {
        0 => "final".to_owned(),
        n => format!("revision {n}"),
    }
}

/// How many members got the mail.
fn mails(record: &Record, committee: &CommitteeId, month: Month, revision: &Revision) -> String {
    if revision.filed.is_none() {
        return "files not written yet".to_owned();
    }
    let key = (committee.clone(), month);
    let entries = record.notices.report_entries();
    let own = entries.filter(|(of, _, e)| {
        **of == key && e.kind == Kind::Report && e.revision == revision.revision
    });
    let all: Vec<bool> = own
        .map(|(_, _, e)| matches!(e.known, domain::record::notices::Known::Yes(_)))
        .collect();
    let delivered = all.iter().filter(|yes| **yes).count();
    format!("{delivered} of {} delivered", all.len())
}

/// Prints a file of an approved report, as it was sent.
pub fn show(common: &Common, wanted: &ShowReport) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let (record, _) = client.record(None)?;
    let committee = report::committee_of(&record, wanted.committee.as_deref())?;
    let known = record.reports.get(&committee, wanted.month);
    let all = known.map_or(&[][..], |known| known.revisions.as_slice());
    let found = match wanted.revision {
        Some(number) => all.iter().find(|r| r.revision == number),
        None => all.last(),
    };
    let Some(filed) = found.and_then(|r| r.filed.as_ref()) else {
        return Err(Failure::Unknown(format!(
            "no such report of {} for {committee} is approved; `nines report list` lists them",
            wanted.month
        )));
    };
    let format = report::format(common, wanted.format)?;
    let ending = format!(".{}", format.extension());
    let Some(file) = filed.files.iter().find(|f| f.name.ends_with(&ending)) else {
        return Err(Failure::Unknown(format!(
            "it has no {} file: {}",
            format.extension(),
            filed
                .files
                .iter()
                .map(|f| f.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        )));
    };
    let path = client.data.join(FOLDER).join(&file.name);
    let bytes =
        std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    match &wanted.out {
        Some(out) => {
            crate::files::replace(out, &bytes)
                .with_context(|| format!("{} cannot be written", out.display()))?;
            print_error(out.display());
        }
        None => output::bytes(&bytes)?,
    }
    Ok(End::Done)
}

/// Checks approved reports against the ledger.
pub fn verify(common: &Common, wanted: &VerifyReports) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let (record, _) = client.record(None)?;
    let ledger = client.ledger()?;
    let look = report::look(common);
    let mut rows = Vec::new();
    let mut bad = false;
    for (committee, month, revision) in revisions(&record) {
        let is_wanted = wanted.month.is_none_or(|m| m == month)
            && wanted
                .committee
                .as_deref()
                .is_none_or(|c| c == committee.as_str());
        if !is_wanted {
            continue;
        }
        let id = committee.as_str();
        let checked = verify::revision(&ledger, &client.data, &look, id, month, revision)?;
        bad |= !checked.faults.is_empty();
        rows.push(json!({
            "committee": committee, "month": month, "revision": revision.revision,
            "faults": checked.faults, "notes": checked.notes,
        }));
        if !common.json {
            let name = format!("{month} {committee}, {}", edition(revision.revision));
            let result = match checked.faults.is_empty() {
                true => "unchanged: the files match the ledger",
                false => "NOT CLEAN",
            };
            print(&format!("{name}: {result}\n"))?;
            for line in checked.faults.iter().chain(&checked.notes) {
                print(&format!("  {}\n", domain::text::visible_line(line)))?;
            }
        }
    }
    if common.json {
        output::json(&rows)?;
    } else if rows.is_empty() {
        print("no approved report\n")?;
    }
    Ok(End::bad_news_if(bad))
}
