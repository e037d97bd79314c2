//! One module: the keys that it gives to the probes of all its targets. Its remarks are listed once.

use toml::Table;

use super::targets::Target;
use super::{http, network};
use crate::keys::Keys;
use crate::length::{parse_ms, spelt};
use crate::output::{Draft, Imported, one_line};
use crate::place::place;
use crate::secrets;
use crate::yaml::Node;

/// Settings that every prober has.
const ADDRESSES: [&str; 3] = [
    "preferred_ip_protocol",
    "ip_protocol_fallback",
    "source_ip_address",
];

pub(super) struct Module {
    name: String,
    kind: &'static str,
    keys: Keys,
    /// Only for targets that speak TLS.
    tls: Table,
    needs_tls: bool,
    timeout_ms: Option<u64>,
}

/// The probe that the settings of a prober become.
pub(super) struct Asked {
    pub(super) kind: &'static str,
    pub(super) keys: Keys,
    pub(super) tls: Table,
    pub(super) needs_tls: bool,
}

/// Lists remarks on one module.
pub(super) struct Reader<'a> {
    pub(super) module: &'a str,
    prober: &'a str,
    imported: &'a mut Imported,
}

impl Reader<'_> {
    pub(super) fn leave(&mut self, node: &Node, key: &str, why: impl Into<String>) {
        let place = format!("modules.{}.{}.{key}", self.module, self.prober);
        self.imported.leave(node.line, place, why);
    }

    /// Notes a setting that no function has read.
    pub(super) fn leave_unknown(&mut self, node: &Node, key: &str) {
        match ADDRESSES.contains(&key) {
            true if key == "ip_protocol_fallback" => {}
            true if self.prober == "dns" => {
                let why = "not carried over: a `dns` probe asks its servers in order";
                self.leave(node, key, why);
            }
            true => {}
            false => self.leave(node, key, "not carried over: Nines has no such setting"),
        }
    }

    /// The keys of the version of IP and of the source address.
    fn egress(&mut self, settings: &Node, keys: &mut Keys) {
        if self.prober == "dns" {
            return;
        }
        let text = |key: &str| settings.get(key).and_then(Node::text);
        match text("preferred_ip_protocol") {
            Some("ip4") => keys.set("prefer", "ipv4"),
            Some("ip6") => keys.set("prefer", "ipv6"),
            _ => {}
        }
        if let Some(address) = text("source_ip_address") {
            keys.set("source_address", address);
        }
    }
}

impl Module {
    /// The reason if Nines has no such probe.
    pub(super) fn read(name: &str, node: &Node, imported: &mut Imported) -> Result<Self, String> {
        let prober = node.get("prober").and_then(Node::text).unwrap_or_default();
        let empty = Node::empty(node.line);
        let settings = node.get(prober).unwrap_or(&empty);
        let mut reader = Reader {
            module: name,
            prober,
            imported,
        };
        let mut asked = match prober {
            "http" => http::read(settings, &mut reader),
            "tcp" => network::tcp(settings, &mut reader)?,
            "dns" => network::dns(settings, &mut reader)?,
            "icmp" => network::icmp(settings, &mut reader),
            "grpc" => network::grpc(settings, &mut reader),
            other => return Err(format!("Nines has no probe of `{other}`")),
        };
        reader.egress(settings, &mut asked.keys);
        let timeout = node.get("timeout").and_then(Node::text);
        Ok(Self {
            name: name.to_owned(),
            kind: asked.kind,
            keys: asked.keys,
            tls: asked.tls,
            needs_tls: asked.needs_tls,
            timeout_ms: timeout.and_then(parse_ms),
        })
    }

    pub(super) fn import(&self, target: &Target, imported: &mut Imported, committee: &str) {
        let mut keys = Keys {
            own: self.keys.own.clone(),
            expect: self.keys.expect.clone(),
        };
        let address = target
            .address
            .split_once("://")
            .map_or(&*target.address, |(_, rest)| rest);
        // A user and a query may hold a secret.
        let address = address.split(['?', '#']).next().unwrap_or_default();
        let address = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
        let mut name = one_line(address.trim_end_matches('/'));
        if imported.has_name(&name) {
            name = one_line(&format!("{name} ({})", self.name));
        }
        // Two targets of a module must not share the variable of a secret.
        let id = imported.free_id(&name);
        if let Err(why) = self.aim(target, &id, &mut keys, imported) {
            let why = format!("not imported: {why}");
            return imported.leave(target.line, target.place(), why);
        }
        let timeout = self.timeout_ms.unwrap_or(target.timeout_ms);
        keys.set("interval", spelt(target.interval_ms));
        keys.set("timeout", spelt(timeout.min(target.interval_ms)));
        let draft = Draft {
            name,
            probe: keys.finish(),
            maintenance: Vec::new(),
        };
        let from = format!(
            "module {} of blackbox_exporter, line {} of its targets",
            one_line(&self.name),
            target.line
        );
        imported.add(draft, committee, &from);
    }

    /// Names the target in the keys.
    fn aim(
        &self,
        target: &Target,
        id: &str,
        keys: &mut Keys,
        imported: &mut Imported,
    ) -> Result<(), String> {
        if self.kind == "http" {
            return self.aim_at_url(target, id, keys, imported);
        }
        let (host, port) = place(target.address.trim())?;
        if self.kind == "dns" {
            keys.set("server", host);
        } else {
            keys.set("host", host);
        }
        match (self.kind, port) {
            ("icmp", _) | ("dns", None) => {}
            (_, Some(port)) => keys.set("port", port),
            (_, None) => return Err("it has no port".to_owned()),
        }
        keys.own.extend(self.tls.clone());
        Ok(())
    }

    fn aim_at_url(
        &self,
        target: &Target,
        id: &str,
        keys: &mut Keys,
        imported: &mut Imported,
    ) -> Result<(), String> {
        let written = target.address.trim();
        let written = match written.contains("://") {
            true => written.to_owned(),
            false => format!("http://{written}"),
        };
        if written.contains("${") {
            return Err("it holds a variable".to_owned());
        }
        let address = secrets::address(id, &written)?;
        for (what, variable) in &address.variables {
            let why = format!("put {what} into the environment variable {variable}");
            imported.leave(target.line, target.place(), why);
        }
        if let Some(basic) = address.basic {
            keys.set("basic", basic);
        }
        match address.url.starts_with("https:") {
            true => keys.own.extend(self.tls.clone()),
            false if self.needs_tls => {
                let why = "`fail_if_not_ssl` was not carried over: its URL is not https://";
                imported.leave(target.line, target.place(), why);
            }
            false => {}
        }
        keys.set("url", address.url);
        Ok(())
    }
}
