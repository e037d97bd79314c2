//! `nines incident list` and `nines incident show`.

use domain::act::Selector;
use domain::id::IncidentId;
use domain::incident::{Acknowledged, Cause, Done, Incident};
use domain::record::{Outgoing, Record};
use domain::suggest;
use domain::text::visible_line;
use serde_json::{Value, json};

use super::notices::standing;
use super::{handling, reporters};
use crate::cli::args::Common;
use crate::cli::client::Client;
use crate::cli::layout::{self, Listing, Times, wrap};
use crate::cli::output::{self, print};
use crate::cli::{End, Failure};

/// Lists incidents, oldest first.
pub fn list(common: &Common, open: bool) -> Result<End, Failure> {
    let record = &Client::new(common)?.record(None)?.0;
    let times = &Times::new(record.zone());
    let wanted = record
        .incidents
        .all()
        .filter(|i| !open || (i.closed.is_none() && i.merged.is_none()));
    if common.json {
        let all: Vec<Value> = wanted.map(|i| incident_json(record, i)).collect();
        return output::answer(&all);
    }
    let mut list = Listing::new();
    for incident in wanted {
        list.entry(list_lines(incident, times));
    }
    print(&list.render(layout::width()))?;
    Ok(End::Done)
}

/// An incident of the list.
fn list_lines(incident: &Incident, times: &Times) -> Vec<String> {
    let outages: Vec<String> = incident.outages.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        format!(
            "{} {}: opened {} because of {}{}",
            incident.id,
            systems(incident),
            times.at(incident.opened_at),
            cause(incident),
            match outages.is_empty() {
                true => String::new(),
                false => format!(" ({})", outages.join(", ")),
            }
        ),
        format!(
            "{}; {}; {}",
            acknowledged(incident, times),
            match incident.resolved_at {
                Some(at) => format!("resolved {}", times.at(at)),
                None => "not resolved".to_owned(),
            },
            closed(incident, times)
        ),
    ];
    lines.extend(handling::severity(incident));
    lines.extend(missing(incident));
    lines
}

fn systems(incident: &Incident) -> String {
    let systems: Vec<&str> = incident.systems.iter().map(|s| s.as_str()).collect();
    systems.join(", ")
}

fn cause(incident: &Incident) -> &'static str {
    match incident.cause {
        Cause::Outage => "an outage",
        Cause::Overrun => "maintenance that took longer than agreed",
        Cause::Declared => "a declaration",
        Cause::Degraded => "a degradation",
        Cause::Reported => "a customer's report",
    }
}

fn acknowledged(incident: &Incident, times: &Times) -> String {
    match &incident.acknowledged {
        Some(a) => format!(
            "acknowledged {} by {}{}",
            times.at(a.at),
            visible_line(&a.by),
            approved(a, times)
        ),
        None => "not acknowledged".to_owned(),
    }
}

fn closed(incident: &Incident, times: &Times) -> String {
    match (&incident.closed, incident.merged) {
        (Some((at, by)), _) => {
            let without = incident.closed_without.as_deref().map(visible_line);
            format!(
                "closed {} by {}{}",
                times.at(*at),
                visible_line(by),
                without.map_or_else(String::new, |why| format!(", with texts missing: {why}"))
            )
        }
        (None, Some((at, into))) => format!("merged into {into} {}", times.at(at)),
        (None, None) => "not closed".to_owned(),
    }
}

/// The texts that an incident still lacks; `None` if it lacks none.
fn missing(incident: &Incident) -> Option<String> {
    let missing = incident.missing();
    (!missing.is_empty()).then(|| format!("still missing: {}", missing.join(", ")))
}

/// Prints an incident with its outages, texts and notices.
pub fn show(common: &Common, which: &Selector<IncidentId>) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let record = &client.record(None)?.0;
    let times = &Times::new(record.zone());
    let incident = found(record, which)?;
    if common.json {
        let mut answer = incident_json(record, incident);
        answer["reporters"] = reporters::json(&client, incident)?;
        return output::answer(&answer);
    }
    let text = incident_text(record, incident, times);
    let text = text + &reporters::text(&client, incident)?;
    let lines = text.lines().map(|line| {
        let margin = line.len() - line.trim_start().len();
        wrap(line, margin, layout::width())
    });
    print(&lines.collect::<String>())?;
    Ok(End::Done)
}

/// The incident of that id, or of that system.
///
/// # Errors
/// There is none.
pub(super) fn found<'a>(
    record: &'a Record,
    which: &Selector<IncidentId>,
) -> Result<&'a Incident, Failure> {
    let found = match which {
        Selector::Id(id) => record.incidents.get(*id),
        Selector::System(system) => record.incidents.of_system(system),
    };
    found.ok_or_else(|| {
        Failure::Unknown(match which {
            Selector::Id(id) => format!("there is no incident {id}"),
            Selector::System(system) if record.catalogue.system(system.as_str()).is_some() => {
                format!("`{system}` has had no incident")
            }
            Selector::System(system) => {
                let known = record.catalogue.systems.iter().map(|s| s.id.as_str());
                suggest::unknown("incident and no system", system.as_str(), known)
            }
        })
    })
}

