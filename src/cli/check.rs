//! `nines check` and `nines schema`: the configuration, without a service.

use domain::catalogue::Catalogue;
use serde_json::json;

use super::args::Common;
use super::failure::mistake_json;
use super::output::{self, print};
use super::{End, Failure};
use crate::config::{self, Relay, SchemaKind};
use crate::notices;

/// Checks the configuration and the templates, and prints their warnings and what they contain. With
/// `connect`, also tries each relay; one that fails is bad news.
pub fn run(common: &Common, connect: bool) -> Result<End, Failure> {
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    notices::Renderer::new(loaded.look.templates.as_ref())?;
    let Catalogue {
        systems,
        policies,
        customers,
        committees,
        ..
    } = &loaded.catalogue;
    let probes = loaded.probes.len();
    let relays = loaded.mail.as_ref().filter(|_| connect);
    let relays = relays.map_or(&[][..], |mail| &mail.relays);
    let relays = try_relays(relays)?;
    if common.json {
        let mut answer = json!({
            "systems": systems.len(), "probes": probes, "policies": policies.len(),
            "customers": customers.len(), "committees": committees.len(),
            "unused": loaded.unused(),
            "proxies": loaded.proxies,
            "warnings": loaded.warnings.iter().map(mistake_json).collect::<Vec<_>>(),
        });
        if connect {
            answer["relays"] = relays.iter().map(Tried::json).collect();
        }
        output::json(&answer)?;
    } else {
        if !loaded.warnings.is_empty() {
            let colour = output::supports_colour(&std::io::stderr());
            output::print_coloured(&loaded.warnings.render(colour));
        }
        print(&format!(
            "{}: no mistakes ({}, {}, {}, {}, {})\n",
            common.config.display(),
            counted(systems.len(), "system", "systems"),
            counted(probes, "probe", "probes"),
            counted(policies.len(), "policy", "policies"),
            counted(customers.len(), "customer", "customers"),
            counted(committees.len(), "committee", "committees"),
        ))?;
        for sentence in loaded.proxies.iter().chain(&loaded.unused()) {
            print(&format!("  {sentence}\n"))?;
        }
        for tried in &relays {
            print(&format!("  {tried}\n"))?;
        }
        if connect && relays.is_empty() {
            print("  no mail relay is configured\n")?;
        }
    }
    let failed = relays.iter().any(|tried| tried.result.is_err());
    Ok(End::bad_news_if(failed))
}

/// A relay, and the steps that succeeded or the one that failed.
struct Tried {
    relay: String,
    result: Result<String, String>,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.result {
            Ok(steps) => write!(f, "relay {}: {steps}", self.relay),
            Err(why) => write!(f, "relay {} FAILS: {why}", self.relay),
        }
    }
}

impl Tried {
    fn json(&self) -> serde_json::Value {
        let (Ok(said) | Err(said)) = &self.result;
        json!({ "relay": self.relay, "ok": self.result.is_ok(), "answer": said })
    }
}

/// Connects to each relay, without sending mail.
fn try_relays(relays: &[Relay]) -> Result<Vec<Tried>, Failure> {
    probes::install_crypto();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let limits = notices::Timeouts::impatient();
    let tried = relays.iter().map(|relay| Tried {
        relay: relay.to_string(),
        result: runtime.block_on(relay.try_out(&limits)),
    });
    Ok(tried.collect())
}

fn counted(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

/// Prints the JSON Schema of a kind of configuration file.
pub fn schema(kind: SchemaKind) -> Result<End, Failure> {
    output::json(&config::schema(kind))?;
    Ok(End::Done)
}
