//! What commands print: lists for people, no wider than their terminal, JSON for programs.

use anyhow::Result;
use domain::act::Selector;
use domain::id::{IncidentId, OutageId};
use domain::incident::{Acknowledged, Done, Incident};
use domain::record::{Outgoing, WindowStatus, Record, Standing};
use domain::span::Span;
use domain::text::visible_line;
use domain::windows::{Earned, Occurrence};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Failure;
use super::layout::{Listing, instant, plain, wrapped};

/// How far ahead windows are listed.
const AHEAD: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Incidents, oldest first.
pub fn incidents(record: &Record, open: bool, as_json: bool, width: usize) -> Result<String> {
    let wanted = record
        .incidents
        .values()
        .filter(|i| !open || (i.closed.is_none() && i.merged.is_none()));
    if as_json {
        let all: Vec<Value> = wanted.map(|i| incident_json(record, i)).collect();
        return Ok(format!("{}\n", serde_json::to_string_pretty(&all)?));
    }
    let mut list = Listing::new([
        "incident",
        "systems",
        "opened",
        "acknowledged",
        "resolved",
        "closed",
        "owed",
    ]);
    for incident in wanted {
        let systems: Vec<&str> = incident.systems.iter().map(|s| s.as_str()).collect();
        let (systems, owed) = (systems.join(", "), owed(incident));
        let acknowledged = incident.acknowledged.as_ref().map(|a| a.at);
        let closed = incident.closed.as_ref().map(|c| c.0);
        let done = |at: Option<Timestamp>, what: &str| match at {
            Some(at) => format!("{what} {}", instant(Some(at))),
            None => format!("not {what}"),
        };
        let mut lines = vec![
            format!(
                "{} {systems}: opened {}",
                incident.id,
                instant(Some(incident.opened_at))
            ),
            [
                done(acknowledged, "acknowledged"),
                done(incident.resolved_at, "resolved"),
                done(closed, "closed"),
            ]
            .join(", "),
        ];
        if !owed.is_empty() {
            lines.push(format!("still owed: {owed}"));
        }
        list.entry(lines);
        list.row([
            incident.id.to_string(),
            systems,
            instant(Some(incident.opened_at)),
            instant(acknowledged),
            instant(incident.resolved_at),
            instant(closed),
            owed,
        ]);
    }
    Ok(list.render(width))
}

/// What an incident still owes, or where that is asked for.
fn owed(incident: &Incident) -> String {
    match incident.merged {
        Some((_, into)) => format!("by {into}, which it was merged into"),
        None => incident.missing().join(", "),
    }
}

/// One incident with its outages, texts and notices.
///
/// # Errors
/// There is none.
pub fn incident(
    record: &Record,
    which: &Selector<IncidentId>,
    as_json: bool,
    width: usize,
) -> Result<String, Failure> {
    let found = match which {
        Selector::Id(id) => record.incidents.get(id),
        Selector::System(system) => record.incident_of(system),
    };
    let Some(incident) = found else {
        return Err(Failure::Unknown(match which {
            Selector::Id(id) => format!("there is no incident {id}"),
            Selector::System(system) => format!("`{system}` has had no incident"),
        }));
    };
    let value = incident_json(record, incident);
    if as_json {
        return Ok(format!("{}\n", serde_json::to_string_pretty(&value)?));
    }
    let text = incident_text(record, incident);
    let lines = text.lines().map(|line| {
        let margin = line.len() - line.trim_start().len();
        wrapped(line, margin, width)
    });
    Ok(lines.collect())
}

