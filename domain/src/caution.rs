//! Objections to an act that is allowed and probably a slip. A person at the command line is asked to
//! confirm it; scenarios are not.

use jiff::Timestamp;

use crate::act::{Act, Refusal};
use crate::catalogue::Single;
use crate::id::WindowId;
use crate::record::{Record, WindowStatus};
use crate::report::words;
use crate::span::{Span, Spans, instant, second};

/// The objection to an act at `at`. `after` is the record with the act, `before` without it. With
/// `anyway`, the person accepts that a window does not count as planned.
pub fn objection(
    before: &Record,
    after: &Record,
    at: Timestamp,
    act: &Act,
    anyway: bool,
) -> Option<Refusal> {
    let why = match act {
        Act::ScheduleMaintenance(window) => needless_override(after, at, window).or_else(|| {
            let status = after.window_status(&window.id, at).filter(|_| !anyway)?;
            too_late(after, at, &window.id, &status, &status.unearned)
        }),
        Act::ExtendMaintenance { window, .. } => {
            let status = after.window_status(window, at).filter(|_| !anyway)?;
            let known = before.window_status(window, at);
            let known = known.map(|known| known.unearned).unwrap_or_default();
            let added = set(&status.unearned).difference(&set(&known));
            let added: Vec<Span> = added
                .iter()
                .map(|(from, to)| Span::new(instant(from), instant(to)))
                .collect();
            too_late(after, at, window, &status, &added)
        }
        _ => None,
    };
    why.map(Refusal)
}

/// The objection to a reason for an override that no policy asks for.
fn needless_override(after: &Record, at: Timestamp, window: &Single) -> Option<String> {
    let given = window.override_reason.as_deref().unwrap_or_default();
    let status = after.window_status(&window.id, at)?;
    (!given.trim().is_empty() && status.outside_hours.is_empty()).then(|| {
        "the window lies inside the hours that the policies of its systems allow: leave out --override"
            .to_owned()
    })
}

/// The objection to time that can no longer count as planned.
fn too_late(
    record: &Record,
    at: Timestamp,
    id: &WindowId,
    status: &WindowStatus,
    unearned: &[Span],
) -> Option<String> {
    if !status.late || (unearned.is_empty() && status.announced_s.is_none()) {
        return None;
    }
    let zone = record.zone();
    let shown = |at| words::instant(at, &zone).replace('\u{a0}', " ");
    let spans: Vec<String> = unearned
        .iter()
        .map(|span| format!("{} to {}", shown(span.from), shown(span.to)))
        .collect();
    let what = match spans.as_slice() {
        [] => "the new allowance".to_owned(),
        spans => format!("downtime from {}", spans.join(", ")),
    };
    Some(format!(
        "{what} can no longer count as planned: customers had to be notified of {id} by {}, and it is {}. \
         Choose a later time, or repeat the command with --anyway: they are notified, and it counts as \
         unplanned",
        shown(status.tell_by),
        shown(at),
    ))
}

fn set(spans: &[Span]) -> Spans {
    spans
        .iter()
        .map(|span| (second(span.from), second(span.to)))
        .collect()
}
