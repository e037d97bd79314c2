//! The configuration of Gatus: each endpoint becomes a system with one probe, so that outages stay apart as before.

mod conditions;
mod endpoint;
mod request;
mod schedule;
mod target;

use crate::output::Imported;
use crate::yaml::{self, Error};
use endpoint::Endpoint;

/// Keys of the file that have nothing to carry over.
const ELSEWHERE: &[&str] = &[
    "ui",
    "web",
    "storage",
    "metrics",
    "debug",
    "announcements",
    "skip-invalid-config-update",
    "disable-monitoring-lock",
    "concurrency",
    "default-endpoint",
    "tunneling",
];

/// Turns a configuration of Gatus into systems of this committee.
///
/// # Errors
///
/// The text is not YAML, or has no list `endpoints`. The line and the reason.
pub fn gatus(text: &str, committee: &str) -> Result<Imported, Error> {
    let root = yaml::read(text)?;
    let mut imported = Imported::default();
    let known = root.get("endpoints").is_some() || root.get("external-endpoints").is_some();
    if !known && root.get("suites").is_none() {
        return Err(Error {
            line: Some(root.line),
            why: "the key `endpoints` is missing: this is no configuration of Gatus".to_owned(),
        });
    }
    for (key, node) in root.map() {
        let why = match key.as_str() {
            "endpoints" => {
                for (index, endpoint) in node.list().iter().enumerate() {
                    Endpoint {
                        place: format!("endpoints[{index}]"),
                        node: endpoint,
                    }
                    .import(&mut imported, committee);
                }
                continue;
            }
            "external-endpoints" => "make a probe of kind `heartbeat` for each: docs/probes.md",
            "suites" => "write a probe of kind `journey` for each: docs/probes.md",
            "alerting" => "write `[mail]` and the contacts of customers: docs/configuration.md",
            "maintenance" => {
                "write `[[maintenance]]` into the file of each system: docs/configuration.md"
            }
            "security" => "the console has accounts of its own: docs/console.md",
            "connectivity" => "write `[self_check]`: docs/configuration.md",
            "remote" => "Nines shows no endpoints of other monitors",
            key if ELSEWHERE.contains(&key) || key.starts_with("x-") => continue,
            _ => "this import does not know the key; its anchors work",
        };
        imported.leave(node.line, key.clone(), why);
    }
    imported.join_repeated();
    Ok(imported)
}
