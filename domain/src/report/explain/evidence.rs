//! The facts behind the figures: samples at the edges of outages, the notices that earned planned
//! time, the configuration that counts, and the acts of people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::{Event, Fact};
use crate::id::{CustomerId, OutageId, SystemId, WindowId};
use crate::notice::Kind;
use crate::record::{Edge, Outage, Standing};
use crate::report::model::{Moment, OutageLine, Report};
use crate::report::scope::{Scope, touches};
use crate::report::systems::Accounts;
use crate::report::{maintenance, method, words};
use crate::sample::Seen;
use crate::windows::{self, Occurrence, OneOffHistory};

/// The facts behind the figures of one report, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// By outage id.
    pub outages: BTreeMap<String, OutageEvidence>,
    /// By window id.
    pub windows: BTreeMap<String, WindowEvidence>,
    /// The monitoring gaps, by their place in the report.
    pub gaps: Vec<GapLine>,
    /// By system id.
    pub agreements: BTreeMap<String, Agreement>,
    /// In order of the ledger.
    pub acts: Vec<ActLine>,
}

/// A sample at the edge of an outage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SampleLine {
    pub at: Moment,
    /// `up`, `degraded` or `down`.
    pub outcome: &'static str,
    pub reason: Option<String>,
}

/// The start or the end of an outage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EdgeLine {
    pub at: Option<Moment>,
    /// The probe and the vantage of the samples.
    pub probe: Option<String>,
    pub vantage: Option<String>,
    pub last_good: Option<SampleLine>,
    pub first_bad: Option<SampleLine>,
    pub last_bad: Option<SampleLine>,
    pub first_good: Option<SampleLine>,
    /// The ledger event that confirmed it.
    pub event: Option<u64>,
    /// The number of samples that confirmed it.
    pub samples: usize,
    /// Why a sample is missing.
    pub note: Option<String>,
}

/// The edges of an outage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutageEvidence {
    pub outage: String,
    pub system: String,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    pub start: EdgeLine,
    pub end: EdgeLine,
}

/// When one customer was told about a one-off window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldLine {
    pub customer: String,
    pub name: String,
    pub at: Option<Moment>,
    pub in_time: bool,
    /// The notice that was delivered then, or the person who told the customer.
    pub how: String,
}

/// Why a window makes downtime planned, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WindowEvidence {
    pub window: String,
    pub title: String,
    pub from: Moment,
    pub to: Moment,
    pub downtime_s: i64,
    pub planned_s: i64,
    pub earned: Vec<(Moment, Moment)>,
    pub why: String,
    /// The last instant for notices; only of a one-off window.
    pub deadline: Option<Moment>,
    pub told: Vec<ToldLine>,
}

/// A span without samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapLine {
    pub place: usize,
    pub from: Moment,
    pub to: Moment,
    pub why: String,
}

/// The agreement of a system in force for the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Agreement {
    pub system: String,
    /// The ledger event of the configuration.
    pub event: Option<u64>,
    pub since: Option<Moment>,
    pub by: Option<String>,
    pub policy: Option<String>,
    pub target: Option<String>,
    pub choices: Vec<String>,
}

/// An act of a person that can change a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActLine {
    /// The ledger event.
    pub seq: u64,
    pub at: Moment,
    pub by: String,
    pub approved_by: Option<String>,
    pub what: String,
    /// The systems, outages, windows and incidents that it concerns.
    pub about: Vec<String>,
}

pub(super) fn of(
    scope: &Scope<'_>,
    accounts: &Accounts<'_>,
    report: &Report,
    acts: Vec<ActLine>,
) -> Evidence {
    let outages = report.outages.iter().filter_map(|line| {
        let id: OutageId = line.outage.parse().ok()?;
        let outage = scope.record.outages.get(&id)?;
        Some((line.outage.clone(), edges(scope, outage, line)))
    });
    let mut windows = BTreeMap::new();
    for account in accounts.values() {
        for window in &account.windows {
            let known = windows
                .entry(window.id.to_string())
                .or_insert_with(|| of_window(scope, window));
            // The report's line also says why downtime in it is unplanned.
            let mut lines = report.maintenance.iter();
            let line = lines.find(|l| {
                l.window == known.window && l.systems.iter().any(|s| s == account.id.as_str())
            });
            if let Some(line) = line {
                known.why.clone_from(&line.why);
            }
            if let Some(figures) = account.window(&window.id) {
                known.downtime_s += figures.downtime.seconds();
                known.planned_s += figures.planned.seconds();
            }
        }
    }
    let agreements = scope
        .systems
        .keys()
        .map(|id| (id.to_string(), agreement(scope, id)));
    let gaps = report.unknown.iter().enumerate();
    let gaps = gaps.map(|(place, gap)| GapLine {
        place,
        from: gap.from,
        to: gap.to,
        why: gap.why.clone(),
    });
    Evidence {
        outages: outages.collect(),
        windows,
        gaps: gaps.collect(),
        agreements: agreements.collect(),
        acts,
    }
}

