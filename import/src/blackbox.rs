//! blackbox_exporter: its modules say how to ask, and the scrape configuration of Prometheus says whom. Each target of
//! each job becomes a system with one probe.

mod http;
mod module;
mod network;
mod pattern;
mod relabel;
mod targets;
mod tls;

use std::collections::BTreeMap;

use crate::output::{Imported, Input};
use crate::yaml::{self, Error, Node};
use module::Module;

/// Turns modules of blackbox_exporter, and the targets that a configuration of Prometheus gives them, into systems of this
/// committee.
///
/// # Errors
///
/// A text is not YAML, there are no modules, or there are no scrape jobs. The file, the line and the reason.
pub fn blackbox(modules: &str, targets: &str, committee: &str) -> Result<Imported, (Input, Error)> {
    let definitions = |error| (Input::Definitions, error);
    let of_targets = |error| (Input::Targets, error);
    let root = yaml::read(modules).map_err(definitions)?;
    let modules = required(&root, "modules", "blackbox_exporter").map_err(definitions)?;
    let prometheus = yaml::read(targets).map_err(of_targets)?;
    let jobs = required(&prometheus, "scrape_configs", "Prometheus").map_err(of_targets)?;
    let mut imported = Imported::reading(Input::Targets);
    let targets = targets::read(&prometheus, jobs, &mut imported);
    let mut known = BTreeMap::new();
    imported.input = Input::Definitions;
    for (name, node) in modules.map() {
        match targets.iter().any(|target| target.module == *name) {
            true => {
                known.insert(name.as_str(), Module::read(name, node, &mut imported));
            }
            false => imported.leave(node.line, format!("modules.{name}"), "no target uses it"),
        }
    }
    imported.input = Input::Targets;
    for target in &targets {
        match known.get(target.module.as_str()) {
            Some(Ok(module)) => module.import(target, &mut imported, committee),
            Some(Err(why)) => {
                imported.leave(target.line, target.place(), format!("not imported: {why}"));
            }
            None => {
                let why = format!("not imported: there is no module `{}`", target.module);
                imported.leave(target.line, target.place(), why);
            }
        }
    }
    Ok(imported)
}

fn required<'a>(root: &'a Node, key: &str, of: &str) -> Result<&'a Node, Error> {
    root.get(key).ok_or_else(|| Error {
        line: Some(root.line),
        why: format!("the key `{key}` is missing: this is no configuration of {of}"),
    })
}
