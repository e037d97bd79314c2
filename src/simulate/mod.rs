//! Rehearses: the real engine on a virtual clock, over scripted faults and acts. The same
//! scenario and seed give the same bytes, on any machine, in any folder, zone and language.
//!
//! Replaces the prober, the delivery and the clock. Nothing else may be different from the service.

mod act;
mod known;
mod output;
mod play;
mod scenario;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::catalogue::Catalogue;
use jiff::Timestamp;

pub use act::{Deed, ServiceDeed};
pub use scenario::{Act, Error as ScenarioError, Fault, Scenario, Seen, Struck, Weather};

use crate::config::{self, Mistakes};
use crate::engine::turn;
use crate::ledger::{self, Head};
use crate::{notices, reports, samples};

/// Why a rehearsal could not be played or written down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A configuration that it names is wrong, or it names what no configuration of it has.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// The folder holds another ledger.
    #[error("{0} holds a ledger already: a rehearsal needs a folder without one")]
    NotEmpty(PathBuf),
    /// The engine could not write.
    #[error(transparent)]
    Turn(#[from] turn::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The samples.
    #[error(transparent)]
    Samples(#[from] samples::Error),
    /// A notice could not be rendered.
    #[error(transparent)]
    Notice(#[from] notices::Error),
    /// A report could not be made.
    #[error(transparent)]
    Report(#[from] domain::report::Error),
    /// A report could not be rendered.
    #[error(transparent)]
    Rendering(#[from] reports::Error),
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A fault of our own.
    #[error("the rehearsal went wrong: {0}")]
    Inside(&'static str),
}

/// An act that the engine refused: the scenario goes on without it, as life would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Where it stands in the scenario.
    pub line: usize,
    /// Who tried.
    pub by: String,
    /// Why it was refused.
    pub reason: String,
}

/// What came of a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where the ledger stands at the end.
    pub head: Head,
    /// Samples taken.
    pub samples: u64,
    /// Outages, observed and declared.
    pub outages: usize,
    /// Incidents.
    pub incidents: usize,
    /// Notices decided.
    pub notices: usize,
    /// Acts that were refused.
    pub refused: Vec<Refused>,
    /// The reports, where they were written.
    pub reports: Vec<PathBuf>,
}

/// Plays the scenario in the file and writes everything to `out`: the stores, the timeline, the
/// notices, the mails, the reports. `progress` gets the virtual time every few hours.
///
/// # Errors
/// The scenario or its configuration is wrong, or `out` holds a ledger or cannot be written.
pub fn run(
    scenario: &Path,
    out: &Path,
    progress: &mut dyn FnMut(&Scenario, Timestamp),
) -> Result<Summary, Error> {
    let scenario = Scenario::load(scenario)?;
    let first = config::load(&scenario.config)?;
    let mut reloads = BTreeMap::new();
    for (n, act) in scenario.acts.iter().enumerate() {
        if let Deed::Service(ServiceDeed::Reload { config: path }) = &act.deed {
            reloads.insert(n, config::load(path)?);
        }
    }
    let loaded = reloads.values().chain([&first]);
    let catalogues: Vec<&Catalogue> = loaded.map(|loaded| &loaded.catalogue).collect();
    scenario.names.check(&catalogues)?;
    let templates = first.templates.clone();
    let mut tick = |at| progress(&scenario, at);
    let played = play::play(&scenario, first, reloads, out, &mut tick)?;
    let record = played.turn.record();
    let summary = Summary {
        head: played.turn.journal().head(),
        samples: played.samples,
        outages: record.outages.len(),
        incidents: record.incidents.len(),
        notices: record.notices.messages().count(),
        refused: played.refused,
        reports: output::write(out, &scenario, &played.turn, templates.as_deref())?,
    };
    played.instance.close()?;
    Ok(summary)
}