fn moment(scope: &Scope<'_>, at: Timestamp) -> Moment {
    Moment::of(at, &scope.zone)
}

fn edges(scope: &Scope<'_>, outage: &Outage, line: &OutageLine) -> OutageEvidence {
    let known = scope.record.trail.edges(outage.id);
    let start = known.and_then(|edges| edges.start.as_ref());
    let end = known.and_then(|edges| edges.end.as_ref());
    let mut began = edge(scope, Some(outage.start), start);
    let mut ended = edge(scope, outage.end, end);
    (began.last_good, began.first_bad) = samples(scope, start);
    (ended.last_bad, ended.first_good) = samples(scope, end);
    if let Some((_, by)) = &outage.declared {
        let said = format!("declared by {by}: no sample shows it");
        (began.note, ended.note) = (Some(said.clone()), Some(said));
    } else {
        began.note = began.note.or_else(|| gap(start, "good"));
        ended.note = match (outage.end, outage.unobserved) {
            (None, _) => Some("it is not over".to_owned()),
            (Some(_), _) if outage.is_unwatched() => {
                Some("its check was removed: no sample shows the end".to_owned())
            }
            (Some(_), Some(span)) => Some(format!(
                "it ended unobserved between {} and {}",
                words::instant(span.from, &scope.zone),
                words::instant(span.to, &scope.zone)
            )),
            (Some(_), None) => gap(end, "bad"),
        };
    }
    OutageEvidence {
        outage: outage.id.to_string(),
        system: outage.system.to_string(),
        planned_s: line.planned_s,
        excluded_s: line.excluded_s,
        unplanned_s: line.unplanned_s,
        start: began,
        end: ended,
    }
}

fn gap(edge: Option<&Edge>, kind: &str) -> Option<String> {
    match edge {
        None => Some("the ledger has no sample of it".to_owned()),
        Some(edge) if edge.before.is_none() => Some(format!(
            "the last {kind} sample before it is not in the ledger: a monitoring gap or a start of \
             the service lies between"
        )),
        Some(_) => None,
    }
}

fn edge(scope: &Scope<'_>, at: Option<Timestamp>, edge: Option<&Edge>) -> EdgeLine {
    EdgeLine {
        at: at.map(|at| moment(scope, at)),
        probe: edge.map(|e| e.source.probe.to_string()),
        vantage: edge.map(|e| e.source.vantage.to_string()),
        event: edge.map(|e| e.seq),
        samples: edge.map_or(0, |e| e.samples),
        ..EdgeLine::default()
    }
}

/// The last sample before the edge and the first after it.
fn samples(scope: &Scope<'_>, edge: Option<&Edge>) -> (Option<SampleLine>, Option<SampleLine>) {
    let line = |seen: &Seen| SampleLine {
        at: moment(scope, seen.at),
        outcome: seen.outcome.word(),
        reason: seen.reason.map(|reason| reason.to_string()),
    };
    let before = edge.and_then(|e| e.before.as_ref()).map(line);
    let first = edge.and_then(|e| e.first.as_ref()).map(line);
    (before, first)
}

fn of_window(scope: &Scope<'_>, window: &Occurrence) -> WindowEvidence {
    let entry = scope.record.maintenance.one_off(&window.id);
    let counted = entry.and_then(|e| e.versions.get(e.in_time()));
    let deadline = counted.map(|(_, version)| windows::notice_deadline(version));
    let earned = window.earned_parts.iter().map(|part| part.span);
    WindowEvidence {
        window: window.id.to_string(),
        title: window.title.clone(),
        from: moment(scope, window.span.from),
        to: moment(scope, window.span.to),
        downtime_s: 0,
        planned_s: 0,
        earned: earned
            .map(|s| (moment(scope, s.from), moment(scope, s.to)))
            .collect(),
        why: maintenance::why(scope, window),
        deadline: deadline.map(|at| moment(scope, at)),
        told: entry.map_or_else(Vec::new, |entry| told(scope, &window.id, entry)),
    }
}

