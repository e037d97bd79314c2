//! The prober `http`.

use toml::{Table, Value};

use super::module::{Asked, Reader};
use super::pattern::plain;
use super::tls;
use crate::keys::Keys;
use crate::secrets;
use crate::yaml::Node;

pub(super) fn read(settings: &Node, reader: &mut Reader<'_>) -> Asked {
    let mut keys = Keys::of("http");
    let mut headers = Table::new();
    let mut redirects = true;
    let mut needs_tls = false;
    for (key, node) in settings.map() {
        match key.as_str() {
            "method" => match node.text() {
                Some("GET") | None => {}
                Some(method) => keys.set("method", method.to_ascii_uppercase()),
            },
            "valid_status_codes" => statuses(node, &mut keys),
            "valid_http_versions" => versions(node, &mut keys, reader),
            "enable_http2" if node.is_false() => keys.set("http", "1.1"),
            "follow_redirects" => redirects = !node.is_false(),
            "no_follow_redirects" => redirects = !node.is_true(),
            "fail_if_not_ssl" => needs_tls = node.is_true(),
            "fail_if_ssl" if node.is_false() => {}
            "headers" => {
                for (name, value) in node.map() {
                    header(name, value, &mut headers, reader);
                }
            }
            "http_headers" => several(node, &mut headers, reader),
            "body" => match node.text() {
                Some(body) if secrets::may_hold_one(body) => {
                    reader.leave(node, "body", secrets::BY_HAND);
                }
                Some(body) => keys.set("body", body),
                None => {}
            },
            "fail_if_body_matches_regexp" => lacks(node, &mut keys, reader),
            "fail_if_body_not_matches_regexp" => matches(node, &mut keys, reader),
            "fail_if_header_not_matches" => answer_headers(node, &mut keys, reader),
            "basic_auth" | "authorization" | "bearer_token" | "bearer_token_file" => {
                authenticate(key, node, &mut keys, &mut headers, reader);
            }
            "proxy_url" => match node.text() {
                Some(proxy) if proxy.starts_with("http://") && !proxy.contains('@') => {
                    keys.set("proxy", proxy);
                }
                _ => reader.leave(
                    node,
                    key,
                    "not carried over: write `proxy` and `proxy_basic`",
                ),
            },
            "oauth2" => {
                let why = "not carried over: Nines fetches tokens for `fhir` probes alone; else write `bearer_token_file`";
                reader.leave(node, key, why);
            }
            // Nines decodes every encoding that it knows, and resolves a proxy's targets by the proxy.
            "tls_config" | "compression" | "enable_http2" | "skip_resolve_phase_with_proxy" => {}
            other => reader.leave_unknown(node, other),
        }
    }
    if redirects {
        keys.set("redirects", 10);
    }
    if !headers.is_empty() {
        keys.set("headers", headers);
    }
    Asked {
        kind: "http",
        keys,
        tls: tls::read(settings.get("tls_config"), reader),
        needs_tls,
    }
}

fn statuses(node: &Node, keys: &mut Keys) {
    let all = node
        .list()
        .iter()
        .filter_map(|status| status.text()?.parse().ok());
    let mut all: Vec<i64> = all.filter(|status| (100..=599).contains(status)).collect();
    all.sort_unstable();
    all.dedup();
    let is_default = all == (200..=299).collect::<Vec<i64>>();
    if !all.is_empty() && !is_default {
        keys.expect("status", all);
    }
}

fn versions(node: &Node, keys: &mut Keys, reader: &mut Reader<'_>) {
    let all: Vec<_> = node.list().iter().filter_map(Node::text).collect();
    match all[..] {
        [] => {}
        ["HTTP/1.1"] => keys.set("http", "1.1"),
        _ if all.contains(&"HTTP/1.1") => {}
        _ => {
            let why = "not carried over: Nines takes HTTP/1.1 and HTTP/2";
            reader.leave(node, "valid_http_versions", why);
        }
    }
}

