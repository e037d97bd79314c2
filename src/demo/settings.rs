//! The configuration that the demo runs, and the scenario of its month: real files, written where
//! the user can read them. Only addresses, folders and dates are filled in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use domain::calendar::{self, Edge, Month};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::files;

/// What is filled into the live configuration.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Where Nines listens for metrics.
    pub private: SocketAddr,
    /// The mail server.
    pub relay: SocketAddr,
    /// The systems.
    pub portal: SocketAddr,
    /// See above.
    pub interface: SocketAddr,
    /// See above.
    pub fhir: SocketAddr,
    /// See above.
    pub partner: SocketAddr,
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub struct Error {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// Writes the live configuration into `folder/config`; its main file.
///
/// # Errors
/// A file could not be written.
pub fn write(folder: &Path, at: &Addresses) -> Result<PathBuf, Error> {
    let fill = |text: &str| {
        text.replace("{dir}", &folder.display().to_string())
            .replace("{private}", &at.private.to_string())
            .replace("{relay}", &at.relay.to_string())
            .replace("{portal}", &at.portal.to_string())
            .replace("{interface}", &at.interface.port().to_string())
            .replace("{fhir}", &at.fhir.to_string())
            .replace("{partner}", &at.partner.to_string())
    };
    let config = folder.join("config");
    for (name, text) in [
        ("nines.toml", include_str!("files/nines.toml")),
        (
            "policies/standard.toml",
            include_str!("files/standard.toml"),
        ),
        (
            "systems/portal.toml",
            include_str!("files/systems/portal.toml"),
        ),
        (
            "systems/results-interface.toml",
            include_str!("files/systems/results-interface.toml"),
        ),
        ("systems/fhir.toml", include_str!("files/systems/fhir.toml")),
        (
            "systems/referral-registry.toml",
            include_str!("files/systems/referral-registry.toml"),
        ),
    ] {
        put(&config.join(name), &fill(text))?;
    }
    Ok(config.join("nines.toml"))
}

/// Writes the scenario of `month`, in `zone`, with its own configuration, into `folder/history`;
/// the scenario's file.
///
/// # Errors
/// A file could not be written.
pub fn write_history(folder: &Path, month: Month, zone: &TimeZone) -> Result<PathBuf, Error> {
    let history = folder.join("history");
    for (name, text) in [
        (
            "config/nines.toml",
            include_str!("files/history/nines.toml"),
        ),
        (
            "config/policies/standard.toml",
            include_str!("files/history/standard.toml"),
        ),
        (
            "config/systems/portal.toml",
            include_str!("files/history/portal.toml"),
        ),
        (
            "config/systems/results-interface.toml",
            include_str!("files/history/results-interface.toml"),
        ),
        (
            "config/systems/fhir.toml",
            include_str!("files/history/fhir.toml"),
        ),
        (
            "config/systems/referral-registry.toml",
            include_str!("files/history/referral-registry.toml"),
        ),
    ] {
        put(&history.join(name), text)?;
    }
    let text = dated(include_str!("files/history/scenario.toml"), month, zone)
        .replace("{dir}", &folder.display().to_string());
    let scenario = history.join("scenario.toml");
    put(&scenario, &text)?;
    Ok(scenario)
}

/// Replaces `{07 03:14:10}` by that local time of that day of the month, `{month}` and `{next}` by
/// the month's bounds, and `{due}` by a date at the end of the month after.
fn dated(text: &str, month: Month, zone: &TimeZone) -> String {
    let first = month.first();
    let due = month.next().first().with().day(28).build().unwrap_or(first);
    let span = month.span(zone);
    let mut filled = String::with_capacity(text.len() + 1024);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let value = match name {
            "month" => Some(written(span.from, zone)),
            "next" => Some(written(span.to, zone)),
            "due" => Some(due.to_string()),
            _ => name.split_once(' ').and_then(|(day, time)| {
                let date = first.with().day(day.parse().ok()?).build().ok()?;
                let time: Time = time.parse().ok()?;
                Some(written(
                    calendar::local(date, time, zone, Edge::Start),
                    zone,
                ))
            }),
        };
        match value {
            Some(value) => {
                filled.push_str(&value);
                rest = behind;
            }
            // A brace that is the file's own.
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// RFC 3339 with the zone's offset.
fn written(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    files::make_dir(folder)
        .and_then(|()| files::replace(path, text.as_bytes()))
        .map_err(|source| Error {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    //! Tests may unwrap: a panic is how they fail.
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config;
    use crate::simulate::{self, Scenario};

    fn new_york() -> TimeZone {
        calendar::zone("America/New_York").unwrap()
    }

    #[test]
    fn the_live_configuration_has_no_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let addresses = Addresses {
            private: at(1),
            relay: at(2),
            portal: at(3),
            interface: at(4),
            fhir: at(5),
            partner: at(6),
        };
        let file = write(dir.path(), &addresses).unwrap();
        let loaded = config::load(&file).unwrap_or_else(|m| panic!("{}", m.render(false)));
        assert_eq!(loaded.catalogue.systems.len(), 4);
        assert_eq!(loaded.listen.private, at(1));
        assert_eq!(loaded.data, dir.path().join("config/../data"));
        for text in std::fs::read_dir(dir.path().join("config/systems")).unwrap() {
            let text = std::fs::read_to_string(text.unwrap().path()).unwrap();
            assert!(
                !text.contains("{portal}") && !text.contains("{fhir}"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_scenario_can_be_played_for_every_month_of_two_years() {
        let mut month: Month = "2025-12".parse().unwrap();
        for _ in 0..24 {
            let dir = tempfile::tempdir().unwrap();
            let file = write_history(dir.path(), month, &new_york()).unwrap();
            let scenario = Scenario::load(&file).unwrap();
            let loaded = config::load(&scenario.config);
            assert!(loaded.is_ok(), "{}", loaded.unwrap_err().render(false));
            assert_eq!(scenario.start, month.span(&new_york()).from);
            assert_eq!(scenario.end, month.span(&new_york()).to);
            assert!(scenario.faults.iter().all(|f| f.span.seconds() > 0));
            month = month.next();
        }
    }

    #[test]
    fn short_months_and_those_of_a_clock_change_play_with_no_act_refused() {
        for month in ["2026-02", "2026-03", "2026-11"] {
            let dir = tempfile::tempdir().unwrap();
            let file = write_history(dir.path(), month.parse().unwrap(), &new_york()).unwrap();
            let out = dir.path().join("out");
            let summary = simulate::run(&file, &out, &mut |_, _| {}).unwrap();
            assert_eq!(summary.refused, [], "{month}");
            assert!(summary.outages > 0 && summary.notices > 0, "{month}");
        }
    }

    #[test]
    fn local_times_are_those_of_the_month_and_its_offset() {
        let text = "a {07 03:14:10} { own = 1 } {due} {dir}";
        assert_eq!(
            dated(text, "2026-11".parse().unwrap(), &new_york()),
            "a 2026-11-07T03:14:10-05:00 { own = 1 } 2026-12-28 {dir}"
        );
    }
}
