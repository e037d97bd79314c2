//! `/api/v2/*.json` in the shape that clients of the widely used status page service read. Keys that Nines has no value
//! for are present and null.
//!
//! A system that is not observed is `degraded_performance`: that service has no word for it, and `operational` would claim
//! what nobody saw.

use serde_json::{Value, json};

use super::incidents::{IncidentView, Named};
use super::model::{Model, SystemView};
use super::windows::WindowView;

/// Every path below `/api/v2/`, without `.json`.
pub(super) const PATHS: [&str; 8] = [
    "summary",
    "status",
    "components",
    "incidents",
    "incidents/unresolved",
    "scheduled-maintenances",
    "scheduled-maintenances/upcoming",
    "scheduled-maintenances/active",
];
/// Incidents and windows of an answer.
const MOST: usize = 50;

/// The answer of one of [`PATHS`].
pub(super) fn answer(model: &Model, path: &str) -> Value {
    let page = page(model);
    let incidents = |all: &[IncidentView], most: usize| -> Vec<Value> {
        let all = all.iter().take(most);
        all.map(|i| incident(model, i)).collect()
    };
    let unresolved = || incidents(&model.current, usize::MAX);
    let windows = |state: &str| -> Vec<Value> {
        let wanted = model.windows.iter().filter(|w| w.state == state);
        wanted.take(MOST).map(|w| maintenance(model, w)).collect()
    };
    match path {
        "status" => json!({ "page": page, "status": status(model) }),
        "components" => json!({ "page": page, "components": components(model) }),
        "incidents" => {
            json!({ "page": page, "incidents": incidents(&model.incidents, MOST) })
        }
        "incidents/unresolved" => json!({ "page": page, "incidents": unresolved() }),
        "scheduled-maintenances" => {
            // The latest fifty.
            let planned = model.windows.iter().rev();
            let planned = planned.filter(|w| w.state != "cancelled").take(MOST);
            let planned: Vec<Value> = planned.map(|w| maintenance(model, w)).collect();
            json!({ "page": page, "scheduled_maintenances": planned })
        }
        "scheduled-maintenances/upcoming" => {
            json!({ "page": page, "scheduled_maintenances": windows("scheduled") })
        }
        "scheduled-maintenances/active" => {
            json!({ "page": page, "scheduled_maintenances": windows("in progress") })
        }
        // The summary. As on the first page, a weekly window is not listed for months.
        _ => {
            let coming = model.planned.iter().map(|w| maintenance(model, w));
            json!({
                "page": page, "components": components(model), "incidents": unresolved(),
                "scheduled_maintenances": coming.collect::<Vec<Value>>(), "status": status(model),
            })
        }
    }
}

fn page(model: &Model) -> Value {
    json!({
        "id": "nines", "name": model.head.name, "url": model.head.url, "time_zone": model.head.zone,
        "updated_at": model.head.at.iso,
    })
}

fn status(model: &Model) -> Value {
    let worst = |state: &str| model.systems().any(|s| !s.partner && s.state == state);
    let own = model.systems().filter(|system| !system.partner).count();
    let down = model
        .systems()
        .filter(|s| !s.partner && s.state == "down")
        .count();
    let indicator = match () {
        () if down > 0 && down == own => "critical",
        () if down > 0 => "major",
        () if worst("degraded") || worst("unknown") => "minor",
        () if worst("maintenance") => "maintenance",
        () => "none",
    };
    json!({ "indicator": indicator, "description": model.head.sentence.trim_end_matches('.') })
}

fn component_status(system: &SystemView) -> &'static str {
    match system.state {
        "down" => "major_outage",
        "degraded" | "unknown" => "degraded_performance",
        "maintenance" => "under_maintenance",
        _ => "operational",
    }
}

