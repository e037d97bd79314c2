//! Monitors of services with a protocol of their own: gRPC, mail, MQTT, NTP and PostgreSQL.

use serde_json::Value;
use url::{Url, form_urlencoded};

use super::monitor::Monitor;
use crate::keys::Keys;
use crate::length::{spelt, within};
use crate::output::Imported;
use crate::place::place;
use crate::secrets;
use crate::websocket::websocket;

impl Monitor<'_> {
    pub(super) fn grpc(&self, imported: &mut Imported) -> Result<Keys, String> {
        let service = self.record.text("grpc_service_name").unwrap_or_default();
        if !matches!(service.as_str(), "Health" | "grpc.health.v1.Health") {
            return Err("Nines calls `grpc.health.v1.Health/Check` alone".to_owned());
        }
        let url = self.record.text("grpc_url").ok_or("it has no address")?;
        let (host, port) = place(url.trim())?;
        let mut keys = Keys::of("grpc");
        keys.set("host", host);
        keys.set("port", port.ok_or("it has no port")?);
        if self.record.is_set("grpc_enable_tls") {
            keys.set("tls", true);
        }
        if let Some(Value::Object(body)) = self.record.json("grpc_body")
            && let Some(asked) = body.get("service").and_then(Value::as_str)
            && !asked.is_empty()
        {
            keys.set("service", asked);
        }
        let keyword = self.record.text("keyword");
        if keyword.is_some_and(|word| word != "SERVING") || self.record.is_set("invert_keyword") {
            let why = "not carried over: the service must be SERVING";
            self.leave(imported, "keyword", why);
        }
        if self
            .record
            .text("grpc_metadata")
            .is_some_and(|text| text.trim() != "{}")
        {
            self.leave(
                imported,
                "grpc_metadata",
                "not carried over: Nines sends none",
            );
        }
        Ok(keys)
    }

    pub(super) fn mqtt(&self, imported: &mut Imported) -> Result<Keys, String> {
        let written = self.record.text("hostname").ok_or("it has no host")?;
        let (scheme, host) = written
            .trim()
            .split_once("://")
            .unwrap_or(("mqtt", written.trim()));
        if !matches!(scheme, "mqtt" | "mqtts") {
            return Err(format!("Nines asks brokers without `{scheme}`"));
        }
        let mut keys = Keys::of("mqtt");
        keys.set("host", place(host)?.0);
        if scheme == "mqtts" {
            keys.set("tls", true);
        }
        if let Some(port) = self
            .record
            .whole("port")
            .filter(|p| (1..65_536).contains(p))
        {
            keys.set("port", port);
        }
        if let Some(user) = self.record.text("mqtt_username") {
            keys.set("user", user);
            if self.record.text("mqtt_password").is_some() {
                let variable = secrets::variable(&self.id, "PASSWORD");
                keys.set("password", secrets::reference(&variable));
                let why = format!("put the password into the environment variable {variable}");
                self.leave(imported, "mqtt_password", why);
            }
        }
        if self.record.text("mqtt_topic").is_some() {
            let why = "not carried over: the broker must accept the client; no message is awaited";
            self.leave(imported, "mqtt_topic", why);
        }
        Ok(keys)
    }

    pub(super) fn websocket(&self, imported: &mut Imported) -> Result<Keys, String> {
        let url = self.record.text("url").ok_or("it has no URL")?;
        let mut keys = websocket(&self.id, url.trim())?;
        if let Some(protocol) = self.record.text("ws_subprotocol") {
            match protocol.contains(',') {
                true => self.leave(
                    imported,
                    "ws_subprotocol",
                    "not carried over: name one `protocol`",
                ),
                false => keys.set("protocol", protocol.trim()),
            }
        }
        let signs_in = self
            .record
            .text("auth_method")
            .is_some_and(|method| method != "null");
        if signs_in
            || self
                .record
                .text("headers")
                .is_some_and(|text| text.trim() != "{}")
        {
            let why = "not carried over: Nines sends no header of yours to a WebSocket";
            self.leave(imported, "headers", why);
        }
        Ok(keys)
    }

    pub(super) fn ntp(&self, imported: &mut Imported) -> Result<Keys, String> {
        let mut keys = self.host("ntp")?;
        if let Some(port) = self
            .record
            .whole("port")
            .filter(|p| (1..65_536).contains(p))
        {
            keys.set("port", port);
        }
        let offset = self
            .record
            .whole("ntp_time_offset_threshold")
            .unwrap_or(1_000);
        if let Some(ms) = u64::try_from(offset).ok().and_then(within) {
            keys.set("max_offset", spelt(ms));
        }
        // There the threshold itself is down already.
        let stratum = self.record.whole("ntp_stratum_threshold").unwrap_or(5) - 1;
        keys.set("max_stratum", stratum.clamp(1, 15));
        if self.record.value("ntp_root_dispersion_threshold").is_some() {
            let why = "not carried over: Nines compares the clocks alone";
            self.leave(imported, "ntp_root_dispersion_threshold", why);
        }
        Ok(keys)
    }

    pub(super) fn smtp(&self) -> Result<Keys, String> {
        let mut keys = self.host("smtp")?;
        keys.set("port", self.number_of_port(Some(25))?);
        match self.record.text("smtp_security").as_deref() {
            Some("secure") => keys.set("tls", "implicit"),
            Some("starttls") => keys.set("tls", "starttls"),
            _ => {}
        }
        Ok(keys)
    }

    pub(super) fn postgres(&self, imported: &mut Imported) -> Result<Keys, String> {
        let written = self.record.text("database_connection_string");
        let written = written.ok_or("it has no connection string")?;
        // The error of the parser could quote a password.
        let url = Url::parse(written.trim()).ok();
        let url = url.filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        let url = url.ok_or("its connection string is not a URL of postgres")?;
        let mut keys = Keys::of("postgres");
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or("its connection string has no host")?;
        keys.set("host", host.trim_matches(['[', ']']));
        if let Some(port) = url.port() {
            keys.set("port", i64::from(port));
        }
        let user = decoded(url.username());
        let database = decoded(url.path().trim_start_matches('/'));
        keys.set(
            "database",
            if database.is_empty() {
                user.clone()
            } else {
                database
            },
        );
        keys.set(
            "user",
            if user.is_empty() {
                "postgres".to_owned()
            } else {
                user
            },
        );
        if url.password().is_some() {
            let variable = secrets::variable(&self.id, "PASSWORD");
            keys.set("password", secrets::reference(&variable));
            let why = format!("put the password into the environment variable {variable}");
            self.leave(imported, "database_connection_string", why);
        }
        for (name, value) in url.query_pairs() {
            match (name.as_ref(), value.as_ref()) {
                ("sslmode", "disable") | ("ssl", "false") => {}
                ("sslmode" | "ssl", _) => {
                    keys.set("tls", true);
                    let why = "Nines always checks certificates: name their authority by `ca_file`";
                    self.leave(imported, "database_connection_string.sslmode", why);
                }
                (name, _) => {
                    let key = format!("database_connection_string.{name}");
                    self.leave(
                        imported,
                        &key,
                        "not carried over: Nines has no such setting",
                    );
                }
            }
        }
        if let Some(query) = self.record.text("database_query") {
            let query = query.trim().trim_end_matches(';').trim_end();
            match query.contains(';') {
                true => self.leave(
                    imported,
                    "database_query",
                    "not carried over: a probe runs one query",
                ),
                false => keys.set("query", query),
            }
        }
        Ok(keys)
    }
}

/// The text without percent-encoding.
fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    let parsed = form_urlencoded::parse(pair.as_bytes()).next();
    parsed
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
