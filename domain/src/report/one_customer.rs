//! One customer's report. It copies named fields, so that nothing about other customers and no
//! internal text can enter it: no other name, no address, no review, no evidence, no act of staff.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::model::{Moment, SystemLine, Telling, Verdict};
use super::scope::{InForce, Period, Scope};
use super::{Error, Ledger, notified, outages, systems};
use crate::calendar;
use crate::catalogue::Customer;
use crate::id::{CustomerId, SystemId};
use crate::notice::Kind;
use crate::record::{Record, Standing};
use crate::span::Span;
use crate::windows::{Earned, Occurrence};

/// The name and version of this shape, the JSON key `schema`.
pub const SCHEMA: &str = "nines/customer-report/1";

/// The report of one customer about its systems. Instants are in the customer's zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomerReport {
    pub schema: &'static str,
    pub customer: String,
    pub customer_name: String,
    pub service: String,
    /// The committee whose months and agreements count.
    pub committee: String,
    /// `2026-10`, or the days of another period: `2026-10-01/2026-10-15`, the last one excluded.
    pub month: String,
    pub month_name: String,
    /// `month` or `period`.
    pub covers: &'static str,
    pub from: Moment,
    pub to: Moment,
    /// The zone in which the month or the days are counted (IANA).
    pub counted_in: String,
    /// The customer's zone (IANA).
    pub zone: String,
    pub ledger: Ledger,
    pub as_of: Moment,
    /// True if the period was still running then.
    pub so_far: bool,
    pub systems: Vec<CustomerSystem>,
    pub outages: Vec<CustomerOutage>,
    pub maintenance: Vec<CustomerWindow>,
    /// Notices to this customer, by kind.
    pub notices: BTreeMap<String, u64>,
    /// Those of them that could not be delivered.
    pub undelivered: u64,
}

/// One system. The figures are those of the committee's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomerSystem {
    pub system: String,
    pub name: String,
    /// When the customer got the system, if that lies inside the period. The figures are those of the
    /// whole period.
    pub since: Option<Moment>,
    /// When the customer stopped having it, if that lies inside the period.
    pub until: Option<Moment>,
    pub agreed_s: i64,
    pub up_s: i64,
    pub degraded_s: i64,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    pub unknown_s: i64,
    pub contract_availability: Option<String>,
    pub experienced_availability: Option<String>,
    pub coverage: Option<String>,
    pub target: Option<String>,
    pub target_exact: Option<String>,
    pub verdict: Verdict,
    pub outages: i64,
    pub longest_s: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomerOutage {
    pub outage: String,
    pub system: String,
    pub name: String,
    pub start: Moment,
    pub end: Option<Moment>,
    /// The monitoring gap in which it ended.
    pub ended_between: Option<(Moment, Moment)>,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    pub unknown_s: i64,
    /// False if the customer did not have the system at any time of the outage.
    pub yours: bool,
    /// When the first contact of this customer was told.
    pub told: Option<Moment>,
    /// The best result among the notices to the customer's contacts about the start.
    pub notice: Telling,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomerWindow {
    pub title: String,
    pub impact: Option<String>,
    /// The names of this customer's systems in it.
    pub systems: Vec<String>,
    pub start: Moment,
    pub end: Moment,
    pub cancelled: bool,
    /// True if downtime in it may count as planned.
    pub earned: bool,
    pub recurring: bool,
    pub downtime_s: i64,
    pub planned_s: i64,
    /// False if the customer had none of the systems at any time of the window.
    pub yours: bool,
    /// When this customer was first told about it, if it is a one-off window.
    pub told: Option<Moment>,
    /// The best result among the announcements of the window to the customer's contacts.
    pub notice: Telling,
}

/// The report of `customer`, about its systems that `committee` oversees. Without a committee, that of
/// all its systems, if it is one.
///
/// # Errors
/// There is no such customer, its systems have several committees, or the days lie before or after
/// the ledger.
pub fn of_customer(
    record: &Record,
    customer: &str,
    committee: Option<&str>,
    covers: Period,
    head: &str,
) -> Result<CustomerReport, Error> {
    let committee = match committee {
        Some(id) => id.to_owned(),
        None => committee_of(record, customer)?,
    };
    let mut scope = Scope::of(record, &committee, covers)?;
    let found = in_force(&scope, customer);
    let Some((found, systems)) = found.filter(|(_, systems)| !systems.is_empty()) else {
        return Err(unknown(record, customer, Some(&committee)));
    };
    let counted_in = scope.committee.zone.clone();
    scope.systems.retain(|id, _| systems.contains(*id));
    scope.zone = calendar::zone(&found.zone)?;
    Ok(report(&scope, found, &counted_in, head))
}

/// The customer as configured last in the period, and every system that it had in it.
fn in_force<'a>(scope: &Scope<'a>, id: &str) -> Option<(&'a Customer, Vec<SystemId>)> {
    let all = scope.configured.iter();
    let all: Vec<&Customer> = all.filter_map(|c| c.catalogue.customer(id)).collect();
    let systems = all.iter().flat_map(|c| c.systems.iter());
    let overseen = systems.filter(|s| scope.systems.contains_key(s));
    let overseen: Vec<SystemId> = overseen.cloned().collect();
    Some((*all.last()?, overseen))
}

