//! The texts that people owe a month's report, and who wrote those that exist.

use std::collections::BTreeSet;

use super::Error;
use super::scope::{Period, Scope};
use super::{incidents, outages};
use crate::calendar::Month;
use crate::incident::Incident;
use crate::record::Record;

/// The incidents of a month's report.
pub struct Texts {
    incidents: Vec<Incident>,
    /// The month has ended as of the ledger's last event.
    pub is_over: bool,
}

impl Texts {
    /// # Errors
    /// The committee is unknown, or the month lies before or after the ledger.
    pub fn of(record: &Record, committee: &str, month: Month) -> Result<Self, Error> {
        let scope = Scope::of(record, committee, Period::Month(month))?;
        let touched: BTreeSet<_> = outages::touching(&scope).map(|o| o.id).collect();
        let incidents = incidents::of_month(&scope, &touched).cloned().collect();
        Ok(Self {
            incidents,
            is_over: !scope.so_far(),
        })
    }

    /// Incidents with missing texts. A person who closed an incident gave a reason for its gaps.
    pub fn missing(&self) -> impl Iterator<Item = (&Incident, Vec<&'static str>)> {
        let open = self.incidents.iter().filter(|i| i.closed_without.is_none());
        open.map(|i| (i, i.missing()))
            .filter(|(_, missing)| !missing.is_empty())
    }

    /// Everyone who wrote a text.
    pub fn authors(&self) -> BTreeSet<&str> {
        let reviews = self.incidents.iter().flat_map(|i| &i.reviewed);
        reviews.map(|(_, by)| by.as_str()).collect()
    }
}
