//! The HTTP request of an endpoint.

use toml::Table;

use super::endpoint::Endpoint;
use crate::keys::Keys;
use crate::output::Imported;
use crate::secrets;
use crate::yaml::Node;

impl Endpoint<'_> {
    pub(super) fn request(
        &self,
        url: &str,
        id: &str,
        keys: &mut Keys,
        imported: &mut Imported,
    ) -> Result<(), String> {
        let address = secrets::address(id, url)?;
        for (what, variable) in &address.variables {
            let why = format!("put {what} into the environment variable {variable}");
            self.leave(imported, self.node.line, "url", why);
        }
        if let Some(basic) = address.basic {
            keys.set("basic", basic);
        }
        keys.set("url", address.url);
        let method = self.text("method").unwrap_or("GET").to_ascii_uppercase();
        if method != "GET" {
            keys.set("method", method);
        }
        let mut headers = self.headers(id, imported);
        if let Some(body) = self.text("body") {
            self.body(body, &mut headers, keys, imported);
        }
        if !headers.is_empty() {
            keys.set("headers", headers);
        }
        let client = self.node.get("client");
        let stays = client.and_then(|client| client.get("ignore-redirect"));
        if !stays.is_some_and(Node::is_true) {
            keys.set("redirects", 10);
        }
        Ok(())
    }

    fn headers(&self, system: &str, imported: &mut Imported) -> Table {
        let mut headers = Table::new();
        for (header, node) in self.node.get("headers").map(Node::map).unwrap_or_default() {
            let text = node.text().unwrap_or_default();
            let (value, variable) = secrets::header(system, header, text);
            headers.insert(header.clone(), value);
            if let Some(variable) = variable {
                let why = format!("put its value into the environment variable {variable}");
                self.leave(imported, node.line, &format!("headers.{header}"), why);
            }
        }
        headers
    }

    fn body(&self, body: &str, headers: &mut Table, keys: &mut Keys, imported: &mut Imported) {
        if secrets::may_hold_one(body) {
            return self.leave(imported, self.node.line, "body", secrets::BY_HAND);
        }
        if !self.node.get("graphql").is_some_and(Node::is_true) {
            return keys.set("body", body);
        }
        keys.set("body", serde_json::json!({ "query": body }).to_string());
        let mut names = headers.keys();
        if !names.any(|name| name.eq_ignore_ascii_case("content-type")) {
            headers.insert("Content-Type".to_owned(), "application/json".into());
        }
    }
}
