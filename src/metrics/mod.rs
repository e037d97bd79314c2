//! The page at `/metrics`. Each metric is declared once: its name, its help text and the code that reads its
//! value stand together. `probe_*` names are those of blackbox_exporter; all others begin with `nines_`.
//! No label holds a customer's name, an address, a URL or an error text. Reading never waits for the engine.

mod clocks;
mod notices;
mod page;
mod probe_results;
mod service;
mod systems;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use domain::catalogue::System;
use domain::id::SystemId;
use domain::record::Record;
use jiff::{SignedDuration, Timestamp};
use page::Page;
pub use probe_results::probe_page;

use crate::engine::snapshot::{SharedState, Snapshot};
use crate::samples::Stats;

/// The `Content-Type` of the page; Prometheus 3 rejects a scrape without one.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Totals that take long to compute stay valid for so long, unless an event is added to the ledger.
const TOTALS_MAX_AGE: SignedDuration = SignedDuration::from_secs(30);

#[derive(Clone, Copy, Debug, Default)]
pub struct Configuration {
    pub loaded_at: Option<Timestamp>,
    pub last_reload_failed: bool,
}

/// The series of each probe that the page has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// None that only says that nothing happened.
    #[default]
    Standard,
    /// Also the phases of HTTP probes, and counters that are still 0.
    All,
}

/// Everything that metrics are read from.
struct Source<'a> {
    record: &'a Record,
    shared: &'a SharedState,
    samples: &'a Stats,
    configuration: Configuration,
    version: &'a str,
    /// The engine has decided everything that was due up to here.
    at: Timestamp,
    /// The systems that are shown; `None`: all.
    only: Option<&'a BTreeSet<SystemId>>,
    detail: Detail,
}

impl Source<'_> {
    /// The systems that are shown.
    fn systems(&self) -> impl Iterator<Item = &System> + Clone {
        let is_shown = |system: &&System| self.only.is_none_or(|only| only.contains(&system.id));
        self.record.catalogue.systems.iter().filter(is_shown)
    }
}

/// Writes the page, and keeps the part of it that takes long to compute.
#[derive(Debug)]
pub struct Exporter {
    version: String,
    totals: Mutex<Option<Totals>>,
}

#[derive(Debug)]
struct Totals {
    seq: u64,
    at: Timestamp,
    text: String,
}

impl Exporter {
    /// `version` is that of the program.
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            totals: Mutex::new(None),
        }
    }

    /// The whole page. It may take a second where many months have to be computed anew.
    pub fn page(
        &self,
        shared: &SharedState,
        samples: &Stats,
        configuration: Configuration,
        detail: Detail,
    ) -> String {
        self.service(shared, samples, configuration, detail) + &page::process()
    }

    /// All series of these systems and of their probes, and none of the service itself.
    ///
    /// # Errors
    /// The id of a system that is not configured.
    pub fn page_of_systems(
        &self,
        shared: &SharedState,
        only: &BTreeSet<SystemId>,
    ) -> Result<String, SystemId> {
        let snapshot = shared.snapshot();
        let catalogue = &snapshot.record.catalogue;
        let is_unknown = |id: &&SystemId| catalogue.system(id.as_str()).is_none();
        if let Some(unknown) = only.iter().find(is_unknown) {
            return Err(unknown.clone());
        }
        let source = Source {
            record: &snapshot.record,
            shared,
            samples: &Stats::default(),
            configuration: Configuration::default(),
            version: &self.version,
            at: decided_until(shared, &snapshot),
            only: Some(only),
            detail: Detail::All,
        };
        let mut page = Page::default();
        probe_results::add(&mut page, &source);
        systems::add_states(&mut page, &source);
        systems::add_months(&mut page, &source);
        Ok(page.render())
    }

    /// The page without the figures of the process.
    fn service(
        &self,
        shared: &SharedState,
        samples: &Stats,
        configuration: Configuration,
        detail: Detail,
    ) -> String {
        let snapshot = shared.snapshot();
        let source = Source {
            record: &snapshot.record,
            shared,
            samples,
            configuration,
            version: &self.version,
            at: decided_until(shared, &snapshot),
            only: None,
            detail,
        };
        let mut page = Page::default();
        service::add(&mut page, &source);
        probe_results::add(&mut page, &source);
        systems::add_states(&mut page, &source);
        clocks::add_open(&mut page, source.record);
        clocks::add_running(&mut page, source.record);
        notices::add_pending(&mut page, source.record, source.at);
        notices::add_untold(&mut page, source.record);
        notices::add_subscribers(&mut page, &source);
        page.render() + &self.totals(&source)
    }

    fn totals(&self, source: &Source) -> String {
        // A panic elsewhere leaves whole totals or none.
        let mut kept = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let (seq, at) = (source.record.seq, source.at);
        match &*kept {
            Some(totals) if totals.seq == seq && at.duration_since(totals.at) < TOTALS_MAX_AGE => {
                totals.text.clone()
            }
            _ => {
                let mut page = Page::default();
                systems::add_months(&mut page, source);
                clocks::add_totals(&mut page, source.record);
                notices::add_totals(&mut page, source.record);
                let text = page.render();
                *kept = Some(Totals {
                    seq,
                    at,
                    text: text.clone(),
                });
                text
            }
        }
    }
}

/// The engine has decided everything that was due up to here.
fn decided_until(shared: &SharedState, snapshot: &Snapshot) -> Timestamp {
    let last_turn = instant(shared.counters.turned_us.load(Relaxed));
    last_turn.map_or(snapshot.at, |turn| turn.max(snapshot.at))
}

/// An instant kept in Unix microseconds, where 0 stands for none.
fn instant(us: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(us).ok().filter(|_| us != 0)
}

#[cfg(test)]
mod tests;