fn components(model: &Model) -> Vec<Value> {
    let mut all = Vec::new();
    for (n, group) in model.groups.iter().enumerate() {
        let id = format!("group-{}", n + 1);
        let members: Vec<&str> = group
            .systems
            .iter()
            .map(|system| system.id.as_str())
            .collect();
        let parent = group.name.as_ref().map(|_| id.clone());
        if let Some(name) = &group.name {
            let gravest = group.systems.iter().map(component_status);
            let order = [
                "operational",
                "under_maintenance",
                "degraded_performance",
                "major_outage",
            ];
            let gravest =
                gravest.max_by_key(|status| order.iter().position(|other| other == status));
            all.push(component(
                model,
                &id,
                name,
                gravest.unwrap_or("operational"),
                all.len() + 1,
                None,
                Some(&members),
            ));
        }
        for system in &group.systems {
            let status = component_status(system);
            let one = component(
                model,
                &system.id,
                &system.name,
                status,
                all.len() + 1,
                parent.as_deref(),
                None,
            );
            all.push(one);
        }
    }
    all
}

fn component(
    model: &Model,
    id: &str,
    name: &str,
    status: &str,
    position: usize,
    group: Option<&str>,
    members: Option<&[&str]>,
) -> Value {
    let mut value = json!({
        "id": id, "name": name, "status": status, "created_at": model.head.at.iso, "updated_at": model.head.at.iso,
        "position": position, "description": null, "showcase": true, "start_date": null,
        "group_id": group, "page_id": "nines", "group": members.is_some(), "only_show_if_degraded": false,
    });
    if let Some(members) = members {
        value["components"] = json!(members);
    }
    value
}

/// The systems of an incident or a window, as components.
fn concerned(model: &Model, systems: &[Named]) -> Vec<Value> {
    let wanted = model
        .systems()
        .filter(|s| systems.iter().any(|named| named.id == s.id));
    let each = wanted.map(|s| component(model, &s.id, &s.name, component_status(s), 1, None, None));
    each.collect()
}

fn incident(model: &Model, view: &IncidentView) -> Value {
    let updates: Vec<Value> = view
        .updates
        .iter()
        .enumerate()
        .map(|(n, update)| {
            let at = &update.at.iso;
            json!({
                "id": format!("{}-{}", view.id, view.updates.len() - n), "status": update.phase,
                "body": update.text, "incident_id": view.id, "created_at": at, "updated_at": at,
                "display_at": at, "affected_components": null, "deliver_notifications": true,
                "custom_tweet": null, "tweet_id": null,
            })
        })
        .collect();
    json!({
        "id": view.id, "name": view.title, "status": view.phase, "created_at": view.started.iso,
        "updated_at": view.updates.first().map_or(&view.started.iso, |update| &update.at.iso),
        "monitoring_at": null, "resolved_at": view.resolved.as_ref().map(|at| &at.iso),
        "impact": if view.kind == "degraded" { "minor" } else { "major" },
        "shortlink": format!("{}/incidents/{}", model.head.url, view.id), "started_at": view.started.iso,
        "page_id": "nines", "incident_updates": updates, "components": concerned(model, &view.systems),
    })
}

fn maintenance(model: &Model, view: &WindowView) -> Value {
    let status = match view.state {
        "in progress" => "in_progress",
        other => other,
    };
    let body = view.impact.clone().unwrap_or_else(|| view.title.clone());
    let changed = format!("{:.0}", view.changed_at);
    json!({
        "id": view.id, "name": view.title, "status": status, "created_at": changed, "updated_at": changed,
        "monitoring_at": null, "resolved_at": null, "impact": "maintenance",
        "shortlink": format!("{}/maintenance/{}", model.head.url, view.id), "started_at": view.start.iso,
        "page_id": "nines", "scheduled_for": view.start.iso, "scheduled_until": view.end.iso,
        "incident_updates": [{
            "id": format!("{}-1", view.id), "status": status, "body": body, "incident_id": view.id,
            "created_at": changed, "updated_at": changed, "display_at": changed,
            "affected_components": null, "deliver_notifications": true, "custom_tweet": null, "tweet_id": null,
        }],
        "components": concerned(model, &view.systems),
    })
}
