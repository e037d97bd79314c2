//! The request of the types `http`, `keyword` and `json-query`, and the answer that they expect.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::Table;

use super::monitor::Monitor;
use crate::keys::{Keys, pointer, scalar};
use crate::output::Imported;
use crate::secrets;

impl Monitor<'_> {
    pub(super) fn request(&self, kuma_type: &str, imported: &mut Imported) -> Result<Keys, String> {
        let url = self.record.text("url").ok_or("it has no URL")?;
        if url.contains("${") {
            return Err("its URL holds `${`, which names a variable here".to_owned());
        }
        let mut keys = Keys::of("http");
        let address = secrets::address(&self.id, url.trim())?;
        for (what, variable) in &address.variables {
            let why = format!("put {what} into the environment variable {variable}");
            self.leave(imported, "url", why);
        }
        keys.set("url", address.url.as_str());
        let method = self.record.text("method").unwrap_or_default();
        let method = method.trim().to_ascii_uppercase();
        if !matches!(method.as_str(), "" | "GET") {
            keys.set("method", method);
        }
        let mut headers = self.headers(imported);
        self.body(&mut headers, &mut keys, imported);
        if let Some(basic) = address.basic {
            keys.set("basic", basic);
        }
        self.authenticate(&mut headers, &mut keys, imported);
        if !headers.is_empty() {
            keys.set("headers", headers);
        }
        let redirects = self.record.whole("maxredirects").unwrap_or(10).clamp(0, 20);
        if redirects > 0 {
            keys.set("redirects", redirects);
        }
        if address.url.starts_with("https:") && self.record.is_set("ignore_tls") {
            let why = "Nines always checks certificates: name their authority by `ca_file`";
            self.leave(imported, "ignore_tls", why);
        }
        if self.record.is_set("cache_bust") {
            self.leave(imported, "cache_bust", "Nines adds no parameter to a URL");
        }
        self.proxy(&mut keys, imported);
        self.statuses(&mut keys, imported);
        match kuma_type {
            "keyword" => self.keyword(&mut keys, imported),
            "json-query" => self.json_query(&mut keys, imported),
            _ => {}
        }
        Ok(keys)
    }

    fn headers(&self, imported: &mut Imported) -> Table {
        let mut headers = Table::new();
        let Some(text) = self.record.text("headers") else {
            return headers;
        };
        let Ok(Value::Object(map)) = serde_json::from_str(&text) else {
            let why = "not carried over: they are not JSON";
            self.leave(imported, "headers", why);
            return headers;
        };
        for (name, value) in &map {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let (value, variable) = secrets::header(&self.id, name, &text);
            headers.insert(name.clone(), value);
            if let Some(variable) = variable {
                let why = format!("put its value into the environment variable {variable}");
                self.leave(imported, &format!("headers.{name}"), why);
            }
        }
        headers
    }

    fn body(&self, headers: &mut Table, keys: &mut Keys, imported: &mut Imported) {
        let Some(body) = self.record.text("body") else {
            return;
        };
        if secrets::may_hold_one(&body) {
            return self.leave(imported, "body", secrets::BY_HAND);
        }
        keys.set("body", body);
        let content_type = match self.record.text("http_body_encoding").as_deref() {
            Some("form") => "application/x-www-form-urlencoded",
            Some("xml") => "text/xml; charset=utf-8",
            _ => "application/json",
        };
        let mut names = headers.keys();
        if !names.any(|name| name.eq_ignore_ascii_case("content-type")) {
            headers.insert("Content-Type".to_owned(), content_type.into());
        }
    }

    fn authenticate(&self, headers: &mut Table, keys: &mut Keys, imported: &mut Imported) {
        let user = self.record.text("basic_auth_user").unwrap_or_default();
        let method = self.record.text("auth_method").unwrap_or_default();
        let why = match method.as_str() {
            // Releases before this column knew basic authentication alone.
            "basic" | "" | "null" if !user.is_empty() => {
                let variable = secrets::variable(&self.id, "PASSWORD");
                keys.set("basic", secrets::basic(&user, &variable));
                format!("put the password into the environment variable {variable}")
            }
            "basic" | "" | "null" => return,
            "bearer" => {
                let variable = secrets::variable(&self.id, "Authorization");
                headers.insert("Authorization".to_owned(), secrets::reference(&variable));
                format!(
                    "put `Bearer`, a space and the token into the environment variable {variable}"
                )
            }
            "mtls" => {
                "not carried over: write `client_certificate_file`, `client_key_file` and `ca_file`"
                    .to_owned()
            }
            "oauth2-cc" => {
                "not carried over: Nines fetches tokens for `fhir` probes alone; else write `bearer_token_file`".to_owned()
            }
            other => format!("not carried over: Nines does not sign in by `{other}`"),
        };
        self.leave(imported, "auth_method", why);
    }

    fn proxy(&self, keys: &mut Keys, imported: &mut Imported) {
        let Some(id) = self.record.whole("proxy_id") else {
            return;
        };
        let proxy = self.all.find("proxy", id);
        let Some(proxy) = proxy.filter(|p| p.value("active").is_none() || p.is_set("active"))
        else {
            return;
        };
        let protocol = proxy.text("protocol").unwrap_or_default();
        let (Some(host), Some(port), "http") =
            (proxy.text("host"), proxy.whole("port"), protocol.as_str())
        else {
            let why = format!("not carried over: Nines has no proxy that speaks `{protocol}`");
            return self.leave(imported, "proxy", why);
        };
        keys.set("proxy", format!("http://{host}:{port}"));
        if proxy.is_set("auth") {
            let variable = secrets::variable(&self.id, "PROXY_PASSWORD");
            let user = proxy.text("username").unwrap_or_default();
            keys.set("proxy_basic", secrets::basic(&user, &variable));
            let why = format!("put the password into the environment variable {variable}");
            self.leave(imported, "proxy", why);
        }
    }

    fn statuses(&self, keys: &mut Keys, imported: &mut Imported) {
        let mut written = self.record.list("accepted_statuscodes_json");
        if written.is_empty() {
            written = self.record.list("accepted_statuscodes");
        }
        if written.is_empty() || written == ["200-299"] {
            return;
        }
        // A list of many ranges names no more than there are.
        let mut statuses: BTreeSet<i64> = BTreeSet::new();
        for entry in &written {
            let (from, to) = entry.split_once('-').unwrap_or((entry, entry));
            let (Ok(from), Ok(to)) = (from.trim().parse::<i64>(), to.trim().parse::<i64>()) else {
                let why = format!("`{entry}` was not carried over: it is not a status");
                self.leave(imported, "accepted_statuscodes", why);
                continue;
            };
            statuses.extend(from.max(100)..=to.min(599));
        }
        if !statuses.is_empty() {
            keys.expect("status", statuses.into_iter().collect::<Vec<i64>>());
        }
    }

    fn keyword(&self, keys: &mut Keys, imported: &mut Imported) {
        let Some(keyword) = self.record.text("keyword") else {
            return self.leave(imported, "keyword", "it is empty: any body is good");
        };
        match self.record.is_set("invert_keyword") {
            true => keys.expect("body_lacks", keyword),
            false => keys.expect("body_contains", keyword),
        };
    }

    fn json_query(&self, keys: &mut Keys, imported: &mut Imported) {
        let path = self.record.text("json_path").unwrap_or_default();
        let wanted = self.record.text("expected_value").unwrap_or_default();
        let operator = self.record.text("json_path_operator");
        let inner = path.trim().trim_start_matches('$');
        let (Some(pointer), None | Some("==")) = (pointer(inner), operator.as_deref()) else {
            let why = "not carried over: Nines names a value by a JSON pointer, and compares it with one text, number, true or false";
            return self.leave(imported, "json_path", why);
        };
        let wanted = scalar(&wanted);
        if !wanted.is_str() {
            let why = format!("the value must be {wanted} itself, not a text of it");
            self.leave(imported, "expected_value", why);
        }
        keys.expect_json(pointer, wanted);
    }
}
