//! The values of mails about a report.

use domain::notice::{MissingTexts, Report, ReportFile};
use domain::text::visible_line;
use serde::Serialize;

use super::attachment;
use super::text;
use super::times::{Clockface, Moment};
use super::view::enumerate;

/// The values of a report.
#[derive(Clone, Debug, Serialize)]
pub struct ReportView {
    /// The committee's name, and its id.
    pub committee: String,
    pub committee_id: String,
    /// `October 2026`, and `2026-10`.
    pub month: String,
    pub key: String,
    /// 0 for the first approved report.
    pub revision: u32,
    /// Reports that the recipient never received: `the report`, `revision 1`.
    pub replaces: Vec<String>,
    /// Their numbers.
    pub replaced: Vec<u32>,
    /// When the committee meets.
    pub meeting: Option<Moment>,
    /// Incidents with texts that the recipient owes.
    pub missing: Vec<MissingView>,
    pub approved_by: Option<String>,
    /// Why texts are missing, or why the report was revised.
    pub reason: Option<String>,
    /// The sentences of the first page.
    pub headline: Option<String>,
    pub happened: Vec<String>,
    pub file: Option<FileView>,
}

/// An incident with missing texts.
#[derive(Clone, Debug, Serialize)]
pub struct MissingView {
    pub id: String,
    /// The names of its systems.
    pub systems: String,
    pub opened: Moment,
    /// `summary and root cause`, and each by itself.
    pub texts: String,
    pub lacks: Vec<String>,
}

/// The file of a report.
#[derive(Clone, Debug, Serialize)]
pub struct FileView {
    pub name: String,
    /// `312 kB`.
    pub size: String,
    pub sha256: String,
    /// False if it is too large, or not the file that was approved.
    pub attached: bool,
}

impl ReportView {
    pub(super) fn new(clock: &Clockface, of: &Report) -> Self {
        let month = of.month.first().strftime("%B %Y").to_string();
        let report = |revision: &u32| match revision {
            0 => "the report".to_owned(),
            n => format!("revision {n}"),
        };
        Self {
            committee: text::one_line(&of.committee_name),
            committee_id: of.committee.to_string(),
            month,
            key: of.month.to_string(),
            revision: of.revision,
            replaces: of.replaces.iter().map(report).collect(),
            replaced: of.replaces.clone(),
            meeting: of.meeting.map(|at| clock.read(at)),
            missing: of
                .missing
                .iter()
                .map(|m| MissingView::new(clock, m))
                .collect(),
            approved_by: of.approved_by.as_deref().map(text::one_line),
            reason: of.reason.as_deref().map(text::one_line),
            headline: of.headline.as_deref().map(visible_line),
            happened: of.happened.iter().map(|s| visible_line(s)).collect(),
            file: of.file.as_ref().map(FileView::new),
        }
    }
}

impl MissingView {
    fn new(clock: &Clockface, of: &MissingTexts) -> Self {
        let systems: Vec<String> = of.systems.iter().map(|s| text::one_line(s)).collect();
        let texts = match of.texts.as_slice() {
            [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
            all => all.join(", "),
        };
        Self {
            id: of.incident.to_string(),
            systems: enumerate(&systems),
            opened: clock.read(of.opened),
            texts,
            lacks: of.texts.clone(),
        }
    }
}

impl FileView {
    fn new(of: &ReportFile) -> Self {
        Self {
            name: text::one_line(&of.name),
            size: match of.bytes {
                b if b < 1_000_000 => format!("{} kB", b.div_ceil(1_000)),
                b => format!("{}.{} MB", b / 1_000_000, b % 1_000_000 / 100_000),
            },
            sha256: of.sha256.clone(),
            attached: of.bytes <= attachment::LARGEST,
        }
    }
}
