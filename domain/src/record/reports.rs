//! The life of every report: its draft, its approvals, the files that were made of them.

use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;

use super::Record;
use crate::calendar::Month;
use crate::event::{Event, Fact};
use crate::id::CommitteeId;
use crate::notice::ReportFile;

/// Reports by committee and month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    all: OrdMap<(CommitteeId, Month), Arc<ReportRecord>>,
}

/// The life of one report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportRecord {
    /// When its draft was announced.
    pub drafted_at: Option<Timestamp>,
    /// When the committee meets, as the last announcement said.
    pub meeting_at: Option<Timestamp>,
    /// The approved report (revision 0) and its revisions, in order.
    pub revisions: Vec<Revision>,
}

/// An approved report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// 0 for the first approval, then counted from 1.
    pub revision: u32,
    /// The sequence of the approval. The report has the facts up to it.
    pub seq: u64,
    pub approved_at: Timestamp,
    pub by: String,
    /// The sequence of the draft that the approver named.
    pub as_of: u64,
    /// Why texts are missing, or why there is a revision.
    pub reason: Option<String>,
    /// `None` until its files are on the disk.
    pub filed: Option<Filed>,
}

/// The files of an approved report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    pub at: Timestamp,
    pub files: Vec<ReportFile>,
    /// The program and the templates that made them.
    pub renderer: String,
    /// The first page's two sentences.
    pub headline: String,
    pub happened: Vec<String>,
}

impl Reports {
    pub fn get(&self, committee: &CommitteeId, month: Month) -> Option<&ReportRecord> {
        let found = self.all.get(&(committee.clone(), month));
        found.map(|report| &**report)
    }

    /// All reports, by committee and month.
    pub fn all(&self) -> impl Iterator<Item = (&CommitteeId, Month, &ReportRecord)> {
        let all = self.all.iter();
        all.map(|((committee, month), report)| (committee, *month, &**report))
    }

    /// Approved reports whose files are not on the disk yet, in order of their approval.
    pub fn unfiled(&self) -> Vec<(CommitteeId, Month, Revision)> {
        let mut found: Vec<_> = self
            .all()
            .flat_map(|(committee, month, report)| {
                let open = report.revisions.iter().filter(|r| r.filed.is_none());
                open.map(move |r| (committee.clone(), month, r.clone()))
            })
            .collect();
        found.sort_by_key(|(_, _, revision)| revision.seq);
        found
    }

    fn change(
        &mut self,
        committee: &CommitteeId,
        month: Month,
        change: impl FnOnce(&mut ReportRecord),
    ) {
        let report = self.all.entry((committee.clone(), month)).or_default();
        change(Arc::make_mut(report));
    }
}

impl Record {
    pub(super) fn report_fact(&mut self, event: &Event) {
        let (at, seq) = (event.at, self.seq);
        match &event.fact {
            Fact::ReportDrafted {
                committee,
                month,
                meeting,
                contacts,
            } => {
                self.reports.change(committee, *month, |report| {
                    report.drafted_at = Some(at);
                    report.meeting_at = Some(*meeting);
                });
                self.owe_draft(at, committee, *month, contacts);
            }
            Fact::ReportReminded {
                committee,
                month,
                meeting,
                contacts,
            } => {
                self.reports.change(committee, *month, |report| {
                    report.meeting_at = Some(*meeting);
                });
                self.owe_draft(at, committee, *month, contacts);
            }
            Fact::ReportApproved {
                committee,
                month,
                revision,
                as_of,
                reason,
            } => {
                let approved = Revision {
                    revision: *revision,
                    seq,
                    approved_at: at,
                    by: event.by.person.clone(),
                    as_of: *as_of,
                    reason: reason.clone(),
                    filed: None,
                };
                self.reports.change(committee, *month, |report| {
                    report.revisions.push(approved);
                });
                self.drop_drafts(committee, *month, at);
            }
            Fact::ReportFiled {
                committee,
                month,
                revision,
                files,
                renderer,
                headline,
                happened,
            } => {
                let filed = Filed {
                    at,
                    files: files.clone(),
                    renderer: renderer.clone(),
                    headline: headline.clone(),
                    happened: happened.clone(),
                };
                self.reports.change(committee, *month, |report| {
                    let mut all = report.revisions.iter_mut();
                    if let Some(approved) = all.find(|r| r.revision == *revision) {
                        approved.filed = Some(filed);
                    }
                });
                self.owe_report(at, committee, *month, *revision);
            }
            _ => {}
        }
    }
}