/// The times at which a customer had a system.
struct Membership<'a> {
    configured: &'a [InForce<'a>],
    customer: &'a CustomerId,
}

impl Membership<'_> {
    fn has(&self, entry: &InForce<'_>, system: &SystemId) -> bool {
        let known = entry.catalogue.customer(self.customer.as_str());
        known.is_some_and(|c| c.systems.contains(system))
    }

    /// True if the customer had the system at any instant of `span`.
    fn meets(&self, system: &SystemId, span: Span) -> bool {
        let all = self.configured.iter();
        let mut then = all.filter(|entry| entry.touches(span));
        then.any(|entry| self.has(entry, system))
    }

    /// When the customer got the system and when it stopped having it, inside the period. The first
    /// configuration of a new service adds nothing: there was no monitoring before it.
    fn edges(&self, system: &SystemId) -> (Option<Timestamp>, Option<Timestamp>) {
        let all = self.configured;
        let first = all.iter().position(|entry| self.has(entry, system));
        let last = all.iter().rposition(|entry| self.has(entry, system));
        let since = first.filter(|first| *first > 0).map(|i| all[i].from);
        let until = last.and_then(|i| all.get(i + 1)).map(|next| next.from);
        (since, until)
    }
}

/// The committee that oversees all systems of a customer.
fn committee_of(record: &Record, customer: &str) -> Result<String, Error> {
    let all = record.configurations.all().iter().rev();
    let mut known = all.filter_map(|(_, _, c)| Some((c, c.customer(customer)?)));
    let Some((catalogue, found)) = known.next() else {
        return Err(unknown(record, customer, None));
    };
    let systems = found.systems.iter();
    let systems = systems.filter_map(|id| catalogue.system(id.as_str()));
    let mut committees: Vec<&str> = systems.map(|s| s.committee.as_str()).collect();
    committees.sort_unstable();
    committees.dedup();
    match committees.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(unknown(record, customer, None)),
        several => Err(Error::SeveralCommittees {
            customer: customer.to_owned(),
            committees: several.join(", "),
        }),
    }
}

fn unknown(record: &Record, customer: &str, committee: Option<&str>) -> Error {
    let all = record.configurations.all().iter();
    let mut known: Vec<&str> = all
        .flat_map(|(_, _, c)| c.customers.iter().map(|c| c.id.as_str()))
        .collect();
    known.sort_unstable();
    known.dedup();
    let is_known = known.contains(&customer);
    Error::UnknownCustomer(match committee.filter(|_| is_known) {
        Some(committee) => format!("customer `{customer}` has no system of committee {committee}"),
        None => crate::suggest::unknown("customer", customer, known),
    })
}

fn report(scope: &Scope<'_>, customer: &Customer, counted_in: &str, head: &str) -> CustomerReport {
    let accounts = systems::accounts(scope);
    let moment = |at| Moment::of(at, &scope.zone);
    let membership = Membership {
        configured: &scope.configured,
        customer: &customer.id,
    };
    let lines = systems::lines(scope, &accounts).into_iter().map(|line| {
        let (since, until) = membership.edges(&SystemId::from(line.system.as_str()));
        CustomerSystem {
            since: since.map(moment),
            until: until.map(moment),
            ..system(line)
        }
    });
    let outages = outages::touching(scope).filter_map(|outage| {
        let figures = accounts.get(&outage.system)?.outage(outage.id)?;
        let tellings = notified::telling(scope, outage);
        let tellings: Vec<_> = tellings
            .filter(|t| t.entry.customers.contains(&customer.id))
            .collect();
        let told = tellings.iter().filter_map(notified::Telling::sent_at);
        let best = tellings.iter().map(|t| t.result).min();
        let lasted = Span::new(outage.start, outage.end.unwrap_or(scope.as_of));
        Some(CustomerOutage {
            outage: outage.id.to_string(),
            system: outage.system.to_string(),
            name: scope.name(&outage.system),
            start: moment(outage.start),
            end: outage.end.map(moment),
            ended_between: outage
                .unobserved
                .filter(|_| !outage.is_unwatched())
                .map(|s| (moment(s.from), moment(s.to))),
            planned_s: figures.planned_s,
            excluded_s: figures.excluded_s,
            unplanned_s: figures.unplanned_s,
            unknown_s: figures.unknown_s,
            yours: membership.meets(&outage.system, lasted),
            told: told.min().map(moment),
            notice: best.unwrap_or(Telling::NotTold),
        })
    });
    let (notices, undelivered) = notices(scope, &customer.id);
    CustomerReport {
        schema: SCHEMA,
        customer: customer.id.to_string(),
        customer_name: customer.name.clone(),
        service: scope.service.to_owned(),
        committee: scope.committee.id.to_string(),
        month: scope.covers.to_string(),
        month_name: scope.covers.name(),
        covers: scope.covers.word(),
        from: moment(scope.period.from),
        to: moment(scope.period.to),
        counted_in: counted_in.to_owned(),
        zone: customer.zone.clone(),
        ledger: Ledger {
            seq: scope.record.seq,
            head: head.to_owned(),
        },
        as_of: moment(scope.as_of),
        so_far: scope.so_far(),
        systems: lines.collect(),
        outages: outages.collect(),
        maintenance: maintenance(scope, &accounts, &membership),
        notices,
        undelivered,
    }
}

