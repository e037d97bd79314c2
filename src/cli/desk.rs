//! `nines desk import`: counts a file of calls, and records the counts.

use domain::act::Act;

use super::acts::Options;
use super::args::{Common, ImportDesk};
use super::client::Client;
use super::{End, Failure, reply};
use crate::desk::{self, Error};

/// Imports a file of calls. A wrong line imports nothing.
pub fn import(common: &Common, wanted: ImportDesk) -> Result<End, Failure> {
    let client = Client::new(common)?;
    let (record, _) = client.record(None)?;
    let asked = Act::ImportDesk {
        policy: wanted.policy.map(|id| id.as_str().into()),
        file: wanted.file.to_string_lossy().into_owned(),
        import: None,
    };
    let act = desk::with_calls(&record.catalogue, &asked).map_err(|error| match error {
        Error::Unreadable { .. } => anyhow::Error::from(error).into(),
        Error::Wrong(_) | Error::Refused(_) => Failure::Usage(error.to_string()),
    })?;
    let options = Options {
        dry_run: wanted.dry_run,
        ..Options::default()
    };
    reply::carry_out(common, &client, act, options)
}
