//! `nines check` and `nines schema`: the configuration, without a service.

use domain::catalogue::Catalogue;
use serde_json::json;

use super::args::Common;
use super::failure::mistake_json;
use super::output::{self, print};
use super::{End, Failure};
use crate::config::{self, SchemaKind};
use crate::notices;

/// Checks the configuration and the templates, and prints their warnings and what they contain.
pub fn run(common: &Common) -> Result<End, Failure> {
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    notices::Renderer::new(loaded.templates.as_deref())?;
    let Catalogue {
        systems,
        policies,
        customers,
        committees,
        ..
    } = &loaded.catalogue;
    let probes = loaded.probes.len();
    if common.json {
        output::json(&json!({
            "systems": systems.len(), "probes": probes, "policies": policies.len(),
            "customers": customers.len(), "committees": committees.len(),
            "unused": loaded.unused(),
            "warnings": loaded.warnings.iter().map(mistake_json).collect::<Vec<_>>(),
        }))?;
    } else {
        if !loaded.warnings.is_empty() {
            let colour = output::supports_colour(&std::io::stderr());
            output::print_coloured(&loaded.warnings.render(colour));
        }
        print(&format!(
            "{}: no mistakes ({} systems, {probes} probes, {} policies, {} customers, {} committees)\n",
            common.config.display(),
            systems.len(),
            policies.len(),
            customers.len(),
            committees.len(),
        ))?;
        for unused in loaded.unused() {
            print(&format!("  {unused}\n"))?;
        }
    }
    Ok(End::Done)
}

/// Prints the JSON Schema of a kind of configuration file.
pub fn schema(kind: SchemaKind) -> Result<End, Failure> {
    output::json(&config::schema(kind))?;
    Ok(End::Done)
}
