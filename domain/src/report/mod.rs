//! The monthly report of a committee, in the shape that every format prints.
//!
//! The figures are those of [`crate::accounting`]. The facts are those up to the last event of the
//! record, whose position the report prints, so the same ledger gives the same report.

mod changes;
mod clocks;
mod customers;
mod desk;
mod downtime;
pub mod explain;
pub mod figures;
mod incidents;
mod latencies;
mod maintenance;
mod merged;
mod method;
mod model;
mod monitor;
mod notices;
mod notified;
mod one_customer;
mod outages;
mod repeats;
mod scope;
mod summary;
mod systems;
mod texts;
mod trend;
mod unplanned_reasons;
pub mod words;

use std::collections::BTreeSet;
use std::sync::OnceLock;

pub use clocks::{ClockCount, ClockLine, LevelLine};
pub use desk::{DeskDay, DeskFile, DeskLine, DeskVerdict};
pub use latencies::{
    DayLatencies, Latencies, Missing, ProbeLatencies, RollupLine, Unavailable,
    read as read_latencies,
};
pub(crate) use method::{choices, weekly};
pub use model::*;
pub use one_customer::{CustomerReport, of_customer};
pub use texts::Texts;

use crate::calendar::Month;
use crate::record::{Record, Revision};
pub use scope::Period;
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
    /// No such customer, or none of its systems.
    #[error("{0}")]
    UnknownCustomer(String),
    /// A customer's report needs one committee.
    #[error(
        "the systems of {customer} have several committees; name one with --committee: {committees}"
    )]
    SeveralCommittees {
        customer: String,
        committees: String,
    },
    /// The first day is not before the second.
    #[error("--from must be a day before --to: the report ends before the first instant of --to")]
    NoDay,
    /// The month ended before anything was configured.
    #[error("{month} ended before the first configuration: there is nothing to report")]
    BeforeTheLedger { month: String },
    /// A configuration in the ledger names a zone that the time zone database lacks.
    #[error(transparent)]
    Zone(#[from] crate::calendar::UnknownZone),
}

/// A committee's report. `head` is the hash of the ledger's last event in hexadecimal. A running
/// month is reported up to that event. The report is final if that event is its approval; else it is
/// the draft of the next revision.
///
/// # Errors
/// The committee is unknown, or the month lies before or after the ledger.
pub fn monthly(
    record: &Record,
    committee: &str,
    month: Month,
    head: &str,
) -> Result<Report, Error> {
    over(record, committee, Period::Month(month), head)
}

/// A committee's report of a month or of other days. Only a month's is ever approved, and only it has
/// the thirteen months.
///
/// # Errors
/// The committee is unknown, the days lie before or after those of the ledger, or the period has no day.
pub fn over(record: &Record, committee: &str, covers: Period, head: &str) -> Result<Report, Error> {
    let scope = Scope::of(record, committee, covers)?;
    let accounts = systems::accounts(&scope);
    let systems = systems::lines(&scope, &accounts);
    let outages = outages::lines(&scope, &accounts);
    let touched: BTreeSet<_> = outages::touching(&scope).map(|o| o.id).collect();
    let incidents = incidents::lines(&scope, &touched)?;
    let clocks = clocks::lines(&scope)?;
    let customers = customers::lines(&incidents);
    let maintenance = maintenance::lines(&scope, &accounts);
    let unknown = monitor::unknown(&scope, &accounts);
    let notices = notices::Notices::of(&scope);
    let (trend, months) = match covers {
        Period::Month(month) => trend::lines(&scope, committee, month, &accounts),
        Period::Days(..) => (Vec::new(), Vec::new()),
    };
    let repeats = match covers {
        Period::Month(month) => repeats::lines(&scope, month),
        Period::Days(..) => Vec::new(),
    };
    let moment = |at| Moment::of(at, &scope.zone);
    let known = match covers {
        Period::Month(month) => record.reports.get(&scope.committee.id, month),
        Period::Days(..) => None,
    };
    let revisions: &[Revision] = known.map_or(&[], |known| known.revisions.as_slice());
    let approved = revisions.last().filter(|r| r.seq == record.seq);
    let mut report = Report {
        schema: SCHEMA,
        committee: scope.committee.id.to_string(),
        committee_name: scope.committee.name.clone(),
        service: scope.service.to_owned(),
        month: covers.to_string(),
        month_name: covers.name(),
        covers: covers.word(),
        from: moment(scope.period.from),
        to: moment(scope.period.to),
        zone: scope.committee.zone.clone(),
        status: match approved {
            Some(_) => Status::Final,
            None => Status::Draft,
        },
        revision: approved.map_or(revisions.len().try_into().unwrap_or(u32::MAX), |r| {
            r.revision
        }),
        approval: approved.map(|r| Approval {
            by: r.by.clone(),
            at: moment(r.approved_at),
            as_of: r.as_of,
            reason: r.reason.clone(),
        }),
        revises: None,
        ledger: Ledger {
            seq: record.seq,
            head: head.to_owned(),
        },
        as_of: moment(scope.as_of),
        so_far: scope.so_far(),
        headline: summary::headline(&scope, &systems),
        happened: summary::happened(&scope, &systems, &accounts, &maintenance, &clocks),
        repeats,
        customers,
        open_measures: incidents::open_measures(&scope),
        faults: monitor::faults(&scope),
        monitor: monitor::own(&scope),
        changes: changes::lines(&scope),
        latencies: latencies::lines(&scope),
        method: method::of(&scope),
        systems,
        trend,
        outages,
        incidents,
        clock_counts: clocks::counts(&scope, &clocks),
        clocks,
        escalations: clocks::levels(&scope),
        desk: desk::lines(&scope)?,
        maintenance,
        notices: notices::counted(&notices.kinds),
        notice_results: notices::counted(&notices.results),
        refused: notices.refused,
        unknown,
        explanations: explain::Explained::default(),
        explained: OnceLock::new(),
    };
    report.explanations = explain::of(&scope, &accounts, &months, &report);
    Ok(report)
}

/// Says in a revision which figures differ from the approved report before it.
pub fn compare(report: &mut Report, before: &Report) {
    report.revises = Some(Revises {
        revision: before.revision,
        ledger: before.ledger.clone(),
        approved: before.approval.as_ref().map(|a| a.at),
        changes: figures::changes(before, report),
    });
    explain::compared(report);
}
