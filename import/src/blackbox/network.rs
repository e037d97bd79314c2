//! The probers `tcp`, `dns`, `icmp` and `grpc`.

use toml::Table;

use super::module::{Asked, Reader};
use super::pattern::plain;
use super::tls;
use crate::keys::Keys;
use crate::secrets;
use crate::yaml::Node;

/// The records that Nines asks for.
const RECORDS: [&str; 8] = ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"];

fn asked(kind: &'static str, tls: Table) -> Asked {
    Asked {
        kind,
        keys: Keys::of(kind),
        tls,
        needs_tls: false,
    }
}

pub(super) fn tcp(settings: &Node, reader: &mut Reader<'_>) -> Result<Asked, String> {
    let steps = settings
        .get("query_response")
        .map(Node::list)
        .unwrap_or_default();
    let is_tls = settings.get("tls").is_some_and(Node::is_true);
    let upgrades = steps
        .iter()
        .any(|step| step.get("starttls").is_some_and(Node::is_true));
    let kind = match (is_tls, upgrades) {
        (false, false) if is_ssh(steps) => return Ok(asked("ssh", Table::new())),
        (_, true) if is_mail(steps) => "smtp",
        (_, true) => return Err("Nines does STARTTLS with mail servers alone".to_owned()),
        (true, false) => "tls",
        (false, false) => "tcp",
    };
    let keys_of_tls = tls::read(settings.get("tls_config"), reader);
    let mut asked = asked(
        kind,
        if kind == "tcp" {
            Table::new()
        } else {
            keys_of_tls
        },
    );
    match kind {
        "smtp" => {
            asked.keys.set("tls", "starttls");
            if let Some(node) = settings.get("query_response") {
                let why = "a probe of kind `smtp` says EHLO and STARTTLS by itself";
                reader.leave(node, "query_response", why);
            }
        }
        _ => converse(steps, &mut asked.keys, reader),
    }
    for (key, node) in settings.map() {
        if !matches!(key.as_str(), "query_response" | "tls" | "tls_config") {
            reader.leave_unknown(node, key);
        }
    }
    Ok(asked)
}

/// The exporter's example for SSH: the greeting, and perhaps an answer to it.
fn is_ssh(steps: &[Node]) -> bool {
    let mut expected = steps.iter().filter_map(|step| step.get("expect")?.text());
    expected
        .next()
        .is_some_and(|text| text.starts_with("^SSH-"))
        && expected.next().is_none()
}

fn is_mail(steps: &[Node]) -> bool {
    let says = |key: &str, word: &str| {
        let mut texts = steps.iter().filter_map(|step| step.get(key)?.text());
        texts.any(|text| text.contains(word))
    };
    says("send", "EHLO") || says("expect", "220")
}

/// A probe sends once and waits for one text. Texts that are sent before it are sent together.
fn converse(steps: &[Node], keys: &mut Keys, reader: &mut Reader<'_>) {
    let mut send = String::new();
    let mut expect = None;
    for step in steps {
        // Within a step the exporter expects before it sends.
        for key in ["expect", "expect_bytes", "send"] {
            let Some(node) = step.get(key) else { continue };
            let text = node.text();
            match (key, text) {
                // The end of a conversation proves nothing more.
                ("send", Some(_)) if expect.is_some() => {}
                ("send", Some(text)) if !secrets::may_hold_one(text) => {
                    send.push_str(text);
                    send.push('\n');
                }
                ("send", Some(_)) => reader.leave(node, "query_response", secrets::BY_HAND),
                ("expect" | "expect_bytes", Some(text)) if expect.is_none() => {
                    let pattern = match key {
                        "expect" => plain(text),
                        _ => Some(text.to_owned()),
                    };
                    if pattern.is_none() {
                        let why = format!("`{text}` was not carried over: `expect` is one text");
                        reader.leave(node, "query_response", why);
                    }
                    expect = pattern;
                }
                (_, Some(text)) => {
                    let why = format!("`{text}` was not carried over: a probe waits for one text");
                    reader.leave(node, "query_response", why);
                }
                (_, None) => {
                    let why = "not carried over: Nines sends and expects text";
                    reader.leave(node, "query_response", why);
                }
            }
        }
    }
    if let Some(expect) = expect {
        keys.set("expect", expect);
        if !send.is_empty() {
            keys.set("send", send);
        }
    }
}

pub(super) fn dns(settings: &Node, reader: &mut Reader<'_>) -> Result<Asked, String> {
    let text = |key: &str| settings.get(key).and_then(Node::text);
    if settings.get("dns_over_tls").is_some_and(Node::is_true) {
        return Err("Nines asks name servers without TLS".to_owned());
    }
    let name = text("query_name").ok_or("`query_name` is missing")?;
    let record = text("query_type").unwrap_or("ANY");
    if !RECORDS.contains(&record) {
        let all = RECORDS.join(", ");
        return Err(format!("Nines asks for {all}, not for `{record}`"));
    }
    let mut asked = asked("dns", Table::new());
    asked.keys.set("host", name.trim_end_matches('.'));
    asked.keys.set("record", record);
    for (key, node) in settings.map() {
        match key.as_str() {
            "query_name" | "query_type" | "dns_over_tls" | "tls_config" => {}
            "recursion_desired" if node.is_true() => {}
            "transport_protocol" if node.text() == Some("udp") => {}
            "query_class" if node.text() == Some("IN") => {}
            "valid_rcodes" if is_noerror(node) => {}
            "validate_answer_rrs" | "validate_authority_rrs" | "validate_additional_rrs" => {
                let why = "not carried over: write all records as `expect`";
                reader.leave(node, key, why);
            }
            _ => reader.leave_unknown(node, key),
        }
    }
    Ok(asked)
}

fn is_noerror(node: &Node) -> bool {
    matches!(node.list(), [code] if code.text() == Some("NOERROR"))
}

pub(super) fn icmp(settings: &Node, reader: &mut Reader<'_>) -> Asked {
    for (key, node) in settings.map() {
        reader.leave_unknown(node, key);
    }
    asked("icmp", Table::new())
}

pub(super) fn grpc(settings: &Node, reader: &mut Reader<'_>) -> Asked {
    let is_tls = settings.get("tls").is_some_and(Node::is_true);
    let keys_of_tls = tls::read(settings.get("tls_config"), reader);
    let mut asked = asked("grpc", if is_tls { keys_of_tls } else { Table::new() });
    if is_tls {
        asked.keys.set("tls", true);
    }
    for (key, node) in settings.map() {
        match (key.as_str(), node.text()) {
            ("service", Some(service)) => asked.keys.set("service", service),
            ("service" | "tls" | "tls_config", _) => {}
            (other, _) => reader.leave_unknown(node, other),
        }
    }
    asked
}
