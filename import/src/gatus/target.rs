//! The kind of probe of an endpoint, by the scheme of its URL, and the keys that say what it asks.

use super::endpoint::Endpoint;
use crate::keys::Keys;
use crate::output::Imported;
use crate::place::place;
use crate::secrets;
use crate::websocket::websocket;
use crate::yaml::Node;

/// The records that Nines asks for.
const RECORDS: [&str; 8] = ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"];

impl Endpoint<'_> {
    pub(super) fn target(
        &self,
        url: &str,
        id: &str,
        imported: &mut Imported,
    ) -> Result<(&'static str, Keys), String> {
        if url.contains('$') {
            let why = "it holds a variable: put its value into the file, and import again";
            return Err(why.to_owned());
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        if let Some(dns) = self.node.get("dns") {
            return dns_keys(rest, dns).map(|keys| ("dns", keys));
        }
        let kind = match scheme {
            "http" | "https" => {
                let mut keys = Keys::of("http");
                self.request(url, id, &mut keys, imported)?;
                return Ok(("http", keys));
            }
            "tcp" => "tcp",
            "ssh" => "ssh",
            "tls" => "tls",
            "starttls" => "smtp",
            "grpc" | "grpcs" => "grpc",
            "icmp" => "icmp",
            "ws" | "wss" => {
                let mut keys = websocket(id, url)?;
                self.send(&mut keys, imported);
                return Ok(("websocket", keys));
            }
            "udp" | "sctp" => {
                return Err(format!("Nines has no probe of `{scheme}`"));
            }
            _ => return Err("it does not begin with a scheme that Gatus knows".to_owned()),
        };
        let mut keys = Keys::of(kind);
        let (host, port) = place(rest)?;
        keys.set("host", host);
        match (kind, port, scheme) {
            ("icmp", ..) => {}
            (_, Some(port), _) => keys.set("port", port),
            (_, None, "ssh") => {}
            (_, None, _) => return Err("it has no port".to_owned()),
        }
        match scheme {
            "ssh" => {
                let why = "Nines awaits the begin of the key exchange and does not sign in";
                self.leave(imported, self.node.line, "ssh", why);
            }
            "starttls" => keys.set("tls", "starttls"),
            "grpcs" => keys.set("tls", true),
            _ => {}
        }
        if matches!(kind, "tcp" | "tls") {
            self.send(&mut keys, imported);
        }
        Ok((kind, keys))
    }

    /// The text that is sent.
    fn send(&self, keys: &mut Keys, imported: &mut Imported) {
        match self.text("body") {
            Some(body) if secrets::may_hold_one(body) => {
                self.leave(imported, self.node.line, "body", secrets::BY_HAND);
            }
            Some(body) => keys.set("send", body),
            None => {}
        }
    }
}

fn dns_keys(server: &str, dns: &Node) -> Result<Keys, String> {
    let asked = |key: &str| dns.get(key).and_then(Node::text);
    let Some(name) = asked("query-name") else {
        return Err("`dns.query-name` is missing".to_owned());
    };
    let record = asked("query-type").unwrap_or("A");
    if !RECORDS.contains(&record) {
        let all = RECORDS.join(", ");
        return Err(format!("Nines asks for {all}, not for `{record}`"));
    }
    let (host, port) = place(server)?;
    let mut keys = Keys::of("dns");
    keys.set("host", name.trim_end_matches('.'));
    keys.set("server", host);
    keys.set("record", record);
    if let Some(port) = port {
        keys.set("port", port);
    }
    Ok(keys)
}