fn incident_text(record: &Record, incident: &Incident) -> String {
    let mut text = format!(
        "{} ({}), opened {} because of {}\n",
        incident.id,
        incident
            .systems
            .iter()
            .map(|s| s.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        instant(Some(incident.opened_at)),
        match incident.cause {
            domain::event::Cause::Outage => "an outage",
            domain::event::Cause::Overrun => "maintenance that took longer than agreed",
            domain::event::Cause::Declared => "a declaration",
        }
    );
    text.push_str(&outages_text(record, incident));
    if let Some((at, into)) = incident.merged {
        text.push_str(&format!("  merged into {into}: {}\n", instant(Some(at))));
    }
    // A further line of a text must not look like a line of the answer.
    let written = |text: &Option<String>| match text {
        Some(text) => text.replace('\n', "\n    | "),
        None => "not recorded".to_owned(),
    };
    let review = &incident.review;
    text.push_str(&format!(
        "  acknowledged: {}\n  resolved: {}\n  summary: {}\n  root cause: {}\n  resolution: {}\n",
        incident.acknowledged.as_ref().map_or_else(
            || "not recorded".to_owned(),
            |a| format!(
                "{} by {}{}",
                instant(Some(a.at)),
                visible_line(&a.by),
                approved(a)
            )
        ),
        incident
            .resolved_at
            .map_or_else(|| "not yet".to_owned(), |at| instant(Some(at))),
        written(&review.summary),
        written(&review.root_cause),
        written(&review.resolution),
    ));
    for (n, measure) in review.measures.iter().enumerate() {
        let done = incident.done.get(&measure.text);
        text.push_str(&format!(
            "  measure {}: {} ({}, by {}){}\n",
            n + 1,
            visible_line(&measure.text),
            visible_line(&measure.owner),
            measure.due,
            done.map(carried_out).unwrap_or_default(),
        ));
    }
    for outgoing in told(record, &incident.outages) {
        text.push_str(&format!(
            "  told {} <{}>: {} — {}\n",
            outgoing.notice.customer_name,
            outgoing.notice.recipient,
            outgoing.notice.kind,
            standing(&outgoing.standing),
        ));
    }
    text
}

/// What stands behind an acknowledgement that was recorded later.
fn approved(taken: &Acknowledged) -> String {
    let Some(other) = &taken.approved_by else {
        return String::new();
    };
    format!(
        " (recorded {}, approved by {})",
        instant(Some(taken.recorded_at)),
        visible_line(other)
    )
}

fn carried_out(done: &Done) -> String {
    let note = done.note.as_deref().map(visible_line);
    format!(
        ": done {}, says {}{}",
        instant(Some(done.at)),
        visible_line(&done.by),
        note.map(|n| format!(": {n}")).unwrap_or_default(),
    )
}

fn outages_text(record: &Record, incident: &Incident) -> String {
    let mut text = String::new();
    for outage in incident
        .outages
        .iter()
        .filter_map(|o| record.outages.get(o))
    {
        text.push_str(&format!(
            "  {} of {}: {} to {}, confirmed {}\n",
            outage.id,
            outage.system,
            instant(Some(outage.start)),
            outage
                .end
                .map_or_else(|| "now".to_owned(), |end| instant(Some(end))),
            instant(Some(outage.detected_at)),
        ));
    }
    text
}

fn told<'a>(record: &'a Record, outages: &[OutageId]) -> Vec<&'a Outgoing> {
    let ids = outages
        .iter()
        .filter_map(|o| record.outages.get(o))
        .flat_map(|o| o.told.iter().chain(&o.told_up));
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| record.notices.get(id).map(AsRef::as_ref))
        .collect()
}

fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Due(at) => format!("waits until {}", instant(Some(*at))),
        Standing::Attempting(at) => format!("is being delivered since {}", instant(Some(*at))),
        Standing::Sent(at) => format!("accepted by the relay {}", instant(Some(*at))),
        Standing::Rejected(at) => format!("rejected {}", instant(Some(*at))),
        Standing::Ambiguous(at) => format!("lost twice, perhaps delivered, {}", instant(Some(*at))),
        Standing::Folded(Some(into)) => format!("folded into {into}"),
        Standing::Folded(None) => "folded: nobody had been told".to_owned(),
    }
}

fn incident_json(record: &Record, incident: &Incident) -> Value {
    json!({
        "incident": incident.id.to_string(),
        "systems": incident.systems,
        "opened": incident.opened_at,
        "acknowledged": incident.acknowledged.as_ref().map(|a| json!({
            "at": a.at, "by": a.by, "recorded": a.recorded_at, "approved_by": a.approved_by,
        })),
        "resolved": incident.resolved_at,
        "merged_into": incident.merged.map(|(_, into)| into.to_string()),
        "closed": incident.closed.as_ref().map(|(at, by)| json!({"at": at, "by": by})),
        "summary": incident.review.summary,
        "root_cause": incident.review.root_cause,
        "certainty": incident.review.certainty,
        "resolution": incident.review.resolution,
        "measures": incident.review.measures.iter().map(|m| json!({
            "text": m.text, "owner": m.owner, "due": m.due, "done": incident.done.get(&m.text),
        })).collect::<Vec<_>>(),
        "missing": incident.missing(),
        "outages": incident.outages.iter().filter_map(|o| record.outages.get(o)).map(|o| json!({
            "outage": o.id.to_string(), "system": o.system, "start": o.start, "end": o.end,
            "detected": o.detected_at, "declared": o.declared.is_some(),
        })).collect::<Vec<_>>(),
        "notices": told(record, &incident.outages).iter().map(|o| json!({
            "kind": o.notice.kind, "customer": o.notice.customer, "recipient": o.notice.recipient,
            "result": o.standing.word(),
        })).collect::<Vec<_>>(),
    })
}