fn system(line: SystemLine) -> CustomerSystem {
    CustomerSystem {
        system: line.system,
        name: line.name,
        since: None,
        until: None,
        agreed_s: line.agreed_s,
        up_s: line.up_s,
        degraded_s: line.degraded_s,
        planned_s: line.planned_s,
        excluded_s: line.excluded_s,
        unplanned_s: line.unplanned_s,
        unknown_s: line.unknown_s,
        contract_availability: line.contract_availability,
        experienced_availability: line.experienced_availability,
        coverage: line.coverage,
        target: line.target,
        target_exact: line.target_exact,
        verdict: line.verdict,
        outages: line.outages,
        longest_s: line.longest_s,
    }
}

/// The windows of the customer's systems, in order of start. A window of several systems is one line.
fn maintenance(
    scope: &Scope<'_>,
    accounts: &systems::Accounts<'_>,
    membership: &Membership<'_>,
) -> Vec<CustomerWindow> {
    let mut lines: BTreeMap<_, CustomerWindow> = BTreeMap::new();
    for account in accounts.values() {
        for window in &account.windows {
            let figures = account.window(&window.id);
            let known = lines
                .entry((window.span.from, window.id.clone()))
                .or_insert_with(|| line(scope, window, membership.customer));
            known.systems.push(scope.name(account.id));
            known.yours |= membership.meets(account.id, window.span);
            known.earned |= !window.earned_parts.is_empty();
            known.downtime_s += figures.map_or(0, |f| f.downtime.seconds());
            known.planned_s += figures.map_or(0, |f| f.planned.seconds());
        }
    }
    lines.into_values().collect()
}

fn line(scope: &Scope<'_>, window: &Occurrence, customer: &CustomerId) -> CustomerWindow {
    let moment = |at| Moment::of(at, &scope.zone);
    let entry = scope.record.maintenance.one_off(&window.id);
    let told = entry.into_iter().flat_map(|entry| &entry.told);
    let told = told.filter(|((_, who), _)| who == customer);
    let messages = scope.record.notices.messages().map(|(_, o)| &**o);
    let announces = |kind| matches!(kind, Kind::MaintenanceScheduled | Kind::MaintenanceChanged);
    let about = messages.filter(|o| announces(o.notice.kind)).filter(|o| {
        let of_window = o.notice.window.as_ref().is_some_and(|w| w.id == window.id);
        of_window && o.notice.recipient.customers().any(|c| c == customer)
    });
    let best = about.map(notified::standing).min();
    CustomerWindow {
        title: window.title.clone(),
        impact: window.impact.clone(),
        systems: Vec::new(),
        start: moment(window.span.from),
        end: moment(window.span.to),
        cancelled: window.why == Earned::Cancelled,
        earned: false,
        recurring: window.recurring,
        downtime_s: 0,
        planned_s: 0,
        yours: false,
        notice: best.unwrap_or(Telling::NotTold),
        told: told.map(|(_, at)| moment(*at)).min(),
    }
}

/// The notices to the customer about its systems that were decided in the period, by kind, and the
/// number of those that were rejected or given up.
fn notices(scope: &Scope<'_>, customer: &CustomerId) -> (BTreeMap<String, u64>, u64) {
    let mut kinds = BTreeMap::new();
    let mut undelivered = 0;
    for (_, outgoing) in scope.record.notices.messages() {
        let notice = &outgoing.notice;
        let mut affected = notice.affected.iter();
        let about_ours = affected.any(|a| scope.systems.contains_key(&a.system));
        let to_them = notice.recipient.customers().any(|c| c == customer);
        if about_ours && to_them && scope.period.contains(outgoing.decided_at) {
            *kinds.entry(notice.kind.to_string()).or_insert(0) += 1;
            undelivered += u64::from(matches!(outgoing.standing, Standing::Rejected(_)));
        }
    }
    (kinds, undelivered)
}
