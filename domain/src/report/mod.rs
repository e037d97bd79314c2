//! The monthly report of a committee, in the shape that every format prints.
//!
//! The figures are those of [`crate::accounting`]. The facts are those up to the last event of the
//! record, whose position the report prints, so the same ledger gives the same report.

mod changes;
mod downtime;
mod incidents;
mod maintenance;
mod merged;
mod method;
mod model;
mod monitor;
mod notices;
mod notified;
mod outages;
mod scope;
mod summary;
mod systems;
mod unplanned_reasons;
pub mod words;

use std::collections::BTreeSet;

pub use model::*;

use crate::calendar::Month;
use crate::record::Record;
use scope::Scope;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No configuration ever had that committee.
    #[error("no committee is called `{committee}`; known: {known}")]
    UnknownCommittee {
        committee: String,
        /// The configured committees.
        known: String,
    },
    /// The ledger holds no event.
    #[error("the ledger is empty: there is nothing to report")]
    NothingRecorded,
    /// The month begins after the ledger's last event.
    #[error("{month} has not begun yet as far as the ledger knows")]
    NotBegun { month: String },
    /// The month ended before anything was configured.
    #[error("{month} ended before the first configuration: there is nothing to report")]
    BeforeTheLedger { month: String },
    /// A configuration in the ledger names a zone that the time zone database lacks.
    #[error(transparent)]
    Zone(#[from] crate::calendar::UnknownZone),
}

/// The draft of a committee's report. `head` is the hash of the ledger's last event in hexadecimal.
/// A running month is reported up to that event.
///
/// # Errors
/// The committee is unknown, or the month lies before or after the ledger.
pub fn monthly(
    record: &Record,
    committee: &str,
    month: Month,
    head: &str,
) -> Result<Report, Error> {
    let scope = Scope::of(record, committee, month)?;
    let accounts = systems::accounts(&scope);
    let systems = systems::lines(&scope, &accounts);
    let outages = outages::lines(&scope, &accounts);
    let touched: BTreeSet<_> = outages::touching(&scope).map(|o| o.id).collect();
    let incidents = incidents::lines(&scope, &touched);
    let maintenance = maintenance::lines(&scope, &accounts);
    let unknown = monitor::unknown(&scope, &accounts);
    let notices = notices::Notices::of(&scope);
    let moment = |at| Moment::of(at, &scope.zone);
    Ok(Report {
        schema: SCHEMA,
        committee: scope.committee.id.to_string(),
        committee_name: scope.committee.name.clone(),
        service: scope.service.to_owned(),
        month: month.to_string(),
        month_name: month.first().strftime("%B %Y").to_string(),
        from: moment(scope.period.from),
        to: moment(scope.period.to),
        zone: scope.committee.zone.clone(),
        status: Status::Draft,
        revision: 0,
        ledger: Ledger {
            seq: record.seq,
            head: head.to_owned(),
        },
        as_of: moment(scope.as_of),
        so_far: scope.so_far(),
        headline: summary::headline(&scope, &systems),
        happened: summary::happened(&scope, &systems, &accounts, &maintenance),
        open_measures: incidents::open_measures(&scope),
        faults: monitor::faults(&scope),
        monitor: monitor::own(&scope),
        changes: changes::lines(&scope),
        method: method::of(&scope),
        systems,
        outages,
        incidents,
        maintenance,
        notices: notices.kinds,
        notice_results: notices.results,
        refused: notices.refused,
        unknown,
    })
}