fn incident_text(record: &Record, incident: &Incident, times: &Times) -> String {
    let mut text = format!(
        "{} ({}), opened {} because of {}\n",
        incident.id,
        systems(incident),
        times.at(incident.opened_at),
        cause(incident)
    );
    text.push_str(&outages_text(record, incident, times));
    text.push_str(&handling::text(incident, times));
    // Mark further lines of a text, so that they do not look like lines of the answer.
    let written = |text: &Option<String>| match text {
        Some(text) => text.replace('\n', "\n    | "),
        None => "not recorded".to_owned(),
    };
    let review = &incident.review;
    let certainty = match &review.root_cause {
        Some(_) => format!(" ({})", review.certainty.unwrap_or_default().word()),
        None => String::new(),
    };
    text.push_str(&format!(
        "  {}\n  resolved: {}\n  {}\n  summary: {}\n  root cause{certainty}: {}\n  resolution: {}\n",
        acknowledged(incident, times),
        incident
            .resolved_at
            .map_or_else(|| "not yet".to_owned(), |at| times.at(at)),
        closed(incident, times),
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
            done.map_or_else(|| ": open".to_owned(), |done| carried_out(done, times)),
        ));
    }
    if let Some(missing) = missing(incident) {
        text.push_str(&format!("  {missing}\n"));
    }
    for update in &incident.updates {
        text.push_str(&format!(
            "  {} {} by {}{}: {}\n",
            if update.public {
                "update"
            } else {
                "note for staff"
            },
            times.at(update.at),
            visible_line(&update.by),
            update
                .phase
                .map_or(String::new(), |p| format!(" ({})", p.word())),
            update.text.replace('\n', "\n    | "),
        ));
    }
    if let Some(withdrawn) = &incident.withdrawn {
        text.push_str(&format!(
            "  withdrawn as a false alarm {} by {}: {}\n",
            times.at(withdrawn.at),
            visible_line(&withdrawn.by),
            withdrawn.reason.replace('\n', "\n    | "),
        ));
    }
    for outgoing in told(record, incident) {
        text.push_str(&format!(
            "  told {} <{}>: {} — {}\n",
            outgoing.notice.recipient.name,
            outgoing.notice.recipient.address,
            outgoing.notice.kind,
            standing(&outgoing.standing, times),
        ));
    }
    text
}

/// The approval of an acknowledgement with an earlier effective time.
fn approved(taken: &Acknowledged, times: &Times) -> String {
    let Some(other) = &taken.approved_by else {
        return String::new();
    };
    format!(
        " (recorded {}, approved by {})",
        times.at(taken.recorded_at),
        visible_line(other)
    )
}

fn carried_out(done: &Done, times: &Times) -> String {
    let note = done.note.as_deref().map(visible_line);
    format!(
        ": done {}, says {}{}",
        times.at(done.at),
        visible_line(&done.by),
        note.map(|n| format!(": {n}")).unwrap_or_default(),
    )
}

fn outages_text(record: &Record, incident: &Incident, times: &Times) -> String {
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
            times.at(outage.start),
            outage
                .end
                .map_or_else(|| "now".to_owned(), |end| times.at(end)),
            times.at(outage.detected_at),
        ));
    }
    text
}

fn told<'a>(record: &'a Record, incident: &Incident) -> Vec<&'a Outgoing> {
    let about = |o: &Outgoing| {
        let mut outages = o.notice.outages();
        outages.any(|id| incident.outages.contains(&id))
            || (!o.notice.words.is_empty() && o.notice.incident == Some(incident.id))
    };
    let all = record.notices.messages().map(|(_, o)| &**o);
    all.filter(|o| about(o)).collect()
}

fn incident_json(record: &Record, incident: &Incident) -> Value {
    let mut value = facts_json(record, incident);
    if let (Value::Object(value), Value::Object(more)) = (&mut value, handling::value(incident)) {
        value.extend(more);
    }
    value
}

fn facts_json(record: &Record, incident: &Incident) -> Value {
    json!({
        "incident": incident.id.to_string(),
        "systems": incident.systems,
        "opened": incident.opened_at,
        "cause": cause(incident),
        "acknowledged": incident.acknowledged.as_ref().map(|a| json!({
            "at": a.at, "by": a.by, "recorded": a.recorded_at, "approved_by": a.approved_by,
        })),
        "resolved": incident.resolved_at,
        "merged_into": incident.merged.map(|(_, into)| into.to_string()),
        "closed": incident.closed.as_ref().map(|(at, by)| json!({
            "at": at, "by": by, "without": incident.closed_without,
        })),
        "summary": incident.review.summary,
        "root_cause": incident.review.root_cause,
        "certainty": incident.review.certainty,
        "resolution": incident.review.resolution,
        "measures": incident.review.measures.iter().map(|m| json!({
            "text": m.text, "owner": m.owner, "due": m.due, "done": incident.done.get(&m.text),
        })).collect::<Vec<_>>(),
        "missing": incident.missing(),
        "state": incident.phase(),
        "updates": incident.updates.iter().map(|u| json!({
            "at": u.at, "by": u.by, "text": u.text, "public": u.public, "state": u.phase,
        })).collect::<Vec<_>>(),
        "withdrawn": incident.withdrawn.as_ref().map(|w| json!({
            "at": w.at, "by": w.by, "reason": w.reason,
        })),
        "outages": incident.outages.iter().filter_map(|o| record.outages.get(o)).map(|o| json!({
            "outage": o.id.to_string(), "system": o.system, "start": o.start, "end": o.end,
            "detected": o.detected_at, "declared": o.declared.is_some(),
        })).collect::<Vec<_>>(),
        "notices": told(record, incident).iter().map(|o| json!({
            "kind": o.notice.kind, "customers": o.notice.recipient.customers().collect::<Vec<_>>(),
            "recipient": o.notice.recipient.address.to_string(),
            "result": o.standing.word(),
        })).collect::<Vec<_>>(),
    })
}
