//! The approval of reports and of their revisions.

use jiff::Timestamp;

use super::{given, maybe, refuse};
use crate::act::Refusal;
use crate::actor::Actor;
use crate::calendar::Month;
use crate::event::{Event, Fact};
use crate::id::CommitteeId;
use crate::record::Record;
use crate::report::{self, Texts, figures};
use crate::text;

/// The request for an approval.
pub(super) struct Approval<'a> {
    pub committee: &'a CommitteeId,
    pub month: Month,
    /// The draft that the approver read.
    pub as_of: Option<u64>,
    /// The digest of its figures.
    pub figures: Option<&'a str>,
    pub reason: Option<&'a str>,
    /// True for a revision of a report that was approved before.
    pub revises: bool,
}

pub(super) fn approve(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    asked: &Approval<'_>,
) -> Result<Fact, Refusal> {
    let revision = revision(record, asked)?;
    maybe(asked.reason, "the reason")?;
    if asked.revises {
        given(
            asked.reason.unwrap_or_default(),
            "the reason of the revision",
        )?;
    }
    let as_of = asked.as_of.unwrap_or(record.seq);
    if as_of > record.seq {
        return refuse(format!(
            "there is no event {as_of} yet: the ledger ends with {}",
            record.seq
        ));
    }
    let fact = Fact::ReportApproved {
        committee: asked.committee.clone(),
        month: asked.month,
        revision,
        as_of,
        reason: asked.reason.map(str::to_owned),
    };
    // The report is made with the facts up to its approval.
    let mut approved = record.clone();
    let event = Event {
        at,
        by: by.clone(),
        fact: fact.clone(),
    };
    approved.apply(record.next_seq(), &event);
    let wrong = |error: report::Error| Refusal(error.to_string());
    let texts = Texts::of(&approved, asked.committee.as_str(), asked.month).map_err(wrong)?;
    if !texts.is_over {
        return refuse(format!(
            "{} is not over: approve its report afterwards",
            asked.month
        ));
    }
    may_approve(record, by, asked, &texts)?;
    gaps(asked, &texts)?;
    if let Some(as_of) = asked.as_of {
        let Some(seen) = asked.figures else {
            return refuse(format!(
                "the figures of the draft as of event {as_of} are not given"
            ));
        };
        let report = report::monthly(&approved, asked.committee.as_str(), asked.month, "");
        if figures::digest(&report.map_err(wrong)?) != seen {
            return refuse(format!(
                "figures have changed since event {as_of}: read the draft again with `nines report {} --committee {}`, then approve it",
                asked.month, asked.committee
            ));
        }
    }
    Ok(fact)
}

/// The number of the revision that is approved.
fn revision(record: &Record, asked: &Approval<'_>) -> Result<u32, Refusal> {
    let (committee, month) = (asked.committee, asked.month);
    let known = record.reports.get(committee, month);
    let last = known.and_then(|report| report.revisions.last());
    match (last, asked.revises) {
        (None, false) => Ok(0),
        (None, true) => refuse(format!(
            "the report of {committee} for {month} is not approved yet: approve it first"
        )),
        (Some(last), false) => refuse(format!(
            "{} approved the report of {committee} for {month} at {}: later facts make a revision, with `nines report revise`",
            last.by, last.approved_at
        )),
        (Some(last), true) if last.filed.is_none() => refuse(format!(
            "the files of revision {} of {committee} {month} are not written yet: try again",
            last.revision
        )),
        (Some(last), true) => Ok(last.revision + 1),
    }
}

/// Checks that the person may approve.
fn may_approve(
    record: &Record,
    by: &Actor,
    asked: &Approval<'_>,
    texts: &Texts,
) -> Result<(), Refusal> {
    let Some(committee) = record.catalogue.committee(asked.committee.as_str()) else {
        return refuse(format!("no committee is called `{}` now", asked.committee));
    };
    let Some(person) = text::person(&by.person) else {
        return refuse(format!(
            "a person must approve: `{}` has no letter",
            by.person
        ));
    };
    let approvers = &committee.reporting.approvers;
    let is_person = |name: &str| text::person(name).as_ref() == Some(&person);
    if !approvers.is_empty() && !approvers.iter().any(|id| is_person(id)) {
        return refuse(format!(
            "`{}` may not approve reports of {}; its approvers are {}",
            by.person,
            asked.committee,
            approvers.join(", ")
        ));
    }
    if committee.reporting.second_person && texts.authors().into_iter().any(is_person) {
        return refuse(format!(
            "`{}` wrote texts of {}: another person must approve its report",
            by.person, asked.month
        ));
    }
    Ok(())
}

/// Checks that no text is missing, or that there is a reason.
fn gaps(asked: &Approval<'_>, texts: &Texts) -> Result<(), Refusal> {
    let gaps = texts.missing();
    let gaps =
        gaps.map(|(incident, missing)| format!("{} lacks {}", incident.id, missing.join(", ")));
    let gaps: Vec<String> = gaps.collect();
    if gaps.is_empty() || asked.reason.is_some_and(|reason| !reason.trim().is_empty()) {
        return Ok(());
    }
    refuse(format!(
        "{}; write them, or give the reason why not: the report prints it",
        gaps.join("; ")
    ))
}