fn header(name: &str, node: &Node, headers: &mut Table, reader: &mut Reader<'_>) {
    let text = node.text().unwrap_or_default();
    let (value, variable) = secrets::header(reader.module, name, text);
    headers.insert(name.to_owned(), value);
    if let Some(variable) = variable {
        let why = format!("put its value into the environment variable {variable}");
        reader.leave(node, &format!("headers.{name}"), why);
    }
}

/// `http_headers`: values, secrets and files by name.
fn several(node: &Node, headers: &mut Table, reader: &mut Reader<'_>) {
    for (name, sources) in node.map() {
        let values = sources.get("values").map(Node::list).unwrap_or_default();
        match values {
            [value] => header(name, value, headers, reader),
            _ => {
                let why = "not carried over: write its one value, or the variable that has it";
                reader.leave(sources, &format!("http_headers.{name}"), why);
            }
        }
    }
}

fn lacks(node: &Node, keys: &mut Keys, reader: &mut Reader<'_>) {
    for pattern in node.list().iter().filter_map(Node::text) {
        let is_kept = plain(pattern).is_some_and(|text| keys.expect("body_lacks", text));
        if !is_kept {
            let why = format!("`{pattern}` was not carried over: `body_lacks` is one text");
            reader.leave(node, "fail_if_body_matches_regexp", why);
        }
    }
}

fn matches(node: &Node, keys: &mut Keys, reader: &mut Reader<'_>) {
    for pattern in node.list().iter().filter_map(Node::text) {
        let is_kept = plain(pattern).is_some_and(|text| keys.expect("body_contains", text))
            || keys.expect("body_matches", pattern);
        if !is_kept {
            let why = format!("`{pattern}` was not carried over: add a second probe for it");
            reader.leave(node, "fail_if_body_not_matches_regexp", why);
        }
    }
}

fn answer_headers(node: &Node, keys: &mut Keys, reader: &mut Reader<'_>) {
    let mut wanted = Table::new();
    for rule in node.list() {
        let text = |key: &str| rule.get(key).and_then(Node::text);
        let pattern = text("regexp").unwrap_or_default();
        let may_miss = rule.get("allow_missing").is_some_and(Node::is_true);
        match (text("header"), plain(pattern)) {
            (Some(name), Some(value)) if !may_miss => {
                wanted.insert(name.to_owned(), Value::from(value));
            }
            _ => {
                let why = format!("`{pattern}` was not carried over: `headers` names one text");
                reader.leave(rule, "fail_if_header_not_matches", why);
            }
        }
    }
    if !wanted.is_empty() {
        keys.expect("headers", wanted);
    }
}

fn authenticate(
    key: &str,
    node: &Node,
    keys: &mut Keys,
    headers: &mut Table,
    reader: &mut Reader<'_>,
) {
    let text = |key: &str| node.get(key).and_then(Node::text);
    let (file, kind) = match key {
        "authorization" => (text("credentials_file"), text("type").unwrap_or("Bearer")),
        "bearer_token_file" => (node.text(), "Bearer"),
        _ => (text("password_file"), "Bearer"),
    };
    let why = match (key, file) {
        ("basic_auth", file) => {
            let variable = secrets::variable(reader.module, "PASSWORD");
            let mut basic = secrets::basic(text("username").unwrap_or_default(), &variable);
            if let Some(file) = file {
                basic.remove("password");
                basic.insert("password_file".to_owned(), file.into());
            }
            keys.set("basic", basic);
            match file {
                Some(_) => return,
                None => format!("put the password into the environment variable {variable}"),
            }
        }
        (_, Some(file)) if kind.eq_ignore_ascii_case("bearer") => {
            return keys.set("bearer_token_file", file);
        }
        _ => {
            let variable = secrets::variable(reader.module, "Authorization");
            headers.insert("Authorization".to_owned(), secrets::reference(&variable));
            format!(
                "put `{kind}`, a space and the credentials into the environment variable {variable}"
            )
        }
    };
    reader.leave(node, key, why);
}
