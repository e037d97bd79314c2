//! The operator's work on an incident, as `nines incident show` prints it.

use domain::clocks::{Run, State};
use domain::handling::Handling;
use domain::incident::Incident;
use domain::text::visible_line;
use serde_json::{Value, json};

use crate::cli::layout::Times;

/// The severity in the list of incidents; `None` if no policy rates it.
pub(super) fn severity(incident: &Incident) -> Option<String> {
    let severity = incident.handling.severity()?;
    Some(format!("severity {severity}"))
}

/// The lines of one incident: severity, clocks, levels, answers, reports.
pub(super) fn text(incident: &Incident, times: &Times) -> String {
    let handling = &incident.handling;
    let mut lines: Vec<String> = Vec::new();
    if let (Some(severity), Some(policy)) = (handling.severity(), &handling.policy) {
        let by = handling.ratings.last().filter(|r| r.reason.is_some());
        let by = by.map_or_else(String::new, |r| format!(", by {}", visible_line(&r.by)));
        lines.push(format!("severity {severity} of {policy}{by}"));
    }
    lines.extend(handling.clocks.runs.iter().map(|run| clock(run, times)));
    if handling.is_paused() {
        lines.push("the clocks are paused".to_owned());
    }
    for level in &handling.levels {
        lines.push(match level.state {
            State::Skipped => format!("level {} skipped {}", level.level, times.at(level.at)),
            _ => format!(
                "level {} {}: {}",
                level.level,
                times.at(level.at),
                level.contacts.join(", ")
            ),
        });
    }
    lines.extend(said(handling, times));
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn clock(run: &Run, times: &Times) -> String {
    let due = match run.due {
        Some(due) => format!("due {}", times.at(due)),
        None => "paused".to_owned(),
    };
    let answered = run
        .answered
        .map(|at| format!(", answered {}", times.at(at)));
    format!(
        "{} clock: {due}, {}{}",
        run.clock.word(),
        run.result.word().replace('-', " "),
        answered.unwrap_or_default()
    )
}

fn said(handling: &Handling, times: &Times) -> Vec<String> {
    let mut lines = Vec::new();
    for problem in &handling.problems {
        lines.push(format!(
            "reported {} by {} ({}): {}",
            times.at(problem.received),
            visible_line(&problem.by()),
            visible_line(problem.about()),
            problem.text.replace('\n', "\n    | ")
        ));
    }
    for response in &handling.responses {
        lines.push(format!(
            "answered {} {} {} by {}",
            visible_line(&response.to),
            visible_line(&response.how),
            times.at(response.at),
            visible_line(&response.by)
        ));
    }
    if let Some(workaround) = &handling.workaround {
        lines.push(format!(
            "workaround {} by {}: {}",
            times.at(workaround.at),
            visible_line(&workaround.by),
            workaround.text.replace('\n', "\n    | ")
        ));
    }
    for text in &handling.confirmed_texts {
        lines.push(format!(
            "a text that looks like {} confirmed {} by {} to be something else: {}",
            text.kinds(),
            times.at(text.said.at),
            visible_line(&text.said.by),
            text.said.text.replace('\n', "\n    | ")
        ));
    }
    if let Some(disaster) = &handling.disaster {
        lines.push(format!(
            "disaster declared {} by {}: {}",
            times.at(disaster.at),
            visible_line(&disaster.by),
            disaster.text.replace('\n', "\n    | ")
        ));
    }
    lines
}

pub(super) fn value(incident: &Incident) -> Value {
    let handling = &incident.handling;
    json!({
        "severity": handling.severity(),
        "policy": handling.policy,
        "paused": handling.is_paused(),
        "clocks": handling.clocks.runs.iter().map(|run| json!({
            "clock": run.clock, "severity": run.severity, "started": run.started, "due": run.due,
            "warned": run.warned, "answered": run.answered, "paused_s": run.paused.seconds(),
            "result": run.result.word().replace('-', "_"),
        })).collect::<Vec<_>>(),
        "levels": handling.levels.iter().map(|level| json!({
            "level": level.level, "severity": level.severity, "at": level.at, "state": level.state,
            "contacts": level.contacts,
        })).collect::<Vec<_>>(),
        "reports": handling.problems,
        "responses": handling.responses.iter().map(|r| json!({
            "at": r.at, "by": r.by, "to": r.to, "how": r.how, "estimate": r.estimate, "recorded": r.recorded_at,
            "approved_by": r.approved_by,
        })).collect::<Vec<_>>(),
        "workaround": handling.workaround.as_ref().map(|said| json!({
            "at": said.at, "by": said.by, "text": said.text,
        })),
        "confirmed_texts": handling.confirmed_texts.iter().map(|text| json!({
            "at": text.said.at, "by": text.said.by, "reason": text.said.text, "found": text.found,
        })).collect::<Vec<_>>(),
        "disaster": handling.disaster.as_ref().map(|said| json!({
            "at": said.at, "by": said.by, "reason": said.text,
        })),
        "confirmed_by": handling.confirmed_by,
    })
}
