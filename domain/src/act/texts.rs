//! The texts that a person writes with an act.

use super::Act;
use crate::catalogue::Single;
use crate::incident::Measure;

/// A text and its name in a sentence.
pub type Named<'a> = (&'static str, &'a str);

impl Act {
    /// Every text of the act that enters the ledger, ids of configured things left out.
    pub fn texts(&self) -> Vec<Named<'_>> {
        match self {
            Act::Acknowledge { approved_by, .. } => given([second(approved_by)]),
            Act::Review {
                summary,
                root_cause,
                resolution,
                measures,
                ..
            } => {
                let texts = [
                    maybe("the summary", summary),
                    maybe("the root cause", root_cause),
                    maybe("the resolution", resolution),
                ];
                texts
                    .into_iter()
                    .flatten()
                    .chain(of_measures(measures))
                    .collect()
            }
            Act::Update { text, .. } | Act::Workaround { text, .. } => vec![("the text", text)],
            Act::Respond {
                whom,
                how,
                approved_by,
                ..
            } => given([
                Some(("the name of the person who was answered", whom)),
                Some(("how they were answered", how)),
                second(approved_by),
            ]),
            Act::Impact { .. } | Act::Resume { .. } => Vec::new(),
            Act::Severity { reason, .. }
            | Act::Pause { reason, .. }
            | Act::Escalate { reason, .. }
            | Act::DeclareDisaster { reason, .. }
            | Act::Merge { reason, .. }
            | Act::Correct { reason, .. }
            | Act::Reclassify { reason, .. }
            | Act::CancelMaintenance { reason, .. }
            | Act::ResendNotice { reason, .. }
            | Act::ReviseReport { reason, .. } => vec![("the reason", reason)],
            Act::ReportProblem {
                text,
                reporter,
                form,
                ..
            } => given([
                Some(("the description", text)),
                Some(("the name of the reporter", reporter)),
                form.as_ref()
                    .map(|form| ("the type of issue", form.issue.as_str())),
            ]),
            Act::Resolve { text, .. } => given([maybe("the text", text)]),
            Act::MeasureDone { note, .. } => given([maybe("the note", note)]),
            Act::Close {
                without,
                confirmed_by,
                ..
            } => given([
                maybe("the reason", without),
                maybe("the reporter's confirmation", confirmed_by),
            ]),
            Act::DeclareOutage { evidence, .. } => vec![("the evidence", evidence)],
            Act::ChangeDeclaration {
                reason,
                approved_by,
                ..
            } => given([Some(("the reason", reason)), second(approved_by)]),
            Act::MonitorFault {
                evidence,
                approved_by,
                ..
            } => vec![("the evidence", evidence), (SECOND, approved_by)],
            Act::Exclude {
                reason,
                evidence,
                approved_by,
                ..
            } => given([
                Some(("the reason", reason)),
                Some(("the evidence", evidence)),
                second(approved_by),
            ]),
            Act::ScheduleMaintenance(window) => of_window(window),
            Act::ExtendMaintenance { reason, .. } | Act::ApproveReport { reason, .. } => {
                given([maybe("the reason", reason)])
            }
            Act::Told {
                how, approved_by, ..
            } => given([
                Some(("how the customer was notified", how)),
                second(approved_by),
            ]),
            Act::ImportDesk { file, .. } => vec![("the name of the file", file)],
        }
    }
}

const SECOND: &str = "the name of the second person";

fn second(name: &Option<String>) -> Option<Named<'_>> {
    maybe(SECOND, name)
}

fn maybe<'a>(name: &'static str, text: &'a Option<String>) -> Option<Named<'a>> {
    text.as_deref().map(|text| (name, text))
}

fn given<const N: usize>(texts: [Option<Named<'_>>; N]) -> Vec<Named<'_>> {
    texts.into_iter().flatten().collect()
}

fn of_measures(measures: &[Measure]) -> impl Iterator<Item = Named<'_>> {
    measures.iter().flat_map(|measure| {
        [
            ("the measure", measure.text.as_str()),
            ("the owner of the measure", measure.owner.as_str()),
        ]
    })
}

fn of_window(window: &Single) -> Vec<Named<'_>> {
    let texts = [
        Some(("the id of the window", window.id.as_str())),
        Some(("the title", window.title.as_str())),
        maybe("the impact", &window.impact),
        maybe("the reason", &window.override_reason),
    ];
    texts.into_iter().flatten().collect()
}