/// Windows that are held or will be: those that come again within a month, the others however far
/// ahead they are.
pub fn maintenance(record: &Record, now: Timestamp, as_json: bool, width: usize) -> Result<String> {
    let windows = to_come(record, now)?;
    let outlook = |w: &Occurrence| record.window_status(&w.id, now);
    let why = |w: &Occurrence| why(&w.why, outlook(w).as_ref());
    if as_json {
        let all: Vec<Value> = windows
            .iter()
            .map(|w| {
                let outlook = outlook(w);
                json!({
                    "window": w.id, "title": w.title, "systems": w.systems,
                    "start": w.span.from, "end": w.span.to, "max_downtime_s": w.max_downtime_s,
                    "earned": !w.earned_parts.is_empty(), "why": plain(&why(w)),
                    "tell_by": outlook.as_ref().map(|o| o.tell_by),
                    "untold": outlook.map(|o| o.not_yet_told),
                })
            })
            .collect();
        return Ok(format!("{}\n", serde_json::to_string_pretty(&all)?));
    }
    let mut list = Listing::new([
        "window", "title", "systems", "start", "end", "allows", "earned",
    ]);
    for w in &windows {
        let systems: Vec<&str> = w.systems.iter().map(|s| s.as_str()).collect();
        let (from, to) = (instant(Some(w.span.from)), instant(Some(w.span.to)));
        let allows = w
            .max_downtime_s
            .map_or_else(|| "all of it".to_owned(), |s| format!("{s} s"));
        list.entry(vec![
            format!("{from} to {to}"),
            format!("{}, {}", w.id, w.title),
            format!("of {}; allows {allows}; {}", systems.join(", "), why(w)),
        ]);
        list.row([
            w.id.to_string(),
            w.title.clone(),
            systems.join(", "),
            from,
            to,
            allows,
            why(w),
        ]);
    }
    Ok(list.render(width))
}

/// The windows of [`maintenance`], in order.
fn to_come(record: &Record, now: Timestamp) -> Result<Vec<Occurrence>> {
    let month = Span::new(now, now.checked_add(AHEAD)?);
    let again = record.catalogue.systems.iter();
    let again = again.flat_map(|s| record.windows_of(&s.id, month));
    let singles = record.one_off_windows.iter().filter_map(|(id, single)| {
        let (_, window) = single.versions.last().filter(|(_, w)| now < w.end)?;
        let span = Span::new(now.max(window.start), window.end);
        let mut systems = window.systems.iter();
        systems.find_map(|s| record.windows_of(s, span).into_iter().find(|w| w.id == *id))
    });
    let mut windows: Vec<Occurrence> = Vec::new();
    for window in again.chain(singles) {
        if !windows.iter().any(|w| w.id == window.id) {
            windows.push(window);
        }
    }
    windows.sort_by(|a, b| (a.span, &a.id).cmp(&(b.span, &b.id)));
    Ok(windows)
}

/// Whether downtime in a window is planned, and why; of one whose customers can still be told, who
/// must be, by when.
fn why(earned: &Earned, outlook: Option<&WindowStatus>) -> String {
    if let (Earned::NotTold(_), Some(outlook)) = (earned, outlook)
        && !outlook.late
    {
        let untold: Vec<&str> = outlook.not_yet_told.iter().map(|c| c.as_str()).collect();
        let by = instant(Some(outlook.tell_by));
        return format!("not yet: to be told by {by}: {}", untold.join(", "));
    }
    match earned {
        Earned::Agreed(date) => format!("agreed {date}"),
        Earned::Known(at) => format!("known since {}", instant(Some(*at))),
        Earned::Told(at) => format!("all told by {}", instant(Some(*at))),
        Earned::NotTold(customers) => {
            let names: Vec<&str> = customers.iter().map(|c| c.as_str()).collect();
            format!("NO: not told in time: {}", names.join(", "))
        }
        Earned::TooLate => "NO: too late for this one".to_owned(),
        Earned::OutsideHours => "NO: outside the hours that the policy allows".to_owned(),
        Earned::Cancelled => "NO: cancelled".to_owned(),
    }
}

/// Notices, oldest first.
pub fn notices(record: &Record, as_json: bool, width: usize) -> Result<String> {
    if as_json {
        let all: Vec<Value> = record
            .notices
            .iter()
            .map(|(id, o)| {
                json!({
                    "notice": id.to_string(), "kind": o.notice.kind, "key": o.notice.key,
                    "customer": o.notice.customer, "recipient": o.notice.recipient,
                    "systems": o.notice.systems().collect::<Vec<_>>(),
                    "decided": o.decided_at, "attempts": o.attempts,
                    "result": o.standing.word(),
                    "delivered": match o.standing { Standing::Sent(at) => Some(at), _ => None },
                    "reply": o.last.as_ref().map(|(_, reply)| reply),
                })
            })
            .collect();
        return Ok(format!("{}\n", serde_json::to_string_pretty(&all)?));
    }
    let mut list = Listing::new(["notice", "kind", "to", "decided", "attempts", "stands"]);
    for (id, o) in &record.notices {
        let decided = instant(Some(o.decided_at));
        let attempts = match o.attempts {
            0 => "no attempt yet".to_owned(),
            1 => "one attempt".to_owned(),
            n => format!("{n} attempts"),
        };
        list.entry(vec![
            format!("{id} {} to {}", o.notice.kind, o.notice.recipient),
            format!("decided {decided}, {attempts}, {}", standing(&o.standing)),
        ]);
        list.row([
            id.to_string(),
            o.notice.kind.to_string(),
            o.notice.recipient.clone(),
            decided,
            o.attempts.to_string(),
            standing(&o.standing),
        ]);
    }
    Ok(list.render(width))
}
