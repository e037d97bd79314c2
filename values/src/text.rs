//! Formats of ids, names, texts, percentages, secrets and paths.

use std::path::PathBuf;

use crate::suggest::shorten;
use crate::{Format, is_id};

/// An id: lower-case letters, digits and inner hyphens, at most 64.
pub struct Id;

impl Format for Id {
    type Value = String;
    const IS: &'static str = "an id in quotes, as \"results-interface\"";
    const EXAMPLE: &'static str = "results-interface";
    const PATTERN: Option<&'static str> = Some("^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$");

    fn parse(text: &str) -> Result<String, String> {
        if is_id(text) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "`{}` cannot be an id: use lower-case letters, digits and inner hyphens, at most 64",
            shorten(text)
        ))
    }
}

/// A name of one line. It reaches mail headers, so it must not hold a line break.
pub struct Line;

impl Format for Line {
    type Value = String;
    const IS: &'static str = "text in quotes";
    const EXAMPLE: &'static str = "Clinical Portal";

    fn parse(text: &str) -> Result<String, String> {
        let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if text.chars().any(is_break) {
            return Err("this must be one line without control characters".to_owned());
        }
        bounded(text, 200)
    }
}

/// Text for people, of several lines if need be.
pub struct Prose;

impl Format for Prose {
    type Value = String;
    const IS: &'static str = "text in quotes";
    const EXAMPLE: &'static str = "Call the laboratory.";

    fn parse(text: &str) -> Result<String, String> {
        let is_forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
        if text.chars().any(is_forbidden) {
            return Err("this holds a control character".to_owned());
        }
        bounded(text, 2000)
    }
}

fn bounded(text: &str, most: usize) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("this is empty".to_owned());
    }
    if text.chars().count() > most {
        return Err(format!("this is longer than {most} characters"));
    }
    Ok(text.to_owned())
}

/// Any text that is not empty.
pub struct Text;

impl Format for Text {
    type Value = String;
    const IS: &'static str = "text in quotes";
    const EXAMPLE: &'static str = "ready";

    fn parse(text: &str) -> Result<String, String> {
        if text.is_empty() {
            return Err("this is empty".to_owned());
        }
        Ok(text.to_owned())
    }
}

/// A path, relative to the file that names it.
pub struct FilePath;

impl Format for FilePath {
    type Value = PathBuf;
    const IS: &'static str = "a path in quotes";
    const EXAMPLE: &'static str = "file";

    fn parse(text: &str) -> Result<PathBuf, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("this is not a path".to_owned());
        }
        Ok(PathBuf::from(text))
    }
}

/// A percentage, exact, in parts per million.
pub struct Percent;

impl Format for Percent {
    type Value = u32;
    const IS: &'static str = "a percentage in quotes, as \"99.9%\"";
    const EXAMPLE: &'static str = "99.9%";
    const PATTERN: Option<&'static str> = Some(r"^(100(\.0{1,4})?|0?\d{1,2}(\.\d{1,4})?)%$");

    fn parse(text: &str) -> Result<u32, String> {
        let said = shorten(text);
        let Some(number) = text.strip_suffix('%') else {
            return Err(match text.parse::<f64>() {
                // "0.999" is a fraction: "0.999%" would be a target of one percent.
                Ok(fraction) if (0.0..=1.0).contains(&fraction) && text.contains('.') => {
                    let percent = format!("{:.4}", fraction * 100.0);
                    let percent = percent.trim_end_matches('0').trim_end_matches('.');
                    format!("`{said}` lacks its percent sign: write \"{percent}%\"")
                }
                Ok(1.0) => format!(
                    "`{said}` lacks its percent sign: write \"100%\", or \"1%\" for one percent"
                ),
                Ok(_) => format!("`{said}` lacks its percent sign: write \"{said}%\""),
                Err(_) => format!("`{said}` is not a percentage: write it as \"99.9%\""),
            });
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(format!(
                "`{said}` is not a percentage: write it as \"99.9%\""
            ));
        }
        if part.len() > 4 {
            return Err(format!(
                "`{said}` is too precise: use at most four digits after the point"
            ));
        }
        let ppm = format!("{whole}{part:0<4}").parse().unwrap_or(u32::MAX);
        if ppm > 1_000_000 || whole.len() > 3 {
            return Err(format!("`{said}` is more than 100%"));
        }
        Ok(ppm)
    }
}

/// The name of the environment variable that holds a secret, as `${NAME}`.
pub struct SecretName;

