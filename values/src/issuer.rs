//! The issuer of an OpenID Connect provider.

use ::url::Url;

use crate::format::Format;
use crate::url::{has_user, is_protected, redact};

/// The longest issuer, in bytes.
const LONGEST: usize = 500;

/// The issuer of an OpenID Connect provider, as the provider writes it: no character may differ.
pub struct IssuerUrl;

impl Format for IssuerUrl {
    type Value = String;
    const IS: &'static str = "an address in quotes, as \"https://login.example.org/realms/hie\"";
    const EXAMPLE: &'static str = "https://login.example.org/realms/hie";
    const PATTERN: Option<&'static str> = Some(r"^https?://[^/?#@\s]+(/[^?#\s]*)?$");

    fn parse(text: &str) -> Result<String, String> {
        let wrong = |why: &str| Err(format!("`{}` is not an issuer: {why}", redact(text)));
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        let url = Url::parse(text).ok().filter(|_| is_web);
        let Some(url) = url.filter(Url::has_host) else {
            return wrong("write https:// and a host");
        };
        if has_user(text) || url.query().is_some() || url.fragment().is_some() {
            return wrong("remove the user, and all from `?` or `#` on");
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) || text.len() > LONGEST {
            return wrong("it has no blanks and at most 500 bytes");
        }
        if text.ends_with("/.well-known/openid-configuration") {
            return wrong("remove `/.well-known/openid-configuration`");
        }
        if !is_protected(&url) {
            return wrong("write https://; http:// is for a provider on this machine only");
        }
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_as_written() {
        for good in [
            "https://login.example.org",
            "https://login.example.org/",
            "https://login.example.org:8443/realms/hie",
            "http://127.0.0.1:8090",
            "http://[::1]:8090/x/",
            "http://localhost:8090",
        ] {
            assert_eq!(IssuerUrl::parse(good), Ok(good.to_owned()));
        }
    }

    #[test]
    fn an_issuer_that_anyone_on_the_way_could_forge_is_refused() {
        for (bad, why) in [
            ("login.example.org", "write https://"),
            ("https://", "write https://"),
            ("ldaps://login.example.org", "write https://"),
            ("http://login.example.org", "on this machine only"),
            ("http://127.0.0.1.example.org", "on this machine only"),
            ("http://10.0.0.1", "on this machine only"),
            ("https://me:hunter2@login.example.org", "remove the user"),
            ("https://login.example.org/?realm=hie", "from `?`"),
            ("https://login.example.org/#hie", "`#` on"),
            ("https://login.example.org/a b", "no blanks"),
            (
                "https://login.example.org/.well-known/openid-configuration",
                "remove `/.well-known",
            ),
        ] {
            let said = IssuerUrl::parse(bad).unwrap_err();
            assert!(
                said.contains(why) && !said.contains("hunter2"),
                "{bad}: {said}"
            );
        }
    }
}
