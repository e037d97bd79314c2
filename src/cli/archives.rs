//! The archives of samples, compared with the ledger, which has the SHA-256 of each. No figure of a report depends on them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;
use domain::event::Fact;

use crate::ledger::{Ledger, Wanted};
use crate::{files, samples};

/// An archive that is missing or not as it was written.
pub enum Fault {
    Missing(String),
    /// With what differs.
    Changed(String),
}

impl Fault {
    pub fn words(&self) -> &str {
        let (Fault::Missing(words) | Fault::Changed(words)) = self;
        words
    }
}

/// The archives of a data directory that are not as the ledger says.
///
/// # Errors
/// The ledger cannot be read.
pub fn faults(ledger: &Ledger) -> Result<Vec<Fault>> {
    let mut archives = BTreeMap::new();
    for kind in ["samples-archived", "samples-deleted"] {
        let wanted = Wanted {
            kind: Some(kind.to_owned()),
            oldest_first: true,
            ..Wanted::default()
        };
        for stored in ledger.recent(&wanted, usize::MAX >> 1)? {
            match stored.event.fact {
                Fact::SamplesArchived { month, sha256, .. } => {
                    archives.insert(month, sha256);
                }
                Fact::SamplesDeleted { month } => {
                    archives.remove(&month);
                }
                _ => {}
            }
        }
    }
    let folder = ledger.data().join(samples::FOLDER);
    let found = archives.iter().filter_map(|(month, sha256)| {
        let name = format!("{month}.parquet");
        fault(
            &folder.join(&name),
            &format!("{}/{name}", samples::FOLDER),
            sha256,
        )
    });
    Ok(found.collect())
}

fn fault(file: &Path, name: &str, sha256: &str) -> Option<Fault> {
    match files::digest(file) {
        Ok((_, found)) if found == sha256 => None,
        Ok((_, found)) => Some(Fault::Changed(format!(
            "{name}: its SHA-256 is {found}, and the ledger has {sha256}: it is not the archive that was written"
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(Fault::Missing(format!("{name}: this archive is missing")))
        }
        Err(error) => Some(Fault::Changed(format!("{name}: {error}"))),
    }
}
