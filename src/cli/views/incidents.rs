//! `nines incident list` and `nines incident show`.

use domain::act::Selector;
use domain::id::{IncidentId, OutageId};
use domain::incident::{Acknowledged, Done, Incident};
use domain::record::{Outgoing, Record};
use domain::text::visible_line;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::notices::standing;
use crate::cli::args::Common;
use crate::cli::client::Client;
use crate::cli::layout::{self, Listing, instant, wrap};
use crate::cli::output::{self, print};
use crate::cli::{End, Failure};

/// Lists incidents, oldest first.
pub fn list(common: &Common, open: bool) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    let wanted = record
        .incidents
        .all()
        .filter(|i| !open || (i.closed.is_none() && i.merged.is_none()));
    if common.json {
        let all: Vec<Value> = wanted.map(|i| incident_json(record, i)).collect();
        return output::answer(&all);
    }
    let mut list = Listing::new([
        "incident",
        "systems",
        "opened",
        "acknowledged",
        "resolved",
        "closed",
        "missing",
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
            lines.push(format!("still missing: {owed}"));
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
    print(&list.render(layout::width()))?;
    Ok(End::Done)
}

/// The texts that an incident still lacks, or the incident into which it was merged.
fn owed(incident: &Incident) -> String {
    match incident.merged {
        Some((_, into)) => format!("by {into}, which it was merged into"),
        None => incident.missing().join(", "),
    }
}

/// Prints an incident with its outages, texts and notices.
pub fn show(common: &Common, which: &Selector<IncidentId>) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    let found = match which {
        Selector::Id(id) => record.incidents.get(*id),
        Selector::System(system) => record.incidents.of_system(system),
    };
    let Some(incident) = found else {
        return Err(Failure::Unknown(match which {
            Selector::Id(id) => format!("there is no incident {id}"),
            Selector::System(system) => format!("`{system}` has had no incident"),
        }));
    };
    if common.json {
        return output::answer(&incident_json(record, incident));
    }
    let text = incident_text(record, incident);
    let lines = text.lines().map(|line| {
        let margin = line.len() - line.trim_start().len();
        wrap(line, margin, layout::width())
    });
    print(&lines.collect::<String>())?;
    Ok(End::Done)
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
            domain::incident::Cause::Outage => "an outage",
            domain::incident::Cause::Overrun => "maintenance that took longer than agreed",
            domain::incident::Cause::Declared => "a declaration",
        }
    );
    text.push_str(&outages_text(record, incident));
    if let Some((at, into)) = incident.merged {
        text.push_str(&format!("  merged into {into}: {}\n", instant(Some(at))));
    }
    // Mark further lines of a text, so that they do not look like lines of the answer.
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
            outgoing.notice.recipient.name,
            outgoing.notice.recipient.address,
            outgoing.notice.kind,
            standing(&outgoing.standing),
        ));
    }
    text
}

/// The approval of an acknowledgement with an earlier effective time.
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
    let about = |o: &Outgoing| o.notice.outages().any(|id| outages.contains(&id));
    let all = record.notices.messages().map(|(_, o)| &**o);
    all.filter(|o| about(o)).collect()
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
            "kind": o.notice.kind, "customers": o.notice.recipient.customers().collect::<Vec<_>>(),
            "recipient": o.notice.recipient.address.to_string(),
            "result": o.standing.word(),
        })).collect::<Vec<_>>(),
    })
}
