//! The configuration of the demo and the scenario of its month: files that the user can read. Only
//! addresses, folders and dates are filled in.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// The addresses that are filled into the live configuration.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Where Nines shows the public pages.
    pub public: SocketAddr,
    /// Where Nines listens for metrics.
    pub private: SocketAddr,
    /// The SMTP server.
    pub relay: SocketAddr,
    pub portal: SocketAddr,
    pub interface: SocketAddr,
    pub fhir: SocketAddr,
    pub partner: SocketAddr,
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {source}")]
pub struct Error {
    path: PathBuf,
    source: std::io::Error,
}

/// Writes the live configuration into `folder/config`; its main file.
///
/// # Errors
/// A file could not be written.
pub fn write(folder: &Path, at: &Addresses) -> Result<PathBuf, Error> {
    let config = folder.join("config");
    for (name, text) in LIVE {
        let text = text
            .replace("{dir}", &folder.display().to_string())
            .replace("{public}", &at.public.to_string())
            .replace("{private}", &at.private.to_string())
            .replace("{relay}", &at.relay.to_string())
            .replace("{portal}", &at.portal.to_string())
            .replace("{interface}", &at.interface.port().to_string())
            .replace("{fhir}", &at.fhir.to_string())
            .replace("{partner}", &at.partner.to_string());
        put(&config.join(name), &text)?;
    }
    Ok(config.join("nines.toml"))
}

/// Writes the scenario of the month that begins on `first` into `folder/history`, with its own
/// configuration; the scenario's file.
///
/// # Errors
/// A file could not be written.
pub fn write_history(folder: &Path, first: Date, zone: &TimeZone) -> Result<PathBuf, Error> {
    let history = folder.join("history");
    for (name, text) in HISTORY {
        put(&history.join("config").join(name), text)?;
    }
    let text = dated(include_str!("../files/history/scenario.toml"), first, zone)
        .replace("{dir}", &folder.display().to_string());
    let scenario = history.join("scenario.toml");
    put(&scenario, &text)?;
    Ok(scenario)
}

/// The files of one configuration: each path with its text.
macro_rules! files {
    ($folder:literal: $($path:literal),+ $(,)?) => {
        [$(($path, include_str!(concat!("../files/", $folder, "/", $path)))),+]
    };
}

const LIVE: [(&str, &str); 6] = files!("live":
    "nines.toml", "policies/standard.toml", "systems/portal.toml", "systems/results-interface.toml",
    "systems/fhir.toml", "systems/referral-registry.toml");

const HISTORY: [(&str, &str); 6] = files!("history":
    "nines.toml", "policies/standard.toml", "systems/portal.toml", "systems/results-interface.toml",
    "systems/fhir.toml", "systems/referral-registry.toml");

/// Replaces `{07 03:14:10}` by that local time on that day of the month, and `{next 02 12:00:00}` by
/// one of the next month. `{month}` and `{next}` become the month's bounds, `{this}` its name as
/// `2026-10`, `{due}` a date at the end of the next month.
fn dated(text: &str, first: Date, zone: &TimeZone) -> String {
    let next = first.saturating_add(1.month());
    let due = next.saturating_add(27.days());
    let mut filled = String::with_capacity(text.len() + 1024);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let value = match name {
            "month" => written(first.at(0, 0, 0, 0), zone),
            "next" => written(next.at(0, 0, 0, 0), zone),
            "this" => Some(first.strftime("%Y-%m").to_string()),
            "due" => Some(due.to_string()),
            _ => match name.strip_prefix("next ") {
                Some(name) => on_day(name, next, zone),
                None => on_day(name, first, zone),
            },
        };
        match value {
            Some(value) => {
                filled.push_str(&value);
                rest = behind;
            }
            // A brace of the file itself.
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// `07 03:14:10` as that local time on that day of the month that begins with `first`.
fn on_day(name: &str, first: Date, zone: &TimeZone) -> Option<String> {
    let (day, time) = name.split_once(' ')?;
    let date = first.with().day(day.parse().ok()?).build().ok()?;
    let time: Time = time.parse().ok()?;
    written(date.to_datetime(time), zone)
}

/// RFC 3339 with the zone's offset.
fn written(local: DateTime, zone: &TimeZone) -> Option<String> {
    let zoned = local.to_zoned(zone.clone()).ok()?;
    Some(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| File::create(path))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| Error {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_those_of_the_month_and_its_offset() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let text =
            "a {07 03:14:10} { own = 1 } {due} {dir} {month} {next} {next 02 12:00:00} {this}";
        assert_eq!(
            dated(text, jiff::civil::date(2026, 11, 1), &zone),
            "a 2026-11-07T03:14:10-05:00 { own = 1 } 2026-12-28 {dir} \
             2026-11-01T00:00:00-04:00 2026-12-01T00:00:00-05:00 2026-12-02T12:00:00-05:00 2026-11"
        );
    }
}
