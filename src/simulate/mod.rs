//! Runs a scenario: the real engine on a virtual clock, with scripted faults and acts.
//!
//! It replaces the probes, the delivery and the clock, and nothing else. The same scenario and seed
//! give the same bytes on any machine, in any folder, time zone and language.

mod act;
mod faults;
mod feeds;
mod formats;
mod keys;
mod names;
mod output;
mod play;
mod scenario;
mod steps;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::catalogue::Catalogue;
use jiff::Timestamp;

pub use act::{Action, ServiceAction};
pub use scenario::{Act, Effect, Fault, MailBehaviour, Scenario, Target};

use crate::config::{self, Mistakes};
use crate::engine::turn;
use crate::ledger::{self, Head};
use crate::{notices, reports, samples};

/// Why a scenario could not be run or its results written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Mistakes in the scenario or a configuration, or names that no configuration has.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    #[error("{0} already has a ledger: name another folder with --out")]
    NotEmpty(PathBuf),
    #[error(transparent)]
    Turn(#[from] turn::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Samples(#[from] samples::Error),
    #[error(transparent)]
    Notice(#[from] notices::Error),
    #[error(transparent)]
    Report(#[from] domain::report::Error),
    #[error(transparent)]
    Rendering(#[from] reports::Error),
    #[error("the files of an approved report cannot be made")]
    Filing(#[from] reports::filing::Error),
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A bug in this program.
    #[error("the simulation failed: {0}; please report this bug")]
    Inside(&'static str),
}

/// An act that the engine refused. The scenario continues without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub at: Timestamp,
    /// Its line in the scenario file.
    pub line: usize,
    pub by: String,
    pub reason: String,
}

/// The results of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub head: Head,
    pub samples: u64,
    /// Observed and declared.
    pub outages: usize,
    pub incidents: usize,
    pub notices: usize,
    pub refused: Vec<Refused>,
    pub reports: Vec<PathBuf>,
    /// What the reader of a report would not expect.
    pub warnings: Vec<String>,
}

/// Runs a scenario file and writes everything to `out`: the stores, the timeline, the notices, the
/// mails, the reports. `progress` gets the virtual time every few hours.
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
        if let Action::Service(ServiceAction::Reload { config: path }) = &act.action {
            reloads.insert(n, config::load(path)?);
        }
    }
    let loaded = reloads.values().chain([&first]);
    let catalogues: Vec<&Catalogue> = loaded.map(|loaded| &loaded.catalogue).collect();
    scenario.names.check(&catalogues)?;
    let look = first.look.clone();
    let mut tick = |at| progress(&scenario, at);
    let played = play::play(&scenario, first, reloads, out, &mut tick)?;
    let record = played.turn.record();
    let reports = output::write(out, &scenario, &played.turn, &look)?;
    let summary = Summary {
        head: played.turn.journal().head(),
        samples: played.samples,
        outages: record.outages.all().count(),
        incidents: record.incidents.all().count(),
        notices: record.notices.messages().count(),
        refused: played.refused,
        reports: reports.paths,
        warnings: reports.warnings.into_iter().collect(),
    };
    played.instance.close()?;
    Ok(summary)
}
