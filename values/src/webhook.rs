//! The URL of a webhook. It goes into the ledger and into listings, so it must hold no secret.

use ::url::Url;

use crate::format::Format;
use crate::url::{has_user, redact, secrets};

/// The longest URL, in bytes.
const LONGEST: usize = 1000;

/// The URL of a webhook, as written.
pub struct WebhookUrl;

impl Format for WebhookUrl {
    type Value = String;
    const IS: &'static str = "a URL in quotes, as \"https://pager.example.org/nines\"";
    const EXAMPLE: &'static str = "https://pager.example.org/nines";
    const PATTERN: Option<&'static str> = Some(r"^https?://[^/?#@\s]+([/?][^#\s]*)?$");

    fn parse(text: &str) -> Result<String, String> {
        let wrong = |why: &str| Err(format!("`{}` is not a webhook: {why}", redact(text)));
        if has_user(text) {
            return Err(
                "a user or password must not appear in a URL: `secret_file` signs each request"
                    .to_owned(),
            );
        }
        if let Some(secret) = secrets(text).next() {
            return Err(format!(
                "`{}` may be a secret, and the ledger holds this URL: use `secret_file`, which signs each request",
                secret.name
            ));
        }
        let url = Url::parse(text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url.filter(|_| text.starts_with("http")) else {
            return wrong("write https:// and a host");
        };
        if url.fragment().is_some() || text.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return wrong("remove the part after `#` and all blanks");
        }
        if text.len() > LONGEST {
            return wrong("it has more than 1000 bytes");
        }
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_a_web_address_without_a_secret() {
        for good in [
            "https://pager.example.org",
            "https://pager.example.org:8443/nines?team=ops",
            "http://127.0.0.1:8090/hook",
            "https://[2001:db8::1]/x",
        ] {
            assert_eq!(WebhookUrl::parse(good), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("pager.example.org", "write https://"),
            ("ftp://pager.example.org", "write https://"),
            ("https://", "write https://"),
            (
                "https://me:hunter2@pager.example.org",
                "`secret_file` signs",
            ),
            (
                "https://pager.example.org/?token=hunter2",
                "`token` may be a secret",
            ),
            ("https://pager.example.org/#x", "after `#`"),
            ("https://pager.example.org/a b", "blanks"),
        ] {
            let said = WebhookUrl::parse(bad).unwrap_err();
            assert!(
                said.contains(why) && !said.contains("hunter2"),
                "{bad}: {said}"
            );
        }
    }
}
