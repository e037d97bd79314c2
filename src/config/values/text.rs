//! Names, texts, shares, secrets and paths.

use std::path::PathBuf;

use crate::config::near::shown;
use crate::config::words::Word;

/// An id: small letters, digits and hyphens.
pub(in crate::config) struct Id;

/// Whether a text may be an id.
pub(in crate::config) fn is_id(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= 64
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl Word for Id {
    type Value = String;
    const IS: &'static str = "an id in quotes, as \"results-interface\"";
    const PATTERN: Option<&'static str> = Some("^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$");

    fn read(text: &str) -> Result<String, String> {
        if is_id(text) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "`{}` cannot be an id: ids have small letters, digits and inner hyphens, at most 64",
            shown(text)
        ))
    }
}

/// A name: one line. It reaches mail headers, so it must not hold a line break.
pub(in crate::config) struct Line;

impl Word for Line {
    type Value = String;
    const IS: &'static str = "text in quotes";

    fn read(text: &str) -> Result<String, String> {
        if text.trim().is_empty() {
            return Err("this is empty".to_owned());
        }
        if text
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err("this must be one line without control characters".to_owned());
        }
        if text.chars().count() > 200 {
            return Err("this is longer than 200 characters".to_owned());
        }
        Ok(text.to_owned())
    }
}

/// Text for people, of several lines if need be.
pub(in crate::config) struct Prose;

impl Word for Prose {
    type Value = String;
    const IS: &'static str = "text in quotes";

    fn read(text: &str) -> Result<String, String> {
        if text.trim().is_empty() {
            return Err("this is empty".to_owned());
        }
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        {
            return Err("this holds a control character".to_owned());
        }
        if text.chars().count() > 2000 {
            return Err("this is longer than 2000 characters".to_owned());
        }
        Ok(text.to_owned())
    }
}

/// Any text that is not empty.
pub(in crate::config) struct Text;

impl Word for Text {
    type Value = String;
    const IS: &'static str = "text in quotes";

    fn read(text: &str) -> Result<String, String> {
        if text.is_empty() {
            Err("this is empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
}

/// A path, relative to the file that names it.
pub(in crate::config) struct FilePath;

impl Word for FilePath {
    type Value = PathBuf;
    const IS: &'static str = "a path in quotes";

    fn read(text: &str) -> Result<PathBuf, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("this is not a path".to_owned());
        }
        Ok(PathBuf::from(text))
    }
}

/// A share in percent, exactly: its value is in parts per million.
pub(in crate::config) struct Percent;

impl Word for Percent {
    type Value = u32;
    const IS: &'static str = "a share in quotes, as \"99.9%\"";
    const PATTERN: Option<&'static str> = Some(r"^(100(\.0{1,4})?|0?\d{1,2}(\.\d{1,4})?)%$");

    fn read(text: &str) -> Result<u32, String> {
        let wrong = || format!("`{}` is not a share: write it as \"99.9%\"", shown(text));
        let Some(number) = text.strip_suffix('%') else {
            return Err(if text.parse::<f64>().is_ok() {
                format!("`{0}` lacks its percent sign: write \"{0}%\"", shown(text))
            } else {
                wrong()
            });
        };
        let (whole, part) = match number.split_once('.') {
            Some((whole, part)) if !part.is_empty() => (whole, part),
            Some(_) => return Err(wrong()),
            None => (number, ""),
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) {
            return Err(wrong());
        }
        if part.len() > 4 {
            return Err(format!(
                "`{}` is finer than a share can be: at most four digits after the point",
                shown(text)
            ));
        }
        let over = || format!("`{}` is more than 100%", shown(text));
        if whole.len() > 3 {
            return Err(over());
        }
        let ppm: u32 = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
        if ppm > 1_000_000 {
            Err(over())
        } else {
            Ok(ppm)
        }
    }
}

/// A secret: never itself, only the name of the variable that holds it.
pub(in crate::config) struct Secret;

impl Word for Secret {
    type Value = String;
    const IS: &'static str = "the name of an environment variable, as \"${SMTP_PASSWORD}\"";
    const PATTERN: Option<&'static str> = Some(r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$");
    const SECRET: bool = true;

    fn read(text: &str) -> Result<String, String> {
        variable(text).map(str::to_owned).ok_or_else(|| {
            "a secret does not stand in this file: name the environment variable that holds it, \
             as \"${SMTP_PASSWORD}\", or a file, as `password_file`"
                .to_owned()
        })
    }
}

/// The name within `${NAME}`.
pub(super) fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let mut letters = name.chars();
    let first = letters.next()?;
    ((first.is_ascii_alphabetic() || first == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_'))
    .then_some(name)
}

/// Text, or the variable that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum Given {
    /// As written.
    Here(String),
    /// In this environment variable.
    Variable(String),
}

/// The value of a request header.
pub(in crate::config) struct HeaderText;

impl Word for HeaderText {
    type Value = Given;
    const IS: &'static str = "text in quotes";

    fn read(text: &str) -> Result<Given, String> {
        if let Some(name) = variable(text) {
            return Ok(Given::Variable(name.to_owned()));
        }
        if text.contains("${") {
            return Err("an environment variable stands for a whole value, as \"${TOKEN}\"".into());
        }
        hyper::header::HeaderValue::from_str(text)
            .map_err(|_| "a header's value is one line without control characters".to_owned())?;
        Ok(Given::Here(text.to_owned()))
    }
}

/// A regular expression.
pub(in crate::config) struct Pattern;

impl Word for Pattern {
    type Value = String;
    const IS: &'static str = "a regular expression in quotes";

    fn read(text: &str) -> Result<String, String> {
        match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => {
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default().trim();
                let why = last.strip_prefix("error: ").unwrap_or(last);
                Err(format!("this is not a regular expression: {}", shown(why)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_exactly() {
        assert_eq!(Percent::read("99.9%"), Ok(999_000));
        assert_eq!(Percent::read("99.9999%"), Ok(999_999));
        assert_eq!(Percent::read("100%"), Ok(1_000_000));
        assert_eq!(Percent::read("0%"), Ok(0));
        assert_eq!(Percent::read("5.05%"), Ok(50_500));
    }

    #[test]
    fn a_share_that_is_not_one_is_refused() {
        for text in [
            "",
            "%",
            "99",
            "99.%",
            ".9%",
            "+1%",
            "99.99999%",
            "100.0001%",
            "1000%",
            "９９%",
        ] {
            assert!(Percent::read(text).is_err(), "{text}");
        }
        assert!(Percent::read("99.9").is_err_and(|why| why.contains("\"99.9%\"")));
    }

    #[test]
    fn a_secret_is_only_ever_a_name() {
        assert_eq!(
            Secret::read("${SMTP_PASSWORD}"),
            Ok("SMTP_PASSWORD".to_owned())
        );
        for text in ["hunter2", "${}", "${A B}", "x${A}", "${A}x", "${1A}"] {
            assert!(
                Secret::read(text).is_err_and(|why| !why.contains("hunter2")),
                "{text}"
            );
        }
    }

    #[test]
    fn names_hold_no_line_break() {
        assert!(Line::read("Portal\r\nBcc: x").is_err());
        assert!(Line::read("  ").is_err());
        assert!(Line::read("Clinical Portal").is_ok());
        assert!(Prose::read("Call us.\nOr write.").is_ok());
    }

    #[test]
    fn ids_are_plain() {
        assert!(is_id("level-2"));
        for text in ["", "Level", "-a", "a-", "a/b", "a_b", "é"] {
            assert!(!is_id(text), "{text}");
        }
    }
}
