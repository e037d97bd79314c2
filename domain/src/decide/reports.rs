//! Decides about reports: drafts and reminders that fall due, files that were written.

use jiff::Timestamp;

use super::Draft;
use crate::act::Refusal;
use crate::due::{self, ReportDue};
use crate::event::Fact;
use crate::input::FiledReport;
use crate::notices;
use crate::record::Record;

impl Draft<'_> {
    /// Announces a draft, or reminds of its missing texts.
    pub(super) fn report_due(&mut self, at: Timestamp, due: &ReportDue) {
        let ReportDue {
            committee,
            month,
            meeting_at,
            is_draft,
            ..
        } = due.clone();
        let owing = notices::owing(self.record(), committee.as_str(), month);
        let contacts = owing.into_keys().collect();
        let meeting = meeting_at;
        let fact = match is_draft {
            true => Fact::ReportDrafted {
                committee,
                month,
                meeting,
                contacts,
            },
            false => Fact::ReportReminded {
                committee,
                month,
                meeting,
                contacts,
            },
        };
        self.emit(at, fact);
    }

    /// Drafts that fell due while the service did not watch.
    pub(super) fn late_drafts(&mut self, at: Timestamp) {
        for due in due::late_drafts(self.record(), at) {
            self.report_due(at, &due);
        }
    }
}

/// The fact that the files of an approved report are on the disk.
pub(super) fn filed(record: &Record, filed: &FiledReport) -> Result<Fact, Refusal> {
    let FiledReport {
        committee,
        month,
        revision,
        files,
        renderer,
        headline,
        happened,
    } = filed.clone();
    let known = record.reports.get(&committee, month);
    let mut revisions = known.into_iter().flat_map(|report| &report.revisions);
    let open = revisions.any(|r| r.revision == revision && r.filed.is_none());
    if !open {
        let why = format!("revision {revision} of {committee} {month} waits for no files");
        return Err(Refusal(why));
    }
    Ok(Fact::ReportFiled {
        committee,
        month,
        revision,
        files,
        renderer,
        headline,
        happened,
    })
}
