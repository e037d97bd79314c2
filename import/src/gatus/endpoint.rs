//! One endpoint of Gatus.

use toml::Value;

use super::conditions::{self, Fate};
use crate::keys::Keys;
use crate::output::{Draft, Imported, one_line};
use crate::yaml::Node;

pub(super) struct Endpoint<'a> {
    /// As `endpoints[2]`.
    pub(super) place: String,
    pub(super) node: &'a Node,
}

impl Endpoint<'_> {
    pub(super) fn leave(
        &self,
        imported: &mut Imported,
        line: usize,
        key: &str,
        why: impl Into<String>,
    ) {
        let place = match key {
            "" => self.place.clone(),
            key => format!("{}.{key}", self.place),
        };
        imported.leave(line, place, why);
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.node.get(key)?.text()
    }

    pub(super) fn import(&self, imported: &mut Imported, committee: &str) {
        let line = self.node.line;
        if self.node.get("enabled").is_some_and(Node::is_false) {
            return self.leave(imported, line, "", "not imported: it is not enabled");
        }
        let (Some(name), Some(url)) = (self.text("name"), self.text("url")) else {
            let why = "not imported: it needs `name` and `url`";
            return self.leave(imported, line, "", why);
        };
        let name = match self.text("group") {
            Some(group) => format!("{group} / {name}"),
            None => name.to_owned(),
        };
        // Two systems must not share the variable of a secret.
        let id = imported.free_id(&name);
        let (kind, mut keys) = match self.target(url, &id, imported) {
            Ok(found) => found,
            Err(why) => return self.leave(imported, line, "url", format!("not imported: {why}")),
        };
        self.schedule(&mut keys, imported);
        self.conditions(kind, &mut keys, imported);
        if !keys.own.contains_key("expect") && keys.own.remove("send").is_some() {
            let why = "not carried over: a probe sends a text only to compare the answer";
            self.leave(imported, line, "body", why);
        }
        self.rest(kind, &mut keys, imported);
        let draft = Draft {
            name: one_line(&name),
            probe: keys.finish(),
            maintenance: Vec::new(),
        };
        let from = format!("the endpoint of line {line} of a configuration of Gatus");
        imported.add(draft, committee, &from);
    }

    fn conditions(&self, kind: &str, keys: &mut Keys, imported: &mut Imported) {
        let conditions = self
            .node
            .get("conditions")
            .map(Node::list)
            .unwrap_or_default();
        let mut judges_status = false;
        for (index, condition) in conditions.iter().enumerate() {
            let text = condition.text().unwrap_or_default();
            judges_status |= text.starts_with("[STATUS]");
            let key = format!("conditions[{index}]");
            match conditions::apply(text, kind, keys) {
                Fate::Kept => {}
                Fate::Differs(how) => {
                    self.leave(imported, condition.line, &key, format!("`{text}`: {how}"));
                }
                Fate::Lost(why) => {
                    let why = format!("`{text}` was not carried over: {why}");
                    self.leave(imported, condition.line, &key, why);
                }
            }
        }
        let default = Value::from((200..=299).collect::<Vec<i64>>());
        if keys.expect.get("status") == Some(&default) {
            keys.expect.remove("status");
        }
        if kind == "http" && !judges_status {
            let why = "Gatus accepts any status here, Nines expects 200 to 299";
            self.leave(imported, self.node.line, "conditions", why);
        }
    }

    /// Keys that are not carried over by the other functions.
    fn rest(&self, kind: &str, keys: &mut Keys, imported: &mut Imported) {
        for (key, node) in self.node.map() {
            let why = match key.as_str() {
                "name" | "group" | "url" | "enabled" | "interval" | "conditions" | "alerts"
                | "ui" | "dns" | "ssh" | "extra-labels" => continue,
                "method" | "headers" | "body" | "graphql" if kind == "http" => continue,
                "body" if matches!(kind, "tcp" | "tls" | "websocket") => continue,
                "client" => {
                    self.client(node, kind, keys, imported);
                    continue;
                }
                "maintenance-windows" => "write `[[maintenance]]` into the file of the system",
                "method" | "headers" | "body" | "graphql" => "only `http` probes send a request",
                "timeout" | "insecure" | "ignore-redirect" | "proxy-url" | "oauth2" => {
                    "Gatus ignores it here: it belongs into `client`"
                }
                "alert" => "Gatus ignores it: its key is `alerts`",
                _ => "this import does not know the key",
            };
            self.leave(imported, node.line, key, why);
        }
    }

    fn client(&self, client: &Node, kind: &str, keys: &mut Keys, imported: &mut Imported) {
        for (key, node) in client.map() {
            let why = match key.as_str() {
                "timeout" | "ignore-redirect" => continue,
                "insecure" if node.is_false() => continue,
                "insecure" => "Nines always checks certificates: name their authority by `ca_file`",
                "tls" if matches!(kind, "http" | "tls" | "smtp" | "grpc" | "websocket") => {
                    for (theirs, ours) in [
                        ("certificate-file", "client_certificate_file"),
                        ("private-key-file", "client_key_file"),
                    ] {
                        if let Some(path) = node.get(theirs).and_then(Node::text) {
                            keys.set(ours, path);
                        }
                    }
                    continue;
                }
                "proxy-url" if kind == "http" => match node.text() {
                    Some(proxy) if !proxy.contains(['@', '$']) => {
                        keys.set("proxy", proxy);
                        continue;
                    }
                    _ => "the probe connects without it: write `proxy` and `proxy_basic`",
                },
                "oauth2" => {
                    "Nines fetches tokens for `fhir` probes alone; else write `bearer_token_file`"
                }
                "dns-resolver" => "Nines asks the resolver of this machine",
                _ => "Nines has no such setting",
            };
            self.leave(imported, node.line, &format!("client.{key}"), why);
        }
    }
}