impl Format for SecretName {
    type Value = String;
    const IS: &'static str = "the name of an environment variable, as \"${SMTP_PASSWORD}\"";
    const EXAMPLE: &'static str = "${SMTP_PASSWORD}";
    const PATTERN: Option<&'static str> = Some(r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$");

    fn parse(text: &str) -> Result<String, String> {
        variable(text).map(str::to_owned).ok_or_else(|| {
            "a secret must not be in this file: name the environment variable that holds it, \
             as \"${SMTP_PASSWORD}\", or a file, as `password_file`"
                .to_owned()
        })
    }
}

/// A SHA-256 in hexadecimal.
pub struct Sha256Hex;

impl Format for Sha256Hex {
    type Value = [u8; 32];
    const IS: &'static str = "a SHA-256 in quotes: 64 hexadecimal digits";
    const EXAMPLE: &'static str =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const PATTERN: Option<&'static str> = Some("^[0-9a-fA-F]{64}$");

    fn parse(text: &str) -> Result<[u8; 32], String> {
        let why = "a SHA-256 has 64 hexadecimal digits, as `sha256sum` prints them".to_owned();
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|c| u8::try_from(c.to_digit(16)?).ok())
            .collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(why)?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            *byte = pair.iter().fold(0, |value, digit| value << 4 | digit);
        }
        Ok(hash)
    }
}

/// A colour, as `#1f5f8b`.
pub struct Colour;

impl Format for Colour {
    type Value = String;
    const IS: &'static str = "a colour in quotes, as \"#1f5f8b\"";
    const EXAMPLE: &'static str = "#1f5f8b";
    const PATTERN: Option<&'static str> = Some("^#[0-9a-fA-F]{6}$");

    fn parse(text: &str) -> Result<String, String> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(text.to_ascii_lowercase());
        }
        Err("a colour is `#` and six hexadecimal digits, as \"#1f5f8b\"".to_owned())
    }
}

/// The address of a site, without a path: `https://status.example.org`.
pub struct SiteUrl;

impl Format for SiteUrl {
    type Value = String;
    const IS: &'static str = "an address in quotes, as \"https://status.example.org\"";
    const EXAMPLE: &'static str = "https://status.example.org";
    const PATTERN: Option<&'static str> = Some("^https?://[A-Za-z0-9.:\\[\\]-]+/?$");

    fn parse(text: &str) -> Result<String, String> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let host = text
            .strip_prefix("https://")
            .or(text.strip_prefix("http://"));
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b".:[]-".contains(&b);
        match host {
            Some(host) if !host.is_empty() && host.bytes().all(allowed) => Ok(text.to_owned()),
            _ => Err("this must be http:// or https:// and a host, without a path".to_owned()),
        }
    }
}

/// The name within `${NAME}`.
pub fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts && name.chars().all(word)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_parsed_exactly() {
        assert_eq!(Percent::parse("99.9%"), Ok(999_000));
        assert_eq!(Percent::parse("99.9999%"), Ok(999_999));
        assert_eq!(Percent::parse("100%"), Ok(1_000_000));
        assert_eq!(Percent::parse("0%"), Ok(0));
        assert_eq!(Percent::parse("5.05%"), Ok(50_500));
    }

    #[test]
    fn a_text_that_is_not_a_percentage_is_refused() {
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
            assert!(Percent::parse(text).is_err(), "{text}");
        }
        assert!(Percent::parse("99.9").is_err_and(|why| why.contains("\"99.9%\"")));
        assert!(Percent::parse("0.999").is_err_and(|why| why.contains("\"99.9%\"")));
        assert!(Percent::parse("1").is_err_and(|why| why.contains("\"1%\"")));
    }

    #[test]
    fn a_secret_is_only_ever_a_name() {
        assert_eq!(
            SecretName::parse("${SMTP_PASSWORD}"),
            Ok("SMTP_PASSWORD".to_owned())
        );
        for text in ["hunter2", "${}", "${A B}", "x${A}", "${A}x", "${1A}"] {
            assert!(
                SecretName::parse(text).is_err_and(|why| !why.contains("hunter2")),
                "{text}"
            );
        }
    }

    #[test]
    fn names_hold_no_line_break() {
        assert!(Line::parse("Portal\r\nBcc: x").is_err());
        assert!(Line::parse("  ").is_err());
        assert!(Line::parse("Clinical Portal").is_ok());
        assert!(Prose::parse("Call us.\nOr write.").is_ok());
    }
}
