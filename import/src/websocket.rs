//! The keys of a `websocket` probe of a URL.

use url::Url;

use crate::keys::Keys;
use crate::secrets;

/// The reason if Nines has no such probe.
pub(crate) fn websocket(system: &str, url: &str) -> Result<Keys, String> {
    let address = secrets::address(system, url)?;
    if address.basic.is_some() || !address.variables.is_empty() {
        return Err("Nines sends no secret in the URL of a WebSocket".to_owned());
    }
    let url = Url::parse(&address.url).map_err(|error| error.to_string())?;
    let host = url.host_str().ok_or("its URL has no host")?;
    let mut keys = Keys::of("websocket");
    keys.set("host", host.trim_matches(['[', ']']));
    if let Some(port) = url.port() {
        keys.set("port", i64::from(port));
    }
    if matches!(url.scheme(), "wss" | "https") {
        keys.set("tls", true);
    }
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    if path != "/" {
        keys.set("path", path);
    }
    Ok(keys)
}
