//! The forms of text in configuration files, and how each is read. They know no rule of the
//! service beyond the form itself.

mod net;
mod text;
mod time;
pub(super) mod url;

pub(super) use net::{Email, Host, HttpUrl, Method, RelayUrl, Sender, Socket};
pub(super) use text::{
    FilePath, Given, HeaderText, Id, Line, Pattern, Percent, Prose, Secret, Text, is_id,
};
pub(super) use time::{ClockTime, Length, Weekday, Zone, weekday};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::words::Word;

    /// What an editor marks by the schema is what the service refuses, as far as a form can say.
    fn agree<W: Word>(good: &[&str], bad: &[&str]) {
        let pattern = W::PATTERN.unwrap_or_default();
        assert!(!pattern.is_empty(), "{}", W::IS);
        let pattern = regex::Regex::new(pattern).ok();
        for (texts, is_good) in [(good, true), (bad, false)] {
            for text in texts {
                let matches = pattern.as_ref().map(|p| p.is_match(text));
                assert_eq!(matches, Some(is_good), "the pattern, {text:?}: {}", W::IS);
                assert_eq!(W::read(text).is_ok(), is_good, "{text:?}: {}", W::IS);
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
        agree::<Secret>(
            &["${SMTP_PASSWORD}", "${_a1}"],
            &["", "secret", "${}", "${1A}", "$A", "${A-B}", "x${A}"],
        );
        agree::<Method>(
            &["GET", "PROPFIND"],
            &["", "get", "GET ", "G1", &"G".repeat(21)],
        );
        agree::<HttpUrl>(
            &[
                "https://portal.example.org",
                "http://127.0.0.1:8080/login?next=/",
                "https://[::1]:8443/",
                "https://portal.example.org/@me?mail=a@b.example",
                "https://portal.example.org?token=${PORTAL_TOKEN}",
            ],
            &[
                "",
                "portal.example.org",
                "ftp://portal.example.org",
                "https://",
                "https://user@portal.example.org/",
                "https://portal.example.org/#top",
                "https://portal.example.org/a b",
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
