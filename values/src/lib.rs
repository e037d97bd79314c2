//! Values as configuration files write them: the formats of text, the place of each value in its
//! file, and the mistakes found in a file. `config` and `probes` declare their tables with these
//! types. This crate knows no rule of the service.

pub mod file;
mod format;
mod issuer;
mod net;
pub mod reach;
mod source;
pub use domain::suggest;
pub use domain::text::is_id;
mod text;
mod time;
pub mod url;
pub mod watched;
mod webhook;
mod written;

pub use format::{Format, Parsed, parser};
pub use issuer::IssuerUrl;
pub use net::{
    Address, EhloName, Host, IpAddress, IpNetwork, ListenAddress, Network, RelayUrl, Scheme,
    Sender, is_host_name, is_qualified_name,
};
pub use reach::Reach;
pub use source::{Environment, Source, secret_line};
pub use text::{
    Colour, FilePath, Id, Line, Percent, Prose, SecretName, Sha256Hex, SiteUrl, Text, variable,
};
pub use time::{ClockTime, Date, Length, Seconds, Weekday, Zone, spell_length, weekday};
pub use watched::Watched;
pub use webhook::WebhookUrl;
pub use written::{OneOrMany, Place, STAND_IN, Scalar, Written};

#[cfg(test)]
mod tests {
    use super::*;

    /// The pattern of a format accepts the same texts as its parser.
    fn agree<F: Format>(good: &[&str], bad: &[&str]) {
        let pattern = F::PATTERN.unwrap_or_default();
        assert!(!pattern.is_empty(), "{}", F::IS);
        let pattern = regex::Regex::new(pattern).ok();
        for (texts, is_good) in [(good, true), (bad, false)] {
            for text in texts {
                let matches = pattern.as_ref().map(|p| p.is_match(text));
                assert_eq!(matches, Some(is_good), "the pattern, {text:?}: {}", F::IS);
                assert_eq!(F::parse(text).is_ok(), is_good, "{text:?}: {}", F::IS);
            }
        }
    }

    #[test]
    fn editors_and_the_service_accept_the_same() {
        let longest = "a".repeat(64);
        let longer = "a".repeat(65);
        agree::<Id>(
            &["a", "7", "results-interface", "a--b", &longest],
            &["", "-a", "a-", "A", "a_b", "a b", "\u{e9}", &longer],
        );
        agree::<Length>(
            &[
                "30s",
                "5m",
                "1h30m",
                "7d",
                "500ms",
                "1d1h1m1s1ms",
                "1h5s",
                "0s",
            ],
            &[
                "", "30", "s", "1.5h", "-1s", "30m1h", "1s1s", "1 h", "1w", "1H",
            ],
        );
        agree::<ClockTime>(
            &["00:00", "21:00", "23:59:59"],
            &[
                "",
                "24:00",
                "9:00",
                "23:60",
                "21:00:60",
                "21",
                "9pm",
                "21:00:00:00",
            ],
        );
        agree::<Weekday>(
            &[
                "mon",
                "tue",
                "wed",
                "thu",
                "fri",
                "sat",
                "sun",
                "monday",
                "wednesday",
            ],
            &["", "mo", "tues", "Mon", "monday ", "wednes"],
        );
        agree::<Percent>(
            &["99.9%", "0%", "100%", "100.0000%", "099.5%", "99.9999%"],
            &[
                "",
                "99.9",
                "101%",
                "100.1%",
                "99.%",
                ".5%",
                "99.99999%",
                "1000%",
                "-1%",
            ],
        );
        agree::<SecretName>(
            &["${SMTP_PASSWORD}", "${_a1}"],
            &["", "secret", "${}", "${1A}", "$A", "${A-B}", "x${A}"],
        );
        agree::<Sha256Hex>(
            &[Sha256Hex::EXAMPLE, &"0aF".repeat(22)[..64]],
            &["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65)],
        );
        agree::<Colour>(
            &["#1f5f8b", "#ABCDEF"],
            &["", "1f5f8b", "#1f5f8", "#1f5f8g", "#1f5f8b0", "red"],
        );
        agree::<SiteUrl>(
            &["https://status.example.org", "http://[::1]:8080/"],
            &[
                "",
                "status.example.org",
                "https://",
                "https://a/b",
                "https://u@a",
                "ftp://a",
            ],
        );
        agree::<IssuerUrl>(
            &[
                "https://login.example.org/realms/hie",
                "https://login.example.org",
                "http://127.0.0.1:8090/",
            ],
            &[
                "",
                "login.example.org",
                "https://",
                "https://u@a",
                "https://a?b",
                "https://a/#b",
            ],
        );
        agree::<RelayUrl>(
            &[
                "smtp://127.0.0.1:2525",
                "smtps://mail.example.org/",
                "smtp+starttls://[::1]:587",
            ],
            &[
                "",
                "mail.example.org",
                "imap://mail.example.org",
                "smtp://",
                "smtp://user@mail.example.org",
                "smtp://mail.example.org/inbox",
            ],
        );
    }
}
