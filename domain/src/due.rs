//! The instants that fall due without an input: midnights, starts of windows and reminders of them, ends of flapping.
//! They are computed from the record, not stored in timers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::calendar::{self, Month};
use crate::catalogue::{Rule, Single};
use crate::id::{CommitteeId, CustomerId, OutageId, Source, SystemId, WindowId};
use crate::record::{Held, Record};
use crate::span::Span;
use crate::windows::{Earned, Occurrence};

/// How far ahead the search goes. A midnight always falls within it, and the search begins again there.
const HORIZON: SignedDuration = SignedDuration::from_hours(26);

/// The next instant after the last event at which something falls due; `None` if the service does not
/// watch. It depends on the record and on `doubted` alone: the probes with a bad run that is not
/// confirmed ([`crate::watch::Watch::doubted`]).
pub fn next_due(record: &Record, doubted: &BTreeSet<Source>) -> Option<Timestamp> {
    if !record.monitoring.is_watching() {
        return None;
    }
    let ahead = ahead(record)?;
    let midnight = midnights(record, ahead).into_iter().min();
    let start = windows_ahead(record).values().map(|o| o.span.from).min();
    let reminder = reminders(record).iter().map(|due| due.at).min();
    // A window ends by the present clock, not by the latest time that the clock ever showed.
    let now = record.as_of.unwrap_or(ahead.from);
    let unwatched = record
        .maintenance
        .all_held()
        .map(|(_, held)| held)
        .filter(|held| held.span.to > now && !is_watched(record, held))
        .map(|held| held.span.to)
        .min();
    // A fact that came late may have made the time up long enough: it is due with that fact.
    let settled = settling(record, doubted).map(|(_, due)| due.max(now)).min();
    let report = reports(record, ahead).iter().map(|due| due.at).min();
    let undelivered = undelivered_at(record).map(|at| at.max(now));
    let mut clocks = record.incidents.clocks_due();
    let clock = clocks.next().map(|(due, _)| due.max(now));
    [
        midnight,
        start,
        reminder,
        unwatched,
        settled,
        report,
        undelivered,
        clock,
    ]
    .into_iter()
    .flatten()
    .min()
}

/// True if a sample can show that the window's systems are up: one of them has an availability probe.
pub(crate) fn is_watched(record: &Record, held: &Held) -> bool {
    let mut systems = held.systems.iter();
    systems.any(|system| record.catalogue.is_watched(system))
}

/// The time that is searched.
pub(crate) fn ahead(record: &Record) -> Option<Span> {
    let from = record.decided_until?;
    Some(Span::new(from, from.checked_add(HORIZON).ok()?))
}

/// Midnights after the last event, in the zones of the service and of its committees. A zone that a
/// committee had when the month began counts too.
pub(crate) fn midnights(record: &Record, ahead: Span) -> Vec<Timestamp> {
    let catalogue = &record.catalogue;
    let mut zones: Vec<&str> = vec![&catalogue.zone];
    // A month ends in the zone in which it began.
    let month = SignedDuration::from_hours(32 * 24);
    let began_at = ahead.from.checked_sub(month).unwrap_or(Timestamp::MIN);
    for (at, _, catalogue) in record.configurations.all().iter().rev() {
        zones.extend(catalogue.committees.iter().map(|c| c.zone.as_str()));
        if *at <= began_at {
            break;
        }
    }
    zones.sort_unstable();
    zones.dedup();
    zones
        .into_iter()
        .filter_map(|name| calendar::zone(name).ok())
        .flat_map(|zone| calendar::midnights(&zone, ahead))
        .filter(|at| *at > ahead.from)
        .collect()
}

/// Windows with notices to customers that have not started yet, by the present clock. A window does
/// not start twice when the clock is set back.
pub(crate) fn windows_ahead(record: &Record) -> BTreeMap<WindowId, Occurrence> {
    let Some(ahead) = ahead_of_clock(record) else {
        return BTreeMap::new();
    };
    let mut found = windows_over(record, ahead);
    found.retain(|id, o| {
        // A window that began and was then given a later start has begun all the same.
        let begun = record.maintenance.has_begun(id);
        o.span.from > ahead.from && o.span.from < ahead.to && !begun
    });
    found
}

/// The time that is searched, from the present clock on.
fn ahead_of_clock(record: &Record) -> Option<Span> {
    let now = record.as_of?;
    Some(Span::new(now, now.checked_add(HORIZON).ok()?))
}

/// Windows with notices to customers that touch `over`.
pub(crate) fn windows_over(record: &Record, over: Span) -> BTreeMap<WindowId, Occurrence> {
    // Every one-off window has notices to customers, so these are found by their own systems.
    let single = |window: &Single| window.start < over.to && over.from < window.end;
    let singles = record
        .maintenance
        .all_one_off()
        .filter_map(|(_, entry)| Some(&entry.versions.last()?.1))
        .filter(|window| single(window))
        .filter_map(|window| window.systems.first());
    let recurring = record
        .catalogue
        .systems
        .iter()
        .filter(|system| system.windows.iter().any(Rule::tells))
        .map(|system| &system.id);
    let systems: BTreeSet<&SystemId> = singles.chain(recurring).collect();
    systems
        .into_iter()
        .flat_map(|system| record.windows_of(system, over))
        .filter(|o| o.tell && !o.span.is_empty() && o.why != Earned::Cancelled)
        .map(|o| (o.id.clone(), o))
        .collect()
}

