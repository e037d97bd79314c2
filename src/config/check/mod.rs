//! Checks of meaning: references between files, spans that fit each other, things that must exist.
//! Every check is made even where another has failed; what could not be read was told before.

mod http;
mod mail;
pub(super) mod policy;
mod probe;
pub(super) mod service;
pub(super) mod system;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use domain::catalogue::Target;
use domain::id::PolicyId;
use jiff::civil::Date;
use secrecy::SecretString;

use super::mistakes::Page;
use super::near::nowhere;
use super::read::LARGEST;
use super::values::{FilePath, Id, Length, Secret};
use super::words::{As, At, Day, Written};
use crate::files;

/// The years that a date may lie in.
const YEARS: RangeInclusive<i16> = 1970..=2099;

/// Reads a variable of the environment.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Ids that may be referred to.
pub(super) struct Names {
    /// Those known.
    pub ids: BTreeSet<String>,
    /// Whether there are no others. Where a mistake hides some, no reference is called wrong.
    pub whole: bool,
}

/// What a file must know of the others.
pub(super) struct Around<'a> {
    /// Of the service's file.
    pub committees: Names,
    /// By the files' names.
    pub systems: Names,
    /// By the files' names.
    pub policies: Names,
    /// The targets of those policies that name one.
    pub targets: BTreeMap<PolicyId, Target>,
    /// Whether mail can be sent, as far as is known.
    pub has_mail: bool,
    /// The environment.
    pub variable: Variable<'a>,
}

/// Reads a reference, and tells if it leads nowhere.
fn reference(
    page: &mut Page<'_>,
    written: Option<&Written<As<Id>>>,
    what: &str,
    names: &Names,
) -> Option<String> {
    let at = &written?.at;
    let id = page.read(written)?;
    if names.ids.contains(&id) || !names.whole {
        return Some(id);
    }
    page.wrong(at, nowhere(what, &id, names.ids.iter().map(String::as_str)));
    None
}

const TWICE: &str = "this stands in the list twice";

/// Tells of every value that stands in a list twice.
fn no_repeats<T: PartialEq>(page: &mut Page<'_>, values: &[(T, At)]) {
    for (index, (value, at)) in values.iter().enumerate() {
        if values[..index].iter().any(|(before, _)| before == value) {
            page.wrong(at, TWICE);
        }
    }
}

/// Reads ids that must be unique, and tells of those that are not.
fn unique<'a>(page: &mut Page<'_>, what: &str, ids: impl IntoIterator<Item = (&'a str, &'a At)>) {
    let mut first: BTreeMap<&str, &At> = BTreeMap::new();
    for (id, at) in ids {
        if let Some(before) = first.get(id) {
            let line = page.line(before);
            page.wrong(
                at,
                format!("the {what} `{id}` stands already on line {line}"),
            );
        } else {
            first.insert(id, at);
        }
    }
}

/// Reads a length of time within bounds.
fn length(
    page: &mut Page<'_>,
    written: Option<&Written<As<Length>>>,
    least: Duration,
    most: Option<(Duration, &str)>,
) -> Option<Duration> {
    let at = &written?.at;
    let length = page.read(written)?;
    if length < least {
        page.wrong(at, format!("this is too short: at least {}", spoken(least)));
        return None;
    }
    if let Some((most, why)) = most
        && length > most
    {
        page.wrong(at, format!("this is longer than {why}, {}", spoken(most)));
        return None;
    }
    Some(length)
}

/// Reads a length of time in whole seconds.
fn seconds(page: &mut Page<'_>, written: Option<&Written<As<Length>>>, least: u64) -> Option<i64> {
    let at = &written?.at;
    let length = length(page, written, Duration::from_secs(least), None)?;
    if length.subsec_millis() != 0 {
        page.wrong(at, "this is counted in whole seconds");
        return None;
    }
    i64::try_from(length.as_secs()).ok()
}

/// Reads a date within the years of agreements and of work: one that is centuries away is a slip.
fn date(page: &mut Page<'_>, written: &Written<Day>) -> Option<Date> {
    let date = written.value.0;
    if YEARS.contains(&date.year()) {
        return Some(date);
    }
    let (first, last) = (YEARS.start(), YEARS.end());
    page.wrong(&written.at, format!("a year goes from {first} to {last}"));
    None
}

/// A length of time as it is written in a file.
fn spoken(length: Duration) -> String {
    let mut rest = length.as_millis();
    let mut text = String::new();
    for (unit, ms) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        if rest >= ms {
            text.push_str(&format!("{}{unit}", rest / ms));
            rest %= ms;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// A path, from the folder of the file that names it.
fn path(page: &mut Page<'_>, written: Option<&Written<As<FilePath>>>) -> Option<PathBuf> {
    let path = page.read(written)?;
    Some(page.folder().join(path))
}

/// A file of certificate authorities, which must hold at least one certificate.
fn ca_file(page: &mut Page<'_>, written: Option<&Written<As<FilePath>>>) -> Option<PathBuf> {
    let at = &written?.at;
    let path = path(page, written)?;
    match files::read(&path, LARGEST) {
        Err(error) => {
            page.wrong(at, format!("`{}` cannot be read: {error}", path.display()));
            None
        }
        Ok(bytes) if !String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----") => {
            page.wrong(
                at,
                format!("`{}` holds no certificate in PEM form", path.display()),
            );
            None
        }
        Ok(_) => Some(path),
    }
}

/// The content of a file that holds one secret, without the line end after it.
fn secret_file(
    page: &mut Page<'_>,
    written: Option<&Written<As<FilePath>>>,
) -> Option<SecretString> {
    let at = &written?.at;
    let path = path(page, written)?;
    let text = files::read(&path, LARGEST).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8").into())
    });
    match text {
        Err(error) => {
            page.wrong(at, format!("`{}` cannot be read: {error}", path.display()));
            None
        }
        Ok(text) => {
            let secret = text.trim_end_matches(['\n', '\r']);
            if secret.is_empty() || secret.chars().any(char::is_control) {
                page.wrong(at, format!("`{}` does not hold one line", path.display()));
                return None;
            }
            Some(SecretString::from(secret))
        }
    }
}

/// A secret of the environment.
fn secret(
    page: &mut Page<'_>,
    written: Option<&Written<As<Secret>>>,
    variable: Variable<'_>,
) -> Option<SecretString> {
    let at = &written?.at;
    let name = page.read(written)?;
    from_environment(page, at, &name, variable).map(SecretString::from)
}

/// The value of a variable, which must be set.
fn from_environment(
    page: &mut Page<'_>,
    at: &At,
    name: &str,
    variable: Variable<'_>,
) -> Option<String> {
    let value = variable(name).filter(|value| !value.is_empty());
    if value.is_none() {
        page.wrong(at, format!("the environment variable `{name}` is not set"));
    }
    if value
        .as_ref()
        .is_some_and(|value| value.chars().any(char::is_control))
    {
        page.wrong(
            at,
            format!("the environment variable `{name}` does not hold one line"),
        );
        return None;
    }
    value
}
