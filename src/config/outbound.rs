//! `[outbound_heartbeat]` of `nines.toml`: an external alarm service that expects regular requests from Nines.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;
use values::{FilePath, Length, Parsed, Source};

use super::heartbeat::within;

/// The time between two requests unless the file says otherwise.
const EVERY: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// An external alarm service, which alarms when these requests stop. They stop when Nines does not run its probes, cannot store
/// what it saw, or cannot send what it owes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboundTable {
    /// The file with the URL that is requested with GET, one line: who knows it can pretend that Nines works.
    url_file: Parsed<FilePath>,
    /// The time between two requests, from 1 s to 5 min. Default: 1m.
    every: Option<Parsed<Length>>,
    /// True if the URL may lead to a private address or to this machine, and may be `http://`. Default: false.
    #[serde(default)]
    allow_private: bool,
}

/// A service elsewhere that is told that Nines works.
#[derive(Clone, Debug)]
pub struct OutboundHeartbeat {
    pub url: SecretString,
    pub every: Duration,
    /// True if it may be at a private address.
    pub allow_private: bool,
}

pub(super) fn outbound(source: &mut Source<'_>, table: OutboundTable) -> OutboundHeartbeat {
    let url = source.secret_file(&table.url_file);
    let text = url.expose_secret();
    let parsed = Url::parse(text).ok();
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match parsed {
        // The file cannot be read, and that is said already.
        None if text.is_empty() => {}
        None => source.wrong(
            &table.url_file.at,
            "this file must hold one URL, as https://alarms.example.org/nines",
        ),
        Some(url) if url.scheme() == "http" && !table.allow_private => source.wrong(
            &table.url_file.at,
            "this URL needs https://, or `allow_private = true` for a service in your own network",
        ),
        Some(_) => {}
    }
    let every = table.every.map_or(EVERY, |every| {
        within(source, &every, SHORTEST, LONGEST);
        every.value
    });
    OutboundHeartbeat {
        url,
        every,
        allow_private: table.allow_private,
    }
}