/// Every customer who had to be told, with the first telling that is early enough, else the first.
fn told(scope: &Scope<'_>, id: &WindowId, entry: &OneOffHistory) -> Vec<ToldLine> {
    let customers = scope.record.configurations.customers_of_window(entry);
    let line = |customer: CustomerId| {
        let all = entry.told.iter().filter(|((_, who), _)| *who == customer);
        let told = all.map(|((version, _), at)| {
            let deadline = windows::notice_deadline(&entry.versions[*version].1);
            (*at <= deadline, *at)
        });
        // In time first, then the earliest.
        let found = told.min_by_key(|(in_time, at)| (!in_time, *at));
        ToldLine {
            name: maintenance::name(scope, &customer),
            at: found.map(|(_, at)| moment(scope, at)),
            in_time: found.is_some_and(|(in_time, _)| in_time),
            how: found.map_or("not told".to_owned(), |(_, at)| {
                how(scope, id, entry, &customer, at)
            }),
            customer: customer.to_string(),
        }
    };
    customers.into_iter().map(line).collect()
}

fn how(
    scope: &Scope<'_>,
    window: &WindowId,
    entry: &OneOffHistory,
    customer: &CustomerId,
    at: Timestamp,
) -> String {
    let by_person = entry.told_by_people.iter();
    let mut by_person = by_person.filter(|told| told.customer == *customer && told.at == at);
    if let Some(told) = by_person.next() {
        return match &told.approved_by {
            Some(second) => format!("{} told them: {} (approved by {second})", told.by, told.how),
            None => format!("{} told them: {}", told.by, told.how),
        };
    }
    let mut messages = scope.record.notices.messages();
    let delivered = messages.find(|(_, o)| {
        let about = o.notice.window.as_ref().is_some_and(|w| w.id == *window);
        let to = o.notice.recipient.customers().any(|c| c == customer);
        about && to && o.standing == Standing::Sent(at)
    });
    delivered.map_or("a delivered notice".to_owned(), |(id, o)| {
        let kind: Kind = o.notice.kind;
        format!("notice {id} ({kind}), accepted by the relay or webhook")
    })
}

fn agreement(scope: &Scope<'_>, id: &SystemId) -> Agreement {
    let configurations = &scope.record.configurations;
    let position = configurations.accounted_at(id, scope.agreed_at);
    let entry = position.and_then(|i| configurations.all().get(i));
    let overseen = scope.systems.get(id);
    let policy = overseen.and_then(|o| o.policy);
    Agreement {
        system: id.to_string(),
        event: position.and_then(|i| scope.record.trail.configured.get(i).copied()),
        since: entry.map(|(at, ..)| moment(scope, *at)),
        by: entry.map(|(_, by, _)| by.clone()),
        policy: policy.map(|p| p.name.clone()),
        target: overseen.and_then(|o| o.target).map(words::target),
        choices: policy.map_or_else(method::without, method::choices),
    }
}

/// The acts of people that can change a figure of the report, in order of the ledger.
pub(super) fn acts(scope: &Scope<'_>, report: &Report) -> Vec<ActLine> {
    let mut known: Vec<&str> = Vec::new();
    known.extend(report.systems.iter().map(|s| s.system.as_str()));
    known.extend(report.outages.iter().map(|o| o.outage.as_str()));
    known.extend(report.maintenance.iter().map(|w| w.window.as_str()));
    known.extend(report.incidents.iter().map(|i| i.incident.as_str()));
    let lines = scope.record.trail.acts.iter();
    let lines = lines.filter(|(_, event)| meets(scope, &event.fact));
    let lines = lines.filter_map(|(seq, event)| act(scope, *seq, event));
    lines
        .filter(|act| act.about.iter().any(|id| known.contains(&id.as_str())))
        .collect()
}

