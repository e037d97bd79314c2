//! The configuration of Gatus: each endpoint becomes a system with one probe, so that outages stay apart as before.

use toml::{Table, Value};
use url::Url;

use crate::conditions::{self, Fate, Keys};
use crate::output::{Draft, Imported};
use crate::yaml::{self, Error, Node};

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
            line: root.line,
            why: "the key `endpoints` is missing: this is no configuration of Gatus".to_owned(),
        });
    }
    for (key, node) in root.map() {
        let why = match key.as_str() {
            "endpoints" => {
                for (index, endpoint) in node.list().iter().enumerate() {
                    let place = format!("endpoints[{index}]");
                    Endpoint {
                        place,
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
            _ => "this import does not know the key",
        };
        imported.leave(node.line, key.clone(), why);
    }
    Ok(imported)
}

struct Endpoint<'a> {
    /// As `endpoints[2]`.
    place: String,
    node: &'a Node,
}

impl Endpoint<'_> {
    fn leave(&self, imported: &mut Imported, line: usize, key: &str, why: impl Into<String>) {
        let place = match key {
            "" => self.place.clone(),
            key => format!("{}.{key}", self.place),
        };
        imported.leave(line, place, why);
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.node.get(key)?.text()
    }

    fn import(&self, imported: &mut Imported, committee: &str) {
        let line = self.node.line;
        if self.node.get("enabled").is_some_and(Node::is_false) {
            return self.leave(imported, line, "", "not imported: it is not enabled");
        }
        let (Some(name), Some(url)) = (self.text("name"), self.text("url")) else {
            return self.leave(
                imported,
                line,
                "",
                "not imported: it needs `name` and `url`",
            );
        };
        let name = match self.text("group") {
            Some(group) => format!("{group} / {name}"),
            None => name.to_owned(),
        };
        let (kind, mut keys) = match self.target(url, &name, imported) {
            Ok(found) => found,
            Err(why) => return self.leave(imported, line, "url", format!("not imported: {why}")),
        };
        self.schedule(&mut keys, imported);
        self.conditions(kind, &mut keys, imported);
        self.rest(kind, &mut keys, imported);
        if !keys.expect.is_empty() {
            keys.own.insert("expect".to_owned(), keys.expect.into());
        }
        let draft = Draft {
            name,
            probe: keys.own,
        };
        let from = format!("the endpoint of line {line} of a configuration of Gatus");
        imported.add(draft, committee, &from);
    }

    /// The kind of probe, and the keys that say what it asks.
    fn target(
        &self,
        url: &str,
        name: &str,
        imported: &mut Imported,
    ) -> Result<(&'static str, Keys), String> {
        let mut keys = Keys::default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        if let Some(dns) = self.node.get("dns") {
            return self.dns(rest, dns).map(|keys| ("dns", keys));
        }
        let kind = match scheme {
            "http" | "https" => {
                self.request(url, name, &mut keys, imported)?;
                keys.own.insert("kind".to_owned(), "http".into());
                return Ok(("http", keys));
            }
            "tcp" | "ssh" => "tcp",
            "tls" => "tls",
            "starttls" => "smtp",
            "grpc" | "grpcs" => "grpc",
            "icmp" => "icmp",
            "ws" | "wss" | "udp" | "sctp" => {
                return Err(format!("Nines has no probe of `{scheme}`"));
            }
            _ => return Err("it does not begin with a scheme that Gatus knows".to_owned()),
        };
        let set = |keys: &mut Keys, key: &str, value: Value| {
            keys.own.insert(key.to_owned(), value);
        };
        set(&mut keys, "kind", kind.into());
        let (host, port) = place(rest)?;
        set(&mut keys, "host", host.into());
        match (kind, port, scheme) {
            ("icmp", ..) => {}
            (_, Some(port), _) => set(&mut keys, "port", port.into()),
            (_, None, "ssh") => set(&mut keys, "port", 22.into()),
            (_, None, _) => return Err("it has no port".to_owned()),
        }
        match scheme {
            "ssh" => {
                set(&mut keys, "expect", "SSH-".into());
                let why = "Nines reads the greeting of the server and does not sign in";
                self.leave(imported, self.node.line, "ssh", why);
            }
            "starttls" => set(&mut keys, "tls", "starttls".into()),
            "grpcs" => set(&mut keys, "tls", true.into()),
            _ => {}
        }
        if let (Some(body), "tcp" | "tls") = (self.text("body"), kind) {
            set(&mut keys, "send", body.into());
        }
        Ok((kind, keys))
    }

    fn dns(&self, server: &str, dns: &Node) -> Result<Keys, String> {
        const RECORDS: [&str; 8] = ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"];
        let asked = |key: &str| dns.get(key).and_then(Node::text);
        let Some(name) = asked("query-name") else {
            return Err("`dns.query-name` is missing".to_owned());
        };
        let record = asked("query-type").unwrap_or("A");
        if !RECORDS.contains(&record) {
            return Err(format!(
                "Nines asks for {}, not for `{record}`",
                RECORDS.join(", ")
            ));
        }
        let (host, port) = place(server)?;
        let mut own = Table::new();
        own.insert("kind".to_owned(), "dns".into());
        own.insert("host".to_owned(), name.trim_end_matches('.').into());
        own.insert("server".to_owned(), host.into());
        own.insert("record".to_owned(), record.into());
        if let Some(port) = port {
            own.insert("port".to_owned(), port.into());
        }
        Ok(Keys {
            own,
            expect: Table::new(),
        })
    }

    /// The keys of an HTTP request.
    fn request(
        &self,
        url: &str,
        name: &str,
        keys: &mut Keys,
        imported: &mut Imported,
    ) -> Result<(), String> {
        if url.contains('$') {
            return Err(
                "it holds a variable: write the probe by hand, docs/configuration.md".to_owned(),
            );
        }
        let mut url = Url::parse(url).map_err(|error| error.to_string())?;
        url.set_fragment(None);
        let set = |keys: &mut Keys, key: &str, value: Value| {
            keys.own.insert(key.to_owned(), value);
        };
        if !url.username().is_empty() || url.password().is_some() {
            let variable = variable(name, "PASSWORD");
            let mut basic = Table::new();
            basic.insert("user".to_owned(), url.username().into());
            basic.insert("password".to_owned(), format!("${{{variable}}}").into());
            set(keys, "basic", basic.into());
            let why =
                format!("put the password of the URL into the environment variable {variable}");
            self.leave(imported, self.node.line, "url", why);
            let cleared = url.set_username("").and_then(|()| url.set_password(None));
            cleared.map_err(|()| "its user cannot be taken out".to_owned())?;
        }
        set(keys, "url", url.as_str().into());
        let method = self.text("method").unwrap_or("GET").to_ascii_uppercase();
        if method != "GET" {
            set(keys, "method", method.into());
        }
        let mut headers = Table::new();
        if let Some(node) = self.node.get("headers") {
            for (header, value) in node.map() {
                let text = value.text().unwrap_or_default();
                if is_secret(header) || text.contains('$') {
                    let variable = variable(name, header);
                    headers.insert(header.clone(), format!("${{{variable}}}").into());
                    let why = format!("put its value into the environment variable {variable}");
                    self.leave(imported, value.line, &format!("headers.{header}"), why);
                } else {
                    headers.insert(header.clone(), text.into());
                }
            }
        }
        if let Some(body) = self.text("body") {
            let is_graphql = self.node.get("graphql").is_some_and(Node::is_true);
            let body = match is_graphql {
                true => serde_json::json!({ "query": body }).to_string(),
                false => body.to_owned(),
            };
            let has_type = headers
                .keys()
                .any(|name| name.eq_ignore_ascii_case("content-type"));
            if is_graphql && !has_type {
                headers.insert("Content-Type".to_owned(), "application/json".into());
            }
            set(keys, "body", body.into());
        }
        if !headers.is_empty() {
            set(keys, "headers", headers.into());
        }
        let client = self.node.get("client");
        let stays = client.and_then(|client| client.get("ignore-redirect"));
        if !stays.is_some_and(Node::is_true) {
            set(keys, "redirects", 10.into());
        }
        Ok(())
    }

    /// `interval`, `timeout`, `failures` and `recoveries`.
    fn schedule(&self, keys: &mut Keys, imported: &mut Imported) {
        let client = self.node.get("client");
        let timeout = client.and_then(|client| client.get("timeout"));
        let interval = self.node.get("interval");
        let mut interval_ms = 60_000;
        for (key, node, default) in [
            ("interval", interval, Some("60s")),
            ("timeout", timeout, None),
        ] {
            let text = node.and_then(Node::text).or(default);
            let Some(text) = text else { continue };
            match length_ms(text) {
                Some(ms) if key == "timeout" && ms > interval_ms => {
                    let why = "longer than the interval: the default is used";
                    self.leave(imported, node.map_or(0, |node| node.line), key, why);
                }
                Some(ms) => {
                    if key == "interval" {
                        interval_ms = ms;
                    }
                    keys.own.insert(key.to_owned(), spelt(ms).into());
                }
                None => {
                    let why = format!(
                        "`{text}` is not a time as \"30s\" or \"1m30s\": the default is used"
                    );
                    self.leave(imported, node.map_or(0, |node| node.line), key, why);
                    if key == "interval" {
                        keys.own.insert(key.to_owned(), "60s".into());
                    }
                }
            }
        }
        let Some(alerts) = self.node.get("alerts") else {
            return;
        };
        for (key, ours) in [
            ("failure-threshold", "failures"),
            ("success-threshold", "recoveries"),
        ] {
            let all = alerts
                .list()
                .iter()
                .filter_map(|alert| alert.get(key)?.text()?.parse::<i64>().ok());
            if let Some(least) = all.min().filter(|n| (1..=100).contains(n)) {
                keys.own.insert(ours.to_owned(), least.into());
            }
        }
        let why = "only the thresholds were kept: notices go to the customers of a system";
        self.leave(imported, alerts.line, "alerts", why);
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
                "body" if matches!(kind, "tcp" | "tls") => continue,
                "client" => {
                    self.client(node, kind, keys, imported);
                    continue;
                }
                "maintenance-windows" => "write `[[maintenance]]` into the file of the system",
                "method" | "headers" | "body" | "graphql" => "only `http` probes send a request",
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
                "tls" if matches!(kind, "http" | "tls" | "smtp" | "grpc") => {
                    for (theirs, ours) in [
                        ("certificate-file", "client_certificate_file"),
                        ("private-key-file", "client_key_file"),
                    ] {
                        if let Some(path) = node.get(theirs).and_then(Node::text) {
                            keys.own.insert(ours.to_owned(), path.into());
                        }
                    }
                    continue;
                }
                "proxy-url" if kind == "http" => match node.text() {
                    Some(proxy) if !proxy.contains(['@', '$']) => {
                        keys.own.insert("proxy".to_owned(), proxy.into());
                        continue;
                    }
                    _ => "write `proxy` and `proxy_basic`",
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

/// Host and port of `host:port/rest`, IPv6 in brackets.
fn place(text: &str) -> Result<(String, Option<i64>), String> {
    let text = text.split(['/', '?', '#']).next().unwrap_or_default();
    let unfit = || format!("`{text}` is not a host with a port");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(unfit)?;
            (host, after.strip_prefix(':'))
        }
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port
        .map(|port| {
            port.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(unfit)
        })
        .transpose()?;
    match host.is_empty() || host.contains(['$', '@', ' ']) {
        true => Err(unfit()),
        false => Ok((host.to_owned(), port.map(i64::from))),
    }
}

/// True if a header of this name usually holds a secret.
fn is_secret(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    let words = [
        "authorization",
        "cookie",
        "token",
        "key",
        "secret",
        "password",
    ];
    words.iter().any(|word| header.contains(word))
}

/// The name of an environment variable for a secret of a system.
fn variable(system: &str, what: &str) -> String {
    let mut name = String::new();
    for c in format!("{system}_{what}").chars() {
        match c.is_ascii_alphanumeric() {
            true => name.push(c.to_ascii_uppercase()),
            false if name.ends_with('_') || name.is_empty() => {}
            false => name.push('_'),
        }
    }
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

/// The milliseconds of a time as Go writes it: `1m30s`, `500ms`, `90s`. No fractions.
fn length_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit_ms)?)?;
        rest = after;
    }
    (1..=7 * 86_400_000).contains(&total).then_some(total)
}

fn spelt(ms: u64) -> String {
    match ms {
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}
