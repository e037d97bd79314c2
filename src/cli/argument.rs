//! An argument of an act's command: its key in the act, how it is written, how it is checked.

use clap::ArgAction;
use domain::incident::{Certainty, Measure, Phase};
use domain::policy::{Flag, Request};
use domain::written_time::{NotATime, WrittenTime};
use serde_json::{Value, json};

use crate::config::seconds;

/// Checks a text and turns it into the JSON of the act.
type Parse = fn(&str) -> Result<Value, String>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Argument {
    pub(super) key: &'static str,
    /// The option's name; `None` is a positional argument.
    pub(super) long: Option<&'static str>,
    pub(super) value_name: &'static str,
    pub(super) help: &'static str,
    pub(super) parse: Parse,
    pub(super) required: bool,
    pub(super) repeatable: bool,
    /// Its text may begin with a hyphen.
    pub(super) hyphens: bool,
    /// The key that must be given, too.
    pub(super) with: Option<&'static str>,
}

impl Argument {
    pub(super) const fn option(
        long: &'static str,
        key: &'static str,
        value_name: &'static str,
        help: &'static str,
        parse: Parse,
    ) -> Self {
        Self {
            key,
            long: Some(long),
            value_name,
            help,
            parse,
            required: true,
            repeatable: false,
            hyphens: false,
            with: None,
        }
    }

    pub(super) const fn position(
        key: &'static str,
        value_name: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            long: None,
            ..Self::option(key, key, value_name, help, plain)
        }
    }

    pub(super) const fn time(long: &'static str, key: &'static str, help: &'static str) -> Self {
        Self::option(long, key, "TIME", help, instant)
    }

    pub(super) const fn length(long: &'static str, key: &'static str, help: &'static str) -> Self {
        Self::option(long, key, "LENGTH", help, |text| {
            seconds(text).map(Value::from)
        })
        .optional()
    }

    pub(super) const fn text(long: &'static str, key: &'static str, help: &'static str) -> Self {
        Self {
            hyphens: true,
            ..Self::option(long, key, "TEXT", help, prose)
        }
    }

    pub(super) const fn optional(self) -> Self {
        Self {
            required: false,
            ..self
        }
    }

    pub(super) const fn repeatable(self) -> Self {
        Self {
            repeatable: true,
            ..self
        }
    }

    pub(super) const fn with(self, key: &'static str) -> Self {
        Self {
            with: Some(key),
            ..self
        }
    }

    pub(super) fn arg(&self) -> clap::Arg {
        let arg = clap::Arg::new(self.key)
            .help(self.help)
            .required(self.required)
            .allow_hyphen_values(self.hyphens)
            .value_parser(self.parse)
            .action(match self.repeatable {
                true => ArgAction::Append,
                false => ArgAction::Set,
            });
        let arg = match self.long {
            Some(long) => arg.long(long).value_name(self.value_name),
            None => arg.value_name(self.value_name),
        };
        match self.with {
            Some(key) => arg.requires(key),
            None => arg,
        }
    }
}

pub(super) fn plain(text: &str) -> Result<Value, String> {
    Ok(json!(text))
}

/// Checks a time. A local time stays as written until the service's zone is known.
fn instant(text: &str) -> Result<Value, String> {
    let written: WrittenTime = text.parse().map_err(|error: NotATime| error.to_string())?;
    Ok(match written {
        WrittenTime::Instant(at) => json!(at),
        WrittenTime::Local(..) => json!(text),
    })
}

/// A text that a person wrote, which may begin with a hyphen like the first item of a list. A text
/// that looks like an option is refused: the person forgot the text before it.
fn prose(text: &str) -> Result<Value, String> {
    let option = text.strip_prefix("--");
    let long = option.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    if long || matches!(text, "-h" | "-V" | "--") {
        return Err("it reads like an option: is the text missing?".to_owned());
    }
    plain(text)
}

pub(super) fn certainty(text: &str) -> Result<Value, String> {
    match serde_json::from_value::<Certainty>(json!(text)) {
        Ok(_) => plain(text),
        Err(_) => Err(format!(
            "`{text}` is not one of unknown, suspected, confirmed"
        )),
    }
}

pub(super) fn phase(text: &str) -> Result<Value, String> {
    one_of(text, &Phase::ALL.map(Phase::word))
}

pub(super) fn flag(text: &str) -> Result<Value, String> {
    one_of(text, &Flag::ALL.map(Flag::word))
}

pub(super) fn request(text: &str) -> Result<Value, String> {
    one_of(text, &Request::ALL.map(Request::word))
}

pub(super) fn component(text: &str) -> Result<Value, String> {
    one_of(text, &["critical", "minor"])
}

fn one_of(text: &str, known: &[&str]) -> Result<Value, String> {
    match known.contains(&text) {
        true => plain(text),
        false => Err(format!("`{text}` is not one of {}", known.join(", "))),
    }
}

pub(super) fn yes_or_no(text: &str) -> Result<Value, String> {
    match text {
        "yes" => Ok(json!(true)),
        "no" => Ok(json!(false)),
        _ => Err(format!("`{text}` is not one of yes, no")),
    }
}

/// Reads who is told of an update: true is the customers.
pub(super) fn audience(text: &str) -> Result<Value, String> {
    match text {
        "customers" => Ok(json!(true)),
        "staff" => Ok(json!(false)),
        _ => Err(format!("`{text}` is not one of customers, staff")),
    }
}

/// Reads a preventive measure as the command line writes it.
fn measure(text: &str) -> Result<Measure, String> {
    let parts: Vec<&str> = text.split(';').map(str::trim).collect();
    let [text, owner, due] = parts[..] else {
        return Err("write a measure as `TEXT;OWNER;2026-12-31`".to_owned());
    };
    let date = due.parse();
    Ok(Measure {
        text: text.to_owned(),
        owner: owner.to_owned(),
        due: date.map_err(|_| format!("`{due}` is not a date like 2026-12-31"))?,
    })
}

pub(super) fn measure_json(text: &str) -> Result<Value, String> {
    measure(text).map(|measure| json!(measure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_has_a_text_an_owner_and_a_date() {
        let read = measure("Pin the certificate; platform; 2026-12-31").unwrap();
        assert_eq!(
            (read.text.as_str(), read.owner.as_str()),
            ("Pin the certificate", "platform")
        );
        assert!(measure("no owner").is_err());
        assert!(measure("a;b;soon").is_err());
    }
}
