//! The page at `/metrics`. Each metric is declared once: its name, its help text and the code that reads its
//! value stand together. `probe_*` names are those of blackbox_exporter; all others begin with `nines_`.
//! No label holds a customer's name, an address, a URL or an error text. Reading never waits for the engine.

mod clocks;
mod notices;
mod page;
mod probe_results;
mod service;
mod systems;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use domain::record::Record;
use jiff::{SignedDuration, Timestamp};
use page::Page;
pub use probe_results::probe_page;

use crate::engine::snapshot::SharedState;
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

/// Everything that metrics are read from.
struct Source<'a> {
    record: &'a Record,
    shared: &'a SharedState,
    samples: &'a Stats,
    configuration: Configuration,
    version: &'a str,
    /// The engine has decided everything that was due up to here.
    at: Timestamp,
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
    ) -> String {
        self.service(shared, samples, configuration) + &page::process()
    }

    /// The page without the figures of the process.
    fn service(
        &self,
        shared: &SharedState,
        samples: &Stats,
        configuration: Configuration,
    ) -> String {
        let snapshot = shared.snapshot();
        let last_turn = instant(shared.counters.turned_us.load(Relaxed));
        let source = Source {
            record: &snapshot.record,
            shared,
            samples,
            configuration,
            version: &self.version,
            at: last_turn.map_or(snapshot.at, |turn| turn.max(snapshot.at)),
        };
        let mut page = Page::default();
        service::add(&mut page, &source);
        probe_results::add(&mut page, &source);
        systems::add_states(&mut page, &source);
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
                systems::add_months(&mut page, source.record, at);
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

/// An instant kept in Unix microseconds, where 0 stands for none.
fn instant(us: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(us).ok().filter(|_| us != 0)
}

#[cfg(test)]
mod tests;