/// A reminder of a window to its customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReminderDue {
    pub at: Timestamp,
    pub window: Occurrence,
    /// How long before the start it is due, in seconds.
    pub before_s: i64,
}

/// Reminders that fall due after the present clock, within the search. A window is reminded of once at each
/// instant, also when the clock is set back.
pub(crate) fn reminders(record: &Record) -> Vec<ReminderDue> {
    let Some(ahead) = ahead_of_clock(record) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for before_s in announced(record) {
        let before = SignedDuration::from_secs(before_s);
        let later = |at: Timestamp| at.checked_add(before).ok();
        let (Some(from), Some(to)) = (later(ahead.from), later(ahead.to)) else {
            continue;
        };
        for window in windows_over(record, Span::new(from, to)).into_values() {
            let ahead = from < window.span.from && window.span.from < to;
            let Ok(at) = window.span.from.checked_sub(before) else {
                continue;
            };
            if ahead
                && window.announce_s.contains(&before_s)
                && is_open_for(record, &window, before_s)
            {
                found.push(ReminderDue {
                    at,
                    window,
                    before_s,
                });
            }
        }
    }
    found
}

/// Reminders whose time passed while the service did not watch, or before the window was configured: for each
/// window the last of them. The announcement of a one-off window is all that its customers need at that time.
pub(crate) fn late_reminders(record: &Record, at: Timestamp) -> Vec<ReminderDue> {
    let longest = announced(record).pop_last();
    let to = longest.and_then(|s| at.checked_add(SignedDuration::from_secs(s)).ok());
    let Some(to) = to else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for window in windows_over(record, Span::new(at, to)).into_values() {
        let ahead_s = window.span.from.duration_since(at).as_secs();
        let reached = window.announce_s.iter().filter(|s| ahead_s <= **s);
        let Some(before_s) = reached.min().copied().filter(|_| at < window.span.from) else {
            continue;
        };
        let before = SignedDuration::from_secs(before_s);
        let due = window.span.from.checked_sub(before).unwrap_or(at);
        let announced = planned_at(record, &window).is_some_and(|planned_at| due <= planned_at);
        if !announced && is_open_for(record, &window, before_s) {
            found.push(ReminderDue {
                at,
                window,
                before_s,
            });
        }
    }
    found
}

/// True if the window has not begun and its customers were not reminded of it yet.
fn is_open_for(record: &Record, window: &Occurrence, before_s: i64) -> bool {
    let begun = record.maintenance.has_begun(&window.id);
    !begun && !record.maintenance.is_reminded(window, before_s)
}

/// When a one-off window got the start that it has now.
fn planned_at(record: &Record, window: &Occurrence) -> Option<Timestamp> {
    let history = record.maintenance.one_off(&window.id)?;
    let versions = history.versions.iter().rev();
    let same = versions.take_while(|(_, version)| version.start == window.span.from);
    same.last().map(|(made_at, _)| *made_at)
}

/// How long before the start of a window reminders are due, each length once, in seconds.
fn announced(record: &Record) -> BTreeSet<i64> {
    let now = record.as_of.unwrap_or(Timestamp::MIN);
    let singles = record.maintenance.all_one_off();
    let singles = singles.filter_map(|(_, history)| Some(&history.versions.last()?.1));
    let singles = singles.filter(|window| now < window.start);
    let rules = record.catalogue.systems.iter().flat_map(|s| &s.windows);
    let recurring = rules.flat_map(|rule| &rule.announce_s);
    let all = singles
        .flat_map(|window| &window.announce_s)
        .chain(recurring);
    all.copied().collect()
}

/// The flapping systems without a pending bad run, with the instant at which each has been up for
/// long enough.
pub(crate) fn settling<'a>(
    record: &'a Record,
    doubted: &'a BTreeSet<Source>,
) -> impl Iterator<Item = (&'a SystemId, Timestamp)> {
    record
        .unstable
        .iter()
        .filter(|system| !record.has_pending_run(doubted, system))
        .filter_map(|system| {
            let configured = record.catalogue.system(system.as_str())?;
            let hold = SignedDuration::from_secs(configured.flapping.hold_s);
            let since = record.steady_since(system)?;
            Some((system, since.checked_add(hold).ok()?))
        })
}

/// How long the notice of an outage may be undelivered before staff is told.
const UNDELIVERED: SignedDuration = SignedDuration::from_mins(10);

/// How long a service that has just started tries first.
const AFTER_START: SignedDuration = SignedDuration::from_mins(1);

/// A customer who was not told of outages for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UndeliveredDue {
    pub customer: CustomerId,
    /// In order of their ids.
    pub outages: Vec<OutageId>,
    /// Since when the notice of the first of them is owed.
    pub since: Timestamp,
}

