//! `tls_config` of a module.

use toml::Table;

use super::module::Reader;
use crate::yaml::Node;

/// The keys of TLS. A certificate that is not checked there is checked here.
pub(super) fn read(config: Option<&Node>, reader: &mut Reader<'_>) -> Table {
    let mut keys = Table::new();
    for (key, node) in config.map(Node::map).unwrap_or_default() {
        let ours = match key.as_str() {
            "ca_file" => "ca_file",
            "cert_file" => "client_certificate_file",
            "key_file" => "client_key_file",
            "server_name" => "server_name",
            "min_version" => {
                if node.text() == Some("TLS13") {
                    keys.insert("min_tls_version".to_owned(), "1.3".into());
                }
                continue;
            }
            "insecure_skip_verify" if !node.is_true() => continue,
            "insecure_skip_verify" => {
                let why = "Nines always checks certificates: name their authority by `ca_file`";
                reader.leave(node, "tls_config.insecure_skip_verify", why);
                continue;
            }
            other => {
                let why = "not carried over: write it into a file";
                reader.leave(node, &format!("tls_config.{other}"), why);
                continue;
            }
        };
        if let Some(text) = node.text() {
            keys.insert(ours.to_owned(), text.into());
        }
    }
    keys
}
