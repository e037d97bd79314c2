//! Versions against lost updates: the version of an incident, a window or a report is the number of the last event about
//! it. A request with `If-Match` acts only if nothing happened since.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use domain::act::{Act, Selector};
use domain::id::{IncidentId, OutageId};
use domain::record::Record;

use super::caller::Caller;
use super::events;
use super::problem::{Answer, Failed};
use crate::ledger::Wanted;
use crate::web::console::Console;

/// The most events that a conflict lists.
const CHANGES: usize = 100;

/// The subjects of the events about an incident.
pub fn of_incident(record: &Record, id: IncidentId) -> Vec<String> {
    let outages = record.incidents.get(id).map(|i| i.outages.as_slice());
    let outages = outages.unwrap_or_default().iter().map(ToString::to_string);
    outages.chain([id.to_string()]).collect()
}

/// The number of the last event about one of `subjects`; 0 if there is none.
pub async fn current(console: &Arc<Console>, subjects: Vec<String>) -> Answer<u64> {
    let wanted = Wanted {
        subjects,
        ..Wanted::default()
    };
    let last = events::read(console, wanted, 1).await?;
    Ok(last.first().map_or(0, |stored| stored.seq))
}

/// The header `ETag` of a version.
pub fn tag(version: u64) -> [(header::HeaderName, HeaderValue); 1] {
    let value = HeaderValue::from_str(&format!("\"{version}\""));
    let value = value.unwrap_or(HeaderValue::from_static("\"0\""));
    [(header::ETAG, value)]
}

/// The versions that a request accepts.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepted {
    Any,
    These(Vec<u64>),
}

/// The header `If-Match`: tags as an answer gave them, or `*`.
pub fn accepted(headers: &HeaderMap) -> Answer<Option<Accepted>> {
    let mut versions = Vec::new();
    let given = headers.get_all(header::IF_MATCH).iter();
    for value in given {
        let text = value.to_str().unwrap_or_default();
        for tag in text.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(Some(Accepted::Any));
            }
            let inner = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
            let version = inner.and_then(|inner| inner.parse().ok());
            versions.push(version.ok_or_else(|| {
                let why = "If-Match must be an ETag as an answer gave it, such as \"17\" with its quotation marks";
                Failed::bad_request(why)
            })?);
        }
    }
    let has = headers.contains_key(header::IF_MATCH);
    Ok(has.then_some(Accepted::These(versions)))
}

/// Refuses the request if the thing of the act has changed since.
pub async fn check(
    console: &Arc<Console>,
    caller: &Caller,
    accepted: &Accepted,
    act: &Act,
) -> Answer<()> {
    let record = &console.app.snapshot().record;
    let Some(subjects) = subjects(act, record) else {
        let why = "this act is about no incident, window or report that exists: leave If-Match out";
        return Err(Failed::unprocessable(why));
    };
    let Accepted::These(versions) = accepted else {
        return Ok(());
    };
    let now = current(console, subjects.clone()).await?;
    if versions.contains(&now) {
        return Ok(());
    }
    let wanted = Wanted {
        subjects,
        after: versions.iter().copied().filter(|seen| *seen < now).max(),
        ..Wanted::default()
    };
    let changes = events::page(console, caller, wanted, CHANGES).await?.items;
    Err(Failed::changed(now, changes))
}

/// The subjects of the thing that an act changes. `None` for acts that make a new thing.
pub fn subjects(act: &Act, record: &Record) -> Option<Vec<String>> {
    match act {
        Act::Acknowledge { incident, .. }
        | Act::Review { incident, .. }
        | Act::Update { incident, .. }
        | Act::Respond { incident, .. }
        | Act::Impact { incident, .. }
        | Act::Severity { incident, .. }
        | Act::Workaround { incident, .. }
        | Act::Pause { incident, .. }
        | Act::Resume { incident }
        | Act::Escalate { incident, .. }
        | Act::DeclareDisaster { incident, .. }
        | Act::Merge { incident, .. }
        | Act::Resolve { incident, .. }
        | Act::Correct { incident, .. }
        | Act::MeasureDone { incident, .. }
        | Act::Close { incident, .. } => {
            let id = match incident {
                Selector::Id(id) => record.incidents.get(*id)?.id,
                Selector::System(system) => record.incidents.of_system(system)?.id,
            };
            Some(of_incident(record, id))
        }
        Act::ChangeDeclaration { outage, .. }
        | Act::Exclude { outage, .. }
        | Act::Reclassify { outage, .. } => {
            let id = outage_of(outage, record)?;
            let mut incidents = record.incidents.all();
            let incident = incidents.find(|i| i.outages.contains(&id));
            Some(match incident {
                Some(incident) => of_incident(record, incident.id),
                None => vec![id.to_string()],
            })
        }
        Act::ExtendMaintenance { window, .. }
        | Act::CancelMaintenance { window, .. }
        | Act::Told { window, .. } => {
            record.maintenance.one_off(window)?;
            Some(vec![window.to_string()])
        }
        Act::ApproveReport {
            committee, month, ..
        }
        | Act::ReviseReport {
            committee, month, ..
        } => Some(vec![format!("{committee} {month}")]),
        Act::ResendNotice { notice, .. } => {
            record.notices.message(*notice)?;
            Some(vec![notice.to_string()])
        }
        Act::ReportProblem { .. }
        | Act::DeclareOutage { .. }
        | Act::MonitorFault { .. }
        | Act::ScheduleMaintenance(_)
        | Act::ImportDesk { .. } => None,
    }
}

/// The outage that is named, else the last one of the system.
fn outage_of(outage: &Selector<OutageId>, record: &Record) -> Option<OutageId> {
    match outage {
        Selector::Id(id) => record.outages.get(id).map(|outage| outage.id),
        Selector::System(system) => {
            let mut outages = record.outages.all().rev();
            outages.find(|o| o.system == *system).map(|o| o.id)
        }
    }
}