/// Customers who are still owed the notice of an outage, the oldest first.
fn owed(record: &Record) -> impl Iterator<Item = (Timestamp, OutageId, &CustomerId)> {
    let all = record.notices.untold.oldest();
    all.filter(|(_, outage, customer)| is_owed_still(record, *outage, customer))
}

/// When staff is next to be told of a customer. Every event asks for it, so it looks at no customer but the first.
fn undelivered_at(record: &Record) -> Option<Timestamp> {
    let (since, _, _) = owed(record).next()?;
    let tried = record.monitoring.resumed_at();
    let tried = tried.and_then(|started| started.checked_add(AFTER_START).ok());
    let at = since.checked_add(UNDELIVERED).ok()?;
    Some(tried.map_or(at, |tried| tried.max(at)))
}

/// The next customer of whom staff is to be told at `at`, with all outages of which the customer is not told.
pub(crate) fn undelivered(record: &Record, at: Timestamp) -> Option<UndeliveredDue> {
    undelivered_at(record).filter(|due| *due <= at)?;
    let (since, _, customer) = owed(record).next()?;
    let own = owed(record).filter(|(_, _, other)| *other == customer);
    let mut outages: Vec<OutageId> = own.map(|(_, outage, _)| outage).collect();
    outages.sort_unstable();
    Some(UndeliveredDue {
        customer: customer.clone(),
        outages,
        since,
    })
}

impl Record {
    /// The outages that go on with the customers that are not told of them, of which staff was told.
    pub fn untold_customers(&self) -> impl Iterator<Item = (OutageId, &CustomerId)> {
        let reported = self.notices.untold.reported();
        reported.filter(|(outage, customer)| is_owed_still(self, *outage, customer))
    }
}

/// True if the outage goes on, and the customer has the system and is not told.
fn is_owed_still(record: &Record, outage: OutageId, customer: &CustomerId) -> bool {
    let known = record.outages.get(&outage);
    let Some(known) = known.filter(|o| o.end.is_none() && o.counts_from().is_some()) else {
        return false;
    };
    let configured = record.catalogue.customer(customer.as_str());
    let concerned = configured.is_some_and(|c| c.systems.contains(&known.system));
    concerned && record.notices.is_untold(outage, customer)
}

/// An instant in the life of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportDue {
    pub at: Timestamp,
    pub committee: CommitteeId,
    pub month: Month,
    pub meeting_at: Timestamp,
    /// The draft; else a reminder.
    pub is_draft: bool,
}

/// Drafts and reminders after `over.from` and before `over.to`, by committee and time. An
/// approved report has no reminders.
pub(crate) fn reports(record: &Record, over: Span) -> Vec<ReportDue> {
    let mut found = Vec::new();
    for committee in &record.catalogue.committees {
        let Ok(zone) = calendar::zone(&committee.zone) else {
            continue;
        };
        let now = Month::of(over.from, &zone);
        // The dates of a month lie in the month after it; five days after a draft may be one later.
        for month in [now.prev().prev(), now.prev(), now] {
            let agenda = committee.reporting.agenda(month, &zone);
            let Some(agenda) = agenda.filter(|_| is_open(record, &committee.id, month, &zone))
            else {
                continue;
            };
            let known = record.reports.get(&committee.id, month);
            let drafted = known.is_some_and(|r| r.drafted_at.is_some());
            let draft = (!drafted).then_some((agenda.drafted_at, true));
            let reminders = agenda.reminders.iter().map(|at| (*at, false));
            let all = draft.into_iter().chain(reminders);
            let ahead = all.filter(|(at, _)| over.from < *at && *at < over.to);
            found.extend(ahead.map(|(at, is_draft)| ReportDue {
                at,
                committee: committee.id.clone(),
                month,
                meeting_at: agenda.meeting_at,
                is_draft,
            }));
        }
    }
    found
}

/// Drafts whose time passed while the service did not watch or had another configuration, and whose
/// meeting is still to come.
pub(crate) fn late_drafts(record: &Record, at: Timestamp) -> Vec<ReportDue> {
    let mut found = Vec::new();
    // The months whose dates `reports` looks at follow from the beginning of the span.
    for days in [62, 31] {
        let from = at.checked_sub(SignedDuration::from_hours(days * 24));
        found.extend(reports(
            record,
            Span::new(from.unwrap_or(Timestamp::MIN), at),
        ));
    }
    found.retain(|due: &ReportDue| due.is_draft && at < due.meeting_at);
    found.sort_by(|a, b| (&a.committee, a.month).cmp(&(&b.committee, b.month)));
    found.dedup();
    found
}

/// True if the month is in the ledger and its report is not approved.
fn is_open(record: &Record, committee: &CommitteeId, month: Month, zone: &TimeZone) -> bool {
    let known = record.reports.get(committee, month);
    let approved = known.is_some_and(|r| !r.revisions.is_empty());
    let first = record.configurations.all().first().map(|(at, _, _)| *at);
    !approved && first.is_some_and(|at| at < month.span(zone).to)
}
