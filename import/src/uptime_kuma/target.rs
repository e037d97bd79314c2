//! The kind of probe of a monitor, by its type, and the keys that say what it asks.

use super::monitor::Monitor;
use crate::keys::Keys;
use crate::output::Imported;
use crate::place::place;
use crate::secrets;

/// The records that Nines asks for.
const RECORDS: [&str; 8] = ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"];

impl Monitor<'_> {
    pub(super) fn target(&self, imported: &mut Imported) -> Result<(&'static str, Keys), String> {
        let kuma_type = self.record.text("type").unwrap_or_default();
        match kuma_type.as_str() {
            "http" | "keyword" | "json-query" => Ok(("http", self.request(&kuma_type, imported)?)),
            "port" => self.port(imported),
            "ping" => Ok(("icmp", self.ping(imported)?)),
            "dns" => Ok(("dns", self.dns(imported)?)),
            "push" => Ok(("heartbeat", self.push(imported))),
            "grpc-keyword" => Ok(("grpc", self.grpc(imported)?)),
            "postgres" => Ok(("postgres", self.postgres(imported)?)),
            "smtp" => Ok(("smtp", self.smtp()?)),
            "mqtt" => Ok(("mqtt", self.mqtt(imported)?)),
            "ntp" => Ok(("ntp", self.ntp(imported)?)),
            "websocket-upgrade" => Ok(("websocket", self.websocket(imported)?)),
            "real-browser" => Err("write a probe of kind `journey`: docs/probes.md".to_owned()),
            "docker" | "system-service" | "pm2" => {
                Err("write a plugin for a probe of kind `command`: docs/probes.md".to_owned())
            }
            "manual" => Err("Nines has no state that people set; declare an incident".to_owned()),
            other => Err(format!("Nines has no probe of `{other}`")),
        }
    }

    /// The keys of a kind that connects to a host.
    pub(super) fn host(&self, kind: &'static str) -> Result<Keys, String> {
        let host = self.record.text("hostname").ok_or("it has no host")?;
        let mut keys = Keys::of(kind);
        keys.set("host", place(host.trim())?.0);
        Ok(keys)
    }

    pub(super) fn number_of_port(&self, default: Option<i64>) -> Result<i64, String> {
        let port = self.record.whole("port").or(default);
        let port = port.filter(|port| (1..=65_535).contains(port));
        port.ok_or_else(|| "it has no port".to_owned())
    }

    fn port(&self, imported: &mut Imported) -> Result<(&'static str, Keys), String> {
        let (kind, tls) = match self.record.text("smtp_security").as_deref() {
            Some("secure") => ("tls", None),
            Some("starttls") => ("smtp", Some("starttls")),
            _ => ("tcp", None),
        };
        let mut keys = self.host(kind)?;
        keys.set("port", self.number_of_port(None)?);
        if let Some(tls) = tls {
            keys.set("tls", tls);
        }
        let alert = self.record.text("expected_tls_alert");
        if alert.is_some_and(|alert| alert != "none") {
            let why = "not carried over: Nines expects a handshake that succeeds";
            self.leave(imported, "expected_tls_alert", why);
        }
        Ok((kind, keys))
    }

    fn ping(&self, imported: &mut Imported) -> Result<Keys, String> {
        let size = self.record.whole("packet_size");
        if size.is_some_and(|size| size != 56) {
            let why = "not carried over: Nines sends 56 bytes";
            self.leave(imported, "packet_size", why);
        }
        self.host("icmp")
    }

    fn dns(&self, imported: &mut Imported) -> Result<Keys, String> {
        let record = self.record.text("dns_resolve_type");
        let record = record.unwrap_or_else(|| "A".to_owned());
        if !RECORDS.contains(&record.as_str()) {
            let all = RECORDS.join(", ");
            return Err(format!("Nines asks for {all}, not for `{record}`"));
        }
        let name = self
            .record
            .text("hostname")
            .ok_or("it has no name to ask for")?;
        let mut keys = Keys::of("dns");
        keys.set("host", name.trim().trim_end_matches('.'));
        keys.set("record", record);
        let servers = self.record.text("dns_resolve_server").unwrap_or_default();
        let mut servers = servers.split(',').map(str::trim).filter(|s| !s.is_empty());
        if let Some(server) = servers.next() {
            keys.set("server", place(server)?.0);
            if let Some(port) = self
                .record
                .whole("port")
                .filter(|p| (1..65_536).contains(p))
            {
                keys.set("port", port);
            }
        }
        if servers.next().is_some() {
            let why = "a probe asks one server: the first is kept, add a probe for each other";
            self.leave(imported, "dns_resolve_server", why);
        }
        Ok(keys)
    }

    fn push(&self, imported: &mut Imported) -> Keys {
        let variable = secrets::variable(&self.id, "TOKEN");
        let mut keys = Keys::of("heartbeat");
        keys.set("token", secrets::reference(&variable));
        let why = format!(
            "put a new token of at least 16 letters into the environment variable {variable}; the feed then calls /heartbeat/ with it: docs/probes.md"
        );
        self.leave(imported, "push_token", why);
        keys
    }
}
