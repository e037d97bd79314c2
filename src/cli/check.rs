//! `nines check` and `nines schema`: the configuration, without a service.

use domain::catalogue::Catalogue;
use serde_json::json;

use super::args::Common;
use super::failure::mistake_json;
use super::output::{self, print};
use super::{End, Failure};
use crate::config::{self, SchemaKind};
use crate::notices;
use crate::web::console;
use crate::web::public::Templates;

/// Checks the configuration and the templates, and prints their warnings and what they contain. With
/// `connect`, also tries each relay, each webhook and the provider; one that fails is bad news.
pub fn run(common: &Common, connect: bool) -> Result<End, Failure> {
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    notices::Renderer::new(loaded.look.templates.as_ref())?;
    Templates::new(loaded.look.templates.as_ref())?;
    let Catalogue {
        systems,
        policies,
        customers,
        committees,
        ..
    } = &loaded.catalogue;
    let probes = loaded.probes.len();
    let tried = match connect {
        true => try_all(&loaded)?,
        false => Vec::new(),
    };
    if common.json {
        let mut answer = json!({
            "systems": systems.len(), "probes": probes, "policies": policies.len(),
            "customers": customers.len(), "committees": committees.len(),
            "unused": loaded.unused(),
            "proxies": loaded.proxies,
            "warnings": loaded.warnings.iter().map(mistake_json).collect::<Vec<_>>(),
        });
        if connect {
            let of = |kind: Peer| tried.iter().filter(move |tried| tried.kind == kind);
            answer["relays"] = of(Peer::Relay).map(Tried::json).collect();
            answer["webhooks"] = of(Peer::Webhook).map(Tried::json).collect();
            answer["provider"] = of(Peer::Provider)
                .map(Tried::json)
                .next()
                .unwrap_or_default();
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
        if connect && !tried.iter().any(|tried| tried.kind == Peer::Relay) {
            print("  no mail relay is configured\n")?;
        }
        for tried in &tried {
            print(&format!("  {tried}\n"))?;
        }
    }
    let failed = tried.iter().any(|tried| tried.result.is_err());
    Ok(End::bad_news_if(failed))
}

/// The servers to which the service connects, apart from the targets of its probes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    Relay,
    Webhook,
    Provider,
}

impl Peer {
    fn word(self) -> &'static str {
        match self {
            Peer::Relay => "relay",
            Peer::Webhook => "webhook",
            Peer::Provider => "provider",
        }
    }
}

/// A relay, a webhook or the provider, and the steps that succeeded or the one that failed.
struct Tried {
    kind: Peer,
    name: String,
    result: Result<String, String>,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, name) = (self.kind.word(), &self.name);
        match &self.result {
            Ok(steps) => write!(f, "{kind} {name}: {steps}"),
            Err(why) => write!(f, "{kind} {name} FAILS: {why}"),
        }
    }
}

impl Tried {
    fn json(&self) -> serde_json::Value {
        let (Ok(said) | Err(said)) = &self.result;
        json!({ self.kind.word(): self.name, "ok": self.result.is_ok(), "answer": said })
    }
}

/// Connects to each relay, each webhook and the provider. Sends no mail and posts nothing.
fn try_all(loaded: &config::Loaded) -> Result<Vec<Tried>, Failure> {
    probes::install_crypto();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let limits = notices::Timeouts::impatient();
    let relays = loaded.mail.iter().flat_map(|mail| &mail.relays);
    let relays = relays.map(|relay| Tried {
        kind: Peer::Relay,
        name: relay.to_string(),
        result: runtime.block_on(relay.try_out(&limits)),
    });
    let webhooks = loaded.webhooks.iter().map(|webhook| Tried {
        kind: Peer::Webhook,
        name: values::url::redact(&webhook.url),
        result: runtime.block_on(notices::try_webhook(webhook)),
    });
    let provider = loaded.console.openid.iter().map(|setup| Tried {
        kind: Peer::Provider,
        name: setup.issuer.clone(),
        result: runtime.block_on(console::try_provider(setup.clone())),
    });
    Ok(relays.chain(webhooks).chain(provider).collect())
}

fn counted(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

/// Prints the JSON Schema of a kind of configuration file.
pub fn schema(kind: SchemaKind) -> Result<End, Failure> {
    output::json(&config::schema(kind))?;
    Ok(End::Done)
}
