//! The versions of TLS that a probe accepts.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use values::suggest::shorten;
use values::{Format, Parsed};

/// The key `min_tls_version`.
pub(crate) struct TlsVersion;

/// The accepted versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Versions {
    #[default]
    From12,
    Only13,
}

impl Format for TlsVersion {
    type Value = Versions;
    const IS: &'static str = "\"1.2\" or \"1.3\"";
    const EXAMPLE: &'static str = "1.3";
    const PATTERN: Option<&'static str> = Some(r"^1\.[23]$");

    fn parse(text: &str) -> Result<Versions, String> {
        match text {
            "1.2" => Ok(Versions::From12),
            "1.3" => Ok(Versions::Only13),
            "1.0" | "1.1" => Err(format!(
                "Nines does not speak TLS {text}, which is not safe: write \"1.2\" or \"1.3\""
            )),
            _ => Err(format!(
                "`{}` is not a version of TLS: write \"1.2\" or \"1.3\"",
                shorten(text)
            )),
        }
    }
}

impl TlsVersion {
    pub(crate) fn of(key: Option<&Parsed<TlsVersion>>) -> Versions {
        key.map(|version| version.value).unwrap_or_default()
    }
}

impl Versions {
    pub(super) fn offered(self) -> &'static [&'static SupportedProtocolVersion] {
        static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self {
            Versions::From12 => &ALL,
            Versions::Only13 => &ALL[..1],
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Versions::From12 => "TLS 1.2 and 1.3",
            Versions::Only13 => "TLS 1.3 alone",
        }
    }
}