/// False if the act is about a time that lies outside the period.
fn meets(scope: &Scope<'_>, fact: &Fact) -> bool {
    match fact {
        Fact::MonitorFault { span, .. } | Fact::DowntimeExcluded { span, .. } => {
            span.meets(&scope.period)
        }
        // Its end may have been set later: the outage says how long it lasted.
        Fact::OutageDeclared {
            outage, from, to, ..
        } => {
            let known = scope.record.outages.get(outage);
            let end = known.map_or(*to, |o| o.end);
            touches(*from, end, scope.period)
        }
        _ => true,
    }
}

fn act(scope: &Scope<'_>, seq: u64, event: &Event) -> Option<ActLine> {
    let at = |at: Timestamp| words::instant(at, &scope.zone);
    let line = |what: String, about: Vec<String>, approved_by: &Option<String>| ActLine {
        seq,
        at: moment(scope, event.at),
        by: event.by.person.clone(),
        approved_by: approved_by.clone(),
        what,
        about,
    };
    Some(match &event.fact {
        Fact::OutageDeclared {
            outage,
            system,
            from,
            to,
            evidence,
        } => {
            let to = to.map_or("still going on".to_owned(), |to| format!("to {}", at(to)));
            let what = format!(
                "Declared {outage} from {}, {to}; evidence: {evidence}",
                at(*from)
            );
            line(what, vec![outage.to_string(), system.to_string()], &None)
        }
        Fact::DeclarationChanged {
            outage,
            to,
            reason,
            approved_by,
        } => {
            let what = format!("Set the end of {outage} to {}: {reason}", at(*to));
            line(what, vec![outage.to_string()], approved_by)
        }
        Fact::MonitorFault {
            system,
            span,
            evidence,
            approved_by,
        } => {
            let (from, to) = (at(span.from), at(span.to));
            let what =
                format!("Declared a monitor fault from {from} to {to}; evidence: {evidence}");
            line(what, vec![system.to_string()], &Some(approved_by.clone()))
        }
        Fact::DowntimeExcluded {
            outage,
            span,
            reason,
            evidence,
            approved_by,
        } => {
            let (from, to) = (at(span.from), at(span.to));
            let verb = match approved_by {
                Some(_) => "Excluded",
                None => "Asked to exclude",
            };
            let what = format!("{verb} {from} to {to} of {outage}: {reason}; evidence: {evidence}");
            line(what, vec![outage.to_string()], approved_by)
        }
        Fact::OutageReclassified { outage, reason } => {
            let what = format!("Reclassified the planned time of {outage} as unplanned: {reason}");
            line(what, vec![outage.to_string()], &None)
        }
        Fact::WindowScheduled { window } => {
            let (from, to) = (at(window.start), at(window.end));
            let what = format!("Scheduled {} from {from} to {to}", window.id);
            line(what, vec![window.id.to_string()], &None)
        }
        Fact::WindowChanged { window, reason } => {
            let (from, to) = (at(window.start), at(window.end));
            let why = reason
                .as_ref()
                .map_or(String::new(), |why| format!(": {why}"));
            let what = format!("Changed {} to {from} until {to}{why}", window.id);
            line(what, vec![window.id.to_string()], &None)
        }
        Fact::WindowCancelled { window, reason } => {
            let why = reason
                .as_ref()
                .map_or(String::new(), |why| format!(": {why}"));
            line(
                format!("Cancelled {window}{why}"),
                vec![window.to_string()],
                &None,
            )
        }
        Fact::CustomerNotified {
            window,
            customer,
            how,
            counts_from,
            approved_by,
        } => {
            let since = counts_from.map_or(String::new(), |from| format!(" at {}", at(from)));
            let name = maintenance::name(scope, customer);
            let what = format!("Recorded that {name} was told about {window}{since}: {how}");
            line(what, vec![window.to_string()], approved_by)
        }
        Fact::IncidentAcknowledged {
            incident,
            counts_from,
            approved_by,
        } => {
            let since = counts_from.map_or(String::new(), |from| format!(" from {}", at(from)));
            let known = scope.record.incidents.get(*incident);
            let outages = known.into_iter().flat_map(|i| &i.outages);
            let mut about = vec![incident.to_string()];
            about.extend(outages.map(ToString::to_string));
            line(
                format!("Acknowledged {incident}{since}"),
                about,
                approved_by,
            )
        }
        _ => return None,
    })
}
